"""What a search for cliques returns: the clique, checked pair by pair, and how far from the largest it may be."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from algeom.evidence import Evidence, Status
from algeom.lsrdr.graphs.clique_bounds import CliqueBound, clique_bound
from algeom.lsrdr.graphs.clique_repair import Neighbours, missing_pairs
from algeom.lsrdr.graphs.graph_input import WeightedGraph

__all__ = ["Clique", "clique_result"]


@dataclass(frozen=True, eq=False, repr=False)
class Clique:
    """A clique of a graph.

    Attributes
    ----------
    nodes : tuple
        The vertices, by the names that the graph gives them.
    vertices : tuple of int
        The same as positions, sorted.
    wanted : int or None
        The size that was asked for, or None if a largest clique was.
    proposed : tuple of int
        The vertices that the method proposed, before the repair that makes a clique of them; empty if it proposed none.
    missing_pairs : tuple of pairs of int
        The pairs of proposed vertices that are no edges; empty if they are a clique themselves.
    upper_bound : CliqueBound
        A bound of the sizes of all cliques.
    method : {"lsrdr", "spectral", "greedy"}
    evidence : Evidence
        Of being a largest clique: that of the bound if it is reached, else LOWER_BOUND. That it is a clique has been
        verified for every pair.
    interrupted : bool
        Whether Ctrl-C ended the search.
    seed : int or None
    """

    nodes: tuple[Hashable, ...]
    vertices: tuple[int, ...]
    wanted: int | None
    proposed: tuple[int, ...]
    missing_pairs: tuple[tuple[int, int], ...]
    upper_bound: CliqueBound
    method: str
    evidence: Evidence
    interrupted: bool
    seed: int | None

    @property
    def size(self) -> int:
        """Number of vertices."""
        return len(self.vertices)

    @property
    def found(self) -> bool:
        """Whether the clique has the size that was asked for; True if none was."""
        return self.wanted is None or self.size >= self.wanted

    @property
    def is_maximum(self) -> bool:
        """Whether the upper bound is reached, so that no clique is larger."""
        return self.size == self.upper_bound.value

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        notes = ["verified"]
        if not self.found:
            notes.append(f"{self.wanted} wanted")
        notes.append("a largest one" if self.is_maximum else f"at most {self.upper_bound.value} possible")
        if self.missing_pairs:
            k = len(self.proposed)
            pairs = k * (k - 1) // 2
            notes.append(f"repaired: {k} proposed vertices lacked {len(self.missing_pairs)} of {pairs} pairs")
        if self.interrupted:
            notes.append("interrupted")
        return f"Clique({self.size} vertices, {', '.join(notes)})"


def clique_result(
    graph: WeightedGraph,
    neighbours: Neighbours,
    clique: Iterable[int],
    *,
    method: str,
    wanted: int | None = None,
    proposed: Iterable[int] = (),
    interrupted: bool = False,
    seed: int | None = None,
) -> Clique:
    """Verify a clique and compare it with an upper bound."""
    vertices = tuple(sorted(int(v) for v in clique))
    lacking = missing_pairs(neighbours, vertices)
    assert not lacking, f"the repair returned vertices that are not joined: {lacking}"
    bound = clique_bound(neighbours, len(vertices))
    if len(vertices) == bound.value:
        evidence = bound.evidence
    else:
        evidence = Evidence(Status.LOWER_BOUND, reason=f"{bound.reason} allows up to {bound.value}")
    chosen = tuple(sorted(int(v) for v in proposed))
    return Clique(
        nodes=tuple(graph.nodes[v] for v in vertices),
        vertices=vertices,
        wanted=wanted,
        proposed=chosen,
        missing_pairs=missing_pairs(neighbours, chosen),
        upper_bound=bound,
        method=method,
        interrupted=interrupted,
        evidence=evidence,
        seed=seed,
    )

"""Graphs on the vertices 1, ..., n: checking edges, orders of acyclic graphs, automorphisms."""

from collections.abc import Iterable, Sequence

from algeom.errors import InputError
from algeom.maps.relabelling import generating_set

__all__ = ["automorphism_generators", "checked_edges", "topological_order"]

Edge = tuple[int, int]
# Automorphisms are found by backtracking over all vertices; beyond this many the group of a sparse graph is too large
# to list, and the declared symmetries are only an optimization.
MAX_VERTICES = 8


def checked_edges(name: str, edges: Iterable[Sequence[int]], n: int, *, directed: bool) -> list[Edge]:
    """Edges between the vertices 1..n as pairs counted from 0 (undirected ones sorted), in the order given.

    Raises
    ------
    InputError
        If an edge is not a pair of two vertices from 1 to n, or is given twice.
    """
    checked: list[Edge] = []
    for edge in edges:
        pair = tuple(edge)
        if len(pair) != 2 or not all(isinstance(v, int) and 1 <= v <= n for v in pair) or pair[0] == pair[1]:
            raise InputError(f"{name} contains {edge!r}; give pairs of two different vertices from 1 to {n}")
        i, j = pair[0] - 1, pair[1] - 1
        if not directed and i > j:
            i, j = j, i
        if (i, j) in checked:
            raise InputError(f"{name} contains the edge {edge!r} twice; give each edge once")
        checked.append((i, j))
    return checked


def topological_order(n: int, directed: Sequence[Edge]) -> list[int] | None:
    """The vertices in an order in which every edge goes forward, or None if there is a directed cycle.

    Examples
    --------
    >>> topological_order(3, [(2, 0), (0, 1)]), topological_order(2, [(0, 1), (1, 0)])
    ([2, 0, 1], None)
    """
    order: list[int] = []
    remaining = set(range(n))
    while remaining:
        ready = sorted(v for v in remaining if not any(j == v and i in remaining for i, j in directed))
        if not ready:
            return None
        order += ready
        remaining -= set(ready)
    return order


def automorphism_generators(n: int, undirected: Sequence[Edge], directed: Sequence[Edge] = ()) -> list[tuple[int, ...]]:
    """Generators of the group of permutations of the vertices that preserve both kinds of edges.

    For more than 8 vertices the group is not searched, and the list is empty.

    Examples
    --------
    >>> automorphism_generators(3, [(0, 1), (1, 2)])
    [(2, 1, 0)]
    """
    if n > MAX_VERTICES:
        return []
    lines = {frozenset(edge) for edge in undirected}
    arrows = set(directed)

    def agrees(image: Sequence[int]) -> bool:
        """Whether the last vertex placed relates to those before it as its image does."""
        v = len(image) - 1
        return all(
            (frozenset((u, v)) in lines) == (frozenset((image[u], image[v])) in lines)
            and ((u, v) in arrows) == ((image[u], image[v]) in arrows)
            and ((v, u) in arrows) == ((image[v], image[u]) in arrows)
            for u in range(v)
        )

    partial: list[tuple[int, ...]] = [()]
    for _ in range(n):
        partial = [(*p, v) for p in partial for v in range(n) if v not in p and agrees((*p, v))]
    return generating_set(partial)

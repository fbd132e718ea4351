"""Dense subgraphs and cliques by reductions of the matrix units of a graph.

A graph with weights w_ij becomes the matrices w_ij E_ij, one for each directed edge. Phi(X) = diag(W2 diag(X)), where
W2 holds the squared weights, so that a step of the iteration costs as much as there are edges, plus products of n x d
matrices. For an orthogonal projection P = (p_ij) of rank d with diagonal p the similarity to the tuple P A P is

    rho(W2 diag(p)) / sqrt(rho(W2) rho(W2 (|p_ij|^2)))

(a derivation of our own: eigenvectors of Gamma are diag(a) P and those of Phi(P A P) are P diag(a) P). For the
coordinate projection onto a set S of vertices that is sqrt(rho(W2_S) / rho(W2)): among d vertices, those whose induced
subgraph has the largest spectral radius. A clique has the largest one possible without weights, d - 1.

Reductions are not always coordinate projections. Where two vertices are about as good as each other P may mix them,
which for weighted graphs can be better than every set of d vertices; vertices are then read off its diagonal.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.graphs.clique_bounds import clique_bound
from algeom.lsrdr.graphs.clique_repair import Neighbours, clique_from_scores
from algeom.lsrdr.graphs.clique_result import Clique, clique_result
from algeom.lsrdr.graphs.graph_input import SelfLoops, WeightedGraph, undirected_neighbours, weighted_graph
from algeom.lsrdr.graphs.subgraph_repair import improved_subgraph
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.lsrdr.reduction.search import Search, SearchOptions
from algeom.lsrdr.reduction.starts import random_starts
from algeom.lsrdr.spectra.perron_root import PerronRoot, perron_root
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.memory import require
from algeom.runtime.progress import Progress, Reporter, reporter
from algeom.runtime.seeds import RandomState

__all__ = ["DenseSubgraph", "dense_subgraph", "find_clique"]

Float = NDArray[np.float64]

#: Starts that are iterated together before their cliques are looked at, and numbers in one array of theirs: 16 MB.
_TOGETHER, _BATCH_NUMBERS = 8, 1 << 21

#: Arrays of n x rank numbers that a step holds, about: four of the state, and what it computes on the way.
_ARRAYS = 20

#: Share of nonzero entries from which a dense matrix multiplies a few vectors faster than a sparse one, and the largest
#: that is made dense (0.2 GB).
_DENSE_SHARE, _DENSE_VERTICES = 0.1, 5000

#: Ratio of the ranks that are tried when the size of a clique is not known.
_NEXT_RANK = math.sqrt(2)

#: Digits of diagonal entries of P that count: vertices with equal ones are ordered by degrees, not by rounding errors.
_DIGITS = 9

#: Weights beyond which squares and sums of squares may overflow, and below the inverse of which they vanish.
_EXTREME_WEIGHT = 1e100


@dataclass(frozen=True, eq=False, repr=False)
class DenseSubgraph:
    """k vertices of a graph whose induced subgraph has a large spectral radius.

    Attributes
    ----------
    nodes : tuple
        The vertices, by the names that the graph gives them.
    vertices : tuple of int
        The same as positions, sorted.
    weights : ndarray of float64, shape (k, k)
        Weights of the edges among them.
    directed : bool
    radius : PerronRoot
        Spectral radius of the squared weights, with proved bounds up to rounding.
    total : PerronRoot
        The same for the whole graph.
    diagonal : ndarray of float64, shape (n,)
        Real parts of the diagonal of the projection P that the vertices were read off.
    off_diagonal : float
        Frobenius norm of P minus the coordinate projection onto its k largest diagonal entries: 0 if P selects
        vertices. Where vertices may be exchanged for others at no loss, P is often not diagonal.
    exchanges : int
        Exchanges of vertices that raised the spectral radius after rounding.
    reduction : LSRDRResult
        With the similarity of P itself, and how far starts agree on it.
    evidence : Evidence
        LOWER_BOUND of the largest spectral radius of k vertices, or PROVED for a clique of a graph without weights.
    seed : int
    """

    nodes: tuple[Hashable, ...]
    vertices: tuple[int, ...]
    weights: Float
    directed: bool
    radius: PerronRoot
    total: PerronRoot
    diagonal: Float
    off_diagonal: float
    exchanges: int
    reduction: LSRDRResult
    evidence: Evidence
    seed: int

    @property
    def k(self) -> int:
        """Number of vertices."""
        return len(self.vertices)

    @property
    def similarity(self) -> float:
        """Similarity of the coordinate projection: the root of the ratio of both spectral radii."""
        return math.sqrt(self.radius.value / self.total.value)

    @property
    def missing_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs of the vertices without an edge: none for a clique. Ordered pairs for directed graphs."""
        pairs = permutations if self.directed else combinations
        return tuple((self.vertices[i], self.vertices[j]) for i, j in pairs(range(self.k), 2) if not self.weights[i, j])

    @property
    def density(self) -> float:
        """Share of pairs with an edge, loops aside; 1 for a single vertex."""
        if self.k == 1:
            return 1.0
        edges = np.count_nonzero(self.weights) - np.count_nonzero(self.weights.diagonal())
        return float(edges / (self.k * (self.k - 1)))

    @property
    def is_clique(self) -> bool:
        """Whether every pair has an edge."""
        return not self.missing_pairs

    def __repr__(self) -> str:
        missing, pairs = len(self.missing_pairs), math.comb(self.k, 2) * (1 + self.directed)
        agreement = self.reduction.agreement
        notes = [
            f"{self.k} of {len(self.diagonal)} vertices",
            "a clique, verified" if not missing else f"{missing} of {pairs} pairs missing",
            f"spectral radius {self.radius.value:.6g}",
            f"similarity {self.similarity:.6g}",
            f"{agreement.agreed} of {agreement.starts} starts agree",
        ]
        if self.exchanges:
            notes.append(f"{self.exchanges} exchange{'s' * (self.exchanges > 1)} after rounding")
        if self.reduction.interrupted:
            notes.append("interrupted")
        return f"DenseSubgraph({', '.join(notes)})"


def dense_subgraph(
    graph: Any,
    k: int,
    *,
    directed: bool | None = None,
    self_loops: SelfLoops = "error",
    weight: str | None = "weight",
    starts: int = 8,
    exchanges: bool = True,
    tolerance: float = 1e-10,
    rng: RandomState = None,
    progress: Progress = False,
) -> DenseSubgraph:
    """Find k vertices whose induced subgraph has a large spectral radius, by a reduction to rank k.

    The weights of edges enter by their squares: to make the spectral radius of the weights themselves large, give their
    square roots. Without weights, cliques are what is looked for.

    Parameters
    ----------
    graph : networkx graph, scipy sparse matrix or array_like, shape (n, n)
        Weights are nonnegative.
    k : int
        From 1 to n.
    directed, self_loops, weight
        As for `weighted_graph`. A loop with weight w is one more matrix w E_ii.
    starts : int
        Starts of the reduction.
    exchanges : bool
        Whether to exchange vertices after rounding while that raises the spectral radius.
    tolerance : float
        Of the reduction, see `lsrdr`. Projections near which others are as good converge slowly.
    rng : int, Generator or None
    progress : bool or callable

    Returns
    -------
    DenseSubgraph
        The k vertices with the largest diagonal entries of P, after exchanges. After Ctrl-C of what was found so far.

    Raises
    ------
    InputError
        If the graph is not as described, k is out of bounds, or a directed graph has no cycle: all radii are 0.

    Notes
    -----
    For an undirected graph a coordinate projection onto S attracts the iteration if ``W2 v`` is larger on all vertices
    of S than on all others, where v is the Perron eigenvector of W2_S continued by zero (our own derivation: near
    P = diag(1_S) a step multiplies the rows of the factors of P by 1 + t (W2 v)_i). A clique with k vertices attracts
    if no vertex outside is joined to k - 1 of its vertices; if one is, both may be exchanged at no loss, and P may be
    any projection in between. That it is reached from most starts is observed for planted cliques and not proved.

    References
    ----------
    J. Van Name, posts on LSRDRs (2023), for graphs encoded as tuples of matrices.

    Examples
    --------
    The complete graph on four vertices, with one more vertex that is joined to one of them.

    >>> import networkx as nx
    >>> graph = nx.complete_graph(["a", "b", "c", "d"])
    >>> graph.add_edge("a", "pendant")
    >>> found = dense_subgraph(graph, 4, rng=0)
    >>> found
    DenseSubgraph(4 of 5 vertices, a clique, verified, spectral radius 3, similarity 0.985947, 8 of 8 starts agree)
    >>> found.nodes
    ('a', 'b', 'c', 'd')
    """
    weighted = weighted_graph(graph, directed=directed, self_loops=self_loops, weight=weight)
    k = check_integer("k", k, 1, weighted.n, "the number of vertices")
    W2 = _squared(weighted)
    total = perron_root(W2)
    if total.value == 0:
        raise InputError(
            "the graph has no directed cycle, so that all its subgraphs have spectral radius 0; give a graph with "
            "cycles, or add the reversed edges"
        )
    reduction = lsrdr(_superoperator(W2), k, starts=starts, tolerance=tolerance, rng=rng, progress=progress)
    diagonal = _diagonals(reduction.S[None], reduction.R[None])[0]
    rounded = _largest(diagonal, k)
    vertices, done = improved_subgraph(W2, rounded) if exchanges else (rounded, 0)
    return DenseSubgraph(
        nodes=tuple(weighted.nodes[v] for v in vertices),
        vertices=tuple(vertices),
        weights=weighted.weights[vertices][:, vertices].toarray(),
        directed=weighted.directed,
        radius=perron_root(W2[vertices][:, vertices]),
        total=total,
        diagonal=diagonal,
        off_diagonal=_distance_to_coordinates(reduction.S, reduction.R, rounded),
        exchanges=done,
        reduction=reduction,
        evidence=_evidence(weighted, vertices),
        seed=reduction.seed,
    )


def find_clique(
    graph: Any,
    k: int | None = None,
    *,
    starts: int = 32,
    tolerance: float = 1e-2,
    max_steps: int = 1000,
    self_loops: SelfLoops = "error",
    rng: RandomState = None,
    progress: Progress = False,
) -> Clique:
    """A clique of k vertices, or a large one, by reductions of the graph, rounding and repair.

    Parameters
    ----------
    graph : networkx graph, scipy sparse matrix or array_like, shape (n, n)
        Undirected; weights do not count.
    k : int, optional
        The size to look for. By default reductions to ranks of 2, 3, 4, 6, 8, 11, ... are tried, up to twice the size
        of the largest clique found, and then to one more than that as long as it grows.
    starts : int
        Starts of the iteration for each rank, at most: the search for k vertices ends when it has found them.
    tolerance : float
        Largest relative defect of the equations of a fixed point at which a start is rounded. The order of the diagonal
        entries of P settles long before P does.
    max_steps : int
        Steps of a start after which it is rounded where it is.
    self_loops : {"error", "drop"}
    rng : int, Generator or None
    progress : bool or callable

    Returns
    -------
    Clique
        A clique that no vertex extends, which may have more than k vertices; or fewer, which `found` says. Every pair
        has been verified. After Ctrl-C of what was found so far.

    Raises
    ------
    InputError
        If the graph is directed, has loops, negative weights or no edge, or a number is out of bounds.

    Notes
    -----
    For each start the vertices are taken in the order of the diagonal entries of P as long as all pairs are joined; the
    clique is completed, and one vertex exchanged for two where that is possible. Cliques of the size of the best known
    bound (a colouring, or eigenvalues of a regular graph) are known to be largest ones.

    Planted cliques of sqrt(n) vertices and more are found in nearly all random graphs (benchmarks/lsrdr_graphs.py); the
    spectral method needs about 1.4 sqrt(n) for that. Greedy construction with restarts (`greedy_clique`) finds at least
    as large cliques in the same time on all graphs of that benchmark, and larger ones on graphs with much structure or
    with hidden degrees (Keller, brock).

    Examples
    --------
    >>> from algeom.lsrdr.graphs.instances import hamming_graph, planted_clique
    >>> instance = planted_clique(100, 16, rng=1)
    >>> found = find_clique(instance.adjacency, 16, rng=1)
    >>> found.vertices == instance.planted
    True
    >>> find_clique(hamming_graph(6, 2).adjacency, rng=1)
    Clique(32 vertices, verified, a largest one)
    """
    weighted, neighbours = undirected_neighbours(graph, self_loops)
    if k is not None:
        k = check_integer("k", k, 1, weighted.n, "the number of vertices")
    starts = check_integer("starts", starts, 1)
    max_steps = check_integer("max_steps", max_steps, 1)
    if isinstance(tolerance, bool) or not isinstance(tolerance, (int, float)) or not 0 < tolerance < 1:
        raise InputError(f"tolerance={tolerance!r}; give a number between 0 and 1, such as 0.01")
    seed, _ = seeds.resolve(rng)
    with reporter(progress) as report:
        options = SearchOptions(None, False, tolerance, max_steps)
        search = _CliqueSearch(weighted, neighbours, starts, options, seed, report)
        try:
            if k is not None:
                search.at(k, k)
            else:
                search.all_sizes()
        except KeyboardInterrupt:
            search.interrupted = True
    if not search.best and search.interrupted:
        raise KeyboardInterrupt
    if not search.best:
        raise GenericityError(f"all {starts} starts failed, which is not expected of graphs; give another rng")
    return clique_result(
        weighted,
        neighbours,
        search.best,
        method="lsrdr",
        wanted=k,
        proposed=search.proposed,
        interrupted=search.interrupted,
        seed=seed,
    )


class _CliqueSearch:
    """Reductions of one graph to several ranks, and the largest clique that was read off them."""

    def __init__(
        self,
        graph: WeightedGraph,
        neighbours: Neighbours,
        starts: int,
        options: SearchOptions,
        seed: int,
        report: Reporter,
    ) -> None:
        self.graph, self.neighbours, self.starts, self.options = graph, neighbours, starts, options
        self.seed, self.report = seed, report
        self.E = _superoperator(graph.adjacency.astype(np.float64))
        self.best: list[int] = []
        self.proposed: list[int] = []
        self.interrupted = False

    def at(self, rank: int, enough: int) -> None:
        """Reduce to a rank from several starts, until a clique of so many vertices is found."""
        n = self.graph.n
        require(8.0 * _ARRAYS * n * rank, None, f"a reduction of {n} vertices to rank {rank}", "give a smaller k")
        self.report.start(f"reductions to rank {rank}", self.starts)
        together = max(1, min(_TOGETHER, int(_BATCH_NUMBERS // (n * rank))))
        for first in range(0, self.starts, together):
            labels = range(first, min(self.starts, first + together))
            search = Search(self.E, random_starts(n, rank, labels, "real", "psd", self.seed, rank), self.options)
            self.interrupted = not search.run()
            for scores in _diagonals(search.state.S, search.state.R):
                self._round(scores, rank)
            self.report.advance(len(labels), rank=rank, size=len(self.best))
            if self.interrupted or len(self.best) >= enough:
                break

    def all_sizes(self) -> None:
        """Ranks that grow in proportion, and then the sizes that come next."""
        bound = clique_bound(self.neighbours).value
        rank = 2
        while not self._over(bound) and rank <= min(bound, max(2, 2 * len(self.best))):
            self.at(rank, bound)
            rank = max(rank + 1, round(_NEXT_RANK * rank))
        before = 0
        while not self._over(bound) and before < len(self.best):
            before = len(self.best)
            self.at(before + 1, before + 1)

    def _over(self, bound: int) -> bool:
        return self.interrupted or len(self.best) >= bound

    def _round(self, scores: Float, rank: int) -> None:
        if not np.isfinite(scores).all():
            return
        clique = clique_from_scores(self.neighbours, scores)
        if len(clique) > len(self.best):
            self.best, self.proposed = clique, _largest(scores, rank)


def _squared(graph: WeightedGraph) -> Any:
    largest = float(graph.weights.data.max())
    if not 1 / _EXTREME_WEIGHT < largest < _EXTREME_WEIGHT:
        raise InputError(
            f"the largest weight is {largest:.1e}, whose square is beyond floating point or nearly so; divide all "
            "weights by it"
        )
    return graph.weights.multiply(graph.weights).tocsr()


def _superoperator(W2: Any) -> DiagonalSuperoperator:
    """Phi of the matrix units, with a dense matrix of squared weights where that multiplies faster."""
    n = W2.shape[0]
    is_dense = W2.nnz > _DENSE_SHARE * n * n and n <= _DENSE_VERTICES
    return DiagonalSuperoperator(W2.toarray() if is_dense else W2)


def _diagonals(S: NDArray[Any], R: NDArray[Any]) -> Float:
    """Real parts of the diagonals of S R, for k starts: shape (k, n). Noise below the tenth digit is taken off."""
    return np.asarray(np.round(np.einsum("kid,kdi->ki", S, R).real, _DIGITS))


def _largest(scores: Float, k: int) -> list[int]:
    return sorted(np.argsort(-scores, kind="stable")[:k].tolist())


def _distance_to_coordinates(S: NDArray[Any], R: NDArray[Any], vertices: Iterable[int]) -> float:
    """Frobenius norm of S R minus the coordinate projection, without n x n matrices and without cancellation."""
    chosen = list(vertices)
    units = np.zeros((len(S), len(chosen)))
    units[chosen, range(len(chosen))] = 1
    left = np.linalg.qr(np.hstack([S, units]))[1]
    right = np.linalg.qr(np.hstack([R.conj().T, -units]))[1]
    return float(np.linalg.norm(left @ right.conj().T))


def _evidence(graph: WeightedGraph, vertices: list[int]) -> Evidence:
    inside = graph.weights[vertices][:, vertices].toarray()
    largest = graph.weights.data.max()
    if np.array_equal(inside, largest * (1 - np.eye(len(vertices)))) and not graph.weights.diagonal().any():
        reason = "a clique whose edges all have the largest weight: no k vertices have larger entries"
        return Evidence(Status.PROVED, reason=reason)
    return Evidence(Status.LOWER_BOUND, reason="a local search; other vertices may have a larger spectral radius")

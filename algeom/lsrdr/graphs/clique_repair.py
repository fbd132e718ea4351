"""From scores of vertices to cliques: greedy completion, exchange of one vertex for two, and exact verification.

All of it is deterministic and works on lists of neighbours, in memory of the order of the number of edges.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Neighbours", "clique_from_scores", "improved_clique", "missing_pairs"]

Int = NDArray[np.int64]


class Neighbours:
    """Lists of neighbours of an undirected graph without loops.

    Parameters
    ----------
    adjacency : scipy sparse array, shape (n, n)
        Symmetric, with zero diagonal and nothing stored but edges.
    """

    def __init__(self, adjacency: Any) -> None:
        from scipy import sparse

        matrix = sparse.csr_array(adjacency)
        matrix.sort_indices()
        self.n = int(matrix.shape[0])
        self._starts = matrix.indptr.tolist()
        self._all = matrix.indices.astype(np.int64)
        self.degrees: Int = np.diff(matrix.indptr).astype(np.int64)

    def __getitem__(self, vertex: int) -> Int:
        """The neighbours of a vertex, sorted; a view."""
        neighbours: Int = self._all[self._starts[vertex] : self._starts[vertex + 1]]
        return neighbours

    @property
    def edges(self) -> int:
        """Number of edges."""
        return len(self._all) // 2

    def counts(self, vertices: Iterable[int]) -> Int:
        """For each vertex of the graph, how many of the given ones are its neighbours."""
        lists = [self[v] for v in vertices]
        return np.bincount(np.concatenate(lists), minlength=self.n) if lists else np.zeros(self.n, dtype=np.int64)

    def sums(self, vertices: Iterable[int]) -> Int:
        """For each vertex of the graph, the sum of those of the given vertices that are its neighbours."""
        total = np.zeros(self.n, dtype=np.int64)
        for v in vertices:
            total[self[v]] += v
        return total


def missing_pairs(graph: Neighbours, vertices: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The pairs of the given vertices that are no edges: none if and only if the vertices are a clique.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> path = Neighbours(csr_array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))
    >>> missing_pairs(path, [0, 1]), missing_pairs(path, [0, 1, 2])
    ((), ((0, 2),))
    """
    chosen = sorted({int(v) for v in vertices})
    neighbours = {v: set(graph[v].tolist()) for v in chosen}
    return tuple((a, b) for a, b in combinations(chosen, 2) if b not in neighbours[a])


def clique_from_scores(graph: Neighbours, scores: NDArray[np.float64]) -> list[int]:
    """The clique that takes vertices in the order of their scores, as long as all pairs stay joined; then exchanges.

    Parameters
    ----------
    graph : Neighbours
    scores : ndarray, shape (n,)
        Large ones come first; ties are taken in the order of degrees, then of numbers.

    Returns
    -------
    list of int
        A clique, sorted, which no vertex extends and no exchange of one vertex for two enlarges.

    Examples
    --------
    A triangle with a pendant vertex, which has the highest score.

    >>> from scipy.sparse import csr_array
    >>> graph = Neighbours(csr_array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]]))
    >>> clique_from_scores(graph, np.array([0.0, 0.0, 0.0, 1.0]))
    [0, 1, 2]
    """
    order = np.lexsort((-graph.degrees, -scores))
    rank = np.empty(graph.n, dtype=np.int64)
    rank[order] = np.arange(graph.n)
    clique: list[int] = []
    candidates = np.arange(graph.n)
    while candidates.size:
        vertex = int(candidates[np.argmin(rank[candidates])])
        clique.append(vertex)
        candidates = np.intersect1d(candidates, graph[vertex], assume_unique=True)
    return improved_clique(graph, clique)


def improved_clique(graph: Neighbours, clique: Iterable[int]) -> list[int]:
    """Enlarge a clique while one vertex can be added, or one exchanged for two.

    Parameters
    ----------
    graph : Neighbours
    clique : iterable of int

    Returns
    -------
    list of int
        Sorted.

    References
    ----------
    The exchanges of D. Andrade, M. Resende, R. Werneck, Fast local search for the maximum independent set problem,
    J. Heuristics 18 (2012), in the complementary graph.
    """
    members = {int(v) for v in clique}
    counts, sums = graph.counts(members), graph.sums(members)

    def change(vertex: int, sign: int) -> None:
        (members.add if sign > 0 else members.remove)(vertex)
        counts[graph[vertex]] += sign
        sums[graph[vertex]] += sign * vertex

    while True:
        size = len(members)
        # Members have size - 1 neighbours among the members, so only vertices outside reach the size.
        extending = np.flatnonzero(counts == size)
        if extending.size:
            change(int(extending[np.argmax(graph.degrees[extending])]), 1)
            continue
        exchange = _exchange(graph, members, counts, sums)
        if exchange is None:
            return sorted(members)
        leaving, entering = exchange
        change(leaving, -1)
        for vertex in entering:
            change(vertex, 1)


def _exchange(graph: Neighbours, members: set[int], counts: Int, sums: Int) -> tuple[int, tuple[int, int]] | None:
    """A member and two vertices joined to each other and to all other members, or None."""
    outside = np.ones(graph.n, dtype=bool)
    outside[list(members)] = False
    almost = np.flatnonzero((counts == len(members) - 1) & outside)
    # The member that each of them is not joined to is what its sum of neighbours lacks.
    lacking = sum(members) - sums[almost]
    order = np.argsort(lacking, kind="stable")
    almost, lacking = almost[order], lacking[order]
    boundaries = np.flatnonzero(np.diff(lacking)) + 1
    for group in np.split(almost, boundaries):
        for vertex in group[:-1]:
            joined = np.intersect1d(group, graph[vertex], assume_unique=True)
            if joined.size:
                best = joined[np.argmax(graph.degrees[joined])]
                leaving = int(sum(members) - sums[vertex])
                return leaving, (int(vertex), int(best))
    return None

"""Other ways to find cliques, for comparison: the spectral method and greedy construction with restarts."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.lsrdr.graphs.clique_repair import Neighbours, clique_from_scores, improved_clique
from algeom.lsrdr.graphs.clique_result import Clique, clique_result
from algeom.lsrdr.graphs.graph_input import SelfLoops, WeightedGraph, undirected_neighbours
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.seeds import RandomState

__all__ = ["greedy_clique", "spectral_clique"]

#: Largest graph whose eigenvectors are all computed; beyond, ARPACK computes the first. Both take about 0.1 s there.
_DENSE_VERTICES = 500

#: The share of a clique's vertices that its members are joined to in the set which the eigenvector gives: the 3k/4 of
#: Alon, Krivelevich and Sudakov.
_JOINED = 0.75


def spectral_clique(graph: Any, k: int, *, self_loops: SelfLoops = "error") -> Clique:
    """The clique that the leading eigenvector of the centred adjacency matrix points at.

    The k vertices with the largest entries are taken, then the vertices with at least 3k/4 neighbours among those, then
    the repair that `find_clique` ends with.

    Parameters
    ----------
    graph : networkx graph, scipy sparse matrix or array_like
        Undirected; weights do not count.
    k : int
        The size to look for.
    self_loops : {"error", "drop"}

    Returns
    -------
    Clique
        ``.proposed`` are the k vertices that the second step leaves, before the repair.

    Raises
    ------
    InputError
        If the graph is not undirected, has no edge, or k is out of bounds.

    Notes
    -----
    Alon, Krivelevich and Sudakov take the second eigenvector of the adjacency matrix A, which for G(n, 1/2) is nearly
    the first one of A - p (J - I), p the density. They find planted cliques of c sqrt(n) vertices with high
    probability; trying all small sets of vertices, by which c becomes arbitrarily small, is left out here.

    References
    ----------
    N. Alon, M. Krivelevich, B. Sudakov, Finding a large hidden clique in a random graph, Random Structures Algorithms
    13 (1998), section 2.

    Examples
    --------
    >>> from algeom.lsrdr.graphs.instances import planted_clique
    >>> instance = planted_clique(100, 30, rng=1)
    >>> spectral_clique(instance.adjacency, 30).vertices == instance.planted
    True
    """
    weighted, neighbours = undirected_neighbours(graph, self_loops)
    k = check_integer("k", k, 1, weighted.n, "the number of vertices")
    scores = spectral_scores(weighted, neighbours, k)
    clique = clique_from_scores(neighbours, scores)
    return clique_result(
        weighted, neighbours, clique, method="spectral", wanted=k, proposed=np.argsort(-scores, kind="stable")[:k]
    )


def spectral_scores(weighted: WeightedGraph, graph: Neighbours, k: int) -> NDArray[np.float64]:
    """The order in which `spectral_clique` takes the vertices."""
    vector = np.abs(_leading_eigenvector(weighted))
    counts = graph.counts(np.argsort(-vector, kind="stable")[:k].tolist())
    # Vertices that fall short of 3k/4 neighbours come last, in the order of the eigenvector.
    return np.where(counts >= _JOINED * k, 1.0 + counts, vector / (1.0 + vector.max()))


def greedy_clique(
    graph: Any,
    *,
    restarts: int | None = 20,
    seconds: float | None = None,
    self_loops: SelfLoops = "error",
    rng: RandomState = None,
) -> Clique:
    """The largest clique of several built greedily: from a random vertex, always the candidate with most candidates.

    Parameters
    ----------
    graph : networkx graph, scipy sparse matrix or array_like
        Undirected; weights do not count.
    restarts : int or None
        How many cliques are built; None with `seconds`.
    seconds : float, optional
        Stop when so much CPU time of this process is over. What is found then depends on the machine.
    self_loops : {"error", "drop"}
    rng : int, Generator or None

    Returns
    -------
    Clique

    Raises
    ------
    InputError
        If the graph is not undirected, has no edge, or neither or both limits are given.

    Notes
    -----
    Candidates are the vertices joined to all vertices chosen so far; ties are broken at random. Each clique is improved
    as `find_clique` does it. The first one starts at a vertex of largest degree.

    Examples
    --------
    >>> from algeom.lsrdr.graphs.instances import johnson_graph
    >>> greedy_clique(johnson_graph(8, 4, 4).adjacency, rng=0).size
    14
    """
    if (restarts is None) == (seconds is None):
        raise InputError(f"restarts={restarts!r}, seconds={seconds!r}; give one of them, and None for the other")
    if restarts is not None:
        restarts = check_integer("restarts", restarts, 1)
    elif isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise InputError(f"seconds={seconds!r}; give a positive number")
    weighted, neighbours = undirected_neighbours(graph, self_loops)
    seed, generator = seeds.resolve(rng)
    best = greedy_search(neighbours, generator, restarts, seconds)
    return clique_result(weighted, neighbours, best, method="greedy", seed=seed)


def greedy_search(
    graph: Neighbours, generator: np.random.Generator, restarts: int | None, seconds: float | None
) -> list[int]:
    """The clique of `greedy_clique`, whose arguments are checked there; built once at least."""
    deadline = math.inf if seconds is None else time.process_time() + seconds
    best: list[int] = []
    done = 0
    while not best or (done < restarts if restarts is not None else time.process_time() < deadline):
        start = int(generator.integers(graph.n)) if done else int(np.argmax(graph.degrees))
        best = max(best, improved_clique(graph, _greedy(graph, start, generator)), key=len)
        done += 1
    return best


def _leading_eigenvector(graph: WeightedGraph) -> NDArray[np.float64]:
    adjacency = graph.adjacency.astype(np.float64)
    n = graph.n
    density = adjacency.nnz / max(1, n * (n - 1))
    if n <= _DENSE_VERTICES:
        centred = adjacency.toarray() - density * (1 - np.eye(n))
        return np.asarray(np.linalg.eigh(centred)[1][:, -1])
    from scipy.sparse.linalg import LinearOperator, eigsh

    operator = LinearOperator((n, n), matvec=lambda x: adjacency @ x - density * (x.sum() - x), dtype=np.float64)
    start = seeds.derive(0, "spectral clique").standard_normal(n)
    # Three digits order the entries; neighbouring eigenvalues of a random graph would make more of them expensive.
    return np.asarray(eigsh(operator, k=1, which="LA", v0=start, tol=1e-3)[1][:, 0])


def _greedy(graph: Neighbours, start: int, generator: np.random.Generator) -> list[int]:
    clique = [start]
    candidates = graph[start]
    while candidates.size:
        counts = graph.counts(candidates.tolist())[candidates]
        most = candidates[counts == counts.max()]
        vertex = int(most[generator.integers(len(most))])
        clique.append(vertex)
        candidates = np.intersect1d(candidates, graph[vertex], assume_unique=True)
    return clique

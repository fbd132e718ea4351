"""Upper bounds of clique numbers: what tells that a clique which was found is a largest one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.evidence import Evidence, Status
from algeom.lsrdr.graphs.clique_repair import Neighbours
from algeom.lsrdr.graphs.graph_input import SelfLoops, undirected_neighbours

__all__ = ["CliqueBound", "clique_bound", "colouring_bound", "ratio_bound"]

#: Largest graph whose eigenvalues are computed: 3 s on one core.
_EIGENVALUE_VERTICES = 2000

#: Rounding errors of eigenvalues of adjacency matrices and of the quotient, relative to the bound; the next integer
#: below is away by 1 / n at least for the bounds that matter.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class CliqueBound:
    """An upper bound of the clique number.

    Attributes
    ----------
    value : int
    reason : str
    evidence : Evidence
        PROVED by a colouring, NUMERICAL by eigenvalues.
    """

    value: int
    reason: str
    evidence: Evidence

    def __int__(self) -> int:
        return self.value


def clique_bound(graph: Any, at_least: int = 1, *, self_loops: SelfLoops = "error") -> CliqueBound:
    """The better of the upper bounds of the clique number by a colouring and, for regular graphs, by eigenvalues.

    Parameters
    ----------
    graph : Neighbours, networkx graph, scipy sparse matrix or array_like
        Undirected; weights do not count.
    at_least : int
        The size of a clique that is known. Eigenvalues are computed only if the colouring leaves room above it.
    self_loops : {"error", "drop"}

    Returns
    -------
    CliqueBound

    Raises
    ------
    InputError
        If the graph is not undirected, or has no edge.

    Examples
    --------
    >>> from algeom.lsrdr.graphs.instances import johnson_graph
    >>> clique_bound(johnson_graph(8, 2, 4).adjacency)
    CliqueBound(value=4, reason='ratio bound of a regular graph', evidence=Evidence(numerical: ...))
    """
    neighbours = graph if isinstance(graph, Neighbours) else undirected_neighbours(graph, self_loops)[1]
    colours = colouring_bound(neighbours)
    if colours > at_least and (ratio := ratio_bound(neighbours)) is not None and ratio < colours:
        reason = "second eigenvalue of the adjacency matrix in double precision"
        return CliqueBound(ratio, "ratio bound of a regular graph", Evidence(Status.NUMERICAL, math.nan, reason))
    proof = Evidence(Status.PROVED, reason="the vertices of a clique have different colours")
    return CliqueBound(colours, f"a colouring with {colours} colours", proof)


def colouring_bound(graph: Neighbours) -> int:
    """The number of colours of a colouring in which the ends of each edge differ.

    Vertices with most colours among their neighbours come first and get the smallest free colour.

    Returns
    -------
    int

    References
    ----------
    D. Brelaz, New methods to color the vertices of a graph, Comm. ACM 22 (1979).

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> colouring_bound(Neighbours(csr_array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]])))
    3
    """
    # One array of vertices for each colour: those with a neighbour of that colour.
    forbidden: list[np.ndarray[tuple[int], np.dtype[np.bool_]]] = []
    # Saturation first, then degree; coloured vertices leave with a negative key.
    key = graph.degrees.astype(np.float64) / (graph.n + 1)
    for _ in range(graph.n):
        vertex = int(np.argmax(key))
        key[vertex] = -math.inf
        neighbours = graph[vertex]
        for colour in forbidden:
            if not colour[vertex]:
                break
        else:
            colour = np.zeros(graph.n, dtype=bool)
            forbidden.append(colour)
        key[neighbours[~colour[neighbours]]] += 1
        colour[neighbours] = True
    return len(forbidden)


def ratio_bound(graph: Neighbours) -> int | None:
    """Hoffman's bound of independent sets in the complement of a regular graph; None for other graphs.

    A regular graph of n vertices, degree k and second eigenvalue t has cliques of at most n (1 + t) / (n - k + t)
    vertices.

    Returns
    -------
    int or None
        None also for graphs of more than 2000 vertices.

    References
    ----------
    W. Haemers, Hoffman's ratio bound, Linear Algebra Appl. 617 (2021), for the complement, whose smallest eigenvalue is
    -1 - t.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> ratio_bound(Neighbours(csr_array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])))
    3
    """
    n, degree = graph.n, int(graph.degrees[0])
    if (graph.degrees != degree).any() or not 1 < n <= _EIGENVALUE_VERTICES:
        return None
    if degree == n - 1:
        return n
    adjacency = np.zeros((n, n))
    for vertex in range(n):
        adjacency[vertex, graph[vertex]] = 1
    second = float(np.linalg.eigvalsh(adjacency)[-2])
    return math.floor(n * (1 + second) / (n - degree + second) * (1 + _ROUNDING))

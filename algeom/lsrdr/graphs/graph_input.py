"""Graphs as matrices of weights: from networkx graphs, scipy sparse matrices and arrays, checked."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.graphs.clique_repair import Neighbours

__all__ = ["SelfLoops", "WeightedGraph", "undirected_neighbours", "weighted_graph"]

#: What to do with edges from a vertex to itself.
SelfLoops = Literal["error", "drop", "keep"]


@dataclass(frozen=True, eq=False)
class WeightedGraph:
    """A graph as a matrix of weights.

    Attributes
    ----------
    weights : scipy.sparse.csr_array of float64, shape (n, n)
        Entry (i, j) is the weight of the edge from i to j; nothing is stored but positive weights.
    nodes : tuple
        What the graph calls its vertices: 0, ..., n - 1 for matrices.
    directed : bool
    """

    weights: Any
    nodes: tuple[Hashable, ...]
    directed: bool

    @property
    def n(self) -> int:
        """Number of vertices."""
        return len(self.nodes)

    @property
    def edges(self) -> int:
        """Number of edges, directed ones for directed graphs; loops count once."""
        stored = int(self.weights.nnz)
        loops = int(np.count_nonzero(self.weights.diagonal()))
        return stored if self.directed else (stored - loops) // 2 + loops

    @property
    def adjacency(self) -> Any:
        """The 0/1 matrix of the edges that are no loops, as a csr_array of bool."""
        from scipy import sparse

        matrix = self.weights.tocoo()
        apart = matrix.row != matrix.col
        ones = np.ones(int(np.count_nonzero(apart)), dtype=bool)
        return sparse.csr_array((ones, (matrix.row[apart], matrix.col[apart])), shape=matrix.shape)


def weighted_graph(
    graph: Any,
    *,
    directed: bool | None = None,
    self_loops: SelfLoops = "error",
    weight: str | None = "weight",
) -> WeightedGraph:
    """Read a graph.

    Parameters
    ----------
    graph : networkx graph, scipy sparse matrix or array_like, shape (n, n)
        Matrices hold the weights of edges (0 or False: no edge).
    directed : bool, optional
        Whether edges have directions. Default: as networkx graphs say; matrices have to be symmetric.
    self_loops : {"error", "drop", "keep"}
        What to do with edges from a vertex to itself.
    weight : str or None
        The attribute of edges of networkx graphs that holds their weight; edges without it, and all edges for None,
        have weight 1. Parallel edges of multigraphs add up.

    Returns
    -------
    WeightedGraph

    Raises
    ------
    InputError
        If there is no vertex or no edge, the matrix is not square, or not symmetric though undirected, a weight is
        negative or not finite, or there are loops that were not allowed.

    Examples
    --------
    >>> graph = weighted_graph([[0, 2], [2, 0]])
    >>> graph.n, graph.edges, graph.weights.toarray().tolist()
    (2, 1, [[0.0, 2.0], [2.0, 0.0]])
    """
    if self_loops not in ("error", "drop", "keep"):
        raise InputError(f"self_loops={self_loops!r}; give 'error', 'drop' or 'keep'")
    matrix, nodes, from_networkx = _matrix(graph, weight)
    if directed is None:
        directed = from_networkx
    n = matrix.shape[0]
    if matrix.data.size and not np.isfinite(matrix.data).all():
        i, j = _first(matrix, ~np.isfinite(matrix.data))
        raise InputError(
            f"the weight of the edge ({nodes[i]!r}, {nodes[j]!r}) is {matrix[i, j]}; weights have to be finite numbers"
        )
    if matrix.data.size and matrix.data.min() < 0:
        i, j = _first(matrix, matrix.data < 0)
        raise InputError(
            f"the weight of the edge ({nodes[i]!r}, {nodes[j]!r}) is {matrix[i, j]}; weights have to be nonnegative: "
            "only their squares enter, so give absolute values if that is meant"
        )
    loops = np.flatnonzero(matrix.diagonal())
    if loops.size and self_loops == "error":
        raise InputError(
            f"the graph has {loops.size} edge{'s' * (loops.size > 1)} from a vertex to itself, the first at "
            f"{nodes[loops[0]]!r}; give self_loops='drop' to leave them out or 'keep' to let them count"
        )
    if loops.size and self_loops == "drop":
        matrix = matrix.copy()
        matrix.setdiag(0)
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise InputError(f"the graph has {n} vertices and no edges; give a graph with at least one edge")
    if not directed and (asymmetry := abs(matrix - matrix.T)).nnz and asymmetry.max() > 0:
        i, j = _first(asymmetry.tocsr(), asymmetry.data > 0)
        raise InputError(
            f"the matrix is not symmetric: the edge ({nodes[i]!r}, {nodes[j]!r}) has the weights {matrix[i, j]} and "
            f"{matrix[j, i]} in the two directions; give directed=True, or make it symmetric"
        )
    return WeightedGraph(matrix, nodes, bool(directed))


def undirected_neighbours(graph: Any, self_loops: SelfLoops) -> tuple[WeightedGraph, Neighbours]:
    """Read an undirected graph for the search of cliques, in which loops and weights have no meaning.

    Raises
    ------
    InputError
        As `weighted_graph`; if the graph is directed, or loops are to be kept.
    """
    if self_loops == "keep":
        raise InputError("self_loops='keep': loops have no meaning for cliques; give 'drop' to leave them out")
    weighted = weighted_graph(graph, self_loops=self_loops)
    if weighted.directed:
        raise InputError(
            "the graph is directed; cliques are sets of vertices joined in both directions: give "
            "graph.to_undirected(reciprocal=True), or graph.to_undirected() to ignore directions"
        )
    return weighted, Neighbours(weighted.adjacency)


def _matrix(graph: Any, weight: str | None) -> tuple[Any, tuple[Hashable, ...], bool]:
    """The weights as a csr_array of float64, the names of the vertices, and whether a networkx graph is directed."""
    from scipy import sparse

    # Graphs of networkx and of packages that follow its interface have these; networkx is imported only for them.
    if hasattr(graph, "is_directed") and hasattr(graph, "adj"):
        import networkx

        nodes = tuple(graph.nodes)
        if not nodes:
            raise InputError("the graph has no vertices; give a graph with at least one edge")
        try:
            matrix = networkx.to_scipy_sparse_array(graph, nodelist=nodes, dtype=np.float64, weight=weight)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"a weight {weight!r} of an edge is no real number ({error}); give weight=None to ignore it"
            ) from None
        return sparse.csr_array(matrix), nodes, bool(graph.is_directed())
    if sparse.issparse(graph):
        entries, shape = graph.dtype, graph.shape
    else:
        try:
            graph = np.asarray(graph)
        except ValueError as error:
            raise InputError(
                f"the graph is no matrix ({error}); give an n x n array of weights or a networkx graph"
            ) from None
        entries, shape = graph.dtype, graph.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
        raise InputError(
            f"the graph has the shape {tuple(shape)}; give a square matrix of weights with at least one row, or a "
            "networkx graph"
        )
    if entries.kind not in "biuf":
        raise InputError(f"the weights have the type {entries}; give real numbers, 0 where there is no edge")
    matrix = sparse.csr_array(graph, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    return matrix, tuple(range(shape[0])), False


def _first(matrix: Any, where: Any) -> tuple[int, int]:
    """Row and column of the first stored entry of a csr_array that is marked."""
    entries = matrix.tocoo()
    place = int(np.flatnonzero(where)[0])
    return int(entries.row[place]), int(entries.col[place])

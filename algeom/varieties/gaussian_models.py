"""Gaussian graphical models: undirected graphs by their concentrations, directed and mixed graphs by the trek rule."""

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from typing import Any

from algeom.maps import PolynomialMap, minors, polynomial_map
from algeom.maps.relabelling import Symmetry, check_integer, indexed_names, position_arrays, symmetry
from algeom.varieties._graphs import automorphism_generators, checked_edges, topological_order

__all__ = ["gaussian_graphical", "gaussian_mixed_graph"]


def gaussian_graphical(n: int, edges: Iterable[Sequence[int]], *, inverse: bool = False) -> PolynomialMap:
    """The covariance matrices of an undirected Gaussian graphical model: inverses of matrices with given zeros.

    Parameters
    ----------
    n : int
        The number of vertices (variables), at least 2.
    edges : iterable of pairs
        The edges, vertices counted from 1: the concentration matrix K is zero off the diagonal elsewhere.
    inverse : bool
        If False (default), the coordinates are those of the adjugate of K: polynomials, and the same Zariski closure,
        which is a cone. If True, those of the inverse: rational functions.

    Returns
    -------
    PolynomialMap
        Parameters ``diagonal`` (n entries), ``k`` (an entry for each edge); coordinates ``s11, s12, ..., snn``: the
        upper triangle of the covariance matrix. Symmetries: the automorphisms of the graph (searched up to 8 vertices).

    Raises
    ------
    InputError
        If n is below 2, or an edge is not a pair of different vertices, or is given twice.

    Notes
    -----
    Affine dimension n + number of edges, as inversion is birational.

    References
    ----------
    B. Sturmfels, C. Uhler, Multivariate Gaussians, semidefinite matrix completion, and convex algebraic geometry, Ann.
    Inst. Statist. Math. 62, 2010 (whose table lists degrees: 1, 2, 5 for chains, 9 for the 4-cycle).

    Examples
    --------
    >>> phi = gaussian_graphical(3, [(1, 2), (2, 3)])
    >>> phi.n_parameters, phi.names
    (5, ('s11', 's12', 's13', 's22', 's23', 's33'))
    """
    n = check_integer("n", n, 2)
    lines = checked_edges("edges", edges, n, directed=False)
    pairs = list(combinations_with_replacement(range(n), 2))

    def covariance(diagonal: Any, k: Any = None) -> list[Any]:
        matrix: list[list[Any]] = [[diagonal[i] if i == j else 0 for j in range(n)] for i in range(n)]
        for number, (i, j) in enumerate(lines):
            matrix[i][j] = matrix[j][i] = k[number]
        cofactors = _cofactors(matrix)
        if not inverse:
            return [cofactors[i, j] for i, j in pairs]
        determinant = minors(matrix, n)[0]
        return [cofactors[i, j] / determinant for i, j in pairs]

    shapes: dict[str, tuple[int, ...]] = {"diagonal": (n,)}
    if lines:
        shapes["k"] = (len(lines),)
    x = position_arrays(shapes)
    symmetries: list[Symmetry] = []
    for g in automorphism_generators(n, lines):
        moved = {"diagonal": x["diagonal"][list(g)]}
        if lines:
            moved["k"] = x["k"][_moved_edges(lines, g)]
        symmetries.append(symmetry(moved, _moved_edges(pairs, g)))
    names = indexed_names("s", [(i + 1, j + 1) for i, j in pairs])
    return polynomial_map(covariance, parameters=shapes, names=names, symmetries=symmetries)


def gaussian_mixed_graph(
    n: int, directed: Iterable[Sequence[int]], bidirected: Iterable[Sequence[int]] = ()
) -> PolynomialMap:
    """The covariance matrices of a linear structural equation model: (I - L)^-T Omega (I - L)^-1.

    Parameters
    ----------
    n : int
        The number of vertices (variables), at least 1.
    directed : iterable of pairs
        The directed edges (i, j), meaning i -> j, vertices counted from 1: where L may be nonzero.
    bidirected : iterable of pairs
        The bidirected edges: where Omega may be nonzero off the diagonal (correlated errors).

    Returns
    -------
    PolynomialMap
        Parameters ``omega`` (n error variances), ``l`` (a coefficient for each directed edge), ``c`` (a covariance for
        each bidirected edge), those without entries left out; coordinates ``s11, s12, ..., snn``: the upper triangle of
        the covariance matrix. Without directed cycles they are polynomials: the trek rule's sums over pairs of
        directed paths. With cycles they are rational. Symmetries: the automorphisms of the graph (up to 8 vertices).

    Raises
    ------
    InputError
        If n is not positive, or an edge is not a pair of different vertices, or is given twice.

    Notes
    -----
    A model of an acyclic directed graph has affine dimension n + number of edges; its ideal contains the minors of its
    conditional independences.

    References
    ----------
    S. Sullivant, Algebraic geometry of Gaussian Bayesian networks, Adv. Appl. Math. 40, 2008; M. Drton, Algebraic
    problems in structural equation modeling, Adv. Stud. Pure Math. 77, 2018.

    Examples
    --------
    >>> phi = gaussian_mixed_graph(3, [(1, 2), (2, 3)], bidirected=[(2, 3)])
    >>> phi.n_parameters
    6
    """
    n = check_integer("n", n, 1)
    arrows = checked_edges("directed", directed, n, directed=True)
    arcs = checked_edges("bidirected", bidirected, n, directed=False)
    pairs = list(combinations_with_replacement(range(n), 2))
    order = topological_order(n, arrows)

    shapes: dict[str, tuple[int, ...]] = {"omega": (n,)}
    if arrows:
        shapes["l"] = (len(arrows),)
    if arcs:
        shapes["c"] = (len(arcs),)

    def covariance(*arrays: Any) -> list[Any]:
        given = dict(zip(shapes, arrays, strict=True))
        coefficients = {edge: given["l"][number] for number, edge in enumerate(arrows)}
        paths = _path_sums(n, coefficients, order) if order is not None else _resolvent(n, coefficients)
        errors = {(i, i): given["omega"][i] for i in range(n)}
        for number, (i, j) in enumerate(arcs):
            errors[i, j] = errors[j, i] = given["c"][number]
        return [_trek_sum(paths, errors, i, j) for i, j in pairs]

    x = position_arrays(shapes)
    symmetries: list[Symmetry] = []
    for g in automorphism_generators(n, arcs, arrows):
        moved = {"omega": x["omega"][list(g)]}
        if arrows:
            moved["l"] = x["l"][[arrows.index((g[i], g[j])) for i, j in arrows]]
        if arcs:
            moved["c"] = x["c"][_moved_edges(arcs, g)]
        symmetries.append(symmetry(moved, _moved_edges(pairs, g)))
    names = indexed_names("s", [(i + 1, j + 1) for i, j in pairs])
    return polynomial_map(covariance, parameters=shapes, names=names, symmetries=symmetries)


Matrix = dict[tuple[int, int], Any]  # sparse: what is missing is zero


def _path_sums(n: int, coefficients: Matrix, order: Sequence[int]) -> Matrix:
    """(I - L)^-1 for an acyclic graph: entry (i, j) sums the products along all directed paths from i to j."""
    paths: Matrix = {}
    for start in range(n):
        paths[start, start] = 1
        for j in order[order.index(start) + 1 :]:
            terms = [
                coefficients[k, j] if k == start else paths[start, k] * coefficients[k, j]
                for k in range(n)
                if (k, j) in coefficients and (start, k) in paths
            ]
            if terms:
                paths[start, j] = _total(terms)
    return paths


def _resolvent(n: int, coefficients: Matrix) -> Matrix:
    """(I - L)^-1 by cofactors, for graphs with directed cycles."""
    matrix: list[list[Any]] = [[1 if i == j else 0 for j in range(n)] for i in range(n)]
    for (i, j), value in coefficients.items():
        matrix[i][j] = -value
    determinant = minors(matrix, n)[0]
    return {(j, i): cofactor / determinant for (i, j), cofactor in _cofactors(matrix).items()}


def _trek_sum(paths: Matrix, errors: Matrix, i: int, j: int) -> Any:
    """Entry (i, j) of the covariance matrix: the sum over all treks between i and j."""
    return _total(
        [
            paths[u, i] * error * paths[v, j]
            for (u, v), error in sorted(errors.items(), key=lambda item: item[0])
            if (u, i) in paths and (v, j) in paths
        ]
    )


def _total(terms: Sequence[Any]) -> Any:
    total: Any = 0
    for term in terms:
        total = total + term
    return total


def _cofactors(matrix: Sequence[Sequence[Any]]) -> Matrix:
    """The signed minors without row i and column j, for all i and j; the matrix has size 2 or more."""
    n = len(matrix)
    # Leaving out the last row comes first in the lexicographic order of the row sets; likewise the columns.
    values = iter(minors(matrix, n - 1))
    cofactors: Matrix = {}
    for i in reversed(range(n)):
        for j in reversed(range(n)):
            value = next(values)
            cofactors[i, j] = value if (i + j) % 2 == 0 else -value
    return cofactors


def _moved_edges(edges: Sequence[tuple[int, int]], g: Sequence[int]) -> list[int]:
    position = {edge: number for number, edge in enumerate(edges)}
    return [position[min(g[i], g[j]), max(g[i], g[j])] for i, j in edges]

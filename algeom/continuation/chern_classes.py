"""Polar degrees of smooth projective varieties from the degrees of their Chern classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import combinations
from math import comb, factorial, prod
from operator import itemgetter
from typing import Any

from flint import fmpz_mat

from algeom.errors import InputError

Vector = tuple[int, ...]


def polar_degrees_of_smooth(chern_degrees: Sequence[int]) -> tuple[int, ...]:
    """Polar degrees of a smooth projective variety of dimension m.

    Parameters
    ----------
    chern_degrees : sequence of m+1 int
        Entry j is the degree of c_{m-j}, the integral of ``c_{m-j}(X) h^j``: the last one is the degree of X. For a
        toric variety it is the sum of the normalized volumes of the j-dimensional faces.

    Returns
    -------
    tuple of m+1 int
        delta_0, ..., delta_m: delta_m is the degree, delta_0 that of the dual variety if it is a hypersurface.

    References
    ----------
    A. Holme, The geometric and numerical properties of duality in projective algebraic geometry, manuscripta math. 61
    (1988); J. Draisma et al., The Euclidean distance degree of an algebraic variety, Found. Comput. Math. 16 (2016),
    Theorem 5.8 and its proof, Corollary 5.11.

    Examples
    --------
    A smooth conic: c_1 of degree 2, degree 2.

    >>> polar_degrees_of_smooth([2, 2])
    (2, 2)
    """
    m = len(chern_degrees) - 1
    return tuple(
        sum((-1) ** (m - j) * comb(j + 1, i + 1) * chern_degrees[j] for j in range(i, m + 1)) for i in range(m + 1)
    )


def segre_veronese_chern_degrees(dims: Sequence[int], degrees: Sequence[int]) -> tuple[int, ...]:
    """Degrees of the Chern classes of ``P^n1 x ... x P^nk`` embedded by ``O(d1, ..., dk)``.

    Notes
    -----
    The total Chern class is the product of the ``(1 + h_i)^(n_i+1)``, and ``(sum d_i h_i)^j / j!`` is the product of
    exponentials: the entries over j! are the coefficients of the product of the polynomials
    ``sum_b C(n_i+1, n_i-b) d_i^b x^b / b!``.

    Examples
    --------
    >>> segre_veronese_chern_degrees([1, 1], [1, 1])
    (4, 4, 2)
    """
    product = [Fraction(1)]
    for n, d in zip(dims, degrees, strict=True):
        factor = [Fraction(comb(n + 1, n - b) * d**b, factorial(b)) for b in range(n + 1)]
        longer = [Fraction(0)] * (len(product) + n)
        for i, a in enumerate(product):
            for b, c in enumerate(factor):
                longer[i + b] += a * c
        product = longer
    return tuple(int(factorial(j) * c) for j, c in enumerate(product))


def grassmannian_chern_degrees(k: int, n: int) -> tuple[int, ...]:
    """Degrees of the Chern classes of Gr(k, n) in its Plücker embedding.

    Examples
    --------
    The last one is the degree; the first one the Euler characteristic.

    >>> degrees = grassmannian_chern_degrees(2, 5)
    >>> degrees[-1], degrees[0]
    (5, 10)
    """

    def fixed_points() -> Iterable[tuple[int, list[int]]]:
        for chosen in combinations(range(n), k):
            others = [j for j in range(n) if j not in chosen]
            yield -sum(chosen), [j - i for j in others for i in chosen]

    return _chern_degrees_by_localization(fixed_points(), k * (n - k))


def toric_chern_degrees(points: Any) -> tuple[int, ...]:
    """Degrees of the Chern classes of the smooth projective toric variety of a set of lattice points.

    Entry j is the sum of the volumes of the j-dimensional faces of the polytope, normalized by the lattice of the face.

    Parameters
    ----------
    points : array_like of int, shape (N, d)
        Exponents of the monomials that embed the torus, one a row; for homogeneous exponents as well.

    Raises
    ------
    InputError
        If the points are not distinct integer vectors, or the variety is singular.

    Notes
    -----
    The affine chart of a vertex v is smooth if and only if the semigroup that the differences a - v generate is
    free. Its generators are then the edge directions of the polytope at v, they are a basis of the lattice, and the
    fixed points of the torus contribute to the integrals by Bott's residue formula. All of this is in integers, and no
    convex hull is computed: edges lead from one vertex to all others.

    Examples
    --------
    A square: area 2 (normalized), four edges, four vertices.

    >>> toric_chern_degrees([(0, 0), (1, 0), (0, 1), (1, 1)])
    (4, 4, 2)
    """
    rows = lattice_points(points)
    start = min(rows)
    # The lexicographic order is compatible with sums, and all differences from its least element are positive.
    basis = _free_generators(rows, start, lambda difference: difference)
    dimension = len(basis)
    if not dimension:
        return (1,)
    local = _coordinates(basis, [_minus(row, start) for row in rows])
    vertices = _vertices_and_edges([tuple(row) for row in local])
    longest = max(abs(entry) for edges in vertices.values() for edge in edges for entry in edge)
    weights = [(2 * longest + 1) ** i for i in range(dimension)]  # vanishes on no edge

    def fixed_points() -> Iterable[tuple[int, list[int]]]:
        for vertex, edges in vertices.items():
            yield -_dot(weights, vertex), [_dot(weights, edge) for edge in edges]

    return _chern_degrees_by_localization(fixed_points(), dimension)


def _chern_degrees_by_localization(
    fixed_points: Iterable[tuple[int, Sequence[int]]], dimension: int
) -> tuple[int, ...]:
    """Integrals of ``c_{m-j} h^j`` by Bott's formula: weights of O(1) and of the tangent space at the fixed points."""
    total = [Fraction(0)] * (dimension + 1)
    for line, tangents in fixed_points:
        # Coefficients of prod (x + tangent): e_m, e_(m-1), ..., e_0.
        elementary = [1]
        for weight in tangents:
            elementary = [weight * low + high for low, high in zip([*elementary, 0], [0, *elementary], strict=True)]
        denominator = prod(tangents)
        power = 1
        for j in range(dimension + 1):
            total[j] += Fraction(elementary[j] * power, denominator)
            power *= line
    return tuple(int(value) for value in total)


def lattice_points(points: Any) -> list[Vector]:
    """Rows of an integer matrix of distinct rows, checked."""
    try:
        rows = [tuple(int(entry) for entry in row) for row in points]
        exact = all(a == b for row, given in zip(rows, points, strict=True) for a, b in zip(row, given, strict=True))
    except (TypeError, ValueError):
        exact = False
    if not exact or not rows or not rows[0] or len({len(row) for row in rows}) > 1:
        raise InputError("points are the rows of an integer matrix (N, d), one exponent vector each")
    if len(set(rows)) < len(rows):
        raise InputError("a lattice point is given twice; give each monomial once")
    return rows


def _vertices_and_edges(points: list[Vector]) -> dict[Vector, list[Vector]]:
    """Vertices of the polytope with the primitive edge directions there, starting from the vertex 0."""
    found: dict[Vector, list[Vector]] = {}
    origin = (0,) * len(points[0])
    waiting: list[tuple[Vector, Callable[[Vector], Any]]] = [(origin, lambda difference: difference)]
    while waiting:
        vertex, order = waiting.pop()
        if vertex in found:
            continue
        edges = _free_generators(points, vertex, order)
        found[vertex] = edges
        local = _coordinates(edges, [_minus(point, vertex) for point in points])
        for position in range(len(edges)):
            along = [x for x in local if not any(x[:position]) and not any(x[position + 1 :])]
            end = max(along, key=itemgetter(position))
            neighbour = points[local.index(end)]
            waiting.append((neighbour, _order_at_neighbour(edges, position, local)))
    return found


def _order_at_neighbour(edges: list[Vector], position: int, local: list[Vector]) -> Callable[[Vector], Any]:
    """An order of differences, compatible with sums, for which all differences from the end of an edge are positive.

    In the coordinates of the edges at its first vertex: M times the sum of the others minus the one along the edge.
    """
    slope = 1 + max(x[position] for x in local)

    def order(difference: Vector) -> tuple[int, Vector]:
        (x,) = _coordinates(edges, [difference])
        return slope * (sum(x) - x[position]) - x[position], difference

    return order


def _free_generators(points: list[Vector], vertex: Vector, order: Callable[[Vector], Any]) -> list[Vector]:
    """Free generators of the semigroup generated by the differences from a vertex.

    Going up, a difference that is no sum of earlier ones is one of the irreducible elements, which generate.
    """
    differences = sorted((_minus(point, vertex) for point in points if point != vertex), key=order)
    dimension = fmpz_mat(differences).rank() if differences else 0
    generators: list[Vector] = []
    for difference in differences:
        if generators and _in_semigroup(generators, difference):
            continue
        generators.append(difference)
        if len(generators) > dimension or fmpz_mat(generators).rank() < len(generators):
            raise InputError(
                f"the toric variety is singular: at the vertex {vertex} the lattice points do not generate a free "
                "semigroup; the formula is for smooth varieties"
            )
    return generators


def _in_semigroup(generators: list[Vector], difference: Vector) -> bool:
    if fmpz_mat([*generators, difference]).rank() > len(generators):
        return False
    columns = fmpz_mat(generators)
    solution = (columns * columns.transpose()).solve(columns * fmpz_mat([difference]).transpose())
    return all(entry >= 0 and entry.q == 1 for entry in solution.entries())


def _coordinates(basis: list[Vector], vectors: list[Vector]) -> list[Vector]:
    """Integer coordinates of vectors of a lattice in a basis of it."""
    rows = fmpz_mat(basis)
    solution = (rows * rows.transpose()).solve(rows * fmpz_mat(vectors).transpose())
    return [tuple(int(solution[i, j].p) for i in range(len(basis))) for j in range(len(vectors))]


def _minus(a: Vector, b: Vector) -> Vector:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))

"""ED degrees by theorems, against literature, duality, and counts of critical points modulo a prime."""

import itertools
from math import comb, factorial

import numpy as np
import pytest
from flint import Ordering, fmpz_mod_ctx, fmpz_mod_mpoly_ctx, fmpz_mod_poly_ctx
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from algeom.continuation.chern_classes import segre_veronese_chern_degrees, toric_chern_degrees
from algeom.continuation.ed_degree_formula import ed_degree_formula, singular_vector_tuples
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.networks.linear import determinantal_degree
from algeom.registry.formulas import grassmannian_degree, segre_veronese_degree

PRIME = 2**61 - 1


def value(*arguments, **keywords):
    return ed_degree_formula(*arguments, **keywords).value


def polar(*arguments):
    return ed_degree_formula(*arguments).polar_degrees


def simplex(n, d):
    """Lattice points of the d-fold standard simplex, homogeneous."""
    return [a for a in itertools.product(range(d + 1), repeat=n + 1) if sum(a) == d]


def cartesian(*sets):
    return [sum(rows, ()) for rows in itertools.product(*sets)]


def test_values_in_the_literature():
    """Draisma, Horobet, Ottaviani, Sturmfels, Thomas, section 8 and examples; Ottaviani, Spaenlehauer, Sturmfels."""
    assert value("segre", 1, 1) == value("determinantal", 2, 2, 1) == 6
    assert value("segre", 1, 2) == value("determinantal", 2, 3, 1) == 10
    assert value("segre", 2, 2) == value("determinantal", 3, 3, 1) == value("determinantal", 3, 3, 2) == 39
    assert value("segre", 2, 3) == value("determinantal", 3, 4, 1) == 83
    assert value("segre", 3, 3) == value("determinantal", 4, 4, 1) == value("determinantal", 4, 4, 3) == 284
    assert value("determinantal", 4, 4, 2) == 1350
    assert value("segre", 1, 1, 1) == 34
    assert value("veronese", 2, 2) == value("symmetric_determinantal", 3, 1) == 13
    # Function spaces of convolutional networks, as Segre varieties.
    assert [value("segre", *dims) for dims in [(3, 1), (2, 1, 1), (1, 1, 1, 1)]] == [14, 100, 280]


def test_algebraic_degrees_of_semidefinite_programming():
    """Nie, Ranestad, Sturmfels, table 2: the polar degrees of symmetric matrices."""
    assert polar("symmetric_determinantal", 3, 2)[2:] == (4, 6, 3)
    assert polar("symmetric_determinantal", 4, 3)[5:] == (8, 16, 12, 4)
    assert polar("symmetric_determinantal", 4, 2)[2:] == (10, 30, 42, 30, 10)


@pytest.mark.parametrize("d", range(1, 7))
def test_polar_degrees_know_the_discriminants(d):
    """delta_0 is the degree of the dual: discriminants and hyperdeterminants (Gelfand, Kapranov, Zelevinsky)."""
    assert polar("veronese", 1, d)[0] == 2 * d - 2
    assert polar("veronese", 2, d)[0] == 3 * (d - 1) ** 2
    assert polar("veronese", 3, d)[0] == 4 * (d - 1) ** 3
    assert value("veronese", 1, d) == 3 * d - 2
    hyperdeterminants = {
        (1, 1): 2,
        (1, 1, 1): 4,
        (1, 1, 1, 1): 24,
        (2, 2, 2): 36,
        (1, 2): 0,
        (1, 1, 2): 6,
        (1, 1, 3): 0,
    }
    for dims, degree in hyperdeterminants.items():
        assert polar("segre", *dims)[0] == degree


def test_last_polar_degree_is_the_degree():
    for m, n, r in [(2, 3, 1), (3, 4, 2), (4, 4, 2), (4, 5, 3), (5, 5, 3)]:
        assert polar("determinantal", m, n, r)[-1] == determinantal_degree(m, n, r)
    for k, n in [(2, 5), (2, 6), (3, 6)]:
        assert polar("grassmannian", k, n)[-1] == grassmannian_degree(k, n)
    for dims, degrees in [([1, 2, 1], [2, 1, 3]), ([3], [4])]:
        assert polar("segre_veronese", dims, degrees)[-1] == segre_veronese_degree(dims, degrees)


def dual(polar_degrees, coordinates):
    """Polar degrees of the dual variety: the bidegrees of the conormal variety, read backwards."""
    padded = [*polar_degrees, *[0] * (coordinates - 1 - len(polar_degrees))][::-1]
    while padded[-1] == 0:
        padded.pop()
    return tuple(padded)


def test_rank_r_is_dual_to_corank_r():
    for m, n in [(2, 3), (3, 3), (3, 5), (4, 4), (4, 5)]:
        for r in range(1, min(m, n)):
            assert dual(polar("determinantal", m, n, r), m * n) == polar("determinantal", m, n, min(m, n) - r)
    for n in range(2, 6):
        for r in range(1, n):
            here, there = (polar("symmetric_determinantal", n, s) for s in (r, n - r))
            assert dual(here, comb(n + 1, 2)) == there
    for n in range(4, 8):
        for r in range(1, (n - 2) // 2 + 1):
            if 2 * r < n - 1:
                there = polar("skew_determinantal", n, n // 2 - r)
                assert dual(polar("skew_determinantal", n, r), comb(n, 2)) == there


def test_rank_one_by_chern_classes_and_by_conormal_varieties():
    for m, n in [(2, 2), (2, 5), (3, 3), (4, 5)]:
        assert polar("determinantal", m, n, 1) == polar("segre", m - 1, n - 1)
    for n in range(2, 6):
        assert polar("symmetric_determinantal", n, 1) == polar("veronese", n - 1, 2)
    for n in range(4, 8):
        assert polar("skew_determinantal", n, 1) == polar("grassmannian", 2, n)
    assert polar("grassmannian", 2, 5) == polar("grassmannian", 3, 5)


@pytest.mark.parametrize(
    ("dims", "degrees"),
    [([1], [4]), ([3], [1]), ([2], [3]), ([1, 1, 1], [1, 2, 1]), ([2, 1], [2, 3]), ([2, 3], [1, 1])],
)
def test_toric_formula_against_the_chow_ring(dims, degrees):
    points = cartesian(*(simplex(n, d) for n, d in zip(dims, degrees, strict=True)))
    assert toric_chern_degrees(points) == segre_veronese_chern_degrees(dims, degrees)
    assert polar("toric", points) == polar("segre_veronese", dims, degrees)


SMOOTH_POLYTOPES = {
    "hexagon": [(0, 0), (1, 0), (0, 1), (2, 1), (1, 2), (2, 2), (1, 1)],
    "trapezoid": [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1)],
    "blown-up P^3": [(a, b, c) for a in range(3) for b in range(3) for c in range(3) if 1 <= a + b + c <= 3],
    "prism": [(a, b, c) for a in range(2) for b in range(2 - a) for c in range(3 - a)],
}


@pytest.mark.parametrize("name", SMOOTH_POLYTOPES)
def test_volumes_of_polytopes(name):
    """Volume, lattice length of the edges and number of vertices, by a convex hull in floating point."""
    points = np.array(SMOOTH_POLYTOPES[name])
    found = toric_chern_degrees(points)
    hull = ConvexHull(points)
    m = points.shape[1]
    assert found[-1] == round(factorial(m) * hull.volume)
    assert found[0] == len(hull.vertices)
    # Edges: pairs of vertices with m - 1 facets in common.
    on = np.abs(hull.equations[:, :-1] @ points.T + hull.equations[:, -1:]) < 1e-9
    normals = [np.unique(np.round(hull.equations[on[:, v]], 6), axis=0) for v in range(len(points))]
    length = 0
    for v, w in itertools.combinations(hull.vertices, 2):
        shared = {tuple(row) for row in normals[v]} & {tuple(row) for row in normals[w]}
        if len(shared) >= m - 1:
            length += np.gcd.reduce(points[v] - points[w])
    assert found[1] == length


@given(st.sampled_from(sorted(SMOOTH_POLYTOPES)), st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.data())
def test_unimodular_changes_and_translations_change_nothing(name, entries, data):
    points = np.array(SMOOTH_POLYTOPES[name])
    m = points.shape[1]
    change = np.eye(m, dtype=int)
    for (i, j), entry in zip(itertools.permutations(range(m), 2), entries, strict=False):
        elementary = np.eye(m, dtype=int)
        elementary[i, j] = entry
        change = change @ elementary
    order = data.draw(st.permutations(range(len(points))))
    moved = (points @ change + np.array(entries[:m]))[order]
    assert toric_chern_degrees(moved) == toric_chern_degrees(points)
    # The lattice is the one that the points generate.
    assert toric_chern_degrees(3 * moved) == toric_chern_degrees(points)


def test_projected_rational_normal_curve_is_smooth_though_not_normal():
    assert polar("toric", [(0, 4), (1, 3), (3, 1), (4, 0)]) == polar("veronese", 1, 4)


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (1, 0), (0, 2), (0, 1), (-1, 1)],
        [(0,), (2,), (3,)],
        [(0, 0), (2, 1), (1, 2), (1, 1)],
        [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (0, 0, 0)],
    ],
)
def test_singular_toric_varieties_are_refused(points):
    with pytest.raises(InputError, match="singular"):
        ed_degree_formula("toric", points)


# Counts of critical points modulo a prime: y = lambda * monomials(s, ...) is critical for <y - u, y - u>_W if and only
# if s is critical for l^2 / q, where l = <monomials, u>_W and q = <monomials, monomials>_W, outside of q = 0.


def critical_points_on_a_curve(exponents, form, u):
    ring = fmpz_mod_poly_ctx(fmpz_mod_ctx(PRIME))

    def monomial(e):
        return ring([0] * e + [1])

    rows = [monomial(e) for e in exponents]
    l = sum((rows[i] * (int(form[i, j]) * u[j]) for i in range(len(u)) for j in range(len(u))), ring([]))
    q = sum((rows[i] * rows[j] * int(form[i, j]) for i in range(len(u)) for j in range(len(u))), ring([]))
    equation = 2 * q * l.derivative() - l * q.derivative()
    equation = saturate(equation, q)
    assert equation.gcd(equation.derivative()).degree() == 0
    return equation.degree()


def divide_out(polynomial, other):
    while not (common := polynomial.gcd(other)).is_constant():
        polynomial = polynomial // common
    return polynomial


def saturate(polynomial, other):
    while (common := polynomial.gcd(other)).degree() > 0:
        polynomial = polynomial // common
    return polynomial


def critical_points_on_a_surface(exponents, form, u):
    ring = fmpz_mod_mpoly_ctx.get(("s", "t"), PRIME, Ordering.lex)
    s, t = ring.gens()
    rows = [s**a * t**b for a, b in exponents]
    zero = ring.constant(0)
    l = sum((rows[i] * (int(form[i, j]) * u[j]) for i in range(len(u)) for j in range(len(u))), zero)
    q = sum((rows[i] * rows[j] * int(form[i, j]) for i in range(len(u)) for j in range(len(u))), zero)
    # Invariant forms q are products, whose factors divide the equations.
    equations = [divide_out(2 * q * l.derivative(k) - l * q.derivative(k), q) for k in (0, 1)]
    univariate = fmpz_mod_poly_ctx(fmpz_mod_ctx(PRIME))

    def in_s(polynomial):
        coefficients = [0] * (polynomial.degrees()[0] + 1)
        for (e, _), c in polynomial.to_dict().items():
            coefficients[e] = int(c)
        return univariate(coefficients)

    assert not equations[0].resultant(equations[1], 1).is_zero()
    eliminant = saturate(in_s(equations[0].resultant(equations[1], 1)), in_s(q.resultant(l, 1)))
    assert eliminant.gcd(eliminant.derivative()).degree() == 0
    return eliminant.degree()


def general_form(size, rng):
    half = rng.integers(1, 10**6, (size, size))
    return half + half.T


@pytest.mark.parametrize("exponents", [(0, 1, 2), (0, 1, 2, 3), (0, 1, 3, 4), (0, 1, 2, 3, 4, 5)])
def test_generic_ed_degrees_of_curves_by_elimination(exponents):
    rng = np.random.default_rng(1)
    u = [int(x) for x in rng.integers(1, 10**6, len(exponents))]
    degree = max(exponents)
    expected = value("toric", [(e,) for e in exponents])
    assert critical_points_on_a_curve(exponents, general_form(len(exponents), rng), u) == expected == 3 * degree - 2
    if exponents == tuple(range(degree + 1)):
        bombieri = np.diag([comb(degree, e) for e in exponents])
        assert critical_points_on_a_curve(exponents, bombieri, u) == value("veronese", 1, degree, weights="bombieri")


@pytest.mark.parametrize(
    "exponents",
    [
        [(0, 0), (1, 0), (0, 1), (1, 1)],
        [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1)],
        [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)],
        [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)],
    ],
)
def test_generic_ed_degrees_of_surfaces_by_elimination(exponents):
    rng = np.random.default_rng(2)
    u = [int(x) for x in rng.integers(1, 10**6, len(exponents))]
    found = critical_points_on_a_surface(exponents, general_form(len(u), rng), u)
    assert found == value("toric", exponents)


def test_invariant_weights_by_elimination():
    rng = np.random.default_rng(3)
    u = [int(x) for x in rng.integers(1, 10**6, 6)]
    square = [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert critical_points_on_a_surface(square, np.eye(4, dtype=int), u[:4]) == value("segre", 1, 1, weights="unit")
    conics = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    bombieri = np.diag([1, 2, 2, 1, 2, 1])
    assert critical_points_on_a_surface(conics, bombieri, u) == value("veronese", 2, 2, weights="bombieri") == 3
    mixed = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    bombieri = np.diag([1, 2, 1, 1, 2, 1])
    expected = value("segre_veronese", [1, 1], [2, 1], weights="bombieri")
    assert critical_points_on_a_surface(mixed, bombieri, u) == expected


def test_unit_weights_on_the_upper_triangle_of_symmetric_matrices():
    """Not the Frobenius norm: the count is the generic one for 3 x 3 matrices of rank one, 13 instead of 3."""
    rng = np.random.default_rng(4)
    u = [int(x) for x in rng.integers(1, 10**6, 6)]
    conics = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)]
    assert critical_points_on_a_surface(conics, np.eye(6, dtype=int), u) == 13


def test_frobenius_norms():
    for m, n in itertools.product(range(1, 6), repeat=2):
        for r in range(1, min(m, n) + 1):
            assert value("determinantal", m, n, r, weights="unit") == comb(min(m, n), r)
            assert value("determinantal", m, n, r, weights="frobenius") == comb(min(m, n), r)
        assert value("segre", m, n, weights="unit") == min(m, n) + 1
    assert value("symmetric_determinantal", 5, 2, weights="frobenius") == 10
    assert value("skew_determinantal", 7, 2, weights="unit") == 3


def test_singular_vector_tuples_in_the_literature():
    """Friedland, Ottaviani, table 1; Cartwright, Sturmfels for symmetric tensors."""
    formats = {(2, 2, 2): 6, (2, 2, 3): 8, (2, 2, 4): 8, (2, 3, 3): 15, (2, 3, 4): 18, (3, 3, 3): 37, (2, 2, 2, 2): 24}
    for sizes, count in formats.items():
        assert value("segre", *(n - 1 for n in sizes), weights="unit") == count
    for n, d in itertools.product(range(1, 4), range(2, 6)):
        eigenvectors = sum((d - 1) ** k for k in range(n + 1))
        assert value("veronese", n, d, weights="bombieri") == singular_vector_tuples([n], [d]) == eigenvectors


def test_linear_spaces_have_ed_degree_one():
    assert value("segre", 3) == value("veronese", 2, 1) == 1
    assert polar("segre", 3) == (0, 0, 0, 1)
    assert value("determinantal", 2, 3, 2) == value("symmetric_determinantal", 3, 3) == 1
    assert value("skew_determinantal", 5, 2) == 1
    assert len(polar("determinantal", 2, 3, 2)) == 6
    assert value("toric", [(3, 1)]) == 1


def test_general_complete_intersections():
    assert value("complete_intersection", 2, [2], weights="unit") == 4  # an ellipse
    assert value("complete_intersection", 3, [2]) == 6
    assert value("complete_intersection", 2, [3]) == 9
    assert value("complete_intersection", 3, [1, 1]) == 1
    assert value("complete_intersection", 2, [3, 5]) == 15
    for d in range(1, 5):
        assert value("complete_intersection", 4, [d, 1]) == value("complete_intersection", 3, [d])


def test_results_name_their_theorem():
    result = ed_degree_formula("grassmannian", 2, 5)
    assert int(result) == result.value == sum(result.polar_degrees) == 42
    assert result.evidence.status is Status.PROVED
    assert "Theorem 5.8" in result.source
    assert "Gr(2, 5)" in str(result)
    assert ed_degree_formula("segre", 1, 1, weights="unit").polar_degrees is None


def test_bad_input():
    with pytest.raises(InputError, match="did you mean 'segre'"):
        ed_degree_formula("segree", 1)
    with pytest.raises(InputError, match="other arguments"):
        ed_degree_formula("veronese", 1)
    with pytest.raises(InputError, match="generic, bombieri"):
        ed_degree_formula("veronese", 1, 2, weights="unit")
    with pytest.raises(InputError, match="dimension"):
        ed_degree_formula("segre", 1, 0)
    with pytest.raises(InputError, match="as many degrees"):
        ed_degree_formula("segre_veronese", [1, 1], [2])
    with pytest.raises(InputError, match="r"):
        ed_degree_formula("determinantal", 3, 3, 4)
    with pytest.raises(InputError, match="integer matrix"):
        ed_degree_formula("toric", [(0.5, 1), (1, 1)])
    with pytest.raises(InputError, match="integer matrix"):
        ed_degree_formula("toric", [(0, 1), (1,)])
    with pytest.raises(InputError, match="integer matrix"):
        ed_degree_formula("toric", 5)
    with pytest.raises(InputError, match="twice"):
        ed_degree_formula("toric", [(0, 1), (0, 1)])
    with pytest.raises(InputError, match="degrees"):
        ed_degree_formula("complete_intersection", 2, [2, 2, 2])
    with pytest.raises(ResourceError, match="smaller"):
        ed_degree_formula("determinantal", 20, 20, 10)


def test_weights_are_names():
    for weights in ([1, 2], {}, None):
        with pytest.raises(InputError, match="weights="):
            ed_degree_formula("segre", 1, 1, weights=weights)
    with pytest.raises(InputError, match="no formula is known"):
        ed_degree_formula(["segre"], 1, 1)

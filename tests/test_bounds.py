"""Regions, rigorous bounds of polynomials, sums of squares and Nullstellensatz certificates."""

import itertools
import math
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom import InputError, Polynomial
from algeom.continuation.bounds import (
    bernstein_coefficients,
    exclude_common_zeros,
    is_positive_definite,
    quadratic_minimum,
    range_on_box,
    real_zeros,
    univariate_minimum,
)
from algeom.continuation.nullstellensatz import combination, nullstellensatz
from algeom.continuation.positivity import separating_polynomial
from algeom.continuation.regions import AffineSubspace, Ball, Box, HalfSpace, kernel
from algeom.continuation.semidefinite import maximize_smallest_eigenvalue
from algeom.continuation.sums_of_squares import find_sum_of_squares, gram_polynomial

X, Y = Polynomial.variables(["x", "y"])
CIRCLE = X**2 + Y**2 - 1
#: The cardioid r = 2 (1 + cos t), from x = -1/2 to x = 4, singular at the origin.
CARDIOID = (X**2 + Y**2 - 2 * X) ** 2 - 4 * (X**2 + Y**2)

small = st.integers(-4, 4)


@st.composite
def polynomials(draw, names=("x", "y"), degree=3):
    exponents = st.tuples(*(st.integers(0, degree) for _ in names))
    terms = draw(st.lists(st.tuples(exponents, small), min_size=1, max_size=6))
    return Polynomial([e for e, _ in terms], [c for _, c in terms], names)


# Regions


def test_regions_contain_their_points_exactly():
    ball = Ball([F(1, 3), 0], F(1, 2))
    assert ball.contains([F(5, 6), 0])
    assert not ball.contains([F(5, 6) + F(1, 10**30), 0])
    box = Box([0, 0.1], [1, 0.1])
    assert box.contains([0.5, 0.1])
    assert not box.contains([0.5, F(1, 10)])  # a float is the number that it is
    assert HalfSpace([1, -1], 0).contains([2, 2])
    assert not HalfSpace([1, -1], 0).contains([2, 2.0000001])
    line = AffineSubspace([[1, 1, 0], [2, 2, 0], [0, 0, 1]], [1, 2, 5])
    assert line.dimension == 1
    assert line.contains([F(1, 3), F(2, 3), 5])


@pytest.mark.parametrize(
    "region",
    [
        Ball([1, 2, 3], F(7, 2)),
        Box([0, 1, -1], [F(1, 2), 1, 4]),
        HalfSpace([1, 2, -2], 9),
        AffineSubspace([[1, 2, 3]], [4]),
        AffineSubspace.through([1, 0, 2], [[1, 1, 1], [2, 2, 2]]),
    ],
)
def test_charts_and_nearest_points(region):
    chart, rng = region.chart, np.random.default_rng(0)
    names = ["a", "b", "c"]
    back = chart.coordinates(names)
    for _ in range(50):
        s = [F(int(v), 7) for v in rng.integers(-10, 11, chart.n_variables)]
        y = [
            p + sum((column[i] * c for column, c in zip(chart.directions, s, strict=True)), F(0))
            for i, p in enumerate(chart.point)
        ]
        assert region.contains(y) == all(g(s) >= 0 for g in chart.inequalities)
        if chart.bounded and region.contains(y):
            assert max(map(abs, s)) <= 1
        assert [g(y) for g in back] == s
        far = rng.normal(size=3) * 5
        nearest = region.nearest(far)
        assert region.distance(nearest) < 1e-12
        assert region.distance(far) == pytest.approx(np.linalg.norm(far - nearest))
        # The nearest point of a convex set: no point of the set lies beyond the hyperplane through it.
        if region.contains(y):
            assert (far - nearest) @ (np.array([float(v) for v in y]) - nearest) < 1e-9


def test_pull_back_is_substitution():
    chart = AffineSubspace.through([1, 2, 3], [[1, 0, 1], [0, 1, -1]]).chart
    f = Polynomial([[2, 0, 1], [0, 1, 0], [0, 0, 0]], [3, F(1, 2), -1], ["a", "b", "c"])
    g = chart.pull_back(f)
    for s in itertools.product(range(-2, 3), repeat=2):
        y = [
            p + sum(column[i] * c for column, c in zip(chart.directions, s, strict=True))
            for i, p in enumerate(chart.point)
        ]
        assert g(list(s)) == f(y)


def test_kernels_are_orthogonal():
    rows = [[F(1), F(2), F(3), F(4)], [F(0), F(1), F(1, 3), F(0)]]
    basis = kernel(rows, 4)
    assert len(basis) == 2
    assert all(sum(a * b for a, b in zip(row, v, strict=True)) == 0 for row in rows for v in basis)
    assert kernel([], 2) == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Ball([0, 0], -1), "empty"),
        (lambda: Ball([0, math.nan], 1), "finite"),
        (lambda: Ball([0, math.inf], 1), "finite"),
        (lambda: Ball([], 1), "empty"),
        (lambda: Ball("ab", 1), "list"),
        (lambda: Ball([[0, 0]], 1), "list of lists"),
        (lambda: Ball([0, 1j], 1), "real"),
        (lambda: Ball([0], math.nan), "finite"),
        (lambda: Box([0, 1], [1, 0]), "exceeds"),
        (lambda: Box([0], [1, 2]), "2 numbers; expected 1"),
        (lambda: Box([0], [math.inf]), "finite"),
        (lambda: HalfSpace([0, 0], 1), "zero"),
        (lambda: HalfSpace([1, 0], math.nan), "finite"),
        (lambda: AffineSubspace([[1, 0], [1, 0]], [0, 1]), "contradict"),
        (lambda: AffineSubspace([[1, 0], [1]], [0, 1]), "equal length"),
        (lambda: AffineSubspace([[1, 0]], [0, 1]), "expected 1"),
        (lambda: AffineSubspace.through([0, 0], [[1, 0, 0]]), "expected 2"),
        (lambda: Ball([0, 0], 1).contains([1]), "expected 2"),
    ],
)
def test_bad_regions_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# Bernstein coefficients


@settings(max_examples=60, deadline=None)
@given(polynomials(), small, small, st.integers(0, 3), st.integers(0, 3))
def test_bernstein_coefficients_bound_and_interpolate(f, a, b, width, height):
    lower, upper = [F(a, 2), F(b, 3)], [F(a, 2) + width, F(b, 3) + height]
    low, high = range_on_box(f, lower, upper)
    for s, t in itertools.product([F(0), F(1, 3), F(1, 2), F(1)], repeat=2):
        value = f([lower[0] + s * width, lower[1] + t * height])
        assert low <= value <= high
    corners = bernstein_coefficients(f, lower, upper)
    assert corners[(0,) * corners.ndim] == f(lower)
    assert corners[(-1,) * corners.ndim] == f(upper)


@settings(max_examples=15, deadline=None)
@given(st.lists(polynomials(), min_size=1, max_size=3), st.integers(0, 10**6))
def test_exclusions_are_true(fs, seed):
    found = exclude_common_zeros(fs, [-1, -1], [1, 1], max_boxes=2000)
    if not found.proved:
        assert found.n_boxes > 0 or not any(fs)
        return
    rng = np.random.default_rng(seed)
    for point in rng.integers(-64, 65, (200, 2)):
        values = [abs(f([F(int(v), 64) for v in point])) for f in fs]
        assert max(values) >= found.bound > 0
        assert max(abs(values[i]) for i in found.used) >= found.bound


@settings(max_examples=15, deadline=None)
@given(polynomials(), polynomials(), small, small)
def test_common_zeros_are_never_excluded(f, g, a, b):
    zero = [F(a, 5), F(b, 7)]
    shifted = [h - h(zero) for h in (f, g)]
    assert not exclude_common_zeros(shifted, [-1, -1], [1, 1], max_boxes=3000).proved


def test_exclusion_to_the_last_bit():
    # The zero is 2^-20 outside the box in one case, on its boundary in the other.
    gap = F(1, 2**20)
    assert exclude_common_zeros([X * X + Y * Y], [gap, 0], [1, 1]).proved
    assert not exclude_common_zeros([X * X + Y * Y], [0, 0], [1, 1]).proved
    # Coefficients of very different sizes.
    steep = 10**30 * (X - F(1, 2)) ** 2 + F(1, 10**5)
    found = exclude_common_zeros([steep, Y], [0, F(-1, 2)], [1, F(1, 2)], max_boxes=5000)
    assert not found.proved  # the gap is below what double precision resolves, and no proof is claimed


def test_boxes_outside_the_region_are_left_out():
    assert not exclude_common_zeros([X - 1], [0, 0], [1, 1], max_boxes=1000).proved
    found = exclude_common_zeros([X - 1], [0, 0], [1, 1], outside=lambda lower, widths: lower[:, 0] >= 0.5)
    assert found.proved
    assert found.bound >= F(1, 5)


def test_exclusion_needs_polynomials():
    with pytest.raises(InputError, match="no polynomials"):
        exclude_common_zeros([], [0], [1])


# Quadratics, lines, matrices


@settings(max_examples=60, deadline=None)
@given(st.lists(small, min_size=6, max_size=6))
def test_minimum_of_a_quadratic(c):
    f = c[0] * X**2 + c[1] * X * Y + c[2] * Y**2 + c[3] * X + c[4] * Y + c[5]
    least = quadratic_minimum(f)
    matrix = np.array([[c[0], c[1] / 2], [c[1] / 2, c[2]]])
    eigenvalues = np.linalg.eigvalsh(matrix)
    if eigenvalues[0] > 1e-9:
        point = np.linalg.solve(2 * matrix, [-c[3], -c[4]])
        assert float(least) == pytest.approx(float(f(point)), abs=1e-9)
    elif eigenvalues[0] < -1e-9:
        assert least is None
    if least is not None:
        assert all(f([x, y]) >= least for x, y in itertools.product(range(-5, 6), repeat=2))


def test_minimum_of_a_singular_quadratic():
    assert quadratic_minimum((X + Y) ** 2 + 3) == 3
    assert quadratic_minimum((X + Y) ** 2 + X) is None
    with pytest.raises(InputError, match="degree 3"):
        quadratic_minimum(X**3)


def test_positive_definite_by_elimination():
    hilbert = [[F(1, i + j + 1) for j in range(12)] for i in range(12)]
    assert is_positive_definite(hilbert)  # its smallest eigenvalue is about 1e-17
    hilbert[11][11] -= F(1, 10**10)
    assert not is_positive_definite(hilbert)


def test_bounds_on_a_line():
    (t,) = Polynomial.variables(["t"])
    assert univariate_minimum(t**2 - 2 * t + 1) is None  # a double root
    tiny = F(1, 10**60)
    bound = univariate_minimum((t**2 - 2) ** 2 + tiny)
    assert 0 < bound <= tiny
    assert univariate_minimum(t**3 + 1) is None
    assert univariate_minimum(-(t**2) - 1) is None
    assert univariate_minimum(Polynomial.constant(3, ["t"])) == 3
    assert len(real_zeros((t**2 - 2) ** 2 * (t**2 + 1))) == 2
    with pytest.raises(InputError, match="single variable"):
        univariate_minimum(X)


# Sums of squares


def test_barrier_method_finds_the_interior_or_gives_up():
    # [[x0, x1], [x1, x2]] can be positive definite; [[x0, x1], [x1, 0]] cannot.
    basis = np.zeros((3, 2, 2))
    basis[0, 0, 0] = basis[1, 0, 1] = basis[1, 1, 0] = basis[2, 1, 1] = 1
    found = maximize_smallest_eigenvalue([basis], lambda x: x)
    assert np.linalg.eigvalsh(np.tensordot(found, basis, 1))[0] > 0
    assert maximize_smallest_eigenvalue([basis[:2]], lambda x: x) is None
    assert maximize_smallest_eigenvalue([np.array([[[1.0, 0], [0, -1]]])], lambda x: x) is None


def test_certificates_verify_and_tampering_shows():
    proof, origins, multiples = find_sum_of_squares([CIRCLE], [F(98, 100) - (X - 2) ** 2 - Y**2], half_degree=1)
    assert proof.verify(multiples)
    assert origins == [(0, (0, 0))]
    assert not proof.verify([multiples[0] + 1])
    from dataclasses import replace

    assert not replace(proof, bound=proof.bound * 10**6).verify(multiples)
    assert "degree 2" in repr(proof)


@pytest.mark.parametrize(
    ("equations", "inequalities", "half_degree"),
    [
        ([X * Y - 1, X], (), 1),  # even 1 is in the ideal
        ([X**2 * Y**2 + 1], (), 2),
        ([X**4 + Y**4 + 1], (), 2),
        ([X**2 + Y**2 + 1, X - Y], (), 1),
        ([CARDIOID], (F(1, 100) - (X + 1) ** 2 - (Y - F(1, 2)) ** 2,), 2),
        ([], (-(X**2) - Y**2 - 1,), 1),
        ([], (X - 1, -X - 1), 1),
    ],
)
def test_infeasible_systems_have_certificates(equations, inequalities, half_degree):
    proof, _, multiples = find_sum_of_squares(equations, inequalities, half_degree=half_degree)
    assert proof.verify(multiples)


@pytest.mark.parametrize(
    ("equations", "inequalities"),
    [
        ([CIRCLE], (F(101, 100) - (X - 2) ** 2 - Y**2,)),
        ([X * Y - 1], ()),
        ([X * Y], (X - 1,)),
        ([CIRCLE, X - 1], ()),
        ([], (X - 1, 1 - X)),  # a single point: the strict problem has no solution either
    ],
)
def test_feasible_systems_have_none(equations, inequalities):
    for half_degree in (1, 2):
        assert find_sum_of_squares(equations, inequalities, half_degree=half_degree) is None


def test_large_problems_are_declined():
    names = [f"x{i}" for i in range(30)]
    f = Polynomial.constant(1, names) + Polynomial.variables(names)[0] ** 2
    assert find_sum_of_squares([f], (), half_degree=3) is None
    assert find_sum_of_squares([X**2 + Y**2 + 1], (), half_degree=1, max_unknowns=0) is None


def test_gram_polynomials():
    assert gram_polynomial([(0, 0)], [[F(0)]], ["x", "y"]) == 0
    assert gram_polynomial([(1, 0), (0, 1)], [[F(1), F(-1)], [F(-1), F(1)]], ["x", "y"]) == (X - Y) ** 2


# Nullstellensatz


def test_nullstellensatz():
    multipliers = nullstellensatz([X**2 - 1, X * Y - 1, Y - 2], 4)
    assert sum((h * f for h, f in ((h, [X**2 - 1, X * Y - 1, Y - 2][i]) for i, h in multipliers)), 0 * X) == 1
    assert nullstellensatz([X**2 + 1, Y], 4) is None  # complex zeros
    assert nullstellensatz([], 3) is None
    assert nullstellensatz([X - F(1, 3), X - F(2, 3)], 1) == [(0, 3 + 0 * X), (1, -3 + 0 * X)]
    assert nullstellensatz([X, X - 1], 1, max_columns=1) is None


def test_combinations():
    assert combination(0 * X, [X], 1) == []
    assert combination(X * Y - Y**2, [X - Y], 2) == [(0, Y)]
    assert combination(X + 1, [X - Y], 3) is None


# Separating polynomials


@pytest.mark.parametrize(
    ("generators", "region"),
    [
        ([CIRCLE], AffineSubspace([[1, 0]], [2])),
        ([CIRCLE], AffineSubspace([[1, 1]], [F(3, 2)])),
        ([CIRCLE], Ball([2, 0], F(999, 1000))),
        ([CIRCLE], Ball([0, 0], F(999, 1000))),
        ([CIRCLE], Box([F(3, 4), F(3, 4)], [5, 5])),
        ([CIRCLE], HalfSpace([3, 4], F(5001, 1000))),
        ([CARDIOID], HalfSpace([1, 0], F(401, 100))),
        ([CARDIOID], HalfSpace([-1, 0], F(3, 5))),
        ([CARDIOID], AffineSubspace([[1, 0]], [F(401, 100)])),
        ([CARDIOID], Ball([1, 0], F(1, 2))),
        ([CARDIOID], Box([-5, 2], [-1, 3])),
        ([X * Y - 1], AffineSubspace([[1, 0]], [0])),
        ([X * Y - 1, X**2 - Y**2 - 4], Ball([1, 1], F(1, 2))),
        ([X, Y], Ball([3, 4], F(49, 10))),
        ([X + Y], HalfSpace([1, 1], F(1, 10))),
    ],
)
def test_separating_polynomials(generators, region):
    found = separating_polynomial(generators, region)
    assert found is not None
    assert found.is_combination()
    assert all(isinstance(c, int) for c in found.polynomial.coefficients)
    chart, rng = region.chart, np.random.default_rng(5)
    for _ in range(300):
        s = [F(int(v), 32) for v in rng.integers(-32, 33, chart.n_variables)]
        scale = 1 if chart.bounded else int(rng.integers(1, 50))
        s = [scale * v for v in s]
        if all(g(s) >= 0 for g in chart.inequalities):
            y = [p + sum(d[i] * c for d, c in zip(chart.directions, s, strict=True)) for i, p in enumerate(chart.point)]
            assert found.polynomial(y) >= found.bound > 0


@pytest.mark.parametrize(
    ("generators", "region"),
    [
        ([CIRCLE], AffineSubspace([[1, 0]], [1])),
        ([CIRCLE], AffineSubspace([[0, 0]], [0])),
        ([CIRCLE], Ball([2, 0], 1)),
        ([CIRCLE], Ball([1, 0], 0)),
        ([CIRCLE], Box([F(7, 10), F(7, 10)], [5, 5])),
        ([CIRCLE], HalfSpace([3, 4], 5)),
        ([CARDIOID], HalfSpace([1, 0], 4)),
        ([CARDIOID], Ball([0, 0], F(1, 10**6))),
        ([X * Y - 1], HalfSpace([1, 1], 0)),
        ([X * 0], Ball([0, 0], 1)),
        ([], Ball([0, 0], 1)),
    ],
)
def test_nothing_separates_what_meets(generators, region):
    assert separating_polynomial(generators, region, max_boxes=5000) is None


def test_two_generators_on_a_line_need_each_other():
    t, x, y = Polynomial.variables(["t", "x", "y"])
    # On the line x = y = 0: t (t - 1) and (t - 2)(t - 3), both with real roots but none in common.
    line = AffineSubspace([[0, 1, 0], [0, 0, 1]], [0, 0])
    found = separating_polynomial([t * (t - 1) + x, (t - 2) * (t - 3) + y], line)
    assert len(found.combination) == 2
    assert found.is_combination()


def test_planes_and_points_at_infinity():
    x, y, z = Polynomial.variables(["x", "y", "z"])
    plane = AffineSubspace([[0, 0, 1]], [1])
    # x^2 - y^2 + 1 and y vanish together nowhere real, and at infinity only for y = 0.
    assert separating_polynomial([x**2 - y**2 + z, y], plane) is not None
    # The quartic is positive, with zeros at infinity: subdivision cannot close it, a sum of squares can.
    quartic = x**2 * y**2 + z**4
    found = separating_polynomial([quartic], plane)
    assert found is not None
    assert "sum of squares" in found.method

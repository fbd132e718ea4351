"""The trace test and the test on curves of solutions: what shows that solutions are all."""

from __future__ import annotations

import numpy as np
import pytest
from families import (
    CUBIC,
    UNION,
    dense_family,
    generic_start,
    lines_on_cubic_surfaces,
    monomial_image,
    rational_normal_curve,
    roots_of,
    union_start,
)

from algeom.continuation import polynomial_system
from algeom.continuation.monodromy import monodromy
from algeom.continuation.trace import trace_test
from algeom.continuation.trace_curves import curve_test
from algeom.continuation.trace_sums import ImagedPoints, linear_trace
from algeom.errors import InputError
from algeom.evidence import Status
from algeom.maps import TapeBuilder
from algeom.maps.tape import noun_count

# The trace test


@pytest.mark.parametrize("d", [2, 3, 5, 8])
def test_trace_of_a_rational_normal_curve(d):
    system, _, c, image = rational_normal_curve(d)
    points = roots_of(c[::-1])
    direction = np.concatenate([[1.0 - 0.5j], np.zeros(d)])
    whole = trace_test(system, points, c, direction, image=image, rng=0)
    assert whole.passed
    assert whole.evidence.status is Status.NUMERICAL
    assert whole.count == d
    assert whole.error < whole.threshold < 1e-8
    assert whole.tracked == 2 * d
    # Newton's identities: the sum of all t^i is constant for i < d, linear for i = d.
    assert np.allclose(np.diff(whole.sums[:-1], axis=1), 0, atol=1e-9)
    for missing in range(d):
        part = trace_test(system, np.delete(points, missing, axis=1), c, direction, image=image, rng=0)
        assert not part.passed
        assert part.evidence.status is Status.LOWER_BOUND
        assert part.error > 1e-3
        assert "not linear" in part.evidence.reason


def test_trace_of_one_component_is_linear():
    # A parabola and a hyperbola: two points of a line are on each.
    system = polynomial_system(["(y - x^2)*(x*y - 1)", "y - x - c"], unknowns=["x", "y"], parameters=["c"])
    parabola, hyperbola = roots_of([1, -1, -2]), roots_of([1, 2, -1])
    points = np.concatenate([np.concatenate([x, x + 2]) for x in (parabola, hyperbola)], axis=1)
    for chosen, passes in (([0, 1], True), ([2, 3], True), ([0, 1, 2, 3], True), ([0, 2], False), ([0, 1, 2], False)):
        assert trace_test(system, points[:, chosen], [2], [1j]).passed is passes


def test_trace_of_lines():
    system = polynomial_system(["(y - 2*x)*(y + 3*x)", "y - x - c"], unknowns=["x", "y"], parameters=["c"])
    # Each line is complete by itself, moving linearly.
    assert trace_test(system, [[1.0], [2.0]], [1], [1j]).passed
    assert trace_test(system, [[1.0, -0.25], [2.0, 0.75]], [1], [1j]).passed


def test_a_branch_that_looks_straight_is_no_line():
    # One of two points of the circle (x - d)^2 + y^2 = 1 on a line that passes it at a distance of the order of d.
    system = polynomial_system(["(x - 10^6)^2 + y^2 - 1", "x + 2*y - c"], unknowns=["x", "y"], parameters=["c"])
    c = -0.5e6j
    y = np.roots([5, 4e6 - 4 * c, (c - 1e6) ** 2 - 1])
    points = np.stack([c - 2 * y, y])
    assert not trace_test(system, points[:, :1], [c], [3e6], rng=1).passed


def test_points_too_inaccurate_to_show_a_bend():
    # Second differences of 1e-7 in a motion of 2, with errors of the end points in the way or not.
    where = np.array([0, 1, -1], dtype=np.complex128)
    for error, objection in ((1e-16, "not linear"), (1e-8, "not accurate enough")):
        ends = [ImagedPoints(np.array([[s + 1e-7 * s**2]]), np.array([[error]])) for s in where]
        test = linear_trace(ends, where, 1)
        assert not test.passed
        assert objection in test.evidence.reason
    straight = [ImagedPoints(np.array([[3 + s]]), np.array([[1e-15]])) for s in where]
    assert linear_trace(straight, where, 1).passed


def test_more_abscissae_see_what_symmetry_hides():
    # The sum of x and -x is zero for every pair: a linear trace of an incomplete set. Squares tell.
    system = polynomial_system(["x^4 + a*x^2 + b"], unknowns=["x"], parameters=["a", "b"])
    points = roots_of([1, 0, 2, 0, 1 + 1j])
    pair = points[:, [0, int(np.argmin(np.abs(points[0] + points[0, 0])))]]
    for chosen, passes in ((points, True), (pair, False)):
        test = trace_test(system, chosen, [2, 1 + 1j], [0, 0.7], abscissae=(1, -1, 2j), rng=1)
        assert test.passed is passes
        assert test.tracked == 3 * chosen.shape[1]


def cardioid():
    """The critical equation of the weighted distance to the cardioid, cleared of denominators."""
    from sympy import Rational, diff, fraction, symbols, together

    t, u, v, w = symbols("t u v w")
    x, y = 2 * (1 - t**2) / (1 + t**2) ** 2, 4 * t / (1 + t**2) ** 2
    equation = diff((x - u) ** 2 + w * (y - v) ** 2, t) * Rational(1, 2)
    numerator, _ = fraction(together(equation))
    numerator = numerator.expand()
    system = polynomial_system([str(numerator)], unknowns=["t"], parameters=["u", "v", "w"])
    builder = TapeBuilder(4)
    s = builder.inputs[0]
    bottom = builder.add(builder.constant(1), builder.mul(s, s))
    square = builder.mul(bottom, bottom)
    top = builder.mul(builder.constant(2), builder.sub(builder.constant(1), builder.mul(s, s)))
    image = builder.build(
        [builder.div(top, square), builder.div(builder.mul(builder.constant(4), s), square)]
    )  # fmt: skip
    return system, image, numerator, (t, u, v, w)


@pytest.mark.parametrize(("weight", "count", "linear"), [(1, 3, False), (0.3 + 1.1j, 7, True)])
def test_trace_of_critical_points_needs_generic_weights(weight, count, linear):
    pytest.importorskip("sympy")
    from sympy import Poly

    system, image, numerator, (t, u, v, w) = cardioid()
    data = (0.4 + 0.9j, -1.1 + 0.2j, weight)
    polynomial = Poly(numerator.subs(dict(zip((u, v, w), data, strict=True))).expand(), t)
    points = roots_of([complex(c) for c in polynomial.all_coeffs()])
    # Without the roots of the denominators, where the parametrization is not defined, and those at infinity.
    values = 1 + points**2
    points = points[:, (np.abs(values[0]) > 1e-3) & (np.abs(points[0]) < 1e4)]
    assert points.shape[1] == count
    test = trace_test(system, points, data, [0.3 - 0.7j, 0.8 + 0.1j, 0], image=image, rng=0)
    assert test.passed is linear


def test_trace_test_refuses():
    points = roots_of([1, 0, 1, 1])
    with pytest.raises(InputError, match="direction is zero"):
        trace_test(CUBIC, points, [1, 1], [0, 0])
    with pytest.raises(InputError, match="no regular solution"):
        trace_test(CUBIC, points + 0.5, [1, 1], [0, 1])
    with pytest.raises(InputError, match="same image"):
        trace_test(CUBIC, points[:, [0, 1, 0]], [1, 1], [0, 1])
    with pytest.raises(InputError, match="NaN"):
        trace_test(CUBIC, points * np.nan, [1, 1], [0, 1])
    with pytest.raises(InputError, match="at least one"):
        trace_test(CUBIC, points[:, :0], [1, 1], [0, 1])
    with pytest.raises(InputError, match="abscissae"):
        trace_test(CUBIC, points, [1, 1], [0, 1], abscissae=(1.0,))
    with pytest.raises(InputError, match="abscissae"):
        trace_test(CUBIC, points, [1, 1], [0, 1], abscissae=(1.0, 0.0))


def test_a_direction_that_moves_nothing_says_nothing():
    system = polynomial_system(["x^2 - a", "y - x*b"], unknowns=["x", "y"], parameters=["a", "b"])
    image = monomial_image([(1, 0)], 4)
    test = trace_test(system, [[1.0], [2.0]], [1, 2], [0, 1], image=image)
    assert not test.passed
    assert "moves" in test.evidence.reason


# Completeness over a line of parameters


@pytest.mark.parametrize(("n", "degrees"), [(1, (4,)), (2, (2, 3)), (3, (2, 2, 2)), (2, (4, 4))])
def test_curves_over_lines_have_the_degree_of_intersection_theory(n, degrees):
    equations, system, k = dense_family(n, degrees)
    x, p = generic_start(equations, n, k, np.random.default_rng(0))
    # On P^n x P^1 the equations have classes d_i H + S, a hyperplane of C^(n+1) has H + S.
    count = int(np.prod(degrees))
    degree = count + sum(count // d for d in degrees)
    test = curve_test(system, x, p, rng=1)
    assert (test.count, test.degree, test.n_infinity) == (1, degree, degree - count)
    assert test.decided
    assert not test.passed
    assert test.missing.shape == (n, count - 1)
    assert test.evidence.status is Status.LOWER_BOUND
    everything = np.concatenate([x[:, None], test.missing], axis=1)
    assert np.abs(system(everything, p)).max() < 1e-9
    whole = curve_test(system, everything, p, rng=2)
    assert whole.passed
    assert whole.evidence.status is Status.NUMERICAL
    assert repr(whole).startswith(f"CurveTest(passed: {noun_count(count, 'solution')}, degree {degree}, ")


@pytest.mark.parametrize("seed", range(3))
def test_any_family_is_complete_by_its_curve(seed):
    equations, system, k = dense_family(2, (3, 3))
    x, p = generic_start(equations, 2, k, np.random.default_rng(seed))
    found = monodromy(system, x, p, trace="curve", rng=seed)
    assert found.count == 9
    assert found.evidence.status is Status.NUMERICAL
    assert found.trace.decided
    assert found.tracked >= found.trace.tracked
    # What a short search misses, the test finds.
    assert monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, 0], [1, 1], trace="curve", max_loops=2, rng=seed).count == 3


@pytest.mark.slow
def test_lines_on_a_cubic_surface_are_complete():
    system, x, p = lines_on_cubic_surfaces()
    found = monodromy(system, x, p, trace="curve", rng=0)
    assert found.count == 27
    assert found.evidence.status is Status.NUMERICAL


def test_curves_of_images():
    system = polynomial_system(["x^4 + a*x^2 + b"], unknowns=["x"], parameters=["a", "b"])
    x, p = roots_of([1, 0, 1, 0, 1 + 1j])[:, 0], [1, 1 + 1j]
    found = monodromy(system, x, p, image=monomial_image([(2,)], 3), trace="curve", rng=0)
    assert found.count == 2
    assert found.evidence.status is Status.NUMERICAL


def test_a_curve_has_the_components_of_its_points():
    x, p = union_start(True)
    found = monodromy(UNION, x, p, trace="curve", rng=0)
    assert found.count == 2
    assert found.evidence.status is Status.NUMERICAL
    assert "components of the starts" in found.evidence.reason
    found = monodromy(UNION, x, p, trace="curve", expected=5, rng=0)
    assert found.count == 2
    assert found.evidence.status is Status.LOWER_BOUND


def test_a_curve_that_is_not_finished_says_nothing():
    equations, system, k = dense_family(2, (4, 4))
    x, p = generic_start(equations, 2, k, np.random.default_rng(0))
    outcomes = [curve_test(system, x, p, max_loops=1, rng=seed) for seed in range(6)]
    short = [test for test in outcomes if test.degree < 24]
    assert short
    for test in short:
        assert not test.decided
        assert not test.passed
        assert test.evidence.status is Status.LOWER_BOUND
        assert "not complete" in test.evidence.reason

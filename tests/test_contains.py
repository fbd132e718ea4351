"""Membership of points in image closures, images and real images."""

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom import GenericityError, InputError, Status
from algeom.continuation.contains import contains
from algeom.continuation.degree import degree
from algeom.continuation.equations import EquationSearch, defines_closure
from algeom.continuation.least_squares import fit
from algeom.continuation.preimage import (
    certified_preimage,
    is_preimage,
    preimage_residuals,
    rational_preimage,
    starting_points,
)

SYMMETRIC = ag.polynomial_map(["a^2", "a*b", "b^2"])
WHITNEY = ag.polynomial_map(["u*v", "u", "v^2"])
RANK_ONE = ag.varieties.segre(1, 1)
YES, NO = (True, Status.PROVED), (False, Status.PROVED)


def answers(result):
    return [(a.value, a.evidence.status) for a in (result.closure, result.image, result.real_image)]


# Exact answers


@pytest.mark.parametrize(
    ("phi", "y", "expected"),
    [
        (RANK_ONE, [1, 2, 3, 6], [YES, YES, YES]),
        (RANK_ONE, [0, 0, 0, 0], [YES, YES, YES]),
        (RANK_ONE, [0, 0, 0, F(5, 7)], [YES, YES, YES]),
        (RANK_ONE, [1, 2, 3, 7], [NO, NO, NO]),
        (RANK_ONE, [1, 2, 3, 6 + 1e-9], [NO, NO, NO]),
        (SYMMETRIC, [4, 6, 9], [YES, YES, YES]),
        (SYMMETRIC, [2, 2, 2], [YES, YES, YES]),  # parameters sqrt 2
        (SYMMETRIC, [-1, 0, 0], [YES, YES, NO]),  # -E_11 = (i e_1)(i e_1)^T
        (SYMMETRIC, [-2, 2, -2], [YES, YES, NO]),
        (SYMMETRIC, [1, 0, 1], [NO, NO, NO]),
        (WHITNEY, [6, 2, 9], [YES, YES, YES]),
        (WHITNEY, [0, 0, 2], [YES, YES, YES]),  # a singular point, at u = 0, v = sqrt 2
        (WHITNEY, [0, 0, -1], [YES, YES, NO]),  # the handle
        (WHITNEY, [1, 1, -1], [NO, NO, NO]),
        (ag.polynomial_map(["a", "a*b"]), [0, 1], [YES, NO, NO]),
        (ag.polynomial_map(["a", "a*b"]), [2, 3], [YES, YES, YES]),
        (ag.polynomial_map(["a", "a*b"]), [0, 0], [YES, YES, YES]),
        (ag.polynomial_map(["a^2", "b^2"]), [-1, 4], [YES, YES, NO]),
        # The unit circle by stereographic projection misses one point.
        (ag.polynomial_map(["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"]), [F(3, 5), F(4, 5)], [YES, YES, YES]),
        (ag.polynomial_map(["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"]), [-1, 0], [YES, NO, NO]),
        (ag.polynomial_map(["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"]), [0.6, 0.8], [NO, NO, NO]),
        # A node, its isolated real point, and a cusp.
        (ag.polynomial_map(["t^2-1", "t^3-t"]), [0, 0], [YES, YES, YES]),
        (ag.polynomial_map(["t^2+1", "t^3+t"]), [0, 0], [YES, YES, NO]),
        (ag.polynomial_map(["t^2", "t^3"]), [0, 0], [YES, YES, YES]),
        # No hypersurface: a rational quartic in space, on which (-16, 8, 2, -1) needs 8th roots of -1.
        (ag.polynomial_map(["s^4", "s^3*t", "s*t^3", "t^4"]), [16, 8, 2, 1], [YES, YES, YES]),
        (ag.polynomial_map(["s^4", "s^3*t", "s*t^3", "t^4"]), [-16, 8, 2, -1], [YES, YES, NO]),
        # Symmetric matrices of rank two and signature (1, 1).
        (ag.varieties.symmetric_determinantal(3, 2), [2, 0, 0, -3, 0, 0], [YES, YES, NO]),
        (ag.varieties.determinantal(3, 3, 2), [1, 0, 0, 0, 1, 0, 0, 0, 0], [YES, YES, YES]),
        (ag.varieties.determinantal(3, 3, 2), [1, 0, 0, 0, 1, 0, 0, 0, 1], [NO, NO, NO]),
        # A linear span that is not everything.
        (ag.polynomial_map(["a", "b", "a+b"]), [1, 2, 3], [YES, YES, YES]),
        (ag.polynomial_map(["a^2", "2*a^2"]), [-3, -6], [YES, YES, NO]),
    ],
)
def test_proved_answers(phi, y, expected):
    result = contains(phi, y, rng=1)
    assert answers(result) == expected
    exact = [F(v) for v in y]
    if result.equation is not None:
        assert result.equation(exact) != 0
        assert result.equation(list(phi([F(2, 3)] * phi.n_parameters))) == 0
    if result.parameters is not None:
        assert list(phi(result.parameters)) == exact
        assert result.distance == 0
    if result.certified is not None:
        theta = result.certified.approximate(phi.n_parameters)
        assert np.abs(phi(theta) - [float(v) for v in exact]).max() < 1e-9
        assert result.certified.is_real == result.real_image.value


def test_floats_are_taken_exactly_and_the_distance_says_how_far():
    y = np.outer([0.1, 0.7], [0.3, 0.9]).ravel()
    result = contains(RANK_ONE, y, rng=1)
    assert answers(result) == [NO, NO, NO]
    assert 0 < result.distance < 1e-16
    assert "rounding of y" in result.closure.evidence.reason
    off = contains(RANK_ONE, [1, 2, 3, 6 + 1e-9], rng=1)
    # The gradient of the determinant at the point has length sqrt 50.
    assert off.distance == pytest.approx(1e-9 / np.sqrt(50), rel=1e-3)


def test_relu_patterns_and_outputs():
    phi = ag.networks.relu_pattern_map([2, 2, 2], ["10", "11"])
    rng = np.random.default_rng(0)
    theta = [int(v) for v in rng.integers(-5, 6, phi.n_parameters)]
    y = phi(theta)
    inside = contains(phi, y, rng=1)
    assert answers(inside) == [YES] * 3
    assert list(phi(inside.parameters)) == list(y)
    y[0] += 1
    outside = contains(phi, y, rng=1)
    assert answers(outside) == [NO] * 3
    assert outside.distance > 0.1
    deep = ag.networks.relu_pattern_map([3, 3, 2, 3, 3], [["111", "11", "111"], ["011", "11", "111"]])
    y = deep([int(v) for v in rng.integers(-3, 4, deep.n_parameters)])
    assert answers(contains(deep, y, rng=1)) == [YES] * 3
    y[3] += F(1, 1000)
    assert answers(contains(deep, y, rng=1)) == [NO] * 3


def test_attention():
    phi = ag.networks.attention_map(2, 2)
    y = phi([F(k - 3, 3) for k in range(phi.n_parameters)])
    assert answers(contains(phi, y, rng=1)) == [YES] * 3
    y[3] += F(1, 1000)
    result = contains(phi, y, rng=1)
    assert answers(result) == [NO] * 3
    assert result.equation.degree == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.fractions(-4, 4, max_denominator=6), min_size=6, max_size=6), st.integers(0, 5))
def test_images_are_found_and_perturbed_ones_are_not(theta, coordinate):
    phi = ag.varieties.segre(1, 2)
    y = list(phi(theta[:5]))
    assert answers(contains(phi, y, rng=2)) == [YES] * 3
    y[coordinate] += 1
    minors = [y[0] * y[4] - y[1] * y[3], y[0] * y[5] - y[2] * y[3], y[1] * y[5] - y[2] * y[4]]
    expected = NO if any(minors) else YES
    assert answers(contains(phi, y, rng=2)) == [expected] * 3


# Numerical and undecided answers


def test_border_rank_is_not_taken_for_rank():
    # The tensor of rank 3 and border rank 2: the map is dominant, its image comes arbitrarily near.
    phi = ag.varieties.secant(2, ag.varieties.segre(1, 1, 1))
    result = contains(phi, [0, 1, 1, 0, 1, 0, 0, 0], rng=1)
    assert answers(result)[0] == YES
    assert result.image.value is None
    assert result.real_image.value is None
    assert "went on falling" in result.image.evidence.reason
    assert 0 < result.distance < 1e-3
    with pytest.raises(GenericityError, match="undecided"):
        bool(result.image)


def test_witness_sets_decide_the_closure_without_equations():
    phi = ag.polynomial_map(["s^4", "s^3*t", "s*t^3", "t^4"])
    # Without equations of degree 2 and more nothing exact is known about a point off the surface ...
    blind = contains(phi, [16, 8, 2, 2], max_degree=1, numerical=False, rng=1)
    assert blind.closure.value is None
    assert blind.equation is None
    # ... but the witness set answers.
    seen = contains(phi, [16, 8, 2, 2], max_degree=1, rng=1)
    assert (seen.closure.value, seen.closure.evidence.status) == (False, Status.NUMERICAL)
    assert seen.image.value is False
    witness = degree(phi, method="monodromy", rng=1).witness_set
    again = contains(phi, [-16, 8, 2, -1], max_degree=1, witness=witness, rng=1)
    assert again.closure.value is True
    with pytest.raises(InputError, match="another map"):
        contains(SYMMETRIC, [1, 1, 1], witness=witness)


def test_a_numerical_no_needs_a_settled_distance():
    # Never below 1; in twelve parameters no certificate of that degree is looked for.
    phi = ag.polynomial_map(lambda t: [1 + (t[0] * t[1] * t[2] * t[3]) ** 2 + (t[4:8] @ t[8:12]) ** 4], n_parameters=12)
    result = contains(phi, [F(1, 2)], rng=1)
    assert answers(result) == [YES, YES, (False, Status.NUMERICAL)]
    assert result.distance == pytest.approx(0.5)
    assert "settled" in result.real_image.evidence.reason


def test_constant_maps():
    phi = ag.polynomial_map(["a - a + 2", "3"], parameters=["a"])
    assert answers(contains(phi, [2, 3], rng=1)) == [YES] * 3
    assert answers(contains(phi, [2, 4], rng=1)) == [NO] * 3


def test_limited_degrees_and_known_ideals():
    y = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    phi = ag.varieties.determinantal(3, 3, 2)
    assert contains(phi, y, max_degree=2, numerical=False, rng=1).closure.value is None
    ideal = ag.implicitize(phi, max_degree=3, rng=1)
    assert answers(contains(phi, y, ideal=ideal, rng=1)) == [NO] * 3
    probable = ag.implicitize(phi, max_degree=3, rng=1, expansion_budget=0)
    result = contains(phi, y, ideal=probable, rng=1)
    assert answers(result) == [(False, Status.PROBABILISTIC)] * 3
    assert result.closure.evidence.log10_error < -15


def test_the_same_seed_gives_the_same_answer():
    one, two = (contains(SYMMETRIC, [-1, 0, 0], rng=7) for _ in range(2))
    assert one.seed == two.seed == 7
    assert str(one) == str(two)
    assert "ImageMembership(closure: yes (proved), image: yes (proved), real image: no (proved)" in str(one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 2]}, "expected 3"),
        ({"y": [1, 2, np.nan]}, "finite"),
        ({"y": [1, 2, np.inf]}, "finite"),
        ({"y": [1, 2, 1j]}, "real"),
        ({"y": "abc"}, "list of numbers"),
        ({"y": [10**101, 0, 0]}, "scale the coordinates"),
        ({"phi": lambda t: t}, "trace it first"),
        ({"ideal": 3}, "give what implicitize"),
        ({"ideal": "other"}, "another map"),
        ({"max_degree": 0}, "from 1 on"),
        ({"starts": 0}, "positive"),
        ({"rng": -1}, "non-negative"),
    ],
)
def test_bad_arguments(change, message):
    if change.get("ideal") == "other":
        change = {"ideal": ag.implicitize(RANK_ONE, max_degree=1, rng=1)}
    arguments = {"phi": SYMMETRIC, "y": [1, 2, 4], **change}
    with pytest.raises(InputError, match=message):
        contains(arguments.pop("phi"), arguments.pop("y"), **arguments)


def test_three_answers_are_no_truth_value():
    with pytest.raises(InputError, match="three answers"):
        bool(contains(RANK_ONE, [1, 2, 3, 6], rng=1))
    assert contains(RANK_ONE, [1, 2, 3, 6], rng=1).real_image


# Parts


def test_fit_in_real_and_complex_numbers():
    residuals = preimage_residuals(SYMMETRIC, [-1, 0, 0])
    rng = np.random.default_rng(0)
    real = fit(residuals, starting_points(SYMMETRIC, 8, rng))
    assert real.norms.min() == pytest.approx(1, abs=1e-6)
    assert real.settled[real.best]
    found = fit(residuals, starting_points(SYMMETRIC, 8, rng, is_complex=True))
    assert found.norms[found.best] < 1e-12
    assert np.abs(found.points[0, found.best]) == pytest.approx(1)


def test_fit_survives_poles():
    phi = ag.polynomial_map(["1/t", "t"])
    found = fit(preimage_residuals(phi, [2, F(1, 2)]), np.array([[0.0, 1.0, 1e-200]]))
    assert found.norms[0] == np.inf
    assert found.norms[1] < 1e-12


def test_rational_preimages_along_fibers():
    phi = ag.varieties.determinantal(3, 4, 2)
    rng = np.random.default_rng(3)
    theta = rng.integers(-9, 10, phi.n_parameters)
    y = [F(v) for v in phi(theta.tolist())]
    # Another point of the same fiber, with irrational entries: (A M)(M^-1 B).
    fiber = fit(preimage_residuals(phi, y), theta[:, None] + 0.1 * rng.normal(size=(len(theta), 1)))
    assert fiber.norms[0] < 1e-10
    found = rational_preimage(phi, y, fiber.points[:, 0], rng, 1e-6)
    assert is_preimage(phi, found, y)


def test_irrational_preimages_are_certified_with_verified_equations():
    y = [F(2), F(2), F(2)]
    theta = np.array([1.41421356, 1.41421356])
    rng = np.random.default_rng(0)
    x0, x1, x2 = ag.Polynomial.variables(["x0", "x1", "x2"])
    assert rational_preimage(SYMMETRIC, y, theta, rng, 1e-6) is None
    found = certified_preimage(SYMMETRIC, y, theta, [x0 * x2 - x1**2], rng, 1e-6)
    assert found.is_real
    assert "smooth" in found.method
    # Off by 1e-12: near enough for the search, but the proof does not go through.
    off = [F(2), F(2), F(2) + F(1, 10**12)]
    assert certified_preimage(SYMMETRIC, off, theta, [], rng, 1e-6) is None


def test_closures_by_dimension_and_irreducibility():
    x, y, z = ag.Polynomial.variables(["x", "y", "z"])
    assert defines_closure([x**2 - y**2 * z], 2, 3)
    assert not defines_closure([x**2 - 2 * y**2], 1, 3)
    assert defines_closure([x**2 - 2 * y**2, z], 1, 3)  # irreducible over the rational numbers
    assert not defines_closure([x**2 - y**2, z], 1, 3)
    assert defines_closure([x - y, z], 1, 3)
    assert not defines_closure([], 2, 3)
    assert defines_closure([], 3, 3)
    search = EquationSearch(SYMMETRIC, 2, seed=1)
    assert [len(batch) for batch in search] == [0, 1]
    assert search.complete
    assert search.describe() == "1 equation up to degree 2"


def test_strings_are_exact_numbers():
    found = contains(ag.polynomial_map(["a", "a^2"]), ["1/3", "1/9"], rng=1)
    assert found.y == (F(1, 3), F(1, 9))
    assert found.real_image.evidence.status is Status.PROVED
    for wrong in ("one half", "1/0", "1e5000", "nan", ""):
        with pytest.raises(InputError, match=r"y\[0\]"):
            contains(ag.polynomial_map(["a", "a^2"]), [wrong, 0])


def test_a_witness_set_is_expected():
    with pytest.raises(InputError, match="expected a WitnessSet"):
        contains(ag.polynomial_map(["a", "a^2"]), [1, 1], witness=3)

"""Whether real varieties and regions meet."""

import math
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom import InputError, Status
from algeom.continuation.regions import AffineSubspace, Ball, Box, HalfSpace
from algeom.continuation.separation import separation
from algeom.continuation.verdicts import Verdict

CIRCLE = ag.polynomial_map(["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"])
INDEPENDENCE = ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"])
RANK_ONE = ag.varieties.segre(1, 1)
WHITNEY = ag.polynomial_map(["u*v", "u", "v^2"])
TWISTED = ag.polynomial_map(["t", "t^2", "t^3"])
IDENTITY = [1, 0, 0, 1]
DISJOINT = (Verdict.DISJOINT, Status.PROVED)
MEET = (Verdict.INTERSECTS, Status.PROVED)


def decisions(result):
    return [(d.verdict, d.evidence.status) for d in (result.closure, result.image)]


def check(phi, result):
    """What a result carries is what it says."""
    rng = np.random.default_rng(0)
    if result.separator is not None:
        f = result.separator.polynomial
        assert result.separator.is_combination()
        assert result.separator.bound > 0
        for _ in range(5):
            theta = [F(int(v), 3) for v in rng.integers(-9, 10, phi.n_parameters)]
            assert f(list(phi(theta))) == 0
    if result.parameters is not None:
        assert result.region.contains(list(phi(result.parameters)))
        assert result.distance == 0
    if result.certified is not None:
        theta = result.certified.approximate(phi.n_parameters).real
        assert result.region.distance(phi(theta)) < 1e-9
    if result.bracket is not None:
        assert all(result.region.contains(point) for point in result.bracket)


# Balls


@pytest.mark.parametrize("radius", [F(6, 10), F(99, 100), F(9999, 10000)])
def test_rank_one_matrices_keep_their_distance_from_the_identity(radius):
    result = separation(RANK_ONE, Ball(IDENTITY, radius), rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    assert str(result.separator.polynomial) == "y11*y22 - y12*y21"
    assert result.distance == pytest.approx(1 - radius, abs=1e-6)
    check(RANK_ONE, result)


@pytest.mark.parametrize("radius", [1, F(101, 100), 3])
def test_rank_one_matrices_in_larger_balls(radius):
    result = separation(RANK_ONE, Ball(IDENTITY, radius), rng=1)
    assert decisions(result) == [MEET, MEET]
    assert result.parameters is not None
    check(RANK_ONE, result)


@pytest.mark.parametrize(
    ("center", "radius", "expected"),
    [
        ([F(1, 2), 0, 0, F(1, 2)], F(1, 10), DISJOINT),
        ([F(1, 2), 0, 0, F(1, 2)], F(1, 3), DISJOINT),
        ([F(2, 5), F(1, 10), F(1, 10), F(2, 5)], F(1, 10), DISJOINT),
        ([F(1, 4)] * 4, F(1, 100), MEET),
        ([F(1, 2), 0, 0, F(1, 2)], F(6, 10), MEET),
    ],
)
def test_independence_model(center, radius, expected):
    result = separation(INDEPENDENCE, Ball(center, radius), rng=1)
    assert decisions(result) == [expected, expected]
    check(INDEPENDENCE, result)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.fractions(0, 3, max_denominator=40),
    st.fractions(-4, 4, max_denominator=9),
    st.fractions(0, 2, max_denominator=50),
)
def test_balls_and_the_unit_circle(size, slope, radius):
    """Centres at a known rational distance from the origin: the truth is |size - 1| against the radius."""
    direction = (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)
    result = separation(CIRCLE, Ball([size * v for v in direction], radius), numerical=False, rng=3)
    gap = abs(size - 1) - radius
    check(CIRCLE, result)
    for decision in (result.closure, result.image):
        if decision.evidence.status is Status.PROVED and decision is result.closure:
            assert decision.verdict is (Verdict.DISJOINT if gap > 0 else Verdict.INTERSECTS)
        elif decision.verdict is Verdict.INTERSECTS:
            assert gap <= 0
    if gap > F(1, 1000):
        assert decisions(result) == [DISJOINT, DISJOINT]
    if gap < -F(1, 1000):
        assert decisions(result) == [MEET, MEET]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.lists(st.integers(-6, 6), min_size=4, max_size=4), st.fractions(F(1, 10), 3, max_denominator=10))
def test_balls_and_matrices_of_rank_one(entries, radius):
    """The distance is the smaller singular value."""
    sigma = float(np.linalg.svd(np.reshape(entries, (2, 2)).astype(float), compute_uv=False)[1])
    result = separation(RANK_ONE, Ball(entries, radius), numerical=False, rng=3)
    check(RANK_ONE, result)
    if abs(sigma - float(radius)) > 1e-3:
        expected = DISJOINT if sigma > radius else MEET
        assert decisions(result) == [expected, expected]


@pytest.mark.parametrize("scale", [F(1, 10**9), 1, 10**9])
def test_the_scale_does_not_matter(scale):
    ball = Ball([scale * v for v in IDENTITY], scale * F(9, 10))
    result = separation(RANK_ONE, ball, rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    assert "sum of squares" in result.separator.method
    check(RANK_ONE, result)


@pytest.mark.slow
def test_a_network_of_48_coordinates():
    # Three blocks of rank two: none comes within 1/2 of the identity, by a minor of one block.
    phi = ag.networks.relu_pattern_map([4, 4, 4], ["1100", "1010", "1001"])
    result = separation(phi, Ball(np.eye(4, dtype=int).ravel().tolist() * 3, F(1, 2)), numerical=False, rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    assert result.separator.polynomial.degree == 3
    check(phi, result)


def test_touching_balls():
    # The ball touches the circle in one point, whose parameter is rational.
    assert decisions(separation(CIRCLE, Ball([2, 0], 1), rng=1)) == [MEET, MEET]
    # The same with an irrational contact point: the equation is zero there and positive elsewhere in the ball.
    result = separation(CIRCLE, Ball([1, 1], F(math.sqrt(2)) - 1), numerical=False, rng=1)
    assert result.verdict in (Verdict.UNDECIDED, Verdict.INTERSECTS, Verdict.DISJOINT)
    check(CIRCLE, result)


def test_points_are_balls_of_radius_zero():
    assert decisions(separation(CIRCLE, Ball([F(3, 5), F(4, 5)], 0), rng=1)) == [MEET, MEET]
    assert decisions(separation(CIRCLE, Ball([0.6, 0.8], 0), rng=1)) == [DISJOINT, DISJOINT]
    squares = ag.polynomial_map(["a^2", "b^2"])
    irrational = separation(squares, Ball([2, 3], 0), rng=1)
    assert decisions(irrational) == [MEET, MEET]
    assert irrational.certified is not None
    check(squares, irrational)


@pytest.mark.slow
def test_certificates_of_degree_four_for_a_cubic():
    phi = ag.varieties.determinantal(3, 3, 2)
    identity = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    result = separation(phi, Ball(identity, F(9, 10)), rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    check(phi, result)


# Affine subspaces


@pytest.mark.parametrize(
    ("normal", "value", "expected"),
    [
        ([1, 0], 2, [DISJOINT, DISJOINT]),
        ([1, 0], F(1, 2), [MEET, MEET]),  # at parameters 1/sqrt 3 and -1/sqrt 3
        ([1, 0], F(3, 5), [MEET, MEET]),
        ([0, 1], 1, [MEET, MEET]),  # a tangent
        ([1, 1], F(141421, 100000), [MEET, MEET]),
        ([1, 1], F(141422, 100000), [DISJOINT, DISJOINT]),
        ([1, 0], -1, [MEET, DISJOINT]),  # the tangent at the point that the parametrization misses
    ],
)
def test_lines_and_the_unit_circle(normal, value, expected):
    result = separation(CIRCLE, AffineSubspace([normal], [value]), rng=1)
    assert decisions(result) == expected
    check(CIRCLE, result)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(-5, 5), st.integers(-5, 5), st.fractions(0, 10, max_denominator=30))
def test_lines_are_decided_exactly(a, b, c):
    if not (a or b):
        return
    result = separation(CIRCLE, AffineSubspace([[a, b]], [c]), numerical=False, rng=4)
    assert (result.closure.verdict, result.closure.evidence.status) == (MEET if c**2 <= a**2 + b**2 else DISJOINT)
    check(CIRCLE, result)


def test_subspaces_of_relu_patterns():
    phi = ag.networks.relu_pattern_map([2, 2, 2], ["10", "11"])
    unit = [[0] * 4 + [int(i == j) for j in range(4)] for i in range(4)]
    # The first block has rank one, so that it is never the identity.
    first = AffineSubspace.through([1, 0, 0, 1, 0, 0, 0, 0], unit)
    result = separation(phi, first, rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    assert result.separator.method == "constant on the region"
    check(phi, result)
    # Equal blocks are possible, equal blocks of rank two are not.
    equal = [[int(j == i) - int(j == i + 4) for j in range(8)] for i in range(4)]
    assert decisions(separation(phi, AffineSubspace(equal, [0] * 4), rng=1)) == [MEET, MEET]
    # The second block minus the first has rank one: not the identity either.
    result = separation(phi, AffineSubspace(equal, [-1, 0, 0, -1]), rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    check(phi, result)


def test_relu_outputs_stay_out_of_a_ball():
    phi = ag.networks.relu_output_map([2, 2, 2], ["10", "11"], [np.eye(2, dtype=int), [[1, 1], [0, 2]]])
    center = [1, 0, 0, 1, 1, 0, 0, 1]
    result = separation(phi, Ball(center, F(1, 2)), rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    check(phi, result)
    result = separation(phi, Ball(center, 2), rng=1)
    assert decisions(result) == [MEET, MEET]
    check(phi, result)


def test_curves_in_space():
    meeting = AffineSubspace.through([0, 1, 1], [[1, 0, 0]])  # (1, 1, 1) at t = 1
    assert decisions(separation(TWISTED, meeting, rng=1)) == [MEET, MEET]
    skew = AffineSubspace.through([0, 1, 0], [[1, 0, 0]])
    result = separation(TWISTED, skew, rng=1)
    assert decisions(result) == [DISJOINT, DISJOINT]
    check(TWISTED, result)
    plane = AffineSubspace([[0, 1, 0]], [-1])  # t^2 = -1
    assert decisions(separation(TWISTED, plane, rng=1)) == [DISJOINT, DISJOINT]
    assert decisions(separation(TWISTED, AffineSubspace([[0, 0, 1]], [2]), rng=1)) == [MEET, MEET]


def test_the_closure_is_larger_than_the_image():
    # The handle of the Whitney umbrella, x = y = 0 and z < 0, belongs to V(R) and not to the real image.
    for region in (Ball([0, 0, -1], F(1, 2)), AffineSubspace([[0, 0, 1]], [-1]), HalfSpace([0, 0, -1], 1)):
        result = separation(WHITNEY, region, rng=1)
        assert decisions(result) == [MEET, DISJOINT]
        assert result.bracket is not None
        check(WHITNEY, result)
    off = separation(WHITNEY, Ball([1, 0, -1], F(1, 2)), rng=1)
    assert decisions(off) == [DISJOINT, DISJOINT]
    check(WHITNEY, off)


def test_dominant_maps():
    squares = ag.polynomial_map(["a^2", "b^2"])
    for region in (Ball([-1, -1], 1), Box([-2, -2], [-1, 5]), AffineSubspace([[1, 1]], [-1])):
        assert decisions(separation(squares, region, rng=1)) == [MEET, DISJOINT]
    assert decisions(separation(squares, Ball([-1, -1], F(3, 2)), rng=1)) == [MEET, MEET]


# Boxes and half-spaces


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (Box([F(3, 4), F(3, 4)], [2, 2]), DISJOINT),
        (Box([F(7, 10), F(7, 10)], [2, 2]), MEET),
        (Box([F(-1, 2), F(-1, 2)], [F(1, 2), F(1, 2)]), DISJOINT),
        (Box([F(3, 5), F(1, 2)], [F(3, 5), 1]), MEET),
        (Box([F(1, 2), F(1, 2)], [F(1, 2), 1]), MEET),  # at (1/2, sqrt(3)/2)
        (Box([F(1, 2), F(-1, 2)], [F(1, 2), F(1, 2)]), DISJOINT),
        (HalfSpace([1, 0], 2), DISJOINT),
        (HalfSpace([1, 0], 1), MEET),
        (HalfSpace([3, 4], F(5001, 1000)), DISJOINT),
        (HalfSpace([3, 4], F(4999, 1000)), MEET),
    ],
)
def test_boxes_and_half_spaces(region, expected):
    result = separation(CIRCLE, region, rng=1)
    assert decisions(result) == [expected, expected]
    check(CIRCLE, result)


# Numerical verdicts, budgets, errors


def test_critical_points_decide_without_equations():
    result = separation(CIRCLE, Ball([2, 0], F(1, 2)), max_degree=1, rng=1)
    assert (result.verdict, result.evidence.status) == (Verdict.DISJOINT, Status.NUMERICAL)
    assert "singular locus" in result.evidence.reason
    blind = separation(CIRCLE, Ball([2, 0], F(1, 2)), max_degree=1, numerical=False, rng=1)
    assert blind.verdict is Verdict.UNDECIDED
    assert "max_degree" in blind.evidence.reason
    skew = AffineSubspace.through([0, 1, 0], [[1, 0, 0]])
    result = separation(TWISTED, skew, max_degree=1, rng=1)
    assert (result.verdict, result.evidence.status) == (Verdict.DISJOINT, Status.NUMERICAL)
    assert "infinity" in result.evidence.reason


def test_probable_equations_give_probable_verdicts():
    ideal = ag.implicitize(RANK_ONE, max_degree=2, rng=1, expansion_budget=0)
    result = separation(RANK_ONE, Ball(IDENTITY, F(1, 2)), ideal=ideal, rng=1)
    assert (result.verdict, result.evidence.status) == (Verdict.DISJOINT, Status.PROBABILISTIC)


def test_the_same_seed_gives_the_same_result():
    one, two = (separation(INDEPENDENCE, Ball([F(1, 2), 0, 0, F(1, 2)], F(1, 3)), rng=5) for _ in range(2))
    assert str(one) == str(two)
    assert one.seed == 5
    assert "disjoint (proved)" in repr(one)
    with pytest.raises(InputError, match="compare"):
        bool(one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"region": Ball([0, 0, 0], 1)}, "3 coordinates, and the map has 2"),
        ({"region": [0, 0]}, "the region is a Ball"),
        ({"phi": lambda t: t}, "trace it first"),
        ({"max_boxes": -1}, "from 0 on"),
        ({"starts": 0}, "from 1 on"),
        ({"certificate_degree": 3}, "2, 4 or 6"),
        ({"max_degree": -1}, "from 1 on"),
        ({"ideal": "x"}, "implicitize"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {"phi": CIRCLE, "region": Ball([0, 0], 1), **change}
    with pytest.raises(InputError, match=message):
        separation(arguments.pop("phi"), arguments.pop("region"), **arguments)


@pytest.mark.parametrize(
    ("region", "shown"),
    [
        # A radius of 2 would touch the circle.
        (Ball([3, 0], F(19999999, 10**7)), "radius=19999999/10000000"),
        (Ball([3, 0], 0.99), "radius=0.99)"),
        (Ball([F(1, 3) ** 40, 0], 1), "center=[~8.22e-20, 0]"),
    ],
)
def test_regions_are_printed_as_they_are(region, shown):
    assert shown in repr(region)


def test_distances_are_rounded_up():
    found = separation(CIRCLE, Ball([3, 0], F(19999999, 10**7)), rng=1)
    assert found.verdict is Verdict.DISJOINT
    assert "radius=19999999/10000000" in repr(found)
    assert 0 < found.distance <= float(repr(found).rpartition("<= ")[2].rstrip(")"))

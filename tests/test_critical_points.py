"""Critical points of distances and nearest points, against singular value decompositions and roots of polynomials."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom import varieties as v
from algeom.continuation.critical_points import critical_points
from algeom.continuation.ed_classification import hessian_eigenvalues, morse_index
from algeom.continuation.ed_degree import ed_degree
from algeom.continuation.ed_loops import Loops, Run
from algeom.continuation.ed_system import Weights
from algeom.continuation.gauge import gauge
from algeom.continuation.nearest import nearest_point
from algeom.errors import InputError
from algeom.evidence import Evidence, Status

X, Y = "(1-t^2)/(1+t^2)", "2*t/(1+t^2)"
CIRCLE = ag.polynomial_map([X, Y])
CARDIOID = ag.polynomial_map([f"{X}*(1-{X})", f"{Y}*(1-{X})"])
PARABOLA = ag.polynomial_map(["t", "t^2"])
CUBIC = ag.polynomial_map(["t", "t^2", "t^3"])

_GENERIC = {}


def generic(name, phi, weights="unit"):
    """Generic critical points, computed once."""
    if name not in _GENERIC:
        _GENERIC[name] = ed_degree(phi, weights, rng=1)
    return _GENERIC[name]


def truncations(u, r):
    """Singular values kept and the matrices, for all sets of r of them."""
    left, values, right = np.linalg.svd(u, full_matrices=False)
    return [
        (kept, sum(values[i] * np.outer(left[:, i], right[i]) for i in kept))
        for kept in combinations(range(len(values)), r)
    ], values


# Eckart and Young


# Local searches from large parameters came nearer by rounding errors.
@example(shape=(3, 3, 2), seed=3285)
@settings(max_examples=15)
@given(
    shape=st.sampled_from([(2, 2, 1), (2, 4, 1), (3, 3, 1), (3, 3, 2), (4, 3, 2), (3, 5, 2)]),
    seed=st.integers(0, 10**6),
)
def test_critical_points_are_the_truncated_singular_value_decompositions(shape, seed):
    m, n, r = shape
    phi = v.determinantal(m, n, r)
    start = generic(shape, phi)
    u = np.random.default_rng(seed).standard_normal((m, n))
    found = critical_points(phi, u.ravel(), generic=start, rng=seed)
    expected, values = truncations(u, r)
    assert len(found) == found.n_real == len(expected)
    assert found.evidence.status is Status.NUMERICAL
    assert not found.lost
    assert not found.on_variety
    assert not found.on_discriminant
    assert np.all(np.diff(found.distances) >= 0)
    for kept, matrix in expected:
        gaps = [np.abs(point.point - matrix.ravel()).max() for point in found]
        point = found[int(np.argmin(gaps))]
        assert min(gaps) < 1e-8
        dropped = [i for i in range(len(values)) if i not in kept]
        assert point.distance == pytest.approx(np.linalg.norm(values[dropped]), rel=1e-9)
        # Exchanging a singular value that is kept for a larger one decreases the distance, in two directions each.
        assert point.index == sum(values[j] > values[i] for i in kept for j in dropped)
        assert point.theta is not None
        np.testing.assert_allclose(phi(point.theta), point.point, atol=1e-9)
    nearest = nearest_point(phi, u.ravel(), generic=start, rng=seed)
    best = next(matrix for kept, matrix in expected if kept == tuple(range(r)))
    np.testing.assert_allclose(nearest.point, best.ravel(), atol=1e-8)
    assert nearest.critical[0].kind == "minimum"
    assert nearest.is_unique


def test_diagonal_data_whose_critical_points_the_gauge_cannot_reach():
    # With the first rows of the left factor fixed, e_2 e_2^T and e_3 e_3^T are at infinity.
    for r in (1, 2):
        phi = v.determinantal(3, 3, r)
        u = np.diag([3.0, 2.0, 1.0])
        found = critical_points(phi, u.ravel(), generic=generic((3, 3, r), phi), rng=0)
        assert len(found) == found.n_real == 3
        expected, _ = truncations(u, r)
        for _, matrix in expected:
            assert min(np.abs(point.point - matrix.ravel()).max() for point in found) < 1e-9
        assert sorted(point.index for point in found) == [0, 1, 2]
        for point in found:
            np.testing.assert_allclose(phi(point.theta), point.point, atol=1e-9)


def test_equal_singular_values_put_the_data_on_the_discriminant():
    phi = v.determinantal(3, 3, 1)
    found = critical_points(phi, np.diag([3.0, 2.0, 2.0]).ravel(), generic=generic((3, 3, 1), phi), rng=0)
    assert found.on_discriminant
    assert [point.distance for point in found.real if point.is_regular] == pytest.approx([8**0.5])
    assert "on the ED discriminant" in repr(found)


def test_weights_on_columns_are_a_weighted_singular_value_decomposition():
    rng = np.random.default_rng(3)
    s = rng.standard_normal((3, 3))
    u = rng.standard_normal((2, 3))
    found = critical_points(v.determinantal(2, 3, 1), u.ravel(), np.kron(np.eye(2), s @ s.T), rng=1)
    expected, values = truncations(u @ s, 1)
    assert found.distances == pytest.approx(sorted(values))
    best = expected[0][1] @ np.linalg.inv(s)
    np.testing.assert_allclose(found[0].point, best.ravel(), atol=1e-8)


def test_symmetric_matrices_with_frobenius_weights_are_spectral_decompositions():
    n = 3
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    weights = [1 if i == j else 2 for i, j in pairs]
    a = np.random.default_rng(5).standard_normal((n, n))
    u = a + a.T
    values, vectors = np.linalg.eigh(u)
    found = critical_points(v.symmetric_determinantal(n, 2), [u[i, j] for i, j in pairs], weights, rng=1)
    assert found.distances == pytest.approx(sorted(np.abs(values)))
    best = u - values[np.argmin(np.abs(values))] * np.outer(*[vectors[:, np.argmin(np.abs(values))]] * 2)
    np.testing.assert_allclose(found[0].point, [best[i, j] for i, j in pairs], atol=1e-8)


# Plane and space curves


def roots_of(polynomial):
    return np.roots(polynomial[::-1])


@settings(max_examples=20)
@given(u=st.tuples(*[st.floats(-4, 4)] * 3))
def test_points_on_a_space_cubic_are_roots_of_a_quintic(u):
    found = critical_points(CUBIC, u, generic=generic("cubic", CUBIC), rng=0)
    assert len(found) + len(found.lost) >= 1
    if not found.on_discriminant:
        assert len(found) == 5
    ts = roots_of(np.array([-u[0], 1 - 2 * u[1], -3 * u[2], 2, 0, 3]))
    for t in ts:
        gaps = [np.abs(point.point - [t, t**2, t**3]).max() for point in found]
        # Multiple roots are known to a root of the accuracy.
        assert min(gaps) < (1e-3 if found.on_discriminant else 1e-6)
    real = [point for point in found.real if point.is_regular]
    if not found.on_discriminant:
        assert len(real) % 2 == 1
        # Minima and maxima alternate along a line.
        along = [point.kind for point in sorted(real, key=lambda point: point.point[0])]
        assert along == ["minimum", "maximum"] * (len(along) // 2) + ["minimum"]


def test_the_circle():
    start = generic("circle", CIRCLE)
    found = critical_points(CIRCLE, [3.0, 4.0], generic=start, rng=0)
    assert found.distances == pytest.approx([4, 6])
    assert [point.kind for point in found] == ["minimum", "maximum"]
    assert found[0].theta == pytest.approx([0.5])
    np.testing.assert_allclose(found.real_points, [[0.6, -0.6], [0.8, -0.8]], atol=1e-12)
    np.testing.assert_allclose(found.points, found.real_points, atol=1e-12)


def test_a_critical_point_that_the_parametrization_only_tends_to():
    # (-1, 0) would need t = infinity.
    found = critical_points(CIRCLE, [2.0, 0.0], generic=generic("circle", CIRCLE), rng=0)
    assert found.distances == pytest.approx([1, 3])
    assert found[1].theta is None
    assert (found[1].kind, found[1].index) == ("maximum", 1)
    nearest = nearest_point(CIRCLE, [-2.0, 0.0], generic=generic("circle", CIRCLE), rng=0)
    assert nearest.distance == pytest.approx(1)
    assert nearest.theta is None
    assert any("no real parameters" in text for text in nearest.not_covered)


@pytest.mark.parametrize("far", [3e5, 1e6, 1e8])
def test_a_nearest_point_at_large_parameters(far):
    found = nearest_point(CIRCLE, [-far, 1.0], generic=generic("circle", CIRCLE), rng=1)
    assert found.distance == pytest.approx(np.hypot(far, 1) - 1, rel=1e-12)
    np.testing.assert_allclose(found.point, [-1, 1 / far], atol=1e-7)
    # Farther away the point is found by the local search only.
    assert (found.critical[0].kind == "minimum") == (far <= 1e6)
    assert found.evidence.status is (Status.NUMERICAL if far <= 1e6 else Status.LOWER_BOUND)


def test_critical_points_near_the_origin_are_told_apart():
    found = critical_points(ag.polynomial_map(["t^9", "t^13"]), [0.3, 0.7], rng=1)
    assert len(found) == 17
    assert not found.on_discriminant


def test_data_on_the_variety():
    for u in ([1.0, 0.0], [0.6, 0.8], [-1.0, 0.0]):
        found = critical_points(CIRCLE, u, generic=generic("circle", CIRCLE), rng=0)
        assert found.on_variety
        assert not found.on_discriminant
        assert found.distances == pytest.approx([0, 2], abs=1e-12)
        assert found[0].kind == "minimum"
        assert "data on the variety" in repr(found)


def test_data_on_the_evolute():
    # The centre of curvature of the parabola at t = 1, (-4 t^3, 3 t^2 + 1/2), is the end of a pair of points.
    found = critical_points(PARABOLA, [-4.0, 3.5], rng=1)
    assert found.on_discriminant
    double = next(point for point in found if not point.is_regular)
    np.testing.assert_allclose(double.point, [1, 1], atol=1e-4)
    assert (double.multiplicity, double.kind) == (2, "degenerate")
    assert found[0].kind == "minimum"
    np.testing.assert_allclose(found[0].point, [-2, 4], atol=1e-9)


def test_the_centre_of_the_circle_has_a_whole_circle_of_critical_points():
    found = critical_points(CIRCLE, [0.0, 0.0], generic=generic("circle", CIRCLE), rng=0)
    assert found.on_discriminant
    assert all(not point.is_regular for point in found)
    assert "critical points not isolated" in repr(found)
    nearest = nearest_point(CIRCLE, [0.0, 0.0], generic=generic("circle", CIRCLE), rng=0)
    assert nearest.distance == pytest.approx(1)
    assert nearest.evidence.status is Status.LOWER_BOUND
    assert not nearest.on_singular_locus


def test_the_cusp_of_the_cardioid():
    start = generic("cardioid", CARDIOID)
    found = critical_points(CARDIOID, [0.0, 0.0], generic=start, rng=0)
    assert found.lost == {"on the singular locus": 2}
    assert found.on_variety
    assert found.distances == pytest.approx([2])
    # Near the cusp the minimum is there, and no smooth critical point tells.
    nearest = nearest_point(CARDIOID, [-0.1, 0.0], generic=start, rng=0)
    assert nearest.on_singular_locus
    assert nearest.distance == pytest.approx(0.1, abs=1e-6)
    assert nearest.evidence.status is Status.LOWER_BOUND
    assert "local search" in nearest.evidence.reason


def test_complex_points_come_in_pairs_after_the_real_ones():
    found = critical_points(CUBIC, [0.3, 1.0, -0.4], generic=generic("cubic", CUBIC), rng=0)
    flags = [point.is_real for point in found]
    assert flags == sorted(flags, reverse=True)
    others = np.array([point.squared_distance for point in found if not point.is_real])
    assert np.abs(np.sort_complex(others) - np.sort_complex(others.conj())).max() < 1e-10
    assert all(point.kind == "complex" and np.isnan(point.distance) for point in found if not point.is_real)


def test_complex_data_have_critical_points_and_no_nearest_point():
    found = critical_points(PARABOLA, [1.0 + 1j, 2.0], rng=1)
    assert len(found) == 3
    assert found.n_real == 0
    with pytest.raises(InputError, match="complex"):
        nearest_point(PARABOLA, [1.0 + 1j, 2.0], rng=1)


# Starting from what is known, and evidence


def test_generic_weights_serve_all_weights():
    start = ed_degree(CARDIOID, "generic", rng=1)
    unit = critical_points(CARDIOID, [1.0, 2.0], generic=start, rng=0)
    assert len(unit) == 3
    assert unit.generic.weights.kind == "unit"
    given_weights = critical_points(CARDIOID, [1.0, 2.0], [1.0, 3.0], generic=start, rng=0)
    assert len(given_weights) == 7
    again = critical_points(CARDIOID, [-2.0, 0.5], generic=unit, rng=0)
    fresh = critical_points(CARDIOID, [-2.0, 0.5], rng=4)
    np.testing.assert_allclose(again.distances, fresh.distances, rtol=1e-9)
    # Unit weights that came from generic ones know the way to others.
    automatic = ed_degree(CARDIOID, rng=1)
    assert len(critical_points(CARDIOID, [1.0, 2.0], [1.0, 3.0], generic=automatic, rng=0)) == 7


def test_critical_points_of_something_else_are_refused():
    start = generic("circle", CIRCLE)
    with pytest.raises(InputError, match="another map"):
        critical_points(CARDIOID, [1.0, 2.0], generic=start)
    with pytest.raises(InputError, match="unit weights"):
        critical_points(CIRCLE, [1.0, 2.0], [1.0, 3.0], generic=ed_degree(CIRCLE, method="direct", max_loops=2, rng=1))
    with pytest.raises(InputError, match="expected the result"):
        critical_points(CIRCLE, [1.0, 2.0], generic=3)


def test_certificates():
    phi = v.determinantal(3, 3, 1)
    u = np.arange(9.0) ** 1.5
    found = critical_points(phi, u, generic=generic((3, 3, 1), phi), certified=True, rng=0)
    assert all(point.is_certified and point.is_certified_real for point in found)
    cubic = critical_points(CUBIC, [0.3, 1.0, -0.4], generic=generic("cubic", CUBIC), certified=True, rng=0)
    assert all(point.is_certified for point in cubic)
    assert [point.is_certified_real for point in cubic] == [point.is_real for point in cubic]
    assert not any(point.is_certified for point in critical_points(CUBIC, [1, 2, 3], generic=cubic, rng=0))


@pytest.mark.parametrize(
    ("u", "message"),
    [
        ([1.0, np.nan], "NaN"),
        ([1.0, np.inf], "NaN or infinite"),
        ([1.0, 2.0, 3.0], "shape"),
        (np.ones((2, 2)), "one point is expected"),
        (["a", "b"], "not numbers"),
    ],
)
def test_bad_data_are_refused(u, message):
    for verb in (critical_points, nearest_point):
        with pytest.raises(InputError, match=message):
            verb(CIRCLE, u)


def test_bad_weights_are_refused():
    with pytest.raises(InputError, match="positive definite"):
        critical_points(CIRCLE, [1.0, 2.0], [1.0, -1.0])
    with pytest.raises(InputError, match="positive definite"):
        nearest_point(CIRCLE, [1.0, 2.0], [1.0, -1.0])
    with pytest.raises(InputError, match="random numbers"):
        critical_points(CIRCLE, [1.0, 2.0], "generic")
    found = critical_points(PARABOLA, [1.0, 2.0], [1.0, -1.0], indefinite=True, rng=0)
    assert len(found) == 3


def test_seeds_agree_and_integers_and_fractions_are_data():
    found = [critical_points(CARDIOID, [1, 2], rng=seed) for seed in range(2)]
    for other in found[1:]:
        np.testing.assert_allclose(other.distances, found[0].distances, rtol=1e-10)
    exact = critical_points(CARDIOID, np.array([1, 2]), rng=0)
    np.testing.assert_allclose(exact.distances, found[0].distances)
    assert critical_points(PARABOLA, [Fraction(1, 2), 2], rng=0).n_real >= 1


# Nearest points


def test_the_singular_locus_is_compared_with():
    cusp, origin = ag.polynomial_map(["t^2", "t^3"]), ag.polynomial_map(["0*a", "0*a"])
    start = ed_degree(cusp, rng=1)
    near = nearest_point(cusp, [-1.0, 0.1], singular_locus=origin, generic=start, rng=1)
    assert near.on_singular_locus
    assert near.distance == pytest.approx(1.01**0.5)
    assert near.evidence.status is Status.NUMERICAL
    assert not near.not_covered
    far = nearest_point(cusp, [2.0, 3.0], singular_locus=origin, generic=start, rng=1)
    assert not far.on_singular_locus
    assert far.distance < 13**0.5
    rank_one = v.determinantal(3, 3, 1)
    matrices = v.determinantal(3, 3, 2)
    u = np.random.default_rng(0).standard_normal(9)
    nearest = nearest_point(matrices, u, singular_locus=rank_one, generic=generic((3, 3, 2), matrices), rng=0)
    assert not nearest.on_singular_locus
    assert nearest.distance == pytest.approx(np.linalg.svd(u.reshape(3, 3), compute_uv=False)[2])
    assert all(text.startswith("within the singular locus") for text in nearest.not_covered)
    nodal = ag.polynomial_map(["t^2-1", "t^3-t"])
    with pytest.raises(InputError, match="not in the closure"):
        nearest_point(nodal, [0.01, 0.0], singular_locus=ag.polynomial_map(["1/100", "0"], parameters=["t"]), rng=1)
    with pytest.raises(InputError, match="same space"):
        nearest_point(matrices, u, singular_locus=PARABOLA, generic=generic((3, 3, 2), matrices))


def test_nearest_points_without_real_parameters():
    # The closure of the rank-one A A^T holds the negative semidefinite ones as well.
    found = nearest_point(v.symmetric_determinantal(2, 1), [-1.0, 0.3, -2.0], [1, 2, 1], rng=1)
    values = np.linalg.eigvalsh([[-1.0, 0.3], [0.3, -2.0]])
    assert found.distance == pytest.approx(np.abs(values).min())
    assert found.theta is None
    assert "no real parameters" in repr(found)
    positive = nearest_point(v.symmetric_determinantal(2, 1), [1.0, 0.3, 2.0], [1, 2, 1], rng=1)
    np.testing.assert_allclose(v.symmetric_determinantal(2, 1)(positive.theta), positive.point, atol=1e-7)


def test_ties_are_told():
    found = nearest_point(PARABOLA, [0.0, 3.0], rng=1)
    assert not found.is_unique
    assert found.distance == pytest.approx(11**0.5 / 2)
    assert "not unique" in repr(found)
    assert "not covered" in str(found)


# Indices


def test_morse_indices_do_not_depend_on_parameters():
    rng = np.random.default_rng(2)
    basis = np.linalg.qr(rng.standard_normal((6, 3)))[0]
    form = np.diag([2.0, -1.0, 5.0])
    change = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    # y = basis @ change @ tau: the Jacobian and the Hessian in complex parameters tau.
    eigenvalues = hessian_eigenvalues(change.T @ form @ change, basis @ change)
    np.testing.assert_allclose(eigenvalues, [-1, 2, 5], atol=1e-12)
    assert morse_index(eigenvalues, 1e-9) == 1
    assert morse_index(np.array([1e-15, 1.0]), 1e-9) == -1


@pytest.mark.parametrize(
    ("phi", "u"),
    [
        (ag.polynomial_map(["t^2", "t^3"]), [-1.0, 0.0]),
        (v.determinantal(3, 3, 1), np.zeros(9)),
        (ag.polynomial_map(["t^2-1", "t^3-t"]), [0.0, 0.0]),
        (CIRCLE, [1e-3, 0.0]),
        (CIRCLE, [1e10, 1e10]),
    ],
)
def test_a_single_nearest_point_is_unique(phi, u):
    found = nearest_point(phi, u, rng=1)
    assert found.is_unique
    assert "not unique" not in repr(found)


def test_the_centre_of_a_circle_has_no_single_nearest_point():
    assert not nearest_point(CIRCLE, [0.0, 0.0], rng=1).is_unique


# Interruptions, threads, starts that cannot be continued


class InterruptAt:
    """Progress that presses Ctrl-C once, and counts what is started after that."""

    def __init__(self, number):
        self.number, self.after, self.done = number, 0, False

    def __call__(self, event):
        self.number -= 1
        if self.number == 0:
            self.done = True
            raise KeyboardInterrupt
        self.after += self.done and event.kind == "start"


@pytest.mark.parametrize("number", [5, 12])
def test_nothing_is_started_after_an_interruption(number):
    phi, u = v.determinantal(3, 3, 1), np.arange(9.0) ** 1.3
    press = InterruptAt(number)
    found = critical_points(phi, u, rng=1, progress=press)
    assert press.done
    assert press.after == 0
    assert found.interrupted
    assert found.evidence.status is Status.LOWER_BOUND
    assert "interrupted" in repr(found)
    assert "discriminant" not in repr(found)
    press = InterruptAt(number)
    nearest = nearest_point(phi, u, rng=1, progress=press)
    assert press.after == 0
    assert "interrupted" in repr(nearest)
    assert nearest.evidence.status is Status.LOWER_BOUND
    # What was known by then can be used.
    again = critical_points(phi, u, generic=found, rng=1)
    assert not again.interrupted
    assert again.evidence.status is Status.LOWER_BOUND


def test_threads_change_no_result():
    found = [critical_points(PARABOLA, [1.0, 2.0], rng=1, threads=threads) for threads in (1, 2)]
    np.testing.assert_array_equal(found[0].points, found[1].points)
    assert nearest_point(PARABOLA, [1.0, 2.0], rng=1, threads=1).distance == found[0].distances[0]


def test_points_that_cannot_be_continued_cost_the_evidence_only():
    loops = Loops(gauge(CUBIC, rng=1), Weights("unit", np.ones(3)), Run(1, None, None, None, None, False), 20)
    good = loops.tau.copy()
    loops.tau = np.hstack([good, [[1e3]], good + 1e5])
    assert loops.complete().status is Status.NUMERICAL
    assert loops.count == 5
    assert loops.dropped == 2
    result = loops.result(Evidence(Status.NUMERICAL, reason="complete"))
    assert result.evidence.status is Status.LOWER_BOUND
    assert "2 points were too close" in result.evidence.reason


def test_a_matrix_as_data_is_to_be_raveled():
    with pytest.raises(InputError, match="ravel"):
        critical_points(v.determinantal(2, 2, 1), np.eye(2))
    with pytest.raises(InputError, match="one point is expected"):
        critical_points(CIRCLE, [1, 2, 3])
    with pytest.raises(InputError, match="no nearest point"):
        nearest_point(CIRCLE, [1.0, 2.0], [1.0, -1.0])

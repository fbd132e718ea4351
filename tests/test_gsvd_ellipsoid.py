"""Minimum-volume ellipsoids: known ones, other solvers, laws, degenerate points and certificates."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd import minimum_volume_ellipsoid
from algeom.gsvd.ellipsoids import interior_point
from algeom.gsvd.ellipsoids.core_sets import core_set, support_threshold


def simplex(p):
    """Vertices of a regular simplex with circumradius 1 about the origin."""
    corners = np.eye(p + 1) - 1 / (p + 1)
    basis = np.linalg.svd(corners)[2][:p]
    points = corners @ basis.T
    return points / np.linalg.norm(points, axis=1)[:, None]


def cube(p):
    return np.array(list(itertools.product([-1.0, 1.0], repeat=p)))


def certified_gap(points, ellipsoid):
    """The duality gap of weights and ellipsoid from the definitions, for full rank."""
    V = sum(w * np.outer(y, y) for w, y in zip(ellipsoid.weights, points, strict=True))
    p = points.shape[1]
    bound = -np.linalg.slogdet(V)[1] - p * math.log(p)  # of log det M, by weak duality
    M = ellipsoid.axes @ np.diag(ellipsoid.semi_axes**-2.0) @ ellipsoid.axes.T
    assert max(y @ M @ y for y in points) <= 1 + 1e-9
    return bound - np.linalg.slogdet(M)[1]


@pytest.mark.parametrize("p", [1, 2, 3, 6])
@pytest.mark.parametrize(
    ("family", "radius"), [(simplex, lambda p: 1.0), (lambda p: np.eye(p), lambda p: 1.0), (cube, math.sqrt)]
)
def test_vertices_of_regular_polytopes_are_on_a_sphere(family, radius, p):
    found = minimum_volume_ellipsoid(family(p), 1e-12)
    assert found.semi_axes == pytest.approx(np.full(p, radius(p)), rel=1e-11)
    assert found.gauge(family(p)) == pytest.approx(1, rel=1e-11)


@pytest.mark.parametrize("p", [2, 5])
def test_linear_images_of_a_cross_polytope_have_the_singular_values_of_the_map(p):
    A = np.random.default_rng(p).standard_normal((p, p))
    found = minimum_volume_ellipsoid(A.T, 1e-12)
    U, sigma, _ = np.linalg.svd(A)
    assert found.semi_axes == pytest.approx(sigma, rel=1e-10)
    assert np.abs(found.axes.T @ U) == pytest.approx(np.eye(p), abs=1e-9)


@pytest.mark.parametrize(("n", "p"), [(4000, 3), (800, 6)])
def test_linear_maps_of_random_points_of_the_sphere_have_their_singular_values(n, p):
    rng = np.random.default_rng(0)
    A = rng.standard_normal((p, p))
    x = rng.standard_normal((n, p))
    x /= np.linalg.norm(x, axis=1)[:, None]
    found = minimum_volume_ellipsoid(x @ A.T, 1e-12)
    assert found.semi_axes == pytest.approx(np.linalg.svd(A)[1], rel=1e-9)


def test_points_inside_do_not_matter_and_have_no_weight():
    rng = np.random.default_rng(1)
    inside = rng.uniform(-0.5, 0.5, (200, 4))
    found = minimum_volume_ellipsoid(np.vstack([inside, cube(4)]), 1e-10)
    assert found.semi_axes == pytest.approx(np.full(4, 2.0))
    assert found.weights[:200].max() < 1e-9
    assert found.support.min() >= 200


def general(rng, n, p):
    return rng.standard_normal((n, p)) * np.exp(rng.standard_normal((n, 1)))


@pytest.mark.parametrize(("n", "p"), [(12, 2), (30, 3), (25, 5)])
def test_scipy_finds_the_same_optimum(n, p):
    from scipy.optimize import minimize

    points = general(np.random.default_rng(n), n, p)
    rows, columns = np.tril_indices(p)

    def lower(x):
        L = np.zeros((p, p))
        L[rows, columns] = x
        return L

    diagonal = np.flatnonzero(rows == columns)

    def inside(x):
        return 1 - np.square(points @ lower(x)).sum(axis=1)

    def inside_slope(x):
        image = points @ lower(x)
        return -2 * image[:, columns] * points[:, rows]

    def slope(x):
        result = np.zeros(x.size)
        result[diagonal] = -1 / x[diagonal]
        return result

    start = np.zeros(rows.size)
    start[diagonal] = 0.9 / np.linalg.norm(points, axis=1).max()
    solution = minimize(
        lambda x: -np.log(np.abs(x[diagonal])).sum(), start, jac=slope, method="SLSQP",
        constraints={"type": "ineq", "fun": inside, "jac": inside_slope}, options={"ftol": 1e-14, "maxiter": 500},
    )  # fmt: skip
    L = lower(solution.x)
    found = minimum_volume_ellipsoid(points, 1e-11)
    assert np.log(found.semi_axes).sum() == pytest.approx(solution.fun, abs=1e-7)
    assert found.matrix == pytest.approx(L @ L.T, rel=1e-4, abs=1e-4 * np.abs(L @ L.T).max())


@pytest.mark.parametrize(("n", "p"), [(15, 2), (60, 4)])
def test_cvxpy_finds_the_same_optimum(n, p):
    cvxpy = pytest.importorskip("cvxpy")
    points = general(np.random.default_rng(n), n, p)
    A = cvxpy.Variable((p, p), PSD=True)
    problem = cvxpy.Problem(cvxpy.Maximize(cvxpy.log_det(A)), [cvxpy.norm(points @ A, axis=1) <= 1])
    problem.solve(solver="CLARABEL")
    found = minimum_volume_ellipsoid(points, 1e-11)
    assert -np.log(found.semi_axes).sum() == pytest.approx(problem.value, abs=1e-6)
    assert found.matrix == pytest.approx(A.value @ A.value, rel=1e-4, abs=1e-5 * np.abs(found.matrix).max())


@pytest.mark.parametrize("kind", ["general", "sphere", "lattice", "copies"])
def test_changing_one_weight_at_a_time_comes_to_the_same_ellipsoid(kind):
    rng = np.random.default_rng(3)
    points = general(rng, 40, 4)
    if kind == "sphere":
        points /= np.linalg.norm(points, axis=1)[:, None]
    elif kind == "lattice":
        points = rng.integers(-2, 3, (60, 4)).astype(float)
    elif kind == "copies":
        points = np.vstack([points, -points, points])
    slow = minimum_volume_ellipsoid(points, 1e-7, method="away-steps")
    fast = minimum_volume_ellipsoid(points, 1e-7)
    assert slow.gap <= 1e-7
    assert fast.gap <= 1e-7
    assert fast.log_volume == pytest.approx(slow.log_volume, abs=4e-7)
    assert fast.semi_axes == pytest.approx(slow.semi_axes, rel=slow.semi_axes_error + fast.semi_axes_error)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 60), st.sampled_from([1e-7, 1e-10]), st.floats(0.0, 5.0)
)
def test_ellipsoids_follow_linear_maps(seed, p, extra, tol, spread):
    rng = np.random.default_rng(seed)
    points = general(rng, p + extra, p)
    A = rng.standard_normal((p, p)) * np.exp(spread * rng.standard_normal(p))[:, None]
    before, after = minimum_volume_ellipsoid(points, tol), minimum_volume_ellipsoid(points @ A.T, tol)
    assert before.gap <= tol
    accuracy = before.semi_axes_error + after.semi_axes_error
    assert after.gauge(points @ A.T) == pytest.approx(before.gauge(points), rel=2 * accuracy + 1e-7)


@pytest.mark.parametrize("scales", [[1e-12, 1.0, 1e10], [1e-100, 1e100, 1.0], [1e-8, 1.0, 1e8]])
def test_units_of_coordinates_do_not_matter(scales):
    points = np.random.default_rng(0).standard_normal((100, 3))
    before, after = minimum_volume_ellipsoid(points, 1e-9), minimum_volume_ellipsoid(points * scales, 1e-9)
    assert after.rank == 3
    assert after.gap <= 1e-9
    assert after.gauge(points * scales) == pytest.approx(before.gauge(points), rel=1e-9)
    assert np.log(after.semi_axes).sum() == pytest.approx(np.log(before.semi_axes).sum() + np.log(scales).sum())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(0, 40), st.sampled_from(["plain", "copies", "integers"]))
def test_the_certificate_holds_by_the_definitions(seed, p, extra, kind):
    rng = np.random.default_rng(seed)
    points = np.vstack([np.eye(p), general(rng, extra, p)])
    if kind == "copies":
        points = np.vstack([points, -points[: extra // 2], points[:3], 1.0000000001 * points[:2]])
    elif kind == "integers":
        points = np.vstack([np.eye(p), rng.integers(-2, 3, (extra, p))])
    found = minimum_volume_ellipsoid(points, 1e-9)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1)
    assert found.gap <= 1e-9
    assert certified_gap(points, found) == pytest.approx(p * math.log1p(found.gap), abs=1e-9)
    assert found.axes.T @ found.axes == pytest.approx(np.eye(p), abs=1e-13)
    assert np.all(np.diff(found.semi_axes) <= 0)
    assert found.gauge(points).max() == pytest.approx(1, abs=1e-12)
    assert found.gauge(points[found.support]) == pytest.approx(1, abs=1e-4)


def test_the_gap_bounds_the_error_of_the_semi_axes():
    points = general(np.random.default_rng(5), 300, 5)
    exact = minimum_volume_ellipsoid(points, 1e-12)
    for tol in (1e-1, 1e-2, 1e-4):
        rough = minimum_volume_ellipsoid(points, tol, method="away-steps")
        error = np.abs(rough.semi_axes / exact.semi_axes - 1).max()
        assert 0 < error <= rough.semi_axes_error
        assert rough.log_volume - exact.log_volume <= 5 / 2 * math.log1p(rough.gap)


def test_the_error_bound_is_attained_by_ellipsoids_of_the_same_trace():
    # Eigenvalues (1 + e, 1 - e) of M relative to the optimum lose -log(1 - e^2), and no ellipsoid with e loses less.
    found = minimum_volume_ellipsoid(np.eye(2), 1e-9)
    gap = 1e-3
    e = math.sqrt(-math.expm1(-2 * math.log1p(gap)))
    object.__setattr__(found, "gap", gap)
    assert found.semi_axes_error == pytest.approx((1 - e) ** -0.5 - 1, rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(0, 30))
def test_elimination_keeps_all_points_that_can_have_weight(seed, r, extra):
    rng = np.random.default_rng(seed)
    points = np.vstack([np.eye(r), general(rng, extra, r)])
    optimum = minimum_volume_ellipsoid(points, 1e-11)
    u = 0.9 * optimum.weights + 0.1 * rng.dirichlet(np.ones(len(points)))
    g = np.einsum("ij,jk,ik->i", points, np.linalg.inv((points * u[:, None]).T @ points), points) / r
    threshold = support_threshold(g.max() - 1, r)
    assert 0 <= threshold <= 1
    assert g[optimum.support].min() >= threshold - 1e-9


def test_the_elimination_threshold_is_sharp_in_the_plane():
    # Its equality case: V = diag(a, 1/a)-like, with trace(V^-1 V*) and trace(V*^-1 V) both at their bounds.
    gap = 0.05
    least = support_threshold(gap, 2)
    other = 2 * (1 + gap) - least
    assert 1 / least + 1 / other == pytest.approx(2)


def test_both_ways_to_solve_the_newton_system_agree(monkeypatch):
    points = general(np.random.default_rng(2), 120, 4)
    few = interior_point.optimal_weights(points, np.ones(120), 1e-11)
    monkeypatch.setattr(interior_point, "_MANY", 1000)
    many = interior_point.optimal_weights(points, np.ones(120), 1e-11)
    assert few.iterations == many.iterations
    assert few.values == pytest.approx(many.values, abs=1e-9)


@pytest.mark.parametrize("start", ["one", "tiny"])
def test_newton_arrives_from_bad_starts(start):
    points = general(np.random.default_rng(7), 50, 4)
    weights = np.full(50, 1e-12)
    weights[:4] = 1.0
    if start == "tiny":
        weights = 10.0 ** -np.linspace(0, 14, 50)
    found = interior_point.optimal_weights(points / np.abs(points).max(), weights, 1e-10)
    assert found.gap <= 1e-10
    assert found.iterations < 60


# Degenerate points


def test_one_dimension_is_the_largest_absolute_value():
    found = minimum_volume_ellipsoid([[1.0], [-3.0], [2.0]])
    assert found.semi_axes == pytest.approx([3.0])
    assert found.support.tolist() == [1]
    assert found.gap == 0


def test_fewer_points_than_dimensions_have_an_ellipsoid_in_their_span():
    points = np.array([[3.0, 0.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    found = minimum_volume_ellipsoid(points)
    assert found.rank == 2
    assert found.semi_axes == pytest.approx([3, 2, 0, 0])
    assert "2-dimensional span" in found.evidence.reason
    assert np.abs(found.axes[[0, 2], [0, 1]]) == pytest.approx(1)


def test_points_of_a_subspace_have_the_ellipsoid_of_their_coordinates_there():
    rng = np.random.default_rng(0)
    inner = general(rng, 50, 3)
    basis = np.linalg.qr(rng.standard_normal((6, 3)))[0]
    flat = minimum_volume_ellipsoid(inner @ basis.T, 1e-10)
    full = minimum_volume_ellipsoid(inner, 1e-10)
    assert (flat.rank, full.rank) == (3, 3)
    assert flat.semi_axes[:3] == pytest.approx(full.semi_axes, rel=1e-8)
    assert flat.semi_axes[3:].tolist() == [0, 0, 0]
    assert flat.off_span < 1e-14
    assert flat.log_volume == pytest.approx(full.log_volume)
    assert np.abs(flat.axes[:, 3:].T @ basis).max() < 1e-12


def test_the_rank_tolerance_decides_about_noise():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((50, 3)) * [1, 1, 0]
    points[:, 2] = points[:, 0] + 1e-9 * rng.standard_normal(50)
    assert minimum_volume_ellipsoid(points).rank == 3
    rough = minimum_volume_ellipsoid(points, rank_tol=1e-7)
    assert rough.rank == 2
    assert 1e-10 < rough.off_span < 1e-8


def test_copies_do_not_matter_and_do_not_crowd_the_core_set():
    rng = np.random.default_rng(0)
    few = general(rng, 30, 5)
    many = few[rng.integers(0, 30, 20_000)] * rng.choice([-1.0, 1.0], (20_000, 1))
    found, expected = minimum_volume_ellipsoid(many, 1e-9), minimum_volume_ellipsoid(few, 1e-9)
    assert found.log_volume == pytest.approx(expected.log_volume, abs=1e-7)
    assert found.passes < 12


def test_zero_points_and_zero_coordinates_do_no_harm():
    points = np.vstack([np.zeros((3, 4)), np.hstack([cube(3), np.zeros((8, 1))])])
    found = minimum_volume_ellipsoid(points, 1e-11)
    assert found.rank == 3
    assert found.semi_axes == pytest.approx([math.sqrt(3)] * 3 + [0])
    assert np.abs(found.axes[3]).tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_points_in_a_thin_shell_of_an_ellipsoid(noise):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((3000, 6))
    points *= (1 + noise * rng.random((3000, 1))) / np.linalg.norm(points, axis=1)[:, None]
    found = minimum_volume_ellipsoid(points * [1, 2, 3, 4, 5, 1e-4])
    assert found.gap <= 1e-7
    assert found.semi_axes == pytest.approx([5, 4, 3, 2, 1, 1e-4], rel=2 * noise + 1e-6)


def test_the_core_set_stays_small_and_most_points_are_eliminated():
    points = np.random.default_rng(0).standard_normal((20_000, 8))
    whitened = points @ np.linalg.inv(np.linalg.cholesky(points.T @ points / 20_000)).T
    found = core_set(whitened, 1e-8)
    assert found.gap <= 1e-8
    assert found.indices.size <= 8 * 9 // 2 + 4 * 8
    assert found.n_remaining < 100


def test_what_is_returned_says_what_it_rests_on():
    found = minimum_volume_ellipsoid(cube(3))
    assert found.evidence.status is Status.NUMERICAL
    assert "8 points" in found.evidence.reason
    assert "R^3 around 8 points" in repr(found)
    assert "semi-axes 1.73205, 1.73205, 1.73205" in str(found)


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.zeros((5, 2)), {}, "all points are zero"),
        (np.array([[1.0, math.nan], [1.0, 2.0]]), {}, "row 0 of points is not finite"),
        (np.array([[1.0, 2.0], [math.inf, 2.0]]), {}, "row 1 of points is not finite"),
        (np.ones(3), {}, r"shape \(3,\)"),
        (np.ones((0, 3)), {}, r"shape \(0, 3\)"),
        ([["a", "b"]], {}, "no array of real numbers"),
        (np.eye(2), {"tol": 0.0}, "tol=0"),
        (np.eye(2), {"tol": 1e-16}, "limit of double precision"),
        (np.eye(2), {"tol": "small"}, "tol='small'"),
        (np.eye(2), {"method": "simplex"}, "away-steps"),
        (np.eye(2), {"rank_tol": -1.0}, "rank_tol"),
    ],
)
def test_bad_input_is_refused(points, options, message):
    with pytest.raises(InputError, match=message):
        minimum_volume_ellipsoid(points, **options)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ResourceError, match="give fewer points"):
        minimum_volume_ellipsoid(np.ones((1000, 10)), memory_limit="10kB")


def test_gauges_of_points_of_another_dimension_are_refused():
    with pytest.raises(InputError, match="in R\\^2"):
        minimum_volume_ellipsoid(np.eye(2)).gauge(np.eye(3))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gaussian", "sphere", "gains"])
def test_a_hundred_thousand_points_in_32_dimensions(kind):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((100_000, 32))
    if kind == "sphere":
        points *= np.linspace(1, 3, 32) / np.linalg.norm(points, axis=1)[:, None]
    elif kind == "gains":
        x = points[:, :16] / np.linalg.norm(points[:, :16], axis=1)[:, None]
        points = np.maximum(x @ rng.standard_normal((16, 64)), 0) @ rng.standard_normal((64, 32))
    found = minimum_volume_ellipsoid(points)
    assert found.gap <= 1e-7
    assert found.passes <= 15
    if kind == "sphere":
        assert found.semi_axes == pytest.approx(np.linspace(3, 1, 32), rel=1e-6)

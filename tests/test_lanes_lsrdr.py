"""Steps of the low-rank LSRDR iteration in lanes, against dense matrices, and the products that they are made of."""

import naive_lsrdr_lanes as naive
import numba
import numpy as np
import pytest
from naive_lanes import from_lanes, to_lanes

from algeom._kernels import dense
from algeom._kernels import superoperator as kernels
from algeom._kernels.dense import LANE
from algeom.errors import InputError
from algeom.lsrdr.reduction.lanes import StepCode, lane_steps, lanes_are_faster

needs_jit = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="too many steps for plain Python")

#: Without compilation NumPy's scalars warn where lanes that have stopped go on computing.
stopped_lanes = pytest.mark.filterwarnings("ignore::RuntimeWarning")

#: The example with integers of the specification.
INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ],
    float,
)


def gaussian(rng, shape, is_complex):
    real = rng.standard_normal(shape)
    return real + 1j * rng.standard_normal(shape) if is_complex else real


def adjoint(M):
    return M.swapaxes(-1, -2).conj()


def random_starts(rng, k, n, d, is_complex):
    """Factors of oblique projections near orthogonal ones, and Y, Z that make H, G nearly positive."""
    S = np.linalg.qr(gaussian(rng, (k, n, d), is_complex))[0]
    R = adjoint(S) + 0.1 * gaussian(rng, (k, d, n), is_complex)
    R = np.linalg.solve(R @ S, R)
    return S, R, S + 0.1 * gaussian(rng, S.shape, is_complex), adjoint(R) + 0.1 * gaussian(rng, S.shape, is_complex)


def orthogonal_starts(rng, k, n, d, is_complex):
    S = np.linalg.qr(gaussian(rng, (k, n, d), is_complex))[0]
    return S, adjoint(S), S, S


def lanes(rng, rows, columns, real):
    """Random matrices in lanes, flat and as an array (LANE, rows, columns)."""
    entries = gaussian(rng, (rows * columns, LANE), True)
    if real:
        entries = entries.real + 0j
    return to_lanes(entries), entries.T.reshape(LANE, rows, columns)


def matrices(flat, rows, columns):
    return from_lanes(flat).T.reshape(LANE, rows, columns)


# -- products


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize(("rows", "inner", "columns"), [(1, 1, 1), (2, 3, 1), (3, 1, 2), (4, 5, 3)])
def test_products_of_matrices_in_lanes(rows, inner, columns, real):
    rng = np.random.default_rng(1)
    target, T = lanes(rng, rows, columns, real)
    left, L = lanes(rng, rows, inner, real)
    right, B = lanes(rng, inner, columns, real)
    dense.subtract_times(target, left, right, rows, inner, columns, real)
    np.testing.assert_allclose(matrices(target, rows, columns), T - L @ B, atol=1e-14)
    target, T = lanes(rng, rows, columns, real)
    left, L = lanes(rng, inner, rows, real)
    dense.subtract_adjoint_times(target, left, right, rows, inner, columns, real)
    np.testing.assert_allclose(matrices(target, rows, columns), T - adjoint(L) @ B, atol=1e-14)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (3, 2), (4, 1), (6, 3)])
@pytest.mark.parametrize(("real_matrix", "real"), [(True, True), (True, False), (False, False)])
def test_products_with_a_matrix_that_lanes_share(n, columns, real_matrix, real):
    rng = np.random.default_rng(2)
    A = gaussian(rng, (2, n, n), not real_matrix)
    re = np.ascontiguousarray(A.real).ravel()
    im = np.empty(0) if real_matrix else np.ascontiguousarray(A.imag).ravel()
    first, row, one = np.uintp(n * n), np.uintp(n), np.uintp(1)
    source, B = lanes(rng, n, columns, real)
    target, T = lanes(rng, n, columns, real)
    dense.subtract_shared_times(target, re, im, -im, first, row, one, source, n, columns, real)
    np.testing.assert_allclose(matrices(target, n, columns), T - A[1] @ B, atol=1e-14)
    target, T = lanes(rng, n, columns, real)
    dense.subtract_shared_times(target, re, -im, im, first, one, row, source, n, columns, real)
    np.testing.assert_allclose(matrices(target, n, columns), T - adjoint(A[1]) @ B, atol=1e-14)


def test_steps_use_the_shared_dense_kernels():
    for name in ("lu_lanes", "solve_lanes", "subtract_times", "subtract_adjoint_times", "subtract_shared_times"):
        assert getattr(kernels, name) is getattr(dense, name)


# -- steps


@pytest.mark.parametrize(("complex_matrices", "complex_starts"), [(False, False), (False, True), (True, True)])
@pytest.mark.parametrize(("r", "n", "d"), [(1, 1, 1), (2, 3, 1), (3, 4, 2), (2, 5, 3)])
def test_steps_are_those_of_dense_matrices(r, n, d, complex_matrices, complex_starts):
    rng = np.random.default_rng(3)
    A = gaussian(rng, (r, n, n), complex_matrices)
    sizes = np.array([0.05, 0.5, 5.0, np.inf])
    starts = random_starts(rng, len(sizes), n, d, complex_starts)
    done = lane_steps(A, *starts, sizes, 2)
    assert not done.codes.any()
    assert np.iscomplexobj(done.S) == complex_starts
    np.testing.assert_allclose(done.R @ done.S, np.broadcast_to(np.eye(d), (len(sizes), d, d)), atol=1e-12)
    np.testing.assert_allclose(adjoint(done.S) @ done.S, np.broadcast_to(np.eye(d), (len(sizes), d, d)), atol=1e-11)
    for i, t in enumerate(sizes):
        P, GP, HP, change = naive.dense_steps(A, *(array[i] for array in starts), t, 2)
        np.testing.assert_allclose(done.S[i] @ done.R[i], P, atol=1e-10)
        np.testing.assert_allclose(done.Z[i] @ done.R[i], GP, atol=1e-10)
        np.testing.assert_allclose(done.Y[i] @ adjoint(done.S[i]), HP, atol=1e-10)
        assert done.increments[i] == pytest.approx(change, abs=1e-10)


def test_the_projection_is_the_limit_of_the_cubic():
    rng = np.random.default_rng(4)
    A, t = gaussian(rng, (3, 4, 4), False), 0.05
    S, R, Y, Z = (array[0] for array in orthogonal_starts(rng, 1, 4, 2, True))
    done = lane_steps(A, S[None], R[None], Y[None], Z[None], t, 1)
    P, G, H = naive.dense_step(A, S @ R, Z @ R, Y @ adjoint(S), t, 2)
    start = (np.eye(4) + t * H) @ S @ R @ (np.eye(4) + t * adjoint(G))
    np.testing.assert_allclose(naive.limit_of_f(start), P, atol=1e-12)
    np.testing.assert_allclose(done.S[0] @ done.R[0], P, atol=1e-12)


@pytest.mark.parametrize("k", [1, LANE, LANE + 1, 2 * LANE + 3])
def test_starts_do_not_touch_each_other(k):
    rng = np.random.default_rng(5)
    A = gaussian(rng, (2, 3, 3), False)
    starts = random_starts(rng, k, 3, 2, True)
    sizes = rng.uniform(0.1, 3.0, k)
    copies = [array.copy() for array in starts]
    done = lane_steps(A, *starts, sizes, 2)
    for array, copy in zip(starts, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    order = rng.permutation(k)
    again = lane_steps(A, *(array[order] for array in starts), sizes[order], 2)
    for array, other in zip(done, again, strict=True):
        np.testing.assert_array_equal(array[order], other)
    stepwise = lane_steps(A, *lane_steps(A, *starts, sizes)[:4], sizes)
    for array, other in zip(done, stepwise, strict=True):
        np.testing.assert_array_equal(array, other)


def test_real_problems_stay_real_and_agree_with_complex_arithmetic():
    rng = np.random.default_rng(6)
    A = gaussian(rng, (3, 5, 5), False)
    starts = random_starts(rng, 3, 5, 2, False)
    real = lane_steps(A, *starts, 0.7, 3)
    assert real.S.dtype == real.R.dtype == real.Y.dtype == np.float64
    full = lane_steps(A + 0j, *starts, 0.7, 3)
    for array, other in zip(real, full, strict=True):
        np.testing.assert_allclose(array, other, atol=1e-12)


def test_full_rank_is_the_identity():
    rng = np.random.default_rng(7)
    done = lane_steps(gaussian(rng, (2, 3, 3), True), *orthogonal_starts(rng, 2, 3, 3, True), 1.0, 2)
    np.testing.assert_allclose(done.S @ done.R, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-13)
    assert (done.increments < 1e-13).all()


@pytest.mark.parametrize("size", [1.0, 1e-7, 1e-13, 0.0])
def test_distances_of_projections_are_accurate_however_small(size):
    rng = np.random.default_rng(8)
    n, d = 5, 2
    B = gaussian(rng, (LANE, n - d, d), True)
    tops = np.linalg.qr(gaussian(rng, (LANE, d, d), True))[0]
    # From [1 0; 0 0] to [1 0; size B, 0], whose factors are in other bases.
    S = np.zeros((LANE, n, d), complex)
    S[:, :d] = np.eye(d)
    S1 = np.concatenate([tops, size * B @ tops], axis=1)
    Q1 = np.concatenate([tops, np.zeros_like(B)], axis=1)
    flat = [to_lanes(array.reshape(LANE, n * d).T) for array in (S, S, S1, Q1)]
    result = np.zeros(LANE)
    work = [np.zeros(n * d * 2 * LANE) for _ in range(2)] + [np.zeros(d * d * 2 * LANE) for _ in range(2)]
    codes, pivots = np.zeros(LANE, np.int64), np.zeros(d * LANE, np.int64)
    kernels.distances(*flat, np.uintp(n), np.uintp(d), codes, False, *work, pivots, np.zeros(2 * LANE), result)
    expected = size * np.linalg.norm(B, axis=(1, 2))
    np.testing.assert_allclose(result, expected, rtol=1e-10 if size == 1.0 else 1e-6, atol=1e-14)


@needs_jit
@pytest.mark.parametrize("d", [2, 3])
def test_fixed_points_satisfy_the_six_equations(d):
    rng = np.random.default_rng(9)
    S, R, Y, Z, increments, codes = lane_steps(INTEGERS, *orthogonal_starts(rng, 8, 4, d, True), 1.0, 2000)
    assert not codes.any()
    assert (increments < 1e-13).all()
    radii = []
    for s, r, y, z in zip(S, R, Y, Z, strict=True):
        P, H, G = s @ r, y @ adjoint(s), z @ r
        X = P @ INTEGERS @ P
        image, coimage = sum(INTEGERS @ H @ adjoint(X)), sum(adjoint(INTEGERS) @ G @ X)
        value = np.trace(image) / np.trace(H)
        np.testing.assert_allclose(P @ P, P, atol=1e-10)
        np.testing.assert_allclose(image, value * H, atol=1e-10 * abs(value))
        np.testing.assert_allclose(coimage, np.conj(value) * G, atol=1e-10 * abs(value))
        np.testing.assert_allclose(P @ H, H, atol=1e-10)
        np.testing.assert_allclose(adjoint(P) @ G, G, atol=1e-10)
        for M in (H, G):
            assert np.trace(M) == pytest.approx(1, abs=1e-10)
            np.testing.assert_allclose(M, adjoint(M), atol=1e-10)
            assert np.linalg.eigvalsh(M).min() > -1e-10
        radii.append(abs(value))
    # From every start the same similarity, by the specification.
    np.testing.assert_allclose(radii, radii[0], rtol=1e-9)


# -- what stops a start


@stopped_lanes
def test_nilpotent_matrices_have_no_trace():
    A = np.zeros((1, 3, 3))
    A[0, 0, 1] = 1.0
    rng = np.random.default_rng(10)
    done = lane_steps(A, *orthogonal_starts(rng, 3, 3, 1, False), 1.0, 5)
    assert [StepCode(code) for code in done.codes] == [StepCode.TRACE_VANISHED] * 3
    assert np.isnan(done.increments).all()
    assert np.isfinite(done.S).all()


@stopped_lanes
def test_a_start_that_stops_leaves_the_others_alone():
    # On span(e1, e2) nilpotent, on span(e3) one.
    A = np.zeros((1, 3, 3))
    A[0, 0, 1] = A[0, 2, 2] = 1.0
    rng = np.random.default_rng(11)
    S, R, Y, Z = orthogonal_starts(rng, 4, 3, 1, False)
    for array in (S, Y, Z):
        array[1] = np.eye(3)[:, :1]
    R = adjoint(S).copy()
    Y[2] = np.nan
    done = lane_steps(A, S, R, Y, Z, 1.0, 3)
    assert done.codes.tolist() == [StepCode.DONE, StepCode.TRACE_VANISHED, StepCode.NOT_FINITE, StepCode.DONE]
    np.testing.assert_array_equal(done.S[1:3], S[1:3])
    alone = lane_steps(A, S[3:], R[3:], Y[3:], Z[3:], 1.0, 3)
    np.testing.assert_array_equal(done.S[3], alone.S[0])
    assert done.increments[3] == alone.increments[0] > 0


@stopped_lanes
def test_rank_that_collapses_is_seen():
    A = np.zeros((1, 3, 3))
    A[0, 0, 0] = 1.0
    rng = np.random.default_rng(12)
    starts = orthogonal_starts(rng, 2, 3, 2, True)
    done = lane_steps(A, *starts, [np.inf, 1.0], 1)
    assert done.codes.tolist() == [StepCode.RANK_COLLAPSED, StepCode.DONE]


@stopped_lanes
def test_overflow_is_seen():
    rng = np.random.default_rng(13)
    done = lane_steps(1e200 * gaussian(rng, (2, 3, 3), False), *orthogonal_starts(rng, 2, 3, 2, False), 1.0, 1)
    assert (done.codes == StepCode.NOT_FINITE).all()


def test_codes_say_what_to_do():
    assert all(code.advice.endswith(".") for code in StepCode)
    assert str(StepCode.RANK_COLLAPSED) == "rank collapsed"


def test_bad_arguments():
    rng = np.random.default_rng(14)
    A = gaussian(rng, (2, 3, 3), False)
    S, R, Y, Z = orthogonal_starts(rng, 2, 3, 2, False)
    with pytest.raises(InputError, match=r"A has the shape \(2, 4, 4\)"):
        lane_steps(np.zeros((2, 4, 4)), S, R, Y, Z, 1.0)
    with pytest.raises(InputError, match="R has the shape"):
        lane_steps(A, S, S, Y, Z, 1.0)
    with pytest.raises(InputError, match="k >= 1 starts"):
        lane_steps(A, S[0], R, Y, Z, 1.0)
    with pytest.raises(InputError, match="positive"):
        lane_steps(A, S, R, Y, Z, [1.0, 0.0])
    with pytest.raises(InputError, match="steps = 0"):
        lane_steps(A, S, R, Y, Z, 1.0, 0)


# -- which way to take


def test_lanes_are_for_small_problems():
    # Ratios of ten and of a tenth in the benchmark, on either side.
    assert lanes_are_faster(8, 2, 3, 1)
    assert lanes_are_faster(16, 2, 3, 32)
    assert not lanes_are_faster(100, 20, 10, 4)
    assert not lanes_are_faster(400, 20, 10, 16)


@pytest.mark.parametrize("k", [1, 5, 16, 17, 64])
def test_no_larger_problem_favours_lanes_more(k):
    def decreases(name):
        sizes = {"n": 8, "d": 2, "r": 3}
        answers = [lanes_are_faster(**(sizes | {name: size}), k=k) for size in range(1, 400)]
        return answers == sorted(answers, reverse=True)

    assert all(decreases(name) for name in ("n", "d", "r"))

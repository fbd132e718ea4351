"""Reductions of matrices by fixed-point iteration: cited numbers, equations, symmetries, agreement, bad input."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_lsrdr import radius
from naive_lsrdr import similarity as naive_similarity

from algeom.errors import GenericityError, InputError, ResourceError
from algeom.evidence import Status
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator, from_callables
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.reduction.endings import Ending
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.problem import lsrdr_plan

# The integer tuple of the cases, r = 3, n = 4.
INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ]
)
BEST = {1: 0.938159945066, 2: 0.978400441544, 3: 0.998866157603, 4: 1.0}
SECOND = 0.844543567282


def gaussian(seed, r, n, field="real"):
    rng = np.random.default_rng(seed)
    parts = rng.standard_normal((4, r, n, n))
    if field == "real":
        return parts[0]
    if field == "complex":
        return parts[0] + 1j * parts[1]
    return Quaternions(parts[0] + 1j * parts[1], parts[2] + 1j * parts[3])


def complex_form(M):
    return M.complex if isinstance(M, Quaternions) else M


def projection_distance(first, second):
    return np.linalg.norm(complex_form(first.P) - complex_form(second.P))


# Cited numbers


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_similarities_of_the_integer_tuple(d):
    reduced = lsrdr(INTEGERS, d, rng=1)
    assert reduced.similarity == pytest.approx(BEST[d], abs=2e-12)
    assert reduced.similarity == pytest.approx(naive_similarity(INTEGERS, reduced.X), abs=1e-10)
    assert reduced.residual < 1e-10
    assert reduced.X.shape == (3, d, d)
    np.testing.assert_allclose(reduced.X, reduced.R @ INTEGERS @ reduced.S, atol=1e-12)
    if d >= 2:
        assert reduced.agreement.unanimous
        assert reduced.evidence.status is Status.NUMERICAL


def test_both_fixed_points_in_rank_one():
    reduced = lsrdr(INTEGERS, 1, rng=1, starts=12)
    assert [point.similarity for point in reduced.agreement.fixed_points] == pytest.approx([BEST[1], SECOND], abs=2e-12)
    assert reduced.evidence.status is Status.LOWER_BOUND
    assert "global optimality is not proved" in reduced.evidence.reason
    assert all(point.stable for point in reduced.agreement.fixed_points)
    counts = [len(point.starts) for point in reduced.agreement.fixed_points]
    assert sum(counts) == 12
    assert f"{counts[0]} of 12 starts agree" in str(reduced)


def test_clique_with_a_pendant_vertex():
    adjacency = np.zeros((5, 5))
    adjacency[:4, :4] = 1 - np.eye(4)
    adjacency[3, 4] = adjacency[4, 3] = 1
    for A in (MatrixUnits.from_weights(adjacency), DiagonalSuperoperator(adjacency**2)):
        reduced = lsrdr(A, 4, rng=1)
        np.testing.assert_allclose(reduced.P, np.diag([1, 1, 1, 1, 0]), atol=1e-12)
        assert reduced.similarity == pytest.approx(0.9859468533697987, abs=1e-13)
        assert reduced.similarity == pytest.approx(math.sqrt(3 / 3.086130197651494), abs=1e-13)
        assert reduced.agreement.unanimous
    assert reduced.X is None  # no matrices were given
    units = lsrdr(MatrixUnits.from_weights(adjacency), 4, rng=1)
    assert units.X.shape == (14, 4, 4)
    dense = np.array([adjacency[i, j] * np.outer(np.eye(5)[i], np.eye(5)[j]) for i, j in np.argwhere(adjacency)])
    assert naive_similarity(dense, lsrdr(dense, 4, rng=1).X) == pytest.approx(0.9859468533697987, abs=1e-12)


def test_planted_clique_is_the_best_coordinate_projection():
    rng = np.random.default_rng(5)
    upper = np.triu(rng.random((30, 30)) < 0.3, 1)
    clique = np.sort(rng.choice(30, 9, replace=False))
    upper[np.ix_(clique, clique)] = np.triu(np.ones((9, 9), dtype=bool), 1)
    adjacency = (upper | upper.T).astype(float)
    reduced = lsrdr(MatrixUnits.from_weights(adjacency), 9, rng=1, starts=3)
    expected = np.zeros((30, 30))
    expected[clique, clique] = 1
    np.testing.assert_allclose(reduced.P, expected, atol=1e-10)
    top = np.abs(np.linalg.eigvalsh(adjacency)).max()
    assert reduced.similarity == pytest.approx(math.sqrt(8 / top), abs=1e-12)
    assert reduced.agreement.unanimous


def direct_sum(B, C):
    A = np.zeros((len(B), B.shape[1] + C.shape[1], B.shape[1] + C.shape[1]))
    A[:, : B.shape[1], : B.shape[1]] = B
    A[:, B.shape[1] :, B.shape[1] :] = C
    return A


def test_the_dominant_block_of_a_direct_sum():
    B, C = 2 * gaussian(1, 4, 3), gaussian(2, 4, 5)
    assert radius(B) > radius(C)
    reduced = lsrdr(direct_sum(B, C), 3, rng=1)
    assert reduced.similarity == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(reduced.P, np.diag([1.0] * 3 + [0.0] * 5), atol=1e-11)
    # X is B up to conjugation: it has the same traces of words.
    for word in ((0,), (1, 2), (0, 3, 3), (2, 1, 0)):
        x, b = (np.trace(np.linalg.multi_dot([M[j] for j in (*word, *word)])) for M in (reduced.X, B))
        assert x == pytest.approx(b, rel=1e-10)
    # 1 is the upper bound for every tuple, so that the answer is the best one whatever other starts found.
    assert reduced.evidence.status is Status.NUMERICAL


def test_full_rank_is_no_reduction():
    A = gaussian(3, 3, 5)
    reduced = lsrdr(A, 5, rng=1)
    np.testing.assert_allclose(reduced.P, np.eye(5), atol=1e-12)
    assert reduced.similarity == pytest.approx(1, abs=1e-12)


# Equations and agreement of the methods


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
def test_the_equations_hold(field):
    A = gaussian(4, 3, 5, field)
    reduced = lsrdr(A, 2, rng=1)
    assert set(reduced.residuals) == {
        "projection", "eigenvector H", "eigenvector G", "image H", "image G", "traces", "positivity",
    }  # fmt: skip
    assert max(reduced.residuals.values()) < 1e-10
    # once more, from full matrices
    matrices, P, G, H = (complex_form(M) for M in (A, reduced.P, reduced.G, reduced.H))
    small = P @ matrices @ P
    value = reduced.eigenvalue
    scale = 2 if field == "quaternion" else 1  # traces of complex forms
    assert np.linalg.norm(P @ P - P) < 1e-12
    new_H = sum(a @ H @ x.conj().T for a, x in zip(matrices, small, strict=True))
    new_G = sum(a.conj().T @ G @ x for a, x in zip(matrices, small, strict=True))
    assert np.linalg.norm(new_H - value * H) < 1e-10 * abs(value)
    assert np.linalg.norm(new_G - np.conj(value) * G) < 1e-10 * abs(value)
    assert np.linalg.norm(P @ H - H) < 1e-10
    assert np.linalg.norm(P.conj().T @ G - G) < 1e-10
    assert np.linalg.matrix_rank(H, tol=1e-9) == np.linalg.matrix_rank(G, tol=1e-9) == 2 * scale
    assert np.trace(G) == pytest.approx(scale)
    assert np.trace(H) == pytest.approx(scale)
    for M in (G, H):
        assert np.linalg.norm(M - M.conj().T) < 1e-10
        assert np.linalg.eigvalsh(M)[0] > -1e-10
    # lambda is the spectral radius of Phi(X), and gives the similarity
    X = complex_form(reduced.X)
    assert radius(X) == pytest.approx(abs(value), rel=1e-9)
    assert reduced.similarity == pytest.approx(naive_similarity(matrices, X), abs=1e-9)
    assert reduced.similarity == pytest.approx(math.sqrt(abs(value) / radius(matrices)), abs=1e-9)


@pytest.mark.parametrize(
    ("field", "n", "seed"),
    [
        ("real", 6, 17),
        pytest.param("complex", 5, 25, marks=pytest.mark.slow),
        pytest.param("quaternion", 4, 21, marks=pytest.mark.slow),
    ],
)
def test_dense_low_rank_and_accelerated_iterations_agree(field, n, seed):
    A = gaussian(seed, 4, n, field)
    fast = lsrdr(A, 2, rng=3, starts=2)
    options = {"rng": 3, "starts": 2, "accelerate": False, "t": 0.1, "tolerance": 1e-12}
    plain = lsrdr(A, 2, method="low_rank", **options)
    dense = lsrdr(A, 2, method="dense", **options)
    published = lsrdr(A, 2, retraction="iterated", **options)
    for other in (plain, dense, published):
        assert projection_distance(fast, other) < 1e-10
        assert other.similarity == pytest.approx(fast.similarity, abs=1e-12)
        assert other.residual < 1e-10
    assert dense.method == "dense"
    # The same starts come to the same points, dense or not.
    places = [[record.fixed_point for record in result.starts] for result in (plain, dense, published)]
    assert places[0] == places[1] == places[2]


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
def test_the_basis_makes_both_eigenvectors_equal_and_diagonal(field):
    reduced = lsrdr(gaussian(5, 4, 6, field), 3, rng=1)
    S, R, G, H = (complex_form(M) for M in (reduced.S, reduced.R, reduced.G, reduced.H))
    np.testing.assert_allclose(R @ S, np.eye(len(R)), atol=1e-12)
    if field == "quaternion":
        np.testing.assert_allclose(S.conj().T @ S, np.eye(len(R)), atol=1e-12)
        return
    W, V = R @ H @ R.conj().T, S.conj().T @ G @ S
    np.testing.assert_allclose(W, V, atol=1e-10)
    np.testing.assert_allclose(W, np.diag(np.diag(W)), atol=1e-10)
    again = lsrdr(gaussian(5, 4, 6, field), 3, rng=2)
    if projection_distance(again, reduced) < 1e-10:
        np.testing.assert_allclose(np.abs(again.X), np.abs(reduced.X), atol=1e-8)  # determined up to signs and phases


def test_steps_of_quaternionic_matrices_keep_their_structure():
    """Real matrices over the quaternions: many plain steps come to the projection of the real iteration."""
    real = lsrdr(INTEGERS, 3, rng=1, starts=2)
    plain = lsrdr(INTEGERS, 3, rng=1, starts=2, field="quaternion", t=0.5, accelerate=False, tolerance=1e-11)
    assert plain.residual < 1e-10
    np.testing.assert_allclose(plain.P.components[..., 0], real.P, atol=1e-8)
    np.testing.assert_allclose(plain.P.components[..., 1:], 0, atol=1e-8)


def test_published_numbers_of_finite_s():
    """s = 8 gives one projection for all t; s = 1 and 2 deviate as the specification says of such a tuple."""
    A = gaussian(12, 4, 6)
    options = {"method": "dense", "rng": 1, "starts": 1, "tolerance": 1e-12}
    exact = lsrdr(A, 3, s=8, t=0.1, **options)
    assert projection_distance(exact, lsrdr(A, 3, s=8, t=0.05, **options)) < 1e-10
    assert projection_distance(exact, lsrdr(A, 3, t=0.1, **options)) < 1e-10
    one, two = (lsrdr(A, 3, s=s, t=0.1, **options) for s in (1, 2))
    assert 1e-2 < projection_distance(exact, one) < 1e-1
    assert one.residuals["projection"] == pytest.approx(np.linalg.norm(one.P @ one.P - one.P) / np.linalg.norm(one.P))
    assert 1e-2 < np.linalg.norm(one.P @ one.P - one.P) < 1e-1
    assert 1e-3 < projection_distance(exact, two) < 1e-2
    assert "depends on s and t" in one.evidence.reason
    assert one.similarity < exact.similarity


# Symmetry


def test_real_symmetric_matrices_have_a_symmetric_projection():
    A = gaussian(9, 4, 7)
    reduced = lsrdr(A + A.swapaxes(1, 2), 3, rng=1)
    P, G, H = reduced.P, reduced.G, reduced.H
    np.testing.assert_allclose(P, P.T, atol=1e-11)
    np.testing.assert_allclose(G, H, atol=1e-11)


def test_a_complex_start_of_a_real_tuple_may_come_to_a_real_projection():
    A = INTEGERS
    real, complex_ = lsrdr(A, 2, rng=1), lsrdr(A, 2, rng=1, field="complex")
    assert complex_.P.dtype == np.complex128
    assert np.linalg.norm(complex_.P.imag) < 1e-11
    assert projection_distance(real, complex_) < 1e-10


def test_a_projection_commutes_with_what_the_tuple_commutes_with():
    # Matrices that commute with the cyclic shift of two blocks of three.
    rng = np.random.default_rng(12)
    shift = np.kron(np.eye(2), np.roll(np.eye(3), 1, axis=0))
    A = rng.standard_normal((4, 6, 6))
    A = sum(np.linalg.matrix_power(shift, k) @ A @ np.linalg.matrix_power(shift, -k) for k in range(3)) / 3
    reduced = lsrdr(A, 2, rng=1)
    assert reduced.agreement.agreed > 1
    np.testing.assert_allclose(shift @ reduced.P, reduced.P @ shift, atol=1e-10)


@settings(max_examples=8, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_invariances_of_the_optimum(seed):
    """Conjugation, unitary mixing, scaling and adjoints of the tuple change P as they should, and no similarity."""
    rng = np.random.default_rng(seed)
    A = INTEGERS.astype(float)
    C = np.eye(4) + 0.3 * rng.standard_normal((4, 4))
    U = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    c = float(rng.uniform(0.1, 10))
    first = lsrdr(A, 2, rng=1, starts=2)
    inverse = np.linalg.inv(C)
    conjugated = lsrdr(C @ A @ inverse, 2, rng=1, starts=2)
    mixed = lsrdr(c * np.einsum("ij,jkl->ikl", U, A), 2, rng=1, starts=2)
    adjoint = lsrdr(A.swapaxes(1, 2), 2, rng=1, starts=2)
    for other in (conjugated, mixed, adjoint):
        assert other.similarity == pytest.approx(first.similarity, abs=1e-11)
    tolerance = 1e-9 * np.linalg.cond(C)
    np.testing.assert_allclose(conjugated.P, C @ first.P @ inverse, atol=tolerance)
    np.testing.assert_allclose(mixed.P, first.P, atol=1e-10)
    np.testing.assert_allclose(adjoint.P, first.P.T, atol=1e-10)
    assert abs(mixed.eigenvalue) == pytest.approx(c**2 * abs(first.eigenvalue), rel=1e-10)


@settings(max_examples=10, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), r=st.integers(1, 4), data=st.data())
def test_similarities_are_at_most_one(seed, n, r, data):
    d = data.draw(st.integers(1, n))
    A = gaussian(seed, r, n, data.draw(st.sampled_from(["real", "complex"])))
    reduced = lsrdr(A, d, rng=seed, starts=3, max_steps=400)
    assert 0 < reduced.similarity <= 1
    assert reduced.similarity == pytest.approx(naive_similarity(A, reduced.X), abs=1e-7)


# Starts, failures, interruption


def test_starts_that_are_not_positive_fail_more_often():
    """As in the table of the specification: failures happen, and are told apart and drawn anew."""
    dense = lsrdr(INTEGERS, 2, rng=0, start="gaussian", method="dense", t=0.1, starts=8, restarts=0, tolerance=1e-5)
    endings = {record.ending for record in dense.starts}
    assert endings >= {Ending.CONVERGED}
    assert endings & {Ending.DIVERGED, Ending.RANK_CHANGED}
    positive = lsrdr(INTEGERS, 2, rng=0, start="psd", method="dense", t=0.1, starts=4, restarts=0, tolerance=1e-5)
    assert {record.ending for record in positive.starts} == {Ending.CONVERGED}
    again = lsrdr(INTEGERS, 2, rng=0, start="gaussian", method="dense", t=0.1, starts=4, tolerance=1e-5)
    assert {record.ending for record in again.starts} == {Ending.CONVERGED}
    assert any(record.failures for record in again.starts)
    assert again.similarity == pytest.approx(BEST[2], abs=1e-7)


@pytest.mark.parametrize("start", ["psd", "hermitian", "identity", "gaussian"])
@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
def test_every_kind_of_start_is_led_to_the_optimum(start, field):
    reduced = lsrdr(INTEGERS, 2, rng=2, start=start, field=field, starts=4)
    assert reduced.similarity == pytest.approx(BEST[2], abs=1e-11)
    assert reduced.field == field
    assert reduced.agreement.agreed >= 3


def test_starts_in_rank_one_over_the_reals_may_diverge_and_are_replaced():
    reduced = lsrdr(INTEGERS, 1, rng=0, starts=16)
    failed = [record for record in reduced.starts if record.failures]
    assert failed
    assert all(ending.failed and ending.advice for record in failed for ending in record.failures)
    assert all(record.ending is Ending.CONVERGED for record in reduced.starts)
    rotation = np.array([[[0.0, -1.0], [1.0, 0.0]]])  # no real eigenvector at all
    turned = lsrdr(rotation, 1, rng=0)
    assert turned.similarity == pytest.approx(1, abs=1e-12)
    assert turned.field == "complex"
    assert {record.field for record in turned.starts} == {"complex"}
    with pytest.raises(GenericityError, match=r'all 4 attempts from 1 starts failed .* field="complex"'):
        lsrdr(rotation, 1, rng=0, field="real", starts=1)


def test_starts_of_the_user():
    best = lsrdr(INTEGERS, 2, rng=1)
    rng = np.random.default_rng(1)
    basis = rng.standard_normal((4, 2))
    pair = (rng.standard_normal((4, 2)), rng.standard_normal((2, 4)))
    reduced = lsrdr(INTEGERS, 2, rng=1, starts=[best.P, basis, pair])
    assert len(reduced.starts) == 3
    assert reduced.starts[0].steps < reduced.starts[1].steps  # it began at the end
    assert projection_distance(reduced, best) < 1e-10
    quaternionic = lsrdr(INTEGERS, 2, rng=1, field="quaternion")
    given_starts = [quaternionic.P, basis, (quaternionic.S, quaternionic.R)]
    again = lsrdr(INTEGERS, 2, rng=1, field="quaternion", starts=given_starts)
    assert projection_distance(again, quaternionic) < 1e-10
    for bad, message in (
        ([np.eye(4)], "no projection of rank 2"),
        ([np.eye(3)], r"shape \(3, 3\); expected a projection \(4, 4\)"),
        ([np.ones((4, 2))], "linearly dependent"),
        ([(np.eye(4)[:, :2], np.eye(4)[2:])], "R S is singular"),
        ([1j * basis], 'field="complex"'),
        ([basis * np.nan], "finite"),
        ([], "empty"),
        (0, "starts is 0"),
    ):
        with pytest.raises(InputError, match=message):
            lsrdr(INTEGERS, 2, rng=1, starts=bad)


def test_same_seed_same_result():
    A = gaussian(21, 3, 6)
    first, second, other = (lsrdr(A, 2, rng=seed) for seed in (5, 5, 6))
    assert first.seed == 5
    np.testing.assert_array_equal(first.P, second.P)
    assert [record.steps for record in first.starts] == [record.steps for record in second.starts]
    assert [record.steps for record in first.starts] != [record.steps for record in other.starts]
    one_by_one = lsrdr(A, 2, rng=5, memory_limit=60_000)
    assert lsrdr_plan(A, 2, memory_limit=60_000).together < 8
    np.testing.assert_allclose(one_by_one.P, first.P, atol=1e-11)


def test_interruption_gives_a_partial_result():
    A = gaussian(22, 3, 8)
    E = superoperator(A)
    calls = 0

    def apply(Y):
        nonlocal calls
        calls += 1
        if calls == limit:
            raise KeyboardInterrupt
        return E.apply(Y)

    def counted(last):
        nonlocal calls, limit
        counting = from_callables(apply, E.adjoint, 8)
        calls, limit = 0, last
        return lsrdr(counting, 3, rng=1, starts=2)

    limit = -1
    assert not counted(-1).interrupted
    total = calls
    for last in (total // 2, total * 4 // 5, total - 1):
        partial = counted(last)
        assert partial.interrupted
        assert "interrupted" in repr(partial)
        assert np.linalg.norm(partial.P @ partial.P - partial.P) < 1e-10


# Bad input


@pytest.mark.parametrize(
    ("A", "rank", "options", "message"),
    [
        (np.zeros((0, 3, 3)), 1, {}, "r = 0"),
        (np.ones((2, 3, 3)), 0, {}, "rank is 0; give an integer from 1 to 3"),
        (np.ones((2, 3, 3)), 4, {}, "rank is 4"),
        (np.ones((2, 3, 3)), 1.5, {}, "rank is 1.5"),
        ([np.eye(2), np.eye(3)], 1, {}, "square matrices"),
        (np.ones((2, 3, 4)), 1, {}, "square"),
        (np.full((1, 2, 2), np.nan), 1, {}, "finite"),
        ([[[2**60, 0], [0, 1]]], 1, {}, "2\\^53"),
        (np.triu(np.ones((2, 4, 4)), 1), 2, {}, r"rho\(Phi\(A\)\) = 0"),
        (np.zeros((2, 3, 3)), 1, {}, r"rho\(Phi\(A\)\) = 0"),
        (1j * np.ones((1, 2, 2)), 1, {"field": "real"}, "A is complex"),
        (np.ones((1, 2, 2)), 1, {"field": "rational"}, "field='rational'"),
        (superoperator(np.ones((1, 2, 2))), 1, {"field": "quaternion"}, "over the quaternions"),
        (superoperator(np.ones((1, 2, 2)), np.ones((1, 1, 1))), 1, {}, "square ones"),
        (np.ones((1, 2, 2)), 1, {"method": "sparse"}, "method="),
        (np.ones((1, 2, 2)), 1, {"s": 0}, "s=0"),
        (np.ones((1, 2, 2)), 1, {"s": 2, "method": "low_rank"}, 'method="dense"'),
        (np.ones((1, 2, 2)), 1, {"t": -1.0}, "t=-1"),
        (np.ones((1, 2, 2)), 1, {"t": "fast"}, "adaptive"),
        (np.ones((1, 2, 2)), 1, {"t": math.inf, "method": "dense"}, "finite"),
        (np.ones((1, 2, 2)), 1, {"start": "zero"}, "start="),
        (np.ones((1, 2, 2)), 1, {"retraction": "none"}, "retraction="),
        (np.ones((1, 2, 2)), 1, {"tolerance": 0}, "tolerance="),
        (np.ones((1, 2, 2)), 1, {"max_steps": 0}, "max_steps"),
        (np.ones((1, 2, 2)), 1, {"restarts": -1}, "restarts"),
    ],
)
def test_bad_input_is_refused_with_advice(A, rank, options, message):
    with pytest.raises(InputError, match=message):
        lsrdr(A, rank, rng=1, **options)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ResourceError, match="a start of the low_rank iteration"):
        lsrdr(np.ones((3, 20, 20)), 5, memory_limit=10_000)


def test_a_superoperator_far_from_positive_is_flagged():
    A = gaussian(30, 4, 5)
    far = superoperator(A, signs=[1.0, 1.0, -1.0, -1.0])
    reduced = lsrdr(far, 2, rng=1, starts=4, max_steps=300)
    assert "far from positive" in reduced.evidence.reason
    near = superoperator(A, signs=[1.0, 1.0, 1.0, 1e-3])
    assert lsrdr(near, 2, rng=1, starts=4).residual < 1e-10


def test_progress_tells_of_each_start():
    events = []
    lsrdr(INTEGERS, 2, rng=1, starts=3, progress=events.append)
    assert [event.kind for event in events] == ["start", "advance", "advance", "advance"]
    assert events[0].total == 3
    assert {event.info["start"] for event in events[1:]} == {0, 1, 2}
    assert {event.info["ending"] for event in events[1:]} == {"converged"}


def test_what_auto_chooses():
    plan = lsrdr_plan(INTEGERS, 2)
    assert (plan.method, plan.field, plan.together) == ("low_rank", "real", 8)
    assert lsrdr_plan(INTEGERS, 2, method="dense").reason == "as asked for"
    large = np.broadcast_to(np.float64(1), (10, 200, 200))
    costs = [lsrdr_plan(large, d, method=method).multiplications for d, method in ((20, "low_rank"), (20, "dense"))]
    assert 10 * costs[0] < costs[1]
    assert lsrdr(INTEGERS, 2, rng=1, s=3, t=0.1, starts=1, tolerance=1e-6).method == "dense"


def test_circles_are_recognized():
    """For s = 3 and t = 0.2 the dense iteration alternates between two matrices."""
    result = lsrdr(INTEGERS, 2, rng=1, s=3, t=0.2, starts=1)
    assert result.starts[0].ending is Ending.TOO_MANY_STEPS
    assert result.starts[0].steps < 20_000
    assert "lower t" in str(result)
    assert result.evidence.status is Status.LOWER_BOUND


def test_the_history_of_a_start():
    reduced = lsrdr(1e3 * INTEGERS, 2, rng=1)
    history = reduced.history
    np.testing.assert_array_equal(history.steps, np.arange(1, len(history) + 1))
    assert reduced.similarity_history[-1] == pytest.approx(BEST[2], abs=1e-11)
    assert history.residuals[-1] <= 1e-13 < history.residuals[-2]
    assert history.eigenvalues[-1] == pytest.approx(reduced.eigenvalue, rel=1e-12)
    plain = ~history.accelerated[:-1]
    assert np.isfinite(history.increments[:-1][plain]).all()
    assert np.isnan(history.increments[:-1][~plain]).all()
    assert (history.t > 0).all()
    assert len(reduced.histories) == 8


def test_without_similarities_starts_are_compared_by_eigenvalues():
    with_it, without = (lsrdr(INTEGERS, 1, rng=1, compute_similarity=choice) for choice in (True, False))
    assert math.isnan(without.similarity)
    assert math.isnan(without.radius)
    assert [p.starts for p in without.agreement.fixed_points] == [p.starts for p in with_it.agreement.fixed_points]
    assert without.evidence.status is with_it.evidence.status is Status.LOWER_BOUND
    assert "not asked for" in without.evidence.reason
    assert f"lambda {without.eigenvalue:.12g}" in str(without)
    assert "similarity unknown" in repr(without)
    assert without.plot("starts") is not None


@pytest.mark.parametrize("start", ["psd", "identity"])
def test_outcomes_of_the_published_iteration_in_rank_one(start):
    """Over the reals a fifth or more of the starts fail, of complex ones few; the others come to two fixed points."""
    options = {"method": "dense", "t": 0.05, "start": start, "starts": 30, "restarts": 0, "tolerance": 1e-7}
    failures = []
    for field in ("real", "complex"):
        result = lsrdr(INTEGERS, 1, rng=3, field=field, **options)
        endings = {record.ending for record in result.starts}
        assert endings <= {Ending.CONVERGED, Ending.DIVERGED, Ending.RANK_CHANGED}
        failures.append(sum(record.ending.failed for record in result.starts))
        found = [point.similarity for point in result.agreement.fixed_points]
        assert found == pytest.approx([BEST[1], SECOND], abs=1e-9)
    assert failures[0] >= 5
    assert failures[1] <= 3


def test_entries_of_any_size():
    for scale in (1e-200, 1e200):
        reduced = lsrdr(scale * INTEGERS.astype(float), 2, rng=1)
        assert reduced.similarity == pytest.approx(BEST[2], abs=1e-11)
        np.testing.assert_allclose(reduced.X / scale, reduced.R @ INTEGERS @ reduced.S, atol=1e-10)

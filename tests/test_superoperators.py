"""Superoperators in every representation against Kronecker products and loops."""

import pickle
import time
import tracemalloc
from itertools import product

import naive_lsrdr as naive
import numpy as np
import pytest
import scipy.sparse
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError, ResourceError
from algeom.lsrdr.operators.choi import from_choi, kraus_matrices
from algeom.lsrdr.operators.matrix_families import DenseMatrices, SparseMatrices
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits, Permutations
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator, from_callables
from algeom.lsrdr.operators.superoperators import Counted, KrausSuperoperator, superoperator
from algeom.lsrdr.operators.tuples import matrix_tuple

H = naive.adjoint


def gaussian(rng, *shape, kind="real"):
    values = rng.standard_normal(shape)
    return values if kind == "real" else values + 1j * rng.standard_normal(shape)


def sparse_tuple(rng, r, n, kind):
    return [scipy.sparse.csr_array(gaussian(rng, n, n, kind=kind) * (rng.random((n, n)) < 0.4)) for _ in range(r)]


def representations(kind):
    """Name, superoperator, A, X and signs of the Kronecker twin."""
    rng = np.random.default_rng(1)
    A, X, signs = gaussian(rng, 3, 4, 4, kind=kind), gaussian(rng, 3, 5, 5, kind=kind), np.array([1.0, -1.0, 2.0])
    sparse = sparse_tuple(rng, 3, 4, kind)
    sparse_dense = np.array([matrix.toarray() for matrix in sparse])
    wide = [scipy.sparse.coo_array(x) for x in X]
    units = MatrixUnits(4, [0, 1, 3, 3, 3], [1, 1, 0, 2, 2], gaussian(rng, 5, kind=kind))
    five = gaussian(rng, 5, 3, 3, kind=kind)
    permutations = Permutations([rng.permutation(4) for _ in range(3)])
    centred = Permutations(permutations._images, sum_zero=True)
    yield "dense", superoperator(A), A, A, None
    yield "pair", superoperator(A, X), A, X, None
    yield "square pair", superoperator(A, X[:, 1:, 1:], signs=signs), A, X[:, 1:, 1:], signs
    yield "signs", superoperator(A, signs=signs), A, A, signs
    yield "pair with signs", superoperator(A, X, signs=signs), A, X, signs
    yield "many small", superoperator(np.repeat(A, 400, axis=0) / 20), np.repeat(A, 400, axis=0) / 20, None, None
    yield "sparse", superoperator(sparse), sparse_dense, None, None
    yield "sparse pair", superoperator(sparse, X), sparse_dense, X, None
    yield "sparse both", superoperator(sparse, wide, signs=signs), sparse_dense, X, signs
    yield "units", superoperator(units), units.dense(), None, None
    yield "units as a sum", KrausSuperoperator(units), units.dense(), None, None
    yield "units pair", superoperator(units, five), units.dense(), five, None
    yield "diagonal", DiagonalSuperoperator(units.squared_weights().toarray()), units.dense(), None, None
    yield "permutations", superoperator(permutations), permutations.dense(), None, None
    yield "sum zero", superoperator(centred), permutations.dense() @ (np.eye(4) - 0.25), None, None
    yield "permutations pair", superoperator(permutations, X), permutations.dense(), X, None
    yield "Choi", from_choi(superoperator(A).to_choi()), A, None, None
    yield "callables", from_callables(
        lambda Y: naive.apply(A, A, Y), lambda Y: naive.apply_adjoint(A, A, Y), 4,
        dtype=float if kind == "real" else complex,
    ), A, None, None  # fmt: skip
    yield "counted", Counted(superoperator(A)), A, None, None


CASES = {(name, kind): rest for kind in ("real", "complex") for name, *rest in representations(kind)}


@pytest.mark.parametrize(("starts", "data"), list(product([None, 0, 1, 3], ["real", "complex"])))
@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
def test_every_representation_is_the_kronecker_matrix(case, starts, data):
    E, A, X, signs = CASES[case]
    X = A if X is None else X
    n, m = len(A[0]), len(X[0])
    rng = np.random.default_rng(2)
    lead = () if starts is None else (starts,)
    Y, U, V, W = (gaussian(rng, *lead, *shape, kind=data) for shape in [(n, m), (n, 2), (m, 2), (m, 3)])
    close = {"rtol": 1e-11, "atol": 1e-11 * abs(E.to_dense()).max()}
    np.testing.assert_allclose(E.to_dense(), naive.kronecker_matrix(A, X, signs), **close)
    assert E.shape == (n, m)
    assert E.real == (E.to_dense().dtype == float)
    np.testing.assert_allclose(E.apply(Y), naive.apply(A, X, Y, signs), **close)
    np.testing.assert_allclose(E(Y), E.apply(Y))
    np.testing.assert_allclose(E.adjoint(Y), naive.apply_adjoint(A, X, Y, signs), **close)
    np.testing.assert_allclose(E.product(U, V, W), naive.apply(A, X, U @ H(V), signs) @ W, **close)
    np.testing.assert_allclose(E.adjoint_product(U, V, W), naive.apply_adjoint(A, X, U @ H(V), signs) @ W, **close)
    if n == m:
        S, R, Y, Z = (gaussian(rng, *lead, *shape, kind=data) for shape in [(n, 2), (2, n), (n, 2), (n, 2)])
        first, second = E.products(S, R, Y, Z)
        np.testing.assert_allclose(first, naive.apply(A, X, Y @ H(S), signs) @ H(R), **close)
        np.testing.assert_allclose(second, naive.apply_adjoint(A, X, Z @ R, signs) @ S, **close)
        assert first.dtype == second.dtype == np.result_type(E.dtype, S)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
def test_the_adjoint_is_one(case):
    E = CASES[case][0]
    rng = np.random.default_rng(3)
    Y, Z = gaussian(rng, *E.shape, kind="complex"), gaussian(rng, *E.shape, kind="complex")
    assert np.vdot(Z, E(Y)) == pytest.approx(np.vdot(E.adjoint(Z), Y), rel=1e-11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case))
def test_compressions_and_flags(case):
    E, A, X, signs = CASES[case]
    if isinstance(E, KrausSuperoperator) and case[0] != "Choi":
        rng = np.random.default_rng(4)
        R, S = gaussian(rng, 2, 3, E.n), gaussian(rng, 2, E.n, 2)
        np.testing.assert_allclose(E.compress(R, S), R[:, None] @ A @ S[:, None], atol=1e-12)
        np.testing.assert_allclose(E.compress(R[0], S[0]), R[0] @ A @ S[0], atol=1e-12)
    if X is None or X is A:
        assert E.hermitian_preserving
        assert E.is_completely_positive == (signs is None)
    else:
        assert not E.hermitian_preserving
        assert not E.is_completely_positive
    assert repr(E).split("(")[0] == type(E).__name__
    assert E.multiplications(2) > 0
    assert E.field == ("R" if E.real else "C")


def test_quaternionic_tuples_act_by_their_complex_form():
    rng = np.random.default_rng(5)
    A = Quaternions(gaussian(rng, 2, 3, 3, kind="complex"), gaussian(rng, 2, 3, 3, kind="complex"))
    E = superoperator(A)
    assert (E.shape, E.field, E.is_completely_positive) == ((6, 6), "H", True)
    np.testing.assert_allclose(E.to_dense(), naive.kronecker_matrix(A.complex))
    X = gaussian(rng, 2, 2, 2)
    twin = naive.kronecker_matrix(A.complex, Quaternions(X).complex)
    np.testing.assert_allclose(superoperator(A, X).to_dense(), twin)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.booleans(), st.integers(0, 3))
def test_products_of_any_size(seed, r, n, m, is_complex, k):
    rng = np.random.default_rng(seed)
    kind = "complex" if is_complex else "real"
    A, X = gaussian(rng, r, n, n, kind=kind), gaussian(rng, r, m, m)
    lead = (k,) if k else ()
    U, V, W = (gaussian(rng, *lead, *shape) for shape in [(n, 2), (m, 2), (m, 1)])
    sparse = [scipy.sparse.csc_array(x) for x in X]
    for E in (superoperator(A, X), superoperator(A, sparse)):
        np.testing.assert_allclose(E.product(U, V, W), naive.apply(A, X, U @ H(V)) @ W, atol=1e-10)
        np.testing.assert_allclose(E.adjoint_product(U, V, W), naive.apply_adjoint(A, X, U @ H(V)) @ W, atol=1e-10)


def test_full_matrices_are_multiplied_at_once_or_one_after_the_other(monkeypatch):
    rng = np.random.default_rng(20)
    units = MatrixUnits(4, [0, 1, 2], [1, 2, 2], gaussian(rng, 3, kind="complex"))
    X, signs = gaussian(rng, 3, 5, 5, kind="complex"), np.array([1.0, -1.0, 2.0])
    Y = gaussian(rng, 2, 4, 5)
    for E, Z in (
        (superoperator(units, X, signs=signs), Y),
        (superoperator(X, units, signs=signs), Y.swapaxes(1, 2)),
        (superoperator(units, sparse_tuple(rng, 3, 5, "complex"), signs=signs), Y),
    ):
        at_once = E.apply(Z), E.adjoint(Z)
        with monkeypatch.context() as patched:
            patched.setattr("algeom.lsrdr.operators.superoperators._AT_ONCE", 0)
            np.testing.assert_allclose(E.apply(Z), at_once[0], atol=1e-12)
            np.testing.assert_allclose(E.adjoint(Z), at_once[1], atol=1e-12)
        np.testing.assert_allclose(at_once[0], naive.apply(E.left.dense(), E.right.dense(), Z, signs), atol=1e-12)


def test_lists_of_matrices():
    rng = np.random.default_rng(21)
    A = Quaternions(gaussian(rng, 2, 3, 3), gaussian(rng, 2, 3, 3))
    np.testing.assert_array_equal(superoperator(list(A)).to_dense(), superoperator(A).to_dense())
    mixed = superoperator([A[0], np.eye(3)])
    assert mixed.field == "H"
    adjacency = scipy.sparse.csr_array(np.array([[False, True], [True, True]]))
    np.testing.assert_array_equal(superoperator([adjacency]).left.dense(), [[[0, 1], [1, 1.0]]])
    with pytest.raises(InputError, match="different shapes"):
        superoperator([A[0], np.eye(2)])


def test_applications_are_counted():
    rng = np.random.default_rng(6)
    E = Counted(superoperator(gaussian(rng, 2, 3, 3)))
    U = gaussian(rng, 4, 3, 2)
    expected = 0
    for call, count in [
        (lambda: E.apply(np.eye(3)), 1),
        (lambda: E.adjoint(np.zeros((5, 3, 3))), 5),
        (lambda: E.product(U, U, U), 4),
        (lambda: E.adjoint_product(U[0], U[0], U[0]), 1),
        (lambda: E.products(U, U.swapaxes(1, 2), U, U), 8),
    ]:
        call()
        expected += count
        assert E.applications == expected
    assert E.is_completely_positive
    assert E.hermitian_preserving
    assert E.applications == expected


def hot_arguments(rng, n, r, d, k, kind="real"):
    shapes = [(r, n, n), (k, n, d), (k, d, n), (k, n, d), (k, n, d)]
    return [gaussian(rng, *shape, kind=kind) for shape in shapes]


@pytest.mark.parametrize("k", [1, 3])
def test_products_take_memory_for_thin_matrices_only(k):
    n, r, d = 120, 6, 4
    A, S, R, Y, Z = hot_arguments(np.random.default_rng(19), n, r, d, k)
    E = superoperator(A)
    E.products(S, R, Y, Z)
    tracemalloc.start()
    E.products(S, R, Y, Z)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A_j [Y, S] and one array of the size of A_j Y, with what is made from them.
    assert peak <= 8 * k * d * (4 * r * n + 6 * n + 4 * r * d) + 20_000
    assert peak < A.nbytes


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 4])
def test_products_take_hardly_longer_than_the_matrix_products_they_contain(k):
    n, r, d = 400, 10, 20
    A, S, R, Y, Z = hot_arguments(np.random.default_rng(18), n, r, d, k)
    E, stack, columns = superoperator(A), A.reshape(r * n, n), np.ascontiguousarray(S.swapaxes(0, 1).reshape(n, k * d))
    tall = np.ascontiguousarray(np.tile(columns, (r, 1)))

    def contained():
        for _ in range(2):
            stack @ columns
        stack.T @ tall

    def cpu_seconds(function):
        started = time.process_time()
        function()
        return time.process_time() - started

    with threadpoolctl.threadpool_limits(1):
        pairs = [(cpu_seconds(contained), cpu_seconds(lambda: E.products(S, R, Y, Z))) for _ in range(40)]
    least, taken = np.min(pairs, axis=0)
    assert taken <= 1.5 * least


def test_choi_matrices_in_both_orders():
    rng = np.random.default_rng(7)
    A = gaussian(rng, 2, 3, 3, kind="complex")
    E = superoperator(A)
    C = E.to_choi()
    np.testing.assert_allclose(C, naive.choi_matrix(A), atol=1e-12)
    vectors = A.reshape(2, 9)
    np.testing.assert_allclose(E.to_choi("output-input"), vectors.T @ vectors.conj(), atol=1e-12)
    for order in ("input-output", "output-input"):
        np.testing.assert_allclose(from_choi(E.to_choi(order), order).to_dense(), E.to_dense(), atol=1e-12)
    # The trace over the output is the transpose of E^*(1), which is 1 for maps that preserve the trace.
    np.testing.assert_allclose(np.einsum("ikjk->ij", C.reshape(3, 3, 3, 3)), E.adjoint(np.eye(3)).T, atol=1e-12)


def test_kraus_matrices_come_back_up_to_unitary_mixing():
    rng = np.random.default_rng(8)
    A = gaussian(rng, 3, 3, 3, kind="complex")
    B = kraus_matrices(superoperator(A))
    assert B.shape == A.shape
    mixing = np.linalg.lstsq(A.reshape(3, 9).T, B.reshape(3, 9).T, rcond=None)[0]
    np.testing.assert_allclose(mixing.T @ A.reshape(3, 9), B.reshape(3, 9), atol=1e-12)
    np.testing.assert_allclose(mixing @ H(mixing), np.eye(3), atol=1e-12)
    gram = B.reshape(3, 9).conj() @ B.reshape(3, 9).T
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-12)
    assert kraus_matrices(superoperator(A.real)).dtype == float
    assert kraus_matrices(superoperator(np.repeat(A, 4, axis=0))).shape == A.shape


def test_maps_that_are_not_completely_positive():
    swap = np.eye(9).reshape(3, 3, 3, 3).transpose(0, 1, 3, 2).reshape(9, 9)
    transposition = from_choi(swap)
    Y = np.arange(9.0).reshape(3, 3)
    np.testing.assert_allclose(transposition(Y), Y.T, atol=1e-14)
    assert transposition.hermitian_preserving
    assert not transposition.is_completely_positive
    with pytest.raises(InputError, match="not completely positive"):
        kraus_matrices(transposition)
    rng = np.random.default_rng(9)
    C = gaussian(rng, 9, 9, kind="complex")
    E = from_choi(C)
    np.testing.assert_allclose(E.to_choi(), C, atol=1e-12)
    assert not E.hermitian_preserving
    assert from_choi(np.zeros((4, 4)))(np.eye(2)).tolist() == [[0, 0], [0, 0]]
    # The reduction map is positive; its Choi matrix 1 - sum E_ij (x) E_ij has the eigenvalue 1 - n.
    reduction = from_callables(lambda Y: np.trace(Y) * np.eye(3) - Y, lambda Y: np.trace(Y) * np.eye(3) - Y, 3)
    assert np.linalg.eigvalsh(reduction.to_choi())[0] == pytest.approx(-2)
    assert reduction.is_completely_positive is False
    large = from_callables(lambda Y: Y, lambda Y: Y, 40)
    assert large.is_completely_positive is None
    assert large.hermitian_preserving


def test_matrix_units_from_weights():
    W = np.array([[0, 2.0, 0], [0, 0, 3], [4, 0, 0]])
    for weights in (W, scipy.sparse.csr_array(W), W.tolist()):
        units = MatrixUnits.from_weights(weights)
        assert units.r == 3
        np.testing.assert_array_equal(units.squared_weights().toarray(), W**2)
    E = superoperator(MatrixUnits.from_weights(W))
    assert (type(E), E.edges) == (DiagonalSuperoperator, 3)
    assert DiagonalSuperoperator(-W).is_completely_positive is False


def test_thin_matrices_may_have_no_columns():
    rng = np.random.default_rng(22)
    none = np.zeros((3, 0))
    dense, sparse = DenseMatrices(gaussian(rng, 2, 3, 3)), SparseMatrices(sparse_tuple(rng, 2, 3, "real"))
    for family in (dense, sparse, MatrixUnits(3, [0], [1]), Permutations([[1, 0, 2]])):
        E = KrausSuperoperator(family)
        assert E.compress(none.T, none).shape == (family.r, 0, 0)
        assert E.product(none, none, none).shape == (3, 0)
        np.testing.assert_array_equal(E.product(none, none, np.eye(3)), np.zeros((3, 3)))
        np.testing.assert_array_equal(E.adjoint_product(none, none, np.eye(3)), np.zeros((3, 3)))


def test_families_are_scaled_exactly():
    rng = np.random.default_rng(10)
    for family in (
        DenseMatrices(gaussian(rng, 2, 3, 3)),
        SparseMatrices(sparse_tuple(rng, 2, 3, "complex")),
        MatrixUnits(3, [0], [1], [5.0]),
        Permutations([[1, 0, 2]]),
        Permutations([[1, 0, 2]], sum_zero=True),
    ):
        np.testing.assert_array_equal(family.scaled(0.25).dense(), family.dense() * 0.25)
        assert family.scaled(0.25).largest == family.largest / 4
        assert family.largest >= abs(family.dense()).max()


def test_arrays_are_not_copied():
    A = np.random.default_rng(11).standard_normal((2, 3, 3))
    assert matrix_tuple(A) is A
    assert np.shares_memory(superoperator(A).left.dense(), A)
    assert matrix_tuple(np.asfortranarray(A)).flags.c_contiguous
    assert matrix_tuple(A.astype(np.float32)).dtype == float
    assert matrix_tuple([[[True]]]).tolist() == [[[1.0]]]
    assert matrix_tuple([[[2**53]]])[0, 0, 0] == 2**53


def test_superoperators_pickle():
    rng = np.random.default_rng(12)
    for E in (superoperator(gaussian(rng, 2, 3, 3)), superoperator(MatrixUnits(3, [0], [1]))):
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(E)).to_dense(), E.to_dense())
    A = np.ones((2, 50, 50))
    assert len(pickle.dumps(superoperator(A))) < 1.2 * A.nbytes


NAN = np.full((1, 2, 2), np.nan)


@pytest.mark.parametrize(
    ("A", "message"),
    [
        ([], "r = 0 matrices"),
        (np.zeros((0, 3, 3)), "r = 0 matrices"),
        (np.zeros((2, 0, 0)), "size at least 1"),
        (np.eye(2), r"give \[A\]"),
        (np.zeros((2, 3, 4)), r"\(2, 3, 4\); expected r square"),
        (np.zeros((2, 3)), "list of square matrices"),
        (5.0, "list of square matrices"),
        ([np.eye(2), np.eye(3)], "cannot be made an array"),
        ([[[1.0, 2.0], [3.0]]], "cannot be made an array"),
        (NAN, r"entry nan; entries have to be finite"),
        ([[[np.inf]]], "entry inf"),
        ([[[1.0 + 1j * np.nan]]], "finite"),
        (np.array([[[1e300]]], dtype=np.longdouble) * 1e100, "finite"),
        ([[[2**53 + 1]]], r"beyond 2\^53"),
        ([[[2**70]]], r"beyond 2\^53"),
        (np.array([[[2**64 - 1]]], dtype=np.uint64), r"beyond 2\^53"),
        ([[["1"]]], "type str"),
        ([[[None]]], "type NoneType"),
        (np.array([[[1, "a"]]], dtype=object), "type int|type str"),
        ([scipy.sparse.eye_array(2), scipy.sparse.eye_array(3)], r"shapes \(2, 2\), \(3, 3\)"),
        ([scipy.sparse.coo_array(np.zeros((2, 3)))], r"\(2, 3\)"),
        ([scipy.sparse.csr_array([[np.nan, 1], [0, 0]])], "finite"),
        ([scipy.sparse.csr_array([[2**60, 1], [0, 0]])], r"beyond 2\^53"),
        (scipy.sparse.eye_array(2), r"\[A\]"),
        (Quaternions(np.eye(2)), "expected r square"),
        (Quaternions(np.zeros((1, 2, 3))), "expected r square"),
    ],
)  # fmt: skip
def test_bad_tuples(A, message):
    with pytest.raises(InputError, match=message):
        superoperator(A)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: superoperator(np.zeros((2, 3, 3)), np.zeros((3, 2, 2))), "A has 2 matrices and X has 3"),
        (lambda: superoperator(superoperator(np.zeros((2, 3, 3))), np.zeros((2, 2, 2))), "together with X"),
        (lambda: superoperator(np.zeros((2, 3, 3)), signs=[1]), "expected 2 real numbers"),
        (lambda: superoperator(Permutations([[0, 1]]), Quaternions(np.zeros((1, 2, 2)))), "together with quaternions"),
        (lambda: Permutations([[0, 0]]), r"images\[0\] is no permutation"),
        (lambda: Permutations([[0, 1], [0]]), "cannot be made"),
        (lambda: Permutations([[0.0, 1.0]]), "float64"),
        (lambda: MatrixUnits(0, [0], [0]), "positive integer"),
        (lambda: MatrixUnits(2, [], []), "r = 0 matrix units"),
        (lambda: MatrixUnits(2, [0.0], [1]), "list of integers"),
        (lambda: MatrixUnits(2, [0], [2]), "indices from 0 to 1"),
        (lambda: MatrixUnits(2, [0, 1], [1]), r"\(2,\), \(1,\)"),
        (lambda: MatrixUnits(2, [0], [1], [np.nan]), "finite"),
        (lambda: MatrixUnits.from_weights(np.zeros((2, 3))), "square matrix"),
        (lambda: MatrixUnits.from_weights(np.zeros((2, 2))), "at least one"),
        (lambda: MatrixUnits.from_weights([["a"]]), "type str"),
        (lambda: MatrixUnits.from_weights([[1, 2], [3]]), "no matrix"),
        (lambda: superoperator(MatrixUnits(2, [0], [1], [1e200])), "beyond double precision"),
        (lambda: superoperator(MatrixUnits(2, [0], [1], [1e-200])), "beyond double precision"),
        (lambda: DiagonalSuperoperator(np.zeros((2, 3))), "square matrix"),
        (lambda: DiagonalSuperoperator([[np.inf]]), "finite"),
        (lambda: from_choi(np.eye(3)), r"n\^2 x n\^2"),
        (lambda: from_choi(np.eye(4), order="C"), "order='C'"),
        (lambda: from_choi([[1, 2], [3]]), "cannot be made"),
        (lambda: from_choi(np.full((4, 4), np.nan)), "C has the entry nan"),
        (lambda: from_choi(5.0), r"n\^2 x n\^2"),
        (lambda: superoperator(np.zeros((2, 3, 3)), np.zeros((2, 2, 2))).to_choi(), "no Choi matrix"),
        (lambda: from_callables(np.transpose, np.transpose, 0), "positive integer"),
        (lambda: from_callables(np.transpose, np.transpose, 2, dtype=int), "expected float or complex"),
        (lambda: from_callables(lambda Y: Y[0], np.transpose, 2), r"shape \(2,\)"),
        (lambda: from_callables(lambda Y: Y * 1j, lambda Y: Y, 2), "dtype=complex"),
        (lambda: from_callables(lambda Y: Y / 0, lambda Y: Y, 2), "not finite"),
        (lambda: from_callables(lambda Y: Y @ Y, lambda Y: Y, 2), "not linear"),
        (lambda: from_callables(np.conj, np.conj, 2, dtype=complex), "not linear"),
        (lambda: from_callables(np.triu, np.transpose, 3), "not the adjoint"),
    ],
)  # fmt: skip
def test_bad_constructions(make, message):
    with np.errstate(all="ignore"), pytest.raises(InputError, match=message):
        make()


def test_bad_arguments_of_products():
    E = superoperator(np.zeros((1, 3, 3)))
    wide = superoperator(np.zeros((1, 3, 3)), np.zeros((1, 2, 2)))
    U = np.zeros((3, 2))
    for call in (
        lambda: E.apply(np.zeros((2, 3))),
        lambda: E.apply([["a"]]),
        lambda: E.adjoint(np.zeros(9)),
        lambda: E.product(U, U, U.T),
        lambda: E.product(U, U[:, :1], U),
        lambda: E.adjoint_product(U[None], U, U),
        lambda: E.products(U, U, U, U),
        lambda: wide.products(U, U.T, U, U),
    ):
        with pytest.raises(InputError, match=r"shape|type"):
            call()


def test_matrices_that_do_not_fit_are_refused():
    with pytest.raises(ResourceError, match="superoperator"):
        superoperator(np.zeros((1, 3, 3))).to_dense(memory_limit=1000)
    with pytest.raises(ResourceError, match="dense matrices"):
        MatrixUnits(10**7, [0], [1]).dense()

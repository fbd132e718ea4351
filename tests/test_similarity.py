"""The similarity of tuples: its bounds, invariances, closed cases and baselines."""

import importlib
import math

import naive_lsrdr as naive
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import GenericityError, InputError
from algeom.evidence import Status
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits, Permutations
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.spectra.similarity import similarity

SEED = st.integers(0, 2**32)
FIELD = st.sampled_from("RCH")


def gaussian(rng, field, *shape):
    """Random matrices over a field, as users give them."""
    parts = rng.standard_normal((4, *shape))
    if field == "R":
        return parts[0]
    if field == "C":
        return parts[0] + 1j * parts[1]
    return Quaternions.from_components(np.moveaxis(parts, 0, -1))


def conjugated(A, C):
    """C A_j C^-1, over any field."""
    if isinstance(A, Quaternions):
        inverse = Quaternions.from_complex(np.linalg.inv(C.complex))
        return C @ A @ inverse
    return C @ A @ np.linalg.inv(C)


def mixed(U, A):
    """The sums of u_ij A_j."""
    if isinstance(A, Quaternions):
        assert not np.iscomplexobj(U), "real mixing, as complex numbers do not commute with quaternions"
        return Quaternions(np.tensordot(U, A.a, 1), np.tensordot(U, A.b, 1))
    return np.tensordot(U, A, 1)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(SEED, FIELD, st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_similarities_are_at_most_one_and_invariant(seed, field, r, n, d):
    rng = np.random.default_rng(seed)
    A, X = gaussian(rng, field, r, n, n), gaussian(rng, field, r, d, d)
    found = similarity(A, X, rng=1)
    assert 0 <= found.lower <= found.value <= found.upper <= 1
    assert float(found) == found.value
    close = pytest.approx(found.value, rel=1e-8, abs=1e-9)
    assert similarity(conjugated(A, gaussian(rng, field, n, n)), X).value == close
    assert similarity(A, conjugated(X, gaussian(rng, field, d, d))).value == close
    assert similarity(A * -3.0, X * 0.01).value == close
    assert similarity(X, A).value == close
    unitary = np.linalg.qr(gaussian(rng, "R" if field == "H" else field, r, r))[0]
    assert similarity(mixed(unitary, A), mixed(unitary, X)).value == close
    assert similarity(A, conjugated(A, gaussian(rng, field, n, n))).value == pytest.approx(1, abs=1e-7)
    assert similarity(A, A).value == 1


@settings(max_examples=20, deadline=None, derandomize=True)
@given(SEED, st.booleans(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))
def test_similarities_are_those_of_kronecker_matrices(seed, is_complex, r, n, d):
    rng = np.random.default_rng(seed)
    A, X = gaussian(rng, "C" if is_complex else "R", r, n, n), gaussian(rng, "R", r, d, d)
    assert similarity(A, X).value == pytest.approx(naive.similarity(A, X), rel=1e-9)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(SEED, FIELD, st.integers(1, 4), st.integers(1, 3))
def test_the_dominant_summand_has_similarity_one(seed, field, n, m):
    rng = np.random.default_rng(seed)
    B, C = gaussian(rng, field, 3, n, n), gaussian(rng, field, 3, m, m)
    # The unit matrix in B alone makes it dominate.
    B = B + np.stack([10 * np.eye(n), np.zeros((n, n)), np.zeros((n, n))])

    def summed(b, c):
        A = np.zeros((3, n + m, n + m), dtype=np.result_type(b, c))
        A[:, :n, :n], A[:, n:, n:] = b, c
        return A

    if field == "H":
        A = Quaternions(summed(B.a, C.a), summed(B.b, C.b))
    else:
        A = summed(B, C)
    found = similarity(A, B)
    assert found.of_A.value == pytest.approx(found.of_X.value, rel=1e-9)
    assert found.value == pytest.approx(1, abs=1e-9)
    assert similarity(A, C).value < 1


def test_quaternionic_radii_are_those_of_the_real_map():
    # Gamma on quaternionic matrices as a map of their real components, without the complex form.
    rng = np.random.default_rng(0)
    A, X = gaussian(rng, "H", 2, 2, 2), gaussian(rng, "H", 2, 3, 3)
    columns = []
    for unit in np.eye(24).reshape(24, 2, 3, 4):
        Y = Quaternions.from_components(unit)
        image = A[0] @ Y @ X[0].H + A[1] @ Y @ X[1].H
        columns.append(image.components.ravel())
    radius = np.abs(np.linalg.eigvals(np.array(columns).T)).max()
    found = similarity(A, X)
    assert found.mixed.value == pytest.approx(radius, rel=1e-11)
    assert found.of_A.value == pytest.approx(naive.radius(A.complex), rel=1e-11)


def test_complex_tuples_as_quaternionic_ones():
    rng = np.random.default_rng(1)
    A, X = gaussian(rng, "C", 3, 3, 3), gaussian(rng, "C", 3, 2, 2)
    over_H = similarity(Quaternions(A), X).value
    assert over_H == pytest.approx(max(similarity(A, X).value, similarity(A, X.conj()).value), rel=1e-10)
    assert similarity(A, Quaternions(X)).value == pytest.approx(over_H)
    real = gaussian(rng, "R", 3, 3, 3)
    assert similarity(Quaternions(real), real[:, :2, :2]).value == pytest.approx(
        similarity(real, real[:, :2, :2]).value, rel=1e-10
    )


def test_real_tuples_are_computed_with_in_real_arithmetic():
    A = np.random.default_rng(2).standard_normal((2, 3, 3))
    found = similarity(A, A[:, :2, :2])
    assert found.of_A.eigenvector.dtype == found.of_X.eigenvector.dtype == float
    assert superoperator(A, A[:, :2, :2]).dtype == float


# Independent Gaussian tuples: 1 / sqrt(r). The leading blocks of size m: sqrt(m / n), if that is more. Entries kept
# with probability p: sqrt(p). Means of ten pairs, whose standard error is about 0.01, at n = 30.
@pytest.mark.parametrize(
    ("make", "limit"),
    [
        (lambda A, rng: rng.standard_normal((4, 6, 6)), 1 / math.sqrt(4)),
        (lambda A, rng: A[:, :6, :6], math.sqrt(6 / 16)),
        (lambda A, rng: A * (rng.random(A.shape) < 0.4), math.sqrt(0.4)),
    ],
    ids=["independent", "leading blocks", "entries"],
)
def test_random_baselines(make, limit):
    values = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        A = rng.standard_normal((4, 16, 16))
        values.append(similarity(A, make(A, rng), rng=1).value)
    assert np.mean(values) == pytest.approx(limit, abs=0.05)


def test_subgraphs():
    # The complete graph on four vertices with one more vertex at one of them: the similarity of the complete graph is
    # the square root of 3 / rho, for rho = 3.0861... the spectral radius of the graph.
    W = np.ones((5, 5)) - np.eye(5)
    W[4, 1:4] = W[1:4, 4] = 0
    units = MatrixUnits.from_weights(W)
    X = units.dense()[:, :4, :4].copy()
    for A in (units, units.dense(), [scipy.sparse.csr_array(a) for a in units.dense()]):
        assert similarity(A, X).value == pytest.approx(0.9859468533697987, rel=1e-12)


def test_permutations():
    rng = np.random.default_rng(3)
    images = [rng.permutation(6) for _ in range(3)]
    # All permutation matrices agree on constant vectors.
    assert similarity(Permutations(images), np.ones((3, 1, 1))).value == pytest.approx(1, rel=1e-11)
    rest = Permutations(images, sum_zero=True)
    assert similarity(rest, np.ones((3, 1, 1))).value < 1
    X = rng.standard_normal((3, 2, 2))
    assert similarity(rest, X).value == pytest.approx(naive.similarity(rest.dense(), X), rel=1e-9)


@pytest.mark.parametrize("exponent", [-900, -400, 400, 900])
def test_entries_of_any_size(exponent):
    rng = np.random.default_rng(4)
    A, X = rng.standard_normal((3, 4, 4)), rng.standard_normal((3, 2, 2))
    expected = pytest.approx(similarity(A, X).value, rel=1e-12)
    assert similarity(A * 2.0**exponent, X).value == expected
    assert similarity(A * 2.0**exponent, X * 2.0**exponent).value == expected
    assert similarity(A, X * 2.0**-exponent).value == expected


def test_orthogonal_tuples_have_similarity_zero():
    A, X = np.zeros((2, 3, 3)), np.zeros((2, 2, 2))
    A[0], X[1] = np.eye(3), np.eye(2)
    assert similarity(A, X).value == 0


def test_results_say_what_they_rest_on():
    rng = np.random.default_rng(5)
    found = similarity(rng.standard_normal((2, 3, 3)), rng.standard_normal((2, 2, 2)), rng=9)
    assert found.seed == 9
    assert found.evidence.status is Status.NUMERICAL
    assert "Collatz and Wielandt" in found.evidence.reason
    assert repr(found).startswith("Similarity(0.")
    quotient = found.mixed.value / math.sqrt(found.of_A.value * found.of_X.value)
    assert found.value == pytest.approx(quotient, rel=1e-14)


def test_large_tuples_by_arpack():
    rng = np.random.default_rng(6)
    B = rng.standard_normal((3, 30, 30))
    A = np.zeros((3, 45, 45))
    A[:, :30, :30], A[:, 30:, 30:] = B, 0.3 * rng.standard_normal((3, 15, 15))
    basis = np.linalg.qr(rng.standard_normal((45, 45)))[0]
    found = similarity(basis @ A @ basis.T, B, rng=1)
    assert found.of_A.method == "arnoldi"
    assert found.value == pytest.approx(1, abs=1e-10)
    assert found.upper - found.lower < 1e-8
    assert similarity(A, B, rng=1).value == similarity(A, B, rng=1).value


NILPOTENT = np.triu(np.ones((2, 3, 3)), 1)
FULL = np.random.default_rng(7).standard_normal((2, 3, 3))
TURN = np.linalg.qr(FULL[0])[0]


@pytest.mark.parametrize(
    ("A", "X", "message"),
    [
        (NILPOTENT, FULL, "A is nilpotent"),
        (FULL, TURN @ NILPOTENT @ TURN.T, "X is nilpotent"),
        (FULL, np.zeros((2, 3, 3)), "X is nilpotent"),
        ([scipy.sparse.csr_array(a) for a in NILPOTENT], FULL, "A is nilpotent"),
        (MatrixUnits(3, [0, 1], [1, 2]), FULL, "A is nilpotent"),
        (Quaternions(0 * NILPOTENT, NILPOTENT), FULL, "A is nilpotent"),
        (FULL, FULL[:1], "A has 2 matrices and X has 1"),
        (FULL, [], "r = 0"),
        (np.zeros((0, 2, 2)), FULL, "r = 0"),
        (FULL, np.full((2, 2, 2), np.nan), "X has the entry nan"),
        (FULL[:, :2], FULL, "expected r square"),
        (FULL, [np.eye(2), np.eye(3)], "cannot be made an array"),
        ([[[2**60]]], [[[1]]], r"beyond 2\^53"),
        (superoperator(FULL), FULL, "A is a superoperator"),
        (FULL, superoperator(FULL), "X is a superoperator"),
        (Permutations([[0, 1]]), Quaternions(np.ones((1, 2, 2))), "together with quaternions"),
        ([["a"]], FULL, "type str"),
    ],
)  # fmt: skip
def test_bad_tuples(A, X, message):
    with pytest.raises(InputError, match=message):
        similarity(A, X)


def test_a_tuple_that_is_not_told_from_a_nilpotent_one():
    # Singular values of random triangular matrices decrease exponentially: no rank is clear, and eigenvalues are noise.
    rng = np.random.default_rng(8)
    A = np.triu(rng.standard_normal((1, 60, 60)), 1)
    basis = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    with pytest.raises(InputError, match="nilpotent"):
        similarity(basis @ A @ basis.T, [[[1.0]]], rng=1)


def test_radii_that_contradict_the_theorem_are_no_similarity(monkeypatch):
    # The package has a function of the name of the module.
    module = importlib.import_module("algeom.lsrdr.spectra.similarity")
    right = module.spectral_radius

    def wrong(E, **arguments):
        found = right(E, **arguments)
        if getattr(E, "left", None) is not getattr(E, "right", None):
            object.__setattr__(found, "lower", 100.0)
        return found

    monkeypatch.setattr(module, "spectral_radius", wrong)
    with pytest.raises(GenericityError, match="similarity above 1"):
        similarity(FULL, FULL[:, :2, :2])


def test_bad_method():
    with pytest.raises(InputError, match="method='power'"):
        similarity(FULL, FULL, method="power")

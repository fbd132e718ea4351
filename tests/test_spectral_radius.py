"""Spectral radii against Kronecker matrices, closed formulas and theorems."""

import math

import naive_lsrdr as naive
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import GenericityError, InputError, ResourceError
from algeom.evidence import Status
from algeom.lsrdr.operators.matrix_families import DenseMatrices, SparseMatrices
from algeom.lsrdr.operators.structured_families import MatrixUnits, Permutations
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator, from_callables
from algeom.lsrdr.operators.superoperators import Counted, superoperator
from algeom.lsrdr.spectra import eigensolver
from algeom.lsrdr.spectra.collatz_wielandt import collatz_wielandt, perron_bounds
from algeom.lsrdr.spectra.nilpotency import is_nilpotent
from algeom.lsrdr.spectra.perron_root import perron_root
from algeom.lsrdr.spectra.spectral_radius import spectral_radius

H = naive.adjoint


def gaussian(rng, *shape, kind="real"):
    values = rng.standard_normal(shape)
    return values if kind == "real" else values + 1j * rng.standard_normal(shape)


def conjugated(A, C):
    return C @ A @ np.linalg.inv(C)


def orthogonal(rng, n):
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def assert_consistent(found, E):
    """What a result says about itself holds."""
    assert found.lower <= found.value <= found.upper
    assert abs(found.eigenvalue) == pytest.approx(found.value, abs=1e-300)
    assert np.linalg.norm(found.eigenvector) == pytest.approx(1)
    residual = np.linalg.norm(E(found.eigenvector) - found.eigenvalue * found.eigenvector)
    assert residual == pytest.approx(found.residual, rel=0.1, abs=1e-12 * max(found.value, 1e-300))
    assert found.leading[0] == pytest.approx(found.eigenvalue, rel=1e-6)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.booleans(), st.booleans())
def test_small_maps(seed, r, n, m, is_complex, is_pair):
    rng = np.random.default_rng(seed)
    kind = "complex" if is_complex else "real"
    A = gaussian(rng, r, n, n, kind=kind)
    X = gaussian(rng, r, m, m, kind=kind) if is_pair else None
    E = superoperator(A, X)
    found = spectral_radius(E, rng=1)
    assert found.value == pytest.approx(naive.radius(A, X), rel=1e-9)
    assert_consistent(found, E)
    if not is_pair:
        assert np.linalg.eigvalsh(found.eigenvector)[0] >= -1e-9
        assert found.uncertainty < 1e-9
    assert (found.evidence.status, found.seed) == (Status.NUMERICAL, 1)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("is_pair", [False, True])
def test_arpack_gives_what_all_eigenvalues_give(kind, is_pair):
    rng = np.random.default_rng(1)
    A, X = gaussian(rng, 3, 22, 22, kind=kind), gaussian(rng, 3, 20, 20, kind=kind)
    E = superoperator(A, X if is_pair else None)
    arnoldi, dense = spectral_radius(E, rng=1), spectral_radius(E, method="dense", rng=1)
    assert (arnoldi.method, dense.method) == ("arnoldi", "dense")
    assert arnoldi.value == pytest.approx(dense.value, rel=1e-11)
    assert arnoldi.lower <= dense.value <= arnoldi.upper
    assert_consistent(arnoldi, E)
    assert_consistent(dense, E)
    assert arnoldi.uncertainty < 1e-10
    again = spectral_radius(E, rng=1)
    assert (again.value, again.seed) == (arnoldi.value, 1)
    counted = Counted(E)
    assert spectral_radius(counted, rng=1).applications == counted.applications > 0


def test_complex_dominant_eigenvalues_of_real_tuples():
    # X is a rotation by a right angle, so that Gamma(A; X) for A = 1 has the eigenvalues i and -i.
    rotation = np.array([[[0.0, -1.0], [1.0, 0.0]]])
    found = spectral_radius(superoperator(np.ones((1, 1, 1)), rotation))
    assert found.value == pytest.approx(1)
    assert abs(found.eigenvalue.real) < 1e-12
    rng = np.random.default_rng(2)
    A = np.kron(rng.standard_normal((2, 15, 15)), rotation)
    X = rng.standard_normal((2, 30, 30))
    pair = spectral_radius(superoperator(A, X), rng=1)
    assert pair.method == "arnoldi"
    assert pair.value == pytest.approx(naive.radius(A, X), rel=1e-9)
    assert_consistent(pair, superoperator(A, X))


def test_unitary_matrices_have_radius_one(monkeypatch):
    rng = np.random.default_rng(3)
    U, V = orthogonal(rng, 21), orthogonal(rng, 20)
    assert spectral_radius([U]).method == "unit matrix"
    assert spectral_radius([U]).value == pytest.approx(1, rel=1e-12)
    # All eigenvalues have the same modulus, which ARPACK does not separate in a few restarts.
    monkeypatch.setattr(eigensolver, "_ATTEMPTS", ((20, 2),))
    pair = spectral_radius(superoperator([U], [V]), rng=1)
    assert (pair.method, pair.value) == ("dense", pytest.approx(1, rel=1e-11))
    with pytest.raises(GenericityError, match="method='dense'"):
        spectral_radius(superoperator([U], [V]), method="arnoldi", rng=1)


def test_channels_have_radius_one():
    rng = np.random.default_rng(4)
    isometry = np.linalg.qr(gaussian(rng, 3 * 25, 25, kind="complex"))[0]
    A = isometry.reshape(3, 25, 25)
    E = superoperator(A)
    np.testing.assert_allclose(E.adjoint(np.eye(25)), np.eye(25), atol=1e-12)
    found = spectral_radius(E, rng=1)
    assert found.value == pytest.approx(1, rel=1e-12)
    assert_consistent(found, E)
    np.testing.assert_allclose(E(found.eigenvector), found.eigenvector, atol=1e-10)


@pytest.mark.parametrize("n", [2, 5, 12, 40])
def test_nilpotent_tuples_have_radius_zero(n):
    rng = np.random.default_rng(n)
    strict = np.triu(rng.standard_normal((3, n, n)), 1)
    A = conjugated(strict, rng.standard_normal((n, n)))
    # Eigenvalues do not tell: rounding makes them large.
    found = spectral_radius(A)
    assert (found.value, found.lower, found.upper, found.method) == (0, 0, 0, "nilpotent")
    assert found.residual <= 1e-9 * np.abs(A).max() ** 2
    assert repr(found).startswith("SpectralRadius(0,")
    other = rng.standard_normal((3, 4, 4))
    for E in (superoperator(A, other), superoperator(other, A)):
        assert spectral_radius(E).value == 0
        assert np.linalg.norm(E(spectral_radius(E).eigenvector)) <= 1e-6 * np.abs(A).max()
    assert not is_nilpotent(DenseMatrices(A + 1e-6 * rng.standard_normal((3, n, n))))


def test_triangular_tuples_are_nilpotent_by_their_graph():
    rng = np.random.default_rng(17)
    # Ranks of a single random triangular matrix are not clear: its singular values decrease exponentially.
    order = rng.permutation(50)
    A = np.triu(rng.standard_normal((1, 50, 50)), 1)[:, order][:, :, order]
    assert spectral_radius(A).value == 0
    large = scipy.sparse.csr_array(scipy.sparse.diags_array(np.ones(49_999), offsets=1))
    assert is_nilpotent(SparseMatrices([large]))


def test_a_nearly_nilpotent_matrix_is_not():
    n = 8
    A = np.eye(n, k=1)
    A[-1, 0] = 1e-8
    assert spectral_radius([A]).value == pytest.approx(1e-8 ** (2 / n), rel=1e-9)


def test_products_that_vanish_with_tuples_that_are_not_nilpotent():
    rng = np.random.default_rng(5)
    for n in (3, 25):
        A, X = np.zeros((2, n, n)), np.zeros((2, n, n))
        A[0], X[1] = rng.standard_normal((2, n, n))
        found = spectral_radius(superoperator(A, X), rng=1)
        assert (found.value, found.method) == (0, "nilpotent")
    zero = spectral_radius(np.zeros((2, 3, 3)))
    assert (zero.value, zero.residual) == (0, 0)
    # Nilpotent as a map, given by functions only: a completely positive one, and another.
    Q = orthogonal(rng, 25)
    N = Q @ (np.eye(25, k=1) + 0.1 * np.triu(rng.standard_normal((25, 25)), 1)) @ Q.T
    assert spectral_radius(from_callables(lambda Y: N @ Y @ N.T, lambda Y: N.T @ Y @ N, 25)).value == 0
    M = np.eye(25, k=13)
    assert spectral_radius(from_callables(lambda Y: M @ Y.T, lambda Y: (M.T @ Y).T, 25), rng=1).value == 0


def test_reducible_tuples():
    rng = np.random.default_rng(6)
    B, C = rng.standard_normal((3, 5, 5)), 0.4 * rng.standard_normal((3, 6, 6))
    truth = naive.radius(B)
    for corner in (0.0, 1.0):
        A = np.zeros((3, 11, 11))
        A[:, :5, :5], A[:, 5:, 5:], A[:, :5, 5:] = B, C, corner * rng.standard_normal((3, 5, 6))
        for blocks in (A, A.swapaxes(1, 2), conjugated(A, orthogonal(rng, 11))):
            found = spectral_radius(blocks)
            assert found.lower <= truth <= found.upper
            assert found.value == pytest.approx(truth, rel=1e-10)
            assert found.uncertainty < 1e-9
    # Equal blocks: a repeated eigenvalue; with a corner a defective one, which is known to half the digits at best.
    A = np.zeros((3, 10, 10))
    A[:, :5, :5] = A[:, 5:, 5:] = B
    twice = spectral_radius(conjugated(A, orthogonal(rng, 10)))
    assert twice.value == pytest.approx(truth, rel=1e-11)
    assert twice.uncertainty < 1e-9
    A[:, :5, 5:] = rng.standard_normal((3, 5, 5))
    defective = spectral_radius(conjugated(A, orthogonal(rng, 10)))
    assert defective.lower <= truth <= defective.upper
    assert defective.value == pytest.approx(truth, rel=1e-4)
    assert defective.uncertainty > 1e-6
    assert "first order" in defective.evidence.reason


def test_jordan_blocks_have_wide_intervals():
    rng = np.random.default_rng(7)
    J = np.eye(4) + np.eye(4, k=1)
    for A in (J, conjugated(J, rng.standard_normal((4, 4)))):
        found = spectral_radius([A])
        assert found.lower <= 1 <= found.upper
        assert 1e-3 < found.uncertainty < 1


@pytest.mark.parametrize("exponent", [-500, -300, 300, 500])
def test_entries_of_any_size(exponent):
    A = np.random.default_rng(8).standard_normal((2, 4, 4))
    scaled = spectral_radius(A * 2.0**exponent)
    # Powers of 2 change nothing but the exponent.
    assert scaled.value == pytest.approx(spectral_radius(A).value * 4.0**exponent, rel=1e-12)
    assert scaled.lower <= scaled.value <= scaled.upper
    mixed = spectral_radius(superoperator(A * 2.0**exponent, A * 2.0**-exponent))
    assert mixed.value == pytest.approx(spectral_radius(A).value, rel=1e-12)


@pytest.mark.parametrize("exponent", [-700, -1060, 700, 1020])
def test_radii_beyond_double_precision_are_refused(exponent):
    with pytest.raises(InputError, match="beyond double precision"):
        spectral_radius([[[math.ldexp(1.0, exponent)]]])


def test_bounds_of_collatz_and_wielandt():
    rng = np.random.default_rng(9)
    for kind in ("real", "complex"):
        A = gaussian(rng, 3, 4, 4, kind=kind)
        E, truth = superoperator(A), naive.radius(A)
        for _ in range(20):
            root = gaussian(rng, 4, 4, kind=kind)
            bounds = collatz_wielandt(E, root @ H(root))
            assert bounds.lower <= truth <= bounds.upper
    assert collatz_wielandt(E, np.diag([1.0, 0, 0, 0])).upper == math.inf
    with pytest.raises(InputError, match="shape"):
        collatz_wielandt(E, np.eye(3))
    with pytest.raises(InputError, match="shape"):
        collatz_wielandt(superoperator(A, A[:, :2, :2]), np.eye(4))


def test_bounds_do_not_need_a_good_vector_or_value():
    rng = np.random.default_rng(10)
    A = rng.standard_normal((3, 5, 5))
    E, truth = superoperator(A), naive.radius(A)
    for matrix in (None, E.to_dense()):
        for value in (0.999 * truth, truth, 1.3 * truth):
            bounds = perron_bounds(E, value, rng.standard_normal((5, 5)), matrix)
            assert bounds.lower <= truth <= bounds.upper
            assert bounds.width < (1e-6 if matrix is None else 1e-10)


def test_graphs_by_components():
    rng = np.random.default_rng(11)
    for n, density in [(3, 0.5), (30, 0.05), (30, 0.2), (600, 0.004), (600, 0.02)]:
        W = np.where(rng.random((n, n)) < density, rng.random((n, n)), 0.0)
        truth = np.abs(np.linalg.eigvals(W)).max()
        for weights in (W, scipy.sparse.csr_array(W)):
            root = perron_root(weights)
            assert root.value == pytest.approx(truth, rel=1e-8, abs=1e-300)
            assert root.upper - root.lower <= 1e-9 * root.value
            assert np.all(root.vector >= 0)
            np.testing.assert_allclose(W @ root.vector, root.value * root.vector, atol=1e-9)


def test_paths_cycles_and_complete_graphs():
    n = 2000
    path = scipy.sparse.diags_array([np.ones(n - 1), np.ones(n - 1)], offsets=[1, -1], shape=(n, n))
    root = perron_root(path)
    assert root.lower <= 2 * math.cos(math.pi / (n + 1)) <= root.upper
    assert root.upper - root.lower < 1e-12
    assert perron_root(np.roll(np.eye(700), 1, axis=0)).value == pytest.approx(1, rel=1e-13)
    assert perron_root(1 - np.eye(7)).value == pytest.approx(6, rel=1e-14)
    loop = np.diag([0.5, 2.0, 1.0]) + np.triu(np.ones((3, 3)), 1)
    found = perron_root(loop)
    assert (found.value, found.lower, found.upper) == (2, 2, 2)
    np.testing.assert_allclose(loop @ found.vector, 2 * found.vector, atol=1e-14)
    # Two components of one radius, one above the other: the eigenvector lives on the upper one.
    double = np.array([[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0.0]])
    np.testing.assert_allclose(double @ perron_root(double).vector, perron_root(double).vector, atol=1e-14)


@pytest.mark.parametrize("tail", [30, 450, 3000])
def test_small_entries_of_eigenvectors(tail):
    # A complete graph with a long path at it: entries decrease by a factor of about 4 along it, down to underflow.
    n = 5 + tail
    W = scipy.sparse.lil_array((n, n))
    W[:5, :5] = 1 - np.eye(5)
    W[np.arange(4, n - 1), np.arange(5, n)] = W[np.arange(5, n), np.arange(4, n - 1)] = 1
    root = perron_root(W)
    # On an infinite path entries are powers of q, rho = q + 1 / q, and the complete graph has a loop of weight q.
    q = 0.25
    for _ in range(60):
        corner = 1 - np.eye(5)
        corner[4, 4] = q
        rho = np.linalg.eigvalsh(corner)[-1]
        q = (rho - math.sqrt(rho * rho - 4)) / 2
    assert root.lower <= rho * (1 + 1e-12)
    assert root.upper >= rho * (1 - 1e-12)
    assert root.upper - root.lower < 1e-10


def test_diagonal_superoperators_cost_what_their_graph_costs():
    rng = np.random.default_rng(12)
    W = np.where(rng.random((6, 6)) < 0.4, rng.standard_normal((6, 6)), 0.0)
    units = MatrixUnits.from_weights(W)
    found = spectral_radius(superoperator(units))
    assert found.value == pytest.approx(spectral_radius(units.dense()).value, rel=1e-11)
    assert (found.method, found.eigenvector.shape) == ("components", (6,))
    acyclic = spectral_radius(DiagonalSuperoperator(np.triu(np.ones((5, 5)), 1)))
    assert (acyclic.value, acyclic.evidence.status) == (0, Status.PROVED)
    large = scipy.sparse.random_array((20_000, 20_000), density=3e-4, rng=rng)
    assert spectral_radius(DiagonalSuperoperator(large)).uncertainty < 1e-9
    # Weights of both signs: no cone, all eigenvalues.
    signed = DiagonalSuperoperator(W)
    assert spectral_radius(signed).value == pytest.approx(np.abs(np.linalg.eigvals(W)).max(), rel=1e-11)
    wide = scipy.sparse.csr_array(rng.standard_normal((500, 500)))
    assert spectral_radius(DiagonalSuperoperator(wide), rng=1).value == pytest.approx(
        np.abs(np.linalg.eigvals(wide.toarray())).max(), rel=1e-9
    )


def test_permutations_and_their_part_on_sum_zero():
    rng = np.random.default_rng(13)
    images = [rng.permutation(24) for _ in range(3)]
    whole, rest = spectral_radius(Permutations(images)), spectral_radius(Permutations(images, sum_zero=True), rng=1)
    assert (whole.value, whole.method) == (pytest.approx(3, rel=1e-12), "unit matrix")
    # Both contain the unit matrix of their space as an eigenvector.
    assert rest.value == pytest.approx(3, rel=1e-11)


def test_maps_given_by_functions():
    transpose = from_callables(np.transpose, np.transpose, 3)
    assert spectral_radius(transpose).value == pytest.approx(1)

    def reduction(Y):
        return np.trace(Y) * np.eye(len(Y)) - Y

    for n in (3, 40):
        found = spectral_radius(from_callables(reduction, reduction, n), rng=1)
        assert found.value == pytest.approx(n - 1, rel=1e-10)
        assert found.uncertainty < 1e-9


def test_signs():
    rng = np.random.default_rng(14)
    A, signs = rng.standard_normal((3, 4, 4)), [1.0, -1.0, -2.0]
    found = spectral_radius(superoperator(A, signs=signs))
    assert found.value == pytest.approx(np.abs(np.linalg.eigvals(naive.kronecker_matrix(A, A, signs))).max(), rel=1e-11)


def test_estimated_errors_are_errors():
    rng = np.random.default_rng(15)
    J = np.eye(3) + np.eye(3, k=1)
    A = conjugated(J, rng.standard_normal((3, 3)))
    found = spectral_radius(superoperator([A], [[[1.0]]]))
    assert found.lower <= 1 <= found.upper
    assert found.uncertainty > 1e-7


def test_large_dense_matrices_are_refused(monkeypatch):
    monkeypatch.setattr("algeom.runtime.memory.available_bytes", lambda: 10**6)
    with pytest.raises(ResourceError, match="needs about"):
        spectral_radius(superoperator(np.ones((1, 20, 20)), np.ones((1, 20, 20))), method="dense")


def test_arpack_that_fails_is_replaced_by_all_eigenvalues(monkeypatch):
    A = np.random.default_rng(16).standard_normal((2, 21, 21))
    monkeypatch.setattr(eigensolver, "_arpack", lambda *arguments: None)
    found = spectral_radius(A, rng=1)
    assert found.method == "dense"
    assert found.uncertainty < 1e-9


def test_weights_of_any_size():
    for factor in (2.0**1020, 2.0**-1060):
        root = perron_root(factor * (1 - np.eye(4)))
        assert root.value == pytest.approx(3 * factor, rel=1e-12)
    with pytest.raises(InputError, match="beyond double precision"):
        perron_root(2.0**1023 * (1 - np.eye(4)))


def test_maps_that_overflow_are_refused():
    A = np.full((1, 2, 2), 1e200)
    for size in (2, 25):
        with np.errstate(all="ignore"), pytest.raises(InputError, match="beyond double precision"):
            spectral_radius(Counted(superoperator(np.full((1, size, size), 1e200), A)))


def test_a_cone_map_of_two_tuples():
    # A = 2 X, so that Gamma(A; X) = 2 Phi(X), completely positive.
    X = np.random.default_rng(18).standard_normal((2, 3, 3))
    found = spectral_radius(superoperator(2 * X, X))
    assert found.value == pytest.approx(2 * spectral_radius(X).value, rel=1e-11)
    assert "Collatz" in found.evidence.reason


def test_bad_arguments():
    with pytest.raises(InputError, match="method='power'"):
        spectral_radius([[[1.0]]], method="power")
    with pytest.raises(InputError, match="finite"):
        spectral_radius([[[np.nan]]])

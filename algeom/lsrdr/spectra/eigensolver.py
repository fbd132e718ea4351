"""The eigenvalue of largest modulus of a linear operator, with an estimate of its error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.lsrdr.operators.matrix_families import DenseMatrices
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.spectra.nilpotency import is_nilpotent
from algeom.runtime.memory import require

__all__ = ["Eigenpair", "Operator", "arnoldi_error", "by_all_eigenvalues", "by_arnoldi", "dominant_eigenpair"]

#: Up to this size all eigenvalues are computed: robust, and at most half a second (with both eigenvectors at size 400:
#: 60 ms real, 170 ms complex, against 10 to 20 ms by ARPACK where that converges at once).
DENSE_SIZE = 400

#: Up to this size all eigenvalues are computed where ARPACK fails: some 30 seconds.
_LARGEST_DENSE_SIZE = 2500

#: Eigenvalues that ARPACK is asked for: a conjugate pair and one more; for operators on a cone one, which is positive.
_WANTED, _WANTED_POSITIVE = 3, 1

#: Eigenvalues that are reported.
_LEADING = 6

#: Arnoldi vectors and restarts, at first and then once more. Random tuples whose similarity is no more than that of
#: independent ones, with no eigenvalue apart from the others, take half as many products as with 30 vectors.
_ATTEMPTS = ((60, 50), (150, 40))

#: The same for operators on a cone, whose eigenvalue is mostly far from others.
_ATTEMPTS_POSITIVE = ((20, 50), (100, 60))

#: Tolerance of ARPACK: the dominant eigenvalue, which converges first, is then exact up to rounding where several are
#: asked for. The residual is computed afterwards.
_TOLERANCE, _TOLERANCE_POSITIVE = 1e-10, 0.0

#: Relative residual of an eigenpair of ARPACK that counts as converged: far above rounding, far below what it leaves
#: where it breaks down.
_CONVERGED = 1e-8

#: Relative difference of moduli that are equal up to rounding, as those of all eigenvalues of a unitary matrix.
_TIE = 1e-12

#: Relative distance up to which eigenvalues are taken for copies of the dominant one, or for what rounding made of a
#: Jordan block of size two, when their common condition is computed.
_CLUSTER = 1e-7

#: Powers of the operator that are applied to a random vector to see whether they vanish, and the relative size that
#: counts as zero: a few rounding errors.
_POWERS, _ZERO = 20, 1e-14

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Operator:
    """A linear operator on vectors of a given size.

    Attributes
    ----------
    size : int
    dtype : numpy.dtype
        float64 if it takes real vectors to real ones.
    times, adjoint_times : callable
        The operator and its adjoint on a vector.
    matrix : callable
        Its matrix.
    """

    size: int
    dtype: np.dtype[Any]
    times: Callable[[Array], Array]
    adjoint_times: Callable[[Array], Array]
    matrix: Callable[[], Array]


@dataclass(frozen=True, eq=False)
class Eigenpair:
    """A dominant eigenvalue.

    Attributes
    ----------
    eigenvalue : complex
        Of several ones of largest modulus, one with the largest real part.
    vector : ndarray, shape (size,)
        Of norm 1.
    residual : float
        Norm of ``E v - eigenvalue * v``.
    error : float
        Estimate, to first order, of the error of the eigenvalue: its condition, or for a cluster of eigenvalues the
        norm of its spectral projection times the condition of its eigenvectors (Bauer and Fike), times the residual and
        rounding. Infinite where the condition is not known; for operators on a cone by ARPACK see `arnoldi_error`.
    leading : ndarray of complex128
        Up to six of the largest eigenvalues, the dominant one first; ARPACK gives three, for operators on a cone one.
    method : str
        "dense", "arnoldi" or "nilpotent".
    """

    eigenvalue: complex
    vector: Array
    residual: float
    error: float
    leading: NDArray[np.complex128]
    method: str


def dominant_eigenpair(operator: Operator, method: str, start: Array, *, positive: bool = False) -> Eigenpair:
    """The dominant eigenvalue, by all eigenvalues for small operators and by ARPACK for large ones.

    Parameters
    ----------
    operator : Operator
    method : {"auto", "dense", "arnoldi"}
    start : ndarray, shape (size,)
        Where ARPACK starts: random, or for an operator on a cone random near an interior point.
    positive : bool
        Whether the operator leaves a proper cone invariant and is not nilpotent: its spectral radius is an eigenvalue.

    Raises
    ------
    GenericityError
        If ARPACK finds no eigenvalue of an operator that is too large for all of them.
    InputError
        If products overflow.
    ResourceError
        If what is needed does not fit.
    """
    if method == "dense" or operator.size <= (DENSE_SIZE if method == "auto" else 2 * _LEADING):
        return by_all_eigenvalues(operator)
    found = by_arnoldi(operator, start, positive=positive)
    if found is None and method == "auto" and operator.size <= _LARGEST_DENSE_SIZE:
        return by_all_eigenvalues(operator)
    if found is None:
        raise GenericityError(
            f"ARPACK found no dominant eigenvalue of an operator of size {operator.size}: many eigenvalues have nearly "
            "the same modulus (as for unitary matrices), or all are nearly zero; method='dense' computes all of them, "
            f"with {8 * operator.dtype.itemsize * operator.size**2 / 1e9:.2g} GB"
        )
    return found


def by_all_eigenvalues(operator: Operator) -> Eigenpair:
    """The dominant one of all eigenvalues of the matrix.

    Raises
    ------
    ResourceError
        If the matrices do not fit.
    """
    from scipy.linalg import eig

    size = operator.size
    # The matrix, its Hessenberg form, complex eigenvectors of both sides.
    require(
        8.0 * operator.dtype.itemsize * size**2, None, f"all eigenvalues of an operator of size {size}",
        "use method='arnoldi'",
    )  # fmt: skip
    matrix = operator.matrix()
    _require_finite(matrix)
    if is_nilpotent(DenseMatrices(matrix[None])):
        _, singular, rows = np.linalg.svd(matrix)
        zero = np.zeros(1, dtype=np.complex128)
        return Eigenpair(0j, rows[-1].conj(), float(singular[-1]), 0.0, zero, "nilpotent")
    values, left, right = eig(matrix, left=True, right=True, check_finite=False)
    order = _by_modulus(values)
    values, left, right = values[order], left[:, order], right[:, order]
    vector = right[:, 0]
    residual = float(np.linalg.norm(matrix @ vector - values[0] * vector))
    rounding = size * _EPS * float(np.linalg.norm(matrix))
    error = _condition(values, left, right) * max(residual, rounding)
    return Eigenpair(complex(values[0]), _phased(vector), residual, error, values[:_LEADING], "dense")


def by_arnoldi(operator: Operator, start: Array, *, positive: bool = False) -> Eigenpair | None:
    """The dominant eigenvalue by ARPACK; None if it does not converge.

    For operators that leave a cone invariant the rightmost eigenvalue is asked for: it is the spectral radius, while
    many others may be as large.
    """
    vectors = max(number for number, _ in (_ATTEMPTS_POSITIVE if positive else _ATTEMPTS))
    require(
        float(min(vectors, operator.size) + 10) * operator.size * operator.dtype.itemsize, None,
        f"ARPACK for an operator of size {operator.size}", "use matrices of smaller size, or sparse structure",
    )  # fmt: skip
    _require_finite(operator.times(start))
    # Maps on a cone without nilpotent tuples are not nilpotent, which the caller has looked at.
    kernel = None if positive else _vanishing_power(operator, start)
    if kernel is not None:
        residual = float(np.linalg.norm(operator.times(kernel)))
        return Eigenpair(0j, kernel, residual, 0.0, np.zeros(1, dtype=np.complex128), "nilpotent")
    right = _arpack(operator, operator.times, positive, start)
    if right is None:
        return None
    order = _by_modulus(right[0])
    values, columns = right[0][order], right[1][:, order]
    vector = columns[:, 0] / np.linalg.norm(columns[:, 0])
    residual = float(np.linalg.norm(_complex_times(operator, vector) - values[0] * vector))
    if not residual <= _CONVERGED * abs(values[0]):
        return None
    error = np.inf if positive else _two_sided_error(operator, values, columns, residual, start, positive)
    return Eigenpair(complex(values[0]), _phased(vector), residual, error, values, "arnoldi")


def arnoldi_error(operator: Operator, pair: Eigenpair, start: Array) -> float:
    """The estimate of the error of the eigenvalue of an operator on a cone, which takes ARPACK on its adjoint."""
    if pair.method != "arnoldi":
        return pair.error
    return _two_sided_error(operator, pair.leading[:1], pair.vector[:, None], pair.residual, start, True)


def _vanishing_power(operator: Operator, vector: Array) -> Array | None:
    """A vector that the operator takes to 0, if a small power takes a random one to 0, up to rounding."""
    largest = 0.0
    for _ in range(_POWERS):
        vector = vector / np.linalg.norm(vector)
        image = operator.times(vector)
        size = float(np.linalg.norm(image))
        if size <= _ZERO * largest or size == 0:
            return vector
        largest, vector = max(largest, size), image
    return None


def _two_sided_error(
    operator: Operator, values: Array, right: Array, residual: float, start: Array, positive: bool
) -> float:
    """The error of the first eigenvalue, from left eigenvectors that are found independently of the right ones."""
    from scipy.optimize import linear_sum_assignment

    left = _arpack(operator, operator.adjoint_times, positive, start)
    if left is None:
        return np.inf
    gaps = np.abs(left[0].conj()[None] - values[:, None])
    _, partner = linear_sum_assignment(gaps)
    close = np.abs(values - values[0]) <= _CLUSTER * abs(values[0])
    if np.any(gaps[np.arange(len(values)), partner][close] > _CLUSTER * abs(values[0])):
        return np.inf
    rounding = float(np.sqrt(operator.size)) * _EPS * abs(values[0])
    return float(_condition(values, left[1][:, partner], right) * max(residual, rounding))


def _arpack(
    operator: Operator, times: Callable[[Array], Array], positive: bool, start: Array
) -> tuple[Array, Array] | None:
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

    size = operator.size
    linear = LinearOperator((size, size), matvec=times, dtype=operator.dtype)
    wanted, which, tolerance = (_WANTED, "LM", _TOLERANCE)
    if positive:
        wanted, which, tolerance = (_WANTED_POSITIVE, "LR", _TOLERANCE_POSITIVE)
    for vectors, restarts in _ATTEMPTS_POSITIVE if positive else _ATTEMPTS:
        try:
            found = eigs(
                linear, k=wanted, which=which, v0=start, ncv=min(vectors, size), maxiter=restarts, tol=tolerance
            )
        except ArpackError:
            continue
        return found[0], found[1]
    return None


def _require_finite(values: Array) -> None:
    if not np.all(np.isfinite(values)):
        raise InputError("the map takes matrices beyond double precision; divide it by a common factor")


def _complex_times(operator: Operator, vector: Array) -> Array:
    """The operator on a complex vector; a real one acts on both parts."""
    if operator.dtype.kind == "c":
        return operator.times(vector)
    real, imaginary = (operator.times(np.ascontiguousarray(part)) for part in (vector.real, vector.imag))
    return np.asarray(real + 1j * imaginary)


def _by_modulus(values: Array) -> Array:
    """Decreasing modulus; among those that agree up to rounding, decreasing real part."""
    moduli = np.abs(values)
    top = np.flatnonzero(moduli >= (1 - _TIE) * moduli.max())
    rest = np.setdiff1d(np.arange(len(values)), top)
    top = top[np.lexsort([-values[top].imag, -values[top].real])]
    return np.concatenate([top, rest[np.argsort(-moduli[rest], kind="stable")]])


def _condition(values: Array, left: Array, right: Array) -> float:
    """By how much the first eigenvalue may move in relation to a small perturbation, with the others of its cluster.

    The norm of the spectral projection of the cluster, by which the perturbation acts on it, times the condition of
    its eigenvectors, which is infinite for a Jordan block.
    """
    close = np.abs(values - values[0]) <= _CLUSTER * abs(values[0])
    V, W = (np.linalg.qr(vectors[:, close])[0] for vectors in (right, left))
    with np.errstate(divide="ignore", over="ignore"):
        projection = 1 / np.linalg.norm(W.conj().T @ V, -2)
        return max(1.0, float(projection * np.linalg.cond(right[:, close])))


def _phased(vector: Array) -> Array:
    """A unit vector whose entry of largest modulus is positive; real if it can be."""
    vector = vector / np.linalg.norm(vector)
    top = vector[np.argmax(np.abs(vector))]
    vector = vector * (abs(top) / top)
    if vector.dtype.kind == "c" and np.linalg.norm(vector.imag) <= _CONVERGED:
        vector = vector.real
    return np.ascontiguousarray(vector)

"""Superoperators from Choi matrices, and Kraus matrices of superoperators."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator, choi_axes
from algeom.lsrdr.operators.superoperators import KrausSuperoperator
from algeom.lsrdr.operators.tuples import Array, checked_entries

__all__ = ["from_choi", "kraus_matrices"]

#: Relative size below which an eigenvalue of a Choi matrix is a rounding error of n^2 additions: multiplied by n^2.
_NEGLIGIBLE = 4 * np.finfo(np.float64).eps

#: Relative distance up to which a Choi matrix counts as Hermitian: rounding errors of how it was made.
_HERMITIAN = 1e-10


def from_choi(C: Any, order: str = "input-output") -> KrausSuperoperator:
    """The superoperator with a given Choi matrix, as a sum of as few terms as its rank.

    Parameters
    ----------
    C : array_like, shape (n^2, n^2)
    order : {"input-output", "output-input"}
        As for `Superoperator.to_choi`.

    Returns
    -------
    KrausSuperoperator
        For positive semidefinite C completely positive, with Kraus matrices that are orthogonal to each other; for
        Hermitian C with signs; else with different tuples A and X.

    Raises
    ------
    InputError
        If C is not square of size n^2, or an entry is no finite number.

    References
    ----------
    M.-D. Choi, Completely positive linear maps on complex matrices, Linear Algebra Appl. 10 (1975), Theorem 1.

    Examples
    --------
    The transposition is positive, but not completely so: the eigenvalues of its Choi matrix are 1, 1, 1 and -1.

    >>> swap = np.eye(4)[[0, 2, 1, 3]]
    >>> E = from_choi(swap)
    >>> E(np.array([[1, 2], [3, 4]])).round(12)
    array([[1., 3.],
           [2., 4.]])
    >>> E.is_completely_positive, E.hermitian_preserving
    (False, True)
    """
    try:
        C = checked_entries(np.asarray(C), "C")
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"C cannot be made an array ({error}); give a matrix of shape (n^2, n^2)") from None
    n = isqrt(C.shape[0]) if C.ndim else 0
    if n == 0 or C.shape != (n * n, n * n):
        raise InputError(f"C has the shape {C.shape}; a Choi matrix of a map of n x n matrices is n^2 x n^2")
    axes = choi_axes(order)
    # Rows (k, i) and columns (l, j) with entry E(E_ij)[k, l]: the sum of a x^* over row-major vectors of A_j and X_j.
    places = np.argsort(axes)[[0, 2, 1, 3]]
    C = C.reshape(n, n, n, n).transpose(places).reshape(n * n, n * n)
    size = float(np.abs(C).max())
    if size == 0:
        return KrausSuperoperator(DenseMatrices(np.zeros((1, n, n))))
    C = C / size
    if np.abs(C - adjoint(C)).max() > _HERMITIAN:
        left, values, right = np.linalg.svd(C)
        kept = values > n * n * _NEGLIGIBLE * values[0]
        roots = np.sqrt(size * values[kept])
        return KrausSuperoperator(_matrices(left[:, kept] * roots, n), _matrices(adjoint(right)[:, kept] * roots, n))
    values, vectors = np.linalg.eigh(C)
    kept = np.abs(values) > n * n * _NEGLIGIBLE * np.abs(values).max()
    values, vectors = values[kept], vectors[:, kept]
    signs = None if np.all(values > 0) else np.sign(values)
    return KrausSuperoperator(_matrices(vectors * np.sqrt(size * np.abs(values)), n), signs=signs)


def kraus_matrices(E: Superoperator) -> Array:
    """Kraus matrices of a completely positive map: E(Y) is the sum of A_j Y A_j^*.

    They are determined up to unitary mixing, A_i to the sum of u_ij A_j; these are orthogonal to each other.

    Parameters
    ----------
    E : Superoperator

    Returns
    -------
    ndarray, shape (r, n, n)
        With r the rank of the Choi matrix (1 for the zero map).

    Raises
    ------
    InputError
        If E is not completely positive.

    References
    ----------
    M.-D. Choi, Completely positive linear maps on complex matrices, Linear Algebra Appl. 10 (1975), Theorem 1 and
    Remark 4.

    Examples
    --------
    >>> from algeom.lsrdr.operators.superoperators import superoperator
    >>> A = kraus_matrices(superoperator([np.eye(2), np.eye(2), np.eye(2)]))
    >>> A.shape, float(abs(A[0, 0, 0]).round(6))
    ((1, 2, 2), 1.732051)
    """
    canonical = from_choi(E.to_choi())
    if canonical.left is not canonical.right or canonical.signs is not None:
        raise InputError(
            "the map is not completely positive: its Choi matrix is not positive semidefinite, so that it has no Kraus "
            "matrices; from_choi(E.to_choi()) gives matrices with signs"
        )
    return canonical.left.dense()


def _matrices(vectors: Array, n: int) -> DenseMatrices:
    """Columns as row-major vectors of matrices."""
    return DenseMatrices(np.ascontiguousarray(vectors.T).reshape(-1, n, n))

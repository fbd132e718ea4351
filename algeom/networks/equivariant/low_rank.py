"""Best approximations of low rank in a data metric, for matrices over R, C and H: the Eckart-Young theorem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Spectrum", "spectrum", "square_roots"]

Array = NDArray[Any]
Float = NDArray[np.float64]

#: A singular vector with a smaller part orthogonal to the quaternionic lines found before lies in their span. Among
#: 2k vectors of a k-fold singular value one has a larger part until k lines are found, as long as k < 1 / 0.03^2.
_NEW_LINE = 0.03


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A singular value decomposition in a metric, to be cut off at any rank.

    Attributes
    ----------
    values : ndarray of float64, shape (d,)
        Singular values in decreasing order, over the quaternions one of each pair.
    """

    values: Float
    _left: Array
    _right: Array
    _lines: int

    def truncated(self, r: int) -> Array:
        """The nearest matrix M of rank at most r in the metric."""
        return np.asarray(self._left[:, : r * self._lines] @ self._right[: r * self._lines])


def spectrum(weighted: Array, inverse_root: Array | None = None, *, quaternionic: bool = False) -> Spectrum:
    """Decompose a matrix for its best approximations of low rank.

    Parameters
    ----------
    weighted : ndarray, shape (a, b)
        ``T R`` for the matrix T to be approximated, with R the Hermitian root of the metric: matrices M are compared
        with T by ``||(M - T) R||``.
    inverse_root : ndarray, shape (b, b), optional
        The pseudoinverse of R; by default R is the identity.
    quaternionic : bool
        Whether these are complex forms of quaternionic matrices; then approximations are as well.

    Returns
    -------
    Spectrum

    Notes
    -----
    M -> M R preserves the rank where R is invertible. Where it is not, M R has at most the rank of M, and the matrix
    whose rows vanish on the kernel of R attains the minimum for ``M R``. Over the quaternions right singular vectors
    come in pairs v, tau(v) with tau(x, y) = (-conj y, conj x); for a multiple singular value LAPACK's ones are not
    such pairs, so that they are paired here. Keeping pairs keeps the matrix quaternionic.
    """
    left, values, right = np.linalg.svd(weighted, full_matrices=False)
    if quaternionic:
        right = _in_pairs(right)
        left = weighted @ right.conj().T
        values = np.linalg.norm(left[:, ::2], axis=0)
    else:
        left = left * values
    return Spectrum(values, left, right if inverse_root is None else right @ inverse_root, 2 if quaternionic else 1)


def _in_pairs(right: Array) -> Array:
    """Rows (v, tau(v), w, tau(w), ...) that span the same quaternionic lines, in the same order."""
    half = right.shape[1] // 2
    rows: list[Array] = []
    for row in right:
        v = row
        for _ in range(2):  # once more, since a small remainder has large rounding errors
            for known in rows:
                v = v - (known.conj() @ v) * known
        size = np.linalg.norm(v)
        if size < _NEW_LINE:
            continue
        v = v / size
        # Rows are conjugates of singular vectors, for which tau reads the same but for a sign.
        rows += [v, np.concatenate([-v[half:].conj(), v[:half].conj()])]
    return np.array(rows)


def square_roots(gram: Array, largest: float) -> tuple[Array, Array]:
    """The Hermitian square root of a positive semidefinite matrix, and its pseudoinverse.

    Parameters
    ----------
    gram : ndarray, shape (d, d)
        Hermitian.
    largest : float
        The largest eigenvalue of the whole metric that this is a block of.

    Notes
    -----
    Eigenvalues below ``d * eps * largest`` count as zero: so large are the rounding errors of a Gram matrix.
    """
    values, vectors = np.linalg.eigh((gram + gram.conj().T) / 2)
    positive = values > gram.shape[0] * np.finfo(np.float64).eps * largest
    root = np.sqrt(np.where(positive, values, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=positive)
    return (vectors * root) @ vectors.conj().T, (vectors * inverse) @ vectors.conj().T

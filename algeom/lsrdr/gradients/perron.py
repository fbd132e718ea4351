"""Perron eigenvectors of Phi(X), and the gauge in which the one of the adjoint is equal to it."""

from __future__ import annotations

import math

import numpy as np

from algeom.lsrdr.gradients.dominant import dominant
from algeom.lsrdr.operators.matrix_families import DenseMatrices
from algeom.lsrdr.operators.tuples import Array

__all__ = ["balancing", "perron_averages", "perron_pair", "power"]

#: Ratio of the eigenvalues of a Perron eigenvector below which it counts as singular, and the tuple as reducible: its
#: inverse would lose more than the digits that a critical point is known to.
_SINGULAR = 1e-10


def balancing(X: Array) -> Array | None:
    """The positive definite C for which both Perron eigenvectors of Phi of the C X_j C^-1 are equal.

    With K and L the eigenvectors of Phi(X) and of its adjoint, C K C = C^-1 L C^-1, so that C^2 is the geometric mean
    of K^-1 and L. It is a function of Hermitian matrices and keeps real and quaternionic structure. What is left of
    the freedom to conjugate X is the unitary group.

    Parameters
    ----------
    X : ndarray, shape (r, d, d)

    Returns
    -------
    ndarray, shape (d, d), or None
        None if the eigenvectors are not positive definite or not unique: X is reducible.
    """
    pair = perron_pair(X)
    if pair is None:
        return None
    root = power(pair[0], 0.5)
    inverse = np.linalg.inv(root)
    return power(inverse @ power(root @ pair[1] @ root, 0.5) @ inverse, 0.5)


def perron_pair(X: Array) -> tuple[Array, Array] | None:
    """Positive definite eigenvectors K of Phi(X) and L of its adjoint with tr(L K) = 1; None if X is reducible."""
    found = dominant(DenseMatrices(X))
    if found.multiplicity > 1 or not found.value or not math.isfinite(found.condition):
        return None
    K, L = (_averages(found.right, found.left, X), _averages(found.left, found.right, X))
    for M in (K, L):
        eigenvalues = np.linalg.eigvalsh(M)
        if eigenvalues[0] <= _SINGULAR * eigenvalues[-1]:
            return None
    return K, L / np.trace(L @ K).real


def perron_averages(X: Array) -> tuple[Array, Array]:
    """Positive semidefinite eigenvectors of Phi(X) and of its adjoint: the projections of I to their eigenspaces.

    They are what ``rho^-n Phi^n(I)`` tends to, in the mean over n. For irreducible X they are the only eigenvectors.

    Parameters
    ----------
    X : ndarray, shape (r, d, d)
        Not nilpotent.

    Returns
    -------
    K, L : ndarray, shape (d, d)
        Of trace 1.
    """
    found = dominant(DenseMatrices(X))
    return _averages(found.right, found.left, X), _averages(found.left, found.right, X)


def _averages(vectors: Array, duals: Array, X: Array) -> Array:
    """The projection of I to the span of biorthogonal eigenvectors, as a positive semidefinite matrix of trace 1."""
    traces = np.trace(duals, axis1=1, axis2=2).conj()
    M = np.tensordot(traces, vectors, axes=1)
    M = (M + M.conj().T) / 2
    M = M.real if X.dtype.kind == "f" else M
    # What is negative is rounding.
    return np.asarray(power(M / np.trace(M).real, 1.0))


def power(M: Array, exponent: float) -> Array:
    """A positive power of a positive semidefinite matrix; negative eigenvalues are rounding and count as 0."""
    eigenvalues, vectors = np.linalg.eigh(M)
    return np.asarray((vectors * np.maximum(eigenvalues, 0.0) ** exponent) @ vectors.conj().T)

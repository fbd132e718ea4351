"""Perron eigenvectors of Phi(X), and the gauge in which the one of the adjoint is equal to it."""

from __future__ import annotations

import math

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.dominant import dominant
from algeom.lsrdr.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.tuples import Array

__all__ = ["balancing", "perron_pair", "require_not_nilpotent"]

#: Ratio of the eigenvalues of a Perron eigenvector below which it counts as singular, and the tuple as reducible: its
#: inverse would lose more than the digits that a critical point is known to.
_SINGULAR = 1e-10

#: What rounding leaves of products that vanish, relative to the squared norm of A.
_ROUNDING = 1e-14


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
    root = _power(pair[0], 0.5)
    inverse = np.linalg.inv(root)
    return _power(inverse @ _power(root @ pair[1] @ root, 0.5) @ inverse, 0.5)


def perron_pair(X: Array) -> tuple[Array, Array] | None:
    """Positive definite eigenvectors K of Phi(X) and L of its adjoint with tr(L K) = 1; None if X is reducible."""
    found = dominant(DenseMatrices(X))
    if found.multiplicity > 1 or not found.value or not math.isfinite(found.condition):
        return None
    pair = []
    for M in (found.right[0], found.left[0]):
        trace = np.trace(M)
        if abs(trace) == 0:
            return None
        M = M * (trace.conjugate() / abs(trace))
        M = (M + M.conj().T) / 2
        M = M.real if X.dtype.kind == "f" else M
        eigenvalues = np.linalg.eigvalsh(M)
        if eigenvalues[0] <= _SINGULAR * eigenvalues[-1]:
            return None
        pair.append(np.ascontiguousarray(M))
    K, L = pair
    return K, L / np.trace(L @ K).real


def _power(M: Array, exponent: float) -> Array:
    """A power of a positive definite matrix."""
    eigenvalues, vectors = np.linalg.eigh(M)
    return np.asarray((vectors * eigenvalues**exponent) @ vectors.conj().T)


def require_not_nilpotent(family: DenseMatrices) -> None:
    """Refuse tuples with rho(Phi(A)) = 0: all products of n matrices vanish, that is Phi(A)^n(I) = 0."""
    n, matrices = family.n, family.dense()
    Y = np.eye(n, dtype=family.dtype)
    rounding = _ROUNDING * float(np.linalg.norm(matrices)) ** 2
    for _ in range(n):
        Y = family.contract(Y[None], adjoint(matrices)[None])[0]
        size = float(np.linalg.norm(Y))
        if size <= rounding:
            raise InputError(
                "every product of n matrices of A vanishes, up to rounding, so that rho(Phi(A)) = 0 and no similarity "
                "to A is defined; give a tuple that is not nilpotent"
            )
        Y = Y / size

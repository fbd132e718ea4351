"""Making matrices that are nearly projections into projections by f(x) = 3 x^2 - 2 x^3, whole or in factors.

f fixes 0, 1/2 and 1, attracts to 0 and 1 with vanishing derivative, and so moves eigenvalues to the nearer of the two
without computing any. In chemistry it is McWeeny's purification of density matrices.

References
----------
R. McWeeny, Some recent advances in density matrix theory, Rev. Mod. Phys. 32 (1960), 335-369.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.projections import inverse

__all__ = ["balanced", "purify", "purify_factors"]

#: Applications of f until an eigenvalue that is going to 0 or 1 has arrived: one that begins 1e-4 away from 1/2 needs
#: 26, as its distance grows by 3/2 each time and is squared at the end.
_ROUNDS = 40

#: Rounding errors of an idempotent matrix, relative to the square of its norm and for each row.
_ROUNDING = 1e-15

#: Norm, relative to the first, beyond which powers of f diverge.
_FAR = 1e8


def purify(P: Array, s: float = math.inf) -> Array:
    """Apply f(x) = 3 x^2 - 2 x^3 to matrices s times; for s = inf, the limit.

    Parameters
    ----------
    P : ndarray, shape (k, n, n)
    s : int or inf

    Returns
    -------
    ndarray, shape (k, n, n)
        For s = inf NaN where an eigenvalue does not go to 0 or 1.

    Examples
    --------
    >>> purify(np.array([[[0.9, 1.0], [0.0, 0.2]]])).round(12)
    array([[[1.        , 1.42857143],
            [0.        , 0.        ]]])
    """
    if math.isfinite(s):
        for _ in range(int(s)):
            P = _f(P)
        return P
    first = np.linalg.norm(P, axis=(1, 2))
    with np.errstate(all="ignore"):
        for _ in range(_ROUNDS):
            image = _f(P)
            size = np.linalg.norm(image, axis=(1, 2))
            defect = np.linalg.norm(image - P, axis=(1, 2))
            image[~(size <= _FAR * first)] = np.nan
            P = image
            if not np.any(defect > _ROUNDING * P.shape[1] * size**2):
                break
        P[~(defect <= math.sqrt(_ROUNDING) * size)] = np.nan
    return P


def _f(P: Array) -> Array:
    square = P @ P
    return np.asarray(3 * square - 2 * (square @ P))


def purify_factors(S: Array, R: Array) -> tuple[Array, Array]:
    """Factors of the limit of f applied to S R: the limit of compositions of four maps of pairs.

    They are f1: (S, 3 R S R - 2 R S R S R), f2: (3 S R S - 2 S R S R S, R), f3: (S R S, 3 R - 2 R S R) and
    f4: (3 S - 2 S R S, R S R), each of which takes the product S R to f(S R), in this order again and again.

    Parameters
    ----------
    S : ndarray, shape (k, n, d)
    R : ndarray, shape (k, d, n)

    Returns
    -------
    S, R : ndarrays of the same shapes
        R S is idempotent: the identity, unless the rank of S R has collapsed. NaN where an eigenvalue does not go to
        0 or 1.

    Notes
    -----
    In each map one factor, or both, is multiplied by a polynomial in K = R S, which becomes f(K). So only d x d
    matrices are multiplied.
    """
    d = S.shape[2]
    identity = np.eye(d)
    with np.errstate(all="ignore"):
        K = R @ S
        left = np.broadcast_to(identity, K.shape).astype(K.dtype)
        right = left.copy()
        first = np.linalg.norm(K, axis=(1, 2)) + 1.0
        defect = np.full(len(K), np.inf)
        for count in range(_ROUNDS):
            line = 3 * identity - 2 * K
            match count % 4:
                case 0:
                    right = line @ K @ right
                case 1:
                    left = left @ K @ line
                case 2:
                    left, right = left @ K, line @ right
                case 3:
                    left, right = left @ line, K @ right
            image = line @ K @ K
            size = np.linalg.norm(image, axis=(1, 2))
            defect = np.linalg.norm(image - K, axis=(1, 2))
            image[~(size <= _FAR * first)] = np.nan
            K = image
            if not np.any(defect > _ROUNDING * d * (1 + size**2)):
                break
        left[~(defect <= math.sqrt(_ROUNDING) * (1 + size))] = np.nan
        return S @ left, right @ R


def balanced(S: Array, R: Array, rate: Any) -> tuple[Array, Array]:
    """Factors of the same product with norms nearer to each other.

    R becomes (1 + rate T) R with T = S^* S - R R^*, and S becomes S (1 + rate T)^-1.
    Repeated with a small rate, S^* S - R R^* approaches a constant. The rate is a number or of shape (k, 1, 1).
    """
    T = adjoint(S) @ S - R @ adjoint(R)
    factor = np.eye(T.shape[1]) + rate * T
    return S @ inverse(factor), factor @ R

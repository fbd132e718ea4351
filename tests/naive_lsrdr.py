"""Plain twins of superoperators, radii and quaternions: Kronecker products, loops and multiplication tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def adjoint(M: Array) -> Array:
    return np.conj(M).swapaxes(-1, -2)


def kronecker_matrix(
    A: Sequence[Array], X: Sequence[Array] | None = None, signs: Sequence[float] | None = None
) -> Array:
    """The matrix of Gamma(A; X) on row-major vectors."""
    X = A if X is None else X
    signs = [1.0] * len(A) if signs is None else signs
    return sum(s * np.kron(a, np.conj(x)) for s, a, x in zip(signs, A, X, strict=True))


def apply(A: Sequence[Array], X: Sequence[Array], Y: Array, signs: Sequence[float] | None = None) -> Array:
    """The sum of s_j A_j Y X_j^*."""
    signs = [1.0] * len(A) if signs is None else signs
    return sum(s * (a @ Y @ adjoint(x)) for s, a, x in zip(signs, A, X, strict=True))


def apply_adjoint(A: Sequence[Array], X: Sequence[Array], Y: Array, signs: Sequence[float] | None = None) -> Array:
    """The sum of s_j A_j^* Y X_j."""
    return apply([adjoint(a) for a in A], [adjoint(x) for x in X], Y, signs)


def choi_matrix(A: Sequence[Array]) -> Array:
    """The sum of E_ij (x) E(E_ij) for E(Y) the sum of A_j Y A_j^*, entry by entry."""
    n = len(A[0])
    C = np.zeros((n * n, n * n), dtype=complex)
    for i in range(n):
        for j in range(n):
            unit = np.zeros((n, n))
            unit[i, j] = 1
            image = apply(A, A, unit)
            for k in range(n):
                for l in range(n):
                    C[i * n + k, j * n + l] = image[k, l]
    return C


def radius(A: Sequence[Array], X: Sequence[Array] | None = None) -> float:
    """Spectral radius of Gamma(A; X) by all eigenvalues of its Kronecker matrix."""
    return float(np.abs(np.linalg.eigvals(kronecker_matrix(A, X))).max())


def similarity(A: Sequence[Array], X: Sequence[Array]) -> float:
    return radius(A, X) / float(np.sqrt(radius(A) * radius(X)))


def hamilton_product(p: Sequence[float], q: Sequence[float]) -> tuple[float, float, float, float]:
    """Hamilton's table: i j = k, j k = i, k i = j, i^2 = j^2 = k^2 = -1, for components w, x, y, z."""
    (a, b, c, d), (e, f, g, h) = p, q
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )

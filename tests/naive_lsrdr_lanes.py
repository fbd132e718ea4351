"""Plain twin of the kernel of low-rank LSRDR steps: one start, n x n matrices, the formulas of the dense iteration."""

from __future__ import annotations

import numpy as np


def limit_of_f(M: np.ndarray) -> np.ndarray:
    """The limit of M, f(M), f(f(M)), ... with f(x) = 3 x^2 - 2 x^3, for a matrix in whose neighbourhood it exists."""
    for _ in range(100):
        square = M @ M
        M = 3 * square - 2 * square @ M
    return M


def spectral_projection(M: np.ndarray, d: int) -> np.ndarray:
    """The projection onto the invariant subspace of the d largest eigenvalues along that of the others."""
    values, vectors = np.linalg.eig(M)
    largest = np.argsort(abs(values))[len(values) - d :]
    return vectors[:, largest] @ np.linalg.inv(vectors)[largest]


def dense_step(
    A: np.ndarray, P: np.ndarray, G: np.ndarray, H: np.ndarray, t: float, d: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of the dense iteration with s = infinity; P moves as the low-rank iteration moves its factors."""
    new_G = sum(a.conj().T @ G @ P @ a @ P for a in A)
    new_H = sum(a @ H @ (P @ a @ P).conj().T for a in A)
    new_G = new_G / np.trace(new_G)
    new_H = new_H / np.trace(new_H)
    one = np.eye(len(P))
    # Only the ratio of 1 to t matters.
    left, right = (new_H, new_G.conj().T) if np.isinf(t) else (one + t * new_H, one + t * new_G.conj().T)
    return spectral_projection(left @ P @ right, d), new_G, new_H


def dense_steps(
    A: np.ndarray, S: np.ndarray, R: np.ndarray, Y: np.ndarray, Z: np.ndarray, t: float, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """P, G P, H P^* and the last change of P after some steps from a start in factors."""
    P, G, H = S @ R, Z @ R, Y @ S.conj().T
    change = np.inf
    for _ in range(steps):
        new_P, G, H = dense_step(A, P, G, H, t, S.shape[1])
        change = float(np.linalg.norm(new_P - P))
        P = new_P
    return P, G @ P, H @ P.conj().T, change

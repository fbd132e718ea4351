"""The LSRDR iteration as one writes it in NumPy from its description, one start at a time, for comparison.

`dense_step` takes n x n matrices, `low_rank_step` factors. Both go to the same fixed points; their ways differ by terms
of the order t^2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Factors(NamedTuple):
    """P = S R, with H P^* = Y S^* and G P = Z R."""

    S: np.ndarray
    R: np.ndarray
    Y: np.ndarray
    Z: np.ndarray


def adjoint(M: np.ndarray) -> np.ndarray:
    return M.conj().swapaxes(-1, -2)


def low_rank_step(A: np.ndarray, start: Factors, t: float) -> Factors:
    S, R, Y, Z = start
    X = R @ A @ S
    image = (A @ Y @ adjoint(X)).sum(axis=0)
    coimage = (adjoint(A) @ Z @ X).sum(axis=0)
    image = image / np.trace(adjoint(S) @ image)
    coimage = coimage / np.trace(R @ coimage)
    new_S = S + t * image @ (adjoint(S) @ S)
    new_R = R + t * (R @ adjoint(R)) @ adjoint(coimage)
    new_S, upper = np.linalg.qr(new_S)
    new_R = upper @ np.linalg.solve(new_R @ new_S @ upper, new_R)
    return Factors(new_S, new_R, image @ adjoint(new_R @ S), coimage @ (R @ new_S))


def dense_step(A: np.ndarray, P: np.ndarray, G: np.ndarray, H: np.ndarray, t: float) -> tuple[np.ndarray, ...]:
    """P, G and H after a step with s = 8, which for small t is as good as infinity."""
    B = P @ A @ P
    G = (adjoint(A) @ G @ B).sum(axis=0)
    H = (A @ H @ adjoint(B)).sum(axis=0)
    G, H = G / np.trace(G), H / np.trace(H)
    P = P + t * (P @ adjoint(G) + H @ P)
    for _ in range(8):
        square = P @ P
        P = 3 * square - 2 * square @ P
    return P, G, H


def growth(A: np.ndarray, S: np.ndarray, R: np.ndarray) -> float:
    """The spectral radius of Phi(R A S): rho(Phi(A)) times the square of the similarity at a fixed point."""
    X = R @ A @ S
    d = X.shape[1]
    return float(abs(np.linalg.eigvals(np.einsum("jab,jcd->acbd", X, X.conj()).reshape(d * d, d * d))).max())

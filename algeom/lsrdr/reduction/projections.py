"""Projections of rank d as products P = S R with R S = I: bases, distances and directions without n x n matrices.

All arrays have a leading axis of k starts: S (k, n, d), R (k, d, n).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.tuples import Array

#: Factors S, R of a projection, and directions dS, dR in which they move.
Direction = tuple[Array, Array, Array, Array]

__all__ = ["State", "distance", "inner_product", "inverse", "norm", "orthonormal", "quaternionic_part", "transported"]


@dataclass(frozen=True, eq=False)
class State:
    """Where k starts of the iteration are.

    Attributes
    ----------
    S : ndarray, shape (k, n, d)
    R : ndarray, shape (k, d, n)
        R S = I; the projections are P = S R.
    Y, Z : ndarray, shape (k, n, d)
        H P^* = Y S^* and G P = Z R, up to positive factors.
    """

    S: Array
    R: Array
    Y: Array
    Z: Array

    def __len__(self) -> int:
        return len(self.S)

    def __getitem__(self, index: Any) -> State:
        return State(self.S[index], self.R[index], self.Y[index], self.Z[index])

    def put(self, index: Any, other: State) -> None:
        """Overwrite some of the starts in place."""
        self.S[index], self.R[index], self.Y[index], self.Z[index] = other.S, other.R, other.Y, other.Z

    def copy(self) -> State:
        """A copy that shares nothing."""
        return State(self.S.copy(), self.R.copy(), self.Y.copy(), self.Z.copy())

    @staticmethod
    def joined(parts: list[State]) -> State:
        """The starts of several states, one after another."""
        return State(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("S", "R", "Y", "Z")))


def norm(M: Array) -> Array:
    """Frobenius norms of k matrices, shape (k,)."""
    flat = np.ascontiguousarray(M.reshape(len(M), -1))  # products of structured families may come in other orders
    flat = flat.view(np.float64) if flat.dtype.kind == "c" else flat
    return np.asarray(np.sqrt(np.einsum("ki,ki->k", flat, flat)))


def inverse(M: Array) -> Array:
    """Inverses of k small matrices; NaN for those that are singular."""
    try:
        return np.asarray(np.linalg.inv(M))
    except np.linalg.LinAlgError:
        results = np.full_like(M, np.nan)
        for i, matrix in enumerate(M):
            try:
                results[i] = np.linalg.inv(matrix)
            except np.linalg.LinAlgError:
                continue
        return results


def orthonormal(S: Array) -> Array:
    """Bases with orthonormal columns of the same column spaces: the polar factor S (S^* S)^(-1/2).

    Unlike a triangular factor it depends smoothly on S and keeps the structure of quaternionic matrices. NaN where S is
    not finite or does not have full rank to half the digits.
    """
    gram = adjoint(S) @ S
    gram[~np.isfinite(gram).all(axis=(1, 2))] = 0.0
    values, vectors = np.linalg.eigh(gram)
    # Gram matrices show singular values to half the digits; what lies below is noise.
    full = values[:, 0] > 1e-15 * values[:, -1]
    roots = np.where(full[:, None], 1 / np.sqrt(np.where(full[:, None], values, 1.0)), np.nan)
    return np.asarray(S @ ((vectors * roots[:, None, :]) @ adjoint(vectors)))


def inner_product(first: Direction, second: Direction) -> Array:
    """Re <S dR + dS R, S' dR' + dS' R'> for directions (S, R, dS, dR) and (S', R', dS', dR') of projections.

    In the Frobenius inner product of n x n matrices, from d x d ones; shape (k,).
    """
    S, R, dS, dR = first
    T, Q, dT, dQ = second
    terms = [
        # <a b, c e> = tr(b^* a^* c e), the sum of (a^* c) conj(b e^*) entry by entry
        np.einsum("kij,kij->k", adjoint(left) @ other_left, (right @ adjoint(other_right)).conj())
        for left, right in ((S, dR), (dS, R))
        for other_left, other_right in ((T, dQ), (dT, Q))
    ]
    return np.asarray(sum(terms[1:], terms[0]).real)


def transported(direction: Direction, S: Array, R: Array) -> tuple[Array, Array]:
    """The direction at another projection S R: dS, dR such that S dR + dS R is its part tangent to the projections.

    That of D is P D (1 - P) + (1 - P) D P.
    """
    S0, R0, dS0, dR0 = direction
    DS = S0 @ (dR0 @ S) + dS0 @ (R0 @ S)
    RD = (R @ S0) @ dR0 + (R @ dS0) @ R0
    return DS - S @ (R @ DS), RD - (RD @ S) @ R


def distance(S: Array, R: Array, T: Array, Q: Array) -> float:
    """Frobenius norm of the difference of the projections S R and T Q (matrices without leading axis)."""
    d = S.shape[1]
    triangular = np.asarray(np.linalg.qr(np.concatenate([S, T], axis=1), mode="r"))
    return float(np.linalg.norm(triangular[:, :d] @ R - triangular[:, d:] @ Q))


def quaternionic_part(M: Array) -> Array:
    """The part of complex matrices of even size that has the form [[a, b], [-conj(b), conj(a)]]."""
    n, m = M.shape[-2] // 2, M.shape[-1] // 2
    a = (M[..., :n, :m] + M[..., n:, m:].conj()) / 2
    b = (M[..., :n, m:] - M[..., n:, :m].conj()) / 2
    return np.block([[a, b], [-b.conj(), a.conj()]])

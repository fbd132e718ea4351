"""The low-rank iteration: how projections P = S R and matrices G, H move towards a reduction, step by step.

In every step, with E = Phi(A), t > 0 and traces normalized to 1,

    H <- E(H P^*) P^*,  G <- E^*(G P) P,  P <- projection along (P + t (P G^* + H P)),

where the last one is S <- S + t H S, R <- R + t R G^*, made a projection again: S (R S)^-1 R, which is the limit of
f(x) = 3 x^2 - 2 x^3 iterated (`algeom.lsrdr.reduction.purification`). Only H P^* = Y S^* and G P = Z R enter, so that
a step costs two low-rank products, E(Y S^*) R^* and E^*(Z R) S, whatever t is.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from algeom.lsrdr.operators.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import Counted, KrausSuperoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.lanes import lanes_are_faster
from algeom.lsrdr.reduction.projections import State, inverse, norm, orthonormal, quaternionic_part
from algeom.lsrdr.reduction.purification import balanced, purify_factors

__all__ = [
    "Directions",
    "Move",
    "compiled_matrices",
    "directions",
    "move",
    "move_along",
    "moved",
    "product_norm",
    "published_move",
    "step",
    "structured",
]


@dataclass(frozen=True, eq=False)
class Directions:
    """What one application of E and E^* says about k starts. Arrays of shape (k,) unless said otherwise.

    Attributes
    ----------
    Y, Z : ndarray, shape (k, n, d)
        E(H P^*) P^* = Y S^* and E^*(G P) P = Z R, of trace 1.
    old_Y, old_Z : ndarray, shape (k, n, d)
        What Y and Z were before, of trace 1.
    eigenvalue : ndarray
        The trace of E(H P^*) P^* for H of trace 1: lambda at a fixed point.
    along_S, along_R : ndarray, shape (k, d, d)
        R H S and R G^* S.
    off_S, off_R : ndarray, shape (k, n, d) and (k, d, n)
        (I - P) H S and R G^* (I - P), which vanish at a fixed point.
    gram_S, gram_R : ndarray, shape (k, d, d)
        S^* S and R R^*.
    size : ndarray
        Norm of P.
    residual : ndarray
        The largest relative defect of the fixed-point equations; it does not depend on t.
    trace_share : ndarray
        Modulus of the traces relative to the norms, the smaller one of H and G: near 0 nothing can be normalized.
    """

    Y: Array
    Z: Array
    old_Y: Array
    old_Z: Array
    eigenvalue: Array
    along_S: Array
    along_R: Array
    off_S: Array
    off_R: Array
    gram_S: Array
    gram_R: Array
    size: Array
    residual: Array
    trace_share: Array

    def __getitem__(self, index: Array) -> Directions:
        return Directions(*(getattr(self, field.name)[index] for field in fields(self)))

    def length(self, state: State, dS: Array, dR: Array) -> Array:
        """Norms of S dR + dS R, shape (k,), without cancellation."""
        # <a b, c e> = tr(a^* c e b^*)
        square = _trace_of_product(self.gram_S, dR @ adjoint(dR)) + _trace_of_product(adjoint(dS) @ dS, self.gram_R)
        cross = _trace_of_product(adjoint(state.S) @ dS, state.R @ adjoint(dR))
        return np.asarray(np.sqrt(np.maximum(square + 2 * cross, 0.0)))


@dataclass(frozen=True, eq=False)
class Move:
    """Where P goes for some t.

    Attributes
    ----------
    S, R : ndarray, shape (k, n, d) and (k, d, n)
        The new factors, with R S = I.
    dS, dR : ndarray, shape (k, n, d) and (k, d, n)
        S dR + dS R is the increment of P to first order, with the old S and R.
    """

    S: Array
    R: Array
    dS: Array
    dR: Array

    def put(self, index: Array, other: Move) -> None:
        """Overwrite the moves of some starts in place."""
        for field in fields(self):
            getattr(self, field.name)[index] = getattr(other, field.name)

    @property
    def size(self) -> Array:
        """Norms of the new P, shape (k,)."""
        with np.errstate(all="ignore"):
            return product_norm(adjoint(self.S) @ self.S, self.R @ adjoint(self.R))


def directions(E: Superoperator, state: State) -> Directions:
    """Apply E and E^* once to each start.

    Traces are those of complex matrices: for quaternionic ones, embedded, twice the reduced traces, so that t means
    twice as much.
    """
    S, R = state.S, state.R
    d = S.shape[2]
    Y, Z = E.products(S, R, state.Y, state.Z)
    gram_S, gram_R = adjoint(S) @ S, R @ adjoint(R)
    with np.errstate(all="ignore"):  # starts that come to nothing are told by their residuals
        trace_H, trace_G = _inner(S, Y), _inner(adjoint(R), Z)
        old_H, old_G = _inner(S, state.Y), _inner(adjoint(R), state.Z)
        norm_H, norm_G = product_norm(adjoint(Y) @ Y, gram_S), product_norm(adjoint(Z) @ Z, gram_R)
        share = np.minimum(np.abs(trace_H) / norm_H, np.abs(trace_G) / norm_G)
        Y, Z = Y / trace_H[:, None, None], Z / trace_G[:, None, None]
        old_Y, old_Z = state.Y / old_H[:, None, None], state.Z / old_G[:, None, None]
        HS, RG = Y @ gram_S, gram_R @ adjoint(Z)
        along_S, along_R = R @ HS, RG @ S
        off_S, off_R = HS - S @ along_S, RG - along_R @ R
        size = product_norm(gram_S, gram_R)
        defect_H, defect_G = norm(Y - old_Y) / norm(Y), norm(Z - old_Z) / norm(Z)
        found = Directions(
            Y, Z, old_Y, old_Z, trace_H / old_H, along_S, along_R, off_S, off_R, gram_S, gram_R, size,
            np.maximum(defect_H, defect_G), share,
        )  # fmt: skip
        # H and G of trace 1 have norms of about 1/d; P moves by t times the direction, with t in proportion to d.
        speed = d * found.length(state, off_S, off_R) / size
        np.maximum(found.residual, speed, out=found.residual)
    return found


def _inner(M: Array, N: Array) -> Array:
    """tr(M^* N) of k matrices."""
    return np.asarray(np.einsum("kij,kij->k", M.conj(), N))


def _trace_of_product(M: Array, N: Array) -> Array:
    """Re tr(M N) of k matrices."""
    return np.asarray(np.einsum("kij,kji->k", M, N).real)


def product_norm(first: Array, second: Array) -> Array:
    """Norms of U V from U^* U and V V^*."""
    return np.asarray(np.sqrt(np.maximum(_trace_of_product(first, second), 0.0)))


def move(state: State, found: Directions, t: Array) -> Move:
    """P for a step of size t (k,), which may be infinite; the new S has orthonormal columns.

    With the part of H S in the column space of S split off, S + t H S = S (1 + t R H S) + t (I - P) H S, so that S may
    be replaced by S + dS, and R by R + dR, with R dS = 0 and dR S = 0.
    """
    identity = np.eye(state.S.shape[2])
    with np.errstate(all="ignore"):
        weight = np.where(np.isinf(t), 1.0, t / (1 + t))[:, None, None]
        dS = weight * (found.off_S @ inverse((1 - weight) * identity + weight * found.along_S))
        dR = weight * (inverse((1 - weight) * identity + weight * found.along_R) @ found.off_R)
    return move_along(state, dS, dR)


def move_along(state: State, dS: Array, dR: Array) -> Move:
    """P from factors S + dS and R + dR, with R dS = 0 and dR S = 0; the new S has orthonormal columns."""
    with np.errstate(all="ignore"):
        S, R = orthonormal(state.S + dS), state.R + dR
        return Move(S, inverse(R @ S) @ R, dS, dR)


def published_move(state: State, found: Directions, t: Array) -> Move:
    """The same P by factors as published: f1, ..., f4 applied to (S + t H S, R + t R G^*), then norms balanced.

    Where it does not converge the factors are NaN, and where an eigenvalue goes to 0 the rank of S R is smaller.
    """
    first = move(state, found, t)
    scale = t[:, None, None]
    with np.errstate(all="ignore"):
        HS = found.off_S + state.S @ found.along_S
        RG = found.off_R + found.along_R @ state.R
        S, R = purify_factors(state.S + scale * HS, state.R + scale * RG)
        S, R = balanced(S, R, scale / 10)
    return Move(S, R, first.dS, first.dR)


def moved(state: State, found: Directions, target: Move, inertia: Array | None = None) -> State:
    """The state after a step: Y and Z belong to H P^* and G P for the new P.

    With inertia (k,), H and G are mixed with what they were: (E(H) + inertia H) / (1 + inertia). Fixed points are the
    same; eigenvalues near -lambda, with which H and G would oscillate, are damped.
    """
    Y, Z = found.Y, found.Z
    if inertia is not None:
        kept = (inertia / (1 + inertia))[:, None, None]
        Y = Y + kept * (found.old_Y - Y)
        Z = Z + kept * (found.old_Z - Z)
    return State(target.S, target.R, Y @ adjoint(target.R @ state.S), Z @ (state.R @ target.S))


def structured(state: State) -> State:
    """The quaternionic part: rounding errors leave it, and would grow where quaternionic reductions are saddles."""
    S, Y, Z = (quaternionic_part(M) for M in (state.S, state.Y, state.Z))
    R = quaternionic_part(state.R)
    return State(S, inverse(R @ S) @ R, Y, Z)


def step(E: Superoperator, state: State, t: Array) -> tuple[State, Array]:
    """One step of the plain iteration for k starts, with t of shape (k,): the new state, and how far P moved."""
    found = directions(E, state)
    target = move(state, found, t)
    return moved(state, found, target), found.length(state, target.dS, target.dR)


def compiled_matrices(E: Superoperator, state: State) -> Array | None:
    """The matrices A_j with which `lane_steps` takes plain steps in less time than `step`; None where it does not."""
    base = E.base if isinstance(E, Counted) else E
    if not isinstance(base, KrausSuperoperator) or base.left is not base.right or base.signs is not None:
        return None
    if not isinstance(base.left, DenseMatrices):
        return None
    k, n, d = state.S.shape
    return base.left.dense() if lanes_are_faster(n, d, base.left.r, k) else None

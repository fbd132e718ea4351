"""Fixed points of the iteration: the defects of their equations, a canonical basis, and which starts found the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.endings import Ending, Endpoint
from algeom.lsrdr.reduction.iteration import directions, product_norm
from algeom.lsrdr.reduction.projections import State, inverse, orthonormal

__all__ = ["EQUATIONS", "canonical", "defects", "dense_defects", "grouped", "hermitian_part", "same_projection"]

#: The equations of a fixed point, in the order of `defects`, and what is to be positive semidefinite.
EQUATIONS = {
    "projection": "P^2 = P",
    "eigenvector H": "E(H P^*) P^* = lambda H",
    "eigenvector G": "E^*(G P) P = conj(lambda) G",
    "image H": "Im H = Im P",
    "image G": "Im G = Im P^*",
    "traces": "Tr G = Tr H = 1",
    "positivity": "G, H positive semidefinite",
}

#: Relative difference up to which projections are one fixed point: so many times the residual, as steps contract slowly
#: at some; but at least this, far below the distance of isolated fixed points, and at most that, near it.
_RESIDUALS, _LEAST, _MOST = 1e4, 1e-7, 1e-2

#: Smallest eigenvalue of R H R^*, relative to the largest, with which a basis can be chosen that makes it diagonal:
#: factors in that basis have about the root of its inverse as condition.
_DEFINITE = 1e-8


def defects(E: Superoperator, state: State) -> dict[str, float]:
    """Relative defects of the equations of a fixed point, in the order of `EQUATIONS`, from factors of one start."""
    found = directions(E, state)
    S, R, Y, Z = state.S, state.R, found.old_Y, found.old_Z
    gap = S @ (R @ S - np.eye(S.shape[2]))
    # H = Y S^* and G = Z R
    size_H, size_G = _norm(Y, found.gram_S), _norm(Z, found.gram_R)
    traces = np.trace(adjoint(S[0]) @ state.Y[0]), np.trace(R[0] @ state.Z[0])
    return {
        "projection": _norm(gap, found.gram_R) / float(found.size[0]),
        "eigenvector H": _norm(found.Y - Y, found.gram_S) / size_H,
        "eigenvector G": _norm(found.Z - Z, found.gram_R) / size_G,
        "image H": _norm(Y - S @ (R @ Y), found.gram_S) / size_H,
        "image G": _norm(Z - adjoint(R) @ (adjoint(S) @ Z), found.gram_R) / size_G,
        "traces": float(max(abs(trace - 1) for trace in traces)),
        "positivity": max(_negativity(R[0] @ Y[0]), _negativity(adjoint(S[0]) @ Z[0])),
    }


def _norm(M: Array, gram: Array) -> float:
    """Norm of M N for k = 1 matrix M, from N N^*."""
    return float(product_norm(adjoint(M) @ M, gram)[0])


def _negativity(M: Array) -> float:
    """How far a matrix is from positive semidefinite: its skew part and its negative eigenvalues, relative to it."""
    size = float(np.linalg.norm(M, 2))
    skew = float(np.linalg.norm(M - adjoint(M), 2)) / 2
    least = float(np.linalg.eigvalsh((M + adjoint(M)) / 2)[0])
    return max(skew, -least, 0.0) / size


def dense_defects(E: Superoperator, P: Array, G: Array, H: Array) -> dict[str, float]:
    """Relative defects of the equations of a fixed point, in the order of `EQUATIONS`, from n x n matrices."""
    norm = np.linalg.norm
    new_H, new_G = E.apply(H @ adjoint(P)) @ adjoint(P), E.adjoint(G @ P) @ P
    lambda_H, lambda_G = np.vdot(H, new_H) / np.vdot(H, H), np.vdot(G, new_G) / np.vdot(G, G)
    values = {
        "projection": norm(P @ P - P) / norm(P),
        "eigenvector H": norm(new_H / lambda_H - H) / norm(H),
        "eigenvector G": norm(new_G / lambda_G - G) / norm(G),
        "image H": norm(H - P @ H) / norm(H),
        "image G": norm(G - adjoint(P) @ G) / norm(G),
        "traces": max(abs(np.trace(G) - 1), abs(np.trace(H) - 1)),
        "positivity": max(_negativity(G), _negativity(H)),
    }
    return {name: float(value) for name, value in values.items()}


def canonical(state: State, *, quaternionic: bool = False) -> State:
    """The basis in which R H R^* and S^* G S are one diagonal matrix with falling entries, for one start.

    With H = S W S^* and G = R^* V R, a change of basis takes W to C^-1 W C^-* and V to C^* V C: there is one that makes
    them equal and diagonal, up to signs (phases) where the entries differ. X = R A S is then as determined as P is.
    Where they are not positive definite to half the digits, and over the quaternions, S has orthonormal columns only.
    """
    S, R, Y, Z = (M[0] for M in (state.S, state.R, state.Y, state.Z))
    W, V = (_hermitian(M) for M in (R @ Y, adjoint(S) @ Z))
    if quaternionic or min(_definiteness(W), _definiteness(V)) < _DEFINITE:
        basis = orthonormal(state.S)
        to_S = adjoint(basis) @ state.S
        back = inverse(to_S)
        return State(basis, to_S @ state.R, state.Y @ adjoint(to_S), state.Z @ back)
    root_W, root_V = np.linalg.cholesky(W), np.linalg.cholesky(V)
    left, values, right = np.linalg.svd(adjoint(root_V) @ root_W)
    C = root_W @ adjoint(right) / np.sqrt(values)
    back = (left / np.sqrt(values)).conj().T @ adjoint(root_V)
    columns = S @ C
    largest = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], axis=0)[0]
    phase = largest / np.abs(largest)
    C, back = C / phase, phase[:, None] * back
    return State((S @ C)[None], (back @ R)[None], (Y @ adjoint(back))[None], (Z @ C)[None])


def hermitian_part(state: State) -> State:
    """The state with the Hermitian parts of R H R^* and S^* G S, for one start."""
    S, R = state.S[0], state.R[0]
    W, V = _hermitian(R @ state.Y[0]), _hermitian(adjoint(S) @ state.Z[0])
    Y, Z = S @ W / np.trace(W @ adjoint(S) @ S), adjoint(R) @ V / np.trace(R @ adjoint(R) @ V)
    return State(state.S, state.R, Y[None], Z[None])


def _hermitian(M: Array) -> Array:
    return np.asarray((M + adjoint(M)) / 2)


def _definiteness(M: Array) -> float:
    values = np.linalg.eigvalsh(M)
    return float(values[0] / values[-1]) if values[-1] > 0 else -1.0


def same_projection(tolerance: float) -> float:
    """Relative difference up to which projections are one fixed point, from the residual that starts are taken to."""
    return min(_MOST, max(_LEAST, _RESIDUALS * tolerance))


def grouped(endpoints: Sequence[Endpoint], same: float) -> list[list[int]]:
    """The starts that have converged, by the projections they came to; those of largest eigenvalue first.

    Projections whose relative difference is below `same` are one.
    """
    groups: list[list[int]] = []
    for i, endpoint in enumerate(endpoints):
        if endpoint.ending is not Ending.CONVERGED:
            continue
        for group in groups:
            if endpoints[group[0]].distance(endpoint) < same:
                group.append(i)
                break
        else:
            groups.append([i])
    return sorted(groups, key=lambda group: -abs(endpoints[group[0]].eigenvalue))

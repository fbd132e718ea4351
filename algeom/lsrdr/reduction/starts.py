"""Where iterations begin: random orthogonal projections over R, C or H with starts of G and H, and what users give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.superoperator_base import floating
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.projections import State, inverse, orthonormal
from algeom.runtime import seeds

__all__ = ["FIELDS", "STARTS", "Field", "StartKind", "given_starts", "random_starts"]

Field = Literal["real", "complex", "quaternion"]
StartKind = Literal["psd", "hermitian", "identity", "gaussian"]

#: Fields, each in the next one.
FIELDS: tuple[Field, ...] = ("real", "complex", "quaternion")
STARTS: tuple[StartKind, ...] = ("psd", "hermitian", "identity", "gaussian")

#: Smallest ratio of singular values of a matrix that a user gives as a basis, and largest relative distance of a given
#: matrix to its square: what is worse is a mistake, and better ones are made exact.
_INDEPENDENT, _IDEMPOTENT = 1e-8, 1e-6


def random_starts(
    n: int, d: int, numbers: Iterable[int], field: Field, kind: StartKind, seed: int, attempt: int
) -> State:
    """Orthogonal projections of rank d, uniformly distributed, with random G and H.

    Parameters
    ----------
    n, d : int
        Size and rank of the matrices; over the quaternions those of the quaternionic ones.
    numbers : iterable of int
        The numbers of the starts.
    field : {"real", "complex", "quaternion"}
    kind : {"psd", "hermitian", "identity", "gaussian"}
        What G and H are: random positive semidefinite, random Hermitian, the identity, or Gaussian matrices. The first
        two have rank 2 d (or n).
    seed, attempt : int
        Each start has the stream of random numbers that belongs to the seed, its number and the attempt.

    Returns
    -------
    State
        Over the quaternions the complex form, of twice the size.
    """
    return State.joined([_random_start(n, d, field, kind, seeds.derive(seed, "start", i, attempt)) for i in numbers])


def _random_start(n: int, d: int, field: Field, kind: StartKind, rng: np.random.Generator) -> State:
    S = orthonormal(_gaussian(n, d, field, rng)[None])
    Y, Z = (_times_random(S, n, d, field, kind, rng) for _ in range(2))
    return State(S, np.ascontiguousarray(adjoint(S)), Y, Z)


def _times_random(S: Array, n: int, d: int, field: Field, kind: StartKind, rng: np.random.Generator) -> Array:
    """G S, or H S, for a random matrix of a kind and a projection S S^*."""
    if kind == "identity":
        return S.copy()
    if kind == "gaussian":
        # A Gaussian matrix times orthonormal columns is Gaussian.
        return _gaussian(n, d, field, rng)[None]
    M = _gaussian(n, min(n, 2 * d), field, rng)[None]
    columns = M.shape[2]
    signs = np.ones(columns)
    if kind == "hermitian":
        half = columns // 2 if field == "quaternion" else columns
        signs[:half] = rng.choice([-1.0, 1.0], half)
        signs[columns - half :] = signs[:half]  # in the embedding of quaternions both halves have the same
    return np.asarray(M @ (signs[:, None] * (adjoint(M) @ S)))


def _gaussian(n: int, d: int, field: Field, rng: np.random.Generator) -> Array:
    if field == "real":
        return rng.standard_normal((n, d))
    a = rng.standard_normal((n, d)) + 1j * rng.standard_normal((n, d))
    if field == "complex":
        return a
    return Quaternions(a, rng.standard_normal((n, d)) + 1j * rng.standard_normal((n, d))).complex


def given_starts(given: Sequence[Any], n: int, d: int, field: Field, kind: StartKind, seed: int) -> State:
    """Starts from matrices of a user, with G and H as `random_starts` draws them.

    Parameters
    ----------
    given : sequence
        For each start a projection (n, n) of rank d, a matrix (n, d) whose columns span the image of an orthogonal
        projection, or a pair (S, R) of matrices (n, d) and (d, n), for the projection S (R S)^-1 R. Quaternions over
        the quaternions.
    n, d, field, kind, seed
        As for `random_starts`.

    Returns
    -------
    State

    Raises
    ------
    InputError
        If the shapes do not fit, an entry is not finite or does not lie in the field, columns are linearly dependent, a
        matrix is no projection of rank d, or R S is singular.
    """
    parts = []
    for i, start in enumerate(given):
        rng = seeds.derive(seed, "given start", i)
        S, R = _factors(start, n, d, field, rng, f"starts[{i}]")
        # H P^* = (H R^*) S^* and G P = (G S) R
        Y = _times_random(np.ascontiguousarray(adjoint(R)), n, d, field, kind, rng)
        Z = _times_random(S, n, d, field, kind, rng)
        parts.append(State(S, np.ascontiguousarray(R), Y, Z))
    return State.joined(parts)


def _factors(start: Any, n: int, d: int, field: Field, rng: np.random.Generator, name: str) -> tuple[Array, Array]:
    if isinstance(start, tuple) and len(start) == 2:
        S, R = (_matrix(part, field, f"{name}[{i}]") for i, part in enumerate(start))
    else:
        S, R = _matrix(start, field, name), None
    scale = 2 if field == "quaternion" else 1
    N, D = scale * n, scale * d
    if R is None and S.shape == (N, N) and d < n:
        return _of_projection(S, D, _gaussian(n, d, field, rng), name)
    if S.shape != (N, D) or (R is not None and R.shape != (D, N)):
        shapes = " and ".join(str(tuple(s // scale for s in M.shape)) for M in (S, R) if M is not None)
        raise InputError(
            f"{name} has the shape {shapes}; expected a projection ({n}, {n}), a basis ({n}, {d}) of its image, or a "
            f"pair of shapes ({n}, {d}) and ({d}, {n})"
        )
    if np.linalg.cond(S) > 1 / _INDEPENDENT:
        raise InputError(f"the columns of {name} are linearly dependent, or nearly so; give {d} independent ones")
    basis = orthonormal(S[None])
    if R is None:
        return basis, np.ascontiguousarray(adjoint(basis))
    pairing = R[None] @ basis
    if np.linalg.cond(pairing[0]) > 1 / _INDEPENDENT:
        raise InputError(f"R S is singular, or nearly so, for the pair {name}; S R is no projection of rank {d}")
    return basis, inverse(pairing) @ R


def _of_projection(P: Array, d: int, random_columns: Array, name: str) -> tuple[Array, Array]:
    defect = float(np.linalg.norm(P @ P - P) / np.linalg.norm(P))
    if not defect <= _IDEMPOTENT or abs(np.trace(P) - d) > 0.5:
        raise InputError(
            f"{name} is no projection of rank {d}: P^2 - P has the relative norm {defect:.1e} and the trace of P is "
            f"{np.trace(P):.6g}; give a basis of its image instead, or a pair (S, R)"
        )
    # P times random columns spans the image of P, and is quaternionic if P is.
    S = orthonormal(P @ random_columns[None])
    R = adjoint(S) @ P
    return S, inverse(R @ S) @ R


def _matrix(M: Any, field: Field, name: str) -> Array:
    if field == "quaternion":
        M = M if isinstance(M, Quaternions) else Quaternions(M)
        M = M.complex if M.ndim == 2 else M.a
    try:
        array = floating(M)
    except (TypeError, ValueError):
        raise InputError(f"{name} is no matrix of numbers; give an array") from None
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError(f"{name} has the shape {array.shape} or entries that are not finite; give a finite matrix")
    if field == "real" and array.dtype.kind == "c":
        raise InputError(f'{name} is complex, but the reduction is looked for over the reals; give field="complex"')
    return array.astype(np.float64 if field == "real" else np.complex128)

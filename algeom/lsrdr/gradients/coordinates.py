"""Real coordinates of arrays of real, complex or quaternionic matrices, for optimization without constraints."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.tuples import Array, matrix_tuple

__all__ = ["Compressions", "Coordinates", "Field", "FreeTuples", "TupleParameters", "embedded_tuple"]

Float = NDArray[np.float64]
Field = Literal["real", "complex", "quaternion"]

#: Real coordinates of a number.
_PARTS = {"real": 1, "complex": 2, "quaternion": 4}


def embedded_tuple(A: Any, field: Field | None, name: str = "A") -> tuple[Array, Field]:
    """A tuple as one array, quaternionic ones by their complex embedding, and the field to look for reductions over.

    Parameters
    ----------
    A : array_like or Quaternions, shape (r, n, n)
    field : {"real", "complex", "quaternion"} or None
        None: that of the entries.
    name : str

    Returns
    -------
    ndarray, shape (r, n, n) or (r, 2 n, 2 n)
        As `matrix_tuple` returns it; of size 2 n over the quaternions.
    field

    Raises
    ------
    InputError
        If A is no tuple of square matrices, or the field does not contain its entries.
    """
    smallest: Field
    if isinstance(A, Quaternions):
        matrices, smallest = matrix_tuple(A.complex if A.ndim == 3 else A.components, name), "quaternion"
    else:
        matrices = matrix_tuple(A, name)
        smallest = "complex" if matrices.dtype.kind == "c" else "real"
    if field is None:
        return matrices, smallest
    if field not in _PARTS:
        raise InputError(f"field={field!r}; give 'real', 'complex', 'quaternion' or None (that of {name})")
    if _PARTS[field] < _PARTS[smallest]:
        raise InputError(f"field={field!r}, but {name} is {smallest}; give a field that contains its entries, or None")
    if field == "quaternion" and smallest != "quaternion":
        matrices = Quaternions(matrices).complex
    return matrices, field


@dataclass(frozen=True)
class Coordinates:
    """Real coordinates of arrays of matrices over a field.

    Quaternionic a x b matrices appear as complex 2a x 2b ones, as `Quaternions.complex` embeds them.

    Attributes
    ----------
    field : {"real", "complex", "quaternion"}
    shape : tuple of int
        Shape (..., a, b) of the array over the field.
    """

    field: Field
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Number of real coordinates."""
        return _PARTS[self.field] * math.prod(self.shape)

    def matrices(self, x: Float) -> Array:
        """The array with these coordinates: float64, or complex128, for quaternions of twice the size."""
        parts = x.reshape(_PARTS[self.field], *self.shape)
        if self.field == "real":
            return np.asarray(parts[0])
        a = parts[0] + 1j * parts[1]
        return a if self.field == "complex" else Quaternions(a, parts[2] + 1j * parts[3]).complex

    def coordinates(self, M: Array) -> Float:
        """The coordinates of an array, as `matrices` returns it."""
        # The embedding of quaternions has every number twice.
        return self.pull_back(M) / (2.0 if self.field == "quaternion" else 1.0)

    def pull_back(self, g: Array) -> Float:
        """The gradient by the coordinates, from that by the matrices.

        Parameters
        ----------
        g : ndarray
            What gives the differential as Re <g, dM>; of the shape that `matrices` returns. Over the reals it may be
            complex.
        """
        if self.field == "real":
            return np.asarray(g.real, dtype=np.float64).ravel()
        if self.field == "quaternion":
            # Re <g, [[da, db], [-conj(db), conj(da)]]>
            n, m = self.shape[-2:]
            first = g[..., :n, :m] + g[..., n:, m:].conj()
            second = g[..., :n, m:] - g[..., n:, :m].conj()
            return np.concatenate([part.ravel() for part in (first.real, first.imag, second.real, second.imag)])
        return np.concatenate([g.real.ravel(), g.imag.ravel()])

    def public(self, M: Array) -> Any:
        """What a user sees of an array: `Quaternions` over the quaternions, else the array."""
        return Quaternions.from_complex(M) if self.field == "quaternion" else M


class TupleParameters(Protocol):
    """Real parameters of tuples X."""

    @property
    def count(self) -> int:
        """Number of real parameters."""
        ...

    def matrices(self, x: Float) -> Array:
        """X, shape (r, d, d)."""
        ...

    def pull_back(self, x: Float, g: Array) -> Float:
        """The gradient by the parameters, from that by X."""
        ...

    def conjugated(self, x: Float, C: Array, scale: float) -> Float:
        """Parameters of the tuple with matrices scale * C X_j C^-1."""
        ...


@dataclass(frozen=True)
class FreeTuples:
    """All entries of X."""

    entries: Coordinates

    @property
    def count(self) -> int:
        """Number of real parameters."""
        return self.entries.count

    def matrices(self, x: Float) -> Array:
        """X, shape (r, d, d)."""
        return self.entries.matrices(x)

    def pull_back(self, x: Float, g: Array) -> Float:
        """The gradient by the parameters, from that by X."""
        return self.entries.pull_back(g)

    def conjugated(self, x: Float, C: Array, scale: float) -> Float:
        """Parameters of the tuple with matrices scale * C X_j C^-1."""
        return self.entries.coordinates(scale * (C @ self.matrices(x) @ np.linalg.inv(C)))


@dataclass(frozen=True)
class Compressions:
    """X_j = R A_j S, by the entries of R and S."""

    family: DenseMatrices
    left: Coordinates
    right: Coordinates

    @property
    def count(self) -> int:
        """Number of real parameters."""
        return self.left.count + self.right.count

    def factors(self, x: Float) -> tuple[Array, Array]:
        """R and S."""
        return self.left.matrices(x[: self.left.count]), self.right.matrices(x[self.left.count :])

    def matrices(self, x: Float) -> Array:
        """X, shape (r, d, d)."""
        R, S = self.factors(x)
        return np.asarray(self.family.compress(R[None], S[None])[0])

    def pull_back(self, x: Float, g: Array) -> Float:
        """The gradient by the parameters, from that by X."""
        # Re sum <g_j, dR A_j S> = Re <sum g_j (A_j S)^*, dR>, and likewise for S.
        R, S = self.factors(x)
        by_R = adjoint(self.family.contract(S[None], adjoint(g)[None])[0])
        by_S = self.family.adjoint_contract(adjoint(R)[None], g[None])[0]
        return np.concatenate([self.left.pull_back(by_R), self.right.pull_back(by_S)])

    def conjugated(self, x: Float, C: Array, scale: float) -> Float:
        """Parameters of the tuple with matrices scale * C X_j C^-1, with R and S of equal norm."""
        R, S = self.factors(x)
        R, S = C @ R, S @ np.linalg.inv(C)
        balance = math.sqrt(np.linalg.norm(S) / np.linalg.norm(R))
        R, S = R * (balance * math.sqrt(scale)), S * (math.sqrt(scale) / balance)
        return np.concatenate([self.left.coordinates(R), self.right.coordinates(S)])

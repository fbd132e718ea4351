"""Superoperators on diagonals, and superoperators that a pair of functions gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import real_times
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.tuples import Array, checked_entries

__all__ = ["CallableSuperoperator", "DiagonalSuperoperator", "from_callables"]

#: Relative error up to which functions count as linear, and as adjoint to each other: rounding errors of their sums
#: stay far below it, and functions that are not differ by about 1 on random matrices.
_CONSISTENT = 1e-6


class DiagonalSuperoperator(Superoperator):
    """E(Y) = diag(W diag(Y)): what Phi of weighted matrix units is, in O(edges) instead of matrix products.

    Parameters
    ----------
    weights : array_like or scipy sparse, shape (n, n)
        W; for Phi of units w_ij E_ij the squared absolute values of w_ij. Completely positive if it is nonnegative.

    Raises
    ------
    InputError
        If W is not square, or an entry is no finite number.

    Examples
    --------
    >>> E = DiagonalSuperoperator([[0, 1], [4, 0]])
    >>> E([[2, 7], [7, 3]])
    array([[3., 0.],
           [0., 8.]])
    """

    def __init__(self, weights: Any) -> None:
        from scipy import sparse

        self.weights: Any
        if sparse.issparse(weights):
            self.weights = sparse.csr_array(weights)
            self.weights.data = checked_entries(self.weights.data, "weights")
        else:
            self.weights = checked_entries(np.asarray(weights), "weights")
        shape = self.weights.shape
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] == 0:
            raise InputError(f"the weights have the shape {shape}; give a square matrix, n x n")
        self.shape = (shape[0], shape[0])
        self.dtype = self.weights.dtype
        self._transpose = self.weights.T if self.real else self.weights.conj().T

    @property
    def edges(self) -> int:
        """Number of nonzero weights."""
        return int(np.count_nonzero(self.weights) if isinstance(self.weights, np.ndarray) else self.weights.nnz)

    def _on_diagonals(self, weights: Any, diagonals: Array) -> Array:
        """W times k diagonals, as columns: (k, n) to (k, n, 1)."""
        return np.asarray(real_times(weights, np.ascontiguousarray(diagonals.T)).T[:, :, None])

    def _diagonal_matrices(self, weights: Any, Y: Array) -> Array:
        diagonals = self._on_diagonals(weights, np.einsum("kii->ki", Y))
        return np.asarray(diagonals * np.eye(self.n))

    def _apply(self, Y: Array) -> Array:
        return self._diagonal_matrices(self.weights, Y)

    def _adjoint(self, Y: Array) -> Array:
        return self._diagonal_matrices(self._transpose, Y)

    def _product(self, U: Array, V: Array, W: Array) -> Array:
        return np.asarray(self._on_diagonals(self.weights, np.sum(U * V.conj(), axis=2)) * W)

    def _adjoint_product(self, U: Array, V: Array, W: Array) -> Array:
        return np.asarray(self._on_diagonals(self._transpose, np.sum(U * V.conj(), axis=2)) * W)

    def multiplications(self, d: int) -> float:
        """Multiplications of `products` for one start of rank d, about."""
        return 2.0 * self.edges + 4.0 * self.n * d

    @cached_property
    def hermitian_preserving(self) -> bool:
        """Whether it takes Hermitian matrices to Hermitian ones: W is real."""
        return self.real

    @cached_property
    def is_completely_positive(self) -> bool:
        """Whether it is completely positive: W is nonnegative."""
        entries = self.weights if isinstance(self.weights, np.ndarray) else self.weights.data
        return self.real and bool(np.all(entries >= 0))

    def __repr__(self) -> str:
        return f"DiagonalSuperoperator({self.n} x {self.n} matrices, {self.edges} edges)"


class CallableSuperoperator(Superoperator):
    """A map of n x n matrices that two functions compute; make one with `from_callables`, which checks them."""

    def __init__(
        self, apply: Callable[[Array], Any], adjoint: Callable[[Array], Any], n: int, dtype: np.dtype[Any]
    ) -> None:
        self._functions = apply, adjoint
        self.shape = (n, n)
        self.dtype = dtype

    def _call(self, which: int, Y: Array) -> Array:
        if self.real and Y.dtype.kind == "c":
            return self._call(which, Y.real) + 1j * self._call(which, Y.imag)
        dtype = np.result_type(self.dtype, Y)
        result = np.empty(Y.shape, dtype=dtype)
        for k, y in enumerate(Y):
            result[k] = self._checked(which, y.astype(dtype))
        return result

    def _checked(self, which: int, y: Array) -> Array:
        name = ("apply", "adjoint")[which]
        result = np.asarray(self._functions[which](y))
        if result.shape != self.shape or result.dtype.kind not in "biufc":
            raise InputError(
                f"{name} returned an array of shape {result.shape} and type {result.dtype} for a matrix of shape "
                f"{y.shape}; expected a matrix of that shape"
            )
        if self.real and result.dtype.kind == "c":
            raise InputError(f"{name} returned complex numbers for a real matrix; give dtype=complex")
        if not np.all(np.isfinite(result)):
            raise InputError(f"{name} returned entries that are not finite; rescale the map")
        return result.astype(self.dtype)

    def _apply(self, Y: Array) -> Array:
        return self._call(0, Y)

    def _adjoint(self, Y: Array) -> Array:
        return self._call(1, Y)

    def __repr__(self) -> str:
        return f"CallableSuperoperator({self.n} x {self.n} matrices, {'real' if self.real else 'complex'})"


def from_callables(
    apply: Callable[[Array], Any],
    adjoint: Callable[[Array], Any],
    n: int,
    *,
    dtype: Any = np.float64,
) -> CallableSuperoperator:
    """A superoperator from two functions of one matrix: E and its adjoint E^* for the Frobenius inner product.

    Parameters
    ----------
    apply, adjoint : callable
        Take an n x n array and return one. For a real map they see real matrices only.
    n : int
    dtype : float or complex
        Whether the map takes real matrices to real ones.

    Returns
    -------
    CallableSuperoperator

    Raises
    ------
    InputError
        If the functions return other shapes, are not linear (over the complex numbers for complex maps), or not adjoint
        to each other, on random matrices.

    Notes
    -----
    Low-rank products cost as much as full ones. Values on a few matrices do not tell that a map is positive:
    ``is_completely_positive`` is None beyond the sizes whose Choi matrix is computed.

    Examples
    --------
    >>> import numpy as np
    >>> transpose = from_callables(np.transpose, np.transpose, 2)
    >>> transpose.hermitian_preserving, transpose.is_completely_positive
    (True, False)
    """
    if not isinstance(n, (int, np.integer)) or n < 1:
        raise InputError(f"n={n!r}; expected the size of the matrices, a positive integer")
    kind = np.dtype(dtype).kind
    if kind not in "fc":
        raise InputError(f"dtype={dtype!r}; expected float or complex")
    E = CallableSuperoperator(apply, adjoint, int(n), np.dtype(np.complex128 if kind == "c" else np.float64))
    generator = np.random.default_rng(0)
    Y, Z = generator.standard_normal((2, n, n))
    factor: complex = 1.5
    if kind == "c":
        Y, Z = (M + 1j * generator.standard_normal((n, n)) for M in (Y, Z))
        factor = 1.5 - 2j
    image, other, both = E.apply(Y), E.apply(Z), E.apply(Y + factor * Z)
    size = float(np.linalg.norm(image) + np.linalg.norm(other))
    if np.linalg.norm(both - image - factor * other) > _CONSISTENT * size:
        raise InputError("apply is not linear: apply(Y + c Z) is not apply(Y) + c apply(Z) for random matrices Y and Z")
    dual = E.adjoint(Z)
    gap = abs(np.vdot(Z, image) - np.vdot(dual, Y))
    if gap > _CONSISTENT * (size * float(np.linalg.norm(Z)) + float(np.linalg.norm(dual) * np.linalg.norm(Y))):
        raise InputError(
            "adjoint is not the adjoint of apply: <Z, apply(Y)> and <adjoint(Z), Y> differ for random matrices "
            f"by {gap:.1e}; for the sum of A_j Y X_j^* it is the sum of A_j^* Z X_j"
        )
    return E

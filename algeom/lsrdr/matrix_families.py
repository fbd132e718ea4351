"""Families of matrices A_1, ..., A_r and the three sums over them that reductions need, at the cost of their structure.

Arrays have one leading axis of k starts throughout. All starts are put side by side, so that the family is read once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from algeom.lsrdr.tuples import Array

__all__ = ["DenseMatrices", "MatrixFamily"]


class MatrixFamily(ABC):
    """r square matrices A_1, ..., A_r of size n, in a representation that knows how to multiply by all of them.

    Attributes
    ----------
    r, n : int
        Number and size of the matrices.
    dtype : numpy.dtype
        float64 or complex128.
    """

    r: int
    n: int
    dtype: np.dtype[Any]

    @abstractmethod
    def matrix(self, j: int) -> Any:
        """A_j as something that ``@`` multiplies matrices with, dense or scipy sparse."""

    @abstractmethod
    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""

    @abstractmethod
    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j: R (k, d, n), S (k, n, e) to (k, r, d, e)."""

    @abstractmethod
    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j: M (k, n, c), B (k, r, c, b) to (k, n, b)."""

    @abstractmethod
    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j: M (k, n, c), B (k, r, c, b) to (k, n, b)."""

    @abstractmethod
    def scaled(self, factor: float) -> MatrixFamily:
        """The family of the factor times each matrix."""

    @property
    @abstractmethod
    def entries(self) -> int:
        """Number of stored entries: what multiplying all matrices with one vector costs."""

    @property
    @abstractmethod
    def largest(self) -> float:
        """The largest absolute value of an entry."""

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """With X_j = s_j R A_j S the sums of A_j Y X_j^* and of A_j^* Z X_j (s_j = 1 without signs)."""
        X = signed(self.compress(R, S), signs)
        return self.contract(Y, adjoint(X)), self.adjoint_contract(Z, X)


class DenseMatrices(MatrixFamily):
    """Matrices in an array of shape (r, n, n), multiplied as the (r n) x n matrix that they are in memory.

    Parameters
    ----------
    matrices : ndarray, shape (r, n, n)
        As `matrix_tuple` returns it. Not copied.
    """

    def __init__(self, matrices: Array) -> None:
        self.r, self.n, _ = matrices.shape
        self.dtype = matrices.dtype
        self._matrices = matrices
        self._stack = matrices.reshape(self.r * self.n, self.n)

    def __repr__(self) -> str:
        return f"{self.r} dense matrices"

    def matrix(self, j: int) -> Array:
        """A_j, a view."""
        return np.asarray(self._matrices[j])

    def dense(self) -> Array:
        """All matrices, shape (r, n, n), not copied."""
        return self._matrices

    def scaled(self, factor: float) -> DenseMatrices:
        """The family of the factor times each matrix."""
        return DenseMatrices(self._matrices * factor)

    @property
    def entries(self) -> int:
        """Number of stored entries."""
        return self._matrices.size

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        return max(float(np.abs(matrix).max()) for matrix in self._matrices)

    def _times(self, columns: Array) -> Array:
        """A_j M for all j and M (n, c), shape (r, n, c)."""
        return real_times(self._stack, columns).reshape(self.r, self.n, -1)

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        k, n, e = S.shape
        products = self._times(side_by_side(S)).reshape(self.r, n, k, e)
        return np.asarray(R[:, None] @ products.transpose(2, 0, 1, 3))

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        k, n, c = M.shape
        products = self._times(side_by_side(M)).reshape(self.r, n, k, c)
        return np.asarray((products.transpose(2, 0, 1, 3) @ B).sum(axis=1))

    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j."""
        k, n, _ = M.shape
        b = B.shape[-1]
        stacked = np.empty((self.r, n, k, b), dtype=np.result_type(M, B))
        np.matmul(M[:, None], B, out=stacked.transpose(2, 0, 1, 3))
        columns = stacked.reshape(self.r * n, k * b)
        # A^* B is the conjugate of A^T conj(B): only the thin factor is conjugated, the family is never copied.
        if self.dtype.kind == "c":
            total = (self._stack.T @ columns.conj()).conj()
        else:
            total = real_times(self._stack.T, columns)
        return np.ascontiguousarray(total.reshape(n, k, b).transpose(1, 0, 2))

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """Both sums of a step of the iteration: A is read once for A_j [Y, S], and once for the adjoint."""
        k, n, d = S.shape
        columns = np.empty((n, 2, k, d), dtype=np.result_type(S, Y))
        columns[:, 0] = Y.transpose(1, 0, 2)
        columns[:, 1] = S.transpose(1, 0, 2)
        products = self._times(columns.reshape(n, 2 * k * d)).reshape(self.r, n, 2, k, d)
        times_Y, times_S = (products[:, :, part].transpose(2, 0, 1, 3) for part in (0, 1))
        X = signed(R[:, None] @ times_S, signs)
        return (times_Y @ adjoint(X)).sum(axis=1), self.adjoint_contract(Z, X)


def side_by_side(M: Array) -> Array:
    """Matrices M_1, ..., M_k of shape (k, n, c) as one matrix of k c columns."""
    k, n, c = M.shape
    return np.ascontiguousarray(M[0] if k == 1 else M.transpose(1, 0, 2).reshape(n, k * c))


def adjoint(M: Array) -> Array:
    """Conjugate transposes of matrices in the last two axes."""
    return M.conj().swapaxes(-1, -2) if M.dtype.kind == "c" else M.swapaxes(-1, -2)


def signed(X: Array, signs: Array | None) -> Array:
    """X_j s_j for X of shape (k, r, d, e)."""
    return X if signs is None else X * signs[:, None, None]


def real_times(A: Any, columns: Array) -> Array:
    """A times a matrix; a real A times a complex matrix in real arithmetic, so that no complex copy of A is made."""
    if A.dtype.kind == "c" or columns.dtype.kind != "c":
        return np.asarray(A @ columns)
    parts = np.ascontiguousarray(columns).view(np.float64)
    return np.ascontiguousarray(A @ parts).view(np.complex128)

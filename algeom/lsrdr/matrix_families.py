"""Families of matrices A_1, ..., A_r and the sums over them that reductions need: dense and sparse ones.

Starts of an iteration are a leading axis of k matrices. They are put side by side, so that the family is read once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.tuples import Array, checked_entries

__all__ = ["DenseMatrices", "MatrixFamily", "SparseMatrices"]

#: Matrices of a dense family that are converted to absolute values at a time take no more than so many entries.
_BLOCK = 1 << 20


class MatrixFamily(ABC):
    """r square matrices A_1, ..., A_r of size n, in a representation that knows how to multiply by all of them.

    Attributes
    ----------
    r, n : int
        Number and size of the matrices.
    dtype : numpy.dtype
        float64 or complex128.
    entries : int
        Number of stored entries: what multiplying one vector by all matrices costs.
    """

    r: int
    n: int
    dtype: np.dtype[Any]
    entries: int

    @property
    def held_rows(self) -> int:
        """Number of rows in which a matrix may be nonzero, that products with all matrices hold."""
        return self.n

    @abstractmethod
    def times(self, j: int, M: Array) -> Array:
        """A_j M for one dense matrix M (n, c)."""

    @abstractmethod
    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M for one dense matrix M (n, c)."""

    @abstractmethod
    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""

    @abstractmethod
    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j: R (k, d, n), S (k, n, e) to (k, r, d, e)."""

    @abstractmethod
    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j: M (k, n, c), B (k, r, c, b) or (1, r, c, b) to (k, n, b)."""

    @abstractmethod
    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j: M (k, n, c), B (k, r, c, b) or (1, r, c, b) to (k, n, b)."""

    @abstractmethod
    def combination(self, coefficients: Array) -> Any:
        """The sum of c_j A_j, dense or scipy sparse."""

    @abstractmethod
    def scaled(self, factor: float) -> MatrixFamily:
        """The family of the factor times each matrix."""

    @property
    @abstractmethod
    def largest(self) -> float:
        """The largest absolute value of an entry."""

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """With X_j = s_j R A_j S the sums of A_j Y X_j^* and of A_j^* Z X_j (s_j = 1 without signs)."""
        X = signed(self.compress(R, S), signs)
        return self.contract(Y, adjoint(X)), self.adjoint_contract(Z, X)


class StackedMatrices(MatrixFamily):
    """Matrices below each other in one matrix of r n rows, dense or scipy sparse."""

    _stack: Any
    _transpose: Any

    def _all_times(self, columns: Array) -> Array:
        """A_j M for all j and M (n, c), shape (r, n, c)."""
        return real_times(self._stack, columns).reshape(self.r, self.n, -1)

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        k, n, e = S.shape
        products = self._all_times(side_by_side(S)).reshape(self.r, n, k, e)
        return np.asarray(R[:, None] @ products.transpose(2, 0, 1, 3))

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        k, n, c = M.shape
        products = self._all_times(side_by_side(M)).reshape(self.r, n, k, c)
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
            total = np.asarray(self._transpose @ columns.conj()).conj()
        else:
            total = real_times(self._transpose, columns)
        return np.ascontiguousarray(total.reshape(n, k, b).transpose(1, 0, 2))

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """Both sums of a step of the iteration: A is read once for A_j [Y, S], and once for the adjoint."""
        k, n, d = S.shape
        columns = np.empty((n, 2, k, d), dtype=np.result_type(S, Y))
        columns[:, 0] = Y.transpose(1, 0, 2)
        columns[:, 1] = S.transpose(1, 0, 2)
        products = self._all_times(columns.reshape(n, 2 * k * d)).reshape(self.r, n, 2, k, d)
        times_Y, times_S = (products[:, :, part].transpose(2, 0, 1, 3) for part in (0, 1))
        X = signed(R[:, None] @ times_S, signs)
        return (times_Y @ adjoint(X)).sum(axis=1), self.adjoint_contract(Z, X)


class DenseMatrices(StackedMatrices):
    """Matrices in an array of shape (r, n, n), multiplied as the (r n) x n matrix that they are in memory.

    Parameters
    ----------
    matrices : ndarray, shape (r, n, n)
        As `matrix_tuple` returns it. Not copied: do not change it while the family is in use.
    """

    def __init__(self, matrices: Array) -> None:
        self.r, self.n, _ = matrices.shape
        self.dtype = matrices.dtype
        self.entries = matrices.size
        self._matrices = matrices
        self._stack = matrices.reshape(self.r * self.n, self.n)
        self._transpose = self._stack.T

    def __repr__(self) -> str:
        return f"{self.r} dense matrices"

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        return real_times(self._matrices[j], M)

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        return real_times(adjoint(self._matrices[j]), M)

    def dense(self) -> Array:
        """All matrices, shape (r, n, n), not copied."""
        return self._matrices

    def combination(self, coefficients: Array) -> Array:
        """The sum of c_j A_j."""
        return np.asarray(coefficients @ self._matrices.reshape(self.r, -1)).reshape(self.n, self.n)

    def scaled(self, factor: float) -> DenseMatrices:
        """The family of the factor times each matrix."""
        return DenseMatrices(self._matrices * factor)

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        flat = self._matrices.reshape(-1)
        return max(float(np.abs(flat[i : i + _BLOCK]).max()) for i in range(0, flat.size, _BLOCK))


class SparseMatrices(StackedMatrices):
    """Sparse matrices, held below each other in one CSR matrix of r n rows.

    Parameters
    ----------
    matrices : sequence of scipy sparse arrays or matrices, each n x n
    name : str
        What the messages call the tuple.

    Raises
    ------
    InputError
        If there are none, they are not square of one size, or an entry is no finite number that float64 represents.

    Examples
    --------
    >>> import scipy.sparse
    >>> family = SparseMatrices([scipy.sparse.eye_array(3), scipy.sparse.diags_array([1.0, 2.0], offsets=1)])
    >>> family, family.entries
    (2 sparse matrices with 5 entries, 5)
    """

    def __init__(self, matrices: Sequence[Any], name: str = "A") -> None:
        from scipy import sparse

        if not len(matrices):
            raise InputError(f"{name} is a tuple of r = 0 matrices; give at least one")
        shapes = [np.shape(matrix) if not sparse.issparse(matrix) else matrix.shape for matrix in matrices]
        n = shapes[0][-1] if shapes[0] else 0
        if n == 0 or any(shape != (n, n) for shape in shapes):
            listed = ", ".join(map(str, list(dict.fromkeys(shapes))[:3]))
            raise InputError(f"the matrices of {name} have the shapes {listed}; expected square ones of one size")
        stack = sparse.vstack([sparse.csr_array(matrix) for matrix in matrices], format="csr")
        stack.data = checked_entries(stack.data, name)
        stack.sum_duplicates()
        self.r, self.n = len(matrices), n
        self._hold(stack)

    def _hold(self, stack: Any) -> None:
        self.dtype = stack.dtype
        self.entries = stack.nnz
        self._stack = stack
        self._transpose = stack.T

    def __repr__(self) -> str:
        return f"{self.r} sparse matrices with {self.entries} entries"

    def _matrix(self, j: int) -> Any:
        return self._stack[j * self.n : (j + 1) * self.n]

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        return real_times(self._matrix(j), M)

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        return real_times(self._matrix(j).conj().T, M)

    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""
        return np.asarray(self._stack.toarray()).reshape(self.r, self.n, self.n)

    def combination(self, coefficients: Array) -> Any:
        """The sum of c_j A_j, a CSR array."""
        from scipy import sparse

        side_by_side_units = sparse.kron(coefficients[None], sparse.eye_array(self.n), format="csr")
        return side_by_side_units @ self._stack

    def scaled(self, factor: float) -> SparseMatrices:
        """The family of the factor times each matrix."""
        family = object.__new__(SparseMatrices)
        family.r, family.n = self.r, self.n
        family._hold(self._stack * factor)
        return family

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        return float(np.abs(self._stack.data).max(initial=0.0))


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

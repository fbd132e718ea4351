"""Families of matrices A_1, ..., A_r and the sums over them that reductions need: dense and sparse ones.

Starts of an iteration are a leading axis of k matrices. They are put side by side, so that the family is read once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.tuples import Array, checked_entries

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
    """Matrices below each other in one matrix of r n rows, dense or scipy sparse.

    Thin matrices are handled as rows, the transposed columns of all starts: (A_j M)^T for all j then lies in memory as
    rows (column, j) of length n, and every sum over j and columns is one matrix product for each start.
    """

    _stack: Any

    @abstractmethod
    def _forward(self, rows: Array) -> Array:
        """(A_j M)^T for all j and M^T (c, n), shape (c, r n)."""

    def _backward(self, rows: Array) -> Array:
        """The transpose of the sum of A_j^* B_j for all B_j^T side by side, (c, r n), shape (c, n)."""
        # A^* B is the conjugate of A^T conj(B): only the thin factor is conjugated, the family is never copied. In this
        # order dense products take up to a third less time than B^T conj(A) (OpenBLAS, d = 5 to 20).
        if self.dtype.kind == "c":
            return np.asarray((self._stack.T @ rows.T.conj()).conj().T)
        return _real_function(lambda rows: (self._stack.T @ rows.T).T, rows)

    def _products(self, M: Array) -> Array:
        """(A_j M)^T for all j and M (k, n, c), shape (k, c r, n)."""
        k, n, c = M.shape
        return self._forward(_as_rows(M)).reshape(k, c * self.r, n)

    def _adjoint_sum(self, rows: Array) -> Array:
        """The sum of A_j^* B_j for B_j^T in rows (k, c r, n), shape (k, n, c)."""
        k, c = len(rows), rows.shape[1] // self.r
        total = self._backward(rows.reshape(k * c, self.r * self.n)).reshape(k, c, self.n)
        return np.ascontiguousarray(total.swapaxes(1, 2))

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        (k, d, _), e = R.shape, S.shape[-1]
        transposed = self._products(S) @ R.swapaxes(1, 2)
        return np.asarray(transposed.reshape(k, e, self.r, d).transpose(0, 2, 3, 1))

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        k, r, c, b = B.shape
        factors = B.swapaxes(1, 2).reshape(k, c * r, b)
        return np.asarray(self._products(M).swapaxes(1, 2) @ factors)

    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j."""
        k, r, c, b = B.shape
        factors = B.transpose(0, 3, 1, 2).reshape(k, b * r, c)
        return self._adjoint_sum(factors @ M.swapaxes(1, 2))

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """Both sums of a step of the iteration: A is read once for A_j [Y, S], and once for the adjoint."""
        k, n, d = S.shape
        products = self._forward(np.concatenate([_as_rows(Y), _as_rows(S)])).reshape(2, k, d * self.r, n)
        # Rows (column, j) of X_j^T.
        X = products[1] @ R.swapaxes(1, 2)
        if signs is not None:
            X = X * np.tile(signs, d)[:, None]
        first = products[0].swapaxes(1, 2) @ X.conj()
        return first, self._adjoint_sum(X @ Z.swapaxes(1, 2))


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
        self._stack = matrices.reshape(self.r * self.n, self.n)

    def __repr__(self) -> str:
        return f"{self.r} dense matrices"

    def _forward(self, rows: Array) -> Array:
        if self.dtype.kind == "c":
            return np.asarray(rows @ self._stack.T)
        return _real_function(lambda rows: rows @ self._stack.T, rows)

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        return real_times(self._stack[j * self.n : (j + 1) * self.n], M)

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        return real_times(adjoint(self._stack[j * self.n : (j + 1) * self.n]), M)

    def dense(self) -> Array:
        """All matrices, shape (r, n, n), not copied."""
        return np.asarray(self._stack.reshape(self.r, self.n, self.n))

    def combination(self, coefficients: Array) -> Array:
        """The sum of c_j A_j."""
        return np.asarray(coefficients @ self._stack.reshape(self.r, -1)).reshape(self.n, self.n)

    def scaled(self, factor: float) -> DenseMatrices:
        """The family of the factor times each matrix."""
        return DenseMatrices(self.dense() * factor)

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        flat = self._stack.reshape(-1)
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

    def __repr__(self) -> str:
        return f"{self.r} sparse matrices with {self.entries} entries"

    def _forward(self, rows: Array) -> Array:
        if self.dtype.kind == "c":
            return np.ascontiguousarray((self._stack @ rows.T).T)
        return _real_function(lambda rows: np.ascontiguousarray((self._stack @ rows.T).T), rows)

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


def _as_rows(M: Array) -> Array:
    """The columns of k matrices (k, n, c) as k c rows."""
    k, n, c = M.shape
    return np.ascontiguousarray(M.swapaxes(1, 2)).reshape(k * c, n)


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


def _real_function(function: Callable[[Array], Array], rows: Array) -> Array:
    """A real linear function of real rows on complex rows, by their real and imaginary parts, in one call."""
    if rows.dtype.kind != "c":
        return np.asarray(function(rows))
    parts = function(np.concatenate([rows.real, rows.imag]))
    result = np.empty((len(rows), parts.shape[1]), dtype=np.complex128)
    result.real, result.imag = parts[: len(rows)], parts[len(rows) :]
    return result

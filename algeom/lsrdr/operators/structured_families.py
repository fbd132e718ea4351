"""Families of matrices that are never written out: permutation matrices and weighted matrix units."""

from __future__ import annotations

from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import MatrixFamily
from algeom.lsrdr.operators.tuples import Array, checked_entries
from algeom.runtime.memory import require

__all__ = ["MatrixUnits", "Permutations"]


class Permutations(MatrixFamily):
    """Permutation matrices with A_j e_i = e_(images[j, i]), on all vectors or on those with sum zero.

    Multiplications are gathers. With ``sum_zero`` each matrix is multiplied by the orthogonal projection onto the
    vectors with sum zero, which permutations commute with: the constant vectors, on which all permutation matrices
    agree, go to zero, and reductions see the rest only.

    Parameters
    ----------
    images : array_like of int, shape (r, n)
        Row j holds the images of 0, ..., n - 1 under the permutation j.
    sum_zero : bool

    Raises
    ------
    InputError
        If a row is no permutation.

    Examples
    --------
    >>> Permutations([[1, 2, 0], [0, 1, 2]]).dense()[0]
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """

    dtype = np.dtype(np.float64)

    def __init__(self, images: Any, *, sum_zero: bool = False) -> None:
        try:
            array = np.asarray(images)
        except ValueError as error:
            raise InputError(f"images cannot be made an array ({error}); give r permutations of one size") from None
        if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "iu":
            raise InputError(
                f"images has the shape {array.shape} and the type {array.dtype}; expected r permutations of "
                "0, ..., n - 1, an array of integers of shape (r, n)"
            )
        self.r, self.n = array.shape
        wrong = np.flatnonzero(np.any(np.sort(array, axis=1) != np.arange(self.n), axis=1))
        if wrong.size:
            raise InputError(f"images[{wrong[0]}] is no permutation of 0, ..., {self.n - 1}; each has to occur once")
        self._images = array.astype(np.intp)
        self._preimages = np.argsort(self._images, axis=1)
        self.sum_zero = sum_zero
        self.entries = array.size
        self._factor = 1.0

    def __repr__(self) -> str:
        return f"{self.r} permutations" + (" on vectors with sum zero" if self.sum_zero else "")

    def _projected(self, M: Array) -> Array:
        """The factor, and the projection onto sum zero, on columns in the last but one axis."""
        if self.sum_zero:
            M = M - M.mean(axis=-2, keepdims=True)
        return M if self._factor == 1.0 else M * self._factor

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        return np.asarray(self._projected(M)[self._preimages[j]])

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        return np.asarray(self._projected(M)[self._images[j]])

    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""
        return np.asarray(self._projected(np.eye(self.n))[self._preimages])

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        return np.asarray(R[:, None] @ self._projected(S)[:, self._preimages])

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        return np.asarray((self._projected(M)[:, self._preimages] @ B).sum(axis=1))

    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j."""
        rows = np.arange(self.r)[:, None]
        return self._projected((M[:, None] @ B)[:, rows, self._images].sum(axis=1))

    def combination(self, coefficients: Array) -> Array:
        """The sum of c_j A_j."""
        total = np.zeros((self.n, self.n), dtype=np.result_type(float, coefficients))
        np.add.at(total, (self._images, np.arange(self.n)), np.asarray(coefficients)[:, None])
        # Projecting the rows is projecting the columns of the transpose.
        return self._projected(total.T).T

    def scaled(self, factor: float) -> Permutations:
        """The family of the factor times each matrix."""
        family = Permutations(self._images, sum_zero=self.sum_zero)
        family._factor = self._factor * factor
        return family

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry, at most."""
        return abs(self._factor)


class MatrixUnits(MatrixFamily):
    """Weighted matrix units A_j = w_j E_(rows[j], columns[j]): one matrix for each directed edge of a graph.

    Parameters
    ----------
    n : int
        Size of the matrices.
    rows, columns : array_like of int, shape (r,)
    weights : array_like, shape (r,), optional
        1 by default.

    Raises
    ------
    InputError
        If there is no unit, an index is not below n, or a weight is no finite number.

    Notes
    -----
    `superoperator` of matrix units alone is Phi(Y) = diag(W2 diag(Y)) with W2 the matrix of squared absolute weights.

    Examples
    --------
    >>> path = MatrixUnits(3, [0, 1], [1, 2], [2.0, 3.0])
    >>> path
    2 matrix units
    >>> path.dense()[1]
    array([[0., 0., 0.],
           [0., 0., 3.],
           [0., 0., 0.]])
    """

    def __init__(self, n: int, rows: Any, columns: Any, weights: Any = None) -> None:
        if not isinstance(n, (int, np.integer)) or n < 1:
            raise InputError(f"n={n!r}; expected the size of the matrices, a positive integer")
        self.n = int(n)
        self.rows, self.columns = _indices(rows, self.n, "rows"), _indices(columns, self.n, "columns")
        self.r = self.entries = len(self.rows)
        self.weights = np.ones(self.r) if weights is None else checked_entries(np.array(weights), "weights")
        shapes = [self.rows.shape, self.columns.shape, self.weights.shape]
        if len(set(shapes)) > 1:
            raise InputError(
                f"rows, columns and weights have the shapes {shapes[0]}, {shapes[1]} and {shapes[2]}; give one of each "
                "for every matrix unit"
            )
        self.dtype = self.weights.dtype

    @classmethod
    def from_weights(cls, weights: Any) -> MatrixUnits:
        """One unit w_ij E_ij for each nonzero entry of a matrix of weights, dense or scipy sparse.

        Examples
        --------
        >>> MatrixUnits.from_weights([[0, 1], [2, 0]])
        2 matrix units
        """
        from scipy import sparse

        try:
            array = weights if sparse.issparse(weights) else np.asarray(weights)
        except ValueError as error:
            raise InputError(f"the weights are no matrix of numbers ({error}); give an n x n matrix") from None
        if not sparse.issparse(array):
            array = checked_entries(array, "weights")
        if len(array.shape) != 2 or array.shape[0] != array.shape[1]:
            raise InputError(f"the weights have the shape {array.shape}; give a square matrix, n x n")
        matrix = sparse.coo_array(array)
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
        return cls(matrix.shape[0], matrix.row, matrix.col, matrix.data)

    @property
    def held_rows(self) -> int:
        """1: products with all matrices hold one row for each."""
        return 1

    def __repr__(self) -> str:
        return f"{self.r} matrix unit{'s' if self.r > 1 else ''}"

    def squared_weights(self) -> Any:
        """W2 as a CSR array: the sum over units at (i, j) of the squared absolute weights."""
        from scipy import sparse

        with np.errstate(over="ignore"):
            squares = np.abs(self.weights) ** 2
        if not np.all(np.isfinite(squares)) or np.any((squares == 0) & (self.weights != 0)):
            raise InputError(
                f"squares of the weights are beyond double precision (the largest weight is {self.largest:.1e}); "
                "divide all of them by a common factor"
            )
        return sparse.csr_array((squares, (self.rows, self.columns)), shape=(self.n, self.n))

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        result = np.zeros(M.shape, dtype=np.result_type(self.dtype, M))
        result[self.rows[j]] = self.weights[j] * M[self.columns[j]]
        return result

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        result = np.zeros(M.shape, dtype=np.result_type(self.dtype, M))
        result[self.columns[j]] = self.weights[j].conj() * M[self.rows[j]]
        return result

    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""
        require(
            float(self.r) * self.n**2 * self.dtype.itemsize, None, f"{self.r} dense matrices of size {self.n}",
            "keep them as matrix units",
        )  # fmt: skip
        matrices = np.zeros((self.r, self.n, self.n), dtype=self.dtype)
        matrices[np.arange(self.r), self.rows, self.columns] = self.weights
        return matrices

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        columns = R[:, :, self.rows].swapaxes(1, 2) * self.weights[:, None]
        return np.asarray(columns[:, :, :, None] * S[:, self.columns, None, :])

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        return _collected(self.rows, self.n, (M[:, self.columns, None] @ B)[:, :, 0] * self.weights[:, None])

    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j."""
        return _collected(self.columns, self.n, (M[:, self.rows, None] @ B)[:, :, 0] * self.weights.conj()[:, None])

    def combination(self, coefficients: Array) -> Any:
        """The sum of c_j A_j, a CSR array."""
        from scipy import sparse

        return sparse.csr_array((coefficients * self.weights, (self.rows, self.columns)), shape=(self.n, self.n))

    def scaled(self, factor: float) -> MatrixUnits:
        """The family of the factor times each matrix."""
        return MatrixUnits(self.n, self.rows, self.columns, self.weights * factor)

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        return float(np.abs(self.weights).max())


def _indices(values: Any, n: int, name: str) -> Any:
    array = np.asarray(values)
    if array.size == 0:
        raise InputError(f"{name} is empty: a tuple of r = 0 matrix units (a graph without edges); give at least one")
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"{name} has the shape {array.shape} and the type {array.dtype}; expected a list of integers")
    if array.min() < 0 or array.max() >= n:
        raise InputError(f"{name} goes from {array.min()} to {array.max()}; give indices from 0 to {n - 1}")
    return array.astype(np.intp)


def _collected(rows: Any, n: int, values: Array) -> Array:
    """Values of shape (k, r, b), added up in the given rows of (k, n, b)."""
    from scipy import sparse

    k, r, b = values.shape
    incidence = sparse.csr_array((np.ones(r), (rows, np.arange(r))), shape=(n, r))
    columns = values.transpose(1, 0, 2).reshape(r, k * b)
    return np.asarray(incidence @ columns).reshape(n, k, b).transpose(1, 0, 2)

"""Matrices of bounded rank nearest to a matrix, in the Frobenius norm and in metrics of data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import GenericityError, InputError
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import (
    check_integer,
    check_integers,
    indexed_names,
    position_arrays,
    symmetric_group_generators,
    symmetry,
)

__all__ = [
    "MatrixCriticalPoint",
    "MatrixDistance",
    "linear_network_map",
    "matrix_regression",
    "nearest_of_rank",
    "real_matrix",
]

Float = NDArray[np.float64]

#: Relative singular value below which data or a metric count as singular: the Gram matrix then has no correct digit in
#: that direction.
_SINGULAR = 1e-8


def linear_network_map(widths: Sequence[int]) -> PolynomialMap:
    """The product of the weight matrices of a linear network.

    Parameters
    ----------
    widths : sequence of int
        d_0, ..., d_L, from the input to the output.

    Returns
    -------
    PolynomialMap
        Parameters ``W1`` (d_1 x d_0), ..., ``WL``; coordinates ``m11, m12, ...``, the entries of W_L ... W_1 row by
        row. The image closure is the variety of matrices of rank at most the least width. Symmetries: permutations of
        the inputs and of the outputs.

    Examples
    --------
    >>> import algeom as ag
    >>> ag.dimension(linear_network_map((3, 2, 3)), rng=1).value
    8
    """
    sizes = check_integers("a width", widths, 1)
    if len(sizes) < 2:
        raise InputError(f"widths {sizes}; give those of the input and of the output at least")
    n_in, n_out, layers = sizes[0], sizes[-1], len(sizes) - 1

    def product(*weights: Any) -> Any:
        result = weights[0]
        for w in weights[1:]:
            result = w @ result
        return result

    shapes = {f"W{i + 1}": (sizes[i + 1], sizes[i]) for i in range(layers)}
    x = position_arrays(shapes)
    m = np.arange(n_out * n_in, dtype=np.int64).reshape(n_out, n_in)
    last = f"W{layers}"
    symmetries = [symmetry(x | {"W1": x["W1"][:, g]}, m[:, g]) for g in symmetric_group_generators(n_in)]
    symmetries += [symmetry(x | {last: x[last][g]}, m[g]) for g in symmetric_group_generators(n_out)]
    names = indexed_names("m", [((i, j),) for i in range(1, n_out + 1) for j in range(1, n_in + 1)])
    return polynomial_map(product, parameters=shapes, names=names, symmetries=symmetries)


@dataclass(frozen=True, eq=False, repr=False)
class MatrixCriticalPoint:
    """A critical point of a squared distance on the matrices of one rank.

    Attributes
    ----------
    matrix : ndarray of float64, shape (m, n)
    kept : tuple of int
        Which singular triples of the target, in the metric, it consists of; 0 is the largest.
    value : float
        The squared distance, with the remainder that no matrix can explain.
    index : int
        Number of directions in which it is a maximum: pairs of a kept singular value and a larger one that is dropped.
    is_unique : bool
        Whether no kept singular value equals a dropped one, and the metric is not singular: otherwise there are
        infinitely many such points, of which this is one.
    """

    matrix: Float
    kept: tuple[int, ...]
    value: float
    index: int
    is_unique: bool

    @property
    def is_minimum(self) -> bool:
        """Whether it is the minimum; all others are saddles, if the singular values are distinct."""
        return self.index == 0

    def __repr__(self) -> str:
        return (
            f"MatrixCriticalPoint(rank {len(self.kept)}, kept {self.kept}, value {self.value:.6g}, index {self.index})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class MatrixDistance:
    """The squared distance ||L (M - U) R||^2 + remainder on m x n matrices M, with invertible L.

    Attributes
    ----------
    target : ndarray of float64, shape (m, n)
        U.
    left, right : ndarray of float64, shapes (m, m) and (n, n)
        L and R.
    remainder : float
        For the squared loss of data what the best linear map leaves.
    singular_values : ndarray of float64, shape (min(m, n),)
        Those of L U R, in decreasing order.
    is_singular : bool
        Whether R is singular, as for images with pixels that never change: matrices that vanish on its kernel are then
        compared, and minima are not unique.
    """

    target: Float
    left: Float
    right: Float
    remainder: float
    singular_values: Float
    is_singular: bool
    _u: Float
    _v: Float
    _right_inverse: Float

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.target.shape[0], self.target.shape[1]

    def value(self, matrix: ArrayLike) -> float:
        """The squared distance of a matrix."""
        return float(np.sum((self.left @ (self._checked(matrix) - self.target) @ self.right) ** 2)) + self.remainder

    def gradient(self, matrix: ArrayLike) -> Float:
        """Its gradient: 2 L^T L (M - U) R R^T."""
        difference = self.left.T @ (self.left @ (self._checked(matrix) - self.target) @ self.right) @ self.right.T
        return np.asarray(2.0 * difference)

    def nearest(self, r: int) -> MatrixCriticalPoint:
        """The nearest matrix of rank at most r (Eckart, Young 1936; Mirsky 1960)."""
        r = self._checked_rank(r)
        return self._point(tuple(range(r)))

    def count(self, r: int) -> int:
        """How many critical points there are on the matrices of rank r, for distinct singular values none of them 0."""
        return comb(len(self.singular_values), self._checked_rank(r))

    def critical_points(self, r: int) -> Iterator[MatrixCriticalPoint]:
        """All critical points on the matrices of rank exactly r, those with the largest singular values first.

        Raises
        ------
        GenericityError
            If two singular values of the target coincide, one is zero, or the metric is singular, so that critical
            points are not isolated.

        Examples
        --------
        >>> distance = matrix_regression(np.eye(3), np.diag([3.0, 2.0, 1.0]))
        >>> for point in distance.critical_points(2):
        ...     print(point)
        MatrixCriticalPoint(rank 2, kept (0, 1), value 1, index 0)
        MatrixCriticalPoint(rank 2, kept (0, 2), value 4, index 1)
        MatrixCriticalPoint(rank 2, kept (1, 2), value 9, index 2)
        """
        r = self._checked_rank(r)
        if self.is_singular:
            raise GenericityError(
                "the metric is singular: critical points are not isolated; project the inputs to their span, or append "
                "a multiple of the identity to them with outputs zero (ridge regression); nearest(r) is still given"
            )
        values = self.singular_values
        gaps = np.append(values[:-1] - values[1:], values[-1])
        if 0 < r < len(values) and gaps.min() <= _SINGULAR * values[0]:
            raise GenericityError(
                f"singular values {np.array2string(values, precision=6)} of the target are equal or zero: critical "
                "points of that rank are not isolated; the nearest one is still given by nearest(r)"
            )
        return (self._point(kept) for kept in combinations(range(len(values)), r))

    def _point(self, kept: tuple[int, ...]) -> MatrixCriticalPoint:
        chosen, values = list(kept), self.singular_values
        inside = (self._u[:, chosen] * values[chosen]) @ self._v[chosen]
        matrix = np.linalg.solve(self.left, inside) @ self._right_inverse
        dropped = [j for j in range(len(values)) if j not in kept]
        index = sum(bool(values[j] > values[i]) for i in kept for j in dropped)
        value = float(np.sum(values[dropped] ** 2)) + self.remainder
        apart = min((abs(values[i] - values[j]) for i in kept for j in dropped), default=np.inf)
        unique = not self.is_singular and bool(apart > _SINGULAR * values[0])
        return MatrixCriticalPoint(np.asarray(matrix), kept, value, index, unique)

    def _checked(self, matrix: ArrayLike) -> Float:
        given = real_matrix("the matrix", matrix)
        if given.shape != self.shape:
            raise InputError(f"the matrix has shape {given.shape}; the distance is on matrices of shape {self.shape}")
        return given

    def _checked_rank(self, r: int) -> int:
        return check_integer("r", r, 0, len(self.singular_values), "the smaller side of the matrix")

    def __repr__(self) -> str:
        m, n = self.shape
        values = np.array2string(self.singular_values[:6], precision=4)
        return f"MatrixDistance({m} x {n} matrices; singular values {values}, remainder {self.remainder:.4g})"


def nearest_of_rank(
    target: ArrayLike, r: int, *, right: ArrayLike | None = None, left: ArrayLike | None = None
) -> MatrixCriticalPoint:
    """The matrix of rank at most r nearest to a target in the metric ||left (M - target) right||.

    Parameters
    ----------
    target : array_like of float, shape (m, n)
    r : int
        From 0 to min(m, n).
    right, left : array_like of float, shapes (n, n) and (m, m), optional
        Invertible; identities by default.

    Returns
    -------
    MatrixCriticalPoint

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, or a metric is singular.

    Notes
    -----
    M -> left M right preserves the rank, so that truncating the singular values of left @ target @ right is optimal and
    the ED degree stays C(min(m, n), r).

    Examples
    --------
    >>> nearest_of_rank([[2.0, 0.0], [0.0, 1.0]], 1, right=np.diag([1.0, 3.0])).matrix
    array([[0., 0.],
           [0., 1.]])
    """
    u = real_matrix("target", target)
    m, n = u.shape
    factors = []
    for name, given, size in (("left", left, m), ("right", right, n)):
        factor = np.eye(size) if given is None else real_matrix(name, given)
        if factor.shape != (size, size):
            raise InputError(f"{name} has shape {factor.shape}; for a target of shape {u.shape} give {(size, size)}")
        _require_invertible(name, np.linalg.svd(factor, compute_uv=False))
        factors.append(factor)
    return _distance(u, factors[0], factors[1], 0.0).nearest(r)


def matrix_regression(inputs: ArrayLike, outputs: ArrayLike) -> MatrixDistance:
    """The squared loss of a linear map on data, as a squared distance on matrices.

    Parameters
    ----------
    inputs : array_like of float, shape (N, n)
        One example a row.
    outputs : array_like of float, shape (N, m)
        For autoencoders the inputs again.

    Returns
    -------
    MatrixDistance
        ||(M - U) R||^2 + remainder with R the root of the Gram matrix of the inputs and U the matrix of least squares:
        the loss sum_i ||M x_i - y_i||^2.

    Raises
    ------
    InputError
        If shapes do not fit or numbers are not finite.

    Notes
    -----
    Inputs that do not span their space are taken as well, and minima are then those matrices that vanish on what is
    orthogonal to all inputs.

    References
    ----------
    Trager, Kohn, Bruna, Pure and spurious critical points: a geometric study of linear networks, ICLR 2020.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    >>> loss = matrix_regression(x, y)
    >>> loss.count(2), len(list(loss.critical_points(2)))
    (3, 3)
    """
    x, y = real_matrix("inputs", inputs), real_matrix("outputs", outputs)
    if len(x) != len(y):
        raise InputError(f"inputs of shape {x.shape} and outputs of shape {y.shape}; give as many rows in both")
    _, values, v = np.linalg.svd(x, full_matrices=False)
    target = np.linalg.lstsq(x, y, rcond=_SINGULAR)[0].T
    remainder = float(np.sum((x @ target.T - y) ** 2))
    return _distance(target, np.eye(y.shape[1]), np.asarray((v.T * values) @ v), remainder)


def _distance(target: Any, left: Any, right: Any, remainder: float) -> MatrixDistance:
    u, values, v = np.linalg.svd(left @ target @ right, full_matrices=False)
    sizes = np.linalg.svd(right, compute_uv=False)
    singular = bool(sizes[-1] <= _SINGULAR * sizes[0])
    inverse = np.asarray(np.linalg.pinv(right, rcond=_SINGULAR), dtype=np.float64)
    return MatrixDistance(np.asarray(target), left, right, remainder, values, singular, u, v, inverse)


def real_matrix(name: str, given: ArrayLike) -> Float:
    """A matrix of finite real numbers, or an error that names what it is.

    Examples
    --------
    >>> real_matrix("target", [[1, 2]])
    array([[1., 2.]])
    """
    try:
        matrix = np.array(given)
        if matrix.dtype.kind not in "iufbO":
            raise TypeError(f"numbers of type {matrix.dtype}")
        matrix = matrix.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is not a matrix of real numbers") from error
    if matrix.ndim != 2 or not matrix.size:
        raise InputError(f"{name} has shape {matrix.shape}; give a matrix with at least one entry")
    if not np.isfinite(matrix).all():
        raise InputError(f"{name} has entries that are not finite; remove the rows with NaN or infinity")
    return matrix


def _require_invertible(name: str, values: NDArray[Any]) -> None:
    if values[-1] <= _SINGULAR * values[0]:
        raise InputError(
            f"{name} is singular (singular values from {values[0]:.2g} to {values[-1]:.2g}); a metric is invertible"
        )

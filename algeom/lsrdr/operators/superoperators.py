"""Superoperators as sums of A_j Y X_j^*, from the tuples of matrices that users have."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import DenseMatrices, MatrixFamily, SparseMatrices, adjoint, signed
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator
from algeom.lsrdr.operators.superoperator_base import Superoperator, floating
from algeom.lsrdr.operators.tuples import Array, checked_entries, matrix_tuple

#: Full matrices are multiplied by so many entries of a dense family at a time: in cache, and few calls for small ones.
_BLOCK = 1 << 16

#: Entries of products of a structured family with a full matrix that are held at once: 32 MB.
_AT_ONCE = 1 << 22

__all__ = ["Counted", "KrausSuperoperator", "Superoperator", "superoperator"]


class KrausSuperoperator(Superoperator):
    """The sum of s_j A_j Y X_j^* over j: Gamma(A; X), and Phi(A) for X = A.

    Parameters
    ----------
    left : MatrixFamily
        A_1, ..., A_r of size n.
    right : MatrixFamily, optional
        X_1, ..., X_r of size m; A by default.
    signs : ndarray of float64, shape (r,), optional
        s_1, ..., s_r; all 1 by default.
    field : {"R", "C", "H"}, optional
        "H" for the complex form of quaternionic matrices; by default what the entries are.

    Notes
    -----
    Low-rank products never form an n x m matrix: E(U V^*) W is the sum of s_j (A_j U) (W^* X_j V)^*.
    """

    def __init__(
        self,
        left: MatrixFamily,
        right: MatrixFamily | None = None,
        signs: Array | None = None,
        *,
        field: str | None = None,
    ) -> None:
        self.left = left
        self.right = left if right is None else right
        if self.right.r != left.r:
            raise InputError(
                f"A has {left.r} matrices and X has {self.right.r}; both tuples need the same number r of matrices"
            )
        self.signs = signs
        self.shape = (left.n, self.right.n)
        self.dtype = np.result_type(left.dtype, self.right.dtype)
        self._field = field

    @property
    def field(self) -> str:
        """The field: "R" or "C"; "H" for the complex form of quaternionic matrices."""
        return self._field or super().field

    def multiplications(self, d: int) -> float:
        """Multiplications of `products` for one start of rank d, about."""
        return d * (self.left.entries * 2.0 + self.right.entries + self.left.r * (self.left.n * 2.0 + self.right.n) * d)

    def _apply(self, Y: Array) -> Array:
        left, right = self.left, self.right
        if isinstance(left, DenseMatrices) and isinstance(right, DenseMatrices):
            return self._dense_sum(left.dense(), adjoint(right.dense()), Y)
        if self._fits(left, right, Y):
            return left.contract(Y, signed(adjoint(right.dense())[None], self.signs))
        if self._fits(right, left, Y):
            # E(Y)^* is the sum of X_j Y^* A_j^*.
            return adjoint(right.contract(adjoint(Y), signed(adjoint(left.dense())[None], self.signs)))
        return self._sum(left.times, right.times, Y)

    def _adjoint(self, Y: Array) -> Array:
        left, right = self.left, self.right
        if isinstance(left, DenseMatrices) and isinstance(right, DenseMatrices):
            return self._dense_sum(adjoint(left.dense()), right.dense(), Y)
        if self._fits(left, right, Y):
            return left.adjoint_contract(Y, signed(right.dense()[None], self.signs))
        if self._fits(right, left, Y):
            return adjoint(right.adjoint_contract(adjoint(Y), signed(left.dense()[None], self.signs)))
        return self._sum(left.adjoint_times, right.adjoint_times, Y)

    def _fits(self, structured: MatrixFamily, other: MatrixFamily, Y: Array) -> bool:
        """Whether one family is dense, and the products of the other one with Y are not too many to hold at once."""
        return isinstance(other, DenseMatrices) and other.r * structured.held_rows * other.n * len(Y) <= _AT_ONCE

    def _dense_sum(self, A: Array, X: Array, Y: Array) -> Array:
        """The sum of s_j A_j Y X_j, some j at a time."""
        total: Array = np.zeros(Y.shape, dtype=np.result_type(self.dtype, Y))
        step = max(1, _BLOCK // max(1, Y.size))
        for first in range(0, self.left.r, step):
            part = slice(first, first + step)
            terms = signed(A[part] @ Y[:, None] @ X[part], None if self.signs is None else self.signs[part])
            total += terms[:, 0] if step == 1 else terms.sum(axis=1)
        return total

    def _sum(self, left: Any, right: Any, Y: Array) -> Array:
        """The sum of s_j A_j Y X_j^*, as (X_j (A_j Y)^*)^*, since X may be sparse."""
        total: Array = np.zeros(Y.shape, dtype=np.result_type(self.dtype, Y))
        for j in range(self.left.r):
            sign = 1.0 if self.signs is None else self.signs[j]
            for k, y in enumerate(Y):
                total[k] += sign * adjoint(right(j, adjoint(left(j, y))))
        return total

    def _dense(self) -> Array:
        n, m = self.shape
        A, X = self.left.dense(), self.right.dense().conj()
        if self.signs is not None:
            A = A * self.signs[:, None, None]
        # Entry [(i, k), (j, l)] is the sum of A[i, j] conj(X)[k, l]: a product of two matrices.
        product = A.reshape(len(A), n * n).T @ X.reshape(len(X), m * m)
        return np.ascontiguousarray(product.reshape(n, n, m, m).transpose(0, 2, 1, 3)).reshape(n * m, n * m)

    def _product(self, U: Array, V: Array, W: Array) -> Array:
        X = signed(self.right.compress(adjoint(W), V), self.signs)
        return self.left.contract(U, adjoint(X))

    def _adjoint_product(self, U: Array, V: Array, W: Array) -> Array:
        X = signed(self.right.compress(adjoint(V), W), self.signs)
        return self.left.adjoint_contract(U, X)

    def _products(self, S: Array, R: Array, Y: Array, Z: Array) -> tuple[Array, Array]:
        if self.left is self.right:
            return self.left.fused(R, S, Y, Z, self.signs)
        X = signed(self.right.compress(R, S), self.signs)
        return self.left.contract(Y, adjoint(X)), self.left.adjoint_contract(Z, X)

    def compress(self, R: Any, S: Any) -> Array:
        """R A_j S for all j: R (d, n) and S (n, e) to (r, d, e); with k of each to (k, r, d, e)."""
        R, S = floating(R), floating(S)
        if R.ndim == 2:
            return np.asarray(self.left.compress(R[None], S[None])[0])
        return self.left.compress(R, S)

    @cached_property
    def hermitian_preserving(self) -> bool:
        """Whether E(Y^*) = E(Y)^* for all Y: for X = A always, else decided on one random complex matrix."""
        return self.left is self.right or super().hermitian_preserving

    @cached_property
    def is_completely_positive(self) -> bool | None:
        """Whether E is completely positive: for X = A without signs always, else as the Choi matrix says."""
        plain = self.left is self.right and (self.signs is None or bool(np.all(self.signs >= 0)))
        return True if plain else super().is_completely_positive

    def __repr__(self) -> str:
        n, m = self.shape
        pair = "" if self.left is self.right else f" and {self.right}"
        return f"KrausSuperoperator({n} x {m} matrices, {self.left}{pair}, {'real' if self.real else 'complex'})"


class Counted(Superoperator):
    """A superoperator that counts how often it and its adjoint are applied.

    A product with k starts counts k, `products` 2 k: one application of E and one of E^* for each start.

    Attributes
    ----------
    applications : int
    """

    def __init__(self, base: Superoperator) -> None:
        self.base = base
        self.shape = base.shape
        self.dtype = base.dtype
        self.applications = 0

    @property
    def field(self) -> str:
        """The field of the map that is counted."""
        return self.base.field

    @property
    def hermitian_preserving(self) -> bool:  # type: ignore[override]
        """Whether E(Y^*) = E(Y)^* for all Y, which costs no counted application."""
        return self.base.hermitian_preserving

    @property
    def is_completely_positive(self) -> bool | None:  # type: ignore[override]
        """Whether E is completely positive, which costs no counted application."""
        return self.base.is_completely_positive

    def multiplications(self, d: int) -> float:
        """Multiplications of `products` for one start of rank d, about."""
        return self.base.multiplications(d)

    def _apply(self, Y: Array) -> Array:
        self.applications += len(Y)
        return self.base._apply(Y)

    def _adjoint(self, Y: Array) -> Array:
        self.applications += len(Y)
        return self.base._adjoint(Y)

    def _product(self, U: Array, V: Array, W: Array) -> Array:
        self.applications += len(U)
        return self.base._product(U, V, W)

    def _adjoint_product(self, U: Array, V: Array, W: Array) -> Array:
        self.applications += len(U)
        return self.base._adjoint_product(U, V, W)

    def _products(self, S: Array, R: Array, Y: Array, Z: Array) -> tuple[Array, Array]:
        self.applications += 2 * len(S)
        return self.base._products(S, R, Y, Z)

    def __repr__(self) -> str:
        return f"Counted({self.base}, {self.applications} applications)"


def superoperator(A: Any, X: Any = None, *, signs: Any = None) -> Superoperator:
    """Gamma(A; X), the map that takes Y to the sum of s_j A_j Y X_j^*; Phi(A) = Gamma(A; A) without X and signs.

    Parameters
    ----------
    A : array_like (r, n, n), Quaternions, list of scipy sparse or quaternionic matrices, MatrixFamily or Superoperator
        `Permutations` and `MatrixUnits` are families that are never written out. Arrays are not copied. Quaternionic
        matrices act by their complex form of twice the size. A superoperator is returned as it is.
    X : array_like (r, m, m) and so on, optional
        A by default.
    signs : array_like of float, shape (r,), optional
        Every map that preserves Hermitian matrices is such a sum with X = A and signs 1 and -1.

    Returns
    -------
    Superoperator
        A `DiagonalSuperoperator` for `MatrixUnits` alone, else a `KrausSuperoperator`.

    Raises
    ------
    InputError
        If the tuples are not as `matrix_tuple` wants them, or differ in the number of matrices.

    See Also
    --------
    from_choi, from_callables

    Examples
    --------
    >>> import numpy as np
    >>> E = superoperator([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    >>> E
    KrausSuperoperator(2 x 2 matrices, 2 dense matrices, real)
    >>> E(np.diag([2.0, 3.0]))
    array([[3., 0.],
           [0., 2.]])
    """
    if isinstance(A, Superoperator):
        if X is not None or signs is not None:
            raise InputError("a superoperator A was given together with X or signs; give a tuple of matrices for A")
        return A
    if isinstance(A, MatrixUnits) and X is None and signs is None:
        return DiagonalSuperoperator(A.squared_weights())
    quaternionic = is_quaternionic(A) or is_quaternionic(X)
    left = matrix_family(A, "A", quaternionic=quaternionic)
    right = None if X is None or X is A else matrix_family(X, "X", quaternionic=quaternionic)
    if signs is not None:
        signs = checked_entries(np.asarray(signs), "signs")
        if signs.shape != (left.r,) or signs.dtype.kind == "c":
            raise InputError(f"signs has the shape {signs.shape}; expected {left.r} real numbers, one for each matrix")
    return KrausSuperoperator(left, right, signs, field="H" if quaternionic else None)


def matrix_family(A: Any, name: str = "A", *, quaternionic: bool = False) -> MatrixFamily:
    """The family of matrices that a user means: dense, sparse or as it is.

    Parameters
    ----------
    A : array_like (r, n, n), Quaternions, list of scipy sparse matrices or MatrixFamily
    name : str
        What the messages call it.
    quaternionic : bool
        Whether to take the complex form of size 2 n of real and complex matrices, too.

    Raises
    ------
    InputError
        As `superoperator`.
    """
    if isinstance(A, MatrixFamily):
        if quaternionic:
            raise InputError(f"{name} is a family of {A}; together with quaternions give an array or Quaternions")
        return A
    if isinstance(A, (list, tuple)) and any(isinstance(matrix, Quaternions) for matrix in A):
        A = _stacked(A, name)
    if isinstance(A, (list, tuple)) and any(_is_sparse(matrix) for matrix in A) and not quaternionic:
        return SparseMatrices(A, name)
    if _is_sparse(A):
        raise InputError(f"{name} is a single sparse matrix; give a list of r sparse matrices, [{name}]")
    if quaternionic or isinstance(A, Quaternions):
        A = A if isinstance(A, Quaternions) else Quaternions(matrix_tuple(A, name))
        if A.ndim != 3:
            raise InputError(f"{name} has the shape {A.shape}; expected r square matrices, shape (r, n, n)")
        A = A.complex
    return DenseMatrices(matrix_tuple(A, name))


def is_quaternionic(A: Any) -> bool:
    """Whether a tuple has quaternionic matrices."""
    return isinstance(A, Quaternions) or (
        isinstance(A, (list, tuple)) and any(isinstance(matrix, Quaternions) for matrix in A)
    )


def _stacked(matrices: Any, name: str) -> Quaternions:
    """One array of a list of matrices some of which are quaternionic."""
    parts = [matrix if isinstance(matrix, Quaternions) else Quaternions(matrix) for matrix in matrices]
    if len({part.shape for part in parts}) > 1:
        raise InputError(f"the matrices of {name} have different shapes; give square matrices of one size")
    return Quaternions(np.stack([part.a for part in parts]), np.stack([part.b for part in parts]))


def _is_sparse(matrix: Any) -> bool:
    """Whether it is a scipy sparse array or matrix, without importing scipy.sparse where it is not in use."""
    return type(matrix).__module__.startswith("scipy.sparse")

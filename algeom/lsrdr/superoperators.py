"""Superoperators: linear maps between matrices, as sums of A_j Y X_j^* or by what they do to a matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.matrix_families import DenseMatrices, MatrixFamily, adjoint, signed
from algeom.lsrdr.tuples import Array, matrix_tuple
from algeom.runtime.memory import require

__all__ = ["Counted", "KrausSuperoperator", "Superoperator", "superoperator"]


class Superoperator(ABC):
    """A linear map E from n x m matrices to n x m matrices, over the real or the complex numbers.

    All that a reduction asks of it are the *low-rank products* E(U V^*) W and E^*(U V^*) W, whose cost depends on the
    structure; here they go through the full n x m matrix.

    Every matrix may have one leading axis, of k starts: then there are k results. A real E acts on complex matrices by
    their real and imaginary parts.

    Attributes
    ----------
    shape : tuple of int
        (n, m), the shape of the matrices.
    dtype : numpy.dtype
        float64 or complex128.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @property
    def n(self) -> int:
        """Number of rows of the matrices it acts on."""
        return self.shape[0]

    @property
    def is_square_map(self) -> bool:
        """Whether it acts on square matrices."""
        return self.shape[0] == self.shape[1]

    @property
    def real(self) -> bool:
        """Whether it takes real matrices to real ones by construction."""
        return self.dtype.kind == "f"

    # What a representation defines: matrices have exactly one leading axis here.

    @abstractmethod
    def _apply(self, Y: Array) -> Array:
        """E(Y) for Y (k, n, m)."""

    @abstractmethod
    def _adjoint(self, Y: Array) -> Array:
        """E^*(Y) for Y (k, n, m)."""

    def _product(self, U: Array, V: Array, W: Array) -> Array:
        """E(U V^*) W for U (k, n, a), V (k, m, a), W (k, m, b)."""
        return np.stack([self._apply(u @ adjoint(v))[0] @ w for u, v, w in zip(U[:, None], V[:, None], W, strict=True)])

    def _adjoint_product(self, U: Array, V: Array, W: Array) -> Array:
        """E^*(U V^*) W for U (k, n, a), V (k, m, a), W (k, m, b)."""
        return np.stack(
            [self._adjoint(u @ adjoint(v))[0] @ w for u, v, w in zip(U[:, None], V[:, None], W, strict=True)]
        )

    def _products(self, S: Array, R: Array, Y: Array, Z: Array) -> tuple[Array, Array]:
        return self._product(Y, S, adjoint(R)), self._adjoint_product(Z, adjoint(R), S)

    # What users call

    def apply(self, Y: Any) -> Array:
        """E(Y) for Y of shape (n, m) or (k, n, m)."""
        return self._on_matrices(self._apply, Y)

    def adjoint(self, Y: Any) -> Array:
        """E^*(Y): the adjoint for the Frobenius inner product, for Y of shape (n, m) or (k, n, m)."""
        return self._on_matrices(self._adjoint, Y)

    def __call__(self, Y: Any) -> Array:
        """E(Y), as `apply`."""
        return self.apply(Y)

    def product(self, U: Any, V: Any, W: Any) -> Array:
        """E(U V^*) W.

        Parameters
        ----------
        U : array_like, shape (n, a) or (k, n, a)
        V : array_like, shape (m, a) or (k, m, a)
        W : array_like, shape (m, b) or (k, m, b)

        Returns
        -------
        ndarray, shape (n, b) or (k, n, b)
        """
        return self._on_factors(self._product, U, V, W)

    def adjoint_product(self, U: Any, V: Any, W: Any) -> Array:
        """E^*(U V^*) W, with arguments as for `product`."""
        return self._on_factors(self._adjoint_product, U, V, W)

    def products(self, S: Any, R: Any, Y: Any, Z: Any) -> tuple[Array, Array]:
        """Both products of a step of the low-rank iteration: E(Y S^*) R^* and E^*(Z R) S.

        With E(Y) the sum of A_j Y A_j^* both are made from X_j = R A_j S, which is computed once.

        Parameters
        ----------
        S : array_like, shape (n, d) or (k, n, d)
        R : array_like, shape (d, n) or (k, d, n)
        Y, Z : array_like, shape (n, d) or (k, n, d)

        Returns
        -------
        tuple of two ndarrays, shape (n, d) or (k, n, d)

        Raises
        ------
        InputError
            If the shapes do not fit together, or E does not act on square matrices.
        """
        S, R, Y, Z = (_floating(M) for M in (S, R, Y, Z))
        n = self.n
        fits = S.ndim in (2, 3) and S.shape[-2] == n and S.shape == Y.shape == Z.shape and self.is_square_map
        if not fits or R.shape != (*S.shape[:-2], S.shape[-1], n):
            raise InputError(
                f"S, R, Y, Z have the shapes {S.shape}, {R.shape}, {Y.shape}, {Z.shape}; for a map of {n} x "
                f"{self.shape[1]} matrices expected (n, d), (d, n), (n, d), (n, d) with n = m = {n}, or k of each"
            )
        if S.ndim == 2:
            first, second = self._products(S[None], R[None], Y[None], Z[None])
            return first[0], second[0]
        return self._products(S, R, Y, Z)

    def to_dense(self, *, memory_limit: int | str | None = None) -> Array:
        """The matrix of E on row-major vectors, ``to_dense() @ Y.ravel() == apply(Y).ravel()``.

        For the sum of A_j Y X_j^* it is the sum of the Kronecker products of A_j and conj(X_j).

        Returns
        -------
        ndarray, shape (n m, n m)

        Raises
        ------
        ResourceError
            If it would not fit.
        """
        n, m = self.shape
        size = n * m
        # The matrix, the unit matrices that it is applied to, and one more for what application needs.
        require(
            3.0 * size**2 * self.dtype.itemsize, memory_limit, f"the {size} x {size} matrix of a superoperator",
            "apply it to matrices instead",
        )  # fmt: skip
        return self._dense()

    def _dense(self) -> Array:
        n, m = self.shape
        units = np.eye(n * m, dtype=self.dtype).reshape(n * m, n, m)
        return np.ascontiguousarray(self._apply(units).reshape(n * m, n * m).T)

    def _on_matrices(self, function: Any, Y: Any) -> Array:
        Y = _floating(Y)
        if Y.ndim not in (2, 3) or Y.shape[-2:] != self.shape:
            n, m = self.shape
            raise InputError(
                f"a matrix of shape {Y.shape} was given to a map of {n} x {m} matrices; give one of that shape"
            )
        return np.asarray(function(Y[None])[0] if Y.ndim == 2 else function(Y))

    def _on_factors(self, function: Any, U: Any, V: Any, W: Any) -> Array:
        U, V, W = (_floating(M) for M in (U, V, W))
        n, m = self.shape
        leading = U.shape[:-2]
        if (
            U.ndim not in (2, 3)
            or U.shape[-2] != n
            or V.shape != (*leading, m, U.shape[-1])
            or W.ndim != U.ndim
            or W.shape[:-1] != (*leading, m)
        ):
            raise InputError(
                f"U, V, W have the shapes {U.shape}, {V.shape}, {W.shape}; for E(U V^*) W with a map of {n} x {m} "
                f"matrices expected ({n}, a), ({m}, a), ({m}, b), or k of each"
            )
        return np.asarray(function(U[None], V[None], W[None])[0] if U.ndim == 2 else function(U, V, W))


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

    Notes
    -----
    Low-rank products never form an n x m matrix: E(U V^*) W is the sum of s_j (A_j U) (W^* X_j V)^*.
    """

    def __init__(self, left: MatrixFamily, right: MatrixFamily | None = None, signs: Array | None = None) -> None:
        self.left = left
        self.right = left if right is None else right
        if self.right.r != left.r:
            raise InputError(
                f"A has {left.r} matrices and X has {self.right.r}; both tuples need the same number r of matrices"
            )
        self.signs = signs
        self.shape = (left.n, self.right.n)
        self.dtype = np.result_type(left.dtype, self.right.dtype)

    def _apply(self, Y: Array) -> Array:
        return self._sum(Y, False)

    def _adjoint(self, Y: Array) -> Array:
        return self._sum(Y, True)

    def _sum(self, Y: Array, adjoints: bool) -> Array:
        total: Array = np.zeros(Y.shape, dtype=np.result_type(self.dtype, Y))
        for j in range(self.left.r):
            A, X = self.left.matrix(j), self.right.matrix(j)
            if adjoints:
                A, X = A.conj().T, X.conj().T
            sign = 1.0 if self.signs is None else self.signs[j]
            # Y X^* as (X Y^*)^*, since X may be sparse.
            for k, y in enumerate(Y):
                total[k] += sign * (X @ (A @ y).conj().T).conj().T
        return total

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
        R, S = _floating(R), _floating(S)
        if R.ndim == 2:
            return np.asarray(self.left.compress(R[None], S[None])[0])
        return self.left.compress(R, S)

    @cached_property
    def is_completely_positive(self) -> bool | None:
        """Whether all its extensions to larger matrices keep positive semidefinite matrices so."""
        if self.left is self.right and (self.signs is None or bool(np.all(self.signs >= 0))):
            return True
        return None

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


def superoperator(A: Any, X: Any = None) -> Superoperator:
    """Gamma(A; X), the map that takes Y to the sum of A_j Y X_j^*; Phi(A) = Gamma(A; A) without X.

    Parameters
    ----------
    A : array_like (r, n, n) or Superoperator
        A superoperator is returned as it is.
    X : array_like (r, m, m), optional

    Returns
    -------
    Superoperator

    Raises
    ------
    InputError
        If the tuples are not as `matrix_tuple` wants them, or differ in the number of matrices.

    Examples
    --------
    >>> import numpy as np
    >>> E = superoperator([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    >>> E(np.diag([2.0, 3.0]))
    array([[3., 0.],
           [0., 2.]])
    """
    if isinstance(A, Superoperator):
        if X is not None:
            raise InputError("a superoperator A was given together with X; give a tuple of matrices for A, or no X")
        return A
    left = DenseMatrices(matrix_tuple(A))
    return KrausSuperoperator(left, None if X is None else DenseMatrices(matrix_tuple(X, "X")))


def _floating(matrix: Any) -> Array:
    """An array of float64 or complex128."""
    M: Array = np.asarray(matrix)
    if M.dtype in (np.float64, np.complex128):
        return M
    return np.asarray(M, dtype=np.complex128 if M.dtype.kind == "c" else np.float64)

"""Superoperators: linear maps between matrices, and the low-rank products that reductions ask of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.tuples import Array
from algeom.runtime.memory import require

__all__ = ["Superoperator"]

#: Largest size n of matrices for which the n^2 x n^2 Choi matrix decides on positivity: its eigenvalues take seconds.
_CHOI_SIZE = 32

#: Relative error up to which an identity between matrices holds: far above rounding errors of sums and products, far
#: below what random matrices miss an identity by that does not hold.
_IDENTITY = 1e-9


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

    @property
    def field(self) -> str:
        """The field: "R" or "C"; "H" for the complex form of quaternionic matrices."""
        return "R" if self.real else "C"

    def multiplications(self, d: int) -> float:
        """Multiplications of `products` for one start of rank d, about: which method is cheaper can be told from it."""
        n, m = self.shape
        return 2.0 * n * m * (n + m + d)

    @cached_property
    def hermitian_preserving(self) -> bool:
        """Whether E(Y^*) = E(Y)^* for all Y, decided on one random complex matrix; False if n differs from m."""
        if not self.is_square_map:
            return False
        parts = np.random.default_rng(0).standard_normal((2, self.n, self.n))
        Y = parts[0] + 1j * parts[1]
        image, other = self.apply(Y), self.apply(adjoint(Y))
        return bool(np.linalg.norm(other - adjoint(image)) <= _IDENTITY * np.linalg.norm(image))

    @cached_property
    def is_completely_positive(self) -> bool | None:
        """Whether all its extensions to larger matrices keep positive semidefinite matrices so.

        Decided by the eigenvalues of the Choi matrix, up to rounding, for n at most 32; None beyond, unless the
        representation tells.
        """
        if not self.hermitian_preserving:
            return False
        if self.n > _CHOI_SIZE:
            return None
        values = np.linalg.eigvalsh(self.to_choi())
        return bool(values[0] >= -_IDENTITY * abs(values[-1]))

    # What a representation defines: matrices have exactly one leading axis here.

    @abstractmethod
    def _apply(self, Y: Array) -> Array:
        """E(Y) for Y (k, n, m)."""

    @abstractmethod
    def _adjoint(self, Y: Array) -> Array:
        """E^*(Y) for Y (k, n, m)."""

    def _product(self, U: Array, V: Array, W: Array) -> Array:
        """E(U V^*) W for U (k, n, a), V (k, m, a), W (k, m, b)."""
        return self._one_by_one(self._apply, U, V, W)

    def _adjoint_product(self, U: Array, V: Array, W: Array) -> Array:
        """E^*(U V^*) W for U (k, n, a), V (k, m, a), W (k, m, b)."""
        return self._one_by_one(self._adjoint, U, V, W)

    def _one_by_one(self, function: Callable[[Array], Array], U: Array, V: Array, W: Array) -> Array:
        """A function of the full matrices U V^*, one start after the other, times W."""
        total = np.empty((*U.shape[:2], W.shape[2]), dtype=np.result_type(self.dtype, U, V, W))
        for k in range(len(U)):
            total[k] = function(U[k : k + 1] @ adjoint(V[k : k + 1]))[0] @ W[k]
        return total

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
        S, R, Y, Z = (floating(M) for M in (S, R, Y, Z))
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

    def to_choi(self, order: str = "input-output", *, memory_limit: int | str | None = None) -> Array:
        """The Choi matrix, positive semidefinite if and only if E is completely positive.

        Parameters
        ----------
        order : {"input-output", "output-input"}
            "input-output": the sum of E_ij (x) E(E_ij) over matrix units, an n x n matrix of blocks with E(E_ij) the
            block (i, j); entry [i n + k, j n + l] is E(E_ij)[k, l] (Choi; also Qiskit). "output-input": the sum of
            E(E_ij) (x) E_ij, with that entry at [k n + i, l n + j] (Watrous; the sum of a_j a_j^* for a_j the row-major
            vectors of Kraus matrices A_j).

        Returns
        -------
        ndarray, shape (n^2, n^2)

        Raises
        ------
        InputError
            If n differs from m, or the order is another one.
        ResourceError
            If it would not fit.

        References
        ----------
        M.-D. Choi, Completely positive linear maps on complex matrices, Linear Algebra Appl. 10 (1975), Theorem 2.
        J. Watrous, The Theory of Quantum Information, Cambridge University Press 2018, section 2.2.

        Examples
        --------
        >>> from algeom.lsrdr.operators.superoperators import superoperator
        >>> superoperator([[[0.0, 1.0], [0.0, 0.0]]]).to_choi()
        array([[0., 0., 0., 0.],
               [0., 0., 0., 0.],
               [0., 0., 1., 0.],
               [0., 0., 0., 0.]])
        """
        if not self.is_square_map:
            raise InputError(f"a map of {self.shape[0]} x {self.shape[1]} matrices has no Choi matrix; n has to be m")
        # Indices (i, k, j, l) of E(E_ij)[k, l], from rows (k, l) and columns (i, j).
        axes = choi_axes(order)
        n = self.n
        entries = self.to_dense(memory_limit=memory_limit).reshape(n, n, n, n)
        return np.ascontiguousarray(entries.transpose(axes).reshape(n * n, n * n))

    def _on_matrices(self, function: Any, Y: Any) -> Array:
        Y = floating(Y)
        if Y.ndim not in (2, 3) or Y.shape[-2:] != self.shape:
            n, m = self.shape
            raise InputError(
                f"a matrix of shape {Y.shape} was given to a map of {n} x {m} matrices; give one of that shape"
            )
        return np.asarray(function(Y[None])[0] if Y.ndim == 2 else function(Y))

    def _on_factors(self, function: Any, U: Any, V: Any, W: Any) -> Array:
        U, V, W = (floating(M) for M in (U, V, W))
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


def choi_axes(order: str) -> tuple[int, int, int, int]:
    """The places of the indices (i, k), (j, l) or (k, i), (l, j) among the axes k, l, i, j of E(E_ij)[k, l]."""
    if order not in ("input-output", "output-input"):
        raise InputError(f'order={order!r}; choose "input-output" (blocks E(E_ij)) or "output-input"')
    return (2, 0, 3, 1) if order == "input-output" else (0, 2, 1, 3)


def floating(matrix: Any) -> Array:
    """An array of float64 or complex128.

    Raises
    ------
    InputError
        If the entries are no numbers.
    """
    M: Array = np.asarray(matrix)
    if M.dtype in (np.float64, np.complex128):
        return M
    if M.dtype.kind not in "biufc":
        raise InputError(f"a matrix has entries of type {M.dtype}; give real or complex numbers")
    return np.asarray(M, dtype=np.complex128 if M.dtype.kind == "c" else np.float64)

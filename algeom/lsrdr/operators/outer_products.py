"""Matrices of rank one u_j v_j^*, never written out, and the superoperator of vectors v_j v_j^*."""

from __future__ import annotations

from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import MatrixFamily
from algeom.lsrdr.operators.superoperators import KrausSuperoperator
from algeom.lsrdr.operators.tuples import Array, checked_entries
from algeom.runtime.memory import require

__all__ = ["OuterProductSuperoperator", "OuterProducts"]

#: Products of vectors with all matrices of a batch that full applications hold at once, in numbers: 32 MB.
_AT_ONCE = 1 << 22


class OuterProducts(MatrixFamily):
    """A_j = u_j v_j^* for vectors u_j, v_j of length n: one matrix for each point of a data set, for u = v.

    Parameters
    ----------
    left : array_like, shape (r, n)
        u_1, ..., u_r as rows.
    right : array_like, shape (r, n), optional
        v_1, ..., v_r; the same as `left` by default.

    Raises
    ------
    InputError
        If there is no vector, the shapes differ, or an entry is no finite number.

    Examples
    --------
    >>> family = OuterProducts([[1.0, 2.0], [0.0, 3.0]])
    >>> family
    2 outer products of vectors
    >>> family.dense()[0]
    array([[1., 2.],
           [2., 4.]])
    """

    def __init__(self, left: Any, right: Any = None) -> None:
        self.left = _vectors(left, "left")
        self.right = self.left if right is None or right is left else _vectors(right, "right")
        if self.left.shape != self.right.shape:
            raise InputError(
                f"left and right have the shapes {self.left.shape} and {self.right.shape}; give as many vectors of the "
                "same length"
            )
        self.r, self.n = self.left.shape
        self.dtype = np.result_type(self.left, self.right)
        self.entries = self.left.size + self.right.size

    @property
    def held_rows(self) -> int:
        """1: products with all matrices hold one row for each."""
        return 1

    def __repr__(self) -> str:
        return f"{self.r} outer product{'s' if self.r > 1 else ''} of vectors"

    def times(self, j: int, M: Array) -> Array:
        """A_j M."""
        return np.outer(self.left[j], self.right[j].conj() @ M)

    def adjoint_times(self, j: int, M: Array) -> Array:
        """A_j^* M."""
        return np.outer(self.right[j], self.left[j].conj() @ M)

    def dense(self) -> Array:
        """All matrices, shape (r, n, n)."""
        require(
            float(self.r) * self.n**2 * self.dtype.itemsize, None, f"{self.r} dense matrices of size {self.n}",
            "keep them as outer products",
        )  # fmt: skip
        return np.asarray(self.left[:, :, None] * self.right.conj()[:, None, :])

    def compress(self, R: Array, S: Array) -> Array:
        """R A_j S for all j."""
        return np.asarray((self.left @ R.swapaxes(1, 2))[:, :, :, None] * (self.right.conj() @ S)[:, :, None, :])

    def contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j M B_j."""
        rows = (self.right.conj() @ M)[:, :, None, :] @ B
        return np.asarray(self.left.T @ rows[:, :, 0])

    def adjoint_contract(self, M: Array, B: Array) -> Array:
        """The sum of A_j^* M B_j."""
        rows = (self.left.conj() @ M)[:, :, None, :] @ B
        return np.asarray(self.right.T @ rows[:, :, 0])

    def fused(self, R: Array, S: Array, Y: Array, Z: Array, signs: Array | None) -> tuple[Array, Array]:
        """Both sums of a step of the iteration, where X_j = (R u_j)(v_j^* S) is never written out."""
        reduced = self.left @ R.swapaxes(1, 2)
        rows = self.right.conj() @ S
        forward = np.sum((self.right.conj() @ Y) * rows.conj(), axis=2, keepdims=True)
        backward = np.sum((self.left.conj() @ Z) * reduced, axis=2, keepdims=True)
        if signs is not None:
            forward, backward = forward * signs[:, None], backward * signs[:, None]
        return self.left.T @ (forward * reduced.conj()), self.right.T @ (backward * rows)

    def combination(self, coefficients: Array) -> Array:
        """The sum of c_j A_j."""
        return np.asarray((self.left.T * coefficients) @ self.right.conj())

    def scaled(self, factor: float) -> OuterProducts:
        """The family of the factor times each matrix."""
        if self.right is not self.left or factor < 0:
            return OuterProducts(self.left * factor, self.right)
        return OuterProducts(self.left * np.sqrt(factor))

    @property
    def largest(self) -> float:
        """The largest absolute value of an entry."""
        return float((np.abs(self.left).max(axis=1) * np.abs(self.right).max(axis=1)).max())


class OuterProductSuperoperator(KrausSuperoperator):
    """E(Y) = sum of (v_j^* Y v_j) v_j v_j^*: Phi of the matrices v_j v_j^* of a data set.

    Low-rank products cost O(r n d), full applications O(r n^2), instead of O(r n^2 d) and O(r n^3).

    Parameters
    ----------
    vectors : array_like, shape (r, n)
        v_1, ..., v_r as rows.

    Raises
    ------
    InputError
        As `OuterProducts`.

    Notes
    -----
    Let g be the Gram matrix of the vectors v_j, and h that of P v_j for an orthogonal projection P. Nonzero eigenvalues
    of Phi(A), Gamma(A; PAP) and Phi(PAP) are those of the r x r matrices with entries |g_ij|^2, g_ij conj(h_ij) and
    |h_ij|^2: expand eigenvectors in v_j v_j^*, v_j (P v_j)^* and P v_j (P v_j)^*. At a fixed point of the iteration
    Im P is spanned by eigenvectors of E(H), the sum of c_j v_j v_j^* with c_j = v_j^* H v_j, where c is the Perron
    eigenvector of (|h_ij|^2). So a reduction of these matrices is a principal component analysis of the vectors, not
    centred, with *weights that it finds itself*: a vector counts as much as the projections of others resemble its
    own. (A derivation of our own.)

    Examples
    --------
    >>> E = OuterProductSuperoperator([[1.0, 0.0], [1.0, 1.0]])
    >>> E([[1.0, 0.0], [0.0, 0.0]])
    array([[2., 1.],
           [1., 1.]])
    """

    def __init__(self, vectors: Any) -> None:
        family = OuterProducts(vectors)
        super().__init__(family)
        self.vectors = family.left

    def multiplications(self, d: int) -> float:
        """Multiplications of `products` for one start of rank d, about."""
        return 6.0 * self.vectors.size * d

    def _apply(self, Y: Array) -> Array:
        # v_j^* Y v_j is (Y v_j, v_j); E is its own adjoint.
        k, n, _ = Y.shape
        r = len(self.vectors)
        total: Array = np.zeros((k, n, n), dtype=np.result_type(self.dtype, Y))
        step = max(1, _AT_ONCE // (k * n))
        for first in range(0, r, step):
            v = self.vectors[first : first + step]
            weights = np.sum((v.conj() @ Y) * v, axis=2)
            total += (v.T * weights[:, None]) @ v.conj()
        return total

    def _adjoint(self, Y: Array) -> Array:
        return self._apply(Y)

    def _dense(self) -> Array:
        v = self.vectors
        pairs = (v[:, :, None] * v.conj()[:, None, :]).reshape(len(v), -1)
        return np.asarray(pairs.T @ pairs.conj())

    def __repr__(self) -> str:
        r, n = self.vectors.shape
        return f"OuterProductSuperoperator({n} x {n} matrices, {r} vectors, {'real' if self.real else 'complex'})"


def _vectors(values: Any, name: str) -> Array:
    try:
        array: Array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise InputError(f"{name} cannot be made an array ({error}); give vectors of one length, (r, n)") from None
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name} has the shape {array.shape}; give at least one vector, as rows of an array (r, n)")
    return np.ascontiguousarray(checked_entries(array, name))

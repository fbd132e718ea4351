"""The spectral radius of a long product of matrices f(a_1) f(a_2) ... f(a_n), and its derivatives.

The product is cyclic: shifting the word does not change its spectral radius. With a dominant eigenvector v and a left
one u of the product, the prefix u^* f(a_1) ... f(a_(i-1)) = p_i^* and the suffix f(a_(i+1)) ... f(a_n) v = s_i give the
derivative of log |mu| in the i-th factor as Re p_i^* df s_i / (p_i^* f(a_i) s_i). Numerator and denominator are
homogeneous in p_i and s_i, so that these may be scaled at every step: nothing overflows or underflows.

The word is cut into as many pieces as make NumPy efficient, and all pieces are multiplied at once, one factor after the
other. Then the products of the pieces give the vectors at their ends, and sweeps through all pieces at once the vectors
in between. For n factors of size d that takes O(n d^3) operations and O(n d) memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.lsrdr.operators.tuples import Array
from algeom.runtime.memory import require

__all__ = ["CyclicWord"]

Int = NDArray[np.int64]

#: Pieces of a word: measured on words of 10^4 and 10^5 letters with matrices of sizes 4 and 8, the time changes by less
#: than a quarter from 512 to 2048 pieces. Short words need fewer, as the ends of pieces are treated one by one.
_PIECES, _PIECES_PER_ROOT = 1024, 3.0

#: Steps between two rescalings. Factors have norm one, so that in the worst case numbers come down to the power of this
#: of what one factor cancels.
_RESCALE = 8


@dataclass(frozen=True, eq=False)
class _Boundaries:
    """Eigenvectors of the whole product at the ends of the pieces."""

    log_radius: float
    right: Array
    left: Array


class CyclicWord:
    """A cyclic word in the letters 0, ..., k - 1, prepared for products of matrices.

    Parameters
    ----------
    letters : ndarray of int64, shape (n,)
        n >= 1.
    k : int
        Number of letters; each occurs.

    Examples
    --------
    >>> word = CyclicWord(np.array([0, 1]), 2)
    >>> f = np.array([[[0.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [8.0, 0.0]]])
    >>> value, gradient = word.log_rate(f)
    >>> round(math.exp(value), 12), gradient[0].tolist()
    (4.0, [[0.0, 0.25], [0.0, 0.0]])
    """

    def __init__(self, letters: Int, k: int) -> None:
        self.n = n = len(letters)
        self.k = k
        self.counts = np.bincount(letters, minlength=k)
        pieces = min(_PIECES, n, math.ceil(_PIECES_PER_ROOT * math.sqrt(n)))
        self.length = -(-n // pieces)
        self.pieces = -(-n // self.length)
        # The last piece is filled up by the letter k, which stands for the identity.
        padded = np.full(self.pieces * self.length, k, dtype=np.int64)
        padded[:n] = letters
        self._columns = np.ascontiguousarray(padded.reshape(self.pieces, self.length).T)
        flat = self._columns.ravel()
        self._order = np.argsort(flat, kind="stable")
        self._bounds = np.searchsorted(flat[self._order], np.arange(k + 1))

    def log_rate(self, f: Array) -> tuple[float, Array]:
        """The logarithm of rho(f(a_1) ... f(a_n))^(1/n) and its gradient by the matrices.

        Parameters
        ----------
        f : ndarray, shape (k, d, d)
            A matrix for each letter, float64 or complex128.

        Returns
        -------
        value : float
            -inf if the product is nilpotent up to underflow.
        gradient : ndarray, shape (k, d, d)
            The differential is Re sum <g_a, df(a)>.

        Raises
        ------
        ResourceError
            If the vectors at all positions do not fit.
        """
        k, d, _ = f.shape
        # Three vectors at each position, and sorted copies of two of them.
        require(5.0 * 16 * self.n * d, None, f"vectors of size {d} at {self.n} positions", "give a shorter corpus")
        norms = np.sqrt((np.abs(f) ** 2).sum(axis=(1, 2)))
        if not norms.all():
            return -math.inf, np.zeros_like(f)
        scaled = np.concatenate([f / norms[:, None, None], np.eye(d, dtype=f.dtype)[None]])
        # Entry by entry, so that all pieces lie side by side.
        by_entry = np.ascontiguousarray(scaled.reshape(k + 1, d * d).T)
        ends = self._boundaries(by_entry, d)
        if ends is None:
            return -math.inf, np.zeros_like(f)
        with np.errstate(
            divide="ignore", invalid="ignore", over="ignore"
        ):  # a vector that underflowed is refused below
            gradient = self._gradient(by_entry, ends) / (self.n * norms[:, None, None])
        if not np.isfinite(gradient).all():
            return -math.inf, np.zeros_like(f)
        value = (ends.log_radius + float(self.counts @ np.log(norms))) / self.n
        return value, gradient if f.dtype.kind == "c" else np.ascontiguousarray(gradient.real)

    def _factors(self, by_entry: Array, step: int) -> Array:
        """The factors at one position of all pieces, shape (d, d, pieces)."""
        d = math.isqrt(len(by_entry))
        return np.asarray(np.take(by_entry, self._columns[step], axis=1).reshape(d, d, self.pieces))

    def _boundaries(self, by_entry: Array, d: int) -> _Boundaries | None:
        """Dominant eigenvectors at the ends of pieces; None for the spectral radius 0."""
        from scipy.linalg import eig

        products = self._factors(by_entry, 0)
        log_scale = 0.0
        for step in range(1, self.length):
            products = np.einsum("ijb,jkb->ikb", products, self._factors(by_entry, step))
            if step % _RESCALE == 0 or step == self.length - 1:
                sizes = np.abs(products).max(axis=(0, 1))
                if not sizes.all():
                    return None
                products = products / sizes
                log_scale += float(np.log(sizes).sum())
        pieces = np.ascontiguousarray(products.transpose(2, 0, 1))
        whole: Array = np.eye(d, dtype=by_entry.dtype)
        for piece in pieces:
            whole = whole @ piece
            size = np.abs(whole).max()
            if size == 0:
                return None
            whole = whole / size
            log_scale += math.log(size)
        values, lefts, rights = eig(whole, left=True, right=True)
        top = int(np.abs(values).argmax())
        if values[top] == 0:
            return None
        right, left = rights[:, top], lefts[:, top].conj()
        if by_entry.dtype.kind == "f" and values[top].imag == 0:
            right, left = right.real, left.real
        ends = np.empty((2, self.pieces, d), dtype=right.dtype)
        for b in range(self.pieces - 1, -1, -1):
            ends[0, b] = right
            right = _unit(pieces[b] @ right)
        for b in range(self.pieces):
            ends[1, b] = left
            left = _unit(left @ pieces[b])
        return _Boundaries(log_scale + math.log(abs(values[top])), ends[0], ends[1])

    def _gradient(self, by_entry: Array, ends: _Boundaries) -> Array:
        """For each letter the sum over its positions of p s^* / (p^* f s)^*, with prefixes p and suffixes s."""
        pieces, d = ends.right.shape
        shape = (self.length, pieces, d)
        suffixes, images, prefixes = (np.empty(shape, dtype=ends.right.dtype) for _ in range(3))
        column: Array = np.ascontiguousarray(ends.right.T)
        for step in range(self.length - 1, -1, -1):
            suffixes[step] = column.T
            column = np.einsum("ijb,jb->ib", self._factors(by_entry, step), column)
            images[step] = column.T
            if step % _RESCALE == 0:
                column = _unit(column)
        row: Array = np.ascontiguousarray(ends.left.T)
        for step in range(self.length):
            prefixes[step] = row.T
            row = np.einsum("ib,ijb->jb", row, self._factors(by_entry, step))
            if step % _RESCALE == 0:
                row = _unit(row)
        prefixes /= (prefixes * images).sum(axis=-1, keepdims=True)
        left, right = (vectors.reshape(-1, d)[self._order].conj() for vectors in (prefixes, suffixes))
        bounds = zip(self._bounds[:-1], self._bounds[1:], strict=True)
        return np.array([left[first:last].T @ right[first:last] for first, last in bounds])


def _unit(columns: Any) -> Array:
    """Vectors along the first axis, scaled to a largest entry of absolute value one."""
    return np.asarray(columns / np.abs(columns).max(axis=0))

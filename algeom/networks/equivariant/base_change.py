"""The real orthogonal base change that makes equivariant maps block diagonal."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import gcd
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import IntArray
from algeom.maps.tape import noun_count
from algeom.networks.equivariant.blocks import Block, coordinates_of, realization
from algeom.networks.equivariant.permutations import Permutation
from algeom.runtime.memory import require

__all__ = ["BaseChange", "CyclicBaseChange", "DenseBaseChange", "Order"]

Array = NDArray[Any]
Float = NDArray[np.float64]

#: How the eigenvalues of a cyclic group are ordered.
Order = Literal["algebraic", "frequency"]


class BaseChange(ABC):
    """An orthogonal matrix Q for which ``Q M Q^T`` is block diagonal for all equivariant M.

    Attributes
    ----------
    n : int
        Size of Q.
    blocks : tuple of Block
        In the order of the new coordinates. A block takes multiplicity times cost of them: one irreducible
        representation after the other.
    """

    def __init__(self, n: int, blocks: Sequence[Block]) -> None:
        self.n = n
        self.blocks = tuple(blocks)

    @abstractmethod
    def apply(self, x: Any) -> Array:
        """``Q x`` for a vector or a matrix with n rows, real or complex."""

    @abstractmethod
    def apply_transpose(self, y: Any) -> Array:
        """``Q^T y`` for a vector or a matrix with n rows, real or complex."""

    def matrix(self) -> Float:
        """The matrix Q, rows the new basis vectors."""
        require(24.0 * self.n**2, None, f"a base change as a matrix of size {self.n}", "use apply and apply_transpose")
        return self.apply(np.eye(self.n))

    @property
    def starts(self) -> tuple[int, ...]:
        """For each block its first coordinate, and n at the end."""
        sizes = [block.multiplicity * block.cost for block in self.blocks]
        return tuple(np.cumsum([0, *sizes]).tolist())

    def coordinates(self, matrix: Array) -> list[Array]:
        """The blocks of the equivariant matrix nearest to an n x n matrix, over their algebras.

        Returns
        -------
        list of ndarray, shapes (delta, d, d)
            See `algeom.networks.equivariant.blocks`.
        """
        changed = self.apply(self.apply(matrix).T).T
        starts = self.starts
        return [
            coordinates_of(changed[starts[b] : starts[b + 1], starts[b] : starts[b + 1]], block.cost, block.algebra)
            for b, block in enumerate(self.blocks)
        ]

    def from_coordinates(self, coordinates: Sequence[Array]) -> Array:
        """The equivariant n x n matrix with these blocks."""
        require(32.0 * self.n**2, None, f"a matrix of size {self.n}", "use the layers of a component instead")
        starts = self.starts
        changed = np.zeros((self.n, self.n), dtype=np.result_type(np.float64, *coordinates))
        for b, (block, part) in enumerate(zip(self.blocks, coordinates, strict=True)):
            changed[starts[b] : starts[b + 1], starts[b] : starts[b + 1]] = realization(part, block.cost)
        return self.apply_transpose(self.apply_transpose(changed).T).T

    @abstractmethod
    def _key(self) -> tuple[Any, ...]:
        """What tells base changes apart."""

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, BaseChange) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n={self.n}, {noun_count(len(self.blocks), 'block')})"

    def _rows(self, x: Any) -> Array:
        array = np.asarray(x)
        if array.ndim == 0 or array.shape[0] != self.n or array.dtype.kind not in "iufcb":
            raise InputError(
                f"the base change takes numbers with {self.n} rows; an array of shape {array.shape} and type "
                f"{array.dtype} was given"
            )
        return array


class DenseBaseChange(BaseChange):
    """A base change given by its matrix.

    Parameters
    ----------
    blocks : sequence of Block
    rows : ndarray of float64, shape (n, n)
        Orthogonal.
    """

    def __init__(self, blocks: Sequence[Block], rows: Float) -> None:
        super().__init__(rows.shape[0], blocks)
        self.rows = rows

    def _key(self) -> tuple[Any, ...]:
        return self.blocks, self.rows.tobytes()

    def apply(self, x: Any) -> Array:
        """``Q x``."""
        return np.asarray(self.rows @ self._rows(x))

    def apply_transpose(self, y: Any) -> Array:
        """``Q^T y``."""
        return np.asarray(self.rows.T @ self._rows(y))


class CyclicBaseChange(BaseChange):
    """The base change for one permutation: a real Fourier transform of every cycle, with equal eigenvalues grouped.

    Parameters
    ----------
    sigma : Permutation
    order : {"algebraic", "frequency"}
        Of the eigenvalues zeta_l^m: by l, then by decreasing m; or by spatial frequency (l - m)/l, from the constant to
        the alternating vectors.

    Notes
    -----
    On a cycle of length L, with positions t = 0, ..., L-1 such that P moves t to t+1, the basis vectors are
    ``1/sqrt(L)``, ``sqrt(2/L) cos(2 pi j t / L)`` and ``sqrt(2/L) sin(2 pi j t / L)`` for 0 < j < L/2, and
    ``(-1)^t / sqrt(L)`` for even L. In the basis of cosine and sine P is the rotation by the angle 2 pi j/L, that is
    R(zeta_l^(l-m)) with j/L = (l-m)/l in lowest terms. So ``Q P Q^T`` consists of identities I_d1, -I_d2, and d_l
    copies of R(zeta_l^(l-m)) for each pair of conjugate eigenvalues, with d_l the number of cycles whose length is
    divisible by l. A matrix commutes with P if each 2 x 2 block of such a pair is of the form
    ``R(z) = [[Re z, -Im z], [Im z, Re z]]`` and all blocks between different eigenvalues vanish.

    Q is applied by fast Fourier transforms and never formed unless asked for.

    References
    ----------
    K. Kohn, A.-L. Sattelberger, V. Shahverdi, Geometry of linear neural networks: equivariance and invariance under
    permutation groups, arXiv:2309.13736. (The vector for j = L/2 is normalized here.)

    Examples
    --------
    >>> from algeom.networks.equivariant.permutations import image_rotation
    >>> change = CyclicBaseChange(image_rotation(3))
    >>> [(block.label, block.multiplicity, block.cost) for block in change.blocks]
    [((1, 1), 3, 1), ((2, 1), 2, 1), ((4, 3), 2, 2)]
    >>> Q = change.matrix()
    >>> bool(np.allclose(Q @ Q.T, np.eye(9), atol=1e-15))
    True
    """

    def __init__(self, sigma: Permutation, order: Order = "algebraic") -> None:
        if order not in ("algebraic", "frequency"):
            raise InputError(f'order={order!r}: expected "algebraic" (by l and m) or "frequency"')
        lengths = np.array([len(cycle) for cycle in sigma.cycles])
        harmonics = {_label(j, int(length)) for length in np.unique(lengths) for j in range(length // 2 + 1)}
        labels = sorted(harmonics, key=_by_frequency if order == "frequency" else _by_index)
        blocks, start_of = [], {}
        start = 0
        for l, m in labels:
            d = int(np.count_nonzero(lengths % l == 0))
            blocks.append(Block((l, m), d, 1 if l <= 2 else 2, 1 if l <= 2 else 2))
            start_of[l, m] = start
            start += d * blocks[-1].cost
        super().__init__(sigma.n, blocks)
        self.permutation = sigma
        self._transforms = [_CycleTransform(sigma, int(length), start_of, lengths) for length in np.unique(lengths)]

    def _key(self) -> tuple[Any, ...]:
        return self.blocks, self.permutation

    def apply(self, x: Any) -> Array:
        """``Q x``, by fast Fourier transforms."""
        array = self._rows(x)
        if np.iscomplexobj(array):
            return np.asarray(self.apply(array.real) + 1j * self.apply(array.imag))
        result = np.empty(array.shape)
        for transform in self._transforms:
            transform.forward(array, result)
        return result

    def apply_transpose(self, y: Any) -> Array:
        """``Q^T y``, by fast Fourier transforms."""
        array = self._rows(y)
        if np.iscomplexobj(array):
            return np.asarray(self.apply_transpose(array.real) + 1j * self.apply_transpose(array.imag))
        result = np.empty(array.shape)
        for transform in self._transforms:
            transform.backward(array, result)
        return result


def _label(j: int, length: int) -> tuple[int, int]:
    """(l, m) with (l - m)/l = j/length in lowest terms."""
    l = length // gcd(j, length)
    return l, l - j // gcd(j, length)


def _by_index(label: tuple[int, int]) -> tuple[int, int]:
    return label[0], -label[1]


def _by_frequency(label: tuple[int, int]) -> float:
    # Different fractions with denominators below 2^26 are different as floats.
    return (label[0] - label[1]) / label[0]


class _CycleTransform:
    """The Fourier transforms of all cycles of one length L."""

    def __init__(
        self, sigma: Permutation, length: int, start_of: dict[tuple[int, int], int], lengths: IntArray
    ) -> None:
        self.length = length
        chosen = np.flatnonzero(lengths == length)
        #: Shape (cycles, L): the coordinates along each cycle.
        self.points = np.array([sigma.cycles[c] for c in chosen], dtype=np.int64)
        # Copies of an eigenvalue are numbered by the cycles that have it.
        self.places = np.empty((chosen.size, length // 2 + 1), dtype=np.int64)
        for j in range(length // 2 + 1):
            l, m = _label(j, length)
            copies = np.cumsum(lengths % l == 0) - 1
            self.places[:, j] = start_of[l, m] + copies[chosen] * (1 if l <= 2 else 2)
        self.pairs = slice(1, (length + 1) // 2)
        self.scale = np.sqrt(length)

    def forward(self, array: Array, result: Float) -> None:
        waves = np.fft.rfft(array[self.points], axis=1) / self.scale
        result[self.places[:, 0]] = waves[:, 0].real
        if self.length % 2 == 0:
            result[self.places[:, -1]] = waves[:, -1].real
        pairs = self.places[:, self.pairs]
        result[pairs] = np.sqrt(2.0) * waves[:, self.pairs].real
        result[pairs + 1] = -np.sqrt(2.0) * waves[:, self.pairs].imag

    def backward(self, array: Array, result: Float) -> None:
        waves = np.zeros((*self.places.shape, *array.shape[1:]), dtype=np.complex128)
        waves[:, 0] = array[self.places[:, 0]]
        if self.length % 2 == 0:
            waves[:, -1] = array[self.places[:, -1]]
        pairs = self.places[:, self.pairs]
        waves[:, self.pairs] = (array[pairs] - 1j * array[pairs + 1]) / np.sqrt(2.0)
        result[self.points] = np.fft.irfft(waves, n=self.length, axis=1) * self.scale

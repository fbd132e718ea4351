"""Blocks of equivariant maps: matrices over the real and complex numbers and the quaternions, as real matrices.

In adapted coordinates an equivariant map is block diagonal, with a block for each irreducible representation V that
occurs. If V has the real dimension D and occurs d times, the block consists of d x d matrices of size D x D, each in
the algebra K of endomorphisms of V: R, C or H, of real dimension delta = 1, 2 or 4. So it is a d x d matrix over K,
held here by its *coordinates*, an array of shape (delta, d, d) that has first the real parts, then those of i, j, k.
In the basis of V that is used, multiplication by a unit of K is a signed permutation matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.networks.linear.determinantal import determinantal_degree

__all__ = [
    "Block",
    "Field",
    "blocks_over",
    "complex_matrix",
    "coordinates_of",
    "from_complex_matrix",
    "joined",
    "product",
    "realization",
    "split",
    "units",
]

#: The field that equivariant maps are considered over.
Field = Literal["real", "complex"]

Array = NDArray[Any]

_NAMES = {1: "real", 2: "complex", 4: "quaternionic"}

# Products of 1, i, j, k: _QUATERNIONS[a][b] = (sign, c) for e_a e_b = sign * e_c. Those of R and C are the first ones.
_QUATERNIONS = (
    ((1, 0), (1, 1), (1, 2), (1, 3)),
    ((1, 1), (-1, 0), (1, 3), (-1, 2)),
    ((1, 2), (-1, 3), (-1, 0), (1, 1)),
    ((1, 3), (1, 2), (-1, 1), (-1, 0)),
)


@dataclass(frozen=True)
class Block:
    """An isotypic block of the algebra of equivariant maps: all d x d matrices over an algebra K.

    Attributes
    ----------
    label : tuple of int
        For a cyclic group (l, m): the eigenvalue zeta_l^m of the generator, over the real numbers together with its
        conjugate, and then l/2 <= m <= l. Otherwise the number of the irreducible representation.
    multiplicity : int
        d, how often the irreducible representation occurs.
    cost : int
        Its dimension D: by how much a step in the rank over K changes the rank of the n x n matrix.
    algebra : int
        Dimension of K over the ground field. Over the real numbers 1, 2 or 4 (real, complex or quaternionic type); over
        the complex numbers always 1.
    """

    label: tuple[int, ...]
    multiplicity: int
    cost: int
    algebra: int

    @property
    def type(self) -> str:
        """The name of K: "real", "complex" or "quaternionic"; over the complex numbers "real" means K = C."""
        return _NAMES[self.algebra]

    @property
    def dimension(self) -> int:
        """Dimension of the space of all matrices of the block."""
        return self.algebra * self.multiplicity**2

    def rank_dimension(self, r: int) -> int:
        """Dimension of the variety of matrices of rank at most r over K."""
        return self.algebra * r * (2 * self.multiplicity - r)

    def rank_degree(self, r: int) -> int:
        """Degree of the Zariski closure of the matrices of rank at most r over K.

        Over the complex numbers M_d(C) becomes M_d x M_d, so that ranks give a product of two varieties, and M_d(H)
        becomes M_2d, with twice the rank.
        """
        d = self.multiplicity
        if self.algebra == 4:
            return determinantal_degree(2 * d, 2 * d, 2 * r)
        return int(determinantal_degree(d, d, r) ** self.algebra)

    def rank_ed_degree(self, r: int) -> int:
        """ED degree of the matrices of rank at most r over K: the choices of r singular values out of d."""
        return comb(self.multiplicity, r)

    def n_parameters(self, r: int) -> int:
        """Number of parameters of the product of a d x r and an r x d matrix over K."""
        return 2 * self.algebra * self.multiplicity * r


def blocks_over(field: Field, blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The blocks over a field, given those over the real numbers.

    A real block of complex type becomes two over the complex numbers, one of quaternionic type one of twice the size.

    Raises
    ------
    InputError
        If the field is neither "real" nor "complex".

    Examples
    --------
    >>> blocks_over("complex", [Block((4, 3), 2, 2, 2)])
    (Block(label=(4, 3), multiplicity=2, cost=1, algebra=1), Block(label=(4, 1), multiplicity=2, cost=1, algebra=1))
    """
    if field not in ("real", "complex"):
        raise InputError(f'field={field!r}: expected "real" or "complex"')
    if field == "real":
        return tuple(blocks)
    result = []
    for block in blocks:
        if block.algebra == 1:
            result.append(block)
        elif block.algebra == 2:
            half = block.cost // 2
            result += [Block(label, block.multiplicity, half, 1) for label in (block.label, _conjugate(block.label))]
        else:
            result.append(Block(block.label, 2 * block.multiplicity, block.cost // 2, 1))
    return tuple(result)


def _conjugate(label: tuple[int, ...]) -> tuple[int, ...]:
    """The label of the conjugate representation: zeta_l^(l-m); otherwise the number with another sign."""
    return (label[0], label[0] - label[1]) if len(label) == 2 else (-label[0],)


def units(algebra: int) -> NDArray[np.int64]:
    """Left multiplication by 1, i, j, k on K in this basis: an array of shape (delta, delta, delta).

    Examples
    --------
    >>> units(2)[1]
    array([[ 0, -1],
           [ 1,  0]])
    """
    result = np.zeros((algebra,) * 3, dtype=np.int64)
    for a in range(algebra):
        for b in range(algebra):
            sign, c = _QUATERNIONS[a][b]
            result[a, c, b] = sign
    return result


def product(left: Any, right: Any) -> list[Any]:
    """The coordinates of a product of two matrices over K; traced arrays will do.

    Examples
    --------
    The product of i and j is k.

    >>> i, j = np.eye(4)[:, [1]][..., None], np.eye(4)[:, [2]][..., None]
    >>> np.array(product(i, j)).ravel()
    array([0., 0., 0., 1.])
    """
    algebra = len(left)
    result: list[Any] = [None] * algebra
    for a in range(algebra):
        for b in range(algebra):
            sign, c = _QUATERNIONS[a][b]
            term = left[a] @ right[b]
            if result[c] is None:
                result[c] = term if sign > 0 else -term
            else:
                result[c] = result[c] + term if sign > 0 else result[c] - term
    return result


def realization(coordinates: Array, cost: int) -> Array:
    """The real matrix of a matrix over K on copies of an irreducible representation.

    Parameters
    ----------
    coordinates : ndarray, shape (delta, a, b)
    cost : int
        D, a multiple of delta.

    Returns
    -------
    ndarray, shape (a D, b D)
        Each entry of K a D x D matrix. For signed indices in place of numbers the pattern of shared weights.

    Examples
    --------
    >>> realization(np.array([[[1.0]], [[2.0]]]), 2)
    array([[ 1., -2.],
           [ 2.,  1.]])
    """
    algebra, rows, columns = coordinates.shape
    inner = np.kron(np.eye(cost // algebra, dtype=np.int64)[None], units(algebra))
    return np.asarray(np.einsum("cab,cij->aibj", coordinates, inner).reshape(rows * cost, columns * cost))


def coordinates_of(matrix: Array, cost: int, algebra: int) -> Array:
    """The coordinates of the matrix over K nearest to a given one: `realization` backwards, after projection.

    Parameters
    ----------
    matrix : ndarray, shape (a D, b D)
    cost, algebra : int
        D and delta.

    Returns
    -------
    ndarray, shape (delta, a, b)
    """
    inner = np.kron(np.eye(cost // algebra, dtype=np.int64)[None], units(algebra))
    parts = matrix.reshape(matrix.shape[0] // cost, cost, matrix.shape[1] // cost, cost)
    return np.asarray(np.einsum("aibj,cij->cab", parts, inner) / cost)


def complex_matrix(coordinates: Array) -> Array:
    """A matrix over K as a real or complex one of the same rank and singular values, for quaternions doubled.

    A quaternionic matrix alpha + beta j becomes [[alpha, beta], [-conj beta, conj alpha]].

    Parameters
    ----------
    coordinates : ndarray, shape (delta, a, b)

    Returns
    -------
    ndarray, shape (a, b), for quaternions (2a, 2b)
    """
    if len(coordinates) == 1:
        return np.asarray(coordinates[0])
    if len(coordinates) == 2:
        return np.asarray(coordinates[0] + 1j * coordinates[1])
    a, b, c, d = coordinates
    return np.block([[a + 1j * b, c + 1j * d], [-c + 1j * d, a - 1j * b]])


def from_complex_matrix(matrix: Array, algebra: int) -> Array:
    """The real coordinates of the matrix over K nearest to one in complex form: `complex_matrix` backwards.

    Examples
    --------
    >>> from_complex_matrix(complex_matrix(np.arange(4.0).reshape(4, 1, 1)), 4).ravel()
    array([0., 1., 2., 3.])
    """
    if algebra == 1:
        return np.asarray(matrix.real[None])
    if algebra == 2:
        return np.stack([matrix.real, matrix.imag])
    return np.asarray(_quaternion_coordinates(matrix).real)


def _quaternion_coordinates(matrix: Array) -> Array:
    rows, columns = matrix.shape[0] // 2, matrix.shape[1] // 2
    first, second = matrix[:rows, :columns], matrix[:rows, columns:]
    third, fourth = matrix[rows:, :columns], matrix[rows:, columns:]
    return np.stack([(first + fourth) / 2, (first - fourth) / 2j, (second - third) / 2, (second + third) / 2j])


def split(coordinates: Array) -> list[Array]:
    """The matrices over C that complex coordinates of a block stand for: the isomorphism of K (x) C with them.

    Two for the complex type, those of the eigenvalues (l, m) and (l, l-m); one for the others.
    """
    if len(coordinates) == 2:
        return [coordinates[0] - 1j * coordinates[1], coordinates[0] + 1j * coordinates[1]]
    return [complex_matrix(coordinates)]


def joined(matrices: Sequence[Array], algebra: int) -> Array:
    """The complex coordinates of a block from its matrices over C: `split` backwards.

    Examples
    --------
    >>> joined([np.array([[1 - 2j]]), np.array([[1 + 2j]])], 2).ravel()
    array([1.+0.j, 2.+0.j])
    """
    if algebra == 1:
        return np.asarray(matrices[0][None])
    if algebra == 2:
        return np.stack([(matrices[0] + matrices[1]) / 2, (matrices[1] - matrices[0]) / 2j])
    return _quaternion_coordinates(matrices[0])

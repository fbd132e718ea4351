"""The multidegrees of a graded polynomial ring, degree by degree, and the monomials of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import monomials as kernels

IntArray = NDArray[np.int64]


def _unique_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct rows in lexicographic order, and the index of each given row among them."""
    if rows.shape[1] == 0:
        return rows[:1], np.zeros(len(rows), np.int64)
    low = rows.min(axis=0)
    spans = rows.max(axis=0) - low + 1
    if float(np.prod(spans.astype(float))) < 2.0**62:
        radix = np.ones(len(spans), np.int64)
        radix[:-1] = np.cumprod(spans[:0:-1])[::-1]
        keys, first, inverse = np.unique((rows - low) @ radix, return_index=True, return_inverse=True)
        del keys
    else:
        _, first, inverse = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    return rows[first], inverse.astype(np.int64).reshape(-1)


def find_rows(table: IntArray, rows: IntArray) -> IntArray | None:
    """Position of each of `rows` among the distinct, sorted rows of `table`, or None if one is not there."""
    both, inverse = _unique_rows(np.concatenate([table, rows]))
    return inverse[len(table) :] if len(both) == len(table) else None


@dataclass(frozen=True, eq=False)
class Multidegrees:
    """All multidegrees of degree at most `degree` of a ring graded by integer weights.

    Parameters
    ----------
    weights : int64 array, shape (r, m)
        One weight vector a row; the total degree is a grading always and need not be among the rows.
    degree : int

    Attributes
    ----------
    offsets : int64 array, shape (degree + 2,)
        Nodes ``offsets[k] .. offsets[k+1]-1`` are the multidegrees of degree k, in lexicographic order.
    vectors : int64 array, shape (nodes, r)
        The multidegree of each node.
    divide : int64 array, shape (nodes, m)
        Node of the quotient by each variable, or -1.
    counts : int64 array, shape (nodes,)
        Number of monomials of each node.

    Examples
    --------
    >>> table = Multidegrees(np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), 2)
    >>> table.vectors[table.nodes(2)].tolist(), table.counts[table.nodes(2)].tolist()
    ([[0, 2], [1, 1], [2, 0]], [3, 4, 3])
    """

    weights: IntArray
    degree: int
    offsets: IntArray = field(init=False)
    vectors: IntArray = field(init=False)
    divide: IntArray = field(init=False)
    counts: IntArray = field(init=False)

    def __post_init__(self) -> None:
        weights = np.ascontiguousarray(self.weights, dtype=np.int64)
        rank, m = weights.shape
        levels = [np.zeros((1, rank), np.int64)]
        links: list[IntArray] = [np.full((1, m), -1, np.int64)]
        start = 0
        for _ in range(self.degree):
            below = levels[-1]
            products = (below[:, None, :] + weights.T[None, :, :]).reshape(len(below) * m, rank)
            here, target = _unique_rows(products)
            link = np.full((len(here), m), -1, np.int64)
            sources = np.repeat(np.arange(start, start + len(below)), m)
            link[target, np.tile(np.arange(m), len(below))] = sources
            start += len(below)
            levels.append(here)
            links.append(link)
        sizes = [len(level) for level in levels]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        divide = np.concatenate(links)
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "offsets", offsets)
        object.__setattr__(self, "vectors", np.concatenate(levels))
        object.__setattr__(self, "divide", divide)
        object.__setattr__(self, "counts", kernels.count_monomials(divide, offsets))

    @cached_property
    def _largest(self) -> IntArray:
        degree_of = np.repeat(np.arange(self.degree + 1), np.diff(self.offsets))
        return kernels.largest_first_index(self.divide, degree_of, self.weights.shape[1])

    def nodes(self, degree: int) -> IntArray:
        """Node numbers of one degree."""
        return np.arange(self.offsets[degree], self.offsets[degree + 1])

    def degree_of(self, node: int) -> int:
        """Degree of a node."""
        return int(np.searchsorted(self.offsets, node, side="right")) - 1

    def monomials(self, node: int) -> IntArray:
        """Monomials of a node as nondecreasing index sequences, shape (N, d), listed without those of other nodes."""
        degree = self.degree_of(node)
        return kernels.list_monomials(node, degree, int(self.counts[node]), self.divide, self._largest)

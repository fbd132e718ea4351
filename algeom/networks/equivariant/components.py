"""The irreducible components of the equivariant maps of bounded rank, as a lazy sequence with exact counts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, overload

from algeom.errors import InputError, ResourceError
from algeom.maps.relabelling import check_integer
from algeom.networks.equivariant.base_change import BaseChange
from algeom.networks.equivariant.blocks import Block, Field, blocks_over
from algeom.networks.equivariant.component import EquivariantComponent, checked_ranks

__all__ = ["EquivariantComponents", "RankVectors", "components_below"]


class RankVectors:
    """All vectors (r_1, ..., r_k) with low_b <= r_b <= high_b and c_1 r_1 + ... + c_k r_k = r, in a fixed order.

    They are never listed: the number of vectors of each tail of the blocks is the coefficient of x^r in
    ``prod_b (x^(c_b low_b) + ... + x^(c_b high_b))``, and a vector is found from its number, or the number from the
    vector, by walking through these coefficients. The order is lexicographic with large entries first.

    Parameters
    ----------
    costs, low, high : sequence of int
    rank : int

    Examples
    --------
    >>> vectors = RankVectors([1, 1, 2], [0, 0, 0], [3, 2, 2], 3)
    >>> [vectors[k] for k in range(vectors.count)]
    [(3, 0, 0), (2, 1, 0), (1, 2, 0), (1, 0, 1), (0, 1, 1)]
    >>> vectors.position((1, 0, 1))
    3
    """

    def __init__(self, costs: Sequence[int], low: Sequence[int], high: Sequence[int], rank: int) -> None:
        self.costs, self.low, self.high, self.rank = tuple(costs), tuple(low), tuple(high), rank
        tails = [[1] + [0] * rank]
        for cost, least, most in zip(self.costs[::-1], self.low[::-1], self.high[::-1], strict=True):
            tails.append(_times_geometric(tails[-1], cost, least, most))
        #: _tails[b][s]: the number of vectors (r_b, ..., r_k) of cost s.
        self._tails = tails[::-1]

    @property
    def count(self) -> int:
        """How many there are."""
        return self._tails[0][self.rank]

    def __getitem__(self, position: int) -> tuple[int, ...]:
        """The vector of this number, from 0 to count - 1."""
        vector, room = [], self.rank
        for b, cost in enumerate(self.costs):
            for r in range(min(self.high[b], room // cost), self.low[b] - 1, -1):
                following = self._tails[b + 1][room - cost * r]
                if position < following:
                    vector.append(r)
                    room -= cost * r
                    break
                position -= following
        return tuple(vector)

    def position(self, vector: Sequence[int]) -> int:
        """The number of a vector; -1 if it is none of these."""
        if len(vector) != len(self.costs):
            return -1
        position, room = 0, self.rank
        for b, (cost, r) in enumerate(zip(self.costs, vector, strict=True)):
            if not self.low[b] <= r <= self.high[b] or cost * r > room:
                return -1
            larger = range(r + 1, min(self.high[b], room // cost) + 1)
            position += sum(self._tails[b + 1][room - cost * other] for other in larger)
            room -= cost * r
        return position if room == 0 else -1


def _times_geometric(series: list[int], cost: int, least: int, most: int) -> list[int]:
    """``series * (x^(cost least) + ... + x^(cost most))``, up to the same degree, by differences of partial sums."""
    size = len(series)
    sums = [0] * size
    for residue in range(min(cost, size)):
        sums[residue::cost] = accumulate(series[residue::cost])
    begin, end = cost * least, cost * (most + 1)
    shifted = [sums[s - begin] if s >= begin else 0 for s in range(size)]
    return [value - (sums[s - end] if s >= end else 0) for s, value in enumerate(shifted)]


class EquivariantComponents(Sequence[EquivariantComponent]):
    """The irreducible components with matrices of rank exactly r, as a sequence that is never listed.

    Get it from ``equivariant_maps(...).components(r)``. Indexing computes one component from its number, slices are
    lazy, ``in`` and `index` are computed from the ranks. For 2^63 components or more ``len`` raises ResourceError, as
    Python has no such lengths: use `size`.

    Notes
    -----
    Over the complex numbers components are the solutions of ``sum r_(l,m) = r`` with ``0 <= r_(l,m) <= d_l``; over the
    real ones a pair of conjugate eigenvalues has one r_(l,m), which counts twice. For other groups every r counts as
    much as the dimension of the irreducible representation. Their number is the coefficient of x^r in
    ``prod_b (1 + x^c_b + ... + x^(c_b d_b))``.

    Over the real numbers the matrices of rank at most r can have further components, all of whose matrices have smaller
    rank; see `components_below`.

    References
    ----------
    K. Kohn, A.-L. Sattelberger, V. Shahverdi, Geometry of linear neural networks: equivariance and invariance under
    permutation groups, arXiv:2309.13736.

    Examples
    --------
    Cyclic horizontal translation of 28 x 28 images.

    >>> from algeom.networks.equivariant.equivariant_maps import equivariant_maps
    >>> from algeom.networks.equivariant.permutations import image_translation
    >>> components = equivariant_maps(image_translation(28)).components(99)
    >>> components
    EquivariantComponents(72,425,986,088,826 real components of rank 99; 15 blocks)
    >>> components.index(components[10**13])
    10000000000000
    >>> components[5:10**12:7].size
    142857142857
    """

    def __init__(
        self, base_change: BaseChange, field: Field, vectors: RankVectors, positions: range | None = None
    ) -> None:
        self._base_change, self._field, self._vectors = base_change, field, vectors
        self._positions = range(vectors.count) if positions is None else positions

    @property
    def field(self) -> Field:
        """Whether they are real or complex."""
        return self._field

    @property
    def rank(self) -> int:
        """The rank r of the general matrix of every component."""
        return self._vectors.rank

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks that the ranks belong to."""
        return blocks_over(self._field, self._base_change.blocks)

    @property
    def size(self) -> int:
        """How many components there are, as an integer of any size."""
        positions = self._positions
        return max(0, -(-(positions.stop - positions.start) // positions.step))

    def __len__(self) -> int:
        if self.size > sys.maxsize:
            raise ResourceError(
                f"there are {self.size} components, more than len() can say: ask for size, or take a slice"
            )
        return self.size

    def __bool__(self) -> bool:
        return self.size > 0

    @overload
    def __getitem__(self, index: int) -> EquivariantComponent: ...
    @overload
    def __getitem__(self, index: slice) -> EquivariantComponents: ...
    def __getitem__(self, index: int | slice) -> EquivariantComponent | EquivariantComponents:
        """One component by its number, or a lazy subsequence."""
        if isinstance(index, slice):
            _check_slice(index)
            return EquivariantComponents(self._base_change, self._field, self._vectors, self._positions[index])
        try:
            position = self._positions[index]
        except IndexError:
            raise IndexError(f"there are {self.size} components; the index {index} is out of range") from None
        except TypeError:
            raise InputError(f"components are numbered by integers; {index!r} was given") from None
        return EquivariantComponent(self._base_change, self._field, self._vectors[position])

    def __iter__(self) -> Iterator[EquivariantComponent]:
        for position in self._positions:
            yield EquivariantComponent(self._base_change, self._field, self._vectors[position])

    def _position(self, item: Any) -> int:
        """The number of a component among all of this rank, or -1."""
        if isinstance(item, EquivariantComponent):
            if item.field != self._field or item.base_change != self._base_change:
                return -1
            return self._vectors.position(item.ranks)
        if isinstance(item, (Mapping, tuple, list)):
            try:
                return self._vectors.position(checked_ranks(self.blocks, item))
            except InputError:
                return -1
        return -1

    def __contains__(self, item: object) -> bool:
        """Whether a component, or ranks for all blocks, is one of these."""
        return self._position(item) in self._positions

    def count(self, value: Any) -> int:
        """How often a component occurs: once or not at all."""
        return int(value in self)

    def __reversed__(self) -> Iterator[EquivariantComponent]:
        return iter(self[::-1])

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """The number of a component, given as such or by its ranks.

        Raises
        ------
        ValueError
            If it is none of these, as for every sequence.
        """
        position = self._position(value)
        if position in self._positions:
            found = (position - self._positions.start) // self._positions.step
            if start <= found and (stop is None or found < stop):
                return found
        raise ValueError(f"{value!r} is none of these components")

    def __repr__(self) -> str:
        return (
            f"EquivariantComponents({self.size:,} {self._field} components of rank {self.rank}; "
            f"{len(self.blocks)} blocks)"
        )


def _check_slice(part: slice) -> None:
    for name, value in (("start", part.start), ("stop", part.stop), ("step", part.step)):
        if value is not None and not hasattr(value, "__index__"):
            raise InputError(f"the {name} of the slice is {value!r}; components are numbered by integers")
    if part.step == 0:
        raise InputError("the step of the slice is 0; give another integer")


def components_of_rank(base_change: BaseChange, rank: Any, field: Field) -> EquivariantComponents:
    """The components with matrices of rank exactly `rank`."""
    r = check_integer("rank", rank, 0, base_change.n, "the size of the matrices")
    blocks = blocks_over(field, base_change.blocks)
    vectors = RankVectors([b.cost for b in blocks], [0] * len(blocks), [b.multiplicity for b in blocks], r)
    return EquivariantComponents(base_change, field, vectors)


def components_below(base_change: BaseChange, rank: Any, field: Field = "real") -> tuple[EquivariantComponents, ...]:
    """The irreducible components of the matrices of rank at most r that contain no matrix of rank r.

    Parameters
    ----------
    base_change : BaseChange
    rank : int
        r, from 0 to n.
    field : {"real", "complex"}

    Returns
    -------
    tuple of EquivariantComponents
        One sequence for each rank s < r where there are any, the largest s first. None over the complex numbers for
        abelian groups.

    Notes
    -----
    Ranks (r_b) of total cost s < r make up a component if none can be increased within the rank r: every block whose
    cost is at most r - s is full. For a cyclic group over the real numbers s can only be r - 1, with full rank for the
    eigenvalues 1 and -1: the 3-cycle has, besides the matrices that vanish on (1, 1, 1), those of rank one with equal
    entries among its matrices of rank at most 2. (Our own derivation; arXiv:2309.13736 counts the components that
    contain matrices of rank r.)

    Examples
    --------
    >>> from algeom.networks.equivariant.base_change import CyclicBaseChange
    >>> from algeom.networks.equivariant.permutations import permutation
    >>> change = CyclicBaseChange(permutation("(123)"))
    >>> [[component.ranks for component in found] for found in components_below(change, 2)]
    [[(1, 0)]]
    """
    r = check_integer("rank", rank, 0, base_change.n, "the size of the matrices")
    blocks = blocks_over(field, base_change.blocks)
    costs, high = [block.cost for block in blocks], [block.multiplicity for block in blocks]
    found = []
    for s in range(r - 1, max(-1, r - max(costs)), -1):
        low = [most if cost <= r - s else 0 for cost, most in zip(costs, high, strict=True)]
        vectors = RankVectors(costs, low, high, s)
        if vectors.count:
            found.append(EquivariantComponents(base_change, field, vectors))
    return tuple(found)

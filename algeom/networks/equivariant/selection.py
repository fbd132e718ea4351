"""Which singular values to keep when they cost different amounts of rank: a knapsack, solved exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Selection", "select"]

Float = NDArray[np.float64]

#: Best and second best value of the singular values kept, each with how many of every cost.
_Best = list[tuple[int, tuple[int, ...]]]


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """The choice of singular values that loses least, with what proves it.

    A singular value s of a block of cost c occurs c times in the matrix: keeping it takes c of the rank, and dropping
    it costs ``c s^2`` of the squared distance.

    Attributes
    ----------
    values : tuple of ndarray
        All singular values, block by block in decreasing order.
    costs : tuple of int
    labels : tuple
        Of the blocks.
    rank : int
        The rank allowed.
    ranks : tuple of int
        How many are kept of each block, the largest ones. Zero singular values are never kept.
    squared_distance : float
        Sum of ``c s^2`` over those dropped.
    lower_bound : float
        No choice has less than this: the linear programming relaxation, which may keep a fraction of one value.
    margin : float
        By how much the second best choice is worse in squared distance; 0 if there are two best ones, infinite if there
        is no other.

    Notes
    -----
    *Proof.* Of the values with the same cost an optimal choice keeps the largest, so that it is given by how many it
    keeps of each cost; dynamic programming over the costs compares all of these numbers, in exact integer arithmetic on
    the squares of the given floating-point numbers. For a single cost greedy choice is optimal. For costs 1 and 2
    (cyclic groups) it is so up to parity: if the value at which the rank is exhausted costs 2 where 1 is left, then an
    optimal choice either gives up that value, or the smallest kept value of cost 1 for it. `verify` repeats the proof
    by an independent branch and bound on the relaxation.
    """

    values: tuple[Float, ...]
    costs: tuple[int, ...]
    labels: tuple[Any, ...]
    rank: int
    ranks: tuple[int, ...]
    squared_distance: float
    lower_bound: float
    margin: float

    @property
    def kept(self) -> tuple[tuple[Any, float], ...]:
        """(label of the block, singular value) of those kept, in decreasing order."""
        return self._listed(kept=True)

    @property
    def dropped(self) -> tuple[tuple[Any, float], ...]:
        """(label of the block, singular value) of those dropped, in decreasing order."""
        return self._listed(kept=False)

    def _listed(self, *, kept: bool) -> tuple[tuple[Any, float], ...]:
        found = [
            (label, float(s))
            for label, block, r in zip(self.labels, self.values, self.ranks, strict=True)
            for s in (block[:r] if kept else block[r:])
        ]
        return tuple(sorted(found, key=lambda entry: -entry[1]))

    def verify(self) -> bool:
        """Whether the choice is feasible, and a search by branch and bound finds no better one (exact arithmetic)."""
        if sum(c * r for c, r in zip(self.costs, self.ranks, strict=True)) > self.rank:
            return False
        squares, _ = _exact_squares(self.values)
        kept = sum(c * sum(block[:r]) for c, block, r in zip(self.costs, squares, self.ranks, strict=True))
        return not _better_exists(_by_cost(squares, self.costs), self.rank, kept)

    @cached_property
    def is_greedy(self) -> bool:
        """Whether it keeps the largest singular values of all, without exception."""
        dropped = self.dropped
        return not dropped or not self.kept or self.kept[-1][1] >= dropped[0][1]

    def __repr__(self) -> str:
        used = sum(c * r for c, r in zip(self.costs, self.ranks, strict=True))
        return (
            f"Selection({len(self.kept)} singular values kept, rank {used} of {self.rank}; {len(self.dropped)} "
            f"dropped, squared distance {self.squared_distance:.6g} >= {self.lower_bound:.6g}, margin "
            f"{self.margin:.2g})"
        )


def select(values: Sequence[Float], costs: Sequence[int], rank: int, labels: Sequence[Any] | None = None) -> Selection:
    """Keep singular values of total cost at most `rank` so that the sum of ``c s^2`` over the others is least.

    Parameters
    ----------
    values : sequence of ndarray
        For each block its singular values in decreasing order, not negative.
    costs : sequence of int
        For each block, at least 1.
    rank : int
        Not negative.
    labels : sequence, optional
        Names of the blocks; their numbers by default.

    Returns
    -------
    Selection

    Examples
    --------
    The largest value costs 2 and the next two cost 1 each; with rank 3 one of these has to go.

    >>> select([np.array([2.0, 1.5]), np.array([3.0])], [1, 2], 3)
    Selection(2 singular values kept, rank 3 of 3; 1 dropped, squared distance 2.25 >= 2.25, margin 1.8)
    """
    squares, scale = _exact_squares(values)
    classes = _by_cost(squares, costs)
    best = _most_kept([(cost, _prefixes(items, cost, rank)) for cost, items in classes.items()], rank)
    most, counts = best[0]
    ranks = [0] * len(values)
    others = [value for value, _ in best[1:]]
    for (cost, items), count in zip(classes.items(), counts, strict=True):
        for _, block in items[:count]:
            ranks[block] += 1
        if 0 < count < len(items):
            others.append(most - cost * (items[count - 1][0] - items[count][0]))
    total = sum(cost * square for cost, items in classes.items() for square, _ in items)
    return Selection(
        values=tuple(np.asarray(block, dtype=np.float64) for block in values),
        costs=tuple(costs),
        labels=tuple(range(len(values)) if labels is None else labels),
        rank=rank,
        ranks=tuple(ranks),
        squared_distance=_as_float(total - most, scale),
        lower_bound=_as_float(total - _relaxation(classes, rank), scale),
        margin=_as_float(most - max(others), scale) if others else math.inf,
    )


#: For each cost, in increasing order, the squares of the positive singular values with their blocks, largest first.
_Classes = dict[int, list[tuple[int, int]]]


def _exact_squares(values: Sequence[Float]) -> tuple[list[list[int]], int]:
    """The squares as integers times a power of two, 2^-scale."""
    ratios = [[float(s).as_integer_ratio() for s in block] for block in values]
    bits = max((q.bit_length() - 1 for block in ratios for _, q in block), default=0)
    return [[(p << (bits - q.bit_length() + 1)) ** 2 for p, q in block] for block in ratios], 2 * bits


def _as_float(value: int, scale: int) -> float:
    return value / (1 << scale)  # Python divides integers of any size with correct rounding


def _by_cost(squares: Sequence[Sequence[int]], costs: Sequence[int]) -> _Classes:
    classes: _Classes = {cost: [] for cost in sorted(costs)}
    for block, (row, cost) in enumerate(zip(squares, costs, strict=True)):
        classes[cost] += [(square, block) for square in row if square]
    for items in classes.values():
        items.sort(key=lambda item: -item[0])
    return classes


def _prefixes(items: Sequence[tuple[int, int]], cost: int, rank: int) -> list[int]:
    """What the largest 0, 1, 2, ... of one cost bring, as far as the rank goes."""
    return [0, *accumulate(cost * square for square, _ in items[: rank // cost])]


def _most_kept(prefixes: Sequence[tuple[int, list[int]]], rank: int) -> _Best:
    """The best and the second best choice of how many to keep of each cost."""
    table: list[_Best] = [[(0, ())]] * (rank + 1)
    for number, (cost, sums) in enumerate(prefixes):
        rooms = [rank] if number == len(prefixes) - 1 else range(rank + 1)
        chosen = []
        for room in rooms:
            most = min(len(sums) - 1, room // cost)
            # Nothing else competes for the rank yet: the more, the better.
            least = 0 if number else max(0, most - 1)
            found = [
                (value + sums[count], (*counts, count))
                for count in range(least, most + 1)
                for value, counts in table[room - count * cost]
            ]
            chosen.append(nlargest(2, found))
        table = chosen
    return table[-1]


def _relaxation(classes: _Classes, rank: int) -> int:
    """The most that can be kept if fractions are allowed: a unit of rank spent on an item brings its square."""
    kept = 0
    items = [(square, cost) for cost, listed in classes.items() for square, _ in listed]
    for square, cost in sorted(items, reverse=True):
        used = min(cost, rank)
        kept += used * square
        rank -= used
        if not rank:
            break
    return kept


def _better_exists(classes: _Classes, rank: int, kept: int) -> bool:
    """Whether some choice keeps more, by branch and bound on the number kept of the greatest cost."""
    if not classes:
        return False
    cost = max(classes)
    cheaper = {c: items for c, items in classes.items() if c < cost}
    for count, value in enumerate(_prefixes(classes[cost], cost, rank)):
        room, missing = rank - count * cost, kept - value
        if missing < 0 or (_relaxation(cheaper, room) > missing and _better_exists(cheaper, room, missing)):
            return True
    return False

"""Telling points apart: an index of complex points that finds those equal to given ones up to a tolerance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex, as_points
from algeom.errors import InputError
from algeom.maps.tape import noun_count
from algeom.runtime.seeds import derive

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Points compared with each other at once: bounds the work on a batch with many copies of few points.
_BLOCK = 1024

#: Pairs whose distance is computed at once: a few megabytes for points of usual dimension.
_PAIRS = 1 << 14

#: Regular end points are accurate to about 1e-16 times their condition number; this admits a condition of 1e8.
TOLERANCE = 1e-8

#: Up to this distance points that differ are worth a second look: N random points in C have about N^2 1e-10 such pairs.
DOUBTFUL = 1e-5

#: Relative rounding error of a key, in units of what it sums up: some hundred terms of 1e-16.
_KEY_ERROR = 1e-13


class PointIndex:
    """Distinct complex points, numbered in the order in which they were added.

    Points x and y are equal if ``|x - y| <= tolerance * max(scale, |x|, |y|)`` in the maximum norm. A new point gets
    the number of the nearest kept one that equals it, or is kept itself; those kept are never equal to each other.

    Parameters
    ----------
    dimension : int
        Number of coordinates m, at least one.
    tolerance : float
        Largest relative distance of equal points.
    doubtful : float
        Points farther apart than this are different. What is between goes to `decide`; without one it is different.
    decide : callable, optional
        Takes the witnesses of a known and of a new point, shape (w,) each; returns whether the points are equal.
    scale : float
        Size below which distances are absolute: relative ones mean nothing near zero.

    Raises
    ------
    InputError
        If an argument is out of range.

    Notes
    -----
    Points are sorted by a random real linear functional, a Lipschitz function: equal points have nearly equal keys,
    and others rarely do. The functional is fixed, so results repeat. Adding B points to N takes about
    O(B log N + B m + N) operations, the last a copy of the sorted keys.

    Examples
    --------
    >>> index = PointIndex(2)
    >>> index.add([[1.0, 2.0, 1.0 + 1e-13], [1j, 0.0, 1j]])
    array([0, 1, 0])
    >>> len(index), index.find([[2.0, 5.0], [0.0, 0.0]])
    (2, array([ 1, -1]))
    """

    def __init__(
        self,
        dimension: int,
        tolerance: float = TOLERANCE,
        *,
        doubtful: float = DOUBTFUL,
        decide: Callable[[Complex, Complex], bool] | None = None,
        scale: float = 1.0,
    ) -> None:
        if dimension < 1:
            raise InputError(f"dimension={dimension}: points have at least one coordinate")
        if not 0 < tolerance <= doubtful < 0.5:
            raise InputError(
                f"tolerance={tolerance}, doubtful={doubtful}: expected 0 < tolerance <= doubtful < 0.5, relative"
            )
        if not 0 < scale < np.inf:
            raise InputError(f"scale={scale}: expected a positive number, the size below which distances are absolute")
        self.tolerance = tolerance
        self.doubtful = doubtful
        self.scale = scale
        self._decide = decide
        # Beyond this distance nothing is looked at.
        self._reach = tolerance if decide is None else doubtful
        functional = derive(0, "point index", dimension).standard_normal(2 * dimension)
        self._functional = functional[:dimension] + 1j * functional[dimension:]
        self._steepness = float(np.abs(self._functional).sum())
        self._points = _Columns(dimension)
        self._witnesses: _Columns | None = None
        self._keys: Float = np.empty(0)
        self._order: Int = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self._points.count

    @property
    def points(self) -> Complex:
        """The distinct points, shape (m, N)."""
        return self._points.columns.copy()

    @property
    def witnesses(self) -> Complex:
        """The witnesses of the distinct points, shape (w, N)."""
        if self._witnesses is None:
            return np.empty((0, 0), dtype=np.complex128)
        # An interrupted call may have left one more.
        return self._witnesses.columns[:, : len(self)].copy()

    def __repr__(self) -> str:
        return f"PointIndex({noun_count(len(self), 'point')} in C^{self._points.height}, tolerance {self.tolerance:g})"

    def add(self, points: Any, witnesses: Any = None) -> Int:
        """Add points; of equal ones only the first is kept.

        Parameters
        ----------
        points : array_like, shape (m, B)
            Points as columns.
        witnesses : array_like, shape (w, B), optional
            What `decide` sees of them; the points themselves by default. The same w every time.

        Returns
        -------
        ndarray of int64, shape (B,)
            For each column the number of the kept point that equals it: a new number, ``len(self)`` or more before the
            call, if there was none.

        Raises
        ------
        InputError
            If an entry is NaN or infinite, or a shape is wrong.
        """
        columns = self._checked(points)
        shown = columns if witnesses is None else np.asarray(witnesses, dtype=np.complex128)
        if self._witnesses is None:
            self._witnesses = _Columns(shown.shape[0])
        if shown.shape != (self._witnesses.height, columns.shape[1]):
            raise InputError(
                f"witnesses has the shape {shown.shape}; expected ({self._witnesses.height}, {columns.shape[1]})"
            )
        found = np.empty(columns.shape[1], dtype=np.int64)
        for low in range(0, columns.shape[1], _BLOCK):
            part = slice(low, low + _BLOCK)
            found[part] = self._add_block(columns[:, part], shown[:, part])
        return found

    def find(self, points: Any, witnesses: Any = None) -> Int:
        """Numbers of the kept points that equal given ones, -1 where there is none; parameters as for `add`."""
        columns = self._checked(points)
        shown = columns if witnesses is None else np.asarray(witnesses, dtype=np.complex128)
        found = np.full(columns.shape[1], -1, dtype=np.int64)
        for low in range(0, columns.shape[1], _BLOCK):
            block = columns[:, low : low + _BLOCK]
            for column, known in _grouped(*self._pairs_with_known(block)).items():
                found[low + column] = self._choose(known, shown[:, low + column])
        return found

    def _checked(self, points: Any) -> Complex:
        columns = as_points("points", points, self._points.height).astype(np.complex128)
        return columns[:, None] if columns.ndim == 1 else columns

    def _add_block(self, columns: Complex, witnesses: Complex) -> Int:
        """Add few points: pairs with known ones and within the block at once, then each column in turn."""
        assert self._witnesses is not None
        gaps, matched, numbers = self._pairs_with_known(columns)
        known = _grouped(gaps, matched, numbers)
        # A column that equals a known point is never kept, so nothing is compared with it.
        open_columns = np.setdiff1d(np.arange(columns.shape[1]), matched[gaps <= self.tolerance])
        earlier = _grouped(*self._pairs_within(columns, open_columns))
        found = np.empty(columns.shape[1], dtype=np.int64)
        fresh: dict[int, int] = {}
        for column in range(columns.shape[1]):
            # Only points kept are compared with, so that being equal does not spread along chains of points.
            candidates = list(known.get(column, ()))
            candidates += [(gap, fresh[j]) for gap, j in earlier.get(column, ()) if j in fresh]
            chosen = self._choose(candidates, witnesses[:, column])
            if chosen < 0:
                chosen = fresh[column] = len(self) + len(fresh)
                self._witnesses.append(witnesses[:, column : column + 1])
            found[column] = chosen
        self._insert(columns[:, list(fresh)])
        return found

    def _choose(self, candidates: list[tuple[float, int]], witness: Complex) -> int:
        """The number of the nearest equal point among candidates, or -1."""
        for gap, number in sorted(candidates):
            if gap <= self.tolerance:
                return number
            if self._decide is not None and self._witnesses is not None:
                known = self._witnesses.columns[:, number].copy()
                if self._decide(known, witness.copy()):
                    return number
        return -1

    def _insert(self, columns: Complex) -> None:
        numbers = np.arange(len(self), len(self) + columns.shape[1])
        keys = self._key(columns)
        ascending = np.argsort(keys, kind="stable")
        places = np.searchsorted(self._keys, keys[ascending])
        self._keys = np.insert(self._keys, places, keys[ascending])
        self._order = np.insert(self._order, places, numbers[ascending])
        self._points.append(columns)

    def _key(self, columns: Complex) -> Float:
        return np.asarray((self._functional @ columns).real)

    def _windows(self, columns: Complex) -> Float:
        """How far from its own key that of a point within reach may lie."""
        # The other point may be larger, but by no more than what is between them.
        size: Float = np.maximum(np.abs(columns).max(axis=0), self.scale)
        return size * ((_KEY_ERROR + self._reach / (1.0 - self._reach)) * self._steepness)

    def _pairs_with_known(self, columns: Complex) -> tuple[Float, Int, Int]:
        """Gaps, columns and numbers of the pairs of a column and a known point within reach."""
        keys, windows = self._key(columns), self._windows(columns)
        low = np.searchsorted(self._keys, keys - windows)
        high = np.searchsorted(self._keys, keys + windows, side="right")
        return self._near(columns, self._points.columns, low, high, self._order)

    def _pairs_within(self, columns: Complex, chosen: Int) -> tuple[Float, Int, Int]:
        """Gaps, columns and earlier columns, those among the chosen ones, of the pairs within reach."""
        keys, windows = self._key(columns), self._windows(columns)
        ascending = chosen[np.argsort(keys[chosen], kind="stable")]
        low = np.searchsorted(keys[ascending], keys - windows)
        high = np.searchsorted(keys[ascending], keys + windows, side="right")
        gaps, later, earlier = self._near(columns, columns, low, high, ascending)
        before = earlier < later
        return gaps[before], later[before], earlier[before]

    def _near(self, columns: Complex, others: Complex, low: Int, high: Int, order: Int) -> tuple[Float, Int, Int]:
        """Pairs within reach of column c and of the others at ``order[low[c] : high[c]]``."""
        parts: list[tuple[Float, Int, Int]] = []
        lengths = high - low
        ends = np.cumsum(lengths)
        total = int(ends[-1]) if ends.size else 0
        for first in range(0, total, _PAIRS):
            flat = np.arange(first, min(first + _PAIRS, total))
            column = np.searchsorted(ends, flat, side="right")
            other = order[low[column] + flat - (ends - lengths)[column]]
            mine, theirs = columns[:, column], others[:, other]
            size = np.maximum(np.abs(mine).max(axis=0), np.abs(theirs).max(axis=0))
            gap = np.abs(mine - theirs).max(axis=0) / np.maximum(size, self.scale)
            near = gap <= self._reach
            parts.append((gap[near], column[near], other[near]))
        if not parts:
            return np.empty(0), np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        gaps, mine_at, theirs_at = zip(*parts, strict=True)
        return np.concatenate(gaps), np.concatenate(mine_at), np.concatenate(theirs_at)


class _Columns:
    """Columns in an array that grows by doubling."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.count = 0
        self._array: Complex = np.empty((height, 16), dtype=np.complex128)

    @property
    def columns(self) -> Complex:
        """The columns so far; a view."""
        return self._array[:, : self.count]

    def append(self, columns: Complex) -> None:
        """Add columns at the end."""
        needed = self.count + columns.shape[1]
        if needed > self._array.shape[1]:
            larger = np.empty((self.height, max(needed, 2 * self._array.shape[1])), dtype=np.complex128)
            larger[:, : self.count] = self.columns
            self._array = larger
        self._array[:, self.count : needed] = columns
        self.count = needed


def _grouped(gaps: Float, columns: Int, others: Int) -> dict[int, list[tuple[float, int]]]:
    """The pairs of each column."""
    result: dict[int, list[tuple[float, int]]] = {}
    for gap, column, other in zip(gaps.tolist(), columns.tolist(), others.tolist(), strict=True):
        result.setdefault(column, []).append((gap, other))
    return result

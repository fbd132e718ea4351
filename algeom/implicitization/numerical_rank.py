"""Ranks and null spaces of matrices in floating point, decided by a gap in the singular values or not at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError
from algeom.implicitization.multidegrees import IntArray

FloatArray = NDArray[np.float64]

#: A rank is accepted if the singular values drop by at least this factor there. Evaluation matrices of the registry's
#: quick problems drop by 1e7 or more at complex points (tests/test_numerical.py).
MIN_GAP = 1e4
#: That drop must be larger than any other by this factor: where singular values decay without end, all are alike.
_MARGIN = 100.0
#: Singular values below the gap must be at most this, relative to the largest: what is larger is no rounding error.
CEILING = 1e-9
#: From this many columns on a triangular factor that bounds the gap from below by `_CLEAR_GAP` replaces the singular
#: values, which cost several times as much.
_LARGE = 256
_CLEAR_GAP = 1e6
_POWER_STEPS = 12


class UndecidedRankError(GenericityError):
    """The singular values do not tell the rank."""


@dataclass(frozen=True)
class RankDecision:
    """A numerical rank and what decided it.

    Attributes
    ----------
    rank : int
    gap : float
        Ratio of the last singular value kept to the first one dropped, or to the level of rounding errors where that
        is larger. A lower bound for large matrices. Infinite for rank zero.
    kept, dropped : float
        These two, relative to the largest singular value: at least, and at most. Infinite and zero where there is none.
    """

    rank: int
    gap: float
    kept: float = math.inf
    dropped: float = 0.0


def _noise(size: int) -> float:
    """Singular values that rounding errors alone make up, relative to the largest, for matrices with `size` rows."""
    return math.sqrt(size) * float(np.finfo(np.float64).eps)


def decide_rank(singular_values: FloatArray, size: int, what: str = "a matrix") -> RankDecision:
    """The rank at the largest gap of the singular values.

    Parameters
    ----------
    singular_values : array, decreasing
    size : int
        Larger dimension of the matrix: rounding errors make up singular values of about ``2.2e-16 sqrt(size)``,
        relative to the largest, and no gap is counted below that level.
    what : str
        Names the matrix in the error message.

    Raises
    ------
    UndecidedRankError
        If no gap is as large as `MIN_GAP` and much larger than all others; it names the two most likely ranks.

    Examples
    --------
    >>> decide_rank(np.array([2.0, 1.0, 1e-15]), 3).rank
    2
    >>> decide_rank(np.array([1.0, 0.5, 1e-4, 1e-5]), 4).rank
    4
    >>> decide_rank(np.array([1.0, 1e-5, 1e-10, 1e-15]), 4, "this matrix")
    Traceback (most recent call last):
    ...
    algeom.implicitization.numerical_rank.UndecidedRankError: the singular values of this matrix do not tell ...
    """
    if len(singular_values) == 0 or singular_values[0] == 0:
        return RankDecision(0, math.inf)
    relative = np.append(singular_values / singular_values[0], 0.0)
    floor = _noise(size)
    gaps = np.maximum(relative[:-1], floor) / np.maximum(relative[1:], floor)
    gaps[relative[1:] > CEILING] = 0.0
    order = np.argsort(-gaps, kind="stable")
    best, other = int(order[0]), order[1:2]
    if gaps[best] < max(MIN_GAP, _MARGIN * gaps[other].max(initial=0.0)):
        likely = " or ".join(
            f"{int(k) + 1} (where they drop from {relative[k]:.0e} to {max(relative[k + 1], floor):.0e} of the largest)"
            for k in order[:2]
            if gaps[k] > 0
        )
        raise UndecidedRankError(
            f"the singular values of {what} do not tell its rank in double precision: most likely {likely}, "
            f"but a drop by {MIN_GAP:.0e} and {_MARGIN:.0f} times any other is required"
        )
    return RankDecision(best + 1, float(gaps[best]), float(relative[best]), float(relative[best + 1]))


@dataclass(frozen=True, eq=False)
class Factorization:
    """Rank and null space of a matrix in floating point.

    Attributes
    ----------
    decision : RankDecision
    pivot_columns, free_columns : int64 arrays
        Increasing. The pivot columns are as independent as pivoting finds them; the others depend on them.
    null_space : float64 array, shape (nullity, rank)
        Row i holds the coefficients at the pivot columns of the null vector that is 1 at free column i.
    """

    decision: RankDecision
    pivot_columns: IntArray
    free_columns: IntArray
    null_space: FloatArray

    @property
    def rank(self) -> int:
        """The rank decided for."""
        return self.decision.rank

    def null_vectors(self) -> FloatArray:
        """The null space as dense rows, shape (nullity, columns)."""
        rows = np.zeros((len(self.free_columns), self.rank + len(self.free_columns)))
        rows[:, self.pivot_columns] = self.null_space
        rows[np.arange(len(rows)), self.free_columns] = 1.0
        return rows


def numerical_rank(matrix: NDArray[Any], what: str = "a matrix") -> RankDecision:
    """Rank of a real or complex matrix, as it is scaled, by its singular values."""
    if 0 in matrix.shape:
        return RankDecision(0, math.inf)
    return decide_rank(np.linalg.svd(matrix, compute_uv=False), max(matrix.shape), what)


def factorize(
    matrix: FloatArray, what: str = "a matrix", *, scale_rows: bool = True, scale_columns: bool = True
) -> Factorization:
    """Rank and null space of a real matrix, by QR with column pivoting and singular values.

    Parameters
    ----------
    matrix : float64 array, shape (rows, columns)
    what : str
        Names the matrix in the error message.
    scale_rows, scale_columns : bool
        Scale them to length one first; null vectors are scaled back. Not for matrices in which some rows or columns
        may consist of rounding errors only.

    Raises
    ------
    UndecidedRankError
        If no gap in the singular values decides the rank.

    Notes
    -----
    With A P = Q [R11 R12; 0 R22]
    and R22 negligible, the null vectors are -R11^-1 R12 at the pivot columns.

    References
    ----------
    G. H. Golub and C. F. Van Loan, Matrix Computations (4th ed., 2013), sections 5.4 and 5.5.

    Examples
    --------
    >>> done = factorize(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]))
    >>> done.rank, bool(abs(done.null_vectors() @ [[1.0], [1.0], [1.0]]).max() < 1e-14)
    (2, True)
    """
    from scipy.linalg import qr, solve_triangular

    n_columns = matrix.shape[1]
    if matrix.shape[0] == 0:
        free = np.arange(n_columns)
        return Factorization(RankDecision(0, math.inf), free[:0], free, np.zeros((n_columns, 0)))
    scaled = matrix / _lengths(matrix, 1)[:, None] if scale_rows else matrix
    lengths = _lengths(scaled, 0) if scale_columns else np.ones(n_columns)
    triangle, order = qr(scaled / lengths, mode="r", pivoting=True, overwrite_a=True, check_finite=False)
    triangle = triangle[:n_columns]
    size = max(matrix.shape)
    decision = _decide_by_triangle(triangle, size) if n_columns >= _LARGE else None
    if decision is None:
        decision = decide_rank(np.linalg.svd(triangle, compute_uv=False), size, what)
    rank = decision.rank
    pivots, free = order[:rank], order[rank:]
    vectors = np.zeros((rank, n_columns - rank))
    if rank < n_columns:
        vectors = -solve_triangular(triangle[:rank, :rank], triangle[:rank, rank:], check_finite=False)
        # Undo the scaling of the columns, with coefficient 1 at the free one.
        vectors *= lengths[free] / lengths[pivots][:, None]
    by_pivot, by_free = np.argsort(pivots), np.argsort(free)
    null_space = np.ascontiguousarray(vectors[by_pivot][:, by_free].T)
    return Factorization(decision, pivots[by_pivot].astype(np.int64), free[by_free].astype(np.int64), null_space)


def _lengths(matrix: FloatArray, axis: int) -> FloatArray:
    """Euclidean lengths of the rows (axis 1) or columns (axis 0), 1 for those of zeros."""
    lengths: FloatArray = np.linalg.norm(matrix, axis=axis)
    return np.where(lengths > 0, lengths, 1.0)


def _decide_by_triangle(triangle: FloatArray, size: int) -> RankDecision | None:
    """A clear rank from a pivoted triangular factor, or None.

    The r-th singular value of R is at least the smallest one of R11, and the next is at most the norm of R22. The
    former is estimated by inverse iteration.
    """
    from scipy.linalg import solve_triangular

    diagonal = np.abs(np.diagonal(triangle))
    if diagonal[0] == 0:
        return None
    # The largest singular value lies between these, so that what is compared with it is on the safe side.
    norm = float(np.linalg.norm(triangle))
    least = max(float(diagonal[0]), norm / math.sqrt(len(diagonal)))
    floor = _noise(size) * least
    steps = np.append(diagonal, 0.0)
    rank = int(np.argmax(steps[:-1] / np.maximum(steps[1:], floor))) + 1
    head = triangle[:rank, :rank]
    vector = np.random.default_rng(0).standard_normal(rank)
    smallest = math.inf
    for step in range(_POWER_STEPS):
        vector = solve_triangular(head, vector / np.linalg.norm(vector), trans=("T", "N")[step % 2], check_finite=False)
        smallest = min(smallest, 1.0 / float(np.linalg.norm(vector)))
    rest = float(np.linalg.norm(triangle[rank:, rank:]))
    dropped = max(rest, floor)
    gap = smallest / dropped
    # Only one drop can be as deep as the ceiling: above it singular values stay above, below it they are small.
    clear = smallest > CEILING * norm and dropped <= CEILING * least and gap >= _MARGIN * dropped / floor
    # Inverse iteration may overestimate the smallest singular value a little; a clear gap leaves room for that.
    return RankDecision(rank, gap, smallest / norm, rest / least) if clear and gap >= _CLEAR_GAP else None

"""Whether the ranks of one computation in floating point agree with each other: one cut-off, and ideals that grow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError
from algeom.implicitization.blocks import BlockResult
from algeom.implicitization.interpolation import Layer
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.numerical_rank import CEILING, MIN_GAP, FloatArray, RankDecision

#: The smallest singular value kept anywhere is at least this many times the largest one dropped anywhere. Quick
#: problems of the registry have 1e8 or more.
_SEPARATION = 1e6
#: What is dropped up to here is rounding errors for certain, and need not be separated more than by `MIN_GAP`.
_ROUNDING = 1e-13
#: Part of a product of a lower equation that may lie outside of the equations of its block. Rounding errors make up
#: 1e-16 over the smallest singular value kept; a dimension that is missing makes up about 1.
_OUTSIDE = 1e-3

_REMEDY = (
    "Constants or coefficients of about that size make the rank ambiguous: round them to zero or to simple fractions "
    'if rounding errors are what they are, or use arithmetic="exact"'
)


class InconsistentRanksError(GenericityError):
    """Ranks that are clear each by itself contradict each other: a small number counted as zero in one only."""


@dataclass
class Cutoff:
    """What was kept and what was dropped, in all matrices of one computation.

    A constant of a map that is small but no rounding error turns up in every matrix, in each as a singular value of
    another size. Results mean something only if all of them count it as zero, or none.

    Attributes
    ----------
    kept : float
        Smallest singular value kept, relative to the largest of its matrix.
    dropped : float
        Largest one dropped, or residual taken for zero.
    kept_in, dropped_in : str
        Where these are from.

    Examples
    --------
    >>> cutoff = Cutoff()
    >>> cutoff.record(RankDecision(2, 1e15, 0.5, 1e-16), "degree 1")
    >>> cutoff.require()
    >>> cutoff.record(RankDecision(3, 1e7, 2e-9, 1e-16), "degree 2")
    >>> cutoff.record(RankDecision(3, 1e9, 1.0, 9e-10), "degree 3")
    >>> cutoff.require()
    Traceback (most recent call last):
    ...
    algeom.implicitization.numerical_consistency.InconsistentRanksError: 9e-10 counts as zero in degree 3, but 2e-09 ...
    """

    kept: float = math.inf
    dropped: float = 0.0
    kept_in: str = ""
    dropped_in: str = ""

    def record(self, decision: RankDecision, where: str) -> None:
        """Take note of a rank."""
        if decision.kept < self.kept:
            self.kept, self.kept_in = decision.kept, where
        self.record_residual(decision.dropped, where)

    def record_residual(self, residual: float, where: str) -> None:
        """Take note of a relative residual that is taken for zero."""
        if residual > self.dropped:
            self.dropped, self.dropped_in = residual, where

    def require(self) -> None:
        """Refuse what was kept and dropped so far unless one cut-off can have separated them.

        Raises
        ------
        InconsistentRanksError
        """
        if self.dropped > CEILING:
            raise InconsistentRanksError(
                f"{self.dropped:.0e} would count as zero in {self.dropped_in}, but rounding errors are taken to be "
                f"{CEILING:.0e} at most, relative to the largest. {_REMEDY}"
            )
        separation = _SEPARATION if self.dropped > _ROUNDING else MIN_GAP
        if self.kept < separation * self.dropped:
            raise InconsistentRanksError(
                f"{self.dropped:.0e} counts as zero in {self.dropped_in}, but {self.kept:.0e} does not in "
                f"{self.kept_in} (both relative to the largest; a factor of {separation:.0e} is required between "
                f"them). {_REMEDY}"
            )


def residual(result: BlockResult, monomials: NDArray[Any]) -> float:
    """Largest residual of the equations of a block, relative to the sizes of their terms, at points of median residual.

    Parameters
    ----------
    result : BlockResult
        With its null space.
    monomials : array, shape (points, size)
        Values of the monomials of the block.
    """
    assert result.null_space is not None
    pivots, free = monomials[:, result.pivot_columns], monomials[:, result.free_columns]
    values = free + pivots @ result.null_space.T
    sizes = np.abs(free) + np.abs(pivots) @ np.abs(result.null_space).T
    return float(np.median(np.abs(values) / np.where(sizes > 0, sizes, 1.0), axis=0).max(initial=0.0))


def require_growth(layer: Layer, below: Layer) -> None:
    """Refuse a degree with fewer equations in a block than in one below it: a variable times those are equations.

    Raises
    ------
    InconsistentRanksError
    """
    for node, result in layer.results.items():
        for rest in layer.table.divide[node]:
            lower = below.results.get(below.orbits.representative_of(int(rest))) if rest >= 0 else None
            if lower is not None and lower.nullity > result.nullity:
                raise InconsistentRanksError(
                    f"degree {layer.degree}, block {node}, has {result.nullity} equations by its rank, but multiples "
                    f"of the {lower.nullity} of a block of degree {layer.degree - 1} are among them. {_REMEDY}"
                )


def require_products(result: BlockResult, products: FloatArray, lengths: FloatArray, where: str) -> None:
    """Refuse a block that does not contain the products of variables and lower equations: its rank is too large.

    Parameters
    ----------
    result : BlockResult
        With its null space.
    products : float64 array, shape (count, size)
        Coefficients of random combinations of these products. With probability one they lie in the null space only
        if all do, and then there are as many equations as products are independent.
    lengths : float64 array, shape (size,)
        Typical sizes of the monomials at points.
    where : str

    Raises
    ------
    InconsistentRanksError
    """
    assert result.null_space is not None
    pivots, free = result.pivot_columns, result.free_columns
    outside = (products[:, pivots] - products[:, free] @ result.null_space) * lengths[pivots]
    part = np.linalg.norm(outside) / max(float(np.linalg.norm(products * lengths)), np.finfo(np.float64).tiny)
    if part > _OUTSIDE:
        raise InconsistentRanksError(
            f"{where} has {result.nullity} equations by its rank, but products of variables and equations of lower "
            f"degree are not among them: a part of {part:.0e} of their coefficients lies outside. {_REMEDY}"
        )


def place(columns: NDArray[np.uint64], among: NDArray[np.uint64]) -> IntArray:
    """Positions of keys among others, which contain them."""
    order = np.argsort(among)
    found: IntArray = order[np.searchsorted(among[order], columns)]
    return found

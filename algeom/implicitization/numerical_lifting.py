"""From null vectors in floating point to equations in the user's coordinates, exact ones where that verifies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from algeom.algebra.polynomial import Polynomial
from algeom.errors import GenericityError
from algeom.evidence import Evidence, Status
from algeom.implicitization.implicitize import exponent_vectors
from algeom.implicitization.interpolation import Layer
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.numerical_points import Coordinates, NumericalPoints, evaluate_monomials, real_rows
from algeom.implicitization.numerical_rank import FloatArray, UndecidedRankError, factorize
from algeom.implicitization.verification import IdentityTest
from algeom.runtime import seeds

if TYPE_CHECKING:
    from algeom.implicitization.numerical import NumericalLayer

#: Entries this small, relative to an orthonormal basis, are no pivots: dividing by them would cost the accuracy.
_SMALLEST_PIVOT = 1e-5
#: Coefficients below this, relative to the largest of an equation on points of size one, are rounding errors.
_NEGLIGIBLE = 1e-9
#: Ratios of coefficients are tried as fractions with denominators up to this, and kept if they agree this well.
_LARGEST_DENOMINATOR = 20_000
_AGREEMENT = 1e-9
_LARGEST_COMMON_DENOMINATOR = 10**12
#: Where no exact equation was verified, coefficients become fractions with denominators up to this.
_LARGEST_SHOWN = 1000
#: An equation counts as new if this part of it, relative to its length, is no combination of lower ones.
_NEW_PART = 1e-6
#: Fresh points at which the residual of an equation is measured.
_RESIDUAL_POINTS = 32
#: Residuals up to the first are left alone; beyond the second there is no equation to give.
_GOOD_RESIDUAL = 1e-13
_LARGEST_RESIDUAL = 1e-6
#: Terms smaller than these parts of the largest are left out to find the coefficients anew, of so many terms at most.
_PARTS = (1e-3, 1e-6, 1e-9)
_LARGEST_REFINED = 200


class NumericalLift:
    """Equations of the blocks of one ideal, in the user's coordinates.

    Parameters
    ----------
    coordinates : Coordinates
        Those of the null vectors.
    names : tuple of str
    test : IdentityTest
        Of the same map.
    """

    def __init__(self, coordinates: Coordinates, names: tuple[str, ...], test: IdentityTest) -> None:
        self.coordinates = coordinates
        self.names = names
        self.test = test
        points = coordinates.points
        fresh = NumericalPoints(points.tape, points.seed, points.arithmetic, "residuals")
        self._checked_at = coordinates.scaled(fresh.values(_RESIDUAL_POINTS)[:, :_RESIDUAL_POINTS])

    def equations(self, layer: NumericalLayer, node: int) -> list[tuple[Polynomial, Evidence]]:
        """Equations that complete the multiples of lower ones in a block, each with how sure it is."""
        result = layer.results[node]
        assert result.null_space is not None
        monomials = layer.monomials(node)
        vectors = np.zeros((result.nullity, result.size))
        vectors[:, result.pivot_columns] = result.null_space
        vectors[np.arange(result.nullity), result.free_columns] = 1.0
        rows, combinations = echelon_form(self._in_scaled_coordinates(monomials, vectors, layer.degree, node))
        rows[np.abs(rows) <= _NEGLIGIBLE * np.abs(rows).max(axis=1, keepdims=True)] = 0.0
        shortest_first = np.argsort(np.count_nonzero(rows, axis=1), kind="stable")
        fresh = layer.fresh.get(node)
        parts = combinations if fresh is None else combinations @ fresh.T
        lengths = np.linalg.norm(combinations, axis=1, keepdims=True)
        chosen = independent_subset((parts / lengths)[shortest_first], len(layer.new[node]))
        return [self._equation(layer, node, rows[k]) for k in shortest_first[chosen]]

    def _in_scaled_coordinates(self, monomials: IntArray, vectors: FloatArray, degree: int, node: int) -> FloatArray:
        """The polynomials with these coefficients in z, as polynomials in y / 2^shift.

        They are interpolated at random points whose coordinates have absolute value one, where distinct monomials are
        orthogonal in the mean.
        """
        from scipy.linalg import solve_triangular

        variables = np.unique(monomials)
        if self.coordinates.is_diagonal_on(variables):
            return vectors
        rng = seeds.derive(self.test.seed, "change of coordinates", degree, node)
        shape = (len(self.names), len(monomials) + 8)
        points = np.exp(2j * math.pi * rng.random(shape))
        matrix = real_rows(evaluate_monomials(monomials, points))
        values = real_rows(evaluate_monomials(monomials, self.coordinates.apply(points)) @ vectors.T)
        orthogonal, triangle = np.linalg.qr(matrix)
        return np.ascontiguousarray(solve_triangular(triangle, orthogonal.T @ values, check_finite=False).T)

    def _equation(self, layer: NumericalLayer, node: int, row: FloatArray) -> tuple[Polynomial, Evidence]:
        """The equation with these coefficients in y / 2^shift, in y: exact, or normalized with its residual.

        Raises
        ------
        GenericityError
            If the residual shows that it is none.
        """
        monomials = layer.monomials(node)
        columns = np.flatnonzero(row)
        best: tuple[float, Polynomial] | None = None
        for support, coefficients in self._candidates(monomials[columns], row[columns]):
            exponents = exponent_vectors(support, len(self.names))
            # Fractions: powers of two that are exact, and not bounded by the range of doubles.
            powers = [Fraction(2) ** int(-k) for k in self.coordinates.shift[support].sum(axis=1)]
            ratios = [Fraction(float(c)) * power for c, power in zip(coefficients, powers, strict=True)]
            integers = common_multiple(ratios)
            if integers is not None:
                exact = Polynomial(exponents, integers, self.names).primitive()
                evidence = self.test.check(exact)
                if evidence is not None:
                    return exact, evidence
            ratios = normalized(ratios)
            scaled = np.array([float(c / power) for c, power in zip(ratios, powers, strict=True)])
            residual = self._residual(support, scaled)
            if best is None or residual < best[0]:
                best = residual, Polynomial(exponents, ratios, self.names)
            if residual <= _GOOD_RESIDUAL:
                break
        assert best is not None
        if best[0] > _LARGEST_RESIDUAL:
            raise GenericityError(
                f"an equation of degree {layer.degree}, block {node}, has relative residual {best[0]:.0e} when written "
                "in the map's coordinates, whose monomials are too close to dependent for double precision. Use "
                'arithmetic="exact", or lift=False for the counts, which were decided'
            )
        reason = f"largest relative residual {best[0]:.0e} at {_RESIDUAL_POINTS} points"
        return best[1], Evidence(Status.NUMERICAL, math.nan, reason)

    def _candidates(self, monomials: IntArray, row: FloatArray) -> Iterator[tuple[IntArray, FloatArray]]:
        """An equation as it is, then with coefficients found anew from its large terms alone.

        Few monomials are better conditioned than a whole block; where exactly one equation is supported on them, its
        coefficients come out more accurate.
        """
        yield monomials, row
        if len(monomials) > _LARGEST_REFINED:
            return
        values = self.coordinates.scaled(self.coordinates.points.values(2 * len(monomials) + 8))
        terms = real_rows(evaluate_monomials(monomials, values))
        lengths = np.linalg.norm(terms / np.linalg.norm(terms, axis=1, keepdims=True), axis=0)
        sizes = np.abs(row) * lengths
        for part in _PARTS:
            support = np.flatnonzero(sizes > part * sizes.max())
            try:
                vectors = factorize(terms[:, support]).null_vectors()
            except UndecidedRankError:
                continue
            if len(vectors) == 1:
                found = np.abs(vectors[0]) * lengths[support]
                kept = found > _NEGLIGIBLE * found.max()
                yield monomials[support[kept]], vectors[0, kept]

    def _residual(self, monomials: IntArray, coefficients: FloatArray) -> float:
        """Largest value of an equation at points of the image, relative to the sum of its terms' absolute values."""
        terms = evaluate_monomials(monomials, self._checked_at) * coefficients
        sizes = np.abs(terms).sum(axis=1)
        return float((np.abs(terms.sum(axis=1)) / np.where(sizes > 0, sizes, 1.0)).max())

    def carried(
        self, layer: Layer, node: int, equations: list[tuple[Polynomial, Evidence]]
    ) -> list[tuple[Polynomial, Evidence]]:
        """The equations of a representative block carried to every block of its orbit."""
        moved = []
        for member in layer.orbits.members(node):
            sigma = layer.orbits.transport(int(member))
            for equation, evidence in equations:
                image = equation.permute(sigma)
                moved.append((image if evidence.status is Status.NUMERICAL else image.primitive(), evidence))
        return moved


def echelon_form(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Reduced echelon form with pivots as far to the right as is safe, and the combinations of rows that give it.

    Over the rationals the pivots of the exact engine's echelon form are the rightmost possible; this one has the same
    wherever no small pivot stands in the way.

    Returns
    -------
    rows : float64 array, shape (k, N)
        1 at their pivots.
    combinations : float64 array, shape (k, k)
        ``rows == combinations @ vectors``.

    Examples
    --------
    >>> rows, combinations = echelon_form(np.array([[2.0, 0.0, 1.0], [0.0, 2.0, 1.0]]))
    >>> np.round(rows, 12).tolist()
    [[2.0, 0.0, 1.0], [-1.0, 1.0, 0.0]]
    """
    count, size = vectors.shape
    orthogonal, triangle = np.linalg.qr(vectors.T)
    work = np.concatenate([orthogonal.T, np.linalg.inv(triangle).T], axis=1)
    waiting = list(range(count))
    for threshold in (_SMALLEST_PIVOT, 0.0):
        for column in range(size - 1, -1, -1):
            if not waiting:
                break
            pivot = max(waiting, key=lambda k: abs(work[k, column]))
            if abs(work[pivot, column]) <= threshold:
                continue
            work[pivot] /= work[pivot, column]
            others = work[:, column].copy()
            others[pivot] = 0.0
            work -= np.outer(others, work[pivot])
            waiting.remove(pivot)
    return work[:, :size], work[:, size:]


def independent_subset(rows: FloatArray, count: int) -> IntArray:
    """The first `count` rows that are independent, as far as they are clearly so; else the most independent ones.

    Examples
    --------
    >>> independent_subset(np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0]]), 2).tolist()
    [0, 2]
    """
    work = rows.copy()
    chosen: list[int] = []
    for k in range(len(work)):
        if len(chosen) == count:
            break
        if np.linalg.norm(work[k]) > _NEW_PART:
            _remove_direction(work, k)
            chosen.append(k)
    while len(chosen) < count:
        work[chosen] = 0.0
        k = int(np.argmax(np.linalg.norm(work, axis=1)))
        _remove_direction(work, k)
        chosen.append(k)
    return np.array(chosen, np.int64)


def _remove_direction(work: FloatArray, k: int) -> None:
    direction = work[k] / np.linalg.norm(work[k])
    work -= np.outer(work @ direction, direction)


def common_multiple(coefficients: list[Fraction]) -> list[int] | None:
    """Integers in the ratios of these coefficients, if those are simple fractions up to rounding errors.

    Examples
    --------
    >>> common_multiple([Fraction(c) for c in (1.0, -0.3333333333333, 0.5)])
    [6, -2, 3]
    """
    sizes = [abs(c) for c in coefficients]
    for reference in (min(sizes), Fraction(1), max(sizes)):
        fractions = [_simple_fraction(c / reference, _LARGEST_DENOMINATOR) for c in coefficients]
        known = [q for q in fractions if q is not None]
        if len(known) == len(fractions):
            denominator = math.lcm(*(q.denominator for q in known))
            if denominator <= _LARGEST_COMMON_DENOMINATOR:
                return [int(q * denominator) for q in known]
    return None


def _simple_fraction(x: Fraction, largest_denominator: int) -> Fraction | None:
    """A fraction that agrees with a rounded number, and is too simple to do so by chance."""
    fraction = x.limit_denominator(largest_denominator)
    return fraction if fraction and abs(fraction - x) <= _AGREEMENT * abs(x) else None


def normalized(coefficients: list[Fraction]) -> list[Fraction]:
    """Coefficients scaled so that the largest is 1, simple fractions where they agree with one, else doubles.

    Examples
    --------
    >>> [str(c) for c in normalized([Fraction(3.0), Fraction(-0.9)])]
    ['1', '-3/10']
    """
    size = max(abs(c) for c in coefficients)
    # The first of those that are equal up to rounding errors.
    largest = next(c for c in coefficients if abs(c) >= (1 - Fraction(_AGREEMENT)) * size)
    scaled = [Fraction(float(c / largest)) for c in coefficients]
    return [_simple_fraction(c, _LARGEST_SHOWN) or c for c in scaled]

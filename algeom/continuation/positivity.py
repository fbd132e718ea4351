"""A polynomial of an ideal that is positive on a region: the proof that a variety and the region are disjoint.

Methods, cheap ones first: constants; real roots on lines; the minimum of a quadratic; sums of squares; subdivision
with Bernstein coefficients, which for unbounded regions runs over the faces of a cube in homogeneous coordinates, so
that it needs the polynomials to have no common zero at infinity either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.bounds import (
    COEFFICIENT_LIMIT,
    Outside,
    exclude_common_zeros,
    quadratic_minimum,
    univariate_minimum,
)
from algeom.continuation.regions import Ball, Chart, HalfSpace, Region, decimal
from algeom.continuation.sums_of_squares import Monomial, find_sum_of_squares

FloatArray = NDArray[np.float64]

#: Variables up to which boxes are subdivided: each more doubles the boxes of one generation.
_SUBDIVIDED_VARIABLES = 8
#: Polynomials that every box is tested with.
_SUBDIVIDED_POLYNOMIALS = 24
#: Random points of a region at which a generator must not change its sign to be tried alone.
_SAMPLES = 200
#: Generators that are tried alone, those first that stay farthest from zero.
_TRIED_ALONE = 3
#: Relative room for the rounding errors of the floating-point tests whether a box is outside a region: those errors
#: are below k^2 2^-52 for k variables, and k is at most `_SUBDIVIDED_VARIABLES`.
_ROOM = 1e-12


@dataclass(frozen=True)
class SeparatingPolynomial:
    """A polynomial of an ideal that is bounded away from zero on a region.

    Attributes
    ----------
    polynomial : Polynomial
        Integer coefficients, positive on the region.
    bound : Fraction
        A positive number that it is at least on the region.
    combination : tuple of pairs of Polynomial
        Pairs (multiplier, generator): `polynomial` is the sum of their products.
    method : str
        How the bound was proved, in words.
    n_boxes : int
        Boxes of a subdivision; 0 for other methods.
    """

    polynomial: Polynomial
    bound: Fraction
    combination: tuple[tuple[Polynomial, Polynomial], ...]
    method: str
    n_boxes: int = 0

    def is_combination(self) -> bool:
        """Expand the combination of the generators and compare, exactly."""
        total = Polynomial.constant(0, self.polynomial.names)
        for multiplier, generator in self.combination:
            total = total + multiplier * generator
        return total == self.polynomial

    def __repr__(self) -> str:
        return f"SeparatingPolynomial({self.polynomial!r} >= {decimal(self.bound)}; {self.method})"


def _integral(
    polynomial: Polynomial,
    bound: Fraction,
    combination: Sequence[tuple[Polynomial, Polynomial]],
    method: str,
    n_boxes: int = 0,
) -> SeparatingPolynomial:
    """Scale by the positive number that makes the coefficients coprime integers."""
    primitive = polynomial.primitive()
    scale = abs(Fraction(primitive.leading_coefficient) / Fraction(polynomial.leading_coefficient))
    scaled = tuple((multiplier * scale, generator) for multiplier, generator in combination if multiplier)
    return SeparatingPolynomial(polynomial * scale, bound * scale, scaled, method, n_boxes)


def _signed(f: Polynomial, sign: int, bound: Fraction, method: str, n_boxes: int = 0) -> SeparatingPolynomial:
    """One generator, or its negative."""
    factor = Polynomial.constant(sign, f.names)
    return _integral(f * sign, bound, [(factor, f)], method, n_boxes)


def _sum_of_squares(
    generators: Sequence[Polynomial], bound: Fraction, method: str, n_boxes: int = 0
) -> SeparatingPolynomial:
    """The sum of the squares of generators."""
    total = Polynomial.constant(0, generators[0].names)
    for f in generators:
        total = total + f * f
    return _integral(total, bound, [(f, f) for f in generators], method, n_boxes)


def separating_polynomial(
    generators: Sequence[Polynomial],
    region: Region,
    *,
    max_boxes: int = 100_000,
    max_degree: int = 4,
    max_size: int = 60,
    max_unknowns: int = 1500,
) -> SeparatingPolynomial | None:
    """Find a polynomial combination of generators that is positive and bounded away from zero on a region.

    Parameters
    ----------
    generators : sequence of Polynomial
    region : Region
        In the space of their variables.
    max_boxes : int
        Boxes of a subdivision.
    max_degree : int
        Largest degree of a certificate by sums of squares.
    max_size, max_unknowns : int
        Bounds for its semidefinite programs: the size of the matrix, and the number of unknowns.

    Returns
    -------
    SeparatingPolynomial or None
        None proves nothing, unless the region is a line: there the generators have a common real zero then.

    Examples
    --------
    >>> from algeom.continuation.regions import AffineSubspace
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> found = separating_polynomial([x**2 + y**2 - 1], Ball([2, 0], Fraction(9, 10)))
    >>> found.polynomial, found.bound > Fraction(1, 10), found.method
    (x^2 + y^2 - 1, True, 'a sum of squares of degree 2')
    >>> separating_polynomial([x**2 + y**2 - 1], AffineSubspace([[1, 0]], [2]))
    SeparatingPolynomial(x^2 + y^2 - 1 >= 3; real roots on the line)
    """
    chart = region.chart
    ordered = sorted((f for f in generators if f), key=lambda f: (f.degree, len(f)))
    restricted = [chart.pull_back(f) for f in ordered]
    pairs = [(f, g) for f, g in zip(ordered, restricted, strict=True) if g]
    for f, g in pairs:
        if g.is_constant:
            value = Fraction(g.leading_coefficient)
            return _signed(f, 1 if value > 0 else -1, abs(value), "constant on the region")
    if not pairs or not chart.n_variables:
        return None
    free = not chart.inequalities
    if free and chart.n_variables == 1:
        return _on_line(pairs)
    if free:
        found = _quadratic(pairs)
        if found is not None:
            return found
    tried = range(2, max(2, max_degree) + 1, 2)
    sizes = {"max_size": max_size, "max_unknowns": max_unknowns}
    # The first certificates take milliseconds, later ones seconds: subdivision comes between.
    for multiplier_degree in (0, None):
        found = _certificate(pairs, chart, tried[0], multiplier_degree, **sizes)
        if found is not None:
            return found
    found = _alone(pairs, chart, max_degree, max_size, max_unknowns)
    if found is None:
        found = _subdivision(pairs, region, chart, max_boxes)
    if found is not None:
        return found
    for degree in tried[1:]:
        found = _certificate(pairs, chart, degree, None, **sizes)
        if found is not None:
            return found
    return None


def _on_line(pairs: Sequence[tuple[Polynomial, Polynomial]]) -> SeparatingPolynomial | None:
    """Decide whether polynomials have a common real zero on a line: one that has none there, or a sum of squares."""
    method = "real roots on the line"
    for f, g in pairs:
        for sign in (1, -1):
            bound = univariate_minimum(g * sign)
            if bound is not None:
                return _signed(f, sign, bound, method)
    total = Polynomial.constant(0, pairs[0][1].names)
    for count, (_, g) in enumerate(pairs, start=1):
        total = total + g * g
        bound = univariate_minimum(total) if count > 1 else None
        if bound is not None:
            return _sum_of_squares([f for f, _ in pairs[:count]], bound, method)
    return None


def _quadratic(pairs: Sequence[tuple[Polynomial, Polynomial]]) -> SeparatingPolynomial | None:
    for f, g in pairs:
        if g.degree == 2:
            for sign in (1, -1):
                bound = quadratic_minimum(g * sign)
                if bound is not None and bound > 0:
                    return _signed(f, sign, bound, "the minimum of a quadratic polynomial")
    return None


def _certificate(
    pairs: Sequence[tuple[Polynomial, Polynomial]],
    chart: Chart,
    degree: int,
    multiplier_degree: int | None,
    max_size: int,
    max_unknowns: int,
) -> SeparatingPolynomial | None:
    """A sum of squares, its multipliers carried from the region to the space around it."""
    scales = [_size(g) for _, g in pairs]
    found = find_sum_of_squares(
        [g / scale for (_, g), scale in zip(pairs, scales, strict=True)],
        chart.inequalities,
        half_degree=degree // 2,
        multiplier_degree=multiplier_degree,
        max_size=max_size,
        max_unknowns=max_unknowns,
    )
    if found is None:
        return None
    proof, origins, _ = found
    names = pairs[0][0].names
    s = chart.coordinates(names)
    multipliers: dict[int, Polynomial] = {}
    for c, (index, monomial) in zip(proof.multipliers, origins, strict=True):
        if c:
            term = _power_product(s, monomial, names) * (c / scales[index])
            multipliers[index] = multipliers.get(index, Polynomial.constant(0, names)) + term
    combination = [(h, pairs[index][0]) for index, h in sorted(multipliers.items())]
    total = Polynomial.constant(0, names)
    for h, f in combination:
        total = total + h * f
    return _integral(total, proof.bound, combination, f"a sum of squares of degree {degree}")


def _alone(
    pairs: Sequence[tuple[Polynomial, Polynomial]], chart: Chart, max_degree: int, max_size: int, max_unknowns: int
) -> SeparatingPolynomial | None:
    """One generator with the same sign on all of a ball or box, which is a question about its own variables only."""
    if not chart.bounded:
        return None
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (chart.n_variables, _SAMPLES))
    if chart.inequalities and len(chart.inequalities) < chart.n_variables:  # a ball
        points *= rng.uniform(size=_SAMPLES) ** 0.1 / np.linalg.norm(points, axis=0)
    promising = []
    for f, g in pairs:
        # Up to degree 2 all generators together have been tried.
        if 2 < g.degree <= max_degree:
            # Scaled first, since coefficients may be beyond the range of doubles.
            values = (g / _size(g))(points)
            if not values.min() < 0 < values.max():
                promising.append((float(np.abs(values).min() / np.abs(values).max()), f, g))
    for _, f, g in sorted(promising, key=lambda found: -found[0])[:_TRIED_ALONE]:
        own = [i for i in range(g.n_variables) if g.exponents[:, i].any()]
        inequalities = [_in_variables(h, own) for h in chart.inequalities]
        found = find_sum_of_squares(
            [_in_variables(g, own) / _size(g)],
            [h for h in inequalities if not h.is_constant],
            half_degree=(g.degree + 1) // 2,
            multiplier_degree=0,
            max_size=max_size,
            max_unknowns=max_unknowns,
        )
        if found is not None:
            multiplier = found[0].multipliers[0] / _size(g)
            constant = Polynomial.constant(multiplier, f.names)
            method = f"a sum of squares of degree {2 * ((g.degree + 1) // 2)}"
            return _integral(f * multiplier, found[0].bound, [(constant, f)], method)
    return None


def _size(g: Polynomial) -> Fraction:
    """The largest coefficient: certificates are rounded, and all of their parts should be of one size."""
    return max(abs(Fraction(c)) for c in g.coefficients)


def _in_variables(f: Polynomial, kept: Sequence[int]) -> Polynomial:
    """A polynomial with the other variables set to zero and left out."""
    others = [i for i in range(f.n_variables) if i not in set(kept)]
    terms = [([e[i] for i in kept], c) for e, c in f.terms() if not any(e[i] for i in others)]
    names = [f.names[i] for i in kept]
    return Polynomial.from_terms(terms, names) if terms else Polynomial.constant(0, names)


def _power_product(factors: Sequence[Polynomial], exponents: Monomial, names: Sequence[str]) -> Polynomial:
    product = Polynomial.constant(1, names)
    for factor, e in zip(factors, exponents, strict=True):
        if e:
            product = product * factor**e
    return product


def _subdivision(
    pairs: Sequence[tuple[Polynomial, Polynomial]], region: Region, chart: Chart, max_boxes: int
) -> SeparatingPolynomial | None:
    """Boxes over the whole region, on each of which some generator has no zero."""
    k = chart.n_variables
    if k > _SUBDIVIDED_VARIABLES or max_boxes < 1:
        return None
    usable = [(f, g) for f, g in pairs if math.prod(int(d) + 1 for d in g.exponents.max(axis=0)) <= COEFFICIENT_LIMIT]
    usable = usable[:_SUBDIVIDED_POLYNOMIALS]
    if not usable:
        return None
    restricted = [g for _, g in usable]
    pieces = _bounded_pieces(restricted, region, k) if chart.bounded else _projective_pieces(restricted, region, k)
    bound: Fraction | None = None
    used: set[int] = set()
    n_boxes = 0
    for polynomials, lower, outside in pieces:
        found = exclude_common_zeros(
            polynomials, lower, [Fraction(1)] * len(lower), outside=outside, max_boxes=max_boxes - n_boxes
        )
        n_boxes += found.n_boxes
        if not found.proved:
            return None
        bound = found.bound if bound is None else min(bound, found.bound)
        used |= set(found.used)
    assert bound is not None
    method = f"{n_boxes} boxes with Bernstein coefficients"
    chosen = [usable[i][0] for i in sorted(used)]
    if len(chosen) == 1:
        # The region is connected and the generator has no zero on it: the sign at one point is that everywhere.
        sign = 1 if usable[min(used)][1]([0] * k) > 0 else -1
        return _signed(chosen[0], sign, bound, method, n_boxes)
    return _sum_of_squares(chosen, bound**2, method, n_boxes)


Piece = tuple[list[Polynomial], list[Fraction], Outside | None]


def _bounded_pieces(restricted: list[Polynomial], region: Region, k: int) -> Iterator[Piece]:
    """The cube [-1, 1]^k, without what is outside a ball."""
    yield restricted, [Fraction(-1)] * k, _outside_unit_ball if isinstance(region, Ball) else None


def _outside_unit_ball(lower: FloatArray, widths: FloatArray) -> NDArray[np.bool_]:
    """Boxes of [0, 1]^k that lie, mapped to [-1, 1]^k, outside the unit ball."""
    low, high = 2 * lower - 1, 2 * (lower + widths) - 1
    nearest = np.maximum(0.0, np.maximum(low, -high))
    return np.asarray((nearest**2).sum(axis=1) > 1 + _ROOM)


def _projective_pieces(restricted: list[Polynomial], region: Region, k: int) -> Iterator[Piece]:
    """Faces of the cube in homogeneous coordinates (w0, ..., wk), s = w/w0.

    A polynomial g of degree d is ``g(s) = max(1, |s|_max)^d h(w)`` with h its homogenization and w the multiple of
    (1, s) of maximum norm 1, so that a lower bound of |h| on the faces is one of |g|. Zeros of homogeneous polynomials
    are symmetric, so that without inequalities one of two opposite faces is enough.
    """
    names = [f"w{i}" for i in range(k + 1)]
    homogeneous = [g.rename(names[1:]).homogenize(names[0]) for g in restricted]
    normal = None
    if isinstance(region, HalfSpace):
        largest = max(abs(a) for a in region.normal)
        normal = np.array([float(a / largest) for a in region.normal])
    for face in range(k + 1):
        for sign in (1,) if normal is None or face == 0 else (1, -1):
            fixed = [h.subs({face: sign}).dehomogenize(face) if sign < 0 else h.dehomogenize(face) for h in homogeneous]
            lower = [Fraction(-1)] * k
            if normal is None:
                yield fixed, lower, None
                continue
            if face:
                lower[0] = Fraction(0)  # w0 >= 0
            yield fixed, lower, _outside_half_space(normal, face, sign)


def _outside_half_space(normal: FloatArray, face: int, sign: int) -> Outside:
    """Boxes of a face on which ``normal . (w1, ..., wk) < 0``."""
    weights = np.insert(normal, 0, 0.0)
    constant = sign * weights[face]
    rest = np.delete(weights, face)
    starts = -np.ones(len(rest))
    if face:
        starts[0] = 0.0  # w0 ranges over [0, 1]; its weight is zero in any case

    def outside(lower: FloatArray, widths: FloatArray) -> NDArray[np.bool_]:
        low = starts + (1 - starts) * lower
        high = starts + (1 - starts) * (lower + widths)
        largest = constant + np.maximum(rest * low, rest * high).sum(axis=1)
        return np.asarray(largest < -_ROOM * np.abs(weights).sum())

    return outside

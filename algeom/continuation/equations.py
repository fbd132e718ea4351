"""Verified equations of an image, degree by degree, and when they are known to be all."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from algeom.algebra.polynomial import Polynomial
from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import wanted_degrees
from algeom.implicitization.blocks import multidegrees
from algeom.implicitization.ideal import Ideal
from algeom.implicitization.implicitize import implicitize
from algeom.implicitization.preparation import Clock, Preparation
from algeom.implicitization.symmetry import orbits
from algeom.maps.polynomial_map import PolynomialMap

#: Degrees are searched unasked while the cubes of the sizes of the blocks to solve sum to less, and so do their
#: monomials: each of the two bounds stands for a few seconds on one core.
_CUBES, _MONOMIALS = 2e10, 60_000
#: Coefficients of new equations that are lifted unasked: where denominators of large degree make them thousands of
#: digits long, this many take half a minute, and otherwise much less.
_LIFTED = 25_000
#: Largest degree that is searched unasked.
_DEGREES = 8

Equation = tuple[Polynomial, Evidence]


class EquationSearch:
    """The equations of an image, found when they are asked for.

    Parameters
    ----------
    phi : PolynomialMap
    dimension : int
        A proven lower bound for the dimension of the image closure.
    ideal : Ideal, optional
        Equations that are known already; then no others are looked for.
    max_degree : int, optional
        Degrees to search; by default as long as they take seconds and the equations may be incomplete.
    seed : int
    **options
        For `implicitize`.

    Examples
    --------
    >>> import algeom as ag
    >>> search = EquationSearch(ag.varieties.segre(1, 1), 3, seed=1)
    >>> [[str(f) for f, _ in equations] for equations in search], search.complete
    ([[], ['y11*y22 - y12*y21']], True)
    """

    def __init__(
        self,
        phi: PolynomialMap,
        dimension: int,
        *,
        ideal: Ideal | None = None,
        max_degree: int | None = None,
        seed: int,
        **options: Any,
    ) -> None:
        if ideal is not None and not isinstance(ideal, Ideal):
            raise InputError(f"ideal is a {type(ideal).__name__}; give what implicitize(phi, ...) returned")
        if ideal is not None and (ideal.map.tape != phi.tape or ideal.map.names != phi.names):
            raise InputError("the ideal belongs to another map; give what implicitize(phi, ...) returned for this one")
        if max_degree is not None:
            wanted_degrees(max_degree, None)
        self.phi = phi
        self.dimension = dimension
        self.ideal = ideal
        self.max_degree = max_degree
        self.seed = seed
        self.options = options
        self.equations: list[Equation] = []
        self.searched = 0

    def __iter__(self) -> Iterator[list[Equation]]:
        """The new equations of one degree after the other."""
        if self.ideal is not None:
            found = list(zip(self.ideal.generators, self.ideal.generator_evidence, strict=True))
            self.equations = found
            self.searched = max(self.ideal.ideal_dimensions, default=0)
            yield found
            return
        degree = 0
        while not self.complete and degree < (_DEGREES if self.max_degree is None else self.max_degree):
            degree += 1
            if self.max_degree is None and not (self._is_quick(degree) and self._are_liftable(degree)):
                return
            ideal = implicitize(self.phi, max_degree=degree, rng=self.seed, **self.options)
            known = {f for f, _ in self.equations}
            pairs = zip(ideal.generators, ideal.generator_evidence, strict=True)
            new = [(f, evidence) for f, evidence in pairs if f not in known]
            self.equations += new
            self.searched = degree
            yield new

    @cached_property
    def _prepared(self) -> Preparation:
        return Preparation(self.phi, self.seed, True, 0, Clock())

    def _is_quick(self, degree: int) -> bool:
        """Whether a degree takes seconds, going by the sizes of its blocks."""
        m = self.phi.n_coordinates + self._prepared.homogenized
        if math.comb(m + degree - 1, degree) > _MONOMIALS:
            return False
        table = multidegrees(self._prepared.grading.weights, degree)
        representatives = orbits(table, degree, self._prepared.permutations).representatives
        return float((table.counts[representatives].astype(np.float64) ** 3).sum()) <= _CUBES

    def _are_liftable(self, degree: int) -> bool:
        """Whether lifting the new equations to integers takes seconds, going by their number and size."""
        options = {**self.options, "lift": False, "rng": self.seed}
        row = implicitize(self.phi, degrees=[degree], **options).degrees[-1]
        return (row.n_generators or 0) * row.largest_block <= _LIFTED

    @property
    def complete(self) -> bool:
        """Whether the equations found so far are proved to define exactly the image closure."""
        proved = [f for f, evidence in self.equations if evidence.status is Status.PROVED]
        return defines_closure(proved, self.dimension, self.phi.n_coordinates)

    @property
    def evidence(self) -> Evidence:
        """Evidence that all equations found vanish on the image."""
        return combine(evidence for _, evidence in self.equations)

    def describe(self) -> str:
        """What was searched, for a sentence."""
        if not self.searched:
            return "no equations were looked for"
        kind = "equation" if len(self.equations) == 1 else "equations"
        return f"{len(self.equations) or 'no'} {kind} up to degree {self.searched}"


def defines_closure(equations: Sequence[Polynomial], dimension: int, m: int) -> bool:
    """Whether equations of an image are proved to define its closure, by dimension and irreducibility.

    Parameters
    ----------
    equations : sequence of Polynomial
        In m variables with rational coefficients, proven to vanish on the image.
    dimension : int
        A proven lower bound for the dimension of the image closure X.
    m : int

    Returns
    -------
    bool
        True is a proof; False says nothing.

    Notes
    -----
    X is irreducible and defined over the rational numbers. If linear equations cut out a space of the dimension of
    X, that space is X. If it has one dimension more and an equation restricts to a polynomial g on it that is
    irreducible over the rational numbers, X is one of the components of g = 0, which Galois automorphisms
    permute transitively while fixing X: so X is all of it.

    Examples
    --------
    >>> x, y, z = Polynomial.variables(["x", "y", "z"])
    >>> defines_closure([x**2 - y**2 * z], 2, 3), defines_closure([x**2 - y**2], 2, 3)
    (True, False)
    """
    from algeom.continuation.regions import AffineSubspace

    linear = [f for f in equations if f.degree == 1]
    if linear:
        rows = [[Fraction(f.derivative(i).leading_coefficient) for i in range(m)] for f in linear]
        constants = [-Fraction(f([0] * m)) for f in linear]
        span = AffineSubspace(rows, constants)
    else:
        span = AffineSubspace([[0] * m], [0])
    if span.dimension <= dimension:
        return True
    if span.dimension > dimension + 1:
        return False
    for f in equations:
        restricted = span.chart.pull_back(f).primitive()
        if restricted.degree > 1:
            _, factors = restricted.to_flint().factor()
            if len(factors) == 1 and factors[0][1] == 1:
                return True
    return False

"""Can a model ever produce an output in a region? Proofs that a real variety and a region are disjoint, or meet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.bounds import real_zeros
from algeom.continuation.contains import Answer, contains
from algeom.continuation.equations import EquationSearch
from algeom.continuation.least_squares import Fit, fit
from algeom.continuation.positivity import SeparatingPolynomial, separating_polynomial
from algeom.continuation.preimage import (
    CertifiedPreimage,
    certified_preimage,
    rational_preimage,
    starting_points,
)
from algeom.continuation.region_search import (
    nearest_critical_distance,
    region_residuals,
    sample_chart,
    strictly_inside,
)
from algeom.continuation.regions import AffineSubspace, Ball, Box, HalfSpace, Region, Vector, decimal
from algeom.continuation.sums_of_squares import find_sum_of_squares
from algeom.continuation.verdicts import Decision, Separation, Verdict
from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import require_map
from algeom.implicitization.dimension import Dimension, dimension
from algeom.implicitization.ideal import Ideal
from algeom.implicitization.verification import IdentityTest
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, Reporter, reporter

Array = NDArray[Any]

#: Bits after the binary point to which parameters are rounded, few first, before the region is asked exactly.
_BITS = (0, 1, 2, 4, 8, 16, 32, 52)
#: Parts of the size of a box or half-space by which points are first looked for inside.
_MARGINS = (0.1, 1e-3, 1e-6, 0.0)
#: Relative distance below which a minimization may have met the region.
_CONTACT = 1e-9
#: Numerical points that are tried for an exact one.
_TRIED = 5
#: Residual, relative to the right-hand side, at which a point counts as near a flat region in that attempt.
_NEAR = 1e-7
#: Monomials in the parameters beyond which such certificates are not tried either.
_CERTIFICATE_MONOMIALS = 160
#: Inequalities beyond which certificates in the parameters are not tried: each brings a matrix of unknowns.
_INEQUALITIES = 12
#: Terms that clearing the denominators of a map may produce.
_CLEARED = 20_000


def separation(
    phi: PolynomialMap,
    region: Region,
    *,
    ideal: Ideal | None = None,
    max_degree: int | None = None,
    max_boxes: int = 100_000,
    certificate_degree: int = 4,
    numerical: bool = True,
    starts: int = 30,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
) -> Separation:
    """Decide whether the real points of an image closure meet a region, with proof where possible.

    Parameters
    ----------
    phi : PolynomialMap
        With coordinates y in R^m; V(R) denotes the real points of the Zariski closure of its image.
    region : Ball, Box, AffineSubspace or HalfSpace
        A closed region of R^m.
    ideal : Ideal, optional
        Equations of the image; by default they are computed, from degree 1 on while that takes seconds.
    max_degree : int, optional
        Search equations up to this degree instead.
    max_boxes : int
        Boxes of one subdivision.
    certificate_degree : int
        Largest degree of certificates by sums of squares: 2, 4 (seconds) or 6.
    numerical : bool
        Whether to find all critical points of the distance, for balls and affine subspaces that no proof decides. For
        images of large ED degree that takes long.
    starts : int
        Starting points of the numerical search for a point in the region.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    executor, threads, memory_limit
        For `implicitize`.

    Returns
    -------
    Separation
        ``.verdict`` DISJOINT, INTERSECTS or UNDECIDED is about V(R), and ``.image.verdict`` about the real image.

    Raises
    ------
    InputError
        If the region is none, or lies in a space of another dimension, or an argument is out of range.

    Notes
    -----
    DISJOINT is PROVED by a polynomial of the ideal, built from verified generators, with a positive lower bound on
    all of the region, points at infinity included: `separating_polynomial`. It is then proved for V(R), and so for the
    image. For the real image alone it is also proved by a sum of squares in the parameters.

    INTERSECTS is PROVED by rational parameters whose image is in the region by exact arithmetic; for an affine
    subspace also by a Krawczyk test that encloses real parameters. For V(R) alone it is proved if V is known to be a
    hypersurface f = 0 and f has different signs in the region, or a real root on a line: such a point need not be in
    the real image. For a dominant map V(R) is the whole space.

    NUMERICAL verdicts about V(R) compare all critical points of the distance from the centre of a ball, or from an
    affine subspace S (those of the image in the quotient by its directions, which must not be dense there). They cover
    neither singular points of V nor, for subspaces, a distance that tends to zero at infinity. About the real image
    they come from minimizations from many starting points, which can miss the minimum.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom.continuation.regions import Ball
    >>> from algeom.continuation.separation import separation
    >>> rank_one = ag.varieties.segre(1, 1)
    >>> identity = [1, 0, 0, 1]
    >>> result = separation(rank_one, Ball(identity, 0.99), rng=1)
    >>> result.verdict, result.evidence.status
    (<Verdict.DISJOINT: 'disjoint'>, <Status.PROVED: 'proved'>)
    >>> result.separator.polynomial
    y11*y22 - y12*y21
    >>> separation(rank_one, Ball(identity, 1.01), rng=1).verdict
    <Verdict.INTERSECTS: 'intersects'>
    """
    require_map(phi)
    if not isinstance(region, Region):
        raise InputError(f"a {type(region).__name__} was given; the region is a Ball, Box, AffineSubspace or HalfSpace")
    if region.n_coordinates != phi.n_coordinates:
        raise InputError(
            f"the region lies in a space of {region.n_coordinates} coordinates, and the map has {phi.n_coordinates}"
        )
    for name, value, least in (("max_boxes", max_boxes, 0), ("starts", starts, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name}={value!r}; expected an integer from {least} on")
    if certificate_degree not in (2, 4, 6):
        raise InputError(f"certificate_degree={certificate_degree!r}; expected 2, 4 or 6")
    seed, _ = seeds.resolve(rng)
    options = {"executor": executor, "threads": threads, "memory_limit": memory_limit}
    found = dimension(phi, rng=seed)
    search = EquationSearch(phi, found.value, ideal=ideal, max_degree=max_degree, seed=seed, **options)
    with reporter(progress) as report:
        limits = (int(max_boxes), certificate_degree, bool(numerical), int(starts))
        return _Separating(phi, region, found, search, *limits, seed, report).run()


_SETS = {"closure": "V(R)", "image": "the real image"}


def _statement(name: str, verdict: Verdict) -> str:
    if verdict is Verdict.UNDECIDED:
        return f"Whether {_SETS[name]} meets the region is undecided."
    subject = _SETS[name][0].upper() + _SETS[name][1:]
    return f"{subject} and the region {'are disjoint' if verdict is Verdict.DISJOINT else 'meet'}."


class _Separating:
    """One region: decisions are filled in as they are found, together with those that they imply."""

    def __init__(
        self,
        phi: PolynomialMap,
        region: Region,
        found: Dimension,
        search: EquationSearch,
        max_boxes: int,
        certificate_degree: int,
        numerical: bool,
        starts: int,
        seed: int,
        report: Reporter,
    ) -> None:
        self.phi, self.region, self.found, self.search = phi, region, found, search
        self.max_boxes, self.certificate_degree = max_boxes, certificate_degree
        self.numerical, self.starts, self.seed, self.report = numerical, starts, seed, report
        #: The smallest affine subspace that holds the region: less than all only for subspaces, points, flat boxes.
        self.hull = AffineSubspace.through(region.chart.point, region.chart.directions)
        self.decisions: dict[str, Decision] = {}
        self.separator: SeparatingPolynomial | None = None
        self.parameters: tuple[Fraction, ...] | None = None
        self.certified: CertifiedPreimage | None = None
        self.point: NDArray[np.float64] | None = None
        self.distance = math.inf
        self.settled = False
        self.bracket: tuple[Vector, Vector] | None = None
        self.note = ""

    def run(self) -> Separation:
        self._search_point()
        if self.hull.matrix and not self.done:
            self._quotient()
        if "closure" not in self.decisions:
            if self.found.value == self.phi.n_coordinates:
                reason = "the map is dominant, so that V(R) is the whole space"
                self.decide("closure", Verdict.INTERSECTS, Evidence(Status.PROVED, reason=reason))
            else:
                self._equations()
        if "image" not in self.decisions:
            self._in_the_parameters()
        self._numerically()
        return Separation(
            closure=self.decisions["closure"],
            image=self.decisions["image"],
            separator=self.separator,
            parameters=self.parameters,
            certified=self.certified,
            point=self.point,
            distance=self.distance,
            bracket=self.bracket,
            region=self.region,
            seed=self.seed,
        )

    @property
    def done(self) -> bool:
        return len(self.decisions) == 2

    def decide(self, name: str, verdict: Verdict, evidence: Evidence) -> None:
        """Note a decision; disjoint passes to the smaller set, a common point to the larger one."""
        names = [name]
        if verdict is not Verdict.UNDECIDED:
            names = ["closure", "image"] if (name == "closure") == (verdict is Verdict.DISJOINT) else [name]
        for each in names:
            self.decisions.setdefault(each, Decision(verdict, evidence, _statement(each, verdict)))

    # Points in the region

    def _search_point(self) -> None:
        """Minimize the distance of the image from the region, and try to make a point inside exact."""
        self.report.start("points in the region", self.starts)
        points = starting_points(self.phi, self.starts, seeds.derive(self.seed, "separation", "starts"))
        margins = _MARGINS if isinstance(self.region, Box | HalfSpace) else (0.0,)
        for margin in margins:
            found = fit(region_residuals(self.phi, self.region, margin), points)
            self._note(found)
            if self._meet(found):
                break
        self.report.advance(self.starts)

    def _note(self, found: Fit) -> None:
        """Keep the image point nearest to the region."""
        with np.errstate(all="ignore"):
            values = self.phi(found.points)
        finite = np.flatnonzero(np.isfinite(values).all(axis=0))
        for k in finite.tolist():
            distance = self.region.distance(values[:, k])
            if distance < self.distance:
                self.distance, self.point, self.settled = distance, values[:, k], bool(found.settled[k])

    def _meet(self, found: Fit) -> bool:
        """Parameters near one of the points found, with the image in the region by exact or ball arithmetic."""
        for k in np.argsort(found.norms)[:_TRIED].tolist():
            theta = found.points[:, k]
            if np.isfinite(theta).all() and (self._rounded(theta) if not self.hull.matrix else self._on_hull(theta)):
                return True
        return False

    def _rounded(self, theta: Array) -> bool:
        """Rounding the parameters leaves the image in a region with interior points."""
        for bits in _BITS:
            rounded = tuple(Fraction(round(Fraction(float(v)) * 2**bits), 2**bits) for v in theta)
            try:
                values = self.phi.tape.evaluate_exact(rounded)
            except ZeroDivisionError:
                continue
            if self.region.contains(values):
                self._meets_at(rounded, values)
                return True
        return False

    def _on_hull(self, theta: Array) -> bool:
        """The equations of a flat region are solved exactly, or by a Krawczyk test."""
        rng = seeds.derive(self.seed, "separation", "hull")
        quotient, rhs = self._quotient_map, self.hull.rhs
        tolerance = _NEAR * max(1.0, math.sqrt(sum(float(v) ** 2 for v in rhs)))
        parameters = rational_preimage(quotient, rhs, theta, rng, tolerance)
        if parameters is not None:
            values = self.phi.tape.evaluate_exact(list(parameters))
            if self.region.contains(values):
                self._meets_at(parameters, values)
                return True
        certified = certified_preimage(quotient, rhs, theta, (), rng, tolerance)
        if certified is None or not certified.is_real:
            return False
        values = certified.enclosed_image(self.phi)
        if isinstance(self.region, Box) and not strictly_inside(self.region, values):
            return False
        self.certified, self.distance = certified, 0.0
        self.point = np.array([float(v.real.mid()) for v in values])
        reason = f"a Krawczyk test encloses real parameters of a point in the region ({certified.method})"
        self.decide("image", Verdict.INTERSECTS, Evidence(Status.PROVED, reason=reason))
        return True

    def _meets_at(self, parameters: tuple[Fraction, ...], values: Sequence[Any]) -> None:
        self.parameters, self.distance = parameters, 0.0
        self.point = np.array([float(v) for v in values])
        reason = "phi(parameters) is in the region in exact arithmetic"
        self.decide("image", Verdict.INTERSECTS, Evidence(Status.PROVED, reason=reason))

    # Flat regions

    @cached_property
    def _quotient_map(self) -> PolynomialMap:
        """A phi, where A y = b are the equations of the hull."""
        return self.phi.linear_change([list(row) for row in self.hull.matrix])

    def _quotient(self) -> None:
        """A flat region lies in A y = b: where b is not in the image of A phi, which has fewer coordinates."""
        # Equations of the quotient are worth a look only: those of the map itself follow.
        options = {"max_degree": 2, "numerical": False, **self.search.options}
        found = contains(self._quotient_map, self.hull.rhs, starts=self.starts, rng=self.seed, **options)
        proved = Status.PROVED
        if found.closure.value is False and found.equation is not None:
            self._constant_on_hull(found.equation, found.closure)
        elif found.real_image.value is False and found.real_image.evidence.status is proved:
            reason = f"modulo the directions of the region, {found.real_image.evidence.reason}"
            self.decide("image", Verdict.DISJOINT, Evidence(proved, reason=reason))

    def _constant_on_hull(self, equation: Polynomial, answer: Answer) -> None:
        """An equation g of the quotient gives g(A y) in the ideal, constant on the region."""
        y = Polynomial.variables(self.phi.names)
        zero = Polynomial.constant(0, self.phi.names)
        rows = [sum((c * v for c, v in zip(row, y, strict=True) if c), start=zero) for row in self.hull.matrix]
        found = separating_polynomial([equation.compose(rows)], self.region)
        if found is not None:
            self.separator = found
            reason = f"a polynomial of the ideal is constant and not zero on the region: {answer.evidence.reason}"
            evidence = Evidence(answer.evidence.status, answer.evidence.log10_error, reason)
            self.decide("closure", Verdict.DISJOINT, evidence)

    # Proofs with equations

    def _equations(self) -> None:
        """Equations degree by degree until a combination of them is positive on the region."""
        for batch in self.search:
            # Certificates of degree 2 take milliseconds; larger ones wait until all equations are there.
            if batch and self._positive(self.max_boxes, 2):
                return
        if self.search.equations and self.certificate_degree > 2 and self._positive(0, self.certificate_degree):
            return
        if self.search.complete:
            self._hypersurface()

    def _positive(self, max_boxes: int, max_degree: int) -> bool:
        """Whether a combination of the equations found so far is proved positive on the region."""
        self.report.start(f"positivity with {self.search.describe()}")
        generators = [f for f, _ in self.search.equations]
        found = separating_polynomial(generators, self.region, max_boxes=max_boxes, max_degree=max_degree)
        if found is not None:
            self._separated(found)
        return found is not None

    def _separated(self, found: SeparatingPolynomial) -> None:
        self.separator = found
        used = {f for _, f in found.combination}
        parts = [evidence for f, evidence in self.search.equations if f in used]
        reason = (
            f"a polynomial of the ideal is at least {decimal(found.bound)} on the region ({found.method}), and its "
            f"generators vanish on the image ({parts[0].reason})"
        )
        self.decide("closure", Verdict.DISJOINT, combine(parts, reason))

    def _hypersurface(self) -> None:
        """V is the zero set of one irreducible polynomial: real roots on a line, or two signs in the region."""
        proved = [f for f, evidence in self.search.equations if evidence.status is Status.PROVED]
        if not proved or any(f.degree == 1 for f in proved):
            return
        f = min(proved, key=lambda g: (g.degree, len(g)))
        chart = self.region.chart
        restricted = chart.pull_back(f)
        if chart.n_variables == 1 and not chart.inequalities:
            if not restricted or real_zeros(restricted):
                reason = "V is the hypersurface of an irreducible equation, which has a real root on the line"
                self.decide("closure", Verdict.INTERSECTS, Evidence(Status.PROVED, reason=reason))
            return
        signs: dict[int, Vector] = {}
        for s in sample_chart(self.region, seeds.derive(self.seed, "separation", "signs")):
            value = restricted(list(s))
            point = tuple(
                p + sum((v[i] * c for v, c in zip(chart.directions, s, strict=True)), Fraction(0))
                for i, p in enumerate(chart.point)
            )
            if self.region.contains(point):
                signs.setdefault((value > 0) - (value < 0), point)
            if 0 in signs or len(signs) == 2:
                break
        if 0 in signs or len(signs) == 2:
            self.bracket = (signs[0], signs[0]) if 0 in signs else (signs[-1], signs[1])
            reason = "V is the hypersurface of an irreducible equation, which takes both signs, or zero, in the region"
            self.decide("closure", Verdict.INTERSECTS, Evidence(Status.PROVED, reason=reason))

    def _in_the_parameters(self) -> None:
        """Show by a sum of squares that no real parameters satisfy the inequalities of the region."""
        chart = self.region.chart
        if self.hull.matrix or len(chart.inequalities) > _INEQUALITIES:
            return  # flat regions have been asked in the quotient
        expanded = IdentityTest(self.phi.tape, self.seed, _CLEARED).expanded
        if expanded is None:
            return
        numerators, denominator = expanded
        highest = max(f.total_degree() for f in (*numerators, denominator))
        half_degree = max((g.degree + g.degree % 2) * highest for g in chart.inequalities) // 2
        if math.comb(self.phi.n_parameters + half_degree, half_degree) > _CERTIFICATE_MONOMIALS:
            return
        names = [f"t{k}" for k in range(self.phi.n_parameters)]
        common = Polynomial.from_flint(denominator, names)
        values = [Polynomial.from_flint(f, names) for f in numerators]
        inequalities = []
        for g in (h.compose(chart.coordinates(self.phi.names)) for h in chart.inequalities):
            # Times an even power of the denominator, which changes no sign.
            power = g.degree + g.degree % 2
            homogeneous = g.homogenize("_", 0, power)
            inequalities.append(homogeneous.compose([common, *values]))
        half_degree = max(g.degree + g.degree % 2 for g in inequalities) // 2
        found = find_sum_of_squares([], inequalities, half_degree=half_degree, max_size=40, max_unknowns=800)
        if found is not None:
            reason = f"no real parameters satisfy the inequalities: a sum of squares of degree {2 * half_degree}"
            self.decide("image", Verdict.DISJOINT, Evidence(Status.PROVED, reason=reason))

    # What is left

    def _numerically(self) -> None:
        size = max(1.0, float(np.linalg.norm(self.point)) if self.point is not None else 1.0)
        tried = f"minimizations from {self.starts} starting points"
        if "image" not in self.decisions:
            if self.distance <= _CONTACT * size:
                reason = f"{tried} came as near to the region as {self.distance:.1e}"
                if self.hull.matrix and not self.region.chart.inequalities:
                    self.decide("image", Verdict.INTERSECTS, Evidence(Status.NUMERICAL, math.nan, reason))
                else:
                    advice = "which may be contact with its boundary; change the region by a little"
                    self._undecided("image", f"{reason}, {advice}")
            elif self.settled:
                reason = f"{tried} settled at distances of at least {self.distance:.3g} from the region"
                self.decide("image", Verdict.DISJOINT, Evidence(Status.NUMERICAL, math.nan, reason))
            else:
                self._undecided("image", f"{tried} went on falling at the distance {self.distance:.1e}; raise starts")
        if "closure" not in self.decisions and self.numerical:
            self._critical_points()
        if "closure" not in self.decisions:
            self._undecided(
                "closure",
                f"no polynomial found in the ideal ({self.search.describe()}) could be bounded away from zero on the "
                f"region, and no common point was found{self.note}; raise max_degree, max_boxes or certificate_degree",
            )

    def _critical_points(self) -> None:
        """All critical points of the distance from the centre of a ball, or modulo an affine subspace."""
        weights: Any = "unit"
        if isinstance(self.region, Ball) and self.region.radius:
            phi, data, radius, origin = self.phi, self.region.center, float(self.region.radius), "the centre"
        elif isinstance(self.region, AffineSubspace) and self._quotient_is_special:
            phi, data, radius, origin = self._quotient_map, self.region.rhs, 0.0, "the subspace"
            rows = np.array([[float(v) for v in row] for row in self.region.matrix])
            weights = np.linalg.inv(rows @ rows.T)  # the distance from the subspace, whatever its equations
        else:
            return
        self.report.start("critical points of the distance")
        size = max(radius, self.distance + radius if math.isfinite(self.distance) else 1.0)
        found = nearest_critical_distance(phi, [float(v) for v in data], weights, size, self.seed)
        if isinstance(found, str):
            self.note = f"; {found}"
            return
        reason = f"the distance from {origin} is at least {found.lower:.6g} at all of {found.description}"
        if found.lower > radius + _CONTACT * size:
            caveat = "not covered: the singular locus of the closure" + ("" if radius else ", contact at infinity")
            self.decide("closure", Verdict.DISJOINT, Evidence(Status.NUMERICAL, math.nan, f"{reason}; {caveat}"))
        elif found.upper < radius * (1 - _CONTACT):
            reason = f"the distance from {origin} is at most {found.upper:.6g} at one of {found.description}"
            self.decide("closure", Verdict.INTERSECTS, Evidence(Status.NUMERICAL, math.nan, reason))
        else:
            self.note = f"; {reason}"

    @property
    def _quotient_is_special(self) -> bool:
        """Whether A phi is not dominant, so that its distances from a point say something."""
        return self._quotient_map.n_coordinates > dimension(self._quotient_map, rng=self.seed).value

    def _undecided(self, name: str, reason: str) -> None:
        self.decide(name, Verdict.UNDECIDED, Evidence(Status.NUMERICAL, math.nan, reason))

"""Is a point on an image? In its closure, in the complex image, in the real image: three questions, each with proof."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.degree import degree
from algeom.continuation.equations import Equation, EquationSearch
from algeom.continuation.least_squares import fit
from algeom.continuation.nullstellensatz import nullstellensatz
from algeom.continuation.preimage import (
    CertifiedPreimage,
    certified_preimage,
    cleared_equations,
    preimage_residuals,
    rational_preimage,
    starting_points,
)
from algeom.continuation.regions import decimal, exact_vector, short_number, upper_decimal
from algeom.continuation.sums_of_squares import find_sum_of_squares
from algeom.continuation.witness import WitnessSet
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.implicitization.dimension import Dimension, dimension
from algeom.implicitization.ideal import Ideal
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, Reporter, reporter

#: Relative residual below which a numerical preimage is tried for a proof; what cannot be proved is reported as such.
_CANDIDATE = 1e-7
#: Relative residual that double precision leaves at a regular preimage, with room for a hundred operations.
_ROUNDING = 1e-13
#: Relative distance that rounding a point in the user's own computation explains.
_ROUNDED = 1e-12
#: Numerical preimages that are tried for a proof.
_TRIED = 4
#: Parameters in terms of the largest |y| or 1 from which on a small residual may be a limit at infinity instead.
_FAR = 1e4
#: Degrees, above that of the map, up to which certificates in the parameters are looked for.
_CERTIFICATE_DEGREES = 3


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes
    ----------
    value : bool or None
        None: undecided.
    evidence : Evidence
        What it rests on; for an undecided question, what was tried.
    statement : str
        The answer as a sentence.
    """

    value: bool | None
    evidence: Evidence
    statement: str

    def __bool__(self) -> bool:
        if self.value is None:
            raise GenericityError(f"undecided: {self.evidence.reason}; look at .value")
        return self.value

    def __str__(self) -> str:
        return f"{self.statement} ({self.evidence}: {self.evidence.reason})"


@dataclass(frozen=True, eq=False, repr=False)
class ImageMembership:
    """Whether a point is in the closure of an image, in the image, and in the real image.

    Attributes
    ----------
    closure : Answer
        Is y in the Zariski closure of the complex image?
    image : Answer
        Is y the image of a complex parameter vector?
    real_image : Answer
        Is y the image of a real parameter vector?
    equation : Polynomial or None
        An equation of the image that is not zero at y.
    parameters : tuple of Fraction or None
        Rational parameters with phi(parameters) == y, exactly.
    certified : CertifiedPreimage or None
        Balls that contain parameters of a preimage, if no rational ones were found.
    approximate : ndarray or None
        Parameters of the nearest point of the real image that was found, shape (n,).
    distance : float
        Distance from y to that point: an upper bound for the distance to the real image, up to rounding.
    y : tuple of Fraction
    seed : int
    """

    closure: Answer
    image: Answer
    real_image: Answer
    equation: Polynomial | None
    parameters: tuple[Fraction, ...] | None
    certified: CertifiedPreimage | None
    approximate: NDArray[np.float64] | None
    distance: float
    y: tuple[Fraction, ...] = field(repr=False)
    seed: int = field(repr=False)

    def __bool__(self) -> bool:
        raise InputError(
            "membership has three answers: ask .closure, .image or .real_image, each of which is a truth value "
            "unless it is undecided"
        )

    def __repr__(self) -> str:
        words = {True: "yes", False: "no", None: "undecided"}
        answers = [("closure", self.closure), ("image", self.image), ("real image", self.real_image)]
        listed = (
            f"{name}: {words[a.value]}" + ("" if a.value is None else f" ({a.evidence.status})") for name, a in answers
        )
        return f"ImageMembership({', '.join(listed)}; distance to the real image <= {upper_decimal(self.distance)})"

    def __str__(self) -> str:
        return "\n".join([repr(self), *(f"  {answer}" for answer in (self.closure, self.image, self.real_image))])


def contains(
    phi: PolynomialMap,
    y: Sequence[Any],
    *,
    ideal: Ideal | None = None,
    max_degree: int | None = None,
    witness: WitnessSet | None = None,
    numerical: bool = True,
    starts: int = 30,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
) -> ImageMembership:
    """Ask whether a point is in the closure of the image of a map, in the image, and in the real image.

    Parameters
    ----------
    phi : PolynomialMap
    y : sequence of m numbers
        int, Fraction or float, real, or a string such as "1/2"; floats are taken exactly as they are. A point that was
        rounded is off the image for that reason alone, which is then proved: `distance` says how far off.
    ideal : Ideal, optional
        Equations of the image; by default they are computed, from degree 1 on while that takes seconds.
    max_degree : int, optional
        Search equations up to this degree instead.
    witness : WitnessSet, optional
        Of phi, from `degree`, if there is one already. Where exact methods do not decide membership in the closure, it
        is decided numerically with a witness set, and finding that can take long.
    numerical : bool
        Whether to find a witness set; without one the closure stays undecided where exact methods do not decide.
    starts : int
        Starting points of the numerical search, real and as many complex ones.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    executor, threads, memory_limit
        For `implicitize`.

    Returns
    -------
    ImageMembership

    Raises
    ------
    InputError
        If y has the wrong length or an entry that is not a finite real number, or the ideal or witness set belongs
        to another map.
    KeyboardInterrupt
        When stopped by Ctrl-C: answers that were found until then are lost. `monodromy` and `degree` keep theirs.

    Notes
    -----
    What is proved, and how:

    - Not in the closure (so in none of the three): a verified equation of the image that is not zero at y.
    - In all three: a rational preimage, checked exactly; or a preimage enclosed by a Krawczyk test, real or not, which
      proves membership for a map onto a dense subset by itself, and otherwise together with verified equations of
      which y is a smooth common zero (see `certified_preimage`).
    - In the closure: the map is dominant, or the equations found are known to define the closure: linear ones and at
      most one more, irreducible over the rational numbers.
    - Not in the image: the equations phi(theta) = y generate the unit ideal (Nullstellensatz), with exact multipliers.
    - Not in the real image: these equations have a combination that is a sum of squares plus a positive number.

    What is left is answered numerically, or not at all: by the witness set, and by the best of many local
    minimizations, which can miss a preimage. Solutions of phi(theta) = y modulo a prime decide nothing, since the image
    is only a constructible set, and are not used.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom.continuation.contains import contains
    >>> symmetric = ag.polynomial_map(["a^2", "a*b", "b^2"])
    >>> contains(symmetric, [4, 6, 9], rng=1)
    ImageMembership(closure: yes (proved), image: yes (proved), real image: yes (proved); distance to the real image
    <= 0)
    >>> contains(symmetric, [4, 6, 8], rng=1).equation
    y1*y3 - y2^2
    >>> contains(symmetric, [-1, 0, 0], rng=1)
    ImageMembership(closure: yes (proved), image: yes (proved), real image: no (proved); distance to the real image
    <= 1)
    """
    require_map(phi)
    point = exact_vector("y", y, phi.n_coordinates)
    if isinstance(starts, bool) or not isinstance(starts, int | np.integer) or starts < 1:
        raise InputError(f"starts={starts!r}; expected a positive integer")
    if witness is not None and not isinstance(witness, WitnessSet):
        raise InputError(f"witness={witness!r}; expected a WitnessSet, such as degree(phi).witness_set")
    if witness is not None and witness.map.tape != phi.tape:
        raise InputError("the witness set belongs to another map; give that of degree(phi, ...) for this one")
    seed, _ = seeds.resolve(rng)
    options = {"executor": executor, "threads": threads, "memory_limit": memory_limit}
    found = dimension(phi, rng=seed)
    search = EquationSearch(phi, found.value, ideal=ideal, max_degree=max_degree, seed=seed, **options)
    with reporter(progress) as report:
        return _Inquiry(phi, point, found, search, witness, bool(numerical), int(starts), seed, report).run()


def _undecided(name: str, reason: str) -> Answer:
    return Answer(None, Evidence(Status.NUMERICAL, math.nan, reason), f"Whether y is in {name} is undecided.")


def _decided(value: bool, name: str, status: Status, reason: str) -> Answer:
    error = -math.inf if status is Status.PROVED else math.nan
    return Answer(value, Evidence(status, error, reason), f"y is {'' if value else 'not '}in {name}.")


@dataclass(frozen=True)
class _Reached:
    """The image point nearest to y that minimizations reached: its distance, and the largest of its parameters."""

    distance: float
    largest: float
    settled: bool

    def unclear(self, tried: str) -> str:
        """Why it decides nothing."""
        return (
            f"no preimage could be proved; from {tried} the distance to y became as small as {self.distance:.1e}"
            + ("" if self.settled else " and went on falling")
            + f", with parameters up to {self.largest:.1e}"
        )


_NAMES = {"closure": "the closure of the image", "image": "the image", "real_image": "the real image"}


class _Inquiry:
    """One point: answers are filled in as they are found, together with those that they imply."""

    def __init__(
        self,
        phi: PolynomialMap,
        y: tuple[Fraction, ...],
        found: Dimension,
        search: EquationSearch,
        witness: WitnessSet | None,
        numerical: bool,
        starts: int,
        seed: int,
        report: Reporter,
    ) -> None:
        self.phi, self.y, self.found, self.search = phi, y, found, search
        self.witness, self.numerical, self.starts, self.seed, self.report = witness, numerical, starts, seed, report
        self.size = float(np.linalg.norm([float(v) for v in y])) or 1.0
        self.answers: dict[str, Answer] = {}
        self.equation: Polynomial | None = None
        self.parameters: tuple[Fraction, ...] | None = None
        self.certified: CertifiedPreimage | None = None
        self.distance = math.inf
        self.approximate: NDArray[np.float64] | None = None
        self.reached: dict[str, _Reached] = {}

    def run(self) -> ImageMembership:
        if self.found.value == self.phi.n_coordinates:
            self.yes("closure", Status.PROVED, "the map is dominant: a maximal minor of its Jacobian is not zero")
        real, _ = self._candidates("real", self._starts("real"))
        self._rational(real)
        if not self.done:
            self._equations()
        if not self.done:
            self._certify(real)
        if not self.done:
            anywhere, ends = self._candidates("complex", self._starts("complex"))
            # From there real searches reach preimages that lie behind poles and local minima.
            real = self._candidates("real", np.ascontiguousarray(ends.real))[0] if ends.size else []
            self._rational(real)
            if not self.done:
                self._certify([*real, *anywhere])
        if not self.done:
            self._certificates_of_absence()
        self._numerically()
        return ImageMembership(
            closure=self.answers["closure"],
            image=self.answers["image"],
            real_image=self.answers["real_image"],
            equation=self.equation,
            parameters=self.parameters,
            certified=self.certified,
            approximate=self.approximate,
            distance=self.distance,
            y=self.y,
            seed=self.seed,
        )

    @property
    def done(self) -> bool:
        return len(self.answers) == 3

    def yes(self, name: str, status: Status, reason: str) -> None:
        """In a set, and so in the larger ones."""
        order = list(_NAMES)
        for larger in order[: order.index(name) + 1]:
            self.answers.setdefault(larger, _decided(True, _NAMES[larger], status, reason))

    def no(self, name: str, evidence: Evidence) -> None:
        """Not in a set, and so not in the smaller ones."""
        order = list(_NAMES)
        for smaller in order[order.index(name) :]:
            self.answers.setdefault(smaller, Answer(False, evidence, f"y is not in {_NAMES[smaller]}."))

    def _starts(self, label: str) -> NDArray[Any]:
        rng = seeds.derive(self.seed, "contains", label)
        return starting_points(self.phi, self.starts, rng, is_complex=label == "complex")

    def _candidates(self, label: str, starts: NDArray[Any]) -> tuple[list[NDArray[Any]], NDArray[Any]]:
        """Numerical preimages, small parameters first, and all ends; keeps the nearest image point of each kind."""
        self.report.start(f"{label} preimages", starts.shape[1])
        found = fit(preimage_residuals(self.phi, self.y), starts)
        self.report.advance(starts.shape[1])
        points, norms, best = found.points, found.norms, found.best
        before = self.reached.get(label)
        if before is None or norms[best] < before.distance:
            largest = float(np.abs(points[:, best]).max(initial=0.0))
            self.reached[label] = _Reached(float(norms[best]), largest, bool(found.settled[best]))
            if label == "real" and np.isfinite(norms[best]):
                self.approximate = np.asarray(points[:, best], np.float64)
                self.distance = self._distance(self.approximate)
        good = np.flatnonzero((norms <= _CANDIDATE * self.size) & np.isfinite(norms))
        order = sorted(good.tolist(), key=lambda k: float(np.abs(points[:, k]).max(initial=0.0)))
        return [points[:, k] for k in order[:_TRIED]], points[:, np.isfinite(norms)]

    def _distance(self, theta: NDArray[np.float64]) -> float:
        """Distance from y to an image point, computed exactly and then rounded: y may be off by less than rounding."""
        try:
            values = self.phi.tape.evaluate_exact([Fraction(float(v)) for v in theta])
        except ZeroDivisionError:
            return math.inf
        square = sum(((Fraction(a) - b) ** 2 for a, b in zip(values, self.y, strict=True)), Fraction(0))
        # Numerator and denominator may be beyond the range of doubles.
        shift = (square.denominator.bit_length() - square.numerator.bit_length()) // 2
        try:
            return math.ldexp(math.sqrt(square * Fraction(4) ** shift), -shift)
        except OverflowError:
            return math.inf

    def _rational(self, candidates: Sequence[NDArray[Any]]) -> None:
        """A rational preimage decides everything."""
        rng = seeds.derive(self.seed, "contains", "rational")
        for theta in [np.zeros(self.phi.n_parameters), *candidates]:
            parameters = rational_preimage(self.phi, self.y, theta, rng, _CANDIDATE * self.size)
            if parameters is not None:
                self.parameters, self.distance = parameters, 0.0
                self.approximate = np.array([float(v) for v in parameters])
                self.yes("real_image", Status.PROVED, "phi(parameters) = y in exact arithmetic")
                return

    def _equations(self) -> None:
        """Equations until one is not zero at y."""
        if "closure" in self.answers:
            return
        for batch in self.search:
            failing = [(f, evidence) for f, evidence in batch if f(list(self.y)) != 0]
            if failing:
                self._excluded(failing)
                return
        if self.search.complete:
            reason = (
                f"y satisfies {self.search.describe()}, which define the closure: linear ones, and at most one more, "
                "irreducible over the rational numbers, by dimension"
            )
            self.yes("closure", Status.PROVED, reason)

    def _excluded(self, failing: Sequence[Equation]) -> None:
        """Prefer proved equations, then short ones."""
        strength = list(Status)
        f, evidence = min(failing, key=lambda pair: (strength.index(pair[1].status), pair[0].degree, len(pair[0])))
        self.equation = f
        value = short_number(f(list(self.y)))
        reason = f"an equation of degree {f.degree} that vanishes on the image ({evidence.reason}) is {value} at y"
        if self.distance <= _ROUNDED * self.size:
            reason += f"; the image comes within {self.distance:.1e}, so that rounding of y may be all that is wrong"
        self.no("closure", Evidence(evidence.status, evidence.log10_error, reason))

    def _certify(self, candidates: Sequence[NDArray[Any]]) -> None:
        """A preimage in balls; a real one decides everything, another one two questions."""
        if self.certified is not None:
            return
        proved = [f for f, evidence in self.search.equations if evidence.status is Status.PROVED]
        rng = seeds.derive(self.seed, "contains", "certify")
        for theta in candidates:
            found = certified_preimage(self.phi, self.y, theta, proved, rng, _CANDIDATE * self.size)
            if found is None:
                continue
            self.certified = found
            kind = "real" if found.is_real else "complex"
            reason = (
                f"a Krawczyk test encloses {kind} parameters that match {noun_count(len(found.free), 'coordinate')}, "
                f"and {found.method}"
            )
            self.yes("real_image" if found.is_real else "image", Status.PROVED, reason)
            return

    def _certificates_of_absence(self) -> None:
        """Combinations of the equations phi(theta) = y that have no zero."""
        equations = cleared_equations(self.phi.tape, self.y)
        if equations is None:
            return
        top = max(f.degree for f in equations)
        if "image" not in self.answers:
            for degree in range(max(top, 1), top + _CERTIFICATE_DEGREES):
                multipliers = nullstellensatz(equations, degree)
                if multipliers is not None:
                    reason = (
                        f"the equations phi(theta) = y generate 1: multipliers of degree up to "
                        f"{max(h.degree for _, h in multipliers)}, checked exactly"
                    )
                    self.no("image", Evidence(Status.PROVED, reason=reason))
                    return
        lowest = min((f.degree for f in equations if f), default=0)
        for half in range((lowest + 1) // 2, (top + _CERTIFICATE_DEGREES) // 2 + 1):
            found = find_sum_of_squares(equations, half_degree=max(half, 1), max_size=40, max_unknowns=400)
            if found is not None:
                reason = (
                    f"a combination of the equations phi(theta) = y, of degree {found[0].polynomial.degree}, is a sum "
                    f"of squares plus at least {decimal(found[0].bound)}, checked exactly"
                )
                self.no("real_image", Evidence(Status.PROVED, reason=reason))
                return

    def _numerically(self) -> None:
        """What is left: by the search for preimages, and by the witness set for the closure."""
        real, anywhere = self.reached["real"], min(self.reached.values(), key=lambda reached: reached.distance)
        tried = f"{self.starts} real starting points, and the ends of complex ones,"
        if "real_image" not in self.answers:
            if self._at_rounding(real):
                reason = f"a real preimage up to rounding: phi(theta) is at distance {real.distance:.1e} from y"
                self.yes("real_image", Status.NUMERICAL, reason)
            elif real.settled and real.distance > _CANDIDATE * self.size:
                reason = f"minimizations from {tried} settled at distances of at least {real.distance:.3g}"
                self.no("real_image", Evidence(Status.NUMERICAL, math.nan, reason))
            else:
                self.answers["real_image"] = _undecided(_NAMES["real_image"], real.unclear(tried))
        if "image" not in self.answers:
            if self._at_rounding(anywhere):
                reason = f"a complex preimage up to rounding: phi(theta) is at distance {anywhere.distance:.1e} from y"
                self.yes("image", Status.NUMERICAL, reason)
            else:
                both = f"{self.starts} real and {self.starts} complex starting points"
                self.answers["image"] = _undecided(_NAMES["image"], anywhere.unclear(both))
        if "closure" not in self.answers:
            self._closure_numerically()

    def _at_rounding(self, reached: _Reached) -> bool:
        return (
            math.isfinite(reached.distance)
            and reached.distance <= _ROUNDING * self.size
            and reached.largest <= _FAR * max(1.0, self.size)
        )

    def _closure_numerically(self) -> None:
        what = f"{self.search.describe()} vanish at y" if self.search.equations else self.search.describe()
        if self.witness is None and not self.numerical:
            self.answers["closure"] = _undecided(_NAMES["closure"], what)
            return
        try:
            if self.witness is None:
                self.report.message("finding a witness set")
                points = degree(self.phi, method="monodromy", rng=self.seed)
                if points.interrupted:
                    raise KeyboardInterrupt
                self.witness = points.witness_set
            assert self.witness is not None
            found = self.witness.contains([float(v) for v in self.y], rng=self.seed)
        except (GenericityError, OverflowError) as error:
            reason = f"{what}, and the witness set failed: {error}; try a larger max_degree"
            self.answers["closure"] = _undecided(_NAMES["closure"], reason)
            return
        reason = f"{what}; witness set: {found.evidence.reason}"
        if found.value is None:
            self.answers["closure"] = _undecided(_NAMES["closure"], reason)
        elif found.value:
            self.yes("closure", Status.NUMERICAL, reason)
        else:
            # What was undecided about the smaller sets is settled as well.
            for name in ("image", "real_image"):
                self.answers.pop(name, None)
            self.no("closure", Evidence(found.evidence.status, math.nan, reason))

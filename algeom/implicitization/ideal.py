"""What implicitization finds: the equations of an image up to some degree, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.algebra.polynomial import Polynomial
from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.dimension import Dimension
from algeom.implicitization.grading import Grading
from algeom.maps.polynomial_map import PolynomialMap

if TYPE_CHECKING:
    from algeom.implicitization.certificates import Certificate

_SHOWN = 12


@dataclass(frozen=True)
class DegreeSummary:
    """What was found in one degree.

    Attributes
    ----------
    degree : int
    n_monomials : int
        dim R_d.
    ideal_dimension : int
        dim I_d.
    n_generators : int or None
        Minimal generators of this degree; None if they were not asked for.
    n_blocks, n_orbits, largest_block : int
        Multidegrees, those of them that were solved, and the monomials of the largest.
    evidence : Evidence
        For `ideal_dimension`, which is a proven upper bound whenever the grading is proven.
    """

    degree: int
    n_monomials: int
    ideal_dimension: int
    n_generators: int | None
    n_blocks: int
    n_orbits: int
    largest_block: int
    evidence: Evidence


@dataclass(frozen=True)
class Membership:
    """Whether a point satisfies the equations that were found.

    Attributes
    ----------
    value : bool
        Truth value of the object as well.
    equation : Polynomial or None
        The equation that fails most.
    residual : float
        Its absolute value at the point, divided by the sum of the absolute values of its terms.
    evidence : Evidence
        "No" at an exact point is PROVED by a proven equation. "Yes" only says that the equations found hold; further
        ones, of higher degree, may exist.
    """

    value: bool
    equation: Polynomial | None
    residual: float
    evidence: Evidence

    def __bool__(self) -> bool:
        return self.value


@dataclass(frozen=True, eq=False)
class Ideal:
    """The ideal of the closure of an image, up to some degree.

    Attributes
    ----------
    map : PolynomialMap
    homogenized : bool
        The image closure is not a cone. Degrees then count the homogenization: dim I_d is the dimension of the
        polynomials of degree at most d in the ideal, and `generators` are dehomogenized. They generate, but need not
        be a minimal set.
    dimension : Dimension
    grading : Grading
        Of the cone when `homogenized`, whose first coordinate is the homogenizing one.
    degrees : tuple of DegreeSummary
    generators : tuple of Polynomial
        Exact, primitive, integer; empty when ``lift=False``.
    generator_evidence : tuple of Evidence
        How each was verified to vanish.
    evidence : Evidence
        For the statement that the dimensions are right and the generators generate, in all listed degrees. That no
        generator is redundant rests on ranks modulo two primes: their number is a proven upper bound.
    certificate : Certificate or None
        None when ``lift=False``.
    seed : int
        Repeats the computation.
    primes : tuple of int
    timings : dict
        Seconds by stage.
    interrupted : bool
        Stopped by Ctrl-C: what is listed is complete, later degrees are missing.
    """

    map: PolynomialMap
    homogenized: bool
    dimension: Dimension
    grading: Grading
    degrees: tuple[DegreeSummary, ...]
    generators: tuple[Polynomial, ...]
    generator_evidence: tuple[Evidence, ...]
    evidence: Evidence
    certificate: Certificate | None
    seed: int
    primes: tuple[int, ...]
    timings: dict[str, float] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def status(self) -> Status:
        """Status of the whole: PROVED, PROBABILISTIC or NUMERICAL."""
        return self.evidence.status

    @property
    def ideal_dimensions(self) -> dict[int, int]:
        """Dimension of I_d by degree."""
        return {row.degree: row.ideal_dimension for row in self.degrees}

    @property
    def hilbert_function(self) -> dict[int, int]:
        """Dimension of (R/I)_d by degree."""
        return {row.degree: row.n_monomials - row.ideal_dimension for row in self.degrees}

    @property
    def minimal_generator_counts(self) -> dict[int, int]:
        """Minimal generators by degree (of the homogenization, when `homogenized`)."""
        return {row.degree: row.n_generators for row in self.degrees if row.n_generators is not None}

    def __iter__(self) -> Iterator[Polynomial]:
        return iter(self.generators)

    def __len__(self) -> int:
        return len(self.generators)

    def contains(self, y: Sequence[Any] | np.ndarray[Any, Any], *, tolerance: float = 1e-8) -> Membership:
        """Whether a point satisfies all generators found.

        Parameters
        ----------
        y : sequence, shape (m,)
            Integers and Fractions are decided exactly; floats and complex numbers by `tolerance`.
        tolerance : float
            Largest relative residual at a floating-point point.

        Returns
        -------
        Membership

        Raises
        ------
        InputError
            If the ideal holds no equations because it was computed with ``lift=False``, or y has the wrong length or
            is not finite.
        """
        if self.certificate is None and not self.generators and any(r.ideal_dimension for r in self.degrees):
            raise InputError("the equations were counted but not lifted; call implicitize(..., lift=True) first")
        point = list(y)
        if len(point) != self.map.n_coordinates:
            raise InputError(f"the point has {len(point)} coordinates; expected {self.map.n_coordinates}")
        exact = all(isinstance(v, int | Fraction | np.integer) for v in point)
        if exact:
            point = [v if isinstance(v, Fraction) else int(v) for v in point]
        else:
            try:
                finite = np.all(np.isfinite(np.array([complex(v) for v in point])))
            except (TypeError, ValueError):
                raise InputError(f"the point {point!r} has entries that are no numbers") from None
            if not finite:
                raise InputError("the point has entries that are NaN or infinite; give finite numbers")
        worst, worst_residual, its_evidence = None, 0.0, Evidence(Status.PROVED)
        for generator, evidence in zip(self.generators, self.generator_evidence, strict=True):
            # For floating point, huge coefficients are scaled down before they are converted.
            equation = generator if exact else generator / max(abs(Fraction(c)) for c in generator.coefficients)
            value = equation(point)
            if value == 0:
                continue
            terms = [_term_value(exponents, c, point) for exponents, c in equation.terms()]
            if exact:
                # The quotient of exact numbers of any size, which may themselves be beyond floating point.
                residual = float(abs(Fraction(value)) / sum(abs(Fraction(term)) for term in terms))
            else:
                residual = float(abs(value) / sum(abs(term) for term in terms))
            if residual >= worst_residual:
                worst, worst_residual, its_evidence = generator, residual, evidence
        if worst is None:
            return Membership(True, None, 0.0, combine([self.evidence], "all equations found vanish at the point"))
        if exact:
            return Membership(False, worst, worst_residual, its_evidence)
        numerical = Evidence(Status.NUMERICAL, float("nan"), f"largest relative residual {worst_residual:.1e}")
        return Membership(worst_residual <= tolerance, worst, worst_residual, numerical)

    def equations_table(self) -> str:
        """All generators, one a line, with degree and how each was verified."""
        if not self.generators:
            return "no equations"
        lines = [f"{'degree':>6}  {'verified':<13}  equation"]
        for equation, evidence in zip(self.generators, self.generator_evidence, strict=True):
            lines.append(f"{equation.degree:>6}  {evidence.status!s:<13}  {equation}")
        return "\n".join(lines)

    def plot(self, kind: str = "hilbert", *, ax: Any = None) -> Any:
        """Draw "hilbert", "blocks" or "generators" (`algeom.plot.ideal`); returns matplotlib Axes."""
        from algeom import plot

        return plot.ideal(self, kind, ax=ax)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} of degree {d}" for d, n in self.minimal_generator_counts.items() if n)
        through = f"degrees {', '.join(str(r.degree) for r in self.degrees)}" if self.degrees else "no degree"
        return f"Ideal({counts or 'no equations'}; {through}; {self.status})"

    def __str__(self) -> str:
        dimension = f"dimension {self.dimension.value}"
        if self.dimension.projective is not None:
            dimension += f" (projective {self.dimension.projective})"
        lines = [
            f"Ideal of the image of {self.map!r}",
            f"{dimension}, torus of rank {self.grading.rank}, {self.evidence}"
            + (", degrees of the homogenization" if self.homogenized else "")
            + (", INTERRUPTED" if self.interrupted else ""),
            f"{'degree':>6} {'monomials':>10} {'dim I_d':>8} {'new':>6} {'blocks':>7} {'solved':>7} {'largest':>8}"
            "  status",
        ]
        for row in self.degrees:
            new = "" if row.n_generators is None else str(row.n_generators)
            lines.append(
                f"{row.degree:>6} {row.n_monomials:>10} {row.ideal_dimension:>8} {new:>6} {row.n_blocks:>7} "
                f"{row.n_orbits:>7} {row.largest_block:>8}  {row.evidence.status}"
            )
        for equation in self.generators[:_SHOWN]:
            lines.append(f"  {equation!r}" if len(equation) > _SHOWN else f"  {equation}")
        if len(self.generators) > _SHOWN:
            lines.append(f"  ... and {len(self.generators) - _SHOWN} more equations")
        if self.certificate is not None and self.grading.evidence.status is Status.PROBABILISTIC:
            lines.append('part of the torus is known with a probability only; torus="proved" does without it')
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f"<th>{h}</th>" for h in ("degree", "dim R_d", "dim I_d", "new", "blocks", "largest", "status"))
        body = "".join(
            f"<tr><td>{r.degree}</td><td>{r.n_monomials}</td><td>{r.ideal_dimension}</td>"
            f"<td>{'' if r.n_generators is None else r.n_generators}</td><td>{r.n_blocks}</td>"
            f"<td>{r.largest_block}</td><td>{escape(str(r.evidence.status))}</td></tr>"
            for r in self.degrees
        )
        shown = "".join(f"<li>{escape(str(g)[:400])}</li>" for g in self.generators[:_SHOWN])
        return f"<p>{escape(repr(self))}</p><table><tr>{head}</tr>{body}</table><ol>{shown}</ol>"


def _term_value(exponents: Any, coefficient: Any, point: list[Any]) -> Any:
    value = coefficient
    for variable, exponent in enumerate(exponents):
        if exponent:
            value = value * point[variable] ** int(exponent)
    return value

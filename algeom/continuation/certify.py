"""Certification of solutions: which of them approximate regular zeros, distinct ones and real ones, as a theorem."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.krawczyk import FIRST_PRECISION, LAST_PRECISION, Certifier, Enclosure, Rejection
from algeom.continuation.systems import System
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps.constants import exact_constant
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress, reporter

#: Solutions between two reports of progress.
_REPORT = 50


@dataclass(frozen=True)
class CertifiedZero:
    """A regular zero of a system, enclosed; the numbers are exact.

    Attributes
    ----------
    center : tuple of pairs of Fraction
        Real and imaginary parts, one pair for each unknown.
    radii : tuple of Fraction
        The zero is within these distances of the centre, unknown by unknown.
    unique : tuple of Fraction
        There is exactly one zero within these larger distances, and it is regular.
    is_real : bool or None
        Whether all its coordinates are proved real (True) or some proved not real (False); None if undecided.
    precision : int
        Bits of the arithmetic that proved it.
    """

    center: tuple[tuple[Fraction, Fraction], ...]
    radii: tuple[Fraction, ...]
    unique: tuple[Fraction, ...]
    is_real: bool | None
    precision: int

    def to_complex(self) -> NDArray[np.complex128]:
        """The centre rounded to double precision, shape (n,)."""
        return np.array([complex(float(x), float(y)) for x, y in self.center])


@dataclass(frozen=True, eq=False, repr=False)
class Certification:
    """What is proved about approximate solutions of a square system.

    Attributes
    ----------
    n_unknowns : int
    zeros : tuple of CertifiedZero or None
        For each solution the zero that it approximates, None if there is no certificate.
    same_as : ndarray of int64, shape (B,)
        Index of the first solution that approximates the same zero: its own for the first one, -1 without certificate.
        Two zeros that could not be told apart with the highest precision count as one.
    reasons : tuple of str
        For each solution why it was not certified; empty for certified ones.
    evidence : Evidence
        PROVED: there are at least `count` regular isolated zeros, at least `n_real` of them real.
    seconds : float
    """

    n_unknowns: int
    zeros: tuple[CertifiedZero | None, ...]
    same_as: NDArray[np.int64]
    reasons: tuple[str, ...]
    evidence: Evidence
    seconds: float

    @property
    def certified(self) -> NDArray[np.bool_]:
        """Which solutions approximate a regular zero, shape (B,)."""
        return np.asarray(self.same_as >= 0)

    @property
    def distinct(self) -> NDArray[np.bool_]:
        """Certified solutions, one for each zero (the first), shape (B,)."""
        return np.asarray(self.same_as == np.arange(len(self.same_as)))

    @property
    def real(self) -> NDArray[np.bool_]:
        """Which solutions approximate a zero that is proved real, shape (B,)."""
        return np.array([zero is not None and zero.is_real is True for zero in self.zeros], dtype=np.bool_)

    @property
    def nonreal(self) -> NDArray[np.bool_]:
        """Which solutions approximate a zero that is proved to have a coordinate that is not real, shape (B,)."""
        return np.array([zero is not None and zero.is_real is False for zero in self.zeros], dtype=np.bool_)

    @property
    def count(self) -> int:
        """Number of distinct certified zeros: a proven lower bound for the number of regular ones."""
        return int(np.count_nonzero(self.distinct))

    @property
    def n_real(self) -> int:
        """Number of distinct certified zeros that are proved real."""
        return len(set(self.same_as[self.real].tolist()))

    @property
    def solutions(self) -> NDArray[np.complex128]:
        """One refined approximation for each distinct zero, to double precision, shape (n, count)."""
        chosen = [self.zeros[k] for k in np.flatnonzero(self.distinct).tolist()]
        columns = [zero.to_complex() for zero in chosen if zero is not None]
        return np.array(columns, dtype=np.complex128).reshape(-1, self.n_unknowns).T

    @property
    def balls(self) -> tuple[tuple[Any, ...] | None, ...]:
        """For each solution boxes around its zero as python-flint ``acb``, at the present ``flint.ctx.prec``."""
        return tuple(None if zero is None else _boxes(zero) for zero in self.zeros)

    def __len__(self) -> int:
        return len(self.zeros)

    def __repr__(self) -> str:
        return (
            f"Certification({noun_count(len(self), 'solution')}: {int(self.certified.sum())} certified, "
            f"{self.count} distinct, {self.n_real} real)"
        )

    def __str__(self) -> str:
        lines = [repr(self), f"{self.evidence!r}"]
        counts: dict[str, int] = {}
        for reason in self.reasons:
            if reason:
                # Figures differ from point to point; what happened does not.
                kind = reason.partition(" (")[0]
                counts[kind] = counts.get(kind, 0) + 1
        lines += [f"{count} not certified: {kind}" for kind, count in counts.items()]
        return "\n".join(lines)


def _boxes(zero: CertifiedZero) -> tuple[Any, ...]:
    from flint import acb, arb, fmpq

    def interval(center: Fraction, radius: Fraction) -> Any:
        ball = arb(fmpq(center.numerator, center.denominator))
        return ball + arb(0, arb(fmpq(radius.numerator, radius.denominator)).upper())

    return tuple(acb(interval(x, r), interval(y, r)) for (x, y), r in zip(zero.center, zero.radii, strict=True))


def certify(
    system: System,
    solutions: Any,
    parameters: Any = None,
    *,
    precision: int = LAST_PRECISION,
    max_distance: float = 0.1,
    progress: Progress = False,
) -> Certification:
    """Prove that points approximate regular zeros of a square system, and which of these are distinct and real.

    Parameters
    ----------
    system : System
        As many equations as unknowns; polynomial or rational.
    solutions : array_like, shape (n,) or (n, B)
        Approximate solutions as columns. Entries that are NaN or infinite are allowed, and not certified.
    parameters : sequence of k numbers, optional
        int, Fraction, float or complex; taken exactly as they are. Zeros can be proved real if all are real.
    precision : int, default 1024
        Most bits to use. Most solutions need the 64 of the first attempt; clusters of zeros need more.
    max_distance : float, default 0.1
        A zero farther from the given point than this times max(1, |x|), in the maximum norm, is not counted as what
        the point approximates, even if Newton's method converges to it.
    progress : bool or callable
        As everywhere.

    Returns
    -------
    Certification
        ``.certified``, ``.distinct``, ``.real`` for each solution; ``.count`` and ``.n_real``; ``.reasons`` says why a
        solution was not certified.

    Raises
    ------
    InputError
        If the system is not square, or the shapes do not fit.

    Notes
    -----
    Each point is refined by Newton's method, and a polydisc around it is shown to be mapped into itself by a
    contraction whose fixed points are the zeros, in ball arithmetic (python-flint), so that rounding is accounted for:
    the Krawczyk test. The zero is then unique there, and regular. Zeros are distinct if polydiscs that hold them are
    disjoint, and equal if one lies where the other is unique; with real coefficients a zero is real if its conjugate
    lies where it is unique. The precision is doubled until all is decided. Singular zeros are never certified.

    References
    ----------
    R. Krawczyk, Newton-Algorithmen zur Bestimmung von Nullstellen mit Fehlerschranken, Computing 4 (1969), 187-201.
    P. Breiding, K. Rose, S. Timme, Certifying zeros of polynomial systems using interval arithmetic, ACM Trans. Math.
    Software 49 (2023), arXiv:2011.05000, Theorem 2.1.
    S. M. Rump, Verification methods: rigorous results using floating-point arithmetic, Acta Numerica 19 (2010).

    Examples
    --------
    The point 1 is a double root of the second factor.

    >>> import algeom as ag
    >>> from algeom.continuation.certify import certify
    >>> system = ag.polynomial_system(["(x^2 - 2)*(x - 1)^2"], unknowns=["x"])
    >>> result = certify(system, [[1.4142, -1.4142, 1.41, 1.0]])
    >>> result
    Certification(4 solutions: 3 certified, 2 distinct, 2 real)
    >>> result.same_as.tolist(), result.certified.tolist()
    ([0, 1, 0, -1], [True, True, True, False])
    """
    begin = time.perf_counter()
    certifier, points = _prepared(system, solutions, parameters, precision)
    if not max_distance > 0:
        raise InputError(f"max_distance={max_distance!r}; give a positive number")
    found: list[Enclosure | Rejection] = []
    with reporter(progress) as report:
        report.start("certification", points.shape[1])
        for first in range(0, points.shape[1], _REPORT):
            part = np.ascontiguousarray(points[:, first : first + _REPORT])
            found += _certified(certifier, part, max_distance)
            report.advance(part.shape[1])
        same_as = _classes(certifier, found)
    zeros = tuple(_exact(certifier, zero) if isinstance(zero, Enclosure) else None for zero in found)
    reasons = tuple(zero.reason if isinstance(zero, Rejection) else "" for zero in found)
    seconds = time.perf_counter() - begin
    result = Certification(system.n_unknowns, zeros, same_as, reasons, Evidence(Status.PROVED), seconds)
    statement = f"at least {noun_count(result.count, 'regular isolated zero')}, at least {result.n_real} real"
    evidence = Evidence(Status.PROVED, reason=f"Krawczyk tests in ball arithmetic: {statement}")
    return replace(result, evidence=evidence)


def certified_distinct(
    system: System, x1: Any, x2: Any, parameters: Any = None, *, precision: int = LAST_PRECISION
) -> bool | None:
    """Whether two approximate solutions belong to different zeros, decided by proof.

    Parameters
    ----------
    system : System
        As many equations as unknowns.
    x1, x2 : array_like, shape (n,)
    parameters, precision
        As for `certify`.

    Returns
    -------
    bool or None
        True: two different regular zeros. False: one zero. None: not both points could be certified, or the precision
        did not suffice.

    Examples
    --------
    >>> import algeom as ag
    >>> system = ag.polynomial_system(["x^2 - 2"], unknowns=["x"])
    >>> certified_distinct(system, [1.414], [1.4142]), certified_distinct(system, [1.414], [-1.414])
    (False, True)
    """
    pair = [np.asarray(x) for x in (x1, x2)]
    if any(x.shape != (system.n_unknowns,) for x in pair):
        raise InputError(f"two points have shapes {pair[0].shape}, {pair[1].shape}; expected ({system.n_unknowns},)")
    certifier, points = _prepared(system, np.column_stack(pair), parameters, precision)
    a, b = _certified(certifier, points, 0.1)
    if isinstance(a, Rejection) or isinstance(b, Rejection):
        return None
    relation, _, _ = certifier.relation(a, b)
    return {"distinct": True, "same": False, "undecided": None}[relation]


def _prepared(
    system: System, solutions: Any, parameters: Any, precision: int
) -> tuple[Certifier, NDArray[np.complex128]]:
    """Checked arguments of the verbs here: the certifier, and the points as columns."""
    if not isinstance(system, System):
        raise InputError(f"a {type(system).__name__} was given where a system is expected; see polynomial_system")
    n = system.n_unknowns
    if not system.is_square:
        advice = (
            f"replace the equations by {n} random linear combinations of them (their zeros include those of the system)"
            if system.n_equations > n
            else f"add {n - system.n_equations} equations, as of a slice that meets the solutions"
        )
        raise InputError(
            f"{noun_count(system.n_equations, 'equation')} in {noun_count(n, 'unknown')}; "
            f"a certificate of isolated zeros needs a square system: {advice}"
        )
    if precision < FIRST_PRECISION:
        raise InputError(f"precision={precision!r} bits; give at least {FIRST_PRECISION}")
    try:
        points = np.asarray(solutions, dtype=np.complex128)
    except (TypeError, ValueError) as error:
        raise InputError(f"solutions are not numbers: {error}") from error
    if points.ndim not in (1, 2) or points.shape[0] != n:
        raise InputError(
            f"solutions has the shape {points.shape}; expected ({n},), or ({n}, B) with one point a column"
        )
    columns = points[:, None] if points.ndim == 1 else points
    return Certifier(system, _exact_parameters(system, parameters), int(precision)), np.ascontiguousarray(columns)


def _exact_parameters(system: System, parameters: Any) -> list[tuple[Fraction, Fraction]]:
    k = system.n_parameters
    if parameters is None and k:
        raise InputError(f"the system has {noun_count(k, 'parameter')}; give their values")
    values = [] if parameters is None else list(parameters)
    if len(values) != k or any(np.ndim(value) for value in values):
        raise InputError(
            f"parameters has the shape {np.shape(parameters)}; expected ({k},): one vector for all solutions"
        )
    exact: list[tuple[Fraction, Fraction]] = []
    for value in values:
        parts = (value.real, value.imag) if isinstance(value, (complex, np.complexfloating)) else (value, 0)
        exact.append((exact_constant(parts[0])[0], exact_constant(parts[1])[0]))
    return exact


def _certified(
    certifier: Certifier, points: NDArray[np.complex128], max_distance: float
) -> list[Enclosure | Rejection]:
    """Certify points (n, B) one by one, with inverse Jacobians in double precision for the first attempt."""
    finite = [bool(np.isfinite(point).all()) for point in points.T]
    inverses = _inverses(certifier, np.where(finite, points, 0))
    result: list[Enclosure | Rejection] = []
    for k, (point, inverse) in enumerate(zip(points.T, inverses, strict=True)):
        if finite[k]:
            limit = max_distance * max(1.0, float(np.abs(point).max()))
            result.append(certifier.certify(point, inverse, limit))
        else:
            result.append(Rejection("the point has an entry that is NaN or infinite"))
    return result


def _inverses(certifier: Certifier, points: NDArray[np.complex128]) -> list[NDArray[np.complex128] | None]:
    """Approximate inverses of the Jacobians at points (n, B); None where there is none in double precision."""
    system = certifier.system
    try:
        numbers = [complex(float(x), float(y)) for x, y in certifier.parameters]
        jacobians = system.jacobian(points, np.array(numbers) if numbers else None)
    except (OverflowError, InputError):  # a constant or parameter beyond the range of doubles
        return [None] * points.shape[1]
    result: list[NDArray[np.complex128] | None] = []
    for jacobian in jacobians:
        try:
            with np.errstate(all="ignore"):
                inverse = np.linalg.inv(jacobian)
        except np.linalg.LinAlgError:
            result.append(None)
        else:
            result.append(inverse if np.isfinite(inverse).all() else None)
    return result


def _classes(certifier: Certifier, found: list[Enclosure | Rejection]) -> NDArray[np.int64]:
    """For each point the first one with the same zero, -1 without certificate; refines the enclosures in place.

    Only zeros whose shadows on one line overlap are compared: intervals are swept from left to right.
    """
    same_as = np.full(len(found), -1, dtype=np.int64)
    shadows = sorted((*_shadow(zero), k) for k, zero in enumerate(found) if isinstance(zero, Enclosure))
    active: list[tuple[float, int]] = []
    for low, high, k in shadows:
        active = [(end, j) for end, j in active if end >= low]
        same_as[k] = k
        for position, (end, j) in enumerate(active):
            relation, found[j], found[k] = certifier.relation(_enclosure(found[j]), _enclosure(found[k]))
            if relation != "distinct":
                same_as[k] = j
                active[position] = (max(end, high), j)
                break
        else:
            active.append((high, k))
    first: dict[int, int] = {}
    for k, j in enumerate(same_as.tolist()):
        if j >= 0:
            first.setdefault(j, k)
            same_as[k] = first[j]
    return same_as


def _enclosure(zero: Enclosure | Rejection) -> Enclosure:
    assert isinstance(zero, Enclosure)
    return zero


def _shadow(zero: Enclosure) -> tuple[float, float]:
    """An interval that holds a fixed linear form, with generic real coefficients, at the zero."""
    middle = width = 0.0
    for j, (c, r) in enumerate(zip(zero.center, zero.radii, strict=True)):
        for part, phase in ((c.real, 0.0), (c.imag, 0.5)):
            weight = 1.5 + math.cos(2.0 * j + phase)
            value = float(part.mid())
            middle += weight * value
            # Doubles hold the centre to 2^-53, and sums and products of them lose as much again, term by term.
            width += weight * (float(r.upper()) + (8 + len(zero.center)) * 2.0**-52 * abs(value))
    width *= 1.000001
    return middle - width, middle + width


def _exact(certifier: Certifier, zero: Enclosure) -> CertifiedZero:
    def fraction(number: Any) -> Fraction:
        mantissa, exponent = (int(part) for part in number.man_exp())
        return Fraction(mantissa << exponent) if exponent >= 0 else Fraction(mantissa, 1 << -exponent)

    is_real: bool | None = None
    if zero.is_nonreal:
        is_real = False
    elif certifier.is_real_system and all(c.imag.is_zero() for c in zero.center):
        is_real = True
    return CertifiedZero(
        center=tuple((fraction(c.real), fraction(c.imag)) for c in zero.center),
        radii=tuple(fraction(r) for r in zero.radii),
        unique=tuple(fraction(u) for u in zero.unique),
        is_real=is_real,
        precision=zero.precision,
    )

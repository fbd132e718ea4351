"""The Krawczyk test in complex ball arithmetic: one zero of a square system, enclosed and proved unique nearby."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from flint import acb, acb_mat, arb, ctx, fmpq
from numpy.typing import NDArray

from algeom.continuation.systems import System

#: Bits of the first attempt (doubles carry 53) and of the last.
FIRST_PRECISION, LAST_PRECISION = 64, 1024

#: A Newton step must be at most this part of the one before. Convergence is quadratic near a regular zero, while
#: steps shrink by 1 - 1/k near a zero of multiplicity k and by 1 - 1/d far from all zeros of a polynomial of degree d.
_CONTRACTION = 0.25

#: Bits of the largest relative radius that is tried; large ones tell equal and real zeros apart without more digits.
_LARGEST_RADIUS = 12

#: Radii tried at one precision. Each follows from the norm seen at the one before, so that two nearly always do.
_RADII = 5

# The precision of python-flint belongs to the process, not to the thread.
_PRECISION_LOCK = threading.RLock()


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Compute at a precision; flint has one for the whole process, so threads take turns."""
    with _PRECISION_LOCK, ctx.workprec(bits):
        yield


@dataclass(frozen=True)
class Enclosure:
    """A polydisc around a centre in which a system has exactly one zero, and a smaller one that holds it.

    Attributes
    ----------
    center : tuple of acb
        Exact numbers.
    radii : tuple of arb
        Exact; the zero is within them of the centre, coordinate by coordinate.
    unique : tuple of arb
        Exact; there is no second zero within them of the centre, and the zero is regular.
    precision : int
        Bits of the arithmetic that proved it.
    """

    center: tuple[Any, ...]
    radii: tuple[Any, ...]
    unique: tuple[Any, ...]
    precision: int

    def real(self) -> Enclosure | None:
        """The zero of a system with real coefficients with a real centre, or None unless it is proved real.

        Its conjugate is a zero as well, and no farther from the conjugate centre than the zero is from the centre: if
        the polydisc of uniqueness reaches that far, the two are equal.
        """
        with working_precision(self.precision):
            parts = list(zip(self.center, self.radii, self.unique, strict=True))
            if not all(2 * abs(c.imag) + r < u for c, r, u in parts):
                return None
            center = tuple(acb(c.real) for c in self.center)
            unique = tuple((u - abs(c.imag)).lower() for c, _, u in parts)
        return Enclosure(center, self.radii, unique, self.precision)

    @property
    def is_nonreal(self) -> bool:
        """Whether some coordinate of the zero is proved not to be real."""
        with working_precision(self.precision):
            return any(abs(c.imag) > r for c, r in zip(self.center, self.radii, strict=True))

    def contains(self, other: Enclosure) -> bool:
        """Whether the zero of another enclosure lies where this one says that there is no second zero."""
        with working_precision(max(self.precision, other.precision)):
            parts = zip(self.center, self.unique, other.center, other.radii, strict=True)
            return all((c - d).abs_upper() + r < u for c, u, d, r in parts)

    def is_disjoint(self, other: Enclosure) -> bool:
        """Whether the two zeros are proved to differ."""
        with working_precision(max(self.precision, other.precision)):
            parts = zip(self.center, self.radii, other.center, other.radii, strict=True)
            return any((c - d).abs_lower() > r + s for c, r, d, s in parts)


@dataclass(frozen=True)
class Rejection:
    """Why no zero was certified, in words."""

    reason: str


class Certifier:
    """Krawczyk tests for one system at one parameter vector.

    Parameters
    ----------
    system : System
        Square.
    parameters : sequence of pairs of Fraction
        Real and imaginary part of every parameter.
    precision : int
        Most bits to use.

    Notes
    -----
    Let Y be an approximate inverse of the Jacobian at the centre m, and D the polydisc ``|z_j - m_j| <= R_j``. The
    entries of the Jacobian over D lie in rectangles, which are convex: by the mean value theorem the map
    ``z -> z - Y F(z)`` differs on D between two points by a matrix of ``M = I - Y F'(D)`` times their difference. If

        |Y F(m)|_j + sum_k |M_jk| R_k < R_j  for all j,

    it maps D into itself and is a contraction in the norm ``max |z_j| / R_j``, with a factor q < 1; Y and all F'(z)
    are then invertible. D holds exactly one zero, it is regular, and it is within ``max_j |Y F(m)|_j / R_j / (1-q)``
    of m in that norm. (R. Krawczyk, Computing 4 (1969) 187-201; S. M. Rump, Acta Numerica 19 (2010), section 13;
    P. Breiding, K. Rose, S. Timme, arXiv:2011.05000, who use rectangles and need a factor of sqrt 2.)
    """

    def __init__(
        self, system: System, parameters: Sequence[tuple[Fraction, Fraction]], precision: int = LAST_PRECISION
    ) -> None:
        self.system = system
        self.last_precision = precision
        self.is_real_system = all(not imaginary for _, imaginary in parameters)
        self.parameters = tuple(parameters)
        self._levels: dict[int, tuple[Callable[[Fraction], Any], list[Any]]] = {}
        self._identity = acb_mat([[int(i == j) for j in range(system.n_unknowns)] for i in range(system.n_unknowns)])

    def certify(
        self,
        point: NDArray[np.complex128],
        inverse: NDArray[np.complex128] | None,
        max_distance: float,
    ) -> Enclosure | Rejection:
        """Enclose the zero that Newton's method finds from a point.

        Parameters
        ----------
        point : ndarray of complex128, shape (n,)
        inverse : ndarray of complex128, shape (n, n), or None
            Approximate inverse of the Jacobian there for the first attempt, if there is one.
        max_distance : float
            Largest distance of a zero from the point in the maximum norm.
        """
        start = [acb(complex(z)) for z in point]
        scale = _scale(start)
        precision = FIRST_PRECISION
        first = None if inverse is None else acb_mat([[acb(complex(y)) for y in row] for row in inverse])
        while True:
            with working_precision(precision):
                found = self._attempt(start, scale, first, max_distance, precision)
            if isinstance(found, Enclosure):
                return self._decide_reality(found)
            if found is not None:
                return found
            if precision >= self.last_precision:
                return Rejection(
                    f"the test failed with {precision} bits: the zero is singular or nearly so; "
                    "if it is regular, allow a higher precision"
                )
            first = None
            precision = min(2 * precision, self.last_precision)

    def relation(
        self, a: Enclosure, b: Enclosure
    ) -> tuple[Literal["same", "distinct", "undecided"], Enclosure, Enclosure]:
        """Whether two enclosed zeros are one; refines them as far as that takes."""
        while True:
            if a.is_disjoint(b):
                return "distinct", a, b
            if a.contains(b) or b.contains(a):
                return "same", a, b
            finer_a, finer_b = self.refine(a), self.refine(b)
            if finer_a is None or finer_b is None:
                return "undecided", a, b
            a, b = finer_a, finer_b

    def refine(self, zero: Enclosure) -> Enclosure | None:
        """Enclose the same zero with twice as many bits, or None beyond the last precision."""
        precision = 2 * zero.precision
        if precision > self.last_precision:
            return None
        start = list(zero.center)
        with working_precision(precision):
            found = self._attempt(start, _scale(start), None, math.inf, precision)
        return found if isinstance(found, Enclosure) and zero.contains(found) else None

    def _decide_reality(self, zero: Enclosure) -> Enclosure:
        """Refine until a zero of a real system is proved real or not real; a real one gets a real centre."""
        if not self.is_real_system:
            return zero
        while not zero.is_nonreal:
            real = zero.real()
            if real is not None:
                return real
            finer = self.refine(zero)
            if finer is None:
                break
            zero = finer
        return zero

    def _attempt(
        self, start: list[Any], scale: list[Any], inverse: Any, max_distance: float, precision: int
    ) -> Enclosure | Rejection | None:
        """Newton's method and the test at one precision; None asks for a higher one.

        With an inverse that is given, the iteration keeps it (the chord method), and slow convergence is no verdict.
        """
        center = start
        chord = inverse is not None
        previous = None
        while True:
            if chord:
                values = self._values(center)
            else:
                values, jacobian = self._values_and_jacobian(center)
                inverse = _approximate_inverse(jacobian)
            if inverse is None or not all(v.is_finite() for v in values):
                return None if precision < self.last_precision else self._undefined(center)
            step = (inverse * acb_mat([[v] for v in values])).entries()
            size = _max_ratio([d.mid().abs_upper() for d in step], scale)
            noise = _max_ratio([d.rad() for d in step], scale)
            if noise >= _CONTRACTION * size or size <= arb(2) ** -precision:
                break
            if previous is not None and not size < _CONTRACTION * previous:
                return None if chord else _no_convergence(size, previous)
            center = [(c - d).mid() for c, d in zip(center, step, strict=True)]
            if not all((c - s).abs_upper() <= max_distance for c, s in zip(center, start, strict=True)):
                return None if chord else _too_far(max_distance)
            previous = size
        return self._test(center, inverse, step, precision)

    def _test(self, center: list[Any], inverse: Any, step: list[Any], precision: int) -> Enclosure | None:
        """The Krawczyk test at a centre, over radii from large to small."""
        scale = _scale(center)
        residual = [d.abs_upper() for d in step]
        least = _max_ratio(residual, scale)
        # Relative to the point, but absolute for one near the origin, whose size says nothing about distances there.
        exponent = -_LARGEST_RADIUS + max(0, -_exponent(max(scale)))
        for _ in range(_RADII):
            ratio = arb(2) ** exponent
            radii = [ratio * w for w in scale]
            box = [acb(arb(c.real, r), arb(c.imag, r)) for c, r in zip(center, radii, strict=True)]
            values, jacobian = self._values_and_jacobian(box)
            shrink = -8
            if all(v.is_finite() for v in values):
                matrix = self._identity - inverse * jacobian
                rows = [[entry.abs_upper() for entry in row] for row in matrix.tolist()]
                norm = _max_ratio(
                    [sum((m * w for m, w in zip(row, scale, strict=True)), arb(0)) for row in rows], scale
                )
                if norm < 1:
                    bound = (least / (1 - norm)).upper()
                    if bound < ratio:
                        inner = tuple((bound * w).upper() for w in scale)
                        return Enclosure(tuple(center), inner, tuple(radii), precision)
                if norm.is_finite():
                    shrink = min(-1, -2 - _exponent(norm))
            lower = exponent + shrink
            exponent = -_LARGEST_RADIUS if lower < -_LARGEST_RADIUS < exponent else lower
            if not arb(2) ** exponent > 2 * least:
                return None
        return None

    def _values(self, point: list[Any]) -> list[Any]:
        constant, parameters = self._level()
        try:
            return self.system.tape.evaluate_exact([*point, *parameters], constant=constant)
        except ZeroDivisionError:
            return [acb(math.nan)]

    def _values_and_jacobian(self, point: list[Any]) -> tuple[list[Any], Any]:
        """Balls around the values and the Jacobian matrix over a box; values that are not finite if undefined."""
        constant, parameters = self._level()
        n = self.system.n_unknowns
        try:
            entries = self.system.values_and_jacobian_tape.evaluate_exact([*point, *parameters], constant=constant)
        except ZeroDivisionError:
            return [acb(math.nan)], None
        return entries[:n], acb_mat(n, n, entries[n:])

    def _level(self) -> tuple[Callable[[Fraction], Any], list[Any]]:
        """Constants and parameters as balls of the present precision."""
        level = self._levels.get(ctx.prec)
        if level is None:
            tapes = (self.system.tape, self.system.values_and_jacobian_tape)
            constants = {c: acb(_ball(c)) for tape in tapes for c in tape.constants}
            parameters = [acb(_ball(real), _ball(imaginary)) for real, imaginary in self.parameters]
            level = self._levels[ctx.prec] = (constants.__getitem__, parameters)
        return level

    def _undefined(self, center: list[Any]) -> Rejection:
        values, _ = self._values_and_jacobian(center)
        if all(v.is_finite() for v in values):
            return Rejection("the Jacobian matrix is singular at this point")
        return Rejection("a denominator of the system vanishes at this point")


def _no_convergence(size: Any, previous: Any) -> Rejection:
    return Rejection(
        f"Newton's method does not converge quadratically from this point (relative steps {_number(previous)}, "
        f"{_number(size)}): the zero is singular, or there is none nearby"
    )


def _too_far(distance: float) -> Rejection:
    return Rejection(f"Newton's method leads away from this point (by more than {distance:.2g}): no zero is near")


def _approximate_inverse(jacobian: Any) -> Any:
    """Exact matrix near the inverse, or None if there is none."""
    if jacobian is None:
        return None
    try:
        inverse = jacobian.mid().inv().mid()
    except ZeroDivisionError:
        return None
    return inverse if all(entry.is_finite() for entry in inverse.entries()) else None


def _ball(value: Fraction) -> Any:
    return arb(fmpq(value.numerator, value.denominator))


def _scale(point: list[Any]) -> list[Any]:
    """Exact weights of the coordinates: their absolute values, small ones raised to 2^-10 of the largest.

    Coordinates of different units then get radii in their own units, and one that is zero up to rounding does not get
    a radius of the size of its rounding error.
    """
    sizes = [c.abs_upper().upper() for c in point]
    largest = sizes[0]
    for size in sizes[1:]:
        largest = largest.max(size)
    if not largest > 0:
        return [arb(1)] * len(point)
    least = _exponent(largest) - 10
    return [arb(2) ** (max(_exponent(size), least) if size > 0 else least) for size in sizes]


def _exponent(value: Any) -> int:
    """The integer e with 2^(e-1) <= value <= 2^e, for a positive number."""
    mantissa, exponent = value.upper().man_exp()
    return int(exponent) + int(mantissa).bit_length()


def _max_ratio(values: Sequence[Any], scale: Sequence[Any]) -> Any:
    """Upper bound, exact, of the norm max |v_j| / w_j."""
    largest = (values[0] / scale[0]).upper()
    for value, weight in zip(values[1:], scale[1:], strict=True):
        largest = largest.max((value / weight).upper())
    return largest


def _number(value: Any) -> str:
    return f"{float(value):.1e}"

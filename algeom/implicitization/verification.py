"""Does an integer equation vanish on the image? By expansion, which proves it, or modulo large random primes."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from typing import Any

from flint import fmpz_mpoly_ctx

from algeom.algebra.polynomial import Polynomial
from algeom.algebra.primes import log10_bad_prime, verification_prime
from algeom.errors import GenericityError
from algeom.evidence import Evidence, Status, log10_sum
from algeom.maps.tape import Tape
from algeom.runtime import seeds

#: Terms that expanding one equation may produce before collection; 10^6 take about a quarter of a second.
EXPANSION_BUDGET = 2_000_000
#: Random points modulo fresh random primes of `VERIFICATION_BITS` bits when an expansion is too large.
VERIFICATION_POINTS = 3
VERIFICATION_BITS = 62


def _log10(n: int) -> float:
    """Logarithm of an integer of any size; -inf at 0."""
    return math.log10(n) if n else -math.inf


class Ratio:
    """A numerator over a denominator in any commutative ring, reduced only when denominators agree.

    The tape interpreter runs on it to find the numerators and denominators of a rational map without needing
    greatest common divisors in the ring.
    """

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Any, denominator: Any = 1) -> None:
        self.numerator = numerator
        self.denominator = denominator

    @staticmethod
    def _of(value: Any) -> Ratio:
        if isinstance(value, Ratio):
            return value
        exact = Fraction(value)
        return Ratio(exact.numerator, exact.denominator)

    def __add__(self, other: Any) -> Ratio:
        other = Ratio._of(other)
        if self.denominator == other.denominator:
            return Ratio(self.numerator + other.numerator, self.denominator)
        return Ratio(
            self.numerator * other.denominator + other.numerator * self.denominator,
            self.denominator * other.denominator,
        )

    __radd__ = __add__

    def __neg__(self) -> Ratio:
        return Ratio(-self.numerator, self.denominator)

    def __sub__(self, other: Any) -> Ratio:
        return self + (-Ratio._of(other))

    def __rsub__(self, other: Any) -> Ratio:
        return Ratio._of(other) + (-self)

    def __mul__(self, other: Any) -> Ratio:
        other = Ratio._of(other)
        return Ratio(self.numerator * other.numerator, self.denominator * other.denominator)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Ratio:
        other = Ratio._of(other)
        return Ratio(self.numerator * other.denominator, self.denominator * other.numerator)

    def __rtruediv__(self, other: Any) -> Ratio:
        return Ratio._of(other) / self


class Norm:
    """Upper bound for the sum of the absolute values of the coefficients of a polynomial."""

    __slots__ = ("bound",)

    def __init__(self, bound: int) -> None:
        self.bound = bound

    @staticmethod
    def _bound(value: Any) -> int:
        return value.bound if isinstance(value, Norm) else abs(int(value))

    def __add__(self, other: Any) -> Norm:
        return Norm(self.bound + Norm._bound(other))

    __radd__ = __sub__ = __rsub__ = __add__

    def __neg__(self) -> Norm:
        return self

    def __mul__(self, other: Any) -> Norm:
        return Norm(self.bound * Norm._bound(other))

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and other == self.bound == 1

    def __hash__(self) -> int:
        return hash(self.bound)


class _TooLargeError(Exception):
    """An expansion went beyond its budget."""


class _Budget:
    """Terms that an expansion may still produce."""

    def __init__(self, terms: int) -> None:
        self.terms = terms

    def spend(self, terms: int) -> None:
        self.terms -= terms
        if self.terms < 0:
            raise _TooLargeError


class _Counted:
    """A polynomial whose products and sums are paid from a budget before they are made."""

    __slots__ = ("budget", "value")

    def __init__(self, value: Any, budget: _Budget) -> None:
        self.value = value
        self.budget = budget

    @staticmethod
    def value_of(thing: Any) -> Any:
        return thing.value if isinstance(thing, _Counted) else thing

    def __add__(self, other: Any) -> _Counted:
        value = _Counted.value_of(other)
        self.budget.spend(len(self.value) + (1 if isinstance(value, int) else len(value)))
        return _Counted(self.value + value, self.budget)

    __radd__ = __add__

    def __neg__(self) -> _Counted:
        return _Counted(-self.value, self.budget)

    def __mul__(self, other: Any) -> _Counted:
        value = _Counted.value_of(other)
        self.budget.spend(len(self.value) * (1 if isinstance(value, int) else len(value)))
        return _Counted(self.value * value, self.budget)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _Counted.value_of(other))

    def __hash__(self) -> int:
        return hash(self.value)


class IdentityTest:
    """Tests whether homogeneous equations vanish identically on a parametrized cone.

    Parameters
    ----------
    tape : Tape
    seed : int
    budget : int
        Terms that an expansion may produce before like terms are collected; 0 forbids expansions.
    """

    def __init__(self, tape: Tape, seed: int, budget: int = EXPANSION_BUDGET) -> None:
        self.tape = tape
        self.seed = seed
        self.budget = budget
        self._modular: list[tuple[int, list[int]]] = []

    @property
    def coordinates(self) -> list[Any] | None:
        """Numerators of the coordinates over one common denominator, as integer polynomials in the parameters."""
        return None if self.expanded is None else self.expanded[0]

    @cached_property
    def expanded(self) -> tuple[list[Any], Any] | None:
        """Numerators of the coordinates and their common denominator, or None if the expansion is too large."""
        names = [f"t{k}" for k in range(self.tape.n_inputs)]
        ring = fmpz_mpoly_ctx.get(names, "degrevlex")
        budget = _Budget(self.budget)
        try:
            inputs = [Ratio(_Counted(t, budget)) for t in ring.gens()]
            ratios = [Ratio._of(y) for y in self.tape.evaluate_exact(inputs, constant=Ratio._of)]
            one = ring.constant(1)
            numerators = [one * _Counted.value_of(ratio.numerator) for ratio in ratios]
            denominators = [one * _Counted.value_of(ratio.denominator) for ratio in ratios]
            common = one
            for denominator in denominators:
                if denominator != common:
                    budget.spend(len(denominator) * len(common))
                    common = common * (denominator / common.gcd(denominator))
            if common != one:
                budget.spend(sum(len(a) for a in numerators) * len(common))
        except _TooLargeError:
            return None
        return [a * (common / b) for a, b in zip(numerators, denominators, strict=True)], common

    @cached_property
    def _norms(self) -> tuple[list[int], int]:
        """Coefficient norms of all numerators, and of the product of all denominators."""
        ones = [Ratio(Norm(1))] * self.tape.n_inputs
        ratios = [Ratio._of(y) for y in self.tape.evaluate_exact(ones, constant=Ratio._of)]
        common = math.prod(max(1, Norm._bound(r.denominator)) for r in ratios)
        return [max(1, Norm._bound(r.numerator)) for r in ratios], common

    def expansion_size(self, equation: Polynomial) -> int:
        """Terms of the composition before like terms are collected."""
        if self.coordinates is None:
            return self.budget + 1
        lengths = [len(y) for y in self.coordinates]
        return sum(
            math.prod(lengths[i] ** int(e) for i, e in enumerate(exponents) if e) for exponents, _ in equation.terms()
        )

    def check(self, equation: Polynomial) -> Evidence | None:
        """Evidence that an equation vanishes on the image, or None if it does not.

        A nonzero value modulo a prime settles the negative; the positive is proved by expansion where that fits the
        budget.
        """
        if not self._vanishes_modulo_primes(equation):
            return None
        if self.expansion_size(equation) <= self.budget:
            assert self.expanded is not None
            numerators, denominator = self.expanded
            value = equation.to_flint().compose(*numerators, ctx=denominator.context())
            return Evidence(Status.PROVED, reason="expanded to zero in the parameters") if value == 0 else None
        return self._modular_evidence(equation)

    def _points(self) -> list[tuple[int, list[int]]]:
        """Points of the image modulo large random primes: (prime, coordinates)."""
        rng = seeds.derive(self.seed, "verification")
        failures = 0
        while len(self._modular) < VERIFICATION_POINTS:
            prime = verification_prime(rng, VERIFICATION_BITS)
            theta = [int(rng.integers(0, 2**63)) % prime for _ in range(self.tape.n_inputs)]
            try:
                values = self.tape.evaluate_residues(theta, prime)
            except ZeroDivisionError:
                failures += 1
                if failures > 20:
                    raise GenericityError("a denominator of the map vanished at 20 random points") from None
                continue
            self._modular.append((prime, values))
        return self._modular

    def _vanishes_modulo_primes(self, equation: Polynomial) -> bool:
        return all(equation(values, modulo=prime) == 0 for prime, values in self._points())

    def _modular_evidence(self, equation: Polynomial) -> Evidence:
        """Bound for a false positive: the primes all divide a coefficient, or the points all lie on a hypersurface.

        The composition times the common denominator is an integer polynomial F whose coefficients are at most the sum
        of |c| times the products of norms. If F is not zero, a prime divides a fixed one of its coefficients with
        the probability of `log10_bad_prime`, and otherwise F vanishes at a random point with probability at most
        deg F / prime (Schwartz, Zippel).
        """
        numerators, common = self._norms
        norm = sum(
            abs(c) * math.prod((numerators[i] * common) ** int(e) for i, e in enumerate(exponents) if e)
            for exponents, c in equation.terms()
        )
        degree = equation.degree * self.tape.common_degree()
        height = int(norm).bit_length()
        bad_point = _log10(degree) - (VERIFICATION_BITS - 1) * math.log10(2)
        one = log10_sum([log10_bad_prime(height, VERIFICATION_BITS), bad_point])
        return Evidence(
            Status.PROBABILISTIC,
            min(0.0, VERIFICATION_POINTS * one),
            f"zero at {VERIFICATION_POINTS} random points modulo random primes of {VERIFICATION_BITS} bits",
        )

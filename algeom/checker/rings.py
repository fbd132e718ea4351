"""The rings in which a straight-line program runs: residues, their derivatives, weights, fractions."""

# ruff: noqa: D102 (the methods are ring operations)

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from flint import fmpz_mpoly_ctx

from .reading import Refuted

#: A weight under a scaling, None for that of 0, or `Weights.MIXED`.
Weight: TypeAlias = int | str | None


class Residues:
    """Lists of residues modulo p, one for each point of a batch; `undefined` collects those where a divisor is 0."""

    def __init__(self, p: int, width: int) -> None:
        self.p = p
        self.width = width
        self.undefined: set[int] = set()

    def constant(self, value: Fraction) -> list[int]:
        if value.denominator % self.p == 0:
            raise Refuted(f"the constant {value} of the map has no residue modulo {self.p}")
        return [value.numerator * pow(value.denominator, -1, self.p) % self.p] * self.width

    def add(self, x: list[int], y: list[int]) -> list[int]:
        p = self.p
        return [(a + b) % p for a, b in zip(x, y, strict=True)]

    def sub(self, x: list[int], y: list[int]) -> list[int]:
        p = self.p
        return [(a - b) % p for a, b in zip(x, y, strict=True)]

    def mul(self, x: list[int], y: list[int]) -> list[int]:
        p = self.p
        return [a * b % p for a, b in zip(x, y, strict=True)]

    def neg(self, x: list[int], _: list[int]) -> list[int]:
        return [-a % self.p for a in x]

    def div(self, x: list[int], y: list[int]) -> list[int]:
        self.undefined.update(k for k, b in enumerate(y) if b == 0)
        return [a * pow(b, -1, self.p) % self.p if b else 0 for a, b in zip(x, y, strict=True)]


class Duals:
    """Residues with their gradients, at one point where no divisor vanishes; a gradient None is zero."""

    def __init__(self, p: int, n: int) -> None:
        self.p = p
        self.zero = [0] * n

    def variables(self, theta: Sequence[int]) -> list[Any]:
        return [(value, [int(i == j) for j in range(len(theta))]) for i, value in enumerate(theta)]

    def constant(self, value: Fraction) -> Any:
        return value.numerator * pow(value.denominator, -1, self.p) % self.p, None

    def _combine(self, a: int, x: list[int] | None, b: int, y: list[int] | None) -> list[int] | None:
        """The gradient a*x + b*y."""
        p = self.p
        if x is None or y is None:
            factor, only = (a, x) if y is None else (b, y)
            return None if only is None else [factor * v % p for v in only]
        return [(a * v + b * w) % p for v, w in zip(x, y, strict=True)]

    def add(self, x: Any, y: Any) -> Any:
        return (x[0] + y[0]) % self.p, self._combine(1, x[1], 1, y[1])

    def sub(self, x: Any, y: Any) -> Any:
        return (x[0] - y[0]) % self.p, self._combine(1, x[1], -1, y[1])

    def mul(self, x: Any, y: Any) -> Any:
        return x[0] * y[0] % self.p, self._combine(y[0], x[1], x[0], y[1])

    def neg(self, x: Any, _: Any) -> Any:
        return -x[0] % self.p, self._combine(-1, x[1], 0, None)

    def div(self, x: Any, y: Any) -> Any:
        inverse = pow(y[0], -1, self.p)
        quotient = x[0] * inverse % self.p
        return quotient, self._combine(inverse, x[1], -quotient * inverse, y[1])


class Weights:
    """Weights under a scaling of the parameters.

    None is the weight of 0, which has every weight; `MIXED` is that of a sum whose terms have different ones.
    """

    MIXED: Final = "mixed"

    def constant(self, value: Fraction) -> Weight:
        return 0 if value else None

    def add(self, x: Weight, y: Weight) -> Weight:
        if x is None or y is None:
            return x if y is None else y
        return x if x == y else self.MIXED

    sub = add

    def mul(self, x: Weight, y: Weight) -> Weight:
        if x is None or y is None:
            return None
        return self.MIXED if isinstance(x, str) or isinstance(y, str) else x + y

    def div(self, x: Weight, y: Weight) -> Weight:
        if y is None:
            raise Refuted("the map divides by zero")
        if x is None:
            return None
        return self.MIXED if isinstance(x, str) or isinstance(y, str) else x - y

    def neg(self, x: Weight, _: Weight) -> Weight:
        return x


class Dependence:
    """Which parameters something is computed from, as the bits of an integer."""

    def constant(self, value: Fraction) -> int:
        return 0

    def add(self, x: int, y: int) -> int:
        return x | y

    sub = mul = div = neg = add


@dataclass(frozen=True)
class Size:
    """Upper bounds for an integer polynomial: log2 of the sum of absolute values of coefficients, and the degree."""

    log2: float
    degree: int

    @classmethod
    def integer(cls, value: int) -> Size:
        return cls(float((abs(value) - 1).bit_length() if value else 0), 0)

    @staticmethod
    def product(x: Size, y: Size) -> Size:
        return Size(x.log2 + y.log2, x.degree + y.degree)

    @staticmethod
    def power(x: Size, exponent: int) -> Size:
        return Size(x.log2 * exponent, x.degree * exponent)

    @staticmethod
    def sum(x: Size, y: Size) -> Size:
        low, high = sorted((x.log2, y.log2))
        more = 0.0 if math.isinf(high) else math.log2(1 + 2.0 ** (low - high)) + 1e-9
        return Size(high + more, max(x.degree, y.degree))

    def __neg__(self) -> Size:
        return self


class TooLarge(Exception):
    """An expansion exceeds its budget."""


class Expander:
    """Integer polynomials in the parameters, as long as multiplying them stays within a budget."""

    def __init__(self, n: int, budget: int) -> None:
        self.ring = fmpz_mpoly_ctx.get([f"t{k}" for k in range(n)], "degrevlex")
        self.left = budget

    def integer(self, value: int) -> Any:
        return self.ring.constant(value)

    def product(self, x: Any, y: Any) -> Any:
        self.left -= len(x) * len(y)
        if self.left < 0:
            raise TooLarge
        return x * y

    def power(self, x: Any, exponent: int) -> Any:
        result = x
        for _ in range(exponent - 1):
            result = self.product(result, x)
        return result

    def sum(self, x: Any, y: Any) -> Any:
        self.left -= (len(x) + len(y)) // 8  # an addition costs about that much less
        if self.left < 0:
            raise TooLarge
        return x + y


class Quotients:
    """Fractions whose denominators are kept as products of the divisors met: pairs (numerator, {divisor: power}).

    `base` makes and multiplies numerators (`Size` or an `Expander`). `divisors` are all that were divided by.
    """

    def __init__(self, base: Any) -> None:
        self.base = base
        self.divisors: list[Any] = []
        self._integers: dict[int, int] = {}

    def constant(self, value: Fraction) -> Any:
        if value.denominator == 1:
            return self.base.integer(value.numerator), {}
        if value.denominator not in self._integers:
            self._integers[value.denominator] = len(self.divisors)
            self.divisors.append(self.base.integer(value.denominator))
        return self.base.integer(value.numerator), {self._integers[value.denominator]: 1}

    def scaled(self, numerator: Any, powers: dict[int, int], wanted: dict[int, int]) -> Any:
        """The numerator over the denominator `wanted`, a multiple of `powers`."""
        for k, power in wanted.items():
            missing = power - powers.get(k, 0)
            if missing:
                numerator = self.base.product(numerator, self.base.power(self.divisors[k], missing))
        return numerator

    @staticmethod
    def common(all_powers: Iterable[dict[int, int]]) -> dict[int, int]:
        """Least common multiple of denominators."""
        result: dict[int, int] = {}
        for powers in all_powers:
            for k, power in powers.items():
                result[k] = max(power, result.get(k, 0))
        return result

    def add(self, x: Any, y: Any) -> Any:
        wanted = self.common([x[1], y[1]])
        return self.base.sum(self.scaled(x[0], x[1], wanted), self.scaled(y[0], y[1], wanted)), wanted

    def neg(self, x: Any, _: Any) -> Any:
        return -x[0], x[1]

    def sub(self, x: Any, y: Any) -> Any:
        return self.add(x, self.neg(y, y))

    def mul(self, x: Any, y: Any) -> Any:
        powers = dict(x[1])
        for k, power in y[1].items():
            powers[k] = powers.get(k, 0) + power
        return self.base.product(x[0], y[0]), powers

    def div(self, x: Any, y: Any) -> Any:
        if y[0] == 0:
            raise Refuted("the map divides by zero")
        numerator = self.scaled(x[0], x[1], self.common([x[1], y[1]]))
        powers = {k: power - y[1].get(k, 0) for k, power in x[1].items() if power > y[1].get(k, 0)}
        divisor = next((k for k, known in enumerate(self.divisors) if known is y[0]), None)
        if divisor is None:
            divisor = len(self.divisors)
            self.divisors.append(y[0])
        powers[divisor] = powers.get(divisor, 0) + 1
        return numerator, powers

    def over_one_denominator(self, values: list[Any]) -> tuple[list[Any], Any]:
        """Numerators of all values over their least common denominator, and that denominator."""
        wanted = self.common(powers for _, powers in values)
        denominator = self.scaled(self.base.integer(1), {}, wanted)
        return [self.scaled(numerator, powers, wanted) for numerator, powers in values], denominator

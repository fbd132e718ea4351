"""Which filters a linear convolutional network reaches over the real numbers, decided exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import count
from math import lcm
from typing import Any

import flint
import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.networks.convolutional.architecture import ConvolutionalArchitecture
from algeom.networks.convolutional.composition import checked_filter, compose_filters

__all__ = ["FilterFactorization", "factor_filter"]

#: Bits at first for isolating zeros; they are doubled until all comparisons are decided.
_PRECISION = 128

#: Relative rounding of the product of filters that are rounded, for each layer.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False, repr=False)
class FilterFactorization:
    """Whether real filters of the layers give a filter, and such filters.

    Attributes
    ----------
    reachable : bool
    filters : tuple of ndarray of float64, or None
        Filters w_1, ..., w_L with that product, rounded to double precision; None if there are none.
    reason : str
        What decided it.
    architecture : ConvolutionalArchitecture
    """

    reachable: bool
    filters: tuple[NDArray[np.float64], ...] | None
    reason: str
    architecture: ConvolutionalArchitecture

    @property
    def evidence(self) -> Evidence:
        """PROVED: multiplicities, equalities and signs of zeros are exact."""
        return Evidence(Status.PROVED, reason=self.reason)

    def __bool__(self) -> bool:
        return self.reachable

    def __repr__(self) -> str:
        return f"FilterFactorization({'reachable' if self.reachable else 'not reachable'}: {self.reason})"


def factor_filter(
    filter: ArrayLike, lengths: Sequence[int], strides: Sequence[int] | None = None
) -> FilterFactorization:
    """Decide whether a filter is in the function space of a linear convolutional network, and factor it.

    Parameters
    ----------
    filter : array_like of int, Fraction or float, shape (k,)
        Floating-point numbers are taken for what they are, binary fractions. With strides above 1 the function space
        has equations, which rounded numbers satisfy by chance only: use `algeom.contains` or `algeom.nearest_point`
        with `convolutional_map` for them.
    lengths, strides
        As for `ConvolutionalArchitecture`.

    Returns
    -------
    FilterFactorization

    Raises
    ------
    InputError
        If the filter has not the length of the architecture, or is not made of finite real numbers.

    Notes
    -----
    The filter is a binary form of degree k - 1. A layer with spread S = S_l takes sets {x : x^S = z} of its zeros
    (or S times the zero 0 or infinity), k_l - 1 of them, closed under conjugation of z. Layers of one spread together
    need one real z for each of them that has odd degree; then their zeros can be shared out. All choices are searched,
    from the largest spread down; for general filters there is one. Zeros are isolated by balls, the values z are zeros
    of the characteristic polynomial of x^S, and balls are refined until the assignment is unique.

    References
    ----------
    For stride one: Kohn, Merkh, Montufar, Trager, Geometry of linear convolutional networks, SIAM J. Appl. Algebra
    Geometry 6 (2022). For strides: our own derivation.

    Examples
    --------
    >>> factor_filter([1, 3, 1], [2, 2])
    FilterFactorization(reachable: 2 real zeros (infinity counts), of which 2 are needed)
    >>> factor_filter([1, 1, 1], [2, 2])
    FilterFactorization(not reachable: 0 real zeros (infinity counts), of which 2 are needed)
    >>> factor_filter([3, 6, 5, 10], [2, 2], [2, 1]).filters
    (array([0.5, 1. ]), array([ 6., 10.]))
    """
    network = ConvolutionalArchitecture(lengths, strides)
    coefficients = _exact(filter)
    if len(coefficients) != network.filter_length:
        raise InputError(f"the filter has {len(coefficients)} entries and not {network.filter_length}: {network}")
    if not any(coefficients):
        zero = [np.zeros(network.lengths[0]), *map(np.ones, network.lengths[1:])]
        return FilterFactorization(True, tuple(zero), "zero, the product with a zero filter", network)
    form = _Form(coefficients, network)
    chosen = next(form.assignments(), None)
    reason = form.reason(chosen is not None)
    filters = None if chosen is None else _filters(chosen, network, coefficients)
    return FilterFactorization(chosen is not None, filters, reason, network)


def _exact(filter: ArrayLike) -> list[Fraction]:
    values = checked_filter("the filter", filter)
    try:
        exact = [Fraction(x) for x in values.tolist()]
        if all(math.isfinite(float(x)) for x in exact):
            return exact
        raise OverflowError
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(
            "the entries of the filter are not finite real numbers (int, Fraction or float) in the range of float64"
        ) from error


@dataclass(frozen=True)
class _Unit:
    """What a layer can take at once: one real value z, or a pair of conjugate ones.

    ``taken`` has pairs of a zero of the filter and how often it is taken. ``z`` is None for infinity.
    """

    taken: tuple[tuple[int, int], ...]
    z: Any
    real: bool

    @property
    def weight(self) -> int:
        return 1 if self.real else 2


#: For each spread the units with how often each is taken.
_Assignment = dict[int, list[tuple[_Unit, int]]]


class _Form:
    """The zeros of a filter with their multiplicities, and the units of each spread."""

    def __init__(self, coefficients: list[Fraction], network: ConvolutionalArchitecture) -> None:
        self.network = network
        support = [i for i, c in enumerate(coefficients) if c]
        at_zero, at_infinity = support[0], len(coefficients) - 1 - support[-1]
        common = lcm(*(c.denominator for c in coefficients))
        self.core = flint.fmpz_poly([int(c * common) for c in coefficients[support[0] : support[-1] + 1]])
        self.degrees = network.degrees
        for doublings in count():
            with flint.ctx.workprec(_PRECISION << doublings):
                units = self._units(at_zero, at_infinity)
            if units is not None:
                self.units, self.multiplicities = units
                return

    def _units(self, at_zero: int, at_infinity: int) -> tuple[dict[int, list[_Unit]], tuple[int, ...]] | None:
        """Units of all spreads, and the multiplicities of zeros; None if the balls are too wide."""
        zeros = self.core.complex_roots()
        multiplicities = (*(m for _, m in zeros), at_zero, at_infinity)
        units: dict[int, list[_Unit]] = {}
        for spread, degree in self.degrees.items():
            if degree == 0:
                units[spread] = []
                continue
            found = _orbits([x for x, _ in zeros], self._power(spread).complex_roots(), spread)
            if found is None:
                return None
            ends = [(len(zeros), flint.acb(0), at_zero), (len(zeros) + 1, None, at_infinity)]
            found += [_Unit(((point, spread),), z, True) for point, z, size in ends if size >= spread]
            units[spread] = sorted(found, key=lambda unit: not unit.real)
        return units, multiplicities

    def _power(self, spread: int) -> Any:
        """The polynomial whose zeros are the powers of the zeros of the core, with multiplicities."""
        n = self.core.degree()
        if spread == 1 or n <= 0:
            return self.core
        companion = flint.fmpq_mat(n, n)
        for i in range(n):
            if i + 1 < n:
                companion[i + 1, i] = 1
            companion[i, n - 1] = -flint.fmpq(self.core[i], self.core[n])
        power = companion
        for _ in range(spread - 1):
            power = power * companion
        return power.charpoly().numer()

    def assignments(self) -> Iterator[_Assignment]:
        """All ways to share the zeros out between the spreads."""
        odd = dict(self.network.odd_factors)
        spreads = sorted(self.degrees, reverse=True)

        def descend(level: int, left: tuple[int, ...]) -> Iterator[_Assignment]:
            if level == len(spreads):
                if not any(left):
                    yield {}
                return
            spread = spreads[level]
            for used, taken in _multisets(self.units[spread], self.degrees[spread], left, odd[spread]):
                for rest in descend(level + 1, taken):
                    yield {spread: used, **rest}

        available = {s: sum(self._times(unit) for unit in self.units[s] if unit.real) for s in spreads}
        if all(available[s] >= odd[s] for s in spreads):
            yield from descend(0, self.multiplicities)

    def reason(self, reachable: bool) -> str:
        spreads = set(self.degrees)
        if len(spreads) == 1:
            (spread,) = spreads
            real = sum(self._times(unit) for unit in self.units[spread] if unit.real)
            needed = dict(self.network.odd_factors)[spread]
            if spread == 1:
                return f"{real} real zeros (infinity counts), of which {needed} are needed"
        if reachable:
            return "its zeros can be shared out between the layers"
        return "its zeros cannot be shared out between the layers into full orbits with enough real ones"

    def _times(self, unit: _Unit) -> int:
        return min(self.multiplicities[point] // size for point, size in unit.taken)


def _orbits(zeros: list[Any], powers: list[tuple[Any, int]], spread: int) -> list[_Unit] | None:
    """The units {x : x^spread = z} whose members are all zeros; None if balls overlap that should not."""
    values = [z for z, _ in powers]
    members: list[list[int]] = [[] for _ in values]
    for index, x in enumerate(zeros):
        near = [k for k, z in enumerate(values) if z.overlaps(x**spread)]
        if len(near) != 1:
            return None
        members[near[0]].append(index)
    units = []
    for k, z in enumerate(values):
        # The real zeros that isolation finds have the imaginary part 0 exactly.
        real = z.imag == 0
        conjugates = [j for j, other in enumerate(values) if other.overlaps(z.conjugate())]
        if len(conjugates) != 1:
            return None
        partner = conjugates[0]
        if len(members[k]) < spread or (not real and partner < k):
            continue
        together = members[k] if real else members[k] + members[partner]
        units.append(_Unit(tuple((index, 1) for index in together), z, bool(real)))
    return units


def _multisets(
    units: Sequence[_Unit], weight: int, left: tuple[int, ...], least_real: int
) -> Iterator[tuple[list[tuple[_Unit, int]], tuple[int, ...]]]:
    """Multisets of units of given weight and with enough real values, and what they leave; most real values first."""
    if weight == 0 and least_real <= 0:
        yield [], left
        return
    most = [min(left[point] // size for point, size in unit.taken) for unit in units]
    # Without these bounds, a spread that has to take all that is left, or lacks real values, would try all subsets.
    spare = sum(times * unit.weight for times, unit in zip(most, units, strict=True)) - weight
    real = sum(times for times, unit in zip(most, units, strict=True) if unit.real)
    if spare < 0 or min(real, weight) < least_real or not units:
        return
    unit, rest = units[0], units[1:]
    least = max(0, most[0] - spare // unit.weight)
    for times in range(min(most[0], weight // unit.weight), least - 1, -1):
        after = list(left)
        for point, size in unit.taken:
            after[point] -= times * size
        real_left = least_real - times * unit.real
        for used, remaining in _multisets(rest, weight - times * unit.weight, tuple(after), real_left):
            yield ([(unit, times), *used] if times else used), remaining


def _filters(
    chosen: _Assignment, network: ConvolutionalArchitecture, coefficients: list[Fraction]
) -> tuple[NDArray[np.float64], ...]:
    """Filters of the layers: odd degrees take one real value each, then everything is filled up by twos."""
    factors: list[list[Any]] = [[] for _ in network.lengths]
    for spread, used in chosen.items():
        real = [unit for unit, times in used if unit.real for _ in range(times)]
        pairs = [unit for unit, times in used if not unit.real for _ in range(times)]
        layers = [number for number, s in enumerate(network.spreads) if s == spread]
        for number in layers:
            degree = network.lengths[number] - 1
            if degree % 2:
                factors[number].append(_linear(real.pop()))
                degree -= 1
            for _ in range(degree // 2):
                if pairs:
                    factors[number].append(_quadratic(pairs.pop()))
                else:
                    factors[number] += [_linear(real.pop()), _linear(real.pop())]
    with flint.ctx.workprec(_PRECISION):
        polynomials = [_product(parts) for parts in factors]
    filters = []
    for polynomial, k in zip(polynomials, network.lengths, strict=True):
        vector = np.zeros(k)
        vector[: len(polynomial)] = polynomial
        filters.append(vector)
    top = next(c for c in reversed(coefficients) if c)
    # All factors are monic, so that the leading coefficient is the scale; the last layer carries it.
    filters[-1] = filters[-1] * float(top)
    again, _ = compose_filters(filters, network.strides)
    wanted = np.array(coefficients, dtype=np.float64)
    # Rounded filters: relative to the size of the terms that cancel.
    sizes, _ = compose_filters([np.abs(w) for w in filters], network.strides)
    if not np.abs(again - wanted).max() <= _ROUNDING * network.layers * sizes.max():
        raise AssertionError("the factors do not multiply to the filter: a defect of algeom, please report it")
    return tuple(filters)


def _linear(unit: _Unit) -> Any:
    return flint.arb_poly([1]) if unit.z is None else flint.arb_poly([-unit.z.real, 1])


def _quadratic(unit: _Unit) -> Any:
    # A power of a ball around 0 is NaN; a product is not.
    re, im = unit.z.real, unit.z.imag
    return flint.arb_poly([re * re + im * im, -2 * re, 1])


def _product(parts: list[Any]) -> list[float]:
    result = flint.arb_poly([1])
    for part in parts:
        result = result * part
    return list(map(partial(float), (result[i].mid() for i in range(result.length()))))

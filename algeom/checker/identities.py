"""Polynomial identities: expanded where that fits a budget, else tested at random points modulo random primes."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from flint import fmpz, fmpz_mpoly_ctx

from .points import jacobian, rank, rank_modulo
from .reading import Equation, Refuted, Statement
from .rings import Dependence, Expander, Quotients, Residues, Size, TooLarge, Weight, Weights

#: Terms that one expansion may produce before like terms are collected.
EXPANSION_BUDGET = 2_000_000
#: Coefficients of the expanded coordinates have at most this many bits.
_EXPANSION_BITS = 1 << 20
#: Random points where nothing is expanded, and the bits of the prime of each.
_POINTS, _BITS = 3, 62
#: There are more primes of 62 bits than 3 * 2^61 / (5 log 2^61) (Rosser and Schoenfeld 1962, Corollary 3).
_PRIMES = 3 * 2**61 / (5 * 61 * math.log(2)) * (1 - 1e-9)


def _log10_sum(logs: Sequence[float]) -> float:
    top = max(logs, default=-math.inf)
    return top if math.isinf(top) else top + math.log10(math.fsum(10 ** (x - top) for x in logs))


class Identities:
    """The identities that a statement rests on. Methods raise `Refuted`, or return whether they proved theirs.

    Attributes
    ----------
    errors : list of float
        For each identity that was tested only, log10 of a bound on the probability that a false one passes.
    """

    def __init__(self, statement: Statement, budget: int) -> None:
        self.statement = statement
        self.tape = statement.tape
        self.m = len(statement.tape.outputs)
        self.budget = budget
        self.errors: list[float] = []
        self._random = random.SystemRandom()
        self._drawn: list[tuple[int, list[int], list[int]]] = []
        self._expanded: tuple[list[Any], Any] | None = None

    @property
    def log10_error(self) -> float:
        """For all identities together."""
        return min(0.0, _log10_sum(self.errors))

    def expand(self) -> None:
        """Bound degrees and coefficients of the coordinates over one denominator, and expand them if that fits."""
        quotients = Quotients(Size)
        values = self.tape.run(quotients, [(Size(0.0, 1), {})] * self.tape.inputs)
        self._numerators, self._denominator = quotients.over_one_denominator(values)
        self._divisors = Size(
            sum(size.log2 for size in quotients.divisors), sum(size.degree for size in quotients.divisors)
        )
        largest = max([self._denominator.log2, *(size.log2 for size in self._numerators)])
        if self.budget == 0 or largest > _EXPANSION_BITS:
            return
        expander = Expander(self.tape.inputs, self.budget)
        exact = Quotients(expander)
        try:
            self._expanded = exact.over_one_denominator(self.tape.run(exact, [(t, {}) for t in expander.ring.gens()]))
        except TooLarge:
            self._expanded = None

    # Random points

    def _points(self) -> list[tuple[int, list[int], list[int]]]:
        """Random points (prime, parameters, coordinates), drawn after the certificate was read."""
        attempts = 0
        while len(self._drawn) < _POINTS:
            prime = 0
            while not fmpz(prime).is_prime():
                prime = self._random.getrandbits(_BITS) | 1 << (_BITS - 1) | 1
            theta = [self._random.randrange(prime) for _ in range(self.tape.inputs)]
            values = self._evaluate(theta, prime)
            if values is not None:
                self._drawn.append((prime, theta, values))
            elif (attempts := attempts + 1) > 20:
                raise Refuted("a divisor of the map vanishes at random points")
        return self._drawn

    def _evaluate(self, theta: Sequence[int], prime: int) -> list[int] | None:
        ring = Residues(prime, 1)
        values = self.tape.run(ring, [[x] for x in theta])
        return None if ring.undefined else [value[0] for value in values]

    def _accept(self, size: Size, times: int = 1) -> None:
        """Add the chance that a nonzero polynomial of this size vanishes at all random points; `times` of them.

        A random prime divides a given nonzero coefficient below 2^log2 with probability at most
        (log2 / 61) / (number of primes); else the polynomial vanishes at a random point with probability at
        most degree / prime (Schwartz, Zippel). Points at which a divisor vanishes are not used: that at most doubles
        the probability while they, and their images under a symmetry, are at most a quarter of all.
        """

        def bound(size: Size) -> float:
            return size.log2 / (_BITS - 1) / _PRIMES + size.degree / 2.0 ** (_BITS - 1)

        if self.tape.divides and not bound(self._divisors) <= 0.25:
            raise Refuted("the degrees of the divisors are too large for a test at random points")
        chance = bound(size) * (2 if self.tape.divides else 1)
        if not chance < 0.5:
            raise Refuted("the degrees are too large for a test at random points")
        self.errors.append(_POINTS * math.log10(chance) + math.log10(times) if chance else -math.inf)

    # The identities

    def cone(self) -> None:
        """The first coordinate is a parameter t, and t scales all coordinates: the map is t (1, phi(theta))."""
        parameter = self.tape.outputs[0]
        found: list[Weight] = [None]
        if parameter < self.tape.inputs:
            found = self.tape.run(Weights(), [int(j == parameter) for j in range(self.tape.inputs)])
        if found[0] != 1 or any(weight not in (1, None) for weight in found):
            raise Refuted("the map is not the cone of an affine image, by its first coordinate")

    def grading(self) -> bool:
        """The ideal is homogeneous for the weights, and the total degree is a combination of them."""
        weights = self.statement.weights
        if rank([*weights, [1] * self.m], self.m) != rank(weights, self.m):
            raise Refuted("the total degree is not a combination of the weights")
        free = self._free_coordinates()
        induced = [[int(i == j) for j in range(self.m)] for i in free]
        for parameters, coordinates in self.statement.scalings:
            found = self.tape.run(Weights(), parameters)
            for i, (weight, stated) in enumerate(zip(found, coordinates, strict=True)):
                if weight is not None and weight != stated and i not in free:
                    raise Refuted("the scalings of the parameters do not induce the stated weights of the coordinates")
            # A free coordinate has any weight, also that stated.
            induced.append(coordinates)
        if rank([*induced, *weights], self.m) == rank(induced, self.m):
            return True
        prime, theta, _ = self._points()[0]
        if rank_modulo(jacobian(self.tape, theta, prime), prime) == self.m:
            return True  # the map is dominant, and its ideal zero
        # w is a grading exactly if the vector field (w_i y_i) is tangent to the image at its generic point.
        for prime, theta, values in self._points():
            rows = jacobian(self.tape, theta, prime)
            wide = [[*row, *(w[i] * values[i] % prime for w in weights)] for i, row in enumerate(rows)]
            if rank_modulo(wide, prime) != rank_modulo(rows, prime):
                raise Refuted("a weight is none: its vector field is not tangent to the image at a random point")
        # For a wrong w a minor of [Jacobian | w phi] of size rank + 1 is not zero. With denominators cleared, row i
        # has entries of degree at most deg(P_i D), and of norms that sum to (deg(P_i D) + w_i) |P_i| |D| at most.
        largest = max(abs(w) for row in weights for w in row)
        sizes = [Size.product(numerator, self._denominator) for numerator in self._numerators]
        count = min(self.tape.inputs + 1, self.m)
        norms = sorted((size.log2 + math.log2(size.degree + largest) for size in sizes), reverse=True)
        degrees = sorted((size.degree for size in sizes), reverse=True)
        self._accept(Size(sum(norms[:count]), sum(degrees[:count])), len(weights))
        return False

    def _free_coordinates(self) -> set[int]:
        """Coordinates that vary with a parameter of their own, so that the image closure is a product with a line."""
        depends = self.tape.run(Dependence(), [1 << j for j in range(self.tape.inputs)])
        free: set[int] = set()
        if self.statement.free:
            prime, theta, _ = self._points()[0]
            derivatives = jacobian(self.tape, theta, prime)
        for i, j in self.statement.free:
            users = [k for k in range(self.m) if depends[k] >> j & 1 and k not in free]
            if users != [i] or derivatives[i][j] == 0:
                raise Refuted(f"coordinate {i} is not free: it does not vary with parameter {j} alone")
            free.add(i)
        return free

    def symmetry(self, number: int) -> bool:
        """phi(theta[tau])[i] = phi(theta)[sigma[i]], and sigma permutes the multidegrees."""
        tau, sigma = self.statement.symmetries[number]
        weights = self.statement.weights
        moved = [[row[i] for i in sigma] for row in weights]
        if rank([*weights, *moved], self.m) != rank(weights, self.m):
            raise Refuted(f"symmetry {number} does not permute the multidegrees")
        try:
            proved, holds = True, self._symmetry_expanded(tau, sigma)
        except TooLarge:
            proved, holds = False, self._symmetry_tested(tau, sigma)
        if not holds:
            raise Refuted(f"symmetry {number} is none: phi(theta[tau]) is not phi(theta)[sigma]")
        return proved

    def _symmetry_expanded(self, tau: list[int], sigma: list[int]) -> bool:
        if self._expanded is None:
            raise TooLarge
        numerators, denominator = self._expanded
        if len(denominator) * sum(map(len, numerators)) > self.budget:
            raise TooLarge
        generators = denominator.context().gens()
        images = [generators[j] for j in tau]
        moved = denominator.compose(*images)
        return all(numerators[i].compose(*images) * denominator == numerators[sigma[i]] * moved for i in range(self.m))

    def _symmetry_tested(self, tau: list[int], sigma: list[int]) -> bool:
        for prime, theta, values in self._points():
            images = self._evaluate([theta[j] for j in tau], prime)
            if images is None:
                raise Refuted("a divisor of the map vanishes at a random point")
            if any(images[i] != values[sigma[i]] for i in range(self.m)):
                return False
        # P_i(theta[tau]) D(theta) - P_sigma[i](theta) D(theta[tau]); a constant D cancels.
        log2 = 1 + max(size.log2 for size in self._numerators)
        degree = max(size.degree for size in self._numerators)
        if self.tape.divides:
            log2, degree = log2 + self._denominator.log2, degree + self._denominator.degree
        self._accept(Size(log2, degree), self.m)
        return True

    def vanishing(self, number: int) -> bool:
        """A generator vanishes on the image."""
        equation = self.statement.equations[number]
        if self._expanded is not None:
            lengths = [len(y) for y in self._expanded[0]]
            if sum(math.prod(lengths[i] for i in y) for y in equation.monomials) <= self.budget:
                if self._composed(equation, self._expanded[0]) != 0:
                    raise Refuted(f"generator {number} does not vanish on the image")
                return True
        for prime, _, values in self._points():
            total = 0
            for monomial, coefficient in zip(equation.monomials, equation.coefficients, strict=True):
                product = coefficient
                for i in monomial:
                    product = product * values[i] % prime
                total += product
            if total % prime:
                raise Refuted(f"generator {number} does not vanish at a random point of the image")
        # f is homogeneous, so that f(P_1/D, ..., P_m/D) D^d = f(P_1, ..., P_m).
        log2 = sum(map(abs, equation.coefficients)).bit_length() + max(
            sum(self._numerators[i].log2 for i in monomial) for monomial in equation.monomials
        )
        self._accept(Size(log2, equation.degree * max(size.degree for size in self._numerators)))
        return False

    @staticmethod
    def _composed(equation: Equation, numerators: list[Any]) -> Any:
        """The polynomial f(P_1, ..., P_m)."""
        used = sorted({i for monomial in equation.monomials for i in monomial})
        place = {i: k for k, i in enumerate(used)}
        ring = fmpz_mpoly_ctx.get([f"y{k}" for k in range(len(used))], "degrevlex")
        terms: dict[tuple[int, ...], int] = {}
        for monomial, coefficient in zip(equation.monomials, equation.coefficients, strict=True):
            exponents = [0] * len(used)
            for i in monomial:
                exponents[place[i]] += 1
            terms[tuple(exponents)] = coefficient
        return ring.from_dict(terms).compose(*(numerators[i] for i in used))

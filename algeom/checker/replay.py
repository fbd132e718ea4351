"""Checks every statement of a certificate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flint import fmpz, nmod_mat

from .identities import Identities
from .multidegrees import Multidegrees
from .points import Stream, jacobian, rank_modulo
from .reading import Block, Equation, Level, Monomial, Refuted, Statement

#: Failures reported before the checker gives up.
_MAX_FAILURES = 20


@dataclass
class _Solved:
    """A listed block: its monomials, free columns and, in the end, integer equations that span its equations."""

    block: Block
    key: int
    monomials: list[Monomial]
    free: list[int]
    basis: list[tuple[list[Monomial], list[int]]] = field(default_factory=list)


@dataclass
class _Row:
    """An equation times a variable, or a generator: its monomials are carried by a permutation and multiplied.

    `keys` are the resulting monomials, as integers.
    """

    monomials: list[Monomial]
    coefficients: list[int]
    keys: list[int]
    carry: Sequence[int] | None = None
    variable: int = 0

    def equation(self) -> tuple[list[Monomial], list[int]]:
        """Monomials and coefficients of the result."""
        if self.carry is None:
            return self.monomials, self.coefficients
        return [(*(self.carry[i] for i in y), self.variable) for y in self.monomials], self.coefficients


#: Multidegree to the listed block of its orbit, and a permutation that carries that block here (None: identity).
Orbits = dict[int, tuple[_Solved, list[int] | None]]


class Replay:
    """Checks one statement. Each method confirms a part, counts it in `checks`, or raises `Refuted`."""

    def __init__(self, statement: Statement, budget: int) -> None:
        self.statement = statement
        self.m = len(statement.tape.outputs)
        self.identities = Identities(statement, budget)
        self.failures: list[str] = []
        self.checks: dict[str, int] = {}
        self.stream = Stream(statement.tape, statement.seed, statement.prime)
        self._orbits: list[Orbits] = []
        self._generators: dict[tuple[int, tuple[int, ...]], list[Equation]] = {}
        for equation in statement.equations:
            self._generators.setdefault((equation.degree, equation.multidegree), []).append(equation)

    def run(self) -> None:
        """Check everything, as far as one part makes sense without the others."""
        for part in (self._prime, self.identities.expand, self._grading, self._symmetries, self._multidegrees):
            if not self._attempt(part):
                return
        for level in self.statement.levels:
            self._orbits.append({})
            if not self._attempt(self._upper_bounds, level):
                break
        for number in range(len(self.statement.equations)):
            self._attempt(self._generator, number)
        if self.failures:
            return
        for level, orbits in zip(self.statement.levels, self._orbits, strict=True):
            for key, (solved, _) in orbits.items():
                if key == solved.key:
                    self._attempt(self._lower_bound, solved)
            self._attempt(self._totals, level)

    def _attempt(self, part: Callable[..., None], *arguments: Any) -> bool:
        if len(self.failures) >= _MAX_FAILURES:
            return False
        before = len(self.failures)
        try:
            part(*arguments)
        except Refuted as refuted:
            self.failures.append(str(refuted))
        return len(self.failures) == before

    def _count(self, what: str, number: int = 1) -> None:
        self.checks[what] = self.checks.get(what, 0) + number

    # What the ranks rest on

    def _prime(self) -> None:
        if not fmpz(self.statement.prime).is_prime():  # proved by FLINT, not guessed
            raise Refuted(f"{self.statement.prime} is not prime")

    def _grading(self) -> None:
        if self.statement.homogenized:
            self.identities.cone()
        proved = self.identities.grading()
        self._count(f"weights {'proved' if proved else 'tested'}", len(self.statement.weights))

    def _symmetries(self) -> None:
        for number in range(len(self.statement.symmetries)):
            proved = self.identities.symmetry(number)
            self._count(f"symmetries {'proved' if proved else 'tested'}")

    def _multidegrees(self) -> None:
        limits = [sum(block.orbit for block in level.blocks) for level in self.statement.levels]
        self.multidegrees = Multidegrees(self.statement.weights, self.m, limits)

    def _generator(self, number: int) -> None:
        """A generator is a primitive form of its multidegree and vanishes on the image."""
        equation = self.statement.equations[number]
        if not equation.monomials or 0 in equation.coefficients or math.gcd(*equation.coefficients) != 1:
            raise Refuted(f"generator {number} is not a primitive integer polynomial")
        if len(set(equation.monomials)) != len(equation.monomials):
            raise Refuted(f"generator {number} lists a monomial twice")
        key = self.multidegrees.encode(equation.multidegree)
        if any(len(y) != equation.degree or self.multidegrees.of(y) != key for y in equation.monomials):
            raise Refuted(f"generator {number} is not homogeneous of its multidegree")
        proved = self.identities.vanishing(number)
        self._count(f"generators {'proved' if proved else 'tested'}")

    # Upper bounds

    def _upper_bounds(self, level: Level) -> None:
        """Every multidegree of a degree is in the orbit of one block, and no block has more equations than stated."""
        counts = self.multidegrees.counts[level.degree]
        if not level.monomials == sum(counts.values()) == math.comb(self.m + level.degree - 1, level.degree):
            raise Refuted(f"degree {level.degree}: there are {sum(counts.values())} monomials, not {level.monomials}")
        orbits = self._orbits[level.degree - 1]
        for block in level.blocks:
            key = self.multidegrees.encode(block.multidegree)
            if key is None or counts.get(key) != block.size:
                there = 0 if key is None else counts.get(key, 0)
                raise Refuted(f"{block}: there are {there} monomials, not {block.size}")
            if key in orbits:
                raise Refuted(f"{block}: listed twice, or in the orbit of another")
            pivots = set(block.columns)
            monomials = [] if block.independent else list(self.multidegrees.monomials(level.degree, key))
            solved = _Solved(block, key, monomials, [c for c in range(len(monomials)) if c not in pivots])
            self._spread(solved, orbits)
            self._attempt(self._independent if block.independent else self._pivots, solved)
        if len(orbits) != len(counts):
            raise Refuted(f"degree {level.degree}: {len(counts) - len(orbits)} multidegrees are not covered")
        self._count("multidegrees covered", len(counts))

    def _spread(self, solved: _Solved, orbits: Orbits) -> None:
        """Enter all multidegrees of an orbit, each with a permutation that carries the block there."""
        orbits[solved.key] = (solved, None)
        first = next(self.multidegrees.monomials(solved.block.degree, solved.key))
        queue: list[tuple[Monomial, list[int] | None]] = [(first, None)]
        for monomial, carried in queue:
            for _, sigma in self.statement.symmetries:
                image = tuple(sigma[i] for i in monomial)
                key = self.multidegrees.of(image)
                if key not in orbits:
                    step = sigma if carried is None else [sigma[i] for i in carried]
                    orbits[key] = (solved, step)
                    queue.append((image, step))
                elif orbits[key][0] is not solved:
                    raise Refuted(f"{solved.block}: listed twice, or in the orbit of another")
        if len(queue) != solved.block.orbit:
            raise Refuted(f"{solved.block}: its orbit has {len(queue)} multidegrees, not {solved.block.orbit}")

    def _independent(self, solved: _Solved) -> None:
        """The coordinates that occur are algebraically independent."""
        if solved.block.nullity:
            raise Refuted(f"{solved.block}: independent coordinates satisfy no equation")
        below = self.multidegrees.counts[solved.block.degree - 1]
        support = [i for i, weight in enumerate(self.multidegrees.weight) if solved.key - weight in below]
        if rank_modulo([self._jacobian[i] for i in support], self.statement.prime) != len(support):
            raise Refuted(f"{solved.block}: the coordinates are not shown to be independent")
        self._count("blocks of independent coordinates")

    @cached_property
    def _jacobian(self) -> list[list[int]]:
        """The Jacobian at point 0 of the stream."""
        self.stream.coordinates(1)
        return jacobian(self.statement.tape, self.stream.first, self.statement.prime)

    def _pivots(self, solved: _Solved) -> None:
        """The monomials at the pivot columns have independent values at the points of the pivot rows."""
        block, prime = solved.block, self.statement.prime
        size = len(block.rows)
        values = self.stream.coordinates(max(block.rows, default=-1) + 1)
        at_points = [[row[k] for k in block.rows] for row in values]
        matrix = nmod_mat(size, size, prime)
        products: list[list[int]] = []
        previous: Monomial = ()
        for j, column in enumerate(sorted(block.columns)):
            monomial = solved.monomials[column]
            shared = 0
            while shared < len(previous) and previous[shared] == monomial[shared]:
                shared += 1
            del products[shared:]
            for i in monomial[len(products) :]:
                factor = at_points[i]
                below = products[-1] if products else None
                products.append([a * b % prime for a, b in zip(below, factor, strict=True)] if below else factor)
            previous = monomial
            for k, value in enumerate(products[-1]):
                matrix[j, k] = value
        if len(set(block.columns)) != size or int(matrix.rank()) != size:
            raise Refuted(f"{block}: the pivots do not show rank {size} modulo {prime}")
        self._count("blocks of full pivot rank")

    # Lower bounds

    def _lower_bound(self, solved: _Solved) -> None:
        """Multiples of lower equations and the generators of a block span as many equations as stated."""
        block, prime = solved.block, self.statement.prime
        own = self._generators.get((block.degree, block.multidegree), [])
        if block.nullity == 0 and not own:
            return
        bits = block.degree.bit_length()
        unit = [1 << bits * i for i in range(self.m)]  # a monomial as one integer: `bits` bits for each exponent
        position = {sum(unit[i] for i in solved.monomials[c]): k for k, c in enumerate(solved.free)}
        # An equation is determined by its coefficients at the free columns, as the pivots are invertible; so ranks
        # are taken there.
        rows: list[_Row] = []
        for variable, carry, lower in self._quotients(solved):
            carried = [unit[i] for i in carry]
            for monomials, coefficients in lower.basis:
                keys = [sum(carried[i] for i in y) + unit[variable] for y in monomials]
                rows.append(_Row(monomials, coefficients, keys, carry, variable))
        rows.sort(key=lambda row: len(row.monomials))  # short equations go on to the next degree
        products = len(rows)
        for equation in own:
            keys = [sum(unit[i] for i in y) for y in equation.monomials]
            rows.append(_Row(equation.monomials, [c % prime for c in equation.coefficients], keys))
        pivots = self._independent_rows(rows, position)
        if len(pivots) != block.nullity:
            raise Refuted(f"{block}: the equations span {len(pivots)} dimensions, not {block.nullity}")
        new = sum(1 for k in pivots if k >= products)
        if new != len(own):
            raise Refuted(f"{block}: {len(own)} generators are listed, but {new} of them are new")
        solved.basis = [rows[k].equation() for k in pivots]
        self._count("blocks whose equations are generated")

    def _independent_rows(self, rows: list[_Row], position: dict[int, int]) -> list[int]:
        """The rows, modulo p and restricted to the free columns, that the rows before do not span."""
        if not rows or not position:
            return []
        matrix = nmod_mat(len(position), len(rows), self.statement.prime)
        for j, row in enumerate(rows):
            for key, coefficient in zip(row.keys, row.coefficients, strict=True):
                k = position.get(key)
                if k is not None:
                    matrix[k, j] = coefficient
        echelon, rank = matrix.rref()
        pivots, column = [], 0
        for k in range(int(rank)):
            while int(echelon[k, column]) == 0:
                column += 1
            pivots.append(column)
        return pivots

    def _quotients(self, solved: _Solved) -> Iterator[tuple[int, Sequence[int], _Solved]]:
        """(variable, permutation, listed block): the permutation carries the block to the quotient by the variable."""
        if solved.block.degree == 1 or not solved.block.nullity:
            return
        below = self._orbits[solved.block.degree - 2]
        for variable, weight in enumerate(self.multidegrees.weight):
            found = below.get(solved.key - weight)
            if found is not None:
                yield variable, range(self.m) if found[1] is None else found[1], found[0]

    def _totals(self, level: Level) -> None:
        """The stated dimension and number of generators of a degree are the sums over its orbits."""
        dimension = sum(block.orbit * block.nullity for block in level.blocks)
        if dimension != level.dimension:
            raise Refuted(f"degree {level.degree}: the dimension is {dimension}, not {level.dimension}")
        orbit = {block.multidegree: block.orbit for block in level.blocks}
        generators = 0
        for (degree, multidegree), equations in self._generators.items():
            if degree == level.degree:
                if multidegree not in orbit:
                    raise Refuted(f"degree {degree}, multidegree {list(multidegree)}: generators of no listed block")
                generators += orbit[multidegree] * len(equations)
        if generators != level.generators:
            raise Refuted(f"degree {level.degree}: there are {generators} generators, not {level.generators}")
        self._count("degrees settled")

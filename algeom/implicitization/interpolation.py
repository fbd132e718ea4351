"""Interpolation degree by degree: the equations of every block modulo a prime, and which of them are new."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.elimination import eliminate, rank
from algeom.errors import GenericityError, ResourceError
from algeom.evidence import Evidence, Status
from algeom.implicitization.blocks import BlockResult, BlockTask, block_bytes, multidegrees, solve_block
from algeom.implicitization.dimension import jacobian_points
from algeom.implicitization.multidegrees import IntArray, Multidegrees
from algeom.implicitization.resuming import BlockStore
from algeom.implicitization.sampling import SURPLUS, FloatArray, log10_rank_failure, samples
from algeom.implicitization.symmetry import Orbits, orbits
from algeom.maps.tape import Tape
from algeom.runtime import execution, memory
from algeom.runtime.progress import Reporter

if TYPE_CHECKING:
    from algeom.runtime.store import Store

#: Elimination uses several threads from about this many columns on.
_WORTH_ALL_CORES = 400
#: Multiples of lower equations that are collected before those that add nothing are dropped.
_MULTIPLES = 1000
#: Solving a block of at most this many monomials takes less than calling the kernels that do it.
_INTERPRETED = 40
#: From this size on, asking first whether the coordinates are independent is cheaper than solving the block.
_MATROID_TEST_FROM = 30


@dataclass(eq=False)
class Layer:
    """All equations of one degree, one block of each orbit solved.

    Attributes
    ----------
    degree : int
    table : Multidegrees
    orbits : Orbits
    results : dict from node to BlockResult
        For the representative of each orbit, modulo the first prime.
    confirmed : dict from node to BlockResult
        The same modulo the second prime for the blocks with equations. Those without need none: a rank modulo p
        that is full is full over Q.
    new : dict from node to int64 array
        For each representative with equations that no lower ones generate: the positions in `free_columns` of
        equations that complete the multiples of the lower ones to a basis. Empty until `find_new` ran.
    log10_error : float
        Bound on the probability that some rank of this degree is too small.
    divided : frozenset of nodes
        Blocks whose results are those of the block below, since a variable divides all their monomials.
    """

    degree: int
    table: Multidegrees
    orbits: Orbits
    results: dict[int, BlockResult]
    confirmed: dict[int, BlockResult]
    log10_error: float
    divided: frozenset[int] = frozenset()
    new: dict[int, IntArray] = field(default_factory=dict)
    _monomials: dict[int, IntArray] = field(default_factory=dict)

    @property
    def n_monomials(self) -> int:
        """Dimension of R_d."""
        return math.comb(self.table.weights.shape[1] + self.degree - 1, self.degree)

    @property
    def dimension(self) -> int:
        """Dimension of I_d, an upper bound always."""
        return sum(int(s) * self.results[int(r)].nullity for r, s in self._orbits())

    @property
    def n_new(self) -> int:
        """Number of minimal generators of this degree."""
        return sum(int(s) * len(self.new[int(r)]) for r, s in self._orbits() if int(r) in self.new)

    @property
    def n_blocks(self) -> int:
        """Number of multidegrees."""
        return int(self.orbits.sizes.sum())

    @property
    def n_orbits(self) -> int:
        """Number of blocks solved."""
        return len(self.orbits.sizes)

    @property
    def largest_block(self) -> int:
        """Number of monomials of the largest block."""
        return max(r.size for r in self.results.values())

    @property
    def evidence(self) -> Evidence:
        """How sure `dimension` is, given the grading and the symmetries."""
        if not self.confirmed:
            return Evidence(Status.PROVED, reason="every block has full rank modulo a prime")
        reason = "nullities at random points that agree modulo two random primes, given that neither is bad"
        return Evidence(Status.PROBABILISTIC, self.log10_error, reason)

    def modulo(self, prime_number: int) -> dict[int, BlockResult]:
        """Results of the blocks with equations modulo the first prime (0) or the second (1)."""
        return self.confirmed if prime_number else self.results

    def release(self) -> None:
        """Forget the equations, which the degree above has used; ranks and pivots stay."""
        for results in (self.results, self.confirmed):
            for node, result in results.items():
                results[node] = replace(result, null_space=None)

    def _orbits(self) -> Iterator[tuple[int, int]]:
        return zip(self.orbits.representatives, self.orbits.sizes, strict=True)

    def monomials(self, representative: int) -> IntArray:
        """Monomials of a representative block, kept once listed."""
        if representative not in self._monomials:
            self._monomials[representative] = self.table.monomials(representative)
        return self._monomials[representative]


class Interpolation:
    """Interpolates the ideal of a cone, degree by degree, and keeps the layers.

    Parameters
    ----------
    tape : Tape
        A map whose image closure is a cone.
    weights : int64 array, shape (r, m)
        A grading of its ideal.
    permutations : list of int64 arrays
        Verified coordinate symmetries.
    seed, primes : int, (int, int)
        Equations are found modulo the first prime; the second only confirms every rank.
    executor, threads, memory_limit
        As for `implicitize`.
    equations : bool
        Whether the equations are wanted, or their numbers only.
    store : Store or None
        Where results of blocks are kept, and looked up first.
    """

    def __init__(
        self,
        tape: Tape,
        weights: IntArray,
        permutations: list[IntArray],
        seed: int,
        primes: tuple[int, ...],
        *,
        executor: Executor | None = None,
        threads: int | None = None,
        memory_limit: int | str | None = None,
        equations: bool = True,
        store: Store | None = None,
    ) -> None:
        self.tape = tape
        self.weights = weights
        self.permutations = permutations
        self.seed = seed
        self.primes = primes
        self.executor = executor
        self.threads = threads
        self.memory_limit = memory_limit
        self.equations = equations
        self._kept = BlockStore(store, tape) if store is not None else None
        self.layers: dict[int, Layer] = {}
        self._hashes = _variable_hashes(weights.shape[1])
        self._jacobian = jacobian_points(tape, seed, primes[0], 1)[0][0]

    def layer(self, degree: int, report: Reporter) -> Layer:
        """The equations of a degree; computed once."""
        if degree not in self.layers:
            self.layers[degree] = self._solve(degree, report)
        return self.layers[degree]

    def find_new(self, degree: int, report: Reporter) -> Layer:
        """The layer of a degree with its `new` equations filled in."""
        if degree > 1:
            below = self.layer(degree - 1, report)
        layer = self.layer(degree, report)
        for node, result in layer.results.items():
            if result.nullity and node not in layer.new and node not in layer.divided:
                if degree == 1:
                    chosen = np.arange(result.nullity)
                else:
                    chosen = self._new_positions(layer, below, node)
                if len(chosen):
                    layer.new[node] = chosen
        return layer

    def _solve(self, degree: int, report: Reporter) -> Layer:
        table = multidegrees(self.weights, degree)
        orbit = orbits(table, degree, self.permutations)
        nodes = [int(node) for node in orbit.representatives]
        sizes = {node: int(table.counts[node]) for node in nodes}
        report.start(f"degree {degree}", total=len(nodes))
        results, confirmed = self._divided(degree, table, orbit.representatives)
        divided = frozenset(results)
        report.advance(len(divided), degree=degree)
        tasks = []
        for node in nodes:
            if node in divided:
                continue
            if sizes[node] >= _MATROID_TEST_FROM and self._independent(table, node):
                results[node] = no_equations(sizes[node])
                report.advance(1, degree=degree, block=node, size=sizes[node])
            else:
                tasks.append(self._task(degree, node, 0))
        results |= self._solved(tasks, sizes, report)
        again = [self._task(degree, node, 1) for node in nodes if results[node].nullity and node not in divided]
        report.start(f"degree {degree}, second prime", total=len(again))
        confirmed |= self._solved(again, sizes, report)
        bounds = degree * self.tape.common_degree()
        errors = []
        for node, result in confirmed.items():
            if not np.array_equal(result.free_columns, results[node].free_columns):
                raise UnluckyPrimeError(degree, node)
            # Both ranks would have to be too small.
            errors.append(sum(log10_rank_failure(result.rank, bounds, prime, SURPLUS) for prime in self.primes[:2]))
        error = min(0.0, max(errors, default=-math.inf) + math.log10(max(1, len(errors))))
        return Layer(degree, table, orbit, results, confirmed, error, divided)

    def _divided(
        self, degree: int, table: Multidegrees, representatives: IntArray
    ) -> tuple[dict[int, BlockResult], dict[int, BlockResult]]:
        """Blocks all of whose monomials a variable divides: their equations are those of the quotient, times it.

        The ideal is prime, so that y_i f in I implies f in I when y_i is not zero on the image. Multiplying by y_i
        keeps the order of the monomials, and scales the rows of the evaluation matrix; hence the quotient's pivots are
        pivots here wherever y_i is not zero at the pivot points. Used where the quotient itself was solved.
        """
        below = self.layers.get(degree - 1)
        results: dict[int, BlockResult] = {}
        confirmed: dict[int, BlockResult] = {}
        if below is None:
            return results, confirmed
        rest = table.divide[representatives]
        same = (rest >= 0) & (table.counts[rest] == table.counts[representatives][:, None])
        nonzero = samples(self.tape, self.seed, self.primes[0]).values(below.largest_block + SURPLUS) != 0
        for k in np.flatnonzero(same.any(axis=1)):
            variable = int(np.argmax(same[k]))
            quotient = below.results.get(int(rest[k, variable]))
            if quotient is None or quotient.independent or not nonzero[variable, quotient.pivot_rows].all():
                continue
            node = int(representatives[k])
            results[node] = quotient
            if quotient.nullity:
                confirmed[node] = below.confirmed[int(rest[k, variable])]
        return results, confirmed

    def _task(self, degree: int, node: int, prime_number: int) -> BlockTask:
        return BlockTask(self.tape, self.weights, degree, node, self.primes[prime_number], self.seed, self.equations)

    def _solved(self, tasks: list[BlockTask], sizes: dict[int, int], report: Reporter) -> dict[int, BlockResult]:
        """Results by node, of tasks that share a prime."""
        if not tasks:
            return {}
        # The points are drawn once, before the threads would all draw them.
        samples(self.tape, self.seed, tasks[0].prime).values(max(sizes[task.node] for task in tasks) + SURPLUS)
        return {task.node: result for task, result in self._resume(tasks, sizes, report)}

    def require_memory(self, degrees: list[int]) -> None:
        """Refuse, before anything is solved, degrees whose largest block or table of multidegrees would not fit."""
        remedy = "lower max_degree, restrict the coordinates, declare the map's symmetries, or raise memory_limit"
        rank, m = self.weights.shape
        table = multidegrees(self.weights, 0)
        for degree in range(1, max(degrees) + 1):
            below = len(table.nodes(degree - 1))
            what = f"the table of multidegrees of degree {degree} ({below:,} multidegrees in the degree below)"
            memory.require(8 * below * m * (rank + 6), self.memory_limit, what, remedy)
            table = multidegrees(self.weights, degree)
            if degree not in degrees:
                continue
            for node in sorted(table.nodes(degree), key=lambda node: -table.counts[node]):
                size = int(table.counts[node])
                try:
                    what = f"the largest block of degree {degree} ({size:,} monomials)"
                    memory.require(self._block_bytes(size), self.memory_limit, what, remedy)
                except ResourceError:
                    if not self._independent(table, int(node)):
                        raise
                else:
                    break

    def _block_bytes(self, size: int) -> int:
        """Memory that solving a block of `size` monomials takes, in bytes."""
        return block_bytes(size)

    def _independent(self, table: Multidegrees, node: int) -> bool:
        """Whether the coordinates that occur in a block have linearly independent rows of the Jacobian at a point."""
        support = np.flatnonzero(table.divide[node] >= 0)
        if len(support) > min(self._jacobian.shape):
            return False
        return rank(np.ascontiguousarray(self._jacobian[support]), self.primes[0]) == len(support)

    def _resume(
        self, tasks: list[BlockTask], sizes: dict[int, int], report: Reporter
    ) -> Iterator[tuple[BlockTask, BlockResult]]:
        """Results from the store where it has them; the others are solved and kept."""
        if self._kept is None:
            yield from self._run(tasks, sizes, report)
            return
        missing = []
        for task in tasks:
            result = self._kept.get(task)
            if result is None:
                missing.append(task)
            else:
                report.advance(1, degree=task.degree, block=task.node, size=sizes[task.node])
                yield task, result
        for task, result in self._run(missing, sizes, report):
            self._kept.put(task, result)
            yield task, result

    def _run(
        self, tasks: list[BlockTask], sizes: dict[int, int], report: Reporter
    ) -> Iterator[tuple[BlockTask, BlockResult]]:
        """Solve tasks: first, on all cores, each that outweighs the rest; then the rest side by side."""
        cores = self.threads or execution.cores()
        cost = {node: 0.1 * size**3 + 4.0 * size**2 + 5e4 for node, size in sizes.items()}  # nanoseconds
        # Without an executor, a block that is more than one core's share would keep the other cores waiting.
        alone: list[BlockTask] = []
        if self.executor is None and cores > 1:
            left = sum(cost[task.node] for task in tasks)
            for task in sorted(tasks, key=lambda t: -cost[t.node]):
                if sizes[task.node] < _WORTH_ALL_CORES or cost[task.node] * cores <= left:
                    break
                alone.append(task)
                left -= cost[task.node]
        for task in alone:
            report.advance(1, degree=task.degree, block=task.node, size=sizes[task.node])
            yield task, solve_block(task, threads=cores)
        chosen = set(map(id, alone))
        if self.executor is None:
            # Blocks this small are mostly interpreted code, on which threads would wait for one another.
            for task in tasks:
                if sizes[task.node] <= _INTERPRETED:
                    chosen.add(id(task))
                    report.advance(1, degree=task.degree, block=task.node, size=sizes[task.node])
                    yield task, solve_block(task)
        rest = [task for task in tasks if id(task) not in chosen]
        for index, result in execution.run_tasks(
            solve_block,
            rest,
            executor=self.executor,
            threads=self.threads,
            costs=[cost[task.node] for task in rest],
        ):
            task = rest[index]
            report.advance(1, degree=task.degree, block=task.node, size=sizes[task.node])
            yield task, result

    def solve_all(self, tasks: list[BlockTask], sizes: dict[int, int]) -> list[tuple[BlockTask, BlockResult]]:
        """Solve blocks apart from any layer, side by side."""
        return sorted(self._run(tasks, sizes, Reporter()), key=lambda pair: pair[0].prime)

    def _new_positions(self, layer: Layer, below: Layer, node: int) -> IntArray:
        """Positions of the equations of a block that the multiples of lower equations do not span.

        The number of them must be the same modulo both primes.
        """
        result = layer.results[node]
        assert result.null_space is not None
        # Pivots are taken from the left: long equations first, so that those left over as new are short.
        order = np.argsort(-np.count_nonzero(result.null_space, axis=1), kind="stable")
        multiples = np.ascontiguousarray(self.multiples(layer, below, node)[:, order])
        free = eliminate(multiples, self.primes[0], null_space=False, overwrite=True).free_columns
        again = rank(self.multiples(layer, below, node, prime_number=1), self.primes[1], overwrite=True)
        if again != result.nullity - len(free):
            raise UnluckyPrimeError(layer.degree, node)
        return np.sort(order[free])

    def multiples(self, layer: Layer, below: Layer, node: int, *, prime_number: int = 0) -> FloatArray:
        """Products of variables with the equations below that lie in a block, in coordinates at its free columns.

        An equation of the block is determined by its coefficients at the free columns, since the null space is the
        identity there; so this loses nothing and keeps the matrix small.
        """
        result = layer.modulo(prime_number)[node]
        keys = self.keys(layer.monomials(node)[result.free_columns])
        order = np.argsort(keys)
        in_order = keys[order]
        parts = [np.zeros((0, result.nullity))]
        for variable, rest in enumerate(layer.table.divide[node]):
            if rest < 0:
                continue
            representative = below.orbits.representative_of(int(rest))
            lower = below.modulo(prime_number).get(representative)
            if lower is None or lower.nullity == 0:
                continue
            assert lower.null_space is not None
            carry = below.orbits.transport(int(rest))
            carried = self.keys(carry[below.monomials(representative)]) + self._hashes[variable]
            place = np.minimum(np.searchsorted(in_order, carried), len(keys) - 1)
            position = np.where(in_order[place] == carried, order[place], -1)
            part = np.zeros((lower.nullity, result.nullity))
            at_pivots = position[lower.pivot_columns]
            inside = at_pivots >= 0
            part[:, at_pivots[inside]] = lower.null_space[:, inside]
            at_free = position[lower.free_columns]
            inside = at_free >= 0
            part[np.flatnonzero(inside), at_free[inside]] = 1.0
            parts.append(part)
            if sum(len(part) for part in parts) > 2 * result.nullity + _MULTIPLES:
                parts = [self._spanning(np.concatenate(parts), prime_number)]
        return np.concatenate(parts)

    def _spanning(self, rows: FloatArray, prime_number: int) -> FloatArray:
        """Some of the rows, that span the others: they are all that is needed of many multiples."""
        chosen: FloatArray = rows[eliminate(rows, self.primes[prime_number], null_space=False).pivot_rows]
        return chosen

    def keys(self, monomials: IntArray) -> NDArray[np.uint64]:
        """A 64-bit key of each monomial, the sum of its variables' hashes, so that multiplying adds."""
        keys: NDArray[np.uint64] = self._hashes[monomials].sum(axis=1, dtype=np.uint64)
        return keys


class UnluckyPrimeError(GenericityError):
    """Two primes disagreed on a rank; the computation is to be repeated with others."""

    def __init__(self, degree: int, node: int) -> None:
        super().__init__(f"two primes disagree on a rank in degree {degree}, block {node}")


def no_equations(size: int) -> BlockResult:
    """The result of a block whose coordinates are algebraically independent."""
    none = np.zeros(0, np.int64)
    return BlockResult(size, size, none, none, none, np.zeros((0, size)), independent=True)


def _variable_hashes(m: int) -> NDArray[np.uint64]:
    """Fixed 64-bit hashes of the variables. Sums of at most 16 of them collide with probability about N^2 / 2^64."""
    return np.random.default_rng(0x5EED).integers(0, 2**64, size=m, dtype=np.uint64)

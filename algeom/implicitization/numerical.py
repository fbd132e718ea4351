"""Implicitization in floating point: the same pipeline on evaluation matrices of doubles, ranks decided by gaps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from algeom.algebra.polynomial import Polynomial
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.blocks import BlockResult, multidegrees
from algeom.implicitization.dimension import Dimension, working_primes
from algeom.implicitization.grading import Grading
from algeom.implicitization.ideal import DegreeSummary, Ideal
from algeom.implicitization.implicitize import reading_order
from algeom.implicitization.interpolation import Interpolation, Layer, no_equations
from algeom.implicitization.multidegrees import IntArray, Multidegrees
from algeom.implicitization.numerical_consistency import Cutoff, place, require_growth, require_products, residual
from algeom.implicitization.numerical_lifting import NumericalLift
from algeom.implicitization.numerical_points import (
    ARITHMETICS,
    Coordinates,
    NumericalPoints,
    evaluate_monomials,
    real_rows,
)
from algeom.implicitization.numerical_preparation import (
    checked_permutations,
    independent_rows,
    numerical_dimension,
    numerical_grading,
    scaled_jacobians,
)
from algeom.implicitization.numerical_rank import MIN_GAP, FloatArray, RankDecision, UndecidedRankError, factorize
from algeom.implicitization.preparation import Clock, Preparation
from algeom.implicitization.sampling import SURPLUS
from algeom.implicitization.symmetry import orbits
from algeom.implicitization.verification import EXPANSION_BUDGET, IdentityTest
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime import execution, seeds
from algeom.runtime.progress import Progress, Reporter, reporter

#: Rows beyond the number of columns, as a part of it: a square random matrix is about N times worse conditioned.
_OVERSAMPLING = 0.25
#: From this size on, asking first whether the coordinates are independent is cheaper than solving the block.
_MATROID_TEST_FROM = 16
#: Rows of multiples beyond the number of equations, where there are so many that random combinations replace them.
_COMBINATIONS = 64
#: Fresh points at which the equations of every block are checked.
_CHECK_POINTS = 16
#: Random combinations of products of lower equations that must be among those of a block.
_PRODUCTS = 4


def _require_options(arithmetic: str, torus: str, store: object) -> None:
    """Refuse an arithmetic that there is not, and options of the exact one."""
    if arithmetic not in ARITHMETICS:
        raise InputError(f'arithmetic={arithmetic!r}: expected "exact", "float64" or "complex128"')
    if torus != "maximal":
        raise InputError(f'torus={torus!r} serves proofs, and floating point proves nothing; use arithmetic="exact"')
    if store is not None:
        raise InputError('results in floating point are not kept in a store; leave it out, or use arithmetic="exact"')


def block_rows(size: int) -> int:
    """Rows of the evaluation matrix of a block of `size` monomials."""
    return size + int(_OVERSAMPLING * size) + SURPLUS


class NumericalPreparation:
    """What every verb needs first, as `Preparation`: a cone, its grading, its symmetries, and points of it.

    Maps with exact constants have these found exactly. Where constants are rounded floats, only what holds up to
    rounding is meant, and all is found in floating point.
    """

    def __init__(self, phi: PolynomialMap, seed: int, arithmetic: str, symmetry: bool, clock: Clock) -> None:
        self.phi = phi
        self.seed = seed
        self.arithmetic = arithmetic
        self.dimension: Dimension
        self.homogenized: bool
        self.cone: PolynomialMap
        self.grading: Grading
        self.permutations: list[IntArray]
        self.cutoff = Cutoff()
        if phi.has_float_constants:
            self._prepare_numerically(symmetry, clock)
        else:
            exact = Preparation(phi, seed, symmetry, 0, clock)
            self.dimension, self.homogenized, self.cone = exact.dimension, exact.homogenized, exact.cone
            self.grading, self.permutations = exact.grading, exact.permutations
            self.points = NumericalPoints(self.cone.tape, seed, arithmetic)

    def _prepare_numerically(self, symmetry: bool, clock: Clock) -> None:
        with clock.stage("dimension"):
            points = NumericalPoints(self.phi.tape, self.seed, self.arithmetic)
            self.dimension = numerical_dimension(self.phi, points, self.cutoff)
        self.homogenized = self.dimension.projective is None and not bool(points.zero.all())
        self.cone = self.phi.cone() if self.homogenized else self.phi
        self.points = NumericalPoints(self.cone.tape, self.seed, self.arithmetic) if self.homogenized else points
        with clock.stage("grading"):
            rank = self.dimension.value + (1 if self.homogenized else 0)
            self.grading = numerical_grading(self.points, rank, True, self.cutoff)
            self.permutations = checked_permutations(self.cone, self.points, self.cutoff) if symmetry else []
        self.cutoff.require()

    def interpolation(self, **options: Any) -> NumericalInterpolation:
        """An interpolation of the cone, block by block."""
        weights = self.grading.weights
        if self.dimension.value == self.phi.n_coordinates:
            # Without equations every grading holds, and would make each monomial a block.
            weights = np.ones((1, self.cone.n_coordinates), np.int64)
        return NumericalInterpolation(self.points, weights, self.permutations, self.cutoff, **options)


@dataclass(frozen=True, eq=False)
class NumericalBlockTask:
    """One block to interpolate in floating point. Solving it is a pure function of these fields."""

    values: Any
    weights: IntArray
    degree: int
    node: int
    arithmetic: str
    null_space: bool


def solve_numerical_block(task: NumericalBlockTask) -> tuple[BlockResult, RankDecision]:
    """Rank and null space of the evaluation matrix of a block, and what decided the rank."""
    monomials = multidegrees(task.weights, task.degree).monomials(task.node)
    size = len(monomials)
    rows = block_rows(size)
    points = -(-rows // 2) if np.iscomplexobj(task.values) else rows
    matrix = real_rows(evaluate_monomials(monomials, task.values[:, :points]))
    which = f"degree {task.degree}, block {task.node} ({task.arithmetic})"
    done = factorize(matrix, f"the {len(matrix)} x {size} evaluation matrix of {which}")
    null_space = done.null_space if task.null_space else None
    result = BlockResult(size, done.rank, np.zeros(0, np.int64), done.pivot_columns, done.free_columns, null_space)
    return result, done.decision


@dataclass(eq=False)
class NumericalLayer(Layer):
    """All equations of one degree in floating point, in the coordinates of `Coordinates`.

    Attributes
    ----------
    gap : float
        Smallest of the gaps that decided ranks.
    fresh : dict from node to float64 array, shape (nullity, new)
        Vectors orthogonal to the multiples of lower equations, in coordinates at the free columns of a block.
    """

    gap: float = math.inf
    fresh: dict[int, FloatArray] = field(default_factory=dict)


class NumericalInterpolation(Interpolation):
    """Interpolates the ideal of a cone in floating point, degree by degree, and keeps the layers.

    Parameters
    ----------
    points : NumericalPoints
        Of a map whose image closure is a cone.
    cutoff : Cutoff
        Notes what the ranks keep and drop; a degree at odds with what is noted, or with the one before, is refused.
    weights, permutations, executor, threads, memory_limit, equations
        As for `Interpolation`.
    """

    def __init__(
        self,
        points: NumericalPoints,
        weights: IntArray,
        permutations: list[IntArray],
        cutoff: Cutoff,
        *,
        executor: Executor | None = None,
        threads: int | None = None,
        memory_limit: int | str | None = None,
        equations: bool = True,
    ) -> None:
        super().__init__(
            points.tape,
            weights,
            permutations,
            points.seed,
            working_primes(points.seed, 2),
            executor=executor,
            threads=threads,
            memory_limit=memory_limit,
            equations=equations,
        )
        self.points = points
        self.coordinates = Coordinates(points, weights, permutations)
        self.cutoff = cutoff
        self._numerical_jacobian = scaled_jacobians(points, 1)[0][0]
        self._fresh: Any = None

    def numerical_layer(self, degree: int, report: Reporter) -> NumericalLayer:
        """The equations of a degree; computed once."""
        layer = self.layer(degree, report)
        assert isinstance(layer, NumericalLayer)
        return layer

    def _solve(self, degree: int, report: Reporter) -> NumericalLayer:
        table = multidegrees(self.weights, degree)
        orbit = orbits(table, degree, self.permutations)
        sizes = {int(node): int(table.counts[node]) for node in orbit.representatives}
        report.start(f"degree {degree}", total=len(sizes))
        results: dict[int, BlockResult] = {}
        values = self.coordinates.values(block_rows(max(sizes.values())))
        tasks = []
        for node, size in sizes.items():
            if size >= _MATROID_TEST_FROM and self._independent(table, node):
                results[node] = no_equations(size)
                report.advance(1, degree=degree, block=node, size=size)
            else:
                tasks.append(
                    NumericalBlockTask(values, self.weights, degree, node, self.points.arithmetic, self.equations)
                )
        decisions: dict[int, RankDecision] = {}
        costs = [4.0 * sizes[task.node] ** 3 + 4e5 for task in tasks]
        solved = execution.run_tasks(
            solve_numerical_block, tasks, executor=self.executor, threads=self.threads, costs=costs
        )
        for index, (result, found) in solved:
            node = tasks[index].node
            results[node] = result
            decisions[node] = found
            report.advance(1, degree=degree, block=node, size=sizes[node])
        gap = min((decision.gap for decision in decisions.values()), default=math.inf)
        layer = NumericalLayer(degree, table, orbit, results, {}, math.nan, gap=gap)
        self._require_consistency(layer, decisions)
        return layer

    def _require_consistency(self, layer: NumericalLayer, decisions: dict[int, RankDecision]) -> None:
        """Check the equations of a degree at fresh points, its ranks against all others and the degree below."""
        for node in sorted(decisions):  # in the same order on any number of workers
            self.cutoff.record(decisions[node], self._name(layer, node))
            if self.equations and layer.results[node].nullity:
                error = residual(layer.results[node], self._fresh_monomials(layer, node))
                self.cutoff.record_residual(error, f"{self._name(layer, node)}, at points not used to find it")
        self.cutoff.require()
        below = self.layers.get(layer.degree - 1)
        if below is not None:
            require_growth(layer, below)

    def _name(self, layer: Layer, node: int) -> str:
        return f"degree {layer.degree}, block {node} ({self.points.arithmetic})"

    def _fresh_monomials(self, layer: Layer, node: int) -> Any:
        """Values of the monomials of a block at fresh points, shape (points, size)."""
        if self._fresh is None:
            fresh = NumericalPoints(self.tape, self.seed, self.points.arithmetic, "checks")
            self._fresh = self.coordinates.normalized(fresh.values(_CHECK_POINTS)[:, :_CHECK_POINTS])
        return evaluate_monomials(layer.monomials(node), self._fresh)

    def _block_bytes(self, size: int) -> int:
        # The matrix, scaled and factored, and complex while it is evaluated.
        return 5 * 8 * block_rows(size) * size

    def _independent(self, table: Multidegrees, node: int) -> bool:
        support = np.flatnonzero(table.divide[node] >= 0)
        decision = independent_rows(self._numerical_jacobian, support)
        if decision is None:
            return False
        self.cutoff.record(decision, "the Jacobian of some coordinates")
        return True

    def _products(self, layer: Layer, below: Layer, node: int) -> FloatArray:
        """Random combinations of the products of variables with equations below, shape (_PRODUCTS, size)."""
        rng = seeds.derive(self.seed, "products", layer.degree, node)
        keys = self.keys(layer.monomials(node))
        products = np.zeros((_PRODUCTS, len(keys)))
        for variable, rest in enumerate(layer.table.divide[node]):
            if rest < 0:
                continue
            representative = below.orbits.representative_of(int(rest))
            lower = below.results[representative]
            if lower.nullity == 0:
                continue
            assert lower.null_space is not None
            carry = below.orbits.transport(int(rest))
            position = place(self.keys(carry[below.monomials(representative)]) + self._hashes[variable], keys)
            lengths = np.sqrt(1.0 + np.sum(lower.null_space**2, axis=1))
            weights = rng.standard_normal((_PRODUCTS, lower.nullity)) / lengths
            products[:, position[lower.free_columns]] += weights
            products[:, position[lower.pivot_columns]] += weights @ lower.null_space
        return products

    def _spanning(self, rows: FloatArray, prime_number: int) -> FloatArray:
        """All rows: which of them span the others would be one more decision about ranks."""
        return rows

    def _new_positions(self, layer: Layer, below: Layer, node: int) -> IntArray:
        """Positions of the equations of a block that the multiples of lower equations do not span."""
        assert isinstance(layer, NumericalLayer)
        lengths = np.linalg.norm(self._fresh_monomials(layer, node), axis=0)
        require_products(layer.results[node], self._products(layer, below, node), lengths, self._name(layer, node))
        multiples = self.multiples(layer, below, node)
        wanted = layer.results[node].nullity + _COMBINATIONS
        if len(multiples) > 2 * wanted:
            lengths = np.linalg.norm(multiples, axis=1)
            rng = seeds.derive(self.seed, "combinations", layer.degree, node)
            weights = rng.standard_normal((wanted, len(lengths)))
            multiples = (weights / np.where(lengths > 0, lengths, 1.0)) @ multiples
        # Columns that no multiple concerns may hold rounding errors: scaling would blow them up.
        done = factorize(
            multiples, f"the multiples of lower equations in {self._name(layer, node)}", scale_columns=False
        )
        layer.gap = min(layer.gap, done.decision.gap)
        layer.fresh[node] = done.null_vectors()
        return done.free_columns


def numerical_evidence(points: NumericalPoints, gap: float) -> Evidence:
    """Evidence for ranks that gaps of at least `gap` decided."""
    reason = f"ranks in {points.arithmetic}, singular values dropping by {gap:.0e} or more ({MIN_GAP:.0e} is required)"
    if points.n_rounded:
        reason += f"; {points.n_rounded} of the coordinates taken as zero, since rounding errors explain their values"
    return Evidence(Status.NUMERICAL, math.nan, reason)


@contextmanager
def _advising(arithmetic: str) -> Iterator[None]:
    """Tell what to do when a rank is not clear."""
    try:
        yield
    except UndecidedRankError as error:
        other = ' or "complex128", whose points give better conditioned matrices,' if arithmetic == "float64" else ""
        raise UndecidedRankError(f'{error}. Use arithmetic="exact"{other} or lower max_degree') from None


def implicitize_numerically(
    phi: PolynomialMap,
    wanted: list[int],
    arithmetic: str,
    *,
    lift: bool = True,
    symmetry: bool = True,
    torus: str = "maximal",
    expansion_budget: int = EXPANSION_BUDGET,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    store: object = None,
    **options: Any,
) -> Ideal:
    """What `implicitize` does when asked for an arithmetic that is not exact.

    Parameters
    ----------
    phi : PolynomialMap
    wanted : list of int
        Degrees.
    arithmetic : {"float64", "complex128"}
        Real or complex points. Equations have real coefficients, and matrices are real, in both.
    lift, symmetry, expansion_budget, rng, progress
        As for `implicitize`.
    torus, store
        Must be left out.
    **options
        Keywords `executor`, `threads` and `memory_limit` of `implicitize`.

    Returns
    -------
    Ideal
        Its status is NUMERICAL, with the smallest gap in the reasons. A generator whose coefficients round to simple
        rational numbers that verify exactly is an integer polynomial with the evidence of that verification; any other
        has its largest coefficient scaled to 1, and evidence that names its residual.

    Raises
    ------
    UndecidedRankError
        If no gap in the singular values of some block decides its rank: no result is given that would rest on a guess.
    InconsistentRanksError
        If ranks contradict each other, since constants are too small to matter in one block and not in another.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.polynomial_map(lambda t: [0.1 * t[0], 0.2 * t[1], 0.3 * t[0] * t[1]], n_parameters=2)
    >>> ideal = implicitize_numerically(phi, [1, 2], "complex128", rng=1)
    >>> print(ideal.generators[0], ideal.status)
    y1*y2 - 1/15*y3 numerical
    """
    _require_options(arithmetic, torus, store)
    seed, _ = seeds.resolve(rng)
    clock = Clock()
    with reporter(progress) as report, _advising(arithmetic):
        ready = NumericalPreparation(phi, seed, arithmetic, symmetry, clock)
        return _implicitize(ready, wanted, lift, expansion_budget, clock, report, options)


def numerical_layers(
    phi: PolynomialMap,
    wanted: list[int],
    arithmetic: str,
    *,
    symmetry: bool = True,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    store: object = None,
    **options: Any,
) -> tuple[NumericalPreparation, list[NumericalLayer], Evidence]:
    """The dimensions of some degrees of the ideal in floating point, and how sure they are, without equations.

    Parameters and errors are those of `implicitize_numerically`.
    """
    _require_options(arithmetic, "maximal", store)
    seed, _ = seeds.resolve(rng)
    with reporter(progress) as report, _advising(arithmetic):
        ready = NumericalPreparation(phi, seed, arithmetic, symmetry, Clock())
        interpolation = ready.interpolation(equations=False, **options)
        interpolation.require_memory(wanted)
        layers = [interpolation.numerical_layer(degree, report) for degree in wanted]
    gap = min((layer.gap for layer in layers), default=math.inf)
    return ready, layers, numerical_evidence(ready.points, gap)


def _implicitize(
    ready: NumericalPreparation,
    wanted: list[int],
    lift: bool,
    expansion_budget: int,
    clock: Clock,
    report: Reporter,
    options: dict[str, Any],
) -> Ideal:
    interpolation = ready.interpolation(**options)
    interpolation.require_memory(sorted({*wanted, *(d - 1 for d in wanted if d > 1)}))
    lifting = NumericalLift(
        interpolation.coordinates, ready.cone.names, IdentityTest(ready.cone.tape, ready.seed, expansion_budget)
    )
    layers: list[NumericalLayer] = []
    found: list[tuple[Polynomial, Evidence]] = []
    interrupted = False
    try:
        for degree in wanted:
            with clock.stage("interpolation"):
                interpolation.find_new(degree, report)
                layer = interpolation.numerical_layer(degree, report)
            listed = []
            if lift:
                report.start(f"lifting degree {degree}", total=len(layer.new))
                with clock.stage("lifting"):
                    for node in sorted(layer.new):
                        listed += lifting.carried(layer, node, lifting.equations(layer, node))
                        report.advance(1, degree=degree, block=node, size=layer.results[node].size)
            layers.append(layer)
            found += listed
    except KeyboardInterrupt:
        if not layers:
            raise
        interrupted = True
    rows = tuple(_summary(layer, ready.points) for layer in layers)
    if ready.homogenized:
        found = [(_dehomogenized(equation, evidence), evidence) for equation, evidence in found]
    found.sort(key=lambda pair: reading_order(pair[0]))
    return Ideal(
        map=ready.phi,
        homogenized=ready.homogenized,
        dimension=ready.dimension,
        grading=ready.grading,
        degrees=rows,
        generators=tuple(equation for equation, _ in found),
        generator_evidence=tuple(evidence for _, evidence in found),
        evidence=numerical_evidence(ready.points, min(layer.gap for layer in layers)),
        certificate=None,
        seed=ready.seed,
        primes=(),
        timings=clock.seconds,
        interrupted=interrupted,
    )


def _dehomogenized(equation: Polynomial, evidence: Evidence) -> Polynomial:
    affine = equation.dehomogenize(0)
    return affine if evidence.status is Status.NUMERICAL else affine.primitive()


def _summary(layer: NumericalLayer, points: NumericalPoints) -> DegreeSummary:
    return DegreeSummary(
        degree=layer.degree,
        n_monomials=layer.n_monomials,
        ideal_dimension=layer.dimension,
        n_generators=layer.n_new,
        n_blocks=layer.n_blocks,
        n_orbits=layer.n_orbits,
        largest_block=layer.largest_block,
        evidence=numerical_evidence(points, layer.gap),
    )

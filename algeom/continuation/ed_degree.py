"""The Euclidean distance degree of the image of a map, for unit, given and generic weights."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from algeom.continuation.distinct import PointIndex
from algeom.continuation.ed_certificate import certified_critical_points
from algeom.continuation.ed_ends import End, Problem, follow
from algeom.continuation.ed_system import (
    CriticalEquations,
    Weights,
    checked_weights,
    generic_weights,
    start_pair,
    typical_size,
)
from algeom.continuation.gauge import Gauge, gauge
from algeom.continuation.monodromy import monodromy
from algeom.continuation.systems import Complex
from algeom.continuation.trace import TraceTest, trace_test
from algeom.continuation.tracker import TrackerOptions
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

Method = Literal["auto", "direct", "generic"]

#: Loops with the data alone, at weights that are not generic, before generic weights are resorted to: sets of a
#: hundred points are complete by then, and larger ones cost more loops than the detour.
_DIRECT_LOOPS = 30

#: Loops that have to find nothing new: after a linear trace at weights that are not generic (a subset whose sum is
#: linear by a symmetry is moved by at least every second loop), and after paths from generic weights.
_CONFIRMING_LOOPS = 8

#: Lines along which the test of squares is tried.
_LINES = 3


@dataclass(frozen=True, eq=False, repr=False)
class EDDegree:
    """The number of critical points of a weighted squared distance to a variety from generic data.

    Attributes
    ----------
    value : int
        Complex critical points on the smooth locus of the closure X of the image.
    weights : Weights
        Unit, generic and given weights give different numbers.
    lost : dict of str to int
        What became of the other critical points for generic weights, by kind: `value` and these add up to the number
        for generic weights. Empty if that number was not needed.
    generic : EDDegree or None
        The generic weights and their critical points, if the count started from there.
    method : str
        ``"direct"`` or ``"generic"``: whether loops at the weights wanted found the points, or paths from
        generic ones.
    gauge : Gauge
        The parameters that were left free.
    data : ndarray of complex128, shape (m,)
        The generic data u.
    tau : ndarray of complex128, shape (k, value)
        The parameters of the gauge at the critical points, one of them for each point.
    points : ndarray of complex128, shape (m, value)
        The critical points.
    trace : TraceTest or None
    loops, tracked : int
        Monodromy loops, and paths in all.
    evidence : Evidence
        NUMERICAL if the points are complete by a trace test; PROVED with a known upper bound and certified points.
    seed : int
    seconds : float
    """

    value: int
    weights: Weights
    lost: dict[str, int]
    generic: EDDegree | None
    method: str
    gauge: Gauge
    data: Complex
    tau: Complex
    points: Complex
    trace: TraceTest | None
    loops: int
    tracked: int
    evidence: Evidence
    seed: int
    seconds: float = field(compare=False)

    @property
    def complete(self) -> bool:
        """Whether there is evidence that no critical point is missing."""
        return self.evidence.status is not Status.LOWER_BOUND

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        parts = [f"{'' if self.complete else 'at least '}{self.value} for {self.weights}"]
        if self.generic is not None:
            lost = ", ".join(f"{number} {kind}" for kind, number in self.lost.items())
            parts.append(f"generic weights {self.generic.value}" + (f", lost: {lost}" if lost else ""))
        return f"EDDegree({'; '.join(parts)}; {self.evidence})"

    def __str__(self) -> str:
        return f"{self!r}\n{self.evidence.reason}"


@dataclass(frozen=True)
class Run:
    """What all steps of one computation share: arguments of the public verbs."""

    seed: int
    options: TrackerOptions | None
    executor: Executor | None
    memory_limit: Any
    store: Any
    progress: Progress


def ed_degree(
    phi: PolynomialMap,
    weights: Any = "unit",
    *,
    method: Method = "auto",
    upper_count: int | None = None,
    upper_reason: str = "given by the caller",
    indefinite: bool = False,
    max_loops: int = 200,
    options: TrackerOptions | None = None,
    rng: seeds.RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    memory_limit: Any = None,
    store: Any = None,
) -> EDDegree:
    """Euclidean distance degree of the closure of the image of a map.

    Parameters
    ----------
    phi : PolynomialMap
        Polynomial or rational, with fibers of any dimension. Points are compared by their images.
    weights : {"unit", "generic"} or array_like, shape (m,) or (m, m)
        The quadratic form W of the squared distance ``(y - u)^T W (y - u)``: the identity, random weights on the
        diagonal, a diagonal, or a symmetric matrix.
    method : {"auto", "direct", "generic"}
        How points for weights that are not generic are found. "direct" runs loops with data at these weights and
        believes a linear trace; "generic" finds all points for generic weights and tracks them to these weights;
        "auto" tries the first, and then the second.
    upper_count : int, optional
        An upper bound for the number wanted that is known exactly: by a theorem, or a Groebner basis over a finite
        field. The search ends when it is reached, and the result is proved if the points can be certified.
    upper_reason : str
        Where that bound comes from.
    indefinite : bool
        Whether weights that make no metric are allowed.
    max_loops : int
        Monodromy loops before the search is given up.
    options : TrackerOptions, optional
    rng, progress, executor, memory_limit, store
        As everywhere.

    Returns
    -------
    EDDegree

    Raises
    ------
    InputError
        If the weights are of the wrong shape, singular, or not positive definite without ``indefinite=True``, or more
        points than `upper_count` exist.

    Notes
    -----
    *Completeness for generic weights.* Critical points of generic data form an irreducible variety, on which loops of
    the data reach all of them from one, which is had for free: a point and a vector normal to the image there. The
    quadrics ``w_1 y_1^2 + ... + w_m y_m^2`` have no common zero, so that a generic one meets all strata of X at
    infinity transversally (Bertini) and no critical point goes to infinity for any finite data, nor faster than the
    data. Hence the sum of all critical points is an affine linear function of the data, and that of squares of a
    linear form is quadratic. Both are tested; the second excludes subsets that are complete for each factor of a
    product of varieties, and not for the product.

    *Other weights.* The sum over all points is a rational function of the data, in general not a linear one (cardioid,
    unit weights). Where the sum over the points found happens to be linear, they are complete all the same, provided
    that they are closed under the monodromy group, which further loops test. Otherwise points for generic weights are
    tracked to the wanted weights at the same generic data. Regular end points are counted; all others go to infinity in
    isotropic directions (see `algeom.continuation.ed_ends` for the argument, and for why singular points of the map
    that are no critical points of the image are never met).

    References
    ----------
    J. Draisma, E. Horobet, G. Ottaviani, B. Sturmfels, R. R. Thomas, The Euclidean distance degree of an algebraic
    variety, Found. Comput. Math. 16, 2016; A. Martin del Campo, J. I. Rodriguez, Critical points via monodromy and
    local methods, J. Symb. Comput. 79, 2017; A. Leykin, J. I. Rodriguez, F. Sottile, Trace test, Arnold Math. J. 4,
    2018.

    Examples
    --------
    >>> import algeom as ag
    >>> matrices = ag.varieties.determinantal(2, 2, 1)
    >>> ag.ed_degree(matrices, rng=1)
    EDDegree(2 for unit weights; numerical)
    >>> ag.ed_degree(matrices, method="generic", rng=1)
    EDDegree(2 for unit weights; generic weights 6, lost: 4 at infinity; numerical)
    """
    require_map(phi)
    begin = time.perf_counter()
    if method not in ("auto", "direct", "generic"):
        raise InputError(f'method={method!r}: expected "auto", "direct" or "generic"')
    if upper_count is not None and (isinstance(upper_count, bool) or upper_count < 1):
        raise InputError(f"upper_count={upper_count!r}: expected a positive integer")
    with opened(store) as kept:
        seed = resumed_seed(rng, kept, phi.tape)
        wanted = checked_weights(weights, phi.n_coordinates, seeds.derive(seed, "weights"), indefinite=indefinite)
        run = Run(seed, options, executor, memory_limit, kept, progress)
        result = _counted(gauge(phi, rng=seed), wanted, method, upper_count, max_loops, run)
    if upper_count is not None:
        result = _compared(result, upper_count, upper_reason)
    return replace(result, seconds=time.perf_counter() - begin)


def _counted(
    slice_: Gauge, wanted: Weights, method: Method, upper_count: int | None, max_loops: int, run: Run
) -> EDDegree:
    if slice_.dimension == slice_.map.n_coordinates:
        return _dense_image(slice_, wanted, run.seed)
    if wanted.kind == "generic":
        return _at_generic_weights(slice_, wanted, run, max_loops)
    if method != "generic":
        loops = max_loops if method == "direct" or upper_count is not None else min(max_loops, _DIRECT_LOOPS)
        found = _direct(slice_, wanted, run, loops, upper_count)
        if found.complete or method == "direct":
            return found
    generic = generic_weights(slice_.map.n_coordinates, seeds.derive(run.seed, "weights"))
    return from_generic(_at_generic_weights(slice_, generic, run, max_loops), wanted, run)


def _dense_image(slice_: Gauge, weights: Weights, seed: int) -> EDDegree:
    """The image is dense: the data are the only critical point."""
    tau, u = start_pair(slice_.map, weights, seeds.derive(seed, "start"))
    reason = "the image is dense, so that the data are the only critical point"
    evidence = replace(slice_.evidence, reason=f"{reason}: {slice_.evidence.reason}")
    return EDDegree(
        1, weights, {}, None, "direct", slice_, u, tau[:, None], u[:, None], None, 0, 0, evidence, seed, 0.0
    )


class _Loops:
    """Monodromy of the data at fixed weights, in as many runs as the budget of loops allows."""

    def __init__(self, slice_: Gauge, weights: Weights, run: Run, max_loops: int) -> None:
        self.equations = CriticalEquations.of(slice_, matrix=weights.is_matrix)
        self.weights = weights
        self.run = run
        self.max_loops = max_loops
        self.fixed = weights.parameters(self.equations.matrix).astype(np.complex128)
        self.m = slice_.map.n_coordinates
        tau, self.u = start_pair(slice_.map, weights, seeds.derive(run.seed, "start"))
        self.tau = tau[:, None]
        self.size = typical_size(slice_.map, seeds.derive(run.seed, "size")) / math.sqrt(self.m)
        self.loops = self.tracked = 0
        self.trace: TraceTest | None = None

    def _sample(self, rng: np.random.Generator) -> Complex:
        # Branch points of varieties that are no cones lie at all distances; loops of one size would miss some.
        scale = self.size * 10.0 ** rng.uniform(-0.25, 1.0)
        weights = self.fixed
        if self.weights.kind == "generic":
            weights = generic_weights(self.m, rng).values
        return np.concatenate([scale * _complex_normal(rng, self.m), weights])

    def _direction(self, rng: np.random.Generator) -> Complex:
        return np.concatenate([self.size * _complex_normal(rng, self.m), np.zeros(len(self.fixed))])

    @property
    def count(self) -> int:
        """Number of points found so far."""
        return int(self.tau.shape[1])

    @property
    def parameters(self) -> Complex:
        """The generic data and the weights."""
        return self.equations.parameters(self.u, self.weights)

    def _seed(self, label: str) -> int:
        return int(seeds.derive(self.run.seed, str(self.weights), label, self.loops).integers(1 << 62))

    def go_on(self, max_loops: int, *, trace: bool, expected: int | None = None) -> Evidence:
        """One more run, from all the points found so far."""
        run = self.run
        try:
            found = monodromy(
                self.equations.system,
                self.tau,
                self.parameters,
                image=self.equations.image,
                sample=self._sample,
                trace=self._direction if trace else None,
                expected=expected,
                max_loops=max_loops,
                options=run.options,
                rng=self._seed("loops"),
                progress=run.progress,
                executor=run.executor,
                memory_limit=run.memory_limit,
                store=run.store,
            )
        except InputError as error:
            if expected is None:
                raise
            raise InputError(f"upper_count={expected} for {self.weights}: {error}") from error
        self.tau, self.trace = found.solutions, found.trace if trace else self.trace
        self.loops += found.loops
        self.tracked += found.tracked
        return found.evidence

    def complete(self, *, expected: int | None = None) -> Evidence:
        """Run until a trace test is passed, or there are as many points as expected, or the budget is used up."""
        while True:
            evidence = self.go_on(max(2, self.max_loops - self.loops), trace=True, expected=expected)
            # A run gives up when a few loops in a row led nowhere; others begin elsewhere, and in other directions.
            if evidence.status is not Status.LOWER_BOUND or self.loops >= self.max_loops:
                return evidence

    def has_more(self) -> bool:
        """Whether further loops lead to a point beyond those known."""
        known, begin = self.count, self.loops
        while self.count == known and self.loops < begin + _CONFIRMING_LOOPS:
            self.go_on(_CONFIRMING_LOOPS, trace=False)
        return self.count > known

    def test_of_squares(self) -> TraceTest:
        """Trace test with the sums of squares of a linear form as well, along another line where paths fail."""
        for attempt in range(_LINES):
            rng = seeds.derive(self.run.seed, "squares", self.count, attempt)
            test = trace_test(
                self.equations.system,
                self.tau,
                self.parameters,
                self._direction(rng),
                image=self.equations.image,
                abscissae=(1.0, -1.0, 1j),
                options=self.run.options,
                rng=int(rng.integers(1 << 62)),
                executor=self.run.executor,
            )
            self.tracked += test.tracked
            if not test.failures:
                break
        return test

    def result(self, evidence: Evidence) -> EDDegree:
        """What was found."""
        slice_ = self.equations.gauge
        return EDDegree(
            value=self.count,
            weights=self.weights,
            lost={},
            generic=None,
            method="direct",
            gauge=slice_,
            data=self.u,
            tau=self.tau,
            points=np.asarray(slice_.map(self.tau)),
            trace=self.trace,
            loops=self.loops,
            tracked=self.tracked,
            evidence=evidence,
            seed=self.run.seed,
            seconds=0.0,
        )


def _complex_normal(rng: np.random.Generator, count: int) -> Complex:
    return np.asarray((rng.standard_normal(count) + 1j * rng.standard_normal(count)) / math.sqrt(2))


def _at_generic_weights(slice_: Gauge, weights: Weights, run: Run, max_loops: int) -> EDDegree:
    """All critical points for generic weights."""
    loops = _Loops(slice_, weights, run, max_loops)
    evidence = loops.complete()
    while evidence.status is not Status.LOWER_BOUND:
        loops.trace = loops.test_of_squares()
        if loops.trace.passed:
            reason = (
                f"the sum of {noun_count(loops.count, 'critical point')} for generic weights is linear, that of "
                f"squares quadratic (relative error {loops.trace.error:.0e}, threshold {loops.trace.threshold:.0e})"
            )
            return loops.result(Evidence(Status.NUMERICAL, math.nan, reason))
        if not loops.has_more():
            reason = f"a linear trace, but: {loops.trace.evidence.reason}; try another rng"
            return loops.result(Evidence(Status.LOWER_BOUND, math.nan, reason))
        evidence = loops.complete()
    return loops.result(evidence)


def _direct(slice_: Gauge, weights: Weights, run: Run, max_loops: int, upper: int | None) -> EDDegree:
    """Critical points for special weights by loops at these weights."""
    loops = _Loops(slice_, weights, run, max_loops)
    evidence = loops.complete(expected=upper)
    while evidence.status is not Status.LOWER_BOUND:
        if not loops.has_more():
            what = noun_count(loops.count, "critical point")
            found = f"{what} were expected and found" if loops.count == upper else f"the sum of {what} is linear"
            reason = f"{found} for {weights}, and {_CONFIRMING_LOOPS} more loops lead to no other point"
            return loops.result(Evidence(Status.NUMERICAL, math.nan, reason))
        if upper is not None and loops.count > upper:
            break
        evidence = loops.complete(expected=upper)
    return loops.result(evidence)


def from_generic(start: EDDegree, weights: Weights, run: Run) -> EDDegree:
    """Critical points for special weights from all those for generic ones, at the same data."""
    slice_ = start.gauge
    ends = follow(
        slice_,
        start.tau,
        Problem(start.data, start.weights),
        Problem(start.data, weights),
        seed=run.seed,
        options=run.options,
        executor=run.executor,
        progress=run.progress,
    )
    regular = np.flatnonzero(ends.kinds == End.REGULAR)
    numbers = PointIndex(slice_.map.n_coordinates).add(ends.points[:, regular])
    first = regular[np.unique(numbers, return_index=True)[1]]
    lost = {str(kind): number for kind, number in ends.counts().items() if kind is not End.REGULAR}
    merged = regular.size - first.size
    if merged:
        lost["ended together"] = merged
    at_infinity = lost.get(str(End.AT_INFINITY), 0)
    doubtful = start.value - first.size - at_infinity
    loops = _Loops(slice_, weights, run, _CONFIRMING_LOOPS)
    loops.u, loops.tau = start.data, ends.tau[:, first]
    more = bool(first.size) and loops.has_more()
    path = (
        f"{start.evidence.reason}; for {weights} {first.size} of their paths end at regular points and {at_infinity} "
        "go to infinity in isotropic directions"
    )
    if start.complete and not doubtful and not more:
        evidence = Evidence(Status.NUMERICAL, math.nan, f"{path}; further loops lead to no other point")
    else:
        why = [] if start.complete else ["the points for generic weights may not be complete"]
        why += [f"{noun_count(doubtful, 'path')} ended otherwise, which paths from generic data do not"] * (
            doubtful > 0
        )
        why += ["loops lead to further points"] * more
        evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{path}; but {' and '.join(why)}; try another rng")
    found = loops.result(evidence)
    return replace(
        found,
        lost=lost,
        generic=start,
        method="generic",
        trace=start.trace,
        loops=start.loops + found.loops,
        tracked=start.tracked + start.value + found.tracked,
    )


def _compared(result: EDDegree, upper: int, reason: str) -> EDDegree:
    """The result with the evidence that an exact upper bound adds."""
    equations = CriticalEquations.of(result.gauge, matrix=result.weights.is_matrix)
    if result.value < upper:
        return result
    count = certified_critical_points(equations, result.tau, equations.parameters(result.data, result.weights)).count
    if count > upper:
        raise InputError(
            f"upper_count={upper} ({reason}), but {count} critical points for {result.weights} are certified; "
            "the bound is wrong, or is for other weights"
        )
    if count < upper:
        text = f"{result.value} points found, the upper bound ({reason}); {count} of them certified"
        return replace(result, evidence=Evidence(Status.NUMERICAL, math.nan, text))
    text = f"{count} critical points certified by Krawczyk tests, and no more by the upper bound: {reason}"
    return replace(result, evidence=Evidence(Status.PROVED, reason=text))

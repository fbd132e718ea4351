"""The Euclidean distance degree of the image of a map, for unit, given and generic weights."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from algeom.continuation.distinct import PointIndex
from algeom.continuation.ed_certificate import certified_critical_points
from algeom.continuation.ed_ends import End, Problem, follow
from algeom.continuation.ed_loops import CONFIRMING_LOOPS, Loops, Run
from algeom.continuation.ed_result import EDDegree
from algeom.continuation.ed_system import CriticalEquations, Weights, checked_weights, generic_weights, start_pair
from algeom.continuation.gauge import Gauge, gauge
from algeom.continuation.tracker import TrackerOptions
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

__all__ = ["EDDegree", "ed_degree", "from_generic"]

Method = Literal["auto", "direct", "generic"]

#: Loops with the data alone, at weights that are not generic, before generic weights are resorted to: sets of a
#: hundred points are complete by then, and larger ones cost more loops than the detour.
_DIRECT_LOOPS = 30

#: Ratio of the largest to the smallest weight up to which a linear trace is believed. At a ratio of 1e12 two of the
#: four points of a circle have a trace that is linear up to rounding.
_WORST_WEIGHTS = 1e6


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
    threads: int | None = None,
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
        How points for weights that are not generic are found. "direct" runs loops with data at these weights, until
        the trace is linear, or else `curve_test` is passed; "generic" finds all points for generic weights and tracks
        them to these weights; "auto" does the first where the trace is linear, and else the second.
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
    rng, progress, executor, threads, memory_limit, store
        As for `monodromy`.

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
        run = Run(seed, options, executor, memory_limit, kept, progress, threads)
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
    found = None
    if method != "generic":
        loops = max_loops if method == "direct" or upper_count is not None else min(max_loops, _DIRECT_LOOPS)
        found = _direct(slice_, wanted, run, loops, upper_count, by_curve=method == "direct")
        if found.complete or found.interrupted or method == "direct":
            return found
    generic = generic_weights(slice_.map.n_coordinates, seeds.derive(run.seed, "weights"))
    start = _at_generic_weights(slice_, generic, run, max_loops)
    if not start.interrupted:
        result = from_generic(start, wanted, run)
        better = found is not None and not result.complete and found.value > result.value
        return found if found is not None and better else result
    if found is None:
        # Points for generic weights are none for those wanted.
        raise KeyboardInterrupt
    return replace(found, interrupted=True)


def _dense_image(slice_: Gauge, weights: Weights, seed: int) -> EDDegree:
    """The image is dense: the data are the only critical point."""
    tau, u = start_pair(slice_.map, weights, seeds.derive(seed, "start"))
    reason = "the image is dense, so that the data are the only critical point"
    evidence = replace(slice_.evidence, reason=f"{reason}: {slice_.evidence.reason}")
    tau = tau[:, None]
    return EDDegree(
        value=1,
        weights=weights,
        lost={},
        generic=None,
        method="direct",
        gauge=slice_,
        data=u,
        tau=tau,
        theta=slice_.lift(tau),
        points=u[:, None],
        trace=None,
        loops=0,
        tracked=0,
        evidence=evidence,
        interrupted=False,
        seed=seed,
        seconds=0.0,
    )


def _at_generic_weights(slice_: Gauge, weights: Weights, run: Run, max_loops: int) -> EDDegree:
    """All critical points for generic weights."""
    loops = Loops(slice_, weights, run, max_loops)
    evidence = loops.complete()
    while evidence.status is not Status.LOWER_BOUND:
        try:
            loops.trace = loops.test_of_squares()
        except InputError as error:
            # Points too close to each other, or to singular ones, for the test.
            reason = f"{noun_count(loops.count, 'critical point')} could not be tested: {error}; try another rng"
            return loops.result(Evidence(Status.LOWER_BOUND, math.nan, reason))
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


def _direct(
    slice_: Gauge, weights: Weights, run: Run, max_loops: int, upper: int | None, *, by_curve: bool
) -> EDDegree:
    """Critical points for special weights by loops at these weights; ``by_curve`` for a test if no trace is linear."""
    loops = Loops(slice_, weights, run, max_loops)
    evidence = loops.complete(expected=upper)
    if evidence.status is Status.LOWER_BOUND and by_curve and not loops.interrupted:
        return loops.result(loops.test_on_curve())
    while evidence.status is not Status.LOWER_BOUND:
        if not loops.has_more():
            what = noun_count(loops.count, "critical point")
            found = f"{what} were expected and found" if loops.count == upper else f"the sum of {what} is linear"
            reason = f"{found} for {weights}, and {CONFIRMING_LOOPS} more loops lead to no other point"
            if loops.count != upper and np.linalg.cond(weights.matrix) > _WORST_WEIGHTS:
                reason += "; but for weights of such different sizes parts of the points have a trace linear but for "
                reason += "rounding, too"
                return loops.result(Evidence(Status.LOWER_BOUND, math.nan, reason))
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
        start.theta,
        Problem(start.data, start.weights),
        Problem(start.data, weights),
        seed=run.seed,
        options=run.options,
        executor=run.executor,
        threads=run.threads,
        progress=run.progress,
    )
    regular = np.flatnonzero(ends.kinds == End.REGULAR)
    loops = Loops(slice_, weights, run, CONFIRMING_LOOPS)
    known = PointIndex(slice_.map.n_coordinates, scale=loops.near_origin)
    numbers = known.add(ends.points[:, regular])
    first = regular[np.unique(numbers, return_index=True)[1]]
    lost = {str(kind): number for kind, number in ends.counts().items() if kind is not End.REGULAR}
    merged = regular.size - first.size
    if merged:
        lost["ended together"] = merged
    at_infinity = lost.get(str(End.AT_INFINITY), 0)
    doubtful = start.value - first.size - at_infinity
    loops.u, loops.tau = start.data, ends.tau[:, first[np.isfinite(ends.tau[:, first]).all(axis=0)]]
    more = False
    # Nothing can be missing where nothing was lost.
    if loops.count and first.size < start.value and loops.has_more():
        more = bool(np.any(known.find(np.asarray(slice_.map(loops.tau))) < 0))
    path = (
        f"{start.evidence.reason}; for {weights} {first.size} of their paths end at regular points and {at_infinity} "
        "go to infinity in isotropic directions"
    )
    if start.complete and not doubtful and not more and not loops.dropped and not loops.interrupted:
        evidence = Evidence(Status.NUMERICAL, math.nan, path + "; further loops lead to no other point" * bool(lost))
    else:
        why = [] if start.complete else ["the points for generic weights may not be complete"]
        why += [f"{noun_count(doubtful, 'path')} ended otherwise, which paths from generic data do not"] * (
            doubtful > 0
        )
        why += ["loops lead to further points"] * more
        why += [f"{noun_count(loops.dropped, 'point')} were too close to singular ones to continue from"] * (
            loops.dropped > 0
        )
        why += ["the loops that confirm that were interrupted"] * loops.interrupted
        evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{path}; but {' and '.join(why)}; try another rng")
    return replace(
        start,
        value=int(first.size),
        weights=weights,
        lost=lost,
        generic=start,
        method="generic",
        tau=ends.tau[:, first],
        theta=ends.theta[:, first],
        points=ends.points[:, first],
        loops=start.loops + loops.loops,
        tracked=start.tracked + start.value + loops.tracked,
        evidence=evidence,
        interrupted=loops.interrupted,
        seed=run.seed,
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

"""Tracking solutions of a system along a segment in its parameter space."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import tracking as kernels
from algeom.continuation.programs import Program, program
from algeom.continuation.systems import Complex, System, as_points
from algeom.errors import InputError
from algeom.maps import Tape
from algeom.maps.tape import noun_count
from algeom.runtime.execution import run_tasks
from algeom.runtime.progress import Progress, reporter

#: Paths of one task: enough to keep the lanes of a kernel full, few enough for Ctrl-C and for sharing out.
_PATHS_PER_TASK = 128

#: Ratio of smallest to largest pivot that makes a start suspect, and condition number that makes it singular.
_SMALL_PIVOTS, _SINGULAR = 1e-12, 1e13

#: Largest first coordinate of a unit vector of homogeneous coordinates that counts as infinity.
INFINITY = 1e-7

#: Relative distance from which Newton's method has to lead back to a regular zero, if the condition number is larger.
#: Clusters of zeros that are narrower count as one multiple zero.
_SHAKE, _ILL_CONDITIONED = 1e-12, 1e6

#: Steps in double-double arithmetic until double precision is tried again; doubled each time.
_FIRST_STRETCH = 8.0

Float = NDArray[np.float64]
Int = NDArray[np.int64]


class ReturnCode(IntEnum):
    """How a path ended. `advice` says what to do."""

    SUCCESS = kernels.SUCCESS
    SINGULAR = 1
    AT_INFINITY = 2
    STEP_TOO_SMALL = kernels.STEP_TOO_SMALL
    TOO_MANY_STEPS = kernels.TOO_MANY_STEPS
    NOT_FINITE = kernels.NOT_FINITE
    SINGULAR_START = kernels.SINGULAR_START
    NOT_A_SOLUTION = kernels.NOT_A_SOLUTION
    ENDGAME_FAILED = 10

    @property
    def advice(self) -> str:
        """What it means and what to do."""
        return _ADVICE[self]

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_ADVICE = {
    ReturnCode.SUCCESS: "The path ended at a regular solution; nothing is to be done.",
    ReturnCode.SINGULAR: "The path ended at a singular solution, which the endgame computed; several paths may end "
    "there. Certification cannot prove it; look at the winding number and at the system.",
    ReturnCode.AT_INFINITY: "The path goes to infinity: the target has fewer finite solutions than the start.",
    ReturnCode.STEP_TOO_SMALL: "The path comes closer to a singular point than arithmetic resolves: the target "
    "parameters are special (use endgame=True), or the segment is (move it by an intermediate random point).",
    ReturnCode.TOO_MANY_STEPS: "Raise TrackerOptions.max_steps, or go through an intermediate random parameter.",
    ReturnCode.NOT_FINITE: "A value of the system is not finite along the path; a denominator may vanish there.",
    ReturnCode.SINGULAR_START: "The Jacobian is singular at the start; choose other start parameters.",
    ReturnCode.NOT_A_SOLUTION: "The start does not satisfy the system at the start parameters; refine it by newton().",
    ReturnCode.ENDGAME_FAILED: "The end could not be classified: loops around the target did not agree. Try "
    "TrackerOptions.conservative(), or another start point.",
}


@dataclass(frozen=True)
class TrackerOptions:
    """How carefully paths are tracked. Make one by a preset and `dataclasses.replace`.

    Parameters
    ----------
    order : int
        Order of the power series of the predictor, at least 2.
    accuracy : float
        Relative accuracy to which Newton's method corrects on the way; ends are refined to double precision.
    noise : float
        Rounding errors that keep Newton's method from that accuracy are tolerated on the way up to this relative
        size; beyond it the path is tracked in double-double arithmetic.
    prediction : float
        Largest relative error of a prediction that is aimed at.
    contraction : float
        Largest product of that error and the constant of Newton's method that is aimed at; below 1 it converges.
    trust : float
        Largest step, as a fraction of the estimated distance to the next singular value of t.
    min_step : float
        Smallest step, relative to what is left of the path.
    max_steps : int
        Most steps of a path.
    endgame_start : float
        Paths that cannot jump to t = 0 when they come this close to it are ended by loops around it.
    extended : bool
        Whether to compute residuals in double-double arithmetic from the beginning; otherwise where needed.

    Notes
    -----
    The defaults are set by benchmarks/continuation.py.
    """

    order: int = 4
    accuracy: float = 1e-10
    noise: float = 1e-8
    prediction: float = 1e-3
    contraction: float = 0.05
    trust: float = 0.6
    min_step: float = 1e-9
    max_steps: int = 2000
    endgame_start: float = 1e-5
    extended: bool = False

    def __post_init__(self) -> None:
        if self.order < 2:
            raise InputError(f"order={self.order}; the predictor needs power series of order 2 or more")
        for name in ("accuracy", "noise", "prediction", "contraction", "trust", "min_step", "endgame_start"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise InputError(f"{name}={value}; expected a number between 0 and 1")
        if self.max_steps < 1:
            raise InputError(f"max_steps={self.max_steps}; expected at least one")

    @classmethod
    def default(cls) -> TrackerOptions:
        """Fast and safe for generic targets."""
        return cls()

    @classmethod
    def conservative(cls) -> TrackerOptions:
        """Small steps, for paths that came too close to others: about four times the work."""
        return cls(order=5, accuracy=1e-12, noise=1e-10, prediction=1e-6, contraction=1e-3, trust=0.2, max_steps=20000)

    def _array(self, endgame: bool) -> Float:
        options = np.zeros(kernels.N_OPTIONS)
        options[kernels.ACCURACY] = self.accuracy
        options[kernels.PREDICTION] = self.prediction
        options[kernels.CONTRACTION] = self.contraction
        options[kernels.TRUST] = self.trust
        options[kernels.MINIMUM_STEP] = self.min_step
        options[kernels.MAXIMUM_STEPS] = self.max_steps
        options[kernels.ENDGAME] = self.endgame_start if endgame else 0.0
        options[kernels.START] = 1e-2
        options[kernels.NOISE] = self.noise
        options[kernels.PAUSE] = np.inf
        return options


@dataclass(frozen=True, eq=False, repr=False)
class PathResults:
    """The ends of many paths, with counters.

    Attributes
    ----------
    solutions : ndarray of complex128, shape (n, B)
        End points; where a path failed, the last point on it; where it went to infinity, NaN.
    codes : ndarray of int64, shape (B,)
        `ReturnCode` of each path.
    t : ndarray of float64, shape (B,)
        Absolute value of t reached: zero where the target was.
    steps, rejections, newton_iterations, refinements : ndarray of int64, shape (B,)
        Predictions, those among them that were rejected, Newton iterations, and those of them with residuals in
        double-double arithmetic.
    precision_switches : ndarray of int64, shape (B,)
        How often the path needed the higher precision.
    accuracy : ndarray of float64, shape (B,)
        Relative size of the last Newton step.
    condition : ndarray of float64, shape (B,)
        Condition number of the Jacobian at the end, rows and columns scaled; NaN where there is no end.
    winding_numbers : ndarray of int64, shape (B,)
        1 for regular ends; for singular ends how often the path goes around the target before it closes; 0 if unknown.
    directions : ndarray of complex128, shape (n + 1, B) or None
        With an endgame: end points in projective space, unit vectors; the first entry is zero at infinity.
    image_directions : ndarray of complex128, shape (m + 1, B) or None
        The same for the image, if one was asked for: it may be finite where the point is not.
    seconds : float
        Wall time.
    """

    solutions: Complex
    codes: Int
    t: Float
    steps: Int
    rejections: Int
    newton_iterations: Int
    refinements: Int
    precision_switches: Int
    accuracy: Float
    condition: Float
    winding_numbers: Int
    directions: Complex | None
    image_directions: Complex | None
    seconds: float

    @property
    def succeeded(self) -> NDArray[np.bool_]:
        """Which paths ended at a regular solution."""
        return np.equal(self.codes, ReturnCode.SUCCESS)

    def replaced(self, indices: Any, other: PathResults) -> PathResults:
        """These results with those of another run, of the same kind, at some of the paths; work is added up."""
        added = ("steps", "rejections", "newton_iterations", "refinements", "precision_switches")
        fields: dict[str, Any] = {"seconds": self.seconds + other.seconds}
        for name in self.__dataclass_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, np.ndarray):
                fields[name] = mine.copy()
                fields[name][..., indices] = theirs + mine[..., indices] if name in added else theirs
        return replace(self, **fields)

    def counts(self) -> dict[ReturnCode, int]:
        """Number of paths by return code."""
        found, numbers = np.unique(self.codes, return_counts=True)
        return {ReturnCode(code): int(number) for code, number in zip(found, numbers, strict=True)}

    def __len__(self) -> int:
        return int(self.codes.size)

    def __repr__(self) -> str:
        ends = ", ".join(f"{number} {code}" for code, number in self.counts().items())
        mean = float(np.mean(self.steps)) if len(self) else 0.0
        return f"PathResults({noun_count(len(self), 'path')}: {ends or 'none'}; {mean:.0f} steps a path)"


@dataclass
class Paths:
    """State of paths while they are worked on; arrays are real with alternating parts, a path a row."""

    points: Float
    lows: Float
    starts: Float
    targets: Float
    t_from: Float
    t_to: Float
    codes: Int
    counters: Int
    measures: Float

    def take(self, chosen: Any) -> Paths:
        """Copies of some of the paths."""
        return Paths(*(np.ascontiguousarray(getattr(self, name)[chosen]) for name in self.__dataclass_fields__))

    def put(self, chosen: Any, other: Paths) -> None:
        """Replace some of the paths."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[chosen] = getattr(other, name)


def alternating(columns: NDArray[Any]) -> Float:
    """Complex columns (n, B) as rows of doubles (B, 2n), real and imaginary parts alternating."""
    # A copy: kernels write into it.
    return np.array(columns.T, dtype=np.complex128, order="C", copy=True).view(np.float64)


def complex_columns(rows: Float) -> Complex:
    """The inverse of `alternating`."""
    return np.ascontiguousarray(np.ascontiguousarray(rows).view(np.complex128).T)


def make_paths(starts: Complex, start_parameters: NDArray[Any], target_parameters: NDArray[Any]) -> Paths:
    """Paths from t = 1 to t = 0."""
    count = starts.shape[1]
    points = alternating(starts)
    return Paths(
        points=points,
        lows=np.zeros_like(points),
        starts=alternating(start_parameters),
        targets=alternating(target_parameters),
        t_from=np.tile([1.0, 0.0], (count, 1)),
        t_to=np.zeros((count, 2)),
        codes=np.zeros(count, dtype=np.int64),
        counters=np.zeros((count, kernels.N_COUNTERS), dtype=np.int64),
        measures=np.full((count, 3), np.nan),
    )


def _run_task(task: tuple[System, int, Float, bool, Paths]) -> Paths:
    system, order, options, extended, paths = task
    run_kernel(program(system, order), options, extended, paths)
    return paths


def run_kernel(compiled: Program, options: Float, extended: bool, paths: Paths) -> None:
    """Track paths in place, in this thread."""
    kernels.track_paths(
        compiled.code,
        compiled.constants,
        compiled.n_registers,
        compiled.operations,
        compiled.extended_constants,
        compiled.rows,
        compiled.lengths,
        compiled.orders,
        compiled.full_operations,
        compiled.full_constants,
        compiled.full_rows,
        options,
        extended,
        paths.points,
        paths.lows,
        paths.starts,
        paths.targets,
        paths.t_from,
        paths.t_to,
        paths.codes,
        paths.counters,
        paths.measures,
    )


class Tracker:
    """Tracks batches of paths of one system: in threads or on an executor, in higher precision where needed.

    ``patch`` says that the unknowns are homogeneous coordinates, the first one zero at infinity, which the system
    fixes by ``patch @ x = 1``.
    """

    def __init__(
        self,
        system: System,
        options: TrackerOptions,
        executor: Executor | None = None,
        threads: int | None = None,
        patch: Complex | None = None,
    ) -> None:
        if not system.is_square:
            raise InputError(
                f"{system!r} is not square: paths are isolated only with as many equations as unknowns. Add random "
                "affine linear equations if there are fewer; if there are more, track random combinations of them "
                "and keep the ends that satisfy all"
            )
        self.system = system
        self.options = options
        self.executor = executor
        self.threads = threads
        self.patch = patch
        self.program = program(system, options.order)

    def run(self, paths: Paths, *, endgame: bool, check: bool = False, advance: Any = None) -> Int:
        """Track paths in place to the end of their segments; returns how often each needed the higher precision.

        ``check`` asks for paths with a singular start to be stopped there.
        """
        switches = np.zeros(len(paths.codes), dtype=np.int64)
        everything = np.arange(len(paths.codes))
        self._pass(paths, everything, endgame, self.options.extended, _SMALL_PIVOTS if check else 0.0, advance)
        if check:
            suspects = np.flatnonzero(paths.codes == kernels.SINGULAR_START)
            if suspects.size:
                # Pivots depend on the scaling of the equations, the condition number does not.
                starts = complex_columns(paths.points[suspects])
                regular = conditions(self.system, starts, complex_columns(paths.starts[suspects])) < _SINGULAR
                self._pass(paths, suspects[regular], endgame, self.options.extended, 0.0, None)
        # A stretch in higher precision, then double precision again: what makes it necessary is often left behind.
        stretch = _FIRST_STRETCH
        while (again := np.flatnonzero(paths.codes == kernels.NEEDS_PRECISION)).size:
            switches[again] += 1
            self._pass(paths, again, endgame, True, 0.0, None, stretch)
            paused = np.flatnonzero(paths.codes == kernels.PAUSED)
            accurate = paths.take(paused)
            self._pass(paths, paused, endgame, self.options.extended, 0.0, None)
            # Where double precision does not do again, go on from the accurate points, not from where it stopped.
            back = paths.codes[paused] == kernels.NEEDS_PRECISION
            accurate.codes[:] = kernels.NEEDS_PRECISION
            accurate.counters[:] = paths.counters[paused]
            paths.put(paused[back], accurate.take(back))
            stretch *= 2
        return switches

    def _pass(
        self,
        paths: Paths,
        chosen: Int,
        endgame: bool,
        extended: bool,
        small_pivots: float,
        advance: Any,
        stretch: float = np.inf,
    ) -> None:
        options = self.options._array(endgame)
        options[kernels.PAUSE] = stretch
        options[kernels.SINGULARITY] = small_pivots
        # The limit holds for one segment; loops around the target are many.
        options[kernels.MAXIMUM_STEPS] += paths.counters[chosen, kernels.STEPS].max(initial=0)
        chunks = [chosen[low : low + _PATHS_PER_TASK] for low in range(0, chosen.size, _PATHS_PER_TASK)]
        tasks = [(self.system, self.options.order, options, extended, paths.take(chunk)) for chunk in chunks]
        # A step takes a few passes over the tape for each order of the series.
        cost = 50.0 * self.program.operations.shape[0] * self.options.order**2 * (20 if extended else 1)
        costs = [cost * len(chunk) for chunk in chunks]
        for index, done in run_tasks(_run_task, tasks, executor=self.executor, threads=self.threads, costs=costs):
            paths.put(chunks[index], done)
            if advance is not None:
                advance(len(chunks[index]))


def track(
    system: System,
    starts: Any,
    start_parameters: Any,
    target_parameters: Any,
    *,
    options: TrackerOptions | None = None,
    endgame: bool = False,
    image: Tape | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> PathResults:
    """Track solutions along the segment ``p(t) = t p_start + (1 - t) p_target`` from t = 1 to t = 0.

    Parameters
    ----------
    system : System
        Square: as many equations as unknowns.
    starts : array_like of complex, shape (n, B) or (n,)
        Regular solutions at the start parameters, as columns.
    start_parameters, target_parameters : array_like of complex, shape (k,) or (k, B)
        One vector, or one for each path. Generic complex parameters on one side keep the segment away from the
        discriminant, so that paths stay regular up to the target.
    options : TrackerOptions, optional
        By default `TrackerOptions.default`; paths of one segment that fail, or end at the same solution as another, as
        they do after jumping from path to path, are then tracked again with `TrackerOptions.conservative`.
    endgame : bool
        Whether to work out singular ends and ends at infinity, for targets that are not generic.
    image : Tape, optional
        Functions of unknowns and parameters whose limits the endgame works out as well.
    executor, threads : optional
        Where to run; threads of this process by default.
    progress : bool or callable

    Returns
    -------
    PathResults

    Raises
    ------
    InputError
        If the system is not square, or an array has the wrong shape or an entry that is not finite.

    Notes
    -----
    Many paths share one compiled kernel, in lanes. Predictor, corrector and step control follow [1]_, with power
    series of higher order; see `algeom._kernels.tracking`. Singular ends are computed by Cauchy's integral [2]_.

    References
    ----------
    .. [1] S. Timme, Mixed precision path tracking for polynomial homotopy continuation, Adv. Comput. Math. 47 (2021).
    .. [2] A. P. Morgan, A. J. Sommese, C. W. Wampler, Computing singular solutions to nonlinear analytic systems,
       Numer. Math. 58 (1991).

    Examples
    --------
    >>> import algeom as ag
    >>> system = ag.polynomial_system(["x^2 - a", "x*y - b"], unknowns=["x", "y"], parameters=["a", "b"])
    >>> ends = ag.track(system, [[1, -1], [1, -1]], [1, 1], [4, 6j])
    >>> ends
    PathResults(2 paths: 2 success; ... steps a path)
    >>> np.abs(ends.solutions - [[2, -2], [3j, -3j]]).max() < 1e-14
    np.True_
    """
    points = as_points("starts", starts, system.n_unknowns).astype(np.complex128)
    points = points[:, None] if points.ndim == 1 else points
    count = points.shape[1]
    start = system.parameter_columns(start_parameters, count)
    target = system.parameter_columns(target_parameters, count)

    def run(chosen: Any, options: TrackerOptions) -> PathResults:
        tracker = Tracker(system, options, executor, threads)
        arrays = (points[:, chosen], start[:, chosen], target[:, chosen])
        return track_batch(tracker, *arrays, endgame=endgame, image=image, progress=progress)

    results = run(slice(None), options or TrackerOptions.default())
    one_segment = np.ndim(start_parameters) <= 1 and np.ndim(target_parameters) <= 1
    if options is None and one_segment and count > 1:
        from algeom.continuation.collisions import suspects

        again = suspects(results)
        if again.size:
            results = results.replaced(again, run(again, TrackerOptions.conservative()))
    return results


def track_batch(
    tracker: Tracker,
    starts: Complex,
    start_parameters: NDArray[Any],
    target_parameters: NDArray[Any],
    *,
    endgame: bool,
    image: Tape | None = None,
    progress: Progress = False,
) -> PathResults:
    """`track` for arrays that have been checked, on a tracker."""
    begin = time.perf_counter()
    count = starts.shape[1]
    paths = make_paths(starts, start_parameters, target_parameters)
    directions = image_directions = None
    winding = np.zeros(count, dtype=np.int64)
    with reporter(progress) as report:
        report.start("tracking", total=count)
        switches = tracker.run(paths, endgame=endgame, check=True, advance=report.advance)
        ends = _Ends(tracker, paths)
        doubtful = ends.refine()
        if endgame:
            from algeom.continuation.endgame import finish

            fresh = make_paths(*(part[:, doubtful] for part in (starts, start_parameters, target_parameters)))
            _reopen(tracker, paths, doubtful, fresh, switches)
            directions, image_directions, winding = finish(tracker, paths, switches, image)
            doubtful = ends.refine()
    # Where Newton's method does not converge there is no regular solution, whatever the path looked like.
    paths.codes[doubtful] = ReturnCode.STEP_TOO_SMALL
    winding[paths.codes == ReturnCode.SUCCESS] = 1
    solutions = complex_columns(paths.points)
    solutions[:, paths.codes == ReturnCode.AT_INFINITY] = complex(np.nan, np.nan)
    return PathResults(
        solutions=solutions,
        codes=paths.codes,
        t=np.hypot(paths.t_from[:, 0], paths.t_from[:, 1]),
        steps=paths.counters[:, kernels.STEPS],
        rejections=paths.counters[:, kernels.REJECTIONS],
        newton_iterations=paths.counters[:, kernels.ITERATIONS],
        refinements=paths.counters[:, kernels.EXTENDED_ITERATIONS],
        precision_switches=switches,
        accuracy=np.where(np.isnan(ends.condition), paths.measures[:, 0], ends.accuracy),
        condition=ends.condition,
        winding_numbers=winding,
        directions=directions,
        image_directions=image_directions,
        seconds=time.perf_counter() - begin,
    )


def _reopen(tracker: Tracker, paths: Paths, again: Int, fresh: Paths, switches: Int) -> None:
    """Lead paths that stepped to the target, but to no regular solution there, to where the endgame begins."""
    if not again.size:
        return
    fresh.counters[:] = paths.counters[again]
    fresh.t_to[:, 0] = tracker.options.endgame_start
    switches[again] += tracker.run(fresh, endgame=False)
    fresh.codes[fresh.codes == kernels.SUCCESS] = kernels.AT_ENDGAME
    fresh.t_to[:] = 0.0
    paths.put(again, fresh)


class _Ends:
    """Accuracy and condition of regular ends, found out once for each; NaN where there is none."""

    def __init__(self, tracker: Tracker, paths: Paths) -> None:
        self.tracker = tracker
        self.paths = paths
        self.accuracy = np.full(len(paths.codes), np.nan)
        self.condition = np.full(len(paths.codes), np.nan)

    def refine(self) -> Int:
        """Refine the ends that are new; which of them are no regular solutions after all."""
        new = np.flatnonzero((self.paths.codes == kernels.SUCCESS) & np.isnan(self.condition))
        targets = self.paths.targets[new]
        points, step = polish(self.tracker, complex_columns(self.paths.points[new]), targets)
        condition = conditions(self.tracker.system, points, complex_columns(targets))
        good = attracting(self.tracker, points, targets, step, condition)
        self.paths.points[new] = alternating(points)
        self.accuracy[new[good]], self.condition[new[good]] = step[good], condition[good]
        return np.asarray(new[~good])


def polish(tracker: Tracker, points: Complex, parameters: Float, iterations: int = 2) -> tuple[Complex, Float]:
    """Newton's method with residuals in double-double arithmetic, from points that are nearly solutions.

    A column that does not improve is given back as it was, with its step.
    """
    step = np.full(points.shape[1], np.inf)
    options = replace(tracker.options, accuracy=1e-15, noise=1e-14)._array(False)
    options[kernels.START] = 1.0
    best = points.copy()
    columns = complex_columns(parameters)
    for _ in range(iterations):
        # A step at the level of rounding is not worth another.
        todo = np.flatnonzero(~(step <= 1e-15))
        if not todo.size:
            break
        paths = make_paths(best[:, todo], columns[:, todo], columns[:, todo])
        paths.t_from[:] = 0.0
        run_kernel(tracker.program, options, True, paths)
        good = (paths.codes == kernels.SUCCESS) & (paths.measures[:, 0] <= step[todo])
        best[:, todo[good]] = complex_columns(paths.points)[:, good]
        step[todo[good]] = paths.measures[good, 0]
    return best, step


def attracting(
    tracker: Tracker, points: Complex, parameters: Float, step: Float, condition: Float
) -> NDArray[np.bool_]:
    """Which refined points are regular zeros, as far as Newton's method tells.

    Next to a multiple zero its steps get as small as next to a regular one, but do not lead back from a small distance.
    """
    result = np.isfinite(step)
    flat = _flatness(tracker.system, points, complex_columns(parameters)) < 1.0 / _ILL_CONDITIONED
    doubtful = np.flatnonzero(result & ((condition > _ILL_CONDITIONED) | flat))
    if doubtful.size:
        sizes = np.abs(points[:, doubtful])
        # Each coordinate by its own size, as the tracker weighs them.
        reach = _SHAKE * np.maximum(np.maximum(sizes, 1e-8 * sizes.max(axis=0)), 1e-280)
        away = np.exp(1j * np.arange(1, len(points) + 1))[:, None] * reach
        again, back = polish(tracker, points[:, doubtful] + away, parameters[doubtful], 1)
        distance = (np.abs(again - points[:, doubtful]) / reach).max(axis=0)
        result[doubtful] = np.isfinite(back) & (distance <= 0.05)
    return result


def _flatness(system: System, points: Complex, parameters: Complex) -> Float:
    """Smallest ratio of the derivatives of an equation to the terms that they are made of.

    Condition numbers do not depend on the size of rows, and do not see that a row is nothing but rounding errors.
    """
    phases = np.exp(1j * np.sqrt(2.0) * np.arange(1, len(points) + 1) ** 2)[:, None]
    sizes = np.abs(points)
    scale = np.maximum(sizes, np.maximum(1e-2 * sizes.max(axis=0), 1e-100))
    rows, terms = (
        np.abs(system.jacobian(x, parameters) * scale.T[:, None, :]).max(axis=2) for x in (points, scale * phases)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(terms > 0, rows / terms, 1.0)
    return np.asarray(ratios.min(axis=1))


def newton(system: System, x: Any, p: Any = None, *, iterations: int = 2) -> tuple[Complex, Float, Float]:
    """Refine approximate solutions by Newton's method with residuals in double-double arithmetic.

    Parameters
    ----------
    system : System
        Square.
    x : array_like, shape (n, B) or (n,)
        Approximate solutions as columns.
    p : array_like, shape (k,) or (k, B), optional
        Parameters.
    iterations : int
        Runs of the iteration, each to convergence or at most four steps.

    Returns
    -------
    x : ndarray of complex128, shape (n, B)
        Refined; columns for which the iteration does not converge come back as they were.
    step : ndarray of float64, shape (B,)
        Relative size of the last Newton step, infinite where it did not converge.
    condition : ndarray of float64, shape (B,)
        Condition number of the Jacobian, rows and columns scaled.

    Examples
    --------
    >>> import algeom as ag
    >>> x, step, condition = newton(ag.polynomial_system(["x^2 - 2"], unknowns=["x"]), [1.4])
    >>> abs(x[0, 0] - 2**0.5) < 1e-15, bool(step[0] < 1e-14)
    (np.True_, True)
    """
    tracker = Tracker(system, TrackerOptions.default())
    points = as_points("x", x, system.n_unknowns).astype(np.complex128)
    points = points[:, None] if points.ndim == 1 else points
    parameters = system.parameter_columns(p, points.shape[1]).astype(np.complex128)
    refined, step = polish(tracker, points, alternating(parameters), iterations)
    return refined, step, conditions(system, refined, parameters)


def conditions(system: System, points: Complex, parameters: NDArray[Any]) -> Float:
    """Condition numbers of the Jacobians at points, columns scaled by the unknowns, then rows by their size."""
    if not points.shape[1]:
        return np.empty(0)
    jacobians = system.jacobian(points, parameters.astype(np.complex128))
    sizes = np.abs(points)
    scale = np.maximum(sizes, np.maximum(1e-2 * sizes.max(axis=0), 1e-100))
    jacobians = jacobians * scale.T[:, None, :]
    rows = np.abs(jacobians).max(axis=2)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        jacobians = jacobians / np.where(rows > 0, rows, 1.0)[:, :, None]
    result = np.full(points.shape[1], np.inf)
    finite = np.isfinite(jacobians).all(axis=(1, 2))
    if finite.any():
        values = np.linalg.svd(jacobians[finite], compute_uv=False)
        with np.errstate(divide="ignore", invalid="ignore"):
            result[finite] = np.where(values[:, -1] > 0, values[:, 0] / values[:, -1], np.inf)
    return result

"""Singular ends and ends at infinity: Cauchy's integral over loops around the target.

Near t = 0 a path is a power series in a root of t: x(t) = sum a_i t^(i/c), perhaps with finitely many negative
exponents. Going c times around zero closes it; c is the winding number. In projective space, in a chart that contains
the limit, there are no negative exponents, and the mean over the loop is the limit, up to a term of order
(r/R)^samples, where r is the radius of the loop and R the distance of the next singular value of t. Inside a loop that
is small enough there is no other singular value: the Fourier coefficients of negative order of the samples vanish,
which is tested, and loops with decreasing radius agree. (Agreement alone proves nothing: loops in one annulus agree
whatever is inside.) Morgan, Sommese and Wampler, "Computing singular solutions to nonlinear analytic
systems", Numer. Math. 58 (1991).

A cluster of regular zeros looks like one multiple zero on a loop that is large compared with it, and the mean is its
center, where the system does not vanish. That is tested too; smaller loops, or a step to the target itself, then
separate the zeros.

Paths that go to infinity like t^(-w/c) often have winding numbers too large for loops, and are recognized by their
growth: log |x| is eventually linear in log t. Since large finite solutions look alike until t is small enough, such
paths are followed until they are far out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import tracking as kernels
from algeom.continuation.end_checks import may_vanish
from algeom.continuation.systems import Complex
from algeom.continuation.tracker import (
    INFINITY,
    Float,
    Int,
    Paths,
    ReturnCode,
    Tracker,
    attracting,
    complex_columns,
    conditions,
    polish,
)
from algeom.maps import Tape

#: Points of a loop in one turn.
_SAMPLES = 8
#: Most turns until a path must have closed.
_MOST_TURNS = 32
#: Ratio of consecutive radii, and most loops of one path: the last radius is 1e-9 of the first.
_SHRINK, _MOST_LOOPS = 0.25, 15
#: Loops agree when their limits differ by less than this angle.
_AGREEMENT = 1e-8
#: A loop is closed when it comes back to its start up to this fraction of its diameter, or this relative distance.
_CLOSED, _CLOSED_FLOOR = 1e-5, 1e-9
#: Largest condition number of a regular end.
_REGULAR = 1e12
#: A limit this much larger than the points of the loop, and at least this large, is infinity too.
_RATIO, _LARGE = 1e-2, 1e-5


#: First coordinates of unit vectors below this are zero up to rounding errors.
_ROUNDING_INFINITY = 1e-12
#: Coefficients of negative order that are smaller than this, relative to the others or to the point, are zero.
_ONE_SIDED, _ROUNDING = 1e-6, 1e-8
#: Growth exponents of consecutive radii that agree to this fraction, and are at least this large, suggest infinity.
_STEADY, _GROWTH, _RADII = 0.02, 0.05, 7
#: Such paths, and those for which no loop is left, go on in steps of this ratio, until they are larger than this, or
#: grow more slowly than before by this factor; at most so often.
_STRIDE, _FAR, _SLOWER, _MOST_STRIDES = 0.25**4, 1e10, 0.5, 40
#: A path that arithmetic cannot follow any longer has gone to infinity if it grew by this factor since then.
_GROWN = 1e3
#: Errors of limits are estimated by what consecutive loops differ by, but not below a floor; a factor for safety.
_ERROR_FLOOR, _ERROR_FACTOR = 1e-15, 1e3
#: Loops that do not close are tried again at every third radius.
_PAUSE = 3
#: Paths worked on together: bounds the memory for the samples of loops.
_GROUP = 512


@dataclass
class _Limits:
    """What a loop says of each path: the limits in projective space (unit columns), and turns (0: not closed)."""

    point: Complex
    image: Complex | None
    turns: Int

    def take(self, chosen: NDArray[np.bool_]) -> _Limits:
        image = None if self.image is None else self.image[:, chosen]
        return _Limits(self.point[:, chosen], image, self.turns[chosen])


class _Growth:
    """Sizes of the affine coordinates at the last radii."""

    def __init__(self, tracker: Tracker, state: Paths) -> None:
        self.sizes = self._logarithms(tracker, state)[None, :]

    @staticmethod
    def _logarithms(tracker: Tracker, state: Paths) -> Float:
        sizes = np.abs(_lifted(tracker, complex_columns(state.points)))
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(sizes[1:].max(axis=0, initial=1e-300)) - np.log(sizes[0]))

    def add(self, tracker: Tracker, state: Paths) -> None:
        self.sizes = np.concatenate([self.sizes, self._logarithms(tracker, state)[None, :]])[-_RADII:]

    def take(self, chosen: NDArray[np.bool_]) -> _Growth:
        copy = object.__new__(_Growth)
        copy.sizes = self.sizes[:, chosen]
        return copy

    def steady(self, tolerance: float) -> NDArray[np.bool_]:
        """Which paths grow like a negative power of t."""
        if len(self.sizes) < _RADII:
            return np.zeros(self.sizes.shape[1], dtype=bool)
        exponents = np.diff(self.sizes, axis=0) / -np.log(_SHRINK)
        spread = exponents.max(axis=0) - exponents.min(axis=0)
        return np.asarray((exponents.min(axis=0) > _GROWTH) & (spread < tolerance * exponents.min(axis=0)))


def finish(tracker: Tracker, paths: Paths, switches: Int, image: Tape | None) -> tuple[Complex, Complex | None, Int]:
    """Work out the ends of all paths that stopped close to the target.

    Ends are put into ``paths``, with their codes; ``switches`` is added to.

    Returns
    -------
    directions : ndarray of complex128, shape (n + 1, B)
        Ends (1 : x) in projective space as unit vectors; NaN where there is none.
    images : ndarray of complex128, shape (m + 1, B), or None
        The same for the images.
    winding : ndarray of int64, shape (B,)
    """
    count = len(paths.codes)
    size = tracker.system.n_unknowns + (tracker.patch is None)
    directions = np.full((size, count), np.nan, dtype=np.complex128)
    images = None if image is None else np.full((image.n_outputs + 1, count), np.nan, dtype=np.complex128)
    winding = np.zeros(count, dtype=np.int64)
    stopped = np.flatnonzero(paths.codes == kernels.AT_ENDGAME)
    for low in range(0, stopped.size, _GROUP):
        _finish_group(tracker, paths, stopped[low : low + _GROUP], switches, image, directions, images, winding)
    _classify(tracker, paths, directions, winding)
    fill = (paths.codes == kernels.SUCCESS) & np.isnan(directions[0])
    directions[:, fill] = _unit(_lifted(tracker, complex_columns(paths.points[fill])))
    if images is not None and image is not None:
        images[:, fill] = _unit(_affine(_image(image, paths, fill)))
    return directions, images, winding


def _finish_group(
    tracker: Tracker,
    paths: Paths,
    open_: Int,
    switches: Int,
    image: Tape | None,
    directions: Complex,
    images: Complex | None,
    winding: Int,
) -> None:
    """Loops with decreasing radius for the paths ``open_``, until each has ended or failed."""
    state = paths.take(open_)
    previous: _Limits | None = None
    growth = _Growth(tracker, state)
    for loop in range(_MOST_LOOPS):
        if not open_.size:
            break
        # Loops that did not close are long and seldom worth repeating at the very next radius.
        chosen = np.ones(open_.size, dtype=bool)
        if previous is not None and loop % _PAUSE:
            chosen = previous.turns > 0
        limits, alive = _loop(tracker, state, image, switches, open_, chosen)
        done = np.zeros(open_.size, dtype=bool)
        if previous is not None:
            gap = _angle(limits.point, previous.point)
            agree = alive & (limits.turns > 0) & (gap < _AGREEMENT)
            if limits.image is not None and previous.image is not None:
                agree &= _angle(limits.image, previous.image) < 10 * _AGREEMENT
            done = agree
            done[agree] = _plausible(
                tracker, limits.point[:, agree], limits.turns[agree], state.targets[agree], gap[agree]
            )
        for index in np.flatnonzero(done):
            where = open_[index]
            directions[:, where] = limits.point[:, index]
            if images is not None and limits.image is not None:
                images[:, where] = limits.image[:, index]
            winding[where] = limits.turns[index]
        paths.put(open_[done], state.take(done))
        last = loop == _MOST_LOOPS - 1
        leaving = ~done & (last | (growth.steady(_STEADY) if image is None else False))
        _leave(tracker, paths, state.take(leaving), switches, open_[leaving], directions)
        going = ~done & ~leaving
        open_ = open_[going]
        state = state.take(going)
        growth = growth.take(going)
        previous = limits.take(going)
        if not last and open_.size:
            # On to the next radius.
            state.t_to[:] = _SHRINK * state.t_from
            switches[open_] += tracker.run(state, endgame=False)
            failed = state.codes != kernels.SUCCESS
            paths.codes[open_[failed]] = ReturnCode.ENDGAME_FAILED
            keep = ~failed
            open_, state = open_[keep], state.take(keep)
            growth = growth.take(keep)
            growth.add(tracker, state)
            previous = previous.take(keep)


def _plausible(tracker: Tracker, ends: Complex, turns: Int, targets: Float, gap: Float) -> NDArray[np.bool_]:
    """Which limits (unit columns) may be zeros, and singular ones where the loop takes several turns.

    At infinity this is tested in homogeneous coordinates only.
    """
    result = np.ones(ends.shape[1], dtype=bool)
    tested = np.flatnonzero((np.abs(ends[0]) > INFINITY) | (tracker.patch is not None))
    if not tested.size:
        return result
    points, parameters = _finite(tracker, ends[:, tested]), targets[tested]
    errors = np.maximum(gap[tested], _ERROR_FLOOR)
    if tracker.patch is None:
        # A small rotation of (1 : x) moves x by more where x is small or large.
        size = np.maximum(np.abs(points).max(axis=0), 1e-280)
        errors = errors * np.maximum(size, 1.0 / size)
    result[tested] = may_vanish(tracker.system, points, complex_columns(parameters), _ERROR_FACTOR * errors)
    cycles = np.flatnonzero((turns[tested] > 1) & result[tested])
    if cycles.size:
        # The middle one of a cluster is a regular zero, which is no end of a cycle.
        refined, step = polish(tracker, points[:, cycles], parameters[cycles])
        condition = conditions(tracker.system, refined, complex_columns(parameters[cycles]))
        regular = (_distance(refined, points[:, cycles]) < _ERROR_FACTOR * errors[cycles]) & (condition < _REGULAR)
        regular &= attracting(tracker, refined, parameters[cycles], step, condition)
        result[tested[cycles[regular]]] = False
    return result


def _finite(tracker: Tracker, ends: Complex) -> Complex:
    """Unit columns as values of the unknowns."""
    if tracker.patch is not None:
        return np.asarray(ends / (tracker.patch @ ends))
    return np.asarray(ends[1:] / ends[0])


def _leave(tracker: Tracker, paths: Paths, state: Paths, switches: Int, where: Int, directions: Complex) -> None:
    """Follow paths that no loop ends towards the target: to infinity, or else to a regular end, or none."""
    codes = np.full(where.size, int(ReturnCode.ENDGAME_FAILED))
    first = last = _Growth(tracker, state).sizes[-1]
    fastest = np.zeros(where.size)
    running, finite = np.arange(where.size), np.zeros(where.size, dtype=bool)
    moving = state.take(running)
    for _ in range(_MOST_STRIDES):
        if not running.size:
            break
        moving.t_to[:] = _STRIDE * moving.t_from
        switches[where[running]] += tracker.run(moving, endgame=False)
        followed = moving.codes == kernels.SUCCESS
        grown = last - first > np.log(_GROWN)
        codes[running[~followed & grown]] = ReturnCode.AT_INFINITY
        sizes = np.where(followed, _Growth(tracker, moving).sizes[-1], last)
        exponents = (sizes - last) / -np.log(_STRIDE)
        fastest = np.maximum(fastest, exponents)
        far = followed & (sizes > np.log(_FAR))
        codes[running[far]] = ReturnCode.AT_INFINITY
        slow = followed & ~far & (exponents < np.maximum(_SLOWER * fastest, _GROWTH))
        state.put(running[followed], moving.take(followed))
        finite[running[slow]] = True
        keep = followed & ~far & ~slow
        running, moving = running[keep], moving.take(keep)
        first, last, fastest = first[keep], sizes[keep], fastest[keep]
    if finite.any():
        ending = state.take(finite)
        ending.t_to[:] = 0.0
        switches[where[finite]] += tracker.run(ending, endgame=False)
        arrived = ending.codes == kernels.SUCCESS
        _, step = polish(tracker, complex_columns(ending.points), ending.targets, 1)
        codes[np.flatnonzero(finite)[arrived & np.isfinite(step)]] = kernels.SUCCESS
        state.put(finite, ending)
    state.codes[:] = codes
    paths.put(where, state)
    infinite = where[codes == ReturnCode.AT_INFINITY]
    directions[:, infinite] = _unit(_lifted(tracker, complex_columns(paths.points[infinite])))
    directions[0, infinite] = 0.0


def _loop(
    tracker: Tracker, state: Paths, image: Tape | None, switches: Int, where: Int, chosen: NDArray[np.bool_]
) -> tuple[_Limits, NDArray[np.bool_]]:
    """Track the chosen paths around the target until they close; the paths themselves stay where they are."""
    count = where.size
    start = complex_columns(state.points)
    radius = state.t_from[:, 0] + 1j * state.t_from[:, 1]
    points = _Samples(_lifted(tracker, start))
    images = None if image is None else _Samples(_affine(_image(image, state, slice(None))))
    turns = np.zeros(count, dtype=np.int64)
    alive = np.ones(count, dtype=bool)
    diameter = np.zeros(count)
    running = np.flatnonzero(chosen)
    moving = state.take(running)
    for turn in range(1, _MOST_TURNS + 1):
        if not running.size:
            break
        for sample in range(_SAMPLES):
            here = complex_columns(moving.points)
            points.add(running, _lifted(tracker, here))
            if image is not None and images is not None:
                images.add(running, _affine(_image(image, moving, slice(None))))
            diameter[running] = np.maximum(diameter[running], _distance(here, start[:, running]))
            moving.t_from[:] = _pairs(radius[running] * np.exp(2j * np.pi * sample / _SAMPLES))
            moving.t_to[:] = _pairs(radius[running] * np.exp(2j * np.pi * ((sample + 1) % _SAMPLES) / _SAMPLES))
            switches[where[running]] += tracker.run(moving, endgame=False)
            failed = moving.codes != kernels.SUCCESS
            if failed.any():
                alive[running[failed]] = False
                running = running[~failed]
                moving = moving.take(~failed)
            if not running.size:
                break
        if not running.size:
            break
        gap = _distance(complex_columns(moving.points), start[:, running])
        closed = gap <= np.maximum(_CLOSED * diameter[running], _CLOSED_FLOOR)
        turns[running[closed]] = turn
        state.counters[running] = moving.counters
        running = running[~closed]
        moving = moving.take(~closed)
        if not running.size:
            break
    # Paths that did not close may do so at a smaller radius, where fewer singular values are inside the loop.
    limits, one_sided = points.limits(turns)
    image_limits = None
    if images is not None:
        image_limits, also = images.limits(turns)
        one_sided &= also
    turns[~one_sided] = 0
    return _Limits(limits, image_limits, turns), alive


class _Samples:
    """Points of projective space along a loop for many paths, each in the chart of its first point."""

    def __init__(self, first: Complex) -> None:
        self.chart = _chart(first)
        self.samples: list[Complex] = []
        self.count = first.shape[1]

    def add(self, running: Int, lifted: Complex) -> None:
        """The next point of some of the paths."""
        points = np.zeros((lifted.shape[0], self.count), dtype=np.complex128)
        points[:, running] = lifted / np.sum(self.chart[:, running] * lifted, axis=0)
        self.samples.append(points)

    def limits(self, turns: Int) -> tuple[Complex, NDArray[np.bool_]]:
        """Limits as unit columns, and for which paths there is nothing else inside the loop.

        Column k of the discrete Fourier transform of ``turns * _SAMPLES`` points is the coefficient of t^(k/turns), of
        negative order in the second half.
        """
        limits = np.full(self.chart.shape, np.nan, dtype=np.complex128)
        one_sided = np.zeros(self.count, dtype=bool)
        for turn in np.unique(turns[turns > 0]):
            chosen = np.flatnonzero(turns == turn)
            data = np.array([points[:, chosen] for points in self.samples[: turn * _SAMPLES]])
            coefficients = np.fft.fft(data, axis=0) / len(data)
            sizes = np.linalg.norm(coefficients, axis=1)
            half = len(data) // 2
            # Orders -1/c to -1: what is folded onto them from high positive orders is of the size (r/R)^(samples - 1).
            negative, positive = sizes[-turn:].max(axis=0), sizes[1 : half + 1].max(axis=0)
            limits[:, chosen] = _unit(coefficients[0])
            one_sided[chosen] = negative <= _ONE_SIDED * positive + _ROUNDING * np.linalg.norm(data[0], axis=0)
        return limits, one_sided


def _classify(tracker: Tracker, paths: Paths, directions: Complex, winding: Int) -> None:
    """Tell regular ends, singular ends and ends at infinity apart."""
    ended = np.flatnonzero(winding > 0)
    if not ended.size:
        return
    ends = directions[:, ended]
    here = np.abs(_unit(_lifted(tracker, complex_columns(paths.points[ended])))[0])
    first = np.abs(ends[0])
    infinite = (first < INFINITY) | (first < np.minimum(_RATIO * here, _LARGE))
    # What is so large may be a regular solution all the same, which Newton's method finds.
    candidates = np.flatnonzero(~infinite | ((winding[ended] == 1) & (first > _ROUNDING_INFINITY)))
    points = _finite(tracker, ends[:, candidates])
    targets = paths.targets[ended[candidates]]
    refined, step = polish(tracker, points, targets)
    condition = conditions(tracker.system, refined, complex_columns(targets))
    near = _distance(refined, points) < np.sqrt(_AGREEMENT)
    if tracker.patch is not None:
        near &= np.abs(_unit(refined)[0]) > _ROUNDING_INFINITY
    regular = (winding[ended[candidates]] == 1) & near & (condition < _REGULAR)
    regular &= attracting(tracker, refined, targets, step, condition)
    points[:, regular] = refined[:, regular]
    infinite[candidates[regular]] = False
    paths.codes[ended[infinite]] = ReturnCode.AT_INFINITY
    kept = ~infinite[candidates]
    points, step, regular, finite = points[:, kept], step[kept], regular[kept], ended[candidates[kept]]
    paths.codes[finite] = np.where(regular, int(ReturnCode.SUCCESS), int(ReturnCode.SINGULAR))
    paths.points[finite] = np.ascontiguousarray(points.T).view(np.float64)
    paths.t_from[ended] = 0.0
    paths.measures[finite, 0] = np.where(np.isfinite(step), step, np.nan)


def _affine(points: Complex) -> Complex:
    """Points (1 : x) of projective space."""
    return np.concatenate([np.ones((1, points.shape[1]), dtype=np.complex128), points])


def _lifted(tracker: Tracker, points: Complex) -> Complex:
    """Points of projective space: (1 : x), or the unknowns themselves where these are homogeneous coordinates."""
    return _affine(points) if tracker.patch is None else points


def _chart(lifted: Complex) -> Complex:
    """For each column the linear form that is 1 there and vanishes on its orthogonal complement."""
    scale = np.abs(lifted).max(axis=0)
    scaled = lifted / scale
    return np.asarray(scaled.conj() / np.sum(np.abs(scaled) ** 2, axis=0) / scale)


def _unit(columns: Complex) -> Complex:
    """Columns scaled to length one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = columns / np.abs(columns).max(axis=0)
        return np.asarray(scaled / np.linalg.norm(scaled, axis=0))


def _angle(a: Complex, b: Complex) -> Float:
    """Sine of the angle between the lines spanned by unit columns."""
    inner = np.sum(a.conj() * b, axis=0)
    return np.asarray(np.linalg.norm(b - inner * a, axis=0))


def _distance(a: Complex, b: Complex) -> Float:
    """Largest difference of coordinates, relative to the larger of the two points; points below 1e-10 are zero."""
    size = np.maximum(np.abs(a).max(axis=0), np.abs(b).max(axis=0))
    return np.asarray(np.abs(a - b).max(axis=0) / np.maximum(size, 1e-10))


def _pairs(values: Complex) -> Float:
    return np.column_stack([values.real, values.imag])


def _image(image: Tape, paths: Paths, chosen: Any) -> Complex:
    """Values of a tape in x and p where paths are now."""
    points = complex_columns(paths.points[chosen])
    t = paths.t_from[chosen, 0] + 1j * paths.t_from[chosen, 1]
    start = complex_columns(paths.starts[chosen])
    target = complex_columns(paths.targets[chosen])
    return image.evaluate(np.concatenate([points, target + t * (start - target)]))

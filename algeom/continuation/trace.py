"""The trace test: whether a set of solutions is complete, from the sum of their images along a line of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from algeom.continuation.distinct import PointIndex
from algeom.continuation.systems import Complex, System, as_points
from algeom.continuation.trace_sums import ImagedPoints, Int, TraceTest, linear_trace, undecided_trace
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, newton, track
from algeom.errors import InputError
from algeom.maps import Tape
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["TraceTest", "trace_test"]


def trace_test(
    system: System,
    solutions: Any,
    parameters: Any,
    direction: Any,
    *,
    image: Tape | None = None,
    abscissae: Sequence[complex] = (1.0, -1.0),
    options: TrackerOptions | None = None,
    rng: RandomState = None,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> TraceTest:
    """Test whether solutions are complete, by tracking them along ``p + s * direction`` and summing up their images.

    Parameters
    ----------
    system : System
        Square.
    solutions : array_like of complex, shape (n, N)
        Regular solutions at `parameters`, with different images.
    parameters, direction : array_like of complex, shape (k,)
        The direction has to be generic among those for which the trace is linear.
    image : Tape, optional
        On the inputs of ``system.tape``; its outputs are what is summed up. By default the unknowns.
    abscissae : sequence of complex
        Values of s besides 0, at least two. With three or more also the sums of squares (and higher powers) of a
        linear form are tested to be polynomials of degree two (and higher), which excludes sets whose images cancel
        by a symmetry.
    options : TrackerOptions, optional
    rng : int, numpy.random.Generator or None
        The linear form that is tested besides all the coordinates.
    executor, threads, progress : optional
        As for `track`.

    Returns
    -------
    TraceTest

    Raises
    ------
    InputError
        If a shape is wrong, an entry not finite, the direction zero, a point no regular solution, or two have the
        same image.

    Notes
    -----
    Let the solutions with parameters on the line make up a curve, with coordinates the image y and s. The sum of y
    over the solutions of a union of irreducible components is a rational function of s. Where no y goes to infinity
    for finite s, and y grows at most like s for s to infinity, it is affine linear. This holds for

    - *linear slices*: y are the affine coordinates of a variety X that is cut by a linear space of complementary
      dimension, which moves parallel to itself, and the slice is generic ([1]_, [2]_, Theorem 15.5.1 of [3]_);
    - *distances with generic weights*: y are the critical points of the weighted squared distance from u on X, and u
      moves on a line. For weights that are not generic, unit ones above all, critical points go to infinity at
      finite s and the trace is only rational: for the cardioid with unit weights there are 3 critical points, the
      trace of which is not linear, while 7 critical points have a linear trace with generic weights.

    It does not hold for general families; there the test must not be used.

    In the other direction, the trace of a proper subset of the solutions on an irreducible curve is not linear for a
    generic slice: the monodromy of the slices of a curve is the full symmetric group, so that a subset that satisfies
    an identity shares it with all others of its size [2]_. A passed test therefore says that the set is the union of
    the solutions on some irreducible components, to be compared with those that the points were found on. In families
    with more symmetric solutions (pairs x and -x with sum zero, say) sums can be linear for subsets as well.

    The line has to pass the solution curve at the scale on which that is curved. From a distance of 10^8 radii one
    point of two on a circle moves linearly, up to rounding errors: no test in double precision tells it from a line.
    Translate coordinates so that the origin is amid the points, as `degree` does.

    References
    ----------
    .. [1] A. J. Sommese, J. Verschelde, C. W. Wampler, Symmetric functions applied to decomposing solution sets of
       polynomial systems, SIAM J. Numer. Anal. 40 (2002).
    .. [2] A. Leykin, J. I. Rodriguez, F. Sottile, Trace test, Arnold Math. J. 4 (2018), Theorem 3.
    .. [3] A. J. Sommese, C. W. Wampler, The Numerical Solution of Systems of Polynomials, World Scientific 2005.

    Examples
    --------
    A line that moves parallel to itself meets a parabola in two points.

    >>> import algeom as ag
    >>> from algeom.continuation.trace import trace_test
    >>> parabola = ag.polynomial_system(["y - x^2", "y - x - c"], unknowns=["x", "y"], parameters=["c"])
    >>> points = np.array([[2, -1], [4, 1]])
    >>> trace_test(parabola, points, [2], [1j]).passed
    True
    >>> alone = trace_test(parabola, points[:, :1], [2], [1j])
    >>> alone.passed, alone.evidence.status
    (False, <Status.LOWER_BOUND: 'lower bound'>)
    """
    seed, _ = resolve(rng)
    options = TrackerOptions.default() if options is None else options
    base = line_point("parameters", parameters, system)
    step = line_point("direction", direction, system)
    if not np.any(step):
        raise InputError("the direction is zero; along it nothing moves")
    where = np.array([0.0, *abscissae], dtype=np.complex128)
    if where.size < 3 or np.unique(where).size < where.size or not np.all(np.isfinite(where)):
        raise InputError(f"abscissae={tuple(abscissae)}: expected at least two different finite numbers other than 0")
    points = as_points("solutions", solutions, system.n_unknowns).astype(np.complex128)
    points = points[:, None] if points.ndim == 1 else points
    count = points.shape[1]
    if not count:
        raise InputError("there are no solutions to sum up; give at least one")
    points, accuracy, _ = newton(system, points, base)
    if not np.all(np.isfinite(accuracy)):
        worst = int(np.argmin(np.isfinite(accuracy)))
        residual = float(np.abs(system(points[:, worst], base)).max())
        raise InputError(
            f"column {worst} is no regular solution at these parameters (residual {residual:.1e}): "
            "Newton's method does not converge from there"
        )
    ends = ImagedPoints.of(system, image, points, base, accuracy)
    numbers = PointIndex(ends.images.shape[0]).add(ends.images)
    if numbers.max() + 1 < count:
        second = int(np.flatnonzero(numbers != np.arange(count))[0])
        raise InputError(f"columns {numbers[second]} and {second} have the same image; give each solution once")
    lines = where.size - 1
    targets = np.repeat(base[:, None] + step[:, None] * where[1:], count, axis=1)
    results = track(
        system, np.tile(points, lines), base, targets,
        options=options, executor=executor, threads=threads, progress=progress,
    )  # fmt: skip
    suspects = _suspects(system, image, results, targets, lines)
    if suspects.size:
        careful = track(
            system, np.tile(points, lines)[:, suspects], base, targets[:, suspects],
            options=TrackerOptions.conservative(), executor=executor, threads=threads, progress=progress,
        )  # fmt: skip
        results = results.replaced(suspects, careful)
    tracked = len(results) + suspects.size
    failures = failed_paths(results)
    merged = 0 if failures else _suspects(system, image, results, targets, lines).size
    if failures or merged:
        causes = [f"{number} {code}" for code, number in failures.items()]
        causes += [f"{merged} ended together"] * bool(merged)
        why = f"of {noun_count(len(results), 'path')} along the line some failed: {', '.join(causes)}"
        return undecided_trace(why, count, where, ends.images.shape[0], failures, tracked, seed)
    columns = [
        ImagedPoints.of(system, image, results.solutions[:, part], targets[:, part], results.accuracy[part])
        for part in (slice(i * count, (i + 1) * count) for i in range(lines))
    ]
    return linear_trace([ends, *columns], where, seed, tracked=tracked)


def _suspects(system: System, image: Tape | None, results: PathResults, targets: Complex, lines: int) -> Int:
    """Paths that failed, and those that ended at the same image as another one at the same abscissa."""
    chosen = ~results.succeeded
    count = len(results) // lines
    for first in range(0, len(results), count):
        part = first + np.flatnonzero(results.succeeded[first : first + count])
        if not part.size:
            continue
        images = results.solutions[:, part]
        if image is not None:
            images = image.evaluate(np.concatenate([images, targets[:, part]]))
        numbers = PointIndex(images.shape[0]).add(images)
        chosen[part] |= np.bincount(numbers)[numbers] > 1
    return np.flatnonzero(chosen)


def failed_paths(results: PathResults) -> dict[ReturnCode, int]:
    """Numbers of failed paths by return code."""
    counts: dict[ReturnCode, int] = dict(results.counts())
    counts.pop(ReturnCode.SUCCESS, None)
    return counts


def line_point(argument: str, values: Any, system: System) -> Complex:
    """One vector of parameters, checked."""
    vector = as_points(argument, values, system.n_parameters)
    if vector.ndim != 1:
        raise InputError(f"{argument} has the shape {vector.shape}; expected ({system.n_parameters},)")
    return np.asarray(vector, dtype=np.complex128)

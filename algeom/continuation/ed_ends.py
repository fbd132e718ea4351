"""Following critical points to special data or weights, and saying what became of each.

Let X be the closure of the image, of dimension k, and N its conormal variety: the closure of the pairs (y, nu) with y
a smooth point and nu normal to X there, of dimension m. A critical point for (u, W) is a y with (y, W(u - y)) in N over
a smooth point. When (u, W) moves along a segment to its end, a path of critical points goes to infinity or ends at a
point of N; in the second case its y is

- a smooth point of X: critical for the end, regular or multiple, or
- a singular point of X.

For generic u the second kind does not occur, whatever the weights W: the part of N over the singular points of X has
dimension below m, and so has its image under (y, nu) -> y + W^(-1) nu. Multiple critical points do not occur either, as
this map is generically unramified. Nor do points outside any given dense open set of X, say the set parametrized well.
So for generic data and special weights all that is lost is lost at infinity, and its direction y satisfies
y^T W y = 0: the direction is a limit of tangent vectors, and a limit of vectors that are W-orthogonal to them.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.ed_classification import (
    CRITICAL,
    Chart,
    End,
    Ends,
    classified,
    hessian_eigenvalues,
    morse_index,
)
from algeom.continuation.ed_system import CriticalEquations, Weights, affine_chart_equations
from algeom.continuation.gauge import Gauge
from algeom.continuation.systems import Complex
from algeom.continuation.tracker import TrackerOptions, track
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

__all__ = ["CRITICAL", "End", "Ends", "Problem", "follow"]

Int = NDArray[np.int64]

#: Least size of special data, as a fraction of the generic ones, for tolerances relative to it: points near the origin
#: are known to an absolute accuracy only.
_FLOOR = 1e-3

#: Most steps of paths to special data before they are taken for special.
_BRIEF = 150

#: Where the Hessian is looked at for ends without parameters: near enough for the signs of its eigenvalues.
_NEAR_TARGET = 1e-4
#: Eigenvalues smaller than this fraction of the largest have no certain sign there.
_SIGN_NEAR_TARGET = 1e-2


#: Values of t at which divergence is measured; the least exponent of a power of t that counts, times log(100), how
#: equal the two exponents have to be, and how isotropic the last direction.
_GROWTH = (1e-3, 1e-5, 1e-7)
_LEAST_GROWTH, _SAME_GROWTH, _ISOTROPIC = 0.2, 0.2, 1e-2


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and weights."""

    u: NDArray[Any]
    weights: Weights


def follow(
    gauge: Gauge,
    tau: Complex,
    theta: Complex,
    start: Problem,
    target: Problem,
    *,
    seed: int,
    options: TrackerOptions | None = None,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Ends:
    """Track critical points to other data and weights, to whatever ends they come.

    Parameters
    ----------
    gauge : Gauge
    tau : ndarray of complex128, shape (k, B)
        Critical points for the start, regular ones with distinct images, in the parameters of the gauge; NaN for those
        that have none.
    theta : ndarray of complex128, shape (n, B)
        The same in the parameters of the map.
    start, target : Problem
        The start is generic.
    seed : int
        For the charts in which ends without parameters are looked at again.
    options, executor, threads, progress
        As for `track`.

    Returns
    -------
    Ends
    """
    paths = _Paths(gauge, tau, theta, start, target, seed, executor, threads)
    careful = TrackerOptions.conservative()
    has_charts = gauge.original.n_parameters > gauge.dimension
    ends = _unresolved(gauge, tau.shape[1])
    if np.array_equal(start.weights.matrix, target.weights.matrix):
        # Special data: nearly all ends are regular. Others may have no parameters in the gauge, so that an endgame
        # there would be of no use.
        brief = replace(options or TrackerOptions.default(), max_steps=_BRIEF)
        paths.improve(ends, paths.in_gauge, brief, endgame=False, progress=progress)
        ends.kinds[ends.kinds != End.REGULAR] = int(End.UNRESOLVED)
        paths.improve(ends, ends.kinds != End.REGULAR, options, affine=has_charts)
    else:
        paths.improve(ends, paths.in_gauge, options, progress=progress)
        paths.mark_diverging(ends)
        if has_charts:
            doubtful = np.isin(ends.kinds, [End.LIMIT, End.SINGULAR_LOCUS, End.UNRESOLVED])
            paths.improve(ends, doubtful, options, affine=True)
    paths.mark_diverging(ends)
    paths.improve(ends, ends.kinds == End.UNRESOLVED, careful, affine=has_charts)
    limits = np.flatnonzero((ends.kinds == End.LIMIT) & ends.real & paths.in_gauge)
    if limits.size:
        ends.index[limits] = paths.indices_near_the_end(limits)
    return ends


def _unresolved(gauge: Gauge, count: int) -> Ends:
    def unknown(height: int) -> Complex:
        return np.full((height, count), np.nan, dtype=np.complex128)

    return Ends(
        kinds=np.full(count, int(End.UNRESOLVED), dtype=np.int64),
        points=unknown(gauge.map.n_coordinates),
        tau=unknown(gauge.dimension),
        theta=unknown(gauge.original.n_parameters),
        real=np.zeros(count, dtype=np.bool_),
        index=np.full(count, -1, dtype=np.int64),
    )


class _Paths:
    """The paths of critical points from one problem to another, in different charts."""

    def __init__(
        self,
        gauge: Gauge,
        tau: Complex,
        theta: Complex,
        start: Problem,
        target: Problem,
        seed: int,
        executor: Executor | None,
        threads: int | None,
    ) -> None:
        self.gauge = gauge
        self.tau, self.theta = tau, theta
        self.in_gauge = np.isfinite(tau).all(axis=0)
        self.start, self.target = start, target
        self.seed = seed
        self.executor, self.threads = executor, threads
        self.matrix = start.weights.is_matrix or target.weights.is_matrix
        self.equations = CriticalEquations.of(gauge, matrix=self.matrix)
        self.size = max(float(np.linalg.norm(target.u)), _FLOOR * float(np.linalg.norm(start.u)))

    def improve(
        self,
        ends: Ends,
        mask: Any,
        options: TrackerOptions | None,
        *,
        affine: bool = False,
        endgame: bool = True,
        progress: Progress = False,
    ) -> None:
        """Track some paths, and replace their ends in place where the new ones say more."""
        where = np.flatnonzero(mask)
        if not where.size:
            return
        chart = self.affine_chart(where) if affine else self.gauge_chart(where)
        other = self.ends(chart, options, endgame=endgame, progress=progress)
        chosen = np.flatnonzero(other.kinds < ends.kinds[where])
        for name in ends.__dataclass_fields__:
            getattr(ends, name)[..., where[chosen]] = getattr(other, name)[..., chosen]

    def mark_diverging(self, ends: Ends) -> None:
        """Recognize divergence that the endgame had no limit for, in place."""
        where = np.flatnonzero((ends.kinds == End.UNRESOLVED) & self.in_gauge)
        if where.size:
            ends.kinds[where[self.diverging(where)]] = int(End.AT_INFINITY)

    def ends(
        self, chart: Chart, options: TrackerOptions | None, *, endgame: bool = True, progress: Progress = False
    ) -> Ends:
        """Track in a chart."""
        results = track(
            chart.system,
            chart.starts,
            chart.p_start,
            chart.p_target,
            options=options,
            endgame=endgame,
            image=chart.image if endgame else None,
            executor=self.executor,
            threads=self.threads,
            progress=progress,
        )
        ends = classified(chart, results, self.target.weights, self.size)
        if chart.system is not self.equations.system:
            ends.tau[:] = np.nan
        return ends

    def _columns(self, problem: Problem, count: int) -> Complex:
        return np.repeat(self.equations.parameters(problem.u, problem.weights)[:, None], count, axis=1)

    def gauge_chart(self, chosen: Int) -> Chart:
        """Some of the paths in the parameters of the gauge."""
        return Chart(
            self.equations.system,
            self.equations.image,
            self.tau[:, chosen],
            self._columns(self.start, chosen.size),
            self._columns(self.target, chosen.size),
            self.gauge.lift,
            lambda _, x: np.asarray(self.gauge.map.jacobian(x)),
        )

    def affine_chart(self, chosen: Int) -> Chart:
        """Some of the paths in random affine subspaces of the parameters of the original map, one through each."""
        phi, k = self.gauge.original, self.gauge.dimension
        rng = seeds.derive(self.seed, "affine charts")
        # Short binary fractions, since they become constants of a tape.
        directions = rng.integers(-64, 65, size=(phi.n_parameters, k)) / 64
        system, image = affine_chart_equations(phi, directions, matrix=self.matrix)
        # Paths start at unknowns of size one: relative accuracies mean nothing at zero.
        starts = np.repeat(rng.choice([-1.0, 1.0], size=(k, 1)), chosen.size, axis=1).astype(np.complex128)
        origins = self.theta[:, chosen] - directions @ starts

        def theta(x: Complex) -> Complex:
            return np.asarray(origins + directions @ x)

        def jacobian(j: int, x: Complex) -> Complex:
            return np.asarray(phi.jacobian(origins[:, j] + directions @ x) @ directions)

        p_start, p_target = (
            np.vstack([self._columns(problem, chosen.size), origins]) for problem in (self.start, self.target)
        )
        return Chart(system, image, starts, p_start, p_target, theta, jacobian)

    def _at(self, t: float) -> Complex:
        """Parameters of the system on the segment."""
        start, target = (self.equations.parameters(p.u, p.weights) for p in (self.start, self.target))
        return t * start + (1 - t) * target

    def diverging(self, chosen: Int) -> NDArray[np.bool_]:
        """Which of some paths grow like a power of t, in a direction that becomes isotropic.

        The endgame has no limit for paths that wind around the target too often to close a loop.
        """
        points, here = self.tau[:, chosen], self._at(1.0)
        good = np.ones(chosen.size, dtype=np.bool_)
        sizes, defects = [], []
        for t in _GROWTH:
            results = track(
                self.equations.system, points, here, self._at(t), executor=self.executor, threads=self.threads
            )
            good &= results.succeeded
            points, here = np.where(good, results.solutions, self.tau[:, chosen]), self._at(t)
            y = np.asarray(self.gauge.map(points))
            weighted = self.target.weights.apply(y)
            sizes.append(np.linalg.norm(y, axis=0))
            defects.append(np.abs(np.sum(y * weighted, axis=0)) / (sizes[-1] * np.linalg.norm(weighted, axis=0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            first, second = np.log(sizes[1] / sizes[0]), np.log(sizes[2] / sizes[1])
            powers = (first > _LEAST_GROWTH) & (np.abs(second / first - 1) < _SAME_GROWTH)
        isotropic = (defects[2] < defects[1]) & (defects[1] < defects[0]) & (defects[2] < _ISOTROPIC)
        return np.asarray(good & powers & isotropic)

    def indices_near_the_end(self, chosen: Int) -> Int:
        """Morse indices of limits without parameters, from points of their paths close to them."""
        nearby = self._at(_NEAR_TARGET)
        results = track(
            self.equations.system,
            self.tau[:, chosen],
            self._at(1.0),
            nearby,
            executor=self.executor,
            threads=self.threads,
        )
        index = np.full(chosen.size, -1, dtype=np.int64)
        for j in np.flatnonzero(results.succeeded).tolist():
            point = results.solutions[:, j]
            hessian = self.equations.system.jacobian(point, nearby)
            index[j] = morse_index(
                hessian_eigenvalues(hessian, np.asarray(self.gauge.map.jacobian(point))), _SIGN_NEAR_TARGET
            )
        return index

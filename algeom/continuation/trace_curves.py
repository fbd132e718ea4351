"""A test of completeness for any family: the trace test on the curve that solutions trace out over a line."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.continuation.distinct import PointIndex
from algeom.continuation.monodromy import MonodromyResult, monodromy
from algeom.continuation.monodromy_start import checked_start, drawn, require_family
from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, track
from algeom.evidence import Evidence, Status
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.maps import Tape, TapeBuilder
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, derive, resolve
from algeom.runtime.store import Store


@dataclass(frozen=True, eq=False, repr=False)
class CurveTest:
    """Outcome of a test of completeness over a line of parameters.

    Attributes
    ----------
    decided : bool
        Whether the solutions given and those that are `missing` are all.
    count : int
        Number of solutions given.
    degree : int
        Number of points of the curve on a generic hyperplane, as far as found.
    n_infinity : int
        How many of these go to infinity when the hyperplane moves to the fiber over `parameters`.
    missing : ndarray of complex128, shape (n, M)
        Solutions that the given ones lack.
    section : MonodromyResult or None
        How the points on the hyperplane were found, with their trace test; None if no given solution could be moved
        to it.
    tracked : int
        Paths tracked, those of the monodromy included.
    evidence : Evidence
        NUMERICAL if passed, else LOWER_BOUND with the reason.
    seed : int
        ``rng=seed`` repeats the test.
    """

    decided: bool
    count: int
    degree: int
    n_infinity: int
    missing: Complex
    section: MonodromyResult | None
    tracked: int
    evidence: Evidence
    seed: int

    @property
    def passed(self) -> bool:
        """Whether the solutions given are complete: the curve has no more points over their parameters."""
        return self.decided and not self.missing.shape[1]

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "not passed"
        missing = f", {self.missing.shape[1]} missing" if self.missing.shape[1] else ""
        return (
            f"CurveTest({verdict}: {noun_count(self.count, 'solution')}{missing}, degree {self.degree}, "
            f"{self.n_infinity} at infinity; {noun_count(self.tracked, 'path')})"
        )


def curve_test(
    system: System,
    solutions: Any,
    parameters: Any,
    *,
    image: Tape | None = None,
    sample: Callable[[np.random.Generator], Any] | None = None,
    max_loops: int = 50,
    options: TrackerOptions | None = None,
    rng: RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    store: str | os.PathLike[str] | Store | None = None,
) -> CurveTest:
    """Test whether solutions are complete in a family of which no linear trace is known.

    Parameters
    ----------
    system : System
        Square, with parameters.
    solutions : array_like of complex, shape (n, N)
        Regular solutions at `parameters`.
    parameters : array_like of complex, shape (k,)
        Generic ones.
    image, sample, max_loops, options, rng, progress, executor, threads, memory_limit, store
        As for `monodromy`.

    Returns
    -------
    CurveTest

    Raises
    ------
    InputError
        As for `monodromy`.

    Notes
    -----
    Over a line of parameters ``p + s d`` the solutions make up a curve in the space of pairs (y, s), y the image. Its
    points on a generic hyperplane are found by monodromy, and are complete by the trace test for parallel hyperplanes,
    which is valid for every curve [1]_. Then the hyperplane moves to ``s = 0``: those points that do not go to
    infinity are all solutions at p on the same irreducible components of the solution variety. The degree of the
    curve may be several times the number of solutions.

    References
    ----------
    .. [1] A. Leykin, J. I. Rodriguez, F. Sottile, Trace test, Arnold Math. J. 4 (2018).

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom.continuation.trace_curves import curve_test
    >>> family = ag.polynomial_system(["a*x^2 + b*x + c"], unknowns=["x"], parameters=["a", "b", "c"])
    >>> curve_test(family, [[1.0, 2.0]], [1, -3, 2], rng=0)
    CurveTest(passed: 2 solutions, degree 3, 1 at infinity; ... paths)
    >>> abs(curve_test(family, [[1.0]], [1, -3, 2], rng=0).missing - 2).max() < 1e-12
    np.True_
    """
    require_family(system, image, None, max_loops)
    base, points = checked_start(system, solutions, parameters)
    with opened(store) as kept:
        # A seed that is given may belong to a search on the same system, whose own seed the store keeps.
        seed = resumed_seed(None, kept, system.tape) if rng is None else resolve(rng)[0]
        line = _Line(system, image, base, points, sample, seed)
        common: dict[str, Any] = {"executor": executor, "threads": threads, "progress": progress}
        generic = line.random_slice(derive(seed, "curve section"))
        there = _carefully(line.curve, line.starts, line.fiber, generic, options, common, endgame=False)
        moved = there.solutions[:, there.succeeded]
        tracked = len(there)
        if not moved.shape[1]:
            return line.result(0, 0, _EMPTY, None, tracked, "no path to a generic hyperplane succeeded")
        section = monodromy(
            line.curve, moved, generic, image=line.image, sample=line.random_slice, trace=line.parallel,
            max_loops=max_loops, options=options, rng=int(derive(seed, "curve monodromy").integers(1 << 62)),
            memory_limit=memory_limit, store=kept, **common,
        )  # fmt: skip
        if section.interrupted:
            raise KeyboardInterrupt
        tracked += section.tracked
        if section.evidence.status is Status.LOWER_BOUND:
            why = f"the points on a generic hyperplane are not complete: {section.evidence.reason}"
            return line.result(section.count, 0, _EMPTY, section, tracked, why)
        back = _carefully(line.curve, section.solutions, generic, line.fiber, options, common, endgame=True)
        return line.compared(section, back, tracked + len(back))


_EMPTY: Complex = np.empty((0, 0), dtype=np.complex128)


class _Line:
    """The curve of solutions over a line of parameters, and hyperplanes that cut it.

    Unknowns are x and s; parameters p, d, and the coefficients a, b, c of the hyperplane ``a . y + b s = c``.
    """

    def __init__(
        self,
        system: System,
        image: Tape | None,
        base: Complex,
        points: Complex,
        sample: Callable[[np.random.Generator], Any] | None,
        seed: int,
    ) -> None:
        n, k = system.n_unknowns, system.n_parameters
        m = n if image is None else image.n_outputs
        self.points, self.base, self.seed = points, base, seed
        rng = derive(seed, "curve line")
        if sample is None:
            size = float(np.sqrt(np.mean(np.abs(base) ** 2) / 2)) or 1.0
            draw = rng.standard_normal((2, k))
            other = size * (draw[0] + 1j * draw[1])
        else:
            other = drawn("sample", sample, rng, k)
        self._fixed = np.concatenate([base, other - base])
        builder = TapeBuilder(n + 1 + 2 * k + m + 2)
        x, s = builder.inputs[:n], builder.inputs[n]
        p, d, rest = (builder.inputs[n + 1 :][part] for part in (slice(k), slice(k, 2 * k), slice(2 * k, None)))
        inputs = [*x, *(builder.add(a, builder.mul(s, b)) for a, b in zip(p, d, strict=True))]
        y = x if image is None else builder.append(image, inputs)
        plane = builder.sub(builder.dot(rest[: m + 1], [*y, s]), rest[m + 1])
        self.curve = System(builder.build([*builder.append(system.tape, inputs), plane]), n + 1)
        self.image = builder.build([*y, s])
        self.starts = np.concatenate([points, np.zeros((1, points.shape[1]))])
        self._image_of_family = image
        self._images = self._imaged(points)
        sizes = np.abs(self._images).mean(axis=1)
        # All coordinates contribute alike to a hyperplane.
        self._scales = np.concatenate([1.0 / np.where(sizes > 0, sizes, 1.0), [1.0, 1.0]])
        #: The hyperplane s = 0.
        self.fiber = np.concatenate([self._fixed, np.zeros(m), [1.0, 0.0]])

    def _imaged(self, points: Complex) -> Complex:
        """Images of points over the parameters."""
        if self._image_of_family is None:
            return points
        return self._image_of_family.evaluate(
            np.concatenate([points, np.repeat(self.base[:, None], points.shape[1], axis=1)])
        )

    def random_slice(self, rng: np.random.Generator) -> Complex:
        """Parameters of a random hyperplane."""
        draw = rng.standard_normal((2, self._scales.size))
        return np.concatenate([self._fixed, self._scales * (draw[0] + 1j * draw[1])])

    def parallel(self, rng: np.random.Generator) -> Complex:
        """A direction in which hyperplanes stay parallel."""
        draw = rng.standard_normal(2)
        return np.concatenate([np.zeros(self._fixed.size + self._scales.size - 1), [draw[0] + 1j * draw[1]]])

    def compared(self, section: MonodromyResult, back: PathResults, tracked: int) -> CurveTest:
        """Compare what ends over the parameters with what is known there."""
        ended = back.succeeded
        n_infinity = int(np.sum(back.codes == ReturnCode.AT_INFINITY))
        undecided = len(back) - int(ended.sum()) - n_infinity
        ends = np.ascontiguousarray(back.solutions[:-1, ended])
        index = PointIndex(self._images.shape[0])
        known = index.add(self._images).max(initial=-1) + 1
        numbers = index.add(self._imaged(ends))
        fresh = np.unique(numbers[numbers >= known], return_index=True)[1]
        missing = ends[:, numbers >= known][:, fresh]
        lost = known - np.unique(numbers[numbers < known]).size
        reasons = []
        if undecided:
            reasons.append(f"the ends of {noun_count(undecided, 'path')} are not known")
        if lost:
            reasons.append(
                f"no path ends at {lost} of the solutions given, which lie on components that the curve does not have"
            )
        return self.result(section.count, n_infinity, missing, section, tracked, "; ".join(reasons))

    def result(
        self,
        degree: int,
        n_infinity: int,
        missing: Complex,
        section: MonodromyResult | None,
        tracked: int,
        objection: str,
    ) -> CurveTest:
        """The outcome; decided if there is no objection."""
        count = self.points.shape[1]
        found = count + (missing.shape[1] if missing.size else 0)
        reason = objection or (
            f"the curve of solutions over a line of parameters has degree {degree} by a trace test, and {found} of its "
            f"points on a hyperplane stay finite when that moves to the fiber, {n_infinity} do not"
        )
        if found > count:
            reason += f"; {found - count} of the {found} were not known before"
        return CurveTest(
            decided=not objection,
            count=count,
            degree=degree,
            n_infinity=n_infinity,
            missing=missing if missing.size else np.empty((self.points.shape[0], 0), dtype=np.complex128),
            section=section,
            tracked=tracked,
            evidence=Evidence(Status.LOWER_BOUND if objection or found > count else Status.NUMERICAL, math.nan, reason),
            seed=self.seed,
        )


def _carefully(
    system: System,
    starts: Complex,
    here: Complex,
    there: Complex,
    options: TrackerOptions | None,
    common: dict[str, Any],
    *,
    endgame: bool,
) -> PathResults:
    """Track paths; those that fail, or end together, once more with conservative options."""
    results = track(system, starts, here, there, options=options, endgame=endgame, **common)
    ended = np.flatnonzero(results.succeeded)
    numbers = PointIndex(starts.shape[0]).add(results.solutions[:, ended])
    again = (results.codes != ReturnCode.AT_INFINITY) & ~results.succeeded
    again[ended] |= np.bincount(numbers, minlength=1)[numbers] > 1
    chosen = np.flatnonzero(again)
    if not chosen.size:
        return results
    careful = track(
        system, starts[:, chosen], here, there, options=TrackerOptions.conservative(), endgame=endgame, **common
    )
    return results.replaced(chosen, careful)

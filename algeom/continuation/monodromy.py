"""Solving a family of systems by monodromy: from one solution to all that continuation around loops leads to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from algeom.continuation.monodromy_graph import Family, Int
from algeom.continuation.monodromy_paths import PathRunner
from algeom.continuation.monodromy_search import Search
from algeom.continuation.monodromy_start import checked_start, require_family
from algeom.continuation.systems import Complex, System
from algeom.continuation.trace_sums import TraceTest
from algeom.continuation.tracker import ReturnCode, TrackerOptions
from algeom.evidence import Evidence
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.maps import Tape
from algeom.maps.tape import noun_count
from algeom.runtime import memory
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState
from algeom.runtime.store import Store

if TYPE_CHECKING:
    from algeom.continuation.trace_curves import CurveTest


@dataclass(frozen=True, eq=False, repr=False)
class MonodromyResult:
    """Solutions found by monodromy. Its arrays are read-only.

    Attributes
    ----------
    solutions : ndarray of complex128, shape (n, N)
        One solution for each image, at `parameters`, in the order in which they were found.
    parameters : ndarray of complex128, shape (k,)
        Those given.
    images : ndarray of complex128, shape (m, N)
        What tells the solutions apart; the solutions themselves unless an image was given.
    evidence : Evidence
        For the statement that the solutions are all those on the irreducible components of the solution variety
        ``{(x, p): F(x; p) = 0}`` on which the starts lie. NUMERICAL after a trace test or with the expected count,
        else LOWER_BOUND; the reason says which, and what to do.
    trace : TraceTest, CurveTest or None
        The last test of completeness; None if there was none.
    loops : int
        Independent loops in the graph of segments tracked.
    tracked : int
        Paths tracked, those of the trace test included.
    retracked : int
        Paths tracked again with conservative options, since they failed or contradicted each other.
    failures : dict from ReturnCode to int
        Failures of paths, by reason, before and after that.
    estimate : float
        How many solutions there seem to be, from the fraction of known ones among the last arrivals (capture and
        recapture); NaN if nothing arrived.
    most_known : int
        The largest number of solutions known at one of the random parameters that loops went through. If it is larger
        than the number of solutions found at the given ones, these are special, or nearly so.
    permutations : tuple of ndarray of int64, shape (N,)
        How each loop permutes the solutions, -1 where a path was not needed or failed. They generate a subgroup of the
        Galois group of the family.
    seed : int
        ``rng=seed`` repeats the run.
    interrupted : bool
        Stopped by Ctrl-C: what is there was found until then.
    seconds : float
        Wall time.
    """

    solutions: Complex
    parameters: Complex
    images: Complex
    evidence: Evidence
    trace: TraceTest | CurveTest | None
    loops: int
    tracked: int
    retracked: int
    failures: dict[ReturnCode, int]
    estimate: float
    most_known: int
    permutations: tuple[Int, ...]
    seed: int
    interrupted: bool
    seconds: float

    @property
    def count(self) -> int:
        """Number of solutions with different images."""
        return int(self.solutions.shape[1])

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        stopped = ", INTERRUPTED" if self.interrupted else ""
        return (
            f"MonodromyResult({noun_count(self.count, 'solution')}, {self.evidence.status}; "
            f"{noun_count(self.tracked, 'path')}, {noun_count(self.loops, 'loop')}{stopped})"
        )

    def __str__(self) -> str:
        lines = [repr(self), f"{self.evidence!r}"]
        if self.trace is not None:
            lines.append(repr(self.trace))
        if self.failures:
            failed = ", ".join(f"{number} {code}" for code, number in self.failures.items())
            lines.append(f"failed paths: {failed}; {noun_count(self.retracked, 'path')} tracked again")
        return "\n".join(lines)


def monodromy(
    system: System,
    start: Any,
    parameters: Any,
    *,
    image: Tape | None = None,
    sample: Callable[[np.random.Generator], Any] | None = None,
    trace: Callable[[np.random.Generator], Any] | Literal["curve"] | None = None,
    group_actions: Sequence[Callable[[Complex], Any]] = (),
    expected: int | None = None,
    max_loops: int = 50,
    options: TrackerOptions | None = None,
    rng: RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    store: str | os.PathLike[str] | Store | None = None,
) -> MonodromyResult:
    """Find the solutions that are connected to a known one, by continuation along loops in parameter space.

    Parameters
    ----------
    system : System
        Square, with parameters.
    start : array_like of complex, shape (n,) or (n, B)
        Regular solutions at `parameters`; one is enough if the solution variety is irreducible.
    parameters : array_like of complex, shape (k,)
        Generic ones.
    image : Tape, optional
        On the inputs of ``system.tape`` (unknowns, then parameters): solutions with equal image count as one, and only
        one of them is tracked. By default the unknowns.
    sample : callable, optional
        Takes a ``numpy.random.Generator``, returns generic parameters, shape (k,). By default independent complex
        normal numbers of the mean size of `parameters`; families whose parameters satisfy relations, or are of very
        different sizes, need their own. The more of the parameters vary, the fewer loops are needed.
    trace : callable or "curve", optional
        Takes a ``numpy.random.Generator``, returns a random direction, shape (k,), along which the sum of the images
        over a complete set of solutions is affine linear; see `trace_test` for when that is. Its length is adapted to
        that of `parameters`. Linearity of the sum alone proves nothing for families with symmetric solutions, where
        subsets share it: see the notes. With "curve" completeness is tested by `curve_test`, which is valid for every
        family, and takes several times as many paths. Without it there is no test of completeness.
    group_actions : sequence of callable, optional
        Polynomial symmetries: take solutions (n, B), return the solutions, at the same parameters, to which group
        elements carry them, (n, B) or (n, k*B) element by element. Of each orbit one path is tracked.
    expected : int, optional
        The number of solutions, known by a theorem. Reaching it ends the search.
    max_loops : int
        Most independent loops in the graph.
    options : TrackerOptions, optional
    rng : int, numpy.random.Generator or None
    progress : bool or callable
        Each step tells how many solutions are ``found``, the number of ``loops``, and an ``estimate`` of the total.
    executor, threads : optional
        Where paths are tracked; threads of this process by default. The result does not depend on it.
    memory_limit : int or str, optional
        Refuse to start, or stop, when more memory would be needed.
    store : path or Store, optional
        Finished paths are kept there: a run that was killed resumes where it was.

    Returns
    -------
    MonodromyResult

    Raises
    ------
    InputError
        If the system is not square or has no parameters, a start is no regular solution, an argument has a wrong
        shape or is not finite, or more solutions exist than were expected.
    ResourceError
        If memory is short from the beginning.

    Notes
    -----
    The solutions over generic parameters are the nodes' fibers of a graph whose edges are segments in parameter space
    [1]_. It begins as two triangles that share an edge; every edge is tracked once for each solution and read in both
    directions, until it matches all that is known at its ends. With `trace`, three of the nodes are ``p``, ``p + d``
    and ``p - d`` for a direction d, so that the sums of the trace test [2]_ are there as soon as these have as many
    solutions, at no further cost: about 5 N paths are tracked for N solutions. While the test fails, further nodes
    and edges are added, a loop at a time; varieties of low genus, where few branch points connect many solutions, need
    the most of them.

    The trace test compares sums at three parameters only. In a family whose solutions are exchanged by a symmetry that
    the images do not forget (x and -x, or an orbit under roots of unity), the sum over an orbit is constant, and a
    union of orbits passes without being complete. Sums that vanish are refused; other such identities are not seen.
    Use ``trace="curve"`` there, or test the result with `trace_test` and four or more abscissae, which adds sums of
    powers, or choose an image on which the symmetry acts trivially.

    Stopped by Ctrl-C, the search returns what it has found, with ``interrupted`` true and a LOWER_BOUND. So does
    `degree` while it looks for points; `contains` and the tests of a trace on their own raise KeyboardInterrupt.

    Paths that lead different solutions to one have jumped; they are tracked again with conservative options, as are
    those that fail. What still fails on one edge is found on another.

    A solution variety with several components is not recognized: loops never leave the component of a start. If
    another one is known, give starts on it too, or the `expected` number of all.

    References
    ----------
    .. [1] T. Duff, C. Hill, A. Jensen, K. Lee, A. Leykin, J. Sommars, Solving polynomial systems via homotopy
       continuation and monodromy, IMA J. Numer. Anal. 39 (2019).
    .. [2] A. Leykin, J. I. Rodriguez, F. Sottile, Trace test, Arnold Math. J. 4 (2018).

    Examples
    --------
    Planes that meet the twisted cubic: all planes ``c0 + c1 t + c2 t^2 + c3 t^3 = 0`` intersect it three times. Moving
    the plane parallel to itself, which is to change c0, gives a trace test.

    >>> import algeom as ag
    >>> from algeom.continuation.monodromy import monodromy
    >>> plane = ag.polynomial_system(["c0 + c1*t + c2*t^2 + c3*t^3"], unknowns=["t"],
    ...     parameters=["c0", "c1", "c2", "c3"])
    >>> curve = ag.polynomial_map(["t", "t^2", "t^3"], parameters=["t", "c0", "c1", "c2", "c3"]).tape
    >>> found = monodromy(plane, [1], [-6, 1, 2, 3], image=curve, rng=0,
    ...     trace=lambda rng: [complex(*rng.standard_normal(2)), 0, 0, 0])
    >>> found.count, found.evidence.status, found.trace.passed
    (3, <Status.NUMERICAL: 'numerical'>, True)
    """
    begin = time.perf_counter()
    require_family(system, image, expected, max_loops)
    options = TrackerOptions.default() if options is None else options
    base, starts = checked_start(system, start, parameters)
    with opened(store) as kept, reporter(progress) as report:
        seed = resumed_seed(rng, kept, system.tape)
        runner = PathRunner(system, store=kept, executor=executor, threads=threads, report=report)
        search = Search(
            Family(system, image, tuple(group_actions), _scale(image, starts, base)),
            base,
            sample=sample,
            trace=None if trace == "curve" else trace,
            expected=expected,
            max_loops=max_loops,
            options=options,
            seed=seed,
            runner=runner,
            report=report,
        )
        if trace == "curve":
            search.curve_test = partial(
                _curve_test, system, parameters=base, image=image, sample=sample, max_loops=max_loops, options=options,
                executor=executor, threads=threads, memory_limit=memory_limit, store=kept,
            )  # fmt: skip
        known = max(expected or 1, starts.shape[1])
        memory.require(
            search.bytes_for(known), memory_limit, f"monodromy with {noun_count(known, 'solution')}",
            "find the solutions in parts, or raise the limit",
        )  # fmt: skip
        evidence = search.run(starts, memory.parse_limit(memory_limit))
        graph = search.graph
        return MonodromyResult(
            solutions=_read_only(graph.nodes[0].solutions),
            parameters=_read_only(base),
            images=_read_only(graph.nodes[0].images),
            evidence=evidence,
            trace=search.trace,
            loops=search.loops,
            tracked=runner.tracked,
            retracked=search.retracked,
            failures={code: search.failures[code] for code in sorted(search.failures)},
            estimate=float(graph.estimate),
            most_known=search.most(),
            permutations=graph.permutations(),
            seed=seed,
            interrupted=search.interrupted,
            seconds=time.perf_counter() - begin,
        )


def _read_only(array: Complex) -> Complex:
    kept = array.copy()
    kept.flags.writeable = False
    return kept


def _scale(image: Tape | None, starts: Complex, base: Complex) -> float:
    """Size below which differences of images are absolute: that of the starts, if it is small."""
    inputs = np.concatenate([starts, np.repeat(base[:, None], starts.shape[1], axis=1)])
    images = starts if image is None else image.evaluate(inputs)
    return min(1.0, float(np.median(np.abs(images).max(axis=0)))) or 1.0


def _curve_test(system: System, solutions: Complex, **options: Any) -> CurveTest:
    from algeom.continuation.trace_curves import curve_test

    return curve_test(system, solutions, **options)

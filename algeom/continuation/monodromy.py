"""Solving a family of systems by monodromy: from one solution to all that continuation around loops leads to."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.continuation.monodromy_graph import FAILED, LOST, UNKNOWN, Batch, Family, Graph, Int
from algeom.continuation.monodromy_paths import PathRunner
from algeom.continuation.monodromy_start import checked_start, drawn, require_family
from algeom.continuation.systems import Complex, System
from algeom.continuation.trace_sums import ImagedPoints, TraceTest, linear_trace
from algeom.continuation.tracker import ReturnCode, TrackerOptions, newton
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.maps import Tape
from algeom.maps.tape import noun_count
from algeom.runtime import memory
from algeom.runtime.progress import Progress, Reporter, reporter
from algeom.runtime.seeds import RandomState, derive
from algeom.runtime.store import Store

#: Loops, and paths along them, in sequence without a new solution, after which the search stops where nothing tests
#: completeness. So many paths take a moment only, and few solutions are often connected by few loops.
_PATIENCE, _PATIENCE_PATHS = 4, 200

#: Random parameters from which a node is chosen. With one, families of few parameters take twice as many loops.
_CANDIDATES = 16

#: Length of the line of the trace test, in units of the parameters that it moves. The triangles on it then enclose more
#: of the discriminant: ED degrees of Segre varieties then take 5 to 6 paths a solution, instead of 6 to 10 at length 1.
_LINE = 4.0

#: Bytes of state that a path takes in the tracker besides its points and parameters.
_PATH_BYTES = 400


@dataclass(frozen=True, eq=False, repr=False)
class MonodromyResult:
    """Solutions found by monodromy.

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
    trace : TraceTest or None
        The last trace test; None if none was possible.
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
    trace: TraceTest | None
    loops: int
    tracked: int
    retracked: int
    failures: dict[ReturnCode, int]
    estimate: float
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
    trace: Callable[[np.random.Generator], Any] | None = None,
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
    trace : callable, optional
        Takes a ``numpy.random.Generator``, returns a random direction, shape (k,), along which the sum of the images
        over a complete set of solutions is affine linear; see `trace_test` for when that is. Its length is adapted to
        that of `parameters`. Without it no test of completeness exists.
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
    solutions, at no further cost: about 5 N paths are tracked for N solutions. While the test fails, nodes are added
    with two edges each.

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
    Lines that meet the twisted cubic: all planes ``c0 + c1 t + c2 t^2 + c3 t^3 = 0`` intersect it three times. Moving
    the plane parallel to itself, which is to change c0, gives a trace test.

    >>> import algeom as ag
    >>> from algeom.continuation.monodromy import monodromy
    >>> plane = ag.polynomial_system("c0 + c1*t + c2*t^2 + c3*t^3".split("="), unknowns=["t"],
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
        runner = PathRunner(
            system, store=kept, executor=executor, threads=threads, report=report,
        )  # fmt: skip
        images = starts if image is None else image.evaluate(np.concatenate([starts, _repeated(base, starts.shape[1])]))
        scale = min(1.0, float(np.median(np.abs(images).max(axis=0)))) or 1.0
        search = _Search(
            Family(system, image, tuple(group_actions), scale), base, sample, trace, expected, max_loops, options, seed,
            runner, report,
        )  # fmt: skip
        known = max(expected or 1, starts.shape[1])
        memory.require(
            search.bytes_for(known), memory_limit, f"monodromy with {noun_count(known, 'solution')}",
            "find the solutions in parts, or raise the limit",
        )  # fmt: skip
        return search.run(starts, memory.parse_limit(memory_limit), begin)


def _repeated(vector: Complex, count: int) -> Complex:
    return np.repeat(vector[:, None], count, axis=1)


class _Search:
    """State of one monodromy computation."""

    def __init__(
        self,
        family: Family,
        base: Complex,
        sample: Callable[[np.random.Generator], Any] | None,
        trace: Callable[[np.random.Generator], Any] | None,
        expected: int | None,
        max_loops: int,
        options: TrackerOptions,
        seed: int,
        runner: PathRunner,
        report: Reporter,
    ) -> None:
        self.system = family.system
        self.graph = Graph(family, base)
        self.expected = expected
        self.max_loops = max_loops
        self.options = options
        self.seed = seed
        self.runner = runner
        self.report = report
        self.trace: TraceTest | None = None
        self.retracked = 0
        self.failures: Counter[ReturnCode] = Counter()
        self.loops = 0
        self._sample = sample
        self._size = float(np.sqrt(np.mean(np.abs(base) ** 2) / 2)) or 1.0
        self._tested = 0
        self.has_trace = trace is not None
        direction = None if trace is None else self._line(trace)
        for number in (1, 2, 3):
            if direction is None or number == 3:
                parameters = self._drawn_node()
            else:
                parameters = base + (direction if number == 1 else -direction)
            self.graph.add_node(parameters)
            self.graph.join(0, number)
        # The spanning tree is there; each edge from now on closes a loop.
        for _ in range(min(2, max_loops)):
            self._add_loop()

    def _line(self, trace: Callable[[np.random.Generator], Any]) -> Complex:
        """What the second node differs by from the first, and this from the third."""
        base = self.graph.nodes[0].parameters
        direction = drawn("trace", trace, derive(self.seed, "monodromy direction"), base.size)
        if not np.any(direction):
            raise InputError("trace returned the direction zero; along it nothing moves")
        length = float(np.linalg.norm(direction))
        return direction * (_LINE * max(float(np.linalg.norm(base[direction != 0])), length) / length)

    def _drawn_node(self) -> Complex:
        """Random parameters, of several candidates those that are most nearly opposite to the nodes there are.

        A loop through nodes on one side of a hyperplane encloses nothing on the other.
        """
        nodes = [node.parameters for node in self.graph.nodes]
        rng = derive(self.seed, "monodromy node", len(nodes))
        center = sum(node / (np.linalg.norm(node) or 1.0) for node in nodes)
        candidates = [self._random_parameters(rng) for _ in range(_CANDIDATES)]
        sides = [np.vdot(center, candidate).real / (np.linalg.norm(candidate) or 1.0) for candidate in candidates]
        return candidates[int(np.argmin(sides))]

    def _random_parameters(self, rng: np.random.Generator) -> Complex:
        k = self.system.n_parameters
        if self._sample is not None:
            return drawn("sample", self._sample, rng, k)
        draw = rng.standard_normal((2, k))
        return np.asarray(self._size * (draw[0] + 1j * draw[1]))

    def _add_loop(self) -> None:
        """One more edge between old nodes, which costs a path for each solution; else a node with two edges."""
        graph = self.graph
        self.loops += 1
        joined = {edge.ends for edge in graph.edges}
        if self.has_trace:
            # These lie on a line with node 0: the segment between them is no new way.
            joined.add((1, 2))
        last = len(graph.nodes) - 1
        # Those to the last node first: it has the fewest.
        free = [(i, j) for j in range(last, 0, -1) for i in range(1, j) if (i, j) not in joined]
        if free:
            graph.join(*free[0])
            return
        graph.add_node(self._drawn_node())
        graph.join(0, last + 1)
        graph.join(1, last + 1)

    def bytes_for(self, count: int) -> float:
        """Memory that a number of solutions at every node takes, and their paths."""
        n, k = self.system.n_unknowns, self.system.n_parameters
        node = self.graph.nodes[0]
        nodes = len(self.graph.nodes) * (32.0 * (n + node.n_coordinates) + 64)
        paths = len(self.graph.edges) * (64.0 * n + 96.0 * k + _PATH_BYTES)
        return count * (nodes + paths)

    def run(self, starts: Complex, allowed_bytes: int, begin: float) -> MonodromyResult:
        """Search until something says stop."""
        interrupted = False
        try:
            self.graph.nodes[0].add(starts)
            self.report.start("monodromy")
            evidence = self._search(allowed_bytes)
        except KeyboardInterrupt:
            interrupted = True
            evidence = self._lower_bound("interrupted; with a store, the same call resumes")
        graph = self.graph
        return MonodromyResult(
            solutions=graph.nodes[0].solutions,
            parameters=graph.nodes[0].parameters,
            images=graph.nodes[0].images,
            evidence=evidence,
            trace=self.trace,
            loops=self.loops,
            tracked=self.runner.tracked,
            retracked=self.retracked,
            failures={code: self.failures[code] for code in sorted(self.failures)},
            estimate=float(graph.estimate),
            permutations=graph.permutations(),
            seed=self.seed,
            interrupted=interrupted,
            seconds=time.perf_counter() - begin,
        )

    def _search(self, allowed_bytes: int) -> Evidence:
        fruitless, before, since = 0, -1, 0
        while True:
            evidence = self._verdict()
            if evidence is not None:
                return evidence
            batch, careful = self.graph.open_paths(UNKNOWN), False
            if not len(batch):
                batch, careful = self.graph.open_paths(FAILED), True
            if not len(batch):
                # Every edge matches all that is known at its ends: without another loop nothing can change.
                if self._most() == before:
                    fruitless += 1
                else:
                    fruitless, before, since = 0, self._most(), self.runner.tracked
                tested = self.has_trace or self.expected is not None
                patient = fruitless < _PATIENCE or self.runner.tracked - since < _PATIENCE_PATHS
                if not (tested or patient):
                    return self._stalled(f"the last {noun_count(fruitless, 'loop')} led to no new solution")
                if self.loops >= self.max_loops:
                    return self._stalled(f"the budget of {noun_count(self.loops, 'loop')} (max_loops) is used up")
                self._add_loop()
                continue
            needed = self.bytes_for(self._most() + len(batch))
            if needed > allowed_bytes:
                return self._lower_bound(
                    f"more than {noun_count(self._most(), 'solution')} need about {memory.format_bytes(needed)}, and "
                    f"the limit is {memory.format_bytes(allowed_bytes)} (memory_limit)"
                )
            self._step(batch, careful)

    def _most(self) -> int:
        """Largest number of solutions at a node."""
        return max(len(node) for node in self.graph.nodes)

    def _step(self, batch: Batch, careful: bool) -> None:
        """Track paths and enter their ends; those that contradict each other once more."""
        conflicts = self._tracked(batch, careful)
        if len(conflicts):
            # What also contradicts itself with small steps is left to other edges.
            self.graph.give_up(self._tracked(conflicts, True))

    def _tracked(self, batch: Batch, careful: bool) -> Batch:
        options = TrackerOptions.conservative() if careful else self.options
        info = {"found": self._most(), "loops": self.loops, "estimate": round(float(self.graph.estimate), 1)}
        ends = self.runner.run(*self.graph.segments(batch), options, info)
        self.retracked += len(batch) if careful else 0
        succeeded = ends.codes == ReturnCode.SUCCESS
        self.failures.update(ReturnCode(code) for code in ends.codes[~succeeded].tolist())
        return self.graph.record(batch, ends.points, succeeded, LOST if careful else FAILED)

    def _verdict(self) -> Evidence | None:
        """What is known for certain enough to stop."""
        count, expected = len(self.graph.nodes[0]), self.expected
        if expected is not None and self._most() > expected:
            raise InputError(
                f"expected={expected}, but {self._most()} different solutions were found: the number is wrong, or it "
                "does not count what the image tells apart"
            )
        if self._test_passed() and self.trace is not None:
            reason = self.trace.evidence.reason
            if expected is None or expected == count:
                scope = "all solutions on the components of the starts" if expected is None else "as many as expected"
                return Evidence(Status.NUMERICAL, math.nan, f"{reason}: {scope}")
            return self._lower_bound(
                f"{count} of {expected} expected solutions are all on the component of the start, since {reason}; "
                "give starts on the other components as well"
            )
        if count == expected:
            return Evidence(Status.NUMERICAL, math.nan, f"the expected number of {count} solutions was found")
        return None

    def _test_passed(self) -> bool:
        """Carry out the trace test if the three nodes on its line have got equally many solutions, more than before."""
        nodes = self.graph.nodes[:3]
        count = len(nodes[0])
        if not self.has_trace or count == self._tested or any(len(node) != count for node in nodes):
            return False
        matches = [np.arange(count), self.graph.map(0, 0), self.graph.map(1, 0)]
        followed = np.flatnonzero((matches[1] >= 0) & (matches[2] >= 0))
        if 2 * followed.size < count:
            return False
        self._tested = count
        ends = []
        for node in nodes:
            points, accuracy, _ = newton(self.system, node.solutions, node.parameters)
            ends.append(ImagedPoints.of(self.system, self.graph.family.image, points, node.parameters, accuracy))
        self.trace = linear_trace(
            ends,
            np.array([0.0, 1.0, -1.0], dtype=np.complex128),
            self.seed,
            followed=[match[followed] for match in matches],
            orbits=np.unique(nodes[0].orbits[followed], return_inverse=True)[1],
        )
        return self.trace.passed

    def _stalled(self, what: str) -> Evidence:
        count = len(self.graph.nodes[0])
        if self.expected is not None:
            advice = (
                f"{count} of {self.expected} expected solutions were found; the others may lie on another component of "
                "the solution variety (give a start there), or need more loops"
            )
        elif not self.has_trace:
            advice = "nothing tests whether they are all; give `trace` or `expected`, or more loops"
        elif self.trace is None:
            advice = "the trace test could not be carried out, since paths along its line failed"
        else:
            advice = f"the trace test is not passed: {self.trace.evidence.reason}"
        if count < self._most():
            advice += (
                f"; {self._most()} solutions are known at random parameters, but {count} at those given, which seem to "
                "be special: begin at generic ones, and track from there"
            )
        return self._lower_bound(f"{what}: {advice}")

    def _lower_bound(self, reason: str) -> Evidence:
        if self.failures:
            code, number = self.failures.most_common(1)[0]
            reason += f". {noun_count(number, 'path')} failed: {code}. {code.advice}"
        return Evidence(Status.LOWER_BOUND, math.nan, reason)

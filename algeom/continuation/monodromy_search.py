"""The search of a monodromy computation: which segments are tracked, and when it is over."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.continuation.monodromy_graph import FAILED, LOST, UNKNOWN, Batch, Family, Graph
from algeom.continuation.monodromy_paths import PathRunner
from algeom.continuation.monodromy_start import drawn
from algeom.continuation.systems import Complex
from algeom.continuation.trace_sums import ImagedPoints, TraceTest, linear_trace
from algeom.continuation.tracker import ReturnCode, TrackerOptions, newton
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps.tape import noun_count
from algeom.runtime import memory
from algeom.runtime.progress import Reporter
from algeom.runtime.seeds import derive

if TYPE_CHECKING:
    from algeom.continuation.trace_curves import CurveTest

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


class Search:
    """State of one monodromy computation."""

    def __init__(
        self,
        family: Family,
        base: Complex,
        *,
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
        self.trace: TraceTest | CurveTest | None = None
        self.curve_test: Callable[..., CurveTest] | None = None
        self.retracked = 0
        self.interrupted = False
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

    def run(self, starts: Complex, allowed_bytes: int) -> Evidence:
        """Search until something says stop; what is then known of the solutions at the first node."""
        try:
            self.graph.nodes[0].add(starts)
            self.report.start("monodromy")
            return self._search(allowed_bytes)
        except KeyboardInterrupt:
            self.interrupted = True
            return self._lower_bound("interrupted; with a store, the same call resumes")

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
                if self.most() == before:
                    fruitless += 1
                else:
                    fruitless, before, since = 0, self.most(), self.runner.tracked
                if self.curve_test is not None:
                    return self._tested_by_curve(self.curve_test)
                tested = self.has_trace or self.expected is not None
                patient = fruitless < _PATIENCE or self.runner.tracked - since < _PATIENCE_PATHS
                if not (tested or patient):
                    return self._stalled(f"the last {noun_count(fruitless, 'loop')} led to no new solution")
                if fruitless >= _PATIENCE and len(self.graph.nodes[0]) < self.most():
                    # What other nodes know does not come back here: a solution is almost singular at this node.
                    return self._stalled(f"the last {noun_count(fruitless, 'loop')} led to no new solution")
                if self.loops >= self.max_loops:
                    return self._stalled(f"the budget of {noun_count(self.loops, 'loop')} (max_loops) is used up")
                self._add_loop()
                continue
            needed = self.bytes_for(self.most() + len(batch))
            if needed > allowed_bytes:
                return self._lower_bound(
                    f"more than {noun_count(self.most(), 'solution')} need about {memory.format_bytes(needed)}, and "
                    f"the limit is {memory.format_bytes(allowed_bytes)} (memory_limit)"
                )
            self._step(batch, careful)

    def most(self) -> int:
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
        info = {"found": self.most(), "loops": self.loops, "estimate": round(float(self.graph.estimate), 1)}
        ends = self.runner.run(*self.graph.segments(batch), options, info)
        self.retracked += len(batch) if careful else 0
        succeeded = ends.codes == ReturnCode.SUCCESS
        self.failures.update(ReturnCode(code) for code in ends.codes[~succeeded].tolist())
        return self.graph.record(batch, ends.points, succeeded, LOST if careful else FAILED)

    def _verdict(self) -> Evidence | None:
        """What is known for certain enough to stop."""
        count, expected = len(self.graph.nodes[0]), self.expected
        if expected is not None and self.most() > expected:
            self._refuse(self.most())
        if self._test_passed() and self.trace is not None:
            return self._complete(self.trace.evidence.reason)
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

    def _tested_by_curve(self, curve_test: Callable[..., CurveTest]) -> Evidence:
        """Test completeness over a line of parameters, which finds what is missing."""
        first = self.graph.nodes[0]
        test = self.trace = curve_test(first.solutions, rng=int(derive(self.seed, "curve").integers(1 << 62)))
        self.runner.tracked += test.tracked
        first.add(test.missing)
        if self.expected is not None and len(first) > self.expected:
            self._refuse(len(first))
        if not test.decided:
            return self._lower_bound(test.evidence.reason)
        return self._complete(test.evidence.reason)

    def _complete(self, reason: str) -> Evidence:
        """What a test that is passed says."""
        count = len(self.graph.nodes[0])
        if self.expected is None or self.expected == count:
            scope = "all solutions on the components of the starts" if self.expected is None else "as many as expected"
            return Evidence(Status.NUMERICAL, math.nan, f"{reason}: {scope}")
        return self._lower_bound(
            f"{count} of {self.expected} expected solutions are all on the components of the starts, since {reason}; "
            "give starts on the others as well"
        )

    def _refuse(self, found: int) -> None:
        raise InputError(
            f"expected={self.expected}, but {found} different solutions were found: the number is wrong, or it does "
            "not count what the image tells apart"
        )

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
        if count < self.most():
            advice += (
                f"; {self.most()} solutions are known at random parameters, but {count} at those given, which seem to "
                "be special: begin at generic ones, and track from there"
            )
        return self._lower_bound(f"{what}: {advice}")

    def _lower_bound(self, reason: str) -> Evidence:
        if self.failures:
            code, number = self.failures.most_common(1)[0]
            reason += f". {noun_count(number, 'path')} failed: {code}. {code.advice}"
        return Evidence(Status.LOWER_BOUND, math.nan, reason)

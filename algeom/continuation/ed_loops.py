"""Monodromy of critical points of a distance, moving data and generic weights; tests of completeness."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.ed_result import EDDegree
from algeom.continuation.ed_system import CriticalEquations, Weights, generic_weights, start_pair, typical_size
from algeom.continuation.gauge import Gauge
from algeom.continuation.monodromy import monodromy
from algeom.continuation.monodromy_start import checked_start
from algeom.continuation.systems import Complex
from algeom.continuation.trace import TraceTest, trace_test
from algeom.continuation.trace_curves import curve_test
from algeom.continuation.tracker import TrackerOptions
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps.builder import TapeBuilder
from algeom.maps.tape import Tape, noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

#: Loops that have to find nothing new: after a linear trace at weights that are not generic (a subset whose sum is
#: linear by a symmetry is moved by at least every second loop), and after paths from generic weights.
CONFIRMING_LOOPS = 8

#: Lines along which the test of squares is tried, and data that a search may begin at.
_LINES, _MOST_STARTS = 3, 4


#: Length, relative to that of the image, below which points are compared absolutely: critical points near the origin
#: are close to each other where the map has a high order there, (t^9, t^13) say, and rounding errors are far smaller.
_NEAR_ORIGIN = 1e-6


@dataclass(frozen=True)
class Run:
    """What all steps of one computation share: arguments of the public verbs."""

    seed: int
    options: TrackerOptions | None
    executor: Executor | None
    memory_limit: Any
    store: Any
    progress: Progress
    threads: int | None = None


class Loops:
    """Monodromy of the data at fixed weights, in as many runs as the budget of loops allows."""

    def __init__(self, slice_: Gauge, weights: Weights, run: Run, max_loops: int) -> None:
        self.equations = CriticalEquations.of(slice_, matrix=weights.is_matrix)
        self.slice = slice_
        self.weights = weights
        self.run = run
        self.max_loops = max_loops
        self.fixed = weights.parameters(self.equations.matrix).astype(np.complex128)
        self.m = slice_.map.n_coordinates
        self.starts = 0
        self._begin()
        length = typical_size(slice_.map, seeds.derive(run.seed, "size"))
        self.size = length / math.sqrt(self.m)
        self.near_origin = _NEAR_ORIGIN * length
        self.image = _scaled(self.equations.image, 1 / self.near_origin)
        self.loops = self.tracked = 0
        self.interrupted = self.behind = False
        self.dropped = 0
        self.trace: TraceTest | None = None

    def _begin(self) -> None:
        """One known point, and data for which it is critical; other data each time."""
        labels = ("start", self.starts) if self.starts else ("start",)
        tau, self.u = start_pair(self.slice.map, self.weights, seeds.derive(self.run.seed, *labels))
        self.tau = tau[:, None]
        self.starts += 1

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

    def _usable(self) -> NDArray[np.bool_]:
        """Which of the points monodromy takes for regular solutions."""
        good = np.zeros(self.count, dtype=np.bool_)
        parts = [np.arange(self.count)]
        while parts:
            part = parts.pop()
            try:
                checked_start(self.equations.system, self.tau[:, part], self.parameters)
            except InputError:
                if part.size > 1:
                    parts += np.array_split(part, 2)
                continue
            good[part] = True
        return good

    def go_on(self, max_loops: int, *, trace: bool, expected: int | None = None) -> Evidence:
        """One more run, from all the points found so far."""
        run = self.run
        usable = self._usable()
        self.dropped += int(np.count_nonzero(~usable))
        self.tau = self.tau[:, usable]
        if not self.count:
            return Evidence(Status.LOWER_BOUND, math.nan, "no point is regular enough to continue from")
        try:
            found = monodromy(
                self.equations.system,
                self.tau,
                self.parameters,
                image=self.image,
                sample=self._sample,
                trace=self._direction if trace else None,
                expected=expected,
                max_loops=max_loops,
                options=run.options,
                rng=self._seed("loops"),
                progress=run.progress,
                executor=run.executor,
                threads=run.threads,
                memory_limit=run.memory_limit,
                store=run.store,
            )
        except InputError as error:
            if expected is None:
                raise
            raise InputError(f"upper_count={expected} for {self.weights}: {error}") from error
        self.tau = found.solutions
        self.behind = found.most_known > found.count
        self.trace = found.trace if isinstance(found.trace, TraceTest) else self.trace
        self.interrupted |= found.interrupted
        self.loops += found.loops
        self.tracked += found.tracked
        return found.evidence

    def complete(self, *, expected: int | None = None) -> Evidence:
        """Run until a trace test is passed, or there are as many points as expected, or the budget is used up."""
        while True:
            if self.interrupted or not self.count:
                return Evidence(Status.LOWER_BOUND, math.nan, "no further loops")
            evidence = self.go_on(max(2, self.max_loops - self.loops), trace=True, expected=expected)
            # A run gives up when a few loops in a row led nowhere; others begin elsewhere, and in other directions.
            if evidence.status is not Status.LOWER_BOUND or self.interrupted or self.loops >= self.max_loops:
                return evidence
            if self.behind and self.starts < _MOST_STARTS:
                # Other data know more points: one is almost singular here.
                self._begin()

    def has_more(self) -> bool:
        """Whether further loops lead to a point beyond those known."""
        known, begin, dropped = self.count, self.loops, self.dropped
        while self.count == known and self.loops < begin + CONFIRMING_LOOPS and not self.interrupted:
            self.go_on(CONFIRMING_LOOPS, trace=False)
            known -= self.dropped - dropped
            dropped = self.dropped
            if not self.count:
                return False
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
                image=self.image,
                abscissae=(1.0, -1.0, 1j),
                options=self.run.options,
                rng=int(rng.integers(1 << 62)),
                executor=self.run.executor,
                threads=self.run.threads,
            )
            self.tracked += test.tracked
            if not test.failures:
                break
        return test

    def test_on_curve(self) -> Evidence:
        """Test of completeness on the curve of all (y, s) for data u + s d, and the points that it adds."""
        run = self.run
        test = curve_test(
            self.equations.system,
            self.tau,
            self.parameters,
            image=self.image,
            sample=self._sample,
            options=run.options,
            rng=self._seed("curve"),
            progress=run.progress,
            executor=run.executor,
            threads=run.threads,
            memory_limit=run.memory_limit,
            store=run.store,
        )
        self.tau = np.hstack([self.tau, test.missing])
        self.tracked += test.tracked
        what = f"{noun_count(self.count, 'critical point')} for {self.weights}"
        if not test.decided:
            return Evidence(Status.LOWER_BOUND, math.nan, f"{what}: {test.evidence.reason}")
        reason = f"{what}: all points over u on a curve of degree {test.degree}, with a linear trace of its sections"
        return Evidence(Status.NUMERICAL, math.nan, reason)

    def result(self, evidence: Evidence) -> EDDegree:
        """What was found."""
        slice_ = self.equations.gauge
        if self.interrupted:
            evidence = Evidence(Status.LOWER_BOUND, math.nan, "interrupted; with a store, the same call resumes")
        elif self.dropped and evidence.status is not Status.LOWER_BOUND:
            why = f"{noun_count(self.dropped, 'point')} were too close to singular ones to continue from"
            evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{evidence.reason}; but {why}; try another rng")
        return EDDegree(
            value=self.count,
            weights=self.weights,
            lost={},
            generic=None,
            method="direct",
            gauge=slice_,
            data=self.u,
            tau=self.tau,
            theta=slice_.lift(self.tau),
            points=np.asarray(slice_.map(self.tau)),
            trace=self.trace,
            loops=self.loops,
            tracked=self.tracked,
            evidence=evidence,
            interrupted=self.interrupted,
            seed=self.run.seed,
            seconds=0.0,
        )


def _scaled(image: Tape, factor: float) -> Tape:
    """An image in another unit of length: that below which solutions are compared absolutely is one."""
    builder = TapeBuilder(image.n_inputs)
    unit = builder.literal(2.0 ** math.ceil(math.log2(factor)))
    return builder.build([builder.mul(unit, y) for y in builder.append(image, builder.inputs)])


def _complex_normal(rng: np.random.Generator, count: int) -> Complex:
    return np.asarray((rng.standard_normal(count) + 1j * rng.standard_normal(count)) / math.sqrt(2))

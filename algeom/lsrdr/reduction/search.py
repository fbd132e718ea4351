"""The search for fixed points from many starts at once: steps that adapt, acceleration at the end, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import Counted
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.acceleration import Anderson
from algeom.lsrdr.reduction.endings import Ending, Endpoint, History
from algeom.lsrdr.reduction.iteration import (
    Directions,
    Move,
    compiled_matrices,
    directions,
    move,
    move_along,
    moved,
    structured,
)
from algeom.lsrdr.reduction.lanes import StepCode, lane_steps
from algeom.lsrdr.reduction.projections import State, distance, inner_product, inverse, transported
from algeom.lsrdr.reduction.starts import Field

__all__ = ["UNSTABLE", "Search", "SearchOptions"]

Float = NDArray[np.float64]
Int = NDArray[np.intp]

# Steps are in units of the rank, as G and H of trace 1 have norms of about 1/d. The constants were set by
# benchmarks/lsrdr_steps.py: numbers of steps, in the geometric mean over its tuples, which change little with them.

#: First, least and largest step; by what they grow while increments point in one direction (cosine above the bound),
#: and shrink when they turn back.
_FIRST, _LEAST, _LARGEST = 1.0, 0.05, 20.0
_GROW, _SHRINK, _ALIGNED = 1.3, 0.5, 0.8

#: Steps are halved, at most so often, until P moves by no more than its norm and its norm grows by no more than this:
#: oblique projections come from steps that are too long. It costs no application.
_LONGEST, _STRETCH, _HALVINGS = 1.0, 1.5, 12

#: Share of the last increment that is added to the present one, if the cosine of their angle exceeds the bound: it
#: leads through the flat parts around saddles, where increments hardly change.
_MOMENTUM, _AGREEING = 0.75, 0.5

#: Share of the last G and H that is kept while steps adapt: without, eigenvalues near -lambda make P oscillate.
_INERTIA = 0.2

#: Steps within which acceleration works: the longest that the plain iteration takes where it contracts.
_ACCELERATED_LEAST, _ACCELERATED_LARGEST = 3.0, 10.0

#: Residual below which acceleration is tried, and plain steps before. After each failure the first is divided by 3 and
#: the second doubled; after so many failures the plain iteration goes on alone.
_GATE, _PLAIN_STEPS, _FAILURES = 5e-3, 5, 8

#: Acceleration has failed when the residual is so many times that of its start, or was not halved in so many steps.
_WORSE, _PATIENCE = 3.0, 30

#: A residual that does not fall by this factor in so many plain steps, or was not halved while accelerated, is as small
#: as rounding permits if it is below the bound. If it is larger, and after more steps, the start goes in circles.
_LESS, _PLAIN_PATIENCE, _ROUNDING, _HOPELESS = 0.95, 500, 1e-11, 10_000

#: Growth above which a fixed point is taken for a saddle and left; how far, relative to P; plain steps before the next
#: acceleration; departures in all.
UNSTABLE, _DEPARTURE, _DEPARTURE_STEPS, _DEPARTURES = 1.001, 0.1, 15, 4

#: Relative distance below which a start has come back to the fixed point that it left.
_BACK = 1e-6

#: Norm of P beyond which it is on its way to infinity: fixed points that were seen have norms below 100 sqrt(d).
_FAR = 1e6

#: Steps in compiled lanes between two looks at the residual.
_LANE_STEPS = 32
_OF_LANES = {
    StepCode.TRACE_VANISHED: Ending.TRACE_ZERO,
    StepCode.RANK_COLLAPSED: Ending.DIVERGED,
    StepCode.NOT_FINITE: Ending.DIVERGED,
}

#: Trace of G or H relative to the norm, below which it is zero up to rounding and cannot be normalized.
_TRACE = 1e-13


@dataclass(frozen=True)
class SearchOptions:
    """How to search.

    Attributes
    ----------
    t : float or None
        The step of the plain iteration in the normalization of `directions`; None to adapt it.
    accelerate : bool
    tolerance : float
        Residual at which a start has converged.
    max_steps : int
        Most steps of one start.
    quaternionic : bool
        Whether matrices are the complex form of quaternionic ones, which rounding must not leave.
    caution : float
        By what the first step is multiplied, where it adapts.
    advance : callable
        `move` or another map with the same arguments that makes P + t (P G^* + H P) a projection.
    """

    t: float | None
    accelerate: bool
    tolerance: float
    max_steps: int
    quaternionic: bool = False
    caution: float = 1.0
    advance: Callable[[State, Directions, Array], Move] = move


class Search:
    """The iteration for k starts, until each has converged or failed.

    Attributes
    ----------
    state : State
        Where the starts are; of those that have converged Y and Z have trace 1.
    endings : list of Ending
    steps : ndarray of int, shape (k,)
        Steps of each start: applications of E, and as many of E^*.
    residuals : ndarray of float64, shape (k,)
    eigenvalues : ndarray of complex128, shape (k,)
    departures : ndarray of int, shape (k,)
        How many saddles each start has left.
    growth : ndarray of float64, shape (k,)
        Dominant eigenvalue of the linear part at the end, as far as acceleration knows it; NaN without.
    """

    def __init__(self, E: Superoperator, state: State, options: SearchOptions) -> None:
        self.E, self.state, self.options = E, state.copy(), options
        k, n, d = state.S.shape
        self.d = d
        self.endings = [Ending.RUNNING] * k
        self.steps = np.zeros(k, dtype=np.intp)
        self.residuals = np.full(k, np.inf)
        self.eigenvalues = np.full(k, np.nan, dtype=np.complex128)
        self.departures = np.zeros(k, dtype=np.intp)
        self.growth = np.full(k, np.nan)
        self._records: list[tuple[Array, ...]] = []
        self._running = np.arange(k)
        self._accelerated = np.zeros(k, dtype=bool)
        self._t = np.full(k, options.caution * _FIRST * d if options.t is None else options.t)
        # The last increments of plain steps: base point, direction, norm; and how many steps were plain since the last
        # acceleration or departure.
        self._last = [state.S.copy(), state.R.copy(), np.zeros_like(state.S), np.zeros_like(state.R)]
        self._last_increment = np.zeros(k)
        self._plain = np.zeros(k, dtype=np.intp)
        # Acceleration: when to try, what to go back to, how it is getting on.
        self._gate = np.full(k, _GATE)
        self._needed = np.full(k, _PLAIN_STEPS)
        self._failures = np.zeros(k, dtype=np.intp)
        self._saved = state.copy()
        self._begun_at = np.full(k, np.inf)
        self._best = np.full(k, np.inf)
        self._since = np.zeros(k, dtype=np.intp)
        self._peak = np.full(k, np.inf)
        self._left = state.copy()
        self._anderson = Anderson(k, n, d, state.S.dtype) if options.accelerate else None
        # Lanes make columns orthonormal one by one, by which they lose the structure of quaternionic ones.
        steady = options.t is not None and not options.accelerate and options.advance is move
        self._matrices = compiled_matrices(E, state) if steady and not options.quaternionic else None

    def run(self, finished: Callable[[int, Ending], None] = lambda start, ending: None) -> bool:
        """Search until all starts have ended; calls `finished` as each one does.

        Returns
        -------
        bool
            False if Ctrl-C ended it: what runs is then marked as interrupted.
        """
        try:
            while len(self._running):
                # Starts that come to nothing are told by their residuals.
                with np.errstate(all="ignore"):
                    self._step()
                for i in self._running:
                    if self.endings[i] is not Ending.RUNNING:
                        finished(int(i), self.endings[i])
                self._running = np.array([i for i in self._running if self.endings[i] is Ending.RUNNING], dtype=np.intp)
        except KeyboardInterrupt:
            for i in self._running:
                if self.endings[i] is Ending.RUNNING:
                    self.endings[i] = Ending.INTERRUPTED
            # Factors may have been overwritten in part.
            S, R = self.state.S, self.state.R
            self.state = State(S, inverse(R @ S) @ R, self.state.Y, self.state.Z)
            return False
        return True

    def histories(self) -> list[History]:
        """What happened to each start."""
        return History.of_all(self._records, len(self.endings))

    def endpoints(self, field: Field) -> list[Endpoint]:
        """Where the starts have come to; the field says where their random numbers were drawn."""
        histories = self.histories()
        return [
            Endpoint(
                state=self.state[[i]],
                ending=ending,
                eigenvalue=complex(self.eigenvalues[i]),
                residual=float(self.residuals[i]),
                steps=int(self.steps[i]),
                attempts=(ending,),
                field=field,
                departures=int(self.departures[i]),
                growth=float(self.growth[i]),
                history=histories[i],
            )
            for i, ending in enumerate(self.endings)
        ]

    def _step(self) -> None:
        """One application of E and E^* to each running start, and what follows from it."""
        index = self._running
        here = self.state[index]
        found = directions(self.E, here)
        self.steps[index] += 1
        steps = self.steps[index]
        self.residuals[index], self.eigenvalues[index] = found.residual, found.eigenvalue
        accelerated = self._accelerated[index]
        going = self._judge(index, found)
        t, increments = self._t[index], np.full(len(index), np.nan)
        go_plainly = self._go_plainly if self._matrices is None else self._go_in_lanes
        for chosen, go in ((going & ~accelerated, go_plainly), (going & accelerated, self._go_accelerated)):
            if chosen.all():
                t, increments = go(index, here, found)
            elif chosen.any():
                t[chosen], increments[chosen] = go(index[chosen], here[chosen], found[chosen])
        self._records.append((index, steps, np.abs(found.eigenvalue), found.residual, increments, t, accelerated))

    def _judge(self, index: Int, found: Directions) -> NDArray[np.bool_]:
        """Which starts have ended or begin again elsewhere; True for those that go on from where they are."""
        residual = found.residual
        lost = ~(np.isfinite(residual) & (found.size < _FAR * np.sqrt(self.d)))
        no_trace = ~lost & (found.trace_share < _TRACE)
        accelerated = self._accelerated[index]
        less = residual < np.where(accelerated, 0.5, _LESS) * self._best[index]
        self._best[index] = np.where(less, residual, self._best[index])
        self._since[index] = np.where(less, 0, self._since[index] + 1)
        stuck = self._since[index] >= np.where(accelerated, _PATIENCE, _PLAIN_PATIENCE)
        rounding = stuck & (residual < _ROUNDING)
        done = ~lost & ((residual <= self.options.tolerance) | rounding)
        exhausted = (self.steps[index] >= self.options.max_steps) | (self._since[index] >= _HOPELESS)
        worse = accelerated & ~done & (lost | no_trace | stuck | (residual > _WORSE * self._begun_at[index]))
        ends = done | lost | no_trace | exhausted | worse
        for place in np.flatnonzero(ends):
            i = int(index[place])
            if done[place]:
                self._arrive(i, found[np.array([place])], final=bool(exhausted[place]))
            elif worse[place]:
                self._go_back(i)
            elif lost[place]:
                self.endings[i] = Ending.DIVERGED
            elif no_trace[place]:
                self.endings[i] = Ending.TRACE_ZERO
            if exhausted[place] and self.endings[i] is Ending.RUNNING:
                self.endings[i] = Ending.TOO_MANY_STEPS
        return np.asarray(~ends)

    def _arrive(self, i: int, found: Directions, final: bool) -> None:
        """A start satisfies the equations: it stays there, unless that is a saddle."""
        anderson = self._anderson if self._accelerated[i] else None
        known = None if anderson is None else anderson.growth(i)
        if anderson is not None and known is not None:
            self.growth[i], direction = known
            S, R = self.state.S[i], self.state.R[i]
            left = self._left[[i]]
            back = self.departures[i] > 0 and distance(S, R, left.S[0], left.R[0]) < _BACK * found.size[0]
            if back:  # so it attracts in the direction that was suspected
                self.growth[i] = min(self.growth[i], 1.0)
            elif self.growth[i] > UNSTABLE and self.departures[i] < _DEPARTURES and not final:
                self._left.put([i], self.state[[i]])
                self.departures[i] += 1
                self.state.put([i], anderson.displaced(i, direction, _DEPARTURE * float(found.size[0])))
                self._peak[i] = 0.0
                self._begin_plain(i, _DEPARTURE_STEPS)
                return
        self.endings[i] = Ending.CONVERGED
        self.state.Y[i], self.state.Z[i] = found.Y[0], found.Z[0]

    def _go_back(self, i: int) -> None:
        """Acceleration came to nothing: on from where it began, and later again from nearer by."""
        self.state.put([i], self._saved[[i]])
        self._failures[i] += 1
        self._gate[i] /= 3
        self._begin_plain(i, _PLAIN_STEPS << int(self._failures[i]))

    def _begin_plain(self, i: int, steps: int) -> None:
        self._accelerated[i] = False
        self._plain[i], self._needed[i] = 0, steps
        self._best[i], self._since[i] = np.inf, 0
        if self.options.t is None:
            self._t[i] = max(self._t[i], _FIRST * self.d)

    def _go_accelerated(self, index: Int, here: State, found: Directions) -> tuple[Float, Float]:
        """Take a step and combine it with those before: the step, and NaN for the increment."""
        assert self._anderson is not None
        t = np.clip(self._t[index], _ACCELERATED_LEAST * self.d, _ACCELERATED_LARGEST * self.d)
        image = moved(here, found, self.options.advance(here, found, t), np.full(len(index), _INERTIA))
        self.state.put(index, self._anderson.advance(index, self._structured(image)))
        return t, np.full(len(index), np.nan)

    def _go_plainly(self, index: Int, here: State, found: Directions) -> tuple[Float, Float]:
        """Take a step: its size, and how far P moved."""
        t = self._t[index]
        target = self.options.advance(here, found, t)
        inertia = None
        if self.options.t is None:
            increments = self._fit(here, found, target, t)
            if self.options.advance is move:
                self._add_momentum(index, here, found, target, increments)
            self._adapt(index, here, target, t, increments)
            inertia = np.full(len(index), _INERTIA)
        else:
            increments = found.length(here, target.dS, target.dR)
        there = self._structured(moved(here, found, target, inertia))
        self.state.put(index, there)
        self._plain[index] += 1
        if self.options.advance is not move:
            self._watch_rank(index, there)
        if self._anderson is not None:
            self._accelerate(index, found.residual)
        return t, increments

    def _go_in_lanes(self, index: Int, here: State, found: Directions) -> tuple[Float, Float]:
        """Take many plain steps in compiled lanes: their size, and how far P moved in the last one."""
        assert self._matrices is not None
        t = self._t[index]
        count = int(min(_LANE_STEPS, self.options.max_steps - self.steps[index].min()))
        if count < 2:
            return self._go_plainly(index, here, found)
        done = lane_steps(self._matrices, here.S, here.R, here.Y, here.Z, t, count)
        self.state.put(index, State(done.S, done.R, done.Y, done.Z))
        for i, code in zip(index, done.codes, strict=True):
            if code != StepCode.DONE:
                self.endings[i] = _OF_LANES[StepCode(code)]
        self.steps[index] += count - 1
        if isinstance(self.E, Counted):
            self.E.applications += 2 * (count - 1) * len(index)
        return t, done.increments

    def _structured(self, state: State) -> State:
        return structured(state) if self.options.quaternionic else state

    def _fit(self, here: State, found: Directions, target: Move, t: Float) -> Float:
        """Halve steps, in place, where P would go too far; returns how far it goes."""
        increments, fits = self._measure(here, found, target)
        for _ in range(_HALVINGS):
            far = np.flatnonzero(~fits)
            if not len(far):
                break
            t[far] /= 2
            there, measured = here[far], found[far]
            nearer = self.options.advance(there, measured, t[far])
            target.put(far, nearer)
            increments[far], fits[far] = self._measure(there, measured, nearer)
        return increments

    @staticmethod
    def _measure(here: State, found: Directions, target: Move) -> tuple[Float, NDArray[np.bool_]]:
        """How far P goes, and whether that is not too far."""
        increments = found.length(here, target.dS, target.dR)
        return increments, (increments <= _LONGEST * found.size) & (target.size <= _STRETCH * found.size)

    def _add_momentum(self, index: Int, here: State, found: Directions, target: Move, increments: Float) -> None:
        """Go farther in the direction of the last increment, in place, where the present one is not against it."""
        S0, R0, dS0, dR0 = (part[index] for part in self._last)
        S, R, dS, dR = here.S, here.R, target.dS, target.dR
        more_S, more_R = transported((S0, R0, dS0, dR0), S, R)
        product = inner_product((S, R, dS, dR), (S, R, more_S, more_R))
        cosine = product / (increments * found.length(here, more_S, more_R))
        farther = move_along(here, dS + _MOMENTUM * more_S, dR + _MOMENTUM * more_R)
        lengths, fits = self._measure(here, found, farther)
        good = np.flatnonzero((self._plain[index] > 0) & (cosine > _AGREEING) & fits)
        target.put(good, Move(farther.S[good], farther.R[good], farther.dS[good], farther.dR[good]))
        increments[good] = lengths[good]

    def _adapt(self, index: Int, here: State, target: Move, t: Float, increments: Float) -> None:
        """The next steps: longer while increments point in one direction, shorter when they turn back."""
        direction = (here.S, here.R, target.dS, target.dR)
        S0, R0, dS0, dR0 = (part[index] for part in self._last)
        cosine = inner_product(direction, (S0, R0, dS0, dR0)) / (increments * self._last_increment[index])
        known = self._plain[index] > 0
        longer = known & (cosine > _ALIGNED)
        shorter = known & (cosine < 0)
        least, largest = np.minimum(_LEAST * self.d, t), np.maximum(_LARGEST * self.d, t)
        adapted = np.where(longer, np.minimum(t * _GROW, largest), np.where(shorter, np.maximum(t * _SHRINK, least), t))
        self._t[index] = adapted
        for part, value in zip(self._last, direction, strict=True):
            part[index] = value
        self._last_increment[index] = increments

    def _accelerate(self, index: Int, residual: Float) -> None:
        """Begin to accelerate the starts that are near enough to a fixed point."""
        assert self._anderson is not None
        # After a departure the residual grows first, and has to fall again: else it would lead back to the saddle.
        self._peak[index] = np.where(np.isinf(self._peak[index]), np.inf, np.maximum(self._peak[index], residual))
        near = (residual < self._gate[index]) & (residual < self._peak[index] / 3)
        ready = near & (self._plain[index] >= self._needed[index]) & (self._failures[index] < _FAILURES)
        begun = index[ready]
        if len(begun):
            self._saved.put(begun, self.state[begun])
            self._anderson.begin(begun, self.state[begun])
            self._accelerated[begun] = True
            self._plain[begun] = 0
            self._begun_at[begun] = residual[ready]
            self._best[begun], self._since[begun] = np.inf, 0

    def _watch_rank(self, index: Int, there: State) -> None:
        """Where factors are made projections by f, eigenvalues below 1/2 go to 0, and R S is no longer the identity."""
        defect = np.abs(there.R @ there.S - np.eye(self.d)).max(axis=(1, 2))
        for i in index[np.isfinite(defect) & (defect > 0.5)]:
            self.endings[i] = Ending.RANK_CHANGED

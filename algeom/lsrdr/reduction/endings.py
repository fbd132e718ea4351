"""How starts of an iteration end: where they came to, how, and what happened step by step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.projections import State, distance
from algeom.lsrdr.reduction.starts import Field

__all__ = ["Ending", "Endpoint", "History"]

Float = NDArray[np.float64]


class Ending(Enum):
    """How a start ended. `advice` says what to do."""

    RUNNING = "running"
    CONVERGED = "converged"
    TOO_MANY_STEPS = "too many steps"
    DIVERGED = "diverged"
    RANK_CHANGED = "rank changed"
    TRACE_ZERO = "trace zero"
    INTERRUPTED = "interrupted"

    @property
    def advice(self) -> str:
        """What it means and what to do."""
        return _ADVICE[self]

    @property
    def failed(self) -> bool:
        """Whether nothing can be made of the start."""
        return self in (Ending.DIVERGED, Ending.RANK_CHANGED, Ending.TRACE_ZERO)

    def __str__(self) -> str:
        return self.value


_ADVICE = {
    Ending.RUNNING: "The start has not ended.",
    Ending.CONVERGED: "All equations of a fixed point hold to the residual; nothing is to be done.",
    Ending.TOO_MANY_STEPS: "Raise max_steps; where the residual does not fall at all, lower t. Where it falls ever "
    "more slowly, fixed points are not isolated: the similarity is then known much better than the projection.",
    Ending.DIVERGED: "The projection grew without bound: over the reals the dominant eigenvalues are then often "
    'complex. Give field="complex", a smaller t, or start="psd".',
    Ending.RANK_CHANGED: 'An eigenvalue of P crossed 1/2, so that P has another rank. Give start="psd" or a '
    "smaller t, or take the low-rank method, in which the rank cannot change.",
    Ending.TRACE_ZERO: 'G or H came to have trace zero. Give start="psd"; if all starts end so, the tuple is nilpotent '
    "or the superoperator far from positive.",
    Ending.INTERRUPTED: "The iteration was interrupted; call again with the same seed and more patience.",
}


@dataclass(frozen=True, eq=False)
class History:
    """What happened to one start, step by step.

    Attributes
    ----------
    steps : ndarray of int, shape (rows,)
        How many steps had been begun. Steps in compiled lanes are recorded now and then.
    eigenvalues : ndarray of float64, shape (rows,)
        Moduli of the estimates of lambda.
    residuals, increments : ndarray of float64, shape (rows,)
        Largest relative defect of the equations before the step, and how far P moved (NaN where acceleration moved it).
    t : ndarray of float64, shape (rows,)
        The step.
    accelerated : ndarray of bool, shape (rows,)
    """

    steps: NDArray[np.intp]
    eigenvalues: Float
    residuals: Float
    increments: Float
    t: Float
    accelerated: NDArray[np.bool_]

    @classmethod
    def of_all(cls, records: list[tuple[Array, ...]], count: int) -> list[History]:
        """Of all starts, from tuples (starts, steps, eigenvalues, residuals, increments, t, accelerated)."""
        if not records:
            records = [tuple(np.empty(0) for _ in range(7))]
        starts, *columns = (np.concatenate(column) for column in zip(*records, strict=True))
        order = np.argsort(starts, kind="stable")
        ends = np.searchsorted(starts[order], np.arange(count + 1))
        steps, eigenvalues, residuals, increments, t, accelerated = (column[order] for column in columns)
        return [
            cls(
                steps[part].astype(np.intp), eigenvalues[part], residuals[part], increments[part], t[part],
                accelerated[part] > 0,
            )
            for part in (slice(ends[i], ends[i + 1]) for i in range(count))
        ]  # fmt: skip

    def __len__(self) -> int:
        return len(self.eigenvalues)

    def __repr__(self) -> str:
        steps = int(self.steps[-1]) if len(self) else 0
        return f"History({steps} steps, {np.count_nonzero(self.accelerated)} accelerated)"


@dataclass(frozen=True, eq=False)
class Endpoint:
    """Where one start came to.

    Attributes
    ----------
    state : State
        With one start; Y and Z of trace 1.
    ending : Ending
    eigenvalue : complex
    residual : float
    steps : int
        Applications of E, and as many of E^*, of all attempts.
    attempts : tuple of Ending
        How the attempts ended, with new random numbers each; the last one is this.
    field : {"real", "complex", "quaternion"}
        Where the last attempt began.
    departures : int
        Saddles that were left.
    growth : float
        Dominant eigenvalue of the linear part of a step there, as far as known; NaN if nothing is.
    history : History
        Of the last attempt.
    dense : tuple of three ndarrays (n, n) or None
        P, G and H of the dense iteration.
    """

    state: State
    ending: Ending
    eigenvalue: complex
    residual: float
    steps: int
    attempts: tuple[Ending, ...]
    field: Field
    departures: int
    growth: float
    history: History
    dense: tuple[Array, Array, Array] | None = None

    @property
    def size(self) -> float:
        """Norm of P."""
        S, R = self.state.S[0], self.state.R[0]
        return float(np.sqrt(max(0.0, np.trace((adjoint(S) @ S) @ (R @ adjoint(R))).real)))

    def distance(self, other: Endpoint) -> float:
        """Norm of the difference of the projections, relative to this one."""
        if self.dense is not None and other.dense is not None:
            P, Q = self.dense[0], other.dense[0]
            return float(np.linalg.norm(P - Q) / np.linalg.norm(P))
        first, second = self.state, other.state
        return distance(first.S[0], first.R[0], second.S[0], second.R[0]) / self.size

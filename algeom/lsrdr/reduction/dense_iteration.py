"""The dense iteration, on full n x n matrices P, G and H, with f applied s times in every step.

It is the iteration as first published, and what the low-rank one is checked against. For s = inf both have the same
fixed points. For finite s the limit is no projection and depends on t and s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.endings import Ending, Endpoint, History
from algeom.lsrdr.reduction.projections import State, inverse, norm, orthonormal, quaternionic_part
from algeom.lsrdr.reduction.purification import purify
from algeom.lsrdr.reduction.starts import Field

__all__ = ["DenseSearch", "dense_step"]

Float = NDArray[np.float64]
Int = NDArray[np.intp]

#: The adaptive step of the published code: where it begins, its least value (ours), and its factors where the cosine of
#: the angle between successive increments is below the bound or above it.
_FIRST, _LEAST, _SHRINK, _GROW, _ALIGNED = 0.05, 0.01, 0.99, 1.01, 0.99998

#: Trace of G or H relative to the norm, below which it is zero up to rounding; norm of P beyond which it diverges.
_TRACE, _FAR = 1e-13, 1e6

#: Halvings of an adaptive step at which the rank changes.
_HALVINGS = 12

#: A residual that does not fall by this factor in so many steps is as small as rounding permits if it is below the
#: bound. If it is larger, and after more steps, the start goes around in circles, as for finite s and large t.
_LESS, _PATIENCE, _ROUNDING, _HOPELESS = 0.95, 500, 1e-11, 10_000


def dense_step(E: Superoperator, P: Array, G: Array, H: Array, t: Array, s: float) -> tuple[Array, Array, Array, Array]:
    """One step for k starts.

    Parameters
    ----------
    E : Superoperator
    P, G, H : ndarray, shape (k, n, n)
    t : ndarray, shape (k,)
    s : int or inf

    Returns
    -------
    P, G, H : ndarrays, shape (k, n, n)
        P = f^s(P + t (P G^* + H P)) with G = E^*(G P) P and H = E(H P^*) P^*, divided by their traces.
    traces : ndarray, shape (k, 2)
        The traces of G and H before the division.
    """
    G, H, traces = _next_pair(E, P, G, H)
    return _next_projection(P, G, H, t, s), G, H, traces


def _next_pair(E: Superoperator, P: Array, G: Array, H: Array) -> tuple[Array, Array, Array]:
    G, H = E.adjoint(G @ P) @ P, E.apply(H @ adjoint(P)) @ adjoint(P)
    traces = np.stack([np.trace(G, axis1=1, axis2=2), np.trace(H, axis1=1, axis2=2)], axis=1)
    with np.errstate(all="ignore"):
        return G / traces[:, 0, None, None], H / traces[:, 1, None, None], traces


def _next_projection(P: Array, G: Array, H: Array, t: Array, s: float) -> Array:
    with np.errstate(all="ignore"):
        return purify(P + t[:, None, None] * (P @ adjoint(G) + H @ P), s)


@dataclass(eq=False)
class DenseSearch:
    """The dense iteration from k starts, until each has converged or failed.

    Parameters
    ----------
    E : Superoperator
    state : State
        Where to begin.
    s : int or inf
    t : float or None
        In the normalization of complex traces; None for the adaptive step of the published code.
    tolerance : float
    max_steps : int
    quaternionic : bool

    Attributes
    ----------
    P, G, H : ndarray, shape (k, n, n)
    endings : list of Ending
    steps : ndarray of int, shape (k,)
    residuals : ndarray of float64, shape (k,)
        The largest of the relative changes of G and H in a step, and of that of P divided by t / d.
    eigenvalues : ndarray, shape (k,)
    """

    E: Superoperator
    state: State
    s: float
    t: float | None
    tolerance: float
    max_steps: int
    quaternionic: bool

    def __post_init__(self) -> None:
        S, R = self.state.S, self.state.R
        k, _, self.d = S.shape
        self.P, self.G, self.H = S @ R, self.state.Z @ R, self.state.Y @ adjoint(S)
        self.endings = [Ending.RUNNING] * k
        self.steps = np.zeros(k, dtype=np.intp)
        self.residuals = np.full(k, np.inf)
        self.eigenvalues = np.zeros(k, dtype=S.dtype)
        self._t = np.full(k, _FIRST if self.t is None else self.t)
        self._last = np.zeros_like(self.P)
        self._best = np.full(k, np.inf)
        self._since = np.zeros(k, dtype=np.intp)
        self._records: list[tuple[Array, ...]] = []

    def run(self, finished: Callable[[int, Ending], None] = lambda start, ending: None) -> bool:
        """Iterate until all starts have ended; False if Ctrl-C ended it."""
        running = np.arange(len(self.endings))
        try:
            while len(running):
                # Starts that come to nothing are told by their residuals.
                with np.errstate(all="ignore"):
                    self._step(running)
                for i in running:
                    if self.endings[i] is not Ending.RUNNING:
                        finished(int(i), self.endings[i])
                running = np.array([i for i in running if self.endings[i] is Ending.RUNNING], dtype=np.intp)
        except KeyboardInterrupt:
            for i in running:
                if self.endings[i] is Ending.RUNNING:
                    self.endings[i] = Ending.INTERRUPTED
            return False
        return True

    def _projections(self, P: Array, G: Array, H: Array, t: Array) -> tuple[Array, Array]:
        """The next P, and the steps, halved where they adapt and the rank would change: it costs no application."""
        moved = _next_projection(P, G, H, t, self.s)
        for _ in range(_HALVINGS if self.t is None else 0):
            lost = np.flatnonzero(~np.isfinite(moved).all(axis=(1, 2)) | self._has_other_rank(moved))
            if not len(lost):
                break
            t[lost] /= 2
            moved[lost] = _next_projection(P[lost], G[lost], H[lost], t[lost], self.s)
        return moved, t

    def _has_other_rank(self, P: Array) -> NDArray[np.bool_]:
        return np.asarray(np.abs(np.trace(P, axis1=1, axis2=2).real - self.d) > 0.5)

    def histories(self) -> list[History]:
        """What happened to each start."""
        return History.of_all(self._records, len(self.endings))

    def endpoints(self, field: Field) -> list[Endpoint]:
        """Where the starts have come to; the field says where their random numbers were drawn."""
        histories = self.histories()
        return [
            Endpoint(
                state=self._factored(i),
                ending=ending,
                eigenvalue=complex(self.eigenvalues[i]),
                residual=float(self.residuals[i]),
                steps=int(self.steps[i]),
                attempts=(ending,),
                field=field,
                departures=0,
                growth=math.nan,
                history=histories[i],
                dense=(self.P[i], self.G[i], self.H[i]),
            )
            for i, ending in enumerate(self.endings)
        ]

    def _factored(self, i: int) -> State:
        """Factors of P; for finite s, of a projection with nearly the image and the kernel of P."""
        P, G, H = self.P[[i]], self.G[[i]], self.H[[i]]
        # The other eigenvalues of P are 0, or nearly: its square takes the first columns into its image.
        S = orthonormal(P @ (P @ self.state.S[[i]]))
        R = adjoint(S) @ P
        R = inverse(R @ S) @ R
        return State(S, R, H @ adjoint(R), G @ S)

    def _step(self, index: Int) -> None:
        old_P, old_G, old_H, t = self.P[index], self.G[index], self.H[index], self._t[index]
        G, H, traces = _next_pair(self.E, old_P, old_G, old_H)
        P, t = self._projections(old_P, G, H, t)
        if self.quaternionic:
            P, G, H = (quaternionic_part(M) for M in (P, G, H))
        self.steps[index] += 1
        increment = P - old_P
        moved, size = norm(increment), norm(P)
        changes = [norm(new - old) / norm(new) for new, old in ((G, old_G), (H, old_H))]
        residual = np.maximum(self.d * moved / (t * size), np.maximum(*changes))
        # Traces are 1 now: norms are the inverses of the shares of the traces in them.
        no_trace = ~(np.maximum(norm(G), norm(H)) * _TRACE < 1)
        lost = ~(np.isfinite(residual) & (size < _FAR * math.sqrt(self.d)))
        other_rank = ~lost & self._has_other_rank(P)
        if self.t is None:
            last = self._last[index]
            cosine = np.einsum("kij,kij->k", increment, last.conj()).real / (moved * norm(last))
            # Where an increment is zero there is no angle.
            self._t[index] = np.where(np.abs(cosine) < _ALIGNED, np.maximum(t * _SHRINK, _LEAST), t * _GROW)
        less = residual < _LESS * self._best[index]
        self._last[index] = increment
        self._best[index] = np.where(less, residual, self._best[index])
        self._since[index] = np.where(less, 0, self._since[index] + 1)
        self.residuals[index], self.eigenvalues[index] = residual, traces[:, 1]
        self.P[index], self.G[index], self.H[index] = P, G, H
        plain = np.zeros(len(index), dtype=bool)
        self._records.append((index, self.steps[index], np.abs(traces[:, 1]), residual, moved, t, plain))
        done = (residual <= self.tolerance) | ((self._since[index] >= _PATIENCE) & (residual < _ROUNDING))
        for place, i in enumerate(index):
            if no_trace[place]:
                self.endings[i] = Ending.TRACE_ZERO
            elif lost[place]:
                self.endings[i] = Ending.DIVERGED
            elif other_rank[place]:
                self.endings[i] = Ending.RANK_CHANGED
            elif done[place]:
                self.endings[i] = Ending.CONVERGED
            elif self.steps[i] >= self.max_steps or self._since[i] >= _HOPELESS:
                self.endings[i] = Ending.TOO_MANY_STEPS

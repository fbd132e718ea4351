"""A plain NumPy tracker of parameter homotopies: the twin that the compiled one is tested against.

Fourth-order Runge-Kutta for the Davidenko equation dx/dt = -F_x^(-1) F_p dp/dt, Newton's method back to the path, and a
step size for each path from the distance between the two. No endgame, no other precision: paths must end regularly.
"""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from algeom.continuation.systems import System


class ReturnCode(IntEnum):
    """How a path ended."""

    SUCCESS = 0
    STEP_TOO_SMALL = 1
    TOO_MANY_STEPS = 2
    NOT_FINITE = 3
    INACCURATE = 4
    NOT_A_SOLUTION = 5
    SINGULAR_START = 6


@dataclass(frozen=True)
class TrackerOptions:
    """The predictor may miss the path by `tolerance`, relative to the point."""

    tolerance: float = 1e-5
    first_step: float = 0.05
    largest_step: float = 0.2
    smallest_step: float = 1e-10
    max_steps: int = 5000

    @classmethod
    def default(cls) -> TrackerOptions:
        return cls()

    @classmethod
    def conservative(cls) -> TrackerOptions:
        return replace(cls(), tolerance=1e-8, first_step=0.005, largest_step=0.05)


@dataclass(frozen=True, eq=False)
class PathResults:
    """End points and counters of the paths, in the order of the starts."""

    solutions: np.ndarray
    codes: np.ndarray
    t: np.ndarray
    steps: np.ndarray
    rejections: np.ndarray
    newton_iterations: np.ndarray
    condition: np.ndarray
    accuracy: np.ndarray

    @property
    def succeeded(self) -> np.ndarray:
        return self.codes == ReturnCode.SUCCESS

    def __len__(self) -> int:
        return len(self.codes)


def _solve(matrices: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions as columns; NaN where a matrix is singular."""
    out = np.full(right.shape, np.nan, dtype=complex)
    usable = np.isfinite(matrices).all(axis=(1, 2)) & np.isfinite(right).all(axis=0)
    try:
        out[:, usable] = np.linalg.solve(matrices[usable], right.T[usable, :, None])[:, :, 0].T
    except np.linalg.LinAlgError:  # one of them is exactly singular
        for k in np.flatnonzero(usable):
            with suppress(np.linalg.LinAlgError):
                out[:, k] = np.linalg.solve(matrices[k], right[:, k])
    return out


def _relative(step: np.ndarray, x: np.ndarray) -> np.ndarray:
    return np.abs(step).max(axis=0) / np.maximum(1.0, np.abs(x).max(axis=0))


class _Segments:
    """The homotopy F(x; t a + (1 - t) b) of every path."""

    def __init__(self, system: System, a: np.ndarray, b: np.ndarray) -> None:
        self.system, self.a, self.b = system, a, b

    def inputs(self, x: np.ndarray, t: np.ndarray, paths: np.ndarray) -> np.ndarray:
        a, b = self.a[:, paths], self.b[:, paths]
        return np.concatenate([x, t * a + (1 - t) * b])

    def tangent(self, x: np.ndarray, t: np.ndarray, paths: np.ndarray) -> np.ndarray:
        n = self.system.n_unknowns
        jacobians = self.system.tape.jacobian(self.inputs(x, t, paths))
        by_t = np.einsum("bik,kb->ib", jacobians[:, :, n:], self.a[:, paths] - self.b[:, paths])
        return -_solve(jacobians[:, :, :n], by_t)

    def newton_step(self, x: np.ndarray, t: np.ndarray, paths: np.ndarray) -> np.ndarray:
        inputs = self.inputs(x, t, paths)
        values = self.system.tape.evaluate(inputs)
        return _solve(self.system.tape.jacobian(inputs)[:, :, : self.system.n_unknowns], -values)

    def predict(self, x: np.ndarray, t: np.ndarray, h: np.ndarray, paths: np.ndarray) -> np.ndarray:
        k1 = self.tangent(x, t, paths)
        k2 = self.tangent(x - h / 2 * k1, t - h / 2, paths)
        k3 = self.tangent(x - h / 2 * k2, t - h / 2, paths)
        k4 = self.tangent(x - h * k3, t - h, paths)
        return x - h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _columns(system: System, parameters: object, count: int) -> np.ndarray:
    return np.asarray(system.parameter_columns(parameters, count), dtype=complex)


def track(
    system: System,
    starts: np.ndarray,
    start_parameters: object,
    target_parameters: object,
    *,
    options: TrackerOptions | None = None,
    endgame: bool = False,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: object = False,
) -> PathResults:
    """Track every start from its start parameters (t = 1) to its target parameters (t = 0)."""
    options = options or TrackerOptions.default()
    starts = np.asarray(starts, dtype=complex)
    count = starts.shape[1]
    segments = _Segments(system, _columns(system, start_parameters, count), _columns(system, target_parameters, count))
    x, t = starts.copy(), np.ones(count)
    h = np.full(count, options.first_step)
    codes = np.full(count, -1)
    steps, rejections, iterations = (np.zeros(count, dtype=int) for _ in range(3))
    with np.errstate(all="ignore"):
        while np.any(codes < 0):
            paths = np.flatnonzero(codes < 0)
            step = np.minimum(h[paths], t[paths])
            # The last step lands on t = 0 exactly.
            after = np.where(step >= t[paths], 0.0, t[paths] - step)
            guess = segments.predict(x[:, paths], t[paths], step, paths)
            sizes = []
            corrected = guess
            for _ in range(3):
                correction = segments.newton_step(corrected, after, paths)
                corrected = corrected + correction
                sizes.append(_relative(correction, corrected))
            missed = np.where(np.isfinite(sizes[0]), sizes[0], 1.0)
            good = (missed <= 10 * options.tolerance) & (sizes[2] <= np.maximum(1e-3 * sizes[0], 1e-12))
            x[:, paths[good]] = corrected[:, good]
            t[paths[good]] = after[good]
            steps[paths] += 1
            iterations[paths] += 3
            rejections[paths[~good]] += 1
            # The error of one step of a fourth-order method is of order h^5.
            factor = np.clip(0.9 * (options.tolerance / np.maximum(missed, 1e-300)) ** 0.2, 0.25, 2.0)
            h[paths] = np.minimum(step * np.where(good, factor, np.minimum(factor, 0.5)), options.largest_step)
            codes[paths[good & (after == 0)]] = ReturnCode.SUCCESS
            codes[paths[~good & (h[paths] < options.smallest_step)]] = ReturnCode.STEP_TOO_SMALL
            codes[(codes < 0) & (steps >= options.max_steps)] = ReturnCode.TOO_MANY_STEPS
        everything = np.arange(count)
        done = codes == ReturnCode.SUCCESS
        refined, accuracy, condition = newton(system, x, segments.b[:, everything])
        x[:, done] = refined[:, done]
        codes[done & ~np.isfinite(x).all(axis=0)] = ReturnCode.NOT_FINITE
        codes[done & ~(accuracy < 1e-8)] = ReturnCode.INACCURATE
    return PathResults(x, codes, t, steps, rejections, iterations, condition, accuracy)


def newton(
    system: System, x: np.ndarray, p: object, *, iterations: int = 3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Newton's method at many points: the points, the relative size of the last step, condition numbers."""
    x = np.array(x, dtype=complex)
    count = x.shape[1]
    p = _columns(system, p, count)
    segments = _Segments(system, p, p)
    zero, paths = np.zeros(count), np.arange(count)
    size = np.full(count, np.inf)
    with np.errstate(all="ignore"):
        for _ in range(iterations):
            correction = segments.newton_step(x, zero, paths)
            x = x + correction
            size = _relative(correction, x)
    condition = np.full(count, np.inf)
    for k, matrix in enumerate(np.atleast_3d(system.jacobian(x, p)) if count else ()):
        if np.isfinite(matrix).all():
            condition[k] = np.linalg.cond(matrix)
    return x, size, condition

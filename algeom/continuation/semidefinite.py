"""Feasibility of linear matrix inequalities: the largest smallest eigenvalue, by a barrier method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Accepted = TypeVar("Accepted")

#: Largest barrier parameter: beyond it double precision does not tell a positive smallest eigenvalue from zero.
_LAST_BARRIER = 1e11
_NEWTON_STEPS = 400
#: Smallest eigenvalue, relative to an average one of 1, that is worth looking for.
_LEAST = 1e-9


def maximize_smallest_eigenvalue(
    blocks: Sequence[FloatArray], accept: Callable[[FloatArray], Accepted | None]
) -> Accepted | None:
    """Look for x such that all ``sum_i x_i A_bi`` are positive definite, by a barrier method.

    The smallest eigenvalue t is maximized over x with the sum of the traces fixed: Newton steps for
    ``kappa t + sum_b log det(sum_i x_i A_bi - t I)`` with growing kappa [1]_.

    Parameters
    ----------
    blocks : sequence of arrays (N, n_b, n_b)
        Symmetric matrices A_bi; no combination but the trivial one is zero in all blocks.
    accept : callable
        Asked with x once t is positive; what it returns, if not None, ends the search.

    Returns
    -------
    What `accept` returned, or None.

    References
    ----------
    .. [1] S. Boyd and L. Vandenberghe, Convex Optimization, sections 11.3 and 11.4.
    """
    blocks = [block for block in blocks if block.shape[1]]
    count = blocks[0].shape[0]
    norms = np.sqrt(sum((block**2).sum(axis=(1, 2)) for block in blocks))
    keep = norms > 0
    if not keep.any():
        return None
    scales = np.where(keep, norms, 1.0)
    matrices = [block[keep] / scales[keep, None, None] for block in blocks]
    order = sum(block.shape[1] for block in matrices)
    trace = sum(np.trace(block, axis1=1, axis2=2) for block in matrices)
    flat = np.concatenate([block.reshape(len(block), -1) for block in matrices], axis=1)
    x = np.linalg.lstsq(flat @ flat.T, trace, rcond=None)[0]
    if not trace @ x > 1e-9 * order:
        return None  # all traces vanish, so that no combination is positive definite
    x = x * (order / (trace @ x))

    def smallest(point: FloatArray) -> float:
        return min(float(np.linalg.eigvalsh(np.tensordot(point, block, 1))[0]) for block in matrices)

    def full(point: FloatArray) -> FloatArray:
        result = np.zeros(count)
        result[keep] = point / scales[keep]
        return result

    t = smallest(x) - 0.5
    constraint = np.append(trace, 0.0)
    kappa = float(order)
    for _ in range(_NEWTON_STEPS):
        step, decrement = _newton_step(matrices, x, t, kappa, constraint)
        if step is None:
            return None
        length = 1.0
        while smallest(x + length * step[:-1]) <= t + length * step[-1]:
            length /= 2
            if length < 1e-10:
                return None
        # Damped steps far from the centre, full ones near it (self-concordance).
        length = min(length * (0.95 if length < 1 else 1.0), 1.0 if decrement < 0.25 else 1.0 / (1.0 + decrement) + 0.3)
        if smallest(x + length * step[:-1]) <= t + length * step[-1]:
            length = 1.0 / (1.0 + decrement)
        x, t = x + length * step[:-1], t + length * float(step[-1])
        if decrement > 0.3:
            continue
        gap = order / kappa
        if t > 0 and gap < t:
            accepted = accept(full(x))
            if accepted is not None:
                return accepted
        if t + 2 * gap < _LEAST or kappa > _LAST_BARRIER:
            return None
        kappa *= 8.0
    return None


def _newton_step(
    matrices: Sequence[FloatArray], x: FloatArray, t: float, kappa: float, constraint: FloatArray
) -> tuple[FloatArray | None, float]:
    """Newton step for (x, t) along the constraint, and the Newton decrement."""
    size = len(x) + 1
    hessian = np.zeros((size, size))
    gradient = np.zeros(size)
    gradient[-1] = kappa
    for block in matrices:
        n = block.shape[1]
        slack = np.tensordot(x, block, 1) - t * np.eye(n)
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(slack))
        except np.linalg.LinAlgError:
            return None, math.inf
        scaled = np.concatenate([inverse @ block @ inverse.T, -(inverse @ inverse.T)[None]])
        gradient += np.trace(scaled, axis1=1, axis2=2)
        rows = scaled.reshape(size, -1)
        hessian += rows @ rows.T
    # Enough to keep the factorization going where the Hessian is singular to rounding.
    hessian[np.diag_indices(size)] += 1e-14 * np.trace(hessian) / size
    system = np.zeros((size + 1, size + 1))
    system[:size, :size] = hessian
    system[:size, size] = system[size, :size] = constraint
    try:
        step = np.linalg.solve(system, np.append(gradient, 0.0))[:size]
    except np.linalg.LinAlgError:
        return None, math.inf
    if not np.isfinite(step).all():
        return None, math.inf
    return step, math.sqrt(max(0.0, float(step @ hessian @ step)))

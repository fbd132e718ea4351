"""Whether a point that loops around the target agree on is a zero of the system there, as far as residuals tell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.dense import LANE
from algeom._kernels.lanes import evaluate_extended
from algeom.continuation.programs import program
from algeom.continuation.systems import Complex, System

Float = NDArray[np.float64]

#: Residuals below this, relative to the terms they are made of, are rounding errors of double-double arithmetic.
_ROUNDING = 1e-26

#: Directions in which points are moved.
_DIRECTIONS = 3


def values_extended(system: System, points: Complex, parameters: NDArray[Any]) -> Complex:
    """Values of a system at points (n, B) and parameters (k, B), from double-double arithmetic, rounded at the end."""
    compiled = program(system, 2)
    inputs = np.concatenate([points, parameters]).astype(np.complex128)
    count = points.shape[1]
    rows = compiled.rows
    size = inputs.shape[0] + compiled.extended_constants.shape[0] + compiled.operations.shape[0]
    nodes = np.empty(size * 4 * LANE)
    outputs, lows = (np.empty(rows.size * 2 * LANE) for _ in range(2))
    result = np.empty((rows.size, count), dtype=np.complex128)
    for low in range(0, count, LANE):
        # Lanes without a point of their own repeat the last one.
        block = inputs[:, np.minimum(np.arange(low, low + LANE), count - 1)]
        flat = np.ascontiguousarray(np.stack([block.real, block.imag], axis=1)).ravel()
        evaluate_extended(
            compiled.operations, compiled.extended_constants, flat, np.zeros(flat.size), rows, nodes, outputs, lows
        )
        parts = outputs.reshape(-1, 2, LANE)[:, :, : count - low]
        result[:, low : low + LANE] = parts[:, 0] + 1j * parts[:, 1]
    return result


def may_vanish(system: System, points: Complex, parameters: NDArray[Any], errors: Float) -> NDArray[np.bool_]:
    """For which points a zero within the relative distance ``errors`` is consistent with the residuals.

    Near a zero of any multiplicity residuals change at least as much as their size when the point moves by much more
    than its distance from the zero. An equation whose value stays what it is has no zero there: the point is the mean
    of a cluster of zeros, or of a cycle that closes only for large t. Each row is an equation, homogeneous or not.
    """
    values = values_extended(system, points, parameters)
    n, count = points.shape
    scale = np.maximum(np.abs(points).max(axis=0), 1e-280)
    stays = np.ones(values.shape, dtype=bool)
    terms = np.zeros(values.shape)
    with np.errstate(invalid="ignore", over="ignore"):
        for k in range(1, _DIRECTIONS + 1):
            # Deterministic phases: any direction that is generic will do.
            phases = np.exp(1j * np.sqrt(2.0 + k) * np.arange(1, n + 1) ** 2)[:, None]
            moved = values_extended(system, points + phases * (scale * errors), parameters)
            stays &= np.abs(moved - values) < 0.5 * np.abs(values)
            turned = np.maximum(np.abs(points), errors * scale) * phases
            terms = np.maximum(terms, np.abs(values_extended(system, turned, parameters)))
        far = stays & (np.abs(values) > _ROUNDING * terms)
    return np.asarray(~far.any(axis=0) | ~np.isfinite(values).all(axis=0)).reshape(count)

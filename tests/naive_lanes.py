"""Plain twins of the lane kernels: one point at a time, power series as lists of Fractions or mpmath numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from algeom._kernels.dense import LANE
from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.maps import Tape

Series = list[Any]


def to_lanes(columns: np.ndarray) -> np.ndarray:
    """Complex entries (size, LANE) as a flat lane array."""
    assert columns.shape[1] == LANE
    return np.ascontiguousarray(np.stack([columns.real, columns.imag], axis=1)).ravel()


def from_lanes(flat: np.ndarray) -> np.ndarray:
    """The inverse of `to_lanes`."""
    parts = flat.reshape(-1, 2, LANE)
    return parts[:, 0] + 1j * parts[:, 1]


def series_product(a: Series, b: Series, orders: int) -> Series:
    return [sum((a[i] * b[k - i] for i in range(k + 1)), a[0] * 0) for k in range(orders)]


def series_quotient(a: Series, b: Series, orders: int) -> Series:
    quotient: Series = []
    for k in range(orders):
        quotient.append((a[k] - sum((b[i] * quotient[k - i] for i in range(1, k + 1)), a[0] * 0)) / b[0])
    return quotient


def evaluate_series(tape: Tape, inputs: Sequence[Series], orders: int) -> list[Series]:
    """Power series of the outputs for power series as inputs."""
    one = inputs[0][0] * 0 + 1
    nodes = [list(series) for series in inputs]
    nodes += [[one * c.numerator / c.denominator] + [one * 0] * (orders - 1) for c in tape.constants]
    for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        a, b = nodes[left], nodes[right]
        if operation == ADD:
            nodes.append([x + y for x, y in zip(a, b, strict=True)])
        elif operation == SUB:
            nodes.append([x - y for x, y in zip(a, b, strict=True)])
        elif operation == NEG:
            nodes.append([-x for x in a])
        elif operation == MUL:
            nodes.append(series_product(a, b, orders))
        else:
            assert operation == DIV
            nodes.append(series_quotient(a, b, orders))
    return [nodes[k] for k in tape.outputs.tolist()]

"""What the tracking kernels need to know of a system, made once for each system."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.tape import ADD, DIV, NEG, SUB
from algeom.continuation.systems import System
from algeom.errors import InputError
from algeom.maps import Tape
from algeom.maps.program import lower


@dataclass(frozen=True, eq=False)
class Program:
    """Arrays of a system for `algeom._kernels.tracking.track_paths`; named as its arguments."""

    code: NDArray[np.int64]
    constants: NDArray[np.float64]
    n_registers: int
    operations: NDArray[np.int64]
    extended_constants: NDArray[np.float64]
    rows: NDArray[np.int64]
    lengths: NDArray[np.int64]
    orders: int
    full_operations: NDArray[np.int64]
    full_constants: NDArray[np.float64]
    full_rows: NDArray[np.int64]


@lru_cache(maxsize=256)
def program(system: System, order: int) -> Program:
    """The program of a system for power series up to an order."""
    both = system.values_and_jacobian_tape
    lowered = lower(both, modular=False)
    tape = system.tape
    return Program(
        code=lowered.code,
        constants=np.array([_double(c) for c in both.constants], dtype=np.float64),
        n_registers=lowered.n_registers,
        operations=_operations(tape),
        extended_constants=_constants(tape),
        rows=np.array(tape.outputs),
        lengths=_lengths(system, order + 1),
        orders=order + 1,
        full_operations=_operations(both),
        full_constants=_constants(both),
        full_rows=np.array(both.outputs),
    )


def _operations(tape: Tape) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.column_stack([tape.operations, tape.operands]))


def _constants(tape: Tape) -> NDArray[np.float64]:
    """Constants as unevaluated sums of two doubles."""
    return np.array([_double_double(c) for c in tape.constants], dtype=np.float64).reshape(-1, 2)


def _lengths(system: System, orders: int) -> NDArray[np.int64]:
    """How many coefficients of each node can be non-zero when parameters are linear and unknowns are power series."""
    tape = system.tape
    lengths = [orders] * system.n_unknowns + [min(2, orders)] * system.n_parameters + [1] * len(tape.constants)
    for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        a, b = lengths[left], lengths[right]
        if operation in (ADD, SUB):
            lengths.append(max(a, b))
        elif operation == NEG:
            lengths.append(a)
        elif a == b == 1:
            lengths.append(1)
        else:
            # Products of polynomials of degrees a-1 and b-1; a quotient is a full series unless by a constant.
            product = a + b - 1
            lengths.append(min(product if operation != DIV or b == 1 else orders, orders))
    return np.array(lengths, dtype=np.int64)


def _double(constant: Fraction) -> float:
    try:
        return float(constant)
    except OverflowError:
        raise InputError("a constant of the system is too large for floating point; scale the equations") from None


def _double_double(constant: Fraction) -> tuple[float, float]:
    high = _double(constant)
    return high, float(constant - Fraction(high))

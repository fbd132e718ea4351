"""Evaluation of tapes at `LANE` complex points at once: values, truncated power series, double-double values.

Lane arrays are laid out as in `algeom._kernels.dense`: an entry is the real parts of all lanes, then the imaginary
parts. Splitting the parts is what makes complex arithmetic run in vector instructions; an interpreted instruction then
costs about a nanosecond a point, where a point alone costs several.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel
from algeom._kernels.dense import LANE
from algeom._kernels.double_double import complex_dd_div, complex_dd_mul, dd_add
from algeom._kernels.tape import (
    ADD,
    CONSTANT,
    DIV,
    LOAD,
    MUL,
    MUL_ADD,
    MUL_SUB,
    NEG,
    STORE,
    SUB,
    SUB_MUL,
)

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def evaluate_lanes(code: Int, constants: Float, inputs: Float, registers: Float, outputs: Float) -> None:
    """Values of register code (`algeom.maps.program.lower`) in all lanes.

    ``inputs`` and ``outputs`` are lane arrays, ``constants`` real numbers, ``registers`` work space of one entry a
    register. Division by zero gives infinities and NaN.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    for k in range(code.shape[0]):
        operation = code[k, 0]
        d = np.uintp(code[k, 1]) * width
        a = np.uintp(code[k, 2]) * width
        b = np.uintp(code[k, 3]) * width
        c = np.uintp(code[k, 4]) * width
        row = np.uintp(code[k, 5])
        if operation == MUL_ADD:
            for j in range(lane):
                ar = registers[a + j]
                ai = registers[a + lane + j]
                br = registers[b + j]
                bi = registers[b + lane + j]
                registers[d + j] = ar * br - ai * bi + registers[c + j]
                registers[d + lane + j] = ar * bi + ai * br + registers[c + lane + j]
        elif operation == MUL:
            for j in range(lane):
                ar = registers[a + j]
                ai = registers[a + lane + j]
                br = registers[b + j]
                bi = registers[b + lane + j]
                registers[d + j] = ar * br - ai * bi
                registers[d + lane + j] = ar * bi + ai * br
        elif operation == ADD:
            for j in range(width):
                registers[d + j] = registers[a + j] + registers[b + j]
        elif operation == SUB:
            for j in range(width):
                registers[d + j] = registers[a + j] - registers[b + j]
        elif operation == SUB_MUL:
            for j in range(lane):
                ar = registers[a + j]
                ai = registers[a + lane + j]
                br = registers[b + j]
                bi = registers[b + lane + j]
                registers[d + j] = registers[c + j] - (ar * br - ai * bi)
                registers[d + lane + j] = registers[c + lane + j] - (ar * bi + ai * br)
        elif operation == MUL_SUB:
            for j in range(lane):
                ar = registers[a + j]
                ai = registers[a + lane + j]
                br = registers[b + j]
                bi = registers[b + lane + j]
                registers[d + j] = ar * br - ai * bi - registers[c + j]
                registers[d + lane + j] = ar * bi + ai * br - registers[c + lane + j]
        elif operation == LOAD:
            for j in range(width):
                registers[d + j] = inputs[row * width + j]
        elif operation == STORE:
            for j in range(width):
                outputs[row * width + j] = registers[a + j]
        elif operation == NEG:
            for j in range(width):
                registers[d + j] = -registers[a + j]
        elif operation == CONSTANT:
            value = constants[row]
            for j in range(lane):
                registers[d + j] = value
                registers[d + lane + j] = 0.0
        elif operation == DIV:
            for j in range(lane):
                br = registers[b + j]
                bi = registers[b + lane + j]
                inverse = 1.0 / (br * br + bi * bi)
                ar = registers[a + j] * inverse
                ai = registers[a + lane + j] * inverse
                registers[d + j] = ar * br + ai * bi
                registers[d + lane + j] = ai * br - ar * bi


@kernel
def add_product(target: Float, d: Any, left: Float, a: Any, right: Float, b: Any) -> None:
    """``target[d] += left[a] * right[b]``, complex entries at offsets, in all lanes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        ar = left[a + j]
        ai = left[a + lane + j]
        br = right[b + j]
        bi = right[b + lane + j]
        target[d + j] += ar * br - ai * bi
        target[d + lane + j] += ar * bi + ai * br


@kernel
def series_lanes(operations: Int, lengths: Int, orders: Any, order: Any, nodes: Float) -> None:
    """Coefficients of ``t**order`` of all nodes of a tape whose inputs are power series in t, in all lanes.

    ``operations`` (K, 3) is the tape itself: operation, left node, right node. Coefficient i of node v is entry
    ``v * orders + i`` of the lane array ``nodes``; those of inputs and constants are filled by the caller, as are all
    coefficients of lower order by earlier calls. ``lengths`` says how many coefficients of a node can be non-zero: 1
    for constants, 2 for what is linear in t, up to ``orders``; coefficients beyond that are never written.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    step = np.uintp(orders) * width
    first = lengths.size - operations.shape[0]
    top = np.int64(order)
    zero = np.empty(2 * LANE)
    for k in range(operations.shape[0]):
        if lengths[first + k] <= top:
            continue
        operation = operations[k, 0]
        left = operations[k, 1]
        right = operations[k, 2]
        target = np.uintp(first + k) * step
        d = target + np.uintp(top) * width
        a = np.uintp(left) * step
        b = np.uintp(right) * step
        if operation == MUL:
            low = max(np.int64(0), top - lengths[right] + 1)
            high = min(top, lengths[left] - 1)
            for j in range(width):
                zero[j] = 0.0
            for i in range(low, high + 1):
                add_product(zero, np.uintp(0), nodes, a + np.uintp(i) * width, nodes, b + np.uintp(top - i) * width)
            for j in range(width):
                nodes[d + j] = zero[j]
        elif operation in (ADD, SUB):
            a += np.uintp(top) * width
            b += np.uintp(top) * width
            if lengths[right] <= top:
                for j in range(width):
                    nodes[d + j] = nodes[a + j]
            elif lengths[left] <= top:
                if operation == ADD:
                    for j in range(width):
                        nodes[d + j] = nodes[b + j]
                else:
                    for j in range(width):
                        nodes[d + j] = -nodes[b + j]
            elif operation == ADD:
                for j in range(width):
                    nodes[d + j] = nodes[a + j] + nodes[b + j]
            else:
                for j in range(width):
                    nodes[d + j] = nodes[a + j] - nodes[b + j]
        elif operation == NEG:
            a += np.uintp(top) * width
            for j in range(width):
                nodes[d + j] = -nodes[a + j]
        else:
            # b * quotient = a, coefficient by coefficient.
            for j in range(width):
                zero[j] = 0.0
            for i in range(1, min(top, lengths[right] - 1) + 1):
                add_product(
                    zero, np.uintp(0), nodes, b + np.uintp(i) * width, nodes, target + np.uintp(top - i) * width
                )
            if lengths[left] > top:
                a += np.uintp(top) * width
                for j in range(width):
                    zero[j] = nodes[a + j] - zero[j]
            else:
                for j in range(width):
                    zero[j] = -zero[j]
            for j in range(lane):
                br = nodes[b + j]
                bi = nodes[b + lane + j]
                inverse = 1.0 / (br * br + bi * bi)
                ar = zero[j] * inverse
                ai = zero[lane + j] * inverse
                nodes[d + j] = ar * br + ai * bi
                nodes[d + lane + j] = ai * br - ar * bi


@kernel
def series_extended(operations: Int, lengths: Int, orders: Any, order: Any, nodes: Float, lows: Float) -> None:
    """As `series_lanes` in double-double arithmetic: ``nodes`` hold the leading doubles, ``lows`` the rest."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    step = np.uintp(orders) * width
    first = lengths.size - operations.shape[0]
    top = np.int64(order)
    at = np.uintp(order) * width
    for k in range(operations.shape[0]):
        if lengths[first + k] <= top:
            continue
        operation = operations[k, 0]
        left = operations[k, 1]
        right = operations[k, 2]
        target = np.uintp(first + k) * step
        d = target + at
        a = np.uintp(left) * step
        b = np.uintp(right) * step
        # What is beyond the length of an operand is zero.
        has_left = lengths[left] > top
        has_right = lengths[right] > top
        if operation in (ADD, SUB, NEG):
            sign = -1.0 if operation == SUB else 1.0
            for j in range(width):
                h = nodes[a + at + j] if has_left else 0.0
                l = lows[a + at + j] if has_left else 0.0
                if operation == NEG:
                    h, l = -h, -l
                elif has_right:
                    h, l = dd_add(h, l, sign * nodes[b + at + j], sign * lows[b + at + j])
                nodes[d + j] = h
                lows[d + j] = l
            continue
        for j in range(lane):
            rh, rl, ih, il = 0.0, 0.0, 0.0, 0.0
            if operation == MUL:
                low = max(np.int64(0), top - lengths[right] + 1)
                high = min(top, lengths[left] - 1)
            else:
                low = np.int64(1)
                high = min(top, lengths[right] - 1)
            for i in range(low, high + 1):
                # The product of coefficients i and top - i, for quotients of the denominator and the quotient.
                x = (a if operation == MUL else b) + np.uintp(i) * width + j
                y = (b if operation == MUL else target) + np.uintp(top - i) * width + j
                ph, pl, qh, ql = complex_dd_mul(
                    nodes[x],
                    lows[x],
                    nodes[x + lane],
                    lows[x + lane],
                    nodes[y],
                    lows[y],
                    nodes[y + lane],
                    lows[y + lane],
                )
                rh, rl = dd_add(rh, rl, ph, pl)
                ih, il = dd_add(ih, il, qh, ql)
            if operation == DIV:
                rh, rl, ih, il = -rh, -rl, -ih, -il
                if has_left:
                    x = a + at + j
                    rh, rl = dd_add(rh, rl, nodes[x], lows[x])
                    ih, il = dd_add(ih, il, nodes[x + lane], lows[x + lane])
                x = b + j
                rh, rl, ih, il = complex_dd_div(rh, rl, ih, il, nodes[x], lows[x], nodes[x + lane], lows[x + lane])
            nodes[d + j] = rh
            lows[d + j] = rl
            nodes[d + lane + j] = ih
            lows[d + lane + j] = il


@kernel
def evaluate_extended(
    operations: Int,
    constants: Float,
    inputs: Float,
    lows: Float,
    rows: Int,
    nodes: Float,
    outputs: Float,
    output_lows: Float,
) -> None:
    """Values of a tape in double-double arithmetic, in all lanes.

    ``operations`` (K, 3) is the tape itself, ``constants`` (C, 2) and the inputs come as unevaluated sums of two
    doubles (``inputs`` + ``lows``, lane arrays), and so do the outputs; ``rows`` are their nodes. ``nodes`` is work
    space of two entries a node, the leading parts and then the rest.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    n = np.uintp(inputs.size) // width
    first = n + np.uintp(constants.shape[0])
    for v in range(n):
        for j in range(width):
            nodes[v * np.uintp(2) * width + j] = inputs[v * width + j]
            nodes[(v * np.uintp(2) + np.uintp(1)) * width + j] = lows[v * width + j]
    for v in range(np.uintp(constants.shape[0])):
        d = (n + v) * np.uintp(2) * width
        for j in range(lane):
            nodes[d + j] = constants[v, 0]
            nodes[d + lane + j] = 0.0
            nodes[d + width + j] = constants[v, 1]
            nodes[d + width + lane + j] = 0.0
    for k in range(operations.shape[0]):
        operation = operations[k, 0]
        d = (first + np.uintp(k)) * np.uintp(2) * width
        a = np.uintp(operations[k, 1]) * np.uintp(2) * width
        b = np.uintp(operations[k, 2]) * np.uintp(2) * width
        if operation == ADD:
            for j in range(width):
                nodes[d + j], nodes[d + width + j] = dd_add(
                    nodes[a + j], nodes[a + width + j], nodes[b + j], nodes[b + width + j]
                )
        elif operation == SUB:
            for j in range(width):
                nodes[d + j], nodes[d + width + j] = dd_add(
                    nodes[a + j], nodes[a + width + j], -nodes[b + j], -nodes[b + width + j]
                )
        elif operation == NEG:
            for j in range(np.uintp(2) * width):
                nodes[d + j] = -nodes[a + j]
        else:
            for j in range(lane):
                i = lane + j
                arh, arl, aih, ail = nodes[a + j], nodes[a + width + j], nodes[a + i], nodes[a + width + i]
                brh, brl, bih, bil = nodes[b + j], nodes[b + width + j], nodes[b + i], nodes[b + width + i]
                if operation == MUL:
                    rh, rl, ih, il = complex_dd_mul(arh, arl, aih, ail, brh, brl, bih, bil)
                else:
                    rh, rl, ih, il = complex_dd_div(arh, arl, aih, ail, brh, brl, bih, bil)
                nodes[d + j] = rh
                nodes[d + width + j] = rl
                nodes[d + i] = ih
                nodes[d + width + i] = il
    for r in range(np.uintp(rows.size)):
        a = np.uintp(rows[r]) * np.uintp(2) * width
        for j in range(width):
            outputs[r * width + j] = nodes[a + j]
            output_lows[r * width + j] = nodes[a + width + j]

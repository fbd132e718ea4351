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


#: Dekker's constant: splits a double into two halves of 26 bits.
_SPLIT = 134217729.0


@kernel
def two_sum(a: float, b: float) -> tuple[float, float]:
    """Sum of two doubles and its rounding error, exactly (Knuth)."""
    s = a + b
    v = s - a
    return s, (a - (s - v)) + (b - v)


@kernel
def two_product(a: float, b: float) -> tuple[float, float]:
    """Product of two doubles and its rounding error, exactly below 1e291 (Dekker)."""
    p = a * b
    t = _SPLIT * a
    ah = t - (t - a)
    al = a - ah
    t = _SPLIT * b
    bh = t - (t - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


@kernel
def dd_add(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Sum of two double-doubles, relative error at most 2^-104 where signs agree (the accurate variant)."""
    s, e = two_sum(ah, bh)
    t, f = two_sum(al, bl)
    e += t
    h = s + e
    e = (s - h) + e + f
    r = h + e
    return r, (h - r) + e


@kernel
def dd_mul(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Product of two double-doubles, relative error about 2^-102."""
    p, e = two_product(ah, bh)
    e += ah * bl + al * bh
    s = p + e
    return s, (p - s) + e


@kernel
def dd_div(ah: float, al: float, bh: float, bl: float) -> tuple[float, float]:
    """Quotient of two double-doubles: two corrections of the quotient in double precision."""
    q = ah / bh
    ph, pl = dd_mul(q, 0.0, bh, bl)
    rh, rl = dd_add(ah, al, -ph, -pl)
    q2 = rh / bh
    ph, pl = dd_mul(q2, 0.0, bh, bl)
    rh, rl = dd_add(rh, rl, -ph, -pl)
    q3 = rh / bh
    s = q + q2
    return dd_add(s, (q - s) + q2, q3, 0.0)


@kernel
def evaluate_extended(
    operations: Int, constants: Float, inputs: Float, lows: Float, rows: Int, nodes: Float, outputs: Float
) -> None:
    """Values of a tape in double-double arithmetic, rounded to double at the end, in all lanes.

    ``operations`` (K, 3) is the tape itself, ``constants`` (C, 2) and the inputs come as unevaluated sums of two
    doubles (``inputs`` + ``lows``, lane arrays); ``rows`` are the nodes of the outputs; ``nodes`` is work space of two
    entries a node, the leading parts and then the rest.
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
                if operation != MUL:
                    bih, bil = -bih, -bil  # numerator times the conjugate of the denominator
                xh, xl = dd_mul(arh, arl, brh, brl)
                yh, yl = dd_mul(aih, ail, bih, bil)
                rh, rl = dd_add(xh, xl, -yh, -yl)
                xh, xl = dd_mul(arh, arl, bih, bil)
                yh, yl = dd_mul(aih, ail, brh, brl)
                ih, il = dd_add(xh, xl, yh, yl)
                if operation == DIV:
                    xh, xl = dd_mul(brh, brl, brh, brl)
                    yh, yl = dd_mul(bih, bil, bih, bil)
                    xh, xl = dd_add(xh, xl, yh, yl)
                    rh, rl = dd_div(rh, rl, xh, xl)
                    ih, il = dd_div(ih, il, xh, xl)
                nodes[d + j] = rh
                nodes[d + width + j] = rl
                nodes[d + i] = ih
                nodes[d + width + i] = il
    for r in range(np.uintp(rows.size)):
        a = np.uintp(rows[r]) * np.uintp(2) * width
        for j in range(width):
            outputs[r * width + j] = nodes[a + j] + nodes[a + width + j]

"""Evaluation and differentiation of straight-line tapes over F_p, float64 and complex128.

A tape arrives lowered to register code (`algeom.maps.program`): rows of six int64 numbers

    operation, destination, a, b, c, row

in which ``destination``, ``a``, ``b``, ``c`` are registers and ``row`` is the parameter, constant or output
that LOAD, CONSTANT and STORE touch. A register is a lane of points, contiguous in memory, so that one
interpreted instruction does the work of a whole lane and the few live registers stay in the first-level
cache. The destination never equals an operand: the compiler can then prove at run time that a loop's arrays do
not overlap, and vectorizes it.

Arithmetic modulo p
-------------------
Residues are balanced: integers of absolute value at most (p - 1)/2, held in doubles, p < 2^23. Sums and products
are *not* reduced as they are made: the lowering tracks a bound on every register and asks for a
REDUCE only where the next operation could pass 2^50. That is enough for exactness. Let ``t`` be an integer with
``|t| <= 2^50``. Sums and products below 2^53 are exact in double arithmetic, so ``t`` is exact. The computed
``t * (1/p)`` has two roundings, hence differs from ``t/p`` by at most ``(2^50/p) 2^-52 (1 + 2^-52) < 1/(2p)``.
Since p is odd, ``t/p`` is at least ``1/(2p)`` away from every half-integer, so ``rint`` finds the nearest integer q
of ``t/p`` itself; ``|q p| <= |t| + p/2`` is exact, and ``t - q p`` is the balanced residue. No correction step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel

# Operations of a tape (static single assignment).
ADD, SUB, MUL, DIV, NEG = 0, 1, 2, 3, 4

# Instructions of register code; the first five are the operations above.
MUL_ADD = 5  # a*b + c
SUB_MUL = 6  # c - a*b
MUL_SUB = 7  # a*b - c
MUL_REDUCE = 8  # a*b mod p
REDUCE = 9  # destination mod p, in place
LOAD = 10
CONSTANT = 11
STORE = 12
STORE_REDUCED = 13

#: Largest absolute value that `reduce_product` and REDUCE may meet; derived above.
REDUCIBLE = 2.0**50

#: Largest absolute value of a balanced residue, over all supported primes p < 2^23.
BALANCED = 2.0**22

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def reduced(t: float, p: float, inverse_p: float) -> float:
    """Balanced residue of the integer t, |t| <= 2^50."""
    return t - p * np.rint(t * inverse_p)


@kernel
def reciprocals(x: Float, scratch: Float, p: float, inverse_p: float) -> None:
    """Replace every entry of x, all non-zero residues, by its inverse mod p.

    Halving the lane by products until it is narrow (Montgomery's trick, as a tree so that each level is a
    vector operation) leaves few inverses to compute as the (p-2)-th power. ``scratch`` is as long as x, and len(x) is
    a multiple of 8.
    """
    # Level of width w keeps its products at scratch[:w]; the factors of the level above are still in x or scratch.
    width = x.size
    low = 0
    # x[:width] holds the level to be inverted; products of the halves go to scratch[low:low + half].
    while width > 8 and width % 2 == 0:
        half = width // 2
        if low == 0:
            for j in range(half):
                scratch[j] = reduced(x[j] * x[j + half], p, inverse_p)
        else:
            for j in range(half):
                scratch[low + j] = reduced(scratch[low - width + j] * scratch[low - half + j], p, inverse_p)
        low += half
        width = half
    # Invert the narrowest level by a power; its entries are in x if nothing was folded.
    for j in range(width):
        base = x[j] if low == 0 else scratch[low - width + j]
        power = 1.0
        exponent = np.int64(p) - 2
        while exponent > 0:
            if exponent & 1:
                power = reduced(power * base, p, inverse_p)
            base = reduced(base * base, p, inverse_p)
            exponent >>= 1
        if low == 0:
            x[j] = power
        else:
            scratch[low - width + j] = power
    # Unfold: the inverse of a factor is the inverse of the product times the other factor.
    while low > 0:
        half = width
        width = 2 * half
        low -= half
        if low == 0:
            for j in range(half):
                first = x[j]
                x[j] = reduced(scratch[j] * x[j + half], p, inverse_p)
                x[j + half] = reduced(scratch[j] * first, p, inverse_p)
        else:
            for j in range(half):
                first = scratch[low - width + j]
                second = scratch[low - half + j]
                scratch[low - width + j] = reduced(scratch[low + j] * second, p, inverse_p)
                scratch[low - half + j] = reduced(scratch[low + j] * first, p, inverse_p)


@kernel
def evaluate_modular(
    code: Int,
    constants: Float,
    theta: Float,
    p: float,
    registers: Float,
    values: Float,
    defined: NDArray[np.bool_],
) -> None:
    """Values (m, B) mod p of register code at the parameters theta (n, B), all balanced residues.

    ``registers`` is work space: one row per register and two more; its row length, a multiple of 8, is the lane.
    ``defined`` comes in true and is made false where a denominator vanishes; values there mean nothing.
    """
    lane = registers.shape[1]
    points = theta.shape[1]
    inverse_p = 1.0 / p
    denominator = registers[registers.shape[0] - 1]
    scratch = registers[registers.shape[0] - 2]
    for start in range(0, points, lane):
        width = min(lane, points - start)
        for k in range(code.shape[0]):
            operation = code[k, 0]
            d = registers[code[k, 1]]
            a = registers[code[k, 2]]
            b = registers[code[k, 3]]
            c = registers[code[k, 4]]
            row = code[k, 5]
            if operation == MUL_ADD:
                for j in range(lane):
                    d[j] = a[j] * b[j] + c[j]
            elif operation == MUL_REDUCE:
                for j in range(lane):
                    d[j] = reduced(a[j] * b[j], p, inverse_p)
            elif operation == MUL:
                for j in range(lane):
                    d[j] = a[j] * b[j]
            elif operation == ADD:
                for j in range(lane):
                    d[j] = a[j] + b[j]
            elif operation == SUB:
                for j in range(lane):
                    d[j] = a[j] - b[j]
            elif operation == REDUCE:
                for j in range(lane):
                    d[j] = reduced(d[j], p, inverse_p)
            elif operation == SUB_MUL:
                for j in range(lane):
                    d[j] = c[j] - a[j] * b[j]
            elif operation == MUL_SUB:
                for j in range(lane):
                    d[j] = a[j] * b[j] - c[j]
            elif operation == LOAD:
                source = theta[row]
                for j in range(width):
                    d[j] = source[start + j]
                for j in range(width, lane):
                    d[j] = 1.0
            elif operation == STORE_REDUCED:
                target = values[row]
                for j in range(width):
                    target[start + j] = reduced(a[j], p, inverse_p)
            elif operation == STORE:
                target = values[row]
                for j in range(width):
                    target[start + j] = a[j]
            elif operation == NEG:
                for j in range(lane):
                    d[j] = -a[j]
            elif operation == CONSTANT:
                value = constants[row]
                for j in range(lane):
                    d[j] = value
            elif operation == DIV:
                for j in range(lane):
                    denominator[j] = b[j]
                    if b[j] == 0.0:
                        denominator[j] = 1.0
                        if j < width:
                            defined[start + j] = False
                reciprocals(denominator, scratch, p, inverse_p)
                for j in range(lane):
                    d[j] = reduced(a[j] * denominator[j], p, inverse_p)


@kernel
def evaluate_numeric(code: Int, constants: Any, theta: Any, registers: Any, values: Any) -> None:
    """Values (m, B) of register code at theta (n, B), all arrays float64 or all complex128.

    ``registers`` is work space; its row length is the lane. Division by zero gives infinities and NaN.
    """
    lane = registers.shape[1]
    points = theta.shape[1]
    for start in range(0, points, lane):
        width = min(lane, points - start)
        for k in range(code.shape[0]):
            operation = code[k, 0]
            d = registers[code[k, 1]]
            a = registers[code[k, 2]]
            b = registers[code[k, 3]]
            c = registers[code[k, 4]]
            row = code[k, 5]
            if operation == MUL_ADD:
                for j in range(lane):
                    d[j] = a[j] * b[j] + c[j]
            elif operation == MUL:
                for j in range(lane):
                    d[j] = a[j] * b[j]
            elif operation == ADD:
                for j in range(lane):
                    d[j] = a[j] + b[j]
            elif operation == SUB:
                for j in range(lane):
                    d[j] = a[j] - b[j]
            elif operation == SUB_MUL:
                for j in range(lane):
                    d[j] = c[j] - a[j] * b[j]
            elif operation == MUL_SUB:
                for j in range(lane):
                    d[j] = a[j] * b[j] - c[j]
            elif operation == LOAD:
                source = theta[row]
                for j in range(width):
                    d[j] = source[start + j]
                for j in range(width, lane):
                    d[j] = 1.0
            elif operation == STORE:
                target = values[row]
                for j in range(width):
                    target[start + j] = a[j]
            elif operation == NEG:
                for j in range(lane):
                    d[j] = -a[j]
            elif operation == CONSTANT:
                value = constants[row]
                for j in range(lane):
                    d[j] = value
            elif operation == DIV:
                for j in range(lane):
                    d[j] = a[j] / b[j]


@kernel
def inverse_modular(x: float, p: float) -> float:
    """Balanced inverse of the non-zero residue x mod p, by the extended Euclidean algorithm."""
    modulus = np.int64(p)
    r0, r1 = modulus, np.int64(x) % modulus
    s0, s1 = np.int64(0), np.int64(1)
    while r1 != 0:
        q = r0 // r1
        r0, r1 = r1, r0 - q * r1
        s0, s1 = s1, s0 - q * s1
    s0 %= modulus
    if s0 > modulus // 2:
        s0 -= modulus
    return float(s0)


@kernel
def linearize_modular(operations: Int, nodes: Float, p: float, weights: Float) -> bool:
    """Values of all nodes of a tape at one point mod p and the partial derivatives of each operation.

    ``operations`` (K, 3) is the tape itself: operation, left node, right node. The last K entries of ``nodes`` are
    filled (the first hold parameters and constants); ``weights`` (K, 2) receives the derivatives of an operation by
    its left and right operand. Returns False where a denominator vanishes.
    """
    inverse_p = 1.0 / p
    first = nodes.size - operations.shape[0]
    defined = True
    for k in range(operations.shape[0]):
        operation = operations[k, 0]
        a = nodes[operations[k, 1]]
        b = nodes[operations[k, 2]]
        if operation == MUL:
            value = a * b
            weights[k, 0] = b
            weights[k, 1] = a
        elif operation == ADD:
            value = a + b
            weights[k, 0] = 1.0
            weights[k, 1] = 1.0
        elif operation == SUB:
            value = a - b
            weights[k, 0] = 1.0
            weights[k, 1] = -1.0
        elif operation == NEG:
            value = -a
            weights[k, 0] = -1.0
            weights[k, 1] = 0.0
        else:
            if b == 0.0:
                defined = False
                b = 1.0
            inverse = inverse_modular(b, p)
            value = reduced(a * inverse, p, inverse_p)
            weights[k, 0] = inverse
            weights[k, 1] = reduced(-value * inverse, p, inverse_p)
        nodes[first + k] = reduced(value, p, inverse_p)
    return defined


@kernel
def linearize_numeric(operations: Int, nodes: Any, weights: Any) -> None:
    """As `linearize_modular`, for float64 or complex128 arrays."""
    first = nodes.size - operations.shape[0]
    for k in range(operations.shape[0]):
        operation = operations[k, 0]
        a = nodes[operations[k, 1]]
        b = nodes[operations[k, 2]]
        if operation == MUL:
            nodes[first + k] = a * b
            weights[k, 0] = b
            weights[k, 1] = a
        elif operation == ADD:
            nodes[first + k] = a + b
            weights[k, 0] = 1.0
            weights[k, 1] = 1.0
        elif operation == SUB:
            nodes[first + k] = a - b
            weights[k, 0] = 1.0
            weights[k, 1] = -1.0
        elif operation == NEG:
            nodes[first + k] = -a
            weights[k, 0] = -1.0
            weights[k, 1] = 0.0
        else:
            nodes[first + k] = a / b
            weights[k, 0] = 1.0 / b
            weights[k, 1] = -nodes[first + k] / b


# Instructions of a sweep: rows (instruction, destination, source, weight, row) over registers that hold one tangent or
# adjoint per direction. `weight` indexes the flattened partial derivatives; -1 means one.
SCALE = 0  # destination = weight * source
ACCUMULATE = 1  # destination += weight * source
CLEAR = 2  # destination = 0
SEED = 3  # destination[row] += weight: row is a direction
EMIT = 4  # result[row] += weight * source


@kernel
def jacobian_modular(
    operations: Int,
    sweep: Int,
    constants: Float,
    theta: Float,
    p: float,
    registers: Float,
    nodes: Float,
    weights: Float,
    result: Float,
    defined: NDArray[np.bool_],
) -> None:
    """Derivatives mod p at each of the points theta (n, B), by one sweep over the linearized tape.

    ``sweep`` is a forward sweep (``result`` (B, m, n), directions are parameters) or a reverse sweep (``result``
    (B, n, m), directions are outputs); ``result`` comes in as zeros. ``defined`` is made false where a denominator
    vanishes. ``registers``, ``nodes`` and ``weights`` are work space; the row length of ``registers`` is the number of
    directions treated at once.
    """
    inverse_p = 1.0 / p
    n = theta.shape[0]
    directions = result.shape[2]
    lane = registers.shape[1]
    flat = weights.reshape(weights.size)
    for point in range(theta.shape[1]):
        for i in range(n):
            nodes[i] = theta[i, point]
        nodes[n : n + constants.size] = constants
        defined[point] = linearize_modular(operations, nodes, p, weights)
        for low in range(0, directions, lane):
            width = min(lane, directions - low)
            for k in range(sweep.shape[0]):
                instruction = sweep[k, 0]
                d = registers[sweep[k, 1]]
                s = registers[sweep[k, 2]]
                w = 1.0 if sweep[k, 3] < 0 else flat[sweep[k, 3]]
                row = sweep[k, 4]
                if instruction == SCALE:
                    for j in range(width):
                        d[j] = reduced(w * s[j], p, inverse_p)
                elif instruction == ACCUMULATE:
                    for j in range(width):
                        d[j] = reduced(d[j] + w * s[j], p, inverse_p)
                elif instruction == CLEAR:
                    for j in range(width):
                        d[j] = 0.0
                elif instruction == SEED:
                    if low <= row < low + width:
                        d[row - low] = reduced(d[row - low] + w, p, inverse_p)
                else:
                    target = result[point, row]
                    for j in range(width):
                        target[low + j] = reduced(target[low + j] + w * s[j], p, inverse_p)


@kernel
def jacobian_numeric(
    operations: Int,
    sweep: Int,
    constants: Any,
    theta: Any,
    registers: Any,
    nodes: Any,
    weights: Any,
    result: Any,
) -> None:
    """As `jacobian_modular`, all arrays float64 or all complex128; division by zero gives infinities and NaN."""
    n = theta.shape[0]
    directions = result.shape[2]
    lane = registers.shape[1]
    flat = weights.reshape(weights.size)
    for point in range(theta.shape[1]):
        for i in range(n):
            nodes[i] = theta[i, point]
        nodes[n : n + constants.size] = constants
        linearize_numeric(operations, nodes, weights)
        for low in range(0, directions, lane):
            width = min(lane, directions - low)
            for k in range(sweep.shape[0]):
                instruction = sweep[k, 0]
                d = registers[sweep[k, 1]]
                s = registers[sweep[k, 2]]
                row = sweep[k, 4]
                if instruction == CLEAR:
                    for j in range(width):
                        d[j] = 0.0
                elif sweep[k, 3] < 0:
                    # Unit weights: a product with one would turn infinite entries into NaN in complex arithmetic.
                    if instruction == SEED:
                        if low <= row < low + width:
                            d[row - low] += 1.0
                    else:
                        target = result[point, row]
                        for j in range(width):
                            target[low + j] += s[j]
                else:
                    w = flat[sweep[k, 3]]
                    if instruction == SCALE:
                        for j in range(width):
                            d[j] = w * s[j]
                    elif instruction == ACCUMULATE:
                        for j in range(width):
                            d[j] += w * s[j]
                    elif instruction == SEED:
                        if low <= row < low + width:
                            d[row - low] += w
                    else:
                        target = result[point, row]
                        for j in range(width):
                            target[low + j] += w * s[j]

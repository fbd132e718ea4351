"""Evaluation and differentiation of straight-line tapes over F_p, float64 and complex128.

A tape arrives lowered to register code (`algeom.maps.program`): rows of six int64 numbers

    operation, destination, a, b, c, row

in which ``destination``, ``a``, ``b``, ``c`` are registers and ``row`` is the parameter, constant or output
that LOAD, CONSTANT and STORE touch. A register is a lane of points, contiguous in memory, so that one
interpreted instruction does the work of a whole lane and the few live registers stay in the first-level
cache. The destination never equals an operand: a check at run time then finds that the arrays of a loop do not
overlap, and its vector form runs.

Registers are one flat array with offsets, because taking a row of a two-dimensional array costs an atomic
reference count, four of which cost more than the arithmetic of a lane. Offsets are unsigned, which spares the test
for negative indices that would keep loops from being vectorized.

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
INVERT = 14  # 1/a mod p, a reduced

#: Largest absolute value that `reduce_product` and REDUCE may meet; derived above.
REDUCIBLE = 2.0**50

#: Largest absolute value of a balanced residue, over all supported primes p < 2^23.
BALANCED = 2.0**22

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def reduced(t: float, p: float, inverse_p: float) -> float:
    """Balanced residue of the integer t, |t| <= 2^50."""
    residue: float = t - p * np.rint(t * inverse_p)
    return residue


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
def reciprocals(tree: Float, size: int, p: float, inverse_p: float) -> None:
    """Replace tree[:size], non-zero residues, by their inverses mod p; the same number of entries follow for scratch.

    Montgomery's trick as a tree, so that every level is a vector operation: products of the two halves until the
    number of them is odd (one, for lanes of 2^k points), their inverses, and back.
    """
    low = np.uintp(0)
    width = np.uintp(size)
    while width % np.uintp(2) == 0:
        half = width // np.uintp(2)
        for j in range(half):
            tree[low + width + j] = reduced(tree[low + j] * tree[low + half + j], p, inverse_p)
        low += width
        width = half
    for j in range(width):
        tree[low + j] = inverse_modular(tree[low + j], p)
    # The inverse of a factor is the inverse of the product times the other factor.
    while low > 0:
        half = width
        width = np.uintp(2) * half
        low -= width
        for j in range(half):
            first = tree[low + j]
            tree[low + j] = reduced(tree[low + half + j] * tree[low + width + j], p, inverse_p)
            tree[low + half + j] = reduced(first * tree[low + width + j], p, inverse_p)


@kernel
def evaluate_modular(
    code: Int,
    constants: Float,
    theta: Float,
    p: float,
    registers: Float,
    size: int,
    first: int,
    last: int,
    values: Float,
    defined: NDArray[np.bool_],
) -> None:
    """Values (m, B) mod p of register code at the points first..last-1 of theta (n, B), all balanced residues.

    ``registers`` is flat work space for one lane per register and two more; ``size``,
    the length of a lane, is a multiple of 8.
    ``defined`` comes in true and is made false where a denominator vanishes; values there mean nothing.
    """
    lane = np.uintp(size)
    points = np.uintp(last - first)
    inverse_p = 1.0 / p
    tree = registers[registers.size - 2 * lane :]
    for chunk in range((points + lane - np.uintp(1)) // lane):
        start = np.uintp(first) + chunk * lane
        width = min(lane, points - chunk * lane)
        for k in range(code.shape[0]):
            operation = code[k, 0]
            d = np.uintp(code[k, 1]) * lane
            a = np.uintp(code[k, 2]) * lane
            b = np.uintp(code[k, 3]) * lane
            c = np.uintp(code[k, 4]) * lane
            row = np.uintp(code[k, 5])
            if operation == MUL_ADD:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j] + registers[c + j]
            elif operation == MUL_REDUCE:
                for j in range(lane):
                    registers[d + j] = reduced(registers[a + j] * registers[b + j], p, inverse_p)
            elif operation == MUL:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j]
            elif operation == ADD:
                for j in range(lane):
                    registers[d + j] = registers[a + j] + registers[b + j]
            elif operation == SUB:
                for j in range(lane):
                    registers[d + j] = registers[a + j] - registers[b + j]
            elif operation == REDUCE:
                for j in range(lane):
                    registers[d + j] = reduced(registers[d + j], p, inverse_p)
            elif operation == SUB_MUL:
                for j in range(lane):
                    registers[d + j] = registers[c + j] - registers[a + j] * registers[b + j]
            elif operation == MUL_SUB:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j] - registers[c + j]
            elif operation == LOAD:
                for j in range(width):
                    registers[d + j] = theta[row, start + j]
                for j in range(width, lane):
                    registers[d + j] = 1.0
            elif operation == STORE_REDUCED:
                for j in range(width):
                    values[row, start + j] = reduced(registers[a + j], p, inverse_p)
            elif operation == STORE:
                for j in range(width):
                    values[row, start + j] = registers[a + j]
            elif operation == NEG:
                for j in range(lane):
                    registers[d + j] = -registers[a + j]
            elif operation == CONSTANT:
                value = constants[row]
                for j in range(lane):
                    registers[d + j] = value
            elif operation == INVERT:
                for j in range(lane):
                    tree[j] = registers[a + j]
                    if tree[j] == 0.0:
                        tree[j] = 1.0
                        if j < width:
                            defined[start + j] = False
                reciprocals(tree, size, p, inverse_p)
                for j in range(lane):
                    registers[d + j] = tree[j]


@kernel
def quotient(a: Any, b: Any) -> Any:
    """Quotient a/b, infinite or NaN for b = 0, where compiled complex division would raise an exception."""
    return a / b if b != 0 else a * np.inf


@kernel
def evaluate_numeric(
    code: Int, constants: Any, theta: Any, registers: Any, size: int, first: int, last: int, values: Any
) -> None:
    """Values (m, B) of register code at the points first..last-1 of theta (n, B).

    Arrays are all float64 or all complex128.

    ``registers`` is flat work space for one lane per register. Division by zero gives infinities and NaN.
    """
    lane = np.uintp(size)
    points = np.uintp(last - first)
    for chunk in range((points + lane - np.uintp(1)) // lane):
        start = np.uintp(first) + chunk * lane
        width = min(lane, points - chunk * lane)
        for k in range(code.shape[0]):
            operation = code[k, 0]
            d = np.uintp(code[k, 1]) * lane
            a = np.uintp(code[k, 2]) * lane
            b = np.uintp(code[k, 3]) * lane
            c = np.uintp(code[k, 4]) * lane
            row = np.uintp(code[k, 5])
            if operation == MUL_ADD:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j] + registers[c + j]
            elif operation == MUL:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j]
            elif operation == ADD:
                for j in range(lane):
                    registers[d + j] = registers[a + j] + registers[b + j]
            elif operation == SUB:
                for j in range(lane):
                    registers[d + j] = registers[a + j] - registers[b + j]
            elif operation == SUB_MUL:
                for j in range(lane):
                    registers[d + j] = registers[c + j] - registers[a + j] * registers[b + j]
            elif operation == MUL_SUB:
                for j in range(lane):
                    registers[d + j] = registers[a + j] * registers[b + j] - registers[c + j]
            elif operation == LOAD:
                for j in range(width):
                    registers[d + j] = theta[row, start + j]
                for j in range(width, lane):
                    registers[d + j] = 1.0
            elif operation == STORE:
                for j in range(width):
                    values[row, start + j] = registers[a + j]
            elif operation == NEG:
                for j in range(lane):
                    registers[d + j] = -registers[a + j]
            elif operation == CONSTANT:
                value = constants[row]
                for j in range(lane):
                    registers[d + j] = value
            elif operation == DIV:
                for j in range(lane):
                    registers[d + j] = quotient(registers[a + j], registers[b + j])


@kernel
def linearize_modular(operations: Int, nodes: Float, p: float, weights: Float) -> bool:
    """Values of all nodes of a tape at one point mod p and the partial derivatives of each operation.

    ``operations`` (K, 3) is the tape itself: operation, left node, right node. The last K entries of ``nodes`` are
    filled (the first hold parameters and constants); ``weights`` (2K) receives the derivatives of each operation by its
    left and its right operand. Returns False where a denominator vanishes.
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
            weights[2 * k] = b
            weights[2 * k + 1] = a
        elif operation == ADD:
            value = a + b
            weights[2 * k] = 1.0
            weights[2 * k + 1] = 1.0
        elif operation == SUB:
            value = a - b
            weights[2 * k] = 1.0
            weights[2 * k + 1] = -1.0
        elif operation == NEG:
            value = -a
            weights[2 * k] = -1.0
            weights[2 * k + 1] = 0.0
        else:
            if b == 0.0:
                defined = False
                b = 1.0
            inverse = inverse_modular(b, p)
            value = reduced(a * inverse, p, inverse_p)
            weights[2 * k] = inverse
            weights[2 * k + 1] = reduced(-value * inverse, p, inverse_p)
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
            weights[2 * k] = b
            weights[2 * k + 1] = a
        elif operation == ADD:
            nodes[first + k] = a + b
            weights[2 * k] = 1.0
            weights[2 * k + 1] = 1.0
        elif operation == SUB:
            nodes[first + k] = a - b
            weights[2 * k] = 1.0
            weights[2 * k + 1] = -1.0
        elif operation == NEG:
            nodes[first + k] = -a
            weights[2 * k] = -1.0
            weights[2 * k + 1] = 0.0
        else:
            nodes[first + k] = quotient(a, b)
            weights[2 * k] = quotient(1.0, b)
            weights[2 * k + 1] = -quotient(nodes[first + k], b)


# Instructions of a sweep: rows (instruction, destination, source, weight, row) over registers that hold one tangent or
# adjoint per direction. `weight` indexes the partial derivatives; -1 means one.
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
    size: int,
    nodes: Float,
    weights: Float,
    result: Float,
    defined: NDArray[np.bool_],
) -> None:
    """Derivatives mod p at each of the points theta (n, B), by one sweep over the linearized tape.

    ``sweep`` is a forward sweep (``result`` (B, m, n), directions are parameters) or a reverse sweep (``result``
    (B, n, m), directions are outputs); ``result`` comes in as zeros. ``defined`` is made false where a denominator
    vanishes. ``registers``, ``nodes`` and ``weights`` are work space; ``size`` is the number of directions treated
    at once, the length of a register.
    """
    inverse_p = 1.0 / p
    n = theta.shape[0]
    directions = np.uintp(result.shape[2])
    lane = np.uintp(size)
    for point in range(np.uintp(theta.shape[1])):
        for i in range(n):
            nodes[i] = theta[i, point]
        for i in range(constants.size):
            nodes[n + i] = constants[i]
        defined[point] = linearize_modular(operations, nodes, p, weights)
        for chunk in range((directions + lane - np.uintp(1)) // lane):
            low = chunk * lane
            width = min(lane, directions - low)
            for k in range(sweep.shape[0]):
                instruction = sweep[k, 0]
                d = np.uintp(sweep[k, 1]) * lane
                s = np.uintp(sweep[k, 2]) * lane
                w = 1.0 if sweep[k, 3] < 0 else weights[sweep[k, 3]]
                row = np.uintp(sweep[k, 4])
                if instruction == SCALE:
                    for j in range(width):
                        registers[d + j] = reduced(w * registers[s + j], p, inverse_p)
                elif instruction == ACCUMULATE:
                    for j in range(width):
                        registers[d + j] = reduced(registers[d + j] + w * registers[s + j], p, inverse_p)
                elif instruction == CLEAR:
                    for j in range(width):
                        registers[d + j] = 0.0
                elif instruction == SEED:
                    if low <= row < low + width:
                        registers[d + row - low] = reduced(registers[d + row - low] + w, p, inverse_p)
                else:
                    for j in range(width):
                        total = result[point, row, low + j] + w * registers[s + j]
                        result[point, row, low + j] = reduced(total, p, inverse_p)


@kernel
def jacobian_numeric(
    operations: Int,
    sweep: Int,
    constants: Any,
    theta: Any,
    registers: Any,
    size: int,
    nodes: Any,
    weights: Any,
    result: Any,
) -> None:
    """As `jacobian_modular`, all arrays float64 or all complex128; division by zero gives infinities and NaN."""
    n = theta.shape[0]
    directions = np.uintp(result.shape[2])
    lane = np.uintp(size)
    for point in range(np.uintp(theta.shape[1])):
        for i in range(n):
            nodes[i] = theta[i, point]
        for i in range(constants.size):
            nodes[n + i] = constants[i]
        linearize_numeric(operations, nodes, weights)
        for chunk in range((directions + lane - np.uintp(1)) // lane):
            low = chunk * lane
            width = min(lane, directions - low)
            for k in range(sweep.shape[0]):
                instruction = sweep[k, 0]
                d = np.uintp(sweep[k, 1]) * lane
                s = np.uintp(sweep[k, 2]) * lane
                row = np.uintp(sweep[k, 4])
                if instruction == CLEAR:
                    for j in range(width):
                        registers[d + j] = 0.0
                elif sweep[k, 3] < 0:
                    # Unit weights: a product with one would turn infinite entries into NaN in complex arithmetic.
                    if instruction == SEED:
                        if low <= row < low + width:
                            registers[d + row - low] += 1.0
                    else:
                        for j in range(width):
                            result[point, row, low + j] += registers[s + j]
                else:
                    w = weights[sweep[k, 3]]
                    if instruction == SCALE:
                        for j in range(width):
                            registers[d + j] = w * registers[s + j]
                    elif instruction == ACCUMULATE:
                        for j in range(width):
                            registers[d + j] += w * registers[s + j]
                    elif instruction == SEED:
                        if low <= row < low + width:
                            registers[d + row - low] += w
                    else:
                        for j in range(width):
                            result[point, row, low + j] += w * registers[s + j]

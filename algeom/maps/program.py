"""Lowering a tape to register code for the kernels: fusion, lazy reduction, register allocation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.tape import (
    ACCUMULATE,
    ADD,
    BALANCED,
    CLEAR,
    CONSTANT,
    DIV,
    EMIT,
    INVERT,
    LOAD,
    MUL,
    MUL_ADD,
    MUL_REDUCE,
    MUL_SUB,
    NEG,
    REDUCE,
    REDUCIBLE,
    SCALE,
    SEED,
    STORE,
    STORE_REDUCED,
    SUB,
    SUB_MUL,
)

if TYPE_CHECKING:
    from algeom.maps.tape import Tape

_NONE = -1


@dataclass(frozen=True)
class Program:
    """Register code of a tape.

    Attributes
    ----------
    code : ndarray of int64, shape (K, 6)
        Instructions as `algeom._kernels.tape` reads them.
    n_registers : int
        Number of registers used, at least one.
    """

    code: NDArray[np.int64]
    n_registers: int


@dataclass(frozen=True)
class Sweep:
    """Register code of a derivative sweep.

    Attributes
    ----------
    code : ndarray of int64, shape (K, 5)
        Instructions as `algeom._kernels.tape.jacobian_modular` reads them.
    n_registers : int
        Number of registers used, at least one.
    reverse : bool
        Whether directions are outputs (adjoints) instead of inputs (tangents).
    """

    code: NDArray[np.int64]
    n_registers: int
    reverse: bool


class _Registers:
    """Linear-scan allocation: freed registers are taken again at once, the most recently used first."""

    def __init__(self) -> None:
        self.count = 0
        self.free: list[int] = []

    def take(self) -> int:
        if self.free:
            return self.free.pop()
        self.count += 1
        return self.count - 1


def lower(tape: Tape, *, modular: bool) -> Program:
    """Register code that evaluates a tape.

    A product used once, in a sum or difference, is fused with it. For ``modular`` code a bound on the absolute value
    of every node is followed (over all primes p < 2^23), and a reduction is put in only where the next operation
    could leave the range in which reduction is exact; a dot product of length 60 then costs one reduction. Quotients
    become products with the inverse, which all quotients by the same denominator share.
    """
    instructions = _select(tape, modular=modular)
    return _allocate(instructions)


def _select(tape: Tape, *, modular: bool) -> list[tuple[int, int, int, int, int, int]]:
    """Instructions on nodes instead of registers: (operation, destination, a, b, c, row), absent nodes -1."""
    n = tape.n_inputs
    first = n + len(tape.constants)
    operations = tape.operations.tolist()
    operands = tape.operands.tolist()
    outputs = tape.outputs.tolist()

    uses = [0] * tape.n_nodes
    factor = [False] * tape.n_nodes  # whether some product or quotient consumes the node
    for operation, (a, b) in zip(operations, operands, strict=True):
        uses[a] += 1
        if operation != NEG:
            uses[b] += 1
        if operation in (MUL, DIV):
            factor[a] = factor[b] = True
    rows: dict[int, list[int]] = {}
    for row, node in enumerate(outputs):
        uses[node] += 1
        rows.setdefault(node, []).append(row)

    def fusible(node: int) -> bool:
        return node >= first and operations[node - first] == MUL and uses[node] == 1

    fused: dict[int, int] = {}  # position of a sum -> the product that it absorbs
    absorbed: set[int] = set()
    for k, (operation, (a, b)) in enumerate(zip(operations, operands, strict=True)):
        if operation in (ADD, SUB) and a != b:
            for node in (b, a):
                if fusible(node):
                    fused[k] = node
                    absorbed.add(node)
                    break

    result: list[tuple[int, int, int, int, int, int]] = []
    # Exactly the balanced residues have the bound BALANCED: inputs, constants and whatever was just reduced.
    bound = [BALANCED] * tape.n_nodes
    present = [False] * first

    def need(node: int) -> None:
        if node < first and not present[node]:
            present[node] = True
            if node < n:
                result.append((LOAD, node, _NONE, _NONE, _NONE, node))
            else:
                result.append((CONSTANT, node, _NONE, _NONE, _NONE, node - n))

    def reduce(node: int) -> None:
        if modular and bound[node] > BALANCED:
            result.append((REDUCE, node, _NONE, _NONE, _NONE, 0))
            bound[node] = BALANCED

    def fit_product(a: int, b: int, extra: float = 0.0) -> None:
        """Reduce factors until their product plus ``extra`` can be reduced."""
        while modular and bound[a] * bound[b] + extra > REDUCIBLE:
            reduce(a if bound[a] >= bound[b] else b)

    inverses: dict[int, int] = {}

    def invert(node: int) -> int:
        """The node, numbered after those of the tape, of the inverse of a denominator mod p, computed once."""
        if node not in inverses:
            reduce(node)
            inverses[node] = len(bound)
            result.append((INVERT, len(bound), node, _NONE, _NONE, 0))
            bound.append(BALANCED)
        return inverses[node]

    def store(node: int) -> None:
        for row in rows.get(node, ()):
            unreduced = modular and bound[node] > BALANCED
            if unreduced and (factor[node] or len(rows[node]) > 1):
                reduce(node)
                unreduced = False
            result.append((STORE_REDUCED if unreduced else STORE, _NONE, node, _NONE, _NONE, row))

    for node in range(first):
        if node in rows:
            need(node)
            store(node)
    for k, (operation, (a, b)) in enumerate(zip(operations, operands, strict=True)):
        node = first + k
        if node in absorbed:
            continue
        if k in fused:
            product = fused[k]
            x, y = operands[product - first]
            z = a if product == b else b
            for operand in (x, y, z):
                need(operand)
            if modular and bound[z] > REDUCIBLE / 2:
                reduce(z)
            fit_product(x, y, bound[z])
            kind = MUL_ADD if operation == ADD else SUB_MUL if product == b else MUL_SUB
            result.append((kind, node, x, y, z, 0))
            bound[node] = bound[x] * bound[y] + bound[z]
        else:
            need(a)
            need(b)
            kind = operation
            if operation in (ADD, SUB):
                while modular and bound[a] + bound[b] > REDUCIBLE:
                    reduce(a if bound[a] >= bound[b] else b)
                bound[node] = bound[a] + bound[b]
            elif operation == MUL or (operation == DIV and modular):
                if operation == DIV:
                    b = invert(b)
                    kind = MUL
                fit_product(a, b)
                bound[node] = bound[a] * bound[b]
                if modular and factor[node] and bound[node] > BALANCED:
                    kind = MUL_REDUCE
                    bound[node] = BALANCED
            elif operation == DIV:
                bound[node] = BALANCED
            else:
                bound[node] = bound[a]
            result.append((kind, node, a, b, _NONE, 0))
        store(node)
    return result


def _allocate(instructions: list[tuple[int, int, int, int, int, int]]) -> Program:
    """Replace nodes by registers, keeping the destination apart from the operands."""
    last: dict[int, int] = {}
    for k, (_, d, a, b, c, _) in enumerate(instructions):
        for node in (d, a, b, c):
            if node != _NONE:
                last[node] = k
    registers = _Registers()
    register: dict[int, int] = {_NONE: 0}
    code = np.zeros((len(instructions), 6), dtype=np.int64)
    for k, (operation, d, a, b, c, row) in enumerate(instructions):
        if d not in register:
            register[d] = registers.take()
        code[k] = (operation, register[d], register[a], register[b], register[c], row)
        for node in {d, a, b, c}:
            if node != _NONE and last[node] == k:
                registers.free.append(register[node])
    return Program(code, max(1, registers.count))


def lower_sweep(tape: Tape, *, reverse: bool) -> Sweep:
    """Register code of the forward or reverse sweep over a tape's linearization."""
    n = tape.n_inputs
    first = n + len(tape.constants)
    operations = tape.operations.tolist()
    operands = tape.operands.tolist()
    rows: dict[int, list[int]] = {}
    for row, node in enumerate(tape.outputs.tolist()):
        rows.setdefault(node, []).append(row)

    # The adjoint of a node lives exactly as long as its tangent, so both sweeps share one allocation.
    last = list(range(len(operations)))
    for k, pair in enumerate(operands):
        for node in pair:
            if node >= first:
                last[node - first] = k
    registers = _Registers()
    register: list[int] = []
    ending: list[list[int]] = [[] for _ in operations]
    for k, position in enumerate(last):
        ending[position].append(k)
    for k in range(len(operations)):
        register.append(registers.take())
        registers.free.extend(register[j] for j in ending[k])

    def partials(k: int) -> list[tuple[int, int]]:
        """Operands of an operation that depend on inputs, each with the index of its weight."""
        sides = (0,) if operations[k] == NEG else (0, 1)
        return [(operands[k][side], 2 * k + side) for side in sides if not n <= operands[k][side] < first]

    code: list[tuple[int, int, int, int, int]] = []
    if reverse:
        started = [False] * len(operations)
        for k in reversed(range(len(operations))):
            d = register[k]
            for row in rows.get(first + k, ()):
                if not started[k]:
                    code.append((CLEAR, d, 0, -1, 0))
                    started[k] = True
                code.append((SEED, d, 0, -1, row))
            if not started[k]:
                continue
            for node, weight in partials(k):
                if node < n:
                    code.append((EMIT, 0, d, weight, node))
                else:
                    code.append((ACCUMULATE if started[node - first] else SCALE, register[node - first], d, weight, 0))
                    started[node - first] = True
    else:
        for k in range(len(operations)):
            d = register[k]
            started_here = False
            # Operations on nodes first: they may begin with a plain product, where a seed needs a cleared register.
            for node, weight in sorted(partials(k), key=lambda partial: partial[0] < n):
                if node < n:
                    if not started_here:
                        code.append((CLEAR, d, 0, -1, 0))
                    code.append((SEED, d, 0, weight, node))
                else:
                    code.append((ACCUMULATE if started_here else SCALE, d, register[node - first], weight, 0))
                started_here = True
            if not started_here:
                code.append((CLEAR, d, 0, -1, 0))
            for row in rows.get(first + k, ()):
                code.append((EMIT, 0, d, -1, row))
    return Sweep(np.array(code, dtype=np.int64).reshape(-1, 5), max(1, registers.count), reverse)

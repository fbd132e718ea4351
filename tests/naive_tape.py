"""Plain twins of the tape kernels: Python integers and Fractions, one point, one operation at a time."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.maps import Tape


def evaluate(tape: Tape, values: Sequence[Fraction | int]) -> list[Fraction]:
    """Values over Q; ZeroDivisionError where a denominator vanishes."""
    nodes = [Fraction(v) for v in values] + list(tape.constants)
    for operation, (a, b) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        x, y = nodes[a], nodes[b]
        nodes.append({ADD: x + y, SUB: x - y, MUL: x * y, NEG: -x}[operation] if operation != DIV else x / y)
    return [nodes[k] for k in tape.outputs.tolist()]


def balanced(x: int, p: int) -> int:
    """The residue of least absolute value."""
    x %= p
    return x - p if x > p // 2 else x


def evaluate_modular(tape: Tape, values: Sequence[int], p: int) -> list[int] | None:
    """Balanced residues of the values, or None where a denominator vanishes mod p."""
    nodes = [v % p for v in values] + [c.numerator * pow(c.denominator, -1, p) % p for c in tape.constants]
    for operation, (a, b) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        x, y = nodes[a], nodes[b]
        if operation == DIV:
            if y == 0:
                return None
            nodes.append(x * pow(y, p - 2, p) % p)
        else:
            nodes.append({ADD: x + y, SUB: x - y, MUL: x * y, NEG: -x}[operation] % p)
    return [balanced(nodes[k], p) for k in tape.outputs.tolist()]


def jacobian(tape: Tape, values: Sequence[Fraction | int]) -> list[list[Fraction]]:
    """Jacobian matrix over Q by dual numbers with one direction at a time."""
    columns = []
    for direction in range(tape.n_inputs):
        nodes: list[Any] = [(Fraction(v), Fraction(int(i == direction))) for i, v in enumerate(values)]
        nodes += [(c, Fraction(0)) for c in tape.constants]
        for operation, (a, b) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
            (x, dx), (y, dy) = nodes[a], nodes[b]
            if operation == ADD:
                nodes.append((x + y, dx + dy))
            elif operation == SUB:
                nodes.append((x - y, dx - dy))
            elif operation == MUL:
                nodes.append((x * y, dx * y + x * dy))
            elif operation == NEG:
                nodes.append((-x, -dx))
            else:
                nodes.append((x / y, (dx * y - x * dy) / (y * y)))
        columns.append([nodes[k][1] for k in tape.outputs.tolist()])
    return [list(row) for row in zip(*columns, strict=True)]

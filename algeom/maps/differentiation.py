"""Derivatives of tapes as tapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algeom._kernels.tape import ADD, MUL, NEG, SUB
from algeom.errors import InputError
from algeom.maps.builder import TapeBuilder

if TYPE_CHECKING:
    from algeom.maps.tape import Tape

#: Operations times directions up to which both modes are built and the shorter tape is taken.
_TRY_BOTH = 50_000


class _Linearized:
    """A tape inside a builder, and the partial derivatives of its operations as nodes made on demand."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.builder = TapeBuilder(tape.n_inputs)
        self.nodes = self.builder.append_nodes(tape, self.builder.inputs)
        self.first = tape.n_inputs + len(tape.constants)
        self.operations = tape.operations.tolist()
        self.operands = tape.operands.tolist()

    def scaled(self, k: int, side: int, factor: int) -> int:
        """Node of ``factor`` times the derivative of operation k by its left (0) or right (1) operand."""
        builder, operation = self.builder, self.operations[k]
        left, right = (self.nodes[node] for node in self.operands[k])
        if operation == ADD or (operation == SUB and side == 0):
            return factor
        if operation in (SUB, NEG):
            return builder.neg(factor)
        if operation == MUL:
            return builder.mul(right if side == 0 else left, factor)
        if side == 0:
            return builder.div(factor, right)
        return builder.neg(builder.div(builder.mul(factor, self.nodes[self.first + k]), right))

    def sides(self, k: int) -> list[tuple[int, int]]:
        """Operands of operation k that can depend on inputs: pairs (side, node)."""
        sides = (0,) if self.operations[k] == NEG else (0, 1)
        n = self.tape.n_inputs
        return [(side, node) for side in sides if not n <= (node := self.operands[k][side]) < self.first]

    def reverse(self, output: int) -> list[int]:
        """Nodes of the gradient of one node of the tape, by a reverse sweep."""
        builder = self.builder
        adjoint: dict[int, int] = {output: builder.one}
        for k in range(output - self.first, -1, -1):
            seed = adjoint.pop(self.first + k, None)
            if seed is None or seed == builder.zero:
                continue
            for side, node in self.sides(k):
                term = self.scaled(k, side, seed)
                adjoint[node] = builder.add(adjoint[node], term) if node in adjoint else term
        return [adjoint.get(i, builder.zero) for i in range(self.tape.n_inputs)]

    def forward(self) -> list[dict[int, int]]:
        """For every node of the tape its non-zero partial derivatives by inputs, by a sparse forward sweep."""
        builder, n = self.builder, self.tape.n_inputs
        tangents: list[dict[int, int]] = [{i: builder.one} for i in range(n)]
        tangents += [{} for _ in self.tape.constants]
        for k in range(len(self.operations)):
            total: dict[int, int] = {}
            for side, node in self.sides(k):
                for i, tangent in tangents[node].items():
                    term = self.scaled(k, side, tangent)
                    total[i] = builder.add(total[i], term) if i in total else term
            tangents.append(total)
        return tangents


def gradient_tape(tape: Tape, output: int) -> Tape:
    """Tape of the n partial derivatives of one output, by a reverse sweep."""
    if not 0 <= output < tape.n_outputs:
        raise InputError(f"output {output} was asked for; the tape has outputs 0 to {tape.n_outputs - 1}")
    linearized = _Linearized(tape)
    return linearized.builder.build(linearized.reverse(int(tape.outputs[output])))


def jacobian_tape(tape: Tape, *, with_values: bool = False) -> Tape:
    """Tape of the Jacobian matrix in row order, after the values if asked for.

    Forward and reverse sweeps give the same functions by different operations; small tapes try both and
    keep the shorter, large ones take the sweep with fewer directions.
    """
    directions = min(tape.n_inputs, tape.n_outputs)
    if tape.n_operations * directions <= _TRY_BOTH:
        modes = [False, True]
    else:
        modes = [tape.n_outputs < tape.n_inputs]
    results = [_jacobian_tape(tape, reverse=reverse, with_values=with_values) for reverse in modes]
    return min(results, key=lambda result: result.n_operations)


def _jacobian_tape(tape: Tape, *, reverse: bool, with_values: bool) -> Tape:
    linearized = _Linearized(tape)
    outputs = tape.outputs.tolist()
    nodes = [linearized.nodes[node] for node in outputs] if with_values else []
    if reverse:
        gradients = {node: linearized.reverse(node) for node in dict.fromkeys(outputs)}
        for node in outputs:
            nodes += gradients[node]
    else:
        tangents = linearized.forward()
        zero = linearized.builder.zero
        nodes += [tangents[node].get(i, zero) for node in outputs for i in range(tape.n_inputs)]
    return linearized.builder.build(nodes)

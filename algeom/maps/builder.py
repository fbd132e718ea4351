"""Building tapes: operations on node numbers, with sharing and simplification as they are made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.errors import InputError
from algeom.maps.constants import exact_constant

if TYPE_CHECKING:
    from algeom.maps.tape import Tape

_INPUT, _CONSTANT = -1, -2

#: Largest exponent accepted in a power; beyond it the degree bounds that everything rests on are useless.
MAX_EXPONENT = 1_000_000

_MAX_CONSTANT_BITS = 1_000_000


class TapeBuilder:
    """A growing straight-line program over the inputs ``x_1, ..., x_n``.

    Nodes are integers. Every operation returns a node; the same operation on the same nodes returns the same node,
    constants are folded, and what is zero, one or a double negation never becomes an operation. `build` keeps only
    what the outputs need.

    Parameters
    ----------
    n_inputs : int
        Number of inputs.

    Attributes
    ----------
    zero, one : int
        Nodes of the constants 0 and 1. ``zero`` is node 0, so that arrays of nodes can be padded with zeros.
    inputs : range
        Nodes of the inputs.
    has_float_constants : bool
        Whether a constant came from a float whose shortest decimal form is not its exact value (0.1, but not 0.5).

    Examples
    --------
    >>> builder = TapeBuilder(2)
    >>> a, b = builder.inputs
    >>> square = builder.mul(builder.add(a, b), builder.add(b, a))
    >>> builder.build([square, builder.sub(square, square)])
    Tape(2 inputs, 2 operations, 1 constant, 2 outputs)
    """

    def __init__(self, n_inputs: int) -> None:
        self.n_inputs = n_inputs
        self.zero = 0
        self.has_float_constants = False
        self.inputs = range(1, n_inputs + 1)
        self._operation: list[int] = [_CONSTANT] + [_INPUT] * n_inputs
        self._left: list[int] = [0] * (n_inputs + 1)
        self._right: list[int] = [0] * (n_inputs + 1)
        self._value: list[Fraction | None] = [Fraction(0)] + [None] * n_inputs
        self._constants: dict[Fraction, int] = {Fraction(0): 0}
        self._known: dict[tuple[int, int, int], int] = {}
        self.one = self.constant(1)

    def __len__(self) -> int:
        return len(self._operation)

    def constant(self, value: Fraction | int) -> int:
        """Node of an exact constant."""
        value = Fraction(value)
        node = self._constants.get(value)
        if node is None:
            node = self._append(_CONSTANT, 0, 0, value)
            self._constants[value] = node
        return node

    def literal(self, value: Any) -> int:
        """Node of a number as a user writes it: int, Fraction, float, NumPy or mpmath number, ...

        Raises
        ------
        InputError
            If it is not a finite rational or real number.
        """
        exact, rounded = exact_constant(value)
        self.has_float_constants |= rounded
        return self.constant(exact)

    def value(self, node: int) -> Fraction | None:
        """The constant that a node is, or None."""
        return self._value[node]

    def _append(self, operation: int, left: int, right: int, value: Fraction | None = None) -> int:
        self._operation.append(operation)
        self._left.append(left)
        self._right.append(right)
        self._value.append(value)
        return len(self._operation) - 1

    def _emit(self, operation: int, left: int, right: int) -> int:
        key = (operation, left, right)
        node = self._known.get(key)
        if node is None:
            node = self._append(operation, left, right)
            self._known[key] = node
        return node

    def add(self, a: int, b: int) -> int:
        """Node of a + b."""
        u, v = self._value[a], self._value[b]
        if u is not None:
            if v is not None:
                return self.constant(u + v)
            if not u:
                return b
        elif v is not None and not v:
            return a
        if self._operation[b] == NEG:
            return self.sub(a, self._left[b])
        if self._operation[a] == NEG:
            return self.sub(b, self._left[a])
        return self._emit(ADD, a, b) if a <= b else self._emit(ADD, b, a)

    def sub(self, a: int, b: int) -> int:
        """Node of a - b."""
        if a == b:
            return self.zero
        u, v = self._value[a], self._value[b]
        if v is not None:
            return self.add(a, self.constant(-v))
        if u is not None and not u:
            return self.neg(b)
        if self._operation[b] == NEG:
            return self.add(a, self._left[b])
        if self._operation[a] == NEG:
            return self.neg(self.add(self._left[a], b))
        return self._emit(SUB, a, b)

    def neg(self, a: int) -> int:
        """Node of -a."""
        u = self._value[a]
        if u is not None:
            return self.constant(-u)
        if self._operation[a] == NEG:
            return self._left[a]
        if self._operation[a] == SUB:
            return self._emit(SUB, self._right[a], self._left[a])
        return self._emit(NEG, a, a)

    def mul(self, a: int, b: int) -> int:
        """Node of a * b."""
        if self._value[b] is not None:
            a, b = b, a
        u = self._value[a]
        if u is not None:
            v = self._value[b]
            if v is not None:
                return self.constant(u * v)
            if not u:
                return self.zero
            if u == 1:
                return b
            if u == -1:
                return self.neg(b)
            if self._operation[b] == NEG:
                return self.mul(self.constant(-u), self._left[b])
            if self._operation[b] == MUL:
                inner = self._value[self._left[b]]
                if inner is not None:
                    return self.mul(self.constant(u * inner), self._right[b])
            if u == 2:
                return self._emit(ADD, b, b)
            # Constants come first in a product, which the rule above relies on.
            return self._emit(MUL, a, b)
        if self._operation[a] == NEG:
            return self.neg(self.mul(self._left[a], b))
        if self._operation[b] == NEG:
            return self.neg(self.mul(a, self._left[b]))
        return self._emit(MUL, a, b) if a <= b else self._emit(MUL, b, a)

    def div(self, a: int, b: int) -> int:
        """Node of a / b.

        Raises
        ------
        InputError
            If b is the constant zero.
        """
        v = self._value[b]
        if v is not None:
            if not v:
                raise InputError(
                    "the map divides by a quantity that is identically zero; remove that division or its coordinate"
                )
            return self.mul(self.constant(1 / v), a)
        u = self._value[a]
        if u is not None and not u:
            return self.zero
        if a == b:
            return self.one
        if self._operation[a] == NEG:
            return self.neg(self.div(self._left[a], b))
        if self._operation[b] == NEG:
            return self.neg(self.div(a, self._left[b]))
        return self._emit(DIV, a, b)

    def power(self, a: int, exponent: int) -> int:
        """Node of a**exponent for an integer exponent; negative exponents divide.

        Raises
        ------
        InputError
            If the exponent is beyond `MAX_EXPONENT` in absolute value, or a zero constant gets a negative one.
        """
        if abs(exponent) > MAX_EXPONENT:
            raise InputError(f"exponent {exponent} is too large; exponents up to {MAX_EXPONENT} are supported")
        if exponent < 0:
            return self.div(self.one, self.power(a, -exponent))
        if exponent == 0:
            return self.one
        u = self._value[a]
        if u is not None:
            if exponent * max(u.numerator.bit_length(), u.denominator.bit_length()) > _MAX_CONSTANT_BITS:
                raise InputError(f"the constant ({u})**{exponent} is too large to write down; scale the map")
            return self.constant(u**exponent)
        if exponent == 1:
            return a
        half = exponent // 2
        return self.mul(self.power(a, half), self.power(a, exponent - half))

    def sum(self, nodes: Iterable[int]) -> int:
        """Node of a sum, chained from the left so that products fuse with the additions."""
        total = self.zero
        for node in nodes:
            total = self.add(total, node)
        return total

    def dot(self, left: Iterable[int], right: Iterable[int]) -> int:
        """Node of the sum of products of corresponding nodes."""
        return self.sum(self.mul(a, b) for a, b in zip(left, right, strict=True))

    def append(self, tape: Tape, inputs: Sequence[int]) -> list[int]:
        """Nodes of the outputs of ``tape`` with its inputs replaced by the given nodes.

        Raises
        ------
        InputError
            If the number of nodes is not the tape's number of inputs.
        """
        nodes = self.append_nodes(tape, inputs)
        return [nodes[k] for k in tape.outputs.tolist()]

    def append_nodes(self, tape: Tape, inputs: Sequence[int]) -> list[int]:
        """As `append`, the nodes of all of the tape's nodes in their order."""
        if len(inputs) != tape.n_inputs:
            raise InputError(f"a tape of {tape.n_inputs} inputs was given {len(inputs)} nodes for them")
        nodes = list(inputs)
        nodes += [self.constant(value) for value in tape.constants]
        apply = {ADD: self.add, SUB: self.sub, MUL: self.mul, DIV: self.div}
        for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
            if operation == NEG:
                nodes.append(self.neg(nodes[left]))
            else:
                nodes.append(apply[operation](nodes[left], nodes[right]))
        return nodes

    def build(self, outputs: Sequence[int]) -> Tape:
        """The tape that computes the given nodes, and nothing else.

        Operations come in the order of a depth-first walk from the outputs: what is computed is used soon after, which
        keeps the number of live values, hence the working set, small.
        """
        from algeom.maps.tape import Tape

        operation, left, right = self._operation, self._left, self._right
        order: list[int] = []
        constants: list[int] = []
        seen = [False] * len(operation)
        for output in outputs:
            stack = [output]
            while stack:
                node = stack[-1]
                if seen[node]:
                    stack.pop()
                    continue
                kind = operation[node]
                if kind < 0:
                    seen[node] = True
                    if kind == _CONSTANT:
                        constants.append(node)
                    stack.pop()
                    continue
                a, b = left[node], right[node]
                if not seen[a]:
                    stack.append(a)
                elif not seen[b]:
                    stack.append(b)
                else:
                    seen[node] = True
                    order.append(node)
                    stack.pop()
        number = {node: k for k, node in enumerate(self.inputs)}
        for node in [*constants, *order]:
            number[node] = len(number)
        return Tape(
            n_inputs=self.n_inputs,
            constants=tuple(self._value[node] or Fraction(0) for node in constants),
            operations=[operation[node] for node in order],
            operands=[(number[left[node]], number[right[node]]) for node in order],
            outputs=[number[node] for node in outputs],
        )

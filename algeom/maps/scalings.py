"""Scalings that the tape itself proves: those of the parameters, and those of coordinates that are free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.algebra import lattice
from algeom.errors import GenericityError
from algeom.maps.tape import Tape

_PRIME = 4194301


@dataclass(frozen=True)
class Scalings:
    """Diagonal symmetries of an image that can be read off the tape of its map.

    Attributes
    ----------
    free : tuple of (coordinate, parameter)
        In this order, each parameter enters its coordinate and no other one that is not listed before. The image
        closure is then a product with a line in that coordinate, which may be scaled by itself.
    parameters : tuple of tuples, (s, n)
        A basis of the lattice of parameter weights v for which, in what computes the other coordinates, both operands
        of each sum have the same weight, when constants weigh 0, products add and quotients subtract.
    coordinates : tuple of tuples, (s, m)
        The weights w with phi_i(t^v theta) = t^(w_i) phi_i(theta), row by row; 0 at the free coordinates.
    """

    free: tuple[tuple[int, int], ...]
    parameters: tuple[tuple[int, ...], ...]
    coordinates: tuple[tuple[int, ...], ...]

    @property
    def weights(self) -> list[list[int]]:
        """All nonzero weights of the coordinates that are proved."""
        m = len(self.coordinates[0]) if self.coordinates else 1 + max((i for i, _ in self.free), default=-1)
        rows = [list(row) for row in self.coordinates if any(row)]
        return rows + [[int(i == j) for j in range(m)] for i, _ in self.free]


def free_coordinates(tape: Tape) -> list[tuple[int, int]]:
    """Pairs (coordinate, parameter) as in `Scalings.free`.

    That a coordinate varies with its parameter is a nonzero entry of the Jacobian modulo a prime at a point.
    """
    n = tape.n_inputs
    depends = [1 << k for k in range(n)] + [0] * len(tape.constants)
    for left, right in tape.operands.tolist():
        depends.append(depends[left] | depends[right])
    of_output = [depends[k] for k in tape.outputs.tolist()]
    theta = np.random.default_rng(1).integers(-(_PRIME // 2), _PRIME // 2, n).astype(np.float64)
    try:
        jacobian = tape.jacobian_modular(theta, _PRIME)
    except (GenericityError, ZeroDivisionError):
        return []
    left_over = set(range(len(of_output)))
    found: list[tuple[int, int]] = []
    searching = True
    while searching:
        searching = False
        for k in range(n):
            users = [i for i in left_over if of_output[i] >> k & 1]
            if len(users) == 1 and jacobian[users[0], k]:
                found.append((users[0], k))
                left_over.remove(users[0])
                searching = True
    return found


def provable_scalings(tape: Tape) -> Scalings:
    """Every diagonal symmetry of the image that the tape proves without expanding anything.

    They may be fewer than those of the image: cancellation hides some from the tape, and some come from no scaling of
    the parameters.

    Examples
    --------
    >>> from algeom.maps.builder import TapeBuilder
    >>> build = TapeBuilder(3)
    >>> s, t, u = build.inputs
    >>> found = provable_scalings(build.build([build.mul(s, s), build.mul(s, t), build.mul(t, t), build.add(s, u)]))
    >>> found.parameters, found.coordinates, found.free
    (((1, 0, 0), (0, 1, 0), (0, 0, 1)), ((2, 1, 0, 0), (0, 1, 2, 0), (0, 0, 0, 0)), ((3, 2),))
    """
    n = tape.n_inputs
    outputs = tape.outputs.tolist()
    free = free_coordinates(tape)
    others = set(range(len(outputs))) - {i for i, _ in free}
    needed = [False] * tape.n_nodes
    for i in others:
        needed[outputs[i]] = True
    first = n + len(tape.constants)
    for node in range(tape.n_nodes - 1, first - 1, -1):
        if needed[node]:
            for operand in tape.operands[node - first].tolist():
                needed[operand] = True
    weights = [np.eye(n, dtype=np.int64)[k] for k in range(n)]
    weights += [np.zeros(n, np.int64)] * len(tape.constants)
    constraints: set[tuple[int, ...]] = set()
    for node, operation in enumerate(tape.operations.tolist(), start=first):
        left, right = tape.operands[node - first].tolist()
        a, b = weights[left], weights[right]
        if operation in (ADD, SUB):
            if needed[node] and (a != b).any():
                constraints.add(tuple((a - b).tolist()))
            weights.append(a)
        elif operation == MUL:
            weights.append(a + b)
        elif operation == DIV:
            weights.append(a - b)
        else:
            assert operation == NEG
            weights.append(a)
    identity = [[int(i == j) for j in range(n)] for i in range(n)]
    rows = lattice.integer_kernel([list(row) for row in sorted(constraints)]) if constraints else identity
    parameters = [tuple(map(int, row)) for row in rows]
    coordinates = [
        tuple(int(np.dot(np.array(v, dtype=object), weights[k])) if i in others else 0 for i, k in enumerate(outputs))
        for v in parameters
    ]
    for i in others:
        if n <= outputs[i] < first and tape.constants[outputs[i] - n] == 0:
            # The constant 0 has every weight.
            parameters.append((0,) * n)
            coordinates.append(tuple(int(i == j) for j in range(len(outputs))))
    return Scalings(tuple(free), tuple(parameters), tuple(coordinates))

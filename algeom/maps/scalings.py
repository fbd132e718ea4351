"""Scalings of the parameters under which every coordinate scales, read off the tape."""

from __future__ import annotations

import numpy as np

from algeom._kernels.tape import ADD, DIV, MUL, NEG, SUB
from algeom.algebra import lattice
from algeom.maps.tape import Tape


def parameter_scalings(tape: Tape) -> tuple[list[list[int]], list[list[int]]]:
    """Weights of the parameters that make every operation homogeneous, and the weights of the outputs they induce.

    Parameters
    ----------
    tape : Tape

    Returns
    -------
    parameters : list of lists, (s, n)
        A basis of the lattice of parameter weights v for which both operands of each sum have the same weight, when
        constants weigh 0, products add and quotients subtract. An output that is the constant 0 has any weight; each
        such output adds a row of zeros here.
    outputs : list of lists, (s, m)
        The weights w with phi_i(t^v theta) = t^(w_i) phi_i(theta), row by row.

    Notes
    -----
    The induced scalings are proved by the tape itself. They may be fewer than those of the image: cancellation hides
    some from the tape, and some come from no scaling of the parameters.

    Examples
    --------
    >>> from algeom.maps.builder import TapeBuilder
    >>> build = TapeBuilder(2)
    >>> s, t = build.inputs
    >>> parameter_scalings(build.build([build.mul(s, s), build.mul(s, t), build.mul(t, t)]))
    ([[1, 0], [0, 1]], [[2, 1, 0], [0, 1, 2]])
    """
    n = tape.n_inputs
    weights = [np.eye(n, dtype=np.int64)[k] for k in range(n)]
    weights += [np.zeros(n, np.int64)] * len(tape.constants)
    constraints: set[tuple[int, ...]] = set()
    for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        a, b = weights[left], weights[right]
        if operation in (ADD, SUB):
            difference = tuple((a - b).tolist())
            if any(difference):
                constraints.add(difference)
            weights.append(a)
        elif operation == MUL:
            weights.append(a + b)
        elif operation == DIV:
            weights.append(a - b)
        else:
            assert operation == NEG
            weights.append(a)
    identity = [[int(i == j) for j in range(n)] for i in range(n)]
    scalings = lattice.integer_kernel([list(row) for row in sorted(constraints)]) if constraints else identity
    parameters = [list(map(int, row)) for row in scalings]
    outputs = [[int(np.dot(np.array(v, dtype=object), weights[k])) for k in tape.outputs.tolist()] for v in parameters]
    zeros = [i for i, k in enumerate(tape.outputs.tolist()) if n <= k < n + len(tape.constants)]
    for i in zeros:
        if tape.constants[int(tape.outputs[i]) - n] == 0:
            parameters.append([0] * n)
            outputs.append([int(i == j) for j in range(len(tape.outputs))])
    return parameters, outputs

"""Determinants and minors without division, with shared subminors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.builder import TapeBuilder
from algeom.maps.tape import Tape

E = TypeVar("E")

#: Largest size of determinant expanded by minors: n 2^(n-1) products; from 9 on Bird's algorithm has fewer.
_LARGEST_EXPANSION = 8


def expand_minors(
    rows: Sequence[Sequence[E]],
    k: int,
    *,
    multiply: Callable[[E, E], E],
    add: Callable[[E, E], E],
    subtract: Callable[[E, E], E],
) -> list[E]:
    """All k-minors of a matrix over any commutative ring, by expansion along the last row of each.

    A j-minor is found from (j-1)-minors of the rows before, each computed once: ``C(r, j) C(c, j) j`` products for each
    j at most, for an r x c matrix.

    Returns
    -------
    list
        Minors by row set, then column set, both in lexicographic order.
    """
    n_columns = len(rows[0])
    # Level j: minors of the row sets that begin some k-row set, all column sets of size j.
    level: dict[tuple[tuple[int, ...], tuple[int, ...]], E] = {
        ((i,), (j,)): rows[i][j] for i in range(len(rows) - k + 1) for j in range(n_columns)
    }
    for size in range(2, k + 1):
        # The rows that still have to follow need room after the last row of this set.
        row_sets = [s for s in combinations(range(len(rows)), size) if s[-1] <= len(rows) - 1 - (k - size)]
        following: dict[tuple[tuple[int, ...], tuple[int, ...]], E] = {}
        for row_set in row_sets:
            entries, above = rows[row_set[-1]], row_set[:-1]
            for columns in combinations(range(n_columns), size):
                total = multiply(entries[columns[-1]], level[above, columns[:-1]])
                for position in range(size - 2, -1, -1):
                    rest = columns[:position] + columns[position + 1 :]
                    term = multiply(entries[columns[position]], level[above, rest])
                    total = add(total, term) if (size - 1 - position) % 2 == 0 else subtract(total, term)
                following[row_set, columns] = total
        level = following
    row_sets = list(combinations(range(len(rows)), k))
    return [level[r, c] for r in row_sets for c in combinations(range(n_columns), k)]


@lru_cache(maxsize=32)
def determinant_tape(n: int) -> Tape:
    """Tape of the determinant of an n x n matrix, inputs in row order.

    Expansion by minors for small n, else Bird's division-free algorithm (R. Bird, A simple division-free algorithm for
    computing determinants, Inf. Process. Lett. 111, 2011).
    """
    builder = TapeBuilder(n * n)
    nodes = list(builder.inputs)
    rows = [nodes[n * i : n * (i + 1)] for i in range(n)]
    if n <= _LARGEST_EXPANSION:
        return builder.build(expand_minors(rows, n, multiply=builder.mul, add=builder.add, subtract=builder.sub))
    x = rows
    for step in range(n - 1):
        # mu(X): the strict upper triangle of X, and on the diagonal minus the sum of the diagonal entries below.
        last = step == n - 2
        diagonal = [builder.neg(builder.sum(x[k][k] for k in range(i + 1, n))) for i in range(n)]
        x = [
            [
                builder.dot([diagonal[i], *x[i][i + 1 :]], [rows[k][j] for k in range(i, n)])
                if (not last or (i == 0 and j == 0))
                else builder.zero
                for j in range(n)
            ]
            for i in range(n)
        ]
    return builder.build([x[0][0] if n % 2 else builder.neg(x[0][0])])


@lru_cache(maxsize=32)
def adjugate_tape(n: int) -> Tape:
    """Tape of the determinant of an n x n matrix, followed by its adjugate in row order.

    The adjugate is the transposed gradient of the determinant, so a reverse sweep gives all cofactors for a small
    multiple of the cost of one determinant.
    """
    tape = determinant_tape(n).jacobian_tape(with_values=True)
    order = [0] + [1 + n * j + i for i in range(n) for j in range(n)]
    return Tape(tape.n_inputs, tape.constants, tape.operations, tape.operands, tape.outputs[order])


def minors(matrix: Any, k: int) -> Any:
    """All k x k minors of a matrix, without division, sharing their common subminors.

    Parameters
    ----------
    matrix : array_like, shape (r, c)
        Traced parameters inside `polynomial_map`, or numbers or ring elements of any kind.
    k : int
        Size of the minors, 1 to min(r, c).

    Returns
    -------
    array, shape (C(r, k) * C(c, k),)
        Minors by row set, then by column set, both in lexicographic order. Traced if the matrix is, else an object
        array (float64 or complex128 for float and complex matrices).

    Raises
    ------
    InputError
        If the matrix is not two-dimensional or k is out of range.

    Examples
    --------
    >>> minors([[1, 2, 3], [4, 5, 6]], 2)
    array([-3, -6, -3], dtype=object)
    >>> import algeom as ag
    >>> ag.polynomial_map(lambda x: minors(x.reshape(2, 3), 2), n_parameters=6)
    PolynomialMap(6 parameters -> 3 coordinates, 9 operations, degree 2)
    """
    from algeom.maps.tracing import TracedArray, lift

    traced = _find_traced(matrix, TracedArray)
    array: NDArray[Any]
    if traced is not None:
        builder = traced.builder
        array = lift(builder, matrix)
    else:
        array = np.asarray(matrix)
    if array.ndim != 2:
        raise InputError(f"minors of an array of shape {array.shape} were asked for; a matrix has two axes")
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 1 <= k <= min(array.shape):
        raise InputError(f"minors of size {k} of a matrix of shape {array.shape}; sizes are 1 to {min(array.shape)}")
    rows = array.tolist()
    if traced is not None:
        values = expand_minors(rows, int(k), multiply=builder.mul, add=builder.add, subtract=builder.sub)
        return TracedArray(builder, np.array(values, dtype=np.int64))
    result = expand_minors(
        rows, int(k), multiply=lambda a, b: a * b, add=lambda a, b: a + b, subtract=lambda a, b: a - b
    )
    if array.dtype.kind in "fc":
        return np.array(result, dtype=array.dtype)
    values_array = np.empty(len(result), dtype=object)
    values_array[:] = result
    return values_array


def maximal_minors(matrix: Any) -> Any:
    """The minors of the largest possible size: ``minors(matrix, min(matrix.shape))``.

    Parameters
    ----------
    matrix : array_like, shape (r, c)
        As for `minors`.

    Returns
    -------
    array, shape (C(max(r, c), min(r, c)),)
        In lexicographic order of the columns (of the rows, for a tall matrix).

    Examples
    --------
    >>> maximal_minors([[1, 0], [0, 1], [2, 3]])
    array([1, 3, -2], dtype=object)
    """
    shape = np.shape(matrix)
    if len(shape) != 2:
        raise InputError(f"minors of an array of shape {shape} were asked for; a matrix has two axes")
    return minors(matrix, min(shape))


def _find_traced(value: Any, kind: type[E]) -> E | None:
    """The first traced array inside nested lists or an object array."""
    if isinstance(value, kind):
        return value
    if isinstance(value, np.ndarray):
        if value.dtype != object:
            return None
        value = value.ravel().tolist()
    if isinstance(value, (list, tuple)):
        for entry in value:
            found = _find_traced(entry, kind)
            if found is not None:
                return found
    return None

"""Elimination modulo a prime over float64: what is compiled.

A residue modulo the odd prime p is *balanced*: an integer-valued double of absolute value at most
h = (p - 1)/2. Every sum formed before it is reduced, here and in the matrix products that feed these
kernels, is a residue plus at most k = `inner_limit(p)` products of two residues: an integer, every partial
sum of it included, of absolute value at most X = k h^2 + h. The limit keeps X + h + 3 <= k h^2 + 2 p <= 2^53,
so float64 forms the sum exactly, in any order, with fused multiply-adds or without. k = 2048 for p < 2^22
and 512 for p < 2^23.

Reduction (`_reduced`). Let |x| <= X, v = fl(1/p), q = rint(fl(x v)). Two roundings give
fl(x v) = x/p + e with |e| <= |x|/p (2^-52 + 2^-106) < 2.01/p, hence |x - p q| <= p/2 + |e| p < h + 2.6. The
product p q is then an integer of absolute value at most X + h + 3 <= 2^53, exact, and so is r = x - p q.
An integer r with |r| <= h + 2 is congruent to x and at most one correction by p brings it to |r| <= h.

The compiled loops run over slices from index 0, because Numba can then rule out negative indices and LLVM
vectorizes them; the reduction becomes multiply, round, multiply, subtract and two masked additions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from algeom._kernels.compile import kernel

#: Entries of a column that take all updates before the next ones do: 8 KiB, so that they stay in the L1 cache.
TILE = 1024


def inner_limit(p: int) -> int:
    """Largest number of products of two balanced residues that may be summed before a reduction.

    Examples
    --------
    >>> inner_limit(4194301), inner_limit(8388593), inner_limit(3)
    (2048, 512, 2048)
    """
    half = (p - 1) // 2
    return int(min(2048, (2**53 - 2 * p) // half**2))


@kernel
def _reduced(x: Any, p: float, inverse: float, half: float) -> Any:
    """Balanced residue of an integer x (the module's docstring has the bound and the proof)."""
    r = x - p * np.rint(x * inverse)
    if r > half:
        r -= p
    if r < -half:
        r += p
    return r


@kernel
def _reciprocal(x: float, p: float) -> float:
    """Inverse of a nonzero balanced residue, balanced, by the extended Euclidean algorithm."""
    modulus = np.int64(p)
    a, b = modulus, np.int64(x)
    if b < 0:
        b += modulus
    s, t = np.int64(0), np.int64(1)
    while b != 0:
        quotient = a // b
        a, b = b, a - quotient * b
        s, t = t, s - quotient * t
    if 2 * s > modulus:
        s -= modulus
    elif 2 * s < -modulus:
        s += modulus
    return float(s)


@kernel
def _subtract_combination(x: Any, T: Any, pivots: Any, first: int, last: int, start: int, u: Any) -> None:
    """Subtract sum_{first <= j < last} u[j] T[pivots[j], start : start + len(x)] from x, four at a time, unreduced."""
    stop = start + x.size
    j = first
    while j + 4 <= last:
        u0, u1, u2, u3 = u[j], u[j + 1], u[j + 2], u[j + 3]
        if u0 != 0.0 or u1 != 0.0 or u2 != 0.0 or u3 != 0.0:
            a = T[pivots[j], start:stop]
            b = T[pivots[j + 1], start:stop]
            c = T[pivots[j + 2], start:stop]
            d = T[pivots[j + 3], start:stop]
            for i in range(x.size):
                x[i] -= (u0 * a[i] + u1 * b[i]) + (u2 * c[i] + u3 * d[i])
        j += 4
    while j < last:
        u0 = u[j]
        if u0 != 0.0:
            a = T[pivots[j], start:stop]
            for i in range(x.size):
                x[i] -= u0 * a[i]
        j += 1


@kernel
def _factor_columns(T: Any, p: float, pivots: Any, swaps: Any) -> int:
    """Left-looking LU, in place, of the matrix whose columns are the contiguous rows of T (columns, M).

    Column by column: solve with the unit lower triangle of the pivot columns so far (the first entries),
    subtract their combination from the rest, reduce once, and take the first nonzero entry as pivot. On
    return pivots[:rank] is the column rank profile, swaps[j] >= j the row exchanged with row j; the column
    T[c] holds its U entries (one for each pivot up to c) and, if it is a pivot, the unit lower column below.
    Sums have at most rank + 1 terms: needs rank <= inner_limit(p).
    """
    columns, size = T.shape
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    u = np.empty(min(columns, size))
    rank = 0
    for c in range(columns):
        x = T[c]
        j = 0
        while j < rank:
            group = min(j + 4, rank)
            for k in range(j, group):
                value = x[k]
                for i in range(j, k):
                    value -= u[i] * T[pivots[i], k]
                u[k] = _reduced(value, p, inverse, half)
                x[k] = u[k]
            _subtract_combination(x[group:rank], T, pivots, j, group, group, u)
            j = group
        for lo in range(rank, size, TILE):
            rest = x[lo : min(lo + TILE, size)]
            _subtract_combination(rest, T, pivots, 0, rank, lo, u)
            for i in range(rest.size):
                rest[i] = _reduced(rest[i], p, inverse, half)
        found = rank
        while found < size and x[found] == 0.0:
            found += 1
        if found == size:
            continue
        if found != rank:
            for k in range(columns):
                T[k, rank], T[k, found] = T[k, found], T[k, rank]
        scale = _reciprocal(x[rank], p)
        below = x[rank + 1 :]
        for i in range(below.size):
            below[i] = _reduced(below[i] * scale, p, inverse, half)
        pivots[rank] = c
        swaps[rank] = found
        rank += 1
    return rank


@kernel
def invert_lower(L: Any, p: float, out: Any) -> None:
    """Inverse modulo p of a lower triangular matrix with a nonzero diagonal; entries above it are not read.

    Row i of the inverse is (e_i - sum_{j < i} L[i, j] out[j]) / L[i, i]; needs len(L) <= inner_limit(p).
    """
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    size = L.shape[0]
    for i in range(size):
        row = out[i]
        row[:] = 0.0
        for j in range(i):
            value = L[i, j]
            if value != 0.0:
                head, other = row[: j + 1], out[j, : j + 1]
                for k in range(head.size):
                    head[k] -= value * other[k]
        scale = 1.0 if L[i, i] == 1.0 else _reciprocal(L[i, i], p)
        head = row[:i]
        for k in range(head.size):
            head[k] = _reduced(_reduced(head[k], p, inverse, half) * scale, p, inverse, half)
        row[i] = scale


@kernel
def are_residues(A: Any, start: int, stop: int, p: float) -> bool:
    """Whether all entries of the rows start..stop-1 are integers of absolute value at most (p-1)/2 (NaN is not)."""
    half = (p - 1.0) / 2.0
    wrong = 0
    for i in range(start, stop):
        row = A[i]
        for j in range(row.size):
            wrong += not (abs(row[j]) <= half and np.rint(row[j]) == row[j])
        if wrong:
            return False
    return True


@kernel
def eliminate_small(A: Any, p: float, want_null_space: bool) -> Any:
    """Rank profile and null space of a matrix whose rank cannot exceed inner_limit(p), without matrix products.

    Returns (valid, pivot_rows, pivot_columns, free_columns, null_space); `valid` is False, and the rest empty, if
    an entry of A is no balanced residue. A is not changed. For each free column f the back substitution runs over
    the U entries of the pivot columns before f, made unit upper triangular by scaling T[f] alone.
    """
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    rows, columns = A.shape
    limit = min(rows, columns)
    pivots, swaps = np.empty(limit, np.int64), np.empty(limit, np.int64)
    if not are_residues(A, 0, rows, p):
        return False, pivots[:0], swaps[:0], pivots[:0], np.empty((0, 0))
    T = np.empty((columns, rows))
    for lo in range(0, columns, 16):
        for i in range(rows):
            for c in range(lo, min(lo + 16, columns)):
                T[c, i] = A[i, c]
    rank = _factor_columns(T, p, pivots, swaps)
    order = np.arange(rows)
    for j in range(rank):
        order[j], order[swaps[j]] = order[swaps[j]], order[j]
    free = np.empty(columns - rank, np.int64)
    before = np.empty(columns - rank, np.int64)
    k = 0
    for c in range(columns):
        if c - k < rank and pivots[c - k] == c:
            continue
        free[k], before[k] = c, c - k
        k += 1
    if not want_null_space:
        return True, order[:rank], pivots[:rank], free, np.empty((0, 0))
    null_space = np.zeros((columns - rank, rank))
    for k in range(free.size):
        x, known = null_space[k], T[free[k]]
        for j in range(before[k]):
            x[j] = -known[j]
    # From the last pivot on: x[j] is final once the later columns are subtracted; the diagonal of U is T[pivot, j].
    for j in range(rank - 1, -1, -1):
        column = T[pivots[j], :j]
        scale = _reciprocal(T[pivots[j], j], p)
        for k in range(free.size):
            if before[k] > j:
                x = null_space[k]
                value = _reduced(_reduced(x[j], p, inverse, half) * scale, p, inverse, half)
                x[j] = value
                if value != 0.0:
                    head = x[:j]
                    for i in range(head.size):
                        head[i] -= value * column[i]
    return True, order[:rank], pivots[:rank], free, null_space


@kernel
def factor_leaf(
    W: Any, top: int, start: int, stop: int, p: float, buffer: Any, A: Any, row: int, column: int,
    inverse_lower: Any, pivots: Any, swaps: Any,
) -> int:
    """Factor the columns start..stop-1 of the panel W (row-major), whose first `top` pivots are done and applied.

    Works on a transposed copy in `buffer` (at least (stop - start) (rows - top) entries). Row exchanges are applied
    to whole rows of W. Unit lower columns go to W[top:, top : top + rank], their triangle's inverse to the same
    diagonal block of inverse_lower, the U entries to A[row + top : row + top + rank, column + start : column + stop],
    and pivots and swaps, counted from the panel's first column and row, to their entries top : top + rank.
    Returns the rank found.
    """
    width, size = stop - start, W.shape[0] - top
    T = buffer[: width * size].reshape(width, size)
    for i in range(size):
        for c in range(width):
            T[c, i] = W[top + i, start + c]
    new_pivots, new_swaps = pivots[top : top + width], swaps[top : top + width]
    rank = _factor_columns(T, p, new_pivots, new_swaps)
    for j in range(rank):
        if new_swaps[j] != j:
            one, other = W[top + j], W[top + new_swaps[j]]
            for c in range(one.size):
                one[c], other[c] = other[c], one[c]
    for i in range(size):
        for j in range(min(i, rank)):
            W[top + i, top + j] = T[new_pivots[j], i]
    known = 0
    for c in range(width):
        if known < rank and new_pivots[known] == c:
            known += 1
        for j in range(known):
            A[row + top + j, column + start + c] = T[c, j]
    lower, found = np.eye(rank), np.empty((rank, rank))
    for i in range(rank):
        for j in range(i):
            lower[i, j] = W[top + i, top + j]
    invert_lower(lower, p, found)
    inverse_lower[top : top + rank, top : top + rank] = found
    for j in range(rank):
        new_pivots[j] += start
        new_swaps[j] += top
    return rank


@kernel
def reduce_product(C: Any, row: int, column: int, product: Any, subtract: bool, p: float) -> None:
    """The block of C at (row, column) of the shape of `product` becomes C - product, or product, modulo p.

    `product` holds sums of at most inner_limit(p) products of residues; C holds residues.
    """
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    width = product.shape[1]
    for i in range(product.shape[0]):
        source, target = product[i], C[row + i, column : column + width]
        if subtract:
            for j in range(target.size):
                target[j] = _reduced(target[j] - source[j], p, inverse, half)
        else:
            for j in range(target.size):
                target[j] = _reduced(source[j], p, inverse, half)

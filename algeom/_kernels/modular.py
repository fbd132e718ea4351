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

#: Pivots that the scalar elimination applies at once; `factor_rows` is unrolled for this number.
DELAY = 8


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
def factor_rows(A: Any, p: float, pivots: Any, swaps: Any) -> int:
    """LU, in place, with columns in order: A = L U up to row exchanges, L lower triangular and U unit upper.

    Pivots are applied eight at a time: until then, only the column at hand and each new pivot row are brought up to
    date, by what is pending. Entries accumulate and are reduced only when their row or column is used, so a sum has
    one product for each pivot: needs rank <= inner_limit(p), where min(A.shape) bounds the rank. On return
    pivots[:rank] is the column rank profile and swaps[j] >= j the row exchanged with row j; A[j, c] is an entry of U
    for c > pivots[j], and A[i, pivots[j]] one of L for i >= j. The other entries are of no use.
    """
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    rows, columns = A.shape
    L, current = np.empty((DELAY, rows)), np.empty(rows)
    rank = 0
    pending = 0
    for c in range(columns):
        first = rank - pending
        for i in range(rank, rows):
            value = A[i, c]
            for q in range(pending):
                value -= L[q, i] * A[first + q, c]
            current[i] = _reduced(value, p, inverse, half)
        found = rank
        while found < rows and current[found] == 0.0:
            found += 1
        if found == rows:
            continue
        if found != rank:
            for j in range(columns):
                A[rank, j], A[found, j] = A[found, j], A[rank, j]
            for q in range(pending):
                L[q, rank], L[q, found] = L[q, found], L[q, rank]
            current[rank], current[found] = current[found], current[rank]
        row = A[rank, c + 1 :]
        for q in range(pending):
            factor, other = L[q, rank], A[first + q, c + 1 :]
            for j in range(row.size):
                row[j] -= factor * other[j]
        scale = _reciprocal(current[rank], p)
        for j in range(row.size):
            row[j] = _reduced(_reduced(row[j], p, inverse, half) * scale, p, inverse, half)
        for i in range(rank, rows):
            L[pending, i] = current[i]
            A[i, c] = current[i]
        pivots[rank] = c
        swaps[rank] = found
        rank += 1
        pending += 1
        if rank == rows:
            break
        if pending == DELAY:
            first = rank - DELAY
            u0, u1, u2, u3 = A[first, c + 1 :], A[first + 1, c + 1 :], A[first + 2, c + 1 :], A[first + 3, c + 1 :]
            u4, u5, u6, u7 = A[first + 4, c + 1 :], A[first + 5, c + 1 :], A[first + 6, c + 1 :], A[first + 7, c + 1 :]
            for i in range(rank, rows):
                a, b, d, e = L[0, i], L[1, i], L[2, i], L[3, i]
                f, g, h, k = L[4, i], L[5, i], L[6, i], L[7, i]
                row = A[i, c + 1 :]
                for j in range(row.size):
                    row[j] -= ((a * u0[j] + b * u1[j]) + (d * u2[j] + e * u3[j])) + (
                        (f * u4[j] + g * u5[j]) + (h * u6[j] + k * u7[j])
                    )
            pending = 0
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
def are_residues(A: Any, start: Any, stop: Any, p: float) -> bool:
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
    """Rank profile and null space of a matrix without matrix products; needs min(A.shape) <= inner_limit(p).

    Returns (valid, pivot_rows, pivot_columns, free_columns, null_space); `valid` is False, and the rest empty, if
    an entry of A is no balanced residue. A is not changed. Row k of the null space, at its free column f, solves
    U x = -U[:, f] over the pivot columns before f, from the last one up, four at a time; a sum has one product for
    each pivot.
    """
    inverse, half = 1.0 / p, (p - 1.0) / 2.0
    rows, columns = A.shape
    limit = min(rows, columns)
    pivots, swaps = np.empty(limit, np.int64), np.empty(limit, np.int64)
    if not are_residues(A, np.int64(0), rows, p):  # a literal 0 would be a specialization of its own
        return False, pivots[:0], pivots[:0], pivots[:0], np.empty((0, 0))
    work = A.copy()
    rank = factor_rows(work, p, pivots, swaps)
    order = np.arange(rows)
    for j in range(rank):
        order[j], order[swaps[j]] = order[swaps[j]], order[j]
    # The number of pivots before the k-th free column f is f - k.
    free = np.empty(columns - rank, np.int64)
    found = 0
    for c in range(columns):
        if c - found < rank and pivots[c - found] == c:
            continue
        free[found] = c
        found += 1
    if not want_null_space:
        return True, order[:rank], pivots[:rank], free, np.empty((0, 0))
    null_space = np.zeros((columns - rank, rank))
    if null_space.size == 0:
        return True, order[:rank], pivots[:rank], free, null_space
    for k in range(free.size):
        for j in range(free[k] - k):
            null_space[k, j] = -work[j, free[k]]
    # The pivot columns of U as contiguous rows.
    T = np.empty((rank, rank))
    for j in range(rank):
        for c in range(j + 1, rank):
            T[c, j] = work[j, pivots[c]]
    stop = rank
    while stop > 0:
        start = max(stop - 4, 0)
        # Of a shorter last group nothing is left above, so which columns stand in for the missing ones is irrelevant.
        u0, u1, u2, u3 = T[start, :start], T[stop - 1, :start], T[stop - 1, :start], T[stop - 1, :start]
        if stop - start == 4:
            u1, u2 = T[start + 1, :start], T[start + 2, :start]
        for k in range(free.size):
            if free[k] - k <= start:
                continue
            x = null_space[k]
            for j in range(stop - 1, start - 1, -1):
                value = x[j]
                for i in range(j + 1, stop):
                    value -= x[i] * T[i, j]
                x[j] = _reduced(value, p, inverse, half)
            if start > 0:
                x0, x1, x2, x3 = x[start], x[start + 1], x[start + 2], x[start + 3]
                head = x[:start]
                for j in range(head.size):
                    head[j] -= (x0 * u0[j] + x1 * u1[j]) + (x2 * u2[j] + x3 * u3[j])
        stop = start
    return True, order[:rank], pivots[:rank], free, null_space


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

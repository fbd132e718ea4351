"""Small dense complex linear algebra on lanes: many systems of one size at once, one in each lane.

A lane array is flat. Entry i of a vector of complex numbers takes ``2 * LANE`` consecutive doubles: the real parts of
all lanes, then the imaginary parts. A matrix is the vector of its entries in row order. One pass over an entry then
serves `LANE` systems in a few vector instructions; pivots differ from lane to lane, so exchanges go lane by lane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel
from algeom._kernels.double_double import complex_dd_div, complex_dd_mul, dd_add

#: Systems treated together. A constant of the compiled code, so that loops over lanes have no remainder.
LANE = 16

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def choose_pivots(matrix: Float, size: Any, k: Any, pivots: Int, best: Float) -> None:
    """Rows of the largest entries on and below the diagonal in column k, to ``pivots``; their sizes to ``best``.

    The size is |re| + |im|, which does not overflow before the entry does.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    for j in range(lane):
        best[j] = -1.0
        pivots[k * lane + j] = k
    for i in range(k, size):
        a = (i * size + k) * width
        for j in range(lane):
            magnitude = abs(matrix[a + j]) + abs(matrix[a + lane + j])
            if magnitude > best[j]:
                best[j] = magnitude
                pivots[k * lane + j] = i


@kernel
def exchange(array: Float, a: Any, b: Any, count: Any) -> None:
    """Exchange ``count`` numbers of one lane, from the positions ``a`` and ``b`` on."""
    lane = np.uintp(LANE)
    for i in range(count):
        array[a + i * lane], array[b + i * lane] = array[b + i * lane], array[a + i * lane]


@kernel
def lu_lanes(matrix: Float, n: Any, pivots: Int, smallest: Float) -> None:
    """Factorize n x n matrices in place into P A = L U with partial pivoting, L with unit diagonal.

    ``pivots`` (n * LANE) receives the row exchanged with row k in lane j at ``k * LANE + j``; the diagonal of U is
    stored inverted. ``smallest`` (2 * LANE) receives the smallest and then the largest size of a pivot: zero
    or NaN where the matrix is singular or not finite.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    size = np.uintp(n)
    best = np.empty(LANE)
    for j in range(lane):
        smallest[j] = np.inf
        smallest[lane + j] = 0.0
    for k in range(size):
        choose_pivots(matrix, size, k, pivots, best)
        for j in range(lane):
            row = np.uintp(pivots[k * lane + j])
            if row != k:
                exchange(matrix, k * size * width + j, row * size * width + j, np.uintp(2) * size)
        a = (k * size + k) * width
        for j in range(lane):
            largest = best[j]
            smallest[j] = min(smallest[j], largest)
            smallest[lane + j] = max(smallest[lane + j], largest)
            if not largest > 0.0:
                smallest[j] = 0.0
            # 1 / (re + i im), scaled by the size against overflow.
            re = matrix[a + j] / largest
            im = matrix[a + lane + j] / largest
            square = (re * re + im * im) * largest
            matrix[a + j] = re / square
            matrix[a + lane + j] = -im / square
        for i in range(k + np.uintp(1), size):
            b = (i * size + k) * width
            for j in range(lane):
                re = matrix[b + j] * matrix[a + j] - matrix[b + lane + j] * matrix[a + lane + j]
                im = matrix[b + j] * matrix[a + lane + j] + matrix[b + lane + j] * matrix[a + j]
                matrix[b + j] = re
                matrix[b + lane + j] = im
            for c in range(k + np.uintp(1), size):
                subtract_product(matrix, (i * size + c) * width, matrix, b, matrix, (k * size + c) * width)


@kernel
def subtract_product(target: Float, d: Any, left: Float, a: Any, right: Float, b: Any) -> None:
    """``target[d] -= left[a] * right[b]``, complex entries at offsets, in all lanes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        ar = left[a + j]
        ai = left[a + lane + j]
        br = right[b + j]
        bi = right[b + lane + j]
        target[d + j] -= ar * br - ai * bi
        target[d + lane + j] -= ar * bi + ai * br


@kernel
def solve_lanes(matrix: Float, n: Any, pivots: Int, vector: Float) -> None:
    """Solve A x = b in all lanes, from the factors and pivots of `lu_lanes`; ``vector`` is b and becomes x."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    size = np.uintp(n)
    for k in range(size):
        for j in range(lane):
            row = np.uintp(pivots[k * lane + j])
            if row != k:
                exchange(vector, k * width + j, row * width + j, np.uintp(2))
    for i in range(np.uintp(1), size):
        for c in range(i):
            subtract_product(vector, i * width, matrix, (i * size + c) * width, vector, c * width)
    for back in range(size):
        r = size - np.uintp(1) - back
        for c in range(r + np.uintp(1), size):
            subtract_product(vector, r * width, matrix, (r * size + c) * width, vector, c * width)
        a = (r * size + r) * width
        b = r * width
        for j in range(lane):
            re = vector[b + j] * matrix[a + j] - vector[b + lane + j] * matrix[a + lane + j]
            im = vector[b + j] * matrix[a + lane + j] + vector[b + lane + j] * matrix[a + j]
            vector[b + j] = re
            vector[b + lane + j] = im


@kernel
def subtract_matrix_product(
    target: Float,
    left: Float,
    row: Any,
    step: Any,
    sign: float,
    right: Float,
    rows: Any,
    inner: Any,
    columns: Any,
    real: bool,
) -> None:
    """``target -= L @ right`` in all lanes, where entry (i, k) of L is ``left[i row + k step]``.

    ``sign`` is -1.0 if the entries of ``left`` are to be conjugated, otherwise 1.0. With ``real`` all imaginary parts
    are zero, and neither read nor written. As `subtract_product` for each i, k and column; all in one
    function, so that the compiler checks once that the arrays do not overlap.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    count = np.uintp(columns)
    # Of a length that is known to be 16 the compiler makes 16 scalar instructions before it thinks of vectors.
    length = min(lane, np.uintp(target.size))
    for i in range(np.uintp(rows)):
        for c in range(count):
            d = (i * count + c) * width
            for k in range(np.uintp(inner)):
                a = (i * np.uintp(row) + k * np.uintp(step)) * width
                b = (k * count + c) * width
                if real:
                    for j in range(length):
                        target[d + j] -= left[a + j] * right[b + j]
                else:
                    for j in range(lane):
                        ar = left[a + j]
                        ai = sign * left[a + lane + j]
                        br = right[b + j]
                        bi = right[b + lane + j]
                        target[d + j] -= ar * br - ai * bi
                        target[d + lane + j] -= ar * bi + ai * br


@kernel
def subtract_times(target: Float, left: Float, right: Float, rows: Any, inner: Any, columns: Any, real: bool) -> None:
    """``target -= left @ right`` in all lanes, of matrices rows x inner and inner x columns."""
    subtract_matrix_product(target, left, inner, np.uintp(1), 1.0, right, rows, inner, columns, real)


@kernel
def subtract_adjoint_times(
    target: Float, left: Float, right: Float, rows: Any, inner: Any, columns: Any, real: bool
) -> None:
    """``target -= left.conj().T @ right`` in all lanes, of matrices inner x rows and inner x columns."""
    subtract_matrix_product(target, left, np.uintp(1), rows, -1.0, right, rows, inner, columns, real)


@kernel
def subtract_multiples(
    target: Float,
    d: Any,
    scalars: Float,
    first: Any,
    row: Any,
    step: Any,
    source: Float,
    b: Any,
    n: Any,
    columns: Any,
    length: Any,
) -> None:
    """``target[d] -= B @ source[b]`` for a real n x n matrix B that is the same in all lanes.

    Entry (i, k) of B is ``scalars[first + i row + k step]``; of each entry of the n x columns matrices ``length``
    numbers take part, from the offsets d and b on. Four terms of a sum go into one pass over the target.
    """
    width = np.uintp(2 * LANE)
    stride = np.uintp(columns) * width
    four = np.uintp(4)
    whole = np.uintp(n) // four
    for i in range(np.uintp(n)):
        start = first + i * row
        for block in range(whole):
            s = start + block * four * step
            for c in range(np.uintp(columns)):
                p = d + i * stride + c * width
                q = b + block * four * stride + c * width
                for j in range(length):
                    total = target[p + j]
                    for k in range(four):
                        total -= scalars[s + k * step] * source[q + k * stride + j]
                    target[p + j] = total
        for k in range(whole * four, np.uintp(n)):
            scalar = scalars[start + k * step]
            for c in range(np.uintp(columns)):
                p = d + i * stride + c * width
                q = b + k * stride + c * width
                for j in range(length):
                    target[p + j] -= scalar * source[q + j]


@kernel
def subtract_shared_times(
    target: Float,
    re: Float,
    im: Float,
    minus_im: Float,
    first: Any,
    row: Any,
    step: Any,
    source: Float,
    n: Any,
    columns: Any,
    real: bool,
) -> None:
    """``target -= A @ source`` for an n x n matrix A that is the same in all lanes, and n x columns matrices in lanes.

    Entry (i, k) of A has the parts ``re[q]`` and ``im[q]``, q = first + i row + k step. ``minus_im`` is -im, so that an
    exchange of the two and of ``row`` and ``step`` gives the adjoint; both are empty where A is real. Offsets and
    steps are of type np.uintp.
    """
    lane = np.uintp(LANE)
    none = np.uintp(0)
    length = lane if real else np.uintp(2) * lane
    subtract_multiples(target, none, re, first, row, step, source, none, n, columns, length)
    if im.size > 0:
        subtract_multiples(target, none, minus_im, first, row, step, source, lane, n, columns, lane)
        subtract_multiples(target, lane, im, first, row, step, source, none, n, columns, lane)


@kernel
def subtract_product_extended(
    target: Float,
    target_lows: Float,
    d: Any,
    left: Float,
    left_lows: Float,
    a: Any,
    right: Float,
    right_lows: Float,
    b: Any,
) -> None:
    """As `subtract_product` in double-double arithmetic."""
    lane = np.uintp(LANE)
    for j in range(lane):
        i = lane + j
        rh, rl, ih, il = complex_dd_mul(
            left[a + j],
            left_lows[a + j],
            left[a + i],
            left_lows[a + i],
            right[b + j],
            right_lows[b + j],
            right[b + i],
            right_lows[b + i],
        )
        target[d + j], target_lows[d + j] = dd_add(target[d + j], target_lows[d + j], -rh, -rl)
        target[d + i], target_lows[d + i] = dd_add(target[d + i], target_lows[d + i], -ih, -il)


@kernel
def divide_extended(target: Float, target_lows: Float, d: Any, right: Float, right_lows: Float, b: Any) -> None:
    """``target[d] /= right[b]`` in double-double arithmetic, in all lanes."""
    lane = np.uintp(LANE)
    for j in range(lane):
        i = lane + j
        target[d + j], target_lows[d + j], target[d + i], target_lows[d + i] = complex_dd_div(
            target[d + j],
            target_lows[d + j],
            target[d + i],
            target_lows[d + i],
            right[b + j],
            right_lows[b + j],
            right[b + i],
            right_lows[b + i],
        )


@kernel
def lu_extended(matrix: Float, lows: Float, n: Any, pivots: Int, smallest: Float) -> None:
    """As `lu_lanes` in double-double arithmetic, ``matrix`` + ``lows``; the diagonal of U is stored as it is."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    size = np.uintp(n)
    best = np.empty(LANE)
    for j in range(lane):
        smallest[j] = np.inf
        smallest[lane + j] = 0.0
    for k in range(size):
        choose_pivots(matrix, size, k, pivots, best)
        for j in range(lane):
            smallest[j] = min(smallest[j], best[j])
            smallest[lane + j] = max(smallest[lane + j], best[j])
            if not best[j] > 0.0:
                smallest[j] = 0.0
            row = np.uintp(pivots[k * lane + j])
            if row != k:
                exchange(matrix, k * size * width + j, row * size * width + j, np.uintp(2) * size)
                exchange(lows, k * size * width + j, row * size * width + j, np.uintp(2) * size)
        for i in range(k + np.uintp(1), size):
            b = (i * size + k) * width
            divide_extended(matrix, lows, b, matrix, lows, (k * size + k) * width)
            for c in range(k + np.uintp(1), size):
                subtract_product_extended(
                    matrix, lows, (i * size + c) * width, matrix, lows, b, matrix, lows, (k * size + c) * width
                )


@kernel
def solve_extended(matrix: Float, lows: Float, n: Any, pivots: Int, vector: Float, vector_lows: Float) -> None:
    """As `solve_lanes` for the factors of `lu_extended`."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    size = np.uintp(n)
    for k in range(size):
        for j in range(lane):
            row = np.uintp(pivots[k * lane + j])
            if row != k:
                exchange(vector, k * width + j, row * width + j, np.uintp(2))
                exchange(vector_lows, k * width + j, row * width + j, np.uintp(2))
    for i in range(np.uintp(1), size):
        for c in range(i):
            subtract_product_extended(
                vector, vector_lows, i * width, matrix, lows, (i * size + c) * width, vector, vector_lows, c * width
            )
    for back in range(size):
        r = size - np.uintp(1) - back
        for c in range(r + np.uintp(1), size):
            subtract_product_extended(
                vector, vector_lows, r * width, matrix, lows, (r * size + c) * width, vector, vector_lows, c * width
            )
        divide_extended(vector, vector_lows, r * width, matrix, lows, (r * size + r) * width)

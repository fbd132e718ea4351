"""The low-rank LSRDR iteration for many starts at once, a start in each lane.

For n x n matrices A_1, ..., A_r and P = S R of rank d with R S = I, the state of a start is (S, R, Y, Z), where Y S^*
and Z R are the current H and G. One step of size t is, with X_j = R A_j S,

    Y# = sum_j A_j Y X_j^*,                 Z# = sum_j A_j^* Z X_j,
    Y# <- Y# / tr(S^* Y#),                  Z# <- Z# / tr(R Z#),
    S' = S + t Y# (S^* S),                  R' = R + t (R R^*) Z#^*,
    P  <- S' (R' S')^{-1} R',               H <- Y# S^*,     G <- Z# R,

and H and G enter the next step through H P^* and G P alone: so Y <- Y# (R_new S)^* and Z <- Z# (R S_new). P, G and H do
not depend on the basis of the image of P; here the columns of S are orthonormalized, which keeps the factors as well
conditioned as P is. The kernels hold Q = R^* instead of R: all arrays are then n x d, and what is done to (S, Y#) is
done to (Q, Z#).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel
from algeom._kernels.dense import (
    LANE,
    lu_lanes,
    solve_lanes,
    subtract_adjoint_times,
    subtract_shared_times,
    subtract_times,
)

# How the steps of a start ended.
DONE = 0
TRACE_VANISHED = 1  # the trace of H or G is zero to rounding, so that it cannot be normalized
RANK_COLLAPSED = 2  # R'S' is singular to rounding
NOT_FINITE = 3

#: Below this relative size a trace or a pivot consists of rounding errors: some hundreds of units in the last place.
ROUNDING = 1e-13

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@kernel
def clear(array: Float, count: Any) -> None:
    """Set the first ``count`` numbers to zero."""
    for j in range(np.uintp(count)):
        array[j] = 0.0


@kernel
def add_products(left: Float, right: Float, size: Any, factor: float, total: Float) -> None:
    """Real parts of ``factor * sum left * conj(right)`` over ``size`` entries, added to ``total``, in all lanes."""
    lane = np.uintp(LANE)
    for e in range(np.uintp(size)):
        a = e * np.uintp(2) * lane
        for j in range(lane):
            total[j] += factor * (left[a + j] * right[a + j] + left[a + lane + j] * right[a + lane + j])


@kernel
def divide_by_trace(
    left: Float, right: Float, size: Any, codes: Int, re: Float, im: Float, left_square: Float, right_square: Float
) -> None:
    """``right /= tr(left^* right)`` in all lanes; a code where that is impossible. The last four are work space."""
    lane = np.uintp(LANE)
    clear(re, lane)
    clear(im, lane)
    clear(left_square, lane)
    clear(right_square, lane)
    for e in range(np.uintp(size)):
        a = e * np.uintp(2) * lane
        for j in range(lane):
            ar = left[a + j]
            ai = left[a + lane + j]
            br = right[a + j]
            bi = right[a + lane + j]
            re[j] += ar * br + ai * bi
            im[j] += ar * bi - ai * br
            left_square[j] += ar * ar + ai * ai
            right_square[j] += br * br + bi * bi
    for j in range(lane):
        square = re[j] * re[j] + im[j] * im[j]
        if codes[j] == DONE:
            if not right_square[j] < np.inf:
                codes[j] = NOT_FINITE
            elif not square > ROUNDING * ROUNDING * left_square[j] * right_square[j]:
                codes[j] = TRACE_VANISHED
        re[j] = re[j] / square
        im[j] = -im[j] / square
    for e in range(np.uintp(size)):
        a = e * np.uintp(2) * lane
        for j in range(lane):
            x = right[a + j]
            y = right[a + lane + j]
            right[a + j] = x * re[j] - y * im[j]
            right[a + lane + j] = x * im[j] + y * re[j]


@kernel
def advance(
    basis: Float, image: Float, n: Any, d: Any, keep: Float, move: Float, real: bool, gram: Float, result: Float
) -> None:
    """``result = keep * basis + move * image (basis^* basis)`` in all lanes; ``gram`` is work space."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    clear(gram, d * d * width)
    subtract_adjoint_times(gram, basis, basis, d, n, d, real)
    for e in range(np.uintp(2 * d * d)):
        a = e * lane
        for j in range(lane):
            gram[a + j] *= move[j]
    for e in range(np.uintp(2 * n * d)):
        a = e * lane
        for j in range(lane):
            result[a + j] = keep[j] * basis[a + j]
    # Subtracted, as ``gram`` is the negative of what it stands for.
    subtract_times(result, image, gram, n, d, d, real)


@kernel
def orthonormalize(basis: Float, n: Any, d: Any, codes: Int, re: Float, im: Float, before: Float) -> None:
    """Orthonormalize columns by the modified Gram-Schmidt process in all lanes; a code where they are dependent.

    The span stays that of the given columns to rounding, however ill-conditioned they are (Å. Björck, "Solving linear
    least squares problems by Gram-Schmidt orthogonalization", BIT 7 (1967), 1-21); their orthogonality suffers, but
    nothing rests on it. ``re``, ``im`` and ``before`` are work space.
    """
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    row = np.uintp(d) * width
    for c in range(np.uintp(d)):
        first = c * width
        column_squares(basis, first, row, n, before)
        for k in range(c):
            other = k * width
            clear(re, lane)
            clear(im, lane)
            for i in range(np.uintp(n)):
                a = first + i * row
                b = other + i * row
                for j in range(lane):
                    re[j] += basis[b + j] * basis[a + j] + basis[b + lane + j] * basis[a + lane + j]
                    im[j] += basis[b + j] * basis[a + lane + j] - basis[b + lane + j] * basis[a + j]
            for i in range(np.uintp(n)):
                a = first + i * row
                b = other + i * row
                for j in range(lane):
                    basis[a + j] -= basis[b + j] * re[j] - basis[b + lane + j] * im[j]
                    basis[a + lane + j] -= basis[b + j] * im[j] + basis[b + lane + j] * re[j]
        column_squares(basis, first, row, n, re)
        for j in range(lane):
            if codes[j] == DONE:
                if not before[j] < np.inf:
                    codes[j] = NOT_FINITE
                elif not re[j] > ROUNDING * ROUNDING * before[j]:
                    codes[j] = RANK_COLLAPSED
            re[j] = 1.0 / np.sqrt(re[j])
        for i in range(np.uintp(n)):
            a = first + i * row
            for j in range(lane):
                basis[a + j] *= re[j]
                basis[a + lane + j] *= re[j]


@kernel
def column_squares(basis: Float, first: Any, row: Any, n: Any, squares: Float) -> None:
    """Squared norms of the column that starts at ``first``, rows of which are ``row`` numbers long, in all lanes."""
    lane = np.uintp(LANE)
    clear(squares, lane)
    for i in range(np.uintp(n)):
        a = first + i * row
        for j in range(lane):
            squares[j] += basis[a + j] * basis[a + j] + basis[a + lane + j] * basis[a + lane + j]


@kernel
def make_dual(
    basis: Float, other: Float, n: Any, d: Any, codes: Int, real: bool, matrix: Float, pivots: Int, smallest: Float
) -> None:
    """``basis <- basis (other^* basis)^{-1}``, so that ``other^* basis = I``, in all lanes; a code where singular."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    clear(matrix, d * d * width)
    subtract_adjoint_times(matrix, basis, other, d, n, d, real)
    # Rows of the new basis solve systems with the transpose of other^* basis, the conjugate of basis^* other.
    for e in range(np.uintp(d * d)):
        a = e * width
        for j in range(lane):
            matrix[a + j] = -matrix[a + j]
    lu_lanes(matrix, d, pivots, smallest)
    for j in range(lane):
        if codes[j] == DONE:
            if not smallest[lane + j] < np.inf:
                codes[j] = NOT_FINITE
            elif not smallest[j] > ROUNDING * smallest[lane + j]:
                codes[j] = RANK_COLLAPSED
    for i in range(np.uintp(n)):
        a = i * d * width
        solve_lanes(matrix, d, pivots, basis[a : a + d * width])


@kernel
def distances(
    S: Float,
    Q: Float,
    S1: Float,
    Q1: Float,
    n: Any,
    d: Any,
    codes: Int,
    real: bool,
    V: Float,
    W: Float,
    left: Float,
    right: Float,
    pivots: Int,
    smallest: Float,
    result: Float,
) -> None:
    """Frobenius norms of S1 Q1^* - S Q^* in all lanes, where Q^* S = Q1^* S1 = I.

    Of the same span as S1, V = S1 (Q^* S1)^{-1} has Q^* V = I; and W with V W^* = S1 Q1^* has W^* V = I. So both terms
    of (V - S) W^* + S (W - Q)^* are as small as the difference that they make up, and products of d x d matrices give
    its norm without cancellation. All arguments from V to ``smallest`` are work space.
    """
    width = np.uintp(2 * LANE)
    size = np.uintp(n * d)
    square = np.uintp(d * d)
    for j in range(size * width):
        V[j] = S1[j]
        W[j] = Q1[j]
    make_dual(V, Q, n, d, codes, real, left, pivots, smallest)
    make_dual(W, V, n, d, codes, real, left, pivots, smallest)
    for j in range(size * width):
        V[j] -= S[j]
    clear(result, LANE)
    clear(left, square * width)
    clear(right, square * width)
    subtract_adjoint_times(left, V, V, d, n, d, real)
    subtract_adjoint_times(right, W, W, d, n, d, real)
    add_products(left, right, square, 1.0, result)
    clear(left, square * width)
    subtract_adjoint_times(left, V, S, d, n, d, real)
    for j in range(size * width):
        V[j] = W[j] - Q[j]
    clear(right, square * width)
    subtract_adjoint_times(right, W, V, d, n, d, real)
    add_products(left, right, square, 2.0, result)
    clear(left, square * width)
    clear(right, square * width)
    subtract_adjoint_times(left, S, S, d, n, d, real)
    subtract_adjoint_times(right, V, V, d, n, d, real)
    add_products(left, right, square, 1.0, result)
    for j in range(np.uintp(LANE)):
        result[j] = np.sqrt(max(result[j], 0.0))


@kernel
def apply_superoperator(
    re: Float,
    im: Float,
    minus_im: Float,
    r: Any,
    n: Any,
    d: Any,
    real: bool,
    S: Float,
    Q: Float,
    Y: Float,
    Z: Float,
    image: Float,
    coimage: Float,
    product: Float,
    X: Float,
) -> None:
    """``image = sum_j A_j Y X_j^*`` and ``coimage = sum_j A_j^* Z X_j`` with X_j = Q^* A_j S, in all lanes.

    ``re``, ``im`` and ``minus_im`` are the parts of all A_j as `subtract_shared_times` takes them; ``product``
    and ``X`` are work space. Each result takes an even number of subtractions, hence no change of sign.
    """
    width = np.uintp(2 * LANE)
    size = np.uintp(n * d) * width
    one = np.uintp(1)
    rows = np.uintp(n)
    clear(image, size)
    clear(coimage, size)
    for k in range(np.uintp(r)):
        a = k * rows * rows
        clear(product, size)
        subtract_shared_times(product, re, im, minus_im, a, rows, one, S, n, d, real)
        clear(X, d * d * width)
        subtract_adjoint_times(X, Q, product, d, n, d, real)
        clear(product, size)
        subtract_times(product, Z, X, n, d, d, real)
        subtract_shared_times(coimage, re, minus_im, im, a, one, rows, product, n, d, real)
        take_adjoint(X, d)
        clear(product, size)
        subtract_times(product, Y, X, n, d, d, real)
        subtract_shared_times(image, re, im, minus_im, a, rows, one, product, n, d, real)


@kernel
def take_adjoint(X: Float, d: Any) -> None:
    """Replace d x d matrices by their adjoints, in all lanes."""
    lane = np.uintp(LANE)
    width = np.uintp(2) * lane
    order = np.uintp(d)
    for i in range(order):
        for c in range(i + np.uintp(1)):
            a = (i * order + c) * width
            b = (c * order + i) * width
            for j in range(lane):
                X[a + j], X[b + j] = X[b + j], X[a + j]
                X[a + lane + j], X[b + lane + j] = -X[b + lane + j], -X[a + lane + j]


@kernel
def load(starts: Float, first: Any, size: Any, parts: Any, lanes: Float) -> None:
    """Copy ``LANE`` rows of ``starts`` to lanes; the last row of all fills lanes that are left over."""
    lane = np.uintp(LANE)
    for j in range(LANE):
        b = min(first + j, starts.shape[0] - 1)
        for e in range(np.uintp(size)):
            for part in range(np.uintp(parts)):
                lanes[(np.uintp(2) * e + part) * lane + np.uintp(j)] = starts[b, e * np.uintp(parts) + part]


@kernel
def store(lanes: Float, first: Any, size: Any, parts: Any, starts: Float) -> None:
    """The inverse of `load`, for the lanes that have a row."""
    lane = np.uintp(LANE)
    for j in range(min(LANE, starts.shape[0] - first)):
        for e in range(np.uintp(size)):
            for part in range(np.uintp(parts)):
                starts[first + j, e * np.uintp(parts) + part] = lanes[(np.uintp(2) * e + part) * lane + np.uintp(j)]


@kernel
def commit(fresh: Float, size: Any, codes: Int, lanes: Float) -> None:
    """Copy ``size`` entries in the lanes whose code is DONE."""
    lane = np.uintp(LANE)
    for e in range(np.uintp(2) * np.uintp(size)):
        a = e * lane
        for j in range(lane):
            if codes[j] == DONE:
                lanes[a + j] = fresh[a + j]


@kernel
def refuse_not_finite(lanes: Float, size: Any, codes: Int, total: Float) -> None:
    """A code where an entry is infinite or not a number; ``total`` is work space."""
    lane = np.uintp(LANE)
    clear(total, lane)
    for e in range(np.uintp(2) * np.uintp(size)):
        a = e * lane
        for j in range(lane):
            total[j] += abs(lanes[a + j])
    for j in range(lane):
        if codes[j] == DONE and not total[j] < np.inf:
            codes[j] = NOT_FINITE


@kernel
def low_rank_steps(
    re: Float,
    im: Float,
    minus_im: Float,
    r: int,
    order: int,
    rank: int,
    parts: int,
    steps: int,
    t: Float,
    S_starts: Float,
    Q_starts: Float,
    Y_starts: Float,
    Z_starts: Float,
    increments: Float,
    codes: Int,
) -> None:
    """``steps`` steps of the low-rank LSRDR iteration from each start, `LANE` starts at a time.

    Parameters
    ----------
    re, im, minus_im : (r * n * n,)
        Real parts of the matrices A_j, imaginary parts, and these negated; the last two empty where A is real.
    order, rank
        n and d.
    parts
        Numbers for an entry of a start: 1 (real; A must be real, too) or 2.
    t : (k,)
        Step sizes, positive; infinity is one.
    S_starts, Q_starts, Y_starts, Z_starts : (k, n * d * parts)
        Starts with Q^* S = I; replaced by the states after the last step that could be taken.
    increments : (k,)
        Receive the Frobenius norms of the change of P = S Q^* in the last step; NaN where it could not be taken, and
        infinity where the difference of the two projections is too large to be computed from their factors.
    codes : (k,)
        Receive DONE or what stopped the start.
    """
    lane = np.uintp(LANE)
    n = np.uintp(order)
    d = np.uintp(rank)
    entries = n * d
    width = np.uintp(2) * lane
    size = entries * width
    real = parts == 1

    S = np.zeros(size)
    Q = np.zeros(size)
    Y = np.zeros(size)
    Z = np.zeros(size)
    new_S = np.zeros(size)
    new_Q = np.zeros(size)
    new_Y = np.zeros(size)
    new_Z = np.zeros(size)
    image = np.zeros(size)
    coimage = np.zeros(size)
    square = np.uintp(d * d)
    X = np.zeros(square * width)
    matrix = np.zeros(square * width)
    pivots = np.zeros(np.uintp(d) * lane, dtype=np.int64)
    smallest = np.zeros(width)
    keep = np.zeros(LANE)
    move = np.zeros(LANE)
    work = np.zeros((4, LANE))
    norms = np.zeros(LANE)
    state = np.zeros(LANE, dtype=np.int64)
    measured = np.zeros(LANE, dtype=np.int64)

    for first in range(0, S_starts.shape[0], LANE):
        load(S_starts, first, entries, parts, S)
        load(Q_starts, first, entries, parts, Q)
        load(Y_starts, first, entries, parts, Y)
        load(Z_starts, first, entries, parts, Z)
        for j in range(LANE):
            step = t[min(first + j, t.size - 1)]
            # Both sums are divided by 1 + t, which P does not see: so t may be infinite.
            keep[j] = 1.0 / (1.0 + step)
            move[j] = step / (1.0 + step) if step < np.inf else 1.0
            state[j] = DONE
            norms[j] = np.nan
        for number in range(steps):
            apply_superoperator(re, im, minus_im, r, n, d, real, S, Q, Y, Z, image, coimage, new_S, X)
            divide_by_trace(S, image, entries, state, work[0], work[1], work[2], work[3])
            divide_by_trace(Q, coimage, entries, state, work[0], work[1], work[2], work[3])
            advance(S, image, n, d, keep, move, real, X, new_S)
            advance(Q, coimage, n, d, keep, move, real, X, new_Q)
            orthonormalize(new_S, n, d, state, work[0], work[1], work[2])
            make_dual(new_Q, new_S, n, d, state, real, matrix, pivots, smallest)
            clear(X, square * width)
            subtract_adjoint_times(X, S, new_Q, d, n, d, real)
            clear(new_Y, size)
            subtract_times(new_Y, image, X, n, d, d, real)
            clear(X, square * width)
            subtract_adjoint_times(X, Q, new_S, d, n, d, real)
            clear(new_Z, size)
            subtract_times(new_Z, coimage, X, n, d, d, real)
            # Products with new_Q and new_S, hence not finite if these are not.
            refuse_not_finite(new_Y, entries, state, work[0])
            refuse_not_finite(new_Z, entries, state, work[0])
            if number == steps - 1:
                for j in range(LANE):
                    measured[j] = state[j]
                distances(S, Q, new_S, new_Q, n, d, measured, real, image, coimage, X, matrix, pivots, smallest, norms)
                for j in range(LANE):
                    if state[j] != DONE:
                        norms[j] = np.nan
                    elif measured[j] != DONE:
                        norms[j] = np.inf
            commit(new_S, entries, state, S)
            commit(new_Q, entries, state, Q)
            commit(new_Y, entries, state, Y)
            commit(new_Z, entries, state, Z)
            alive = False
            for j in range(LANE):
                alive = alive or state[j] == DONE
            if not alive:
                break
        store(S, first, entries, parts, S_starts)
        store(Q, first, entries, parts, Q_starts)
        store(Y, first, entries, parts, Y_starts)
        store(Z, first, entries, parts, Z_starts)
        for j in range(min(LANE, S_starts.shape[0] - first)):
            codes[first + j] = state[j]
            increments[first + j] = norms[j]

"""Plain counterparts of what `algeom.networks.fibers` computes at points, and random bars for its tests."""

from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from algeom.networks.fibers.bars import Bars


def naive_rank(rows, modulus=None):
    """Rank by elimination with Python numbers, over Q or modulo a prime."""
    rows = [[Fraction(x) if modulus is None else int(x) % modulus for x in row] for row in rows]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((k for k in range(rank, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = 1 / rows[rank][column] if modulus is None else pow(rows[rank][column], -1, modulus)
        for k in range(len(rows)):
            if k != rank and rows[k][column]:
                factor = rows[k][column] * inverse
                rows[k] = [x - factor * y for x, y in zip(rows[k], rows[rank], strict=True)]
                if modulus is not None:
                    rows[k] = [x % modulus for x in rows[k]]
        rank += 1
    return rank


def naive_null(matrix, modulus):
    """Columns that span the null space of a matrix modulo a prime."""
    rows, columns = matrix.shape
    work = [[int(x) % modulus for x in row] for row in matrix]
    pivots = []
    for column in range(columns):
        rank = len(pivots)
        pivot = next((k for k in range(rank, rows) if work[k][column]), None)
        if pivot is None:
            continue
        work[rank], work[pivot] = work[pivot], work[rank]
        inverse = pow(work[rank][column], -1, modulus)
        work[rank] = [x * inverse % modulus for x in work[rank]]
        for k in range(rows):
            if k != rank and work[k][column]:
                factor = work[k][column]
                work[k] = [(x - factor * y) % modulus for x, y in zip(work[k], work[rank], strict=True)]
        pivots.append(column)
    basis = []
    for free in sorted(set(range(columns)) - set(pivots)):
        vector = [0] * columns
        vector[free] = 1
        for row, column in enumerate(pivots):
            vector[column] = -work[row][free] % modulus
        basis.append(vector)
    return np.array(basis, dtype=object).reshape(len(basis), columns).T


def naive_product(weights):
    """W_L ... W_1 by NumPy's product of objects."""
    product = weights[0]
    for weight in weights[1:]:
        product = weight @ product
    return product


def naive_rank_list(weights, modulus=None):
    """Ranks of all partial products, by multiplication and elimination."""
    depth = len(weights)
    ranks = {(0, 0): weights[0].shape[1]} | {(j, j): weights[j - 1].shape[0] for j in range(1, depth + 1)}
    for i in range(depth):
        for j in range(i + 1, depth + 1):
            ranks[j, i] = naive_rank(naive_product(weights[i:j]), modulus)
    return ranks


@st.composite
def random_bars(draw, depths=(1, 2, 3, 4), most=2):
    """Multiplicities of all bars, with at least one through each layer."""
    depth = draw(st.sampled_from(depths))
    counts = {
        (a, b): draw(st.sampled_from((0, 0, *range(most + 1)))) for a in range(depth + 1) for b in range(a, depth + 1)
    }
    for layer in range(depth + 1):
        if not any(m for (a, b), m in counts.items() if a <= layer <= b):
            counts[layer, layer] = 1
    return Bars.from_multiplicities(counts)


@st.composite
def two_bars_of_a_fiber(draw):
    """Two strata of one fiber."""
    widths = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    rank = draw(st.integers(0, min(widths)))
    return tuple(_bars_of_fiber(draw, widths, rank) for _ in range(2))


def _bars_of_fiber(draw, widths, rank):
    depth = len(widths) - 1
    left = [width - rank for width in widths]
    counts = {(0, depth): rank}
    for a in range(depth + 1):
        for b in range(depth, a, -1):
            if (a, b) != (0, depth):
                counts[a, b] = draw(st.integers(0, min(left[a : b + 1])))
                left = [x - counts[a, b] * (a <= j <= b) for j, x in enumerate(left)]
    counts |= {(j, j): x for j, x in enumerate(left) if (j, j) != (0, depth)}
    return Bars.from_multiplicities(counts, widths)

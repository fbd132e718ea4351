"""Brute force for fibers of linear networks: strata by trial, their order by pairs, dimensions by ranks mod p."""

from itertools import combinations
from math import ceil, prod

import flint
import numpy as np

#: The largest prime below 2^31.
PRIME = 2147483647


def width_vectors(total):
    """All widths with at least two layers and this sum, one of each pair of a vector and its reversal."""

    def compositions(n):
        if n == 0:
            yield ()
        for first in range(1, n + 1):
            yield from ((first, *rest) for rest in compositions(n - first))

    return [d for d in compositions(total) if len(d) >= 2 and d <= d[::-1]]


def naive_strata(widths, rank):
    """All multiplicities {(a, b): omega}, by recursion over the bars from the longest on."""
    last = len(widths) - 1
    bars = [(a, a + length) for length in range(last - 1, -1, -1) for a in range(last + 1 - length)]

    def choices(k, room):
        if k == len(bars):
            if not any(room):
                yield {}
            return
        a, b = bars[k]
        for m in range(min(room[a : b + 1]) + 1):
            left = [e - m * (a <= j <= b) for j, e in enumerate(room)]
            for rest in choices(k + 1, left):
                yield ({(a, b): m} if m else {}) | rest

    full = {(0, last): rank} if rank else {}
    return [omega | full for omega in choices(0, [d - rank for d in widths])]


def naive_ranks(omega, last):
    """The rank list {(j, i): r} by counting the bars that contain both layers."""
    return {
        (j, i): sum(m for (a, b), m in omega.items() if a <= i and j <= b)
        for i in range(last + 1)
        for j in range(i, last + 1)
    }


def kostant_partition_function(weights):
    """The coefficient of x^weights in the product of 1 / (1 - x_a ... x_b), as a truncated power series."""
    series = np.zeros([e + 1 for e in weights], dtype=object)
    series[(0,) * len(weights)] = 1
    for a in range(len(weights)):
        for b in range(a, len(weights)):
            step = [int(a <= j <= b) for j in range(len(weights))]
            for place in np.ndindex(*series.shape):
                before = tuple(np.subtract(place, step))
                if min(before) >= 0:
                    series[place] += series[before]
    return series[tuple(weights)]


def below(first, second):
    """Whether no rank of the first list is larger."""
    return all(first[place] <= second[place] for place in first)


def naive_covers(ranks):
    """Pairs of positions (i, k) with ranks[i] < ranks[k] and none between, from the comparison of all pairs."""
    n = len(ranks)
    values = np.array([list(r.values()) for r in ranks])
    less = np.array([(values[i] <= values).all(axis=1) for i in range(n)]) & ~np.eye(n, dtype=bool)
    between = (less.astype(np.int64) @ less.astype(np.int64)) > 0
    return less, {(int(i), int(k)) for i, k in np.argwhere(less & ~between)}


def transitive_closure(relation):
    """Reachability by Warshall's algorithm."""
    reached = relation.copy()
    for k in range(len(reached)):
        reached |= np.outer(reached[:, k], reached[k])
    return reached


def action_and_differential(weights):
    """Matrices at a point: (X_0, .., X_L) -> (X_i W_i - W_i X_(i-1)), and the differential of the product.

    Matrices are flattened row by row; both act on columns.
    """
    widths = [weights[0].shape[1], *(W.shape[0] for W in weights)]
    group = np.cumsum([0, *(d * d for d in widths)])
    entries = np.cumsum([0, *(W.size for W in weights)])
    action = np.zeros((entries[-1], group[-1]), dtype=np.int64)
    for i, W in enumerate(weights):
        rows = slice(entries[i], entries[i + 1])
        action[rows, group[i + 1] : group[i + 2]] = np.kron(np.eye(widths[i + 1], dtype=np.int64), W.T)
        action[rows, group[i] : group[i + 1]] -= np.kron(W, np.eye(widths[i], dtype=np.int64))
    before, after = [np.eye(widths[0], dtype=np.int64)], [np.eye(widths[-1], dtype=np.int64)]
    for W, V in zip(weights, reversed(weights), strict=True):
        before.append(W @ before[-1])
        after.append(after[-1] @ V)
    after.reverse()
    differential = np.hstack([np.kron(after[i + 1], before[i].T) for i in range(len(weights))])
    return action, differential


def rank_mod_p(matrix):
    rows, columns = matrix.shape
    return flint.nmod_mat(rows, columns, (matrix % PRIME).ravel().tolist(), PRIME).rank()


def stratum_dimension_and_differential_rank(weights):
    """Dimension of {X theta : X_L W = W X_0}, the tangent space of the stratum in the fiber, and the rank of d mu.

    The differential maps X theta to X_L W - W X_0, so the first is the rank of the action less that of its image.
    """
    action, differential = action_and_differential(weights)
    return rank_mod_p(action) - rank_mod_p(differential @ action), rank_mod_p(differential)


def aoyagi_learning_coefficient(widths, rank):
    """Twice the learning coefficient of a deep linear network, by Aoyagi's closed formula.

    M. Aoyagi, Consideration on the learning efficiency of multiple-layered neural networks with linear units, Neural
    Networks 172 (2024): the layers that matter are the narrowest l + 1, with sum S of their reduced widths, where
    S >= l times the widest of these and S < l times the narrowest of the others.
    """
    reduced = sorted(d - rank for d in widths)
    for l in range(1, len(reduced)):
        chosen, others = reduced[: l + 1], reduced[l + 1 :]
        if sum(chosen) >= l * chosen[-1] and (not others or sum(chosen) < l * others[0]):
            break
    else:
        raise AssertionError("no set of layers fits")
    total = sum(chosen)
    a = total - (ceil(total / l) - 1) * l
    pairs = sum(prod(pair) for pair in combinations(chosen, 2))
    # Twice the coefficient, times 2 l.
    numerator = a * (l - a) - (l - 1) * total**2 + 2 * l * pairs
    assert numerator % (2 * l) == 0
    return rank * (widths[0] + widths[-1] - rank) + numerator // (2 * l)

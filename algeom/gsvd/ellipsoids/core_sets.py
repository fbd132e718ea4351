"""Minimum-volume ellipsoids of many points from those of few: passes over all points, with elimination."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.ellipsoids.interior_point import optimal_weights

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Points of the first core set, in dimensions; and by how many dimensions, or which part of itself (at most the
#: dimension of the space of symmetric matrices), a core set grows in a round. In ``benchmarks/gsvd.py``
#: half or twice as many change the times by less than a factor of two.
_FIRST, _GROWTH, _GROWING_PART = 6, 4, 0.5
#: The gap within the core set, as part of the gap over all points one round before: what is solved more accurately is
#: lost when points join. At the end it is this part of the tolerance.
_INNER = 0.1
_LAST_INNER = 0.5
#: When the points that join are below this part of the core set, its members hardly change any more.
_FEW = 0.03
#: Part of the weights that is spread evenly before the next solution: interior-point methods start badly near the
#: boundary. Without it solutions for points close to a sphere took three times as many steps.
_UNIFORM = 0.2
#: Points of a core set leave it when their weight is below so many gaps of an average point, but in no case above the
#: second part of it. On the central path weights times slacks are a gap, so that these have slacks above a tenth.
_IDLE, _MOST_IDLE = 10.0, 0.05
#: Squared cosine above which two new points are one up to sign and size, as far as one round is concerned.
_PARALLEL = 1 - 1e-8
#: Singular value below which a direction is missing from a core set. In every direction the mean square of all points
#: is 1, so that there is one to add.
_MISSING = 1e-2
#: Relative safety of the elimination for rounding errors of gains, which are around 1e-14.
_ELIMINATION_SAFETY = 1e-9
#: Decimals of relative gains in which copies of a point agree: their rounding errors are around 1e-14.
_EQUAL_GAINS = 12
#: Rows at a time, such that a block of them stays in the cache.
_BLOCK_ENTRIES = 1 << 17


@dataclass(frozen=True, eq=False)
class CoreSet:
    """Points that carry weight, and what it took to find them.

    Attributes
    ----------
    indices : ndarray of int64, shape (n,)
    weights : ndarray of float64, shape (n,)
        Positive, with sum 1.
    gap : float
        Over all points that were not eliminated.
    iterations : int
        Newton steps.
    rounds : int
        Core sets.
    rows : int
        Points whose gain was computed, over all rounds.
    n_remaining : int
        Points that were not eliminated.
    """

    indices: Int
    weights: Float
    gap: float
    iterations: int
    rounds: int
    rows: int
    n_remaining: int


def support_threshold(gap: float, r: int) -> float:
    """Gain, relative to r, below which a point has no weight in any optimal solution.

    Parameters
    ----------
    gap : float
        ``max_k g_k / r - 1`` at the present weights, over all points.
    r : int
        The dimension.

    Notes
    -----
    With ``e = r gap`` it is ``1 + e/2 - sqrt(e (4 + e - 4/r)) / 2``, the least eigenvalue that ``V^-1/2 V* V^-1/2`` can
    have, if V* is optimal: its trace is at most r + e, that of its inverse at most r [1]_. It tends to 1 with the gap.

    References
    ----------
    .. [1] R. Harman, L. Pronzato, Improvements on removing nonoptimal support points in D-optimum design algorithms,
       Statist. Probab. Lett. 77 (2007), Theorem 1.

    Examples
    --------
    >>> support_threshold(0.0, 5), round(support_threshold(1e-3, 32), 3)
    (1.0, 0.839)
    """
    e = r * max(gap, 0.0)
    return 1 + e / 2 - math.sqrt(max(e * (4 + e - 4 / r), 0.0)) / 2


def gains(points: Float, factor: Float) -> Float:
    """``||L^-1 y_k||^2`` for all rows y_k, with a lower triangular L of shape (r, r)."""
    from scipy.linalg import solve_triangular

    inverse = solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False).T
    result = np.empty(len(points))
    block = max(1, _BLOCK_ENTRIES // len(factor))
    for first in range(0, len(points), block):
        part = points[first : first + block] @ inverse
        result[first : first + block] = np.einsum("ij,ij->i", part, part)
    return result


def core_set(points: Float, tol: float, most_rounds: int = 1000) -> CoreSet:
    """Optimal weights of many points, with only few of them in each computation.

    Parameters
    ----------
    points : ndarray of float64, shape (N, r)
        With ``points.T @ points = N`` times the identity.
    tol : float
        The gap to reach.
    most_rounds : int

    Returns
    -------
    CoreSet

    Notes
    -----
    Rounds of three steps: optimal weights for the core set, by Newton's method; a pass over all points, for the gap and
    for those that violate most, which join; and elimination of those that can never have weight [1]_. Idle points leave
    the core set, each time only after log det V has increased: since it is bounded and there are finitely many core
    sets, this ends. Active sets for this problem go back to [2]_; duplicates among the points that join, also up to
    sign, are left out for a round, because they would only crowd the core set.

    References
    ----------
    .. [1] R. Harman, L. Pronzato, Statist. Probab. Lett. 77 (2007).
    .. [2] P. Sun, R. M. Freund, Computation of minimum-volume covering ellipsoids, Oper. Res. 52 (2004), Section 4.
    """
    from scipy.linalg import cholesky

    r = points.shape[1]
    remaining = np.arange(len(points))
    candidates = points
    core = _first_core(points)
    start = np.full(core.size, 1 / core.size)
    inner_tol = max(_LAST_INNER * tol, _INNER)
    iterations = rounds = rows = 0
    pruned_at = -math.inf
    while True:
        found = optimal_weights(points[core], start, inner_tol)
        iterations, rounds, rows = iterations + found.iterations, rounds + 1, rows + len(candidates)
        members = points[core]
        factor = cholesky((members * found.values[:, None]).T @ members, lower=True, check_finite=False)
        g = gains(candidates, factor) / r
        gap = float(g.max()) - 1
        possible = g >= support_threshold(gap, r) - _ELIMINATION_SAFETY
        if np.count_nonzero(possible) < len(candidates):
            remaining, candidates, g = remaining[possible], candidates[possible], g[possible]
        stalled = found.gap > inner_tol or rounds == most_rounds
        if gap <= tol or stalled:
            return CoreSet(core, found.values, gap, iterations, rounds, rows, len(remaining))
        log_det = 2 * float(np.log(np.diagonal(factor)).sum())
        kept = np.ones(core.size, dtype=bool)
        if log_det > pruned_at + tol:
            idle = found.values * core.size < min(_IDLE * found.gap, _MOST_IDLE)
            kept = ~idle & np.isin(core, remaining, assume_unique=True)
            if not _spans(members[kept]):
                kept[:] = True
            pruned_at = log_det
        most = max(_GROWTH * r, min(int(_GROWING_PART * core.size), r * (r + 1) // 2))
        new = _violators(candidates, g, 1 + max(tol, found.gap), factor, most)
        joining = np.setdiff1d(remaining[new], core[kept])
        core = np.concatenate([core[kept], joining])
        start = np.concatenate([found.values[kept], np.zeros(joining.size)])
        start = (1 - _UNIFORM) * start / start.sum() + _UNIFORM / core.size
        few = joining.size < _FEW * core.size
        inner_tol = _LAST_INNER * tol if few else max(_LAST_INNER * tol, min(inner_tol, _INNER * gap))


def _first_core(points: Float) -> Int:
    """Points of large norm that span the space."""
    r = points.shape[1]
    count = min(len(points), _FIRST * r)
    norms = np.einsum("ij,ij->i", points, points)
    chosen = np.argpartition(-norms, count - 1)[:count]
    while True:
        _, sizes, basis = np.linalg.svd(points[chosen], full_matrices=True)
        missing = basis[np.append(sizes, np.zeros(r))[:r] < _MISSING]
        projected = points @ missing.T
        furthest = int(np.argmax(np.einsum("ij,ij->i", projected, projected)))
        if not len(missing) or furthest in chosen:
            return np.sort(chosen)
        chosen = np.append(chosen, furthest)


def _spans(points: Float) -> bool:
    """Whether points of a whitened set span the space by more than rounding errors."""
    if len(points) < points.shape[1]:
        return False
    return float(np.linalg.svd(points, compute_uv=False)[-1]) > _MISSING


def _violators(candidates: Float, g: Float, level: float, factor: Float, count: int) -> Int:
    """The candidates of largest gain above a level, without those that are parallel to a larger one."""
    above = np.flatnonzero(g > level)
    if not above.size:
        return np.array([int(np.argmax(g))])
    above = above[np.argsort(-g[above], kind="stable")]
    chosen = _without_parallel(candidates, above[:count], factor)
    if above.size > count and chosen.size < count / 2:
        # Copies of few points have filled the places; of equal gains, one each.
        _, first = np.unique(np.round(g[above], _EQUAL_GAINS), return_index=True)
        chosen = np.union1d(chosen, above[np.sort(first)[:count]])
        chosen = _without_parallel(candidates, chosen[np.argsort(-g[chosen], kind="stable")], factor)
    return chosen


def _without_parallel(candidates: Float, chosen: Int, factor: Float) -> Int:
    from scipy.linalg import solve_triangular

    # Larger points come first, and stay: otherwise the largest of all might never join.
    whitened = solve_triangular(factor, candidates[chosen].T, lower=True, check_finite=False)
    gram = np.square(whitened.T @ whitened)
    sizes = np.sqrt(np.diagonal(gram))
    repeated = np.triu(gram > _PARALLEL * np.outer(sizes, sizes), 1).any(axis=0)
    return np.asarray(chosen[~repeated])

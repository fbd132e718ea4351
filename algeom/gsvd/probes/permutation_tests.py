"""Permutation tests for two groups: random exchanges within strata, p-values, and correction for many tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["distance_statistics", "exchanges", "holm", "p_value", "studentized_difference"]

Float = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Differences of statistics, relative to their scale, that are rounding: such ties count against the observed one.
#: Finite differences are exact to about 1e-10.
_TIE = 1e-9
#: Part of the pooled variance that is added to variances. Where both groups are constant, standard errors are rounding
#: otherwise; with it, that of the numerator, about 1e-15 standard deviations, is below that of ties.
_VARIANCE = 1e-10
#: Numbers in one block of exchanges: 64 MB.
_BLOCK = 1 << 23


def exchanges(first: Mask, strata: NDArray[np.int64], count: int, rng: np.random.Generator) -> Iterator[Float]:
    """Memberships in the first of two groups: as observed, then after random exchanges within strata.

    Parameters
    ----------
    first : ndarray of bool, shape (N,)
        Who is in the first group.
    strata : ndarray of int64, shape (N,)
        Numbers from 0 on; each stratum keeps its numbers of members of both groups.
    count : int
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of float64, shape (B, N)
        Zeros and ones, ``count + 1`` rows in all, in blocks.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> (block,) = exchanges(np.array([True, False, True, False]), np.array([0, 0, 1, 1]), 100, rng)
    >>> block[0], block[:, :2].sum(axis=1).max()
    (array([1., 0., 1., 0.]), np.float64(1.0))
    """
    members = first[np.argsort(strata, kind="stable")].astype(np.float64)
    block = max(1, _BLOCK // len(first))
    left, head = count, first.astype(np.float64)[None]
    while left or len(head):
        size = min(block, left)
        # Numbers in [s, s + 1) for stratum s: sorting leaves strata in order and makes the order within them random.
        order = np.argsort(strata + rng.random((size, len(first))), axis=1)
        exchanged = np.empty((size, len(first)))
        np.put_along_axis(exchanged, order, np.tile(members, (size, 1)), axis=1)
        yield np.vstack([head, exchanged])
        left, head = left - size, head[:0]


def studentized_difference(members: Float, values: Float, strata: NDArray[np.int64]) -> tuple[Float, Float]:
    """Differences of means of the first and the second group, and what they differ by from those expected.

    Parameters
    ----------
    members : ndarray of float64, shape (B, N)
        From `exchanges`; both groups have two members at least.
    values : ndarray of float64, shape (N,)
    strata : ndarray of int64, shape (N,)
        Within which members were exchanged.

    Returns
    -------
    differences : ndarray of float64, shape (B,)
    statistics : ndarray of float64, shape (B,)
        ``t / sqrt(1 + t^2)``, between -1 and 1, where t is the difference less its mean over all exchanges, in units of
        the standard error. Without strata that mean is zero, and t is Welch's statistic, up to 1e-10 of the variance.

    Notes
    -----
    Permutation tests with Welch's statistic are exact for exchangeable groups, and hold for large groups with equal
    means and different variances as well [1]_. *Our own*: the expected difference, which is not zero within strata,
    and the bounded form. It has the same order, and is well determined where an exchange separates tied values, so that
    t is infinite.

    References
    ----------
    .. [1] E. Chung, J. P. Romano, Exact and asymptotically robust permutation tests, Ann. Statist. 41 (2013).
    """
    centered = values - values.mean()
    unit = float(np.abs(centered).max())
    if not unit:
        return np.zeros(len(members)), np.zeros(len(members))
    centered /= unit
    counts = np.maximum(np.bincount(strata), 1)
    shares = (np.bincount(strata, weights=members[0]) / counts)[strata]
    slack = _VARIANCE * float(np.mean(centered**2))
    means, expected, square = [], [], np.zeros(len(members))
    for mask, share in ((members, shares), (1.0 - members, 1.0 - shares)):
        size = mask.sum(axis=1)
        mean = mask @ centered / size
        spread = np.maximum(mask @ centered**2 - size * mean**2, 0.0) / (size - 1)
        means.append(mean)
        expected.append(share @ centered / size)
        square += (spread + slack) / size
    difference = means[0] - means[1]
    beyond = difference - (expected[0] - expected[1])
    return unit * difference, beyond / np.sqrt(square + beyond**2)


def distance_statistics(members: Float, distances: Float) -> tuple[Float, Float, Float]:
    """Mean distances within the first group, within the second one, and between them.

    Parameters
    ----------
    members : ndarray of float64, shape (B, N)
        From `exchanges`; both groups have two members at least.
    distances : ndarray of float64, shape (N, N)
        Symmetric, zero on the diagonal.

    Returns
    -------
    within_first, within_second, between : ndarray of float64, shape (B,)
        Means over pairs of different members. With n and m members the energy statistic [1]_ is ``2 between - (1 - 1/n)
        within_first - (1 - 1/m) within_second``; it is not negative for distances of vectors.

    References
    ----------
    .. [1] G. J. Székely, M. L. Rizzo, Energy statistics, J. Statist. Plann. Inference 143 (2013).
    """
    size = members.sum(axis=1)
    other = members.shape[1] - size
    inner = np.einsum("bi,bi->b", members @ distances, members)
    touching = members @ distances.sum(axis=1)
    crossing = touching - inner
    outer = np.maximum(float(distances.sum()) - touching - crossing, 0.0)
    return inner / (size * (size - 1)), outer / (other * (other - 1)), crossing / (size * other)


def p_value(statistics: Float, scale: float, two_sided: bool = False) -> float:
    """The p-value ``(1 + #{b : t_b >= t_0}) / (B + 1)`` of a permutation test.

    Parameters
    ----------
    statistics : ndarray of float64, shape (B + 1,)
        The observed one, then those after exchanges. Large ones speak against the null hypothesis.
    scale : float
        Size of the numbers that statistics are computed from: those that are closer than 1e-9 of it are equal.
    two_sided : bool
        Take distances from the mean of all B + 1 instead. That is a symmetric function of them, so that the test
        remains exact, and within strata the mean need not be 0.

    Returns
    -------
    float
        If the groups are exchangeable within strata, ``P(p <= a) <= a`` for every a: all B + 1 statistics then have
        the same distribution in every order, so that the observed one is among the k largest with probability at most
        k / (B + 1) [1]_. Equal ones, up to rounding, count against it.

    References
    ----------
    .. [1] B. Phipson, G. K. Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9 (2010).

    Examples
    --------
    >>> p_value(np.array([3.0, 1.0, 2.0, 3.0]), 1.0)
    0.5
    """
    if statistics.ndim != 1 or len(statistics) < 2 or not np.isfinite(statistics).all():
        raise InputError(
            f"statistics of the shape {statistics.shape}: expected the observed one and those after one exchange at "
            "least, all finite"
        )
    t = np.abs(statistics - statistics.mean()) if two_sided else statistics
    return float((1 + np.count_nonzero(t[1:] >= t[0] - _TIE * scale)) / len(t))


def holm(p_values: Float) -> Float:
    """Holm's adjusted p-values: rejecting those below a is wrong anywhere with probability at most a.

    It holds for every dependence of the tests [1]_.

    References
    ----------
    .. [1] S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted

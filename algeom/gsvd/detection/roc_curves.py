"""Receiver operating characteristics: areas with confidence intervals, differences of areas, permuted labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["PermutationControl", "RocCurve", "auc_difference", "permutation_control", "roc"]

Float = NDArray[np.float64]

#: Normal quantile of two-sided 95% intervals.
_NORMAL = 1.959963984540054
#: Rounding errors of areas, which are means of thousands of numbers up to 1.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class RocCurve:
    """A detector's trade-off between detections and false alarms.

    Attributes
    ----------
    auc : float
        The chance that a positive has a larger score than a negative, ties counted half.
    low, high : float
        95% confidence interval of it.
    false_positives, true_positives : ndarray of float64
        Rates at all thresholds, from 0 to 1; straight between them.
    n_positives, n_negatives : int
    """

    auc: float
    low: float
    high: float
    false_positives: Float
    true_positives: Float
    n_positives: int
    n_negatives: int

    def __repr__(self) -> str:
        return (
            f"RocCurve(AUC {self.auc:.4f}, 95% in {self.low:.4f} to {self.high:.4f}; {self.n_positives} positives, "
            f"{self.n_negatives} negatives)"
        )


def roc(positives: ArrayLike, negatives: ArrayLike, *, clusters: tuple[ArrayLike, ArrayLike] | None = None) -> RocCurve:
    """The ROC curve of scores, with the area under it as the statistic of Mann and Whitney.

    Parameters
    ----------
    positives, negatives : array_like of float, shapes (P,), (N,)
        Scores, larger ones for what should be detected; infinite ones are allowed.
    clusters : pair of array_like of int, shapes (P,), (N,), optional
        Which scores belong together, for instance to one image; by default all are independent.

    Returns
    -------
    RocCurve

    Raises
    ------
    InputError
        If there are no scores of one kind, one is NaN, or clusters do not fit.

    Notes
    -----
    The interval is ``auc +- 1.96 s``, cut off at 0 and 1, with the variance of DeLong et al. [1]_; with clusters, that
    of Obuchowski [2]_, which is the same if each cluster has one member. Where the scores are separated it has length 0
    and says nothing.

    References
    ----------
    .. [1] E. DeLong, D. DeLong, D. Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
       characteristic curves, Biometrics 44 (1988) 837-845.
    .. [2] N. Obuchowski, Nonparametric analysis of clustered ROC curve data, Biometrics 53 (1997) 567-578.

    Examples
    --------
    >>> roc([2.0, 3.0], [1.0, 2.0]).auc
    0.875
    """
    ahead, behind = _scores("positives", positives), _scores("negatives", negatives)
    groups = _groups(clusters, len(ahead), len(behind))
    of_positives, of_negatives = _placements(ahead, behind)
    auc = float(of_positives.mean())
    error = _NORMAL * _standard_error(of_positives, of_negatives, groups)
    thresholds = np.unique(np.concatenate([ahead, behind]))[::-1]
    false, true = (
        np.append(0.0, (len(s) - np.searchsorted(np.sort(s), thresholds, side="left")) / len(s))
        for s in (behind, ahead)
    )
    return RocCurve(auc, max(0.0, auc - error), min(1.0, auc + error), false, true, len(ahead), len(behind))


def auc_difference(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    *,
    clusters: tuple[ArrayLike, ArrayLike] | None = None,
) -> tuple[float, float, float]:
    """Difference of the areas of two scores of the same data, and its 95% confidence interval.

    Parameters
    ----------
    first, second : pair of array_like
        Scores of the positives and of the negatives, in the same order.
    clusters : pair of array_like of int, optional
        As for `roc`.

    Returns
    -------
    difference, low, high : float
        Area of the first minus that of the second; the method of `roc`, which accounts for correlated scores.

    Raises
    ------
    InputError
        As for `roc`, or if the two are of different data.

    Examples
    --------
    >>> auc_difference(([2.0, 3.0], [0.0, 1.0]), ([2.0, 0.0], [1.0, 3.0]))[0]
    0.75
    """
    pairs = [_pair(name, given, "scores") for name, given in (("first", first), ("second", second))]
    parts = [_placements(_scores("positives", ahead), _scores("negatives", behind)) for ahead, behind in pairs]
    if parts[0][0].shape != parts[1][0].shape or parts[0][1].shape != parts[1][1].shape:
        raise InputError("the two scores are of different data: give as many positives and negatives of both")
    groups = _groups(clusters, len(parts[0][0]), len(parts[0][1]))
    of_positives, of_negatives = parts[0][0] - parts[1][0], parts[0][1] - parts[1][1]
    difference = float(of_positives.mean())
    error = _NORMAL * _standard_error(of_positives, of_negatives, groups)
    return difference, max(-1.0, difference - error), min(1.0, difference + error)


@dataclass(frozen=True, eq=False, repr=False)
class PermutationControl:
    """Areas after positives and negatives were mixed up at random.

    Attributes
    ----------
    auc : float
        With the right labels.
    mean : float
        Of the areas with permuted labels.
    low, high : float
        Between which 95% of them are.
    expected_mean, expected_deviation : float
        Mean and standard deviation of an area with permuted labels, by theory.
    p_value : float
        Share of permutations with areas as far from `expected_mean` as the right one, which counts as one of them.
    permutations : int
        How many were made.
    seed : int
    interrupted : bool
    """

    auc: float
    mean: float
    low: float
    high: float
    expected_mean: float
    expected_deviation: float
    p_value: float
    permutations: int
    seed: int
    interrupted: bool = False

    @property
    def passed(self) -> bool:
        """Whether the mean is within four standard errors of what theory says.

        That is a check of how areas are computed, and of nothing else: permuted labels have this mean whatever the
        scores are.
        """
        error = self.expected_deviation / math.sqrt(self.permutations)
        return abs(self.mean - self.expected_mean) <= 4 * error + _ROUNDING

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"PermutationControl({self.permutations} permutations: mean {self.mean:.4f}, 95% in {self.low:.4f} to "
            f"{self.high:.4f}; AUC {self.auc:.4f}, p = {self.p_value:.2g}{stopped})"
        )


def permutation_control(
    positives: ArrayLike,
    negatives: ArrayLike,
    *,
    clusters: tuple[ArrayLike, ArrayLike] | None = None,
    permutations: int = 1000,
    rng: RandomState = None,
    progress: Progress = False,
) -> PermutationControl:
    """Areas under ROC curves of the same scores with permuted labels.

    Parameters
    ----------
    positives, negatives : array_like of float, shapes (P,), (N,)
    clusters : pair of array_like of int, shapes (P,), (N,), optional
        Which scores belong together, for instance to one image: labels are then permuted within clusters only. By
        default among all scores.
    permutations : int
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    PermutationControl
        If interrupted, of the permutations that were made.

    Raises
    ------
    InputError
        As for `roc`, if `permutations` is no positive integer, or no cluster has scores of both kinds.

    Notes
    -----
    The p-value is exact if, without a difference between positives and negatives, the scores could have come in any
    other order, within clusters if these are given. Scores of one image that go up and down together can not be
    exchanged with those of other images: without clusters their p-value means nothing.

    Over all permutations within clusters c with S_c scores, P_c of them positive, the rank sum of positives has the
    mean ``sum_c P_c m_c`` and the variance ``sum_c P_c (S_c - P_c) s_c^2 / S_c``, where m_c is the mean and s_c^2 the
    variance (with S_c - 1) of midranks in c: samples without replacement. The area is the rank sum minus
    ``P (P + 1) / 2``, divided by P N; its mean is 1/2 if positives have the same share in all clusters.

    Examples
    --------
    >>> control = permutation_control(np.arange(50.0), np.arange(50.0) - 20, rng=0)
    >>> control.passed, control.p_value < 0.01
    (True, True)
    """
    ahead, behind = _scores("positives", positives), _scores("negatives", negatives)
    check_integer("permutations", permutations, 1)
    if clusters is None:
        at, groups = np.zeros(len(ahead) + len(behind), dtype=np.int64), 1
    else:
        own, others, groups = _groups(clusters, len(ahead), len(behind))
        at = np.concatenate([own, others])
    seed, generator = resolve(rng)
    pairs = len(ahead) * len(behind)
    least = len(ahead) * (len(ahead) + 1) / 2
    ranks = _midranks(np.concatenate([ahead, behind]))
    sizes, chosen = np.bincount(at, minlength=groups), np.bincount(at[: len(ahead)], minlength=groups)
    if np.all((chosen == 0) | (chosen == sizes)):
        raise InputError("no cluster has both positives and negatives: labels cannot be permuted within clusters")
    means = np.bincount(at, ranks) / sizes
    squares = np.bincount(at, np.square(ranks - means[at]))
    variance = float(np.sum(chosen * (sizes - chosen) * squares / (sizes * np.maximum(sizes - 1, 1))))
    expected = (float(chosen @ means) - least) / pairs
    # The order of scores by cluster, random within each, has the positives in the first places of each cluster.
    places = np.arange(len(ranks)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    first = places < np.repeat(chosen, sizes)
    sums: list[float] = []
    interrupted = False
    with reporter(progress) as report:
        report.start("permutations", total=permutations)
        try:
            for _ in range(permutations):
                order = np.argsort(at + generator.random(len(at)))
                sums.append(float(ranks[order[first]].sum()))
                report.advance()
        except KeyboardInterrupt:
            if not sums:
                raise
            interrupted = True
    areas = (np.array(sums) - least) / pairs
    auc = float((ranks[: len(ahead)].sum() - least) / pairs)
    # Areas are multiples of 1 / (2 P N); half of that separates equal ones from others.
    extreme = np.abs(areas - expected) >= abs(auc - expected) - 0.25 / pairs
    p_value = (1 + int(extreme.sum())) / (1 + len(areas))
    low, high = np.quantile(areas, [0.025, 0.975])
    return PermutationControl(
        auc, float(areas.mean()), float(low), float(high), expected, math.sqrt(variance) / pairs, p_value, len(areas),
        seed, interrupted,
    )  # fmt: skip


def _pair(name: str, given: Any, what: str) -> tuple[Any, Any]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise InputError(f"{name} is no pair; give the {what} of positives and those of negatives")
    return given[0], given[1]


def _scores(name: str, values: ArrayLike) -> Float:
    try:
        scores = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} are no vector of real numbers: {error}") from error
    if scores.ndim != 1 or not scores.size:
        raise InputError(f"{name} have the shape {scores.shape}; expected a vector of scores, one at least")
    if np.isnan(scores).any():
        raise InputError(
            f"{int(np.isnan(scores).sum())} of the scores of {name} are NaN; leave them out, or repair them"
        )
    return scores


def _groups(clusters: Any, n_positives: int, n_negatives: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Numbers of the clusters of positives and negatives, and how many there are."""
    if clusters is None:
        total = n_positives + n_negatives
        return np.arange(n_positives), np.arange(n_positives, total), total
    pair = _pair("clusters", clusters, "clusters")
    try:
        ahead, behind = (np.asarray(part) for part in pair)
    except ValueError as error:
        raise InputError(f"clusters are no two vectors of integers: {error}") from error
    if ahead.shape != (n_positives,) or behind.shape != (n_negatives,):
        raise InputError(
            f"clusters have the shapes {ahead.shape} and {behind.shape}; expected ({n_positives},) and ({n_negatives},)"
        )
    if not {ahead.dtype.kind, behind.dtype.kind} <= set("iu"):
        raise InputError(f"clusters have the types {ahead.dtype} and {behind.dtype}; expected integers")
    names, numbers = np.unique(np.concatenate([ahead, behind]), return_inverse=True)
    return numbers[:n_positives], numbers[n_positives:], len(names)


def _placements(positives: Float, negatives: Float) -> tuple[Float, Float]:
    """For each positive the share of negatives below it, and for each negative that of positives above, ties half."""
    sorted_negatives, sorted_positives = np.sort(negatives), np.sort(positives)
    below = [np.searchsorted(sorted_negatives, positives, side=side) for side in ("left", "right")]
    above = [len(positives) - np.searchsorted(sorted_positives, negatives, side=side) for side in ("left", "right")]
    return (below[0] + below[1]) / (2 * len(negatives)), (above[0] + above[1]) / (2 * len(positives))


def _standard_error(
    of_positives: Float, of_negatives: Float, groups: tuple[NDArray[np.int64], NDArray[np.int64], int]
) -> float:
    """Of the mean of placements of positives, or of differences of such."""
    at_positives, at_negatives, count = groups
    centre = of_positives.mean()
    sums = [
        np.bincount(at, values - centre, count) / len(values)
        for at, values in ((at_positives, of_positives), (at_negatives, of_negatives))
    ]
    squares = 0.0
    for at, part in zip((at_positives, at_negatives), sums, strict=True):
        clusters = len(np.unique(at))
        if clusters < 2:
            return math.inf
        squares += clusters / (clusters - 1) * float(part @ part)
    covariance = count / (count - 1) * float(sums[0] @ sums[1])
    return math.sqrt(max(squares + 2 * covariance, 0.0))


def _midranks(values: Float) -> Float:
    """Ranks from 1, those of equal numbers averaged."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") + 1) / 2

"""Groups of inputs compared in pairs: differences of gains and of distances, and of the inputs themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.probes.permutation_tests import distance_statistics, exchanges, holm, p_value, studentized_difference
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Reporter
from algeom.runtime.seeds import derive

__all__ = ["Comparison", "GroupDifference", "Strata", "as_marks"]

Float = NDArray[np.float64]

#: Values that differ by less than this part of the largest are equal: finite differences are exact to about 1e-10.
_EQUAL = 1e-9
#: Level at which notes are written.
_LEVEL = 0.05


@dataclass(frozen=True)
class GroupDifference:
    """One statistic of two groups, with its permutation test.

    Attributes
    ----------
    statistic : str
        "local gain": difference of the means, first minus second. "embedding spread": difference of the mean distances
        within the groups. "embedding distance": the energy statistic, ``2 between - (1 - 1/n) within first - (1 - 1/m)
        within second``, for groups of n and m inputs and mean distances of different inputs, as in
        `GroupProbe.distances`. It is zero for equal samples alone; of groups with equal distributions it is positive,
        near `expected`, and goes to zero as they grow. "input norm" and "input distribution": the same of inputs, for
        confounders.
    first, second : str
        Names of the groups.
    value : float
    expected : float
        Its mean over the exchanges: what it would be if the groups did not matter, within strata.
    effect : float
        Of gains and norms: the probability that one of the first group exceeds one of the second, 1/2 if there is no
        difference. Of spreads: their ratio. Of energy statistics: the part of twice the mean distance between the
        groups, from 0 to 1.
    p_value : float
        Two-sided for differences.
    adjusted : float
        Holm's p-value over all differences of all pairs. Confounders are not corrected for.
    """

    statistic: str
    first: str
    second: str
    value: float
    expected: float
    effect: float
    p_value: float
    adjusted: float

    def __str__(self) -> str:
        return (
            f"{self.statistic}, {self.first} and {self.second}: {self.value:.4g} (expected {self.expected:.4g}, effect "
            f"{self.effect:.3g}), p = {self.p_value:.3g}, adjusted {self.adjusted:.3g}"
        )


@dataclass(frozen=True, eq=False)
class Strata:
    """Within what inputs may be exchanged: strata given (N,), a number of quantiles of norms, or neither."""

    given: NDArray[np.int64] | None
    quantiles: int
    name: str

    @classmethod
    def of(
        cls, strata: Any, groups: Any, labels: Any, which: NDArray[np.int64], names: tuple[str, ...], count: int
    ) -> Strata:
        """Read the argument of `algeom.gsvd.probes.group_probe`: the form of strata is that of groups.

        Raises
        ------
        InputError
            If it is not, or shapes do not fit.
        """
        if strata is None:
            return cls(None, 0, "none")
        if isinstance(strata, str):
            if strata != "norms":
                raise InputError(f'strata={strata!r}: choose None or "norms", or give the stratum of each input')
            return cls(None, count, f"{count} quantiles of norms")
        if isinstance(groups, Mapping) != isinstance(strata, Mapping):
            raise InputError("strata have another form than groups: give both as mappings, or both as arrays")
        if isinstance(strata, Mapping):
            if set(map(str, strata)) != set(names):
                raise InputError(f"strata are given for {', '.join(map(str, strata))}, and groups {', '.join(names)}")
            sizes = dict(zip(names, np.bincount(which).tolist(), strict=True))
            parts = {
                str(name): as_marks(f"strata of group {str(name)!r}", marks, sizes[str(name)])
                for name, marks in strata.items()
            }
            marks = np.concatenate([parts[name] for name in names])
        else:
            marks = as_marks("strata", strata, len(which))
        found, numbers = np.unique(marks, return_inverse=True)
        return cls(numbers.astype(np.int64), 0, f"{len(found)} given")

    @property
    def suffix(self) -> str:
        """What to add to statements about exchangeable groups."""
        return "" if self.name == "none" else f" within strata ({self.name})"

    def among(self, chosen: NDArray[np.int64], norms: Float) -> NDArray[np.int64]:
        """Strata of the chosen inputs, with these norms, numbered from 0 on."""
        if self.given is not None:
            return np.unique(self.given[chosen], return_inverse=True)[1].astype(np.int64)
        if not self.quantiles:
            return np.zeros(len(chosen), dtype=np.int64)
        edges = np.quantile(norms, np.arange(1, self.quantiles) / self.quantiles)
        return np.searchsorted(edges, norms).astype(np.int64)


def as_marks(argument: str, values: Any, count: int) -> NDArray[Any]:
    """Labels or strata: one number or string for each of the inputs, shape (count,).

    Raises
    ------
    InputError
        If shapes do not fit, or one is missing (None or NaN) or something else.
    """
    try:
        marks = np.array(values, dtype=object)
    except ValueError as error:
        raise InputError(f"{argument}: expected one number or string for each input: {error}") from error
    if marks.shape != (count,):
        raise InputError(f"{argument} have the shape {marks.shape}, for {count} inputs; give one for each")
    for row, mark in enumerate(marks):
        if not np.isscalar(mark) or mark != mark:
            raise InputError(
                f"{argument}: row {row} has {mark!r}; give a number or a string, and leave out inputs that have none"
            )
    return np.asarray(marks.tolist())


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that is compared; `fitted` tells which of the inputs the decomposition was fitted to."""

    names: tuple[str, ...]
    which: NDArray[np.int64]
    gains: Float
    distances: Float
    inputs: Float
    input_distances: Float
    fitted: NDArray[np.bool_]
    strata: Strata
    count: int
    seed: int

    def mean_distances(self) -> Float:
        """Mean distances within and between groups."""
        masks = np.stack([self.which == k for k in range(len(self.names))]).astype(np.float64)
        sizes = masks.sum(axis=1)
        return np.asarray(masks @ self.distances @ masks.T / (np.outer(sizes, sizes) - np.diag(sizes)))

    def all_pairs(self, report: Reporter) -> tuple[Any, Any, tuple[str, ...]]:
        """Differences, confounders and notes; of the pairs that were reached."""
        reached: list[tuple[list[GroupDifference], list[GroupDifference], list[str]]] = []
        pairs = list(combinations(range(len(self.names)), 2))
        try:
            report.start("pairs of groups", total=len(pairs))
            for a, b in pairs:
                reached.append(self._pair(a, b))
                report.advance(pair=f"{self.names[a]}, {self.names[b]}")
        except KeyboardInterrupt:
            pass
        differences = [entry for pair in reached for entry in pair[0]]
        confounders = [entry for pair in reached for entry in pair[1]]
        notes = [note for pair in reached for note in pair[2]]
        if differences:
            adjusted = holm(np.array([found.p_value for found in differences]))
            differences = [replace(d, adjusted=float(p)) for d, p in zip(differences, adjusted, strict=True)]
            if len(differences) > _LEVEL * (self.count + 1):
                needed = math.ceil(len(differences) / _LEVEL)
                notes.append(
                    f"with {len(differences)} differences no adjusted p-value is below "
                    f"{min(1.0, len(differences) / (self.count + 1)):.2g}: give n_permutations={needed} or more"
                )
        return tuple(differences), tuple(confounders), tuple(notes)

    def fitted_in_part(self) -> tuple[str, ...]:
        """Notes on pairs of groups whose exchange would have led to another decomposition."""
        notes = []
        for a, b in combinations(range(len(self.names)), 2):
            chosen, first, strata, _ = self._members(a, b)
            fitted, members = self.fitted[chosen], np.bincount(strata)
            firsts, fits = (np.bincount(strata, weights=mask) for mask in (first, fitted))
            if np.any((firsts > 0) & (firsts < members) & (fits > 0) & (fits < members)):
                parts = " and ".join(
                    f"{fitted[mask].sum()} of {mask.sum()} inputs of {self.names[k]}"
                    for k, mask in ((a, first), (b, ~first))
                )
                notes.append(
                    f"the decomposition was fitted to {parts}: p-values that depend on it are not valid, because it "
                    "fits some of the inputs better; give the map itself, or a decomposition of all inputs or of others"
                )
        return tuple(notes)

    def _members(self, a: int, b: int) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64], Float]:
        """Inputs of two groups; who is in the first one, strata and norms of these."""
        chosen = np.flatnonzero((self.which == a) | (self.which == b))
        norms = _merged(np.linalg.norm(self.inputs[chosen], axis=1))
        return chosen, self.which[chosen] == a, self.strata.among(chosen, norms), norms

    def _pair(self, a: int, b: int) -> tuple[list[GroupDifference], list[GroupDifference], list[str]]:
        chosen, first, strata, norms = self._members(a, b)
        gains = _merged(self.gains[chosen])
        notes = self._exchangeable(a, b, first, strata)
        grid = np.ix_(chosen, chosen)
        blocks = []
        for members in exchanges(first, strata, self.count, derive(self.seed, "exchanges", a, b)):
            blocks.append(
                [
                    *studentized_difference(members, gains, strata),
                    *studentized_difference(members, norms, strata),
                    *distance_statistics(members, self.distances[grid]),
                    *distance_statistics(members, self.input_distances[grid]),
                ]
            )
        gain, gain_t, norm, norm_t, *means = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
        sizes = int(first.sum()), int((~first).sum())
        differences = [
            self._mean("local gain", a, b, gain, gain_t, _superiority(gains, first)),
            self._spread(a, b, means[:2]),
            self._energy("embedding distance", a, b, means[:3], sizes),
        ]
        confounders = [
            self._mean("input norm", a, b, norm, norm_t, _superiority(norms, first)),
            self._energy("input distribution", a, b, means[3:], sizes),
        ]
        differing = [found for found in confounders if found.p_value <= _LEVEL]
        if differing:
            where = "" if self.strata.name == "none" else " within strata"
            what = " and ".join(f"{d.statistic.removeprefix('input ')} (p = {d.p_value:.2g})" for d in differing)
            note = (
                f"the inputs of {self.names[a]} and {self.names[b]} differ{where} in {what}, which can be the reason "
                "for other differences"
            )
            if self.strata.name == "none" and confounders[0] in differing:
                note += '; strata="norms" compares inputs of like norms'
            notes.append(note)
        return differences, confounders, notes

    def _exchangeable(self, a: int, b: int, first: NDArray[np.bool_], strata: NDArray[np.int64]) -> list[str]:
        """Refuse strata within which nothing can be exchanged, and note how little can."""
        pair = f"{self.names[a]} and {self.names[b]}"
        both = [(int(first[strata == s].sum()), int((~first)[strata == s].sum())) for s in range(strata.max() + 1)]
        usable = sum(i + j for i, j in both if i and j)
        if not usable:
            raise InputError(f"no stratum has inputs of both {pair}: nothing can be exchanged; take wider strata")
        notes = []
        if usable < len(first):
            notes.append(
                f"{noun_count(len(first) - usable, 'input')} of {len(first)} of {pair} are in strata of one group "
                "alone, and are never exchanged"
            )
        log_splits = sum(math.lgamma(i + j + 1) - math.lgamma(i + 1) - math.lgamma(j + 1) for i, j in both)
        if log_splits < -math.log(_LEVEL):
            notes.append(
                f"{pair} can be exchanged in {round(math.exp(log_splits))} ways only: no p-value can be small, give "
                "more inputs"
            )
        return notes

    def _entry(self, statistic: str, a: int, b: int, values: Float, effect: float, p: float) -> GroupDifference:
        names = self.names[a], self.names[b]
        return GroupDifference(statistic, *names, float(values[0]), float(values[1:].mean()), effect, p, p)

    def _mean(self, statistic: str, a: int, b: int, values: Float, tested: Float, effect: float) -> GroupDifference:
        return self._entry(statistic, a, b, values, effect, p_value(np.abs(tested), 1.0))

    def _spread(self, a: int, b: int, within: list[Float]) -> GroupDifference:
        values, effect = within[0] - within[1], _ratio(within[0][0], within[1][0])
        scale = float(np.max(within))
        return self._entry("embedding spread", a, b, values, effect, p_value(values, scale, two_sided=True))

    def _energy(self, statistic: str, a: int, b: int, means: list[Float], sizes: tuple[int, int]) -> GroupDifference:
        within_first, within_second, between = means
        energy = 2 * between - (1 - 1 / sizes[0]) * within_first - (1 - 1 / sizes[1]) * within_second
        effect = float(energy[0] / (2 * between[0])) if between[0] > 0 else 0.0
        return self._entry(statistic, a, b, energy, effect, p_value(energy, float(np.max(means))))


def _merged(values: Float) -> Float:
    """The same with values that are equal up to rounding made equal: chains of such become their least one."""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.append(True, np.diff(ordered) > _EQUAL * np.abs(values).max())
    merged = np.empty_like(values)
    merged[order] = ordered[starts][np.cumsum(starts) - 1]
    return merged


def _superiority(values: Float, first: NDArray[np.bool_]) -> float:
    """Probability that a value of the first group exceeds one of the second, with half of the ties."""
    ordered = np.sort(values[~first])
    below = np.searchsorted(ordered, values[first], side="left")
    not_above = np.searchsorted(ordered, values[first], side="right")
    return float((below + not_above).sum() / (2 * len(ordered) * int(first.sum())))


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 else (1.0 if a == 0 else math.inf)

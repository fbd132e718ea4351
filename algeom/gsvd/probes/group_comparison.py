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

__all__ = ["EQUAL", "Comparison", "GroupDifference", "Strata"]

Float = NDArray[np.float64]

#: Local gains that differ by less than this part are equal: finite differences are exact to about 1e-10.
EQUAL = 1e-9
#: Level at which notes are written.
_LEVEL = 0.05


@dataclass(frozen=True)
class GroupDifference:
    """One statistic of two groups, with its permutation test.

    Attributes
    ----------
    statistic : str
        "local gain": difference of the means, first minus second. "embedding spread": difference of the mean distances
        within the groups. "embedding distance": the energy statistic, ``2 between - within first - within second``,
        zero for equal distributions. "input norm" and "input distribution": the same of inputs, for confounders.
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
            parts = {str(name): np.asarray(marks) for name, marks in strata.items()}
            for k, name in enumerate(names):
                if parts[name].shape != (np.count_nonzero(which == k),):
                    raise InputError(f"strata of group {name!r} have the shape {parts[name].shape}; give one an input")
            marks = np.concatenate([parts[name] for name in names])
        else:
            marks = np.asarray(strata)
            if marks.shape != which.shape:
                raise InputError(f"strata have the shape {marks.shape}, for {len(which)} inputs; give one for each")
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


@dataclass(frozen=True, eq=False)
class Comparison:
    """All that is compared."""

    names: tuple[str, ...]
    which: NDArray[np.int64]
    gains: Float
    distances: Float
    inputs: Float
    input_distances: Float
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
        differences: list[GroupDifference] = []
        confounders: list[GroupDifference] = []
        notes: list[str] = []
        pairs = list(combinations(range(len(self.names)), 2))
        try:
            report.start("pairs of groups", total=len(pairs))
            for a, b in pairs:
                found, others, remarks = self._pair(a, b)
                differences += found
                confounders += others
                notes += remarks
                report.advance(pair=f"{self.names[a]}, {self.names[b]}")
        except KeyboardInterrupt:
            pass
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

    def _pair(self, a: int, b: int) -> tuple[list[GroupDifference], list[GroupDifference], list[str]]:
        chosen = np.flatnonzero((self.which == a) | (self.which == b))
        first = self.which[chosen] == a
        norms = np.linalg.norm(self.inputs[chosen], axis=1)
        strata = self.strata.among(chosen, norms)
        notes = self._exchangeable(a, b, first, strata)
        grid = np.ix_(chosen, chosen)
        blocks = []
        for members in exchanges(first, strata, self.count, derive(self.seed, "exchanges", a, b)):
            blocks.append(
                [
                    *studentized_difference(members, self.gains[chosen]),
                    *studentized_difference(members, norms),
                    *distance_statistics(members, self.distances[grid]),
                    *distance_statistics(members, self.input_distances[grid]),
                ]
            )
        gain, gain_t, norm, norm_t, *means = (np.concatenate(columns) for columns in zip(*blocks, strict=True))
        sizes = int(first.sum()), int((~first).sum())
        differences = [
            self._entry("local gain", a, b, gain, gain_t, _superiority(self.gains[chosen], first), True),
            self._entry("embedding spread", a, b, means[0] - means[1], None, _ratio(means[0][0], means[1][0]), True),
            self._energy("embedding distance", a, b, means[:3], sizes),
        ]
        confounders = [
            self._entry("input norm", a, b, norm, norm_t, _superiority(norms, first), True),
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

    def _entry(
        self, statistic: str, a: int, b: int, values: Float, tested: Float | None, effect: float, two_sided: bool
    ) -> GroupDifference:
        p = p_value(values if tested is None else tested, two_sided)
        names = self.names[a], self.names[b]
        return GroupDifference(statistic, *names, float(values[0]), float(values[1:].mean()), effect, p, p)

    def _energy(self, statistic: str, a: int, b: int, means: list[Float], sizes: tuple[int, int]) -> GroupDifference:
        within_first, within_second, between = means
        energy = 2 * between - (1 - 1 / sizes[0]) * within_first - (1 - 1 / sizes[1]) * within_second
        effect = float(energy[0] / (2 * between[0])) if between[0] > 0 else 0.0
        return self._entry(statistic, a, b, energy, None, effect, False)


def _superiority(values: Float, first: NDArray[np.bool_]) -> float:
    """Probability that a value of the first group exceeds one of the second, with half of the ties."""
    slack = EQUAL * float(np.abs(values).max())
    ordered = np.sort(values[~first])
    below = np.searchsorted(ordered, values[first] - slack, side="left")
    not_above = np.searchsorted(ordered, values[first] + slack, side="right")
    return float((below + not_above).sum() / (2 * len(ordered) * int(first.sum())))


def _ratio(a: float, b: float) -> float:
    return float(a / b) if b > 0 else (1.0 if a == 0 else math.inf)

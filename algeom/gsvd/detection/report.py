"""What an experiment with detectors found: areas by attack, budget and score, what evades, and what follows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.detection.roc_curves import PermutationControl, RocCurve
from algeom.gsvd.networks.classifier import Classifier
from algeom.maps.tape import noun_count

__all__ = ["EVADING", "UTILISATION", "AttackOutcome", "DetectionReport", "DetectionRow"]

#: The score that is compared with the others.
UTILISATION = "utilisation"
#: The attack that knows the detector.
EVADING = "evading PGD"
#: What rows are selected by, apart from their budgets.
_NAMES = ("attack", "norm", "reference", "against", "score")
#: Rounding errors of areas, which are means of thousands of numbers up to 1.
_ROUNDING = 1e-12
#: Mean areas that differ by less than this are called near: means of other splits of the digits differ as much.
_EQUAL = 0.005


@dataclass(frozen=True, eq=False)
class DetectionRow:
    """One score's detection of one attack.

    Attributes
    ----------
    attack, norm : str
    budget : float
        In the Euclidean norm; attacks in the largest entry have ``budget / sqrt(n)``, whose cube is in the same ball.
    reference : {"known", "nearest", "principal"}
    against : str
        Which natural perturbations: "matched" (all kinds, norms of the attack on the same image), "unmatched" (all
        kinds, as large as they come), or one kind, matched.
    score : str
    curve : RocCurve
        With an interval for images as clusters.
    control : PermutationControl
        Labels permuted within images.
    advantage : tuple of float, or None
        Area of the utilisation minus that of this score, and the 95% interval of that.
    held_out : RocCurve or None
        The control of the whole procedure, for "matched": further natural perturbations of the same images, with kinds
        by chance and norms of the attack, in the place of the attack. Its area is 0.5 but for chance.
    """

    attack: str
    norm: str
    budget: float
    reference: str
    against: str
    score: str
    curve: RocCurve
    control: PermutationControl
    advantage: tuple[float, float, float] | None
    held_out: RocCurve | None = None

    @property
    def auc(self) -> float:
        """Area under the curve."""
        return self.curve.auc


@dataclass(frozen=True, eq=False)
class AttackOutcome:
    """What one attack did to the classifier and to the detector that knows the reference.

    Attributes
    ----------
    attack, norm : str
    budget : float
    accuracy : float
        Share of the images that are still classified correctly.
    natural_accuracy : float
        The same after natural perturbations of the same norms.
    flagged : float
        Share of the attacked images with utilisations above the threshold: the 95% quantile of natural perturbations of
        the same norms.
    evaded : float
        Share of the images that are misclassified and not flagged.
    guaranteed : float
        Share of the images for which it is proved that no perturbation within the budget is both (see
        `LocalDecompositions.harmless_radius`).
    """

    attack: str
    norm: str
    budget: float
    accuracy: float
    natural_accuracy: float
    flagged: float
    evaded: float
    guaranteed: float


@dataclass(frozen=True, eq=False, repr=False)
class DetectionReport:
    """Areas under ROC curves of detectors of adversarial perturbations; made by `detection_experiment`.

    Attributes
    ----------
    rows : tuple of DetectionRow
    outcomes : tuple of AttackOutcome
    classifier : Classifier
    train_accuracy, test_accuracy : float
    n_images : int
        Attacked ones, all of the test set and classified correctly.
    evidence : Evidence
        NUMERICAL: about these attacks on these images.
    seed : int
    interrupted : bool
        What was not reached is left out: there are outcomes of the attacks that were made, and rows of those that were
        compared; if training was interrupted, there are none.
    """

    rows: tuple[DetectionRow, ...]
    outcomes: tuple[AttackOutcome, ...]
    classifier: Classifier
    train_accuracy: float
    test_accuracy: float
    n_images: int
    seed: int
    interrupted: bool = False

    @property
    def evidence(self) -> Evidence:
        """NUMERICAL."""
        reason = (
            f"{noun_count(len(self.outcomes), 'attack')} of {noun_count(self.n_images, 'image')}; others may do better"
        )
        return Evidence(Status.NUMERICAL, math.nan, reason)

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the scores."""
        return tuple(dict.fromkeys(row.score for row in self.rows))

    @property
    def references(self) -> tuple[str, ...]:
        """How references were found."""
        return tuple(dict.fromkeys(row.reference for row in self.rows))

    def select(self, **values: Any) -> tuple[DetectionRow, ...]:
        """Rows with given attributes.

        Parameters
        ----------
        **values
            Some of attack, norm, reference, against, score (str) and budget (float), for instance ``attack="PGD",
            norm="l2", score="utilisation"``.

        Raises
        ------
        InputError
            If rows are not selected by that, or there are no such rows.
        """
        for name, value in values.items():
            if name not in (*_NAMES, "budget"):
                raise InputError(f"rows are not selected by {name!r}; choose from {', '.join(_NAMES)}, budget")
            expected = str if name in _NAMES else (int, float, np.integer, np.floating)
            if not isinstance(value, expected) or isinstance(value, bool):
                kind = "a name" if name in _NAMES else "a number"
                raise InputError(f"{name}={value!r}: expected {kind}; call select for each one of several")
        found = tuple(row for row in self.rows if all(getattr(row, name) == value for name, value in values.items()))
        if not found:
            raise InputError(f"there are no rows with {values}; attacks, budgets and scores are in report.rows")
        return found

    def mean_auc(self, score: str, *, evading: bool | None = False, **values: Any) -> float:
        """Mean area of a score over attacks and budgets.

        Parameters
        ----------
        score : str
        evading : bool or None
            Of attacks that know the detector, of those that do not, or of both.
        **values
            As for `select`; by default ``reference="known", against="matched"``.

        Raises
        ------
        InputError
            If there are no such rows.
        """
        rows = self.select(score=score, **{"reference": "known", "against": "matched", **values})
        chosen = [row.auc for row in rows if evading is None or (row.attack == EVADING) == evading]
        if not chosen:
            raise InputError(f"evading={evading!r}: there are no such attacks among those with {values}")
        return _mean(chosen)

    def table(self, *, reference: str = "known", against: str = "matched") -> str:
        """Areas as text: a line for each attack and budget, a column for each score."""
        rows = self.select(reference=reference, against=against)
        scores = tuple(dict.fromkeys(row.score for row in rows))
        widths = [max(len(score), 6) for score in scores]
        lines = [f"{'attack':<12} {'norm':<5} {'budget':>6}  " + "  ".join(map(str.rjust, scores, widths))]
        areas = {(row.attack, row.norm, row.budget, row.score): row.auc for row in rows}
        for attack, norm, budget in dict.fromkeys(key[:3] for key in areas):
            cells = [
                f"{areas[attack, norm, budget, score]:.3f}".rjust(width)
                for score, width in zip(scores, widths, strict=True)
            ]
            lines.append(f"{attack:<12} {norm:<5} {budget:>6g}  " + "  ".join(cells))
        return "\n".join(lines)

    def outcome_table(self) -> str:
        """Accuracies, flagged, evading and guaranteed shares as text."""
        names = ("accuracy", "natural accuracy", "flagged", "evaded", "guaranteed")
        lines = [f"{'attack':<12} {'norm':<5} {'budget':>6}  " + "  ".join(name.rjust(8) for name in names)]
        for o in self.outcomes:
            values = (o.accuracy, o.natural_accuracy, o.flagged, o.evaded, o.guaranteed)
            cells = [f"{value:.3f}".rjust(max(8, len(name))) for name, value in zip(names, values, strict=True)]
            lines.append(f"{o.attack:<12} {o.norm:<5} {o.budget:>6g}  " + "  ".join(cells))
        return "\n".join(lines)

    @property
    def conclusions(self) -> tuple[str, ...]:
        """What the figures say, in sentences made from them.

        The utilisation "beats" the baseline with the largest mean area, or "is weaker" than it, where the 95% interval
        of the mean difference says so: the mean over attacks of the intervals of differences, which is at least as wide
        as the interval of the mean. It accounts for the choice of images, and not for that of the training data or of
        the baseline; differences below 0.005 are called near in any case.
        """
        found = [line for reference in self.references for line in self._comparison(reference)]
        found += self._evasion()
        if all(self._has("norm", against) for against in ("matched", "unmatched")):
            same, other = (self.mean_auc("norm", evading=None, against=a) for a in ("matched", "unmatched"))
            found.append(
                f"The norm alone has mean AUC {same:.3f} against natural perturbations of the same size, and "
                f"{other:.3f} against those as large as they come."
            )
        return (*found, *self._controls())

    def _controls(self) -> list[str]:
        """Held-out natural perturbations in the place of attacks, and permuted labels."""
        found = []
        curves = [row.held_out for row in self.rows if row.held_out is not None]
        if curves:
            covered = sum(curve.low - _ROUNDING <= 0.5 <= curve.high + _ROUNDING for curve in curves)
            found.append(
                f"Held-out natural perturbations in the place of attacks have mean AUC "
                f"{_mean(curve.auc for curve in curves):.4f}; 0.5 is in {covered} of {len(curves)} 95% intervals."
            )
        controls = [row.control for row in self.rows]
        if controls:
            passed = sum(control.passed for control in controls)
            found.append(
                f"With labels permuted within images the mean AUC is {_mean(c.mean for c in controls):.4f}; it is "
                f"within four standard errors of theory in {passed} of {len(controls)} rows, whatever the scores are."
            )
        return found

    def _comparison(self, reference: str) -> list[str]:
        """The utilisation against every baseline, for attacks that do not know it."""
        rows = [
            row for row in self.rows
            if (row.reference, row.against) == (reference, "matched") and row.attack != EVADING
        ]  # fmt: skip
        others = [name for name in dict.fromkeys(row.score for row in rows) if not name.startswith(UTILISATION)]
        if not rows or not others:
            return []
        own = self.mean_auc(UTILISATION, reference=reference)
        means = {name: self.mean_auc(name, reference=reference) for name in others}
        best = max(means, key=lambda name: means[name])
        settings: dict[tuple[str, str, float], list[tuple[float, float, float]]] = {}
        for row in rows:
            if row.score in others and row.advantage is not None:
                settings.setdefault((row.attack, row.norm, row.budget), []).append(row.advantage)
        above = sum(all(low > 0 for _, low, _ in part) for part in settings.values())
        below = sum(any(high < 0 for _, _, high in part) for part in settings.values())
        # Standard deviations of means are at most means of standard deviations, however attacks are correlated.
        _, low, high = np.mean([row.advantage for row in rows if row.score == best and row.advantage], axis=0)
        if abs(own - means[best]) < _EQUAL:
            verdict = f"is within {_EQUAL} of the best baseline"
        elif low > 0 or high < 0:
            verdict = f"{'beats' if low > 0 else 'is weaker than'} the best baseline"
        else:
            verdict = f"is {'above' if own > means[best] else 'below'}, but not told apart from, the best baseline"
        return [
            f"Reference {reference}: the utilisation (mean AUC {own:.3f}) {verdict}, {best} ({means[best]:.3f}), with "
            f"a mean difference from {low:.3f} to {high:.3f} (95%, at the widest); over {len(settings)} attacks its "
            f"AUC is above all baselines in {above}, and below one in {below}, by 95% intervals of differences."
        ]

    def _evasion(self) -> list[str]:
        """What knowing the detector changes."""
        plain = {o.budget: o for o in self.outcomes if (o.attack, o.norm) == ("PGD", "l2")}
        evading = {o.budget: o for o in self.outcomes if (o.attack, o.norm) == (EVADING, "l2")}
        known = {(row.attack, row.budget) for row in self.rows if self._is(row, UTILISATION, "matched")}
        budgets = [b for b in evading if b in plain and {("PGD", b), (EVADING, b)} <= known]
        if not budgets:
            return []

        def mean(attack: str, score: str) -> float:
            return _mean(self.mean_auc(score, evading=None, attack=attack, norm="l2", budget=b) for b in budgets)

        before = mean("PGD", UTILISATION)
        after = {name: mean(EVADING, name) for name in self.scores if self._has(name, "matched")}
        best = max(after, key=lambda name: after[name])
        parts = [f"{100 * plain[b].evaded:.0f}% to {100 * evading[b].evaded:.0f}% at {b:g}" for b in budgets]
        shares = ", ".join(f"{100 * evading[b].guaranteed:.0f}% at {b:g}" for b in budgets)
        known_best = "" if best == UTILISATION else ", which it does not know,"
        return [
            f"An attack that knows the detector changes its mean AUC from {before:.3f} to {after[UTILISATION]:.3f}; "
            f"images misclassified without a flag (5% false alarms) go from {'; '.join(parts)}. The best score against "
            f"it{known_best} is {best} ({after[best]:.3f}).",
            f"It is proved that there is no such perturbation for {shares} of the images.",
        ]

    def _has(self, score: str, against: str) -> bool:
        """Whether there are rows of this score with known references."""
        return any(self._is(row, score, against) for row in self.rows)

    @staticmethod
    def _is(row: DetectionRow, score: str, against: str) -> bool:
        return (row.score, row.reference, row.against) == (score, "known", against)

    def plot(self, kind: str | None = None, *, ax: Any = None, **chosen: Any) -> Any:
        """Draw ROC curves ("roc") or areas by budget ("budget"); returns matplotlib Axes.

        Parameters
        ----------
        kind : str, optional
        ax : matplotlib Axes, optional
        **chosen
            Attack, norm, budget, reference and against, as for `algeom.plot.gsvd_detection`.
        """
        from algeom import plot

        return plot.gsvd_detection(self, kind, ax=ax, **chosen)

    def __repr__(self) -> str:
        own = "no rows"
        if self._has(UTILISATION, "matched"):
            own = f"mean AUC of the utilisation {self.mean_auc(UTILISATION, evading=None):.3f}"
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"DetectionReport({noun_count(len(self.outcomes), 'attack')} of {noun_count(self.n_images, 'image')}, "
            f"{noun_count(len(self.rows), 'row')}: {own}{stopped}; {self.evidence})"
        )

    def __str__(self) -> str:
        head = f"{self!r}\ntraining accuracy {self.train_accuracy:.4f}, test accuracy {self.test_accuracy:.4f}"
        tables = [self.table()] if self.rows else []
        tables += [self.outcome_table()] if self.outcomes else []
        return "\n\n".join([head, *tables, *(["\n".join(self.conclusions)] if self.rows else [])])


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))

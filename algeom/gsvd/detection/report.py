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

__all__ = ["UTILISATION", "AttackOutcome", "DetectionReport", "DetectionRow"]

#: The score that is compared with the others.
UTILISATION = "utilisation"
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
    advantage : tuple of float, or None
        Area of the utilisation minus that of this score, and the 95% interval of that.
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
        What was not reached is left out.
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
            For instance ``attack="PGD", norm="l2", score="utilisation"``.

        Raises
        ------
        InputError
            If rows have no such attribute, or there are no such rows.
        """
        unknown = [name for name in values if name not in DetectionRow.__dataclass_fields__]
        if unknown:
            raise InputError(f"rows have no {unknown[0]}; choose from {', '.join(DetectionRow.__dataclass_fields__)}")
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
        """
        rows = self.select(score=score, **{"reference": "known", "against": "matched", **values})
        return _mean(row.auc for row in rows if evading is None or (row.attack == "evading PGD") == evading)

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
        """What the figures say, in sentences made from them."""
        found = [line for reference in self.references for line in self._comparison(reference)]
        found += self._evasion()
        if {"matched", "unmatched"} <= {row.against for row in self.rows}:
            same, other = (self.mean_auc("norm", against=a) for a in ("matched", "unmatched"))
            found.append(
                f"The norm alone has mean AUC {same:.3f} against natural perturbations of the same size, as it must "
                f"have, and {other:.3f} against those as large as they come."
            )
        controls = [row.control for row in self.rows]
        passed = sum(control.passed for control in controls)
        found.append(
            f"With permuted labels the mean AUC is {_mean(c.mean for c in controls):.4f}; it is within four standard "
            f"errors of 0.5 in {passed} of {len(controls)} rows."
        )
        return tuple(found)

    def _comparison(self, reference: str) -> list[str]:
        """The utilisation against every baseline, for attacks that do not know it."""
        rows = [
            row for row in self.rows
            if (row.reference, row.against) == (reference, "matched") and row.attack != "evading PGD"
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
        if abs(own - means[best]) < _EQUAL:
            verdict = f"is within {_EQUAL} of"
        else:
            verdict = "beats" if own > means[best] else "is weaker than"
        return [
            f"Reference {reference}: the utilisation (mean AUC {own:.3f}) {verdict} the best baseline, {best} "
            f"({means[best]:.3f}); over {len(settings)} attacks its AUC is above all baselines in {above}, and below "
            f"one in {below}, by 95% intervals of differences."
        ]

    def _evasion(self) -> list[str]:
        """What knowing the detector changes."""
        evading = [o for o in self.outcomes if o.attack == "evading PGD"]
        plain = {o.budget: o for o in self.outcomes if (o.attack, o.norm) == ("PGD", "l2")}
        pairs = [(plain[o.budget], o) for o in evading if o.budget in plain and o.norm == "l2"]
        if not pairs:
            return []
        parts = [f"{100 * a.evaded:.0f}% to {100 * b.evaded:.0f}% at {b.budget:g}" for a, b in pairs]
        before = _mean(
            row.auc
            for row in self.select(attack="PGD", norm="l2", reference="known", against="matched", score=UTILISATION)
        )
        after = {name: self.mean_auc(name, evading=True) for name in self.scores if self._is_known(name)}
        best = max(after, key=lambda name: after[name])
        shares = ", ".join(f"{100 * o.guaranteed:.0f}% at {o.budget:g}" for o in evading)
        return [
            f"An attack that knows the detector lowers its mean AUC from {before:.3f} to {after[UTILISATION]:.3f}; "
            f"images misclassified without a flag (5% false alarms) go from {'; '.join(parts)}. The best score against "
            f"it, which it does not know, is {best} ({after[best]:.3f}).",
            f"It is proved that there is no such perturbation for {shares} of the images.",
        ]

    def _is_known(self, score: str) -> bool:
        return any((row.score, row.reference, row.against) == (score, "known", "matched") for row in self.rows)

    def plot(self, kind: str | None = None, *, ax: Any = None) -> Any:
        """Draw ROC curves or areas by budget (`algeom.plot.gsvd_detection`); returns matplotlib Axes."""
        from algeom import plot

        return plot.gsvd_detection(self, kind, ax=ax)

    def __repr__(self) -> str:
        own = f"mean AUC of the utilisation {self.mean_auc(UTILISATION, evading=None):.3f}"
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"DetectionReport({noun_count(len(self.outcomes), 'attack')} of {noun_count(self.n_images, 'image')}, "
            f"{noun_count(len(self.rows), 'row')}: {own}{stopped}; {self.evidence})"
        )

    def __str__(self) -> str:
        head = f"{self!r}\ntraining accuracy {self.train_accuracy:.4f}, test accuracy {self.test_accuracy:.4f}"
        return "\n\n".join([head, self.table(), self.outcome_table(), "\n".join(self.conclusions)])


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return float(np.mean(every)) if every else math.nan

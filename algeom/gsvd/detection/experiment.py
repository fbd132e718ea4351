"""Attack a small classifier, disturb the same images naturally, and see which scores tell the two apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.detection.attacks import Attack, Norm, evading_pgd, fgsm, pgd
from algeom.gsvd.detection.natural_perturbations import KINDS, NaturalPerturbations
from algeom.gsvd.detection.report import UTILISATION, AttackOutcome, DetectionReport, DetectionRow
from algeom.gsvd.detection.roc_curves import auc_difference, permutation_control, roc
from algeom.gsvd.detection.scores import LocalDecompositions, baseline_scores, local_decompositions
from algeom.gsvd.networks.classifier import Classifier, Digits, digits, train_classifier
from algeom.runtime.progress import Progress, Reporter, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["ATTACKS", "REFERENCES", "detection_experiment"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Name and norm of each attack.
ATTACKS: tuple[tuple[str, Norm], ...] = (
    ("FGSM", "l2"), ("PGD", "l2"), ("FGSM", "linf"), ("PGD", "linf"), ("evading PGD", "l2"),
)  # fmt: skip
#: How the reference of an input is found: it is the unperturbed image; the nearest training image; or the projection
#: to the principal components of the training images.
REFERENCES = ("known", "nearest", "principal")
#: The share of the training images' variance in the principal components that denoise.
_VARIANCE = 0.9
#: Training images whose distances to their references set the sizes of natural perturbations at estimated references.
_CALIBRATION = 200
#: Natural perturbations that count as false alarms.
_FALSE_ALARMS = 0.05


def detection_experiment(
    *,
    data: Digits | None = None,
    classifier: Classifier | None = None,
    hidden: Sequence[int] = (32,),
    n_images: int = 200,
    budgets: Sequence[float] = (0.25, 0.5, 1.0, 1.5),
    references: Sequence[str] = ("known", "nearest"),
    fit_kinds: Sequence[str] = KINDS,
    count: int = 300,
    ball: bool = False,
    steps: int = 100,
    permutations: int = 200,
    rng: RandomState = None,
    progress: Progress = False,
) -> DetectionReport:
    """Compare the gain utilisation with plain scores as detectors of adversarial perturbations.

    Parameters
    ----------
    data : Digits, optional
        By default those of scikit-learn.
    classifier : Classifier, optional
        By default a network with these `hidden` widths, trained on the data.
    hidden : sequence of int
    n_images : int
        Images of the test set that are attacked, the first ones that are classified correctly, at most.
    budgets : sequence of float
        Norms of perturbations: Euclidean, and ``budget / sqrt(n)`` for attacks in the largest entry.
    references : sequence of {"known", "nearest", "principal"}
        How the detector knows what was perturbed: it is told (a stored template); it takes the nearest training image;
        or the projection to the principal components of the training images, with nine tenths of their variance.
    fit_kinds : sequence of str
        Kinds of natural perturbations that decompositions are fitted to; all kinds are tested.
    count : int
        Natural perturbations for each decomposition. Those that are tested are others.
    ball : bool
        Whether decompositions of all gains in the ball of the largest budget are tried as well, with known references
        ("utilisation, ball"): a second for three images.
    steps : int
        Of the attack that knows the detector.
    permutations : int
        Of each control.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    DetectionReport
        If interrupted, of the attacks and references that were reached.

    Raises
    ------
    InputError
        If arguments do not fit together, or scikit-learn is needed and not installed.

    Notes
    -----
    *Threat model.* The attacker knows the network and changes a correctly classified image within a budget. The
    detector sees the changed image and a reference, and knows the network, the training images and what natural
    perturbations are; not the attack. The attack "evading PGD" knows all that and the detector with known references.
    With estimated references it is the same attack, not one on that detector. No attack is made on the other scores, so
    that their areas against it are no promise. Who knows the reference itself can also
    compare the classes of both images, which tells every misclassification without any score ("reference margin"): the
    utilisation is of interest for what it flags before the class changes, and where references are estimated.

    *Like with like.* Each attacked image is compared with the same image under natural perturbations of the same
    Euclidean norm ("matched"), so that the norm alone tells nothing; and with perturbations as large as they come.

    The detection experiment of the literature that this reconstructs is not published in enough detail to be repeated;
    all choices here are our own.

    Examples
    --------
    >>> report = detection_experiment(n_images=20, budgets=[0.5], references=["known"], count=60, steps=20, rng=0)
    >>> report.mean_auc("utilisation") > 0.9
    True
    """
    seed, _ = resolve(rng)
    scales = _checked_budgets(budgets)
    chosen = tuple(references)
    if not chosen or not set(chosen) <= set(REFERENCES) or chosen[0] != "known":
        raise InputError(f'references={chosen!r}: choose from {", ".join(REFERENCES)}, "known" first')
    if n_images < 2:
        raise InputError(f"n_images={n_images!r}: at least 2 images are needed")
    images = digits(rng=derive(seed, "digits")) if data is None else data
    if classifier is None:
        trained = train_classifier(images.train, images.train_labels, hidden, rng=derive(seed, "network"))
        if trained.interrupted:
            raise KeyboardInterrupt
        classifier = trained.classifier
    right = np.flatnonzero(classifier.predict(images.test) == images.test_labels)[:n_images]
    if len(right) < 2:
        raise InputError("the classifier is right on fewer than 2 test images: there is nothing to attack")
    run = _Run(
        classifier, images, images.test[right], images.test_labels[right], scales,
        NaturalPerturbations(images.train, images.train_labels),
        NaturalPerturbations(images.train, images.train_labels, kinds=tuple(fit_kinds)),
        count, steps, permutations, seed,
    )  # fmt: skip
    with reporter(progress) as report:
        report.start("attacks and references", total=len(ATTACKS) * len(scales) + len(chosen))
        rows, outcomes, interrupted = run.results(chosen, ball, report)
    return DetectionReport(
        tuple(rows),
        tuple(outcomes),
        classifier,
        classifier.accuracy(images.train, images.train_labels),
        classifier.accuracy(images.test, images.test_labels),
        len(right),
        seed,
        interrupted,
    )


def _checked_budgets(budgets: Sequence[float]) -> tuple[float, ...]:
    try:
        scales = tuple(float(budget) for budget in budgets)
    except (TypeError, ValueError) as error:
        raise InputError(f"budgets={budgets!r}: expected a sequence of positive numbers") from error
    if not scales or not all(0 < budget < math.inf for budget in scales):
        raise InputError(f"budgets={scales!r}: expected positive numbers, one at least")
    return scales


@dataclass(frozen=True, eq=False)
class _Setting:
    """One attack, and the same images under natural perturbations of the same norms, by kind."""

    name: str
    norm: Norm
    budget: float
    attack: Attack
    natural: dict[str, Float]


@dataclass(frozen=True, eq=False)
class _Run:
    """What all parts of an experiment share."""

    classifier: Classifier
    images: Digits
    x: Float
    labels: Int
    budgets: tuple[float, ...]
    natural: NaturalPerturbations
    fitted: NaturalPerturbations
    count: int
    steps: int
    permutations: int
    seed: int

    def results(
        self, references: tuple[str, ...], ball: bool, report: Reporter
    ) -> tuple[list[DetectionRow], list[AttackOutcome], bool]:
        """All rows and outcomes, and whether some are missing."""
        sizes = (min(self.budgets) / 2, max(self.budgets))
        known = self._decompose(self.x, self.fitted, sizes, "known")
        settings: list[_Setting] = []
        rows: list[DetectionRow] = []
        interrupted = False
        try:
            for budget in self.budgets:
                for name, norm in ATTACKS:
                    settings.append(self._setting(name, norm, budget, known))
                    report.advance()
        except KeyboardInterrupt:
            if not settings:
                raise
            interrupted = True
        outcomes = [self._outcome(setting, known) for setting in settings]
        free = {kind: self.x + self._stepped(kind, None, "free") for kind in KINDS}
        for reference in references:
            try:
                rows += self._rows(reference, settings, free, known, ball)
                report.advance()
            except KeyboardInterrupt:
                if not rows:
                    raise
                return rows, outcomes, True
        return rows, outcomes, interrupted

    def _decompose(
        self, references: Float, natural: NaturalPerturbations | None, sizes: tuple[float, float], label: str
    ) -> LocalDecompositions:
        options: dict[str, Any] = {"radius": sizes[1]} if natural is None else {"sizes": sizes, "count": self.count}
        found = local_decompositions(
            self.classifier, references, natural, rng=derive(self.seed, "decompositions", label), **options
        )
        if found.interrupted:
            raise KeyboardInterrupt
        return found

    def _stepped(self, kind: str, sizes: Float | None, label: str) -> Float:
        """Natural perturbations of the images, of given sizes or as they come."""
        stream = derive(self.seed, "natural", label, kind)
        if sizes is None:
            return self.natural.draw(kind, self.x, self.labels, stream)
        return self.natural.of_sizes(kind, self.x, self.labels, sizes, stream)

    def _setting(self, name: str, norm: Norm, budget: float, known: LocalDecompositions) -> _Setting:
        allowed = budget if norm == "l2" else budget / math.sqrt(self.x.shape[1])
        stream = derive(self.seed, "attack", name, norm, str(budget))
        given = self.classifier, self.x, self.labels, allowed
        if name == "FGSM":
            attack = fgsm(*given, norm=norm, box=self.natural.box)
        elif name == "PGD":
            attack = pgd(*given, norm=norm, box=self.natural.box, rng=stream)
        else:
            attack = evading_pgd(*given, known, norm=norm, steps=self.steps, box=self.natural.box, rng=stream)
        label = f"{name} {norm} {budget}"
        natural = {kind: self.x + self._stepped(kind, attack.sizes, label) for kind in KINDS}
        return _Setting(name, norm, budget, attack, natural)

    def _outcome(self, setting: _Setting, known: LocalDecompositions) -> AttackOutcome:
        natural = setting.natural.values()
        threshold = float(np.quantile(np.concatenate([known.utilisation(x) for x in natural]), 1 - _FALSE_ALARMS))
        flagged = known.utilisation(setting.attack.inputs) > threshold
        return AttackOutcome(
            setting.name,
            setting.norm,
            setting.budget,
            accuracy=float(np.mean(~setting.attack.success)),
            natural_accuracy=float(np.mean([self.classifier.accuracy(x, self.labels) for x in natural])),
            flagged=float(flagged.mean()),
            evaded=float(np.mean(setting.attack.success & ~flagged)),
            guaranteed=float(np.mean(known.harmless_radius(threshold) >= setting.budget)),
        )

    def _rows(
        self, reference: str, settings: list[_Setting], free: dict[str, Float], known: LocalDecompositions, ball: bool
    ) -> list[DetectionRow]:
        """All rows for one way to find references."""
        blocks = [*free.values()]
        for setting in settings:
            blocks += [setting.attack.inputs, *setting.natural.values()]
        inputs = np.concatenate(blocks)
        scores = self._scores(reference, inputs, known, ball)
        parts = {name: np.split(values, len(blocks)) for name, values in scores.items()}
        first = len(KINDS)
        rows: list[DetectionRow] = []
        for k, setting in enumerate(settings):
            at = first + k * (1 + len(KINDS))
            negatives = {
                "matched": list(range(at + 1, at + 1 + len(KINDS))),
                "unmatched": list(range(first)),
                **{kind: [at + 1 + j] for j, kind in enumerate(KINDS)},
            }
            for against, places in negatives.items():
                rows += self._compared(setting, reference, against, parts, at, places)
        return rows

    def _scores(self, reference: str, inputs: Float, known: LocalDecompositions, ball: bool) -> dict[str, Float]:
        """All scores of inputs, the images being repeated in order."""
        image = np.tile(np.arange(len(self.x)), len(inputs) // len(self.x))
        sizes = (min(self.budgets) / 2, max(self.budgets))
        others = {}
        if reference == "known":
            fits, at = known, image
            if ball:
                around = self._decompose(self.x, None, sizes, "ball")
                others[f"{UTILISATION}, ball"] = around
        else:
            estimates, sizes = self._estimated(reference, inputs)
            unique, at = np.unique(estimates, axis=0, return_inverse=True)
            fits = self._decompose(unique, self.fitted, sizes, reference)
        local = fits[at]
        found = {UTILISATION: local.utilisation(inputs)}
        found |= {name: other[at].utilisation(inputs) for name, other in others.items()}
        return found | baseline_scores(self.classifier, local.references, inputs)

    def _estimated(self, reference: str, inputs: Float) -> tuple[Float, tuple[float, float]]:
        """References of inputs, and the range of their distances that is natural."""
        train = self.images.train
        sample = derive(self.seed, "calibration").permutation(len(train))[:_CALIBRATION]
        if reference == "nearest":
            estimates = train[_nearest(train, inputs)[:, 0]]
            # The nearest one of a training image is itself.
            distances = np.linalg.norm(train[sample] - train[_nearest(train, train[sample])[:, 1]], axis=1)
        else:
            mean = train.mean(axis=0)
            _, values, axes = np.linalg.svd(train - mean, full_matrices=False)
            shares = np.cumsum(values**2) / np.sum(values**2)
            kept = axes[: int(np.searchsorted(shares, _VARIANCE)) + 1]

            def denoised(x: Float) -> Float:
                return np.asarray(np.clip(mean + (x - mean) @ kept.T @ kept, *self.natural.box))

            estimates = denoised(inputs)
            distances = np.linalg.norm(train[sample] - denoised(train[sample]), axis=1)
        distances = distances[distances > 0]
        return estimates, (float(distances.min()), math.hypot(float(distances.max()), max(self.budgets)))

    def _compared(
        self, setting: _Setting, reference: str, against: str, parts: dict[str, list[Float]], at: int, places: list[int]
    ) -> list[DetectionRow]:
        """Rows of all scores for one attack and one set of natural perturbations."""
        own = np.arange(len(self.x))
        clusters = own, np.tile(own, len(places))
        pairs = {name: (values[at], np.concatenate([values[k] for k in places])) for name, values in parts.items()}
        label = f"{setting.name} {setting.norm} {setting.budget} {reference} {against}"
        rows = []
        for name, pair in pairs.items():
            stream = derive(self.seed, "control", label, name)
            advantage = None if name == UTILISATION else auc_difference(pairs[UTILISATION], pair, clusters=clusters)
            curve = roc(*pair, clusters=clusters)
            control = permutation_control(*pair, permutations=self.permutations, rng=stream)
            rows.append(
                DetectionRow(
                    setting.name, setting.norm, setting.budget, reference, against, name, curve, control, advantage
                )
            )
        return rows


def _nearest(train: Float, inputs: Float) -> Int:
    """Numbers of the two training images nearest to each input."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(train).query(inputs, k=2)[1], dtype=np.int64)

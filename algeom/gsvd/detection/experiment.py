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
from algeom.gsvd.detection.report import EVADING, UTILISATION, AttackOutcome, DetectionReport, DetectionRow
from algeom.gsvd.detection.roc_curves import auc_difference, permutation_control, roc
from algeom.gsvd.detection.scores import LocalDecompositions, baseline_scores, check_positive, local_decompositions
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.networks.classifier import (
    Classifier,
    Digits,
    TrainedClassifier,
    as_classifier,
    digits,
    train_classifier,
)
from algeom.maps.relabelling import check_integer
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["ATTACKS", "REFERENCES", "detection_experiment"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Name and norm of each attack.
ATTACKS: tuple[tuple[str, Norm], ...] = (
    ("FGSM", "l2"), ("PGD", "l2"), ("FGSM", "linf"), ("PGD", "linf"), (EVADING, "l2"),
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
    classifier: Classifier | TrainedClassifier | Layers | None = None,
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
    classifier : Classifier, TrainedClassifier or Layers, optional
        By default a network with these `hidden` widths, trained on the data.
    hidden : sequence of int
    n_images : int
        Images of the test set that are attacked, the first ones that are classified correctly, at most.
    budgets : sequence of float
        Different norms of perturbations: Euclidean, and ``budget / sqrt(n)`` for attacks in the largest entry.
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
        If interrupted, of the attacks and comparisons that were made, which can be none.

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

    *Controls.* Further natural perturbations take the place of each attack, and go through everything that attacked
    images go through: no score may tell them from the others. Labels are permuted within images.

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
    chosen, kinds = _checked_names("references", references, REFERENCES), _checked_names("fit_kinds", fit_kinds, KINDS)
    if chosen[0] != "known":
        raise InputError(f'references={chosen!r}: give "known" first')
    for name, value, least in (("n_images", n_images, 2), ("steps", steps, 1), ("permutations", permutations, 1)):
        check_integer(name, value, least)
    if not isinstance(ball, (bool, np.bool_)):
        raise InputError(f"ball={ball!r}: expected True or False; its radius is the largest budget")
    if data is not None and not isinstance(data, Digits):
        raise InputError(f"data={data!r}: expected Digits, images to train on and to test with their labels")
    images = digits(rng=derive(seed, "digits")) if data is None else data
    network = None if classifier is None else as_classifier(classifier)
    p = (int(np.max(images.train_labels)) + 1 if network is None else network.n_classes) - 1
    check_integer("count", count, p, reason=f"gains in {p} directions need as many perturbations")
    natural = NaturalPerturbations(images.train, images.train_labels)
    fitted = NaturalPerturbations(images.train, images.train_labels, kinds=kinds)
    interrupted = False
    if network is None:
        trained = train_classifier(
            images.train, images.train_labels, hidden, rng=derive(seed, "network"), progress=progress
        )
        network, interrupted = trained.classifier, trained.interrupted
    train_accuracy, test_accuracy = (
        network.accuracy(*part) for part in ((images.train, images.train_labels), (images.test, images.test_labels))
    )
    right = np.flatnonzero(network.predict(images.test) == images.test_labels)[:n_images]
    rows: list[DetectionRow] = []
    outcomes: list[AttackOutcome] = []
    if not interrupted:
        if len(right) < 2:
            raise InputError("the classifier is right on fewer than 2 test images: there is nothing to attack")
        run = _Run(
            network, images, images.test[right], images.test_labels[right], scales, natural, fitted, count, steps,
            permutations, seed, progress,
        )  # fmt: skip
        try:
            run.fill(rows, outcomes, chosen, ball)
        except KeyboardInterrupt:
            interrupted = True
    return DetectionReport(
        tuple(rows), tuple(outcomes), network, train_accuracy, test_accuracy, len(right), seed, interrupted
    )


def _checked_budgets(budgets: Sequence[float]) -> tuple[float, ...]:
    if not isinstance(budgets, (Sequence, np.ndarray)) or isinstance(budgets, str) or not len(budgets):
        raise InputError(f"budgets={budgets!r}: expected a sequence of positive numbers, one at least")
    scales = tuple(check_positive("a budget", budget, "the norm of a perturbation") for budget in budgets)
    if len(set(scales)) < len(scales):
        raise InputError(f"budgets={scales!r}: some are the same; give each once")
    return scales


def _checked_names(argument: str, given: Sequence[str], known: tuple[str, ...]) -> tuple[str, ...]:
    """Different names out of those that are known, one at least."""
    names = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if not names or any(name not in known for name in names) or len(set(names)) < len(names):
        raise InputError(f"{argument}={given!r}: give a sequence of some of {', '.join(known)}, each once")
    return names


@dataclass(frozen=True, eq=False)
class _Setting:
    """One attack, and the same images under natural perturbations of the same norms: by kind, and by chance."""

    name: str
    norm: Norm
    budget: float
    attack: Attack
    natural: dict[str, Float]
    held_out: Float


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
    progress: Progress

    def fill(
        self, rows: list[DetectionRow], outcomes: list[AttackOutcome], references: tuple[str, ...], ball: bool
    ) -> None:
        """Append all rows and outcomes, so that those that were reached remain if this is interrupted."""
        sizes = (min(self.budgets) / 2, max(self.budgets))
        known = self._decompose(self.x, self.fitted, sizes, "known")
        settings: list[_Setting] = []
        with reporter(self.progress) as report:
            report.start("attacks", total=len(ATTACKS) * len(self.budgets))
            for budget in self.budgets:
                for name, norm in ATTACKS:
                    setting = self._setting(name, norm, budget, known)
                    outcomes.append(self._outcome(setting, known))
                    settings.append(setting)
                    report.advance(attack=name, norm=norm, budget=budget)
        free = {kind: self.x + self._stepped(kind, None, "free") for kind in KINDS}
        for reference in references:
            self._fill_rows(rows, reference, settings, free, known, ball)

    def _decompose(
        self, references: Float, natural: NaturalPerturbations | None, sizes: tuple[float, float], label: str
    ) -> LocalDecompositions:
        options: dict[str, Any] = {"radius": sizes[1]} if natural is None else {"sizes": sizes, "count": self.count}
        found = local_decompositions(
            self.classifier, references, natural, rng=derive(self.seed, "decompositions", label),
            progress=self.progress, **options,
        )  # fmt: skip
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
        if attack.interrupted:
            raise KeyboardInterrupt
        label = f"{name} {norm} {budget}"
        natural = {kind: self.x + self._stepped(kind, attack.sizes, label) for kind in KINDS}
        further = np.stack([self._stepped(kind, attack.sizes, f"{label} held out") for kind in KINDS])
        kinds = derive(self.seed, "kinds held out", label).integers(len(KINDS), size=len(self.x))
        held_out = self.x + further[kinds, np.arange(len(self.x))]
        return _Setting(name, norm, budget, attack, natural, held_out)

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

    def _fill_rows(
        self,
        rows: list[DetectionRow],
        reference: str,
        settings: list[_Setting],
        free: dict[str, Float],
        known: LocalDecompositions,
        ball: bool,
    ) -> None:
        """Append all rows for one way to find references."""
        blocks = [*free.values()]
        for setting in settings:
            blocks += [setting.attack.inputs, setting.held_out, *setting.natural.values()]
        scores = self._scores(reference, np.concatenate(blocks), known, ball)
        parts = {name: np.split(values, len(blocks)) for name, values in scores.items()}
        first, width = len(KINDS), 2 + len(KINDS)
        with reporter(self.progress) as report:
            report.start(f"areas, reference {reference}", total=len(settings))
            for k, setting in enumerate(settings):
                at = first + k * width
                negatives = {
                    "matched": list(range(at + 2, at + width)),
                    "unmatched": list(range(first)),
                    **{kind: [at + 2 + j] for j, kind in enumerate(KINDS)},
                }
                rows += [
                    row
                    for against, places in negatives.items()
                    for row in self._compared(setting, reference, against, parts, at, places)
                ]
                report.advance()

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
            control = permutation_control(*pair, clusters=clusters, permutations=self.permutations, rng=stream)
            if control.interrupted:
                raise KeyboardInterrupt
            held_out = roc(parts[name][at + 1], pair[1], clusters=clusters) if against == "matched" else None
            rows.append(
                DetectionRow(
                    setting.name, setting.norm, setting.budget, reference, against, name, curve, control, advantage,
                    held_out,
                )
            )  # fmt: skip
        return rows


def _nearest(train: Float, inputs: Float) -> Int:
    """Numbers of the two training images nearest to each input."""
    from scipy.spatial import cKDTree

    return np.asarray(cKDTree(train).query(inputs, k=2)[1], dtype=np.int64)

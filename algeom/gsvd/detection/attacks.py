"""Attacks on classifiers within a budget: one gradient step, projected gradient ascent, evasion of a detector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.gsvd.detection.natural_perturbations import require_box
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.networks.classifier import Classifier, TrainedClassifier, as_classifier, as_labels
from algeom.maps.relabelling import check_integer
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["Attack", "Detector", "evading_pgd", "fgsm", "pgd"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Norm = Literal["l2", "linf"]

#: Halvings of a gradient step that lowered the loss; after so many it is below rounding.
_HALVINGS = 50
#: Length of steps, in budgets divided by their number: enough to cross the ball and come back, as in Madry et al.
_STEP = 2.5
#: Part of the budget at which attacks on a detector start: its score is a quotient by the size of the perturbation.
_FIRST = 0.1


class Detector(Protocol):
    """What an attack evades: scores of inputs, the i-th one for the i-th reference, with their gradients."""

    def score_and_gradient(self, x: Float) -> tuple[Float, Float]:
        """Scores (N,), higher for more suspicious inputs, and gradients (N, n)."""
        ...


@dataclass(frozen=True, eq=False, repr=False)
class Attack:
    """Attacked inputs.

    Attributes
    ----------
    name : str
    norm : {"l2", "linf"}
    budget : float
    clean, inputs : ndarray of float64, shape (N, n)
        Before and after.
    labels : ndarray of int64, shape (N,)
    losses : ndarray of float64, shape (N,)
        Cross-entropy after the attack.
    success : ndarray of bool, shape (N,)
        Where the class is not the label.
    seed : int or None
        None for attacks without chance.
    interrupted : bool
        The inputs are then the best ones until that moment.
    """

    name: str
    norm: Norm
    budget: float
    clean: Float
    inputs: Float
    labels: Int
    losses: Float
    success: Bool
    seed: int | None
    interrupted: bool = False

    @property
    def perturbations(self) -> Float:
        """Attacked inputs minus clean ones, shape (N, n)."""
        return self.inputs - self.clean

    @property
    def sizes(self) -> Float:
        """Euclidean norms of the perturbations, shape (N,)."""
        return np.asarray(np.linalg.norm(self.perturbations, axis=1))

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"Attack({self.name}, {self.norm} <= {self.budget:g}: {int(self.success.sum())} of {len(self.labels)} "
            f"misclassified, median L2 norm {np.median(self.sizes):.4g}{stopped})"
        )


@dataclass(frozen=True, eq=False)
class _Problem:
    """Inputs to attack, checked."""

    classifier: Classifier
    x: Float
    labels: Int
    budget: float
    norm: Norm
    box: tuple[float, float]

    @classmethod
    def of(
        cls,
        given: Any,
        x: ArrayLike,
        labels: ArrayLike,
        budget: float,
        norm: Norm,
        box: tuple[float, float],
    ) -> _Problem:
        classifier = as_classifier(given)
        rows = as_rows("x", x, classifier.n_inputs)
        classes = as_labels(labels, len(rows), classifier.n_classes)
        if norm not in ("l2", "linf"):
            raise InputError(f'norm={norm!r}: choose "l2" or "linf"')
        if not (isinstance(budget, (int, float, np.floating, np.integer)) and 0 < budget < math.inf):
            raise InputError(f"budget={budget!r}: expected a positive number, the largest norm of a perturbation")
        problem = cls(classifier, rows, classes, float(budget), norm, require_box(rows, box))
        if not problem.uphill(rows).any():
            raise InputError(
                "the loss has gradient 0 at all inputs: the classifier is constant there, and no attack by gradients "
                "can begin; train it, or give other inputs"
            )
        return problem

    def uphill(self, x: Float) -> Float:
        """Directions (N, n) in which the cross-entropy grows most, which do not vanish as its gradients do."""
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = self.classifier.log_odds_gradient(x, self.labels)
        if not np.isfinite(gradient).all():
            raise InputError("gradients of the logits overflow; scale the inputs or the weights")
        return gradient

    def merit(self, x: Float) -> tuple[Bool, Float]:
        """Where inputs are misclassified; and the log-odds against their labels, which order them as the loss does."""
        return self.classifier.predict(x) != self.labels, self.classifier.log_odds(x, self.labels)

    def project(self, x: Float) -> Float:
        """Into the ball, then into the box; the second step shortens every entry, since the center is in the box."""
        steps = x - self.x
        if self.norm == "linf":
            steps = np.clip(steps, -self.budget, self.budget)
        else:
            norms = np.linalg.norm(steps, axis=1, keepdims=True)
            steps = steps * np.minimum(1.0, np.divide(self.budget, norms, out=np.ones_like(norms), where=norms > 0))
        return np.asarray(np.clip(self.x + steps, *self.box))

    def steepest(self, x: Float, gradient: Float) -> Float:
        """Steps of norm 1 along which the linear part grows most, among those that do not leave the box at once."""
        free = np.where(((x <= self.box[0]) & (gradient < 0)) | ((x >= self.box[1]) & (gradient > 0)), 0.0, gradient)
        if self.norm == "linf":
            return np.asarray(np.sign(free))
        return _units(free)

    def random_start(self, rng: np.random.Generator, part: float) -> Float:
        """Points evenly in the ball of a part of the budget, moved into the box."""
        n = self.x.shape[1]
        if self.norm == "linf":
            steps = rng.uniform(-1, 1, self.x.shape)
        else:
            steps = rng.standard_normal(self.x.shape)
            steps *= (rng.random(len(steps)) ** (1 / n) / np.linalg.norm(steps, axis=1))[:, None]
        return self.project(self.x + part * self.budget * steps)

    def result(self, name: str, inputs: Float, seed: int | None, interrupted: bool = False) -> Attack:
        losses = self.classifier.loss(inputs, self.labels)
        success = self.classifier.predict(inputs) != self.labels
        return Attack(name, self.norm, self.budget, self.x, inputs, self.labels, losses, success, seed, interrupted)


@dataclass(eq=False)
class _Best:
    """The best iterates: misclassified ones before others, and then by values, the larger the better."""

    inputs: Float
    missed: Bool
    values: Float

    def offer(self, x: Float, missed: Bool, values: Float) -> None:
        better = _worse(self.missed, self.values, missed, values)
        self.inputs[better], self.missed[better], self.values[better] = x[better], missed[better], values[better]


def _worse(missed: Bool, values: Float, other_missed: Bool, other_values: Float) -> Bool:
    return np.asarray((missed < other_missed) | ((missed == other_missed) & (values < other_values)))


def fgsm(
    classifier: Classifier | TrainedClassifier | Layers,
    x: ArrayLike,
    labels: ArrayLike,
    budget: float,
    *,
    norm: Norm = "l2",
    box: tuple[float, float] = (0.0, 1.0),
) -> Attack:
    """One step along the gradient of the cross-entropy (its sign, for the largest entry as norm), in the box.

    Parameters
    ----------
    classifier : Classifier, TrainedClassifier or Layers
    x : array_like, shape (N, n)
        In the box.
    labels : array_like of int, shape (N,)
    budget : float
        Largest norm of a perturbation.
    norm : {"l2", "linf"}
    box : pair of float

    Returns
    -------
    Attack

    Raises
    ------
    InputError
        If shapes do not fit, labels are out of range, the budget is not positive, inputs are outside of the box, or the
        gradient is 0 at all inputs.

    Notes
    -----
    Deviations from [1]_: entries at a bound of the box do not use up the norm, and a step that lowers the loss without
    changing the class is halved until it does not, so that no attack makes an input more certain. The gradient is that
    of the logarithm of the odds against the label, which has the same direction and does not underflow where the
    classifier is confident.

    References
    ----------
    .. [1] I. Goodfellow, J. Shlens, C. Szegedy, Explaining and harnessing adversarial examples, ICLR 2015.

    Examples
    --------
    >>> from algeom.gsvd.functions.layers import Dense, Layers
    >>> classifier = Classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0]])]))
    >>> fgsm(classifier, [[0.6, 0.5]], [0], 0.2, norm="linf").inputs
    array([[0.4, 0.7]])
    """
    problem = _Problem.of(classifier, x, labels, budget, norm, box)
    before = problem.merit(problem.x)
    direction = problem.steepest(problem.x, problem.uphill(problem.x))
    length = np.full((len(problem.x), 1), problem.budget)
    for _ in range(_HALVINGS):
        inputs = problem.project(problem.x + length * direction)
        lower = _worse(*problem.merit(inputs), *before)
        if not lower.any():
            break
        length[lower] /= 2
    else:
        inputs[lower] = problem.x[lower]
    return problem.result("FGSM", inputs, None)


def pgd(
    classifier: Classifier | TrainedClassifier | Layers,
    x: ArrayLike,
    labels: ArrayLike,
    budget: float,
    *,
    norm: Norm = "l2",
    steps: int = 40,
    restarts: int = 1,
    box: tuple[float, float] = (0.0, 1.0),
    rng: RandomState = None,
    progress: Progress = False,
) -> Attack:
    """Projected gradient ascent of the cross-entropy, from the input itself and from random starts.

    Parameters
    ----------
    classifier, x, labels, budget, norm, box
        As for `fgsm`.
    steps : int
        Each of length ``2.5 budget / steps``.
    restarts : int
        Random starts in the ball.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    Attack
        Of each input the misclassified iterate with the largest loss; where there is none, the one with the largest
        loss of all. If interrupted, of the iterates until then.

    Raises
    ------
    InputError
        As for `fgsm`; or if numbers of steps or restarts are no integers, or too small.

    Notes
    -----
    Steps go along gradients of the log-odds, as for `fgsm`. Random starts are drawn for all inputs together: with the
    same seed, an input that is attacked alone starts elsewhere than in a batch.

    References
    ----------
    .. [1] A. Madry et al., Towards deep learning models resistant to adversarial attacks, ICLR 2018.

    Examples
    --------
    >>> from algeom.gsvd.functions.layers import Dense, Layers
    >>> classifier = Classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0]])]))
    >>> found = pgd(classifier, [[0.6, 0.5]], [0], 0.2, rng=0)
    >>> found
    Attack(PGD, l2 <= 0.2: 1 of 1 misclassified, median L2 norm 0.2)
    """
    problem = _Problem.of(classifier, x, labels, budget, norm, box)
    steps, restarts = check_integer("steps", steps, 1), check_integer("restarts", restarts, 0)
    seed, _ = resolve(rng)
    best = _Best(problem.x.copy(), *problem.merit(problem.x))
    interrupted = False
    with reporter(progress) as report:
        report.start("attack", total=(restarts + 1) * steps)
        try:
            for start in range(restarts + 1):
                at = problem.x if not start else problem.random_start(derive(seed, "start", start), 1.0)
                for _ in range(steps):
                    direction = problem.steepest(at, problem.uphill(at))
                    at = problem.project(at + _STEP * problem.budget / steps * direction)
                    best.offer(at, *problem.merit(at))
                    report.advance()
        except KeyboardInterrupt:
            interrupted = True
    return problem.result("PGD", best.inputs, seed, interrupted)


def evading_pgd(
    classifier: Classifier | TrainedClassifier | Layers,
    x: ArrayLike,
    labels: ArrayLike,
    budget: float,
    detector: Detector,
    *,
    norm: Norm = "l2",
    steps: int = 100,
    restarts: int = 1,
    box: tuple[float, float] = (0.0, 1.0),
    rng: RandomState = None,
    progress: Progress = False,
) -> Attack:
    """An attack that knows the detector: misclassified inputs with scores as low as it can find.

    Parameters
    ----------
    classifier, x, labels, budget, norm, box
        As for `fgsm`.
    detector : Detector
        With a method ``score_and_gradient(x)`` that returns scores (N,) and their gradients (N, n), the i-th one for
        the i-th input; `algeom.gsvd.LocalDecompositions` for instance.
    steps : int
    restarts : int
        Random starts; each is followed by both rules below.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    Attack
        Of each input the misclassified iterate with the least score; where there is none, the iterate with the largest
        loss. If interrupted, of the iterates until then.

    Raises
    ------
    InputError
        As for `pgd`; or if the detector does not answer as it should.

    Notes
    -----
    Selective and orthogonal projected gradient descent [1]_: a step goes up the cross-entropy while the class is still
    right, and down the score once it is wrong; the orthogonal rule removes from each gradient its part along the other
    one. Steps shrink linearly to a tenth, which settles what alternates at the boundary of the class. Deviation: the
    best iterate is returned in place of the last one.

    References
    ----------
    .. [1] O. Bryniarski, N. Hingun, P. Pachuca, V. Wang, N. Carlini, Evading adversarial example detection defenses
       with orthogonal projected gradient descent, ICLR 2022, arXiv:2106.15023.
    """
    problem = _Problem.of(classifier, x, labels, budget, norm, box)
    steps, restarts = check_integer("steps", steps, 1), check_integer("restarts", restarts, 0)
    seed, _ = resolve(rng)
    # The input itself is no attack, whatever its class.
    best = _Best(problem.x.copy(), np.zeros(len(problem.x), dtype=bool), problem.merit(problem.x)[1])
    interrupted = False
    with reporter(progress) as report:
        report.start("attack", total=2 * (restarts + 1) * steps)
        try:
            for start in range(restarts + 1):
                for orthogonal in (False, True):
                    at = problem.random_start(derive(seed, "start", start), _FIRST if not start else 1.0)
                    for k in range(steps + 1):
                        missed, odds = problem.merit(at)
                        scores, slopes = _answer(detector, at)
                        best.offer(at, missed, np.where(missed, -scores, odds))
                        if k == steps:
                            break
                        up, down = problem.uphill(at), -slopes
                        if orthogonal:
                            up, down = _without(up, down), _without(down, up)
                        direction = problem.steepest(at, np.where(missed[:, None], down, up))
                        length = _STEP * problem.budget / steps * (1 - 0.9 * k / steps)
                        at = problem.project(at + length * direction)
                        report.advance()
        except KeyboardInterrupt:
            interrupted = True
    return problem.result("evading PGD", best.inputs, seed, interrupted)


def _answer(detector: Any, x: Float) -> tuple[Float, Float]:
    """Scores and gradients of a detector, checked."""
    expected = f"scores ({len(x)},) and their gradients {x.shape}, all finite"
    if not hasattr(detector, "score_and_gradient"):
        raise InputError(
            f"detector={detector!r}: expected an object with a method score_and_gradient(x), for {expected}"
        )
    answer = detector.score_and_gradient(x)
    try:
        scores, slopes = (np.asarray(part, dtype=np.float64) for part in answer)
    except (TypeError, ValueError) as error:
        raise InputError(f"the detector returns {type(answer).__name__}; expected {expected}: {error}") from error
    if (
        scores.shape != (len(x),)
        or slopes.shape != x.shape
        or not (np.isfinite(scores).all() and np.isfinite(slopes).all())
    ):
        raise InputError(f"the detector returns the shapes {scores.shape} and {slopes.shape}; expected {expected}")
    return scores, slopes


def _units(rows: Float) -> Float:
    """Rows of norm 1, or zero; scaled first, so that no squares underflow."""
    tiny = np.finfo(np.float64).tiny
    scaled = rows / np.maximum(np.abs(rows).max(axis=1, keepdims=True), tiny)
    return np.asarray(scaled / np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), tiny))


def _without(g: Float, h: Float) -> Float:
    """Rows of g without their parts along those of h."""
    units = _units(h)
    return np.asarray(g - np.einsum("ij,ij->i", g, units)[:, None] * units)

"""Small classifiers as dense layers: training by cross-entropy, margins, and the digits of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers
from algeom.maps.relabelling import check_integer, check_integers
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["Classifier", "Digits", "TrainedClassifier", "as_classifier", "as_labels", "digits", "train_classifier"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Grey values of scikit-learn's digits go from 0 to 16.
_GREYS = 16.0
#: Logits below this have differences that are numbers in double precision.
_LARGEST = 1e307


@dataclass(frozen=True, eq=False, repr=False)
class Classifier:
    """A network whose largest output is the class.

    Parameters
    ----------
    layers : Layers
        Inputs to logits, one for each of two classes or more.

    Examples
    --------
    >>> classifier = Classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])]))
    >>> x = [[2.0, 0.5], [-1.0, -1.0]]
    >>> classifier.predict(x), classifier.margin(x), classifier.margin(x, [1, 2])
    (array([0, 2]), array([1.5, 3. ]), array([-1.5,  3. ]))
    """

    layers: Layers

    def __post_init__(self) -> None:
        if not isinstance(self.layers, Layers) or self.layers.n_outputs < 2:
            raise InputError(f"a classifier is made of Layers with two outputs or more; {self.layers!r} was given")

    @property
    def n_inputs(self) -> int:
        """Entries of an input."""
        return self.layers.n_inputs

    @property
    def n_classes(self) -> int:
        """Number of logits."""
        return self.layers.n_outputs

    def logits(self, x: ArrayLike) -> Float:
        """Outputs (N, classes) of inputs (N, n).

        Raises
        ------
        InputError
            If the shape is wrong, or outputs are too large for their differences to be numbers.
        """
        rows = as_rows("x", x, self.n_inputs)
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.layers(rows)
        wrong = ~(np.abs(values) < _LARGEST).all(axis=1)
        if wrong.any():
            raise InputError(
                f"logits are no numbers below {_LARGEST:g} at {int(wrong.sum())} of {len(rows)} inputs, the first is "
                f"number {int(wrong.argmax())}; scale the inputs or the weights"
            )
        return values

    def predict(self, x: ArrayLike) -> Int:
        """Classes (N,) with the largest logits."""
        return np.asarray(self.logits(x).argmax(axis=1))

    def accuracy(self, x: ArrayLike, labels: ArrayLike) -> float:
        """Share of inputs whose class is the label."""
        predicted = self.predict(x)
        return float(np.mean(predicted == as_labels(labels, len(predicted), self.n_classes)))

    def margin(self, x: ArrayLike, labels: ArrayLike | None = None) -> Float:
        """The logit of the label minus the largest other one, shape (N,): negative where the class is another one.

        Parameters
        ----------
        x : array_like, shape (N, n)
        labels : array_like of int, shape (N,), optional
            By default the predicted classes.
        """
        values = self.logits(x)
        chosen = values.argmax(axis=1) if labels is None else as_labels(labels, len(values), self.n_classes)
        return np.asarray(-_differences(values, chosen)[0].max(axis=1))

    def loss(self, x: ArrayLike, labels: ArrayLike) -> Float:
        """Cross-entropy of each input, shape (N,)."""
        values = self.logits(x)
        return _cross_entropy(values, as_labels(labels, len(values), self.n_classes))[0]

    def loss_gradient(self, x: ArrayLike, labels: ArrayLike) -> Float:
        """Gradients (N, n) of the cross-entropy of each input."""
        rows = as_rows("x", x, self.n_inputs)
        slopes = _cross_entropy(self.logits(rows), as_labels(labels, len(rows), self.n_classes))[1]
        return self.layers.vjp(rows, slopes)

    def log_odds(self, x: ArrayLike, labels: ArrayLike) -> Float:
        """Logarithms of the odds against the labels, shape (N,): large where another class is likely.

        The cross-entropy is ``log(1 + exp(log_odds))`` and grows with them. They neither underflow nor saturate where
        the classifier is confident.
        """
        values = self.logits(x)
        return _log_odds(values, as_labels(labels, len(values), self.n_classes))[0]

    def log_odds_gradient(self, x: ArrayLike, labels: ArrayLike) -> Float:
        """Gradients (N, n) of the log-odds: those of the cross-entropy, divided by the probability of other classes."""
        rows = as_rows("x", x, self.n_inputs)
        slopes = _log_odds(self.logits(rows), as_labels(labels, len(rows), self.n_classes))[1]
        return self.layers.vjp(rows, slopes)

    @cached_property
    def contrast_matrix(self) -> Float:
        """Orthonormal rows H, shape (classes - 1, classes), that are orthogonal to (1, ..., 1): Helmert's matrix."""
        p = self.n_classes
        k = np.arange(1, p)
        rows = np.tri(p - 1, p) - np.eye(p - 1, p, 1) * k[:, None]
        return np.asarray(rows / np.sqrt(k * (k + 1))[:, None])

    @cached_property
    def contrasts(self) -> Layers:
        """The logits up to a common constant, ``H f(x)`` with `contrast_matrix`: all that classes and losses depend on.

        A difference of two logits is ``(e_a - e_b) . f(x) = H (e_a - e_b) . H f(x)``.
        """
        *first, last = self.layers.layers
        H = self.contrast_matrix
        if last.activation.name != "identity":
            return Layers([*self.layers.layers, Dense(H)])
        return Layers([*first, Dense(H @ last.weight, None if last.bias is None else H @ last.bias)])

    def __repr__(self) -> str:
        widths = " -> ".join(str(layer.n_outputs) for layer in self.layers.layers)
        return f"Classifier({self.n_inputs} -> {widths}, {self.layers.layers[0].activation.name})"


@dataclass(frozen=True, eq=False, repr=False)
class TrainedClassifier:
    """What training found.

    Attributes
    ----------
    classifier : Classifier
    loss : float
        Mean cross-entropy of the training data, with weight decay.
    accuracy : float
        On the training data.
    history : ndarray of float64
        Loss after each iteration.
    seed : int
    interrupted : bool
    """

    classifier: Classifier
    loss: float
    accuracy: float
    history: Float
    seed: int
    interrupted: bool

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"TrainedClassifier({self.classifier!r}; loss {self.loss:.4g} after {len(self.history)} iterations, "
            f"training accuracy {self.accuracy:.4f}{stopped})"
        )


def as_classifier(given: Any) -> Classifier:
    """The classifier itself, that of a result of training, or layers as a classifier.

    Parameters
    ----------
    given : Classifier, TrainedClassifier or Layers

    Raises
    ------
    InputError
        If it is something else.

    Examples
    --------
    >>> as_classifier(Layers([Dense([[1.0, 0.0], [0.0, 1.0]])]))
    Classifier(2 -> 2, identity)
    """
    if isinstance(given, TrainedClassifier):
        return given.classifier
    if isinstance(given, Layers):
        return Classifier(given)
    if not isinstance(given, Classifier):
        raise InputError(f"{given!r} is no classifier; give a Classifier, what train_classifier returns, or Layers")
    return given


def train_classifier(
    x: ArrayLike,
    labels: ArrayLike,
    hidden: Sequence[int] = (32,),
    *,
    activation: str = "relu",
    weight_decay: float = 1e-3,
    iterations: int = 300,
    rng: RandomState = None,
    progress: Progress = False,
) -> TrainedClassifier:
    """Train a network of dense layers for the mean cross-entropy, on all data at once, by L-BFGS.

    Parameters
    ----------
    x : array_like, shape (N, n)
    labels : array_like of int, shape (N,)
        Classes from 0 to their number minus 1, two at least.
    hidden : sequence of int
        Widths of hidden layers; none for multinomial logistic regression.
    activation : str
        Of hidden layers, one of those of `algeom.gsvd.Dense`.
    weight_decay : float
        Half of this times the sum of squares of all weights, without biases, is added to the loss.
    iterations : int
        At most.
    rng : int, numpy.random.Generator or None
        For the first weights.
    progress : bool or callable

    Returns
    -------
    TrainedClassifier
        If interrupted, the last iterate.

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, a class from 0 to the largest label has no example, or there is
        one class alone.

    Examples
    --------
    >>> x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> train_classifier(x, [0, 1, 1, 0], (8,), rng=0).accuracy
    1.0
    """
    from scipy.optimize import minimize

    inputs = as_rows("x", x)
    targets = as_labels(labels, len(inputs))
    seen = np.unique(targets)
    classes = len(seen)
    if classes < 2 or seen[-1] != classes - 1:
        raise InputError(
            f"labels take {classes} values from {seen[0]} to {seen[-1]}; expected examples of each class 0, 1, 2, ..., "
            "and of two at least"
        )
    widths = [inputs.shape[1], *check_integers("a width of hidden layers", hidden, 1), classes]
    if not isinstance(activation, str) or activation not in ACTIVATIONS:
        raise InputError(f"activation={activation!r}: choose one of {', '.join(ACTIVATIONS)}")
    is_number = isinstance(weight_decay, (int, float, np.floating, np.integer))
    if not is_number or not 0 <= weight_decay < np.inf:
        raise InputError(f"weight_decay={weight_decay!r}: expected a number from 0 on")
    iterations = check_integer("iterations", iterations, 1)
    seed, _ = resolve(rng)
    start = derive(seed, "weights")
    # He's initialization.
    weights = [start.standard_normal((b, a)) * np.sqrt(2 / a) for a, b in pairwise(widths)]
    state = [np.concatenate([part for w in weights for part in (w.ravel(), np.zeros(len(w)))])]
    history: list[float] = []
    interrupted = False

    def network(vector: Float) -> Layers:
        parts, position = [], 0
        for k, (a, b) in enumerate(pairwise(widths)):
            weight = vector[position : position + a * b].reshape(b, a)
            bias = vector[position + a * b : position + a * b + b]
            position += (a + 1) * b
            parts.append(Dense(weight, bias, "identity" if k == len(widths) - 2 else activation))
        return Layers(parts)

    def objective(vector: Float) -> tuple[float, Float]:
        layers = network(vector)
        losses, slopes = _cross_entropy(layers(inputs), targets)
        decay, parts = 0.0, []
        gradients = layers.backward(inputs, slopes / len(inputs))[1]
        for layer, (by_weight, by_bias) in zip(layers.layers, gradients, strict=True):
            decay += 0.5 * weight_decay * float(np.square(layer.weight).sum())
            parts += [(by_weight + weight_decay * layer.weight).ravel(), by_bias]
        return float(losses.mean()) + decay, np.concatenate(parts)

    with reporter(progress) as report:
        report.start("training", total=iterations)

        def advance(intermediate_result: Any) -> None:
            state[0] = np.array(intermediate_result.x)
            history.append(float(intermediate_result.fun))
            report.advance()

        options = {"maxiter": iterations, "maxfun": 3 * iterations}
        try:
            minimize(objective, state[0], jac=True, method="L-BFGS-B", callback=advance, options=options)
        except KeyboardInterrupt:
            interrupted = True
    classifier = Classifier(network(state[0]))
    return TrainedClassifier(
        classifier,
        objective(state[0])[0],
        classifier.accuracy(inputs, targets),
        np.array(history),
        seed,
        interrupted,
    )


def _differences(logits: Float, labels: Int) -> tuple[Float, NDArray[np.bool_]]:
    """Logits minus that of the label, -inf at the label itself; and where the labels are."""
    chosen = np.arange(logits.shape[1]) == labels[:, None]
    return np.where(chosen, -np.inf, logits - logits[chosen][:, None]), chosen


def _log_odds(logits: Float, labels: Int) -> tuple[Float, Float]:
    """Logarithms of the odds (N,) against the labels, and their gradients by logits."""
    differences, chosen = _differences(logits, labels)
    largest = differences.max(axis=1)
    powers = np.exp(differences - largest[:, None])
    others = powers.sum(axis=1)
    return largest + np.log(others), np.where(chosen, -1.0, powers / others[:, None])


def _cross_entropy(logits: Float, labels: Int) -> tuple[Float, Float]:
    """Losses (N,) and their gradients by logits, to full relative accuracy however small they are."""
    odds, slopes = _log_odds(logits, labels)
    return np.logaddexp(0.0, odds), np.exp(-np.logaddexp(0.0, -odds))[:, None] * slopes


def as_labels(labels: ArrayLike, count: int, classes: int | None = None) -> Int:
    """Check labels: `count` integers from 0 to `classes` - 1.

    Raises
    ------
    InputError
        If they are something else.
    """
    try:
        given = np.asarray(labels)
    except ValueError as error:
        raise InputError(f"labels are no vector of {count} integers: {error}") from error
    if given.shape != (count,):
        raise InputError(f"labels have the shape {given.shape}; expected ({count},), one for each input")
    if given.dtype.kind not in "iu":
        raise InputError(f"labels are numbers of type {given.dtype}; expected integers, the classes 0, 1, 2, ...")
    upper = "" if classes is None else f" to {classes - 1}"
    if given.min() < 0 or (classes is not None and given.max() >= classes):
        raise InputError(f"labels go from {given.min()} to {given.max()}; expected classes from 0{upper}")
    return given.astype(np.int64)


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Images of handwritten digits, 8 x 8 pixels with grey values from 0 to 1, split in two.

    Attributes
    ----------
    train, test : ndarray of float64, shapes (1257, 64), (540, 64)
    train_labels, test_labels : ndarray of int64
    seed : int
    """

    train: Float
    train_labels: Int
    test: Float
    test_labels: Int
    seed: int

    def __repr__(self) -> str:
        return f"Digits({len(self.train)} to train on, {len(self.test)} to test; seed {self.seed})"


def digits(*, test: int = 540, rng: RandomState = None) -> Digits:
    """The 1797 digits of scikit-learn, some of them set aside for tests at random.

    Parameters
    ----------
    test : int
        How many.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Digits

    Raises
    ------
    InputError
        If scikit-learn is not installed, or one of the parts would be empty.

    References
    ----------
    E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI Machine Learning Repository (1998), the part
    for tests; shipped with scikit-learn.

    Examples
    --------
    >>> digits(rng=0)
    Digits(1257 to train on, 540 to test; seed 0)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("the digits come with scikit-learn, which is missing: pip install scikit-learn") from None
    data = load_digits()
    images = np.asarray(data.data / _GREYS)
    test = check_integer("test", test, 1, len(images) - 1, f"of {len(images)} images")
    seed, _ = resolve(rng)
    order = derive(seed, "split").permutation(len(images))
    labels = np.asarray(data.target, dtype=np.int64)
    behind, ahead = order[:test], order[test:]
    return Digits(images[ahead], labels[ahead], images[behind], labels[behind], seed)

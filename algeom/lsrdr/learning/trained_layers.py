"""Small trained networks with square layers, to try reductions of their layers on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.lsrdr.operators.tuples import Array
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds

__all__ = ["TrainedLayers", "digit_network", "lightning_attention"]

Float = NDArray[np.float64]

#: Sequences that a trained attention layer is tested on.
_TEST_SEQUENCES = 500

#: Evaluations of L-BFGS, at most; the default task takes about a tenth of them.
_EVALUATIONS = 1500

#: Size of the weights before training, which are random.
_INITIAL = 0.3


@dataclass(frozen=True, eq=False, repr=False)
class TrainedLayers:
    """Square layers of a trained network, and a way to put others in their place.

    Attributes
    ----------
    layers : ndarray, shape (r, n, n)
    score : callable
        Takes layers (r, n, n) and returns how good the network is with them on data that it was not trained on: the
        share of images classified correctly, or the share of variance explained.
    planted : ndarray, shape (r, n, n), or None
        The layers of the network that the data were made with.
    projection : ndarray, shape (n, n), or None
        The projection onto the common image of the planted layers along their common kernel, if they are complementary.
    name : str
    seed : int
    """

    layers: Float
    score: Callable[[Array], float]
    planted: Float | None
    projection: Float | None
    name: str
    seed: int

    def __repr__(self) -> str:
        r, n, _ = self.layers.shape
        return f"TrainedLayers({self.name}: {r} layers, {n} x {n}; score {self.score(self.layers):.4f})"


def digit_network(
    depth: int = 4, *, weight_decay: float = 1.0, iterations: int = 60, rng: seeds.RandomState = None
) -> TrainedLayers:
    """A classifier of the digits of scikit-learn, 8 x 8 pixels, whose hidden layers all have 64 units.

    Parameters
    ----------
    depth : int
        Number of hidden layers, with ReLU; the first one reads the 64 pixels, so that all are 64 x 64.
    weight_decay : float
        `alpha` of `MLPClassifier`.
    iterations : int
        Passes over the 1257 training images.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    TrainedLayers
        Layers act from the left, x -> A_j x; biases and the layer to the 10 classes stay as they are. `score` is for
        the 540 images left out of training.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or an argument is out of bounds.

    Examples
    --------
    >>> network = digit_network(3, iterations=15, rng=0)
    >>> network.layers.shape, network.score(network.layers) > 0.85
    ((3, 64, 64), True)
    """
    depth, iterations = check_integer("depth", depth, 1), check_integer("iterations", iterations, 1)
    if not 0 <= weight_decay < math.inf:
        raise InputError(f"weight_decay={weight_decay!r}; give a number that is not negative")
    images, labels = load_digit_images()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import train_test_split
    from sklearn.neural_network import MLPClassifier

    seed, generator = seeds.resolve(rng)
    state = int(generator.integers(1 << 31))
    train, test, train_labels, test_labels = train_test_split(
        images, labels, test_size=540, stratify=labels, random_state=state
    )
    network = MLPClassifier((64,) * depth, alpha=weight_decay, max_iter=iterations, random_state=state)
    with warnings.catch_warnings():
        # The number of passes is chosen; that the loss would still fall is no concern here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(train, train_labels)
    biases, last, classes = network.intercepts_, network.coefs_[-1], network.classes_
    layers = np.array([weights.T for weights in network.coefs_[:-1]])

    def score(matrices: Array) -> float:
        x = test
        for matrix, bias in zip(_same_shape(matrices, layers), biases[:-1], strict=True):
            x = np.maximum(x @ matrix.T + bias, 0)
        return float(np.mean(classes[np.argmax(x @ last + biases[-1], axis=1)] == test_labels))

    return TrainedLayers(layers, score, None, None, f"digits, {depth} hidden layers", seed)


def load_digit_images() -> tuple[Float, NDArray[np.int64]]:
    """The 1797 images of scikit-learn's digits, as rows of 64 numbers from 0 to 1, and their labels.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("the digits come with scikit-learn, which is missing: pip install scikit-learn") from None
    data = load_digits()
    return np.asarray(data.data / 16.0), np.asarray(data.target, dtype=np.int64)


def lightning_attention(
    n: int = 12,
    d: int = 3,
    heads: int = 4,
    *,
    angle: float = 0.6,
    noise: float = 0.1,
    sequences: int = 1000,
    length: int = 6,
    weight_decay: float = 1e-3,
    rng: seeds.RandomState = None,
) -> TrainedLayers:
    """A trained layer of self-attention without softmax, whose heads should all have the same low-rank structure.

    The layer answers a query q about a sequence x_1, ..., x_T by

        sum over heads h and over t of V_h x_t (q^T A_h x_t),     A_h = Q_h^T K_h.

    Answers to random sequences are made with planted matrices A_h = B M_h C^T: queries count by their projection to the
    span of B, keys by that to the span of C, both of dimension d. A layer with full matrices A_h and V_h is trained on
    them from random weights, by L-BFGS. What it should learn is known: sums over h of V_h (x) A_h determine the span
    of the A_h and not each of them, and so the common image and the common kernel.

    Parameters
    ----------
    n : int
        Length of tokens.
    d : int
        At most n / 2.
    heads : int
    angle : float
        The d principal angles between the spans of B and C, from 0 to pi/2. At pi/2 all products A_g A_h vanish.
    noise : float
        Standard deviation of the noise in answers for training, relative to that of the answers.
    sequences, length : int
        Number and length T of the sequences for training.
    weight_decay : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    TrainedLayers
        `layers` are the A_h; `score` takes others, with the trained V_h, and is the share of the variance of answers
        without noise that they explain, for 500 new sequences.

    Raises
    ------
    InputError
        If an argument is out of bounds.

    Examples
    --------
    >>> trained = lightning_attention(6, 2, 2, sequences=300, rng=0)
    >>> trained.layers.shape, trained.score(trained.layers) > 0.95
    ((2, 6, 6), True)
    """
    n, heads = check_integer("n", n, 2), check_integer("heads", heads, 1)
    d = check_integer("d", d, 1, n // 2, "half of n")
    sequences, length = check_integer("sequences", sequences, 1), check_integer("length", length, 1)
    if not 0 <= angle <= math.pi / 2:
        raise InputError(f"angle={angle!r}; give an angle from 0 to pi/2")
    if not (0 <= noise < math.inf and 0 <= weight_decay < math.inf):
        raise InputError(f"noise={noise!r}, weight_decay={weight_decay!r}; give numbers that are not negative")
    from scipy.optimize import minimize

    seed, _ = seeds.resolve(rng)
    planting = seeds.derive(seed, "planted heads")
    frame = np.linalg.qr(planting.standard_normal((n, 2 * d)))[0]
    B, C = frame[:, :d], math.cos(angle) * frame[:, :d] + math.sin(angle) * frame[:, d:]
    planted = B @ planting.standard_normal((heads, d, d)) @ C.T
    values = planting.standard_normal((heads, n, n)) / math.sqrt(n)
    moments, queries = _sequences(sequences, length, n, seeds.derive(seed, "training"))
    answers = _answers(values, planted, moments, queries)
    answers += noise * answers.std() * seeds.derive(seed, "noise").standard_normal(answers.shape)

    def loss(x: Float) -> tuple[float, Float]:
        V, A = x.reshape(2, heads, n, n)
        # Rows of all heads side by side, so that the sums over sequences are matrix products.
        read = np.stack([(queries[:, None] @ (a @ moments))[:, 0] for a in A])
        errors = sum(r @ v.T for r, v in zip(read, V, strict=True)) - answers
        by_V = np.stack([errors.T @ r for r in read])
        back = [(errors @ v)[:, None] @ moments for v in V]
        by_A = np.stack([queries.T @ b[:, 0] for b in back])
        value = 0.5 * float((errors**2).sum()) / sequences + 0.5 * weight_decay * float(x @ x)
        return value, np.concatenate([by_V.ravel(), by_A.ravel()]) / sequences + weight_decay * x

    start = _INITIAL * seeds.derive(seed, "initial weights").standard_normal(2 * heads * n * n)
    options = {"maxiter": _EVALUATIONS, "maxfun": _EVALUATIONS}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    trained_values, trained = found.x.reshape(2, heads, n, n)
    new_moments, new_queries = _sequences(_TEST_SEQUENCES, length, n, seeds.derive(seed, "test"))
    expected = _answers(values, planted, new_moments, new_queries)

    def score(matrices: Array) -> float:
        answers = _answers(trained_values, _same_shape(matrices, trained), new_moments, new_queries)
        return 1.0 - float(((answers - expected) ** 2).sum() / ((expected - expected.mean(axis=0)) ** 2).sum())

    projection = B @ np.linalg.solve(C.T @ B, C.T) if math.cos(angle) > 0.01 else None
    return TrainedLayers(trained, score, planted, projection, f"lightning attention, {heads} heads", seed)


def _sequences(count: int, length: int, n: int, generator: np.random.Generator) -> tuple[Float, Float]:
    """For random sequences the sums of x_t x_t^T / T, which are all that the layer sees of them; and queries."""
    tokens = generator.standard_normal((count, length, n))
    return tokens.swapaxes(1, 2) @ tokens / length, generator.standard_normal((count, n))


def _answers(V: Array, A: Array, moments: Float, queries: Float) -> Array:
    """The sum over h of V_h M A_h^T q for each matrix M of moments and query q."""
    total = np.zeros(queries.shape)
    for v, a in zip(V, A, strict=True):
        total = total + (queries[:, None] @ (a @ moments))[:, 0] @ v.T
    return total


def _same_shape(matrices: Any, layers: Array) -> Array:
    given = np.asarray(matrices)
    if given.shape != layers.shape:
        raise InputError(f"layers of shape {given.shape} were given; the network has {layers.shape}")
    return given

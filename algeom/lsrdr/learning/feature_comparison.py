"""Features by reductions, by principal components, by discriminant analysis and by a small network, side by side."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.lsrdr.learning.image_features import image_rows, reduce_images
from algeom.lsrdr.learning.trained_layers import load_digit_images
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, reporter

__all__ = ["ComparedFeatures", "FeatureComparison", "compare_features"]

Float = NDArray[np.float64]

#: Share of the images that classifiers are tested on.
_TEST = 0.3

#: Passes of the network over the training images, and iterations of logistic regression: enough for both to settle on
#: the digits.
_PASSES, _LOGISTIC = 200, 2000

#: k of the k nearest neighbours.
_NEIGHBOURS = 5


@dataclass(frozen=True)
class ComparedFeatures:
    """One way to make d features, over several splits of the images.

    Attributes
    ----------
    name : str
    logistic, neighbours : tuple of float
        Shares of test images classified correctly from the features, by logistic regression and by 5 nearest
        neighbours, for each split.
    same_data : float
        How far the subspaces of pixels agree that different seeds find on the same images: the mean over pairs of
        ||Q_1^T Q_2||^2 / d for orthonormal bases Q_1, Q_2, the mean squared cosine of principal angles. 1 for equal
        subspaces, d / n for random ones.
    other_data : float
        The same for different splits.
    seconds : float
        CPU time to find the features, on average.
    """

    name: str
    logistic: tuple[float, ...]
    neighbours: tuple[float, ...]
    same_data: float
    other_data: float
    seconds: float


@dataclass(frozen=True)
class FeatureComparison:
    """The ways to make features, compared.

    Attributes
    ----------
    rows : tuple of ComparedFeatures
    d, n : int
        Numbers of features and of pixels.
    images : int
    splits : int
    network : tuple of float
        Shares of test images that the network classifies correctly by itself, for each split.
    pixels : tuple of tuple of float
        For each split those of the two classifiers that see all pixels.
    seed : int
    """

    rows: tuple[ComparedFeatures, ...]
    d: int
    n: int
    images: int
    splits: int
    network: tuple[float, ...]
    pixels: tuple[tuple[float, float], ...]
    seed: int

    def __getitem__(self, name: str) -> ComparedFeatures:
        for row in self.rows:
            if row.name == name:
                return row
        raise InputError(f"no row {name!r}; there are {', '.join(row.name for row in self.rows)}")

    def __str__(self) -> str:
        head = f"{self.images} images, {self.d} features of {self.n} pixels, {self.splits} splits"
        lines = [
            head,
            f"{'':<20}{'logistic':>19}{'neighbours':>19}{'same data':>11}{'other data':>12}{'CPU s':>8}",
        ]
        for row in self.rows:
            shares = f"{_mean_and_spread(row.logistic):>19}{_mean_and_spread(row.neighbours):>19}"
            lines.append(f"{row.name:<20}{shares}{row.same_data:>11.4f}{row.other_data:>12.4f}{row.seconds:>8.2f}")
        logistic, neighbours = zip(*self.pixels, strict=True)
        lines.append(f"{'all pixels':<20}{_mean_and_spread(logistic):>19}{_mean_and_spread(neighbours):>19}")
        lines.append(f"the network itself: {_mean_and_spread(self.network)}")
        return "\n".join(lines)


def _mean_and_spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f} +- {np.std(values, ddof=1):.4f}"


def compare_features(
    d: int = 8,
    *,
    images: Any = None,
    labels: Any = None,
    splits: int = 5,
    starts: int = 2,
    rng: seeds.RandomState = None,
    progress: Progress = False,
) -> FeatureComparison:
    """Compare features of images by reductions with those of other methods: accuracy and reproducibility.

    Parameters
    ----------
    d : int
        Number of features.
    images : array_like, shape (r, n) or (r, h, w), optional
        The digits of scikit-learn by default.
    labels : array_like, shape (r,), optional
    splits : int
        How often the images are split into 70 % for training and 30 % for tests, stratified; at least 2.
    starts : int
        Of each reduction.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    FeatureComparison
        Rows "LSRDR, images", "LSRDR, directions", "LSRDR, classes" and (for square images and a square number d)
        "LSRDR, matrices", as `reduce_images` names the encodings; "PCA"; "LDA" (for fewer features than classes);
        "network": one hidden layer of d units with ReLU, trained by Adam. Its features are the activations of the
        hidden layer, its subspace is what the layer sees. Features are scaled by one common factor only.

    Raises
    ------
    InputError
        If scikit-learn is not installed, or an argument is out of bounds.

    Notes
    -----
    "classes", "LDA" and "network" use labels to make the features, the others do not.

    Examples
    --------
    >>> from algeom.lsrdr.learning.trained_layers import load_digit_images
    >>> images, labels = load_digit_images()
    >>> compared = compare_features(3, images=images[:100], labels=labels[:100], splits=2, starts=1, rng=0)
    >>> compared["LSRDR, directions"].same_data > 0.9999 > compared["network"].same_data
    True
    """
    if (images is None) != (labels is None):
        raise InputError("give images and labels, or neither for the digits of scikit-learn")
    if images is None:
        images, labels = load_digit_images()
    rows, classes = image_rows(images), np.asarray(labels)
    if classes.shape != (len(rows),):
        raise InputError(f"labels has the shape {classes.shape}; give one for each of the {len(rows)} images")
    d = check_integer("d", d, 1, rows.shape[1], f"images have {rows.shape[1]} pixels")
    splits, starts = check_integer("splits", splits, 2), check_integer("starts", starts, 1)
    split = _splitter()
    seed, _ = seeds.resolve(rng)
    makers = _makers(rows, classes, d, starts)
    found: dict[str, list[_Made]] = {name: [] for name in makers}
    again: dict[str, list[Float]] = {name: [] for name in makers}
    shares: dict[str, list[tuple[float, float]]] = {name: [] for name in makers}
    pixels = []
    with reporter(progress) as report:
        report.start("splits", splits)
        for k in range(splits):
            train, test, a, b = split(rows, classes, test_size=_TEST, stratify=classes, random_state=_state(seed, k, 0))
            pixels.append(_shares(train, test, a, b))
            for name, make in makers.items():
                begun = time.process_time()
                made = make(train, a, _state(seed, k, 1))
                made.seconds = time.process_time() - begun
                found[name].append(made)
                shares[name].append(_shares(made.features(train), made.features(test), a, b))
                if name == "network":
                    made.share = made.classify(test, b)
                if k == 0:
                    # On the first split once more for each further seed.
                    others = [make(train, a, _state(seed, j, 2)).subspace for j in range(1, splits)]
                    again[name] = [made.subspace, *others]
            report.advance(split=k)
    compared = tuple(
        ComparedFeatures(
            name=name,
            logistic=tuple(pair[0] for pair in shares[name]),
            neighbours=tuple(pair[1] for pair in shares[name]),
            same_data=_agreement(again[name]),
            other_data=_agreement([made.subspace for made in found[name]]),
            seconds=float(np.mean([made.seconds for made in found[name]])),
        )
        for name in makers
    )
    network = tuple(made.share for made in found["network"])
    return FeatureComparison(compared, d, rows.shape[1], len(rows), splits, network, tuple(pixels), seed)


class _Made:
    """Features that were made from training images: how to compute them, and what they see of the pixels."""

    def __init__(self, components: Float, offset: Float, hidden: Any = None) -> None:
        self.components, self.offset, self._network = components, offset, hidden
        self.subspace: Float = np.linalg.qr(components.T)[0]
        self.seconds = self.share = math.nan

    def features(self, images: Float) -> Float:
        values = images @ self.components.T + self.offset
        return values if self._network is None else np.maximum(values, 0)

    def classify(self, images: Float, labels: Any) -> float:
        return float(self._network.score(images, labels))


def _makers(rows: Float, labels: Any, d: int, starts: int) -> dict[str, Any]:
    """For each method a function of training images, labels and a seed."""
    pixels, side, root = rows.shape[1], math.isqrt(rows.shape[1]), math.isqrt(d)
    encodings = ["images", "directions", "classes"]
    if side * side == pixels and root * root == d and root <= side:
        encodings.append("matrices")

    def reduced(encoding: Any) -> Any:
        def make(images: Float, labels: Any, state: int) -> _Made:
            found = reduce_images(images, d, encoding=encoding, labels=labels, starts=starts, rng=state)
            return _Made(found.components, -found.components @ found.mean)

        return make

    def principal(images: Float, labels: Any, state: int) -> _Made:
        mean = images.mean(axis=0)
        components = np.linalg.svd(images - mean, full_matrices=False)[2][:d]
        return _Made(components, -components @ mean)

    def discriminant(images: Float, labels: Any, state: int) -> _Made:
        from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

        fitted = LinearDiscriminantAnalysis(n_components=d).fit(images, labels)
        components = np.ascontiguousarray(fitted.scalings_[:, :d].T)
        return _Made(components, -components @ fitted.xbar_)

    def network(images: Float, labels: Any, state: int) -> _Made:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        trained = MLPClassifier((d,), max_iter=_PASSES, random_state=state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of passes is chosen
            trained.fit(images, labels)
        return _Made(trained.coefs_[0].T, trained.intercepts_[0], trained)

    makers = {f"LSRDR, {encoding}": reduced(encoding) for encoding in encodings}
    makers["PCA"] = principal
    if d < len(np.unique(labels)):
        makers["LDA"] = discriminant
    makers["network"] = network
    return makers


def _splitter() -> Any:
    try:
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise InputError(
            "classifiers and the network come from scikit-learn, which is not installed: pip install scikit-learn"
        ) from None
    return train_test_split


def _state(seed: int, split: int, what: int) -> int:
    return int(seeds.derive(seed, "split", split, what).integers(1 << 31))


def _shares(train: Float, test: Float, labels: Any, expected: Any) -> tuple[float, float]:
    """Shares classified correctly by logistic regression and by nearest neighbours, of features of mean square 1."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    scale = math.sqrt(float(np.mean(train**2))) or 1.0
    classifiers = (LogisticRegression(max_iter=_LOGISTIC), KNeighborsClassifier(_NEIGHBOURS))
    logistic, neighbours = (c.fit(train / scale, labels).score(test / scale, expected) for c in classifiers)
    return float(logistic), float(neighbours)


def _agreement(bases: Sequence[Float]) -> float:
    """The mean over pairs of the mean squared cosine of principal angles."""
    return float(np.mean([np.linalg.norm(Q.T @ W) ** 2 / Q.shape[1] for Q, W in combinations(bases, 2)]))

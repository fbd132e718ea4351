"""Scores that tell adversarial perturbations from natural ones: gain utilisation at a reference, and baselines."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.decomposition.decompose import gsvd
from algeom.gsvd.detection.natural_perturbations import NaturalPerturbations, require_box
from algeom.gsvd.ellipsoids.minimum_volume import minimum_volume_ellipsoid
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.networks.classifier import Classifier, TrainedClassifier, as_classifier
from algeom.maps.relabelling import check_integer
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["BASELINES", "LocalDecompositions", "baseline_scores", "check_positive", "local_decompositions"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Scores to compare with; see `baseline_scores`.
BASELINES = ("norm", "gain", "Jacobian direction", "row space", "margin", "reference margin")
#: Duality gap of ellipsoids: scores are compared with each other and need no more.
_GAP = 1e-6
#: The search of gains in a ball: fewer starts and rounds than `gsvd` takes for one decomposition, since there are many.
_SAMPLES, _STARTS, _ROUNDS = 300, 8, 4
#: Digits of the norm as a score: perturbations that were given the same norm differ by rounding, which tells nothing.
_DIGITS = 10
#: Inputs at a time whose Jacobian matrices are held.
_CHUNK = 1000


@dataclass(frozen=True, eq=False, repr=False)
class LocalDecompositions:
    """Generalized singular value decompositions of a classifier's logits around many references.

    Of ``d -> H f(x0 + d) - H f(x0)``, where H takes what logits have in common away (`Classifier.contrasts`).

    Attributes
    ----------
    classifier : Classifier
    references : ndarray of float64, shape (K, n)
    values : ndarray of float64, shape (K, p)
        H f(x0), with p = classes - 1.
    axes : ndarray of float64, shape (K, p, p)
        The orthogonal matrices U.
    sigma : ndarray of float64, shape (K, p)
        Decreasing.
    evidence : Evidence
        For `sigma`: utilisations are at most 1 for the perturbations that were seen, and no others.
    seed : int
    interrupted : bool
        The references that were not reached are left out.
    """

    classifier: Classifier
    references: Float
    values: Float
    axes: Float
    sigma: Float
    evidence: Evidence
    seed: int
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.references)

    def __getitem__(self, index: Any) -> LocalDecompositions:
        """Those of some of the references, by a number, numbers, a mask or a slice.

        Raises
        ------
        InputError
            If there are no such references, or none are chosen.
        """
        try:
            chosen = np.atleast_1d(np.arange(len(self))[index])
        except (IndexError, TypeError, ValueError) as error:
            raise InputError(f"there are no such references; choose from 0 to {len(self) - 1}: {error}") from error
        if chosen.ndim != 1 or not chosen.size:
            raise InputError(f"index={index!r}: expected a number, a list of numbers, a mask or a slice, not empty")
        return LocalDecompositions(
            self.classifier, self.references[chosen], self.values[chosen], self.axes[chosen], self.sigma[chosen],
            self.evidence, self.seed, self.interrupted,
        )  # fmt: skip

    def __iter__(self) -> Iterator[LocalDecompositions]:
        return (self[i] for i in range(len(self)))

    def utilisation(self, x: ArrayLike) -> Float:
        """Gain utilisation ``|Sigma^-1 U^T H (f(x) - f(x0))| / |x - x0|``, the i-th input at the i-th reference.

        Parameters
        ----------
        x : array_like, shape (K, n)

        Returns
        -------
        ndarray of float64, shape (K,)
            0 where x is the reference itself.
        """
        return self._scores(self._rows(x))[0]

    def score_and_gradient(self, x: Float) -> tuple[Float, Float]:
        """Utilisations (K,) and their gradients (K, n), for attacks on the detector."""
        rows = self._rows(x)
        scores, scaled, sizes = self._scores(rows)
        # u = |L g(d)| / |d| has the gradient J^T L^T L g / (u |d|^2) - u d / |d|^2.
        weights = np.einsum("kij,kj->ki", self.axes, scaled / self.sigma)
        weights *= np.divide(1.0, scores * sizes**2, out=np.zeros_like(scores), where=scores > 0)[:, None]
        part = np.divide(scores, sizes**2, out=np.zeros_like(scores), where=sizes > 0)
        gradient = self.classifier.contrasts.vjp(rows, weights) - part[:, None] * (rows - self.references)
        return scores, gradient

    def harmless_radius(self, threshold: float) -> Float:
        """Radii within which every perturbation is either flagged or harmless, shape (K,).

        Parameters
        ----------
        threshold : float
            Perturbations with utilisations above it are flagged.

        Returns
        -------
        ndarray of float64
            The class at each x with ``|x - x0| < radius`` and utilisation at most the threshold is that at x0.

        Notes
        -----
        Our own derivation. With the class a at x0 and margins m_b = f_a - f_b there, and w = H (e_a - e_b), the change
        y of H f moves the margin by ``w . y = (Sigma U^T w) . (Sigma^-1 U^T y)``, at most ``|Sigma U^T w| u |d|``. The
        radius is the least ``m_b / (threshold |Sigma U^T w|)``. It holds for any axes and lengths, so that nothing
        needs to be certified; but the threshold has to be above the utilisations of natural perturbations to be useful.
        """
        threshold = check_positive("threshold", threshold, "a utilisation")
        H, logits = self.classifier.contrast_matrix, self.classifier.logits(self.references)
        own = logits.argmax(axis=1)
        differences = (np.eye(len(H) + 1)[own][:, None, :] - np.eye(len(H) + 1)) @ H.T
        lengths = np.linalg.norm(self.sigma[:, None, :] * (differences @ self.axes), axis=2)
        margins = np.take_along_axis(logits, own[:, None], axis=1) - logits
        others = np.arange(logits.shape[1]) != own[:, None]
        return np.asarray(
            np.divide(margins, lengths, out=np.full_like(margins, np.inf), where=others).min(axis=1) / threshold
        )

    def _rows(self, x: ArrayLike) -> Float:
        rows = as_rows("x", x, self.classifier.n_inputs)
        if len(rows) != len(self):
            raise InputError(
                f"{len(rows)} inputs for {noun_count(len(self), 'reference')}; give one input for each, and "
                "decompositions[indices] to use some of them, or some several times"
            )
        return rows

    def _scores(self, rows: Float) -> tuple[Float, Float, Float]:
        """Utilisations, ``Sigma^-1 U^T`` of the changes, and sizes."""
        change = self.classifier.contrasts(rows) - self.values
        scaled = np.einsum("kij,ki->kj", self.axes, change) / self.sigma
        sizes = np.linalg.norm(rows - self.references, axis=1)
        gauges = np.linalg.norm(scaled, axis=1)
        return np.divide(gauges, sizes, out=np.zeros_like(sizes), where=sizes > 0), scaled, sizes

    def __repr__(self) -> str:
        stopped = ", interrupted" if self.interrupted else ""
        return (
            f"LocalDecompositions({noun_count(len(self), 'reference')} of {self.classifier!r}: sigma_1 "
            f"{self.sigma[:, 0].min():.4g} to {self.sigma[:, 0].max():.4g}{stopped}; {self.evidence})"
        )


def check_positive(name: str, value: object, meaning: str) -> float:
    """A positive finite number as a float.

    Raises
    ------
    InputError
        If it is something else.
    """
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:  # type: ignore[operator]
        raise InputError(f"{name}={value!r}: expected a positive number, {meaning}")
    return float(value)  # type: ignore[arg-type]


def local_decompositions(
    classifier: Classifier | TrainedClassifier | Layers,
    references: ArrayLike,
    natural: NaturalPerturbations | None = None,
    *,
    sizes: tuple[float, float] | None = None,
    count: int = 300,
    radius: float | None = None,
    rng: RandomState = None,
    progress: Progress = False,
) -> LocalDecompositions:
    """Decompose a classifier around references, by their natural perturbations or by all in a ball.

    Parameters
    ----------
    classifier : Classifier, TrainedClassifier or Layers
    references : array_like, shape (K, n)
    natural : NaturalPerturbations, optional
        What is natural: sigma then covers the gains of random ones of them.
    sizes : pair of float, optional
        Least and largest norms of natural perturbations; needed with them.
    count : int
        How many of them at each reference.
    radius : float, optional
        Instead of natural perturbations all in the ball with this radius, as `gsvd` finds them: utilisations are then
        at most 1, but for what the search misses.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    LocalDecompositions
        If interrupted, of the references that were reached.

    Raises
    ------
    InputError
        If neither or both are given, shapes or numbers do not fit, or logits do not change in all directions at a
        reference, as those of a constant classifier.

    Notes
    -----
    Our own reconstruction of adversarial perturbation identification. Both kinds of ellipsoids say how large gains are
    in each direction of outputs: those of natural perturbations, above which something is unusual; or the largest
    possible ones, which gradients come close to.
    """
    classifier = as_classifier(classifier)
    rows = as_rows("references", references, classifier.n_inputs)
    if (natural is None) == (radius is None) or (natural is None) != (sizes is None):
        raise InputError("give either natural perturbations, with sizes, or the radius of a ball")
    if natural is None:
        radius = check_positive("radius", radius, "the largest norm of a perturbation")
    else:
        sizes = _check_natural(natural, sizes, classifier.n_inputs)
        require_box(rows, natural.box)
    p = classifier.n_classes - 1
    check_integer("count", count, p, reason=f"gains in {noun_count(p, 'direction')} need as many perturbations")
    seed, _ = resolve(rng)
    values = classifier.contrasts(rows)
    labels = classifier.predict(rows)
    axes, sigma = np.empty((len(rows), p, p)), np.empty((len(rows), p))
    done, interrupted = 0, False
    with reporter(progress) as report:
        report.start("references", total=len(rows))
        try:
            for i, x0 in enumerate(rows):
                stream = derive(seed, "reference", i)
                if natural is None:
                    found = gsvd(
                        classifier.contrasts,
                        radius,
                        x0=x0,
                        n_samples=_SAMPLES,
                        starts=_STARTS,
                        rounds=_ROUNDS,
                        rng=stream,
                    )
                    if found.interrupted:
                        raise KeyboardInterrupt
                    axes[i], sigma[i], rank = found.U, found.sigma, found.rank
                else:
                    assert sizes is not None
                    d = natural.mixture(x0, int(labels[i]), count, sizes, stream)
                    d = d[d.any(axis=1)]
                    gains = (classifier.contrasts(x0 + d) - values[i]) / np.linalg.norm(d, axis=1)[:, None]
                    if not gains.any():
                        raise InputError(f"the classifier is constant around reference {i}: there is nothing to detect")
                    ellipsoid = minimum_volume_ellipsoid(gains, _GAP)
                    axes[i], sigma[i], rank = ellipsoid.axes, ellipsoid.semi_axes, ellipsoid.rank
                if rank < p:
                    raise InputError(
                        f"around reference {i} logits change in {rank} of {p} directions, and any change in the others "
                        "would count as infinite; give more perturbations, larger ones, or a network with wider layers"
                    )
                done += 1
                report.advance()
        except KeyboardInterrupt:
            if not done:
                raise
            interrupted = True
    if natural is None:
        evidence = Evidence(
            Status.LOWER_BOUND, math.nan, f"searches in balls of radius {radius:g}, which can miss gains"
        )
    else:
        evidence = Evidence(Status.NUMERICAL, math.nan, f"covers {count} natural perturbations of each reference")
    return LocalDecompositions(
        classifier, rows[:done], values[:done], axes[:done], sigma[:done], evidence, seed, interrupted
    )


def _check_natural(natural: object, sizes: Any, n_inputs: int) -> tuple[float, float]:
    """The least and the largest norm."""
    if not isinstance(natural, NaturalPerturbations) or natural.images.shape[1] != n_inputs:
        raise InputError(f"natural={natural!r}: expected NaturalPerturbations of images with {n_inputs} entries")
    if not isinstance(sizes, (tuple, list, np.ndarray)) or len(sizes) != 2:
        raise InputError(f"sizes={sizes!r}: expected the least and the largest norm of natural perturbations")
    least, largest = (check_positive("a size", size, "the norm of natural perturbations") for size in sizes)
    if least > largest:
        raise InputError(f"sizes={sizes!r}: the least norm of natural perturbations comes first")
    return least, largest


def baseline_scores(
    classifier: Classifier | TrainedClassifier | Layers, references: ArrayLike, x: ArrayLike
) -> dict[str, Float]:
    """Plain scores of inputs at references, each larger for what is more suspicious.

    Parameters
    ----------
    classifier : Classifier, TrainedClassifier or Layers
    references, x : array_like, shape (K, n)

    Returns
    -------
    dict of str to ndarray of float64, shape (K,)
        With d = x - x0, g the logits without what they have in common, and J their Jacobian matrix at x0:

        - "norm": ``|d|``, to ten digits.
        - "gain": ``|g(x) - g(x0)| / |d|``, the utilisation for sigma = 1.
        - "Jacobian direction": ``|v . d| / |d|`` for the top right singular vector v of J.
        - "row space": the share of d in the row space of J, ``|P d| / |d|``; that is the utilisation if g is linear and
          all perturbations are covered.
        - "margin": minus the difference of the two largest logits at x, which needs no reference.
        - "reference margin": minus the margin at x of the class at x0: positive where the class changes.

        Quotients are 0 where d = 0.

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    classifier = as_classifier(classifier)
    at, rows = (as_rows(name, a, classifier.n_inputs) for name, a in (("references", references), ("x", x)))
    if len(at) != len(rows):
        raise InputError(f"{len(rows)} inputs for {noun_count(len(at), 'reference')}; give one input for each")
    d = rows - at
    sizes = np.linalg.norm(d, axis=1)
    own = classifier.predict(at)
    g = classifier.contrasts
    chunks = np.array_split(np.arange(len(d)), len(d) // _CHUNK + 1)
    along = np.concatenate([_right_coordinates(g.jacobian(at[here]), d[here]) for here in chunks])

    def share(lengths: Float) -> Float:
        return np.asarray(np.divide(lengths, sizes, out=np.zeros_like(sizes), where=sizes > 0))

    values = (
        np.round(sizes, _DIGITS),
        share(np.linalg.norm(g(rows) - g(at), axis=1)),
        share(along[:, 0]),
        share(np.linalg.norm(along, axis=1)),
        -classifier.margin(rows),
        -classifier.margin(rows, own),
    )
    return dict(zip(BASELINES, values, strict=True))


def _right_coordinates(jacobians: Float, d: Float) -> Float:
    """Absolute coordinates (K, p) of rows d along the right singular vectors of matrices (K, p, n)."""
    right = np.linalg.svd(jacobians, full_matrices=False)[2]
    return np.asarray(np.abs(np.einsum("kpn,kn->kp", right, d)))

"""Radii around an input within which no perturbation changes its class: proved, or estimated from samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.decomposition.result import GSVD
from algeom.gsvd.functions.arguments import as_vector
from algeom.gsvd.functions.batch_functions import as_function
from algeom.gsvd.functions.centering import centered
from algeom.gsvd.functions.domains import Ball, Box, Samples
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.networks.classifier import Classifier, TrainedClassifier, as_classifier
from algeom.gsvd.norms.bounds import norm_bounds
from algeom.gsvd.norms.covering import UNIT, dot_error
from algeom.maps.relabelling import check_integer
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["RobustRadius", "certified_radius"]

Float = NDArray[np.float64]

#: Part by which a radius is shortened for the rounding errors of axes, lengths and quotients, some hundred units of
#: 1e-16.
_SLACK = 1e-6
#: Units of roundoff by which values of the activations in use are off, relative to values (and to 1, where they do not
#: vanish at zero), which is more than libraries of elementary functions are seen to be off.
_ACTIVATION = 8
#: Relative difference between outputs behind a decomposition and those of the classifier that is rounding, of single
#: precision over a few layers.
_SAME = 1e-4


@dataclass(frozen=True, eq=False, repr=False)
class RobustRadius:
    """A radius within which the class stays.

    Attributes
    ----------
    value : float
    margin : float
        Difference m of the two largest logits at x0, less the rounding errors that it may have.
    norm : float
        Upper bound L of ``|f(x) - f(x0)| / |x - x0|``, for the logits without what they have in common.
    domain_radius : float
        The bound holds within this distance; infinite for a bound everywhere.
    label : int
        The class at x0.
    evidence : Evidence
        PROVED; or NUMERICAL, with what the decomposition rests on that was given: an estimate, which is too large where
        that missed gains.
    seed : int
    """

    value: float
    margin: float
    norm: float
    domain_radius: float
    label: int
    evidence: Evidence
    seed: int

    def __repr__(self) -> str:
        word = "class" if self.evidence.status is Status.PROVED else "estimate: class"
        return f"RobustRadius({word} {self.label} within {self.value:.6g}; margin {self.margin:.4g}; {self.evidence})"


def certified_radius(
    classifier: Classifier | TrainedClassifier | Layers,
    x0: ArrayLike,
    *,
    radius: float | None = None,
    decomposition: GSVD | None = None,
    max_pieces: int = 100_000,
    rng: RandomState = None,
    progress: Progress = False,
) -> RobustRadius:
    """A radius around x0 within which no perturbation changes the class: ``min(R, m / (sqrt(2) L))``.

    Parameters
    ----------
    classifier : Classifier, TrainedClassifier or Layers
    x0 : array_like, shape (n,)
    radius : float, optional
        R: bound the norm on the ball with this radius by `norm_bounds`, for few inputs (the directions are covered by
        pieces, 2^n to begin with). By default the norm is bounded everywhere, by the layers' spectral norms.
    decomposition : GSVD, optional
        Of ``classifier.contrasts`` around x0, in place of a bound: R is then the radius of the largest ball in its
        domain (of samples, their largest norm), L is sigma_1, and the better ``min_b m_b / |Sigma U^T w_b|`` is taken,
        see the notes. Unless it is certified, and of these very layers, the result is an estimate, and says so.
    max_pieces : int
        As for `norm_bounds`.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    RobustRadius

    Raises
    ------
    InputError
        If x0 is on a boundary of classes up to rounding, arguments do not fit, the decomposition is that of another map
        or point, or its domain leaves out points near x0 (unless the map is positively homogeneous around x0).

    Notes
    -----
    A difference of two logits is ``w . H f`` with ``|w| = sqrt(2)``, so that it changes by at most ``sqrt(2) L |d|``.
    In a certified decomposition, ``|Sigma^-1 U^T H (f(x) - f(x0))| <= |d|``, so that it changes by at most ``|Sigma U^T
    w| |d|``, which is no more than ``sqrt(2) sigma_1 |d|``. The first is well known [1]_; the second is our own
    derivation. What is proved is about the network in real arithmetic: margins are lowered by a running error analysis
    [2]_ of the logits at x0 and of the layers moved to x0, and norms raised by the rounding of the contrasts.

    References
    ----------
    .. [1] Y. Tsuzuku, I. Sato, M. Sugiyama, Lipschitz-margin training: scalable certification of perturbation
       invariance for deep neural networks, NeurIPS 2018.
    .. [2] N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, Section 3.3.

    Examples
    --------
    >>> from algeom.gsvd.functions.layers import Dense, Layers
    >>> classifier = Classifier(Layers([Dense([[1.0, 0.0], [-1.0, 0.0]])]))
    >>> certified_radius(classifier, [0.5, 3.0], rng=0)
    RobustRadius(class 0 within 0.499999...; margin 1; proved)
    """
    classifier = as_classifier(classifier)
    n = classifier.n_inputs
    point = as_vector("x0", x0, n)
    max_pieces = check_integer("max_pieces", max_pieces, 1)
    seed, _ = resolve(rng)
    if radius is not None and decomposition is not None:
        raise InputError("radius and decomposition were given; the domain of the decomposition has a radius already")
    ball = None if radius is None else Ball(n, radius)
    if ball is not None and 2**n > max_pieces:
        raise InputError(
            f"a bound on a ball in R^{n} begins with 2^{n} pieces, more than max_pieces={max_pieces}; leave the radius "
            "out for a bound everywhere"
        )
    logits = classifier.logits(point[None])[0]
    label = int(logits.argmax())
    errors = _logit_errors(classifier.layers, point)
    # Once for the logits; twice for the layers moved to x0, at x0 and elsewhere; and what the bound itself is off.
    margins = np.delete(logits[label] - logits - 4 * (errors[label] + errors), label)
    margin = float(margins.min())
    if not margin > 0:
        raise InputError(
            "the two largest logits at x0 differ by no more than rounding errors: x0 is on a boundary of classes, or "
            "numbers of very different sizes cancel in the network"
        )
    extra = _contrast_error(classifier)
    if decomposition is not None:
        value, norm, domain, evidence = _of_decomposition(classifier, point, decomposition, label, margins, extra)
    else:
        contrasts = as_function(classifier.contrasts)
        function = centered(contrasts, point, contrasts(point[None])[0])
        found = norm_bounds(function, ball, max_pieces=max_pieces, rng=seed, progress=progress)
        domain, norm, evidence = math.inf if ball is None else ball.radius, found.upper + extra, found.evidence
        value = margin / (math.sqrt(2) * norm) if norm else math.inf
    value = min(domain, value) * (1 - _SLACK)
    return RobustRadius(value, margin, norm, domain, label, evidence, seed)


def _logit_errors(layers: Layers, x: Float) -> Float:
    """Bounds (p,) of the rounding errors of logits at x, carried through the layers."""
    values, errors = x, np.zeros(len(x))
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in layers.layers:
            weights = np.abs(layer.weight)
            size = weights @ np.abs(values) + (0.0 if layer.bias is None else np.abs(layer.bias))
            errors = weights @ errors + dot_error(layer.n_inputs + 1) * size + np.finfo(np.float64).tiny
            activation = layer.activation
            values = activation.value(layer.before(values[None])[0])
            constant = 0.0 if activation.is_homogeneous else 1.0
            errors = activation.lipschitz * errors + _ACTIVATION * UNIT * (np.abs(values) + constant)
    return np.asarray(errors)


def _contrast_error(classifier: Classifier) -> float:
    """Bound of the norm of what rounding of the last weight adds to the contrasts."""
    *hidden, last = classifier.layers.layers
    weight = last.weight
    if last.activation.name != "identity":
        hidden, weight = [*hidden, last], np.eye(classifier.n_classes)
    size = float((np.abs(classifier.contrast_matrix) @ np.abs(weight)).sum())
    return dot_error(classifier.n_classes + 4) * size * (Layers(hidden).lipschitz_bound if hidden else 1.0)


def _of_decomposition(
    classifier: Classifier, x0: Float, decomposition: Any, label: int, margins: Float, extra: float
) -> tuple[float, float, float, Evidence]:
    if not isinstance(decomposition, GSVD):
        raise InputError(f"decomposition={decomposition!r}: expected the result of gsvd")
    evidence = _evidence(classifier, x0, decomposition)
    H = classifier.contrast_matrix
    w = np.delete(H.T[label] - H.T, label, axis=0)
    lengths = np.linalg.norm(w @ decomposition.U * decomposition.sigma, axis=1) + math.sqrt(2) * extra
    radii = np.divide(margins, lengths, out=np.full_like(margins, math.inf), where=lengths > 0)
    return float(radii.min()), float(decomposition.sigma[0]) + extra, _reach(decomposition), evidence


def _evidence(classifier: Classifier, x0: Float, decomposition: GSVD) -> Evidence:
    """What a decomposition proves about the contrasts of a classifier around x0; refuse those of other maps."""
    other = InputError(
        "the decomposition is of another map, or around another point: give gsvd(classifier.contrasts, R, x0=x0)"
    )
    contrasts, status = as_function(classifier.contrasts), decomposition.evidence
    if decomposition.n_outputs != contrasts.n_outputs or not np.array_equal(decomposition.x0, x0):
        raise other
    value = contrasts(x0[None])[0]
    if not np.allclose(decomposition.offset, value, rtol=1e-9, atol=1e-12):
        raise other
    given, ours = decomposition.function, centered(contrasts, x0, decomposition.offset).layers
    if given is not None and given.layers is not None and ours is not None and _equal(given.layers, ours):
        if status.status is Status.PROVED:
            return status
        return Evidence(Status.NUMERICAL, math.nan, f"an estimate, from a decomposition that rests on: {status.reason}")
    changes = contrasts(x0 + decomposition.inputs) - value
    expected = decomposition.gains * np.linalg.norm(decomposition.inputs, axis=1)[:, None]
    if np.abs(changes - expected).max() > _SAME * max(float(np.abs(changes).max()), float(np.abs(value).max())):
        raise other
    reason = "an estimate, from a decomposition of a map whose gains were compared at its points alone"
    return Evidence(Status.NUMERICAL, math.nan, reason)


def _equal(first: Layers, second: Layers) -> bool:
    return len(first.layers) == len(second.layers) and all(
        a.activation.name == b.activation.name
        and np.array_equal(a.weight, b.weight)
        and np.array_equal(0.0 if a.bias is None else a.bias, 0.0 if b.bias is None else b.bias)
        for a, b in zip(first.layers, second.layers, strict=True)
    )


def _reach(decomposition: GSVD) -> float:
    """Radius of the largest ball on which a decomposition bounds the gains."""
    domain = decomposition.domain
    if domain is None:
        return math.inf
    if isinstance(domain, Samples):
        return float(np.linalg.norm(domain.points, axis=1).max())
    if isinstance(domain, Box):
        face = min(*domain.upper, *(-bound for bound in domain.lower))
        if face > 0 and not domain.hole:
            return face
    elif not domain.low:
        return domain.high
    elif decomposition.function is not None and decomposition.function.is_positively_homogeneous:
        # Gains are the same on a ray.
        return math.inf
    raise InputError(f"{domain!r} leaves out points near x0, which may have another class: decompose on a ball or box")

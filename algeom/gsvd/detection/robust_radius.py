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
from algeom.gsvd.functions.domains import Samples
from algeom.gsvd.networks.classifier import Classifier
from algeom.gsvd.norms.bounds import norm_bounds
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["RobustRadius", "certified_radius"]

Float = NDArray[np.float64]

#: Part by which a radius is shortened for the rounding errors of logits, some hundred units of 1e-16 relative to
#: margins that are no smaller than `_LEAST` of the logits.
_SLACK, _LEAST = 1e-6, 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class RobustRadius:
    """A radius within which the class stays.

    Attributes
    ----------
    value : float
    margin : float
        Difference m of the two largest logits at x0.
    norm : float
        Upper bound L of ``|f(x) - f(x0)| / |x - x0|``, for the logits without what they have in common.
    domain_radius : float
        The bound holds within this distance; infinite for a bound everywhere.
    label : int
        The class at x0.
    evidence : Evidence
        PROVED, or what the decomposition rests on that was given.
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
    classifier: Classifier,
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
    classifier : Classifier
    x0 : array_like, shape (n,)
    radius : float, optional
        R: bound the norm on the ball with this radius by `norm_bounds`, for few inputs (the directions are covered by
        pieces, 2^n to begin with). By default the norm is bounded everywhere, by the layers' spectral norms.
    decomposition : GSVD, optional
        Of ``classifier.contrasts`` around x0, in place of a bound: R and L are then those of its domain, and the
        better ``min_b m_b / |Sigma U^T w_b|`` is taken, see the notes. Unless it is certified, the result is an
        estimate, and says so.
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
        If x0 is on a boundary of classes, arguments do not fit, or the decomposition is that of another map or point.

    Notes
    -----
    A difference of two logits is ``w . H f`` with ``|w| = sqrt(2)``, so that it changes by at most ``sqrt(2) L |d|``.
    In a certified decomposition, ``|Sigma^-1 U^T H (f(x) - f(x0))| <= |d|``, so that it changes by at most ``|Sigma U^T
    w| |d|``, which is no more than ``sqrt(2) sigma_1 |d|``. The first is well known [1]_; the second is our own
    derivation.

    References
    ----------
    .. [1] Y. Tsuzuku, I. Sato, M. Sugiyama, Lipschitz-margin training: scalable certification of perturbation
       invariance for deep neural networks, NeurIPS 2018.

    Examples
    --------
    >>> from algeom.gsvd.functions.layers import Dense, Layers
    >>> classifier = Classifier(Layers([Dense([[1.0, 0.0], [-1.0, 0.0]])]))
    >>> certified_radius(classifier, [0.5, 3.0], rng=0)
    RobustRadius(class 0 within 0.499999...; margin 1; proved)
    """
    point = as_vector("x0", x0, classifier.n_inputs)
    seed, _ = resolve(rng)
    if radius is not None and decomposition is not None:
        raise InputError("radius and decomposition were given; the domain of the decomposition has a radius already")
    if radius is not None and not 0 < radius < math.inf:
        raise InputError(f"radius={radius!r}: expected a positive number")
    if radius is not None and 2**classifier.n_inputs > max_pieces:
        raise InputError(
            f"a bound on a ball in R^{classifier.n_inputs} begins with 2^{classifier.n_inputs} pieces, more than "
            f"max_pieces={max_pieces}; leave the radius out for a bound everywhere"
        )
    logits = classifier.logits(point[None])[0]
    label = int(logits.argmax())
    margins = np.delete(logits[label] - logits, label)
    margin = float(margins.min())
    if margin <= _LEAST * np.abs(logits).max():
        raise InputError(f"the two largest logits at x0 differ by {margin:.3g}: x0 is on a boundary of classes")
    if decomposition is not None:
        value, norm, domain, evidence = _of_decomposition(classifier, point, decomposition, label, margins)
    else:
        contrasts = as_function(classifier.contrasts)
        function = centered(contrasts, point, contrasts(point[None])[0])
        found = norm_bounds(function, radius, max_pieces=max_pieces, rng=seed, progress=progress)
        domain, norm, evidence = math.inf if radius is None else radius, found.upper, found.evidence
        value = margin / (math.sqrt(2) * norm) if norm else math.inf
    value = min(domain, value) * (1 - _SLACK)
    return RobustRadius(value, margin, norm, domain, label, evidence, seed)


def _of_decomposition(
    classifier: Classifier, x0: Float, decomposition: Any, label: int, margins: Float
) -> tuple[float, float, float, Evidence]:
    if not isinstance(decomposition, GSVD):
        raise InputError(f"decomposition={decomposition!r}: expected the result of gsvd")
    value = classifier.contrasts(x0[None])[0]
    same = decomposition.n_inputs == len(x0) and np.array_equal(decomposition.x0, x0)
    if not same or not np.allclose(decomposition.offset, value, rtol=1e-9, atol=1e-12):
        raise InputError(
            "the decomposition is of another map, or around another point: give gsvd(classifier.contrasts, R, x0=x0)"
        )
    H = classifier.contrast_matrix
    w = np.delete(H.T[label] - H.T, label, axis=0)
    lengths = np.linalg.norm(w @ decomposition.U * decomposition.sigma, axis=1)
    norm, domain = float(decomposition.sigma[0]), decomposition.domain
    if isinstance(domain, Samples):
        reach = float(np.linalg.norm(domain.points, axis=1).max())
    else:
        reach = math.inf if domain is None else domain.high
    # The singular value decomposition of a linear map is exact up to rounding, which the slack covers.
    return float((margins / lengths).min()), norm, reach, decomposition.evidence

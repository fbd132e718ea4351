"""Certified upper bounds of the gains of networks with biases or smooth activations, by covering a ball or annulus."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.norms.covering import (
    NEGLIGIBLE,
    UNIT,
    Cover,
    Enclosures,
    Pieces,
    cone_bounds,
    cover,
    dot_error,
    longest_edges,
    spread,
)
from algeom.gsvd.norms.folded_layers import folded
from algeom.gsvd.norms.polar import Polar
from algeom.gsvd.norms.slopes import Quotients
from algeom.runtime.progress import Reporter

__all__ = ["NetworkGains", "annulus_norm", "network_norm"]

Float = NDArray[np.float64]

#: Doubles in the largest array of a batch: larger ones leave the cache.
_BATCH_ENTRIES = 1 << 17
_BATCH = 1024


class NetworkGains:
    """Gains ``(f(r u) - f(0)) / r`` of a network, without division by r.

    Layer by layer, the change of the activations since x = 0, divided by r, is ``q -> s * (W q)`` with the difference
    quotients s of the activations from their arguments at x = 0. On a piece (unit vectors u in a cone with rays v_i, r
    in an interval) s lies in an interval; replaced by one number it makes the map linear in u, and the rest is a
    *defect*, carried through the layers entry by entry and by spectral norms.
    """

    def __init__(self, layers: Layers, root: Float | None) -> None:
        self.parts = folded(layers, root)
        self.lipschitz = math.prod(part.norm * part.activation.lipschitz for part in self.parts)
        self.lipschitz *= 1 + 4 * len(self.parts) * UNIT
        self.product = math.prod(part.product * part.activation.lipschitz for part in self.parts)
        self.norms = [part.norm for part in self.parts]
        self.n_inputs = layers.n_inputs
        self.widest = max(self.n_inputs, *(len(part.weight) for part in self.parts))
        last = self.parts[-1]
        if last.activation.name == "identity":
            # It cancels in f(x) - f(0).
            self.parts[-1] = replace(last, bias=np.zeros_like(last.bias), bias_size=np.zeros_like(last.bias))
        self.quotients: list[Quotients] = []
        h, errors = np.zeros(self.n_inputs), np.zeros(self.n_inputs)
        for part in self.parts:
            z = part.before(h)
            size = part.weight_size @ np.abs(h) + part.bias_size
            errors = part.weight_size @ errors + dot_error(len(h) + part.terms + 3) * size
            errors *= 1 + dot_error(len(h) + 6)
            self.quotients.append(Quotients(part.activation, z, errors))
            h = part.activation.value(z)
            errors = errors * part.activation.lipschitz + 8 * UNIT * np.abs(h)
        self.at_zero, self.at_zero_error = h, errors

    def batch(self) -> int:
        """Pieces at a time."""
        return max(1, min(_BATCH, _BATCH_ENTRIES // (self.n_inputs * self.widest)))

    def enclose(self, pieces: Pieces, target: float) -> Enclosures:
        """Bounds of the gain on pieces."""
        gram = pieces.rays @ pieces.rays.transpose(0, 2, 1)
        total = spread(gram)[:, None]
        images, defect, rounding = self._propagate(pieces.rays, pieces.radii, total)
        bounds, more = cone_bounds(images, gram, np.maximum(target - defect, 0.0))
        bounds = bounds + defect
        thin = np.repeat(pieces.radii[:, 1:], 2, axis=1)
        left = np.flatnonzero(bounds > target)
        radial = np.full(len(pieces), self.n_inputs == 1)
        if left.size and self.n_inputs > 1:
            # What the interval of radii contributes decides between the two ways to split.
            at_end = self._propagate(pieces.rays[left], thin[left], total[left])[1]
            radial[left] = at_end < 0.5 * defect[left]
        middle = pieces.rays[left].sum(axis=1)
        middle /= np.linalg.norm(middle, axis=1)[:, None]
        candidates = middle * pieces.radii[left, 1:]
        rounding = (rounding + more) * (1 + 8 * UNIT) + 4 * UNIT * bounds
        return Enclosures(bounds, rounding, longest_edges(gram), np.ones((len(pieces), 2)), radial, candidates)

    def _propagate(self, rays: Float, radii: Float, total: Float) -> tuple[Float, Float, Float]:
        """Images of rays, and norms of defects and of rounding errors."""
        count, n = rays.shape[:2]
        q, norm = rays, np.zeros(count)
        defect, rounding = np.zeros((count, n)), np.zeros((count, n))
        inner, outer = radii[:, :1], radii[:, 1:]
        for part, spectral, quotients in zip(self.parts, self.norms, self.quotients, strict=True):
            activation, size, inputs = part.activation, part.weight_size.T, part.weight.shape[1]
            z, absolute = q @ part.weight.T, np.abs(part.weight.T)
            if part.terms:
                absolute = absolute + dot_error(part.terms) * size
            rounding = rounding @ size + dot_error(inputs + part.terms + 2) * total * (np.abs(q) @ size).max(axis=1)
            rounding *= 1 + dot_error(inputs + 6)
            defect, norm = (defect @ absolute) * (1 + dot_error(inputs + 3)), norm * spectral
            errors = defect + rounding
            top, bottom = z.max(axis=1), z.min(axis=1)
            # Sums of coefficients lie between 1 and `total`.
            high = np.where(top > 0, top * total, top) + errors
            low = np.where(bottom < 0, bottom * total, bottom) - errors
            if activation.name == "identity":
                q = z
                continue
            above, below = np.maximum(high, 0.0), np.maximum(-low, 0.0)
            plus = quotients(inner * np.maximum(low, 0.0), outer * above)
            minus = quotients(-outer * below, -inner * np.maximum(-high, 0.0) - 0.0)
            options = [0.5 * (side[0] + side[1]) for side in (plus, minus)]
            remainders = [
                np.maximum(
                    np.maximum(np.abs(plus[0] - slope), np.abs(plus[1] - slope)) * above,
                    np.maximum(np.abs(minus[0] - slope), np.abs(minus[1] - slope)) * below,
                )
                for slope in options
            ]
            first = remainders[0] <= remainders[1]
            slope = np.where(first, options[0], options[1])
            rest = np.where(first, remainders[0], remainders[1]) * (1 + 8 * UNIT)
            q = z * slope[:, None, :]
            defect = defect * np.abs(slope) + rest
            # In norm every neuron's slope counts with the largest.
            norm = norm * np.abs(slope).max(axis=1) + np.linalg.norm(rest, axis=1)
            rounding = rounding * np.abs(slope) + 2 * UNIT * total * np.abs(q).max(axis=1)
        apart = np.minimum(norm, np.linalg.norm(defect, axis=1)) * (1 + dot_error(self.widest + 8))
        return q, apart, np.linalg.norm(rounding, axis=1) * (1 + dot_error(self.widest + 8))

    def gains(self, x: Float) -> Float:
        """Lower bounds of ``|f(x) - f(0)| / |x|``."""
        h, rounding = x, np.zeros_like(x)
        for part in self.parts:
            size = np.abs(h) @ part.weight_size.T + part.bias_size
            rounding = rounding @ part.weight_size.T + dot_error(h.shape[1] + part.terms + 3) * size
            rounding *= (1 + dot_error(h.shape[1] + 6)) * part.activation.lipschitz
            h = part.activation.value(part.before(h))
            rounding += 8 * UNIT * np.abs(h)
        change = h - self.at_zero
        errors = np.linalg.norm(rounding + self.at_zero_error + UNIT * np.abs(change), axis=1)
        sizes = np.linalg.norm(change, axis=1) - errors * (1 + dot_error(h.shape[1] + 6))
        quotients = sizes / np.linalg.norm(x, axis=1)
        return np.asarray(np.maximum(quotients * (1 - dot_error(h.shape[1] + x.shape[1] + 8)), 0.0))


class GivenConstant:
    """Gains of a function of which nothing is known but its values and a Lipschitz constant K.

    On a piece with rays v_i, middle u and radii from r to R, with e the largest ``|v_i - u|``, a point s v is no
    further from r u than ``s - r + r e``, so that its gain is at most ``K - (K - g - K e) r / s`` with ``g = |f(r u)| /
    r``, as long as g + K e is less than K. In a box the point of it nearest to r u does as well: all others are no
    further from it.
    """

    def __init__(self, gains: Callable[[Float], Float], constant: float, domain: Polar) -> None:
        self.gains, self.constant, self.domain = gains, constant, domain

    def enclose(self, pieces: Pieces, target: float) -> Enclosures:
        """Bounds of the gain on pieces."""
        count, n = pieces.rays.shape[:2]
        middle = pieces.rays.sum(axis=1)
        middle /= np.linalg.norm(middle, axis=1)[:, None]
        inner, outer = pieces.radii.T
        points = middle * inner[:, None]
        if self.domain.box is not None:
            points = np.clip(points, self.domain.box[0], self.domain.box[1])
        angular = self.constant * np.linalg.norm(pieces.rays - middle[:, None], axis=2).max(axis=1)
        known = self.gains(points) * np.linalg.norm(points, axis=1) / inner + angular
        left = np.maximum(self.constant - known, 0.0)
        bounds = self.constant - left * (inner / outer)
        radial = left * (1 - inner / outer) > angular
        gram = pieces.rays @ pieces.rays.transpose(0, 2, 1)
        rounding = np.full(count, 8 * n * UNIT * self.constant)
        return Enclosures(bounds, rounding, longest_edges(gram), np.ones((count, 2)), radial, points)


def network_norm(
    gains: NetworkGains, domain: Polar, witness: Float, *, tol: float, max_pieces: int, report: Reporter
) -> Cover:
    """Bounds of the supremum of ``|root (f(x) - f(0))| / |x|`` over the x != 0 of a domain.

    Parameters
    ----------
    gains : NetworkGains
    domain : Polar
    witness : ndarray of float64, shape (n,)
        A point to start from.
    tol : float
        Relative.
    max_pieces : int
    report : Reporter

    Returns
    -------
    Cover

    Notes
    -----
    Our own derivation, in the spirit of linear relaxations of networks [1]_, on pieces in polar coordinates: there
    bounds hold down to x = 0. They converge as the pieces shrink, linearly in their size.

    References
    ----------
    .. [1] H. Zhang, T.-W. Weng, P.-Y. Chen, C.-J. Hsieh, L. Daniel, Efficient neural network robustness certification
       with general activation functions (CROWN), NeurIPS 2018.
    """
    return cover(
        domain.pieces(),
        gains.enclose,
        lambda x: np.where(domain.contains(x), gains.gains(x), 0.0),
        witness,
        tol=tol,
        lipschitz=gains.lipschitz,
        negligible=NEGLIGIBLE * UNIT * gains.product,
        max_pieces=max_pieces,
        batch=gains.batch(),
        report=report,
        trim=domain.trim,
    )


def annulus_norm(
    gains: Callable[[Float], Float],
    constant: float,
    domain: Polar,
    witness: Float,
    *,
    tol: float,
    max_pieces: int,
    report: Reporter,
) -> Cover:
    """Bounds of a supremum over an annulus, from values and a Lipschitz constant.

    Parameters
    ----------
    gains : callable
        From points (N, n) to gains (N,).
    constant : float
        A Lipschitz constant of ``L f``.
    domain : Polar
        Away from zero, where nothing better than the constant is known.
    witness : ndarray of float64, shape (n,)
    tol : float
    max_pieces : int
    report : Reporter

    Returns
    -------
    Cover
    """
    return cover(
        domain.pieces(),
        GivenConstant(gains, constant, domain).enclose,
        lambda x: np.where(domain.contains(x), gains(x), 0.0),
        witness,
        tol=tol,
        lipschitz=constant,
        negligible=NEGLIGIBLE * UNIT * constant,
        max_pieces=max_pieces,
        batch=_BATCH,
        report=report,
        trim=domain.trim,
    )

"""Networks without biases: their regions of linearity, and suprema over the sphere that are exact up to rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError, ResourceError
from algeom.gsvd.functions.layers import Layers
from algeom.gsvd.norms.covering import (
    NEGLIGIBLE,
    UNIT,
    Cover,
    Enclosures,
    Pieces,
    cone_bounds,
    cone_maximizers,
    cover,
    dot_error,
    longest_edges,
    orthants,
    split,
    spread,
)
from algeom.gsvd.norms.folded_layers import folded
from algeom.gsvd.norms.polar import Polar
from algeom.runtime.memory import require
from algeom.runtime.progress import Progress, Reporter, reporter

__all__ = ["LinearRegions", "linear_regions", "region_bound"]

Float = NDArray[np.float64]

#: Doubles in the largest array of a batch: larger ones leave the cache.
_BATCH_ENTRIES = 1 << 17
#: Pieces of a batch at most: beyond, bounds found in one piece come too late for the others.
_BATCH = 2048

#: Kinks are followed down to so many times the rounding errors of a neuron; what is left counts as one of them.
_KINK_ERRORS = 4.0

#: A little less than 1, beyond any rounding error.
_ROUNDED_DOWN = 1 - 1e-9

#: Linear pieces in a batch on which maxima are looked for: the others come up later if they matter.
_SEARCHED = 64


def region_bound(n_inputs: int, n_neurons: int) -> int:
    """Regions into which k hyperplanes through the origin cut R^n at most; attained in general position.

    References
    ----------
    L. Schläfli 1850; T. M. Cover, IEEE Trans. Electronic Computers 14 (1965), Theorem 1.

    Examples
    --------
    >>> region_bound(2, 5), region_bound(3, 4), region_bound(3, 0)
    (10, 14, 1)
    """
    if not n_neurons:
        return 1
    return 2 * sum(math.comb(n_neurons - 1, i) for i in range(n_inputs))


class HomogeneousNetwork:
    """Piecewise linear layers without biases, for evaluation with error bounds.

    On a cone with rays v_i a neuron with preactivations z_i at the rays is replaced by the linear interpolation of its
    values there. With the slopes a and b of its activation, for c >= 0::

        | act(sum c_i z_i) - sum c_i act(z_i) | <= |a - b| min(sum c_i max(z_i, 0), sum c_i max(-z_i, 0))

    and equality to zero if all z_i have one sign. These *defects*, and bounds of rounding errors apart from them, are
    carried through the layers entry by entry, and the defects by spectral norms as well.
    """

    def __init__(self, layers: Layers, root: Float | None) -> None:
        parts = folded(layers, root)
        self.weights = [part.weight for part in parts]
        self.sizes = [part.weight_size.T for part in parts]
        self.terms = [part.terms for part in parts]
        self.values = [part.activation.value for part in parts]
        ends = [part.activation.value(np.array([1.0, -1.0])) for part in parts]
        self.sides = [(float(plus), -float(minus)) for plus, minus in ends]
        self.gaps = [abs(plus - minus) for plus, minus in self.sides]
        self.slopes = [max(abs(plus), abs(minus)) for plus, minus in self.sides]
        self.norms = [part.norm * s * (1 + UNIT) for part, s in zip(parts, self.slopes, strict=True)]
        self.lipschitz = math.prod(self.norms) * (1 + 2 * len(self.norms) * UNIT)
        self.product = math.prod(part.product * s for part, s in zip(parts, self.slopes, strict=True))
        self.n_inputs = layers.n_inputs
        #: How much a unit of defect of each neuron can count in the outputs.
        ahead = [math.prod(self.norms[k + 1 :]) for k in range(len(parts))]
        self.importance = [
            np.linalg.norm(self.weights[k + 1], axis=0) * self.slopes[k + 1] * ahead[k + 1]
            if k + 1 < len(parts)
            else np.ones(len(self.weights[k]))
            for k in range(len(parts))
        ]

    @property
    def widest(self) -> int:
        """The most neurons of a layer."""
        return max(self.n_inputs, *(len(w) for w in self.weights))

    @property
    def n_kinks(self) -> int:
        """Neurons that are not linear."""
        return sum(len(w) for w, gap in zip(self.weights, self.gaps, strict=True) if gap)

    def batch(self) -> int:
        """Pieces at a time."""
        return max(1, min(_BATCH, _BATCH_ENTRIES // (self.n_inputs * self.widest)))

    def on_cones(self, rays: Float) -> _OnCones:
        """Interpolate on cones, given by unit vectors of shape (B, n, n)."""
        count, n = rays.shape[:2]
        gram = rays @ rays.transpose(0, 2, 1)
        total = spread(gram)[:, None]
        h = rays
        # Of |h(x) - interpolation|, for unit vectors x: rounding errors and defects, and a bound of the defects' norm.
        rounding, defect, norm = np.zeros((count, n)), np.zeros((count, n)), np.zeros(count)
        edges = np.full((count, 2), -1, dtype=np.int64)
        weights = np.ones((count, 2))
        signs = []
        for w, size, terms, value, (plus, minus), gap, spectral, importance in zip(
            self.weights, self.sizes, self.terms, self.values, self.sides, self.gaps, self.norms, self.importance,
            strict=True,
        ):  # fmt: skip
            z, absolute = h @ w.T, np.abs(w.T)
            rounding = rounding @ size + dot_error(w.shape[1] + terms + 2) * total * (np.abs(h) @ size).max(axis=1)
            rounding *= 1 + dot_error(w.shape[1] + 6)
            defect, norm = defect @ (absolute if not terms else absolute + dot_error(terms) * size), norm * spectral
            h = value(z)
            high, low = z.max(axis=1), -z.min(axis=1)
            steepest = _steepest(high, low, rounding + defect, plus, minus)
            if gap:
                kink = gap * total * np.maximum(np.minimum(high, low), 0.0)
                tiny = kink <= _KINK_ERRORS * gap * rounding
                # Where a neuron vanishes up to rounding its sign is noise.
                told = np.maximum(high, low) > _KINK_ERRORS * rounding
                signs.append(told & np.where(tiny, high > low, high > 0))
                weighted = np.where(tiny, 0.0, kink * importance)
                undecided = np.flatnonzero((edges[:, 0] < 0) & weighted.any(axis=1))
                neuron = weighted[undecided].argmax(axis=1)
                at = z[undecided, :, neuron]
                edges[undecided] = np.stack([at.argmax(axis=1), at.argmin(axis=1)], axis=1)
                weights[undecided] = np.stack([-at.min(axis=1), at.max(axis=1)], axis=1)
                rounding = rounding * steepest + np.where(tiny, kink, 0.0)
                kink = np.where(tiny, 0.0, kink)
                defect = defect * steepest + kink
                norm = norm + np.linalg.norm(kink, axis=1)
            rounding += 2 * UNIT * total * np.abs(h).max(axis=1)
        return _OnCones(
            gram,
            h,
            np.minimum(norm, np.linalg.norm(defect, axis=1)),
            np.linalg.norm(rounding, axis=1) * (1 + dot_error(self.widest + 8)),
            edges,
            weights,
            np.concatenate(signs, axis=1) if signs else np.zeros((count, 0), dtype=bool),
        )

    def enclose(self, pieces: Pieces, target: float) -> Enclosures:
        """Bounds of the gain on cones."""
        on = self.on_cones(pieces.rays)
        bounds, rounding = cone_bounds(on.images, on.gram, np.maximum(target - on.defects, 0.0))
        bounds = bounds + on.defects
        is_linear = on.edges[:, 0] < 0
        edges = np.where(is_linear[:, None], longest_edges(on.gram), on.edges)
        weights = np.where(is_linear[:, None], 1.0, on.weights)
        searched = np.flatnonzero(is_linear & (bounds > target))
        searched = searched[np.argsort(-bounds[searched])[:_SEARCHED]]
        candidates = cone_maximizers(on.images[searched], pieces.rays[searched])
        rounding = (rounding + on.rounding) * (1 + 8 * UNIT) + 4 * UNIT * bounds
        return Enclosures(bounds, rounding, edges, weights, np.zeros(len(pieces), dtype=bool), candidates)

    def gains(self, x: Float) -> Float:
        """Lower bounds of |f(x)| / |x|."""
        h, rounding = x, np.zeros_like(x)
        for w, size, terms, value, (plus, minus) in zip(
            self.weights, self.sizes, self.terms, self.values, self.sides, strict=True
        ):
            z = h @ w.T
            rounding = rounding @ size + dot_error(w.shape[1] + terms + 2) * (np.abs(h) @ size)
            rounding *= (1 + dot_error(w.shape[1] + 6)) * _steepest(z, -z, rounding, plus, minus)
            h = value(z)
            rounding += 2 * UNIT * np.abs(h)
        sizes = np.linalg.norm(h, axis=1) - np.linalg.norm(rounding, axis=1) * (1 + dot_error(h.shape[1] + 6))
        quotients = sizes / np.linalg.norm(x, axis=1)
        return np.asarray(np.maximum(quotients * (1 - dot_error(h.shape[1] + x.shape[1] + 8)), 0.0))


@dataclass(frozen=True, eq=False)
class _OnCones:
    """Interpolations: Gram matrices, images of rays, norms of defects and of rounding errors, where to split, signs."""

    gram: Float
    images: Float
    defects: Float
    rounding: Float
    edges: NDArray[np.int64]
    weights: Float
    signs: NDArray[np.bool_]


def _steepest(high: Float, low: Float, errors: Float, plus: float, minus: float) -> Float:
    """Largest slopes that neurons can have whose preactivations lie in ``[-low - errors, high + errors]``."""
    # Sums of coefficients are at least 1, up to rounding.
    above, below = -low * _ROUNDED_DOWN > errors, -high * _ROUNDED_DOWN > errors
    return np.where(above, abs(plus), np.where(below, abs(minus), max(abs(plus), abs(minus))))


def homogeneous_norm(
    network: HomogeneousNetwork, domain: Polar, witness: Float, *, tol: float, max_pieces: int, report: Reporter
) -> Cover:
    """Supremum of ``|f(x)| / |x|`` for a piecewise linear network without biases.

    Parameters
    ----------
    network : HomogeneousNetwork
    domain : Polar
        Only the directions in which it has points count.
    witness : ndarray of float64, shape (n,)
        A point to start from; the larger the gain there, the fewer pieces are looked at.
    tol : float
        Relative; the bounds differ by this and by bounds of rounding errors.
    max_pieces : int
    report : Reporter

    Returns
    -------
    Cover

    Notes
    -----
    Our own combination of known parts. Orthants are split along kinks of neurons into simplicial cones on which f is
    linear; there the norm is maximized under cone constraints, which is a matter of finitely many faces: the maximum is
    an eigenvector on one of them, and that nothing is larger is shown by copositive matrices
    (`algeom.gsvd.norms.covering.cone_bounds`), after further splitting if need be. Cones that cannot reach the best
    value known are left out early, by the bound "interpolation plus defects". The cones overlap or miss each other by
    rounding errors only, which the upper bound contains.
    """

    def enclose(pieces: Pieces, target: float) -> Enclosures:
        found = network.enclose(pieces, target)
        return replace(found, candidates=domain.on_rays(found.candidates))

    return cover(
        domain.pieces(),
        enclose,
        lambda x: np.where(domain.contains(x), network.gains(x), 0.0),
        witness,
        tol=tol,
        lipschitz=network.lipschitz,
        negligible=NEGLIGIBLE * UNIT * network.product,
        max_pieces=max_pieces,
        batch=network.batch(),
        report=report,
        trim=domain.trim,
    )


@dataclass(frozen=True, eq=False, repr=False)
class LinearRegions:
    """The regions on which a network without biases is linear, one for each pattern of active neurons.

    Attributes
    ----------
    patterns : ndarray of bool, shape (R, k)
        Which of the neurons with a kink have positive preactivation, all layers one after the other.
    points : ndarray of float64, shape (R, n)
        A unit vector in the interior of each region.
    n_cones : int
        Simplicial cones into which the regions were divided.
    """

    patterns: NDArray[np.bool_]
    points: Float
    n_cones: int

    def __len__(self) -> int:
        return len(self.patterns)

    def __repr__(self) -> str:
        n, k = self.points.shape[1], self.patterns.shape[1]
        return f"LinearRegions({len(self)} regions of R^{n}, {k} neurons with a kink, {self.n_cones} cones)"


def linear_regions(
    layers: Layers, *, max_cones: int = 1_000_000, memory_limit: int | str | None = None, progress: Progress = False
) -> LinearRegions:
    """All full-dimensional regions of linearity of a network without biases.

    Parameters
    ----------
    layers : Layers
        Piecewise linear, without biases.
    max_cones : int
        Refuse after so many simplicial cones.
    memory_limit : int or str, optional
        As in `algeom.runtime.memory.parse_limit`.
    progress : bool or callable

    Returns
    -------
    LinearRegions

    Raises
    ------
    InputError
        If the network has biases or activations that are not piecewise linear.
    ResourceError
        If there are more than `max_cones` cones; before starting, if the neurons of the first layer in general position
        have more regions than that.

    Notes
    -----
    A pattern of all neurons has a convex region, as follows layer by layer. A neuron that vanishes on a region, up to
    rounding, as those that are fed by dead ones, counts as not positive there. Regions thinner than rounding errors may
    be missed. Two regions may carry the same linear map. Our own algorithm: `HomogeneousNetwork`.

    Examples
    --------
    >>> from algeom.gsvd.functions.layers import Dense
    >>> linear_regions(Layers([Dense([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], activation="relu")]))
    LinearRegions(6 regions of R^2, 3 neurons with a kink, 6 cones)
    """
    if not layers.is_positively_homogeneous:
        raise InputError(f"{layers} has biases or smooth activations; regions are counted for networks without")
    network = HomogeneousNetwork(layers, None)
    n = layers.n_inputs
    first = len(network.weights[0]) if network.gaps[0] else 0
    expected = region_bound(n, len({_direction(w) for w in network.weights[0]}) if first else 0)
    expected = min(expected, 2 ** min(first, 62))
    if max(expected, 2**n) > max_cones:
        raise ResourceError(
            f"{first} neurons on {n} inputs have up to {expected} regions, more than max_cones={max_cones}; take fewer "
            "inputs or neurons, or norm_bounds, which leaves out regions that do not matter"
        )
    cone = 8 * n * (n + 1) + network.n_kinks
    require(4.0 * cone * max(expected, 2**n), memory_limit, "the list of regions", "take fewer inputs or neurons")
    rays = [orthants(n).rays]
    seen: dict[bytes, Float] = {}
    n_cones = waiting = 0
    batch = network.batch()
    with reporter(progress) as report:
        report.start("regions")
        while rays:
            part = rays.pop()
            if len(part) > batch:
                rays.append(part[batch:])
                part = part[:batch]
            on = network.on_cones(part)
            done = on.edges[:, 0] < 0
            for pattern, cone_rays in zip(np.packbits(on.signs[done], axis=1), part[done], strict=True):
                seen.setdefault(pattern.tobytes(), cone_rays.sum(axis=0))
            n_cones += int(done.sum())
            left = np.flatnonzero(~done)
            if left.size:
                nothing = np.zeros(len(left))
                cuts = Enclosures(
                    nothing, nothing, on.edges[left], on.weights[left], np.zeros(len(left), dtype=bool), part[:0, 0]
                )
                rays.append(split(Pieces(part[left], np.zeros((len(left), 2))), cuts).rays)
            waiting = sum(map(len, rays))
            if n_cones + waiting > max_cones:
                raise ResourceError(
                    f"more than max_cones={max_cones} cones, with {len(seen)} regions found; take fewer inputs or "
                    "neurons, a larger max_cones, or norm_bounds, which leaves out regions that do not matter"
                )
            report.advance(int(done.sum()), regions=len(seen))
    points = np.array(list(seen.values()))
    packed = np.array([np.frombuffer(key, dtype=np.uint8) for key in seen])
    patterns = np.unpackbits(packed.reshape(len(seen), -1), axis=1, count=network.n_kinks).astype(bool)
    return LinearRegions(patterns, points / np.linalg.norm(points, axis=1)[:, None], n_cones)


def _direction(weight: Float) -> bytes:
    """Equal for multiples of a vector, up to rounding."""
    size = np.abs(weight).max()
    if not size:
        return b""
    scaled = weight / weight[np.abs(weight).argmax()]
    return np.asarray(scaled.round(12) + 0.0).tobytes()

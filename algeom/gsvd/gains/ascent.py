"""Gains y(x) = f(x) / |x|: their values, local maximization over a domain, and whether they are bounded near zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Domain

__all__ = ["ascend", "gain_vectors", "polish", "require_bounded_gains", "starting_points"]

Float = NDArray[np.float64]

#: By how much steps of an ascent grow after success and shrink after failure, and below which length a point has come
#: to rest: values then change by less than rounding errors, which go with the square.
_GROW, _SHRINK, _REST = 2.0, 0.35, 1e-8
#: Constants of the weak conditions of Wolfe, customary; and the gradient of the logarithm below which a point is a
#: maximum, up to rounding errors of values.
_SUFFICIENT, _CURVATURE, _FLAT = 1e-4, 0.5, 1e-9
#: Directions, and radii as parts of the largest, at which gains near zero are compared.
_DIRECTIONS, _RADII = 64, (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-14)
#: Growth of the largest gain from each of these radii to the next that counts as unbounded. Where f is differentiable
#: on the scale of the smallest radii, gains no longer grow there; ``|x| log |x|`` grows by 1.33 between the last two.
_GROWTH = 1.15
#: Outputs that are this many times their rounding errors are told well enough for that.
_ABOVE_NOISE = 10.0
#: Gains relative to the norms of their factors that are rounding errors.
_ROUNDING = 1e-14
#: Numbers in the inverse Hessian matrices of one batch: 64 MB.
_BATCH = 1 << 23


def gain_vectors(function: BatchFunction, x: Float) -> Float:
    """Gains ``f(x) / |x|`` of the rows of x, shape (N, p)."""
    return np.asarray(function(x) / np.linalg.norm(x, axis=1)[:, None])


def starting_points(function: BatchFunction, domain: Domain, rng: np.random.Generator, count: int) -> Float:
    """Random points of a domain, and those that are furthest along the weights of each neuron of a first layer.

    Parameters
    ----------
    function : BatchFunction
    domain : Domain
    rng : numpy.random.Generator
    count : int
        Random ones.

    Returns
    -------
    ndarray of float64, shape (N, n)
        Neurons that are active far from the origin only are active at some of them.
    """
    x = domain.sample(rng, count)
    if function.layers is None:
        return x
    weights = function.layers.layers[0].weight
    weights = weights[weights.any(axis=1)]
    ends = domain.furthest(np.vstack([weights, -weights]))
    # A box can have zero for a corner.
    return np.vstack([x, ends[ends.any(axis=1)]])


def ascend(function: BatchFunction, domain: Domain, x: Float, directions: Float, steps: int = 60) -> Float:
    """Climb from many points at once to larger gains ``w . y(x)``, each in a direction w of its own.

    Parameters
    ----------
    function : BatchFunction
    domain : Domain
        Without the origin.
    x : ndarray of float64, shape (N, n)
        Points of the domain whose gains have positive components in their directions; others stay.
    directions : ndarray of float64, shape (N, p)
        The gains where ascents end are boundary points of the convex hull of all gains, as far as that is seen locally.
    steps : int

    Returns
    -------
    ndarray of float64, shape (N, n)
        Points of the domain with no smaller values.

    Notes
    -----
    The gradient of ``log (w . y)`` is ``J^T w / (w . f) - x / |x|^2``. The first step on a sphere is that of the power
    method, ``x <- J^T w`` normalized, which for a linear map arrives at once; shorter ones turn towards it.
    """
    x = x.copy()
    values = np.einsum("ij,ij->i", directions, gain_vectors(function, x))
    length = np.where(values > 0, 1.0, 0.0)
    for _ in range(steps):
        active = np.flatnonzero(length > _REST)
        if not active.size:
            break
        here, w = x[active], directions[active]
        sizes = np.square(np.linalg.norm(here, axis=1))
        slope = function.vjp(here, w) / (values[active] * np.sqrt(sizes))[:, None] - here / sizes[:, None]
        trial = domain.step(here, slope, length[active])
        reached = np.einsum("ij,ij->i", w, gain_vectors(function, trial))
        better = (reached > values[active]) & np.isfinite(reached)
        moved = active[better]
        x[moved], values[moved] = trial[better], reached[better]
        length[active] = np.minimum(length[active] * np.where(better, _GROW, _SHRINK), 1.0)
    return x


def polish(function: BatchFunction, domain: Domain, x: Float, root: Float, steps: int = 200) -> Float:
    """Local maximizers of ``|L y|`` near points, on kinks as well, by the BFGS method.

    Parameters
    ----------
    function : BatchFunction
    domain : Domain
        Without the origin.
    x : ndarray of float64, shape (N, n)
    root : ndarray of float64, shape (k, p)
    steps : int
        Evaluations of each point.

    Returns
    -------
    ndarray of float64, shape (N, n)
        Points of the domain with no smaller values.

    Notes
    -----
    The full BFGS method for ``-log |L y|`` in coordinates in which the domain is a box, with the bisection for the weak
    conditions of Wolfe that [1]_ recommends for functions that are not smooth: maxima of piecewise linear networks
    often are on kinks, where ascents by gradients get stuck. Of 100 random ReLU networks 3-5-2 to 5-12-4 the ascents
    missed the supremum that is certified for 43 after all rounds, and this method for none. Coordinates at a bound rest
    while their gradients point out.

    References
    ----------
    .. [1] A. S. Lewis, M. L. Overton, Nonsmooth optimization via quasi-Newton methods, Math. Program. 141 (2013).
    """
    size = max(1, _BATCH // (x.shape[1] + 1) ** 2)
    if len(x) > size:
        parts = [polish(function, domain, x[i : i + size], root, steps) for i in range(0, len(x), size)]
        return np.concatenate(parts)
    low, high = domain.chart_bounds
    square_root = root.T @ root
    norm = float(np.square(root).sum())

    def evaluate(z: Float) -> tuple[Float, Float]:
        at = domain.point(z)
        f = function(at)
        w = f @ square_root
        squares, sizes = np.einsum("ij,ij->i", w, f), np.einsum("ij,ij->i", at, at)
        # Where L f is zero up to rounding errors there is nothing to follow.
        told = squares > _ROUNDING**2 * norm * np.einsum("ij,ij->i", f, f)
        squares = np.where(told, squares, np.finfo(np.float64).tiny)
        weights = np.divide(w, squares[:, None], out=np.zeros_like(w), where=told[:, None])
        slope = domain.pull_back(z, function.vjp(at, weights) - at / sizes[:, None])
        slope[((z <= low) & (slope < 0)) | ((z >= high) & (slope > 0))] = 0.0
        slope[~told] = 0.0
        return -0.5 * np.log(squares / sizes), -slope

    z = domain.chart(x).copy()
    count, k = z.shape
    value, gradient = evaluate(z)
    norms = np.linalg.norm(gradient, axis=1)
    inverse = np.eye(k) / np.maximum(norms, _FLAT)[:, None, None]
    fresh = np.ones(count, dtype=bool)
    moving = norms > _FLAT
    direction = -np.einsum("ijk,ik->ij", inverse, gradient)
    length, least, most = np.ones(count), np.zeros(count), np.full(count, np.inf)
    for _ in range(steps):
        active = np.flatnonzero(moving)
        if not active.size:
            break
        trial = np.clip(z[active] + length[active, None] * direction[active], low, high)
        new_value, new_gradient = evaluate(trial)
        descent = np.einsum("ij,ij->i", gradient[active], direction[active])
        short = new_value > value[active] + _SUFFICIENT * length[active] * descent
        flat = ~short & (np.einsum("ij,ij->i", new_gradient, direction[active]) < _CURVATURE * descent)
        flat &= np.any(trial != np.clip(trial + length[active, None] * direction[active], low, high), axis=1)
        most[active[short]] = length[active[short]]
        least[active[flat]] = length[active[flat]]
        taken = ~short & ~flat
        again = active[~taken]
        length[again] = np.where(np.isinf(most[again]), 2 * least[again], (least[again] + most[again]) / 2)
        moving[again] = (length[again] > _REST**2) & (length[again] < 1 / _REST)
        done = active[taken]
        s, g = trial[taken] - z[done], new_gradient[taken] - gradient[done]
        z[done], value[done], gradient[done] = trial[taken], new_value[taken], new_gradient[taken]
        product = np.einsum("ij,ij->i", s, g)
        useful = product > _REST**2 * np.linalg.norm(s, axis=1) * np.linalg.norm(g, axis=1)
        _update(inverse, done[useful], s[useful], g[useful], product[useful], fresh)
        step = -np.einsum("ijk,ik->ij", inverse[done], gradient[done])
        uphill = np.einsum("ij,ij->i", step, gradient[done]) >= 0
        step[uphill] = -gradient[done[uphill]]
        direction[done], length[done], least[done], most[done] = step, 1.0, 0.0, np.inf
        moving[done] = np.linalg.norm(gradient[done], axis=1) > _FLAT
    reached = domain.point(z)
    higher = np.linalg.norm(gain_vectors(function, reached) @ root.T, axis=1) > np.linalg.norm(
        gain_vectors(function, x) @ root.T, axis=1
    )
    return np.where(higher[:, None], reached, x)


def _update(inverse: Float, chosen: NDArray[np.int64], s: Float, g: Float, product: Float, fresh: Any) -> None:
    """The BFGS update of inverse Hessian matrices; before the first one they are scaled to the curvature found."""
    first = fresh[chosen]
    scale = product[first] / np.einsum("ij,ij->i", g[first], g[first])
    inverse[chosen[first]] = np.eye(s.shape[1]) * scale[:, None, None]
    fresh[chosen] = False
    h = np.einsum("ijk,ik->ij", inverse[chosen], g)
    outer = np.einsum("ij,ik->ijk", s, h) / product[:, None, None]
    curvature = (1 + np.einsum("ij,ij->i", g, h) / product) / product
    inverse[chosen] += np.einsum("ij,ik->ijk", s, s) * curvature[:, None, None] - outer - outer.transpose(0, 2, 1)


def require_bounded_gains(
    function: BatchFunction, domain: Domain, rng: np.random.Generator, noise: float = 0.0
) -> None:
    """Refuse maps whose gains grow without end towards zero, if the domain comes near it.

    Parameters
    ----------
    function : BatchFunction
    domain : Domain
    rng : numpy.random.Generator
    noise : float
        Rounding errors of outputs: radii on which outputs are not well above are left out.

    Raises
    ------
    InputError
        If the largest gain grows from each small radius to the next.
    """
    if domain.low > _RADII[0] * domain.high:
        return
    x = domain.sample(rng, _DIRECTIONS)
    x *= domain.high / np.linalg.norm(x, axis=1)[:, None]
    radii = domain.high * np.array(_RADII)
    largest = np.array([np.linalg.norm(gain_vectors(function, part * x), axis=1).max() for part in _RADII])
    told = largest * radii > _ABOVE_NOISE * noise
    largest, radii = largest[told], radii[told]
    if len(largest) > 2 and np.all(largest[1:] > _GROWTH * largest[:-1]):
        raise InputError(
            f"gains |f(x)| / |x| grow without end towards 0 ({largest[0]:.3g} at |x| = {radii[0]:.2g}, "
            f"{largest[-1]:.3g} at {radii[-1]:.2g}), so that the "
            "2-induced norm is infinite and there is no decomposition; take a domain away from 0, such as an Annulus"
        )

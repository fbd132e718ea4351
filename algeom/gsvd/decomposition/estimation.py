"""Admissible axes and gains of a map on a domain: fit to the gains seen, look for larger ones, and fit again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.ellipsoids.minimum_volume import Ellipsoid, minimum_volume_ellipsoid
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Domain
from algeom.gsvd.gains.ascent import ascend, gain_vectors, polish, starting_points
from algeom.gsvd.gains.noise import Resolution
from algeom.runtime.progress import Reporter
from algeom.runtime.seeds import derive

__all__ = ["CoordinateRule", "EllipsoidRule", "Estimate", "Fit", "adversarial_fit"]

Float = NDArray[np.float64]

#: Directions in which the convex hull of the gains is searched before the first round, in dimensions of the space of
#: symmetric matrices, and at most; so many random boundary points of an ellipsoid determine it with probability 1/2,
#: and the rounds add more.
_DIRECTIONS, _MOST_DIRECTIONS = 2, 512
#: Evaluations that finite differences may cost for each step of an ascent, and the starts that are made nevertheless.
_DIFFERENCES, _LEAST_STARTS = 20_000, 4
#: Rounds without a violation before the search ends: each starts from other random points.
_QUIET_ROUNDS = 3
#: Gains inside, above which a point found by a search is kept: it is near the boundary, and a refit may come to it.
_NEAR = 0.9
#: Unit of rounding of double precision.
_DOUBLE = float(np.finfo(np.float64).eps)
#: Gains, or relative gains, that are this many times their noise are not noise.
_ABOVE_NOISE = 4.0


@dataclass(frozen=True, eq=False)
class Fit:
    """Axes (columns of U) and lengths sigma, admissible for given gains; `ellipsoid` for the rule of that name."""

    axes: Float
    sigma: Float
    rank: int
    support: NDArray[np.int64]
    ellipsoid: Ellipsoid | None = None

    @property
    def root(self) -> Float:
        """``Sigma^-1 U^T`` on the span of the gains, shape (rank, p)."""
        return np.asarray((self.axes[:, : self.rank] / self.sigma[: self.rank]).T)

    def scaled(self, factor: float) -> Fit:
        """All lengths times a factor."""
        return Fit(self.axes, self.sigma * factor, self.rank, self.support, self.ellipsoid)


@dataclass(frozen=True, eq=False)
class EllipsoidRule:
    """Axes of the minimum-volume ellipsoid of the gains, with absolute (p,) and relative rounding errors of these."""

    tol: float
    rank_tol: float | None = None
    memory_limit: Any = None
    noise: Float | None = None
    unit: float = _DOUBLE

    def fit(self, gains: Float) -> Fit:
        """The ellipsoid. Directions in which gains are noise do not count for the rank."""
        rank_tol = self.rank_tol
        if rank_tol is None and self.noise is not None:
            sizes = np.abs(gains).max(axis=0)
            told = sizes > _ABOVE_NOISE * self.noise
            floor = max(float((self.noise[told] / sizes[told]).max(initial=0.0)), self.unit)
            rank_tol = max(max(gains.shape) * _DOUBLE, _ABOVE_NOISE * floor)
            gains = np.where(told, gains, 0.0)
        found = minimum_volume_ellipsoid(gains, self.tol, rank_tol=rank_tol, memory_limit=self.memory_limit)
        return Fit(found.axes, found.semi_axes, found.rank, found.support, found)

    def directions(self, fit: Fit, gains: Float) -> tuple[Float, NDArray[np.int64]]:
        """Normals of the ellipsoid at its support, and the points there."""
        root = fit.root
        return gains[fit.support] @ root.T @ root, fit.support


@dataclass(frozen=True, eq=False)
class CoordinateRule:
    """Given axes u_i with coordinate gains ``gamma_i = max |u_i . y|``, all enlarged by the least feasible factor."""

    axes: Float
    noise: Float | None = None
    unit: float = _DOUBLE

    def fit(self, gains: Float) -> Fit:
        """``sigma = c gamma`` with the least c that covers all gains; it is between 1 and sqrt(p)."""
        coordinates = gains @ self.axes
        gamma = np.abs(coordinates).max(axis=0)
        # What outputs are rounded to; along axes that are no coordinates errors of the others count as well.
        rounding = np.abs(self.axes.T) @ np.abs(gains).max(axis=0)
        least = max(len(gains) * _DOUBLE, _ABOVE_NOISE * self.unit) * rounding
        if self.noise is not None:
            least = np.maximum(least, _ABOVE_NOISE * np.abs(self.axes.T) @ self.noise)
        told = gamma > least
        order = np.lexsort((-gamma, ~told))
        gamma, coordinates, rank = gamma[order], coordinates[:, order], int(told.sum())
        gauges = np.linalg.norm(coordinates[:, :rank] / gamma[:rank], axis=1)
        sigma = np.where(np.arange(gamma.size) < rank, gamma, 0.0) * float(gauges.max())
        support = np.unique(np.append(np.abs(coordinates[:, :rank]).argmax(axis=0), gauges.argmax()))
        return Fit(self.axes[:, order], sigma, rank, support)

    def directions(self, fit: Fit, gains: Float) -> tuple[Float, NDArray[np.int64]]:
        """Each axis, and the point of the largest gain along it."""
        largest = np.abs(gains @ fit.axes[:, : fit.rank]).argmax(axis=0)
        return fit.axes[:, : fit.rank].T, largest


@dataclass(frozen=True, eq=False)
class Estimate:
    """What the search found.

    Attributes
    ----------
    fit : Fit
        Admissible for all gains seen.
    inputs, gains : ndarray of float64, shapes (N, n), (N, p)
        The points of the fit.
    norm, witness
        The largest ``|f(x)| / |x|`` seen, less its noise, and where.
    rounds : int
    violation : float
        By how much the largest gauge found in the last round was above 1; sigma is enlarged by it.
    settled : bool
        Whether the last rounds found no violation.
    interrupted : bool
    """

    fit: Fit
    inputs: Float
    gains: Float
    norm: float
    witness: Float
    rounds: int
    violation: float
    settled: bool
    interrupted: bool


def adversarial_fit(
    function: BatchFunction,
    domain: Domain,
    rule: EllipsoidRule | CoordinateRule,
    resolved: Resolution,
    *,
    count: int,
    starts: int,
    rounds: int,
    tol: float,
    seed: int,
    report: Reporter,
) -> Estimate:
    """Fit to random gains, then add gains that violate the fit until none is found.

    Parameters
    ----------
    function : BatchFunction
        With f(0) = 0.
    domain : Domain
    rule : EllipsoidRule or CoordinateRule
    resolved : Resolution
        Points nearer to zero are left out, and what is as small as noise counts as nothing.
    count : int
        Random points to begin with.
    starts : int
        Of each search for violations.
    rounds : int
        At most.
    tol : float
        Relative violation that ends the search.
    seed : int
    report : Reporter

    Returns
    -------
    Estimate

    Notes
    -----
    An exchange method for a semi-infinite program, our own. Each round climbs to local maxima of ``|Sigma^-1 U^T
    y(x)|`` from the points of the largest and of random gauges, and for each point of the support to the boundary of
    the convex hull of all gains along the normal there. The second search keeps points apart that would all climb to
    the same maximum, and for a linear map finds boundary points of its ellipsoid in one step.
    """
    p = function.n_outputs
    domain = domain.without_origin(resolved.part)
    inputs = starting_points(function, domain, derive(seed, "inputs"), count)
    if function.derivatives == "finite differences":
        most = max(_LEAST_STARTS, _DIFFERENCES // (2 * function.n_inputs))
        starts = min(starts, most)
    else:
        most = _MOST_DIRECTIONS
    gains = gain_vectors(function, inputs)
    fit = rule.fit(gains)
    report.start("rounds", rounds)
    done, violation, quiet, interrupted = 0, math.inf, 0, False
    try:
        rng = derive(seed, "directions")
        chosen = rng.standard_normal((min(_DIRECTIONS * p * (p + 1) // 2, most), fit.rank)) @ fit.root
        inputs, gains = _joined(function, inputs, gains, _boundary(function, domain, inputs, gains, chosen))
        best = _largest_norms(function, domain, inputs, gains, starts)
        inputs, gains = _joined(function, inputs, gains, best)
        while done < rounds and quiet < _QUIET_ROUNDS:
            fit = rule.fit(gains)
            found = _violators(function, domain, inputs, gains, fit, starts, derive(seed, "round", done))
            normals, support = rule.directions(fit, gains)
            picked = derive(seed, "support", done).permutation(len(normals))[:most]
            normals, support = _pointing(normals[picked], gains[support[picked]]), support[picked]
            beside = ascend(function, domain, inputs[support], normals)
            beyond = _boundary(function, domain, inputs, gains, fit.axes[:, fit.rank :].T)
            new = np.concatenate([found, beside, beyond])
            new_gains = gain_vectors(function, new)
            gauges = np.linalg.norm(new_gains @ fit.root.T, axis=1)
            level = max(tol, _ABOVE_NOISE * resolved.unit)
            noise = _ABOVE_NOISE * float(np.linalg.norm(resolved.gain_noise))
            outside = np.linalg.norm(new_gains @ fit.axes[:, fit.rank :], axis=1) > max(level * fit.sigma[0], noise)
            violation = max(0.0, float(gauges.max()) - 1)
            allowed = max(level, _ABOVE_NOISE * float(np.linalg.norm(np.abs(fit.root) @ resolved.gain_noise)))
            quiet = quiet + 1 if violation <= allowed and not outside.any() else 0
            kept = (gauges > _NEAR) | outside
            inputs, gains = np.concatenate([inputs, new[kept]]), np.concatenate([gains, new_gains[kept]])
            done += 1
            report.advance(violation=f"{violation:.1e}", points=len(gains))
        best = _largest_norms(function, domain, inputs, gains, starts)
        inputs, gains = _joined(function, inputs, gains, best)
    except KeyboardInterrupt:
        interrupted = True
    try:
        # What the last round found is to be inside as well.
        fit = rule.fit(gains)
    except KeyboardInterrupt:
        interrupted = True
    factor = float(np.linalg.norm(gains @ fit.root.T, axis=1).max())
    errors = np.linalg.norm(resolved.noise) / np.linalg.norm(inputs, axis=1)
    norms = np.linalg.norm(gains, axis=1) * (1 - resolved.unit) - errors
    top = int(norms.argmax())
    return Estimate(
        fit=fit.scaled(max(1.0, factor)),
        inputs=inputs,
        gains=gains,
        norm=float(norms[top]),
        witness=inputs[top],
        rounds=done,
        violation=violation if done else math.nan,
        settled=quiet >= _QUIET_ROUNDS,
        interrupted=interrupted,
    )


def _joined(function: BatchFunction, inputs: Float, gains: Float, new: Float) -> tuple[Float, Float]:
    return np.concatenate([inputs, new]), np.concatenate([gains, gain_vectors(function, new)])


def _pointing(directions: Float, gains: Float) -> Float:
    """Directions with the signs for which the gains have positive components."""
    signs = np.where(np.einsum("ij,ij->i", directions, gains) < 0, -1.0, 1.0)
    return directions * signs[:, None]


def _boundary(function: BatchFunction, domain: Domain, inputs: Float, gains: Float, directions: Float) -> Float:
    """Points whose gains are on the boundary of the symmetric convex hull, locally the furthest in these directions."""
    if not len(directions):
        return inputs[:0]
    start = np.abs(gains @ directions.T).argmax(axis=0)
    return ascend(function, domain, inputs[start], _pointing(directions, gains[start]))


def _largest_norms(function: BatchFunction, domain: Domain, inputs: Float, gains: Float, starts: int) -> Float:
    """Points of locally largest ``|f(x)| / |x|``."""
    identity = np.eye(function.n_outputs)
    first = np.argsort(-np.linalg.norm(gains, axis=1), kind="stable")[:starts]
    return polish(function, domain, inputs[first], identity)


def _violators(
    function: BatchFunction,
    domain: Domain,
    inputs: Float,
    gains: Float,
    fit: Fit,
    starts: int,
    rng: np.random.Generator,
) -> Float:
    """Points of locally largest gauge, from the largest ones, old points and new random ones."""
    gauges = np.linalg.norm(gains @ fit.root.T, axis=1)
    first = np.argsort(-gauges, kind="stable")[: starts // 2]
    others = np.concatenate([inputs[first], domain.sample(rng, starts - len(first))])
    return polish(function, domain, others, fit.root)

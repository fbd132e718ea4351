"""Domains in polar coordinates: radii, boxes, and which pieces of directions and radii meet them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.domains import Annulus, Box, Domain, as_domain, outside_hole
from algeom.gsvd.norms.covering import UNIT, Pieces, orthants, spread

__all__ = ["Polar", "polar"]

Float = NDArray[np.float64]

#: Attacks start no nearer to zero than this part of the largest norm.
_LEAST = 1e-3
#: Points of boxes this near to zero, as a part of the largest norm, are where rays leave a box that they do not meet.
_NOWHERE = 1e-12
#: The largest norm of starts of attacks where the domain has none.
_FAR = 1.0


@dataclass(frozen=True, eq=False)
class Polar:
    """Points with norms between two radii, in a box if there is one.

    Attributes
    ----------
    n_inputs : int
    low, high : float
        High may be infinite.
    box : ndarray of float64, shape (2, n), or None
    """

    n_inputs: int
    low: float
    high: float
    box: Float | None = None

    @property
    def has_all_directions(self) -> bool:
        """Whether every ray from zero meets it: a box has to be around zero, and its sides outside of the hole."""
        if self.box is None:
            return True
        nearest = min(float(-self.box[0].max()), float(self.box[1].min()))
        return nearest > 0 and self.low <= nearest

    def rescaled(self, inputs: int) -> Polar:
        """The points x for which ``2^inputs x`` belongs to it."""
        box = None if self.box is None else np.ldexp(self.box, -inputs)
        return Polar(self.n_inputs, math.ldexp(self.low, -inputs), math.ldexp(self.high, -inputs), box)

    def sphere(self) -> Polar:
        """What is left to look at for maps whose gains depend on directions only."""
        return Polar(self.n_inputs, 1.0, 1.0) if self.has_all_directions else self

    @property
    def _radii(self) -> tuple[float, float]:
        """Norms of points to start from and to go to."""
        high = self.high if math.isfinite(self.high) else max(_FAR, 2 * self.low)
        return max(self.low, _LEAST * high), high

    def region(self) -> Domain:
        """The points to start from and to go to, as a domain."""
        low, high = self._radii
        if self.box is None:
            return Annulus(self.n_inputs, low, high)
        return Box(self.box[0].tolist(), self.box[1].tolist(), low)

    def sample(self, rng: np.random.Generator, count: int) -> Float:
        """Points to start from."""
        if self.box is not None:
            x = rng.uniform(self.box[0], self.box[1], (count, self.n_inputs))
        else:
            x = rng.standard_normal((count, self.n_inputs))
            x *= (rng.uniform(self.low, self._radii[1], count) / np.linalg.norm(x, axis=1))[:, None]
        return self.project(x)

    def project(self, x: Float) -> Float:
        """Points of the domain near points x, away from zero."""
        low, high = self._radii
        if self.box is not None:
            return outside_hole(x, self.box[0], self.box[1], low)
        norms = np.maximum(np.linalg.norm(x, axis=1), np.finfo(np.float64).tiny)
        return np.asarray(x * (np.clip(norms, low, high) / norms)[:, None])

    def on_rays(self, x: Float) -> Float:
        """Points of the domain on the rays through points x != 0, of norm 1 if there are any.

        For rays that miss a box it is another point of the box.
        """
        u = x / np.linalg.norm(x, axis=1)[:, None]
        if self.box is None:
            return np.asarray(u * min(max(1.0, self.low), self.high))
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.sort(self.box / u[:, None, :], axis=1)
        # Along a zero entry nothing changes: the box has the whole ray, or nothing of it.
        starts = np.where(u == 0, -np.inf, ends[:, 0]).max(axis=1)
        stops = np.where(u == 0, np.inf, ends[:, 1]).min(axis=1)
        radii = np.minimum(np.maximum(np.maximum(starts, self.low), np.minimum(1.0, stops)), stops)
        moved = u * np.maximum(radii, 0.0)[:, None]
        return outside_hole(moved, self.box[0], self.box[1], max(self.low, _NOWHERE * self.high))

    def contains(self, x: Float) -> NDArray[np.bool_]:
        """Which points belong to the domain; radii up to rounding."""
        norms = np.linalg.norm(x, axis=1)
        slack = 1 + 8 * self.n_inputs * UNIT
        inside = (norms > 0) & (norms >= self.low / slack) & (norms <= self.high * slack)
        if self.box is not None:
            inside &= np.all((x >= self.box[0]) & (x <= self.box[1]), axis=1)
        return np.asarray(inside)

    def pieces(self) -> Pieces:
        """Orthants to start from."""
        whole = orthants(self.n_inputs, self.low, self.high)
        return whole if self.box is None else whole[self.trim(whole)]

    def trim(self, pieces: Pieces) -> NDArray[np.bool_]:
        """Shorten the intervals of radii (in place) to what a box leaves of them; which pieces may meet the box."""
        kept = np.ones(len(pieces), dtype=bool)
        if self.box is None:
            return kept
        rays, radii = pieces.rays, pieces.radii
        total = spread(rays @ rays.transpose(0, 2, 1))[:, None]
        slack = 1 + 8 * self.n_inputs * UNIT
        # In one orthant an entry has one sign: the box has this side of it, from `near` to `far`.
        positive = rays.max(axis=1) > 0
        far = np.where(positive, self.box[1], -self.box[0])
        near = np.where(positive, self.box[0], -self.box[1])
        least, most = np.abs(rays).min(axis=1) / slack, np.minimum(np.abs(rays).max(axis=1) * total, 1.0) * slack
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.where(least > 0, np.maximum(far, 0.0) / least, np.inf)
            starts = np.where(near > 0, near / most, 0.0)
        kept &= np.all(far >= 0, axis=1)
        radii[:, 1] = np.minimum(radii[:, 1], ends.min(axis=1) * slack)
        radii[:, 0] = np.maximum(radii[:, 0], starts.max(axis=1) / slack)
        return np.asarray(kept & (radii[:, 0] <= radii[:, 1]) & (radii[:, 1] > 0))


def polar(domain: Any, n_inputs: int) -> Polar:
    """A domain in polar coordinates.

    Parameters
    ----------
    domain : None, float, pair of float, or Domain
        As for `algeom.gsvd.functions.domains.as_domain`; None stands for all x.
    n_inputs : int

    Returns
    -------
    Polar

    Raises
    ------
    InputError
        If it is none of these, or for another number of inputs.

    Examples
    --------
    >>> polar((1.0, 2.0), 3).low, polar(None, 3).high
    (1.0, inf)
    """
    region = as_domain(domain, n_inputs)
    if region is None:
        return Polar(n_inputs, 0.0, math.inf)
    if not isinstance(region, Box):
        return Polar(n_inputs, region.low, region.high)
    # Norms of corners are rounded; the box itself is what counts.
    slack = 1 + 8 * n_inputs * UNIT
    return Polar(n_inputs, region.low / slack, region.high * slack, np.array([region.lower, region.upper]))

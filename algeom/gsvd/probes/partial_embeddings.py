"""The known part of embeddings as a function of inputs: values, derivatives, the domain, points to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.gsvd.decomposition.result import GSVD
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Box, Domain, Sphere
from algeom.gsvd.functions.row_norms import quotients
from algeom.maps.tape import noun_count
from algeom.runtime.seeds import derive

__all__ = ["Target"]

Float = NDArray[np.float64]

#: Singular values of the derivative below this part of 1, the size of those of a lift, count as zero: finite
#: differences are exact to about 1e-10, and inputs to a tenth of the square root of the tolerance at folds.
_FREE = 1e-6
#: Least value of ``1 - utilisation^2`` at which the lift is differentiated: its derivative is infinite at 0.
_FLOOR = 1e-8
#: Relative distance from the end of a domain that is rounding.
_END = 1e-13
#: Units of rounding of values of f, as for f(0) in problems: those of a few layers.
_UNITS = 64


@dataclass(frozen=True, eq=False)
class Target:
    """What is to be hit: coordinates of the lift, as a function of d = x - x0.

    Attributes
    ----------
    decomposition : GSVD
    function : BatchFunction
    root : ndarray of float64, shape (p, p)
        ``Sigma^-1 U^T``, with zero rows where sigma is zero.
    ahead, behind : ndarray of int64
        Which coordinates of z_a and of z_b are known.
    goal : ndarray of float64, shape (N, k)
        Their values: those of z_a first.
    region : Domain or None
    name : str
    """

    decomposition: GSVD
    function: BatchFunction
    root: Float
    ahead: NDArray[np.int64]
    behind: NDArray[np.int64]
    goal: Float
    region: Domain | None
    name: str

    @classmethod
    def of(cls, decomposition: GSVD, z: Any, known: Any, region: Domain | None) -> Target:
        """Read the arguments of `algeom.gsvd.reconstruct_inputs`.

        Raises
        ------
        InputError
            If shapes do not fit, or the decomposition has no function or is not strict where that is needed.
        """
        function = decomposition.function
        if function is None:
            raise InputError(
                "this decomposition is of samples without a function, and a search needs one: give f to gsvd() as "
                "well; for complete embeddings there is decomposition.left_inverse(z)"
            )
        p, n = decomposition.n_outputs, decomposition.n_inputs
        rank = decomposition.rank
        root = np.zeros((p, p))
        root[:rank] = (decomposition.U[:, :rank] / decomposition.sigma[:rank]).T
        if isinstance(known, str) and known == "values":
            goal = (as_rows("z", z, p) - decomposition.offset) @ root.T
            return cls(decomposition, function, root, np.arange(p), np.arange(0), goal, region, "outputs")
        which, name = _coordinates(known, p + n)
        rows = as_rows("z", z)
        if rows.shape[1] != len(which):
            raise InputError(
                f"z has {noun_count(rows.shape[1], 'column')}, and {noun_count(len(which), 'coordinate')} of p + n = "
                f"{p + n} are known; give these alone, z[:, known], or name others: known=range({rows.shape[1]})"
            )
        is_ahead = which < p
        if not is_ahead.all() and not decomposition.is_strict:
            raise InputError(
                "the direction of the input is among what is known, and the pair is not strict: the lift has no "
                "derivative where the gain utilisation is 1; take the lift of decomposition.inflate(1.01), and give "
                "that decomposition"
            )
        goal = np.hstack([rows[:, is_ahead], rows[:, ~is_ahead]])
        return cls(decomposition, function, root, which[is_ahead], which[~is_ahead] - p, goal, region, name)

    @property
    def rounding(self) -> float:
        """Error of values of the first part, from those of f(x0 + d) and of the offset."""
        decomposition = self.decomposition
        size = np.linalg.norm(self.root @ decomposition.offset) + np.linalg.norm(decomposition.x0)
        return _UNITS * float(np.finfo(np.float64).eps * size)

    @property
    def width(self) -> int:
        """Numbers of the Jacobian matrix of one point by input, in all its stages."""
        p, n = self.decomposition.n_outputs, self.decomposition.n_inputs
        return p + len(self.ahead) + (n if len(self.behind) else 0) + n

    @property
    def is_complete(self) -> bool:
        """Whether all coordinates are known."""
        return len(self.ahead) + len(self.behind) == self.decomposition.n_outputs + self.decomposition.n_inputs

    def residual(self, d: Float, each: NDArray[np.int64]) -> Float:
        """Known coordinates at points minus the goal of their rows; infinite where there is no lift."""
        g = self.function(d) @ self.root.T
        parts = [g[:, self.ahead]]
        if len(self.behind):
            left = 1 - np.square(self._utilisation(g, d))
            parts.append(np.sqrt(np.maximum(left, 0.0))[:, None] * d[:, self.behind])
            parts[0] = np.where((left >= 0)[:, None], parts[0], np.inf)
        return np.asarray(np.hstack(parts) - self.goal[each])

    def _utilisation(self, g: Float, d: Float) -> Float:
        """``|g| / |d|`` for values g of the first part, 0 where g is rounding: next to x0."""
        known = np.maximum(np.linalg.norm(g, axis=1) - self.rounding, 0.0)
        return quotients(known, np.linalg.norm(d, axis=1))

    def null_shares(self, d: Float) -> Float:
        """Shares ``|z_b| / |z|`` of lifts, 1 at x0."""
        used = self._utilisation(self.function(d) @ self.root.T, d)
        return np.asarray(np.sqrt(np.maximum(1 - np.square(used), 0.0)))

    def jacobian(self, d: Float) -> Float:
        """Derivatives of the known coordinates, shape (B, k, n); at x0 those of a lift without utilisation."""
        by_input = self.root @ self.function.jacobian(d)
        if not len(self.behind):
            return np.asarray(by_input[:, self.ahead])
        g = self.function(d) @ self.root.T
        squares = np.einsum("ij,ij->i", d, d)
        used = np.square(self._utilisation(g, d))
        share = np.sqrt(np.maximum(1 - used, _FLOOR))
        # share^2 = 1 - |g|^2 / |d|^2
        slope = np.einsum("ip,ipn->in", g, by_input) - used[:, None] * d
        slope = np.where(used[:, None] > 0, -quotients(slope, (share * squares)[:, None]), 0.0)
        identity = np.eye(d.shape[1])[self.behind]
        behind = share[:, None, None] * identity + d[:, self.behind, None] * slope[:, None, :]
        return np.concatenate([by_input[:, self.ahead], behind], axis=1)

    def project(self, d: Float) -> Float:
        """The nearest points of the region."""
        if self.region is None:
            return d
        if isinstance(self.region, Box):
            return self.region.point(d)
        norms = np.linalg.norm(d, axis=1)
        wanted = np.clip(norms, self.region.low, self.region.high)
        return np.asarray(d * np.where(norms > 0, quotients(wanted, norms), 1.0)[:, None])

    def along(self, d: Float, jacobian: Float, gradient: Float) -> Float:
        """Derivatives restricted to the directions that do not lead out of the region, where points are at its end."""
        if self.region is None:
            return jacobian
        if isinstance(self.region, Box):
            low, high = (np.array(side) for side in (self.region.lower, self.region.upper))
            ends = ((d <= low) & (gradient > 0)) | ((d >= high) & (gradient < 0))
            return np.asarray(np.where(ends[:, None, :], 0.0, jacobian))
        norms = np.linalg.norm(d, axis=1)
        outward = -np.einsum("ij,ij->i", gradient, d)
        least, most = self.region.low * (1 + _END), self.region.high * (1 - _END)
        ends = (norms > 0) & (((norms >= most) & (outward > 0)) | ((norms <= least) & (outward < 0)))
        ends |= (norms > 0) & (self.region.low == self.region.high)
        unit = np.where(ends[:, None], quotients(d, norms[:, None]), 0.0)
        return np.asarray(jacobian - np.einsum("ikn,in->ik", jacobian, unit)[:, :, None] * unit[:, None, :])

    def freedom(self, d: Float) -> int:
        """The largest dimension, at one of the points, of directions in which nothing known changes."""
        jacobian, used = self.jacobian(d), 0
        if self.region is not None and self.region.low == self.region.high:
            jacobian, used = self.along(d, jacobian, np.zeros_like(d)), 1
        ranks = np.count_nonzero(np.linalg.svd(jacobian, compute_uv=False) > _FREE, axis=1)
        return int(d.shape[1] - used - ranks.min())

    def starts(self, x_start: ArrayLike | None, count: int, seed: int) -> Float:
        """Where to start, shape (N, S, n): what the known coordinates give directly, then points of the region."""
        decomposition, rows = self.decomposition, len(self.goal)
        n = decomposition.n_inputs
        if x_start is not None:
            chosen = as_rows("x_start", x_start, n) - decomposition.x0
            begin = np.tile(chosen, (rows, 1, 1))
        else:
            region = self.region or Sphere(n)
            begin = region.sample(derive(seed, "starts"), rows * count).reshape(rows, count, n)
            if self.region is None:
                begin = self._scaled(begin)
        if len(self.behind):
            direct = np.zeros((rows, 1, n))
            direct[:, 0, self.behind] = self.goal[:, len(self.ahead) :]
            last, whole = np.linalg.norm(direct, axis=2), np.linalg.norm(self.goal, axis=1)[:, None]
            begin = np.concatenate([direct * quotients(whole, last)[:, :, None], begin], axis=1)
        rows, total, n = begin.shape
        begin = self.project(begin.reshape(-1, n)).reshape(rows, total, n)
        found = np.isfinite(self.residual(begin.reshape(-1, n), np.repeat(np.arange(rows), total))).all(axis=1)
        nowhere = ~found.reshape(rows, total).any(axis=1)
        if nowhere.any():
            raise InputError(
                f"{noun_count(int(nowhere.sum()), 'row')} of z, the first is row {int(np.argmax(nowhere))}, have no "
                "starting point at which the lift exists: give x_start where the decomposition covers the map, a "
                "domain, or a decomposition that is inflated more"
            )
        return begin

    def _scaled(self, begin: Float) -> Float:
        """Points on the rays, so far out that what is known there has the norms of the goals, as seen at norm 1."""
        rows, count, n = begin.shape
        flat, each = begin.reshape(-1, n), np.repeat(np.arange(rows), count)
        there = np.linalg.norm(self.residual(flat, each) + self.goal[each], axis=1)
        there = np.where(np.isfinite(there), there, 1.0)
        factor = quotients(np.linalg.norm(self.goal, axis=1)[each], there)
        return np.asarray(begin * np.where(factor > 0, factor, 1.0).reshape(rows, count, 1))


def _coordinates(known: Any, width: int) -> tuple[NDArray[np.int64], str]:
    """Numbers of coordinates, and what to call them."""
    if isinstance(known, str):
        if known == "all":
            return np.arange(width), f"all {width} coordinates"
        raise InputError(f'known={known!r}: choose "all", "values", or give the numbers of the coordinates')
    try:
        which = np.array(list(known))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"known={known!r}: give a sequence of numbers, range(k) for the first k coordinates"
        ) from error
    if which.ndim != 1 or not which.size or which.dtype.kind not in "iu":
        raise InputError(f"known has {which.dtype} entries of shape {which.shape}; give numbers of coordinates, (k,)")
    if which.min() < 0 or which.max() >= width or len(np.unique(which)) < len(which):
        raise InputError(f"known has numbers from {which.min()} to {which.max()}; give different ones below {width}")
    return which.astype(np.int64), f"{len(which)} of {width} coordinates"

"""Nonlinear least squares from many starting points at once, real or complex."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
#: Residuals (r, B) and Jacobians (B, r, n) at points (n, B).
Residuals = Callable[[Array], tuple[Array, Array]]


#: Relative gain in the second half of the iterations below which a minimization counts as settled. Towards an
#: infimum zero that is not attained, gains of 60 percent and more were seen, elsewhere none above 1e-5.
_SETTLED = 1e-3


@dataclass(frozen=True, eq=False)
class Fit:
    """Where minimizations ended.

    Attributes
    ----------
    points : ndarray, shape (n, B)
    norms : ndarray of float64, shape (B,)
        Norms of the residuals there; infinite where the first residuals are not finite.
    settled : ndarray of bool, shape (B,)
        Whether the second half of the iterations gained next to nothing: not so where a minimization creeps towards
        an infimum that is not attained, or towards a zero.
    """

    points: Array
    norms: NDArray[np.float64]
    settled: NDArray[np.bool_]

    @property
    def best(self) -> int:
        """Index of the smallest norm."""
        return int(np.argmin(self.norms))


def fit(residuals: Residuals, starts: Array, *, iterations: int = 300) -> Fit:
    """Minimize sums of squares of residuals from many starting points at once (Levenberg and Marquardt).

    Parameters
    ----------
    residuals : callable
        Residuals (r, B) and Jacobians (B, r, n) at points (n, B); holomorphic where the points are complex.
    starts : ndarray, shape (n, B)
    iterations : int

    Returns
    -------
    Fit

    References
    ----------
    K. Madsen, H. B. Nielsen and O. Tingleff, Methods for non-linear least squares problems (2004), section 3.2.

    Examples
    --------
    >>> def circle_and_line(x):
    ...     values = np.array([x[0] ** 2 + x[1] ** 2 - 2, x[0] - x[1]])
    ...     jacobians = np.array([[2 * x[0], 2 * x[1]], [np.ones(x.shape[1]), -np.ones(x.shape[1])]])
    ...     return values, jacobians.transpose(2, 0, 1)
    >>> found = fit(circle_and_line, np.array([[0.5, -3.0], [1.0, 0.5]]))
    >>> found.points.round(6).tolist(), bool(found.norms.max() < 1e-12)
    ([[1.0, -1.0], [1.0, -1.0]], True)
    """
    points = starts.copy()
    with np.errstate(all="ignore"):
        values, jacobians = residuals(points)
        norms = _norms(values)
        # Absolute, not relative to the present Jacobian: where that tends to zero without a zero residual, the
        # curvature of the map takes over, and steps must not grow.
        sizes = np.maximum((np.abs(jacobians) ** 2).sum(axis=(1, 2)) / points.shape[0], 1e-300)
        damping, growth = 1e-2 * sizes, np.full(len(norms), 2.0)
        alive = np.isfinite(norms) & np.isfinite(jacobians).all(axis=(1, 2))
        norms[~alive] = np.inf
        halfway = norms.copy()
        for iteration in range(iterations):
            if iteration == iterations // 2:
                halfway = norms.copy()
            active = np.flatnonzero(alive)
            if not active.size:
                if iteration <= iterations // 2:
                    halfway = norms
                break
            steps, gains = _damped_steps(values[:, active], jacobians[active], damping[active])
            candidates = points[:, active] + steps
            new_values, new_jacobians = residuals(candidates)
            new_norms = _norms(new_values)
            usable = np.isfinite(new_norms) & np.isfinite(new_jacobians).all(axis=(1, 2))
            better = usable & (new_norms < norms[active])
            ratio = (norms[active] ** 2 - new_norms**2)[better] / np.maximum(gains[better], 1e-300)
            improved, worse = active[better], active[~better]
            points[:, improved] = candidates[:, better]
            values[:, improved], jacobians[improved] = new_values[:, better], new_jacobians[better]
            norms[improved] = new_norms[better]
            damping[improved] *= np.maximum(1 / 3, 1 - (2 * np.minimum(ratio, 1.0) - 1) ** 3)
            damping[improved] = np.maximum(damping[improved], 1e-15 * sizes[improved])
            growth[improved] = 2.0
            damping[worse] *= growth[worse]
            growth[worse] *= 2
            alive[norms == 0] = False
            alive[worse[damping[worse] > 1e15 * sizes[worse]]] = False
    return Fit(points, norms, np.isfinite(norms) & (norms >= (1 - _SETTLED) * halfway))


def _norms(values: Array) -> NDArray[np.float64]:
    return np.asarray(np.sqrt((np.abs(values) ** 2).sum(axis=0)), np.float64)


def _damped_steps(values: Array, jacobians: Array, damping: NDArray[np.float64]) -> tuple[Array, NDArray[np.float64]]:
    """Steps (n, B), and by how much the linear model says that the squared norms decrease."""
    adjoint = jacobians.conj().transpose(0, 2, 1)
    normal = adjoint @ jacobians
    n = normal.shape[1]
    normal[:, np.arange(n), np.arange(n)] += damping[:, None]
    right = -(adjoint @ values.T[:, :, None])
    try:
        steps = np.linalg.solve(normal, right)
    except np.linalg.LinAlgError:
        steps = np.zeros_like(right)  # no descent: the damping grows and the next system is regular
    predicted = values.T[:, :, None] + jacobians @ steps
    gains = (np.abs(values.T) ** 2).sum(axis=1) - (np.abs(predicted[:, :, 0]) ** 2).sum(axis=1)
    return steps[:, :, 0].T, gains

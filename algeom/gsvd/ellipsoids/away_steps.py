"""Minimum-volume ellipsoids by single weights: the Wolfe-Atwood algorithm, which is slow and simple."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: Updates, in dimensions, after which gains are computed afresh: errors of updates add up, and each is far below 1e-13.
_FRESH = 20


def away_step_weights(points: Float, tol: float, most_steps: int) -> tuple[Float, float, int]:
    """Maximize ``log det sum_k u_k y_k y_k^T`` over weights with sum 1, by changing one at a time.

    Parameters
    ----------
    points : ndarray of float64, shape (N, r)
        They span R^r.
    tol : float
        The gap to reach.
    most_steps : int

    Returns
    -------
    weights : ndarray of float64, shape (N,)
    gap : float
        ``max_k g_k / r - 1``; above `tol` only if the steps did not suffice.
    steps : int

    Notes
    -----
    Khachiyan's algorithm moves weight to the point of largest gain ``g_k = y_k^T V^-1 y_k``, by an exact line search:
    the Frank-Wolfe method. Wolfe and Atwood also take weight away from a point of least gain, if that promises more,
    which makes convergence linear in the end [1]_. A step costs one product with all points.

    References
    ----------
    .. [1] M. J. Todd, E. A. Yildirim, On Khachiyan's algorithm for the computation of minimum-volume enclosing
       ellipsoids, Discrete Appl. Math. 155 (2007); S. D. Ahipasaoglu, P. Sun, M. J. Todd, Linear convergence of a
       modified Frank-Wolfe algorithm for computing minimum-volume enclosing ellipsoids, Optim. Methods Softw. 23
       (2008).
    """
    n, r = points.shape
    u = np.full(n, 1 / n)
    steps = 0
    while True:
        inverse = np.linalg.inv((points * u[:, None]).T @ points)
        g = np.einsum("ij,jk,ik->i", points, inverse, points, optimize=True)
        gap = float(g.max()) / r - 1
        if gap <= tol or steps >= most_steps:
            return u, gap, steps
        for _ in range(_FRESH * r):
            positive = np.flatnonzero(u)
            up, down = int(np.argmax(g)), int(positive[np.argmin(g[positive])])
            if g[up] <= r * (1 + tol):
                break
            chosen = up if g[up] - r >= r - g[down] else down
            kappa = float(g[chosen])
            share = (kappa / r - 1) / (kappa - 1) if kappa > 1 else -math.inf
            lowest = -u[chosen] / (1 - u[chosen])
            emptied = share <= lowest
            share = max(share, lowest)
            along = inverse @ points[chosen]
            common = share / (1 - share + share * kappa)
            inverse = (inverse - common * np.outer(along, along)) / (1 - share)
            g = (g - common * np.square(points @ along)) / (1 - share)
            u *= 1 - share
            u[chosen] = 0.0 if emptied else u[chosen] + share
            steps += 1
        u /= u.sum()

"""Newton's method in the weights of a few points: the inner solver for minimum-volume ellipsoids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

#: How far towards the boundary a step goes at most. The usual choice of interior-point methods (0.9 to 0.995).
_TO_BOUNDARY = 0.98
#: Armijo's constant and the shortest step of the line search, both customary; the latter is far below what was seen in
#: any test, where the first step was always taken.
_SUFFICIENT, _SHORTEST = 1e-4, 1e-6
#: How far products of weights and slacks may be from their common target. It bounds the scaling of the Newton matrix,
#: which the proof of convergence needs, and is wide enough not to matter otherwise.
_NEIGHBOURHOOD = 1e4
#: Bounds of the fraction of the duality measure that a step aims at: never more than half of it, nor so little that
#: rounding errors of products decide.
_LEAST_CENTRING, _MOST_CENTRING = 1e-4, 0.5
#: Steps before giving up. Tests with points in general position, on spheres, repeated, nearly repeated, of sizes that
#: differ by e^30 and in lattices needed at most 19 from uniform weights down to a gap of 3e-13.
_MOST_STEPS = 100
#: Steps without progress after which rounding errors are taken to be in the way.
_STALLED = 10
#: From so many points on, in dimensions of the space of symmetric matrices, the smaller of two systems is solved.
_MANY = 2
#: By how much the diagonal of a Newton matrix is raised when it is not numerically positive definite.
_RAISE = 10.0
#: Rounding errors of the objective, relative, which the line search has to put up with.
_ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of points, and how far they are from optimal.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        Positive, with sum 1.
    gap : float
        ``max_k y_k^T V^-1 y_k / r - 1`` over these points.
    iterations : int
        Newton steps, each with one Cholesky factorization of size n.
    """

    values: Float
    gap: float
    iterations: int


def optimal_weights(points: Float, start: Float, tol: float) -> Weights:
    """Maximize ``log det sum_k u_k y_k y_k^T`` over weights u that are nonnegative with sum 1.

    Parameters
    ----------
    points : ndarray of float64, shape (n, r)
        They span R^r, and are scaled such that no direction is much smaller than others.
    start : ndarray of float64, shape (n,)
        Positive.
    tol : float
        The gap to reach, at least about ``100 r`` units of rounding.

    Returns
    -------
    Weights
        Those of the least gap if the steps did not suffice for `tol`.

    Notes
    -----
    The multiplier of the sum is known to be r, so that the problem is the same as to maximize ``log det V(u) - sum u``
    over ``u >= 0``, with sum r at the optimum. With ``g_k = y_k^T V^-1 y_k`` and slacks s the optimality conditions are
    ``g + s = 1, u s = 0``, and Newton's method for ``u s = mu`` has the matrix ``H + diag(s/u)``, where ``H_kl = (y_k^T
    V^-1 y_l)^2``. Since its right-hand side is the gradient of the barrier function ``phi(u) = log det V(u) - sum u +
    mu sum log u``, every step without second-order correction is an ascent direction of phi, which is concave and
    self-concordant, and a line search for phi makes the method converge from every start while mu is the same. The
    correction is Mehrotra's, and is dropped where it would not ascend. The gap bounds the error of the objective: see
    `minimum_volume_ellipsoid`.

    References
    ----------
    P. Sun, R. M. Freund, Computation of minimum-volume covering ellipsoids, Oper. Res. 52 (2004), whose reduced Newton
    method for ellipsoids with free center this is, with their center fixed; S. Mehrotra, On the implementation of a
    primal-dual interior point method, SIAM J. Optim. 2 (1992).
    """
    from scipy.linalg import solve_triangular

    n, r = points.shape
    u = start * (r / start.sum())
    s = np.empty(0)
    iterations, best = 0, Weights(u, np.inf, 0)
    while True:
        whitened = solve_triangular(_factor(points, u), points.T, lower=True, check_finite=False).T
        gradient = np.einsum("ij,ij->i", whitened, whitened) - 1
        gap = float(gradient.max())
        if gap <= tol:
            return Weights(u / u.sum(), gap, iterations)
        if iterations == _MOST_STEPS or iterations - best.iterations > _STALLED:
            return Weights(best.values, best.gap, iterations)
        if not s.size:
            # On the central path sum(u s) is r times the gap. Slacks of violated constraints start at most at 0.05 or
            # the violation, so that their weights are free to grow.
            s = np.maximum(-gradient, np.minimum(gap * r / (n * u), max(gap, 0.05)))
        if gap < best.gap:
            best = Weights(u / u.sum(), gap, iterations)
        iterations += 1
        mu = float(u @ s) / n
        scaling = s / u
        # Rounding errors of a factorization are a few n units, which copies of points have nothing else to set against.
        # A larger diagonal keeps ascent, and only shortens steps.
        solve = _newton_system(whitened, np.maximum(scaling, n * np.finfo(np.float64).eps))
        du = solve(gradient)
        ds = -s - scaling * du
        affine = min(1.0, _longest(u, du), _longest(s, ds))
        ahead = float((u + affine * du) @ (s + affine * ds)) / n
        target = mu * min(max((ahead / mu) ** 3, _LEAST_CENTRING), _MOST_CENTRING)
        uphill = gradient + target / u
        complementarity = target - affine**2 * du * ds
        du = solve(gradient + complementarity / u)
        if uphill @ du <= 0:
            complementarity = np.full(n, target)
            du = solve(uphill)
        ds = complementarity / u - s - scaling * du
        u = _ascend(points, u, du, target, float(uphill @ du))
        s = s + min(1.0, _TO_BOUNDARY * _longest(s, ds)) * ds
        s = np.clip(s, target / (_NEIGHBOURHOOD * u), _NEIGHBOURHOOD * target / u)
        # Along rays log det V(u) - sum u is largest where the sum is r.
        u *= r / u.sum()


def _factor(points: Float, u: Float) -> Float:
    from scipy.linalg import cholesky

    return np.asarray(cholesky((points * u[:, None]).T @ points, lower=True, check_finite=False))


def _newton_system(whitened: Float, diagonal: Float) -> Callable[[Float], Float]:
    """The solver of ``(H + diag(diagonal)) x = b``, where H are the squared inner products of the rows.

    H has the rank r (r + 1) / 2 at most: many points are solved for in the space of symmetric matrices.
    """
    n, r = whitened.shape
    factored = _by_points if n <= _MANY * r * (r + 1) // 2 else _by_symmetric_matrices
    while True:
        try:
            return factored(whitened, diagonal)
        except np.linalg.LinAlgError:
            diagonal = np.maximum(diagonal, _RAISE * float(diagonal.min()))


def _by_points(whitened: Float, diagonal: Float) -> Callable[[Float], Float]:
    from scipy.linalg import cho_factor, cho_solve

    matrix = np.square(whitened @ whitened.T)
    matrix[np.diag_indices(len(matrix))] += diagonal
    factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
    return lambda b: np.asarray(cho_solve(factor, b, check_finite=False))


def _by_symmetric_matrices(whitened: Float, diagonal: Float) -> Callable[[Float], Float]:
    """By the formula of Woodbury, with one step of iterative refinement."""
    from scipy.linalg import cho_factor, cho_solve

    rows, columns = np.triu_indices(whitened.shape[1])
    squares = whitened[:, rows] * whitened[:, columns]
    squares *= np.where(rows == columns, 1.0, np.sqrt(2.0))
    scaled = squares / np.sqrt(diagonal)[:, None]
    schur = scaled.T @ scaled
    schur[np.diag_indices(len(schur))] += 1
    factor = cho_factor(schur, lower=True, overwrite_a=True, check_finite=False)

    def once(b: Float) -> Float:
        inner = cho_solve(factor, (b / diagonal) @ squares, check_finite=False)
        return np.asarray((b - squares @ inner) / diagonal)

    def solve(b: Float) -> Float:
        x = once(b)
        return x + once(b - squares @ (x @ squares) - diagonal * x)

    return solve


def _longest(values: Float, steps: Float) -> float:
    """How often a step can be taken before a value vanishes."""
    shrinking = steps < 0
    return float(np.min(-values[shrinking] / steps[shrinking], initial=np.inf))


def _barrier(points: Float, u: Float, mu: float) -> float:
    log_det = 2 * float(np.log(np.diagonal(_factor(points, u))).sum())
    return log_det - float(u.sum()) + mu * float(np.log(u).sum())


def _ascend(points: Float, u: Float, du: Float, mu: float, slope: float) -> Float:
    """Weights after a step that raises the barrier function sufficiently."""
    length = min(1.0, _TO_BOUNDARY * _longest(u, du))
    here = _barrier(points, u, mu)
    slack = _ROUNDING * max(1.0, abs(here))
    while length > _SHORTEST and _barrier(points, u + length * du, mu) < here + _SUFFICIENT * length * slope - slack:
        length /= 2
    return u + length * du

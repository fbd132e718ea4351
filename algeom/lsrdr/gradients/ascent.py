"""Local maximization of a smooth function by L-BFGS, with a count of its evaluations."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ascent", "ascend"]

Float = NDArray[np.float64]

#: Pairs of steps and gradient changes that L-BFGS keeps. Twice SciPy's default: evaluations cost far more than they do.
_PAIRS = 20

#: What the search sees where the function is -infinity: lower than logarithms of doubles.
_FLOOR = -1e3


@dataclass(frozen=True, eq=False)
class Ascent:
    """Where a search ended.

    Attributes
    ----------
    point : ndarray of float64, shape (n,)
    value : float
    evaluations : int
        Of the function with its gradient.
    seconds : float
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    point: Float
    value: float
    evaluations: int
    seconds: float
    interrupted: bool


def ascend(
    objective: Callable[[Float], tuple[float, Float]],
    start: Float,
    *,
    tol: float,
    max_evaluations: int,
    gain: float = 1e-16,
) -> Ascent:
    """Maximize a function from a start by L-BFGS.

    Parameters
    ----------
    objective : callable
        Value (-inf is allowed) and gradient at a point.
    start : ndarray, shape (n,)
    tol : float
        The search ends where no entry of the gradient is larger.
    max_evaluations : int
        About how many evaluations there are at most: the running step is finished.
    gain : float
        It also ends where a step gains less, relative to the value or to 1 if that is larger; by default, where
        rounding allows no more.

    Returns
    -------
    Ascent
        The best point seen.

    References
    ----------
    R. H. Byrd, P. Lu, J. Nocedal, C. Zhu, A limited memory algorithm for bound constrained optimization, SIAM J. Sci.
    Comput. 16 (1995).

    Examples
    --------
    >>> found = ascend(lambda x: (-(x @ x), -2 * x), np.array([3.0, 4.0]), tol=1e-9, max_evaluations=100)
    >>> bool(abs(found.value) < 1e-12), found.interrupted
    (True, False)
    """
    from scipy.optimize import minimize

    begin = time.perf_counter()
    best, value, evaluations = start.copy(), -math.inf, 0

    def negative(x: Float) -> tuple[float, Float]:
        nonlocal best, value, evaluations
        evaluations += 1
        here, gradient = objective(x)
        if here > value:
            best, value = x.copy(), here
        if not here > _FLOOR:
            return -_FLOOR, np.zeros_like(x)
        return -here, -gradient

    options = {"maxcor": _PAIRS, "ftol": gain, "gtol": tol, "maxiter": max_evaluations, "maxfun": max_evaluations}
    interrupted = False
    try:
        minimize(negative, start, jac=True, method="L-BFGS-B", options=options)
    except KeyboardInterrupt:
        interrupted = True
    return Ascent(best, value, evaluations, time.perf_counter() - begin, interrupted)

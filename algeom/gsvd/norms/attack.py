"""Points with large gains of a map, by projected gradient ascent: lower bounds of norms."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.norms.polar import Polar

__all__ = ["STEPS", "ascent", "attack", "gains"]

Float = NDArray[np.float64]

#: Steps of an attack.
STEPS = 100

#: First steps of an attack, relative to the point, and by how much steps grow after success and shrink after failure.
_STEP, _GROW, _SHRINK = 0.3, 1.5, 0.4


def gains(function: BatchFunction, root: Float | None, x: Float) -> Float:
    """``|L f(x)| / |x|`` for the rows of x."""
    y = function(x)
    return np.asarray(np.linalg.norm(y if root is None else y @ root.T, axis=1) / np.linalg.norm(x, axis=1))


def ascent(
    function: BatchFunction, root: Float | None, domain: Polar, rng: np.random.Generator, starts: int, steps: int
) -> Iterator[Float]:
    """Points of a domain with larger and larger gains, by projected gradient ascent from many starts at once.

    Parameters
    ----------
    function : BatchFunction
    root : ndarray of float64, shape (k, p), optional
    domain : Polar
    rng : numpy.random.Generator
    starts, steps : int

    Yields
    ------
    ndarray of float64, shape (n,)
        The best point before each step and after the last one.

    Notes
    -----
    Steps are relative to |x| and adapted for each start: longer after success, shorter after failure.
    """
    x = domain.sample(rng, starts)
    best = gains(function, root, x)
    length = np.full(starts, _STEP)
    for _ in range(steps):
        yield x[best.argmax()].copy()
        y = function(x)
        weights = y if root is None else y @ root.T @ root
        gradient = function.vjp(x, weights) - best[:, None] ** 2 * x
        size = np.linalg.norm(gradient, axis=1)
        # At kinks and maxima there may be no direction.
        size[size == 0] = 1.0
        norms = np.linalg.norm(x, axis=1)
        trial = domain.project(x + (length * norms / size)[:, None] * gradient)
        values = gains(function, root, trial)
        better = values > best
        x[better], best[better] = trial[better], values[better]
        length *= np.where(better, _GROW, _SHRINK)
    yield x[best.argmax()].copy()


def attack(
    function: BatchFunction,
    root: Float | None,
    domain: Polar,
    rng: np.random.Generator,
    starts: int = 32,
    steps: int = STEPS,
) -> Float:
    """The point of a domain with a large gain that an `ascent` ends at, shape (n,)."""
    return deque(ascent(function, root, domain, rng, starts, steps), maxlen=1)[0]

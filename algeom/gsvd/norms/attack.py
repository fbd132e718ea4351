"""Points with large gains of a map, by local maximization: lower bounds of norms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.gains.ascent import polish
from algeom.gsvd.norms.polar import Polar

__all__ = ["attack", "gains"]

Float = NDArray[np.float64]


def gains(function: BatchFunction, root: Float | None, x: Float) -> Float:
    """``|L f(x)| / |x|`` for the rows of x."""
    y = function(x)
    return np.asarray(np.linalg.norm(y if root is None else y @ root.T, axis=1) / np.linalg.norm(x, axis=1))


def attack(
    function: BatchFunction, root: Float | None, domain: Polar, rng: np.random.Generator, starts: int
) -> tuple[Float, bool]:
    """The point of a domain with the largest gain that a search from many starts finds.

    Parameters
    ----------
    function : BatchFunction
    root : ndarray of float64, shape (k, p), optional
    domain : Polar
    rng : numpy.random.Generator
    starts : int

    Returns
    -------
    point : ndarray of float64, shape (n,)
    interrupted : bool
        Whether it is only the best of the starts.
    """
    x, interrupted = domain.sample(rng, starts), False
    try:
        x = polish(function, domain.region(), x, np.eye(function.n_outputs) if root is None else root)
    except KeyboardInterrupt:
        interrupted = True
    return np.asarray(x[gains(function, root, x).argmax()]), interrupted

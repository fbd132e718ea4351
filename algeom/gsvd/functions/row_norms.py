"""Norms and quotients of the rows of batches, at all scales."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["quotients", "row_norms"]

Float = NDArray[np.float64]


def row_norms(rows: Float) -> Float:
    """Euclidean norms (N,) of the rows of an array (N, n), without overflow or underflow of squares.

    Examples
    --------
    >>> row_norms(np.array([[3e-200, 4e-200], [3e200, 4e200], [0.0, 0.0]]))
    array([5.e-200, 5.e+200, 0.e+000])
    """
    sizes = np.abs(rows).max(axis=1, initial=0.0)
    return np.asarray(sizes * np.linalg.norm(quotients(rows, sizes[:, None]), axis=1))


def quotients(a: Float, b: Float) -> Float:
    """``a / b``, 0 where b is 0.

    Examples
    --------
    >>> quotients(np.array([1.0, 2.0]), np.array([2.0, 0.0]))
    array([0.5, 0. ])
    """
    shape = np.broadcast_shapes(np.shape(a), np.shape(b))
    return np.divide(a, b, out=np.zeros(shape), where=np.broadcast_to(np.asarray(b) != 0, shape))

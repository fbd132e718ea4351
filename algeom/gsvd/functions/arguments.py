"""Checks of batches and vectors that are given as arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["as_rows", "as_vector"]

Float = NDArray[np.float64]


def as_rows(argument: str, values: Any, width: int | None = None) -> Float:
    """A batch of finite numbers, shape (N, width), C-contiguous and not empty.

    Parameters
    ----------
    argument : str
        What the argument is called.
    values : array_like
    width : int, optional
        Any positive number by default.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    InputError
        If it is something else.
    """
    expected = f"(N, {'p' if width is None else width}) with one point a row"
    try:
        rows = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument} is no array of real numbers, shape {expected}: {error}") from error
    if rows.ndim != 2 or not rows.size or width not in (None, rows.shape[1]):
        raise InputError(f"{argument} has the shape {np.shape(values)}; expected {expected}, not empty")
    if not np.all(np.isfinite(rows)):
        worst = int(np.argmin(np.isfinite(rows).all(axis=1)))
        shown = np.array2string(rows[worst][:6], precision=4)
        raise InputError(f"row {worst} of {argument} is not finite: {shown}; leave such points out")
    return rows


def as_vector(argument: str, values: Any, length: int) -> Float:
    """A vector of finite numbers, of this length.

    Raises
    ------
    InputError
        If it is something else.
    """
    try:
        vector = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{argument} is no vector of {length} numbers: {error}") from error
    if vector.shape != (length,) or not np.isfinite(vector).all():
        raise InputError(f"{argument} has the shape {vector.shape}; expected ({length},), all finite")
    return vector

"""Tuples of square matrices of one size: what reductions, similarities and superoperators are made from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["matrix_tuple"]

#: A matrix or an array of matrices, float64 or complex128.
Array = NDArray[Any]

#: Integers up to this size are float64 numbers.
_LARGEST_INTEGER = 2**53


def matrix_tuple(A: Any, name: str = "A") -> Array:
    """Check a tuple of r square matrices of one size and make it one array.

    Parameters
    ----------
    A : array_like, shape (r, n, n)
        An array, or a list of matrices. Integers, booleans and floats give real matrices, complex numbers complex ones.
    name : str
        What the messages call it.

    Returns
    -------
    ndarray, shape (r, n, n)
        float64 or complex128, C-contiguous. The array given if it is one already: nothing is copied, so that large
        tuples are held once.

    Raises
    ------
    InputError
        If there is no matrix (r = 0), the matrices are not square, not all of one size or of size 0, an entry is NaN,
        infinite, no number, or an integer that float64 does not represent.

    Examples
    --------
    >>> matrix_tuple([[[0, 1], [1, 0]], [[1, 0], [0, -1]]]).shape
    (2, 2, 2)
    >>> matrix_tuple([[0, 1], [1, 0]])
    Traceback (most recent call last):
    ...
    algeom.errors.InputError: A has the shape (2, 2); expected r square matrices, shape (r, n, n): for a single ...
    """
    try:
        array: Array = np.asarray(A)
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name} cannot be made an array ({error}); give square matrices of one size, shape (r, n, n)"
        ) from None
    if array.ndim != 3 and array.size and array.dtype.kind in "biufc":
        single = array.ndim == 2 and array.shape[0] == array.shape[1]
        hint = f"for a single matrix give [{name}]" if single else "give a list of square matrices of one size"
        raise InputError(f"{name} has the shape {array.shape}; expected r square matrices, shape (r, n, n): {hint}")
    if array.shape[:1] == (0,):
        raise InputError(f"{name} is a tuple of r = 0 matrices; give at least one")
    array = checked_entries(array, name)
    if array.ndim != 3 or array.shape[1] != array.shape[2] or array.shape[1] == 0:
        raise InputError(
            f"{name} has the shape {array.shape}; expected r square matrices of size at least 1, shape (r, n, n)"
        )
    return np.ascontiguousarray(array)


def checked_entries(array: Array, name: str) -> Array:
    """The array in float64 or complex128, not copied if it is that already.

    Raises
    ------
    InputError
        If an entry is NaN, infinite, no number, or an integer that float64 does not represent.
    """
    kind = array.dtype.kind
    wide = kind in "iu" and array.size and (array.max() > _LARGEST_INTEGER or array.min() < -_LARGEST_INTEGER)
    if wide or (kind == "O" and array.size and all(isinstance(x, int) for x in array.flat)):
        raise InputError(
            f"{name} has integers beyond 2^53 in absolute value, which float64 does not represent; divide by a common "
            "factor, or convert to floats"
        )
    if kind not in "biufc":
        what = type(array.flat[0]).__name__ if array.size else str(array.dtype)
        raise InputError(
            f"{name} has entries of type {what}; expected real or complex numbers in one array of shape (r, n, n) "
            "(convert exact numbers with .astype(float))"
        )
    with np.errstate(over="ignore"):  # what overflows is refused below, with advice
        array = np.asarray(array, dtype=np.complex128 if kind == "c" else np.float64)
    # One matrix at a time: the comparison of a large tuple would take a quarter of its memory.
    for part in array if array.ndim > 1 else array[None]:
        finite = np.isfinite(part)
        if not finite.all():
            raise InputError(
                f"{name} has the entry {part[~finite].flat[0]}; entries have to be finite in double precision"
            )
    return array

"""Filters of one-dimensional convolutions: their matrices, and the filter of several layers one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer, check_integers

__all__ = ["checked_filter", "checked_strides", "compose_filters", "convolution_matrix", "polynomial_product"]


def checked_strides(strides: Sequence[int] | None, layers: int) -> tuple[int, ...]:
    """Strides of all layers as a tuple of positive integers; 1 for each if there are none."""
    if strides is None:
        return (1,) * layers
    given = check_integers("a stride", strides, 1)
    if len(given) != layers:
        raise InputError(f"there are {layers} filters and {len(given)} strides; give one stride a filter")
    return given


def checked_filter(name: str, given: ArrayLike) -> NDArray[Any]:
    """A vector of numbers, exact ones as they are."""
    try:
        w = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name} is no vector of numbers: {error}") from error
    if w.ndim != 1 or w.size == 0 or w.dtype.kind not in "iufcO":
        raise InputError(
            f"{name} has shape {w.shape} and type {w.dtype}; a filter is a vector with at least one number"
        )
    return w


def polynomial_product(left: Sequence[Any], right: Sequence[Any], spread: int) -> list[Any]:
    """Coefficients of left(x) * right(x^spread), lowest first, over any ring."""
    result: list[Any] = [0] * (len(left) + spread * (len(right) - 1))
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            result[i + spread * j] = result[i + spread * j] + a * b
    return result


def compose_filters(filters: Sequence[ArrayLike], strides: Sequence[int] | None = None) -> tuple[NDArray[Any], int]:
    """The one filter and stride by which several convolutional layers act together.

    Parameters
    ----------
    filters : sequence of array_like
        The filters w_1, ..., w_L, the first applied first; w_l has shape (k_l,). Integers and fractions stay exact.
    strides : sequence of int, optional
        The strides s_1, ..., s_L, 1 by default.

    Returns
    -------
    filter : ndarray, shape (k,)
        k = k_1 + sum over l >= 2 of (k_l - 1) s_1 ... s_(l-1).
    stride : int
        The product of the strides.

    Raises
    ------
    InputError
        If there is no filter, one is empty or no vector, or the strides do not fit.

    Notes
    -----
    A layer maps x to the vector with entries sum_j w_j x_(is+j). The coefficients of w_1(x) w_2(x^(s_1))
    w_3(x^(s_1 s_2)) ... are the filter of all layers: Kohn, Merkh, Montufar, Trager, Geometry of linear convolutional
    networks, SIAM J. Appl. Algebra Geometry 6 (2022).

    Examples
    --------
    >>> compose_filters([[1, 2], [3, 5]])
    (array([ 3, 11, 10]), 1)
    >>> compose_filters([[1, 2], [3, 5]], strides=[2, 1])
    (array([ 3,  6,  5, 10]), 2)
    """
    vectors = [checked_filter(f"filter {number}", w) for number, w in enumerate(filters, start=1)]
    if not vectors:
        raise InputError("no filters; give at least one")
    steps = checked_strides(strides, len(vectors))
    # Products of machine integers could overflow; Python's are exact.
    exact = [w.tolist() if w.dtype.kind in "iuO" else w for w in vectors]
    result = list(exact[0])
    for number, w in enumerate(exact[1:], start=1):
        result = polynomial_product(result, list(w), prod(steps[:number]))
    composed = np.array(result)
    return composed, prod(steps)


def convolution_matrix(filter: ArrayLike, stride: int, n: int) -> NDArray[Any]:
    """The matrix of a convolutional layer on vectors of n entries.

    Parameters
    ----------
    filter : array_like, shape (k,)
    stride : int
    n : int
        Entries of the input, at least k.

    Returns
    -------
    ndarray, shape ((n - k) // stride + 1, n)
        Row i has the filter from column i * stride on.

    Raises
    ------
    InputError
        If the filter is no vector, is longer than the input, or the stride is not positive.

    Examples
    --------
    >>> convolution_matrix([1, 2], 2, 5)
    array([[1, 2, 0, 0, 0],
           [0, 0, 1, 2, 0]])
    """
    w = checked_filter("the filter", filter)
    stride = check_integer("stride", stride, 1)
    n = check_integer("n", n, 1)
    if w.size > n:
        raise InputError(f"a filter of {w.size} entries for {n} inputs; a filter has 1 to {n} entries")
    rows = (n - w.size) // stride + 1
    matrix = np.zeros((rows, n), dtype=w.dtype)
    for i in range(rows):
        matrix[i, i * stride : i * stride + w.size] = w
    return matrix

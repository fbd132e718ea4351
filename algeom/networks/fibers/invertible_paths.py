"""Paths of invertible real matrices from the identity, with rational values at rational times."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.networks.fibers.fields import Field, Matrix, PrimeField

__all__ = ["InvertiblePath", "check_ordered", "checked_time"]


class InvertiblePath:
    """A path of invertible matrices from the identity to a matrix with positive determinant.

    Parameters
    ----------
    field : Field
        Q or R.
    matrix : array of shape (n, n)
        Its determinant is positive; n may be 0.

    Notes
    -----
    By Gaussian elimination with partial pivoting the matrix is ``P L D U``: a permutation with signs and determinant 1,
    a lower unitriangular matrix, a positive diagonal one, and an upper unitriangular one. P is a product of rotations
    by a quarter turn in coordinate planes; at time t they turn by the angle with cosine ``(1-t^2)/(1+t^2)`` and sine
    ``2t/(1+t^2)``. The other factors go straight from the identity. So at each t in [0, 1] all factors are invertible,
    and rational if t is.

    Examples
    --------
    >>> from algeom.networks.fibers.fields import Rationals
    >>> path = InvertiblePath(Rationals(), np.array([[0, -2], [1, 1]], dtype=object))
    >>> [path(Fraction(k, 2)).tolist() for k in range(3)]
    [[[1, 0], [0, 1]], [[Fraction(3, 5), Fraction(-9, 10)], [Fraction(4, 5), Fraction(13, 10)]], [[0, -2], [1, 1]]]
    """

    def __init__(self, field: Field, matrix: Matrix) -> None:
        check_ordered(field)
        self.field = field
        self._size = len(matrix)
        permutation, lower, diagonal, upper = _factors(matrix, field)
        signs = np.array([1 if value > 0 else -1 for value in diagonal], dtype=object if field.is_exact else np.float64)
        self._rotations = _quarter_turns(permutation, [int(sign) for sign in signs])
        identity = field.identity(self._size)
        self._lower = (lower * signs) * signs[:, None] - identity
        self._diagonal = diagonal * signs - 1
        self._upper = upper - identity

    def __call__(self, t: Any) -> Matrix:
        """The matrix at a time from 0 to 1: an int or Fraction over Q, where floats are taken exactly."""
        t = checked_time(t, self.field)
        identity = self.field.identity(self._size)
        left = (identity + t * self._lower) * (1 + t * self._diagonal)
        right = identity + t * self._upper
        rows = self.field.multiply(self.field.normalized(left), self.field.normalized(right))
        scale = 1 + t * t
        cosine, sine = (1 - t * t) / scale, 2 * t / scale
        for i, j in reversed(self._rotations):
            rows[i], rows[j] = cosine * rows[i] - sine * rows[j], sine * rows[i] + cosine * rows[j]
        return self.field.normalized(rows)


def checked_time(t: Any, field: Field) -> Any:
    """A time from 0 to 1, as a number of the field.

    Raises
    ------
    InputError
        If it is no number from 0 to 1.
    """
    try:
        time = Fraction(t)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"t={t!r}; give a time from 0 (the start) to 1 (the end)") from None
    if not 0 <= time <= 1:
        raise InputError(f"t={t!r}; give a time from 0 (the start) to 1 (the end)")
    return time if field.is_exact else float(time)


def check_ordered(field: Field) -> None:
    """Refuse fields in which there are no paths.

    Raises
    ------
    InputError
        If it is a prime field.
    """
    if isinstance(field, PrimeField):
        raise InputError(f"weights over {field}: there are no paths over a finite field; give rational or real weights")


def _factors(matrix: Matrix, field: Field) -> tuple[list[int], Matrix, Matrix, Matrix]:
    """Rows in the order of their pivots, and the unitriangular and diagonal factors of the matrix so ordered."""
    size = len(matrix)
    rest = matrix.copy()
    if field.is_exact:
        rest[...] = np.frompyfunc(Fraction, 1, 1)(rest)  # int / int would be a float
    lower = field.identity(size)
    order = list(range(size))
    for k in range(size):
        pivot = k + int(np.argmax(np.abs(rest[k:, k])))
        if pivot != k:
            for array in (rest, lower):
                array[[k, pivot], : k if array is lower else size] = array[[pivot, k], : k if array is lower else size]
            order[k], order[pivot] = order[pivot], order[k]
        factors = rest[k + 1 :, k] / rest[k, k]
        lower[k + 1 :, k] = factors
        rest[k + 1 :] -= np.outer(factors, rest[k])
        rest[k + 1 :, k] = 0
    diagonal = np.diag(rest).copy()
    return order, lower, diagonal, rest / diagonal[:, None]


def _quarter_turns(order: list[int], signs: list[int]) -> list[tuple[int, int]]:
    """Planes (i, j), in which e_i turns to e_j, with product the matrix that sends e_k to ``signs[k] e_order[k]``.

    The determinant of that matrix is 1.
    """
    place, sign = list(order), list(signs)
    turns: list[tuple[int, int]] = []

    def undo(i: int, j: int) -> None:
        """Apply the turn of e_j to e_i and of e_i to -e_j to what is left, and note its inverse."""
        turns.append((i, j))
        for k, current in enumerate(place):
            if current == j:
                place[k] = i
            elif current == i:
                place[k], sign[k] = j, -sign[k]

    for k in range(len(place)):
        if place[k] != k:
            undo(k, place[k])
    negative = [k for k, value in enumerate(sign) if value < 0]
    for i, j in zip(negative[::2], negative[1::2], strict=True):
        undo(i, j)
        undo(i, j)
    return turns

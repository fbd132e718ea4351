"""Sparse terms as arrays: their checks, their canonical form, and the product of two sums of terms."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpz
from numpy.typing import ArrayLike, NDArray

from algeom.algebra.evaluation import Coefficient
from algeom.errors import InputError

#: Exponents stay below this bound, so that sums of exponents never overflow.
EXPONENT_LIMIT = 2**31


def exact(c: Any) -> Coefficient:
    """A coefficient as an int, or as a Fraction that is not an integer."""
    if type(c) is int:
        return c
    if isinstance(c, Fraction):
        q = c
    elif isinstance(c, fmpz | numbers.Integral):
        return int(c)
    elif isinstance(c, fmpq):
        q = Fraction(int(c.p), int(c.q))
    elif isinstance(c, numbers.Rational):
        q = Fraction(int(c.numerator), int(c.denominator))
    else:
        raise InputError(
            f"the coefficient {c!r} is of type {type(c).__name__}; coefficients are exact: give an int or a Fraction "
            "(Fraction(x) is the exact value of a float x)"
        )
    return q.numerator if q.denominator == 1 else q


def default_names(m: int) -> tuple[str, ...]:
    """Names y1, ..., ym."""
    return tuple(f"y{i}" for i in range(1, m + 1))


def checked_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names as a tuple, if they are distinct nonempty strings."""
    if isinstance(names, str):
        raise InputError(f"names is the string {names!r}; give a sequence of names, one for each variable")
    result = tuple(names)
    if not all(isinstance(name, str) and name for name in result):
        raise InputError(f"names are nonempty strings; given {result!r}")
    if len(set(result)) < len(result):
        raise InputError(f"the names of the variables repeat: {result!r}")
    return result


def checked_exponents(exponents: ArrayLike, n_terms: int, m: int | None) -> NDArray[np.int64]:
    """Exponents as int64 of shape (T, m)."""
    array = np.asarray(exponents)
    if array.size == 0 and n_terms == 0:
        if array.ndim != 2 and m is None:
            raise InputError("without terms the number of variables is not known; give names, or exponents (0, m)")
        columns = array.shape[1] if array.ndim == 2 else m
        return np.zeros((0, columns or 0), np.int64)
    if array.ndim != 2 or len(array) != n_terms:
        raise InputError(
            f"the exponents have shape {array.shape}; {n_terms} coefficients need a row of exponents each, "
            "that is shape (terms, variables)"
        )
    if array.dtype.kind not in "iu" and array.size:
        raise InputError(f"exponents are integers; the array given holds {array.dtype}")
    if array.size and (array.min() < 0 or array.max() >= EXPONENT_LIMIT):
        worst = array.min() if array.min() < 0 else array.max()
        raise InputError(f"an exponent is {worst}; exponents of a polynomial lie in [0, 2^31)")
    return array.astype(np.int64)


def canonical(
    exponents: NDArray[np.int64], coefficients: Sequence[Coefficient]
) -> tuple[NDArray[np.int64], tuple[Coefficient, ...]]:
    """Sorted terms, equal exponents merged, zeros dropped."""
    keys = [-exponents[:, i] for i in range(exponents.shape[1] - 1, -1, -1)]
    order = np.lexsort([*keys, -exponents.sum(axis=1)])
    exponents = np.ascontiguousarray(exponents[order])
    ordered = [coefficients[t] for t in order.tolist()]
    if len(ordered) > 1:
        repeats = (exponents[1:] == exponents[:-1]).all(axis=1)
        if repeats.any():
            starts = np.flatnonzero(np.concatenate(([True], ~repeats)))
            ends = [*starts[1:].tolist(), len(ordered)]
            ordered = [exact(sum(ordered[a:b])) for a, b in zip(starts.tolist(), ends, strict=True)]
            exponents = exponents[starts]
    if not all(ordered):
        exponents = exponents[[bool(c) for c in ordered]]
        ordered = [c for c in ordered if c]
    exponents.setflags(write=False)
    return exponents, tuple(ordered)


def check_exponent_sums(left: NDArray[np.int64], right: NDArray[np.int64]) -> int:
    """Largest exponent of a product, after a check that it is in range."""
    if not left.size or not right.size:
        return 0
    largest = int((left.max(axis=0) + right.max(axis=0)).max())
    if largest >= EXPONENT_LIMIT:
        raise InputError(f"the product has an exponent of {largest}; exponents lie in [0, 2^31)")
    return largest


def multiply(
    left: NDArray[np.int64],
    left_coefficients: Sequence[Coefficient],
    right: NDArray[np.int64],
    right_coefficients: Sequence[Coefficient],
) -> tuple[NDArray[np.int64], list[Coefficient]]:
    """Product of two nonempty sums of terms in at least one variable, like terms merged, in no particular order.

    Each exponent vector is packed into one integer, so that exponents add by one addition of integers.

    Examples
    --------
    >>> multiply(np.array([[1], [0]]), [1, 1], np.array([[1], [0]]), [1, -1])
    (array([[2], [1], [0]]), [1, 0, -1])
    """
    largest = check_exponent_sums(left, right)
    dtype = np.dtype(">u1" if largest < 2**8 else ">u2" if largest < 2**16 else ">u4")
    left_keys, right_keys = (
        [int.from_bytes(row.tobytes(), "big") for row in exponents.astype(dtype)] for exponents in (left, right)
    )
    products: dict[int, Coefficient] = {}
    get = products.get
    for right_key, right_c in zip(right_keys, right_coefficients, strict=True):
        for left_key, left_c in zip(left_keys, left_coefficients, strict=True):
            key = left_key + right_key
            products[key] = get(key, 0) + left_c * right_c
    m = left.shape[1]
    data = b"".join(key.to_bytes(m * dtype.itemsize, "big") for key in products)
    exponents = np.frombuffer(data, dtype).reshape(len(products), m).astype(np.int64)
    return exponents, [exact(c) for c in products.values()]

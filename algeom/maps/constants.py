"""Numbers as users write them, taken exactly."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from numbers import Rational
from typing import Any

import numpy as np

from algeom.errors import InputError


def exact_constant(value: Any) -> tuple[Fraction, bool]:
    """The exact rational value of a number, and whether it looks rounded.

    Floats are taken exactly, as the dyadic fractions that they are. A float looks rounded if the decimal that
    Python prints for it is another number: 0.1 and 1/3 do, 0.5 and 3.0 do not.

    Parameters
    ----------
    value : number
        int, bool, Fraction, Decimal, float, NumPy scalar, complex with zero imaginary part, mpmath, python-flint
        or SymPy rational number.

    Returns
    -------
    exact : Fraction
    rounded : bool

    Raises
    ------
    InputError
        If the value is NaN, infinite, not real or not a number.

    Examples
    --------
    >>> exact_constant(0.5), exact_constant(np.int8(3))
    ((Fraction(1, 2), False), (Fraction(3, 1), False))
    >>> exact_constant(0.1)
    (Fraction(3602879701896397, 36028797018963968), True)
    """
    if isinstance(value, (int, np.integer, np.bool_)):
        return Fraction(int(value)), False
    if isinstance(value, (complex, np.complexfloating)):
        if value.imag != 0:
            raise InputError(
                f"the constant {value} is not real; maps have rational constants: "
                "split the map into real and imaginary parts"
            )
        value = value.real
    if isinstance(value, np.floating):
        _check_finite(float(value), value)
        if not isinstance(value, float):  # float16, float32, longdouble
            exact = Fraction(*value.as_integer_ratio())
            return exact, not _prints_as(repr(float(value)), exact)
    if isinstance(value, float):
        _check_finite(value, value)
        exact = Fraction(value)
        return exact, not _prints_as(repr(float(value)), exact)
    if isinstance(value, Decimal):
        _check_finite(float(value), value)
        return Fraction(value), False
    if isinstance(value, Rational):
        return Fraction(int(value.numerator), int(value.denominator)), False
    return _foreign(value)


def _foreign(value: Any) -> tuple[Fraction, bool]:
    """Numbers of other libraries, recognized by what they offer, so that none has to be imported."""
    if hasattr(value, "man_exp") and hasattr(value, "_mpf_"):  # mpmath.mpf
        _check_finite(float(value), value)
        sign, mantissa, exponent, _ = value._mpf_
        magnitude = Fraction(int(mantissa)) * Fraction(2) ** exponent
        return -magnitude if sign else magnitude, magnitude.denominator != 1
    if type(value).__module__.startswith("flint"):
        try:
            if hasattr(value, "p") and hasattr(value, "q"):
                return Fraction(int(value.p), int(value.q)), False
            return Fraction(int(value)), False
        except (TypeError, ValueError):
            pass
    if getattr(value, "is_Float", False):
        _check_finite(float(value), value)
        return exact_constant(value._to_mpmath(value._prec))
    raise InputError(
        f"{value!r} of type {type(value).__name__} is not a number that a map can have as a constant; "
        "use int, Fraction or float"
    )


def _check_finite(as_float: float, value: Any) -> None:
    if not math.isfinite(as_float):
        raise InputError(f"the constant {value} is not finite; maps have finite constants")


def _prints_as(text: str, exact: Fraction) -> bool:
    return Fraction(text) == exact

"""Enclosures of difference quotients of activations from a fixed point, over intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.layers import Activation
from algeom.gsvd.norms.covering import UNIT

Float = NDArray[np.float64]

#: Below, quotients come from Taylor's formula, above from values: both are then good to 1e-8.
_SMALL = 1e-4
#: Errors of values of exponential functions, in units of roundoff.
_VALUE_ERROR = 8.0
#: Bisections for the largest quotient: to the last bit.
_BISECTIONS = 60
#: A largest quotient that is this near to an interval, relative to the point, counts as inside: it is flat there.
_NEAR_PEAK = 1e-6


@dataclass(frozen=True)
class _Smooth:
    """Second derivative of an activation, with bounds of the second and third: (s)econd as a function of z."""

    is_convex: bool
    second_bound: float
    third_bound: float

    @staticmethod
    def second(name: str, z: Float) -> Float:
        """The second derivative."""
        if name == "tanh":
            t = np.tanh(z)
            return np.asarray(-2.0 * t * (1.0 - t * t))
        s = 0.5 * (1.0 + np.tanh(0.5 * z))
        first = s * (1.0 - s)
        return np.asarray(first if name == "softplus" else first * (1.0 - 2.0 * s))


#: Bounds: |tanh''| <= 4 / (3 sqrt 3), |tanh'''| <= 2; |sigmoid''| <= 1 / (6 sqrt 3), |sigmoid'''| <= 1 / 8;
#: |softplus''| <= 1 / 4, |softplus'''| <= 1 / (6 sqrt 3).
_SMOOTH = {
    "tanh": _Smooth(False, 0.7699, 2.0),
    "sigmoid": _Smooth(False, 0.0963, 0.125),
    "softplus": _Smooth(True, 0.25, 0.0963),
}


class Quotients:
    """Difference quotients ``(act(z + d) - act(z)) / d`` of neurons with fixed z.

    Parameters
    ----------
    activation : Activation
    z : ndarray of float64, shape (k,)
    errors : ndarray of float64, shape (k,)
        How far z may be off.
    """

    def __init__(self, activation: Activation, z: Float, errors: Float) -> None:
        self.activation, self.z, self.errors = activation, z, errors
        self.smooth = _SMOOTH.get(activation.name)
        if self.smooth is None:
            ends = activation.value(np.array([1.0, -1.0]))
            self.plus, self.minus = float(ends[0]), -float(ends[1])
        elif not self.smooth.is_convex:
            self.peak, self.largest = self._largest()

    def __call__(self, low: Float, high: Float) -> tuple[Float, Float]:
        """Lower and upper bounds (B, k) over the d != 0 in intervals (B, k) that lie on one side of zero.

        Notes
        -----
        A quotient is the mean of the slope between z and z + d. For convex activations it increases with d and with z.
        For tanh and the logistic function, whose slopes increase up to zero and decrease after it, it increases with d
        up to one point and decreases after it.
        """
        if self.smooth is None:
            at_kink = np.where(low >= 0, 1.0, 0.0)
            first = self._piecewise(self.z - self.errors, low, at_kink)
            second = self._piecewise(self.z + self.errors, high, at_kink)
            return first - 8 * UNIT, second + 8 * UNIT
        first, first_error = self._values(low)
        second, second_error = self._values(high)
        error = np.maximum(first_error, second_error) + self.smooth.second_bound * self.errors
        least, most = np.minimum(first, second), np.maximum(first, second)
        if not self.smooth.is_convex:
            near = _NEAR_PEAK * (1 + np.abs(self.z))
            inside = (low - near <= self.peak) & (self.peak <= high + near)
            most = np.where(inside, self.largest, most)
        bottom, top = self.activation.slopes
        return np.maximum(least - error, bottom), np.minimum(most + error, top)

    def _piecewise(self, z: Float, d: Float, at_kink: Float) -> Float:
        """Slopes weighted by the parts of [z, z + d] on both sides of the kink at zero."""
        end = z + d
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = np.where(d > 0, end / d, -z / d)
        part = np.where((z >= 0) & (end >= 0), 1.0, np.where((z <= 0) & (end <= 0), 0.0, crossing))
        part = np.where((z == 0) & (d == 0), at_kink, part)
        return np.asarray(self.minus + (self.plus - self.minus) * part)

    def _values(self, d: Float) -> tuple[Float, Float]:
        """Quotients at d and bounds of their errors."""
        assert self.smooth is not None
        name, value = self.activation.name, self.activation.value
        small = np.abs(d) < _SMALL
        safe = np.where(small, 1.0, d)
        end = value(self.z + safe)
        here = value(self.z)
        quotient = (end - here) / safe
        error = _VALUE_ERROR * UNIT * (np.abs(end) + np.abs(here) + np.abs(self.z)) / np.abs(safe)
        taylor = self.activation.slope(self.z) + 0.5 * d * self.smooth.second(name, self.z)
        taylor_error = self.smooth.third_bound * d * d / 6 + _VALUE_ERROR * UNIT
        return np.where(small, taylor, quotient), np.where(small, taylor_error, error + _VALUE_ERROR * UNIT)

    def _largest(self) -> tuple[Float, Float]:
        """Where the quotient is largest, and upper bounds of it.

        There the slope at z + d equals the quotient; that point lies between the maximum of the slope, d = -z, and its
        mirror image d = -2 z.
        """
        inner, outer = -self.z, -2.0 * self.z
        for _ in range(_BISECTIONS):
            middle = 0.5 * (inner + outer)
            beyond = self.activation.slope(self.z + middle) < self._values(middle)[0]
            inner, outer = np.where(beyond, inner, middle), np.where(beyond, middle, outer)
        values, errors = self._values(inner)
        flat = self.activation.slope(self.z + inner)
        return inner, np.minimum(np.maximum(values, flat) + errors + _NEAR_PEAK**2, self.activation.slopes[1])

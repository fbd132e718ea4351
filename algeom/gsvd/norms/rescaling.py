"""Maps in other units of inputs and outputs, powers of two, in a form that keeps what is known of their structure."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.batch_functions import BatchFunction, as_function
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.maps import PolynomialMap, polynomial_map

__all__ = ["exponent", "rescaled"]

Float = NDArray[np.float64]

#: Powers of two up to this one are left alone: products of a hundred such numbers are far from overflow.
_NEAR = 8


def exponent(size: float) -> int:
    """The power of two that brings a number near 1; zero if it is not far from 1, or zero or infinite.

    Examples
    --------
    >>> exponent(3.0), exponent(2.0**100), exponent(0.0), exponent(float("inf"))
    (0, 101, 0, 0)
    """
    power = math.frexp(size)[1] if 0 < size < math.inf else 0
    return power if abs(power) > _NEAR else 0


def rescaled(function: BatchFunction, inputs: int, outputs: int) -> BatchFunction:
    """The map ``x -> 2^-outputs f(2^inputs x)``, exact but for underflow.

    Parameters
    ----------
    function : BatchFunction
    inputs, outputs : int

    Returns
    -------
    BatchFunction
        Layers stay layers and polynomial maps stay polynomial maps.

    Examples
    --------
    >>> from algeom.gsvd.functions.batch_functions import as_function
    >>> rescaled(as_function([[2.0**900]]), 2, 901)(np.array([[1.0]]))
    array([[2.]])
    """
    if not inputs and not outputs:
        return function
    if function.layers is not None:
        return as_function(_rescaled_layers(function.layers, inputs, outputs))
    if function.polynomials is not None:
        return as_function(_rescaled_polynomials(function.polynomials, inputs, outputs))
    analytic: dict[str, Any] = {}
    if function.derivatives == "analytic":
        change = inputs - outputs
        analytic = {
            "vjp": lambda x, w: np.ldexp(function.vjp(np.ldexp(x, inputs), w), change),
            "jacobian": lambda x: np.ldexp(function.jacobian(np.ldexp(x, inputs)), change),
        }

    def value(x: Float) -> Float:
        return np.ldexp(function(np.ldexp(x, inputs)), -outputs)

    return BatchFunction(value, function.n_inputs, function.source, n_outputs=function.n_outputs, **analytic)


def _rescaled_layers(layers: Layers, inputs: int, outputs: int) -> Layers:
    first, *rest = layers.layers
    if not rest and first.activation.is_homogeneous:
        # In one step: either one alone could overflow.
        bias = None if first.bias is None else np.ldexp(first.bias, -outputs)
        return Layers([Dense(np.ldexp(first.weight, inputs - outputs), bias, first.activation.name)])
    parts = [Dense(np.ldexp(first.weight, inputs), first.bias, first.activation.name), *rest]
    last = parts[-1]
    if last.activation.is_homogeneous:
        bias = None if last.bias is None else np.ldexp(last.bias, -outputs)
        parts[-1] = Dense(np.ldexp(last.weight, -outputs), bias, last.activation.name)
    else:
        parts.append(Dense(np.ldexp(np.eye(layers.n_outputs), -outputs)))
    return Layers(parts)


def _rescaled_polynomials(phi: PolynomialMap, inputs: int, outputs: int) -> PolynomialMap:
    before, after = Fraction(2) ** inputs, Fraction(2) ** -outputs

    def moved(x: Any) -> Any:
        values = phi([before * entry for entry in x])
        return [after * values[k] for k in range(phi.n_coordinates)]

    return polynomial_map(moved, n_parameters=phi.n_parameters, names=phi.names)

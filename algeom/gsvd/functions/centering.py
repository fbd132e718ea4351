"""Maps moved so that they take zero to zero, in a form that keeps what is known of their structure."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.batch_functions import BatchFunction, as_function
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.maps import PolynomialMap, polynomial_map

__all__ = ["centered"]

Float = NDArray[np.float64]


def centered(function: BatchFunction, x0: Float, offset: Float) -> BatchFunction:
    """The map ``d -> f(x0 + d) - offset``.

    Parameters
    ----------
    function : BatchFunction
    x0 : ndarray of float64, shape (n,)
    offset : ndarray of float64, shape (p,)

    Returns
    -------
    BatchFunction
        The function itself if both are zero. Layers stay layers and polynomial maps stay polynomial maps, so that what
        is proved about such maps applies. If the offset is f(x0) as computed or as rounded, f(x0) itself is subtracted:
        polynomial maps then have no constant terms, and affine layers no biases.

    Examples
    --------
    >>> from algeom.gsvd.functions.batch_functions import as_function
    >>> moved = centered(as_function(lambda x: x**2, n_inputs=1), np.array([3.0]), np.array([9.0]))
    >>> moved(np.array([[1.0]]))
    array([[7.]])
    """
    if not x0.any() and not offset.any():
        return function
    if function.layers is not None:
        return as_function(_moved_layers(function.layers, x0, offset))
    if function.polynomials is not None:
        is_value = np.array_equal(offset, function(x0[None])[0])
        return as_function(_moved_polynomials(function.polynomials, x0, offset, is_value))
    analytic: dict[str, Any] = {}
    if function.derivatives == "analytic":
        analytic = {"vjp": lambda d, w: function.vjp(d + x0, w), "jacobian": lambda d: function.jacobian(d + x0)}

    def value(d: Float) -> Float:
        return function(d + x0) - offset

    return BatchFunction(value, function.n_inputs, function.source, n_outputs=function.n_outputs, **analytic)


def _moved_layers(layers: Layers, x0: Float, offset: Float) -> Layers:
    first, *rest = layers.layers
    # A layer computes W (x0 + d) + b.
    parts = [Dense(first.weight, first.before(x0), first.activation.name), *rest]
    if all(part.activation.name == "identity" for part in parts) and np.array_equal(offset, layers(x0[None])[0]):
        return Layers([Dense(part.weight) for part in parts])
    last = parts[-1]
    if last.activation.name == "identity":
        parts[-1] = Dense(last.weight, (0.0 if last.bias is None else last.bias) - offset)
    else:
        parts.append(Dense(np.eye(layers.n_outputs), -offset))
    return Layers(parts)


def _moved_polynomials(phi: PolynomialMap, x0: Float, offset: Float, is_value: bool) -> PolynomialMap:
    start = [Fraction(v) for v in x0.tolist()]
    exact = phi(start)
    if is_value or np.array_equal(offset, np.array(exact, dtype=np.float64)):
        end = [Fraction(v) for v in exact]
    else:
        end = [Fraction(v) for v in offset.tolist()]

    def moved(d: Any) -> Any:
        values = phi([entry + shift for entry, shift in zip(d, start, strict=True)])
        return [values[k] - end[k] for k in range(phi.n_coordinates)]

    return polynomial_map(moved, n_parameters=phi.n_parameters, names=phi.names)

"""Networks of dense layers in NumPy: values, derivatives and what their structure proves about them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError

__all__ = ["ACTIVATIONS", "Activation", "Dense", "Layers"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Activation:
    """A function that acts on every entry.

    Attributes
    ----------
    name : str
    value, slope : callable
        The function and a derivative (at kinks one of the one-sided ones).
    slopes : pair of float
        Bounds of all difference quotients.
    is_homogeneous : bool
        Whether f(a x) = a f(x) for a >= 0: then it is linear on both half-lines.
    """

    name: str
    value: Callable[[Float], Float]
    slope: Callable[[Float], Float]
    slopes: tuple[float, float]
    is_homogeneous: bool

    @property
    def lipschitz(self) -> float:
        """The least Lipschitz constant that the slopes give."""
        return max(map(abs, self.slopes))


#: Slope of the negative half-line of "leaky_relu", torch's default.
_LEAK = 0.01


def _relu(x: Float) -> Float:
    return np.asarray(np.maximum(x, 0.0), dtype=np.float64)


def _leaky_slope(x: Float) -> Float:
    return np.where(x > 0, 1.0, _LEAK)


def _sigmoid(x: Float) -> Float:
    # Half a hyperbolic tangent: no overflow.
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def _tanh_slope(x: Float) -> Float:
    return np.asarray(1.0 - np.tanh(x) ** 2, dtype=np.float64)


def _softplus(x: Float) -> Float:
    return np.asarray(np.logaddexp(0.0, x), dtype=np.float64)


ACTIVATIONS = {
    a.name: a
    for a in (
        Activation("identity", lambda x: x, np.ones_like, (1.0, 1.0), True),
        Activation("relu", _relu, lambda x: np.where(x > 0, 1.0, 0.0), (0.0, 1.0), True),
        Activation("leaky_relu", lambda x: x * _leaky_slope(x), _leaky_slope, (_LEAK, 1.0), True),
        Activation("abs", np.abs, np.sign, (-1.0, 1.0), True),
        Activation("tanh", np.tanh, _tanh_slope, (0.0, 1.0), False),
        Activation("sigmoid", _sigmoid, lambda x: _sigmoid(x) * _sigmoid(-x), (0.0, 0.25), False),
        Activation("softplus", _softplus, _sigmoid, (0.0, 1.0), False),
    )
}


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Dense:
    """One layer x -> activation(W x + b).

    Parameters
    ----------
    weight : array_like of float, shape (outputs, inputs)
    bias : array_like of float, shape (outputs,), optional
    activation : str
        One of "identity", "relu", "leaky_relu" (slope 0.01), "abs", "tanh", "sigmoid", "softplus".

    Raises
    ------
    InputError
        If shapes do not fit, numbers are not finite, or the activation is none of these.

    Examples
    --------
    >>> Dense([[1.0, 2.0]], activation="relu")
    Dense(2 -> 1, relu)
    """

    weight: Float
    bias: Float | None
    activation: Activation

    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None, activation: str = "identity") -> None:
        w = np.array(weight, dtype=np.float64)
        b = None if bias is None else np.array(bias, dtype=np.float64)
        if w.ndim != 2 or not w.size:
            raise InputError(f"a weight of shape {w.shape}; give (outputs, inputs), both positive")
        if b is not None and b.shape != (len(w),):
            raise InputError(f"a bias of shape {b.shape} for {len(w)} outputs; give ({len(w)},) or None")
        if not np.isfinite(w).all() or (b is not None and not np.isfinite(b).all()):
            raise InputError("weights or biases are not finite; was the network trained until it diverged?")
        if activation not in ACTIVATIONS:
            raise InputError(
                f"activation {activation!r}; choose one of {', '.join(ACTIVATIONS)}, or give f as a callable"
            )
        object.__setattr__(self, "weight", w)
        object.__setattr__(self, "bias", b if b is not None and b.any() else None)
        object.__setattr__(self, "activation", ACTIVATIONS[activation])

    @property
    def n_inputs(self) -> int:
        """Entries of x."""
        return int(self.weight.shape[1])

    @property
    def n_outputs(self) -> int:
        """Entries of the output."""
        return int(self.weight.shape[0])

    def before(self, x: Float) -> Float:
        """W x + b for the rows of x."""
        z = x @ self.weight.T
        return z if self.bias is None else z + self.bias

    def __repr__(self) -> str:
        bias = "" if self.bias is None else ", bias"
        return f"Dense({self.n_inputs} -> {self.n_outputs}{bias}, {self.activation.name})"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Layers:
    """A network of dense layers, the first applied first; a function of batches of rows.

    Examples
    --------
    >>> network = Layers([Dense([[1.0], [-1.0]], activation="relu"), Dense([[2.0, 1.0]])])
    >>> network(np.array([[3.0], [-3.0]]))
    array([[6.],
           [3.]])
    >>> network.is_positively_homogeneous, network.lipschitz_bound
    (True, 3.16...)
    """

    layers: tuple[Dense, ...]

    def __init__(self, layers: Sequence[Dense]) -> None:
        given = tuple(layers)
        if not given or not all(isinstance(layer, Dense) for layer in given):
            raise InputError("layers has to be a sequence of one or more Dense layers")
        for number, (first, second) in enumerate(pairwise(given), start=1):
            if first.n_outputs != second.n_inputs:
                raise InputError(
                    f"layer {number} has {first.n_outputs} outputs and the next one takes {second.n_inputs} inputs"
                )
        object.__setattr__(self, "layers", given)

    @property
    def n_inputs(self) -> int:
        """Entries of an input."""
        return self.layers[0].n_inputs

    @property
    def n_outputs(self) -> int:
        """Entries of an output."""
        return self.layers[-1].n_outputs

    @property
    def has_biases(self) -> bool:
        """Whether a bias is not zero."""
        return any(layer.bias is not None for layer in self.layers)

    @property
    def is_linear(self) -> bool:
        """Whether it is a product of matrices."""
        return not self.has_biases and all(layer.activation.name == "identity" for layer in self.layers)

    @property
    def is_positively_homogeneous(self) -> bool:
        """Whether f(a x) = a f(x) for a >= 0, as for ReLU networks without biases."""
        return not self.has_biases and all(layer.activation.is_homogeneous for layer in self.layers)

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether it is linear, up to constants, on finitely many regions."""
        return all(layer.activation.is_homogeneous for layer in self.layers)

    @property
    def lipschitz_bound(self) -> float:
        """Product of the spectral norms and of the largest slopes: an upper bound of the Lipschitz constant."""
        bound = 1.0
        for layer in self.layers:
            bound *= float(np.linalg.norm(layer.weight, 2)) * layer.activation.lipschitz
        return bound

    def __call__(self, x: Any) -> Float:
        """Outputs (N, p) of inputs (N, n)."""
        values = np.asarray(x, dtype=np.float64)
        for layer in self.layers:
            values = layer.activation.value(layer.before(values))
        return values

    def vjp(self, x: Float, w: Float) -> Float:
        """Gradients (N, n) of the sums of w * f(x), row by row."""
        return self.backward(x, w)[0]

    def backward(self, x: Float, w: Float) -> tuple[Float, list[tuple[Float, Float]]]:
        """Gradients of the sum of w * f(x): by the inputs, row by row, and by the weight and bias of each layer."""
        inputs, slopes, values = [], [], x
        for layer in self.layers:
            before = layer.before(values)
            inputs.append(values)
            slopes.append(layer.activation.slope(before))
            values = layer.activation.value(before)
        gradient, weights = w, []
        for layer, given, slope in zip(reversed(self.layers), reversed(inputs), reversed(slopes), strict=True):
            outer = gradient * slope
            weights.append((outer.T @ given, outer.sum(axis=0)))
            gradient = outer @ layer.weight
        return gradient, weights[::-1]

    def jacobian(self, x: Float) -> Float:
        """Jacobian matrices, shape (N, p, n)."""
        values = x
        result = np.broadcast_to(np.eye(self.n_inputs), (len(x), self.n_inputs, self.n_inputs))
        for layer in self.layers:
            before = layer.before(values)
            result = layer.activation.slope(before)[:, :, None] * (layer.weight @ result)
            values = layer.activation.value(before)
        return result

    def __repr__(self) -> str:
        return f"Layers({', '.join(map(repr, self.layers))})"

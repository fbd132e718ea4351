"""Networks prepared for certified bounds: linear layers multiplied out, neurons rescaled, and the errors of that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.layers import Activation, Dense, Layers
from algeom.gsvd.norms.covering import UNIT, dot_error, spectral_norm

__all__ = ["FoldedLayer", "folded", "size_of_product"]

Float = NDArray[np.float64]

#: Rounds of rescaling through all layers: scales of outputs reach layers this far before the last one.
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class FoldedLayer:
    """A layer x -> activation(W x + b) whose weight and bias may be products, known up to rounding.

    Attributes
    ----------
    weight : ndarray of float64, shape (outputs, inputs)
    bias : ndarray of float64, shape (outputs,)
    activation : Activation
    weight_size, bias_size : ndarray of float64
        The same without cancellation: sums of absolute values.
    terms : int
        Weight and bias are off by no more than ``dot_error(terms)`` times these.
    product : float
        The product of the spectral norms of all factors: rounding errors are relative to this.
    """

    weight: Float
    bias: Float
    activation: Activation
    weight_size: Float
    bias_size: Float
    terms: int
    product: float

    @classmethod
    def of(cls, weight: Float, bias: Float, activation: Activation) -> FoldedLayer:
        """A layer with exact weights."""
        return cls(weight, bias, activation, np.abs(weight), np.abs(bias), 0, spectral_norm(weight))

    def then(self, second: FoldedLayer) -> FoldedLayer:
        """One layer for this one, which has to be linear, and another one."""
        inner = len(self.weight)
        return FoldedLayer(
            second.weight @ self.weight,
            second.weight @ self.bias + second.bias,
            second.activation,
            second.weight_size @ self.weight_size,
            second.weight_size @ self.bias_size + second.bias_size,
            # The sums of absolute values are rounded as well.
            self.terms + second.terms + 2 * inner + 4,
            self.product * second.product * (1 + UNIT),
        )

    @property
    def norm(self) -> float:
        """The spectral norm of the weight, rounded up."""
        errors = dot_error(self.terms) * float(np.linalg.norm(self.weight_size))
        computed = (spectral_norm(self.weight) + errors) * (1 + dot_error(self.weight.size + 4))
        return min(computed, self.product)

    def before(self, x: Float) -> Float:
        """W x + b for the rows of x."""
        return x @ self.weight.T + self.bias


def folded(layers: Layers, root: Float | None = None) -> list[FoldedLayer]:
    """Layers that compute ``root f``, as few as possible, none linear but the last.

    Parameters
    ----------
    layers : Layers
    root : ndarray of float64, shape (k, p), optional

    Returns
    -------
    list of FoldedLayer

    Notes
    -----
    Neurons with ``act(a z) = a act(z)`` for a > 0 are rescaled by powers of two, which is exact, so that the weights
    into each and out of it are about equal, where this makes the product of the spectral norms smaller. Then linear
    layers are multiplied into the next ones: ``|A B| <= |A| |B|``, also entry by entry.

    Examples
    --------
    >>> network = Layers([Dense([[1e10, 0.0], [0.0, 1.0]], activation="relu"), Dense([[1e-10, 1.0]])])
    >>> [round(part.norm, 2) for part in folded(network)]
    [1.16, 1.32]
    """
    parts = [*layers.layers] if root is None else [*layers.layers, Dense(root)]
    biases = [np.zeros(len(part.weight)) if part.bias is None else part.bias for part in parts]
    weights = [part.weight for part in parts]
    activations = [part.activation for part in parts]
    balanced = _balanced(weights, biases, activations)
    if _product(balanced[0]) < _product(weights):
        weights, biases = balanced
    first, *rest = map(FoldedLayer.of, weights, biases, activations)
    result = [first]
    for part in rest:
        if result[-1].activation.name == "identity":
            result[-1] = result[-1].then(part)
        else:
            result.append(part)
    return result


def size_of_product(layers: Layers) -> float:
    """The binary logarithm of about the product of the norms of rescaled layers and of their slopes.

    Examples
    --------
    >>> size_of_product(Layers([Dense([[2.0**900]]), Dense([[2.0**900]], activation="sigmoid")]))
    1798.0
    """
    weights = [part.weight for part in layers.layers]
    activations = [part.activation for part in layers.layers]
    balanced, _ = _balanced(weights, [np.zeros(len(w)) for w in weights], activations)
    with np.errstate(divide="ignore"):
        slopes = np.log2([a.lipschitz for a in activations]).sum()
        sizes = [np.log2([np.linalg.norm(w, 2) for w in chosen]).sum() for chosen in (weights, balanced)]
    return float(min(sizes) + slopes)


def _product(weights: list[Float]) -> float:
    return math.prod(float(np.linalg.norm(w, 2)) for w in weights)


def _balanced(
    weights: list[Float], biases: list[Float], activations: list[Activation]
) -> tuple[list[Float], list[Float]]:
    weights, biases = [w.copy() for w in weights], [b.copy() for b in biases]
    for _ in range(_ROUNDS):
        for k, (before, after) in enumerate(pairwise(weights)):
            if not activations[k].is_homogeneous:
                continue
            into, out = np.abs(before).max(axis=1), np.abs(after).max(axis=0)
            connected = (into > 0) & (out > 0)
            logarithms = np.log2(np.where(connected, into, 1.0)) - np.log2(np.where(connected, out, 1.0))
            shift = np.rint(logarithms / 2).astype(np.int64)
            before[:] = np.ldexp(before, -shift[:, None])
            biases[k] = np.ldexp(biases[k], -shift)
            after[:] = np.ldexp(after, shift)
    return weights, biases

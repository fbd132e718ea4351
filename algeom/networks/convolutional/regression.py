"""Critical points of the squared loss of a linear convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.continuation import CriticalPoints, critical_points
from algeom.errors import GenericityError, InputError
from algeom.maps import PolynomialMap
from algeom.networks.convolutional.architecture import ConvolutionalArchitecture, convolutional_map
from algeom.networks.convolutional.composition import compose_filters
from algeom.runtime import seeds

__all__ = ["FilterCriticality", "FilterRegression", "filter_criticality", "filter_regression"]

Float = NDArray[np.float64]

#: Relative singular value of the patches below which they do not span: the condition number of their Gram matrix is
#: then that of double precision.
_SINGULAR = 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class FilterRegression:
    """The squared loss of data as a quadratic form on filters: (c - u)^T G (c - u) + remainder.

    Attributes
    ----------
    architecture : ConvolutionalArchitecture
    gram : ndarray of float64, shape (k, k)
        G, the sum of p p^T over all patches p of the inputs.
    target : ndarray of float64, shape (k,)
        u, the filter of least squares among all filters.
    remainder : float
        The loss at u.
    """

    architecture: ConvolutionalArchitecture
    gram: Float
    target: Float
    remainder: float
    _map: PolynomialMap = field(repr=False)

    def loss(self, filter: ArrayLike) -> float:
        """The squared loss of the network with a given filter of all layers."""
        difference = np.asarray(filter, dtype=np.float64) - self.target
        return float(difference @ self.gram @ difference) + self.remainder

    def gradient(self, filters: Sequence[ArrayLike]) -> Float:
        """Gradient of the loss by the weights of the layers, one after the other."""
        weights = np.concatenate([np.asarray(w, dtype=np.float64) for w in filters])
        composed = np.asarray(self._map(weights))
        return np.asarray(2.0 * (self.gram @ (composed - self.target)) @ self._map.jacobian(weights))

    def critical_points(self, *, rng: seeds.RandomState = None, **options: Any) -> CriticalPoints:
        """All complex critical points of the loss on the smooth part of the function space.

        Parameters
        ----------
        rng, **options
            As for `algeom.critical_points`.

        Returns
        -------
        CriticalPoints
            For general data as many as the generic ED degree (`ConvolutionalArchitecture.generic_ed_degree`).
        """
        return critical_points(self._map, self.target, self.gram, rng=rng, **options)

    def __repr__(self) -> str:
        condition = f"condition of the data {np.linalg.cond(self.gram):.2g}"
        return f"FilterRegression({self.architecture}; {condition}, least loss {self.remainder:.4g})"


def filter_regression(
    inputs: ArrayLike, outputs: ArrayLike, lengths: Sequence[int], strides: Sequence[int] | None = None
) -> FilterRegression:
    """The squared loss of a linear convolutional network on data, as a quadratic form on filters.

    Parameters
    ----------
    inputs : array_like of float, shape (N, n)
        One example a row.
    outputs : array_like of float, shape (N, m)
        m = (n - k) // (product of strides) + 1 for the filter length k of the network.
    lengths, strides
        As for `ConvolutionalArchitecture`.

    Returns
    -------
    FilterRegression

    Raises
    ------
    InputError
        If the shapes do not fit or numbers are not finite.
    GenericityError
        If the patches of the inputs do not span the space of filters, so that least squares has many solutions.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> loss = filter_regression(rng.normal(size=(20, 6)), rng.normal(size=(20, 2)), [2, 2], strides=[2, 1])
    >>> len(loss.critical_points(rng=1)), loss.architecture.generic_ed_degree.value
    (6, 6)
    """
    network = ConvolutionalArchitecture(lengths, strides)
    x, y = np.asarray(inputs, dtype=np.float64), np.asarray(outputs, dtype=np.float64)
    k, stride = network.filter_length, prod(network.strides)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or not len(x):
        raise InputError(f"inputs of shape {x.shape} and outputs of shape {y.shape}; give (N, n) and (N, m), N > 0")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("inputs or outputs are not finite; remove the examples with NaN or infinity")
    expected = (x.shape[1] - k) // stride + 1
    if x.shape[1] < k or y.shape[1] != expected:
        raise InputError(
            f"filters of length {k} and stride {stride} take {x.shape[1]} entries to {max(expected, 0)}, "
            f"but the outputs have {y.shape[1]}"
        )
    patches = np.lib.stride_tricks.sliding_window_view(x, k, axis=1)[:, ::stride].reshape(-1, k)
    values = np.linalg.svd(patches, compute_uv=False)
    if len(values) < k or values[-1] <= _SINGULAR * values[0]:
        raise GenericityError(
            f"the patches of the inputs do not span the filters of length {k} (there are {len(patches)}); give more "
            "examples or more general ones"
        )
    target = np.asarray(np.linalg.lstsq(patches, y.reshape(-1), rcond=None)[0], dtype=np.float64)
    remainder = float(np.sum((patches @ target - y.reshape(-1)) ** 2))
    gram = np.asarray(patches.T @ patches, dtype=np.float64)
    return FilterRegression(network, gram, target, remainder, convolutional_map(lengths, strides))


@dataclass(frozen=True)
class FilterCriticality:
    """What a critical point in parameter space is.

    Attributes
    ----------
    kind : {"zero", "regular", "singular"}
        "zero": the product of the filters is zero. "regular": the differential of the multiplication has the generic
        rank, so that the point is critical for a reason in function space, in which its filter is a smooth interior
        point. "singular": neither.
    rank, generic_rank : int
        Rank of the differential there, and at general parameters.
    smallest_singular_value : float
        Of those that count for the generic rank, relative to the largest.
    """

    kind: str
    rank: int
    generic_rank: int
    smallest_singular_value: float


#: Relative size below which a singular value of the differential, or a filter, counts as zero: critical points come
#: from minimizations, which are accurate to the square root of double precision.
_RANK = 1e-7


def filter_criticality(filters: Sequence[ArrayLike], strides: Sequence[int] | None = None) -> FilterCriticality:
    """Classify parameters at which the gradient of a loss vanishes.

    Parameters
    ----------
    filters : sequence of array_like of float
    strides : sequence of int, optional

    Returns
    -------
    FilterCriticality

    Notes
    -----
    Theorem (Kohn, Montufar, Shahverdi, Trager, arXiv 2304.05752): if all strides are above 1, then for almost all data,
    at least 1 + sum d_i s_i of them, each critical point of the squared loss is "zero" or "regular". It fails for
    stride one and for dense linear networks.

    Examples
    --------
    >>> filter_criticality([[1.0, 2.0], [1.0, 1.0]], strides=[2, 1]).kind
    'regular'
    >>> filter_criticality([[1.0, 2.0], [1.0, 2.0]]).kind
    'singular'
    """
    vectors = [np.asarray(w, dtype=np.float64) for w in filters]
    composed, _ = compose_filters(vectors, strides)
    network = ConvolutionalArchitecture([len(w) for w in vectors], strides)
    generic = min(network.dimension, network.filter_length)
    if not np.isfinite(composed).all():
        raise InputError("the filters are not finite")
    sizes = [float(np.linalg.norm(w)) for w in vectors]
    # Polynomials have no zero divisors.
    if min(sizes) <= _RANK * max(sizes):
        return FilterCriticality("zero", 0, generic, 0.0)
    # Scaling the layers against each other changes nothing else.
    theta = np.concatenate([w / length for w, length in zip(vectors, sizes, strict=True)])
    values = np.linalg.svd(convolutional_map(network.lengths, network.strides).jacobian(theta), compute_uv=False)
    rank = int(np.sum(values > _RANK * values[0]))
    kind = "regular" if rank == generic else "singular"
    return FilterCriticality(kind, rank, generic, float(values[generic - 1] / values[0]))

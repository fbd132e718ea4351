"""Critical points of the squared loss of a linear convolutional network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.continuation import CriticalPoint, CriticalPoints, critical_points
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.maps import PolynomialMap
from algeom.networks.convolutional.architecture import ConvolutionalArchitecture, convolutional_map
from algeom.networks.convolutional.composition import checked_filter, compose_filters
from algeom.networks.convolutional.factorization import factor_filter
from algeom.runtime import seeds

__all__ = ["FilterCriticality", "FilterRegression", "filter_criticality", "filter_regression", "real_filter"]

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
        given = real_filter("the filter", filter)
        if given.shape != self.target.shape:
            raise InputError(f"the filter has {given.size} entries; the network has filters of {self.target.size}")
        difference = given - self.target
        return float(difference @ self.gram @ difference) + self.remainder

    def gradient(self, filters: Sequence[ArrayLike]) -> Float:
        """Gradient of the loss by the weights of the layers, one after the other."""
        weights = np.concatenate(self._filters(filters))
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
            For general data as many as the generic ED degree (`ConvolutionalArchitecture.generic_ed_degree`). Distances
            are roots of the loss less `remainder`.

        Notes
        -----
        These are points of the complex closure. Where `ConvolutionalArchitecture.needed_zeros` are not all 0, real
        points among them may have no real filters, even where the loss has its minimum over the closure:
        `is_reachable` tells. The minimum over the real function space is then on its boundary, where zeros are double.

        Examples
        --------
        Quadratics with real zeros, where the target has none:

        >>> x = np.random.default_rng(0).normal(size=(50, 3))
        >>> loss = filter_regression(x, x @ [[1.0], [0.0], [1.0]], [2, 2])
        >>> [loss.is_reachable(point) for point in loss.critical_points(rng=1)]
        [False]
        """
        return critical_points(self._map, self.target, self.gram, rng=rng, **options)

    def is_reachable(self, point: CriticalPoint) -> bool:
        """Whether a critical point has real filters; False for points that are not real.

        The filters of each spread, which the parameters of the point give up to scaling, have one real product; it has
        to have as many real zeros as there are filters of odd degree.
        """
        if not point.is_real or point.theta is None:
            return False
        network = self.architecture
        parts = np.split(np.asarray(point.theta), np.cumsum(network.lengths)[:-1])
        for spread, needed in network.needed_zeros.items():
            if not needed:
                continue
            product = np.ones(1, dtype=np.complex128)
            for part, own in zip(parts, network.spreads, strict=True):
                if own == spread:
                    product = np.convolve(product, part)
            largest = product[np.argmax(np.abs(product))]
            real = (product / largest).real
            # As many linear factors, and one for the rest.
            if not factor_filter(real, [2] * needed + [len(real) - needed]):
                return False
        return True

    def _filters(self, filters: Sequence[ArrayLike]) -> list[Float]:
        vectors = [real_filter(f"filter {number}", w) for number, w in enumerate(filters, start=1)]
        lengths = tuple(len(w) for w in vectors)
        if lengths != self.architecture.lengths:
            raise InputError(f"filters of lengths {lengths}; the network has {self.architecture.lengths}")
        return vectors

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
    x, y = _rows("inputs", inputs), _rows("outputs", outputs)
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


def _rows(name: str, given: ArrayLike) -> Float:
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name} are no array of numbers: {error}") from error
    if array.dtype.kind not in "iufb":
        raise InputError(f"{name} have type {array.dtype}; give real numbers")
    return array.astype(np.float64)


def real_filter(name: str, given: ArrayLike) -> Float:
    """A filter of finite real numbers in double precision, or an error that names what it is."""
    w = checked_filter(name, given)
    try:
        vector = w.astype(np.float64) if w.dtype.kind != "c" else None
    except (TypeError, ValueError):
        vector = None
    if vector is None or not np.isfinite(vector).all():
        raise InputError(f"{name} is not made of finite real numbers")
    return vector


@dataclass(frozen=True)
class FilterCriticality:
    """What parameters are for a squared loss.

    Attributes
    ----------
    kind : {"not critical", "zero", "regular", "singular"}
        "zero": critical, and the product of the filters is zero. "regular": critical, and the differential of the
        multiplication has the generic rank, so that the filter is critical on the function space, of which it is a
        smooth interior point. "singular": critical, and neither.
    rank, generic_rank : int
        Rank of the differential there, and at general parameters.
    gradient : float
        Norm of the gradient relative to the sizes of its terms, after the filters are scaled to equal norms.
    evidence : Evidence
        NUMERICAL, with the tolerance.
    """

    kind: str
    rank: int
    generic_rank: int
    gradient: float
    evidence: Evidence


#: Relative size below which a gradient, a singular value of the differential or a filter counts as zero: critical
#: points come from minimizations, which are accurate to the square root of double precision.
_ZERO = 1e-6


def filter_criticality(filters: Sequence[ArrayLike], loss: FilterRegression) -> FilterCriticality:
    """Classify parameters of a linear convolutional network for a loss.

    Parameters
    ----------
    filters : sequence of array_like of float
        w_1, ..., w_L of the architecture of the loss.
    loss : FilterRegression

    Returns
    -------
    FilterCriticality

    Raises
    ------
    InputError
        If the filters are not those of the architecture, or not finite real numbers.

    Notes
    -----
    Theorem (Kohn, Montufar, Shahverdi, Trager, arXiv 2304.05752): if all strides are above 1, then for almost all data,
    at least 1 + sum d_i s_i of them, each critical point of the squared loss is "zero" or "regular". It fails for
    stride one and for dense linear networks.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(40, 8)), rng.normal(size=(40, 3))
    >>> loss = filter_regression(x, y, [2, 2], [2, 1])
    >>> filter_criticality([[0.0, 0.0], [0.0, 0.0]], loss).kind
    'zero'
    >>> filter_criticality([[1.0, 2.0], [1.0, 1.0]], loss).kind
    'not critical'
    """
    network = loss.architecture
    vectors = loss._filters(filters)
    sizes = [float(np.linalg.norm(w)) for w in vectors]
    if all(sizes):
        logs = np.log(sizes)
        # Scaling the filters against each other changes neither the product nor what is critical.
        vectors = [w * float(np.exp(logs.mean() - log)) for w, log in zip(vectors, logs, strict=True)]
    composed, _ = compose_filters(vectors, network.strides)
    theta = np.concatenate(vectors)
    size = max(float(np.linalg.norm(composed)), float(np.linalg.norm(loss.target)))
    power = size ** ((network.layers - 1) / network.layers)
    values = np.linalg.svd(loss._map.jacobian(theta), compute_uv=False)
    rank = int(np.sum(values > _ZERO * power))
    reference = float(np.linalg.norm(loss.gram, 2)) * size * power
    gradient = float(np.linalg.norm(loss.gradient(vectors))) / reference if reference else 0.0
    if gradient > _ZERO:
        kind = "not critical"
    elif float(np.linalg.norm(composed)) <= _ZERO * size:
        kind = "zero"
    else:
        kind = "regular" if rank == network.dimension else "singular"
    evidence = Evidence(Status.NUMERICAL, np.nan, f"gradients and ranks with the relative tolerance {_ZERO:g}")
    return FilterCriticality(kind, rank, network.dimension, gradient, evidence)

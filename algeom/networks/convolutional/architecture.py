"""Function spaces of linear convolutional networks: dimension, degree, ED degree and parametrization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import factorial, prod
from typing import Any

import numpy as np

from algeom.continuation import EDDegreeFormula, ed_degree_formula
from algeom.errors import InputError
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import check_integers, symmetry
from algeom.networks.convolutional.composition import checked_strides, polynomial_product

__all__ = ["ConvolutionalArchitecture", "convolutional_map"]


@dataclass(frozen=True, init=False)
class ConvolutionalArchitecture:
    """Filter lengths and strides of a linear convolutional network in one dimension, with one channel and no padding.

    Parameters
    ----------
    lengths : sequence of int
        k_1, ..., k_L: the lengths of the filters, the first applied first.
    strides : sequence of int, optional
        s_1, ..., s_L, 1 by default. The last one does not change the function space as a set of filters.

    Attributes
    ----------
    lengths, strides : tuple of int

    Raises
    ------
    InputError
        If there is no layer, or a length or stride is not positive.

    Notes
    -----
    The filter of the network is the coefficient vector of w_1(x^(S_1)) ... w_L(x^(S_L)) with S_l = s_1 ... s_(l-1). A
    binary form of the right degree in place of each polynomial makes zeros at infinity ordinary zeros. Layers with the
    same S_l multiply to an arbitrary polynomial over the complex numbers, so that the complex closure is that of the
    *reduced* architecture, which merges them (`reduced`) and has all strides but the last above 1. Its
    multiplication map is injective up to scaling at general filters: w_1 has no orbit of zeros under multiplication
    with the s_1-th roots of unity, and so on. Degree and generic ED degree follow from the Segre variety that is
    projected.

    References
    ----------
    Kohn, Montufar, Shahverdi, Trager, arXiv 2304.05752 (dimension, critical points); Shahverdi, arXiv 2401.16613
    (generic ED degree). The degree is our own derivation, checked by monodromy.

    Examples
    --------
    >>> network = ConvolutionalArchitecture([3, 2], strides=[2, 1])
    >>> network.filter_length, network.dimension, network.degree
    (5, 4, 3)
    >>> network.generic_ed_degree.value
    10
    """

    lengths: tuple[int, ...]
    strides: tuple[int, ...]

    def __init__(self, lengths: Sequence[int], strides: Sequence[int] | None = None) -> None:
        sizes = check_integers("a filter length", lengths, 1)
        if not sizes:
            raise InputError("no filter lengths; give one for each layer")
        object.__setattr__(self, "lengths", sizes)
        object.__setattr__(self, "strides", checked_strides(strides, len(sizes)))

    @property
    def layers(self) -> int:
        """Number of layers L."""
        return len(self.lengths)

    @property
    def spreads(self) -> tuple[int, ...]:
        """S_1, ..., S_L: layer l multiplies by w_l(x^(S_l))."""
        return tuple(prod(self.strides[:number]) for number in range(self.layers))

    @property
    def filter_length(self) -> int:
        """Length k of the filter of all layers together, the dimension of the space around the function space."""
        return 1 + sum((k - 1) * spread for k, spread in zip(self.lengths, self.spreads, strict=True))

    @property
    def degrees(self) -> dict[int, int]:
        """For each spread S the degree of what the layers with that spread contribute, as a polynomial in x^S."""
        total = dict.fromkeys(self.spreads, 0)
        for k, spread in zip(self.lengths, self.spreads, strict=True):
            total[spread] += k - 1
        return total

    @property
    def n_parameters(self) -> int:
        """Number of weights."""
        return sum(self.lengths)

    @property
    def reduced(self) -> ConvolutionalArchitecture:
        """The architecture with the same complex closure in which all strides but the last are above 1."""
        # Layers with filters of length 1 only scale.
        kept = {spread: degree for spread, degree in self.degrees.items() if degree} or {1: 0}
        spreads = sorted(kept)
        first = spreads[0]
        strides = [after // before for before, after in pairwise(spreads)] + [1]
        if first > 1:
            return ConvolutionalArchitecture([1, *(kept[s] + 1 for s in spreads)], [first, *strides])
        return ConvolutionalArchitecture([kept[s] + 1 for s in spreads], strides)

    @property
    def _projective_degrees(self) -> list[int]:
        return [k - 1 for k in self.reduced.lengths if k > 1]

    @property
    def dimension(self) -> int:
        """Dimension of the function space (affine cone): k_1 + ... + k_L - (L - 1)."""
        return self.n_parameters - (self.layers - 1)

    @property
    def degree(self) -> int:
        """Degree of the complex closure: that of the Segre variety of the reduced architecture, a multinomial."""
        degrees = self._projective_degrees
        return factorial(sum(degrees)) // prod(map(factorial, degrees))

    @property
    def is_filling(self) -> bool:
        """Whether the complex closure is the space of all filters."""
        return self.dimension == self.filter_length

    @property
    def generic_ed_degree(self) -> EDDegreeFormula:
        """ED degree of the complex closure for a generic quadratic form, such as that of general data.

        That of a Segre variety: for strides above 1 the number of complex critical points of the squared loss (arXiv
        2401.16613).
        """
        return ed_degree_formula("segre", *(self._projective_degrees or [0]))

    @property
    def odd_factors(self) -> tuple[tuple[int, int], ...]:
        """Pairs (S, e): among the layers with S_l = S there are e filters of odd degree k_l - 1.

        A real polynomial in x^S is a product of real polynomials of those degrees if and only if it has at least e real
        zeros, infinity included: each odd factor takes one, and what remains are pairs.
        """
        counts = dict.fromkeys(self.spreads, 0)
        for k, spread in zip(self.lengths, self.spreads, strict=True):
            counts[spread] += (k - 1) % 2
        return tuple(sorted(counts.items()))

    @property
    def needed_zeros(self) -> dict[int, int]:
        """For each spread S how many real zeros the polynomial in x^S needs beyond those its degree forces.

        0 for all spreads: the real function space is the whole set of real points with real polynomials. Otherwise it
        has a boundary, where zeros are double.
        """
        # The number of real zeros has the parity of the degree, so that one is there of itself.
        return {s: odd if odd > self.degrees[s] % 2 else 0 for s, odd in self.odd_factors}

    def describe(self) -> str:
        """The function space over the real numbers in words.

        Examples
        --------
        >>> print(ConvolutionalArchitecture([2, 2]).describe())
        filters of length 3, with at least 2 real zeros (infinity counts)
        >>> print(ConvolutionalArchitecture([3, 2]).describe())
        all filters of length 4
        >>> print(ConvolutionalArchitecture([2, 2], [2, 1]).describe())
        filters of length 4 that are w(x) * w'(x^2) with deg w = 1, deg w' = 1
        """
        levels = []
        for position, (spread, needed) in enumerate(self.needed_zeros.items()):
            levels.append(("w" + "'" * position, spread, self.degrees[spread], needed))
        if len(levels) == 1:
            needed = levels[0][3]
            if not needed:
                return f"all filters of length {self.filter_length}"
            return f"filters of length {self.filter_length}, with at least {needed} real zeros (infinity counts)"
        shape = " * ".join(f"{name}(x^{spread})" if spread > 1 else f"{name}(x)" for name, spread, _, _ in levels)
        sizes = ", ".join(
            f"deg {name} = {degree}" + (f", at least {needed} real zeros" if needed else "")
            for name, _, degree, needed in levels
        )
        return f"filters of length {self.filter_length} that are {shape} with {sizes}"

    def __str__(self) -> str:
        return (
            f"linear convolutional network, filters {self.lengths}, strides {self.strides}: dimension {self.dimension} "
            f"in {self.filter_length}, degree {self.degree}"
        )


def convolutional_map(lengths: Sequence[int], strides: Sequence[int] | None = None) -> PolynomialMap:
    """The filter of a linear convolutional network as a polynomial map of the filters of its layers.

    Parameters
    ----------
    lengths, strides
        As for `ConvolutionalArchitecture`.

    Returns
    -------
    PolynomialMap
        Parameters ``w1`` (k_1), ..., ``wL``; coordinates ``c0``, ..., lowest degree first. The reversal of all filters
        is a declared symmetry.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = convolutional_map([3, 2], strides=[2, 1])
    >>> print(ag.implicitize(phi, max_degree=3, rng=1).generators[0])
    c0*c3^2 + c1^2*c4 - c1*c2*c3
    """
    network = ConvolutionalArchitecture(lengths, strides)

    def filters(*weights: Any) -> list[Any]:
        product = list(weights[0])
        for w, spread in zip(weights[1:], network.spreads[1:], strict=True):
            product = polynomial_product(product, list(w), spread)
        return product

    shapes = {f"w{number}": (k,) for number, k in enumerate(network.lengths, start=1)}
    starts = np.cumsum([0, *network.lengths])
    positions = {
        name: np.arange(start, start + k, dtype=np.int64)
        for name, start, k in zip(shapes, starts, network.lengths, strict=False)
    }
    coordinates = np.arange(network.filter_length, dtype=np.int64)
    reversal = symmetry({name: x[::-1] for name, x in positions.items()}, coordinates[::-1])
    names = [f"c{i}" for i in range(network.filter_length)]
    return polynomial_map(filters, parameters=shapes, names=names, symmetries=[reversal])

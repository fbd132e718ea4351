"""Networks whose activation is a power: their maps, dimensions and defects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.evidence import Evidence
from algeom.implicitization import Dimension, dimension
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.forms import Form, exponent_vectors, moved_exponents, multiply
from algeom.maps.relabelling import (
    Symmetry,
    check_integer,
    check_integers,
    indexed_names,
    position_arrays,
    symmetric_group_generators,
    symmetry,
)
from algeom.runtime import memory, seeds

__all__ = [
    "NetworkDimension",
    "network_dimension_table",
    "polynomial_network_dimension",
    "polynomial_network_expected_dimension",
    "polynomial_network_map",
]

#: Bytes an instruction of a traced map takes while it is built and differentiated, generously.
_BYTES_PER_OPERATION = 400


def polynomial_network_map(widths: Sequence[int], power: int) -> PolynomialMap:
    """The coefficients of the forms that a network with the activation z -> z^power computes.

    Parameters
    ----------
    widths : sequence of int
        n_0, ..., n_L: the widths of the input, of the hidden layers and of the output, L >= 1.
    power : int
        The exponent r >= 1, applied to every entry after each layer but the last.

    Returns
    -------
    PolynomialMap
        Parameters ``W1`` (n_1 x n_0), ..., ``WL``; coordinates ``c1_20, c1_11, ...``: output, then exponents, in
        lexicographically decreasing order, for the forms of degree r^(L-1) in n_0 variables. Symmetries:
        permutations of the inputs and of the outputs.

    Raises
    ------
    InputError
        If there are fewer than two widths, or a width or the power is not positive.
    ResourceError
        If expanding the forms does not fit in memory.

    References
    ----------
    Kileel, Trager, Bruna, On the expressive power of deep polynomial neural networks, NeurIPS 2019.

    Examples
    --------
    >>> phi = polynomial_network_map((2, 2, 1), 2)
    >>> phi.names
    ('c1_20', 'c1_11', 'c1_02')
    """
    sizes, power = _checked(widths, power)
    n_in, n_out, layers = sizes[0], sizes[-1], len(sizes) - 1
    degree = power ** (layers - 1)
    monomials = comb(n_in + degree - 1, degree)
    work = sum(
        sizes[i + 1] * power * comb(n_in + power**i - 1, n_in - 1) * comb(n_in + power ** (i + 1) - 1, n_in - 1)
        for i in range(layers - 1)
    )
    memory.require(
        _BYTES_PER_OPERATION * (work + sizes[-2] * n_out * monomials),
        None,
        f"expanding the forms of degree {degree} in {n_in} variables",
        "take fewer layers, fewer inputs or a smaller power",
    )
    exponents = exponent_vectors(n_in, degree)

    def coefficients(*weights: Any) -> list[Any]:
        # The inputs as linear forms in themselves.
        neurons: list[Form] = [{tuple(int(i == j) for j in range(n_in)): 1} for i in range(n_in)]
        for number, w in enumerate(weights):
            neurons = [_combination(w[i], neurons) for i in range(w.shape[0])]
            if number < layers - 1:
                neurons = [_power(form, power) for form in neurons]
        return [form[exponent] for form in neurons for exponent in exponents]

    shapes = {f"W{i + 1}": (sizes[i + 1], sizes[i]) for i in range(layers)}
    x = position_arrays(shapes)
    m = np.arange(n_out * monomials, dtype=np.int64).reshape(n_out, monomials)
    symmetries: list[Symmetry] = []
    for g in symmetric_group_generators(n_in):
        symmetries.append(symmetry(x | {"W1": x["W1"][:, g]}, m[:, moved_exponents(exponents, g)]))
    last = f"W{layers}"
    symmetries += [symmetry(x | {last: x[last][g]}, m[g]) for g in symmetric_group_generators(n_out)]
    names = indexed_names("c", [((i,), exponent) for i in range(1, n_out + 1) for exponent in exponents])
    return polynomial_map(coefficients, parameters=shapes, names=names, symmetries=symmetries)


def polynomial_network_expected_dimension(widths: Sequence[int], power: int) -> int:
    """The expected affine dimension of the function space of a network with a power activation.

    The number of weights less one scaling for each hidden neuron, unless that exceeds the dimension of the space of all
    outputs. For power 1, products of matrices, the dimension that they have.

    Parameters
    ----------
    widths, power
        As for `polynomial_network_map`.

    Returns
    -------
    int

    References
    ----------
    Kileel, Trager, Bruna, On the expressive power of deep polynomial neural networks, NeurIPS 2019: it is the dimension
    for all large powers if no hidden layer has width one.

    Examples
    --------
    >>> polynomial_network_expected_dimension((3, 4, 2), 3)
    16
    >>> polynomial_network_expected_dimension((2, 3, 1), 2)
    3
    """
    sizes, power = _checked(widths, power)
    if power == 1:
        rank = min(sizes)
        return rank * (sizes[0] + sizes[-1] - rank)
    degree = power ** (len(sizes) - 2)
    space = sizes[-1] * comb(sizes[0] + degree - 1, degree)
    weights = sum(a * b for a, b in pairwise(sizes))
    return min(weights - sum(sizes[1:-1]), space)


@dataclass(frozen=True)
class NetworkDimension:
    """The dimension of the function space of a network with a power activation, and what was expected.

    Attributes
    ----------
    widths : tuple of int
    power : int
    dimension : Dimension
        Affine dimension, from ranks of the Jacobian at random points.
    expected : int
    ambient : int
        Dimension of the space of all outputs.
    """

    widths: tuple[int, ...]
    power: int
    dimension: Dimension
    expected: int
    ambient: int

    @property
    def value(self) -> int:
        """The affine dimension."""
        return self.dimension.value

    @property
    def defect(self) -> int:
        """By how much the dimension falls short of what is expected."""
        return self.expected - self.value

    @property
    def is_filling(self) -> bool:
        """Whether the closure of the function space is the space of all outputs."""
        return self.value == self.ambient

    @property
    def evidence(self) -> Evidence:
        """That of the dimension."""
        return self.dimension.evidence

    def __str__(self) -> str:
        text = f"widths {self.widths}, power {self.power}: dimension {self.value} of {self.ambient}"
        return (
            f"{text}, defect {self.defect} ({self.evidence})"
            if self.defect
            else f"{text}, as expected ({self.evidence})"
        )


def polynomial_network_dimension(
    widths: Sequence[int], power: int, *, rng: seeds.RandomState = None
) -> NetworkDimension:
    """Compute the dimension of the function space of a network with a power activation.

    Parameters
    ----------
    widths, power
        As for `polynomial_network_map`.
    rng : int, Generator or None

    Returns
    -------
    NetworkDimension

    Notes
    -----
    One hidden layer and one output: sums of n_1 powers of linear forms, so that the defective cases for r >= 2 are
    those of the Alexander-Hirschowitz theorem (J. Algebraic Geom. 4 (1995)).

    Examples
    --------
    >>> print(polynomial_network_dimension((3, 5, 1), 4, rng=1))
    widths (3, 5, 1), power 4: dimension 14 of 15, defect 1 (probabilistic, error <= 1e-...)
    """
    sizes, power = _checked(widths, power)
    phi = polynomial_network_map(sizes, power)
    found = dimension(phi, rng=rng)
    return NetworkDimension(sizes, power, found, polynomial_network_expected_dimension(sizes, power), phi.n_coordinates)


def network_dimension_table(
    architectures: Iterable[Sequence[int]], powers: Iterable[int], *, rng: seeds.RandomState = None
) -> list[NetworkDimension]:
    """Dimensions of many networks: each architecture with each power.

    Examples
    --------
    >>> for row in network_dimension_table([(2, 2, 2), (2, 2, 2, 2)], [2, 3], rng=1):
    ...     print(row.widths, row.power, row.value, row.expected, row.is_filling)
    (2, 2, 2) 2 6 6 True
    (2, 2, 2) 3 6 6 False
    (2, 2, 2, 2) 2 8 8 False
    (2, 2, 2, 2) 3 8 8 False
    """
    seed, _ = seeds.resolve(rng)
    exponents = check_integers("a power", powers, 1)
    return [polynomial_network_dimension(widths, power, rng=seed) for widths in architectures for power in exponents]


def _checked(widths: Sequence[int], power: int) -> tuple[tuple[int, ...], int]:
    sizes = check_integers("a width", widths, 1)
    if len(sizes) < 2:
        raise InputError(f"widths {sizes}; give those of the input and of the output at least")
    return sizes, check_integer("power", power, 1)


def _combination(row: Any, forms: Sequence[Form]) -> Form:
    """The sum of row[k] * forms[k], of forms of one degree."""
    total: Form = {}
    for k, form in enumerate(forms):
        for exponent, coefficient in form.items():
            term = row[k] if isinstance(coefficient, int) and coefficient == 1 else row[k] * coefficient
            total[exponent] = total[exponent] + term if exponent in total else term
    return total


def _power(form: Form, exponent: int) -> Form:
    """A power by repeated squaring."""
    result: Form | None = None
    square = form
    while True:
        if exponent % 2:
            result = square if result is None else multiply(result, square)
        exponent //= 2
        if not exponent:
            assert result is not None
            return result
        square = multiply(square, square)

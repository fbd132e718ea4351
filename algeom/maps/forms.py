"""Forms as dictionaries from exponent vectors to coefficients: what several families expand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from algeom.maps.relabelling import IntArray

__all__ = ["Exponent", "Form", "exponent_vectors", "general_form", "monomial_values", "moved_exponents", "multiply"]

Exponent = tuple[int, ...]
# Coefficients are ints, Fractions or whatever stands for a parameter while a map is traced.
Form = dict[Exponent, Any]


def exponent_vectors(n_variables: int, degree: int) -> list[Exponent]:
    """All exponent vectors of one degree, lexicographically decreasing.

    Examples
    --------
    >>> exponent_vectors(2, 2)
    [(2, 0), (1, 1), (0, 2)]
    """

    def vectors(n: int, d: int) -> Iterator[Exponent]:
        if n == 1:
            yield (d,)
            return
        for first in range(d, -1, -1):
            for rest in vectors(n - 1, d - first):
                yield (first, *rest)

    return list(vectors(n_variables, degree))


def moved_exponents(exponents: Sequence[Exponent], permutation: IntArray) -> list[int]:
    """Where the monomials go when variable i is replaced by variable permutation[i]: positions in the same list.

    Examples
    --------
    >>> import numpy as np
    >>> moved_exponents(exponent_vectors(2, 2), np.array([1, 0]))
    [2, 1, 0]
    """
    position = {exponent: i for i, exponent in enumerate(exponents)}
    moved = []
    for exponent in exponents:
        image = [0] * len(exponent)
        for i, power in enumerate(exponent):
            image[int(permutation[i])] = power
        moved.append(position[tuple(image)])
    return moved


def monomial_values(variables: Sequence[Any], degree: int) -> list[Any]:
    """The monomials of one degree (at least 1) in the given values, one multiplication each."""
    n = len(variables)
    previous: Form = {exponent: variables[exponent.index(1)] for exponent in exponent_vectors(n, 1)}
    for d in range(2, degree + 1):
        current: Form = {}
        for exponent in exponent_vectors(n, d):
            first = next(i for i, power in enumerate(exponent) if power)
            divisor = (*exponent[:first], exponent[first] - 1, *exponent[first + 1 :])
            current[exponent] = variables[first] * previous[divisor]
        previous = current
    return list(previous.values())


def general_form(coefficients: Sequence[Any], n_variables: int, degree: int) -> Form:
    """The form with these coefficients, in the order of `exponent_vectors`."""
    return dict(zip(exponent_vectors(n_variables, degree), coefficients, strict=True))


def multiply(f: Mapping[Exponent, Any], g: Mapping[Exponent, Any]) -> Form:
    """The product of two forms.

    Examples
    --------
    >>> multiply({(1, 0): 1, (0, 1): 2}, {(1, 0): 1, (0, 1): -2})
    {(2, 0): 1, (1, 1): 0, (0, 2): -4}
    """
    product: Form = {}
    for a, x in f.items():
        for b, y in g.items():
            exponent = tuple(i + j for i, j in zip(a, b, strict=True))
            term = x * y
            product[exponent] = product[exponent] + term if exponent in product else term
    return dict(sorted(product.items(), reverse=True))

"""Closed formulas for degrees and Hilbert functions of classical varieties.

Hilbert functions are returned from degree 0 on, to a given degree.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import comb, factorial, prod

__all__ = [
    "determinantal_hilbert",
    "grassmannian_degree",
    "grassmannian_hilbert",
    "product_hilbert",
    "schur_dimension",
    "segre_veronese_degree",
    "segre_veronese_hilbert",
    "series",
    "split_forms_degree",
]


def partitions(size: int, parts: int, largest: int | None = None) -> Iterator[tuple[int, ...]]:
    """Partitions of a number into at most so many parts, decreasing.

    Examples
    --------
    >>> list(partitions(4, 2))
    [(4,), (3, 1), (2, 2)]
    """
    if size == 0:
        yield ()
        return
    if parts == 0:
        return
    for first in range(min(size, size if largest is None else largest), 0, -1):
        for rest in partitions(size - first, parts - 1, first):
            yield (first, *rest)


def schur_dimension(shape: Sequence[int], n: int) -> int:
    """The dimension of the irreducible GL_n-module of a partition, by the hook content formula.

    Examples
    --------
    >>> schur_dimension((2, 2, 1), 4), schur_dimension((2, 2), 4)
    (20, 20)
    """
    columns = [sum(1 for row in shape if row > j) for j in range(shape[0] if shape else 0)]
    value = Fraction(1)
    for i, row in enumerate(shape):
        for j in range(row):
            hook = (row - j) + (columns[j] - i) - 1
            value *= Fraction(n + j - i, hook)
    return int(value)


def segre_veronese_degree(dims: Sequence[int], degrees: Sequence[int]) -> int:
    """Return n! prod di^ni / ni! with n the sum of the ni.

    Examples
    --------
    >>> segre_veronese_degree([2, 2, 2], [1, 1, 1]), segre_veronese_degree([2], [3])
    (90, 9)
    """
    powers = prod(int(d) ** n for n, d in zip(dims, degrees, strict=True))
    top: int = factorial(sum(dims)) * powers
    return top // prod(factorial(n) for n in dims)


def segre_veronese_hilbert(dims: Sequence[int], degrees: Sequence[int], last: int) -> tuple[int, ...]:
    """Return prod C(ni + k di, ni) for k = 0, ..., last."""
    return tuple(prod(comb(n + k * d, n) for n, d in zip(dims, degrees, strict=True)) for k in range(last + 1))


def grassmannian_degree(k: int, n: int) -> int:
    """The number of standard Young tableaux of a k x (n - k) rectangle.

    Examples
    --------
    >>> [grassmannian_degree(*kn) for kn in [(2, 5), (2, 6), (3, 6), (3, 7)]]
    [5, 14, 42, 462]
    """
    hooks = prod(i + j + 1 for i in range(k) for j in range(n - k))
    return factorial(k * (n - k)) // hooks


def grassmannian_hilbert(k: int, n: int, last: int) -> tuple[int, ...]:
    """The dimensions of the GL_n-modules of k x d rectangles (Borel-Weil).

    Examples
    --------
    >>> grassmannian_hilbert(2, 5, 3)
    (1, 10, 50, 175)
    """
    return tuple(schur_dimension((d,) * k if d else (), n) for d in range(last + 1))


def determinantal_hilbert(m: int, n: int, r: int, last: int) -> tuple[int, ...]:
    """By Cauchy's formula: partitions of the degree into at most r parts, the two modules of each multiplied.

    Examples
    --------
    >>> determinantal_hilbert(3, 3, 2, 4)
    (1, 9, 45, 164, 486)
    """
    return tuple(
        sum(schur_dimension(shape, m) * schur_dimension(shape, n) for shape in partitions(d, r))
        for d in range(last + 1)
    )


def product_hilbert(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """The Hilbert function of a product of two affine cones in independent coordinates, as far as both are given.

    Examples
    --------
    >>> product_hilbert((1, 2, 3), (1, 2, 3))
    (1, 4, 10)
    """
    length = min(len(first), len(second))
    return tuple(sum(first[i] * second[d - i] for i in range(d + 1)) for d in range(length))


def series(numerator: Sequence[int], dimension: int, last: int) -> tuple[int, ...]:
    """The Hilbert function with the Hilbert series numerator(T) / (1 - T)^dimension.

    Examples
    --------
    >>> series((1, 1, -1), 2, 3)
    (1, 3, 4, 5)
    """
    return tuple(
        sum(c * comb(d - i + dimension - 1, dimension - 1) for i, c in enumerate(numerator) if i <= d)
        for d in range(last + 1)
    )


def split_forms_degree(n: int, degrees: Sequence[int]) -> int:
    """The degree of the variety of forms in n + 1 >= 3 variables that split into factors of the given degrees.

    Examples
    --------
    >>> split_forms_degree(2, (2, 1)), split_forms_degree(2, (1, 1, 1))
    (21, 15)
    """
    dims = [comb(n + d, n) - 1 for d in degrees]
    repeated = prod(factorial(list(degrees).count(d)) for d in set(degrees))
    return segre_veronese_degree(dims, [1] * len(dims)) // repeated

"""Polar degrees of determinantal varieties, by localization on a desingularization of the conormal variety."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations, combinations_with_replacement
from math import comb, prod

from algeom.errors import ResourceError

#: Additions and products of integers; about a minute.
_MOST_STEPS = 10**9

#: Weights of a torus at a fixed point: of the fibre of matrices, of the fibre of conormal matrices, of the tangent
#: space of the base.
FixedPoint = tuple[list[int], list[int], list[int]]


def determinantal_polar_degrees(m: int, n: int, r: int) -> tuple[int, ...]:
    """Polar degrees of the m x n matrices of rank at most r, where 0 < r < min(m, n).

    Returns
    -------
    tuple of int
        delta_0, ..., delta_d for the projective dimension d: delta_i is the number of points of the conormal variety
        in P^(mn-1) x P^(mn-1) on i general hyperplanes of the first factor and mn - 2 - i of the second.

    Notes
    -----
    A pair (A, B) is in the conormal variety if A has rank at most r, B at most min(m, n) - r, and ``A^T B = 0``,
    ``A B^T = 0``. Choosing the column space V and the row space W of A resolves it: over ``Gr(r, m) x Gr(r, n)`` it
    is ``P(V (x) W) x P((C^m/V)* (x) (C^n/W)*)``.

    Examples
    --------
    >>> determinantal_polar_degrees(3, 3, 1), determinantal_polar_degrees(3, 3, 2)
    ((3, 6, 12, 12, 6), (0, 0, 0, 6, 12, 12, 6, 3))
    """

    def fixed_points() -> Iterator[FixedPoint]:
        for rows in combinations(range(m), r):
            other_rows = _complement(rows, m)
            for columns in combinations(range(n), r):
                other_columns = _complement(columns, n)
                yield (
                    [i + j for i in rows for j in columns],
                    [-k - l for k in other_rows for l in other_columns],
                    [k - i for k in other_rows for i in rows] + [l - j for l in other_columns for j in columns],
                )

    return _polar_degrees(fixed_points(), comb(m, r) * comb(n, r), r * r, (m - r) * (n - r), r * (m + n - 2 * r))


def symmetric_determinantal_polar_degrees(n: int, r: int) -> tuple[int, ...]:
    """Polar degrees of the symmetric n x n matrices of rank at most r, where 0 < r < n.

    These are the algebraic degrees of semidefinite programming; here they come from ``Gr(r, n)`` with the bundles of
    symmetric matrices on V and on ``(C^n/V)*``.

    References
    ----------
    J. Nie, K. Ranestad, B. Sturmfels, The algebraic degree of semidefinite programming, Math. Programming 122 (2010).

    Examples
    --------
    The determinant of a symmetric 3 x 3 matrix; its dual is the Veronese surface, of degree 4.

    >>> symmetric_determinantal_polar_degrees(3, 2)
    (0, 0, 4, 6, 3)
    """

    def fixed_points() -> Iterator[FixedPoint]:
        for chosen in combinations(range(n), r):
            others = _complement(chosen, n)
            yield (
                [i + j for i, j in combinations_with_replacement(chosen, 2)],
                [-k - l for k, l in combinations_with_replacement(others, 2)],
                [k - i for k in others for i in chosen],
            )

    fibres = comb(r + 1, 2), comb(n - r + 1, 2)
    return _polar_degrees(fixed_points(), comb(n, r), *fibres, r * (n - r))


def skew_determinantal_polar_degrees(n: int, r: int) -> tuple[int, ...]:
    """Polar degrees of the skew-symmetric n x n matrices of rank at most 2r, where 0 < 2r < n - 1.

    As for symmetric matrices, with the bundles of skew-symmetric ones over ``Gr(2r, n)``.

    Examples
    --------
    The Pfaffian of a 4 x 4 matrix, a quadric in P^5.

    >>> skew_determinantal_polar_degrees(4, 1)
    (2, 2, 2, 2, 2)
    """
    rank = 2 * r

    def fixed_points() -> Iterator[FixedPoint]:
        for chosen in combinations(range(n), rank):
            others = _complement(chosen, n)
            yield (
                [i + j for i, j in combinations(chosen, 2)],
                [-k - l for k, l in combinations(others, 2)],
                [k - i for k in others for i in chosen],
            )

    fibres = comb(rank, 2), comb(n - rank, 2)
    return _polar_degrees(fixed_points(), comb(n, rank), *fibres, rank * (n - rank))


def _polar_degrees(
    fixed_points: Iterator[FixedPoint], n_points: int, first: int, second: int, base: int
) -> tuple[int, ...]:
    """Bidegrees of ``P(E) x P(G)`` over a base with isolated fixed points, E and G of rank `first` and `second`.

    The powers of the two hyperplane classes push forward to Segre classes, the coefficients of ``1/c(E)`` and
    ``1/c(G)``: homogeneous symmetric polynomials of the negative weights. The integral over the base is Bott's formula.
    """
    steps = n_points * (first + second) * base
    if steps > _MOST_STEPS:
        raise ResourceError(
            f"these polar degrees are a sum over {n_points} fixed points of a torus, {steps:.1e} steps where "
            f"{_MOST_STEPS:.0e} are allowed; take smaller matrices"
        )
    total = [Fraction(0)] * (base + 1)
    for matrices, conormal, tangents in fixed_points:
        left = _segre_classes(matrices, base)
        right = _segre_classes(conormal, base)
        denominator = prod(tangents)
        for a in range(base + 1):
            total[a] += Fraction(left[a] * right[base - a], denominator)
    return (*[0] * (first - 1), *(int(value) for value in total))


def _segre_classes(weights: Sequence[int], last: int) -> list[int]:
    """Coefficients of the inverse of ``prod (1 + w x)`` up to a power."""
    series = [1] + [0] * last
    for weight in weights:
        for k in range(1, last + 1):
            series[k] -= weight * series[k - 1]
    return series


def _complement(chosen: Sequence[int], n: int) -> list[int]:
    return [k for k in range(n) if k not in chosen]

"""Membership in ideals by linear algebra, with exact multipliers: of 1 above all (Hilbert's Nullstellensatz)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from flint import fmpq, fmpq_mat

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.sums_of_squares import Monomial, independent, multiples_up_to


def nullstellensatz(
    polynomials: Sequence[Polynomial], degree: int, *, max_columns: int = 1500
) -> list[tuple[int, Polynomial]] | None:
    """Try to prove that polynomials have no common complex zero: multipliers h_i with ``sum_i h_i f_i = 1``.

    Parameters and result are those of `combination` for the target 1; None proves nothing.

    Examples
    --------
    >>> a, b = Polynomial.variables(["a", "b"])
    >>> nullstellensatz([a, a * b - 1], 2)
    [(0, b), (1, -1)]
    """
    usable = [f for f in polynomials if f]
    if not usable:
        return None
    return combination(Polynomial.constant(1, usable[0].names), polynomials, degree, max_columns=max_columns)


def combination(
    target: Polynomial, polynomials: Sequence[Polynomial], degree: int, *, max_columns: int = 1500
) -> list[tuple[int, Polynomial]] | None:
    """Write a polynomial as a combination of others: multipliers h_i with ``sum_i h_i f_i = target``.

    Parameters
    ----------
    target : Polynomial
    polynomials : sequence of Polynomial
        f_i, in the same variables.
    degree : int
        Products ``h_i f_i`` have at most this degree.
    max_columns : int
        Give up where there would be more unknown coefficients.

    Returns
    -------
    list of (int, Polynomial) or None
        (i, h_i) with exact coefficients; the identity has been checked. None: there are none of these degrees, or
        finding them would take too long.

    Notes
    -----
    One linear system over the rational numbers; which of its unknowns to keep is found modulo a prime.

    Examples
    --------
    >>> u, v = Polynomial.variables(["u", "v"])
    >>> combination(u * v, [u, v**2 - 2], 2)
    [(0, v)]
    """
    if not target:
        return []
    usable = [f for f in polynomials if f]
    names = target.names
    if sum(math.comb(len(names) + degree - f.degree, len(names)) for f in usable if f.degree <= degree) > max_columns:
        return None
    multiples, origins = multiples_up_to(polynomials, degree)
    kept = independent(multiples) if multiples else []
    if not kept or len(independent([*(multiples[k] for k in kept), target])) > len(kept):
        return None
    monomials: dict[Monomial, int] = {}
    columns = [*(multiples[k] for k in kept), target]
    for f in columns:
        for exponents, _ in f.terms():
            monomials.setdefault(exponents, len(monomials))
    matrix = fmpq_mat(len(monomials), len(columns))
    for j, f in enumerate(columns):
        for exponents, c in f.terms():
            matrix[monomials[exponents], j] = fmpq(Fraction(c).numerator, Fraction(c).denominator)
    reduced, rank = matrix.rref()
    if rank != len(kept):
        return None
    multipliers: dict[int, Polynomial] = {}
    for j, k in enumerate(kept):
        value = reduced[j, len(kept)]
        if value != 0:
            index, monomial = origins[k]
            term = Polynomial([monomial], [Fraction(int(value.p), int(value.q))], names)
            multipliers[index] = multipliers.get(index, Polynomial.constant(0, names)) + term
    total = Polynomial.constant(0, names)
    for index, h in multipliers.items():
        total = total + h * polynomials[index]
    return sorted(multipliers.items(), key=lambda pair: pair[0]) if total == target else None

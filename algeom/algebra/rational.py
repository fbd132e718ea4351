"""From residues back to rational numbers: Chinese remaindering and rational reconstruction.

A rational number n/e is the only one with ``abs(n) <= N`` and ``0 < e <= E`` that has its residue modulo M, as soon
as ``2 N E < M``; the extended Euclidean algorithm finds it [1]_. With no other knowledge both bounds are
``sqrt(M/2)``.

References
----------
.. [1] P. S. Wang, M. J. T. Guy and J. H. Davenport, p-adic reconstruction of rational numbers,
   SIGSAM Bulletin 16 (1982) 2-3; J. von zur Gathen and J. Gerhard, Modern Computer Algebra, section 5.10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

Residues = Sequence[int] | NDArray[Any]


def height_bound(modulus: int) -> int:
    """Largest H such that fractions with ``abs(numerator), denominator <= H`` have distinct residues.

    Examples
    --------
    >>> height_bound(101), height_bound(2 * 49), height_bound(2 * 49 + 1)
    (7, 6, 7)
    """
    return math.isqrt((modulus - 1) // 2)


def _euclid(residue: int, modulus: int, numerator_bound: int, denominator_bound: int) -> tuple[int, int] | None:
    """Numerator and positive denominator with that residue, in lowest terms and within the bounds, or None."""
    r0, r1 = modulus, residue % modulus
    t0, t1 = 0, 1
    while r1 > numerator_bound:
        q, r2 = divmod(r0, r1)
        r0, r1 = r1, r2
        t0, t1 = t1, t0 - q * t1
    if abs(t1) > denominator_bound or math.gcd(r1, t1) != 1:
        return None
    return (r1, t1) if t1 > 0 else (-r1, -t1)


def rational_reconstruct(
    residue: int,
    modulus: int,
    *,
    numerator_bound: int | None = None,
    denominator_bound: int | None = None,
) -> Fraction | None:
    """Find the rational number of small height with a given residue.

    Parameters
    ----------
    residue : int
        Any representative.
    modulus : int
        At least 2; need not be prime.
    numerator_bound, denominator_bound : int, optional
        Largest absolute numerator and largest denominator allowed; both default to `height_bound` of the
        modulus. Uniqueness needs ``2 * numerator_bound * denominator_bound < modulus``, which is checked.

    Returns
    -------
    Fraction or None
        The only fraction n/e within the bounds, in lowest terms, e invertible modulo `modulus`, with
        ``n == e * residue`` modulo `modulus`; None if there is none.

    Raises
    ------
    InputError
        If the bounds allow two answers.

    Examples
    --------
    >>> rational_reconstruct(5, 13), rational_reconstruct(67, 101), rational_reconstruct(12, 101) is None
    (None, Fraction(-1, 3), True)
    """
    bound = height_bound(modulus)
    numerators = bound if numerator_bound is None else numerator_bound
    denominators = bound if denominator_bound is None else denominator_bound
    if 2 * numerators * denominators >= modulus:
        raise InputError(
            f"numerators up to {numerators} and denominators up to {denominators} are not determined modulo "
            f"{modulus}; give bounds whose product is below half the modulus"
        )
    pair = _euclid(residue, modulus, numerators, denominators)
    if pair is None or math.gcd(pair[1], modulus) != 1:
        return None
    return Fraction(*pair)


def reconstruct_vector(residues: Residues, modulus: int) -> list[int] | None:
    """Find the primitive integer vector that is proportional to a vector of rationals given by residues.

    The entries are reconstructed one after the other over a running common denominator: an entry that is small
    once multiplied by the denominator so far needs no Euclidean algorithm, which is nearly all of them.

    Parameters
    ----------
    residues : sequence of int or integer-valued array, shape (N,)
        Any representatives of the entries.
    modulus : int
        Their common modulus.

    Returns
    -------
    list of int or None
        Integers v with greatest common divisor 1 (all zero for a zero vector) such that some rational multiple
        ``c * v``, c positive, has the residues given; None if no v whose multiple ``c * v`` has numerators and
        a common denominator up to `height_bound` of the modulus exists. A null vector with an entry 1 always
        allows the denominator to be that entry of v, so that a modulus above ``2 * max(abs(v))**2`` suffices.

    Examples
    --------
    >>> p = 4194301
    >>> reconstruct_vector([1, pow(2, -1, p), -3 * pow(4, -1, p), 0], p)
    [4, 2, -3, 0]
    """
    bound = height_bound(modulus)
    denominator = 1
    numerators: list[int] = []
    half = modulus // 2
    for a in as_integers(residues):
        x = a * denominator % modulus
        if x > half:
            x -= modulus
        if abs(x) > bound:
            # The common denominator d * e has to stay below the bound, so what is left for e is bound // d.
            pair = _euclid(x, modulus, bound, bound // denominator)
            if pair is None or math.gcd(pair[1], modulus) != 1:
                return None
            x, factor = pair
            denominator *= factor
            numerators = [n * factor for n in numerators]
        numerators.append(x)
    if any(abs(n) > bound for n in numerators):
        return None
    content = math.gcd(*numerators)
    return [n // content for n in numerators] if content > 1 else numerators


def as_integers(values: Residues) -> list[int]:
    """Python integers from a sequence of integers or an array that holds integers, as floating point or not.

    Examples
    --------
    >>> as_integers(np.array([-3.0, 2.0])), as_integers([np.int64(5)])
    ([-3, 2], [5])
    """
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            values = values.astype(np.int64)
        return [int(v) for v in values.tolist()]
    return [int(v) for v in values]


def crt(residue_a: int, modulus_a: int, residue_b: int, modulus_b: int) -> tuple[int, int]:
    """Combine residues modulo two coprime numbers.

    Returns
    -------
    tuple of int
        The residue in [0, M) modulo ``M = modulus_a * modulus_b``, and M.

    Raises
    ------
    InputError
        If the moduli have a common factor.

    Examples
    --------
    >>> crt(2, 3, 4, 7)
    (11, 21)
    """
    inverse = _inverse(modulus_a, modulus_b)
    a = residue_a % modulus_a
    return a + modulus_a * ((residue_b - a) * inverse % modulus_b), modulus_a * modulus_b


def _inverse(a: int, modulus: int) -> int:
    try:
        return pow(a, -1, modulus)
    except ValueError:
        raise InputError(
            f"the moduli {a} and {modulus} have the common factor {math.gcd(a, modulus)}; "
            "Chinese remaindering needs coprime moduli"
        ) from None


class ResidueVector:
    """A vector known modulo a growing product of coprime moduli.

    Attributes
    ----------
    modulus : int
        The product of the moduli added so far; 1 at the start.
    residues : list of int
        The entries, in [0, modulus).

    Examples
    --------
    >>> v = ResidueVector()
    >>> for p in (101, 103, 107):
    ...     v.add([1, 55 * pow(7, -1, p)], p)
    >>> v.reconstruct()
    [7, 55]
    """

    def __init__(self) -> None:
        self.modulus = 1
        self.residues: list[int] = []

    def add(self, residues: Residues, modulus: int) -> None:
        """Take in the same vector modulo one more number.

        Parameters
        ----------
        residues : sequence of int or integer-valued array, shape (N,)
            Any representatives, balanced ones in floating point for instance.
        modulus : int
            Coprime to every modulus added before.

        Raises
        ------
        InputError
            If the length changes or the modulus is not coprime to the others.
        """
        new = as_integers(residues)
        if self.modulus == 1:
            self.residues = [b % modulus for b in new]
        else:
            if len(new) != len(self.residues):
                raise InputError(f"the vector has {len(self.residues)} entries so far; {len(new)} were added")
            inverse = _inverse(self.modulus, modulus)
            step = self.modulus
            self.residues = [a + step * ((b - a) * inverse % modulus) for a, b in zip(self.residues, new, strict=True)]
        self.modulus *= modulus

    def reconstruct(self) -> list[int] | None:
        """Primitive integer vector proportional to the rationals behind the residues: `reconstruct_vector`."""
        return reconstruct_vector(self.residues, self.modulus)

"""Random primes, residues modulo them, and how likely a random prime is to mislead.

A computation over Q that is done modulo a prime goes wrong only if the prime divides one fixed nonzero
integer: a denominator, a minor that witnesses a rank, a value of a polynomial that does not vanish. A prime
drawn at random divides a fixed integer with a probability that `log10_bad_prime` bounds.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from flint import fmpz

from algeom.errors import InputError

#: Exact numbers of primes with b bits for the b below the range of the inequality used (2 is left out: it is even).
_SMALL_COUNTS = {2: 1, 3: 2, 4: 2, 5: 5}


def _random_bits(rng: np.random.Generator, bits: int) -> int:
    """Draw an integer uniformly from [0, 2^bits), for any number of bits."""
    return int.from_bytes(rng.bytes((bits + 7) // 8), "little") >> (-bits % 8)


def random_prime(rng: np.random.Generator, bits: int = 22) -> int:
    """Draw a prime uniformly among the odd primes of exactly the given number of bits.

    Odd numbers with the top bit set are drawn until one is prime; primality is proved, not guessed
    (FLINT's `fmpz_is_prime`: a base-2 test with tables below 2^64, a certificate beyond).

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the random bits come from.
    bits : int
        Length of the prime, at least 2.

    Returns
    -------
    int
        A prime p with 2^(bits-1) < p < 2^bits.

    Raises
    ------
    InputError
        If `bits` is below 2.

    Examples
    --------
    >>> p = random_prime(np.random.default_rng(0))
    >>> p, p.bit_length()
    (2924191, 22)
    """
    if bits < 2:
        raise InputError(f"bits is {bits}; an odd prime has at least 2 bits")
    low_and_top = (1 << (bits - 1)) | 1
    while True:
        candidate = _random_bits(rng, bits) | low_and_top
        if fmpz(candidate).is_prime():
            return candidate


def verification_prime(rng: np.random.Generator, bits: int = 62) -> int:
    """Draw a prime for a check in exact integer arithmetic, large enough that it hardly ever misleads.

    The same as `random_prime` with a default of 62 bits, which is what still fits a machine word (python-flint's
    `nmod`), and a refusal below 61.

    Examples
    --------
    >>> verification_prime(np.random.default_rng(0)).bit_length()
    62
    """
    if bits < 61:
        raise InputError(f"bits is {bits}; primes for verification have at least 61 bits")
    return random_prime(rng, bits)


def balanced(x: int, p: int) -> int:
    """Residue of x modulo the odd number p in [-(p-1)/2, (p-1)/2].

    Examples
    --------
    >>> [balanced(x, 7) for x in range(8)]
    [0, 1, 2, 3, -3, -2, -1, 0]
    """
    r = x % p
    return r - p if 2 * r > p else r


def residue(q: Fraction | int, p: int) -> int:
    """Balanced residue of a rational number modulo the odd prime p.

    Raises
    ------
    ZeroDivisionError
        If p divides the denominator.

    Examples
    --------
    >>> residue(Fraction(1, 2), 7), residue(-8, 7)
    (-3, -1)
    """
    if isinstance(q, int):
        return balanced(q, p)
    try:
        inverse = pow(int(q.denominator), -1, p)
    except ValueError:
        raise ZeroDivisionError(f"the denominator of {q} has no inverse modulo {p}") from None
    return balanced(int(q.numerator) * inverse, p)


def count_primes(bits: int) -> int:
    """Proven lower bound for the number of odd primes of exactly the given number of bits.

    Below 6 bits the number is exact. From there on it is Corollary 3 of Theorem 2 in [1]_,
    ``pi(2x) - pi(x) > 3x / (5 log x)`` for x >= 20.5, with x = 2^(bits-1); the true number is less than
    1.7 times as large.

    References
    ----------
    .. [1] J. B. Rosser and L. Schoenfeld, Approximate formulas for some functions of prime numbers,
       Illinois J. Math. 6 (1962) 64-94.

    Examples
    --------
    >>> count_primes(4), count_primes(22)  # 11 and 13; 140,336 primes have 22 bits
    (2, 86444)
    """
    if bits < 2:
        raise InputError(f"bits is {bits}; an odd prime has at least 2 bits")
    if bits in _SMALL_COUNTS:
        return _SMALL_COUNTS[bits]
    # log(2^(bits-1)) = (bits-1) log 2 and log 2 < 0.6931471806, so that the integer division rounds down.
    return 3 * (1 << (bits - 1)) * 10**10 // (5 * (bits - 1) * 6931471806)


def log10_bad_prime(height_bits: int, bits: int) -> float:
    """Bound the probability that a random prime divides a fixed nonzero integer.

    An integer N with 0 < abs(N) < 2^height_bits is divisible by fewer than ``height_bits / (bits-1)`` primes above
    2^(bits-1), since their product divides N; `count_primes` says among how many the prime was drawn.

    Parameters
    ----------
    height_bits : int
        Number of bits of the integer, or more.
    bits : int
        Number of bits of the random prime, as given to `random_prime`.

    Returns
    -------
    float
        Base-10 logarithm of the bound; ``-inf`` where no prime of that size can divide the integer, at most 0.

    Examples
    --------
    >>> round(log10_bad_prime(1000, 62), 2)  # at most 16 of at least 3.27e16 primes
    -15.31
    >>> log10_bad_prime(20, 22)
    -inf
    """
    if height_bits < 1:
        raise InputError(f"height_bits is {height_bits}; a nonzero integer has at least one bit")
    primes = count_primes(bits)
    divisors = -(-height_bits // (bits - 1)) - 1
    if divisors <= 0:
        return -math.inf
    return min(0.0, math.log10(divisors) - math.log10(primes))

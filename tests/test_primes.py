"""Random primes and the bounds on bad ones."""

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algeom.algebra.primes import (
    balanced,
    count_primes,
    log10_bad_prime,
    random_prime,
    residue,
    verification_prime,
)
from algeom.errors import InputError


def primes_below(limit):
    sieve = np.ones(limit, dtype=bool)
    sieve[:2] = False
    for k in range(2, math.isqrt(limit) + 1):
        if sieve[k]:
            sieve[k * k :: k] = False
    return np.flatnonzero(sieve)


PRIMES = primes_below(1 << 23)


@pytest.mark.parametrize("bits", range(2, 24))
def test_random_primes_have_the_size_and_are_prime(bits):
    rng = np.random.default_rng(bits)
    table = set(PRIMES[(1 << (bits - 1) < PRIMES) & (1 << bits > PRIMES)].tolist())
    assert {random_prime(rng, bits) for _ in range(50)} <= table


@pytest.mark.parametrize("bits", [61, 62, 63, 64, 65, 128, 521])
def test_large_random_primes(bits):
    p = verification_prime(np.random.default_rng(1), bits)
    assert p.bit_length() == bits
    assert all(pow(a, p - 1, p) == 1 for a in (2, 3, 5, 7))


def test_draws_are_uniform():
    rng = np.random.default_rng(7)
    counts = Counter(random_prime(rng, 7) for _ in range(6500))
    assert sorted(counts) == [67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127]
    chi_square = sum((c - 500) ** 2 / 500 for c in counts.values())
    assert chi_square < 32.9  # 0.999 quantile with 12 degrees of freedom


def test_same_seed_same_prime():
    assert random_prime(np.random.default_rng(5), 40) == random_prime(np.random.default_rng(5), 40)


@pytest.mark.parametrize("bits", range(2, 24))
def test_count_is_a_lower_bound_and_not_a_bad_one(bits):
    true = int(np.sum((1 << (bits - 1) < PRIMES) & (1 << bits > PRIMES)))
    assert true / 1.7 < count_primes(bits) <= true


@given(st.integers(), st.sampled_from([3, 5, 7, 2097169, (1 << 61) - 1]))
def test_balanced(x, p):
    r = balanced(x, p)
    assert -(p - 1) // 2 <= r <= (p - 1) // 2
    assert (x - r) % p == 0


@given(st.fractions(), st.sampled_from([3, 4194301, (1 << 61) - 1]))
def test_residue(q, p):
    if q.denominator % p == 0:
        with pytest.raises(ZeroDivisionError, match="no inverse modulo"):
            residue(q, p)
    else:
        r = residue(q, p)
        assert 2 * abs(r) < p
        assert (r * q.denominator - q.numerator) % p == 0
        assert residue(int(q), p) == balanced(int(q), p)


def test_bad_prime_bound_against_the_worst_integer():
    # The integer with the most 8-bit prime divisors for its size: the product of the smallest of them.
    primes = [int(p) for p in PRIMES if 128 < p < 256]
    product = 1
    for k, p in enumerate(primes, 1):
        product *= p
        assert 10 ** log10_bad_prime(product.bit_length(), 8) >= min(1.0, k / len(primes)) - 1e-12
    assert log10_bad_prime(8, 8) <= math.log10(1 / count_primes(8))
    assert log10_bad_prime(7, 8) == -math.inf
    assert log10_bad_prime(10**9, 8) == 0.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: random_prime(np.random.default_rng(0), 1),
        lambda: verification_prime(np.random.default_rng(0), 60),
        lambda: count_primes(1),
        lambda: log10_bad_prime(0, 22),
        lambda: log10_bad_prime(5, 1),
    ],
)
def test_refusals(call):
    with pytest.raises(InputError):
        call()


def test_residue_of_a_rational_matches_its_inverse():
    assert residue(Fraction(3, 4), 101) * 4 % 101 == 3

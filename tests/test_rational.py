"""Chinese remaindering and rational reconstruction."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from algeom.algebra.primes import random_prime
from algeom.algebra.rational import (
    ResidueVector,
    as_integers,
    crt,
    height_bound,
    rational_reconstruct,
    reconstruct_vector,
)
from algeom.errors import InputError


def fractions_of_height(bound):
    return {Fraction(n, e) for e in range(1, bound + 1) for n in range(-bound, bound + 1) if math.gcd(n, e) == 1}


@pytest.mark.parametrize("modulus", [2, 3, 8, 15, 97, 98, 99, 100, 101, 360, 361])
def test_reconstruction_is_exactly_the_inverse_of_reduction(modulus):
    small = fractions_of_height(height_bound(modulus))
    table = {
        q.numerator * pow(q.denominator, -1, modulus) % modulus: q
        for q in small
        if math.gcd(q.denominator, modulus) == 1
    }
    assert len(table) == sum(math.gcd(q.denominator, modulus) == 1 for q in small)
    for a in range(-modulus, modulus):
        assert rational_reconstruct(a, modulus) == table.get(a % modulus)


@given(st.integers(1, 10**40), st.integers(-(10**40), 10**40), st.integers(0, 2**32))
def test_reconstruction_of_large_fractions(e, n, seed):
    q = Fraction(n, e)
    m = random_prime(np.random.default_rng(seed), 270)
    assert rational_reconstruct(q.numerator * pow(q.denominator, -1, m), m) == q


def test_unbalanced_bounds():
    m = 1000003
    assert rational_reconstruct(123456 * pow(3, -1, m), m, numerator_bound=150000, denominator_bound=3) == 41152
    q = rational_reconstruct(100001 * pow(3, -1, m), m, numerator_bound=150000, denominator_bound=3)
    assert q == Fraction(100001, 3)
    with pytest.raises(InputError, match="not determined"):
        rational_reconstruct(1, m, numerator_bound=1000, denominator_bound=1000)


def primitive(v):
    g = math.gcd(*v)
    return [x // g for x in v] if g else list(v)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=12), st.integers(0, 2**32))
def test_vector_from_its_normalization(entries, seed):
    v = primitive(entries)
    pivots = [x for x in v if x]
    assume(pivots)
    rng = np.random.default_rng(seed)
    pivot = pivots[int(rng.integers(len(pivots)))]
    m = random_prime(rng, 2 * max(map(abs, v)).bit_length() + 2)
    assume(pivot % m)
    result = reconstruct_vector([x * pow(pivot, -1, m) for x in v], m)
    assert result == (v if pivot > 0 else [-x for x in v])


def test_vector_refuses_what_is_too_tall_and_never_invents():
    rng = np.random.default_rng(3)
    m = random_prime(rng, 22)
    accepted = 0
    for _ in range(200):
        residues = rng.integers(m, size=8).tolist()
        v = reconstruct_vector(residues, m)
        if v is not None:
            accepted += 1
            assert max(map(abs, v)) <= height_bound(m)
            k = next(i for i, x in enumerate(v) if x)
            ratio = residues[k] * pow(v[k], -1, m)
            assert all((a - ratio * x) % m == 0 for a, x in zip(residues, v, strict=True))
    assert accepted == 0  # each entry after the first two fits by chance with probability about 1/1400
    # The least common denominator exceeds the bound although every entry alone is small.
    assert reconstruct_vector([pow(e, -1, m) for e in (101, 103)], m) is None


def test_vectors_of_zeros_and_empty():
    assert reconstruct_vector([0, 0, 7], 7) == [0, 0, 0]
    assert reconstruct_vector([], 7) == []
    assert reconstruct_vector(np.array([0.0, -2.0, 4.0]), 4194301) == [0, -1, 2]


@given(st.integers(), st.integers(2, 10**9), st.integers(2, 10**9))
def test_crt(x, m, k):
    if math.gcd(m, k) == 1:
        assert crt(x, m, x, k) == (x % (m * k), m * k)
    else:
        with pytest.raises(InputError, match="common factor"):
            crt(x, m, x, k)


@given(st.lists(st.integers(-(10**60), 10**60), min_size=2, max_size=6), st.integers(0, 2**32))
def test_residue_vector_stabilizes(entries, seed):
    v = primitive(entries)
    assume(v[0] > 0)
    rng = np.random.default_rng(seed)
    accumulated = ResidueVector()
    primes = set()
    while accumulated.modulus <= 2 * max(map(abs, v)) ** 2:
        p = random_prime(rng, 22)
        if p in primes or v[0] % p == 0:
            continue
        primes.add(p)
        residues = np.array([x * pow(v[0], -1, p) % p for x in v], dtype=float)
        accumulated.add(np.where(2 * residues > p, residues - p, residues), p)
    assert accumulated.reconstruct() == v
    assert all(0 <= a < accumulated.modulus for a in accumulated.residues)


def test_residue_vector_refusals():
    v = ResidueVector()
    v.add([1, 2], 7)
    with pytest.raises(InputError, match="2 entries"):
        v.add([1], 11)
    with pytest.raises(InputError, match="common factor 7"):
        v.add([1, 2], 21)
    assert v.residues == [1, 2]
    assert v.modulus == 7


def test_as_integers_keeps_large_ones():
    assert as_integers([10**30, np.int64(-4)]) == [10**30, -4]
    assert as_integers(np.array([10**30, 2], dtype=object)) == [10**30, 2]

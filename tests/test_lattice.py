"""Integer lattices: laws, and small cases by brute force."""

import itertools
import math

import numpy as np
import pytest
from flint import fmpq_mat, fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.algebra.lattice import hermite_normal_form, integer_kernel, lift_row_space, lll_reduce, saturate
from algeom.errors import InputError


def rank(rows):
    return fmpz_mat(rows).rank() if rows else 0


def maximal_minors_gcd(basis):
    r, m = len(basis), len(basis[0])
    return math.gcd(
        *(
            int(fmpz_mat([[row[j] for j in columns] for row in basis]).det())
            for columns in itertools.combinations(range(m), r)
        )
    )


def matrices(largest=4, size=9):
    entry = st.one_of(st.integers(-3, 3), st.integers(-size, size), st.integers(-(10**25), 10**25))
    return st.integers(1, 5).flatmap(
        lambda m: st.lists(st.lists(entry, min_size=m, max_size=m), min_size=1, max_size=largest)
    )


def dependent(matrix, coefficients):
    """The matrix with integer combinations of its rows put in front."""
    extra = [
        [sum(c * row[j] for c, row in zip(combination, matrix, strict=False)) for j in range(len(matrix[0]))]
        for combination in coefficients
    ]
    return extra + matrix


combinations = st.lists(st.lists(st.integers(-5, 5), min_size=4, max_size=4), max_size=3)


@given(matrices(), combinations)
def test_lll_and_hermite_keep_the_lattice(matrix, coefficients):
    rows = dependent(matrix, coefficients)
    reduced, hermite = lll_reduce(rows), hermite_normal_form(rows)
    assert len(reduced) == len(hermite) == rank(rows)
    assert hermite_normal_form(reduced) == hermite == hermite_normal_form(matrix)
    assert lll_reduce([]) == hermite_normal_form([]) == []


@given(matrices())
def test_hermite_form_is_canonical(matrix):
    hermite = hermite_normal_form(matrix)
    pivots = [next(j for j, x in enumerate(row) if x) for row in hermite]
    assert pivots == sorted(set(pivots))
    for i, j in enumerate(pivots):
        assert hermite[i][j] > 0
        assert all(0 <= hermite[k][j] < hermite[i][j] for k in range(i))


@given(matrices())
def test_lll_satisfies_the_definition(matrix):
    basis = lll_reduce(matrix)
    if not basis:
        return
    exact = [[fmpq_mat(fmpz_mat([row])), None] for row in basis]
    dot = lambda a, b: (a * b.transpose())[0, 0]  # noqa: E731
    orthogonal, mu = [], {}
    for i, (row, _) in enumerate(exact):
        star = row
        for j, other in enumerate(orthogonal):
            mu[i, j] = dot(row, other) / dot(other, other)
            star = star - other * mu[i, j]
        orthogonal.append(star)
    # FLINT's delta 0.99 and eta 0.51, with room for its floating-point arithmetic.
    assert all(abs(float(int(x.p) / int(x.q))) <= 0.511 for x in mu.values())
    for i in range(1, len(basis)):
        previous, current = (dot(orthogonal[k], orthogonal[k]) for k in (i - 1, i))
        ratio = current / previous + mu[i, i - 1] ** 2
        assert int(ratio.p) / int(ratio.q) >= 0.989


@given(matrices(), combinations)
def test_saturation(matrix, coefficients):
    rows = dependent(matrix, coefficients)
    basis = saturate(rows)
    r = rank(rows)
    assert len(basis) == r
    assert rank(basis + rows) == r
    if basis:
        assert maximal_minors_gcd(basis) == 1
    assert hermite_normal_form(saturate(basis)) == hermite_normal_form(basis)
    # Saturation is idempotent and contains the rows' own lattice.
    assert hermite_normal_form(basis + rows) == hermite_normal_form(basis)


@given(matrices(), combinations)
def test_kernel(matrix, coefficients):
    rows = dependent(matrix, coefficients)
    m = len(matrix[0])
    basis = integer_kernel(rows)
    assert len(basis) == m - rank(rows)
    for v in basis:
        assert all(sum(a * x for a, x in zip(row, v, strict=True)) == 0 for row in rows)
    if basis:
        assert maximal_minors_gcd(basis) == 1
        double = integer_kernel(basis)
        assert hermite_normal_form(double) == hermite_normal_form(saturate(rows))


def test_kernel_by_brute_force():
    rng = np.random.default_rng(4)
    for _ in range(10):
        a = rng.integers(-3, 4, size=(2, 4))
        basis = integer_kernel(a)
        box = [v for v in itertools.product(range(-3, 4), repeat=4) if not np.any(a @ np.array(v))]
        hermite = hermite_normal_form(basis)
        assert all(hermite_normal_form([*basis, list(v)]) == hermite for v in box)


def test_kernels_without_constraints():
    identity = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert integer_kernel([], columns=3) == identity
    assert integer_kernel(np.zeros((0, 3), dtype=np.int64)) == identity
    assert integer_kernel([[0, 0, 0]]) == identity
    assert integer_kernel(np.eye(3)) == []
    assert saturate([]) == saturate([[0, 0]]) == []


def test_known_short_bases():
    # The weights of the Segre embedding of P1 x P1: all gradings of the 2 x 2 determinant.
    assert sorted(integer_kernel([[1, -1, -1, 1]])) == sorted(lll_reduce(integer_kernel([[1, -1, -1, 1]])))
    reduced = integer_kernel([[1, -1, -1, 1]])
    assert max(abs(x) for row in reduced for x in row) == 1
    # A generator of a planted short lattice survives a unimodular change of basis.
    short = [[1, 0, 2, 1, 0], [0, 1, -1, 1, 1]]
    mixed = [
        [17 * a + 12 * b for a, b in zip(*short, strict=True)],
        [24 * a + 17 * b for a, b in zip(*short, strict=True)],
    ]
    assert max(abs(x) for row in lll_reduce(mixed) for x in row) <= 2


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_lift_row_space(seed, k):
    rng = np.random.default_rng(seed)
    p = 4194301
    m = k + int(rng.integers(1, 5))
    basis = saturate(rng.integers(-2, 3, size=(k, m)))
    if not basis:
        return
    echelon, denominator, r = fmpz_mat(basis).rref()
    inverse = pow(int(denominator), -1, p)
    residues = np.array(
        [[int(x) * inverse % p for x in row] for row in echelon.tolist()[:r]],
        dtype=float,
    )
    residues[2 * residues > p] -= p
    lifted = lift_row_space(residues, p)
    assert hermite_normal_form(lifted) == hermite_normal_form(basis)


def test_lift_refuses_what_needs_a_larger_modulus():
    p = 4194301
    row = [1, 5000 * pow(4999, -1, p) % p, 5001 * pow(4997, -1, p) % p, 5003 * pow(4993, -1, p) % p]
    assert lift_row_space([row], p) is None
    assert lift_row_space([], p) == []


def test_refusals():
    with pytest.raises(InputError, match="different lengths"):
        lll_reduce([[1, 2], [3]])
    with pytest.raises(InputError, match="two axes"):
        saturate(np.arange(3))
    with pytest.raises(InputError, match="number of columns must be given"):
        integer_kernel([])
    with pytest.raises(InputError, match="has 2 columns"):
        integer_kernel([[1, 2]], columns=3)

"""The numbers of determinantal varieties against the engine, other formulas and known values."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

import algeom as ag
from algeom.errors import InputError
from algeom.networks.linear.determinantal import (
    determinantal_degree,
    determinantal_dimension,
    determinantal_ed_degree,
    determinantal_singular_rank,
)

SIZES = [(m, n, r) for m in range(1, 7) for n in range(1, 7) for r in range(min(m, n) + 1)]


@pytest.mark.parametrize(
    ("size", "dimension", "degree", "ed_degree"),
    [((4, 4, 2), 12, 20, 6), ((3, 3, 1), 5, 6, 3), ((3, 3, 2), 8, 3, 3), ((2, 2, 1), 3, 2, 2), ((3, 4, 2), 10, 6, 3)],
)
def test_known_values(size, dimension, degree, ed_degree):
    assert determinantal_dimension(*size) == dimension
    assert determinantal_degree(*size) == degree
    assert determinantal_ed_degree(*size) == ed_degree


def test_numbers_do_not_change_with_the_transpose():
    for m, n, r in SIZES:
        for number in (determinantal_dimension, determinantal_degree, determinantal_ed_degree):
            assert number(m, n, r) == number(n, m, r)


def test_degree_agrees_with_the_last_polar_degree_and_with_factorials():
    for m, n, r in [(2, 2, 1), (2, 3, 1), (3, 3, 1), (3, 3, 2), (3, 4, 2), (4, 4, 3)]:
        formula = ag.ed_degree_formula("determinantal", m, n, r)
        assert determinantal_degree(m, n, r) == formula.polar_degrees[-1]
        unit = ag.ed_degree_formula("determinantal", m, n, r, weights="unit")
        assert determinantal_ed_degree(m, n, r) == unit.value
    for m, n, r in SIZES:
        numerator = denominator = 1
        for i in range(n - r):
            numerator *= factorial(m + i) * factorial(i)
            denominator *= factorial(r + i) * factorial(m - r + i)
        assert determinantal_degree(m, n, r) * denominator == numerator


def test_extreme_ranks_are_linear_spaces():
    for m, n in [(1, 1), (1, 5), (4, 4), (3, 5)]:
        for r, dimension in ((0, 0), (min(m, n), m * n)):
            numbers = (
                determinantal_dimension(m, n, r),
                determinantal_degree(m, n, r),
                determinantal_ed_degree(m, n, r),
            )
            assert numbers == (dimension, 1, 1)
            assert determinantal_singular_rank(m, n, r) is None


@pytest.mark.parametrize("size", [(2, 3, 1), (3, 3, 2), pytest.param((3, 4, 2), marks=pytest.mark.slow)])
def test_engine_finds_the_same_numbers(size):
    phi = ag.varieties.determinantal(*size)
    assert ag.dimension(phi, rng=1).value == determinantal_dimension(*size)
    assert ag.degree(phi, rng=1).value == determinantal_degree(*size)
    assert ag.ed_degree(phi, rng=1).value == determinantal_ed_degree(*size)


def test_weights_on_columns_change_nothing_and_general_ones_do():
    phi = ag.varieties.determinantal(2, 3, 1)
    assert ag.ed_degree(phi, [3, 2, 1, 3, 2, 1], rng=1).value == determinantal_ed_degree(2, 3, 1) == 2
    assert ag.ed_degree(ag.varieties.determinantal(2, 2, 1), "generic", rng=1).value == 6


def test_all_minors_have_zero_differentials_exactly_up_to_the_singular_rank():
    for m, n, r in [(3, 3, 2), (3, 4, 2), (3, 3, 1)]:
        singular = determinantal_singular_rank(m, n, r)
        for s in range(r + 1):
            # At diag(1, ..., 1, 0, ..., 0) the differential of a minor is a cofactor in each entry.
            matrix = np.eye(m, n) * (np.arange(n) < s)
            cofactors = [
                np.linalg.det(matrix[np.ix_(rows, columns)])
                for rows in combinations(range(m), r)
                for columns in combinations(range(n), r)
            ]
            assert (s <= singular) == (not np.any(cofactors))


@pytest.mark.parametrize("bad", [(0, 2, 1), (2, -1, 0), (2, 3, 3), (2, 3, -1), (2.0, 3, 1), (True, 3, 1)])
def test_bad_sizes_are_refused(bad):
    for number in (
        determinantal_dimension,
        determinantal_degree,
        determinantal_ed_degree,
        determinantal_singular_rank,
    ):
        with pytest.raises(InputError):
            number(*bad)

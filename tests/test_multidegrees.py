"""Monomial kernels and the table of multidegrees against plain Python."""

import math

import naive_monomials as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom._kernels import monomials as kernels
from algeom.implicitization.multidegrees import Multidegrees, find_rows


@st.composite
def gradings(draw):
    m = draw(st.integers(1, 5))
    rank = draw(st.integers(0, 3))
    weights = draw(st.lists(st.lists(st.integers(-3, 3), min_size=m, max_size=m), min_size=rank, max_size=rank))
    return np.array(weights, np.int64).reshape(rank, m), draw(st.integers(1, 4))


@given(gradings())
@settings(max_examples=40, deadline=None)
def test_table_lists_every_monomial_once_in_order(case):
    weights, degree = case
    table = Multidegrees(weights, degree)
    expected = naive.multidegree_table(weights.tolist() or [[0] * weights.shape[1]], degree)
    if len(weights) == 0:
        expected = {(k, ()): v for (k, _), v in expected.items()}
    assert len(table.counts) == len(expected)
    for k in range(degree + 1):
        for node in table.nodes(k):
            listed = [tuple(row) for row in table.monomials(int(node)).tolist()]
            assert listed == expected[k, tuple(table.vectors[node].tolist())]
            assert len(listed) == table.counts[node]
            assert table.degree_of(int(node)) == k


@given(gradings())
@settings(max_examples=30, deadline=None)
def test_counts_sum_to_all_monomials(case):
    weights, degree = case
    table = Multidegrees(weights, degree)
    m = weights.shape[1]
    for k in range(degree + 1):
        assert table.counts[table.nodes(k)].sum() == math.comb(m + k - 1, k)


@given(gradings())
@settings(max_examples=30, deadline=None)
def test_division_subtracts_the_weight_of_the_variable(case):
    weights, degree = case
    table = Multidegrees(weights, degree)
    for node in table.nodes(degree):
        divisible = {i for row in table.monomials(int(node)).tolist() for i in row}
        for i, rest in enumerate(table.divide[node]):
            assert (rest >= 0) or (i not in divisible)
            if rest >= 0:
                assert np.array_equal(table.vectors[rest], table.vectors[node] - weights[:, i])


def test_huge_weights_do_not_overflow_the_row_keys():
    weights = np.array([[2**40, -(2**40), 1, 0], [0, 2**39, 5, -(2**41)], [1, 1, 1, 1]])
    table = Multidegrees(weights, 3)
    assert table.counts[table.nodes(3)].sum() == math.comb(6, 3)
    level = table.vectors[table.nodes(3)]
    assert find_rows(level, level[::-1]).tolist() == list(range(len(level)))[::-1]
    assert find_rows(level, level[:1] + 1) is None


@pytest.mark.parametrize("p", [3, 5, 101, 2097143, 4194301, 8388593])
@pytest.mark.parametrize("points", [1, 127, 130])
def test_evaluation_matches_plain_integers(p, points):
    rng = np.random.default_rng(p + points)
    y = rng.integers(0, p, size=(4, points + 3))
    balanced = (y - p * (y > p // 2)).astype(float)
    for degree in range(4):
        table = Multidegrees(np.zeros((0, 4), np.int64), degree)
        monomials = table.monomials(int(table.nodes(degree)[0]))
        out = np.empty((points, len(monomials)))
        kernels.evaluate_monomials(monomials, balanced, float(p), 2, out)
        assert np.abs(out).max() <= (p - 1) // 2
        expected = naive.evaluate(monomials.tolist(), y[:, 2 : 2 + points].tolist(), p)
        assert (out.astype(int) % p).tolist() == [[v % p for v in row] for row in expected]

"""Dimension and diagonal symmetries against theorems, on maps with known answers and on degenerate ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.evidence import Status
from algeom.networks import relu_pattern_map


def test_independence_model():
    phi = ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"])
    found = ag.dimension(phi, rng=1)
    assert (found.value, found.projective, found.expected, found.defect, found.fiber) == (2, None, 2, 0, 0)
    assert found.evidence.status is Status.PROVED


def test_defective_secant_of_the_veronese_surface():
    """sigma_2 of the Veronese surface in P^5 has dimension 4, not 5 (Severi 1901)."""
    phi = ag.polynomial_map(
        lambda a, b: [a[i] * a[j] + b[i] * b[j] for i in range(3) for j in range(i, 3)],
        parameters={"a": (3,), "b": (3,)},
    )
    found = ag.dimension(phi, rng=2)
    assert (found.value, found.projective, found.defect) == (5, 4, 1)
    assert found.evidence.status is Status.PROBABILISTIC
    assert found.evidence.log10_error < -15


@pytest.mark.parametrize(
    ("formulas", "dimension", "projective"),
    [
        (["3", "5"], 0, None),
        (["0*a", "0*a"], 0, None),
        (["a", "a", "b"], 2, 1),
        (["a"], 1, 0),
        (["a^2", "a^3"], 1, None),
        (["a", "b", "0*a"], 2, 1),
        (["a/(1+b)", "b/(1+b)", "1/(1+b)"], 2, None),
        (["a/b", "b/a", "1"], 1, None),
    ],
)
def test_degenerate_maps(formulas, dimension, projective):
    found = ag.dimension(ag.polynomial_map(formulas, parameters=["a", "b"]), rng=3)
    assert (found.value, found.projective) == (dimension, projective)


def test_same_seed_same_result():
    phi = ag.polynomial_map(["a*b", "a+b", "a*a*b"])
    assert ag.dimension(phi, rng=5) == ag.dimension(phi, rng=5)
    assert ag.dimension(phi, rng=np.random.default_rng(1)).seed == ag.dimension(phi, rng=np.random.default_rng(1)).seed


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3).filter(any), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_monomial_maps_are_graded_by_their_exponents(exponents):
    """The ideal of a toric variety is homogeneous exactly for the row space of its exponent matrix."""
    formulas = ["*".join(f"{v}^{e}" for v, e in zip("abc", row, strict=True)) for row in exponents]
    found = ag.grading(ag.polynomial_map(formulas, parameters=["a", "b", "c"]), rng=7)
    matrix = np.array(exponents).T
    rank = np.linalg.matrix_rank(matrix)
    assert found.rank == rank
    assert np.linalg.matrix_rank(np.concatenate([matrix, found.weights])) == rank
    assert found.evidence.status is Status.PROVED
    ones = np.ones((1, len(exponents)))
    assert found.homogeneous == (np.linalg.matrix_rank(np.concatenate([matrix, ones])) == rank)


def test_grading_that_no_parameter_scaling_shows():
    """The cuspidal cubic y^2 = x^3 moved along its parameter: weights (2, 3) appear about the cusp at t = 1."""
    phi = ag.polynomial_map(["(t-1)^2", "(t-1)^3"])
    found = ag.grading(phi, rng=1)
    assert found.weights.tolist() in ([[2, 3]], [[-2, -3]])
    assert found.evidence.status is Status.PROBABILISTIC
    assert found.evidence.log10_error < -6


def test_random_coordinates_leave_the_total_degree_only():
    phi = ag.polynomial_map(lambda t: [t[0] ** 3, t[0] ** 2 * t[1], t[0] * t[1] ** 2, t[1] ** 3], n_parameters=2)
    mixed = phi.linear_change(np.random.default_rng(0).integers(-9, 10, (4, 4)))
    found = ag.grading(mixed, rng=1)
    assert found.weights.tolist() in ([[1, 1, 1, 1]], [[-1, -1, -1, -1]])
    assert found.homogeneous


def test_zero_and_dominant_maps_have_every_grading():
    for formulas in (["0*a", "0*a"], ["a", "b"]):
        assert ag.grading(ag.polynomial_map(formulas, parameters=["a", "b"]), rng=1).rank == 2


def test_grading_when_few_equations_concern_most_weights():
    """Of the 9 normals at a point all but one concern a single block; that one ties the scalings of both blocks."""
    phi = relu_pattern_map((5, 5, 5), ["11100", "00111"])
    assert ag.grading(phi, rng=1).rank == 9


def test_weights_that_one_prime_is_too_small_for():
    """A map of degree 400: the echelon form of its weights has fractions that 22 bits do not determine."""
    phi = ag.polynomial_map(["a^400+b", "a*b^399", "b^3"])
    # a has weight 1, and b the weight 400 of a^400.
    assert ag.grading(phi, rng=1).weights.tolist() in ([[400, 159601, 1200]], [[-400, -159601, -1200]])

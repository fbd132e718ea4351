"""Networks with a power activation: the map against evaluation, dimensions against theorems."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom import varieties
from algeom.errors import InputError, ResourceError
from algeom.maps.forms import exponent_vectors
from algeom.networks import (
    network_dimension_table,
    polynomial_network_dimension,
    polynomial_network_expected_dimension,
    polynomial_network_map,
)


def outputs(weights, power, x):
    for w in weights[:-1]:
        x = (w @ x) ** power
    return weights[-1] @ x


@settings(max_examples=25)
@given(widths=st.lists(st.integers(1, 3), min_size=2, max_size=4), power=st.integers(1, 3), seed=st.integers(0, 10**6))
def test_the_coefficients_are_those_of_the_outputs(widths, power, seed):
    rng = np.random.default_rng(seed)
    phi = polynomial_network_map(widths, power)
    weights = [rng.integers(-3, 4, (b, a)).astype(object) for a, b in pairwise(widths)]
    coefficients = phi([x for w in weights for x in w.ravel()]).reshape(widths[-1], -1)
    exponents = exponent_vectors(widths[0], power ** (len(widths) - 2))
    for x in rng.integers(-3, 4, (3, widths[0])).tolist():
        monomials = [np.prod([a**e for a, e in zip(x, exponent, strict=True)], dtype=object) for exponent in exponents]
        assert (coefficients @ np.array(monomials, dtype=object)).tolist() == outputs(
            weights, power, np.array(x, dtype=object)
        ).tolist()


@pytest.mark.parametrize(("widths", "power"), [((3, 2, 2), 2), ((2, 2, 3, 2), 2), ((3, 2, 1), 3)])
def test_declared_symmetries_hold(widths, power):
    phi = polynomial_network_map(widths, power)
    theta = np.random.default_rng(2).integers(-9, 10, phi.n_parameters)
    assert len(phi.symmetries) >= 2
    for parameters, coordinates in phi.symmetries:
        np.testing.assert_array_equal(phi(theta[list(parameters)]), phi(theta)[list(coordinates)])


# Alexander and Hirschowitz 1995: the defective secant varieties of Veronese varieties with r >= 3; and all quadrics.
@pytest.mark.parametrize(
    ("widths", "power", "defect"),
    [((3, 5, 1), 4, 1), ((4, 9, 1), 4, 1), ((5, 7, 1), 3, 1), pytest.param((5, 14, 1), 4, 1, marks=pytest.mark.slow)]
    + [((n, k, 1), 2, k * (k - 1) // 2) for n, k in [(4, 2), (6, 2), (6, 3)]],
)
def test_defects_of_one_hidden_layer(widths, power, defect):
    found = polynomial_network_dimension(widths, power, rng=1)
    assert found.defect == defect


@pytest.mark.parametrize(("n", "k", "power"), [(3, 3, 3), (3, 4, 3), (2, 2, 4), (4, 3, 3)])
def test_one_output_gives_secants_of_veronese_varieties(n, k, power):
    secant = varieties.secant(k, varieties.veronese(n - 1, power))
    found = polynomial_network_dimension((n, k, 1), power, rng=1)
    assert found.value == ag.dimension(secant, rng=1).value == found.expected


@settings(max_examples=15)
@given(widths=st.lists(st.integers(1, 4), min_size=2, max_size=5), seed=st.integers(0, 1000))
def test_power_one_gives_matrices_of_bounded_rank(widths, seed):
    found = polynomial_network_dimension(widths, 1, rng=seed)
    rank = min(widths)
    assert found.value == found.expected == rank * (widths[0] + widths[-1] - rank)


def test_the_expected_dimension_is_reached_for_large_powers():
    """Kileel, Trager, Bruna 2019: for hidden layers of width above one."""
    rows = network_dimension_table([(2, 2, 2), (3, 2, 2), (2, 3, 2, 1), (2, 2, 2, 2)], [4, 5], rng=3)
    assert [row.defect for row in rows] == [0] * 8
    assert all(row.evidence.log10_error < -10 for row in rows)


def test_a_hidden_layer_of_width_one_after_another_loses_dimensions():
    # The second hidden neuron is a power of the first: n_0 weights of W1 matter, and the outputs.
    assert polynomial_network_dimension((3, 1, 1, 1), 2, rng=1).value == 3
    assert polynomial_network_expected_dimension((3, 1, 1, 1), 2) == 3
    # (2, 3, 1): binary quadratic forms are filled by two squares already.
    assert polynomial_network_dimension((2, 3, 1), 2, rng=1).is_filling


def test_equations_of_a_small_network():
    # Two quadratic outputs from two squares are simultaneously diagonal in some basis: no equation for binary forms;
    # for one hidden neuron the outputs are proportional squares.
    ideal = ag.implicitize(polynomial_network_map((2, 1, 2), 2), max_degree=2, rng=1)
    assert ideal.minimal_generator_counts == {1: 0, 2: 6}


def test_wrong_inputs_say_what_to_do():
    with pytest.raises(InputError, match="input and of the output"):
        polynomial_network_map((3,), 2)
    with pytest.raises(InputError, match="a width"):
        polynomial_network_map((3, 0, 1), 2)
    with pytest.raises(InputError, match="power"):
        polynomial_network_map((3, 2, 1), 0)
    with pytest.raises(ResourceError, match="fewer layers"):
        polynomial_network_map((20, 20, 20, 20), 6)

"""Linear convolutional networks: formulas against the engine, and the real function space against brute force."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import algeom as ag
from algeom.errors import GenericityError, InputError
from algeom.evidence import Status
from algeom.networks.convolutional import (
    ConvolutionalArchitecture,
    compose_filters,
    convolution_matrix,
    convolutional_map,
    factor_filter,
    filter_criticality,
    filter_regression,
)

ARCHITECTURES = [
    ([2, 2], [2, 1]),
    ([3, 2], [2, 1]),
    ([4, 2], [2, 1]),
    ([2, 2, 2], [2, 2, 1]),
    ([2, 2, 2], [1, 2, 1]),
    ([2, 2], [1, 1]),
    ([3, 2, 2], [2, 1, 1]),
    ([2, 1, 2], [2, 1, 1]),
]
#: Their degrees by monodromy take longer.
SPREAD = [([2, 3], [2, 1]), ([2, 1, 2], [2, 2, 2]), ([1, 2, 3], [2, 3, 1])]


# -- composition


@settings(max_examples=40)
@given(
    layers=st.lists(
        st.tuples(st.lists(st.integers(-5, 5), min_size=1, max_size=4), st.integers(1, 3)), min_size=1, max_size=3
    ),
    extra=st.integers(0, 7),
    seed=st.integers(0, 1000),
)
def test_the_composed_filter_acts_as_the_layers_one_after_the_other(layers, extra, seed):
    filters, strides = [w for w, _ in layers], [s for _, s in layers]
    composed, stride = compose_filters(filters, strides)
    n = len(composed) + extra
    x = np.random.default_rng(seed).integers(-9, 10, n)
    after = x
    for w, s in layers:
        after = convolution_matrix(w, s, len(after)) @ after
    np.testing.assert_array_equal(convolution_matrix(composed, stride, n) @ x, after)


def test_composition_is_exact():
    composed, _ = compose_filters([[10**12, 1], [10**12, Fraction(1, 3)]])
    assert composed.tolist() == [10**24, Fraction(10**12, 3) + 10**12, Fraction(1, 3)]


# -- function space: formulas against the engine


@pytest.mark.parametrize(
    ("lengths", "strides"), [*ARCHITECTURES, *(pytest.param(*spread, marks=pytest.mark.slow) for spread in SPREAD)]
)
def test_dimension_and_degree_are_those_of_the_image(lengths, strides):
    network = ConvolutionalArchitecture(lengths, strides)
    phi = convolutional_map(lengths, strides)
    assert phi.n_coordinates == network.filter_length
    assert ag.dimension(phi, rng=1).value == network.dimension
    found = ag.degree(phi, rng=1)
    assert found.value == network.degree
    assert network.is_filling == (found.value == 1)


@pytest.mark.parametrize(
    ("lengths", "strides", "value"),
    # arXiv 2401.16613, for all strides above 1 (the last stride does not matter).
    [
        ([2, 2], [2, 1], 6),
        ([3, 2], [2, 1], 10),
        ([4, 2], [2, 1], 14),
        ([2, 2, 2], [2, 2, 1], 34),
        ([4, 3], [3, 1], 83),
        ([3, 2, 2], [2, 3, 1], 100),
        ([2, 2, 2, 2], [2, 2, 2, 1], 280),
    ],
)
def test_generic_ed_degrees(lengths, strides, value):
    assert ConvolutionalArchitecture(lengths, strides).generic_ed_degree.value == value


@pytest.mark.parametrize(("lengths", "strides"), [([2, 2], [2, 1]), ([3, 2], [2, 1]), ([2, 2, 2], [2, 2, 1])])
def test_generic_ed_degrees_by_monodromy(lengths, strides):
    network = ConvolutionalArchitecture(lengths, strides)
    assert ag.ed_degree(convolutional_map(lengths, strides), "generic", rng=1).value == network.generic_ed_degree.value


def test_unit_weights_also_give_ten_for_filters_three_and_two():
    assert ag.ed_degree(convolutional_map([3, 2], [2, 1]), "unit", rng=1).value == 10


def test_composed_filters_satisfy_the_equations():
    ideal = ag.implicitize(convolutional_map([3, 2], [2, 1]), max_degree=3, rng=1)
    rng = np.random.default_rng(3)
    exact, _ = compose_filters([rng.integers(-9, 10, k) for k in [3, 2]], [2, 1])
    assert ideal.contains([int(c) for c in exact])
    exact[2] += 1
    assert not ideal.contains([int(c) for c in exact])


def test_reversal_is_a_symmetry_of_the_map():
    phi = convolutional_map([3, 2, 2], [2, 3, 1])
    parameters, coordinates = phi.symmetries[0]
    theta = np.random.default_rng(1).integers(-9, 10, phi.n_parameters)
    np.testing.assert_array_equal(phi(theta[list(parameters)]), phi(theta)[list(coordinates)])


def test_words_for_the_function_space():
    quadratics = "filters of length 3, with at least 2 real zeros (infinity counts)"
    assert ConvolutionalArchitecture([2, 2]).describe() == quadratics
    assert ConvolutionalArchitecture([4, 4, 2]).describe().endswith("at least 3 real zeros (infinity counts)")
    assert ConvolutionalArchitecture([3, 3]).describe() == "all filters of length 5"


# -- the real function space


def test_two_filters_of_length_two_give_the_quadratics_with_real_zeros():
    for c in range(-4, 5):
        for b in range(-4, 5):
            for a in range(-4, 5):
                found = factor_filter([c, b, a], [2, 2])
                assert found.reachable == (b * b >= 4 * a * c)
                assert found.evidence.status is Status.PROVED
                if found:
                    np.testing.assert_allclose(compose_filters(found.filters)[0], [c, b, a], atol=1e-13)


@settings(max_examples=30)
@given(c=st.lists(st.integers(-9, 9), min_size=4, max_size=4))
def test_filters_three_and_two_give_all_cubics(c):
    found = factor_filter(c, [3, 2])
    assert found.reachable
    np.testing.assert_allclose(compose_filters(found.filters)[0], c, atol=1e-10)


@settings(max_examples=40)
@given(
    architecture=st.sampled_from(
        [
            *ARCHITECTURES,
            *SPREAD,
            ([4, 3, 3], [3, 2, 1]),
            ([2, 3, 2, 2], [1, 2, 1, 2]),
            ([2, 2, 2, 2, 2], None),
            ([3, 5], [4, 1]),
        ]
    ),
    data=st.data(),
)
def test_products_of_real_filters_are_reached(architecture, data):
    lengths, strides = architecture
    filters = [data.draw(st.lists(st.integers(-4, 4), min_size=k, max_size=k)) for k in lengths]
    composed, _ = compose_filters(filters, strides)
    found = factor_filter(composed, lengths, strides)
    assert found.reachable
    again, _ = compose_filters(found.filters, strides)
    # Multiple zeros are rounded as well as others: they come from exact isolation.
    np.testing.assert_allclose(again, composed.astype(float), atol=1e-9 * (1 + np.abs(composed).max()))
    assert [len(w) for w in found.filters] == list(lengths)


@settings(max_examples=40)
@given(factors=st.lists(st.tuples(st.integers(1, 30), st.integers(-9, 9)), min_size=2, max_size=3))
def test_zeros_on_the_imaginary_axis(factors):
    """Balls around such zeros contain zero in their real parts."""
    even = [1]
    for constant, leading in factors:
        even = np.convolve(even, [constant, 0, leading or 1]).tolist()
    found = factor_filter(even, [3] * len(factors))
    assert found.reachable
    np.testing.assert_allclose(compose_filters(found.filters)[0], even, atol=1e-9 * max(map(abs, even)))


def test_a_filter_of_the_complex_closure_only():
    # (x^2 + 1)(x^2 + 2)... with strides: x^2 = -1 and x^2 = -2 are two real values z, but level one needs a real zero.
    reached = compose_filters([[1, 0, 1], [2, 1]], [2, 1])[0]
    assert factor_filter(reached, [3, 2], [2, 1])
    # w(x) = x^2 + 1 has no real zero: two filters of length 2 cannot make it.
    closed = compose_filters([[1, 0, 1], [5, 1]], [2, 1])[0]
    complex_only = factor_filter(closed, [2, 2, 2], [1, 2, 1])
    # x^2 + 1 and x^2 + 5 may change places, both have no real zeros.
    assert not complex_only
    membership = ag.contains(convolutional_map([2, 2, 2], [1, 2, 1]), [int(c) for c in closed], rng=1)
    assert membership.closure
    assert factor_filter(compose_filters([[-1, 0, 1], [5, 1]], [2, 1])[0], [2, 2, 2], [1, 2, 1])


def test_several_ways_to_share_out_are_searched():
    cyclotomic = [-1, 0, 0, 0, 0, 0, 0, 0, 1]
    # x^8 - 1 is a product of x^4 - 1 and x^4 + 1, of which x^2 - 1 and x^2 + 1 are parts: many orbits.
    found = factor_filter(cyclotomic, [3, 2, 2], [2, 2, 1])
    assert found
    np.testing.assert_allclose(compose_filters(found.filters, [2, 2, 1])[0], cyclotomic, atol=1e-12)
    # Two real zeros at the first level are only left if the others go to x^4 + 1 and x^2 + 1.
    split = factor_filter(cyclotomic, [2, 2, 2, 2], [1, 2, 2, 1])
    assert split
    np.testing.assert_allclose(compose_filters(split.filters, [1, 2, 2, 1])[0], cyclotomic, atol=1e-12)


def test_zeros_at_infinity_and_zero_count():
    assert factor_filter([0, 1, 0], [2, 2])
    assert factor_filter([1, 0, 0], [2, 2])
    assert not factor_filter([1, 0, 1, 0], [2, 2, 2])
    assert factor_filter([0, 0, 0], [2, 2]).filters is not None


# -- loss


def random_data(lengths, strides, examples=40, positions=3, seed=0):
    network = ConvolutionalArchitecture(lengths, strides)
    rng = np.random.default_rng(seed)
    stride = prod(network.strides)
    n = network.filter_length + stride * (positions - 1)
    return rng.normal(size=(examples, n)), rng.normal(size=(examples, positions))


def test_the_loss_is_that_of_the_layers():
    lengths, strides = [3, 2], [2, 3]
    x, y = random_data(lengths, strides)
    loss = filter_regression(x, y, lengths, strides)
    filters = [np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0])]
    after = x.T
    for w, s in zip(filters, strides, strict=True):
        after = convolution_matrix(w, s, len(after)) @ after
    assert loss.loss(compose_filters(filters, strides)[0]) == pytest.approx(np.sum((after.T - y) ** 2), rel=1e-12)
    theta = np.concatenate(filters)
    for i, step in enumerate(1e-6 * np.eye(5)):
        moved = [np.split(theta + sign * step, [3]) for sign in (1, -1)]
        values = [loss.loss(compose_filters(parts, strides)[0]) for parts in moved]
        assert loss.gradient(filters)[i] == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize(("lengths", "strides"), [([2, 2], [2, 1]), ([3, 2], [2, 1]), ([2, 2, 2], [2, 2, 1])])
def test_the_loss_has_as_many_critical_points_as_the_generic_ed_degree(lengths, strides):
    loss = filter_regression(*random_data(lengths, strides), lengths, strides)
    assert len(loss.critical_points(rng=2)) == loss.architecture.generic_ed_degree.value


def descents(loss, strides, starts, seed):
    """Critical points that minimizations of the squared gradient and of the loss reach."""
    lengths = loss.architecture.lengths
    cuts = np.cumsum(lengths)[:-1]
    rng = np.random.default_rng(seed)

    def value(theta):
        filters = np.split(theta, cuts)
        return loss.loss(compose_filters(filters, strides)[0]), loss.gradient(filters)

    for _ in range(starts):
        found = minimize(value, rng.normal(size=sum(lengths)), jac=True, method="BFGS", options={"gtol": 1e-9})
        if np.linalg.norm(found.jac) < 1e-5:
            yield np.split(found.x, cuts)


def test_with_strides_critical_points_are_zero_or_regular():
    """Kohn, Montufar, Shahverdi, Trager, arXiv 2304.05752."""
    for lengths, strides, seed in [([2, 2], [2, 1], 1), ([3, 2], [2, 2], 2), ([2, 2, 2], [2, 3, 1], 3)]:
        loss = filter_regression(*random_data(lengths, strides, seed=seed), lengths, strides)
        known = loss.critical_points(rng=1)
        reached = list(descents(loss, strides, 12, seed))
        assert len(reached) >= 6
        for filters in reached:
            kind = filter_criticality(filters, loss).kind
            assert kind in ("zero", "regular")
            if kind == "regular":
                # Its filter is critical for the loss on the function space, and one of all critical points.
                composed = compose_filters(filters, strides)[0]
                assert min(np.abs(point.point - composed).max() for point in known) < 1e-5


def test_without_strides_singular_critical_points_attract():
    # Quadratics with real zeros: where the target has none, the nearest one has a double zero.
    rng = np.random.default_rng(5)
    x = rng.normal(size=(60, 3))
    y = x @ np.array([[1.0], [0.2], [1.0]])
    loss = filter_regression(x, y, [2, 2])
    kinds = {filter_criticality(filters, loss).kind for filters in descents(loss, None, 8, 0)}
    assert "singular" in kinds


def test_points_of_the_closure_that_no_real_filters_reach():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 5))
    unreachable = filter_regression(x, x @ convolution_matrix([1.0, 0.0, 1.0], 1, 5).T, [2, 2])
    (minimum,) = unreachable.critical_points(rng=1)
    assert minimum.is_real
    assert not unreachable.is_reachable(minimum)
    reachable = filter_regression(x, x @ convolution_matrix([-1.0, 0.0, 1.0], 1, 5).T, [2, 2])
    (minimum,) = reachable.critical_points(rng=1)
    assert reachable.is_reachable(minimum)
    # With strides all real points are reached by real filters.
    loss = filter_regression(*random_data([2, 2], [2, 1]), [2, 2], [2, 1])
    assert [loss.is_reachable(point) for point in loss.critical_points(rng=1)] == [
        point.is_real for point in loss.critical_points(rng=1)
    ]


def test_classification_does_not_depend_on_the_scales_of_the_layers():
    loss = filter_regression(*random_data([2, 2], [2, 1]), [2, 2], [2, 1])
    point = next(point for point in loss.critical_points(rng=1) if point.is_real)
    first, second = np.split(np.real(point.theta), 2)
    for scale in (1e-6, 1.0, 1e6):
        assert filter_criticality([scale * first, second / scale], loss).kind == "regular"
        assert filter_criticality([scale * np.ones(2), np.ones(2) / scale], loss).kind == "not critical"
    assert filter_criticality([np.zeros(2), np.ones(2)], loss).rank == 2


# -- wrong inputs


def test_wrong_inputs_say_what_to_do():
    with pytest.raises(InputError, match="one stride a filter"):
        ConvolutionalArchitecture([2, 2], [2])
    with pytest.raises(InputError, match="no filter lengths"):
        ConvolutionalArchitecture([])
    with pytest.raises(InputError, match="a filter length"):
        ConvolutionalArchitecture([2, 0])
    with pytest.raises(InputError, match="a stride"):
        compose_filters([[1, 2]], [0])
    with pytest.raises(InputError, match="give at least one"):
        compose_filters([])
    with pytest.raises(InputError, match="filter 2 has shape"):
        compose_filters([[1], [[1, 2]]])
    with pytest.raises(InputError, match="1 to 2 entries"):
        convolution_matrix([1, 2, 3], 1, 2)
    with pytest.raises(InputError, match="4 entries and not 3"):
        factor_filter([1, 2, 3, 4], [2, 2])
    for wrong in ([1.0, np.nan, 2.0], [1, 1j, 2], [10**400, 1, 1]):
        with pytest.raises(InputError, match="not finite real numbers"):
            factor_filter(wrong, [2, 2])
    with pytest.raises(InputError, match="at least one number"):
        factor_filter(["a", "b", "c"], [2, 2])
    x, y = random_data([2, 2], [2, 1])
    with pytest.raises(InputError, match="the outputs have 2"):
        filter_regression(x, y[:, :2], [2, 2], [2, 1])
    with pytest.raises(InputError, match="not finite"):
        filter_regression(np.where(x > 1, np.nan, x), y, [2, 2], [2, 1])
    with pytest.raises(InputError, match="N > 0"):
        filter_regression(x[:0], y[:0], [2, 2], [2, 1])
    with pytest.raises(GenericityError, match="do not span"):
        filter_regression(np.ones_like(x), y, [2, 2], [2, 1])
    with pytest.raises(InputError, match="not made of finite"):
        filter_criticality([[1.0, np.inf], [1.0, 2.0]], filter_regression(x, y, [2, 2], [2, 1]))
    loss = filter_regression(x, y, [2, 2], [2, 1])
    with pytest.raises(InputError, match="the network has filters of 4"):
        loss.loss([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"the network has \(2, 2\)"):
        loss.gradient([[1.0, 2.0, 3.0], [4.0]])
    with pytest.raises(InputError, match="give real numbers"):
        filter_regression(x + 1j, y, [2, 2], [2, 1])
    with pytest.raises(InputError, match="is no sequence"):
        ConvolutionalArchitecture(3)

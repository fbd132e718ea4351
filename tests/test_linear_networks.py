"""Function spaces of linear networks: Eckart-Young in metrics of data, and pure and spurious critical points."""

from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import algeom as ag
from algeom import varieties
from algeom.errors import GenericityError, InputError
from algeom.networks.linear import (
    determinantal_degree,
    determinantal_dimension,
    determinantal_ed_degree,
    linear_criticality,
    linear_network_gradient,
    linear_network_hessian,
    linear_network_map,
    matrix_regression,
    nearest_of_rank,
)

SHAPES = st.sampled_from([(2, 3, 1), (3, 3, 2), (4, 3, 1), (3, 5, 3), (4, 4, 0), (1, 4, 1)])


def data(m, n, seed, examples=30):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(examples, n)) @ rng.normal(size=(n, n)), rng.normal(size=(examples, m))


# -- the parametrization


@pytest.mark.parametrize("widths", [(3, 2, 3), (2, 3, 4), (4, 1, 2, 3), (3, 3)])
def test_the_map_is_the_product_and_its_image_the_determinantal_variety(widths):
    phi = linear_network_map(widths)
    rng = np.random.default_rng(1)
    weights = [rng.integers(-5, 6, (b, a)) for a, b in pairwise(widths)]
    product = weights[0]
    for w in weights[1:]:
        product = w @ product
    theta = np.concatenate([w.ravel() for w in weights])
    np.testing.assert_array_equal(phi(theta), product.ravel())
    m, n, r = widths[-1], widths[0], min(widths)
    assert ag.dimension(phi, rng=1).value == determinantal_dimension(m, n, r)
    for parameters, coordinates in phi.symmetries:
        np.testing.assert_array_equal(phi(theta[list(parameters)]), phi(theta)[list(coordinates)])


def test_degree_of_three_by_three_matrices_of_rank_two():
    phi = linear_network_map((3, 2, 3))
    assert ag.degree(phi, rng=1).value == determinantal_degree(3, 3, 2) == 3


# -- nearest matrices


@settings(max_examples=40)
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_no_matrix_of_that_rank_is_nearer_in_the_metric(shape, seed):
    m, n, r = shape
    rng = np.random.default_rng(seed)
    target, left, right = rng.normal(size=(m, n)), rng.normal(size=(m, m)), rng.normal(size=(n, n))
    found = nearest_of_rank(target, r, left=left, right=right)

    def distance(matrix):
        return np.sum((left @ (matrix - target) @ right) ** 2)

    assert np.linalg.matrix_rank(found.matrix, tol=1e-9 * np.linalg.norm(found.matrix)) <= r
    assert distance(found.matrix) == pytest.approx(found.value, rel=1e-6, abs=1e-9)
    for scale in (1e-3, 1e-1, 1.0):
        factors = np.linalg.svd(found.matrix)
        near = (
            (factors[0][:, :r] + scale * rng.normal(size=(m, r)))
            * factors[1][:r]
            @ (factors[2][:r] + scale * rng.normal(size=(r, n)))
        )
        assert distance(near) >= found.value * (1 - 1e-9)


@settings(max_examples=20)
@given(shape=SHAPES, seed=st.integers(0, 10**6))
def test_critical_points_of_the_loss_are_critical_and_counted(shape, seed):
    m, n, r = shape
    x, y = data(m, n, seed)
    loss = matrix_regression(x, y)
    points = list(loss.critical_points(r))
    assert len(points) == loss.count(r) == comb(min(m, n), r) == determinantal_ed_degree(m, n, r)
    assert points[0].is_minimum
    assert points[0].value == pytest.approx(loss.nearest(r).value)
    for point in points:
        assert point.value == pytest.approx(np.sum((x @ point.matrix.T - y) ** 2), rel=1e-9)
        u, values, v = np.linalg.svd(point.matrix)
        gradient = loss.gradient(point.matrix)
        # Orthogonal to the tangent space: all matrices that do not go from the kernel to the cokernel.
        assert values[r:] == pytest.approx(0.0, abs=1e-8)
        size = np.linalg.norm(loss.gradient(np.zeros((m, n))))
        assert np.linalg.norm(gradient @ v[:r].T) < 1e-9 * size
        assert np.linalg.norm(u[:, :r].T @ gradient) < 1e-9 * size


def test_critical_points_agree_with_the_engine():
    x, y = data(3, 3, 4)
    loss = matrix_regression(x, y)
    phi = varieties.determinantal(3, 3, 2)
    gram = np.kron(np.eye(3), x.T @ x)
    found = ag.critical_points(phi, loss.target.ravel(), gram, rng=1)
    expected = [point.matrix.ravel() for point in loss.critical_points(2)]
    assert len(found) == found.n_real == len(expected)
    for matrix in expected:
        assert min(np.abs(point.point - matrix).max() for point in found) < 1e-7
    assert sorted(point.index for point in found) == sorted(point.index for point in loss.critical_points(2))


def test_ties_and_data_that_do_not_span_are_said_to_be_not_unique():
    assert not nearest_of_rank(np.eye(2), 1).is_unique
    assert nearest_of_rank(np.diag([2.0, 1.0]), 1).is_unique
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)) @ np.diag([1.0, 2.0, 0.0, 1.0])
    y = rng.normal(size=(30, 3))
    loss = matrix_regression(x, y)
    found = loss.nearest(2)
    assert not found.is_unique
    assert found.value == pytest.approx(np.sum((x @ found.matrix.T - y) ** 2))
    reduced = matrix_regression(x[:, [0, 1, 3]], y).nearest(2)
    assert found.value == pytest.approx(reduced.value)


# -- pure and spurious critical points


def random_weights(widths, seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(b, a)) for a, b in pairwise(widths)]


@pytest.mark.parametrize("widths", [(3, 2), (3, 2, 4), (2, 3, 1, 2), (2, 2, 2, 2, 2)])
def test_gradient_and_hessian_are_derivatives(widths):
    x, y = data(widths[-1], widths[0], 3)
    loss, weights = matrix_regression(x, y), random_weights(widths, 5)
    theta = np.concatenate([w.ravel() for w in weights])
    cuts = np.cumsum([w.size for w in weights])[:-1]

    def split(vector):
        return [part.reshape(w.shape) for part, w in zip(np.split(vector, cuts), weights, strict=True)]

    def value(vector):
        out = x.T
        for w in split(vector):
            out = w @ out
        return np.sum((out.T - y) ** 2)

    def gradient(vector):
        return np.concatenate([g.ravel() for g in linear_network_gradient(split(vector), loss)])

    step = 1e-5
    hessian = linear_network_hessian(weights, loss)
    np.testing.assert_allclose(hessian, hessian.T)
    for i, direction in enumerate(np.eye(len(theta))):
        ahead, behind = theta + step * direction, theta - step * direction
        size = np.abs(hessian).max()
        assert gradient(theta)[i] == pytest.approx(
            (value(ahead) - value(behind)) / (2 * step), rel=1e-5, abs=1e-5 * size
        )
        difference = (gradient(ahead) - gradient(behind)) / (2 * step)
        np.testing.assert_allclose(hessian[:, i], difference, atol=1e-6 * size)


def trained(widths, loss, seed):
    weights = random_weights(widths, seed)
    cuts = np.cumsum([w.size for w in weights])[:-1]

    def split(vector):
        return [part.reshape(w.shape) for part, w in zip(np.split(vector, cuts), weights, strict=True)]

    def value(vector):
        parts = split(vector)
        product = parts[0]
        for w in parts[1:]:
            product = w @ product
        return loss.value(product), np.concatenate([g.ravel() for g in linear_network_gradient(parts, loss)])

    start = np.concatenate([w.ravel() for w in weights])
    found = minimize(value, start, jac=True, method="BFGS", options={"gtol": 1e-10, "maxiter": 5000})
    return split(found.x)


def test_training_ends_at_pure_minima():
    """Squared losses of linear networks have no minima but global ones (Kawaguchi 2016), so that what is found is."""
    for widths, seed in [((3, 2, 3), 0), ((4, 2, 3, 3), 1), ((3, 4, 2), 2)]:
        loss = matrix_regression(*data(widths[-1], widths[0], seed))
        weights = trained(widths, loss, seed)
        found = linear_criticality(weights, loss)
        assert found.kind == "pure"
        assert found.index == 0
        product = weights[0]
        for w in weights[1:]:
            product = w @ product
        np.testing.assert_allclose(product, loss.nearest(min(widths)).matrix, atol=1e-4)


def test_each_critical_matrix_is_reached_by_pure_saddles():
    loss = matrix_regression(*data(3, 3, 7))
    for point in loss.critical_points(2):
        u, values, v = np.linalg.svd(point.matrix)
        found = linear_criticality([np.diag(values[:2]) @ v[:2], u[:, :2]], loss)
        assert found.kind == "pure"
        # In parameter space there are the directions of the fiber, GL_2, besides.
        assert (found.index, found.nullity) == (point.index, 4)


def test_classification_does_not_depend_on_the_scales_of_the_layers():
    x, y = data(3, 3, 11)
    a, b, c = random_weights((3, 3, 3, 3), 2)
    for size in (1.0, 1e-14):
        loss = matrix_regression(x, size * y)
        scale = size ** (1 / 3)
        for t in (1e-6, 1.0, 1e6):
            assert linear_criticality([scale * a * t, scale * b / t, scale * c], loss).kind == "not critical"
            exact = linear_criticality(
                [scale * a * t, scale * b / t, loss.target @ np.linalg.inv(scale**2 * b @ a)], loss
            )
            assert exact.kind == "pure"


def test_lower_rank_is_spurious_and_a_saddle():
    """Trager, Kohn, Bruna 2020: critical parameters below the rank bound are spurious unless the gradient vanishes."""
    loss = matrix_regression(*data(3, 3, 8))
    for point in loss.critical_points(1):
        u, values, v = np.linalg.svd(point.matrix)
        padded = linear_criticality(
            [np.vstack([values[0] * v[:1], np.zeros((1, 3))]), np.hstack([u[:, :1], np.zeros((3, 1))])], loss
        )
        assert padded.kind == "spurious"
        assert padded.is_saddle
    zero = linear_criticality([np.zeros((2, 3)), np.zeros((3, 2))], loss)
    assert (zero.kind, zero.rank) == ("spurious", 0)


def test_a_filling_network_is_pure_only_where_the_gradient_vanishes():
    loss = matrix_regression(*data(2, 2, 9))
    found = linear_criticality([np.eye(2), loss.target], loss)
    assert found.kind == "pure"
    assert found.index == 0
    # Rank one of a network that can have rank two.
    u, values, v = np.linalg.svd(loss.nearest(1).matrix)
    weights = [np.diag([values[0], 0.0]) @ v, u @ np.diag([1.0, 0.0])]
    assert linear_criticality(weights, loss).kind == "spurious"
    assert linear_criticality([np.eye(2), np.eye(2)], loss).kind == "not critical"


# -- wrong inputs


def test_wrong_inputs_say_what_to_do():
    x, y = data(2, 3, 0)
    loss = matrix_regression(x, y)
    with pytest.raises(InputError, match="as many rows"):
        matrix_regression(x[:5], y)
    with pytest.raises(InputError, match="not finite"):
        matrix_regression(np.where(x > 1, np.nan, x), y)
    with pytest.raises(InputError, match="at least one entry"):
        matrix_regression(x[:0], y[:0])
    with pytest.raises(GenericityError, match="ridge"):
        matrix_regression(x[:2], y[:2]).critical_points(1)
    with pytest.raises(InputError, match="not a matrix of real numbers"):
        nearest_of_rank(np.array([[3, 1j], [0, 1]]), 1)
    with pytest.raises(InputError, match="not a matrix of real numbers"):
        matrix_regression(x + 1j, y)
    with pytest.raises(InputError, match="the distance is on matrices"):
        loss.value(np.ones((1, 3)))
    with pytest.raises(InputError, match="give what matrix_regression returns"):
        linear_criticality([np.zeros((2, 3))], None)
    with pytest.raises(InputError, match="is no sequence"):
        linear_network_map(3)
    with pytest.raises(InputError, match="the smaller side"):
        loss.nearest(3)
    with pytest.raises(InputError, match="is singular"):
        nearest_of_rank(np.eye(2), 1, right=np.diag([1.0, 0.0]))
    with pytest.raises(InputError, match="right has shape"):
        nearest_of_rank(np.eye(2), 1, right=np.eye(3))
    with pytest.raises(InputError, match="not a matrix"):
        nearest_of_rank([["a"]], 1)
    with pytest.raises(GenericityError, match="not isolated"):
        list(matrix_regression(np.eye(2), np.eye(2)).critical_points(1))
    with pytest.raises(InputError, match="cannot follow"):
        linear_criticality([np.zeros((2, 3)), np.zeros((2, 3))], loss)
    with pytest.raises(InputError, match="the loss is on matrices"):
        linear_criticality([np.zeros((3, 3))], loss)
    with pytest.raises(InputError, match="at least one"):
        linear_criticality([], loss)
    with pytest.raises(InputError, match="input and of the output"):
        linear_network_map((3,))

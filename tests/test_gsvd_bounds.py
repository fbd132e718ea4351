"""Bounds of 2-induced norms: exact examples, brute force, attacks, and what is refused."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_gsvd import grid_norm, planar_norm

from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd.bounds import norm_bounds
from algeom.gsvd.layers import Dense, Layers
from algeom.gsvd.relu_regions import linear_regions, region_bound

PIECEWISE = ["relu", "leaky_relu", "abs"]
SLOPES = {"relu": (1.0, 0.0), "leaky_relu": (1.0, 0.01), "abs": (1.0, -1.0), "identity": (1.0, 1.0)}


def network(widths, activation, rng, *, biases=0.0, last="identity"):
    layers = []
    for k, (a, b) in enumerate(pairwise(widths)):
        bias = biases * rng.normal(size=b) if biases else None
        layers.append(Dense(rng.normal(size=(b, a)) / math.sqrt(a), bias, last if k == len(widths) - 2 else activation))
    return Layers(layers)


def random_network(rng, most_inputs=3, most_neurons=12):
    depth = int(rng.integers(1, 4))
    widths = [int(rng.integers(1, most_inputs + 1)), *rng.integers(1, most_neurons + 1, depth).tolist()]
    return network([*widths, int(rng.integers(1, 5))], PIECEWISE[int(rng.integers(3))], rng)


# -- the exact examples


@pytest.mark.parametrize(
    ("layers", "norm"),
    [
        ([Dense(np.eye(2), activation="relu")], 1.0),
        ([Dense(np.diag([3.0, 1.0]), activation="relu")], 3.0),
        ([Dense([[1.0], [-2.0]], activation="relu")], 2.0),
        ([Dense(np.eye(2), activation="relu"), Dense([[1.0, 1.0]])], math.sqrt(2)),
        ([Dense([[1.0, 0.0]], activation="abs")], 1.0),
        ([Dense(np.eye(4), activation="abs")], 1.0),
        ([Dense(np.diag([3.0, 3.0, 1.0]), activation="relu")], 3.0),
        # max(x, 0) - max(-x, 0) = x: the kinks cancel.
        ([Dense([[1.0, 0.0], [-1.0, 0.0]], activation="relu"), Dense([[1.0, -1.0]])], 1.0),
        # The maximum over a cone that is none over the plane: |relu(x - 2y)| / |x| at the ray (1, -2).
        ([Dense([[1.0, -2.0]], activation="relu")], math.sqrt(5)),
    ],
)
def test_examples_with_known_norms(layers, norm):
    bounds = norm_bounds(Layers(layers), method="exact", rng=0)
    assert bounds.lower <= norm * (1 + 1e-15)
    assert bounds.upper >= norm
    assert bounds.gap < 1e-9
    assert bounds.method == "exact"
    assert bounds.evidence.status is Status.PROVED


@settings(max_examples=30, derandomize=True)
@given(p=st.integers(1, 6), n=st.integers(1, 6), scale=st.floats(1e-6, 1e6), seed=st.integers(0, 10**6))
def test_linear_maps_have_their_largest_singular_value(p, n, scale, seed):
    a = scale * np.random.default_rng(seed).normal(size=(p, n))
    bounds = norm_bounds(a, rng=0)
    assert bounds.method == "exact"
    assert bounds.lower <= np.linalg.norm(a, 2) <= bounds.upper
    assert bounds.gap < 1e-13
    np.testing.assert_allclose(np.linalg.norm(a @ bounds.witness), bounds.lower, rtol=1e-13)


def test_products_of_matrices_and_the_map_zero():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
    bounds = norm_bounds(Layers([Dense(a), Dense(b)]), rng=0)
    assert bounds.lower <= np.linalg.norm(b @ a, 2) <= bounds.upper
    assert bounds.gap < 1e-13
    for zero in ([[0.0, 0.0]], Layers([Dense([[0.0, 0.0]], activation="relu")])):
        bounds = norm_bounds(zero, rng=0)
        assert (bounds.lower, bounds.upper, bounds.gap) == (0.0, 0.0, 0.0)


# -- brute force


@pytest.mark.parametrize("seed", range(12))
def test_planar_networks_against_the_angles_of_their_kinks(seed):
    rng = np.random.default_rng(seed)
    f = network([2, *rng.integers(2, 16, 1 + seed % 3).tolist(), 3], PIECEWISE[seed % 3], rng)
    expected = planar_norm([l.weight for l in f.layers], [SLOPES[l.activation.name] for l in f.layers])
    bounds = norm_bounds(f, method="exact", rng=0)
    assert bounds.lower <= expected * (1 + 1e-13)
    assert bounds.upper >= expected * (1 - 1e-13)
    assert bounds.gap < 1e-9


@pytest.mark.parametrize("seed", range(6))
def test_networks_against_grids(seed):
    rng = np.random.default_rng(100 + seed)
    f = network([3, *rng.integers(2, 12, 1 + seed % 2).tolist(), 3], PIECEWISE[seed % 3], rng)
    on_grid = grid_norm(f, 3)
    bounds = norm_bounds(f, method="exact", rng=0)
    assert on_grid <= bounds.upper
    # A grid point is within 0.01 of the witness.
    assert bounds.upper <= on_grid + 0.01 * f.lipschitz_bound


def check_against_attacks(count, seed):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        f = random_network(rng)
        x = rng.normal(size=(2000, f.n_inputs))
        found = (np.linalg.norm(f(x), axis=1) / np.linalg.norm(x, axis=1)).max()
        bounds = norm_bounds(f, method="exact", rng=int(rng.integers(2**32)))
        assert found <= bounds.upper
        assert bounds.lower <= bounds.upper
        # A network that is dead everywhere has norm 0, and only rounding errors as an upper bound.
        assert bounds.gap < 1e-9 or bounds.upper < 1e-12 * f.lipschitz_bound
        value = np.linalg.norm(f(bounds.witness[None])) / np.linalg.norm(bounds.witness)
        np.testing.assert_allclose(value, bounds.lower, rtol=1e-11, atol=1e-14)


def test_exact_bounds_of_random_networks():
    check_against_attacks(60, 0)


@pytest.mark.slow
def test_exact_bounds_of_a_thousand_random_networks():
    check_against_attacks(1000, 1)


def test_metrics_are_linear_maps_afterwards():
    rng = np.random.default_rng(5)
    f = network([3, 8, 4], "relu", rng)
    root = rng.normal(size=(3, 4))
    composed = Layers([*f.layers, Dense(root)])
    expected = norm_bounds(composed, rng=0)
    for given_as in ({"root": root}, {"metric": root.T @ root}):
        bounds = norm_bounds(f, rng=0, **given_as)
        np.testing.assert_allclose([bounds.lower, bounds.upper], [expected.lower, expected.upper], rtol=1e-10)
        assert bounds.lower <= bounds.upper
    y = f(rng.normal(size=(1000, 3)))
    assert np.all(np.isfinite(y))


# -- regions


@pytest.mark.parametrize(("n", "k"), [(1, 4), (2, 2), (2, 9), (2, 40), (3, 3), (3, 7), (3, 25), (4, 4), (4, 7)])
def test_regions_of_hyperplanes_in_general_position(n, k):
    weight = np.random.default_rng(n + k).normal(size=(k, n))
    regions = linear_regions(Layers([Dense(weight, activation="relu")]))
    assert len(regions) == region_bound(n, k)
    np.testing.assert_array_equal(regions.points @ weight.T > 0, regions.patterns)


def test_regions_of_deep_networks_are_those_of_points():
    rng = np.random.default_rng(3)
    f = network([2, 6, 5, 2], "relu", rng)
    regions = linear_regions(f)
    x = rng.normal(size=(20000, 2))
    first = x @ f.layers[0].weight.T
    second = np.maximum(first, 0) @ f.layers[1].weight.T
    sampled = {row.tobytes() for row in np.concatenate([first, second], axis=1) > 0}
    # A second layer that is dead on a region has preactivations 0: inactive in both.
    listed = {row.tobytes() for row in regions.patterns}
    assert sampled <= listed
    assert len(listed) < len(sampled) + 4, "regions that 20,000 points miss are few"


def test_planes_that_coincide_or_are_special():
    parallel = Layers([Dense([[1.0, 1.0], [-2.0, -2.0], [3.0, 3.0]], activation="relu")])
    assert len(linear_regions(parallel)) == 2
    braid = Layers([Dense([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [1.0, 0.0, -1.0]], activation="abs")])
    assert len(linear_regions(braid)) == 6
    assert len(linear_regions(Layers([Dense(np.eye(3))]))) == 1
    assert len(linear_regions(Layers([Dense(np.zeros((2, 3)), activation="relu")]))) == 1


# -- what is refused


def test_what_is_too_large_says_so():
    rng = np.random.default_rng(0)
    wide = network([6, 60, 2], "relu", rng)
    with pytest.raises(ResourceError, match=r"60 neurons on 6 inputs have up to .* regions"):
        linear_regions(wide)
    with pytest.raises(ResourceError, match=r"after .* cones the norm is between"):
        norm_bounds(wide, method="exact", max_pieces=500, rng=0)
    bounds = norm_bounds(wide, max_pieces=500, rng=0)
    assert bounds.method == "lipschitz"
    assert bounds.lower < bounds.upper <= wide.lipschitz_bound * (1 + 1e-9)


def test_bad_input():
    with pytest.raises(InputError, match=r"f\(0\) has norm"):
        norm_bounds(Layers([Dense([[1.0]], [1.0])]))
    with pytest.raises(InputError, match=r"shape \(2, 3\) for 2 outputs"):
        norm_bounds(np.eye(2), metric=np.ones((2, 3)))
    with pytest.raises(InputError, match="positive semidefinite"):
        norm_bounds(np.eye(2), metric=np.diag([1.0, -1.0]))
    with pytest.raises(InputError, match="one of them"):
        norm_bounds(np.eye(2), metric=np.eye(2), root=np.eye(2))
    with pytest.raises(InputError, match="biases or smooth"):
        linear_regions(Layers([Dense([[1.0]], activation="tanh")]))


def test_same_seed_same_bounds():
    f = network([3, 10, 2], "relu", np.random.default_rng(1))
    first, second = (norm_bounds(f, rng=7) for _ in range(2))
    assert (first.lower, first.upper, first.seed) == (second.lower, second.upper, 7)
    np.testing.assert_array_equal(first.witness, second.witness)

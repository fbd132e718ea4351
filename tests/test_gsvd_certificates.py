"""Bounds of norms where it is easy to claim too much: boxes, many inputs, given constants, extreme scales."""

import math
import time
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd.decomposition.decompose import gsvd
from algeom.gsvd.functions.batch_functions import as_function
from algeom.gsvd.functions.centering import centered
from algeom.gsvd.functions.domains import Annulus, Ball, Box, Sphere, as_domain
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers
from algeom.gsvd.norms.bounds import norm_bounds
from algeom.gsvd.norms.folded_layers import folded
from algeom.gsvd.norms.polar import polar
from algeom.gsvd.norms.relu_regions import linear_regions


def network(widths, activation, rng, biases=0.0):
    layers = []
    for k, (a, b) in enumerate(pairwise(widths)):
        last = k == len(widths) - 2
        bias = biases * rng.normal(size=b) if biases and not last else None
        layers.append(Dense(rng.normal(size=(b, a)) / math.sqrt(a), bias, "identity" if last else activation))
    return Layers(layers)


# -- domains


def in_box(x, box):
    inside = np.all((x >= box.lower) & (x <= box.upper))
    return inside and np.linalg.norm(x) >= box.low * (1 - 1e-13)


def gain(f, x):
    y = f @ x if isinstance(f, np.ndarray) else f(x[None])[0]
    return np.linalg.norm(y) / np.linalg.norm(x)


DIAGONAL = np.diag([3.0, 1.0])


@pytest.mark.parametrize(
    ("box", "norm"),
    [
        # The largest |x| / |y| is that at the corner (0.1, 1).
        (Box([0.0, 1.0], [0.1, 2.0]), math.sqrt(1.09 / 1.01)),
        # Outside of the hole |y| is at least sqrt(24).
        (Box([-1.0, -10.0], [1.0, 10.0], hole=5.0), math.sqrt(33.0 / 25.0)),
        # Only the corner (1, 1) is outside of the hole, and the points (1, y) with y^2 >= 0.96.
        (Box([0.0, 0.0], [1.0, 1.0], hole=1.4), math.sqrt((9 + 0.96) / 1.96)),
        (Box([100.0, 50.0], [200.0, 60.0]), math.sqrt((9 * 16 + 1) / 17)),
        # All directions.
        (Box([-1.0, -10.0], [1.0, 10.0], hole=1.0), 3.0),
        (Box([-2.0, -1.0], [1.0, 7.0]), 3.0),
    ],
)
def test_only_the_directions_of_a_box_count(box, norm):
    relu = Layers([Dense(DIAGONAL, activation="relu")])
    for f in (DIAGONAL, Layers([Dense(DIAGONAL)]), relu, ag.polynomial_map(["3*x", "y"])):
        bounds = norm_bounds(f, box, rng=0)
        assert bounds.lower <= norm * (1 + 1e-13)
        assert norm * (1 - 1e-13) <= bounds.upper <= norm * 1.0011
        assert in_box(bounds.witness, box)
        value = gain(DIAGONAL if f is not relu else f, bounds.witness)
        np.testing.assert_allclose(value, bounds.lower, rtol=1e-12)


@pytest.mark.parametrize("domain", [Sphere(2, 0.3), Ball(2, 7.0), Annulus(2, 20.0, 30.0), (0.0, 1e-3), None])
def test_witnesses_belong_to_the_domain(domain):
    low, high = polar(domain, 2).low, polar(domain, 2).high
    for f in (DIAGONAL, Layers([Dense(DIAGONAL, activation="relu")])):
        bounds = norm_bounds(f, domain, rng=0)
        assert low * (1 - 1e-13) <= np.linalg.norm(bounds.witness) <= high * (1 + 1e-13)
        np.testing.assert_allclose(gain(f, bounds.witness), 3.0, rtol=1e-12)


@settings(max_examples=50, derandomize=True)
@given(seed=st.integers(0, 10**6), part=st.floats(0.0, 0.999), n=st.integers(1, 4))
def test_points_of_boxes_with_holes_are_outside_of_the_holes(seed, part, n):
    rng = np.random.default_rng(seed)
    ends = np.sort(rng.uniform(-1, 1, (2, n)), axis=0)
    box = Box(*ends)
    box = Box(*ends, hole=part * box.high)
    region = polar(box, n)
    x = rng.normal(size=(20, n))
    for points in (region.sample(rng, 20), region.project(x), box.sample(rng, 20)):
        assert all(in_box(point, box) for point in points)
    # The ray through a point of the domain leads to a point of it.
    points = region.sample(rng, 20)
    back = region.on_rays(points)
    assert all(in_box(point, box) for point in back)
    cosines = np.sum(points * back, axis=1) / np.linalg.norm(points, axis=1) / np.linalg.norm(back, axis=1)
    np.testing.assert_allclose(cosines, 1.0, rtol=1e-9)


def test_what_stands_for_a_domain():
    assert as_domain(None, 3) is None
    for radius in (2, 2.0, np.float32(2), np.int64(2), np.array(2.0), (0, 2), np.array([0.0, 2.0])):
        assert as_domain(radius, 3) == Ball(3, 2.0)
    for radii in ((1, 2), [1.0, 2.0], np.array([1, 2])):
        assert as_domain(radii, 3) == Annulus(3, 1.0, 2.0)
    box = Box([0.0], [1.0])
    assert as_domain(box, 1) is box
    for wrong in (True, "1", -1.0, 0, (2, 1), (1, 2, 3), math.inf, math.nan, (1.0, math.inf), [[1.0], [1.0, 2.0]], {}):
        with pytest.raises(InputError, match="domain="):
            as_domain(wrong, 3)
    with pytest.raises(InputError, match="dimension 1, and f takes 3"):
        as_domain(box, 3)


# -- many inputs


@pytest.mark.parametrize("biases", [0.0, 0.5])
@pytest.mark.parametrize("n", [14, 64, 500])
def test_many_inputs_give_the_product_of_the_layers_at_once(n, biases):
    rng = np.random.default_rng(n)
    hidden = network([n, 5, 2], "relu", rng, biases)
    first, last = hidden.layers
    f = Layers([first, Dense(last.weight, -hidden(np.zeros((1, n)))[0])])
    start = time.process_time()
    bounds = norm_bounds(f, 1.0, max_pieces=3000, rng=0)
    assert time.process_time() - start < 5
    assert bounds.n_pieces == 0
    assert bounds.evidence.status is Status.PROVED
    assert f"too few for the 2^{n} orthants" in str(bounds)
    # Rescaled neurons can only make the product smaller.
    assert 0.3 * bounds.upper < bounds.lower <= bounds.upper <= f.lipschitz_bound * (1 + 1e-9)


def test_many_inputs_have_no_exact_bounds():
    f = network([64, 5, 2], "relu", np.random.default_rng(0))
    events = []
    with pytest.raises(ResourceError, match="too few for the 2\\^64 orthants"):
        norm_bounds(f, method="exact", rng=0, progress=events.append)
    assert not events, "nothing was searched before"
    forms = ag.polynomial_map(lambda x: [x @ x], n_parameters=30)
    with pytest.raises(ResourceError, match=r"Bernstein|orthants"):
        norm_bounds(forms, 1.0, method="exact", rng=0)
    bounds = norm_bounds(forms, 1.0, rng=0)
    assert bounds.method == "lipschitz"
    assert bounds.lower == pytest.approx(1.0, rel=1e-9)
    assert bounds.lower <= bounds.upper
    # Linear maps need no pieces.
    assert norm_bounds(np.eye(500), rng=0).method == "exact"


def test_an_interruption_of_the_attack_leaves_valid_bounds(monkeypatch):
    f = network([40, 30, 3], "abs", np.random.default_rng(0))
    upper = norm_bounds(f, rng=0).upper

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("algeom.gsvd.norms.attack.polish", interrupted)
    bounds = norm_bounds(f, rng=0)
    assert bounds.interrupted
    assert bounds.evidence.status is Status.PROVED
    assert 0 < bounds.lower <= upper <= bounds.upper
    assert norm_bounds(lambda x: np.sin(x), 1.0, n_inputs=3, rng=0).interrupted


# -- layers multiplied out


@settings(max_examples=40, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    activations=st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=1, max_size=4),
    scale=st.sampled_from([0.0, 3.0, 20.0]),
)
def test_folded_layers_compute_the_same(seed, activations, scale):
    rng = np.random.default_rng(seed)
    widths = rng.integers(1, 6, len(activations) + 1)
    layers = Layers(
        [
            Dense(rng.normal(size=(b, a)) * 10.0 ** rng.uniform(-scale, scale, (b, 1)), rng.normal(size=b), name)
            for (a, b), name in zip(pairwise(widths.tolist()), activations, strict=True)
        ]
    )
    root = rng.normal(size=(2, layers.n_outputs))
    parts = folded(layers, root)
    assert all(part.activation.name != "identity" for part in parts[:-1])
    x = rng.normal(size=(20, layers.n_inputs))
    h, size = x, np.abs(x)
    for part in parts:
        h = part.activation.value(part.before(h))
        size = size @ part.weight_size.T + part.bias_size + np.abs(h)
        assert part.norm <= part.product
    expected = layers(x) @ root.T
    assert np.all(np.abs(h - expected) <= 1e-12 * size)


def test_roots_are_folded_into_the_last_layer():
    rng = np.random.default_rng(0)
    f = network([3, 8, 4], "relu", rng)
    first, last = f.layers
    root = np.linalg.inv(rng.normal(size=(4, 4)))
    parts = folded(f, root)
    assert len(parts) == 2
    expected = np.linalg.norm(root @ last.weight, 2)
    assert expected <= parts[1].norm or parts[0].norm * parts[1].norm < np.linalg.norm(first.weight, 2) * expected
    # The output that is 1e10 times as large does not drown the other one.
    relu = Layers([Dense(np.diag([1e10, 1.0]), activation="relu")])
    bounds = norm_bounds(relu, root=np.diag([1e-10, 1.0]), rng=0)
    assert bounds.lower <= 1 <= bounds.upper
    assert bounds.gap < 1e-10
    # What cancels after the root is applied is known to be small.
    doubled = Layers([first, Dense(np.vstack([last.weight, last.weight[:1] / 3]))])
    zero = norm_bounds(doubled, 1.0, root=[[1.0, 0.0, 0.0, 0.0, -3.0]], rng=0)
    assert zero.upper < 1e-14
    assert zero.n_pieces == 0


# -- given constants


def test_a_constant_that_is_none_is_refused():
    for domain in ((0.5, 1.0), 1.0, Box([-1.0, 0.2], [1.0, 1.0])):
        with pytest.raises(InputError, match="5 times the Lipschitz constant given"):
            norm_bounds(lambda x: 5 * x, domain, n_inputs=2, lipschitz=1.0, rng=0)
    with pytest.raises(InputError, match="inf times the Lipschitz constant"):
        norm_bounds(lambda x: 5 * x, 1.0, n_inputs=2, lipschitz=0.0, rng=0)
    # Single precision does not make a true constant wrong.
    single = np.float32(3.3)
    bounds = norm_bounds(lambda x: single * x.astype(np.float32), (0.5, 1.0), n_inputs=2, lipschitz=3.3, rng=0)
    assert bounds.lower <= bounds.upper


def test_what_rests_on_a_given_constant_is_not_proved():
    for domain in ((0.5, 1.0), 1.0):
        bounds = norm_bounds(np.sin, domain, n_inputs=2, lipschitz=1.0, root=np.diag([2.0, 1.0]), rng=0)
        assert bounds.evidence.status is Status.NUMERICAL
        assert "if it is one" in bounds.evidence.reason
        assert 2 * math.sin(0.5) / 0.5 * (1 if domain != 1.0 else 0) <= bounds.upper <= 2 * (1 + 1e-12)
    # Down to zero the constant is all that is known, and no pieces are looked at.
    assert bounds.n_pieces == 0


def test_a_given_constant_takes_few_pieces():
    def f(x):
        return np.sin(x).sum(axis=1, keepdims=True)

    norm = math.sqrt(2) * math.sin(math.sqrt(0.5)) / math.sqrt(0.5)
    bounds = norm_bounds(f, (1.0, 2.0), n_inputs=2, lipschitz=math.sqrt(2), tol=1e-3, rng=0)
    assert bounds.lower <= norm * (1 + 1e-12)
    assert norm <= bounds.upper <= norm * 1.0011
    assert bounds.n_pieces < 20_000


@pytest.mark.parametrize("seed", range(6))
def test_bounds_by_the_true_constant_hold(seed):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(3, 2))

    def f(x):
        return np.sin(x @ a.T)

    constant = np.linalg.norm(a, 2)
    box = Box([-1.0, 0.3], [0.5, 2.0], hole=0.6)
    for domain in ((0.5, 1.5), box):
        bounds = norm_bounds(f, domain, n_inputs=2, lipschitz=constant, tol=0.02, rng=0)
        x = polar(domain, 2).sample(rng, 20000)
        found = np.linalg.norm(f(x), axis=1) / np.linalg.norm(x, axis=1)
        assert found.max() <= bounds.upper <= found.max() * 1.03


# -- zero up to rounding


def test_offsets_of_constant_networks_are_zero_up_to_rounding():
    # What is subtracted from the constant 3 tanh(0.3) is off by one unit in the last place.
    constant = np.nextafter(3.0 * np.tanh(0.3), 1.0)
    f = Layers([Dense([[0.0]], [0.3], "tanh"), Dense([[3.0]], [-constant])])
    assert f(np.zeros((1, 1))) != 0
    bounds = norm_bounds(f, 1.0, rng=0)
    assert bounds.lower == 0
    assert bounds.upper < 1e-14
    with pytest.raises(InputError, match=r"f\(0\) has norm"):
        norm_bounds(Layers([Dense([[0.0]], [0.3], "tanh"), Dense([[3.0]], [-constant * (1 + 1e-9)])]), 1.0)


# -- extreme scales


def scaled(f, inputs, outputs):
    """x -> outputs f(x / inputs), for layers."""
    first, *rest = f.layers
    parts = [Dense(first.weight / inputs, first.bias, first.activation.name), *rest]
    return Layers([*parts, Dense(outputs * np.eye(f.n_outputs))])


@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e78, 1e100, 1e160])
def test_scales_do_no_harm(scale):
    rng = np.random.default_rng(0)
    plain = network([2, 5, 3], "relu", rng)
    diagonal = Layers([Dense(DIAGONAL, activation="relu")])
    deep = Layers([Dense(np.diag([scale, 1.0]), activation="relu"), Dense(np.diag([1 / scale, 1.0]))])
    assert norm_bounds(deep, rng=0).upper == pytest.approx(1.0, rel=1e-9)
    for f in (plain, diagonal):
        expected = norm_bounds(f, rng=0)
        grown = Layers([Dense(scale * f.layers[0].weight, None, f.layers[0].activation.name), *f.layers[1:]])
        for bounds in (norm_bounds(grown, rng=0), norm_bounds(grown, scale), norm_bounds(grown, 1 / scale)):
            assert bounds.evidence.status is Status.PROVED
            np.testing.assert_allclose([bounds.lower / scale, bounds.upper / scale], expected.upper, rtol=1e-10)
            assert bounds.lower <= bounds.upper
    linear = norm_bounds(scale * DIAGONAL, scale, rng=0)
    np.testing.assert_allclose([linear.lower / scale, linear.upper / scale], 3.0, rtol=1e-14)
    # Roots and metrics.
    for given_as in ({"root": scale * np.eye(2)}, {"metric": scale * np.eye(2)}):
        factor = scale if "root" in given_as else math.sqrt(scale)
        bounds = norm_bounds(diagonal, rng=0, **given_as)
        np.testing.assert_allclose([bounds.lower / factor, bounds.upper / factor], 3.0, rtol=1e-10)


@pytest.mark.parametrize("scale", [1e-100, 1e-30, 1e30, 1e100, 1e150])
def test_scales_of_maps_that_are_not_homogeneous(scale):
    rng = np.random.default_rng(1)
    f = network([2, 5, 3], "tanh", rng)
    expected = norm_bounds(f, 1.0, rng=0)
    for inputs, outputs in ((1.0, scale), (scale, 1.0), (scale, scale)):
        bounds = norm_bounds(scaled(f, inputs, outputs), inputs, rng=0)
        assert bounds.evidence.status is Status.PROVED
        ratio = outputs / inputs
        np.testing.assert_allclose([bounds.lower / ratio, bounds.upper / ratio], expected.upper, rtol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(bounds.witness) <= inputs * (1 + 1e-12), True)
    # |x^3| / |x| at R is R^2.
    cubic = norm_bounds(ag.polynomial_map(["x^3", "x^2*y"]), math.sqrt(scale), rng=0)
    np.testing.assert_allclose([cubic.lower / scale, cubic.upper / scale], 1.0, rtol=1e-7)
    black = norm_bounds(lambda x: scale * np.sin(x / scale), (0.5 * scale, scale), n_inputs=2, lipschitz=1.0, rng=0)
    norm = math.sqrt(2) * math.sin(math.sqrt(0.125)) / 0.5
    assert black.lower <= norm * (1 + 1e-12) <= black.upper * (1 + 2e-12)
    assert black.upper <= norm * 1.0011
    wide = Box([-scale, -10 * scale], [scale, 10 * scale], hole=5 * scale)
    for g in (DIAGONAL, Layers([Dense(DIAGONAL, activation="relu")])):
        bounds = norm_bounds(g, wide, rng=0)
        assert bounds.lower <= math.sqrt(33 / 25) * (1 + 1e-12)
        assert math.sqrt(33 / 25) * (1 - 1e-12) <= bounds.upper <= math.sqrt(33 / 25) * 1.0011


def test_networks_that_are_dead_have_bounds_at_any_scale():
    first = Dense(1e120 * np.random.default_rng(0).uniform(0.1, 1, (4, 3)), None, "relu")
    dead = Layers([first, Dense(-np.ones((2, 4)), None, "relu"), Dense(np.ones((3, 2)))])
    bounds = norm_bounds(dead, Box([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]), rng=0)
    assert bounds.lower == 0
    assert bounds.upper <= 1e-12 * 1e120


def test_bounds_that_overflow_are_refused():
    huge = Layers([Dense([[1e200]], activation="relu"), Dense([[1e200]])])
    with pytest.raises(InputError, match=r"infinite|overflow"), np.errstate(over="ignore"):
        norm_bounds(huge, rng=0)
    with pytest.raises(InputError, match="overflow"):
        norm_bounds(1e200 * np.eye(2), root=1e200 * np.eye(2), rng=0)


# -- black boxes


def test_roots_of_the_norm_are_refused_by_one_test():
    for power in (0.5, 0.9):
        with pytest.raises(InputError, match="grow without end"):
            norm_bounds(lambda x, power=power: np.abs(x) ** power, 1.0, n_inputs=2, rng=0)
        # Away from zero they have norms.
        bounds = norm_bounds(lambda x, power=power: np.abs(x) ** power, (0.5, 1.0), n_inputs=1, rng=0)
        assert bounds.lower == pytest.approx(0.5 ** (power - 1), rel=1e-9)
    assert norm_bounds(lambda x: np.abs(x), 1.0, n_inputs=1, rng=0).lower == pytest.approx(1.0)


# -- polynomial maps


@settings(max_examples=25, derandomize=True)
@given(x0=st.lists(st.floats(-2, 2), min_size=2, max_size=2), seed=st.integers(0, 10**6))
def test_polynomial_maps_around_any_point(x0, seed):
    rng = np.random.default_rng(seed)
    p, q = rng.integers(1, 20, 2)
    phi = ag.polynomial_map([f"x*y/{p} + x/7 + 1/{q}", "y^2 + x"])
    f = as_function(phi)
    point = np.array(x0)
    moved = centered(f, point, f(point[None])[0])
    bounds = norm_bounds(moved, 1.0, rng=0)
    d = polar(1.0, 2).sample(rng, 2000)
    found = np.linalg.norm(f(point + d) - f(point[None]), axis=1) / np.linalg.norm(d, axis=1)
    assert found.max() <= bounds.upper * (1 + 1e-9)
    assert bounds.evidence.status is Status.PROVED


def test_constant_terms_and_affine_maps():
    # Neither 1/7 nor (1/10)^2 is a double.
    f = as_function(ag.polynomial_map(["x^2/3 + x + 1/7"]))
    bounds = norm_bounds(centered(f, np.zeros(1), np.array([1 / 7])), 1.0, rng=0)
    assert bounds.lower <= 4 / 3 * (1 + 1e-15)
    assert 4 / 3 <= bounds.upper <= 4 / 3 * (1 + 1e-7)
    square = as_function(ag.polynomial_map(["x^2"]))
    bounds = norm_bounds(centered(square, np.array([0.1]), square([[0.1]])[0]), 1.0, rng=0)
    assert 1.2 <= bounds.upper * (1 + 1e-15) <= 1.2 * (1 + 1e-7)
    affine = as_function(ag.polynomial_map(["x/3 + y + 1/7", "y + x"]))
    point = np.array([0.1, 0.7])
    moved = centered(affine, point, affine(point[None])[0])
    assert moved.is_linear
    assert norm_bounds(moved, rng=0).upper == pytest.approx(np.linalg.norm([[1 / 3, 1], [1, 1]], 2))
    # Another offset is subtracted as it is.
    with pytest.raises(InputError, match=r"f\(0\) has norm"):
        norm_bounds(centered(square, np.array([0.1]), np.array([0.5])), 1.0, rng=0)


@pytest.mark.parametrize("equations", [["x*y", "x*y/3", "2*x*y"], ["x + y^2", "x/3 + y^2/3", "-7*x - 7*y^2"]])
def test_polynomial_maps_stay_in_their_span(equations):
    phi = ag.polynomial_map(equations)
    x = np.random.default_rng(0).normal(size=(2, 50))
    U = np.linalg.svd(phi(x))[0]
    outside = norm_bounds(phi, 1.0, root=U[:, 1:].T, rng=0)
    assert outside.evidence.status is Status.PROVED
    assert outside.lower <= outside.upper < 1e-11
    assert outside.n_pieces == 0
    inside = norm_bounds(phi, 1.0, root=U[:, :1].T, rng=0)
    whole = norm_bounds(phi, 1.0, rng=0)
    np.testing.assert_allclose(inside.upper, whole.upper, rtol=1e-7)


# -- regions


def patterns(f, x):
    """Which neurons with a kink are positive at points, beyond rounding."""
    rows, h = [], x
    for layer in f.layers:
        z = layer.before(h)
        size = np.abs(h).sum(axis=1, keepdims=True) * np.abs(layer.weight).sum(axis=1)
        if layer.activation.name != "identity":
            rows.append(z > 1e-12 * size)
        h = layer.activation.value(z)
    return np.concatenate(rows, axis=1)


@pytest.mark.parametrize("seed", [0, 8, 29, 31, *range(100, 112)])
def test_regions_are_those_of_points_where_neurons_vanish(seed):
    rng = np.random.default_rng(seed)
    widths = [int(rng.integers(1, 4)), *rng.integers(1, 6, rng.integers(2, 4)).tolist()]
    names = ["relu", *rng.choice(["relu", "leaky_relu", "abs", "identity"], len(widths) - 2).tolist()]
    layers = [Dense(rng.normal(size=(b, a)), None, t) for (a, b), t in zip(pairwise(widths), names, strict=True)]
    f = Layers(layers)
    regions = linear_regions(f)
    np.testing.assert_array_equal(patterns(f, regions.points), regions.patterns)
    listed = {row.tobytes() for row in regions.patterns}
    assert len(listed) == len(regions)
    sampled = {row.tobytes() for row in patterns(f, rng.normal(size=(5000, widths[0])))}
    assert sampled <= listed


# -- certified decompositions


@pytest.mark.parametrize(
    ("f", "options", "norm"),
    [
        (DIAGONAL, {"domain": Box([0.0, 1.0], [0.1, 2.0])}, math.sqrt(1.09 / 1.01)),
        (Layers([Dense(np.diag([1e10, 1.0]), activation="relu")]), {}, 1e10),
        (Layers([Dense(np.diag([1e100, 1.0]), activation="relu")]), {}, 1e100),
        (ag.polynomial_map(["x^2"]), {"domain": 1.0, "x0": [0.1]}, 1.2),
        (ag.polynomial_map(["x^2/3 + x + 1/7"]), {"domain": 1.0, "offset": True}, 4 / 3),
        (ag.polynomial_map(["x*y", "x*y/3", "2*x*y"]), {"domain": 1.0}, math.sqrt(5 + 1 / 9) / 2),
    ],
)
def test_certified_decompositions_reach_known_norms(f, options, norm):
    found = gsvd(f, certify=True, rng=0, **options)
    assert found.evidence.status is Status.PROVED
    assert found.norm_lower <= norm * (1 + 1e-9)
    assert norm * (1 - 1e-12) <= found.norm_upper <= norm * 1.0011
    assert norm * (1 - 1e-9) <= found.sigma[0] < 1.5 * norm

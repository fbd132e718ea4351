"""Bounds of 2-induced norms: exact examples, brute force, attacks, and what is refused."""

import math
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_gsvd import grid_norm, planar_norm, precise_gains

import algeom as ag
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd.functions.domains import Annulus, Ball, Box
from algeom.gsvd.functions.layers import ACTIVATIONS, Dense, Layers
from algeom.gsvd.norms.bounds import norm_bounds
from algeom.gsvd.norms.polynomials import spherical_maximum
from algeom.gsvd.norms.relu_regions import linear_regions, region_bound
from algeom.gsvd.norms.slopes import Quotients

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


# -- networks with biases and smooth activations


def sampled_gains(f, radii, rng, count=1000):
    low, high = radii
    x = rng.normal(size=(count, f.n_inputs))
    x *= (rng.uniform(max(low, 1e-3 * high), high, count) / np.linalg.norm(x, axis=1))[:, None]
    return precise_gains(f.layers, x)


def without_offset(widths, activation, rng, biases):
    f = network(widths, activation, rng, biases=biases)
    *first, last = f.layers
    at_zero = Layers(first)(np.zeros((1, f.n_inputs)))
    return Layers([*first, Dense(last.weight, -(at_zero @ last.weight.T)[0])])


def check_covered(count, seed, max_pieces):
    rng = np.random.default_rng(seed)
    activations = ["relu", "leaky_relu", "abs", "tanh", "sigmoid", "softplus"]
    for k in range(count):
        hidden = rng.integers(1, 9, int(rng.integers(1, 3))).tolist()
        widths = [int(rng.integers(1, 4)), *hidden, int(rng.integers(1, 4))]
        f = without_offset(widths, activations[k % 6], rng, float(rng.choice([0.0, 0.3, 1.0])))
        radius = float(10 ** rng.uniform(-2, 1))
        low = float(rng.choice([0.0, 0.5])) * radius
        bounds = norm_bounds(f, (low, radius), max_pieces=max_pieces, rng=k)
        assert bounds.lower <= bounds.upper
        assert sampled_gains(f, (low, radius), rng).max() <= bounds.upper
        assert bounds.evidence.status is Status.PROVED
        size = np.linalg.norm(bounds.witness)
        assert f.is_positively_homogeneous or low * (1 - 1e-12) <= size <= radius * (1 + 1e-12)
        value = np.linalg.norm(f(bounds.witness[None])) / size
        # f(0) is zero up to rounding, which counts near zero.
        np.testing.assert_allclose(value, bounds.lower, rtol=1e-8, atol=1e-14 / size)


def test_covered_bounds_of_random_networks():
    check_covered(60, 0, 3000)


@pytest.mark.slow
def test_covered_bounds_of_a_thousand_random_networks():
    check_covered(1000, 1, 3000)


@pytest.mark.parametrize("activation", ["relu", "abs", "tanh", "softplus", "sigmoid"])
def test_coverings_reach_their_tolerance(activation):
    f = without_offset([2, 6, 3], activation, np.random.default_rng(2), 0.5)
    bounds = norm_bounds(f, 1.5, rng=0)
    assert bounds.gap <= 1.0001e-3
    finer = norm_bounds(f, 1.5, tol=2e-4, rng=0)
    assert bounds.lower <= finer.upper <= bounds.upper
    on_grid = grid_norm(f, 2, radii=np.linspace(0.01, 1.5, 60))
    assert on_grid <= finer.upper
    assert finer.upper <= on_grid * 1.005


def test_smooth_networks_with_known_norms():
    # tanh is steepest at zero; log(1 + exp) - log 2 approaches the slope 1, and has (log(1 + e^R) - log 2) / R.
    bounds = norm_bounds(Layers([Dense([[2.0]], activation="tanh")]), 3.0, rng=0)
    assert bounds.lower <= 2.0 <= bounds.upper
    assert bounds.gap < 2e-3
    bounds = norm_bounds(Layers([Dense([[1.0]], activation="softplus"), Dense([[1.0]], [-math.log(2)])]), 2.0, rng=0)
    exact = (math.log1p(math.exp(2.0)) - math.log(2)) / 2
    assert bounds.lower <= exact * (1 + 1e-12)
    assert exact <= bounds.upper <= exact * 1.0011


def test_a_kink_off_the_origin():
    # relu(x - 1) has the gain 1 - 1 / x: 1/2 at 2, and tends to 1.
    f = Layers([Dense([[1.0]], [-1.0], "relu")])
    bounds = norm_bounds(f, 2.0, rng=0)
    assert bounds.lower <= 0.5 <= bounds.upper <= 0.501
    assert norm_bounds(f, rng=0).upper == pytest.approx(1.0)
    assert norm_bounds(f, 1.0, rng=0).upper < 1e-12


@settings(max_examples=60, derandomize=True)
@given(
    name=st.sampled_from(sorted(set(ACTIVATIONS) - {"identity"})),
    z=st.floats(-8, 8) | st.just(0.0),
    start=st.floats(-9, 1),
    width=st.floats(-9, 1),
    part=st.floats(0, 1),
    sign=st.sampled_from([1, -1]),
)
def test_difference_quotients_lie_in_their_enclosures(name, z, start, width, part, sign):
    low, high = 10.0**start, 10.0**start + 10.0**width
    d = sign * (low + part * (high - low))
    low, high = sorted((sign * low, sign * high))
    below, above = Quotients(ACTIVATIONS[name], np.array([z]), np.zeros(1))(np.array([[low]]), np.array([[high]]))
    with mpmath.workdps(40):
        t, z0 = mpmath.mpf(d), mpmath.mpf(z)
        act = {
            "relu": lambda x: max(x, 0),
            "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.01) * x,
            "abs": abs,
            "tanh": mpmath.tanh,
            "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
            "softplus": lambda x: mpmath.log(1 + mpmath.exp(x)),
        }[name]
        quotient = (act(z0 + t) - act(z0)) / t
        assert below[0, 0] <= quotient <= above[0, 0]


# -- boxes and given constants


def test_networks_that_vanish_up_to_rounding():
    # 3 relu(x / 10) - relu(3 x / 10), and a dead neuron whose offset is subtracted.
    cancelling = Layers([Dense([[0.1], [0.3]], activation="relu"), Dense([[3.0, -1.0]])])
    dead = Layers([Dense([[0.1]], [-0.3], "tanh"), Dense([[1e-3]], [-0.7], "relu"), Dense([[1.0]])])
    for f in (cancelling, dead):
        bounds = norm_bounds(f, 1.0, rng=0)
        assert bounds.lower <= bounds.upper < 1e-14


def test_boxes():
    rng = np.random.default_rng(4)
    box = Box([-1.0, 0.5], [2.0, 1.0])
    for f in (without_offset([2, 5, 2], "tanh", rng, 0.5), network([2, 5, 2], "relu", rng)):
        bounds = norm_bounds(f, box, rng=0)
        x = rng.uniform(box.lower, box.upper, (20000, 2))
        on_samples = (np.linalg.norm(f(x), axis=1) / np.linalg.norm(x, axis=1)).max()
        assert on_samples <= bounds.upper <= on_samples * 1.02
        assert np.all((bounds.witness >= box.lower) & (bounds.witness <= box.upper))
        assert bounds.method == "lipschitz"
    around = Box([-1.0, -2.0], [3.0, 1.0])
    f = network([2, 5, 2], "relu", rng)
    assert norm_bounds(f, around, rng=0).upper == norm_bounds(f, rng=0).upper
    square = ag.polynomial_map(["x^2 + y^2"])
    bounds = norm_bounds(square, Box([0.0, 0.0], [1.0, 1.0]), rng=0)
    assert bounds.lower <= math.sqrt(2) * (1 + 1e-12)
    assert math.sqrt(2) <= bounds.upper <= math.sqrt(2) * 1.0011


def test_a_given_lipschitz_constant():
    def f(x):
        return np.sin(x).sum(axis=1, keepdims=True)

    constant = math.sqrt(2)
    bounds = norm_bounds(f, (1.0, 2.0), n_inputs=2, lipschitz=constant, tol=0.05, rng=0)
    assert bounds.lower < bounds.upper < constant
    assert grid_norm(f, 2, radii=np.linspace(1, 2, 40)) <= bounds.upper
    assert norm_bounds(f, 2.0, n_inputs=2, lipschitz=constant, max_pieces=2000, rng=0).upper <= constant * (1 + 1e-12)
    with pytest.raises(InputError, match="a Lipschitz constant alone"):
        norm_bounds(f, n_inputs=2, lipschitz=constant)


# -- domains of all kinds, at all scales


def random_domain(rng, n, scale):
    """A ball, an annulus, or a box around zero, on one side of it, touching it, or with a hole."""
    kind = rng.choice(["ball", "annulus", "box", "one side", "touching"])
    if kind == "ball":
        return Ball(n, scale)
    if kind == "annulus":
        return Annulus(n, 0.4 * scale, scale)
    ends = np.sort(rng.uniform(-1, 1, (2, n)), axis=0)
    if kind == "one side":
        ends[:, 0] = np.sort(rng.uniform(0.2, 1, 2))
    elif kind == "touching":
        ends[0] = np.where(rng.random(n) < 0.5, 0.0, ends[0] - (ends[0] > -0.01) * 0.5)
        ends[1] = np.abs(ends[1]) + 0.1
    box = Box(*(scale * ends))
    return Box(*(scale * ends), hole=rng.choice([0.0, rng.uniform(0.1, 0.95)]) * box.high)


def random_map(rng, k, inputs, outputs):
    """Layers for inputs of this size: linear, homogeneous, and with biases, smooth or not."""
    widths = [int(rng.integers(1, 4)), *rng.integers(1, 7, int(rng.integers(1, 3))).tolist(), int(rng.integers(1, 4))]
    name = ["identity", "relu", "abs", "leaky_relu", "tanh", "softplus", "relu", "sigmoid"][k % 8]
    f = without_offset(widths, name, rng, 0.0 if k % 8 < 4 else float(rng.choice([0.3, 1.0])))
    first, *rest = f.layers
    last = rest[-1]
    return Layers(
        [
            Dense(first.weight / inputs, first.bias, first.activation.name),
            *rest[:-1],
            Dense(outputs * last.weight, None if last.bias is None else outputs * last.bias, last.activation.name),
        ]
    )


def feasible(domain, x):
    """Which of these points belong to a domain, up to rounding."""
    norms = np.linalg.norm(x / domain.high, axis=1) * domain.high
    inside = (norms >= domain.low * (1 - 1e-14)) & (norms <= domain.high * (1 + 1e-14)) & (norms > 0)
    if isinstance(domain, Box):
        inside &= np.all((x >= domain.lower) & (x <= domain.upper), axis=1)
    return inside


def gains_of(f, x, inputs, outputs):
    """Gains in units of outputs / inputs, without f(0), which is rounding alone."""
    u = x / inputs
    scaled = Layers([Dense(f.layers[0].weight * inputs, f.layers[0].bias, f.layers[0].activation.name), *f.layers[1:]])
    *rest, last = scaled.layers
    bias = None if last.bias is None else last.bias / outputs
    scaled = Layers([*rest, Dense(last.weight / outputs, bias, last.activation.name)])
    return precise_gains(scaled.layers, u)


def multi_start(f, domain, rng, inputs, outputs, starts=12):
    """The largest gain that Nelder-Mead finds, in coordinates of its own: angles do not matter to it."""
    from scipy.optimize import minimize

    def descend(z):
        x = inputs * z[None]
        if isinstance(domain, Box):
            x = np.clip(x, domain.lower, domain.upper)
        far = np.abs(x).max() > 1e-3 * domain.high
        return -float(gains_of(f, x, inputs, outputs)[0]) if far and feasible(domain, x)[0] else 0.0

    best = 0.0
    for z in domain.sample(rng, starts) / inputs:
        found = minimize(descend, z, method="Nelder-Mead", options={"maxiter": 300, "xatol": 1e-10, "fatol": 1e-12})
        best = max(best, -float(found.fun))
    return best


def check_domains(count, seed, attacked=0, max_pieces=2000):
    rng = np.random.default_rng(seed)
    for k in range(count):
        inputs, outputs = (float(10.0 ** rng.choice([0, rng.uniform(-100, 100)])) for _ in range(2))
        f = random_map(rng, k, inputs, outputs)
        domain = random_domain(rng, f.n_inputs, inputs)
        bounds = norm_bounds(f, domain, max_pieces=max_pieces, rng=k)
        assert bounds.evidence.status is Status.PROVED
        unit = outputs / inputs
        lower, upper = bounds.lower / unit, bounds.upper / unit
        assert 0 <= lower <= upper < math.inf
        x = domain.sample(rng, 300)
        # Nearer to zero even extended precision is not enough to tell f(x) from f(0).
        x = x[np.abs(x).max(axis=1) > 1e-3 * domain.high]
        x = np.concatenate([x, bounds.witness[None]])
        inside = feasible(domain, x)
        assert inside[-1]
        found = gains_of(f, x[inside], inputs, outputs)
        # Units are no powers of two: dividing rounds.
        assert found[:-1].max(initial=0.0) <= upper * (1 + 1e-13) + 1e-300
        np.testing.assert_allclose(found[-1], lower, rtol=1e-7, atol=1e-13 * f.lipschitz_bound / unit)
        if k < attacked:
            assert multi_start(f, domain, rng, inputs, outputs) <= upper * (1 + 1e-13) + 1e-300


def test_bounds_on_domains_of_all_kinds():
    check_domains(60, 0)


@pytest.mark.slow
def test_bounds_of_a_thousand_networks_on_domains_of_all_kinds():
    check_domains(1000, 1, attacked=20)


# -- polynomial maps


@pytest.mark.parametrize(
    ("equations", "radius", "norm"),
    [
        (["x*(x^2 + y^2)", "y*(x^2 + y^2)"], 2.0, 4.0),
        (["x*(x^2+y^2+z^2)", "y*(x^2+y^2+z^2)", "z*(x^2+y^2+z^2)"], 0.5, 0.25),
        (["x*y"], 1.0, 0.5),
        (["x*y*z"], 1.0, 3**-1.5),
        (["x^2 - y^2", "2*x*y"], 3.0, 3.0),
        # On the circle |x + y^2| is largest at sin t = 1/2: with the sign of x, 1/2 ... = 5/4.
        (["x + y^2"], 1.0, 1.25),
        # x - x^3 / 6: slope 1 at zero.
        (["x - x^3/6"], 2.0, 1.0),
        (["x + y"], 1.0, math.sqrt(2)),
    ],
)
def test_polynomial_maps_with_known_norms(equations, radius, norm):
    bounds = norm_bounds(ag.polynomial_map(equations), radius, rng=0)
    assert bounds.lower <= norm * (1 + 1e-13)
    assert bounds.upper >= norm * (1 - 1e-15)
    assert bounds.gap < 1e-7
    assert bounds.method == "exact"


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_quadratic_forms_have_their_eigenvalues(n):
    a = np.random.default_rng(n).integers(-5, 6, (n, n))
    a = a + a.T
    bounds = norm_bounds(ag.polynomial_map(lambda x: [x @ a @ x], n_parameters=n), 1.0, rng=0)
    expected = np.abs(np.linalg.eigvalsh(a)).max()
    assert bounds.lower <= expected * (1 + 1e-14)
    assert bounds.upper >= expected * (1 - 1e-14)
    assert bounds.gap < 1e-7


@pytest.mark.parametrize("equations", [["x^2 + 3*x*y", "y^2 - 2*x^2"], ["x^3 - x*y^2 + z^3", "x*y*z + y^3"]])
def test_bernstein_bounds_and_critical_points_agree(equations):
    phi = ag.polynomial_map(equations)
    value, points, evidence = spherical_maximum(phi, rng=0)
    assert evidence.status is Status.NUMERICAL
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-10)
    bounds = norm_bounds(phi, 1.0, rng=0)
    assert bounds.lower <= value * (1 + 1e-10)
    assert value <= bounds.upper * (1 + 1e-12)
    assert bounds.gap < 1e-7


@settings(max_examples=15, derandomize=True)
@given(seed=st.integers(0, 10**6), radius=st.sampled_from([0.3, 1.0, 2.0]), low=st.sampled_from([0.0, 0.5]))
def test_random_polynomial_maps_against_samples(seed, radius, low):
    rng = np.random.default_rng(seed)
    c = rng.integers(-4, 5, (2, 9)).tolist()
    terms = ["x", "y", "x^2", "x*y", "y^2", "x^3", "x^2*y", "x*y^2", "y^3"]
    equations = [" + ".join(f"({a})*{t}" for a, t in zip(row, terms, strict=True)) for row in c]
    phi = ag.polynomial_map(equations, parameters=["x", "y"])
    bounds = norm_bounds(phi, (low * radius, radius), rng=0)
    sampled = grid_norm(lambda x: phi(x.T).T, 2, radii=radius * np.linspace(max(low, 0.01), 1, 40))
    assert sampled <= bounds.upper * (1 + 1e-12)
    assert bounds.gap < 1e-6
    assert bounds.upper <= sampled * 1.01 + 1e-12


def test_metrics_of_polynomial_maps():
    phi = ag.polynomial_map(["x*y", "x^2"])
    root = np.array([[1.0, 2.0], [0.0, 3.0]])
    composed = ag.polynomial_map(["x*y + 2*x^2", "3*x^2"])
    expected = norm_bounds(composed, 1.0, rng=0)
    for bounds in (norm_bounds(phi, 1.0, root=root, rng=0), norm_bounds(phi, 1.0, metric=root.T @ root, rng=0)):
        np.testing.assert_allclose([bounds.lower, bounds.upper], [expected.lower, expected.upper], rtol=1e-7)


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
    with pytest.raises(ResourceError, match=r"after .* pieces the norm is between"):
        norm_bounds(wide, method="exact", max_pieces=500, rng=0)
    bounds = norm_bounds(wide, max_pieces=500, rng=0)
    assert bounds.method == "lipschitz"
    assert "stopped before the tolerance was reached" in str(bounds)
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
    with pytest.raises(InputError, match=r"gains .* grow"):
        norm_bounds(lambda x: np.sqrt(np.abs(x)), n_inputs=2)
    with pytest.raises(InputError, match=r"f\(0\) has norm 2"):
        norm_bounds(lambda x: np.full((len(x), 1), 2.0), n_inputs=2)
    with pytest.raises(InputError, match="NaN or infinite"):
        norm_bounds(lambda x: np.where(x > 0.5, np.nan, x), n_inputs=2)
    with pytest.raises(InputError, match="give a radius"):
        norm_bounds(ag.polynomial_map(["x^2"]))
    with pytest.raises(InputError, match=r"f\(0\) has norm 1"):
        norm_bounds(ag.polynomial_map(["x^2 + 1"]), 1.0)
    with pytest.raises(InputError, match="domain=-1"):
        norm_bounds(np.eye(2), -1)
    with pytest.raises(InputError, match="dimension 3"):
        norm_bounds(np.eye(2), Box([-1.0] * 3, [1.0] * 3))
    with pytest.raises(InputError, match="no exact mode"):
        norm_bounds(Layers([Dense([[1.0]], activation="tanh")]), 1.0, method="exact")
    with pytest.raises(InputError, match="no Lipschitz constant is known"):
        norm_bounds(np.tanh, n_inputs=2, method="lipschitz")
    with pytest.raises(InputError, match="biases or smooth"):
        linear_regions(Layers([Dense([[1.0]], activation="tanh")]))


def test_samples_are_an_estimate_and_say_so():
    bounds = norm_bounds(lambda x: np.tanh(2 * x), 1.0, n_inputs=3, rng=0)
    assert bounds.method == "sampled"
    assert bounds.evidence.status is Status.LOWER_BOUND
    assert math.isinf(bounds.upper)
    assert 1.99 < bounds.lower <= 2.0
    assert "unknown" in repr(bounds)


def test_an_interruption_leaves_valid_bounds():
    f = network([4, 30, 3], "abs", np.random.default_rng(0))
    events = []

    def stop(event):
        events.append(event)
        if len(events) == 4:
            raise KeyboardInterrupt

    bounds = norm_bounds(f, rng=0, progress=stop)
    full = norm_bounds(f, rng=0)
    assert bounds.interrupted
    assert not full.interrupted
    assert bounds.lower <= full.upper
    assert full.lower <= bounds.upper


def test_same_seed_same_bounds():
    f = network([3, 10, 2], "relu", np.random.default_rng(1))
    first, second = (norm_bounds(f, rng=7) for _ in range(2))
    assert (first.lower, first.upper, first.seed) == (second.lower, second.upper, 7)
    np.testing.assert_array_equal(first.witness, second.witness)

"""Generalized singular value decompositions: exact examples, lifts, laws, certificates, samples, bad input."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError
from algeom.evidence import Status
from algeom.gsvd import Annulus, Ball, Box, Samples, Sphere, gsvd, minimum_volume_ellipsoid
from algeom.gsvd.functions.batch_functions import as_function
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.gsvd.gains.ascent import ascend, gain_vectors, polish
from algeom.gsvd.norms.bounds import norm_bounds


def relu(x):
    return np.maximum(x, 0)


def network(rng, sizes, activation="relu", biases=False):
    parts = []
    for k, (n, m) in enumerate(pairwise(sizes)):
        last = k == len(sizes) - 2
        bias = rng.standard_normal(m) if biases else None
        parts.append(Dense(rng.standard_normal((m, n)) / math.sqrt(n), bias, "identity" if last else activation))
    return Layers(parts)


# Exact examples, derived by hand: the gain set of each is an arc, a segment or a few points.

EXAMPLES = {
    "ReLU in the plane": (lambda x: relu(x), 2, [1, 1]),
    "diag(3, 1) after ReLU": (lambda x: relu(x) * [3, 1], 2, [3, 1]),
    "ReLU of x and of -2x": (lambda x: np.hstack([relu(x), relu(-2 * x)]), 1, [2, 1]),
    "sum of positive parts": (lambda x: relu(x).sum(axis=1, keepdims=True), 2, [math.sqrt(2)]),
    "absolute value of one input": (lambda x: np.abs(x[:, :1]), 2, [1]),
    "norm": (lambda x: np.linalg.norm(x, axis=1, keepdims=True), 3, [1]),
    "identity and norm": (lambda x: np.hstack([x, np.linalg.norm(x, axis=1, keepdims=True)]), 2, None),
}


@pytest.mark.parametrize("name", [name for name, (_, _, sigma) in EXAMPLES.items() if sigma])
def test_exact_examples(name):
    f, n, sigma = EXAMPLES[name]
    found = gsvd(f, n_inputs=n, rng=0)
    assert found.sigma == pytest.approx(sigma, rel=1e-8)
    assert found.evidence.status is Status.LOWER_BOUND


def test_a_circle_at_height_one_has_an_ellipsoid_of_revolution():
    # Gains (cos t, sin t, 1) are on (x^2 + y^2) / a^2 + z^2 / b^2 = 1 if 1/a^2 + 1/b^2 = 1, and a^4 b^2 is least at
    # a^2 = 3/2.
    f, n, _ = EXAMPLES["identity and norm"]
    assert gsvd(f, n_inputs=n, rng=0).sigma == pytest.approx(np.sqrt([3, 1.5, 1.5]), rel=1e-8)


@pytest.mark.parametrize(("p", "n"), [(3, 3), (2, 5), (5, 20), (7, 3)])
def test_matrices_have_their_singular_value_decomposition(p, n):
    A = np.random.default_rng(p).standard_normal((p, n))
    sigma = np.append(np.linalg.svd(A)[1], np.zeros(p))[:p]
    known, black_box = gsvd(A), gsvd(lambda x: x @ A.T, n_inputs=n, rng=0)
    assert known.method == "svd"
    assert known.sigma == pytest.approx(sigma, rel=1e-13, abs=1e-15)
    assert known.evidence.status is Status.NUMERICAL
    assert black_box.sigma == pytest.approx(sigma, rel=1e-8)
    assert black_box.rank == known.rank == min(p, n)
    r = known.rank
    assert np.abs(black_box.U[:, :r].T @ known.U[:, :r]) == pytest.approx(np.eye(r), abs=1e-6)


@pytest.mark.parametrize("domain", [Ball(4, 2.0), Annulus(4, 0.5, 3.0), 2.0, (0.5, 3.0), Sphere(4, 5.0)])
def test_domains_do_not_matter_for_linear_maps(domain):
    A = np.random.default_rng(0).standard_normal((3, 4))
    sigma = np.linalg.svd(A)[1]
    assert gsvd(A, domain).sigma == pytest.approx(sigma)
    assert gsvd(lambda x: x @ A.T, domain, n_inputs=4, rng=0).sigma == pytest.approx(sigma, rel=1e-7)


def test_affine_layers_are_linear_around_every_point():
    rng = np.random.default_rng(0)
    W, b, x0 = rng.standard_normal((3, 2)), rng.standard_normal(3), rng.standard_normal(2)
    found = gsvd(Layers([Dense(W, b)]), x0=x0)
    assert found.method == "svd"
    assert found.sigma[:2] == pytest.approx(np.linalg.svd(W)[1])
    assert found.offset == pytest.approx(W @ x0 + b)


# The identities of the lift


def assert_decomposes(found, f, x, accuracy=1e-12):
    z = found.lift(x)
    sizes = np.linalg.norm(x - found.x0, axis=1)
    assert z.shape == (len(x), found.n_outputs + found.n_inputs)
    assert np.linalg.norm(z, axis=1) == pytest.approx(sizes, rel=accuracy, abs=1e-300)
    values = f(x)
    assert found.reconstruct(z) == pytest.approx(values, rel=accuracy, abs=accuracy * np.abs(values).max())
    assert found.left_inverse(z) == pytest.approx(x, rel=accuracy, abs=accuracy * sizes.max())
    assert found.utilisation(x).max() <= 1
    return z


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 8), st.integers(1, 4),
    st.sampled_from(["relu", "tanh", "leaky_relu", "abs"]),
)  # fmt: skip
def test_lifts_of_random_networks(seed, n, hidden, p, activation):
    rng = np.random.default_rng(seed)
    f = network(rng, [n, hidden, p], activation)
    if not np.abs(f(np.eye(n))).sum() + np.abs(f(-np.eye(n))).sum():
        return
    # Half as much again, because a short search need not have found the largest gain.
    found = gsvd(f, None if activation != "tanh" else 2.0, rng=0, rounds=3, n_samples=200, inflation=1.5)
    assert found.is_strict
    x = rng.standard_normal((50, n))
    x /= np.maximum(np.linalg.norm(x, axis=1)[:, None] / 2, 1)
    assert_decomposes(found, f, x)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_local_decompositions_have_distances_as_norms(activation):
    rng = np.random.default_rng(0)
    f = network(rng, [3, 8, 2], activation, biases=True)
    x0 = rng.standard_normal(3)
    found = gsvd(f, 0.5, x0=x0, rng=0, inflation=1.01)
    x = x0 + Ball(3, 0.5).sample(rng, 100)
    assert found.offset == pytest.approx(f(x0[None])[0])
    assert_decomposes(found, f, x)
    assert found.lift(x0[None]).tolist() == [[0.0] * 5]
    assert found.left_inverse(np.zeros((1, 5)))[0] == pytest.approx(x0)
    assert "local" in repr(found)


def test_offsets_are_subtracted_and_put_back():
    rng = np.random.default_rng(0)
    f = network(rng, [2, 6, 3], "tanh", biases=True)
    x = Ball(2).sample(rng, 50)
    found = gsvd(f, 1.0, offset=True, rng=0, inflation=1.01)
    assert found.offset == pytest.approx(f(np.zeros((1, 2)))[0])
    assert_decomposes(found, f, x)
    assert gsvd(f, 1.0, offset=f(np.zeros((1, 2)))[0], rng=0).sigma == pytest.approx(found.sigma / 1.01)


def test_callables_and_polynomial_maps_have_local_decompositions():
    phi = ag.polynomial_map(["x*y + 1", "x^2 - y"])

    def f(x):
        return np.column_stack([x[:, 0] * x[:, 1] + 1, x[:, 0] ** 2 - x[:, 1]])

    x0 = [0.5, -1.0]
    first, second = gsvd(phi, 1.0, x0=x0, rng=0), gsvd(f, 1.0, x0=x0, rng=0)
    assert first.sigma == pytest.approx(second.sigma, rel=1e-5)
    assert_decomposes(first.inflate(1.02), f, np.array(x0) + Ball(2).sample(np.random.default_rng(0), 50))


def test_where_the_ellipsoid_touches_the_lift_forgets_the_input():
    found = gsvd(np.diag([2.0, 1.0]))
    z = found.lift([[1.0, 0.0]])
    assert z == pytest.approx(np.array([[1, 0, 0, 0]]), abs=1e-7)
    with pytest.raises(InputError, match="inflate"):
        found.left_inverse([[1.0, 0.0, 0.0, 0.0]])
    assert_decomposes(found.inflate(1.001), lambda x: x * [2, 1], np.array([[1.0, 0.0], [0.0, 3.0], [1.0, 1.0]]))


def test_lifts_are_injective_where_f_is_not():
    found = gsvd(lambda x: np.abs(x[:, :1]), n_inputs=2, rng=0, inflation=1.01)
    z = assert_decomposes(found, lambda x: np.abs(x[:, :1]), np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 1.0]]))
    assert np.linalg.norm(z[0] - z[1]) > 0.1


def test_points_that_are_not_covered_have_no_lift():
    found = gsvd(lambda x: x**3, 1.0, n_inputs=2, rng=0)
    with pytest.raises(InputError, match=r"1 row of x, the first is row 1, .* up to 9"):
        found.lift([[0.5, 0.5], [3.0, 0.0]])
    assert found.utilisation([[3.0, 0.0]]) == pytest.approx([9.0], rel=1e-6)
    assert found.inflate(10).lift([[3.0, 0.0]]).shape == (1, 4)


def test_outputs_where_sigma_is_zero_have_infinite_utilisation():
    x = np.random.default_rng(0).standard_normal((50, 3))
    found = gsvd(samples=(x, np.column_stack([x[:, 0], np.zeros(50)])))
    assert found.rank == 1
    assert found.utilisation([[1.0, 0, 0], [1.0, 0, 0]], [[0.5, 0.0], [0.0, 100.0]]).tolist() == [
        pytest.approx(0.5 / found.sigma[0]),
        math.inf,
    ]
    with pytest.raises(InputError, match="outside of the 1-dimensional span"):
        found.lift([[1.0, 0, 0]], [[0.0, 100.0]])


def test_axes_that_are_nearly_orthogonal_are_made_orthogonal():
    def f(x):
        return relu(x) * [3.0, 1.0]

    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]
    found = gsvd(f, n_inputs=2, method="coordinate", axes=Q * (1 + 2e-11), rng=0, inflation=1.1)
    assert np.abs(found.U.T @ found.U - np.eye(2)).max() < 1e-15
    assert_decomposes(found, f, np.random.default_rng(0).standard_normal((5, 2)))
    with pytest.raises(InputError, match="orthogonal matrix"):
        gsvd(f, n_inputs=2, method="coordinate", axes=np.eye(2) * (1 + 4.5e-6), rng=0)
    with pytest.raises(InputError, match="coordinate rule only"):
        gsvd(f, n_inputs=2, axes="nonsense", rng=0)


# Rounding errors


@pytest.mark.parametrize(
    ("sizes", "activation", "domain"),
    [
        ((2, 4, 3), "relu", 0.1),
        ((2, 2, 3), "tanh", 1.0),
        ((4, 4, 10), "relu", 1.0),
        ((1, 4, 2), "relu", Box([-1], [1])),
    ],
)
def test_rounding_errors_of_offsets_are_no_directions_of_outputs(sizes, activation, domain):
    for seed in range(6):
        f = network(np.random.default_rng(seed), sizes, activation, biases=True)
        region = domain if isinstance(domain, Box) else Ball(sizes[0], domain)
        found = gsvd(f, domain, offset=True, rng=0, rounds=6)
        # The rank of all derivatives in the domain is what outputs can span to first order.
        J = f.jacobian(region.sample(np.random.default_rng(0), 2000)).reshape(-1, sizes[-1], sizes[0])
        rank = np.linalg.matrix_rank(J.transpose(0, 2, 1).reshape(-1, sizes[-1]), 1e-6)
        assert rank <= found.rank <= min(sizes[1:])
        assert found.sigma[found.rank - 1] > 1e-4 * found.sigma[0]
        assert found.utilisation(region.sample(np.random.default_rng(1), 200)).max() < 1 + 1e-3


def test_single_precision_is_seen_in_values():
    f = network(np.random.default_rng(0), (2, 2, 3), "tanh", biases=True)
    exact = gsvd(f, 1.0, offset=True, rng=0)
    found = gsvd(lambda x: f(x).astype(np.float32), 1.0, offset=True, n_inputs=2, rng=0)
    assert found.rank == exact.rank == 2
    assert found.sigma[:2] == pytest.approx(exact.sigma[:2], rel=1e-4)
    assert 1e-9 < np.linalg.norm(found.noise) < 1e-6
    assert "rounding errors" in found.notes[0]
    assert np.linalg.norm(exact.noise) < 1e-14
    assert exact.notes == (
        "the outputs seen span 2 of 3 dimensions: sigma is 0 in the others, where lifts do not exist",
    )


@pytest.mark.parametrize("scale", [1e-140, 1e-100, 1e100, 1e140])
def test_units_of_outputs_do_not_matter(scale):
    found = gsvd(Layers([Dense(np.diag([3 * scale, scale]), activation="relu")]), certify=True, rng=0)
    assert found.sigma / scale == pytest.approx([3, 1], rel=1e-8)
    assert found.evidence.status is Status.PROVED


def decaying(rate):
    return lambda x: x * np.exp(-rate * np.linalg.norm(x, axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("f", "domain", "n", "options", "norm"),
    [
        # The largest gains are those near zero, where the derivative is.
        (decaying(1), 1.0, 2, {}, 1),
        (decaying(1000), 1.0, 2, {}, 1),
        (np.sin, 1e4, 1, {}, 1),
        (np.sin, 1e7, 1, {}, 1),
        (lambda x: x / (1 + np.abs(x)), 1e5, 1, {}, 1),
        (lambda x: 1e3 + np.tanh(1e5 * x), 1.0, 1, {"offset": True}, 1e5),
        (Layers([Dense(np.eye(2), activation="tanh")]), 1e6, 2, {}, 1),
        # At the boundary, beyond which they are not defined.
        (np.sqrt, 0.05, 1, {"x0": [0.1]}, (math.sqrt(0.1) - math.sqrt(0.05)) / 0.05),
        (np.log, 5e-4, 1, {"x0": [1e-3]}, math.log(2) / 5e-4),
        (np.arcsin, 1.0, 1, {}, math.pi / 2),
        (lambda x: x**1.5, Box([0.0], [1.0]), 1, {}, 1),
        # Exact in a fixed-point format: 2 where 1/2048 is rounded up.
        (lambda x: np.round(x * 1024) / 1024, 1.0, 1, {}, 2),
        (lambda x: (x * 0.7).astype(np.float32), 1.0, 1, {}, 0.7),
    ],
)
def test_norms_of_maps_of_one_variable_or_of_its_size(f, domain, n, options, norm):
    found = gsvd(f, domain, n_inputs=n, rng=0, **options)
    assert found.norm_lower <= norm * (1 + 1e-12)
    # Radii of 1e-7 and less are lost in the rounding errors of the offset 1e3; 2 is not attained.
    assert found.sigma == pytest.approx([norm] * n, rel={2: 1e-3, 1e5: 1e-4}.get(norm, 3e-7))


@pytest.mark.parametrize("size", [1e-9, 1e-4, 1e3])
def test_units_of_inputs_do_not_matter_for_callables(size):
    f = network(np.random.default_rng(0), (4, 8, 3), "tanh", biases=True)
    one = gsvd(f, 1.0, offset=True, rng=0)
    found = gsvd(lambda x: size * f(x / size), size, n_inputs=4, offset=True, rng=0)
    assert np.log(found.sigma).sum() == pytest.approx(np.log(one.sigma).sum(), abs=1e-6)
    assert found.norm_lower == pytest.approx(one.norm_lower, rel=1e-7)


@pytest.mark.parametrize("method", ["ellipsoid", "coordinate"])
def test_single_precision_adds_no_directions(method):
    w = np.array([1.0, 0.5])
    for f in (lambda x: (x @ w)[:, None] ** 3 * [1, 0.7], lambda x: np.tanh(x @ w)[:, None] * [1, 0.7]):
        axes = "principal" if method == "coordinate" else "identity"
        found = gsvd(lambda x, f=f: f(x).astype(np.float32), 1.0, n_inputs=2, rng=0, method=method, axes=axes)
        exact = gsvd(f, 1.0, n_inputs=2, rng=0, method=method, axes=axes)
        assert found.rank == exact.rank == 1
        assert found.sigma[0] == pytest.approx(exact.sigma[0], rel=1e-6)
        assert found.rounds < 30


def test_rounding_errors_of_samples_are_no_directions():
    x = np.random.default_rng(0).standard_normal((500, 3))
    x[0] = 0
    found = gsvd(samples=(x, 1e6 + x @ np.outer([1.0, 2, 3], [1.0, 2])), offset=True)
    assert found.rank == 1
    assert found.sigma[0] <= math.sqrt(70)


def test_saturated_networks_are_no_batch_statistics():
    rng = np.random.default_rng(0)
    A, C = rng.normal(size=(7, 3)), rng.normal(size=(5, 7))
    found = gsvd(lambda x: np.tanh(x @ A.T) @ C.T, 1000.0, x0=300 * rng.normal(size=3), rng=0)
    assert found.rank == 5


def test_what_a_rank_tolerance_cuts_off_counts_for_the_norm():
    found = gsvd(lambda x: np.column_stack([x[:, 0], x[:, 0] + 0.5 * x[:, 1]]), 1.0, n_inputs=2, rng=0, rank_tol=0.5)
    assert found.rank == 1
    assert found.norm_lower <= found.norm_upper
    with pytest.raises(InputError, match="outside of the 1-dimensional span"):
        found.lift([[0.0, 1.0]])


def test_lower_bounds_of_norms_are_less_rounding_errors():
    # tanh has the Lipschitz constant 1, and points near 1e8 have rounding errors of 1e-8.
    found = gsvd(lambda x: np.tanh(x - 1e8), 1.0, x0=[1e8] * 2, rng=0)
    assert 0.999 < found.norm_lower <= 1
    with pytest.raises(InputError, match="constant as far as these show"):
        gsvd(lambda x: np.tanh(x - 1e8), 1e-7, x0=[1e8] * 2, rng=0)
    # Saturated at x0, so that values near it differ by rounding errors alone.
    saturated = Layers([Dense(np.eye(2), [50.0, 60.0], "tanh"), Dense([[1.0, 2.0], [0.3, 0.7]])])
    assert gsvd(saturated, 100.0, offset=True, rng=0).rank == 2


@pytest.mark.parametrize("method", ["ellipsoid", "coordinate"])
def test_lifts_exist_close_to_the_center(method):
    f = network(np.random.default_rng(0), (2, 6, 3), "tanh", biases=True)
    x0 = np.array([0.3, 0.4])
    found = gsvd(f, 1.0, x0=x0, rng=0, method=method, inflation=1.01)
    for size in 10.0 ** -np.arange(1, 18):
        x = x0 + size * np.array([[0.6, 0.8]])
        assert found.reconstruct(found.lift(x)) == pytest.approx(f(x), abs=1e-14)


def test_directions_that_only_the_last_points_show_are_in_the_span():
    def f(x):
        return np.column_stack([x[:, 0], 100 * np.maximum(x[:, 0] - 0.999 * np.linalg.norm(x, axis=1), 0)])

    found = gsvd(f, n_inputs=10, rounds=0, rng=0)
    assert found.rank == 2
    assert found.norm_lower <= found.norm_upper
    assert_decomposes(found.inflate(1.01), f, np.eye(10)[:1])


def test_neurons_that_are_active_at_the_boundary_alone_are_found():
    thin = Layers([Dense([[1.0]], [-0.9999], "relu"), Dense([[1000.0]])])
    assert gsvd(thin, 1.0, rng=0, certify=True).sigma == pytest.approx([0.1])


def test_callables_may_write_to_their_argument():
    def clipped(x):
        return np.divide(x, np.maximum(1, np.linalg.norm(x, axis=1))[:, None], out=x)

    assert gsvd(clipped, (2.0, 4.0), n_inputs=2, rng=0).sigma == pytest.approx([0.5, 0.5])


# Laws


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_scaling_the_outputs_scales_the_ellipsoid(activation):
    f = network(np.random.default_rng(3), [3, 6, 3], activation)
    D = np.array([5.0, 1e-3, 0.7])
    domain = Sphere(3) if activation == "relu" else Ball(3, 2.0)
    before, after = gsvd(f, domain, rng=0), gsvd(lambda x: f(x) * D, domain, rng=0, n_inputs=3)
    # The volume is exact to the tolerance of the search, and the ellipsoid to its square root, sqrt(1e-8).
    assert np.log(after.sigma).sum() - np.log(D).sum() == pytest.approx(np.log(before.sigma).sum(), abs=1e-7)
    assert after.matrix * np.outer(D, D) == pytest.approx(before.matrix, abs=3e-4)


def test_orthogonal_changes_of_inputs_and_outputs_change_axes_only():
    rng = np.random.default_rng(1)
    f = network(rng, [3, 5, 2])
    Q, R = (np.linalg.qr(rng.standard_normal((k, k)))[0] for k in (3, 2))
    before, after = gsvd(f, rng=0), gsvd(lambda x: f(x @ Q) @ R.T, n_inputs=3, rng=0)
    assert after.sigma == pytest.approx(before.sigma, rel=1e-6)
    assert np.abs(after.U.T @ R @ before.U) == pytest.approx(np.eye(2), abs=1e-4)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(2, 4))
def test_the_coordinate_rule_is_admissible_and_never_smaller_than_the_ellipsoid(seed, p):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((200, 3))
    values = relu(x @ rng.standard_normal((3, 6))) @ rng.standard_normal((6, p))
    best = gsvd(samples=(x, values))
    gains = values / np.linalg.norm(x, axis=1)[:, None]
    for axes in ("identity", "principal", np.linalg.qr(rng.standard_normal((p, p)))[0]):
        found = gsvd(samples=(x, values), method="coordinate", axes=axes)
        assert found.utilisation(x, values).max() <= 1 + 1e-12
        assert np.log(found.sigma).sum() >= np.log(best.sigma).sum() - 1e-7
        factor = found.sigma / np.abs(gains @ found.U).max(axis=0)
        assert factor == pytest.approx(factor[0])
        assert 1 - 1e-12 <= factor[0] <= math.sqrt(p) + 1e-12


def test_the_norm_is_at_most_sigma_1_and_at_least_what_was_seen():
    f = network(np.random.default_rng(5), [4, 10, 3])
    found = gsvd(f, rng=0)
    gain = gain_vectors(as_function(f), found.witness[None])
    assert np.linalg.norm(gain) == pytest.approx(found.norm_lower)
    assert found.norm_lower <= found.norm_upper == found.sigma[0]


def test_the_search_finds_gains_that_random_points_miss():
    # Random directions in 40 dimensions are almost orthogonal to both rows.
    A = np.random.default_rng(0).standard_normal((2, 40))
    sampled = gsvd(lambda x: x @ A.T, n_inputs=40, rng=0, rounds=0)
    found = gsvd(lambda x: x @ A.T, n_inputs=40, rng=0)
    random = gsvd(lambda x: x @ A.T, Samples(np.random.default_rng(1).standard_normal((1000, 40))), n_inputs=40)
    assert found.sigma == pytest.approx(np.linalg.svd(A)[1], rel=1e-8)
    assert found.violation <= 1e-8
    assert random.sigma[0] < 0.7 * found.sigma[0]
    assert "rounds=0" in sampled.notes[-1]
    assert math.isnan(sampled.violation)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(3, 8, 3), (4, 10, 3), (5, 12, 4)])
def test_the_search_covers_what_is_certified_for_relu_networks(sizes):
    missed = []
    for seed in range(10):
        f = network(np.random.default_rng(seed), sizes)
        found = gsvd(f, rng=0)
        missed.append(norm_bounds(f, root=(found.U / found.sigma).T, tol=1e-6, rng=0).lower - 1)
    # A search can miss a gain, and rounding errors of other processors make it another search.
    assert max(missed) <= 1e-4
    assert sum(value > 1e-7 for value in missed) <= 2


def test_same_seed_same_result():
    f = network(np.random.default_rng(0), [3, 6, 2])
    first, second = gsvd(f, rng=7, rounds=3), gsvd(f, rng=7, rounds=3)
    assert first.sigma.tolist() == second.sigma.tolist()
    assert first.seed == 7
    assert gsvd(f, rounds=1).seed != gsvd(f, rounds=1).seed


# Certificates


@pytest.mark.parametrize("method", ["ellipsoid", "coordinate"])
def test_certified_pairs_are_admissible(method):
    rng = np.random.default_rng(2)
    f = network(rng, [2, 6, 2])
    found = gsvd(f, rng=0, rounds=1, n_samples=20, method=method, certify=True)
    assert found.evidence.status is Status.PROVED
    assert found.norm_bounds.upper == found.norm_upper
    assert found.norm_lower <= found.norm_upper <= found.sigma[0] * (1 + 1e-9)
    angles = np.linspace(0, 2 * np.pi, 20_001)
    x = np.column_stack([np.cos(angles), np.sin(angles)])
    assert found.utilisation(x).max() <= 1
    assert found.utilisation(x).max() == pytest.approx(1, abs=1e-6)
    assert "PROVED".lower() in repr(found)


def test_certificates_of_other_maps():
    rng = np.random.default_rng(0)
    tanh = network(rng, [2, 3, 2], "tanh", biases=True)
    x = Ball(2).sample(rng, 2000)
    for f, domain in ((tanh, 1.0), (ag.polynomial_map(["x*y", "x^2 - y"]), 1.0), (rng.standard_normal((3, 2)), None)):
        found = gsvd(f, domain, offset=f is tanh, rng=0, certify=True)
        assert found.evidence.status is Status.PROVED
        assert found.utilisation(x).max() <= 1
        sampled = gsvd(f, domain, offset=f is tanh, rng=0)
        assert found.sigma == pytest.approx(sampled.sigma, rel=2e-3)


def test_a_local_certificate_of_a_network_with_biases():
    rng = np.random.default_rng(1)
    f, x0 = network(rng, [2, 4, 2], "relu", biases=True), np.array([0.3, -0.2])
    found = gsvd(f, 0.5, x0=x0, rng=0, certify=True, inflation=1.01)
    assert found.evidence.status is Status.PROVED
    assert_decomposes(found, f, x0 + Ball(2, 0.5).sample(rng, 1000))


def test_a_lipschitz_constant_of_a_callable_makes_a_certificate():
    # The derivative of sin has values at most 1 in modulus, so that the rotated map has the Lipschitz constant 2.
    Q = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0]

    def f(x):
        return np.sin(x) * [2.0, 1.0] @ Q

    found = gsvd(f, (0.2, 1.0), n_inputs=2, certify=True, lipschitz=2.0, rng=0)
    sampled = gsvd(f, (0.2, 1.0), n_inputs=2, rng=0)
    assert "given Lipschitz constant" in found.evidence.reason
    assert sampled.norm_lower <= found.norm_lower <= found.norm_upper <= min(2.0, found.sigma[0]) * (1 + 1e-9)
    assert found.sigma / sampled.sigma == pytest.approx(found.sigma[0] / sampled.sigma[0])
    assert 1 <= found.sigma[0] / sampled.sigma[0] < 1.1
    with pytest.raises(InputError, match="certify=True"):
        gsvd(f, 1.0, n_inputs=2, lipschitz=2.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"f": lambda x: np.tanh(x), "domain": 1.0, "n_inputs": 2}, "no certified bound"),
        ({"samples": (np.eye(2), np.eye(2))}, "nothing can be certified from samples"),
        ({"f": np.eye(2), "domain": Samples(np.eye(2))}, "nothing can be certified from samples"),
    ],
)
def test_what_cannot_be_certified_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        gsvd(**options, rng=0, certify=True)


def test_torch_modules_are_decomposed_in_their_own_precision():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(3, 8, bias=False), torch.nn.ReLU(), torch.nn.Linear(8, 2, bias=False))

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = plain

        def forward(self, x):
            return self.inner(x) + 1

    exact = gsvd(plain.eval(), rng=0, certify=True)
    found = gsvd(Wrapped().eval(), 1.0, n_inputs=3, offset=True, rng=0)
    assert exact.evidence.status is Status.PROVED
    assert found.sigma == pytest.approx(exact.sigma, rel=1e-4)
    with pytest.raises(InputError, match="no certified bound"):
        gsvd(Wrapped().eval(), 1.0, n_inputs=3, offset=True, rng=0, certify=True)


# Samples


def test_samples_are_covered_and_nothing_else_is_claimed():
    rng = np.random.default_rng(0)
    x, A = rng.standard_normal((300, 4)), rng.standard_normal((4, 3))
    values = relu(x @ A)
    found = gsvd(samples=(x, values), rng=0, inflation=1.01)
    expected = minimum_volume_ellipsoid(values / np.linalg.norm(x, axis=1)[:, None], 1e-9)
    assert found.sigma == pytest.approx(1.01 * expected.semi_axes, rel=1e-8)
    assert found.evidence.status is Status.NUMERICAL
    assert "300 samples" in found.evidence.reason
    z = found.lift(x, values)
    assert found.reconstruct(z) == pytest.approx(values, abs=1e-12)
    assert found.left_inverse(z) == pytest.approx(x, abs=1e-12)
    with pytest.raises(InputError, match="without a function"):
        found.lift(x)
    with pytest.raises(InputError, match="one value for each"):
        found.lift(x, values[:5])


def test_samples_with_a_function_can_be_lifted_elsewhere():
    rng = np.random.default_rng(0)
    f = network(rng, [3, 6, 2])
    x = rng.standard_normal((100, 3))
    given_pairs, given_points = gsvd(f, samples=(x, f(x))), gsvd(f, Samples(x))
    assert given_pairs.sigma == pytest.approx(given_points.sigma)
    assert_decomposes(given_points.inflate(1.5), f, rng.standard_normal((20, 3)))
    with pytest.raises(InputError, match="differ from values of f"):
        gsvd(f, samples=(x, f(x) + 1))


def test_the_offset_of_samples():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((50, 2))
    values = np.tanh(x) + np.array([1.0, 2.0])
    with_zero = (np.vstack([x, [[0, 0]]]), np.vstack([values, [[1, 2]]]))
    found = gsvd(samples=with_zero, offset=True)
    assert found.offset.tolist() == [1, 2]
    assert len(found.inputs) == 50
    assert gsvd(samples=(x, values), offset=[1, 2]).sigma == pytest.approx(found.sigma)
    assert gsvd(samples=(x + 5, values), x0=[5, 5], offset=[1, 2]).sigma == pytest.approx(found.sigma, rel=1e-6)
    with pytest.raises(InputError, match="input 0 is not 0"):
        gsvd(samples=with_zero)
    with pytest.raises(InputError, match="no sample has the input 0"):
        gsvd(samples=(x, values), offset=True)


def test_fewer_samples_than_outputs_are_flagged():
    found = gsvd(samples=(np.eye(4)[:2], [[3.0, 0.0, 0.0], [0.0, 2.0, 0.0]]))
    assert found.rank == 2
    assert found.sigma.tolist() == pytest.approx([3, 2, 0])
    assert "2 gains cannot span 3 outputs" in found.notes[0]
    assert "1 note" in repr(found)
    assert found.notes[0] in str(found)


def test_gains_that_do_not_span_are_flagged_and_lifted_in_their_span():
    def f(x):
        return relu(x) @ np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])

    found = gsvd(f, n_inputs=2, rng=0)
    assert (found.rank, found.sigma[2]) == (2, 0)
    assert any("span 2 of 3 dimensions" in note for note in found.notes)
    assert np.abs(found.left_null_space[:, 0] @ np.array([1, 1, -1])) == pytest.approx(math.sqrt(3), abs=1e-9)
    assert found.column_space.shape == (3, 2)
    assert_decomposes(found.inflate(1.01), f, np.random.default_rng(0).standard_normal((50, 2)))
    with pytest.raises(InputError, match="outside of the 2-dimensional span"):
        found.lift([[1.0, 1.0]], [[0.1, 0.1, -0.1]])


# Derivatives, ranks, directions


def test_jacobians_and_directions_of_linear_maps_are_their_singular_vectors():
    A = np.random.default_rng(0).standard_normal((2, 4))
    found = gsvd(A)
    _, sigma, right = np.linalg.svd(A)
    assert found.jacobian_singular_values(np.zeros((3, 4))) == pytest.approx(np.tile(sigma, (3, 1)))
    directions = found.sensitivity()
    assert directions.strengths == pytest.approx([1, 1, 0, 0], abs=1e-12)
    assert directions.rank == 2
    assert np.abs(directions.null_space.T @ right[:2].T).max() < 1e-12
    assert directions.row_space.shape == (4, 2)
    assert "2 of 4 sensitive" in repr(directions)


def test_inputs_that_do_not_matter_are_the_null_space():
    f = network(np.random.default_rng(0), [2, 6, 3], "tanh")
    embedded = Layers([Dense(f.layers[0].weight @ np.array([[1, 0, 2, 0], [0, 1, 0, 0.0]]), None, "tanh"), f.layers[1]])
    found = gsvd(embedded, 1.0, rng=0, rounds=2)
    directions = found.sensitivity()
    assert directions.rank == 2
    assert np.abs(embedded(np.ones((1, 4)) + directions.null_space.T) - embedded(np.ones((1, 4)))).max() < 1e-12
    one = found.sensitivity([[0.1, 0.2, 0.3, 0.4]])
    assert one.n_points == 1
    assert one.strengths[0] == pytest.approx(
        np.linalg.norm((found.U / found.sigma).T @ embedded.jacobian(np.array([[0.1, 0.2, 0.3, 0.4]]))[0], 2)
    )


def test_effective_ranks():
    found = gsvd(np.diag([2.0, 2.0, 2.0, 1e-9]))
    assert found.effective_rank("threshold") == 3
    assert found.effective_rank("threshold", tol=1e-12) == 4
    assert found.effective_rank("stable") == pytest.approx(3)
    assert found.effective_rank() == pytest.approx(3, abs=1e-6)
    with pytest.raises(InputError, match="entropy"):
        found.effective_rank("nuclear")


# Progress and interruption


def test_progress_tells_rounds_and_an_interruption_leaves_the_fit_so_far():
    events = []

    def stop(event):
        events.append(event)
        if event.done == 2:
            raise KeyboardInterrupt

    found = gsvd(network(np.random.default_rng(0), [5, 12, 4]), rng=0, progress=stop)
    assert [event.done for event in events] == [0, 1, 2]
    assert found.interrupted
    assert "interrupted" in found.notes[0]
    assert np.linalg.norm(found.gains @ (found.U / found.sigma), axis=1).max() <= 1 + 1e-12


def test_a_search_that_did_not_settle_says_so():
    found = gsvd(network(np.random.default_rng(0), [8, 20, 5]), rng=0, rounds=2)
    assert found.violation > 1e-8
    assert "while it still found gains outside" in found.notes[0]


# Bad input


BAD = {
    "nothing": ({}, "nothing to decompose"),
    "both": ({"f": np.eye(2), "domain": 1.0, "samples": (np.eye(2), np.eye(2))}, "samples and a domain"),
    "constant": ({"f": lambda x: 0 * x + 1, "n_inputs": 2, "domain": 1.0}, r"f\(0\) has norm 1.41"),
    "constant with offset": (
        {"f": lambda x: 0 * x + 1, "n_inputs": 2, "domain": 1.0, "offset": True},
        "f is constant as far as that shows",
    ),
    "zero matrix": ({"f": np.zeros((2, 3))}, "f is constant"),
    "wrong offset": ({"f": lambda x: x + 1, "n_inputs": 2, "domain": 1.0, "offset": [1.0, 2.0]}, "instead of 0"),
    "offset needed": ({"f": lambda x: x + 1, "n_inputs": 2, "domain": 1.0}, "give offset=True"),
    "square root": ({"f": lambda x: np.sqrt(np.abs(x)), "n_inputs": 2, "domain": 1.0}, "grow without end"),
    "x log x": (
        {"f": lambda x: x * np.log(np.abs(x) + 1e-300), "n_inputs": 3, "domain": Box([-1] * 3, [1] * 3)},
        "grow without end",
    ),
    "NaN somewhere": (
        {"f": lambda x: np.where(x > 0.9, np.nan, x), "n_inputs": 2, "domain": 1.0},
        "NaN or infinite at",
    ),
    "no domain": ({"f": lambda x: np.tanh(x), "n_inputs": 2}, "not positively homogeneous"),
    "wrong domain": ({"f": np.eye(2), "domain": Ball(3)}, "dimension 3"),
    "strange domain": ({"f": np.eye(2), "domain": "all"}, "two radii"),
    "negative radius": ({"f": np.eye(2), "domain": -1.0}, "domain=-1.0"),
    "no size": ({"f": lambda x: x}, "n_inputs is missing"),
    "samples with NaN": ({"samples": (np.eye(2), [[1.0, math.nan], [0.0, 1.0]])}, "row 0 of the array of outputs"),
    "other numbers of samples": ({"samples": (np.eye(3), np.eye(2))}, "3 inputs and 2 outputs"),
    "no pair of samples": ({"samples": np.eye(3)}, "pair of arrays"),
    "constant samples": ({"samples": (np.eye(2), np.ones((2, 2))), "offset": [1.0, 1.0]}, "the map is constant"),
    "all at zero": ({"samples": (np.zeros((2, 2)), np.zeros((2, 2)))}, "all inputs are 0"),
    "method": ({"f": np.eye(2), "method": "svd"}, "method='svd'"),
    "tolerance": ({"f": np.eye(2), "tol": 0.0}, "tol=0"),
    "count": ({"f": relu, "n_inputs": 2, "n_samples": 0}, "n_samples is 0"),
    "axes": ({"samples": (np.eye(2), np.eye(2)), "method": "coordinate", "axes": np.ones((2, 2))}, "orthogonal"),
    "axes by name": ({"samples": (np.eye(2), np.eye(2)), "method": "coordinate", "axes": "x"}, "principal"),
    "inflation": ({"f": np.eye(2), "inflation": 0.5}, "only be enlarged"),
    "certify": ({"f": np.eye(2), "certify": "sampled"}, "certify='sampled'"),
    "x0": ({"f": np.eye(2), "x0": [1.0, 2.0, 3.0]}, "x0 has the shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused(name):
    options, message = BAD[name]
    with pytest.raises(InputError, match=message):
        gsvd(**options, rng=0)


def test_unbounded_gains_are_taken_away_from_zero():
    found = gsvd(lambda x: np.sqrt(np.abs(x)), Annulus(1, 0.25, 1.0), n_inputs=1, rng=0)
    assert found.sigma == pytest.approx([2.0], rel=1e-8)


def test_points_of_the_wrong_shape_are_refused():
    found = gsvd(np.eye(2))
    for call in (found.lift, found.left_inverse, found.reconstruct, found.jacobian_singular_values, found.sensitivity):
        with pytest.raises(InputError, match="shape"):
            call(np.ones(3))
    with pytest.raises(InputError, match="row 0 of x is x0"):
        found.utilisation([[0.0, 0.0]])


# Domains and ascents


DOMAINS = [
    Sphere(3), Sphere(2, 2.5), Ball(4, 3.0), Annulus(2, 0.5, 2.0), Box([-1, 0], [1, 3]), Box([1, 1], [2, 2]),
    Box([0, 0], [0, 1]),
]  # fmt: skip


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_points_and_steps_stay_in_the_domain(domain):
    rng = np.random.default_rng(0)
    away = domain.without_origin(1e-4)
    assert away.low >= 1e-4 * domain.high
    x = domain.sample(rng, 500)
    y = away.step(away.sample(rng, 500), rng.standard_normal((500, domain.n_inputs)) * 100, rng.random(500))
    for points, low in ((x, domain.low), (y, away.low)):
        norms = np.linalg.norm(points, axis=1)
        assert norms.min() >= max(low, 1e-300) * (1 - 1e-12)
        assert norms.max() <= domain.high * (1 + 1e-12)
        if isinstance(domain, Box):
            assert np.all((points >= domain.lower) & (points <= domain.upper))


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
def test_charts_of_domains(domain):
    rng = np.random.default_rng(1)
    away = domain.without_origin(1e-4)
    x, slope, h = away.sample(rng, 5), rng.standard_normal((5, domain.n_inputs)), 1e-6
    z, (low, high) = away.chart(x), away.chart_bounds
    assert np.all((low <= z) & (z <= high))
    assert away.point(z) == pytest.approx(x)
    if not isinstance(domain, Box):
        differences = [(away.point(z + h * e) - away.point(z - h * e)) / (2 * h) for e in np.eye(z.shape[1])]
        numerical = np.stack([np.sum(slope * difference, axis=1) for difference in differences], axis=1)
        assert away.pull_back(z, slope) == pytest.approx(numerical, abs=1e-7)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sphere(0), "n_inputs=0"),
        (lambda: Ball(2, math.inf), "radius=inf"),
        (lambda: Annulus(2, 2.0, 1.0), "empty"),
        (lambda: Box([1, 2], [0, 3]), "lower <= upper"),
        (lambda: Box([1], [2, 3]), "one length"),
        (lambda: Box([0], [0]), "origin alone"),
        (lambda: Box([0], [1], hole=2.0), "hole"),
        (lambda: Samples([1.0, 2.0]), "expected"),
        (lambda: Samples([[math.nan]]), "finite"),
    ],
)
def test_bad_domains_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("domain", DOMAINS[:6], ids=str)
def test_ascents_never_descend_and_end_at_maxima(domain):
    rng = np.random.default_rng(0)
    n = domain.n_inputs
    away = domain.without_origin(1e-4)
    function = as_function(network(rng, [n, 6, 3], "tanh"))
    x, root = away.sample(rng, 40), np.eye(3)

    def values(points):
        return np.linalg.norm(gain_vectors(function, points), axis=1)

    higher = polish(function, away, x, root)
    assert np.all(values(higher) >= values(x))
    assert values(higher).max() >= values(away.sample(rng, 5000)).max() * (1 - 1e-9)
    w = rng.standard_normal((40, 3))
    w *= np.sign(np.einsum("ij,ij->i", w, gain_vectors(function, x)))[:, None]
    along = ascend(function, away, x, w)
    assert np.all(np.einsum("ij,ij->i", w, gain_vectors(function, along) - gain_vectors(function, x)) >= -1e-15)


@pytest.mark.parametrize(
    ("lower", "upper", "hole"),
    [([-1, -10], [1, 10], 5.0), ([-1], [1], 1e-5), ([0, 0], [1, 2], 2.1), ([-1] * 3, [1] * 3, 1.5)],
)
def test_points_of_boxes_are_outside_of_their_holes(lower, upper, hole):
    box, rng = Box(lower, upper, hole), np.random.default_rng(0)
    anywhere = np.vstack([rng.uniform(lower, upper, (500, len(lower))), np.zeros(len(lower))])
    for x in (box.point(anywhere), box.sample(rng, 500)):
        assert np.linalg.norm(x, axis=1).min() >= hole * (1 - 1e-12)
        assert np.all((x >= lower) & (x <= upper))


def test_searches_on_boxes_leave_their_starts_as_they_are():
    box = Box([-1, -10], [1, 10], hole=5.0)
    x = box.sample(np.random.default_rng(0), 32)
    before = x.copy()
    reached = polish(as_function(lambda x: relu(x) * [3, 1], 2), box, x, np.eye(2))
    assert np.array_equal(x, before)
    assert np.linalg.norm(reached, axis=1).min() >= 5 * (1 - 1e-12)
    # (9 + 24) / 25 at (1, sqrt(24)).
    gains = np.linalg.norm(relu(reached) * [3, 1], axis=1) / np.linalg.norm(reached, axis=1)
    assert gains.max() == pytest.approx(math.sqrt(33 / 25), rel=1e-9)


def test_linear_maps_have_their_boundary_points_in_one_step():
    rng = np.random.default_rng(0)
    A, w = rng.standard_normal((3, 8)), rng.standard_normal((5, 3))
    x = rng.standard_normal((5, 8))
    w *= np.sign(np.einsum("ij,ij->i", w, x @ A.T))[:, None]
    reached = gain_vectors(as_function(A), ascend(as_function(A), Sphere(8), x, w, steps=1))
    expected = w @ A @ A.T / np.linalg.norm(w @ A, axis=1)[:, None]
    assert reached == pytest.approx(expected)

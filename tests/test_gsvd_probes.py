"""Probes of decompositions: inputs from embeddings, null inputs, differences between groups of inputs."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom import plot
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd import Annulus, Ball, Box, Samples, Sphere, gsvd, null_inputs, reconstruct_inputs
from algeom.gsvd.layers import Dense, Layers


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def network(rng, sizes, activation="tanh", biases=False):
    parts = []
    for k, (n, m) in enumerate(pairwise(sizes)):
        last = k == len(sizes) - 2
        bias = rng.standard_normal(m) if biases else None
        parts.append(Dense(rng.standard_normal((m, n)) / math.sqrt(n), bias, "identity" if last else activation))
    return Layers(parts)


@pytest.fixture(scope="module")
def narrow():
    """Six inputs, four outputs, on a ball around a point."""
    rng = np.random.default_rng(0)
    f, x0 = network(rng, [6, 10, 4], biases=True), rng.standard_normal(6)
    return gsvd(f, 2.0, x0=x0, rng=0, inflation=1.1, rounds=5)


@pytest.fixture(scope="module")
def wide():
    """Three inputs, five outputs: as a rule outputs determine inputs."""
    return gsvd(network(np.random.default_rng(1), [3, 12, 5]), 1.0, rng=0, inflation=1.1, rounds=5)


def points(decomposition, count, seed=0):
    region = decomposition.domain
    return decomposition.x0 + region.sample(np.random.default_rng(seed), count)


# Stability of the left inverse


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5), st.floats(-4, 4))
def test_left_inverses_of_any_two_vectors_are_as_far_apart_as_their_last_parts_allow(seed, p, n, size):
    rng = np.random.default_rng(seed)
    found = gsvd(rng.standard_normal((p, n)), inflation=1.5)
    z = rng.standard_normal((200, p + n)) * np.exp(rng.standard_normal((200, 1)))
    other = z + 10.0**size * rng.standard_normal(z.shape)
    shares = [np.linalg.norm(rows[:, p:], axis=1) / np.linalg.norm(rows, axis=1) for rows in (z, other)]
    distances = np.linalg.norm(found.left_inverse(z) - found.left_inverse(other), axis=1)
    bounds = np.linalg.norm(z - other, axis=1) / np.sqrt(shares[0] * shares[1])
    assert np.all(distances <= bounds * (1 + 1e-12))


def test_the_constant_of_the_left_inverse_holds_on_lifts_and_is_attained(narrow):
    x = points(narrow, 300)
    z = narrow.lift(x)
    far = np.linalg.norm(z[:, None] - z[None], axis=2)
    apart = np.linalg.norm(x[:, None] - x[None], axis=2)
    assert narrow.left_inverse_constant == pytest.approx(1.1 / math.sqrt(0.21))
    assert np.all(apart <= narrow.left_inverse_constant * far * (1 + 1e-10) + 1e-12)
    # Of |x| both x and -x have the same z_a, with the largest utilisation: z differs in its last entry alone.
    norm = gsvd(lambda x: np.abs(x), n_inputs=1, rng=0, inflation=1.25)
    z = norm.lift([[1.0], [-1.0]])
    assert 2 / np.linalg.norm(z[0] - z[1]) == pytest.approx(norm.left_inverse_constant)
    assert math.isinf(gsvd(np.eye(2)).left_inverse_constant)


# Null spaces


def test_null_shares_of_linear_maps_are_those_of_their_null_spaces():
    rng = np.random.default_rng(0)
    A, x = rng.standard_normal((2, 5)), rng.standard_normal((20, 5))
    found = gsvd(A)
    projected = x - x @ (np.linalg.pinv(A) @ A)
    shares = np.linalg.norm(projected, axis=1) / np.linalg.norm(x, axis=1)
    assert found.null_share(x) == pytest.approx(shares)
    assert found.null_share(x) ** 2 + found.utilisation(x) ** 2 == pytest.approx(np.ones(20))
    assert gsvd(samples=(x, x @ A.T), inflation=1.1).null_share(x[:1], x[:1] @ A.T).shape == (1,)
    with pytest.raises(InputError, match="row 0 of x is x0"):
        found.null_share(np.zeros((1, 5)))


def test_null_inputs_of_linear_maps_are_their_null_space():
    A = np.random.default_rng(0).standard_normal((2, 5))
    found = null_inputs(gsvd(A), 3.0, rng=0)
    assert found.solved.all()
    assert found.freedom.tolist() == [2]  # a sphere of dimension 2 in the null space of dimension 3
    assert np.linalg.norm(found.found[0], axis=1) == pytest.approx(np.full(len(found.found[0]), 3.0))
    assert np.abs(found.found[0] @ A.T).max() < 1e-8
    assert np.linalg.matrix_rank(found.found[0], tol=1e-6) == 3


def test_null_inputs_around_a_point_have_the_output_of_the_point(narrow):
    found = null_inputs(narrow, rng=0)
    f = narrow.function
    assert found.solved.all()
    assert found.freedom.tolist() == [1]  # six inputs, four equations and the radius
    d = found.found[0] - narrow.x0
    assert np.linalg.norm(d, axis=1) == pytest.approx(np.ones(len(d)))
    assert np.abs(f(d)).max() < 1e-8
    assert narrow.null_share(found.found[0]) == pytest.approx(np.ones(len(d)))


def test_maps_without_null_inputs_are_not_said_to_have_some(wide):
    found = null_inputs(wide, rng=0)
    assert not found.solved.any()
    assert found.residuals[0] > 0.1
    assert found.evidence.status is Status.LOWER_BOUND


# Inputs from embeddings


def test_complete_embeddings_give_inputs_back(narrow):
    x = points(narrow, 50)
    found = reconstruct_inputs(narrow, narrow.lift(x), rng=0)
    assert found.inputs == pytest.approx(x, abs=1e-12)
    assert found.solved.all()
    assert found.is_injective
    assert not found.is_ambiguous.any()
    assert found.agreeing.min() == found.starts == 17
    assert found.residuals.max() < 1e-13
    assert "50 solved, 0 ambiguous" in repr(found)


def test_least_squares_is_more_exact_than_the_left_inverse_on_noisy_embeddings(narrow):
    # Gauss and Markov, to first order in the noise.
    rng = np.random.default_rng(0)
    x = points(narrow, 400)
    z = narrow.lift(x)
    noise = 1e-3 * np.linalg.norm(x - narrow.x0, axis=1)[:, None] * rng.standard_normal(z.shape)
    found = reconstruct_inputs(narrow, z + noise, starts=2, rng=0)
    errors = np.linalg.norm(found.inputs - x, axis=1)
    direct = np.linalg.norm(narrow.left_inverse(z + noise) - x, axis=1)
    assert np.mean(errors**2) < 0.9 * np.mean(direct**2)
    assert not found.solved.any()
    sizes = np.linalg.norm(noise, axis=1)
    assert np.all(found.residuals <= sizes)
    assert all(errors[k] <= found.error_bound(sizes[k])[k] for k in range(len(x)))


def test_errors_of_rounded_embeddings_are_bounded(narrow):
    x, step = points(narrow, 100), 0.05
    z = np.round(narrow.lift(x) / step) * step
    found = reconstruct_inputs(narrow, z, starts=2, rng=0)
    bound = found.error_bound(step * math.sqrt(z.shape[1]) / 2)
    assert np.all(np.linalg.norm(found.inputs - x, axis=1) <= bound)
    with pytest.raises(InputError, match="noise=-1"):
        found.error_bound(-1.0)


@pytest.mark.parametrize("k", [7, 8, 9])
def test_embeddings_that_are_cut_off_determine_inputs_once_enough_is_known(narrow, k):
    x = points(narrow, 30)
    found = reconstruct_inputs(narrow, narrow.lift(x)[:, :k], known=range(k), rng=0)
    assert found.solved.all()
    assert found.freedom.max() == 0
    alone = ~found.is_ambiguous
    assert alone.mean() > 0.8
    assert found.inputs[alone] == pytest.approx(x[alone], abs=1e-6)
    nearest = [np.linalg.norm(inputs - true, axis=1).min() for inputs, true in zip(found.found, x, strict=True)]
    assert max(nearest) < 1e-6
    with pytest.raises(InputError, match="all coordinates"):
        found.error_bound(0.0)


def test_the_order_of_known_coordinates_is_theirs(narrow):
    x = points(narrow, 10)
    z = narrow.lift(x)
    which = [9, 2, 0, 5, 1, 7, 3, 8]
    found = reconstruct_inputs(narrow, z[:, which], known=which, rng=0)
    assert found.solved.all()
    assert found.inputs[~found.is_ambiguous] == pytest.approx(x[~found.is_ambiguous], abs=1e-6)


def test_outputs_leave_free_what_they_do_not_see(narrow):
    x = points(narrow, 20)
    values = narrow.function(x - narrow.x0) + narrow.offset
    found = reconstruct_inputs(narrow, values, known="values", rng=0)
    assert found.solved.all()
    assert found.freedom.tolist() == [2] * 20
    assert found.is_ambiguous.all()
    for inputs, value in zip(found.found, values, strict=True):
        assert narrow.function(inputs - narrow.x0) + narrow.offset == pytest.approx(
            np.tile(value, (len(inputs), 1)), abs=1e-6
        )
    # The same from the coordinates of the output part.
    same = reconstruct_inputs(narrow, narrow.lift(x)[:, :4], known=range(4), rng=0)
    assert same.inputs == pytest.approx(found.inputs, abs=1e-8)


def test_more_outputs_than_inputs_determine_inputs(wide):
    x = points(wide, 20)
    found = reconstruct_inputs(wide, wide.function(x), known="values", rng=0)
    assert found.inputs == pytest.approx(x, abs=1e-9)
    assert not found.is_ambiguous.any()


def test_all_preimages_of_a_folded_map_are_found():
    found = gsvd(lambda x: np.abs(x), n_inputs=3, rng=0)
    outcome = reconstruct_inputs(found, [[1.0, 2.0, 3.0]], known="values", starts=64, rng=0)
    assert sorted(map(tuple, outcome.found[0].round(9).tolist())) == sorted(
        (a, 2 * b, 3 * c) for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)
    )
    assert outcome.freedom.tolist() == [0]
    assert outcome.is_ambiguous.all()
    corner = reconstruct_inputs(
        found, [[1.0, 2.0, 3.0]], known="values", domain=Box([0, 0, -9], [9, 9, 0]), starts=64, rng=0
    )
    assert corner.found[0] == pytest.approx(np.array([[1.0, 2.0, -3.0]]))


@pytest.mark.parametrize("domain", [Ball(2, 0.5), Annulus(2, 0.2, 0.5), Box([-0.3, 0.1], [0.2, 0.4]), Sphere(2, 0.5)])
def test_inputs_stay_in_the_domain_and_are_nearest_there(domain):
    A = np.array([[2.0, 1.0], [0.0, 1.0]])
    found = gsvd(A)
    goal = np.array([[4.0, 3.0]])  # of the input (1/2, 3), outside of all of them
    outcome = reconstruct_inputs(found, goal, known="values", domain=domain, starts=32, rng=0)
    x = outcome.inputs
    assert not outcome.solved.any()
    assert domain.low * (1 - 1e-9) <= np.linalg.norm(x) <= domain.high * (1 + 1e-9)
    grid = domain.sample(np.random.default_rng(0), 20_000)
    if not isinstance(domain, Box):
        angles = np.linspace(0, 2 * math.pi, 20_001)
        grid = np.vstack([grid, domain.high * np.column_stack([np.cos(angles), np.sin(angles)])])
    units = np.linalg.norm((grid @ A.T - goal) @ (found.U / found.sigma), axis=1)
    assert outcome.residuals[0] <= units.min() * (1 + 1e-9)


def test_starting_points_can_be_given(narrow):
    x = points(narrow, 5)
    values = narrow.function(x - narrow.x0) + narrow.offset
    found = reconstruct_inputs(narrow, values, known="values", x_start=x + 1e-6, rng=0)
    assert found.starts == 5
    assert all(np.linalg.norm(inputs - true, axis=1).min() < 1e-4 for inputs, true in zip(found.found, x, strict=True))


def test_outputs_outside_of_the_span_are_left_out():
    A = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    found = gsvd(lambda x: np.maximum(x, 0) @ A.T, n_inputs=2, rng=0)
    outcome = reconstruct_inputs(found, np.array([[1.0, 2.0, 3.0]]) + 5 * found.U[:, 2], known="values", rng=0)
    assert outcome.inputs == pytest.approx(np.array([[1.0, 2.0]]))
    assert outcome.solved.all()


def test_same_seed_same_inputs_and_an_interruption_leaves_starting_points(narrow):
    z = narrow.lift(points(narrow, 3))[:, :5]
    first, second = (reconstruct_inputs(narrow, z, known=range(5), rng=4) for _ in range(2))
    assert first.inputs.tolist() == second.inputs.tolist()
    assert first.seed == 4

    def stop(event):
        raise KeyboardInterrupt

    partial = reconstruct_inputs(narrow, z, known=range(5), rng=4, progress=stop)
    assert partial.interrupted
    assert not partial.solved.any()
    assert "interrupted" in repr(partial)


def test_reconstructions_are_drawn(narrow):
    x = points(narrow, 12)
    z = narrow.lift(x)[:, :6]
    found = reconstruct_inputs(narrow, z, known=range(6), rng=0)
    labels = " ".join(text.get_text() for text in found.plot().get_legend().get_texts())
    assert f"other inputs fit as well: {found.is_ambiguous.sum()}" in labels
    assert plot.input_reconstruction(found).get_yscale() == "log"
    with pytest.raises(InputError, match="expected a result"):
        plot.input_reconstruction(x)


BAD_EMBEDDINGS = {
    "width": ({"z": np.ones((2, 9))}, r"known=range\(9\)"),
    "shape": ({"z": np.ones(10)}, "shape"),
    "NaN": ({"z": np.full((1, 10), np.nan)}, "not finite"),
    "values": ({"z": np.ones((1, 10)), "known": "values"}, r"\(N, 4\)"),
    "name": ({"z": np.ones((1, 4)), "known": "outputs"}, 'choose "all"'),
    "numbers": ({"z": np.ones((1, 2)), "known": [0, 10]}, "below 10"),
    "twice": ({"z": np.ones((1, 2)), "known": [1, 1]}, "different ones"),
    "mask": ({"z": np.ones((1, 2)), "known": [True, False]}, "numbers of coordinates"),
    "one number": ({"z": np.ones((1, 2)), "known": 2}, r"range\(k\)"),
    "domain": ({"z": np.ones((1, 10)), "domain": Ball(2)}, "dimension 6"),
    "starts": ({"z": np.ones((1, 10)), "starts": 0}, "starts=0"),
    "steps": ({"z": np.ones((1, 10)), "steps": 0.5}, "steps=0.5"),
    "tol": ({"z": np.ones((1, 10)), "tol": 0}, "tol=0"),
    "x_start": ({"z": np.ones((1, 10)), "x_start": np.ones((2, 5))}, "x_start has the shape"),
}


@pytest.mark.parametrize("name", BAD_EMBEDDINGS)
def test_embeddings_that_make_no_sense_are_refused(narrow, name):
    options, message = BAD_EMBEDDINGS[name]
    with pytest.raises(InputError, match=message):
        reconstruct_inputs(narrow, **options, rng=0)


def test_decompositions_that_cannot_be_searched_are_refused(narrow):
    rng = np.random.default_rng(0)
    samples = (rng.standard_normal((20, 2)), rng.standard_normal((20, 2)))
    with pytest.raises(InputError, match="left_inverse"):
        reconstruct_inputs(gsvd(samples=samples, inflation=1.1), np.ones((1, 4)))
    with pytest.raises(InputError, match=r"inflate\(1.01\)"):
        reconstruct_inputs(gsvd(np.eye(2)), np.ones((1, 4)))
    assert reconstruct_inputs(gsvd(np.eye(2)), np.ones((1, 2)), known=range(2), rng=0).solved.all()
    for verb in (reconstruct_inputs, lambda f, z: null_inputs(f)):
        with pytest.raises(InputError, match="made by gsvd"):
            verb(np.eye(2), np.ones((1, 4)))
    with pytest.raises(ResourceError, match="fewer rows"):
        reconstruct_inputs(narrow, np.ones((10, 10)), memory_limit=1000)
    with pytest.raises(InputError, match="the lift exists"):
        reconstruct_inputs(
            gsvd(lambda x: x**3, Samples([[0.1, 0.1], [0.1, -0.1]]), n_inputs=2, inflation=1.1),
            np.ones((1, 3)), known=[0, 1, 2], x_start=[[5.0, 5.0]],
        )  # fmt: skip

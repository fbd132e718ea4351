"""Probes of decompositions: inputs from embeddings, null inputs, differences between groups of inputs."""

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom import plot
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.gsvd import Annulus, Ball, Box, Samples, Sphere, group_probe, gsvd, null_inputs, reconstruct_inputs
from algeom.gsvd.functions.layers import Dense, Layers
from algeom.gsvd.probes.permutation_tests import distance_statistics, exchanges, holm, p_value, studentized_difference


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


def test_null_inputs_are_in_the_domain():
    def f(x):
        return x[:, :1] * x[:, 1:] + x[:, :1]

    for domain, radius in (
        (Annulus(2, 0.9, 1.0), 0.95),
        (Ball(2, 2.0), 1.0),
        (Box([-1, -3], [2, 3], 0.2), 0.6),
        (Samples([[0.5, 0.0], [1.0, 1.0], [0.0, 1.5]]), 1.0),
    ):
        decomposition = gsvd(f, domain, n_inputs=2, rng=0, rounds=2)
        found = null_inputs(decomposition, rng=0)
        assert found.solved.all()
        assert np.linalg.norm(found.inputs) == pytest.approx(radius)
        if not isinstance(domain, Samples):
            with pytest.raises(InputError, match="leaves the domain"):
                null_inputs(decomposition, 50.0, rng=0)
    corner = gsvd(f, Box([0, 0], [1, 1]), n_inputs=2, rng=0, rounds=2)
    for radius in (None, 0.5):
        with pytest.raises(InputError, match="no sphere around x0"):
            null_inputs(corner, radius, rng=0)
    # What gains are on one sphere, they are on all for homogeneous maps.
    assert null_inputs(gsvd([[1.0, 1.0]], Box([0, 0], [1, 1]), rng=0, rounds=2), 9.0, rng=0).solved.all()
    assert null_inputs(gsvd([[1.0, 1.0]], 2.0), 50.0, rng=0).solved.all()
    with pytest.raises(InputError, match="radius='a'"):
        null_inputs(corner, "a")


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
    assert np.isfinite(found.residuals).all()
    bound = found.error_bound(step * math.sqrt(z.shape[1]) / 2)
    assert np.all(np.linalg.norm(found.inputs - x, axis=1) <= bound)
    for noise in (-1.0, "a", None, math.nan):
        with pytest.raises(InputError, match=f"noise={noise!r}"):
            found.error_bound(noise)


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
    assert not partial.reached.any()
    assert first.reached.all()
    assert not partial.is_ambiguous.any()
    assert "0 ambiguous" in repr(partial)
    assert "interrupted with 3 not reached" in repr(partial)
    labels = [text.get_text() for text in partial.plot().get_legend().get_texts()]
    assert labels == ["not reached: 3"]


def test_rows_are_reached_one_after_the_other(narrow, monkeypatch):
    from algeom.gsvd.probes import reconstruction

    # Batches of 7 searches: 35 are done, 21 for each row.
    monkeypatch.setattr(reconstruction, "_BATCH", 7 * 20 * 6)

    def stop(event):
        if event.done >= 30:
            raise KeyboardInterrupt

    found = reconstruct_inputs(narrow, narrow.lift(points(narrow, 4)), starts=20, rng=0, progress=stop)
    assert found.interrupted
    assert found.reached.tolist() == [True, False, False, False]
    assert found.solved[0]


def test_evidence_of_what_is_not_solved_is_a_bound_for_complete_embeddings_as_well(narrow):
    z = narrow.lift(points(narrow, 3))
    assert reconstruct_inputs(narrow, z, starts=2, rng=0).evidence.status is Status.NUMERICAL
    z[1] += 3.0
    for known in (range(10), range(9)):
        found = reconstruct_inputs(narrow, z[:, list(known)], known=known, starts=4, rng=0)
        assert not found.solved[1]
        assert found.evidence.status is Status.LOWER_BOUND
        assert "of 3 not solved" in found.evidence.reason


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
    "ragged": ({"z": np.ones((1, 2)), "known": [[0], [1, 2]]}, r"range\(k\)"),
    "starts": ({"z": np.ones((1, 10)), "starts": 0}, "starts is 0"),
    "steps": ({"z": np.ones((1, 10)), "steps": 0.5}, "steps is 0.5"),
    "tol": ({"z": np.ones((1, 10)), "tol": 0}, "tol=0"),
    "no tol": ({"z": np.ones((1, 10)), "tol": "a"}, "tol='a'"),
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


# Permutation tests


def all_members(first, strata, count=100, seed=0):
    return np.vstack(list(exchanges(np.array(first), np.array(strata), count, np.random.default_rng(seed))))


def test_exchanges_keep_the_numbers_in_strata_and_are_uniform():
    first, strata = np.array([True, True, False, False, False, True, False]), np.array([0, 0, 0, 0, 1, 1, 1])
    members = all_members(first, strata, 30_000)
    assert members.shape == (30_001, 7)
    assert members[0].tolist() == first.tolist()
    assert np.all(members[:, :4].sum(axis=1) == 2)
    assert np.all(members[:, 4:].sum(axis=1) == 1)
    counts = np.unique(members[1:], axis=0, return_counts=True)[1]
    assert len(counts) == 18  # 4 choose 2, times 3
    expected = 30_000 / 18
    assert np.abs(counts - expected).max() < 5 * math.sqrt(expected)


def test_blocks_do_not_matter(monkeypatch):
    from algeom.gsvd.probes import permutation_tests

    whole = all_members([True] * 3 + [False] * 5, [0] * 8, 50)
    monkeypatch.setattr(permutation_tests, "_BLOCK", 8 * 7)
    assert all_members([True] * 3 + [False] * 5, [0] * 8, 50).tolist() == whole.tolist()


def test_statistics_agree_with_their_definitions():
    from scipy.stats import ttest_ind

    rng = np.random.default_rng(0)
    values, x = rng.standard_normal(12) + 100, rng.standard_normal((12, 2))
    distances = np.linalg.norm(x[:, None] - x[None], axis=2)
    members = all_members([True] * 5 + [False] * 7, [0] * 12, 20)
    means, t = studentized_difference(members, values, np.zeros(12, dtype=np.int64))
    first, second, between = distance_statistics(members, distances)
    for b, mask in enumerate(members.astype(bool)):
        inside, outside = np.flatnonzero(mask), np.flatnonzero(~mask)
        assert means[b] == pytest.approx(values[mask].mean() - values[~mask].mean())
        welch = ttest_ind(values[mask], values[~mask], equal_var=False).statistic
        assert t[b] == pytest.approx(welch / math.sqrt(1 + welch**2))
        assert first[b] == pytest.approx(np.mean([distances[i, j] for i, j in combinations(inside, 2)]))
        assert second[b] == pytest.approx(np.mean([distances[i, j] for i, j in combinations(outside, 2)]))
        assert between[b] == pytest.approx(distances[np.ix_(inside, outside)].mean())


def test_p_values_of_exchangeable_groups_are_super_uniform():
    # P(p <= k / (B + 1)) <= k / (B + 1), for few values with many ties as well. 3000 repetitions of B = 19.
    rng, repetitions, count = np.random.default_rng(0), 3000, 19
    found = {"normal": [], "ties": [], "rounded ties": [], "two of ten": [], "strata": [], "ties in strata": []}
    first, none = np.array([True] * 4 + [False] * 6), np.zeros(10, dtype=np.int64)
    strata = np.array([0, 1, 0, 1, 0, 0, 0, 1, 1, 1])
    for _ in range(repetitions):
        for name, values in (
            ("normal", rng.standard_normal(10)),
            ("ties", rng.integers(0, 2, 10).astype(float)),
            ("rounded ties", 1.1 + 2.0 * rng.integers(0, 2, 10) + 1e-14 * rng.standard_normal(10)),
            ("two of ten", rng.standard_normal(10) ** 3),
            ("strata", rng.standard_normal(10) * (1 + 5 * strata) + 100 * strata),
            ("ties in strata", rng.integers(0, 2, 10) + 100.0 * strata),
        ):
            within = strata if "strata" in name else none
            chosen = np.arange(10) < 2 if name == "two of ten" else first
            members = all_members(chosen, within, count, int(rng.integers(1 << 62)))
            found[name].append(p_value(np.abs(studentized_difference(members, values, within)[1]), 1.0))
    levels = np.arange(1, count + 2) / (count + 1)
    for name, values in found.items():
        parts = np.mean(np.array(values)[:, None] <= levels + 1e-12, axis=0)
        spread = np.sqrt(levels * (1 - levels) / repetitions)
        assert np.all(parts <= levels + 4 * spread + 1e-12), name
        if name in ("normal", "strata"):
            assert np.all(parts >= levels - 4 * spread - 1e-12), name


def test_strata_are_needed_where_groups_differ_in_them():
    # Values depend on the stratum alone, and so do the groups: without strata the test is misled.
    rng = np.random.default_rng(0)
    strata = np.repeat([0, 1], 50)
    first = rng.random(100) < np.where(strata == 1, 0.8, 0.2)
    values = 3.0 * strata + rng.standard_normal(100)

    def p(values, strata):
        return p_value(np.abs(studentized_difference(all_members(first, strata, 999), values, strata)[1]), 1.0)

    assert p(values, 0 * strata) == pytest.approx(0.001)
    assert p(values, strata) > 0.05
    # A difference within strata is found whether or not the strata point in the same direction.
    assert max(p(values + first, strata), p(values - first, strata)) <= 0.005


def test_differences_in_strata_are_taken_from_those_expected():
    # The mean over all 18 exchanges.
    first, strata = np.array([True, True, False, False, False, True, False]), np.array([0, 0, 0, 0, 1, 1, 1])
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    members = np.unique(all_members(first, strata, 2000), axis=0)
    assert len(members) == 18
    differences, statistics = studentized_difference(members, values, strata)
    assert np.sign(statistics).tolist() == np.sign(differences - differences.mean()).tolist()


def test_perfectly_separated_ties_are_infinitely_far_apart_and_no_further():
    # Statistics of Welch are infinite there, and no measure of how far other exchanges are from each other.
    values, strata = np.repeat([1.1, 3.1], 8), np.zeros(16, dtype=np.int64)
    members = np.vstack([np.eye(16)[:8].sum(axis=0), np.eye(16)[8:].sum(axis=0), np.tile([1.0, 0.0], 8)])
    _, statistics = studentized_difference(members, values, strata)
    assert statistics == pytest.approx([-1, 1, 0], abs=1e-9)
    assert p_value(np.abs(statistics), 1.0) == pytest.approx(2 / 3)


def test_p_values_count_ties_and_never_are_zero():
    assert p_value(np.ones(100), 1.0) == 1
    assert p_value(np.append(1.0, np.zeros(99)), 1.0) == pytest.approx(0.01)
    assert p_value(np.append(1e-12, np.zeros(99)), 1.0) == 1
    assert p_value(np.array([-3.0, 0, 0, 0, 0, 0, 0, 0, 1, 2]), 1.0) == 1
    assert p_value(np.array([-3.0, 0, 0, 0, 0, 0, 0, 0, 1, 2]), 1.0, two_sided=True) == pytest.approx(0.1)
    for wrong in ([1.0], [1.0, math.nan]):
        with pytest.raises(InputError, match="statistics of the shape"):
            p_value(np.array(wrong), 1.0)
    members = all_members([True, True, False, False], [0] * 4)
    assert studentized_difference(members, np.ones(4), np.zeros(4, dtype=np.int64))[1].tolist() == [0] * 101


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_smallest_bound_of_all_intersections(values):
    # Closed testing with Bonferroni's test of each intersection (Marcus, Peritz, Gabriel 1976).
    p = np.array(values)
    expected = [
        max(
            min(1.0, len(rest) * p[list(rest)].min())
            for size in range(1, len(p) + 1)
            for rest in combinations(range(len(p)), size)
            if k in rest
        )
        for k in range(len(p))
    ]
    assert holm(p) == pytest.approx(np.array(expected))


# Groups of inputs


def steeper_to_the_right(x):
    """Slope 3 where the first input is positive, and 1 elsewhere; continuous."""
    h = np.tanh(x)
    return h + 2 * np.maximum(h[:, :1], 0) * np.array([1.0, 0.0, 0.0])[: x.shape[1]]


def test_a_network_that_is_steeper_on_one_group_is_found():
    x = 0.3 * np.random.default_rng(0).standard_normal((80, 3))
    x[:, 0] = np.abs(x[:, 0]) * np.repeat([1, -1], 40)
    decomposition = gsvd(steeper_to_the_right, 2.0, n_inputs=3, rng=0, rounds=5, inflation=1.1)
    labels = np.repeat(["right", "left"], 40)
    found = group_probe(decomposition, x, labels, rng=0)
    gain = found.difference("local gain", "right", "left")
    assert (gain.first, gain.second) == ("left", "right")
    assert gain.p_value == pytest.approx(1 / 2001)
    assert gain in found.significant(0.01)
    assert gain.effect < 0.05
    # The ellipsoid is three times as wide in the first direction, and takes the difference away.
    assert group_probe(decomposition, x, labels, units="sigma", rng=0).mean_gains == pytest.approx([1, 1], abs=0.15)
    assert found.names == ("left", "right")
    # Inputs are mirror images in distribution: norms do not differ, their place does.
    assert found.difference("input norm", "left", "right").p_value > 0.05
    assert found.difference("input distribution", "left", "right").p_value < 0.05
    assert "distribution" in found.notes[0]
    assert "norms" not in found.notes[0]


def test_equal_groups_show_nothing_and_linear_maps_have_one_gain():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 3))
    found = group_probe(rng.standard_normal((2, 3)), {"a": x[:20], "b": x[20:40], "c": x[40:]}, rng=0)
    assert not found.significant()
    assert len(found.differences) == 9
    assert len(found.confounders) == 6
    for difference in found.differences[::3]:
        assert (difference.statistic, difference.p_value, difference.effect) == ("local gain", 1.0, 0.5)
    assert "0 of 9 differences significant" in repr(found)
    assert str(found).count("adjusted") == 9


@pytest.mark.parametrize("seed", range(12))
def test_gains_with_two_values_are_compared_as_exactly_as_their_table(seed):
    # Slopes 3.1 and 1.1, seven of eight in one group and one of eight in the other: Fisher's test of the table.
    from scipy.stats import fisher_exact

    rng = np.random.default_rng(seed)
    signs = np.repeat([1, -1, 1, -1], [7, 1, 1, 7])
    x = (signs * rng.uniform(0.5, 1, 16))[:, None]
    found = group_probe(lambda x: x * np.where(x > 0, 3.1, 1.1), x, np.repeat([0, 1], 8), rng=seed)
    exact = fisher_exact([[7, 1], [1, 7]]).pvalue
    p = found.difference("local gain", 0, 1).p_value
    assert abs(p - exact) < 4 * math.sqrt(exact / 2000) + 1 / 2000


def test_embeddings_at_equal_distances_have_no_other_spread():
    # Inputs are orthonormal: all distances are equal, up to rounding.
    x = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
    found = group_probe(gsvd(np.eye(8), inflation=1.1), {"a": x[:4], "b": x[4:]}, n_permutations=99, rng=0)
    assert [difference.p_value for difference in (*found.differences, *found.confounders)] == [1.0] * 5


def fitted_to(points, f=np.tanh):
    return gsvd(f, Samples(points), n_inputs=points.shape[1], rng=0).inflate(4.0)


def test_p_values_of_decompositions_of_one_group_are_said_not_to_be_valid():
    x = np.random.default_rng(0).standard_normal((40, 3))
    groups = {"a": x[:10], "b": x[10:20], "c": x[20:30]}
    one = group_probe(fitted_to(x[:10]), groups, n_permutations=99, rng=0)
    doubts = [note for note in one.notes if "not valid" in note]
    assert [note[:80] for note in doubts] == [
        f"the decomposition was fitted to 10 of 10 inputs of a and 0 of 10 inputs of {k}: p-v"[:80] for k in "bc"
    ]
    assert not one.is_exact
    assert "not valid for all pairs" in one.evidence.reason
    assert "p-values not valid" in repr(one)
    assert all("(not valid)" in text.get_text() for text in one.plot().get_legend().get_texts()[2:])
    # All of the inputs that are exchanged, or none of them, make no difference.
    for points, doubtful in ((x[:30], False), (x, False), (x[30:], False), (np.vstack([x[:20], x[30:]]), True)):
        found = group_probe(fitted_to(points), groups, n_permutations=99, rng=0)
        assert any("not valid" in note for note in found.notes) == doubtful
        assert found.is_exact != doubtful
    assert "made without the labels" in group_probe(np.tanh, groups, n_permutations=99, rng=0).evidence.reason


def test_decompositions_of_whole_strata_do_not_depend_on_who_is_in_which_group():
    x = np.random.default_rng(0).standard_normal((20, 3))
    labels, strata = np.tile([0, 1], 10), np.repeat([0, 1], 10)
    whole, part = (
        group_probe(fitted_to(x[:10]), x, labels, strata=given, n_permutations=99, rng=0) for given in (strata, None)
    )
    assert not any("not valid" in note for note in whole.notes)
    assert any("not valid" in note for note in part.notes)
    # A local decomposition knows its samples relative to x0, and x0 itself is none of them.
    moved = gsvd(np.tanh, Samples(x - x[0]), n_inputs=3, x0=x[0], rng=0).inflate(1.1)
    found = group_probe(moved, x, labels, n_permutations=99, rng=0)
    assert not any("not valid" in note for note in found.notes)


def test_decompositions_fitted_to_all_inputs_leave_p_values_valid():
    # Fitted to one group, they find embeddings of other spreads in nearly all repetitions.
    names, found = ("local gain", "embedding spread", "embedding distance"), []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        weights, x = rng.standard_normal((12, 10)), rng.standard_normal((40, 12))
        probe = group_probe(
            lambda x, weights=weights: np.tanh(x @ weights), {"a": x[:15], "b": x[15:]}, n_permutations=99,
            embedding="outputs", units="sigma", rng=seed,
        )  # fmt: skip
        found.append([probe.difference(name, "a", "b").p_value for name in names])
    for level in (0.05, 0.2):
        assert np.all(np.mean(np.array(found) <= level, axis=0) <= level + 4 * math.sqrt(level * (1 - level) / 150))


@pytest.mark.slow
def test_the_probability_of_any_finding_in_equal_groups_is_at_most_the_level():
    rng = np.random.default_rng(0)
    f = gsvd(network(rng, [2, 6, 2]), 6.0, rng=0, rounds=3, inflation=1.2)
    wrong = 0
    for seed in range(300):
        x = rng.standard_normal((30, 2))
        found = group_probe(f, {"a": x[:8], "b": x[8:18], "c": x[18:]}, n_permutations=199, rng=seed)
        wrong += bool(found.significant(0.1))
    assert wrong / 300 <= 0.1 + 3 * math.sqrt(0.09 / 300)


def test_distances_are_those_of_lifts_or_of_output_parts(wide):
    x = points(wide, 30)
    z = wide.lift(x)
    for embedding, rows in (("lift", z), ("outputs", z[:, :5])):
        found = group_probe(wide, {0: x[:12], 1: x[12:]}, embedding=embedding, n_permutations=99, rng=0)
        far = np.linalg.norm(rows[:, None] - rows[None], axis=2)
        first, second, between = far[:12, :12].sum() / (12 * 11), far[12:, 12:].sum() / (18 * 17), far[:12, 12:].mean()
        assert found.distances == pytest.approx(np.array([[first, between], [between, second]]))
        energy = 2 * between - 11 / 12 * first - 17 / 18 * second
        assert found.difference("embedding distance", 0, 1).value == pytest.approx(energy)
        assert found.difference("embedding distance", 0, 1).effect == pytest.approx(energy / (2 * between))
        assert found.difference("embedding spread", 0, 1).value == pytest.approx(first - second)
        assert found.difference("embedding spread", 1, 0).effect == pytest.approx(first / second)


def test_local_gains_in_small_balls_are_those_of_jacobians(wide):
    x = points(wide, 6)
    groups = {"a": x[:3], "b": x[3:]}
    jacobian, local, median = (
        np.concatenate(group_probe(wide, groups, n_permutations=9, rng=0, **options).gains)
        for options in ({}, {"gain": "local", "radius": 1e-4}, {"gain": "local", "radius": 1e-4, "quantile": 0.5})
    )
    assert local == pytest.approx(jacobian, rel=1e-3)
    assert np.all(local <= jacobian * (1 + 1e-3))
    assert np.all(median < local)
    larger = group_probe(wide, groups, gain="local", radius=0.5, n_permutations=9, rng=0)
    assert larger.gain == "supremum found within 0.5"
    # Local decompositions have the same suprema.
    root = (wide.U / wide.sigma).T
    whitened = group_probe(wide, groups, gain="local", units="sigma", radius=0.5, n_permutations=9, rng=0)
    for found, f in (
        (larger, lambda d: wide.function(d) / wide.sigma[0]),
        (whitened, lambda d: wide.function(d) @ root.T),
    ):
        alone = gsvd(f, 0.5, n_inputs=3, x0=x[0], rng=0)
        assert found.gains[0][0] == pytest.approx(alone.norm_lower, rel=0.02)


def test_norms_are_reported_as_a_confounder_and_strata_hold_them_fixed():
    # The gain of |x|^2 x / 3 is |x|^2: groups differ in norms alone.
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((160, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    radii = np.concatenate([rng.beta(3, 2, 80), rng.beta(2, 3, 80)])
    x = directions * radii[:, None]
    groups = {"far": x[:80], "near": x[80:]}

    def cubic(x):
        return np.sum(x**2, axis=1, keepdims=True) * x / 3

    f = gsvd(cubic, 1.5, n_inputs=3, rng=0, rounds=3, inflation=1.1)
    plain = group_probe(f, groups, rng=0)
    assert plain.difference("local gain", "far", "near").p_value < 0.01
    assert plain.difference("input norm", "far", "near").p_value < 0.01
    assert 'strata="norms"' in plain.notes[0]
    fixed = group_probe(f, groups, strata="norms", n_strata=20, rng=0)
    gain = fixed.difference("local gain", "far", "near")
    assert gain.p_value > 0.05
    assert gain.expected == pytest.approx(gain.value, abs=0.3 * gain.value)
    assert "20 quantiles" in fixed.evidence.reason


def test_matched_pairs_are_strata():
    rng = np.random.default_rng(0)
    x = 0.5 * rng.standard_normal((30, 3))
    x[:, 0] = np.abs(x[:, 0])
    mirrored = x * [-1, 1, 1]
    f = gsvd(steeper_to_the_right, 4.0, n_inputs=3, rng=0, rounds=5, inflation=1.1)
    number = np.arange(30)
    as_mapping = group_probe(f, {"b": x, "a": mirrored}, strata={"a": number, "b": number}, rng=0)
    as_array = group_probe(f, np.vstack([x, mirrored]), ["b"] * 30 + ["a"] * 30, strata=np.tile(number, 2), rng=0)
    for found in (as_mapping, as_array):
        assert found.difference("local gain", "a", "b").p_value == pytest.approx(1 / 2001)
        # Mirrored inputs have the same norms, in each pair.
        assert found.difference("input norm", "a", "b").p_value == 1
        assert found.strata == "30 given"


def test_notes_on_what_tests_cannot_find(wide):
    x = points(wide, 12)
    few = group_probe(wide, {"a": x[:2], "b": x[2:5]}, n_permutations=99, rng=0)
    assert any("10 ways only" in note for note in few.notes)
    many = group_probe(wide, {k: x[2 * k : 2 * k + 2] for k in range(6)}, n_permutations=99, rng=0)
    assert "n_permutations=900" in many.notes[-1]
    assert "36 more, with larger p-values" in str(many)
    strata = [0] * 6 + [1] * 6
    alone = group_probe(wide, x, [0, 1] * 3 + [1] * 6, strata=strata, n_permutations=99, rng=0)
    assert any(note.startswith("6 inputs of 12") for note in alone.notes)


def test_same_seed_same_probe_and_groups_do_not_disturb_each_other(wide):
    x = points(wide, 30)
    options = {"n_permutations": 99, "rng": 3}
    first, second = (group_probe(wide, {"a": x[:10], "b": x[10:20]}, **options) for _ in range(2))
    third = group_probe(wide, {"a": x[:10], "b": x[10:20], "c": 0.1 * x[20:]}, **options)
    assert first.differences == second.differences
    assert [d.p_value for d in first.differences] == [d.p_value for d in third.differences[:3]]
    assert first.seed == 3


def test_interrupted_probes_have_the_pairs_that_were_reached(wide):
    x = points(wide, 30)
    groups = {"a": x[:10], "b": x[10:20], "c": x[20:]}

    def stop_at(stage, done):
        def stop(event):
            if (event.stage, event.done) == (stage, done):
                raise KeyboardInterrupt

        return stop

    after_one = group_probe(wide, groups, rng=0, n_permutations=99, progress=stop_at("pairs of groups", 1))
    assert after_one.interrupted
    assert len(after_one.differences) == 3
    assert after_one.notes[-1] == "interrupted: 1 of 3 pairs of groups were compared"
    at_once = group_probe(wide, groups, rng=0, n_permutations=99, progress=stop_at("local gains", 30))
    assert at_once.differences == ()
    assert at_once.interrupted
    options = {"gain": "local", "radius": 0.1, "n_permutations": 99, "rng": 0}
    early = group_probe(wide, groups, **options, progress=stop_at("local gains", 15))
    assert early.interrupted
    assert [int(np.isnan(values).sum()) for values in early.gains] == [0, 5, 10]
    assert np.isfinite(early.distances).all()
    assert early.mean_gains[1] == pytest.approx(early.gains[1][:5].mean())
    assert np.isnan(early.mean_gains).tolist() == [False, False, True]
    assert "0 of 3 pairs" in early.notes[-1]
    early.plot()
    early.plot("distances")


def test_searches_of_local_gains_can_be_interrupted(wide):
    # The search for one supremum ends early when it is interrupted; that must not pass for its result.
    calls, last = 0, math.inf

    def counted(x):
        nonlocal calls
        calls += 1
        if calls == last:
            raise KeyboardInterrupt
        return wide.function(x)

    x = points(wide, 8)
    f = gsvd(counted, Samples(x), n_inputs=3, rng=0, inflation=1.1)
    options = {"gain": "local", "radius": 0.1, "n_permutations": 9, "rng": 0}
    before = calls
    whole = np.concatenate(group_probe(f, {"a": x[:4], "b": x[4:]}, **options).gains)
    last = calls + (calls - before) // 2
    found = group_probe(f, {"a": x[:4], "b": x[4:]}, **options)
    assert found.interrupted
    partial = np.concatenate(found.gains)
    known = np.isfinite(partial)
    assert 0 < known.sum() < 8
    assert partial[known].tolist() == whole[known].tolist()


def test_probes_are_drawn(wide):
    x = points(wide, 30)
    found = group_probe(wide, {"a": x[:10], "b": x[10:20], "c": x[20:]}, n_permutations=99, rng=0)
    labels = [text.get_text() for text in found.plot().get_legend().get_texts()]
    assert sum("adjusted p" in label for label in labels) == 3
    ax = found.plot("distances")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["a", "b", "c", "a, b", "a, c", "b, c"]
    assert "and 2 more" in ax.get_legend().get_texts()[-1].get_text()
    with pytest.raises(InputError, match="choose from gains, distances"):
        found.plot("spectrum")


X = 0.2 * np.random.default_rng(0).standard_normal((4, 3))
TWO = {"a": X[:2], "b": X[2:]}
BAD_GROUPS = {
    "one group": ({"groups": {"a": X}}, "1 group cannot be compared"),
    "none": ({"groups": {}}, "0 groups"),
    "empty": ({"groups": {"a": X, "b": X[:0]}}, "group 'b' is empty"),
    "one input": ({"groups": {"a": X, "b": X[:1]}}, "group 'b' has one input"),
    "NaN": ({"groups": {"a": X, "b": X * np.nan}}, "row 0 of group 'b' is not finite"),
    "widths": ({"groups": {"a": X, "b": X[:, :2]}}, r"group 'b' has the shape"),
    "same names": ({"groups": {1: X, "1": X}}, "different ones"),
    "no labels": ({"groups": X}, "labels are missing"),
    "labels twice": ({"groups": TWO, "labels": [0, 1]}, "labels were given as well"),
    "few labels": ({"groups": X, "labels": [0, 1]}, "for 4 inputs"),
    "gain": ({"groups": TWO, "gain": "mean"}, "gain='mean'"),
    "radius": ({"groups": TWO, "gain": "local"}, "give a radius"),
    "radius for Jacobians": ({"groups": TWO, "radius": 1.0}, "only for that"),
    "negative radius": ({"groups": TWO, "gain": "local", "radius": -1.0}, "radius=-1"),
    "quantile": ({"groups": TWO, "quantile": 0.5}, "quantile=0.5"),
    "no quantile": ({"groups": TWO, "gain": "local", "radius": 1.0, "quantile": "a"}, "quantile='a'"),
    "ragged group": ({"groups": {"a": X, "b": [[0], [1, 2]]}}, "group 'b' is no array"),
    "missing label": ({"groups": X, "labels": ["a", "a", "b", None]}, "labels: row 3 has None"),
    "label NaN": ({"groups": X, "labels": [0, 0, 1, math.nan]}, "labels: row 3 has nan"),
    "label NaN among strings": ({"groups": X, "labels": ["a", math.nan, "b", "b"]}, "labels: row 1 has nan"),
    "ragged labels": ({"groups": X, "labels": [[0], [1, 2], 0, 1]}, r"labels: row 0 has \[0\]"),
    "missing stratum": ({"groups": X, "labels": [0, 0, 1, 1], "strata": [0, None, 0, 1]}, "strata: row 1 has None"),
    "stratum NaN": ({"groups": TWO, "strata": {"a": [0, 0], "b": [0, math.nan]}}, "strata of group 'b': row 1 has nan"),
    "ragged strata": ({"groups": TWO, "strata": {"a": [0, 0], "b": [[0], [0, 1]]}}, r"strata of group 'b': row 0"),
    "units": ({"groups": TWO, "units": "outputs"}, "units='outputs'"),
    "embedding": ({"groups": TWO, "embedding": "inputs"}, "embedding='inputs'"),
    "permutations": ({"groups": TWO, "n_permutations": 0}, "n_permutations is 0"),
    "strata": ({"groups": TWO, "strata": "norm"}, 'None or "norms"'),
    "n_strata": ({"groups": TWO, "strata": "norms", "n_strata": 1}, "n_strata is 1"),
    "strata of another form": ({"groups": TWO, "strata": [0] * 4}, "another form"),
    "strata of others": ({"groups": TWO, "strata": {"a": [0, 0], "c": [0, 0]}}, "given for a, c"),
    "few strata": ({"groups": TWO, "strata": {"a": [0, 0], "b": [0]}}, "group 'b'"),
    "strata of the wrong length": ({"groups": X, "labels": [0, 0, 1, 1], "strata": [0]}, "for 4 inputs"),
    "strata apart": ({"groups": TWO, "strata": {"a": [0, 0], "b": [1, 1]}}, "nothing can be exchanged"),
}


@pytest.mark.parametrize("name", BAD_GROUPS)
def test_groups_that_make_no_sense_are_refused(wide, name):
    options, message = BAD_GROUPS[name]
    with pytest.raises(InputError, match=message):
        group_probe(wide, **options, rng=0)


def test_decompositions_that_cannot_probe_are_refused(wide):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 3))
    with pytest.raises(InputError, match="without a function"):
        group_probe(gsvd(samples=(x, x)), TWO)
    with pytest.raises(InputError, match="does not cover"):
        group_probe(gsvd(lambda x: x**3, 0.1, n_inputs=3, rng=0), TWO)
    with pytest.raises(ResourceError, match="fewer inputs"):
        group_probe(wide, TWO, memory_limit=1000)
    found = group_probe(wide, {"a": 0.1 * x[:9], "b": 0.1 * x[9:]}, n_permutations=9, rng=0)
    for level in (0, "a", None):
        with pytest.raises(InputError, match=f"level={level!r}"):
            found.significant(level)
    with pytest.raises(InputError, match="statistics are"):
        found.difference("gain", "a", "b")

"""Invariant linear maps: the isomorphism with smaller matrices, their numbers, networks and nearest maps."""

from fractions import Fraction

import naive_equivariant as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError
from algeom.networks.equivariant.invariant import invariant_maps
from algeom.networks.equivariant.permutations import image_rotation, image_translation

ROTATION = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
TILTED = np.array([[2.0, 1, 0], [0, 1, 1], [1, 0, 1]])

groups_of_up_to_eight = st.integers(1, 8).flatmap(lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=3))


def test_the_example_of_two_cycles():
    maps = invariant_maps("(134)(25)", m=2, r=1)
    assert (maps.n, maps.k, maps.rank) == (5, 2, 1)
    assert (maps.dimension, maps.degree, maps.ed_degree, maps.singular_rank) == (3, 2, 2, 0)
    assert maps.expand([[1, 2], [3, 4]]).tolist() == [[1, 2, 1, 1, 2], [3, 4, 3, 3, 4]]
    phi = maps.polynomial_map()
    assert ag.dimension(phi, rng=1).value == 3
    assert ag.degree(phi, rng=1).value == 2
    assert ag.ed_degree(phi, rng=1).value == 2
    # In addition to the equal columns, ad = bc.
    ideal = ag.implicitize(phi, max_degree=2, rng=1)
    degrees = sorted(generator.degree for generator in ideal.generators)
    assert degrees == [1] * 6 + [2]


@pytest.mark.parametrize(
    ("generators", "m", "r"), [(("(12)(345)",), 3, 1), (("(12)", "(23)"), 2, 1), (("(12)",), 2, 1)]
)
def test_engine_finds_the_same_numbers(generators, m, r):
    maps = invariant_maps(*generators, m=m, r=r, n=5)
    phi = maps.polynomial_map()
    assert ag.dimension(phi, rng=1).value == maps.dimension
    assert ag.degree(phi, rng=1).value == maps.degree
    assert ag.ed_degree(phi, rng=1).value == maps.ed_degree


def test_bounds_on_the_rank_beyond_the_number_of_orbits():
    maps = invariant_maps("(12345)", m=4, r=3)
    assert (maps.k, maps.rank, maps.dimension, maps.degree, maps.singular_rank) == (1, 1, 4, 1, None)
    maps = invariant_maps("()", n=3, m=2, r=7)
    assert (maps.rank, maps.dimension, maps.singular_rank) == (2, 6, None)
    maps = invariant_maps("(12)(34)", n=6, m=4, r=2)
    assert (maps.k, maps.dimension, maps.singular_rank) == (4, 12, 1)
    nothing = invariant_maps("(12)", m=2, r=0)
    assert (nothing.rank, nothing.dimension, nothing.degree, nothing.ed_degree) == (0, 0, 1, 1)
    assert nothing.nearest(np.ones((2, 2))).matrix.tolist() == [[0, 0], [0, 0]]
    with pytest.raises(InputError):
        nothing.polynomial_map()
    with pytest.raises(InputError):
        nothing.weight_sharing()


@given(groups_of_up_to_eight, st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=40, derandomize=True)
def test_psi_is_a_bijection_from_invariant_matrices(generators, m, seed):
    maps = invariant_maps(*generators, m=m, r=m)
    n = len(generators[0])
    assert [orbit.tolist() for orbit in maps.orbits] == naive.orbits(generators, n)
    rng = np.random.default_rng(seed)
    exact = np.array([[Fraction(int(x), 7) for x in row] for row in rng.integers(-9, 9, (m, maps.k))], dtype=object)
    for small in (exact, rng.integers(-9, 9, (m, maps.k)), rng.standard_normal((m, maps.k))):
        M = maps.expand(small)
        assert np.array_equal(maps.compress(M), small)
        assert np.array_equal(maps.expand(maps.compress(M)), M)
        for images in generators:
            assert np.array_equal(M[:, images], M)
        assert np.array_equal(small @ maps.invariants, M)
    assert n - np.linalg.matrix_rank(np.concatenate([np.eye(n)[images] - np.eye(n) for images in generators])) == maps.k


def test_generators_in_all_notations_give_the_same_orbits():
    expected = [[0, 2, 3], [1, 4]]
    for given_ in (["(134)(25)"], [[3, 5, 4, 1, 2]], ["(13)", "(34)", "(25)"], [[2, 4, 3, 0, 1]]):
        assert [orbit.tolist() for orbit in invariant_maps(*given_, m=1, r=1, n=5).orbits] == expected
    rotations = invariant_maps(image_rotation(4), image_translation(4), image_translation(4, axis=0), m=1, r=1)
    assert rotations.k == 1


def test_what_is_not_invariant_is_refused():
    maps = invariant_maps("(12)", m=2, r=1, n=3)
    with pytest.raises(InputError, match="deviates"):
        maps.compress([[1, 2, 3], [1, 1, 3]])
    with pytest.raises(InputError, match="deviates"):
        maps.compress([[Fraction(1), Fraction(1) + Fraction(1, 10**40), 3], [1, 1, 3]])
    assert maps.compress([[1.0, 1 + 1e-16, 3], [1, 1, 3]]).shape == (2, 2)
    assert maps.compress([[1.0, 1.1, 3], [1, 1, 3]], tolerance=0.2).shape == (2, 2)


def test_membership():
    maps = invariant_maps("(12)", m=2, r=1, n=3)
    assert maps.contains([[1, 1, 3], [2, 2, 6]])
    assert not maps.contains([[1, 1, 3], [2, 2, 7]])
    assert not maps.contains([[1, 2, 3], [2, 4, 6]])
    assert maps.contains([[Fraction(1, 3), Fraction(1, 3), 1], [Fraction(2, 3), Fraction(2, 3), 2]])
    assert maps.contains(np.array([[0.1, 0.1, 0.3], [0.2, 0.2, 0.6]]))
    assert not maps.contains(np.array([[0.1, 0.1, 0.3], [0.2, 0.2, 0.6 + 1e-9]]))
    assert maps.contains(np.array([[0.1, 0.1, 0.3], [0.2, 0.2, 0.6 + 1e-9]]), tolerance=1e-6)


def test_factorizations_and_networks():
    maps = invariant_maps("(134)(25)", m=3, r=2)
    rng = np.random.default_rng(0)
    M = maps.expand(rng.standard_normal((3, 2)))
    A, B = maps.factorization(M)
    assert np.array_equal(B, [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1]])
    assert np.array_equal(A @ B, M)
    T = rng.standard_normal((2, 2))
    A, B = maps.factorization(M, T)
    assert np.allclose(A @ B, M)
    assert np.allclose(B, T @ maps.invariants)
    # Any factorization through two neurons has an encoder that shares its weights.
    _, values, right = np.linalg.svd(M)
    encoder = values[:2, None] * right[:2]
    assert np.allclose(encoder[:, [0, 0, 1]], encoder[:, [2, 3, 4]])
    with pytest.raises(InputError, match="singular"):
        maps.factorization(M, np.ones((2, 2)))
    with pytest.raises(InputError):
        maps.factorization(M, np.eye(3))


def test_the_autoencoder_has_exactly_this_function_space():
    maps = invariant_maps("(134)(25)", m=3, r=1)
    sharing = maps.weight_sharing()
    assert sharing.encoder.tolist() == [[1, 2, 1, 1, 2]]
    assert sharing.decoder.tolist() == [[3], [4], [5]]
    assert sharing.n_weights == maps.n_parameters == 5
    decoder, encoder = sharing.layers(np.arange(1.0, 6.0))
    assert maps.contains(decoder @ encoder)
    # Every invariant matrix of rank one is reached: from its compression.
    M = maps.expand(np.outer([1.0, -2, 3], [5.0, 7]))
    decoder, encoder = sharing.layers([5, 7, 1, -2, 3])
    assert np.array_equal(decoder @ encoder, M)


def recipe(orbits, target, r):
    """Average columns over orbits, weight them by the roots of the sizes, truncate, and repeat."""
    sizes = np.sqrt([len(orbit) for orbit in orbits])
    means = np.stack([target[:, orbit].mean(axis=1) for orbit in orbits], axis=1)
    left, values, right = np.linalg.svd(means * sizes, full_matrices=False)
    columns = (left[:, :r] * values[:r]) @ right[:r] / sizes
    result = np.zeros(target.shape)
    for column, orbit in zip(columns.T, orbits, strict=True):
        result[:, orbit] = column[:, None]
    return result


@given(groups_of_up_to_eight, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=30, derandomize=True)
def test_nearest_invariant_map(generators, m, r, seed):
    maps = invariant_maps(*generators, m=m, r=r)
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((m, maps.n))
    found = maps.nearest(target)
    assert np.allclose(found.matrix, recipe(maps.orbits, target, maps.rank), atol=1e-12)
    assert np.isclose(found.distance, np.linalg.norm(found.matrix - target))
    assert found.is_unique
    assert maps.contains(found.matrix)
    assert maps.nearest(found.matrix).distance < 1e-12
    assert found.distance >= found.distance_to_invariant - 1e-12
    for _ in range(3):
        competitor = maps.expand(rng.standard_normal((m, maps.rank)) @ rng.standard_normal((maps.rank, maps.k)))
        assert found.distance <= np.linalg.norm(competitor - target) + 1e-12


def test_engine_finds_the_nearest_map():
    maps = invariant_maps("(12)", m=2, r=1, n=3)
    target = np.random.default_rng(0).standard_normal((2, 3))
    found = maps.nearest(target)
    engine = ag.nearest_point(maps.polynomial_map(), target.ravel(), rng=1)
    assert np.allclose(engine.point, found.matrix.ravel(), atol=1e-8)
    assert np.isclose(engine.distance, found.distance)


def test_nearest_in_a_data_metric():
    from scipy.optimize import least_squares

    maps = invariant_maps("(12)(34)", m=3, r=1, n=5)
    rng = np.random.default_rng(1)
    X, Y, target = rng.standard_normal((5, 8)), rng.standard_normal((3, 8)), rng.standard_normal((3, 5))
    sharing = maps.weight_sharing()
    for found, loss in (
        (maps.fit(X.T, Y.T), lambda M: M @ X - Y),
        (maps.nearest(target, gram=X @ X.T), lambda M: (M - target) @ X),
    ):

        def residuals(weights, loss=loss):
            decoder, encoder = sharing.layers(weights)
            return loss(decoder @ encoder).ravel()

        runs = [least_squares(residuals, rng.standard_normal(sharing.n_weights), xtol=1e-12) for _ in range(5)]
        assert np.isclose(found.distance, min(np.sqrt(2 * run.cost) for run in runs), rtol=1e-7)
        assert np.isclose(found.distance, np.linalg.norm(loss(found.matrix)))
        assert maps.contains(found.matrix)
    assert np.allclose(maps.nearest(target, gram=np.eye(5)).matrix, maps.nearest(target).matrix)
    flat = np.array(X)
    flat[4] = 0
    degenerate = maps.fit(flat.T, Y.T)
    assert not degenerate.is_unique
    assert np.abs(degenerate.matrix[:, 4]).max() < 1e-12
    assert not maps.nearest(maps.expand(np.eye(3) / np.sqrt([2, 2, 1]))).is_unique


def test_signed_permutations():
    maps = invariant_maps([2, -1, 3], m=2, r=1)
    assert maps.k == 1
    assert maps.labels.tolist() == [-1, -1, 0]
    maps = invariant_maps([-2, -1, 3], m=2, r=1)
    assert maps.invariants.tolist() == [[1, -1, 0], [0, 0, 1]]
    M = maps.expand([[1, 2], [3, 6]])
    assert M.tolist() == [[1, -1, 2], [3, -3, 6]]
    assert maps.compress(M).tolist() == [[1, 2], [3, 6]]
    g = np.array([[0, -1, 0], [-1, 0, 0], [0, 0, 1]])
    assert np.array_equal(M @ g, M)
    assert maps.weight_sharing().encoder.tolist() == [[1, -1, 2]]
    found = maps.nearest([[1.0, 1, 0], [2, 0, 1]])
    assert np.allclose(found.matrix @ g, found.matrix)
    everything = invariant_maps([-1, -2], m=2, r=1)
    assert (everything.k, everything.rank, everything.dimension, everything.degree) == (0, 0, 0, 1)
    assert everything.nearest(np.ones((2, 2))).matrix.tolist() == [[0, 0], [0, 0]]
    assert everything.contains(np.zeros((2, 2)))


def test_general_matrices():
    maps = invariant_maps(ROTATION, m=2, r=1)
    assert maps.k == 1
    assert np.allclose(np.abs(maps.invariants), [[0, 0, 1]])
    g = TILTED @ ROTATION @ np.linalg.inv(TILTED)
    maps = invariant_maps(g, m=2, r=1)
    target = np.random.default_rng(0).standard_normal((2, 3))
    found = maps.nearest(target)
    assert np.allclose(found.matrix @ g, found.matrix)
    assert np.allclose(maps.expand(maps.compress(found.matrix)), found.matrix)
    assert maps.contains(found.matrix)
    projection = np.linalg.pinv(maps.invariants) @ maps.invariants
    assert np.allclose(found.matrix, target @ projection)
    assert "1 invariant linear form;" in repr(maps)
    with pytest.raises(InputError):
        _ = maps.orbits
    with pytest.raises(InputError):
        maps.weight_sharing()
    with pytest.raises(InputError, match="not invariant"):
        maps.compress(target)


def test_a_permutation_matrix_is_a_permutation():
    maps = invariant_maps(image_rotation(2).matrix(), m=1, r=1)
    assert maps.labels.tolist() == [0, 0, 0, 0]
    assert "1 orbit;" in repr(maps)
    assert "NearestInvariant(rank 1" in repr(maps.nearest([[1.0, 2, 3, 4]]))


@pytest.mark.parametrize(
    "call",
    [
        lambda: invariant_maps(m=1, r=1),
        lambda: invariant_maps("(12)", m=0, r=1),
        lambda: invariant_maps("(12)", m=1, r=-1),
        lambda: invariant_maps("(12)", m=1, r=1.0),
        lambda: invariant_maps([2, 1], [1, 3, 2], m=1, r=1),
        lambda: invariant_maps("(123)", [2, 1], m=1, r=1),
        lambda: invariant_maps([2, 2], m=1, r=1),
        lambda: invariant_maps([-2, 0], m=1, r=1),
        lambda: invariant_maps(np.ones((2, 2)) * 0.5, m=1, r=1),
        lambda: invariant_maps(np.full((2, 2), np.nan), m=1, r=1),
        lambda: invariant_maps(np.eye(2) * 2j, m=1, r=1),
        lambda: invariant_maps(np.ones((2, 3)), m=1, r=1),
        lambda: invariant_maps("(12)", m=1, r=1).nearest([[1, np.nan]]),
        lambda: invariant_maps("(12)", m=1, r=1).nearest([[1, 2, 3]]),
        lambda: invariant_maps("(12)", m=1, r=1).nearest([[1, 2]], gram=[[1, 0], [0, -1]]),
        lambda: invariant_maps("(12)", m=1, r=1).nearest([["x", 2]]),
        lambda: invariant_maps("(12)", m=1, r=1).fit(np.zeros((3, 2)), np.zeros((4, 1))),
        lambda: invariant_maps("(12)", m=1, r=1).fit(np.zeros((3, 2)), np.zeros((3, 2))),
        lambda: invariant_maps("(12)", m=1, r=1).expand([[1, 2]]),
        lambda: invariant_maps("(12)", m=1, r=1).expand([[np.inf]]),
        lambda: invariant_maps("(12)", m=1, r=1).compress([1, 1]),
        lambda: invariant_maps("(12)", m=1, r=1).contains([[1, 1, 1]]),
        lambda: invariant_maps("(12)", m=1, r=1).contains([[1.0, np.nan]]),
    ],
)
def test_bad_arguments_are_refused(call):
    with pytest.raises(InputError):
        call()

"""Permutations and the base change that diagonalizes them."""

import naive_equivariant as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import InputError
from algeom.networks.equivariant.base_change import CyclicBaseChange
from algeom.networks.equivariant.blocks import realization
from algeom.networks.equivariant.equivariant_maps import equivariant_maps
from algeom.networks.equivariant.permutations import (
    Permutation,
    image_reflection,
    image_rotation,
    image_translation,
    image_transposition,
    orbits,
    permutation,
)

EPS = np.finfo(float).eps

EXAMPLES = {
    "rotation of 3 x 3": image_rotation(3),
    "rotation of 4 x 4": image_rotation(4),
    "(134)(25)": permutation("(134)(25)"),
    "identity": permutation("()", n=3),
    "one cycle of 7": permutation([1, 2, 3, 4, 5, 6, 0]),
    "one cycle of 12": image_translation((1, 12)),
    "translation of 5 x 6": image_translation((5, 6), steps=(1, 1)),
    "mixed": permutation("(12)(345)(6789)", n=10),
    "voxels": image_transposition((3, 3, 3), (1, 2, 0)),
}

permutations_of_up_to_ten = st.integers(1, 10).flatmap(lambda n: st.permutations(range(n))).map(Permutation)


# Permutations


def test_all_notations_read_the_same():
    expected = [2, 4, 3, 0, 1]
    for given_ in (
        "(134)(25)",
        " (1 3 4) (2,5) ",
        [(1, 3, 4), (2, 5)],
        [[2, 5], [4, 1, 3]],
        [3, 5, 4, 1, 2],
        (2, 4, 3, 0, 1),
        np.array([3, 5, 4, 1, 2]),
        permutation("(134)(25)").matrix(),
        permutation("(134)(25)"),
    ):
        assert permutation(given_).images.tolist() == expected
    assert permutation("(1 10)").n == 10
    assert permutation("()", n=4).is_identity
    assert str(permutation("(25)(134)")) == "(1 3 4)(2 5)"


@pytest.mark.parametrize(
    "bad",
    [
        "(12)(23)",
        "(1 1)",
        "(0 1)",
        "12",
        "(1;2)",
        [],
        [1, 1, 2],
        [1, 2, 4],
        [0, 2],
        [0.0, 1.0],
        [True, False],
        [(0, 1)],
        ["(12)"],
        np.array([[1, 1], [0, 0]]),
        np.ones((2, 3)),
        np.full((2, 2), np.nan),
        7,
        None,
    ],
)
def test_what_is_no_permutation_is_refused(bad):
    with pytest.raises(InputError):
        permutation(bad)


def test_sizes_have_to_agree():
    with pytest.raises(InputError, match="move the point 5"):
        permutation("(134)(25)", n=4)
    with pytest.raises(InputError, match="n=4"):
        permutation([2, 1, 3], n=4)
    with pytest.raises(InputError):
        permutation("(12)", n=0)
    with pytest.raises(InputError, match="no product"):
        permutation("(12)") * permutation("(123)")
    with pytest.raises(InputError):
        Permutation([0, 0])
    with pytest.raises(InputError):
        permutation("(12)").apply([1, 2, 3])


@given(permutations_of_up_to_ten, st.data())
@settings(max_examples=40, derandomize=True)
def test_permutations_are_a_group_and_act_like_their_matrices(sigma, data):
    tau = Permutation(data.draw(st.permutations(range(sigma.n))))
    assert np.array_equal((sigma * tau).matrix(), sigma.matrix() @ tau.matrix())
    assert (sigma * sigma.inverse).is_identity
    assert (sigma**sigma.order).is_identity
    assert sigma**-2 == sigma.inverse * sigma.inverse
    x = np.arange(2.0 * sigma.n).reshape(sigma.n, 2)
    assert np.array_equal(sigma.apply(x), sigma.matrix() @ x)
    assert permutation(str(sigma), n=sigma.n) == sigma
    assert sum(length * count for length, count in sigma.cycle_type.items()) == sigma.n
    generators = [sigma.images.tolist(), tau.images.tolist()]
    assert [orbit.tolist() for orbit in orbits(sigma, tau)] == naive.orbits(generators, sigma.n)


def test_image_permutations_move_images():
    image = np.random.default_rng(0).standard_normal((4, 4))
    cube = np.random.default_rng(0).standard_normal((3, 3, 3))
    cases = [
        (image_rotation(4), image, np.rot90(image)),
        (image_rotation(4, turns=-1), image, np.rot90(image, -1)),
        (image_rotation((3, 3, 3), axes=(0, 2)), cube, np.rot90(cube, axes=(0, 2))),
        (image_translation(4), image, np.roll(image, 1, axis=1)),
        (image_translation((3, 3, 3), steps=2, axis=0), cube, np.roll(cube, 2, axis=0)),
        (image_translation(4, steps=(1, -1)), image, np.roll(image, (1, -1), axis=(0, 1))),
        (image_reflection(4), image, image[:, ::-1]),
        (image_reflection((3, 3, 3), axis=0), cube, cube[::-1]),
        (image_transposition(4), image, image.T),
        (image_transposition((3, 3, 3), (1, 2, 0)), cube, np.transpose(cube, (1, 2, 0))),
    ]
    for sigma, before, after in cases:
        assert np.array_equal(sigma.apply(before.ravel()), after.ravel())


def test_impossible_image_permutations_are_refused():
    with pytest.raises(InputError, match="another shape"):
        image_rotation((3, 4))
    assert image_rotation((3, 4), turns=2).n == 12
    for call in (
        lambda: image_rotation(3, axes=(0, 0)),
        lambda: image_rotation(3, axes=(0, 2)),
        lambda: image_rotation(0),
        lambda: image_rotation("3"),
        lambda: image_rotation(3, turns=0.5),
        lambda: image_translation(3, steps=(1, 2, 3)),
        lambda: image_reflection(3, axis=2),
        lambda: image_transposition((2, 3)),
        lambda: image_transposition(3, (0, 0)),
        lambda: image_rotation(()),
    ):
        with pytest.raises(InputError):
            call()


# Base change


@pytest.mark.parametrize("order", ["algebraic", "frequency"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_base_change_is_orthogonal_and_diagonalizes_the_permutation(name, order):
    sigma = EXAMPLES[name]
    change = CyclicBaseChange(sigma, order)
    Q, P = change.matrix(), sigma.matrix()
    assert np.abs(Q @ Q.T - np.eye(sigma.n)).max() < 10 * EPS
    expected = np.zeros((sigma.n, sigma.n))
    for block, start in zip(change.blocks, change.starts, strict=False):
        l, m = block.label
        angle = 2 * np.pi * (l - m) / l
        d = block.multiplicity
        parts = [np.cos(angle), np.sin(angle)][: block.algebra]
        size = d * block.cost
        expected[start : start + size, start : start + size] = realization(
            np.array(parts)[:, None, None] * np.eye(d), block.cost
        )
        assert d == sum(count for length, count in sigma.cycle_type.items() if length % l == 0)
        assert d == naive.eigenspace(P, l, m).shape[1]
    assert np.abs(Q @ P @ Q.T - expected).max() < 20 * EPS
    frequencies = [(l - m) / l for l, m in (block.label for block in change.blocks)]
    if order == "frequency":
        assert frequencies == sorted(frequencies)
    assert len(set(frequencies)) == len(frequencies)
    x = np.random.default_rng(0).standard_normal((sigma.n, 3)) * (1 + 2j)
    assert np.allclose(change.apply(x), Q @ x, atol=1e-14)
    assert np.allclose(change.apply_transpose(x), Q.T @ x, atol=1e-14)
    assert np.allclose(change.apply(x[:, 0].real), Q @ x[:, 0].real, atol=1e-14)


def test_rotation_of_3_x_3_pixels_in_the_stated_order():
    maps = equivariant_maps(image_rotation(3))
    Q, P = maps.base_change.matrix(), image_rotation(3).matrix()
    R = np.array([[0, -1], [1, 0]])
    expected = np.zeros((9, 9))
    expected[:3, :3], expected[3:5, 3:5], expected[5:7, 5:7], expected[7:, 7:] = np.eye(3), -np.eye(2), R, R
    assert np.allclose(Q @ P @ Q.T, expected, atol=1e-15)
    assert maps.multiplicities() == {(1, 1): 3, (2, 1): 2, (4, 3): 2, (4, 1): 2}
    assert maps.dimension == 21 == naive.commutant_dimension([P])


def test_base_change_of_a_million_pixels_is_not_formed():
    change = CyclicBaseChange(image_translation(1000))
    x = np.random.default_rng(0).standard_normal(10**6)
    y = change.apply(x)
    assert abs(np.linalg.norm(y) / np.linalg.norm(x) - 1) < 1e-13
    assert np.abs(change.apply_transpose(y) - x).max() < 1e-13
    with pytest.raises(ag.ResourceError, match="apply"):
        change.matrix()


@given(permutations_of_up_to_ten, st.integers(0, 2**32))
@settings(max_examples=30, derandomize=True)
def test_projection_is_the_mean_over_the_group(sigma, seed):
    rng = np.random.default_rng(seed)
    maps, P = equivariant_maps(sigma), sigma.matrix()
    M = rng.standard_normal((sigma.n, sigma.n))
    projected = maps.project(M)
    assert np.allclose(projected, naive.mean(naive.group([P]), M), atol=1e-13)
    assert np.allclose(P @ projected, projected @ P, atol=1e-13)
    assert np.allclose(maps.project(projected), projected, atol=1e-13)
    assert abs(np.sum((M - projected) * maps.project(rng.standard_normal(M.shape)))) < 1e-11
    assert np.allclose(maps.project(1j * M), 1j * projected, atol=1e-13)

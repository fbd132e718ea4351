"""The nearest equivariant maps: against all components, in data metrics, with their certificates."""

from dataclasses import replace

import naive_equivariant as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.networks.equivariant.equivariant_maps import equivariant_maps
from algeom.networks.equivariant.permutations import image_rotation, image_translation, image_transposition, permutation
from algeom.networks.equivariant.selection import select

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


@given(st.sampled_from(["(134)(25)", "identity", "rotation of 3 x 3", "one cycle of 7"]), st.integers(0, 2**32))
@settings(max_examples=8, derandomize=True)
def test_nearest_against_all_components(name, seed):
    sigma = EXAMPLES[name]
    maps, P = equivariant_maps(sigma), sigma.matrix()
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((sigma.n, sigma.n))
    labels = [block.label for block in maps.blocks]
    costs, high = [block.cost for block in maps.blocks], [block.multiplicity for block in maps.blocks]
    for r in range(min(sigma.n, 6) + 1):
        found = maps.nearest(target, r)
        expected, distance = naive.nearest(P, labels, costs, high, target, r)
        assert np.isclose(found.distance, distance, atol=1e-12)
        assert np.allclose(found.matrix, expected, atol=1e-10)
        assert np.isclose(
            found.distance**2, found.distance_to_equivariant**2 + found.certificate.squared_distance, atol=1e-11
        )
        assert found.certificate.squared_distance >= found.certificate.lower_bound - 1e-14
        assert found.certificate.verify()
        assert found.is_unique
        assert np.abs(P @ found.matrix - found.matrix @ P).max() < 1e-13
        assert found.component.contains(found.matrix)
        assert maps.ranks(found.matrix).rank <= r
        best = min(c.nearest(target).distance for s in range(r + 1) for c in maps.components(s))
        assert np.isclose(best, found.distance, atol=1e-12)


@given(st.sampled_from(sorted(EXAMPLES)), st.integers(0, 2**32), st.integers(1, 5))
@settings(max_examples=15, derandomize=True)
def test_nearest_is_no_farther_than_competitors_and_idempotent(name, seed, r):
    maps = equivariant_maps(EXAMPLES[name])
    r = min(r, maps.n)
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((maps.n, maps.n))
    found = maps.nearest(target, r)
    again = maps.nearest(found.matrix, r)
    assert again.distance < 1e-12
    for component in [*maps.components(r)[:3], found.component]:
        competitor = component.matrix(component.random_factors(rng))
        assert found.distance <= np.linalg.norm(competitor - target) + 1e-12
        # Scaled best along its line, and moved a little from the optimum.
        scale = np.sum(competitor * target) / np.sum(competitor**2)
        assert found.distance <= np.linalg.norm(scale * competitor - target) + 1e-12
        near = maps.nearest(found.matrix + 1e-3 * rng.standard_normal(target.shape), r).matrix
        assert found.distance <= np.linalg.norm(near - target) + 1e-12


def test_parity_decides_what_greedy_does_not():
    maps = equivariant_maps("(1234)")
    circulant = np.array([[4.0, 1, 0, 1], [1, 4, 1, 0], [0, 1, 4, 1], [1, 0, 1, 4]])
    found = maps.nearest(circulant, 2)
    assert found.ranks == (1, 1, 0)
    assert not found.certificate.is_greedy
    assert [label for label, _ in found.certificate.kept] == [(1, 1), (2, 1)]
    assert [label for label, _ in found.certificate.dropped] == [(4, 3)]
    assert found.certificate.squared_distance > found.certificate.lower_bound
    assert maps.nearest(circulant, 3).certificate.is_greedy


def test_ties_are_reported():
    maps = equivariant_maps("(1234)")
    tie = maps.nearest(np.eye(4), 1)
    assert not tie.is_unique
    assert tie.certificate.margin < 1e-12
    assert maps.nearest(np.eye(4), 4).is_unique
    assert maps.nearest(np.zeros((4, 4)), 2).is_unique
    assert not equivariant_maps("()", n=3).component([1]).nearest(np.eye(3)).is_unique
    assert equivariant_maps("()", n=3).component([1]).nearest(np.diag([3.0, 1, 1])).is_unique


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=3), min_size=1, max_size=4),
    st.data(),
)
@settings(max_examples=60, derandomize=True)
def test_selection_against_all_choices(blocks, data):
    costs = data.draw(st.lists(st.integers(1, 4), min_size=len(blocks), max_size=len(blocks)))
    rank = data.draw(st.integers(0, 12))
    values = [np.array(sorted(block, reverse=True)) / 4 for block in blocks]
    found = select(values, costs, rank)
    assert found.squared_distance == naive.best_selection(values, costs, rank)
    assert found.lower_bound <= found.squared_distance
    assert found.verify()
    assert sum(c * r for c, r in zip(costs, found.ranks, strict=True)) <= rank
    worse = list(found.ranks)
    if any(worse):
        worse[int(np.argmax(worse))] -= 1
        assert not replace(found, ranks=tuple(worse)).verify()
        assert not replace(found, rank=-1).verify()


def fitted(component, loss_root, starts=3):
    """The least loss over the component by local minimization of factors from random starts."""
    from scipy.optimize import least_squares

    shapes = [
        (block.multiplicity, r, block.algebra) for block, r in zip(component.blocks, component.ranks, strict=True)
    ]
    sizes = [2 * d * r * algebra for d, r, algebra in shapes]

    def matrix(theta):
        factors = []
        for (d, r, algebra), part in zip(shapes, np.split(theta, np.cumsum(sizes)[:-1]), strict=True):
            if r:
                if algebra == 2:
                    part = part[: part.size // 2] + 1j * part[part.size // 2 :]
                factors.append((part[: d * r].reshape(d, r), part[d * r :].reshape(r, d)))
        return component.matrix(factors)

    rng = np.random.default_rng(0)
    runs = [
        least_squares(lambda theta: loss_root(matrix(theta)).ravel(), rng.standard_normal(sum(sizes)), xtol=1e-12)
        for _ in range(starts)
    ]
    return min(np.sqrt(2 * run.cost) for run in runs)


@pytest.mark.parametrize("name", ["(1234)", "(123)(456)"])
def test_nearest_in_a_metric_that_is_not_invariant(name):
    maps = equivariant_maps(name)
    rng = np.random.default_rng(5)
    X, Y = rng.standard_normal((2, maps.n, 9))
    X[0] *= 3
    target = rng.standard_normal((maps.n, maps.n))
    by_fit, by_gram = maps.fit(X.T, Y.T, 2), maps.nearest(target, 2, gram=X @ X.T)
    losses = [fitted(component, lambda M: M @ X - Y) for component in maps.components(2)]
    distances = [fitted(component, lambda M: (M - target) @ X) for component in maps.components(2)]
    assert np.isclose(by_fit.distance, min(losses), rtol=1e-6)
    assert np.isclose(by_gram.distance, min(distances), rtol=1e-6)
    assert np.isclose(by_fit.distance, np.linalg.norm(by_fit.matrix @ X - Y))
    assert np.isclose(by_gram.distance, np.linalg.norm((by_gram.matrix - target) @ X))
    for result in (by_fit, by_gram):
        assert result.certificate.verify()
        assert maps.ranks(result.matrix).rank <= 2
    # On a single component, and with the identity metric.
    component = maps.components(2)[0]
    assert np.isclose(component.nearest(target, gram=X @ X.T).distance, distances[0], rtol=1e-6)
    plain, weighted = maps.nearest(target, 2), maps.nearest(target, 2, gram=np.eye(maps.n))
    assert np.allclose(plain.matrix, weighted.matrix, atol=1e-12)


def test_fit_with_data_that_do_not_span():
    maps = equivariant_maps(image_translation((2, 3)))
    rng = np.random.default_rng(1)
    X = np.zeros((6, 5))
    X[:3] = rng.standard_normal((3, 5))  # the second row of the image is black
    found = maps.fit(X.T, X.T, 3)
    assert found.distance < 1e-12
    assert not found.is_unique
    assert np.abs(found.matrix[3:]).max() < 1e-12
    assert np.abs(found.matrix[:, 3:]).max() < 1e-12


def test_complex_nearest_against_all_components():
    sigma = permutation("(123)(45)")
    maps, P = equivariant_maps(sigma), sigma.matrix()
    rng = np.random.default_rng(3)
    target = rng.standard_normal((5, 5)) + 1j * rng.standard_normal((5, 5))
    for r in range(6):
        found = maps.nearest(target, r, field="complex")
        blocks = found.component.blocks
        labels, high = [block.label for block in blocks], [block.multiplicity for block in blocks]
        expected, distance = naive.nearest(P, labels, [1] * len(blocks), high, target, r, real=False)
        assert np.isclose(found.distance, distance)
        assert np.allclose(found.matrix, expected, atol=1e-12)
        assert found.component.contains(found.matrix)
    X, Y = rng.standard_normal((2, 5, 8)) + 1j * rng.standard_normal((2, 5, 8))
    best = maps.fit(X.T, Y.T, 5, field="complex")
    # Unbounded rank: the normal equations in the space of equivariant maps.
    basis = [maps.project(np.eye(25)[k].reshape(5, 5)) for k in range(25)]
    system = np.stack([(B @ X).ravel() for B in basis], axis=1)
    coefficients = np.linalg.lstsq(system, Y.ravel(), rcond=None)[0]
    assert np.isclose(best.distance, np.linalg.norm(system @ coefficients - Y.ravel()))


def test_engine_finds_the_nearest_point_of_a_component():
    maps = equivariant_maps("(123)(456)")
    component = maps.component({(3, 2): 1})
    target = np.random.default_rng(4).standard_normal((6, 6))
    found = component.nearest(target)
    u = maps.base_change.coordinates(target)[1].ravel()
    weights = component.frobenius_weights()
    phi = component.polynomial_map()
    engine = ag.nearest_point(phi, u, weights, rng=1)
    assert np.allclose(engine.point, maps.base_change.coordinates(found.matrix)[1].ravel(), atol=1e-8)
    constants = maps.base_change.coordinates(target)[0]
    squared = found.distance**2 - found.distance_to_equivariant**2 - np.sum(constants**2)
    assert np.isclose(engine.distance**2, squared)
    critical = ag.critical_points(phi, u, weights, rng=1)
    s = found.values[1]
    assert np.allclose(sorted(point.distance for point in critical), sorted(np.sqrt(2) * s), atol=1e-8)

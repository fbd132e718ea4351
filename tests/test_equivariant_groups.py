"""Equivariance under other groups: means over them, isotypic decompositions with their types, and what carries over."""

import naive_equivariant as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import algeom as ag
from algeom.errors import GenericityError, InputError, ResourceError
from algeom.networks.equivariant import groups, isotypic
from algeom.networks.equivariant.base_change import DenseBaseChange
from algeom.networks.equivariant.blocks import complex_matrix, from_complex_matrix, product, realization, units
from algeom.networks.equivariant.equivariant_maps import equivariant_maps
from algeom.networks.equivariant.groups import as_generators, group_mean, orthogonal_form
from algeom.networks.equivariant.low_rank import spectrum
from algeom.networks.equivariant.permutations import image_reflection, image_rotation, image_translation

I = np.array([[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
J = np.array([[0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]])


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def direct_sum(*parts):
    size = sum(len(part) for part in parts)
    result, start = np.zeros((size, size)), 0
    for part in parts:
        result[start : start + len(part), start : start + len(part)] = part
        start += len(part)
    return result


def icosahedral():
    fifth = direct_sum(turn(2 * np.pi / 5), np.eye(1))
    tilt = np.array([[1, 0, 2], [0, np.sqrt(5), 0], [-2, 0, 1]]) / np.sqrt(5)
    return [fifth, tilt @ fifth @ tilt.T]


def random_coordinates(generators, seed=0):
    """The same group in random orthonormal coordinates, where it permutes nothing."""
    n = len(generators[0])
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]
    return [Q @ g @ Q.T for g in generators]


#: Generators, and for each block (multiplicity, dimension of the representation, dimension of its endomorphisms).
GROUPS = {
    "S4 on points": (["(12)", "(1234)"], [(1, 1, 1), (1, 3, 1)]),
    "dihedral on 3 x 3": ([image_rotation(3), image_reflection(3)], [(3, 1, 1), (1, 1, 1), (1, 1, 1), (2, 2, 1)]),
    "Z3 x Z3": ([image_translation(3), image_translation(3, axis=0)], [(1, 1, 1)] + [(1, 2, 2)] * 4),
    "Z4 x Z4": ([image_translation(4), image_translation(4, axis=0)], [(1, 1, 1)] * 4 + [(1, 2, 2)] * 6),
    "Z6 by two generators": (["(123456)", "(14)(25)(36)"], [(1, 1, 1)] * 2 + [(1, 2, 2)] * 2),
    "signed quarter turn": ([[2, -1, 3]], [(1, 1, 1), (1, 2, 2)]),
    "cube": ([[2, -1, 3], [1, 3, -2]], [(1, 3, 1)]),
    "Q8 twice": ([np.kron(np.eye(2), g) for g in (I, J)], [(2, 4, 4)]),
    "Q8 and more": (
        [direct_sum(I, I, [[1]], [[1]]), direct_sum(J, J, [[-1]], [[1]])],
        [(1, 1, 1), (1, 1, 1), (2, 4, 4)],
    ),
    "Q8 in random coordinates": (random_coordinates([np.kron(np.eye(3), g) for g in (I, J)]), [(3, 4, 4)]),
    "icosahedron": (icosahedral(), [(1, 3, 1)]),
    "icosahedron on matrices": ([np.kron(g, g) for g in icosahedral()], [(1, 1, 1), (1, 3, 1), (1, 5, 1)]),
    "fifth turns": (
        random_coordinates([direct_sum(turn(0.4 * np.pi), turn(0.4 * np.pi), [[1]])]),
        [(1, 1, 1), (2, 2, 2)],
    ),
    "binary tetrahedral": ([I, (-np.eye(4) + I + J + I @ J) / 2], [(1, 4, 4)]),
    "complex of dimension 4": (
        [np.kron(turn(2 * np.pi / 3), np.diag([1, -1])), np.kron(np.eye(2), [[0, 1], [1, 0]])],
        [(1, 4, 2)],
    ),
}


def matrices(generators):
    return [np.asarray(g if isinstance(g, np.ndarray) else g.matrix(), dtype=float) for g in as_generators(generators)]


@pytest.mark.parametrize("name", GROUPS)
def test_isotypic_decomposition(name):
    generators, expected = GROUPS[name]
    maps = equivariant_maps(*generators, rng=1)
    found = [(block.multiplicity, block.cost, block.algebra) for block in maps.blocks]
    assert sorted(found) == sorted(expected)
    listed = matrices(generators)
    elements = naive.group(listed)
    assert maps.dimension == naive.commutant_dimension(listed)
    Q = maps.base_change.matrix()
    assert np.abs(Q @ Q.T - np.eye(maps.n)).max() < 1e-13
    images = np.array([Q @ g @ Q.T for g in elements])
    expected_blocks = np.zeros_like(images)
    for block, start in zip(maps.blocks, maps.base_change.starts, strict=False):
        D, d = block.cost, block.multiplicity
        rho = images[:, start : start + D, start : start + D]
        for copy in range(d):
            place = slice(start + copy * D, start + (copy + 1) * D)
            expected_blocks[:, place, place] = rho
        # Characters: <chi, chi> is the dimension of the endomorphisms, and the Frobenius-Schur sum 1, 0 or -2.
        characters = np.trace(rho, axis1=1, axis2=2)
        assert np.isclose(np.mean(characters**2), block.algebra)
        indicator = np.mean(np.trace(rho @ rho, axis1=1, axis2=2))
        assert np.isclose(indicator, {1: 1, 2: 0, 4: -2}[block.algebra], atol=1e-9)
        # The units of the algebra commute with the representation.
        for unit in units(block.algebra):
            K = np.kron(np.eye(D // block.algebra), unit)
            assert np.abs(rho @ K - K @ rho).max() < 1e-12
    assert np.abs(images - expected_blocks).max() < 1e-12
    # The projection is the mean over the group.
    M = np.random.default_rng(0).standard_normal((maps.n, maps.n))
    projected = maps.project(M)
    assert np.allclose(projected, naive.mean(elements, M), atol=1e-12)
    assert np.allclose(maps.project(projected), projected, atol=1e-12)
    assert np.allclose(group_mean(as_generators(generators))(M), projected, atol=1e-12)


@pytest.mark.parametrize("name", ["dihedral on 3 x 3", "Q8 and more", "fifth turns", "cube", "Z3 x Z3"])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_components_carry_over(name, field):
    maps = equivariant_maps(*GROUPS[name][0], rng=2)
    listed = matrices(GROUPS[name][0])
    for r in range(maps.n + 1):
        components = maps.components(r, field)
        costs, high = [b.cost for b in components.blocks], [b.multiplicity for b in components.blocks]
        assert [component.ranks for component in components] == naive.rank_vectors(costs, high, r)
        below = [c.ranks for found in maps.components_below(r, field) for c in found]
        every = {component.ranks for component in components} | set(below)
        assert every == set(naive.maximal_rank_vectors(costs, high, r))
        for component in components[:2]:
            M = component.matrix(component.random_factors(r))
            assert all(np.allclose(g @ M, M @ g, atol=1e-12) for g in listed)
            assert np.linalg.matrix_rank(M, tol=1e-9) == r
            assert maps.component_of(M, field) == component
            if field == "real" and r:
                factors = component.random_factors(5)
                decoder, encoder = component.layers(factors)
                assert np.allclose(decoder @ encoder, component.matrix(factors), atol=1e-12)
                weights = np.random.default_rng(r).standard_normal(component.n_parameters)
                decoder, encoder = component.weight_sharing().layers(weights)
                change = maps.base_change.apply_transpose
                shared = change(decoder) @ change(encoder.T).T
                assert maps.component_of(shared) == component
            if r:
                assert ag.dimension(component.polynomial_map(), rng=1).value == component.dimension


def test_abelian_groups_have_no_quaternionic_type_and_characters_count():
    maps = equivariant_maps(*GROUPS["Z4 x Z4"][0], rng=1)
    series = np.array([1])
    for cost in [1] * 4 + [2] * 6:
        series = np.convolve(series, [1] + [0] * (cost - 1) + [1])
    assert [maps.count(r) for r in range(17)] == series.tolist()
    assert [maps.count(r, "complex") for r in (0, 1, 8)] == [1, 16, 12870]
    both, single = equivariant_maps("(123456)", "(14)(25)(36)", rng=1), equivariant_maps("(123456)")
    assert [both.count(r) for r in range(7)] == [single.count(r) for r in range(7)]
    M = np.random.default_rng(0).standard_normal((6, 6))
    assert np.allclose(both.project(M), single.project(M), atol=1e-13)
    for r in range(7):
        assert np.isclose(both.nearest(M, r).distance, single.nearest(M, r).distance)


def block_truncations(maps, target, ranks):
    """The nearest matrix with given ranks, by singular values of the isotypic parts as real matrices."""
    Q, starts = maps.base_change.matrix(), maps.base_change.starts
    result = np.zeros((maps.n, maps.n))
    for block, r, start, end in zip(maps.blocks, ranks, starts, starts[1:], strict=False):
        part = Q[start:end].T @ Q[start:end]
        left, values, right = np.linalg.svd(part @ maps.project(target) @ part)
        size = r * block.cost
        result += (left[:, :size] * values[:size]) @ right[:size]
    return result


@pytest.mark.parametrize("name", ["dihedral on 3 x 3", "Q8 and more", "fifth turns", "icosahedron on matrices", "cube"])
def test_nearest_over_all_components(name):
    maps = equivariant_maps(*GROUPS[name][0], rng=3)
    listed = matrices(GROUPS[name][0])
    costs, high = [b.cost for b in maps.blocks], [b.multiplicity for b in maps.blocks]
    target = np.random.default_rng(1).standard_normal((maps.n, maps.n))
    for r in range(maps.n + 1):
        found = maps.nearest(target, r)
        candidates = [
            np.linalg.norm(block_truncations(maps, target, ranks) - target)
            for s in range(r + 1)
            for ranks in naive.rank_vectors(costs, high, s)
        ]
        assert np.isclose(found.distance, min(candidates))
        assert np.isclose(found.distance, np.linalg.norm(found.matrix - target))
        assert all(np.allclose(g @ found.matrix, found.matrix @ g, atol=1e-12) for g in listed)
        assert np.linalg.matrix_rank(found.matrix, tol=1e-9) <= r
        assert found.certificate.verify()
        assert found.component.contains(found.matrix)


def test_quaternionic_type_costs_four():
    maps = equivariant_maps(*GROUPS["Q8 twice"][0], rng=1)
    assert [maps.count(r) for r in range(9)] == [1, 0, 0, 0, 1, 0, 0, 0, 1]
    assert [maps.count(r, "complex") for r in range(9)] == [1, 0, 1, 0, 1, 0, 1, 0, 1]
    (below,) = maps.components_below(7)
    assert [component.ranks for component in below] == [(1,)]
    component = maps.component([1])
    assert (component.dimension, component.degree, component.ed_degree, component.n_parameters) == (12, 20, 2, 16)
    phi = component.polynomial_map()
    assert ag.dimension(phi, rng=1).value == 12
    assert ag.ed_degree(phi, component.frobenius_weights(), rng=1).value == 2
    assert ag.degree(phi, rng=1).value == 20
    assert [maps.component([r], "complex").ed_degree for r in range(5)] == [1, 0, 2, 0, 1]
    odd = maps.component([1], "complex")
    assert ag.dimension(odd.polynomial_map(), rng=1).value == odd.dimension == 7


@pytest.mark.slow
def test_engine_finds_that_odd_quaternionic_ranks_have_no_critical_points():
    maps = equivariant_maps(*GROUPS["Q8 twice"][0], rng=1)
    for r, expected in ((1, 0), (2, 2), (3, 0)):
        component = maps.component([r], "complex")
        form = component.frobenius_weights()
        found = ag.ed_degree(component.polynomial_map(), form, indefinite=True, rng=1)
        assert found.value == component.ed_degree == expected
        assert ag.degree(component.polynomial_map(), rng=1).value == component.degree


def test_truncation_stays_quaternionic_for_equal_singular_values():
    maps = equivariant_maps(*GROUPS["Q8 in random coordinates"][0], rng=1)
    found = maps.nearest(np.eye(12), 8)
    assert not found.is_unique
    assert all(
        np.allclose(g @ found.matrix, found.matrix @ g, atol=1e-12)
        for g in matrices(GROUPS["Q8 in random coordinates"][0])
    )
    assert np.isclose(found.distance, 2)
    assert np.linalg.matrix_rank(found.matrix) == 8


@given(st.integers(1, 5), st.integers(0, 2**32))
@settings(max_examples=25, derandomize=True)
def test_quaternionic_singular_values(d, seed):
    rng = np.random.default_rng(seed)
    coordinates = rng.integers(-2, 3, (4, d, d)).astype(float)
    M = complex_matrix(coordinates)
    found = spectrum(M, quaternionic=True)
    assert np.allclose(np.repeat(found.values, 2), np.linalg.svd(M, compute_uv=False), atol=1e-10)
    for r in range(d + 1):
        truncated = found.truncated(r)
        again = from_complex_matrix(truncated, 4)
        assert np.allclose(complex_matrix(again), truncated, atol=1e-10)
        assert np.isclose(np.linalg.norm(truncated - M) ** 2, 2 * np.sum(found.values[r:] ** 2), atol=1e-9)
        assert np.linalg.matrix_rank(truncated, tol=1e-8) <= 2 * r
    other = rng.standard_normal((4, d, d))
    assert np.allclose(complex_matrix(np.array(product(coordinates, other))), M @ complex_matrix(other))
    assert np.allclose(
        realization(np.array(product(coordinates, other)), 8), realization(coordinates, 8) @ realization(other, 8)
    )


def test_nearest_in_a_data_metric_for_a_group():
    from scipy.optimize import least_squares

    maps = equivariant_maps(*GROUPS["Q8 twice"][0], rng=1)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((2, 8, 11))
    found = maps.fit(X.T, Y.T, 4)
    component = maps.component([1])

    def residuals(theta):
        left, right = theta.reshape(2, 4, 2)
        return (component.matrix([(left.reshape(4, 2, 1), right.reshape(4, 1, 2))]) @ X - Y).ravel()

    runs = [least_squares(residuals, rng.standard_normal(16), xtol=1e-12) for _ in range(4)]
    assert np.isclose(found.distance, min(np.sqrt(2 * run.cost) for run in runs), rtol=1e-7)
    assert maps.component_of(found.matrix) == component


def test_means_by_orbits_elements_and_equations_agree():
    generators = as_generators([[2, -1, 3, 4], [1, 2, 4, 3]])
    dense = [g.matrix().astype(float) for g in generators]
    M = np.random.default_rng(0).standard_normal((4, 4))
    kinds = [groups._OrbitMean(generators), groups._ElementMean(groups._elements(dense)), groups._EquationMean(dense)]
    assert {kind.dimension for kind in kinds} == {naive.commutant_dimension(dense)}
    for kind in kinds:
        assert np.allclose(kind(M), naive.mean(naive.group(dense), M), atol=1e-13)
    assert len(groups._elements(dense)) == 8
    assert len(groups._elements(icosahedral())) == 60


def test_infinite_compact_groups():
    maps = equivariant_maps(direct_sum(turn(1.0), [[1]]), rng=1)
    assert [(block.multiplicity, block.cost, block.algebra) for block in maps.blocks] == [(1, 1, 1), (1, 2, 2)]
    with pytest.raises(ResourceError, match="too many to list"):
        equivariant_maps(random_coordinates([direct_sum(*[turn(1.0)] * 21)])[0])


def test_large_groups_of_permutations_need_no_listing():
    maps = equivariant_maps("(12)", [(tuple(range(1, 31)))], rng=1)
    assert [(block.multiplicity, block.cost) for block in maps.blocks] == [(1, 1), (1, 29)]
    assert maps.count(29) == maps.count(1) == 1
    assert maps.components(2).size == 0


def test_translations_of_images_in_both_directions():
    maps = equivariant_maps(image_translation(12), image_translation(12, axis=0), rng=1)
    assert maps.dimension == 144
    assert all(block.multiplicity == 1 for block in maps.blocks)
    assert sorted(block.algebra for block in maps.blocks) == [1] * 4 + [2] * 70
    M = np.random.default_rng(0).standard_normal((144, 144))
    found = maps.nearest(M, 20)
    for axis in (0, 1):
        sigma = image_translation(12, axis=axis)
        assert np.abs(sigma.apply(found.matrix) - found.matrix[:, sigma.images]).max() < 1e-12
    # Circulant matrices of circulant blocks: the two-dimensional Fourier transform has the singular values.
    kernel = maps.project(M)[:, 0].reshape(12, 12)
    values = np.sort(np.concatenate([np.repeat(v, b.cost) for v, b in zip(found.values, maps.blocks, strict=True)]))
    assert np.allclose(values, np.sort(np.abs(np.fft.fft2(kernel)).ravel()), atol=1e-12)


def test_orthogonal_form():
    tilted = np.array([[2.0, 1, 0], [0, 1, 1], [1, 0, 1]])
    given_ = [tilted @ g @ np.linalg.inv(tilted) for g in matrices(["(123)", "(12)"])]
    with pytest.raises(InputError, match="orthogonal_form"):
        equivariant_maps(*given_)
    S, changed = orthogonal_form(*given_)
    assert np.allclose(S, S.T)
    for g, h in zip(given_, changed, strict=True):
        assert np.allclose(h @ h.T, np.eye(3), atol=1e-14)
        assert np.allclose(S @ g, h @ S)
    maps = equivariant_maps(*changed, rng=1)
    assert maps.dimension == 2
    M = np.linalg.solve(S, maps.component([1, 1]).matrix(maps.component([1, 1]).random_factors(1)) @ S)
    assert all(np.allclose(g @ M, M @ g) for g in given_)
    with pytest.raises(InputError, match="infinite"):
        orthogonal_form(np.array([[1, 1], [0, 1]]))
    with pytest.raises(InputError, match="singular"):
        orthogonal_form(np.zeros((2, 2)))


def test_reading_generators():
    read = as_generators(["(12)", np.diag([1, -1, 1])])
    assert [type(g).__name__ for g in read] == ["SignedPermutation"] * 2
    assert [g.shape for g in as_generators(["(12)", icosahedral()[0]])] == [(3, 3)] * 2
    assert as_generators([np.eye(2)[::-1]])[0].cycle_type == {2: 1}
    signed = as_generators([[-2, 1]])[0]
    assert signed.matrix().tolist() == [[0, 1], [-1, 0]]
    assert as_generators([signed])[0] is signed
    for bad in (
        [],
        ["(123)", [2, 1]],
        ["(12)", np.eye(1)],
        [[-1, 1]],
        [[-1, 0]],
        [np.ones((2, 2))],
        [np.eye(2) * np.nan],
        [np.eye(2) * 1j],
        [np.zeros((0, 0))],
        [[[0, -1], [1, 0]]],
        ["rotation"],
    ):
        with pytest.raises(InputError):
            as_generators(bad)
    with pytest.raises(InputError):
        as_generators(["(123)"], 2)


def test_what_is_only_for_one_permutation_is_refused():
    maps = equivariant_maps(*GROUPS["dihedral on 3 x 3"][0], rng=1)
    with pytest.raises(InputError, match="single permutation"):
        equivariant_maps("(12)", "(23)", order="frequency")
    with pytest.raises(InputError, match="single permutation"):
        maps.component([1, 0, 0, 0]).weight_sharing("pixels")
    assert str(maps.ranks(np.eye(9, dtype=int)).evidence) == "numerical"


def test_same_seed_same_basis():
    first, second = (equivariant_maps(*GROUPS["Q8 and more"][0], rng=7) for _ in range(2))
    assert np.array_equal(first.base_change.matrix(), second.base_change.matrix())
    assert first.seed == second.seed == 7
    assert equivariant_maps("(12)").seed is None
    other = equivariant_maps(*GROUPS["Q8 and more"][0], rng=8)
    assert first.blocks == other.blocks


def test_unlucky_random_matrices_are_tried_again(monkeypatch):
    original, calls = isotypic._decomposed, []

    def unlucky(mean, generators, rng):
        calls.append(rng)
        if len(calls) < 3:
            raise isotypic._Unlucky("made up")
        return original(mean, generators, rng)

    monkeypatch.setattr(isotypic, "_decomposed", unlucky)
    assert isinstance(equivariant_maps("(12)", "(23)", rng=1).base_change, DenseBaseChange)
    assert len(calls) == 3
    monkeypatch.setattr(isotypic, "_GAP", 10.0)  # all eigenvalues count as equal: nothing is irreducible
    monkeypatch.setattr(isotypic, "_decomposed", original)
    with pytest.raises(GenericityError, match="irreducible"):
        equivariant_maps("(12)", "(23)", rng=1)

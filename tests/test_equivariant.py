"""Equivariance under one permutation: components, their networks, and membership."""

import pickle
import time
from fractions import Fraction
from math import comb, prod

import naive_equivariant as naive
import numpy as np
import pytest

import algeom as ag
from algeom.errors import InputError, ResourceError
from algeom.networks.equivariant.equivariant_maps import equivariant_maps
from algeom.networks.equivariant.groups import orthogonal_form
from algeom.networks.equivariant.permutations import image_rotation, image_translation, permutation

EXAMPLES = {
    "rotation of 3 x 3": image_rotation(3),
    "(134)(25)": permutation("(134)(25)"),
    "one cycle of 7": permutation([1, 2, 3, 4, 5, 6, 0]),
    "one cycle of 12": image_translation((1, 12)),
    "mixed": permutation("(12)(345)(6789)", n=10),
}


# Counts and the lazy sequence


def test_counts_of_the_examples():
    rotation = equivariant_maps(image_rotation(3))
    assert [rotation.count(r) for r in range(10)] == [1, 2, 4, 5, 6, 6, 5, 4, 2, 1]
    assert [rotation.count(r, "complex") for r in range(10)] == [1, 4, 10, 17, 22, 22, 17, 10, 4, 1]
    rotation = equivariant_maps(image_rotation(4))
    assert [rotation.count(r) for r in range(17)] == [1, 2, 4, 6, 9, 10, 12, 12, 13, 12, 12, 10, 9, 6, 4, 2, 1]
    small = equivariant_maps("(134)(25)")
    assert [small.count(r) for r in range(6)] == [1, 2, 3, 3, 2, 1]
    assert [small.count(r, "complex") for r in range(6)] == [1, 4, 7, 7, 4, 1]


@pytest.mark.parametrize(
    ("n", "r", "real", "complex_"),
    [
        (4, 3, 6, 20),
        (5, 4, 6, 70),
        (8, 10, 192, 19384),
        (14, 50, 4457439, 7819593903135),
        (28, 50, 24746213472, 438387092964838037944),
        (28, 99, 72425986088826, None),
    ],
)
def test_counts_of_translations_come_at_once(n, r, real, complex_):
    begin = time.process_time()
    maps = equivariant_maps(image_translation(n))
    assert maps.count(r) == real
    if complex_ is not None:
        assert maps.count(r, "complex") == complex_
    assert time.process_time() - begin < 1


def test_counts_are_coefficients_of_a_product():
    for n in (5, 8, 28):
        maps = equivariant_maps(image_translation(n))
        pairs = (n - 1) // 2
        real = naive.series([1] * (n - 2 * pairs) + [2] * pairs, [n] * (n - pairs))
        assert [maps.count(r) for r in range(0, n * n + 1, n)] == real[::n]
        assert [maps.count(r, "complex") for r in (0, n, 2 * n + 1)] == [
            naive.series([1] * n, [n] * n)[r] for r in (0, n, 2 * n + 1)
        ]


@pytest.mark.parametrize("name", ["rotation of 3 x 3", "(134)(25)", "one cycle of 7", "mixed"])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_components_against_enumeration(name, field):
    maps = equivariant_maps(EXAMPLES[name])
    for r in range(0, maps.n + 1, 2 if maps.n > 8 else 1):
        components = maps.components(r, field)
        costs = [block.cost for block in components.blocks]
        high = [block.multiplicity for block in components.blocks]
        expected = naive.rank_vectors(costs, high, r)
        assert [component.ranks for component in components] == expected
        assert len(components) == components.size == maps.count(r, field) == len(expected)
        assert all(component.rank == r for component in components)
        below = {c.ranks for found in maps.components_below(r, field) for c in found}
        assert below | set(expected) == set(naive.maximal_rank_vectors(costs, high, r))
        assert not below & set(expected)


def test_there_are_components_without_matrices_of_the_full_rank():
    maps = equivariant_maps("(123)")
    (below,) = maps.components_below(2)
    assert [component.ranks for component in below] == [(1, 0)]
    assert [component.ranks for component in maps.components(2)] == [(0, 1)]
    ones = np.ones((3, 3))
    assert maps.ranks(ones).rank == 1
    assert not maps.components(2)[0].contains(ones)
    assert maps.nearest(ones, 2).distance < 1e-14
    assert maps.nearest(ones, 2).component == below[0]
    assert maps.components_below(2, "complex") == ()


def test_long_sequences_are_lazy():
    components = equivariant_maps(image_translation(28), order="frequency").components(99)
    size = 72425986088826
    assert components.size == len(components) == size
    for k in (0, 1, 10**12, size - 1):
        component = components[k]
        assert components.index(component) == k
        assert component in components
        assert component.ranks in components
        assert component.rank == 99
    assert components[-1] == components[size - 1]
    part = components[10**6 : -5 : 10**9]
    assert part.size == len(range(10**6, size - 5, 10**9))
    assert part[3] == components[10**6 + 3 * 10**9]
    assert part.index(part[3]) == 3
    assert components[1] not in part
    assert part[1:][0] == part[1]
    assert next(reversed(components)) == components[-1]
    assert components[:3].count(components[2]) == 1
    assert components[:2].count(components[2]) == 0
    with pytest.raises(IndexError):
        components[size]
    with pytest.raises(InputError):
        components["first"]
    with pytest.raises(ValueError, match="none of these"):
        components.index(components[0], 1)
    assert (99,) not in components
    assert "text" not in components
    assert not components[5:5]
    huge = equivariant_maps(image_translation(28)).components(50, "complex")
    assert huge.size == 438387092964838037944
    for count in (len, list):
        with pytest.raises(ResourceError, match="ask for size"):
            count(huge)
    assert huge.index(huge[10**20]) == 10**20


# Components


def test_components_of_the_rotation_of_3_x_3():
    found = {
        component.ranks: (component.dimension, component.degree, component.ed_degree)
        for component in equivariant_maps(image_rotation(3)).components(3)
    }
    assert found == {
        (3, 0, 0): (9, 1, 1),
        (2, 1, 0): (11, 6, 6),
        (1, 2, 0): (9, 6, 3),
        (1, 0, 1): (11, 24, 6),
        (0, 1, 1): (9, 8, 4),
    }


def test_component_of_28_x_28_translations():
    maps = equivariant_maps(image_translation(28), order="frequency")
    labels = [(1, 1), (28, 27), (14, 13), (28, 25), (7, 6), (28, 23), (14, 11), (4, 3), (7, 5), (28, 19), (14, 9)]
    assert [block.label for block in maps.blocks] == [*labels, (28, 17), (7, 4), (28, 15), (2, 1)]
    ranks = (13, 10, 9, 8, 7, 5, 3, 1)
    component = maps.component(dict(zip(labels, ranks, strict=False)))
    assert component.rank == 99
    assert component.n_parameters == 5544
    assert component.n_dense_parameters == 155232
    assert component.dimension == 4717
    assert component.ed_degree == 112592629202101723381078758729183160320000000 == prod(comb(28, r) for r in ranks)
    gauge = sum(r * r * (1 if b == 0 else 2) for b, r in enumerate(ranks))
    assert component.dimension == component.n_parameters - gauge
    # Base change and shared weights: the network commutes with the shift.
    sharing = component.weight_sharing()
    assert sharing.n_weights == 5544
    decoder, encoder = sharing.layers(np.random.default_rng(0).standard_normal(5544))
    change = maps.base_change
    M = change.apply_transpose(decoder) @ change.apply_transpose(encoder.T).T
    sigma = image_translation(28)
    assert np.abs(sigma.apply(M) - M[:, sigma.images]).max() < 1e-12
    assert np.linalg.matrix_rank(M) == 99
    assert maps.component_of(M) == component
    shown = repr(component)
    assert "dimension 4717" in shown
    assert "about 10^" in shown


@pytest.mark.parametrize("name", ["rotation of 3 x 3", "(134)(25)", "mixed"])
@pytest.mark.parametrize("field", ["real", "complex"])
def test_parametrizations_reach_their_components(name, field):
    maps = equivariant_maps(EXAMPLES[name])
    P = EXAMPLES[name].matrix()
    for component in maps.components(min(4, maps.n), field)[::2]:
        factors = component.random_factors(3)
        M = component.matrix(factors)
        assert M.dtype == (np.float64 if field == "real" else np.complex128)
        assert np.abs(P @ M - M @ P).max() < 1e-13
        assert np.linalg.matrix_rank(M, tol=1e-9) == component.rank
        labels = [block.label for block in component.blocks]
        assert naive.ranks_on_eigenspaces(P, labels, M) == component.ranks
        assert component.contains(M)
        if field == "real":
            decoder, encoder = component.layers(factors)
            assert decoder.shape == (maps.n, component.rank)
            assert np.allclose(decoder @ encoder, M, atol=1e-13)
            assert maps.component_of(M) == component
            # Parameters over R: the rank of the Jacobian of the product is the dimension.
            assert ag.dimension(component.polynomial_map(), rng=1).value == component.dimension


@pytest.mark.parametrize("coordinates", ["blocks", "pixels"])
@pytest.mark.parametrize("ranks", [(1, 0, 1), (2, 1, 1), (0, 2, 2), (3, 0, 0)])
def test_shared_weights_give_exactly_the_component(coordinates, ranks):
    maps = equivariant_maps(image_rotation(3))
    component = maps.component(ranks)
    sharing = component.weight_sharing(coordinates)
    assert sharing.n_weights == component.n_parameters
    assert set(np.abs(np.concatenate([sharing.encoder.ravel(), sharing.decoder.ravel()]))) - {0} == set(
        range(1, sharing.n_weights + 1)
    )
    weights = np.random.default_rng(1).standard_normal(sharing.n_weights)
    decoder, encoder = sharing.layers(weights)
    M = decoder @ encoder
    if coordinates == "blocks":
        M = maps.base_change.apply_transpose(maps.base_change.apply_transpose(M).T).T
    assert maps.component_of(M) == component
    with pytest.raises(InputError):
        sharing.layers(weights[:-1])
    with pytest.raises(InputError):
        sharing.layers(weights * np.nan)


def test_weights_are_not_shared_where_coefficients_are_irrational():
    maps = equivariant_maps("(123)")
    with pytest.raises(InputError, match="irrational"):
        maps.component([0, 1]).weight_sharing("pixels")
    assert maps.component([1, 0]).weight_sharing("pixels").encoder.tolist() == [[1, 1, 1]]
    with pytest.raises(InputError, match="zero"):
        maps.component([0, 0]).weight_sharing()
    with pytest.raises(InputError):
        maps.component([1, 1, 0], "complex").weight_sharing()
    with pytest.raises(InputError):
        maps.component([1, 0]).weight_sharing("fourier")


def test_singular_locus():
    maps = equivariant_maps(image_rotation(3))
    component = maps.component([2, 2, 1])
    assert [lower.ranks for lower in component.singular_locus] == [(1, 2, 1), (2, 2, 0)]
    # Lower ranks where the rank is full are no singularities: linear spaces are smooth.
    assert maps.component([3, 0, 0]).is_linear
    assert maps.component([3, 0, 0]).singular_locus == ()
    # The tangent space, from the parametrization, has the dimension of the component at points of given ranks exactly
    # if they are smooth; at the others all parametrizations are singular.
    rng = np.random.default_rng(0)
    phi = component.polynomial_map()

    def jacobian_rank(lower):
        theta = []
        for _name, shape in phi.parameter_shapes.items():
            block = rng.standard_normal(shape)
            theta.append(block)
        theta = dict(zip(phi.parameter_shapes, theta, strict=True))
        for b in lower:
            # The last column of A and the last row of B vanish.
            theta[f"A{b + 1}"][..., -1] = 0
            if f"B{b + 1}" in theta:
                theta[f"B{b + 1}"][:, -1, :] = 0
        vector = np.concatenate([block.ravel() for block in theta.values()])
        return np.linalg.matrix_rank(phi.jacobian(vector))

    assert jacobian_rank([]) == component.dimension == jacobian_rank([1])
    assert jacobian_rank([0]) < component.dimension
    assert jacobian_rank([2]) < component.dimension


@pytest.mark.parametrize(
    "ranks",
    [
        (1, 0, 1),
        (0, 1, 1),
        pytest.param((2, 1, 0), marks=pytest.mark.slow),
        pytest.param((1, 2, 0), marks=pytest.mark.slow),
    ],
)
def test_engine_finds_degree_and_ed_degree(ranks):
    component = equivariant_maps(image_rotation(3)).component(ranks)
    phi = component.polynomial_map()
    assert ag.degree(phi, rng=1).value == component.degree
    assert ag.ed_degree(phi, component.frobenius_weights(), rng=1).value == component.ed_degree


def test_engine_finds_the_ed_degree_of_realized_complex_matrices():
    component = equivariant_maps("(123)(456)").component({(3, 2): 1})
    phi = component.polynomial_map()
    assert phi.n_coordinates == 8
    assert ag.ed_degree(phi, rng=1).value == component.ed_degree == 2
    assert ag.degree(phi, rng=1).value == component.degree == 4


def test_ed_degree_of_complex_components_vanishes_unless_they_are_real():
    maps = equivariant_maps("(123)(456)")
    for ranks, expected in [((1, 1, 1), 4), ((1, 1, 0), 0), ((0, 2, 1), 0), ((0, 1, 1), 2), ((1, 0, 0), 2)]:
        assert maps.component(ranks, "complex").ed_degree == expected


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [(0, 1, 0), (0, 1, 1), (1, 1, 0)])
def test_engine_finds_the_ed_degree_of_complex_components(ranks):
    component = equivariant_maps("(123)(456)").component(ranks, "complex")
    phi, form = component.polynomial_map(), component.frobenius_weights()
    assert ag.dimension(phi, rng=1).value == component.dimension
    assert ag.degree(phi, rng=1).value == component.degree
    assert ag.ed_degree(phi, form, indefinite=True, rng=1).value == component.ed_degree


def test_frobenius_form_is_that_of_the_matrices():
    maps = equivariant_maps(image_rotation(3))
    for field, ranks in (("real", (1, 1, 1)), ("complex", (1, 1, 1, 2))):
        component = maps.component(ranks, field)
        M = component.matrix(component.random_factors(1))
        coordinates = maps.base_change.coordinates(M)
        form = component.frobenius_weights()
        if field == "real":
            y = np.concatenate([part.ravel() for part in coordinates])
            assert np.isclose(np.sum(form * y * y), np.trace(M @ M.T))
        else:
            from algeom.networks.equivariant.blocks import split

            y = np.concatenate([block.ravel() for part in coordinates for block in split(part)])
            assert np.isclose(y @ form @ y, 2 * np.trace(M @ M.T))


# Membership


def test_exact_membership():
    maps = equivariant_maps(image_rotation(3))
    P = image_rotation(3).matrix()
    powers = [np.linalg.matrix_power(P, k) for k in range(4)]
    found = maps.ranks(sum(powers))
    assert (found.ranks, found.rank, found.is_equivariant) == ((3, 0, 0), 3, True)
    assert str(found.evidence) == "proved"
    assert maps.ranks(powers[0] + powers[2]).ranks == (3, 2, 0)
    assert maps.ranks([[Fraction(int(x), 3) for x in row] for row in powers[0] - powers[2]]).ranks == (0, 0, 2)
    almost = np.array(powers[1], dtype=object)
    almost[0, 0] = Fraction(1, 10**30)
    assert not maps.ranks(almost).is_equivariant
    assert maps.ranks(np.array(almost, dtype=float)).is_equivariant
    assert maps.ranks(np.zeros((9, 9), dtype=int)).ranks == (0, 0, 0)
    assert maps.ranks(np.zeros((9, 9))).ranks == (0, 0, 0)


@pytest.mark.parametrize("name", ["(134)(25)", "one cycle of 12", "mixed"])
def test_exact_ranks_are_those_on_eigenspaces(name):
    sigma = EXAMPLES[name]
    maps, P = equivariant_maps(sigma), sigma.matrix()
    rng = np.random.default_rng(2)
    elements = [np.linalg.matrix_power(P, k).astype(int) for k in range(sigma.order)]
    # Products with factors of the cyclotomic kind have small ranks.
    factors = [elements[0], elements[0] - elements[1], elements[0] + elements[1], sum(elements[:3])]
    for trial in range(6):
        A = rng.integers(-2, 3, size=(sigma.n, sigma.n))
        M = sum(g @ A @ g.T for g in elements) @ factors[trial % 4]
        exact = maps.ranks(M, "complex")
        labels = [block.label for block in exact.blocks]
        assert exact.ranks == naive.ranks_on_eigenspaces(P, labels, M.astype(float))
        assert exact.rank == np.linalg.matrix_rank(M.astype(float))
        assert maps.ranks(M.astype(float), "complex").ranks == exact.ranks


def test_membership_of_matrices_that_are_not_equivariant():
    maps = equivariant_maps(image_rotation(3))
    M = maps.component([1, 0, 1]).matrix(maps.component([1, 0, 1]).random_factors(1))
    noisy = M + 1e-6 * np.random.default_rng(0).standard_normal(M.shape)
    assert not maps.ranks(noisy).is_equivariant
    assert not maps.component([1, 0, 1]).contains(noisy)
    with pytest.raises(InputError, match="project"):
        maps.component_of(noisy)
    assert maps.component_of(noisy, tolerance=1e-4).ranks == (1, 0, 1)
    assert maps.component([1, 0, 1]).contains(noisy, tolerance=1e-4)
    found = maps.ranks(noisy, tolerance=1e-4)
    assert found.gap[0] > 1e-2
    assert found.gap[1] < 1e-5
    assert "not equivariant" in repr(maps.ranks(noisy))


# Refusals


@pytest.mark.parametrize("ranks", [1, None, 1.5, np.array(1), "text"])
def test_ranks_that_are_no_sequence_are_refused(ranks):
    with pytest.raises(InputError, match=r"sequence|were given for 2 blocks"):
        equivariant_maps("(123)").component(ranks)


def test_ragged_and_huge_entries_are_refused():
    maps = equivariant_maps("(123)")
    component, shared = maps.component([1, 1]), maps.component([1, 1]).weight_sharing()
    ragged, square = [[1, 2, 3], [4, 5], [6]], np.eye(3)
    verbs = [
        maps.project,
        maps.ranks,
        maps.component_of,
        component.contains,
        component.nearest,
        lambda M: maps.nearest(M, 1),
        lambda M: maps.nearest(square, 1, gram=M),
        lambda M: maps.fit(M, square, 1),
        lambda M: maps.fit(square, M, 1),
        orthogonal_form,
    ]
    for verb in verbs:
        with pytest.raises(InputError, match="rows of equal length"):
            verb(ragged)
        for size in (1e200, 1e308):
            with pytest.raises(InputError, match="overflow"):
                verb(np.full((3, 3), size))
    for verb in (component.matrix, component.layers, component.coordinates):
        for factors in (1, None, [1, 2], [[1, 2, 3]] * 2, [(ragged, ragged)] * 2):
            with pytest.raises(InputError, match=r"pairs|equal length"):
                verb(factors)
    with pytest.raises(InputError, match="equal length"):
        shared.layers(ragged)
    with pytest.raises(InputError, match="double precision"):
        maps.nearest([[10**400] * 3] * 3, 1)
    # Integers are decided exactly, whatever their size.
    assert maps.ranks([[10**400] * 3] * 3).rank == 1
    with pytest.raises(InputError, match="no permutation"):
        orthogonal_form(1)
    components = maps.components(1)
    for part in (slice("a", None), slice(1.5), slice(None, None, 0)):
        with pytest.raises(InputError, match="slice"):
            components[part]


def test_bad_arguments_are_refused():
    maps = equivariant_maps(image_rotation(3))
    component = maps.component([1, 0, 1])
    square = np.zeros((9, 9))
    bad = square.copy()
    bad[0, 0] = np.nan
    for call in (
        lambda: maps.components(-1),
        lambda: maps.components(10),
        lambda: maps.components(2.0),
        lambda: maps.components(2, "rational"),
        lambda: maps.component([1, 0]),
        lambda: maps.component([4, 0, 0]),
        lambda: maps.component([-1, 0, 0]),
        lambda: maps.component({(3, 1): 1}),
        lambda: maps.nearest(square, -1),
        lambda: maps.nearest(square, 10),
        lambda: maps.nearest(bad, 1),
        lambda: maps.nearest(np.zeros((8, 9)), 1),
        lambda: maps.nearest(square * 1j, 1),
        lambda: maps.nearest("matrix", 1),
        lambda: maps.nearest(square, 1, gram=-np.eye(9)),
        lambda: maps.nearest(square, 1, gram=np.triu(np.ones((9, 9)))),
        lambda: maps.nearest(square, 1, gram=np.eye(8)),
        lambda: maps.nearest(square, 1, gram=bad),
        lambda: maps.fit(np.zeros((2, 9)), np.zeros((3, 9)), 1),
        lambda: maps.fit(np.zeros((0, 9)), np.zeros((0, 9)), 1),
        lambda: maps.fit(np.zeros((2, 8)), np.zeros((2, 9)), 1),
        lambda: maps.project(bad),
        lambda: maps.project(np.zeros(9)),
        lambda: maps.ranks(bad),
        lambda: maps.ranks(np.zeros((9, 8))),
        lambda: maps.ranks(square * 1j),
        lambda: maps.ranks(square, tolerance=-1),
        lambda: maps.ranks([["a"] * 9] * 9),
        lambda: maps.base_change.apply(np.zeros(8)),
        lambda: component.matrix([]),
        lambda: component.matrix([(np.zeros((3, 1)), np.zeros((1, 3)))]),
        lambda: component.matrix([(np.zeros((3, 1)), np.zeros((1, 3))), (np.zeros((2, 2)), np.zeros((1, 2)))]),
        lambda: component.matrix([(np.full((3, 1), np.inf), np.zeros((1, 3))), (np.zeros((2, 1)), np.zeros((1, 2)))]),
        lambda: component.matrix([(np.zeros((3, 1)) * 1j, np.zeros((1, 3))), (np.zeros((2, 1)), np.zeros((1, 2)))]),
        lambda: maps.component([0, 0, 0]).polynomial_map(),
        lambda: maps.component([1, 0, 0, 1], "complex").layers([]),
        lambda: equivariant_maps(),
        lambda: equivariant_maps("(12)", n=1),
        lambda: equivariant_maps("(12)", order="spectral"),
        lambda: equivariant_maps([2, 1], [2, 3, 1]),
        lambda: equivariant_maps(np.full((2, 2), np.nan)),
    ):
        with pytest.raises(InputError):
            call()


def test_results_print_what_they_are():
    maps = equivariant_maps(image_rotation(3))
    assert "dimension 21" in repr(maps)
    assert repr(maps.components(3)) == "EquivariantComponents(5 real components of rank 3; 3 blocks)"
    assert repr(maps.base_change) == "CyclicBaseChange(n=9, 3 blocks)"
    found = maps.nearest(np.arange(81.0).reshape(9, 9), 2)
    assert "NearestEquivariant(rank" in repr(found)
    assert "Eckart-Young" in str(found)
    assert hash(maps.component([1, 0, 1])) == hash(maps.component([1, 0, 1]))
    assert maps.component([1, 0, 1]) != maps.component([1, 0, 0])
    again = equivariant_maps(image_rotation(3))
    assert again.component([1, 0, 1]) == maps.component([1, 0, 1])
    assert again.component([1, 0, 1]) in maps.components(3)
    other = equivariant_maps(image_rotation(3, turns=-1))
    assert other.component([1, 0, 1]) != maps.component([1, 0, 1])
    assert pickle.loads(pickle.dumps(again.component([1, 0, 1]))) == maps.component([1, 0, 1])
    assert maps.component([1, 0, 1]) != "component"
    assert maps.components(3)[0].ed_degree == comb(3, 3)


def test_drawing_of_shared_weights():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from algeom import plot

    small = equivariant_maps(image_rotation(3)).component([1, 0, 1]).weight_sharing()
    ax = small.plot()
    texts = [text.get_text() for text in ax.texts]
    assert "14 weights instead of 54, in the coordinates of the base change; blue: +, gray: −" in texts
    assert {"−6", "14"} <= set(texts)
    assert len(ax.images) == 2
    white = ax.images[1].get_array()[0, -1]
    assert np.all(white == 1)
    large = equivariant_maps(image_translation(12)).component({(1, 1): 3, (12, 11): 2}).weight_sharing()
    assert len(plot.weight_sharing(large, ax=pyplot.subplots()[1]).texts) == 3
    with pytest.raises(InputError):
        plot.weight_sharing(np.eye(2))
    pyplot.close("all")

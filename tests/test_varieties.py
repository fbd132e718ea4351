import re
from fractions import Fraction
from itertools import combinations, permutations, product

import numpy as np
import pytest
from naive_catalogue import random_integers, rank, values

from algeom import varieties as v
from algeom.errors import InputError
from algeom.maps.relabelling import generating_set
from algeom.varieties._cones import image_is_cone

MAPS = {
    "segre": lambda: v.segre(1, 1, 1, 1),
    "segre, unequal": lambda: v.segre(2, 1, 2),
    "segre, one factor": lambda: v.segre(2),
    "veronese": lambda: v.veronese(2, 3),
    "segre_veronese": lambda: v.segre_veronese([1, 1, 2], [2, 2, 1]),
    "segre_veronese, high degree": lambda: v.segre_veronese([1, 1], [11, 2]),
    "determinantal": lambda: v.determinantal(3, 3, 2),
    "determinantal, oblong": lambda: v.determinantal(2, 4, 1),
    "symmetric_determinantal": lambda: v.symmetric_determinantal(4, 2),
    "skew_determinantal": lambda: v.skew_determinantal(6, 2),
    "grassmannian 2": lambda: v.grassmannian(2, 5),
    "grassmannian 3": lambda: v.grassmannian(3, 7),
    "grassmannian 4": lambda: v.grassmannian(4, 6),
    "secant": lambda: v.secant(2, v.segre(1, 1, 2)),
    "secant, scaled": lambda: v.secant(2, v.independence_model(2, 2, 2)),
    "join": lambda: v.join(v.segre(1, 1), v.determinantal(2, 2, 1)),
    "hadamard_product": lambda: v.hadamard_product(v.segre(1, 1), v.segre(1, 1)),
    "rational_normal_curve": lambda: v.rational_normal_curve(12),
    "rational_normal_scroll": lambda: v.rational_normal_scroll(1, 2, 2, 0),
    "discriminant": lambda: v.discriminant(1, 4),
    "discriminant, ternary": lambda: v.discriminant(2, 3),
    "coincident_root_locus": lambda: v.coincident_root_locus(2, 1, 1),
    "resultant": lambda: v.resultant(2, 3),
    "resultant, three": lambda: v.resultant(2, 2, 1),
    "factor_analysis": lambda: v.factor_analysis(5, 2),
    "gaussian_graphical": lambda: v.gaussian_graphical(4, [(1, 2), (2, 3), (3, 4), (4, 1)]),
    "gaussian_graphical, inverse": lambda: v.gaussian_graphical(4, [(1, 2), (2, 3), (2, 4)], inverse=True),
    "gaussian_graphical, no edges": lambda: v.gaussian_graphical(3, []),
    "gaussian_mixed_graph": lambda: v.gaussian_mixed_graph(4, [(1, 2), (1, 3), (2, 4), (3, 4)], [(2, 3)]),
    "gaussian_mixed_graph, cyclic": lambda: v.gaussian_mixed_graph(3, [(1, 2), (2, 3), (3, 1)]),
    "independence_model": lambda: v.independence_model(2, 3, 3),
    "mixture_model": lambda: v.mixture_model((2, 3, 3), 2),
    "cfn_tree": lambda: v.cfn_tree("12|34", "13|24"),
    "cfn_tree, five leaves": lambda: v.cfn_tree("12|345,123|45"),
    "jukes_cantor_tree": lambda: v.jukes_cantor_tree("12|34"),
    "jukes_cantor_tree, mixture": lambda: v.jukes_cantor_tree("12|34", "13|24", "14|23"),
    "kimura2_tree": lambda: v.kimura2_tree("12|34", "12|34"),
    "kimura3_tree": lambda: v.kimura3_tree("12|34"),
    "kimura3_tree, star": lambda: v.kimura3_tree("1|2|3"),
    "split_forms": lambda: v.split_forms(2, (2, 1)),
    "chow_variety": lambda: v.chow_variety(2, 3),
}


@pytest.mark.parametrize("name", MAPS)
def test_declared_symmetries_hold_and_names_can_be_exported(name):
    phi = MAPS[name]()
    theta = random_integers(phi.n_parameters, seed=name)
    y = values(phi, theta)
    assert len(y) == phi.n_coordinates == len(set(phi.names))
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", coordinate) for coordinate in phi.names)
    for tau, sigma in phi.symmetries:
        assert sorted(tau) == list(range(phi.n_parameters))
        assert sorted(sigma) == list(range(phi.n_coordinates))
        moved = values(phi, [theta[i] for i in tau])
        assert moved == [y[i] for i in sigma]
        assert list(tau) != list(range(len(tau))) or list(sigma) != list(range(len(sigma)))


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("segre", 2**4 * 24),
        ("segre, unequal", 6 * 2 * 6 * 2),
        ("veronese", 6),
        ("determinantal", 6 * 6 * 2),
        ("symmetric_determinantal", 24),
        ("grassmannian 3", 14),
        ("factor_analysis", 120),
        ("gaussian_graphical", 8),
        ("cfn_tree", 8),
        ("jukes_cantor_tree", 8),
        ("jukes_cantor_tree, mixture", 24),
        ("kimura3_tree, star", 6 * 6),
        ("split_forms", 6),
    ],
)
def test_declared_symmetries_generate_the_whole_group(name, order):
    phi = MAPS[name]()
    generators = {tuple(sigma.tolist()) for _, sigma in phi.symmetries}
    group = {tuple(range(phi.n_coordinates))}
    frontier = set(group)
    while frontier:
        frontier = {tuple(g[i] for i in h) for g in frontier for h in generators} - group
        group |= frontier
    assert len(group) == order


def test_generating_set_needs_few_elements():
    assert len(generating_set(permutations(range(5)))) <= 4
    assert generating_set([(0, 1, 2)]) == []


def test_segre_is_the_outer_product():
    phi = v.segre(1, 2)
    assert values(phi, [2, 3, 5, 7, 11]) == [10, 14, 22, 15, 21, 33]


def test_veronese_lists_monomials_by_exponents():
    phi = v.veronese(2, 2)
    assert dict(zip(phi.names, values(phi, [2, 3, 5]), strict=True)) == {
        "y200": 4, "y110": 6, "y101": 10, "y020": 9, "y011": 15, "y002": 25,
    }  # fmt: skip


@pytest.mark.parametrize(("k", "n"), [(1, 4), (2, 5), (3, 6), (4, 6)])
def test_grassmannian_lists_determinants(k, n):
    phi = v.grassmannian(k, n)
    theta = random_integers(k * n, seed=k)
    X = np.array([[float(theta[i * n + j]) for j in range(n)] for i in range(k)])
    expected = [np.linalg.det(X[:, list(columns)]) for columns in combinations(range(n), k)]
    np.testing.assert_allclose([float(y) for y in values(phi, theta)], expected, rtol=1e-9, atol=1e-6)


def test_determinantal_matrices_have_the_rank():
    y = values(v.determinantal(4, 5, 2), random_integers(18, seed=1))
    assert rank([[y[5 * i + j] for j in range(5)] for i in range(4)]) == 2
    phi = v.symmetric_determinantal(4, 2)
    y = dict(zip(phi.names, values(phi, random_integers(8, seed=9)), strict=True))
    assert rank([[y[f"y{min(i, j)}{max(i, j)}"] for j in range(1, 5)] for i in range(1, 5)]) == 2
    phi = v.skew_determinantal(6, 2)
    y = dict(zip(phi.names, values(phi, random_integers(24, seed=2)), strict=True))
    skew = [[0] * 6 for _ in range(6)]
    for i, j in combinations(range(6), 2):
        skew[i][j] = y[f"y{i + 1}{j + 1}"]
        skew[j][i] = -skew[i][j]
    assert rank(skew) == 4


def test_secant_adds_points_of_the_cone():
    phi = v.secant(3, v.rational_normal_curve(4))
    assert phi.n_parameters == 6
    assert values(phi, [1, 1, 1, 2, 1, 0]) == [3, 3, 5, 9, 17]
    scaled = v.secant(2, v.independence_model(2, 2))
    assert scaled.n_parameters == 6
    half = Fraction(1, 2)
    assert values(scaled, [half, half, half, half, 3, 5]) == [2, 2, 2, 2]


def test_secants_of_anything_have_the_expected_dimension_of_terracini():
    from algeom.maps import polynomial_map

    plane_curve = polynomial_map(lambda t: [t[0], t[0] ** 2, t[0] ** 3, t[0] ** 4], n_parameters=1)
    assert not image_is_cone(plane_curve)
    assert v.secant(2, plane_curve).n_parameters == 4


def test_cones_are_recognized():
    assert image_is_cone(v.factor_analysis(4, 1))  # homogeneous in weights only
    assert image_is_cone(v.discriminant(2, 2))
    assert image_is_cone(v.gaussian_graphical(3, [(1, 2)], inverse=True))
    assert not image_is_cone(v.mixture_model((2, 2, 2), 1))


def test_join_and_hadamard_product():
    phi = v.join(v.segre(1, 1), v.rational_normal_curve(3))
    assert values(phi, [1, 2, 3, 4, 1, 2]) == [4, 6, 10, 16]
    phi = v.hadamard_product(v.segre(1, 1), v.rational_normal_curve(3))
    assert values(phi, [1, 2, 3, 4, 1, 2]) == [3, 8, 24, 64]
    with pytest.raises(InputError, match="4 and 5 coordinates"):
        v.join(v.segre(1, 1), v.rational_normal_curve(4))


def test_discriminant_forms_are_singular():
    n, d = 2, 3
    phi = v.discriminant(n, d)
    theta = random_integers(phi.n_parameters, seed=3)
    point = [Fraction(1), theta[0], theta[1]]
    form = {tuple(map(int, name[1:])): y for name, y in zip(phi.names, values(phi, theta), strict=True)}
    for i in range(n + 1):
        derivative = Fraction(0)
        for exponent, coefficient in form.items():
            if exponent[i]:
                term = coefficient * exponent[i]
                for j, power in enumerate(exponent):
                    term *= point[j] ** (power - (i == j))
                derivative += term
        assert derivative == 0


def test_coincident_root_locus_and_resultant_share_roots():
    y = values(v.coincident_root_locus(2, 2), [1, 1, 2, 3])  # (s + 2t)^2 (s + 3t)^2
    assert y == [1, 10, 37, 60, 36]
    phi = v.resultant(2, 3)
    f = values(phi, random_integers(7, seed=4))
    root, first, second = random_integers(7, seed=4)[:2], f[:3], f[3:]
    s, t = -root[1], root[0]
    for form in (first, second):
        d = len(form) - 1
        assert sum(c * s ** (d - i) * t**i for i, c in enumerate(form)) == 0


def test_factor_analysis_adds_the_specific_variances():
    assert values(v.factor_analysis(2, 1), [2, 3, 10, 20]) == [14, 6, 29]


def upper_to_matrix(phi, y, n):
    entry = dict(zip(phi.names, y, strict=True))
    return [[entry[f"s{min(i, j)}{max(i, j)}"] for j in range(1, n + 1)] for i in range(1, n + 1)]


@pytest.mark.parametrize("inverse", [False, True])
def test_gaussian_graphical_inverts_the_concentration_matrix(inverse):
    edges = [(1, 2), (2, 3), (4, 2), (1, 4)]
    phi = v.gaussian_graphical(4, edges, inverse=inverse)
    theta = random_integers(8, seed=5)
    K = [[theta[i] if i == j else Fraction(0) for j in range(4)] for i in range(4)]
    for (i, j), k in zip(edges, theta[4:], strict=True):
        K[i - 1][j - 1] = K[j - 1][i - 1] = k
    S = upper_to_matrix(phi, values(phi, theta), 4)
    identity = [[sum(K[i][k] * S[k][j] for k in range(4)) for j in range(4)] for i in range(4)]
    scale = identity[0][0]
    assert scale != 0
    assert scale == 1 or not inverse
    assert identity == [[scale if i == j else 0 for j in range(4)] for i in range(4)]


@pytest.mark.parametrize("directed", [[(1, 2), (1, 3), (2, 4), (3, 4)], [(1, 2), (2, 3), (3, 1), (3, 4)]])
def test_gaussian_mixed_graph_solves_the_structural_equations(directed):
    bidirected = [(2, 3), (4, 1)]
    phi = v.gaussian_mixed_graph(4, directed, bidirected)
    theta = random_integers(10, seed=6)
    L = [[Fraction(0)] * 4 for _ in range(4)]
    omega = [[theta[i] if i == j else Fraction(0) for j in range(4)] for i in range(4)]
    for (i, j), value in zip(directed, theta[4:8], strict=True):
        L[i - 1][j - 1] = value
    for (i, j), value in zip(bidirected, theta[8:], strict=True):
        omega[i - 1][j - 1] = omega[j - 1][i - 1] = value
    S = upper_to_matrix(phi, values(phi, theta), 4)
    I_L = [[Fraction(i == j) - L[i][j] for j in range(4)] for i in range(4)]
    left = [[sum(I_L[k][i] * S[k][j] for k in range(4)) for j in range(4)] for i in range(4)]
    assert [[sum(left[i][k] * I_L[k][j] for k in range(4)) for j in range(4)] for i in range(4)] == omega


def test_acyclic_graphs_give_polynomials_and_cyclic_ones_rational_functions():
    acyclic = v.gaussian_mixed_graph(3, [(1, 2), (2, 3)])
    cyclic = v.gaussian_mixed_graph(3, [(1, 2), (2, 3), (3, 1)])
    assert all(denominator == 0 for _, denominator in acyclic.tape.degree_bounds())
    assert any(denominator > 0 for _, denominator in cyclic.tape.degree_bounds())


def test_probabilities_sum_to_one():
    for phi in (v.independence_model(2, 3), v.mixture_model((2, 2, 3), 3)):
        assert sum(values(phi, random_integers(phi.n_parameters, seed=7))) == 1
    third = Fraction(1, 3)
    assert values(v.independence_model(2, 2), [third, third]) == [third**2, 2 * third**2, 2 * third**2, 4 * third**2]
    assert values(v.mixture_model((2,), 2), [third, 1, 0]) == [third, 2 * third]


@pytest.mark.parametrize(
    ("family", "classes", "n_coordinates"),
    [
        (v.cfn_tree, (0, 1), 8),
        (v.jukes_cantor_tree, (0, 1, 1, 1), 15),
        (v.kimura2_tree, (0, 1, 2, 2), 36),
        (v.kimura3_tree, (0, 1, 2, 3), 64),
    ],
)
def test_mixtures_of_quartets_in_fourier_coordinates(family, classes, n_coordinates):
    trees = [[(0,), (1,), (2,), (3,), (0, 1)], [(0,), (1,), (2,), (3,), (0, 2)]]
    phi = family("12|34", "13|24")
    k = max(classes) + 1
    theta = random_integers(10 * k, seed=8)
    assert phi.n_parameters == 10 * k
    y = values(phi, theta)
    expected = set()
    for label in product(range(len(classes)), repeat=4):
        if label[0] ^ label[1] ^ label[2] ^ label[3]:
            continue
        total = Fraction(0)
        for number, splits in enumerate(trees):
            term = Fraction(1)
            for edge, side in enumerate(splits):
                element = 0
                for leaf in side:
                    element ^= label[leaf]
                term *= theta[5 * k * number + k * edge + classes[element]]
            total += term
        expected.add(total)
        name = "q" + "".join(map(str, label))
        if name in phi.names:
            assert y[phi.names.index(name)] == total
    assert set(y) == expected
    assert len(y) == n_coordinates


def test_split_forms_multiply():
    phi = v.split_forms(1, (1, 2))
    assert values(phi, [1, 2, 3, 4, 5]) == [3, 10, 13, 10]
    assert v.chow_variety(2, 2).names == v.split_forms(2, [1, 1]).names


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: v.segre(), "give the projective dimensions"),
        (lambda: v.segre(1, 0), r"dims\[1\] is 0; give an integer at least 1"),
        (lambda: v.segre(1, 1.0), r"dims\[1\] is 1.0; give an integer"),
        (lambda: v.veronese(2, 0), "d is 0"),
        (lambda: v.segre_veronese([1, 2], [1]), "one degree for each factor"),
        (lambda: v.determinantal(3, 4, 4), "from 1 to 3"),
        (lambda: v.symmetric_determinantal(3, 4), "from 1 to 3"),
        (lambda: v.skew_determinantal(5, 3), "from 1 to 2"),
        (lambda: v.grassmannian(5, 5), "from 1 to 4"),
        (lambda: v.secant(0, v.segre(1, 1)), "k is 0"),
        (lambda: v.hadamard_product(v.segre(1), v.segre(2)), "2 and 3 coordinates"),
        (lambda: v.rational_normal_curve(True), "d is True"),
        (lambda: v.rational_normal_scroll(), "at least one"),
        (lambda: v.rational_normal_scroll(0, 0), "all degrees"),
        (lambda: v.rational_normal_scroll(1, -1), "at least 0"),
        (lambda: v.discriminant(1, 1), "d is 1"),
        (lambda: v.coincident_root_locus(), "no multiplicities"),
        (lambda: v.resultant(3), "at least two"),
        (lambda: v.factor_analysis(3, 4), "from 1 to 3"),
        (lambda: v.independence_model(2, 1), r"sizes\[1\] is 1"),
        (lambda: v.mixture_model((), 2), "no sizes"),
        (lambda: v.mixture_model((2, 2), 0), "k is 0"),
        (lambda: v.gaussian_graphical(3, [(1, 4)]), "vertices from 1 to 3"),
        (lambda: v.gaussian_graphical(3, [(1, 1)]), "two different vertices"),
        (lambda: v.gaussian_graphical(3, [(1, 2), (2, 1)]), "twice"),
        (lambda: v.gaussian_mixed_graph(3, [(1, 2)], [(1, 2, 3)]), "bidirected contains"),
        (lambda: v.cfn_tree("12-34"), "not a tree"),
        (lambda: v.cfn_tree("12|35"), "number 3 to 7 leaves"),
        (lambda: v.cfn_tree("1|234"), "two parts of two or more"),
        (lambda: v.cfn_tree("12|345,13|245"), "not those of one tree"),
        (lambda: v.cfn_tree("12|34", "1|2|3"), "different leaves"),
        (lambda: v.split_forms(2, ()), "no degrees"),
        (lambda: v.chow_variety(2, 0), "from|at least 1"),
    ],
)
def test_bad_arguments_say_what_to_do(call, message):
    with pytest.raises(InputError, match=message):
        call()

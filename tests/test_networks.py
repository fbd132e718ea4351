import re
from collections import Counter
from itertools import product

import numpy as np
import pytest
from naive_catalogue import random_integers, values

from algeom import networks
from algeom.errors import InputError

DEEP = [("111", "11", "111"), ("011", "11", "111")]
MAPS = {
    "shallow": lambda: networks.relu_pattern_map((4, 4, 4), ["1100", "1010", "1001"]),
    "shallow, oblong": lambda: networks.relu_pattern_map((2, 3, 3), ["110", "011"]),
    "deep": lambda: networks.relu_pattern_map((3, 3, 2, 3, 3), DEEP),
    "deep, reversible": lambda: networks.relu_pattern_map((2, 3, 3, 2), [("110", "011"), ("011", "011")]),
    "one output": lambda: networks.relu_pattern_map((2, 2, 1), ["10", "01"]),
    "wide": lambda: networks.relu_pattern_map((11, 1, 1), ["1"]),
    "inactive": lambda: networks.relu_pattern_map((2, 2, 2), ["00", "11"]),
    "outputs": lambda: networks.relu_output_map((2, 3, 3), ["110", "011"], [[[1, 2], [3, 4]], [[1, 0, 2], [0, 1, 3]]]),
    "attention, one column": lambda: networks.attention_map(3, 1),
    "attention, two columns": lambda: networks.attention_map(3, 2, 2),
    "attention, four columns": lambda: networks.attention_map(2, 4, 1),
    "attention, wide": lambda: networks.attention_cross_map(10, 1),
    "cross": lambda: networks.attention_cross_map(3),
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
        assert values(phi, [theta[i] for i in tau]) == [y[i] for i in sigma]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("shallow", 24 * 24 * 6 * 2),  # S_4 x S_4, blocks, transposition
        ("shallow, oblong", 2 * 6 * 2),
        ("deep", 6 * 6),
        ("attention, two columns", 6),
        ("attention, four columns", 2 * 6),
    ],
)
def test_declared_symmetries_generate_the_whole_group(name, order):
    phi = MAPS[name]()
    generators = [np.asarray(sigma) for _, sigma in phi.symmetries]
    group = {tuple(range(phi.n_coordinates))}
    frontier = set(group)
    while frontier:
        frontier = {tuple(np.array(g)[h].tolist()) for g in frontier for h in generators} - group
        group |= frontier
    assert len(group) == order


def weights_of(widths, theta):
    weights, start = [], 0
    for rows, columns in zip(widths[1:], widths[:-1], strict=True):
        weights.append(np.array(theta[start : start + rows * columns], dtype=object).reshape(rows, columns))
        start += rows * columns
    return weights


@pytest.mark.parametrize(
    ("widths", "patterns"),
    [
        ((3, 3, 2), ["101", "011"]),
        ((2, 3, 2), [("110",), ("000",)]),
        ((3, 3, 2, 3, 2), DEEP),
        ((2, 1, 2, 1), [("1", "01"), ("1", "11")]),
    ],
)
def test_relu_pattern_map_multiplies_masked_weights(widths, patterns):
    phi = networks.relu_pattern_map(widths, patterns)
    theta = random_integers(phi.n_parameters, seed=1)
    weights = weights_of(widths, theta)
    expected = []
    for pattern in patterns:
        layers = (pattern,) if isinstance(pattern, str) else pattern
        matrix = weights[0]
        for layer, weight in zip(layers, weights[1:], strict=True):
            matrix = weight @ np.diag(np.array([int(c) for c in layer], dtype=object)) @ matrix
        expected += matrix.ravel().tolist()
    assert values(phi, theta) == expected


def test_relu_outputs_are_those_of_the_network_where_the_patterns_hold():
    rng = np.random.default_rng(3)
    W1, W2 = rng.integers(-5, 6, size=(3, 2)), rng.integers(-5, 6, size=(2, 3))
    points = rng.integers(-5, 6, size=(2, 6))
    blocks = {}
    for x in points.T:
        hidden = W1 @ x
        blocks.setdefault("".join("1" if h > 0 else "0" for h in hidden), []).append((x, W2 @ np.maximum(hidden, 0)))
    data = [np.array([x for x, _ in block]).T for block in blocks.values()]
    phi = networks.relu_output_map((2, 3, 2), list(blocks), data)
    expected = [int(y) for block in blocks.values() for y in np.array([y for _, y in block]).T.ravel()]
    assert values(phi, [int(w) for w in (*W1.ravel(), *W2.ravel())]) == expected


@pytest.mark.parametrize(
    ("widths", "patterns", "dimension"),
    [
        ((2, 2, 2), ["10", "11"], 6),
        ((3, 3, 3), ["101", "011"], 15),
        ((4, 3, 4), ["101", "011"], 21),
        ((4, 4, 4), ["1100", "1010", "1001"], 28),
        ((2, 3, 2), ["110", "011"], 8),  # the sum of the classes is 9, more than the space has
        ((5, 3, 4), ["110", "011"], 24),
        ((4, 3, 5), ["111", "011"], 22),
        ((6, 5, 6), ["11100", "00111"], 51),
        ((5, 4, 5), ["1100", "0110", "0011"], 36),
        ((5, 5, 5), ["11100", "01110", "00111", "10011"], 45),
        ((3, 2, 3), ["10", "10"], 5),  # neurons that are never active do not count
    ],
)
def test_relu_expected_dimension(widths, patterns, dimension):
    assert networks.relu_expected_dimension(widths, patterns) == dimension


def test_relu_generic_rank_of_combinations_and_block_matrices():
    architecture = ((4, 4, 4), ["1100", "1010", "1001"])
    assert networks.relu_generic_rank(*architecture, [0, 1, 0], rng=1) == 2
    assert networks.relu_generic_rank(*architecture, [0, 1, -1], rng=1) == 2
    assert networks.relu_generic_rank(*architecture, [1, 1, 1], rng=1) == 4
    assert networks.relu_generic_rank(*architecture, [[[1, 0]], [[0, 1]], [[0, 0]]], rng=1) == 3
    assert networks.relu_generic_rank(*architecture, [[[1, 0], [0, 0]], [[0, 1], [0, 1]], [[0, 0], [1, 0]]], rng=1) == 4
    deep = ((5, 2, 2, 2, 5), [("11", "01", "11"), ("01", "11", "01")])
    assert [networks.relu_generic_rank(*deep, c, rng=1) for c in ([1, 0], [0, 1], [1, -1])] == [1, 1, 2]
    assert networks.relu_generic_rank(*deep, [[[1, 0]], [[0, 1]]], rng=1) == 2


def cubic_form_coefficients(d, t, v, A):
    """Coefficients of sum_n (v . x_n)(x_n^T A x_0) at sorted triples of entries (row, column)."""
    form = Counter()
    for k, m, l, n in product(range(d), range(d), range(d), range(t)):
        form[tuple(sorted([(k, n), (m, n), (l, 0)]))] += v[k] * A[m][l]
    return form


@pytest.mark.parametrize(("d", "t", "rank"), [(2, 1, None), (2, 2, None), (3, 2, 2), (2, 3, 1), (3, 1, None)])
def test_attention_map_lists_the_coefficients_of_the_cubic_form(d, t, rank):
    phi = networks.attention_map(d, t, rank)
    theta = random_integers(phi.n_parameters, seed=2)
    v = theta[:d]
    if rank is None:
        A = [theta[d + d * i : d + d * (i + 1)] for i in range(d)]
    else:
        K, Q = theta[d : d + rank * d], theta[d + rank * d :]
        A = [[sum(K[c * d + m] * Q[c * d + l] for c in range(rank)) for l in range(d)] for m in range(d)]
    form = cubic_form_coefficients(d, t, v, A)
    expected = {}
    for monomial, coefficient in form.items():
        own = sorted(r + 1 for r, c in monomial if c == 0)
        other = sorted(r + 1 for r, c in monomial if c != 0)
        column = max(c for _, c in monomial)
        if not other:
            name = "y" + "".join(map(str, own))
        else:
            name = f"y{other[0]}{other[1]}_{own[0]}" + (f"_n{column + 1}" if t > 2 else "")
        expected[name] = coefficient
    assert dict(zip(phi.names, values(phi, theta), strict=True)) == expected
    assert phi.n_coordinates == d * (d + 1) * (d + 2) // 6 + (t - 1) * d * d * (d + 1) // 2


def test_single_column_coefficients_are_sums_over_splits():
    phi = networks.attention_map(2, 2)
    y = dict(zip(phi.names, values(phi, random_integers(6, seed=4)), strict=True))
    assert y["y112"] == y["y11_2"] + y["y12_1"]
    assert y["y111"] == y["y11_1"]


def test_cross_map_is_the_rest_of_the_attention_map():
    theta = random_integers(12, seed=5)
    whole, cross = networks.attention_map(3, 2), networks.attention_cross_map(3)
    assert whole.names[10:] == cross.names
    assert values(whole, theta)[10:] == values(cross, theta)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: networks.relu_pattern_map((2, 2), ["10"]), "input, hidden and output"),
        (lambda: networks.relu_pattern_map((2, 0, 2), ["10"]), r"widths\[1\] is 0"),
        (lambda: networks.relu_pattern_map((2, 2, 2), []), "one entry for each block"),
        (lambda: networks.relu_pattern_map((2, 2, 2), "10"), "one entry for each block"),
        (lambda: networks.relu_pattern_map((2, 2, 2), ["101"]), "string of 2 characters"),
        (lambda: networks.relu_pattern_map((2, 2, 2), ["12"]), "string of 2 characters"),
        (lambda: networks.relu_pattern_map((2, 2, 2), [(1, 0)]), "hidden layers"),
        (lambda: networks.relu_pattern_map((2, 2, 2, 2), ["10"]), "one string of 0 and 1 for each hidden layer"),
        (lambda: networks.relu_output_map((2, 2, 2), ["10"], []), "0 data matrices were given for 1 patterns"),
        (lambda: networks.relu_output_map((2, 2, 2), ["10"], [[[1, 2]]]), "2 rows"),
        (lambda: networks.relu_expected_dimension((2, 2, 2, 2), [("10", "10")]), "one hidden layer"),
        (lambda: networks.relu_generic_rank((2, 2, 2), ["10"], [1, 2]), "2 coefficients were given for 1 blocks"),
        (lambda: networks.relu_generic_rank((2, 2, 2), ["10", "11"], [1, [[1, 2]]]), "equal shapes"),
        (lambda: networks.attention_map(0, 2), "d is 0"),
        (lambda: networks.attention_map(2, 0), "t is 0"),
        (lambda: networks.attention_map(3, 2, 4), "from 1 to 3"),
        (lambda: networks.attention_cross_map(3, 0), "rank is 0"),
    ],
)
def test_bad_arguments_say_what_to_do(call, message):
    with pytest.raises(InputError, match=message):
        call()

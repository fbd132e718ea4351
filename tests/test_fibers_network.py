"""Linear networks at given weights: bars, adapted bases, flow subspaces, tangent spaces, random points, reports."""

from fractions import Fraction
from itertools import product as cartesian

import numpy as np
import pytest
from hypothesis import given, settings
from naive_fiber_points import naive_null, naive_product, naive_rank, naive_rank_list, random_bars

from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.networks.fibers import tangent
from algeom.networks.fibers.bars import Bars
from algeom.networks.fibers.fields import PrimeField
from algeom.networks.fibers.network import LinearNetwork
from algeom.networks.fibers.points import random_point
from algeom.networks.fibers.report import dead_directions, fiber_report, freeing_moves
from algeom.networks.fibers.strata import strata
from algeom.networks.fibers.tangent import (
    differential,
    is_exceptional,
    normal_basis,
    shared_layers,
    tangent_basis,
    transversal_basis,
)

P = 10007
#: Six pairs of widths and rank with 78 strata in all, and their numbers.
CASES = [
    ((2, 2, 2), 0, 6),
    ((2, 3, 2, 3), 1, 9),
    ((2, 2, 2, 2), 0, 27),
    ((3, 3, 3, 3), 1, 27),
    ((3, 2, 3), 0, 6),
    ((3, 2, 3), 1, 3),
]
FIELDS = [{"field": "Q"}, {"modulus": P}, {"modulus": 2}, {"field": "R"}]
repeatable = settings(max_examples=25, derandomize=True, deadline=None)

EXAMPLE = [[[1, 0], [0, 1], [0, 0]], [[0, 1, 0], [0, 0, 1]], [[1, 0], [0, 1], [0, 0]]]


def rank(matrix):
    return PrimeField(P).rank(matrix)


@repeatable
@given(random_bars())
@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_adapted_bases_split_the_network_into_the_bars_it_was_made_of(field, bars):
    network = random_point(bars, **field, rng=1).network
    adapted = network.adapted
    assert adapted.bars == bars
    for given_, made in zip(network.weights, adapted.weights(), strict=True):
        if network.field.is_exact:
            assert np.all(given_ == made)
        else:
            assert np.linalg.norm(given_ - made) <= 1e-13 * np.linalg.norm(given_)
    for j, normal in enumerate(bars.normal_form()):
        images = network.field.multiply(network.weights[j], adapted.bases[j])
        named = network.field.multiply(adapted.bases[j + 1], network.field.normalized(normal))
        assert not np.any(np.abs(images - named) > 1e-13)
    assert network.evidence.status is (Status.PROVED if network.field.is_exact else Status.NUMERICAL)


@repeatable
@given(random_bars(depths=(2, 3), most=1))
def test_the_rank_list_is_that_of_the_products(bars):
    for modulus in (None, 3):
        network = random_point(bars, modulus=modulus, rng=5).network
        assert network.rank_list == naive_rank_list(network.weights, modulus)
    assert Bars.from_rank_list(network.rank_list) == bars


def test_the_example_of_two_three_two_three():
    network = LinearNetwork(EXAMPLE)
    assert str(network.bars) == "03 01 13 33"
    assert network.product.tolist() == [[0, 1], [0, 0], [0, 0]]
    report = network.report()
    assert (network.bars.dimension, network.bars.differential_rank, report.tangent_dimension) == (13, 5, 13)
    assert report.is_smooth
    assert network.depth == 3
    assert network.n_weights == 18
    assert (network.partial_product(2, 2) == np.eye(2)).all()
    assert network.partial_product(2, 1).tolist() == EXAMPLE[1]
    with pytest.raises(ValueError, match="read-only"):
        network.weights[0][0, 0] = 7


def infinitesimal_action(network):
    """Derivatives of changes of bases (A_0, ..., A_L) with A_L W = W A_0, as columns, modulo P."""
    widths, weights, depth = network.widths, network.weights, network.depth
    starts = np.concatenate([[0], np.cumsum([w * w for w in widths])])
    eyes = [np.eye(w, dtype=object) for w in widths]
    rows = []
    for i in range(1, depth + 1):  # A_i W_i - W_i A_(i-1), entries row by row
        block = np.zeros((widths[i] * widths[i - 1], starts[-1]), dtype=object)
        block[:, starts[i] : starts[i + 1]] += np.kron(eyes[i], weights[i - 1].T)
        block[:, starts[i - 1] : starts[i]] -= np.kron(weights[i - 1], eyes[i - 1])
        rows.append(block)
    constraint = np.zeros((widths[-1] * widths[0], starts[-1]), dtype=object)
    constraint[:, starts[depth] :] += np.kron(eyes[-1], network.product.T)
    constraint[:, : starts[1]] -= np.kron(network.product, eyes[0])
    return np.vstack(rows) @ naive_null(constraint % P, P) % P


def derivative_of_ranks(network, direction):
    """What a direction does to W_(j~i) beyond column and row spaces, for all j > i: zero if it keeps the ranks."""
    changes = dict(direction.terms)
    for i, j in cartesian(range(network.depth), range(1, network.depth + 1)):
        if i < j:
            whole = network.partial_product(j, i)
            change = sum(
                network.partial_product(j, k) @ changes[k] @ network.partial_product(k - 1, i)
                for k in range(i + 1, j + 1)
                if k in changes
            )
            yield naive_null(whole.T, P).T @ change @ naive_null(whole, P) % P if np.any(change) else np.zeros(1)


def check_bases(network, bars):
    """Tangent, complementary and normal directions against dimensions, the Jacobian matrix and the group action."""
    tangents = tangent_basis(network).matrix()
    complement, normals = transversal_basis(network).matrix(), normal_basis(network).matrix()
    n = bars.n_weights
    assert len(tangent_basis(network)) == tangents.shape[1] == bars.dimension == rank(tangents)
    assert complement.shape[1] == normals.shape[1] == n - bars.dimension == rank(normals)
    assert rank(np.hstack([tangents, complement])) == n
    assert not np.any(normals.T @ tangents % P)
    jacobian = differential(network)
    assert rank(jacobian) == bars.differential_rank
    assert not np.any(jacobian @ tangents % P)
    action = infinitesimal_action(network)
    assert rank(action) == bars.dimension == rank(np.hstack([action, tangents]))


@pytest.mark.parametrize(("widths", "r", "count"), CASES, ids=str)
def test_tangent_and_normal_bases_on_all_strata(widths, r, count):
    found = list(strata(widths, r))
    assert len(found) == count
    for number, bars in enumerate(found):
        network = random_point(bars, modulus=P, rng=number).network
        check_bases(network, bars)
        for direction in tangent_basis(network):
            assert not any(np.any(change) for change in derivative_of_ranks(network, direction))


@pytest.mark.slow
def test_tangent_and_normal_bases_for_all_widths_of_sum_up_to_eight():
    checked = 0
    queue = [(width,) for width in range(1, 8)]
    for widths in queue:
        queue += [(*widths, width) for width in range(1, 9 - sum(widths))]
        for r in range(min(widths) + 1 if len(widths) > 1 else 0):
            for bars in strata(widths, r):
                check_bases(random_point(bars, modulus=P, rng=checked).network, bars)
                checked += 1
    assert checked == 4875


def test_all_strata_of_six_fibers_were_tried():
    assert sum(count for _, _, count in CASES) == 78


@repeatable
@given(random_bars(depths=(1, 2, 3), most=1))
def test_tangent_bases_over_the_rationals_and_in_floats(bars):
    exact = random_point(bars, rng=3).network
    jacobian, tangents = differential(exact), tangent_basis(exact).matrix()
    assert not np.any(jacobian @ tangents)
    assert naive_rank(tangents.tolist()) == bars.dimension if tangents.size else bars.dimension == 0
    assert naive_rank(jacobian.tolist()) == bars.differential_rank
    network = random_point(bars, field="R", rng=3).network
    tangents, normals = tangent_basis(network).matrix(), normal_basis(network).matrix()
    both = np.hstack([tangents, normals])
    assert np.linalg.matrix_rank(both, tol=1e-8) == bars.n_weights
    assert not np.any(np.abs(differential(network) @ tangents) > 1e-12)
    assert not np.any(np.abs(normals.T @ tangents) > 1e-12)


def test_the_differential_is_the_derivative_of_the_product():
    network = random_point(Bars.from_text("03 01 13x2 12 33"), field="R", rng=2).network
    step = np.random.default_rng(0).standard_normal(network.n_weights)
    shapes = [weight.shape for weight in network.weights]
    parts = np.split(step, np.cumsum([m * n for m, n in shapes])[:-1])
    moved = [
        naive_product([w + sign * 1e-5 * part.reshape(w.shape) for w, part in zip(network.weights, parts, strict=True)])
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(differential(network) @ step, ((moved[0] - moved[1]) / 2e-5).ravel(), atol=1e-8)


def test_smooth_points_are_those_where_the_largest_stratum_above_fills_the_tangent_space():
    for widths, r, _ in CASES:
        found = list(strata(widths, r))
        for bars in found:
            above = max(other.dimension for other in found if bars <= other)
            report = fiber_report(random_point(bars, modulus=P, rng=1).network)
            assert report.is_smooth == (above == report.tangent_dimension)
            assert above <= report.tangent_dimension


def intersection_dimension(one, other):
    return rank(one) + rank(other) - rank(np.hstack([one, other]))


@repeatable
@given(random_bars(depths=(1, 2, 3), most=1))
def test_flow_subspaces_are_intersections_of_null_and_column_spaces(bars):
    network = random_point(bars, modulus=P, rng=7).network
    floats = random_point(bars, field="R", rng=7).network
    last = bars.depth
    for k, j, i in cartesian(range(last + 1), repeat=3):
        if not k >= j >= i:
            continue
        null = naive_null(network.partial_product(k + 1, j) if k < last else np.zeros((1, bars.widths[j]), object), P)
        columns = network.partial_product(j, i)
        flow = network.flow_subspace(k, j, i)
        assert flow.shape[1] == intersection_dimension(null, columns) == rank(flow)
        assert rank(np.hstack([null, flow])) == rank(null)
        assert rank(np.hstack([columns, flow])) == rank(columns)
        null = naive_null(network.partial_product(j, i - 1).T if i else np.zeros((1, bars.widths[j]), object), P)
        rows = network.partial_product(k, j).T
        flow = network.dual_flow_subspace(k, j, i)
        assert flow.shape[1] == intersection_dimension(null, rows) == rank(flow)
        assert rank(np.hstack([null, flow])) == rank(null)
        assert rank(np.hstack([rows, flow])) == rank(rows)
        flow = floats.flow_subspace(k, j, i)
        np.testing.assert_allclose(flow.T @ flow, np.eye(flow.shape[1]), atol=1e-12)
        if k < last:
            assert not np.any(np.abs(floats.partial_product(k + 1, j) @ flow) > 1e-12)
    with pytest.raises(InputError, match="at most k"):
        network.flow_subspace(0, 1, 0)


def noisy_network(size):
    """Weights at distance `size` from the stratum 02x2 00 01 11 12 22."""
    exact = random_point(Bars.from_text("02x2 00 01 11 12 22"), field="R", rng=4).network
    rng = np.random.default_rng(0)
    return exact, [weight + size * rng.standard_normal(weight.shape) for weight in exact.weights]


def test_decisions_on_ranks_report_their_gaps():
    exact, noisy = noisy_network(1e-3)
    assert str(LinearNetwork(noisy).bars) == "02x4 11"  # of full rank, up to the tolerance for rounding
    network = LinearNetwork(noisy, tolerance=0.03)
    assert network.bars == exact.bars
    close = min(network.decisions, key=lambda decision: decision.gap)
    assert 20 < close.gap < 1e4
    assert close.margin <= close.gap
    assert 1e-4 < network.adapted.residual < 1e-2
    assert "tolerance 0.03" in str(close)
    assert f"{len(network.decisions)} decisions on ranks" in network.evidence.reason
    clean = exact.decisions
    assert min(decision.gap for decision in clean) > 1e12
    assert LinearNetwork(exact.weights, tolerance=1e-4).bars == exact.bars


def test_the_tolerance_goes_with_the_coarsest_floating_point_type():
    exact, _ = noisy_network(0)
    single = [weight.astype(np.float32) for weight in exact.weights]
    assert LinearNetwork(single).bars == exact.bars
    assert LinearNetwork(single).field.tolerance == 2.0**-11.5
    assert LinearNetwork([exact.weights[0], single[1]]).field.tolerance == 2.0**-11.5
    assert exact.field.tolerance == 2.0**-26


@repeatable
@given(random_bars(depths=(1, 2, 3)))
def test_scaling_a_matrix_changes_no_bars_in_floats(bars):
    network = random_point(bars, field="R", rng=11).network
    scaled = [weight * 10.0 ** (7 * (-1) ** i) for i, weight in enumerate(network.weights)]
    assert LinearNetwork(scaled).bars == bars


@pytest.mark.parametrize("text", ["03 01 13 33", "02x2 01 11 22x2 00", "01 22 11", "04 02 13 24 33 11"])
def test_random_points_have_exactly_the_product_asked_for(text):
    bars = Bars.from_text(text)
    rng = np.random.default_rng(3)
    left = rng.integers(-4, 5, (bars.widths[-1], bars.rank)).astype(object)
    right = rng.integers(-4, 5, (bars.rank, bars.widths[0])).astype(object)
    product = left @ right / Fraction(3)
    assert naive_rank(product.tolist()) == bars.rank
    points = [random_point(bars, product, rng=seed) for seed in range(5)]
    for point in points:
        assert np.all(naive_product(point.network.weights) == product)
        assert point.network.bars == bars
        assert np.all(point.network.product == product)
    again = random_point(bars, product, rng=points[0].seed).network
    assert all(np.all(x == y) for x, y in zip(again.weights, points[0].network.weights, strict=True))
    assert len({str([weight.tolist() for weight in point.network.weights]) for point in points}) > 1
    floats = random_point(bars, random_point(bars, field="R", rng=1).network, rng=2).network
    assert floats.bars == bars
    modular = random_point(bars, product, modulus=P, rng=1).network
    assert np.all(modular.product == PrimeField(P).normalized(product))


@pytest.mark.parametrize("text", ["02 01 12 22", "01 12 11 00", "02 11 22"])
def test_random_points_over_two_elements_are_uniform_on_the_stratum(text):
    bars = Bars.from_text(text)
    start = random_point(bars, modulus=2, rng=0).network
    shapes = [weight.shape for weight in start.weights]
    target = start.product.tolist()
    everything = 0
    for bits in cartesian((0, 1), repeat=bars.n_weights):
        parts = np.split(np.array(bits, dtype=object), np.cumsum([m * n for m, n in shapes])[:-1])
        weights = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        if (naive_product(weights) % 2).tolist() == target and naive_rank_list(weights, 2) == bars.rank_list:
            everything += 1
    draws = 6 * everything
    rng = np.random.default_rng(0)
    counts = {}
    for _ in range(draws):
        point = random_point(bars, start, rng=rng).network
        key = str([weight.tolist() for weight in point.weights])
        counts[key] = counts.get(key, 0) + 1
    assert len(counts) == everything
    # Chi-squared with everything - 1 degrees of freedom: five standard deviations above its mean.
    statistic = sum((count - 6) ** 2 / 6 for count in counts.values())
    assert statistic < everything - 1 + 5 * (2 * everything) ** 0.5


def test_random_points_are_refused_over_the_wrong_product():
    bars = Bars.from_text("02 00 11 22")
    for product, message in [
        ([[1, 0], [0, 1]], "rank 2"),
        ([[1, 0]], "shape"),
        ([[float("nan"), 0], [0, 0]], "finite"),
    ]:
        with pytest.raises(InputError, match=message):
            random_point(bars, product)
    with pytest.raises(InputError, match="both a product and a field"):
        random_point(bars, [[1, 0], [0, 0]], field="Q")
    with pytest.raises(InputError, match="give the stratum as Bars"):
        random_point("02 00 11 22")
    with pytest.raises(InputError, match="give 'Q', 'R'"):
        random_point(bars, field="C")
    with pytest.raises(InputError, match="not prime"):
        random_point(bars, modulus=9)
    with pytest.raises(InputError, match="one of them"):
        random_point(bars, modulus=7, field="Q")
    network = random_point(bars, rng=1).network
    with pytest.raises(InputError, match="already"):
        random_point(bars, network, modulus=7)


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([], {}, "no weights"),
        ([[[1, 2]], [[1, 2]]], {}, r"weights\[1\] has 2 columns and weights\[0\] has 1 rows"),
        ([[[1.0, float("nan")]]], {}, r"nan at \(0, 1\)"),
        ([[[float("inf")]]], {}, "inf"),
        ([[]], {}, "shape"),
        ([np.zeros((0, 3))], {}, "shape"),
        ([[1, 2]], {}, "shape"),
        ([[[1, 2], [3]]], {}, "equal length"),
        ([[[1j]]], {}, "complex"),
        ([[["one"]]], {}, "real numbers"),
        ([[[1]]], {"modulus": 6}, "not prime"),
        ([[[1]]], {"modulus": 2.0}, "modulus=2.0"),
        ([[[1]]], {"modulus": 2**64 + 13}, "below 2"),
        ([[[0.5]]], {"modulus": 7}, "int or Fraction"),
        ([[[Fraction(1, 7)]]], {"modulus": 7}, "another modulus"),
        ([[[1]]], {"tolerance": 0.1}, "exact weights"),
        ([[[1.0]]], {"tolerance": 2}, "between 0 and 1"),
        ([[[1e100, 1.0]], [[1e60]]], {}, r"up to weights\[1\] multiply to 10\^160"),
        ([[[1.0]], [[1e-100]], [[-1e-60]]], {}, r"up to weights\[2\] multiply to 10\^-160"),
        ("weights", {}, "list of matrices"),
        (3, {}, "list of matrices"),
    ],
    ids=str,
)
def test_bad_weights_are_refused(weights, options, message):
    with pytest.raises(InputError, match=message):
        LinearNetwork(weights, **options)


def test_only_products_have_to_be_moderate():
    """Factors of any size: what matters is that double precision holds the squares of their products."""
    for weights in ([[[1e140]], [[1e-140]], [[1e140]]], [[[1e-140]], [[0.0]], [[1e-140]]], [[[1e149, 0.0]]]):
        ranks = LinearNetwork(weights).rank_list
        assert ranks == LinearNetwork([np.sign(weight) for weight in weights]).rank_list
    assert LinearNetwork([[[10**400]], [[10**400]]]).rank == 1


class Tensor:
    """What a tensor of PyTorch offers here."""

    def __init__(self, array, dtype):
        self.array, self.dtype = array, f"torch.{dtype}"

    def detach(self):
        return self

    cpu = detach

    def double(self):
        return Tensor(self.array.astype(np.float64), "float64")

    def numpy(self):
        if self.dtype == "torch.bfloat16":
            raise TypeError("Got unsupported ScalarType BFloat16")
        return self.array


class Module:
    """What a module of PyTorch offers here."""

    def parameters(self):
        return iter(())


class Linear(Module):
    def __init__(self, array, dtype="float32", bias=None):
        self.weight, self.bias = Tensor(np.asarray(array), dtype), bias


class Sequential(Module):
    def __init__(self, *layers):
        self.layers = layers

    def __iter__(self):
        return iter(self.layers)


def test_modules_are_taken_apart_in_the_order_of_application():
    first, second = np.ones((3, 2), dtype=np.float32), np.ones((1, 3), dtype=np.float32)
    for model in (
        Sequential(Linear(first), Linear(second)),
        Sequential(Sequential(Linear(first)), Linear(second)),
        [Linear(first), Linear(second)],
        [Tensor(first, "float32"), Tensor(second, "float32")],
    ):
        network = LinearNetwork(model)
        assert network.widths == (2, 3, 1)
        assert network.field.tolerance == 2.0**-11.5
        assert network.product.tolist() == [[3.0, 3.0]]
    assert LinearNetwork(Linear(first)).widths == (2, 3)
    assert LinearNetwork([Tensor(first, "bfloat16")]).field.tolerance == 2.0**-3.5
    assert LinearNetwork([Tensor(np.array([[1, 2]]), "int64")]).field.is_exact
    with pytest.raises(InputError, match="bias=False"):
        LinearNetwork(Sequential(Linear(first, bias=Tensor(np.zeros(3), "float32"))))
    with pytest.raises(InputError, match="not linear"):
        LinearNetwork(Sequential(Linear(first), Module(), Linear(second)))


def test_a_network_of_pytorch():
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(2, 3, bias=False), torch.nn.Linear(3, 1, bias=False))
    network = LinearNetwork(model)
    assert network.widths == (2, 3, 1)
    data = torch.tensor([[0.5, -2.0]])
    np.testing.assert_allclose(network.product @ data.numpy()[0], model(data).detach().numpy()[0], rtol=1e-5)


def test_mixed_exact_and_floating_point_weights_are_floats():
    network = LinearNetwork([[[Fraction(1, 2), 1]], [[0.5]]])
    assert str(network.field) == "R"
    assert network.product.tolist() == [[0.25, 0.5]]
    assert str(LinearNetwork(np.ones((2, 2, 2), dtype=np.int64)).field) == "Q"


def test_dead_directions_complete_the_image_of_the_differential():
    for widths, r, _ in CASES[:4]:
        for bars in strata(widths, r):
            network = random_point(bars, modulus=P, rng=1).network
            report = fiber_report(network)
            jacobian = differential(network)
            dead = [
                np.outer(pair.outputs[:, m], pair.inputs[n]).ravel()
                for pair in report.dead
                for m in range(pair.outputs.shape[1])
                for n in range(pair.inputs.shape[0])
            ]
            assert len(dead) == report.n_dead == jacobian.shape[0] - bars.differential_rank
            assert not dead or rank(np.hstack([jacobian, np.array(dead).T])) == jacobian.shape[0]


def test_freeing_moves_keep_the_product_and_free_a_direction():
    freed = 0
    for bars in [*strata((2, 2, 2, 2), 0), *strata((2, 3, 2, 3), 1), Bars.from_text("00 11 22 33 44 12 23 04")]:
        network = random_point(bars, rng=2).network
        for pair in dead_directions(network):
            if pair.moves is None:
                with pytest.raises(InputError, match="no raising move"):
                    freeing_moves(network, pair)
                continue
            moves = freeing_moves(network, pair, Fraction(1, 2))
            after = moves[-1](Fraction(1, 2))
            assert after.bars == pair.moves[-1].result
            assert after.bars.differential_rank > bars.differential_rank
            assert np.all(after.product == network.product)
            freed += 1
    assert freed > 20
    with pytest.raises(InputError, match="eps is 0"):
        freeing_moves(network, dead_directions(network)[0], 0)


def test_no_raising_moves_at_all_free_what_is_said_to_stay_dead():
    """The rank of the differential is the same in all strata that raising moves reach from there."""
    for bars in strata((2, 2, 1, 2), 0):
        network = random_point(bars, rng=1).network
        if all(pair.moves is None for pair in dead_directions(network)):
            reached, queue = {bars}, [bars]
            for here in queue:
                for move in here.raising_moves():
                    if move.result not in reached:
                        reached.add(move.result)
                        queue.append(move.result)
            assert {other.differential_rank for other in reached} == {bars.differential_rank}


def test_the_report_says_what_a_reader_needs():
    text = str(LinearNetwork([[[1.0, 0], [0, 0]], [[1, 0], [0, 0]]]).report())
    for line in [
        "02      ●═════●═════●  full",
        "product of rank 1; stratum of dimension 3 of 8, not maximal; the smallest stratum",
        "the fiber is singular here; its tangent space has dimension 5",
        "connecting 00 and 11 to 01: 02 01 22",
        "evidence: numerical, 3 decisions on ranks",
    ]:
        assert line in text
    report = LinearNetwork(EXAMPLE).report()
    assert "smooth, 1 dead direction; proved" in repr(report)
    assert "maximal: its closure is a component of the fiber" in str(report)


def test_diagrams_of_many_layers_have_room_for_their_names():
    widths = [1] * 12
    text = LinearNetwork([np.zeros((1, 1)) for _ in widths[1:]]).diagram().splitlines()
    assert text[0].split() == ["layer", *map(str, range(12))]
    assert text[-1].startswith("11-11")
    assert text[-1].endswith("●")
    assert {line.index("●") for line in text[2:]} == {8 + 6 * j for j in range(12)}


def test_the_figure_has_a_dot_for_each_basis_vector():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    from algeom import plot

    network = random_point(Bars.from_text("04x2 00 11x2 02 13x2 24 33 44x3 12"), rng=1).network
    ax = network.plot()
    lines = [line for line in ax.get_lines() if len(line.get_xdata())]
    dots = [(x, y) for line in lines for x, y in zip(*line.get_data(), strict=True)]
    assert len(dots) == len(set(dots)) == sum(network.widths)
    assert {y for _, y in dots} == set(range(max(network.widths)))
    assert "2 full bars" in ax.get_legend().get_texts()[0].get_text()
    ax.figure.canvas.draw()
    wide = plot.flow_diagram(Bars.from_text("02x10 00x40 01x5 12x3 11x2 22x4"))
    assert sorted(text.get_text() for text in wide.texts) == ["10", "2", "3", "4", "40", "5"]
    with pytest.raises(InputError, match="expected a result of the type LinearNetwork or Bars"):
        plot.flow_diagram([[1]])
    pyplot.close("all")


def test_dense_bases_that_do_not_fit_are_refused(monkeypatch):
    network = random_point(Bars.from_text("02 00 11 22"), rng=1).network

    def refuse(needed, *_):
        raise ResourceError(f"{needed} bytes")

    monkeypatch.setattr(tangent, "require", refuse)
    for make in (tangent_basis(network).matrix, lambda: differential(network)):
        with pytest.raises(ResourceError, match="bytes"):
            make()
    assert len(list(tangent_basis(network))) == network.bars.dimension


def test_counts_of_directions_come_from_the_bars():
    bars = Bars.from_text("03 01 13 33")
    pairs = [(i, j) for i, _ in bars.items() for j, _ in bars.items() if len(shared_layers(i, j))]
    assert sum(len(shared_layers(i, j)) for i, j in pairs) == bars.n_weights
    leaving = sum(is_exceptional(i, j, bars) for i, j in pairs)
    assert leaving == bars.n_weights - bars.dimension


def test_layers_scaled_against_each_other_are_noticed():
    network = LinearNetwork([np.diag([1.0, 1e-9]), np.diag([1.0, 1e9])])
    assert network.rank == 0
    assert network.evidence.status is Status.LOWER_BOUND
    assert "has numerical rank 2, but by the bars 0" in network.evidence.reason
    assert LinearNetwork(network.weights, tolerance=1e-12).evidence.status is Status.NUMERICAL

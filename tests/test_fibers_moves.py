"""Moves of weights, paths within strata, routes through fibers, and what is connected over the reals."""

from fractions import Fraction
from itertools import product as cartesian

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_fiber_points import naive_product, random_bars, two_bars_of_a_fiber

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.networks.fibers.bars import Bars
from algeom.networks.fibers.connectivity import bars_to_turn, count_connected_fiber, count_connected_stratum
from algeom.networks.fibers.fields import Rationals, Reals
from algeom.networks.fibers.invertible_paths import InvertiblePath
from algeom.networks.fibers.network import LinearNetwork
from algeom.networks.fibers.paths import check_accuracy, product_error, stratum_path
from algeom.networks.fibers.points import random_point
from algeom.networks.fibers.report import dead_directions, fiber_report, freeing_moves
from algeom.networks.fibers.routes import route
from algeom.networks.fibers.strata import strata
from algeom.networks.fibers.tangent import differential, shared_layers, tangent_basis
from algeom.networks.fibers.weight_moves import (
    lowering_moves,
    one_matrix_move,
    one_matrix_moves,
    raising_moves,
    two_matrix_move,
)

P = 10007
repeatable = settings(max_examples=25, derandomize=True, deadline=None)
TIMES = (0, Fraction(1, 3), Fraction(7, 8), 1)
FIBERS = [((2, 2, 2), 0), ((2, 2, 2), 1), ((2, 3, 2, 3), 1), ((2, 2, 2, 2), 0), ((1, 2, 2, 1), 1), ((3, 2, 3), 2)]


def same_weights(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.weights, other.weights, strict=True))


def relative_difference(one, other):
    pairs = [(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(one.weights, other.weights, strict=True)]
    return max(np.linalg.norm(a - b) / max(np.linalg.norm(b), 1) for a, b in pairs)


@pytest.mark.parametrize("modulus", [None, P], ids=["Q", "F_p"])
@pytest.mark.parametrize(("widths", "r"), FIBERS, ids=str)
def test_one_matrix_moves_lead_where_they_are_said_to_on_all_strata(widths, r, modulus):
    for bars in strata(widths, r):
        network = random_point(bars, modulus=modulus, rng=1).network
        reached = set()
        for move in one_matrix_moves(network):
            for eps in (Fraction(1, 2), -1, 3, 0):
                after = move(eps)
                assert np.all(after.product == network.product)
                assert after.bars == move.stratum(eps)
                changed = [k for k in range(network.depth) if np.any(after.weights[k] != network.weights[k])]
                assert changed == ([move.layer - 1] if eps else [])
            if move.effect == "raising":
                reached.add((move.move.before, move.move.result))
            else:
                assert move.stratum(Fraction(1, 2)) == bars
        assert reached == {(move.before, move.result) for move in bars.raising_moves()}


@pytest.mark.parametrize("field", [{"modulus": P}, {"field": "R"}], ids=str)
@pytest.mark.parametrize(("widths", "r"), FIBERS, ids=str)
def test_raising_and_lowering_moves_are_those_of_the_bars_at_all_layers(widths, r, field):
    for bars in strata(widths, r):
        network = random_point(bars, **field, rng=2).network
        for moves, planned in ((raising_moves, bars.raising_moves()), (lowering_moves, bars.lowering_moves())):
            found = list(moves(network))
            layers = {move: range(move.corners[1], move.corners[2] + 2) for move in planned}
            assert [(m.move, m.layer) for m in found] == [(m, k) for m in planned for k in layers[m]]
            for move in found:
                after = move()
                assert after.bars == move.move.result == move.stratum()
                assert (after.bars > bars) == (move.effect == "raising")
                assert product_error(after, network) < 1e-14
        for move in lowering_moves(network):
            assert move(Fraction(1, 2)).bars == bars == move.stratum(Fraction(1, 2))


@repeatable
@given(random_bars(depths=(2, 3, 4)), st.integers(0, 10**6))
def test_moves_through_adapted_bases_of_general_weights_in_floats(bars, seed):
    network = random_point(bars, field="R", rng=seed).network
    for move in one_matrix_moves(network):
        after = move(-0.75)
        assert after.bars == move.stratum(-0.75)
        assert product_error(after, network) < 1e-13


def test_other_copies_of_a_bar_can_be_moved_as_well():
    network = random_point(Bars.from_text("02 01x2 12x3 22"), rng=1).network
    both = one_matrix_move(network, (0, 1), (0, 1), 1, copies=(0, 1))
    assert both.move is None
    assert both(-1).bars == network.bars
    assert np.all(both(-1).product == network.product)
    cut = one_matrix_move(network, (0, 1), (0, 1), 1, copies=(1, 1))
    assert str(cut(-1).bars) == str(cut.stratum(-1)) == "02 00 01 11 12x3 22"
    with pytest.raises(InputError, match=r"copies\[1\] is 3"):
        one_matrix_move(network, (1, 2), (1, 2), 2, copies=(0, 3))


@pytest.mark.parametrize(
    "verb",
    [
        differential,
        tangent_basis,
        dead_directions,
        fiber_report,
        lambda weights: one_matrix_move(weights, (0, 0), (1, 1), 1),
        lambda weights: list(one_matrix_moves(weights)),
        lambda weights: list(raising_moves(weights)),
        lambda weights: list(lowering_moves(weights)),
        lambda weights: two_matrix_move(weights, 1, [[1]]),
    ],
)
def test_bare_weights_are_no_network(verb):
    with pytest.raises(InputError, match=r"network is of type list; give a LinearNetwork: LinearNetwork\(weights\)"):
        verb([[[1]], [[1]]])


def test_moves_that_are_none_are_refused():
    network = LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 1]]])
    assert str(network.bars) == "02 00 12"
    with pytest.raises(InputError, match="changes the product"):
        one_matrix_move(network, (0, 0), (1, 2), 1)
    with pytest.raises(InputError, match="there is no bar"):
        one_matrix_move(network, (0, 1), (1, 2), 1)
    with pytest.raises(InputError, match=r"possible at the layers \[2\]"):
        one_matrix_move(network, (1, 2), (1, 2), 1)
    with pytest.raises(InputError, match="finite number"):
        one_matrix_move(network, (1, 2), (1, 2), 2)(float("nan"))
    with pytest.raises(InputError, match="hidden layer"):
        two_matrix_move(LinearNetwork([[[1]]]), 1, [[1]])
    with pytest.raises(InputError, match="layer is 2"):
        two_matrix_move(network, 2, [[1, 0], [0, 1]])
    with pytest.raises(InputError, match="shape"):
        two_matrix_move(network, 1, [[1]])


@pytest.mark.parametrize(("widths", "r"), FIBERS[:4], ids=str)
def test_what_is_refused_because_it_changes_the_product_does_change_it(widths, r):
    for bars in strata(widths, r):
        network = random_point(bars, modulus=P, rng=3).network
        adapted = network.adapted
        for source, target in cartesian(dict(bars.items()), repeat=2):
            if source[0] == 0 and target[1] == network.depth:
                for layer in shared_layers(source, target):
                    weights = list(network.weights)
                    column = adapted.bases[layer][:, adapted.columns(layer, target)[0]]
                    row = adapted.duals[layer - 1][adapted.columns(layer - 1, source)[0]]
                    weights[layer - 1] = weights[layer - 1] + np.outer(column, row)
                    assert np.any(LinearNetwork.over(network.field, weights).product != network.product)


@repeatable
@given(random_bars(depths=(2, 3)), st.integers(0, 10**6))
def test_two_matrix_moves_stay_in_the_stratum(bars, seed):
    network = random_point(bars, rng=seed).network
    rng = np.random.default_rng(seed)
    for layer in range(1, network.depth):
        width = network.widths[layer]
        direction = np.triu(rng.integers(-2, 3, (width, width)), 1)
        move = two_matrix_move(network, layer, direction.tolist())
        after = move(Fraction(2, 3))
        assert after.bars == bars
        assert np.all(after.product == network.product)
        before, behind = move.velocity
        changes = np.zeros(network.n_weights, dtype=object)
        starts = np.cumsum([0] + [weight.size for weight in network.weights])
        changes[starts[layer - 1] : starts[layer]] = before.ravel()
        changes[starts[layer] : starts[layer + 1]] = behind.ravel()
        assert not np.any(differential(network) @ changes)
        field = network.field
        tangents = tangent_basis(network).matrix()
        assert field.rank(np.hstack([tangents, changes[:, None]])) == field.rank(tangents)
    for layer in range(1, network.depth):
        singular = two_matrix_move(network, layer, (-np.eye(network.widths[layer], dtype=np.int64)).tolist())
        with pytest.raises(InputError, match="singular"):
            singular()
        assert singular(-1).bars == bars


def test_two_matrix_moves_that_are_nearly_singular_are_refused_in_floats():
    network = random_point(Bars.from_text("02 11 00 22"), field="R", rng=1).network
    with pytest.raises(InputError, match="singular"):
        two_matrix_move(network, 1, [[-1 + 1e-12, 0], [0, 0]])()


@repeatable
@given(st.integers(0, 6), st.integers(0, 10**6))
def test_paths_of_invertible_matrices(size, seed):
    rng = np.random.default_rng(seed)
    for field in (Rationals(), Reals(1e-8)):
        matrix = field.random_invertible(rng, size)
        if seed % 2:
            matrix = field.normalized(np.eye(size, dtype=object)[rng.permutation(size)] * rng.choice([-1, 1], size))
        if size and field.determinant_sign(matrix) < 0:
            matrix = field.normalized(matrix * np.array([-1] + [1] * (size - 1)))
        path = InvertiblePath(field, matrix)
        assert np.array_equal(path(0), field.identity(size))
        assert np.all(np.abs(path(1) - matrix) <= (0 if field.is_exact else 1e-12))
        assert all(field.determinant_sign(path(Fraction(k, 7))) == 1 for k in range(8))


# Components of strata in terms one can check by hand: signs of numbers, determinants of invertible matrices.
COMPONENTS = [
    ("02", 2),  # x y = 1
    ("01 22", 2),  # x != 0, y = 0
    ("01x2 22x2", 2),  # an invertible 2 x 2 matrix, and 0
    ("01x2 22", 2),
    ("01 23", 4),  # x and z not 0, y = 0
    ("03", 4),  # x y z = 1
    ("01 12", 2),  # a column (a, b) and a row (c, d) that are orthogonal, and not 0
    ("02 11", 1),  # the same with product 1: the pair (u, v) with v u = 1 is homotopic to a circle
    ("02 00 11 22", 1),
    ("00 01 12 22", 1),
    ("02x2", 2),
    ("02x2 11", 1),
    ("03 12", 2),
]


@pytest.mark.parametrize(("text", "count"), COMPONENTS)
def test_connected_components_of_strata(text, count):
    bars = Bars.from_text(text)
    assert count_connected_stratum(bars) == count
    start = random_point(bars, rng=0).network
    found = [start]
    for seed in range(40):
        point = random_point(bars, start, rng=seed).network
        ways = [stratum_path(other, point) for other in found]
        assert sum(way.connected for way in ways) <= 1
        assert all(way.n_components == count for way in ways if not way.connected)
        if not any(way.connected for way in ways):
            found.append(point)
    assert len(found) == count


def components_by_signs(bars):
    """Classes of signs of bases of hidden layers, kernel, cokernel and image, under changes of sign of bars."""
    depth, r = bars.depth, bars.rank
    names = [("hidden", j) for j in range(1, depth)]
    names += [("image", 0)] if r else []
    names += [("kernel", 0)] if bars.widths[0] > r else []
    names += [("cokernel", 0)] if bars.widths[-1] > r else []
    changes = []
    for (a, b), _ in bars.items():
        full = (a, b) == (0, depth)
        changes.append(
            {("hidden", j) for j in range(max(a, 1), min(b, depth - 1) + 1)}
            | ({("image", 0)} if full else set())
            | ({("kernel", 0)} if a == 0 and not full else set())
            | ({("cokernel", 0)} if b == depth and not full else set())
        )
    reached = {frozenset()}
    queue = [frozenset()]
    for signs in queue:
        for change in changes:
            if (new := frozenset(signs ^ change)) not in reached:
                reached.add(new)
                queue.append(new)
    return 2 ** len(names) // len(reached)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(random_bars(depths=(1, 2, 3, 4, 5), most=1))
def test_components_of_strata_are_counted_by_the_graph_as_by_signs(bars):
    assert count_connected_stratum(bars) == components_by_signs(bars)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(random_bars(depths=(1, 2, 3, 4), most=1), st.data())
def test_signs_are_made_positive_by_the_bars_named_or_an_obstruction_is_named(bars, data):
    first, last = bars.widths[0] > bars.rank, bars.widths[-1] > bars.rank
    layers = [j for j in range(bars.depth + 1) if (j > 0 or first) and (j < bars.depth or last)]
    negative = set(data.draw(st.sets(st.sampled_from(layers)))) if layers else set()
    turned, obstruction = bars_to_turn(bars, negative)
    shorter = [interval for interval, _ in bars.items() if interval != (0, bars.depth)]
    if obstruction:
        assert not turned
        assert len(negative & set(obstruction)) % 2 == 1
        assert all(sum(a <= j <= b for j in obstruction) % 2 == 0 for a, b in shorter)
    else:
        assert set(turned) <= set(shorter)
        for layer in layers:
            assert (sum(a <= layer <= b for a, b in turned) + (layer in negative)) % 2 == 0


@repeatable
@given(random_bars(), st.integers(0, 10**6))
def test_paths_stay_in_the_stratum_and_keep_the_product(bars, seed):
    for field in "QR":
        start = random_point(bars, field=field, rng=seed).network
        end = random_point(bars, start, rng=seed + 1).network
        path = stratum_path(start, end)
        if not path.connected:
            assert count_connected_stratum(bars) == path.n_components > 1
            continue
        for t in TIMES:
            here = path(t)
            assert here.bars == bars
            if field == "Q":
                assert np.all(naive_product(here.weights) == start.product)
            else:
                assert product_error(here, start) < 1e-14
                if bars.rank:
                    assert np.linalg.norm(here.product - start.product) < 1e-12 * np.linalg.norm(start.product)
        if field == "Q":
            assert same_weights(path(0), start)
            assert same_weights(path(1), end)
        else:
            assert relative_difference(path(0), start) < 1e-12
            assert relative_difference(path(1), end) < 1e-12


def test_evidence_of_paths():
    bars = Bars.from_text("02 00 11 22")
    for field, status in (("Q", Status.PROVED), ("R", Status.NUMERICAL)):
        start = random_point(bars, field=field, rng=1).network
        end = random_point(bars, start, rng=2).network
        for way in (stratum_path(start, end), route(start, end)):
            assert way.evidence.status is status
            assert field == "Q" or "relative error of the product" in way.evidence.reason
    separated = stratum_path(LinearNetwork([[[2]], [[3]]]), LinearNetwork([[[-1]], [[-6]]]))
    assert not separated.connected
    assert separated.layers == (1,)
    assert separated.evidence.status is Status.PROVED
    assert "which has 2 connected components" in str(separated)


def test_paths_move_continuously():
    start = random_point(Bars.from_text("03 01 12x2 13 23 33"), field="R", rng=5).network
    end = random_point(start.bars, start, rng=8).network
    for way in (stratum_path(start, end), route(start, end)):
        for t in np.linspace(0, 1, 17)[:-1]:
            assert relative_difference(way(t), way(t + 1e-7)) < 1e-3


@settings(max_examples=60, derandomize=True, deadline=None)
@given(two_bars_of_a_fiber(), st.integers(0, 10**6))
def test_routes_lead_from_any_point_to_any_other_or_a_proof_says_why_not(pair, seed):
    first, second = pair
    for field in "QR":
        start = random_point(first, field=field, rng=seed).network
        end = random_point(second, start, rng=seed + 1).network
        found = route(start, end)
        if not found.connected:
            assert found.n_components == count_connected_fiber(first.widths, first.rank) > 1
            assert_different_orientations(start, end, found.layers)
            continue
        assert len(found) <= 3 * start.depth - 1
        here = start
        for leg in found:
            assert relative_difference(leg.start, here) == 0
            changed = {leg.layer} if leg.kind == "one-matrix" else {leg.layer, leg.layer + 1}
            for t in TIMES[1:]:
                here = leg(t)
                if field == "Q":
                    assert np.all(naive_product(here.weights) == start.product)
                else:
                    assert product_error(here, start) < 1e-14
                    if first.rank:
                        assert np.linalg.norm(here.product - start.product) < 1e-12 * np.linalg.norm(start.product)
                for k in set(range(1, start.depth + 1)) - changed:
                    np.testing.assert_allclose(
                        here.weights[k - 1].astype(float), leg.start.weights[k - 1].astype(float), atol=1e-13
                    )
            assert here.bars == leg.bars
        if field == "Q":
            assert same_weights(here, end)
            assert same_weights(found(1), end)
        else:
            assert relative_difference(here, end) < 1e-12
            assert relative_difference(found(1), end) < 1e-12
        assert relative_difference(found(0), start) == 0


def assert_different_orientations(start, end, layers):
    """By least squares: the matrix g with W'_(j~0) = g W_(j~0) has a negative determinant at the layers named."""
    for layer in layers:
        assert start.widths[layer] == start.rank
        before, after = (network.partial_product(layer, 0).astype(np.float64) for network in (start, end))
        g = np.linalg.lstsq(before.T, after.T, rcond=None)[0].T
        np.testing.assert_allclose(g @ before, after, atol=1e-8 * np.abs(after).max())
        assert np.linalg.det(g) < 0


@pytest.mark.parametrize(
    ("widths", "r", "count"),
    [((1, 1, 1), 1, 2), ((3, 2, 2, 3), 2, 4), ((2, 2, 2, 2), 2, 4), ((2, 3, 2, 2), 2, 2), ((3, 3, 3), 2, 1),
     ((2, 3), 2, 1), ((2, 2, 2), 0, 1), ((1, 3, 1), 1, 1)],
    ids=str,
)  # fmt: skip
def test_connected_components_of_fibers(widths, r, count):
    assert count_connected_fiber(widths, r) == count
    found_strata = list(strata(widths, r))
    start = random_point(found_strata[0], rng=0).network
    found = [start]
    rng = np.random.default_rng(1)
    for _ in range(40):
        point = random_point(found_strata[rng.integers(len(found_strata))], start, rng=rng).network
        ways = [route(other, point) for other in found]
        assert sum(way.connected for way in ways) <= 1
        if not any(way.connected for way in ways):
            found.append(point)
    assert len(found) == count


def test_the_number_of_components_of_a_fiber_is_that_of_its_smallest_stratum():
    for widths in cartesian((1, 2, 3), repeat=4):
        for r in range(min(widths) + 1):
            smallest = next(bars for bars in strata(widths, r) if bars.is_minimal)
            assert count_connected_fiber(widths, r) == count_connected_stratum(smallest)
    with pytest.raises(InputError, match="smallest width"):
        count_connected_fiber((2, 3, 2), 3)


def test_a_route_says_its_legs():
    start = LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 3]]])
    end = LinearNetwork([[[1, 1], [0, 2]], [[1, Fraction(-1, 2)], [0, 0]]])
    found = route(start, end)
    assert [leg.kind for leg in found] == ["one-matrix", "two-matrix", "one-matrix"]
    assert [str(leg.bars) for leg in found] == ["02 00 11 22", "02 00 11 22", "02 01 22"]
    assert str(found).splitlines()[1:3] == [
        "1. one-matrix move of W_2: 02 00 11 22",
        "2. two-matrix move of W_1 and W_2: 02 00 11 22",
    ]
    assert repr(found) == "Route(3 moves over Q, from 02 00 12 to 02 01 22)"
    assert len(route(start, start)) == 2  # down and up again: the route knows no shortcuts
    alone = LinearNetwork([[[1, 2]]])
    assert len(route(alone, alone)) == 0
    assert route(alone, alone)(0.5).product.tolist() == [[1, 2]]


@pytest.mark.parametrize("way", [stratum_path, route])
def test_ways_between_what_has_no_way_are_refused(way):
    network = LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 1]]])
    with pytest.raises(InputError, match="products of the two networks differ"):
        way(network, LinearNetwork([[[2, 0], [0, 0]], [[1, 0], [0, 1]]]))
    with pytest.raises(InputError, match="widths"):
        way(network, LinearNetwork([[[1, 0], [0, 0]]]))
    with pytest.raises(InputError, match="both exactly"):
        way(network, LinearNetwork([weight.astype(np.float64) for weight in network.weights]))
    modular = LinearNetwork([weight.tolist() for weight in network.weights], modulus=7)
    with pytest.raises(InputError, match="finite field"):
        way(modular, modular)
    with pytest.raises(InputError, match="end is of type list; give a LinearNetwork"):
        way(network, [[[1]]])
    for t in (-0.1, 1.1, "now", float("nan")):
        with pytest.raises(InputError, match="time from 0"):
            way(network, network)(t)


def test_paths_do_not_change_the_stratum():
    network = LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 1]]])
    with pytest.raises(InputError, match="different strata"):
        stratum_path(network, LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 0]]]))


def test_routes_with_tolerances_that_see_different_ranks_are_refused():
    start = LinearNetwork([np.diag([1.0, 1e-5]), np.eye(2)], tolerance=1e-3)
    end = LinearNetwork([np.diag([1.0, 1e-5]), np.eye(2)])
    with pytest.raises(InputError, match="rank 1 at the start and 2 at the end"):
        route(start, end)


def test_ways_that_double_precision_cannot_go_are_refused():
    start = random_point(Bars.from_text("02 00 11 22"), field="R", rng=1).network
    end = random_point(start.bars, start, rng=2).network
    path = stratum_path(start, end)
    check_accuracy([path(0.5), path(1)], end)
    with pytest.raises(InputError, match="the end is missed by"):
        check_accuracy([path(0.5), path(0.999)], end)
    off = LinearNetwork([path(0.5).weights[0] + 1e-4, path(0.5).weights[1]])
    with pytest.raises(InputError, match="double precision does not suffice"):
        check_accuracy([off, path(1)], end)


def test_a_trained_network_and_the_way_out_of_its_dead_directions():
    rng = np.random.default_rng(4)
    target = np.diag([3.0, 2.0, 0.02, 0.0])
    weights = [0.1 * rng.standard_normal((3, 4)), 0.1 * rng.standard_normal((3, 3)), 0.1 * rng.standard_normal((4, 3))]
    for _ in range(4000):  # gradient descent with weight decay, which leaves the small singular value out
        first, second, third = weights
        error = third @ second @ first - target
        steps = [(third @ second).T @ error, third.T @ error @ first.T, error @ (second @ first).T]
        weights = [w - 0.03 * (step + 0.01 * w) for w, step in zip(weights, steps, strict=True)]
    network = LinearNetwork(weights, tolerance=0.05)
    assert network.rank == 2
    report = network.report()
    assert not report.is_smooth
    assert report.n_dead == 4
    (pair,) = report.dead
    moves = freeing_moves(network, pair, 0.5)
    after = moves[-1](0.5)
    assert after.bars.differential_rank > network.bars.differential_rank
    assert product_error(after, network) < 1e-3
    # The third singular direction of the target is out of reach at the start, and not after the moves.
    wanted = np.zeros((4, 4))
    wanted[2, 2] = 1.0
    projections = []
    for here in (network.adapted.weights(), after.adapted.weights()):
        jacobian = differential(LinearNetwork(here))
        projections.append(np.linalg.lstsq(jacobian, wanted.ravel(), rcond=1e-10)[0])
        projections[-1] = np.linalg.norm(jacobian @ projections[-1])
    assert projections[0] < projections[1]


def test_a_wide_network_in_floats():
    rng = np.random.default_rng(0)
    weights = [
        rng.standard_normal((64, 200)),
        rng.standard_normal((48, 5)) @ rng.standard_normal((5, 64)),
        rng.standard_normal((10, 48)),
    ]
    start = LinearNetwork(weights)
    assert str(start.bars) == "03x5 00x136 01x59 22x38 23x5"
    change = rng.standard_normal((64, 64))
    end = LinearNetwork([change @ weights[0], np.linalg.solve(change.T, weights[1].T).T, weights[2]])
    for way in (stratum_path(start, end), route(start, end)):
        assert way.connected
        for t in (0.2, 0.5, 0.9):
            assert product_error(way(t), start) < 1e-14
        assert relative_difference(way(1), end) < 1e-10

"""Strata of fibers of linear networks: counts, dimensions, closure order, components, moves, figures."""

import sys
import time
from collections import Counter
from fractions import Fraction
from itertools import islice, pairwise, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_fibers import (
    aoyagi_learning_coefficient,
    below,
    kostant_partition_function,
    naive_covers,
    naive_ranks,
    naive_strata,
    stratum_dimension_and_differential_rank,
    transitive_closure,
    width_vectors,
)

from algeom.errors import InputError, ResourceError
from algeom.networks.fibers.bars import Bars, intervals
from algeom.networks.fibers.counting import component_bars, count_strata
from algeom.networks.fibers.order import lower_covers, upper_covers
from algeom.networks.fibers.points import random_point
from algeom.networks.fibers.strata import Strata, strata


def fibers(*totals):
    """All widths with these sums, up to reversal, with all ranks."""
    return [(d, r) for total in totals for d in width_vectors(total) for r in range(min(d) + 1)]


def component_dimensions(fiber):
    return dict(Counter(component.dimension for component in fiber.components()))


# The worked example: all columns of the table of the fiber of (2, 3, 2, 3), r = 1.

#: Bars, the ranks r10 r20 r30 r21 r31 r32, dimension, rank of the differential, and the rows that cover it.
EXAMPLE = [
    ("03 00 11x2 22 33x2", "1 1 1 1 1 1", 8, 4, {1, 2, 3}),
    ("03 00 11x2 23 33", "1 1 1 1 1 2", 10, 4, {5, 7}),
    ("03 00 11 12 33x2", "1 1 1 2 1 1", 10, 4, {5, 4}),
    ("03 01 11 22 33x2", "2 1 1 1 1 1", 10, 4, {7, 4}),
    ("03 01 12 33x2", "2 1 1 2 1 1", 11, 4, {6, 8}),
    ("03 00 11 13 33", "1 1 1 2 2 2", 12, 5, {8}),
    ("03 02 11 33x2", "2 2 1 2 1 1", 12, 6, set()),
    ("03 01 11 23 33", "2 1 1 1 1 2", 12, 5, {8}),
    ("03 01 13 33", "2 1 1 2 2 2", 13, 5, set()),
]


@pytest.fixture(scope="module")
def example():
    return strata((2, 3, 2, 3), 1)


@pytest.mark.parametrize("row", EXAMPLE, ids=[row[0] for row in EXAMPLE])
def test_table_of_the_example(example, row):
    text, ranks, dimension, differential_rank, above = row
    stratum = Bars.from_text(text)
    assert str(stratum) == text
    assert stratum in example
    listed = [stratum.rank_list[j, i] for j, i in [(1, 0), (2, 0), (3, 0), (2, 1), (3, 1), (3, 2)]]
    assert " ".join(map(str, listed)) == ranks
    assert (stratum.dimension, stratum.differential_rank) == (dimension, differential_rank)
    assert {str(bars) for bars in example.upper_covers(stratum)} == {EXAMPLE[k][0] for k in above}
    assert stratum.is_maximal == (not above)


def test_counts_of_the_example(example):
    assert {str(stratum) for stratum in example} == {row[0] for row in EXAMPLE}
    assert (len(example), example.n_components, example.n_top_components) == (9, 2, 1)
    assert sum(len(example.upper_covers(stratum)) for stratum in example) == 13
    assert sum(len(stratum.raising_moves()) for stratum in example) == 15
    assert (example.dimension, example.codimension) == (13, 5)
    assert component_dimensions(example) == {13: 1, 12: 1}
    assert str(example.minimal) == EXAMPLE[0][0]


def test_point_of_the_open_stratum_of_the_example():
    first, second, third = Bars.from_text("03 01 13 33").normal_form()
    assert first.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert second.tolist() == [[0, 1, 0], [0, 0, 1]]
    assert third.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert (third @ second @ first).tolist() == [[0, 1], [0, 0], [0, 0]]


def test_smooth_strata_of_the_example(example):
    # Rows 5, 7 and 8: the tangent space of the fiber has dimension 18 - 5 = 13 there, as the component of row 8 does.
    # Row 6 is a component of dimension 12 = 18 - 6.
    smooth = {str(stratum) for stratum in example if stratum.is_smooth}
    assert smooth == {EXAMPLE[k][0] for k in (5, 6, 7, 8)}


# Counts.


@pytest.mark.parametrize(
    ("widths", "counts"),
    [
        *(((w,) * 4, [count]) for w, count in zip(range(1, 6), [7, 27, 77, 182, 378], strict=True)),
        ((3,) * 4, [77, 27, 7, 1]),
        ((2,) * 5, [109, 15, 1]),
        ((3,) * 5, [535, 109, 15, 1]),
    ],
)
def test_counts_for_equal_widths(widths, counts):
    assert [strata(widths, rank).count for rank in range(len(counts))] == counts


@pytest.mark.parametrize("w", range(1, 7))
def test_two_matrices_have_a_binomial_number_of_strata(w):
    assert [strata((w, w, w), r).count for r in range(w + 1)] == [comb(w - r + 2, 2) for r in range(w + 1)]


@pytest.mark.parametrize("total", range(2, 9))
def test_enumeration_is_complete(total):
    for widths, rank in fibers(total):
        fiber = strata(widths, rank)
        listed = list(fiber)
        naive = naive_strata(widths, rank)
        assert {frozenset(stratum.items()) for stratum in listed} == {frozenset(omega.items()) for omega in naive}
        assert len(listed) == len(naive) == fiber.count == sum(fiber.count_by_dimension.values())
        assert fiber.count_by_dimension == Counter(stratum.dimension for stratum in listed)
        assert listed[0] == fiber.minimal
        assert all(stratum in fiber for stratum in listed)


@pytest.mark.parametrize("weights", [(4, 4, 4), (5, 2, 3, 4), (1, 3, 0, 2), (2, 1, 3, 2, 2), (3, 2, 3, 2, 3)])
def test_count_is_a_difference_of_kostant_partition_functions(weights):
    expected = kostant_partition_function(weights)
    if min(weights):
        expected -= kostant_partition_function([e - 1 for e in weights])
    assert count_strata(weights) == expected


def test_large_counts_take_well_under_a_second():
    start = time.process_time()
    assert strata((20,) * 11, 0).count == 307085969833387930759130235
    assert strata((100,) * 5, 0).n_components == comb(103, 3)
    fiber = strata((784, 512, 256, 128, 10), 0)
    assert (fiber.count, fiber.n_components, fiber.codimension) == (404046244468724, 286, 1280)
    assert time.process_time() - start < 2
    # Two counts by different recursions.
    fiber = strata((10,) * 6, 0)
    assert fiber.count == sum(fiber.count_by_dimension.values()) == 40443476
    assert min(fiber.count_by_dimension) == fiber.minimal.dimension
    assert max(fiber.count_by_dimension) == fiber.dimension
    assert fiber.count_by_dimension[fiber.dimension] == fiber.n_top_components


def test_count_depends_on_the_reduced_widths_only():
    assert strata((5, 7, 6, 5), 4).count == strata((1, 3, 2, 1), 0).count


def test_counts_that_would_take_too_long_are_refused():
    with pytest.raises(ResourceError, match="pairs of partitions"):
        _ = strata((1000,) * 9, 0).count
    with pytest.raises(ResourceError, match="choices"):
        _ = strata((100,) * 4, 0).count_by_dimension
    assert "too many strata to count" in repr(strata((1000,) * 9, 0))
    wide = strata((10**9,) * 3, 0)
    for ask in (lambda: wide.n_components, wide.components, lambda: wide.components_containing(wide.minimal)):
        with pytest.raises(ResourceError, match="steps at layer 1"):
            ask()
    assert "too many components to count" in repr(wide)
    assert wide.codimension == 3 * 10**18 // 4


def test_the_widest_and_the_deepest_networks():
    """Between two layers there is one stratum over 0, of any width; matrices of it do not fit."""
    fiber = strata((10**9, 10**9), 0)
    assert fiber.components() == (fiber.minimal,)
    for work in (fiber.minimal.normal_form, lambda: random_point(fiber.minimal, rng=0)):
        with pytest.raises(ResourceError, match="narrower layers"):
            work()
    with pytest.raises(InputError, match="width of layer 0"):
        strata((10**160, 2), 0)
    with pytest.raises(ResourceError, match="multiply some of them"):
        Bars.from_multiplicities({(0, 10**7): 1})
    assert len(intervals(1000)) == 1001 * 1002 // 2


# Dimensions, against the rank of the infinitesimal action and of the differential.


def check_dimensions(totals):
    checked = 0
    for widths, rank in fibers(*totals):
        for stratum in strata(widths, rank):
            expected = stratum_dimension_and_differential_rank(stratum.normal_form())
            assert (stratum.dimension, stratum.differential_rank) == expected, stratum
            checked += 1
    return checked


def test_dimensions_of_all_strata_of_widths_with_small_sums():
    # The numbers of strata for sums 2, 3, ..., 7.
    assert check_dimensions(range(2, 8)) == 2 + 6 + 22 + 59 + 203 + 586


def test_dimensions_of_some_strata_of_wider_networks():
    rng = np.random.default_rng(1)
    for widths, rank in [
        ((6, 6), 2),
        ((4, 4, 4), 1),
        ((3, 3, 3, 3), 0),
        ((2, 4, 3, 3), 1),
        ((2,) * 6, 0),
        ((5, 4, 3), 2),
    ]:
        listed = list(strata(widths, rank))
        for k in rng.choice(len(listed), min(len(listed), 30), replace=False):
            expected = stratum_dimension_and_differential_rank(listed[k].normal_form())
            assert (listed[k].dimension, listed[k].differential_rank) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("total", "count"), [(8, 1991), (9, 6109), (10, 20625), (11, 65730), (12, 221005)])
def test_dimensions_of_all_strata_of_widths_with_sums_up_to_twelve(total, count):
    assert check_dimensions([total]) == count


def test_both_forms_of_the_dimension_agree():
    for widths, rank in fibers(*range(2, 9)):
        for stratum in strata(widths, rank):
            homomorphisms = sum(
                m * n for (a, b), m in stratum.items() for (c, e), n in stratum.items() if c <= a <= e <= b
            )
            whole = sum(d * d for d in widths) - rank * (widths[0] + widths[-1] - rank)
            assert stratum.dimension == whole - homomorphisms


def test_tangent_space_exceeds_the_stratum_by_the_moves_that_raise_it():
    # So the open strata are smooth, and the fiber is reduced at their points.
    for widths, rank in fibers(*range(2, 10)):
        for stratum in strata(widths, rank):
            raising = sum(
                stratum[first] * stratum[second] for first, second in (m.before for m in stratum.raising_moves())
            )
            assert stratum.n_weights - stratum.differential_rank - stratum.dimension == raising
            if stratum.is_maximal:
                assert stratum.is_smooth


def test_minimal_stratum():
    for widths, rank in fibers(*range(2, 9)):
        fiber = strata(widths, rank)
        excess = sum((d - rank) * (e - rank) for d, e in pairwise(widths))
        assert fiber.minimal.is_minimal
        assert fiber.minimal.dimension == fiber.minimal.n_weights - rank * (widths[0] + widths[-1] - rank) - excess
        assert all(fiber.minimal <= stratum for stratum in fiber)
        assert sum(stratum.is_minimal for stratum in fiber) == 1


# The closure order.


def check_order(widths, rank):
    listed = list(strata(widths, rank))
    position = {stratum: k for k, stratum in enumerate(listed)}
    ranks = [naive_ranks(dict(stratum.items()), len(widths) - 1) for stratum in listed]
    less, covers = naive_covers(ranks)
    found = {(k, position[move.result]) for k, stratum in enumerate(listed) for move in upper_covers(stratum)}
    assert found == covers
    assert {(position[move.result], k) for k, stratum in enumerate(listed) for move in lower_covers(stratum)} == covers
    raising = np.zeros(less.shape, dtype=bool)
    for k, stratum in enumerate(listed):
        for move in stratum.raising_moves():
            raising[k, position[move.result]] = True
            assert stratum < move.result
    assert (transitive_closure(raising) == less).all()
    assert sorted(
        (k, position[m.result]) for k, stratum in enumerate(listed) for m in stratum.lowering_moves()
    ) == sorted((int(k), int(i)) for i, k in np.argwhere(raising))
    assert [stratum.is_maximal for stratum in listed] == (~less.any(axis=1)).tolist()
    return len(covers), int(raising.sum())


@pytest.mark.parametrize("total", range(2, 8))
def test_covers_are_moves_and_moves_generate_the_closure_order(total):
    for widths, rank in fibers(total):
        check_order(widths, rank)


@pytest.mark.parametrize(
    ("widths", "rank", "covers", "moves"),
    [
        ((2, 3, 2, 3), 1, 13, 15),
        ((2,) * 4, 0, 49, None),
        ((3,) * 4, 0, 167, 243),
        ((2,) * 5, 1, 28, None),
        ((2,) * 5, 0, 282, None),
    ],
)
def test_numbers_of_covers_and_moves(widths, rank, covers, moves):
    found = check_order(widths, rank)
    assert found[0] == covers
    assert moves is None or found[1] == moves


@pytest.mark.slow
@pytest.mark.parametrize("total", [8, 9, 10])
def test_covers_are_moves_for_larger_sums(total):
    for widths, rank in fibers(total):
        if strata(widths, rank).count < 600:
            check_order(widths, rank)


def test_order_compares_rank_lists():
    listed = list(strata((2, 3, 2), 0))
    for first in listed:
        for second in listed:
            expected = below(first.rank_list, second.rank_list)
            assert (first <= second) == (second >= first) == expected
            assert (first < second) == (second > first) == (expected and first != second)
    assert sorted(listed, key=lambda stratum: stratum.sort_key)[0] == strata((2, 3, 2), 0).minimal
    with pytest.raises(InputError, match="different spaces"):
        _ = listed[0] <= Bars.from_text("00 11")


def test_moves_change_ranks_in_a_rectangle():
    for stratum in strata((3, 3, 3, 3), 0):
        for move in stratum.raising_moves() + stratum.lowering_moves():
            a, c, b, e = move.corners
            sign = 1 if move.raising else -1
            change = move.result.rank_matrix - stratum.rank_matrix
            expected = np.zeros_like(change)
            expected[b + 1 : e + 1, a:c] = sign
            assert (change == expected).all()
            assert move.kind == ("connecting" if c == b + 1 else "swapping")


# Components.


@pytest.mark.parametrize(
    ("widths", "rank", "dimensions"),
    [
        ((2, 2, 2), 0, {5: 1, 4: 2}),
        ((2, 2, 2), 1, {4: 2}),
        ((2, 3, 2, 3), 1, {13: 1, 12: 1}),
        ((2,) * 4, 0, {9: 3, 8: 3}),
        ((3,) * 4, 0, {21: 1, 20: 6, 18: 3}),
        ((2,) * 5, 1, {12: 4}),
        ((2,) * 5, 0, {13: 6, 12: 4}),
    ],
)
def test_dimensions_of_components(widths, rank, dimensions):
    fiber = strata(widths, rank)
    assert component_dimensions(fiber) == dimensions
    assert fiber.n_components == sum(dimensions.values())
    assert (fiber.dimension, fiber.n_top_components) == max(dimensions.items())


def test_dimensions_of_strata_of_two_by_two_matrices():
    assert strata((2, 2, 2), 0).count_by_dimension == {0: 1, 3: 2, 4: 2, 5: 1}
    assert strata((2, 2, 2), 1).count_by_dimension == {3: 1, 4: 2}


@pytest.mark.parametrize("total", range(2, 10))
def test_components_are_the_maximal_strata(total):
    for widths, rank in fibers(total):
        fiber = strata(widths, rank)
        maximal = {stratum for stratum in fiber if stratum.is_maximal}
        components = fiber.components()
        assert set(components) == maximal
        assert len(components) == len(maximal) == fiber.n_components
        top = max(stratum.dimension for stratum in maximal)
        assert (fiber.dimension, fiber.n_top_components) == (top, sum(s.dimension == top for s in maximal))


def test_components_containing_a_stratum(example):
    assert example.components_containing(example.minimal) == example.components()
    assert [str(bars) for bars in example.components_containing(Bars.from_text("03 01 12 33x2"))] == [
        "03 01 13 33",
        "03 02 11 33x2",
    ]
    for widths, rank in fibers(7):
        fiber = strata(widths, rank)
        for stratum in fiber:
            above = fiber.components_containing(stratum)
            tangent = stratum.n_weights - stratum.differential_rank
            assert stratum.is_smooth == (above[0].dimension == tangent)
            assert len(above) == 1 or not stratum.is_smooth


def test_only_components_that_fit_are_built():
    # Few of the ways in which bars of birth 0 could end lead to a component here.
    fiber = strata((30, 40, 20, 35, 10, 25, 15), 0)
    components = list(component_bars((30, 40, 20, 35, 10, 25, 15)))
    assert len(components) == fiber.n_components == 66
    assert all(component.is_maximal for component in fiber.components())


# Codimension, number of top-dimensional components, and learning coefficient.


@pytest.mark.parametrize(("widths", "expected"), [((1, 2, 3), (2, 1)), ((1, 2, 2, 3), (2, 2)), ((2, 3, 3), (5, 1))])
def test_codimension_and_number_of_top_components_do_not_depend_on_the_order(widths, expected):
    for order in permutations(widths):
        fiber = strata(order, 0)
        assert (fiber.codimension, fiber.n_top_components) == expected
        top = [component for component in fiber.components() if component.dimension == fiber.dimension]
        assert (top[0].n_weights - top[0].dimension, len(top)) == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=7), st.data())
def test_codimension_is_that_of_the_largest_components_and_of_aoyagis_formula(widths, data):
    rank = data.draw(st.integers(0, min(widths)))
    fiber = strata(widths, rank)
    assert fiber.codimension == aoyagi_learning_coefficient(widths, rank)
    assert fiber.real_log_canonical_threshold == Fraction(fiber.codimension, 2)
    if fiber.n_components <= 2000:
        dimensions = component_dimensions(fiber)
        assert max(dimensions.items()) == (fiber.dimension, fiber.n_top_components)


# Bars as values.


@st.composite
def some_bars(draw):
    depth = draw(st.integers(1, 12))
    short = [(j, j) for j in range(depth + 1)]
    others = draw(st.lists(st.tuples(st.integers(0, depth), st.integers(0, depth)).map(sorted).map(tuple), max_size=12))
    return Bars.from_multiplicities(Counter(short + others))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some_bars())
def test_conversions_of_bars(bars):
    assert Bars.from_text(str(bars)) == bars
    assert Bars.from_rank_list(bars.rank_list) == Bars.from_rank_list(bars.rank_matrix) == bars
    assert hash(Bars(bars.widths, bars.multiplicities)) == hash(bars)
    assert Bars.from_multiplicities(dict(bars.items()), bars.widths) == bars
    assert bars.transposed.transposed == bars
    assert bars.transposed.dimension == bars.dimension
    assert bars.rank == bars[0, bars.depth] == bars.rank_between(bars.depth, 0)
    weights = bars.normal_form()
    assert [W.shape for W in weights] == list(zip(bars.widths[1:], bars.widths, strict=False))
    for i in range(bars.depth + 1):
        partial = np.eye(bars.widths[i], dtype=np.int64)
        for j in range(i, bars.depth + 1):
            # A matrix with at most one 1 in each row and column has as much rank as it has ones.
            assert partial.sum() == bars.rank_between(j, i)
            assert max(partial.sum(axis=0).max(), partial.sum(axis=1).max()) <= 1
            if j < bars.depth:
                partial = weights[j] @ partial
    assert [len(bars.through(j)) for j in range(bars.depth + 1)] == list(bars.widths)


def test_separator_from_layer_ten_on():
    bars = Bars.from_multiplicities({(0, 10): 1, (3, 4): 2, (10, 10): 1})
    assert str(bars) == "0-10 3-4x2 10-10"
    assert [str(move) for move in bars.lowering_moves()] == ["cutting 3-4 to 3-3 and 4-4: 0-10 3-3 3-4 4-4 10-10"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bars((2, 2), (1, 0)), "3 intervals"),
        (lambda: Bars((2, 2), (1, 0, 2)), "bars go through layer 0"),
        (lambda: Bars((1, 1), (-1, 2, -1)), "multiplicity of bar"),
        (lambda: Bars((2,), (2,)), "at least two"),
        (lambda: Bars((0, 1), (0, 0, 1)), "width of layer 0"),
        (lambda: Bars.from_text("0-1 x2"), "is no bar"),
        (lambda: Bars.from_text("31"), "last layer of a bar"),
        (lambda: Bars.from_multiplicities({(0, 1): 1}, (2, 1)), "bars go through layer 0"),
        (lambda: Bars.from_multiplicities({(0, 2): 1}, (1, 1)), "layers are 0 to 1"),
        (lambda: Bars.from_multiplicities({3: 1}), "no bar"),
        (lambda: Bars.from_rank_list({(0, 0): 1, (1, 1): 1}), r"none for \(1, 0\)"),
        (lambda: Bars.from_rank_list([[1, 1], [1, 1]]), "above the diagonal"),
        (lambda: Bars.from_rank_list([[1, 0], [2, 3]]), "no weights have these ranks"),
        (lambda: Bars.from_rank_list([[1, 0], [0.5, 3]]), "rank at"),
        (lambda: Bars.from_rank_list([1, 2]), "square array"),
        (lambda: Bars.from_rank_list([[1], [1, 2]]), "square one"),
        (lambda: Bars.from_text("01 00")[2, 2], "layers are 0 to 1"),
        (lambda: Bars.from_text("01 00").rank_between(0, 1), "first layer comes second"),
        (lambda: Bars.from_text("01 00").through(2), "last layer"),
        (lambda: strata((2, 3), 3), "least width"),
        (lambda: strata((2, 3), -1), "rank is -1"),
        (lambda: strata((2, 0.5), 0), "width of layer 1"),
        (lambda: strata(5, 0), "at least two"),
        (lambda: strata("23", 0), "at least two"),
        (lambda: strata((2, 3), 0).upper_covers(Bars.from_text("00 11")), "no stratum of widths"),
        (lambda: strata((2, 3), 0).components(limit=0), "limit"),
    ],
)
def test_wrong_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# The lazy collection, tables, graphs, figures.


def test_strata_are_lazy():
    fiber = strata((50,) * 30, 7)
    assert isinstance(fiber, Strata)
    assert bool(fiber)
    assert fiber == Strata((50,) * 30, 7)
    first = list(islice(fiber, 3))
    assert first[0] == fiber.minimal
    assert all(stratum in fiber for stratum in first)
    assert Bars.from_text("01 00") not in fiber
    assert fiber.upper_covers(fiber.minimal)[0].dimension > fiber.minimal.dimension
    with pytest.raises(ResourceError, match="more than len"):
        len(strata((20,) * 11, 0))


def test_what_is_too_large_to_list_is_refused_with_its_count():
    fiber = strata((10,) * 6, 0)
    for call in (fiber.hasse_diagram, fiber.table):
        with pytest.raises(ResourceError, match="there are 40443476 strata"):
            call()
    with pytest.raises(ResourceError, match="47905 components"):
        strata((64,) * 5, 0).components()
    assert len(strata((8,) * 5, 0).components(limit=200)) == 165


def test_hasse_diagram(example):
    networkx = pytest.importorskip("networkx")
    graph = example.hasse_diagram()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (9, 13)
    assert networkx.is_directed_acyclic_graph(graph)
    assert networkx.transitive_reduction(graph).number_of_edges() == 13
    for stratum, data in graph.nodes.items():
        assert (data["dimension"], data["rank_list"]) == (stratum.dimension, stratum.rank_list)
        assert data["differential_rank"] == stratum.differential_rank
        assert (data["is_smooth"], data["is_maximal"]) == (stratum.is_smooth, graph.out_degree(stratum) == 0)
    assert all(data["move"].result == high for _, high, data in graph.edges(data=True))
    assert next(iter(graph)) == example.minimal


def test_hasse_diagram_without_networkx(example, monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(InputError, match="pip install networkx"):
        example.hasse_diagram()


def test_table(example):
    heading, *rows = example.table().splitlines()
    assert " ".join(heading.split()) == "id bars r10 r20 r30 r21 r31 r32 dim rank dmu smooth covered by"
    assert len(rows) == 9
    assert " ".join(rows[-1].split()) == "8 03 01 13 33 2 1 1 2 2 2 13 5 yes -"
    assert repr(example) == (
        "Strata(widths (2, 3, 2, 3), rank 1: 9 strata, fiber of dimension 13, 2 components, "
        "1 of them of that dimension)"
    )


def test_figure_of_the_hasse_diagram(example):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    ax = example.plot()
    assert {text.get_text().replace("\n", " ") for text in ax.texts} == {str(stratum) for stratum in example}
    height = {text.get_text().replace("\n", " "): text.get_position()[1] for text in ax.texts}
    levels = [float(tick.get_text()) for tick in ax.get_yticklabels()]
    assert all(levels[height[str(stratum)]] == stratum.dimension for stratum in example)
    assert sum(len(line.get_xdata()) > 0 for line in ax.get_lines()) == 13
    assert [text.get_text()[-3:] for text in ax.get_legend().get_texts()] == [": 2", ": 2", ": 5"]
    ax.figure.canvas.draw()
    assert np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].min() < 128
    # Labels may not cover each other.
    boxes = [text.get_window_extent() for text in ax.texts]
    assert not any(first.overlaps(second) for k, first in enumerate(boxes) for second in boxes[:k])

    _, small = pyplot.subplots(figsize=(3, 3))
    assert strata((2, 2, 2, 2), 0).plot(ax=small) is small
    assert not small.texts
    with pytest.raises(ResourceError, match="at most 400"):
        strata((4, 4, 4, 4, 4), 0).plot()
    pyplot.close("all")

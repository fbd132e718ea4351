"""Families of graphs against DIMACS' counts and exhaustive search; repair of cliques and upper bounds as laws."""

import math
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.lsrdr.graphs.baselines import greedy_clique, spectral_clique
from algeom.lsrdr.graphs.clique_bounds import clique_bound, colouring_bound, ratio_bound
from algeom.lsrdr.graphs.clique_repair import Neighbours, clique_from_scores, improved_clique, missing_pairs
from algeom.lsrdr.graphs.instances import (
    c_fat_graph,
    camouflaged_clique,
    hamming_graph,
    johnson_graph,
    keller_graph,
    kneser_graph,
    p_hat_graph,
    planted_clique,
    random_graph,
)


def clique_number(adjacency):
    """By networkx's exhaustive search."""
    return nx.max_weight_clique(nx.from_numpy_array(np.asarray(adjacency)), weight=None)[1]


def neighbours(instance):
    return Neighbours(csr_array(instance.adjacency))


def assert_simple(instance):
    adjacency = instance.adjacency
    assert np.array_equal(adjacency, adjacency.T)
    assert not adjacency.diagonal().any()
    assert not adjacency.flags.writeable


@pytest.mark.parametrize(
    ("instance", "vertices", "edges", "number"),
    [
        # The second DIMACS challenge's tables.
        (hamming_graph(6, 2), 64, 1824, 32),
        (hamming_graph(6, 4), 64, 704, 4),
        (hamming_graph(8, 2), 256, 31616, 128),
        (hamming_graph(8, 4), 256, 20864, 16),
        (hamming_graph(10, 2), 1024, 518656, 512),
        (hamming_graph(10, 4), 1024, 434176, 40),
        (johnson_graph(8, 2, 4), 28, 210, 4),
        (johnson_graph(8, 4, 4), 70, 1855, 14),
        (johnson_graph(16, 2, 4), 120, 5460, 8),
        (johnson_graph(32, 2, 4), 496, 107880, 16),
        (keller_graph(4), 171, 9435, 11),
        (keller_graph(5), 776, 225990, 27),
        (c_fat_graph(200, 1), 200, 1534, 12),
        (c_fat_graph(200, 2), 200, 3235, 24),
        (c_fat_graph(200, 5), 200, 8473, 58),
        (c_fat_graph(500, 1), 500, 4459, 14),
        (c_fat_graph(500, 2), 500, 9139, 26),
        (c_fat_graph(500, 5), 500, 23191, 64),
        (c_fat_graph(500, 10), 500, 46627, 126),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_counts_of_dimacs(instance, vertices, edges, number):
    assert (instance.n, instance.edges, instance.clique_number) == (vertices, edges, number)
    assert instance.target == number
    assert_simple(instance)


def small_instances():
    for n in range(1, 6):
        yield from (hamming_graph(n, d) for d in range(1, n + 1))
    yield hamming_graph(6, 4)
    for n in range(1, 8):
        yield from (johnson_graph(n, w, d) for w in range(1, n + 1) for d in range(1, 7))
    yield from (keller_graph(d, whole=whole) for d in (2, 3) for whole in (False, True))
    yield from (kneser_graph(n, w) for n, w in ((5, 2), (7, 2), (7, 3), (8, 2), (4, 3)))
    yield from (c_fat_graph(n, c) for n in (2, 5, 10, 30, 40) for c in (0.1, 0.5, 1, 2, 50))


def test_clique_numbers_by_exhaustive_search():
    known = 0
    for instance in small_instances():
        if instance.clique_number is not None:
            assert clique_number(instance.adjacency) == instance.clique_number, instance
            known += 1
    assert known > 150


def test_whole_keller_graph_is_vertex_transitive_around_the_dimacs_one():
    whole = keller_graph(3, whole=True)
    assert set(whole.adjacency.sum(axis=0)) == {4**3 - 3**3 - 3}
    assert keller_graph(3).n == 34
    around = whole.adjacency[np.ix_(*[np.flatnonzero(whole.adjacency[0])] * 2)]
    assert np.array_equal(around, keller_graph(3).adjacency)


def test_planted_cliques_are_there():
    for instance in (planted_clique(80, 12, rng=3), *(camouflaged_clique(100, 10, 0.5, d, rng=3) for d in (0, 1, 2))):
        assert not missing_pairs(neighbours(instance), instance.planted)
        assert instance.clique_number is None
        assert instance.target == len(instance.planted)
        assert_simple(instance)
    assert np.array_equal(planted_clique(80, 12, rng=3).adjacency, planted_clique(80, 12, rng=3).adjacency)


def test_camouflage_hides_the_clique_from_degrees():
    """Expected degrees p (n - 1) for all vertices at depth 1; less for the clique beyond, more for planted cliques."""
    n, k, samples = 300, 16, 12
    deviation = math.sqrt(n / 4 / (k * samples))
    means = []
    for depth in (0, 1, 2):
        instances = [camouflaged_clique(n, k, 0.5, depth, rng=s) for s in range(samples)]
        means.append(np.mean([i.adjacency.sum(axis=0)[list(i.planted)].mean() for i in instances]))
        if depth:
            densities = [i.edges / math.comb(n, 2) for i in instances]
            assert np.mean(densities) == pytest.approx(0.5, abs=0.01)
    assert means[0] == pytest.approx(15 + 284 / 2, abs=4 * deviation)
    assert means[1] == pytest.approx(299 / 2, abs=4 * deviation)
    assert means[2] < means[1] - 2


def test_camouflage_to_depth_two_equals_degrees_after_one_guess():
    """Among the vertices joined to a member of the clique, its other members have the mean degree."""
    n, k = 300, 14
    gaps = []
    for s in range(15):
        instance = camouflaged_clique(n, k, 0.5, 2, rng=s)
        left = np.flatnonzero(instance.adjacency[instance.planted[0]])
        degrees = instance.adjacency[np.ix_(left, left)].sum(axis=0)
        gaps.append(degrees[np.isin(left, instance.planted)].mean() - degrees.mean())
    assert abs(np.mean(gaps)) < 4 * math.sqrt(n / 8 / (k * 15))


def test_random_models():
    assert random_graph(50, 1.0, rng=0).edges == math.comb(50, 2)
    assert random_graph(50, 0.0, rng=0).edges == 0
    narrow, wide = random_graph(300, 0.5, rng=1), p_hat_graph(300, 0, 1, rng=1)
    assert wide.edges / math.comb(300, 2) == pytest.approx(0.5, abs=0.05)
    assert np.std(wide.adjacency.sum(axis=0)) > 3 * np.std(narrow.adjacency.sum(axis=0))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (hamming_graph, (0, 1)), (hamming_graph, (4, 5)), (hamming_graph, (4, 0)), (hamming_graph, (4.0, 2)),
        (johnson_graph, (4, 5, 2)), (johnson_graph, (63, 2, 2)), (johnson_graph, (60, 30, 2)),
        (keller_graph, (1,)), (keller_graph, (9,)), (c_fat_graph, (1, 1)), (c_fat_graph, (10, 0)),
        (c_fat_graph, (10, math.nan)), (kneser_graph, (4, 0)), (random_graph, (10, 1.5)), (random_graph, (10, 2)),
        (planted_clique, (10, 11)), (planted_clique, (10, 0)), (camouflaged_clique, (10, 10)), (p_hat_graph, (9, 1, 0)),
        (camouflaged_clique, (200, 12, 0.5, 3)), (camouflaged_clique, (20, 15, 0.5, 1)),
    ],
)  # fmt: skip
def test_bad_parameters(function, arguments):
    with pytest.raises(InputError, match=r"give|lower"):
        function(*arguments)


def test_large_graphs_are_refused():
    with pytest.raises(ResourceError, match="adjacency matrix"):
        hamming_graph(20, 4)


graphs = st.integers(1, 14).flatmap(
    lambda n: st.lists(st.booleans(), min_size=math.comb(n, 2), max_size=math.comb(n, 2)).map(lambda e: (n, e))
)


def from_edges(n, present):
    adjacency = np.zeros((n, n), dtype=bool)
    adjacency[np.triu_indices(n, 1)] = present
    return adjacency | adjacency.T


@settings(max_examples=150, deadline=None, derandomize=True)
@given(graphs, st.integers(0, 10**6))
def test_repair_and_bounds_enclose_the_clique_number(drawn, seed):
    n, present = drawn
    adjacency = from_edges(n, present)
    graph = Neighbours(csr_array(adjacency))
    scores = np.random.default_rng(seed).integers(0, 3, n).astype(float)
    clique = clique_from_scores(graph, scores)
    assert not missing_pairs(graph, clique)
    # Neither a vertex to add, nor one to exchange for two.
    outside = set(range(n)) - set(clique)
    for v in outside:
        assert not adjacency[v, clique].all()
    for a, b in combinations(outside, 2):
        missed = set(np.flatnonzero(~adjacency[a])) | set(np.flatnonzero(~adjacency[b]))
        assert not (adjacency[a, b] and len(missed & set(clique)) <= 1)
    number = clique_number(adjacency)
    assert len(clique) <= number <= clique_bound(graph).value <= colouring_bound(graph)
    assert ratio_bound(graph) is None or number <= ratio_bound(graph)


def test_missing_pairs_are_named():
    graph = neighbours(c_fat_graph(40, 1))
    adjacency = c_fat_graph(40, 1).adjacency
    assert missing_pairs(graph, range(12)) == tuple(
        (a, b) for a, b in combinations(range(12), 2) if not adjacency[a, b]
    )


def test_exchanges_find_more_than_completion():
    """A star's centre loses to the triangle among its leaves' other neighbours."""
    edges = [(0, 1), (1, 2), (2, 3), (1, 3)]
    graph = Neighbours(nx.to_scipy_sparse_array(nx.Graph(edges), dtype=bool))
    assert improved_clique(graph, [0, 1]) == [1, 2, 3]
    assert improved_clique(graph, []) == [1, 2, 3]


def test_ratio_bounds_of_strongly_regular_graphs():
    """Kneser graphs K(n, 2): floor(n / 2) for even n; Petersen's graph has no triangle."""
    for n in (6, 8, 10, 16):
        bound = clique_bound(neighbours(kneser_graph(n, 2)))
        assert bound.value == n // 2
        assert bound.evidence.status is Status.NUMERICAL
    assert clique_bound(neighbours(kneser_graph(5, 2))).value == 2
    assert clique_bound(neighbours(johnson_graph(8, 4, 4))).value == 14


@pytest.mark.parametrize("n", [4, 6, 8])
def test_colourings_prove_clique_numbers(n):
    """Words that differ in the last bit only are not joined: 2^(n-1) colours for hamming n-2."""
    graph = neighbours(hamming_graph(n, 2))
    assert colouring_bound(graph) == 2 ** (n - 1)
    assert clique_bound(graph).evidence.status is Status.PROVED


@pytest.mark.parametrize(
    "instance",
    [johnson_graph(8, 2, 4), johnson_graph(16, 2, 4), hamming_graph(6, 2), hamming_graph(6, 4), keller_graph(4)],
    ids=lambda instance: instance.name,
)
def test_greedy_reaches_known_optima(instance):
    clique = greedy_clique(instance.adjacency, restarts=30, rng=0)
    assert clique.size == instance.clique_number
    assert clique.vertices == greedy_clique(instance.adjacency, restarts=30, rng=0).vertices
    assert clique.upper_bound.value >= clique.size
    assert clique.evidence.status is (clique.upper_bound.evidence.status if clique.is_maximum else Status.LOWER_BOUND)


def test_greedy_within_a_time():
    clique = greedy_clique(hamming_graph(6, 2).adjacency, restarts=None, seconds=0.01, rng=0)
    assert clique.is_maximum
    assert clique.size == 32


@pytest.mark.parametrize("n", [100, 600])
def test_spectral_method_above_the_square_root(n):
    """Alon, Krivelevich, Sudakov: cliques of c sqrt(n) vertices, by dense and by sparse eigenvectors."""
    for s in range(2):
        instance = planted_clique(n, int(3 * math.sqrt(n)), rng=s)
        clique = spectral_clique(instance.adjacency, len(instance.planted))
        assert clique.vertices == instance.planted
        assert clique.found
        assert not clique.missing_pairs
        assert repr(clique).startswith(f"Clique({len(instance.planted)} vertices, verified")


def test_arguments_of_other_methods():
    edge = [[0, 1], [1, 0]]
    assert spectral_clique(edge, 2).is_maximum
    for k in (0, 3, 1.5):
        with pytest.raises(InputError, match="k is"):
            spectral_clique(edge, k)
    for limits in (
        {"restarts": 0},
        {"restarts": None},
        {"restarts": 3, "seconds": 1.0},
        {"restarts": None, "seconds": -1},
    ):
        with pytest.raises(InputError, match="give"):
            greedy_clique(edge, **limits)
    with pytest.raises(InputError, match="directed"):
        greedy_clique(nx.DiGraph([(0, 1)]))
    with pytest.raises(InputError, match="loops"):
        greedy_clique([[1, 1], [1, 0]])
    assert greedy_clique([[1, 1], [1, 0]], self_loops="drop").size == 2

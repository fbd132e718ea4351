"""Dense subgraphs and cliques by reductions: the spec's cases, theorems on clique numbers, laws, and bad input."""

import math
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.lsrdr.graphs.comparison import compare_clique_methods
from algeom.lsrdr.graphs.dense_subgraphs import dense_subgraph, find_clique
from algeom.lsrdr.graphs.graph_input import weighted_graph
from algeom.lsrdr.graphs.instances import (
    c_fat_graph,
    hamming_graph,
    johnson_graph,
    keller_graph,
    kneser_graph,
    planted_clique,
    random_graph,
)
from algeom.lsrdr.graphs.subgraph_repair import improved_subgraph, radius_of
from algeom.lsrdr.spectra.similarity import similarity


def largest_radius(W, k):
    """The largest spectral radius of k vertices, by trying all."""
    return max(abs(np.linalg.eigvals(W[np.ix_(S, S)])).max() for S in combinations(range(len(W)), k))


def units(W):
    """The matrices w_ij E_ij."""
    return np.array([W[i, j] * np.outer(np.eye(len(W))[i], np.eye(len(W))[j]) for i, j in np.argwhere(W)])


def weighted_random_graph(seed):
    rng = np.random.default_rng(seed)
    W = np.triu(rng.random((14, 14)) * (rng.random((14, 14)) < 0.6), 1)
    return W + W.T


def pendant():
    graph = nx.complete_graph(4)
    graph.add_edge(3, 4)
    return graph


def test_complete_graph_with_a_pendant_vertex():
    """The root of 3 / rho, where rho = 3.0861... is the largest root of x^3 - 2x^2 - 4x + 2."""
    found = dense_subgraph(pendant(), 4, tolerance=1e-13, rng=0)
    rho = max(np.roots([1, -2, -4, 2]))
    assert found.similarity == pytest.approx(math.sqrt(3 / rho), abs=1e-15)
    assert f"{found.similarity:.13f}" == "0.9859468533698"
    assert found.reduction.similarity == pytest.approx(found.similarity, abs=1e-12)
    assert found.diagonal == pytest.approx([1, 1, 1, 1, 0], abs=1e-9)
    assert found.off_diagonal < 1e-10
    assert pytest.approx(found.reduction.P, abs=1e-10) == np.diag([1, 1, 1, 1, 0])
    assert found.reduction.agreement.unanimous
    assert found.is_clique
    assert found.evidence.status is Status.PROVED


def test_similarity_of_orthogonal_projections():
    """The formula of the module against spectral radii of the matrices themselves, for any P and for coordinates."""
    rng = np.random.default_rng(2)
    W = rng.random((6, 6)) * (rng.random((6, 6)) < 0.6)
    W2 = W**2
    for d in (1, 2, 4):
        Q = np.linalg.qr(rng.standard_normal((6, d)))[0]
        for basis in (Q, np.eye(6)[:, rng.permutation(6)[:d]]):
            P = basis @ basis.T
            X = np.array([basis.T @ A @ basis for A in units(W)])
            if (denominator := radius_of(W2) * radius_of(W2 * 1.0 @ (P * P))) > 0:
                expected = radius_of(W2 * P.diagonal()) / math.sqrt(denominator)
                assert float(similarity(units(W), X)) == pytest.approx(expected, abs=1e-10)
            if basis is not Q and radius_of(W2[np.ix_(P.diagonal() > 0, P.diagonal() > 0)]) > 0:
                inside = radius_of(W2[np.ix_(P.diagonal() > 0, P.diagonal() > 0)])
                assert expected == pytest.approx(math.sqrt(inside / radius_of(W2)), abs=1e-12)


@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.parametrize(("n", "k"), [(20, 8), (40, 12), (60, 15)])
def test_planted_cliques_well_above_the_square_root(n, k, seed):
    """Three of three starts each, before any repair, where no vertex outside is joined to k - 1 of the clique."""
    instance = planted_clique(n, k, rng=seed)
    joined = instance.adjacency[:, list(instance.planted)].sum(axis=1)
    assert np.delete(joined, instance.planted).max() < k - 1
    found = dense_subgraph(instance.adjacency, k, starts=3, exchanges=False, rng=0)
    assert found.vertices == instance.planted
    assert found.reduction.agreement.unanimous
    assert found.off_diagonal < 1e-6
    assert found.similarity == pytest.approx(math.sqrt((k - 1) / found.total.value), rel=1e-12)


def test_two_cliques_are_two_fixed_points():
    """Two separate 5-cliques in a sparse graph: starts end at either, and both are as good."""
    rng = np.random.default_rng(4)
    adjacency = np.triu(rng.random((14, 14)) < 0.2, 1)
    for clique in (range(5), range(9, 14)):
        adjacency[np.ix_(clique, clique)] = True
    adjacency = np.triu(adjacency, 1) | np.triu(adjacency, 1).T
    found = dense_subgraph(adjacency, 5, starts=12, rng=0)
    points = found.reduction.agreement.fixed_points
    assert found.vertices in ((0, 1, 2, 3, 4), (9, 10, 11, 12, 13))
    assert not found.reduction.agreement.unanimous
    assert len(points) >= 2
    assert points[0].similarity == pytest.approx(points[1].similarity, rel=1e-9)


def test_ties_leave_the_projection_free_but_not_the_clique():
    """K_6 without an edge: both ends of it complete the other four vertices, at no loss of spectral radius."""
    graph = nx.complete_graph(6)
    graph.remove_edge(4, 5)
    found = dense_subgraph(graph, 5, starts=2, rng=0)
    assert found.is_clique
    assert found.radius.value == pytest.approx(4)
    assert found.off_diagonal > 0.01
    assert found.diagonal[:4] == pytest.approx(np.ones(4), abs=1e-2)
    assert found.reduction.similarity == pytest.approx(found.similarity, abs=1e-6)


def test_reductions_may_mix_vertices_to_be_better_than_all_subsets():
    """A weighted graph whose best fixed point is no coordinate projection, though its rounding is the best subset."""
    W = weighted_random_graph(5)
    found = dense_subgraph(W, 5, starts=6, exchanges=False, tolerance=1e-12, rng=5)
    best = math.sqrt(largest_radius(W**2, 5) / radius_of(W**2))
    assert found.off_diagonal > 0.5
    assert found.similarity == pytest.approx(best, rel=1e-12)
    assert found.reduction.similarity > best + 1e-3
    # P is orthogonal, so that the formula of the module gives its similarity a second time.
    P = found.reduction.P
    expected = radius_of(W**2 * P.diagonal()) / math.sqrt(radius_of(W**2) * radius_of(W**2 @ (P * P)))
    assert pytest.approx(P.T, abs=1e-9) == P
    assert found.reduction.similarity == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_selected_vertices_attract(seed):
    """W2 v is larger on the vertices of a coordinate fixed point than on all others, v its Perron eigenvector."""
    W = weighted_random_graph(seed)
    found = dense_subgraph(W, 5, starts=4, exchanges=False, rng=seed)
    assert found.off_diagonal < 1e-6
    inside = list(found.vertices)
    flow = (W**2)[:, inside] @ np.abs(np.linalg.eigh((W**2)[np.ix_(inside, inside)])[1][:, -1])
    outside = np.setdiff1d(np.arange(14), inside)
    assert flow[inside].min() > flow[outside].max() * (1 - 1e-6)


@pytest.mark.parametrize("directed", [False, True])
def test_against_all_subsets(directed):
    """Never above the maximum over all subsets of k vertices; on most small graphs equal to it."""
    equal = 0
    for seed in range(6):
        rng = np.random.default_rng([seed, directed])
        W = rng.random((8, 8)) * (rng.random((8, 8)) < 0.6)
        np.fill_diagonal(W, 0)
        W = W if directed else np.triu(W) + np.triu(W).T
        found = dense_subgraph(W, 4, directed=directed, starts=6, rng=seed)
        best = largest_radius(W**2, 4)
        assert found.radius.value <= best * (1 + 1e-12)
        assert found.radius.lower <= radius_of((W**2)[np.ix_(found.vertices, found.vertices)]) * (1 + 1e-12)
        assert found.evidence.status is Status.LOWER_BOUND
        equal += found.radius.value >= best * (1 - 1e-9)
    assert equal >= 4


def test_exchanges_only_raise_the_radius():
    for seed in range(8):
        rng = np.random.default_rng(seed)
        W = sparse.csr_array(rng.random((15, 15)) * (rng.random((15, 15)) < 0.5))
        start = rng.permutation(15)[:5]
        before = radius_of(W[start][:, start].toarray())
        vertices, exchanges = improved_subgraph(W, start)
        after = radius_of(W[vertices][:, vertices].toarray())
        assert len(vertices) == 5
        assert (after > before) == (exchanges > 0)


@pytest.mark.parametrize("k", [1, 5])
def test_extreme_sizes(k):
    graph = nx.cycle_graph(5)
    graph.add_edge(0, 0)
    found = dense_subgraph(graph, k, self_loops="keep", starts=1, rng=0)
    assert found.k == k
    if k == 5:
        assert found.similarity == pytest.approx(1)
    else:
        assert found.vertices == (0,)
        assert found.radius.value == 1


def test_scaling_and_representations():
    rng = np.random.default_rng(0)
    W = np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.7), 1)
    W = W + W.T
    first = dense_subgraph(W, 4, starts=4, rng=3)
    same = dense_subgraph(sparse.coo_matrix(W), 4, starts=4, rng=3)
    larger = dense_subgraph(4 * W, 4, starts=4, rng=3)
    assert first.vertices == same.vertices == larger.vertices
    assert np.array_equal(first.diagonal, same.diagonal)
    assert larger.similarity == pytest.approx(first.similarity, rel=1e-12)
    assert larger.radius.value == pytest.approx(16 * first.radius.value, rel=1e-12)
    graph = nx.from_numpy_array(W)
    assert dense_subgraph(graph, 4, starts=4, rng=3).nodes == first.nodes
    named = nx.relabel_nodes(graph, {i: f"v{i}" for i in range(12)})
    assert dense_subgraph(named, 4, starts=4, rng=3).nodes == tuple(f"v{i}" for i in first.vertices)


def test_missing_pairs_are_named():
    found = dense_subgraph(nx.cycle_graph(6), 4, rng=0)
    assert not found.is_clique
    assert len(found.missing_pairs) == 3
    assert found.density == 0.5
    assert "3 of 6 pairs missing" in repr(found)
    triangle = nx.DiGraph([(0, 1), (1, 2), (2, 0), (3, 0)])
    found = dense_subgraph(triangle, 3, rng=0)
    assert found.vertices == (0, 1, 2)
    assert set(found.missing_pairs) == {(1, 0), (2, 1), (0, 2)}


@pytest.mark.parametrize(
    ("instance", "status"),
    [
        (hamming_graph(6, 2), Status.PROVED),
        (hamming_graph(6, 4), Status.LOWER_BOUND),
        (johnson_graph(8, 2, 4), Status.NUMERICAL),
        (johnson_graph(8, 4, 4), Status.NUMERICAL),
        (johnson_graph(16, 2, 4), Status.NUMERICAL),
        (keller_graph(4), Status.LOWER_BOUND),
        (kneser_graph(9, 3), Status.LOWER_BOUND),
        (c_fat_graph(200, 1), Status.LOWER_BOUND),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_clique_numbers_of_theorems(instance, status):
    """Largest cliques are found without their size; the evidence is that of the bound where it is reached."""
    clique = find_clique(instance.adjacency, starts=8, rng=1)
    assert clique.size == instance.clique_number
    assert clique.evidence.status is status
    assert clique.is_maximum == (status is not Status.LOWER_BOUND)
    assert clique.upper_bound.value >= instance.clique_number
    assert instance.adjacency[np.ix_(clique.vertices, clique.vertices)].sum() == clique.size * (clique.size - 1)


def test_planted_clique_at_the_square_root():
    """n = 200, k = 16: where the spectral method begins to fail."""
    instance = planted_clique(200, 16, rng=0)
    clique = find_clique(instance.adjacency, 16, rng=0)
    assert clique.vertices == instance.planted
    assert clique.found
    assert repr(clique) == repr(find_clique(instance.adjacency, 16, rng=0))


def test_cliques_that_do_not_exist_are_not_found():
    clique = find_clique(nx.petersen_graph(), 5, starts=4, rng=0)
    assert clique.size == 2
    assert clique.is_maximum
    assert not clique.found
    assert len(clique.missing_pairs) >= 4
    assert "5 wanted" in repr(clique)


edges = st.integers(2, 11).flatmap(
    lambda n: st.lists(st.booleans(), min_size=math.comb(n, 2), max_size=math.comb(n, 2)).map(lambda e: (n, e))
)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(edges, st.integers(0, 1000))
def test_found_sets_are_cliques(drawn, seed):
    n, present = drawn
    adjacency = np.zeros((n, n))
    adjacency[np.triu_indices(n, 1)] = present
    adjacency += adjacency.T
    if not adjacency.any():
        with pytest.raises(InputError, match="no edges"):
            find_clique(adjacency)
        return
    clique = find_clique(adjacency, starts=4, rng=seed)
    number = nx.max_weight_clique(nx.from_numpy_array(adjacency), weight=None)[1]
    assert all(adjacency[i, j] for i, j in combinations(clique.vertices, 2))
    assert 2 <= clique.size <= number <= clique.upper_bound.value
    assert clique.is_maximum <= (clique.size == number)


def test_interruption_returns_what_was_found():
    calls = []

    def interrupt(event):
        calls.append(event)
        if len(calls) == 6:
            raise KeyboardInterrupt

    clique = find_clique(random_graph(60, 0.5, rng=0).adjacency, rng=0, progress=interrupt)
    assert clique.interrupted
    assert clique.size >= 3
    assert "interrupted" in repr(clique)

    def at_once(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_clique(nx.complete_graph(3), rng=0, progress=at_once)


def test_comparison_of_methods():
    instances = [johnson_graph(8, 2, 4), planted_clique(60, 20, rng=0), random_graph(30, 0.5, rng=0)]
    events = []
    comparison = compare_clique_methods(instances, starts=4, rng=0, progress=events.append)
    assert len(events) == 1 + len(instances)
    assert [comparison.reached(method) for method in ("lsrdr", "spectral", "greedy")] == [2, 2, 2]
    assert comparison.rows[2].target is None
    assert str(comparison).count("\n") == 1 + len(instances)
    with pytest.raises(InputError, match="GraphInstance"):
        compare_clique_methods([nx.path_graph(3)])
    with pytest.raises(InputError, match="GraphInstance"):
        compare_clique_methods([])


def test_networkx_attributes():
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=2.0, length=5.0)
    graph.add_edge("b", "c")
    assert weighted_graph(graph).weights.toarray().max() == 2
    assert weighted_graph(graph, weight="length").weights.toarray().max() == 5
    assert weighted_graph(graph, weight=None).weights.toarray().max() == 1
    parallel = nx.MultiGraph([(0, 1), (0, 1)])
    assert weighted_graph(parallel).weights.toarray().max() == 2
    directed = weighted_graph(nx.DiGraph([(0, 1), (1, 2), (2, 1)]))
    assert directed.directed
    assert directed.edges == 3
    assert weighted_graph([[1, 1], [1, 0]], self_loops="keep").edges == 2
    assert weighted_graph([[1, 1], [1, 0]], self_loops="drop").edges == 1


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ([[0, 1], [0, 0]], "not symmetric"),
        ([[0, 1], [2, 0]], "not symmetric"),
        ([[0, -1], [-1, 0]], "negative|nonnegative"),
        ([[0, math.nan], [math.nan, 0]], "finite"),
        (sparse.csr_array([[0, math.inf], [math.inf, 0]]), "finite"),
        (np.zeros((0, 0)), "shape"),
        (np.zeros((3, 3)), "no edges"),
        (nx.Graph(), "no vertices"),
        (nx.empty_graph(4), "no edges"),
        (np.ones((2, 3)), "shape"),
        ([[0, 1j], [1j, 0]], "type"),
        ([[0, 1], [1]], "no matrix"),
        ("graph", "shape"),
        ([[1, 1], [1, 0]], "self_loops"),
        (nx.Graph([(0, 1, {"weight": "heavy"})]), "real number"),
        (nx.Graph([(0, 1, {"weight": -2})]), "negative|nonnegative"),
        (nx.Graph([(0, 1, {"weight": 0})]), "no edges"),
    ],
)
def test_bad_graphs(graph, message):
    with pytest.raises(InputError, match=message):
        dense_subgraph(graph, 1)
    with pytest.raises(InputError, match=message):
        find_clique(graph)


def test_bad_arguments():
    graph = nx.complete_graph(4)
    for k in (0, 5, 2.0, True):
        with pytest.raises(InputError, match="k is"):
            dense_subgraph(graph, k)
        with pytest.raises(InputError, match="k is"):
            find_clique(graph, k)
    with pytest.raises(InputError, match="no directed cycle"):
        dense_subgraph(nx.DiGraph([(0, 1), (1, 2)]), 2)
    with pytest.raises(InputError, match="directed"):
        find_clique(nx.DiGraph([(0, 1), (1, 0)]))
    with pytest.raises(InputError, match="not symmetric"):
        dense_subgraph(nx.DiGraph([(0, 1), (1, 2)]), 2, directed=False)
    with pytest.raises(InputError, match="self_loops"):
        dense_subgraph(graph, 2, self_loops="maybe")
    with pytest.raises(InputError, match="loops"):
        find_clique(graph, self_loops="keep")
    with pytest.raises(InputError, match="largest weight"):
        dense_subgraph([[0, 1e200], [1e200, 0]], 1)
    for tolerance in (0, 1, -1, math.nan, "fine"):
        with pytest.raises(InputError, match="tolerance"):
            find_clique(graph, tolerance=tolerance)
        with pytest.raises(InputError, match="tolerance"):
            dense_subgraph(graph, 2, tolerance=tolerance)
    for number in (0, 1.5):
        with pytest.raises(InputError, match="starts"):
            find_clique(graph, starts=number)
        with pytest.raises(InputError, match="starts"):
            dense_subgraph(graph, 2, starts=number)
        with pytest.raises(InputError, match="max_steps"):
            find_clique(graph, max_steps=number)

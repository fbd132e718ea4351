from math import comb

import numpy as np
import pytest
from naive_catalogue import count_generators, number_of_monomials, rank, residues

from algeom import registry
from algeom.algebra.primes import random_prime
from algeom.errors import InputError
from algeom.networks.linear import determinantal_degree
from algeom.registry import formulas

NAMES = [p.name for p in registry.problems()]

# Every problem on which other systems were timed.
PEERS = [
    "P1_rnc4", "P1_rnc5", "P1_rnc6", "P2_segre333", "P3_det4r2", "P3_det5r3", "P4_sec2_2222", "P4_sec3_2222",
    "P4_sec4_333", "P4_gr37", "P5_cfn_tree", "P5_cfn_mix", "P5_jc_tree", "P5_jc_mix", "P5_k2_mix", "P5_factor25",
    "P6_relu3_d3", "P6_relu3_d4", "P6_relu4_d3", "P7_lightning", "P9_gr25", "P9_gr26", "P9_det3", "P10_surf2",
    "P10_surf3", "P10_surf4", "P10_sec2_mixed", "P10_relu3_mixed", "P10_factor_mixed",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_dimension_is_the_rank_of_the_jacobian(name):
    problem = registry.problem(name)
    phi = problem.build()
    rng = np.random.default_rng(1)
    for _ in range(2):
        p = random_prime(rng)
        theta = rng.integers(-(p // 2), p // 2 + 1, size=phi.n_parameters).astype(np.float64)
        assert rank(phi.tape.jacobian_modular(theta, p).astype(np.int64).tolist(), p) == problem.dimension


@pytest.mark.parametrize("name", NAMES)
def test_records_are_consistent(name):
    problem = registry.problem(name)
    m = problem.build().n_coordinates
    homogenized = "affine" in problem.tags
    m += homogenized
    assert problem.dimension <= m
    assert problem.source
    assert ("quick" in problem.tags) + ("slow" in problem.tags) <= 1
    assert (problem.generators is None) == (problem.max_degree == 0)
    for d, count in (problem.generators or {}).items():
        assert 1 <= d <= problem.max_degree
        assert count > 0
    hilbert = dict(enumerate(problem.hilbert_function))
    for d, dimension in problem.ideal_dimensions.items():
        assert hilbert.get(d, number_of_monomials(m, d) - dimension) == number_of_monomials(m, d) - dimension
    if problem.generators and hilbert:
        first = min(problem.generators)
        for d in range(first):
            assert hilbert[d] == number_of_monomials(m, d) if d in hilbert else True
        if first in hilbert:
            assert number_of_monomials(m, first) - hilbert[first] == problem.generators[first]


N_MONOMIALS = {
    p.name: number_of_monomials(p.build().n_coordinates, min(p.max_degree, 16))
    for p in registry.problems()
    if p.generators is not None and "affine" not in p.tags
}
COUNTABLE = [name for name, n in N_MONOMIALS.items() if n <= 850]


# The larger half takes half a second each, ten times as long as the others together.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (N_MONOMIALS[name] > 600)) for name in COUNTABLE]
)
def test_generators_by_plain_interpolation(name):
    problem = registry.problem(name)
    phi = problem.build()
    n = number_of_monomials(phi.n_coordinates, problem.max_degree) + 5
    points = [residues(phi, seed) for seed in range(n)]
    dimensions, generators = count_generators(points, problem.max_degree)
    assert generators == problem.generators
    for d, value in problem.ideal_dimensions.items():
        assert dimensions.get(d, value) == value
    for d, value in enumerate(problem.hilbert_function):
        if 1 <= d <= problem.max_degree:
            assert number_of_monomials(phi.n_coordinates, d) - dimensions[d] == value


def test_many_problems_were_counted_plainly():
    assert len(COUNTABLE) > 30


@pytest.mark.parametrize("peer", PEERS)
def test_every_timed_problem_has_a_counterpart(peer):
    assert len(registry.problems(f"peer:{peer}")) == 1


def test_unknown_names_and_tags_are_explained():
    with pytest.raises(InputError, match="did you mean twisted_cubic"):
        registry.problem("twisted_cubics")
    with pytest.raises(InputError, match="quick"):
        registry.problems("no such tag")
    assert {"quick", "slow", "ungraded", "readme"} <= {tag for p in registry.problems() for tag in p.tags}


@pytest.mark.parametrize(
    "name",
    ["segre_p2p2p2", "veronese_2_3", "segre_veronese_p1p1_2_1", "grassmannian_2_6", "grassmannian_3_6"],
)
def test_degrees_agree_with_hilbert_polynomials(name):
    """For these the Hilbert function is a polynomial from degree 0 on: its leading difference is the degree."""
    problem = registry.problem(name)
    dims = {"segre_p2p2p2": ([2, 2, 2], [1, 1, 1]), "veronese_2_3": ([2], [3]), "twisted_cubic": ([1], [3])}
    dims["segre_veronese_p1p1_2_1"] = ([1, 1], [2, 1])
    last = problem.dimension
    if name in dims:
        values = formulas.segre_veronese_hilbert(*dims[name], last)
    else:
        k, n = map(int, name.split("_")[1:])
        values = formulas.grassmannian_hilbert(k, n, last)
    differences = np.diff(np.array(values, dtype=object), n=problem.dimension - 1)
    assert differences[-1] == problem.degree
    assert values[: len(problem.hilbert_function)] == problem.hilbert_function[: len(values)]


def test_degrees_of_determinantal_varieties_by_their_hilbert_functions():
    for m, n, r in [(2, 3, 1), (3, 3, 1), (3, 3, 2), (3, 4, 2)]:
        dimension = r * (m + n - r)
        # The Hilbert function is a polynomial from a degree below m n on.
        values = formulas.determinantal_hilbert(m, n, r, m * n + dimension)
        assert np.diff(np.array(values, dtype=object), n=dimension - 1)[-1] == determinantal_degree(m, n, r)


def test_complete_intersections_have_the_product_as_degree():
    for name in ("relu_333_101_011", "cfn_quartet", "gaussian_cycle_4", "factor_analysis_4_1"):
        problem = registry.problem(name)
        degrees = [d for d, count in problem.generators.items() for _ in range(count)]
        assert problem.degree == int(np.prod(degrees))
        numerator = np.array([1], dtype=object)
        for d in degrees:
            numerator = np.convolve(numerator, np.array([1] * d, dtype=object))
        expected = formulas.series(numerator.tolist(), problem.dimension, len(problem.hilbert_function) - 1)
        assert expected == problem.hilbert_function


def test_attention_hilbert_functions_follow_their_formulas():
    problem = registry.problem("attention_cross_3_rank_1")
    formula = [(comb(k + 5, 5) - comb(k + 2, 5)) * comb(k + 2, 2) for k in range(5)]
    assert list(problem.hilbert_function) == formula
    octics = registry.problem("attention_3_1")
    numerator = (1, 2, 3, 4, 5, 6, 7, 8, -26, 10, 1)
    assert formulas.series(numerator, 8, 10) == octics.hilbert_function
    assert sum(numerator) == octics.degree


def test_number_of_plucker_relations_in_gr_3_7():
    assert registry.problem("grassmannian_3_7").generators == {2: 140}

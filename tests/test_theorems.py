"""Every problem of the registry through the engine, against its cited answers."""

from collections import Counter

import pytest

import algeom as ag
from algeom import registry
from algeom.evidence import Status
from algeom.implicitization.blocks import BlockTask, multidegrees, solve_block

COUNTED = [p.name for p in registry.problems() if p.max_degree]
PARAMETERS = [
    # The attention map takes longer than the other quick ones together.
    pytest.param(p.name, marks=pytest.mark.slow) if "slow" in p.tags or p.name == "attention_3_2" else p.name
    for p in registry.problems()
    if p.max_degree
]
#: Small enough to lift, verify and certify as part of the quick suite.
CERTIFIED = [
    "twisted_cubic",
    "segre_p1p1p1",
    "grassmannian_2_5",
    "determinantal_3_3_2",
    "symmetric_determinantal_4_2",
    "aronhold",
    "factor_analysis_5_2",
    "jukes_cantor_quartet",
    "gaussian_cycle_4",
    "resultant_2_2",
    "secant_2_p1p1p1p1",
    "relu_222_10_11",
    "relu_333_101_011",
    "relu_434_101_011",
    "relu_444_1100_1010_1001",
    "relu_deep_33233",
    "relu_output_33233",
    "attention_3_1",
    "attention_2_2",
    "attention_cross_3",
]


def compare(problem, ideal):
    """Every recorded answer that the ideal speaks about."""
    assert ideal.dimension.value == problem.dimension
    found = {degree: count for degree, count in ideal.minimal_generator_counts.items() if count}
    assert found == dict(problem.generators)
    for degree, dimension in problem.ideal_dimensions.items():
        if degree in ideal.ideal_dimensions:
            assert ideal.ideal_dimensions[degree] == dimension
    for degree, value in enumerate(problem.hilbert_function):
        if degree in ideal.hilbert_function:
            assert ideal.hilbert_function[degree] == value


@pytest.mark.parametrize("name", PARAMETERS)
def test_counts(name):
    problem = registry.problem(name)
    ideal = ag.implicitize(problem.build(), max_degree=problem.max_degree, lift=False, rng=20)
    compare(problem, ideal)
    if any(problem.generators.values()):
        assert ideal.status is Status.PROBABILISTIC
        assert ideal.evidence.log10_error < -6


@pytest.mark.parametrize("name", CERTIFIED)
def test_lifted_equations_prove_the_counts(name):
    problem = registry.problem(name)
    phi = problem.build()
    ideal = ag.implicitize(phi, max_degree=problem.max_degree, rng=21)
    compare(problem, ideal)
    assert len(ideal.generators) == sum(problem.generators.values())
    assert ideal.status is Status.PROVED
    assert all(evidence.status is Status.PROVED for evidence in ideal.generator_evidence)
    # A point of the image that the engine never saw, in exact arithmetic.
    point = phi([3 * k * k + 7 * k - 11 for k in range(1, phi.n_parameters + 1)])
    assert ideal.contains(point)
    point[0] += 1
    if problem.dimension < phi.n_coordinates and len(ideal.generators) > 1:
        assert not ideal.contains(point)


@pytest.mark.parametrize("name", [n for n in CERTIFIED if not n.startswith("relu_4")])
def test_certificates_verify(name):
    problem = registry.problem(name)
    ideal = ag.implicitize(problem.build(), max_degree=problem.max_degree, rng=22)
    verification = ideal.certificate.verify()
    assert verification, verification.failures


@pytest.mark.slow
def test_quintics_of_the_three_block_network():
    """relu.md 1.4: dim I_5 = 112,496 and exactly 2,000 new quintics, by a second seed without declared symmetries
    in degree 4 and with them in degree 5 (the latter in the registry's slow problem)."""
    problem = registry.problem("relu_444_1100_1010_1001")
    phi = problem.build()
    ideal = ag.implicitize(phi, degrees=[4], lift=False, symmetry=False, rng=23)
    assert ideal.ideal_dimensions == {4: 4584}
    assert ideal.minimal_generator_counts == {4: 160}
    assert ideal.degrees[0].n_orbits == 1225


def test_attention_agrees_with_the_full_ring_through_degree_seven():
    """attention.md 2.3: 35 octics and none lower; HF to degree 10."""
    phi = registry.problem("attention_3_1").build()
    h = ag.hilbert_function(phi, 10, rng=24)
    assert list(h.values.values()) == [1, 10, 55, 220, 715, 2002, 5005, 11440, 24275, 48340, 91108]
    assert h.fit is None


def test_third_secant_of_the_segre_threefold_by_its_multidegrees():
    """27 quartics define sigma_3(P2 x P2 x P2) (Landsberg and Manivel 2004); 15^3 = 3375 multidegrees of degree 4."""
    phi = registry.problem("secant_3_p2p2p2").build()
    ideal = ag.implicitize(phi, max_degree=4, rng=25)
    assert ideal.degrees[3].n_blocks == 3375
    assert ideal.minimal_generator_counts == {1: 0, 2: 0, 3: 0, 4: 27}
    assert ideal.dimension.value == 21
    assert ideal.status is Status.PROVED


def test_blocks_of_one_orbit_hold_carried_equations():
    """Blocks that symmetry leaves out, solved after all: the same nullity, and the carried equations vanish there."""
    problem = registry.problem("relu_434_101_011")
    phi = problem.build()
    ideal = ag.implicitize(phi, max_degree=3, rng=26)
    table = multidegrees(ideal.grading.weights, 3)
    by_block = Counter(g.multidegree(ideal.grading.weights) for g in ideal.generators)
    prime = 4194301
    for node in table.nodes(3)[:: max(1, len(table.nodes(3)) // 20)]:
        result = solve_block(BlockTask(phi.tape, ideal.grading.weights, 3, int(node), prime, 99))
        assert result.nullity == by_block[tuple(table.vectors[node].tolist())]

"""Implicitization in floating point: agreement with the exact engine, rounded constants, clear and unclear ranks."""

import dataclasses
import functools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import algeom as ag
from algeom import registry
from algeom.errors import GenericityError, InputError, ResourceError
from algeom.evidence import Status
from algeom.implicitization.interpolation import no_equations
from algeom.implicitization.numerical import NumericalBlockTask, NumericalPreparation, solve_numerical_block
from algeom.implicitization.numerical_consistency import InconsistentRanksError, require_growth
from algeom.implicitization.numerical_lifting import common_multiple, echelon_form, independent_subset, normalized
from algeom.implicitization.numerical_points import Coordinates, NumericalPoints, RoundedValues, vanishing_coordinates
from algeom.implicitization.numerical_rank import MIN_GAP, UndecidedRankError, decide_rank, factorize
from algeom.implicitization.preparation import Clock, Preparation
from algeom.runtime.progress import Reporter

ARITHMETICS = ["float64", "complex128"]
QUICK = [p.name for p in registry.problems("quick")]
# Those that take more than about a fifth of a second.
LARGE = {
    "attention_3_2", "gaussian_diamond", "gaussian_instrument", "mixture_2222_2", "random_surface_3",
    "random_surface_4", "relu_333_110_011_mixed", "relu_343_1100_1010_1001", "relu_443_1100_1010_1001",
    "relu_444_1100_1010_1001", "relu_output_33233", "relu_output_434", "secant_2_p1p1p1p1_mixed", "split_cubics",
}  # fmt: skip
#: 0.1 + 0.2 - 0.3 is not zero, but zero is meant.
ROUNDING = 0.1 + 0.2 - 0.3


def forms(ideal):
    return [str(f) for f in ideal.generators]


def gap(evidence):
    return float(evidence.reason.split("dropping by ")[1].split()[0])


@functools.cache
def exact_ideal(name):
    """The ideal that both arithmetics are compared with."""
    problem = registry.problem(name)
    return ag.implicitize(problem.build(), max_degree=problem.max_degree, lift=False, rng=1)


# Both arithmetics go through the same steps: each has every second problem as a quick test.
@pytest.mark.parametrize(
    ("name", "arithmetic"),
    [
        pytest.param(name, arithmetic, marks=[pytest.mark.slow] * (name in LARGE or i % 2 != j))
        for i, name in enumerate(QUICK)
        for j, arithmetic in enumerate(ARITHMETICS)
    ],
)
def test_every_quick_problem_agrees_with_the_exact_engine(name, arithmetic):
    problem = registry.problem(name)
    phi = problem.build()
    options = {"max_degree": problem.max_degree, "lift": False, "rng": 1}
    if (name, arithmetic) == ("random_surface_4", "float64"):
        # Degree 16 on real points: singular values decay into the rounding errors, and that is said.
        with pytest.raises(GenericityError, match=r"degree 1[0-6], block"):
            ag.implicitize(phi, arithmetic=arithmetic, **options)
        return
    ideal = ag.implicitize(phi, arithmetic=arithmetic, **options)
    exact = exact_ideal(name)
    assert ideal.ideal_dimensions == exact.ideal_dimensions
    assert ideal.minimal_generator_counts == exact.minimal_generator_counts
    assert ideal.hilbert_function == exact.hilbert_function
    assert {d: n for d, n in ideal.minimal_generator_counts.items() if n} == dict(problem.generators)
    assert ideal.status is Status.NUMERICAL
    assert gap(ideal.evidence) > 1e6
    assert ideal.certificate is None
    assert math.isnan(ideal.evidence.log10_error)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("name", QUICK)
def test_dimension_torus_and_symmetries_agree_with_the_exact_ones(name, arithmetic):
    phi = registry.problem(name).build()
    exact = Preparation(phi, 1, True, 0, Clock())
    rounded = dataclasses.replace(phi, has_float_constants=True)
    numerical = NumericalPreparation(rounded, 1, arithmetic, True, Clock())
    assert numerical.dimension.value == exact.dimension.value
    assert numerical.dimension.projective == exact.dimension.projective
    assert numerical.homogenized == exact.homogenized
    assert len(numerical.permutations) == len(exact.permutations)
    both = np.concatenate([numerical.grading.weights, exact.grading.weights])
    assert numerical.grading.rank == exact.grading.rank == np.linalg.matrix_rank(both)
    assert numerical.grading.homogeneous


def test_equations_that_lose_all_digits_are_not_given():
    """The counts are right, but the coordinates' monomials are nearly dependent on real points."""
    phi = ag.polynomial_map(["-7*t^5 - 2*t^4", "-t^5 - 5*t^2"])
    counted = ag.implicitize(phi, max_degree=5, arithmetic="float64", rng=2, lift=False)
    assert counted.minimal_generator_counts[5] == 1
    with pytest.raises(GenericityError, match=r"residual .*lift=False"):
        ag.implicitize(phi, max_degree=5, arithmetic="float64", rng=2)
    (found,) = ag.implicitize(phi, max_degree=5, arithmetic="complex128", rng=2).generators
    (exact,) = ag.implicitize(phi, max_degree=5, rng=2).generators
    assert found.equal_up_to_scale(exact)


@pytest.mark.parametrize(
    "name",
    [
        "discriminant_1_3", "resultant_2_2", "aronhold", "factor_analysis_5_2", "jukes_cantor_tripod",
        "secant_2_rational_normal_curve_4", "attention_cross_2", "determinantal_3_3_2", "skew_determinantal_6_2",
    ],
)  # fmt: skip
def test_hypersurfaces_have_the_same_exact_equation(name):
    problem = registry.problem(name)
    ideal = ag.implicitize(problem.build(), max_degree=problem.max_degree, arithmetic="complex128", rng=1)
    exact = ag.implicitize(problem.build(), max_degree=problem.max_degree, rng=1)
    assert ideal.generators[0].equal_up_to_scale(exact.generators[0])
    assert ideal.generator_evidence[0].status is Status.PROVED
    assert ideal.status is Status.NUMERICAL


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("name", ["grassmannian_2_5", "relu_222_10_11", "attention_2_2_rank_1", "secant_2_p1p1p1p1"])
def test_generators_generate_the_same_ideal(name, arithmetic):
    problem = registry.problem(name)
    phi = problem.build()
    ideal = ag.implicitize(phi, max_degree=problem.max_degree, arithmetic=arithmetic, rng=2)
    assert len(ideal.generators) == sum(problem.generators.values())
    assert all(e.status is Status.PROVED for e in ideal.generator_evidence)
    exact = ag.implicitize(phi, max_degree=problem.max_degree, rng=2)
    degree = min(problem.generators)
    parts = [[f for f in found.generators if f.degree == degree] for found in (ideal, exact)]
    points = np.random.default_rng(3).standard_normal((phi.n_coordinates, 400))
    values = [np.array([f(points) for f in part]) for part in parts]
    assert {factorize(v).rank for v in (*values, np.concatenate(values))} == {problem.generators[degree]}


def test_equations_with_long_coefficients_stay_floating():
    """Integers of more digits than a double: the coefficients agree, the residual is named."""
    problem = registry.problem("random_surface_2")
    ideal = ag.implicitize(problem.build(), max_degree=4, arithmetic="complex128", rng=1)
    (exact,) = ag.implicitize(problem.build(), max_degree=4, rng=1).generators
    (found,), (evidence,) = ideal.generators, ideal.generator_evidence
    assert evidence.status is Status.NUMERICAL
    assert float(evidence.reason.split("residual ")[1].split()[0]) < 1e-12
    assert max(abs(c) for c in found.coefficients) == 1
    known = dict(exact.terms())
    largest = max(known.values(), key=abs)
    for exponents, c in found.terms():
        assert float(c) == pytest.approx(float(Fraction(known[exponents]) / largest), abs=1e-9)
    theta = [Fraction(1, 3), Fraction(2), Fraction(-5, 7)]
    assert ideal.contains([float(v) for v in problem.build()(theta)])
    assert not ideal.contains([1.0, 2.0, 3.0, 5.0])


# Maps whose constants are rounded


def rank_two_up_to_rounding():
    def matrix(a, b, c, d, e, f):
        return [a[i] * b[j] + c[i] * d[j] + ROUNDING * e[i] * f[j] for i in range(3) for j in range(3)]

    return ag.polynomial_map(matrix, parameters=dict.fromkeys("abcdef", (3,)))


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_the_equation_that_holds_up_to_rounding(arithmetic):
    """Matrices of rank two, but for a third summand of size 1e-17: exactly dominant, numerically a cubic."""
    phi = rank_two_up_to_rounding()
    assert phi.has_float_constants
    exact = ag.implicitize(phi, max_degree=3, lift=False, rng=1)
    assert exact.ideal_dimensions == {1: 0, 2: 0, 3: 0}
    assert exact.dimension.value == 9
    ideal = ag.implicitize(phi, max_degree=3, arithmetic=arithmetic, rng=1)
    assert ideal.minimal_generator_counts == {1: 0, 2: 0, 3: 1}
    assert ideal.dimension.value == 8
    assert ideal.dimension.evidence.status is Status.NUMERICAL
    assert ideal.grading.rank == 5
    assert ideal.grading.evidence.status is Status.NUMERICAL
    assert ideal.degrees[2].largest_block == 6
    y = np.random.default_rng(0).standard_normal((3, 3))
    value = ideal.generators[0](y.ravel())
    assert abs(value) == pytest.approx(abs(np.linalg.det(y)), rel=1e-12)
    assert ideal.generator_evidence[0].status is Status.NUMERICAL
    assert "residual" in ideal.generator_evidence[0].reason


def test_a_torus_that_holds_up_to_rounding_only():
    phi = ag.polynomial_map(lambda t: [t[0], t[1], t[0] * t[1] + ROUNDING * t[0] ** 5], n_parameters=2)
    assert ag.implicitize(phi, max_degree=2, rng=1).generators == ()
    ideal = ag.implicitize(phi, max_degree=2, arithmetic="complex128", rng=1)
    assert forms(ideal) in (["y1*y2 - y3"], ["-y1*y2 + y3"])
    assert ideal.homogenized
    assert ag.grading(phi.cone(), rng=1).rank == 2
    assert ideal.grading.rank == 3


@pytest.mark.parametrize("angle", [0.3, 1.0, 2.5])
def test_a_rotation_by_rounded_numbers(angle):
    c, s = math.cos(angle), math.sin(angle)
    phi = ag.polynomial_map(lambda t: [c * t[0] - s * t[1], s * t[0] + c * t[1], t[0] ** 2 + t[1] ** 2], n_parameters=2)
    ideal = ag.implicitize(phi, max_degree=2, arithmetic="float64", rng=1)
    assert forms(ideal) in (["y1^2 + y2^2 - y3"], ["-y1^2 - y2^2 + y3"])
    assert ideal.contains([3.0, 4.0, 25.0])
    assert not ideal.contains([3.0, 4.0, 26.0])


def almost_a_cone(size):
    """A quadric cone but for a term of some size, with which it is the projection of a surface of degree four."""

    def f(t):
        return [np.sqrt(2) * t[0] ** 2, np.pi * t[0] * t[1], np.e * t[1] ** 2 + size * t[0]]

    return ag.polynomial_map(f, n_parameters=2)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize("exponent", range(-13, -5))
def test_constants_near_the_cutoff_count_everywhere_or_nowhere(exponent, arithmetic):
    """Each rank by itself is clear, but 1e-9 could be dropped in some of them and kept in others."""
    as_given, as_zero = {1: 0, 2: 0, 3: 0, 4: 1}, {1: 0, 2: 1, 3: 3, 4: 6}
    for factor in (1.0, 3.0):
        phi = almost_a_cone(factor * 10.0**exponent)
        for seed in range(2):
            try:
                ideal = ag.implicitize(phi, max_degree=4, arithmetic=arithmetic, lift=False, rng=seed)
            except GenericityError:
                continue
            assert ideal.ideal_dimensions in (as_given, as_zero)
            assert ideal.homogenized == (ideal.ideal_dimensions == as_given)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_constants_at_the_cutoff_are_refused_and_others_are_not(arithmetic):
    with pytest.raises(GenericityError, match=r"counts? as zero in .*round them to zero .*exact"):
        ag.implicitize(almost_a_cone(1e-9), max_degree=4, arithmetic=arithmetic, rng=1)
    with pytest.raises(GenericityError, match=r"counts? as zero in .*round them to zero .*exact"):
        ag.hilbert_function(almost_a_cone(1e-9), 4, arithmetic=arithmetic, rng=1)
    for size, expected in ((1e-3, 1), (1e-14, 6), (0.0, 6)):
        ideal = ag.implicitize(almost_a_cone(size), max_degree=4, arithmetic=arithmetic, lift=False, rng=1)
        assert ideal.ideal_dimensions[4] == expected


def layers_of_a_quadric():
    ready = NumericalPreparation(ag.polynomial_map(["s^2", "s*t", "t^2"]), 1, "complex128", True, Clock())
    interpolation = ready.interpolation()
    return interpolation, [interpolation.numerical_layer(degree, Reporter()) for degree in (2, 3)]


def test_degrees_with_too_few_equations_are_refused():
    _, (below, layer) = layers_of_a_quadric()
    require_growth(layer, below)
    node = next(node for node, result in layer.results.items() if result.nullity)
    found = layer.results[node]
    layer.results[node] = no_equations(found.size)
    with pytest.raises(InconsistentRanksError, match=r"degree 3, block .* 0 equations by its rank"):
        require_growth(layer, below)


def test_equations_that_miss_products_of_lower_ones_are_refused():
    interpolation, (_, layer) = layers_of_a_quadric()
    interpolation.find_new(3, Reporter())
    node = next(node for node, result in layer.results.items() if result.nullity)
    found = layer.results[node]
    layer.results[node] = dataclasses.replace(found, null_space=found.null_space + 0.1)
    layer.new.clear()
    with pytest.raises(InconsistentRanksError, match=r"degree 3, block .* lies outside"):
        interpolation.find_new(3, Reporter())


def test_rounded_constants_become_simple_fractions():
    phi = ag.polynomial_map(lambda t: [0.1 * t[0], 0.7 * t[1], 0.3 * t[0] * t[1], t[0] / 3.0], n_parameters=2)
    ideal = ag.implicitize(phi, max_degree=2, arithmetic="complex128", rng=1)
    assert [f.degree for f in ideal.generators] == [1, 2]
    assert ideal.generators[0].equal_up_to_scale(ag.Polynomial([[1, 0, 0, 0], [0, 0, 0, 1]], [10, -3], phi.names))


def test_declared_symmetries_of_rounded_maps():
    def entries(a, b):
        return [0.1 * x * y for x in a for y in b]

    tau, sigma = [1, 0, 2, 3, 4, 5], [3, 4, 5, 0, 1, 2, 6, 7, 8]
    parameters = {"a": (3,), "b": (3,)}
    phi = ag.polynomial_map(entries, parameters=parameters, symmetries=[(tau, sigma)])
    assert phi.has_float_constants
    fewer = ag.implicitize(phi, max_degree=3, arithmetic="complex128", rng=1)
    every = ag.implicitize(phi, max_degree=3, arithmetic="complex128", rng=1, symmetry=False)
    assert fewer.degrees[1].n_orbits < every.degrees[1].n_orbits
    assert fewer.ideal_dimensions == every.ideal_dimensions
    assert fewer.minimal_generator_counts == every.minimal_generator_counts == {1: 0, 2: 9, 3: 0}
    assert sorted(str(f.primitive()) for f in fewer.generators) == sorted(str(f.primitive()) for f in every.generators)
    wrong = ag.polynomial_map(entries, parameters=parameters, symmetries=[(tau, list(range(9)))])
    with pytest.raises(InputError, match="declared symmetry 0 is none"):
        ag.implicitize(wrong, max_degree=2, arithmetic="complex128", rng=1)


# Degenerate maps


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
@pytest.mark.parametrize(
    ("formulas", "max_degree", "expected"),
    [
        (["3", "5"], 2, ["y1 - 3", "y2 - 5"]),
        (["0*a", "0*a"], 2, ["y1", "y2"]),
        (["a", "b"], 3, []),
        (["a"], 3, []),
        (["7"], 2, ["y1 - 7"]),
        (["a", "a", "b"], 2, ["y1 - y2"]),
        (["a", "0*a", "a^2"], 2, ["y2", "y1^2 - y3"]),
        (["(a+b)^2 - a^2 - 2*a*b - b^2", "a", "1 + b"], 2, ["y1"]),
        (["a/(1+b)", "b/(1+b)", "1/(1+b)"], 2, ["y2 + y3 - 1"]),
        (["a/b", "b/a"], 2, ["y1*y2 - 1"]),
        (["(1-b^2)/(1+b^2)", "2*b/(1+b^2)"], 2, ["y1^2 + y2^2 - 1"]),
        (["a^2", "a^3"], 3, ["y1^3 - y2^2"]),
        (["a/3", "a/7"], 1, ["3*y1 - 7*y2"]),
        (["a^400", "a^399*b", "a^398*b^2"], 2, ["y1*y3 - y2^2"]),
        (["a*10^150", "b*10^-150", "a*b"], 2, ["y1*y2 - y3"]),
    ],
)
def test_degenerate_and_small_maps(formulas, max_degree, expected, arithmetic):
    phi = ag.polynomial_map(formulas, parameters=["a", "b"])
    ideal = ag.implicitize(phi, max_degree=max_degree, arithmetic=arithmetic, rng=11)
    assert forms(ideal) == expected
    assert all(e.status is Status.PROVED for e in ideal.generator_evidence)
    exact = ag.implicitize(phi, max_degree=max_degree, lift=False, rng=11)
    assert ideal.ideal_dimensions == exact.ideal_dimensions


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_rounded_degenerate_maps(arithmetic):
    constant = ag.polynomial_map(lambda t: [0.1 + 0 * t[0], 0.3 + 0 * t[0], 0.1 + 0.2 + 0 * t[0]], n_parameters=1)
    ideal = ag.implicitize(constant, max_degree=1, arithmetic=arithmetic, rng=1)
    assert ideal.dimension.value == 0
    assert ideal.ideal_dimensions == {1: 3}
    dominant = ag.polynomial_map(lambda t: [0.1 * t[0] + 0.7 * t[1], t[0] * t[1]], n_parameters=2)
    ideal = ag.implicitize(dominant, max_degree=3, arithmetic=arithmetic, rng=1)
    assert ideal.ideal_dimensions == {1: 0, 2: 0, 3: 0}
    assert ideal.generators == ()


def test_coordinates_that_cancel_count_as_zero_and_that_is_said():
    phi = ag.polynomial_map(["(a+b)^2 - a^2 - 2*a*b - b^2", "a", "b"])
    ideal = ag.implicitize(phi, max_degree=1, arithmetic="float64", rng=1)
    assert forms(ideal) == ["y1"]
    assert "1 of the coordinates taken as zero" in ideal.evidence.reason


def test_poles_everywhere_are_an_error():
    def quotient(t):
        zero = (t[0] + t[1]) ** 2 - t[0] ** 2 - 2 * t[0] * t[1] - t[1] ** 2
        return [0.1 * t[0] / zero, t[1]]

    with pytest.raises(GenericityError, match="denominator"):
        ag.implicitize(ag.polynomial_map(quotient, n_parameters=2), max_degree=1, arithmetic="float64", rng=1)


def test_points_near_poles_are_no_harm():
    phi = ag.polynomial_map(["a/(a-b)", "b/(a+b)", "1/(a-1)", "a*b/(b-1)"])
    for arithmetic in ARITHMETICS:
        ideal = ag.implicitize(phi, max_degree=4, arithmetic=arithmetic, rng=5, lift=False)
        assert ideal.ideal_dimensions == ag.implicitize(phi, max_degree=4, rng=5, lift=False).ideal_dimensions


def test_high_degrees_do_not_overflow():
    high = ag.polynomial_map(lambda t: [t[0] ** 5000, t[0] ** 4999 * t[1], t[0] ** 4998 * t[1] ** 2], n_parameters=2)
    for arithmetic in ARITHMETICS:
        assert forms(ag.implicitize(high, max_degree=2, arithmetic=arithmetic, rng=1)) == ["y1*y3 - y2^2"]


@pytest.mark.parametrize("formula", ["(a*10^200)^2", "a*10^250*10^250"])
def test_overflow_is_explained(formula):
    with pytest.raises((GenericityError, InputError), match="exact"):
        ag.implicitize(ag.polynomial_map([formula, "b"]), max_degree=1, arithmetic="float64", rng=1)


# Options


def test_the_same_seed_repeats_everything_on_any_number_of_workers():
    phi = registry.problem("secant_2_veronese_2_3").build()
    options = {"max_degree": 4, "arithmetic": "complex128", "rng": 9}
    first = ag.implicitize(phi, threads=1, **options)
    second = ag.implicitize(phi, threads=2, **options)
    with ThreadPoolExecutor(2) as executor:
        third = ag.implicitize(phi, executor=executor, **options)
    assert forms(first) == forms(second) == forms(third)
    assert first.degrees == second.degrees == third.degrees
    assert first.seed == 9


def test_block_tasks_pickle():
    phi = registry.problem("segre_p1p1p1").build()
    ready = NumericalPreparation(phi, 1, "complex128", True, Clock())
    interpolation = ready.interpolation()
    values = interpolation.coordinates.values(64)
    task = NumericalBlockTask(values, interpolation.weights, 2, 12, "complex128", True)
    (result, decision), (again, _) = (solve_numerical_block(t) for t in (task, pickle.loads(pickle.dumps(task))))
    assert decision.gap > MIN_GAP
    assert np.array_equal(result.null_space, again.null_space)


def test_progress_and_interruption():
    phi = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    stages = []
    ag.implicitize(phi, max_degree=2, arithmetic="float64", rng=1, progress=lambda e: stages.append(e.stage))
    assert {"degree 1", "degree 2", "lifting degree 2"} <= set(stages)

    def stop(event):
        if event.stage == "degree 3":
            raise KeyboardInterrupt

    ideal = ag.implicitize(phi, max_degree=4, arithmetic="float64", rng=1, progress=stop)
    assert ideal.interrupted
    assert ideal.minimal_generator_counts == {1: 0, 2: 3}


def test_one_degree_only():
    phi = ag.polynomial_map(lambda t: [t[0] ** (5 - i) * t[1] ** i for i in range(6)], n_parameters=2)
    ideal = ag.implicitize(phi, degrees=[3], lift=False, arithmetic="complex128", rng=1)
    assert ideal.minimal_generator_counts == {3: 0}
    assert ideal.ideal_dimensions == {3: math.comb(8, 3) - 16}


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_hilbert_function(arithmetic):
    phi = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    found = ag.hilbert_function(phi, 4, arithmetic=arithmetic, rng=1)
    exact = ag.hilbert_function(phi, 4, rng=1)
    assert found.values == exact.values
    assert found.fit.degree == 3
    assert found.evidence.status is Status.NUMERICAL
    assert "dropping by" in found.evidence.reason


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"arithmetic": "float32"}, "float64"),
        ({"arithmetic": "float64", "torus": "proved"}, "torus"),
        ({"arithmetic": "float64", "store": "results.db"}, "store"),
        ({"arithmetic": "float64", "rng": -1}, "seed"),
    ],
)
def test_wrong_options_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        ag.implicitize(ag.polynomial_map(["a", "b"]), max_degree=1, **options)


def test_what_does_not_fit_is_refused_before_it_starts():
    phi = ag.polynomial_map(lambda t: [t[0] ** i * t[1] ** (9 - i) + i * t[1] ** 9 for i in range(10)], n_parameters=2)
    with pytest.raises(ResourceError, match="largest block of degree 4"):
        ag.implicitize(phi, max_degree=6, arithmetic="float64", memory_limit="20MB", rng=1)


def test_unclear_ranks_name_the_candidates():
    """A plane curve of degree 9 on real points: singular values decay gradually to the rounding errors."""
    phi = ag.polynomial_map(["t^9 - t + 1", "t^7 + t^2"])
    with pytest.raises(UndecidedRankError, match=r"most likely \d+ \(where .*complex128.*lower max_degree"):
        ag.implicitize(phi, max_degree=9, arithmetic="float64", lift=False, rng=1)
    assert ag.implicitize(phi, max_degree=9, arithmetic="complex128", lift=False, rng=1).ideal_dimensions[9] == 1


# Ranks and null spaces


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.integers(0, 6))
def test_ranks_and_null_vectors_of_badly_scaled_products(seed, rows, columns, rank, spread):
    rank = min(rank, rows, columns)
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((rows, max(rank, 1))))
    right, _ = np.linalg.qr(rng.standard_normal((columns, max(rank, 1))))
    matrix = left[:, :rank] @ right[:, :rank].T if rank else np.zeros((rows, columns))
    matrix[np.abs(matrix) < 1e-12] = 0.0
    matrix *= 10.0 ** rng.integers(-spread, spread + 1, (rows, 1))
    scaled = matrix * 10.0 ** rng.integers(-spread, spread + 1, columns)
    done = factorize(scaled)
    assert done.rank == rank
    assert done.decision.gap > MIN_GAP
    vectors = done.null_vectors()
    assert vectors.shape == (columns - rank, columns)
    sizes = np.abs(scaled) @ np.abs(vectors.T)
    assert (np.abs(scaled @ vectors.T) <= 1e-9 * sizes + 1e-300).all()
    assert sorted([*done.pivot_columns, *done.free_columns]) == list(range(columns))
    assert np.array_equal(vectors[:, done.free_columns], np.eye(columns - rank))


@pytest.mark.parametrize(("rows", "columns", "rank"), [(400, 300, 290), (400, 300, 300), (300, 400, 7), (300, 300, 0)])
def test_large_matrices_are_decided_by_their_triangular_factor(rows, columns, rank, monkeypatch):
    rng = np.random.default_rng(1)
    matrix = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, columns))
    expected = decide_rank(np.linalg.svd(matrix, compute_uv=False), rows)
    if rank:
        monkeypatch.setattr(np.linalg, "svd", None)
    done = factorize(matrix)
    assert done.rank == expected.rank == rank
    if rank:
        assert 1e6 < done.decision.gap < 10 * expected.gap
        assert np.abs(matrix @ done.null_vectors().T).max(initial=0) < 1e-9


@given(st.lists(st.floats(1e-3, 1), min_size=1, max_size=10), st.integers(0, 5))
def test_a_clear_drop_decides(values, zeros):
    kept = np.sort(values)[::-1]
    decision = decide_rank(np.append(kept, np.full(zeros, 1e-17)), 20)
    assert decision.rank == len(kept)
    assert decision.gap >= MIN_GAP


@pytest.mark.parametrize(
    "values",
    [10.0 ** -np.arange(17), 10.0 ** (-0.5 * np.arange(40)), 10.0 ** (-5.0 * np.arange(4)), [1.0, 1e-8, 1e-12]],
)
def test_gradual_decay_is_not_decided(values):
    values = np.array(values)
    with pytest.raises(UndecidedRankError, match="do not tell its rank"):
        decide_rank(values, len(values))


def test_noise_above_rounding_errors_may_be_dropped():
    assert decide_rank(np.array([1.0, 1e-12, 1e-13, 1e-14]), 4).rank == 1


def test_a_drop_above_the_ceiling_is_no_rank():
    assert decide_rank(np.array([1.0, 1e-5, 1e-6]), 3).rank == 3


# Points and coordinates


@given(st.lists(st.floats(-4, 4).filter(lambda x: abs(x) > 1e-3), min_size=3, max_size=3))
def test_rounding_errors_are_bounded(theta):
    tape = ag.polynomial_map(["(a+b)*c - a*c - b*c", "a/c + 1/3 - b^5", "(a - b)*(a + b)/(c^2 + 1)"]).tape
    exact = tape.evaluate_exact([Fraction(x) for x in theta])
    inputs = [RoundedValues(np.array([x]), np.zeros(1)) for x in theta]
    for value, y in zip(exact, tape.evaluate_exact(inputs, constant=RoundedValues.constant), strict=True):
        assert abs(Fraction(float(y.value[0])) - value) <= Fraction(float(y.error[0])) * Fraction(101, 100)


def test_identically_vanishing_coordinates_are_found():
    tape = ag.polynomial_map(["(a+b)^3 - a^3 - 3*a^2*b - 3*a*b^2 - b^3", "a - b", "a*10^-30", "0*a"]).tape
    theta = np.random.default_rng(0).standard_normal((2, 16))
    assert vanishing_coordinates(tape, theta).tolist() == [True, False, False, True]
    assert vanishing_coordinates(tape, theta + 1j).tolist() == [True, False, False, True]


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_coordinates_commute_with_the_torus_and_the_permutations(arithmetic):
    phi = registry.problem("relu_333_101_011").build()
    ready = NumericalPreparation(phi, 3, arithmetic, True, Clock())
    new = Coordinates(ready.points, ready.grading.weights, ready.permutations)
    weights = ready.grading.weights
    same = (weights[:, :, None] == weights[:, None, :]).all(axis=0)
    assert same.sum() > len(same)
    assert not new.transform[~same].any()
    assert np.array_equal(new.transform, new.transform.T)
    for sigma in ready.permutations:
        np.testing.assert_allclose(new.transform[np.ix_(sigma, sigma)], new.transform, rtol=1e-10, atol=1e-10)
        assert np.array_equal(new.shift[sigma], new.shift)
    z = new.values(500)
    covariance = (z @ z.conj().T).real / z.shape[1]
    assert np.abs(covariance * same - np.eye(len(z))).max() < 0.4
    np.testing.assert_allclose(np.mean(np.abs(z) ** 2, axis=0), 1.0)


@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_points_repeat_and_lie_on_the_image(arithmetic):
    phi = ag.polynomial_map(["a*b", "a*c", "b*c", "1/(a-b)"])
    points, again = (NumericalPoints(phi.tape, 5, arithmetic) for _ in range(2))
    again.values(700)
    assert np.array_equal(points.values(300)[:, :300], again.values(300)[:, :300])
    assert np.array_equal(points.values(10)[:, :10], phi(points.theta(10)[:, :10]))
    other = NumericalPoints(phi.tape, 5, arithmetic, "residuals")
    assert not np.isin(other.theta(10)[0, :10], points.theta(10)[0, :10]).any()


# Equations from null vectors


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 6))
def test_echelon_forms_of_rational_spaces_are_exact_to_rounding(seed, count, more):
    rng = np.random.default_rng(seed)
    reduced = np.concatenate([rng.integers(-3, 4, (count, more)).astype(float), np.eye(count)], axis=1)
    rows, combinations = echelon_form(rng.standard_normal((count, count)) @ reduced)
    order = np.argsort(rows[:, more:].argmax(axis=1))
    assert np.abs(rows[order] - reduced).max() < 1e-6
    assert combinations.shape == (count, count)


def test_independent_subsets_skip_what_depends():
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0 + 1e-12], [1.0, 0.0]])
    assert independent_subset(rows, 2).tolist() == [1, 3]
    assert independent_subset(rows[:3], 2)[0] == 1


@given(st.lists(st.integers(-50, 50).filter(bool), min_size=1, max_size=6), st.floats(0.01, 100))
def test_common_multiples_recover_integers(integers, scale):
    found = common_multiple([Fraction(k * scale) for k in integers])
    common = math.gcd(*integers)
    assert found is not None
    divisor = math.gcd(*found)
    assert [k // divisor for k in found] in ([k // common for k in integers], [-k // common for k in integers])


def test_irrational_ratios_have_no_common_multiple():
    assert common_multiple([Fraction(1.0), Fraction(math.pi), Fraction(math.sqrt(2.0))]) is None
    scaled = normalized([Fraction(-2.0), Fraction(math.pi)])
    assert max(map(abs, scaled)) == 1
    assert scaled[0] == Fraction(-2.0 / math.pi)

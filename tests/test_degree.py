"""Degrees of image closures by monodromy, by the Hilbert function, and by both."""

from fractions import Fraction
from math import comb, factorial

import numpy as np
import pytest
from parameters import quick_first

import algeom as ag
from algeom.continuation.certified_points import certified_count
from algeom.continuation.degree import degree, degree_plan, hilbert_degree
from algeom.continuation.slices import (
    Slice,
    identity_columns,
    image_tape,
    random_matrix,
    slice_parameters,
    slice_system,
    start_point,
)
from algeom.errors import InputError
from algeom.evidence import Status
from algeom.registry import problem, problems
from algeom.varieties import hadamard_product, rational_normal_curve, secant, segre

#: Problems of the registry, each with a citation for its degree.
QUICK = {
    "twisted_cubic": 3,
    "rational_normal_curve_6": 6,
    "veronese_2_3": 9,
    "segre_p1p1p1": 6,
    "segre_p1p1p1p1": 24,
    "grassmannian_2_5": 5,
    "grassmannian_2_6": 14,
    "determinantal_3_3_2": 3,
    "determinantal_4_4_2": 20,
    "secant_2_p1p1p1p1": 64,
    "relu_deep_33233": 27,
}
#: Longer to compute than others of the same kind.
REPEATING = {"grassmannian_2_6", "determinantal_4_4_2", "segre_p1p1p1"}
SEVERAL_SECONDS = {"attention_3_1": 21, "relu_333_110_011": 27}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in REPEATING)) for name in QUICK])
def test_monodromy_and_hilbert_polynomial_agree(name):
    found = degree(problem(name).build(), rng=1)
    assert found.value == QUICK[name] == problem(name).degree
    assert found.monodromy.count == found.hilbert_degree == found.value
    assert found.evidence.status in (Status.NUMERICAL, Status.PROBABILISTIC)
    assert found.methods == ("hilbert", "monodromy")
    assert "trace" in found.evidence.reason


@pytest.mark.parametrize("name", SEVERAL_SECONDS)
def test_monodromy_where_the_hilbert_polynomial_comes_late(name):
    found = degree(problem(name).build(), method="monodromy", rng=1)
    assert found.value == SEVERAL_SECONDS[name] == problem(name).degree
    assert found.evidence.status is Status.NUMERICAL


@pytest.mark.slow
@pytest.mark.parametrize("name", SEVERAL_SECONDS)
def test_monodromy_agrees_with_late_hilbert_polynomials(name):
    found = degree(problem(name).build(), rng=1)
    assert found.value == found.hilbert_degree == found.monodromy.count == SEVERAL_SECONDS[name]
    assert found.evidence.status is Status.NUMERICAL


@pytest.mark.slow
@pytest.mark.parametrize("name", [entry.name for entry in problems() if entry.degree and entry.degree <= 500])
def test_every_cited_degree(name):
    found = degree(problem(name).build(), method="monodromy", rng=3)
    assert found.value == problem(name).degree
    assert found.evidence.status is not Status.LOWER_BOUND


def secant_degree_of_lines(n):
    """Degree of the secant variety of (P^1)^n, n >= 3, by the double point formula.

    D. Cox, J. Sidman, Secant varieties of toric varieties, J. Pure Appl. Algebra 209 (2007): (d^2 - sum_j C(2n+1, j)
    s_(n-j)(T) h^j) / 2 with d = n!, since two general points of the variety span a secant line of their own.
    """
    excess = sum(comb(2 * n + 1, j) * (-2) ** (n - j) * comb(n, j) * factorial(j) for j in range(n + 1))
    return (factorial(n) ** 2 - excess) // 2


def test_secant_variety_of_four_lines():
    assert secant_degree_of_lines(4) == QUICK["secant_2_p1p1p1p1"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_secant_variety_of_five_lines(seed):
    found = degree(secant(2, segre(1, 1, 1, 1, 1)), method="monodromy", rng=seed)
    assert found.value == secant_degree_of_lines(5) == 3256
    assert found.evidence.status is Status.NUMERICAL


@pytest.mark.parametrize("seed", quick_first([1, 2], 1))
def test_hadamard_square_of_a_secant_variety(seed):
    # M. A. Cueto, E. A. Tobis, J. Yu, An implicitization challenge for binary factor analysis, J. Symb. Comput. 45
    # (2010): a hypersurface of degree 110.
    variety = secant(2, segre(1, 1, 1, 1))
    found = degree(hadamard_product(variety, variety), method="monodromy", rng=seed)
    assert (found.value, found.evidence.status) == (110, Status.NUMERICAL)


@pytest.mark.parametrize("seed", quick_first(range(8), 3))
def test_every_seed_counts_the_same(seed):
    # Loops of parallel slices miss points of this variety that are far out; slices that turn do not.
    assert degree(problem("segre_p1p1p1p1").build(), method="monodromy", rng=seed).value == 24


def test_same_seed_same_points():
    phi = problem("grassmannian_2_5").build()
    first, second = (degree(phi, method="monodromy", rng=4) for _ in range(2))
    np.testing.assert_array_equal(first.witness_set.points, second.witness_set.points)
    assert first.seed == 4


def test_images_that_are_no_cones():
    # The graph of a plane curve of degree 5, and a rational one with a denominator of degree 3.
    assert degree(ag.polynomial_map(["t", "t^5 + t + 1"]), rng=1).value == 5
    witch = ag.polynomial_map(["t", "1/(1 + t^2)"])
    found = degree(witch, rng=1)
    assert (found.value, found.methods) == (3, ("hilbert", "monodromy"))


@pytest.mark.parametrize("shift", [10**3, 10**6, 10**7, 10**8])
def test_translations_keep_the_degree(shift):
    # Far from the curve a line meets each branch where it looks straight, so that one point seemed to be all.
    for seed in range(1, 4):
        circle = ag.polynomial_map([f"{shift} + (1 - t^2)/(1 + t^2)", "2*t/(1 + t^2)"])
        found = degree(circle, method="monodromy", rng=seed)
        assert (found.value, found.evidence.status) == (2, Status.NUMERICAL)


def test_witness_sets_of_translated_curves():
    witness = degree(ag.polynomial_map(["1000000 + t", "t^2 - 1000000", "t^3"]), method="monodromy", rng=1).witness_set
    assert witness.degree == 3
    assert witness.slice.residual(witness.points).max() < 1e-14
    on, off = [1000002, -999996, 8], [1000002, -999996, 9]
    assert witness.contains(on, rng=1).value
    assert not witness.contains(off, rng=1).value
    points = witness.sample(4, rng=2)
    np.testing.assert_allclose((points[0] - 1e6) ** 2, points[1] + 1e6, atol=1e-6)
    assert np.abs(points[0] - 1e6).max() < 100


def test_several_parameters_for_each_point():
    # (s, t) -> (s^2, t^2, s t) is two to one onto a quadric cone; scaling gives fibers of dimension one.
    assert degree(ag.polynomial_map(["s^2", "t^2", "s*t"]), method="monodromy", rng=1).value == 2
    assert degree(ag.polynomial_map(["a*s", "a*t", "a*s*t"]), method="monodromy", rng=1).value == 1


def test_points_and_dense_images_have_degree_one():
    for phi, dimension in ((ag.polynomial_map(["2", "3"], parameters=["t"]), 0), (ag.polynomial_map(["s", "s*t"]), 2)):
        found = degree(phi, rng=1)
        assert (found.value, found.dimension, found.witness_set) == (1, dimension, None)
        assert found.methods == ("dimension",)
        assert degree_plan(phi, rng=1).methods == ()


def test_a_bound_from_above_and_certified_points_are_a_proof():
    found = degree(rational_normal_curve(5), method="monodromy", upper_count=5, upper_reason="Bezout", rng=1)
    assert (found.value, found.evidence.status) == (5, Status.PROVED)
    assert "Bezout" in found.evidence.reason
    loose = degree(rational_normal_curve(5), method="monodromy", upper_count=7, rng=1)
    assert loose.evidence.status is Status.NUMERICAL
    with pytest.raises(InputError, match="5 points were found on a slice, more than upper_count=4"):
        degree(rational_normal_curve(5), method="monodromy", upper_count=4, rng=1)


def test_points_that_are_repeated_are_certified_once():
    witness = degree(rational_normal_curve(4), method="monodromy", rng=1).witness_set
    assert certified_count(witness) == 4
    twice = type(witness)(
        witness.gauge, witness.slice, witness.tau[:, [0, 0, 1]], witness.points[:, [0, 0, 1]], True, True,
        witness.evidence, 1,
    )  # fmt: skip
    assert certified_count(twice) == 2


def test_a_capped_search_is_a_lower_bound():
    phi = problem("segre_p1p1p1p1").build()
    capped = degree(phi, method="monodromy", max_loops=1, rng=3)
    assert capped.value < 24
    assert capped.evidence.status is Status.LOWER_BOUND
    assert not capped.witness_set.is_complete
    both = degree(phi, max_loops=1, rng=3)
    assert both.evidence.status is Status.LOWER_BOUND
    assert "24" in both.evidence.reason
    assert str(capped.value) in both.evidence.reason


def test_a_hypersurface_needs_no_extrapolation():
    phi = problem("determinantal_3_3_2").build()
    found = degree(phi, method="hilbert", rng=1)
    assert (found.value, found.evidence.status) == (3, Status.PROBABILISTIC)
    assert max(found.hilbert.values) == 3
    # What monodromy leaves open, the equation decides.
    capped = degree(phi, max_loops=1, rng=1)
    assert (capped.value, capped.evidence.status) == (3, Status.PROBABILISTIC)


def test_hilbert_polynomial_alone_is_extrapolated():
    found = degree(problem("grassmannian_2_5").build(), method="hilbert", rng=1)
    assert (found.value, found.evidence.status, found.methods) == (5, Status.EXTRAPOLATED, ("hilbert",))
    assert found.monodromy is None
    assert found.witness_set is None
    with pytest.raises(InputError, match="raise max_degree"):
        degree(problem("determinantal_4_4_2").build(), method="hilbert", max_degree=4, rng=1)


def test_linear_equations_do_not_make_a_hypersurface():
    # A plane curve in space: one linear form and one conic, so that the equations begin in degree one.
    function = ag.hilbert_function(ag.polynomial_map(["s^2", "s*t", "t^2", "s^2 + t^2"]), 4, rng=1)
    assert hilbert_degree(function)[0] == 2


def test_plan_is_followed():
    phi = problem("grassmannian_2_6").build()
    plan = degree_plan(phi, rng=1)
    assert plan.methods == ("hilbert", "monodromy") == degree(phi, rng=1).methods
    assert plan.hilbert_seconds < 60
    assert "monodromy follows" in plan.reason
    # 150 coordinates in general position: the Hilbert function is out of reach.
    large = ag.polynomial_map(
        lambda t: [sum(Fraction((3 * i + 5 * j) % 7 - 3) * t[j] ** 4 for j in range(12)) + t[i % 12] ** 3 * t[0]
                   for i in range(150)],
        n_parameters=12,
    )  # fmt: skip
    assert degree_plan(large, rng=1).methods == ("monodromy",)


def test_a_store_resumes(tmp_path):
    phi = problem("segre_p1p1p1p1").build()
    first = degree(phi, store=tmp_path / "degree")
    again = degree(phi, store=tmp_path / "degree")
    assert (first.value, again.value, again.seed) == (24, 24, first.seed)
    np.testing.assert_array_equal(first.witness_set.points, again.witness_set.points)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "groebner"}, "expected .auto., .monodromy. or .hilbert."),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        degree(rational_normal_curve(3), **arguments)


def test_functions_are_refused_with_advice():
    with pytest.raises(InputError, match="trace it first"):
        degree(lambda t: [t, t**2])


def test_summary_names_value_and_evidence():
    found = degree(rational_normal_curve(3), rng=1)
    assert repr(found).startswith("Degree(3, numerical, by hilbert and monodromy")
    assert int(found) == 3


# Slices


def test_slice_systems_vanish_at_their_start():
    rng = np.random.default_rng(1)
    psi = ag.polynomial_map(["s", "t", "s*t", "s^2 - t^2", "1/(1 + s)"])
    tau, pivots = start_point(psi, rng)
    matrix = random_matrix(pivots, 5, rng)
    assert identity_columns(matrix) == pivots
    cut = Slice(matrix, matrix @ psi(tau))
    for columns in (pivots, None):
        system = slice_system(psi, columns)
        parameters = slice_parameters(cut, columns)
        assert (system.n_unknowns, system.n_parameters) == (2, 8 if columns else 12)
        np.testing.assert_allclose(system(tau, parameters), 0, atol=1e-13)
        np.testing.assert_allclose(system.jacobian(tau, parameters), matrix @ psi.jacobian(tau), atol=1e-12)
        image = image_tape(psi, system.n_parameters)
        np.testing.assert_allclose(image.evaluate(np.concatenate([tau, parameters])[:, None])[:, 0], psi(tau))


def test_start_points_avoid_dependent_coordinates():
    # The first two coordinates are proportional, so they cannot both be pivots.
    psi = ag.polynomial_map(["s", "2*s", "t"])
    _, pivots = start_point(psi, np.random.default_rng(0))
    assert pivots in ((0, 2), (1, 2))


def test_names_of_slice_parameters_are_free():
    psi = ag.polynomial_map(["b1", "b1*a1", "a1^2"], parameters=["a1", "b1"])
    system = slice_system(psi, [0, 1])
    assert set(system.parameter_names).isdisjoint({"a1", "b1"})


@pytest.mark.parametrize(
    ("matrix", "offset", "message"),
    [
        ([[1.0, 2.0]], [1.0, 2.0], "shape"),
        ([[1.0], [2.0]], [1.0, 2.0], "k <= m"),
        ([[1.0, np.nan]], [1.0], "NaN"),
        ([[1.0, 2.0], [2.0, 4.0]], [1.0, 1.0], "linearly dependent"),
        ([["a", "b"]], [1.0], "no array of numbers"),
    ],
)
def test_bad_slices(matrix, offset, message):
    with pytest.raises(InputError, match=message):
        Slice(matrix, offset)


def test_identity_columns():
    assert identity_columns(np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]])) == (0, 1)
    assert identity_columns(np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0]])) is None


@pytest.mark.parametrize("argument", ["max_degree", "max_loops", "upper_count"])
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_counts_are_positive_integers(argument, value):
    with pytest.raises(InputError, match=f"{argument}={value}; expected a positive integer"):
        degree(rational_normal_curve(3), **{argument: value})


def test_summary_says_that_a_search_was_interrupted():
    def stop(event):
        if event.kind == "advance":
            raise KeyboardInterrupt

    found = degree(rational_normal_curve(4), method="monodromy", rng=1, progress=stop)
    assert found.interrupted
    assert found.evidence.status is Status.LOWER_BOUND
    assert repr(found).endswith("by monodromy, INTERRUPTED)")

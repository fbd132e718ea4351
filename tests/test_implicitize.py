"""The pipeline from map to equations: classical ideals, degenerate inputs, options."""

import math
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

import algeom as ag
from algeom import registry
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.implicitization.blocks import BlockTask, solve_block
from algeom.implicitization.dimension import working_primes
from algeom.implicitization.interpolation import Interpolation


def forms(ideal):
    return [str(f) for f in ideal.generators]


def test_independence_model_to_certificate():
    def independence(t):
        a, b = t
        return [a * b, a * (1 - b), (1 - a) * b, (1 - a) * (1 - b)]

    phi = ag.polynomial_map(independence, n_parameters=2, names=["p1", "p2", "p3", "p4"])
    ideal = ag.implicitize(phi, max_degree=2, rng=1)
    assert ideal.homogenized
    assert forms(ideal) == ["p1 + p2 + p3 + p4 - 1", "p1*p4 - p2*p3"]
    assert ideal.status is Status.PROVED
    assert ideal.minimal_generator_counts == {1: 1, 2: 1}
    assert ideal.certificate.verify()
    assert ideal.contains([Fraction(1, 4)] * 4)
    assert not ideal.contains([Fraction(1, 2), 0, 0, Fraction(1, 2)])
    assert ideal.contains([0.06, 0.14, 0.24, 0.56])
    assert not ideal.contains([0.07, 0.14, 0.24, 0.55])


@pytest.mark.parametrize("d", range(2, 8))
def test_rational_normal_curves(d):
    """C(d, 2) quadrics generate; the Hilbert function is d*k + 1 (Harris, Algebraic Geometry, Example 1.14)."""
    phi = ag.polynomial_map(lambda t: [t[0] ** (d - i) * t[1] ** i for i in range(d + 1)], n_parameters=2)
    ideal = ag.implicitize(phi, max_degree=3, rng=d)
    assert ideal.minimal_generator_counts == {1: 0, 2: math.comb(d, 2), 3: 0}
    assert ideal.hilbert_function == {k: d * k + 1 for k in (1, 2, 3)}
    assert ideal.status is Status.PROVED
    assert all(len(f) == 2 for f in ideal.generators)


@pytest.mark.parametrize("seed", range(3))
def test_random_coordinates_give_the_same_counts(seed):
    """A change of coordinates that destroys the torus: one block a degree, the same Hilbert function."""
    phi = ag.polynomial_map(lambda a, b: [x * y for x in a for y in b], parameters={"a": (3,), "b": (3,)})
    matrix = np.random.default_rng(seed).integers(-20, 21, (9, 9))
    mixed = ag.implicitize(phi.linear_change(matrix), max_degree=3, rng=seed)
    plain = ag.implicitize(phi, max_degree=3, rng=seed)
    assert mixed.grading.rank == 1
    assert plain.minimal_generator_counts == mixed.minimal_generator_counts == {1: 0, 2: 9, 3: 0}
    assert mixed.hilbert_function == plain.hilbert_function
    assert mixed.status is Status.PROVED
    # Substituting the change of coordinates into an equation of the one gives an equation of the other.
    variables = ag.Polynomial.variables(phi.names)
    moved = [sum(int(c) * v for c, v in zip(row, variables, strict=True)) for row in matrix]
    theta = [Fraction(k, 7) for k in range(1, 7)]
    for f in mixed.generators:
        assert f.compose(moved)(phi(theta)) == 0


def test_equations_with_coefficients_of_two_hundred_digits():
    scale = 10**200 + 357
    phi = ag.polynomial_map(["a", "b", f"{scale}*a + 3*b + a*b"])
    ideal = ag.implicitize(phi, max_degree=2, rng=1)
    assert forms(ideal) == [f"y1*y2 + {scale}*y1 + 3*y2 - y3"]
    assert ideal.status is Status.PROVED


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
        (["a/(1+b)", "b/(1+b)", "1/(1+b)"], 2, ["y2 + y3 - 1"]),
        (["a/b", "b/a"], 2, ["y1*y2 - 1"]),
        (["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"], 2, ["y1^2 + y2^2 - 1"]),
        (["t^2", "t^3"], 3, ["y1^3 - y2^2"]),
        (["a/3", "a/7"], 1, ["3*y1 - 7*y2"]),
        (["0.5*a", "a"], 1, ["2*y1 - y2"]),
    ],
)
def test_degenerate_and_small_maps(formulas, max_degree, expected):
    parameters = ["t"] if any("t" in f for f in formulas) else ["a", "b"]
    ideal = ag.implicitize(ag.polynomial_map(formulas, parameters=parameters), max_degree=max_degree, rng=11)
    assert forms(ideal) == expected
    assert ideal.status is Status.PROVED
    assert ideal.certificate.verify()


def test_one_degree_only_counts_what_the_degree_below_does_not_generate():
    phi = ag.polynomial_map(lambda t: [t[0] ** (5 - i) * t[1] ** i for i in range(6)], n_parameters=2)
    ideal = ag.implicitize(phi, degrees=[3], lift=False, rng=1)
    assert ideal.minimal_generator_counts == {3: 0}
    assert ideal.ideal_dimensions == {3: math.comb(8, 3) - 16}
    assert ideal.status is Status.PROBABILISTIC
    assert ideal.evidence.log10_error < -20
    assert ideal.certificate is None


def test_symmetry_changes_nothing_but_the_work():
    n = 3
    tau_rows = [1, 0, 2]

    def rank_one(a, b):
        return [x * y for x in a for y in b]

    sigma = [3 * i + j for i in tau_rows for j in range(n)]
    phi = ag.polynomial_map(rank_one, parameters={"a": (n,), "b": (n,)}, symmetries=[([*tau_rows, 3, 4, 5], sigma)])
    with_it = ag.implicitize(phi, max_degree=2, rng=4)
    without = ag.implicitize(phi, max_degree=2, rng=4, symmetry=False)
    assert with_it.degrees[1].n_orbits < without.degrees[1].n_orbits
    assert sorted(forms(with_it)) == sorted(forms(without))
    assert with_it.ideal_dimensions == without.ideal_dimensions


def test_a_false_symmetry_is_refused():
    phi = ag.polynomial_map(["a^2", "a*b", "b^2"], parameters=["a", "b"], symmetries=[([1, 0], [0, 1, 2])])
    with pytest.raises(InputError, match="declared symmetry 0"):
        ag.implicitize(phi, max_degree=2, rng=1)


def test_merged_blocks_hold_the_equations_of_the_fine_ones():
    """Forgetting part of the grading merges blocks: their nullity is the sum of those of the parts."""
    phi = ag.polynomial_map(lambda a, b: [x * y for x in a for y in b], parameters={"a": (3,), "b": (3,)})
    weights = ag.grading(phi, rng=1).weights
    fine = ag.hilbert_function(phi, 3, rng=1).ideal_dimensions
    coarse = np.ones((1, 9), np.int64)
    prime = 4194301
    for degree in (1, 2, 3):
        assert solve_block(BlockTask(phi.tape, coarse, degree, degree, prime, 1)).nullity == fine[degree]
    assert len(weights) == 5


def test_the_same_seed_repeats_everything_on_any_number_of_workers():
    phi = ag.polynomial_map(lambda a, b: [x * y * x for x in a for y in b], parameters={"a": (3,), "b": (3,)})
    first = ag.implicitize(phi, max_degree=3, rng=9, threads=1)
    second = ag.implicitize(phi, max_degree=3, rng=9, threads=2)
    assert forms(first) == forms(second)
    assert first.primes == second.primes
    assert first.degrees == second.degrees


def test_verification_without_expansion_is_probabilistic():
    phi = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    ideal = ag.implicitize(phi, max_degree=2, rng=1, expansion_budget=0)
    assert ideal.status is Status.PROBABILISTIC
    assert ideal.evidence.log10_error < -30
    assert ideal.minimal_generator_counts == {1: 0, 2: 3}


def test_blocks_of_independent_coordinates_are_not_solved(monkeypatch):
    """Six squares of independent linear forms: no equations, so the 56 monomials of degree 3 are never evaluated."""
    solved = []
    original = Interpolation._run

    def spy(self, tasks, sizes, report):
        solved.extend(sizes[task.node] for task in tasks)
        return original(self, tasks, sizes, report)

    monkeypatch.setattr(Interpolation, "_run", spy)
    matrix = np.random.default_rng(5).integers(-3, 4, (6, 6))
    dominant = ag.polynomial_map(lambda t: (matrix @ t) ** 2, n_parameters=6)
    assert ag.implicitize(dominant, max_degree=3, rng=1, lift=False).ideal_dimensions == {1: 0, 2: 0, 3: 0}
    assert max(solved) < 56
    quadratic = ag.polynomial_map(lambda t: (np.vstack([matrix, matrix[:2] + 1]) @ t) ** 2, n_parameters=6)
    ag.implicitize(quadratic, max_degree=3, rng=1, lift=False)
    assert max(solved) == math.comb(10, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_degree": 2, "degrees": [1]},
        {"max_degree": 0},
        {"degrees": []},
        {"degrees": [1.5]},
        {"max_degree": -1},
        {"max_degree": "3"},
        {"max_degree": True},
    ],
)
def test_degrees_must_be_named_once(arguments):
    phi = ag.polynomial_map(["a", "b"])
    with pytest.raises(InputError, match="degree"):
        ag.implicitize(phi, **arguments)


def test_what_does_not_fit_is_refused_before_it_starts():
    phi = ag.polynomial_map(lambda t: [t[0] ** i * t[1] ** (9 - i) + i * t[1] ** 9 for i in range(10)], n_parameters=2)
    with pytest.raises(ResourceError, match="degree"):
        ag.implicitize(phi, max_degree=6, memory_limit="1MB", rng=1)


def test_interruption_keeps_finished_degrees():
    phi = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])

    def stop(event):
        if "degree 3" in event.stage:
            raise KeyboardInterrupt

    ideal = ag.implicitize(phi, max_degree=4, rng=1, progress=stop)
    assert ideal.interrupted
    assert ideal.minimal_generator_counts == {1: 0, 2: 3}
    assert "INTERRUPTED" in str(ideal)
    assert ideal.certificate.verify()


def test_membership_errors():
    ideal = ag.implicitize(ag.polynomial_map(["s^2", "s*t", "t^2"]), max_degree=2, rng=1)
    with pytest.raises(InputError, match="expected 3"):
        ideal.contains([1, 2])
    with pytest.raises(InputError, match="no numbers"):
        ideal.contains(["a", 1, 2])
    with pytest.raises(InputError, match="NaN"):
        ideal.contains([1.0, math.nan, 0.0])
    counted = ag.implicitize(ag.polynomial_map(["s^2", "s*t", "t^2"]), max_degree=2, rng=1, lift=False)
    with pytest.raises(InputError, match="lift"):
        counted.contains([1, 1, 1])


def test_a_stopped_run_resumes_from_its_store(tmp_path, monkeypatch):
    """What a run stopped by Ctrl-C had solved is not solved again, whatever the new run's rng."""
    phi = ag.polynomial_map(lambda t: [t[0] ** (6 - i) * t[1] ** i for i in range(7)], n_parameters=2)
    path = tmp_path / "run.algeom"

    def stop(event):
        if event.stage == "degree 3" and event.kind == "advance":
            raise KeyboardInterrupt

    partial = ag.implicitize(phi, max_degree=3, progress=stop, store=path, lift=False)
    assert partial.interrupted
    solved = []
    original = Interpolation._run

    def spy(self, tasks, sizes, report):
        solved.extend(tasks)
        return original(self, tasks, sizes, report)

    monkeypatch.setattr(Interpolation, "_run", spy)
    ideal = ag.implicitize(phi, max_degree=3, store=path, lift=False)
    assert ideal.seed == partial.seed
    assert ideal.minimal_generator_counts == {1: 0, 2: 15, 3: 0}
    assert solved
    assert all(task.degree == 3 for task in solved)
    solved.clear()
    again = ag.implicitize(phi, max_degree=3, store=path, lift=False)
    assert again.degrees == ideal.degrees
    assert not solved


def test_blocks_can_be_solved_by_other_processes():
    phi = ag.polynomial_map(lambda t: [t[0] ** (4 - i) * t[1] ** i for i in range(5)], n_parameters=2)
    here = ag.implicitize(phi, max_degree=3, rng=3)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        there = ag.implicitize(phi, max_degree=3, rng=3, executor=executor)
    assert forms(here) == forms(there)
    assert here.degrees == there.degrees


@pytest.mark.parametrize("verb", [ag.dimension, ag.grading, lambda phi: ag.implicitize(phi, max_degree=1)])
@pytest.mark.parametrize("thing", [lambda t: t, "a*b", None])
def test_what_is_no_map_is_refused_with_the_remedy(verb, thing):
    with pytest.raises(InputError, match="polynomial_map"):
        verb(thing)


def test_a_proof_by_the_part_of_the_torus_that_the_map_proves():
    """The Gaussian chain 1 - 2 - 3: s13 s22 = s12 s23; its torus of rank 5 is induced by parameters in rank 3."""
    phi = registry.problem("gaussian_chain_3").build()
    usual = ag.implicitize(phi, max_degree=2, rng=1)
    proved = ag.implicitize(phi, max_degree=2, rng=1, torus="proved")
    assert usual.status is Status.PROBABILISTIC
    assert proved.status is Status.PROVED
    assert forms(usual) == forms(proved)
    assert proved.grading.rank < usual.grading.rank
    assert proved.certificate.verify().status is Status.PROVED
    with pytest.raises(InputError, match="maximal"):
        ag.implicitize(phi, max_degree=2, torus="small")


@pytest.mark.parametrize("which", [0, 1])
def test_a_prime_of_bad_characteristic_is_noticed(which):
    """A coefficient that the first or second working prime divides: that prime sees another variety."""
    prime = working_primes(1, 2)[which]
    phi = ag.polynomial_map(["a", "b", f"{prime}*a*b"])
    said = []
    ideal = ag.implicitize(phi, max_degree=2, rng=1, progress=lambda event: said.append(event.message))
    assert forms(ideal) == [f"{prime}*y1*y2 - y3"]
    assert ideal.status is Status.PROVED
    if which == 0:
        assert prime not in ideal.primes
        assert any("other primes" in message for message in said)
    assert ag.dimension(phi, rng=1).value == 2
    assert ag.hilbert_function(phi, 3, rng=1).values == {0: 1, 1: 4, 2: 9, 3: 16}


def test_an_expansion_that_would_not_fit_is_not_begun():
    """Twenty-two factors have four million terms: the equation is verified modulo primes instead, at once."""
    factors = "*".join(f"(a{k}+b{k})" for k in range(22))
    phi = ag.polynomial_map([f"{factors}*s^2", f"{factors}*s*t", f"{factors}*t^2"])
    ideal = ag.implicitize(phi, max_degree=2, rng=1)
    assert forms(ideal) == ["y1*y3 - y2^2"]
    assert ideal.status is Status.PROBABILISTIC
    assert ideal.evidence.log10_error < -30


def test_a_first_prime_with_other_pivots_is_given_up():
    """Modulo the first prime the equation has its leading monomial elsewhere, with the same rank."""
    prime = working_primes(1, 2)[0]
    ideal = ag.implicitize(ag.polynomial_map([f"{prime}*s", "s", "t*s"]), max_degree=1, rng=1)
    assert forms(ideal) == [f"y1 - {prime}*y2"]
    assert prime not in ideal.primes


def test_constants_whose_denominators_a_working_prime_divides():
    prime = working_primes(1, 2)[0]
    ideal = ag.implicitize(ag.polynomial_map([f"s/{prime}", "s", "t"]), max_degree=1, rng=1)
    assert forms(ideal) == [f"{prime}*y1 - y2"]


def test_membership_of_points_beyond_floating_point():
    conic = ag.implicitize(ag.polynomial_map(["s^2", "s*t", "t^2"]), max_degree=2, rng=1)
    assert not conic.contains([10**200, 1, 10**200])
    assert conic.contains([10**400, 10**200, 1])
    line = ag.implicitize(ag.polynomial_map(["s", f"{10**320}*s"]), max_degree=1, rng=1)
    assert not line.contains([1, 1])
    assert not line.contains([1.0, 1.0])


def test_the_zero_map_without_expansions():
    ideal = ag.implicitize(ag.polynomial_map(["0*s", "0*s"]), max_degree=2, rng=1, expansion_budget=0)
    assert forms(ideal) == ["y1", "y2"]


def test_full_rank_modulo_a_prime_is_a_proof_without_lifting():
    counted = ag.implicitize(ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), max_degree=2, rng=1, lift=False)
    assert [row.evidence.status for row in counted.degrees] == [Status.PROVED, Status.PROBABILISTIC]


@pytest.mark.parametrize("formulas", [["s^2+t", "t^3+s+1"], ["2*v+1/u", "2*u+1/v"]])
def test_a_dense_image_is_proved_by_its_certificate_too(formulas):
    ideal = ag.implicitize(ag.polynomial_map(formulas), max_degree=2, rng=1)
    assert ideal.status is Status.PROVED
    assert ideal.certificate.verify().status is Status.PROVED

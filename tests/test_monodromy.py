"""Monodromy, against theorems on numbers of solutions and Galois groups."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from families import (
    CUBIC,
    UNION,
    dense_family,
    gaussian,
    generated_group,
    generic_start,
    lines_on_cubic_surfaces,
    monomial_image,
    move_constant,
    rational_normal_curve,
    roots_of,
    union_start,
)
from parameters import quick_first

from algeom.continuation import ReturnCode, TrackerOptions, monodromy_paths, polynomial_system
from algeom.continuation.monodromy import monodromy
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status

# Monodromy: theorems


@pytest.mark.parametrize("seed", quick_first(range(8), 3))
def test_cubic_has_three_roots_and_its_galois_group(seed):
    found = monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, :1].ravel(), [1, 1], rng=seed)
    assert found.count == 3
    # Nothing tests completeness here, so it is not claimed.
    assert found.evidence.status is Status.LOWER_BOUND
    assert np.abs(CUBIC(found.solutions, found.parameters)).max() < 1e-12
    assert len(generated_group([p.tolist() for p in found.permutations])) == 6


def test_galois_group_of_a_family_that_is_not_full_symmetric():
    # x^4 + a x^2 + b: the dihedral group of order 8.
    system = polynomial_system(["x^4 + a*x^2 + b"], unknowns=["x"], parameters=["a", "b"])
    found = monodromy(system, roots_of([1, 0, 1, 0, 1 + 1j])[:, 0], [1, 1 + 1j], rng=0)
    assert found.count == 4
    assert len(generated_group([p.tolist() for p in found.permutations])) == 8


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("seed", quick_first(range(8), 3))
def test_degree_of_rational_normal_curves(d, seed):
    system, start, c, image = rational_normal_curve(d)
    found = monodromy(system, start, c, image=image, trace=move_constant(d + 1), rng=seed)
    assert found.count == d
    assert found.evidence.status is Status.NUMERICAL
    assert found.trace is not None
    assert found.trace.passed
    assert np.allclose(np.sort_complex(found.solutions[0]), np.sort_complex(np.roots(c[::-1])))


@pytest.mark.slow
def test_few_paths_a_solution():
    equations, system, k = dense_family(2, (8, 8))
    ratios = []
    for seed in range(5):
        x, p = generic_start(equations, 2, k, np.random.default_rng(seed))
        found = monodromy(system, x, p, expected=64, rng=seed)
        assert found.count == 64
        ratios.append(found.tracked / found.count)
    assert np.median(ratios) <= 6.5


@pytest.mark.parametrize(("n", "degrees", "count"), [(2, (2, 3), 6), (3, (2, 2, 2), 8), (2, (4, 4), 16)])
@pytest.mark.parametrize("seed", range(3))
def test_bezout_numbers(n, degrees, count, seed):
    equations, system, k = dense_family(n, degrees)
    x, p = generic_start(equations, n, k, np.random.default_rng(seed))
    found = monodromy(system, x, p, expected=count, rng=seed)
    assert found.count == count
    assert found.evidence.status is Status.NUMERICAL
    assert "expected" in found.evidence.reason
    # Without the number the same solutions, but no claim.
    alone = monodromy(system, x, p, rng=seed)
    assert alone.count == count
    assert alone.evidence.status is Status.LOWER_BOUND
    assert "nothing tests" in alone.evidence.reason


def test_lines_on_a_cubic_surface():
    system, x, p = lines_on_cubic_surfaces()
    found = monodromy(system, x, p, expected=27, rng=0)
    assert found.count == 27
    assert found.evidence.status is Status.NUMERICAL


def test_fibers_of_the_image_count_once():
    # Two values of x^2, four of x.
    system = polynomial_system(["x^4 + a*x^2 + b"], unknowns=["x"], parameters=["a", "b"])
    start = roots_of([1, 0, 1, 0, 1 + 1j])[:, 0]
    square = monomial_image([(2,)], 3)
    found = monodromy(
        system, start, [1, 1 + 1j], image=square, trace=lambda rng: [0, gaussian(rng, 1)[0]], rng=0
    )  # fmt: skip
    assert found.count == 2
    assert found.evidence.status is Status.NUMERICAL
    assert np.allclose(found.images, found.solutions**2)
    assert found.images.shape == (1, 2)


# Monodromy: symmetry

EVEN = polynomial_system(["x^8 + a*x^6 + b*x^4 + c*x^2 + d"], unknowns=["x"], parameters=["a", "b", "c", "d"])


def even_start():
    p = gaussian(np.random.default_rng(0), 4)
    return roots_of([1, 0, p[0], 0, p[1], 0, p[2], 0, p[3]])[:, 0], p


def test_group_actions_halve_the_paths():
    x, p = even_start()
    plain = monodromy(EVEN, x, p, expected=8, rng=0)
    found = monodromy(EVEN, x, p, expected=8, group_actions=[lambda x: -x], rng=0)
    assert found.count == plain.count == 8
    assert found.tracked < 0.7 * plain.tracked
    assert set(np.round(found.solutions[0], 9)) == set(np.round(-found.solutions[0], 9))
    for permutation in found.permutations:
        known = permutation[permutation >= 0]
        assert np.unique(known).size == known.size


def test_group_actions_of_several_elements():
    system = polynomial_system(["x^4 - a", "y - b*x"], unknowns=["x", "y"], parameters=["a", "b"])
    rotations = [lambda x: np.concatenate([1j * x, -x], axis=1)]
    found = monodromy(system, [1, 2], [1, 2], expected=4, group_actions=rotations, rng=0)
    assert found.count == 4
    assert found.tracked == 0


def test_a_trace_that_cancels_within_orbits_says_nothing():
    x, p = even_start()
    found = monodromy(
        EVEN, x, p, group_actions=[lambda x: -x], trace=lambda rng: [0, 0, 0, *gaussian(rng, 1)], max_loops=3, rng=0
    )  # fmt: skip
    assert found.evidence.status is Status.LOWER_BOUND
    assert "cancel within orbits" in found.evidence.reason


def test_group_actions_have_to_give_solutions():
    x, p = even_start()
    with pytest.raises(InputError, match="group action 0 carries a solution to a point that is none"):
        monodromy(EVEN, x, p, group_actions=[lambda x: x + 1])
    with pytest.raises(InputError, match="group action 0 returned an array of shape"):
        monodromy(EVEN, x, p, group_actions=[lambda x: np.ones((3, 1))])


# Monodromy: what is not claimed


@pytest.mark.parametrize(("on_parabola", "degree"), [(True, 2), (False, 3)])
def test_union_of_two_curves(on_parabola, degree):
    x, p = union_start(on_parabola)
    move = lambda rng: [0, 0, *gaussian(rng, 1)]  # noqa: E731
    # With a trace the component of the start is complete, and no more than that is said.
    found = monodromy(UNION, x, p, trace=move, rng=0)
    assert found.count == degree
    assert found.evidence.status is Status.NUMERICAL
    assert "components of the starts" in found.evidence.reason
    # With the number of all solutions it is not complete.
    found = monodromy(UNION, x, p, trace=move, expected=5, rng=0)
    assert found.count == degree
    assert found.evidence.status is Status.LOWER_BOUND
    assert "give starts on the others" in found.evidence.reason
    # Without a trace it stalls.
    for expected in (None, 5):
        found = monodromy(UNION, x, p, expected=expected, max_loops=6, rng=0)
        assert found.count == degree
        assert found.evidence.status is Status.LOWER_BOUND


def test_union_of_two_curves_from_both():
    _, p = union_start(True)
    line = np.roots([p[1], p[0], p[2]])
    # The other curve on the same line: a x^3 + c x^2 + b (x - 1) = 0.
    other = np.roots([p[0], p[2], p[1], -p[1]])[0]
    both = np.array([[line[0], other], [line[0] ** 2, (other - 1) / other**2]])
    found = monodromy(UNION, both, p, trace=lambda rng: [0, 0, *gaussian(rng, 1)], rng=0)
    assert found.count == 5
    assert found.evidence.status is Status.NUMERICAL


@pytest.mark.parametrize("seed", quick_first(range(8), 3))
def test_a_capped_budget_is_no_proof(seed):
    system, start, c, image = rational_normal_curve(12)
    found = monodromy(system, start, c, image=image, trace=move_constant(13), max_loops=1, rng=seed)
    assert found.loops == 1
    assert found.count <= 12
    if found.count < 12:
        assert found.evidence.status is Status.LOWER_BOUND
        assert "max_loops" in found.evidence.reason
        assert not found.trace.passed
    assert len(found.permutations) == 1


def test_some_capped_budget_falls_short():
    system, start, c, image = rational_normal_curve(12)
    counts = {monodromy(system, start, c, image=image, max_loops=1, rng=seed).count for seed in range(8)}
    assert min(counts) < 12


def test_special_parameters_are_told():
    # At a = 0 two of the three solutions are at infinity.
    system = polynomial_system(["a*x^3 + b*x + c"], unknowns=["x"], parameters=["a", "b", "c"])
    options = replace(TrackerOptions.default(), max_steps=200)
    found = monodromy(system, [1.0], [0.0, 1.0, -1.0], max_loops=20, options=options, rng=0)
    assert found.count == 1
    assert found.evidence.status is Status.LOWER_BOUND
    assert "special" in found.evidence.reason
    assert sum(found.failures.values()) > 0
    assert found.retracked > 0


def test_more_than_expected_is_an_error():
    with pytest.raises(InputError, match="expected=2, but 3 different solutions"):
        monodromy(CUBIC, roots_of([1, 0, 1, 1]), [1, 1], expected=2, rng=0)


# Monodromy: starts and arguments


def refused(message, system=CUBIC, start=None, parameters=(1, 1), **options):
    start = roots_of([1, 0, 1, 1])[:, 0] if start is None else start
    with pytest.raises(InputError, match=message):
        monodromy(system, start, parameters, rng=0, **options)


def test_bad_starts_are_refused():
    refused(r"does not solve the system at these parameters \(residual 1.2", start=[0.2])
    refused("column 1 of start does not solve", start=[[*roots_of([1, 0, 1, 1])[0, :1], 0.2]])
    refused("singular", start=[0.0], parameters=(0, 0))
    refused("singular", start=[1.0], parameters=(-3, 2))
    refused("NaN", start=[np.nan])
    refused("NaN", parameters=(1, np.inf))
    refused("start has the shape", start=[1.0, 2.0])
    refused("parameters has the shape", parameters=(1, 1, 1))
    refused("parameters has the shape", parameters=np.ones((2, 3)))
    refused("start has no columns", start=np.empty((1, 0)))


def test_a_start_is_refined():
    found = monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, 0] + 1e-5, [1, 1], expected=3, rng=0)
    assert np.abs(CUBIC(found.solutions, [1, 1])).max() < 1e-14


def test_bad_arguments_are_refused():
    system = polynomial_system(["x + y - a"], unknowns=["x", "y"], parameters=["a"])
    refused("square", system=system, start=[1, 0], parameters=[1])
    refused("no parameters", system=polynomial_system(["x^2 - 1"], unknowns=["x"]), start=[1], parameters=[])
    refused("expected a tape on the inputs", image=monomial_image([(1,)], 2))
    refused("expected=0", expected=0)
    refused("max_loops=0", max_loops=0)
    refused("sample returned", sample=lambda rng: [1.0])
    refused("the array that sample returned has an entry", sample=lambda rng: [np.nan, 1.0])
    refused("direction zero", trace=lambda rng: [0.0, 0.0])
    refused("where a system is expected", system="x^2 - a")


def test_memory_is_refused_before_the_start():
    with pytest.raises(ResourceError, match="1000000000 solutions"):
        monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, 0], [1, 1], expected=10**9, memory_limit="100MB")


def test_memory_that_runs_short_ends_the_search():
    equations, system, k = dense_family(2, (6, 6))
    x, p = generic_start(equations, 2, k, np.random.default_rng(0))
    found = monodromy(system, x, p, memory_limit=500_000, rng=0)
    assert 1 <= found.count < 36
    assert found.evidence.status is Status.LOWER_BOUND
    assert "memory_limit" in found.evidence.reason


def test_close_solutions_are_told_apart():
    # Two roots at a relative distance of 6e-7, between what is surely equal and surely different.
    system = polynomial_system(["(x - b)^2 - a"], unknowns=["x"], parameters=["a", "b"])
    image = monomial_image([(1,)], 3)
    roots = np.array([[1, 1, 1]]) + np.sqrt(1e-13) * np.array([[1, -1, 1]])
    for tape in (None, image):
        found = monodromy(system, roots, [1e-13, 1.0], image=tape, expected=2, rng=0)
        assert found.count == 2


# Monodromy: paths that go wrong


def tampered(monkeypatch, tamper):
    """Let a function change the results of tracking."""
    honest = monodromy_paths.track

    def track(system, starts, here, there, **options):
        results = honest(system, starts, here, there, **options)
        return tamper(results, starts, there, options["options"] == TrackerOptions.conservative())

    monkeypatch.setattr(monodromy_paths, "track", track)


def test_paths_that_jump_are_tracked_again(monkeypatch):
    system, start, c, image = rational_normal_curve(9)

    def jump(results, starts, there, careful):
        solutions = results.solutions.copy()
        if not careful:
            # Of paths to the same parameters every third one ends where the one before it ends.
            for target in np.unique(there, axis=1).T:
                paths = np.flatnonzero((there == target[:, None]).all(axis=0))
                solutions[:, paths[1::3]] = solutions[:, paths[: paths.size - 1 : 3]]
        return replace(results, solutions=solutions)

    tampered(monkeypatch, jump)
    found = monodromy(system, start, c, image=image, trace=move_constant(10), rng=0)
    assert found.count == 9
    assert found.evidence.status is Status.NUMERICAL
    assert found.retracked > 0


def test_contradictions_that_stay_are_left_to_other_edges(monkeypatch):
    system, start, c, image = rational_normal_curve(6)

    def jump(results, starts, there, careful):
        # Some paths always jump to the end of the first one, also with small steps.
        solutions = results.solutions.copy()
        for target in np.unique(there, axis=1).T:
            paths = np.flatnonzero((there == target[:, None]).all(axis=0))
            chosen = paths[starts[0, paths].real > 0.9]
            solutions[:, chosen] = solutions[:, chosen[:1]]
        return replace(results, solutions=solutions)

    tampered(monkeypatch, jump)
    found = monodromy(system, start, c, image=image, trace=move_constant(7), rng=0, max_loops=10)
    assert found.count <= 6
    assert found.count == 6 or found.evidence.status is Status.LOWER_BOUND


def test_paths_that_fail_are_found_on_other_edges(monkeypatch):
    system, start, c, image = rational_normal_curve(9)

    def fail(results, starts, there, careful):
        codes = results.codes.copy()
        # About every fourth path, whatever the options; which ones depends on where they start and end.
        codes[np.floor(1e6 * np.abs(starts[0] + there[0])).astype(int) % 4 == 0] = ReturnCode.TOO_MANY_STEPS
        return replace(results, codes=codes)

    tampered(monkeypatch, fail)
    found = monodromy(system, start, c, image=image, trace=move_constant(10), rng=0)
    assert found.count == 9
    assert found.evidence.status is Status.NUMERICAL
    assert found.failures[ReturnCode.TOO_MANY_STEPS] > 0


def test_failures_are_explained(monkeypatch):
    tampered(monkeypatch, lambda results, starts, there, careful: replace(results, codes=0 * results.codes + 4))
    found = monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, 0], [1, 1], rng=0, max_loops=2)
    assert found.count == 1
    assert found.evidence.status is Status.LOWER_BOUND
    assert "too many steps" in found.evidence.reason
    assert "max_steps" in found.evidence.reason


# Monodromy: runs


def problem():
    equations, system, k = dense_family(2, (5, 6))
    x, p = generic_start(equations, 2, k, np.random.default_rng(3))
    return system, x, p


def equal(first, second):
    return (
        np.array_equal(first.solutions, second.solutions)
        and first.tracked == second.tracked
        and first.evidence == second.evidence
        and first.seed == second.seed
        and all(np.array_equal(a, b) for a, b in zip(first.permutations, second.permutations, strict=True))
    )


def test_same_seed_same_result_wherever_it_runs(tmp_path):
    system, x, p = problem()
    alone = monodromy(system, x, p, expected=30, rng=5)
    assert alone.count == 30
    assert equal(alone, monodromy(system, x, p, expected=30, rng=alone.seed, threads=1))
    assert equal(alone, monodromy(system, x, p, expected=30, rng=5, threads=2))
    assert equal(alone, monodromy(system, x, p, expected=30, rng=5, store=tmp_path / "kept"))
    with ThreadPoolExecutor(2) as pool:
        assert equal(alone, monodromy(system, x, p, expected=30, rng=5, executor=pool))
    assert not equal(alone, monodromy(system, x, p, expected=30, rng=6))


@pytest.mark.slow
def test_same_result_in_other_processes():
    system, x, p = problem()
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        found = monodromy(system, x, p, expected=30, rng=5, executor=pool)
    assert equal(found, monodromy(system, x, p, expected=30, rng=5))


def test_progress_tells_what_is_found():
    system, x, p = problem()
    events = []
    found = monodromy(system, x, p, expected=30, rng=5, progress=events.append)
    steps = [event for event in events if event.kind == "advance"]
    assert steps[-1].done == found.tracked
    assert [event.info["found"] for event in steps] == sorted(event.info["found"] for event in steps)
    assert abs(found.estimate - 30) < 3
    assert {"found", "loops", "estimate"} <= steps[-1].info.keys()


def test_ctrl_c_returns_what_is_there():
    system, x, p = problem()

    def stop(event):
        if event.kind == "advance" and event.info["found"] >= 10:
            raise KeyboardInterrupt

    found = monodromy(system, x, p, expected=30, rng=5, progress=stop)
    assert found.interrupted
    assert 1 <= found.count < 30
    assert found.evidence.status is Status.LOWER_BOUND
    assert "interrupted" in found.evidence.reason
    assert "INTERRUPTED" in repr(found)
    assert np.abs(system(found.solutions, p)).max() < 1e-9


def counted(monkeypatch):
    """Count the paths that are really tracked."""
    numbers = []
    honest = monodromy_paths.track

    def track(system, starts, *arguments, **options):
        numbers.append(starts.shape[1])
        return honest(system, starts, *arguments, **options)

    monkeypatch.setattr(monodromy_paths, "track", track)
    return numbers


def test_an_interrupted_run_resumes(monkeypatch, tmp_path):
    system, x, p = problem()
    store = tmp_path / "kept"
    alone = monodromy(system, x, p, expected=30, rng=5)
    numbers = counted(monkeypatch)

    def stop(event):
        if event.kind == "advance" and event.info["found"] >= 20:
            raise KeyboardInterrupt

    assert monodromy(system, x, p, expected=30, rng=5, progress=stop, store=store).interrupted
    first = sum(numbers)
    # The seed is in the store, too.
    resumed = monodromy(system, x, p, expected=30, store=store)
    assert equal(resumed, alone)
    assert sum(numbers) < first + alone.tracked - 20
    numbers.clear()
    assert equal(monodromy(system, x, p, expected=30, rng=5, store=store), alone)
    assert not numbers
    # Another seed, other parameters or another system find nothing of this there.
    other = monodromy(system, x, p, expected=30, rng=6, store=store)
    assert sum(numbers) == other.tracked
    numbers.clear()
    assert monodromy(CUBIC, roots_of([1, 0, 1, 1])[:, 0], [1, 1], expected=3, rng=5, store=store).count == 3
    assert sum(numbers) > 0


def test_a_killed_run_resumes(monkeypatch, tmp_path):
    script = """
        import os, signal, sys
        import numpy as np
        sys.path.insert(0, {folder!r})
        from test_monodromy import monodromy, problem

        def kill(event):
            if event.kind == "advance" and event.info["found"] >= 20:
                os.kill(os.getpid(), signal.SIGKILL)

        system, x, p = problem()
        monodromy(system, x, p, expected=30, rng=5, progress=kill, store={store!r})
    """
    folder, store = str(Path(__file__).parent), str(tmp_path / "kept")
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script).format(folder=folder, store=store)])
    assert done.returncode == -signal.SIGKILL
    system, x, p = problem()
    numbers = counted(monkeypatch)
    resumed = monodromy(system, x, p, expected=30, rng=5, store=store)
    assert sum(numbers) < resumed.tracked - 20
    monkeypatch.undo()
    assert equal(resumed, monodromy(system, x, p, expected=30, rng=5))


def test_results_say_what_they_are():
    system, start, c, image = rational_normal_curve(4)
    found = monodromy(system, start, c, image=image, trace=move_constant(5), rng=0)
    assert repr(found).startswith("MonodromyResult(4 solutions, numerical; ")
    assert len(found) == 4
    assert "TraceTest(passed: 4 solutions" in str(found)
    assert found.images.shape == (4, 4)
    assert found.seconds > 0
    assert found.parameters.shape == (5,)


def test_images_that_cancel_by_a_symmetry_prove_nothing():
    # The solutions (x, y) and (-x, -y): the trace of two of the four is zero too.
    system = polynomial_system(["x^2 + y^2 - a", "x*y - b"], unknowns=["x", "y"], parameters=["a", "b"])
    for seed in range(3):
        found = monodromy(system, [1, 2], [5, 2], rng=seed, trace=lambda rng: rng.standard_normal(2) * (1 + 1j))
        assert found.evidence.status is Status.LOWER_BOUND
        assert "symmetry" in found.evidence.reason
    assert monodromy(system, [1, 2], [5, 2], rng=0, trace="curve").count == 4

"""The tracking kernels against plain twins, and the tracker, endgame and solver against known solutions."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import mpmath
import naive_lanes
import naive_tracking
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_lanes import from_lanes, to_lanes

import algeom as ag
from algeom import ReturnCode, TrackerOptions
from algeom._kernels import compile as compiled_kernels
from algeom._kernels import dense, double_double, lanes, tracking
from algeom._kernels.dense import LANE
from algeom.continuation.programs import program
from algeom.continuation.tracker import newton
from algeom.errors import InputError, ResourceError
from algeom.evidence import Status
from algeom.maps.program import lower


def gaussian(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


# Linear algebra in lanes


@pytest.mark.parametrize("n", [1, 2, 3, 7, 12])
def test_lanes_solve_as_numpy_does(n: int) -> None:
    rng = np.random.default_rng(n)
    matrices, right = gaussian(rng, LANE, n, n), gaussian(rng, LANE, n)
    matrices[0] *= 1e-8
    if n > 1:
        matrices[1, 0, 0] = 0  # needs an exchange
    flat = to_lanes(matrices.reshape(LANE, -1).T)
    vector = to_lanes(right.T)
    pivots, extremes = np.zeros(n * LANE, dtype=np.int64), np.zeros(2 * LANE)
    dense.lu_lanes(flat, n, pivots, extremes)
    dense.solve_lanes(flat, n, pivots, vector)
    expected = np.linalg.solve(matrices, right[..., None])[..., 0]
    conditions = np.linalg.cond(matrices)
    error = np.abs(from_lanes(vector).T - expected).max(axis=1) / np.abs(expected).max(axis=1)
    assert np.all(error < 1e-15 * (20 + conditions) * n)
    assert np.all(extremes[:LANE] > 0)
    assert np.all(extremes[LANE:] >= extremes[:LANE])


def test_huge_entries_do_not_overflow_in_the_factors() -> None:
    matrices = np.broadcast_to(np.array([[1e160, 1e160j], [1e-140, 3e-140]]), (LANE, 2, 2))
    flat, vector = to_lanes(matrices.reshape(LANE, -1).T), to_lanes(np.ones((2, LANE), dtype=complex))
    pivots, extremes = np.zeros(2 * LANE, dtype=np.int64), np.zeros(2 * LANE)
    dense.lu_lanes(flat, 2, pivots, extremes)
    dense.solve_lanes(flat, 2, pivots, vector)
    found = from_lanes(vector)
    second = (1 - 1e-300) / (3e-140 - 1e-140j)
    assert np.allclose(found[1], second, rtol=1e-13)
    assert np.allclose(found[0], -1j * second, rtol=1e-13)


def test_points_with_huge_values_are_not_taken_for_solutions() -> None:
    system = ag.polynomial_system(["x^60 - a"], unknowns=["x"], parameters=["a"])
    ends = ag.track(system, [[500.0]], [1.0], [2.0])
    assert ends.codes.tolist() == [ReturnCode.NOT_FINITE]


def test_singular_matrices_are_seen_in_their_lane_only() -> None:
    rng = np.random.default_rng(0)
    matrices = gaussian(rng, LANE, 3, 3)
    matrices[4] = 0
    matrices[5, 2] = matrices[5, 0]
    matrices[6, 1, 1] = np.nan
    flat = to_lanes(matrices.reshape(LANE, -1).T)
    pivots, extremes = np.zeros(3 * LANE, dtype=np.int64), np.zeros(2 * LANE)
    dense.lu_lanes(flat, 3, pivots, extremes)
    ratio = extremes[:LANE] / np.maximum(extremes[LANE:], 1e-300)
    assert np.flatnonzero(~(ratio > 1e-13)).tolist() == [4, 5, 6]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_double_double_lanes_solve_what_double_precision_cannot(n: int) -> None:
    rng = np.random.default_rng(n)
    matrices, right = gaussian(rng, LANE, n, n), gaussian(rng, LANE, n)
    if n > 1:
        matrices[:, 1] = matrices[:, 0]  # equal up to the second doubles
    lows = 2.0**-56 * gaussian(rng, LANE, n, n)
    flat, flat_lows = to_lanes(matrices.reshape(LANE, -1).T), to_lanes(lows.reshape(LANE, -1).T)
    vector, vector_lows = to_lanes(right.T), np.zeros(n * 2 * LANE)
    pivots, extremes = np.zeros(n * LANE, dtype=np.int64), np.zeros(2 * LANE)
    dense.lu_extended(flat, flat_lows, n, pivots, extremes)
    dense.solve_extended(flat, flat_lows, n, pivots, vector, vector_lows)
    found = from_lanes(vector).T
    with mpmath.workdps(60):
        for j in (0, 3, LANE - 1):
            matrix = mpmath.matrix(
                [[mpmath.mpc(matrices[j, i, k]) + mpmath.mpc(lows[j, i, k]) for k in range(n)] for i in range(n)]
            )
            exact = mpmath.lu_solve(matrix, mpmath.matrix([mpmath.mpc(z) for z in right[j]]))
            size = max(abs(exact[i]) for i in range(n))
            assert max(abs(exact[i] - mpmath.mpc(found[j, i])) for i in range(n)) < 1e-10 * size


# Tapes in lanes


def systems() -> list[ag.System]:
    return [
        ag.polynomial_system(["x*y - a", "x^2 + 3*y/7 - b*x"], unknowns=["x", "y"], parameters=["a", "b"]),
        ag.polynomial_system(["x/(1 + y) - a", "a/x - y/b - 2"], unknowns=["x", "y"], parameters=["a", "b"]),
        ag.polynomial_system(["(x - a)^3*b - y", "y - x*a*b^2 - 1/3"], unknowns=["x", "y"], parameters=["a", "b"]),
    ]


@pytest.mark.parametrize("system", systems(), ids=str)
def test_lanes_evaluate_as_the_tape_does(system: ag.System) -> None:
    rng = np.random.default_rng(1)
    columns = gaussian(rng, system.tape.n_inputs, LANE)
    tape = system.values_and_jacobian_tape
    lowered = lower(tape, modular=False)
    outputs = np.empty(tape.n_outputs * 2 * LANE)
    constants = np.array([float(c) for c in tape.constants])
    registers = np.empty(lowered.n_registers * 2 * LANE)
    lanes.evaluate_lanes(lowered.code, constants, to_lanes(columns), registers, outputs)
    values = from_lanes(outputs)
    n = system.n_unknowns
    assert np.allclose(values[:n], system(columns[:n], columns[n:]), rtol=1e-13)
    jacobians = values[n:].reshape(n, n, LANE).transpose(2, 0, 1)
    assert np.allclose(jacobians, system.jacobian(columns[:n], columns[n:]), rtol=1e-12)


@pytest.mark.parametrize("system", systems(), ids=str)
@pytest.mark.parametrize("orders", [3, 6])
def test_series_in_lanes_are_those_of_plain_arithmetic(system: ag.System, orders: int) -> None:
    rng = np.random.default_rng(2)
    compiled = program(system, orders - 1)
    n, k = system.n_unknowns, system.n_parameters
    inputs = gaussian(rng, n + k, orders, LANE)
    inputs[n:, 2:] = 0  # parameters are linear in t
    nodes = np.full((compiled.lengths.size, orders, LANE), np.nan, dtype=complex)
    nodes[: n + k] = inputs
    nodes[n + k : n + k + len(system.tape.constants), 0] = np.array([float(c) for c in system.tape.constants])[:, None]
    flat = to_lanes(nodes.reshape(-1, LANE))
    for order in range(orders):
        lanes.series_lanes(compiled.operations, compiled.lengths, orders, order, flat)
    values = from_lanes(flat).reshape(-1, orders, LANE)
    for j in (0, LANE - 1):
        expected = naive_lanes.evaluate_series(system.tape, [list(series[:, j]) for series in inputs], orders)
        for row, series in zip(compiled.rows, expected, strict=True):
            known = compiled.lengths[row]
            assert np.allclose(values[row, :known, j], series[:known], rtol=1e-11, atol=1e-12)
            assert np.all(np.array(series[known:]) == 0)


@pytest.mark.parametrize("system", systems(), ids=str)
def test_series_in_double_double_lanes_have_thirty_digits(system: ag.System) -> None:
    rng = np.random.default_rng(4)
    orders = 4
    compiled = program(system, orders - 1)
    n, k = system.n_unknowns, system.n_parameters
    inputs = gaussian(rng, n + k, orders, LANE)
    inputs[n:, 2:] = 0
    size = compiled.lengths.size
    nodes, lows = np.zeros((size, orders, LANE), dtype=complex), np.zeros((size, orders, LANE), dtype=complex)
    nodes[: n + k] = inputs
    for at, constant in enumerate(compiled.extended_constants):
        nodes[n + k + at, 0], lows[n + k + at, 0] = constant
    flat, flat_lows = to_lanes(nodes.reshape(-1, LANE)), to_lanes(lows.reshape(-1, LANE))
    for order in range(orders):
        lanes.series_extended(compiled.operations, compiled.lengths, orders, order, flat, flat_lows)
    values = from_lanes(flat).reshape(size, orders, LANE)
    rest = from_lanes(flat_lows).reshape(size, orders, LANE)
    with mpmath.workdps(60):
        series = [[mpmath.mpc(c) for c in unknown[:, 5]] for unknown in inputs]
        for row, expected in zip(compiled.rows, naive_lanes.evaluate_series(system.tape, series, orders), strict=True):
            for order in range(compiled.lengths[row]):
                found = mpmath.mpc(values[row, order, 5]) + mpmath.mpc(rest[row, order, 5])
                assert abs(found - expected[order]) < 1e-27 * (1 + abs(expected[order]))


@pytest.mark.parametrize("system", systems(), ids=str)
def test_double_double_values_have_thirty_digits(system: ag.System) -> None:
    rng = np.random.default_rng(3)
    compiled = program(system, 3)
    inputs = gaussian(rng, system.tape.n_inputs, LANE)
    # A zero of the first equation in exact arithmetic would cancel all digits of double precision.
    inputs[2] = system(inputs[:2], inputs[2:] * 0)[0] if system.tape.is_polynomial else inputs[2]
    lows = inputs * 2.0**-56 * rng.normal(size=inputs.shape)
    outputs = np.empty(system.n_equations * 2 * LANE)
    output_lows = np.empty_like(outputs)
    work = np.empty(compiled.lengths.size * 4 * LANE)
    lanes.evaluate_extended(
        compiled.operations,
        compiled.extended_constants,
        to_lanes(inputs),
        to_lanes(lows),
        compiled.rows,
        work,
        outputs,
        output_lows,
    )
    values, rest = from_lanes(outputs), from_lanes(output_lows)
    with mpmath.workdps(60):
        for j in range(LANE):
            point = [
                mpmath.mpc(x.real, x.imag) + mpmath.mpc(y.real, y.imag)
                for x, y in zip(inputs[:, j], lows[:, j], strict=True)
            ]
            exact = system.tape.evaluate_exact(point)
            for value, low, truth in zip(values[:, j], rest[:, j], exact, strict=True):
                found = mpmath.mpc(value.real, value.imag) + mpmath.mpc(low.real, low.imag)
                assert abs(truth - found) <= 1e-28


@given(st.lists(st.floats(-1e60, 1e60).filter(lambda x: x == 0 or abs(x) > 1e-60), min_size=4, max_size=4))
def test_double_double_operations(numbers: list[float]) -> None:
    a, b, c, d = numbers
    with mpmath.workprec(1000):
        left, right = mpmath.mpf(a) + mpmath.mpf(b) * 2.0**-60, mpmath.mpf(c) + mpmath.mpf(d) * 2.0**-60
        ah, bh = float(left), float(right)
        al, bl = float(left - ah), float(right - bh)
        left, right = mpmath.mpf(ah) + al, mpmath.mpf(bh) + bl
        high, low = double_double.dd_add(ah, al, bh, bl)
        assert abs(mpmath.mpf(high) + low - (left + right)) <= mpmath.mpf(2) ** -100 * (abs(left) + abs(right))
        high, low = double_double.dd_mul(ah, al, bh, bl)
        assert abs(mpmath.mpf(high) + low - left * right) <= mpmath.mpf(2) ** -98 * abs(left * right)
        if right:
            high, low = double_double.dd_div(ah, al, bh, bl)
            assert abs(mpmath.mpf(high) + low - left / right) <= mpmath.mpf(2) ** -96 * abs(left / right)


# Tracking


def roots_system(degree: int) -> ag.System:
    """A polynomial of one unknown with all its coefficients as parameters, the leading one 1."""
    return ag.polynomial_system(
        lambda x, p: [x[0] ** degree + sum(p[k] * x[0] ** k for k in range(degree))], unknowns=1, parameters=degree
    )


@settings(max_examples=25)
@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_roots_of_random_polynomials(degree: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, target = gaussian(rng, degree), gaussian(rng, degree)
    ends = ag.track(roots_system(degree), np.roots([1, *start[::-1]])[None], start, target)
    assert ends.succeeded.all()
    expected = np.roots([1, *target[::-1]])
    distance = np.abs(ends.solutions[0][:, None] - expected[None, :])
    assert sorted(distance.argmin(axis=1)) == list(range(degree))
    assert np.all(distance.min(axis=1) < 1e-9)
    assert np.all(ends.accuracy < 1e-12)


def test_paths_end_where_those_of_the_plain_tracker_end() -> None:
    rng = np.random.default_rng(5)
    system = ag.polynomial_system(
        ["a*x^2 + b*x*y + c*y - 1", "c*y^2 + a*x*y + b*x + 2"], unknowns=["x", "y"], parameters=["a", "b", "c"]
    )
    found = ag.solve(system, gaussian(rng, 3), rng=0)
    assert found.count == 4
    start = found.paths  # only to know that there are as many paths as Bézout's bound
    assert len(start) == 4
    parameters = gaussian(rng, 3)
    begin = ag.solve(system, parameters, rng=1).solutions
    target = gaussian(rng, 3)
    ours = ag.track(system, begin, parameters, target)
    twin = naive_tracking.track(system, begin, parameters, target)
    assert ours.succeeded.all()
    assert np.allclose(ours.solutions, twin.solutions, atol=1e-8)


def test_every_path_has_its_own_parameters() -> None:
    system = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    targets = np.arange(1, 40)[None] * np.exp(0.5j)
    ends = ag.track(system, np.ones((1, 39)), [1.0], targets)
    assert np.allclose(ends.solutions**2, targets, rtol=1e-14)
    assert np.all(ends.solutions.real > 0)  # continuous: no path has changed sheets


def test_a_loop_around_a_branch_point_exchanges_the_sheets() -> None:
    system = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    corners = np.exp(2j * np.pi * np.arange(4) / 3)
    point = np.ones((1, 1), dtype=complex)
    for a, b in itertools.pairwise(corners):
        point = ag.track(system, point, [a], [b]).solutions
    assert abs(point[0, 0] + 1) < 1e-14


def test_results_do_not_depend_on_threads_or_executors() -> None:
    rng = np.random.default_rng(11)
    system = roots_system(6)
    start = gaussian(rng, 6)
    points = np.repeat(np.roots([1, *start[::-1]])[None], 60, axis=1)
    targets = gaussian(rng, 6, 360)
    one = ag.track(system, points, start, targets, threads=1)
    two = ag.track(system, points, start, targets, threads=2)
    with ThreadPoolExecutor(2) as pool:
        three = ag.track(system, points, start, targets, executor=pool)
    for other in (two, three):
        assert np.array_equal(one.solutions, other.solutions)
        assert np.array_equal(one.steps, other.steps)


@pytest.mark.slow
def test_other_processes_can_track() -> None:
    import multiprocessing

    system = roots_system(3)
    start = np.array([-1.0, 0, 0])
    points = np.repeat(np.exp(2j * np.pi * np.arange(3) / 3)[None], 100, axis=1)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        ends = ag.track(system, points, start, [8j, 0, 0], executor=pool)
    assert np.allclose(ends.solutions**3, -8j)


def test_a_path_that_needs_it_is_tracked_in_higher_precision() -> None:
    # Expanded (x - 1)^9 plus a perturbation: near 1 the residual in double precision has no digits left.
    coefficients = [math.comb(9, k) * (-1) ** (9 - k) for k in range(9)]
    system = ag.polynomial_system(
        lambda x, p: [x[0] ** 9 + sum(c * x[0] ** k for k, c in enumerate(coefficients)) - p[0]],
        unknowns=1,
        parameters=1,
    )
    start = 1.0
    points = 1 + np.exp(2j * np.pi * np.arange(9) / 9)[None]
    target = 1e-18 * np.exp(1j)
    ends = ag.track(system, points, [start], [target])
    assert ends.succeeded.all()
    assert ends.precision_switches.sum() > 0
    assert ends.refinements.sum() > 0
    expected = 1 + 1e-2 * np.exp(1j / 9) * np.exp(2j * np.pi * np.arange(9) / 9)
    assert np.allclose(np.sort_complex(ends.solutions[0]), np.sort_complex(expected), atol=1e-8)


def test_newton_refines_to_the_last_digits() -> None:
    system = ag.polynomial_system(["x^2 + y^2 - 2", "x - y - e"], unknowns=["x", "y"], parameters=["e"])
    x, step, condition = newton(system, [[1.001], [0.999]], [0])
    assert np.abs(x - 1).max() < 1e-15
    assert step[0] < 1e-15
    assert 1 <= condition[0] < 10
    far, step, _ = newton(system, [[1e6], [-1e6]], [0])
    assert far.tolist() == [[1e6], [-1e6]]
    assert step[0] == np.inf


# Endgame


def test_double_roots_and_roots_at_infinity() -> None:
    system = ag.polynomial_system(["x^2 - a", "a*y^2 + b*y - 1"], unknowns=["x", "y"], parameters=["a", "b"])
    start = ag.solve(system, [0.7 + 0.3j, 0.2 - 1.1j], rng=0).solutions
    ends = ag.track(system, start, [0.7 + 0.3j, 0.2 - 1.1j], [0, 1], endgame=True)
    assert ends.counts() == {ReturnCode.SINGULAR: 2, ReturnCode.AT_INFINITY: 2}
    singular = ends.codes == ReturnCode.SINGULAR
    assert np.allclose(ends.solutions[:, singular], [[0, 0], [1, 1]], atol=1e-9)
    assert np.all(ends.winding_numbers[singular] == 2)
    assert ends.directions is not None
    assert np.allclose(np.abs(ends.directions[:, ~singular]), [[0, 0], [0, 0], [1, 1]], atol=1e-6)
    assert np.isnan(ends.solutions[:, ~singular]).all()


@pytest.mark.parametrize("winding", [2, 3, 5, 7])
def test_winding_numbers(winding: int) -> None:
    system = ag.polynomial_system([f"(x - 1)^{winding} - a"], unknowns=["x"], parameters=["a"])
    a = 0.8 * np.exp(1j)
    start = 1 + a ** (1 / winding) * np.exp(2j * np.pi * np.arange(winding) / winding)
    ends = ag.track(system, start[None], [a], [0], endgame=True)
    assert ends.counts() == {ReturnCode.SINGULAR: winding}
    assert set(ends.winding_numbers) == {winding}
    assert np.allclose(ends.solutions, 1, atol=1e-8)


def test_regular_ends_stay_regular_with_an_endgame() -> None:
    rng = np.random.default_rng(8)
    system, start, target = roots_system(5), gaussian(rng, 5), gaussian(rng, 5)
    points = np.roots([1, *start[::-1]])[None]
    plain = ag.track(system, points, start, target)
    ended = ag.track(system, points, start, target, endgame=True)
    assert ended.succeeded.all()
    assert np.allclose(plain.solutions, ended.solutions, rtol=1e-13)
    assert ended.directions is not None
    assert np.allclose(ended.directions[1] / ended.directions[0], ended.solutions[0], rtol=1e-13)


def test_a_point_at_infinity_with_a_finite_image() -> None:
    # x -> infinity as p -> 0, while x*p -> 1.
    system = ag.polynomial_system(["p*x - 1 - p*q"], unknowns=["x"], parameters=["p", "q"])
    image = ag.polynomial_system(["x*p"], unknowns=["x"], parameters=["p", "q"]).tape
    p, q = 0.3 + 0.4j, 2.0
    ends = ag.track(system, [[1 / p + q]], [p, q], [0, q], endgame=True, image=image)
    assert ends.codes.tolist() == [ReturnCode.AT_INFINITY]
    assert ends.image_directions is not None
    assert np.allclose(ends.image_directions[1] / ends.image_directions[0], 1, atol=1e-8)


# Solving by total degree


def cyclic(n: int) -> ag.System:
    def equations(x):
        sums = [sum(np.prod([x[(i + j) % n] for j in range(k)]) for i in range(n)) for k in range(1, n)]
        return [*sums, np.prod(x) - 1]

    return ag.polynomial_system(equations, unknowns=n)


@pytest.mark.parametrize(("n", "count"), [(3, 6), (5, 70), pytest.param(6, 156, marks=pytest.mark.slow)])
def test_cyclic_roots(n: int, count: int) -> None:
    # Björck and Fröberg, "A faster way to count the solutions of inhomogeneous systems of algebraic equations" (1991).
    found = ag.solve(cyclic(n), rng=n)
    assert found.count == count
    assert found.n_failed == 0
    assert found.evidence.status is ag.Status.NUMERICAL
    assert np.abs(cyclic(n)(found.solutions)).max() < 1e-9


def test_solutions_of_a_deficient_system() -> None:
    # Two circles meet in two finite points, and in the two circular points at infinity.
    system = ag.polynomial_system(["x^2 + y^2 - 1", "(x - 1)^2 + y^2 - 1"], unknowns=["x", "y"])
    found = ag.solve(system, rng=2)
    assert (found.count, found.n_infinity, found.real.shape) == (2, 2, (2, 2))
    assert np.allclose(found.real[0], 0.5)


def test_multiple_solutions_are_counted_with_multiplicity() -> None:
    # The intersection multiplicity of a cusp and a general line through its vertex is two, of the tangent three.
    general = ag.solve(ag.polynomial_system(["y^2 - x^3", "y - 2*x"], unknowns=["x", "y"]), rng=3)
    assert (general.count, general.multiplicities.tolist()) == (1, [2])
    tangent = ag.solve(ag.polynomial_system(["y^2 - x^3", "y"], unknowns=["x", "y"]), rng=3)
    assert (tangent.count, tangent.multiplicities.tolist()) == (0, [3])
    assert "singular" in repr(tangent)


def test_lines_on_cubic_surfaces() -> None:
    # Cayley and Salmon 1849: 27 lines. A general cubic form on the line (1, 0, a, b) + t (0, 1, c, d).
    rng = np.random.default_rng(4)
    monomials = [(i, j, k, 3 - i - j - k) for i in range(4) for j in range(4 - i) for k in range(4 - i - j)]

    def equations(x, p):
        a, b, c, d = x
        coefficients = [0, 0, 0, 0]
        line = ([1, 0], [0, 1], [a, c], [b, d])  # constant and linear part of each coordinate
        for weight, exponents in zip(p, monomials, strict=True):
            term = [weight]
            for (low, high), power in zip(line, exponents, strict=True):
                for _ in range(power):
                    term = [
                        (term[i] * low if i < len(term) else 0) + (term[i - 1] * high if i else 0)
                        for i in range(len(term) + 1)
                    ]
            coefficients = [total + part for total, part in zip(coefficients, term, strict=True)]
        return coefficients

    system = ag.polynomial_system(equations, unknowns=4, parameters=20)
    found = ag.solve(system, gaussian(rng, 20), rng=5)
    assert found.count == 27
    # The Fermat cubic has 27 lines, 3 of them real.
    fermat = np.array([float(3 in exponents) for exponents in monomials])
    ends = ag.track(system, found.solutions, _parameters_of(4, 20), fermat, endgame=True)
    assert ends.succeeded.sum() + (ends.codes == ReturnCode.AT_INFINITY).sum() == 27


def _parameters_of(seed: int, count: int) -> np.ndarray:
    return gaussian(np.random.default_rng(seed), count)


def test_too_many_paths_are_refused() -> None:
    with pytest.raises(ResourceError, match="monodromy"):
        ag.solve(cyclic(7), max_paths=1000)


# Wrong input


def test_wrong_input_says_what_to_do() -> None:
    square = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    wide = ag.polynomial_system(["x^2 - y"], unknowns=["x", "y"])
    with pytest.raises(InputError, match="not square"):
        ag.track(wide, [1, 1], [], [])
    with pytest.raises(InputError, match="not square"):
        ag.solve(wide)
    with pytest.raises(InputError, match="NaN"):
        ag.track(square, [[np.nan]], [1], [2])
    with pytest.raises(InputError, match="NaN"):
        ag.track(square, [[1]], [1], [np.inf])
    with pytest.raises(InputError, match="shape"):
        ag.track(square, [[1], [2]], [1], [2])
    with pytest.raises(InputError, match="parameter"):
        ag.track(square, [[1]], [1, 2], [2])
    with pytest.raises(InputError, match="parameter"):
        ag.solve(square)
    with pytest.raises(InputError, match="denominators"):
        ag.solve(ag.polynomial_system(["1/x - 2"], unknowns=["x"]))
    with pytest.raises(InputError, match="does not depend"):
        ag.solve(ag.polynomial_system(["x + 1", "3"], unknowns=["x", "y"]))
    with pytest.raises(InputError, match="order"):
        TrackerOptions(order=1)
    with pytest.raises(InputError, match="trust"):
        dataclasses.replace(TrackerOptions.default(), trust=2.0)
    with pytest.raises(InputError, match="both an unknown and a parameter"):
        ag.polynomial_system(["x"], unknowns=["x"], parameters=["x"])


def test_starts_that_are_none() -> None:
    system = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    ends = ag.track(system, [[1.0, 0.0, 7.0]], np.array([[1.0, 0.0, 1.0]]), [2.0 + 1j])
    assert ends.codes.tolist() == [ReturnCode.SUCCESS, ReturnCode.SINGULAR_START, ReturnCode.NOT_A_SOLUTION]
    for code in ReturnCode:
        assert code.advice
    assert "singular start" in repr(ends)


def test_a_segment_through_a_singular_point_is_not_passed_over() -> None:
    system = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    ends = ag.track(system, [[1.0, -1.0]], [1.0], [-1.0])  # a = 0 lies in the middle
    assert not ends.succeeded.any()
    ends = ag.track(system, [[1.0, -1.0]], [1.0], [-1.0 + 1e-6j])  # close to the branch point: the sheets are kept
    assert np.all(ends.solutions.imag * [1, -1] > 0)


def test_arrays_of_the_caller_are_left_alone() -> None:
    system = ag.polynomial_system(["x^2 - a", "y - x"], unknowns=["x", "y"], parameters=["a"])
    for order in ("C", "F"):
        starts = np.array([[1.0, -1.0], [1.0, -1.0]], dtype=np.complex128, order=order)
        start, target = np.array([1.0 + 0j]), np.array([2.0j])
        ag.track(system, starts, start, target, endgame=True)
        assert np.array_equal(starts, [[1, -1], [1, -1]])
        assert (start[0], target[0]) == (1, 2j)


def test_seven_paths_that_look_like_a_cycle_from_afar_stay_regular() -> None:
    # x^7 = e + t is a 7-cycle for |t| > 1e-7 and regular at t = 0: loops of larger radius agree on a wrong limit.
    system = ag.polynomial_system(["x^7 - e - t"], unknowns=["x"], parameters=["e", "t"])
    e = 1e-9 * np.exp(1j)
    start = (e + 1) ** (1 / 7) * np.exp(2j * np.pi * np.arange(7) / 7)
    ends = ag.track(system, start[None], [e, 1], [e, 0], endgame=True)
    assert ends.succeeded.all()
    expected = e ** (1 / 7) * np.exp(2j * np.pi * np.arange(7) / 7)
    assert np.allclose(np.sort_complex(ends.solutions[0]), np.sort_complex(expected), rtol=1e-9)


def test_zero_is_a_point_like_any_other() -> None:
    system = ag.polynomial_system(["x + x*y - a", "y - x^2 - b"], unknowns=["x", "y"], parameters=["a", "b"])
    away = ag.track(system, [[1e-18], [0.0]], [0, 0], [1 + 1j, 0.5])
    assert away.succeeded.all()
    back = ag.track(system, away.solutions, [1 + 1j, 0.5], [0, 0], endgame=True)
    assert back.codes.tolist() == [ReturnCode.SUCCESS]
    assert np.abs(back.solutions).max() < 1e-14


def test_a_coordinate_of_a_start_may_be_zero_up_to_rounding() -> None:
    system = ag.polynomial_system(["x^2 + x - a", "y - b"], unknowns=["x", "y"], parameters=["a", "b"])
    ends = ag.track(system, [[1e-9], [1.0]], [0, 1], [2j, 3])
    assert ends.succeeded.all()


def test_no_paths() -> None:
    system = ag.polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
    ends = ag.track(system, np.empty((1, 0)), [1.0], [2.0], endgame=True)
    assert len(ends) == 0
    assert "0 paths" in repr(ends)


def test_systems_compare_and_travel() -> None:
    first, second = systems()[0], systems()[1]
    assert pickle.loads(pickle.dumps(first)) == first != second
    assert hash(first) == hash(systems()[0])
    assert "2 equations" in repr(first)


def test_a_new_system_compiles_nothing() -> None:
    rng = np.random.default_rng(9)
    ag.track(roots_system(3), [[1.0]], [-1, 0, 0], [2j, 1, 0], endgame=True)
    before = {kernel.py_func.__name__: len(kernel.signatures) for kernel in compiled_kernels.KERNELS}
    system = ag.polynomial_system(["x*y - a", "x + y - b/a"], unknowns=["x", "y"], parameters=["a", "b"])
    ag.track(system, [[1.0], [2.0]], [2.0, 6.0], gaussian(rng, 2), endgame=True)
    after = {kernel.py_func.__name__: len(kernel.signatures) for kernel in compiled_kernels.KERNELS}
    assert before == after


def test_newton_steps_use_the_shared_dense_kernels() -> None:
    assert tracking.lu_lanes is dense.lu_lanes
    assert tracking.solve_lanes is dense.solve_lanes


def _solved(equations: list[str], unknowns: list[str], rng: int = 0) -> ag.Solutions:
    return ag.solve(ag.polynomial_system(equations, unknowns=unknowns), rng=rng)


@pytest.mark.parametrize("gap", [1e-4, 1e-6, 1e-7])
def test_clusters_of_regular_solutions_are_no_multiple_ones(gap: float) -> None:
    pair = _solved([f"(x - 1)*(x - 1 - {gap:.9f})*(x + 2)"], ["x"])
    assert pair.evidence.status is Status.NUMERICAL
    np.testing.assert_allclose(np.sort(pair.real[0]), [-2, 1, 1 + gap], rtol=1e-12)
    # The system vanishes at the middle one, where all three cycles have their mean.
    three = _solved([f"(x - 1)*(x - 1 - {gap:.9f})*(x - 1 + {gap:.9f})"], ["x"])
    assert not three.singular.size
    if gap >= 1e-6:
        np.testing.assert_allclose(np.sort(three.real[0]), [1 - gap, 1, 1 + gap], rtol=1e-12)


def test_clusters_too_narrow_to_resolve_are_reported() -> None:
    found = _solved(["(x - 1)*(x - 1 - 0.000000001)*(x + 2)"], ["x"])
    assert found.evidence.status is Status.LOWER_BOUND
    assert not found.singular.size


def test_large_solutions_are_not_at_infinity() -> None:
    found = _solved(["x^2/1000000000 + x + 1"], ["x"])
    np.testing.assert_allclose(np.sort(found.real[0]), [-1e9 + 1, -1 - 1e-9], rtol=1e-12)
    family = ag.polynomial_system(["a*x - 1"], unknowns=["x"], parameters=["a"])
    ends = ag.track(family, [1], [1], [1e-9], endgame=True)
    assert ends.succeeded.all()
    assert abs(ends.solutions[0, 0] - 1e9) < 1e-3


@pytest.mark.parametrize(
    ("equations", "count"),
    [
        # A solution (0.008, 1731) that looks from afar as if it grew for ever.
        (
            [
                "-19*x^4*y^4 + 33*x*y^2 - 21 - 25*x*y - 3*x^4*y^2",
                "-43 - 6*x^2*y^2 + 47*x^4*y^3 + 8*x*y - 29*x^4*y^2",
            ],
            10,
        ),
        # A singular point at infinity to which paths step at once.
        (
            [
                "33 - 23*x^2*y - 31*x^2*y^2 + 44*x^3*y - 42*x^4*y",
                "48*x^2*y^3 + 29*x^2*y^4 + 38 - 8*x^3*y - 13*y^3",
            ],
            16,
        ),
    ],
)
def test_sparse_systems_with_many_paths_to_infinity(equations: list[str], count: int) -> None:
    for seed in range(3):
        found = _solved(equations, ["x", "y"], seed)
        assert (found.count, found.singular.shape[1]) == (count, 0)
        assert found.evidence.status is Status.NUMERICAL
        assert np.all(np.isfinite(found.paths.accuracy[found.paths.succeeded]))


@pytest.mark.parametrize("size", [1e-12, 1e12])
def test_sizes_of_equations_do_not_matter(size: float) -> None:
    found = _solved([f"{size}*x^2 - 3*{size}*x + {size}"], ["x"])
    np.testing.assert_allclose(np.sort(found.real[0]), [(3 - 5**0.5) / 2, (3 + 5**0.5) / 2], rtol=1e-12)


@pytest.mark.parametrize("degree", [10, 20])
def test_wilkinson_polynomials(degree: int) -> None:
    found = _solved(["*".join(f"(x - {k})" for k in range(1, degree + 1))], ["x"])
    np.testing.assert_allclose(np.sort(found.real[0]), np.arange(1, degree + 1), rtol=1e-12)


def test_points_of_solution_sets_of_positive_dimension_are_not_regular() -> None:
    found = _solved(["x^2 - 1", "x - 1"], ["x", "y"])
    assert found.count == 0


@pytest.mark.parametrize("multiplicity", [2, 3, 4])
def test_multiple_ends_are_no_success_without_an_endgame(multiplicity: int) -> None:
    system = ag.polynomial_system([f"(x - 1)^{multiplicity} - a"], unknowns=["x"], parameters=["a"])
    ends = ag.track(system, 1 + np.exp(2j * np.pi * np.arange(multiplicity) / multiplicity)[None], [1], [0])
    assert set(ends.codes.tolist()) == {ReturnCode.STEP_TOO_SMALL}


def test_isolated_points_of_high_multiplicity_in_two_unknowns() -> None:
    # Multiplicities 2 and 3 of the coordinates: cycles of 6 paths, the loops of which nearly close after 3 turns.
    found = _solved(["(2*x - 2*y - 5)^3*(2*x - 2*y - 4) + (2*x + 1)*(3*y - x - 4)^2", "(3*y - x - 4)^2"], ["x", "y"])
    assert found.count == 0
    assert sorted(found.multiplicities.tolist()) == [2, 6]
    assert found.evidence.status is Status.NUMERICAL

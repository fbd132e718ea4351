"""Tapes: building, kernels against their plain twins, derivatives, degrees, plain data."""

from __future__ import annotations

import json
import pickle
import sys
from fractions import Fraction

import flint
import mpmath
import naive_tape
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom._kernels import tape as kernels
from algeom._kernels.tape import ADD, DIV, MUL, MUL_REDUCE, NEG, REDUCE, SUB
from algeom.errors import GenericityError, InputError
from algeom.maps import Tape, TapeBuilder
from algeom.maps.builder import MAX_EXPONENT
from algeom.maps.program import lower, lower_sweep

PRIMES = [3, 5, 7, 101, 65537, 2097169, 4194301, 8388593]


@st.composite
def tapes(draw: st.DrawFn, division: bool = True) -> Tape:
    """Random tapes as written, not simplified: dead code, repeated outputs and operations on constants included."""
    n = draw(st.integers(1, 4))
    constants = draw(
        st.lists(st.fractions(-50, 50, max_denominator=2), max_size=3) | st.just([Fraction(2), Fraction(-1)])
    )
    size = draw(st.integers(0, 25))
    nodes = n + len(constants)
    kinds = [ADD, SUB, MUL, MUL, NEG] + [DIV] * division
    operations, operands = [], []
    for k in range(size):
        kind = draw(st.sampled_from(kinds))
        a, b = draw(st.integers(0, nodes + k - 1)), draw(st.integers(0, nodes + k - 1))
        operations.append(kind)
        operands.append((a, a if kind == NEG else b))
    outputs = draw(st.lists(st.integers(0, nodes + size - 1), min_size=1, max_size=5))
    return Tape(n, constants, operations, operands, outputs)


def residues(rng: np.random.Generator, shape: tuple[int, ...], p: int) -> np.ndarray:
    return rng.integers(-(p // 2), p // 2, size=shape, endpoint=True).astype(np.float64)


@settings(max_examples=150, deadline=None)
@given(tape=tapes(), p=st.sampled_from(PRIMES), seed=st.integers(0, 2**32), points=st.sampled_from([1, 3, 8, 70]))
def test_modular_kernel_agrees_with_the_plain_twin(tape: Tape, p: int, seed: int, points: int) -> None:
    theta = residues(np.random.default_rng(seed), (tape.n_inputs, points), p)
    values, defined = tape.evaluate_modular(theta, p)
    assert values.shape == (tape.n_outputs, points)
    for k in range(points):
        point = [int(x) for x in theta[:, k]]
        expected = naive_tape.evaluate_modular(tape, point, p)
        # Dead divisions are dropped neither here nor there, so the two agree on where a map is defined.
        assert defined[k] == (expected is not None)
        if expected is not None:
            assert values[:, k].tolist() == expected
            assert [naive_tape.balanced(v, p) for v in tape.evaluate_residues(point, p)] == expected


@settings(max_examples=100, deadline=None)
@given(tape=tapes(), p=st.sampled_from(PRIMES), seed=st.integers(0, 2**32))
def test_modular_jacobian_agrees_with_dual_numbers(tape: Tape, p: int, seed: int) -> None:
    theta = residues(np.random.default_rng(seed), (tape.n_inputs, 3), p)
    jacobians, defined = tape.jacobians_modular(theta, p)
    assert jacobians.shape == (3, tape.n_outputs, tape.n_inputs)
    for k in range(3):
        point = [int(x) for x in theta[:, k]]
        if naive_tape.evaluate_modular(tape, point, p) is None:
            assert not defined[k]
            continue
        assert defined[k]
        try:
            expected = naive_tape.jacobian(tape, point)
        except ZeroDivisionError:  # zero over Q only where zero mod p, but not the other way round
            pytest.fail("a denominator is zero over Q and not modulo p")
        rational = [[naive_tape.balanced(v.numerator * pow(v.denominator, -1, p), p) for v in row] for row in expected]
        assert jacobians[k].tolist() == rational


@settings(max_examples=60, deadline=None)
@given(tape=tapes(), seed=st.integers(0, 2**32))
def test_derivatives_as_tapes_agree_with_dual_numbers(tape: Tape, seed: int) -> None:
    point = [Fraction(int(v), 3) for v in np.random.default_rng(seed).integers(1, 50, tape.n_inputs)]
    try:
        expected = naive_tape.jacobian(tape, point)
        values = naive_tape.evaluate(tape, point)
        derivative = tape.jacobian_tape(with_values=True).evaluate_exact(point)
        gradient = tape.gradient(tape.n_outputs - 1).evaluate_exact(point)
    except (ZeroDivisionError, InputError):
        return
    assert derivative == values + [entry for row in expected for entry in row]
    assert gradient == expected[-1]


@settings(max_examples=60, deadline=None)
@given(tape=tapes(division=False), seed=st.integers(0, 2**32))
def test_float_and_complex_kernels_agree_with_exact_values(tape: Tape, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-8, 8, (tape.n_inputs, 5)) / 4
    exact = [naive_tape.evaluate(tape, [Fraction(x) for x in column]) for column in points.T]
    jacobians = [naive_tape.jacobian(tape, [Fraction(x) for x in column]) for column in points.T]
    if any(abs(v) > 1e100 for column in exact for v in column):
        return
    scale = 1e-9 * (1 + max(abs(float(v)) for column in exact for v in column))
    np.testing.assert_allclose(tape.evaluate(points), np.array(exact, dtype=float).T, rtol=1e-9, atol=scale)
    np.testing.assert_allclose(tape.evaluate(points + 0j), np.array(exact, dtype=float).T, rtol=1e-9, atol=scale)
    expected = np.array(jacobians, dtype=float)
    if np.abs(expected).max(initial=0) < 1e100:
        scale = 1e-9 * (1 + np.abs(expected).max(initial=0))
        np.testing.assert_allclose(tape.jacobian(points), expected, rtol=1e-9, atol=scale)
        np.testing.assert_allclose(tape.jacobian(points[:, 0] + 0j), expected[0], rtol=1e-9, atol=scale)


@settings(max_examples=60, deadline=None)
@given(tape=tapes())
def test_rebuilding_keeps_the_function_and_shortens_the_tape(tape: Tape) -> None:
    builder = TapeBuilder(tape.n_inputs)
    try:
        rebuilt = builder.build(builder.append(tape, builder.inputs))
    except InputError:  # divides by a constant zero
        return
    assert rebuilt.n_operations <= tape.n_operations + 3
    point = [Fraction(7 + 2 * k, 5) for k in range(tape.n_inputs)]
    try:
        expected = naive_tape.evaluate(tape, point)
    except ZeroDivisionError:
        return
    assert rebuilt.evaluate_exact(point) == expected


@settings(max_examples=60, deadline=None)
@given(tape=tapes())
def test_plain_data_round_trip(tape: Tape) -> None:
    assert Tape.from_dict(json.loads(json.dumps(tape.to_dict()))) == tape
    copy = pickle.loads(pickle.dumps(tape))
    assert copy == tape
    assert hash(copy) == hash(tape)


def test_extreme_residues_survive_long_unreduced_sums() -> None:
    """Sums of 300 products of the largest residues, modulo the largest prime: the bounds of lazy reduction."""
    p = 8388593
    builder = TapeBuilder(600)
    x = builder.inputs
    total = builder.dot(x[:300], x[300:])
    nested = builder.mul(builder.add(total, builder.add(x[0], x[1])), builder.sub(total, builder.mul(x[2], x[3])))
    tape = builder.build([total, nested, builder.mul(nested, nested), builder.power(x[0], 9)])
    half = p // 2
    theta = np.array([[half, -half, half, 1], [half, half, -half, 0]], dtype=float).repeat(300, axis=0)
    values, defined = tape.evaluate_modular(theta, p)
    assert defined.all()
    for k in range(4):
        assert values[:, k].tolist() == naive_tape.evaluate_modular(tape, [int(v) for v in theta[:, k]], p)
    kinds = lower(tape, modular=True).code[:, 0].tolist()
    assert 4 <= kinds.count(REDUCE) + kinds.count(MUL_REDUCE) <= 20
    assert REDUCE not in lower(tape, modular=False).code[:, 0]


@pytest.mark.parametrize("points", [1, 7, 8, 9, 255, 256, 257, 1000])
@pytest.mark.parametrize("p", [3, 11, 4194301])
def test_inverses_in_lanes_of_all_lengths(points: int, p: int) -> None:
    builder = TapeBuilder(2)
    x, y = builder.inputs
    tape = builder.build([builder.div(builder.one, x), builder.div(y, x), builder.div(x, y)])
    theta = residues(np.random.default_rng(points), (2, points), p)
    values, defined = tape.evaluate_modular(theta, p)
    assert defined.tolist() == (theta != 0).all(axis=0).tolist()
    for k in np.flatnonzero(defined):
        assert values[:, k].tolist() == naive_tape.evaluate_modular(tape, [int(v) for v in theta[:, k]], p)


def test_threads_do_not_change_values() -> None:
    builder = TapeBuilder(3)
    a, b, c = builder.inputs
    tape = builder.build([builder.div(builder.power(a, 7), builder.add(b, c)), builder.mul(a, b)])
    theta = residues(np.random.default_rng(1), (3, 5000), 101)
    one, defined = tape.evaluate_modular(theta, 101, threads=1)
    for threads in (2, 3, 7):
        many, defined_many = tape.evaluate_modular(theta, 101, threads=threads)
        assert np.array_equal(defined, defined_many)
        assert np.array_equal(one[:, defined], many[:, defined])
    np.testing.assert_array_equal(tape.evaluate(theta + 200, threads=1), tape.evaluate(theta + 200, threads=2))


def test_a_large_batch_uses_threads_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Tape.__module__], "_THREAD_WORK", 1)
    builder = TapeBuilder(1)
    tape = builder.build([builder.power(builder.inputs[0], 2)])
    theta = residues(np.random.default_rng(1), (1, 3000), 101)
    values, _ = tape.evaluate_modular(theta, 101)
    assert ((values - theta**2) % 101 == 0).all()


def test_empty_batches() -> None:
    builder = TapeBuilder(2)
    tape = builder.build([builder.mul(*builder.inputs)])
    values, defined = tape.evaluate_modular(np.zeros((2, 0)), 101)
    assert values.shape == (1, 0)
    assert defined.shape == (0,)
    assert tape.evaluate(np.zeros((2, 0))).shape == (1, 0)


def test_wide_jacobians_are_swept_in_parts() -> None:
    """More directions than one sweep treats, in both modes."""
    n = 600
    for outputs in (1, n):
        builder = TapeBuilder(n)
        x = list(builder.inputs)
        products = [builder.mul(x[i], x[(i + 1) % n]) for i in range(n)]
        tape = builder.build(products if outputs > 1 else [builder.sum(products)])
        theta = residues(np.random.default_rng(0), (n,), 101)
        expected = np.zeros((n, n))
        for i in range(n):
            expected[i, i] += theta[(i + 1) % n]
            expected[i, (i + 1) % n] += theta[i]
        if outputs == 1:
            expected = expected.sum(axis=0, keepdims=True)
        assert lower_sweep(tape, reverse=outputs < n).reverse == (outputs < n)
        assert ((tape.jacobian_modular(theta, 101) - expected) % 101 == 0).all()
        np.testing.assert_allclose(tape.jacobian(theta), expected)


# Building


def test_simplification() -> None:
    builder = TapeBuilder(2)
    x, y = builder.inputs
    two, zero, one = builder.constant(2), builder.zero, builder.one
    assert builder.add(x, zero) == x
    assert builder.add(x, y) == builder.add(y, x)
    assert builder.mul(x, y) == builder.mul(y, x)
    assert builder.sub(x, x) == zero
    assert builder.sub(zero, x) == builder.neg(x)
    assert builder.neg(builder.neg(x)) == x
    assert builder.neg(builder.sub(x, y)) == builder.sub(y, x)
    assert builder.add(x, builder.neg(y)) == builder.sub(x, y)
    assert builder.mul(builder.neg(x), builder.neg(y)) == builder.mul(x, y)
    assert builder.mul(x, zero) == zero
    assert builder.mul(one, x) == x
    assert builder.mul(two, x) == builder.add(x, x)
    triple = builder.mul(builder.constant(3), x)
    assert builder.mul(two, triple) == builder.mul(x, builder.constant(6))
    assert builder.div(x, two) == builder.mul(builder.constant(Fraction(1, 2)), x)
    assert builder.div(x, x) == one
    assert builder.div(zero, x) == zero
    assert builder.power(x, 0) == one
    assert builder.power(x, 1) == x
    assert builder.power(two, -3) == builder.constant(Fraction(1, 8))
    assert builder.add(two, builder.constant(-2)) == zero
    assert builder.sub(x, two) == builder.add(builder.constant(-2), x)


def test_dead_code_and_unused_constants_are_removed() -> None:
    builder = TapeBuilder(2)
    x, y = builder.inputs
    builder.mul(builder.constant(17), builder.add(x, y))
    tape = builder.build([builder.mul(x, x)])
    assert (tape.n_operations, tape.constants) == (1, ())


def test_powers_share_their_factors() -> None:
    builder = TapeBuilder(1)
    tape = builder.build([builder.power(builder.inputs[0], k) for k in (16, 8, 4)])
    assert tape.n_operations == 4


def test_builder_errors() -> None:
    builder = TapeBuilder(1)
    with pytest.raises(InputError, match="identically zero"):
        builder.div(builder.inputs[0], builder.zero)
    with pytest.raises(InputError, match="too large"):
        builder.power(builder.inputs[0], MAX_EXPONENT + 1)
    with pytest.raises(InputError, match="too large to write down"):
        builder.power(builder.constant(10**50), 10**5)
    tape = builder.build(list(builder.inputs))
    with pytest.raises(InputError, match="1 inputs was given 2"):
        TapeBuilder(2).append(tape, [1, 2])


# Exact evaluation over other rings


def rational_tape() -> Tape:
    builder = TapeBuilder(2)
    x, y = builder.inputs
    half = builder.constant(Fraction(1, 2))
    return builder.build([builder.mul(half, builder.add(x, y)), builder.sub(builder.mul(x, y), builder.one), half, x])


def test_exact_evaluation_over_rings() -> None:
    tape = rational_tape()
    assert tape.evaluate_exact([3, 5]) == [4, 14, Fraction(1, 2), 3]
    assert tape.evaluate_exact([Fraction(1, 3), Fraction(1, 5)])[0] == Fraction(4, 15)
    with mpmath.workdps(50):
        values = tape.evaluate_exact([mpmath.mpf(3), mpmath.pi])
        assert abs(values[0] - (3 + mpmath.pi) / 2) < mpmath.mpf(10) ** -48
    assert tape.evaluate_exact([flint.fmpq(3), flint.fmpq(5)]) == [4, 14, flint.fmpq(1, 2), 3]
    p = 2**61 - 1
    values = tape.evaluate_exact([flint.nmod(3, p), flint.nmod(5, p)])
    assert [int(v) for v in values] == tape.evaluate_residues([3, 5], p) == [4, 14, (p + 1) // 2, 3]
    x, y = sympy.symbols("x y")
    assert sympy.expand(tape.evaluate_exact([x, y])[1]) == x * y - 1
    ring = flint.fmpq_mpoly_ctx.get(("x", "y"), flint.Ordering.lex)
    polynomials = tape.evaluate_exact(list(ring.gens()))
    assert polynomials[1] == ring.gen(0) * ring.gen(1) - 1
    integers = flint.fmpz_mpoly_ctx.get(("x", "y"), flint.Ordering.lex)
    with pytest.raises(InputError, match="not in the ring"):
        tape.evaluate_exact(list(integers.gens()))


def test_quotients_of_integers_are_fractions() -> None:
    builder = TapeBuilder(2)
    tape = builder.build([builder.div(*builder.inputs)])
    assert tape.evaluate_exact([1, 3]) == [Fraction(1, 3)]
    with pytest.raises(ZeroDivisionError):
        tape.evaluate_exact([1, 0])
    with pytest.raises(ZeroDivisionError):
        tape.evaluate_residues([1, 101], 101)


def test_derivatives_agree_with_sympy() -> None:
    x, y = sympy.symbols("x y")
    expressions = [x**3 * y - 2 * y**2, (x + y) / (1 + x * y), x**5 / y]
    builder = TapeBuilder(2)
    a, b = builder.inputs
    tape = builder.build(
        [
            builder.sub(builder.mul(builder.power(a, 3), b), builder.mul(builder.constant(2), builder.power(b, 2))),
            builder.div(builder.add(a, b), builder.add(builder.one, builder.mul(a, b))),
            builder.div(builder.power(a, 5), b),
        ]
    )
    values = tape.jacobian_tape().evaluate_exact([Fraction(2, 3), Fraction(5, 7)])
    point = {x: sympy.Rational(2, 3), y: sympy.Rational(5, 7)}
    expected = [sympy.diff(e, v).subs(point) for e in expressions for v in (x, y)]
    assert [sympy.Rational(v.numerator, v.denominator) for v in values] == expected


def test_gradient_of_a_product_is_linear_in_size() -> None:
    n = 50
    builder = TapeBuilder(n)
    node = builder.one
    for i in builder.inputs:
        node = builder.mul(node, i)
    gradient = builder.build([node]).gradient()
    assert gradient.n_operations < 4 * n


def test_second_derivatives() -> None:
    builder = TapeBuilder(2)
    x, y = builder.inputs
    hessian = builder.build([builder.mul(builder.power(x, 2), y)]).gradient().jacobian_tape()
    assert hessian.evaluate_exact([3, 5]) == [10, 6, 6, 0]


# Degrees


def test_degree_bounds_of_rational_outputs() -> None:
    builder = TapeBuilder(3)
    x, y, z = builder.inputs
    d = builder.add(builder.mul(x, y), z)
    tape = builder.build(
        [
            builder.power(x, 5),
            builder.div(x, d),
            builder.add(builder.div(x, d), builder.div(y, d)),
            builder.div(builder.div(x, d), builder.div(y, d)),
            builder.constant(3),
            builder.div(builder.one, builder.div(x, y)),
        ]
    )
    assert tape.degree_bounds() == ((5, 0), (1, 2), (1, 2), (1, 1), (0, 0), (1, 1))
    assert not tape.is_polynomial
    assert tape.common_degree() >= 9


def test_common_degree_bounds_compositions() -> None:
    """A relation of degree d among the outputs, times the denominators, has degree at most d times the bound."""
    t = sympy.symbols("t")
    builder = TapeBuilder(1)
    (x,) = builder.inputs
    d = builder.add(builder.one, builder.power(x, 2))
    tape = builder.build(
        [builder.div(builder.add(x, x), d), builder.div(builder.sub(builder.one, builder.mul(x, x)), d)]
    )
    assert tape.common_degree() == 2
    u, v = tape.evaluate_exact([t])
    assert sympy.degree(sympy.numer(sympy.together(u**2 + u * v + 1)), t) <= 4


# Errors


def test_malformed_tapes() -> None:
    with pytest.raises(InputError, match="at least one input"):
        Tape(0, [], [], [], [0])
    with pytest.raises(InputError, match="at least one output"):
        Tape(1, [], [], [], [])
    with pytest.raises(InputError, match="does not come before"):
        Tape(1, [], [ADD], [(0, 1)], [0])
    with pytest.raises(InputError, match="not one of its nodes"):
        Tape(1, [], [], [], [1])
    with pytest.raises(InputError, match="another code"):
        Tape(1, [], [9], [(0, 0)], [0])
    with pytest.raises(InputError, match="pairs of operands"):
        Tape(1, [], [ADD], [], [0])
    for data in (
        {},
        {"inputs": 1, "constants": ["x"], "operations": [], "outputs": [0]},
        {"inputs": 1, "constants": ["1/0"], "operations": [], "outputs": [0]},
        {"inputs": 1, "constants": [], "operations": [["pow", 0, 0]], "outputs": [0]},
    ):
        with pytest.raises(InputError, match="not a tape"):
            Tape.from_dict(data)
    with pytest.raises(InputError, match="number of operands"):
        Tape.from_dict({"inputs": 1, "constants": [], "operations": [["add", 0]], "outputs": [0]})


def test_wrong_shapes_and_moduli() -> None:
    tape = rational_tape()
    with pytest.raises(InputError, match=r"shape \(2, B\)"):
        tape.evaluate_modular(np.zeros((3, 4)), 101)
    with pytest.raises(InputError, match=r"shape \(2, B\)"):
        tape.evaluate(np.zeros(2))
    with pytest.raises(InputError, match="one point"):
        tape.jacobian_modular(np.zeros((2, 1)), 101)
    for p in (2, 4, 2**23 + 9):
        with pytest.raises(InputError, match="odd prime"):
            tape.evaluate_modular(np.zeros((2, 1)), p)
    with pytest.raises(InputError, match="3 values"):
        tape.evaluate_exact([1, 2, 3])
    with pytest.raises(InputError, match="3 values"):
        tape.evaluate_residues([1, 2, 3], 101)
    with pytest.raises(InputError, match="outputs 0 to 3"):
        tape.gradient(4)


def test_bad_characteristic_and_vanishing_denominators() -> None:
    builder = TapeBuilder(1)
    (x,) = builder.inputs
    third = builder.build([builder.mul(builder.constant(Fraction(1, 3)), x)])
    with pytest.raises(GenericityError, match="prime 3 divides"):
        third.evaluate_modular(np.zeros((1, 1)), 3)
    reciprocal = builder.build([builder.div(builder.one, x)])
    with pytest.raises(GenericityError, match="denominator"):
        reciprocal.jacobian_modular(np.zeros(1), 101)
    assert not np.isfinite(reciprocal.evaluate(np.zeros((1, 1)))).any()
    huge = builder.build([builder.mul(builder.constant(10**400), x)])
    with pytest.raises(InputError, match="too large for floating point"):
        huge.evaluate(np.ones((1, 1)))


def test_tapes_are_immutable() -> None:
    tape = rational_tape()
    with pytest.raises(ValueError, match="read-only"):
        tape.operations[0] = 3
    assert tape != "tape"
    assert repr(tape) == "Tape(2 inputs, 4 operations, 2 constants, 4 outputs)"


def test_no_kernel_compiles_for_a_new_tape() -> None:
    if not hasattr(kernels.evaluate_modular, "signatures"):
        pytest.skip("compilation is switched off")

    def use(seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 6))
        builder = TapeBuilder(n)
        nodes = list(builder.inputs)
        for _ in range(int(rng.integers(1, 40))):
            operation = [builder.add, builder.sub, builder.mul, builder.div][int(rng.integers(4))]
            a, b = (nodes[int(rng.integers(len(nodes)))] for _ in range(2))
            if b != builder.zero:
                nodes.append(operation(a, b))
        tape = builder.build(nodes[-3:])
        theta = rng.integers(1, 50, (n, 3)).astype(float)
        if seed % 3 == 1:
            theta.flags.writeable = False
        if seed % 3 == 2:
            theta = np.asfortranarray(theta)
        tape.evaluate_modular(theta, 101)
        tape.jacobians_modular(theta, 101)
        for points in (theta, theta + 0j):
            tape.evaluate(points)
            tape.jacobian(points)

    use(0)
    functions = [kernels.evaluate_modular, kernels.evaluate_numeric, kernels.jacobian_modular, kernels.jacobian_numeric]
    before = [len(function.signatures) for function in functions]
    for seed in range(1, 21):
        use(seed)
    assert [len(function.signatures) for function in functions] == before == [1, 2, 1, 2]

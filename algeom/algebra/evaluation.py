"""Evaluation of sparse polynomials with shared prefix products, over any ring.

The terms are visited in an order in which neighbours share the front part of their products: the walk keeps the
stack of partial products ``1, y_1^2, y_1^2 y_2, ...`` and goes back only as far as it must. Only one stack is alive
at a time, which matters where the values are large polynomials themselves.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.primes import residue
from algeom.errors import InputError

Coefficient = int | Fraction


class EvaluationPlan(NamedTuple):
    """What to multiply, and when.

    Attributes
    ----------
    powers : tuple of (variable, exponents)
        The powers of each variable that some term contains, increasing.
    steps : tuple of (kept, factors, term)
        For each term in turn: how much of the stack of partial products stays, the (variable, exponent) factors
        to push, and the term's index.
    """

    powers: tuple[tuple[int, tuple[int, ...]], ...]
    steps: tuple[tuple[int, tuple[tuple[int, int], ...], int], ...]


def plan_evaluation(exponents: NDArray[np.int64]) -> EvaluationPlan:
    """Order the terms with the given exponents, shape (T, m), so that neighbours share factors.

    Examples
    --------
    >>> plan = plan_evaluation(np.array([[2, 1, 0], [0, 0, 1], [2, 0, 1]]))
    >>> plan.steps
    ((0, ((0, 2), (1, 1)), 0), (1, ((2, 1),), 2), (0, ((2, 1),), 1))
    """
    products: list[list[tuple[int, int]]] = [[] for _ in range(len(exponents))]
    rows, variables = np.nonzero(exponents)
    for t, i, e in zip(rows.tolist(), variables.tolist(), exponents[rows, variables].tolist(), strict=True):
        products[t].append((i, e))
    steps = []
    previous: list[tuple[int, int]] = []
    for t in sorted(range(len(products)), key=products.__getitem__):
        factors = products[t]
        kept = 0
        for a, b in zip(previous, factors, strict=False):
            if a != b:
                break
            kept += 1
        steps.append((kept, tuple(factors[kept:]), t))
        previous = factors
    needed: dict[int, set[int]] = {}
    for factors in products:
        for i, e in factors:
            needed.setdefault(i, set()).add(e)
    return EvaluationPlan(tuple((i, tuple(sorted(needed[i]))) for i in sorted(needed)), tuple(steps))


def _power(x: Any, exponent: int, multiply: Callable[[Any, Any], Any]) -> Any:
    """Positive power by repeated squaring."""
    result = None
    while True:
        if exponent & 1:
            result = x if result is None else multiply(result, x)
        exponent >>= 1
        if not exponent:
            return result
        x = multiply(x, x)


def _evaluate(
    plan: EvaluationPlan,
    values: Sequence[Any],
    zero: Any,
    scale: Callable[[int, Any], Any],
    multiply: Callable[[Any, Any], Any] = operator.mul,
) -> Any:
    """Sum of ``scale(t, monomial)`` over the terms t; the monomial of a constant term is given as None."""
    powers: dict[tuple[int, int], Any] = {}
    for i, exponents in plan.powers:
        last = 0
        current: Any = None
        for e in exponents:
            factor = _power(values[i], e - last, multiply)
            current = factor if current is None else multiply(current, factor)
            powers[i, e] = current
            last = e
    total = zero
    stack: list[Any] = []
    for kept, factors, t in plan.steps:
        del stack[kept:]
        for factor_key in factors:
            factor = powers[factor_key]
            stack.append(multiply(stack[-1], factor) if stack else factor)
        total = total + scale(t, stack[-1] if stack else None)
    return total


def _with_coefficients(coefficients: Sequence[Any]) -> Callable[[int, Any], Any]:
    """Scaling by coefficients that multiply the values directly."""
    return lambda t, monomial: coefficients[t] if monomial is None else coefficients[t] * monomial


def evaluate_ring(plan: EvaluationPlan, coefficients: Sequence[Coefficient], values: Sequence[Any]) -> Any:
    """Evaluate in any commutative ring that multiplies with Python integers.

    A coefficient that is not an integer is applied as a product with its numerator and a quotient by its denominator,
    so that the ring has to divide by integers only where the polynomial does.
    """
    if not values:
        return sum(coefficients)
    zero = values[0] * 0

    def scale(t: int, monomial: Any) -> Any:
        c = coefficients[t]
        if isinstance(c, int):
            return zero + c if monomial is None else c * monomial
        return (zero + c.numerator if monomial is None else c.numerator * monomial) / c.denominator

    return _evaluate(plan, values, zero, scale)


def evaluate_modular(
    plan: EvaluationPlan, coefficients: Sequence[Coefficient], values: Sequence[Any], modulus: int
) -> Any:
    """Evaluate at integers, or object arrays of integers, modulo any number; the result is in [0, modulus)."""
    residues = [c % modulus if isinstance(c, int) else residue(c, modulus) for c in coefficients]
    zero = values[0] * 0 if values else 0
    return _evaluate(plan, values, zero, _with_coefficients(residues), lambda a, b: a * b % modulus) % modulus


def evaluate_float(plan: EvaluationPlan, coefficients: Sequence[Coefficient], values: Sequence[Any], zero: Any) -> Any:
    """Evaluate at floating-point scalars or arrays, real or complex, with coefficients rounded to double precision."""
    try:
        rounded = [float(c) for c in coefficients]
    except OverflowError:
        raise InputError(
            "a coefficient exceeds the range of double precision; evaluate at mpmath numbers or Fractions instead"
        ) from None
    return _evaluate(plan, values, zero, _with_coefficients(rounded))


def evaluate_point(
    plan: EvaluationPlan, coefficients: Sequence[Coefficient], y: Any, n_variables: int, modulus: int | None
) -> Any:
    """Evaluate at a point or a batch of points, in the arithmetic that their type asks for.

    The rules are those of `algeom.algebra.polynomial.Polynomial.__call__`.
    """
    point = _point(y, n_variables)
    if modulus is not None:
        return _at_residues(plan, coefficients, point, modulus)
    if isinstance(point, np.ndarray):
        if point.dtype.kind in "fc":
            return evaluate_float(plan, coefficients, list(point), np.zeros(point.shape[1:], point.dtype)[()])
        if point.dtype.kind not in "biuO":
            raise _no_numbers(point.dtype)
        if point.ndim > 1:
            # Exact integers: the machine's own would overflow without a sign of it.
            return evaluate_ring(plan, coefficients, list(point.astype(object)))
        point = point.tolist()
    exact = True
    for i, v in enumerate(point):
        if isinstance(v, np.integer | np.bool_):
            point[i] = int(v)
        elif isinstance(v, float | complex | np.floating | np.complexfloating):
            exact = False
        elif isinstance(v, str | bytes | list | dict) or v is None:
            raise _no_numbers(v)
        elif not isinstance(v, int | Fraction):
            return evaluate_ring(plan, coefficients, point)
    if exact:
        return _evaluate(plan, point, 0, _with_coefficients(coefficients))
    return evaluate_float(plan, coefficients, point, 0.0)


def _point(y: Any, n_variables: int) -> NDArray[Any] | list[Any]:
    """The coordinates as a list, or as an array with one row a coordinate; checks their number."""
    point: NDArray[Any] | list[Any]
    if isinstance(y, np.ndarray):
        point = y if y.ndim else y[None]
    elif isinstance(y, str | bytes | dict) or not np.iterable(y):
        raise _no_numbers(y)
    else:
        point = list(y)
        if point and all(isinstance(v, np.ndarray | list | tuple) for v in point):
            try:
                point = np.asarray(point)
            except ValueError:
                raise InputError(
                    "the coordinates are sequences of different lengths; give each point a column"
                ) from None
    if len(point) != n_variables:
        shape = f" (shape {point.shape})" if isinstance(point, np.ndarray) else ""
        raise InputError(
            f"the point has {len(point)} coordinates{shape}, but the polynomial has {n_variables} variables; "
            "give a vector of that length, or an array of shape (variables, points)"
        )
    return point


def _no_numbers(given: Any) -> InputError:
    return InputError(
        f"a polynomial cannot be evaluated at {given!r}; give a sequence of integers, Fractions, floats, complex or "
        "mpmath numbers, or an array of shape (variables,) or (variables, points)"
    )


def _at_residues(plan: EvaluationPlan, coefficients: Sequence[Coefficient], y: Any, modulus: int) -> Any:
    """Evaluate at integers or fractions modulo `modulus`; arrays of one axis give an int, others an array."""
    if isinstance(modulus, bool) or not isinstance(modulus, int | np.integer) or modulus < 2:
        raise InputError(f"modulo is {modulus!r}; give an integer that is at least 2")
    modulus = int(modulus)
    if isinstance(y, np.ndarray) and y.dtype.kind == "f":
        if not np.array_equal(y, np.rint(y)):
            raise InputError("the array holds numbers that are not integers; residues are integers")
        y = y.astype(np.int64)
    if not isinstance(y, np.ndarray) or y.ndim == 1:
        return evaluate_modular(plan, coefficients, [_reduce(v, modulus) for v in y], modulus)
    reduce_all = np.frompyfunc(lambda v: _reduce(v, modulus), 1, 1)
    result = evaluate_modular(plan, coefficients, [reduce_all(row.astype(object)) for row in y], modulus)
    return result.astype(np.int64) if modulus < 2**63 else result


def _reduce(v: Any, modulus: int) -> int:
    if isinstance(v, int | np.integer):
        return int(v) % modulus
    if isinstance(v, Fraction):
        return residue(v, modulus) % modulus
    raise InputError(f"a coordinate is {v!r} of type {type(v).__name__}; modulo a number give integers or Fractions")

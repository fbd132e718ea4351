"""Tracing: every traced NumPy function against NumPy on integers, and every refusal."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import algeom as ag
from algeom.errors import AlgeomError, InputError, NotPolynomialError
from algeom.maps.constants import exact_constant
from algeom.maps.minors import determinant_tape

Function = Callable[[Any], Any]

# Each takes the matrix [[2, 3, 4, 5], [6, ...], [10, ...]].
SAME_AS_NUMPY: dict[str, Function] = {
    "arithmetic": lambda a: (a + 1) * (2 - a) / (3 + a) - a / 2 + 1 / a,
    "unary": lambda a: -a + (+a) * 2,
    "powers": lambda a: a**3 + a**0 - a**-2 + a ** np.array([1, 2, 3, 0]),
    "integer-valued float powers": lambda a: a**2.0 + np.float_power(a, 3),
    "power function": lambda a: np.power(a, 2) + np.square(a) * np.reciprocal(a * 1.0),
    "constants from the left": lambda a: np.arange(4) * a + np.ones((3, 1)) - np.float64(2) / a,
    "fractions": lambda a: a * Fraction(1, 3) + np.array([Fraction(1, 2)] * 4, dtype=object),
    "in place": lambda a: _in_place(a),
    "assignment": lambda a: _assigned(a),
    "views": lambda a: _through_a_view(a),
    "zeros_like": lambda a: _filled(np.zeros_like(a, shape=(2, 2)), a),
    "full_like": lambda a: np.full_like(a, 7) + np.ones_like(a) + np.full_like(a, a[0, 0]),
    "object array": lambda a: _filled(np.zeros((2, 2), dtype=object), a),
    "np.array of scalars": lambda a: np.array([[a[0, 0], 1], [2, a[1, 1]]]) @ np.array([[1, 2], [3, 4]]),
    "np.array of rows": lambda a: np.array([a[0], a[1]]) * a[2],
    "unpacking": lambda a: [x * y + z for x, y, z in zip(*a, strict=True)],
    "iteration": lambda a: sum(row[0] for row in a) * sum(a),
    "indexing": lambda a: a[1, 2] + a[-1, ::2] + a[[0, 1], [2, 3]],
    "boolean mask": lambda a: a[np.array([True, False, True])],
    "ellipsis and newaxis": lambda a: a[..., None, 1:3],
    "flat": lambda a: [x * 2 for x in a.flat],
    "tolist": lambda a: a.tolist(),
    "item": lambda a: [a.item(1, 2), a[:1, :1].item()],
    "copy": lambda a: np.copy(a) + a.copy(),
    "astype": lambda a: a.astype(float) * 2,
    "shape": lambda a: np.ones(np.shape(a)) * a * np.size(a) + np.ndim(a) + len(a) + a.size + a.ndim,
    "matmul": lambda a: a @ a.T,
    "matmul vectors": lambda a: [a[0] @ a[1], (a @ a[0]).sum(), (a.T @ a[:, 0]).sum()],
    "matmul constants": lambda a: np.eye(3) @ a @ np.arange(8).reshape(4, 2),
    "matmul stacks": lambda a: a.reshape(3, 2, 2) @ a.reshape(3, 2, 2),
    "matmul broadcast": lambda a: np.matmul(a[None], np.ones((2, 4, 2))),
    "linalg.matmul": lambda a: np.linalg.matmul(a, a.T),
    "dot": lambda a: np.dot(a, a.T) + a.dot(a.T) + np.dot(2, a[:, :3]),
    "dot of tensors": lambda a: np.dot(a.reshape(3, 2, 2), a.reshape(2, 2, 3)),
    "inner": lambda a: np.inner(a, a) + np.inner(a[0], a[1]) + np.inner(2, 3),
    "outer": lambda a: np.outer(a[0], np.array([0.5, 0.25])),
    "ufunc outer": lambda a: np.subtract.outer(a[0], a[1]) + np.multiply.outer(a[0], a[1]),
    "kron": lambda a: np.kron(a[:2, :2], a),
    "kron of vectors": lambda a: np.kron(a[0], a),
    "tensordot": lambda a: np.tensordot(a, a, axes=([1], [1])),
    "tensordot 0": lambda a: np.tensordot(a, a[0], axes=0),
    "tensordot 2": lambda a: np.tensordot(a, a),
    "vecdot": lambda a: np.vecdot(a, a),
    "cross": lambda a: np.cross(a[:, :3], a[:, 1:]),
    "cross along an axis": lambda a: np.cross(a, a + 1, axis=0),
    "einsum": lambda a: np.einsum("ij,kj->ik", a, a),
    "einsum implicit": lambda a: np.einsum("ij,kj", a, a),
    "einsum implicit order": lambda a: np.einsum("ba", a),
    "einsum ellipsis": lambda a: np.einsum("...j,j->...", a, np.arange(4)),
    "einsum two ellipses": lambda a: np.einsum("...ij,...jk", a[None], a.T[None]),
    "einsum ellipsis broadcast": lambda a: np.einsum("...,...->...", a, a[0]),
    "einsum three": lambda a: np.einsum("ij,kj,kl->il", a, a, a),
    "einsum four": lambda a: np.einsum("i,j,k,l->ijkl", a[0], a[1], a[2], a[0]),
    "einsum five": lambda a: np.einsum("ij,jk,kl,lm,mn->in", a, a.T, a, a.T, a),
    "einsum diagonal": lambda a: np.einsum("ii->i", a[:, :3]),
    "einsum trace": lambda a: np.einsum("ii", a[:, :3]),
    "einsum total": lambda a: np.einsum("ij->", a),
    "einsum separate sums": lambda a: np.einsum("ij,kl->il", a, a),
    "einsum spaces": lambda a: np.einsum(" i j , i j -> j ", a, a),
    "sum": lambda a: np.sum(a) + a.sum(axis=0) * a.sum(axis=(0, 1)) + np.sum(a, axis=0, keepdims=True),
    "sum of a list": lambda a: np.sum([a[0, 0], a[1, 1], 3]),
    "sum with initial": lambda a: np.sum(a, initial=3) * np.prod(a[0], initial=2),
    "prod": lambda a: np.prod(a, axis=1) + a.prod(axis=(0, 1), keepdims=True)[0],
    "mean": lambda a: [a.mean(), *a.mean(axis=-1), *np.mean(a, axis=0)],
    "average": lambda a: [*np.average(a, axis=1, weights=[1, 2, 3, 4]), np.average(a), np.average(a, weights=a)],
    "var": lambda a: [*np.var(a, axis=0), np.var(a, ddof=1)],
    "cumulative": lambda a: np.cumsum(a) + a.cumprod() + np.cumsum(a, axis=1).ravel() + np.cumprod(a, axis=0).ravel(),
    "ufunc methods": lambda a: [*np.add.reduce(a), *np.multiply.reduce(a, axis=1), *np.add.accumulate(a)[2]],
    "diff": lambda a: [*np.diff(a, axis=0).ravel(), *np.diff(a**2, n=2).ravel()],
    "trace": lambda a: [np.trace(a), a.trace(1), np.linalg.trace(a[:, :3])],
    "diag": lambda a: np.diag(a[0])[:, :3] @ np.diag(np.diag(a)) @ np.diagflat(a[0, :3]),
    "diagonal": lambda a: [*np.diagonal(a, 1), *a.diagonal(), *np.linalg.diagonal(a)],
    "tril and triu": lambda a: np.triu(a) + np.tril(a, -1) * 2,
    "stack": lambda a: np.stack([a[0], a[1] * 2, np.ones(4)], axis=1),
    "concatenate": lambda a: np.concatenate([a.ravel(), [1, 2], a[0]]),
    "stacks": lambda a: np.hstack([np.vstack([a, a[:1]]), np.ones((4, 1))]),
    "more stacks": lambda a: [np.dstack([a, a]), np.column_stack([a[:, 0], a])],
    "block": lambda a: np.block([[a, a * 2], [np.zeros((3, 4)), a]]),
    "append and insert": lambda a: np.insert(np.append(a, a[:1], axis=0), 1, a[0], axis=0),
    "delete": lambda a: np.delete(a, 1, axis=0),
    "pad": lambda a: np.pad(a, 1) + np.pad(a, 1, constant_values=a[0, 0]) + np.pad(a, 1, mode="edge"),
    "split": lambda a: np.split(a, 2, axis=1)[1] * np.array_split(a, 2, axis=1)[0],
    "reshape": lambda a: a.reshape(4, 3) @ np.reshape(a, (3, 4)),
    "ravel": lambda a: np.ravel(a) + a.flatten() + a.ravel("F"),
    "transpose": lambda a: a.T + np.transpose(a) + a.transpose() + a.transpose(1, 0) + a.mT + np.swapaxes(a, 0, 1),
    "axes": lambda a: np.moveaxis(np.expand_dims(a, 0), 0, 2).squeeze() + np.rollaxis(a, 1).T + a.swapaxes(0, 1).T,
    "broadcast": lambda a: np.broadcast_to(a[0], (3, 4)) + np.broadcast_arrays(a, a[:, :1])[1],
    "tile and repeat": lambda a: np.tile(a, 2) + np.repeat(a, 2, axis=1) + a.repeat(2, axis=1),
    "roll and flip": lambda a: np.roll(a, 1, axis=1) - np.flip(a, 0) + np.rot90(a, 2) * np.fliplr(a) - np.flipud(a),
    "take": lambda a: np.take(a, [0, 2], axis=1) + a.take([1, 3], axis=1),
    "at least": lambda a: np.atleast_2d(a[0]) + np.atleast_1d(a[0, 0]),
    "where": lambda a: np.where(np.eye(3, 4) > 0, a, 0),
    "convolve": lambda a: [
        *np.convolve(a[0], a[1]),
        *np.convolve(a[0], a[1, :3], "same"),
        *np.convolve(a[0, :2], a[1], "valid"),
    ],
    "polyval": lambda a: np.polyval(a[0], a[1]),
    "vander": lambda a: np.vander(a[0], 3) + np.vander(a[0], 3, increasing=True),
    "det": lambda a: [np.linalg.det(a[:, :3] + np.eye(3)), *np.linalg.det(a.reshape(3, 2, 2))],
    "inv": lambda a: np.linalg.inv(a[:, :3] + np.eye(3)),
    "inv of a stack": lambda a: np.linalg.inv(a.reshape(3, 2, 2)),
    "solve": lambda a: np.linalg.solve(a[:, :3] + np.eye(3), a[:, 3]),
    "solve for a matrix": lambda a: np.linalg.solve(a[:, :3] + np.eye(3), a),
    "matrix_power": lambda a: [np.linalg.matrix_power(a[:, :3] + np.eye(3), k) for k in (0, 1, 3, 6, -2)],
    "multi_dot": lambda a: np.linalg.multi_dot([a, a.T, a]),
    "numbers only": lambda a: [1, Fraction(1, 2), 0],
}


def _in_place(a: Any) -> Any:
    b = a.copy()
    c = b
    b += a
    b *= 2
    b -= a[0]
    b /= a
    return b + c


def _assigned(a: Any) -> Any:
    b = a * 1.0
    b[0] = 7
    b[1, 2] = a[0, 0]
    b[:, 3] = a[:, 0] * a[:, 1]
    return b


def _through_a_view(a: Any) -> Any:
    b = a.copy()
    b[0][1] = 5
    b.T[2] += 1
    return b


def _filled(target: Any, a: Any) -> Any:
    for i in range(2):
        for j in range(2):
            target[i, j] = a[i, j] * (i + 2 * j + 1)
    return target


@pytest.mark.parametrize("name", SAME_AS_NUMPY)
def test_traced_functions_agree_with_numpy(name: str) -> None:
    function = SAME_AS_NUMPY[name]
    data = np.arange(2, 14)

    def flat(value: Any) -> list[float]:
        if isinstance(value, (list, tuple)):
            return [x for part in value for x in flat(part)]
        return [float(x) for x in np.asarray(value).ravel()]

    expected = flat(function(data.reshape(3, 4).astype(float)))
    phi = ag.polynomial_map(lambda t: function(t.reshape(3, 4)), n_parameters=12)
    np.testing.assert_allclose([float(v) for v in phi(data)], expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(phi(data.astype(float)), expected, rtol=1e-9, atol=1e-12)


REFUSED: dict[str, tuple[Function, str]] = {
    "exp": (lambda t: np.exp(t), r"np\.exp of a parameter .* a parameter of its own"),
    "exp of an object array": (lambda t: np.exp(np.array([t[0], t[1]])), r"np\.exp of a parameter"),
    "sqrt": (lambda t: np.sqrt(t), r"np\.sqrt .* make the root the parameter"),
    "comparison": (lambda t: t[0] if t[0] > 0 else t[1], r"comparison .* choose the branch"),
    "equality": (lambda t: t[0] == 0, "comparison"),
    "inequality": (lambda t: t[0] != 0, "comparison"),
    "array comparison": (lambda t: np.zeros(4) < t, r"np\.less"),
    "truth": (lambda t: t[0] if t[1] else 0, "truth value"),
    "maximum": (lambda t: np.maximum(t, 0), r"np\.maximum .* activation pattern"),
    "builtin abs": (lambda t: abs(t), "abs of a parameter"),
    "np.abs": (lambda t: np.abs(t), r"np\.absolute"),
    "sort": (lambda t: np.sort(t), r"np\.sort .* choose the branch"),
    "max": (lambda t: np.max(t), r"np\.max"),
    "max method": (lambda t: t.max(), r"\.max of a traced parameter"),
    "where": (lambda t: np.where(t, 1, 0), r"np\.where with a condition"),
    "nonzero": (lambda t: np.where(t), r"np\.nonzero"),
    "float": (lambda t: float(t[0]), r"float\(\)"),
    "int": (lambda t: int(t[0]), r"int\(\)"),
    "complex": (lambda t: complex(t[0]), r"complex\(\)"),
    "math": (lambda t: math.exp(t[0]), r"float\(\) .* math\.exp .* make its value a parameter"),
    "range": (lambda t: [t[0] for _ in range(t[1])], "index or a count"),
    "filling zeros": (lambda t: _filled(np.zeros((2, 2)), t.reshape(2, 2)), r"np\.stack.* np\.zeros_like"),
    "in place into floats": (lambda t: np.ones(4).__iadd__(t), r"x = x \+ parameter"),
    "float array": (lambda t: np.array([t[0], t[1]], dtype=float), r"np\.stack"),
    "index": (lambda t: t[t[0]], "index depends on a parameter"),
    "list index": (lambda t: t[[t[0], 1]], "index depends on a parameter"),
    "index into a constant": (lambda t: np.arange(3)[t[0]], "index is not a constant integer"),
    "take": (lambda t: np.take(t, t), "index depends on a parameter"),
    "parameter in an exponent": (lambda t: t[0] ** t[1], "exponent depends on a parameter"),
    "parameter as an exponent": (lambda t: 2 ** t[0], "exponent depends on a parameter"),
    "root": (lambda t: t**0.5, "power 1/2 .* make the root"),
    "fractional power": (lambda t: t ** Fraction(1, 3), "power 1/3"),
    "floor division": (lambda t: t // 2, "use / for the exact quotient"),
    "remainder": (lambda t: t % 2, "use / for the exact quotient"),
    "np.mod": (lambda t: np.mod(t, 2), "use / for the exact quotient"),
    "round": (lambda t: round(t[0]), "no rounding"),
    "np.round": (lambda t: np.round(t), "no rounding"),
    "astype int": (lambda t: t.astype(int), "would round"),
    "conj": (lambda t: np.conj(t), "real and imaginary"),
    "real": (lambda t: t.real, "real and imaginary"),
    "np.real": (lambda t: np.real(t), "real and imaginary"),
    "norm": (lambda t: np.linalg.norm(t), r"np\.linalg\.norm .* sum of squares"),
    "fft": (lambda t: np.fft.fft(t), r"np\.fft\.fft is not available"),
    "svd": (lambda t: np.linalg.svd(t.reshape(2, 2)), r"np\.linalg\.svd is not available"),
    "det of an object array": (lambda t: np.linalg.det(np.array([[t[0], t[1]], [t[2], t[3]]])), r"np\.block"),
    "inv of nested lists": (lambda t: np.linalg.inv([[t[0], 0], [0, t[3]]]), r"np\.block.* np\.zeros_like"),
    "subtract.reduce": (lambda t: np.subtract.reduce(t), r"np\.subtract\.reduce"),
    "pad by a mode": (lambda t: np.pad(t, 1, mode="mean"), "mode 'mean'"),
    "fractional matrix power": (lambda t: np.linalg.matrix_power(t.reshape(2, 2), 0.5), "constant integer power"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_polynomial_is_refused(name: str) -> None:
    function, message = REFUSED[name]
    with pytest.raises(NotPolynomialError, match=message):
        ag.polynomial_map(function, n_parameters=4)


WRONG: dict[str, tuple[Function, str]] = {
    "None": (lambda t: None, "return statement"),
    "nothing": (lambda t: [], "no coordinates"),
    "a string": (lambda t: "t", "list or an array"),
    "a dictionary": (lambda t: {"y": t[0]}, "list or an array"),
    "a nested string": (lambda t: [t[0], ["u"]], "entry 0 of entry 1 of the value returned"),
    "NaN": (lambda t: t * float("nan"), "not finite"),
    "infinite": (lambda t: t + np.inf, "not finite"),
    "NaN in an array": (lambda t: np.array([1, np.nan, 2, 3]) * t, "not finite"),
    "complex": (lambda t: t * 1j, "not real"),
    "zero division": (lambda t: t / (t[0] - t[0]), "identically zero"),
    "zero division by a number": (lambda t: t / 0, "identically zero"),
    "zero to a negative power": (lambda t: (t - t) ** -1, "identically zero"),
    "something else": (lambda t: t * object(), "not a number"),
    "strings": (lambda t: np.array(["a"]) + t, "not an array of numbers"),
    "ragged": (lambda t: t * [t[:2], t[:3]], "equally long"),
    "out": (lambda t: np.sum(t, out=np.zeros(())), "'out' cannot be traced"),
    "where": (lambda t: np.add(t, 1, where=[True, False, True, False]), "'where' cannot be traced"),
    "matmul shapes": (lambda t: t.reshape(2, 2) @ np.ones((3, 2)), "lengths 2 and 3"),
    "matmul scalar": (lambda t: t @ 2, "multiply by a scalar"),
    "matmul batches": (lambda t: t.reshape(2, 2, 1) @ np.ones((3, 1, 1)), "do not broadcast"),
    "det of a rectangle": (lambda t: np.linalg.det(t.reshape(1, 4)), "square"),
    "einsum operands": (lambda t: np.einsum("i,j->ij", t), "names 2 operands"),
    "einsum labels": (lambda t: np.einsum("ij->i", t), "does not fit"),
    "einsum lengths": (lambda t: np.einsum("i,i->", t, np.ones(3)), "lengths 4 and 3"),
    "einsum result": (lambda t: np.einsum("i->j", t), "repeated or unknown"),
    "einsum lists": (lambda t: np.einsum(t, [0], [0]), "as a string"),
    "cross": (lambda t: np.cross(t, t), "three components"),
    "convolve": (lambda t: np.convolve(t, t, "other"), "modes"),
    "item": (lambda t: t.item(), "one element"),
    "empty mean": (lambda t: t[:0].mean(), "no elements"),
    "huge power": (lambda t: t ** (10**7), "too large"),
    "another trace": (lambda t: ag.polynomial_map(lambda s: s[0] * t[0], n_parameters=1), "two calls"),
    "unpacking": (lambda t: (lambda a, b: a)(*(lambda u: (u[0], u[1]))(_unpacked(t))), "unpack"),
    "one division of many": (lambda t: np.linalg.multi_dot([t]), "two arrays"),
}


def _unpacked(t: Any) -> Any:
    a, b = t
    return a, b


@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_refused(name: str) -> None:
    function, message = WRONG[name]
    with pytest.raises(InputError, match=message):
        ag.polynomial_map(function, n_parameters=4)


def test_too_few_parameters_are_noticed() -> None:
    with pytest.raises(InputError, match=r"shape \(2,\), and index 5 .* n_parameters") as caught:
        ag.polynomial_map(lambda t: t[5], n_parameters=2)
    assert isinstance(caught.value, IndexError)
    assert isinstance(caught.value.__cause__, IndexError)
    with pytest.raises(InputError, match=r"unpacks .*expected 2, got 1.* n_parameters") as caught:
        ag.polynomial_map(_unpacked, n_parameters=1)
    assert isinstance(caught.value.__cause__, ValueError)


def test_matrices_from_blocks_and_by_assignment() -> None:
    def filled(t: Any) -> Any:
        matrix = np.zeros_like(t, shape=(2, 2))
        matrix[0, 1], matrix[1, 0], matrix[1, 1] = t[0], t[1], 3
        return np.linalg.det(matrix)

    blocks = ag.polynomial_map(lambda t: np.linalg.det(np.block([[0, t[0]], [t[1], 3]])), n_parameters=2)
    assert blocks == ag.polynomial_map(filled, n_parameters=2)
    assert blocks([2, 5]).tolist() == [-10]
    nested = ag.polynomial_map(lambda t: np.stack([[0, t[0]], [t[1], 3]]), n_parameters=2)
    assert nested([2, 5]).tolist() == [0, 2, 5, 3]


def test_errors_of_the_function_itself_pass_through() -> None:
    with pytest.raises(KeyError):
        ag.polynomial_map(lambda t: {}[1], n_parameters=1)
    with pytest.raises(IndexError, match="list index"):
        ag.polynomial_map(lambda t: [1, 2][5] * t, n_parameters=1)
    with pytest.raises(AttributeError, match="no attribute"):
        ag.polynomial_map(lambda t: t.nothing, n_parameters=1)
    with pytest.raises(TypeError, match="iteration over a traced scalar"):
        ag.polynomial_map(lambda t: list(t[0]), n_parameters=1)


# Constants


@pytest.mark.parametrize(
    ("value", "exact", "rounded"),
    [
        (3, Fraction(3), False),
        (True, Fraction(1), False),
        (np.int8(-3), Fraction(-3), False),
        (np.uint64(2**63), Fraction(2**63), False),
        (0.5, Fraction(1, 2), False),
        (3.0, Fraction(3), False),
        (0.1, Fraction(0.1), True),
        (1 / 3, Fraction(1 / 3), True),
        (np.float32(0.1), Fraction(float(np.float32(0.1))), True),
        (np.longdouble(0.5), Fraction(1, 2), False),
        (2 + 0j, Fraction(2), False),
        (Decimal("0.1"), Fraction(1, 10), False),
        (mpmath.mpf("0.5"), Fraction(1, 2), True),
        (mpmath.mpf(-6), Fraction(-6), False),
        (sympy.Rational(2, 3), Fraction(2, 3), False),
        (sympy.Float(0.5), Fraction(1, 2), True),
    ],
)
def test_constants_are_exact(value: Any, exact: Fraction, rounded: bool) -> None:
    assert exact_constant(value) == (exact, rounded)


def test_flint_constants() -> None:
    flint = pytest.importorskip("flint")
    assert exact_constant(flint.fmpz(7)) == (7, False)
    assert exact_constant(flint.fmpq(7, 3)) == (Fraction(7, 3), False)
    with pytest.raises(InputError):
        exact_constant(flint.fmpz_poly([1, 2]))


def test_float_constants_are_noticed() -> None:
    assert not ag.polynomial_map(lambda t: 0.5 * t + np.eye(1)[0], n_parameters=1).has_float_constants
    phi = ag.polynomial_map(lambda t: 0.1 * t, n_parameters=1)
    assert phi.has_float_constants
    assert phi([1]).tolist() == [Fraction(0.1)]
    assert phi.cone().has_float_constants
    assert ag.polynomial_map(lambda t: phi(t), n_parameters=1).has_float_constants


# Determinants and minors


@pytest.mark.parametrize("n", range(1, 12))
def test_determinants_without_division(n: int) -> None:
    tape = determinant_tape(n)
    assert tape.is_polynomial
    matrix = np.random.default_rng(n).integers(-9, 10, (n, n))
    assert tape.evaluate_exact(matrix.ravel().tolist()) == [sympy.Matrix(matrix).det()]
    assert tape.degree_bounds() == ((n, 0),)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 4), (4, 3), (4, 5)])
def test_minors_in_lexicographic_order(rows: int, columns: int) -> None:
    matrix = np.random.default_rng(0).integers(-9, 10, (rows, columns))
    for k in range(1, min(rows, columns) + 1):
        expected = [
            sympy.Matrix(matrix[np.ix_(r, c)]).det()
            for r in combinations(range(rows), k)
            for c in combinations(range(columns), k)
        ]
        assert ag.minors(matrix, k).tolist() == expected
        phi = ag.polynomial_map(lambda x, k=k: ag.minors(x, k), parameters={"x": (rows, columns)})
        assert phi(matrix.ravel()).tolist() == expected
    assert ag.maximal_minors(matrix.tolist()).tolist() == expected
    assert ag.maximal_minors(matrix.astype(float)).dtype == np.float64


def test_minors_share_their_subminors() -> None:
    """The Plücker coordinates of G(4, 9): 126 minors, by 3-minors and 2-minors each computed once."""
    phi = ag.polynomial_map(ag.maximal_minors, parameters={"x": (4, 9)})
    assert phi.tape.n_operations <= 126 * 7 + 84 * 5 + 36 * 3


def test_minors_of_lists_of_scalars() -> None:
    phi = ag.polynomial_map(lambda t: ag.minors([[t[0], 1], [2, t[1]]], 2), n_parameters=2)
    assert phi([5, 7]).tolist() == [33]


@pytest.mark.parametrize(
    ("matrix", "k", "message"),
    [([1, 2], 1, "two axes"), ([[1, 2]], 2, "sizes are 1 to 1"), ([[1]], 0, "sizes are"), ([[1]], 1.0, "sizes are")],
)
def test_minors_errors(matrix: Any, k: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ag.minors(matrix, k)


def test_maximal_minors_of_a_vector() -> None:
    with pytest.raises(InputError, match="two axes"):
        ag.maximal_minors([1, 2])


def test_sharing_of_common_subexpressions() -> None:
    phi = ag.polynomial_map(
        lambda t: [(t[0] + t[1]) ** 2, (t[1] + t[0]) ** 3, t[0] * t[1] - t[1] * t[0]], n_parameters=2
    )
    assert phi.tape.n_operations == 3
    assert phi([1, 2]).tolist() == [9, 27, 0]


def test_traced_objects_describe_themselves() -> None:
    seen: list[str] = []
    ag.polynomial_map(lambda t: seen.extend([repr(t), repr(t[0])]) or t, n_parameters=2)
    assert seen == ["<traced array of shape (2,)>", "<traced scalar>"]


def test_errors_pickle() -> None:
    with pytest.raises(AlgeomError) as caught:
        ag.polynomial_map(np.exp, n_parameters=1)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

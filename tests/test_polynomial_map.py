"""Polynomial maps: construction from functions, strings and SymPy, evaluation over every field, new maps from old."""

from __future__ import annotations

import pickle
from fractions import Fraction
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
import sympy

import algeom as ag
from algeom._kernels import tape as kernels
from algeom.errors import InputError, NotPolynomialError


def independence(t: Any) -> list[Any]:
    a, b = t
    return [a * b, a * (1 - b), (1 - a) * b, (1 - a) * (1 - b)]


def rational() -> ag.PolynomialMap:
    return ag.polynomial_map(["x/(1+y)", "x*y/3", "2", "y^-2"])


# Construction from functions


def test_one_vector() -> None:
    phi = ag.polynomial_map(independence, n_parameters=2, names=["p1", "p2", "p3", "p4"])
    assert (phi.n_parameters, phi.n_coordinates, phi.degree) == (2, 4, 2)
    assert phi.names == ("p1", "p2", "p3", "p4")
    assert phi.parameter_names == ("theta1", "theta2")
    assert phi([2, 3]).tolist() == [6, -4, -3, 2]
    assert sum(phi([Fraction(1, 3), Fraction(1, 7)])) == 1


def test_named_arrays_by_name_and_by_position() -> None:
    shapes = {"W1": (2, 3), "W2": (1, 2)}
    by_name = ag.polynomial_map(lambda W2, W1: W2 @ W1, parameters=shapes)
    by_position = ag.polynomial_map(lambda a, b: b @ a, parameters=shapes)
    by_keyword = ag.polynomial_map(lambda **w: w["W2"] @ w["W1"], parameters=shapes)
    assert by_name == by_position == by_keyword
    assert by_name.parameter_names[:4] == ("W1[0,0]", "W1[0,1]", "W1[0,2]", "W1[1,0]")
    W1, W2 = np.arange(6).reshape(2, 3), np.array([[5, 7]])
    expected = (W2 @ W1).ravel().tolist()
    assert by_name(np.concatenate([W1.ravel(), W2.ravel()])).tolist() == expected
    assert by_name(W1=W1, W2=W2).tolist() == expected
    assert by_name({"W2": W2.tolist(), "W1": W1}).tolist() == expected
    assert by_name.parameter_shapes == shapes


def test_scalars_and_lengths_as_shapes() -> None:
    phi = ag.polynomial_map(lambda s, v: s * v, parameters={"s": (), "v": 3})
    assert phi.parameter_names == ("s", "v[0]", "v[1]", "v[2]")
    assert phi([2, 3, 4, 5]).tolist() == [6, 8, 10]


def test_names_of_scalar_parameters() -> None:
    as_scalars = ag.polynomial_map(lambda a, b: [a * b], parameters=["a", "b"])
    as_vector = ag.polynomial_map(lambda t: [t[0] * t[1]], parameters=["a", "b"])
    assert as_scalars == as_vector
    assert as_vector.parameter_names == ("a", "b")
    assert as_scalars(a=2, b=3).tolist() == [6]


def test_callables_without_a_signature_and_with_defaults() -> None:
    assert ag.polynomial_map(np.sum, n_parameters=3)([1, 2, 3]).tolist() == [6]
    assert ag.polynomial_map(lambda t, k=2: t**k, n_parameters=1)([3]).tolist() == [9]
    assert ag.polynomial_map(np.outer, parameters={"a": 2, "b": 2})([1, 2, 3, 4]).tolist() == [3, 4, 6, 8]


def test_constant_zero_repeated_and_direct_coordinates() -> None:
    phi = ag.polynomial_map(lambda t: [3, t[0] - t[0], t[1], t[1], t[0] * 0.5], n_parameters=2)
    assert phi([4, 7]).tolist() == [3, 0, 7, 7, 2]
    assert phi.jacobian([4, 7]).tolist() == [[0, 0], [0, 0], [0, 1], [0, 1], [Fraction(1, 2), 0]]
    np.testing.assert_array_equal(phi.jacobian([4.0, 7.0]), [[0, 0], [0, 0], [0, 1], [0, 1], [0.5, 0]])
    values, defined = phi.tape.evaluate_modular(np.array([[4.0], [-7.0]]), 101)
    assert defined.all()
    assert values[:, 0].tolist() == [3, 0, -7, -7, 2]
    jacobian = phi.tape.jacobian_modular(np.array([4.0, -7.0]), 101)
    assert jacobian.tolist() == [[0, 0], [0, 0], [0, 1], [0, 1], [-50, 0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "how many parameters"),
        ({"n_parameters": 0}, "positive number"),
        ({"n_parameters": 1.5}, "positive number"),
        ({"n_parameters": True}, "positive number"),
        ({"parameters": {}}, "at least one parameter"),
        ({"parameters": []}, "at least one parameter"),
        ({"parameters": "ab"}, "one string"),
        ({"parameters": {"a": "x"}}, "not a shape"),
        ({"parameters": {"a": (0,)}}, "positive"),
        ({"parameters": {1: 2}}, "parameters has the entry 1; names are"),
        ({"parameters": {"W 1": 2}}, "parameters has the entry 'W 1'; names are"),
        ({"parameters": ["a", "2b"]}, "parameters has the entry '2b'; names are"),
        ({"parameters": ["a", "b"], "n_parameters": 2}, "give one of the two"),
        ({"parameters": ["a", "a"]}, "repeats the name 'a'"),
        ({"parameters": {"a": 2, "b": 2}}, "takes the arguments"),
        ({"parameters": ["a", "b"], "n_parameters": 3}, "give one of the two"),
        ({"n_parameters": 3}, "unpacks its argument"),
        ({"n_parameters": 2, "names": ["a"]}, "1 names, and the map has 4 coordinates"),
        ({"n_parameters": 2, "names": ["a", "b", "a", "c"]}, "repeats the name 'a'"),
        ({"n_parameters": 2, "names": "abcd"}, "one string"),
        ({"n_parameters": 2, "names": ["a", "b", "", "d"]}, "non-empty strings"),
        ({"n_parameters": 2, "names": ["a", "b", 3, "d"]}, "non-empty strings"),
        ({"n_parameters": 2, "names": ["a b", "1", "c", "d"]}, "entry 'a b'; .*letters, digits and underscores"),
        ({"n_parameters": 2, "names": ["a", "1", "c", "d"]}, "entry '1'; .*not begin with a digit"),
        ({"n_parameters": 2, "names": ["a", "b-c", "c", "d"]}, "entry 'b-c'; "),
        ({"n_parameters": 2, "names": ["a", "b[1", "c", "d"]}, "entry 'b\\[1'; "),
        ({"n_parameters": 2, "names": []}, "0 names"),
        ({"n_parameters": 2, "names": 3}, "not a list of names"),
        ({"n_parameters": 2, "symmetries": [3]}, "a symmetry is a pair"),
        ({"n_parameters": 2, "symmetries": [([0, 1], [0, 1])]}, "permutation of 0..3 of the coordinates"),
        ({"n_parameters": 2, "symmetries": [([0, 0], [0, 1, 2, 3])]}, "permutation of 0..1 of the parameters"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ag.polynomial_map(independence, **arguments)


def test_names_that_are_accepted() -> None:
    names = ["x[1, 2]", " y_1", "z'", "λ2[i,j]'"]
    phi = ag.polynomial_map(independence, n_parameters=2, names=names)
    assert phi.names == ("x[1,2]", "y_1", "z'", "λ2[i,j]'")


@pytest.mark.parametrize("parameters", [None, ["a b"]])
def test_names_of_symbols_are_checked(parameters: Any) -> None:
    with pytest.raises(InputError, match="entry 'a b'; names are"):
        ag.polynomial_map([sympy.Symbol("a b") ** 2], parameters=parameters)


def test_wrong_arguments_of_new_maps() -> None:
    phi = ag.polynomial_map(["a*b", "a", "b"])
    with pytest.raises(InputError, match="takes another PolynomialMap; 3 was given"):
        phi.compose(3)  # type: ignore[arg-type]
    for matrix in ([[1, 2], [1]], [[[1], 2, 3], [[1, 2], 3]], 3, [1, 2, 3], "ab"):
        with pytest.raises(InputError, match=r"shape \(k, 3\), its rows equally long"):
            phi.linear_change(matrix)
    with pytest.raises(InputError, match="list of coordinates"):
        phi.restrict(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="mask of 2 entries was given for 3 coordinates"):
        phi.restrict([True, False])


def test_restriction_by_a_mask() -> None:
    phi = ag.polynomial_map(["a*b", "a", "b"])
    expected = phi.restrict([0, 2])
    assert phi.restrict(np.array([True, False, True])) == phi.restrict([True, False, True]) == expected
    with pytest.raises(InputError, match="at least one"):
        phi.restrict([False] * 3)


def test_arity_of_the_function() -> None:
    with pytest.raises(InputError, match="not one vector"):
        ag.polynomial_map(lambda a, b: a * b, n_parameters=2)
    with pytest.raises(InputError, match="made from a function"):
        ag.polynomial_map(3)  # type: ignore[arg-type]


# Construction from strings and SymPy


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + b*c", 17),
        ("(a + b)*c", 25),
        ("-a^2", -4),
        ("(-a)^2", 4),
        ("a^b^2", None),
        ("2^3^2", 512),
        ("a**3 - b", 5),
        ("a - b - c", -6),
        ("b/c/a", Fraction(3, 10)),
        ("b/(c*a)", Fraction(3, 10)),
        ("2/3*a", Fraction(4, 3)),
        ("0.1*a", Fraction(1, 5)),
        (".5", Fraction(1, 2)),
        ("1.5e2 + 1E-1", Fraction(1501, 10)),
        ("a^-1", Fraction(1, 2)),
        ("a^(1+1)", 4),
        ("--a + +b", 5),
        ("2*-a", -4),
        (" a\t*\n b ", 6),
        ("((((a))))", 2),
        ("a*(1-b)*(1-c)", 16),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_expressions(text: str, value: Any) -> None:
    if value is None:
        with pytest.raises(NotPolynomialError, match="parameter in an exponent"):
            ag.polynomial_map([text], parameters=["a", "b", "c"])
    else:
        assert ag.polynomial_map([text], parameters=["a", "b", "c"])([2, 3, 5]).tolist() == [value]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("a b", r"at 'b' \(character 3\): an operator is missing"),
        ("2a", "an operator is missing"),
        ("(a", "closing parenthesis"),
        ("a)", r"at '\)'"),
        ("a +", "at its end: a number, a name"),
        ("* a", "a number, a name"),
        ("a $ b", r"'\$' at character 3"),
        ("a . b", r"'\.' at character 3"),
        ("d", "d is not one of the parameters a, b"),
        ("sin(a)", "there are no functions"),
        ("a(b)", "an operator is missing"),
        ("a/0", "divides by zero"),
        ("a/(b-b)", "divides by zero"),
        ("a^99999999", "too large"),
        ("9^999999", "too large to write down"),
        ("1e999999999", "too many digits"),
        ("(" * 500 + "a" + ")" * 500, "levels deep"),
        ("a" + "^1" * 500, "levels deep"),
        ("__import__('os')", "not one of the parameters|character|no functions"),
        ("a; b", "';' at character 2"),
    ],
)
def test_unreadable_expressions(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ag.polynomial_map([text], parameters=["a", "b"])


def test_roots_in_expressions() -> None:
    with pytest.raises(NotPolynomialError, match="exponent 1/2, a root"):
        ag.polynomial_map(["a^(1/2)"])
    with pytest.raises(NotPolynomialError, match="exponent 1/2, a root"):
        ag.polynomial_map(["a^0.5"])


def test_long_sums_are_no_recursion() -> None:
    assert ag.polynomial_map(["+".join(["a"] * 5000)])([1]).tolist() == [5000]


def test_names_of_parameters_in_natural_order() -> None:
    assert ag.polynomial_map(["x10*x2 + W[0, 1]", "x1"]).parameter_names == ("W[0,1]", "x1", "x2", "x10")
    assert ag.polynomial_map(["λ*x_1"]).parameter_names == ("x_1", "λ")
    phi = ag.polynomial_map(["W[0,1]*s"], parameters={"W": (1, 2), "s": ()})
    assert phi([2, 3, 5]).tolist() == [15]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "list of expressions is empty"),
        ((["1"],), "no parameters"),
        ((["a"], {"parameters": "a"}), "one string"),
        ((["a"], {"parameters": []}), "at least one parameter"),
        ((["a"], {"parameters": ["a", "a"]}), "repeats"),
        ((["a"], {"n_parameters": 2}), "n_parameters=2"),
    ],
)
def test_wrong_parameters_of_expressions(arguments: tuple[Any, ...], message: str) -> None:
    f, options = arguments if len(arguments) == 2 else (arguments[0], {})
    with pytest.raises(InputError, match=message):
        ag.polynomial_map(f, **options)


def test_single_expressions_and_nested_lists() -> None:
    assert ag.polynomial_map("a*b")([2, 3]).tolist() == [6]
    assert ag.polynomial_map([["a", "b"], ["1", 2]])([5, 7]).tolist() == [5, 7, 1, 2]


def test_sympy_expressions() -> None:
    a, b = sympy.symbols("a b")
    phi = ag.polynomial_map([a * b / (1 + b), (a + b) ** 3 - sympy.Rational(1, 3), a**-2, sympy.Integer(2), "a"])
    assert phi.parameter_names == ("a", "b")
    assert phi([2, 3]).tolist() == [Fraction(3, 2), 125 - Fraction(1, 3), Fraction(1, 4), 2, 2]
    assert ag.polynomial_map(a + b, parameters=["b", "a"])([1, 2]).tolist() == [3]
    assert ag.polynomial_map(sympy.Matrix([[a, b], [1, a * b]]))([2, 3]).tolist() == [2, 3, 1, 6]
    assert ag.polynomial_map([sympy.Float(0.5) * a]).has_float_constants
    for expression in (sympy.sin(a), sympy.sqrt(a), a**b, sympy.pi * a, sympy.oo, sympy.I * a):
        with pytest.raises(NotPolynomialError, match=r"exponents are integers|not a rational function"):
            ag.polynomial_map([expression, a])
    with pytest.raises(InputError, match="not one of the parameters"):
        ag.polynomial_map([a * b], parameters=["a"])


# Evaluation


def test_fields() -> None:
    phi = rational()
    exact = [Fraction(2, 4), Fraction(2), 2, Fraction(1, 9)]
    assert phi([2, 3]).tolist() == exact
    assert phi(np.array([2, 3])).tolist() == exact
    assert phi((Fraction(2), 3)).tolist() == exact
    floats = [float(v) for v in exact]
    for point in (np.array([2.0, 3.0]), [2, 3.0], np.array([2, 3], dtype=np.float32), [np.float64(2), Fraction(3)]):
        assert phi(point).dtype == np.float64
        np.testing.assert_allclose(phi(point), floats)
    for point in (np.array([2, 3 + 0j]), [2, 3 + 0j]):
        assert phi(point).dtype == np.complex128
        np.testing.assert_allclose(phi(point), floats)
    with mpmath.workdps(40):
        values = phi([mpmath.mpf(2), mpmath.mpf(3)])
        assert abs(values[3] - mpmath.mpf(1) / 9) < mpmath.mpf(10) ** -39
    assert phi([flint.fmpq(2), flint.fmpq(3)]).tolist() == [flint.fmpq(1, 2), 2, 2, flint.fmpq(1, 9)]
    x = sympy.symbols("x")
    assert phi([x, 3])[1] == x


def test_large_integers_stay_exact() -> None:
    phi = ag.polynomial_map(["a*b", "a+b"])
    big = 10**30 + 7
    assert phi([big, -1]).tolist() == [-big, big - 1]
    assert phi([2**63, -1]).tolist() == [-(2**63), 2**63 - 1]
    assert phi(np.array([2**62, 2**62])).tolist() == [2**124, 2**63]


@pytest.mark.parametrize("p", [101, 4194301, 2**61 - 1, 2**127 - 1])
def test_modular_evaluation(p: int) -> None:
    phi = rational()
    expected = [v.numerator * pow(v.denominator, -1, p) % p for v in map(Fraction, phi([2, 3]))]
    assert phi([2, 3], modulus=p).tolist() == expected
    assert phi([2 + p, Fraction(9, 3)], modulus=p).tolist() == expected
    jacobian = phi.jacobian([2, 3], modulus=p)
    exact = phi.jacobian([2, 3])
    assert jacobian.tolist() == [
        [Fraction(v).numerator * pow(Fraction(v).denominator, -1, p) % p for v in r] for r in exact
    ]


def test_batches() -> None:
    phi = rational()
    batch = np.array([[1, 2, 3], [4, 5, 6]])
    columns = [phi(batch[:, k]).tolist() for k in range(3)]
    assert phi(batch).T.tolist() == columns
    np.testing.assert_allclose(phi(batch.astype(float)), np.array(columns, dtype=float).T)
    assert phi.jacobian(batch).shape == phi.jacobian(batch.astype(float)).shape == (3, 4, 2)
    np.testing.assert_allclose(phi.jacobian(batch).astype(float), phi.jacobian(batch.astype(float)))
    np.testing.assert_allclose(phi.jacobian(batch[:, 1]).astype(float), phi.jacobian(batch[:, 1] + 0j))
    assert phi(np.zeros((2, 0))).shape == (4, 0)
    assert phi(np.zeros((2, 0), dtype=int)).shape == (4, 0)


def test_evaluation_inside_a_trace() -> None:
    line = ag.polynomial_map(["s", "s^2"])
    secant = ag.polynomial_map(lambda t: t[2] * line(t[:1]) + t[3] * line([t[1]]), n_parameters=4)
    assert secant([2, 3, 5, 7]).tolist() == [31, 83]
    batch = ag.polynomial_map(lambda t: line(t[None, :]), n_parameters=2)
    assert batch([2, 3]).tolist() == [2, 3, 4, 9]
    with pytest.raises(InputError, match=r"jacobian_tape"):
        ag.polynomial_map(lambda t: line.jacobian(t), n_parameters=1)


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ([1], "shape \\(1,\\) was given"),
        ([[1, 2]], "points as columns"),
        (np.zeros((2, 2, 2)), "points as columns"),
        (3, "not a vector"),
        (["1", "2"], "not a number"),
        ([None, 1], "not a number"),
        (np.array(["a", "b"]), "they are numbers"),
        ([3, -1], "denominator of the map vanishes"),
    ],
)
def test_wrong_points(point: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rational()(point)


def test_wrong_named_arrays() -> None:
    phi = ag.polynomial_map(lambda A: A, parameters={"A": (2, 2)})
    with pytest.raises(InputError, match="parameters of this map are A; B given"):
        phi(B=1)
    with pytest.raises(InputError, match="none given"):
        phi()
    with pytest.raises(InputError, match=r"A has shape \(2, 2\); shape \(3,\)"):
        phi(A=[1, 2, 3])
    with pytest.raises(InputError, match="not both"):
        phi([1, 2, 3, 4], A=1)


def test_denominators() -> None:
    phi = rational()
    with pytest.raises(InputError, match="vanishes"):
        phi.jacobian([1, -1])
    with pytest.raises(InputError, match="modulo 5"):
        phi([1, 4], modulus=5)
    with pytest.raises(InputError, match="modulo 3"):
        phi([1, 1], modulus=3)  # the constant 1/3
    with pytest.raises(InputError, match="prime"):
        phi([1, 1], modulus=1)
    with pytest.raises(InputError, match="integers and Fractions"):
        phi([1j, 1], modulus=7)
    assert np.isinf(phi([1.0, -1.0])[0])


# New maps from old


def test_compose() -> None:
    outer, inner = ag.polynomial_map(["u*v", "u+v"], names=["p", "q"]), ag.polynomial_map(["a^2", "a*b"])
    composed = outer.compose(inner)
    assert composed([2, 3]).tolist() == outer(inner([2, 3])).tolist() == [24, 10]
    assert composed.names == ("p", "q")
    assert composed.parameter_names == ("a", "b")
    with pytest.raises(InputError, match="phi after psi"):
        outer.compose(ag.polynomial_map(["a"]))


def test_linear_change() -> None:
    phi = ag.polynomial_map(["a", "b", "a*b"])
    matrix = [[1, 1, 0], [Fraction(1, 2), 0, 3]]
    changed = phi.linear_change(matrix, names=["u", "v"])
    assert changed([2, 5]).tolist() == [7, 31]
    assert changed.names == ("u", "v")
    assert phi.linear_change(np.eye(3)) == ag.PolynomialMap(phi.tape, parameter_names=("a", "b"))
    assert phi.linear_change(np.full((1, 3), 0.1)).has_float_constants
    for wrong in ([[1, 2]], [1, 2, 3], np.zeros((0, 3))):
        with pytest.raises(InputError, match="linear change of 3 coordinates"):
            phi.linear_change(wrong)


def test_restrict() -> None:
    phi = ag.polynomial_map(["a", "b", "a*b"], names=["u", "v", "w"], symmetries=[([1, 0], [1, 0, 2])])
    assert phi.restrict(["w", 0])([2, 3]).tolist() == [6, 2]
    assert phi.restrict([np.int64(-1)]).names == ("w",)
    assert phi.restrict(["w", "u"]).symmetries == ()
    ((tau, sigma),) = phi.restrict(["v", "w", "u"]).symmetries
    assert (tau.tolist(), sigma.tolist()) == ([1, 0], [2, 1, 0])
    for wrong, message in [
        (["x"], "'x' is not a coordinate"),
        ([3], "3 is not a coordinate"),
        ([-4], "not a coordinate"),
        ([True], "mask of 1 entries"),
        ([True, 1], "True is not a coordinate"),
        ([], "at least one"),
        ([0, "u"], "at most once"),
        ("u", r"takes a list of coordinates"),
    ]:
        with pytest.raises(InputError, match=message):
            phi.restrict(wrong)  # type: ignore[arg-type]


def check_symmetries(phi: ag.PolynomialMap) -> None:
    theta = np.random.default_rng(0).integers(-99, 99, phi.n_parameters)
    for tau, sigma in phi.symmetries:
        assert phi(theta[tau]).tolist() == phi(theta)[sigma].tolist()


def test_cone() -> None:
    phi = ag.polynomial_map(
        lambda a, b: [a, b, a * b], parameters=["a", "b"], names=["u", "v", "w"], symmetries=[([1, 0], [1, 0, 2])]
    )
    cone = phi.cone()
    assert cone.names == ("y0", "u", "v", "w")
    assert cone.parameter_names == ("a", "b", "t")
    assert cone([2, 3, 10]).tolist() == [10, 20, 30, 60]
    check_symmetries(phi)
    check_symmetries(cone)
    again = cone.cone()
    assert again.names[:2] == ("y0_1", "y0")
    assert again.parameter_names[-2:] == ("t", "t_1")
    assert again(a=2, b=3, t=10, t_1=7).tolist() == [7, 70, 140, 210, 420]
    check_symmetries(again)


# Values


def test_equality_hash_and_pickle() -> None:
    def make() -> ag.PolynomialMap:
        return ag.polynomial_map(independence, n_parameters=2, symmetries=[([1, 0], [0, 2, 1, 3])])

    phi = make()
    check_symmetries(phi)
    phi.jacobian([1, 2])  # fills caches, which do not travel
    copy = pickle.loads(pickle.dumps(phi))
    assert copy == phi == make()
    assert hash(copy) == hash(phi)
    assert len(pickle.dumps(phi)) < 3000
    assert copy([2, 3]).tolist() == phi([2, 3]).tolist()
    assert phi != ag.polynomial_map(independence, n_parameters=2)
    assert phi != ag.polynomial_map(independence, n_parameters=2, names=["a", "b", "c", "d"])
    assert phi != 3


def test_repr() -> None:
    assert repr(rational()) == "PolynomialMap(2 parameters -> 4 coordinates, 6 operations, rational, degree 5)"
    assert repr(ag.polynomial_map(["a"])) == "PolynomialMap(1 parameter -> 1 coordinate, 0 operations, degree 1)"


def test_degree_bounds() -> None:
    assert rational().degree_bounds() == ((1, 1), (2, 0), (0, 0), (0, 2))
    assert not rational().is_polynomial
    phi = ag.polynomial_map(["a^3*b", "1"])
    assert phi.is_polynomial
    assert phi.degree_bounds() == ((4, 0), (0, 0))
    assert phi.degree == 4


def test_shapes_must_make_up_the_parameters() -> None:
    with pytest.raises(InputError, match="do not make up"):
        ag.PolynomialMap(ag.polynomial_map(["a"]).tape, parameter_shapes={"a": (2,)})


def test_no_kernel_compiles_for_a_new_map() -> None:
    if not hasattr(kernels.evaluate_modular, "signatures"):
        pytest.skip("compilation is switched off")
    maps = [
        ag.polynomial_map(independence, n_parameters=2),
        rational(),
        ag.polynomial_map(lambda x: np.linalg.inv(x), parameters={"x": (3, 3)}),
        ag.polynomial_map(lambda x: ag.minors(x, 2), parameters={"x": (3, 4)}),
    ]
    functions = [kernels.evaluate_modular, kernels.evaluate_numeric, kernels.jacobian_modular, kernels.jacobian_numeric]
    counts = set()
    for phi in maps:
        theta = np.random.default_rng(0).integers(1, 50, phi.n_parameters).astype(float)
        phi.tape.evaluate_modular(theta[:, None], 101)
        phi.tape.jacobians_modular(theta[:, None], 101)
        for point in (theta, theta + 0j):
            phi(point)
            phi.jacobian(point)
        counts.add(tuple(len(function.signatures) for function in functions))
    assert len(counts) == 1

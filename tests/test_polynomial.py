"""Exact sparse polynomials."""

import copy
import itertools
import json
import math
import operator
import pickle
from fractions import Fraction

import flint
import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from algeom import Polynomial
from algeom.errors import InputError

NAMES = ("x", "y", "z")
X, Y, Z = Polynomial.variables(NAMES)
MERSENNE = (1 << 61) - 1

rationals = st.one_of(
    st.integers(-5, 5), st.integers(-(10**30), 10**30), st.fractions(min_value=-9, max_value=9, max_denominator=12)
)
term = st.tuples(st.tuples(*[st.integers(0, 3)] * 3), rationals)
polynomials = st.lists(term, max_size=6).map(lambda terms: Polynomial.from_terms(terms, NAMES))
integral = st.lists(st.tuples(st.tuples(*[st.integers(0, 3)] * 3), st.integers(-9, 9)), max_size=6).map(
    lambda terms: Polynomial.from_terms(terms, NAMES)
)
permutations = st.permutations(range(3))


def naive_value(f, point):
    """The sum of the terms, written out."""
    total = 0
    for exponents, c in f.terms():
        total += c * math.prod(v**e for v, e in zip(point, exponents, strict=True))
    return total


def is_canonical(f):
    degrees = f.exponents.sum(axis=1).tolist()
    keys = [(-d, tuple(-e for e in row)) for d, row in zip(degrees, f.exponents.tolist(), strict=True)]
    return (
        all(a < b for a, b in itertools.pairwise(keys))
        and all(type(c) is int or (type(c) is Fraction and c.denominator > 1) for c in f.coefficients)
        and all(f.coefficients)
    )


class TestConstruction:
    def test_merges_sorts_and_drops(self):
        f = Polynomial([[0, 1], [2, 0], [0, 1], [1, 1], [0, 0]], [2, 1, -2, Fraction(4, 2), 0])
        assert f.terms() == [((2, 0), 1), ((1, 1), 2)]
        assert f.names == ("y1", "y2")
        assert type(f.coefficients[1]) is int

    @given(polynomials)
    def test_canonical_form(self, f):
        assert is_canonical(f)
        assert Polynomial.from_terms(reversed(f.terms()), NAMES) == f
        assert Polynomial.from_terms(dict(f.terms()), NAMES) == f
        assert list(f) == f.terms()
        assert len(f) == len(f.coefficients) == len(f.exponents)

    def test_graded_lexicographic_order(self):
        monomials = [X**3, X**2 * Y, X * Y * Z, Y**3, Z**3, X * Y, Y**2, X, Z, X**0]
        assert str(sum(reversed(monomials))) == "x^3 + x^2*y + x*y*z + y^3 + z^3 + x*y + y^2 + x + z + 1"

    def test_other_number_types(self):
        c = [np.int64(2), flint.fmpz(3), flint.fmpq(1, 2), sympy.Rational(2, 3), True]
        f = Polynomial(np.eye(5, dtype=np.int64), c)
        assert f.coefficients == (2, 3, Fraction(1, 2), Fraction(2, 3), 1)
        assert is_canonical(f)

    def test_without_terms_or_variables(self):
        for zero in (
            Polynomial([], [], NAMES),
            Polynomial(np.zeros((0, 3)), []).rename(NAMES),
            Polynomial.from_terms([], NAMES),
            Polynomial.constant(0, NAMES),
            X - X,
        ):
            assert not zero
            assert zero == 0
            assert zero.degree == -1
            assert zero.n_variables == 3
            assert str(zero) == repr(zero) == zero.latex() == "0"
            assert zero([1, 2, 3]) == 0
        five = Polynomial(np.zeros((1, 0), np.int64), [5])
        assert five.n_variables == 0
        assert five([]) == five * 1 == 5
        assert five([], modulo=3) == 2
        assert str(five * five + 1) == "26"
        assert five.subs({}) == 5
        assert Polynomial.from_dict(five.to_dict()) == five

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Polynomial([[1, -1]], [1]), "-1"),
            (lambda: Polynomial([[1, 2**31]], [1]), "2147483648"),
            (lambda: Polynomial([[1.0, 2.0]], [1]), "float64"),
            (lambda: Polynomial([1, 2], [1, 1]), r"shape \(2,\)"),
            (lambda: Polynomial([[1, 2]], [1, 1]), "2 coefficients"),
            (lambda: Polynomial([[1, 2]], [0.5]), "Fraction"),
            (lambda: Polynomial([[1, 2]], ["1"]), "exact"),
            (lambda: Polynomial([[1, 2]], [1], ["a"]), "1 names"),
            (lambda: Polynomial([[1, 2]], [1], ["a", "a"]), "repeat"),
            (lambda: Polynomial([[1, 2]], [1], "ab"), "sequence of names"),
            (lambda: Polynomial([[1, 2]], [1], ["a", ""]), "nonempty"),
            (lambda: Polynomial([], []), "number of variables"),
            (lambda: Polynomial.from_terms([((1,), 1), ((1, 2), 1)]), "different numbers"),
        ],
    )
    def test_refusals(self, make, message):
        with pytest.raises(InputError, match=message):
            make()


class TestRing:
    @given(polynomials, polynomials, polynomials)
    def test_axioms(self, f, g, h):
        assert f + g == g + f
        assert (f + g) + h == f + (g + h)
        assert f * g == g * f
        assert (f * g) * h == f * (g * h)
        assert f * (g + h) == f * g + f * h
        assert f + 0 == f * 1 == +f == f
        assert f - f == f * 0 == 0
        assert f - g == f + (-g) == -(g - f)
        assert all(is_canonical(r) for r in (f + g, f * g, f - g, -f))

    @given(polynomials, rationals)
    def test_numbers_act_as_constants(self, f, c):
        constant = Polynomial.constant(c, NAMES)
        assert f + c == c + f == f + constant
        assert f - c == f - constant == -(c - f)
        assert f * c == c * f == f * constant
        if c:
            assert f / c * c == f
            assert is_canonical(f / c)
        assert f + np.int64(3) == np.int64(3) + f == f + flint.fmpz(3) == f + 3
        assert f * flint.fmpq(1, 2) == f / 2

    @given(integral, st.integers(0, 5))
    def test_power(self, f, n):
        assert f**n == math.prod([f] * n, start=Polynomial.constant(1, NAMES))

    @given(polynomials, polynomials)
    def test_product_agrees_with_flint(self, f, g):
        ring = flint.fmpq_mpoly_ctx.get(NAMES, flint.Ordering.deglex)
        assert Polynomial.from_flint(f.to_flint(ring) * g.to_flint(ring)) == f * g

    @pytest.mark.parametrize("e", [100, 255, 256, 40000, 2**30 - 1])
    def test_products_with_large_exponents(self, e):
        assert (X**e + Z) * (X**e - Z) == X ** (2 * e) - Z**2

    def test_exponents_stay_in_range(self):
        top = X ** (2**30)
        for product in (lambda: top * top, lambda: (top + 1) * (top + Y), lambda: top**2):
            with pytest.raises(InputError, match=r"2\^31"):
                product()

    @given(polynomials, polynomials)
    def test_equality_and_hash(self, f, g):
        assert (f == g) == (f.terms() == g.terms())
        if f == g:
            assert hash(f) == hash(g)
        h = Polynomial.from_terms(f.terms(), NAMES)
        assert h == f
        assert hash(h) == hash(f)

    def test_equality_with_numbers_and_other_rings(self):
        three, a = Polynomial.constant(3, NAMES), Polynomial.variables(["a", "b", "c"])[0]
        assert three == 3
        assert three == Fraction(3)
        assert hash(three) == hash(3)
        assert three == Polynomial.constant(3, ["a"])
        assert a != X
        assert a.rename(NAMES) == X
        assert X != 1
        assert X != "x"

    @pytest.mark.parametrize("operation", [operator.add, operator.sub, operator.mul])
    def test_different_variables_do_not_mix(self, operation):
        (a,) = Polynomial.variables(["a"])
        with pytest.raises(InputError, match="rename"):
            operation(a, X)

    def test_refusals(self):
        for operand in (0.5, "x", None, [1]):
            with pytest.raises(TypeError):
                X + operand
        with pytest.raises(TypeError):
            X / X
        with pytest.raises(ZeroDivisionError):
            X / 0
        for exponent in (-1, 0.5, True):
            with pytest.raises(InputError, match="nonnegative"):
                X**exponent

    def test_immutable(self):
        f = X + Y
        with pytest.raises(AttributeError, match="immutable"):
            f.names = ("a",)
        with pytest.raises(AttributeError, match="immutable"):
            del f._coefficients
        with pytest.raises(ValueError, match="read-only"):
            f.exponents[0, 0] = 5
        restored = pickle.loads(pickle.dumps(f))
        assert restored == f == copy.deepcopy(f)
        with pytest.raises(ValueError, match="read-only"):
            restored.exponents[0, 0] = 5


class TestScale:
    @given(polynomials, rationals)
    def test_primitive(self, f, c):
        g = f.primitive()
        assert all(type(a) is int for a in g.coefficients)
        if f:
            assert math.gcd(*g.coefficients) == 1
            assert g.leading_coefficient > 0
            assert g * f.leading_coefficient == f * g.leading_coefficient
        else:
            assert not g
        assert (f * c).equal_up_to_scale(f) == bool(c or not f)

    @given(polynomials, polynomials)
    def test_equal_up_to_scale_is_proportionality(self, f, g):
        proportional = f * g.leading_coefficient == g * f.leading_coefficient and bool(f) == bool(g)
        assert f.equal_up_to_scale(g) == proportional

    def test_height(self):
        assert Polynomial.constant(0, NAMES).height_bits == 0
        assert (255 * X - Y).height_bits == 8
        assert (X / 256 + 3).height_bits == 9


class TestDegrees:
    def test_homogeneity(self):
        f = X**2 * Y - 3 * Y * Z**2
        assert f.degree == 3
        assert f.is_homogeneous()
        assert not (f + X).is_homogeneous()
        assert f.multidegree([1, 1, 1]) == 3
        assert f.multidegree([[1, 1, 1], [0, 5, 0]]) == (3, 5)
        assert (X**2 - Y).is_homogeneous([[1, 2, 7]])
        assert not (X**2 - Y).is_homogeneous([[1, 2, 7], [1, 1, 1]])
        assert (X - X).is_homogeneous()
        with pytest.raises(InputError, match=r"term 1 has weight 3 and term 2 has 1"):
            (f - 3 * X**2 * Y + 3 * Y * Z**2 + X**2 * Y + X).multidegree([1, 1, 1])
        with pytest.raises(InputError, match="zero polynomial"):
            (X - X).multidegree([1, 1, 1])
        for weights in ([1, 2], [1.0, 2.0, 3.0], 1):
            with pytest.raises(InputError, match=r"\(3,\) or \(r, 3\)"):
                f.multidegree(weights)

    @given(integral)
    def test_homogenize(self, f):
        h = f.homogenize("t", index=1)
        assert h.names == ("x", "t", "y", "z")
        assert h.is_homogeneous()
        assert h.degree == f.degree
        assert h.dehomogenize("t") == h.dehomogenize(1) == f
        if f:
            taller = f.homogenize("t", degree=f.degree + 2)
            assert taller.is_homogeneous()
            assert taller.degree == f.degree + 2
            assert taller.dehomogenize() == f

    def test_homogenize_refusals(self):
        with pytest.raises(InputError, match="exists already"):
            X.homogenize("x")
        with pytest.raises(InputError, match="from 0 to 3"):
            X.homogenize("t", index=4)
        with pytest.raises(InputError, match="degree 2"):
            (X**2).homogenize("t", degree=1)


class TestVariables:
    @given(polynomials, polynomials)
    def test_derivative(self, f, g):
        for i, name in enumerate(NAMES):
            assert (f * g).derivative(i) == f.derivative(i) * g + f * g.derivative(name)
        assert f.derivative(0).derivative(1) == f.derivative(1).derivative(0)

    @given(integral)
    def test_euler(self, f):
        h = f.homogenize("t")
        variables = Polynomial.variables(h.names)
        euler = sum(v * h.derivative(i) for i, v in enumerate(variables))
        assert euler == h * max(h.degree, 0)

    @given(polynomials, permutations, permutations)
    def test_permute_is_an_action(self, f, s, t):
        y = [2, 3, 5]
        assert f.permute(s)(y) == f([y[i] for i in s])
        assert f.permute(s).permute(t) == f.permute(np.array(t)[list(s)])
        assert f.permute(range(3)) == f
        assert f.permute(s).permute(np.argsort(s)) == f
        assert f.permute(s).names == NAMES

    def test_permute_variable(self):
        assert X.permute([2, 0, 1]) == Z

    @given(integral, integral)
    def test_subs(self, f, g):
        assert f.subs({"x": g}) == f.compose([g, Y, Z])
        assert f.subs({0: Y, 1: X}) == f.permute([1, 0, 2])
        assert f.subs({"x": 2, "y": -1, "z": Fraction(1, 3)}) == f([2, -1, Fraction(1, 3)])
        assert f.subs({}) == f

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (lambda: X.derivative("w"), "no variable 'w'"),
            (lambda: X.derivative(3), "variable 3"),
            (lambda: X.dehomogenize(5), "variable 5"),
            (lambda: X.permute([0, 1]), "permutation"),
            (lambda: X.permute([0, 1, 1]), "permutation"),
            (lambda: X.subs({"x": 0.5}), "exact"),
            (lambda: X.rename(["a"]), "1 names"),
            (lambda: X.compose([1]), "1 elements"),
        ],
    )
    def test_refusals(self, call, message):
        with pytest.raises(InputError, match=message):
            call()


exact_points = st.lists(st.one_of(st.integers(-(10**20), 10**20), st.fractions()), min_size=3, max_size=3)


class TestEvaluation:
    @given(polynomials, exact_points)
    def test_value(self, f, y):
        assert f(y) == f(tuple(y)) == f(np.array(y, dtype=object)) == naive_value(f, y)

    @given(polynomials, polynomials, exact_points)
    def test_homomorphism_exact(self, f, g, y):
        assert (f + g)(y) == f(y) + g(y)
        assert (f * g)(y) == f(y) * g(y)

    @given(polynomials, polynomials, exact_points, st.sampled_from([101, MERSENNE, (1 << 127) - 1]))
    def test_homomorphism_modulo(self, f, g, y, p):
        assume(all(c.denominator % p for c in [*f.coefficients, *g.coefficients, *y]))
        a, b = f(y, modulo=p), g(y, modulo=p)
        assert type(a) is int
        assert 0 <= a < p
        assert (f + g)(y, modulo=p) == (a + b) % p
        assert (f * g)(y, modulo=p) == a * b % p
        value = Fraction(f(y))
        assert (a * value.denominator - value.numerator) % p == 0

    @given(integral, integral, st.integers(0, 2**32))
    def test_homomorphism_floating(self, f, g, seed):
        rng = np.random.default_rng(seed)
        real = rng.uniform(-2, 2, (3, 7))
        for y in (real, real + 1j * rng.uniform(-2, 2, (3, 7))):
            assert np.allclose((f * g)(y), f(y) * g(y), rtol=1e-9, atol=1e-6)
            assert np.allclose((f + g)(y), f(y) + g(y), rtol=1e-9, atol=1e-6)
            assert f(y).shape == (7,)
            assert f(y).dtype == y.dtype
            assert np.allclose([f(column) for column in y.T], f(y), atol=1e-9)
            assert np.isclose(f(y[:, 0].tolist()), f(y)[0], atol=1e-9)

    @given(polynomials)
    def test_mpmath(self, f):
        with mpmath.workdps(60):
            y = [mpmath.mpf(1) / 3, mpmath.mpf(2) / 7, mpmath.mpc(1, 1)]
            value = f(y)
            real, imaginary = sympy.expand(f.to_sympy().subs({"x": "1/3", "y": "2/7", "z": "1 + I"})).as_real_imag()
            expected = mpmath.mpc(*(mpmath.mpf(part.p) / part.q for part in (real, imaginary)))
            assert abs(value - expected) <= mpmath.mpf(10) ** -25  # coefficients go up to 10^30

    @given(polynomials)
    def test_other_rings(self, f):
        p = 1000003
        field = flint.fmpz_mod_ctx(p)
        value = f.compose([field(2), field(3), field(5)])
        assert int(value) == f([2, 3, 5], modulo=p)
        assert int(f([flint.nmod(2, p), flint.nmod(3, p), flint.nmod(5, p)])) == int(value)
        rational = f([flint.fmpq(1, 2), flint.fmpq(1), flint.fmpq(3)])
        assert Fraction(int(rational.p), int(rational.q)) == f([Fraction(1, 2), 1, 3])

    def test_composition_with_polynomial_rings(self):
        f = Polynomial([[1, 0, 0, 1], [0, 1, 1, 0]], [1, -1])
        ring = flint.fmpz_mpoly_ctx.get(("a", "b", "c", "d"), flint.Ordering.degrevlex)
        a, b, c, d = ring.gens()
        assert f.compose([a * c, a * d, b * c, b * d]) == 0
        assert f.compose([a, b, c, d]) == a * d - b * c
        over_q = flint.fmpq_mpoly_ctx.get(("a", "b", "c", "d"), flint.Ordering.deglex).gens()
        assert (f / 2 + 1).compose(over_q) == (over_q[0] * over_q[3] - over_q[1] * over_q[2]) / 2 + 1

    def test_batches_of_integers_are_exact(self):
        f = X**5 - Y
        y = np.array([[10**15, 2], [1, 2], [0, 0]])
        assert f(y).tolist() == [10**75 - 1, 30]
        assert f(y[:, 0]) == 10**75 - 1
        assert f(y, modulo=7).tolist() == [(10**75 - 1) % 7, 2]
        assert f(y, modulo=7).dtype == np.int64
        assert f(y, modulo=10**30).tolist() == [(10**75 - 1) % 10**30, 30]
        assert f([[1, 2], [3, 4], [5, 6]]).tolist() == [-2, 28]
        fractions = np.array([[Fraction(1, 2), 3], [0, Fraction(1, 3)], [0, 0]], dtype=object)
        assert f(fractions).tolist() == [Fraction(1, 32), Fraction(728, 3)]
        assert f(fractions, modulo=101).tolist() == [pow(32, -1, 101), 728 * pow(3, -1, 101) % 101]

    def test_balanced_residues_in_floating_point(self):
        y = np.array([[-1.0, 2.0], [3.0, -4.0], [0.0, 1.0]])
        assert (X * Y - Z)(y, modulo=11).tolist() == [8, 2]
        assert (X * Y - Z)(y[:, 0], modulo=11) == 8
        with pytest.raises(InputError, match="not integers"):
            X(y + 0.5, modulo=11)

    def test_dtypes(self):
        y = np.ones((3, 4))
        assert X(y.astype(np.float32)).dtype == np.float32
        assert (X - X)(y).tolist() == [0.0] * 4
        assert (X - X + 2)(y).tolist() == [2.0] * 4
        assert (X - X + 2)(y + 0j).dtype == np.complex128
        assert (X / 3)([1, 2.0, 3]) == 1 / 3
        assert isinstance((X + Y)([1.5, 2, 3]), float)
        assert (X + Y)(np.ones((3, 2, 5))).shape == (2, 5)

    def test_coefficients_beyond_double_precision(self):
        f = 10**400 * X
        assert f([2, 0, 0]) == 2 * 10**400
        assert f([mpmath.mpf(1), 0, 0]) == mpmath.mpf(10) ** 400
        with pytest.raises(InputError, match="mpmath"):
            f([1.0, 0.0, 0.0])

    @pytest.mark.parametrize(
        ("y", "message"),
        [
            ([1, 2], r"2 coordinates"),
            (np.ones((2, 3)), r"shape \(2, 3\)"),
            (np.float64(3.0), "cannot be evaluated"),
            (np.array(3.0), "1 coordinates"),
            (5, "cannot be evaluated"),
            ("xyz", "cannot be evaluated"),
            (["a", "b", "c"], "cannot be evaluated"),
            ([None, 1, 2], "cannot be evaluated"),
            (np.array(["a", "b", "c"]), "cannot be evaluated"),
            ([[1, 2], [3], [4]], "different lengths"),
            ({0: 1, 1: 2, 2: 3}, "cannot be evaluated"),
        ],
    )
    def test_refusals(self, y, message):
        with pytest.raises(InputError, match=message):
            (X + Y)(y)

    def test_refusals_modulo(self):
        for modulus in (1, 0, -7, 2.0, True):
            with pytest.raises(InputError, match="at least 2"):
                X([1, 2, 3], modulo=modulus)
        with pytest.raises(InputError, match="integers or Fractions"):
            X([0.5, 1, 2], modulo=7)
        for call in (
            lambda: X([Fraction(1, 7), 1, 2], modulo=7),
            lambda: (X / 7)([1, 1, 2], modulo=7),
            lambda: (X / 2)([1, 1, 2], modulo=6),
        ):
            with pytest.raises(ZeroDivisionError, match="no inverse"):
                call()
        with pytest.raises(InputError, match="2 coordinates"):
            X([1, 2], modulo=7)


class TestText:
    def test_str(self):
        y = Polynomial.variables(["y1", "y2"])
        assert str(2 * y[0] ** 2 * y[1]) == "2*y1^2*y2"
        assert str(-y[0] + Fraction(1, 2) * y[1] - 1) == "-y1 + 1/2*y2 - 1"
        assert repr(y[0] - y[1]) == str(y[0] - y[1]) == "y1 - y2"

    @given(polynomials)
    def test_str_is_complete(self, f):
        parsed = sympy.sympify(str(f).replace("^", "**"), rational=True)
        assert Polynomial.from_sympy(parsed, NAMES) == f

    def test_repr_is_a_counted_summary(self):
        f = (X + Y + Z) ** 12
        assert str(f).count("x") == 78
        assert repr(f).startswith("x^12 + 12*x^11*y + ")
        assert repr(f).endswith(" + ... (91 terms, degree 12)")
        assert len(repr(f)) < 260
        huge = 10**5000 * X
        assert str(huge) == "1" + "0" * 5000 + "*x"
        assert repr(huge) == str(huge)

    def test_latex(self):
        f = Polynomial.from_terms({(2, 1): -1, (0, 1): Fraction(-2, 3), (0, 0): 4}, ["y12", "theta_1"])
        assert f.latex() == r"-y_{12}^{2} \theta_{1} - \frac{2}{3} \theta_{1} + 4"
        assert f._repr_latex_() == f"${f.latex()}$"
        assert (X + Y + Z).__pow__(12)._repr_latex_().endswith(r"+ \cdots \quad (\text{91 terms})$")
        assert Polynomial([[1]], [1], ["a_b"]).latex() == r"\mathrm{a\_b}"


class TestConversion:
    @given(polynomials)
    def test_sympy_round_trip(self, f):
        expression = f.to_sympy()
        assert Polynomial.from_sympy(expression, NAMES) == f
        poly = sympy.Poly(expression, *sympy.symbols(NAMES), domain="QQ")
        assert Polynomial.from_sympy(poly) == f
        assert sympy.expand((f * f).to_sympy() - expression**2) == 0

    def test_from_sympy_orders_names_naturally(self):
        y1, y2, y10 = sympy.symbols("y1 y2 y10", positive=True)
        f = Polynomial.from_sympy((y10 - y2) * y1)
        assert f.names == ("y1", "y2", "y10")
        assert str(f) == "-y1*y2 + y1*y10"
        assert Polynomial.from_sympy(sympy.Integer(3), ["x"]) == 3
        assert Polynomial.from_sympy(sympy.Rational(3, 2)) == Fraction(3, 2)
        assert Polynomial.constant(7, []).to_sympy() == 7

    @pytest.mark.parametrize(
        ("expression", "message"),
        [
            (sympy.sin(sympy.Symbol("x")), "not a polynomial"),
            (1 / sympy.Symbol("x"), "not a polynomial"),
            (sympy.sqrt(2) * sympy.Symbol("x"), "not a polynomial"),
            (0.5 * sympy.Symbol("x"), "floats"),
            (sympy.Symbol("w"), "w, which names does not list"),
            ("x", "not a SymPy expression"),
            (sympy.Symbol("x") + sympy.Symbol("x", positive=True), "same name"),
        ],
    )
    def test_from_sympy_refusals(self, expression, message):
        with pytest.raises(InputError, match=message):
            Polynomial.from_sympy(expression, NAMES)

    @given(polynomials)
    def test_flint_round_trip(self, f):
        g = f.to_flint()
        integral_coefficients = all(isinstance(c, int) for c in f.coefficients)
        assert isinstance(g, flint.fmpz_mpoly if integral_coefficients else flint.fmpq_mpoly)
        assert Polynomial.from_flint(g) == f
        if f:
            assert tuple(map(int, g.monoms()[0])) == f.terms()[0][0]

    def test_flint_refusals(self):
        ring = flint.fmpz_mpoly_ctx.get(("a", "b"), flint.Ordering.lex)
        with pytest.raises(InputError, match="2 variables"):
            X.to_flint(ring)
        with pytest.raises(InputError, match="fmpq_mpoly_ctx"):
            (X / 2).dehomogenize("z").to_flint(ring)
        assert X.dehomogenize("z").to_flint(ring) == ring.gens()[0]
        with pytest.raises(InputError, match="1 names"):
            Polynomial.from_flint(ring.gens()[0], ["a"])
        with pytest.raises(InputError, match="given int"):
            Polynomial.from_flint(3)

    @given(polynomials)
    def test_dict_round_trip(self, f):
        assert Polynomial.from_dict(json.loads(json.dumps(f.to_dict()))) == f

    def test_dict_with_long_coefficients(self):
        f = (10**6000 + 1) * X - Y / 10**5000
        assert Polynomial.from_dict(json.loads(json.dumps(f.to_dict()))) == f

    @pytest.mark.parametrize(
        "data",
        [
            None,
            [],
            {},
            {"names": ["x"]},
            {"names": "x", "terms": []},
            {"names": ["x", "x"], "terms": []},
            {"names": [1], "terms": []},
            {"names": ["x"], "terms": 3},
            {"names": ["x"], "terms": [["1"]]},
            {"names": ["x"], "terms": [[1, []]]},
            {"names": ["x"], "terms": [["0.5", []]]},
            {"names": ["x"], "terms": [["1/0", []]]},
            {"names": ["x"], "terms": [["1e5", []]]},
            {"names": ["x"], "terms": [["1", [[1, 1]]]]},
            {"names": ["x"], "terms": [["1", [[-1, 1]]]]},
            {"names": ["x"], "terms": [["1", [[0, -1]]]]},
            {"names": ["x"], "terms": [["1", [[0, 0]]]]},
            {"names": ["x"], "terms": [["1", [[0, 1.0]]]]},
            {"names": ["x"], "terms": [["1", [[0, True]]]]},
            {"names": ["x"], "terms": [["1", [[0, 1], [0, 1]]]]},
            {"names": ["x"], "terms": [["1", [[0, 2**40]]]]},
            {"names": ["x"], "terms": [["1", 3]]},
        ],
    )
    def test_malformed_data(self, data):
        with pytest.raises(InputError):
            Polynomial.from_dict(data)

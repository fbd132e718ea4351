"""Certification by Krawczyk's test: theorems about zeros, decided for inputs whose zeros are known."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import ctx
from hypothesis import given
from hypothesis import strategies as st

import algeom as ag
from algeom.continuation.certify import certified_distinct, certify
from algeom.errors import InputError
from algeom.evidence import Status


def system(*equations, unknowns="x", parameters=""):
    return ag.polynomial_system(list(equations), unknowns=unknowns.split(), parameters=parameters.split())


def test_roots_of_unity_and_their_real_ones():
    for n in range(2, 13):
        roots = np.exp(2j * np.pi * np.arange(n) / n)
        result = certify(system(f"x^{n} - 1"), roots[None, :])
        assert result.count == n
        assert result.n_real == 2 - n % 2
        assert (result.real | result.nonreal).all()
        assert result.real.tolist() == (np.abs(roots.imag) < 1e-9).tolist()
        assert result.evidence.status is Status.PROVED


def test_products_of_systems_have_products_of_zeros():
    """x^a = 1, y^b = x: ab zeros; the real ones have x = +-1 and y a real root of it."""
    a, b = 6, 3
    first = np.exp(2j * np.pi * np.arange(a) / a)
    points = np.array([(x, x ** (1 / b) * np.exp(2j * np.pi * k / b)) for x in first for k in range(b)]).T
    rng = np.random.default_rng(0)
    noisy = points + 1e-6 * (rng.normal(size=points.shape) + 1j * rng.normal(size=points.shape))
    result = certify(system(f"x^{a} - 1", f"y^{b} - x", unknowns="x y"), np.hstack([noisy, points]))
    assert result.count == a * b
    assert result.n_real == 2
    assert result.same_as.tolist() == [*range(a * b), *range(a * b)]
    assert np.allclose(result.solutions, points, atol=1e-14)


def test_cyclic_5_has_70_regular_roots():
    """G. Bjorck and R. Froberg: 70 regular roots. Newton's method from random points finds them all."""
    names = [f"x{i}" for i in range(5)]
    equations = ["+".join("*".join(names[(i + j) % 5] for j in range(d)) for i in range(5)) for d in range(1, 5)]
    cyclic = system(*equations, "*".join(names) + " - 1", unknowns=" ".join(names))
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5, 4000)) + 1j * rng.normal(size=(5, 4000))
    with np.errstate(all="ignore"):
        for _ in range(60):
            jacobians = cyclic.jacobian(x)
            regular = np.abs(np.linalg.det(jacobians)) > 1e-12
            x, jacobians = x[:, regular], jacobians[regular]
            x = x - np.linalg.solve(jacobians, cyclic(x).T[:, :, None])[:, :, 0].T
    near = np.abs(cyclic(x)).max(axis=0) < 1e-8
    result = certify(cyclic, x[:, near][:, :1500])
    assert result.count == 70
    # The zero set is defined over the rationals: its conjugate is itself.
    found = result.solutions
    assert certify(cyclic, np.hstack([found, found.conj()])).count == 70
    assert (70 - result.n_real) % 2 == 0


def test_numbers_of_real_roots_by_sturm_chains():
    """Wilkinson's polynomial of degree 12 with a constant added: real roots meet and leave the line as it grows."""
    x = sympy.Symbol("x")
    coefficients = [int(c) for c in np.round(np.poly(np.arange(1, 13)))]
    counts = []
    for shift in (0, 10**6, 10**8, -(10**8)):
        shifted = [*coefficients[:-1], coefficients[-1] + shift]
        polynomial = sympy.Poly([sympy.Integer(c) for c in shifted], x)
        approximations = np.array([complex(root) for root in polynomial.nroots(n=20)])
        result = certify(system(" + ".join(f"({c})*x^{12 - k}" for k, c in enumerate(shifted))), approximations[None])
        assert result.count == 12
        assert result.n_real == polynomial.count_roots()
        counts.append(result.n_real)
    assert counts[0] == 12
    assert min(counts) < 8


def test_clusters_are_resolved_by_higher_precision():
    close = system("(x - 1)*(x - 1 - 1/10^9)")
    result = certify(close, [[1.0, 1.0 + 1e-9, 1.0 + 1e-13]])
    assert result.certified.all()
    assert result.same_as.tolist() == [0, 1, 0]
    assert result.n_real == 2
    # Doubles cannot hold these two apart: one point, its zero is found, the other one remains unknown.
    closer = system("x^2 - 2*x + 1 - x/10^40 + 1/10^40")
    result = certify(closer, [[1.0]])
    assert result.count == 1
    assert result.zeros[0].precision >= 256
    assert result.zeros[0].unique[0] < Fraction(1, 10**40)


def test_a_pair_of_conjugate_zeros_next_to_the_real_line_is_not_real():
    result = certify(system("x^2 + 1/10^24"), [[1e-12j, -1e-12j]])
    assert result.count == 2
    assert result.nonreal.all()
    assert result.n_real == 0


@pytest.mark.parametrize("offset", [0.0, 1e-3, 1e-8, 1e-15])
def test_multiple_roots_are_never_certified(offset):
    for multiplicity in (2, 3, 5):
        result = certify(system(f"(x - 1)^{multiplicity}*(x + 2)"), [[1 + offset, -2 + offset]])
        assert result.certified.tolist() == [False, True]
        assert "singular" in result.reasons[0]
        assert not result.reasons[1]


def test_a_line_of_zeros_is_never_certified():
    result = certify(system("x*y", "x*(y - 1)", unknowns="x y"), [[0.0, 1e-9], [0.3, 0.3]])
    assert not result.certified.any()
    assert result.count == 0


@given(st.floats(0.1, 3), st.floats(0, 2 * math.pi))
def test_points_far_from_all_zeros_are_not_certified(distance, angle):
    """All zeros of x^4 - 1 have absolute value one."""
    result = certify(system("x^4 - 1"), [[(1.2 + distance) * np.exp(1j * angle)]])
    assert not result.certified.any()


def test_a_linear_system_is_not_solved_for_the_caller():
    """Newton's method finds the zero from everywhere, and the given point is no approximation all the same."""
    result = certify(system("3*x - 1"), [[5.0, 1 / 3]])
    assert result.certified.tolist() == [False, True]
    assert "leads away" in result.reasons[0]


@given(st.sets(st.integers(-30, 30), min_size=1, max_size=6), st.integers(1, 9), st.data())
def test_polynomials_with_known_integer_roots(roots, leading, data):
    roots = sorted(roots)
    polynomial = f"{leading}*" + "*".join(f"(x - ({r}))" for r in roots)
    errors = [data.draw(st.floats(-1e-4, 1e-4)) for _ in roots]
    points = [r + e for r, e in zip(roots, errors, strict=True)]
    chosen = [data.draw(st.sampled_from(points)) for _ in range(2)]
    result = certify(system(polynomial), [points + chosen])
    assert result.certified.all()
    assert result.count == result.n_real == len(roots)
    for zero, r in zip(result.zeros, roots, strict=False):
        assert abs(zero.center[0][0] - r) <= zero.radii[0] < zero.unique[0]
        assert zero.center[0][1] == 0


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 9)), min_size=1, max_size=3, unique=True))
def test_flags_of_conjugate_pairs(pairs):
    """Quadratics (x - a)^2 + b^2 with b != 0, and one real root."""
    polynomial = "*".join(f"((x - ({a}))^2 + {b * b})" for a, b in pairs) + "*(x - 17)"
    points = [a + s * b * 1j for a, b in pairs for s in (1, -1)]
    result = certify(system(polynomial), [[*points, 17.0]])
    assert result.real.tolist() == [False] * len(points) + [True]
    assert result.nonreal.tolist() == [True] * len(points) + [False]


def test_parameters_are_taken_exactly():
    square = system("x^2 - a", parameters="a")
    third = certify(square, [[1 / math.sqrt(3)]], [Fraction(1, 3)]).zeros[0]
    rounded = certify(square, [[1 / math.sqrt(3)]], [1 / 3]).zeros[0]
    assert third.is_real
    for zero, value in ((third, Fraction(1, 3)), (rounded, Fraction(1 / 3))):
        low, high = zero.center[0][0] - zero.radii[0], zero.center[0][0] + zero.radii[0]
        assert low**2 <= value <= high**2
    # Zeros of a system with coefficients that are not real are not called real.
    complex_parameter = certify(square, [[1 + 0.5j]], [(1 + 0.5j) ** 2])
    assert complex_parameter.count == 1
    assert complex_parameter.n_real == 0
    huge = certify(square, [[10.0**200]], [10**400])
    assert huge.count == 1


def test_rational_systems_and_vanishing_denominators():
    rational = system("1/x + 1/y - 1", "x - 2*y", unknowns="x y")
    result = certify(rational, [[3.0, 0.0, 3.0], [1.5, 0.0, 0.0]])
    assert result.certified.tolist() == [True, False, False]
    assert "denominator" in result.reasons[1]


def test_coordinates_of_different_units():
    units = system("x^2 - 2*10^16", "y - x/10^14", "z^2*x - y", unknowns="x y z")
    root = math.sqrt(2) * 1e8
    result = certify(units, [[root, root], [root / 1e14, root / 1e14], [1e-7, -1e-7]])
    assert result.count == result.n_real == 2
    at_zero = system("x*(x - 1)", "y - x", unknowns="x y")
    assert certify(at_zero, [[1e-14, 0.0], [1e-17, 0.0]]).same_as.tolist() == [0, 0]


def test_nothing_depends_on_the_precision_outside():
    with ctx.workprec(10):
        result = certify(system("(x - 1)*(x - 1 - 1/10^9)"), [[1.0, 1.0 + 1e-9]])
        assert ctx.prec == 10
        pair = certify(system("x^2 + 1"), [[1j, -1j]])
        assert pair.nonreal.all()
    assert result.count == 2


def test_balls_hold_the_zero():
    result = certify(system("x^2 - 2"), [[1.414, 7.0]])
    (ball,) = result.balls[0]
    assert (ball * ball - 2).contains(0)
    assert result.balls[1] is None


def test_certificates_are_replayed_by_rational_arithmetic():
    """The sign of x^2 - 2 changes over the interval that a certificate gives, exactly."""
    zero = certify(system("x^2 - 2"), [[1.414]]).zeros[0]
    low, high = zero.center[0][0] - zero.radii[0], zero.center[0][0] + zero.radii[0]
    assert low**2 < 2 < high**2


def test_two_points():
    close = system("(x - 1)*(x - 1 - 1/10^9)")
    assert certified_distinct(close, [1.0], [1 + 1e-9]) is True
    assert certified_distinct(close, [1.0], [1 + 1e-14]) is False
    assert certified_distinct(system("(x - 1)^2"), [1.0], [1.1]) is None
    assert certified_distinct(system("x^2 - a", parameters="a"), [1.41], [-1.41], [2]) is True
    with pytest.raises(InputError, match="shapes"):
        certified_distinct(close, [1.0, 2.0], [1.0])


def test_result_pickles_prints_and_reports():
    events = []
    result = certify(system("x^2 - 2"), [[1.414, -1.414, math.nan, 30.0]], progress=events.append)
    again = pickle.loads(pickle.dumps(result))
    assert again.zeros == result.zeros
    assert repr(result) == "Certification(4 solutions: 2 certified, 2 distinct, 2 real)"
    assert "1 not certified: the point has an entry that is NaN" in str(result)
    assert events[-1].done == events[-1].total == 4
    assert len(result) == 4


def test_one_point_and_none():
    assert certify(system("x^2 - 2"), [1.414]).count == 1
    empty = certify(system("x^2 - 2"), np.empty((1, 0)))
    assert empty.count == empty.n_real == 0
    assert empty.solutions.shape == (1, 0)


def test_bad_input():
    square = system("x^2 - a", parameters="a")
    with pytest.raises(InputError, match="square system: replace"):
        certify(system("x", "x - 1"), [0.0])
    with pytest.raises(InputError, match="square system: add 1"):
        certify(system("x - y", unknowns="x y"), [0.0, 0.0])
    with pytest.raises(InputError, match="shape"):
        certify(square, [[1.0], [2.0]], [1])
    with pytest.raises(InputError, match="1 parameter"):
        certify(square, [1.0])
    with pytest.raises(InputError, match="one vector"):
        certify(square, [[1.0, 1.0]], [[1.0, 2.0]])
    with pytest.raises(InputError, match="finite"):
        certify(square, [1.0], [math.inf])
    with pytest.raises(InputError, match="bits"):
        certify(square, [1.0], [1.0], precision=10)
    with pytest.raises(InputError, match="max_distance"):
        certify(square, [1.0], [1.0], max_distance=0)
    with pytest.raises(InputError, match="not numbers"):
        certify(square, ["a"], [1.0])
    with pytest.raises(InputError, match="polynomial_system"):
        certify("x^2 - 1", [1.0])


def test_low_limits_of_precision_are_respected():
    closer = system("x^2 - 2*x + 1 - x/10^40 + 1/10^40")
    result = certify(closer, [[1.0]], precision=64)
    assert result.count == 0
    assert "64 bits" in result.reasons[0]

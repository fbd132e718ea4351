from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.lsrdr.operators.octonions import (
    FANO_LINES,
    clifford_matrices,
    octonion_product,
    octonion_similarity,
    octonion_units,
)

octonions = arrays(np.float64, 8, elements=st.integers(-9, 9).map(float))


def gamma(A, X, Y):
    return np.einsum("jab,bc,jdc->ad", A, Y, X.conj())


def commuting_sum_eigenvector(A, X):
    """An exact eigenvector of Gamma(A; X) where the terms A_j (.) X_j^* commute and each squares to a number: a product
    of their spectral projections, in Gaussian integers."""
    n, d = A.shape[1], X.shape[1]
    rng = np.random.default_rng(0)
    used = [j for j in range(len(A)) if X[j].any()]
    roots = []
    for j in used:
        Y = rng.integers(-3, 4, (n, d)) + 0j
        Y[:, ~X.any(axis=(0, 1))] = 0
        T = gamma(A[j : j + 1], X[j : j + 1], Y)
        square = gamma(A[j : j + 1], X[j : j + 1], T)
        plus = bool((square == Y).all())
        assert plus or (square == -Y).all()
        roots.append(1.0 if plus else 1j)
    best = 0
    for signs in product((1, -1), repeat=len(used)):
        mu = sum(s * z for s, z in zip(signs, roots, strict=True))
        if abs(mu) <= abs(best):
            continue
        Y = rng.integers(-3, 4, (n, d)) + 0j
        Y[:, ~X.any(axis=(0, 1))] = 0
        for j, s, z in zip(used, signs, roots, strict=True):
            Y = s * z * Y + gamma(A[j : j + 1], X[j : j + 1], Y)
        if Y.any() and (gamma(A, X, Y) == mu * Y).all():
            best = mu
    return best


def test_each_pair_of_units_is_on_one_line():
    pairs = [frozenset(pair) for line in FANO_LINES for pair in combinations(line, 2)]
    assert len(pairs) == len(set(pairs)) == 21


def test_not_associative():
    e1, e2, e3 = np.eye(8)[1:4]
    left, right = octonion_product(octonion_product(e1, e2), e3), octonion_product(e1, octonion_product(e2, e3))
    assert left.any()
    assert (left == -right).all()


@given(octonions, octonions)
def test_alternative_with_multiplicative_norm(x, y):
    xy = octonion_product(x, y)
    assert xy @ xy == (x @ x) * (y @ y)
    xx, yy = octonion_product(x, x), octonion_product(y, y)
    assert (octonion_product(x, xy) == octonion_product(xx, y)).all()
    assert (octonion_product(xy, y) == octonion_product(x, yy)).all()
    assert (octonion_product(octonion_product(x, y), x) == octonion_product(x, octonion_product(y, x))).all()


@given(octonions, octonions)
def test_left_multiplications(x, y):
    L = np.tensordot(x, octonion_units("all"), 1)
    assert (L @ y == octonion_product(x, y)).all()
    assert ((x @ x) * np.eye(8) == L @ L.T).all()


def test_clifford_relations_and_spectral_radius_of_the_superoperators():
    L = octonion_units()
    for i, j in product(range(7), repeat=2):
        assert (L[i] @ L[j] + L[j] @ L[i] == -2 * (i == j) * np.eye(8)).all()
    # A completely positive map with Phi(I) = r I has the spectral radius r.
    assert (gamma(L, L, np.eye(8)) == 7 * np.eye(8)).all()
    every = octonion_units("all")
    assert (gamma(every, every, np.eye(8)) == 8 * np.eye(8)).all()


@pytest.mark.parametrize("d", [1, 2, 4, 8])
def test_clifford_matrices_anticommute(d):
    g = clifford_matrices(d)
    assert len(g) == 2 * (d.bit_length() - 1) + 1
    for i, j in product(range(len(g)), repeat=2):
        assert (g[i] @ g[j] + g[j] @ g[i] == 2 * (i == j) * np.eye(d)).all()
    assert (g == g.conj().transpose(0, 2, 1)).all()


@pytest.mark.parametrize(
    ("units", "d", "field", "value"),
    [
        ("imaginary", 1, "real", "1/7"), ("imaginary", 1, "complex", "1/7"),
        ("imaginary", 2, "real", "2/7"), ("imaginary", 2, "complex", "3/7"),
        ("all", 1, "real", "1/8"), ("all", 1, "complex", "1/4"),
        ("all", 2, "real", "1/4"), ("all", 2, "complex", "1/2"),
        ("all", 5, "real", "5/8"), ("imaginary", 8, "real", "1"),
    ],
)  # fmt: skip
def test_values_known_from_numerical_optimization_are_proved(units, d, field, value):
    found = octonion_similarity(d, units, field)
    assert found.value == Fraction(value)
    assert found.evidence.status is Status.PROVED


@pytest.mark.parametrize("units", ["imaginary", "all"])
@pytest.mark.parametrize("field", ["real", "complex"])
@pytest.mark.parametrize("d", range(1, 9))
def test_witnesses_have_the_similarity_exactly(units, field, d):
    A, found = octonion_units(units), octonion_similarity(d, units, field)
    X = found.witness
    assert X.shape == (len(A), d, d)
    assert np.iscomplexobj(X) <= (field == "complex")
    assert found.lower <= found.upper <= 1
    # A positive semidefinite eigenvector that is definite on what X acts on gives rho(Phi(X)).
    support = np.diag(X.any(axis=(0, 1)).astype(float))
    image = gamma(X, X, support)
    rho = int(image[0, 0].real)
    assert (image == rho * support).all()
    if d == 8:
        mu: complex = rho
    elif units == "all" and field == "real":
        Y = np.eye(8)[:, :d]
        mu = d
        assert (gamma(A, X, Y) == d * Y).all()
    else:
        mu = commuting_sum_eigenvector(A, X)
    assert Fraction(round(abs(mu) ** 2), len(A) * rho) == found.lower


UNITS, FIELDS = st.sampled_from(["imaginary", "all"]), st.sampled_from(["real", "complex"])


@given(st.integers(0, 10**6), UNITS, FIELDS, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_random_matrices_stay_below_the_proved_bound(seed, units, field, d):
    rng = np.random.default_rng(seed)
    A = octonion_units(units)
    X = rng.standard_normal((len(A), d, d))
    if field == "complex":
        X = X + 1j * rng.standard_normal(X.shape)
    radius = max(abs(np.linalg.eigvals(np.einsum("jab,jcd->acbd", A, X.conj()).reshape(8 * d, 8 * d))))
    rho = max(abs(np.linalg.eigvals(np.einsum("jab,jcd->acbd", X, X.conj()).reshape(d * d, d * d))))
    assert radius**2 / (len(A) * rho) <= float(octonion_similarity(d, units, field).upper) + 1e-12


def test_errors_say_what_to_give():
    with pytest.raises(InputError, match="imaginary"):
        octonion_units("seven")
    with pytest.raises(InputError, match="8 coordinates"):
        octonion_product([1, 2], np.eye(8)[0])
    with pytest.raises(InputError, match="from 1 to 8"):
        octonion_similarity(9)
    with pytest.raises(InputError, match="real"):
        octonion_similarity(2, "all", "quaternion")
    with pytest.raises(InputError, match="power of 2"):
        clifford_matrices(3)

"""Quaternions against Hamilton's multiplication table, and their complex matrices."""

import pickle

import naive_lsrdr as naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError
from algeom.lsrdr.operators.quaternions import Quaternions

SMALL = st.integers(-9, 9)
QUATERNION = st.tuples(SMALL, SMALL, SMALL, SMALL)
ONE, I, J, K = (Quaternions.from_components(row) for row in np.eye(4))


def gaussian(rng, *shape):
    return Quaternions.from_components(rng.standard_normal((*shape, 4)))


def assert_close(p, q):
    np.testing.assert_allclose(p.components, q.components, atol=1e-12)


@given(QUATERNION, QUATERNION)
def test_products_are_hamiltons(p, q):
    P, Q = Quaternions.from_components(p), Quaternions.from_components(q)
    assert tuple((P * Q).components) == naive.hamilton_product(p, q)
    assert tuple((P + Q).components) == tuple(np.add(p, q))
    assert tuple((P - Q).components) == tuple(np.subtract(p, q))
    assert np.isclose((P * Q).norm, P.norm * Q.norm)
    assert ((P * Q).conj() == Q.conj() * P.conj()).all()


@given(QUATERNION, QUATERNION, QUATERNION)
def test_products_are_associative_and_distributive(p, q, s):
    P, Q, S = (Quaternions.from_components(x) for x in (p, q, s))
    assert ((P * Q) * S == P * (Q * S)).all()
    assert (P * (Q + S) == P * Q + P * S).all()
    assert ((P + Q) * S == P * S + Q * S).all()


def test_units():
    assert (I * J == K).all()
    assert (J * I == -K).all()
    assert (I * I == -ONE).all()
    assert (Quaternions(2 - 3j) * J == J * (2 + 3j)).all()
    assert (Quaternions(0, 2 + 3j) == (2 + 3j) * J).all()
    assert (np.array([1.0, 2.0]) * J == Quaternions(0, [1, 2])).all()
    assert (1 - I == -(I - 1)).all()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4), st.integers(1, 4))
def test_the_complex_form_is_a_homomorphism(seed, n, m, k):
    rng = np.random.default_rng(seed)
    A, B, C = gaussian(rng, n, m), gaussian(rng, m, k), gaussian(rng, n, m)
    np.testing.assert_allclose((A @ B).complex, A.complex @ B.complex, atol=1e-12)
    np.testing.assert_allclose((A + C).complex, A.complex + C.complex)
    np.testing.assert_allclose(A.H.complex, A.complex.conj().T)
    assert_close((A @ B).H, B.H @ A.H)
    assert_close(Quaternions.from_complex(A.complex), A)
    np.testing.assert_allclose(np.linalg.norm(A.complex) ** 2, 2 * (A.norm**2).sum())
    # The trace of the complex form is twice the real part of the trace.
    square = A @ A.H
    np.testing.assert_allclose(np.trace(square.complex), 2 * np.trace(square.components[..., 0]))


def test_matrix_products_are_sums_of_products():
    rng = np.random.default_rng(0)
    A, B = gaussian(rng, 2, 3, 2), gaussian(rng, 2, 2, 4)
    for s in range(2):
        for i in range(3):
            for k in range(4):
                assert_close((A @ B)[s, i, k], A[s, i, 0] * B[s, 0, k] + A[s, i, 1] * B[s, 1, k])
    real = rng.standard_normal((4, 3))
    assert_close(real @ A[0], Quaternions(real) @ A[0])
    assert_close(B[0] @ (1j * real), B[0] @ Quaternions(1j * real))


def test_arrays():
    rng = np.random.default_rng(1)
    A = gaussian(rng, 2, 3, 4)
    assert (A.shape, A.ndim, len(A)) == ((2, 3, 4), 3, 2)
    assert A[0, :, ::2].shape == (3, 2)
    assert A.reshape(6, 4).shape == A.reshape((6, 4)).shape == (6, 4)
    assert [row.shape for row in A] == [(3, 4), (3, 4)]
    np.testing.assert_array_equal(Quaternions.from_components(A.components).components, A.components)
    np.testing.assert_array_equal(abs(A), A.norm)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(A)).components, A.components)
    assert repr(A) == "Quaternions of shape (2, 3, 4)"
    assert repr(Quaternions.from_components([-1, 0.5, -2, 0])) == "Quaternions(-1 + 0.5i - 2j + 0k)"
    assert (A == 5).shape == A.shape
    assert A != "text"


def test_arrays_are_immutable():
    source = np.ones((2, 2), dtype=complex)
    A = Quaternions(source)
    source[0, 0] = 7
    assert A.a[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        A.a[0, 0] = 2
    with pytest.raises(AttributeError, match="immutable"):
        A.a = source
    with pytest.raises(TypeError, match="unhashable"):
        hash(A)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Quaternions("text"), "real or complex numbers"),
        (lambda: Quaternions([[1], [1, 2]]), "real or complex numbers"),
        (lambda: Quaternions(np.ones(2), np.ones(3)), r"shapes \(2,\) and \(3,\)"),
        (lambda: Quaternions.from_components([1, 2, 3]), "shape"),
        (lambda: Quaternions.from_components([1j, 0, 0, 0]), "complex128"),
        (lambda: Quaternions.from_components(3.0), "last axis"),
        (lambda: Quaternions.from_complex(np.eye(3)), "even number"),
        (lambda: Quaternions.from_complex(np.ones(2)), "even number"),
        (lambda: Quaternions.from_complex([[1, 2], [3, 4]]), "not of the form"),
        (lambda: Quaternions.from_complex([[np.nan, 0], [0, 0]]), "not of the form"),
        (lambda: Quaternions([1, 2]).complex, "no matrices"),
        (lambda: Quaternions([1, 2]).H, "no matrices"),
        (lambda: Quaternions(np.eye(2)) @ Quaternions(np.eye(3)), "cannot be multiplied"),
        (lambda: Quaternions(np.ones(2)) * Quaternions(np.ones(3)), "cannot be multiplied"),
        (lambda: Quaternions(np.ones(2)) + Quaternions(np.ones(3)), "cannot be added"),
    ],
)  # fmt: skip
def test_bad_arguments(make, message):
    with pytest.raises(InputError, match=message):
        make()

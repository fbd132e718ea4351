"""Steps of the iteration against their definition on full matrices; starts; projections by f; factors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_lsrdr import apply, apply_adjoint, radius

from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.reduction.compression import Compression
from algeom.lsrdr.reduction.dense_iteration import dense_step
from algeom.lsrdr.reduction.fixed_points import canonical, defects, dense_defects
from algeom.lsrdr.reduction.iteration import directions, move, published_move, step
from algeom.lsrdr.reduction.lanes import lane_steps
from algeom.lsrdr.reduction.projections import (
    State,
    distance,
    inner_product,
    inverse,
    orthonormal,
    quaternionic_part,
    transported,
)
from algeom.lsrdr.reduction.purification import balanced, purify, purify_factors
from algeom.lsrdr.reduction.starts import STARTS, random_starts
from algeom.lsrdr.spectra.spectral_radius import spectral_radius


def adjoint(M):
    return np.conj(M).swapaxes(-1, -2)


def complex_gaussian(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def problem(field, seed=0, r=3, n=5, d=2, k=3, kind="psd"):
    rng = np.random.default_rng(seed)
    if field == "quaternion":
        A = Quaternions(complex_gaussian(rng, r, n, n), complex_gaussian(rng, r, n, n)).complex
    else:
        A = complex_gaussian(rng, r, n, n) if field == "complex" else rng.standard_normal((r, n, n))
    return A, superoperator(A), random_starts(n, d, range(k), field, kind, seed, 0)


def naive_f(P, s):
    if math.isfinite(s):
        for _ in range(s):
            P = 3 * P @ P - 2 * P @ P @ P
        return P
    # the limit from eigenvalues: 1 where f goes to 1, else 0
    values, vectors = np.linalg.eig(P)
    return vectors @ np.diag(np.where(values.real > 0.5, 1.0, 0.0)) @ np.linalg.inv(vectors)


def naive_step(A, P, G, H, t, s):
    """G# = sum A_j^* G P A_j P and so on, as in the definition."""
    X = P @ A @ P
    new_G = sum(adjoint(a) @ G @ x for a, x in zip(A, X, strict=True))
    new_H = sum(a @ H @ adjoint(x) for a, x in zip(A, X, strict=True))
    new_G, new_H = new_G / np.trace(new_G), new_H / np.trace(new_H)
    return naive_f(P + t * (P @ adjoint(new_G) + new_H @ P), s), new_G, new_H


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
@pytest.mark.parametrize("s", [1, 3, math.inf])
def test_a_dense_step_is_its_definition(field, s):
    A, E, state = problem(field)
    P, G, H = state.S @ state.R, state.Z @ state.R, state.Y @ adjoint(state.S)
    after = dense_step(E, P, G, H, np.full(3, 0.05), s)
    for i in range(3):
        for ours, theirs in zip(after[:3], naive_step(A, P[i], G[i], H[i], 0.05, s), strict=True):
            np.testing.assert_allclose(ours[i], theirs, atol=1e-11)


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
@pytest.mark.parametrize("t", [0.05, 1.0, np.inf])
def test_a_low_rank_step_is_the_dense_one_to_second_order(field, t):
    """P is the projection along (P + t H P)(P + t P G^*), G and H as in the dense step."""
    A, E, state = problem(field, seed=1)
    after, increments = step(E, state, np.full(3, t))
    for i in range(3):
        P, G, H = state.S[i] @ state.R[i], state.Z[i] @ state.R[i], state.Y[i] @ adjoint(state.S[i])
        new_H = apply(A, P @ A @ P, H)
        new_G = apply_adjoint(A, P @ A @ P, G)
        new_H, new_G = new_H / np.trace(new_H), new_G / np.trace(new_G)
        if np.isinf(t):
            left, right = new_H @ P, P @ adjoint(new_G)
        else:
            left, right = P + t * new_H @ P, P + t * P @ adjoint(new_G)
        product = left @ np.linalg.pinv(right @ left, rcond=1e-10) @ right
        new_P = after.S[i] @ after.R[i]
        np.testing.assert_allclose(new_P, product, atol=1e-8)
        np.testing.assert_allclose(after.R[i] @ after.S[i], np.eye(len(after.R[i])), atol=1e-12)
        # what enters the next step
        np.testing.assert_allclose(after.Y[i] @ adjoint(after.S[i]), new_H @ adjoint(new_P), atol=1e-10)
        np.testing.assert_allclose(after.Z[i] @ after.R[i], new_G @ new_P, atol=1e-10)
        if t == 0.05:
            # increments to first order in their size
            size = np.linalg.norm(new_P - P)
            assert increments[i] == pytest.approx(size, rel=0.5)
            dense, _, _ = naive_step(A, P, G, H, t, math.inf)
            assert np.linalg.norm(new_P - dense) < 0.5 * size


@pytest.mark.parametrize("field", ["real", "complex"])
def test_steps_are_those_of_the_compiled_lanes(field):
    A, E, state = problem(field, seed=2, k=20)
    t = np.linspace(0.05, 2.0, 20)
    ours = state
    for _ in range(5):
        ours, increments = step(E, ours, t)
    theirs = lane_steps(A, state.S, state.R, state.Y, state.Z, t, 5)
    np.testing.assert_allclose(ours.S @ ours.R, theirs.S @ theirs.R, atol=1e-8)
    np.testing.assert_allclose(ours.Z @ ours.R, theirs.Z @ theirs.R, atol=1e-8)
    np.testing.assert_allclose(ours.Y @ adjoint(ours.S), theirs.Y @ adjoint(theirs.S), atol=1e-8)
    late = lane_steps(A, state.S, state.R, state.Y, state.Z, t, 300)
    near = State(late.S, late.R, late.Y, late.Z)
    _, increments = step(E, near, t)
    moved = lane_steps(A, *(getattr(near, name) for name in "SRYZ"), t, 1).increments
    small = (increments > 1e-12) & (increments < 1e-3)
    assert small.any()
    np.testing.assert_allclose(increments[small], moved[small], rtol=1e-2)


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
def test_published_factors_have_the_same_product(field):
    _, E, state = problem(field, seed=3)
    for t in (0.02, 0.1):
        found = directions(E, state)
        sizes = np.full(3, t)
        closed, factors = move(state, found, sizes), published_move(state, found, sizes)
        np.testing.assert_allclose(factors.S @ factors.R, closed.S @ closed.R, atol=1e-11)
        np.testing.assert_allclose(factors.R @ factors.S, closed.R @ closed.S, atol=1e-11)


@settings(max_examples=20, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 6), data=st.data())
def test_projections_near_matrices(seed, n, data):
    """f^s is the polynomial; its limit keeps eigenvectors, whole and in factors."""
    d = data.draw(st.integers(1, n))
    rng = np.random.default_rng(seed)
    C = np.linalg.qr(rng.standard_normal((n, n)))[0] + 0.2 * rng.standard_normal((n, n))
    values = np.concatenate([rng.uniform(0.6, 1.3, d), rng.uniform(-0.3, 0.4, n - d)])
    M = C @ np.diag(values) @ np.linalg.inv(C)
    expected = C @ np.diag([1.0] * d + [0.0] * (n - d)) @ np.linalg.inv(C)
    scale = np.linalg.cond(C) ** 2
    np.testing.assert_allclose(purify(M[None], 2)[0], naive_f(M, 2), atol=1e-12 * scale)
    np.testing.assert_allclose(purify(M[None])[0], expected, atol=1e-12 * scale)
    S, R = C[:, :d] * values[:d], np.linalg.inv(C)[:d]
    left, right = (part[0] for part in purify_factors(S[None], R[None]))
    np.testing.assert_allclose(left @ right, expected, atol=1e-11 * scale)
    np.testing.assert_allclose(right @ left, np.eye(d), atol=1e-11 * scale)


def test_matrices_that_have_no_projection():
    assert np.isnan(purify(np.array([[[3.0]]]))).all()
    assert np.isnan(purify_factors(np.array([[[3.0]]]), np.array([[[1.0]]]))[0]).all()
    # an eigenvalue below 1/2 goes to 0: the rank collapses
    S, R = purify_factors(np.diag([0.4, 0.9])[None], np.eye(2)[None])
    np.testing.assert_allclose(S @ R, [np.diag([0.0, 1.0])], atol=1e-15)


def test_balancing_keeps_the_product_and_equalizes_norms():
    rng = np.random.default_rng(4)
    S, R = 5 * rng.standard_normal((1, 6, 2)), 0.2 * rng.standard_normal((1, 2, 6))
    product = S @ R

    def imbalance(S, R):
        return np.linalg.norm(adjoint(S) @ S - R @ adjoint(R))

    before = imbalance(S, R)
    for _ in range(3000):
        S, R = balanced(S, R, 1e-3)
    np.testing.assert_allclose(S @ R, product, atol=1e-11)
    assert imbalance(S, R) < 1e-2 * before


@pytest.mark.parametrize("field", ["real", "complex", "quaternion"])
@pytest.mark.parametrize("kind", STARTS)
def test_random_starts(field, kind):
    state = random_starts(6, 2, [0, 1, 5], field, kind, 7, 0)
    P = state.S @ state.R
    np.testing.assert_allclose(P, adjoint(P), atol=1e-14)
    np.testing.assert_allclose(P @ P, P, atol=1e-14)
    assert state.S.dtype == (np.float64 if field == "real" else np.complex128)
    if field == "quaternion":
        for M in (state.S, state.R, state.Y, state.Z):
            np.testing.assert_allclose(quaternionic_part(M), M, atol=1e-14)
    # G P G^* of a Hermitian G has G P as its image; S^* G S tells what G is.
    compressed = adjoint(state.S) @ state.Z
    if kind != "gaussian":
        np.testing.assert_allclose(compressed, adjoint(compressed), atol=1e-12)
    if kind in ("psd", "identity"):
        assert np.linalg.eigvalsh(compressed).min() > 0
    # each start has a stream of its own
    alone = random_starts(6, 2, [5], field, kind, 7, 0)
    np.testing.assert_array_equal(alone.S[0], state.S[2])
    other = random_starts(6, 2, [5], field, kind, 7, 1)
    assert np.abs(other.S - alone.S).max() > 0.01


def test_random_projections_are_uniformly_distributed():
    """The mean of P is d/n, and E |P_12|^2 that of Haar measure."""
    for field, beta in (("real", 1), ("complex", 2)):
        P = (lambda s: s.S @ s.R)(random_starts(3, 1, range(4000), field, "identity", 3, 0))
        np.testing.assert_allclose(P.mean(axis=0), np.eye(3) / 3, atol=0.02)
        # moments of the Dirichlet distribution of (|x_1|^2, |x_2|^2, |x_3|^2) with parameters beta / 2
        expected = (beta / 2) ** 2 / (3 * beta / 2 * (3 * beta / 2 + 1))
        assert np.mean(np.abs(P[:, 0, 1]) ** 2) == pytest.approx(expected, rel=0.1)


@settings(max_examples=15, derandomize=True, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_geometry_of_projections_without_full_matrices(seed, data):
    n = data.draw(st.integers(2, 6))
    d = data.draw(st.integers(1, n - 1))
    rng = np.random.default_rng(seed)

    def random_pair():
        S = orthonormal(complex_gaussian(rng, 2, n, d))
        R = adjoint(S) + 0.2 * complex_gaussian(rng, 2, d, n)
        return S, inverse(R @ S) @ R

    (S, R), (T, Q) = random_pair(), random_pair()
    dS, dR = complex_gaussian(rng, 2, n, d), complex_gaussian(rng, 2, d, n)
    dT, dQ = complex_gaussian(rng, 2, n, d), complex_gaussian(rng, 2, d, n)
    full, other = S @ dR + dS @ R, T @ dQ + dT @ Q
    products = np.einsum("kij,kij->k", full.conj(), other).real
    np.testing.assert_allclose(inner_product((S, R, dS, dR), (T, Q, dT, dQ)), products, atol=1e-10)
    for i in range(2):
        exact = np.linalg.norm(S[i] @ R[i] - T[i] @ Q[i])
        assert distance(S[i], R[i], T[i], Q[i]) == pytest.approx(exact, rel=1e-10)
    new_S, new_R = transported((S, R, dS, dR), T, Q)
    P = T @ Q
    tangent = P @ full @ (np.eye(n) - P) + (np.eye(n) - P) @ full @ P
    np.testing.assert_allclose(T @ new_R + new_S @ Q, tangent, atol=1e-9)


def test_singular_matrices_have_no_inverse_and_no_basis():
    matrices = np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 2.0]]])
    assert np.isnan(inverse(matrices)[0]).all()
    np.testing.assert_array_equal(inverse(matrices)[1], np.diag([1.0, 0.5]))
    bases = orthonormal(np.array([[[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]]]))
    assert np.isnan(bases[0]).all()
    np.testing.assert_allclose(bases[1], np.eye(3)[:, :2], atol=1e-15)


@pytest.mark.parametrize("field", ["real", "complex"])
def test_compressions_are_gamma_and_phi_of_the_reduced_matrices(field):
    A, E, state = problem(field, seed=5)
    S, R = state.S[0], state.R[0] + 0.1 * state.R[1]
    R = np.linalg.solve(R @ S, R)
    X = R @ A @ S
    mixed, small = Compression(E, S, R, both=False), Compression(E, S, R, both=True)
    rng = np.random.default_rng(0)
    for map_, left, right in ((mixed, A, X), (small, X, X)):
        Y = rng.standard_normal(map_.shape)
        np.testing.assert_allclose(map_.apply(Y), apply(left, right, Y), atol=1e-11)
        np.testing.assert_allclose(map_.adjoint(Y), apply_adjoint(left, right, Y), atol=1e-11)
        assert spectral_radius(map_).value == pytest.approx(radius(left, right), rel=1e-8)
    assert small.hermitian_preserving
    assert small.is_completely_positive
    assert not mixed.is_completely_positive


def test_defects_from_factors_are_those_of_full_matrices():
    _, E, state = problem("complex", seed=6, k=1)
    found = directions(E, state)
    one = State(state.S, state.R, found.Y, found.Z)
    thin = defects(E, one)
    full = dense_defects(E, one.S[0] @ one.R[0], one.Z[0] @ one.R[0], one.Y[0] @ adjoint(one.S[0]))
    for name in ("projection", "image H", "image G", "traces"):
        assert thin[name] == pytest.approx(full[name], abs=1e-10)
    assert thin["image H"] > 0.1  # far from a fixed point
    # Both measure E(H P^*) P^* against H; one has the quotient of traces for lambda, the other the best multiple.
    assert full["eigenvector H"] > 0.1
    assert thin["eigenvector H"] > 0.1


def test_the_canonical_basis_is_a_change_of_basis():
    _, E, state = problem("complex", seed=7, k=1)
    for _ in range(60):
        state, _ = step(E, state, np.full(1, 2.0))
    changed = canonical(state)
    np.testing.assert_allclose(changed.S @ changed.R, state.S @ state.R, atol=1e-11)
    np.testing.assert_allclose(changed.Y @ adjoint(changed.S), state.Y @ adjoint(state.S), atol=1e-11)
    np.testing.assert_allclose(changed.Z @ changed.R, state.Z @ state.R, atol=1e-11)

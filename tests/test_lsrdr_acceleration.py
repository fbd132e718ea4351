"""Acceleration of the iteration: how many applications it saves, and that it finds the same points and no saddles."""

import numpy as np
import pytest

from algeom.lsrdr.operators.octonions import octonion_units
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_families import MatrixUnits
from algeom.lsrdr.operators.superoperators import Counted, superoperator
from algeom.lsrdr.reduction.acceleration import WINDOW, Anderson
from algeom.lsrdr.reduction.endings import Ending
from algeom.lsrdr.reduction.iteration import directions, move, moved
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.projections import State, distance
from algeom.lsrdr.reduction.search import UNSTABLE, Search, SearchOptions
from algeom.lsrdr.reduction.starts import random_starts

INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ],
    dtype=float,
)


def gaussian(seed, r, n):
    return np.random.default_rng(seed).standard_normal((r, n, n))


def quaternionic(seed, r, n):
    parts = np.random.default_rng(seed).standard_normal((4, r, n, n))
    return Quaternions(parts[0] + 1j * parts[1], parts[2] + 1j * parts[3])


def pendant_clique():
    adjacency = np.zeros((5, 5))
    adjacency[:4, :4] = 1 - np.eye(4)
    adjacency[3, 4] = adjacency[4, 3] = 1
    return MatrixUnits.from_weights(adjacency)


def matrix(P):
    return P.complex if isinstance(P, Quaternions) else P


@pytest.mark.parametrize(
    ("A", "d"),
    [
        (INTEGERS, 1),
        (INTEGERS, 2),
        (INTEGERS, 3),
        (gaussian(12, 4, 6), 3),
        pytest.param(gaussian(5, 5, 8), 3, marks=pytest.mark.slow),
        pytest.param(quaternionic(21, 3, 4), 2, marks=pytest.mark.slow),
        (pendant_clique(), 4),
    ],
    ids=["integers, 1", "integers, 2", "integers, 3", "n = 6", "n = 8", "quaternions", "graph"],
)
def test_acceleration_saves_nineteen_of_twenty_applications(A, d):
    """Counted inside E and E^*, examination of the best point included; to increments of 1e-13 without it."""
    fast = lsrdr(A, d, rng=1, starts=4)
    # Residuals do not depend on t; increments of 1e-13 at t = 0.05 mean residuals some 10 to 50 times as large.
    plain = lsrdr(A, d, rng=1, starts=4, t=0.05, accelerate=False, tolerance=1e-12)
    assert all(record.ending is Ending.CONVERGED for record in plain.starts)
    assert max(np.nanmin(history.increments) for history in plain.histories) < 1e-12
    assert plain.applications >= 20 * fast.applications
    assert fast.residual < 1e-12
    assert plain.similarity == pytest.approx(fast.similarity, abs=1e-12)
    assert np.linalg.norm(matrix(fast.P) - matrix(plain.P)) < 1e-10


def test_applications_are_counted_inside_the_map():
    counted = Counted(superoperator(gaussian(2, 3, 5)))
    search = Search(counted, random_starts(5, 2, range(3), "real", "psd", 1, 0), SearchOptions(None, True, 1e-13, 500))
    assert search.run()
    assert counted.applications == 2 * search.steps.sum()


@pytest.mark.parametrize("A", [INTEGERS, INTEGERS + 1j * INTEGERS.swapaxes(1, 2)], ids=["real", "complex"])
def test_compiled_steps_are_counted_and_lead_to_the_same_points(A):
    """With a number t and no acceleration small problems run in lanes; with `published_move` never."""
    options = {"rng": 1, "starts": 1, "t": 0.1, "accelerate": False, "tolerance": 1e-11}
    lanes = lsrdr(A, 2, **options)
    numpy = lsrdr(A, 2, retraction="iterated", **options)
    assert len(lanes.history) < lanes.starts[0].steps / 8  # looked at now and then
    assert len(numpy.history) == numpy.starts[0].steps
    for first, second in zip(lanes.starts, numpy.starts, strict=True):
        assert 0 <= first.steps - second.steps <= 40
    assert lanes.applications == 2 * sum(record.steps for record in lanes.starts)
    assert np.linalg.norm(matrix(lanes.P) - matrix(numpy.P)) < 1e-8


def converged(A, d, seed=1):
    E = superoperator(A)
    n = E.n
    search = Search(E, random_starts(n, d, range(1), "real", "psd", seed, 0), SearchOptions(None, True, 1e-13, 2000))
    search.run()
    assert search.endings == [Ending.CONVERGED]
    return E, search


def jacobian_eigenvalues(E, state, t, inertia=0.2):
    """Eigenvalues of the linear part of a step in the chart around a fixed point, by central differences."""
    _, n, d = state.S.shape

    def step(vectors):
        k = len(vectors)
        S, R, Y, Z = (
            part.reshape(k, *shape)
            for part, shape in zip(np.split(vectors, 4, axis=1), [(n, d), (d, n), (n, d), (n, d)], strict=True)
        )
        R = np.linalg.solve(R @ S, R)
        here = State(S, R, Y, Z)
        found = directions(E, here)
        there = moved(here, found, move(here, found, np.full(k, t)), np.full(k, inertia))
        C, D = np.linalg.inv(state.R @ there.S), np.linalg.inv(there.R @ state.S)
        S, R = there.S @ C, D @ there.R
        Y, Z = there.Y @ np.linalg.inv(C).swapaxes(1, 2), there.Z @ np.linalg.inv(D)
        return np.concatenate([part.reshape(k, -1) for part in (S, R, Y, Z)], axis=1)

    point = np.concatenate([part.reshape(1, -1) for part in (state.S, state.R, state.Y, state.Z)], axis=1)
    shifts = 1e-6 * np.eye(point.shape[1])
    differences = (step(point + shifts) - step(point - shifts)) / 2e-6
    return np.linalg.eigvals(differences)


def test_growth_is_an_eigenvalue_of_the_linear_part():
    E, search = converged(INTEGERS, 2)
    t = search.histories()[0].t[-1]
    eigenvalues = jacobian_eigenvalues(E, search.state, t)
    assert search.growth[0] == pytest.approx(eigenvalues.real.max(), abs=0.05)
    assert eigenvalues.real.max() < 1


def test_saddles_are_told_from_maxima_and_left():
    """On this tuple acceleration comes to a saddle from some start; it is recognized and left for a maximum."""
    A = gaussian(6, 4, 6)
    E = superoperator(A)
    starts = random_starts(6, 3, range(12), "real", "psd", 0, 0)
    search = Search(E, starts, SearchOptions(None, True, 1e-13, 2000))
    search.run()
    assert search.departures.sum() > 0
    assert search.growth.max() < 1
    for i in range(12):
        assert jacobian_eigenvalues(E, search.state[[i]], 1.5).real.max() < 1
    i = int(search.departures.argmax())
    saddle = search._left[[i]]
    assert directions(E, saddle).residual[0] < 1e-12
    assert jacobian_eigenvalues(E, saddle, 1.5).real.max() > 1.01
    assert directions(E, saddle).eigenvalue[0] < search.eigenvalues[i].real


def test_a_saddle_that_is_given_is_left():
    """The orthogonal sum of two maxima of blocks with different radii has coordinate saddles."""
    A = np.zeros((2, 3, 3))
    A[0] = np.diag([3.0, 2.0, 1.0])
    A[1] = np.diag([1.0, -2.0, 1.0])
    # Coordinate projections of rank 1 are fixed points; that onto the last coordinate is no maximum.
    E = superoperator(A)
    for place, similarity in ((0, np.sqrt(10)), (2, np.sqrt(2))):
        S = np.eye(3)[:, [place]]
        found = directions(E, State(S[None], S.T[None], S[None], S[None]))
        assert found.residual[0] < 1e-15
        assert np.sqrt(found.eigenvalue[0]) == pytest.approx(similarity)
    near = np.array([[1e-3], [1e-3], [1.0]])
    result = lsrdr(A, 1, rng=1, starts=[near])
    assert result.similarity == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(result.P, np.diag([1.0, 0.0, 0.0]), atol=1e-10)


def test_projections_that_are_not_isolated_are_reported():
    """Left multiplications by the imaginary octonions: automorphisms take one best projection to others."""
    result = lsrdr(octonion_units(), 2, rng=1, starts=6, field="complex")
    assert result.residual < 1e-10
    assert result.similarity**2 == pytest.approx(3 / 7, abs=1e-12)
    best = result.agreement.fixed_points[0]
    assert best.isolated is False
    assert "not isolated" in result.evidence.reason
    similarities = [point.similarity for point in result.agreement.fixed_points]
    np.testing.assert_allclose(similarities, similarities[0], atol=1e-9)


def test_acceleration_solves_a_linear_problem_in_as_many_steps_as_it_has_dimensions():
    """The map S -> S0 + B (S - S0) is linear in the chart: residuals vanish once the window spans the space."""
    rng = np.random.default_rng(3)
    n, d = 3, 1
    B = np.diag([0.9, -0.8, 0.0]) + np.triu(rng.standard_normal((3, 3)), 1)
    B[:, 2] = B[2] = 0.0  # the last coordinate stays, so that the pairing with R0 does
    S0 = np.array([[[0.0], [0.0], [1.0]]])
    start = State(S0 + np.array([[[1.0], [2.0], [0.0]]]), S0.swapaxes(1, 2), S0, S0)
    anderson = Anderson(1, n, d, np.dtype(np.float64))
    anderson.begin(np.array([0]), start)
    index, state = np.array([0]), start
    for _ in range(4):
        image = State(S0 + B @ (state.S - S0), state.R, state.Y, state.Z)
        state = anderson.advance(index, image)
    np.testing.assert_allclose(state.S, S0, atol=1e-12)
    value, _ = anderson.growth(0)
    assert value == pytest.approx(0.9, abs=1e-6)
    assert WINDOW > 4


def test_without_acceleration_adaptive_steps_alone_come_to_the_same_point():
    fast = lsrdr(INTEGERS, 2, rng=1, starts=3)
    alone = lsrdr(INTEGERS, 2, rng=1, starts=3, accelerate=False)
    assert not alone.history.accelerated.any()
    assert alone.applications > fast.applications
    assert np.linalg.norm(alone.P - fast.P) < 1e-10
    assert alone.agreement.fixed_points[0].stable is None


def test_endpoints_of_different_starts_are_compared_by_projections():
    E, first = converged(INTEGERS, 2, seed=1)
    _, second = converged(INTEGERS, 2, seed=2)
    a, b = first.state, second.state
    exact = np.linalg.norm(a.S[0] @ a.R[0] - b.S[0] @ b.R[0])
    assert distance(a.S[0], a.R[0], b.S[0], b.R[0]) == pytest.approx(exact, abs=1e-14)
    assert exact < 1e-11
    assert max(first.growth[0], second.growth[0]) < UNSTABLE
    assert E.n == 4

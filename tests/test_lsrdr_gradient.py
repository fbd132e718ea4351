import inspect
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.lsrdr.gradients import dominant as dominant_module
from algeom.lsrdr.gradients.coordinates import Compressions, Coordinates, FreeTuples, embedded_tuple
from algeom.lsrdr.gradients.dominant import dominant
from algeom.lsrdr.gradients.maximization import maximize_similarity
from algeom.lsrdr.gradients.norms import SchattenNorm, SpectralRadiusNorm
from algeom.lsrdr.gradients.perron import balancing, perron_pair
from algeom.lsrdr.operators.matrix_families import DenseMatrices
from algeom.lsrdr.operators.octonions import octonion_similarity, octonion_units
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.spectra.similarity import similarity

INTEGERS = [
    [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
    [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
    [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
]
FIELDS = ["real", "complex", "quaternion"]
NORMS = [SpectralRadiusNorm(), SchattenNorm(1), SchattenNorm(3.5), SchattenNorm(np.inf, "column")]


def random_tuple(rng, r, n, field):
    parts = rng.standard_normal((4, r, n, n))
    if field == "quaternion":
        return Quaternions.from_components(np.moveaxis(parts, 0, -1))
    return parts[0] if field == "real" else parts[0] + 1j * parts[1]


def matrix_of(A, X):
    n, d = A.shape[1], X.shape[1]
    return sum(np.kron(a, x.conj()) for a, x in zip(A, X, strict=True)).reshape(n * d, n * d)


def radius(A, X):
    return max(abs(np.linalg.eigvals(matrix_of(A, X))))


def superoperator(A, X, Y):
    return sum(a @ Y @ x.conj().T for a, x in zip(A, X, strict=True))


# Derivatives


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("parametrization", ["free", "projection"])
@given(seed=st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_gradients_of_log_similarity_are_difference_quotients(field, parametrization, seed):
    rng = np.random.default_rng(seed)
    n, d, r = 4, 2, 3
    A = DenseMatrices(embedded_tuple(random_tuple(rng, r, n, field), None)[0])
    space = FreeTuples(Coordinates(field, (r, d, d)))
    if parametrization == "projection":
        space = Compressions(A, Coordinates(field, (d, n)), Coordinates(field, (n, d)))
    x, step = rng.standard_normal(space.count), rng.standard_normal(space.count)
    found = dominant(A, space.matrices(x))
    if found.separation < 1e-2 or found.condition > 50:
        return  # near a kink, or too curved for differences
    gradient = space.pull_back(x, found.log_gradient(A))

    def log_radius(t):
        return math.log(abs(dominant(A, space.matrices(x + t * step)).value))

    h = 1e-5
    differences = (8 * (log_radius(h) - log_radius(-h)) - (log_radius(2 * h) - log_radius(-2 * h))) / (12 * h)
    assert gradient @ step == pytest.approx(differences, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("norm", NORMS, ids=repr)
@given(seed=st.integers(0, 10**6), is_complex=st.booleans())
@settings(max_examples=10, deadline=None)
def test_gradients_of_norms_are_difference_quotients(norm, seed, is_complex):
    rng = np.random.default_rng(seed)
    field = "complex" if is_complex else "real"
    X, step = (random_tuple(rng, 3, 3, field) for _ in range(2))
    value, gradient = norm.log_and_gradient(X)
    assert math.exp(value) == pytest.approx(norm(X))
    h = 1e-5
    logs = [norm.log_and_gradient(X + t * h * step)[0] for t in (2, 1, -1, -2)]
    differences = (-logs[0] + 8 * logs[1] - 8 * logs[2] + logs[3]) / (12 * h)
    assert np.vdot(gradient, step).real == pytest.approx(differences, rel=1e-5, abs=1e-6)
    # Homogeneous of degree one: log N grows by log(1 + t) along X.
    assert np.vdot(gradient, X).real == pytest.approx(1)


@given(st.integers(0, 10**6), st.sampled_from(["real", "complex"]))
@settings(max_examples=10, deadline=None)
def test_norms_bound_the_spectral_radius_and_decrease_in_p(seed, field):
    X = random_tuple(np.random.default_rng(seed), 3, 4, field)
    squares = np.einsum("jab,jcb->ac", X, X.conj())
    for p in (1, 2, 5):
        assert SchattenNorm(p)(X) ** 2 == pytest.approx(np.linalg.norm(np.linalg.eigvalsh(squares), p))
    values = [SchattenNorm(p)(X) for p in (1, 1.5, 2, 8, np.inf)] + [SpectralRadiusNorm()(X)]
    assert all(a >= b * (1 - 1e-12) for a, b in pairwise(values))
    assert SpectralRadiusNorm()(X) ** 2 == pytest.approx(radius(X, X))
    assert SchattenNorm(2, "column")(X) == pytest.approx(SchattenNorm(2)(X.conj().transpose(0, 2, 1)))
    assert SchattenNorm(1)(1e-200 * X) == pytest.approx(1e-200 * np.linalg.norm(X))


@pytest.mark.parametrize("field", FIELDS)
def test_coordinates_are_a_bijection(field):
    rng = np.random.default_rng(0)
    entries = Coordinates(field, (3, 2, 2))
    x = rng.standard_normal(entries.count)
    assert entries.coordinates(entries.matrices(x)) == pytest.approx(x)
    space = FreeTuples(entries)
    C = entries.matrices(rng.standard_normal(entries.count))[0]
    expected = 2.0 * C @ entries.matrices(x) @ np.linalg.inv(C)
    assert space.matrices(space.conjugated(x, C, 2.0)) == pytest.approx(expected)
    A = DenseMatrices(embedded_tuple(random_tuple(rng, 3, 4, field), None)[0])
    pairs = Compressions(A, Coordinates(field, (2, 4)), Coordinates(field, (4, 2)))
    x = rng.standard_normal(pairs.count)
    expected = 2.0 * C @ pairs.matrices(x) @ np.linalg.inv(C)
    assert pairs.matrices(pairs.conjugated(x, C, 2.0)) == pytest.approx(expected)


# Eigenvectors


@pytest.mark.parametrize("field", ["real", "complex"])
def test_matrix_free_and_dense_eigenvectors_agree(field, monkeypatch):
    rng = np.random.default_rng(3)
    A = DenseMatrices(random_tuple(rng, 3, 8, field))
    X = random_tuple(rng, 3, 5, field)
    for arguments in ((A, X), (A, None)):
        monkeypatch.setattr(dominant_module, "_DENSE_SIZE", 1000)
        dense = dominant(*arguments)
        monkeypatch.setattr(dominant_module, "_DENSE_SIZE", 10)
        few = dominant(*arguments)
        again = dominant(*arguments, start=few)
        for found in (few, again):
            assert found.value == pytest.approx(dense.value, rel=1e-12)
            assert found.separation == pytest.approx(dense.separation, abs=1e-9)
            assert found.condition == pytest.approx(dense.condition, rel=1e-9)
            assert found.log_gradient(A) == pytest.approx(dense.log_gradient(A), abs=1e-10)


def test_repeated_and_complex_dominant_eigenvalues():
    units = DenseMatrices(octonion_units())
    # L(x) has the eigenvalues i |x| and -i |x|, four times each.
    found = dominant(units, np.arange(1.0, 8.0).reshape(7, 1, 1))
    assert found.value == pytest.approx(1j * math.sqrt(140))
    assert found.multiplicity == 4
    assert np.tensordot(found.left.conj(), found.right, axes=([1, 2], [1, 2])) == pytest.approx(np.eye(4))
    # A pair of complex conjugates of a real problem is no tie.
    turn = DenseMatrices(np.array([[[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 0.5]]]))
    assert dominant(turn, np.ones((1, 1, 1))).separation == pytest.approx(0.5)
    tie = DenseMatrices(np.array([np.diag([1.0, -1.0, 0.5])]))
    assert dominant(tie, np.ones((1, 1, 1))).separation == 0.0
    nilpotent = DenseMatrices(np.array([[[0.0, 1.0], [0.0, 0.0]]]))
    assert dominant(nilpotent, np.ones((1, 1, 1))).value == 0


@pytest.mark.parametrize("field", FIELDS)
def test_balanced_gauge(field):
    X = embedded_tuple(random_tuple(np.random.default_rng(5), 3, 3, field), None)[0]
    C = balancing(X)
    balanced = C @ X @ np.linalg.inv(C)
    K, L = perron_pair(balanced)
    assert pytest.approx(L / np.trace(L), abs=1e-10) == K / np.trace(K)
    rho = radius(balanced, balanced)
    assert superoperator(balanced, balanced, K) == pytest.approx(rho * K, abs=1e-9 * rho)
    if field == "quaternion":
        Quaternions.from_complex(balanced)
    assert perron_pair(np.array([np.diag([1.0, 1.0]), np.diag([2.0, 2.0])])) is None


# Maxima


@pytest.mark.parametrize(("parametrization", "field"), [("free", "real"), ("free", "complex"), ("projection", "real")])
@pytest.mark.parametrize(
    ("d", "values"),
    [
        (1, (0.938159945066, 0.844543567282)),
        (2, (0.978400441544,)),
        pytest.param(3, (0.998866157603,), marks=pytest.mark.slow),
    ],
)
def test_integer_example(d, values, parametrization, field):
    found = maximize_similarity(INTEGERS, d, parametrization=parametrization, field=field, max_evaluations=1000, rng=0)
    assert found.similarity == pytest.approx(values[0], abs=2e-12)
    for value in values:
        assert min(abs(value - other) for other in found.similarities) < 2e-12
    assert float(similarity(INTEGERS, found.X)) == pytest.approx(found.similarity, abs=1e-12)
    assert found.n_agreeing >= 2
    assert found.evidence.status is Status.LOWER_BOUND


@pytest.mark.parametrize("field", FIELDS)
def test_critical_points_satisfy_the_six_equations_of_a_reduction(field):
    A = random_tuple(np.random.default_rng(7), 3, 4, field)
    found = maximize_similarity(A, 2, starts=3, rng=1)
    assert found.idempotency < 1e-5
    a, P = A, found.P
    if field == "quaternion":
        a, P = A.complex, found.P.complex
        assert np.abs((found.R @ found.S).complex - np.eye(4)).max() < 1e-12
    else:
        assert pytest.approx(np.eye(2), abs=1e-12) == found.R @ found.S
    assert pytest.approx(P, abs=1e-11) == P @ P
    PAP = P @ a @ P
    assert float(similarity(A, found.X)) == pytest.approx(found.similarity, abs=1e-12)
    # The nonzero spectrum of Phi(PAP) is that of Phi(R A S).
    assert radius(a, PAP) / math.sqrt(radius(a, a) * radius(PAP, PAP)) == pytest.approx(found.similarity, abs=1e-9)
    values, vectors = np.linalg.eig(matrix_of(a, PAP))
    H = vectors[:, np.argmax(abs(values))].reshape(a.shape[1], -1)
    values, vectors = np.linalg.eig(matrix_of(a, PAP).conj().T)
    G = vectors[:, np.argmax(abs(values))].reshape(a.shape[1], -1)
    for M, Q in ((H, P), (G, P.conj().T)):
        M = M / np.trace(M)
        assert pytest.approx(M.conj().T, abs=1e-6) == M
        assert np.linalg.eigvalsh((M + M.conj().T) / 2).min() > -1e-6
        assert pytest.approx(M, abs=1e-6) == Q @ M


@pytest.mark.parametrize(("field", "seed"), [("real", 0), ("real", 1), ("complex", 0), ("quaternion", 0)])
def test_gradients_and_the_fixed_point_iteration_find_the_same_maximum(field, seed):
    A = random_tuple(np.random.default_rng(seed), 3, 4, field)
    by_gradients = maximize_similarity(A, 2, starts=3, rng=seed)
    by_iteration = lsrdr(A, 2, rng=seed)
    assert by_gradients.similarity == pytest.approx(by_iteration.similarity, abs=1e-11)
    P, Q = by_gradients.P, by_iteration.P
    if field == "quaternion":
        P, Q = P.complex, Q.complex
    assert pytest.approx(Q, abs=1e-5) == P
    # Each is a fixed point for the other: a search that starts from the reduction stays there.
    again = maximize_similarity(A, 2, starts=[by_iteration.X], rng=seed)
    assert again.starts[0].gradient_norm < 1e-7
    assert again.evaluations <= 5


def test_large_problems_are_treated_without_matrices(monkeypatch):
    A = np.random.default_rng(0).standard_normal((3, 6, 6))
    dense = maximize_similarity(A, 3, starts=2, rng=4)
    monkeypatch.setattr(dominant_module, "_DENSE_SIZE", 10)
    few = maximize_similarity(A, 3, starts=2, rng=4)
    assert few.similarity == pytest.approx(dense.similarity, abs=1e-12)
    assert pytest.approx(dense.P, abs=1e-5) == few.P


def test_real_maxima_with_complex_eigenvalues_have_no_projection():
    # Multiples c J of a rotation by a right angle: Gamma(A; x) has the eigenvalues i (c . x) and -i (c . x).
    A = np.array([[[0.0, -1.0], [1.0, 0.0]], [[0.0, -2.0], [2.0, 0.0]]])
    found = maximize_similarity(A, 1, starts=2, rng=0)
    assert found.similarity == pytest.approx(1)
    assert abs(found.eigenvalue.imag) > 0.1
    assert found.P is None
    assert "complex dominant eigenvalues" in repr(found)
    over_complex = maximize_similarity(A, 1, field="complex", starts=2, rng=0)
    assert over_complex.similarity == pytest.approx(1)


def test_a_summand_is_found_with_similarity_one():
    rng = np.random.default_rng(2)
    B, C = rng.standard_normal((3, 2, 2)), 0.3 * rng.standard_normal((3, 3, 3))
    A = np.zeros((3, 5, 5))
    A[:, :2, :2], A[:, 2:, 2:] = B, C
    assert radius(B, B) > radius(C, C)
    found = maximize_similarity(A, 2, rng=0)
    assert found.similarity == pytest.approx(1, abs=1e-12)
    assert pytest.approx(np.diag([1.0, 1, 0, 0, 0]), abs=1e-6) == found.P


@given(st.integers(0, 10**6), st.sampled_from(["real", "complex"]))
@settings(max_examples=5, deadline=None)
def test_invariance_under_conjugation_scaling_and_mixing(seed, field):
    rng = np.random.default_rng(seed)
    A, X = random_tuple(rng, 3, 4, field), random_tuple(rng, 3, 2, field)
    C = np.eye(4) + 0.2 * random_tuple(rng, 1, 4, field)[0]
    U = np.linalg.qr(random_tuple(rng, 1, 3, field)[0])[0]
    moved = 1e150 * np.tensordot(U, C @ A @ np.linalg.inv(C), axes=1)
    first = maximize_similarity(A, 2, starts=[X], rng=0)
    second = maximize_similarity(moved, 2, starts=[np.tensordot(U, X, axes=1)], rng=0)
    # The same function from the same point: the searches differ by rounding, and end at the same maximum.
    assert second.starts[0].outcome == first.starts[0].outcome
    assert second.similarity == pytest.approx(first.similarity, abs=1e-6)


@pytest.mark.parametrize("norm", NORMS[1:], ids=repr)
def test_other_norms(norm):
    A = np.random.default_rng(4).standard_normal((3, 4, 4))
    found = maximize_similarity(A, 2, norm=norm, starts=2, max_evaluations=500, rng=0)
    assert found.P is None
    assert norm(found.X) == pytest.approx(1)
    expected = radius(A, found.X) / (math.sqrt(radius(A, A)) * norm(found.X))
    assert found.similarity == pytest.approx(expected)
    assert 0 < found.similarity <= maximize_similarity(A, 2, starts=2, rng=0).similarity
    # Beats random tuples and its own neighbours.
    rng = np.random.default_rng(0)
    for X in [*rng.standard_normal((20, 3, 2, 2)), *(found.X + 1e-3 * rng.standard_normal((20, 3, 2, 2)))]:
        assert radius(A, X) / (math.sqrt(radius(A, A)) * norm(X)) <= found.similarity * (1 + 1e-12)


@pytest.mark.parametrize(
    ("units", "d", "field"),
    [
        ("imaginary", 1, "real"), ("imaginary", 1, "complex"), ("imaginary", 2, "real"),
        ("all", 1, "real"), ("all", 1, "complex"), ("all", 2, "real"),
        ("imaginary", 2, "complex"), ("all", 2, "complex"),
    ],
)  # fmt: skip
def test_octonions_reach_the_proved_maximum(units, d, field):
    found = maximize_similarity(octonion_units(units), d, field=field, starts=2, rng=0)
    proved = octonion_similarity(d, units, field)
    assert found.similarity**2 == pytest.approx(float(proved.value), abs=1e-6)
    assert found.similarity**2 <= float(proved.upper) + 1e-12


# Reports


def test_reports_and_repeats():
    A = np.random.default_rng(0).standard_normal((3, 4, 4))
    events = []
    found = maximize_similarity(A, 2, rng=5, starts=3, progress=events.append)
    again = maximize_similarity(A, 2, rng=found.seed, starts=3)
    assert (again.X == found.X).all()
    assert [event.done for event in events] == [0, 1, 2, 3]
    assert found.evaluations == sum(start.evaluations for start in found.starts) > 0
    assert found.seconds > 0
    assert "of 3 starts agree" in repr(found)
    assert str(found).count("\n") == 4
    few = maximize_similarity(A, 2, rng=5, starts=1, max_evaluations=3)
    assert few.starts[0].outcome == "stopped"
    assert few.P is None


def test_an_interrupted_search_says_so(monkeypatch):
    A = np.random.default_rng(0).standard_normal((3, 4, 4))
    calls = 0

    def interrupting(*arguments):
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        return dominant(*arguments)

    monkeypatch.setattr(inspect.getmodule(maximize_similarity), "dominant", interrupting)
    found = maximize_similarity(A, 2, rng=0)
    assert found.interrupted
    assert "interrupted" in repr(found)
    assert len(found.starts) < 8
    assert 0 < found.similarity <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"d": 0}, "from 1 to 2"),
        ({"d": 3}, "from 1 to 2"),
        ({"starts": 0}, "at least one"),
        ({"starts": []}, "empty"),
        ({"starts": [np.eye(2)]}, r"starts\[0\]"),
        ({"starts": [np.ones((2, 2, 2))], "parametrization": "projection"}, "free"),
        ({"parametrization": "dense"}, "projection"),
        ({"field": "rational"}, "real"),
        ({"tol": 0.0}, "positive"),
        ({"A": np.array([np.eye(2), 1j * np.eye(2)]), "field": "real"}, "complex"),
        ({"A": np.zeros((2, 2, 2))}, "zero"),
        ({"A": [[[0, 1], [0, 0]], [[0, 2], [0, 0]]]}, "nilpotent"),
        ({"A": [[[1, -1], [1, -1]], [[2, -2], [2, -2]]]}, "nilpotent"),
        ({"A": [[[np.nan, 1], [0, 0]]]}, "finite"),
    ],
)
def test_bad_input(arguments, message):
    arguments = {"A": np.array([np.eye(2), [[0.0, 1.0], [1.0, 0.0]]]), "d": 1, **arguments}
    with pytest.raises(InputError, match=message):
        maximize_similarity(arguments.pop("A"), arguments.pop("d"), **arguments)


def test_norms_refuse_what_is_no_norm():
    with pytest.raises(InputError, match="from 1"):
        SchattenNorm(0.5)
    with pytest.raises(InputError, match="from 1"):
        SchattenNorm(float("nan"))
    with pytest.raises(InputError, match="row"):
        SchattenNorm(1, "diagonal")

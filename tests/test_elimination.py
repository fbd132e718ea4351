"""Elimination modulo a prime: against plain Python, python-flint, and by what null vectors must satisfy."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import flint
import naive_modular as naive
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from algeom._kernels import modular
from algeom.algebra import elimination
from algeom.algebra.elimination import Elimination, eliminate, elimination_bytes, rank
from algeom.errors import InputError
from algeom.runtime.blas import one_blas_thread

PRIMES = [3, 5, 7, 101, 65537, 2097169, 4194301, 8388593]


def balanced(A: np.ndarray, p: int) -> np.ndarray:
    """Integers modulo p as balanced residues in float64."""
    A = np.asarray(A, dtype=object) % p
    return np.asarray(np.where(p < 2 * A, A - p, A), dtype=np.float64)


def product(A: np.ndarray, B: np.ndarray, p: int) -> np.ndarray:
    """A B modulo p by a method of its own: int64, 512 products of 46 bits at a time."""
    A, B = A.astype(np.int64), B.astype(np.int64)
    total = np.zeros((A.shape[0], B.shape[1]), np.int64)
    for lo in range(0, A.shape[1], 256):
        total = (total + A[:, lo : lo + 256] @ B[lo : lo + 256]) % p
    return np.where(2 * total > p, total - p, total).astype(np.float64)


def random_matrix(rng: np.random.Generator, rows: int, columns: int, r: int, p: int) -> np.ndarray:
    """Product of random rows x r and r x columns matrices."""
    h = (p - 1) // 2
    left, right = rng.integers(-h, h + 1, (rows, r)), rng.integers(-h, h + 1, (r, columns))
    return product(left, right, p)


def full_null_space(result: Elimination, columns: int) -> np.ndarray:
    """The null vectors written out."""
    assert result.null_space is not None
    N = np.zeros((result.free_columns.size, columns))
    N[:, result.pivot_columns] = result.null_space
    N[np.arange(result.free_columns.size), result.free_columns] = 1.0
    return N


def check(A: np.ndarray, p: int, result: Elimination) -> None:
    """Everything that can be checked without a second elimination, apart from the rank profile's minimality."""
    columns = A.shape[1]
    r = result.rank
    assert result.pivot_rows.shape == result.pivot_columns.shape == (r,)
    assert result.pivot_rows.dtype == result.pivot_columns.dtype == result.free_columns.dtype == np.int64
    assert len(set(result.pivot_rows.tolist())) == r
    assert sorted([*result.pivot_columns, *result.free_columns]) == list(range(columns))
    assert (np.diff(result.pivot_columns) > 0).all()
    assert (np.diff(result.free_columns) > 0).all()
    N = result.null_space
    assert N is not None
    assert N.shape == (columns - r, r)
    assert N.dtype == np.float64
    assert np.abs(N).max(initial=0.0) <= (p - 1) // 2
    assert (np.rint(N) == N).all()
    assert not N[result.pivot_columns[None, :] > result.free_columns[:, None]].any()
    if A.size:
        assert not product(A, full_null_space(result, columns).T, p).any()


def flint_rref(A: np.ndarray, p: int) -> tuple[int, np.ndarray, list[int]]:
    """Rank, reduced echelon form (entries in 0..p-1) and pivot columns by python-flint."""
    rows, columns = A.shape
    form, r = flint.nmod_mat(rows, columns, [int(x) % p for x in A.ravel()], p).rref()
    table = np.array([int(x) for x in form.entries()], dtype=np.int64).reshape(rows, columns)
    return r, table, [int(np.flatnonzero(table[i])[0]) for i in range(r)]


def same_as_flint(A: np.ndarray, p: int, result: Elimination) -> None:
    """Rank, profile, null space, and that the pivot rows and columns cut out an invertible matrix."""
    r, table, pivots = flint_rref(A, p)
    assert result.rank == r
    assert result.pivot_columns.tolist() == pivots
    assert result.null_space is not None
    assert ((result.null_space.T.astype(np.int64) + table[:r][:, result.free_columns]) % p == 0).all()
    minor = A[np.ix_(result.pivot_rows, result.pivot_columns)]
    assert flint_rref(minor, p)[0] == r


@pytest.fixture
def blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send even the smallest matrices through panels, tiles and threads, with sizes that make several of each."""
    monkeypatch.setattr(elimination, "SMALL_WORK", -1)
    monkeypatch.setattr(elimination, "LEAF", 4)
    monkeypatch.setattr(elimination, "TILE_ROWS", 16)
    monkeypatch.setattr(elimination, "TILE_COLUMNS", 24)
    monkeypatch.setattr(elimination, "SMALLEST_PIECE", 3)
    monkeypatch.setattr(elimination, "SOLVE_BLOCK", 5)
    monkeypatch.setattr(elimination, "_panel_width", lambda rows, columns: 16)


@pytest.fixture(params=["scalar", "blocked"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once by the scalar kernel and once by panels and tiles of their real sizes, for matrices that allow both."""
    if request.param == "blocked":
        monkeypatch.setattr(elimination, "SMALL_WORK", -1)


@pytest.fixture
def always_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No matrix is small."""
    monkeypatch.setattr(elimination, "SMALL_WORK", -1)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[np.ndarray, int]:
    """Matrices of all ranks: products, sparse ones, duplicated and zero columns, in random order."""
    p = draw(st.sampled_from(PRIMES))
    rows, columns = draw(st.integers(0, 45)), draw(st.integers(0, 45))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["product", "sparse", "extreme", "copies", "zero"]))
    if kind == "product":
        A = random_matrix(rng, rows, columns, draw(st.integers(0, 45)), p)
    elif kind == "sparse":
        A = np.where(rng.random((rows, columns)) < 0.08, rng.integers(-1, 2, (rows, columns)), 0)
    elif kind == "extreme":
        A = rng.choice([-(p - 1) // 2, (p - 1) // 2], (rows, columns))
    elif kind == "copies":
        A = rng.integers(-1, 2, (rows, columns))[:, rng.integers(0, max(columns, 1), columns) // 2]
    else:
        A = np.zeros((rows, columns))
    return balanced(A.astype(np.int64), p), p


def same_as_naive(A: np.ndarray, p: int, result: Elimination) -> None:
    pivots, free, basis = naive.null_space([[int(x) for x in row] for row in A], A.shape[1], p)
    assert result.rank == len(pivots)
    assert result.pivot_columns.tolist() == pivots
    assert result.free_columns.tolist() == free
    assert result.null_space is not None
    assert result.null_space.tolist() == basis
    minor = [[int(A[i, j]) for j in pivots] for i in result.pivot_rows]
    assert len(naive.echelon(minor, p)[0]) == len(pivots)


@given(matrices())
@settings(max_examples=80, deadline=None)
def test_small_kernel_equals_plain_python(case: tuple[np.ndarray, int]) -> None:
    A, p = case
    before = A.copy()
    result = eliminate(A, p)
    assert (before == A).all()
    check(A, p, result)
    same_as_naive(A, p, result)
    assert rank(A, p) == result.rank


@pytest.mark.parametrize("threads", [1, 3])
def test_blocked_elimination_equals_plain_python(blocked: None, threads: int) -> None:
    @given(matrices())
    @settings(max_examples=60, deadline=None)
    def run(case: tuple[np.ndarray, int]) -> None:
        A, p = case
        before = A.copy()
        result = eliminate(A, p, threads=threads)
        assert (before == A).all()
        check(A, p, result)
        same_as_naive(A, p, result)
        assert rank(A, p, threads=threads, overwrite=True) == result.rank

    run()


@pytest.mark.parametrize(
    ("rows", "columns", "r", "p"),
    [
        (300, 300, 270, 4194301),
        (420, 420, 420, 8388593),
        (600, 500, 130, 4194301),
        (350, 700, 340, 101),
        (700, 350, 350, 3),
    ],
)
def test_equals_flint(either: None, rows: int, columns: int, r: int, p: int) -> None:
    A = random_matrix(np.random.default_rng(rows), rows, columns, r, p)
    result = eliminate(A, p)
    check(A, p, result)
    same_as_flint(A, p, result)


def test_free_columns_everywhere(either: None) -> None:
    """Pivots in few and irregular columns, so that panels are extended, and rows that must be exchanged."""
    rng = np.random.default_rng(5)
    p = 4194301
    A = random_matrix(rng, 500, 90, 90, p)[:, np.sort(rng.integers(0, 90, 640))]
    A[:250] = 0.0
    A[:, ::7] = 0.0
    result = eliminate(A, p, threads=2)
    check(A, p, result)
    same_as_flint(A, p, result)


def test_extreme_entries_at_full_inner_length(either: None) -> None:
    """Largest residues of the largest prime with nearly inner_limit pivots: sums come close to 2^53."""
    p = 8388593
    h = (p - 1) // 2
    rng = np.random.default_rng(3)
    size = 500
    A = np.where(rng.random((size, size + 40)) < 0.5, float(h), float(-h))
    result = eliminate(A, p)
    assert result.rank == size
    check(A, p, result)


def test_more_pivots_than_a_sum_may_have() -> None:
    """Beyond inner_limit the scalar kernel must not be chosen, however small the matrix."""
    p = 8388593
    A = random_matrix(np.random.default_rng(9), 540, 545, 530, p)
    result = eliminate(A, p)
    check(A, p, result)
    same_as_flint(A, p, result)


def test_structured_matrices(either: None) -> None:
    p = 4194301
    for n in (1, 40, 300):
        result = eliminate(np.eye(n), p)
        assert result.rank == n
        assert result.free_columns.size == 0
        result = eliminate(np.ones((n, n)), p)
        assert result.rank == 1
        assert (result.null_space == -1.0).all()
        result = eliminate(np.zeros((n, n)), p)
        assert result.rank == 0
        assert result.null_space is not None
        assert result.null_space.shape == (n, 0)
        reverse = np.ascontiguousarray(np.eye(n)[::-1])
        assert eliminate(reverse, p).pivot_rows.tolist() == list(range(n))[::-1]


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (5, 0), (0, 100_000)])
def test_empty_matrices(either: None, shape: tuple[int, int]) -> None:
    result = eliminate(np.empty(shape), 7)
    assert result.rank == 0
    assert result.free_columns.tolist() == list(range(shape[1]))
    assert result.null_space is not None
    assert result.null_space.shape == (shape[1], 0)
    assert eliminate(np.empty(shape), 7, null_space=False).null_space is None


def test_overwrite_works_in_place_and_gives_the_same(always_blocked: None) -> None:
    p = 4194301
    A = random_matrix(np.random.default_rng(1), 400, 380, 300, p)
    result = eliminate(A, p)
    work = A.copy()
    again = eliminate(work, p, overwrite=True)
    assert not (work == A).all()
    assert (again.null_space == result.null_space).all()
    transposed = eliminate(np.asfortranarray(A), p)
    assert (transposed.null_space == result.null_space).all()


def test_results_do_not_depend_on_threads(always_blocked: None) -> None:
    p = 4194301
    A = random_matrix(np.random.default_rng(2), 700, 900, 600, p)
    one, three = eliminate(A, p, threads=1), eliminate(A, p, threads=3)
    assert (one.null_space == three.null_space).all()
    assert (one.pivot_rows == three.pivot_rows).all()


def test_in_a_thread_pool_of_the_caller(always_blocked: None) -> None:
    """Small and large eliminations at the same time; the limit on BLAS threads is lifted at the end, not before."""
    p = 4194301
    rng = np.random.default_rng(4)
    cases = [random_matrix(rng, n, n, n - 3, p) for n in (5, 60, 320, 330, 20, 340)]
    limits = [entry["num_threads"] for entry in threadpool_info()]
    with ThreadPoolExecutor(4) as pool:
        ranks = list(pool.map(lambda A: eliminate(A, p, threads=1).rank, cases))
    assert ranks == [A.shape[0] - 3 for A in cases]
    assert [entry["num_threads"] for entry in threadpool_info()] == limits


def blas_threads() -> list[int]:
    """Threads of all BLAS libraries; other ones, such as OpenMP's, may be loaded as well."""
    return [entry["num_threads"] for entry in threadpool_info() if entry["user_api"] == "blas"]


def test_blas_limit_is_counted() -> None:
    before = blas_threads()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one_blas_thread():
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        entered.wait(10)
    assert set(blas_threads()) == {1}
    leave.set()
    thread.join()
    assert blas_threads() == before


@pytest.mark.parametrize("wrong", [0.5, np.nan, np.inf, -np.inf, 4.0])
def test_entries_that_are_no_residues(either: None, wrong: float) -> None:
    A = np.zeros((30, 20))
    A[17, 19] = wrong
    with pytest.raises(InputError, match="absolute value at most 3"):
        eliminate(A, 7)


@pytest.mark.parametrize("p", [2, 4, 9, 1, 0, -7, 8388617, 4194301 * 3, 2.5, 7.0, [7], "7", 2**61 - 1])
def test_bad_modulus(p: object) -> None:
    with pytest.raises(InputError, match="odd prime"):
        eliminate(np.eye(2), p)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "A", [np.eye(2, dtype=np.int64), np.eye(2, dtype=np.float32), np.ones(3), np.ones((2, 2), complex), [[1.0]], None]
)
def test_bad_matrix(A: object) -> None:
    with pytest.raises(InputError, match="two-dimensional float64"):
        eliminate(A, 7)  # type: ignore[arg-type]


def test_bad_options() -> None:
    frozen = np.eye(3)
    frozen.flags.writeable = False
    assert eliminate(frozen, 7).rank == 3
    assert eliminate(frozen, 7, overwrite=True).rank == 3
    with pytest.raises(InputError, match="threads"):
        eliminate(np.eye(4), 7, threads=0)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")
def test_each_kernel_is_compiled_once(either: None) -> None:
    """Layouts, read-only arrays and sizes are normalized before a kernel sees them."""
    for n in (3, 330):
        frozen = np.eye(n)
        frozen.flags.writeable = False
        for A in (np.eye(n), np.asfortranarray(np.eye(n)), np.eye(2 * n)[::2, ::2], frozen, np.eye(n)[:0]):
            for wanted in (False, True):
                eliminate(A, 101, null_space=wanted)
    for name in ("are_residues", "factor_rows", "eliminate_small", "invert_lower", "reduce_product"):
        assert len(getattr(modular, name).signatures) <= 1


def test_memory_bound_covers_what_is_allocated(always_blocked: None) -> None:
    import tracemalloc

    p = 4194301
    for rows, columns, r in ((900, 1100, 500), (300, 2000, 300), (100, 120, 90)):
        A = random_matrix(np.random.default_rng(7), rows, columns, r, p)
        eliminate(A, p)
        for overwrite in (False, True):
            work = A.copy()
            tracemalloc.start()
            eliminate(work, p, overwrite=overwrite, threads=2)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak <= elimination_bytes(rows, columns, overwrite=overwrite, threads=2)


@pytest.mark.parametrize("p", PRIMES)
def test_reciprocals_and_reduction(p: int) -> None:
    h = (p - 1) // 2
    rng = np.random.default_rng(p)
    for x in {1, -1, 2, h, -h, *rng.integers(1, h + 1, 50).tolist(), *(-rng.integers(1, h + 1, 50)).tolist()}:
        y = modular._reciprocal(float(x), float(p))
        assert abs(y) <= h
        assert x * int(y) % p == 1
    largest = modular.inner_limit(p) * h * h + h
    assert largest < 2**53
    near = [int(q) * p + offset for q in rng.integers(0, largest // p, 200) for offset in (h - 1, h, h + 1)]
    sums = np.array([[0, largest, -largest, *(x for x in near if x <= largest), *(-x for x in near if x <= largest)]])
    target = np.zeros((1, sums.shape[1]))
    modular.reduce_product(target, 0, 0, sums.astype(np.float64), False, float(p))
    assert target[0].tolist() == [naive.balanced(int(x), p) for x in sums[0]]


@pytest.mark.parametrize("p", PRIMES)
def test_inverse_of_a_triangle_equals_plain_python(p: int) -> None:
    h = (p - 1) // 2
    rng = np.random.default_rng(p)
    L = rng.integers(-h, h + 1, (30, 30)).astype(np.float64)
    L[np.arange(30), np.arange(30)] = rng.choice([1.0, -1.0, float(h)], 30)
    out = np.empty((30, 30))
    modular.invert_lower(L, float(p), out)
    assert out.tolist() == naive.invert_lower([[int(x) for x in row] for row in L], p)

"""Rank, pivots and null space of a matrix modulo a prime: blocked LU whose work is float64 matrix products.

The matrix is factored as P A = L U with the columns in their given order, so that the pivot columns are the
column rank profile. A *panel* of consecutive columns is copied to a contiguous buffer and factored recursively;
the columns to its right are then updated by one matrix product, in tiles that are reduced modulo p while they
are in cache. While the other threads update the rest, one thread factors the next panel. A panel that yields
few pivots is extended by further columns before anything else is updated, so the products keep their inner
length whatever the rank. Bounds and reduction are derived in `algeom._kernels.modular`; the scheme is that of
Dumas, Giorgi, Pernet, "Dense linear algebra over word-size prime fields", ACM TOMS 35(3), 2008.
"""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import modular
from algeom.errors import InputError
from algeom.runtime.blas import one_blas_thread
from algeom.runtime.execution import task_threads

Matrix = NDArray[np.float64]
Indices = NDArray[np.int64]
#: A piece of work; it gets the number of the worker that runs it, which owns one scratch buffer.
Task = Callable[[Matrix], None]

#: Primes must be below this for products of residues to be summed at least 512 at a time.
LARGEST_MODULUS = 2**23
#: Columns that the scalar kernel factors at once.
LEAF = 32
#: Largest rows and columns of a tile of an update: 4 MiB of scratch for each thread.
TILE_ROWS, TILE_COLUMNS = 512, 1024
#: Rows or columns below which a product is not split further among threads.
SMALLEST_PIECE = 96
#: Diagonal blocks that are inverted in triangular solves.
SOLVE_BLOCK = 128
#: Below this many multiply-adds the scalar kernel alone is faster than two threads with matrix products.
SMALL_WORK = 700**3


@dataclass(frozen=True, eq=False)
class Elimination:
    """What an elimination modulo a prime found.

    Attributes
    ----------
    rank : int
        Rank r of the matrix.
    pivot_rows : ndarray of int64, shape (r,)
        Rows with which the pivot columns form an invertible r x r submatrix. The order is that of the pivots, not
        increasing.
    pivot_columns : ndarray of int64, shape (r,)
        Column rank profile, increasing: column j is a pivot if and only if it is independent of the columns before.
    free_columns : ndarray of int64, shape (k,)
        The other columns, increasing.
    null_space : ndarray of float64, shape (k, r), or None
        Row i belongs to the vector of the right null space that is 1 at ``free_columns[i]``, 0 at the other free
        columns and ``null_space[i, j]`` (a balanced residue) at ``pivot_columns[j]``. It vanishes where
        ``pivot_columns[j] > free_columns[i]``. None if it was not asked for.
    """

    rank: int
    pivot_rows: Indices
    pivot_columns: Indices
    free_columns: Indices
    null_space: Matrix | None


def eliminate(
    A: Matrix, p: int, *, null_space: bool = True, overwrite: bool = False, threads: int | None = None
) -> Elimination:
    """Rank, pivots and null space of a matrix modulo a prime.

    Parameters
    ----------
    A : ndarray of float64, shape (rows, columns)
        Balanced residues: integers of absolute value at most (p - 1)/2.
    p : int
        Odd prime below 2^23.
    null_space : bool
        Whether to compute the null space.
    overwrite : bool
        Whether A may be destroyed, which saves a copy if A is C-contiguous and writeable.
    threads : int, optional
        Threads to use; by default the cores that this process may use. ``threads=1`` starts none, so that callers
        can run many eliminations in a thread pool of their own. Small matrices (up to about 700 rows and columns)
        never use more than the calling thread: they are one call of a kernel that releases the GIL.

    Returns
    -------
    Elimination

    Raises
    ------
    InputError
        If A is not a real float64 matrix of balanced residues or p is not an odd prime below 2^23.

    Notes
    -----
    The dominant cost is about 2 (rows columns r - (rows + columns) r^2 / 2 + r^3 / 3) + r^2 k floating-point
    operations at the rate of a float64 matrix product. `elimination_bytes` says what memory it takes. While a
    large matrix is in work, NumPy's BLAS is limited to one thread in the whole process: see `one_blas_thread`.

    Examples
    --------
    >>> import numpy as np
    >>> result = eliminate(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, -1.0]]), 101)
    >>> result.rank, result.pivot_columns.tolist(), result.free_columns.tolist()
    (2, [0, 2], [1])
    >>> result.null_space
    array([[-2.,  0.]])
    """
    p = _checked_modulus(p)
    _check_matrix(A)
    if threads is not None and threads < 1:
        raise InputError(f"threads = {threads}: give a positive number, or None for all cores")
    rows, columns = A.shape
    if _is_small(rows, columns, p):
        valid, pivot_rows, pivot_columns, free_columns, kernel_basis = modular.eliminate_small(
            A if A.flags.carray else A.copy(order="C"), float(p), null_space
        )
        if not valid:
            raise _not_residues(p)
        rank = pivot_columns.size
        return Elimination(rank, pivot_rows, pivot_columns, free_columns, kernel_basis if null_space else None)
    with one_blas_thread(), _Workers(task_threads() if threads is None else threads) as workers:
        work = A if overwrite and A.flags.carray else A.copy(order="C")
        _check_residues(work, p, workers)
        return _Blocked(work, p, workers).run(null_space)


def rank(A: Matrix, p: int, *, overwrite: bool = False, threads: int | None = None) -> int:
    """Rank of a matrix modulo a prime; arguments and errors as in `eliminate`.

    Examples
    --------
    >>> import numpy as np
    >>> rank(np.array([[1.0, 2.0], [3.0, -1.0]]), 7)
    1
    """
    return eliminate(A, p, null_space=False, overwrite=overwrite, threads=threads).rank


def elimination_bytes(
    rows: int, columns: int, *, null_space: bool = True, overwrite: bool = False, threads: int | None = None
) -> int:
    """Upper bound for the memory that `eliminate` allocates, the matrix A itself not counted.

    It is the copy of A (unless overwritten), the null space in the worst case (k = columns - rank rows of rank
    entries, at most columns^2 / 4), two panels and the scratch of the threads.

    Examples
    --------
    >>> elimination_bytes(8000, 8000, null_space=False, overwrite=True, threads=2) < 0.25 * 8 * 8000**2
    True
    """
    threads = task_threads() if threads is None else threads
    limit, width = min(rows, columns), _panel_width(rows, columns)
    entries = 0 if overwrite else rows * columns
    entries += (2 * width + LEAF) * rows + 4 * width * width + 2 * threads * TILE_ROWS * TILE_COLUMNS
    entries += SOLVE_BLOCK * (limit + threads * columns)
    if rows * columns * limit <= SMALL_WORK:
        entries = max(entries, rows * columns + limit * limit + (modular.DELAY + 1) * rows)
    if null_space:
        largest = min(rows, columns // 2)
        entries += largest * (columns - largest)
    return 8 * (entries + 8 * (rows + columns)) + 2**16


@lru_cache(maxsize=1024)
def _is_odd_prime(p: int) -> bool:
    return p > 2 and all(p % q for q in range(2, math.isqrt(p) + 1))


def _checked_modulus(p: int) -> int:
    try:
        value = operator.index(p)
    except TypeError:
        raise InputError(f"modulus {p!r}: expected an integer, an odd prime below 2^23") from None
    if value >= LARGEST_MODULUS or not _is_odd_prime(value):
        raise InputError(f"modulus {value}: expected an odd prime below 2^23; algeom.algebra.primes draws such primes")
    return value


def _check_matrix(A: Matrix) -> None:
    if not isinstance(A, np.ndarray) or A.ndim != 2 or A.dtype != np.float64:
        given = f"{A.ndim}-dimensional {A.dtype} array" if isinstance(A, np.ndarray) else type(A).__name__
        raise InputError(f"matrix: got a {given}, expected a two-dimensional float64 array of balanced residues")


def _not_residues(p: int) -> InputError:
    return InputError(
        f"matrix: some entry is not an integer of absolute value at most {(p - 1) // 2}; "
        f"reduce it first, A - p * np.rint(A / p) for p = {p}"
    )


def _is_small(rows: int, columns: int, p: int) -> bool:
    """Whether the scalar kernel alone does it: small enough to be faster, and its sums are exact."""
    limit = min(rows, columns)
    return rows * columns * limit <= SMALL_WORK and limit <= modular.inner_limit(p)


def _panel_width(rows: int, columns: int) -> int:
    """Columns of a panel: wide enough for the products, narrow enough for the serial part; within `inner_limit`."""
    return min(512, LEAF * max(3, min(rows, columns) // (16 * LEAF)))


def _pieces(start: int, stop: int, size: int) -> list[tuple[int, int]]:
    return [(lo, min(lo + size, stop)) for lo in range(start, stop, size)]


def _shares(start: int, stop: int, largest: int, threads: int) -> list[tuple[int, int]]:
    """Pieces that keep all threads busy to the end without being too small for an efficient product."""
    share = -(-(stop - start) // (4 * threads)) if threads > 1 else largest
    return _pieces(start, stop, min(largest, max(share, SMALLEST_PIECE)))


def _into(scratch: Matrix, left: Matrix, right: Matrix) -> Matrix:
    """The product left @ right in a worker's scratch."""
    shape = left.shape[0], right.shape[1]
    out = scratch[: shape[0] * shape[1]].reshape(shape)
    np.matmul(left, right, out=out)
    return out


class _Workers:
    """The calling thread and threads - 1 others, each with a scratch of one tile, that empty a queue of tasks."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._scratch = [np.empty(TILE_ROWS * TILE_COLUMNS) for _ in range(threads)]
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, tasks: list[Task]) -> None:
        """Run the tasks, first come first served; returns when all are done."""
        queue = deque(tasks)

        def empty(worker: int) -> None:
            try:
                while True:
                    try:
                        task = queue.popleft()
                    except IndexError:
                        return
                    task(self._scratch[worker])
            except BaseException:
                queue.clear()
                raise

        def help_out(worker: int) -> None:
            with one_blas_thread():
                empty(worker)

        helpers = min(self.threads, len(tasks)) - 1
        futures = [self._pool.submit(help_out, k + 1) for k in range(helpers)] if self._pool is not None else []
        empty(0)
        for future in futures:
            future.result()


class _Panel:
    """Columns being factored: the lower factor L in a contiguous buffer, U written to the matrix.

    ``W[:, :rank]`` is L below its diagonal (rows counted from ``row``), ``inverse[:rank, :rank]`` the inverse of
    its lower triangle, ``pivots`` matrix columns and ``swaps`` row exchanges as LAPACK's ipiv.
    """

    def __init__(self, matrix: Matrix, storage: Matrix, leaf: Matrix, width: int, row: int, p: float) -> None:
        self.matrix, self.leaf, self.row, self.p = matrix, leaf, row, p
        self.size = matrix.shape[0] - row
        self.W = storage[: self.size * width].reshape(self.size, width)
        self.inverse = np.zeros((width, width))
        self.pivots = np.empty(width, np.int64)
        self.swaps = np.empty(width, np.int64)
        self.rank = 0

    def factor(self, column: int, width: int, scratch: Matrix) -> None:
        """Factor the matrix columns from `column` on, which W[rank:, rank : rank + width] holds up to date."""
        before = self.rank
        self.rank = self._factor(before, before + width, before, column - before, scratch)
        self.pivots[before : self.rank] += column - before
        self._merge_inverses(0, before, self.rank, scratch)

    def _factor(self, start: int, stop: int, top: int, shift: int, scratch: Matrix) -> int:
        """Factor W[top:, start:stop]; column c of W is column c + shift of the matrix. Returns the rank so far."""
        if top == self.size:
            return top
        W, A, row, p = self.W, self.matrix, self.row, self.p
        if stop - start <= LEAF:
            return top + self._factor_leaf(start, stop, top, shift)
        middle = start + LEAF * -(-(stop - start) // (2 * LEAF))
        half = self._factor(start, middle, top, shift, scratch)
        if half > top:
            product = _into(scratch, self.inverse[top:half, top:half], W[top:half, middle:stop])
            modular.reduce_product(A, row + top, shift + middle, product, False, p)
            upper = A[row + top : row + half, shift + middle : shift + stop]
            for lo, hi in _pieces(half, self.size, TILE_ROWS):
                modular.reduce_product(W, lo, middle, _into(scratch, W[lo:hi, top:half], upper), True, p)
        end = self._factor(middle, stop, half, shift, scratch)
        self._merge_inverses(top, half, end, scratch)
        return end

    def _factor_leaf(self, start: int, stop: int, top: int, shift: int) -> int:
        """Factor W[top:, start:stop], which is up to date, by the scalar kernel; returns the rank found."""
        W, size, width = self.W, self.size - top, stop - start
        block = self.leaf[: size * width].reshape(size, width)
        block[...] = W[top:, start:stop]
        pivots, swaps = np.empty(width, np.int64), np.empty(width, np.int64)
        rank = int(modular.factor_rows(block, self.p, pivots, swaps))
        end, pivots, swaps = top + rank, pivots[:rank], swaps[:rank]
        for j in np.flatnonzero(swaps != np.arange(rank)):
            W[[top + j, top + swaps[j]]] = W[[top + swaps[j], top + j]]
        W[top:, top:end] = block.take(pivots, axis=1)
        U = self.matrix[self.row + top : self.row + end, shift + start : shift + stop]
        U[...] = block[:rank]
        U[np.arange(rank), pivots] = 1.0
        inverse = np.empty((rank, rank))
        modular.invert_lower(block[:rank].take(pivots, axis=1), self.p, inverse)
        self.inverse[top:end, top:end] = inverse
        self.pivots[top:end], self.swaps[top:end] = pivots + start, swaps + top
        return rank

    def _merge_inverses(self, top: int, half: int, end: int, scratch: Matrix) -> None:
        """Make inverse[top:end, top:end] right if its two diagonal blocks are.

        The inverse of [[B, 0], [C, D]] has the block -D^-1 C B^-1 below the diagonal.
        """
        if not top < half < end:
            return
        product = _into(scratch, self.W[half:end, top:half], self.inverse[top:half, top:half])
        modular.reduce_product(self.inverse, half, top, product, False, self.p)
        product = _into(scratch, self.inverse[half:end, half:end], self.inverse[half:end, top:half])
        self.inverse[half:end, top:half] = 0.0
        modular.reduce_product(self.inverse, half, top, product, True, self.p)


class _Blocked:
    """Blocked elimination of one matrix, in place."""

    def __init__(self, matrix: Matrix, p: int, workers: _Workers) -> None:
        self.matrix, self.p, self.workers = matrix, float(p), workers
        self.rows, self.columns = matrix.shape
        self.inner = modular.inner_limit(p)
        self.row_order = np.arange(self.rows)

    def run(self, want_null_space: bool) -> Elimination:
        """Eliminate, and solve for the null space if wanted."""
        pivot_columns = self._factor(want_null_space)
        rank = pivot_columns.size
        is_free = np.ones(self.columns, np.bool_)
        is_free[pivot_columns] = False
        free_columns = np.flatnonzero(is_free)
        null_space = self._null_space(pivot_columns, free_columns) if want_null_space else None
        return Elimination(rank, self.row_order[:rank].copy(), pivot_columns, free_columns, null_space)

    def _factor(self, want_upper: bool) -> Indices:
        """Reduce the matrix to U in its first rank rows (left of each row's pivot: leftovers); the pivot columns."""
        A, rows, columns, run = self.matrix, self.rows, self.columns, self.workers.run
        width = _panel_width(rows, columns)
        storage = [np.empty(rows * width), np.empty(rows * width)]
        leaf = np.empty(rows * LEAF)

        def open_panel(row: int) -> _Panel:
            storage.reverse()
            return _Panel(A, storage[0], leaf, width, row, self.p)

        found: list[Indices] = []
        panel = open_panel(0)
        column = min(width, columns)
        panel.W[:, :column] = A[:, :column]
        run([self._factoring(panel, 0, column)])
        exchanged = 0
        while True:
            self._exchange_rows(panel, exchanged, column)
            exchanged = panel.rank
            if 2 * panel.rank < width and column < columns and panel.rank < panel.size:
                # Few pivots in these columns: take more before the rest is updated.
                stop = min(column + width - panel.rank, columns)
                run(self._solves(panel, column, stop))
                run(self._updates(panel, column, stop, panel, panel.rank))
                run([self._factoring(panel, column, stop)])
                column = stop
                continue
            found.append(panel.pivots[: panel.rank])
            last = panel.row + panel.rank == rows
            if not last or want_upper:
                run(self._solves(panel, column, columns))
            if last or column == columns:
                break
            current, panel = panel, open_panel(panel.row + panel.rank)
            stop = min(column + width, columns)
            run(self._updates(current, column, stop, panel, 0))
            run([self._factoring(panel, column, stop), *self._updates(current, stop, columns)])
            column, exchanged = stop, 0
        return np.concatenate(found)

    @staticmethod
    def _factoring(panel: _Panel, column: int, stop: int) -> Task:
        return lambda scratch: panel.factor(column, stop - column, scratch)

    def _exchange_rows(self, panel: _Panel, start: int, column: int) -> None:
        """Apply the row exchanges of the pivots from `start` on to the columns that are still to come."""
        A, order = self.matrix, self.row_order
        for j in range(start, panel.rank):
            one, other = panel.row + j, panel.row + int(panel.swaps[j])
            if one != other:
                A[[one, other], column:] = A[[other, one], column:]
                order[[one, other]] = order[[other, one]]

    def _solves(self, panel: _Panel, start: int, stop: int) -> list[Task]:
        """Tasks for A12 := L11^-1 A12 in the columns start..stop-1; from the last rows up, so that it is in place."""
        A, rank, row, p = self.matrix, panel.rank, panel.row, self.p

        def solve(lo: int, hi: int) -> Task:
            def task(scratch: Matrix) -> None:
                for top, end in reversed(_pieces(0, rank, SOLVE_BLOCK)):
                    product = _into(scratch, panel.inverse[top:end, :end], A[row : row + end, lo:hi])
                    modular.reduce_product(A, row + top, lo, product, False, p)

            return task

        return [solve(lo, hi) for lo, hi in _shares(start, stop, TILE_COLUMNS, self.workers.threads)]

    def _updates(
        self, panel: _Panel, start: int, stop: int, target: _Panel | None = None, position: int = 0
    ) -> list[Task]:
        """Tasks for A22 -= L21 A12 in the columns start..stop-1, copied to W[:, position:] of the target if given."""
        A, rank, row, p = self.matrix, panel.rank, panel.row, self.p
        first = row + rank

        def update(top: int, end: int, lo: int, hi: int) -> Task:
            def task(scratch: Matrix) -> None:
                if rank:
                    product = _into(scratch, panel.W[top - row : end - row, :rank], A[row:first, lo:hi])
                    modular.reduce_product(A, top, lo, product, True, p)
                if target is not None:
                    shift = position + lo - start
                    rows = slice(top - target.row, end - target.row)
                    target.W[rows, shift : shift + hi - lo] = A[top:end, lo:hi]

            return task

        return [
            update(top, end, lo, hi)
            for top, end in _shares(first, self.rows, TILE_ROWS, self.workers.threads)
            for lo, hi in _pieces(start, stop, TILE_COLUMNS)
        ]

    def _null_space(self, pivot_columns: Indices, free_columns: Indices) -> Matrix:
        """Solve U1 X = -U2 for the pivot columns U1 and free columns U2 of U; the null space is X transposed."""
        A, p, run = self.matrix, self.p, self.workers.run
        rank, free = pivot_columns.size, free_columns.size
        null_space = np.empty((free, rank))
        if not rank or not free:
            return null_space
        blocks = _pieces(0, rank, SOLVE_BLOCK)
        inverses = np.empty((len(blocks), SOLVE_BLOCK, SOLVE_BLOCK))

        def gather(index: int, top: int, end: int) -> Task:
            def task(scratch: Matrix) -> None:
                known = A[top:end].take(free_columns, axis=1)
                known[free_columns < pivot_columns[top:end, None]] = 0.0
                np.subtract(0.0, known.T, out=null_space[:, top:end])
                if pivot_columns[-1] != rank - 1:
                    A[top:end, :rank] = A[top:end].take(pivot_columns, axis=1)
                inverse = np.empty((end - top, end - top))
                modular.invert_lower(np.ascontiguousarray(A[top:end, top:end].T), p, inverse)
                inverses[index, : end - top, : end - top] = inverse

            return task

        run([gather(k, top, end) for k, (top, end) in enumerate(blocks)])

        def solve(lo: int, hi: int) -> Task:
            X = null_space[lo:hi]

            def task(scratch: Matrix) -> None:
                for k in reversed(range(len(blocks))):
                    top, end = blocks[k]
                    for start, stop in _pieces(end, rank, self.inner):
                        product = _into(scratch, X[:, start:stop], A[top:end, start:stop].T)
                        modular.reduce_product(null_space, lo, top, product, True, p)
                    product = _into(scratch, X[:, top:end], inverses[k, : end - top, : end - top])
                    modular.reduce_product(null_space, lo, top, product, False, p)

            return task

        share = -(-free // self.workers.threads)
        run([solve(lo, hi) for lo, hi in _pieces(0, free, min(max(share, 64), 2048))])
        return null_space


def _check_residues(A: Matrix, p: int, workers: _Workers) -> None:
    """Refuse entries that are no balanced residues: one pass over the matrix, in parallel."""
    valid: list[bool] = []

    def check(lo: int, hi: int) -> Task:
        return lambda scratch: valid.append(modular.are_residues(A, lo, hi, float(p)))

    workers.run([check(lo, hi) for lo, hi in _pieces(0, A.shape[0], TILE_ROWS)])
    if not all(valid):
        raise _not_residues(p)

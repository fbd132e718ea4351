"""The unit of work: the equations of one multidegree modulo one prime."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from algeom._kernels import monomials as kernels
from algeom.algebra.elimination import eliminate, elimination_bytes
from algeom.implicitization.multidegrees import IntArray, Multidegrees
from algeom.implicitization.sampling import SURPLUS, samples
from algeom.maps.tape import Tape

FloatArray = NDArray[np.float64]


@lru_cache(maxsize=32)
def _table(weights: bytes, rank: int, m: int, degree: int) -> Multidegrees:
    return Multidegrees(np.frombuffer(weights, np.int64).reshape(rank, m), degree)


def multidegrees(weights: IntArray, degree: int) -> Multidegrees:
    """The table of multidegrees of a grading up to a degree, shared within the process."""
    weights = np.ascontiguousarray(weights, np.int64)
    return _table(weights.tobytes(), *weights.shape, degree)


@dataclass(frozen=True, eq=False)
class BlockTask:
    """One block to interpolate. Solving it is a pure function of these fields.

    Attributes
    ----------
    tape : Tape
        The map.
    weights : int64 array, shape (r, m)
        The grading.
    degree, node : int
        The block: a node of the table ``multidegrees(weights, degree)``.
    prime, seed : int
        Where the points come from (`algeom.implicitization.sampling`).
    null_space : bool
        Whether the equations are wanted, or their number only.
    """

    tape: Tape
    weights: IntArray
    degree: int
    node: int
    prime: int
    seed: int
    null_space: bool = True


@dataclass(frozen=True, eq=False)
class BlockResult:
    """Rank and equations of one block modulo a prime.

    Attributes
    ----------
    size, rank : int
        Number of monomials N and rank of the (N + 8) x N evaluation matrix.
    pivot_rows, pivot_columns : int64 arrays, shape (rank,)
        A submatrix that is invertible modulo the prime; rows count points, columns monomials.
    free_columns : int64 array, shape (N - rank,)
    null_space : float64 array, shape (N - rank, rank), or None
        Row i holds the coefficients at the pivot columns of the equation that has 1 at free column i.
    independent : bool
        The coordinates that occur are algebraically independent (rows of the Jacobian at a point), so that there is
        no equation and nothing was evaluated; the pivots are left empty then.
    """

    size: int
    rank: int
    pivot_rows: IntArray
    pivot_columns: IntArray
    free_columns: IntArray
    null_space: FloatArray | None
    independent: bool = False

    @property
    def nullity(self) -> int:
        """Number of equations."""
        return self.size - self.rank


def block_bytes(size: int) -> int:
    """Memory that solving a block of `size` monomials takes, in bytes."""
    matrix = 8 * size * (size + SURPLUS)
    return matrix + elimination_bytes(size + SURPLUS, size, overwrite=True)


def evaluation_matrix(task: BlockTask, monomials: IntArray, points: int) -> FloatArray:
    """Values of monomials (rows of index sequences) at the first points of the task's stream, (points, N)."""
    values = samples(task.tape, task.seed, task.prime).values(points)
    matrix = np.empty((points, len(monomials)))
    kernels.evaluate_monomials(monomials, values, float(task.prime), 0, matrix)
    return matrix


def solve_block(task: BlockTask, threads: int = 1) -> BlockResult:
    """Interpolate one block.

    The rank modulo p at integer points is at most the rank over Q, so that ``size - rank`` is an upper bound for the
    number of equations of this multidegree, whatever the points were.
    """
    monomials = multidegrees(task.weights, task.degree).monomials(task.node)
    size = len(monomials)
    matrix = evaluation_matrix(task, monomials, size + SURPLUS)
    if size == 1:
        nonzero = np.flatnonzero(matrix[:, 0])[:1]
        rank = len(nonzero)
        zero = np.zeros(rank, np.int64)
        return BlockResult(1, rank, nonzero, zero, np.arange(rank, 1), np.zeros((1 - rank, rank)))
    done = eliminate(matrix, task.prime, null_space=task.null_space, overwrite=True, threads=threads)
    return BlockResult(size, done.rank, done.pivot_rows, done.pivot_columns, done.free_columns, done.null_space)

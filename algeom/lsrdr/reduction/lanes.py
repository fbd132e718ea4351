"""Steps of the low-rank LSRDR iteration for many starts of a small problem, in compiled lanes.

A step of a small problem is far less work than the calls of NumPy that describe it. The kernel
`algeom._kernels.superoperator.low_rank_steps` takes 16 starts at a time, one in each lane of vector instructions, and
many steps in one call. The larger the matrices, the better BLAS multiplies them; `lanes_are_faster` says which to take.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom._kernels import superoperator as kernels
from algeom._kernels.dense import LANE
from algeom.errors import InputError

__all__ = ["LaneSteps", "StepCode", "lane_steps", "lanes_are_faster"]

Array = NDArray[Any]

#: Multiplications for which a lane has time while NumPy is called for the steps of k starts: a constant number, and for
#: each start some. Fitted to the part `lanes` of benchmarks/lsrdr.py, for real matrices on one core: where the side
#: taken was the slower one, it was so by less than a third.
_CALLS = 18_000
_START = 2_400


class StepCode(IntEnum):
    """How the steps of a start ended. `advice` says what to do."""

    DONE = kernels.DONE
    TRACE_VANISHED = kernels.TRACE_VANISHED
    RANK_COLLAPSED = kernels.RANK_COLLAPSED
    NOT_FINITE = kernels.NOT_FINITE

    @property
    def advice(self) -> str:
        """What it means and what to do."""
        return _ADVICE[self]

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_ADVICE = {
    StepCode.DONE: "All steps were taken; nothing is to be done.",
    StepCode.TRACE_VANISHED: "The trace of G or H is zero to rounding, and cannot be normalized to 1: take another "
    "start (a complex one if all are real) or a smaller t. From every start it is so where the spectral radius is 0.",
    StepCode.RANK_COLLAPSED: "R'S' is singular to rounding, so that the next P would have a smaller rank: take another "
    "start or a smaller t.",
    StepCode.NOT_FINITE: "A number overflowed or is undefined: scale the matrices to norms near 1, or take another "
    "start.",
}


def lanes_are_faster(n: int, d: int, r: int, k: int) -> bool:
    """Whether `lane_steps` takes less time for a step of k starts than batched products by BLAS.

    Parameters
    ----------
    n, d : int
        Size of the matrices and of their reductions.
    r : int
        Number of matrices.
    k : int
        Number of starts. Up to 16 cost as much as one.

    Returns
    -------
    bool
        A rule for real, dense matrices, measured by ``benchmarks/lsrdr.py`` against
        `algeom.lsrdr.reduction.iteration.step`. Complex starts favour lanes a little more.

    Examples
    --------
    >>> lanes_are_faster(n=8, d=3, r=5, k=1), lanes_are_faster(n=400, d=20, r=10, k=16)
    (True, False)
    """
    work = r * n * d * (n + 2 * d)
    return work * math.ceil(k / LANE) <= _CALLS + _START * k


class LaneSteps(NamedTuple):
    """What `lane_steps` returns.

    Attributes
    ----------
    S : ndarray, shape (k, n, d)
    R : ndarray, shape (k, d, n)
    Y, Z : ndarray, shape (k, n, d)
        The states after the last step that could be taken; of type complex128 if any argument is complex.
    increments : ndarray of float64, shape (k,)
        Frobenius norms of the change of P = S R in the last step; NaN where it could not be taken, and infinity where
        the two projections are so far apart that their factors do not give the norm.
    codes : ndarray of int64, shape (k,)
        `StepCode` of each start.
    """

    S: Array
    R: Array
    Y: Array
    Z: Array
    increments: NDArray[np.float64]
    codes: NDArray[np.int64]


def lane_steps(A: Array, S: Array, R: Array, Y: Array, Z: Array, t: ArrayLike, steps: int = 1) -> LaneSteps:
    """Take steps of the low-rank LSRDR iteration (with s = infinity) from many starts, which do not touch each other.

    One step from S, R, Y, Z with R S = I takes, with X_j = R A_j S,

    - Y# = sum_j A_j Y X_j^* and Z# = sum_j A_j^* Z X_j, divided by the traces of Y# S^* and Z# R,
    - S' = S + t Y# (S^* S) and R' = R + t (R R^*) Z#^*,
    - S and R such that P = S R = S' (R' S')^{-1} R' and R S = I,
    - Y = Y# (R S_0)^* and Z = Z# (R_0 S) with the factors S_0, R_0 before the step.

    So P is the limit of f(f(...)), f(x) = 3 x^2 - 2 x^3, at (P + t H P)(P + t P G^*), where H and G are Y S^* and Z R.

    Parameters
    ----------
    A : ndarray, shape (r, n, n)
        Float64 or complex128.
    S, R, Y, Z : ndarray, shapes (k, n, d), (k, d, n), (k, n, d), (k, n, d)
        Starts. They are not changed.
    t : array_like, scalar or shape (k,)
        Positive step sizes. Infinity is one: the images of P and P^* become those of H and G.
    steps : int
        How many steps, at least 1.

    Returns
    -------
    LaneSteps
        A start whose next step cannot be taken stays where it is, and its code says why; the others go on.
        The columns of S are orthonormal.

    Raises
    ------
    InputError
        If shapes do not match, a step size is not positive, or steps < 1.

    Notes
    -----
    If A and the starts are real all arithmetic is. Orthonormal columns of S keep the factors as well conditioned as P
    is; P, G and H do not depend on that choice of a basis.

    Examples
    --------
    The leading eigenvector of a symmetric matrix is its reduction to d = 1:

    >>> import numpy as np
    >>> A = np.array([[[2.0, 1.0], [1.0, 2.0]]])
    >>> S = np.array([[[1.0], [0.0]]])
    >>> done = lane_steps(A, S, S.transpose(0, 2, 1), S, S, t=np.inf, steps=40)
    >>> np.round(done.S[0] @ done.R[0], 12)
    array([[0.5, 0.5],
           [0.5, 0.5]])
    >>> StepCode(done.codes[0]).advice
    'All steps were taken; nothing is to be done.'
    """
    if S.ndim != 3 or S.shape[0] == 0 or not 1 <= S.shape[2] <= S.shape[1]:
        raise InputError(f"S has the shape {S.shape}; expected k >= 1 starts of rank 1 <= d <= n, shape (k, n, d)")
    k, n, d = S.shape
    for name, array, shape in (
        ("A", A, (len(A), n, n)),
        ("R", R, (k, d, n)),
        ("Y", Y, (k, n, d)),
        ("Z", Z, (k, n, d)),
    ):
        if array.shape != shape:
            raise InputError(f"{name} has the shape {array.shape}; with S of shape {S.shape}, {shape} was expected")
    if steps < 1:
        raise InputError(f"steps = {steps}; expected at least 1")
    sizes = np.ascontiguousarray(np.broadcast_to(np.asarray(t, np.float64), (k,)))
    if not np.all(sizes > 0):
        raise InputError(f"t = {t!r}; expected positive step sizes")
    is_complex = any(np.iscomplexobj(array) for array in (A, S, R, Y, Z))
    dtype: Any = np.complex128 if is_complex else np.float64
    re = np.ascontiguousarray(A.real, np.float64).ravel()
    im = np.ascontiguousarray(A.imag if np.iscomplexobj(A) else np.empty(0), np.float64).ravel()
    # Copies, which the kernel overwrites; R as its adjoint.
    starts = [np.array(array, dtype, order="C") for array in (S, R.swapaxes(1, 2).conj(), Y, Z)]
    increments = np.empty(k)
    codes = np.empty(k, np.int64)
    parts = 2 if is_complex else 1
    S1, Q1, Y1, Z1 = (array.reshape(k, n * d).view(np.float64) for array in starts)
    kernels.low_rank_steps(re, im, -im, len(A), n, d, parts, steps, sizes, S1, Q1, Y1, Z1, increments, codes)
    S, Q, Y, Z = starts
    return LaneSteps(S, Q.swapaxes(1, 2).conj(), Y, Z, increments, codes)

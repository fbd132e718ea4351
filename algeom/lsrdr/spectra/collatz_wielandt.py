"""Two-sided bounds for the spectral radius of a completely positive map, from one positive semidefinite matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.tuples import Array

__all__ = ["SHARP", "SHARP_ENOUGH", "PerronBounds", "bounds_at_unit", "collatz_wielandt", "perron_bounds"]

_EPS = float(np.finfo(np.float64).eps)

#: Part of the largest eigenvalue, times n, below which an eigenvalue of a positive semidefinite matrix may be 0.
_SINGULAR = 8 * _EPS

#: Relative size of negative eigenvalues and of traces that iterations leave where exact ones are positive.
_INDEFINITE = 1e-7

#: Relative distances above the estimate at which resolvents are computed, and above upper bounds after that. The first
#: suffices for simple eigenvalues; where they are defective, estimates are inaccurate, and larger ones are sharper.
_DISTANCES, _ABOVE = (1e-10, 1e-7, 1e-5, 1e-3, 1e-1), 1e-10

#: Resolvents at upper bounds, each of which gives a smaller one (Noda's iteration), at most; and the part of its width
#: to which the interval has to shrink to go on.
_RESOLVENTS, _PROGRESS = 12, 0.7

#: Solutions with each resolvent: the error of the eigenvector is multiplied by the distance in each.
_SOLVES = 3

#: Relative width of bounds that is as sharp as rounding errors of their computation allow, or nearly.
SHARP = 1e-12

#: Relative width of bounds that calls for no further steps of the power iteration, nor for a comment.
SHARP_ENOUGH = 1e-9

#: Steps of the power iteration that sharpens bounds for large maps, and after how many they are looked at.
_STEPS, _LOOK = 200, 10

#: Share of the unit matrix that makes the start of this iteration positive definite.
_INTERIOR = 1e-3


@dataclass(frozen=True, eq=False)
class PerronBounds:
    """Bounds for the spectral radius of a positive map.

    Attributes
    ----------
    lower, upper : float
    vector : ndarray, shape (n, n)
        Positive semidefinite, of Frobenius norm 1: the matrix nearest to an eigenvector that was found.
    """

    lower: float
    upper: float
    vector: Array

    @property
    def width(self) -> float:
        """Relative width of the interval; infinite if there is no upper bound."""
        return (self.upper - self.lower) / self.upper if 0 < self.upper < math.inf else math.inf

    def and_also(self, other: PerronBounds) -> PerronBounds:
        """The better of both bounds, with the other vector."""
        return PerronBounds(max(self.lower, other.lower), min(self.upper, other.upper), other.vector)


def collatz_wielandt(E: Superoperator, H: Array) -> PerronBounds:
    """The numbers a and b with a H <= E(H) <= b H, which bound the spectral radius of a positive map.

    Parameters
    ----------
    E : Superoperator
        A positive map of n x n matrices.
    H : ndarray, shape (n, n)
        Positive definite.

    Returns
    -------
    PerronBounds
        Widened by what rounding errors can amount to; 0 and infinity if H is singular up to rounding.

    Raises
    ------
    InputError
        If the shapes do not fit.

    Notes
    -----
    If E(H) <= b H with H positive definite, then E^k(H) <= b^k H, and a multiple of H is above the unit matrix, where
    positive maps attain their norm: so rho <= b. If E(H) >= a H, then E^k(H) >= a^k H: so rho >= a. For irreducible
    maps both are equal at the eigenvector, which is positive definite. For reducible ones it may be singular; then b
    comes as near to rho as one likes, but not a.

    References
    ----------
    D. E. Evans, R. Høegh-Krohn, Spectral properties of positive maps on C*-algebras, J. London Math. Soc. 17 (1978).
    R. Bhatia, Positive Definite Matrices, Princeton University Press 2007, Theorem 2.6.3 (Russo and Dye).
    B. V. R. Bhat, B. Saha, P. Sahasrabuddhe, arXiv:2405.15009 (the formula of Wielandt and Friedland).

    Examples
    --------
    >>> from algeom.lsrdr.operators.superoperators import superoperator
    >>> found = collatz_wielandt(superoperator([[[1.0, 1.0], [1.0, 0.0]]]), np.array([[2.0, 1.0], [1.0, 1.0]]))
    >>> found.lower < ((1 + 5**0.5) / 2) ** 2 < found.upper
    True
    """
    if not E.is_square_map or np.shape(H) != E.shape:
        raise InputError(f"H has the shape {np.shape(H)} and E acts on matrices of shape {E.shape}; give square ones")
    n = len(H)
    H = (H + adjoint(H)) / 2
    H = H / np.linalg.norm(H)
    values, vectors = np.linalg.eigh(H)
    if values[0] <= n * _SINGULAR * values[-1]:
        return PerronBounds(0.0, math.inf, H)
    image = adjoint(vectors) @ E.apply(H) @ vectors
    roots = np.sqrt(values)
    ratio = image / roots[:, None] / roots
    ratios = np.linalg.eigvalsh((ratio + adjoint(ratio)) / 2)
    slack = 4 * n * _EPS * float(np.linalg.norm(image) / values[0])
    return PerronBounds(max(0.0, float(ratios[0]) - slack), float(ratios[-1]) + slack, H)


def perron_bounds(E: Superoperator, value: float, vector: Array, matrix: Array | None) -> PerronBounds:
    """Bounds for the spectral radius of a completely positive map, given a good estimate of it.

    Parameters
    ----------
    E : Superoperator
    value : float
        The estimate, positive.
    vector : ndarray, shape (n, n)
        An eigenvector for it, up to a factor; where the eigenvalue is repeated, any one.
    matrix : ndarray, shape (n^2, n^2), optional
        The matrix of E on row-major vectors, for small maps: then bounds come from its resolvent, else from a power
        iteration.

    Notes
    -----
    For mu > rho the resolvent at the unit matrix, F = (mu - E)^-1(1), is the sum of E^k(1) / mu^(k+1), so positive
    definite, and E(F) = mu F - 1 <= mu F. Applied repeatedly it goes to a positive semidefinite eigenvector, even if
    the eigenvalue is repeated or other ones have its modulus. With mu an upper bound it gives a smaller one; this is
    Noda's iteration for nonnegative matrices, carried over to completely positive maps.
    """
    best = bounds_at_unit(E)
    if matrix is not None:
        return _by_resolvents(E, value, matrix, best)
    H = _positive_part(vector)
    if H is not None:
        best = best.and_also(collatz_wielandt(E, H))
    return best if best.width <= SHARP_ENOUGH else _by_powers(E, value, H, best)


def bounds_at_unit(E: Superoperator) -> PerronBounds:
    """Bounds from the images of the unit matrix under E and under its adjoint, which has the same spectral radius.

    Both are equal for maps that preserve the unit matrix or the trace up to a factor.
    """
    n = E.n
    unit = np.eye(n, dtype=E.dtype)
    best = collatz_wielandt(E, unit)
    dual = np.linalg.eigvalsh(E.adjoint(unit))
    slack = 4 * n * _EPS * float(dual[-1])
    return PerronBounds(max(best.lower, float(dual[0]) - slack), min(best.upper, float(dual[-1]) + slack), best.vector)


def _positive_part(vector: Array) -> Array | None:
    """The Hermitian multiple of a matrix if it is positive semidefinite up to rounding."""
    trace = np.trace(vector)
    if abs(trace) <= _INDEFINITE * np.linalg.norm(vector):
        return None
    H = vector * (abs(trace) / trace)
    H = (H + adjoint(H)) / 2
    values, vectors = np.linalg.eigh(H)
    if values[0] < -_INDEFINITE * values[-1]:
        return None
    return np.asarray((vectors * np.maximum(values, 0)) @ adjoint(vectors))


def _by_resolvents(E: Superoperator, value: float, matrix: Array, best: PerronBounds) -> PerronBounds:
    from scipy.linalg import get_lapack_funcs

    n = E.n
    vector, residual = best.vector, math.inf
    factorize, solve = get_lapack_funcs(("getrf", "getrs"), (matrix,))
    for number in range(len(_DISTANCES) + _RESOLVENTS):
        near = number < len(_DISTANCES)
        before = best.width
        shifted = -matrix
        shifted[np.diag_indices(n * n)] += (1 + _DISTANCES[number]) * value if near else (1 + _ABOVE) * best.upper
        factors, pivots, singular = factorize(shifted)
        if singular:
            continue
        F: Array = np.eye(n, dtype=matrix.dtype)
        for _ in range(_SOLVES):
            F = solve(factors, pivots, F.ravel())[0].reshape(n, n)
            F = (F + adjoint(F)) / 2
            F = F / np.linalg.norm(F)
            # Not positive: the estimate is too small by more than the distance, or the solution is mere rounding.
            if float(np.linalg.eigvalsh(F)[0]) < -_INDEFINITE or np.trace(F).real <= 0:
                break
            best = best.and_also(collatz_wielandt(E, F))
            image = E.apply(F)
            off = float(np.linalg.norm(image - np.vdot(F, image) * F))
            if off < residual:
                vector, residual = F, off
        if best.width <= SHARP or (not near and best.width > _PROGRESS * before):
            break
    return PerronBounds(best.lower, best.upper, vector)


def _by_powers(E: Superoperator, value: float, H: Array | None, best: PerronBounds) -> PerronBounds:
    """Bounds along the powers of E + value, which become no worse, from a positive definite start near H.

    Without H the limit is an eigenvector, and else H is one already.
    """
    n = E.n
    G = np.eye(n, dtype=E.dtype)
    if H is not None:
        G = H / np.trace(H).real + _INTERIOR / n * G
    for step in range(1, _STEPS + 1):
        G = E.apply(G) / value + G
        G = G / np.linalg.norm(G)
        if step % _LOOK == 0:
            best = best.and_also(collatz_wielandt(E, G))
            if best.width <= SHARP_ENOUGH:
                break
    return best if H is None else PerronBounds(best.lower, best.upper, H / np.linalg.norm(H))

"""The centered ellipsoid of least volume around points, with a certificate of optimality."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.ellipsoids.away_steps import away_step_weights
from algeom.gsvd.ellipsoids.core_sets import core_set
from algeom.gsvd.functions.arguments import as_rows
from algeom.maps.tape import noun_count
from algeom.runtime.memory import require

__all__ = ["Ellipsoid", "minimum_volume_ellipsoid"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: The least gap that can be asked for: gains have rounding errors of some hundred units.
_LEAST_TOL = 1e-13
#: Condition of the points above which whitening them once leaves errors that matter: they are condition times rounding.
_WHITEN_TWICE = 1e4
#: Copies of the points that are held at the same time at most (scaled, whitened, remaining ones, blocks).
_COPIES = 5
#: Steps that away-step iterations may take in all; they need about 100 r for a gap of 1e-7, with few exceptions.
_AWAY_STEPS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class Ellipsoid:
    """The ellipsoid ``{y : ||Sigma^-1 U^T y|| <= 1}`` of least volume around points, centered at the origin.

    Attributes
    ----------
    axes : ndarray of float64, shape (p, p)
        The orthogonal matrix U, an axis in each column.
    semi_axes : ndarray of float64, shape (p,)
        Lengths of the semi-axes, decreasing; zero for axes orthogonal to the span of the points.
    weights : ndarray of float64, shape (N,)
        The dual solution: nonnegative with sum 1. ``sum_k weights_k y_k y_k^T`` is a multiple of the inverse of the
        matrix of the ellipsoid.
    support : ndarray of int64
        Points on the boundary that carry weight: weight above slack. At most r (r + 1) / 2 are needed, and there may be
        more.
    gap : float
        ``max_k g_k / r - 1`` with ``g_k = y_k^T V^-1 y_k``, computed afresh from all points. The volume is at most
        ``(1 + gap)^(r/2)`` times the least one.
    rank : int
        Dimension r of the span of the points.
    off_span : float
        Largest distance of a point from the span of the first r axes, relative to the largest point, after coordinates
        were scaled to size 1; zero for full rank.
    method : str
    iterations : int
        Newton steps, or steps of the away-step algorithm.
    passes : int
        How often gains of all points that were not yet eliminated were computed.
    evidence : Evidence
        NUMERICAL with the gap.
    """

    axes: Float
    semi_axes: Float
    weights: Float
    support: Int
    gap: float
    rank: int
    off_span: float
    method: str
    iterations: int
    passes: int
    evidence: Evidence

    @property
    def matrix(self) -> Float:
        """The matrix M of the ellipsoid ``{y : y^T M y <= 1}``, shape (p, p); on the span of the points only."""
        scaled = self.axes[:, : self.rank] / self.semi_axes[: self.rank]
        return np.asarray(scaled @ scaled.T)

    @property
    def log_volume(self) -> float:
        """Natural logarithm of the volume, in the dimension of the span."""
        unit_ball = 0.5 * self.rank * math.log(math.pi) - math.lgamma(0.5 * self.rank + 1)
        return unit_ball + float(np.log(self.semi_axes[: self.rank]).sum())

    @property
    def semi_axes_error(self) -> float:
        """Bound of the relative error of each semi-axis that the gap implies; of the order of its square root.

        Our own derivation. Let ``1 + e_i`` be the eigenvalues of ``M*^-1/2 M M*^-1/2`` for the optimal M*. Since
        ``M*^-1 / r`` is a convex combination of the ``y_k y_k^T``, the sum of the e_i is at most 0, and ``sum log(1 +
        e_i) >= -r log(1 + gap)``. Both bound every e_i, and semi-axes change by factors between extreme ``(1 +
        e_i)^(-1/2)``. Where the solution of the dual problem is unique, errors are proportional to the gap instead.
        """
        from scipy.optimize import brentq

        loss, r = self.rank * math.log1p(max(self.gap, 0.0)), self.rank
        if loss == 0:
            return 0.0
        if r == 1:
            return math.expm1(loss / 2)

        def missing(e: float) -> float:
            return math.log1p(e) + (r - 1) * math.log1p(-e / (r - 1)) + loss

        most = brentq(missing, 0.0, (r - 1) * (1 - 1e-15))
        least = -brentq(lambda e: missing(-e), 0.0, 1 - 1e-15)
        return float(max(1 - (1 + most) ** -0.5, (1 + least) ** -0.5 - 1))

    def gauge(self, points: Any) -> Float:
        """``||Sigma^-1 U^T y||`` for each row y, which is at most 1 inside.

        Parameters
        ----------
        points : array_like, shape (N, p)

        Returns
        -------
        ndarray of float64, shape (N,)
            Only the part in the span of the fitted points counts if that is not everything.

        Raises
        ------
        InputError
            If the shape is wrong or an entry is not finite.
        """
        rows = as_rows("points", points)
        if rows.shape[1] != len(self.axes):
            raise InputError(f"points of dimension {rows.shape[1]} were given; this ellipsoid is in R^{len(self.axes)}")
        return np.asarray(np.linalg.norm(rows @ self.axes[:, : self.rank] / self.semi_axes[: self.rank], axis=1))

    def __repr__(self) -> str:
        p, rank = len(self.axes), "" if self.rank == len(self.axes) else f" of rank {self.rank}"
        return (
            f"Ellipsoid(in R^{p}{rank} around {noun_count(len(self.weights), 'point')}, {len(self.support)} of them "
            f"support it; gap {self.gap:.1e}, {noun_count(self.iterations, 'step')}, "
            f"{self.passes} {'pass' if self.passes == 1 else 'passes'}; {self.evidence})"
        )

    def __str__(self) -> str:
        lengths = ", ".join(f"{length:.6g}" for length in self.semi_axes[:8])
        more = f", ... ({len(self.semi_axes)} in all)" if len(self.semi_axes) > 8 else ""
        return f"{self!r}\nsemi-axes {lengths}{more}\n{self.evidence.reason}"


def minimum_volume_ellipsoid(
    points: Any,
    tol: float = 1e-7,
    *,
    method: str = "newton",
    rank_tol: float | None = None,
    memory_limit: Any = None,
) -> Ellipsoid:
    """Centered ellipsoid of minimum volume around points: the Loewner-John ellipsoid of the points and their negatives.

    Parameters
    ----------
    points : array_like, shape (N, p)
        The points as rows. Sizes of coordinates do not matter, nor do repeated points.
    tol : float
        The gap to reach, at least 1e-13.
    method : {"newton", "away-steps"}
        Newton's method for core sets with elimination of points, which is what to use; or the Wolfe-Atwood algorithm,
        which changes one weight at a time: for comparison, and for a few hundred points at most at small gaps.
    rank_tol : float, optional
        Singular values of the points, each coordinate scaled to size 1, below this part of the largest one count as
        zero; by default ``max(N, p)`` units of rounding, as for ``numpy.linalg.matrix_rank``.
    memory_limit : int or str, optional

    Returns
    -------
    Ellipsoid
        If the points do not span the space, the ellipsoid of least volume in their span.

    Raises
    ------
    InputError
        If the shape is wrong, an entry is not finite, all points are zero, or `tol` or `method` is out of range.
    ResourceError
        If the points would not fit into memory a few times.

    Notes
    -----
    The primal problem is to maximize ``log det M`` subject to ``y_k^T M y_k <= 1``; the dual one to maximize ``log det
    V(u)`` with ``V(u) = sum u_k y_k y_k^T`` over weights u >= 0 with sum 1, which is D-optimal design. Weak duality:
    every feasible M has ``tr(M V) <= 1``, and so ``log det M <= -log det V - r log r`` by the inequality of means. With
    ``g_k = y_k^T V^-1 y_k`` the matrix ``M = V^-1 / max g`` is feasible, and its duality gap is ``r log(max g / r)``.
    At the end V is formed from the given points and the weights alone, and the gap is computed over all points by a
    singular value decomposition that keeps the relative accuracy of all semi-axes, also if coordinates have very
    different units: what is returned does not rest on what the iterations or the elimination did. Points are inside up
    to rounding errors.

    References
    ----------
    P. Sun, R. M. Freund, Oper. Res. 52 (2004); M. J. Todd, Minimum-Volume Ellipsoids, SIAM 2016; R. Harman, L.
    Pronzato, Statist. Probab. Lett. 77 (2007), for the elimination; Z. Drmac, K. Veselic, New fast and accurate Jacobi
    SVD algorithm, SIAM J. Matrix Anal. Appl. 29 (2008).

    Examples
    --------
    The corners of a square are on a circle, and so are those of a parallelogram after a linear map.

    >>> from algeom.gsvd import minimum_volume_ellipsoid
    >>> corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]])
    >>> minimum_volume_ellipsoid(corners).semi_axes.round(6)
    array([1.414214, 1.414214])
    >>> stretched = minimum_volume_ellipsoid(corners @ np.diag([3.0, 0.5]), tol=1e-10)
    >>> stretched.semi_axes.round(6), stretched.rank, bool(stretched.gap <= 1e-10)
    (array([4.242641, 0.707107]), 2, True)
    """
    rows = as_rows("points", points)
    n, p = rows.shape
    if not (isinstance(tol, (int, float)) and _LEAST_TOL <= tol < 1):
        raise InputError(f"tol={tol!r}: expected a gap from {_LEAST_TOL:g}, the limit of double precision, to 1")
    if method not in ("newton", "away-steps"):
        raise InputError(f'method={method!r}: choose "newton" or "away-steps"')
    if rank_tol is None:
        rank_tol = max(n, p) * float(np.finfo(np.float64).eps)
    elif not 0 <= rank_tol < 1:
        raise InputError(f"rank_tol={rank_tol!r}: expected a number from 0 to 1")
    require(_COPIES * 8 * n * p, memory_limit, f"the ellipsoid of {n} points in R^{p}", "give fewer points")
    sizes = np.abs(rows).max(axis=0)
    if not sizes.any():
        raise InputError("all points are zero, so that there is no ellipsoid; give at least one other point")
    # Powers of two, so that scaling is exact; a coordinate that is zero everywhere stays as it is.
    exponents = np.where(sizes > 0, np.frexp(sizes)[1], 0)
    span = _Span.of(np.ldexp(rows, -exponents), rank_tol)
    r = span.rank
    weights = np.zeros(n)
    if r == 1:
        # The largest point alone; there is nothing to iterate.
        weights[np.argmax(np.abs(span.whitened))] = 1.0
        iterations, passes = 0, 1
    elif method == "newton":
        core = core_set(span.whitened, tol)
        weights[core.indices] = core.weights
        iterations, passes = core.iterations, core.rounds
    else:
        weights, _, iterations = away_step_weights(span.whitened, tol, _AWAY_STEPS)
        passes = iterations
    axes, lengths = _principal_axes(rows, weights, r)
    g = np.square(np.linalg.norm(rows @ axes[:, :r] / lengths[:r], axis=1))
    largest = float(g.max())
    gap = max(0.0, largest / r - 1)
    below = "" if gap <= tol else f", above the {tol:.1e} that was asked for, which rounding errors did not allow"
    where = "" if r == p else f", in the {r}-dimensional span of the points"
    return Ellipsoid(
        axes=axes,
        semi_axes=lengths * math.sqrt(largest),
        weights=weights,
        support=np.flatnonzero(weights > np.maximum(1 - g / largest, np.finfo(np.float64).eps)),
        gap=gap,
        rank=r,
        off_span=span.off_span,
        method=method,
        iterations=iterations,
        passes=passes + 1,
        evidence=Evidence(
            Status.NUMERICAL, math.nan, f"duality gap {gap:.1e} over all {noun_count(n, 'point')}{where}{below}"
        ),
    )


@dataclass(frozen=True, eq=False)
class _Span:
    """Points in coordinates of their span, in which their mean square is the identity."""

    whitened: Float
    rank: int
    off_span: float

    @classmethod
    def of(cls, scaled: Float, rank_tol: float) -> _Span:
        n = len(scaled)
        singular, basis = _singular(scaled)
        rank = int(np.count_nonzero(singular > rank_tol * singular[0]))
        off_span = 0.0
        if rank < len(basis):
            outside = scaled @ basis[rank:].T
            off_span = float(np.linalg.norm(outside, axis=1).max() / np.linalg.norm(scaled, axis=1).max())
        whitened = scaled @ (basis[:rank].T * (math.sqrt(n) / singular[:rank]))
        if singular[0] > _WHITEN_TWICE * singular[rank - 1]:
            again, rotation = _singular(whitened)
            whitened = whitened @ (rotation.T * (math.sqrt(n) / again))
        return cls(whitened, rank, off_span)


def _singular(rows: Float) -> tuple[Float, Float]:
    """Singular values, padded with zeros to the number of columns, and all right singular vectors as rows."""
    triangle = np.linalg.qr(rows, mode="r") if len(rows) > rows.shape[1] else rows
    _, values, basis = np.linalg.svd(triangle, full_matrices=True)
    return np.append(values, np.zeros(len(basis) - len(values))), basis


def _principal_axes(rows: Float, weights: Float, rank: int) -> tuple[Float, Float]:
    """All axes as columns and ``sqrt`` of the eigenvalues of ``V = sum_k weights_k y_k y_k^T``, zero from `rank` on.

    The Jacobi algorithm finds them with small relative errors under any scaling of coordinates, unlike other ones.
    """
    from scipy.linalg.lapack import dgejsv

    p = rows.shape[1]
    chosen = np.flatnonzero(weights)
    columns = np.flatnonzero(rows[chosen].any(axis=0))
    weighted = rows[np.ix_(chosen, columns)] * np.sqrt(weights[chosen])[:, None]
    triangle = np.linalg.qr(weighted, mode="r")
    square = np.zeros((columns.size, columns.size))
    square[: len(triangle)] = triangle
    found, _, vectors, work, _, info = dgejsv(square, joba=0, jobu=3, jobv=0)
    axes, values = np.zeros((p, p)), np.zeros(p)
    values[: columns.size] = found * (work[0] / work[1])
    axes[columns, : columns.size] = vectors
    axes[np.setdiff1d(np.arange(p), columns), np.arange(columns.size, p)] = 1.0
    if info:
        raise GenericityError(
            f"LAPACK's dgejsv found no singular values (info {info}); scale the points, or leave some out"
        )
    order = np.argsort(-values, kind="stable")
    axes, values = axes[:, order], values[order]
    values[rank:] = 0.0
    signs = np.sign(axes[np.argmax(np.abs(axes), axis=0), np.arange(p)])
    return axes * signs, values

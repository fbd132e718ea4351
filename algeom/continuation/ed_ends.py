"""Following critical points to special data or weights, and saying what became of each.

Let X be the closure of the image, of dimension k, and N its conormal variety: the closure of the pairs (y, nu) with y
a smooth point and nu normal to X there, of dimension m. A critical point for (u, W) is a y with (y, W(u - y)) in N over
a smooth point. When (u, W) moves along a segment to its end, a path of critical points goes to infinity or ends at a
point of N; in the second case its y is

- a smooth point of X: critical for the end, regular or multiple, or
- a singular point of X.

For generic u the second kind does not occur, whatever the weights W: the part of N over the singular points of X has
dimension below m, and so has its image under (y, nu) -> y + W^(-1) nu. Multiple critical points do not occur either, as
this map is generically unramified. Nor do points outside any given dense open set of X, say the set parametrized well.
So for generic data and special weights all that is lost is lost at infinity, and its direction y satisfies
y^T W y = 0: the direction is a limit of tangent vectors, and a limit of vectors that are W-orthogonal to them.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.ed_system import CriticalEquations, Weights, affine_chart_equations
from algeom.continuation.gauge import Gauge
from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, track
from algeom.maps import Tape
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

Float = NDArray[np.float64]

#: First coordinate of a unit vector (1 : y / size) below which y is at infinity; the endgame's limits are good to 1e-8.
_INFINITY = 1e-7

#: Condition number, rows and columns scaled, from which a point counts as multiple.
_WORST_CONDITION = 1e11

#: Relative singular value below which the Jacobian counts as rank deficient: at regular ends it is known to about
#: 1e-12, at singular ones to the square root of the endgame's accuracy.
_RANK_AT_REGULAR, _RANK_AT_SINGULAR = 1e-9, 1e-4

#: Relative size of imaginary parts below which a point is real, likewise.
_REAL_AT_REGULAR, _REAL_AT_SINGULAR = 1e-9, 1e-5

#: Least size that the latter are relative to: in projective space, points near the origin have an absolute accuracy.
_FLOOR = 1e-3

#: Where the Hessian is looked at for ends without parameters: near enough for the signs of its eigenvalues.
_NEAR_TARGET = 1e-4
#: Eigenvalues smaller than this fraction of the largest have no certain sign there.
_SIGN_NEAR_TARGET = 1e-2


#: Values of t at which divergence is measured; the least exponent of a power of t that counts, times log(100), how
#: equal the two exponents have to be, and how isotropic the last direction.
_GROWTH = (1e-3, 1e-5, 1e-7)
_LEAST_GROWTH, _SAME_GROWTH, _ISOTROPIC = 0.2, 0.2, 1e-2


class End(IntEnum):
    """What became of a critical point."""

    REGULAR = 0
    LIMIT = 1
    MULTIPLE = 2
    SINGULAR_LOCUS = 3
    AT_INFINITY = 4
    UNRESOLVED = 5

    def __str__(self) -> str:
        return _WORDS[self]


_WORDS = {
    End.REGULAR: "regular",
    End.LIMIT: "limits of the parametrization",
    End.MULTIPLE: "multiple",
    End.SINGULAR_LOCUS: "on the singular locus",
    End.AT_INFINITY: "at infinity",
    End.UNRESOLVED: "unresolved",
}

#: Ends that are critical points.
CRITICAL = (End.REGULAR, End.LIMIT, End.MULTIPLE)


@dataclass(frozen=True, eq=False)
class Ends:
    """Ends of paths of critical points, one column each.

    Attributes
    ----------
    kinds : ndarray of int64, shape (B,)
        `End` of each.
    points : ndarray of complex128, shape (m, B)
        The ends y; NaN at infinity or unresolved.
    tau : ndarray of complex128, shape (k, B)
        Parameters of the gauge; NaN where the gauge has none.
    theta : ndarray of complex128, shape (n, B)
        Parameters of the map; NaN where they go to infinity.
    real : ndarray of bool, shape (B,)
        Whether y is real.
    index : ndarray of int64, shape (B,)
        Number of negative eigenvalues of the Riemannian Hessian of the distance; -1 where y is not real or not a
        critical point, or a sign could not be decided.
    codes : ndarray of int64, shape (B,)
        `ReturnCode` of the last tracking of each path.
    """

    kinds: NDArray[np.int64]
    points: Complex
    tau: Complex
    theta: Complex
    real: NDArray[np.bool_]
    index: NDArray[np.int64]
    codes: NDArray[np.int64]

    def counts(self) -> dict[End, int]:
        """Number of ends of each kind that occurs."""
        found, numbers = np.unique(self.kinds, return_counts=True)
        return {End(kind): int(number) for kind, number in zip(found, numbers, strict=True)}


@dataclass(frozen=True, eq=False)
class Problem:
    """Data and weights."""

    u: NDArray[Any]
    weights: Weights


def follow(
    gauge: Gauge,
    tau: Complex,
    start: Problem,
    target: Problem,
    *,
    seed: int,
    options: TrackerOptions | None = None,
    executor: Executor | None = None,
    progress: Progress = False,
) -> Ends:
    """Track critical points to other data and weights, to whatever ends they come.

    Parameters
    ----------
    gauge : Gauge
    tau : ndarray of complex128, shape (k, B)
        Critical points for the start, regular ones with distinct images.
    start, target : Problem
        The start is generic.
    seed : int
        For the charts in which ends without parameters are looked at again.
    options, executor, progress
        As for `track`.

    Returns
    -------
    Ends
    """
    matrix = start.weights.is_matrix or target.weights.is_matrix
    equations = CriticalEquations.of(gauge, matrix=matrix)
    p_start = equations.parameters(start.u, start.weights)
    p_target = equations.parameters(target.u, target.weights)
    results = track(
        equations.system,
        tau,
        p_start,
        p_target,
        options=options,
        endgame=True,
        image=equations.image,
        executor=executor,
        progress=progress,
    )

    def jacobian(_: int, point: Complex) -> Complex:
        return np.asarray(gauge.map.jacobian(point))

    ends = _classified(results, equations.system, equations.image, p_target, target, jacobian)
    ends = replace(ends, theta=_lifted(gauge, ends.tau))
    open_ = np.flatnonzero(ends.kinds == End.UNRESOLVED)
    if open_.size:
        diverging = _diverging(equations, tau[:, open_], p_start, p_target, target.weights)
        ends.kinds[open_[diverging]] = int(End.AT_INFINITY)
    again = np.flatnonzero(np.isin(ends.kinds, [End.LIMIT, End.SINGULAR_LOCUS, End.UNRESOLVED]))
    if again.size and gauge.original.n_parameters > gauge.dimension:
        _improve(ends, again, _in_affine_charts(gauge, tau[:, again], start, target, matrix, seed, options, executor))
    again = np.flatnonzero(ends.kinds == End.UNRESOLVED)
    if again.size:
        results = track(
            equations.system,
            tau[:, again],
            p_start,
            p_target,
            options=TrackerOptions.conservative(),
            endgame=True,
            image=equations.image,
            executor=executor,
        )
        second = _classified(results, equations.system, equations.image, p_target, target, jacobian)
        _improve(ends, again, replace(second, theta=_lifted(gauge, second.tau)))
    limits = np.flatnonzero((ends.kinds == End.LIMIT) & ends.real)
    if limits.size:
        ends.index[limits] = _indices_near(equations, tau[:, limits], p_start, p_target)
    return ends


def _lifted(gauge: Gauge, tau: Complex) -> Complex:
    with np.errstate(invalid="ignore"):
        return np.asarray(gauge.lift(tau), dtype=np.complex128)


def _improve(ends: Ends, where: NDArray[np.int64], other: Ends) -> None:
    """Replace ends in place where other results say more."""
    chosen = np.flatnonzero(other.kinds < ends.kinds[where])
    for name in ends.__dataclass_fields__:
        getattr(ends, name)[..., where[chosen]] = getattr(other, name)[..., chosen]


def _classified(
    results: PathResults,
    system: System,
    image: Tape,
    p_target: Complex,
    target: Problem,
    jacobian: Callable[[int, Complex], Complex],
) -> Ends:
    """Kinds of ends, from the limits of points and images; without theta.

    ``jacobian(j, point)`` is the derivative of y by the unknowns of path j.
    """
    count, m = len(results), len(target.u)
    directions = results.image_directions
    assert directions is not None
    kinds = np.full(count, int(End.UNRESOLVED), dtype=np.int64)
    points = np.full((m, count), np.nan, dtype=np.complex128)
    tau = np.full((system.n_unknowns, count), np.nan, dtype=np.complex128)
    real = np.zeros(count, dtype=np.bool_)
    index = np.full(count, -1, dtype=np.int64)
    size = float(np.linalg.norm(target.u))
    known = np.isfinite(directions).all(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = directions[1:] / directions[0]
        infinite = known & ~(np.linalg.norm(y, axis=0) * _INFINITY < max(1.0, size))
    # Other directions cannot be: see the top of the module.
    kinds[infinite & _isotropic(directions[1:], target.weights)] = int(End.AT_INFINITY)
    finite = known & ~infinite
    points[:, finite] = y[:, finite]
    regular = (results.codes == ReturnCode.SUCCESS) & (results.condition < _WORST_CONDITION)
    has_tau = finite & np.isin(results.codes, [ReturnCode.SUCCESS, ReturnCode.SINGULAR])
    tau[:, has_tau] = results.solutions[:, has_tau]
    exact = np.flatnonzero(finite & regular)
    columns = p_target if p_target.ndim == 2 else np.repeat(p_target[:, None], count, axis=1)
    # Regular points were refined after the endgame.
    points[:, exact] = image.evaluate(np.concatenate([tau[:, exact], columns[:, exact]]))
    tolerance = np.where(regular, _REAL_AT_REGULAR, _REAL_AT_SINGULAR)
    real[finite] = _real_columns(points[:, finite], tolerance[finite], size)
    # A path that comes alone to its limit, as a power series in t, is regular in any chart that contains the limit.
    alone = np.where(results.winding_numbers == 1, int(End.LIMIT), int(End.SINGULAR_LOCUS))
    kinds[finite & ~has_tau] = alone[finite & ~has_tau]
    for j in np.flatnonzero(has_tau).tolist():
        matrix = jacobian(j, tau[:, j])
        if not _full_rank(matrix, _RANK_AT_REGULAR if regular[j] else _RANK_AT_SINGULAR):
            kinds[j] = int(End.SINGULAR_LOCUS)
            continue
        kinds[j] = int(End.REGULAR if regular[j] else End.MULTIPLE)
        if real[j]:
            eigenvalues = _hessian_eigenvalues(system.jacobian(tau[:, j], columns[:, j]), matrix)
            index[j] = _morse_index(eigenvalues, _REAL_AT_REGULAR if regular[j] else _REAL_AT_SINGULAR)
    return Ends(kinds, points, tau, np.full((0, count), np.nan + 0j), real, index, results.codes.copy())


def _isotropic(directions: Complex, weights: Weights) -> NDArray[np.bool_]:
    """Which directions d have d^T W d = 0, up to the accuracy of the endgame."""
    weighted = weights.apply(directions)
    with np.errstate(invalid="ignore"):
        values = np.abs(np.sum(directions * weighted, axis=0))
        sizes = np.linalg.norm(directions, axis=0) * np.linalg.norm(weighted, axis=0)
        return np.asarray(values <= np.sqrt(_INFINITY) * sizes)


def _real_columns(points: Complex, tolerance: Float, size: float) -> NDArray[np.bool_]:
    """Which points are real up to a tolerance, relative to the larger of point and data."""
    floor = np.where(tolerance > _REAL_AT_REGULAR, _FLOOR, 0.0)
    scale = np.maximum(np.maximum(np.linalg.norm(points, axis=0), size), floor)
    return np.asarray(np.linalg.norm(points.imag, axis=0) <= tolerance * scale)


def _full_rank(matrix: Complex, tolerance: float) -> bool:
    """Whether columns are independent, whatever their lengths."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.all(np.isfinite(matrix)) or not np.all(lengths > 0):
        return False
    singular = np.linalg.svd(matrix / lengths, compute_uv=False)
    return bool(singular[-1] > tolerance * singular[0])


def _hessian_eigenvalues(hessian: Complex, jacobian: Complex) -> Float:
    """Eigenvalues of the Riemannian Hessian of half the squared distance at a real critical point, increasing.

    At a critical point the Hessian in parameters is a bilinear form on the tangent space of X, the span of the
    columns of the Jacobian J. If J = Q R with Q real and orthonormal, which is possible at a real smooth point even
    where the parameters are not real, it is R^(-T) H R^(-1) in the basis Q.
    """
    k = jacobian.shape[1]
    lengths = np.linalg.norm(jacobian, axis=0)
    scaled, form = jacobian / lengths, hessian / np.outer(lengths, lengths)
    basis, _, _ = np.linalg.svd(scaled, full_matrices=False)
    real_basis = np.linalg.svd(np.hstack([basis.real, basis.imag]), full_matrices=False)[0][:, :k]
    change = np.linalg.inv(real_basis.T @ scaled)
    matrix = (change.T @ form @ change).real
    return np.asarray(np.linalg.eigvalsh((matrix + matrix.T) / 2))


def _morse_index(eigenvalues: Float, tolerance: float) -> int:
    """Number of negative eigenvalues, or -1 if the sign of one is uncertain."""
    sizes = np.abs(eigenvalues)
    if sizes.min() <= tolerance * sizes.max():
        return -1
    return int(np.count_nonzero(eigenvalues < 0))


def _in_affine_charts(
    gauge: Gauge,
    tau: Complex,
    start: Problem,
    target: Problem,
    matrix: bool,
    seed: int,
    options: TrackerOptions | None,
    executor: Executor | None,
) -> Ends:
    """Follow critical points in random affine subspaces of the parameters of the original map, one through each."""
    phi, k = gauge.original, gauge.dimension
    rng = seeds.derive(seed, "affine charts")
    # Short binary fractions, since they become constants of a tape.
    directions = rng.integers(-64, 65, size=(phi.n_parameters, k)) / 64
    system, image = affine_chart_equations(phi, directions, matrix=matrix)
    # Paths start at unknowns of size one: relative accuracies mean nothing at zero.
    start_steps = rng.choice([-1.0, 1.0], size=(k, 1))
    count = tau.shape[1]
    origins = _lifted(gauge, tau) - directions @ start_steps

    def parameters(problem: Problem) -> Complex:
        vector = np.concatenate([problem.u, problem.weights.parameters(matrix)]).astype(np.complex128)
        return np.vstack([np.repeat(vector[:, None], count, axis=1), origins])

    results = track(
        system,
        np.repeat(start_steps, count, axis=1),
        parameters(start),
        parameters(target),
        options=options,
        endgame=True,
        image=image,
        executor=executor,
    )

    def theta(j: int, point: Complex) -> Complex:
        return np.asarray(origins[:, j] + directions @ point)

    def jacobian(j: int, point: Complex) -> Complex:
        return np.asarray(phi.jacobian(theta(j, point)) @ directions)

    ends = _classified(results, system, image, parameters(target), target, jacobian)
    lifted = np.column_stack([theta(j, ends.tau[:, j]) for j in range(count)])
    return replace(ends, tau=np.full((k, count), np.nan + 0j), theta=lifted)


def _diverging(
    equations: CriticalEquations, tau: Complex, p_start: Complex, p_target: Complex, weights: Weights
) -> NDArray[np.bool_]:
    """Which critical points grow like a power of t, in a direction that becomes isotropic.

    The endgame has no limit for paths that wind around the target too often to close a loop.
    """
    points, here, sizes, defects = tau, p_start, [], []
    good = np.ones(tau.shape[1], dtype=np.bool_)
    for t in _GROWTH:
        there = t * p_start + (1 - t) * p_target
        results = track(equations.system, points, here, there)
        points, here = results.solutions, there
        good &= results.succeeded
        points = np.where(good, points, tau)
        y = np.asarray(equations.gauge.map(points))
        sizes.append(np.linalg.norm(y, axis=0))
        weighted = weights.apply(y)
        defects.append(np.abs(np.sum(y * weighted, axis=0)) / (sizes[-1] * np.linalg.norm(weighted, axis=0)))
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = np.log(sizes[1] / sizes[0]), np.log(sizes[2] / sizes[1])
        powers = (first > _LEAST_GROWTH) & (np.abs(second / first - 1) < _SAME_GROWTH)
    return np.asarray(good & powers & (defects[2] < defects[1]) & (defects[1] < defects[0]) & (defects[2] < _ISOTROPIC))


def _indices_near(equations: CriticalEquations, tau: Complex, p_start: Complex, p_target: Complex) -> NDArray[np.int64]:
    """Morse indices of limits without parameters, from points of their paths close to them."""
    nearby = _NEAR_TARGET * p_start + (1 - _NEAR_TARGET) * p_target
    results = track(equations.system, tau, p_start, nearby)
    index = np.full(tau.shape[1], -1, dtype=np.int64)
    for j in np.flatnonzero(results.succeeded).tolist():
        point = results.solutions[:, j]
        matrix = np.asarray(equations.gauge.map.jacobian(point))
        eigenvalues = _hessian_eigenvalues(equations.system.jacobian(point, nearby), matrix)
        index[j] = _morse_index(eigenvalues, _SIGN_NEAR_TARGET)
    return index

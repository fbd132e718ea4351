"""What the end of a path of critical points is: regular, multiple, on the singular locus or at infinity; its index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.ed_system import Weights
from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import PathResults, ReturnCode
from algeom.maps import Tape

Float = NDArray[np.float64]

#: First coordinate of a unit vector (1 : y / size) below which y is at infinity; the endgame's limits are good to 1e-8.
_INFINITY = 1e-7

#: Images smaller than this, in units of the data, are finite if the solution is regular.
_LARGE = 1e12

#: Relative singular value below which the Jacobian counts as rank deficient: at regular ends it is known to about
#: 1e-12, at singular ones to the square root of the endgame's accuracy.
_RANK_AT_REGULAR, _RANK_AT_SINGULAR = 1e-9, 1e-4

#: Singular value of the Hessian, relative to the weights, above which a critical point is regular: if the tracker took
#: it for regular, and if it took it for singular; in the second case also the steps of Newton's method from there.
_REGULAR_HESSIAN, _REGULAR_AFTER_ALL, _NEWTON_STEPS = 1e-11, 1e-6, 3

#: Relative size of imaginary parts below which a point is real, likewise.
_REAL_AT_REGULAR, _REAL_AT_SINGULAR = 1e-9, 1e-5


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
        The unknowns: parameters of the gauge; NaN where they are infinite, or were found in another chart.
    theta : ndarray of complex128, shape (n, B)
        Parameters of the map; NaN where they go to infinity.
    real : ndarray of bool, shape (B,)
        Whether y is real.
    index : ndarray of int64, shape (B,)
        Number of negative eigenvalues of the Riemannian Hessian of the distance; -1 where y is not real or not a
        critical point, or a sign could not be decided.
    """

    kinds: NDArray[np.int64]
    points: Complex
    tau: Complex
    theta: Complex
    real: NDArray[np.bool_]
    index: NDArray[np.int64]

    def counts(self) -> dict[End, int]:
        """Number of ends of each kind that occurs."""
        found, numbers = np.unique(self.kinds, return_counts=True)
        return {End(kind): int(number) for kind, number in zip(found, numbers, strict=True)}


@dataclass(frozen=True, eq=False)
class Chart:
    """Unknowns in which critical points are tracked, and what they mean.

    Attributes
    ----------
    system : System
        The critical equations; unknowns x (k).
    image : Tape
        y on the inputs of the system.
    starts : ndarray of complex128, shape (k, B)
    p_start, p_target : ndarray of complex128, shape (w, B)
        Parameters of the system, for each path.
    theta : callable
        The parameters (n, B) of the map at unknowns (k, B).
    jacobian : callable
        The derivative (m, k) of y by the unknowns of one path, from its number and its unknowns.
    """

    system: System
    image: Tape
    starts: Complex
    p_start: Complex
    p_target: Complex
    theta: Callable[[Complex], Complex]
    jacobian: Callable[[int, Complex], Complex]


def classified(chart: Chart, results: PathResults, weights: Weights, size: float) -> Ends:
    """Kinds of ends, from the limits of points and images.

    Parameters
    ----------
    chart : Chart
    results : PathResults
        Of tracking in this chart; with an endgame and limits of images, or else only regular ends are known.
    weights : Weights
        Those of the target.
    size : float
        Length scale of the data.

    Returns
    -------
    Ends
    """
    system, image, columns = chart.system, chart.image, chart.p_target
    count = len(results)
    directions = results.image_directions
    if directions is None:
        directions = np.full((image.n_outputs + 1, count), np.nan, dtype=np.complex128)
        good = np.flatnonzero(results.succeeded)
        directions[0, good] = 1.0
        directions[1:, good] = image.evaluate(np.concatenate([results.solutions[:, good], columns[:, good]]))
    kinds = np.full(count, int(End.UNRESOLVED), dtype=np.int64)
    points = np.full((image.n_outputs, count), np.nan, dtype=np.complex128)
    x = np.full((system.n_unknowns, count), np.nan, dtype=np.complex128)
    real = np.zeros(count, dtype=np.bool_)
    index = np.full(count, -1, dtype=np.int64)
    unit = float(np.abs(weights.values).max())
    # How long derivatives are does not depend on how far away the data are.
    at_start = np.linalg.norm(image.evaluate(np.concatenate([chart.starts, chart.p_start])), axis=0)
    natural = min(size, float(np.median(at_start))) if count else size
    known = np.isfinite(directions).all(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        y = directions[1:] / directions[0]
        infinite = known & ~(np.linalg.norm(y, axis=0) * _INFINITY < max(1.0, size))
    # Other directions cannot be: see `algeom.continuation.ed_ends`.
    kinds[infinite & _isotropic(directions[1:], weights)] = int(End.AT_INFINITY)
    # Regular solutions with finite images are not at infinity, however near isotropic weights may make them to it.
    large = np.flatnonzero((kinds == End.AT_INFINITY) & (results.codes == ReturnCode.SUCCESS))
    with np.errstate(all="ignore"):
        images = image.evaluate(np.concatenate([results.solutions[:, large], columns[:, large]]))
        kinds[large[np.linalg.norm(images, axis=0) < _LARGE * max(1.0, size)]] = int(End.UNRESOLVED)
    finite = known & ~infinite
    points[:, finite] = y[:, finite]
    regular = results.codes == ReturnCode.SUCCESS
    has_x = finite & np.isin(results.codes, [ReturnCode.SUCCESS, ReturnCode.SINGULAR])
    x[:, has_x] = results.solutions[:, has_x]
    # Regular points were refined after the endgame.
    exact = np.flatnonzero(finite & regular)
    points[:, exact] = image.evaluate(np.concatenate([x[:, exact], columns[:, exact]]))
    tolerance = np.where(regular, _REAL_AT_REGULAR, _REAL_AT_SINGULAR)
    real[finite] = _real_columns(points[:, finite], tolerance[finite], size)
    # A path that comes alone to its limit, as a power series in t, is regular in any chart that contains the limit.
    alone = np.where(results.winding_numbers == 1, int(End.LIMIT), int(End.SINGULAR_LOCUS))
    kinds[finite & ~has_x] = alone[finite & ~has_x]
    for j in np.flatnonzero(has_x).tolist():
        matrix = chart.jacobian(j, x[:, j])
        scale = max(float(np.linalg.norm(points[:, j])), natural) / max(1.0, float(np.abs(x[:, j]).max()))
        if not _full_rank(matrix, _RANK_AT_REGULAR if regular[j] else _RANK_AT_SINGULAR, scale):
            kinds[j] = int(End.SINGULAR_LOCUS)
            continue
        if regular[j]:
            hessian = system.jacobian(x[:, j], columns[:, j])
            regular[j] = _least_curvature(hessian, matrix, unit) > _REGULAR_HESSIAN
        else:
            refined = _refined(system, x[:, j], columns[:, j], matrix, unit)
            if refined is not None:
                x[:, j], regular[j] = refined, True
                points[:, j] = image.evaluate(np.concatenate([refined, columns[:, j]])[:, None])[:, 0]
        kinds[j] = int(End.REGULAR if regular[j] else End.MULTIPLE)
        if real[j]:
            eigenvalues = hessian_eigenvalues(system.jacobian(x[:, j], columns[:, j]), matrix)
            index[j] = morse_index(eigenvalues, _REAL_AT_REGULAR if regular[j] else _REAL_AT_SINGULAR)
    with np.errstate(invalid="ignore"):
        theta = np.asarray(chart.theta(x), dtype=np.complex128)
    return Ends(kinds, points, x, theta, real, index)


def _isotropic(directions: Complex, weights: Weights) -> NDArray[np.bool_]:
    """Which directions d have d^T W d = 0, up to the accuracy of the endgame."""
    weighted = weights.apply(directions)
    with np.errstate(invalid="ignore"):
        values = np.abs(np.sum(directions * weighted, axis=0))
        sizes = np.linalg.norm(directions, axis=0) * np.linalg.norm(weighted, axis=0)
        return np.asarray(values <= np.sqrt(_INFINITY) * sizes)


def _real_columns(points: Complex, tolerance: Float, size: float) -> NDArray[np.bool_]:
    """Which points are real up to a tolerance, relative to the larger of point and data."""
    scale = np.maximum(np.linalg.norm(points, axis=0), size)
    return np.asarray(np.linalg.norm(points.imag, axis=0) <= tolerance * scale)


def _full_rank(matrix: Complex, tolerance: float, scale: float) -> bool:
    """Whether columns are independent, whatever their lengths, none of which is zero compared with ``scale``."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.all(np.isfinite(matrix)) or not np.all(lengths > tolerance * scale):
        return False
    singular = np.linalg.svd(matrix / lengths, compute_uv=False)
    return bool(singular[-1] > tolerance * singular[0])


def _least_curvature(hessian: Complex, jacobian: Complex, unit: float) -> float:
    """Smallest singular value of the Hessian in an orthonormal basis of the tangent space, relative to its scale.

    The Hessian of half the squared distance is W on the tangent space, less a curvature times the distance: its size
    is that of W or more.
    """
    lengths = np.linalg.norm(jacobian, axis=0)
    change = np.linalg.inv(np.linalg.qr(jacobian / lengths, mode="r"))
    values = np.linalg.svd(change.T @ (hessian / np.outer(lengths, lengths)) @ change, compute_uv=False)
    return float(values[-1] / max(values[0], unit))


def _refined(system: System, x: Complex, parameters: Complex, jacobian: Complex, unit: float) -> Complex | None:
    """A singular end by Newton's method, if it is regular after all: relative errors say otherwise where x is zero.

    Distances are measured on the image.
    """
    lengths = np.linalg.norm(jacobian, axis=0)
    for _ in range(_NEWTON_STEPS):
        hessian = system.jacobian(x, parameters)
        if not _least_curvature(hessian, jacobian, unit) > _REGULAR_AFTER_ALL:
            return None
        step = np.linalg.solve(hessian, system(x, parameters))
        x = x - step
    return x if np.linalg.norm(lengths * step) <= _REAL_AT_REGULAR * np.linalg.norm(parameters) else None


def hessian_eigenvalues(hessian: Complex, jacobian: Complex) -> Float:
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


def morse_index(eigenvalues: Float, tolerance: float) -> int:
    """Number of negative eigenvalues, or -1 if the sign of one is uncertain."""
    sizes = np.abs(eigenvalues)
    if sizes.min() <= tolerance * sizes.max():
        return -1
    return int(np.count_nonzero(eigenvalues < 0))

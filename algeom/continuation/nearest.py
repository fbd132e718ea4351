"""The nearest point of the image of a map to given data, and what the answer does not cover."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.critical_points import CriticalPoint, CriticalPoints, critical_points
from algeom.continuation.ed_ends import End
from algeom.continuation.ed_result import EDDegree
from algeom.continuation.ed_system import checked_weights
from algeom.continuation.least_squares import fit
from algeom.continuation.preimage import preimage_residuals
from algeom.continuation.tracker import TrackerOptions
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import require_map
from algeom.implicitization.dimension import dimension
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

Float = NDArray[np.float64]

#: Random real starts of the search for real parameters, and the relative residual that counts as found.
_STARTS = 40
_PREIMAGE = 1e-9

#: Starts and steps of the local search that looks for points nearer than all critical ones.
_SEARCHES, _SEARCH_STEPS = 12, 60

#: Steps of that search after an interruption, which is answered at once.
_LAST_STEPS = 8

#: How much nearer they have to be, relative to the distance: than a regular minimum, which is known to 1e-12; than
#: another point, known to the accuracy of multiple ends.
_NEARER_THAN_MINIMUM, _NEARER = 1e-10, 1e-5

#: Relative singular value below which the Jacobian is rank deficient where that search ends, and the largest parameters
#: at which that is looked at: derivatives tend to zero at infinity as well.
_SEARCH_RANK, _SEARCH_LARGE = 1e-4, 1e3

#: Relative distance above which a point is not in the closure, far above what minimizations leave.
_OUTSIDE = 1e-3

#: Relative distance from known parameters of further starts.
_BESIDE = 0.1

#: Relative difference of distances up to which two nearest points are equally near.
_TIE = 1e-9

#: Likewise where a local search ended, which does not end in double precision.
_SAME_REACHED = 1e-3

#: Relative distance up to which two of them are one: the accuracy of multiple points.
_SAME_POINT = 1e-5

#: Rounding errors of a distance, relative to the data.
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class NearestPoint:
    """The nearest point to data, among the real points of the closure of an image.

    Attributes
    ----------
    point : ndarray of float64, shape (m,)
    distance : float
    theta : ndarray of float64 or None
        Real parameters that the map takes to the point (those of `singular_locus` if it lies there); None if none were
        found.
    on_singular_locus : bool
        Whether it lies on the singular locus, which is compared with where its parametrization was given.
    is_unique : bool
        Whether no other critical point is equally near.
    not_covered : tuple of str
        What the answer leaves open.
    critical : CriticalPoints
        All critical points on the smooth locus.
    evidence : Evidence
        NUMERICAL if the critical points are complete, else LOWER_BOUND.
    seed : int
    """

    point: Float
    distance: float
    theta: Float | None
    on_singular_locus: bool
    is_unique: bool
    not_covered: tuple[str, ...]
    critical: CriticalPoints
    evidence: Evidence
    seed: int

    def plot(self, kind: Any = None, *, ed_discriminant: bool = False, ax: Any = None) -> Any:
        """Draw the critical points (`algeom.plot.critical_points`); returns matplotlib Axes."""
        from algeom import plot

        return plot.critical_points(self, kind, ed_discriminant=ed_discriminant, ax=ax)

    def __repr__(self) -> str:
        notes = [f"distance {self.distance:.10g}"]
        if self.on_singular_locus:
            notes.append("on the singular locus")
        if not self.is_unique:
            notes.append("not unique")
        if any(text.startswith("the singular locus") for text in self.not_covered):
            notes.append("on the smooth locus" if not self.on_singular_locus else "other singular points not covered")
        if self.theta is None:
            notes.append("no real parameters found")
        if self.critical.interrupted:
            notes.append("interrupted")
        notes.append(f"of {self.critical.n_real} real among {len(self.critical)} critical points")
        return f"NearestPoint({'; '.join(notes)}; {self.evidence})"

    def __str__(self) -> str:
        return "\n".join([repr(self), self.evidence.reason, *(f"not covered: {text}" for text in self.not_covered)])


def nearest_point(
    phi: PolynomialMap,
    u: Any,
    weights: Any = "unit",
    *,
    singular_locus: PolynomialMap | None = None,
    generic: EDDegree | CriticalPoints | None = None,
    options: TrackerOptions | None = None,
    rng: seeds.RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: Any = None,
    store: Any = None,
) -> NearestPoint:
    """Nearest point to data on the real points of the closure of an image, by comparing all critical points.

    Parameters
    ----------
    phi : PolynomialMap
    u : array_like, shape (m,)
        Real data.
    weights : "unit" or array_like, shape (m,) or (m, m)
        A positive definite quadratic form.
    singular_locus : PolynomialMap, optional
        A parametrization of the singular locus of the closure of the image, in the same coordinates; its nearest point
        is compared with. For matrices of rank at most r it is the map for rank r - 1.
    generic : EDDegree or CriticalPoints, optional
        As for `critical_points`: what makes further calls fast.
    options, rng, progress, executor, threads, memory_limit, store
        As for `ed_degree`.

    Returns
    -------
    NearestPoint

    Raises
    ------
    InputError
        If the data or the weights are not real or not fit, or there is no real critical point to choose from.

    Notes
    -----
    The minimum over the real points of a variety exists, and is a critical point of the smooth locus or a singular
    point. A local search over real parameters is made as well: where it comes nearer than all critical points, it
    leads to a singular point, or to a critical point that is not isolated. What it found is then the result, with the
    status LOWER_BOUND, since nothing tells that it is the nearest one. Real points of the closure may have no real
    parameters: the real image is a semialgebraic set, and where the nearest point is not in it, the minimum over the
    real image is on its boundary. A search for real parameters that fails is no proof of that.

    Examples
    --------
    >>> import algeom as ag
    >>> parabola = ag.polynomial_map(["t", "t^2"])
    >>> nearest = ag.nearest_point(parabola, [3.0, 0.0], rng=1)
    >>> nearest.point.round(10), nearest.theta.round(10)
    (array([1., 1.]), array([1.]))
    """
    seed, _ = seeds.resolve(rng)
    require_map(phi)
    _require_metric(phi, weights, seed)
    found = critical_points(
        phi,
        u,
        weights,
        generic=generic,
        options=options,
        rng=seed,
        progress=progress,
        executor=executor,
        threads=threads,
        memory_limit=memory_limit,
        store=store,
    )
    if np.iscomplexobj(found.data):
        raise InputError("the data are complex; the nearest point is asked for real data")
    if singular_locus is not None and singular_locus.n_coordinates != phi.n_coordinates:
        raise InputError(
            f"singular_locus has {singular_locus.n_coordinates} coordinates and the map {phi.n_coordinates}; "
            "both go to the same space"
        )
    if singular_locus is not None and not found.interrupted:
        _require_inside(phi, singular_locus, found, seed)
    reached = _reached(phi, found, seed, _LAST_STEPS if found.interrupted else _SEARCH_STEPS)
    evidence, notes = _evidence(found), _not_covered(found)
    candidates = [_on_smooth_locus(found)] if found.real else []
    lost = found.lost.get(str(End.SINGULAR_LOCUS), 0)
    if singular_locus is None:
        if lost and evidence.status is Status.NUMERICAL:
            why = f"{noun_count(lost, 'path')} ended on the singular locus, or where the parametrization is singular"
            evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{evidence.reason}; but {why}: give singular_locus=...")
        also = f" ({lost} of the critical points for generic data end there)" if lost else ""
        notes.append(f"the singular locus of the image closure, where a nearer point may lie{also}")
    elif found.interrupted:
        notes.append("the singular locus of the image closure, since the computation was interrupted")
    elif dimension(singular_locus, rng=seed).value == 0:
        candidates.append(_single_point(singular_locus, found))
    else:
        singular = nearest_point(
            singular_locus,
            u,
            weights,
            options=options,
            rng=int(seeds.derive(seed, "singular locus").integers(1 << 62)),
            progress=progress,
            executor=executor,
            threads=threads,
            memory_limit=memory_limit,
        )
        candidates.append(_Candidate(singular.point, singular.distance, singular.theta, True, singular.is_unique, True))
        notes += [f"within the singular locus: {text}" for text in singular.not_covered]
        status = combine([evidence, singular.evidence]).status
        evidence = Evidence(status, math.nan, f"{evidence.reason}; and the nearest of the singular locus")
    chosen = min(candidates, key=lambda candidate: candidate.distance, default=None)
    if reached is not None and (chosen is None or _is_nearer(reached, chosen, found.data)):
        chosen = reached
        where = "a singular point" if chosen.on_singular_locus else "a point that is not among them"
        why = f"a local search came nearer than all critical points known, to {where}"
        evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{why}; {evidence.reason}")
    elif chosen is not None and not chosen.is_minimum:
        why = "no minimum was found, so that a nearer point exists"
        evidence = Evidence(Status.LOWER_BOUND, math.nan, f"{why}; {evidence.reason}")
        notes.append("the nearest point: the point shown is critical, but no minimum")
    if chosen is None:
        raise GenericityError(
            "no real critical point was found, and no real parameters at which the map is finite; give the "
            "parametrization of the singular locus (singular_locus=...)"
        )
    theta = chosen.theta
    if theta is None and not chosen.on_singular_locus and not found.interrupted:
        theta = _real_parameters(phi, found.real[0], seed)
        if theta is None:
            there = f"; a local search over real parameters came to {reached.distance:.6g}" if reached else ""
            notes.append(
                "no real parameters of the nearest point were found: if there are none, the minimum over the real "
                f"image is on its boundary{there}"
            )
    return NearestPoint(
        point=chosen.point,
        distance=chosen.distance,
        theta=theta,
        on_singular_locus=chosen.on_singular_locus,
        is_unique=chosen.is_unique,
        not_covered=tuple(notes),
        critical=found,
        evidence=evidence,
        seed=seed,
    )


def _require_metric(phi: PolynomialMap, weights: Any, seed: int) -> None:
    if isinstance(weights, str) and weights == "generic":
        return
    chosen = checked_weights(weights, phi.n_coordinates, seeds.derive(seed, "weights"), indefinite=True)
    if not chosen.is_metric:
        raise InputError(
            "the weights are not real and positive definite, so that they make no metric and there is no nearest "
            "point; critical_points(..., indefinite=True) finds the critical points"
        )


def _require_inside(phi: PolynomialMap, singular_locus: PolynomialMap, found: CriticalPoints, seed: int) -> None:
    """Refuse a singular locus of which a random point is far from the complex image closure."""
    rng = seeds.derive(seed, "membership")
    y = np.asarray(singular_locus(rng.standard_normal(singular_locus.n_parameters)), dtype=np.float64)
    parts = rng.standard_normal((2, phi.n_parameters, _STARTS))
    fitted = fit(lambda theta: (phi(theta) - y[:, None], phi.jacobian(theta)), parts[0] + 1j * parts[1])
    size = max(float(np.linalg.norm(y)), float(np.median(np.linalg.norm(found.generic.points, axis=0))))
    distance = float(fitted.norms[fitted.best])
    # Minimizations that still creep may be on the way to a point of the closure.
    if distance > _OUTSIDE * size and np.all(fitted.settled | ~np.isfinite(fitted.norms)):
        raise InputError(
            f"a random point of singular_locus is not in the closure of the image (the nearest found is {distance:.2g} "
            "away); give a parametrization of the singular locus, or none"
        )


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A point that may be the nearest."""

    point: Float
    distance: float
    theta: Float | None
    on_singular_locus: bool
    is_unique: bool
    is_minimum: bool
    is_regular: bool = False


def _on_smooth_locus(found: CriticalPoints) -> _Candidate:
    real = found.real
    nearest = real[0]
    size = max(nearest.distance, float(np.linalg.norm(found.data)))
    rivals = [point for point in real[1:] if point.distance - nearest.distance <= _TIE * size]
    elsewhere = any(np.linalg.norm(point.point - nearest.point) > _SAME_POINT * size for point in rivals)
    # At distance zero there is only the point of the data.
    unique = nearest.distance <= _TIE * size or (_is_isolated(nearest) and not elsewhere)
    theta = nearest.theta if nearest.theta is not None and not np.iscomplexobj(nearest.theta) else None
    point = np.asarray(nearest.point, dtype=np.float64)
    minimum = nearest.kind not in ("saddle", "maximum")
    return _Candidate(point, nearest.distance, theta, False, unique, minimum, nearest.is_regular)


def _is_isolated(point: CriticalPoint) -> bool:
    """Paths come together at isolated multiple points, and end one by one where points are not isolated."""
    return point.is_regular or point.multiplicity > 1


def _is_nearer(reached: _Candidate, known: _Candidate, data: NDArray[Any]) -> bool:
    """Whether a local search came nearer, by more than its accuracy."""
    if known.is_regular or known.on_singular_locus:
        # Both distances are those of points of the image, up to rounding.
        size = float(np.linalg.norm(data)) + float(np.linalg.norm(known.point))
        return reached.distance < (1 - _NEARER_THAN_MINIMUM) * known.distance - _ROUNDING * size
    size = max(known.distance, float(np.linalg.norm(data)))
    return reached.distance < (1 - _NEARER) * known.distance - _TIE * size


def _single_point(singular_locus: PolynomialMap, found: CriticalPoints) -> _Candidate:
    """The only point of a singular locus."""
    theta = np.linspace(1.0, 2.0, singular_locus.n_parameters)
    point = np.asarray(singular_locus(theta), dtype=np.float64)
    residual = point - found.data
    return _Candidate(point, math.sqrt(float(residual @ found.weights.apply(residual))), theta, True, True, True)


def _evidence(found: CriticalPoints) -> Evidence:
    text = f"the nearest of all real critical points on the smooth locus: {found.evidence.reason}"
    return Evidence(found.evidence.status, math.nan, text)


def _not_covered(found: CriticalPoints) -> list[str]:
    notes = []
    if not all(_is_isolated(point) for point in found):
        notes.append("critical points that are not isolated, of which only some are listed")
    if found.evidence.status is Status.LOWER_BOUND:
        notes.append("critical points that were not found")
    return notes


def _reached(phi: PolynomialMap, critical: CriticalPoints, seed: int, steps: int) -> _Candidate | None:
    """Minimize the distance over real parameters from a few random starts."""
    data, root = critical.data, np.linalg.cholesky(critical.weights.matrix).T
    rng = seeds.derive(seed, "local search")
    starts = rng.standard_normal((phi.n_parameters, _SEARCHES))
    # Some far out, since parameters of the nearest point may be large; and next to known points.
    starts[:, 1::2] *= 10.0 ** rng.uniform(-1, 4, size=starts[:, 1::2].shape[1])
    thetas = [point.theta.real for point in critical.real[:_SEARCHES] if point.theta is not None]
    if thetas:
        beside = np.stack(thetas, axis=1)
        starts = np.hstack([starts, beside * (1 + _BESIDE * rng.standard_normal(beside.shape))])

    def residuals(theta: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        return root @ (phi(theta) - data[:, None]), root @ phi.jacobian(theta)

    found = fit(residuals, starts, iterations=steps)
    best = found.best
    if not np.isfinite(found.norms[best]):
        return None
    theta = np.asarray(found.points[:, best])
    # Exactly: at large parameters rounding errors of the map alone would pass for a smaller distance.
    point = np.array([float(y) for y in phi([Fraction(float(x)) for x in theta])])
    # All critical points on the smooth locus may be known; where they are not, the rank has to tell.
    known = critical.evidence.status is Status.NUMERICAL and not critical.on_discriminant and not critical.lost
    singular = known or _is_singular(phi, theta, point, critical)
    distance = float(np.linalg.norm(root @ (point - data)))
    # Where nothing is nearer than the data themselves, nothing is equally near; else nothing tells, but minimizations
    # that end at other points as near.
    near = found.points[:, found.norms <= distance + _TIE * max(distance, float(np.linalg.norm(data)))]
    gaps = np.linalg.norm(np.asarray(phi(near)) - point[:, None], axis=0)
    alone = bool(np.all(gaps <= _SAME_REACHED * max(distance, float(np.linalg.norm(data)))))
    return _Candidate(point, distance, theta, singular, alone, True)


def _is_singular(phi: PolynomialMap, theta: Float, point: Float, critical: CriticalPoints) -> bool:
    """Whether the Jacobian drops rank near given parameters, compared with the size of the image."""
    values = np.linalg.svd(phi.jacobian(theta), compute_uv=False)
    large = max(1.0, float(np.abs(theta).max()))
    if large > _SEARCH_LARGE:
        return False
    images = np.linalg.norm(critical.generic.points, axis=0)
    size = max(float(np.linalg.norm(point)), float(np.median(images))) / large
    return bool(values[critical.generic.gauge.dimension - 1] <= _SEARCH_RANK * max(float(values[0]), size))


def _real_parameters(phi: PolynomialMap, nearest: CriticalPoint, seed: int) -> Float | None:
    """Real parameters of a critical point, by a search from random starts."""
    theta = nearest.theta
    rng = seeds.derive(seed, "real parameters")
    starts = rng.standard_normal((phi.n_parameters, _STARTS))
    if theta is not None:
        starts[:, 0] = theta.real
    y = np.asarray(nearest.point, dtype=np.float64)
    found = fit(preimage_residuals(phi, y.tolist()), starts)
    size = max(1.0, float(np.linalg.norm(y)))
    return np.asarray(found.points[:, found.best]) if found.norms[found.best] <= _PREIMAGE * size else None

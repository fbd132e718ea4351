"""All critical points of a weighted distance from given data to the image of a map."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.ed_certificate import certified_critical_points
from algeom.continuation.ed_degree import ed_degree, from_generic
from algeom.continuation.ed_ends import CRITICAL, End, Ends, Problem, follow
from algeom.continuation.ed_loops import Run
from algeom.continuation.ed_result import EDDegree
from algeom.continuation.ed_system import CriticalEquations, Weights, checked_weights
from algeom.continuation.systems import Complex, as_points
from algeom.continuation.tracker import TrackerOptions
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

Float = NDArray[np.float64]

#: Relative distances up to which ends are one point: regular ends are good to 1e-12, others to the endgame's 1e-8 and
#: multiple ones among them to a root of that.
_SAME_REGULAR, _SAME = 1e-9, 1e-5

#: Least size of the data, as a fraction of the generic ones, for tolerances relative to it: the endgame works in
#: projective space, where points near the origin are known to an absolute accuracy only.
_FLOOR = 1e-3

#: Relative distance below which data lie on the variety, and relative size of an imaginary part of zero.
_ON_VARIETY = 1e-8


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """One critical point.

    Attributes
    ----------
    point : ndarray, shape (m,)
        float64 for a real point, complex128 otherwise.
    theta : ndarray or None
        Parameters that the map takes there, real if they were found so; None if they go to infinity.
    is_real : bool
    distance : float
        The distance from the data; NaN for complex points, and where the weights make its square negative.
    squared_distance : complex
        ``(y - u)^T W (y - u)``.
    kind : str
        "minimum", "saddle" or "maximum" of the distance on the real points near it, "degenerate" where the Hessian
        does not decide, "complex" otherwise.
    index : int
        Number of negative eigenvalues of the Riemannian Hessian; -1 where undecided or complex.
    multiplicity : int
        Number of critical points for data nearby that are close to it.
    is_regular : bool
        Whether it is an isolated, simple critical point.
    is_certified : bool
        Whether it is proved to exist, to differ from the others and to be no singular point of the map.
    is_certified_real : bool
        Whether it is also proved that it is real, which needs real parameters.
    """

    point: NDArray[Any]
    theta: NDArray[Any] | None
    is_real: bool
    distance: float
    squared_distance: complex
    kind: str
    index: int
    multiplicity: int
    is_regular: bool
    is_certified: bool
    is_certified_real: bool


@dataclass(frozen=True, eq=False, repr=False)
class CriticalPoints:
    """The critical points of the distance from data to a variety, real ones first, by distance.

    Iterates over `CriticalPoint`; ``len()`` is the number of different points.

    Attributes
    ----------
    data : ndarray, shape (m,)
        The point u.
    weights : Weights
    all : tuple of CriticalPoint
    lost : dict of str to int
        Critical points for generic data that have no counterpart for these, by kind.
    generic : EDDegree
        The critical points for generic data that these were found from. Pass it on for other data.
    on_variety : bool
        Whether the data lie on the variety, up to rounding.
    on_discriminant : bool
        Whether some critical point is multiple or not isolated: the data lie on the ED discriminant.
    evidence : Evidence
        For the statement that no isolated critical point on the smooth locus is missing.
    interrupted : bool
        Stopped by Ctrl-C: what is there was found until then.
    seed : int
    seconds : float
    """

    data: NDArray[Any]
    weights: Weights
    all: tuple[CriticalPoint, ...]
    lost: dict[str, int]
    generic: EDDegree
    on_variety: bool
    on_discriminant: bool
    evidence: Evidence
    seed: int
    seconds: float = field(compare=False)
    interrupted: bool = False

    def __iter__(self) -> Iterator[CriticalPoint]:
        return iter(self.all)

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, index: int) -> CriticalPoint:
        return self.all[index]

    @property
    def real(self) -> tuple[CriticalPoint, ...]:
        """The real critical points, by distance."""
        return tuple(point for point in self.all if point.is_real)

    @property
    def n_real(self) -> int:
        """Number of real critical points."""
        return len(self.real)

    @property
    def points(self) -> Complex:
        """All points as columns, shape (m, number of points)."""
        return np.array([point.point for point in self.all], dtype=np.complex128).reshape(-1, len(self.data)).T

    @property
    def real_points(self) -> Float:
        """The real points as columns, shape (m, n_real), by distance."""
        return np.array([point.point for point in self.real], dtype=np.float64).reshape(-1, len(self.data)).T

    @property
    def distances(self) -> Float:
        """Distances of the real points, increasing, shape (n_real,)."""
        return np.array([point.distance for point in self.real])

    def plot(self, kind: Any = None, *, ed_discriminant: bool = False, ax: Any = None) -> Any:
        """Draw the critical points (`algeom.plot.critical_points`); returns matplotlib Axes."""
        from algeom import plot

        return plot.critical_points(self, kind, ed_discriminant=ed_discriminant, ax=ax)

    def __repr__(self) -> str:
        kinds: dict[str, int] = {}
        for point in self.real:
            kinds[point.kind] = kinds.get(point.kind, 0) + 1
        names = {"minimum": "minima", "saddle": "saddles", "maximum": "maxima", "degenerate": "degenerate"}
        shown = [f"{number} {kind if number == 1 else names[kind]}" for kind, number in kinds.items()]
        parts = [f"{noun_count(len(self), 'point')}, {self.n_real} real" + (f": {', '.join(shown)}" if shown else "")]
        if self.lost:
            parts.append("lost: " + ", ".join(f"{number} {kind}" for kind, number in self.lost.items()))
        if self.on_variety:
            parts.append("data on the variety")
        if any(not point.is_regular and point.multiplicity == 1 for point in self.all):
            parts.append("critical points not isolated")
        if self.on_discriminant:
            parts.append("data on the ED discriminant")
        if self.interrupted:
            parts.append("interrupted")
        return f"CriticalPoints({'; '.join(parts)}; {self.weights}; {self.evidence})"

    def __str__(self) -> str:
        lines = [repr(self), self.evidence.reason]
        for point in self.real:
            extra = f", multiplicity {point.multiplicity}" if point.multiplicity > 1 else ""
            lines.append(f"  distance {point.distance:.10g}: {point.kind}{extra}")
        return "\n".join(lines)


def critical_points(
    phi: PolynomialMap,
    u: Any,
    weights: Any = "unit",
    *,
    generic: EDDegree | CriticalPoints | None = None,
    certified: bool = False,
    indefinite: bool = False,
    options: TrackerOptions | None = None,
    rng: seeds.RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: Any = None,
    store: Any = None,
) -> CriticalPoints:
    """All critical points of the weighted distance from data to the closure of the image of a map.

    Parameters
    ----------
    phi : PolynomialMap
    u : array_like, shape (m,)
        The data; real, or complex.
    weights : "unit" or array_like, shape (m,) or (m, m)
        The quadratic form W of the squared distance ``(y - u)^T W (y - u)``.
    generic : EDDegree or CriticalPoints, optional
        The result of `ed_degree` for this map and these weights (or generic ones), or critical points for other data.
        Without it the generic critical points are computed first, which takes most of the time.
    certified : bool
        Whether to prove the regular points by Krawczyk tests.
    indefinite : bool
        Whether weights that make no metric are allowed.
    options, rng, progress, executor, threads, memory_limit, store
        As for `ed_degree`.

    Returns
    -------
    CriticalPoints

    Raises
    ------
    InputError
        If the data have the wrong shape or are not finite, the weights are not right (see `ed_degree`), or `generic`
        belongs to another map or to other weights.

    Notes
    -----
    Every isolated critical point for these data on the smooth locus is the limit of a critical point for generic data,
    so that tracking all of these finds it. Ends are told apart: regular; multiple (the data lie on the ED discriminant,
    where the number of critical points drops); on the singular locus of the image; at infinity.

    References
    ----------
    J. Draisma, E. Horobet, G. Ottaviani, B. Sturmfels, R. R. Thomas, The Euclidean distance degree of an algebraic
    variety, Found. Comput. Math. 16, 2016, sections 2 and 7.

    Examples
    --------
    The critical points of the distance from a matrix to those of rank one are its singular triples (Eckart, Young).

    >>> import algeom as ag
    >>> u = np.array([[3.0, 1.0], [1.0, 2.0]])
    >>> found = ag.critical_points(ag.varieties.determinantal(2, 2, 1), u.ravel(), rng=1)
    >>> found
    CriticalPoints(2 points, 2 real: 1 minimum, 1 saddle; unit weights; numerical)
    >>> np.allclose(found.distances, np.linalg.svd(u, compute_uv=False)[::-1])
    True
    """
    require_map(phi)
    begin = time.perf_counter()
    m = phi.n_coordinates
    if np.ndim(u) != 1 or len(u) != m:
        hint = "; for a matrix give u.ravel()" if np.ndim(u) == 2 and np.size(u) == m else ""
        raise InputError(f"u has the shape {np.shape(u)}; one point is expected, of shape ({m},){hint}")
    data = as_points("u", u, m)
    seed, _ = seeds.resolve(rng)
    wanted = _wanted_weights(weights, m, seed, indefinite)
    start = _start(generic, phi, wanted)
    if start is None:
        start = ed_degree(
            phi,
            wanted.values,
            indefinite=True,
            options=options,
            rng=seed,
            progress=progress,
            executor=executor,
            threads=threads,
            memory_limit=memory_limit,
            store=store,
        )
        if start.interrupted:
            return _interrupted(start, data, wanted, seed, begin)
    try:
        if start.weights.kind == "generic":
            start = from_generic(start, wanted, Run(seed, options, executor, memory_limit, store, progress, threads))
            if start.interrupted:
                return _interrupted(start, data, wanted, seed, begin)
        ends = follow(
            start.gauge,
            start.tau,
            start.theta,
            Problem(start.data, start.weights),
            Problem(data, wanted),
            seed=seed,
            options=options,
            executor=executor,
            threads=threads,
            progress=progress,
        )
    except KeyboardInterrupt:
        return _interrupted(start, data, wanted, seed, begin)
    chosen = np.isin(ends.kinds, [int(kind) for kind in CRITICAL])
    lost = {str(kind): number for kind, number in ends.counts().items() if kind not in CRITICAL}
    unresolved = lost.get(str(End.UNRESOLVED), 0)
    proved = np.zeros((2, len(ends.kinds)), dtype=np.bool_)
    if certified:
        equations = CriticalEquations.of(start.gauge, matrix=wanted.is_matrix)
        proofs = certified_critical_points(equations, ends.tau, equations.parameters(data, wanted))
        proved = np.array([proofs.proved, proofs.proved & proofs.certification.real]) & chosen
    finite = np.isfinite(ends.points).all(axis=0)
    floor = _FLOOR * float(np.linalg.norm(start.data))
    size = max(float(np.linalg.norm(data)), floor)
    found = _collected(ends, np.flatnonzero(chosen), data, wanted, proved, size, floor)
    why = f"from {noun_count(start.value, 'critical point')} for generic data ({start.evidence.reason})"
    if unresolved:
        why += f"; {noun_count(unresolved, 'path')} could not be followed to the end"
    status = Status.NUMERICAL if start.complete and not unresolved else Status.LOWER_BOUND
    return CriticalPoints(
        data=data,
        weights=wanted,
        all=found,
        lost=lost,
        generic=start,
        on_variety=bool(np.any(np.linalg.norm(ends.points[:, finite] - data[:, None], axis=0) <= _ON_VARIETY * size)),
        on_discriminant=any(not point.is_regular for point in found),
        evidence=Evidence(status, math.nan, why),
        seed=seed,
        seconds=time.perf_counter() - begin,
    )


def _interrupted(start: EDDegree, data: NDArray[Any], weights: Weights, seed: int, begin: float) -> CriticalPoints:
    """No critical points, since there was no time for any, but the generic ones that are known."""
    return CriticalPoints(
        data=data,
        weights=weights,
        all=(),
        lost={},
        generic=start,
        on_variety=False,
        on_discriminant=False,
        evidence=Evidence(
            Status.LOWER_BOUND,
            math.nan,
            f"interrupted after {noun_count(start.value, 'critical point')} for generic data; generic=result.generic "
            "or a store goes on from there",
        ),
        seed=seed,
        seconds=time.perf_counter() - begin,
        interrupted=True,
    )


def _wanted_weights(weights: Any, m: int, seed: int, indefinite: bool) -> Weights:
    if isinstance(weights, str) and weights == "generic":
        raise InputError(
            'weights="generic" are random numbers, which say nothing about given data; give "unit", '
            f"{m} positive numbers or a symmetric matrix"
        )
    return checked_weights(weights, m, seeds.derive(seed, "weights"), indefinite=indefinite)


def _start(generic: EDDegree | CriticalPoints | None, phi: PolynomialMap, wanted: Weights) -> EDDegree | None:
    """The generic critical points that were given, if they can be used."""
    if generic is None:
        return None
    start = generic.generic if isinstance(generic, CriticalPoints) else generic
    if not isinstance(start, EDDegree):
        raise InputError(f"generic={generic!r}: expected the result of ed_degree or of critical_points")
    if start.gauge.original != phi:
        raise InputError("generic is the result for another map; critical points of one map say nothing about another")
    if start.weights.kind == "generic" or np.array_equal(start.weights.matrix, wanted.matrix):
        return start
    if start.generic is not None:
        return start.generic
    raise InputError(
        f"generic holds the critical points for {start.weights}, which other weights may have more of; "
        'give ed_degree(phi, "generic") or the result for the same weights'
    )


def _collected(
    ends: Ends,
    chosen: NDArray[np.int64],
    data: NDArray[Any],
    weights: Weights,
    proved: NDArray[np.bool_],
    size: float,
    floor: float,
) -> tuple[CriticalPoint, ...]:
    """Different points among the chosen ends, with multiplicities, sorted.

    Regular ends are compared at their own size, down to a floor; others are known relative to the data.
    """
    groups: list[list[int]] = []
    representatives = np.empty((len(data), chosen.size), dtype=np.complex128)
    sizes = np.empty(chosen.size)
    # The best known ends first, so that others join them.
    for j in sorted(chosen.tolist(), key=lambda j: (ends.kinds[j], j)):
        y, count = ends.points[:, j], len(groups)
        own = float(np.linalg.norm(y))
        gaps = np.linalg.norm(representatives[:, :count] - y[:, None], axis=0)
        if ends.kinds[j] == End.REGULAR:
            same = np.flatnonzero(gaps <= _SAME_REGULAR * max(own, floor))
        else:
            same = np.flatnonzero(gaps <= _SAME * sizes[:count])
        if same.size:
            groups[int(same[0])].append(j)
            continue
        groups.append([j])
        representatives[:, count], sizes[count] = y, max(size, own)
    points = [_critical_point(ends, group, data, weights, proved) for group in groups]

    def order(point: CriticalPoint) -> tuple[bool, float, float, float]:
        squared = point.squared_distance
        return (not point.is_real, squared.real if point.is_real else abs(squared), squared.real, squared.imag)

    return tuple(sorted(points, key=order))


def _critical_point(
    ends: Ends, group: list[int], data: NDArray[Any], weights: Weights, proved: NDArray[np.bool_]
) -> CriticalPoint:
    j = group[0]
    is_real = bool(ends.real[j]) and not np.iscomplexobj(data) and not np.iscomplexobj(weights.values)
    y: NDArray[Any] = ends.points[:, j].real.copy() if is_real else ends.points[:, j].copy()
    residual = y - data
    squared = complex(residual @ weights.apply(residual))
    regular = len(group) == 1 and ends.kinds[j] in (End.REGULAR, End.LIMIT)
    index = int(ends.index[j]) if is_real and regular else -1
    dimension = ends.tau.shape[0]
    if not is_real:
        kind = "complex"
    elif index < 0:
        kind = "degenerate"
    else:
        kind = "minimum" if index == 0 else "maximum" if index == dimension else "saddle"
    theta: NDArray[Any] | None = ends.theta[:, j] if np.all(np.isfinite(ends.theta[:, j])) else None
    if is_real and theta is not None and np.abs(theta.imag).max() <= _ON_VARIETY * np.abs(theta).max():
        theta = theta.real.copy()
    return CriticalPoint(
        point=y,
        theta=theta,
        is_real=is_real,
        distance=math.sqrt(squared.real) if is_real and squared.real >= 0 else math.nan,
        squared_distance=squared,
        kind=kind,
        index=index,
        multiplicity=len(group),
        is_regular=regular,
        is_certified=bool(proved[0, j]),
        is_certified_real=bool(proved[1, j]),
    )

"""Numerical search for image points in a region, and rational points of regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq
from numpy.typing import NDArray

from algeom.continuation.critical_points import critical_points
from algeom.continuation.ed_degree import EDDegree
from algeom.continuation.least_squares import Residuals
from algeom.continuation.regions import AffineSubspace, Ball, Box, HalfSpace, Region, Vector
from algeom.errors import GenericityError, ResourceError
from algeom.evidence import Status
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds

Array = NDArray[Any]

#: Random points of a region, for comparing signs.
_SAMPLES = 400


def region_residuals(phi: PolynomialMap, region: Region, margin: float) -> Residuals:
    """Residuals whose norm is the distance from the region, or from its centre for balls."""
    if isinstance(region, Ball):
        center = np.array([float(v) for v in region.center])[:, None]
        return lambda points: (phi(points) - center, phi.jacobian(points))
    if isinstance(region, HalfSpace):
        normal = np.array([float(v) for v in region.normal])
        length = float(np.linalg.norm(normal))
        bound = float(region.bound) / length
        bound += margin * max(1.0, abs(bound))

        def short_of(points: Array) -> tuple[Array, Array]:
            missing = bound - (normal / length) @ phi(points)
            slopes = -np.einsum("i,bij->bj", normal / length, phi.jacobian(points))
            return np.maximum(missing, 0.0)[None], np.where(missing[:, None] > 0, slopes, 0.0)[:, None, :]

        return short_of
    if isinstance(region, Box):
        lower, upper = (np.array([float(v) for v in side])[:, None] for side in (region.lower, region.upper))
        inset = margin * (upper - lower) / 2

        def beyond(points: Array) -> tuple[Array, Array]:
            values = phi(points)
            excess = values - np.clip(values, lower + inset, upper - inset)
            return excess, np.where((excess != 0).T[:, :, None], phi.jacobian(points), 0.0)

        return beyond
    assert isinstance(region, AffineSubspace)
    rows = np.array([[float(v) for v in row] for row in region.matrix]).reshape(-1, region.n_coordinates)
    # Orthonormal rows, so that the norm of the residual is the distance.
    basis = np.linalg.qr(rows.T)[0].T if len(rows) else rows
    offset = basis @ np.array([float(v) for v in region.chart.point])

    def off(points: Array) -> tuple[Array, Array]:
        return basis @ phi(points) - offset[:, None], np.einsum("ij,bjk->bik", basis, phi.jacobian(points))

    return off


@dataclass(frozen=True)
class CriticalDistance:
    """Between which numbers the least distance of all real critical points lies.

    Attributes
    ----------
    lower, upper : float
    description : str
        The critical points, in words.
    """

    lower: float
    upper: float
    description: str


def nearest_critical_distance(
    phi: PolynomialMap, data: Sequence[float], weights: Any, size: float, seed: int
) -> CriticalDistance | str:
    """The least distance from data to the real critical points on the smooth locus, or why it is not known.

    Distances change by at most as much as the data do: where the data lie on the ED discriminant, nearby data are
    asked instead.

    Parameters
    ----------
    phi : PolynomialMap
    data : sequence of m float
    weights : "unit" or ndarray, shape (m, m)
    size : float
        Typical distance, for the size of such a change.
    seed : int
    """
    rng = seeds.derive(seed, "separation", "nearby data")
    direction = rng.normal(size=len(data))
    matrix = np.eye(len(data)) if isinstance(weights, str) else np.asarray(weights)
    direction /= float(np.sqrt(direction @ matrix @ direction))
    generic: EDDegree | None = None
    problem = ""
    for shift in (0.0, 1e-5 * size, 1e-3 * size):
        try:
            found = critical_points(phi, np.asarray(data) + shift * direction, weights, generic=generic, rng=seed)
        except (GenericityError, ResourceError) as error:
            return f"the critical points of the distance could not be found: {error}"
        generic = found.generic
        if found.evidence.status is Status.NUMERICAL and found.n_real and not found.on_discriminant:
            nearest = float(np.nanmin(found.distances))
            nearby = f", from data at distance {shift:.1g}" if shift else ""
            text = f"{noun_count(len(found), 'critical point')}, {found.n_real} real{nearby}; {found.evidence.reason}"
            return CriticalDistance(nearest - shift, nearest + shift, text)
        problem = repr(found)
    return f"the critical points of the distance do not decide: {problem}"


def strictly_inside(box: Box, values: Sequence[Any]) -> bool:
    """Whether balls lie in a box, apart from the coordinates that the box fixes, which hold by other reasons."""

    def exact(value: Fraction) -> Any:
        return arb(fmpq(value.numerator, value.denominator))

    return all(
        a == b or (exact(a) < v.real and v.real < exact(b))
        for a, v, b in zip(box.lower, values, box.upper, strict=True)
    )


def sample_chart(region: Region, rng: np.random.Generator) -> list[Vector]:
    """Rational points s of the chart of a region, in the cube [-1, 1]^k or, if it is unbounded, of several sizes."""
    chart = region.chart
    k = chart.n_variables
    found: list[Vector] = [(Fraction(0),) * k]
    for i in range(_SAMPLES):
        s = rng.uniform(-1, 1, k)
        if isinstance(region, Ball):
            s *= rng.uniform() ** (1 / max(k, 1)) / max(float(np.linalg.norm(s)), 1e-300)
        scale = 1 if chart.bounded else 4 ** (i % 5)
        found.append(tuple(Fraction(round(v * 2**20) * scale, 2**20) for v in s.tolist()))
    return found

"""Sets of inputs over which gains are taken: spheres, balls, annuli, boxes, and given points."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["Annulus", "Ball", "Box", "Domain", "Samples", "Sphere", "as_domain", "outside_hole"]

Float = NDArray[np.float64]

#: Radii of random points of a domain that reaches zero go down to this part of the largest one, evenly in the
#: logarithm: gains near zero are those of the derivative there, and change on the scales of the map in between.
_SMALLEST_RADIUS = 1e-4


class Domain(ABC):
    """A set of inputs x != 0.

    Attributes
    ----------
    n_inputs : int
    """

    n_inputs: int

    @property
    @abstractmethod
    def low(self) -> float:
        """The least norm of its points; zero if it comes near the origin."""

    @property
    @abstractmethod
    def high(self) -> float:
        """The largest norm of its points."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, count: int) -> Float:
        """Random points, shape (count, n), none of them zero."""

    @abstractmethod
    def step(self, x: Float, slope: Float, length: Float) -> Float:
        """Points (N, n) of the domain from x along the gradients (N, n) of the logarithm of a gain.

        A length of 1 goes as far as a gain may be followed, shorter ones go less far in the same direction.
        """

    @abstractmethod
    def furthest(self, directions: Float) -> Float:
        """The points (N, n) that are furthest in given directions (N, n), none of which is zero."""

    @abstractmethod
    def without_origin(self, part: float) -> Domain:
        """The domain without points of norms below this part of `high`, if it has any."""

    @abstractmethod
    def chart(self, x: Float) -> Float:
        """Coordinates (N, k) of points in which the domain is a box."""

    @property
    @abstractmethod
    def chart_bounds(self) -> tuple[Float, Float]:
        """Lower and upper bounds of these coordinates, infinite where there are none."""

    @abstractmethod
    def point(self, z: Float) -> Float:
        """The points (N, n) with these coordinates."""

    @abstractmethod
    def pull_back(self, z: Float, slope: Float) -> Float:
        """Gradients in coordinates, from those at the points."""


class _Radial(Domain):
    """All points whose norm is between `low` and `high`."""

    def sample(self, rng: np.random.Generator, count: int) -> Float:
        """Random points: directions uniform, radii even, and for half of the points even in the logarithm."""
        x = rng.standard_normal((count, self.n_inputs))
        least = max(self.low, _SMALLEST_RADIUS * self.high)
        radii = rng.uniform(least, self.high, count)
        logarithmic = rng.random(count) < 0.5
        radii[logarithmic] = np.exp(rng.uniform(math.log(least), math.log(self.high), np.count_nonzero(logarithmic)))
        return np.asarray(x * (np.clip(radii, least, self.high) / np.linalg.norm(x, axis=1))[:, None])

    def step(self, x: Float, slope: Float, length: Float) -> Float:
        """Turn towards the image of the weights under the transposed derivative, and change the radius.

        For the gain ``w . f(x) / |x|`` that image has the direction of ``slope + x / |x|^2``. Where f is linear and w
        is constant, the direction itself is the maximizer, and a step of length 1 arrives there.
        """
        radii = np.linalg.norm(x, axis=1)
        along = np.einsum("ij,ij->i", slope, x)
        towards = slope + x / np.square(radii)[:, None]
        sizes = np.linalg.norm(towards, axis=1)
        sizes[sizes == 0] = 1.0
        direction = (1 - length)[:, None] * x / radii[:, None] + length[:, None] * towards / sizes[:, None]
        norms = np.linalg.norm(direction, axis=1)
        # Opposite directions of equal weight cancel; there is no way to turn.
        still = norms < 1e-9
        direction[still], norms[still] = x[still], radii[still]
        new_radii = np.clip(radii * np.exp(length * np.clip(along, -1, 1)), self.low, self.high)
        return np.asarray(direction * (new_radii / norms)[:, None])

    def furthest(self, directions: Float) -> Float:
        """The directions themselves, with the largest radius."""
        return np.asarray(self.high * directions / np.linalg.norm(directions, axis=1, keepdims=True))

    def without_origin(self, part: float) -> Domain:
        """The annulus outside of a small ball."""
        return self if self.low >= part * self.high else Annulus(self.n_inputs, part * self.high, self.high)

    def chart(self, x: Float) -> Float:
        """A vector of any length in the direction of the point, and the logarithm of its radius."""
        radii = np.linalg.norm(x, axis=1, keepdims=True)
        return np.hstack([x / radii, np.clip(np.log(radii), *(side[-1] for side in self.chart_bounds))])

    @property
    def chart_bounds(self) -> tuple[Float, Float]:
        """Those of the logarithm of the radius."""
        free = np.full(self.n_inputs, math.inf)
        return np.append(-free, math.log(self.low)), np.append(free, math.log(self.high))

    def point(self, z: Float) -> Float:
        """The point in this direction, with this logarithm of the radius."""
        return np.asarray(z[:, :-1] * (np.exp(z[:, -1:]) / np.linalg.norm(z[:, :-1], axis=1, keepdims=True)))

    def pull_back(self, z: Float, slope: Float) -> Float:
        """The gradient with respect to the direction and the logarithm of the radius."""
        lengths = np.linalg.norm(z[:, :-1], axis=1, keepdims=True)
        units, radii = z[:, :-1] / lengths, np.exp(z[:, -1:])
        along = np.einsum("ij,ij->i", slope, units)[:, None]
        return np.hstack([(slope - along * units) * (radii / lengths), along * radii])


@dataclass(frozen=True)
class Sphere(_Radial):
    """All x with ``|x| = radius``: enough for positively homogeneous maps, whose gains depend on directions only.

    Parameters
    ----------
    n_inputs : int
    radius : float

    Examples
    --------
    >>> Sphere(3).sample(np.random.default_rng(0), 100).shape
    (100, 3)
    """

    n_inputs: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        _check_size(self.n_inputs)
        _check_radius("radius", self.radius)

    @property
    def low(self) -> float:
        """The radius."""
        return self.radius

    @property
    def high(self) -> float:
        """The radius."""
        return self.radius


@dataclass(frozen=True)
class Ball(_Radial):
    """All x with ``0 < |x| <= radius``.

    Parameters
    ----------
    n_inputs : int
    radius : float
    """

    n_inputs: int
    radius: float = 1.0

    def __post_init__(self) -> None:
        _check_size(self.n_inputs)
        _check_radius("radius", self.radius)

    @property
    def low(self) -> float:
        """Zero: the ball comes near the origin."""
        return 0.0

    @property
    def high(self) -> float:
        """The radius."""
        return self.radius


@dataclass(frozen=True)
class Annulus(_Radial):
    """All x with ``inner <= |x| <= outer``.

    Parameters
    ----------
    n_inputs : int
    inner, outer : float
    """

    n_inputs: int
    inner: float
    outer: float

    def __post_init__(self) -> None:
        _check_size(self.n_inputs)
        _check_radius("inner", self.inner)
        _check_radius("outer", self.outer)
        if self.inner > self.outer:
            raise InputError(f"an annulus with inner={self.inner:g} and outer={self.outer:g} is empty; exchange them")

    @property
    def low(self) -> float:
        """The inner radius."""
        return self.inner

    @property
    def high(self) -> float:
        """The outer radius."""
        return self.outer


@dataclass(frozen=True)
class Box(Domain):
    """All x != 0 with ``lower <= x <= upper``, entry by entry.

    Parameters
    ----------
    lower, upper : sequence of float, length n
    hole : float
        Points of smaller norm are left out.

    Examples
    --------
    >>> box = Box([-1.0, 0.0], [1.0, 3.0])
    >>> box.low, round(box.high, 3)
    (0.0, 3.162)
    """

    lower: Sequence[float]
    upper: Sequence[float]
    hole: float = 0.0
    n_inputs: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        lower, upper = (tuple(map(float, np.ravel(side))) for side in (self.lower, self.upper))
        if len(lower) != len(upper) or not lower or not np.all(np.isfinite([lower, upper])):
            raise InputError(f"a box takes two finite vectors of one length; {len(lower)} and {len(upper)} were given")
        if not all(a <= b for a, b in zip(lower, upper, strict=True)) or not any(lower + upper):
            raise InputError("the box is empty, or the origin alone: give lower <= upper, not all of them zero")
        object.__setattr__(self, "lower", lower)
        object.__setattr__(self, "upper", upper)
        object.__setattr__(self, "n_inputs", len(lower))
        if not 0 <= self.hole < self.high:
            raise InputError(
                f"hole={self.hole!r}: expected a radius below {self.high:.4g}, the largest norm in the box"
            )

    @property
    def low(self) -> float:
        """Distance of the box from the origin, or the radius of the hole."""
        return max(self.hole, math.hypot(*np.clip(0.0, self.lower, self.upper)))

    @property
    def high(self) -> float:
        """Distance of the furthest corner from the origin."""
        return math.hypot(*np.maximum(np.abs(self.lower), np.abs(self.upper)))

    def _outside_hole(self, x: Float) -> Float:
        """Points of the box, those in the hole moved out of it."""
        return outside_hole(x, np.array(self.lower), np.array(self.upper), self.hole)

    def sample(self, rng: np.random.Generator, count: int) -> Float:
        """Random points, even in the box; where it comes near the origin, half of them shrunk towards it."""
        x = rng.uniform(self.lower, self.upper, (count, self.n_inputs))
        if self.low <= self.hole:
            least = max(_SMALLEST_RADIUS, self.hole / self.high)
            shrunk = rng.random(count) < 0.5
            x[shrunk] *= np.exp(rng.uniform(math.log(least), 0.0, (np.count_nonzero(shrunk), 1)))
        return self._outside_hole(x)

    def step(self, x: Float, slope: Float, length: Float) -> Float:
        """Along the gradient, by this part of the size of the point, then back into the box."""
        sizes = np.linalg.norm(slope, axis=1)
        sizes[sizes == 0] = 1.0
        return self._outside_hole(x + slope * (length * np.linalg.norm(x, axis=1) / sizes)[:, None])

    def furthest(self, directions: Float) -> Float:
        """Corners."""
        return self._outside_hole(np.where(directions > 0, self.upper, self.lower))

    def without_origin(self, part: float) -> Domain:
        """The box with a small hole around the origin, if it has the origin."""
        return self if self.low >= part * self.high else Box(self.lower, self.upper, part * self.high)

    def chart(self, x: Float) -> Float:
        """The point itself."""
        return x

    @property
    def chart_bounds(self) -> tuple[Float, Float]:
        """The box."""
        return np.array(self.lower), np.array(self.upper)

    def point(self, z: Float) -> Float:
        """The point itself, outside of the hole."""
        return self._outside_hole(z)

    def pull_back(self, z: Float, slope: Float) -> Float:
        """The gradient itself."""
        return slope


def outside_hole(x: Float, lower: Float, upper: Float, hole: float) -> Float:
    """Points of a box that are no shorter than the radius of a hole, near other points.

    Parameters
    ----------
    x : ndarray of float64, shape (N, n)
    lower, upper : ndarray of float64, shape (n,)
    hole : float
        At most the norm of the furthest corner.

    Returns
    -------
    ndarray of float64, shape (N, n)
        Points are clipped to the box; those in the hole go out along their rays where the box goes that far, else
        towards a corner that is outside.

    Examples
    --------
    >>> outside_hole(np.array([[0.3, 0.4]]), np.zeros(2), np.ones(2), 1.0)
    array([[0.6, 0.8]])
    """
    # In units of a power of two, where squares neither overflow nor vanish.
    power = math.frexp(float(np.maximum(-lower, upper).max()))[1]
    x, lower, upper = (np.ldexp(values, -power) for values in (np.clip(x, lower, upper), lower, upper))
    hole = math.ldexp(hole, -power)
    norms = np.linalg.norm(x, axis=1)
    inside = np.flatnonzero(norms < hole)
    rays = x[inside]
    moved = np.clip(rays * (hole / np.maximum(norms[inside], np.finfo(np.float64).tiny))[:, None], lower, upper)
    sizes = np.linalg.norm(moved, axis=1)
    # Clipping shortens; what rounding alone took away is no reason to leave the ray.
    short = sizes < hole * (1 - 4 * np.finfo(np.float64).eps)
    furthest = np.where(upper >= -lower, upper, lower)
    corners = np.where(moved > 0, upper, np.where(moved < 0, lower, furthest))
    corners = np.where((np.linalg.norm(corners, axis=1) >= hole)[:, None], corners, furthest)
    # |m + t (c - m)|^2 = hole^2, for the t in [0, 1] that leaves the hole; the root is taken without cancellation.
    step = corners - moved
    a, b = np.square(step).sum(axis=1), np.einsum("ij,ij->i", moved, step)
    c = hole**2 - sizes**2
    root = np.sqrt(np.maximum(b**2 + a * c, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(b > 0, c / (b + root), (root - b) / a)
    part = np.where(short, np.clip(np.nan_to_num(t), 0.0, 1.0), 0.0)
    x[inside] = np.clip(moved + part[:, None] * step, lower, upper)
    return np.asarray(np.ldexp(x, power))


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Finitely many inputs: statements are about these alone.

    Parameters
    ----------
    points : array_like, shape (N, n)

    Examples
    --------
    >>> Samples([[1.0, 2.0], [3.0, 4.0]])
    Samples(2 points in R^2)
    """

    points: Any

    def __post_init__(self) -> None:
        try:
            points = np.array(self.points, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"samples are points as rows, shape (N, n): {error}") from error
        if points.ndim != 2 or not points.size or not np.isfinite(points).all():
            raise InputError(f"samples of the shape {points.shape}: expected (N, n), finite and not empty")
        object.__setattr__(self, "points", points)

    @property
    def n_inputs(self) -> int:
        """Dimension of the points."""
        return int(self.points.shape[1])

    def __repr__(self) -> str:
        return f"Samples({len(self.points)} points in R^{self.n_inputs})"


def as_domain(domain: Any, n_inputs: int) -> Domain | None:
    """A domain from what stands for one.

    Parameters
    ----------
    domain : None, float, pair of float, or Domain
        None stands for all x, a radius R for the ball, radii (r, R) for an annulus, (0, R) for the ball again.
    n_inputs : int

    Returns
    -------
    Domain or None

    Raises
    ------
    InputError
        If it is none of these, or a domain for another number of inputs.

    Examples
    --------
    >>> as_domain((0, 2), 3), as_domain(np.array([1.0, 2.0]), 3)
    (Ball(n_inputs=3, radius=2.0), Annulus(n_inputs=3, inner=1.0, outer=2.0))
    """
    if domain is None:
        return None
    if isinstance(domain, Domain):
        if domain.n_inputs != n_inputs:
            raise InputError(f"the domain {domain!r} is in dimension {domain.n_inputs}, and f takes {n_inputs} inputs")
        return domain
    expected = "expected a Sphere, Ball, Annulus or Box, a radius R, two radii (r, R), or None for all x"
    try:
        given = np.asarray(domain)
    except ValueError as error:
        raise InputError(f"domain={domain!r}: {expected}") from error
    if given.dtype.kind not in "iuf" or given.shape not in ((), (2,)):
        raise InputError(f"domain={domain!r}: {expected}")
    low, high = (0.0, float(given)) if given.ndim == 0 else map(float, given)
    if not 0 < high < math.inf:
        raise InputError(f"domain={domain!r}, radius={high:g}: expected a positive number, or None for all x")
    if not 0 <= low <= high:
        raise InputError(f"domain={domain!r}: expected radii (r, R) with 0 <= r <= R")
    return Annulus(n_inputs, low, high) if low else Ball(n_inputs, high)


def _check_size(n: int) -> None:
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or n < 1:
        raise InputError(f"n_inputs={n!r}: expected a positive integer")


def _check_radius(name: str, radius: float) -> None:
    if not (isinstance(radius, (int, float, np.floating, np.integer)) and 0 < radius < math.inf):
        raise InputError(f"{name}={radius!r}: expected a positive number")

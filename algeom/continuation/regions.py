"""Regions of the space of coordinates: balls, boxes, affine subspaces and half-spaces, with exact rational data.

Every region is closed and convex. For proofs it is written as ``{p + B s : g_j(s) >= 0 for all j}`` with a rational
point p, a rational matrix B with independent columns and polynomials g_j: a `Chart`.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.errors import InputError
from algeom.maps.constants import exact_constant
from algeom.maps.tape import noun_count

FloatArray = NDArray[np.float64]
Vector = tuple[Fraction, ...]

#: Numerical searches go with every proof; squares and cubes of coordinates must stay in the range of doubles.
_LARGEST = 10**100
#: Exponents of numbers that are written out, in absolute value.
_LARGEST_EXPONENT = 1000


def exact_vector(argument: str, values: Any, length: int | None = None) -> Vector:
    """Numbers as Fractions; floats are taken exactly, and strings such as "1/3" or "0.1" as what they say.

    Raises
    ------
    InputError
        If an entry is no finite real number or beyond 10^100, or their number is not `length`.

    Examples
    --------
    >>> exact_vector("y", [1, 0.5, Fraction(1, 3)])
    (Fraction(1, 1), Fraction(1, 2), Fraction(1, 3))
    >>> exact_vector("y", ["1/3", "0.1"])
    (Fraction(1, 3), Fraction(1, 10))
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{argument} is {values!r}; give a list of numbers")
    exact = []
    for position, value in enumerate(values):
        if isinstance(value, Iterable) and not isinstance(value, str):
            raise InputError(f"{argument} is a list of lists; give one list of numbers")
        try:
            exact.append(_parsed(value) if isinstance(value, str) else exact_constant(value)[0])
        except InputError as error:
            raise InputError(f"{argument}[{position}] is {value!r}; give finite real numbers: {error}") from error
        if abs(exact[-1]) > _LARGEST:
            raise InputError(f"{argument}[{position}] is beyond 10^100; scale the coordinates")
    if length is not None and len(exact) != length:
        raise InputError(f"{argument} has {noun_count(len(exact), 'number')}; expected {length}")
    return tuple(exact)


def _parsed(text: str) -> Fraction:
    """A rational number that is written out."""
    # The value of a large exponent would be computed before it is found to be out of range.
    _, _, exponent = text.lower().partition("e")
    try:
        if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
            raise InputError(f"its exponent is beyond {_LARGEST_EXPONENT}")
        return Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError('a number is written like "1/3", "0.25" or "1e-3"') from error


def _exact_rows(argument: str, rows: Any) -> list[Vector]:
    """A matrix as rows of equal length."""
    if isinstance(rows, str) or not isinstance(rows, Iterable):
        raise InputError(f"{argument} is {rows!r}; give a list of rows of numbers")
    found = [exact_vector(f"{argument}[{k}]", row) for k, row in enumerate(rows)]
    if not found or len({len(row) for row in found}) > 1 or not found[0]:
        raise InputError(f"{argument} has rows of lengths {[len(row) for row in found]}; give rows of equal length")
    return found


def short_number(value: Fraction | int) -> str:
    """A rational number, exactly if that is short, else rounded and marked by a tilde.

    A number that is a double is given as the decimal by which Python writes that double.

    Examples
    --------
    >>> short_number(Fraction(2, 3)), short_number(Fraction(1, 3) ** 40)
    ('2/3', '~8.22e-20')
    >>> short_number(Fraction(19999999, 10**7)), short_number(Fraction(0.99))
    ('19999999/10000000', '0.99')
    """
    value = Fraction(value)
    # str() refuses integers of thousands of digits.
    if max(abs(value.numerator), value.denominator) < 10**12:
        return str(value)
    if abs(value) < _LARGEST and Fraction(float(value)) == value:
        return repr(float(value))
    return f"~{decimal(value)}"


def decimal(value: Fraction | int) -> str:
    """A rational number of any size to three digits, rounded toward zero: positive lower bounds stay bounds.

    Examples
    --------
    >>> decimal(Fraction(2, 3)), decimal(Fraction(-7, 10**400)), decimal(10**5000)
    ('0.666', '-7e-400', '1e+5000')
    """
    # By hand, since the value may be beyond the range of doubles, and str() refuses integers of many digits.
    size = abs(Fraction(value))
    if not size:
        return "0"
    exponent = int((size.numerator.bit_length() - size.denominator.bit_length()) * math.log10(2))
    mantissa = size / Fraction(10) ** exponent
    while mantissa >= 10:
        mantissa, exponent = mantissa / 10, exponent + 1
    while mantissa < 1:
        mantissa, exponent = mantissa * 10, exponent - 1
    digits = int(mantissa * 100)
    sign = "-" if value < 0 else ""
    if -4 <= exponent < 6:
        return f"{sign}{float(digits * Fraction(10) ** (exponent - 2)):.3g}"
    return f"{sign}{digits / 100:g}e{exponent:+03d}"


def upper_decimal(value: float) -> str:
    """A double that is not negative, rounded up to three digits: upper bounds stay bounds.

    Examples
    --------
    >>> upper_decimal(0.08971), upper_decimal(0.25), upper_decimal(0.0), upper_decimal(math.inf)
    ('0.0898', '0.25', '0', 'inf')
    """
    text = f"{value:.3g}"
    if not math.isfinite(value) or Fraction(text) >= Fraction(value):
        return text
    # The last of three digits is worth this much; what was rounded down is less than half of it below.
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    return f"{float(text) + unit:.3g}"


def _list(values: Sequence[Fraction]) -> str:
    shown = ", ".join(map(short_number, values[:6]))
    return f"[{shown}{', ...' if len(values) > 6 else ''}]"


@dataclass(frozen=True)
class Chart:
    """A region as ``{p + B s : g_j(s) >= 0}``.

    Attributes
    ----------
    point : tuple of m Fraction
        p.
    directions : tuple of k tuples of m Fraction
        The columns of B, linearly independent.
    inequalities : tuple of Polynomial
        g_j in the k variables s1, ..., sk.
    bounded : bool
        Whether the inequalities imply ``-1 <= s_i <= 1`` for all i.
    """

    point: Vector
    directions: tuple[Vector, ...]
    inequalities: tuple[Polynomial, ...]
    bounded: bool

    @property
    def n_variables(self) -> int:
        """Number k of variables s."""
        return len(self.directions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names s1, ..., sk."""
        return tuple(f"s{i}" for i in range(1, self.n_variables + 1))

    def pull_back(self, f: Polynomial) -> Polynomial:
        """The polynomial f(p + B s) in the variables s.

        Examples
        --------
        >>> chart = AffineSubspace.through([0, 2], [[1, 0]]).chart
        >>> x, y = Polynomial.variables(["x", "y"])
        >>> chart.pull_back(x**2 + y**2 - 1)
        s1^2 + 3
        """
        return affine_substitution(f, self.point, self.directions, self.names)

    @cached_property
    def _left_inverse(self) -> list[list[Fraction]]:
        """(B^T B)^-1 B^T."""
        transposed = _matrix(self.directions)
        inverse = (transposed * transposed.transpose()).inv() * transposed
        return [[_fraction(c) for c in row] for row in inverse.tolist()]

    def coordinates(self, names: Sequence[str]) -> list[Polynomial]:
        """The variables s as affine functions of the coordinates y: ``s(p + B s) = s``."""
        y = Polynomial.variables(names)
        zero = Polynomial.constant(0, names)
        return [
            sum((c * (y[i] - self.point[i]) for i, c in enumerate(row) if c), start=zero) for row in self._left_inverse
        ]


def affine_substitution(
    f: Polynomial, point: Sequence[Fraction], directions: Sequence[Sequence[Fraction]], names: Sequence[str]
) -> Polynomial:
    """The polynomial f(p + B s), where `directions` lists the columns of B."""
    if not directions or not f:
        value = f(list(point))
        return Polynomial.constant(value, names)
    from flint import Ordering, fmpq_mpoly_ctx

    ring = fmpq_mpoly_ctx.get(tuple(names), Ordering.deglex)
    gens = ring.gens()
    one = ring.constant(1)
    values = []
    for i, p in enumerate(point):
        value = one * fmpq(p.numerator, p.denominator)
        for s, column in zip(gens, directions, strict=True):
            if column[i]:
                value = value + s * fmpq(column[i].numerator, column[i].denominator)
        values.append(value)
    result = f.compose(values)
    return Polynomial.from_flint(result if not isinstance(result, int | Fraction) else one * fmpq(result), names)


def _matrix(rows: Sequence[Sequence[Fraction]]) -> Any:
    return fmpq_mat([[fmpq(c.numerator, c.denominator) for c in row] for row in rows])


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def _unit_vectors(m: int, scales: Sequence[Fraction]) -> tuple[Vector, ...]:
    """The vectors ``scales[i] e_i`` for the nonzero scales."""
    return tuple(tuple(scale if i == j else Fraction(0) for i in range(m)) for j, scale in enumerate(scales) if scale)


class Region(abc.ABC):
    """A closed convex set in the space of the m coordinates, with rational data."""

    @property
    @abc.abstractmethod
    def n_coordinates(self) -> int:
        """Number m of coordinates of the space."""

    @property
    @abc.abstractmethod
    def chart(self) -> Chart:
        """The region as ``{p + B s : g_j(s) >= 0}``."""

    @abc.abstractmethod
    def contains(self, y: Sequence[Any]) -> bool:
        """Whether a point is in the region, decided exactly; floats are taken exactly."""

    @abc.abstractmethod
    def nearest(self, y: FloatArray) -> FloatArray:
        """The nearest point of the region, in floating point: shapes (m,)."""

    def distance(self, y: FloatArray) -> float:
        """Euclidean distance of a point from the region, in floating point."""
        return float(np.linalg.norm(np.asarray(y, np.float64) - self.nearest(y)))

    def _point(self, y: Sequence[Any]) -> Vector:
        return exact_vector("y", y, self.n_coordinates)


def _floats(values: Iterable[Fraction]) -> FloatArray:
    return np.array([float(v) for v in values])


@dataclass(frozen=True, init=False, repr=False)
class Ball(Region):
    """The closed ball of the points at Euclidean distance at most `radius` from `center`.

    Parameters
    ----------
    center : sequence of m numbers
        int, Fraction or float, taken exactly.
    radius : number
        Not negative; 0 gives a point.

    Raises
    ------
    InputError
        If the radius is negative, or an entry is not a finite real number.

    Examples
    --------
    >>> ball = Ball([0, 0], 1)
    >>> ball, ball.contains([1, 0]), ball.contains([1, 1e-9])
    (Ball(center=[0, 0], radius=1), True, False)
    """

    center: Vector
    radius: Fraction

    def __init__(self, center: Sequence[Any], radius: Any) -> None:
        object.__setattr__(self, "center", exact_vector("center", center))
        object.__setattr__(self, "radius", exact_vector("radius", [radius])[0])
        if not self.center:
            raise InputError("center is empty; a ball is in a space of at least one coordinate")
        if self.radius < 0:
            raise InputError(f"the radius is {radius}, so the ball is empty; give a radius of 0 or more")

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates of the space."""
        return len(self.center)

    @property
    def chart(self) -> Chart:
        """``y = c + r s`` with ``1 - |s|^2 >= 0``."""
        directions = _unit_vectors(len(self.center), [self.radius] * len(self.center))
        names = [f"s{i}" for i in range(1, len(directions) + 1)]
        inequality = 1 - sum((s**2 for s in Polynomial.variables(names)), start=Polynomial.constant(0, names))
        return Chart(self.center, directions, (inequality,) if directions else (), True)

    def contains(self, y: Sequence[Any]) -> bool:
        """Whether a point is in the ball, decided exactly."""
        return sum((a - c) ** 2 for a, c in zip(self._point(y), self.center, strict=True)) <= self.radius**2

    def nearest(self, y: FloatArray) -> FloatArray:
        """The nearest point of the ball."""
        center, radius = _floats(self.center), float(self.radius)
        offset = np.asarray(y, np.float64) - center
        length = float(np.linalg.norm(offset))
        return center + offset * (min(1.0, radius / length) if length else 0.0)

    def __repr__(self) -> str:
        return f"Ball(center={_list(self.center)}, radius={short_number(self.radius)})"


@dataclass(frozen=True, init=False, repr=False)
class Box(Region):
    """The points with ``lower[i] <= y[i] <= upper[i]`` for all i.

    Parameters
    ----------
    lower, upper : sequence of m numbers
        int, Fraction or float, taken exactly, all finite. Equal bounds fix a coordinate.

    Raises
    ------
    InputError
        If a lower bound exceeds the upper one, or a bound is not a finite real number.

    Examples
    --------
    >>> Box([0, 0], [1, 2]).contains([1, 1])
    True
    """

    lower: Vector
    upper: Vector

    def __init__(self, lower: Sequence[Any], upper: Sequence[Any]) -> None:
        object.__setattr__(self, "lower", exact_vector("lower", lower))
        object.__setattr__(self, "upper", exact_vector("upper", upper, len(self.lower)))
        if not self.lower:
            raise InputError("lower is empty; a box is in a space of at least one coordinate")
        for i, (a, b) in enumerate(zip(self.lower, self.upper, strict=True)):
            if a > b:
                raise InputError(f"lower[{i}] = {a} exceeds upper[{i}] = {b}, so the box is empty; exchange them")

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates of the space."""
        return len(self.lower)

    @property
    def chart(self) -> Chart:
        """``y = (l + u)/2 + (u - l)/2 * s`` with ``1 - s_i^2 >= 0``, fixed coordinates left out."""
        centers = tuple((a + b) / 2 for a, b in zip(self.lower, self.upper, strict=True))
        directions = _unit_vectors(len(centers), [b - c for b, c in zip(self.upper, centers, strict=True)])
        names = [f"s{i}" for i in range(1, len(directions) + 1)]
        return Chart(centers, directions, tuple(1 - s**2 for s in Polynomial.variables(names)), True)

    def contains(self, y: Sequence[Any]) -> bool:
        """Whether a point is in the box, decided exactly."""
        return all(a <= v <= b for a, v, b in zip(self.lower, self._point(y), self.upper, strict=True))

    def nearest(self, y: FloatArray) -> FloatArray:
        """The nearest point of the box."""
        return np.clip(np.asarray(y, np.float64), _floats(self.lower), _floats(self.upper))

    def __repr__(self) -> str:
        return f"Box(lower={_list(self.lower)}, upper={_list(self.upper)})"


@dataclass(frozen=True, init=False, repr=False)
class HalfSpace(Region):
    """The points y with ``normal . y >= bound``.

    Parameters
    ----------
    normal : sequence of m numbers
        Not all zero.
    bound : number

    Raises
    ------
    InputError
        If the normal is zero, or an entry is not a finite real number.

    Examples
    --------
    >>> HalfSpace([1, 0], 2), HalfSpace([1, 0], 2).contains([3, -7])
    (HalfSpace(normal=[1, 0], bound=2), True)
    """

    normal: Vector
    bound: Fraction

    def __init__(self, normal: Sequence[Any], bound: Any) -> None:
        object.__setattr__(self, "normal", exact_vector("normal", normal))
        object.__setattr__(self, "bound", exact_vector("bound", [bound])[0])
        if not any(self.normal):
            raise InputError("the normal is zero, which bounds no half-space; give a nonzero vector")

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates of the space."""
        return len(self.normal)

    @property
    def chart(self) -> Chart:
        """``y = p + s`` with p the point of the boundary nearest to the origin and ``normal . s >= 0``."""
        scale = self.bound / sum(a * a for a in self.normal)
        directions = _unit_vectors(len(self.normal), [Fraction(1)] * len(self.normal))
        names = [f"s{i}" for i in range(1, len(directions) + 1)]
        s = Polynomial.variables(names)
        inequality = sum((a * v for a, v in zip(self.normal, s, strict=True)), start=Polynomial.constant(0, names))
        return Chart(tuple(scale * a for a in self.normal), directions, (inequality,), False)

    def contains(self, y: Sequence[Any]) -> bool:
        """Whether a point is in the half-space, decided exactly."""
        return sum(a * v for a, v in zip(self.normal, self._point(y), strict=True)) >= self.bound

    def nearest(self, y: FloatArray) -> FloatArray:
        """The nearest point of the half-space."""
        normal, point = _floats(self.normal), np.asarray(y, np.float64)
        missing = max(0.0, float(self.bound) - float(normal @ point))
        return point + normal * (missing / float(normal @ normal))

    def __repr__(self) -> str:
        return f"HalfSpace(normal={_list(self.normal)}, bound={short_number(self.bound)})"


@dataclass(frozen=True, init=False, repr=False)
class AffineSubspace(Region):
    """The points y with ``matrix @ y == rhs``.

    Parameters
    ----------
    matrix : array_like, shape (c, m)
        Rational entries; floats are taken exactly. Dependent rows are dropped.
    rhs : sequence of c numbers

    Raises
    ------
    InputError
        If the equations contradict each other, shapes do not fit, or an entry is not a finite real number.

    Examples
    --------
    >>> line = AffineSubspace([[1, 0, 0], [0, 1, 1]], [2, 3])
    >>> line, line.contains([2, 1, 2])
    (AffineSubspace(dimension 1 in 3 coordinates), True)
    >>> AffineSubspace.through([2, 3, 0], [[0, 1, -1]]) == line
    True
    """

    matrix: tuple[Vector, ...]
    rhs: Vector
    _m: int

    def __init__(self, matrix: Any, rhs: Sequence[Any]) -> None:
        rows = _exact_rows("matrix", matrix)
        values = exact_vector("rhs", rhs, len(rows))
        m = len(rows[0])
        reduced, rank = _matrix([(*row, v) for row, v in zip(rows, values, strict=True)]).rref()
        kept = [[_fraction(c) for c in row] for row in reduced.tolist()[:rank]]
        if any(not any(row[:m]) for row in kept):
            raise InputError("the equations of the affine subspace contradict each other, so it is empty; check rhs")
        # The reduced echelon form makes equal subspaces equal.
        object.__setattr__(self, "matrix", tuple(tuple(row[:m]) for row in kept))
        object.__setattr__(self, "rhs", tuple(row[m] for row in kept))
        object.__setattr__(self, "_m", m)

    @classmethod
    def through(cls, point: Sequence[Any], directions: Any) -> AffineSubspace:
        """The affine subspace through a point, spanned by directions (dependent ones are allowed).

        Parameters
        ----------
        point : sequence of m numbers
        directions : array_like, shape (k, m)
            One direction a row.
        """
        p = exact_vector("point", point)
        rows = [exact_vector(f"directions[{k}]", row, len(p)) for k, row in enumerate(directions)]
        if not p:
            raise InputError("point is empty; an affine subspace is in a space of at least one coordinate")
        equations = kernel(rows, len(p))
        if not equations:
            equations = [[Fraction(0)] * len(p)]
        return cls(equations, [sum((a * b for a, b in zip(row, p, strict=True)), Fraction(0)) for row in equations])

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates of the space."""
        return self._m

    @property
    def dimension(self) -> int:
        """Dimension of the subspace."""
        return self.n_coordinates - len(self.matrix)

    @property
    def chart(self) -> Chart:
        """``y = p + B s`` with p the point nearest to the origin; no inequalities."""
        directions = tuple(map(tuple, kernel(self.matrix, self.n_coordinates)))
        return Chart(self._nearest_to_origin, directions, (), not directions)

    @property
    def _nearest_to_origin(self) -> Vector:
        if not self.matrix:
            return (Fraction(0),) * self.n_coordinates
        equations = _matrix(self.matrix)
        solution = (equations * equations.transpose()).solve(_matrix([[v] for v in self.rhs]))
        return tuple(_fraction(row[0]) for row in (equations.transpose() * solution).tolist())

    def contains(self, y: Sequence[Any]) -> bool:
        """Whether a point is in the subspace, decided exactly."""
        point = self._point(y)
        return all(
            sum(a * b for a, b in zip(row, point, strict=True)) == value
            for row, value in zip(self.matrix, self.rhs, strict=True)
        )

    def nearest(self, y: FloatArray) -> FloatArray:
        """The nearest point of the subspace."""
        point = np.asarray(y, np.float64)
        if not self.matrix:
            return point
        rows = np.array([_floats(row) for row in self.matrix])
        step: FloatArray = np.linalg.lstsq(rows, rows @ point - _floats(self.rhs), rcond=None)[0]
        return point - step

    def __repr__(self) -> str:
        return f"AffineSubspace(dimension {self.dimension} in {noun_count(self.n_coordinates, 'coordinate')})"


def kernel(rows: Sequence[Sequence[Fraction]], m: int) -> list[list[Fraction]]:
    """A basis of the vectors v of length m with ``row . v == 0`` for all rows, integer and primitive.

    Examples
    --------
    >>> [list(map(int, v)) for v in kernel([[Fraction(1), Fraction(2)]], 2)]
    [[-2, 1]]
    """
    if not rows:
        return [[Fraction(i == j) for i in range(m)] for j in range(m)]
    reduced, rank = _matrix(rows).rref()
    table = [[_fraction(c) for c in row] for row in reduced.tolist()[:rank]]
    pivots = [next(j for j, c in enumerate(row) if c) for row in table]
    basis = []
    for free in (j for j in range(m) if j not in pivots):
        vector = [Fraction(0)] * m
        vector[free] = Fraction(1)
        for row, pivot in zip(table, pivots, strict=True):
            vector[pivot] = -row[free]
        scale = np.lcm.reduce([c.denominator for c in vector], dtype=object)
        basis.append([c * int(scale) for c in vector])
    return basis

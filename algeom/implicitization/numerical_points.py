"""Random points of an image in floating point, in coordinates in which its monomials are well scaled."""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.numerical_rank import FloatArray
from algeom.maps.tape import Tape
from algeom.runtime import seeds

#: The dtype of the points of each floating-point arithmetic.
ARITHMETICS: dict[str, type] = {"float64": np.float64, "complex128": np.complex128}

_CHUNK = 256
#: Points from which the scaling of the coordinates is estimated.
_PILOT = 256
#: Points at which rounding errors are followed, to tell coordinates that vanish identically.
_ERROR_POINTS = 16
#: A coordinate counts as zero where it is at most this many times its rounding error.
_ERROR_FACTOR = 4.0
#: Parameters are drawn closer to the unit circle for maps of higher degree, so that no power over- or underflows.
_FREE_DEGREE = 60
#: Principal variances below this are rounding errors of the covariance, or too small to be told from them.
_SMALLEST_VARIANCE = 1e-12


class RoundedValues:
    """Values at a batch of points with a first-order bound for their rounding errors.

    The tape interpreter runs on it. See N. J. Higham, Accuracy and Stability of Numerical Algorithms (2nd ed., 2002),
    section 3.3, on running error analysis.
    """

    __slots__ = ("error", "value")

    _UNIT = float(np.finfo(np.float64).eps)

    def __init__(self, value: NDArray[Any], error: FloatArray) -> None:
        self.value = value
        self.error = error

    @classmethod
    def _rounded(cls, value: NDArray[Any], carried: FloatArray) -> RoundedValues:
        return cls(value, carried + cls._UNIT * np.abs(value))

    @classmethod
    def constant(cls, c: Fraction) -> RoundedValues:
        """A constant of the tape, rounded to a float."""
        value = np.full(1, float(c))
        return cls(value, np.zeros(1) if Fraction(float(c)) == c else cls._UNIT * np.abs(value))

    def vanishes(self) -> bool:
        """Whether rounding errors explain the values at all the points."""
        return bool((np.abs(self.value) <= _ERROR_FACTOR * self.error).all())

    def __add__(self, other: RoundedValues) -> RoundedValues:
        return self._rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: RoundedValues) -> RoundedValues:
        return self._rounded(self.value - other.value, self.error + other.error)

    def __neg__(self) -> RoundedValues:
        return RoundedValues(-self.value, self.error)

    def __mul__(self, other: RoundedValues) -> RoundedValues:
        carried = np.abs(self.value) * other.error + np.abs(other.value) * self.error
        return self._rounded(self.value * other.value, carried)

    def __truediv__(self, other: RoundedValues) -> RoundedValues:
        if other.vanishes():
            raise GenericityError(
                "a denominator of the map is zero up to rounding errors at every random point; "
                'check the map for a division by zero, or use arithmetic="exact"'
            )
        value = self.value / other.value
        carried = (self.error + np.abs(value) * other.error) / np.abs(other.value)
        return self._rounded(value, carried)


def vanishing_coordinates(tape: Tape, theta: NDArray[Any]) -> NDArray[np.bool_]:
    """Which coordinates are no larger than their rounding errors at all the points (columns of `theta`), shape (m,)."""
    inputs = [RoundedValues(row, np.zeros(len(row))) for row in theta]
    with np.errstate(all="ignore"):
        outputs = tape.evaluate_exact(inputs, constant=RoundedValues.constant)
        return np.array([y.vanishes() for y in outputs], dtype=np.bool_)


class NumericalPoints:
    """Random points of a parametrized variety in float64 or complex128, the same for the same seed.

    Parameters
    ----------
    tape : Tape
    seed : int
    arithmetic : {"float64", "complex128"}
        Real parameters, normally distributed, or complex ones.
    stream : str
        Points of different streams are independent.

    Attributes
    ----------
    zero : bool array, shape (m,)
        Coordinates that vanish up to rounding errors; their values are set to zero.
    n_rounded : int
        How many of these were computed as something else than zero.
    """

    def __init__(self, tape: Tape, seed: int, arithmetic: str, stream: str = "interpolation") -> None:
        self.tape = tape
        self.seed = seed
        self.arithmetic = arithmetic
        self.stream = stream
        dtype = ARITHMETICS[arithmetic]
        self._power = min(1.0, _FREE_DEGREE / max(1, tape.common_degree()))
        self._theta: NDArray[Any] = np.zeros((tape.n_inputs, 0), dtype)
        self._values: NDArray[Any] = np.zeros((tape.n_outputs, 0), dtype)
        self._chunks = 0
        self._lock = threading.Lock()
        self.zero: NDArray[np.bool_] = np.zeros(tape.n_outputs, np.bool_)
        pilot = self.theta(_ERROR_POINTS)[:, :_ERROR_POINTS]
        self.zero = vanishing_coordinates(tape, pilot)
        self.n_rounded = int(self._values[self.zero].any(axis=1).sum())
        self._values[self.zero] = 0.0

    def _draw(self) -> NDArray[Any]:
        """Parameters of the next chunk."""
        rng = seeds.derive(self.seed, "points", self.stream, self.arithmetic, self._chunks)
        self._chunks += 1
        shape = (self.tape.n_inputs, _CHUNK)
        theta: NDArray[Any] = rng.standard_normal(shape)
        if self.arithmetic == "complex128":
            theta = (theta + 1j * rng.standard_normal(shape)) / math.sqrt(2.0)
        if self._power < 1.0:
            theta = theta * np.abs(theta) ** (self._power - 1.0)
        return theta

    def _grow(self, count: int) -> None:
        with self._lock:
            theta, values = [self._theta], [self._values]
            found = self._values.shape[1]
            while found < count:
                if self._chunks * _CHUNK > 16 * count + 1024:
                    raise GenericityError(
                        f"the map is infinite or not a number at most of {self._chunks * _CHUNK} random points in "
                        f'{self.arithmetic}: it overflows, or divides by zero. Use arithmetic="exact", or scale its '
                        "constants"
                    )
                drawn = self._draw()
                with np.errstate(all="ignore"):
                    evaluated = self.tape.evaluate(drawn)
                finite = np.isfinite(evaluated).all(axis=0)
                evaluated[self.zero] = 0.0
                theta.append(drawn[:, finite])
                values.append(evaluated[:, finite])
                found += int(finite.sum())
            self._theta = np.ascontiguousarray(np.concatenate(theta, axis=1))
            self._values = np.ascontiguousarray(np.concatenate(values, axis=1))

    def theta(self, count: int) -> NDArray[Any]:
        """Parameters of at least `count` points, shape (n, at least count)."""
        if self._values.shape[1] < count:
            self._grow(count)
        return self._theta

    def values(self, count: int) -> NDArray[Any]:
        """Coordinates of the points of `theta`, shape (m, at least count)."""
        if self._values.shape[1] < count:
            self._grow(count)
        return self._values


def real_rows(rows: NDArray[Any]) -> FloatArray:
    """Real and imaginary parts of complex rows, one below the other; real rows as they are.

    Ideals of maps with real constants have real bases, so a complex equation stands for two real ones and real
    arithmetic suffices.
    """
    return np.concatenate([rows.real, rows.imag]) if np.iscomplexobj(rows) else rows


class Coordinates:
    """New coordinates z = transform @ (y / 2^shift) in which monomials on the image are nearly orthogonal.

    Points are first moved by the torus of the grading so that their coordinates have about the same size. Coordinates
    are then scaled to about root mean square one (by powers of two, which round nothing), and those of equal weight
    mixed so that they are uncorrelated. Such a change of coordinates commutes with the torus; averaging the covariance
    over the permutation symmetries makes it commute with them too. The ideals in both coordinates therefore have the
    same multidegrees and the same symmetries.

    Parameters
    ----------
    points : NumericalPoints
    weights : int64 array, shape (r, m)
        A grading, with (1, ..., 1) in its rational span.
    permutations : list of int64 arrays
        Coordinate symmetries.

    Attributes
    ----------
    shift : int64 array, shape (m,)
    transform : float64 array, shape (m, m)
        Symmetric; entry (i, j) is zero unless coordinates i and j have the same weight.
    """

    def __init__(self, points: NumericalPoints, weights: IntArray, permutations: list[IntArray]) -> None:
        self.points = points
        nonzero = ~points.zero
        self._nonzero = nonzero
        self._torus = weights.astype(np.float64)
        self._solve = np.linalg.pinv(self._torus[:, nonzero].T) if nonzero.any() else np.zeros((len(weights), 0))
        pilot = self._moved(points.values(_PILOT)[:, :_PILOT])
        m = len(pilot)
        same = (weights[:, :, None] == weights[:, None, :]).all(axis=0)
        covariance = _averaged((pilot @ pilot.conj().T).real / pilot.shape[1], permutations) * same
        variances = np.diagonal(covariance)
        self.shift: IntArray = np.rint(0.5 * np.log2(np.where(variances > 0, variances, 1.0))).astype(np.int64)
        covariance = np.ldexp(covariance, -(self.shift[:, None] + self.shift))
        if np.array_equal(same, np.eye(m, dtype=np.bool_)):
            self.transform: FloatArray = np.eye(m)
        else:
            principal, axes = np.linalg.eigh(covariance)
            factors = np.where(principal > _SMALLEST_VARIANCE, np.maximum(principal, _SMALLEST_VARIANCE) ** -0.5, 1.0)
            self.transform = (axes * factors) @ axes.T * same

    def _moved(self, values: NDArray[Any]) -> NDArray[Any]:
        """Points moved by the torus, so that the logarithms of their coordinates are as small as can be."""
        smallest = np.finfo(np.float64).tiny
        logarithms = np.log(np.maximum(np.abs(values[self._nonzero]), smallest))
        moved: NDArray[Any] = values * np.exp(-(self._torus.T @ (self._solve @ logarithms)))
        return moved

    def scaled(self, values: NDArray[Any]) -> NDArray[Any]:
        """Points of the image moved by the torus, with coordinates divided by 2^shift, shape (m, count)."""
        moved: NDArray[Any] = self._moved(values) * np.exp2(-self.shift.astype(np.float64))[:, None]
        return moved

    def values(self, count: int) -> NDArray[Any]:
        """Points in the new coordinates, each of root mean square one, shape (m, count)."""
        return self.normalized(self.points.values(count)[:, :count])

    def normalized(self, values: NDArray[Any]) -> NDArray[Any]:
        """Points of the image in the new coordinates, each of root mean square one."""
        z = self.apply(self.scaled(values))
        size = np.sqrt(np.mean(np.abs(z) ** 2, axis=0))
        return np.ascontiguousarray(z / np.where(size > 0, size, 1.0))

    def apply(self, scaled: NDArray[Any]) -> NDArray[Any]:
        """New coordinates of points given in the scaled ones, y / 2^shift."""
        moved: NDArray[Any] = self.transform @ scaled
        return moved

    def is_diagonal_on(self, variables: IntArray) -> bool:
        """Whether these coordinates are only scaled, by one in the scaled coordinates."""
        part = self.transform[np.ix_(variables, variables)]
        return np.array_equal(part, np.eye(len(variables)))


def _averaged(matrix: FloatArray, permutations: list[IntArray]) -> FloatArray:
    """Average of a matrix over the group that permutations of rows and columns together generate."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    m = len(matrix)
    if not permutations:
        return matrix
    pairs = np.arange(m * m).reshape(m, m)
    targets = np.concatenate([pairs[np.ix_(sigma, sigma)].ravel() for sigma in permutations])
    sources = np.tile(pairs.ravel(), len(permutations))
    graph = coo_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(m * m, m * m))
    _, orbit = connected_components(graph, directed=False)
    sums = np.bincount(orbit, matrix.ravel())
    averaged: FloatArray = (sums / np.bincount(orbit))[orbit].reshape(m, m)
    return averaged


def evaluate_monomials(monomials: IntArray, values: NDArray[Any]) -> NDArray[Any]:
    """Values of monomials (rows of variable indices) at points, shape (points, monomials)."""
    products: NDArray[Any] = np.ones((len(monomials), values.shape[1]), values.dtype)
    for column in monomials.T:
        products *= values[column]
    return products.T

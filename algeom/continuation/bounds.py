"""Rigorous bounds of polynomials: on boxes by Bernstein coefficients, on lines by real roots, quadratics everywhere.

Bernstein coefficients of a polynomial on a box enclose its range there [1]_, and halving the box by averages of
coefficients (de Casteljau) makes the enclosure converge. `exclude_common_zeros` does this in double precision for
many boxes at a time and accounts for every rounding error.

References
----------
.. [1] G. T. Cargo and O. Shisha, The Bernstein form of a polynomial, J. Res. Nat. Bur. Standards 70B (1966) 79-81;
   J. Garloff, Convergent bounds for the range of multivariate polynomials, in: Interval Mathematics 1985, LNCS 212.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, fmpq, fmpz_poly
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.krawczyk import working_precision
from algeom.continuation.regions import affine_substitution
from algeom.errors import InputError

FloatArray = NDArray[np.float64]
#: Says which boxes lie outside a region for certain: (lower corners, widths), both (B, k), to truth values (B,).
Outside = Callable[[FloatArray, FloatArray], NDArray[np.bool_]]

#: Bernstein coefficients of one polynomial that are worth storing for every box.
COEFFICIENT_LIMIT = 20_000
#: Floating-point numbers in the boxes that are worked on at once.
_CHUNK = 2_000_000
#: Boxes are not halved below this width: their corners, dyadic numbers, stay exact in double precision.
_SMALLEST_WIDTH = 2.0**-44
_UNIT = 2.0**-53


def bernstein_coefficients(f: Polynomial, lower: Sequence[Any], upper: Sequence[Any]) -> NDArray[Any]:
    """Exact Bernstein coefficients of a polynomial on a box.

    Parameters
    ----------
    f : Polynomial
        In k variables, of degrees d_1, ..., d_k.
    lower, upper : sequence of k int or Fraction

    Returns
    -------
    ndarray of object, shape (d_1 + 1, ..., d_k + 1)
        Their smallest and largest bound f on the box; those at the corners are the values there.

    Examples
    --------
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> bernstein_coefficients(x**2 - x * y, [0, 0], [1, 1]).tolist()
    [[Fraction(0, 1), Fraction(0, 1)], [Fraction(0, 1), Fraction(-1, 2)], [Fraction(1, 1), Fraction(0, 1)]]
    """
    k = f.n_variables
    widths = [Fraction(b) - Fraction(a) for a, b in zip(lower, upper, strict=True)]
    directions = [[width if i == j else Fraction(0) for i in range(k)] for j, width in enumerate(widths)]
    # Zero widths are kept, so that the shape depends on nothing but k.
    unit = affine_substitution(f, [Fraction(a) for a in lower], directions, f.names) if k else f
    degrees = unit.exponents.max(axis=0, initial=0).tolist() if k else []
    tensor = np.full([d + 1 for d in degrees], Fraction(0), dtype=object)
    for exponents, c in unit.terms():
        tensor[exponents] = Fraction(c)
    for axis, d in enumerate(degrees):
        change = np.array(
            [[Fraction(math.comb(i, j), math.comb(d, j)) if j <= i else Fraction(0) for j in range(d + 1)]
             for i in range(d + 1)], dtype=object,
        )  # fmt: skip
        tensor = np.moveaxis(np.tensordot(change, tensor, axes=(1, axis)), 0, axis)
    return tensor


def range_on_box(f: Polynomial, lower: Sequence[Any], upper: Sequence[Any]) -> tuple[Fraction, Fraction]:
    """Exact numbers between which all values of a polynomial on a box lie.

    Examples
    --------
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> range_on_box(x * y - x, [0, 0], [1, 2])
    (Fraction(-1, 1), Fraction(1, 1))
    """
    coefficients = bernstein_coefficients(f, lower, upper).ravel().tolist()
    return min(coefficients), max(coefficients)


@dataclass(frozen=True)
class Exclusion:
    """What the subdivision of a box found about common zeros of polynomials.

    Attributes
    ----------
    proved : bool
        At every point of the region some polynomial is nonzero.
    bound : Fraction
        If proved, a positive number that the largest ``|f_i|`` reaches at every point of the region.
    used : tuple of int
        The polynomials that some box needed.
    n_boxes : int
        Boxes examined.
    remaining : ndarray, shape (R, k)
        Centres of boxes that were left undecided, the smallest first; empty if proved.
    """

    proved: bool
    bound: Fraction
    used: tuple[int, ...]
    n_boxes: int
    remaining: FloatArray


class _Patch:
    """Scaled Bernstein coefficients of one polynomial on the unit box, ready to be halved.

    Rounding. Coefficients are divided by the largest, so that each stored number is within ``u = 2^-53`` of a number
    of absolute value at most 1. Halving in a variable of degree d replaces coefficients by averages, d times one after
    the other; an average of two numbers of absolute value at most ``1 + e`` is rounded by at most ``u (1 + e)``, and
    errors of the two are averaged, never amplified. So after halvings of degrees d_1, d_2, ... the error is below
    ``(1 + d_1 + d_2 + ...) u (1 + e)`` with e that same number, and twice ``(1 + d_1 + ...) u`` is a bound with room
    for underflow.
    """

    def __init__(self, f: Polynomial, lower: Sequence[Fraction], upper: Sequence[Fraction]) -> None:
        exact = bernstein_coefficients(f, lower, upper)
        self.scale = max(abs(c) for c in exact.ravel().tolist())
        self.start = np.array([float(c / self.scale) for c in exact.ravel().tolist()]).reshape(exact.shape)
        self.degrees = np.array(exact.shape) - 1

    def errors(self, widths: FloatArray) -> FloatArray:
        """Bound for the rounding error of the coefficients on boxes that were halved to these widths."""
        halvings = 1 - np.frexp(widths)[1]  # widths are powers of 2
        bound: FloatArray = 2 * _UNIT * (1.0 + halvings @ self.degrees)
        return bound


def _halve(coefficients: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """Coefficients (B, d_1 + 1, ...) on the lower and upper halves along a variable, axis counted from 1."""
    work = np.moveaxis(coefficients, axis, -1).copy()
    left = np.empty_like(work)
    degree = work.shape[-1] - 1
    left[..., 0] = work[..., 0]
    for level in range(1, degree + 1):
        stop = degree + 1 - level
        work[..., :stop] = (work[..., :stop] + work[..., 1 : stop + 1]) / 2
        left[..., level] = work[..., 0]
    return np.moveaxis(left, -1, axis), np.moveaxis(work, -1, axis)


def exclude_common_zeros(
    polynomials: Sequence[Polynomial],
    lower: Sequence[Any],
    upper: Sequence[Any],
    *,
    outside: Outside | None = None,
    max_boxes: int = 100_000,
) -> Exclusion:
    """Try to prove that polynomials have no common zero in a region, by subdivision of a box around it.

    Parameters
    ----------
    polynomials : sequence of Polynomial
        At least one, in the same k variables.
    lower, upper : sequence of k int or Fraction
        The box.
    outside : callable, optional
        Says which boxes lie outside the region for certain, in coordinates in which the whole box is ``[0, 1]^k``.
    max_boxes : int
        Boxes to examine before giving up.

    Returns
    -------
    Exclusion
        A proof if ``.proved``: then the sum of the squares of the polynomials is at least ``bound**2`` on the region.

    Raises
    ------
    InputError
        If there are no polynomials.

    Examples
    --------
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> exclude_common_zeros([x**2 + y**2 - 1, x - y], [-1, 0], [0, 1]).proved
    True
    >>> exclude_common_zeros([x**2 + y**2 - 1, x - y], [0, 0], [1, 1], max_boxes=1000).proved
    False
    """
    if not polynomials:
        raise InputError("there are no polynomials, and so everything is a common zero; give at least one")
    k = polynomials[0].n_variables
    corners = [Fraction(a) for a in lower], [Fraction(b) for b in upper]
    patches = {
        i: _Patch(f, *corners)
        for i, f in enumerate(polynomials)
        if f and math.prod(int(d) + 1 for d in f.exponents.max(axis=0)) <= COEFFICIENT_LIMIT
    }
    patches = {i: patch for i, patch in patches.items() if patch.scale}  # a box without width may make one zero
    if not patches:
        return Exclusion(False, Fraction(0), (), 0, np.full((1, k), 0.5))
    return _subdivide(patches, k, outside, max_boxes, max(1, _CHUNK // sum(p.start.size for p in patches.values())))


def _subdivide(patches: dict[int, _Patch], k: int, outside: Outside | None, max_boxes: int, chunk: int) -> Exclusion:
    """Depth first in chunks of boxes, so that memory stays bounded."""
    start = {i: patch.start[None] for i, patch in patches.items()}
    stack: list[tuple[FloatArray, FloatArray, dict[int, FloatArray]]] = [(np.zeros((1, k)), np.ones((1, k)), start)]
    bound: Fraction | None = None
    used: set[int] = set()
    examined = 0
    remaining: list[FloatArray] = []
    while stack:
        lower, widths, coefficients = stack.pop()
        if outside is not None:
            inside = ~outside(lower, widths)
            lower, widths = lower[inside], widths[inside]
            coefficients = {i: values[inside] for i, values in coefficients.items()}
        if not len(lower):
            continue
        examined += len(lower)
        best, choice = _lower_bounds(patches, widths, coefficients)
        excluded = best > 0
        for i in np.unique(choice[excluded]).tolist():
            # The exact value of the floating-point bound times the exact scale.
            least = Fraction(float(best[excluded & (choice == i)].min())) * patches[i].scale
            bound = least if bound is None else min(bound, least)
            used.add(i)
        lower, widths = lower[~excluded], widths[~excluded]
        coefficients = {i: values[~excluded] for i, values in coefficients.items()}
        if not len(lower):
            continue
        tiny = bool((widths.max(axis=1, initial=0.0) <= _SMALLEST_WIDTH).any()) or k == 0
        if tiny or examined > max_boxes:
            stack.append((lower, widths, coefficients))
            remaining = [a + w / 2 for a, w, _ in reversed(stack)]
            break
        stack.extend(_children(lower, widths, coefficients, chunk))
    if remaining:
        return Exclusion(False, Fraction(0), tuple(sorted(used)), examined, np.concatenate(remaining))
    # A region that no box meets is empty, and any bound holds on it.
    return Exclusion(True, Fraction(1) if bound is None else bound, tuple(sorted(used)), examined, np.empty((0, k)))


def _lower_bounds(
    patches: dict[int, _Patch], widths: FloatArray, coefficients: dict[int, FloatArray]
) -> tuple[FloatArray, NDArray[np.int64]]:
    """For each box the best proven lower bound of some scaled ``|f_i|``, and i."""
    best = np.full(len(widths), -np.inf)
    choice = np.full(len(widths), -1)
    for i, values in coefficients.items():
        flat = values.reshape(len(values), -1)
        # One more rounding for the subtraction of the error bound: halving the result covers it.
        bounds = np.maximum(flat.min(axis=1), -flat.max(axis=1)) - patches[i].errors(widths)
        bounds = np.where(bounds > 0, bounds / 2, bounds)
        better = bounds > best
        best[better], choice[better] = bounds[better], i
    return best, choice


def _children(
    lower: FloatArray, widths: FloatArray, coefficients: dict[int, FloatArray], chunk: int
) -> list[tuple[FloatArray, FloatArray, dict[int, FloatArray]]]:
    """Halves of all boxes, each along the variable in which its polynomials vary most."""
    k = lower.shape[1]
    variation = np.zeros((len(lower), k))
    for values in coefficients.values():
        for variable in range(k):
            if values.shape[variable + 1] > 1:
                steps = np.abs(np.diff(values, axis=variable + 1)).reshape(len(values), -1)
                # Degrees times differences of coefficients bound the derivative.
                variation[:, variable] += (values.shape[variable + 1] - 1) * steps.max(axis=1)
    # Where polynomials of few variables leave everything equal, the widest side.
    direction = np.where(variation.max(axis=1) > 0, variation.argmax(axis=1), widths.argmax(axis=1))
    children = []
    for variable in np.unique(direction).tolist():
        chosen = direction == variable
        halves = {i: _halve(values[chosen], variable + 1) for i, values in coefficients.items()}
        new_widths = widths[chosen].copy()
        new_widths[:, variable] /= 2
        for side in (0, 1):
            corner = lower[chosen].copy()
            corner[:, variable] += side * new_widths[:, variable]
            for first in range(0, len(corner), chunk):
                part = slice(first, first + chunk)
                children.append((corner[part], new_widths[part], {i: h[side][part] for i, h in halves.items()}))
    return children


def quadratic_minimum(f: Polynomial) -> Fraction | None:
    """The exact minimum over all real points of a polynomial of degree at most 2; None if it has none.

    Squares are completed one variable after the other, over the rational numbers.

    Raises
    ------
    InputError
        If the degree is above 2.

    Examples
    --------
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> quadratic_minimum(x**2 - x * y + y**2 + x), quadratic_minimum(x**2 + y) is None
    (Fraction(-1, 3), True)
    """
    if f.degree > 2:
        raise InputError(f"a polynomial of degree {f.degree} was given; its degree must be at most 2")
    matrix = symmetric_matrix(f)
    k = len(matrix) - 1
    for j in range(k):
        # Row j + 1 is variable j: row 0 belongs to the constant 1 and is never a pivot.
        row = matrix[j + 1]
        pivot = row[j + 1]
        if pivot < 0 or (pivot == 0 and any(row)):
            return None
        if pivot:
            _eliminate(matrix, j + 1)
    return matrix[0][0]


def symmetric_matrix(f: Polynomial) -> list[list[Fraction]]:
    """The symmetric matrix A with ``f = (1, x)^T A (1, x)``, for a polynomial of degree at most 2."""
    k = f.n_variables
    matrix = [[Fraction(0)] * (k + 1) for _ in range(k + 1)]
    for exponents, c in f.terms():
        positions = [i + 1 for i, e in enumerate(exponents) for _ in range(e)]
        a, b = [0] * (2 - len(positions)) + positions
        if a == b:
            matrix[a][a] += Fraction(c)
        else:
            matrix[a][b] += Fraction(c) / 2
            matrix[b][a] += Fraction(c) / 2
    return matrix


def _eliminate(matrix: list[list[Any]], j: int) -> None:
    """Schur complement of a nonzero diagonal entry, in place; row and column j become zero."""
    row = matrix[j][:]
    pivot = row[j]
    for i, target in enumerate(matrix):
        if i != j and target[j]:
            factor = target[j] / pivot
            matrix[i] = [a - factor * b if b else a for a, b in zip(target, row, strict=True)]
    matrix[j] = [0 * pivot] * len(row)
    for target in matrix:
        target[j] = 0 * pivot


def is_positive_definite(matrix: Sequence[Sequence[Fraction]]) -> bool:
    """Whether a symmetric rational matrix is positive definite, by exact elimination.

    Examples
    --------
    >>> is_positive_definite([[2, 1], [1, 2]]), is_positive_definite([[1, 1], [1, 1]])
    (True, False)
    """
    rows = [[fmpq(Fraction(c).numerator, Fraction(c).denominator) for c in row] for row in matrix]
    for j in range(len(rows)):
        pivot = rows[j][j]
        if pivot <= 0:
            return False
        tail = rows[j][j:]
        for i in range(j + 1, len(rows)):
            if rows[i][j]:
                factor = rows[i][j] / pivot
                rows[i][j:] = [a - factor * b for a, b in zip(rows[i][j:], tail, strict=True)]
    return True


def univariate_minimum(f: Polynomial) -> Fraction | None:
    """A positive rational lower bound of a polynomial in one variable on the real line.

    Returns
    -------
    Fraction or None
        None if the polynomial has a real zero or is negative somewhere.

    Notes
    -----
    The real zeros of the polynomial and of its derivative are isolated by FLINT's ball arithmetic, which is rigorous;
    the bound is the least lower end of the values at the balls around the critical points.

    Examples
    --------
    >>> (x,) = Polynomial.variables(["x"])
    >>> float(univariate_minimum(x**4 - x + 1)) > 0.52, univariate_minimum(x**2 - 2) is None
    (True, True)
    """
    if f.n_variables != 1:
        raise InputError(f"a polynomial in {f.n_variables} variables was given; give one in a single variable")
    if f.degree <= 0:
        value = Fraction(f.leading_coefficient)
        return value if value > 0 else None
    if f.degree % 2 or f.leading_coefficient < 0 or real_zeros(f):
        return None
    precision = 64
    while True:
        with working_precision(precision):
            values = [_lower_end(f([point])) for point in real_zeros(f.derivative(0))]
        # The polynomial is known to be positive: it is a matter of digits until all lower ends are.
        if all(value > 0 for value in values):
            return min(values)
        precision *= 2


def real_zeros(f: Polynomial) -> list[Any]:
    """Balls (flint's ``arb``), each around one distinct real zero of a nonzero polynomial in one variable."""
    integral = f.primitive()
    coefficients = [0] * (integral.degree + 1)
    for (exponent,), c in integral.terms():
        coefficients[exponent] = int(c)
    # FLINT makes the imaginary parts of real zeros exactly zero, and those of the others do not contain zero.
    return [zero.real for zero, _ in fmpz_poly(coefficients).complex_roots() if zero.imag.is_zero()]


def _lower_end(value: Any) -> Fraction:
    """An exact number that is at most every number in a ball."""
    mantissa, exponent = arb(value).lower().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)

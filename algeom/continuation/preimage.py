"""Preimages of points: found numerically from many starts, then made exact, or certified.

A numerical preimage becomes a proof in one of two ways. Either its parameters turn out to be rational, once
parameters along the fiber are fixed at rational numbers, and the map is evaluated there exactly. Or a square part of
the equations is solved by a zero that a Krawczyk test encloses, and algebra shows that the other coordinates agree as
well: see `certified_preimage`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import acb, acb_mat, arb, arb_mat, fmpq
from numpy.typing import NDArray

from algeom.algebra.polynomial import Polynomial
from algeom.continuation.certify import CertifiedZero, certify
from algeom.continuation.krawczyk import working_precision
from algeom.continuation.least_squares import Residuals, fit
from algeom.continuation.nullstellensatz import combination
from algeom.continuation.systems import System
from algeom.implicitization.verification import IdentityTest
from algeom.maps.builder import TapeBuilder
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape, noun_count

Array = NDArray[Any]
#: Singular values below this part of the largest count as zero where a gauge is chosen; a wrong choice costs a
#: rational preimage or a certificate, never its correctness.
_RANK_TOLERANCE = 1e-7
#: Denominators that the parameters along a fiber are rounded to, one after the other.
_GAUGE_DENOMINATORS = (1, 4, 64)
#: Terms that clearing the denominators of a map may produce.
_CLEARED = 20_000
#: Bits in which a preimage is looked at for rational coordinates.
_RECONSTRUCTION_BITS = (256, 1024)


def preimage_residuals(phi: PolynomialMap, y: Sequence[Any]) -> Residuals:
    """Residuals ``phi(theta) - y``."""
    target = np.array([float(v) for v in y])[:, None]

    def residuals(points: Array) -> tuple[Array, Array]:
        return phi(points) - target, phi.jacobian(points)

    return residuals


def starting_points(phi: PolynomialMap, count: int, rng: np.random.Generator, *, is_complex: bool = False) -> Array:
    """Random parameters of several magnitudes, shape (n, count)."""
    shape = (phi.n_parameters, count)
    points: Array = rng.normal(size=shape)
    if is_complex:
        points = (points + 1j * rng.normal(size=shape)) / np.sqrt(2)
    return np.ascontiguousarray(points * 2.0 ** (np.arange(count) % 5 - 2))


@dataclass(frozen=True)
class Slice:
    """Some parameters fixed at rational numbers, the others free: what makes a preimage isolated.

    Attributes
    ----------
    fixed : dict of int to Fraction
    free : tuple of int
    rows : tuple of int
        As many coordinates as there are free parameters, with an invertible Jacobian.
    """

    fixed: dict[int, Fraction]
    free: tuple[int, ...]
    rows: tuple[int, ...]

    def tape(self, phi: PolynomialMap) -> Tape:
        """All coordinates of the map as functions of the free parameters."""
        builder = TapeBuilder(len(self.free))
        place = dict(zip(self.free, builder.inputs, strict=True))
        nodes = [place[i] if i in place else builder.constant(self.fixed[i]) for i in range(phi.n_parameters)]
        return builder.build(builder.append(phi.tape, nodes))

    def system(self, phi: PolynomialMap, y: Sequence[Fraction]) -> System:
        """The square system ``phi_r = y_r`` for the chosen coordinates r."""
        builder = TapeBuilder(len(self.free))
        values = builder.append(self.tape(phi), builder.inputs)
        return System(
            builder.build([builder.sub(values[r], builder.constant(y[r])) for r in self.rows]), len(self.free)
        )


def _independent_columns(matrix: Array, order: Sequence[int], rank: int) -> list[int]:
    """The first independent columns in an order, at most `rank` of them."""
    chosen: list[int] = []
    basis = np.zeros((matrix.shape[0], 0), matrix.dtype)
    largest = float(np.linalg.norm(matrix, axis=0).max(initial=0.0))
    for j in order:
        column = matrix[:, j]
        for _ in range(2):  # twice is enough for orthogonality to rounding
            column = column - basis @ (basis.conj().T @ column)
        length = float(np.linalg.norm(column))
        if length > 1e-4 * largest:
            chosen.append(j)
            basis = np.column_stack([basis, column / length])
        if len(chosen) == rank:
            break
    return chosen


def numerical_rank(matrix: Array) -> int:
    """Rank at the tolerance of this module."""
    if not matrix.size:
        return 0
    values = np.linalg.svd(matrix, compute_uv=False)
    return int((values > _RANK_TOLERANCE * values[0]).sum()) if values[0] > 0 else 0


def _pivoted(matrix: Array, rank: int) -> list[int]:
    """Columns that are independent with a margin: those that QR with pivoting takes first."""
    from scipy.linalg import qr

    return [int(j) for j in qr(matrix, mode="economic", pivoting=True)[2][:rank]]


def slices(phi: PolynomialMap, theta: Array, rng: np.random.Generator, *, attempts: int = 5) -> Iterator[Slice]:
    """Ways to fix parameters near a point so that it is isolated in its fiber.

    The parameters that come last, first, or in random order stay free: for products of matrices the first two fix a
    block of one factor, so that the other parameters solve linear equations.
    """
    jacobian = phi.jacobian(theta)
    if not np.isfinite(jacobian).all():
        return
    rank = numerical_rank(jacobian)
    if not rank:
        return
    n = phi.n_parameters
    orders = [list(range(n))[::-1], list(range(n))] + [rng.permutation(n).tolist() for _ in range(attempts - 2)]
    seen: set[tuple[int, ...]] = set()
    for order in orders:
        free = tuple(sorted(_independent_columns(jacobian, order, rank)))
        if len(free) < rank or free in seen:
            continue
        seen.add(free)
        rows = tuple(sorted(_pivoted(jacobian[:, list(free)].T, rank)))
        others = [i for i in range(n) if i not in free]
        for denominator in _GAUGE_DENOMINATORS if others else (1,):
            fixed = {i: _near(float(theta[i].real), denominator) for i in others}
            yield Slice(fixed, free, rows)


def _near(value: float, denominator: int) -> Fraction:
    """A rational number near a real one, of few digits; zero only for what is nearly zero."""
    if abs(value) < 1e-9:
        return Fraction(0)
    scale = Fraction(2) ** int(np.floor(np.log2(abs(value)))) if abs(value) < 1 else Fraction(1)
    unit = scale / denominator
    return Fraction(round(Fraction(value) / unit)) * unit


def on_slice(phi: PolynomialMap, y: Sequence[Fraction], theta: Array, chosen: Slice, tolerance: float) -> Array | None:
    """The free parameters of a preimage on a slice near a preimage, or None."""
    system = System(chosen.tape(phi), len(chosen.free))
    target = np.array([float(v) for v in y])[:, None]

    def residuals(points: Array) -> tuple[Array, Array]:
        return system(points) - target, system.jacobian(points)

    start = np.ascontiguousarray(theta[list(chosen.free)][:, None])
    found = fit(residuals, start)
    return found.points[:, 0] if found.norms[0] <= tolerance else None


def is_preimage(phi: PolynomialMap, theta: Sequence[Fraction], y: Sequence[Fraction]) -> bool:
    """Whether phi(theta) == y, in exact arithmetic."""
    try:
        return [Fraction(v) for v in phi.tape.evaluate_exact(list(theta))] == list(y)
    except ZeroDivisionError:
        return False


def rational_preimage(
    phi: PolynomialMap, y: Sequence[Fraction], theta: Array, rng: np.random.Generator, tolerance: float
) -> tuple[Fraction, ...] | None:
    """Rational parameters with phi(theta) == y exactly, near a numerical preimage or along its fiber.

    Parameters
    ----------
    phi : PolynomialMap
    y : sequence of m Fraction
    theta : ndarray of float64, shape (n,)
    rng : numpy.random.Generator
    tolerance : float
        Norm of the residual that counts as zero during the search.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.varieties.segre(1, 1)
    >>> y = [Fraction(v) for v in (3, 6, 5, 10)]
    >>> theta = rational_preimage(phi, y, np.array([1.1, 5.5 / 3, 3 / 1.1, 6 / 1.1]), np.random.default_rng(0), 1e-6)
    >>> phi(theta).tolist() == y
    True
    """
    for digits in (1, 60):
        snapped = [Fraction(float(v)).limit_denominator(digits) for v in theta]
        if is_preimage(phi, snapped, y):
            return tuple(snapped)
    for chosen in slices(phi, theta, rng):
        tau = on_slice(phi, y, theta, chosen, tolerance)
        if tau is None:
            continue
        found = _reconstruct(phi, y, tau, chosen)
        if found is not None:
            return found
    return None


def _reconstruct(phi: PolynomialMap, y: Sequence[Fraction], tau: Array, chosen: Slice) -> tuple[Fraction, ...] | None:
    """Newton's method at growing precision, then the simplest rational numbers that are near enough."""
    system = chosen.system(phi, y)
    point = [Fraction(float(v)) for v in tau]
    for bits in _RECONSTRUCTION_BITS:
        refined = _newton(system, point, bits)
        if refined is None:
            return None
        point = refined
        rational = [v.limit_denominator(1 << (bits // 3)) for v in point]
        close = Fraction(1, 1 << (bits * 3 // 4))
        if all(abs(q - v) <= close * (1 + abs(v)) for q, v in zip(rational, point, strict=True)):
            theta = [Fraction(0)] * phi.n_parameters
            for i, value in [*chosen.fixed.items(), *zip(chosen.free, rational, strict=True)]:
                theta[i] = value
            if is_preimage(phi, theta, y):
                return tuple(theta)
    return None


def _newton(system: System, start: Sequence[Fraction], bits: int) -> list[Fraction] | None:
    """A zero of a square system to a number of bits, or None where Newton's method does not converge."""
    n = system.n_unknowns
    with working_precision(bits + 64):
        point = [arb(fmpq(v.numerator, v.denominator)).mid() for v in start]
        previous = None
        for _ in range(30):
            try:
                entries = system.values_and_jacobian_tape.evaluate_exact(point)
                jacobian = arb_mat(n, n, [arb(v).mid() for v in entries[n:]])
                step = jacobian.solve(arb_mat(n, 1, [arb(v).mid() for v in entries[:n]])).entries()
            except ZeroDivisionError:
                return None
            if not all(d.is_finite() for d in step):
                return None
            point = [(v - d).mid() for v, d in zip(point, step, strict=True)]
            # In logarithms, since these steps are far below the range of doubles.
            sizes = [
                -np.inf if d.mid() == 0 else float((abs(d.mid()) / (1 + abs(v))).log().mid())
                for d, v in zip(step, point, strict=True)
            ]
            size = max(sizes)
            if size < -bits * np.log(2):
                return [_fraction(v) for v in point]
            # Quadratic convergence soon gets there; a singular zero gains only a bit a step.
            if previous is not None and size > previous + 2:
                return None
            previous = size
    return None


def _fraction(value: Any) -> Fraction:
    mantissa, exponent = (int(part) for part in value.man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent


@dataclass(frozen=True, repr=False)
class CertifiedPreimage:
    """Parameters that are proved to exist: a preimage of y with some parameters fixed.

    Attributes
    ----------
    fixed : dict of int to Fraction
        Parameters with exact values.
    free : tuple of int
        The others.
    zero : CertifiedZero
        Balls around the values of the free parameters.
    method : str
        Why the coordinates that the square system leaves out agree as well, in words.
    """

    fixed: dict[int, Fraction]
    free: tuple[int, ...]
    zero: CertifiedZero
    method: str

    @property
    def is_real(self) -> bool:
        """Whether all parameters are proved real."""
        return self.zero.is_real is True

    def __repr__(self) -> str:
        parameters = noun_count(len(self.free), "parameter")
        return f"CertifiedPreimage({parameters} in balls, {len(self.fixed)} fixed; {self.method})"

    def enclosed_image(self, phi: PolynomialMap) -> list[Any]:
        """Balls (flint's ``acb``) around the coordinates of the image point under a map of the same parameters."""
        with working_precision(max(128, self.zero.precision)):
            box = dict(zip(self.free, _box(self.zero), strict=True))
            theta = [box[i] if i in box else _ball(self.fixed[i]) for i in range(phi.n_parameters)]
            return phi.tape.evaluate_exact(theta, constant=_ball)

    def approximate(self, n: int) -> NDArray[np.complex128]:
        """All n parameters in double precision."""
        theta = np.zeros(n, dtype=np.complex128)
        for i, value in self.fixed.items():
            theta[i] = float(value)
        theta[list(self.free)] = self.zero.to_complex()
        return theta


def certified_preimage(
    phi: PolynomialMap,
    y: Sequence[Fraction],
    theta: Array,
    equations: Sequence[Polynomial],
    rng: np.random.Generator,
    tolerance: float,
) -> CertifiedPreimage | None:
    """Prove that a point has a preimage near a numerical one.

    Parameters
    ----------
    phi : PolynomialMap
    y : sequence of m Fraction
    theta : ndarray, shape (n,)
        Real or complex.
    equations : sequence of Polynomial
        Proven to vanish on the image, and zero at y exactly.
    rng : numpy.random.Generator
    tolerance : float
        Norm of the residual that counts as zero during the search.

    Notes
    -----
    All but k parameters are fixed, k the rank of the Jacobian. For k coordinates r, the square system phi_r = y_r has
    a zero that a Krawczyk test encloses; the point ``x = phi(zero)`` of the image agrees with y in these coordinates.
    Of the given equations, m - k are restricted to the coordinates that are left, c: both x_c and y_c are zeros, x
    because the equations vanish on the image and y because it was tested. If all matrices in an interval enclosure of
    their Jacobian over a box that holds both points are invertible, the mean value theorem makes the two points equal:
    y = phi(zero). No completeness of the equations is needed, only that y is a smooth point of what they define.

    Where y is no such point, the other equations phi_c = y_c may be combinations of the square system, on the slice
    where the fixed parameters have their values; multipliers are looked for by linear algebra.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.polynomial_map(["a^2", "a*b", "b^2"])
    >>> x, y, z = Polynomial.variables(["x", "y", "z"])
    >>> point = [Fraction(2), Fraction(2), Fraction(2)]
    >>> certified_preimage(phi, point, np.array([1.4142, 1.4142]), [x * z - y**2], np.random.default_rng(0), 1e-9)
    CertifiedPreimage(2 parameters in balls, 0 fixed; 1 verified equation has a smooth zero there)
    """
    m = phi.n_coordinates
    for chosen in slices(phi, theta, rng):
        k = len(chosen.free)
        tau = on_slice(phi, y, theta, chosen, tolerance)
        if tau is None:
            continue
        zero = certify(chosen.system(phi, y), np.asarray(tau, np.complex128)).zeros[0]
        if zero is None:
            continue
        method = ""
        if k == m:
            method = "no coordinate is left out"
        elif _same_point(phi, y, chosen, zero, equations):
            count = m - k
            method = f"{noun_count(count, 'verified equation')} {'has' if count == 1 else 'have'} a smooth zero there"
        elif _is_defined(phi, chosen, zero) and _implied(phi, y, chosen):
            method = "the other equations are combinations of these"
        if method:
            return CertifiedPreimage(chosen.fixed, chosen.free, zero, method)
    return None


def _is_defined(phi: PolynomialMap, chosen: Slice, zero: CertifiedZero) -> bool:
    """Whether no denominator of the map vanishes at an enclosed zero."""
    with working_precision(max(128, zero.precision)):
        try:
            values = chosen.tape(phi).evaluate_exact(_box(zero), constant=_ball)
        except ZeroDivisionError:
            return False
        return all(v.is_finite() for v in values)


def _implied(phi: PolynomialMap, y: Sequence[Fraction], chosen: Slice) -> bool:
    """Whether the equations left out are combinations of the square system, by multipliers of low degree."""
    equations = cleared_equations(chosen.tape(phi), y)
    if equations is None:
        return False
    square = [equations[r] for r in chosen.rows]
    top = max(f.degree for f in equations)
    return all(
        any(combination(f, square, degree) is not None for degree in range(f.degree, top + 2))
        for i, f in enumerate(equations)
        if i not in chosen.rows
    )


def cleared_equations(tape: Tape, y: Sequence[Fraction]) -> list[Polynomial] | None:
    """The equations ``phi_i(theta) = y_i`` times a common denominator; None if they have too many terms."""
    expanded = IdentityTest(tape, 0, _CLEARED).expanded
    if expanded is None:
        return None
    numerators, denominator = expanded
    names = [f"t{k}" for k in range(tape.n_inputs)]
    common = Polynomial.from_flint(denominator, names)
    return [Polynomial.from_flint(f, names) - common * v for f, v in zip(numerators, y, strict=True)]


def _same_point(
    phi: PolynomialMap, y: Sequence[Fraction], chosen: Slice, zero: CertifiedZero, equations: Sequence[Polynomial]
) -> bool:
    """Whether the other coordinates of the enclosed point are proved to be those of y."""
    rest = [i for i in range(phi.n_coordinates) if i not in chosen.rows]
    if len(equations) < len(rest):
        return False
    with working_precision(max(128, zero.precision)):
        exact = [acb(arb(fmpq(v.numerator, v.denominator))) for v in y]
        try:
            values = chosen.tape(phi).evaluate_exact(_box(zero), constant=_ball)
        except ZeroDivisionError:
            return False
        if not all(v.is_finite() for v in values):
            return False
        hull = list(exact)
        for i in rest:
            hull[i] = acb(exact[i].real.union(values[i].real), exact[i].imag.union(values[i].imag))
        gradients = np.array([[complex(acb(f.derivative(i)(exact))) for i in rest] for f in equations])
        if numerical_rank(gradients) < len(rest):
            return False
        rows = _pivoted(gradients.T, len(rest))
        jacobian = acb_mat([[acb(equations[r].derivative(i)(hull)) for i in rest] for r in rows])
        inverse = acb_mat([[acb(complex(v)) for v in row] for row in np.linalg.inv(gradients[rows])])
        product = (inverse * jacobian).tolist()
        # A norm of I - A J below 1 makes every matrix in the enclosure J invertible.
        norms = [
            sum((abs(entry - int(i == j)).upper() for j, entry in enumerate(row)), arb(0))
            for i, row in enumerate(product)
        ]
        return all(norm < 1 for norm in norms)


def _ball(value: Fraction) -> Any:
    return acb(arb(fmpq(value.numerator, value.denominator)))


def _box(zero: CertifiedZero) -> list[Any]:
    """Balls around the coordinates of a zero, real ones if it is."""
    return [
        acb(_interval(real, radius), arb(0) if zero.is_real else _interval(imaginary, radius))
        for (real, imaginary), radius in zip(zero.center, zero.radii, strict=True)
    ]


def _interval(center: Fraction, radius: Fraction) -> Any:
    middle = arb(fmpq(center.numerator, center.denominator))
    return middle + arb(0, arb(fmpq(radius.numerator, radius.denominator)).upper())

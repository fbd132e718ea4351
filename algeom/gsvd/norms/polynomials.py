"""Certified gains of polynomial maps on a ball, by Bernstein coefficients on cones; critical points on the sphere."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError, ResourceError
from algeom.evidence import Evidence
from algeom.gsvd.norms.covering import (
    UNIT,
    Cover,
    Enclosures,
    Pieces,
    cover,
    dot_error,
    longest_edges,
    spread,
)
from algeom.gsvd.norms.polar import Polar
from algeom.maps.forms import exponent_vectors
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime import seeds
from algeom.runtime.progress import Reporter

__all__ = ["Forms", "polynomial_norm", "spherical_maximum"]

Float = NDArray[np.float64]

#: Doubles in the largest array of a batch.
_BATCH_ENTRIES = 1 << 19
_BATCH = 1024

#: Bernstein coefficients of one piece, and terms of a map, at most: beyond, a single piece takes too long.
MOST_COEFFICIENTS = 20_000
_MOST_TERMS = 20_000


class Forms:
    """A polynomial map as a sum of forms, and its gains in polar coordinates.

    With f = f_1 + ... + f_D and unit vectors u, ``f(r u) / r = sum r^(d-1) f_d(u)`` has no singularity at r = 0. On a
    piece, w = sum l_i v_i runs over the simplex of the rays v_i, and u = w / |w|. Powers of q = |w|^2 make all forms of
    even or of odd degree equal in degree: with P and N for the two kinds the bound R holds where::

        G = R^2 q^D - |P|^2 - q |N|^2 - 2 |w| <P, N> >= 0,

    a polynomial in l and r but for |w|, which lies between ``(q + s) / (1 + s)`` and ``(q + 1) / 2`` for q between s^2
    and 1. G is no less than its least Bernstein coefficient [1]_; these are linear in values at a grid of points.

    Parameters
    ----------
    phi : PolynomialMap
        Polynomial, zero at zero.
    root : ndarray of float64, shape (k, p), optional
        Applied to the values.

    References
    ----------
    .. [1] R. T. Farouki, The Bernstein polynomial basis: a centennial retrospective, Comput. Aided Geom. Design 29
       (2012).
    """

    def __init__(self, phi: PolynomialMap, root: Float | None = None) -> None:
        if not phi.is_polynomial:
            raise InputError(f"{phi!r} divides by parameters; norms on a ball are for polynomials")
        n, degree = phi.n_parameters, phi.degree
        if math.comb(n + degree, n) > _MOST_TERMS:
            raise ResourceError(
                f"polynomials of degree {degree} in {n} variables have up to {math.comb(n + degree, n)} terms; more "
                f"than {_MOST_TERMS} are not expanded: take fewer variables, or method='sampled'"
            )
        self.n_inputs, self.n_coordinates = n, phi.n_coordinates
        forms = _expanded(phi)
        if any(not any(exponent) for form in forms for exponent in form):
            raise InputError("the polynomial map has a constant term; subtract f(0) first")
        self.degrees = sorted({sum(exponent) for form in forms for exponent in form})
        #: For each degree d: exponents (T, n), coefficients (T, k), and bounds of these before rounding.
        self.terms: list[tuple[NDArray[np.int64], Float, Float]] = []
        for d in self.degrees:
            exponents = sorted({e for form in forms for e in form if sum(e) == d})
            table = np.array([[float(form.get(e, 0)) for form in forms] for e in exponents])
            applied = (table, np.abs(table)) if root is None else (table @ root.T, np.abs(table) @ np.abs(root.T))
            self.terms.append((np.array(exponents, dtype=np.int64), *applied))
        self.top = max(self.degrees, default=1)
        self.has_mixed_parity = len({d % 2 for d in self.degrees}) == 2
        self.simplex_degree = 2 * self.top + self.has_mixed_parity
        # Forms of one degree have their largest gains at the largest radius.
        self.radial_degree = 2 * (self.top - 1) if len(self.degrees) > 1 else 0
        #: Bernstein coefficients of a piece.
        self.size = math.comb(self.simplex_degree + n - 1, n - 1) * (self.radial_degree + 1)
        n_terms = sum(len(exponents) for exponents, _, _ in self.terms)
        outputs = 1 if root is None else root.shape[1]
        #: Operations, in units of roundoff, of a value of G against the same without cancellation.
        self.operations = 4 * (n_terms + outputs + phi.n_coordinates + (2 * self.top + 2) * (n + 6) + 20)

    def lipschitz(self, high: float) -> tuple[float, float]:
        """A Lipschitz constant of f(r u) / r as a function of u in the unit ball, for r up to `high`; bounds it too.

        The second number is the same without cancellation in coefficients: rounding errors are relative to this.
        """
        total = without = 0.0
        # Coefficients are rounded, and added with as many weights as there are coordinates.
        relative = dot_error(self.n_coordinates + 4)
        for d, (_, coefficients, bounds) in zip(self.degrees, self.terms, strict=True):
            size = float(np.linalg.norm(bounds, axis=1).sum())
            total += d * high ** (d - 1) * (float(np.linalg.norm(coefficients, axis=1).sum()) + relative * size)
            without += d * high ** (d - 1) * size
        rounding = 1 + dot_error(self.operations)
        return total * rounding, without * rounding

    def batch(self) -> int:
        """Pieces at a time."""
        width: int = sum(terms[1].shape[1] for terms in self.terms) + 8
        return max(1, min(_BATCH, _BATCH_ENTRIES // (self.size * width)))

    def values(self, x: Float) -> list[tuple[Float, Float]]:
        """For each degree the values of the form at points (..., n), and of the absolute values of its terms."""
        powers = [np.ones_like(x)]
        for _ in range(self.top):
            powers.append(powers[-1] * x)
        table = np.stack(powers, axis=-1)
        result = []
        for exponents, coefficients, bounds in self.terms:
            monomials = np.ones((*x.shape[:-1], len(exponents)))
            for i in range(self.n_inputs):
                monomials *= table[..., i, :][..., exponents[:, i]]
            result.append((monomials @ coefficients, np.abs(monomials) @ bounds))
        return result

    def gains(self, x: Float) -> Float:
        """Lower bounds of |f(x)| / |x|."""
        parts = self.values(x)
        y, absolute = sum(part[0] for part in parts), sum(part[1] for part in parts)
        if not parts:
            return np.zeros(len(x))
        sizes = np.linalg.norm(y, axis=1) - dot_error(self.operations) * np.linalg.norm(absolute, axis=1)
        return np.asarray(np.maximum(sizes / np.linalg.norm(x, axis=1) * (1 - dot_error(self.operations)), 0.0))

    def enclose(self, pieces: Pieces, target: float) -> Enclosures:
        """Bounds of the gain on pieces."""
        count, n = pieces.rays.shape[:2]
        gram = pieces.rays @ pieces.rays.transpose(0, 2, 1)
        total = spread(gram)
        lattice, transform = bernstein(n, self.simplex_degree)
        steps, radial_transform = bernstein(2, self.radial_degree)
        # (B, grid, n) points w and (B, radii) radii.
        w = lattice @ pieces.rays
        inner, outer = pieces.radii[:, :1], pieces.radii[:, 1:]
        r = inner * steps[:, 0] + outer * steps[:, 1] if self.radial_degree else outer
        q = np.square(w).sum(axis=2)[:, :, None]
        powers = r[:, None, :]
        even: Any = 0.0
        odd: Any = 0.0
        even_size: Any = 0.0
        odd_size: Any = 0.0
        for d, (value, absolute) in zip(self.degrees, self.values(w), strict=True):
            factor = (powers ** (d - 1) * q ** ((self.top - d) // 2))[..., None]
            if (self.top - d) % 2 == 0:
                even, even_size = even + factor * value[:, :, None, :], even_size + factor * absolute[:, :, None, :]
            else:
                odd, odd_size = odd + factor * value[:, :, None, :], odd_size + factor * absolute[:, :, None, :]
        squares = np.square(even).sum(axis=3)
        sizes = np.square(even_size).sum(axis=3)
        product_bound = np.zeros(count)
        rounded = dot_error(self.operations) + dot_error(sum(transform.shape) + sum(radial_transform.shape))
        if self.has_mixed_parity:
            product = (even * odd).sum(axis=3)
            product_size = (even_size * odd_size).sum(axis=3)
            s = (1 / total)[:, None, None] * (1 - 4 * UNIT)
            low = (q + s) / (1 + s)
            squares = squares + q * np.square(odd).sum(axis=3) + 2 * low * product
            sizes = sizes + q * np.square(odd_size).sum(axis=3) + 2 * low * product_size
            # |w| exceeds its lower bound by at most (1 - s)^2 / 2.
            coefficients = np.abs(_coefficients(product, transform, radial_transform))
            coefficients += rounded * _coefficients(product_size, np.abs(transform), np.abs(radial_transform))
            product_bound = (np.square(1 - s[:, 0, 0]) + 16 * UNIT) * coefficients.max(axis=(1, 2)) * (1 + 16 * UNIT)
        at_rays = squares[:, :, -1][:, (lattice == 1).any(axis=1)].max(axis=1)
        rho = np.maximum(target * target, at_rays)
        main = rho[:, None, None] * q**self.top
        g = _coefficients(main - squares, transform, radial_transform)
        errors = rounded * _coefficients(main + sizes, np.abs(transform), np.abs(radial_transform)).max(axis=(1, 2))
        errors *= 1 + 2 * rounded
        missing = np.maximum(0.0, product_bound - g.min(axis=(1, 2)))
        missing = np.where(missing > errors, missing, 0.0)
        scale = total ** (2 * self.top)
        bounds = np.sqrt(rho + scale * missing)
        rounding = np.sqrt(rho + scale * (missing + errors)) * (1 + 16 * UNIT) - bounds
        left = np.flatnonzero(bounds > target)
        middle = pieces.rays[left].sum(axis=1)
        middle /= np.linalg.norm(middle, axis=1)[:, None]
        ends = [middle * pieces.radii[left, 1:]]
        if self.radial_degree:
            ends.append(middle * np.maximum(pieces.radii[left, :1], 1e-6 * pieces.radii[left, 1:]))
        # Widths: of an angle, and of the radii relative to the ball's.
        angle = np.sqrt(np.maximum(2 - 2 * gram.min(axis=(1, 2)), 0.0))
        radial = (pieces.radii[:, 1] - pieces.radii[:, 0] > angle * pieces.radii[:, 1].max()) & (self.radial_degree > 0)
        if n == 1:
            radial[:] = True
        return Enclosures(bounds, rounding, longest_edges(gram), np.ones((count, 2)), radial, np.concatenate(ends))


def _coefficients(values: Float, simplex: Float, radial: Float) -> Float:
    """Bernstein coefficients (B, grid, radii) from values there."""
    return np.asarray(simplex @ values @ radial.T)


@lru_cache(maxsize=32)
def bernstein(n: int, degree: int) -> tuple[Float, Float]:
    """Grid points, and the matrix from values there to Bernstein coefficients, on a simplex with n corners.

    Parameters
    ----------
    n, degree : int

    Returns
    -------
    points : ndarray of float64, shape (N, n)
        Barycentric coordinates, the exponents over the degree.
    matrix : ndarray of float64, shape (N, N)
        The exact inverse of the matrix of the Bernstein polynomials at the points, rounded.

    Examples
    --------
    >>> bernstein(2, 2)[1].tolist()
    [[1.0, 0.0, 0.0], [-0.5, 2.0, -0.5], [0.0, 0.0, 1.0]]
    """
    import flint

    exponents = exponent_vectors(n, degree)
    if not degree:
        return np.full((1, n), 1 / n), np.ones((1, 1))
    weights = [math.factorial(degree) // math.prod(map(math.factorial, e)) for e in exponents]
    entries = [
        flint.fmpq(weight * math.prod(a**b for a, b in zip(point, exponent, strict=True)), degree**degree)
        for point in exponents
        for exponent, weight in zip(exponents, weights, strict=True)
    ]
    inverse = flint.fmpq_mat(len(exponents), len(exponents), entries).inv()
    matrix = [[int(x.p) / int(x.q) for x in row] for row in inverse.tolist()]
    return np.array(exponents, dtype=np.float64) / degree, np.array(matrix)


def _expanded(phi: PolynomialMap) -> list[dict[tuple[int, ...], Fraction]]:
    """The coordinates as exact polynomials."""
    import flint

    context = flint.fmpq_mpoly_ctx.get(tuple(f"x{i}" for i in range(phi.n_parameters)), "degrevlex")
    values = phi.tape.evaluate_exact(list(context.gens()))
    forms = []
    for value in values:
        polynomial = context.constant(0) + (
            flint.fmpq(value.numerator, value.denominator) if isinstance(value, Fraction) else value
        )
        forms.append(
            {tuple(map(int, e)): Fraction(int(c.p), int(c.q)) for e, c in polynomial.to_dict().items() if c != 0}
        )
    return forms


def polynomial_norm(
    forms: Forms, domain: Polar, witness: Float, *, tol: float, max_pieces: int, report: Reporter
) -> Cover:
    """Supremum of ``|f(x)| / |x|`` over the x != 0 of a domain.

    Parameters
    ----------
    forms : Forms
        With no more than `MOST_COEFFICIENTS`.
    domain : Polar
    witness : ndarray of float64, shape (n,)
        A point to start from.
    tol : float
        Relative.
    max_pieces : int
    report : Reporter

    Returns
    -------
    Cover

    Notes
    -----
    Branch and bound in polar coordinates, with Bernstein coefficients as bounds: they are off by the square of the size
    of a piece. A maximum on a curve takes ``1 / sqrt(tol)`` pieces, one at points or on the whole sphere few.
    """
    lipschitz, without_cancellation = forms.lipschitz(domain.high)
    return cover(
        domain.pieces(),
        forms.enclose,
        lambda x: np.where(domain.contains(x), forms.gains(x), 0.0),
        witness,
        tol=tol,
        lipschitz=lipschitz,
        negligible=2 * forms.operations * UNIT * without_cancellation,
        max_pieces=max_pieces,
        batch=forms.batch(),
        report=report,
        trim=domain.trim,
    )


def spherical_maximum(phi: PolynomialMap, *, rng: seeds.RandomState = None) -> tuple[float, Float, Evidence]:
    """Maximum of |f| on the unit sphere for forms of one degree, from all critical points of |f|^2.

    Parameters
    ----------
    phi : PolynomialMap
        All coordinates forms of the same degree.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    value : float
    points : ndarray of float64, shape (N, n)
        The isolated real critical points, the largest first.
    evidence : Evidence
        NUMERICAL, or weaker if paths failed; critical points that are not isolated are not among the points.

    Raises
    ------
    InputError
        If the map is not polynomial and homogeneous, or no isolated real critical point was found.

    Notes
    -----
    With F = |f|^2 of degree 2d they solve ``grad F = 2 d z x, |x|^2 = 1``, and z = F there by Euler's formula: all
    solutions come from the total-degree homotopy (`algeom.continuation.solve`), at most ``2 (2d - 1)^n``. The method is
    independent of `polynomial_norm`.

    Examples
    --------
    >>> import algeom as ag
    >>> value, points, evidence = spherical_maximum(ag.polynomial_map(["x*y"]), rng=0)
    >>> round(value, 12), len(points), str(evidence)
    (0.5, 8, 'numerical')
    """
    from algeom.continuation import solve
    from algeom.continuation.systems import polynomial_system

    forms = Forms(phi)
    if len(forms.degrees) != 1:
        raise InputError(f"the map has terms of degrees {forms.degrees}; give forms of one positive degree")
    n, d = phi.n_parameters, forms.top

    def equations(x: Any) -> list[Any]:
        point, z = x[:n], x[n]
        y, jacobian = phi(point), _jacobian(phi, point)
        gradient = [sum(y[k] * jacobian[k][i] for k in range(len(y))) for i in range(n)]
        return [*(gradient[i] - d * z * point[i] for i in range(n)), point @ point - 1]

    system = polynomial_system(equations, unknowns=n + 1)
    solutions = solve(system, rng=rng)
    real = solutions.real.T
    if not len(real):
        raise InputError("no isolated real critical point was found: the maximum is taken on a curve or surface")
    real = real[np.argsort(-real[:, n])]
    return math.sqrt(max(float(real[0, n]), 0.0)), np.ascontiguousarray(real[:, :n]), solutions.evidence


def _jacobian(phi: PolynomialMap, point: Any) -> list[list[Any]]:
    """Derivatives at a traced point, row by row."""
    derivatives = PolynomialMap(phi.tape.jacobian_tape())(point)
    n = phi.n_parameters
    return [[derivatives[k * n + i] for i in range(n)] for k in range(phi.n_coordinates)]

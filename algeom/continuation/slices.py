"""The image of a map cut by affine linear spaces of complementary dimension, as systems for the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex, System
from algeom.errors import GenericityError, InputError
from algeom.maps.builder import TapeBuilder
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape
from algeom.runtime import seeds

#: Random parameters that are drawn before a map is called degenerate: each fails on a closed set only.
_ATTEMPTS = 16

#: Points from which the size of a map's values is estimated.
_TYPICAL_POINTS = 101

#: Largest condition number of the Jacobian at a start point: half of the digits.
_WORST_START = 1e8

#: A map whose values are farther from the origin than this, in units of how far they are spread, is cut by slices near
#: its values instead of near the origin: slices as far out meet each branch where it looks like a line.
_FAR_OUT = 8.0


@dataclass(frozen=True, eq=False, repr=False)
class Slice:
    """An affine linear space ``{y : A y = b}`` of codimension k in m-dimensional space.

    Parameters
    ----------
    matrix : array_like, shape (k, m)
        A, of rank k; real or complex.
    offset : array_like, shape (k,)
        b.

    Raises
    ------
    InputError
        If shapes do not fit, an entry is not finite, or the rank of A is below k.

    Examples
    --------
    >>> plane = Slice([[1.0, 1.0, 0.0]], [2.0])
    >>> plane
    Slice(codimension 1 in dimension 3, real)
    >>> plane.residual(np.array([[0.0, 2.0], [3.0, 0.0], [0.0, 5.0]]))
    array([0.2, 0. ])
    """

    matrix: NDArray[Any]
    offset: Complex

    def __post_init__(self) -> None:
        try:
            matrix, offset = np.array(self.matrix), np.array(self.offset, dtype=np.complex128)
            matrix = matrix.astype(np.complex128 if np.iscomplexobj(matrix) else np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"the matrix or offset of a slice is no array of numbers: {error}") from error
        if matrix.ndim != 2 or offset.shape != matrix.shape[:1] or not 1 <= matrix.shape[0] <= matrix.shape[1]:
            raise InputError(
                f"a slice of codimension k in dimension m has a matrix of shape (k, m), k <= m, and an offset of shape "
                f"(k,); shapes {matrix.shape} and {offset.shape} were given"
            )
        if not (np.isfinite(matrix).all() and np.isfinite(offset).all()):
            raise InputError("a slice has an entry that is NaN or infinite; give finite numbers")
        if np.linalg.matrix_rank(matrix) < matrix.shape[0]:
            raise InputError(
                f"the {matrix.shape[0]} equations of a slice are linearly dependent; give a matrix of full row rank"
            )
        for name, array in (("matrix", matrix), ("offset", offset)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def codimension(self) -> int:
        """Number of equations k."""
        return int(self.matrix.shape[0])

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates m."""
        return int(self.matrix.shape[1])

    @property
    def is_real(self) -> bool:
        """Whether all entries are real."""
        return not np.iscomplexobj(self.matrix) and not self.offset.imag.any()

    def through(self, y: Any) -> Slice:
        """The parallel slice through a point.

        Parameters
        ----------
        y : array_like, shape (m,)
        """
        return Slice(self.matrix, self.matrix @ np.asarray(y))

    def residual(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """How far points are from satisfying the equations, relative to the size of their terms.

        Parameters
        ----------
        y : ndarray, shape (m, B)

        Returns
        -------
        ndarray of float64, shape (B,)
        """
        size = np.abs(self.matrix) @ np.abs(y) + np.abs(self.offset)[:, None]
        difference = np.abs(self.matrix @ y - self.offset[:, None])
        return np.asarray((difference / np.where(size > 0, size, 1.0)).max(axis=0))

    def __repr__(self) -> str:
        kind = "real" if self.is_real else "complex"
        return f"Slice(codimension {self.codimension} in dimension {self.n_coordinates}, {kind})"


def complex_gaussian(rng: np.random.Generator, *shape: int) -> Complex:
    """Independent complex numbers of mean square one."""
    return np.asarray((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0))


def random_matrix(pivots: Sequence[int], n_coordinates: int, rng: np.random.Generator) -> Complex:
    """A random complex matrix whose columns at the pivots are the identity, shape (k, m).

    Almost every affine linear space of codimension k has such equations, so nothing is lost against a matrix with
    random entries everywhere, and k^2 products are saved. Real matrices are as generic, but one of them comes within
    a small distance of a degenerate one with a probability of the order of that distance, a complex one of its square.
    """
    k = len(pivots)
    matrix = np.zeros((k, n_coordinates), dtype=np.complex128)
    matrix[np.arange(k), list(pivots)] = 1.0
    matrix[:, _others(pivots, n_coordinates)] = complex_gaussian(rng, k, n_coordinates - k)
    return matrix


def identity_columns(matrix: NDArray[Any]) -> tuple[int, ...] | None:
    """Increasing columns of a matrix that are the identity together, if there are any.

    Examples
    --------
    >>> identity_columns(np.array([[0.5, 1.0, 0.0], [2.0, 0.0, 1.0]]))
    (1, 2)
    """
    columns: list[int] = []
    for unit in np.eye(len(matrix)):
        start = columns[-1] + 1 if columns else 0
        found = np.flatnonzero((matrix[:, start:] == unit[:, None]).all(axis=0))
        if not found.size:
            return None
        columns.append(start + int(found[0]))
    return tuple(columns)


def _others(pivots: Sequence[int], n_coordinates: int) -> NDArray[np.int64]:
    return np.setdiff1d(np.arange(n_coordinates), np.asarray(pivots))


def start_point(psi: PolynomialMap, rng: np.random.Generator) -> tuple[Complex, tuple[int, ...]]:
    """A random complex point at which a map with finite fibers is well conditioned, and k independent coordinates.

    Parameters
    ----------
    psi : PolynomialMap
        With as many parameters k as its image has dimensions.
    rng : Generator

    Returns
    -------
    tau : ndarray of complex128, shape (k,)
    pivots : tuple of int
        Coordinates whose gradients at tau are independent, the best conditioned that pivoting finds.

    Raises
    ------
    GenericityError
        If the Jacobian is close to singular wherever it was tried.
    """
    from scipy.linalg import qr

    k = psi.n_parameters
    for _ in range(_ATTEMPTS):
        tau = complex_gaussian(rng, k)
        jacobian = psi.jacobian(tau)
        if not np.isfinite(jacobian).all():
            continue
        # Gradients are compared in direction: a coordinate of large values is no better than another.
        lengths = np.linalg.norm(jacobian, axis=1)
        rows = jacobian / np.where(lengths > 0, lengths, 1.0)[:, None]
        triangle, order = qr(rows.T, mode="r", pivoting=True)
        diagonal = np.abs(np.diag(triangle))
        if diagonal[k - 1] * _WORST_START > diagonal[0]:
            return tau, tuple(sorted(int(i) for i in order[:k]))
    raise GenericityError(
        f"the Jacobian of the map is numerically singular at {_ATTEMPTS} random points, though its rank modulo a prime "
        "is full; scale the parameters so that coordinates have similar sizes"
    )


def _typical_values(psi: PolynomialMap) -> Complex:
    """Values of a map at a fixed sample of points, shape (m, B)."""
    tau = complex_gaussian(seeds.derive(0, "typical offsets"), psi.n_parameters, _TYPICAL_POINTS)
    return np.asarray(psi(tau), dtype=np.complex128)


def typical_center(psi: PolynomialMap) -> NDArray[np.float64]:
    """A real point amid the values of a map, shape (m,): zero where these are not far from zero for their spread.

    Examples
    --------
    >>> import algeom as ag
    >>> typical_center(ag.polynomial_map(["1000000 + t", "t^2"])).round(-1)
    array([1000000.,       0.])
    """
    values = _typical_values(psi)
    values = values[:, np.isfinite(values).all(axis=0)]
    if not values.size:
        return np.zeros(psi.n_coordinates)
    center = np.median(values.real, axis=1)
    spread = float(np.median(np.abs(values - center[:, None]), axis=1).max())
    return np.asarray(np.where(np.abs(center) > _FAR_OUT * spread, center, 0.0))


def typical_offsets(psi: PolynomialMap, matrix: NDArray[Any], center: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median sizes of the entries of A (psi(tau) - c) over a fixed sample of points, shape (k,): the scale of slices.

    A slice at another scale is as generic, but is far from the others or close to a singular one.
    """
    sizes = np.abs(matrix @ (_typical_values(psi) - center[:, None]))
    typical = np.median(np.where(np.isfinite(sizes), sizes, np.inf), axis=1)
    return np.asarray(np.where(np.isfinite(typical) & (typical > 0), typical, 1.0))


def slice_system(
    psi: PolynomialMap, pivots: Sequence[int] | None = None, center: NDArray[np.float64] | None = None
) -> System:
    """The equations ``A (psi(tau) - c) - b = 0`` with A and b as parameters.

    Parameters
    ----------
    psi : PolynomialMap
        From k parameters, the dimension of its image closure X.
    pivots : sequence of int, optional
        Columns of A that are the identity, and no parameters.
    center : ndarray of float64, shape (m,), optional
        The point c, see `typical_center`; the origin by default.

    Returns
    -------
    System
        Unknowns tau (k). Parameters: the other columns of A, row by row, then b; `slice_parameters` makes them.

    Notes
    -----
    Solutions at generic A, b are the points of X on a slice, each perhaps several times. Moving A and b, monodromy
    acts on the points as the full symmetric group, X being irreducible [1]_. For one A it is transitive still, but a
    point that is far out, since A has nearly a point of X at infinity in its kernel, is exchanged with others in a
    small part of the space of all b only; so A has to move.

    References
    ----------
    .. [1] J. Harris, Galois groups of enumerative problems, Duke Math. J. 46 (1979), 685-724.

    Examples
    --------
    >>> import algeom as ag
    >>> slice_system(ag.polynomial_map(["t", "t^2", "t^3"]), [0])
    System(1 equation, 1 unknown, 3 parameters)
    """
    k, m = psi.n_parameters, psi.n_coordinates
    fixed = () if pivots is None else tuple(pivots)
    moving = _others(fixed, m).tolist()
    width = len(moving)
    builder = TapeBuilder(2 * k + k * width)
    values = list(builder.append(psi.tape, builder.inputs[:k]))
    for j, shift in enumerate([] if center is None else center.tolist()):
        values[j] = builder.sub(values[j], builder.constant(Fraction(shift)))
    entries, offsets = builder.inputs[k : k + k * width], builder.inputs[k + k * width :]
    rows = []
    for i in range(k):
        first = values[fixed[i]] if fixed else builder.zero
        products = builder.dot(entries[i * width : (i + 1) * width], [values[j] for j in moving])
        rows.append(builder.sub(builder.add(first, products), offsets[i]))
    taken = psi.parameter_names
    names = (*_fresh("a", k * width, taken), *_fresh("b", k, taken))
    return System(builder.build(rows), k, taken, names)


def slice_parameters(cut: Slice, pivots: Sequence[int] | None = None) -> Complex:
    """The parameters of a `slice_system` with these pivots, whose columns in the slice's matrix are the identity."""
    moving = _others(() if pivots is None else pivots, cut.n_coordinates)
    return np.concatenate([cut.matrix[:, moving].ravel(), cut.offset]).astype(np.complex128)


def image_tape(psi: PolynomialMap, n_parameters: int) -> Tape:
    """The map as a function of the unknowns and parameters of a system, the latter without effect."""
    builder = TapeBuilder(psi.n_parameters + n_parameters)
    return builder.build(builder.append(psi.tape, builder.inputs[: psi.n_parameters]))


def _fresh(letter: str, count: int, taken: Sequence[str]) -> tuple[str, ...]:
    """Names letter1, letter2, ..., lengthened until none is taken."""
    while any(f"{letter}{i}" in taken for i in range(1, count + 1)):
        letter += "_"
    return tuple(f"{letter}{i}" for i in range(1, count + 1))

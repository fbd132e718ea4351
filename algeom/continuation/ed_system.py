"""The critical equations of a weighted squared distance to a parametrized variety, as a system with parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.gauge import Gauge
from algeom.continuation.systems import System
from algeom.errors import GenericityError, InputError
from algeom.maps.builder import TapeBuilder
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape, noun_count

Complex = NDArray[np.complex128]

#: What the public verbs accept as ``weights``.
WeightsKind = Literal["unit", "generic", "diagonal", "matrix"]

_NAMES: dict[WeightsKind, str] = {
    "unit": "unit weights",
    "generic": "generic weights",
    "diagonal": "the given weights",
    "matrix": "the given matrix of weights",
}

#: Draws of a start point before a map is given up.
_ATTEMPTS = 16

#: Ratio of the smallest to the largest singular value of the Jacobian under which a random point is drawn again:
#: data with half the digits lost at the start would make every later step doubtful.
_WORST_START = 1e-6


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of a squared distance ``(y - u)^T W (y - u)``.

    Attributes
    ----------
    kind : {"unit", "generic", "diagonal", "matrix"}
    values : ndarray of float64 or complex128
        The diagonal of W, shape (m,); or W itself, shape (m, m), for the kind "matrix".
    """

    kind: WeightsKind
    values: NDArray[Any]

    @property
    def is_matrix(self) -> bool:
        """Whether the weights are more than a diagonal."""
        return self.values.ndim == 2

    @property
    def matrix(self) -> NDArray[Any]:
        """The matrix W, shape (m, m)."""
        return np.asarray(self.values if self.is_matrix else np.diag(self.values))

    @property
    def is_metric(self) -> bool:
        """Whether W is real and positive definite."""
        if np.iscomplexobj(self.values):
            return False
        if not self.is_matrix:
            return bool(np.all(self.values > 0))
        eigenvalues = np.linalg.eigvalsh(self.values)
        # Eigenvalues are known to within rounding of the largest only.
        return bool(eigenvalues[0] > len(eigenvalues) * np.finfo(float).eps * eigenvalues[-1])

    def parameters(self, matrix: bool) -> NDArray[Any]:
        """The parameters of an `ed_system`: the diagonal, or the upper triangle of W row by row."""
        return np.asarray(self.matrix[np.triu_indices(len(self.values))] if matrix else self.values)

    def apply(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """W times vectors, the columns of an array."""
        return np.asarray(self.values @ vectors if self.is_matrix else (self.values * vectors.T).T)

    def solve(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """The inverse of W times vectors."""
        return np.asarray(np.linalg.solve(self.values, vectors) if self.is_matrix else (vectors.T / self.values).T)

    def __str__(self) -> str:
        return _NAMES[self.kind]


def checked_weights(weights: Any, m: int, rng: np.random.Generator, *, indefinite: bool = False) -> Weights:
    """The weights that an argument asks for.

    Parameters
    ----------
    weights : "unit", "generic", or array_like of shape (m,) or (m, m)
    m : int
        Number of coordinates.
    rng : numpy.random.Generator
        For generic weights.
    indefinite : bool
        Whether weights that make no metric are allowed: complex ones, or ones that are not positive definite.

    Raises
    ------
    InputError
        If the shape is wrong, an entry is not finite, the matrix is not symmetric or is singular, or the weights
        are not positive definite and `indefinite` is False.
    """
    if isinstance(weights, str):
        if weights == "unit":
            return Weights("unit", np.ones(m))
        if weights == "generic":
            return generic_weights(m, rng)
        raise InputError(f'weights={weights!r}: expected "unit", "generic", {m} numbers or a {m} x {m} matrix')
    try:
        values = np.asarray(weights)
        values = values.astype(np.complex128 if np.iscomplexobj(values) else np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f'weights={weights!r} are not numbers, nor "unit" or "generic": {error}') from error
    if values.shape not in ((m,), (m, m)):
        raise InputError(
            f"the map has {noun_count(m, 'coordinate')}: weights are {m} numbers or a symmetric {m} x {m} matrix; "
            f"an array of shape {values.shape} was given"
        )
    if not np.all(np.isfinite(values)):
        raise InputError("the weights have an entry that is NaN or infinite; give finite numbers")
    if np.iscomplexobj(values) and not np.any(values.imag):
        values = values.real
    if values.ndim == 2 and not np.array_equal(values, values.T):
        raise InputError("the matrix of weights is not symmetric; give (W + W.T) / 2")
    if values.ndim == 2 and np.count_nonzero(values - np.diag(np.diagonal(values))) == 0:
        values = np.diagonal(values).copy()
    unit = values.ndim == 1 and np.all(values == 1)
    result = Weights("unit" if unit else "matrix" if values.ndim == 2 else "diagonal", values)
    singular = bool(np.any(values == 0)) if values.ndim == 1 else np.linalg.cond(values) > 1 / (m * np.finfo(float).eps)
    if singular:
        raise InputError(
            "the weights are singular: some coordinates do not count at all; leave them out with phi.restrict(...)"
        )
    if not indefinite and not result.is_metric:
        raise InputError(
            "the weights are not real and positive definite, so that there is no distance; critical points exist "
            "all the same: pass indefinite=True if they are wanted"
        )
    return result


def generic_weights(m: int, rng: np.random.Generator) -> Weights:
    """Random complex weights on the diagonal, in absolute value from 1/2 to 3/2."""
    # Away from the negative axis: segments from here to positive weights then keep clear of zero.
    phase = rng.uniform(-2.0, 2.0, m)
    return Weights("generic", rng.uniform(0.5, 1.5, m) * np.exp(1j * phase))


def vector_jacobian_tape(tape: Tape) -> Tape:
    """Tape of ``s^T J(x)`` on the inputs (x, s): n + m inputs, n outputs, by one reverse sweep.

    Parameters
    ----------
    tape : Tape
        Of a map with n inputs and m outputs, J its Jacobian matrix.

    Examples
    --------
    >>> from algeom.maps import TapeBuilder
    >>> builder = TapeBuilder(2)
    >>> x, y = builder.inputs
    >>> tape = builder.build([builder.mul(x, y), builder.add(x, y)])
    >>> vector_jacobian_tape(tape).evaluate_exact([2, 3, 10, 1])
    [31, 21]
    """
    n, m = tape.n_inputs, tape.n_outputs
    builder = TapeBuilder(n + m)
    values = builder.append(tape, builder.inputs[:n])
    weighted = builder.build([builder.dot(builder.inputs[n:], values)]).gradient(0)
    builder = TapeBuilder(n + m)
    return builder.build(builder.append(weighted, builder.inputs)[:n])


def ed_system(psi: PolynomialMap, *, matrix: bool = False) -> System:
    """The critical equations ``J(tau)^T W (psi(tau) - u) = 0`` of a map psi, with u and W as parameters.

    Parameters
    ----------
    psi : PolynomialMap
        With k parameters, the dimension of its image (see `gauge`).
    matrix : bool
        Whether W is a full symmetric matrix, given by its upper triangle row by row; a diagonal otherwise.

    Returns
    -------
    System
        Unknowns tau (k), parameters u (m) and then the entries of W (m, or m(m+1)/2).

    Notes
    -----
    One reverse sweep of psi with the weighted residuals as seeds, so that it costs a few times as much as psi.

    References
    ----------
    J. Draisma, E. Horobet, G. Ottaviani, B. Sturmfels, R. R. Thomas, The Euclidean distance degree of an algebraic
    variety, Found. Comput. Math. 16, 2016, section 2.

    Examples
    --------
    >>> import algeom as ag
    >>> ed_system(ag.polynomial_map(["t", "t^2"]))
    System(1 equation, 1 unknown, 4 parameters)
    """
    k, m = psi.n_parameters, psi.n_coordinates
    builder = TapeBuilder(k + m + (m * (m + 1) // 2 if matrix else m))
    tau, u, w = builder.inputs[:k], builder.inputs[k : k + m], builder.inputs[k + m :]
    seeds = _weighted_residuals(builder, builder.append(psi.tape, tau), u, w, matrix)
    tape = builder.build(builder.append(vector_jacobian_tape(psi.tape), [*tau, *seeds]))
    return System(tape, k)


@dataclass(frozen=True, eq=False)
class CriticalEquations:
    """The critical equations of all weighted distances to the image of a gauge, and what tracking them needs.

    Attributes
    ----------
    gauge : Gauge
    matrix : bool
        Whether the weights are a full matrix.
    system : System
        As `ed_system` makes it.
    image : Tape
        The map on the inputs of the system: what identifies a critical point.
    """

    gauge: Gauge
    matrix: bool
    system: System
    image: Tape

    @classmethod
    def of(cls, gauge: Gauge, *, matrix: bool = False) -> CriticalEquations:
        """The critical equations on a gauge."""
        psi = gauge.map
        system = ed_system(psi, matrix=matrix)
        builder = TapeBuilder(system.tape.n_inputs)
        image = builder.build(builder.append(psi.tape, builder.inputs[: psi.n_parameters]))
        return cls(gauge, matrix, system, image)

    def parameters(self, u: NDArray[Any], weights: Weights) -> Complex:
        """The parameter vector of the system for data and weights."""
        return np.concatenate([u, weights.parameters(self.matrix)]).astype(np.complex128)


def affine_chart_equations(
    phi: PolynomialMap, directions: NDArray[Any], *, matrix: bool = False
) -> tuple[System, Tape]:
    """The critical equations of phi on affine subspaces ``theta = theta0 + N s``, theta0 a parameter.

    They find critical points that a gauge cannot reach, where a parameter that it fixed would have to be another.

    Parameters
    ----------
    phi : PolynomialMap
        With n parameters.
    directions : ndarray of float64, shape (n, k)
        The matrix N, k the dimension of the image.
    matrix : bool
        As for `ed_system`.

    Returns
    -------
    system : System
        Unknowns s (k), parameters u, then the weights, then theta0 (n).
    image : Tape
        Of phi(theta) on the same inputs.
    """
    n, m = phi.n_parameters, phi.n_coordinates
    k = directions.shape[1]
    n_weights = m * (m + 1) // 2 if matrix else m
    builder = TapeBuilder(k + n)
    steps, origin = builder.inputs[:k], builder.inputs[k:]
    theta = [
        builder.add(start, builder.dot([builder.literal(float(entry)) for entry in row], steps))
        for start, row in zip(origin, directions, strict=True)
    ]
    chart = builder.build(builder.append(phi.tape, theta))
    builder = TapeBuilder(k + m + n_weights + n)
    unknowns, u = builder.inputs[:k], builder.inputs[k : k + m]
    w, origin = builder.inputs[k + m : k + m + n_weights], builder.inputs[k + m + n_weights :]
    values = builder.append(chart, [*unknowns, *origin])
    seeds = _weighted_residuals(builder, values, u, w, matrix)
    gradient = builder.append(vector_jacobian_tape(chart), [*unknowns, *origin, *seeds])
    return System(builder.build(gradient[:k]), k), builder.build(values)


def _weighted_residuals(
    builder: TapeBuilder, values: Sequence[int], u: Sequence[int], w: Sequence[int], matrix: bool
) -> list[int]:
    """Nodes of ``W (y - u)``."""
    residuals = [builder.sub(y, datum) for y, datum in zip(values, u, strict=True)]
    if not matrix:
        return [builder.mul(weight, residual) for weight, residual in zip(w, residuals, strict=True)]
    m = len(values)
    rows, columns = np.triu_indices(m)
    entry = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), w, strict=True))
    return [builder.dot([entry[min(i, j), max(i, j)] for j in range(m)], residuals) for i in range(m)]


def typical_size(psi: PolynomialMap, rng: np.random.Generator) -> float:
    """Median norm of the values of a map at random complex parameters of size one: the length scale of its image."""
    tau = np.stack([_complex_normal(rng, psi.n_parameters) for _ in range(_ATTEMPTS)], axis=1)
    sizes = np.linalg.norm(psi(tau), axis=0)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(np.median(sizes)) if sizes.size else 1.0


def start_pair(psi: PolynomialMap, weights: Weights, rng: np.random.Generator) -> tuple[Complex, Complex]:
    """A random critical point and data of which it is one: ``u = psi(tau) + nu`` with ``J^T W nu = 0``.

    The pairs (tau, u) with tau outside the locus where J drops rank form a vector bundle over an irreducible
    variety. They are irreducible themselves, so that moving u in loops leads from this pair to every other critical
    point in the image of the immersive locus, and never to zeros of the equations at points where J drops rank.

    Returns
    -------
    tau : ndarray of complex128, shape (k,)
    u : ndarray of complex128, shape (m,)

    Raises
    ------
    GenericityError
        If J was rank deficient at every random point.
    """
    k, m = psi.n_parameters, psi.n_coordinates
    # Data at about the distance from the image at which its parts lie from each other: neither so near that other
    # critical points are hard to tell from it by comparison, nor so far.
    size = typical_size(psi, rng)
    for _ in range(_ATTEMPTS):
        tau = _complex_normal(rng, k)
        value, jacobian = psi(tau), psi.jacobian(tau)
        if not (np.all(np.isfinite(value)) and np.all(np.isfinite(jacobian))):
            continue
        _, singular, right = np.linalg.svd(jacobian.T)
        if singular[k - 1] < _WORST_START * singular[0]:
            continue
        normal = right[k:].conj().T @ _complex_normal(rng, m - k)
        return tau, np.asarray(value + weights.solve(normal) * (size / np.sqrt(m)))
    raise GenericityError(
        f"the Jacobian of the map was rank deficient at {_ATTEMPTS} random points; pass a gauge of the map "
        "(its number of parameters has to be the dimension of its image)"
    )


def _complex_normal(rng: np.random.Generator, count: int) -> Complex:
    return np.asarray((rng.standard_normal(count) + 1j * rng.standard_normal(count)) / np.sqrt(2))

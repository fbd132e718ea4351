"""Spectral radii of superoperators, with an interval and what it rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.operators.choi import from_choi
from algeom.lsrdr.operators.matrix_families import MatrixFamily
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import Counted, KrausSuperoperator, superoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.spectra.collatz_wielandt import SHARP, SHARP_ENOUGH, PerronBounds, bounds_at_unit, perron_bounds
from algeom.lsrdr.spectra.eigensolver import DENSE_SIZE, Operator, arnoldi_error, dominant_eigenpair
from algeom.lsrdr.spectra.nilpotency import is_nilpotent
from algeom.lsrdr.spectra.perron_root import perron_root
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["SpectralRadius", "spectral_radius"]

#: Binary exponents of the largest entries of a tuple within which squares of its spectral radius and of norms stay far
#: from overflow and underflow.
_SAFE_EXPONENT = 100

#: Size of what is added to the unit matrix where ARPACK starts, in relation to it: from an exact eigenvector, or within
#: an invariant subspace, it would go on at random by itself.
_NOISE = 0.1

_METHODS = ("auto", "dense", "arnoldi")


@dataclass(frozen=True, eq=False, repr=False)
class SpectralRadius:
    """The spectral radius of a superoperator.

    Attributes
    ----------
    value : float
    eigenvalue : complex
        An eigenvalue of this modulus.
    eigenvector : ndarray, shape (n, m)
        Of Frobenius norm 1; positive semidefinite for completely positive maps. For a `DiagonalSuperoperator` its
        diagonal, shape (n,).
    residual : float
        Frobenius norm of E(eigenvector) - eigenvalue * eigenvector.
    lower, upper : float
        An interval around the value. For irreducible completely positive maps the bounds of Collatz and Wielandt, which
        hold up to rounding errors that are allowed for; else an estimate, the value plus and minus the error of the
        eigenvalue to first order. The evidence says which.
    leading : ndarray of complex128
        The largest eigenvalues that were computed, at most six, the dominant one first.
    method : str
        "dense" (all eigenvalues), "arnoldi" (ARPACK), "unit matrix" (which is an eigenvector), "components" (strongly
        connected components of a graph), or "nilpotent" (0, decided by ranks or vanishing powers).
    applications : int
        How often E and its adjoint were applied.
    evidence : Evidence
        PROVED for acyclic graphs, else NUMERICAL.
    seed : int
    """

    value: float
    eigenvalue: complex
    eigenvector: Array
    residual: float
    lower: float
    upper: float
    leading: NDArray[np.complex128]
    method: str
    applications: int
    evidence: Evidence
    seed: int

    @property
    def uncertainty(self) -> float:
        """The larger distance of the value to an end of the interval, relative to the value; 0 for the value 0."""
        if self.value == 0:
            return 0.0
        return max(self.value - self.lower, self.upper - self.value) / self.value

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return (
            f"SpectralRadius({self.value:.12g}, relative uncertainty {self.uncertainty:.1e}, by {self.method}: "
            f"{self.evidence})"
        )


def spectral_radius(E: Any, *, method: str = "auto", rng: RandomState = None) -> SpectralRadius:
    """The largest modulus of an eigenvalue of a superoperator.

    Parameters
    ----------
    E : Superoperator, or a tuple A as `superoperator` takes it
        For a tuple the spectral radius of Phi(A).
    method : {"auto", "dense", "arnoldi"}
        "dense": all eigenvalues of the matrix of size n m. "arnoldi": ARPACK, which applies E and its adjoint (but
        "dense" up to size 12). "auto": "dense" up to size 400, and up to size 2500 where ARPACK fails. Diagonal
        superoperators are treated as the n x n matrices of their weights.
    rng : int, numpy.random.Generator or None
        The start of ARPACK.

    Returns
    -------
    SpectralRadius

    Raises
    ------
    InputError
        If the tuple or the method is none, or the spectral radius is beyond double precision.
    GenericityError
        If ARPACK does not converge, for sizes above 2500.
    ResourceError
        If the matrices of "dense", or the vectors of ARPACK, do not fit.

    Notes
    -----
    Whether a tuple is nilpotent is decided by ranks (`is_nilpotent`): eigenvalues of a nilpotent matrix of size N are
    computed as the N-th root of the machine precision. Entries that are very large or small are scaled by powers of 2.

    For a completely positive map the spectral radius is an eigenvalue with a positive semidefinite eigenvector H, and
    the smallest and the largest eigenvalue of E(H) relative to H bound it [1]_. If the tuple is irreducible they agree
    to rounding errors. Where blocks of a reducible tuple have equal or nearly equal radii, the eigenvalue may be a
    sensitive function of the tuple, and the interval is wider.

    References
    ----------
    .. [1] D. E. Evans, R. Høegh-Krohn, Spectral properties of positive maps on C*-algebras, J. London Math. Soc. 17
       (1978).

    Examples
    --------
    The Fibonacci matrix: rho(Phi(A)) is the square of the golden ratio.

    >>> found = spectral_radius([[[1, 1], [1, 0]]])
    >>> print(f"{found.value:.12f}")
    2.618033988750
    >>> found.upper - found.lower < 1e-12
    True
    >>> spectral_radius([[[0, 1], [0, 0]]])
    SpectralRadius(0, relative uncertainty 0.0e+00, by nilpotent: numerical)
    """
    if method not in _METHODS:
        raise InputError(f"method={method!r}; choose from {', '.join(_METHODS)}")
    seed, generator = resolve(rng)
    scaled, exponent = _rescaled(superoperator(E))
    found = _radius(scaled, method, generator, seed)
    if exponent == 0 or found.value == 0:
        return found
    low, high = math.frexp(found.value)[1] + exponent - 1, math.frexp(found.upper)[1] + exponent
    if low < -1022 or high > 1024:
        raise InputError(
            f"the spectral radius is about 2^{low}, beyond double precision; divide the matrices by a common factor"
        )
    # Powers of 2, in two steps where the factor alone is not a float.
    factor = [math.ldexp(1.0, part) for part in (exponent // 2, exponent - exponent // 2)]

    def unscaled(x: Any) -> Any:
        return x * factor[0] * factor[1]

    return replace(
        found,
        **{
            name: unscaled(getattr(found, name))
            for name in ("value", "eigenvalue", "residual", "lower", "upper", "leading")
        },
    )


def rescaled(family: MatrixFamily) -> tuple[MatrixFamily, int]:
    """A family with entries of moderate size, and the power of 2 that it is to be multiplied by for the one given.

    Examples
    --------
    >>> from algeom.lsrdr.operators.superoperators import matrix_family
    >>> moderate, exponent = rescaled(matrix_family([[[1e200]]]))
    >>> bool(moderate.dense()[0, 0, 0] * 2.0**exponent == 1e200)
    True
    """
    exponent = math.frexp(family.largest)[1]
    if abs(exponent) <= _SAFE_EXPONENT:
        return family, 0
    # 2^1074, which would scale the smallest numbers to 1, is no float; 2^1000 is enough.
    exponent = max(exponent, -1000)
    return family.scaled(math.ldexp(1.0, -exponent)), exponent


def _rescaled(E: Superoperator) -> tuple[Superoperator, int]:
    """The map of rescaled families, and the power of 2 that it is to be multiplied by."""
    if not isinstance(E, KrausSuperoperator):
        return E, 0
    left, exponent = rescaled(E.left)
    right, other = (left, exponent) if E.left is E.right else rescaled(E.right)
    if left is E.left and right is E.right:
        return E, 0
    return KrausSuperoperator(left, right, E.signs, field=E.field), exponent + other


def _radius(E: Superoperator, method: str, rng: np.random.Generator, seed: int) -> SpectralRadius:
    base = E.base if isinstance(E, Counted) else E
    if isinstance(base, DiagonalSuperoperator):
        return _of_diagonal(base, method, rng, seed)
    positive = bool(E.is_square_map and E.is_completely_positive)
    counted = Counted(E)
    kernel = _of_nilpotent_tuple(base, positive)
    if kernel is not None:
        return _zero(counted, kernel, seed, "products of n matrices of a tuple vanish up to rounding, by ranks")
    if positive:
        bounds = bounds_at_unit(counted)
        if bounds.width <= SHARP and np.linalg.norm(residue := _residue(counted, bounds)) <= SHARP * bounds.upper:
            value = (bounds.lower + bounds.upper) / 2
            return SpectralRadius(
                value, complex(value), bounds.vector, float(np.linalg.norm(residue)), bounds.lower, bounds.upper,
                np.array([value], dtype=np.complex128), "unit matrix", counted.applications,
                _numerical(f"the unit matrix is an eigenvector, to {bounds.width:.1e}"), seed,
            )  # fmt: skip
    shape, size = E.shape, E.shape[0] * E.shape[1]
    matrices: list[Array] = []

    def dense() -> Array:
        matrices.append(E.to_dense())
        return matrices[0]

    operator = Operator(
        size,
        E.dtype,
        lambda v: counted.apply(v.reshape(shape)).ravel(),
        lambda v: counted.adjoint(v.reshape(shape)).ravel(),
        dense,
    )
    start = rng.standard_normal(size)
    if positive:
        start = np.eye(E.n).ravel() + _NOISE / E.n * start
    start = start.astype(E.dtype)
    pair = dominant_eigenpair(operator, method, start, positive=positive)
    if pair.eigenvalue == 0:
        return _zero(counted, pair.vector.reshape(shape), seed, "a power of the map vanishes up to rounding")
    value = abs(pair.eigenvalue)
    if not positive:
        return SpectralRadius(
            value, pair.eigenvalue, pair.vector.reshape(shape), pair.residual, max(0.0, value - pair.error),
            value + pair.error, pair.leading, pair.method, counted.applications, _estimate(pair.error, value), seed,
        )  # fmt: skip
    matrix = matrices[0] if matrices and size <= DENSE_SIZE else None
    bounds = perron_bounds(counted, value, pair.vector.reshape(shape), matrix)
    value = min(max(value, bounds.lower), bounds.upper)
    lower, upper = bounds.lower, bounds.upper
    reason = f"bounds of Collatz and Wielandt in double precision, of relative width {bounds.width:.1e}"
    if bounds.width > SHARP_ENOUGH:
        error = arnoldi_error(operator, pair, start)
        lower, upper = max(lower, value - error), min(upper, value + error)
        reason += f"; residual and condition of the eigenvalue: relative error {error / value:.1e}, to first order"
    residual = float(np.linalg.norm(counted.apply(bounds.vector) - value * bounds.vector))
    return SpectralRadius(
        value, complex(value), bounds.vector, residual, lower, upper, pair.leading, pair.method, counted.applications,
        _numerical(reason), seed,
    )  # fmt: skip


def _residue(E: Superoperator, bounds: PerronBounds) -> Array:
    return np.asarray(E.apply(bounds.vector) - (bounds.lower + bounds.upper) / 2 * bounds.vector)


def _numerical(reason: str) -> Evidence:
    return Evidence(Status.NUMERICAL, math.nan, reason)


def _estimate(error: float, value: float) -> Evidence:
    if not math.isfinite(error):
        return _numerical("residual of the eigenpair; the condition of the eigenvalue is not known")
    return _numerical(f"residual and condition of the eigenvalue: relative error {error / value:.1e}, to first order")


def _of_nilpotent_tuple(E: Superoperator, positive: bool) -> Array | None:
    """For Gamma(A; X) with a nilpotent tuple A or X, a matrix that it takes to 0; else None.

    Nilpotent matrices have a common kernel: with A_j w = 0 for all j, or X_j x = 0, Gamma takes w x^* to 0.
    """
    if isinstance(E, KrausSuperoperator) and (E.left is E.right or not positive):
        left, right = E.left, E.right
    elif positive:
        left = right = from_choi(E.to_choi()).left
    else:
        return None
    if not is_nilpotent(left) and (left is right or not is_nilpotent(right)):
        return None
    w = _least_moved(left)
    x = w if left is right else _least_moved(right)
    return np.outer(w, x.conj())


def _least_moved(A: MatrixFamily) -> Array:
    """The unit vector for which the sum of |A_j w|^2 is least."""
    unit = np.eye(A.n, dtype=A.dtype)
    gram = sum(A.adjoint_times(j, A.times(j, unit)) for j in range(A.r))
    return np.ascontiguousarray(np.linalg.eigh(gram)[1][:, 0])


def _zero(E: Counted, vector: Array, seed: int, reason: str) -> SpectralRadius:
    residual = float(np.linalg.norm(E.apply(vector)))
    return SpectralRadius(
        0.0, 0j, vector, residual, 0.0, 0.0, np.zeros(1, dtype=np.complex128), "nilpotent", E.applications,
        _numerical(reason), seed,
    )  # fmt: skip


def _of_diagonal(E: DiagonalSuperoperator, method: str, rng: np.random.Generator, seed: int) -> SpectralRadius:
    """By the matrix of weights, which has the nonzero eigenvalues of E."""
    W = E.weights
    if E.is_completely_positive:
        root = perron_root(W)
        residual = float(np.linalg.norm(W @ root.vector - root.value * root.vector))
        if root.value == 0:
            evidence = Evidence(Status.PROVED, reason="the graph has no cycle")
        else:
            width = (root.upper - root.lower) / root.value
            evidence = _numerical(f"bounds of Collatz and Wielandt in double precision, of relative width {width:.1e}")
        return SpectralRadius(
            root.value, complex(root.value), root.vector, residual, root.lower, root.upper,
            np.array([root.value], dtype=np.complex128), "components", 0, evidence, seed,
        )  # fmt: skip
    counts = [0]

    def times(matrix: Any) -> Any:
        def multiply(v: Array) -> Array:
            counts[0] += 1
            return np.asarray(matrix @ v)

        return multiply

    def dense() -> Array:
        return W if isinstance(W, np.ndarray) else np.asarray(W.toarray())

    start = rng.standard_normal(E.n).astype(E.dtype)
    pair = dominant_eigenpair(Operator(E.n, E.dtype, times(W), times(W.conj().T), dense), method, start)
    value = abs(pair.eigenvalue)
    return SpectralRadius(
        value, pair.eigenvalue, pair.vector, pair.residual, max(0.0, value - pair.error), value + pair.error,
        pair.leading, pair.method, counts[0], _estimate(pair.error, value), seed,
    )  # fmt: skip

"""Dominant eigenvalues of Gamma(A; X) with right and left eigenvectors, and their derivatives by X."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.errors import GenericityError
from algeom.lsrdr.operators.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.operators.tuples import Array

__all__ = ["Dominant", "dominant"]

#: Sizes up to which all eigenvalues are computed. At 160 that takes as long as ARPACK for both sides, on random tuples
#: and their leading blocks: 10 ms real, 20 ms complex.
_DENSE_SIZE = 160

#: Eigenvalues and basis vectors that ARPACK keeps: a few, so that ties are seen; then more where it did not converge.
_VALUES = 4
_VECTORS = (20, 80)

#: Relative residual asked of all of them. The dominant one then has 1e-14, in three quarters of the time that it takes
#: to get that for all.
_ACCURACY = 1e-12

#: Relative distance up to which eigenvalues are copies of one repeated eigenvalue, which rounding splits. Eigenvalues
#: of nonnormal matrices are less exact; those count as close but not equal, and the point as nonsmooth.
_SAME = 1e-9

#: Share of noise in the starting vector of ARPACK: started from an exact eigenvector it draws a random vector by
#: itself, and results would depend on what was computed before.
_NOISE = 1e-3


@dataclass(frozen=True, eq=False)
class Dominant:
    """A dominant eigenvalue of Gamma(A; X) with its eigenspaces.

    Attributes
    ----------
    value : complex
        The eigenvalue, of largest modulus.
    right, left : ndarray, shape (m, n, d)
        Bases of the eigenspaces of the operator and of its adjoint, ``vdot(left[a], right[b]) == (a == b)``; m is the
        multiplicity.
    separation : float
        By how much the next eigenvalue is smaller in modulus, relatively (for a Perron eigenvalue: its relative
        distance). Complex conjugates of real problems are no others. Where it vanishes, derivatives may jump.
    condition : float
        Condition number of the eigenvalue, at least 1.
    """

    value: complex
    right: Array
    left: Array
    separation: float
    condition: float

    @property
    def multiplicity(self) -> int:
        """How often the eigenvalue is repeated."""
        return len(self.right)

    def log_gradient(self, A: DenseMatrices) -> Array:
        """The gradient of log |mu| by X for fixed A: d log |mu| = Re sum <g_j, dX_j>.

        It is the mean over the copies of a repeated eigenvalue: right if they are equal for all X nearby.

        Returns
        -------
        ndarray, shape (r, d, d)
        """
        total = A.compress(adjoint(self.left), self.right).sum(axis=0)
        return np.asarray(total / (self.value * self.multiplicity))

    def log_gradient_of_both(self, X: DenseMatrices) -> Array:
        """The gradient of log rho(Phi(X)) by X, which is on both sides."""
        first = X.compress(adjoint(self.left), self.right).sum(axis=0) / self.value
        second = X.compress(self.left, adjoint(self.right)).sum(axis=0) / self.value.conjugate()
        return np.asarray((first + second) / self.multiplicity)


def dominant(A: DenseMatrices, X: Array | None = None, start: Dominant | None = None) -> Dominant:
    """The dominant eigenvalue of Gamma(A; X), or the Perron eigenvalue rho(Phi(A)) of Phi(A) = Gamma(A; A).

    Parameters
    ----------
    A : DenseMatrices
        r matrices of size n.
    X : ndarray, shape (r, d, d), optional
    start : Dominant, optional
        Eigenvectors for a tuple nearby, where an iteration is used.

    Returns
    -------
    Dominant
        Of several eigenvalues of the largest modulus one with the largest real part.

    Raises
    ------
    GenericityError
        If ARPACK does not converge.
    """
    perron = X is None
    X = A.dense() if X is None else X
    n, d = A.n, X.shape[1]
    if n * d <= _DENSE_SIZE:
        values, right, left = _all(A.dense(), X)
    else:
        values, right, left = _few(A, X, perron, start)
    real = A.dtype.kind == X.dtype.kind == "f"
    return _cluster(values, right, left, (n, d), perron, real)


def _all(A: Array, X: Array) -> tuple[Array, Array, Array]:
    from scipy.linalg import eig

    n, d = A.shape[1], X.shape[1]
    matrix = np.tensordot(A, X.conj(), axes=(0, 0)).transpose(0, 2, 1, 3).reshape(n * d, n * d)
    values, left, right = eig(matrix, left=True, right=True, check_finite=False)
    return values, right, left


def _few(A: DenseMatrices, X: Array, perron: bool, start: Dominant | None) -> tuple[Array, Array, Array]:
    from scipy.optimize import linear_sum_assignment

    n, d = A.n, X.shape[1]
    dtype = np.result_type(A.dtype, X)
    rng = np.random.default_rng(0)
    to_right, to_left = adjoint(X)[None], X[None]

    def gamma(y: Array) -> Array:
        return np.asarray(A.contract(y.reshape(1, n, d), to_right).ravel())

    def gamma_adjoint(y: Array) -> Array:
        return np.asarray(A.adjoint_contract(y.reshape(1, n, d), to_left).ravel())

    def first(vectors: Array | None) -> Array:
        noise = rng.standard_normal(n * d).astype(dtype)
        if vectors is None:
            return np.asarray(noise)
        near = vectors[0].ravel()
        near = near if dtype.kind == "c" else near.real + near.imag
        return np.asarray(near / np.linalg.norm(near) + _NOISE / np.sqrt(n * d) * noise)

    which = "LR" if perron else "LM"
    values, right = _arpack(gamma, n * d, dtype, which, first(None if start is None else start.right))
    others, left = _arpack(gamma_adjoint, n * d, dtype, which, first(None if start is None else start.left))
    _, partner = linear_sum_assignment(np.abs(others.conj()[None, :] - values[:, None]))
    return values, right, np.asarray(left[:, partner])


def _arpack(apply: Any, size: int, dtype: np.dtype[Any], which: str, start: Array) -> tuple[Array, Array]:
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

    operator = LinearOperator((size, size), matvec=apply, dtype=dtype)
    for vectors in _VECTORS:
        try:
            values, found = eigs(operator, k=_VALUES, which=which, v0=start, ncv=min(vectors, size - 1), tol=_ACCURACY)
        except ArpackError:
            continue
        return np.asarray(values), np.asarray(found)
    raise GenericityError(
        f"ARPACK found no dominant eigenvalue of an operator of size {size}: many eigenvalues have nearly the same "
        "modulus, or all are zero; start elsewhere (rng=...), or use the fixed-point iteration"
    )


def _cluster(values: Array, right: Array, left: Array, shape: tuple[int, int], perron: bool, real: bool) -> Dominant:
    """The dominant eigenvalue with all its copies, and eigenvectors of norms and phases that fit together."""
    moduli = np.abs(values)
    largest = moduli.max()
    margin = _SAME * largest
    candidates = values if perron else values[moduli >= largest - margin]
    rightmost = candidates[candidates.real >= candidates.real.max() - margin]
    value = complex(rightmost[rightmost.imag.argmax()])
    distances = np.abs(values - value)
    copies = distances <= _SAME * abs(value)
    others = ~copies
    if real and not perron:
        others &= np.abs(values - value.conjugate()) > _SAME * abs(value)
    if not others.any() or value == 0:
        separation = 1.0 if value else 0.0
    elif perron:
        separation = float(distances[others].min() / abs(value))
    else:
        separation = float(1 - moduli[others].max() / abs(value))
    V, W = right[:, copies], left[:, copies]
    overlap = W.conj().T @ V
    with np.errstate(all="ignore"):
        condition = float(np.linalg.norm(W, 2) * np.linalg.norm(V, 2) / np.linalg.norm(overlap, -2))
    if np.isfinite(condition):
        V = V @ np.linalg.inv(overlap)
    to_matrices = (-1, *shape)
    return Dominant(
        value,
        np.ascontiguousarray(V.T).reshape(to_matrices),
        np.ascontiguousarray(W.T).reshape(to_matrices),
        max(0.0, separation),
        max(1.0, condition),
    )

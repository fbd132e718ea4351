"""Norms of tuples of matrices that can replace rho(Phi(X))^(1/2) in the similarity, with their gradients.

Each is at least rho(Phi(X))^(1/2), so that similarities measured with it stay between 0 and 1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.gradients.dominant import dominant
from algeom.lsrdr.operators.matrix_families import DenseMatrices, adjoint
from algeom.lsrdr.operators.tuples import Array, matrix_tuple

__all__ = ["SchattenNorm", "SpectralRadiusNorm", "TupleNorm"]

#: Relative distance up to which two eigenvalues of a Hermitian matrix are equal: a hundred times what rounding makes.
_SAME = 1e-13


class TupleNorm(ABC):
    """A function N of tuples X of r matrices of size d with N(c X) = |c| N(X) and N(X) >= rho(Phi(X))^(1/2)."""

    @abstractmethod
    def log_and_gradient(self, X: Array) -> tuple[float, Array]:
        """Log N(X) and its gradient.

        Parameters
        ----------
        X : ndarray, shape (r, d, d)

        Returns
        -------
        value : float
            -inf where N(X) = 0.
        gradient : ndarray, shape (r, d, d)
            d log N = Re sum <g_j, dX_j>. Where a maximum over eigenvalues has a tie, the mean over the copies.
        """

    def __call__(self, X: Any) -> float:
        """N(X) for a tuple as `matrix_tuple` wants it."""
        return math.exp(self.log_and_gradient(matrix_tuple(X, "X"))[0])


class SpectralRadiusNorm(TupleNorm):
    """rho(Phi(X))^(1/2), with Phi(X)(Y) the sum of the X_j Y X_j^*: what the similarity is defined with.

    It does not change when all X_j are conjugated by one matrix. It is no norm: it vanishes on nilpotent tuples.

    Examples
    --------
    >>> round(SpectralRadiusNorm()([[[0, 2], [0, 0]], [[0, 0], [2, 0]]]), 10)
    2.0
    """

    def log_and_gradient(self, X: Array) -> tuple[float, Array]:
        """Log N(X) and its gradient."""
        family = DenseMatrices(X)
        found = dominant(family)
        if not found.value:
            return -math.inf, np.zeros_like(X)
        return math.log(abs(found.value)) / 2, found.log_gradient_of_both(family) / 2

    def __repr__(self) -> str:
        return "SpectralRadiusNorm()"


class SchattenNorm(TupleNorm):
    """The square root of the Schatten p-norm of sum X_j X_j^* (or of sum X_j^* X_j).

    Not invariant under conjugation: what maximizes a similarity measured with it comes in a definite gauge, up to
    unitary conjugation. For p = 1 both kinds are the Frobenius norm of all entries; for p = inf they are the row norm
    and the column norm of operator spaces. N(X)^2 >= ||Phi(X)(I)|| >= rho(Phi(X)).

    Parameters
    ----------
    p : float
        From 1 to infinity.
    kind : {"row", "column"}
        Which sum: "row" X_j X_j^*, "column" X_j^* X_j.

    Raises
    ------
    InputError
        If p is below 1, or the kind is neither.

    Examples
    --------
    >>> X = [[[3, 0], [0, 0]], [[0, 4], [0, 0]]]
    >>> round(SchattenNorm(1)(X), 10), round(SchattenNorm(np.inf)(X), 10), round(SchattenNorm(np.inf, "column")(X), 10)
    (5.0, 5.0, 4.0)
    """

    def __init__(self, p: float, kind: Literal["row", "column"] = "row") -> None:
        if isinstance(p, bool) or not isinstance(p, (int, float, np.integer, np.floating)) or not p >= 1:
            raise InputError(f"p={p!r}; give a number from 1 to infinity (np.inf)")
        if kind not in ("row", "column"):
            raise InputError(f"kind={kind!r}; give 'row' (sum X_j X_j^*) or 'column' (sum X_j^* X_j)")
        self.p = float(p)
        self.kind = kind

    def log_and_gradient(self, X: Array) -> tuple[float, Array]:
        """Log N(X) and its gradient."""
        if self.kind == "column":
            value, gradient = self._row(adjoint(X))
            return value, adjoint(gradient)
        return self._row(X)

    def _row(self, X: Array) -> tuple[float, Array]:
        # A common scale first: the squares of the entries then neither overflow nor underflow.
        scale = float(np.abs(X).max())
        if scale == 0:
            return -math.inf, np.zeros_like(X)
        scaled = X / scale
        row = np.concatenate(list(scaled), axis=1)
        eigenvalues, vectors = np.linalg.eigh(row @ row.conj().T)
        largest = eigenvalues[-1]
        # With w = eigenvalue / largest, N^2 = largest (sum w^p)^(1/p) and d log N = tr(M^(p-1) dM) / (2 tr M^p).
        w = np.clip(eigenvalues / largest, 0.0, 1.0)
        if math.isinf(self.p):
            powers = (w >= 1 - _SAME).astype(np.float64)
            log_sum, total = 0.0, powers.sum()
        else:
            powers = w ** (self.p - 1)
            total = (w * powers).sum()
            log_sum = math.log(total) / self.p
        gradient = ((vectors * (powers / (total * largest))) @ vectors.conj().T) @ scaled
        return math.log(scale) + (math.log(largest) + log_sum) / 2, gradient / scale

    def __repr__(self) -> str:
        return f"SchattenNorm({self.p:g}, {self.kind!r})"

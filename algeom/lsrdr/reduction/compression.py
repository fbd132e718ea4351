"""Gamma(A; X) and Phi(X) for X_j = R A_j S, from Phi(A) and R, S alone: superoperators that need no matrices A_j."""

from __future__ import annotations

import numpy as np

from algeom.lsrdr.operators.matrix_families import adjoint
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.tuples import Array

__all__ = ["Compression"]


class Compression(Superoperator):
    """Y -> E(Y S^*) R^* on n x d matrices, or Y -> R E(S Y S^*) R^* on d x d ones.

    For E = Phi(A), that is Gamma(A; X) and Phi(X) with X_j = R A_j S.

    Parameters
    ----------
    E : Superoperator
    S : ndarray, shape (n, d)
    R : ndarray, shape (d, n)
    both : bool
        Whether both sides are compressed.
    """

    def __init__(self, E: Superoperator, S: Array, R: Array, *, both: bool) -> None:
        self.E, self.S, self.R, self.both = E, S, R, both
        n, d = S.shape
        self.shape = (d, d) if both else (n, d)
        self.dtype = np.result_type(E.dtype, S)

    def _apply(self, Y: Array) -> Array:
        S, rows = self._repeated(self.S, Y), self._repeated(adjoint(self.R), Y)
        if self.both:
            return np.asarray(self.R @ self.E.product(self.S @ Y, S, rows))
        return self.E.product(np.ascontiguousarray(Y), S, rows)

    def _adjoint(self, Y: Array) -> Array:
        S, rows = self._repeated(self.S, Y), self._repeated(adjoint(self.R), Y)
        if self.both:
            return np.asarray(adjoint(self.S) @ self.E.adjoint_product(adjoint(self.R) @ Y, rows, S))
        return self.E.adjoint_product(np.ascontiguousarray(Y), rows, S)

    @staticmethod
    def _repeated(M: Array, Y: Array) -> Array:
        return np.ascontiguousarray(np.broadcast_to(M, (len(Y), *M.shape)))

    @property
    def is_completely_positive(self) -> bool | None:  # type: ignore[override]
        """Whether it is completely positive: compressed on both sides, if E is."""
        return self.E.is_completely_positive if self.both else False

    @property
    def hermitian_preserving(self) -> bool:  # type: ignore[override]
        """Whether it keeps Hermitian matrices Hermitian: compressed on both sides, if E does."""
        return self.both and self.E.hermitian_preserving

    def __repr__(self) -> str:
        n, m = self.shape
        return f"Compression({n} x {m} matrices, of {self.E})"

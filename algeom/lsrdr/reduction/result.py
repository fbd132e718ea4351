"""The result of a reduction: the projection and the reduced matrices, and how far starts agree on them."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from algeom.evidence import Evidence
from algeom.lsrdr.operators.matrix_families import MatrixFamily, adjoint
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.endings import Ending, History
from algeom.lsrdr.reduction.fixed_points import EQUATIONS
from algeom.lsrdr.reduction.starts import Field
from algeom.runtime.memory import require

__all__ = ["Agreement", "FixedPoint", "LSRDRResult", "StartRecord"]


@dataclass(frozen=True)
class FixedPoint:
    """A fixed point of the iteration that starts came to.

    Attributes
    ----------
    similarity : float
        sqrt(lambda / rho(Phi(A))).
    eigenvalue : complex
        lambda.
    starts : tuple of int
        Which starts came to it.
    stable : bool or None
        Whether it attracts, as far as acceleration, which also converges to saddles, tells; None if nothing is known.
    isolated : bool or None
        Whether a perturbed start came back to the same projection; None where it was not tried.
    """

    similarity: float
    eigenvalue: complex
    starts: tuple[int, ...]
    stable: bool | None
    isolated: bool | None


@dataclass(frozen=True)
class StartRecord:
    """What became of one start.

    Attributes
    ----------
    ending : Ending
        How it ended; ``ending.advice`` says what to do.
    similarity : float
        sqrt(|lambda| / rho(Phi(A))); NaN if it failed.
    residual : float
        Largest relative defect of the fixed-point equations.
    steps : int
        Applications of E, and as many of E^*.
    fixed_point : int or None
        Position in `Agreement.fixed_points`; None if it did not converge.
    field : str
        The field of the random numbers of its last attempt.
    failures : tuple of Ending
        How earlier attempts failed.
    departures : int
        Saddles that it left.
    """

    ending: Ending
    similarity: float
    residual: float
    steps: int
    fixed_point: int | None
    field: str
    failures: tuple[Ending, ...]
    departures: int


@dataclass(frozen=True)
class Agreement:
    """How far starts agree: the pseudodeterminism of a reduction.

    The projection P is compared. R, S and X are determined by P up to conjugation only.

    Attributes
    ----------
    starts, converged : int
        How many starts there were, and how many converged.
    fixed_points : tuple of FixedPoint
        The different ones, by falling similarity.
    tolerance : float
        Relative difference up to which projections count as the same.
    """

    starts: int
    converged: int
    fixed_points: tuple[FixedPoint, ...]
    tolerance: float

    @property
    def agreed(self) -> int:
        """How many starts came to the projection of the result."""
        return len(self.fixed_points[0].starts) if self.fixed_points else 0

    @property
    def unanimous(self) -> bool:
        """Whether all starts converged to one projection."""
        return self.agreed == self.starts

    def __str__(self) -> str:
        found = _count(len(self.fixed_points), "fixed point")
        lines = [
            f"{self.agreed} of {self.starts} starts agree on P to {self.tolerance:.0e}; {found} found, "
            f"{self.starts - self.converged} starts not converged"
        ]
        for point in self.fixed_points:
            notes = "" if point.stable is not False else ", a saddle"
            notes += "" if point.isolated is not False else ", not isolated"
            value = (
                f"lambda {abs(point.eigenvalue):.12g}"
                if math.isnan(point.similarity)
                else (f"similarity {point.similarity:.12f}")
            )
            lines.append(f"  {value}: {_count(len(point.starts), 'start')}{notes}")
        return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


@dataclass(frozen=True, eq=False, repr=False)
class LSRDRResult:
    """A reduction of matrices A_1, ..., A_r of size n to X_1, ..., X_r of size d.

    Over the quaternions matrices are `Quaternions`.

    Attributes
    ----------
    S, R : ndarray, shape (n, d) and (d, n)
        P = S R with R S = I, in the basis in which R H R^* and S^* G S are one diagonal matrix; over the quaternions,
        and where that is not possible, S has orthonormal columns. For finite s, factors of a projection near P.
    eigenvalue : complex
        lambda: E(H P^*) P^* = lambda H. Real and positive up to rounding if E is positive.
    similarity : float
        rho(Gamma(A; X)) / sqrt(rho(Phi(A)) rho(Phi(X))), from spectral radii that were computed for X; NaN if one of
        them could not be, as the evidence then says.
    radius : float
        rho(Phi(A)).
    residuals : dict of str to float
        Relative defects of the equations of a fixed point: keys as in `algeom.lsrdr.reduction.fixed_points.EQUATIONS`.
    history : History
        Step by step, of the start that the result comes from: estimates of lambda, residuals, increments, step sizes.
    histories : tuple of History
        Of all starts.
    applications : int
        How often E and E^* were applied, for all starts together.
    starts : tuple of StartRecord
    agreement : Agreement
    evidence : Evidence
        NUMERICAL if the equations hold to the tolerance and all starts agree on the similarity; LOWER_BOUND otherwise:
        the largest similarity is then known not to be smaller. That it is not larger is proved in no case.
    method, field : str
    s, t : float, float or "adaptive"
    seed : int
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    S: Any
    R: Any
    eigenvalue: complex
    similarity: float
    radius: float
    residuals: dict[str, float]
    history: History
    histories: tuple[History, ...]
    applications: int
    starts: tuple[StartRecord, ...]
    agreement: Agreement
    evidence: Evidence
    method: str
    field: Field
    s: float
    t: float | str
    seed: int
    interrupted: bool
    _factors: tuple[Array, Array, Array, Array] = dataclasses.field(repr=False)
    _family: MatrixFamily | None = dataclasses.field(repr=False)
    _unit: float = dataclasses.field(repr=False)
    _dense: tuple[Array, Array, Array] | None = dataclasses.field(repr=False, default=None)

    # Matrices

    @property
    def n(self) -> int:
        """Size of the matrices."""
        return int(self.S.shape[0])

    @property
    def rank(self) -> int:
        """Size d of the reduced matrices."""
        return int(self.S.shape[1])

    @cached_property
    def X(self) -> Any:
        """The reduced matrices R A_j S, shape (r, d, d); None where E was not given by matrices."""
        if self._family is None:
            return None
        S, R, _, _ = self._factors
        return self._public(self._family.compress(R[None], S[None])[0])

    @property
    def P(self) -> Any:
        """The projection, an n x n matrix that is made each time; `S` and `R` are its factors."""
        S, R, _, _ = self._factors
        return self._public(self._square(S, R, 0))

    @property
    def G(self) -> Any:
        """The eigenvector of the adjoint, n x n, of trace 1 and positive semidefinite."""
        _, R, _, Z = self._factors
        return self._public(self._scale * self._square(Z, R, 1))

    @property
    def H(self) -> Any:
        """The eigenvector, n x n, of trace 1 and positive semidefinite."""
        S, _, Y, _ = self._factors
        return self._public(self._scale * self._square(Y, adjoint(S), 2))

    @property
    def residual(self) -> float:
        """The largest of the `residuals`."""
        return max(self.residuals.values())

    @property
    def similarity_history(self) -> Array:
        """sqrt(|lambda| / rho(Phi(A))) by the estimates of lambda in `history`, which at first may be too large."""
        return np.sqrt(self.history.eigenvalues * (self._unit / self.radius))

    @property
    def converged(self) -> bool:
        """Whether the start that the result comes from has converged."""
        return bool(self.agreement.fixed_points)

    def transform(self, B: Any) -> Any:
        """Reduce other matrices: R B_j S for B of shape (n, n) or (k, n, n), to (d, d) or (k, d, d)."""
        return self.R @ B @ self.S

    def _square(self, left: Array, right: Array, place: int) -> Array:
        if self._dense is not None:
            return self._dense[place]
        n = left.shape[0]
        require(n * n * left.itemsize, None, f"an {n} x {n} matrix", "work with its factors, S and R")
        return np.asarray(left @ right)

    @property
    def _scale(self) -> float:
        # Traces of the complex form are twice those of quaternionic matrices.
        return 2.0 if self.field == "quaternion" else 1.0

    def _public(self, M: Array) -> Any:
        return Quaternions.from_complex(M) if self.field == "quaternion" else M

    # Showing

    def plot(self, kind: str = "convergence", *, ax: Any = None) -> Any:
        """Draw the convergence, the starts or the projection (`algeom.plot.lsrdr`); returns matplotlib Axes."""
        from algeom import plot

        return plot.lsrdr(self, kind, ax=ax)

    def __repr__(self) -> str:
        similarity = "unknown" if math.isnan(self.similarity) else f"{self.similarity:.12g}"
        notes = [
            f"{self.n} -> {self.rank} over the {self.field} numbers" if self.field != "quaternion" else
            f"{self.n} -> {self.rank} over the quaternions",
            f"similarity {similarity}",
            f"{self.agreement.agreed} of {self.agreement.starts} starts agree",
            f"residual {self.residual:.0e}",
            f"{self.applications} applications",
        ]  # fmt: skip
        if self.interrupted:
            notes.append("interrupted")
        return f"LSRDRResult({'; '.join(notes)}: {self.evidence})"

    def __str__(self) -> str:
        width = max(map(len, EQUATIONS.values()))
        lines = [repr(self), self.evidence.reason, str(self.agreement), "relative defects:"]
        lines += [f"  {EQUATIONS[name]:<{width}}  {value:.1e}" for name, value in self.residuals.items()]
        failures = [ending for record in self.starts for ending in (*record.failures, record.ending)]
        for ending in dict.fromkeys(failures):
            if ending is not Ending.CONVERGED:
                lines.append(f"{failures.count(ending)} times {ending}: {ending.advice}")
        return "\n".join(lines)

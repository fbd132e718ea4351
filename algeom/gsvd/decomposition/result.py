"""The generalized singular value decomposition of a map, as a value: lift, left inverse, bounds, ranks, directions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.ellipsoids.minimum_volume import Ellipsoid
from algeom.gsvd.functions.arguments import as_rows
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Domain, Samples
from algeom.gsvd.norms.bounds import NormBounds
from algeom.maps.tape import noun_count

__all__ = ["GSVD", "InputDirections"]

Float = NDArray[np.float64]

#: Gain utilisation above 1 that is rounding: at points where the ellipsoid touches, it is 1 up to errors of the axes.
_ROUNDING = 1e-10
#: Part of ``sigma_1 |x|`` that outputs may have outside of the span of the fitted gains, for the lift to leave it out;
#: twice what was seen, if that is more, up to single precision.
_OUTSIDE, _MORE_OUTSIDE, _MOST_OUTSIDE = 1e-9, 2.0, 1e-6
#: Points at which directions are averaged by default.
_POINTS = 256
#: Strength of a direction, relative to the strongest, below which it counts as null: finite differences are exact to
#: about 1e-10.
_NULL = 1e-8


@dataclass(frozen=True, eq=False, repr=False)
class InputDirections:
    """Directions of inputs by how much outputs change along them.

    Attributes
    ----------
    directions : ndarray of float64, shape (n, n)
        Orthonormal columns, the most sensitive first.
    strengths : ndarray of float64, shape (n,)
        Root mean square over the points of ``|Sigma^-1 U^T J d|``: changes in units of the gains of the decomposition.
    rank : int
        How many strengths are not null.
    n_points : int
    evidence : Evidence
        NUMERICAL: about derivatives at these points alone.
    """

    directions: Float
    strengths: Float
    rank: int
    n_points: int
    evidence: Evidence

    @property
    def row_space(self) -> Float:
        """Directions along which outputs change at some of the points, shape (n, rank)."""
        return self.directions[:, : self.rank]

    @property
    def null_space(self) -> Float:
        """Directions along which outputs change at none of the points, shape (n, n - rank)."""
        return self.directions[:, self.rank :]

    def __repr__(self) -> str:
        return (
            f"InputDirections({self.rank} of {len(self.strengths)} sensitive, strengths {_range(self.strengths)}; "
            f"derivatives at {noun_count(self.n_points, 'point')}; {self.evidence})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class GSVD:
    """A generalized singular value decomposition ``f(x0 + d) - offset = U Sigma v(d)``; made by `gsvd`.

    Inputs and outputs of the methods are those of f itself: x0 and the offset are taken off and put back.

    Attributes
    ----------
    U : ndarray of float64, shape (p, p)
        Orthogonal.
    sigma : ndarray of float64, shape (p,)
        Nonnegative and decreasing: the diagonal of Sigma, of shape (p, p + n) and zero elsewhere.
    rank : int
        Positive entries of sigma.
    x0 : ndarray of float64, shape (n,)
    offset : ndarray of float64, shape (p,)
        f(x0), or what stands for it; zero unless asked for.
    method : {"svd", "ellipsoid", "coordinate"}
    norm_lower, norm_upper : float
        Bounds of the 2-induced norm ``sup |f(x0 + d) - offset| / |d|``. Without a certificate the upper one is sigma_1:
        an upper bound for the points that were seen, and an estimate for the domain.
    witness : ndarray of float64, shape (n,)
        The d where the lower bound was found.
    inflation : float
        Factor by which sigma was enlarged beyond what was fitted or certified.
    evidence : Evidence
        For ``|Sigma^-1 U^T (f(x0 + d) - offset)| <= |d|`` on the domain, without which there is no lift: PROVED with a
        certificate, NUMERICAL for linear maps and for given samples, LOWER_BOUND where it was fitted to points found.
    admissibility, norm_bounds : NormBounds or None
        Certified bounds of the gain utilisation before sigma was enlarged by it, and of the norm, if asked for.
    domain : Domain, Samples or None
        Of d; None stands for all.
    ellipsoid : Ellipsoid or None
    inputs, gains : ndarray of float64, shapes (N, n), (N, p)
        What sigma was fitted to: points d, and ``(f(x0 + d) - offset) / |d|``.
    noise : ndarray of float64, shape (p,)
        Estimated rounding errors of outputs ``f(x0 + d) - offset``: near x0 nothing is told of gains. Lower bounds of
        norms are what was seen less these, and lifts of points there are within them.
    rounds : int
        Rounds of adversarial sampling.
    violation : float
        The largest gain utilisation found in the last round, minus 1. It was covered in the end; where it is not small,
        others are likely to exist. NaN without a search.
    notes : tuple of str
        What to know before relying on this.
    seed : int
    interrupted : bool

    Notes
    -----
    Published [1]_ [2]_: for f with f(0) = 0 and finite norm there are U, Sigma, and v injective with ``|v(x)| = |x|``,
    and the norm is at most sigma_1. The rest is our own reconstruction: the choice of U and sigma, and the lift ``v(d)
    = (Sigma^-1 U^T f, sqrt(1 - h^2 / |d|^2) d)`` with ``h = |Sigma^-1 U^T f|``.

    References
    ----------
    .. [1] arXiv:2404.00112.
    .. [2] arXiv:2605.06938.
    """

    U: Float
    sigma: Float
    rank: int
    x0: Float
    offset: Float
    method: str
    norm_lower: float
    norm_upper: float
    witness: Float
    inflation: float
    evidence: Evidence
    inputs: Float
    gains: Float
    function: BatchFunction | None
    domain: Domain | Samples | None
    noise: Float
    ellipsoid: Ellipsoid | None = None
    admissibility: NormBounds | None = None
    norm_bounds: NormBounds | None = None
    off_span: float = 0.0
    rounds: int = 0
    violation: float = math.nan
    notes: tuple[str, ...] = ()
    seed: int = 0
    interrupted: bool = False

    # Sizes and singular values

    @property
    def n_inputs(self) -> int:
        """Dimension n of the inputs."""
        return len(self.x0)

    @property
    def n_outputs(self) -> int:
        """Dimension p of the outputs."""
        return len(self.sigma)

    @property
    def is_strict(self) -> bool:
        """Whether sigma was enlarged, so that the lift has a left inverse everywhere in the domain."""
        return self.inflation > 1

    @property
    def matrix(self) -> Float:
        """``M = U diag(sigma^-2) U^T`` on the span of the gains: gains y have ``y^T M y <= 1``."""
        return self._root.T @ self._root

    @property
    def _root(self) -> Float:
        return np.asarray((self.U[:, : self.rank] / self.sigma[: self.rank]).T)

    def effective_rank(self, kind: Literal["threshold", "entropy", "stable"] = "entropy", tol: float = 1e-8) -> float:
        """How many singular values matter.

        Parameters
        ----------
        kind : {"threshold", "entropy", "stable"}
            How many are above `tol` times the largest; the exponential of the entropy of ``sigma / sum(sigma)`` [1]_;
            or ``sum(sigma^2) / sigma_1^2``.
        tol : float

        References
        ----------
        .. [1] O. Roy, M. Vetterli, The effective rank, EUSIPCO 2007.
        """
        sigma = self.sigma[: self.rank]
        if kind == "threshold":
            if not isinstance(tol, (int, float, np.number)) or not 0 <= tol < 1:
                raise InputError(f"tol={tol!r}: expected a number from 0 to 1, a part of the largest singular value")
            return float(np.count_nonzero(sigma > tol * sigma[0]))
        if kind == "stable":
            return float(np.square(sigma / sigma[0]).sum())
        if kind == "entropy":
            share = sigma / sigma.sum()
            return float(np.exp(-(share * np.log(share)).sum()))
        raise InputError(f'kind={kind!r}: choose "threshold", "entropy" or "stable"')

    @property
    def column_space(self) -> Float:
        """Orthonormal basis of the span of the outputs seen, shape (p, rank)."""
        return self.U[:, : self.rank]

    @property
    def left_null_space(self) -> Float:
        """Orthonormal basis of the directions in which no output was seen, shape (p, p - rank)."""
        return self.U[:, self.rank :]

    # The decomposition

    def utilisation(self, x: Any, values: Any = None) -> Float:
        """Gain utilisation ``|Sigma^-1 U^T (f(x) - offset)| / |x - x0|``, at most 1 where the pair is admissible.

        Parameters
        ----------
        x : array_like, shape (N, n)
            Not x0 itself.
        values : array_like, shape (N, p), optional
            f(x), if known; needed for decompositions of samples without a function.

        Returns
        -------
        ndarray of float64, shape (N,)
            Infinite where the output is outside of the span of the outputs seen, in which sigma is zero.
        """
        d, change = self._changes(x, values)
        sizes = np.linalg.norm(d, axis=1)
        if not sizes.all():
            raise InputError(f"row {int(np.argmin(sizes))} of x is x0, where there is no gain; leave it out")
        outside, allowed = self._outside(change, sizes)
        return np.where(outside > allowed, math.inf, np.linalg.norm(change @ self._root.T, axis=1) / sizes)

    def null_share(self, x: Any, values: Any = None) -> Float:
        """How much of an input the outputs do not see: ``sqrt(1 - utilisation^2)``, from 0 to 1.

        Parameters
        ----------
        x : array_like, shape (N, n)
            Not x0 itself.
        values : array_like, shape (N, p), optional
            f(x), if known; needed for decompositions of samples without a function.

        Returns
        -------
        ndarray of float64, shape (N,)
            ``|z_b| / |z|`` for the lift ``z = (z_a, z_b)``. It is 1 where f(x) is the offset: the inputs that the lift
            takes to the null space of Sigma, an analogue of the null space. It is 0 where the ellipsoid touches, an
            analogue of the row space. For a linear map of full row rank, ``|P (x - x0)| / |x - x0|`` with the
            orthogonal projection P to its null space. To find such inputs: `algeom.gsvd.null_inputs`.

        Raises
        ------
        InputError
            As for `lift`.

        Notes
        -----
        *Our own*: the analogues of null space and row space.
        """
        z = self.lift(x, values)
        sizes = np.linalg.norm(z, axis=1)
        if not sizes.all():
            raise InputError(f"row {int(np.argmin(sizes))} of x is x0, where there is no gain; leave it out")
        return np.asarray(np.linalg.norm(z[:, self.n_outputs :], axis=1) / sizes)

    def lift(self, x: Any, values: Any = None) -> Float:
        """The norm-preserving lift v: ``|v(x)| = |x - x0|`` and ``f(x) = offset + U Sigma v(x)``.

        Parameters
        ----------
        x : array_like, shape (N, n)
        values : array_like, shape (N, p), optional
            f(x), if known; needed for decompositions of samples without a function.

        Returns
        -------
        ndarray of float64, shape (N, p + n)

        Raises
        ------
        InputError
            If the gain utilisation of a row is above 1, or its output is outside of the span of all outputs seen: the
            decomposition does not cover such points.
        """
        d, change = self._changes(x, values)
        sizes = np.linalg.norm(d, axis=1)
        # At x0 itself, outputs differ from the offset by rounding errors.
        scale = float(np.abs(self.offset).max()) + self.sigma[0]
        change[(sizes == 0) & (np.abs(change).max(axis=1) <= _ROUNDING * scale)] = 0.0
        ahead = change @ self._root.T
        gains = np.linalg.norm(ahead, axis=1)
        self._require_covered(d, change, sizes, gains)
        used = np.minimum(np.divide(gains, sizes, out=np.zeros_like(sizes), where=sizes > 0), 1.0)
        behind = np.sqrt((1 - used) * (1 + used))[:, None] * d
        return np.hstack([ahead, np.zeros((len(d), self.n_outputs - self.rank)), behind])

    def left_inverse(self, z: Any) -> Float:
        """The x with ``lift(x) = z``: ``x0 + |z| z_b / |z_b|``, where z_b are the last n entries.

        Parameters
        ----------
        z : array_like, shape (N, p + n)
            Values of the lift.

        Returns
        -------
        ndarray of float64, shape (N, n)

        Raises
        ------
        InputError
            If the last n entries of a row are zero and the others are not. Strict pairs have no such values.

        Notes
        -----
        *Stability*, our own derivation. Let ``a = |z_b| / |z|`` and a' that of z'. Then ``|v^+(z) - v^+(z')| <=
        |z - z'| / sqrt(a a')``, whether or not z and z' are values of the lift. Proof: with ``r = |z|, u = z_b /
        |z_b|`` the left side has the square ``(r - r')^2 + r r' |u - u'|^2``, and ``|z - z'|^2 = |z_a - z_a'|^2 +
        (a r - a' r')^2 + a a' r r' |u - u'|^2``, whose first two terms are at least ``(r - r')^2``, because ``(|z_a|,
        a r)`` has the norm r. Values of the lift of a strict pair have ``a^2 >= 1 - 1 / inflation^2``:
        `left_inverse_constant`.
        """
        rows = self._embedded(z)
        last = rows[:, self.n_outputs :]
        whole, part = np.linalg.norm(rows, axis=1), np.linalg.norm(last, axis=1)
        lost = (part == 0) & (whole > 0)
        if lost.any():
            raise InputError(
                f"row {int(np.argmax(lost))} of z ends in zeros: where the gain utilisation is 1 the lift forgets the "
                "input; use the lift and left inverse of decomposition.inflate(1.01)"
            )
        return np.asarray(self.x0 + last * np.divide(whole, part, out=np.ones_like(part), where=part > 0)[:, None])

    @property
    def left_inverse_constant(self) -> float:
        """The Lipschitz constant ``c / sqrt(c^2 - 1)`` of the left inverse on values of the lift, with c the inflation.

        Infinite for pairs that are not strict. It holds where gain utilisations are at most 1 / c, which the evidence
        is about; no smaller constant holds for all maps.
        """
        c = self.inflation
        return c / math.sqrt((c - 1) * (c + 1)) if c > 1 else math.inf

    def reconstruct(self, z: Any) -> Float:
        """``offset + U Sigma z``: f(x) for z = lift(x).

        Parameters
        ----------
        z : array_like, shape (N, p + n)

        Returns
        -------
        ndarray of float64, shape (N, p)
        """
        rows = self._embedded(z)
        return np.asarray(self.offset + (rows[:, : self.n_outputs] * self.sigma) @ self.U.T)

    def inflate(self, factor: float) -> GSVD:
        """The same with sigma times a factor, which makes the pair strict: gain utilisations are at most 1 / factor.

        Parameters
        ----------
        factor : float
            At least 1; 1.01, for example.

        Returns
        -------
        GSVD
        """
        require_factor("factor", factor)
        certified = self.norm_bounds is not None or self.method == "svd"
        return replace(
            self,
            sigma=self.sigma * factor,
            inflation=self.inflation * factor,
            norm_upper=self.norm_upper if certified else self.norm_upper * factor,
        )

    # Derivatives

    def jacobian_singular_values(self, x: Any) -> Float:
        """Singular values of the Jacobian matrix at points, to compare with sigma.

        Parameters
        ----------
        x : array_like, shape (N, n)

        Returns
        -------
        ndarray of float64, shape (N, min(n, p))
            Where f is linear these are those of sigma that are not zero. In general gains are means of derivatives
            along the segment from x0, so that no gain exceeds the largest singular value on the way.
        """
        d = self._inputs(x) - self.x0
        return np.asarray(np.linalg.svd(self._function.jacobian(d), compute_uv=False))

    def sensitivity(self, x: Any = None) -> InputDirections:
        """Directions of inputs by how much outputs change along them, in units of sigma.

        Parameters
        ----------
        x : array_like, shape (N, n), optional
            Points at which to take derivatives, one or many; by default those that the decomposition began with.

        Returns
        -------
        InputDirections
            With analogues of the row space and the null space of a matrix: what changes the outputs at some of the
            points, and what changes them at none.

        Notes
        -----
        The right singular vectors of all matrices ``Sigma^-1 U^T J(x)`` on top of each other. *Published* [1]_: active
        subspaces, the same for maps with one output. *Our own*: outputs in units of sigma, and what the directions span
        as analogues of row space and null space. For linear maps of full row rank: the right singular vectors, all with
        strength 1.

        References
        ----------
        .. [1] P. G. Constantine, Active Subspaces, SIAM 2015.
        """
        if x is None:
            d = self.inputs[:_POINTS]
        else:
            d = self._inputs(x) - self.x0
        stacked = (self._root @ self._function.jacobian(d)).reshape(-1, self.n_inputs)
        triangle = np.linalg.qr(stacked, mode="r") if len(stacked) > self.n_inputs else stacked
        _, found, directions = np.linalg.svd(triangle, full_matrices=True)
        strengths = np.append(found, np.zeros(self.n_inputs - len(found))) / math.sqrt(len(d))
        rank = int(np.count_nonzero(strengths > _NULL * strengths[0]))
        reason = f"derivatives at {noun_count(len(d), 'point')} ({self._function.derivatives})"
        return InputDirections(directions.T, strengths, rank, len(d), Evidence(Status.NUMERICAL, math.nan, reason))

    def plot(self, kind: str | None = None, *, ax: Any = None) -> Any:
        """Draw singular values against those of Jacobians (`algeom.plot.gsvd`); returns matplotlib Axes."""
        from algeom import plot

        return plot.gsvd(self, kind, ax=ax)

    # Checks

    @property
    def _function(self) -> BatchFunction:
        if self.function is None:
            raise InputError("this decomposition is of samples without a function; give f to gsvd() as well")
        return self.function

    def _inputs(self, x: Any) -> Float:
        return as_rows("x", x, self.n_inputs)

    def _changes(self, x: Any, values: Any) -> tuple[Float, Float]:
        """Inputs and outputs, relative to x0 and the offset."""
        d = self._inputs(x) - self.x0
        if values is None:
            return d, self._function(d)
        outputs = as_rows("values", values, self.n_outputs)
        if len(outputs) != len(d):
            raise InputError(f"{len(d)} inputs and {len(outputs)} values were given; give one value for each")
        return d, outputs - self.offset

    def _embedded(self, z: Any) -> Float:
        return as_rows("z", z, self.n_outputs + self.n_inputs)

    def _outside(self, change: Float, sizes: Float) -> tuple[Float, Float]:
        """Norms of what outputs have outside of the span of those seen, and what counts as none."""
        outside = np.linalg.norm(change @ self.left_null_space, axis=1)
        part = max(_OUTSIDE, min(_MORE_OUTSIDE * self.off_span, _MOST_OUTSIDE)) * float(self.sigma[0])
        return outside, part * sizes + float(np.linalg.norm(self.noise))

    def _require_covered(self, d: Float, change: Float, sizes: Float, gains: Float) -> None:
        above = gains > sizes * (1 + _ROUNDING) + float(np.linalg.norm(np.abs(self._root) @ self.noise))
        if np.any(above & (sizes == 0)):
            raise InputError(f"row {int(np.argmin(sizes))} of x is x0, and the value given for it is not the offset")
        if above.any():
            ratios = gains[above] / sizes[above]
            raise InputError(
                f"{noun_count(len(ratios), 'row')} of x, the first is row {int(np.argmax(above))}, have gain "
                f"utilisations above 1, up to {ratios.max():.6g}: the decomposition does not cover such points. Take a "
                f"domain that contains them, certify=True, or decomposition.inflate({1.01 * ratios.max():.3g})"
            )
        outside, allowed = self._outside(change, sizes)
        if np.any(outside > allowed):
            worst = int(np.argmax(outside - allowed))
            raise InputError(
                f"the output of row {worst} is {outside[worst]:.3g} outside of the {self.rank}-dimensional span of the "
                "outputs that were seen, where sigma is zero; fit to more points, or to a larger domain"
            )

    def __repr__(self) -> str:
        sure = "" if self.norm_bounds is not None or self.method == "svd" else " (estimate)"
        at = ", local" if self.x0.any() else ""
        rank = "" if self.rank == self.n_outputs else f", rank {self.rank}"
        more = f", {noun_count(len(self.notes), 'note')}" if self.notes else ""
        return (
            f"GSVD({self.n_inputs} -> {self.n_outputs}{rank}{at}: sigma {_range(self.sigma[: self.rank])}; "
            f"{self.norm_lower:.6g} <= norm <= {self.norm_upper:.6g}{sure}; {self.method}{more}; {self.evidence})"
        )

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.6g}" for value in self.sigma[:8])
        more = f", ... ({self.n_outputs} in all)" if self.n_outputs > 8 else ""
        return "\n".join(
            [repr(self), f"sigma {shown}{more}", self.evidence.reason, *(f"note: {x}" for x in self.notes)]
        )


def require_factor(argument: str, factor: Any) -> None:
    """Refuse what is no factor by which sigma can be enlarged."""
    if not isinstance(factor, (int, float, np.integer, np.floating)) or not 1 <= factor < math.inf:
        raise InputError(f"{argument}={factor!r}: sigma can only be enlarged, by a finite factor of 1 at least")


def _range(values: Float) -> str:
    return f"{values[0]:.6g}" if len(values) == 1 else f"{values[0]:.6g} to {values[-1]:.6g}"

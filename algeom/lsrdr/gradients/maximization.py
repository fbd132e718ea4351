"""Maximizing the L2-spectral radius similarity by gradients: the baseline for the fixed-point iteration.

The logarithm of rho(Gamma(A; X)) / (rho(Phi(A))^(1/2) N(X)) does not change when X is scaled, and L-BFGS maximizes it
without constraints. Its derivatives come from left and right eigenvectors of the dominant eigenvalue of Gamma(A; X).

Critical points (a derivation of our own, for N = rho(Phi(.))^(1/2)). Let mu be a simple dominant eigenvalue of
Gamma = Gamma(A; X), with Gamma(H) = mu H and Gamma^*(G) = conj(mu) G, and let the positive semidefinite matrices K, L
of size d be Perron eigenvectors, Phi(X)(K) = rho K and Phi(X)^*(L) = rho L, both nonsingular. The gradient of the
logarithm is

    G^* A_j H / (mu tr G^* H)  -  L X_j K / (rho tr L K),

so that it vanishes if and only if X_j = c R A_j S with R = L^-1 G^*, S = H K^-1 and a number c. Then
R Gamma(H) = mu R H says Phi(X)(K) = c mu (R S) K, that is R S = rho / (c mu): a multiple of the identity. Scaled to
R S = I, the matrix P = S R is a projection of rank d. Moreover H S^* = S K S^* and G R = R^* L R are positive
semidefinite eigenvectors of Gamma(A; P A P) and of its adjoint, with images Im P and Im P^*. All six equations that
define a reduction thus hold at every such critical point: over the complex numbers, and over the real numbers and the
quaternions if mu is real.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.gradients.ascent import ascend
from algeom.lsrdr.gradients.coordinates import (
    Compressions,
    Coordinates,
    Field,
    FreeTuples,
    TupleParameters,
    embedded_tuple,
)
from algeom.lsrdr.gradients.dominant import Dominant, dominant
from algeom.lsrdr.gradients.norms import SpectralRadiusNorm, TupleNorm
from algeom.lsrdr.gradients.perron import balancing, perron_pair
from algeom.lsrdr.operators.matrix_families import DenseMatrices
from algeom.lsrdr.operators.superoperators import KrausSuperoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.spectra.spectral_radius import spectral_radius
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, reporter

__all__ = ["GradientResult", "GradientStart", "maximize_similarity"]

Float = NDArray[np.float64]
Parametrization = Literal["free", "projection"]

#: Below this relative distance to the next eigenvalue in modulus a search that did not come to a critical point is said
#: to have ended at a crossing: gradients to either side are then mixed in steps of the size that is left.
_CROSSING = 1e-6

#: A search that ends with a larger relative gradient is not at a critical point, whatever the tolerance asked for. The
#: similarity is then off by about the square.
_CRITICAL = 1e-5

#: Relative difference of similarities up to which starts found the same one: the square of _CRITICAL.
_SAME = 1e-10

#: What is left of R S - I after scaling where R and S make a projection: gradients of size _CRITICAL, times condition.
_IDEMPOTENT = 1e-3

#: Relative imaginary part up to which an eigenvalue is real; complex arithmetic is used for quaternions, and pairs of
#: complex conjugates are far apart where the point is smooth.
_IMAGINARY = 1e-9

#: Passes of L-BFGS from one start; each begins in a balanced gauge, with new curvature.
_PASSES = 4


@dataclass(frozen=True)
class GradientStart:
    """What one start led to.

    Attributes
    ----------
    similarity : float
        With the norm asked for; nan if the search failed.
    gradient_norm : float
        ||gradient of log similarity by X|| ||X||, which no scaling changes.
    separation : float
        Relative gap between the modulus of the dominant eigenvalue and the next.
    evaluations : int
    seconds : float
    outcome : str
        "critical"; "reducible" (the Perron eigenvector of Phi(X) is singular or not unique: invariant subspaces make
        X no better than smaller matrices, or complex numbers in the place of real 2 x 2 matrices); "nonsmooth" (the
        dominant eigenvalue is repeated, up to 1e-6, and the gradient does not vanish); "stopped" (evaluations used up,
        or no further gain); or why it failed.
    """

    similarity: float
    gradient_norm: float
    separation: float
    evaluations: int
    seconds: float
    outcome: str


@dataclass(frozen=True, eq=False, repr=False)
class GradientResult:
    """The best of several local maxima of the similarity.

    Attributes
    ----------
    X : ndarray or Quaternions, shape (r, d, d)
        Scaled to N(X) = 1, in a gauge where both Perron eigenvectors of Phi(X) are equal (for the norm
        rho(Phi(X))^(1/2)).
    similarity : float
    R, S, P : ndarray or Quaternions, shapes (d, n), (n, d), (n, n), or None
        X_j is a multiple of R A_j S with R S = I, and P = S R is a projection. None where the point is not a smooth
        critical point, or for another norm.
    idempotency : float
        The largest entry of R S - I before R and S were corrected to be exact inverses; nan without P.
    eigenvalue : complex
        The dominant eigenvalue of Gamma(A; X), for A scaled to the largest entry 1. Over the reals it may be one of a
        complex pair: such maxima are critical points without a projection.
    multiplicity : int
        How often it is repeated.
    starts : tuple of GradientStart
        In the order of the starts.
    n_agreeing : int
        How many starts found the same similarity, up to 1e-10.
    parametrization, field, norm
        As asked for.
    interrupted : bool
        Whether Ctrl-C ended the search early.
    evidence : Evidence
        LOWER_BOUND of the maximum: nothing proves that a local maximum is global.
    seed : int
    """

    X: Any
    similarity: float
    R: Any
    S: Any
    P: Any
    idempotency: float
    eigenvalue: complex
    multiplicity: int
    starts: tuple[GradientStart, ...]
    n_agreeing: int
    parametrization: Parametrization
    field: Field
    norm: TupleNorm
    interrupted: bool
    evidence: Evidence
    seed: int

    @property
    def evaluations(self) -> int:
        """Evaluations of similarity and gradient, over all starts."""
        return sum(start.evaluations for start in self.starts)

    @property
    def seconds(self) -> float:
        """Time of all starts."""
        return sum(start.seconds for start in self.starts)

    @property
    def similarities(self) -> tuple[float, ...]:
        """The different similarities of critical points found, the largest first."""
        values = sorted((start.similarity for start in self.starts if start.outcome == "critical"), reverse=True)
        kept: list[float] = []
        for value in values:
            if not kept or value < kept[-1] * (1 - _SAME):
                kept.append(value)
        return tuple(kept)

    def __repr__(self) -> str:
        notes = [f"similarity {self.similarity:.12g}", f"{self.n_agreeing} of {len(self.starts)} starts agree"]
        if self.P is None:
            pair = self.field != "complex" and abs(self.eigenvalue.imag) > _IMAGINARY * abs(self.eigenvalue)
            notes.append("no projection: complex dominant eigenvalues" if pair else "no projection")
        if self.interrupted:
            notes.append("interrupted")
        notes.append(f"{self.field}, {self.parametrization}, {self.evaluations} evaluations, {self.seconds:.2g} s")
        return f"GradientResult({'; '.join(notes)}; {self.evidence})"

    def __str__(self) -> str:
        rows = [repr(self), f"{'start':>5} {'similarity':>16} {'gradient':>9} {'gap':>8} {'evaluations':>11}  outcome"]
        for k, s in enumerate(self.starts):
            numbers = f"{s.similarity:16.12f} {s.gradient_norm:9.1e} {s.separation:8.1e} {s.evaluations:11d}"
            rows.append(f"{k:5d} {numbers}  {s.outcome}")
        return "\n".join(rows)


def maximize_similarity(
    A: Any,
    d: int,
    *,
    parametrization: Parametrization = "free",
    norm: TupleNorm | None = None,
    field: Field | None = None,
    starts: int | Sequence[Any] = 8,
    tol: float = 1e-8,
    max_evaluations: int = 5000,
    rng: seeds.RandomState = None,
    progress: Progress = False,
) -> GradientResult:
    """Maximize the L2-spectral radius similarity between a tuple and tuples of d x d matrices by L-BFGS.

    Parameters
    ----------
    A : array_like or Quaternions, shape (r, n, n)
    d : int
        Size of the matrices looked for, from 1 to n.
    parametrization : {"free", "projection"}
        All entries of X, or X_j = R A_j S with R (d, n) and S (n, d).
    norm : TupleNorm, optional
        N in rho(Gamma(A; X)) / (rho(Phi(A))^(1/2) N(X)); by default rho(Phi(X))^(1/2), which gives the similarity. Over
        the quaternions, N of the complex embedding.
    field : {"real", "complex", "quaternion"}, optional
        Where the entries of X are looked for; by default the field of the entries of A.
    starts : int or sequence
        Number of random starts, or the tuples X (arrays or Quaternions, for "free") to start from.
    tol : float
        For the gradient of log similarity by X, times the norm of X.
    max_evaluations : int
        For each start.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    GradientResult

    Raises
    ------
    InputError
        If an argument does not fit, or rho(Phi(A)) = 0: then every similarity is 0 / 0.
    GenericityError
        If all searches failed.

    Notes
    -----
    Where several eigenvalues of Gamma(A; X) have the largest modulus, the similarity is the largest of smooth
    functions, and has a local maximum only where all of them do: searches pass such kinks, and one that ends there is
    marked "nonsmooth". Kinks of rho(Phi(X)) point the other way, and can be maxima: X is then reducible, and marked
    so. An eigenvalue that is repeated for all X nearby, as for octonions, is no kink: its derivative is the mean over
    the copies.

    Over the reals there are local maxima where the dominant eigenvalues of Gamma(A; X) are a pair of complex
    conjugates. No real reduction belongs to them, and no P is given.

    Up to size n d = 160 all eigenvalues are computed, beyond that a few by ARPACK.

    References
    ----------
    R. B. Lehoucq, D. C. Sorensen, C. Yang, ARPACK Users' Guide (1998).

    Examples
    --------
    >>> A = np.random.default_rng(0).standard_normal((3, 5, 5))
    >>> found = maximize_similarity(A, 2, rng=1)
    >>> round(found.similarity, 6), found.P.shape, bool(found.idempotency < 1e-6)
    (0.966283, (5, 5), True)
    """
    seed, _ = seeds.resolve(rng)
    matrices, field = embedded_tuple(A, field)
    scale = 2 if field == "quaternion" else 1
    n = matrices.shape[1] // scale
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or not 1 <= d <= n:
        raise InputError(f"d={d!r}; give an integer from 1 to {n}, the size of the matrices of A")
    if parametrization not in ("free", "projection"):
        raise InputError(f"parametrization={parametrization!r}; give 'free' or 'projection'")
    if not tol > 0 or max_evaluations < 1:
        raise InputError(f"tol={tol!r}, max_evaluations={max_evaluations!r}; give positive numbers")
    norm = SpectralRadiusNorm() if norm is None else norm
    # Scaling A changes nothing, and squares of its entries then neither overflow nor underflow.
    largest = float(np.abs(matrices).max())
    if largest == 0:
        raise InputError("all matrices of A are zero; similarities to it are not defined")
    family = DenseMatrices(matrices / largest)
    radius = spectral_radius(KrausSuperoperator(family), rng=seeds.derive(seed, "rho(Phi(A))")).value
    if radius == 0:
        raise InputError(
            f"A is nilpotent: all products of {n} of its matrices vanish, up to rounding, so that rho(Phi(A)) = 0 and "
            "no similarity to A is defined; give a tuple with a product that has an eigenvalue other than 0"
        )
    r, d = family.r, int(d)
    entries = Coordinates(field, (r, d, d))
    space: TupleParameters = FreeTuples(entries)
    if parametrization == "projection":
        space = Compressions(family, Coordinates(field, (d, n)), Coordinates(field, (n, d)))
    search = _Search(family, space, entries, norm, math.log(radius) / 2, tol, max_evaluations)
    points = _starting_points(space, starts, seed)
    ends: list[_End] = []
    with reporter(progress) as report:
        report.start("gradient starts", total=len(points))
        for point in points:
            ends.append(search.run(point))
            report.advance(similarity=round(ends[-1].record.similarity, 8))
            if ends[-1].interrupted:
                break
    return _result(search, ends, parametrization, seed)


@dataclass(frozen=True, eq=False)
class _End:
    """Where the search from one start ended; no tuple if it failed."""

    record: GradientStart
    X: Array | None
    interrupted: bool


class _Search:
    """Local maximization of log similarity from one start after the other."""

    def __init__(
        self,
        family: DenseMatrices,
        space: TupleParameters,
        entries: Coordinates,
        norm: TupleNorm,
        log_radius: float,
        tol: float,
        max_evaluations: int,
    ) -> None:
        self.family = family
        self.space = space
        self.entries = entries
        self.norm = norm
        self.log_radius = log_radius
        self.tol = tol
        self.max_evaluations = max_evaluations
        self._near: Dominant | None = None

    def log_similarity(self, X: Array) -> tuple[float, Array, Dominant]:
        """Log similarity, its gradient by X, and the dominant eigenvalue."""
        top = self._near = dominant(self.family, X, self._near)
        log_norm, gradient = self.norm.log_and_gradient(X)
        if not top.value or log_norm == -math.inf:
            return -math.inf, np.zeros_like(X), top
        return math.log(abs(top.value)) - log_norm - self.log_radius, top.log_gradient(self.family) - gradient, top

    def objective(self, x: Float) -> tuple[float, Float]:
        """Log similarity and its gradient by the parameters."""
        value, gradient, _ = self.log_similarity(self.space.matrices(x))
        return value, self.space.pull_back(x, gradient)

    def run(self, x: Float) -> _End:
        """Search from one start: passes of L-BFGS until the gradient vanishes or nothing is gained."""
        self._near = None
        evaluations, seconds, previous = 0, 0.0, math.inf
        try:
            for _ in range(_PASSES):
                x = _normalized(self.space, self.norm, x)
                # No entry larger than this: a norm at most tol.
                ended = ascend(
                    self.objective,
                    x,
                    tol=self.tol / math.sqrt(self.space.count),
                    max_evaluations=self.max_evaluations - evaluations,
                )
                x, evaluations, seconds = ended.point, evaluations + ended.evaluations, seconds + ended.seconds
                X = self.space.matrices(x)
                value, gradient, top = self.log_similarity(X)
                by_entries, size = self.entries.pull_back(gradient), np.linalg.norm(self.entries.coordinates(X))
                slope = float(np.linalg.norm(by_entries) * size)
                gained = slope > self.tol and slope <= previous / 2
                if ended.interrupted or not gained or evaluations >= self.max_evaluations:
                    break
                previous = slope
        except GenericityError as error:
            return _End(GradientStart(math.nan, math.nan, math.nan, evaluations, seconds, str(error)), None, False)
        if value == -math.inf:
            outcome = "failed: the similarity is 0 at the start, where it has no gradient"
            return _End(GradientStart(0.0, math.nan, 0.0, evaluations, seconds, outcome), None, ended.interrupted)
        if isinstance(self.norm, SpectralRadiusNorm) and perron_pair(X) is None:
            outcome = "reducible"
        elif slope <= max(self.tol, _CRITICAL):
            outcome = "critical"
        elif top.separation < _CROSSING or not math.isfinite(top.condition):
            outcome = "nonsmooth"
        else:
            outcome = "stopped"
        record = GradientStart(math.exp(value), slope, top.separation, evaluations, seconds, outcome)
        return _End(record, X, ended.interrupted)


def _normalized(space: TupleParameters, norm: TupleNorm, x: Float) -> Float:
    """Parameters of the same tuple up to scale and gauge with N(X) = 1 and, if N allows, a balanced gauge."""
    X = space.matrices(x)
    C = balancing(X) if isinstance(norm, SpectralRadiusNorm) else None
    x = space.conjugated(x, np.eye(X.shape[1]) if C is None else C, 1.0)
    log_norm, _ = norm.log_and_gradient(space.matrices(x))
    return x if log_norm == -math.inf else space.conjugated(x, np.eye(X.shape[1]), math.exp(-log_norm))


def _starting_points(space: TupleParameters, starts: int | Sequence[Any], seed: int) -> list[Float]:
    if isinstance(starts, (int, np.integer)):
        if starts < 1 or isinstance(starts, bool):
            raise InputError(f"starts={starts}; give at least one, or a list of tuples X to start from")
        return [seeds.derive(seed, "gradient start", k).standard_normal(space.count) for k in range(starts)]
    if not isinstance(space, FreeTuples):
        raise InputError("tuples to start from are for parametrization='free'; give the number of random starts")
    points = []
    for k, start in enumerate(starts):
        name = f"starts[{k}]"
        X, _ = embedded_tuple(start, space.entries.field, name)
        expected = space.entries.matrices(np.zeros(space.count)).shape
        if X.shape != expected:
            raise InputError(f"{name} has matrices of shape {X.shape}; expected {expected} (embedded, if quaternionic)")
        points.append(space.entries.coordinates(X))
    if not points:
        raise InputError("starts is empty; give at least one tuple X to start from, or a number of random starts")
    return points


def _result(search: _Search, ends: list[_End], parametrization: Parametrization, seed: int) -> GradientResult:
    found = [end for end in ends if end.X is not None]
    if not found:
        reasons = "; ".join(dict.fromkeys(end.record.outcome for end in ends))
        raise GenericityError(f"none of {len(ends)} searches found a tuple ({reasons}); use other starts (rng=...)")
    best = max(found, key=lambda end: end.record.similarity)
    assert best.X is not None
    entries = search.entries
    normalized = _normalized(FreeTuples(entries), search.norm, entries.coordinates(best.X))
    X = entries.matrices(normalized)
    top = dominant(search.family, X)
    factors = None
    if best.record.outcome == "critical" and isinstance(search.norm, SpectralRadiusNorm):
        factors = _projection_factors(X, top, entries.field)
    R = S = P = None
    idempotency = math.nan
    if factors is not None:
        d, n = entries.shape[-1], search.family.n // (2 if entries.field == "quaternion" else 1)
        R, S, idempotency = factors
        P = Coordinates(entries.field, (n, n)).public(S @ R)
        R, S = Coordinates(entries.field, (d, n)).public(R), Coordinates(entries.field, (n, d)).public(S)
    similarity = best.record.similarity
    agreeing = sum(end.record.similarity >= similarity * (1 - _SAME) for end in found)
    critical = sum(end.record.outcome == "critical" for end in ends)
    reason = f"the best of {len(ends)} local searches, {critical} of which ended at smooth critical points"
    return GradientResult(
        X=entries.public(X),
        similarity=similarity,
        R=R,
        S=S,
        P=P,
        idempotency=idempotency,
        eigenvalue=top.value,
        multiplicity=top.multiplicity,
        starts=tuple(end.record for end in ends),
        n_agreeing=agreeing,
        parametrization=parametrization,
        field=entries.field,
        norm=search.norm,
        interrupted=any(end.interrupted for end in ends),
        evidence=Evidence(Status.LOWER_BOUND, math.nan, reason),
        seed=seed,
    )


def _projection_factors(X: Array, top: Dominant, field: Field) -> tuple[Array, Array, float] | None:
    """R and S with R S = I such that X_j is a multiple of R A_j S, and how far R S was from a multiple of I."""
    pair = perron_pair(X)
    if (
        pair is None
        or top.multiplicity > 1
        or (field != "complex" and abs(top.value.imag) > _IMAGINARY * abs(top.value))
    ):
        return None
    R, S = np.linalg.solve(pair[1], top.left[0].conj().T), top.right[0] @ np.linalg.inv(pair[0])
    d = X.shape[1]
    scale = np.trace(R @ S) / d
    if abs(scale) == 0:
        return None
    S = S / scale
    if field != "complex":
        R, S = _structured(R, field), _structured(S, field)
    off = float(np.abs(R @ S - np.eye(d)).max())
    if not off <= _IDEMPOTENT:
        return None
    R = np.linalg.solve(R @ S, R)
    balance = math.sqrt(np.linalg.norm(S) / np.linalg.norm(R))
    return R * balance, S / balance, off


def _structured(M: Array, field: Field) -> Array:
    """A real or quaternionic matrix that was found up to a complex factor of modulus one, which is removed."""
    if field == "real":
        square = (M * M).sum()
    else:
        n, m = M.shape[0] // 2, M.shape[1] // 2
        square = (M[:n, :m] * M[n:, m:] - M[:n, m:] * M[n:, :m]).sum()
    M = M * np.exp(-0.5j * np.angle(square))
    return np.ascontiguousarray(M.real) if field == "real" else M

"""Generalized singular value decompositions of callables, networks, polynomial maps and samples."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.decomposition.estimation import CoordinateRule, EllipsoidRule, Estimate, Fit, adversarial_fit
from algeom.gsvd.decomposition.problem import Problem, SampledProblem
from algeom.gsvd.decomposition.result import GSVD, require_factor
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Box, Domain, Samples, Sphere, as_domain
from algeom.gsvd.gains.ascent import gain_vectors, require_bounded_gains, starting_points
from algeom.gsvd.gains.noise import Resolution, resolution
from algeom.gsvd.norms.bounds import NormBounds, norm_bounds
from algeom.maps.relabelling import check_integer
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, derive, resolve

__all__ = ["gsvd"]

Float = NDArray[np.float64]

#: Random points and factors at which callables are tested for positive homogeneity, and the relative difference that is
#: rounding (of single precision; a bias of any weight makes more).
_TESTS, _FACTORS, _HOMOGENEOUS = 16, (0.125, 8.0), 1e-5
#: Random points of the domain to begin with: as many as the dimension of the space of symmetric matrices times the
#: first number, within these bounds. The adversarial rounds add what matters.
_COUNT, _LEAST_COUNT, _MOST_COUNT = 4, 1000, 20_000
#: Least norm of gains as part of the largest, from which on a note says so: it is below for double precision if nothing
#: is subtracted from outputs that is much larger than their changes.
_COARSE = 1e-4
#: Factor by which a certificate may enlarge sigma without a note.
_FAR_FROM_FIT = 2.0
#: Errors of the orthogonality of given axes, which then are replaced by the nearest orthogonal matrix.
_ORTHOGONAL = 1e-10
#: Certified size of outputs outside of the span, relative to sigma_1 |x|, that lifts may leave out.
_OUTSIDE = 1e-9
#: Rounding errors of outputs of linear maps, in units of rounding of the offset.
_LINEAR_NOISE = 8
#: Samples this near to zero, as a quantile, do not set the level of noise.
_NEAREST = 0.01
#: The duality gap of ellipsoids: the least that can be asked for, since errors of semi-axes can be its square root, and
#: are where gains fill an arc of the ellipse, as those of ReLU in the plane do.
_GAP = 1e-13


def gsvd(
    f: Any = None,
    domain: Domain | Samples | float | tuple[float, float] | None = None,
    *,
    samples: tuple[ArrayLike, ArrayLike] | None = None,
    n_inputs: int | None = None,
    x0: ArrayLike | None = None,
    offset: bool | ArrayLike = False,
    method: Literal["auto", "ellipsoid", "coordinate"] = "auto",
    axes: ArrayLike | Literal["identity", "principal"] = "identity",
    certify: bool | Literal["auto", "exact", "lipschitz"] = False,
    lipschitz: float | None = None,
    max_pieces: int = 100_000,
    inflation: float = 1.0,
    tol: float = 1e-8,
    n_samples: int | None = None,
    starts: int = 64,
    rounds: int = 30,
    rank_tol: float | None = None,
    rng: RandomState = None,
    progress: Progress = False,
    memory_limit: Any = None,
) -> GSVD:
    """Generalized singular value decomposition ``f(x) = U Sigma v(x)`` with ``|v(x)| = |x|``.

    Parameters
    ----------
    f : callable, matrix, Layers, PolynomialMap, torch.nn.Module or ONNX model, optional
        Takes batches of rows, (N, n) to (N, p): see `algeom.gsvd.as_function`. Not needed with `samples`.
    domain : Sphere, Ball, Annulus, Box, Samples, float or pair of float, optional
        Where gains are taken, in coordinates relative to `x0`. A radius stands for a ball, two radii for an annulus. By
        default all inputs, for which f has to be positively homogeneous: ``f(a x) = a f(x)`` for a >= 0.
    samples : pair of array_like, shapes (N, n) and (N, p), optional
        Inputs and outputs, instead of a domain. With f as well, outputs at other points can be computed.
    n_inputs : int, optional
        Needed for callables.
    x0 : array_like, shape (n,), optional
        Decompose ``d -> f(x0 + d) - f(x0)``: lifts then have the distances to x0 as norms.
    offset : bool or array_like, shape (p,)
        True: subtract f(0) (of samples, the output at 0). Or what to subtract. Reconstructions put it back. With `x0`
        it is f(x0), and only has to be given for samples that do not contain x0.
    method : {"auto", "ellipsoid", "coordinate"}
        "ellipsoid": the centered ellipsoid of least volume that contains all gains ``y(x) = f(x) / |x|``. "coordinate":
        given axes, each with its largest gain, all enlarged by the least factor that covers all gains, at most sqrt(p);
        cheaper, and not less admissible. "auto": the singular value decomposition of a linear map, the ellipsoid
        otherwise.
    axes : {"identity", "principal"} or array_like, shape (p, p)
        Of the coordinate rule: an orthogonal matrix U, or the eigenvectors of the mean of ``y y^T``.
    certify : bool or {"auto", "exact", "lipschitz"}
        Whether to prove admissibility on the whole domain: sigma is enlarged by the certified upper bound of the gain
        utilisation that `norm_bounds` gives (with this method). For linear maps, networks and polynomial maps, and
        whatever has a known Lipschitz constant.
    lipschitz : float, optional
        A Lipschitz constant of f on the domain, on which the certificate then rests.
    max_pieces : int
        Of the certificate: see `norm_bounds`. Where they do not suffice, the bound is coarser, and a note says so.
    inflation : float
        A further factor of sigma, above 1 for a strict pair: see `GSVD.inflate`.
    tol : float
        The search for gains outside ends when none is found further out than this, relatively, in two rounds.
    n_samples : int, optional
        Random points to begin with; by default ``2 p (p + 1)``, at least 1000 and at most 20 000.
    starts, rounds : int
        Of the local maximizations of ``|Sigma^-1 U^T y|`` in each round, and rounds at most; 0 rounds: random points
        only.
    rank_tol : float, optional
        As for `minimum_volume_ellipsoid`.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    memory_limit : int or str, optional

    Returns
    -------
    GSVD
        If interrupted, the fit to the points found until then.

    Raises
    ------
    InputError
        If f(0) is not zero and no offset is given, f is constant, gains are unbounded near 0 or not finite, a domain is
        missing, shapes do not fit, or no certified bound is known.

    Notes
    -----
    *Published* [1]_ [2]_: the definition, and that every f with f(0) = 0 and finite 2-induced norm ``|f| = sup |f(x)| /
    |x|`` has such a decomposition, with v injective, Sigma of shape (p, m) with m >= p + n, and ``|f| <= sigma_1``;
    that sigma_1 need not be near the norm; and estimation from data by coordinate gains.

    *Our own reconstruction*: (U, sigma) is admissible if all gains are in the ellipsoid ``|Sigma^-1 U^T y| <= 1``.
    Every admissible pair has the lift ``v(x) = (Sigma^-1 U^T f, sqrt(1 - h^2 / |x|^2) x)`` with ``h = |Sigma^-1 U^T
    f|``, and m = p + n. Among them the ellipsoid of least volume (Loewner-John) is chosen. For a linear map of full row
    rank it is the image of the unit ball, so that U and sigma are those of the singular value decomposition; and for
    every invertible D the ellipsoid of D f is the image under D of that of f. On a domain it is fitted to random gains
    and to those that an adversarial search adds until it finds none outside. Its status says LOWER_BOUND unless it is
    certified: a search can miss a gain.

    References
    ----------
    .. [1] arXiv:2404.00112.
    .. [2] arXiv:2605.06938.

    Examples
    --------
    >>> from algeom.gsvd import gsvd
    >>> decomposition = gsvd(lambda x: np.maximum(x, 0) * [3.0, 1.0], n_inputs=2, rng=0)
    >>> decomposition.sigma.round(6)
    array([3., 1.])
    >>> strict = decomposition.inflate(1.01)
    >>> x = np.array([[1.0, 2.0], [-1.0, 0.5]])
    >>> z = strict.lift(x)
    >>> np.allclose(strict.left_inverse(z), x), np.allclose(strict.reconstruct(z), [[3, 2], [0, 0.5]])
    (True, True)
    >>> gsvd([[3.0, 0.0], [4.0, 5.0]]).sigma.round(6)
    array([6.708204, 2.236068])
    """
    seed, _ = resolve(rng)
    if method not in ("auto", "ellipsoid", "coordinate"):
        raise InputError(f'method={method!r}: choose "auto", "ellipsoid" or "coordinate"')
    if not isinstance(tol, (int, float)) or not 0 < tol < 1:
        raise InputError(f"tol={tol!r}: expected a number between 0 and 1")
    if certify not in (False, True, "auto", "exact", "lipschitz"):
        raise InputError(f'certify={certify!r}: choose True, False, "exact" or "lipschitz"')
    if method != "coordinate" and not (isinstance(axes, str) and axes == "identity"):
        raise InputError('axes serve the coordinate rule only; give method="coordinate" as well')
    for name, value, least in (("starts", starts, 1), ("rounds", rounds, 0)):
        check_integer(name, value, least)
    if n_samples is not None:
        check_integer("n_samples", n_samples, 1)
    if n_inputs is not None:
        check_integer("n_inputs", n_inputs, 1)
    require_factor("inflation", inflation)
    if lipschitz is not None and not certify:
        raise InputError("a Lipschitz constant serves certificates only; give certify=True as well")
    if samples is not None and domain is not None:
        raise InputError("samples and a domain were given; give samples=..., or f and a domain")
    if samples is None and f is None:
        raise InputError("there is nothing to decompose: give f, or samples=(inputs, outputs)")
    rule = _Rule(method, axes, _GAP, rank_tol, memory_limit, seed)
    if certify and (samples is not None or isinstance(domain, Samples)):
        raise InputError("nothing can be certified from samples: give f with a domain, or certify=False")
    if samples is not None:
        if not isinstance(samples, (tuple, list)) or len(samples) != 2:
            raise InputError("samples are a pair of arrays: (N, n) inputs and (N, p) outputs")
        result = _of_samples(SampledProblem.of(f, *samples, n_inputs, x0, offset), rule)
    elif isinstance(domain, Samples):
        result = _of_samples(SampledProblem.of(f, domain.points, None, n_inputs, x0, offset), rule)
    else:
        problem = Problem.of(f, n_inputs, x0, offset, domain)
        function = problem.function
        region = as_domain(domain, function.n_inputs)
        if certify:
            _require_bounds(function, region, lipschitz)
        if function.is_linear and method == "auto" and not isinstance(region, Box):
            result = _linear(problem, region, seed)
        else:
            region, resolved, notes = _checked_domain(region, problem, lipschitz, seed)
            with reporter(progress) as report:
                found = adversarial_fit(
                    function, region, rule.of_function(function, region, resolved), resolved,
                    count=n_samples or _count(function.n_outputs), starts=starts, rounds=rounds, tol=tol, seed=seed,
                    report=report,
                )  # fmt: skip
            result = _searched(problem, region, resolved, rule, found, notes)
    if certify:
        result = _certified(result, "auto" if certify is True else certify, lipschitz, max_pieces, progress)
    return result if inflation == 1 else result.inflate(inflation)


# Where to decompose it


def _checked_domain(
    region: Domain | None, problem: Problem, lipschitz: float | None, seed: int
) -> tuple[Domain, Resolution, tuple[str, ...]]:
    """The domain, by default the sphere, what can be told of gains there, and what that rests on."""
    function = problem.function

    def resolved(domain: Domain) -> Resolution:
        return resolution(function, domain, problem.x0, problem.offset, problem.unit, derive(seed, "noise"))

    if region is not None:
        found = resolved(region)
        if function.layers is None and function.polynomials is None and lipschitz is None:
            require_bounded_gains(function, region, derive(seed, "near zero"), float(np.linalg.norm(found.noise)))
        least = found.part * region.high
        if found.part > _COARSE and region.low < least:
            size = float(np.linalg.norm(found.noise))
            return region, found, (
                f"outputs have rounding errors of about {size:.1g}, so that gains at |d| < {least:.2g} were left out",
            )  # fmt: skip
        return region, found, ()
    sphere = Sphere(function.n_inputs)
    if function.is_positively_homogeneous:
        return sphere, resolved(sphere), ()
    x = sphere.sample(derive(seed, "homogeneity"), _TESTS)
    values = function(x)
    for factor in _FACTORS:
        if np.abs(function(factor * x) / factor - values).max() > _HOMOGENEOUS * np.abs(values).max():
            raise InputError(
                "f is not positively homogeneous, so that its gains depend on |x|, and no domain is given; give one: a "
                "radius, two radii, a Ball, an Annulus or a Box"
            )
    return sphere, resolved(sphere), (
        f"f was taken to be positively homogeneous, as it is at {_TESTS} random points, scaled by 1/8 and 8",
    )  # fmt: skip


def _count(p: int) -> int:
    return min(max(_COUNT * p * (p + 1) // 2, _LEAST_COUNT), _MOST_COUNT)


# How to decompose it


@dataclass(frozen=True, eq=False)
class _Rule:
    """Which of the admissible pairs to take."""

    method: str
    axes: Any
    gap: float
    rank_tol: float | None
    memory_limit: Any
    seed: int

    @property
    def name(self) -> str:
        return "coordinate" if self.method == "coordinate" else "ellipsoid"

    def of_gains(self, gains: Float, noise: Float, unit: float) -> EllipsoidRule | CoordinateRule:
        """The rule for gains like these, with these absolute and relative rounding errors."""
        if self.name == "ellipsoid":
            return EllipsoidRule(self.gap, self.rank_tol, self.memory_limit, noise, unit)
        p = gains.shape[1]
        if isinstance(self.axes, str):
            if self.axes not in ("identity", "principal"):
                raise InputError(f'axes={self.axes!r}: choose "identity" or "principal", or give an orthogonal matrix')
            principal = self.axes == "principal"
            found = np.linalg.svd(gains, full_matrices=True)[2].T if principal else np.eye(p)
            return CoordinateRule(found, noise, unit)
        try:
            matrix = np.array(self.axes, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"axes are no matrix of real numbers: {error}") from error
        if matrix.shape != (p, p) or not np.allclose(matrix.T @ matrix, np.eye(p), rtol=0.0, atol=_ORTHOGONAL):
            raise InputError(f"axes of the shape {matrix.shape}: expected an orthogonal matrix of shape ({p}, {p})")
        left, _, right = np.linalg.svd(matrix)
        return CoordinateRule(left @ right, noise, unit)

    def of_function(
        self, function: BatchFunction, region: Domain, resolved: Resolution
    ) -> EllipsoidRule | CoordinateRule:
        """The rule for a map on a domain; principal axes are those of random gains."""
        around = region.without_origin(resolved.part)
        x = starting_points(function, around, derive(self.seed, "axes"), _LEAST_COUNT)
        return self.of_gains(gain_vectors(function, x), resolved.gain_noise, resolved.unit)


def _linear(problem: Problem, region: Domain | None, seed: int) -> GSVD:
    """The singular value decomposition."""
    function = problem.function
    matrix = function(np.eye(function.n_inputs)).T
    U, found, right = np.linalg.svd(matrix, full_matrices=True)
    sigma = np.append(found, np.zeros(len(U) - len(found)))
    if not sigma[0]:
        raise InputError("f is constant: f - f(0) is the zero map, and there is nothing to decompose")
    rank = int(np.count_nonzero(sigma > max(matrix.shape) * np.finfo(np.float64).eps * sigma[0]))
    sigma[rank:] = 0.0
    notes = () if rank == len(U) else (f"f has rank {rank}: sigma is 0 in {noun_count(len(U) - rank, 'direction')}",)
    radius = 1.0 if region is None else region.high
    return GSVD(
        U=U, sigma=sigma, rank=rank, x0=problem.x0, offset=problem.offset, method="svd", norm_lower=float(sigma[0]),
        norm_upper=float(sigma[0]), witness=radius * right[0], inflation=1.0,
        evidence=Evidence(Status.NUMERICAL, math.nan, "singular value decomposition of the matrix of a linear map"),
        inputs=radius * right[: len(found)], gains=(U[:, : len(found)] * found).T, function=function, domain=region,
        noise=_LINEAR_NOISE * problem.unit * np.abs(problem.offset), notes=notes, seed=seed,
    )  # fmt: skip


def _searched(
    problem: Problem, region: Domain, resolved: Resolution, rule: _Rule, found: Estimate, notes: tuple[str, ...]
) -> GSVD:
    """The result of an adversarial search."""
    fit, count = found.fit, len(found.gains)
    if found.interrupted:
        notes += ("the search for gains outside was interrupted",)
    elif found.rounds and not found.settled:
        notes += (
            f"the search ended after {noun_count(found.rounds, 'round')}, while it still found gains outside (by "
            f"{found.violation:.1e} in the last one); more rounds or starts will find more",
        )
    elif not found.rounds:
        notes += ("no search for gains outside was made (rounds=0)",)
    reason = f"covers {count} gains that were seen"
    if found.settled:
        reason += f", and the last of {found.rounds} rounds of local maximization found none outside"
    off_span = _off_span(fit, found.gains)
    return GSVD(
        U=fit.axes, sigma=fit.sigma, rank=fit.rank, x0=problem.x0, offset=problem.offset, method=rule.name,
        norm_lower=found.norm, norm_upper=_sigma_bound(fit, off_span), witness=found.witness, inflation=1.0,
        evidence=Evidence(Status.LOWER_BOUND, math.nan, f"{reason}; a search can miss a gain"),
        inputs=found.inputs, gains=found.gains, function=problem.function, domain=region, ellipsoid=fit.ellipsoid,
        off_span=off_span, noise=resolved.noise, rounds=found.rounds, violation=found.violation,
        notes=(*notes, *_rank_notes(fit.rank, len(fit.sigma), count)), seed=rule.seed, interrupted=found.interrupted,
    )  # fmt: skip


def _of_samples(data: SampledProblem, rule: _Rule) -> GSVD:
    """The fit to samples alone."""
    gains, count = data.gains, len(data.gains)
    sizes = np.linalg.norm(data.inputs, axis=1)
    noise = data.noise / float(np.quantile(sizes, _NEAREST))
    fit = rule.of_gains(gains, noise, data.unit).fit(gains)
    # The rules cover all gains up to rounding; this much more, and the lift of each sample exists.
    fit = fit.scaled(max(1.0, float(np.linalg.norm(gains @ fit.root.T, axis=1).max())))
    norms = np.linalg.norm(gains, axis=1) * (1 - data.unit) - float(np.linalg.norm(data.noise)) / sizes
    top = int(norms.argmax())
    off_span = _off_span(fit, gains)
    gap = "" if fit.ellipsoid is None else f", duality gap {fit.ellipsoid.gap:.1e}"
    return GSVD(
        U=fit.axes, sigma=fit.sigma, rank=fit.rank, x0=data.x0, offset=data.offset, method=rule.name,
        norm_lower=float(norms[top]), norm_upper=_sigma_bound(fit, off_span), witness=data.inputs[top], inflation=1.0,
        evidence=Evidence(
            Status.NUMERICAL, math.nan,
            f"covers the gains of {noun_count(count, 'sample')}{gap}; says nothing about other inputs",
        ),
        inputs=data.inputs, gains=gains, function=data.function, domain=Samples(data.inputs), ellipsoid=fit.ellipsoid,
        off_span=off_span, noise=data.noise, notes=_rank_notes(fit.rank, len(fit.sigma), count),
        seed=rule.seed,
    )  # fmt: skip


def _off_span(fit: Fit, gains: Float) -> float:
    outside = np.linalg.norm(gains @ fit.axes[:, fit.rank :], axis=1)
    return float(outside.max()) / float(fit.sigma[0])


def _sigma_bound(fit: Fit, off_span: float) -> float:
    """sigma_1; more if what outputs have outside of the span is more than rounding errors."""
    return float(fit.sigma[0]) * (math.hypot(1.0, off_span) if off_span > _OUTSIDE else 1.0)


def _rank_notes(rank: int, p: int, count: int) -> tuple[str, ...]:
    if rank == p:
        return ()
    if count < p:
        return (
            f"{noun_count(count, 'gain')} cannot span {p} outputs: sigma is 0 in {noun_count(p - rank, 'direction')} "
            "because nothing was seen there",
        )
    return (f"the outputs seen span {rank} of {p} dimensions: sigma is 0 in the others, where lifts do not exist",)


def _require_bounds(function: BatchFunction, region: Domain | None, lipschitz: float | None) -> None:
    """Refuse what nothing can be proved of, before a search."""
    phi = function.polynomials
    known = function.is_linear or function.layers is not None or (phi is not None and phi.is_polynomial)
    if lipschitz is None and not known:
        raise InputError(
            f"no certified bound is known for {function}: give Layers, a PolynomialMap or a matrix, a Lipschitz "
            "constant (lipschitz=...), or certify=False"
        )
    if region is None and not function.is_positively_homogeneous:
        raise InputError(
            "a certificate needs a domain: that f is positively homogeneous is known of linear maps and of piecewise "
            "linear layers without biases only; give a radius, two radii, a Ball, an Annulus or a Box"
        )


def _certified(result: GSVD, method: Any, lipschitz: float | None, max_pieces: int, progress: Progress) -> GSVD:
    """The same with sigma enlarged by a certified bound of the gain utilisation on the whole domain."""
    root = (result.U[:, : result.rank] / result.sigma[: result.rank]).T
    seed = int(derive(result.seed, "bounds").integers(1 << 62))

    def bounds(of: Float | None) -> NormBounds:
        return norm_bounds(
            result.function, result.domain, root=of, method=method, lipschitz=lipschitz, max_pieces=max_pieces,
            rng=seed, progress=progress,
        )  # fmt: skip

    admissibility, norm = bounds(root), bounds(None)
    reason = f"the gain utilisation is at most {admissibility.upper:.12g} before sigma was enlarged by that: "
    if result.rank < len(result.sigma):
        outside = bounds(result.left_null_space.T)
        if outside.upper > _OUTSIDE * result.sigma[0]:
            raise InputError(
                f"outputs were seen in {result.rank} of {len(result.sigma)} dimensions, and it cannot be excluded that "
                f"others leave this span by {outside.upper:.3g} |x|; fit to more points, or give certify=False"
            )
        reason = f"outputs leave the span by at most {outside.upper:.2g} |x|; {reason}"
    factor, notes = max(1.0, admissibility.upper), result.notes
    if admissibility.interrupted or norm.interrupted:
        notes += ("the certificate was interrupted: its bounds are proved, and coarser than they could be",)
    if factor > _FAR_FROM_FIT:
        notes += (
            f"sigma was enlarged {factor:.3g} times: the certified bound is coarse, or the search missed gains; an "
            f"attack finds a gain utilisation of {admissibility.lower:.6g}",
        )
    return replace(
        result, sigma=result.sigma * factor, norm_lower=max(result.norm_lower, norm.lower),
        norm_upper=min(norm.upper, float(result.sigma[0]) * factor), notes=notes,
        witness=norm.witness if norm.lower > result.norm_lower else result.witness,
        evidence=Evidence(admissibility.evidence.status, admissibility.evidence.log10_error, reason +
        admissibility.evidence.reason), admissibility=admissibility, norm_bounds=norm, interrupted=result.interrupted or
        admissibility.interrupted or norm.interrupted,
    )  # fmt: skip

"""Which inputs have a given embedding: from embeddings that are damaged or known in part, and from outputs alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.gsvd.decomposition.result import GSVD
from algeom.gsvd.functions.domains import Box, Domain, Samples, Sphere
from algeom.gsvd.probes.partial_embeddings import Target
from algeom.maps.relabelling import check_integer
from algeom.maps.tape import noun_count
from algeom.runtime import memory
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["InputReconstruction", "null_inputs", "reconstruct_inputs"]

Float = NDArray[np.float64]

#: Damping of the first step relative to the largest diagonal entry of J^T J, and factors after success and failure:
#: customary choices for the method of Levenberg and Marquardt. Beyond the last, steps are below rounding errors.
_DAMPING, _LESS, _MORE, _MOST = 1e-3, 0.2, 5.0, 1e16
#: Relative length of a step, and residual, below which a point has come to rest: rounding errors of double precision.
_REST, _EXACT = 1e-13, 1e-15
#: Residuals within this factor of the best one are as good: minima of equal value are found to about its square.
_AS_GOOD = 1e-6
#: Inputs closer than this part of their norm are the same: well above the errors of both, which conditioning enlarges.
_SAME = 1e-4
#: Numbers in the Jacobian matrices of one batch: 64 MB.
_BATCH = 1 << 23


@dataclass(frozen=True, eq=False, repr=False)
class InputReconstruction:
    """Inputs recovered from embeddings; made by `reconstruct_inputs`.

    Attributes
    ----------
    inputs : ndarray of float64, shape (N, n)
        Of all inputs found whose embedding is as near as the nearest, the one that is nearest to x0.
    residuals : ndarray of float64, shape (N,)
        Distances of their embeddings from the given ones, in the known coordinates.
    solved : ndarray of bool, shape (N,)
        Whether the residual is below the tolerance. Others are no embeddings, such as damaged ones, and get the nearest
        one that was found, or the search got stuck.
    reached : ndarray of bool, shape (N,)
        Whether all searches were made. After an interruption others have starting points, and nothing is known of
        them: they are not called ambiguous.
    found : tuple of ndarray of float64, shapes (k_i, n)
        All different inputs found that are as good; the first is the one in `inputs`.
    agreeing : ndarray of int64, shape (N,)
        Starts that ended at the input returned.
    freedom : ndarray of int64, shape (N,)
        The largest dimension, at an input in `found`, of the directions in which the known part does not change to
        first order, within the sphere if the domain is one. Positive: as a rule infinitely many others are near.
    starts : int
        For each embedding.
    known : str
        What was given.
    is_injective : bool
        Whether inputs have different embeddings by construction: all coordinates of a strict pair are known.
    error_constants : ndarray of float64, shape (N,)
        See `error_bound`; infinite unless all coordinates of a strict pair are known.
    evidence : Evidence
        NUMERICAL if all rows are solved. LOWER_BOUND if not: what was found is one input, and a search can miss nearer
        ones.
    seed : int
    interrupted : bool
    """

    inputs: Float
    residuals: Float
    solved: NDArray[np.bool_]
    reached: NDArray[np.bool_]
    found: tuple[Float, ...]
    agreeing: NDArray[np.int64]
    freedom: NDArray[np.int64]
    starts: int
    known: str
    is_injective: bool
    error_constants: Float
    evidence: Evidence
    seed: int
    interrupted: bool = False

    @property
    def n_found(self) -> NDArray[np.int64]:
        """How many different inputs were found for each embedding: a lower bound."""
        return np.array([len(inputs) for inputs in self.found], dtype=np.int64)

    @property
    def is_ambiguous(self) -> NDArray[np.bool_]:
        """Where other inputs fit as well: some were found, or the known part leaves directions free."""
        return self.reached & ((self.n_found > 1) | (self.freedom > 0))

    def error_bound(self, noise: float) -> Float:
        """Bounds of the distances to the true inputs, if given embeddings were off by at most the noise.

        Parameters
        ----------
        noise : float
            A bound of ``|z - lift(x)|`` for the true x; ``step sqrt(p + n) / 2`` for embeddings rounded to a step.

        Returns
        -------
        ndarray of float64, shape (N,)
            ``(residual + noise) sqrt(C / a)``, with C of `GSVD.left_inverse_constant` and the `GSVD.null_share` a of
            the input returned: it and x are the left inverses of embeddings that are at most residual + noise apart.
            The search need not have succeeded; but the pair has to be strict at x, which its evidence is about.

        Raises
        ------
        InputError
            If not all coordinates were known, or the pair is not strict: there is no bound.
        """
        if not self.is_injective:
            raise InputError(
                f"known: {self.known}. Errors are bounded only if all coordinates of the embeddings of a strict pair "
                "are known: decomposition.inflate(1.01)"
            )
        if not isinstance(noise, Real) or not 0 <= noise < math.inf:
            raise InputError(f"noise={noise!r}: expected a bound of the error of an embedding, not negative")
        return np.asarray(self.error_constants * (self.residuals + noise))

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the residuals, and where inputs are ambiguous (`algeom.plot.input_reconstruction`); returns Axes."""
        from algeom import plot

        return plot.input_reconstruction(self, ax=ax)

    def __repr__(self) -> str:
        missed = len(self.reached) - int(self.reached.sum())
        cut = f", interrupted with {missed} not reached" if self.interrupted else ""
        return (
            f"InputReconstruction({noun_count(len(self.inputs), 'input')} from {self.known}: {int(self.solved.sum())} "
            f"solved, {int(self.is_ambiguous.sum())} ambiguous, residuals up to {self.residuals.max():.2g}{cut}; "
            f"{self.evidence})"
        )


def reconstruct_inputs(
    decomposition: GSVD,
    z: ArrayLike,
    *,
    known: Literal["all", "values"] | Sequence[int] | NDArray[np.int64] = "all",
    x_start: ArrayLike | None = None,
    domain: Domain | None = None,
    starts: int = 16,
    steps: int = 200,
    tol: float = 1e-9,
    rng: RandomState = None,
    progress: Progress = False,
    memory_limit: Any = None,
) -> InputReconstruction:
    """Recover inputs from their embeddings, if these are damaged or only parts of them are known.

    Parameters
    ----------
    decomposition : GSVD
        With a function. Undamaged complete embeddings need no search: `GSVD.left_inverse`.
    z : array_like, shape (N, k)
        The known coordinates of the embeddings, one a row; or outputs f(x).
    known : {"all", "values"} or sequence of int
        Which: all p + n; or these of them, in this order, ``range(20)`` for the first 20. The first p are ``Sigma^-1
        U^T (f(x) - offset)``, the last n the direction of the input. "values": z has the outputs f(x), compared in
        units of sigma; what they have outside of `GSVD.column_space` is left out, since no input changes it.
    x_start : array_like, shape (S, n), optional
        Where searches start, for every row, besides what the known coordinates give directly; by default at random
        points of the domain.
    domain : Domain, optional
        Where to look for inputs, relative to x0; by default the domain of the decomposition. A sphere there stands for
        all inputs, since it is that of positively homogeneous maps; given here, it is the sphere itself.
    starts : int
        Random points to start from.
    steps : int
        Of each search, at most.
    tol : float
        Residual relative to the norm of the row, or to 1e-3 times the largest norm of all rows, below which it counts
        as solved.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    memory_limit : int or str, optional

    Returns
    -------
    InputReconstruction
        If interrupted, starting points for the rows that were not reached.

    Raises
    ------
    InputError
        If there is no function, shapes do not fit, the direction of the input is among what is known and the pair is
        not strict, or the lift exists at no starting point.

    Notes
    -----
    *Published* [1]_: that v is injective, hence that complete embeddings determine inputs. *Our own*: the search,
    ``min |lift(x)_known - z|`` over the domain by the method of Levenberg and Marquardt from all starts at once, with
    steps projected to the domain and directions left out that lead out of it.

    Parts of embeddings need not determine inputs: then the result has several, or says in how many dimensions they can
    be moved. How many were found is a lower bound of how many there are.

    For complete embeddings with small independent errors of equal variance this is more exact than the left inverse:
    both are unbiased linear estimators to first order, and the least squares one has the least covariance
    (Gauss-Markov).

    References
    ----------
    .. [1] arXiv:2605.06938.

    Examples
    --------
    >>> from algeom.gsvd import gsvd
    >>> decomposition = gsvd(lambda x: np.maximum(x, 0) * [3.0, 1.0], n_inputs=2, rng=0, inflation=1.1)
    >>> x = np.array([[1.0, 2.0], [-1.0, 0.5]])
    >>> z = decomposition.lift(x)
    >>> reconstruct_inputs(decomposition, z, rng=0).inputs.round(6)
    array([[ 1. ,  2. ],
           [-1. ,  0.5]])

    From the outputs alone a negative coordinate cannot be known:

    >>> reconstruct_inputs(decomposition, [[3.0, 2.0], [0.0, 0.5]], known="values", rng=0).freedom
    array([0, 1])
    """
    seed, _ = resolve(rng)
    if not isinstance(decomposition, GSVD):
        raise InputError(f"a {type(decomposition).__name__} was given; expected a decomposition made by gsvd()")
    starts, steps = check_integer("starts", starts, 1), check_integer("steps", steps, 1)
    if not isinstance(tol, Real) or not 0 < tol < 1:
        raise InputError(f"tol={tol!r}: expected a number between 0 and 1")
    target = Target.of(decomposition, z, known, _region(decomposition, domain))
    begin = target.starts(x_start, starts, seed)
    rows, count, n = begin.shape
    memory.require(
        8.0 * (3 * begin.size + 4 * min(_BATCH, rows * count * target.width * n)), memory_limit,
        f"a search from {count} starts for each of {rows} rows", "give fewer rows at a time, or starts=1",
    )  # fmt: skip
    d, done = begin.reshape(-1, n), 0
    each = np.repeat(np.arange(rows), count)
    size = max(1, _BATCH // (target.width * n))
    with reporter(progress) as report:
        try:
            report.start("searches", total=len(d))
            for first in range(0, len(d), size):
                part = slice(first, first + size)
                d[part] = _search(target, d[part], each[part], steps)
                done = first + len(d[part])
                report.advance(len(d[part]))
        except KeyboardInterrupt:
            pass
    return _collected(target, d.reshape(rows, count, n), tol, seed, done)


def null_inputs(
    decomposition: GSVD,
    radius: float | None = None,
    *,
    starts: int = 64,
    tol: float = 1e-9,
    rng: RandomState = None,
    progress: Progress = False,
) -> InputReconstruction:
    """Inputs at a distance from x0 with the same output as x0: the analogue of vectors of a null space.

    Parameters
    ----------
    decomposition : GSVD
        With a function.
    radius : float, optional
        The distance ``|x - x0|``; by default in the middle between the least and the largest in the domain, of boxes
        those of spheres that lie in it.
    starts : int
        Random directions to start from: the most that can be found.
    tol : float
        Distance of f(x) from the offset in units of sigma, relative to the radius, that counts as none.
    rng : int, numpy.random.Generator or None
    progress : bool or callable

    Returns
    -------
    InputReconstruction
        Of one row; `found` has all inputs that were found, `freedom` the dimension of the set of them near the first
        one. Not solved: the inputs of least gain that were found have another output, and the map seems to have no
        such input.

    Raises
    ------
    InputError
        If the sphere with this radius is not in the domain of the decomposition, unless the map is known to be
        positively homogeneous. A domain that is a sphere, or samples, restricts no radius.

    Notes
    -----
    *Our own* analogue. v takes the inputs with ``f(x) = offset`` to the null space of Sigma, where ``z_a = 0``. For a
    linear map they are the null space; in general they are no linear space, and need not exist in all radii. For the
    directions in which nothing changes to first order, see `GSVD.sensitivity`.

    Examples
    --------
    >>> from algeom.gsvd import gsvd
    >>> relu = gsvd(lambda x: np.maximum(x, 0), n_inputs=2, rng=0)
    >>> found = null_inputs(relu, rng=0)
    >>> bool(found.solved[0]), bool((found.found[0] <= 1e-9).all()), found.freedom
    (True, True, array([1]))
    """
    if not isinstance(decomposition, GSVD):
        raise InputError(f"a {type(decomposition).__name__} was given; expected a decomposition made by gsvd()")
    if radius is None:
        radius = 0.5 * sum(_radii(decomposition))
    sphere = Sphere(decomposition.n_inputs, radius)
    function, region = decomposition.function, decomposition.domain
    is_free = region is None or isinstance(region, (Samples, Sphere))
    if not is_free and function is not None and not function.is_positively_homogeneous:
        low, high = _radii(decomposition)
        if not low <= radius <= high:
            raise InputError(
                f"radius={radius:g}: the sphere leaves the domain of the decomposition, in which spheres have radii "
                f"from {low:g} to {high:g}; give one of these, or a decomposition on a larger domain"
            )
    return reconstruct_inputs(
        decomposition, decomposition.offset[None], known="values", domain=sphere, starts=starts, tol=tol, rng=rng,
        progress=progress,
    )  # fmt: skip


def _radii(decomposition: GSVD) -> tuple[float, float]:
    """The least and the largest radius of spheres around x0 in the domain; in boxes there need not be any."""
    region = decomposition.domain
    if region is None:
        return 1.0, 1.0
    if isinstance(region, Samples):
        norms = np.linalg.norm(region.points, axis=1)
        return float(norms.min()), float(norms.max())
    if not isinstance(region, Box):
        return region.low, region.high
    inside = min(min(region.upper), -max(region.lower))
    if not max(0.0, region.hole) < inside:
        raise InputError(
            f"no sphere around x0 lies in {region!r}, so that no distance from x0 is covered in all directions; give a "
            "decomposition on a Ball or an Annulus, or a radius if the map is positively homogeneous"
        )
    return region.hole, inside


def _region(decomposition: GSVD, domain: Domain | None) -> Domain | None:
    """Where to look: None stands for everywhere."""
    if domain is None:
        own = decomposition.domain
        return None if own is None or isinstance(own, (Samples, Sphere)) else own
    if not isinstance(domain, Domain) or domain.n_inputs != decomposition.n_inputs:
        raise InputError(
            f"domain={domain!r}: expected a Sphere, Ball, Annulus or Box in dimension {decomposition.n_inputs}"
        )
    return domain


def _search(target: Target, d: Float, each: NDArray[np.int64], steps: int) -> Float:
    """Local least squares from many points at once, by the method of Levenberg and Marquardt."""
    d = d.copy()
    n = d.shape[1]
    residual = target.residual(d, each)
    cost = np.linalg.norm(residual, axis=1)
    scale = np.maximum(np.linalg.norm(target.goal[each], axis=1), np.linalg.norm(d, axis=1))
    damping, largest = np.full(len(d), _DAMPING), np.zeros(len(d))
    active = np.flatnonzero(np.isfinite(cost) & (cost > _EXACT * scale))
    normal, slope = np.zeros((len(d), n, n)), np.zeros((len(d), n))
    changed = active
    for _ in range(steps):
        if not active.size:
            break
        if changed.size:
            jacobian = target.jacobian(d[changed])
            gradient = np.einsum("ikn,ik->in", jacobian, residual[changed])
            jacobian = target.along(d[changed], jacobian, gradient)
            normal[changed] = jacobian.transpose(0, 2, 1) @ jacobian
            slope[changed] = np.einsum("ikn,ik->in", jacobian, residual[changed])
            largest[changed] = np.maximum(np.einsum("inn->in", normal[changed]).max(axis=1), np.finfo(float).tiny)
        shift = (damping[active] * largest[active])[:, None, None] * np.eye(n)
        step = -np.linalg.solve(normal[active] + shift, slope[active][:, :, None])[:, :, 0]
        trial = target.project(d[active] + step)
        reached = target.residual(trial, each[active])
        costs = np.linalg.norm(reached, axis=1)
        better = costs < cost[active]
        moved = np.linalg.norm(trial - d[active], axis=1)
        changed = active[better]
        d[changed], residual[changed], cost[changed] = trial[better], reached[better], costs[better]
        damping[active] = np.maximum(damping[active] * np.where(better, _LESS, _MORE), _EXACT)
        resting = (moved <= _REST * scale[active]) | (costs <= _EXACT * scale[active]) | (damping[active] > _MOST)
        active = active[~resting]
        changed = changed[np.isin(changed, active, assume_unique=True)]
    return d


def _collected(target: Target, d: Float, tol: float, seed: int, done: int) -> InputReconstruction:
    """Sort out what the searches found; the first ones are done."""
    decomposition = target.decomposition
    rows, count, n = d.shape
    costs = np.linalg.norm(target.residual(d.reshape(-1, n), np.repeat(np.arange(rows), count)), axis=1)
    costs = costs.reshape(rows, count)
    size = np.linalg.norm(target.goal, axis=1)
    if not len(target.behind) and target.region is not None:
        # Outputs can be zero; their size is that of the inputs, in units of sigma.
        size = np.maximum(size, target.region.low)
    accuracy = tol * np.maximum(size, 1e-3 * max(float(size.max()), 1e-300))
    found, agreeing = [], np.zeros(rows, dtype=np.int64)
    for row in range(rows):
        good = costs[row] <= costs[row].min() * (1 + _AS_GOOD) + accuracy[row]
        inputs = d[row, good]
        inputs = inputs[np.argsort(np.linalg.norm(inputs, axis=1), kind="stable")]
        kept: list[Float] = []
        for candidate in inputs:
            near = _SAME * float(np.linalg.norm(candidate)) + accuracy[row]
            if all(np.linalg.norm(candidate - other) > near for other in kept):
                kept.append(candidate)
        found.append(np.array(kept))
        near = _SAME * float(np.linalg.norm(kept[0])) + accuracy[row]
        agreeing[row] = np.count_nonzero(np.linalg.norm(d[row, good] - kept[0], axis=1) <= near)
    first = np.array([inputs[0] for inputs in found])
    residuals = np.linalg.norm(target.residual(first, np.arange(rows)), axis=1)
    freedom = np.array([target.freedom(inputs) for inputs in found], dtype=np.int64)
    injective = target.is_complete and decomposition.is_strict
    constants = np.full(rows, math.inf)
    if injective:
        constants = np.sqrt(decomposition.left_inverse_constant / target.null_shares(first))
    solved = residuals <= accuracy
    reached = count * np.arange(1, rows + 1) <= done
    if injective:
        reason = "local least squares; complete embeddings of a strict pair belong to one input where it is admissible"
    else:
        reason = "local least squares; the known part need not determine the input, and a search can miss others"
    status = Status.NUMERICAL
    if not solved.all():
        status = Status.LOWER_BOUND
        reason += f"; {noun_count(int((~solved).sum()), 'row')} of {rows} not solved, where nearer inputs can exist"
    return InputReconstruction(
        inputs=decomposition.x0 + first, residuals=residuals, solved=solved, reached=reached,
        found=tuple(decomposition.x0 + inputs for inputs in found), agreeing=agreeing, freedom=freedom,
        starts=count, known=target.name, is_injective=injective, error_constants=constants,
        evidence=Evidence(status, math.nan, f"{reason} ({noun_count(count, 'start')} a row)"), seed=seed,
        interrupted=done < rows * count,
    )  # fmt: skip

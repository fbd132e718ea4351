"""Spectral radius dimensionality reduction (LSRDR) of matrices, by fixed-point iteration from several starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from algeom.errors import GenericityError, InputError, ResourceError
from algeom.lsrdr.operators.superoperators import Counted
from algeom.lsrdr.reduction.dense_iteration import DenseSearch
from algeom.lsrdr.reduction.endings import Ending, Endpoint
from algeom.lsrdr.reduction.fixed_points import grouped, same_projection
from algeom.lsrdr.reduction.iteration import move, published_move
from algeom.lsrdr.reduction.outcome import outcome
from algeom.lsrdr.reduction.problem import LSRDRPlan, Problem, plan_of
from algeom.lsrdr.reduction.projections import State, inverse, quaternionic_part
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.lsrdr.reduction.search import UNSTABLE, Search, SearchOptions
from algeom.lsrdr.reduction.starts import STARTS, Field, StartKind, given_starts, random_starts
from algeom.lsrdr.spectra.spectral_radius import SpectralRadius, spectral_radius
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, Reporter, reporter

__all__ = ["lsrdr"]

#: Most steps of a start: more than most tuples of benchmarks/lsrdr_steps.py need, with acceleration and without.
_ACCELERATED_STEPS, _PLAIN_STEPS = 3_000, 100_000

#: From this attempt on (the first is 0) starts that keep failing get complex numbers, or a step smaller by this factor.
_CAREFUL, _SMALLER = 2, 0.2

#: How far the best fixed point is perturbed, relatively, to see whether it attracts: far beyond rounding, and near
#: enough for acceleration to work at once.
_PERTURBATION = 1e-3

#: Relative difference up to which lambda is then the same, though P may not be.
_SAME_EIGENVALUE = 1e-8

#: Residual to which the iteration is taken then: enough to tell projections apart.
_EXAMINED = 1e-9

#: How often another fixed point may take the place of the best one.
_REPLACEMENTS = 3


@dataclass(frozen=True)
class _Settings:
    s: float
    t: float | None
    accelerate: bool
    retraction: str
    kind: StartKind
    tolerance: float
    max_steps: int
    restarts: int
    seed: int
    plan: LSRDRPlan


def lsrdr(
    A: Any,
    rank: int,
    *,
    method: Literal["auto", "low_rank", "dense"] = "auto",
    s: float = math.inf,
    t: float | Literal["adaptive"] = "adaptive",
    accelerate: bool = True,
    starts: int | Sequence[Any] = 8,
    start: StartKind = "psd",
    field: Field | None = None,
    retraction: Literal["closed", "iterated"] = "closed",
    tolerance: float = 1e-13,
    max_steps: int | None = None,
    restarts: int = 3,
    compute_similarity: bool = True,
    rng: seeds.RandomState = None,
    progress: Progress = False,
    memory_limit: int | str | None = None,
) -> LSRDRResult:
    """Reduce r matrices of size n to r matrices of size d, by the L2-spectral radius dimensionality reduction.

    X in M_d(K)^r is looked for that locally maximizes the similarity
    ``rho(Gamma(A; X)) / sqrt(rho(Phi(A)) rho(Phi(X)))``, where Gamma(A; X) takes Y to the sum of A_j Y X_j^* and
    Phi(A) = Gamma(A; A).

    Parameters
    ----------
    A : array_like (r, n, n), Quaternions, list of scipy sparse matrices, MatrixFamily or Superoperator
        The matrices; or E = Phi(A) itself, which may be another positive map, or one that preserves Hermitian matrices
        and is not too far from positive ones (see `superoperator`, `from_choi`, `from_callables`).
    rank : int
        d, from 1 to n.
    method : {"auto", "low_rank", "dense"}
        "low_rank": with factors P = S R; a step takes one application each of E and E^* to matrices of rank d. "dense":
        with n x n matrices, as first published. `lsrdr_plan` tells what "auto" chooses.
    s : int or inf
        How often f(x) = 3 x^2 - 2 x^3 is applied in a step of the dense iteration. For inf, the default, P is a
        projection and the limit depends neither on s nor on t. For finite s it depends on both, and P is no projection.
    t : float or "adaptive"
        Size of the steps of the plain iteration. Limits do not depend on it (for s = inf). "adaptive": as long as the
        increments of P allow.
    accelerate : bool
        Whether to end the low-rank iteration by Anderson acceleration. Fixed points are the same; saddles, to which
        acceleration may converge, are recognized and left where that is cheap.
    starts : int or sequence
        How many random starts; or, for each start, a projection (n, n) of rank d, a basis (n, d) of the image of an
        orthogonal projection, or a pair (S, R) of matrices (n, d) and (d, n).
    start : {"psd", "hermitian", "identity", "gaussian"}
        Where G and H begin. Starts that are not positive semidefinite fail more often.
    field : {"real", "complex", "quaternion"}, optional
        Where to look for X; by default the field of the entries. If it is left open, starts that fail again and again
        over the reals are made complex.
    retraction : {"closed", "iterated"}
        How the low-rank method makes projections of the factors: S (R S)^-1 R, which is the limit of f in closed form,
        or f applied to the factors by four maps in turn, with norms balanced, as published.
    tolerance : float
        Largest relative defect of the fixed-point equations at which a start has converged.
    max_steps : int, optional
        Most steps of a start.
    restarts : int
        How often a start that fails is drawn anew.
    compute_similarity : bool
        Whether to compute spectral radii. That of Phi(A) takes some hundred applications of E to full n x n matrices,
        which for large n cost more than all else. Without it similarities are NaN; starts are compared by lambda,
        which is in proportion to their squares.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    memory_limit : int, str or None
        Starts that do not fit together are iterated one after another.

    Returns
    -------
    LSRDRResult
        Of the best start; with what became of the others, and how many agree. After Ctrl-C a partial result with
        ``interrupted=True``.

    Raises
    ------
    InputError
        If an argument is not as described, or A is nilpotent: rho(Phi(A)) = 0.
    GenericityError
        If all starts fail.
    ResourceError
        If one start does not fit.

    Notes
    -----
    With E = Phi(A), P a projection of rank d and G, H of trace 1, the iteration repeats [1]_

        G <- E^*(G P) P,  H <- E(H P^*) P^*,  divided by their traces,   P <- f^s(P + t (P G^* + H P)).

    A fixed point has P^2 = P, E(H P^*) P^* = lambda H, E^*(G P) P = conj(lambda) G, Im H = Im P, Im G = Im P^*; and G
    and H are positive semidefinite. Then X_j = R A_j S, and the similarity is sqrt(lambda / rho(Phi(A))). That fixed
    points are local maxima, and that one is found from every start, is observed and not proved.

    The adaptive step, inertia of G and H and acceleration are our additions; they change how often E is applied (by a
    factor of 50 to 500), not what is found from most starts. With a number t, ``accelerate=False`` and
    ``retraction="iterated"`` or ``method="dense"`` the iteration is the published one.

    References
    ----------
    .. [1] J. Van Name, Spectral radii for subsets of Hilbert C*-modules and spectral properties of positive maps
       (2022), and the posts on LSRDRs that followed it.

    Examples
    --------
    >>> import numpy as np
    >>> from algeom.lsrdr.reduction.lsrdr import lsrdr
    >>> A = np.array([
    ...     [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
    ...     [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
    ...     [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ... ])
    >>> reduced = lsrdr(A, 2, rng=1)
    >>> print(f"{reduced.similarity:.12f}", reduced.X.shape, reduced.agreement.agreed)
    0.978400441544 (3, 2, 2) 8
    """
    problem = Problem.of(A, rank, field)
    if isinstance(starts, np.ndarray) and starts.ndim == 3:
        starts = list(starts)
    count = check_integer("starts", starts, 1) if not isinstance(starts, Sequence) else len(starts)
    if count == 0:
        raise InputError("starts is empty; give a number of random starts, or a list of starts")
    plan = plan_of(problem, method, s, count, accelerate, memory_limit)
    _check_options(plan, t, start, retraction, tolerance)
    accelerated = accelerate and plan.method == "low_rank"
    default = _ACCELERATED_STEPS if accelerated else _PLAIN_STEPS
    seed, _ = seeds.resolve(rng)
    settings = _Settings(
        s=s,
        # The reduced trace of quaternionic matrices is half of that of their complex form, which is made 1.
        t=None if isinstance(t, str) else float(t) * problem.scale,
        accelerate=accelerated,
        retraction=retraction,
        kind=start,
        tolerance=float(tolerance),
        max_steps=default if max_steps is None else check_integer("max_steps", max_steps, 1),
        restarts=check_integer("restarts", restarts, 0),
        seed=seed,
        plan=plan,
    )
    radius = _radius(problem, seed) if compute_similarity else "it was not asked for (compute_similarity=False)"
    if isinstance(starts, Sequence):
        first = given_starts(starts, problem.n, problem.d, problem.field, start, seed)
    else:
        first = random_starts(problem.n, problem.d, range(count), problem.field, start, seed, 0)
    run = _Run(problem, settings)
    with reporter(progress) as report:
        report.start(f"reduction to rank {problem.d}", count)
        endpoints = run.all_starts(first, report)
        isolated = run.examine(endpoints)
    if all(endpoint.ending.failed for endpoint in endpoints):
        raise GenericityError(_all_failed(endpoints))
    result = partial(
        outcome, problem, endpoints, isolated, method=plan.method, s=s, t=t, seed=seed,
        applications=run.E.applications, tolerance=settings.tolerance,
    )  # fmt: skip
    try:
        return result(radius, interrupted=run.interrupted)
    except KeyboardInterrupt:
        # What was left are the spectral radii of the reduced matrices.
        return result("interrupted", interrupted=True)


def _check_options(plan: LSRDRPlan, t: Any, start: Any, retraction: Any, tolerance: Any) -> None:
    number = isinstance(t, (int, float, np.integer, np.floating)) and not isinstance(t, bool)
    if not (t == "adaptive" if isinstance(t, str) else number and t > 0):
        raise InputError(f't={t!r}; give a positive number, or "adaptive"')
    if t == math.inf and (plan.method == "dense" or retraction == "iterated"):
        raise InputError('t=inf works with method="low_rank" and retraction="closed" only; give a finite number')
    if start not in STARTS:
        raise InputError(f"start={start!r}; choose from {', '.join(STARTS)}")
    if retraction not in ("closed", "iterated"):
        raise InputError(f"retraction={retraction!r}; choose closed or iterated")
    if not isinstance(tolerance, (int, float, np.floating)) or not 0 < tolerance < 1:
        raise InputError(f"tolerance={tolerance!r}; give a positive number, such as 1e-13")


def _radius(problem: Problem, seed: int) -> SpectralRadius | str:
    """The spectral radius of E; or why it could not be computed."""
    try:
        found = spectral_radius(problem.E, rng=seed)
    except (ResourceError, GenericityError) as error:
        return str(error)
    if found.value == 0:
        raise InputError(
            f"rho(Phi(A)) = 0 ({found.evidence.reason}): similarities to A are not defined; give matrices with a "
            "product that is not nilpotent"
        )
    return found


def _all_failed(endpoints: Sequence[Endpoint]) -> str:
    endings = [ending for endpoint in endpoints for ending in endpoint.attempts]
    counts = ", ".join(f"{endings.count(ending)} {ending}" for ending in dict.fromkeys(endings))
    return f"all {len(endings)} attempts from {len(endpoints)} starts failed ({counts}). {endings[0].advice}"


class _Run:
    """The searches of one call."""

    def __init__(self, problem: Problem, settings: _Settings) -> None:
        self.problem, self.settings = problem, settings
        self.E = Counted(problem.E)
        self.interrupted = False

    def all_starts(self, first: State, report: Reporter) -> list[Endpoint]:
        """Search from all starts, and again from new ones in place of those that fail."""
        settings = self.settings
        count = len(first)
        found: list[Endpoint | None] = [None] * count
        waiting = list(range(count))
        for attempt in range(settings.restarts + 1):
            field = self._field(attempt)
            together = settings.plan.together
            for begin in range(0, len(waiting), together):
                group = waiting[begin : begin + together]
                state = first[group] if attempt == 0 else self._new_starts(group, field, attempt)
                last = attempt == settings.restarts

                def finished(place: int, ending: Ending, group: list[int] = group, last: bool = last) -> None:
                    if last or not ending.failed:
                        report.advance(1, start=group[place], ending=str(ending))

                for i, end in zip(group, self._search(state, attempt, field, finished=finished), strict=True):
                    earlier = found[i]
                    if earlier is None:
                        found[i] = end
                    else:
                        attempts = (*earlier.attempts, end.ending)
                        found[i] = replace(end, attempts=attempts, steps=earlier.steps + end.steps)
                if self.interrupted:
                    break
            waiting = [i for i in waiting if (known := found[i]) is not None and known.ending.failed]
            if self.interrupted or not waiting:
                break
        endpoints = [endpoint for endpoint in found if endpoint is not None]
        if not any(math.isfinite(endpoint.residual) for endpoint in endpoints) and self.interrupted:
            raise KeyboardInterrupt
        return endpoints

    def _field(self, attempt: int) -> Field:
        """Over the reals iterations may have nowhere to converge to; where the field is open, complex starts help."""
        is_open = self.problem.field == "real" and not self.problem.field_given
        return "complex" if is_open and attempt >= _CAREFUL else self.problem.field

    def _new_starts(self, group: list[int], field: Field, attempt: int) -> State:
        problem, settings = self.problem, self.settings
        return random_starts(problem.n, problem.d, group, field, settings.kind, settings.seed, attempt)

    def _search(
        self,
        state: State,
        attempt: int,
        field: Field,
        least_residual: float = 0.0,
        finished: Callable[[int, Ending], None] = lambda *_: None,
    ) -> list[Endpoint]:
        settings, problem = self.settings, self.problem
        tolerance = max(settings.tolerance, least_residual)
        # Over the given field a smaller step is what is left to try.
        careful = _SMALLER if attempt >= _CAREFUL and field == problem.field else 1.0
        t = None if settings.t is None else settings.t * careful
        quaternionic = problem.field == "quaternion"
        search: Search | DenseSearch
        if settings.plan.method == "dense":
            search = DenseSearch(self.E, state, settings.s, t, tolerance, settings.max_steps, quaternionic=quaternionic)
        else:
            search = Search(
                self.E,
                state,
                SearchOptions(
                    t=t,
                    accelerate=settings.accelerate,
                    tolerance=tolerance,
                    max_steps=settings.max_steps,
                    quaternionic=quaternionic,
                    caution=careful,
                    advance=move if settings.retraction == "closed" else published_move,
                ),
            )
        self.interrupted = not search.run(finished) or self.interrupted
        return search.endpoints(field)

    def examine(self, endpoints: list[Endpoint]) -> bool | None:
        """Perturb the best fixed point and go on: whether that leads back to it; None if that is not known.

        A point that is left for one of larger eigenvalue is replaced by it, for all starts that had come to it.
        """
        for _ in range(_REPLACEMENTS):
            same = same_projection(max(self.settings.tolerance, _EXAMINED))
            groups = grouped(endpoints, same_projection(self.settings.tolerance))
            if not groups or self.interrupted or not self.settings.accelerate:
                return None
            best = endpoints[groups[0][0]]
            again = self._search(self._perturbed(best.state), 0, best.field, _EXAMINED)[0]
            if again.ending is not Ending.CONVERGED:
                return None
            back = best.distance(again) < same
            change = (abs(again.eigenvalue) - abs(best.eigenvalue)) / abs(best.eigenvalue)
            if back or abs(change) <= _SAME_EIGENVALUE:
                for i in groups[0]:
                    endpoints[i] = replace(endpoints[i], growth=again.growth)
                return back
            if change < 0:
                for i in groups[0]:
                    endpoints[i] = replace(endpoints[i], growth=max(best.growth, 2 * UNSTABLE))
                return None
            again = self._search(again.state, 0, best.field)[0]
            for i in groups[0]:
                earlier = endpoints[i]
                endpoints[i] = replace(
                    again,
                    attempts=(*earlier.attempts[:-1], again.ending),
                    steps=earlier.steps + again.steps,
                    departures=earlier.departures + 1,
                )
        return None

    def _perturbed(self, state: State) -> State:
        rng = seeds.derive(self.settings.seed, "perturbation")

        def disturbed(M: Any) -> Any:
            noise = rng.standard_normal(M.shape)
            if M.dtype.kind == "c":
                noise = noise + 1j * rng.standard_normal(M.shape)
            if self.problem.field == "quaternion":
                noise = quaternionic_part(noise)
            return M + noise * (_PERTURBATION * np.linalg.norm(M) / np.linalg.norm(noise))

        S, R = disturbed(state.S), disturbed(state.R)
        return State(S, inverse(R @ S) @ R, state.Y, state.Z)

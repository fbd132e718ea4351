"""From the ends of all starts to a result: the best one, its similarity, and what the result rests on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from algeom.errors import AlgeomError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.operators.matrix_families import DenseMatrices
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.superoperators import KrausSuperoperator
from algeom.lsrdr.operators.tuples import Array
from algeom.lsrdr.reduction.compression import Compression
from algeom.lsrdr.reduction.endings import Ending, Endpoint
from algeom.lsrdr.reduction.fixed_points import (
    canonical,
    defects,
    dense_defects,
    grouped,
    hermitian_part,
    same_projection,
)
from algeom.lsrdr.reduction.problem import Problem
from algeom.lsrdr.reduction.projections import State
from algeom.lsrdr.reduction.result import Agreement, FixedPoint, LSRDRResult, StartRecord
from algeom.lsrdr.reduction.search import UNSTABLE
from algeom.lsrdr.spectra.spectral_radius import SpectralRadius, spectral_radius

__all__ = ["outcome"]

#: Relative difference up to which lambda is the same at fixed points, as it is at symmetric copies: at least, and for
#: each unit of the residual that starts are taken to.
_EQUAL, _RESIDUALS = 1e-9, 10.0

#: Relative imaginary part up to which an eigenvalue is real, of maps that preserve Hermitian matrices.
_ROUNDING = 1e-9

#: By how much an eigenvalue of Gamma(A; X) may exceed lambda before it is called another one.
_DOMINANT = 1e-6

#: Relative negative part of G or H from which E is said to be far from positive.
_NEGATIVE = 1e-6


def outcome(
    problem: Problem,
    endpoints: Sequence[Endpoint],
    isolated: bool | None,
    radius: SpectralRadius | str,
    *,
    method: str,
    s: float,
    t: float | str,
    seed: int,
    applications: int,
    interrupted: bool,
    tolerance: float,
) -> LSRDRResult:
    """The result of a reduction.

    Parameters
    ----------
    problem : Problem
    endpoints : sequence of Endpoint
        Not all of which have failed.
    isolated : bool or None
        What is known of the best fixed point.
    radius : SpectralRadius or str
        Of E; or why it is not known.
    method, s, t, seed, applications, interrupted, tolerance
        As in the result.
    """
    of_A = radius.value if isinstance(radius, SpectralRadius) else math.nan
    same = same_projection(tolerance)
    groups = grouped(endpoints, same)
    usable = [endpoint for endpoint in endpoints if not endpoint.ending.failed]
    # Estimates of lambda mean nothing before convergence: then the start that is nearest to it is taken.
    best = endpoints[groups[0][0]] if groups else min(usable, key=lambda endpoint: endpoint.residual)
    state = _final(problem, best.state)
    dense = best.dense
    residuals = dense_defects(problem.E, *dense) if dense is not None else defects(problem.E, state)
    if dense is None and problem.E.hermitian_preserving and residuals["positivity"] > _NEGATIVE:
        # Where lambda is repeated H need not be Hermitian, but its Hermitian part may satisfy the equations as well.
        hermitian = hermitian_part(state)
        others = defects(problem.E, hermitian)
        if max(others.values()) < max(residuals.values()):
            state, residuals = hermitian, others
    S, R = state.S[0], state.R[0]
    similarity, notes = _similarity(problem, S, R, best, radius)

    def similarity_of(endpoint: Endpoint) -> float:
        failed = endpoint.ending.failed or not np.isfinite(endpoint.eigenvalue)
        return math.nan if failed else math.sqrt(abs(endpoint.eigenvalue) / of_A)

    places = {i: place for place, group in enumerate(groups) for i in group}
    records = tuple(
        StartRecord(
            ending=endpoint.ending,
            similarity=similarity_of(endpoint),
            residual=endpoint.residual,
            steps=endpoint.steps,
            fixed_point=places.get(i),
            field=endpoint.field,
            failures=endpoint.attempts[:-1],
            departures=endpoint.departures,
        )
        for i, endpoint in enumerate(endpoints)
    )
    factor = 4.0**problem.exponent if abs(problem.exponent) < 500 else math.nan
    points = tuple(
        FixedPoint(
            similarity=similarity_of(endpoints[group[0]]),
            eigenvalue=_tidy(problem, endpoints[group[0]].eigenvalue) * factor,
            starts=tuple(group),
            stable=_stable([endpoints[i].growth for i in group]),
            isolated=isolated if place == 0 else None,
        )
        for place, group in enumerate(groups)
    )
    agreement = Agreement(len(endpoints), len(places), points, same)
    evidence = _evidence(problem, similarity, agreement, best, residuals, notes, s, tolerance)
    public = Quaternions.from_complex if problem.field == "quaternion" else np.asarray
    return LSRDRResult(
        S=public(S),
        R=public(R),
        eigenvalue=_tidy(problem, best.eigenvalue) * factor,
        similarity=similarity,
        radius=of_A * factor,
        residuals=residuals,
        history=best.history,
        histories=tuple(endpoint.history for endpoint in endpoints),
        applications=applications,
        starts=records,
        agreement=agreement,
        evidence=evidence,
        method=method,
        field=best.field if problem.field == "real" else problem.field,
        s=s,
        t=t,
        seed=seed,
        interrupted=interrupted,
        _factors=(S, R, state.Y[0], state.Z[0]),
        _family=problem.family,
        _unit=factor,
        _dense=dense,
    )


def _final(problem: Problem, state: State) -> State:
    """The canonical basis, and Y, Z of trace 1."""
    S, R = state.S[0], state.R[0]
    Y = state.Y / np.trace(S.conj().T @ state.Y[0])
    Z = state.Z / np.trace(R @ state.Z[0])
    return canonical(State(state.S, state.R, Y, Z), quaternionic=problem.field == "quaternion")


def _tidy(problem: Problem, eigenvalue: complex) -> Any:
    """A real number where it has to be one, up to rounding."""
    small = 0.0 if not problem.E.hermitian_preserving else _ROUNDING * abs(eigenvalue)
    return eigenvalue.real if abs(eigenvalue.imag) <= small else eigenvalue


def _stable(growths: Sequence[float]) -> bool | None:
    known = [growth for growth in growths if not math.isnan(growth)]
    return max(known) <= UNSTABLE if known else None


def _similarity(
    problem: Problem, S: Array, R: Array, best: Endpoint, radius: SpectralRadius | str
) -> tuple[float, list[str]]:
    """The similarity from three spectral radii, and what is to be said about it."""
    if isinstance(radius, str):
        return math.nan, [f"rho(Phi(A)) is not known: {radius}"]
    family, E = problem.family, problem.E
    try:
        if isinstance(E, KrausSuperoperator) and E.signs is None and family is not None:
            X = DenseMatrices(E.compress(R, S))
            mixed = spectral_radius(KrausSuperoperator(E.left, X, field=E.field), rng=radius.seed)
            of_X = spectral_radius(KrausSuperoperator(X, field=E.field), rng=radius.seed)
        else:
            mixed = spectral_radius(Compression(E, S, R, both=False), rng=radius.seed)
            of_X = spectral_radius(Compression(E, S, R, both=True), rng=radius.seed)
    except AlgeomError as error:
        return math.nan, [f"a spectral radius of the reduced matrices could not be computed: {error}"]
    if of_X.value == 0:
        return math.nan, ["the reduced matrices are nilpotent"]
    notes = []
    if best.ending is Ending.CONVERGED and mixed.value > (1 + _DOMINANT) * abs(best.eigenvalue):
        notes.append(
            f"lambda is not dominant: Gamma(A; X) has an eigenvalue {mixed.value / abs(best.eigenvalue):.6g} times as "
            "large"
        )
    value = mixed.value / math.sqrt(radius.value) / math.sqrt(of_X.value)
    # Only completely positive maps obey the inequality of Cauchy and Schwarz.
    return (min(1.0, value) if E.is_completely_positive else value), notes


def _evidence(
    problem: Problem,
    similarity: float,
    agreement: Agreement,
    best: Endpoint,
    residuals: dict[str, float],
    notes: list[str],
    s: float,
    tolerance: float,
) -> Evidence:
    points = agreement.fixed_points
    largest = bool(problem.E.is_completely_positive) and similarity >= 1 - _EQUAL
    reasons = []
    status = Status.NUMERICAL
    if not points:
        status = Status.LOWER_BOUND
        reasons.append(f"no start converged to {tolerance:.0e}; the best one has the residual {best.residual:.1e}")
    else:
        least = (1 - max(_EQUAL, _RESIDUALS * tolerance)) * abs(points[0].eigenvalue)
        equal = sum(len(p.starts) for p in points if abs(p.eigenvalue) >= least)
        reasons.append(
            f"{equal} of {agreement.starts} starts converged to this similarity (residual {best.residual:.0e})"
        )
        if largest:
            reasons.append("1 is the largest similarity there is")
        elif equal < agreement.starts:
            status = Status.LOWER_BOUND
            reasons.append("the others to none or smaller ones, so that more starts may find a larger one")
        if points[0].stable is False:
            reasons.append("the fixed point is a saddle")
        if points[0].isolated is False:
            reasons.append("P is not isolated: other projections near it have the same similarity")
    if s != math.inf:
        reasons.append(f"for s = {s} the limit is no projection and depends on s and t")
    if residuals["positivity"] > _NEGATIVE:
        status = Status.LOWER_BOUND
        why = "lambda is repeated or no Perron eigenvalue, and other starts or the complex field may lead to more"
        if not problem.E.is_completely_positive:
            why = "E is far from positive, and the theory does not apply"
        reasons.append(f"G or H is not positive semidefinite (relative defect {residuals['positivity']:.1e}): {why}")
    reasons += notes
    if not largest:
        reasons.append("global optimality is not proved")
    return Evidence(status, math.nan, "; ".join(reasons))

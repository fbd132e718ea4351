"""Dimension, grading and symmetries in floating point, for maps whose constants are rounded."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from algeom.algebra import lattice
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.dimension import Dimension
from algeom.implicitization.grading import Grading
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.numerical_consistency import Cutoff
from algeom.implicitization.numerical_points import NumericalPoints, real_rows
from algeom.implicitization.numerical_rank import (
    CEILING,
    FloatArray,
    RankDecision,
    UndecidedRankError,
    factorize,
    numerical_rank,
)
from algeom.maps.polynomial_map import PolynomialMap

#: Points at which the rank of the Jacobian is found.
_RANK_POINTS = 3
#: Points beyond those that give as many tangency equations as unknowns.
_SURPLUS_POINTS = 2
#: Points at which a declared symmetry is checked.
_SYMMETRY_POINTS = 8
#: Entries of the echelon form of the weights have denominators up to this; they are ratios of small weights.
_LARGEST_DENOMINATOR = 60
_ROUNDING_TOLERANCE = 1e-6
#: Relative residual of the tangency equations, and difference of two values, that rounding errors may cause: what
#: ranks drop at most.
_RESIDUAL_TOLERANCE = CEILING


def scaled_jacobians(points: NumericalPoints, count: int) -> tuple[Any, Any]:
    """Jacobians (count, m, n) and values (m, count) at the first points, with rows of size about one.

    Each coordinate is divided by its value or the length of its gradient, whichever is larger, so that the derivative
    of one that is constant up to rounding errors stays small, as does that by a parameter which hardly matters.
    """
    jacobians = points.tape.jacobian(np.ascontiguousarray(points.theta(count)[:, :count]))
    jacobians[:, points.zero] = 0.0
    values = points.values(count)[:, :count].T
    size = np.maximum(np.linalg.norm(jacobians, axis=2), np.abs(values))
    size[size == 0] = 1.0
    return jacobians / size[:, :, None], (values / size).T


def numerical_dimension(phi: PolynomialMap, points: NumericalPoints, cutoff: Cutoff) -> Dimension:
    """Dimension of the image closure by Jacobian ranks in floating point, decided by gaps that `cutoff` notes.

    Raises
    ------
    UndecidedRankError
        If no gap in the singular values decides.
    """
    jacobians, values = scaled_jacobians(points, _RANK_POINTS)
    smallest = math.inf
    decisions: tuple[list[RankDecision], list[RankDecision]] = ([], [])
    for k in range(_RANK_POINTS):
        alone = numerical_rank(jacobians[k], "the Jacobian")
        both = numerical_rank(np.column_stack([jacobians[k], values[:, k]]), "the Jacobian with the point itself")
        smallest = min(smallest, alone.gap, both.gap)
        decisions[0].append(alone)
        decisions[1].append(both)
    # A generic point has the largest rank; what special ones drop besides decides nothing.
    value, with_point = (max(decision.rank for decision in found) for found in decisions)
    cone = value == with_point
    for found, what in zip(decisions, ("the Jacobian", "the Jacobian with the point itself"), strict=True):
        for decision in found:
            if decision.rank == max(other.rank for other in found):
                cutoff.record(decision, what)
    expected = min(phi.n_parameters, phi.n_coordinates)
    return Dimension(
        value=value,
        projective=value - 1 if cone and value > 0 else None,
        expected=expected,
        defect=expected - value,
        fiber=phi.n_parameters - value,
        evidence=Evidence(
            Status.NUMERICAL,
            math.nan,
            f"Jacobian rank at {_RANK_POINTS} points in {points.arithmetic}, gap {smallest:.0e}",
        ),
        seed=points.seed,
    )


def _tangency_equations(points: NumericalPoints, rank: int, cutoff: Cutoff) -> FloatArray:
    """Rows u^T diag(phi(theta)) for normal vectors u at random points, shape (equations, m)."""
    m = points.tape.n_outputs
    if rank == m:
        return np.zeros((0, m))
    count = m + _SURPLUS_POINTS
    jacobians, values = scaled_jacobians(points, count)
    rows = []
    for k in range(count):
        left, singular_values, _ = np.linalg.svd(jacobians[k])
        cutoff.record(_as_given(singular_values, rank), "the Jacobian of the cone")
        rows.append(real_rows(left[:, rank:].conj().T * values[:, k]))
    return np.concatenate(rows)


def _as_given(singular_values: FloatArray, rank: int) -> RankDecision:
    """A rank that was decided before, with what it keeps and drops here."""
    if rank == 0:
        return RankDecision(0, math.inf)
    relative = np.append(singular_values, 0.0) / singular_values[0]
    kept, dropped = float(relative[rank - 1]), float(relative[rank])
    return RankDecision(rank, kept / dropped if dropped else math.inf, kept, dropped)


def numerical_grading(points: NumericalPoints, rank: int, homogeneous: bool, cutoff: Cutoff) -> Grading:
    """The integer gradings that hold up to rounding errors, as `algeom.grading` finds those that hold exactly.

    The null space of the tangency equations is found by its gap and rounded to rational numbers; integer weights are
    kept if they satisfy the equations. Where the null space is not rational, only (1, ..., 1) is kept: a part of the
    gradings costs time, not correctness.

    Parameters
    ----------
    points : NumericalPoints
        Of a map whose image is a cone.
    rank : int
        Rank of its Jacobian.
    homogeneous : bool
        Whether (1, ..., 1) is known to be a grading.
    cutoff : Cutoff
        Notes what is kept and dropped.

    Raises
    ------
    UndecidedRankError
        If no gap in the singular values decides how many there are.
    """
    m = points.tape.n_outputs
    equations = _tangency_equations(points, rank, cutoff)
    # Columns of coordinates that no equation concerns hold rounding errors: scaling would blow them up.
    which = "the tangency equations of the gradings"
    solved = factorize(equations, which, scale_rows=False, scale_columns=False)
    weights = np.array(lattice.saturate(_rounded(solved.null_vectors())), np.int64).reshape(-1, m)
    size = np.linalg.norm(equations, axis=1)
    residuals = np.abs(equations @ weights.T) / np.where(size > 0, size, 1.0)[:, None]
    relative = residuals.max(axis=0, initial=0.0) / np.abs(weights).max(axis=1, initial=1)
    holds = relative <= _RESIDUAL_TOLERANCE
    weights = weights[holds]
    cutoff.record(solved.decision, which)
    cutoff.record_residual(float(relative[holds].max(initial=0.0)), which)
    ones = np.ones((1, m), np.int64)
    if homogeneous:
        weights = np.array(lattice.saturate(np.concatenate([weights, ones]).tolist()), np.int64)
    reason = f"tangency of the weights in {points.arithmetic}, gap {solved.decision.gap:.0e}"
    if len(weights) < len(solved.free_columns):
        reason += f"; {len(solved.free_columns) - len(weights)} weight vectors could not be rounded to integers"
    return Grading(weights, homogeneous, Evidence(Status.NUMERICAL, math.nan, reason), points.seed)


def _rounded(rows: FloatArray) -> list[list[int]]:
    """Integer multiples of those rows that are rational up to rounding errors."""
    integers = []
    for row in rows:
        fractions = [Fraction(float(x)).limit_denominator(_LARGEST_DENOMINATOR) for x in row]
        errors = np.abs(np.array([float(q) for q in fractions]) - row)
        if (errors <= _ROUNDING_TOLERANCE * np.maximum(1.0, np.abs(row))).all():
            denominator = math.lcm(*(q.denominator for q in fractions))
            integers.append([int(q * denominator) for q in fractions])
    return integers


def checked_permutations(phi: PolynomialMap, points: NumericalPoints, cutoff: Cutoff) -> list[IntArray]:
    """The coordinate permutations that a map declares, each checked up to rounding errors, which `cutoff` notes.

    Raises
    ------
    InputError
        If one is no symmetry.
    """
    theta = points.theta(_SYMMETRY_POINTS)[:, :_SYMMETRY_POINTS]
    values = points.values(_SYMMETRY_POINTS)[:, :_SYMMETRY_POINTS]
    size = np.abs(values).max(axis=1)
    for number, (tau, sigma) in enumerate(phi.symmetries):
        moved = phi.tape.evaluate(np.ascontiguousarray(theta[tau]))
        moved[points.zero] = 0.0
        errors = np.abs(moved - values[sigma]).max(axis=1, initial=0.0) / np.where(size > 0, size, 1.0)
        wrong = (errors > _RESIDUAL_TOLERANCE) | ((size == 0) & (errors > 0))
        if wrong.any():
            raise InputError(
                f"declared symmetry {number} is none: phi(theta[tau]) differs from phi(theta)[sigma] in coordinate "
                f"{phi.names[int(np.flatnonzero(wrong)[0])]}. Correct the permutations, or pass symmetry=False"
            )
        cutoff.record_residual(float(errors.max(initial=0.0)), f"declared symmetry {number}")
    return [np.asarray(sigma, np.int64) for _, sigma in phi.symmetries]


def independent_rows(jacobian: Any, support: IntArray) -> RankDecision | None:
    """The full rank of some rows of the Jacobian at a point if they are clearly independent, else None."""
    if len(support) > min(jacobian.shape):
        return None
    try:
        decision = numerical_rank(jacobian[support])
    except UndecidedRankError:
        return None
    return decision if decision.rank == len(support) else None

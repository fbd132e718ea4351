"""The nearest equivariant map of bounded rank: over all components, or on one of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.evidence import Evidence, Status
from algeom.maps.relabelling import check_integer
from algeom.networks.equivariant.arguments import checked_data, checked_gram, checked_matrix
from algeom.networks.equivariant.base_change import BaseChange
from algeom.networks.equivariant.blocks import Field, blocks_over, complex_matrix, from_complex_matrix, joined, split
from algeom.networks.equivariant.component import EquivariantComponent
from algeom.networks.equivariant.components import RankVectors
from algeom.networks.equivariant.low_rank import Spectrum, spectrum, square_roots
from algeom.networks.equivariant.selection import Selection, select

__all__ = ["NearestEquivariant", "nearest_equivariant", "nearest_on_component"]

Array = NDArray[Any]
Float = NDArray[np.float64]

#: Rounding errors of squared singular values, in n * eps times the largest: base change and singular values are
#: backward stable with small constants.
_ROUNDING = 16.0


@dataclass(frozen=True, eq=False, repr=False)
class NearestEquivariant:
    """The nearest equivariant map of bounded rank to a matrix, or the one that fits data best.

    Attributes
    ----------
    matrix : ndarray, shape (n, n)
        It commutes with the group up to rounding.
    component : EquivariantComponent
        An irreducible component of the equivariant maps of rank at most r that it lies on.
    ranks : tuple of int
        The ranks of its blocks.
    distance : float
        From the target, in the metric; for data the root of the squared loss.
    distance_to_equivariant : float
        From the target to the nearest equivariant map of any rank: no rank makes the distance smaller.
    values : tuple of ndarray
        Block by block the singular values, in the metric, of the nearest equivariant map of any rank.
    certificate : Selection or None
        Which singular values are kept and dropped, with a bound, and ``verify()``; None on a single component, where
        the ranks are given.
    is_unique : bool
        Whether no other equivariant map of this rank is equally near, up to rounding; False where the metric is
        degenerate.
    evidence : Evidence
    """

    matrix: Array
    component: EquivariantComponent
    ranks: tuple[int, ...]
    distance: float
    distance_to_equivariant: float
    values: tuple[Float, ...]
    certificate: Selection | None
    is_unique: bool
    evidence: Evidence

    def __repr__(self) -> str:
        blocks = self.component.blocks
        rank = sum(block.cost * r for block, r in zip(blocks, self.ranks, strict=True))
        return (
            f"NearestEquivariant(rank {rank}, distance {self.distance:.10g}; of any rank "
            f"{self.distance_to_equivariant:.10g}{'' if self.is_unique else '; not unique'}; {self.evidence})"
        )

    def __str__(self) -> str:
        return "\n".join([repr(self), repr(self.component), self.evidence.reason])


@dataclass(frozen=True, eq=False)
class _Problem:
    """Minimize ``tr((M - T) C (M - T)^*)``, with ``T C = cross``; without C the Frobenius norm, cross the target T."""

    base_change: BaseChange
    field: Field
    cross: Array
    gram: Array | None

    def spectra(self) -> tuple[list[Spectrum], bool]:
        """Block by block the spectrum in the metric, and whether the metric is positive definite."""
        crosses = self._matrices(self.cross)
        if self.gram is None:
            grams: list[Any] = [None] * len(crosses)
            largest = 0.0
        else:
            grams = self._matrices(self.gram)
            largest = max(float(np.linalg.norm(block, 2)) for block in grams)
        found, definite = [], True
        for cross, gram, quaternionic in zip(crosses, grams, self._quaternionic(), strict=True):
            if gram is None:
                found.append(spectrum(cross, quaternionic=quaternionic))
                continue
            root, inverse = square_roots(gram, largest)
            definite &= np.linalg.matrix_rank(root, hermitian=True) == len(root)
            # The minimum over all blocks is cross @ gram^+, so that in the metric it is cross @ root^+.
            found.append(spectrum(cross @ inverse, inverse, quaternionic=quaternionic))
        return found, definite

    def _quaternionic(self) -> list[bool]:
        if self.field == "complex":
            return [False] * len(blocks_over("complex", self.base_change.blocks))
        return [block.algebra == 4 for block in self.base_change.blocks]

    def _matrices(self, matrix: Array) -> list[Array]:
        parts = self.base_change.coordinates(matrix)
        if self.field == "real":
            return [complex_matrix(part) for part in parts]
        return [block for part in parts for block in split(part)]

    def matrix(self, spectra: Sequence[Spectrum], ranks: Sequence[int]) -> Array:
        """The n x n matrix with these ranks that is nearest."""
        parts = iter([found.truncated(r) for found, r in zip(spectra, ranks, strict=True)])
        if self.field == "real":
            coordinates = [from_complex_matrix(next(parts), block.algebra) for block in self.base_change.blocks]
        else:
            coordinates = [
                joined([next(parts) for _ in range(2 if block.algebra == 2 else 1)], block.algebra)
                for block in self.base_change.blocks
            ]
        return self.base_change.from_coordinates(coordinates)


def nearest_equivariant(
    base_change: BaseChange, rank: Any, target: Any = None, *, gram: Any = None, data: Any = None, field: Field = "real"
) -> NearestEquivariant:
    """The nearest equivariant map of rank at most r, over all irreducible components.

    This is what ``EquivariantMaps.nearest`` and ``EquivariantMaps.fit`` call.

    Parameters
    ----------
    base_change : BaseChange
    rank : int
        r, from 0 to n.
    target : array_like, shape (n, n)
    gram : array_like, shape (n, n), optional
        A positive semidefinite matrix C: distance is measured by ``tr((M - T) C (M - T)^T)``.
    data : pair of array_like, shapes (n, N), optional
        Instead of a target: inputs X and outputs Y, for the least ``||M X - Y||``.
    field : {"real", "complex"}

    Returns
    -------
    NearestEquivariant

    Notes
    -----
    The optimum over all components, however many there are, in polynomial time:

    1. The distance from the target splits, orthogonally, into that to its mean over the group, and that between
       equivariant maps. With a metric C the same holds after C has been replaced by its mean over the group, since
       ``tr(M C M^T) = tr(M g C g^T M^T)`` for M that commutes with the orthogonal g: the metric need not be invariant.
    2. The orthogonal base change splits the second into blocks, which are weighted by the dimensions of the irreducible
       representations.
    3. In each block the best matrix of given rank over its algebra keeps the largest singular values (Eckart-Young).
    4. Which blocks to give the rank to is a knapsack with costs 1 and 2 (other dimensions for other groups), solved
       exactly: see `Selection`, which is returned as the certificate.
    """
    r = check_integer("rank", rank, 0, base_change.n, "the size of the matrices")
    blocks = blocks_over(field, base_change.blocks)
    problem, total = _problem(base_change, field, target, gram, data)
    spectra, definite = problem.spectra()
    values, costs = [found.values for found in spectra], [block.cost for block in blocks]
    certificate = select(values, costs, r, [block.label for block in blocks])
    rounding = _rounding(base_change.n, values)
    unique = definite and certificate.margin > rounding
    reason = (
        "mean over the group, Eckart-Young in each block, and an exact knapsack over the blocks; singular values with "
        f"rounding errors, so that the squared distance is least up to {rounding:.0e}"
    )
    ranks = _ranks_within(blocks, certificate.ranks, r)
    component = EquivariantComponent(base_change, field, ranks)
    return _result(problem, total, spectra, certificate.ranks, component, certificate, unique, reason)


def nearest_on_component(
    component: EquivariantComponent, target: Any = None, *, gram: Any = None, data: Any = None
) -> NearestEquivariant:
    """The nearest point on one irreducible component; parameters as for `nearest_equivariant`."""
    problem, total = _problem(component.base_change, component.field, target, gram, data)
    spectra, definite = problem.spectra()
    values = [found.values for found in spectra]
    rounding = _rounding(component.base_change.n, values)
    ties = any(
        0 < r < block.size and block[r - 1] ** 2 - block[r] ** 2 <= rounding
        for block, r in zip(values, component.ranks, strict=True)
        if r < block.size and block[r] ** 2 > rounding
    )
    ranks = tuple(min(r, int(np.count_nonzero(block))) for block, r in zip(values, component.ranks, strict=True))
    reason = "mean over the group and Eckart-Young in each block; singular values with rounding errors"
    return _result(problem, total, spectra, ranks, component, None, definite and not ties, reason)


def _problem(
    base_change: BaseChange, field: Field, target: Any, gram: Any, data: Any
) -> tuple[_Problem, tuple[Array | None, Array | None, Array | None]]:
    n = base_change.n
    if data is not None:
        inputs, outputs = checked_data(data, n, n, field)
        adjoint = inputs.conj().T
        return _Problem(base_change, field, outputs @ adjoint, inputs @ adjoint), (None, inputs, outputs)
    matrix = checked_matrix("the target", target, n, n, field)
    if gram is None:
        return _Problem(base_change, field, matrix, None), (matrix, None, None)
    metric = checked_gram(gram, n, field)
    return _Problem(base_change, field, matrix @ metric, metric), (matrix, None, None)


def _rounding(n: int, values: Sequence[Float]) -> float:
    """Accuracy of squared singular values."""
    largest = max(float(block.max(initial=0.0)) for block in values)
    return float(_ROUNDING * n * np.finfo(np.float64).eps * largest**2)


def _ranks_within(blocks: Sequence[Any], ranks: Sequence[int], rank: int) -> tuple[int, ...]:
    """Ranks of an irreducible component that contains matrices of given ranks."""
    costs, high = [block.cost for block in blocks], [block.multiplicity for block in blocks]
    vectors = RankVectors(costs, ranks, high, rank)
    if vectors.count:
        return vectors[0]
    # No matrix of the full rank is near: fill up as far as it goes.
    filled, room = list(ranks), rank - sum(c * r for c, r in zip(costs, ranks, strict=True))
    for b, cost in enumerate(costs):
        more = min(high[b] - filled[b], room // cost)
        filled[b] += more
        room -= more * cost
    return tuple(filled)


def _result(
    problem: _Problem,
    given: tuple[Array | None, Array | None, Array | None],
    spectra: Sequence[Spectrum],
    ranks: tuple[int, ...],
    component: EquivariantComponent,
    certificate: Selection | None,
    unique: bool,
    reason: str,
) -> NearestEquivariant:
    matrix = problem.matrix(spectra, ranks)
    everything = problem.matrix(spectra, [found.values.size for found in spectra])
    return NearestEquivariant(
        matrix=matrix,
        component=component,
        ranks=ranks,
        distance=_distance(matrix, given, problem.gram),
        distance_to_equivariant=_distance(everything, given, problem.gram),
        values=tuple(found.values for found in spectra),
        certificate=certificate,
        is_unique=unique,
        evidence=Evidence(Status.NUMERICAL, math.nan, reason),
    )


def _distance(matrix: Array, given: tuple[Array | None, Array | None, Array | None], gram: Array | None) -> float:
    target, inputs, outputs = given
    if inputs is not None and outputs is not None:
        return float(np.linalg.norm(matrix @ inputs - outputs))
    difference = matrix - target
    if gram is None:
        return float(np.linalg.norm(difference))
    # Rounding may leave a small negative number.
    return math.sqrt(max(0.0, float(np.sum((difference @ gram) * difference.conj()).real)))

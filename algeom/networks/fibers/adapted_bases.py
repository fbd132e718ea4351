"""Adapted bases of the layers of a linear network: the barcode algorithm by the elder rule."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

import numpy as np

from algeom.evidence import Evidence, Status
from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.fields import ExactField, Field, Matrix, Reals

__all__ = ["AdaptedBases", "RankDecision", "adapted_bases"]


@dataclass(frozen=True)
class RankDecision:
    """How many of the bars born at one layer a weight matrix was found to carry on.

    Attributes
    ----------
    layer : int
        The number i of the weight matrix W_i, from layer i - 1 to layer i.
    birth : int
        The layer where the bars are born.
    count, rank : int
        How many of them reach layer i - 1, and how many layer i.
    kept, dropped : float or None
        The smallest singular value that counts and the largest that does not, of the part of W_i on these bars that is
        orthogonal to the images of older ones, divided by the norm of W_i; None where there is none.
    tolerance : float
        What separates the two.
    """

    layer: int
    birth: int
    count: int
    rank: int
    kept: float | None
    dropped: float | None
    tolerance: float

    @property
    def gap(self) -> float:
        """How many times the kept value is larger than the dropped one; infinite if there is none, or it is 0."""
        kept = 1.0 if self.kept is None else self.kept
        return kept / self.dropped if self.dropped else math.inf

    @property
    def margin(self) -> float:
        """By which factor the tolerance, up or down, would have to change for another decision."""
        above = math.inf if self.kept is None else self.kept / self.tolerance
        below = self.tolerance / self.dropped if self.dropped else math.inf
        return min(above, below)

    def __str__(self) -> str:
        shown = ["no value" if value is None else f"{value:.2g}" for value in (self.kept, self.dropped)]
        return (
            f"W_{self.layer}, bars born at layer {self.birth}: {self.rank} of {self.count} live on "
            f"(kept {shown[0]}, dropped {shown[1]}, tolerance {self.tolerance:.2g})"
        )


@dataclass(frozen=True, eq=False)
class AdaptedBases:
    """Bases of all layers in which each weight matrix sends basis vectors to basis vectors, or to 0.

    Attributes
    ----------
    bars : Bars
        The interval multiplicities.
    bases : tuple of arrays of shape (d_j, d_j)
        The basis of layer j as columns. They belong to the bars ``bars.through(j)`` in that order, copies of a bar in
        the same order at all its layers. ``W_j @ bases[j-1] == bases[j] @ N_j`` with the matrices
        ``N_j = bars.normal_form()[j-1]`` of zeros and ones.
    decisions : tuple of RankDecision
        All decisions on ranks that rest on a tolerance: none over an exact field.
    residual : float
        The largest relative difference between W_j and ``bases[j] N_j bases[j-1]^(-1)``, in the Frobenius norm: the
        size of what was taken for zero, and of rounding errors. 0 over an exact field.
    field : Field
        The coefficients.
    """

    bars: Bars
    bases: tuple[Matrix, ...]
    decisions: tuple[RankDecision, ...]
    residual: float
    field: Field

    @cached_property
    def duals(self) -> tuple[Matrix, ...]:
        """The dual basis of each layer as rows: the inverse matrices."""
        return tuple(self.field.inverse(basis) for basis in self.bases)

    @property
    def evidence(self) -> Evidence:
        """What the bars rest on: exact elimination, or the gaps between singular values."""
        if self.field.is_exact:
            return Evidence(Status.PROVED, reason=f"ranks by exact elimination over {self.field}")
        kept = min((d.kept for d in self.decisions if d.kept is not None), default=math.nan)
        dropped = max((d.dropped for d in self.decisions if d.dropped is not None), default=0.0)
        return Evidence(
            Status.NUMERICAL,
            math.nan,
            f"{len(self.decisions)} decisions on ranks: relative singular values from {kept:.2g} up were kept, those "
            f"up to {dropped:.2g} dropped (tolerance {self.decisions[0].tolerance:.2g})",
        )

    def columns(self, layer: int, interval: Interval) -> list[int]:
        """Which columns of the basis of a layer belong to a bar."""
        return [k for k, bar in enumerate(self.bars.through(layer)) if bar == interval]

    @cached_property
    def full_columns(self) -> tuple[list[int], ...]:
        """Which columns of each basis belong to the full bars [0, L]."""
        return tuple(self.columns(layer, (0, self.bars.depth)) for layer in range(self.bars.depth + 1))

    def rest_columns(self, layer: int) -> list[int]:
        """Which columns of a basis belong to other bars than the full ones."""
        full = set(self.full_columns[layer])
        return [k for k in range(self.bars.widths[layer]) if k not in full]

    def weights(self) -> list[Matrix]:
        """The weights ``bases[j] N_j bases[j-1]^(-1)``: those given, up to `residual`, exactly of these bars."""
        return [
            self.field.multiply(self.bases[j + 1], self.field.normalized(normal), self.duals[j])
            for j, normal in enumerate(self.bars.normal_form())
        ]

    def __repr__(self) -> str:
        return f"AdaptedBases({self.bars}; over {self.field}, {self.evidence})"


def adapted_bases(weights: list[Matrix] | tuple[Matrix, ...], field: Field) -> AdaptedBases:
    """Split a linear network into bars.

    The layers are gone through from the input to the output, at each of them the living bars from the oldest to the
    youngest. Where the image of a bar's vector does not depend on those of older ones, the bar lives on with the image
    as its vector. Otherwise a combination of the older bars, which live at all its layers, is subtracted from it
    throughout, so that its image becomes 0: it dies. Images are completed to a basis by newborn bars.

    Parameters
    ----------
    weights : sequence of matrices
        W_1, ..., W_L over the field, of shapes that compose.
    field : Field
        In double precision the bars of one birth are dealt with at once, by a singular value decomposition of what they
        add to the images of older ones, in an orthonormal basis that is adapted to the births.

    Returns
    -------
    AdaptedBases

    Notes
    -----
    That each representation of a type A quiver splits into intervals is Gabriel's theorem. The elder rule is that of
    persistent homology.

    References
    ----------
    P. Gabriel, Unzerlegbare Darstellungen I, Manuscripta Math. 6 (1972). A. Zomorodian, G. Carlsson, Computing
    persistent homology, Discrete Comput. Geom. 33 (2005).

    Examples
    --------
    >>> from algeom.networks.fibers.fields import Rationals
    >>> Q = Rationals()
    >>> found = adapted_bases([Q.matrix([[1, 2], [2, 4]], "W_1"), Q.matrix([[2, -1]], "W_2")], Q)
    >>> print(found.bars)
    00 01 12
    >>> [basis.tolist() for basis in found.bases]
    [[[-2, 1], [1, 0]], [[1, 1], [2, 0]], [[2]]]
    """
    n_inputs = weights[0].shape[1]
    bases = [field.identity(n_inputs)]
    lines = [list(range(n_inputs))]  # the bars of the columns of each basis, from the oldest to the youngest
    births = [0] * n_inputs
    deaths: dict[int, int] = {}
    decisions: list[RankDecision] = []
    for j, weight in enumerate(weights):
        alive = lines[j]
        counts = [(birth, len(list(group))) for birth, group in groupby(births[bar] for bar in alive)]
        if isinstance(field, Reals):
            step = _numerical_step(weight, bases[j], counts, j + 1, field.tolerance)
        else:
            assert isinstance(field, ExactField)
            step = _exact_step(field, weight, bases[j])
        decisions += step.decisions
        for m in range(j + 1):
            elder = [bar for bar in alive if births[bar] <= m]
            place = {bar: k for k, bar in enumerate(lines[m])}
            columns = [place[bar] for bar in elder]
            change = step.change[: len(elder), : len(elder)]
            bases[m][:, columns] = field.multiply(bases[m][:, columns], change)
        images = field.multiply(weight, bases[j][:, step.survivors])
        survivors = [alive[k] for k in step.survivors]
        deaths |= dict.fromkeys(set(alive) - set(survivors), j)
        newborn = range(len(births), len(births) + weight.shape[0] - len(survivors))
        births += [j + 1] * len(newborn)
        bases.append(np.hstack([images, field.complement(images)]))
        lines.append(survivors + list(newborn))
    kinds = {bar: (birth, deaths.get(bar, len(weights))) for bar, birth in enumerate(births)}
    if not field.is_exact:
        _balance(bases, lines, len(births))
    for j, alive in enumerate(lines):
        bases[j] = bases[j][:, sorted(range(len(alive)), key=lambda k: (*kinds[alive[k]], alive[k]))]
    widths = (n_inputs, *(weight.shape[0] for weight in weights))
    bars = Bars.from_multiplicities(Counter(kinds.values()), widths)
    found = AdaptedBases(bars, tuple(bases), tuple(decisions), 0.0, field)
    if field.is_exact:
        return found
    residual = max(_relative(given - made, given) for given, made in zip(weights, found.weights(), strict=True))
    return AdaptedBases(bars, tuple(bases), tuple(decisions), residual, field)


class _Step(NamedTuple):
    """What one weight matrix does to the living bars.

    `change` is block triangular by births and invertible: the changed basis consists of the `survivors` (columns),
    whose images are independent, and of vectors that are sent to 0.
    """

    change: Matrix
    survivors: list[int]
    decisions: list[RankDecision]


def _exact_step(field: ExactField, weight: Matrix, basis: Matrix) -> _Step:
    coefficients, pivots = field.echelon(field.multiply(weight, basis))
    change = field.identity(basis.shape[1])
    for k in set(range(basis.shape[1])) - set(pivots):
        change[pivots, k] = -coefficients[:, k]
    return _Step(field.normalized(change), pivots, [])


def _numerical_step(
    weight: Matrix, basis: Matrix, counts: list[tuple[int, int]], layer: int, tolerance: float
) -> _Step:
    orthonormal, triangular = np.linalg.qr(basis)
    images = weight @ orthonormal
    norm = float(np.linalg.norm(weight, 2)) or 1.0
    width = basis.shape[1]
    changed = np.zeros((width, 0))  # the new basis with respect to the orthonormal one
    survivors: list[int] = []
    kept = np.zeros((weight.shape[0], 0))  # an orthonormal basis of the survivors' images
    decisions = []
    for birth, count in counts:
        start = changed.shape[1]
        block = images[:, start : start + count]
        remainder = block - kept @ (kept.T @ block)
        remainder -= kept @ (kept.T @ remainder)
        left, values, right = np.linalg.svd(remainder)
        rank = int(np.count_nonzero(values > tolerance * norm))
        directions = np.zeros((width, count))
        directions[start : start + count] = right.T
        elder = changed[:, survivors]
        coefficients = np.linalg.solve(kept.T @ images @ elder, kept.T @ images @ directions[:, rank:])
        directions[:, rank:] -= elder @ coefficients
        changed = np.hstack([changed, directions])
        survivors += range(start, start + rank)
        kept = np.hstack([kept, left[:, :rank]])
        decisions.append(
            RankDecision(
                layer,
                birth,
                count,
                rank,
                kept=float(values[rank - 1] / norm) if rank else None,
                dropped=float(values[rank] / norm) if rank < len(values) else None,
                tolerance=tolerance,
            )
        )
    return _Step(np.linalg.solve(triangular, changed), survivors, decisions)


def _balance(bases: list[Matrix], lines: list[list[int]], n_bars: int) -> None:
    """Scale each bar so that the norms of its vectors at all layers have the geometric mean 1."""
    logs, counts = np.zeros(n_bars), np.zeros(n_bars)
    for basis, alive in zip(bases, lines, strict=True):
        logs[alive] += np.log(np.linalg.norm(basis, axis=0))
        counts[alive] += 1
    scale = np.exp(-logs / counts)
    for basis, alive in zip(bases, lines, strict=True):
        basis *= scale[alive]


def _relative(difference: Matrix, given: Matrix) -> float:
    return float(np.linalg.norm(difference)) / (float(np.linalg.norm(given)) or 1.0)

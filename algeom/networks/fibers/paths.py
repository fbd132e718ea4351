"""Paths between two points of one stratum of a fiber, with the product kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.networks.fibers.connectivity import Separation, bars_to_turn, count_connected_stratum
from algeom.networks.fibers.corrections import FullBars
from algeom.networks.fibers.fields import Matrix, Reals
from algeom.networks.fibers.invertible_paths import InvertiblePath, check_ordered, checked_time
from algeom.networks.fibers.network import LinearNetwork, require_network

__all__ = ["StratumPath", "check_accuracy", "check_same_fiber", "product_error", "stratum_path"]

#: Times at which a path in double precision is looked at: before it is handed out, and for its evidence.
_CHECKED = (0.5, 1.0)
_TIMES = np.linspace(0.0, 1.0, 9)


def stratum_path(start: LinearNetwork, end: LinearNetwork) -> StratumPath | Separation:
    """A path from one point of a stratum to another, within the stratum and its fiber.

    Parameters
    ----------
    start, end : LinearNetwork
        Weights over Q or in double precision, with the same product and the same bars.

    Returns
    -------
    StratumPath or Separation
        A path wherever there is one; else why the two lie in different components of the stratum. Their attribute
        `connected` tells which.

    Raises
    ------
    InputError
        If widths, products or bars differ, the weights are over a finite field, or double precision does not suffice.

    Notes
    -----
    Adapted bases E_j of the start and E'_j of the end give changes of bases ``E'_j E_j^(-1)`` that take one to the
    other. By changes of sign of single bars of the end, which leave its weights as they are, all determinants that
    matter are made positive, or it is proved that this is impossible (`count_connected_stratum`). Then each layer has
    a path of invertible matrices from E_j to E'_j: at hidden layers any, at the outer ones one that keeps the
    product, with the same path on the image of the product at both ends.

    Examples
    --------
    >>> start = LinearNetwork([[[1], [0]], [[1, 0]]])
    >>> path = stratum_path(start, LinearNetwork([[[0], [-1]], [[0, -1]]]))
    >>> [matrix.tolist() for matrix in path(1).weights], path(0.5).product.tolist()
    ([[[0], [-1]], [[0, -1]]], [[1]])
    >>> print(stratum_path(LinearNetwork([[[1]], [[1]]]), LinearNetwork([[[-1]], [[-1]]])))
    no path within the stratum, which has 2 connected components: ...
    """
    check_same_fiber(start, end)
    if start.bars != end.bars:
        raise InputError(f"the weights lie in different strata, {start.bars} and {end.bars}; route goes between strata")
    field, bars = start.field, start.bars
    depth, rank = bars.depth, bars.rank
    full_0 = start.adapted.full_columns[0]
    rest_0, rest_end = start.adapted.rest_columns(0), start.adapted.rest_columns(depth)
    bases = [basis.copy() for basis in end.adapted.bases]

    def turn(interval: tuple[int, int]) -> None:
        for layer in range(interval[0], interval[1] + 1):
            column = start.adapted.columns(layer, interval)[0]
            bases[layer][:, column] = field.normalized(-bases[layer][:, column])

    def changes() -> list[Matrix]:
        return [field.multiply(dual, basis) for dual, basis in zip(start.adapted.duals, bases, strict=True)]

    def signs(found: list[Matrix]) -> list[int]:
        inner = [field.determinant_sign(change) for change in found[1:-1]]
        outer = (found[0][np.ix_(rest_0, rest_0)], found[-1][np.ix_(rest_end, rest_end)])
        return [field.determinant_sign(outer[0]), *inner, field.determinant_sign(outer[1])]

    if rank and field.determinant_sign(changes()[0][np.ix_(full_0, full_0)]) < 0:
        turn((0, depth))
    found = signs(changes())
    turned, obstruction = bars_to_turn(bars, [layer for layer, value in enumerate(found) if value < 0])
    if obstruction:
        return _separation(start, end, obstruction, found)
    for interval in turned:
        turn(interval)
    path = StratumPath(start, end, changes())
    if not field.is_exact:
        check_accuracy([path(t) for t in _CHECKED], end)
    return path


class StratumPath:
    """A path of weights within a stratum of a fiber: call it with a time from 0 to 1.

    At rational times paths over Q have rational values, with exactly the product of the ends. In double precision the
    path starts and ends at the given weights up to ``adapted.residual``, and rounding errors of the product are taken
    back at each time.

    Attributes
    ----------
    start, end : LinearNetwork
    changes : tuple of arrays
        For each layer the matrix, in the adapted basis of the start, that takes it to the end.
    connected : bool
        True: what tells it from a `Separation`.
    """

    connected = True

    def __init__(self, start: LinearNetwork, end: LinearNetwork, changes: list[Matrix]) -> None:
        self.start, self.end, self.changes = start, end, tuple(changes)
        adapted, field, depth = start.adapted, start.field, start.depth
        self._normal = [field.normalized(matrix) for matrix in start.bars.normal_form()]
        self._hidden = [InvertiblePath(field, change) for change in changes[1:-1]]
        full, rest = adapted.full_columns, [adapted.rest_columns(0), adapted.rest_columns(depth)]
        self._on_image = InvertiblePath(field, changes[0][np.ix_(full[0], full[0])])
        self._on_rest = [
            InvertiblePath(field, changes[layer][np.ix_(columns, columns)])
            for layer, columns in zip((0, depth), rest, strict=True)
        ]

    def __call__(self, t: Any) -> LinearNetwork:
        """The weights at a time from 0 (the start) to 1 (the end): an int or Fraction over Q, or a float."""
        adapted, field, depth = self.start.adapted, self.start.field, self.start.depth
        t = checked_time(t, field)
        full = adapted.full_columns
        rest_0, rest_end = adapted.rest_columns(0), adapted.rest_columns(depth)
        # The kernel of the product and its image stay what they are; the rest of the outer layers moves along straight
        # lines.
        first, last = field.zeros(*self.changes[0].shape), field.zeros(*self.changes[-1].shape)
        first[np.ix_(full[0], full[0])] = last[np.ix_(full[-1], full[-1])] = self._on_image(t)
        first[np.ix_(rest_0, full[0])] = t * self.changes[0][np.ix_(rest_0, full[0])]
        first[np.ix_(rest_0, rest_0)] = self._on_rest[0](t)
        last[np.ix_(full[-1], rest_end)] = t * self.changes[-1][np.ix_(full[-1], rest_end)]
        last[np.ix_(rest_end, rest_end)] = self._on_rest[1](t)
        moved = [field.normalized(first), *(path(t) for path in self._hidden), field.normalized(last)]
        bases = [field.multiply(basis, change) for basis, change in zip(adapted.bases, moved, strict=True)]
        duals = [field.inverse(basis) for basis in bases]
        weights = [
            field.multiply(after, normal, before)
            for before, normal, after in zip(duals, self._normal, bases[1:], strict=False)
        ]
        if not field.is_exact:
            frame = FullBars(bases[0][:, full[0]], bases[1][:, full[1]], duals[-2][full[-2]], duals[-1][full[-1]])
            weights = frame.corrected(weights, (1 - t) * self.start.product + t * self.end.product, field)
        return LinearNetwork.over(field, weights)

    @property
    def evidence(self) -> Evidence:
        """PROVED over Q; in double precision NUMERICAL, with the error of the product along the path."""
        parts = [self.start.evidence, self.end.evidence]
        if self.start.field.is_exact:
            return combine(parts, "changes of bases over Q that keep the product")
        error = max(product_error(self(t), self.start) for t in _TIMES)
        return combine(
            [*parts, Evidence(Status.NUMERICAL, math.nan, "rounding")],
            f"relative error of the product along the path at most {error:.1e}, and of the ends at most "
            f"{max(self.start.adapted.residual, self.end.adapted.residual):.1e}",
        )

    def __repr__(self) -> str:
        return f"StratumPath(within {self.start.bars}, over {self.start.field})"


def product_error(network: LinearNetwork, reference: LinearNetwork) -> float:
    """The distance of two networks' products in double precision, relative to the products of the norms of the weights.

    That is what rounding errors of the multiplication itself are relative to; it is at least the norm of the products.
    Frobenius norms, the larger one of the two products of norms; over exact fields 0 or 1, for equal and different.

    Examples
    --------
    >>> product_error(LinearNetwork([[[2.0]], [[4.0]]]), LinearNetwork([[[2.0]], [[5.0]]]))
    0.2
    """
    difference = network.product - reference.product
    if network.field.is_exact:
        return float(bool(network.field.normalized(difference).any()))
    scale = max(math.prod(float(np.linalg.norm(weight)) for weight in one.weights) for one in (network, reference))
    return float(np.linalg.norm(difference)) / (scale or 1.0)


def check_same_fiber(start: LinearNetwork, end: LinearNetwork) -> None:
    """Refuse two networks that are not points of one fiber over R or Q.

    Raises
    ------
    InputError
        If their fields, widths or products differ, or the field is finite.
    """
    for name, network in (("start", start), ("end", end)):
        require_network(network, name)
        check_ordered(network.field)
    if start.field.is_exact != end.field.is_exact:
        raise InputError(
            f"one of the networks is over {start.field} and the other over {end.field}; give both exactly, or both in "
            "floats"
        )
    if start.widths != end.widths:
        raise InputError(f"the widths are {start.widths} and {end.widths}; a fiber has weights of the same shapes")
    error = product_error(start, end)
    # What ranks cannot tell from zero counts as zero here as well.
    allowed = max(field.tolerance if isinstance(field, Reals) else 0.0 for field in (start.field, end.field))
    if error > allowed:
        raise InputError(
            f"the products of the two networks differ (relative to the norms of the weights by {error:.2g}); they have "
            "to be equal: random_point(bars, network.product) gives other weights with the same product"
        )


def check_accuracy(passed: Sequence[LinearNetwork], end: LinearNetwork) -> None:
    """Refuse ways in double precision that lose the product, or miss their end, by more than the tolerance of ranks.

    Raises
    ------
    InputError
        If that is so.
    """
    lost = max(product_error(network, end) for network in passed)
    missed = max(
        float(np.linalg.norm(reached - there)) / (float(np.linalg.norm(there)) or 1.0)
        for reached, there in zip(passed[-1].weights, end.weights, strict=True)
    )
    allowed = max(network.field.tolerance for network in (*passed, end) if isinstance(network.field, Reals))
    if not max(lost, missed) <= allowed:
        raise InputError(
            f"double precision does not suffice: along the way the product changes by {lost:.1e} (relative to the "
            f"norms of the weights), and the end is missed by {missed:.1e}; take weights that are better conditioned, "
            "or give them exactly, as Fractions with equal products"
        )


def _separation(start: LinearNetwork, end: LinearNetwork, layers: tuple[int, ...], signs: list[int]) -> Separation:
    names = {0: "0 (on the kernel of the product)", start.depth: f"{start.depth} (on its cokernel)"}
    negative = [str(layer) for layer in layers if signs[layer] < 0]
    reason = (
        "in changes of bases that take one point to the other, and have a positive determinant on the image of the "
        f"product, the product of the determinants at layers {', '.join(names.get(k, str(k)) for k in layers)} is "
        f"negative (at layers {', '.join(negative)} they are); each bar but the full ones lies in an even number of "
        "these layers, so that this is so for all such changes of bases, and cannot change along a path"
    )
    evidence = combine([start.evidence, end.evidence], "signs of determinants of changes of bases")
    return Separation("stratum", layers, reason, count_connected_stratum(start.bars), evidence)

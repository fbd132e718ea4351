"""Routes between any two points of a fiber by one- and two-matrix moves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np

from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.connectivity import Separation, count_connected_fiber
from algeom.networks.fibers.corrections import FullBars, full_bars
from algeom.networks.fibers.fields import Field, Matrix
from algeom.networks.fibers.invertible_paths import InvertiblePath, checked_time
from algeom.networks.fibers.network import LinearNetwork
from algeom.networks.fibers.paths import check_accuracy, check_same_fiber, product_error

__all__ = ["Leg", "Route", "route"]

#: Relative difference up to which vectors in double precision are equal: rounding errors of some operations.
_ROUNDING = 2.0**-48


@dataclass(frozen=True, eq=False)
class Leg:
    """One move of a route: call it with a time from 0 to 1.

    Attributes
    ----------
    kind : {"one-matrix", "two-matrix"}
        The first adds t times a matrix to W_i; the second multiplies W_i by G(t) from the left and W_(i+1) by
        G(t)^(-1) from the right, along a path of invertible matrices from the identity to G.
    layer : int
        i: for two-matrix moves the hidden layer between the two.
    matrix : array
        What is added at t = 1, or G.
    start : LinearNetwork
        The weights at t = 0.
    bars : Bars
        The stratum after the leg (in double precision up to rounding).

    Notes
    -----
    In double precision rounding errors of the product are taken back at each time, by changes of that size of W_1 and
    W_L.
    """

    kind: Literal["one-matrix", "two-matrix"]
    layer: int
    matrix: Matrix
    start: LinearNetwork
    bars: Bars
    _frame: FullBars
    _products: tuple[Matrix, Matrix]

    @cached_property
    def _path(self) -> InvertiblePath:
        return InvertiblePath(self.start.field, self.matrix)

    def __call__(self, t: Any) -> LinearNetwork:
        """The weights at a time from 0 to 1: an int or Fraction over Q, or a float."""
        field = self.start.field
        t = checked_time(t, field)
        weights = list(self.start.weights)
        i, frame = self.layer, self._frame
        if self.kind == "one-matrix":
            weights[i - 1] = weights[i - 1] + t * self.matrix
        else:
            change = self._path(t)
            inverse = field.inverse(change)
            weights[i - 1], weights[i] = field.multiply(change, weights[i - 1]), field.multiply(weights[i], inverse)
            frame = frame.after(i, len(weights), change, inverse, field)
        if not field.is_exact:
            before, after = self._products
            weights = frame.corrected(weights, (1 - t) * before + t * after, field)
        return LinearNetwork.over(field, weights)

    @cached_property
    def end(self) -> LinearNetwork:
        """The weights at t = 1."""
        return self(1)

    def __repr__(self) -> str:
        changed = f"W_{self.layer}" if self.kind == "one-matrix" else f"W_{self.layer} and W_{self.layer + 1}"
        return f"Leg({self.kind} move of {changed}, to {self.bars})"


@dataclass(frozen=True, eq=False)
class Route:
    """A route from one point of a fiber to another, by moves that keep the product.

    Call it with a time from 0 to 1; each leg takes the same time. Over Q the weights are rational at rational times,
    and the product is exactly that of the ends.

    Attributes
    ----------
    start, end : LinearNetwork
    legs : tuple of Leg
        Empty if start and end are equal.
    connected : bool
        True: what tells it from a `Separation`.
    """

    start: LinearNetwork
    end: LinearNetwork
    legs: tuple[Leg, ...]
    connected = True

    def __call__(self, t: Any) -> LinearNetwork:
        """The weights at a time from 0 to 1: an int or Fraction over Q, or a float."""
        time = checked_time(t, self.start.field) * len(self.legs)
        if not self.legs:
            return self.start
        number = min(int(time), len(self.legs) - 1)
        return self.legs[number](time - number)

    def __len__(self) -> int:
        return len(self.legs)

    def __iter__(self) -> Iterator[Leg]:
        return iter(self.legs)

    @property
    def evidence(self) -> Evidence:
        """PROVED over Q; in double precision NUMERICAL, with the error of the product along the route."""
        parts = [self.start.evidence, self.end.evidence]
        if self.start.field.is_exact:
            return combine(parts, "moves over Q that keep the product")
        error = max((product_error(leg(t), self.start) for leg in self.legs for t in (0.5, 1.0)), default=0.0)
        last = self.legs[-1].end if self.legs else self.start
        missed = max(
            float(np.linalg.norm(there - reached)) / (float(np.linalg.norm(there)) or 1.0)
            for there, reached in zip(self.end.weights, last.weights, strict=True)
        )
        return combine(
            [*parts, Evidence(Status.NUMERICAL, math.nan, "rounding")],
            f"relative error of the product along the route at most {error:.1e}, of the last weights {missed:.1e}",
        )

    def __str__(self) -> str:
        lines = [f"start: {self.start.bars}"]
        for number, leg in enumerate(self.legs, 1):
            changed = f"W_{leg.layer}" if leg.kind == "one-matrix" else f"W_{leg.layer} and W_{leg.layer + 1}"
            lines.append(f"{number}. {leg.kind} move of {changed}: {leg.bars}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Route({len(self.legs)} moves over {self.start.field}, from {self.start.bars} to {self.end.bars})"


def route(start: LinearNetwork, end: LinearNetwork) -> Route | Separation:
    """A route from one point of a fiber to any other one by moves, or the proof that they are not connected.

    Parameters
    ----------
    start, end : LinearNetwork
        Weights over Q or in double precision with the same product.

    Returns
    -------
    Route or Separation
        At most ``3 L - 1`` moves. One-matrix moves go down from the start to the smallest stratum, two-matrix moves
        within it, and one-matrix moves up to the end. Their attribute `connected` tells a route from a separation.

    Raises
    ------
    InputError
        If widths or products differ, the weights are over a finite field, or double precision does not suffice.

    Notes
    -----
    Our own derivation. In an adapted basis, let P_i be the projection of layer i to the full bars along the others.
    ``W_i + t (W_i P_(i-1) - W_i)`` scales the entries of the other bars between the layers i - 1 and i, and cuts them
    at t = 1; the product stays, since it only meets full bars. After all cuts
    ``W_i = u_i v_(i-1)`` with the r basis vectors u_i of full bars at layer i and their duals v_i, ``v_i u_i = I``. If
    the bases at the end are chosen so that the full bars agree at the output, they agree at the input up to the kernel
    of the product, and a two-matrix move at each hidden layer takes (u_i, v_i) to (u'_i, v'_i): by a matrix that is
    determined on the span of u_i and free on the kernel of v_i. If d_i > r its determinant can be made positive. If
    d_i = r the matrix is unique, and where its determinant is negative there is no path at all
    (`count_connected_fiber`).

    Examples
    --------
    >>> start = LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 3]]])
    >>> end = LinearNetwork([[[1, 0], [0, 2]], [[1, 0], [0, 0]]])
    >>> found = route(start, end)
    >>> print(found)
    start: 02 00 12
    1. one-matrix move of W_2: 02 00 11 22
    2. one-matrix move of W_1: 02 01 22
    >>> found(1).weights[0].tolist(), found(0.25).product.tolist()
    ([[1, 0], [0, 2]], [[1, 0], [0, 0]])
    >>> print(route(LinearNetwork([[[1]], [[6]]]), LinearNetwork([[[-2]], [[-3]]])))
    no path within the fiber, which has 2 connected components: layer 1 has width 1, the rank of the product, ...
    """
    check_same_fiber(start, end)
    if start.rank != end.rank:
        raise InputError(
            f"the product has rank {start.rank} at the start and {end.rank} at the end, by the tolerances of the two "
            "networks; give both the same tolerance, in the gap of their singular values (network.decisions)"
        )
    changes = {layer: _change_on_full_bars(start, end, layer) for layer in range(1, start.depth) if start.rank}
    negative = tuple(layer for layer, change in changes.items() if start.field.determinant_sign(change.matrix) < 0)
    if negative:
        return _separation(start, end, negative)
    down, up = _crossed(start.bars), _crossed(end.bars)
    across = {layer: change.matrix for layer, change in changes.items() if not change.is_trivial}
    legs: list[Leg] = []
    here, frame = start, full_bars(start)

    def go(kind: Literal["one-matrix", "two-matrix"], layer: int, matrix: Matrix, bars: Bars) -> None:
        nonlocal here
        # The products of the ends differ by rounding errors at most, and the last leg makes up for that.
        is_last = len(legs) + 1 == len(down) + len(across) + len(up)
        products = (start.product, end.product if is_last else start.product)
        legs.append(Leg(kind, layer, start.field.normalized(matrix), here, bars, frame, products))
        here = legs[-1].end

    for number, layer in enumerate(down, 1):
        adapted, weight = start.adapted, start.weights[layer - 1]
        full = adapted.full_columns[layer - 1]
        projection = start.field.multiply(adapted.bases[layer - 1][:, full], adapted.duals[layer - 1][full])
        go("one-matrix", layer, start.field.multiply(weight, projection) - weight, _cut(start.bars, down[:number]))
    for layer, matrix in across.items():
        go("two-matrix", layer, matrix, _cut(start.bars, down))
        frame = frame.after(layer, start.depth, matrix, start.field.inverse(matrix), start.field)
    for number in reversed(range(len(up))):
        layer = up[number]
        go("one-matrix", layer, end.weights[layer - 1] - here.weights[layer - 1], _cut(end.bars, up[:number]))
    if not start.field.is_exact:
        check_accuracy([start, *(leg.end for leg in legs)], end)
    return Route(start, end, tuple(legs))


class _Change(NamedTuple):
    """The matrix of a two-matrix move in the smallest stratum, and whether it leaves the weights as they are."""

    matrix: Matrix
    is_trivial: bool


def _change_on_full_bars(start: LinearNetwork, end: LinearNetwork, layer: int) -> _Change:
    """The matrix that takes full bars to full bars at a hidden layer, of positive determinant if there is a choice."""
    field, depth = start.field, start.depth
    # What gives the full bars of the end the same vectors at the output as those of the start.
    outputs = end.adapted.bases[depth][:, end.adapted.full_columns[depth]]
    gauge = field.multiply(start.adapted.duals[depth][start.adapted.full_columns[depth]], outputs)
    sides = []
    for network in (start, end):
        basis, full = network.adapted.bases[layer], network.adapted.full_columns[layer]
        vectors, duals = basis[:, full], network.adapted.duals[layer][full]
        if network is end:
            vectors, duals = field.multiply(vectors, field.inverse(gauge)), field.multiply(gauge, duals)
        sides.append((vectors, duals, _scaled_rest(vectors, basis[:, network.adapted.rest_columns(layer)], field)))
    (vectors, duals, rest), (new_vectors, new_duals, new_rest) = sides
    before, after = np.hstack([vectors, rest]), np.hstack([new_vectors, new_rest])
    matrix = field.multiply(after, field.inverse(before))
    if rest.shape[1] and field.determinant_sign(matrix) < 0:
        after[:, vectors.shape[1]] = -after[:, vectors.shape[1]]
        matrix = field.multiply(field.normalized(after), field.inverse(before))
    return _Change(matrix, _agree(vectors, new_vectors, field) and _agree(duals, new_duals, field))


def _scaled_rest(vectors: Matrix, rest: Matrix, field: Field) -> Matrix:
    """A basis of the span of the other bars, for floats orthogonal and as long as the vectors of full bars are."""
    if field.is_exact:
        return rest
    size = float(np.exp(np.mean(np.log(np.linalg.norm(vectors, axis=0)))))
    return np.asarray(size * np.linalg.qr(rest)[0])


def _agree(one: Matrix, other: Matrix, field: Field) -> bool:
    if field.is_exact:
        return bool(np.all(one == other))
    return float(np.linalg.norm(one - other)) <= _ROUNDING * float(np.linalg.norm(one))


def _crossed(bars: Bars) -> list[int]:
    """The layers i such that a bar other than the full ones goes on from layer i - 1 to layer i."""
    shorter = [interval for interval, _ in bars.items() if interval != (0, bars.depth)]
    return [i for i in range(1, bars.depth + 1) if any(a < i <= b for a, b in shorter)]


def _cut(bars: Bars, layers: Sequence[int]) -> Bars:
    """The bars after all but the full ones have been cut before some layers."""
    pieces: Counter[Interval] = Counter()
    for (a, b), multiplicity in bars.items():
        inside = [] if (a, b) == (0, bars.depth) else [layer for layer in layers if a < layer <= b]
        for first, beyond in pairwise([a, *inside, b + 1]):
            pieces[first, beyond - 1] += multiplicity
    return Bars.from_multiplicities(pieces, bars.widths)


def _separation(start: LinearNetwork, end: LinearNetwork, layers: tuple[int, ...]) -> Separation:
    rank = start.rank
    named = f"layer {layers[0]} has" if len(layers) == 1 else f"layers {', '.join(map(str, layers))} have"
    reason = (
        f"{named} width {rank}, the rank of the product, so that the matrix g with W'_(j~0) = g W_(j~0) there, which "
        "takes the part of the network before such a layer j at the first point to that at the second, is unique and "
        "invertible, and moves continuously along a path; its determinant is negative"
    )
    evidence = combine([start.evidence, end.evidence], "signs of determinants where the width is the rank")
    return Separation("fiber", layers, reason, count_connected_fiber(start.widths, rank), evidence)

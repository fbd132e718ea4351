"""Moves of weights that keep the product: of one matrix, or of the two matrices beside a hidden layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer
from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.fields import Matrix, Reals
from algeom.networks.fibers.moves import Move
from algeom.networks.fibers.network import LinearNetwork, require_network
from algeom.networks.fibers.tangent import shared_layers

__all__ = [
    "OneMatrixMove",
    "TwoMatrixMove",
    "lowering_moves",
    "one_matrix_move",
    "one_matrix_moves",
    "raising_moves",
    "two_matrix_move",
]


@dataclass(frozen=True, eq=False)
class OneMatrixMove:
    """A multiple of one matrix added to one weight matrix, which keeps the product: ``W_i + eps direction``.

    Attributes
    ----------
    network : LinearNetwork
        Where it starts.
    layer : int
        The number i of the matrix W_i that changes.
    direction : array of the shape of W_i
    effect : {"raising", "staying", "lowering"}
        A raising move leads to a larger stratum for all eps but 0. A lowering move leads to a smaller one for eps = 1,
        a staying move that scales the entries of one bar does for eps = -1, and they stay in the stratum for all
        others.
    move : Move or None
        What it does to the bars where it changes the stratum, if it ever does.
    """

    network: LinearNetwork
    layer: int
    direction: Matrix
    effect: Literal["raising", "staying", "lowering"]
    move: Move | None

    def __call__(self, eps: Any = 1) -> LinearNetwork:
        """The weights after the move by eps."""
        field, weights = self.network.field, list(self.network.weights)
        changed = weights[self.layer - 1] + _amount(eps, self.network) * self.direction
        if self.stratum(eps).rank_between(self.layer, self.layer - 1) == 0:
            # Rounding errors around a zero matrix would be all that there is, and pass for entries.
            changed = field.zeros(*changed.shape)
        weights[self.layer - 1] = changed
        return LinearNetwork.over(field, weights)

    def stratum(self, eps: Any = 1) -> Bars:
        """The bars after the move by eps, predicted from the bars alone."""
        amount = _amount(eps, self.network)
        special = {"raising": 0, "staying": -1, "lowering": 1}[self.effect]
        is_special = not np.any(self.network.field.normalized(np.array([[amount - special]], dtype=object)))
        changes = is_special != (self.effect == "raising")
        return self.move.result if self.move is not None and changes else self.network.bars

    def __repr__(self) -> str:
        change = "" if self.move is None or self.effect == "staying" else f": {self.move}"
        return f"OneMatrixMove({self.effect}, W_{self.layer}{change})"


@dataclass(frozen=True, eq=False)
class TwoMatrixMove:
    """A change of basis of a hidden layer: W_i to G W_i and W_(i+1) to W_(i+1) G^(-1), where G = I + eps H.

    It stays in the stratum whenever G is invertible.

    Attributes
    ----------
    network : LinearNetwork
        Where it starts.
    layer : int
        The hidden layer i.
    direction : array of shape (d_i, d_i)
        H.
    """

    network: LinearNetwork
    layer: int
    direction: Matrix

    def __call__(self, eps: Any = 1) -> LinearNetwork:
        """The weights after the move by eps.

        Raises
        ------
        InputError
            If I + eps H is not invertible.
        """
        field, i = self.network.field, self.layer
        change = field.normalized(field.identity(self.network.widths[i]) + _amount(eps, self.network) * self.direction)
        # A matrix that ranks cannot tell from a singular one would not keep the product either.
        singular = (
            1 / np.linalg.cond(change) <= field.tolerance
            if isinstance(field, Reals)
            else field.determinant_sign(change) == 0
        )
        if singular:
            raise InputError(f"I + eps H is singular for eps={eps}; two-matrix moves need it to be invertible")
        inverse = field.inverse(change)
        weights = list(self.network.weights)
        weights[i - 1], weights[i] = field.multiply(change, weights[i - 1]), field.multiply(weights[i], inverse)
        return LinearNetwork.over(field, weights)

    @property
    def velocity(self) -> tuple[Matrix, Matrix]:
        """The infinitesimal move: ``H W_i`` and ``-W_(i+1) H``, the derivatives of the two matrices by eps at 0."""
        field, i = self.network.field, self.layer
        before, after = self.network.weights[i - 1], self.network.weights[i]
        return field.multiply(self.direction, before), field.normalized(-field.multiply(after, self.direction))

    def __repr__(self) -> str:
        return f"TwoMatrixMove(layer {self.layer} of {self.network!r})"


def one_matrix_move(
    network: LinearNetwork, source: Interval, target: Interval, layer: int, copies: tuple[int, int] = (0, 0)
) -> OneMatrixMove:
    """The move along ``E_i = e_J^(i) e_I^(i-1)*``, from one bar I to another bar J, at one layer.

    Parameters
    ----------
    network : LinearNetwork
    source, target : (int, int)
        The bars I = [a, b], alive at layer i - 1, and J = [c, e], alive at layer i.
    layer : int
        The number i of the matrix that changes.
    copies : (int, int)
        Which copies of the bars, from 0 on.

    Returns
    -------
    OneMatrixMove
        Raising if a < c and b < e: I and J become [a, e] and [c, b], the latter empty if c = b + 1. Otherwise staying;
        but a bar moved to itself is cut before layer i at eps = -1.

    Raises
    ------
    InputError
        If there are no such bars at these layers, or a = 0 and e = L: that changes the product.

    Notes
    -----
    The product changes by ``eps W_(L~i) e_J e_I* W_(i-1~0)``, which is 0 unless J lives to the end and I from the
    beginning. If c <= a, the vectors ``e_I - eps e_J`` at the layers a to i - 1 make an adapted basis again; if b >= e,
    ``e_J + eps e_I`` at the layers i to e do. So the stratum stays, unless I and J are one bar and its entry 1 + eps
    vanishes. In the remaining case a < c and b < e the bars exchange their ends as Bars.raising_moves says.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv 2404.14855.

    Examples
    --------
    >>> network = LinearNetwork([[[0]], [[0]], [[1]]])
    >>> print(network.bars, "|", one_matrix_move(network, (0, 0), (1, 1), 1).move)
    00 11 23 | connecting 00 and 11 to 01: 01 23
    >>> [matrix.tolist() for matrix in one_matrix_move(network, (0, 0), (1, 1), 1)(5).weights]
    [[[5]], [[0]], [[1]]]
    """
    require_network(network)
    bars, adapted = network.bars, network.adapted
    for interval in (source, target):
        if bars[interval] == 0:
            raise InputError(f"there is no bar {list(interval)}; the bars are {bars}")
    if layer not in shared_layers(source, target):
        raise InputError(
            f"bar {list(source)} does not reach layer {layer - 1} or bar {list(target)} not layer {layer}; a move from "
            f"one to the other is possible at the layers {list(shared_layers(source, target))}"
        )
    (a, b), (c, e) = source, target
    if a == 0 and e == bars.depth:
        raise InputError(
            f"a move from bar {list(source)} to {list(target)} changes the product: the first starts at the input and "
            "the second ends at the output"
        )
    m = check_integer("copies[0]", copies[0], 0, bars[source] - 1, "copies are counted from 0")
    n = check_integer("copies[1]", copies[1], 0, bars[target] - 1, "copies are counted from 0")
    column = adapted.bases[layer][:, adapted.columns(layer, target)[n]]
    row = adapted.duals[layer - 1][adapted.columns(layer - 1, source)[m]]
    direction = network.field.normalized(np.outer(column, row))
    if a < c and b < e:
        move = next(move for move in bars.raising_moves() if move.before == (source, target))
        return OneMatrixMove(network, layer, direction, "raising", move)
    cut = None
    if source == target and m == n:
        pieces = ((a, layer - 1), (layer, b))
        cut = next(move for move in bars.lowering_moves() if move.before == (source,) and move.after == pieces)
    return OneMatrixMove(network, layer, direction, "staying", cut)


def one_matrix_moves(network: LinearNetwork) -> Iterator[OneMatrixMove]:
    """The one-matrix moves from each kind of bar to each other and to itself, at all layers where there is one.

    Examples
    --------
    >>> for move in one_matrix_moves(LinearNetwork([[[0]], [[1]]])):
    ...     print(move)
    OneMatrixMove(staying, W_2)
    """
    require_network(network)
    for source, _ in network.bars.items():
        for target, _ in network.bars.items():
            if source[0] != 0 or target[1] != network.depth:
                for layer in shared_layers(source, target):
                    yield one_matrix_move(network, source, target, layer)


def raising_moves(network: LinearNetwork) -> Iterator[OneMatrixMove]:
    """The one-matrix moves to larger strata of the fiber: each of ``Bars.raising_moves`` at each layer where it can be.

    Examples
    --------
    >>> network = LinearNetwork([[[0]], [[0]], [[1]]])
    >>> for move in raising_moves(network):
    ...     print(move, move().bars == move.stratum())
    OneMatrixMove(raising, W_1: connecting 00 and 11 to 01: 01 23) True
    OneMatrixMove(raising, W_2: connecting 11 and 23 to 13: 00 13) True
    """
    require_network(network)
    for move in network.bars.raising_moves():
        source, target = move.before
        for layer in shared_layers(source, target):
            yield one_matrix_move(network, source, target, layer)


def lowering_moves(network: LinearNetwork) -> Iterator[OneMatrixMove]:
    """The one-matrix moves that arrive at smaller strata for eps = 1: ``Bars.lowering_moves`` at each possible layer.

    Notes
    -----
    Our own derivation, by reversal of the raising move along E_i from [a, b] to [c, e]. With f the adapted basis
    vectors of [a, e] and y those of [c, b], where they live, the direction is
    ``-(f^(i) + y^(i)) (f^(i-1)* - y^(i-1)*)`` for any i from c to b + 1. It cuts a bar if c = b + 1.

    Examples
    --------
    >>> for move in lowering_moves(LinearNetwork([[[1]], [[0]]])):
    ...     print(move, [matrix.tolist() for matrix in move().weights])
    OneMatrixMove(lowering, W_1: cutting 01 to 00 and 11: 00 11 22) [[[0]], [[0]]]
    """
    require_network(network)
    adapted = network.adapted
    for move in network.bars.lowering_moves():
        _, c, b, _ = move.corners
        long = move.before[0]
        for layer in range(c, b + 2):
            column = adapted.bases[layer][:, adapted.columns(layer, long)[0]]
            row = adapted.duals[layer - 1][adapted.columns(layer - 1, long)[0]]
            if layer <= b:
                column = column + adapted.bases[layer][:, adapted.columns(layer, (c, b))[0]]
            if layer > c:
                row = row - adapted.duals[layer - 1][adapted.columns(layer - 1, (c, b))[0]]
            direction = network.field.normalized(-np.outer(column, row))
            yield OneMatrixMove(network, layer, direction, "lowering", move)


def two_matrix_move(network: LinearNetwork, layer: int, direction: Any) -> TwoMatrixMove:
    """The move by ``G = I + eps H`` at a hidden layer.

    Parameters
    ----------
    network : LinearNetwork
    layer : int
        A hidden layer, from 1 to L - 1.
    direction : matrix of shape (d_i, d_i)
        H, with entries of the network's field.

    Raises
    ------
    InputError
        If it is no hidden layer, or the matrix has another shape or other entries.

    Examples
    --------
    >>> move = two_matrix_move(LinearNetwork([[[1], [2]], [[3, 4]]]), 1, [[0, 1], [0, 0]])
    >>> [matrix.tolist() for matrix in move(2).weights], move(2).product.tolist()
    ([[[5], [2]], [[3, -2]]], [[11]])
    """
    require_network(network)
    if network.depth < 2:
        raise InputError("a network with one matrix has no hidden layer, so that there are no two-matrix moves")
    layer = check_integer("layer", layer, 1, network.depth - 1, "the last hidden layer")
    matrix = network.field.matrix(direction, "direction")
    width = network.widths[layer]
    if matrix.shape != (width, width):
        raise InputError(f"the direction has the shape {matrix.shape}; layer {layer} has width {width}")
    return TwoMatrixMove(network, layer, matrix)


def _amount(eps: Any, network: LinearNetwork) -> Any:
    """The size of a move as a number of the field; floats are taken exactly over Q."""
    try:
        value = Fraction(eps)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"eps={eps!r}; give a finite number") from None
    return value if network.field.is_exact else float(value)

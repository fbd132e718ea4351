"""Tangent and normal bases of a stratum in the fiber, and the differential of matrix multiplication."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.fields import Matrix
from algeom.networks.fibers.network import LinearNetwork, require_network
from algeom.runtime.memory import require

__all__ = [
    "Direction",
    "DirectionBasis",
    "differential",
    "is_exceptional",
    "normal_basis",
    "shared_layers",
    "tangent_basis",
    "transversal_basis",
]

#: Bytes of an entry of a dense matrix: of a float, and of a Python number with the pointer to it.
_FLOAT_BYTES, _OBJECT_BYTES = 8, 64

_Kind = Literal["tangent", "transversal", "normal"]


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction in the space of weights that belongs to an ordered pair of bars.

    Attributes
    ----------
    source, target : (int, int)
        The bars I and J.
    terms : tuple of (int, array)
        The layers i where it changes a matrix, with what it adds to W_i.
    """

    source: Interval
    target: Interval
    terms: tuple[tuple[int, Matrix], ...]

    def flattened(self, widths: tuple[int, ...]) -> Matrix:
        """All entries as one vector: those of W_1 row by row, then those of W_2, and so on."""
        sizes = [m * n for m, n in pairwise(widths)]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        vector = np.zeros(starts[-1], dtype=self.terms[0][1].dtype)
        for layer, matrix in self.terms:
            vector[starts[layer - 1] : starts[layer]] = matrix.ravel()
        return vector

    def __repr__(self) -> str:
        layers = ", ".join(f"W_{layer}" for layer, _ in self.terms)
        return f"Direction({list(self.source)} -> {list(self.target)} in {layers})"


class DirectionBasis:
    """Directions that form a basis of a tangent space, of a complement to it, or of a normal space.

    Parameters
    ----------
    network : LinearNetwork
    kind : {"tangent", "transversal", "normal"}

    Notes
    -----
    Iteration makes one `Direction` at a time; ``len`` is the dimension, counted without making any.
    """

    def __init__(self, network: LinearNetwork, kind: _Kind) -> None:
        require_network(network)
        self.network = network
        self.kind = kind

    @cached_property
    def _size(self) -> int:
        bars = self.network.bars
        size = 0
        for source, m in bars.items():
            for target, n in bars.items():
                layers = len(shared_layers(source, target))
                exceptional = layers > 0 and is_exceptional(source, target, bars)
                size += m * n * (layers - exceptional if self.kind == "tangent" else exceptional)
        return size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Direction]:
        bars = self.network.bars
        for source, _ in bars.items():
            for target, _ in bars.items():
                layers = shared_layers(source, target)
                if layers:
                    yield from self._of_pair(source, target, layers, is_exceptional(source, target, bars))

    def _of_pair(self, source: Interval, target: Interval, layers: range, exceptional: bool) -> Iterator[Direction]:
        adapted = self.network.adapted
        if self.kind != "tangent" and not exceptional:
            return
        # Columns of the source at layer i - 1 and of the target at layer i; copies in the same order at all layers.
        sources = {i: adapted.columns(i - 1, source) for i in layers}
        targets = {i: adapted.columns(i, target) for i in layers}
        for m in range(len(sources[layers[0]])):
            for n in range(len(targets[layers[0]])):

                def term(i: int, sign: int = 1, m: int = m, n: int = n) -> tuple[int, Matrix]:
                    if self.kind == "normal":
                        column, row = adapted.duals[i][targets[i][n]], adapted.bases[i - 1][:, sources[i][m]]
                    else:
                        column, row = adapted.bases[i][:, targets[i][n]], adapted.duals[i - 1][sources[i][m]]
                    return i, self.network.field.normalized(sign * np.outer(column, row))

                if self.kind == "normal":
                    yield Direction(source, target, tuple(term(i) for i in layers))
                elif self.kind == "transversal":
                    yield Direction(source, target, (term(layers[0]),))
                elif exceptional:
                    for i in layers[:-1]:
                        yield Direction(source, target, (term(i), term(i + 1, -1)))
                else:
                    for i in layers:
                        yield Direction(source, target, (term(i),))

    def matrix(self) -> Matrix:
        """All directions as columns, each as in `Direction.flattened`.

        Returns
        -------
        array of shape (n_weights, len(self))

        Raises
        ------
        ResourceError
            If it would not fit into memory.
        """
        rows = self.network.n_weights
        _require_dense(rows, len(self), self.network, f"the {self.kind} basis")
        matrix = self.network.field.zeros(rows, len(self))
        for k, direction in enumerate(self):
            matrix[:, k] = direction.flattened(self.network.widths)
        return matrix

    def __repr__(self) -> str:
        return f"DirectionBasis({len(self)} of {self.network.n_weights}, {self.kind}; over {self.network.field})"


def tangent_basis(network: LinearNetwork) -> DirectionBasis:
    """A basis of the tangent space of the stratum in the fiber at given weights.

    Parameters
    ----------
    network : LinearNetwork

    Returns
    -------
    DirectionBasis
        As many directions as the stratum has dimensions.

    Notes
    -----
    With adapted bases e and their duals e*, let ``E_i = e_J^(i) e_I^(i-1)*``, added to W_i, for bars I = [a, b] and
    J = [c, e]; it exists for max(a+1, c) <= i <= min(b+1, e). All of them are a basis of the space of weights. To the
    tangent space belong, if (a < c and b < e) or (a = 0 and e = L), the differences ``E_i - E_(i+1)``, which are
    infinitesimal two-matrix moves: ``H W_i`` and ``-W_(i+1) H`` with ``H = e_J^(i) e_I^(i)*``. For other pairs all E_i
    belong to it, as one-matrix moves.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv 2404.14855
    (tangent spaces of strata and bases for them).

    Examples
    --------
    >>> network = LinearNetwork([[[1], [0]], [[0, 1]]])
    >>> for direction in tangent_basis(network):
    ...     print(direction, [matrix.tolist() for _, matrix in direction.terms])
    Direction([0, 1] -> [0, 1] in W_1) [[[1], [0]]]
    Direction([0, 1] -> [1, 2] in W_1, W_2) [[[0], [1]], [[-1, 0]]]
    Direction([1, 2] -> [1, 2] in W_2) [[[0, 1]]]
    """
    return DirectionBasis(network, "tangent")


def transversal_basis(network: LinearNetwork) -> DirectionBasis:
    """Directions that complete the tangent basis to a basis of the space of weights.

    They are one E_i (see `tangent_basis`) for each pair of bars whose E_i are not all tangent. Those of pairs with
    a = 0 and e = L change the product; the others lead to larger strata of the fiber.

    Examples
    --------
    >>> list(transversal_basis(LinearNetwork([[[1], [0]], [[0, 1]]])))
    [Direction([0, 1] -> [1, 2] in W_1)]
    """
    return DirectionBasis(network, "transversal")


def normal_basis(network: LinearNetwork) -> DirectionBasis:
    """A basis of the normal space of the stratum in the fiber: of what is orthogonal to all its tangent vectors.

    Orthogonality is for the sum of products of entries. (Over F_p the two spaces can intersect.)

    Notes
    -----
    Our own derivation: the matrices ``F_i = (e_J^(i)*)^T (e_I^(i-1))^T`` are the basis dual to the E_i of
    `tangent_basis` under that form, so that the sums of F_i over all i, one for each pair of bars whose E_i are tangent
    in their differences only, are orthogonal to the tangent basis, and as many as are missing to the dimension of the
    space. The sums of pairs with a = 0 and e = L span the row space of the `differential` of the product.

    Examples
    --------
    >>> network = LinearNetwork([[[1], [0]], [[0, 1]]])
    >>> normal_basis(network).matrix().T.tolist()
    [[0, 1, 1, 0]]
    >>> (normal_basis(network).matrix().T @ tangent_basis(network).matrix()).tolist()
    [[0, 0, 0]]
    """
    return DirectionBasis(network, "normal")


def differential(network: LinearNetwork) -> Matrix:
    """The Jacobian matrix of matrix multiplication ``(W_1, ..., W_L) -> W_L ... W_1`` at given weights.

    Parameters
    ----------
    network : LinearNetwork

    Returns
    -------
    array of shape (d_L d_0, n_weights)
        Entries of matrices are taken row by row, W_1 first. Its rank is ``network.bars.differential_rank``.

    Raises
    ------
    ResourceError
        If it would not fit into memory.

    Examples
    --------
    >>> differential(LinearNetwork([[[2], [3]], [[5, 7]]])).tolist()
    [[5, 7, 2, 3]]
    """
    require_network(network)
    rows = network.widths[-1] * network.widths[0]
    _require_dense(rows, network.n_weights, network, "the differential")
    blocks = [
        np.kron(network.partial_product(network.depth, i), network.partial_product(i - 1, 0).T)
        for i in range(1, network.depth + 1)
    ]
    return network.field.normalized(np.hstack(blocks))


def shared_layers(source: Interval, target: Interval) -> range:
    """The layers i with the source alive at i - 1 and the target alive at i."""
    (a, b), (c, e) = source, target
    return range(max(a + 1, c), min(b + 1, e) + 1)


def is_exceptional(source: Interval, target: Interval, bars: Bars) -> bool:
    """Whether directions from one bar to another leave the stratum in its fiber, but for their differences."""
    (a, b), (c, e) = source, target
    return (a < c and b < e) or (a == 0 and e == bars.depth)


def _require_dense(rows: int, columns: int, network: LinearNetwork, what: str) -> None:
    size = _OBJECT_BYTES if network.field.is_exact else _FLOAT_BYTES
    require(
        rows * columns * size,
        None,
        f"{what} as a matrix of shape ({rows}, {columns})",
        "go through tangent_basis(network) one direction at a time, or take a narrower network",
    )

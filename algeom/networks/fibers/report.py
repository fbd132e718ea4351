"""What a network's stratum means for training: smoothness, dead directions, and the moves that free them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from algeom.errors import InputError
from algeom.evidence import Evidence
from algeom.maps.tape import noun_count
from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.fields import Matrix
from algeom.networks.fibers.moves import Move, bar_text
from algeom.networks.fibers.network import LinearNetwork, require_network
from algeom.networks.fibers.weight_moves import OneMatrixMove, one_matrix_move

__all__ = ["DeadDirections", "FiberReport", "dead_directions", "fiber_report", "freeing_moves"]

#: How many decisions on ranks a report prints: those with the smallest margins.
_SHOWN_DECISIONS = 3


@dataclass(frozen=True, eq=False)
class DeadDirections:
    """Directions in which no infinitesimal change of the weights moves the product.

    Attributes
    ----------
    source, target : (int, int)
        Bars [0, b] from the input and [c, L] to the output with c > b + 1: no weight matrix meets both.
    outputs : array of shape (d_L, m), inputs : array of shape (n, d_0)
        Basis vectors of the output for the m copies of the target, and dual basis vectors of the input for the n copies
        of the source. The dead directions are the m n matrices ``outputs[:, [i]] @ inputs[[j]]``.
    moves : tuple of Move or None
        A shortest sequence of raising moves within the fiber after which one of them is dead no longer (`freeing_moves`
        carries it out); None if there is no such sequence.
    """

    source: Interval
    target: Interval
    outputs: Matrix
    inputs: Matrix
    moves: tuple[Move, ...] | None

    def __len__(self) -> int:
        return int(self.outputs.shape[1] * self.inputs.shape[0])


@dataclass(frozen=True, eq=False, repr=False)
class FiberReport:
    """Where a network stands in its fiber.

    Attributes
    ----------
    network : LinearNetwork
    bars : Bars
        Its stratum.
    is_smooth : bool
        Whether the fiber, as a scheme, is smooth there.
    tangent_dimension : int
        The dimension of the kernel of the differential of the product, the tangent space of that scheme.
    dead : tuple of DeadDirections
        By pairs of bars, all directions that the differential of the product does not reach.
    raising : tuple of Move
        The moves to larger strata of the fiber.
    evidence : Evidence
        What the ranks rest on, and all else with them.
    """

    network: LinearNetwork
    bars: Bars
    is_smooth: bool
    tangent_dimension: int
    dead: tuple[DeadDirections, ...]
    raising: tuple[Move, ...]
    evidence: Evidence

    @property
    def n_dead(self) -> int:
        """The number of dead directions: d_0 d_L less the rank of the differential."""
        return sum(len(pair) for pair in self.dead)

    def __str__(self) -> str:
        bars, depth = self.bars, self.bars.depth
        all_directions = bars.widths[0] * bars.widths[-1]
        kind = "maximal: its closure is a component of the fiber" if bars.is_maximal else "not maximal"
        if bars.is_minimal:
            kind += "; the smallest stratum"
        lines = [
            repr(self.network),
            self.network.diagram(),
            f"product of rank {bars.rank}; stratum of dimension {bars.dimension} of {bars.n_weights}, {kind}",
            f"the fiber is {'smooth' if self.is_smooth else 'singular'} here; its tangent space has dimension "
            f"{self.tangent_dimension}",
            f"the differential of the product has rank {bars.differential_rank} of {all_directions}: "
            f"{noun_count(self.n_dead, 'dead direction')}",
        ]
        for pair in self.dead:
            ends, begins = bar_text(pair.source, depth), bar_text(pair.target, depth)
            lines.append(f"  {len(pair)} from inputs of bars {ends} to outputs of bars {begins}, one of them freed by")
            if pair.moves is None:
                lines.append("    no raising moves: no bars between them are free, only exchanges within the stratum")
            else:
                lines += [f"    {move}" for move in pair.moves]
        lines += [f"raising moves: {len(self.raising)}"] + [f"  {move}" for move in self.raising]
        lines.append(f"evidence: {self.evidence}, {self.evidence.reason}")
        closest = sorted(self.network.decisions, key=lambda decision: decision.margin)[:_SHOWN_DECISIONS]
        return "\n".join(lines + [f"  {decision}" for decision in closest])

    def __repr__(self) -> str:
        return (
            f"FiberReport({self.bars}; dimension {self.bars.dimension} of {self.bars.n_weights}, "
            f"{'smooth' if self.is_smooth else 'singular'}, {noun_count(self.n_dead, 'dead direction')}; "
            f"{self.evidence})"
        )


def fiber_report(network: LinearNetwork) -> FiberReport:
    """Stratum, dimension, smoothness, dead directions of a network, and the moves that free them.

    Parameters
    ----------
    network : LinearNetwork
        Any weights, for instance those of a trained network with a tolerance in the gap of their singular values.

    Returns
    -------
    FiberReport
        Print it.

    Examples
    --------
    >>> print(fiber_report(LinearNetwork([[[1, 0], [0, 0]], [[1, 0], [0, 0]]])))
    LinearNetwork(2 -> 2 -> 2 over Q, 8 weights)
    layer   0     1     2
    width   2     2     2
    02      ●═════●═════●  full
    00      ●
    11            ●
    22                  ●
    product of rank 1; stratum of dimension 3 of 8, not maximal; the smallest stratum
    the fiber is singular here; its tangent space has dimension 5
    the differential of the product has rank 3 of 4: 1 dead direction
      1 from inputs of bars 00 to outputs of bars 22, one of them freed by
        connecting 00 and 11 to 01: 02 01 22
    raising moves: 2
      connecting 00 and 11 to 01: 02 01 22
      connecting 11 and 22 to 12: 02 00 12
    evidence: proved, ranks by exact elimination over Q
    """
    require_network(network)
    bars = network.bars
    return FiberReport(
        network,
        bars,
        bars.is_smooth,
        bars.n_weights - bars.differential_rank,
        dead_directions(network),
        tuple(bars.raising_moves()),
        network.evidence,
    )


def dead_directions(network: LinearNetwork) -> tuple[DeadDirections, ...]:
    """The directions that the differential of the product does not reach, by pairs of bars.

    Parameters
    ----------
    network : LinearNetwork

    Returns
    -------
    tuple of DeadDirections

    Notes
    -----
    Our own derivation. The differential sends ``E_i = e_J^(i) e_I^(i-1)*`` to 0, unless I = [0, b] and J = [c, L],
    where it gives ``e_J^(L) e_I^(0)*``. Such an E_i exists if and only if c <= b + 1. So the matrices
    ``e_J^(L) e_I^(0)*`` with c > b + 1 are a basis of a complement to the image: no small change of the weights moves
    the product that way to first order, whatever the loss.

    Examples
    --------
    >>> [(pair.source, pair.target, len(pair)) for pair in dead_directions(LinearNetwork([[[1, 0], [0, 0]], [[1, 0]]]))]
    []
    >>> [(pair.source, pair.target, len(pair)) for pair in dead_directions(LinearNetwork([[[0]], [[0], [0]]]))]
    [((0, 0), (2, 2), 2)]
    """
    require_network(network)
    bars, adapted, depth = network.bars, network.adapted, network.depth
    pairs = []
    for source, _ in bars.items():
        for target, _ in bars.items():
            if source[0] == 0 and target[1] == depth and target[0] > source[1] + 1:
                outputs = adapted.bases[depth][:, adapted.columns(depth, target)]
                inputs = adapted.duals[0][adapted.columns(0, source)]
                pairs.append(DeadDirections(source, target, outputs, inputs, _bridge(bars, source, target)))
    return tuple(pairs)


def freeing_moves(network: LinearNetwork, dead: DeadDirections, eps: Any = 1) -> list[OneMatrixMove]:
    """The weight moves that free dead directions, one after the other, with the product kept.

    Parameters
    ----------
    network : LinearNetwork
    dead : DeadDirections
        One of ``dead_directions(network)``.
    eps : number
        The size of each move, not zero.

    Returns
    -------
    list of OneMatrixMove
        Each starts where the one before it ends by eps: ``moves[-1](eps)`` is the network in the end. The rank of the
        differential is larger there.

    Raises
    ------
    InputError
        If no raising move frees these directions, or eps is 0.

    Examples
    --------
    >>> network = LinearNetwork([[[0]], [[0]], [[0]]])
    >>> moves = freeing_moves(network, dead_directions(network)[0])
    >>> moves
    [OneMatrixMove(raising, W_1: connecting 00 and 11 to 01: 01 22 33), \
OneMatrixMove(raising, W_2: connecting 01 and 22 to 02: 02 33)]
    >>> network.bars.differential_rank, moves[-1]().bars.differential_rank
    (0, 1)
    """
    if dead.moves is None:
        raise InputError(
            f"no raising move frees the directions from bars {list(dead.source)} to {list(dead.target)}: no chain of "
            "bars between them starts after the input and ends before the output"
        )
    if not eps:
        raise InputError("eps is 0, so that nothing would move; give another size")
    moves: list[OneMatrixMove] = []
    for planned in dead.moves:
        source, target = planned.before
        # The first layer at which the two can be connected: nothing that the moves before did is used up.
        moves.append(one_matrix_move(network, source, target, target[0]))
        network = moves[-1](eps)
    return moves


def _bridge(bars: Bars, source: Interval, target: Interval) -> tuple[Move, ...] | None:
    """A shortest sequence of raising moves that prolong a bar from the input until it meets a bar to the output.

    Each step takes the bar between that reaches farthest, as for covering an interval by the fewest intervals. Bars
    that start at the input or end at the output cannot help: exchanging ends with them is no raising move, or changes
    the product.
    """
    depth = bars.depth
    moves: list[Move] = []
    while source[1] + 1 < target[0]:
        after = source[1] + 1
        between = [(a, b) for (a, b), _ in bars.items() if 0 < a <= after <= b < depth]
        if not between:
            return None
        helper = max(between, key=lambda interval: (interval[1], interval[0]))
        move = next(move for move in bars.raising_moves() if move.before == (source, helper))
        moves.append(move)
        bars, source = move.result, (0, helper[1])
    return tuple(moves)

"""The closure order of the strata of a fiber: its cover relations, and its Hasse diagram as a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from algeom.errors import InputError
from algeom.networks.fibers.bars import Bars
from algeom.networks.fibers.moves import Move

if TYPE_CHECKING:
    import networkx

__all__ = ["hasse_graph", "lower_covers", "upper_covers"]


def upper_covers(stratum: Bars) -> list[Move]:
    """The strata that cover this one in the closure order of its fiber, with the moves that lead there.

    Parameters
    ----------
    stratum : Bars
        The stratum s to begin at.

    Returns
    -------
    list of Move
        To each t > s in the fiber with no other stratum between s and t. Empty if s is maximal.

    Notes
    -----
    A cover relation is one move (Abeasis and Del Fra). A move changes the ranks r_ji in a rectangle of places (j, i) by
    one, so that the covers are the moves whose rectangle contains that of no other.

    References
    ----------
    S. Abeasis, A. Del Fra, Degenerations for the representations of a quiver of type A_m, J. Algebra 93 (1985).
    J. R. Shewchuk, S. Bhattacharya, The hierarchy of manifolds in a stratification of the set of equivalent linear
    neural networks, SoCG 2026.

    Examples
    --------
    >>> for move in upper_covers(Bars.from_text("03 00 11x2 22 33x2")):
    ...     print(move)
    connecting 00 and 11 to 01: 03 01 11 22 33x2
    connecting 11 and 22 to 12: 03 00 11 12 33x2
    connecting 22 and 33 to 23: 03 00 11x2 23 33
    """
    return _with_least_rectangles(stratum.raising_moves())


def lower_covers(stratum: Bars) -> list[Move]:
    """The strata that this one covers in the closure order of its fiber, with the moves that lead there.

    Parameters
    ----------
    stratum : Bars
        The stratum t to begin at.

    Returns
    -------
    list of Move
        To each s < t in the fiber with no other stratum between s and t. Empty if t is the minimal stratum.

    Examples
    --------
    >>> for move in lower_covers(Bars.from_text("03 02 11 33x2")):
    ...     print(move)
    swapping 02 and 11 to 01 and 12: 03 01 12 33x2
    """
    return _with_least_rectangles(stratum.lowering_moves())


def _with_least_rectangles(moves: list[Move]) -> list[Move]:
    corners = [move.corners for move in moves]

    def covers(k: int) -> bool:
        a, c, b, e = corners[k]
        return not any(
            i != k and a <= a_in and c_in <= c and b <= b_in and e_in <= e
            for i, (a_in, c_in, b_in, e_in) in enumerate(corners)
        )

    return [move for k, move in enumerate(moves) if covers(k)]


def hasse_graph(strata: Iterable[Bars]) -> networkx.DiGraph:
    """The Hasse diagram of a set of strata that is closed upwards, as a directed graph.

    Parameters
    ----------
    strata : iterable of Bars
        All strata of a fiber, or those above one of them.

    Returns
    -------
    networkx.DiGraph
        Its nodes are the strata, in ascending order of dimension, with attributes ``dimension``, ``rank_list``,
        ``differential_rank``, ``is_smooth`` and ``is_maximal``. An edge leads from s to t where t covers s; its
        attribute ``move`` is the `Move` from s to t.

    Raises
    ------
    InputError
        If networkx is not installed.
    """
    try:
        import networkx
    except ImportError as error:
        raise InputError("graphs need networkx, which is not installed: pip install networkx") from error
    nodes: Sequence[Bars] = sorted(strata, key=lambda stratum: stratum.sort_key)
    graph = networkx.DiGraph()
    for stratum in nodes:
        graph.add_node(
            stratum,
            dimension=stratum.dimension,
            rank_list=stratum.rank_list,
            differential_rank=stratum.differential_rank,
            is_smooth=stratum.is_smooth,
            is_maximal=stratum.is_maximal,
        )
    graph.add_edges_from((stratum, move.result, {"move": move}) for stratum in nodes for move in upper_covers(stratum))
    return graph

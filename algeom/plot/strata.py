"""The strata of a fiber of a linear network: the Hasse diagram of their closure order, by dimension."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom.errors import ResourceError
from algeom.networks.fibers.bars import Bars
from algeom.networks.fibers.order import upper_covers
from algeom.networks.fibers.strata import Strata
from algeom.plot.style import ACCENT, DARK, MEDIUM, TEXT, check_kind, finish, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: More nodes are a blot.
_MOST = 400
#: Sweeps up and down that order the nodes of each level, and that place them; little changes after these.
_SWEEPS = 12
#: Width of the place of an edge that passes a level, where that of a node is 1.
_PASSING = 0.35
#: Inches of a character of a label, of a level, of what is left of the diagram, and of the widest figure.
_CHARACTER, _LEVEL, _MARGIN, _WIDEST = 0.068, 0.62, 0.8, 16.0
#: From so many characters on, a label is broken in two lines.
_LONG = 14

#: A node, or the place where an edge between two nodes passes a level.
_Node = Bars | tuple[Bars, Bars, int]


def hasse_diagram(strata: Strata, *, ax: Axes | None = None) -> Axes:
    """Draw the strata of a fiber by dimension, with an edge up to each stratum that covers another.

    Parameters
    ----------
    strata : Strata
        At most 400 of them.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default, as large as its labels need.

    Returns
    -------
    matplotlib Axes
        From bottom to top the dimensions that occur, not to scale. Each stratum is labelled by its bars where there is
        room for all labels, and a dot otherwise. Filled are the strata whose closures are components; a dark border
        says that the fiber is smooth there.

    Raises
    ------
    InputError
        If the argument is of another type, or matplotlib is not installed.
    ResourceError
        If there are more strata.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.networks.fibers.strata import strata
    >>> plot.hasse_diagram(strata((2, 3, 2, 3), 1)).get_ylabel()
    'dimension of the stratum'
    """
    check_kind("strata", strata, Strata)
    if strata.count > _MOST:
        raise ResourceError(
            f"there are {strata.count} strata, and a figure shows at most {_MOST}; hasse_diagram() has no such limit"
        )
    nodes = sorted(strata, key=lambda stratum: stratum.sort_key)
    covers = [(stratum, move.result) for stratum in nodes for move in upper_covers(stratum)]
    dimensions = sorted({stratum.dimension for stratum in nodes})
    level = {dimension: k for k, dimension in enumerate(dimensions)}
    levels, chains = _with_passing_edges(nodes, covers, level)
    x = _positions(levels, chains)
    labels = {stratum: _label(stratum) for stratum in nodes}
    spacing = 0.25 + _CHARACTER * max(len(line) for text in labels.values() for line in text.split("\n"))
    extent = max(x.values()) - min(x.values()) + 1
    if ax is None:
        width = _MARGIN + extent * spacing
        ax = new_axes(None, min(_WIDEST, max(6.0, width)), 1.2 + _LEVEL * max(3, len(dimensions)))
        labelled = width <= _WIDEST
    else:
        labelled = extent * spacing <= ax.get_window_extent().width / ax.figure.dpi
    ax.set_xlim(min(x.values()) - 0.6, max(x.values()) + 0.6)
    ax.set_ylim(-0.5, len(dimensions) - 0.5)
    for chain in chains:
        heights = [level[end.dimension] for end in (chain[0], chain[-1]) if isinstance(end, Bars)]
        ax.plot(
            [x[node] for node in chain], range(heights[0], heights[1] + 1), color=MEDIUM, linewidth=0.8, zorder=1,
        )  # fmt: skip
    for stratum in nodes:
        _draw(ax, stratum, x[stratum], level[stratum.dimension], labels[stratum] if labelled else None)
    finish(ax, "", "dimension of the stratum")
    ax.grid(visible=False)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_yticks(range(len(dimensions)), [str(dimension) for dimension in dimensions])
    for kind in ("components", "smooth", "singular"):
        if count := sum(_kind(stratum) == kind for stratum in nodes):
            ax.plot(
                [], [], "s", color=_EDGE[kind], markerfacecolor=_FACE[kind], markeredgewidth=_BORDER[kind],
                label=f"{_MEANING[kind]}: {count}",
            )  # fmt: skip
    legend(ax)
    return ax


_FACE = {"components": ACCENT, "smooth": "white", "singular": "white"}
_EDGE = {"components": ACCENT, "smooth": ACCENT, "singular": MEDIUM}
_BORDER = {"components": 1.0, "smooth": 1.4, "singular": 0.6}
_MEANING = {
    "components": "open in the fiber: closure is a component",
    "smooth": "others where the fiber is smooth",
    "singular": "where the fiber is singular",
}


def _kind(stratum: Bars) -> str:
    return "components" if stratum.is_maximal else "smooth" if stratum.is_smooth else "singular"


def _label(stratum: Bars) -> str:
    """The bars, in two lines of about the same length where they are many."""
    words = str(stratum).split()
    if len(words) == 1 or len(" ".join(words)) < _LONG:
        return " ".join(words)
    half = min(range(1, len(words)), key=lambda k: abs(len(" ".join(words[:k])) - len(" ".join(words[k:]))))
    return " ".join(words[:half]) + "\n" + " ".join(words[half:])


def _draw(ax: Axes, stratum: Bars, x: float, y: int, label: str | None) -> None:
    kind = _kind(stratum)
    if label is None:
        ax.plot(
            x,
            y,
            "o",
            color=_EDGE[kind],
            markerfacecolor=_FACE[kind],
            markersize=6,
            markeredgewidth=_BORDER[kind],
            zorder=3,
        )
        return
    border = {"edgecolor": _EDGE[kind], "linewidth": _BORDER[kind], "boxstyle": "round,pad=0.25"}
    ax.text(
        x, y, label, ha="center", va="center", fontsize=TEXT - 1, zorder=3, linespacing=1.1,
        color="white" if kind == "components" else DARK,
        bbox={"facecolor": _FACE[kind], **border},
    )  # fmt: skip


def _with_passing_edges(
    nodes: Sequence[Bars], covers: Sequence[tuple[Bars, Bars]], level: Mapping[int, int]
) -> tuple[list[list[_Node]], list[list[_Node]]]:
    """The nodes of each level, and the way of each edge, with a place of its own on each level that it passes."""
    levels: list[list[_Node]] = [[] for _ in level]
    for node in nodes:
        levels[level[node.dimension]].append(node)
    chains: list[list[_Node]] = []
    for low, high in covers:
        passed: list[_Node] = [(low, high, k) for k in range(level[low.dimension] + 1, level[high.dimension])]
        for k, place in enumerate(passed, level[low.dimension] + 1):
            levels[k].append(place)
        chains.append([low, *passed, high])
    return levels, chains


def _positions(levels: list[list[_Node]], chains: Sequence[Sequence[_Node]]) -> dict[_Node, float]:
    """Abscissas with few crossings: each level is ordered by the means of its neighbours below, then above.

    The barycenter heuristic of K. Sugiyama, S. Tagawa, M. Toda, Methods for visual understanding of hierarchical system
    structures, IEEE Trans. Syst. Man Cybern. 11 (1981).
    """
    below: defaultdict[_Node, list[_Node]] = defaultdict(list)
    above: defaultdict[_Node, list[_Node]] = defaultdict(list)
    for chain in chains:
        for low, high in pairwise(chain):
            above[low].append(high)
            below[high].append(low)
    segments = [[(low, high) for low in nodes for high in above[low]] for nodes in levels[:-1]]
    x: dict[_Node, float] = {}
    for nodes in levels:
        _space(nodes, x, lambda node, nodes=nodes: float(nodes.index(node)))  # type: ignore[misc]

    def towards(neighbours: Mapping[_Node, list[_Node]]) -> Callable[[_Node], float]:
        return lambda node: float(np.mean([x[other] for other in neighbours[node]])) if neighbours[node] else x[node]

    best, fewest = [list(nodes) for nodes in levels], _n_crossings(segments, x)
    for sweep in range(2 * _SWEEPS):
        neighbours, order = (above, levels[-2::-1]) if sweep % 2 else (below, levels[1:])
        for nodes in order:
            nodes.sort(key=towards(neighbours))
            _space(nodes, x, towards(neighbours))
        if (crossings := _n_crossings(segments, x)) < fewest:
            best, fewest = [list(nodes) for nodes in levels], crossings
    # The order is that of fewest crossings from here on, and the edges become straighter.
    both = {node: below[node] + above[node] for node in x}
    x.update({node: float(k) for nodes in best for k, node in enumerate(nodes)})
    for _ in range(_SWEEPS):
        for nodes in (*best, *reversed(best)):
            _space(nodes, x, towards(both))
    return x


def _n_crossings(segments: Sequence[Sequence[tuple[_Node, _Node]]], x: Mapping[_Node, float]) -> int:
    """How many pairs of segments between the same two levels cross."""
    total = 0
    for between in segments:
        low, high = np.array([(x[first], x[second]) for first, second in between]).T
        total += int(((low[:, None] < low) & (high[:, None] > high)).sum())
    return total


def _space(nodes: Sequence[_Node], x: dict[_Node, float], wanted: Callable[[_Node], float]) -> None:
    """Place the nodes of a level in their order, as near to where they are wanted as their widths allow.

    Least squares under lower bounds for the gaps: after subtraction of the least places this is an isotonic regression,
    found by pooling neighbours that would be out of order.
    """
    half = [0.5 if isinstance(node, Bars) else _PASSING / 2 for node in nodes]
    least: NDArray[np.float64] = np.cumsum([0.0, *(a + b for a, b in pairwise(half))])
    pools: list[tuple[float, int]] = []
    for node, place in zip(nodes, least, strict=True):
        mean, size = wanted(node) - place, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    means = [mean for mean, size in pools for _ in range(size)]
    x.update({node: mean + float(place) for node, mean, place in zip(nodes, means, least, strict=True)})

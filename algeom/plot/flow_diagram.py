"""Basis flow diagrams of linear networks: how bars run from layer to layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.diagrams import flow_order
from algeom.networks.fibers.network import LinearNetwork
from algeom.plot.style import ACCENT, DARK, MEDIUM, TEXT, check_kind, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Layers wider than this are drawn with one line for each kind of bar, since dots would touch.
_MOST_ROWS = 24


def flow_diagram(result: LinearNetwork | Bars, *, ax: Axes | None = None) -> Axes:
    """Draw the basis flow diagram of a linear network, or of a stratum.

    Parameters
    ----------
    result : LinearNetwork or Bars
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        A column of dots for each layer, a dot for each basis vector, and a line for each bar, from the layer of its
        birth to that of its death. The multiplicity of each kind of bar is written on its first line, or beside its
        first dot unless it is 1. Full bars, which carry the product, are on top and dark. If a layer is wider than 24,
        there is one line for each kind of bar.

    Raises
    ------
    InputError
        If the result is of another type, or matplotlib is not installed.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv 2404.14855.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.networks.fibers.bars import Bars
    >>> ax = plot.flow_diagram(Bars.from_text("03 01 13 33"))
    >>> ax.get_xlabel(), [label.get_text() for label in ax.get_xticklabels()]
    ('layer (width)', ['0 (2)', '1 (3)', '2 (2)', '3 (3)'])
    """
    check_kind("result", result, LinearNetwork, Bars)
    bars = result.bars if isinstance(result, LinearNetwork) else result
    kinds = flow_order(bars)
    single = max(bars.widths) <= _MOST_ROWS
    lines = [(bar, m, copy) for bar, m in kinds for copy in range(m if single else 1)]
    rows = _rows([bar for bar, _, _ in lines])
    height = max(rows) + 1
    ax = new_axes(ax, 1.6 + 1.1 * bars.depth, 1.1 + 0.32 * height)
    for (bar, multiplicity, copy), row in zip(lines, rows, strict=True):
        is_full = bar == (0, bars.depth)
        color = ACCENT if is_full else MEDIUM
        ax.plot(
            range(bar[0], bar[1] + 1), [row] * (bar[1] - bar[0] + 1), "-o",
            color=color, linewidth=2.2 if is_full else 1.1, markersize=5.5 if is_full else 4.5,
            markerfacecolor=color if is_full else "white", zorder=2 + is_full,
        )  # fmt: skip
        if copy == 0 and bar[0] < bar[1]:
            ax.annotate(
                str(multiplicity), (bar[0] + 0.5, row), ha="center", va="center", fontsize=TEXT - 1, color=DARK,
                zorder=4, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
        elif copy == 0 and multiplicity > 1:
            ax.annotate(
                str(multiplicity), (bar[0], row), (6, 0), textcoords="offset points", ha="left", va="center",
                fontsize=TEXT - 1, color=DARK,
            )  # fmt: skip
    ax.plot([], [], "-o", color=ACCENT, linewidth=2.2, markersize=5.5, label=_headline(bars))
    ax.set_xticks(range(bars.depth + 1), [f"{layer} ({width})" for layer, width in enumerate(bars.widths)])
    ax.set_yticks([])
    ax.set_xlim(-0.4, bars.depth + 0.4)
    ax.set_ylim(height - 0.4, -0.6)
    ax.set_xlabel("layer (width)", fontsize=TEXT)
    ax.tick_params(labelsize=TEXT, color=MEDIUM)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.spines["bottom"].set_color(MEDIUM)
    legend(ax)
    return ax


def _headline(bars: Bars) -> str:
    noun = "full bar" if bars.rank == 1 else "full bars"
    return f"{bars.rank} {noun}: rank of the product"


def _rows(intervals: list[Interval]) -> list[int]:
    """The first row for each bar that is free at all its layers; as many rows as the widest layer has bars."""
    ends: list[int] = []
    rows = []
    for a, b in intervals:
        row = next((k for k, end in enumerate(ends) if end < a), len(ends))
        if row == len(ends):
            ends.append(b)
        else:
            ends[row] = b
        rows.append(row)
    return rows

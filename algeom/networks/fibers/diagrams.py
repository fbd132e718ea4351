"""Basis flow diagrams as text."""

from __future__ import annotations

from algeom.networks.fibers.bars import Bars, Interval
from algeom.networks.fibers.moves import bar_text

__all__ = ["flow_diagram", "flow_order"]

#: Characters from one layer to the next.
_STEP = 6


def flow_order(bars: Bars) -> list[tuple[Interval, int]]:
    """The bars that occur with their multiplicities: the full bars first, then by birth and death."""
    full = (0, bars.depth)
    return sorted(bars.items(), key=lambda item: (item[0] != full, item[0]))


def flow_diagram(bars: Bars) -> str:
    """The basis flow diagram of a stratum as text, for a font of fixed width.

    Parameters
    ----------
    bars : Bars

    Returns
    -------
    str
        A column for each layer, and a line for each kind of bar from the layer of its birth to that of its death,
        followed by its multiplicity if that is not 1. Full bars, which carry the product, come first and are drawn
        double.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv 2404.14855.

    Examples
    --------
    >>> print(flow_diagram(Bars.from_text("02 00x2 12 22x12")))
    layer   0     1     2
    width   3     2     14
    02      ●═════●═════●  full
    00      ●  x2
    12            ●─────●
    22                  ●  x12
    """
    margin = max(8, max(len(bar_text(bar, bars.depth)) for bar, _ in bars.items()) + 2)

    def heading(name: str, values: list[int]) -> str:
        return (name.ljust(margin) + "".join(str(value).ljust(_STEP) for value in values)).rstrip()

    lines = [heading("layer", list(range(bars.depth + 1))), heading("width", list(bars.widths))]
    for bar, multiplicity in flow_order(bars):
        is_full = bar == (0, bars.depth)
        rule = ("═" if is_full else "─") * (_STEP - 1)
        notes = ([f"x{multiplicity}"] if multiplicity > 1 else []) + (["full"] if is_full else [])
        line = bar_text(bar, bars.depth).ljust(margin) + " " * (_STEP * bar[0]) + "●"
        lines.append("  ".join([line + (rule + "●") * (bar[1] - bar[0]), *notes]))
    return "\n".join(lines)

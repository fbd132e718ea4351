"""Minimal generators by degree, for several ideals next to each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from algeom.errors import InputError
from algeom.implicitization.ideal import Ideal
from algeom.plot.style import DARK, LIGHT, MEDIUM, TEXT, check_kind, new_axes, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_INCHES = 0.27
_CHARACTER_INCHES = 0.075
_COLUMN_INCHES = 0.8


def generator_table(ideals: Ideal | Mapping[str, Ideal], *, ax: Axes | None = None) -> Axes:
    """Draw a table: a row for each ideal, its dimension, its new minimal generators by degree, its status.

    Parameters
    ----------
    ideals : Ideal or mapping from str to Ideal
        The names head the rows.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure that fits the table.

    Returns
    -------
    matplotlib Axes
        A cell is empty where a degree was not computed.

    Raises
    ------
    InputError
        If there is no ideal or something else, or matplotlib is not installed.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom import plot
    >>> cubic = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    >>> ax = plot.generator_table({"twisted cubic": ag.implicitize(cubic, max_degree=3, rng=1)})
    >>> [text.get_text() for text in ax.texts]
    ['', 'dim', '1', '2', '3', 'status', 'twisted cubic', '2', '0', '3', '0', 'proved']
    """
    check_kind("ideals", ideals, Ideal, Mapping)
    rows = {"": ideals} if isinstance(ideals, Ideal) else dict(ideals)
    for name, ideal in rows.items():
        check_kind(f"ideals[{name!r}]", ideal, Ideal)
    if not rows:
        raise InputError("there is no ideal to show; give at least one")
    degrees = sorted({row.degree for ideal in rows.values() for row in ideal.degrees})
    table = [["", "dim", *(str(d) for d in degrees), "status"]]
    for name, ideal in rows.items():
        counts = ideal.minimal_generator_counts
        cells = [thousands(counts[d]) if d in counts else "" for d in degrees]
        table.append([name, thousands(ideal.dimension.value), *cells, str(ideal.status)])
    return draw_table(
        table,
        f"new minimal generators of degree {degrees[0]}" if len(degrees) == 1 else "new minimal generators by degree",
        ax,
    )


def draw_table(table: list[list[str]], caption: str, ax: Axes | None) -> Axes:
    """Draw rows of cells with horizontal rules only; the first row heads, the first and last columns align left.

    Text is placed at measured positions, since matplotlib's own tables stretch their rows to the axes.
    """
    widths = [_column_width([row[k] for row in table], k) for k in range(len(table[0]))]
    ax = new_axes(ax, sum(widths), _ROW_INCHES * (len(table) + 1.6))
    ax.set_axis_off()
    ax.set_xlim(0, sum(widths))
    ax.set_ylim(len(table) + 0.6, -1.0)
    last = len(widths) - 1
    for line, row in enumerate(table):
        left = 0.0
        for k, cell in enumerate(row):
            text_at_left = k in (0, last)
            ax.text(
                left + (0.08 if text_at_left else widths[k] - 0.12), line + 0.5, cell,
                ha="left" if text_at_left else "right", va="center", fontsize=TEXT,
                color=MEDIUM if cell == "0" else DARK, weight="bold" if line == 0 else "normal",
            )  # fmt: skip
            left += widths[k]
    for line, thickness in ((0, 1.0), (1, 0.8), (len(table), 1.0)):
        ax.plot([0, sum(widths)], [line, line], color=DARK, linewidth=thickness)
    for line in range(2, len(table)):
        ax.plot([0, sum(widths)], [line, line], color=LIGHT, linewidth=0.6)
    ax.set_title(caption, fontsize=TEXT, loc="left", pad=2)
    return ax


def _column_width(cells: list[str], column: int) -> float:
    """Inches that a column takes."""
    text = 0.25 + _CHARACTER_INCHES * max(len(cell) for cell in cells)
    return text if column == 0 else max(_COLUMN_INCHES, text)

"""Weight sharing of a two-layer network: which entries of decoder and encoder are the same weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom.maps.tape import noun_count
from algeom.networks.equivariant.weight_sharing import WeightSharing
from algeom.plot.style import ACCENT, DARK, LIGHT, MEDIUM, TEXT, check_kind, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Entries of the larger matrix up to which weights are numbered and cells ruled.
_NUMBERED = 400
#: Different shades that one sees apart side by side, from light to dark.
_SHADES = 7
_LIGHTEST, _DARKEST = 0.18, 0.75
#: Width of the gap between the matrices, relative to their sides.
_GAP = 0.12
#: Inches for a cell with a number, and for a whole figure at most and at least.
_CELL, _WIDEST, _NARROWEST = 0.3, 11.0, 6.4


def weight_sharing(result: WeightSharing, *, ax: Axes | None = None) -> Axes:
    """Draw the pattern of shared weights: decoder times encoder.

    Parameters
    ----------
    result : WeightSharing
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        Left the decoder, right the encoder. Entries with the same number and shade are the same weight, blue ones with
        the sign plus and gray ones with the sign minus; white entries are zero. Large matrices have shades only, of
        which there are seven: equal ones that are not near each other may be different weights.

    Raises
    ------
    InputError
        If the result is of another type, or matplotlib is not installed.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.networks.equivariant.equivariant_maps import equivariant_maps
    >>> sharing = equivariant_maps("(1234)").component({(4, 3): 1}).weight_sharing("pixels")
    >>> ax = plot.weight_sharing(sharing)
    >>> sharing.encoder
    array([[ 1, -2, -1,  2],
           [ 2,  1, -2, -1]])
    """
    check_kind("result", result, WeightSharing)
    (rows, hidden), (_, columns) = result.decoder.shape, result.encoder.shape
    gap = max(1.0, _GAP * (hidden + columns))
    width, height = hidden + gap + columns, max(rows, hidden)
    numbered = max(result.encoder.size, result.decoder.size) <= _NUMBERED
    # Room beside small matrices for the line of text below them.
    margin = max(0.5, (_NARROWEST / _CELL - width) / 2)
    cell = min(_CELL, _WIDEST / (width + 2 * margin))
    ax = new_axes(ax, cell * (width + 2 * margin), cell * height + 1.2)
    _draw_matrix(ax, result.decoder, 0.0, (height - rows) / 2, numbered)
    _draw_matrix(ax, result.encoder, hidden + gap, (height - hidden) / 2, numbered)
    for left, size, name, top in (
        (0.0, hidden, f"decoder\n{rows} × {hidden}", (height - rows) / 2),
        (hidden + gap, columns, f"encoder\n{hidden} × {columns}", (height - hidden) / 2),
    ):
        ax.text(left + size / 2, top - 0.06 / cell, name, ha="center", va="bottom", fontsize=TEXT, color=DARK)
    entries = hidden * (rows + columns)
    where = "in the coordinates of the base change" if result.coordinates == "blocks" else "in the original coordinates"
    ax.text(
        width / 2, height + 0.12 / cell,
        f"{noun_count(result.n_weights, 'weight')} instead of {entries}, {where}; blue: +, gray: −",
        ha="center", va="top", fontsize=TEXT, color=DARK,
    )  # fmt: skip
    ax.set_xlim(-margin, width + margin)
    ax.set_ylim(height + 0.6 / cell, -0.6 / cell)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def _draw_matrix(ax: Axes, pattern: NDArray[np.int64], left: float, top: float, numbered: bool) -> None:
    rows, columns = pattern.shape
    extent = (left, left + columns, top + rows, top)
    ax.imshow(_colours(pattern), extent=extent, interpolation="nearest", aspect="equal", zorder=1)
    if numbered:
        for k in range(1, columns):
            ax.plot([left + k] * 2, [top, top + rows], color=LIGHT, linewidth=0.5, zorder=2)
        for k in range(1, rows):
            ax.plot([left, left + columns], [top + k] * 2, color=LIGHT, linewidth=0.5, zorder=2)
        for (i, j), weight in np.ndenumerate(pattern):
            if weight:
                text = str(abs(weight)) if weight > 0 else f"−{abs(weight)}"
                dark = _depth(np.array(abs(weight))) > 0.5
                ax.text(
                    left + j + 0.5, top + i + 0.5, text, ha="center", va="center", fontsize=TEXT - 2,
                    color="white" if dark else DARK, zorder=3,
                )  # fmt: skip
    frame = np.array(
        [[left, top], [left + columns, top], [left + columns, top + rows], [left, top + rows], [left, top]]
    )
    ax.plot(*frame.T, color=MEDIUM, linewidth=0.8, zorder=4)


def _depth(weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """How dark a weight is, neighbouring numbers far apart."""
    return np.asarray(_LIGHTEST + (_DARKEST - _LIGHTEST) * ((weights - 1) * 3 % _SHADES) / (_SHADES - 1))


def _colours(pattern: NDArray[np.int64]) -> NDArray[np.float64]:
    """White for zero, tints of blue for positive and of gray for negative entries; shape (rows, columns, 3)."""
    from matplotlib.colors import to_rgb

    depth = np.where(pattern == 0, 0.0, _depth(np.abs(pattern)))[..., None]
    base = np.where((pattern < 0)[..., None], to_rgb(DARK), to_rgb(ACCENT))
    return np.asarray(1 - depth * (1 - base))

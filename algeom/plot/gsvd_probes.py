"""What decompositions are used to probe: how well inputs were recovered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algeom.gsvd.reconstruction import InputReconstruction
from algeom.plot.style import ACCENT, DARK, MEDIUM, check_kind, finish, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Residuals are drawn from here on: below is rounding.
_SMALLEST = 1e-17


def input_reconstruction(result: InputReconstruction, *, ax: Axes | None = None) -> Axes:
    """Draw the residuals of recovered inputs, solved ones and small residuals first.

    Parameters
    ----------
    result : InputReconstruction
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        Filled: no other input was found that fits as well. Open: there are others.

    Raises
    ------
    InputError
        If the result is of another type, or matplotlib is not installed.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.gsvd import gsvd, reconstruct_inputs
    >>> decomposition = gsvd([[3.0, 0.0], [0.0, 1.0]], inflation=1.1)
    >>> plot.input_reconstruction(reconstruct_inputs(decomposition, [[0.1, 0.0, 1.0, 1.0]], rng=0)).get_ylabel()
    'residual'
    """
    check_kind("result", result, InputReconstruction)
    ax = new_axes(ax, 6.0, 3.6)
    order = np.lexsort((result.residuals, ~result.solved))
    number = np.arange(1, len(order) + 1)
    residuals, ambiguous = np.maximum(result.residuals[order], _SMALLEST), result.is_ambiguous[order]
    for mask, face, colour, label in (
        (~ambiguous, ACCENT, ACCENT, "no other input found"),
        (ambiguous, "white", DARK, "other inputs fit as well"),
    ):
        if mask.any():
            ax.plot(
                number[mask], residuals[mask], "o", markersize=4, color=colour, markerfacecolor=face,
                label=f"{label}: {np.count_nonzero(mask)}",
            )  # fmt: skip
    ax.set_yscale("log")
    solved = np.count_nonzero(result.solved)
    if 0 < solved < len(order):
        ax.axvline(solved + 0.5, color=MEDIUM, linewidth=0.8, linestyle="--", label=f"solved: {solved}, to the left")
    finish(ax, f"input recovered from {result.known}, by residual", "residual")
    legend(ax)
    return ax

"""How far the grading splits each degree: the sizes of the blocks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from algeom.errors import InputError
from algeom.implicitization.blocks import multidegrees
from algeom.implicitization.grading import Grading
from algeom.implicitization.ideal import Ideal
from algeom.implicitization.multidegrees import IntArray
from algeom.plot.style import ACCENT, DARK, MEDIUM, TEXT, check_kind, finish, legend, new_axes, thousands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

#: Half the width of the widest bar, in degrees, and of a bar too thin to see otherwise.
_HALF_WIDTH = 0.4
_LEAST_HALF_WIDTH = 0.025


def block_sizes(result: Ideal | Grading, *, degrees: Iterable[int] | None = None, ax: Axes | None = None) -> Axes:
    """Draw for each degree how many monomials its blocks have, on a logarithmic scale.

    Parameters
    ----------
    result : Ideal or Grading
        A grading says what a computation would meet, before it is made.
    degrees : iterable of int, optional
        By default those of the ideal. A grading has none, so that they must be given.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
        One row of bars above each degree: a bar at height N is as wide as the share of the blocks with N monomials
        among those of its degree (the commonest size fills the width). Squares show the size without a grading.

    Raises
    ------
    InputError
        If the result is of another type, degrees are missing or not positive, or matplotlib is not installed.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom import plot
    >>> segre = ag.polynomial_map(lambda a, b: [x * y for x in a for y in b], parameters={"a": (3,), "b": (3,)})
    >>> plot.block_sizes(ag.grading(segre, rng=1), degrees=[1, 2, 3]).get_yscale()
    'log'
    """
    check_kind("result", result, Ideal, Grading)
    weights, listed = _weights_and_degrees(result, degrees)
    ax = new_axes(ax)
    table = multidegrees(weights, listed[-1])
    n_coordinates = weights.shape[1]
    labels = []
    for position, degree in enumerate(listed):
        counts = table.counts[table.nodes(degree)]
        sizes, number = np.unique(counts, return_counts=True)
        half = np.maximum(_HALF_WIDTH * number / number.max(), _LEAST_HALF_WIDTH)
        ax.hlines(sizes, position - half, position + half, color=ACCENT, linewidth=2.2)
        ax.vlines(position, sizes[0], sizes[-1], color=MEDIUM, linewidth=0.6, zorder=1)
        largest = int(sizes[-1])
        ax.annotate(
            thousands(largest), (position, largest), (0, 4), textcoords="offset points", ha="center", va="bottom",
            fontsize=TEXT - 1, color=ACCENT,
        )  # fmt: skip
        labels.append(f"{degree}\n{thousands(len(counts))} block{'s' if len(counts) != 1 else ''}")
    ax.plot(
        range(len(listed)), [math.comb(n_coordinates + d - 1, d) for d in listed], "s", color=DARK,
        markerfacecolor="white", markersize=5, label="all monomials of the degree (one block without a grading)",
    )  # fmt: skip
    ax.hlines([], 0, 0, color=ACCENT, linewidth=2.2, label="blocks: width of a bar = how many have this size")
    ax.set_yscale("log")
    ax.set_ylim(bottom=0.7)
    ax.set_xlim(-0.6, len(listed) - 0.4)
    ax.set_xticks(range(len(listed)), labels)
    finish(ax, "degree $d$, and the number of its multidegrees", "monomials in a block")
    legend(ax)
    return ax


def _weights_and_degrees(result: Ideal | Grading, degrees: Iterable[int] | None) -> tuple[IntArray, list[int]]:
    """The weights by which blocks are formed, and the degrees to draw in increasing order."""
    if isinstance(result, Ideal):
        chosen = sorted({row.degree for row in result.degrees} if degrees is None else set(degrees))
        weights = result.grading.weights
        if result.dimension.value == result.map.n_coordinates:
            # There are no equations: every grading holds, and the engine uses that by total degree.
            weights = np.ones((1, weights.shape[1]), np.int64)
    else:
        if degrees is None:
            raise InputError("a grading has no degrees of its own; give degrees=range(1, d + 1)")
        chosen, weights = sorted(set(degrees)), result.weights
    if not chosen or chosen[0] < 1:
        raise InputError(f"degrees must be integers from 1 on, at least one; got {chosen}")
    return weights, chosen

"""What decompositions are used to probe: how well inputs were recovered, and differences between groups of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algeom.errors import InputError
from algeom.gsvd.probes.group_probe import GroupProbe
from algeom.gsvd.probes.reconstruction import InputReconstruction
from algeom.plot.style import ACCENT, DARK, LIGHT, MEDIUM, check_kind, finish, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Residuals are drawn from here on: below is rounding.
_SMALLEST = 1e-17
#: Half of the width of a column of points, and half of the length of the mark of its mean.
_SPREAD, _MARK = 0.22, 0.3
#: Most differences that a legend has room for.
_MOST_SHOWN = 4


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
        Filled: no other input was found that fits as well. Open: there are others. Crosses: an interruption came first.

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
    reached = result.reached[order]
    for mask, marker, face, colour, label in (
        (reached & ~ambiguous, "o", ACCENT, ACCENT, "no other input found"),
        (ambiguous, "o", "white", DARK, "other inputs fit as well"),
        (~reached, "x", MEDIUM, MEDIUM, "not reached"),
    ):
        if mask.any():
            ax.plot(
                number[mask], residuals[mask], marker, markersize=4, color=colour, markerfacecolor=face,
                label=f"{label}: {np.count_nonzero(mask)}",
            )  # fmt: skip
    ax.set_yscale("log")
    solved = np.count_nonzero(result.solved)
    if 0 < solved < len(order):
        ax.axvline(solved + 0.5, color=MEDIUM, linewidth=0.8, linestyle="--", label=f"solved: {solved}, to the left")
    finish(ax, f"input recovered from {result.known}, by residual", "residual")
    legend(ax)
    return ax


def group_probe(result: GroupProbe, kind: str | None = None, *, ax: Axes | None = None) -> Axes:
    r"""Draw differences between groups of inputs.

    Parameters
    ----------
    result : GroupProbe
    kind : {"gains", "distances"}, optional
        "gains", the default: the local gain of each input, by group, with the means. "distances": the mean distances of
        embeddings within each group, and between each two.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        The legend has the p-values, after Holm's correction, the smallest first, and says if they are not valid.

    Raises
    ------
    InputError
        If the result is of another type, there is no such figure, or matplotlib is not installed.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.gsvd import group_probe
    >>> x = np.random.default_rng(0).standard_normal((20, 2))
    >>> found = group_probe([[1.0, 2.0]], {"a": x[:10], "b": x[10:]}, n_permutations=99, rng=0)
    >>> plot.group_probe(found).get_ylabel()
    'local gain, in units of $\\sigma_1$'
    """
    check_kind("result", result, GroupProbe)
    if kind not in (None, "gains", "distances"):
        raise InputError(f"there is no figure {kind!r} of a probe; choose from gains, distances")
    if kind == "distances":
        return _draw_distances(result, new_axes(ax, 6.0, 3.8))
    ax = new_axes(ax, 6.0, 3.8)
    for k, values in enumerate(result.gains):
        # Neighbours in size apart: a fixed sequence that fills the column evenly.
        shifts = _SPREAD * (2 * ((np.arange(len(values)) * 0.618034) % 1) - 1)
        ax.plot(
            k + shifts[np.argsort(np.argsort(values))], values, ".", color=MEDIUM, markersize=4,
            label="inputs" if k == 0 else None,
        )  # fmt: skip
    means = result.mean_gains
    ax.hlines(means, *(np.arange(len(means)) + sign * _MARK for sign in (-1, 1)), color=ACCENT, label="mean", zorder=3)
    ax.set_xticks(
        range(len(means)), [f"{name} ({size})" for name, size in zip(result.names, result.sizes, strict=True)]
    )
    ax.set_ylim(bottom=0.0)
    _list_p_values(result, {"local gain"}, ax)
    finish(
        ax,
        f"group (inputs); {result.gain}",
        f"local gain, in units of $\\sigma{'_1' if result.units == 'norm' else ''}$",
    )
    legend(ax)
    return ax


def _draw_distances(result: GroupProbe, ax: Axes) -> Axes:
    count = len(result.names)
    within = np.diag(result.distances)
    first, second = np.triu_indices(count, 1)
    between = result.distances[first, second]
    names = [*result.names, *(f"{result.names[a]}, {result.names[b]}" for a, b in zip(first, second, strict=True))]
    ax.vlines(np.arange(len(names)), 0, np.append(within, between), color=LIGHT, linewidth=1.2)
    ax.plot(np.arange(count), within, "o", color=ACCENT, markersize=6, label="within a group")
    ax.plot(
        count + np.arange(len(between)), between, "o", color=DARK, markerfacecolor="white", markersize=6,
        label="between two groups",
    )  # fmt: skip
    ax.set_xticks(range(len(names)), names)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_ylim(0.0, 1.1 * float(result.distances.max()))
    _list_p_values(result, {"embedding spread", "embedding distance"}, ax)
    what = "embeddings" if result.embedding == "lift" else "output parts of embeddings"
    finish(ax, "groups", f"mean distance of {what}")
    legend(ax)
    return ax


def _list_p_values(result: GroupProbe, statistics: set[str], ax: Axes) -> None:
    """Entries of the legend without a mark."""
    chosen = sorted((d for d in result.differences if d.statistic in statistics), key=lambda d: d.adjusted)
    for found in chosen[:_MOST_SHOWN]:
        label = f"{found.statistic}, {found.first} and {found.second}: adjusted p = {found.adjusted:.2g}"
        label += "" if result.is_exact else " (not valid)"
        ax.plot([], [], " ", label=label)
    if len(chosen) > _MOST_SHOWN:
        ax.plot([], [], " ", label=f"and {len(chosen) - _MOST_SHOWN} more with larger p")

"""Reductions of matrices: how starts converged, where they ended, and the projection."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.reduction.endings import History
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.plot.style import ACCENT, DARK, MEDIUM, TEXT, check_kind, finish, legend, new_axes, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_KINDS = ("convergence", "starts", "projection")
#: Smallest defect that is drawn: zeros have no logarithm.
_SMALLEST = 1e-17
#: Starts whose similarities differ by less, relatively, are drawn as equal.
_EQUAL = 1e-9


def lsrdr(result: LSRDRResult, kind: str = "convergence", *, ax: Axes | None = None) -> Axes:
    """Draw the reduction of matrices.

    Parameters
    ----------
    result : LSRDRResult
    kind : {"convergence", "starts", "projection"}
        "convergence": the largest relative defect of the fixed-point equations by steps, for each start; accelerated
        steps are solid, plain ones dotted, and the start of the result stands out. "starts": the similarity at which
        each start ended, filled where the projection is that of the result. "projection": absolute values of the
        entries of P.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        The legend says how many starts agree, and what the similarity rests on.

    Raises
    ------
    InputError
        If the result is of another type, the kind unknown, or matplotlib not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from algeom import plot
    >>> from algeom.lsrdr.reduction.lsrdr import lsrdr
    >>> reduced = lsrdr(np.random.default_rng(0).standard_normal((3, 5, 5)), 2, rng=1)
    >>> plot.lsrdr(reduced).get_xlabel()
    'steps: applications of $E$ and of $E^*$'
    """
    check_kind("result", result, LSRDRResult)
    if kind not in _KINDS:
        raise InputError(f"there is no figure {kind!r} of a reduction; choose from {', '.join(_KINDS)}")
    if kind == "convergence":
        return _draw_convergence(result, new_axes(ax))
    if kind == "starts":
        return _draw_starts(result, new_axes(ax, 6.0, 3.2))
    return _draw_projection(result, new_axes(ax, 4.6, 4.0))


def _headline(result: LSRDRResult) -> str:
    similarity = "unknown" if math.isnan(result.similarity) else f"{result.similarity:.6f}"
    return f"similarity {similarity}: {str(result.evidence.status).upper()}"


def _agreement(result: LSRDRResult) -> str:
    return f"{result.agreement.agreed} of {result.agreement.starts} starts agree on $P$"


def _draw_convergence(result: LSRDRResult, ax: Axes) -> Axes:
    for history in result.histories:
        if history is not result.history:
            _draw_history(ax, history, MEDIUM, 0.8)
    _draw_history(ax, result.history, ACCENT, 1.6)
    ax.set_yscale("log")
    ax.plot([], [], color=ACCENT, label=_headline(result))
    ax.plot(
        [],
        [],
        color=MEDIUM,
        linewidth=0.8,
        label=f"{_agreement(result)}; {thousands(result.applications)} applications",
    )
    finish(ax, "steps: applications of $E$ and of $E^*$", "largest relative defect")
    legend(ax)
    return ax


def _draw_history(ax: Axes, history: History, color: str, width: float) -> None:
    """One start, plain steps dotted and accelerated ones solid."""
    defects = np.maximum(history.residuals, _SMALLEST)
    # A segment belongs to the step that it leads from.
    for accelerated, style in ((False, ":"), (True, "-")):
        shown = np.zeros(len(history), dtype=bool)
        shown[history.accelerated == accelerated] = True
        shown[1:] |= shown[:-1]
        ax.plot(history.steps, np.where(shown, defects, np.nan), style, color=color, linewidth=width)


def _draw_starts(result: LSRDRResult, ax: Axes) -> Axes:
    records = result.starts
    same = [i for i, record in enumerate(records) if record.fixed_point == 0]
    others = [i for i, record in enumerate(records) if record.fixed_point not in (None, 0)]
    open_ends = [i for i, record in enumerate(records) if record.fixed_point is None]
    for chosen, marker, face, label in (
        (same, "o", ACCENT, _agreement(result)),
        (others, "o", "white", "other fixed points"),
        (open_ends, "x", DARK, "not converged"),
    ):
        heights = [records[i].similarity for i in chosen]
        if chosen:
            ax.plot(
                [i + 1 for i in chosen], heights, marker, color=DARK if marker == "x" else ACCENT, markerfacecolor=face,
                markersize=6, label=f"{label} ({len(chosen)})" if chosen is not same else label,
            )  # fmt: skip
    if not math.isnan(result.similarity):
        ax.axhline(result.similarity, color=MEDIUM, linewidth=0.8, linestyle="--", label=_headline(result))
    ax.set_xticks(range(1, len(records) + 1))
    ax.ticklabel_format(axis="y", useOffset=False)
    finish(ax, "start", r"similarity $\sqrt{|\lambda| / \rho(\Phi(A))}$")
    legend(ax)
    return ax


def _draw_projection(result: LSRDRResult, ax: Axes) -> Axes:
    P = result.P
    sizes = P.norm if isinstance(P, Quaternions) else np.abs(P)
    image = ax.imshow(sizes, cmap="Greys", vmin=0.0, interpolation="nearest")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.85)
    bar.ax.tick_params(labelsize=TEXT)
    ax.plot([], [], " ", label=_headline(result))
    ax.plot([], [], " ", label=_agreement(result))
    finish(ax, "column of $|P|$", "row")
    ax.grid(visible=False)
    legend(ax)
    return ax

"""Generalized singular values next to those of Jacobians, and gains inside their ellipse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from algeom.errors import InputError
from algeom.evidence import Status
from algeom.gsvd.decomposition.result import GSVD
from algeom.gsvd.functions.domains import Samples
from algeom.plot.style import ACCENT, DARK, LIGHT, MEDIUM, TEXT, check_kind, finish, legend, new_axes, status_with_bound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points at which singular values of Jacobians are computed.
_POINTS = 200
#: From this ratio of the largest to the smallest value on, the axis is logarithmic.
_LOGARITHMIC_FROM = 50
#: Smallest singular value of a Jacobian that is drawn, relative to sigma_1: below, it is a rank that is lower.
_SMALLEST = 1e-6
#: Up to this ratio of the semi-axes both are drawn on one scale.
_SAME_SCALE = 4.0
#: Points on the ellipse, and most gains that are drawn.
_ELLIPSE, _MOST_GAINS = 400, 4000


def gsvd(result: GSVD, kind: str | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw a generalized singular value decomposition.

    Parameters
    ----------
    result : GSVD
    kind : {"spectrum", "gains"}, optional
        "spectrum", the default: sigma by number, and for comparison the singular values of the Jacobian matrices at
        points of the domain: median, and from least to largest. For a linear map they agree. "gains": the gains in the
        plane of the first two axes, in the ellipse with these semi-axes, with those of opposite sign lighter.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        The legend says what sigma rests on. Samples without a function have no Jacobians.

    Raises
    ------
    InputError
        If the result is of another type, there is no such figure, gains of one output are asked for, or matplotlib is
        not installed.

    Examples
    --------
    >>> from algeom import plot
    >>> from algeom.gsvd import gsvd
    >>> plot.gsvd(gsvd([[3.0, 0.0], [0.0, 1.0]])).get_xlabel()
    'number'
    """
    check_kind("result", result, GSVD)
    if kind not in (None, "spectrum", "gains"):
        raise InputError(f"there is no figure {kind!r} of a decomposition; choose from spectrum, gains")
    if kind == "gains":
        if result.n_outputs < 2:
            raise InputError('gains of one output are on a line; draw the spectrum instead (kind="spectrum")')
        return _draw_gains(result, new_axes(ax, 5.0, 5.0))
    return _draw_spectrum(result, new_axes(ax, 6.0, 3.6))


def _sigma_label(result: GSVD) -> str:
    evidence = result.evidence
    covered = "the gains that were found" if evidence.status is Status.LOWER_BOUND else "all gains"
    if isinstance(result.domain, Samples):
        covered = "the gains of the samples"
    return f"$\\sigma$ ({result.method}) covers {covered}: {status_with_bound(evidence.status, evidence.log10_error)}"


def _draw_spectrum(result: GSVD, ax: Axes) -> Axes:
    number = np.arange(1, result.rank + 1)
    sigma = result.sigma[: result.rank]
    shown = [sigma]
    if result.function is not None:
        values = result.jacobian_singular_values(result.x0 + result.inputs[:_POINTS])[:, : result.rank]
        positive = np.where(values > _SMALLEST * sigma[0], values, np.nan)
        counted = np.flatnonzero(np.isfinite(positive).any(axis=0))
        low, middle, high = (
            np.array([measure(column[np.isfinite(column)]) for column in positive.T[counted]])
            for measure in (np.min, np.median, np.max)
        )
        ax.vlines(
            number[counted], low, high, color=LIGHT, linewidth=7,
            label=f"singular values of Jacobians at {len(values)} points: least to largest",
        )  # fmt: skip
        ax.plot(number[counted], middle, "_", color=MEDIUM, markersize=10, markeredgewidth=1.6, label="median")
        shown += [low, high]
    ax.plot(number, sigma, "o", color=ACCENT, markersize=5, zorder=3, label=_sigma_label(result))
    certified = result.norm_bounds is not None or result.method == "svd"
    ax.axhline(
        result.norm_lower, color=DARK, linewidth=0.8, linestyle="--",
        label=f"2-induced norm: at least {result.norm_lower:.5g}"
        + (f", at most {result.norm_upper:.5g}" if certified else f", estimate $\\sigma_1$ = {result.norm_upper:.5g}"),
    )  # fmt: skip
    every = np.concatenate(shown)
    if every.max() > _LOGARITHMIC_FROM * every.min():
        ax.set_yscale("log")
    else:
        ax.set_ylim(0.0, 1.08 * max(every.max(), result.norm_upper))
    ax.locator_params(axis="x", integer=True) if result.rank > 1 else ax.set_xticks([1])
    ax.margins(x=0.07)
    finish(ax, "number", "singular value")
    legend(ax)
    return ax


def _draw_gains(result: GSVD, ax: Axes) -> Axes:
    plane = result.gains[:_MOST_GAINS] @ result.U[:, :2]
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE)
    ellipse = np.column_stack([np.cos(angles), np.sin(angles)]) * result.sigma[:2]
    ax.plot(*-plane.T, ".", color=LIGHT, markersize=2.5, label="gains of opposite sign")
    ax.plot(*plane.T, ".", color=MEDIUM, markersize=2.5, label=f"{len(plane)} gains $f(x)/|x|$")
    ax.plot(*ellipse.T, color=ACCENT, linewidth=1.4, label=_sigma_label(result))
    for k in range(2):
        end = np.eye(2)[k] * result.sigma[k]
        ax.plot([0, end[0]], [0, end[1]], color=DARK, linewidth=0.8, linestyle="--")
        ax.annotate(
            f"$\\sigma_{k + 1}$ = {result.sigma[k]:.5g}", 0.55 * end, (5, 5), textcoords="offset points",
            fontsize=TEXT, color=DARK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        )  # fmt: skip
    if result.sigma[0] <= _SAME_SCALE * result.sigma[1]:
        ax.set_aspect("equal")
    finish(ax, "$u_1 \\cdot y$", "$u_2 \\cdot y$")
    ax.grid(visible=False)
    legend(ax)
    return ax

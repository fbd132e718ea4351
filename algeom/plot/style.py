"""What all figures share: new axes, grays that survive printing, thin rules, one size of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from algeom.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK = "#1f1f1f"
MEDIUM = "#767676"
LIGHT = "#d9d9d9"
#: The one colour: dark enough to stay apart from MEDIUM in grayscale.
ACCENT = "#1f4e79"
TEXT = 9.0


def new_axes(ax: Axes | None, width: float = 6.0, height: float = 4.0) -> Axes:
    """The given axes, or those of a new figure of this size in inches.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise InputError("figures need matplotlib, which is not installed: pip install 'algeom[plot]'") from error
    _, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
    return ax


def check_kind(argument: str, given: object, *kinds: type) -> None:
    """Refuse what a figure cannot show.

    Raises
    ------
    InputError
        If the argument is of none of these kinds.
    """
    if not isinstance(given, kinds):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise InputError(f"{argument} is {given!r}; expected a result of the type {expected}")


def finish(ax: Axes, xlabel: str, ylabel: str) -> None:
    """Label the axes, keep two spines, and draw horizontal rules behind the data."""
    ax.set_xlabel(xlabel, fontsize=TEXT)
    ax.set_ylabel(ylabel, fontsize=TEXT)
    ax.tick_params(labelsize=TEXT, color=MEDIUM)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(MEDIUM)
    ax.set_axisbelow(True)
    ax.grid(axis="y", color=LIGHT, linewidth=0.6)


def legend(ax: Axes) -> None:
    """A legend without a frame above the axes, where it can cover no data."""
    ax.legend(fontsize=TEXT, frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)


def thousands(value: int) -> str:
    r"""A count as it is written in figures and tables.

    Examples
    --------
    >>> thousands(112496), thousands(4584)
    ('112\u2009496', '4584')
    """
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", "\N{THIN SPACE}")


def status_with_bound(status: object, log10_error: float) -> str:
    """A status in capitals, with the error bound where there is one.

    Examples
    --------
    >>> status_with_bound("probabilistic", -20.5), status_with_bound("proved", float("-inf"))
    ('PROBABILISTIC, error ≤ 1e-20', 'PROVED')
    """
    bound = f", error ≤ 1e{math.ceil(log10_error)}" if math.isfinite(log10_error) else ""
    return f"{str(status).upper()}{bound}"

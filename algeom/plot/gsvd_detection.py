"""Detectors of adversarial perturbations: ROC curves, and the areas below them by budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from algeom.errors import InputError
from algeom.gsvd.detection.report import EVADING, UTILISATION, DetectionReport, DetectionRow
from algeom.plot.style import ACCENT, DARK, LIGHT, MEDIUM, check_kind, finish, legend, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What tells the baselines apart, in grays that survive printing.
_STYLES = (("-", MEDIUM), ("--", MEDIUM), (":", MEDIUM), ("-.", MEDIUM), ("--", DARK), (":", DARK), ("-.", DARK))


def gsvd_detection(
    result: DetectionReport,
    kind: str | None = None,
    *,
    attack: str = "PGD",
    norm: str = "l2",
    budget: float | None = None,
    reference: str = "known",
    against: str = "matched",
    ax: Axes | None = None,
) -> Axes:
    """Draw what detectors of adversarial perturbations reached.

    Parameters
    ----------
    result : DetectionReport
    kind : {"budget", "roc"}, optional
        "budget", the default: areas under the ROC curves of all scores by budget, with the 95% intervals of the
        utilisation, and its area for the attack that knows it. "roc": the curves for one budget.
    attack, norm, reference, against : str
        Which rows of the report.
    budget : float, optional
        For ROC curves; by default the largest one.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result is of another type, there are no such rows or figures, or matplotlib is not installed.
    """
    check_kind("result", result, DetectionReport)
    if kind not in (None, "budget", "roc"):
        raise InputError(f"there is no figure {kind!r} of a detection report; choose from budget, roc")
    chosen = {"norm": norm, "reference": reference, "against": against}
    rows = result.select(attack=attack, **chosen)
    if kind == "roc":
        value = max(row.budget for row in rows) if budget is None else budget
        return _draw_curves(result.select(attack=attack, budget=value, **chosen), new_axes(ax, 5.2, 6.2))
    return _draw_areas(result, rows, chosen, new_axes(ax, 6.0, 5.4))


def _styles(rows: tuple[DetectionRow, ...]) -> dict[str, tuple[str, str, float]]:
    """Line style, colour and width of each score; utilisations are in the one colour."""
    names = dict.fromkeys(row.score for row in rows)
    ours = [name for name in names if name.startswith(UTILISATION)]
    others = [name for name in names if name not in ours]
    found = {name: (("-", "--")[k > 0], ACCENT, 2.0) for k, name in enumerate(ours)}
    return found | {name: (*_STYLES[k % len(_STYLES)], 1.2) for k, name in enumerate(others)}


def _draw_curves(rows: tuple[DetectionRow, ...], ax: Axes) -> Axes:
    ax.plot([0, 1], [0, 1], color=LIGHT, linewidth=1.0)
    for row in rows:
        style, colour, width = _styles(rows)[row.score]
        low, high = row.curve.low, row.curve.high
        ax.plot(
            row.curve.false_positives, row.curve.true_positives, style, color=colour, linewidth=width,
            label=f"{row.score}: AUC {row.auc:.3f} ({low:.3f} to {high:.3f})",
        )  # fmt: skip
    first = rows[0]
    finish(ax, f"natural perturbations flagged ({first.against})", f"{first.attack}, {first.norm}, flagged")
    ax.set_aspect("equal")
    legend(ax)
    return ax


def _draw_areas(result: DetectionReport, rows: tuple[DetectionRow, ...], chosen: dict[str, str], ax: Axes) -> Axes:
    styles = _styles(rows)
    ax.axhline(0.5, color=LIGHT, linewidth=1.0)
    for score, (style, colour, width) in styles.items():
        own = sorted((row for row in rows if row.score == score), key=lambda row: row.budget)
        budgets, areas = [row.budget for row in own], [row.auc for row in own]
        ax.plot(budgets, areas, style, color=colour, linewidth=width, marker=".", label=score)
        if score == UTILISATION:
            ax.fill_between(
                budgets, [row.curve.low for row in own], [row.curve.high for row in own], color=ACCENT, alpha=0.2, lw=0
            )
    evading = [
        row for row in result.rows
        if row.attack == EVADING and row.score == UTILISATION
        and all(getattr(row, name) == value for name, value in chosen.items())
    ]  # fmt: skip
    if evading and rows[0].attack != EVADING:
        evading.sort(key=lambda row: row.budget)
        ax.plot(
            [row.budget for row in evading], [row.auc for row in evading], ":", color=ACCENT, linewidth=2.0, marker="x",
            label=f"{UTILISATION}, attack that knows it",
        )  # fmt: skip
    ax.set_ylim(0.0, 1.02)
    finish(ax, f"budget ({rows[0].attack}, {rows[0].norm})", "area under the ROC curve")
    legend(ax)
    return ax

"""The Hilbert function: what was computed, and apart from it what is extrapolated."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from algeom.evidence import Evidence
from algeom.implicitization.hilbert import HilbertFit, HilbertFunction, fit_hilbert_series
from algeom.implicitization.ideal import Ideal
from algeom.plot.style import ACCENT, MEDIUM, TEXT, check_kind, finish, legend, new_axes, status_with_bound, thousands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: How many degrees beyond the last one computed the fitted polynomial is drawn.
_BEYOND = 2
#: From this ratio of the largest to the smallest value on, a linear axis shows nothing of the small ones.
_LOGARITHMIC_FROM = 200
#: Up to so many points, each is labelled with its value.
_LABELLED = 12


def hilbert_function(result: HilbertFunction | Ideal, *, ax: Axes | None = None) -> Axes:
    """Draw dim (R/I)_d by degree next to dim R_d, with the fitted Hilbert polynomial if there is one.

    Parameters
    ----------
    result : HilbertFunction or Ideal
        Of an ideal, the degrees that were computed.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        Horizontally the degree, vertically dimensions of rational vector spaces; logarithmically where the values
        differ by a factor of more than 200. The polynomial is dashed and labelled EXTRAPOLATED: finitely many values
        never determine it.

    Raises
    ------
    InputError
        If the result is of another type, or matplotlib is not installed.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom import plot
    >>> h = ag.hilbert_function(ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), 4, rng=1)
    >>> plot.hilbert_function(h).get_xlabel()
    'degree $d$'
    """
    check_kind("result", result, HilbertFunction, Ideal)
    values, ring, fit, evidence = _content(result)
    degrees = sorted(values)
    ax = new_axes(ax)
    quotient, whole = ("(R/I)_{\\leq d}", "R_{\\leq d}") if result.homogenized else ("(R/I)_d", "R_d")
    heights = [values[d] for d in degrees]
    ax.plot(
        degrees, [ring[d] for d in degrees], "s:", color=MEDIUM, markerfacecolor="white", markersize=4, linewidth=0.9,
        label=f"$\\dim {whole}$: all polynomials",
    )  # fmt: skip
    if fit is not None:
        _draw_polynomial(ax, fit, degrees[0], degrees[-1] + _BEYOND)
    ax.plot(
        degrees, heights, "o", color=ACCENT, markersize=6, zorder=3,
        label=f"$\\dim {quotient}$: {status_with_bound(evidence.status, evidence.log10_error)}",
    )  # fmt: skip
    if len(degrees) <= _LABELLED:
        for d, height in zip(degrees, heights, strict=True):
            ax.annotate(
                thousands(height), (d, height), (0, -7), textcoords="offset points", ha="center", va="top",
                fontsize=TEXT - 1, color=ACCENT, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4},
            )  # fmt: skip
    top = max(ring.values())
    if top > _LOGARITHMIC_FROM * max(1, min(h for h in heights if h) if any(heights) else 1):
        ax.set_yscale("log")
        ax.set_ylim(bottom=0.25)
    else:
        ax.set_ylim(bottom=-0.09 * top)
    ax.locator_params(axis="x", integer=True)
    ax.margins(x=0.07)
    finish(ax, "degree $d$", r"dimension over $\mathbb{Q}$")
    legend(ax)
    return ax


def _content(
    result: HilbertFunction | Ideal,
) -> tuple[dict[int, int], dict[int, int], HilbertFit | None, Evidence]:
    """Values, dimensions of the whole ring, fit and evidence of either kind of result."""
    if isinstance(result, HilbertFunction):
        ring = {d: value + result.ideal_dimensions[d] for d, value in result.values.items()}
        return result.values, ring, result.fit, result.evidence
    values = {0: 1} | result.hilbert_function
    ring = {0: 1} | {row.degree: row.n_monomials for row in result.degrees}
    dimension = result.dimension.value + (1 if result.homogenized else 0)
    consecutive = sorted(values) == list(range(len(values)))
    fit = fit_hilbert_series([values[d] for d in sorted(values)], dimension) if consecutive else None
    return values, ring, fit, result.evidence


def _draw_polynomial(ax: Axes, fit: HilbertFit, first: int, last: int) -> None:
    """The fitted polynomial as a dashed curve, where it is positive."""
    steps = 24
    at = [Fraction(k, steps) for k in range(first * steps, last * steps + 1)]
    points = [(float(d), value) for d in at if (value := _evaluate(fit.polynomial, d)) > 0]
    if points:
        ax.plot(
            *zip(*points, strict=True), "--", color=ACCENT, linewidth=1.2,
            label=f"Hilbert polynomial: {status_with_bound(fit.evidence.status, fit.evidence.log10_error)}, "
            f"affine cone dimension {fit.dimension}, degree {fit.degree}",
        )  # fmt: skip


def _evaluate(coefficients: Sequence[Fraction], d: Fraction) -> float:
    return float(sum((c * d**k for k, c in enumerate(coefficients)), Fraction(0)))

"""Critical points of a distance: on a plane curve with their normals, elsewhere by distance and Morse index."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.printing import latex_name
from algeom.continuation.critical_points import CriticalPoint, CriticalPoints
from algeom.continuation.ed_system import Weights
from algeom.continuation.nearest import NearestPoint
from algeom.errors import InputError
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.plot.style import ACCENT, DARK, LIGHT, MEDIUM, TEXT, check_kind, finish, legend, new_axes, status_with_bound

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Float = NDArray[np.float64]

#: Points, shape (2, B), at parameters of shape (1, B).
Curve = Callable[[Float], Float]

#: Parameters at which a curve is sampled at first, and at most.
_FIRST, _MOST = 600, 40_000
#: Length of a segment of a curve, and of a gap that is a jump over infinity, in diagonals of the window.
_SEGMENT, _JUMP = 0.004, 0.05
#: A curve up to so many times as wide as its critical points is shown whole, and so is an ED discriminant up to so many
#: times as wide as that.
_WHOLE, _WHOLE_DISCRIMINANT = 4.0, 2.0
#: Margin around what is shown, in diagonals, for whole curves and others; how far beyond the window they are sampled.
_MARGIN, _WIDER_MARGIN, _BEYOND = 0.17, 0.25, 0.2
#: The tangent of this angle before a right one stands for infinity.
_NEAR_INFINITY = 1e-6

_MARKERS = {"minimum": "o", "saddle": "s", "maximum": "o", "degenerate": "D"}
_PLURALS = {"minimum": "minima", "saddle": "saddles", "maximum": "maxima", "degenerate": "degenerate"}


def critical_points(
    result: CriticalPoints | NearestPoint,
    kind: str | None = None,
    *,
    ed_discriminant: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the real critical points of the distance from data to a variety.

    Parameters
    ----------
    result : CriticalPoints or NearestPoint
    kind : {"curve", "distances"}, optional
        "curve", for plane curves, where it is the default: the curve, the data and the segments between the data and
        the critical points, which are normal to the curve in the metric of the weights. "distances": horizontally the
        distance of each point, vertically its index, the number of directions in which the distance has a maximum.
    ed_discriminant : bool
        Whether to draw the ED discriminant of the curve (the evolute, for unit weights): where the data have a
        multiple critical point. On crossing it two of them become real, or cease to be.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes
        The legend says how many critical points there are in all, and what the number rests on. Of the curve the image
        of the real parameters of the gauge (``result.generic.gauge``) is drawn. A `NearestPoint` adds the point itself,
        which may be a singular one.

    Raises
    ------
    InputError
        If the result is of another type, the data are complex, a curve is asked for that is not a plane one, or
        matplotlib is not installed.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom import plot
    >>> found = ag.critical_points(ag.polynomial_map(["t", "t^2"], names=["x", "y"]), [0.5, 2.0], rng=1)
    >>> ax = plot.critical_points(found)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('$x$', '$y$')
    >>> plot.critical_points(found, "distances").get_xlabel()
    'distance from the data'
    """
    check_kind("result", result, CriticalPoints, NearestPoint)
    found, nearest = (result.critical, result) if isinstance(result, NearestPoint) else (result, None)
    if kind not in (None, "curve", "distances"):
        raise InputError(f"there is no figure {kind!r} of critical points; choose from curve, distances")
    if np.iscomplexobj(found.data):
        raise InputError("the data are complex: figures show real points and distances from real data")
    psi = found.generic.gauge.map
    is_plane = psi.n_parameters == 1 and psi.n_coordinates == 2
    if (kind == "curve" or ed_discriminant) and not is_plane:
        raise InputError(
            f"a variety of dimension {psi.n_parameters} in {psi.n_coordinates} coordinates is no plane curve; draw the "
            'distances instead (kind="distances")'
        )
    if is_plane and kind != "distances":
        return _draw_curve(found, nearest, psi, ed_discriminant, new_axes(ax, 5.0, 5.0))
    return _draw_distances(found, nearest, new_axes(ax, 6.0, 3.2))


def _headline(found: CriticalPoints) -> str:
    evidence = found.evidence
    return (
        f"{noun_count(len(found), 'critical point')}, {found.n_real} real: "
        f"{status_with_bound(evidence.status, evidence.log10_error)}, {found.weights}"
    )


def _by_kind(found: CriticalPoints) -> dict[str, list[CriticalPoint]]:
    return {kind: chosen for kind in _MARKERS if (chosen := [point for point in found.real if point.kind == kind])}


def _face(kind: str) -> str:
    return ACCENT if kind == "minimum" else "white"


def _kind_label(kind: str, number: int) -> str:
    return f"{number} {kind if number == 1 else _PLURALS[kind]}"


def _draw_distances(found: CriticalPoints, nearest: NearestPoint | None, ax: Axes) -> Axes:
    """Distance and index of each real point; those without an index in a row of their own."""
    rows = sorted({point.index for point in found.real})
    heights = {index: float(place) for place, index in enumerate(rows)}
    ax.plot([], [], " ", label=_headline(found))
    for kind, points in _by_kind(found).items():
        ax.plot(
            [point.distance for point in points], [heights[point.index] for point in points], _MARKERS[kind],
            color=ACCENT, markerfacecolor=_face(kind), markersize=6, label=_kind_label(kind, len(points)),
        )  # fmt: skip
    if nearest is not None:
        ax.axvline(nearest.distance, color=DARK, linewidth=0.8, linestyle="--", label=_nearest_label(nearest))
    ax.set_yticks(range(len(rows)), ["undecided" if index < 0 else str(index) for index in rows])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    finish(ax, "distance from the data", "index")
    legend(ax)
    return ax


def _nearest_label(nearest: NearestPoint) -> str:
    where = ", a singular point" if nearest.on_singular_locus else ""
    return f"nearest point{where}: {nearest.distance:.4g}"


def _draw_curve(
    found: CriticalPoints, nearest: NearestPoint | None, psi: PolynomialMap, ed_discriminant: bool, ax: Axes
) -> Axes:
    data, points = found.data, found.real_points
    curves = [psi.tape.evaluate] + ([_ed_discriminant(psi, found.weights)] if ed_discriminant else [])
    low, high = _window(np.column_stack([data, points] if nearest is None else [data, points, nearest.point]), curves)
    ax.plot([], [], " ", label=_headline(found))
    ax.plot(*_sampled(curves[0], low, high), color=DARK, linewidth=1.2)
    if ed_discriminant:
        ax.plot(
            *_sampled(curves[1], low, high), "--", color=MEDIUM, linewidth=0.9,
            label="ED discriminant" + (" (evolute)" if found.weights.kind == "unit" else ""),
        )  # fmt: skip
    for x, y in points.T:
        ax.plot([data[0], x], [data[1], y], color=MEDIUM, linewidth=0.8, zorder=1.5)
    for kind, chosen in _by_kind(found).items():
        ax.plot(
            *np.array([point.point for point in chosen]).T, _MARKERS[kind], color=ACCENT,
            markerfacecolor=_face(kind), markersize=6, zorder=3, label=_kind_label(kind, len(chosen)),
        )  # fmt: skip
        for point in chosen:
            _label_distance(ax, data, point)
    ax.plot(*data, "x", color=DARK, markersize=7, markeredgewidth=1.6, zorder=4, label="the data")
    if nearest is not None:
        ax.plot(
            *nearest.point, "o", color=DARK, markerfacecolor="none", markersize=12, zorder=4,
            label=_nearest_label(nearest),
        )  # fmt: skip
    ax.set_aspect("equal")
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    x_name, y_name = psi.names
    finish(ax, f"${latex_name(x_name)}$", f"${latex_name(y_name)}$")
    ax.grid(visible=False)
    legend(ax)
    return ax


def _label_distance(ax: Axes, data: Float, point: CriticalPoint) -> None:
    """The distance of a point beside it, on the side away from the data."""
    away = np.asarray(point.point) - data
    length = float(np.hypot(*away))
    if not np.isfinite(point.distance) or length == 0:
        return
    shift = 11 * away / length
    text = f"{point.distance:.3g}" + (f" ({point.multiplicity} times)" if point.multiplicity > 1 else "")
    ax.annotate(
        text, (point.point[0], point.point[1]), (shift[0], shift[1]), textcoords="offset points",
        fontsize=TEXT - 1, color=ACCENT, va="center",
        ha="left" if shift[0] > 4 else "right" if shift[0] < -4 else "center", zorder=5,
        bbox={"facecolor": "white", "edgecolor": LIGHT, "linewidth": 0.3, "pad": 0.8},
    )  # fmt: skip


def _window(marked: Float, curves: list[Curve]) -> tuple[Float, Float]:
    """Lower left and upper right corner of what is shown: the points, and whole curves that are not much wider."""
    low, high = marked.min(axis=1), marked.max(axis=1)
    margin = _WIDER_MARGIN
    for curve, factor in zip(curves, (_WHOLE, _WHOLE_DISCRIMINANT), strict=False):
        with np.errstate(all="ignore"):
            sample = curve(_parameters(_FIRST))
        with_curve = np.hstack([low[:, None], high[:, None], sample[:, np.isfinite(sample).all(axis=0)]])
        low_whole, high_whole = with_curve.min(axis=1), with_curve.max(axis=1)
        if np.linalg.norm(high_whole - low_whole) <= factor * _size(low, high):
            low, high, margin = low_whole, high_whole, _MARGIN
    size = _size(low, high)
    # A window much flatter than wide would hide how curve and normals meet.
    around = np.maximum(margin * size, (0.5 * size - (high - low)) / 2)
    return low - around, high + around


def _size(low: Float, high: Float) -> float:
    """Diagonal of a window; something positive for a point."""
    return float(np.linalg.norm(high - low)) or max(1.0, float(np.linalg.norm(high)))


def _parameters(count: int) -> Float:
    angles = np.linspace(_NEAR_INFINITY - np.pi / 2, np.pi / 2 - _NEAR_INFINITY, count)
    return np.asarray(np.tan(angles))[None]


def _sampled(curve: Curve, low: Float, high: Float) -> Float:
    """Points of a parametrized curve in and around a window, with columns of NaN where it leaves or jumps.

    Parameters are tangents of angles, so that infinity is as near as anything else; angles are halved until the
    segments in the window are short.
    """
    diagonal = float(np.linalg.norm(high - low))
    left, right = (low - _BEYOND * diagonal)[:, None], (high + _BEYOND * diagonal)[:, None]
    angles = np.arctan(_parameters(_FIRST)[0])

    def evaluated(at: Float) -> Float:
        with np.errstate(all="ignore"):
            return np.asarray(curve(np.tan(at)[None]), dtype=np.float64)

    points = evaluated(angles)
    while True:
        with np.errstate(invalid="ignore"):
            shown = np.all((points >= left) & (points <= right), axis=0)
            gaps = np.linalg.norm(np.diff(points, axis=1), axis=0) / diagonal
        near = shown[:-1] | shown[1:]
        middles = (angles[:-1] + angles[1:]) / 2
        # What is longer is divided; NaN and infinity are, too, as they are no numbers below the bound.
        long = near & ~(gaps <= _SEGMENT) & (middles > angles[:-1]) & (middles < angles[1:])
        if not long.any() or len(angles) + np.count_nonzero(long) > _MOST:
            break
        places = np.flatnonzero(long) + 1
        points = np.insert(points, places, evaluated(middles[long]), axis=1)
        angles = np.insert(angles, places, middles[long])
    joined = near & (gaps <= _JUMP)
    kept = np.flatnonzero(np.append(joined, False) | np.insert(joined, 0, False))
    breaks = np.flatnonzero(~joined[kept[:-1]]) + 1
    return np.insert(points[:, kept], breaks, np.nan, axis=1)


def _ed_discriminant(psi: PolynomialMap, weights: Weights) -> Curve:
    """The data u at which a point of the curve is a multiple critical point, as a function of its parameter.

    With y = psi(t) the critical equation ``y' W (y - u) = 0`` and its derivative ``y'' W (y - u) + y' W y' = 0`` are
    two linear equations for u.
    """
    first = psi.tape.jacobian_tape()
    second = first.jacobian_tape()
    matrix = weights.matrix

    def discriminant(t: Float) -> Float:
        y, velocity, acceleration = (tape.evaluate(t) for tape in (psi.tape, first, second))
        a, b = matrix @ velocity, matrix @ acceleration
        right_a, right_b = np.sum(a * y, axis=0), np.sum(b * y, axis=0) + np.sum(a * velocity, axis=0)
        determinant = a[0] * b[1] - a[1] * b[0]
        solution = np.array([right_a * b[1] - right_b * a[1], a[0] * right_b - b[0] * right_a]) / determinant
        return np.asarray(solution, dtype=np.float64)

    return discriminant

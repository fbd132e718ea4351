"""Figures of critical points: curves, normals, ED discriminants, distances."""

import numpy as np
import pytest

import algeom as ag
from algeom import plot
from algeom.errors import InputError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def ellipse():
    return ag.polynomial_map(["2*(1-t^2)/(1+t^2)", "2*t/(1+t^2)"], names=["x", "y"])


@pytest.fixture(scope="module")
def on_ellipse(ellipse):
    return ag.critical_points(ellipse, [0.5, 0.2], rng=1)


@pytest.fixture(scope="module")
def matrices():
    return ag.critical_points(ag.varieties.determinantal(3, 3, 1), [3, 1, 0, 1, -2, 1, 0, 2, 5], rng=1)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, start):
    return next(line for line in ax.get_lines() if str(line.get_label()).startswith(start))


def drawn(line_):
    """Points of a line without the breaks, shape (2, B)."""
    points = np.array(line_.get_data())
    return points[:, np.isfinite(points).all(axis=0)]


def solid(ax):
    """The curve itself, the longest line without a label."""
    return max((line for line in ax.get_lines() if line.get_linestyle() == "-"), key=lambda line: len(line.get_xdata()))


def rendered(ax):
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].min() < 128


def test_the_whole_ellipse_is_drawn_with_its_normals(on_ellipse):
    ax = plot.critical_points(on_ellipse)
    x, y = drawn(solid(ax))
    np.testing.assert_allclose(x**2 / 4 + y**2, 1, atol=1e-12)
    assert len(x) == len(solid(ax).get_xdata())  # in one piece
    assert np.ptp(x) == pytest.approx(4, abs=1e-3)
    normals = [line_ for line_ in ax.get_lines() if len(line_.get_xdata()) == 2 and line_.get_linestyle() == "-"]
    assert len(normals) == 4
    for segment in normals:
        (u, point) = np.array(segment.get_data()).T
        np.testing.assert_allclose(u, [0.5, 0.2])
        tangent = np.array([-4 * point[1], point[0]])
        assert abs(tangent @ (point - u)) < 1e-9
    assert labels(ax) == ["4 critical points, 4 real: NUMERICAL, unit weights", "2 minima", "2 maxima", "the data"]
    assert sorted(text.get_text() for text in ax.texts) == sorted(f"{d:.3g}" for d in on_ellipse.distances)
    assert ax.get_xlabel() == "$x$"
    assert rendered(ax)


def test_the_discriminant_of_the_ellipse_is_its_evolute(on_ellipse):
    evolute = line(plot.critical_points(on_ellipse, ed_discriminant=True), "ED discriminant (evolute)")
    x, y = drawn(evolute)
    # Near the ends of the range of parameters half of the digits cancel.
    np.testing.assert_allclose(np.cbrt(2 * x) ** 2 + np.cbrt(y) ** 2, np.cbrt(3) ** 2, atol=1e-3)
    assert np.ptp(x) == pytest.approx(3, abs=0.01)
    assert np.ptp(y) == pytest.approx(6, abs=0.01)


def test_data_on_the_discriminant_have_a_multiple_point(ellipse, on_ellipse):
    ax = plot.critical_points(ag.critical_points(ellipse, [1.5, 0.0], generic=on_ellipse, rng=1))
    assert "1 degenerate" in labels(ax)
    assert "0.5 (3 times)" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("weights", [[1, 2], [[2, 1], [1, 1]]])
def test_weighted_discriminants_have_double_points(weights):
    curve = ag.polynomial_map(["t", "1/t"])
    found = ag.critical_points(curve, [2.0, -1.0], weights, rng=1)
    ax = plot.critical_points(found, ed_discriminant=True)
    a, b, c = (weights[0], 0, weights[1]) if np.ndim(weights) == 1 else (weights[0][0], weights[0][1], weights[1][1])
    on_it = drawn(line(ax, "ED discriminant"))[:, ::50]
    assert on_it.size
    for x, y in on_it.T:
        # The critical equation times t^3.
        roots = np.roots([a, -a * x - b * y, 0, b * x + c * y, -c])
        gaps = np.abs(roots[:, None] - roots[None, :])[np.triu_indices(4, 1)]
        assert gaps.min() < 1e-5 * np.abs(roots).max()


def test_a_curve_that_passes_through_infinity_is_broken_there():
    hyperbola = ag.polynomial_map(["t", "1/t"])
    curve = solid(plot.critical_points(ag.critical_points(hyperbola, [2.0, -1.0], rng=1)))
    x, y = np.array(curve.get_data())
    steps = np.hypot(np.diff(x), np.diff(y))
    assert np.isnan(x).any()
    assert np.nanmax(steps) < 0.5
    np.testing.assert_allclose((x * y)[np.isfinite(x)], 1)


def test_a_nearest_singular_point_is_marked():
    cuspidal = ag.polynomial_map(["t^2", "t^3"])
    origin = ag.polynomial_map(["0*s", "0*s"])
    ax = plot.critical_points(ag.nearest_point(cuspidal, [-1.0, 0.1], singular_locus=origin, rng=1))
    (label,) = [text for text in labels(ax) if text.startswith("nearest point")]
    assert label == "nearest point, a singular point: 1.005"
    assert np.array(line(ax, "nearest point").get_data()).ravel().tolist() == [0, 0]


def test_distances_are_drawn_by_index(matrices):
    ax = plot.critical_points(matrices)
    assert labels(ax) == ["3 critical points, 3 real: NUMERICAL, unit weights", "1 minimum", "2 saddles"]
    singular_values = np.linalg.svd(matrices.data.reshape(3, 3), compute_uv=False)
    expected = np.sqrt([sum(singular_values**2) - s**2 for s in singular_values])
    shown = np.concatenate([line(ax, kind).get_xdata() for kind in ("1 minimum", "2 saddles")])
    np.testing.assert_allclose(shown, expected)
    assert line(ax, "2 saddles").get_ydata().tolist() == [1, 2]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "1", "2"]
    assert rendered(ax)


def test_distances_of_a_nearest_point_show_it():
    nearest = ag.nearest_point(ag.varieties.determinantal(2, 2, 1), [3, 1, 1, 2], rng=1)
    ax = plot.critical_points(nearest)
    assert labels(ax)[-1] == f"nearest point: {nearest.distance:.4g}"


def test_points_without_an_index_have_their_own_row(ellipse, on_ellipse):
    found = ag.critical_points(ellipse, [1.5, 0.0], generic=on_ellipse, rng=1)
    ax = plot.critical_points(found, "distances")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["undecided", "1"]


def test_figures_draw_on_the_axes_they_are_given(on_ellipse, matrices):
    _, (left, right) = pyplot.subplots(1, 2)
    assert plot.critical_points(on_ellipse, ax=left) is left
    assert plot.critical_points(matrices, ax=right) is right
    assert len(pyplot.get_fignums()) == 1


def test_what_cannot_be_drawn_is_refused(ellipse, on_ellipse, matrices):
    with pytest.raises(InputError, match=r"result is 3; expected a result of the type CriticalPoints or NearestPoint"):
        plot.critical_points(3)
    with pytest.raises(InputError, match="choose from curve, distances"):
        plot.critical_points(on_ellipse, "surface")
    with pytest.raises(InputError, match="dimension 5 in 9 coordinates is no plane curve"):
        plot.critical_points(matrices, "curve")
    with pytest.raises(InputError, match="no plane curve"):
        plot.critical_points(matrices, ed_discriminant=True)
    complex_data = ag.critical_points(ellipse, [0.5 + 1j, 0.2], generic=on_ellipse, rng=1)
    with pytest.raises(InputError, match="the data are complex"):
        plot.critical_points(complex_data)

"""Figures of reductions: convergence of all starts, where they ended, the projection."""

import numpy as np
import pytest

from algeom import plot
from algeom.errors import InputError
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.reduction.lsrdr import lsrdr

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ]
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def two_fixed_points():
    return lsrdr(INTEGERS, 1, rng=1, starts=8)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def rendered(ax):
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].min() < 128


def test_convergence_of_all_starts(two_fixed_points):
    ax = two_fixed_points.plot()
    assert ax.get_yscale() == "log"
    lines = [line for line in ax.get_lines() if len(line.get_xdata())]
    assert len(lines) == 16  # plain and accelerated parts of eight starts
    for line in lines:
        defects = line.get_ydata()[np.isfinite(line.get_ydata())]
        assert (defects > 0).all()
    solid = [line for line in lines if line.get_linestyle() == "-"]
    last = [line.get_ydata()[np.isfinite(line.get_ydata())][-1] for line in solid]
    assert max(last) <= 1e-13
    headline, agreement = labels(ax)
    assert headline == "similarity 0.938160: LOWER BOUND"
    agreed = two_fixed_points.agreement.agreed
    assert agreement.startswith(f"{agreed} of 8 starts agree on $P$; ")
    assert rendered(ax)


def test_where_starts_ended(two_fixed_points):
    ax = plot.lsrdr(two_fixed_points, "starts")
    same, others = (line for line in ax.get_lines() if line.get_marker() == "o")
    np.testing.assert_allclose(same.get_ydata(), 0.938159945066, atol=1e-11)
    np.testing.assert_allclose(others.get_ydata(), 0.844543567282, atol=1e-11)
    assert len(same.get_xdata()) + len(others.get_xdata()) == 8
    assert labels(ax)[1] == f"other fixed points ({len(others.get_xdata())})"
    assert rendered(ax)


def test_starts_that_did_not_converge_are_marked():
    stopped = lsrdr(INTEGERS, 2, rng=1, starts=3, max_steps=4)
    ax = stopped.plot("starts")
    assert labels(ax)[0] == "not converged (3)"
    assert stopped.plot("convergence").get_ylabel() == "largest relative defect"


def test_entries_of_the_projection(two_fixed_points):
    ax = plot.lsrdr(two_fixed_points, "projection")
    (image,) = ax.get_images()
    np.testing.assert_allclose(image.get_array(), np.abs(two_fixed_points.P))
    assert rendered(ax)
    quaternionic = lsrdr(Quaternions(INTEGERS), 2, rng=1, starts=2)
    (image,) = quaternionic.plot("projection").get_images()
    np.testing.assert_allclose(image.get_array(), quaternionic.P.norm)


def test_wrong_figures_are_refused(two_fixed_points):
    with pytest.raises(InputError, match="choose from convergence, starts, projection"):
        two_fixed_points.plot("spectrum")
    with pytest.raises(InputError, match="LSRDRResult"):
        plot.lsrdr(INTEGERS)
    figure, given = pyplot.subplots()
    assert plot.lsrdr(two_fixed_points, ax=given) is given
    assert figure.axes == [given]

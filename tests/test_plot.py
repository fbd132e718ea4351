"""Figures: what they show, where they draw, what they refuse."""

import subprocess
import sys

import numpy as np
import pytest

import algeom as ag
from algeom import networks, plot
from algeom.errors import InputError
from algeom.implicitization.multidegrees import Multidegrees
from algeom.plot.hilbert import _content

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def cubic():
    return ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])


@pytest.fixture(scope="module")
def cubic_ideal(cubic):
    return ag.implicitize(cubic, max_degree=4, rng=1)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def line(ax, start):
    return next(line for line in ax.get_lines() if str(line.get_label()).startswith(start))


def rendered(ax):
    """Whether the figure comes out as a picture with something in it."""
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())[..., :3].min() < 128


def test_hilbert_function_shows_values_and_names_the_extrapolation(cubic):
    ax = ag.hilbert_function(cubic, 4, rng=1).plot()
    values = line(ax, r"$\dim (R/I)")
    assert values.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert values.get_ydata().tolist() == [1, 4, 7, 10, 13]
    assert "PROBABILISTIC, error" in values.get_label()
    fitted = line(ax, "Hilbert polynomial: EXTRAPOLATED")
    assert fitted.get_linestyle() == "--"
    np.testing.assert_allclose(fitted.get_ydata(), 3 * np.asarray(fitted.get_xdata()) + 1)
    assert fitted.get_xdata()[-1] > 4
    assert line(ax, r"$\dim R_d$").get_ydata().tolist() == [1, 4, 10, 20, 35]
    assert ax.get_xlabel() == "degree $d$"
    assert "dimension" in ax.get_ylabel()
    assert rendered(ax)


def test_hilbert_function_without_a_fit_draws_no_polynomial():
    ax = ag.hilbert_function(networks.relu_pattern_map((3, 3, 3), ["101", "011"]), 3, rng=1).plot()
    assert len(labels(ax)) == 2
    assert ax.get_yscale() == "log"
    assert rendered(ax)


def test_an_ideal_and_its_hilbert_function_are_drawn_alike(cubic, cubic_ideal):
    from_ideal, from_function = _content(cubic_ideal), _content(ag.hilbert_function(cubic, 4, rng=1))
    assert from_ideal[:2] == from_function[:2]
    assert from_ideal[2].degree == from_function[2].degree == 3


def test_degrees_with_gaps_are_not_fitted(cubic):
    ax = ag.implicitize(cubic, degrees=[3], lift=False, rng=1).plot("hilbert")
    assert line(ax, r"$\dim (R/I)").get_xdata().tolist() == [0, 3]
    assert len(labels(ax)) == 2


def test_homogenized_images_count_polynomials_up_to_a_degree():
    circle = ag.polynomial_map(["(1-t^2)/(1+t^2)", "2*t/(1+t^2)"])
    ax = ag.hilbert_function(circle, 4, rng=1).plot()
    assert line(ax, r"$\dim (R/I)_{\leq d}").get_ydata().tolist() == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("variant", ["dominant", "point", "zero"])
def test_extreme_images_are_drawn(variant):
    formulas = {"dominant": ["a", "b"], "point": ["7", "5"], "zero": ["0*a", "0*b"]}[variant]
    ideal = ag.implicitize(ag.polynomial_map(formulas, parameters=["a", "b"]), max_degree=3, rng=1)
    for kind in ("hilbert", "blocks", "generators"):
        assert rendered(ideal.plot(kind))


def test_bars_are_the_sizes_of_the_blocks():
    ideal = ag.implicitize(networks.relu_pattern_map((3, 3, 3), ["101", "011"]), max_degree=3, lift=False, rng=1)
    ax = ideal.plot("blocks")
    table = Multidegrees(ideal.grading.weights, 3)
    drawn = ax.collections[4].get_segments()  # bars and a stem for each degree
    sizes, number = np.unique(table.counts[table.nodes(3)], return_counts=True)
    assert sorted({segment[0][1] for segment in drawn}) == sizes.tolist()
    widths = np.array([segment[1][0] - segment[0][0] for segment in sorted(drawn, key=lambda s: s[0][1])])
    np.testing.assert_allclose(widths, np.maximum(0.8 * number / number.max(), 0.05))
    assert [row.largest_block for row in ideal.degrees] == [int(text.get_text()) for text in ax.texts]
    ticks = [label.get_text() for label in ax.get_xticklabels()]
    assert ticks == [f"{row.degree}\n{row.n_blocks} blocks" for row in ideal.degrees]
    assert ax.get_yscale() == "log"
    assert rendered(ax)


def test_block_sizes_of_a_grading_alone(cubic):
    grading = ag.grading(cubic, rng=1)
    ax = plot.block_sizes(grading, degrees=[2, 4])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2\n7 blocks", "4\n13 blocks"]
    with pytest.raises(InputError, match="give degrees"):
        plot.block_sizes(grading)
    for wrong in ([], [0, 1]):
        with pytest.raises(InputError, match="degrees must be integers from 1 on"):
            plot.block_sizes(grading, degrees=wrong)


def test_generator_table_tells_zero_from_not_computed(cubic, cubic_ideal):
    short = ag.implicitize(cubic, max_degree=2, lift=False, rng=1)
    ax = plot.generator_table({"through 4": cubic_ideal, "through 2": short})
    cells = [text.get_text() for text in ax.texts]
    assert cells == [
        *["", "dim", "1", "2", "3", "4", "status"],
        *["through 4", "2", "0", "3", "0", "0", "proved"],
        *["through 2", "2", "0", "3", "", "", "probabilistic"],
    ]  # fmt: skip
    assert rendered(ax)
    with pytest.raises(InputError, match="no ideal"):
        plot.generator_table({})


@pytest.mark.parametrize("kind", ["hilbert", "blocks", "generators"])
def test_figures_draw_on_the_axes_they_are_given(cubic_ideal, kind):
    _, ax = pyplot.subplots()
    assert cubic_ideal.plot(kind, ax=ax) is ax
    assert len(pyplot.get_fignums()) == 1


def test_an_unknown_figure_is_refused(cubic_ideal):
    with pytest.raises(InputError, match="choose from hilbert, blocks, generators"):
        cubic_ideal.plot("equations")


def table_of(entry):
    return plot.generator_table({"a": entry})


@pytest.mark.parametrize("draw", [plot.hilbert_function, plot.ideal, plot.block_sizes, plot.generator_table, table_of])
def test_what_is_no_result_is_refused(draw):
    with pytest.raises(InputError, match=r"is 3; expected a result of the type .*Ideal"):
        draw(3)


def test_matplotlib_is_imported_only_when_drawing():
    program = "import sys, algeom, algeom.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_without_matplotlib_the_error_says_what_to_install(cubic_ideal, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    with pytest.raises(InputError, match=r"pip install 'algeom\[plot\]'"):
        cubic_ideal.plot()

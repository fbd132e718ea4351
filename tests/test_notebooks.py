"""The notebooks run from start to end in the quick setting, and are committed with their outputs."""

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

FOLDER = Path(__file__).parents[1] / "notebooks"
MAX_BYTES = 600_000


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook, kind):
    return [output for cell in code_cells(notebook) for output in cell.outputs if output.output_type == kind]


def execute(name, monkeypatch):
    monkeypatch.setenv("ALGEOM_QUICK", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel has its own, which puts figures into the notebook
    notebook = nbformat.read(FOLDER / name, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    return notebook


def streams(notebook):
    return "".join(output.text for output in outputs(notebook, "stream") if output.name == "stdout")


def figures(notebook):
    return [output for output in outputs(notebook, "display_data") if "image/png" in output.data]


def test_first_steps(monkeypatch):
    notebook = execute("first_steps.ipynb", monkeypatch)
    text = streams(notebook)
    assert "p1*p4 - p2*p3" in text
    assert text.count("certificate holds: proved") == 2
    assert "certificate FAILED" in text
    assert "NotPolynomialError: np.exp" in text
    assert len(figures(notebook)) == 2


@pytest.mark.slow
def test_relu_patterns(monkeypatch):
    notebook = execute("relu_patterns.ipynb", monkeypatch)
    text = streams(notebook)
    assert "4584    160" in text
    assert "certificate holds: proved" in text
    assert "computed the same: True" in text
    assert "computed the same: False" not in text
    assert " NO " not in text
    assert len(figures(notebook)) == 5


@pytest.mark.slow
def test_ed_degree(monkeypatch):
    notebook = execute("ed_degree.ipynb", monkeypatch)
    text = streams(notebook)
    assert "EDDegree(3 for unit weights; generic weights 7, lost: 4 at infinity; numerical)" in text
    assert "EDDegree(39 for generic weights; proved)" in text
    assert "39 points, 13 real: 4 minima, 9 saddles" in text
    assert "closure: no (proved)" in text
    assert "ball of radius 0.389692: disjoint (proved)\nball of radius 0.389693: intersects (proved)" in text
    assert "certified: 6, certified real: 6" in text
    rows = [line[25:].split() for line in text.splitlines() if " numerical   (" in line]
    assert len(rows) == 6
    assert all(row[0] == row[3] == row[5] for row in rows)  # monodromy, Hilbert polynomial, known
    assert len(figures(notebook)) == 6


@pytest.mark.slow
def test_fibers(monkeypatch):
    notebook = execute("fibers.ipynb", monkeypatch)
    text = streams(notebook)
    assert "307,085,969,833,387,930,759,130,235 strata" in text
    assert "13 cover relations among 15 raising moves" in text
    assert "spurious (rank 2 of 4" in text
    assert "pure (rank 4 of 4" in text
    assert "no path within the stratum, which has 2 connected components" in text
    assert len(figures(notebook)) == 8


@pytest.mark.slow
def test_equivariant_autoencoders(monkeypatch):
    notebook = execute("equivariant_autoencoders.ipynb", monkeypatch)
    text = streams(notebook)
    assert "EquivariantComponents(72,425,986,088,826 real components of rank 99; 15 blocks)" in text
    assert "5544 weights instead of 155232" in text
    assert text.count("verified: True") == 1
    assert "strides (2, 1): descent ended (kind, loss) at {('regular', " in text
    assert len(figures(notebook)) == 11


@pytest.mark.slow
def test_lsrdr(monkeypatch):
    pytest.importorskip("sklearn")
    pytest.importorskip("networkx")
    notebook = execute("lsrdr.ipynb", monkeypatch)
    text = streams(notebook)
    assert "similarity 0.978400441544; 8 of 8 starts agree" in text
    assert "all six below 1e-10: True" in text
    assert "d = 2: 24 of 24 starts agree on P" in text
    assert "2 fixed points found" in text
    assert "at least 20: True" in text
    assert "the planted one: True; proved: proved" in text
    assert "similarity 0.9859468533698" in text
    assert "nearest word of the same class: 26 of 26" in text
    assert "the planted heads: InputError" in text
    assert "subspaces of LSRDR agree better than those of the network: True" in text
    assert "agreement with weighted ones: 1.0000000" in text
    assert len(figures(notebook)) == 8


@pytest.mark.slow
def test_gsvd(monkeypatch):
    pytest.importorskip("sklearn")
    notebook = execute("gsvd.ipynb", monkeypatch)
    text = streams(notebook)
    assert "all errors below 1e-6: True" in text
    assert "all below 1e-12: True" in text
    assert "GSVD(2 -> 2: sigma 1 to 0.5; 1 <= norm <= 1; ellipsoid; proved)" in text
    assert "local: sigma" in text
    assert "8 solved, 8 ambiguous" in text
    assert "a tighter bound fits worse: True" in text
    assert "control: GroupProbe(2 groups of 270 inputs: 0 of 3 differences significant" in text
    assert "An attack that knows the detector" in text
    assert "within their bands: True" in text
    assert text.count("; proved)") >= 5
    assert len(figures(notebook)) == 7


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_with_clean_outputs(path):
    assert path.stat().st_size < MAX_BYTES
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.execution_count for cell in code_cells(notebook))
    assert outputs(notebook, "error") == []
    assert [output for output in outputs(notebook, "stream") if output.name == "stderr"] == []
    assert str(Path.home()) + "/" not in streams(notebook)

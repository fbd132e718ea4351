"""What the package promises as a whole: import time, layers, public names, kernels compiled once."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.metadata
import importlib.resources
import inspect
import json
import os
import pkgutil
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numba
import pytest

import algeom
from algeom._kernels.compile import KERNELS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def python(code, **environment):
    """What a fresh interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return done.stdout


def modules():
    return [info.name for info in pkgutil.walk_packages(algeom.__path__, "algeom.") if "__main__" not in info.name]


# -- import


def test_import_takes_less_than_a_second():
    code = "import time; t = time.process_time(); import algeom; print(time.process_time() - t)"
    assert any(float(python(code)) < 1.0 for _ in range(3))


def test_import_leaves_heavy_things_for_later():
    loaded = set(python("import sys, algeom; print(*sys.modules)").split())
    heavy = {"sympy", "matplotlib", "rich.progress", "pandas", "torch", "distributed", "IPython", "scipy.optimize"}
    assert not heavy & loaded


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled at all")
def test_nothing_is_compiled_at_import():
    code = (
        "import algeom, algeom.cli, algeom.networks, algeom.varieties, algeom.registry;"
        "from algeom._kernels.compile import KERNELS; print(sum(len(k.signatures) for k in KERNELS))"
    )
    assert python(code) == "0\n"


def test_import_says_nothing_and_is_typed():
    assert python("import warnings; warnings.simplefilter('error'); import algeom") == ""
    assert importlib.resources.files("algeom").joinpath("py.typed").is_file()


# -- public names


def test_the_public_names_are_one_sorted_list():
    assert algeom.__all__ == sorted(algeom.__all__)
    assert len(set(algeom.__all__)) == len(algeom.__all__)
    assert all(hasattr(algeom, name) for name in algeom.__all__)
    tree = ast.parse(Path(algeom.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("algeom")
        for alias in node.names
    }
    assert imported <= set(algeom.__all__), "what is imported is listed"


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_is_and_lists_what_exists(name):
    module = importlib.import_module(name)
    assert inspect.getdoc(module), f"{name} has no docstring"
    assert all(hasattr(module, item) for item in getattr(module, "__all__", ()))


@pytest.mark.parametrize("name", algeom.__all__)
def test_public_names_are_documented(name):
    item = getattr(algeom, name)
    doc = inspect.getdoc(item)
    assert doc, f"{name} has no docstring"
    if inspect.isfunction(item):
        assert "Examples" in doc
        assert ">>>" in doc


def test_versions_agree():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert PROJECT["version"] == algeom.__version__
    assert importlib.metadata.version("algeom") == algeom.__version__
    assert f"## {algeom.__version__.split('.dev')[0]}" in changelog
    assert f"version: {algeom.__version__}\n" in citation


# -- sources


def test_files_stay_small():
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in (ROOT / "algeom").rglob("*.py")}
    assert not {path.name: lines for path, lines in sizes.items() if lines > 800}


def test_kernels_are_made_in_one_way():
    pattern = re.compile(r"@(numba\.)?(n?jit|vectorize|guvectorize|cfunc)\b|parallel\s*=\s*True|prange|fastmath\s*=")
    for path in (ROOT / "algeom").rglob("*.py"):
        found = [line for line in path.read_text(encoding="utf-8").splitlines() if pattern.search(line.split("#")[0])]
        assert not found, f"{path}: every kernel uses algeom._kernels.compile.kernel"


def test_layers_hold():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# -- README


def test_the_readme_has_the_two_commands_and_ci_runs_them():
    commands = [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/algeom ideal relu --widths 4,4,4 "
        "--patterns 1100,1010,1001 --max-degree 4",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest",
    ]
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands:
        assert sum(line.strip() == command for line in readme) == 1
    assert ci.count("readme_command '") == 2


def test_the_examples_of_the_readme_are_right():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    session = "\n".join(blocks)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    example = doctest.DocTestParser().get_doctest(session, {}, "README.md", "README.md", 0)
    assert doctest.DocTestRunner(optionflags=flags).run(example).failed == 0


# -- kernels

MODELS = """
segre 1 1 | segre 2 3 | veronese 2 2 | segre_veronese 1,1 2,1 | grassmannian 2 4 | grassmannian 2 5
determinantal 3 3 1 | symmetric_determinantal 3 1 | skew_determinantal 4 1 | secant 2 segre 1 1 1
rational_normal_curve 4 | rational_normal_scroll 1 2 | factor_analysis 4 1 | gaussian_graphical 3 1-2,2-3
independence_model 2 3 | jukes_cantor_tree 12|34 | chow_variety 1 2 | attention 2 1 | a*b a+b a-b
s/(1+t) t/(1+s) s*t | s s*t s*t^2+1 | a^2 a*b b^2 a/3 | twisted_cubic
"""

PER_MODEL = """
import json, sys
from algeom import dimension, grading, hilbert_function, implicitize
from algeom._kernels.compile import KERNELS
from algeom.models import load_model
from algeom.warming import warmup

def compiled():
    return {f"{k.py_func.__module__}.{k.py_func.__qualname__}": len(k.signatures) for k in KERNELS}

done = warmup()
warm = compiled()
models = [words.split() for line in json.loads(sys.argv[1]) for words in line.split("|") if words.strip()]
for words in models:
    phi = load_model(words).map
    dimension(phi), grading(phi), hilbert_function(phi, 2), implicitize(phi, max_degree=2)
    phi([0.5] * phi.n_parameters), phi.jacobian([0.5] * phi.n_parameters), phi.jacobian([1j] * phi.n_parameters)
print(json.dumps({"models": len(models), "warm": warm, "after": compiled(), "seconds": done.seconds}))
"""


@pytest.mark.slow
@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled at all")
def test_warmup_compiles_all_and_models_compile_nothing(tmp_path):
    lines = MODELS.replace("12|34", "12/34").strip().splitlines()
    code = PER_MODEL.replace("words.split()", "words.replace('12/34', '12|34').split()")
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(lines)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"ALGEOM_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "error"},
    )
    found = json.loads(done.stdout)
    assert found["models"] >= 20
    assert len(found["warm"]) == len(KERNELS)
    assert [name for name, count in found["warm"].items() if count == 0] == []
    assert found["after"] == found["warm"]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled at all")
def test_models_compile_nothing_in_this_process():
    from algeom.models import load_model
    from algeom.warming import warmup

    def compiled():
        return {f"{k.py_func.__module__}.{k.py_func.__qualname__}": len(k.signatures) for k in KERNELS}

    warmup()
    before = compiled()
    for words in (["segre", "1", "2"], ["a*b", "a+b", "a/(1+b)"], ["twisted_cubic"]):
        algeom.implicitize(load_model(words).map, max_degree=2, rng=1)
    assert compiled() == before


@pytest.mark.slow
def test_without_a_cache_folder_kernels_still_work(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file, so no folder can be made in it")
    code = (
        "import warnings; warnings.simplefilter('error'); from algeom._kernels.compile import CACHE_FOLDER, KERNELS;"
        "import algeom; from algeom.algebra.elimination import rank; import numpy as np;"
        "print(CACHE_FOLDER, rank(np.eye(3), 101))"
    )
    assert python(code, ALGEOM_CACHE_DIR=str(blocked)) == "None 3\n"

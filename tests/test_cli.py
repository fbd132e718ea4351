"""The command line: what it prints, its exit statuses, and how models are named."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from parameters import quick_first

from algeom import AlgeomError, dimension, polynomial_map
from algeom.cli import run
from algeom.errors import InputError
from algeom.models import catalogue, load_model, usage
from algeom.networks import relu_pattern_map
from algeom.runtime.store import Store
from algeom.varieties import factor_analysis, gaussian_graphical, secant, segre, segre_veronese


def call(capsys, *arguments):
    """Exit status, standard output and standard error of a command."""
    code = run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def call_json(capsys, *arguments):
    code, out, _ = call(capsys, *arguments, "--json", "--quiet")
    assert code == 0
    assert out.count("\n") == 1
    return json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


# -- models by name


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["segre", "2", "2"], segre(2, 2)),
        (["segre-veronese", "1,1", "2,1"], segre_veronese((1, 1), (2, 1))),
        (["segre_veronese", "dims=1,1", "degrees=2,1"], segre_veronese((1, 1), (2, 1))),
        (["secant", "2", "segre", "1", "1", "1", "1"], secant(2, segre(1, 1, 1, 1))),
        (["gaussian_graphical", "3", "1-2,2-3", "inverse=true"], gaussian_graphical(3, [(1, 2), (2, 3)], inverse=True)),
        (["factor_analysis", "5", "2"], factor_analysis(5, 2)),
        (["factor_analysis_5_2"], factor_analysis(5, 2)),
        (["a*b", "a/(1+b)"], polynomial_map(["a*b", "a/(1+b)"])),
    ],
)
def test_models_by_name(words, expected):
    assert load_model(words).map == expected


def test_networks_take_options():
    shallow = load_model(["relu"], options={"widths": [3, 3, 3], "patterns": ["110", "011"], "d": None})
    assert shallow.map == relu_pattern_map((3, 3, 3), ["110", "011"])
    assert load_model(["attention", "2", "2", "rank=1"]).map == load_model(["attention_2_2_rank_1"]).map


def test_parameters_and_names_of_expressions():
    phi = load_model(["a", "b*a"], parameters="b,a", names=["u", "v"]).map
    assert phi.parameter_names == ("b", "a")
    assert phi.names == ("u", "v")


def test_registry_names_bring_their_degree():
    assert load_model(["twisted_cubic"]).max_degree == 3
    assert load_model(["segre", "1", "1"]).max_degree is None


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        ([], {}, "no model given"),
        (["segrr", "2", "2"], {}, "did you mean segre"),
        (["qqqqqqqq"], {}, "algeom models lists all"),
        (["grassmannian", "2"], {}, "expected grassmannian K N"),
        (["segre", "2", "colour=3"], {}, "colour.*expected segre DIMS"),
        (["relu"], {}, "expected relu --widths"),
        (["segre", "2"], {"options": {"rank": 2}}, "--rank belongs to relu and attention"),
        (["a*b"], {"options": {"d": 2}}, "--d belongs"),
        (["segre", "2"], {"parameters": "a"}, "is a named model"),
        (["secant", "segre"], {}, "secant K MODEL"),
        (["a*b"], {"parameters": "2"}, "names of the parameters"),
        (["a*"], {}, "."),
        (["a*b", "exp(a)"], {}, "exp"),
        (["missing.py:f"], {"parameters": "2"}, "no file 'missing.py'"),
        (["missing.py:f", "3"], {}, "takes no further words"),
        (["a*b"], {"parameters": "A:2y"}, "NAME:2x3"),
    ],
)
def test_models_that_do_not_exist(words, options, message):
    with pytest.raises(AlgeomError, match=message):
        load_model(words, **options)


def test_every_model_of_the_catalogue_says_how_it_is_typed():
    for name, function in catalogue().items():
        assert usage(name, function).split()[0] == name


@pytest.fixture
def model_file(tmp_path):
    path = tmp_path / "my_models.py"
    path.write_text(
        textwrap.dedent(
            """
            import algeom as ag

            def independence(t):
                a, b = t
                return [a*b, a*(1-b), (1-a)*b, (1-a)*(1-b)]

            def product(W1, W2):
                return W2 @ W1

            def made():
                return ag.polynomial_map(["s^2", "s*t", "t^2"])

            def compares(t):
                return [t[0] if t[0] > 0 else t[1]]

            def breaks(t):
                return [t[0] + undefined_name]

            def nothing():
                return 3

            conic = made()
            number = 3
            """
        )
    )
    return path


def test_functions_of_files(model_file):
    conic = polynomial_map(["s^2", "s*t", "t^2"])
    assert load_model([f"{model_file}:conic"]).map == conic
    assert load_model([f"{model_file}:made"]).map == conic
    assert load_model([f"{model_file}:independence"], parameters="2").map.n_coordinates == 4
    named = load_model([f"{model_file}:independence"], parameters="p,q", names=list("uvwx")).map
    assert named.parameter_names == ("p", "q")
    assert named.names == tuple("uvwx")
    assert load_model([f"{model_file}:product"], parameters="W1:1x3,W2:3x1").map.n_coordinates == 9


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("independence", None, "how many parameters"),
        ("indepedence", "2", "no function 'indepedence'; it has independence"),
        ("number", None, "no function 'number'"),
        ("nothing", None, "returned no PolynomialMap"),
        ("compares", "2", "."),
        ("breaks", "2", "failed while it was traced: NameError"),
        ("product", "W1:1x3,W2:3x2", "."),
    ],
)
def test_functions_that_do_not_work(model_file, name, parameters, message):
    with pytest.raises(AlgeomError, match=message):
        load_model([f"{model_file}:{name}"], parameters=parameters)


def test_a_file_that_fails_says_where(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("x = 1\ny = 1 / 0\n")
    with pytest.raises(InputError, match=r"broken\.py, line 2: ZeroDivisionError"):
        load_model([f"{path}:f"])
    path.write_text("x = = 1\n")
    with pytest.raises(InputError, match=r"broken\.py, line 1: SyntaxError"):
        load_model([f"{path}:f"])


# -- commands


def test_ideal_prints_a_table(capsys):
    code, out, err = call(
        capsys, "ideal", "a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)", "--names", "p1,p2,p3,p4", "--max-degree", "2",
        "--seed", "1", "--quiet",
    )  # fmt: skip
    assert code == 0
    assert err == ""
    assert "dimension 2" in out
    assert "p1*p4 - p2*p3" in out
    assert "p1 + p2 + p3 + p4 - 1" in out
    assert re.search(r"^time \d+\.\d\d s.*; seed 1$", out, re.MULTILINE)


def test_ideal_as_json(capsys):
    data = call_json(capsys, "ideal", "twisted_cubic", "--seed", "5", "--verify")
    assert data["model"]["coordinates"] == ["y0", "y1", "y2", "y3"]
    assert data["dimension"]["value"] == 2
    assert data["grading"]["rank"] == 2
    assert [row["ideal_dimension"] for row in data["degrees"]] == [0, 3, 10]
    assert [row["minimal_generators"] for row in data["degrees"]] == [0, 3, 0]
    assert len(data["generators"]) == 3
    assert data["evidence"] == {"status": "proved", "log10_error": None, "reason": data["evidence"]["reason"]}
    assert data["seed"] == 5
    assert data["verification"]["ok"] is True
    assert set(data["seconds"]) == {"run", "compile", "stages"}


def test_equal_seeds_print_equal_results(capsys):
    results = [call_json(capsys, "ideal", "segre", "1", "2", "--max-degree", "2", "--seed", "3") for _ in range(2)]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]


def test_counts_without_equations(capsys):
    data = call_json(capsys, "ideal", "segre", "1", "2", "--degrees", "2", "--no-lift", "--no-symmetry")
    assert data["generators"] == []
    assert data["degrees"][-1]["ideal_dimension"] == 3
    assert data["evidence"]["status"] == "probabilistic"
    assert data["evidence"]["log10_error"] < -10


def test_a_store_keeps_blocks(capsys, tmp_path):
    path = str(tmp_path / "blocks.algeom")
    arguments = ["ideal", "segre", "1", "2", "--max-degree", "2", "--seed", "1", "--store", path]
    first = call_json(capsys, *arguments)
    with Store(path) as store:
        assert len(store) > 0
    again = call_json(capsys, *arguments)
    assert again["generators"] == first["generators"]
    code, _, err = call(capsys, *arguments[:-1], str(tmp_path))
    assert code == 2
    assert "is a folder" in err


@pytest.mark.parametrize("arithmetic", ["float64", "complex128"])
def test_floating_point(capsys, arithmetic):
    data = call_json(capsys, "ideal", "segre", "1", "1", "--max-degree", "2", "--arithmetic", arithmetic)
    assert data["evidence"]["status"] == "numerical"
    assert [row["minimal_generators"] for row in data["degrees"]] == [0, 1]
    data = call_json(capsys, "hilbert", "segre", "1", "1", "--max-degree", "2", "--arithmetic", arithmetic)
    assert data["hilbert_function"] == {"0": 1, "1": 4, "2": 9}


def test_proved_torus(capsys):
    data = call_json(capsys, "ideal", "segre", "1", "1", "--max-degree", "2", "--torus", "proved")
    assert data["evidence"]["status"] == "proved"


def test_all_equations_on_demand(capsys):
    _, out, _ = call(capsys, "ideal", "segre", "2", "3", "--max-degree", "2", "--equations")
    assert out.count("proved  ") >= 18


def test_dimension(capsys):
    code, out, _ = call(capsys, "dimension", "grassmannian", "2", "5", "--seed", "1", "--grading")
    assert code == 0
    assert out.startswith("dimension 7 (a cone: projective dimension 6)\nexpected 10, defect 3")
    assert "torus of rank 5" in out
    data = call_json(capsys, "dimension", "grassmannian", "2", "5", "--grading")
    assert data["dimension"]["fiber"] == 3
    assert len(data["grading"]["weights"]) == 5
    affine = call_json(capsys, "dimension", "s", "s*t", "s*t+1", "--parameters", "s,t")
    assert affine["dimension"]["projective"] is None
    assert affine["grading"] is None


def test_hilbert(capsys):
    code, out, _ = call(capsys, "hilbert", "twisted_cubic", "--max-degree", "4", "--seed", "1")
    assert code == 0
    assert re.search(r"degree: 3 \(extrapolated\)", out)
    data = call_json(capsys, "hilbert", "twisted_cubic", "--max-degree", "4")
    assert data["hilbert_function"] == {"0": 1, "1": 4, "2": 7, "3": 10, "4": 13}
    assert data["fit"]["degree"] == 3
    assert data["fit"]["polynomial"] == ["1", "3"]
    assert data["fit"]["evidence"]["status"] == "extrapolated"


def test_degree(capsys):
    data = call_json(capsys, "degree", "grassmannian", "2", "5", "--seed", "1")
    assert (data["degree"], data["dimension"], data["evidence"]["status"]) == (5, 7, "numerical")
    code, out, _ = call(capsys, "degree", "twisted_cubic", "--method", "hilbert", "--seed", "1")
    assert code == 0
    assert out.startswith("degree 3\nextrapolated")


def test_ed_degree(capsys):
    # The cone over the twisted cubic: 7 for unit weights, 3 for the binomial ones (Draisma et al. 2016, Corollary 8.7).
    data = call_json(capsys, "ed-degree", "twisted_cubic", "--seed", "1")
    assert (data["ed_degree"], data["evidence"]["status"]) == (7, "numerical")
    code, out, _ = call(capsys, "ed-degree", "twisted_cubic", "--weights", "1,3,3,1", "--seed", "1")
    assert code == 0
    assert out.startswith("ED degree 3 for weights 1,3,3,1\nnumerical")
    code, _, err = call(capsys, "ed-degree", "twisted_cubic", "--weights", "one")
    assert code == 2
    assert "--weights" in err
    code, _, err = call(capsys, "ed-degree", "twisted_cubic", "--weights", "1,2")
    assert code == 2
    assert "4" in err


def test_deep_patterns(capsys):
    data = call_json(capsys, "dimension", "relu", "--widths", "3,2,2,3", "--patterns", "11/10,01/11")
    expected = dimension(relu_pattern_map((3, 2, 2, 3), [["11", "10"], ["01", "11"]]))
    assert data["dimension"]["value"] == expected.value
    assert data["dimension"]["fiber"] == expected.fiber


def test_models_are_listed(capsys):
    code, out, _ = call(capsys, "models")
    assert code == 0
    assert "grassmannian K N" in out
    assert "relu --widths" in out
    assert "twisted_cubic" in out
    data = call_json(capsys, "models")
    assert {"usage", "summary"} == set(data["models"][0])
    assert all(model["summary"] for model in data["models"])


# -- certificates


@pytest.fixture
def certificate(tmp_path, capsys):
    path = tmp_path / "cubic.json"
    code, out, _ = call(capsys, "ideal", "twisted_cubic", "--max-degree", "2", "--save-certificate", str(path))
    assert code == 0
    assert f"certificate written to {path}" in out
    return path


def test_a_certificate_is_verified(capsys, certificate):
    code, out, _ = call(capsys, "verify", str(certificate))
    assert code == 0
    assert "certificate holds: proved" in out
    data = call_json(capsys, "verify", str(certificate))
    assert data["ok"] is True
    assert data["failures"] == []


def test_a_false_certificate_is_refuted(capsys, certificate):
    data = json.loads(certificate.read_text())
    term = data["generators"][0]["terms"][0]
    term[1] = str(int(term[1]) + 1)
    certificate.write_text(json.dumps(data))
    code, out, _ = call(capsys, "verify", str(certificate), "--json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    code, out, _ = call(capsys, "verify", str(certificate))
    assert code == 1
    assert "FAILED" in out


def test_what_is_no_certificate(capsys, tmp_path):
    path = tmp_path / "x.json"
    path.write_text("{}")
    code, out, err = call(capsys, "verify", str(path))
    assert (code, out) == (2, "")
    assert "is not a certificate" in err
    code, _, err = call(capsys, "verify", str(tmp_path / "missing.json"))
    assert code == 2
    assert "missing.json" in err


# -- bad input


@pytest.mark.parametrize(
    "arguments",
    [
        ["ideal", "nonsense", "--max-degree", "2"],
        ["ideal", "segre", "2", "2"],
        ["ideal", "segre", "2", "2", "--max-degree", "0"],
        ["ideal", "segre", "2", "2", "--max-degree", "two"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--degrees", "1,2"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--seed", "-1"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--memory-limit", "much"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--memory-limit", "1kB"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--threads", "0"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--no-lift", "--verify"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--arithmetic", "float64", "--verify"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--arithmetic", "float16"],
        ["ideal", "segre", "2", "2", "--max-degree", "2", "--save-certificate", "/no/such/folder/x.json"],
        ["ideal", "relu", "--widths", "4,x", "--patterns", "10"],
        ["ideal", "relu", "--widths", "4,4,4", "--patterns", "12"],
        ["hilbert", "segre", "2", "2"],
        ["dimension"],
        ["dimension", "a*"],
        ["verify"],
        ["unknown"],
        [],
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, arguments):
    code, out, err = call(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert re.fullmatch(r"algeom[^\n]+\n", err), err


def test_debug_shows_the_traceback(capsys):
    code, _, err = call(capsys, "dimension", "nonsense", "--debug")
    assert code == 2
    assert "Traceback" in err


def test_a_defect_is_told_apart_from_bad_input(capsys, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("algeom.implicitization.dimension", broken)
    code, _, err = call(capsys, "dimension", "segre", "1", "1")
    assert code == 3
    assert err == "algeom dimension: internal error, ZeroDivisionError: oops (--debug shows where; please report it)\n"


def test_help_and_version(capsys):
    code, out, _ = call(capsys, "ideal", "--help")
    assert code == 0
    assert "file.py:function" in out
    code, out, _ = call(capsys, "--version")
    assert code == 0
    assert re.match(r"algeom \d", out)


def test_progress_on_demand(capsys):
    _, out, err = call(capsys, "ideal", "segre", "1", "1", "--max-degree", "2", "--json", "--progress")
    json.loads(out)
    assert "degree" in err


# -- as a program


def program(*arguments):
    return [sys.executable, "-c", "from algeom.cli import main; main()", *arguments]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_says_what_was_finished():
    # Without its symmetries this takes a minute; its first degrees take no time.
    arguments = ["ideal", "relu", "--widths", "4,4,4", "--patterns", "1100,1010,1001", "--max-degree", "5"]
    command = program(*arguments, "--no-symmetry", "--no-lift", "--progress")

    # A shell that starts things in the background has them ignore Ctrl-C, which the program would inherit.
    def heed() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("degree"):
                break
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        begin = time.perf_counter()
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert time.perf_counter() - begin < 20
    assert process.returncode == 130
    assert "interrupted: " in err
    assert "Traceback" not in err
    assert "INTERRUPTED" in out or "reached" in err


@pytest.mark.skipif(os.name == "nt", reason="terminals")
@pytest.mark.parametrize(
    "arguments",
    quick_first(
        [["ideal", "segre", "1", "1", "--max-degree", "2"], ["hilbert", "segre", "1", "1", "--max-degree", "2"]], 1
    ),
)
def test_a_bar_on_the_terminal_leaves_standard_output_alone(arguments):
    """As in `algeom ... --json > file`: results go to the file, whatever is drawn on the terminal."""
    import pty

    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            program(*arguments, "--json", "--progress"), stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=120
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 0
    assert json.loads(done.stdout)


def test_a_certificate_that_cannot_be_written_is_refused_beforehand(tmp_path):
    command = program("ideal", "segre", "1", "1", "--max-degree", "2", "--save-certificate", str(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "folder" in done.stderr
    assert "degree" not in done.stdout


def test_a_reader_that_leaves_is_no_error():
    with subprocess.Popen(program("models"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert process.returncode == 0

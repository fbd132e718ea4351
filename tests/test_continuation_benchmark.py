"""What the benchmark of path tracking asks other systems, and how it reads their answers; no peer is needed."""

import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import algeom as ag
from algeom.continuation.ed_system import ed_system

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import continuation as benchmark
import continuation_peers as peers

METHODS = {method.name: method for method in peers.METHODS}
PSI = ag.polynomial_map(["s", "s*t/2", "t^2 - 3"])
U, W = [1 + 2j, -0.5 + 0j, 3j], [1 + 0j, 2 - 1j, 0.25 + 0j]


@pytest.fixture
def problem():
    terms = peers.expanded_terms(PSI)
    integral = peers.expanded_terms(ag.polynomial_map(["s", "s*t", "t^2 - 3"]))
    return peers.EDProblem(
        "surface",
        (("t1",), ("t2",)),
        peers.critical_equations(terms, U, W),
        peers.critical_equations(terms, W, U),
        peers.critical_equations(integral, [5, 7, 11], [2, 3, 4]),
        peers.symbolic_equations(terms, W),
        np.array([[1 + 2j, 3.5 + 0j], [0.25 + 0j, -1j]]),
        2,
        1,
    )


def value(terms, point, coefficient=complex):
    return sum(coefficient(c) * np.prod([x**e for x, e in zip(point, es, strict=True)]) for es, c in terms.items())


def test_terms_are_those_of_the_map():
    assert peers.expanded_terms(PSI) == [
        {(1, 0): Fraction(1)},
        {(1, 1): Fraction(1, 2)},
        {(0, 2): Fraction(1), (0, 0): Fraction(-3)},
    ]
    assert peers.derivative({(0, 2): 5, (0, 0): 1}, 1) == {(0, 1): 10}


def test_equations_are_those_that_algeom_tracks(problem):
    point = np.array([0.3 - 1j, 2 + 0.5j])
    expected = ed_system(PSI)(point, np.array([*U, *W]))
    np.testing.assert_allclose([value(terms, point) for terms in problem.start], expected, rtol=1e-13)
    symbols = [*U, 1.0]
    symbolic = [value(terms, point, lambda c: sum(x * symbols[k] for k, x in c.items())) for terms in problem.data]
    np.testing.assert_allclose(symbolic, expected, rtol=1e-13)


def test_equations_modulo_a_prime_are_exact(problem):
    assert all(isinstance(c, int) for terms in problem.modular for c in terms.values())
    # 2 (s - 5) + 3 (s t - 7) t at (2, 3)
    assert value(problem.modular[0], (2, 3), int) == -6 + 3 * (6 - 7) * 3


def test_text_of_a_polynomial():
    assert peers.text({(2, 0): 3, (1, 1): -1, (0, 0): 7}, ("x", "y"), str) == "3*x^2 + -1*x*y + 7"
    assert peers.text({(2,): 1}, ("x",), str, power="**") == "1*x**2"


def test_phc_gets_systems_and_start_points(problem):
    files = METHODS["phc -p"].write(problem, 1)
    assert files["target.txt"].startswith("2\n(")
    assert files["target.txt"].count(";\n") == 2
    assert "1 2\n" in files["start.txt"]
    assert " t1 :  1.000000000000000E+00   2.000000000000000E+00" in files["start.txt"]
    assert "t :  0.0" in files["start.txt"]
    assert "THE SOLUTIONS" not in METHODS["phc -b"].write(problem, 1)["target.txt"]


def test_bertini_gets_exact_numbers(problem):
    data = json.loads(METHODS["Bertini 2 homotopy"].write(problem, 1)["problem.json"])
    assert data["groups"] == [["t1"], ["t2"]]
    assert data["solutions"] == [[[1.0, 2.0], [0.25, 0.0]]]
    term = {tuple(map(tuple, factors)): complex(float(x), float(y)) for x, y, factors in data["start"][0]}
    assert term[(("t1", 1),)] == problem.start[0][(1, 0)]
    for name in ("Bertini 2", "Bertini 2 homotopy"):
        compile(METHODS[name].write(problem, 1)["input.txt"], "input.py", "exec")


def test_programs_hold_equations(problem):
    assert METHODS["msolve"].write(problem, 1)["input.txt"].splitlines()[:2] == ["t1,t2", "32003"]
    singular = METHODS["Singular"].write(problem, 1)["input.txt"]
    assert singular.startswith("ring r = 32003, (t1,t2), dp;")
    assert "vdim" in singular
    macaulay2 = METHODS["MonodromySolver"].write(problem, 1)["input.m2"]
    assert "A = CC[u0,u1,u2];" in macaulay2
    assert "R = A[t1,t2];" in macaulay2


PHC = """== 1 =  #step :  40 #fail : 3 #iter : 90 = regular solution ==
== 2 =  #step :  60 #fail : 3 #iter : 90 = singular solution ==
TIMING INFORMATION for continuation
The elapsed time in seconds was                  0.300000000 =  0h 0m 0s300ms
User time in seconds was                         0.250000000 =  0h 0m 0s250ms
System CPU time in seconds was                   0.010000000 =  0h 0m 0s 10ms
A list of 2 solutions has been refined :
Number of regular solutions     : 1.
TIMING INFORMATION for Solving the polynomial system
User time in seconds was                         9.000000000 =  0h 0m 9s  0ms
"""


def test_output_of_phc(problem):
    answer = peers.read_phc({"result.txt": PHC}, problem)
    assert (answer.paths, answer.found, answer.steps) == (2, 1, 50.0)
    assert answer.seconds == pytest.approx(0.26)
    # Solutions with zeros are listed before the others.
    apart = "A list of 1 solutions has been refined :\nNumber of regular solutions     : 1.\n" + PHC
    assert peers.read_phc({"result.txt": apart}, problem).found == 2
    quiet = "\n".join(line for line in PHC.splitlines() if "#step" not in line)
    assert np.isnan(peers.read_phc({"result.txt": quiet}, problem).steps)
    assert peers.read_phc({"result.txt": "nothing"}, problem) is None
    assert peers.read_phc({}, problem) is None


def test_printed_results(problem):
    answer = peers.read_result({"output": "noise\nRESULT 39 0.5 38 61.5\nmore"}, problem)
    assert (answer.paths, answer.seconds, answer.found, answer.steps) == (39, 0.5, 38, 61.5)
    count = peers.read_result({"output": "RESULT ? ? 284 ?"}, problem)
    assert (count.paths, count.found) == (0, 284)
    assert np.isnan(count.seconds)
    assert peers.read_result({"output": "an error"}, problem) is None


def test_output_of_msolve(problem):
    assert (
        peers.read_msolve({"output": "size of basis   35\ndegree of ideal                  39\n"}, problem).found == 39
    )
    assert peers.read_msolve({"output": ""}, problem) is None


def row(method, question="track", **changes):
    values = {"paths": 100, "seconds": 0.01, "found": 39, "steps": 20.0, "iterations": 40.0} | changes
    return benchmark.Row("P2 x P2", question, method, expected=39, **values)


def test_table_compares_rates():
    rows = [row("algeom"), row("phc -p", seconds=0.5), row("Bertini 2 homotopy", paths=0, seconds=None, found=None)]
    lines = benchmark.table(rows, "track").splitlines()
    assert len(lines) == 4
    assert "50.0" in lines[2]
    assert "38" not in lines[3]
    assert len(benchmark.table(rows, "solve").splitlines()) == 1


def test_targets_are_ratios_and_completeness():
    rows = [row("algeom"), row("algeom", "solve"), row("phc -p", seconds=0.05), row("Bertini 2 homotopy", seconds=0.5)]
    checks = dict(benchmark.targets(rows))
    assert list(checks.values()) == [True, False, True]
    assert any("5 times the paths per second of phc -p" in text for text in checks)
    # Neither other paths nor calls of a millisecond are compared.
    assert len(benchmark.targets([*rows[:2], row("phc -p", seconds=0.001), row("phc -b", "solve", seconds=1.0)])) == 1
    incomplete = [row("algeom", found=38), row("algeom", "solve")]
    assert list(dict(benchmark.targets(incomplete)).values()) == [False]


def test_cases_know_their_degrees():
    from algeom.continuation.ed_degree import ed_degree

    case = benchmark.CASES[0]
    assert ed_degree(case.build(), "generic", rng=1).value == case.expected == 6
    assert {case.name for case in benchmark.CASES if case.quick} <= {
        case.name for case in benchmark.CASES if case.solve
    }


def test_without_peers_algeom_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(peers.sys, "executable", str(tmp_path / "python"))
    out = tmp_path / "figures.json"
    assert benchmark.main(["--problems", "P1 x P1", "--repeats", "1", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "phc: NOT FOUND, its methods are left out" in said
    assert "6 of 6" in said
    rows = json.loads(out.read_text())["rows"]
    assert [(r["method"], r["question"], r["found"]) for r in rows] == [("algeom", "track", 6), ("algeom", "solve", 6)]


def test_unknown_names_are_refused():
    with pytest.raises(SystemExit, match="no problem 'P9'"):
        benchmark.main(["--problems", "P9"])
    with pytest.raises(SystemExit, match="no method 'magma'"):
        benchmark.main(["--methods", "magma"])


def test_quick_takes_fewer_problems_and_less_patience():
    quick = benchmark.arguments(["--quick"])
    assert quick.timeout < benchmark.arguments([]).timeout
    assert len(benchmark.select(quick)[0]) < len(benchmark.CASES)
    assert benchmark.select(benchmark.arguments(["--methods"]))[1] == []

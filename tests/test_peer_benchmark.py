"""What the benchmark asks other systems, and how it reads and compares their answers; no peer is needed."""

import sys
from pathlib import Path

import pytest

import algeom as ag
from algeom.registry import problem as registered

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import peer_problems
import peer_programs
import peers

CONIC = peer_programs.TextProblem("conic", ("t1", "t2"), ("t1^2", "t1*t2", "t2^2"), 2)
METHODS = {method.name: method for method in peer_programs.METHODS}


@pytest.mark.parametrize("name", [case.name for case in peer_problems.CASES])
def test_text_is_the_map_of_the_registry(name):
    text = peer_problems.text_problem(name)
    phi = registered(name).build()
    again = ag.polynomial_map(list(text.polynomials), parameters=list(text.parameters))
    theta = [(7 * k + 3) % 11 - 5 for k in range(phi.n_parameters)]
    assert list(again(theta)) == list(phi(theta))
    assert not set("() ") & set("".join(text.polynomials))
    assert text.degree == max(registered(name).generators)


def test_negated_text_is_the_negative():
    for polynomial in ("t1^2-3*t1*t2+5", "-t1+t2", "7"):
        phi = ag.polynomial_map([polynomial, peer_programs.negated(polynomial)], parameters=["t1", "t2"])
        value, negative = phi([2, 3])
        assert negative == -value


@pytest.mark.parametrize("base", [peer_programs.MODULAR, peer_programs.RATIONAL])
def test_programs_hold_ring_and_relations(base):
    written = {name: method.write(CONIC, base) for name, method in METHODS.items() if base in method.fields}
    assert written["singular"].startswith(f"ring r = {'0' if base == 'QQ' else '32003'}, (t1,t2,x1,x2,x3), dp;")
    assert "x2-(t1*t2)" in written["singular"]
    assert written["msolve"].splitlines()[:3] == ["t1,t2,x1,x2,x3", "0" if base == "QQ" else "32003", "x1-t1^2,"]
    assert f"S = {base}[x1, x2, x3];" in written["m2-kernel"]
    assert "componentsOfKernel(2, F" in written["mgi"]
    assert "UseInterpolation => true" in written["mgi-interpolation"]
    assert ("ni-equations" in written) == (base == "QQ")


def test_printed_answers_are_read():
    text = "warning: something\ngenerators {2} 5\ngenerators {2} 1\ngenerators 3 2\nfinished\n"
    answer = peer_programs.read_printed(text, CONIC)
    assert answer.generators == {2: 6, 3: 2}
    assert str(answer) == "6 of degree 2, 2 of degree 3"
    assert peer_programs.read_printed("finished\n", CONIC).says_generators
    assert peer_programs.read_printed("dimension 2 4\nfinished\n", CONIC).dimensions == {2: 4}
    assert peer_programs.read_printed("generators 2 6\n", CONIC) is None


def test_groebner_basis_is_read_to_dimensions():
    basis = "#Reduced Groebner basis\n[1*x2^2-1*x1^1*x3^1,\n1*t1^2-1*x1^1]:\n"
    assert peer_programs.read_basis(basis, CONIC).dimensions == {1: 0, 2: 1}
    assert peer_programs.read_basis("", CONIC) is None


def test_dimensions_of_a_monomial_ideal():
    # (x0^2, x1 x2) in three variables: x0^2 times a variable and x1 x2 times a variable give 3 + 3 cubics.
    assert peer_programs.ideal_dimensions([(0, 0), (1, 2)], 3, 3) == {1: 0, 2: 2, 3: 6}


def test_answers_are_compared_through_the_degree():
    agrees = peer_programs.agrees
    by_generators = peer_programs.Answer({2: 3, 5: 1}, says_generators=True)
    assert agrees(by_generators, {2: 3}, {2: 3}, 4)
    assert not agrees(by_generators, {2: 3}, {2: 3}, 5)
    assert not agrees(peer_programs.Answer(says_generators=True), {2: 3}, {2: 3}, 2)
    by_dimensions = peer_programs.Answer(dimensions={2: 3, 3: 8})
    assert agrees(by_dimensions, {2: 3}, {2: 3, 3: 8}, 3)
    assert not agrees(by_dimensions, {2: 3}, {2: 3, 3: 7}, 3)


def test_targets():
    assert [peers.target(seconds) for seconds in (0.0, 0.4, 0.6, 3.0, 4.0)] == [0.2, 0.2, 0.6, 3.0, 0.2]
    assert peers.verdict(0.3, (4.0, True)) == "NO"
    assert peers.verdict(0.3, (60.0, False)) == "yes"
    assert peers.verdict(5.0, (60.0, False)) == "open"
    assert peers.verdict(None, (1.0, True)) == "NO"
    assert peers.verdict(1.0, None) == "no peer"


def test_no_peer_is_an_error_of_its_own(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert peers.main(["--quick"]) == 2
    assert "benchmarks/README.md" in capsys.readouterr().err


def test_unknown_names_are_refused():
    with pytest.raises(SystemExit, match="no problem 'conic'"):
        peers.main(["--problems", "conic"])

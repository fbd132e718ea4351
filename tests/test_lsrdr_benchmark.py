"""What the benchmark of LSRDR compares with, and how it judges; nothing is timed."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from algeom.lsrdr.reduction.lanes import lane_steps
from algeom.lsrdr.spectra.similarity import similarity

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import lsrdr as benchmark
import lsrdr_textbook as textbook


@pytest.mark.parametrize("field", ["real", "complex"])
def test_the_textbook_takes_the_same_steps(field):
    problem = benchmark.Problem(5, 3, 2, seed=3, field=field)
    starts = benchmark.random_starts(problem, 2)
    done = lane_steps(problem.A, *starts, 0.3, 4)
    for i in range(2):
        state = textbook.Factors(*(part[i] for part in starts))
        for _ in range(4):
            state = textbook.low_rank_step(problem.A, state, 0.3)
        np.testing.assert_allclose(state.S @ state.R, done.S[i] @ done.R[i], atol=1e-12)
        np.testing.assert_allclose(state.R @ state.S, np.eye(2), atol=1e-12)


def test_both_textbook_iterations_have_one_fixed_point():
    A, starts = benchmark.INTEGERS, benchmark.random_starts(benchmark.Problem(4, 3, 3), 1)
    done = lane_steps(A, *starts, 3.0, 400)
    S, R = done.S[0], done.R[0]
    P = starts.S[0] @ starts.R[0]
    G = H = P
    # Larger steps would need larger s.
    for _ in range(3000):
        P, G, H = textbook.dense_step(A, P, G, H, 0.1)
    np.testing.assert_allclose(P, S @ R, atol=1e-9)
    # The similarity of a fixed point is the square root of a quotient.
    X = R @ A @ S
    whole = textbook.growth(A, np.eye(4), np.eye(4))
    assert np.sqrt(textbook.growth(A, S, R) / whole) == pytest.approx(float(similarity(A, X)), rel=1e-9)


def row(ratio, target, at_most=False):
    return benchmark.Row("search", "a problem", "it / ours", 1.0, ratio, "ms", ratio, target, at_most)


def test_targets_are_bounds_from_either_side():
    assert row(3.0, 3.0).met
    assert not row(2.9, 3.0).met
    assert row(1.5, 1.5, at_most=True).met
    assert not row(1.6, 1.5, at_most=True).met
    assert row(0.0, None).met


def test_missed_targets_are_marked_and_listed(monkeypatch, capsys, tmp_path):
    rows = [row(12.0, 10.0), row(7.0, 10.0), row(1.0, None)]
    monkeypatch.setitem(benchmark.MEASURES, "search", lambda options: rows)
    assert benchmark.main(["--parts", "search", "--json", str(tmp_path / "figures.json")]) == 0
    printed = capsys.readouterr().out
    assert printed.count("MISSED") == 1
    assert "2 targets, 1 missed" in printed
    assert "a problem: it / ours 7.00, target 10" in printed
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [figure["met"] for figure in figures["rows"]] == [True, False, True]
    assert benchmark.main(["--parts", "search", "--strict"]) == 1


def test_problems_can_be_told_apart():
    for problems in (benchmark.PROBLEMS, benchmark.ITERATION):
        assert len({problem.name for problem in problems}) == len(problems)
        assert any(problem.quick for problem in problems)
    with pytest.raises(SystemExit):
        benchmark.arguments(["--parts", "no such part"])

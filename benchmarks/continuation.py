"""Path tracking of algeom against PHCpack, Bertini 2, MonodromySolver, msolve and Singular on ED degree problems.

    python benchmarks/continuation.py [--quick] [--problems NAME ...] [--methods NAME ...] [--peers-bin DIR]

The problems are the critical equations of generic weighted squared distances to varieties of matrices. Three questions:

1. Follow known critical points to other data and weights, a parameter homotopy. algeom follows all of them; a peer gets
   the same start points and both systems as expanded polynomials, at most `--paths` points where it is slow.
2. Find all critical points from nothing: algeom by monodromy with a trace test.
3. Count them modulo a prime, by Groebner bases: no points, but the number.

Times are CPU seconds of the work itself, without starting programs, reading input and compiling: algeom after a run on
other maps, medians over runs; PHCpack's own timing of its continuation, Bertini's and Macaulay2's CPU clock around the
call. Exit status: 0, or 1 if algeom misses a point or, with --strict, a target.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from continuation_peers import (
    METHODS,
    PRIME,
    ContinuationPeers,
    EDProblem,
    Method,
    critical_equations,
    expanded_terms,
    symbolic_equations,
)

import algeom as ag
from algeom.continuation.ed_degree import EDDegree, ed_degree
from algeom.continuation.ed_system import CriticalEquations, generic_weights
from algeom.continuation.tracker import PathResults, track
from algeom.runtime import seeds
from algeom.varieties import determinantal, segre, veronese

#: Runs of a parameter homotopy are repeated for about this long, since one may take a millisecond.
_REPEAT_SECONDS = 0.5
#: How many times the paths per second of PHCpack and Bertini 2 algeom is to reach on the same paths.
_TARGET_RATIO = 10.0
#: Only where a peer works this long; below, calls are compared, not tracking.
_LEAST_SECONDS = 0.02


@dataclass(frozen=True)
class Case:
    """A variety, its generic ED degree, and what is asked about it.

    Attributes
    ----------
    fiber : int
        Solutions of the equations for each critical point.
    solve : bool
        Whether peers are asked to solve from nothing: not where that takes many minutes.
    quick : bool
    budget : float
        Seconds in which the known points are to reach other data, if that is a target.
    """

    name: str
    build: Callable[[], ag.PolynomialMap]
    expected: int
    fiber: int = 1
    solve: bool = True
    quick: bool = False
    budget: float = float("inf")


CASES = (
    Case("P1 x P1", lambda: segre(1, 1), 6),
    Case("P1 x P2", lambda: segre(1, 2), 10),
    Case("P2 x P2", lambda: segre(2, 2), 39, quick=True),
    Case("P2 x P3", lambda: segre(2, 3), 83),
    Case("P3 x P3", lambda: segre(3, 3), 284, quick=True, budget=1.0),
    Case("symmetric 4x4, rank 1", lambda: veronese(3, 2), 40, fiber=2),
    Case("3x3, rank 2", lambda: determinantal(3, 3, 2), 39, quick=True),
    Case("4x4, rank 2", lambda: determinantal(4, 4, 2), 1350, solve=False, budget=10.0),
)


@dataclass(frozen=True)
class Row:
    """One method on one problem; seconds are None when it did not come to an end."""

    problem: str
    question: str
    method: str
    paths: int
    seconds: float | None
    found: int | None
    expected: int
    steps: float = float("nan")
    iterations: float = float("nan")
    note: str = ""

    @property
    def rate(self) -> float:
        """Paths per CPU second."""
        return self.paths / self.seconds if self.seconds and self.paths else float("nan")


def new_data(result: EDDegree, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Random data and weights of about the size of those of the result."""
    rng = seeds.derive(seed, "benchmark data")
    m = len(result.data)
    size = np.linalg.norm(result.data) / np.sqrt(2 * m)
    u = size * (rng.standard_normal(m) + 1j * rng.standard_normal(m))
    return u, generic_weights(m, rng).values


def follow(result: EDDegree) -> Callable[[], tuple[PathResults, int]]:
    """A function that follows all critical points of a result to other data and weights.

    It returns how the straight paths ended, and how many points arrived in the end: those whose straight path comes too
    close to a pole of the parametrization make a detour through further random data, as they would in practice.
    """
    equations = CriticalEquations.of(result.gauge)
    start, target, *between = (
        np.concatenate(data)
        for data in ((result.data, result.weights.values), *(new_data(result, seed) for seed in range(1, 5)))
    )

    def go() -> tuple[PathResults, int]:
        ends = track(equations.system, result.tau, start, target)
        arrived, left = int(ends.succeeded.sum()), result.tau[:, ~ends.succeeded]
        for parameters in between:
            if not left.shape[1]:
                break
            half = track(equations.system, left, start, parameters)
            whole = track(equations.system, half.solutions[:, half.succeeded], parameters, target)
            arrived += int(whole.succeeded.sum())
            done = np.flatnonzero(half.succeeded)[whole.succeeded]
            left = np.delete(left, done, axis=1)
        return ends, arrived

    return go


def run_algeom(case: Case, repeats: int) -> tuple[EDDegree, list[Row]]:
    """The ED degree by monodromy, and its points followed to other data."""
    times, results = [], []
    for seed in range(1, repeats + 1):
        begin = time.process_time()
        results.append(ed_degree(case.build(), "generic", rng=seed))
        times.append(time.process_time() - begin)
    result = results[0]
    seconds = statistics.median(times)
    worst = min(results, key=lambda found: found.value)
    paths = round(statistics.median(found.tracked for found in results))
    solved = Row(case.name, "solve", "algeom", paths, seconds, worst.value, case.expected, note=str(worst.evidence))
    go = follow(result)
    times = []
    while sum(times) < _REPEAT_SECONDS:
        begin = time.process_time()
        ends, found = go()
        times.append(time.process_time() - begin)
    tracked = Row(
        case.name,
        "track",
        "algeom",
        len(ends),
        statistics.median(times),
        found,
        case.expected,
        float(ends.steps.mean()),
        float(ends.newton_iterations.mean()),
    )
    return result, [tracked, solved]


def ed_problem(case: Case, result: EDDegree) -> EDProblem:
    """The problem as peers get it, on the restriction of the map that algeom tracks."""
    psi = result.gauge.map
    coordinates = expanded_terms(psi)
    u, w = new_data(result, 1)
    rng = seeds.derive(1, "benchmark residues")
    residues = [rng.integers(2, PRIME, len(u)).tolist() for _ in range(2)]
    # Unknowns of one array parameter are coordinates of one projective space.
    groups: dict[str, list[str]] = {}
    for number, name in enumerate(psi.parameter_names, start=1):
        groups.setdefault(name.partition("[")[0], []).append(f"t{number}")
    modular = critical_equations(coordinates, *residues)
    return EDProblem(
        case.name,
        tuple(map(tuple, groups.values())),
        critical_equations(coordinates, result.data.tolist(), result.weights.values.tolist()),
        critical_equations(coordinates, u.tolist(), w.tolist()),
        tuple({e: c % PRIME for e, c in equation.items() if c % PRIME} for equation in modular),
        symbolic_equations(coordinates, w.tolist()),
        result.tau,
        case.expected,
        case.fiber,
    )


def run_peer(peers: ContinuationPeers, method: Method, problem: EDProblem, options: argparse.Namespace) -> Row:
    paths = options.paths if method.program == "bertini" else problem.solutions.shape[1]
    run, answer = peers.ask(method, problem, paths, options.timeout)
    expected = problem.expected * (1 if method.question == "track" else problem.fiber)
    if method.question == "track":
        expected = min(paths, expected)
    if answer is None:
        said = (run.messages.strip() or run.output.strip() or "no output").splitlines()[-1][:100]
        note = f"stopped at {options.timeout:g} s" if run.timed_out else f"failed: {said}"
        return Row(problem.name, method.question, method.name, 0, None, None, expected, note=note)
    return Row(
        problem.name, method.question, method.name, answer.paths, answer.seconds, answer.found, expected, answer.steps
    )


def _cell(value: float, pattern: str) -> str:
    return "" if value != value else format(value, pattern)


def table(rows: Sequence[Row], question: str) -> str:
    """The rows of one question; ratios are those of algeom's paths per second, or of times where nothing is tracked."""
    lines = [
        f"{'problem':<22} {'method':<19} {'paths':>6} {'CPU s':>9} {'paths/s':>9} {'algeom/it':>9} {'found':>11} "
        f"{'steps':>6} {'Newton':>6}"
    ]
    own = {row.problem: row for row in rows if row.method == "algeom" and row.question == question}
    for row in rows:
        if row.question != question:
            continue
        mine = own.get(row.problem)
        ratio = mine.rate / row.rate if mine is not None and mine is not row else float("nan")
        found = "" if row.found is None else f"{row.found} of {row.expected}"
        seconds = "" if row.seconds is None else f"{row.seconds:.4f}"
        paths = str(row.paths) if row.paths else ""
        line = (
            f"{row.problem:<22} {row.method:<19} {paths:>6} {seconds:>9} {_cell(row.rate, '.0f'):>9} "
            f"{_cell(ratio, '.1f'):>9} {found:>11} {_cell(row.steps, '.0f'):>6} {_cell(row.iterations, '.0f'):>6} "
            f"{row.note}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines)


def targets(rows: Sequence[Row]) -> list[tuple[str, bool]]:
    """What algeom is to reach, and whether it did."""
    checks = []
    for case in CASES:
        mine = {row.question: row for row in rows if row.problem == case.name and row.method == "algeom"}
        if not mine:
            continue
        track_row, solve_row = mine["track"], mine["solve"]
        complete = track_row.found == solve_row.found == case.expected
        checks.append((f"{case.name}: all {case.expected} points found, and followed", complete))
        ratio = (solve_row.seconds or 0.0) / (track_row.seconds or 1.0)
        if case.budget < float("inf"):
            seconds = track_row.seconds or float("inf")
            checks.append((f"{case.name}: followed in {seconds:.3f} s of {case.budget:g}", seconds < case.budget))
            whole = solve_row.seconds or float("inf")
            text = f"{case.name}: found in {whole:.3f} s of {3 * case.budget:g}, {ratio:.1f} times that"
            checks.append((text, whole < 3 * case.budget))
        for row in rows:
            counts = row.question == "track" and row.method != "algeom" and (row.seconds or 0.0) >= _LEAST_SECONDS
            if row.problem == case.name and counts:
                times = track_row.rate / row.rate
                text = f"{case.name}: {times:.0f} times the paths per second of {row.method}"
                checks.append((text, times >= _TARGET_RATIO))
    return checks


def warm_up() -> float:
    """Compile and load everything, on a map that is none of the problems."""
    begin = time.perf_counter()
    result = ed_degree(ag.polynomial_map(["s", "t", "s^2 + t^3"]), "generic", rng=1)
    follow(result)()
    return time.perf_counter() - begin


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time path tracking against PHCpack, Bertini 2 and others.")
    names = ", ".join(case.name for case in CASES)
    parser.add_argument("--problems", nargs="+", metavar="NAME", help=f"of {names} (default: all)")
    parser.add_argument("--methods", nargs="*", metavar="NAME", help=", ".join(method.name for method in METHODS))
    parser.add_argument("--quick", action="store_true", help="three problems and short time limits: two minutes")
    parser.add_argument("--timeout", type=float, help="seconds for each run of a peer (default 120, quick 8)")
    parser.add_argument("--paths", type=int, default=40, help="paths that Bertini is given to follow (default 40)")
    parser.add_argument("--repeats", type=int, default=3, help="searches by algeom, from different seeds (default 3)")
    parser.add_argument("--peers-bin", type=Path, metavar="DIR", help="where M2, Singular and msolve are")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args(words)
    if options.timeout is None:
        options.timeout = 8.0 if options.quick else 120.0
    return options


def select(options: argparse.Namespace) -> tuple[list[Case], list[Method]]:
    cases = {case.name: case for case in CASES}
    methods = {method.name: method for method in METHODS}
    for given, known, what in ((options.problems, cases, "problem"), (options.methods, methods, "method")):
        for name in given or ():
            if name not in known:
                raise SystemExit(f"there is no {what} {name!r}; there are {', '.join(known)}")
    chosen = [cases[name] for name in options.problems or cases]
    if options.quick and not options.problems:
        chosen = [case for case in chosen if case.quick]
    return chosen, list(METHODS) if options.methods is None else [methods[name] for name in options.methods]


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    cases, methods = select(options)
    peers = ContinuationPeers(options.peers_bin)
    wanted = sorted({method.program for method in methods})
    versions = {program: peers.version(program) for program in wanted if program in peers.programs}
    for program in wanted:
        print(f"{program}: {versions.get(program, 'NOT FOUND, its methods are left out (benchmarks/README.md)')}")
    print(f"algeom {ag.__version__}: warm after {warm_up():.1f} s", flush=True)
    rows: list[Row] = []
    for case in cases:
        result, own = run_algeom(case, options.repeats)
        rows += own
        problem = ed_problem(case, result)
        for method in methods:
            if method.program in versions and (case.solve or method.question == "track"):
                rows.append(run_peer(peers, method, problem, options))
        print(f"{case.name}: done", flush=True)
    titles = {
        "track": "Known critical points followed to other data and weights",
        "solve": "All critical points from nothing",
        "count": "Their number, modulo a prime",
    }
    for question, title in titles.items():
        if any(row.question == question for row in rows):
            print(f"\n{title}\n{table(rows, question)}")
    checks = targets(rows)
    print("\nTargets")
    for text, met in checks:
        print(f"  {'yes' if met else 'NO '} {text}")
    if options.json:
        options.json.write_text(json.dumps(report(rows, versions), indent=1) + "\n")
    incomplete = any(row.method == "algeom" and row.found != row.expected for row in rows)
    return 1 if incomplete or (options.strict and not all(met for _, met in checks)) else 0


def report(rows: Sequence[Row], versions: dict[str, str]) -> dict[str, Any]:
    """Everything measured, as plain JSON types."""
    plain = [{k: None if v != v else v for k, v in asdict(row).items()} for row in rows]
    return {"algeom": ag.__version__, "peers": versions, "machine": platform.machine(), "rows": plain}


if __name__ == "__main__":
    raise SystemExit(main())

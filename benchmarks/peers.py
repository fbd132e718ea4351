"""algeom against Macaulay2, Singular and msolve on the equations of images of polynomial maps.

    python benchmarks/peers.py [--quick] [--problems NAME ...] [--methods NAME ...] [--peers-bin DIR] [--json FILE]

Every program gets the same expanded polynomials and is asked for the ideal through the same degree. Times are CPU or
wall time, whichever is less: of a peer's process less its start-up (an empty script, with its package loaded), and of
`implicitize` in this process after a warm-up on other maps. algeom counts over a prime field where peers work modulo
32003; it lifts, verifies and certifies too where they work over QQ. It is timed twice, from the text that the peers
get, which declares no symmetries, and from the map of the registry, which does.

Exit status: 0, 1 if answers disagree (or a target is missed, with --strict), 2 if no peer ran.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from peer_problems import CASES, Case, text_problem
from peer_programs import METHODS, MODULAR, RATIONAL, Answer, Method, Peers, TextProblem, agrees

import algeom as ag
from algeom.registry import problem as registered

# Only the fastest peer counts. So all are stopped after a few seconds at first and run again if none came to an end;
# later, one is stopped when it has used twice the time of the fastest so far and the same few seconds.
_FIRST = 10.0
_QUICK = 5.0
_FIELDS = (MODULAR, RATIONAL)


class TimeLimitError(BaseException):
    """algeom took longer than allowed. Not an Exception, so that nothing on the way takes it for one of its own."""


@dataclass(frozen=True)
class PeerResult:
    """One method on one problem; `seconds` is None when it did not come to an end."""

    method: str
    seconds: float | None
    limit: float
    peak_mb: int
    answer: str
    verdict: str  # "agrees", "disagrees", "known wrong", "stopped", "failed"


@dataclass(frozen=True)
class OwnResult:
    """algeom on one problem: medians over `runs`; `seconds` is CPU or wall, whichever is less, as for the peers."""

    seconds: float | None
    wall: float | None
    runs: int
    build_seconds: float
    generators: dict[int, int]
    dimensions: dict[int, int]
    status: str
    stages: dict[str, float]


@dataclass
class Row:
    """One problem over one field."""

    problem: str
    base: str
    peers: list[PeerResult] = field(default_factory=list)
    text: OwnResult | None = None
    declared: OwnResult | None = None
    disagreements: list[str] = field(default_factory=list)

    @property
    def fastest(self) -> PeerResult | None:
        done = [result for result in self.peers if result.verdict == "agrees" and result.seconds is not None]
        return min(done, key=lambda result: result.seconds or 0.0, default=None)

    @property
    def peer_seconds(self) -> tuple[float, bool] | None:
        """Seconds of the fastest peer and whether it came to an end; a lower bound otherwise."""
        if self.fastest is not None:
            return self.fastest.seconds or 0.0, True
        stopped = [result.limit for result in self.peers if result.verdict == "stopped"]
        return (min(stopped), False) if stopped else None


def target(peer_seconds: float) -> float:
    """Seconds that algeom may take where the fastest peer takes `peer_seconds`."""
    if peer_seconds > 3.0:
        return peer_seconds / 20.0
    return peer_seconds if peer_seconds > 0.5 else 0.2


def verdict(own: float | None, peer: tuple[float, bool] | None) -> str:
    """Whether the target holds: "yes", "NO", or "open" where every peer was stopped too early to tell."""
    if peer is None:
        return "no peer"
    seconds, finished = peer
    if own is not None and own <= target(seconds):
        return "yes"
    return "NO" if finished else "open"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def expire(signum: int, frame: object) -> None:
        raise TimeLimitError

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, previous)


def run_algeom(build: Callable[[], ag.PolynomialMap], degree: int, lift: bool, repeats: int, limit: float) -> OwnResult:
    """Median time of `implicitize`; long runs are not repeated."""
    start = time.perf_counter()
    phi = build()
    build_seconds = time.perf_counter() - start
    walls: list[float] = []
    times: list[float] = []
    ideal: Any = None
    try:
        with time_limit(limit):
            while len(times) < repeats and sum(times) < 5.0:
                start, cpu = time.perf_counter(), time.process_time()
                ideal = ag.implicitize(phi, max_degree=degree, lift=lift, rng=len(times) + 1)
                walls.append(time.perf_counter() - start)
                times.append(min(walls[-1], time.process_time() - cpu))
    except TimeLimitError:
        pass
    if not times:
        return OwnResult(None, None, 0, build_seconds, {}, {}, f"stopped at {limit:g} s", {})
    return OwnResult(
        statistics.median(times),
        statistics.median(walls),
        len(times),
        build_seconds,
        {d: n for d, n in ideal.minimal_generator_counts.items() if n},
        dict(ideal.ideal_dimensions),
        str(ideal.status),
        {stage: round(seconds, 4) for stage, seconds in ideal.timings.items()},
    )


def warm_up() -> float:
    """Compile every kernel that the problems use, on maps that are none of them."""
    start = time.perf_counter()
    twisted_cubic = ["s^3", "s^2*t", "s*t^2", "t^3"]
    ungraded = ["a^2+b*c+3*c^2", "a*b-2*c^2+b^2", "a*c+5*b^2-a^2", "b*c+a*b+7*a*c"]
    affine = ["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"]
    for polynomials, degree in ((twisted_cubic, 2), (ungraded, 4), (affine, 2)):
        for lift in (False, True):
            ag.implicitize(ag.polynomial_map(polynomials), max_degree=degree, lift=lift, rng=1)
    ag.implicitize(registered("determinantal_3_3_2").build(), max_degree=3, rng=1)
    return time.perf_counter() - start


def run_peer(peers: Peers, method: Method, problem: TextProblem, base: str, limit: float) -> tuple[PeerResult, Answer]:
    startup = peers.startup(method)
    run = peers.run(method, problem, base, limit + startup)
    nothing = Answer()
    if run.timed_out:
        return PeerResult(method.name, None, limit, run.peak_mb, "", "stopped"), nothing
    answer = method.read(run.output, problem)
    if answer is None:
        said = (run.messages.strip() or run.output.strip() or "no output").splitlines()[-1][:200]
        return PeerResult(method.name, None, limit, run.peak_mb, said, "failed"), nothing
    seconds = max(run.seconds - startup, 0.0)
    return PeerResult(method.name, seconds, limit, run.peak_mb, str(answer), "agrees"), answer


def compare(case: Case, base: str, peers: Peers, methods: Sequence[Method], options: argparse.Namespace) -> Row:
    """Run everything on one problem over one field."""
    row = Row(case.name, base)
    problem = text_problem(case.name)
    lift = base == RATIONAL
    row.text = run_algeom(
        lambda: ag.polynomial_map(list(problem.polynomials), parameters=list(problem.parameters)),
        problem.degree,
        lift,
        options.repeats,
        options.algeom_timeout,
    )
    row.declared = run_algeom(
        registered(case.name).build, problem.degree, lift, options.repeats, options.algeom_timeout
    )
    for label, own in (("text", row.text), ("declared", row.declared)):
        shown = "stopped" if own.seconds is None else f"{own.seconds:.3f} s"
        print(f"    algeom, {label:<10} {shown:>12}  {own.status} {own.generators}", flush=True)
    entry = registered(case.name)
    generators = dict(entry.generators or {})
    dimensions = dict(entry.ideal_dimensions)
    for label, own in (("text", row.text), ("registry", row.declared)):
        if own.seconds is None:
            continue
        cited = Answer(generators, says_generators=True)
        if not agrees(cited, own.generators, own.dimensions, problem.degree):
            row.disagreements.append(f"algeom ({label}) finds {own.generators}, cited is {generators}")
        dimensions = own.dimensions
    left = [method for method in methods if base in method.fields and method.program in peers.programs]
    for patience in (options.timeout,) if options.full else (min(_FIRST, options.timeout), options.timeout):
        for method in list(left):
            limit = patience
            if row.fastest is not None and not options.full:
                limit = min(limit, 2 * (row.fastest.seconds or 0.0) + _FIRST)
            result, answer = run_peer(peers, method, problem, base, limit)
            if result.verdict == "agrees" and not agrees(answer, generators, dimensions, problem.degree):
                known = method.name in (case.wrong or {})
                result = replace(result, verdict="known wrong" if known else "disagrees")
                if not known:
                    row.disagreements.append(f"{method.name} finds {result.answer}; expected {generators}")
            if result.verdict != "stopped":
                left.remove(method)
            row.peers = [*(r for r in row.peers if r.method != method.name), result]
            shown = f"{result.seconds:.2f} s" if result.seconds is not None else f"limit {limit:.0f} s"
            print(f"    {method.name:<18} {shown:>12}  {result.verdict} {result.answer}".rstrip(), flush=True)
        if row.fastest is not None or patience == options.timeout:
            break
    return row


def table(rows: Sequence[Row]) -> str:
    lines = [
        f"{'problem':<28} {'field':<9} {'fastest peer':<18} {'peer s':>8} {'algeom s':>9} {'ratio':>7} {'met':<5} "
        f"{'declared s':>10} {'ratio':>7} {'met':<5}"
    ]
    for row in rows:
        peer = row.peer_seconds
        name = row.fastest.method if row.fastest else "none finished" if peer else "none"
        cells = [f"{row.problem:<28} {row.base:<9} {name:<18}"]
        cells.append(f"{'' if peer is None else ('' if peer[1] else '>') + f'{peer[0]:.2f}':>8}")
        for own, width in ((row.text, 9), (row.declared, 10)):
            seconds = own.seconds if own else None
            ratio = "" if peer is None or not seconds else ("" if peer[1] else ">") + f"{peer[0] / seconds:.3g}"
            cells.append(f"{'stopped' if seconds is None else f'{seconds:.3f}':>{width}} {ratio:>7}")
            cells.append(f"{verdict(seconds, peer):<5}")
        lines.append(" ".join(cells).rstrip())
    return "\n".join(lines)


def select(options: argparse.Namespace) -> tuple[list[Case], list[Method]]:
    cases = {case.name: case for case in CASES}
    methods = {method.name: method for method in METHODS}
    for given, known, what in ((options.problems, cases, "problem"), (options.methods, methods, "method")):
        for name in given or ():
            if name not in known:
                raise SystemExit(f"there is no {what} {name!r}; there are {', '.join(known)}")
    chosen = [cases[name] for name in options.problems] if options.problems else list(CASES)
    if options.quick:
        chosen = [case for case in chosen if case.recorded < _QUICK]
    return chosen, [methods[name] for name in options.methods] if options.methods else list(METHODS)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time algeom against Macaulay2, Singular and msolve.")
    parser.add_argument("--problems", nargs="+", metavar="NAME", help="names in the registry (default: all 19)")
    parser.add_argument("--methods", nargs="+", metavar="NAME", help=", ".join(method.name for method in METHODS))
    parser.add_argument("--fields", nargs="+", choices=_FIELDS, default=list(_FIELDS))
    parser.add_argument("--quick", action="store_true", help=f"only problems where a peer needs less than {_QUICK:g} s")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for each run of a peer (default 60)")
    parser.add_argument("--full", action="store_true", help="do not stop a peer that falls far behind the fastest")
    parser.add_argument("--algeom-timeout", type=float, default=120.0, help="seconds for each map (default 120)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of algeom, of which the median counts (default 3)")
    parser.add_argument("--peers-bin", type=Path, metavar="DIR", help="where M2, Singular, msolve and gfan are")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    cases, methods = select(options)
    peers = Peers(options.peers_bin)
    wanted = {method.program for method in methods}
    versions = {program: peers.version(program) for program in peers.programs if program in wanted}
    if not versions:
        print(
            f"none of {', '.join(sorted(wanted))} is on PATH, so there is nothing to compare with; "
            "benchmarks/README.md says how to get them, --peers-bin DIR where they are",
            file=sys.stderr,
        )
        return 2
    for program in sorted(wanted):
        print(f"{program}: {versions.get(program, 'NOT FOUND, its methods are left out')}")
    print(f"algeom {ag.__version__}: warm after {warm_up():.1f} s", flush=True)
    rows = []
    for case in cases:
        for base in options.fields:
            print(f"{case.name} over {base}", flush=True)
            rows.append(compare(case, base, peers, methods, options))
    ran = sorted({result.method for row in rows for result in row.peers if result.seconds is not None})
    print(f"\n{table(rows)}\n\nmethods that gave answers: {', '.join(ran) or 'none'}")
    disagreements = [f"{row.problem} over {row.base}: {text}" for row in rows for text in row.disagreements]
    for line in disagreements:
        print(f"DISAGREEMENT: {line}")
    if options.json:
        options.json.write_text(json.dumps(report(rows, versions, peers), indent=1) + "\n")
    if not ran:
        print("no peer gave an answer, so nothing was compared", file=sys.stderr)
        return 2
    missed = [row for row in rows if verdict(row.text.seconds if row.text else None, row.peer_seconds) == "NO"]
    print(f"targets missed from the text: {len(missed)} of {len(rows)}")
    return 1 if disagreements or (options.strict and missed) else 0


def report(rows: Sequence[Row], versions: dict[str, str], peers: Peers) -> dict[str, Any]:
    """Everything measured, as plain JSON types."""
    entries = []
    for row in rows:
        seconds = row.text.seconds if row.text else None
        entries.append({**asdict(row), "target_met": verdict(seconds, row.peer_seconds)})
    return {
        "algeom": ag.__version__,
        "peers": versions,
        "startup_seconds": peers.startups(),
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg(), "python": platform.python_version()},
        "rows": entries,
    }


if __name__ == "__main__":
    raise SystemExit(main())

"""LSRDR: what an operator application costs, and the iteration against plain NumPy and against gradient ascent.

    python benchmarks/lsrdr.py [--quick] [--parts NAME ...] [--threads 2] [--json FILE] [--strict]

application
    Time of E and E^* for one step of the low-rank iteration, against the matrix products that it must contain, each as
    one call of BLAS on contiguous arrays that exist already; memory, and how it grows with n and r.
iteration
    Plain steps with t = 0.05 from random starts: a textbook implementation in NumPy (`lsrdr_textbook.py`) against the
    search without acceleration, from the same starts to the same projections.
search
    From random starts to the best similarity: `lsrdr` against the textbook iteration and against L-BFGS
    (`maximize_similarity`), in CPU seconds for each start that ends at the best similarity that any method found.
applications
    How often E and E^* are applied, counted inside them, until the iteration stops at 1e-13: with acceleration and
    without.
lanes
    A step in compiled lanes against one in batched products, over sizes: where `lanes_are_faster` changes sides.

Every ratio is of two measurements of one run, which alternate; the best of each counts, since other processes slow
down both. Only `application` lets BLAS use several threads. Exit status: 0, or 1 if answers that must agree do not or,
with --strict, a target is missed.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from lsrdr_textbook import Factors, adjoint, dense_step, growth, low_rank_step
from threadpoolctl import threadpool_limits

import algeom as ag
from algeom.lsrdr.gradients.maximization import maximize_similarity
from algeom.lsrdr.operators.superoperators import Counted, superoperator
from algeom.lsrdr.reduction.endings import Ending
from algeom.lsrdr.reduction.iteration import step
from algeom.lsrdr.reduction.lanes import lane_steps, lanes_are_faster
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.projections import State
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.lsrdr.reduction.search import Search, SearchOptions

Result = TypeVar("Result")

PARTS = ("application", "iteration", "search", "applications", "lanes")

#: The step of the plain iteration, and the increment at which it stops.
STEP, TOLERANCE = 0.05, 1e-13
#: Similarities closer than this are the same.
SAME = 1e-9

#: The example with integers of the literature on the method.
INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ],
    float,
)


@dataclass(frozen=True)
class Problem:
    """A tuple of matrices and a rank; Gaussian ones by their seed."""

    n: int
    r: int
    d: int
    seed: int = 0
    field: str = "real"
    quick: bool = False

    @property
    def name(self) -> str:
        kind = "integers" if not self.seed else "Gaussian"
        return f"{kind} n={self.n} r={self.r} d={self.d}{'' if self.field == 'real' else ' ' + self.field}"

    @property
    def A(self) -> np.ndarray:
        return np.random.default_rng(self.seed).standard_normal((self.r, self.n, self.n)) if self.seed else INTEGERS


@dataclass(frozen=True)
class Row:
    """Two measurements, their ratio, and what it is to be: at least the target, or at most where ``at_most``."""

    part: str
    problem: str
    what: str
    ours: float
    other: float
    unit: str
    ratio: float
    target: float | None = None
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        if self.target is None:
            return True
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


def alternate(
    *actions: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """The least time of each action."""
    best = [float("inf")] * len(actions)
    for _ in range(repeats):
        for i, action in enumerate(actions):
            begin = clock()
            action()
            best[i] = min(best[i], clock() - begin)
    return best


def random_starts(problem: Problem, k: int, seed: int = 1) -> Factors:
    """Orthogonal projections, and H = G = P / d."""
    rng = np.random.default_rng(seed)
    G = rng.standard_normal((k, problem.n, problem.d))
    if problem.field == "complex":
        G = G + 1j * rng.standard_normal(G.shape)
    S = np.linalg.qr(G)[0]
    return Factors(S, np.ascontiguousarray(adjoint(S)), S / problem.d, S / problem.d)


# -- application


def application(options: argparse.Namespace) -> list[Row]:
    rows = []
    sizes = [(400, 10, 20, 1), (400, 10, 20, 4)] + ([] if options.quick else [(200, 10, 20, 1), (400, 10, 20, 16)])
    for n, r, d, k in sizes:
        problem = Problem(n, r, d, seed=1)
        A, starts = problem.A, random_starts(problem, k)
        E = superoperator(A)
        rng = np.random.default_rng(2)
        stack, thin = A.reshape(r * n, n), [rng.standard_normal((k * r, *shape)) for shape in ((n, d), (d, n), (d, d))]
        columns, tall = rng.standard_normal((n, 2 * k * d)), rng.standard_normal((r * n, k * d))
        results = [np.empty(shape) for shape in ((r * n, 2 * k * d), (n, k * d), (k * r, d, d), (k * r, n, d))]

        def products(stack=stack, thin=thin, columns=columns, tall=tall, results=results) -> None:
            np.matmul(stack, columns, out=results[0])  # A_j [Y, S]
            np.matmul(stack.T, tall, out=results[1])  # A_j^* (Z X_j)
            np.matmul(thin[1], thin[0], out=results[2])  # R (A_j S)
            np.matmul(thin[0], thin[2], out=results[3])  # (A_j Y) X_j^*
            np.matmul(thin[0], thin[2], out=results[3])  # Z X_j

        def apply(E=E, starts=starts) -> None:
            E.products(starts.S, starts.R, starts.Y, starts.Z)

        state = State(*starts)
        sizes_of_steps = np.full(k, 1.0)

        def whole_step(E=E, state=state, t=sizes_of_steps) -> None:
            step(E, state, t)

        for threads in sorted({1, options.threads}):
            with threadpool_limits(threads, user_api="blas"):
                repeats = 30 if options.quick else max(20, 200 // k)
                ours, whole, contained = (x / (2 * k) for x in alternate(apply, whole_step, products, repeats=repeats))
            name = f"n={n} r={r} d={d}, {k} start{'s' if k > 1 else ''}, {threads} core{'s' if threads > 1 else ''}"
            for what, seconds, target in (("application", ours, 1.5), ("half a step", whole, None)):
                ratio = seconds / contained
                milliseconds = 1e3 * seconds, 1e3 * contained
                rows.append(
                    Row("application", name, f"{what} / products", *milliseconds, "ms", ratio, target, at_most=True)
                )
    return rows + memory(options)


def peak(action: Callable[[], object]) -> float:
    """Bytes that are held at most, beyond what was there."""
    action()
    tracemalloc.start()
    action()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(found)


def memory(options: argparse.Namespace) -> list[Row]:
    """Peaks in multiples of r n d + n d numbers, and their growth with n and with r.

    Of the search, with acceleration and its window of states; and of all that `lsrdr` does, which needs the spectral
    radius of Phi(A), whose eigenvector is an n x n matrix: no target.
    """

    def of(n: int, r: int, d: int, whole: bool) -> float:
        problem = Problem(n, r, d, seed=1)
        E = superoperator(problem.A)
        if whole:
            return peak(lambda: lsrdr(E, d, starts=1, max_steps=60, rng=0))
        start = State(*random_starts(problem, 1))
        search_options = SearchOptions(None, accelerate=True, tolerance=TOLERANCE, max_steps=60)
        return peak(lambda: Search(E, start, search_options).run())

    rows = []
    n, r, d = (100, 5, 5) if options.quick else (200, 10, 10)
    for what, whole in (("search", False), ("lsrdr", True)):
        base = of(n, r, d, whole)
        numbers = 8.0 * (r * n * d + n * d)
        name = f"n={n} r={r} d={d}, 1 start"
        rows.append(
            Row(
                "application",
                name,
                f"memory of {what} / (r n d + n d)",
                base / 1e6,
                numbers / 1e6,
                "MB",
                base / numbers,
            )
        )
        # Twice where it is linear, four times where n x n matrices dominate.
        for change, larger in (("2 n", of(2 * n, r, d, whole)), ("2 r", of(n, 2 * r, d, whole))):
            limit = None if whole else 2.5
            what_grows = f"memory of {what}, {change} / as it is"
            rows.append(
                Row("application", name, what_grows, larger / 1e6, base / 1e6, "MB", larger / base, limit, at_most=True)
            )
    return rows


# -- iteration

ITERATION = (
    Problem(4, 3, 2, quick=True),
    Problem(4, 3, 3),
    Problem(4, 3, 1, field="complex"),
    Problem(8, 5, 3, seed=5, quick=True),
    Problem(8, 5, 3, seed=5, field="complex"),
    Problem(20, 5, 5, seed=7, quick=True),
    Problem(40, 5, 5, seed=7),
    Problem(60, 10, 10, seed=7),
    Problem(100, 10, 10, seed=7),
    Problem(200, 10, 20, seed=7),
)


def iteration(options: argparse.Namespace) -> list[Row]:
    rows = []
    for problem in ITERATION:
        if options.quick and not problem.quick:
            continue
        for k in (16, 1):
            rows += plain_steps(problem, k, options)
    return rows


def plain_steps(problem: Problem, k: int, options: argparse.Namespace) -> list[Row]:
    A, starts = problem.A, random_starts(problem, k)
    n, r, d = problem.n, problem.r, problem.d
    # So many that the slowest takes some tenths of a second.
    steps = int(np.clip(1e8 / (r * n * n * d * 30), 20, 500))
    E = superoperator(A)
    in_lanes = lanes_are_faster(n, d, r, k)

    def textbook() -> Factors:
        state = Factors(*(part[0] for part in starts))
        for _ in range(steps):
            state = low_rank_step(A, state, STEP)
        return state

    def textbook_dense() -> None:
        P = starts.S[0] @ starts.R[0]
        G = H = P / d
        for _ in range(steps):
            P, G, H = dense_step(A, P, G, H, STEP)

    def ours() -> State:
        # What is known of the starts is judged once more after the last step.
        found = Search(E, State(*starts), SearchOptions(STEP, accelerate=False, tolerance=1e-300, max_steps=steps + 1))
        found.run()
        return found.state

    theirs, mine = textbook(), ours()
    distance = float(np.linalg.norm(mine.S[0] @ mine.R[0] - theirs.S @ theirs.R))
    with threadpool_limits(1, user_api="blas"):
        times = alternate(ours, textbook, textbook_dense, repeats=2 if options.quick else 5)
    per_step = [1e6 * seconds / steps for seconds in times]
    per_step[0] /= k
    name = f"{problem.name}, {k} start{'s' if k > 1 else ''}"
    note = ("lanes" if in_lanes else "batched") + f", P differs by {distance:.0e}"
    target = 3.0 if k > 1 else None
    rows = []
    for what, other in (("NumPy, factors", per_step[1]), ("NumPy, n x n matrices", per_step[2])):
        rows.append(
            Row("iteration", name, f"{what} / ours", per_step[0], other, "us", other / per_step[0], target, note=note)
        )
    if distance > 1e-8:
        raise SystemExit(f"{name}: after {steps} steps from one start the projections differ by {distance:.1e}")
    return rows


# -- search and applications

PROBLEMS = (
    Problem(4, 3, 1, field="complex"),
    Problem(4, 3, 2, quick=True),
    Problem(4, 3, 2, field="complex"),
    Problem(4, 3, 3),
    Problem(4, 3, 3, field="complex", quick=True),
    Problem(6, 4, 3, seed=6),
    Problem(6, 4, 3, seed=6, field="complex"),
    Problem(8, 5, 3, seed=5, quick=True),
    Problem(8, 5, 3, seed=5, field="complex"),
    Problem(20, 5, 5, seed=7),
    Problem(20, 5, 5, seed=7, field="complex"),
    Problem(40, 5, 3, seed=7),
)


def chosen(options: argparse.Namespace) -> list[Problem]:
    return [problem for problem in PROBLEMS if problem.quick or not options.quick]


def timed(action: Callable[[], Result]) -> tuple[float, Result]:
    begin = time.process_time()
    result = action()
    return time.process_time() - begin, result


def search(options: argparse.Namespace) -> list[Row]:
    """CPU seconds for each start that ends at the best similarity known."""
    rows = []
    # What is imported at the first call is not to be timed.
    lsrdr(INTEGERS, 1, starts=1, rng=1)
    maximize_similarity(INTEGERS, 1, starts=1, rng=1)
    for problem in chosen(options):
        A = problem.A
        with threadpool_limits(1, user_api="blas"):
            repeats = [
                timed(lambda p=problem, A=A: lsrdr(A, p.d, field=p.field, starts=16, rng=1)) for _ in range(3)
            ]  # fmt: skip
            seconds, reduced = min(repeats, key=lambda found: found[0])
            ascent_seconds, ascent = timed(
                lambda p=problem, A=A: maximize_similarity(A, p.d, field=p.field, starts=8, rng=1)
            )
            best = max(reduced.similarity, ascent.similarity)
            starts = random_starts(problem, 3)
            plain = [textbook_search(problem, starts, i, best**2 * reduced.radius) for i in range(3)]
        counts = [
            (seconds, [start.similarity for start in reduced.starts]),
            (sum(spent for spent, _ in plain), [best if arrived else 0.0 for _, arrived in plain]),
            (ascent_seconds, [start.similarity for start in ascent.starts]),
        ]
        found = [sum(value >= best * (1 - SAME) for value in values) for _, values in counts]
        # Where nothing was found the time of all starts is a lower bound.
        each = [1e3 * spent / max(number, 1) for (spent, _), number in zip(counts, found, strict=True)]
        for i, what, target in ((1, "plain NumPy", 3.0), (2, "L-BFGS", 10.0)):
            note = f"best from {found[0]} of 16 starts, there {found[i]} of {len(counts[i][1])}"
            ratio = each[i] / each[0] if found[0] else 0.0
            rows.append(
                Row("search", problem.name, f"{what} / lsrdr", each[0], each[i], "ms", ratio, target, note=note)
            )
    return rows


def textbook_search(problem: Problem, starts: Factors, i: int, value: float) -> tuple[float, bool]:
    """CPU seconds of the plain iteration until rho(Phi(X)) is the value that belongs to the best similarity.

    Looking costs nothing here. It is given up where P does not move any more, or is not finite.
    """
    A, state, spent = problem.A, Factors(*(part[i] for part in starts)), 0.0
    for _ in range(1000):
        previous = state.S @ state.R
        begin = time.process_time()
        for _ in range(50):
            state = low_rank_step(A, state, STEP)
        spent += time.process_time() - begin
        P = state.S @ state.R
        if not np.isfinite(P).all():
            return spent, False
        # A relative error of SAME of the similarity is twice that of its square.
        if abs(growth(A, state.S, state.R) - value) <= 2 * SAME * value:
            return spent, True
        if np.linalg.norm(P - previous) < 50 * TOLERANCE:
            break
    return spent, False


def applications(options: argparse.Namespace) -> list[Row]:
    rows = []
    for problem in chosen(options):
        starts = random_starts(problem, 8)
        E = Counted(superoperator(problem.A))
        with threadpool_limits(1, user_api="blas"):
            ends, plain = plain_search(E, starts, problem.d)
            reduced = lsrdr(
                E, problem.d, field=problem.field, starts=list(starts.S), start="identity", tolerance=TOLERANCE, rng=1
            )
        accelerated = reduced.applications / 8
        note = f"plain: {len(ends)} of 8 arrive"
        if len(ends):
            note += compare(problem, ends, reduced)
        ratio = plain / accelerated
        rows.append(
            Row("applications", problem.name, "plain / accelerated", accelerated, plain, "", ratio, 20.0, note=note)
        )
    mean = float(np.exp(np.mean([np.log(row.ratio) for row in rows])))
    steps = float(np.exp(np.mean([np.log(row.ours) for row in rows])))
    rows.append(Row("applications", "geometric mean", "plain / accelerated", steps, steps * mean, "", mean, 20.0))
    return rows


def compare(problem: Problem, ends: State, reduced: LSRDRResult) -> str:
    """The best of the plain iteration's projections against that of `lsrdr`.

    Raises
    ------
    SystemExit
        If an isolated fixed point of the same similarity is another one.
    """
    values = [growth(problem.A, S, R) for S, R in zip(ends.S, ends.R, strict=True)]
    best = int(np.argmax(values))
    similarity = float(np.sqrt(values[best] / reduced.radius))
    if abs(similarity - reduced.similarity) >= SAME:
        return f", similarity {similarity:.6f}, accelerated {reduced.similarity:.6f}"
    # Increments of 1e-13 are left where the distance may be a thousand times that.
    end = ends[[best]]
    last = lane_steps(problem.A, end.S, end.R, end.Y, end.Z, STEP, 20_000)
    P = last.S[0] @ last.R[0]
    # The matrices are real: complex fixed points come in pairs of conjugates.
    distance = min(float(np.linalg.norm(Q - reduced.P)) for Q in (P, P.conj()))
    if distance > 1e-10 and reduced.agreement.fixed_points[0].isolated is not False:
        raise SystemExit(f"{problem.name}: the projections differ by {distance:.1e} at one similarity")
    return f"; P differs by {distance:.0e}"


def plain_search(E: Counted, starts: Factors, d: int) -> tuple[State, float]:
    """Where starts arrive by steps of one size, until increments of P are below TOLERANCE; applications for each start.

    Of starts that do not arrive, the applications count until they are given up: the ratio is then a lower bound.
    """
    # The residual is about d / t times the increment, relative to the norm of P, which is at least sqrt(d).
    residual = np.sqrt(d) / STEP * TOLERANCE
    options = SearchOptions(STEP, accelerate=False, tolerance=residual, max_steps=300_000)
    E.applications = 0
    found = Search(E, State(*starts), options)
    found.run()
    arrived = np.array([ending is Ending.CONVERGED for ending in found.endings])
    return found.state[arrived], E.applications / len(starts.S)


# -- lanes


def lanes(options: argparse.Namespace) -> list[Row]:
    """A step of k starts both ways. The target: the side that `lanes_are_faster` takes is at most twice as slow."""
    rows = []
    sizes = [(8, 2, 3), (32, 5, 10), (64, 10, 3)] if options.quick else LANES
    for n, d, r in sizes:
        problem = Problem(n, r, d, seed=1)
        A, E = problem.A, superoperator(problem.A)
        for k in (1, 4, 16, 32):
            starts = random_starts(problem, k)
            steps = int(np.clip(3e7 / (r * n * n * d * 16), 1, 20))
            t = np.ones(k)

            def batched(E=E, starts=starts, steps=steps, t=t) -> None:
                state = State(*starts)
                for _ in range(steps):
                    state, _ = step(E, state, t)

            def compiled(A=A, starts=starts, steps=steps, t=t) -> None:
                lane_steps(A, *starts, t, steps)

            with threadpool_limits(1, user_api="blas"):
                ours, other = alternate(compiled, batched, repeats=5)
            chosen = lanes_are_faster(n, d, r, k)
            taken, left = (ours, other) if chosen else (other, ours)
            microseconds = 1e6 * taken / steps, 1e6 * left / steps
            name, note = f"n={n} r={r} d={d}, {k} starts", "lanes" if chosen else "batched"
            what = "the side taken / the other"
            rows.append(Row("lanes", name, what, *microseconds, "us", taken / left, 2.0, at_most=True, note=note))
    return rows


LANES = ((4, 1, 3), (8, 2, 3), (8, 3, 10), (16, 2, 3), (16, 5, 10), (32, 1, 3), (32, 5, 3), (32, 5, 10), (32, 10, 3),
         (64, 1, 3), (64, 2, 10), (64, 10, 3), (100, 2, 3), (100, 10, 10))  # fmt: skip


# -- what is printed


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'problem':<40} {'what':<38} {'ours':>10} {'other':>10} {'':<4} {'ratio':>7} {'target':>7}"]
    for row in rows:
        target = "" if row.target is None else f"{'<=' if row.at_most else '>='} {row.target:g}"
        line = (
            f"{row.problem:<40} {row.what:<38} {row.ours:>10.4g} {row.other:>10.4g} {row.unit:<4} {row.ratio:>7.2f} "
            f"{target:>7} {'' if row.met else 'MISSED '}{row.note}"
        )
        lines.append(line.rstrip())
    return "\n".join(lines)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Time LSRDR against BLAS, plain NumPy and gradient ascent.")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="few and small problems: a minute")
    parser.add_argument("--threads", type=int, default=2, help="of BLAS, where matrices are large (default 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a target is missed")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    options = arguments(words)
    print(f"algeom {ag.__version__}", flush=True)
    rows: list[Row] = []
    for part in options.parts:
        found = MEASURES[part](options)
        print(f"\n{part}\n{table(found)}", flush=True)
        rows += found
    missed = [row for row in rows if not row.met]
    print(f"\n{sum(row.target is not None for row in rows)} targets, {len(missed)} missed")
    for row in missed:
        print(f"  {row.part}: {row.problem}: {row.what} {row.ratio:.2f}, target {row.target:g}")
    if options.json:
        figures = [asdict(row) | {"met": row.met} for row in rows]
        report = {"algeom": ag.__version__, "machine": platform.machine(), "rows": figures}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if options.strict and missed else 0


MEASURES = {
    "application": application,
    "iteration": iteration,
    "search": search,
    "applications": applications,
    "lanes": lanes,
}


if __name__ == "__main__":
    raise SystemExit(main())

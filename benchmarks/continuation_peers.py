"""What other systems are asked about critical points of distances, how they are run, and how their answers are read.

A problem reaches them as text: the critical equations of a weighted squared distance to a parametrized variety,
expanded to polynomials with numbers for the data and the weights. There are three kinds of question:

- "solve": find all solutions from nothing;
- "track": follow the solutions for one set of data, which are given, to another set of data;
- "count": the number of solutions, modulo a prime.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray
from peer_programs import Peers, Run

from algeom.maps import PolynomialMap

PRIME = 32003

#: Coefficients by monomials (exponent vectors).
Terms = Mapping[tuple[int, ...], Any]


@dataclass(frozen=True)
class EDProblem:
    """Critical equations J^T W (psi - u) = 0 as polynomials, for start and target data.

    Attributes
    ----------
    name : str
    groups : tuple of tuple of str
        Names of the unknowns, by the factor of a product of projective spaces that they are coordinates of.
    start, target : tuple of Terms
        The equations for the two sets of data and weights.
    modular : tuple of Terms
        The equations for random data modulo `PRIME`.
    data : tuple of Terms
        Coefficients are tuples (k, c) for c times the datum u_k, with k = -1 for no datum: the equations with data as
        symbols and the start's weights.
    solutions : ndarray of complex128, shape (n, N)
        All solutions of the start system, up to what maps to the same point of the variety.
    expected : int
        How many points there are.
    fiber : int
        How many solutions belong to each point.
    """

    name: str
    groups: tuple[tuple[str, ...], ...]
    start: tuple[Terms, ...]
    target: tuple[Terms, ...]
    modular: tuple[Terms, ...]
    data: tuple[Terms, ...]
    solutions: NDArray[np.complex128]
    expected: int
    fiber: int

    @property
    def unknowns(self) -> tuple[str, ...]:
        return tuple(f"t{i + 1}" for i in range(len(self.start)))


@dataclass(frozen=True)
class Answer:
    """What a method says.

    Attributes
    ----------
    paths : int
        Paths tracked; 0 for a method that tracks none.
    seconds : float
        CPU seconds that the program itself gives for its work, NaN if it gives none.
    found : int or None
        Solutions found that are regular; None if the method does not say.
    steps : float
        Mean number of steps of a path; NaN if not told.
    """

    paths: int
    seconds: float
    found: int | None
    steps: float = float("nan")


@dataclass(frozen=True)
class Method:
    """One way of one program: which question, what it gets, and how it is read."""

    name: str
    program: str
    question: str
    write: Callable[[EDProblem, int], dict[str, str]]
    command: Callable[[str], list[str]]
    read: Callable[[Mapping[str, str], EDProblem], Answer | None]


# Polynomials


def expanded_terms(psi: PolynomialMap) -> list[dict[tuple[int, ...], Fraction]]:
    """The coordinates of a polynomial map."""
    ring = flint.fmpq_mpoly_ctx.get([f"t{i + 1}" for i in range(psi.n_parameters)], "degrevlex")

    def constant(value: Fraction) -> Any:
        return ring.constant(flint.fmpq(value.numerator, value.denominator))

    values = psi.tape.evaluate_exact(ring.gens(), constant=constant)
    return [
        {tuple(int(e) for e in exponents): Fraction(int(c.p), int(c.q)) for exponents, c in value.to_dict().items()}
        for value in values
    ]


def derivative(terms: Terms, variable: int) -> dict[tuple[int, ...], Any]:
    """The derivative by a variable."""
    lowered = (
        ((*e[:variable], e[variable] - 1, *e[variable + 1 :]), e[variable] * c) for e, c in terms.items() if e[variable]
    )
    return dict(lowered)


def critical_equations(coordinates: Sequence[Terms], u: Sequence[Any], w: Sequence[Any]) -> tuple[Terms, ...]:
    """For each variable the sum over all coordinates of w_k (f_k - u_k) times the derivative of f_k."""
    equations = []
    for variable in range(len(next(iter(coordinates[0])))):
        total: dict[tuple[int, ...], Any] = {}
        for f, datum, weight in zip(coordinates, u, w, strict=True):
            slope = derivative(f, variable)
            for b, d in slope.items():
                for a, c in f.items():
                    exponents = tuple(i + j for i, j in zip(a, b, strict=True))
                    total[exponents] = total.get(exponents, 0) + weight * _number(c * d, weight)
                total[b] = total.get(b, 0) - weight * datum * _number(d, weight)
        equations.append({e: c for e, c in total.items() if c != 0})
    return tuple(equations)


def symbolic_equations(coordinates: Sequence[Terms], w: Sequence[complex]) -> tuple[Terms, ...]:
    """The same with the data as symbols: the coefficient of a monomial is a mapping from k (-1: none) to a number."""
    equations = []
    for variable in range(len(next(iter(coordinates[0])))):
        total: dict[tuple[int, ...], dict[int, complex]] = {}
        for k, (f, weight) in enumerate(zip(coordinates, w, strict=True)):
            for b, d in derivative(f, variable).items():
                for a, c in f.items():
                    entry = total.setdefault(tuple(i + j for i, j in zip(a, b, strict=True)), {})
                    entry[-1] = entry.get(-1, 0) + weight * float(c * d)
                entry = total.setdefault(b, {})
                entry[k] = entry.get(k, 0) - weight * float(d)
        equations.append(total)
    return tuple(equations)


def _number(c: Fraction, like: Any) -> Any:
    return int(c) if isinstance(like, int) and c.denominator == 1 else float(c)


def text(terms: Terms, names: Sequence[str], coefficient: Callable[[Any], str], power: str = "^") -> str:
    """A polynomial as a sum of products."""
    parts = []
    for exponents, c in terms.items():
        factors = [coefficient(c)]
        factors += [name if e == 1 else f"{name}{power}{e}" for name, e in zip(names, exponents, strict=True) if e]
        parts.append("*".join(factors))
    return " + ".join(parts)


# PHCpack


def _phc_number(c: complex) -> str:
    return f"({c.real:.17e}{c.imag:+.17e}*i)"


def _phc_system(equations: Sequence[Terms], names: Sequence[str]) -> str:
    lines = [text(equation, names, _phc_number).replace("e", "E") + ";" for equation in equations]
    return f"{len(lines)}\n" + "\n".join(lines) + "\n"


def _phc_solutions(solutions: NDArray[np.complex128], names: Sequence[str]) -> str:
    """Solutions as phc reads them, at t = 0."""
    bar = "=" * 75
    lines = ["", "THE SOLUTIONS :", f"{solutions.shape[1]} {solutions.shape[0]}", bar]
    for number, point in enumerate(solutions.T, start=1):
        lines += [f"solution {number} :", "t :  0.00000000000000E+00   0.00000000000000E+00", "m : 1"]
        lines += ["the solution for t :"]
        lines += [f" {name} : {x.real: .15E}  {x.imag: .15E}" for name, x in zip(names, point.tolist(), strict=True)]
        lines += ["== err :  1.000E-15 = rco :  1.000E-01 = res :  1.000E-15 =="]
    return "\n".join([*lines, ""])


def write_phc_solve(problem: EDProblem, paths: int) -> dict[str, str]:
    return {"target.txt": _phc_system(problem.target, problem.unknowns), "input.txt": ""}


def write_phc_track(problem: EDProblem, paths: int) -> dict[str, str]:
    names = problem.unknowns
    return {
        "target.txt": _phc_system(problem.target, names),
        "start.txt": _phc_system(problem.start, names) + _phc_solutions(problem.solutions[:, :paths], names),
        # No file of solutions alone; the start; default homotopy, parameters and output.
        "input.txt": "n\nstart.txt\n0\n0\n0\n",
    }


def read_phc(files: Mapping[str, str], problem: EDProblem) -> Answer | None:
    """Paths, steps, the time of continuation alone, and the solutions that phc calls regular.

    Solutions with coordinates that are zero are tracked and listed apart.
    """
    told = files.get("result.txt", "")
    timing = re.search(r"TIMING INFORMATION for continuation(.*?)(?:TIMING|\Z)", told, re.DOTALL)
    paths = [int(n) for n in re.findall(r"A list of (\d+) solutions has been refined", told)]
    regular = [int(n) for n in re.findall(r"Number of regular solutions\s*:\s*(\d+)", told)]
    if not (timing and paths):
        return None
    used = [float(x) for x in re.findall(r"(?:User|System CPU) time in seconds was\s+([\d.]+)", timing.group(1))]
    steps = [int(n) for n in re.findall(r"#step\s*:\s*(\d+)", told)]
    mean = sum(steps) / len(steps) if steps else float("nan")
    return Answer(sum(paths), sum(used[:2]), sum(regular), mean)


# Bertini 2

_BERTINI = """import json, time
import bertini
from bertini import Variable, VariableGroup, System, coefficient
from bertini.multiprec import complex_mp
problem = json.load(open("problem.json"))
variables = {name: Variable(name) for group in problem["groups"] for name in group}

def build(equations, groups):
    system = System()
    for group in groups:
        system.add_variable_group(VariableGroup([variables[name] for name in group]))
    for equation in equations:
        total = None
        for real, imaginary, factors in equation:
            term = coefficient(complex_mp(real, imaginary))
            for name, exponent in factors:
                term = term * variables[name] ** exponent
            total = term if total is None else total + term
        system.add_function(total)
    return system

"""

_BERTINI_SOLVE = """from bertini.nag_algorithm import ZeroDimSolver
solver = ZeroDimSolver(build(problem["target"], problem["groups"]))
begin = time.process_time()
solver.solve()
seconds = time.process_time() - begin
"""

_BERTINI_TRACK = """from bertini.nag_algorithm import HomotopySolver, straight_line_homotopy
together = [[name for group in problem["groups"] for name in group]]
start, target = build(problem["start"], together), build(problem["target"], together)
points = [[complex(*x) for x in point] for point in problem["solutions"]]
solver = HomotopySolver(straight_line_homotopy(target, start, gamma=1), points)
begin = time.process_time()
solver.solve()
seconds = time.process_time() - begin
"""

_BERTINI_REPORT = """ends = solver.solution_metadata()
good = [e for e in ends if str(e.endgame_success_code).endswith("Success") and e.is_finite and not e.is_singular]
steps = sum(e.num_successful_steps + e.num_failed_steps for e in ends) / max(len(ends), 1)
print("RESULT", len(ends), seconds, round(sum(1 / max(e.multiplicity, 1) for e in good)), steps)
"""


def _bertini_problem(problem: EDProblem, paths: int) -> str:
    names = problem.unknowns

    def plain(equations: Sequence[Terms]) -> list[Any]:
        return [
            [
                [repr(complex(c).real), repr(complex(c).imag), [[n, x] for n, x in zip(names, e, strict=True) if x]]
                for e, c in equation.items()
            ]
            for equation in equations
        ]

    return json.dumps(
        {
            "groups": problem.groups,
            "start": plain(problem.start),
            "target": plain(problem.target),
            "solutions": [[[x.real, x.imag] for x in point] for point in problem.solutions[:, :paths].T.tolist()],
        }
    )


def write_bertini_solve(problem: EDProblem, paths: int) -> dict[str, str]:
    return {"problem.json": _bertini_problem(problem, paths), "input.txt": _BERTINI + _BERTINI_SOLVE + _BERTINI_REPORT}


def write_bertini_track(problem: EDProblem, paths: int) -> dict[str, str]:
    return {"problem.json": _bertini_problem(problem, paths), "input.txt": _BERTINI + _BERTINI_TRACK + _BERTINI_REPORT}


def read_result(files: Mapping[str, str], problem: EDProblem) -> Answer | None:
    """The line ``RESULT paths seconds solutions steps`` that our programs print; a question mark is no answer."""
    match = re.search(r"^RESULT (\S+) (\S+) (\S+) (\S+)$", files.get("output", ""), re.MULTILINE)
    if match is None:
        return None
    paths, seconds, found, steps = (float("nan") if word == "?" else float(word) for word in match.groups())
    return Answer(0 if paths != paths else int(paths), seconds, None if found != found else int(found), steps)


# Macaulay2: MonodromySolver

_MONODROMY = """needsPackage "MonodromySolver";
setRandomSeed 1;
A = CC[{data}];
R = A[{unknowns}];
P = polySystem {{{equations}}};
begin = cpuTime();
(V, paths) = monodromySolve P;
seconds = cpuTime() - begin;
print("RESULT " | toString paths | " " | toString seconds | " " | toString length V.PartialSols | " ?");
"""


def _macaulay2_number(c: complex) -> str:
    return f"({c.real:.17f}{c.imag:+.17f}*ii)"


def write_monodromy_solver(problem: EDProblem, paths: int) -> dict[str, str]:
    numbers = {k for equation in problem.data for c in equation.values() for k in c if k >= 0}

    def coefficient(c: Mapping[int, complex]) -> str:
        parts = [_macaulay2_number(v) + ("" if k < 0 else f"*u{k}") for k, v in c.items()]
        return f"({' + '.join(parts)})"

    program = _MONODROMY.format(
        data=",".join(f"u{k}" for k in range(max(numbers) + 1)),
        unknowns=",".join(problem.unknowns),
        equations=",\n".join(text(equation, problem.unknowns, coefficient) for equation in problem.data),
    )
    return {"input.m2": program, "input.txt": ""}


# Counts modulo a prime


def write_singular(problem: EDProblem, paths: int) -> dict[str, str]:
    ideal = ",\n".join(text(equation, problem.unknowns, str) for equation in problem.modular)
    program = f"ring r = {PRIME}, ({','.join(problem.unknowns)}), dp;\nideal I = {ideal};\n"
    return {"input.txt": program + 'print("RESULT ? ? " + string(vdim(slimgb(I))) + " ?");\nquit;\n'}


def write_msolve(problem: EDProblem, paths: int) -> dict[str, str]:
    equations = ",\n".join(text(equation, problem.unknowns, str).replace(" ", "") for equation in problem.modular)
    return {"input.txt": f"{','.join(problem.unknowns)}\n{PRIME}\n{equations}\n"}


def read_msolve(files: Mapping[str, str], problem: EDProblem) -> Answer | None:
    """The degree of the ideal, which msolve says among much else."""
    match = re.search(r"[Dd]egree of ideal\s*:?\s*(\d+)|Dimension of quotient\s*:?\s*(\d+)", files.get("output", ""))
    if match is None:
        return None
    return Answer(0, float("nan"), int(match.group(1) or match.group(2)))


# Running them


def _python(folder: Path | None) -> str | None:
    """A Python that has Bertini 2: this one, one in the folder, or that of the environment the folder belongs to."""
    places = [] if folder is None else [folder, *(parent / "bin" for parent in folder.resolve().parents)]
    candidates = [*(place / "python" for place in places), Path(sys.executable)]
    for python in candidates:
        if python.is_file() and not subprocess.run([python, "-c", "import bertini"], capture_output=True).returncode:
            return str(python)
    return None


METHODS = (
    Method("phc -p", "phc", "track", write_phc_track, lambda p: [p, "-p", "-0", "target.txt", "result.txt"], read_phc),
    Method("Bertini 2 homotopy", "bertini", "track", write_bertini_track, lambda p: [p, "input.txt"], read_result),
    Method("phc -b", "phc", "solve", write_phc_solve, lambda p: [p, "-b", "-0", "target.txt", "result.txt"], read_phc),
    Method("Bertini 2", "bertini", "solve", write_bertini_solve, lambda p: [p, "input.txt"], read_result),
    Method(
        "MonodromySolver", "M2", "solve", write_monodromy_solver, lambda p: [p, "--script", "input.m2"], read_result
    ),
    Method(
        "msolve",
        "msolve",
        "count",
        write_msolve,
        lambda p: [p, "-f", "input.txt", "-o", "result.txt", "-v", "1", "-t", "1"],
        read_msolve,
    ),
    Method("Singular", "Singular", "count", write_singular, lambda p: [p, "-q"], read_result),
)


class ContinuationPeers(Peers):
    """The programs that were found.

    Attributes
    ----------
    programs : dict of str to str
        Where each is; "bertini" stands for a Python that can import it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        python, phc = _python(folder), shutil.which("phc", path=self.path)
        self.programs |= {name: where for name, where in (("phc", phc), ("bertini", python)) if where}

    def version(self, program: str) -> str:
        """What the program says about itself."""
        asked = {
            "phc": ["--version"],
            "bertini": ["-c", "from importlib.metadata import version; print(version('bertini2'))"],
        }
        if program not in asked:
            return super().version(program)
        command = [self.programs[program], *asked[program]]
        told = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
        match = re.search(r"\d+(\.\d+)+", told)
        return match.group() if match else "unknown version"

    def ask(self, method: Method, problem: EDProblem, paths: int, limit: float) -> tuple[Run, Answer | None]:
        """Run a method; at most so many paths where it is given solutions to follow."""
        with tempfile.TemporaryDirectory(prefix="peer_", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            for file, content in method.write(problem, paths).items():
                (folder / file).write_text(content)
            run = self._measure(method.command(self.programs[method.program]), folder / "input.txt", folder, limit)
            if run.timed_out:
                return run, None
            files = {"output": run.output + run.messages}
            if (folder / "result.txt").exists():
                files["result.txt"] = (folder / "result.txt").read_text()
            answer = method.read(files, problem)
        if answer is not None and math.isnan(answer.seconds):
            # What these programs take to start is a few hundredths of a second.
            answer = replace(answer, seconds=run.cpu)
        return run, answer

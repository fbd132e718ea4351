"""What the established systems are asked, how they are run, and how their answers are read.

A method is one way of one program. It turns a problem (polynomials as text) into an input file, and the program's
output into an answer: counts of minimal generators, or dimensions of I_d, by degree. `agrees` compares both kinds.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MODULAR, RATIONAL = "ZZ/32003", "QQ"


@dataclass(frozen=True)
class TextProblem:
    """A map as the peers get it: expanded polynomials in t1, t2, ...; the image has coordinates x1, x2, ..."""

    name: str
    parameters: tuple[str, ...]
    polynomials: tuple[str, ...]
    degree: int

    @property
    def coordinates(self) -> tuple[str, ...]:
        return tuple(f"x{i + 1}" for i in range(len(self.polynomials)))


@dataclass(frozen=True)
class Answer:
    """Minimal generators by degree, or dim I_d by degree; what a method does not say is empty."""

    generators: Mapping[int, int] = field(default_factory=dict)
    dimensions: Mapping[int, int] = field(default_factory=dict)
    says_generators: bool = False

    def __str__(self) -> str:
        if self.says_generators:
            return ", ".join(f"{n} of degree {d}" for d, n in sorted(self.generators.items())) or "no generators"
        return ", ".join(f"dim I_{d} = {n}" for d, n in sorted(self.dimensions.items()))


def agrees(peer: Answer, generators: Mapping[int, int], dimensions: Mapping[int, int], degree: int) -> bool:
    """Whether a peer's answer is that of given counts, as far as both go: through the degree."""
    if peer.says_generators:
        told = {d: n for d, n in peer.generators.items() if n and d <= degree}
        return told == {d: n for d, n in generators.items() if n and d <= degree}
    return all(dimensions[d] == n for d, n in peer.dimensions.items() if d in dimensions)


@dataclass(frozen=True)
class Method:
    """One way of one program. `write` gets the problem and the field; `preamble` is what its start-up includes."""

    name: str
    program: str
    fields: tuple[str, ...]
    write: Callable[[TextProblem, str], str]
    read: Callable[[str, TextProblem], Answer | None]
    preamble: str = ""


@dataclass(frozen=True)
class Run:
    """How a child process went: seconds, peak memory in MB, and its output when it came to an end by itself."""

    wall: float
    cpu: float
    peak_mb: int
    timed_out: bool
    output: str
    messages: str

    @property
    def seconds(self) -> float:
        """CPU or wall, whichever is less: threads make the former larger, other people's work the latter."""
        return min(self.wall, self.cpu)


def _macaulay2(preamble: str, body: str) -> Callable[[TextProblem, str], str]:
    def write(problem: TextProblem, base: str) -> str:
        return preamble + body.format(
            K=base,
            parameters=", ".join(problem.parameters),
            coordinates=", ".join(problem.coordinates),
            polynomials=",\n".join(problem.polynomials),
            degree=problem.degree,
        )

    return write


_MULTIGRADED = 'needsPackage "MultigradedImplicitization";\n'
_NUMERICAL = 'needsPackage "NumericalImplicitization";\n'

_RING_MAP = """T = {K}[{parameters}];
S = {K}[{coordinates}];
F = map(T, S, {{{polynomials}}});
"""
_TALLY = """scan(pairs tally degreesFound, (d, n) -> print("generators " | toString d | " " | toString n));
print "finished";
"""
_COMPONENTS = (
    _RING_MAP
    + """setRandomSeed 1;
G = componentsOfKernel({degree}, F, Verbose => false%s);
degreesFound = apply(delete(null, flatten values new HashTable from G), g -> sum first exponents g);
"""
    + _TALLY
)
_KERNEL = _RING_MAP + "degreesFound = flatten degrees source mingens kernel F;\n" + _TALLY
_HILBERT = """R = CC[{parameters}];
F = {{{polynomials}}};
setRandomSeed 1;
H = numericalHilbertFunction(F, ideal 0_R, {degree});
"""
_HILBERT_ONLY = _HILBERT + 'print("dimension {degree} " | toString H.hilbertFunctionValue);\nprint "finished";\n'
_EQUATIONS = (
    _HILBERT
    + """E = extractImageEquations(H, AttemptZZ => true);
print("dimension {degree} " | toString numcols E);
print "finished";
"""
)

_SINGULAR = """ring r = {characteristic}, ({variables}), dp;
ideal graph = {relations};
ideal image = minbase(eliminate(graph, {product}));
int i;
for (i = 1; i <= ncols(image); i++) {{ if (image[i] != 0) {{ print("generators " + string(deg(image[i])) + " 1"); }} }}
print("finished");
quit;
"""


def _singular(problem: TextProblem, base: str) -> str:
    pairs = zip(problem.coordinates, problem.polynomials, strict=True)
    return _SINGULAR.format(
        characteristic=_characteristic(base),
        variables=",".join(problem.parameters + problem.coordinates),
        relations=",\n".join(f"{x}-({f})" for x, f in pairs),
        product="*".join(problem.parameters),
    )


def _msolve(problem: TextProblem, base: str) -> str:
    pairs = zip(problem.coordinates, problem.polynomials, strict=True)
    lines = (f"{x}{negated(f)}" for x, f in pairs)
    return f"{','.join(problem.parameters + problem.coordinates)}\n{_characteristic(base)}\n" + ",\n".join(lines) + "\n"


def _characteristic(base: str) -> str:
    return "0" if base == RATIONAL else base.removeprefix("ZZ/")


def negated(polynomial: str) -> str:
    """-f with a leading sign, for an expanded f; msolve reads no brackets."""
    signed = polynomial if polynomial.startswith(("+", "-")) else "+" + polynomial
    return signed.translate(str.maketrans("+-", "-+"))


def read_printed(output: str, problem: TextProblem) -> Answer | None:
    """Read the lines that our Macaulay2 and Singular programs print; None if the last is missing."""
    lines = [line.split() for line in output.splitlines()]
    if ["finished"] not in lines:
        return None
    generators: dict[int, int] = {}
    dimensions: dict[int, int] = {}
    for words in lines:
        if words[:1] == ["generators"]:
            degree = int(words[1].strip("{}"))
            generators[degree] = generators.get(degree, 0) + int(words[2])
        elif words[:1] == ["dimension"]:
            dimensions[int(words[1])] = int(words[2])
    return Answer(generators, dimensions, says_generators=not dimensions)


def read_basis(output: str, problem: TextProblem) -> Answer | None:
    """Dimensions of I_1, ..., I_d from the leading monomials of a degree reverse lexicographic Gröbner basis.

    msolve prints leading terms first; what it prints with parameters in is not in the elimination ideal.
    """
    if "[" not in output or "]" not in output:
        return None
    body = "".join(line for line in output.splitlines() if not line.startswith("#"))
    body = body[body.index("[") + 1 : body.rindex("]")]
    index = {x: i for i, x in enumerate(problem.coordinates)}
    leading = []
    for polynomial in filter(str.strip, body.split(",")):
        if re.search(r"\bt\d", polynomial) or polynomial.strip() == "0":
            continue
        term = re.split(r"(?<!^)[+-]", polynomial.strip())[0]
        factors = re.findall(r"(x\d+)(?:\^(\d+))?", term)
        leading.append(tuple(sorted(i for x, e in factors for i in [index[x]] * int(e or 1))))
    return Answer(dimensions=ideal_dimensions(leading, len(index), problem.degree))


def ideal_dimensions(leading: Sequence[tuple[int, ...]], n_variables: int, degree: int) -> dict[int, int]:
    """Monomials of each degree through `degree` that one of the given monomials (sorted index sequences) divides."""
    current: set[tuple[int, ...]] = set()
    counts = {}
    for d in range(1, degree + 1):
        multiples = (tuple(sorted((*m, i))) for m, i in itertools.product(current, range(n_variables)))
        current = {*multiples, *(m for m in leading if len(m) == d)}
        counts[d] = len(current)
    return counts


_BOTH = (MODULAR, RATIONAL)
METHODS = (
    Method("mgi", "M2", _BOTH, _macaulay2(_MULTIGRADED, _COMPONENTS % ""), read_printed, _MULTIGRADED),
    Method("singular", "Singular", _BOTH, _singular, read_printed),
    Method("msolve", "msolve", _BOTH, _msolve, read_basis),
    Method("m2-kernel", "M2", _BOTH, _macaulay2("", _KERNEL), read_printed),
    Method(
        "mgi-interpolation",
        "M2",
        _BOTH,
        lambda problem, base: _macaulay2(
            _MULTIGRADED,
            _COMPONENTS % (", UseInterpolation => true" + (", CoefficientRing => QQ" if base == RATIONAL else "")),
        )(problem, base),
        read_printed,
        _MULTIGRADED,
    ),
    Method("ni-hilbert", "M2", (MODULAR,), _macaulay2(_NUMERICAL, _HILBERT_ONLY), read_printed, _NUMERICAL),
    Method("ni-equations", "M2", (RATIONAL,), _macaulay2(_NUMERICAL, _EQUATIONS), read_printed, _NUMERICAL),
)

VERSIONS = {"M2": ["--version"], "Singular": ["--version"], "msolve": ["-V"]}

# msolve with an empty system is an error, so its start-up is that of one linear equation.
_EMPTY = {"M2": "", "Singular": "quit;\n", "msolve": "t1,x1\n32003\nx1-t1\n"}


class Peers:
    """The programs that were found, and what they take to start."""

    def __init__(self, folder: Path | None = None) -> None:
        path = os.environ.get("PATH", "")
        self.path = f"{folder}{os.pathsep}{path}" if folder else path
        found = {program: shutil.which(program, path=self.path) for program in VERSIONS}
        self.programs = {program: where for program, where in found.items() if where}
        self._startup: dict[tuple[str, str], float] = {}

    def version(self, program: str) -> str:
        """First number with a dot in it that the program says about itself."""
        told = subprocess.run(
            [self.programs[program], *VERSIONS[program]], capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        match = re.search(r"\d+(\.\d+)+|v\d+(\.\d+)*", told.stdout + told.stderr)
        return match.group() if match else "unknown version"

    def startup(self, method: Method) -> float:
        """Seconds of the program with an empty script (and the package loaded, if the method needs one): least of 3."""
        key = (method.program, method.preamble)
        if key not in self._startup:
            text = method.preamble or _EMPTY[method.program]
            self._startup[key] = min(self._run(method.program, text, 0, 120.0).seconds for _ in range(3))
        return self._startup[key]

    def startups(self) -> dict[str, float]:
        """What was measured by `startup` so far."""
        return {f"{program} {preamble.strip()}".strip(): t for (program, preamble), t in self._startup.items()}

    def run(self, method: Method, problem: TextProblem, base: str, limit: float) -> Run:
        return self._run(method.program, method.write(problem, base), len(problem.parameters), limit)

    def _run(self, program: str, text: str, n_parameters: int, limit: float) -> Run:
        with tempfile.TemporaryDirectory(prefix="peer_", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            source = folder / ("input.m2" if program == "M2" else "input.txt")
            source.write_text(text)
            result = folder / "result.txt"
            arguments = {
                "M2": ["--script", str(source)],
                "Singular": ["-q"],
                "msolve": ["-g", "2", "-e", str(n_parameters or 1), "-t", "1", "-f", str(source), "-o", str(result)],
            }[program]
            run = self._measure([self.programs[program], *arguments], source, folder, limit)
            if program == "msolve" and not run.timed_out and result.exists():
                return Run(run.wall, run.cpu, run.peak_mb, False, result.read_text(), run.messages)
            return run

    def _measure(self, command: list[str], source: Path, folder: Path, limit: float) -> Run:
        environment = {**os.environ, "PATH": self.path}
        with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err, source.open() as given:
            start = time.perf_counter()
            child = subprocess.Popen(
                command, stdin=given, stdout=out, stderr=err, cwd=folder, env=environment, start_new_session=True
            )
            expired = threading.Event()

            def stop() -> None:
                expired.set()
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

            timer = threading.Timer(limit, stop)
            timer.start()
            try:
                _, status, usage = os.wait4(child.pid, 0)
            except BaseException:
                os.killpg(child.pid, signal.SIGKILL)
                raise
            finally:
                timer.cancel()
            wall = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0), err.seek(0)
            cpu = usage.ru_utime + usage.ru_stime
            return Run(wall, cpu, usage.ru_maxrss // 1024, expired.is_set(), out.read(), err.read())

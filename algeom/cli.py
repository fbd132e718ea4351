"""The command line: parse, call the library, print the result."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, NoReturn

from algeom.errors import AlgeomError, InputError
from algeom.models import Model, catalogue, load_model
from algeom.runtime.compilation import CompileClock, compile_clock
from algeom.runtime.progress import ProgressEvent, display

EXIT_OK, EXIT_REFUTED, EXIT_INPUT, EXIT_BUG, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

_MODEL_HELP = """\
a model is one of
  a name with its arguments   segre 2 2 | grassmannian 2 5 | secant 3 segre 2 2 2 | twisted_cubic
                              (algeom models lists all)
  relu                        --widths 4,4,4 --patterns 1100,1010,1001; in a deep network the layers
                              of a pattern are separated by "/": --patterns 110/10,011/11
  attention                   --d 3 --t 1 [--rank 2]
  file.py:function            --parameters 5, or names a,b, or arrays W1:4x4,W2:4x4
  expressions                 "a*b" "a*(1-b)" [--parameters a,b] [--names p1,p2]
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


class _Progress:
    """Remembers the last event, for Ctrl-C, and shows events unless it is to be quiet."""

    def __init__(self, shown: bool, quiet: bool) -> None:
        self._display = display() if shown and not quiet else None
        self._quiet = quiet
        self._last: ProgressEvent | None = None

    def __call__(self, event: ProgressEvent) -> None:
        if event.kind != "message":
            self._last = event
        if self._display is not None:
            self._display(event)
        elif event.kind == "message" and not self._quiet:
            print(event.message, file=sys.stderr, flush=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away; what is printed afterwards has the terminal to itself."""
        if self._display is not None:
            self._display.close()
            self._display = None

    def reached(self) -> str:
        """How far the work came."""
        if self._last is None:
            return "nothing was finished"
        of_total = "" if self._last.total is None else f" of {self._last.total:g}"
        return f"reached {self._last.stage}: {self._last.done:g}{of_total} done after {self._last.elapsed:.1f} s"


def _plain(value: Any) -> Any:
    """Data as JSON has it: no infinities, fractions as text, NumPy's numbers and arrays as lists of numbers."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Fraction):
        return str(value)
    return value


def _because(evidence: Any) -> str:
    bound = f", error <= 1e{math.ceil(evidence.log10_error)}" if math.isfinite(evidence.log10_error) else ""
    return f"{evidence.status}{bound}: {evidence.reason}"


def _evidence(evidence: Any) -> dict[str, Any]:
    return {"status": str(evidence.status), "log10_error": evidence.log10_error, "reason": evidence.reason}


def _emit(options: argparse.Namespace, text: str, data: dict[str, Any]) -> None:
    print(json.dumps(_plain(data), allow_nan=False) if options.json else text, flush=True)


def _times(begin: float, clock: CompileClock) -> tuple[str, dict[str, float]]:
    """The time since `begin`, what the compiler took of it apart."""
    total = time.perf_counter() - begin
    run = max(0.0, total - clock.seconds)
    compiled = f", and {clock.seconds:.1f} s for compiling kernels, once per machine" if clock.kernels else ""
    return f"time {run:.2f} s{compiled}", {"run": run, "compile": clock.seconds}


def _model(options: argparse.Namespace) -> Model:
    patterns: list[str] | list[list[str]] | None = None
    if options.patterns is not None:
        blocks = options.patterns.split(",")
        patterns = [block.split("/") for block in blocks] if "/" in options.patterns else blocks
    return load_model(
        options.model,
        parameters=options.parameters,
        names=options.names.split(",") if options.names else None,
        options={"widths": options.widths, "patterns": patterns, "d": options.d, "t": options.t, "rank": options.rank},
    )


def _describe_model(model: Model) -> dict[str, Any]:
    phi = model.map
    return {
        "name": model.name,
        "parameters": phi.n_parameters,
        "coordinates": list(phi.names),
        "degree": phi.degree,
        "polynomial": phi.is_polynomial,
    }


def _dimension_data(dimension: Any) -> dict[str, Any]:
    return {
        "value": dimension.value,
        "projective": dimension.projective,
        "expected": dimension.expected,
        "defect": dimension.defect,
        "fiber": dimension.fiber,
        "evidence": _evidence(dimension.evidence),
    }


def _require_writable(path: Path) -> None:
    """Refuse, before anything is computed, a file that could not be written afterwards."""
    if path.is_dir():
        raise InputError(f"--save-certificate {path}: this is a folder; give the name of a file in it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"--save-certificate {path}: there is no such folder")
    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise InputError(f"--save-certificate {path}: no permission to write there; give another path")


def _ideal(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.implicitization import implicitize

    begin = time.perf_counter()
    if options.save_certificate:
        _require_writable(Path(options.save_certificate))
    if options.no_lift and (options.save_certificate or options.verify):
        raise InputError("--no-lift finds no equations, so there is no certificate to save or verify")
    if options.arithmetic != "exact" and (options.save_certificate or options.verify):
        raise InputError(f"--arithmetic {options.arithmetic} proves nothing, so there is no certificate")
    with compile_clock() as clock:
        model = _model(options)
        max_degree = options.max_degree
        if max_degree is None and options.degrees is None:
            max_degree = model.max_degree
            if max_degree is None:
                raise InputError("up to which degree? Give --max-degree D")
        ideal = implicitize(
            model.map,
            max_degree=max_degree,
            degrees=options.degrees,
            lift=not options.no_lift,
            arithmetic=options.arithmetic,
            torus=options.torus,
            symmetry=not options.no_symmetry,
            rng=options.seed,
            progress=progress,
            threads=options.threads,
            memory_limit=options.memory_limit,
            store=options.store,
        )
        spent, seconds = _times(begin, clock)
    lines = [str(ideal)]
    if options.equations:
        lines.append(ideal.equations_table())
    lines.append(f"{spent}; seed {ideal.seed}")
    data: dict[str, Any] = {
        "model": _describe_model(model),
        "dimension": _dimension_data(ideal.dimension),
        "grading": {"rank": ideal.grading.rank, "weights": ideal.grading.weights},
        "homogenized": ideal.homogenized,
        "degrees": [
            {
                "degree": row.degree,
                "monomials": row.n_monomials,
                "ideal_dimension": row.ideal_dimension,
                "hilbert_function": row.n_monomials - row.ideal_dimension,
                "minimal_generators": row.n_generators,
                "blocks": row.n_blocks,
                "solved_blocks": row.n_orbits,
                "largest_block": row.largest_block,
                "evidence": _evidence(row.evidence),
            }
            for row in ideal.degrees
        ],
        "generators": [
            {"degree": equation.degree, "equation": str(equation), "status": str(evidence.status)}
            for equation, evidence in zip(ideal.generators, ideal.generator_evidence, strict=True)
        ],
        "evidence": _evidence(ideal.evidence),
        "seed": ideal.seed,
        "primes": ideal.primes,
        "interrupted": ideal.interrupted,
        "seconds": {**seconds, "stages": ideal.timings},
        "certificate": None,
        "verification": None,
    }
    code = EXIT_OK
    certificate = ideal.certificate
    if certificate is not None and options.save_certificate:
        certificate.save(options.save_certificate)
        lines.append(f"certificate written to {options.save_certificate}")
        data["certificate"] = options.save_certificate
    if certificate is not None and options.verify:
        report = certificate.verify()
        lines.append(str(report))
        data["verification"] = _verification_data(report)
        code = EXIT_OK if report.ok else EXIT_REFUTED
    progress.close()
    _emit(options, "\n".join(lines), data)
    if ideal.interrupted:
        done = ", ".join(str(row.degree) for row in ideal.degrees)
        print(f"interrupted: degrees {done} are finished and printed; {progress.reached()}", file=sys.stderr)
        return EXIT_INTERRUPTED
    return code


def _dimension(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.implicitization import dimension, grading

    begin = time.perf_counter()
    with compile_clock() as clock:
        model = _model(options)
        found = dimension(model.map, rng=options.seed)
        torus = grading(model.map, rng=found.seed) if options.grading else None
        spent, seconds = _times(begin, clock)
    projective = "" if found.projective is None else f" (a cone: projective dimension {found.projective})"
    lines = [
        f"dimension {found.value}{projective}",
        f"expected {found.expected}, defect {found.defect}, generic fiber of dimension {found.fiber}",
        _because(found.evidence),
    ]
    if torus is not None:
        lines += [f"torus of rank {torus.rank}, {_because(torus.evidence)}; weights by coordinate:"]
        lines += ["  " + " ".join(f"{w:>3}" for w in row) for row in torus.weights.tolist()]
    lines.append(f"{spent}; seed {found.seed}")
    data: dict[str, Any] = {
        "model": _describe_model(model),
        "dimension": _dimension_data(found),
        "grading": None,
        "seed": found.seed,
        "seconds": seconds,
    }
    if torus is not None:
        data["grading"] = {"rank": torus.rank, "weights": torus.weights, "evidence": _evidence(torus.evidence)}
    progress.close()
    _emit(options, "\n".join(lines), data)
    return EXIT_OK


def _hilbert(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.implicitization import hilbert_function

    begin = time.perf_counter()
    with compile_clock() as clock:
        model = _model(options)
        max_degree = options.max_degree if options.max_degree is not None else model.max_degree
        if max_degree is None:
            raise InputError("up to which degree? Give --max-degree D")
        found = hilbert_function(
            model.map,
            max_degree,
            arithmetic=options.arithmetic,
            symmetry=not options.no_symmetry,
            rng=options.seed,
            progress=progress,
            threads=options.threads,
            memory_limit=options.memory_limit,
            store=options.store,
        )
        spent, seconds = _times(begin, clock)
    data: dict[str, Any] = {
        "model": _describe_model(model),
        "dimension": found.dimension,
        "homogenized": found.homogenized,
        "hilbert_function": found.values,
        "ideal_dimensions": found.ideal_dimensions,
        "evidence": _evidence(found.evidence),
        "fit": None,
        "seed": found.seed,
        "seconds": seconds,
    }
    if found.fit is not None:
        data["fit"] = {
            "numerator": found.fit.numerator,
            "degree": found.fit.degree,
            "polynomial": found.fit.polynomial,
            "evidence": _evidence(found.fit.evidence),
        }
    progress.close()
    _emit(options, f"{found}\n{spent}; seed {found.seed}", data)
    return EXIT_OK


def _degree(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.continuation import degree

    begin = time.perf_counter()
    with compile_clock() as clock:
        model = _model(options)
        found = degree(
            model.map,
            method=options.method,
            rng=options.seed,
            progress=progress,
            threads=options.threads,
            memory_limit=options.memory_limit,
            store=options.store,
        )
        spent, seconds = _times(begin, clock)
    data = {
        "model": _describe_model(model),
        "degree": found.value,
        "dimension": found.dimension,
        "methods": list(found.methods),
        "evidence": _evidence(found.evidence),
        "seed": found.seed,
        "seconds": seconds,
    }
    progress.close()
    _emit(options, f"degree {found.value}\n{_because(found.evidence)}\n{spent}; seed {found.seed}", data)
    return EXIT_OK


def _ed_degree(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.continuation import ed_degree

    weights = options.weights
    if weights not in ("unit", "generic"):
        try:
            weights = [float(Fraction(weight)) for weight in weights.split(",")]
        except (ValueError, ZeroDivisionError):
            raise InputError(
                f"--weights {weights}: expected unit, generic, or one number for each coordinate"
            ) from None
    begin = time.perf_counter()
    with compile_clock() as clock:
        model = _model(options)
        found = ed_degree(
            model.map,
            weights,
            rng=options.seed,
            progress=progress,
            memory_limit=options.memory_limit,
            store=options.store,
        )
        spent, seconds = _times(begin, clock)
    data = {
        "model": _describe_model(model),
        "ed_degree": found.value,
        "weights": options.weights,
        "lost": found.lost,
        "evidence": _evidence(found.evidence),
        "seed": found.seed,
        "seconds": seconds,
    }
    progress.close()
    lines = [f"ED degree {found.value} for weights {options.weights}", _because(found.evidence)]
    lines += [f"lost from generic weights: {number} {kind}" for kind, number in found.lost.items()]
    _emit(options, "\n".join([*lines, f"{spent}; seed {found.seed}"]), data)
    return EXIT_OK


def _verification_data(report: Any) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "status": None if report.status is None else str(report.status),
        "failures": report.failures,
        "checks": report.checks,
        "log10_error": report.log10_error,
        "seconds": report.seconds,
    }


def _verify(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.implicitization.certificates import Certificate

    certificate = Certificate.load(options.file)
    report = certificate.verify()
    progress.close()
    text = f"{certificate.statement}\n{report}" if report.ok else str(report)
    _emit(options, text, {"file": options.file, **_verification_data(report)})
    return EXIT_OK if report.ok else EXIT_REFUTED


def _warmup(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.warming import warmup

    done = warmup(progress=progress)
    progress.close()
    _emit(
        options,
        str(done),
        {"kernels": done.kernels, "compiled": done.compiled, "seconds": done.seconds, "cache": done.cache},
    )
    return EXIT_OK


def _models(options: argparse.Namespace, progress: _Progress) -> int:
    from algeom.models import usage
    from algeom.registry import problems

    functions = [
        {"usage": usage(name, function), "summary": (function.__doc__ or "").strip().split("\n")[0]}
        for name, function in sorted(catalogue().items())
    ]
    known = [
        {"name": entry.name, "dimension": entry.dimension, "degree": entry.degree, "max_degree": entry.max_degree}
        for entry in problems()
    ]
    width = max(len(entry["usage"]) for entry in functions)
    lines = ["models with arguments:", *(f"  {f['usage']:<{width}}  {f['summary']}" for f in functions)]
    lines += ["problems with known answers (for --max-degree, theirs is the default):"]
    lines += [f"  {entry['name']:<{width}}  dimension {entry['dimension']}" for entry in known]
    progress.close()
    _emit(options, "\n".join(lines), {"models": functions, "problems": known})
    return EXIT_OK


def _integers(text: str) -> list[int]:
    try:
        return [int(piece) for piece in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of integers such as 4,4,4") from None


def _parser() -> argparse.ArgumentParser:
    from algeom import __version__

    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, and nothing else, on standard output")
    common.add_argument("--quiet", action="store_true", help="no progress and no messages on standard error")
    common.add_argument(
        "--progress", action=argparse.BooleanOptionalAction, help="default: when standard error is a terminal"
    )
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")

    model = _Parser(add_help=False)
    model.add_argument("model", nargs="+", metavar="MODEL", help="see below")
    model.add_argument("--widths", type=_integers, metavar="N,N,...", help="of a relu network")
    model.add_argument("--patterns", metavar="P,P,...", help="of a relu network, one for each block")
    model.add_argument("--d", type=int, help="of attention: the width of the input")
    model.add_argument("--t", type=int, help="of attention: the length of the sequence")
    model.add_argument("--rank", type=int, help="of attention: bound of the rank of the attention matrix")
    model.add_argument("--parameters", metavar="...", help="of a function in a file, or of expressions")
    model.add_argument("--names", metavar="A,B,...", help="names of the coordinates")
    model.add_argument("--seed", type=int, help="repeats a run (each result states its seed)")

    run = _Parser(add_help=False)
    run.add_argument("--threads", type=int, metavar="N", help="default: the cores that may be used")
    run.add_argument("--memory-limit", metavar="SIZE", help="refuse what would need more, such as 4GB")
    run.add_argument("--store", metavar="FILE", help="keep what is finished; a run that was killed goes on from there")

    work = _Parser(add_help=False)
    work.add_argument("--max-degree", type=int, metavar="D", help="search degrees 1 to D")
    work.add_argument("--arithmetic", choices=("exact", "float64", "complex128"), default="exact")
    work.add_argument("--no-symmetry", action="store_true", help="solve also blocks that are copies of others")

    parser = _Parser(
        prog="algeom",
        description="Dimension, exact equations, Hilbert function, degree and ED degree of images of maps.",
    )
    parser.add_argument("--version", action="version", version=f"algeom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, verb: Callable[[argparse.Namespace, _Progress], int], text: str, *parents: Any) -> Any:
        shared: list[_Parser] = [*parents, common]
        command = commands.add_parser(
            name,
            help=text,
            description=text,
            parents=shared,
            epilog=_MODEL_HELP if model in parents else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=verb)
        return command

    ideal = add("ideal", _ideal, "the equations of an image, degree by degree, with a certificate", model, work, run)
    ideal.add_argument("--degrees", type=_integers, metavar="D,D,...", help="these degrees, instead of --max-degree")
    ideal.add_argument("--no-lift", action="store_true", help="count equations only")
    ideal.add_argument(
        "--torus", choices=("maximal", "proved"), default="maximal", help="proved: only the diagonal symmetries proved"
    )
    ideal.add_argument("--equations", action="store_true", help="print all generators")
    ideal.add_argument("--save-certificate", metavar="FILE", help="write the certificate (JSON)")
    ideal.add_argument("--verify", action="store_true", help="replay the certificate with the independent checker")
    dimension = add("dimension", _dimension, "the dimension of an image", model)
    dimension.add_argument("--grading", action="store_true", help="also the diagonal symmetries")
    add("hilbert", _hilbert, "the Hilbert function of an image", model, work, run)
    degree = add("degree", _degree, "the degree of an image", model, run)
    degree.add_argument("--method", choices=("auto", "monodromy", "hilbert"), default="auto")
    ed_degree = add("ed-degree", _ed_degree, "the Euclidean distance degree of an image", model, run)
    ed_degree.add_argument("--weights", default="unit", metavar="W", help="unit, generic, or numbers: 1,3,3,1")
    verify = add("verify", _verify, "replay a certificate: exit status 0 if it holds, 1 if not")
    verify.add_argument("file", metavar="FILE")
    add("warmup", _warmup, "compile all kernels now (once per machine)")
    add("models", _models, "list the models and problems that have names")
    return parser


def _fail(command: str, error: BaseException, debug: bool, code: int) -> int:
    if debug:
        traceback.print_exception(error)
    text = " ".join(str(error).split()) or type(error).__name__
    print(f"algeom {command}: {text}", file=sys.stderr)
    return code


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, and return the exit status.

    0: done. 1: a certificate does not hold. 2: bad input, with one line that says why. 3: a defect of algeom.
    130: interrupted by Ctrl-C, after saying what was finished.

    Examples
    --------
    >>> run(["dimension", "segre", "2", "2", "--seed", "1"])
    dimension 5 (a cone: projective dimension 4)
    ...
    0
    """
    try:
        options = _parser().parse_args(arguments)
    except SystemExit as stop:  # argparse has printed its line, or the help
        return stop.code if isinstance(stop.code, int) else EXIT_INPUT
    shown = options.progress if options.progress is not None else sys.stderr.isatty()
    progress = _Progress(shown, options.quiet)
    try:
        with progress:
            return int(options.run(options, progress))
    except KeyboardInterrupt:
        print(f"interrupted: {progress.reached()}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) has gone; nothing is left to say, and nothing more may be flushed to it.
        _silence(sys.stdout)
        return EXIT_OK
    except (AlgeomError, OSError) as error:
        return _fail(options.command, error, options.debug, EXIT_INPUT)
    except Exception as error:
        reason = RuntimeError(
            f"internal error, {type(error).__name__}: {error} (--debug shows where; please report it)"
        )
        return _fail(options.command, error if options.debug else reason, options.debug, EXIT_BUG)


def _silence(stream: IO[str]) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def main() -> NoReturn:
    """Run the program ``algeom``."""
    code = run()
    if code == EXIT_INTERRUPTED:
        # Kernels may still run in threads, and a normal exit would wait for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)

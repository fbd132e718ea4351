"""Reading a certificate: every field is there and of its kind, or the message names the one that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from flint import fmpz

FORMAT, VERSION = "algeom-certificate", 1

#: Points of the stream that a block may refer to, beyond ten times its size.
_SPARE_POINTS = 10_000

Monomial = tuple[int, ...]


class MalformedCertificate(ValueError):
    """The data is not a certificate: a field is missing or of the wrong kind."""


class Refuted(Exception):
    """A statement of a certificate that does not hold, or could not be confirmed."""


def _require(condition: bool, where: str, message: str) -> None:
    if not condition:
        raise MalformedCertificate(f"{where}: {message}")


def _field(data: Any, key: str, where: str) -> Any:
    _require(isinstance(data, dict), where, f"expected an object, got {type(data).__name__}")
    _require(key in data, where, f"the field {key!r} is missing")
    return data[key]


def _list(data: Any, where: str, length: int | None = None) -> list[Any]:
    _require(isinstance(data, list), where, f"expected a list, got {type(data).__name__}")
    _require(length is None or len(data) == length, where, f"expected {length} entries, got {len(data)}")
    return list(data)


def _integer(data: Any, where: str, low: int = 0, high: int | None = None) -> int:
    _require(type(data) is int, where, f"expected an integer, got {type(data).__name__}")
    _require(low <= data and (high is None or data <= high), where, f"{data} is out of range")
    return int(data)


def _integers(data: Any, where: str, length: int | None = None, low: int = 0, high: int | None = None) -> list[int]:
    entries = _list(data, where, length)
    if any(type(x) is not int or x < low or (high is not None and x > high) for x in entries):
        raise MalformedCertificate(f"{where}: expected integers from {low} to {high}")
    return entries


def _rows(data: Any, where: str, length: int) -> list[list[int]]:
    return [_integers(row, where, length, low=-(10**9), high=10**9) for row in _list(data, where)]


def _big(data: Any, where: str) -> int:
    _require(isinstance(data, str), where, f"expected a decimal string, got {type(data).__name__}")
    _require(re.fullmatch(r"-?[0-9]+", data, re.ASCII) is not None, where, f"{data[:40]!r} is not a decimal number")
    return int(fmpz(data))  # int(data) refuses more than 4300 digits


def _permutation(data: Any, where: str, size: int) -> list[int]:
    entries = _integers(data, where, size, 0, size - 1)
    _require(len(set(entries)) == size, where, "not a permutation")
    return entries


@dataclass(frozen=True)
class Tape:
    """A straight-line program, as the package's docstring describes it."""

    inputs: int
    constants: list[Fraction]
    operations: list[tuple[str, int, int]]
    outputs: list[int]

    @classmethod
    def read(cls, data: Any) -> Tape:
        """Read and check the field ``map``."""
        n = _integer(_field(data, "inputs", "map"), "map.inputs", 1, 10**6)
        constants = []
        for text in _list(_field(data, "constants", "map"), "map.constants"):
            _require(isinstance(text, str), "map.constants", "expected strings")
            parts = [_big(part, "map.constants") for part in text.split("/")]
            _require(len(parts) < 3 and (len(parts) == 1 or parts[1] > 0), "map.constants", f"{text[:40]!r}")
            constants.append(Fraction(*parts))
        operations: list[tuple[str, int, int]] = []
        for entry in _list(_field(data, "operations", "map"), "map.operations"):
            own = n + len(constants) + len(operations)
            where = f"map.operations[{len(operations)}]"
            name, *operands = _list(entry, where) or [None]
            _require(name in ("add", "sub", "mul", "div", "neg"), where, f"unknown operation {name!r}")
            _integers(operands, where, 1 if name == "neg" else 2, 0, own - 1)
            operations.append((name, operands[0], operands[-1]))
        nodes = n + len(constants) + len(operations)
        outputs = _integers(_field(data, "outputs", "map"), "map.outputs", None, 0, nodes - 1)
        _require(len(outputs) > 0, "map.outputs", "there is none")
        return cls(n, constants, operations, outputs)

    @property
    def divides(self) -> bool:
        """Whether there is any division."""
        return any(name == "div" for name, _, _ in self.operations)

    def run(self, ring: Any, inputs: Sequence[Any]) -> list[Any]:
        """Outputs for inputs from a ring: an object with methods constant, add, sub, mul, div and neg."""
        apply = {name: getattr(ring, name) for name in ("add", "sub", "mul", "div", "neg")}
        nodes = [*inputs, *(ring.constant(value) for value in self.constants)]
        for name, left, right in self.operations:
            nodes.append(apply[name](nodes[left], nodes[right]))
        return [nodes[k] for k in self.outputs]


@dataclass(frozen=True)
class Block:
    """One multidegree of an orbit."""

    degree: int
    multidegree: tuple[int, ...]
    size: int
    nullity: int
    orbit: int
    rows: list[int]
    columns: list[int]
    independent: bool

    @classmethod
    def read(cls, data: Any, degree: int, rank: int, where: str) -> Block:
        """Read one entry of ``blocks``."""
        multidegree = tuple(
            _integers(_field(data, "multidegree", where), f"{where}.multidegree", rank, -(10**12), 10**12)
        )
        size = _integer(_field(data, "size", where), f"{where}.size", 1)
        nullity = _integer(_field(data, "nullity", where), f"{where}.nullity", 0, size)
        orbit = _integer(_field(data, "orbit", where), f"{where}.orbit", 1)
        if data.get("independent") is not None:
            _require(data["independent"] is True, f"{where}.independent", "expected true or nothing")
            return cls(degree, multidegree, size, nullity, orbit, [], [], True)
        rows, columns = (
            _integers(_field(data, name, where), f"{where}.{name}", size - nullity, 0, limit - 1)
            for name, limit in (("pivot_rows", 10 * size + _SPARE_POINTS), ("pivot_columns", size))
        )
        return cls(degree, multidegree, size, nullity, orbit, rows, columns, False)

    def __str__(self) -> str:
        return f"degree {self.degree}, multidegree {list(self.multidegree)}"


@dataclass(frozen=True)
class Level:
    """The statement about one degree."""

    degree: int
    monomials: int
    dimension: int
    generators: int
    blocks: list[Block]


@dataclass(frozen=True)
class Equation:
    """A generator; its monomials are nondecreasing index sequences."""

    degree: int
    multidegree: tuple[int, ...]
    monomials: list[Monomial]
    coefficients: list[int]

    @classmethod
    def read(cls, data: Any, top: int, rank: int, m: int, where: str) -> Equation:
        """Read one entry of ``generators``."""
        degree = _integer(_field(data, "degree", where), f"{where}.degree", 1, top)
        multidegree = _integers(_field(data, "multidegree", where), f"{where}.multidegree", rank, -(10**12), 10**12)
        monomials, coefficients = [], []
        for term in _list(_field(data, "terms", where), f"{where}.terms"):
            pairs, coefficient = _list(term, f"{where}.terms", 2)
            powers = [_integers(pair, f"{where}.terms", 2) for pair in _list(pairs, f"{where}.terms")]
            variables = [i for i, _ in powers]
            _require(all(a < b for a, b in pairwise(variables)), f"{where}.terms", "variables must increase")
            _require(all(i < m for i in variables), f"{where}.terms", "no such variable")
            _require(all(0 < e <= top for _, e in powers), f"{where}.terms", f"exponents are from 1 to {top}")
            monomials.append(tuple(i for i, e in powers for _ in range(e)))
            coefficients.append(_big(coefficient, f"{where}.terms"))
        _require(_field(data, "method", where) in ("expansion", "modular"), f"{where}.method", "unknown")
        error = _field(data, "log10_error", where)
        _require(error is None or type(error) is int, f"{where}.log10_error", "expected an integer or null")
        return cls(degree, tuple(multidegree), monomials, coefficients)


@dataclass(frozen=True)
class Statement:
    """A certificate that is well formed; whether it holds is another matter."""

    tape: Tape
    homogenized: bool
    weights: list[list[int]]
    scalings: list[tuple[list[int], list[int]]]
    free: list[tuple[int, int]]
    symmetries: list[tuple[list[int], list[int]]]
    seed: int
    prime: int
    levels: list[Level]
    equations: list[Equation]


def parse(data: Any) -> Statement:
    """Read a certificate from JSON data.

    Raises
    ------
    MalformedCertificate
        If it does not have the form that the package's docstring describes; the message names the field.
    """
    _require(_field(data, "format", "certificate") == FORMAT, "format", f"expected {FORMAT!r}")
    version = _integer(_field(data, "version", "certificate"), "version")
    _require(version == VERSION, "version", f"{version} is not supported; this checker reads {VERSION}")
    tape = Tape.read(_field(data, "map", "certificate"))
    m = len(tape.outputs)
    names = _list(_field(data, "coordinates", "certificate"), "coordinates", m)
    _require(all(isinstance(name, str) for name in names), "coordinates", "expected strings")
    homogenized = _field(data, "homogenized", "certificate")
    _require(type(homogenized) is bool, "homogenized", "expected true or false")
    grading = _field(data, "grading", "certificate")
    weights = _rows(_field(grading, "weights", "grading"), "grading.weights", m)
    scalings: list[tuple[list[int], list[int]]] = []
    induced = _field(grading, "scalings", "grading")
    if induced is not None:
        parameters = _rows(_field(induced, "parameters", "grading.scalings"), "grading.scalings", tape.inputs)
        coordinates = _rows(_field(induced, "coordinates", "grading.scalings"), "grading.scalings", m)
        _require(len(parameters) == len(coordinates), "grading.scalings", "different numbers of rows")
        scalings = list(zip(parameters, coordinates, strict=True))
    free = []
    for entry in _list(_field(grading, "free", "grading"), "grading.free"):
        coordinate, parameter = _integers(entry, "grading.free", 2, 0, max(m, tape.inputs) - 1)
        _require(coordinate < m and parameter < tape.inputs, "grading.free", "no such coordinate or parameter")
        free.append((coordinate, parameter))
    symmetries = []
    for entry in _list(_field(data, "symmetries", "certificate"), "symmetries"):
        tau, sigma = _list(entry, "symmetries", 2)
        symmetries.append((_permutation(tau, "symmetries", tape.inputs), _permutation(sigma, "symmetries", m)))
    seed = _big(_field(data, "seed", "certificate"), "seed")
    prime = _integer(_field(data, "prime", "certificate"), "prime", 3, 2**62)
    levels = []
    for number, entry in enumerate(_list(_field(data, "degrees", "certificate"), "degrees"), start=1):
        where = f"degrees[{number - 1}]"
        _require(_field(entry, "degree", where) == number, where, "degrees must be 1, 2, 3, ...")
        monomials, dimension, generators = (
            _integer(_field(entry, key, where), where) for key in ("monomials", "dimension", "generators")
        )
        listed = _list(_field(entry, "blocks", where), f"{where}.blocks")
        blocks = [Block.read(block, number, len(weights), f"{where}.blocks[{k}]") for k, block in enumerate(listed)]
        levels.append(Level(number, monomials, dimension, generators, blocks))
    _require(len(levels) > 0, "degrees", "there is none")
    listed = _list(_field(data, "generators", "certificate"), "generators")
    equations = [
        Equation.read(entry, len(levels), len(weights), m, f"generators[{k}]") for k, entry in enumerate(listed)
    ]
    return Statement(tape, homogenized, weights, scalings, free, symmetries, seed, prime, levels, equations)


def load(path: str | Path) -> Any:
    """Read a file's JSON data."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise MalformedCertificate(f"{path} is not a JSON file: {error}") from None

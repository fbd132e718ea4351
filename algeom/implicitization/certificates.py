"""Certificates: what an independent program needs to confirm equations and dimensions, as a JSON file.

The format and why it proves what it states are described in `algeom.checker`, which replays it and shares no code with
the engine. Writing one is cheap: pivots and generators were found on the way.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flint import fmpz, fmpz_mat

from algeom import checker
from algeom.algebra.polynomial import Polynomial
from algeom.errors import CertificateError
from algeom.evidence import Evidence, Status
from algeom.implicitization.multidegrees import IntArray
from algeom.maps.scalings import provable_scalings
from algeom.maps.tape import Tape

if TYPE_CHECKING:
    from algeom.implicitization.interpolation import Interpolation, Layer
    from algeom.implicitization.preparation import Preparation
    from algeom.implicitization.verification import IdentityTest


@dataclass(frozen=True)
class Verification:
    """What the independent checker found. Truth value: whether everything was confirmed.

    Attributes
    ----------
    ok : bool
    status : Status or None
        PROVED, or PROBABILISTIC where the checker tested an identity at random points of its own; None if it failed.
    failures : tuple of str
        What does not hold; empty if `ok`.
    checks : dict
        How many of each kind of statement were confirmed.
    log10_error : float
        Base-10 logarithm of a bound on the probability that a false certificate passes; -inf for a proof.
    seconds : float
        Time the checker took.
    """

    ok: bool
    status: Status | None
    failures: tuple[str, ...]
    checks: dict[str, int]
    log10_error: float
    seconds: float
    _text: str

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        return self._text


@dataclass(frozen=True, eq=False)
class _Block:
    """One block of an orbit, as the engine found it."""

    multidegree: IntArray
    size: int
    nullity: int
    orbit: int
    pivot_rows: IntArray
    pivot_columns: IntArray
    independent: bool

    def to_dict(self) -> dict[str, Any]:
        data = {
            "multidegree": self.multidegree.tolist(),
            "size": self.size,
            "nullity": self.nullity,
            "orbit": self.orbit,
        }
        if self.independent:
            return data | {"independent": True}
        return data | {"pivot_rows": self.pivot_rows.tolist(), "pivot_columns": self.pivot_columns.tolist()}


@dataclass(frozen=True, eq=False)
class _Findings:
    """What a certificate is written from. Small next to what the engine holds: no null space is kept alive."""

    tape: Tape
    names: tuple[str, ...]
    homogenized: bool
    weights: IntArray
    symmetries: tuple[tuple[IntArray, IntArray], ...]
    seed: int
    prime: int
    layers: tuple[tuple[int, int, int, int, tuple[_Block, ...]], ...]
    generators: tuple[tuple[int, IntArray, Polynomial, Evidence], ...]

    def to_dict(self) -> dict[str, Any]:
        proved = provable_scalings(self.tape)
        weights = self.weights.tolist()
        scalings = {
            "parameters": [list(row) for row in proved.parameters],
            "coordinates": [list(row) for row in proved.coordinates],
        }
        return {
            "format": checker.FORMAT,
            "version": checker.VERSION,
            "map": self.tape.to_dict(),
            "coordinates": list(self.names),
            "homogenized": self.homogenized,
            "grading": {
                "weights": weights,
                "scalings": scalings if proved.parameters else None,
                "free": [list(pair) for pair in proved.free],
            },
            "symmetries": [
                [tau.tolist(), sigma.tolist()] for tau, sigma in self.symmetries if _normalizes(weights, sigma.tolist())
            ],
            "seed": str(self.seed),
            "prime": self.prime,
            "degrees": [
                {
                    "degree": degree,
                    "monomials": monomials,
                    "dimension": dimension,
                    "generators": new,
                    "blocks": [block.to_dict() for block in blocks],
                }
                for degree, monomials, dimension, new, blocks in self.layers
            ],
            "generators": [_generator(*generator) for generator in self.generators],
        }


def _normalizes(weights: list[list[int]], sigma: list[int]) -> bool:
    """Whether a permutation of the coordinates maps the span of the weights to itself, hence acts on multidegrees."""
    moved = [[row[i] for i in sigma] for row in weights]
    both = fmpz_mat(2 * len(weights), len(sigma), [w for row in weights + moved for w in row])
    return bool(both.rank() == fmpz_mat(len(weights), len(sigma), [w for row in weights for w in row]).rank())


def _generator(degree: int, multidegree: IntArray, equation: Polynomial, evidence: Evidence) -> dict[str, Any]:
    proved = evidence.status is Status.PROVED
    return {
        "degree": degree,
        "multidegree": multidegree.tolist(),
        # Python's str refuses integers of more than 4300 digits.
        "terms": [
            [[[i, e] for i, e in enumerate(exponents) if e], fmpz(int(coefficient)).str()]
            for exponents, coefficient in equation.terms()
        ],
        "method": "expansion" if proved else "modular",
        "log10_error": None if proved else math.ceil(evidence.log10_error),
    }


class Certificate:
    """A file that proves dimensions and equations to a program that does not trust the engine.

    It holds the map, the seed of the points, for one block of each orbit the pivots that bound dim I_d from above, and
    the minimal generators, whose multiples bound it from below. `algeom.checker` documents the format.

    Certificates come with an `Ideal` (``ideal.certificate``) or from `Certificate.load`.

    Examples
    --------
    >>> import algeom as ag
    >>> ideal = ag.implicitize(ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), max_degree=3, rng=1)
    >>> ideal.certificate
    Certificate(degrees 1 to 3, 3 generators in listed blocks)
    >>> check = ideal.certificate.verify()
    >>> check.ok, check.status
    (True, <Status.PROVED: 'proved'>)
    """

    def __init__(self, source: _Findings | dict[str, Any]) -> None:
        self._source = source

    @classmethod
    def build(
        cls,
        ready: Preparation,
        interpolation: Interpolation,
        layers: Sequence[Layer],
        certified: Sequence[tuple[int, int, Sequence[Polynomial], Sequence[Evidence]]],
        test: IdentityTest,
    ) -> Certificate:
        """Write down what the engine found; the work of formatting is left to `to_dict`.

        Parameters
        ----------
        ready : Preparation
        interpolation : Interpolation
        layers : sequence of Layer
            Degrees 1, 2, ... without a gap.
        certified : sequence of (degree, node, equations, evidence)
            Generators of representative blocks, and how each was verified. Those of degrees beyond the layers, which
            an interrupted computation may have, are left out.
        test : IdentityTest
            What verified them.
        """
        del test  # the evidence says what it did; the checker chooses its own budget
        tables = {layer.degree: layer.table for layer in layers}
        listed = []
        for layer in layers:
            blocks = []
            for node, orbit in zip(layer.orbits.representatives.tolist(), layer.orbits.sizes.tolist(), strict=True):
                result = layer.results[node]
                blocks.append(
                    _Block(
                        layer.table.vectors[node],
                        result.size,
                        result.nullity,
                        orbit,
                        result.pivot_rows,
                        result.pivot_columns,
                        result.independent,
                    )
                )
            listed.append((layer.degree, layer.n_monomials, layer.dimension, layer.n_new, tuple(blocks)))
        generators = [
            (degree, tables[degree].vectors[node], equation, evidence)
            for degree, node, equations, checked in certified
            if degree in tables
            for equation, evidence in zip(equations, checked, strict=True)
        ]
        symmetries = tuple(ready.cone.symmetries) if interpolation.permutations else ()
        return cls(
            _Findings(
                interpolation.tape,
                tuple(ready.cone.names),
                ready.homogenized,
                interpolation.weights,
                symmetries,
                interpolation.seed,
                interpolation.primes[0],
                tuple(listed),
                tuple(generators),
            )
        )

    @classmethod
    def load(cls, path: str | Path) -> Certificate:
        """Read a certificate from a file.

        Raises
        ------
        CertificateError
            If the file is not a certificate; the message names the field that is wrong.
        OSError
            If the file cannot be read.
        """
        try:
            data = checker.load(path)
            checker.parse(data)
        except checker.MalformedCertificate as error:
            raise CertificateError(f"{path} is not a certificate: {error}") from None
        return cls(data)

    def save(self, path: str | Path) -> None:
        """Write the certificate to a file, which ``algeom verify FILE`` checks."""
        Path(path).write_text(json.dumps(self.to_dict(), separators=(",", ":")) + "\n", encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """The certificate as JSON data, in the format of `algeom.checker`; a copy of its own."""
        return copy.deepcopy(self._source) if isinstance(self._source, dict) else self._source.to_dict()

    @property
    def statement(self) -> str:
        """What the certificate claims, in words: the map's size, dimensions and generators by degree."""
        data = self.to_dict()
        names = data["coordinates"]
        shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        rows = "; ".join(f"{row['degree']}: {row['dimension']} ({row['generators']} new)" for row in data["degrees"])
        homogenized = ", the first homogenizing an affine image" if data["homogenized"] else ""
        return (
            f"map of {data['map']['inputs']} parameters into {len(names)} coordinates ({shown}){homogenized}\n"
            f"dimension of the ideal by degree: {rows}"
        )

    def verify(self, *, expansion_budget: int = checker.EXPANSION_BUDGET) -> Verification:
        """Replay the certificate with the independent checker.

        Parameters
        ----------
        expansion_budget : int
            Identities are proved by expansion if that produces at most so many terms, and else tested at random points
            modulo random primes of 62 bits, which are fresh in every call. 0 forbids expansions.

        Returns
        -------
        Verification

        Raises
        ------
        CertificateError
            If this is not a certificate at all.
        """
        try:
            report = checker.check(self.to_dict(), expansion_budget=expansion_budget)
        except checker.MalformedCertificate as error:
            raise CertificateError(f"this is not a certificate: {error}") from None
        status = Status(report.status) if report.ok else None
        return Verification(
            report.ok, status, report.failures, report.checks, report.log10_error, report.seconds, str(report)
        )

    def __repr__(self) -> str:
        if isinstance(self._source, dict):
            degrees, generators = len(self._source["degrees"]), len(self._source["generators"])
        else:
            degrees, generators = len(self._source.layers), len(self._source.generators)
        return f"Certificate(degrees 1 to {degrees}, {generators} generators in listed blocks)"

"""How a variety and a region lie to each other: verdicts, what they rest on, and the result of `separation`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.positivity import SeparatingPolynomial
from algeom.continuation.preimage import CertifiedPreimage
from algeom.continuation.regions import Region, Vector, upper_decimal
from algeom.errors import InputError
from algeom.evidence import Evidence


class Verdict(Enum):
    """How a set and a region lie."""

    DISJOINT = "disjoint"
    INTERSECTS = "intersects"
    UNDECIDED = "undecided"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Decision:
    """How one set lies to the region.

    Attributes
    ----------
    verdict : Verdict
    evidence : Evidence
        What it rests on; if undecided, what was tried and what might help.
    statement : str
        The verdict as a sentence.
    """

    verdict: Verdict
    evidence: Evidence
    statement: str

    def __str__(self) -> str:
        return f"{self.statement} ({self.evidence}: {self.evidence.reason})"


@dataclass(frozen=True, eq=False, repr=False)
class Separation:
    """Whether a region meets the real points of an image closure, and whether it meets the real image.

    Attributes
    ----------
    closure : Decision
        About V(R), the real points of the Zariski closure of the image.
    image : Decision
        About the image of the real parameters, a subset of V(R).
    separator : SeparatingPolynomial or None
        A polynomial of the ideal that is bounded away from zero on the region.
    parameters : tuple of Fraction or None
        Rational parameters whose image lies in the region, exactly.
    certified : CertifiedPreimage or None
        Balls around parameters of a point in an affine subspace, if no rational ones were found.
    point : ndarray or None
        The point of the image nearest to the region that was found, in floating point, shape (m,).
    distance : float
        Its distance from the region: an upper bound for that of the image, up to rounding.
    bracket : pair of points or None
        Two points of the region at which an irreducible equation of a hypersurface has different signs.
    region : Region
    seed : int
    """

    closure: Decision
    image: Decision
    separator: SeparatingPolynomial | None
    parameters: tuple[Fraction, ...] | None
    certified: CertifiedPreimage | None
    point: NDArray[np.float64] | None
    distance: float
    bracket: tuple[Vector, Vector] | None
    region: Region = field(repr=False)
    seed: int = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        """The verdict about V(R)."""
        return self.closure.verdict

    @property
    def evidence(self) -> Evidence:
        """The evidence of the verdict about V(R)."""
        return self.closure.evidence

    def __bool__(self) -> bool:
        raise InputError("a separation has three verdicts: compare .verdict, or .image.verdict, with a Verdict")

    def __repr__(self) -> str:
        parts = [f"{self.region!r}: {self.verdict}"]
        parts.append(f"({self.evidence.status})" if self.verdict is not Verdict.UNDECIDED else "")
        if self.image.verdict is not self.verdict:
            parts.append(f"with V(R), {self.image.verdict} ({self.image.evidence.status}) with the real image")
        return (
            f"Separation({' '.join(filter(None, parts))}; distance of the real image <= {upper_decimal(self.distance)})"
        )

    def __str__(self) -> str:
        lines = [repr(self), f"  {self.closure}", f"  {self.image}"]
        if self.separator is not None:
            lines.append(f"  {self.separator!r}")
        return "\n".join(lines)

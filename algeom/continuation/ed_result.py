"""The result of counting critical points of a distance."""

from __future__ import annotations

from dataclasses import dataclass

from algeom.continuation.ed_system import Weights
from algeom.continuation.gauge import Gauge
from algeom.continuation.systems import Complex
from algeom.continuation.trace import TraceTest
from algeom.evidence import Evidence, Status


@dataclass(frozen=True, eq=False, repr=False)
class EDDegree:
    """The number of critical points of a weighted squared distance to a variety from generic data.

    Attributes
    ----------
    value : int
        Complex critical points on the smooth locus of the closure X of the image.
    weights : Weights
        Unit, generic and given weights give different numbers.
    lost : dict of str to int
        What became of the other critical points for generic weights, by kind: `value` and these add up to the number
        for generic weights. Empty if that number was not needed.
    generic : EDDegree or None
        The generic weights and their critical points, if the count started from there.
    method : str
        ``"direct"`` or ``"generic"``: whether loops at the weights wanted found the points, or paths from
        generic ones.
    gauge : Gauge
        The parameters that were left free.
    data : ndarray of complex128, shape (m,)
        The generic data u.
    tau : ndarray of complex128, shape (k, value)
        The parameters of the gauge at the critical points, one of them for each point; NaN for points near or at
        infinity of the gauge.
    theta : ndarray of complex128, shape (n, value)
        The parameters of the map there.
    points : ndarray of complex128, shape (m, value)
        The critical points.
    trace : TraceTest or None
        Sums of the points in a unit of length of its own.
    loops, tracked : int
        Monodromy loops, and paths in all.
    evidence : Evidence
        NUMERICAL if the points are complete by a trace test; PROVED with a known upper bound and certified points.
    interrupted : bool
        Stopped by Ctrl-C: what is there was found until then. With a store, the same call goes on.
    seed : int
    seconds : float
    """

    value: int
    weights: Weights
    lost: dict[str, int]
    generic: EDDegree | None
    method: str
    gauge: Gauge
    data: Complex
    tau: Complex
    theta: Complex
    points: Complex
    trace: TraceTest | None
    loops: int
    tracked: int
    evidence: Evidence
    interrupted: bool
    seed: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether there is evidence that no critical point is missing."""
        return self.evidence.status is not Status.LOWER_BOUND

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        parts = [f"{'' if self.complete else 'at least '}{self.value} for {self.weights}"]
        if self.generic is not None:
            lost = ", ".join(f"{number} {kind}" for kind, number in self.lost.items())
            number = f"{'' if self.generic.complete else 'at least '}{self.generic.value}"
            parts.append(f"generic weights {number}" + (f", lost: {lost}" if lost else ""))
        if self.interrupted:
            parts.append("interrupted")
        return f"EDDegree({'; '.join(parts)}; {self.evidence})"

    def __str__(self) -> str:
        return f"{self!r}\n{self.evidence.reason}"

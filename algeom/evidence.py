"""How sure a result is: the one definition of the statuses and of how they combine."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """What a result rests on, from strongest to weakest.

    The order of definition is the order of strength; `combine` takes the weakest.
    """

    PROVED = "proved"
    PROBABILISTIC = "probabilistic"
    NUMERICAL = "numerical"
    EXTRAPOLATED = "extrapolated"
    LOWER_BOUND = "lower bound"

    def __str__(self) -> str:
        return self.value


_STRENGTH = {status: k for k, status in enumerate(Status)}


@dataclass(frozen=True)
class Evidence:
    """A status with the figure that belongs to it.

    Parameters
    ----------
    status : Status
        The kind of evidence.
    log10_error : float
        Base-10 logarithm of a bound on the probability that the statement is wrong, over the
        random points drawn. Where ranks modulo small primes are concerned, it is conditional on primes of good
        reduction: a bad one is a separate event, which a second random prime guards against.
        ``-inf`` for proofs; ``nan`` where no such bound exists (numerical
        and extrapolated results).
    reason : str
        One sentence on what established it.

    Examples
    --------
    >>> Evidence(Status.PROBABILISTIC, -30.0, "ranks at random points modulo two primes")
    Evidence(probabilistic, error <= 1e-30: ranks at random points modulo two primes)
    """

    status: Status
    log10_error: float = -math.inf
    reason: str = ""

    def __str__(self) -> str:
        bound = "" if not math.isfinite(self.log10_error) else f", error <= 1e{math.ceil(self.log10_error)}"
        return f"{self.status}{bound}"

    def __repr__(self) -> str:
        return f"Evidence({self}: {self.reason})"


def log10_sum(logs: Iterable[float]) -> float:
    """Base-10 logarithm of a sum of numbers given by their base-10 logarithms.

    Examples
    --------
    >>> log10_sum([-3.0, -3.0]) == -3.0 + math.log10(2)
    True
    >>> log10_sum([])
    -inf
    """
    logs = [x for x in logs if x != -math.inf]
    if not logs:
        return -math.inf
    top = max(logs)
    return top + math.log10(math.fsum(10.0 ** (x - top) for x in logs))


def combine(parts: Iterable[Evidence], reason: str = "") -> Evidence:
    """Evidence for the conjunction of several statements: weakest status, error bounds added.

    Examples
    --------
    >>> a = Evidence(Status.PROVED)
    >>> b = Evidence(Status.PROBABILISTIC, -20.0)
    >>> combine([a, b], "both").status
    <Status.PROBABILISTIC: 'probabilistic'>
    """
    parts = list(parts)
    if not parts:
        return Evidence(Status.PROVED, -math.inf, reason)
    weakest = max(parts, key=lambda e: _STRENGTH[e.status]).status
    if any(math.isnan(e.log10_error) for e in parts):
        error = math.nan
    else:
        error = min(0.0, log10_sum(e.log10_error for e in parts))
    return Evidence(weakest, error, reason)

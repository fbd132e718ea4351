"""Moves between the strata of one fiber: two bars exchange their ends, or join, or one is cut in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from algeom.networks.fibers.bars import Bars

__all__ = ["Interval", "Move", "bar_text", "lowering_exchanges", "raising_exchanges"]

#: A bar [a, b]: the layers of its birth and of its death.
Interval = tuple[int, int]

_Kind = Literal["connecting", "swapping"]
#: The kind of a move, the bars that it takes away, and those that it adds.
Exchange = tuple[_Kind, tuple[Interval, ...], tuple[Interval, ...]]


@dataclass(frozen=True)
class Move:
    """One step between two strata of a fiber.

    Attributes
    ----------
    kind : {"connecting", "swapping"}
        A connecting move joins [a, b] and [b+1, e] to [a, e]; a swapping move replaces [a, b] and [c, e] with
        a < c <= b < e by [a, e] and [c, b]. Lowering moves are these reversed.
    before, after : tuple of (int, int)
        The bars that are taken away and those that are added.
    result : Bars
        The stratum that it leads to.
    raising : bool
        Whether the closure of the result contains the stratum before, or the other way round.
    """

    kind: _Kind
    before: tuple[Interval, ...]
    after: tuple[Interval, ...]
    result: Bars
    raising: bool

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """The layers a < c <= b+1 <= e of the move: it changes the ranks r_ji with a <= i < c and b < j <= e by one."""
        (a, b), (c, e) = self.before if self.raising else self.after
        return a, c, b, e

    def __str__(self) -> str:
        before, after = (
            " and ".join(bar_text(interval, self.result.depth) for interval in bars)
            for bars in (self.before, self.after)
        )
        verb = "cutting" if len(self.before) == 1 else self.kind
        return f"{verb} {before} to {after}: {self.result}"


def raising_exchanges(present: Sequence[Interval], depth: int) -> Iterator[Exchange]:
    """What raises a stratum with these bars, without a change of the number of bars [0, depth]."""
    for a, b in present:
        for c, e in present:
            if a < c <= b + 1 <= e and (a, e) != (0, depth):
                if c == b + 1:
                    yield "connecting", ((a, b), (c, e)), ((a, e),)
                else:
                    yield "swapping", ((a, b), (c, e)), ((a, e), (c, b))


def lowering_exchanges(present: Sequence[Interval], depth: int) -> Iterator[Exchange]:
    """What lowers a stratum with these bars, without a change of the number of bars [0, depth]."""
    for a, e in present:
        if (a, e) == (0, depth):
            continue
        for b in range(a, e):
            yield "connecting", ((a, e),), ((a, b), (b + 1, e))
        for c, b in present:
            if a < c <= b < e:
                yield "swapping", ((a, e), (c, b)), ((a, b), (c, e))


def bar_text(interval: Interval, depth: int) -> str:
    """How a bar is written: two digits, or two numbers where there are ten layers after the first or more.

    Examples
    --------
    >>> bar_text((0, 3), 3), bar_text((0, 3), 12)
    ('03', '0-3')
    """
    a, b = interval
    return f"{a}-{b}" if depth >= 10 else f"{a}{b}"

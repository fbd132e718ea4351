"""Multidegrees and their monomials, counted and listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .reading import Monomial, Refuted


class Multidegrees:
    """All multidegrees of low degree, each as one integer: its digits in a base too large for carries.

    Parameters
    ----------
    weights : list of lists, (r, m)
    m : int
    limits : sequence of int
        For degrees 1, 2, ... how many multidegrees there are at most; more are `Refuted`.

    Attributes
    ----------
    counts : list of dict
        By degree: multidegree to number of monomials.
    """

    def __init__(self, weights: list[list[int]], m: int, limits: Sequence[int]) -> None:
        top = len(limits)
        heaviest = max((abs(w) for row in weights for w in row), default=0)
        self.largest = top * heaviest
        # Digits of a multidegree over a weight are at most (top + 1) * heaviest; the base keeps them apart as well.
        base = 2 * (top + 1) * heaviest + 1
        self._radix: list[int] = [base**j for j in range(len(weights))]
        self.weight = [sum(row[i] * r for row, r in zip(weights, self._radix, strict=True)) for i in range(m)]
        self.counts: list[dict[int, int]] = [{0: 1}, *({} for _ in range(top))]
        # Variable by variable; within a variable from low degrees up, so that its powers are counted as well.
        for weight in self.weight:
            for d in range(top):
                above = self.counts[d + 1]
                for key, count in self.counts[d].items():
                    above[key + weight] = above.get(key + weight, 0) + count
                if len(above) > limits[d]:
                    raise Refuted(f"degree {d + 1}: more than the stated {limits[d]} multidegrees")
        # The largest i such that some monomial of the multidegree has no index below i: it prunes the enumeration.
        self._first: list[dict[int, int]] = [{0: m}]
        for _ in range(top):
            first: dict[int, int] = {}
            for key, at in self._first[-1].items():
                for i, weight in enumerate(self.weight):
                    first[key + weight] = max(min(i, at), first.get(key + weight, -1))
            self._first.append(first)
        self._variables: dict[int, list[int]] = {}
        for i, weight in enumerate(self.weight):
            self._variables.setdefault(weight, []).append(i)

    def encode(self, multidegree: Sequence[int]) -> int | None:
        """The integer of a multidegree, or None if no monomial can have it."""
        if any(abs(x) > self.largest for x in multidegree):
            return None
        return sum(x * r for x, r in zip(multidegree, self._radix, strict=True))

    def of(self, monomial: Monomial) -> int:
        """The multidegree of a monomial."""
        return sum(self.weight[i] for i in monomial)

    def monomials(self, degree: int, key: int, low: int = 0, prefix: Monomial = ()) -> Iterator[Monomial]:
        """Monomials of a multidegree in lexicographic order, none of their indices below `low`."""
        if degree == 1:
            yield from ((*prefix, i) for i in self._variables.get(key, ()) if i >= low)
            return
        first = self._first[degree - 1]
        for i in range(low, len(self.weight)):
            rest = key - self.weight[i]
            if first.get(rest, -1) >= i:
                yield from self.monomials(degree - 1, rest, i, (*prefix, i))

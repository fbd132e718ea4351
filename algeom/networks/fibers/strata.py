"""The strata of a fiber of matrix multiplication: how many, of what dimensions, which are components."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from algeom.errors import InputError, ResourceError
from algeom.maps.relabelling import check_integer
from algeom.networks.fibers.bars import Bars, check_widths, intervals
from algeom.networks.fibers.counting import (
    codimension_and_top_components,
    component_bars,
    count_components,
    count_strata,
    count_strata_by_codimension,
)
from algeom.networks.fibers.moves import bar_text
from algeom.networks.fibers.order import hasse_graph, lower_covers, upper_covers

if TYPE_CHECKING:
    import networkx

__all__ = ["Strata", "strata"]

#: How many strata are put into a list or a graph unless the user asks for more: some seconds.
_LISTED = 20_000
#: How many rows of a table a person may want to read.
_READ = 200


def strata(widths: Sequence[int], rank: int) -> Strata:
    """The strata of the fibers of matrix multiplication over matrices of a given rank.

    A linear network with weights ``W_1, ..., W_L`` computes the product ``W = W_L ... W_1``. All weights with the same
    product form a fiber, and those with the same ranks of all partial products a stratum of it. Which strata there are
    and how they meet depends on the widths and the rank of W only.

    Parameters
    ----------
    widths : sequence of int
        The widths d_0, ..., d_L of the layers, from the input to the output.
    rank : int
        The rank of W, from 0 to the least width.

    Returns
    -------
    Strata
        Lazy: nothing is enumerated before it is asked for.

    Raises
    ------
    InputError
        If the widths are fewer than two or not positive, or the rank is out of range.

    References
    ----------
    J. R. Shewchuk, S. Bhattacharya, The geometry of the set of equivalent linear neural networks, arXiv:2404.14855
    (2024), and The hierarchy of manifolds in a stratification of the set of equivalent linear neural networks, SoCG
    2026.
    S. Pepin Lehalleur, R. Rimanyi, Geometry of fibers of the multiplication map of deep linear neural networks,
    arXiv:2411.19920 (2024).

    Examples
    --------
    >>> fiber = strata((2, 3, 2, 3), 1)
    >>> len(fiber), fiber.count_by_dimension
    (9, {8: 1, 10: 3, 11: 1, 12: 3, 13: 1})
    >>> for component in fiber.components():
    ...     print(component, component.dimension)
    03 01 13 33 13
    03 02 11 33x2 12
    >>> strata((20,) * 11, 0).count
    307085969833387930759130235
    """
    widths = check_widths(widths)
    rank = check_integer("rank", rank, 0, min(widths), "the least width")
    return Strata(widths, rank)


@dataclass(frozen=True)
class Strata(Collection[Bars]):
    """The strata of the fibers over matrices of one rank, as a lazy collection of `Bars`.

    Iteration begins with the minimal stratum and goes through the multiplicities of longer bars in lexicographic order.
    It holds one stratum at a time. Counts, components and dimensions come from formulas and dynamic programming, not
    from a list.

    Attributes
    ----------
    widths : tuple of int
        The widths d_0, ..., d_L.
    rank : int
        The rank of the product.
    """

    widths: tuple[int, ...]
    rank: int

    @property
    def depth(self) -> int:
        """The number L of weight matrices."""
        return len(self.widths) - 1

    @property
    def _reduced(self) -> tuple[int, ...]:
        return tuple(width - self.rank for width in self.widths)

    def _bars(self, counts: dict[tuple[int, int], int]) -> Bars:
        full = {(0, self.depth): self.rank}
        return Bars(self.widths, tuple((counts | full).get(interval, 0) for interval in intervals(self.depth)))

    def __iter__(self) -> Iterator[Bars]:
        places = intervals(self.depth)
        singles = [places.index((j, j)) for j in range(self.depth + 1)]
        longer = [(k, singles[a : b + 1]) for k, (a, b) in enumerate(places) if 0 < b - a < self.depth]
        counts = list(self.minimal.multiplicities)
        while True:
            yield Bars._trusted(self.widths, tuple(counts))
            # As an odometer: the last bar that the single points have room for occurs once more, later ones not at all.
            for k, through in reversed(longer):
                if all(counts[j] for j in through):
                    counts[k] += 1
                    for j in through:
                        counts[j] -= 1
                    break
                for j in through:
                    counts[j] += counts[k]
                counts[k] = 0
            else:
                return

    @cached_property
    def count(self) -> int:
        """How many strata there are: exact, without enumeration.

        Raises
        ------
        ResourceError
            If even counting takes too long (hundreds of neurons in each of five layers or more).
        """
        return count_strata(self._reduced)

    def __len__(self) -> int:
        if self.count >= 2**63:
            raise ResourceError(f"there are {self.count} strata, more than len() can say: ask for count")
        return self.count

    def __bool__(self) -> bool:
        return True  # There is always the minimal stratum, and it needs no count.

    def __contains__(self, stratum: object) -> bool:
        return isinstance(stratum, Bars) and (stratum.widths, stratum.rank) == (self.widths, self.rank)

    @cached_property
    def count_by_dimension(self) -> dict[int, int]:
        """How many strata there are of each dimension, without enumeration, in ascending order.

        Raises
        ------
        ResourceError
            If there are too many states for it; `count` may still do.
        """
        counts = count_strata_by_codimension(self._reduced)
        whole = self._n_weights - self._orbit_dimension
        return {whole - codimension: counts[codimension] for codimension in sorted(counts, reverse=True)}

    @property
    def _n_weights(self) -> int:
        return sum(m * n for m, n in pairwise(self.widths))

    @property
    def _orbit_dimension(self) -> int:
        """Dimension of the variety of matrices of this rank."""
        return self.rank * (self.widths[0] + self.widths[-1] - self.rank)

    @property
    def minimal(self) -> Bars:
        """The one stratum that is closed and lies in the closure of every other: only single points and full bars."""
        return self._bars({(j, j): e for j, e in enumerate(self._reduced)})

    @cached_property
    def n_components(self) -> int:
        """The number of irreducible components of a fiber: of maximal strata. By dynamic programming.

        Examples
        --------
        >>> strata((3, 3, 3, 3), 0).n_components, strata((64,) * 5, 0).n_components
        (10, 47905)
        """
        return count_components(self._reduced)

    def components(self, *, limit: int = _LISTED) -> tuple[Bars, ...]:
        """The maximal strata, whose closures are the irreducible components of the fiber.

        Parameters
        ----------
        limit : int
            The most to list.

        Returns
        -------
        tuple of Bars
            In descending order of dimension. They are constructed; other strata are not enumerated.

        Raises
        ------
        ResourceError
            If there are more than `limit`.
        """
        self._refuse_beyond(limit, self.n_components, "components", "listing them")
        found = [self._bars(counts) for counts in component_bars(self._reduced)]
        return tuple(sorted(found, key=lambda stratum: (-stratum.dimension, stratum.multiplicities)))

    def components_containing(self, stratum: Bars, *, limit: int = _LISTED) -> tuple[Bars, ...]:
        """The maximal strata whose closures contain a given stratum.

        Parameters
        ----------
        stratum : Bars
            A stratum of this fiber.
        limit : int
            The most components to go through.

        Returns
        -------
        tuple of Bars
            In descending order of dimension; the first dimension is the local dimension of the fiber there.

        Raises
        ------
        InputError
            If the stratum belongs to other widths or another rank.
        ResourceError
            If the fiber has more components than `limit`.
        """
        self._check(stratum)
        return tuple(component for component in self.components(limit=limit) if stratum <= component)

    @cached_property
    def _codimension_and_top(self) -> tuple[int, int]:
        return codimension_and_top_components(self._reduced)

    @property
    def codimension(self) -> int:
        """Codimension of the fiber in the space of weights.

        Notes
        -----
        For a product of rank r it is ``r (d_0 + d_L - r)`` plus the codimension for the widths d_j - r and product 0,
        which is the value of a quadratic integer program and the same for all orders of the widths
        (arXiv:2411.19920).

        Examples
        --------
        >>> [strata(widths, 0).codimension for widths in [(1, 2, 3), (3, 1, 2), (2, 3, 3)]]
        [2, 2, 5]
        """
        return self._orbit_dimension + self._codimension_and_top[0]

    @property
    def n_top_components(self) -> int:
        """The number of irreducible components of largest dimension, by the same program as `codimension`."""
        return self._codimension_and_top[1]

    @property
    def dimension(self) -> int:
        """Dimension of the fiber: that of its largest components."""
        return self._n_weights - self.codimension

    @property
    def real_log_canonical_threshold(self) -> Fraction:
        """Real log canonical threshold of ``||W_L ... W_1 - W||^2`` on the fiber over W: half the codimension.

        In singular learning theory it is the learning coefficient lambda of a linear network that is to learn W, where
        a regular model has half the number of its parameters.

        Notes
        -----
        The threshold is the least over all points of the fiber. For W = 0 it is a theorem of Pepin Lehalleur and
        Rimanyi. For W of rank r, coordinates near a point of the fiber split off r full bars: the ideal of the entries
        of the difference becomes that of ``r (d_0 + d_L - r)`` coordinates together with the entries of a product of
        matrices of the widths d_j - r in other variables, and thresholds of such sums add up. The values agree with
        Aoyagi's formula for the same quantity. It speaks of the squared Frobenius norm, and of norms equivalent to it,
        such as a data metric that is positive definite; if the data do not span the inputs, then W is not determined.

        References
        ----------
        S. Pepin Lehalleur, R. Rimanyi, arXiv:2411.19920 (2024).
        M. Aoyagi, Consideration on the learning efficiency of multiple-layered neural networks with linear units,
        Neural Networks 172 (2024).

        Examples
        --------
        >>> strata((2, 3, 3), 0).real_log_canonical_threshold
        Fraction(5, 2)
        """
        return Fraction(self.codimension, 2)

    def upper_covers(self, stratum: Bars) -> tuple[Bars, ...]:
        """The strata that cover a given one: next above it in the closure order.

        Raises
        ------
        InputError
            If the stratum belongs to other widths or another rank.
        """
        self._check(stratum)
        return tuple(move.result for move in upper_covers(stratum))

    def lower_covers(self, stratum: Bars) -> tuple[Bars, ...]:
        """The strata that a given one covers: next below it in the closure order.

        Raises
        ------
        InputError
            If the stratum belongs to other widths or another rank.
        """
        self._check(stratum)
        return tuple(move.result for move in lower_covers(stratum))

    def hasse_diagram(self, *, limit: int = _LISTED) -> networkx.DiGraph:
        """The Hasse diagram of the closure order as a graph.

        Parameters
        ----------
        limit : int
            The most strata to put into it.

        Returns
        -------
        networkx.DiGraph
            The nodes are the strata (`Bars`), in ascending order of dimension, with attributes ``dimension``,
            ``rank_list``, ``differential_rank``, ``is_smooth`` and ``is_maximal``. An edge leads from s to t where t
            covers s; its attribute ``move`` is the `Move` from s to t.

        Raises
        ------
        ResourceError
            If there are more strata than `limit`.
        InputError
            If networkx is not installed.

        Examples
        --------
        >>> graph = strata((2, 3, 2, 3), 1).hasse_diagram()
        >>> graph.number_of_nodes(), graph.number_of_edges()
        (9, 13)
        """
        self._refuse_beyond(limit, self.count, "strata", "their Hasse diagram")
        return hasse_graph(self)

    def table(self, *, limit: int = _READ) -> str:
        """All strata as text: bars, ranks, dimension, rank of the differential, smoothness, and what covers them.

        Parameters
        ----------
        limit : int
            The most rows to write.

        Returns
        -------
        str
            A row for each stratum, in ascending order of dimension. The ranks are r_10, r_20, ..., r_21, ...; "smooth"
            is said of strata where the fiber is smooth, and components are those that nothing covers.

        Raises
        ------
        ResourceError
            If there are more strata than `limit`.

        Examples
        --------
        >>> print(strata((1, 2, 1), 0).table())
        id  bars      r10 r20 r21  dim  rank dmu  smooth  covered by
         0  00 11x2 22  0 0 0      0    0         no      1, 2
         1  00 11 12    0 0 1      2    1         yes     3
         ...
        """
        self._refuse_beyond(limit, self.count, "strata", "a table of them")
        listed = sorted(self, key=lambda stratum: stratum.sort_key)
        number = {stratum: k for k, stratum in enumerate(listed)}
        pairs = [(j, i) for i, j in intervals(self.depth) if j > i]
        # A rank is written as narrow as its heading.
        names = [f"r{bar_text(pair, self.depth)}" for pair in pairs]
        rows = [["id", "bars", " ".join(names), "dim", "rank dmu", "smooth", "covered by"]]
        for k, stratum in enumerate(listed):
            ranks = stratum.rank_list
            above = sorted(number[bars] for bars in self.upper_covers(stratum))
            rows.append(
                [
                    str(k),
                    str(stratum),
                    " ".join(str(ranks[pair]).rjust(len(name)) for pair, name in zip(pairs, names, strict=True)),
                    str(stratum.dimension),
                    str(stratum.differential_rank),
                    "yes" if stratum.is_smooth else "no",
                    ", ".join(map(str, above)) or "-",
                ]
            )
        columns = [max(map(len, column)) for column in zip(*rows, strict=True)]
        flush_right = (True, False, False, True, True, False, False)
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(row, columns, flush_right, strict=True)
            ).rstrip()
            for row in rows
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the Hasse diagram by dimension (`algeom.plot.hasse_diagram`); returns matplotlib Axes."""
        from algeom import plot

        return plot.hasse_diagram(self, ax=ax)

    def _check(self, stratum: Bars) -> None:
        if stratum not in self:
            raise InputError(f"{stratum!r} is no stratum of widths {self.widths} and rank {self.rank}")

    @staticmethod
    def _refuse_beyond(limit: int, count: int, what: str, purpose: str) -> None:
        if count > check_integer("limit", limit, 1):
            raise ResourceError(
                f"there are {count} {what}, and the limit for {purpose} is {limit}: raise limit, or take narrower or "
                "fewer layers or a larger rank"
            )

    def __repr__(self) -> str:
        try:
            counted = _counted(self.count, "stratum", "strata")
        except ResourceError:
            counted = "too many strata to count"
        try:
            components = _counted(self.n_components, "component", "components")
        except ResourceError:
            components = "too many components to count"
        return (
            f"Strata(widths {self.widths}, rank {self.rank}: {counted}, fiber of "
            f"dimension {self.dimension}, {components}, "
            f"{self.n_top_components} of them of that dimension)"
        )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"

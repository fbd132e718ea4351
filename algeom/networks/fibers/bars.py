"""Interval multiplicities of linear networks: rank lists, dimensions of strata, and the moves between strata.

The weights ``W_1, ..., W_L`` of a linear network are a representation of the quiver of type A with L + 1 nodes, and
split into intervals: in suitable bases of the layers, each basis vector is sent to one of the next layer or to 0. A
*bar* [a, b] is a line that is born at layer a and dies after layer b. How many bars there are of each kind decides, and
is decided by, the ranks of all partial products.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError, ResourceError
from algeom.maps.relabelling import check_integer
from algeom.networks.fibers.moves import Interval, Move, bar_text, lowering_exchanges, raising_exchanges
from algeom.runtime.memory import require

__all__ = ["Bars", "Interval", "Move", "bar_text", "check_widths", "intervals", "require_memory"]

#: The widest layer: wider ones have weights that no memory holds, and the limit keeps counts within machine integers.
_WIDEST = 10**9
#: The deepest network: every stratum holds a number for each of half a million bars.
_DEEPEST = 1000
#: Bytes that are asked for without a look at how many there are, which takes longer than small matrices do.
_ALWAYS_FITS = 2.0**26


@dataclass(frozen=True)
class Bars:
    """The interval multiplicities of a linear network: one stratum of the fibers of matrix multiplication.

    Parameters
    ----------
    widths : tuple of int
        The widths d_0, ..., d_L of the layers, from the input to the output, each at least 1 and L at least 1.
    multiplicities : tuple of int
        The number omega_[a,b] of bars [a, b] for all 0 <= a <= b <= L in lexicographic order. The bars through
        layer j have to be d_j in number. `from_multiplicities` takes the positive ones only.

    Raises
    ------
    InputError
        If widths and multiplicities do not match.

    Notes
    -----
    With ``W_(j~i) = W_j ... W_(i+1)`` the rank list ``r_ji = rank W_(j~i)`` counts the bars that contain i and j, and
    ``omega_[a,b] = r_ba - r_(b,a-1) - r_(b+1,a) + r_(b+1,a-1)``, where terms out of range are 0. A rank list belongs to
    weights if and only if no multiplicity is negative. The full bars [0, L] carry the product ``W_L ... W_1``, and the
    weights with product W and multiplicities omega form a smooth connected variety over C, the *stratum* of omega in
    the fiber over W.

    ``s <= t`` compares rank lists, all at once. Within one fiber it says that the stratum of s lies in the closure of
    that of t, for different ranks that the weights of s lie in the closure of those of t (Abeasis and Del Fra). It is
    a partial order; for sorting there is `sort_key`.

    References
    ----------
    P. Gabriel, Unzerlegbare Darstellungen I, Manuscripta Math. 6 (1972).
    S. Abeasis, A. Del Fra, Degenerations for the representations of a quiver of type A_m, J. Algebra 93 (1985).

    Examples
    --------
    >>> bars = Bars.from_text("03 01 13 33")
    >>> bars.widths, bars.rank, bars[1, 3], bars.rank_between(3, 1)
    ((2, 3, 2, 3), 1, 1, 2)
    >>> bars.dimension, bars.differential_rank, bars.is_maximal
    (13, 5, True)
    >>> Bars.from_rank_list(bars.rank_list) == bars
    True
    """

    widths: tuple[int, ...]
    multiplicities: tuple[int, ...]

    def __post_init__(self) -> None:
        widths = check_widths(self.widths)
        places = intervals(len(widths) - 1)
        if len(self.multiplicities) != len(places):
            raise InputError(
                f"{len(self.multiplicities)} multiplicities were given; {len(widths)} layers have {len(places)} "
                "intervals (from_multiplicities takes the positive ones only)"
            )
        found = tuple(
            check_integer(f"the multiplicity of bar {_label(interval)}", m, 0)
            for interval, m in zip(places, self.multiplicities, strict=True)
        )
        object.__setattr__(self, "widths", widths)
        object.__setattr__(self, "multiplicities", found)
        for j, width in enumerate(widths):
            if self.rank_between(j, j) != width:
                raise InputError(
                    f"{self.rank_between(j, j)} bars go through layer {j}, whose width is {width}: the multiplicities "
                    "of the bars through a layer have to add up to its width"
                )

    @classmethod
    def _trusted(cls, widths: tuple[int, ...], multiplicities: tuple[int, ...]) -> Bars:
        """Without the checks, for what is valid by construction."""
        bars = object.__new__(cls)
        object.__setattr__(bars, "widths", widths)
        object.__setattr__(bars, "multiplicities", multiplicities)
        return bars

    @classmethod
    def from_multiplicities(cls, multiplicities: Mapping[Interval, int], widths: Sequence[int] | None = None) -> Bars:
        """From the positive multiplicities.

        Parameters
        ----------
        multiplicities : mapping of (a, b) to int
            How many bars [a, b] there are; those not named are none.
        widths : sequence of int, optional
            The widths that are expected; by default those that the bars add up to.

        Raises
        ------
        InputError
            If a key is no interval, a multiplicity is negative, or they do not add up to the widths.

        Examples
        --------
        >>> Bars.from_multiplicities({(0, 1): 1, (1, 1): 2}).widths
        (1, 3)
        """
        named = {_check_interval(key): m for key, m in multiplicities.items()}
        if widths is None:
            depth = max((b for _, b in named), default=0)
        else:
            widths = check_widths(widths)
            depth = len(widths) - 1
            beyond = [interval for interval in named if interval[1] > depth]
            if beyond:
                raise InputError(f"bar {_label(beyond[0])} was given; the layers are 0 to {depth}")
        counts = tuple(named.get(interval, 0) for interval in intervals(depth))
        if widths is None:
            widths = tuple(sum(int(m) for (a, b), m in named.items() if a <= j <= b) for j in range(depth + 1))
        return cls(tuple(widths), counts)

    @classmethod
    def from_text(cls, text: str) -> Bars:
        """From the text form: "03 00 11x2" for one bar [0, 3], one [0, 0] and two [1, 1]; "0-10" from layer 10 on.

        Raises
        ------
        InputError
            If the text has another form.

        Examples
        --------
        >>> str(Bars.from_text("03 00 11x2 22 33x2"))
        '03 00 11x2 22 33x2'
        """
        found: dict[Interval, int] = {}
        for word in text.split():
            match = re.fullmatch(r"(?:(\d)(\d)|(\d+)-(\d+))(?:x(\d+))?", word)
            if match is None:
                raise InputError(f"{word!r} is no bar; write 03 for a bar [0, 3], 03x2 for two, 0-10 for [0, 10]")
            short_a, short_b, a, b, count = match.groups()
            interval = _check_interval((int(short_a or a), int(short_b or b)))
            found[interval] = found.get(interval, 0) + int(count or 1)
        return cls.from_multiplicities(found)

    @classmethod
    def from_rank_list(cls, ranks: Mapping[Interval, int] | NDArray[Any] | Sequence[Sequence[int]]) -> Bars:
        """From the ranks of all partial products.

        Parameters
        ----------
        ranks : mapping of (j, i) to int, or array of shape (L+1, L+1)
            At (j, i) with j >= i the rank of ``W_j ... W_(i+1)``; at (i, i) the width d_i. Entries of the array above
            the diagonal have to be 0.

        Raises
        ------
        InputError
            If a rank is missing, or no weights have these ranks.

        Examples
        --------
        >>> print(Bars.from_rank_list([[2, 0, 0], [1, 1, 0], [1, 1, 2]]))
        02 00 22
        """
        table = _rank_table(ranks)
        depth = len(table) - 1

        def rank(j: int, i: int) -> int:
            return table[j][i] if i >= 0 and j <= depth else 0

        counts = []
        for a, b in intervals(depth):
            count = rank(b, a) - rank(b, a - 1) - rank(b + 1, a) + rank(b + 1, a - 1)
            if count < 0:
                raise InputError(
                    f"no weights have these ranks: the multiplicity r_{b},{a} - r_{b},{a - 1} - r_{b + 1},{a} + "
                    f"r_{b + 1},{a - 1} of bar {_label((a, b))} would be {count} (terms out of range are 0)"
                )
            counts.append(count)
        return cls(tuple(table[j][j] for j in range(depth + 1)), tuple(counts))

    @property
    def depth(self) -> int:
        """The number L of weight matrices."""
        return len(self.widths) - 1

    @property
    def rank(self) -> int:
        """The number of full bars [0, L]: the rank of the product of all matrices."""
        return self.multiplicities[self.depth]

    def __getitem__(self, interval: Interval) -> int:
        """The multiplicity of bar [a, b]."""
        a, b = _check_interval(interval)
        if b > self.depth:
            raise InputError(f"bar {_label((a, b))} was asked for; the layers are 0 to {self.depth}")
        return self.multiplicities[_position(self.depth, a, b)]

    def items(self) -> Iterator[tuple[Interval, int]]:
        """The bars that occur, each with its multiplicity, in lexicographic order."""
        pairs = zip(intervals(self.depth), self.multiplicities, strict=True)
        return ((interval, m) for interval, m in pairs if m)

    def through(self, layer: int) -> tuple[Interval, ...]:
        """The bars through a layer in lexicographic order, each as often as it occurs: as many as the layer is wide.

        They label the basis vectors of `normal_form`.

        Examples
        --------
        >>> Bars.from_text("03 01 13 33").through(1)
        ((0, 1), (0, 3), (1, 3))
        """
        layer = check_integer("layer", layer, 0, self.depth, "the last layer")
        return tuple(interval for interval, m in self.items() if interval[0] <= layer <= interval[1] for _ in range(m))

    @cached_property
    def _ranks(self) -> tuple[int, ...]:
        """The rank r_ba at the place of bar [a, b]: the bars [a', b'] with a' <= a and b' >= b."""
        depth = self.depth
        totals = [0] * len(self.multiplicities)
        for a in range(depth + 1):
            longer = 0
            for b in range(depth, a - 1, -1):
                longer += self.multiplicities[_position(depth, a, b)]
                totals[_position(depth, a, b)] = longer + (totals[_position(depth, a - 1, b)] if a else 0)
        return tuple(totals)

    def rank_between(self, j: int, i: int) -> int:
        """The rank r_ji of ``W_j ... W_(i+1)``, the map from layer i to layer j >= i."""
        j = check_integer("j", j, 0, self.depth, "the last layer")
        i = check_integer("i", i, 0, j, "the first layer comes second")
        return self._ranks[_position(self.depth, i, j)]

    @property
    def rank_list(self) -> dict[Interval, int]:
        """All ranks r_ji, by (j, i) with j >= i; those at (i, i) are the widths."""
        return {(b, a): rank for (a, b), rank in zip(intervals(self.depth), self._ranks, strict=True)}

    @property
    def rank_matrix(self) -> NDArray[np.int64]:
        """All ranks as a lower triangular array: r_ji in row j and column i."""
        matrix = np.zeros((self.depth + 1, self.depth + 1), dtype=np.int64)
        for (j, i), rank in self.rank_list.items():
            matrix[j, i] = rank
        return matrix

    @property
    def sort_key(self) -> tuple[int, ...]:
        """What to sort by: dimension, then ranks. Strata come before those whose closures contain them."""
        return (self.dimension, *self._ranks)

    @cached_property
    def dimension(self) -> int:
        """Dimension of the stratum in the fiber over a matrix of this rank.

        Notes
        -----
        ``sum_i d_i d_(i-1) - r (d_0 + d_L - r)`` less ``omega_[a,b] omega_[c,e]`` for all pairs of bars with
        a < c <= b+1 <= e. These are the pairs with an extension (Ext^1) of one by the other, so that the products add
        up to the codimension of an orbit under changes of bases; the group acts transitively on the matrices of rank
        r, of dimension ``r (d_0 + d_L - r)``.
        """
        present = list(self.items())
        extensions = sum(m * n for (a, b), m in present for (c, e), n in present if a < c <= b + 1 <= e)
        return self.n_weights - self.rank * (self.widths[0] + self.widths[-1] - self.rank) - extensions

    @property
    def n_weights(self) -> int:
        """The number of entries of all weight matrices: the dimension of the space that the fiber lies in."""
        return sum(m * n for m, n in zip(self.widths[1:], self.widths, strict=False))

    @property
    def differential_rank(self) -> int:
        """Rank of the differential of matrix multiplication ``(W_1, ..., W_L) -> W_L ... W_1`` on the stratum.

        Notes
        -----
        The image is the sum over l of the matrices ``W_(L~l) X W_(l-1~0)``: those with columns in the column space of
        ``W_(L~l)`` and rows in the row space of ``W_(l-1~0)``. The first spaces grow with l and the second shrink, so
        that the dimension is ``sum_(l=1..L) r_Ll r_(l-1,0) - sum_(l=1..L-1) r_Ll r_l0``.

        In terms of bars it is ``r (d_0 + d_L - r)`` plus ``omega_[0,b] omega_[c,L]`` for all 0 < c <= b+1 <= L. By the
        formula for `dimension`, the tangent space of the fiber exceeds that of the stratum by the products
        ``omega_[a,b] omega_[c,e]`` for all raising moves. So the maximal strata are those where the two agree, and the
        fiber is reduced at general points of each component. (Our derivation.)
        """
        last = self.depth
        left = [self.rank_between(last, layer) for layer in range(last + 1)]
        right = [self.rank_between(layer, 0) for layer in range(last + 1)]
        return sum(left[k] * right[k - 1] for k in range(1, last + 1)) - sum(left[k] * right[k] for k in range(1, last))

    @property
    def is_minimal(self) -> bool:
        """Whether it is the one closed stratum of its fiber: all bars other than [0, L] are single points."""
        return all(a == b or (a, b) == (0, self.depth) for (a, b), _ in self.items())

    @property
    def is_maximal(self) -> bool:
        """Whether the closure of the stratum is an irreducible component of its fiber: no move raises it."""
        return next(raising_exchanges(self._present, self.depth), None) is None

    @property
    def is_smooth(self) -> bool:
        """Whether the fiber, as a scheme, is smooth at the points of the stratum.

        Notes
        -----
        It is where the fiber has the dimension of its tangent space, which is `n_weights` less `differential_rank`. A
        smooth point lies on one component only, so that any chain of raising moves ends at that component, and
        comparing its dimension decides.
        """
        above = self
        while (exchange := next(raising_exchanges(above._present, above.depth), None)) is not None:
            above = above._exchanged(*exchange[1:])
        return above.dimension == self.n_weights - self.differential_rank

    @property
    def _present(self) -> list[Interval]:
        return [interval for interval, _ in self.items()]

    def _exchanged(self, before: tuple[Interval, ...], after: tuple[Interval, ...]) -> Bars:
        counts = list(self.multiplicities)
        for a, b in before:
            counts[_position(self.depth, a, b)] -= 1
        for a, b in after:
            counts[_position(self.depth, a, b)] += 1
        return Bars._trusted(self.widths, tuple(counts))

    def raising_moves(self) -> list[Move]:
        """The moves to larger strata of the same fiber, whose closures contain this one.

        Returns
        -------
        list of Move
            For all bars [a, b] and [c, e] that occur with a < c <= b+1 <= e, except where a = 0 and e = L, which would
            change the product. In lexicographic order.

        Notes
        -----
        Each cover relation of the closure order is one of these moves (`upper_covers`); not all of them are.

        Examples
        --------
        >>> for move in Bars.from_text("03 00 11x2 23 33").raising_moves():
        ...     print(move)
        connecting 00 and 11 to 01: 03 01 11 23 33
        connecting 11 and 23 to 13: 03 00 11 13 33
        """
        return [
            Move(kind, before, after, self._exchanged(before, after), True)
            for kind, before, after in raising_exchanges(self._present, self.depth)
        ]

    def lowering_moves(self) -> list[Move]:
        """The moves to smaller strata of the same fiber, which lie in the closure of this one: raising ones reversed.

        Examples
        --------
        >>> for move in Bars.from_text("03 02 11 33x2").lowering_moves():
        ...     print(move)
        cutting 02 to 00 and 12: 03 00 11 12 33x2
        cutting 02 to 01 and 22: 03 01 11 22 33x2
        swapping 02 and 11 to 01 and 12: 03 01 12 33x2
        """
        return [
            Move(kind, before, after, self._exchanged(before, after), False)
            for kind, before, after in lowering_exchanges(self._present, self.depth)
        ]

    def __le__(self, other: Bars) -> bool:
        """Whether no rank is larger than that of the other: its closure contains this stratum."""
        if not isinstance(other, Bars):
            return NotImplemented
        if self.widths != other.widths:
            raise InputError(f"strata of widths {self.widths} and {other.widths} lie in different spaces")
        return all(r <= s for r, s in zip(self._ranks, other._ranks, strict=True))

    def __lt__(self, other: Bars) -> bool:
        return self <= other and self != other

    def __ge__(self, other: Bars) -> bool:
        return other <= self

    def __gt__(self, other: Bars) -> bool:
        return other < self

    @property
    def transposed(self) -> Bars:
        """The bars of the transposed network ``W_L^T, ..., W_1^T``: [a, b] becomes [L-b, L-a]."""
        last = self.depth
        counts = tuple(self.multiplicities[_position(last, last - b, last - a)] for a, b in intervals(last))
        return Bars._trusted(self.widths[::-1], counts)

    def normal_form(self) -> list[NDArray[np.int64]]:
        """Weights of this stratum with entries 0 and 1, that permute basis vectors or send them to 0.

        Returns
        -------
        list of int arrays
            ``W_1, ..., W_L``, the matrix ``W_j`` of shape (d_j, d_(j-1)). The basis vectors of layer j belong to the
            bars `through` it, in that order, and are sent to the next of the same bar or to 0.

        Raises
        ------
        ResourceError
            If the matrices would not fit into memory.

        Examples
        --------
        >>> for matrix in Bars.from_text("02 00 11").normal_form():
        ...     print(matrix.tolist())
        [[0, 1], [0, 0]]
        [[1, 0]]
        """
        # Eight bytes an entry; for each basis vector a tuple, and its place in a dictionary.
        require_memory(8.0 * self.n_weights + 250.0 * sum(self.widths), "matrices", self.widths)
        lines = [
            [(interval, copy) for interval, m in self.items() if interval[0] <= j <= interval[1] for copy in range(m)]
            for j in range(self.depth + 1)
        ]
        weights = []
        for before, after in pairwise(lines):
            column = {line: k for k, line in enumerate(before)}
            matrix = np.zeros((len(after), len(before)), dtype=np.int64)
            for row, line in enumerate(after):
                if line in column:
                    matrix[row, column[line]] = 1
            weights.append(matrix)
        return weights

    def __str__(self) -> str:
        full = (0, self.depth)
        bars = sorted(self.items(), key=lambda item: (item[0] != full, item[0]))
        return " ".join(bar_text(interval, self.depth) + (f"x{m}" if m > 1 else "") for interval, m in bars)

    def __repr__(self) -> str:
        return f"Bars({self}; widths {self.widths}, rank {self.rank}, dimension {self.dimension})"


def check_widths(widths: Sequence[int]) -> tuple[int, ...]:
    """The widths d_0, ..., d_L as a tuple of ints.

    Raises
    ------
    InputError
        If they are fewer than two, or not positive integers.
    """
    if isinstance(widths, (str, bytes)) or not isinstance(widths, (Sequence, np.ndarray)) or len(widths) < 2:
        raise InputError(f"widths={widths!r}; give at least two: of the input, hidden layers, and the output")
    return tuple(check_integer(f"the width of layer {j}", width, 1, _WIDEST) for j, width in enumerate(widths))


def require_memory(needed_bytes: float, what: str, widths: Sequence[int]) -> None:
    """Refuse matrices between layers of some widths that would not fit into memory.

    Raises
    ------
    ResourceError
        If they would not.
    """
    if needed_bytes > _ALWAYS_FITS:
        require(needed_bytes, None, f"{what} between layers of widths {widths}", "take narrower layers")


@cache
def intervals(depth: int) -> tuple[Interval, ...]:
    """All [a, b] with 0 <= a <= b <= depth, in lexicographic order.

    Raises
    ------
    ResourceError
        If they are too many to list for every stratum.
    """
    if depth > _DEEPEST:
        raise ResourceError(
            f"a network of {depth} matrices has {(depth + 1) * (depth + 2) // 2} kinds of bars, and the limit is "
            f"{_DEEPEST} matrices: multiply some of them, or take a part of the network"
        )
    return tuple((a, b) for a in range(depth + 1) for b in range(a, depth + 1))


def _position(depth: int, a: int, b: int) -> int:
    """Where [a, b] stands among `intervals`."""
    return a * (2 * depth + 1 - a) // 2 + b


def _check_interval(interval: object) -> Interval:
    if not isinstance(interval, tuple) or len(interval) != 2:
        raise InputError(f"{interval!r} is no bar; give a pair (a, b) of layers with a <= b")
    a = check_integer("the first layer of a bar", interval[0], 0)
    return a, check_integer("the last layer of a bar", interval[1], a)


def _rank_table(ranks: Mapping[Interval, int] | NDArray[Any] | Sequence[Sequence[int]]) -> list[list[int]]:
    """The ranks as rows of a square table with zeros above the diagonal."""
    if isinstance(ranks, Mapping):
        depth = max((j for j, _ in ranks), default=0)
        wanted = [(j, i) for i, j in intervals(depth)]
        if depth < 1 or set(wanted) != set(ranks):
            missing = [place for place in wanted if place not in ranks]
            raise InputError(
                "a rank list has a rank for each (j, i) with L >= j >= i >= 0 and no others, and L is at least 1; "
                + (f"there is none for {missing[0]}" if missing else f"it was given for {sorted(ranks)}")
            )
        table = [[ranks[j, i] if j >= i else 0 for i in range(depth + 1)] for j in range(depth + 1)]
    else:
        try:
            array = np.asarray(ranks)
        except ValueError as error:
            raise InputError(f"the ranks are no array ({error}); give a square one with a row for each layer") from None
        if array.ndim != 2 or array.shape[0] != array.shape[1] or len(array) < 2:
            raise InputError(f"the ranks have shape {array.shape}; give a square array with a row for each layer")
        if np.triu(array, 1).any():
            raise InputError("ranks above the diagonal: the rank of the map from layer i to layer j >= i is at (j, i)")
        table = [list(row) for row in array]
    return [[check_integer(f"the rank at ({j}, {i})", r, 0) for i, r in enumerate(row)] for j, row in enumerate(table)]


def _label(interval: Interval) -> str:
    return f"[{interval[0]}, {interval[1]}]"

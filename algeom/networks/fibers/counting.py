"""Counts of strata and of irreducible components of fibers, without a list of them.

All functions take the *reduced widths* ``e_j = d_j - r``. Strata of the fibers over matrices of rank r are the ways to
cover each layer j exactly e_j times by bars other than [0, L]: they depend on nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from algeom.errors import ResourceError

__all__ = [
    "codimension_and_top_components",
    "component_bars",
    "count_components",
    "count_strata",
    "count_strata_by_codimension",
]

#: Pairs of partitions that `count_strata` compares at most: about five seconds of Python integers.
_MOST_PAIRS = 30_000_000
#: Pairs in memory at once.
_CHUNK = 1_000_000
#: Choices of bars to end that `count_strata_by_codimension` looks at, at most: about ten seconds.
_MOST_CHOICES = 3_000_000
#: Steps from a layer to the next that counts and lists of components go through, at most: about five seconds.
_MOST_STEPS = 10_000_000

#: Bars with their multiplicities.
_Counts = dict[tuple[int, int], int]


def count_strata(reduced: Sequence[int]) -> int:
    """The number of strata: Kostant partitions of the reduced widths without the full bar.

    Parameters
    ----------
    reduced : sequence of int
        The reduced widths e_0, ..., e_L, none negative.

    Returns
    -------
    int
        Exact, of any size.

    Raises
    ------
    ResourceError
        If there are too many partitions to compare, which takes hundreds of neurons in five layers or more.

    Notes
    -----
    Kostant partitions with at least one full bar are those of e - (1, ..., 1), so the count is a difference of two
    values of Kostant's partition function.

    Let the bars through layer j that end after layer t-1 be a monomial in variables x_t, t > j. The numbers of ways to
    reach each monomial are the coefficients of a symmetric polynomial G_j in the L+1-j variables left. From layer to
    layer, bars end (take the coefficient of a power of the first variable) and others begin (multiply by a complete
    symmetric polynomial). By the branching rule and Pieri's rule both act on Schur polynomials by horizontal strips, so
    the count is that of sequences of partitions lambda^0, ..., lambda^L of e_0, ..., e_L, with a partition between any
    two neighbours that arises from both by removing a horizontal strip: for neighbours lambda and nu there are
    ``prod_i max(0, 1 + min(lambda_i, nu_i) - max(lambda_(i+1), nu_(i+1)))`` of these. The partition of layer j has at
    most ``min(j+1, L+1-j)`` rows, so few states suffice for numbers of many digits. (Our derivation; the sequences are
    those of growth diagrams.)

    References
    ----------
    C. Krattenthaler, Growth diagrams, and increasing and decreasing chains in fillings of Ferrers shapes, Adv. Appl.
    Math. 37 (2006).

    Examples
    --------
    >>> [count_strata([w] * 4) for w in range(1, 6)]
    [7, 27, 77, 182, 378]
    """
    total = _kostant(tuple(reduced))
    return total - _kostant(tuple(e - 1 for e in reduced)) if min(reduced) else total


def _kostant(weights: tuple[int, ...]) -> int:
    """Kostant's partition function of type A at ``sum_j weights[j] alpha_j``."""
    last = len(weights) - 1
    rows = [min(j + 1, last + 1 - j, max(1, e)) for j, e in enumerate(weights)]
    sizes = [_n_partitions(e, k) for e, k in zip(weights, rows, strict=True)]
    pairs = sum(m * n for m, n in pairwise(sizes))
    if pairs > _MOST_PAIRS:
        raise ResourceError(
            f"counting the strata of reduced widths {weights} compares {float(pairs):.1e} pairs of partitions, and the "
            f"limit is {_MOST_PAIRS:.1e}: take narrower or fewer layers"
        )
    before = _partitions(weights[0], rows[0])
    ways = np.array([1], dtype=object)
    for j in range(1, last + 1):
        after = _partitions(weights[j], rows[j])
        ways = _step(before, ways, after)
        before = after
    return int(ways[0])


def _step(before: NDArray[np.int64], ways: NDArray[np.object_], after: NDArray[np.int64]) -> NDArray[np.object_]:
    """Ways to arrive at each partition of the next layer."""
    columns = max(before.shape[1], after.shape[1]) + 1
    lam = np.pad(before, ((0, 0), (0, columns - before.shape[1])))
    nu = np.pad(after, ((0, 0), (0, columns - after.shape[1])))
    result = np.zeros(len(nu), dtype=object)
    rows = max(1, _CHUNK // len(nu))
    for start in range(0, len(lam), rows):
        chunk = lam[start : start + rows, None, :]
        between = 1 + np.minimum(chunk, nu)[..., :-1] - np.maximum(chunk, nu)[..., 1:]
        result += ways[start : start + rows] @ np.prod(np.maximum(between, 0), axis=2).astype(object)
    return result


def _n_partitions(n: int, rows: int) -> int:
    """The number of partitions of n into at most so many parts; a lower bound where it is beyond any use."""
    few = (1, n // 2 + 1, (n * n + 6 * n + 12) // 12)
    if rows <= 3 or few[2] > _MOST_PAIRS:
        return few[min(rows, 3) - 1]
    table = [1] + [0] * n
    for part in range(1, rows + 1):
        for k in range(part, n + 1):
            table[k] += table[k - part]
    return table[n]


def _partitions(n: int, rows: int) -> NDArray[np.int64]:
    """The partitions of n into at most so many parts, as rows filled up with zeros."""

    def parts(total: int, left: int, largest: int) -> Iterator[tuple[int, ...]]:
        if left == 1:
            yield (total,)
            return
        for first in range(min(total, largest), -(-total // left) - 1, -1):
            for rest in parts(total - first, left - 1, min(first, total - first)):
                yield (first, *rest)

    return np.array(list(parts(n, rows, n)), dtype=np.int64)


def count_strata_by_codimension(reduced: Sequence[int]) -> dict[int, int]:
    """The number of strata of each codimension of orbits under changes of bases of all layers.

    Parameters
    ----------
    reduced : sequence of int
        The reduced widths e_0, ..., e_L, none negative.

    Returns
    -------
    dict of int to int
        By ``sum omega_[a,b] omega_[c,e]`` over pairs with a < c <= b+1 <= e, in ascending order.

    Raises
    ------
    ResourceError
        If there are too many states, which depend on widths and depth together.

    Notes
    -----
    Layer by layer over the numbers of bars alive by layer of birth. Where m bars of birth a end after layer j, they add
    m times the number of bars of later birth that are alive in layer j + 1.

    Examples
    --------
    >>> count_strata_by_codimension([2, 2, 2])
    {3: 1, 4: 2, 5: 2, 8: 1}
    """
    forward, backward = (tuple(reduced)[::step] for step in (1, -1))
    # Transposing the network keeps codimensions; one of the two orders may have far fewer states.
    widths = min(forward, backward, key=_n_choices)
    choices = _n_choices(widths)
    if choices > _MOST_CHOICES:
        raise ResourceError(
            f"counting the strata of reduced widths {forward} by dimension takes {float(choices):.1e} choices, and the "
            f"limit is {_MOST_CHOICES:.1e}: take narrower or fewer layers, or count them all together"
        )
    # Polynomials in q, with a term q^codimension for each stratum, as integers at q = 2^bits > all coefficients.
    bits = count_strata(widths).bit_length()
    states: dict[tuple[int, ...], int] = {(widths[0],): 1}
    for j in range(1, len(widths)):
        following: defaultdict[tuple[int, ...], int] = defaultdict(int)
        for alive, polynomial in states.items():
            for survivors, cost in _survivors(alive, widths[j], full=j < len(widths) - 1):
                following[survivors] += polynomial << (bits * cost)
        states = following
    total = sum(states.values())
    coefficients = {}
    for codimension in range(total.bit_length() // bits + 1):
        if ways := (total >> (bits * codimension)) & ((1 << bits) - 1):
            coefficients[codimension] = ways
    return coefficients


def _n_choices(widths: tuple[int, ...]) -> int:
    """A bound for the choices of survivors: compositions of e_j into those that end and those that go on, by birth."""
    return sum(comb(e + 2 * j + 1, 2 * j + 1) for j, e in enumerate(widths[:-1]))


def _survivors(alive: tuple[int, ...], width: int, full: bool) -> Iterator[tuple[tuple[int, ...], int]]:
    """The numbers alive by birth in the next layer, newborn bars last, each with what it adds to the codimension.

    Without `full`, no bar of birth 0 goes on.
    """

    def older(birth: int, younger: int, cost: int) -> Iterator[tuple[tuple[int, ...], int]]:
        if birth < 0:
            if younger == width:
                yield (), cost
            return
        most = min(alive[birth], width - younger) if birth or full else 0
        for going_on in range(most + 1):
            ending = alive[birth] - going_on
            for others, total in older(birth - 1, younger + going_on, cost + ending * younger):
                yield (*others, going_on), total

    for newborn in range(width + 1):
        for others, cost in older(len(alive) - 1, newborn, 0):
            yield (*others, newborn), cost


def codimension_and_top_components(reduced: Sequence[int]) -> tuple[int, int]:
    """Codimension of the fiber over 0 for the reduced widths, and its number of components of largest dimension.

    Parameters
    ----------
    reduced : sequence of int
        The reduced widths e_0, ..., e_L, none negative.

    Returns
    -------
    codimension, components : int

    Notes
    -----
    With m the least width and f_1, ..., f_L the others less m, the codimension is the minimum of
    ``(m^2 + sum s_i^2) / 2 + sum s_i f_i`` over nonnegative integers s_i with sum m, and the components are the
    minimizers (a quadratic integer program; so neither depends on the order of the widths). The objective is separable
    and convex: units go where ``s_i + f_i`` is least, up to a common level, and the last ones to any of those at the
    level.

    References
    ----------
    S. Pepin Lehalleur, R. Rimanyi, Geometry of fibers of the multiplication map of deep linear neural networks,
    arXiv:2411.19920 (2024).

    Examples
    --------
    >>> codimension_and_top_components([2, 3, 3]), codimension_and_top_components([1, 2, 2, 3])
    ((5, 1), (2, 2))
    """
    least, *others = sorted(reduced)
    above = [e - least for e in others]
    lowest = 0
    highest = least + max(above)
    while lowest < highest:
        level = (lowest + highest + 1) // 2
        if sum(max(0, level - f) for f in above) <= least:
            lowest = level
        else:
            highest = level - 1
    units = [max(0, lowest - f) for f in above]
    left = least - sum(units)
    at_level = [i for i, f in enumerate(above) if f <= lowest]
    for i in at_level[:left]:
        units[i] += 1
    twice = least**2 + sum(s * s for s in units)
    return twice // 2 + sum(s * f for s, f in zip(units, above, strict=True)), comb(len(at_level), left)


def count_components(reduced: Sequence[int]) -> int:
    """The number of irreducible components of the fiber.

    Parameters
    ----------
    reduced : sequence of int
        The reduced widths e_0, ..., e_L, none negative.

    Raises
    ------
    ResourceError
        If it takes too many steps: for layers of millions of neurons, or many of thousands.

    Notes
    -----
    Components are the sequences of `component_bars`; those after layer j depend only on the number of bars of
    birth 0 left and on the largest number of others that is not to be undercut.

    Examples
    --------
    >>> count_components([3, 3, 3, 3]), count_components([100] * 10)
    (10, 352025629371)
    """
    e = tuple(reduced)
    states = {(e[0], 0): 1}
    for j in range(1, len(e)):
        _require_few_steps(e, j, states)
        following: Counter[tuple[int, int]] = Counter()
        for state, ways in states.items():
            for after in _next_states(e, j, *state):
                following[after] += ways
        states = following
    return sum(states.values())


def _require_few_steps(e: tuple[int, ...], j: int, states: Collection[tuple[int, int]]) -> None:
    """Refuse to go on to layer j from more states than a few seconds allow."""
    last = j == len(e) - 1
    steps = len(states) if last else sum(max(0, min(left, e[j] - floor) + 1) for left, floor in states)
    if steps > _MOST_STEPS:
        raise ResourceError(
            f"the components for reduced widths {e} take {float(steps):.1e} steps at layer {j}, and the limit is "
            f"{_MOST_STEPS:.1e}: take narrower or fewer layers; codimension and n_top_components have formulas"
        )


def _next_states(e: tuple[int, ...], j: int, left: int, floor: int) -> Iterator[tuple[int, int]]:
    """How many bars of birth 0 may be alive in layer j, and below what the number of others may not fall from there."""
    last = j == len(e) - 1
    for staying in range(0 if last else min(left, e[j] - floor), -1, -1):
        others = e[j] - staying
        if others >= floor:
            yield staying, (others if staying < left else floor)


def component_bars(reduced: Sequence[int]) -> Iterator[_Counts]:
    """The maximal strata, one after the other, by their multiplicities.

    Parameters
    ----------
    reduced : sequence of int
        The reduced widths e_0, ..., e_L, none negative.

    Yields
    ------
    dict of (a, b) to int
        The positive multiplicities of the bars other than [0, L].

    Notes
    -----
    A stratum is maximal if no move raises it: where a bar of birth a ends after layer b and one of later birth is alive
    in layer b + 1, then a = 0 and the other ends in layer L. So bars of positive birth end youngest first, and none is
    born where one ends; and where a bar of birth 0 ends, all others that are alive in the next layer live up to layer
    L. The numbers n_0 = e_0 >= n_1 >= ... >= n_L = 0 of bars of birth 0 that are alive then determine the stratum, and
    they occur if and only if n_j <= e_j, and ``e_j - n_j >= e_i - n_i`` for all j > i with n_i < n_(i-1). (Our
    derivation.)

    Examples
    --------
    >>> for bars in component_bars([1, 2, 1, 2]):
    ...     print(bars)
    {(0, 2): 1, (1, 1): 1, (3, 3): 2}
    {(0, 1): 1, (1, 3): 1, (3, 3): 1}
    """
    e = tuple(reduced)

    reached = [{(e[0], 0)}]
    for j in range(1, len(e)):
        _require_few_steps(e, j, reached[-1])
        reached.append({after for state in reached[-1] for after in _next_states(e, j, *state)})
    # From the last layer back, the states from which it can be reached.
    for j in range(len(e) - 1, 0, -1):
        reached[j - 1] = {s for s in reached[j - 1] if any(t in reached[j] for t in _next_states(e, j, *s))}
    pending: list[tuple[tuple[int, ...], int]] = [((e[0],), 0)]
    while pending:
        survivors, floor = pending.pop()
        if len(survivors) == len(e):
            yield _bars_of_survivors(e, survivors)
            continue
        j = len(survivors)
        branches = [after for after in _next_states(e, j, survivors[-1], floor) if after in reached[j]]
        pending += [((*survivors, staying), further) for staying, further in reversed(branches)]


def _bars_of_survivors(e: tuple[int, ...], survivors: tuple[int, ...]) -> _Counts:
    """The maximal stratum with so many bars of birth 0 alive in each layer."""
    bars: Counter[tuple[int, int]] = Counter()
    others: list[tuple[int, int]] = []  # births of the others that are alive, in ascending order, and how many
    for j in range(1, len(e)):
        bars[0, j - 1] += survivors[j - 1] - survivors[j]
        surplus = sum(count for _, count in others) - (e[j] - survivors[j])
        if surplus < 0:
            others.append((j, -surplus))
        while surplus > 0:
            birth, count = others.pop()
            bars[birth, j - 1] += min(count, surplus)
            if count > surplus:
                others.append((birth, count - surplus))
            surplus -= min(count, surplus)
    for birth, count in others:
        bars[birth, len(e) - 1] += count
    return dict(sorted((interval, m) for interval, m in bars.items() if m))

"""Graphs to find cliques in: the families of the second DIMACS challenge, by their definitions, and planted cliques.

Where a theorem gives the clique number the instance carries it and the theorem.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.memory import require
from algeom.runtime.seeds import RandomState

__all__ = [
    "GraphInstance",
    "c_fat_graph",
    "camouflaged_clique",
    "hamming_graph",
    "johnson_graph",
    "keller_graph",
    "kneser_graph",
    "p_hat_graph",
    "planted_clique",
    "random_graph",
]

Bool = NDArray[np.bool_]

_CODES = "F. MacWilliams, N. Sloane, The Theory of Error-Correcting Codes (1977)"
_PLOTKIN = f"A(n, d) by Plotkin and Levenshtein: {_CODES}, chapter 2, theorem 11"

#: A(n, d) beyond Plotkin's bound: chapter 9 and appendix A of MacWilliams and Sloane, and M. Best, Binary codes with a
#: minimum distance of four, IEEE Trans. Inform. Theory 26 (1980), for A(10, 4) = 40.
_CODE_SIZES = {(8, 4): 16, (9, 4): 20, (10, 4): 40, (12, 6): 24}

#: Clique numbers of Keller graphs of dimension 2 to 8.
_KELLER = {2: 2, 3: 5, 4: 12, 5: 28, 6: 60, 7: 124, 8: 256}
_KELLER_SOURCE = (
    "J. Debroni, J. Eblen, M. Langston, W. Myrvold, P. Shor, D. Weerapurage, A complete resolution of the Keller "
    "maximum clique problem, SODA 2011"
)

#: Vertices above which words and tuples are not even counted.
_MOST_VERTICES = 1 << 20


@dataclass(frozen=True, eq=False)
class GraphInstance:
    """A graph with what is known of its cliques.

    Attributes
    ----------
    name : str
    adjacency : ndarray of bool, shape (n, n)
        Symmetric, with zero diagonal; read-only.
    clique_number : int or None
        The size of a largest clique, where a theorem gives it.
    planted : tuple of int or None
        The vertices of the clique that was put in, if one was. Larger cliques may exist.
    source : str
        The theorem, or the model of random graphs.
    seed : int or None
        Repeats a random instance.
    """

    name: str
    adjacency: Bool
    clique_number: int | None
    planted: tuple[int, ...] | None
    source: str
    seed: int | None

    @property
    def n(self) -> int:
        """Number of vertices."""
        return len(self.adjacency)

    @property
    def edges(self) -> int:
        """Number of edges."""
        return int(np.count_nonzero(self.adjacency)) // 2

    @property
    def target(self) -> int | None:
        """The size of clique to look for: the clique number, or the planted size."""
        return self.clique_number or (None if self.planted is None else len(self.planted))

    def __repr__(self) -> str:
        known = "unknown clique number"
        if self.clique_number is not None:
            known = f"clique number {self.clique_number}"
        elif self.planted is not None:
            known = f"a planted {len(self.planted)}-clique"
        return f"GraphInstance({self.name}: {self.n} vertices, {self.edges} edges, {known})"


def hamming_graph(n: int, d: int) -> GraphInstance:
    """The words of n bits, joined if they differ in at least d places (DIMACS: hamming n-d).

    Cliques are binary codes of minimum distance d, so the clique number is A(n, d).

    Parameters
    ----------
    n : int
        Number of bits, at least 1.
    d : int
        From 1 to n.

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.
    ResourceError
        If the adjacency matrix does not fit.

    References
    ----------
    J. Hasselberg, P. Pardalos, G. Vairaktarakis, Test case generators and computational results for the maximum
    clique problem, J. Global Optim. 3 (1993).

    Examples
    --------
    >>> hamming_graph(6, 2)
    GraphInstance(hamming6-2: 64 vertices, 1824 edges, clique number 32)
    """
    n = check_integer("n", n, 1, 20)
    d = check_integer("d", d, 1, n)
    words = np.arange(_checked_size(2**n), dtype=np.int64)
    number, source = _code_size(n, d)
    return _instance(f"hamming{n}-{d}", _far_apart(words, d), number, source)


def johnson_graph(n: int, w: int, d: int) -> GraphInstance:
    """The words of n bits with w ones, joined if they differ in at least d places (DIMACS: johnson n-w-d).

    Cliques are constant weight codes, so the clique number is A(n, d, w).

    Parameters
    ----------
    n, w : int
        Number of bits and of ones, 1 <= w <= n.
    d : int
        At least 1. Words of one weight differ in an even number of places.

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.
    ResourceError
        If the adjacency matrix does not fit.

    References
    ----------
    Hasselberg, Pardalos and Vairaktarakis, as for `hamming_graph`.

    Examples
    --------
    >>> johnson_graph(8, 2, 4)
    GraphInstance(johnson8-2-4: 28 vertices, 210 edges, clique number 4)
    """
    n = check_integer("n", n, 1, 62)
    w = check_integer("w", w, 1, n)
    d = check_integer("d", d, 1)
    _checked_size(math.comb(n, w))
    words = np.array([sum(1 << i for i in ones) for ones in combinations(range(n), w)], dtype=np.int64)
    number, source = _constant_weight_code_size(n, w, d + d % 2)
    return _instance(f"johnson{n}-{w}-{d}", _far_apart(words, d), number, source)


def kneser_graph(n: int, w: int) -> GraphInstance:
    """The sets of w among n elements, joined if they are disjoint. The clique number is floor(n / w).

    Parameters
    ----------
    n, w : int
        1 <= w <= n.

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.

    Examples
    --------
    >>> kneser_graph(5, 2)  # Petersen's graph
    GraphInstance(kneser5-2: 10 vertices, 15 edges, clique number 2)
    """
    sets = johnson_graph(n, w, 2 * w)
    return _instance(f"kneser{n}-{w}", np.array(sets.adjacency), n // w, "pairwise disjoint sets")


def keller_graph(dimension: int, *, whole: bool = False) -> GraphInstance:
    """The graph of Keller's conjecture on cube tilings (DIMACS: keller n).

    Vertices of the whole graph are the 4^dimension tuples modulo 4, joined if they differ in at least two coordinates
    and in at least one of them by exactly 2. It is vertex-transitive; the DIMACS graphs are the neighbours of one
    vertex, so their clique number is smaller by one.

    Parameters
    ----------
    dimension : int
        From 2 to 8.
    whole : bool
        Whether to return the whole graph.

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If the dimension is out of bounds.
    ResourceError
        If the adjacency matrix does not fit.

    References
    ----------
    K. Corradi, S. Szabo, A combinatorial approach for Keller's conjecture, Period. Math. Hungar. 21 (1990);
    J. Lagarias, P. Shor, Keller's cube-tiling conjecture is false in high dimensions, Bull. AMS 27 (1992). Clique
    numbers: Debroni et al., SODA 2011.

    Examples
    --------
    >>> keller_graph(4), keller_graph(3, whole=True)
    (GraphInstance(keller4: 171 vertices, 9435 edges, clique number 11),
     GraphInstance(whole keller3: 64 vertices, 1088 edges, clique number 5))
    """
    dimension = check_integer("dimension", dimension, 2, 8, "the dimensions whose clique numbers are known")
    tuples = np.indices((4,) * dimension, dtype=np.int8).reshape(dimension, -1)
    if not whole:
        tuples = tuples[:, (np.count_nonzero(tuples, axis=0) >= 2) & (tuples == 2).any(axis=0)]
    n = _checked_size(tuples.shape[1])
    differing, opposite = np.zeros((n, n), dtype=np.int8), np.zeros((n, n), dtype=bool)
    for coordinate in tuples:
        difference = (coordinate[:, None] - coordinate) % 4
        differing += difference != 0
        opposite |= difference == 2
    number = _KELLER[dimension] - (not whole)
    return _instance(
        f"{'whole ' if whole else ''}keller{dimension}", (differing >= 2) & opposite, number, _KELLER_SOURCE
    )


def c_fat_graph(n: int, c: float) -> GraphInstance:
    """A ring of about n / (c log n) parts, joined within each part and between neighbouring ones (DIMACS: c-fat n-c).

    Parameters
    ----------
    n : int
        Number of vertices, at least 2.
    c : float
        Positive: parts have about c log n vertices, log the natural logarithm.

    Returns
    -------
    GraphInstance
        The clique number is the largest number of vertices in two neighbouring parts (all n for at most three parts).

    Raises
    ------
    InputError
        If a number is out of bounds.

    Notes
    -----
    There are floor(n / (c log n)) parts, the first of them larger by one where n is no multiple. This gives the numbers
    of edges of the DIMACS graphs.

    References
    ----------
    P. Berman, A. Pelc, Distributed probabilistic fault diagnosis for multiprocessor systems, FTCS 1990; Hasselberg,
    Pardalos and Vairaktarakis, as for `hamming_graph`.

    Examples
    --------
    >>> c_fat_graph(200, 5)
    GraphInstance(c-fat200-5: 200 vertices, 8473 edges, clique number 58)
    """
    n = _checked_size(check_integer("n", n, 2))
    if isinstance(c, bool) or not isinstance(c, (int, float)) or not 0 < c < math.inf:
        raise InputError(f"c is {c!r}; give a positive number: parts have about c log n vertices")
    parts = min(n, max(1, math.floor(n / (c * math.log(n)))))
    sizes = np.full(parts, n // parts)
    sizes[: n % parts] += 1
    part = np.repeat(np.arange(parts), sizes)
    gap = (part[:, None] - part) % parts
    number = n if parts <= 3 else int((sizes + np.roll(sizes, 1)).max())
    return _instance(
        f"c-fat{n}-{c:g}", (gap <= 1) | (gap == parts - 1), number, "two neighbouring parts: others are not joined"
    )


def random_graph(n: int, p: float, *, rng: RandomState = None) -> GraphInstance:
    """The random graph G(n, p); C125.9 of DIMACS is one with n = 125, p = 0.9.

    Parameters
    ----------
    n : int
    p : float
        The probability of an edge.
    rng : int, Generator or None

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.

    Examples
    --------
    >>> random_graph(125, 0.9, rng=0).name
    'random125-0.9'
    """
    n, p = _checked_size(check_integer("n", n, 1)), _probability("p", p)
    seed, generator = seeds.resolve(rng)
    return _instance(f"random{n}-{p:g}", _random_edges(n, p, generator), None, "independent edges", seed=seed)


def p_hat_graph(n: int, low: float, high: float, *, rng: RandomState = None) -> GraphInstance:
    """A random graph with widely spread degrees (DIMACS: p_hat).

    Each vertex draws a number uniformly from [low, high]; an edge has the mean of those of its ends as probability.

    Parameters
    ----------
    n : int
    low, high : float
        0 <= low <= high <= 1.
    rng : int, Generator or None

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.

    References
    ----------
    M. Gendreau, P. Soriano, L. Salvail, Solving the maximum clique problem using a tabu search approach, Ann. Oper.
    Res. 41 (1993).

    Examples
    --------
    >>> p_hat_graph(300, 0, 0.5, rng=0).name
    'p_hat300-0-0.5'
    """
    n = _checked_size(check_integer("n", n, 1))
    low, high = _probability("low", low), _probability("high", high)
    if low > high:
        raise InputError(f"low is {low} and high is {high}; give low <= high")
    seed, generator = seeds.resolve(rng)
    tendency = generator.uniform(low, high, n)
    adjacency = _random_edges(n, (tendency[:, None] + tendency) / 2, generator)
    return _instance(f"p_hat{n}-{low:g}-{high:g}", adjacency, None, "edges of probability (x_i + x_j) / 2", seed=seed)


def planted_clique(n: int, k: int, p: float = 0.5, *, rng: RandomState = None) -> GraphInstance:
    """G(n, p) with all edges added among k random vertices.

    Parameters
    ----------
    n, k : int
        1 <= k <= n.
    p : float
        The probability of an edge.
    rng : int, Generator or None

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds.

    Notes
    -----
    For p = 1/2 the largest cliques of G(n, p) have about 2 log2 n vertices, so that a planted one of 3 log2 n is likely
    to be the only largest one; polynomial algorithms are known for k of the order of sqrt(n).

    References
    ----------
    L. Kucera, Expected complexity of graph partitioning problems, Discrete Appl. Math. 57 (1995); N. Alon,
    M. Krivelevich, B. Sudakov, Finding a large hidden clique in a random graph, Random Structures Algorithms 13 (1998).

    Examples
    --------
    >>> instance = planted_clique(60, 15, rng=0)
    >>> instance.name, len(instance.planted)
    ('planted60-15-0.5', 15)
    """
    n, p = _checked_size(check_integer("n", n, 1)), _probability("p", p)
    k = check_integer("k", k, 1, n, "the number of vertices")
    seed, generator = seeds.resolve(rng)
    adjacency = _random_edges(n, p, generator)
    planted = np.sort(generator.permutation(n)[:k])
    adjacency[np.ix_(planted, planted)] = True
    return _instance(f"planted{n}-{k}-{p:g}", adjacency, None, "a clique added to G(n, p)", planted, seed)


def camouflaged_clique(n: int, k: int, p: float = 0.5, depth: int = 1, *, rng: RandomState = None) -> GraphInstance:
    """A clique that degrees do not give away, in a random graph of density p (DIMACS: brock).

    Parameters
    ----------
    n, k : int
        1 <= k < n.
    p : float
        The density.
    depth : int
        0 hides nothing: each pair outside the clique is an edge with probability p. For depth u + 1 consider the
        vertices joined to u vertices of the clique that were found: all of them have the same expected degree among
        these vertices, as for density p. So depth 1 makes expected degrees equal from the start.
    rng : int, Generator or None

    Returns
    -------
    GraphInstance

    Raises
    ------
    InputError
        If a number is out of bounds, or no density between clique and rest does that.

    Notes
    -----
    With q the density of non-edges between the clique and the rest, q_0 that within the rest and
    m = (n - k) (1 - q)^u the expected number of vertices of the rest that are left, the conditions are
    m q = (1 - p) (m + k - u - 1) and q_0 = q (m - (k - u)) / (m - 1). Edges are independent.

    References
    ----------
    M. Brockington, J. Culberson, Camouflaging independent sets in quasi-random graphs, in: Cliques, Coloring, and
    Satisfiability, DIMACS Series 26 (1996).

    Examples
    --------
    >>> instance = camouflaged_clique(200, 12, 0.5, rng=0)
    >>> instance.name, len(instance.planted)
    ('camouflaged200-12-0.5-1', 12)
    """
    n, p = _checked_size(check_integer("n", n, 2)), _probability("p", p)
    k = check_integer("k", k, 1, n - 1, "at least one vertex is not in the clique")
    depth = check_integer("depth", depth, 0)
    across, rest = _camouflage(n, k, 1 - p, depth)
    seed, generator = seeds.resolve(rng)
    adjacency = _random_edges(n, 1 - rest, generator)
    order = generator.permutation(n)
    planted, others = np.sort(order[:k]), order[k:]
    adjacency[np.ix_(planted, planted)] = True
    joined = generator.random((k, n - k)) >= across
    adjacency[np.ix_(planted, others)] = joined
    adjacency[np.ix_(others, planted)] = joined.T
    name = f"camouflaged{n}-{k}-{p:g}-{depth}"
    return _instance(name, adjacency, None, "a clique hidden in the degrees", planted, seed)


def _camouflage(n: int, k: int, sparsity: float, depth: int) -> tuple[float, float]:
    """Densities of non-edges between clique and rest, and within the rest."""
    if depth == 0:
        return sparsity, sparsity
    from scipy.optimize import brentq

    found = depth - 1

    def left(q: float) -> float:
        return (n - k) * (1 - q) ** found

    def excess(q: float) -> float:
        return (q - sparsity) * left(q) - sparsity * (k - found - 1)

    # (q - sparsity) (1 - q)^found grows up to this q, and the smaller root is the one meant.
    top = (1 + found * sparsity) / (1 + found) if found else 1.0
    across = rest = math.nan
    if excess(sparsity) <= 0 <= excess(top):
        across = brentq(excess, sparsity, top)
        rest = across * (left(across) - (k - found)) / (left(across) - 1)
    if not 0 <= rest <= 1:
        raise InputError(
            f"a clique of k={k} vertices cannot be hidden to depth {depth} in a graph of n={n} vertices and density "
            f"{1 - sparsity:g}; lower k, the depth or 1 - p"
        )
    return across, rest


def _instance(
    name: str,
    adjacency: Bool,
    clique_number: int | None,
    source: str,
    planted: NDArray[np.int64] | None = None,
    seed: int | None = None,
) -> GraphInstance:
    np.fill_diagonal(adjacency, False)
    adjacency.flags.writeable = False
    vertices = None if planted is None else tuple(planted.tolist())
    return GraphInstance(name, adjacency, clique_number, vertices, source, seed)


def _checked_size(n: int) -> int:
    """Refuse graphs whose adjacency matrices, with temporaries of 64-bit integers, do not fit."""
    if n > _MOST_VERTICES:
        raise InputError(f"the graph would have {n} vertices; give numbers with at most {_MOST_VERTICES}")
    require(20.0 * n**2, None, f"the adjacency matrix of {n} vertices", "ask for a smaller graph")
    return n


def _probability(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0 <= value <= 1:
        raise InputError(f"{name} is {value!r}; give a probability, a number from 0 to 1")
    return float(value)


def _random_edges(n: int, p: float | NDArray[np.float64], generator: np.random.Generator) -> Bool:
    upper = np.triu(generator.random((n, n)) < p, 1)
    return upper | upper.T


def _far_apart(words: NDArray[np.int64], d: int) -> Bool:
    return np.asarray(np.bitwise_count(words[:, None] ^ words) >= d)


def _code_size(n: int, d: int) -> tuple[int | None, str]:
    """A(n, d): the most words of n bits of which every two differ in at least d places."""
    if d == 1:
        return 2**n, "all words"
    if d % 2:
        return _code_size(n + 1, d + 1)  # a parity bit, added or dropped
    if d == 2:
        return 2 ** (n - 1), "the words of even weight; pairs of words that differ in the first bit cover all words"
    if 2 * d > n:
        return 2 * (d // (2 * d - n)), _PLOTKIN
    if 2 * d == n:
        return 4 * d, _PLOTKIN
    return _CODE_SIZES.get((n, d)), f"A(n, d): {_CODES}, table I of appendix A"


def _constant_weight_code_size(n: int, w: int, d: int) -> tuple[int | None, str]:
    """A(n, d, w) for even d: the most words with w ones of which every two differ in at least d places."""
    w = min(w, n - w)
    if d == 2:
        return math.comb(n, w), "all words"
    if d > 2 * w:
        return 1, "no two words differ in so many places"
    if d == 2 * w:
        return n // w, "pairwise disjoint sets"
    if (d, w) == (4, 3):
        # J. Spencer, Maximal consistent families of triples, J. Combin. Theory 5 (1968); for all n.
        return n * ((n - 1) // 2) // 3 - (n % 6 == 5), "J. Spencer, Maximal consistent families of triples (1968)"
    if (n, d, w) == (8, 4, 4):
        return 14, "the Steiner system S(3, 4, 8) meets Johnson's bound"
    return None, f"A(n, d, w): see A. Brouwer's tables, and {_CODES}, chapter 17"

"""Lightning self-attention: the coefficients of an output entry as a cubic form in the data.

A layer maps X (d x t) to V X X^T A X with A = K^T Q of rank at most a. With v a row of V, the output entry of target
column j is the cubic form sum over context columns n of (v . x_n) (x_n^T A x_j). Its coefficients at products of
entries of column j only (n = j) are the single-column coefficients; those with n != j, cross-column coefficients.
"""

from itertools import combinations_with_replacement, permutations
from typing import Any

import numpy as np

from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import (
    IntArray,
    Symmetry,
    check_integer,
    position_arrays,
    symmetric_group_generators,
    symmetry,
)

__all__ = ["attention_cross_map", "attention_map"]

Triple = tuple[int, int, int]


def attention_map(d: int, t: int, rank: int | None = None) -> PolynomialMap:
    """All coefficients of one output entry of a lightning attention layer, as a cubic form in the data matrix.

    Parameters
    ----------
    d : int
        The dimension of the data vectors (rows of X), at least 1.
    t : int
        The number of data vectors (columns of X), at least 1.
    rank : int or None
        The number a of rows of K and Q, from 1 to d, or None for a matrix A without a bound on its rank.

    Returns
    -------
    PolynomialMap
        Parameters ``v`` (d entries, a row of V) and ``A`` (d x d), or ``K`` and ``Q`` (a x d each). Coordinates, raw
        (as they stand in the cubic form): first the single-column coefficients ``y111, y112, ...`` at
        x_kj x_mj x_lj, k <= m <= l, C(d+2, 3) of them; then for each of the t - 1 other columns n the cross-column
        coefficients ``y11_1, y11_2, ..., y12_1, ...`` at x_kn x_mn x_lj, k <= m, d d(d+1)/2 of them; for t > 2 their
        names end in the number of the column: ``y11_1_n2``.
        Symmetries: permutations of the rows of X, and of the columns other than j.

    Raises
    ------
    InputError
        If d or t is not positive, or the rank is not between 1 and d.

    Notes
    -----
    For t >= 2 every single-column coefficient is the sum of the cross-column coefficients over its distinct splits
    (y112 = y11_2 + y12_1), and for t > 2 the cross-column coefficients do not depend on n: C(d+2, 3) + (t-2) d d(d+1)/2
    linear forms. Modulo these it is `attention_cross_map`. Affine dimension for t >= 2: d + a(2d - a) - 1; for t = 1:
    d + s(2d - s + 1)/2 - 1 with s = min(2a, d).

    References
    ----------
    Invariants of lightning self-attention: arXiv 2604.15632; dimensions: arXiv 2408.17221.

    Examples
    --------
    >>> attention_map(2, 2).names
    ('y111', 'y112', 'y122', 'y222', 'y11_1', 'y11_2', 'y12_1', 'y12_2', 'y22_1', 'y22_2')
    """
    d, t = check_integer("d", d, 1), check_integer("t", t, 1)
    single = list(combinations_with_replacement(range(d), 3))
    cross = _cross_indices(d)

    def coefficients(v: Any, *factors: Any) -> list[Any]:
        A = _attention_matrix(factors)
        own = [_total([v[k] * A[m, l] for k, m, l in sorted(set(permutations(triple)))]) for triple in single]
        others = _cross_coefficients(v, A, cross)
        return own + others * (t - 1)

    shapes = _shapes(d, rank)
    position = {triple: i for i, triple in enumerate(single)}
    n_single, n_cross = len(single), len(cross)
    symmetries: list[Symmetry] = []
    for g, parameters, moved_cross in _row_symmetries(d, shapes, cross):
        moved = [position[_sorted_triple(g, triple)] for triple in single]
        copies = [moved_cross + n_single + copy * n_cross for copy in range(t - 1)]
        symmetries.append(symmetry(parameters, np.concatenate([np.array(moved), *copies])))
    columns = np.arange(n_single, n_single + (t - 1) * n_cross, dtype=np.int64).reshape(t - 1, n_cross)
    for g in symmetric_group_generators(t - 1):
        symmetries.append(symmetry(position_arrays(shapes), np.concatenate([np.arange(n_single), columns[g].ravel()])))
    names = [_name(d, triple, None) for triple in single]
    for n in range(2, t + 1):
        suffix = f"_n{n}" if t > 2 else ""
        names += [_name(d, (k, m), l) + suffix for k, m, l in cross]
    return polynomial_map(coefficients, parameters=shapes, names=names, symmetries=symmetries)


def attention_cross_map(d: int, rank: int | None = None) -> PolynomialMap:
    """The cross-column coefficients of one output entry: quadratic forms q_l = (v . x)(a_l . x), l = 1, ..., d.

    Here a_l is the l-th column of A: d quadrics with a common linear factor, or the tensors v * A in
    S^2(K^d) (x) K^d. It is `attention_map` modulo its linear relations.

    Parameters
    ----------
    d : int
        The dimension of the data vectors, at least 1.
    rank : int or None
        The bound a on the rank of A, from 1 to d, or None for a matrix A without a bound on its rank.

    Returns
    -------
    PolynomialMap
        Parameters ``v`` (d entries) and ``A`` (d x d), or ``K`` and ``Q`` (a x d each); coordinates ``y11_1, y11_2,
        ..., y12_1, ...``: the raw coefficient of q_l at x_k x_m, k <= m, in the order (k, m), l.
        Symmetries: permutations of the rows of X.

    Raises
    ------
    InputError
        If d is not positive, or the rank is not between 1 and d.

    Notes
    -----
    Affine dimension d + a(2d - a) - 1. Degree C(d^2 + d - 2, d - 1) for full rank; for 2 <= a < d,
    C(N + d - 1, d - 1) times the degree of the d x d matrices of rank at most a, with N = a(2d - a) - 1; for a = 1 half
    of what that formula gives.

    References
    ----------
    Invariants of lightning self-attention: arXiv 2604.15632.

    Examples
    --------
    >>> attention_cross_map(2, rank=1).n_coordinates
    6
    """
    d = check_integer("d", d, 1)
    cross = _cross_indices(d)

    def coefficients(v: Any, *factors: Any) -> list[Any]:
        return _cross_coefficients(v, _attention_matrix(factors), cross)

    shapes = _shapes(d, rank)
    symmetries = [symmetry(parameters, moved) for _, parameters, moved in _row_symmetries(d, shapes, cross)]
    names = [_name(d, (k, m), l) for k, m, l in cross]
    return polynomial_map(coefficients, parameters=shapes, names=names, symmetries=symmetries)


def _shapes(d: int, rank: int | None) -> dict[str, tuple[int, ...]]:
    if rank is None:
        return {"v": (d,), "A": (d, d)}
    a = check_integer("rank", rank, 1, d, "the dimension d; None leaves the rank free")
    return {"v": (d,), "K": (a, d), "Q": (a, d)}


def _attention_matrix(factors: tuple[Any, ...]) -> Any:
    """A itself, or K^T Q."""
    return factors[0] if len(factors) == 1 else factors[0].T @ factors[1]


def _cross_indices(d: int) -> list[Triple]:
    """(k, m, l) with k <= m: context pair and target index."""
    return [(k, m, l) for k, m in combinations_with_replacement(range(d), 2) for l in range(d)]


def _cross_coefficients(v: Any, A: Any, cross: list[Triple]) -> list[Any]:
    return [v[k] * A[k, l] if k == m else v[k] * A[m, l] + v[m] * A[k, l] for k, m, l in cross]


def _row_symmetries(
    d: int, shapes: dict[str, tuple[int, ...]], cross: list[Triple]
) -> list[tuple[IntArray, dict[str, IntArray], IntArray]]:
    """For generators g of the permutations of the rows: g, the parameters moved, the cross coefficients moved."""
    x = position_arrays(shapes)
    position = {triple: i for i, triple in enumerate(cross)}
    moves = []
    for g in symmetric_group_generators(d):
        parameters = {name: a[..., g][g] if name == "A" else a[..., g] for name, a in x.items()}
        moved = [position[min(g[k], g[m]), max(g[k], g[m]), g[l]] for k, m, l in cross]
        moves.append((g, parameters, np.array(moved, dtype=np.int64)))
    return moves


def _sorted_triple(g: IntArray, triple: Triple) -> Triple:
    k, m, l = sorted(int(g[i]) for i in triple)
    return k, m, l


def _total(terms: list[Any]) -> Any:
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _name(d: int, context: tuple[int, ...], target: int | None) -> str:
    """As ``y11_2``: the context pair, then the target index; with two-digit indices ``y1_11__2``."""
    inner, outer = ("_", "__") if d > 9 else ("", "_")
    name = "y" + inner.join(str(i + 1) for i in context)
    return name if target is None else f"{name}{outer}{target + 1}"

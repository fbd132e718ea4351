"""Monomials of one multidegree, and their values at a batch of points modulo p.

A monomial of degree d is stored as its nondecreasing sequence of variable indices: y1*y1*y3 is (0, 0, 2).
A multidegree has a *node* for each degree k and each weight that some monomial of degree k attains;
`divide[node, i]` is the node of the quotient by variable i, or -1. Nodes of degree k follow those of degree k-1,
and node 0 is the monomial 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.compile import kernel

Float = NDArray[np.float64]
Int = NDArray[np.int64]

# Adding and subtracting 1.5 * 2^52 rounds a double of magnitude below 2^51 to the nearest integer; unlike a call to
# rint it always vectorizes.
_ROUND = 6755399441055744.0

#: Points evaluated together, and monomials gathered before they are written out transposed: chosen by
#: benchmarks/monomials.py. The padding keeps the rows of a tile from meeting in one set of the first-level cache.
_LANE = 256
_TILE = 16
_PADDING = 8


@kernel
def largest_first_index(divide: Int, degree_of: Int, n_variables: int) -> Int:
    """For each node the largest i such that a monomial of that node has all its indices >= i.

    With it a depth-first search over nondecreasing sequences meets no dead end: variable i may be chosen with the rest
    in node r exactly when largest[r] >= i.
    """
    n_nodes = divide.shape[0]
    largest = np.full(n_nodes, -1, np.int64)
    for node in range(n_nodes):
        if degree_of[node] == 0:
            largest[node] = n_variables
            continue
        for i in range(n_variables - 1, -1, -1):
            rest = divide[node, i]
            if rest >= 0 and largest[rest] >= i:
                largest[node] = i
                break
    return largest


@kernel
def count_monomials(divide: Int, node_offsets: Int) -> Int:
    """Number of monomials of every node, by dynamic programming over the variables.

    counts of monomials in the variables >= i satisfy c_i(node) = c_{i+1}(node) + c_i(node / y_i).
    """
    n_nodes, n_variables = divide.shape
    counts = np.zeros(n_nodes, np.int64)
    counts[0] = 1
    n_degrees = node_offsets.shape[0] - 1
    for i in range(n_variables - 1, -1, -1):
        for k in range(1, n_degrees):
            for node in range(node_offsets[k], node_offsets[k + 1]):
                rest = divide[node, i]
                if rest >= 0:
                    counts[node] += counts[rest]
    return counts


@kernel
def list_monomials(node: int, degree: int, count: int, divide: Int, largest: Int) -> Int:
    """All monomials of a node in lexicographic order of their index sequences, shape (count, degree), int64."""
    n_variables = divide.shape[1]
    out = np.empty((count, degree), np.int64)
    if degree == 0:
        return out
    path_node = np.empty(degree + 1, np.int64)
    choice = np.empty(degree, np.int64)
    path_node[0] = node
    level = 0
    choice[0] = -1
    row = 0
    while level >= 0:
        i = choice[level] + 1
        here = path_node[level]
        while i < n_variables:
            rest = divide[here, i]
            if rest >= 0 and largest[rest] >= i:
                break
            i += 1
        if i == n_variables:
            level -= 1
            continue
        choice[level] = i
        if level == degree - 1:
            for k in range(degree):
                out[row, k] = choice[k]
            row += 1
            continue
        path_node[level + 1] = divide[here, i]
        level += 1
        choice[level] = i - 1
    return out


@kernel
def evaluate_monomials(monomials: Int, y: Float, p: float, first_point: int, out: Float) -> None:
    """Values of monomials at points modulo p, one product an entry.

    Parameters
    ----------
    monomials : int64 (N, d), in lexicographic order
    y : float64 (m, B), balanced residues mod p
    p : float64, an odd prime below 2^23
    first_point : int64
        Points ``first_point .. first_point + out.shape[0] - 1`` of `y` are used.
    out : float64 (P, N)
        Overwritten: row = point, column = monomial.

    Notes
    -----
    |a|, |b| <= (p-1)/2 < 2^22, so a*b is exact, |a*b/p| < 2^22, and the computed quotient is off by less than 2^-28
    before rounding. The remainder is an integer within p/2 + p*2^-28 of 0, hence, p being odd, within (p-1)/2.
    Consecutive monomials share a prefix, whose products are kept for a lane of points.
    """
    n_monomials, degree = monomials.shape
    n_points = out.shape[0]
    inverse = 1.0 / p
    if degree == 0:
        for point in range(n_points):
            for j in range(n_monomials):
                out[point, j] = 1.0
        return
    products = np.empty((degree, _LANE))
    tile = np.empty((_TILE, _LANE + _PADDING))
    for start in range(0, n_points, _LANE):
        width = min(_LANE, n_points - start)
        offset = first_point + start
        filled = 0
        for j in range(n_monomials):
            level = 0
            if j > 0:
                while level < degree - 1 and monomials[j, level] == monomials[j - 1, level]:
                    level += 1
            if level == 0:
                row = y[monomials[j, 0], offset : offset + width]
                target = products[0]
                if degree == 1:
                    target = tile[filled]
                for k in range(width):
                    target[k] = row[k]
                level = 1
            while level < degree:
                row = y[monomials[j, level], offset : offset + width]
                source = products[level - 1]
                target = products[level]
                if level == degree - 1:
                    target = tile[filled]
                for k in range(width):
                    x = source[k] * row[k]
                    target[k] = x - ((x * inverse + _ROUND) - _ROUND) * p
                level += 1
            filled += 1
            if filled == _TILE or j == n_monomials - 1:
                left = j + 1 - filled
                for k in range(width):
                    for c in range(filled):
                        out[start + k, left + c] = tile[c, k]
                filled = 0

"""Exchanges of vertices that raise the spectral radius of an induced subgraph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["improved_subgraph", "radius_of"]

#: Vertices inside and outside that are tried in each round: those that first-order terms rank first.
_TRIED = 6

#: Relative gain below which an exchange is rounding.
_GAIN = 1e-10


def radius_of(W: NDArray[np.float64]) -> float:
    """The spectral radius of a small nonnegative matrix, in double precision."""
    if np.array_equal(W, W.T):
        return float(np.linalg.eigvalsh(W)[-1])
    return float(np.abs(np.linalg.eigvals(W)).max())


def improved_subgraph(W: Any, vertices: Iterable[int]) -> tuple[list[int], int]:
    """Exchange a vertex inside for one outside while that raises the spectral radius.

    Parameters
    ----------
    W : scipy.sparse.csr_array, shape (n, n)
        Nonnegative.
    vertices : iterable of int

    Returns
    -------
    vertices : list of int
        Sorted; as many as before.
    exchanges : int
        How many were made.

    Notes
    -----
    With Perron eigenvectors x on the right and y on the left of the induced matrix, a vertex j outside that is added
    contributes ``(y W_Sj) (W_jS x) / rho`` to second order, and one inside that is removed takes ``x_i y_i``. The
    exchanges of the best few by these figures are tried exactly, and the best one of them is made.

    Examples
    --------
    A triangle with a pendant vertex.

    >>> from scipy.sparse import csr_array
    >>> W = csr_array(np.array([[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1], [0, 0, 1, 0]], dtype=float))
    >>> improved_subgraph(W, [0, 2, 3])
    ([0, 1, 2], 1)
    """
    chosen = sorted({int(v) for v in vertices})
    transposed = W.T.tocsr()
    exchanges = 0
    while len(chosen) < W.shape[0]:
        rows, columns = W[:, chosen], transposed[:, chosen]
        inside = rows[chosen].toarray()
        radius = radius_of(inside)
        x, y = perron_vectors(inside)
        outside = np.setdiff1d(np.arange(W.shape[0]), chosen, assume_unique=True)
        entering = outside[np.argsort(-((rows @ x) * (columns @ y))[outside], kind="stable")[:_TRIED]]
        best = radius * (1 + _GAIN)
        exchange = None
        for place in np.argsort(x * y, kind="stable")[:_TRIED]:
            for vertex in entering:
                candidate = [*chosen[:place], *chosen[place + 1 :], int(vertex)]
                value = radius_of(W[candidate][:, candidate].toarray())
                if value > best:
                    best, exchange = value, candidate
        if exchange is None:
            break
        chosen = sorted(exchange)
        exchanges += 1
    return chosen, exchanges


def perron_vectors(W: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nonnegative right and left eigenvectors of the largest eigenvalue of a small nonnegative matrix."""
    if np.array_equal(W, W.T):
        vector = np.abs(np.linalg.eigh(W)[1][:, -1])
        return vector, vector
    sides = []
    for matrix in (W, W.T):
        values, vectors = np.linalg.eig(matrix)
        sides.append(np.abs(vectors[:, np.argmax(values.real)]))
    return sides[0], sides[1]

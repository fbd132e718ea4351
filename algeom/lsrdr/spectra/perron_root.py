"""The Perron root of a nonnegative matrix, component by component of its graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["PerronRoot", "perron_root"]

#: Up to this size of a component matrices are dense.
_DENSE_SIZE = 500

#: Steps of Noda's iteration, which converges quadratically: rounding errors are reached in less than 10.
_STEPS = 30

#: Steps of the power iteration that makes small entries of the eigenvectors of ARPACK right.
_POWERS = 500

#: Relative width of bounds that is sharp enough to stop at if it does not decrease any more.
_CLOSE = 1e-12

#: Entries of an eigenvector, of largest entry 1, that ARPACK gives to half the digits. Without smaller ones the root
#: decreases by about their square.
_SMALL = 1e-8

#: What is added where entries are small: it changes sums with entries above _SMALL by less than _CLOSE.
_FLOOR = 1e-21

_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class PerronRoot:
    """The spectral radius of a nonnegative matrix.

    Attributes
    ----------
    value, lower, upper : float
        The spectral radius and bounds by Collatz and Wielandt, widened by rounding errors.
    vector : ndarray of float64, shape (n,)
        A nonnegative eigenvector of Euclidean norm 1; of the kernel if the value is 0.
    """

    value: float
    lower: float
    upper: float
    vector: NDArray[np.float64]


def perron_root(W: Any) -> PerronRoot:
    """The spectral radius of a nonnegative matrix and a nonnegative eigenvector.

    Parameters
    ----------
    W : ndarray or scipy sparse, shape (n, n)
        With nonnegative entries.

    Returns
    -------
    PerronRoot

    Raises
    ------
    InputError
        If the spectral radius is beyond double precision.

    Notes
    -----
    The spectral radius is the largest one of the strongly connected components of the graph of W. These are
    irreducible: the eigenvalue is simple and, for x > 0, between the smallest and the largest ``(W x)_i / x_i``. A
    graph without cycles has components without edges, and the spectral radius is exactly 0. Eigenvectors are computed
    by Noda's iteration, and for components of more than 500 vertices by ARPACK.

    References
    ----------
    A. Berman, R. J. Plemmons, Nonnegative Matrices in the Mathematical Sciences, SIAM 1994, Theorems 2.1.11 and 2.3.14.
    T. Noda, Note on the computation of the maximal eigenvalue of a non-negative irreducible matrix, Numer. Math. 17
    (1971).

    Examples
    --------
    The complete graph on four vertices with one more vertex at one of them.

    >>> W = np.ones((5, 5)) - np.eye(5)
    >>> W[4, 1:4] = W[1:4, 4] = 0
    >>> print(f"{perron_root(W).value:.12f}")
    3.086130197651
    """
    from scipy import sparse
    from scipy.sparse import csgraph

    matrix = sparse.csr_array(W, dtype=np.float64)
    # Sums of large entries might overflow: powers of 2 change nothing else.
    scale = math.ldexp(1.0, min(1000, max(-1000, -math.frexp(abs(matrix).max())[1])))
    matrix = matrix * scale
    matrix.eliminate_zeros()
    n = matrix.shape[0]
    count, labels = csgraph.connected_components(matrix, directed=True, connection="strong")
    sizes = np.bincount(labels, minlength=count)
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(sizes)[:-1])
    # Single vertices are components with their loops as matrices.
    values = np.zeros(count)
    np.maximum.at(values, labels, np.where(sizes[labels] == 1, matrix.diagonal(), 0.0))
    lower, upper = values.copy(), values.copy()
    vectors = {}
    for component in np.flatnonzero(sizes > 1):
        part = members[component]
        root = _irreducible(matrix[part][:, part])
        values[component], lower[component], upper[component] = root.value, root.lower, root.upper
        vectors[component] = root.vector
    value = float(values.max())
    if value == 0:
        # Without cycles some vertex has no edge into it: its unit vector is in the kernel.
        source = int(np.flatnonzero(np.asarray(matrix.sum(axis=0)) == 0)[0])
        return PerronRoot(0.0, 0.0, 0.0, np.eye(1, n, source)[0])
    largest = np.flatnonzero(values >= (1 - n * _EPS) * value)
    transposed = matrix.T.tocsr()
    for chosen in largest:
        above = np.setdiff1d(_reached(transposed, int(members[chosen][0])), members[chosen])
        # The eigenvector lives on this component and those above it, unless one of these has the same root.
        if not np.intersect1d(np.unique(labels[above]), largest).size:
            break
    vector = np.zeros(n)
    vector[members[chosen]] = own = vectors.get(chosen, np.ones(1))
    if above.size:
        system = value * sparse.eye_array(above.size, format="csc") - matrix[above][:, above].tocsc()
        right = np.asarray(matrix[above][:, members[chosen]] @ own)
        vector[above] = np.maximum(sparse.linalg.spsolve(system, right), 0)
    bounds = value / scale, float(lower.max()) / scale, float(upper.max()) / scale
    if not bounds[2] < math.inf:
        raise InputError("the spectral radius is beyond double precision; divide the weights by a common factor")
    return PerronRoot(*bounds, vector / np.linalg.norm(vector))


def _reached(matrix: Any, start: int) -> NDArray[np.intp]:
    from scipy.sparse import csgraph

    return np.asarray(csgraph.breadth_first_order(matrix, start, return_predecessors=False), dtype=np.intp)


def _irreducible(W: Any) -> PerronRoot:
    """The Perron root of one component, with its positive eigenvector, of largest entry 1."""
    vector = _noda(W.toarray()) if W.shape[0] <= _DENSE_SIZE else _by_arpack(W)
    if vector.min() > _SMALL:
        ratios = np.asarray(W @ vector) / vector
        slack = _rounding(W)
        lower, upper = float(ratios.min()) * (1 - slack), float(ratios.max()) * (1 + slack)
        value = float(vector @ (W @ vector) / (vector @ vector))
        return PerronRoot(min(max(value, lower), upper), lower, upper, vector)
    return _with_small_entries(W, vector)


def _with_small_entries(W: Any, vector: NDArray[np.float64]) -> PerronRoot:
    """The Perron root where the eigenvector has small entries, as along a path that leads away.

    The rest of the graph, the core, has a root that is smaller by about the square of the small entries only, which is
    a lower bound. The upper bound comes from a solution of ``W x = root x - constant``: the constant, which hardly
    changes large entries, keeps small ones from underflow and from decreasing for hundreds of steps.
    """
    from scipy.sparse import csgraph

    large = np.flatnonzero(vector > _SMALL)
    _, labels = csgraph.connected_components(W[large][:, large], directed=True, connection="strong")
    core = large[labels == labels[np.argmax(vector[large])]]
    inner = _irreducible(W[core][:, core])
    upper = np.inf
    shift = inner.value / 2
    for _ in range(_POWERS):
        image = np.asarray(W @ vector)
        upper = min(upper, float((image / vector).max()))
        if upper <= (1 + _CLOSE) * inner.value:
            break
        vector = (image + shift * vector + _FLOOR) / (inner.value + shift)
    return PerronRoot(inner.value, inner.lower, max(inner.value, upper * (1 + _rounding(W))), vector / vector.max())


def _rounding(W: Any) -> float:
    """Relative error of W x for x > 0: at most as many units of rounding as a sum has terms, and of the division."""
    return float((np.diff(W.indptr).max() + 2) * _EPS)


def _noda(W: Any) -> NDArray[np.float64]:
    """The positive eigenvector by Noda's iteration: inverse iteration with the upper bound as the shift.

    All iterates are positive: the matrices ``upper - W`` are nonsingular M-matrices.
    """
    from scipy import sparse

    size = W.shape[0]
    vector = np.ones(size)
    width = np.inf
    for _ in range(_STEPS):
        ratios = np.asarray(W @ vector) / vector
        upper = float(ratios.max())
        previous, width = width, upper - float(ratios.min())
        if width <= 4 * _EPS * upper or (width >= previous and width <= _CLOSE * upper):
            break
        shifted = upper * (1 + _EPS)
        if sparse.issparse(W):
            system = shifted * sparse.eye_array(size, format="csc") - W.tocsc()
            vector = sparse.linalg.splu(system).solve(vector)
        else:
            vector = np.linalg.solve(shifted * np.eye(size) - W, vector)
        # Nearly singular systems have large solutions of either sign of rounding.
        vector = np.abs(vector) / np.abs(vector).max()
        vector = np.maximum(vector, np.finfo(np.float64).tiny)
    return vector


def _by_arpack(W: Any) -> NDArray[np.float64]:
    """The positive eigenvector of a large sparse matrix; by Noda's iteration where ARPACK fails, as for long paths."""
    from scipy.sparse.linalg import ArpackError, eigs

    size = W.shape[0]
    try:
        _, vectors = eigs(W, k=1, which="LR", v0=np.ones(size), ncv=40, maxiter=50)
    except ArpackError:
        return _noda(W)
    # Small entries of an eigenvector have large relative errors. Power iterations, shifted as the graph may be
    # periodic, make them right.
    vector = np.abs(vectors[:, 0])
    shift = float(vector @ (W @ vector) / (vector @ vector))
    vector = np.maximum(vector / vector.max(), _SMALL / 2)
    for _ in range(_POWERS):
        image = np.asarray(W @ vector)
        ratios = image / vector
        if ratios.max() - ratios.min() <= _CLOSE * ratios.max():
            break
        vector = image + shift * vector
        vector /= vector.max()
    return np.asarray(vector, dtype=np.float64)

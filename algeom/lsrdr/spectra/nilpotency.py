"""Whether a tuple of matrices is nilpotent, decided by ranks rather than by eigenvalues."""

from __future__ import annotations

from typing import Any

import numpy as np

from algeom.lsrdr.operators.matrix_families import DenseMatrices, MatrixFamily, adjoint
from algeom.lsrdr.operators.structured_families import MatrixUnits
from algeom.lsrdr.operators.tuples import Array
from algeom.runtime.memory import require

__all__ = ["is_nilpotent"]

#: Rounding errors of sums of n products, relative to the norm, are below this times n.
_ROUNDING = 50 * np.finfo(np.float64).eps


def is_nilpotent(A: MatrixFamily) -> bool:
    """Whether all products of n of the matrices vanish, for a tuple within rounding errors of A.

    That is rho(Phi(A)) = 0, for Phi(A)^n(1) is the sum of w w^* over these products w; and for a single matrix, that
    its spectral radius is 0. Computed eigenvalues do not tell: rounding moves those of a nilpotent matrix of size N by
    the N-th root of the machine precision.

    Parameters
    ----------
    A : MatrixFamily

    Raises
    ------
    ResourceError
        If dense matrices of this size do not fit and are needed, as for a sparse cyclic shift.

    Notes
    -----
    The joint image V of the matrices is a proper subspace if the tuple is nilpotent, and so on for their restrictions
    to V; for any other tuple this ends at a subspace that is its own joint image. Ranks are decided on orthonormal
    bases, so that the errors are those of a tuple nearby (the staircase algorithm). Traces of a random combination B of
    the matrices and of B^2 tell most tuples apart before: both vanish for nilpotent ones. Tuples whose nonzero entries
    are those of an acyclic graph, as triangular ones, are recognized by it.

    References
    ----------
    J. Levitzki, Über nilpotente Unterringe, Math. Ann. 105 (1931): a set of matrices that generates an algebra of
    nilpotent matrices is simultaneously strictly triangular.

    Examples
    --------
    >>> from algeom.lsrdr.operators.matrix_families import DenseMatrices
    >>> C = np.array([[2.0, 1.0], [1.0, 1.0]])
    >>> is_nilpotent(DenseMatrices((C @ [[0.0, 3.0], [0.0, 0.0]] @ np.linalg.inv(C))[None]))
    True
    >>> is_nilpotent(DenseMatrices(np.array([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])))
    False
    """
    n = A.n
    if A.largest == 0:
        return True
    coefficients = np.random.default_rng(0).standard_normal(A.r)
    B = A.combination(coefficients)
    tolerance = n * _ROUNDING
    # Rounding of the combination is relative to its terms, which may cancel.
    size = max(float(np.sqrt((abs(B) ** 2).sum())), float(np.abs(coefficients).max()) * A.largest)
    if _is_acyclic(B):
        return True
    if isinstance(A, MatrixUnits):
        return False  # a cycle of its graph is a product of matrix units that has an eigenvalue other than 0
    if abs(B.diagonal().sum()) > tolerance * size or abs((B * B.T).sum()) > tolerance * size**2:
        return False
    require(
        64.0 * n * n, None, f"the ranks that decide whether {A.r} matrices of size {n} are nilpotent",
        "decompose the tuple by its symmetries, or into blocks",
    )  # fmt: skip
    # The size of the matrix [A_1, ..., A_r], at most: rounding is relative to it.
    size = n * float(np.sqrt(A.r)) * A.largest
    while A.n:
        basis = _image(A, tolerance * size)
        if basis.shape[1] == A.n:
            return False
        # On its image the tuple acts by Q^* A_j Q; what is dropped is within the tolerance.
        A = DenseMatrices(A.compress(adjoint(basis)[None], basis[None])[0])
    return True


def _is_acyclic(B: Any) -> bool:
    """Whether the graph of the nonzero entries has no cycle: a permutation makes the matrix strictly triangular."""
    from scipy import sparse
    from scipy.sparse import csgraph

    if np.any(B.diagonal()):
        return False
    graph = sparse.csr_array(B != 0)
    return bool(csgraph.connected_components(graph, directed=True, connection="strong")[0] == B.shape[0])


def _image(A: MatrixFamily, tolerance: float) -> Array:
    """An orthonormal basis of the joint image: left singular vectors of [A_1, ..., A_r] for values above the tolerance.

    Made up of about 2 n columns at a time: U diag(s) with further columns has those of the union. Singular values only
    grow with further columns, so that this ends as soon as all are above the tolerance.
    """
    unit = np.eye(A.n, dtype=A.dtype)
    image, values = unit[:, :0], np.zeros(0)
    for first in range(0, A.r, 2):
        block = np.hstack([A.times(j, unit) for j in range(first, min(A.r, first + 2))])
        image, values, _ = np.linalg.svd(np.hstack([image * values, block]), full_matrices=False)
        if len(values) == A.n and values[-1] > tolerance:
            break
    return np.asarray(image[:, values > tolerance])

"""Critical points of the loss of a linear network in parameter space: pure and spurious ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.networks.linear.low_rank import MatrixDistance, real_matrix
from algeom.runtime import memory

__all__ = ["LinearCriticality", "linear_criticality", "linear_network_gradient", "linear_network_hessian"]

Float = NDArray[np.float64]

#: Gradients, relative to the sizes of what they are sums of, up to which a point counts as critical, and singular
#: values that count as zero: minimizations end with the square root of double precision.
_CRITICAL = 1e-6
#: Eigenvalues of the Hessian relative to the largest that count as zero, at points that are critical up to `_CRITICAL`.
_FLAT = 1e-5


@dataclass(frozen=True)
class LinearCriticality:
    """What a parameter of a linear network is for a squared loss.

    Attributes
    ----------
    kind : {"not critical", "pure", "spurious"}
        "pure": the product of the weights is critical for the loss on the function space; "spurious": the gradient
        vanishes because the multiplication is singular there.
    rank, rank_bound : int
        Rank of the product; the least width.
    gradient : float
        Norm of the gradient in parameter space, relative to the sizes of its terms, after the layers are scaled to
        equal norms, which changes neither the product nor what is critical.
    function_space_gradient : float
        Norm of the gradient on the function space at the product, relative likewise: on the tangent space where the
        rank is the bound, on the whole space where it is less and the function space is singular.
    index, nullity : int or None
        Numbers of negative and of zero eigenvalues of the Hessian; None if the point is not critical.
    evidence : Evidence
        NUMERICAL, with the tolerance.
    """

    kind: str
    rank: int
    rank_bound: int
    gradient: float
    function_space_gradient: float
    index: int | None
    nullity: int | None
    evidence: Evidence

    @property
    def is_saddle(self) -> bool | None:
        """True where the Hessian has a negative eigenvalue; None where second derivatives do not tell."""
        return True if self.index else None

    def __str__(self) -> str:
        text = f"{self.kind} (rank {self.rank} of {self.rank_bound}, gradient {self.gradient:.1e})"
        if self.index is None:
            return text
        return f"{text}, Hessian with {self.index} negative and {self.nullity} zero eigenvalues"


def linear_criticality(weights: Sequence[ArrayLike], loss: MatrixDistance) -> LinearCriticality:
    """Classify a parameter of a linear network: critical or not, pure or spurious.

    Parameters
    ----------
    weights : sequence of array_like of float
        W_1 (d_1 x d_0), ..., W_L, the first applied first.
    loss : MatrixDistance
        As from `matrix_regression`.

    Returns
    -------
    LinearCriticality

    Raises
    ------
    InputError
        If the weights do not compose, or their product has not the shape of the loss.

    Notes
    -----
    With r the least width, matrices of rank r are smooth points of the function space, and the differential of the
    multiplication is onto the tangent space wherever the product has rank r: critical parameters are then pure. Where
    the rank is less, the function space is singular (or all of the matrices, if r is the smaller side) and its tangent
    space everything, so that a critical parameter is pure only if the gradient of the loss vanishes.

    References
    ----------
    Trager, Kohn, Bruna, Pure and spurious critical points: a geometric study of linear networks, ICLR 2020,
    Definition 3 and section 3.

    Examples
    --------
    >>> from algeom.networks.linear import matrix_regression
    >>> loss = matrix_regression(np.eye(2), np.diag([2.0, 1.0]))
    >>> print(linear_criticality([[[1.0, 0.0]], [[2.0], [0.0]]], loss))
    pure (rank 1 of 1, gradient 0.0e+00), Hessian with 0 negative and 1 zero eigenvalues
    >>> print(linear_criticality([[[0.0, 0.0]], [[0.0], [0.0]]], loss))
    spurious (rank 0 of 1, gradient 0.0e+00), Hessian with 2 negative and 0 zero eigenvalues
    """
    matrices = _balanced(_composable(weights, loss))
    layers = len(matrices)
    product = _products(matrices)[layers][0]
    bound = min(matrices[0].shape[1], *(w.shape[0] for w in matrices))
    u, values, v = np.linalg.svd(product)
    size = max(float(np.linalg.norm(values)), float(np.linalg.norm(loss.target)))
    rank = int(np.sum(values > _CRITICAL * size))
    ambient = loss.gradient(product)
    reference = float(np.linalg.norm(loss.gradient(np.zeros(loss.shape)))) + _gradient_size(loss, product)
    if rank == bound:
        # The normal space consists of the matrices from the kernel to the cokernel.
        ambient = ambient - u[:, rank:] @ (u[:, rank:].T @ ambient @ v[rank:].T) @ v[rank:]
    on_space = float(np.linalg.norm(ambient)) / reference if reference else 0.0
    gradient = linear_network_gradient(matrices, loss)
    # Derivatives of the product by a layer are products of the others, of the size of that power of the product.
    scale = reference * size ** ((layers - 1) / layers)
    relative = float(np.sqrt(sum(np.sum(g**2) for g in gradient))) / scale if scale else 0.0
    evidence = Evidence(Status.NUMERICAL, np.nan, f"gradients and ranks with the relative tolerance {_CRITICAL:g}")
    # At full rank the differential is onto the tangent space, so that the gradient there decides.
    if (on_space if rank == bound else relative) > _CRITICAL:
        return LinearCriticality("not critical", rank, bound, relative, on_space, None, None, evidence)
    kind = "pure" if on_space <= _CRITICAL else "spurious"
    eigenvalues = np.linalg.eigvalsh(linear_network_hessian(matrices, loss))
    flat = _FLAT * float(np.abs(eigenvalues).max())
    index, nullity = int(np.sum(eigenvalues < -flat)), int(np.sum(np.abs(eigenvalues) <= flat))
    return LinearCriticality(kind, rank, bound, relative, on_space, index, nullity, evidence)


def linear_network_gradient(weights: Sequence[ArrayLike], loss: MatrixDistance) -> list[Float]:
    """Gradient of the loss of a linear network by each weight matrix.

    Examples
    --------
    >>> from algeom.networks.linear import matrix_regression
    >>> linear_network_gradient([[[1.0]], [[3.0]]], matrix_regression([[1.0]], [[1.0]]))
    [array([[12.]]), array([[4.]])]
    """
    matrices = _composable(weights, loss)
    partial = _products(matrices)
    layers = len(matrices)
    outer = loss.gradient(partial[layers][0])
    return [partial[layers][i].T @ outer @ partial[i - 1][0].T for i in range(1, layers + 1)]


def linear_network_hessian(weights: Sequence[ArrayLike], loss: MatrixDistance) -> Float:
    """Hessian of the loss of a linear network by all entries of W_1, ..., W_L, row by row.

    Returns
    -------
    ndarray of float64, shape (n, n)
        n = sum of d_i d_(i-1).

    Notes
    -----
    With products P_ji = W_j ... W_(i+1) and C the gradient of the loss by the matrix: the differential contributes
    2 D^T (R R^T (x) L^T L) D, the second differential of the multiplication for layers i < j the blocks with entries
    (P_(j-1)i)_bc (P_(i-1)0 C^T P_Lj)_da.

    Examples
    --------
    >>> from algeom.networks.linear import matrix_regression
    >>> linear_network_hessian([[[1.0]], [[3.0]]], matrix_regression([[1.0]], [[1.0]]))
    array([[18., 10.],
           [10.,  2.]])
    """
    matrices = _composable(weights, loss)
    partial = _products(matrices)
    layers = len(matrices)
    sizes = [w.size for w in matrices]
    starts = np.cumsum([0, *sizes])
    n = int(starts[-1])
    memory.require(
        8 * n * (2 * n + 3 * matrices[-1].shape[0] * matrices[0].shape[1]),
        None,
        f"the Hessian by {n} weights",
        "look at the gradient only, or at a smaller network",
    )
    outer = loss.gradient(partial[layers][0])
    # Rows: entries of L (dM) R for each entry of a weight matrix.
    differential = np.hstack(
        [np.kron(loss.left @ partial[layers][i], (partial[i - 1][0] @ loss.right).T) for i in range(1, layers + 1)]
    )
    hessian = 2.0 * differential.T @ differential
    for i in range(1, layers + 1):
        for j in range(i + 1, layers + 1):
            between = partial[j - 1][i]
            around = partial[i - 1][0] @ outer.T @ partial[layers][j]
            block = np.einsum("bc,da->abcd", between, around).reshape(sizes[j - 1], sizes[i - 1])
            hessian[starts[j - 1] : starts[j], starts[i - 1] : starts[i]] += block
            hessian[starts[i - 1] : starts[i], starts[j - 1] : starts[j]] += block.T
    return np.asarray(hessian)


def _balanced(matrices: list[Float]) -> list[Float]:
    """The same product from layers of equal norms; as they are if one is zero."""
    norms = [float(np.linalg.norm(w)) for w in matrices]
    if not all(norms):
        return matrices
    logs = np.log(norms)
    return [w * float(np.exp(logs.mean() - log)) for w, log in zip(matrices, logs, strict=True)]


def _gradient_size(loss: MatrixDistance, product: Float) -> float:
    return float(np.linalg.norm(loss.gradient(product) - loss.gradient(np.zeros(loss.shape))))


def _composable(weights: Sequence[ArrayLike], loss: MatrixDistance) -> list[Float]:
    if not isinstance(loss, MatrixDistance):
        raise InputError(f"loss is a {type(loss).__name__}; give what matrix_regression returns")
    matrices = [real_matrix(f"W_{number}", w) for number, w in enumerate(weights, start=1)]
    if not matrices:
        raise InputError("no weight matrices; give at least one")
    for number, (first, second) in enumerate(pairwise(matrices), start=1):
        if second.shape[1] != first.shape[0]:
            raise InputError(
                f"W_{number + 1} of shape {second.shape} cannot follow W_{number} of shape {first.shape}; give the "
                "first layer first, W_i of shape (d_i, d_(i-1))"
            )
    shape = (matrices[-1].shape[0], matrices[0].shape[1])
    if shape != loss.shape:
        raise InputError(
            f"the product of the weights has shape {shape} and the loss is on matrices of shape {loss.shape}"
        )
    return matrices


def _products(matrices: Sequence[Float]) -> list[list[Float]]:
    """``products[j][i]`` is W_j ... W_(i+1), the identity for i = j."""
    widths = [matrices[0].shape[1], *(w.shape[0] for w in matrices)]
    products: list[list[Float]] = [[np.eye(widths[0])]]
    for j, w in enumerate(matrices, start=1):
        products.append([w @ before for before in products[-1]] + [np.eye(widths[j])])
    return products

"""Layers of a network, a tuple of square matrices, reduced together: A_j ~ S X_j R with common S and R.

What a reduction keeps is the long products of the matrices, not their entries. With X_j = R A_j S the sum over all
words w of length k of tr(A_w) conj(tr(X_w)) is tr Gamma(A; X)^k, so that the correlation of the traces of all words is

    tr Gamma(A; X)^k / sqrt(tr Phi(A)^k tr Phi(X)^k),

whose k-th root goes to the similarity for long words if the dominant eigenvalues are simple and positive (an identity
of our own; tr(A (x) B) = tr A tr B is all it takes). Methods that make the error of the entries small, as truncated
singular value decompositions do, are better at just that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.tuples import Array, matrix_tuple
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.lsrdr.spectra.similarity import similarity
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.memory import require

__all__ = ["LayerComparison", "LayerReduction", "ReducedLayers", "compare_layer_reductions", "reduce_layers"]

Method = Literal["lsrdr", "tucker", "shared", "random"]

#: Sweeps of orthogonal iteration for the Tucker decomposition, and the relative gain of squared norm that ends them:
#: errors are printed with four digits.
_SWEEPS, _GAIN = 200, 1e-9

#: Length and number of the random words whose traces are compared by default. Correlations of 2000 traces have
#: standard errors of about 0.02 for matrices without a common large eigenvalue, where they are far from 1.
_WORD_LENGTH, _WORDS = 8, 2000

#: Words whose products are formed together.
_TOGETHER = 64


@dataclass(frozen=True, eq=False, repr=False)
class LayerReduction:
    """Square matrices A_j, approximated by left @ cores[j] @ right.

    Attributes
    ----------
    left, right : ndarray, shape (n, d) and (d, n)
    cores : ndarray, shape (r, d, d)
        With the common factor that makes the Frobenius error least.
    layers : ndarray, shape (r, n, n)
        A_1, ..., A_r.
    method : {"lsrdr", "tucker", "shared", "random"}
    reduction : LSRDRResult or None
        Of the method "lsrdr": its evidence and agreement of starts.
    seed : int
    """

    left: Array
    cores: Array
    right: Array
    layers: Array
    method: Method
    reduction: LSRDRResult | None
    seed: int

    @property
    def r(self) -> int:
        """Number of matrices."""
        return len(self.layers)

    @property
    def n(self) -> int:
        """Size of the matrices."""
        return int(self.layers.shape[1])

    @property
    def rank(self) -> int:
        """Size d of the cores."""
        return int(self.cores.shape[1])

    @property
    def approximation(self) -> Array:
        """The matrices left @ cores[j] @ right, shape (r, n, n)."""
        return np.asarray(self.left @ self.cores @ self.right)

    @property
    def small(self) -> Array:
        """The matrices cores[j] @ right @ left, shape (r, d, d): their products have the traces of `approximation`."""
        return np.asarray(self.cores @ (self.right @ self.left))

    @property
    def error(self) -> float:
        """Frobenius error relative to the norm of the layers."""
        return _relative_error(self.approximation, self.layers)

    @property
    def parameters(self) -> int:
        """Numbers that are stored, 2 n d + r d^2 of r n^2; projections with left = right^T store n d less."""
        symmetric = self.method in ("shared", "random")
        return (1 if symmetric else 2) * self.n * self.rank + self.cores.size

    def apply(self, j: int, x: Any) -> Array:
        """Layer j of the approximation times x (n,) or (n, k), in 2 n d + d^2 multiplications for each column."""
        return np.asarray(self.left @ (self.cores[j] @ (self.right @ np.asarray(x))))

    def fitted(self) -> LayerReduction:
        """The same with the cores that make the Frobenius error least for `left` and `right`, which change X_j."""
        return replace(self, cores=np.linalg.pinv(self.left) @ self.layers @ np.linalg.pinv(self.right))

    def similarity(self) -> float:
        """Similarity of the approximation to the layers."""
        return similarity(self.layers, self.small, rng=self.seed).value

    def __repr__(self) -> str:
        share = self.parameters / self.layers.size
        notes = [
            f"{self.r} layers, {self.n} -> {self.rank}, by {self.method}",
            f"relative error {self.error:.4f}",
            f"{self.parameters} of {self.layers.size} numbers ({share:.0%})",
        ]
        if self.reduction is not None:
            agreement = self.reduction.agreement
            notes.append(f"{agreement.agreed} of {agreement.starts} starts agree")
        return f"LayerReduction({'; '.join(notes)})"


def reduce_layers(
    matrices: Any,
    d: int,
    *,
    method: Method = "lsrdr",
    starts: int = 8,
    tolerance: float = 1e-10,
    rng: seeds.RandomState = None,
) -> LayerReduction:
    """Approximate the square layers of a network by S X_j R with common S (n, d) and R (d, n).

    Parameters
    ----------
    matrices : array_like, shape (r, n, n)
        Layers, or matrices Q_h^T K_h or V_h of attention heads.
    d : int
        From 1 to n.
    method : {"lsrdr", "tucker", "shared", "random"}
        "lsrdr": the reduction by `lsrdr`, X_j = R A_j S with R S = I. "tucker": S and R^T with orthonormal columns that
        make the Frobenius error small, by alternating truncated singular value decompositions of the matrices side by
        side and below each other (HOOI, begun at the truncated HOSVD). "shared": S = R^T, leading eigenvectors of the
        sum of A_j A_j^* + A_j^* A_j. "random": S = R^* with orthonormal columns, uniformly random.
    starts, tolerance
        As for `lsrdr`.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    LayerReduction
        The cores of "lsrdr" are X_j times the one factor that makes the Frobenius error least.

    Raises
    ------
    InputError
        If an argument is not as described. For "lsrdr" also if the tuple is nilpotent: as soon as what layers write is
        not read by any of them, as for heads with orthogonal query and key subspaces, there is nothing to reduce.
    GenericityError
        If all starts of "lsrdr" fail.

    Notes
    -----
    A = S M_j R' with R' S invertible is recovered exactly by "lsrdr": P = S (R' S)^-1 R' has similarity 1, and
    P A_j P = A_j. "tucker" recovers it too, and all other tuples with a common image and a common coimage of dimension
    d, as those with R' S = 0.

    Reductions commute with joint conjugation, A_j to C A_j C^-1, as belongs to layers that act on one space, such as
    the matrices V_h of attention heads on a residual stream. Matrices Q_h^T K_h are bilinear forms, with C^T A_j C;
    the two are the same for orthogonal C only.

    References
    ----------
    L. De Lathauwer, B. De Moor, J. Vandewalle, A multilinear singular value decomposition, and On the best rank-1 and
    rank-(R1, ..., RN) approximation, SIAM J. Matrix Anal. Appl. 21 (2000), for "tucker" (two of three factors, also
    called Tucker-2).

    Examples
    --------
    Heads that read from a subspace and write to another one, at an angle:

    >>> rng = np.random.default_rng(0)
    >>> S, R, M = rng.standard_normal((8, 2)), rng.standard_normal((2, 8)), rng.standard_normal((5, 2, 2))
    >>> exact = reduce_layers(S @ M @ R, 2, rng=1)
    >>> bool(exact.error < 1e-8), exact.parameters, exact.reduction.agreement.unanimous
    (True, 52, True)
    """
    A = matrix_tuple(matrices, "matrices")
    n = A.shape[1]
    d = check_integer("d", d, 1, n, f"the matrices are {n} x {n}")
    if method not in ("lsrdr", "tucker", "shared", "random"):
        raise InputError(f"method={method!r}; choose lsrdr, tucker, shared or random")
    if not A.any():
        raise InputError("all matrices are zero; there is nothing to reduce")
    seed, _ = seeds.resolve(rng)
    reduction = None
    if method == "lsrdr":
        # The field is given: complex factors would be of no use for real layers.
        field: Literal["real", "complex"] = "complex" if A.dtype.kind == "c" else "real"
        reduction = lsrdr(A, d, starts=starts, tolerance=tolerance, field=field, rng=seed)
        S, R, X = reduction.S, reduction.R, reduction.X
        plain = S @ X @ R
        X = X * (np.vdot(plain, A) / np.vdot(plain, plain))
    else:
        if method == "tucker":
            S, R = _tucker(A, d)
        else:
            S = _shared(A, d) if method == "shared" else _random_basis(A, d, seed)
            R = S.conj().T
        X = S.conj().T @ A @ R.conj().T
    return LayerReduction(S, X, R, A, method, reduction, seed)


def _tucker(A: Array, d: int) -> tuple[Array, Array]:
    """Left (n, d) and right (d, n) with orthonormal columns and rows: left left^* A_j right^* right is near A_j."""
    left = _left_vectors(np.hstack(list(A)), d)
    right = _left_vectors(np.hstack(list(A.conj().swapaxes(1, 2))), d)
    kept = 0.0
    for _ in range(_SWEEPS):
        left = _left_vectors(np.hstack(list(A @ right)), d)
        right = _left_vectors(np.hstack(list(A.conj().swapaxes(1, 2) @ left)), d)
        now = float(np.linalg.norm(left.conj().T @ A @ right) ** 2)
        if now <= kept * (1 + _GAIN):
            break
        kept = now
    return left, right.conj().T


def _left_vectors(M: Array, d: int) -> Array:
    return np.asarray(np.linalg.svd(M, full_matrices=False)[0][:, :d])


def _shared(A: Array, d: int) -> Array:
    adjoints = A.conj().swapaxes(1, 2)
    return np.asarray(np.linalg.eigh((A @ adjoints + adjoints @ A).sum(axis=0))[1][:, ::-1][:, :d])


def _random_basis(A: Array, d: int, seed: int) -> Array:
    generator = seeds.derive(seed, "random projection")
    M: Array = generator.standard_normal((A.shape[1], d))
    if A.dtype.kind == "c":
        M = M + 1j * generator.standard_normal(M.shape)
    return np.asarray(np.linalg.qr(M)[0])


def _relative_error(B: Array, A: Array) -> float:
    return float(np.linalg.norm(A - B) / np.linalg.norm(A))


def word_traces(A: Any, words: Any) -> Array:
    """Traces of the products A_(w_1) A_(w_2) ... A_(w_k) for words w, the rows of an array of indices.

    Examples
    --------
    >>> word_traces([[[0.0, 2.0], [0.0, 0.0]], [[0.0, 0.0], [3.0, 0.0]]], [[0, 1], [0, 0]])
    array([6., 0.])
    """
    matrices = matrix_tuple(A)
    indices = np.asarray(words)
    if indices.ndim != 2 or indices.dtype.kind not in "iu" or 0 in indices.shape:
        raise InputError(f"words has the shape {indices.shape}; give rows of indices of matrices, one for each word")
    if indices.min() < 0 or indices.max() >= len(matrices):
        raise InputError(f"words has the index {indices.max()}; there are {len(matrices)} matrices, from 0 on")
    traces = np.empty(len(indices), dtype=matrices.dtype)
    for first in range(0, len(indices), _TOGETHER):
        part = indices[first : first + _TOGETHER]
        products = matrices[part[:, 0]]
        for letter in part.T[1:]:
            products = products @ matrices[letter]
        traces[first : first + _TOGETHER] = np.einsum("kii->k", products)
    return traces


@dataclass(frozen=True)
class ReducedLayers:
    """What one method made of a tuple of layers.

    Attributes
    ----------
    method : str
    parameters : int
        Numbers that are stored.
    error : float
        Relative Frobenius error.
    similarity : float
        To the layers; nan if the approximation is nilpotent, so that it has none.
    word_correlation : float
        Cosine of the vectors of traces of long random products of the layers and of the approximation: common factors
        do not count.
    score : float
        Of the network with the approximation in place of its layers; nan where there is no network.
    """

    method: str
    parameters: int
    error: float
    similarity: float
    word_correlation: float
    score: float


@dataclass(frozen=True)
class LayerComparison:
    """Methods compared on one tuple of layers.

    Attributes
    ----------
    rows : tuple of ReducedLayers
    shape : tuple of int
        (r, n, n), of the layers.
    rank, word_length, words : int
    score : float
        Of the network as it was; nan where there is none.
    seed : int
    """

    rows: tuple[ReducedLayers, ...]
    shape: tuple[int, ...]
    rank: int
    word_length: int
    words: int
    score: float
    seed: int

    def __getitem__(self, method: str) -> ReducedLayers:
        for row in self.rows:
            if row.method == method:
                return row
        raise InputError(f"no row {method!r}; there are {', '.join(row.method for row in self.rows)}")

    def __str__(self) -> str:
        r, n, _ = self.shape
        head = f"{r} layers, {n} x {n}, {math.prod(self.shape)} numbers; rank {self.rank}"
        if not math.isnan(self.score):
            head += f"; score {self.score:.4f} before"
        words = f"words of {self.word_length}"
        lines = [head, f"{'':<22}{'numbers':>8}{'error':>9}{'similarity':>12}{words:>12}{'score':>9}"]
        for row in self.rows:
            values = f"{row.error:>9.4f}{row.similarity:>12.4f}{row.word_correlation:>12.4f}"
            score = "" if math.isnan(row.score) else f"{row.score:>9.4f}"
            lines.append(f"{row.method:<22}{row.parameters:>8}{values}{score}")
        return "\n".join(lines)


def compare_layer_reductions(
    matrices: Any,
    d: int,
    *,
    score: Callable[[Array], float] | None = None,
    word_length: int = _WORD_LENGTH,
    words: int = _WORDS,
    starts: int = 8,
    rng: seeds.RandomState = None,
) -> LayerComparison:
    """Reduce a tuple of layers by several methods, and compare what each of them keeps.

    Parameters
    ----------
    matrices : array_like, shape (r, n, n)
    d : int
        From 1 to n.
    score : callable, optional
        Takes an array (r, n, n) in place of the layers and returns how good the network is with them.
    word_length, words : int
        Length and number of the random products whose traces are compared.
    starts : int
        Of `lsrdr`.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    LayerComparison
        Rows "lsrdr", "tucker", "shared", "random" as `reduce_layers` names them; "lsrdr, fitted cores", with the cores
        that make the Frobenius error least; and "svd of each", the truncated singular value decomposition of each
        layer, of the largest rank that stores no more numbers than "lsrdr", but of rank 1 at least.

    Raises
    ------
    InputError, GenericityError
        As `reduce_layers`.
    ResourceError
        If the products do not fit.

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> layers = rng.standard_normal((4, 10, 10))
    >>> compared = compare_layer_reductions(layers, 5, words=500, rng=0)
    >>> compared["tucker"].error < compared["lsrdr"].error
    True
    >>> compared["lsrdr"].similarity > compared["tucker"].similarity
    True
    """
    seed, _ = seeds.resolve(rng)
    word_length, words = check_integer("word_length", word_length, 1), check_integer("words", words, 2)
    reduced = reduce_layers(matrices, d, starts=starts, rng=seed)
    A, (r, n, _) = reduced.layers, reduced.layers.shape
    held = 3.0 * min(words, _TOGETHER) * n * n * A.itemsize
    require(held + 8.0 * words * word_length, None, f"{words} products of layers", "compare fewer words")
    letters = seeds.derive(seed, "words").integers(r, size=(words, word_length))
    traces = word_traces(A, letters)
    others: Sequence[Method] = ("tucker", "shared", "random")
    found = {"lsrdr": reduced, "lsrdr, fitted cores": reduced.fitted()}
    found |= {method: reduce_layers(A, d, method=method, rng=seed) for method in others}

    def row(name: str, parameters: int, approximation: Array, small: Array) -> ReducedLayers:
        return ReducedLayers(
            method=name,
            parameters=parameters,
            error=_relative_error(approximation, A),
            similarity=_similarity(A, small, seed),
            word_correlation=_cosine(traces, word_traces(small, letters)),
            score=math.nan if score is None else float(score(approximation)),
        )

    rows = [row(name, each.parameters, each.approximation, each.small) for name, each in found.items()]
    rank = max(1, reduced.parameters // (2 * r * n))
    U, sigma, V = np.linalg.svd(A)
    separate = (U[:, :, :rank] * sigma[:, None, :rank]) @ V[:, :rank]
    rows.append(row("svd of each", 2 * r * n * rank, separate, separate))
    before = math.nan if score is None else float(score(A))
    return LayerComparison(tuple(rows), A.shape, reduced.rank, word_length, words, before, seed)


def _similarity(A: Array, B: Array, seed: int) -> float:
    try:
        return similarity(A, B, rng=seed).value
    except InputError:  # a nilpotent approximation: its long products vanish
        return math.nan


def _cosine(first: Array, second: Array) -> float:
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return abs(complex(np.vdot(first, second))) / norms if norms else 0.0

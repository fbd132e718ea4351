"""Finite groups of permutations, signed permutations or orthogonal matrices, and means over them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError, ResourceError
from algeom.maps.relabelling import IntArray, check_integer
from algeom.networks.equivariant.arguments import LARGEST, as_array
from algeom.networks.equivariant.permutations import Permutation, permutation
from algeom.runtime.memory import require

__all__ = ["Generator", "GroupMean", "SignedPermutation", "as_generators", "group_mean", "orthogonal_form"]

Array = NDArray[Any]
Float = NDArray[np.float64]

#: A matrix counts as orthogonal, and two group elements as equal, up to this times n eps: products of a few matrices in
#: double precision are as accurate.
_TOLERANCE = 64.0

#: Elements of a matrix group that are listed, for means over it; above, equations for the generators are solved.
MAX_ELEMENTS = 5000

#: Size up to which they are: n^2 unknowns, and a decomposition of cubic cost in these.
_MAX_EQUATIONS = 40

#: Distances of two elements of a finite group are far above this, rounding errors of products of generators far below.
_SAME_ELEMENT = 1e-6


@dataclass(frozen=True, eq=False)
class SignedPermutation:
    """The orthogonal map ``e_j -> signs[j] * e_images[j]``.

    Attributes
    ----------
    images : ndarray of int64, shape (n,)
    signs : ndarray of int64, shape (n,)
        1 or -1.
    """

    images: IntArray
    signs: IntArray

    @property
    def n(self) -> int:
        """How many coordinates there are."""
        return int(self.images.size)

    def matrix(self) -> IntArray:
        """The matrix, with one entry 1 or -1 in every row and column."""
        result = np.zeros((self.n, self.n), dtype=np.int64)
        result[self.images, np.arange(self.n)] = self.signs
        return result


#: A generator of a group, as read.
Generator = Permutation | SignedPermutation | Float


def as_generators(generators: Sequence[Any], n: int | None = None, *, orthogonal: bool = True) -> tuple[Generator, ...]:
    """Read generators of one group, of one kind and one size.

    Parameters
    ----------
    generators : sequence
        Permutations in a notation of `permutation`; signed permutations in one-line notation with points from 1 on,
        such as ``[2, -1, 3]``; or matrices, as arrays with two dimensions.
    n : int, optional
        Number of coordinates, to extend cycle notation.
    orthogonal : bool
        Whether matrices have to be orthogonal, or only invertible.

    Returns
    -------
    tuple
        All Permutation, all SignedPermutation, or all matrices of float64.

    Raises
    ------
    InputError
        If there are none, one cannot be read, or sizes differ.

    Examples
    --------
    >>> first, second = as_generators(["(12)", [2, -1, 3]])
    >>> first.signs, second.signs
    (array([1, 1, 1]), array([ 1, -1,  1]))
    """
    if not generators:
        raise InputError("no generators were given; give at least one, '()' with n=... for the trivial group")
    size = None if n is None else check_integer("n", n, 1)
    read = [_read(generator, orthogonal) for generator in generators]
    # Cycle notation does not say how many fixed points there are.
    fixed = [g for g, given in zip(read, generators, strict=True) if not _is_cycles(given)]
    sizes = {_size(g) for g in fixed} | (set() if size is None else {size})
    largest = max(_size(g) for g in read)
    if len(sizes) > 1 or (sizes and largest > max(sizes)):
        raise InputError(
            f"the generators act on different numbers of coordinates, {sorted({*sizes, largest})}; give all for one n"
        )
    size = max(sizes, default=largest)
    read = [permutation(given, n=size) if _is_cycles(given) else g for g, given in zip(read, generators, strict=True)]
    if all(isinstance(g, Permutation) for g in read):
        return tuple(read)
    if all(isinstance(g, (Permutation, SignedPermutation)) for g in read):
        return tuple(_signed(g) for g in read)
    return tuple(np.asarray(g if isinstance(g, np.ndarray) else g.matrix(), dtype=np.float64) for g in read)


def _is_cycles(given: Any) -> bool:
    if isinstance(given, str):
        return True
    return isinstance(given, (list, tuple)) and bool(given) and all(isinstance(part, (list, tuple)) for part in given)


def _size(generator: Generator) -> int:
    return generator.shape[0] if isinstance(generator, np.ndarray) else generator.n


def _read(given: Any, orthogonal: bool) -> Generator:
    if isinstance(given, SignedPermutation):
        return given
    if isinstance(given, np.ndarray) and given.ndim == 2:
        return _from_matrix(given, orthogonal)
    if not isinstance(given, (str, Permutation)) and not _is_cycles(given):
        entries = np.asarray(given)
        if entries.ndim == 1 and entries.size and entries.dtype.kind == "i" and entries.min() < 0:
            images = np.abs(entries)
            if 0 in images:
                raise InputError(f"signed one-line notation has points from 1 on; {entries.tolist()} was given")
            return SignedPermutation(permutation(images).images, np.sign(entries))
    return permutation(given)


def _from_matrix(matrix: Array, orthogonal: bool) -> Generator:
    if matrix.shape[0] != matrix.shape[1] or not matrix.size or matrix.dtype.kind not in "iufb":
        raise InputError(
            f"a generator has the shape {matrix.shape} and the type {matrix.dtype}; give a real n x n matrix"
        )
    array = matrix.astype(np.float64)
    if not np.all(np.isfinite(array)):
        raise InputError("a generator has entries that are NaN or infinite; give finite ones")
    size = np.abs(array)
    if size.max() > LARGEST:
        raise InputError(f"a generator has entries up to {size.max():.0e}, beyond {LARGEST:.0e}; products overflow")
    if np.all((size == 0) | (size == 1)) and np.all(size.sum(0) == 1) and np.all(size.sum(1) == 1):
        images = np.argmax(size, axis=0)
        signs = array[images, np.arange(images.size)].astype(np.int64)
        return Permutation(images) if np.all(signs == 1) else SignedPermutation(images, signs)
    n = len(array)
    error = float(np.abs(array.T @ array - np.eye(n)).max())
    if orthogonal and error > _TOLERANCE * n * np.finfo(np.float64).eps:
        raise InputError(
            f"a generator is not orthogonal (its columns deviate by {error:.1e} from orthonormal ones), so that "
            "distances are not invariant; orthogonal_form(...) gives coordinates in which the group is"
        )
    if not orthogonal and np.linalg.matrix_rank(array) < n:
        raise InputError("a generator is singular; elements of a group of matrices are invertible")
    return array


def _signed(generator: Any) -> SignedPermutation:
    if isinstance(generator, SignedPermutation):
        return generator
    return SignedPermutation(generator.images, np.ones(generator.n, dtype=np.int64))


class GroupMean(ABC):
    """The mean of a matrix over the group, (1/|G|) sum of g X g^T: the projection to the matrices that commute with it.

    Attributes
    ----------
    n : int
    dimension : int
        Of the space of matrices that commute with the group.
    """

    def __init__(self, n: int, dimension: int) -> None:
        self.n, self.dimension = n, dimension

    @abstractmethod
    def __call__(self, matrix: Float) -> Float:
        """The mean of an n x n matrix."""


def group_mean(generators: Sequence[Generator]) -> GroupMean:
    """The mean over the group that generators make.

    Parameters
    ----------
    generators : sequence
        From `as_generators`, orthogonal.

    Returns
    -------
    GroupMean
        For (signed) permutations by the orbits of pairs of coordinates, whatever the order of the group. For matrices
        by listing the group; if it has more than `MAX_ELEMENTS` elements, by solving ``g X = X g`` for the generators,
        for which the group may also be infinite, as long as it is compact.

    Raises
    ------
    ResourceError
        If the matrices are large and the group too large to be listed.

    Examples
    --------
    >>> mean = group_mean(as_generators(["(123)", "(12)"]))
    >>> mean.dimension, mean(np.diag([3.0, 0.0, 0.0])).tolist()
    (2, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    """
    if not isinstance(generators[0], np.ndarray):
        return _OrbitMean([_signed(g) for g in generators])
    matrices = [np.asarray(g) for g in generators]
    elements = _elements(matrices)
    if elements is not None:
        return _ElementMean(elements)
    n = len(matrices[0])
    if n <= _MAX_EQUATIONS:
        return _EquationMean(matrices)
    raise ResourceError(
        f"the group of {n} x {n} matrices has more than {MAX_ELEMENTS} elements, too many to list, and equations for "
        f"matrices larger than {_MAX_EQUATIONS} x {_MAX_EQUATIONS} would not fit; permutations and signed permutations "
        "of any number are fine"
    )


class _OrbitMean(GroupMean):
    """For signed permutations: a matrix that commutes is constant, up to signs, on the orbits of pairs (i, j)."""

    def __init__(self, generators: Sequence[SignedPermutation]) -> None:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = generators[0].n
        # Row and column indices and the graph's compressed form, for every pair with either sign.
        require(
            64.0 * len(generators) * n**2, None, f"the orbits of {n**2} pairs of coordinates", "use fewer coordinates"
        )
        pairs = np.arange(n * n)
        i, j = np.divmod(pairs, n)
        rows, columns = [], []
        for g in generators:
            target = g.images[i] * n + g.images[j]
            flips = (g.signs[i] * g.signs[j] < 0) * (n * n)
            # Node p is the pair p, node p + n^2 its negative.
            rows += [pairs, pairs + n * n]
            columns += [target + flips, target + (n * n - flips)]
        row, column = np.concatenate(rows), np.concatenate(columns)
        graph = coo_array((np.ones(row.size, dtype=np.int8), (row, column)), shape=(2 * n * n, 2 * n * n))
        labels = connected_components(graph, directed=False)[1]
        positive, negative = labels[: n * n], labels[n * n :]
        # An orbit that contains a pair and its negative forces zeros. Others come twice, with opposite signs.
        self._consistent = positive != negative
        self._signs = np.where(positive < negative, 1.0, -1.0) * self._consistent
        orbit = np.minimum(positive, negative)
        self._orbits = np.unique(orbit, return_inverse=True)[1].ravel()
        self._sizes = np.bincount(self._orbits)
        super().__init__(n, int(np.unique(orbit[self._consistent]).size))

    def __call__(self, matrix: Float) -> Float:
        sums = np.bincount(self._orbits, weights=self._signs * matrix.ravel())
        return np.asarray(self._signs * (sums / self._sizes)[self._orbits]).reshape(self.n, self.n)


class _ElementMean(GroupMean):
    """For a matrix group whose elements are listed."""

    def __init__(self, elements: Float) -> None:
        self._elements = elements
        traces = np.trace(elements, axis1=1, axis2=2)
        super().__init__(elements.shape[1], round(float(np.mean(traces**2))))

    def __call__(self, matrix: Float) -> Float:
        total = np.zeros((self.n, self.n))
        for g in self._elements:
            total += g @ matrix @ g.T
        return total / len(self._elements)


class _EquationMean(GroupMean):
    """By the kernel of X -> (g X - X g) over all generators g."""

    def __init__(self, matrices: Sequence[Float]) -> None:
        n = len(matrices[0])
        equations = np.zeros((n * n, n * n))
        for g in matrices:
            # |g X - X g|^2 = |g X g^T - X|^2 for orthogonal g.
            action = np.kron(g, g)
            equations += 2 * np.eye(n * n) - action - action.T
        values, vectors = np.linalg.eigh(equations)
        kernel = values <= _TOLERANCE * n * n * np.finfo(np.float64).eps * max(1.0, float(values[-1]))
        self._basis = vectors[:, kernel]
        super().__init__(n, int(np.count_nonzero(kernel)))

    def __call__(self, matrix: Float) -> Float:
        return np.asarray(self._basis @ (self._basis.T @ matrix.ravel())).reshape(self.n, self.n)


def _elements(matrices: Sequence[Float]) -> Float | None:
    """All elements of the group that matrices generate, as an array (N, n, n); None if they are too many."""
    n = len(matrices[0])
    require(8.0 * MAX_ELEMENTS * n * n, None, f"a list of {MAX_ELEMENTS} matrices of size {n}", "use permutations")
    rng = np.random.default_rng(0)
    functional = rng.standard_normal((n, n)) / n
    found = [np.eye(n)]
    # Elements by the value of a fixed linear functional, to be compared with few others.
    by_value: dict[int, list[int]] = {_cell(functional, found[0]): [0]}
    position = 0
    while position < len(found):
        for g in matrices:
            candidate = g @ found[position]
            cell = _cell(functional, candidate)
            near = [k for c in (cell - 1, cell, cell + 1) for k in by_value.get(c, [])]
            if any(np.abs(candidate - found[k]).max() < _SAME_ELEMENT for k in near):
                continue
            if len(found) >= MAX_ELEMENTS or not np.abs(candidate).max() < 1 / _SAME_ELEMENT:
                return None
            by_value.setdefault(cell, []).append(len(found))
            found.append(candidate)
        position += 1
    return np.array(found)


def _cell(functional: Float, matrix: Float) -> int:
    # A difference of _SAME_ELEMENT in all entries changes the value by less than the width n * _SAME_ELEMENT * 4.
    return int(np.floor(float(np.sum(functional * matrix)) / (4 * len(matrix) * _SAME_ELEMENT)))


def orthogonal_form(*generators: Any) -> tuple[Float, tuple[Float, ...]]:
    """Coordinates in which a finite group of matrices is orthogonal.

    Parameters
    ----------
    *generators : array_like, shape (n, n)
        Invertible matrices that generate a finite group.

    Returns
    -------
    S : ndarray, shape (n, n)
        The positive definite root of the mean of ``g^T g`` over the group.
    generators : tuple of ndarray
        ``S g S^-1``, to be given to `equivariant_maps`. A matrix M is equivariant for the given group when
        ``S M S^-1`` is for these, and has the same ranks; distances are measured in the new coordinates.

    Raises
    ------
    InputError
        If a matrix is singular, or the group is infinite or has more than 5000 elements.

    Examples
    --------
    A group of order 3 that is not orthogonal.

    >>> S, (g,) = orthogonal_form(np.array([[0, -1], [1, -1]]))
    >>> bool(np.allclose(g @ g.T, np.eye(2))), bool(np.allclose(np.linalg.matrix_power(g, 3), np.eye(2)))
    (True, True)
    """
    arrays = [as_array("a generator", g.matrix() if hasattr(g, "matrix") else g) for g in generators]
    read = as_generators(arrays, orthogonal=False)
    matrices = [np.asarray(g if isinstance(g, np.ndarray) else g.matrix(), dtype=np.float64) for g in read]
    elements = _elements(matrices)
    if elements is None:
        raise InputError(
            f"the matrices generate an infinite group, or one of more than {MAX_ELEMENTS} elements; an invariant "
            "metric is found by listing the elements"
        )
    values, vectors = np.linalg.eigh(np.mean(np.swapaxes(elements, 1, 2) @ elements, axis=0))
    root, inverse = (vectors * np.sqrt(values)) @ vectors.T, (vectors / np.sqrt(values)) @ vectors.T
    # One step towards the nearest orthogonal matrix removes the rounding errors of the roots.
    changed = [root @ g @ inverse for g in matrices]
    return root, tuple((3 * np.eye(len(g)) - g @ g.T) @ g / 2 for g in changed)

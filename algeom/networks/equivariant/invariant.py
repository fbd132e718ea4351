"""Invariant linear maps: matrices M with M g = M for a group, and among them those of bounded rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import IntArray, check_integer, indexed_names
from algeom.networks.equivariant.arguments import checked_data, checked_gram, checked_matrix
from algeom.networks.equivariant.component import short_count
from algeom.networks.equivariant.groups import Generator, SignedPermutation, as_generators
from algeom.networks.equivariant.low_rank import spectrum, square_roots
from algeom.networks.equivariant.permutations import Permutation, orbit_labels
from algeom.networks.equivariant.weight_sharing import WeightSharing
from algeom.networks.linear.determinantal import (
    determinantal_degree,
    determinantal_dimension,
    determinantal_ed_degree,
    determinantal_singular_rank,
)

__all__ = ["InvariantMaps", "NearestInvariant", "invariant_maps"]

Array = NDArray[Any]
Float = NDArray[np.float64]

#: Rounding errors relative to the largest number: products of a few matrices of size n have errors of a few n eps.
_ROUNDING = 64.0


@dataclass(frozen=True, eq=False, repr=False)
class NearestInvariant:
    """The nearest invariant map of bounded rank to a matrix, or the one that fits data best.

    Attributes
    ----------
    matrix : ndarray, shape (m, n)
    compressed : ndarray, shape (m, k)
        psi of it: one column for each invariant.
    distance : float
        From the target, in the metric; for data the root of the squared loss.
    distance_to_invariant : float
        From the target to the nearest invariant map of any rank.
    singular_values : ndarray, shape (min(m, k),)
        In the metric, of the nearest invariant map of any rank; the first `rank` are kept.
    rank : int
        How many are kept.
    is_unique : bool
        Whether no other invariant map of this rank is equally near, up to rounding; False where the metric is
        degenerate.
    evidence : Evidence
    """

    matrix: Float
    compressed: Float
    distance: float
    distance_to_invariant: float
    singular_values: Float
    rank: int
    is_unique: bool
    evidence: Evidence

    def __repr__(self) -> str:
        return (
            f"NearestInvariant(rank {self.rank}, distance {self.distance:.10g}; of any rank "
            f"{self.distance_to_invariant:.10g}{'' if self.is_unique else '; not unique'}; {self.evidence})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class InvariantMaps:
    """The m x n matrices of rank at most r that do not change when a group acts on the inputs.

    Make it with `invariant_maps`.

    Attributes
    ----------
    m, n : int
        Rows and columns.
    invariants : ndarray, shape (k, n)
        E: its rows are a basis of the linear forms on R^n that the group leaves fixed. M is invariant if and only if it
        is of the form ``M = psi(M) E``. For permutations the matrix E_P of the orbits, with entries 0 and 1; for signed
        permutations 0, 1 and -1; otherwise orthonormal rows.
    rank_bound : int
        The r that was asked for.
    labels : ndarray of int64, shape (n,), or None
        For (signed) permutations: the orbit of each input, -1 where signs force the column to vanish.

    References
    ----------
    K. Kohn, A.-L. Sattelberger, V. Shahverdi, Geometry of linear neural networks: equivariance and invariance under
    permutation groups, arXiv:2309.13736, for permutations. For other groups: the same argument with fixed
    linear forms in place of orbits.

    Examples
    --------
    >>> maps = invariant_maps("(134)(25)", m=2, r=1)
    >>> maps
    InvariantMaps(2 x 5, rank at most 1, 2 orbits; dimension 3, degree 2, ED degree 2)
    >>> maps.expand([[1, 2], [3, 6]])
    array([[1, 2, 1, 1, 2],
           [3, 6, 3, 3, 6]])
    """

    m: int
    n: int
    invariants: Array
    rank_bound: int
    labels: IntArray | None
    generators: tuple[Generator, ...]

    @property
    def k(self) -> int:
        """How many independent invariant linear forms there are: for permutations the number of orbits."""
        return int(self.invariants.shape[0])

    @property
    def rank(self) -> int:
        """Rho = min(r, m, k): the rank of a general matrix among them."""
        return min(self.rank_bound, self.m, self.k)

    @property
    def orbits(self) -> tuple[IntArray, ...]:
        """The orbits of the inputs: the finest common coarsening of the cycles of the generators.

        Raises
        ------
        InputError
            For a group of general matrices, which does not permute the inputs.
        """
        labels = self._require_labels("orbits")
        return tuple(np.flatnonzero(labels == label) for label in range(self.k))

    @property
    def dimension(self) -> int:
        """Rho (m + k - rho)."""
        return determinantal_dimension(self.m, self.k, self.rank) if self.k else 0

    @property
    def degree(self) -> int:
        """The degree of the m x k matrices of rank at most rho, with which these are identified linearly."""
        return determinantal_degree(self.m, self.k, self.rank) if self.k else 1

    @property
    def ed_degree(self) -> int:
        """For the Frobenius norm, C(min(m, k), rho): columns are weighted by the sizes of orbits."""
        return determinantal_ed_degree(self.m, self.k, self.rank) if self.k else 1

    @property
    def singular_rank(self) -> int | None:
        """Rank up to which matrices are singular points: rho - 1, or None for a linear space, which is smooth."""
        return determinantal_singular_rank(self.m, self.k, self.rank) if self.k else None

    @property
    def n_parameters(self) -> int:
        """Number of weights of the autoencoder: r (k + m)."""
        return self.rank * (self.k + self.m)

    # The isomorphism with m x k matrices

    def compress(self, matrix: Any, *, tolerance: float | None = None) -> Array:
        """psi: delete repeated columns.

        Parameters
        ----------
        matrix : array_like, shape (m, n)
            An invariant matrix. Exact entries stay exact for (signed) permutations.
        tolerance : float, optional
            Relative size of deviations from invariance that are taken for rounding errors, 64 n eps by default; none
            is allowed for exact entries.

        Returns
        -------
        ndarray, shape (m, k)

        Raises
        ------
        InputError
            If the matrix has the wrong shape, is not finite, or is not invariant.
        """
        array = np.asarray(matrix)
        exact = self.labels is not None and _is_exact(array)
        if not exact:
            array = checked_matrix("the matrix", matrix, self.m, self.n)
        elif array.shape != (self.m, self.n):
            raise InputError(f"the matrix has the shape {array.shape}; give one of the shape ({self.m}, {self.n})")
        result = self._compressed(array)
        difference = np.abs(array - self._expanded(result))
        limit = _ROUNDING * self.n * np.finfo(np.float64).eps if tolerance is None else tolerance
        size = max((float(abs(entry)) for entry in array.ravel()), default=0.0)
        if np.any(difference > (0 if exact and tolerance is None else limit * size)):
            raise InputError(
                f"the matrix is not invariant: it deviates by {float(np.max(difference)):.2g}; `nearest` finds the "
                "nearest one that is"
            )
        return result

    def _compressed(self, array: Array) -> Array:
        if self.labels is not None:
            representatives = np.array([np.argmax(row != 0) for row in self.invariants], dtype=np.int64)
            signs = self.invariants[np.arange(self.k), representatives]
            return np.asarray(array[:, representatives] * signs)
        return np.asarray(array @ np.asarray(self.invariants).T)

    def expand(self, compressed: Any) -> Array:
        """The inverse of psi: repeat the columns, ``N -> N E``.

        Parameters
        ----------
        compressed : array_like, shape (m, k)

        Returns
        -------
        ndarray, shape (m, n)

        Raises
        ------
        InputError
            If the shape is wrong or an entry not finite.
        """
        array = np.asarray(compressed)
        if self.labels is None or not _is_exact(array):
            array = checked_matrix("the compressed matrix", compressed, self.m, self.k)
        elif array.shape != (self.m, self.k):
            raise InputError(f"the compressed matrix has the shape {array.shape}; give ({self.m}, {self.k})")
        return self._expanded(array)

    def _expanded(self, compressed: Array) -> Array:
        if self.labels is None or not self.k:
            return np.asarray(compressed @ self.invariants)
        signs = np.sum(self.invariants, axis=0)
        return np.asarray(compressed[:, np.maximum(self.labels, 0)] * signs)

    def contains(self, matrix: Any, *, tolerance: float | None = None) -> bool:
        """Whether a matrix is invariant and has rank at most r.

        Parameters
        ----------
        matrix : array_like, shape (m, n)
            Integers and Fractions are decided exactly for (signed) permutations.
        tolerance : float, optional
            Relative size of deviations and singular values that count as zero in floating point; 64 n eps by default.

        Raises
        ------
        InputError
            If the matrix has the wrong shape or is not finite.
        """
        array = np.asarray(matrix)
        if not _is_exact(array):
            checked_matrix("the matrix", matrix, self.m, self.n)
        elif array.shape != (self.m, self.n):
            raise InputError(f"the matrix has the shape {array.shape}; give one of the shape ({self.m}, {self.n})")
        try:
            compressed = self.compress(array, tolerance=tolerance)
        except InputError:
            return False
        return _rank(compressed, self.n, tolerance) <= self.rank

    # Networks

    def factorization(self, matrix: Any, basis: Any = None) -> tuple[Array, Array]:
        """A factorization M = A B with k hidden neurons: ``A = psi(M) T^-1``, ``B = T E``.

        For a matrix of rank k these are all: the encoder B of any such network shares its weights along the orbits.

        Parameters
        ----------
        matrix : array_like, shape (m, n)
            Invariant.
        basis : array_like, shape (k, k), optional
            T, invertible; the identity by default.

        Returns
        -------
        A : ndarray, shape (m, k)
        B : ndarray, shape (k, n)

        Raises
        ------
        InputError
            If the matrix is not invariant, or T has the wrong shape or is singular.
        """
        compressed = self.compress(matrix)
        if basis is None:
            return compressed, np.array(self.invariants)
        change = checked_matrix("basis", basis, self.k, self.k)
        if np.linalg.matrix_rank(change) < self.k:
            raise InputError("basis is singular; give an invertible matrix T")
        decoder = np.linalg.solve(change.T, np.asarray(compressed, dtype=np.float64).T).T
        return decoder, change @ self.invariants

    def weight_sharing(self) -> WeightSharing:
        """The autoencoder R^n -> R^rho -> R^m with exactly this function space, as index arrays.

        The encoder has one weight for each hidden neuron and orbit, the decoder is dense.

        Raises
        ------
        InputError
            If the rank is zero, or for a group of general matrices, which makes no inputs share weights.
        """
        labels = self._require_labels("shared weights")
        if not self.rank:
            raise InputError("the rank is zero: there is no network")
        signs = np.sum(self.invariants, axis=0).astype(np.int64)
        numbers = np.arange(1, self.rank * self.k + 1, dtype=np.int64).reshape(self.rank, self.k)
        encoder = numbers[:, np.maximum(labels, 0)] * signs
        decoder = self.rank * self.k + 1 + np.arange(self.m * self.rank, dtype=np.int64).reshape(self.m, self.rank)
        return WeightSharing(encoder, decoder, self.n_parameters, "pixels")

    def polynomial_map(self) -> PolynomialMap:
        """The autoencoder as a map that the engine takes, for its dimension, degree and ED degree.

        Returns
        -------
        PolynomialMap
            Parameters ``A`` (m x rho), ``B`` (rho x k); coordinates ``y11, y12, ...`` the entries of A B E.

        Raises
        ------
        InputError
            If the rank is zero: a point has no parameters.
        """
        if not self.rank:
            raise InputError("the rank is zero: the only such matrix is zero, which has no parametrization")
        names = indexed_names("y", [(i, j) for i in range(1, self.m + 1) for j in range(1, self.n + 1)])
        invariants = self.invariants.tolist()

        def entries(A: Any, B: Any) -> list[Any]:
            product = A @ B
            return [
                [sum(c * product[i, a] for a, c in enumerate(column) if c) for column in zip(*invariants, strict=True)]
                for i in range(self.m)
            ]

        return polynomial_map(entries, parameters={"A": (self.m, self.rank), "B": (self.rank, self.k)}, names=names)

    # Nearest maps

    def nearest(self, target: Any, *, gram: Any = None) -> NearestInvariant:
        """The nearest invariant matrix of rank at most r.

        Parameters
        ----------
        target : array_like, shape (m, n)
        gram : array_like, shape (n, n), optional
            A positive semidefinite matrix C for the distance ``tr((M - T) C (M - T)^T)``, that is ``||(M - T) X||`` for
            ``C = X X^T``; by default the Frobenius norm.

        Returns
        -------
        NearestInvariant

        Raises
        ------
        InputError
            If a shape is wrong, an entry not finite, or the metric not positive semidefinite.

        Notes
        -----
        With M = N E the squared distance is ``||(N - N_0) R||^2`` up to a constant, R the square root of ``E C E^T``
        and N_0 the minimum without a bound on the rank; for permutations and the Frobenius norm N_0 has the means of
        the columns over the orbits, and R weights them by the roots of the sizes of orbits. By Eckart and Young the
        optimum keeps the r largest singular values of ``N_0 R``.

        Examples
        --------
        >>> invariant_maps("(12)", m=1, r=1, n=3).nearest([[1.0, 3.0, 5.0]]).matrix
        array([[2., 2., 5.]])
        """
        matrix = checked_matrix("the target", target, self.m, self.n)
        if gram is None:
            metric = None
            found = self._fitted(matrix, np.eye(self.n))
        else:
            metric = checked_gram(gram, self.n)
            found = self._fitted(matrix @ metric, metric)

        def distance(candidate: Float) -> float:
            difference = candidate - matrix
            if metric is None:
                return float(np.linalg.norm(difference))
            return math.sqrt(max(0.0, float(np.sum((difference @ metric) * difference))))

        return self._nearest(*found, distance)

    def fit(self, inputs: Any, outputs: Any) -> NearestInvariant:
        """The invariant matrix of rank at most r with the least squared loss ``||M X - Y||`` on data.

        Parameters
        ----------
        inputs, outputs : array_like, shapes (N, n) and (N, m)
            X^T and Y^T, one example a row.

        Returns
        -------
        NearestInvariant
            ``.distance`` is the root of the squared loss.

        Raises
        ------
        InputError
            If shapes do not fit or an entry is not finite.
        """
        x, y = checked_data((inputs, outputs), self.n, self.m)
        return self._nearest(*self._fitted(y @ x.T, x @ x.T), lambda matrix: float(np.linalg.norm(matrix @ x - y)))

    def _fitted(self, cross: Float, gram: Float) -> tuple[Any, bool]:
        """The spectrum of the problem in the metric, and whether that is positive definite."""
        basis = np.asarray(self.invariants, dtype=np.float64)
        reduced = basis @ gram @ basis.T
        largest = float(np.linalg.norm(reduced, 2)) if self.k else 0.0
        root, inverse = square_roots(reduced, largest)
        definite = not self.k or np.linalg.matrix_rank(root, hermitian=True) == self.k
        return spectrum(cross @ basis.T @ inverse, inverse), bool(definite)

    def _nearest(self, found: Any, definite: bool, distance: Any) -> NearestInvariant:
        values, r = found.values, min(self.rank, int(np.count_nonzero(found.values)))
        rounding = _ROUNDING * self.n * np.finfo(np.float64).eps * float(values.max(initial=0.0)) ** 2
        tie = (
            r < values.size
            and values[r] ** 2 > rounding
            and (r == 0 or values[r - 1] ** 2 - values[r] ** 2 <= rounding)
        )
        compressed = np.asarray(found.truncated(r))
        matrix = self._expanded(compressed)
        return NearestInvariant(
            matrix=matrix,
            compressed=compressed,
            distance=distance(matrix),
            distance_to_invariant=distance(self._expanded(np.asarray(found.truncated(values.size)))),
            singular_values=values,
            rank=r,
            is_unique=definite and not (tie and r > 0),
            evidence=Evidence(
                Status.NUMERICAL,
                math.nan,
                "Eckart-Young on the invariants; singular values with rounding errors, so that the squared distance "
                f"is least up to {rounding:.0e}",
            ),
        )

    def _require_labels(self, what: str) -> IntArray:
        if self.labels is None:
            raise InputError(
                f"{what} are those of permutations and signed permutations; the group is of general matrices"
            )
        return self.labels

    def __repr__(self) -> str:
        kind = "invariant linear form" if self.labels is None else "orbit"
        return (
            f"InvariantMaps({self.m} x {self.n}, rank at most {self.rank_bound}, {self.k} {kind}{'s' * (self.k != 1)}; "
            f"dimension {self.dimension}, degree {short_count(self.degree)}, ED degree {short_count(self.ed_degree)})"
        )


def invariant_maps(*generators: Any, m: int, r: int, n: int | None = None) -> InvariantMaps:
    """The linear maps R^n -> R^m of rank at most r that are invariant under a group acting on R^n.

    Parameters
    ----------
    *generators
        Permutations in a notation of `permutation`, for example ``"(134)(25)"`` or ``[3, 5, 4, 1, 2]``; signed ones in
        one-line notation, ``[2, -1, 3]``; or invertible matrices.
    m : int
        Number of outputs.
    r : int
        Bound on the rank, at least 0.
    n : int, optional
        Number of inputs, for cycle notation; by default the largest point.

    Returns
    -------
    InvariantMaps

    Raises
    ------
    InputError
        If a generator is not of these, sizes differ, or a number is out of range.

    Examples
    --------
    >>> invariant_maps("(12)", "(23)", m=3, r=2, n=5).k
    3
    """
    read = as_generators(generators, n, orthogonal=False)
    m, r = check_integer("m", m, 1), check_integer("r", r, 0)
    if isinstance(read[0], Permutation):
        labels = orbit_labels([g for g in read if isinstance(g, Permutation)])
        invariants: Array = (labels == np.arange(labels.max() + 1)[:, None]).astype(np.int64)
        return InvariantMaps(m, labels.size, invariants, r, labels, read)
    if isinstance(read[0], SignedPermutation):
        labels, signs = _signed_orbits([g for g in read if isinstance(g, SignedPermutation)])
        invariants = (labels == np.arange(labels.max() + 1)[:, None]) * signs
        return InvariantMaps(m, labels.size, invariants, r, labels, read)
    forms = _fixed_forms([np.asarray(g) for g in read])
    return InvariantMaps(m, forms.shape[1], forms, r, None, read)


def _signed_orbits(generators: Sequence[SignedPermutation]) -> tuple[IntArray, IntArray]:
    """Orbits of the coordinates that signs do not force to vanish, and a sign for each coordinate."""
    n = generators[0].n
    # Point j stands for e_j, j + n for -e_j.
    doubled = [
        Permutation(np.concatenate([g.images + n * (g.signs < 0), g.images + n * (g.signs > 0)])) for g in generators
    ]
    both = orbit_labels(doubled)
    positive, negative = both[:n], both[n:]
    consistent = positive != negative
    signs = np.where(positive < negative, 1, -1) * consistent
    labels = np.full(n, -1, dtype=np.int64)
    labels[consistent] = np.unique(np.minimum(positive, negative)[consistent], return_inverse=True)[1].ravel()
    return labels, signs.astype(np.int64)


def _fixed_forms(matrices: Sequence[Float]) -> Float:
    """An orthonormal basis, as rows, of the vectors v with v g = v for all matrices g."""
    n = len(matrices[0])
    equations = np.concatenate([g.T - np.eye(n) for g in matrices])
    _, values, rows = np.linalg.svd(equations, full_matrices=True)
    size = max(1.0, float(np.max([np.linalg.norm(g, 2) for g in matrices])))
    rank = int(np.count_nonzero(values > _ROUNDING * n * np.finfo(np.float64).eps * size))
    return np.asarray(rows[rank:])


def _is_exact(array: Array) -> bool:
    """Whether all entries are integers or Fractions."""
    if array.dtype.kind == "O":
        return all(isinstance(entry, (int, Fraction)) for entry in array.ravel().tolist())
    return array.dtype.kind in "iu"


def _rank(matrix: Array, n: int, tolerance: float | None) -> int:
    """Exactly for integers and Fractions, else by singular values."""
    if not matrix.size:
        return 0
    if tolerance is None and _is_exact(matrix):
        rows, columns = matrix.shape
        entries = [Fraction(entry) for entry in matrix.ravel().tolist()]
        return int(fmpq_mat(rows, columns, [fmpq(x.numerator, x.denominator) for x in entries]).rank())
    values = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    limit = _ROUNDING * n * np.finfo(np.float64).eps if tolerance is None else tolerance
    return int(np.count_nonzero(values > limit * values.max(initial=0.0)))

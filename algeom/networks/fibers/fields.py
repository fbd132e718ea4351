"""Matrices over the rational numbers, over a prime field, and in double precision, behind one set of verbs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat, fmpz, nmod_mat
from numpy.typing import NDArray

from algeom.algebra.primes import residue
from algeom.algebra.terms import exact
from algeom.errors import InputError

__all__ = ["ExactField", "Field", "Matrix", "PrimeField", "Rationals", "Reals", "default_tolerance"]

#: Over Q entries are int or Fraction, over F_p int from 0 to p - 1 (both arrays of dtype object), else float64.
Matrix = NDArray[Any]

#: Entries of random integer matrices are at most so large.
_ENTRIES = 3

#: Random real matrices have their singular values in exp([-x, x]): spread out, and far from singular.
_LOG_SPREAD = 0.5


class Field(ABC):
    """Numbers that weights can have, and the matrix operations that do not treat all of them alike."""

    is_exact: bool

    @abstractmethod
    def matrix(self, entries: Any, name: str) -> Matrix:
        """A checked matrix with at least one row and one column; `name` says in errors which it is."""

    @abstractmethod
    def normalized(self, array: Matrix) -> Matrix:
        """The result of arithmetic on arrays in the form that `Matrix` describes."""

    @abstractmethod
    def multiply(self, *factors: Matrix) -> Matrix:
        """The product of matrices."""

    @abstractmethod
    def inverse(self, matrix: Matrix) -> Matrix:
        """The inverse of an invertible matrix."""

    @abstractmethod
    def determinant_sign(self, matrix: Matrix) -> int:
        """The sign of the determinant: 1, -1 or 0; over F_p 1 unless it is 0. Without entries the determinant is 1."""

    @abstractmethod
    def complement(self, columns: Matrix) -> Matrix:
        """Columns that complete independent ones to a basis."""

    @abstractmethod
    def random_matrix(self, rng: np.random.Generator, rows: int, columns: int) -> Matrix:
        """Random entries: uniform over F_p, small integers over Q, of the normal distribution over R."""

    @abstractmethod
    def random_invertible(self, rng: np.random.Generator, size: int) -> Matrix:
        """A random invertible matrix: uniform over F_p, unimodular over Q, well conditioned over R.

        Both signs of the determinant are equally likely over Q and R.
        """

    @abstractmethod
    def zeros(self, rows: int, columns: int) -> Matrix:
        """A matrix of zeros."""

    def identity(self, size: int) -> Matrix:
        """The identity matrix."""
        matrix = self.zeros(size, size)
        np.fill_diagonal(matrix, 1)
        return matrix


@dataclass(frozen=True)
class Reals(Field):
    """Double precision: ranks rest on a tolerance.

    Parameters
    ----------
    tolerance : float
        Singular values up to this, relative to the norm of the matrix, count as zero.
    """

    tolerance: float
    is_exact = False

    def __str__(self) -> str:
        return "R"

    def matrix(self, entries: Any, name: str) -> Matrix:
        """A float64 array, with finite entries."""
        try:
            array = np.array(entries, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{name} is no matrix of real numbers ({error}); give rows of equal length") from None
        _check_shape(array, name)
        if not np.isfinite(array).all():
            place = tuple(int(k) for k in np.argwhere(~np.isfinite(array))[0])
            raise InputError(f"{name} has the entry {array[place]} at {place}; weights are finite numbers")
        return array

    def normalized(self, array: Matrix) -> Matrix:
        """As float64."""
        return np.asarray(array, dtype=np.float64)

    def multiply(self, *factors: Matrix) -> Matrix:
        """In double precision."""
        return reduce(np.matmul, factors)

    def inverse(self, matrix: Matrix) -> Matrix:
        """By LU decomposition."""
        return np.linalg.inv(matrix)

    def determinant_sign(self, matrix: Matrix) -> int:
        """By LU decomposition, without overflow."""
        return int(np.linalg.slogdet(matrix)[0])

    def complement(self, columns: Matrix) -> Matrix:
        """Orthonormal, and orthogonal to the columns given."""
        return np.linalg.qr(columns, mode="complete")[0][:, columns.shape[1] :]

    def random_matrix(self, rng: np.random.Generator, rows: int, columns: int) -> Matrix:
        """Entries of the standard normal distribution."""
        return rng.standard_normal((rows, columns))

    def random_invertible(self, rng: np.random.Generator, size: int) -> Matrix:
        """Singular values between exp(-1/2) and exp(1/2), random orthogonal factors."""
        left, right = (np.linalg.qr(rng.standard_normal((size, size)))[0] for _ in range(2))
        stretch = np.exp(rng.uniform(-_LOG_SPREAD, _LOG_SPREAD, size)) * rng.choice([-1.0, 1.0], size)
        return np.asarray((left * stretch) @ right)

    def zeros(self, rows: int, columns: int) -> Matrix:
        """Of float64."""
        return np.zeros((rows, columns))


class ExactField(Field):
    """A field with exact elimination by FLINT."""

    is_exact = True

    @abstractmethod
    def _scalar(self, value: Any) -> Any:
        """A number as an entry of a `Matrix`."""

    @abstractmethod
    def _flint(self, matrix: Matrix) -> Any:
        """The matrix as one of FLINT."""

    @abstractmethod
    def _entry(self, value: Any) -> Any:
        """An entry of a matrix of FLINT as one of a `Matrix`."""

    def _array(self, matrix: Any) -> Matrix:
        array = np.empty((matrix.nrows(), matrix.ncols()), dtype=object)
        array.ravel()[:] = [self._entry(value) for value in matrix.entries()]
        return array

    def matrix(self, entries: Any, name: str) -> Matrix:
        """An array of dtype object, each entry checked."""
        try:
            given = np.array(entries, dtype=object)
        except ValueError as error:
            raise InputError(f"{name} is no matrix ({error}); give rows of equal length") from None
        _check_shape(given, name)
        array = np.empty(given.shape, dtype=object)
        for place, value in np.ndenumerate(given):
            try:
                array[place] = self._scalar(value)
            except ZeroDivisionError as error:
                raise InputError(f"{name} at {place}: {error}; choose another modulus") from None
            except InputError:
                raise InputError(
                    f"{name} has the entry {value!r} at {place}; weights over {self} are int or Fraction"
                ) from None
        return array

    def normalized(self, array: Matrix) -> Matrix:
        """Entries reduced: integers as int, residues from 0 on."""
        result = np.empty(array.shape, dtype=object)
        result.ravel()[:] = [self._scalar(value) for value in array.ravel()]
        return result

    def multiply(self, *factors: Matrix) -> Matrix:
        """By FLINT."""
        return self._array(reduce(lambda left, right: left * right, (self._flint(factor) for factor in factors)))

    def inverse(self, matrix: Matrix) -> Matrix:
        """By FLINT."""
        return self._array(self._flint(matrix).inv()) if matrix.size else matrix

    def determinant_sign(self, matrix: Matrix) -> int:
        """By FLINT."""
        determinant = self._entry(self._flint(matrix).det()) if matrix.size else 1
        return (determinant > 0) - (determinant < 0)

    def rank(self, matrix: Matrix) -> int:
        """The rank, by elimination."""
        return int(self._flint(matrix).rank()) if matrix.size else 0

    def echelon(self, matrix: Matrix) -> tuple[Matrix, list[int]]:
        """The reduced row echelon form without its zero rows, and its pivots' columns.

        A pivot is where a column does not depend on those before it, and a column's entries are its coefficients with
        respect to the columns of the pivots.
        """
        if not matrix.size:
            return self.zeros(0, matrix.shape[1]), []
        form, rank = self._flint(matrix).rref()
        rows = self._array(form)[: int(rank)]
        return rows, [next(k for k, value in enumerate(row) if value) for row in rows]

    def complement(self, columns: Matrix) -> Matrix:
        """The first unit vectors that do not depend on what is before them."""
        size, count = columns.shape
        identity = self.identity(size)
        _, pivots = self.echelon(np.hstack([columns, identity]))
        return identity[:, [k - count for k in pivots[count:]]]

    def zeros(self, rows: int, columns: int) -> Matrix:
        """Of dtype object."""
        matrix = np.empty((rows, columns), dtype=object)
        matrix[...] = 0
        return matrix


@dataclass(frozen=True)
class Rationals(ExactField):
    """The rational numbers."""

    def __str__(self) -> str:
        return "Q"

    def _scalar(self, value: Any) -> Any:
        return exact(value)

    def _flint(self, matrix: Matrix) -> Any:
        return fmpq_mat(*matrix.shape, [fmpq(value.numerator, value.denominator) for value in matrix.ravel()])

    def _entry(self, value: Any) -> Any:
        return int(value.p) if value.q == 1 else Fraction(int(value.p), int(value.q))

    def random_matrix(self, rng: np.random.Generator, rows: int, columns: int) -> Matrix:
        """Integers from -3 to 3."""
        return self.normalized(rng.integers(-_ENTRIES, _ENTRIES + 1, (rows, columns)).astype(object))

    def random_invertible(self, rng: np.random.Generator, size: int) -> Matrix:
        """Integers, with an inverse of integers."""
        # Of determinant 1 or -1, so that integers stay integers when the inverse is applied as well.
        lower, upper = (np.tril(rng.integers(-1, 2, (size, size)), -1) + np.eye(size, dtype=np.int64) for _ in range(2))
        signs = rng.choice([-1, 1], size)
        return self.normalized(((lower * signs) @ upper.T)[rng.permutation(size)].astype(object))


@dataclass(frozen=True)
class PrimeField(ExactField):
    """The integers modulo a prime.

    Parameters
    ----------
    modulus : int
        A prime below 2^63.
    """

    modulus: int

    def __post_init__(self) -> None:
        p = self.modulus
        if isinstance(p, bool) or not isinstance(p, (int, np.integer)) or not 2 <= p < 2**63:
            raise InputError(f"modulus={p!r}; give a prime below 2^63")
        if not fmpz(int(p)).is_prime():
            raise InputError(f"modulus={p} is not prime; integers modulo {p} are no field: give a prime below 2^63")
        object.__setattr__(self, "modulus", int(p))

    def __str__(self) -> str:
        return f"F_{self.modulus}"

    def _scalar(self, value: Any) -> Any:
        return residue(exact(value), self.modulus) % self.modulus

    def _flint(self, matrix: Matrix) -> Any:
        return nmod_mat(*matrix.shape, [int(value) for value in matrix.ravel()], self.modulus)

    def _entry(self, value: Any) -> Any:
        return int(value)

    def random_matrix(self, rng: np.random.Generator, rows: int, columns: int) -> Matrix:
        """Uniform."""
        return rng.integers(0, self.modulus, (rows, columns)).astype(object)

    def random_invertible(self, rng: np.random.Generator, size: int) -> Matrix:
        """Uniform on the general linear group."""
        # At least 28 of 100 matrices are invertible, whatever the prime and the size.
        while True:
            matrix = self.random_matrix(rng, size, size)
            if self.rank(matrix) == size:
                return matrix


def _check_shape(array: Matrix, name: str) -> None:
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"{name} has the shape {array.shape}; give a matrix with at least one row and one column")


def default_tolerance(epsilon: float) -> float:
    """The tolerance for numbers with a given relative rounding error: its square root.

    It is halfway, on a logarithmic scale, between rounding errors and entries of order one.
    """
    return math.sqrt(epsilon)

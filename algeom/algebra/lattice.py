"""Lattices of integer vectors: reduced bases, saturation, kernels, and lifting a row space from residues.

Matrices are lists of rows of Python integers (arrays of integers, and of floating point that holds integers, are
taken too); entries may have any size. The arithmetic is FLINT's, through python-flint.

References
----------
.. [1] H. Cohen, A Course in Computational Algebraic Number Theory, Springer 1993, sections 2.4 to 2.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import fmpz_mat
from numpy.typing import NDArray

from algeom.algebra.rational import Residues, as_integers, reconstruct_vector
from algeom.errors import InputError

Rows = Sequence[Residues] | NDArray[Any]


def _integer_rows(rows: Rows) -> list[list[int]]:
    """Rows as lists of Python integers, all of one length."""
    if isinstance(rows, np.ndarray) and rows.ndim != 2:
        raise InputError(f"an integer matrix has two axes; the array given has shape {rows.shape}")
    result = [as_integers(row) for row in rows]
    if len({len(row) for row in result}) > 1:
        raise InputError(f"the rows have different lengths: {sorted({len(row) for row in result})}")
    return result


def _to_rows(matrix: Any) -> list[list[int]]:
    """Nonzero rows of a flint matrix."""
    rows = [[int(x) for x in row] for row in matrix.tolist()]
    return [row for row in rows if any(row)]


def _primitive(rows: list[list[int]]) -> list[list[int]]:
    """Nonzero rows divided by their contents."""
    contents = [math.gcd(*row) for row in rows]
    return [[x // g for x in row] for row, g in zip(rows, contents, strict=True) if g]


def _first_entry_positive(rows: list[list[int]]) -> list[list[int]]:
    """Rows up to sign, each with its first nonzero entry positive."""
    return [row if next(x for x in row if x) > 0 else [-x for x in row] for row in rows]


def lll_reduce(rows: Rows) -> list[list[int]]:
    """Basis of the lattice that the rows generate, reduced in the sense of Lenstra, Lenstra and Lovász.

    Parameters
    ----------
    rows : sequence of rows of integers, shape (k, m)
        Generators; they may depend on each other.

    Returns
    -------
    list of rows, shape (rank, m)
        A basis of short vectors (delta 0.99, eta 0.51), each with its first nonzero entry positive.

    Examples
    --------
    >>> lll_reduce([[101, 0], [38, 1], [76, 2]])
    [[1, 8], [12, -5]]
    """
    integers = [row for row in _integer_rows(rows) if any(row)]
    if not integers:
        return []
    return _first_entry_positive(_to_rows(fmpz_mat(integers).lll()))


def hermite_normal_form(rows: Rows) -> list[list[int]]:
    """Hermite normal form of the lattice that the rows generate: equal exactly for equal lattices.

    Parameters
    ----------
    rows : sequence of rows of integers, shape (k, m)
        Generators; they may depend on each other.

    Returns
    -------
    list of rows, shape (rank, m)
        Echelon form with positive pivots, entries above a pivot in [0, pivot), and no zero rows.

    Examples
    --------
    >>> hermite_normal_form([[4, 4], [0, 6], [2, 0]])
    [[2, 0], [0, 2]]
    """
    integers = [row for row in _integer_rows(rows) if any(row)]
    if not integers:
        return []
    return _to_rows(fmpz_mat(integers).hnf())


def saturate(rows: Rows) -> list[list[int]]:
    """LLL-reduced basis of all integer vectors in the rational span of the rows.

    With B a basis of the rows' lattice (rank r), the Hermite normal form of the transpose is ``B^T = U [H; 0]``
    with U unimodular and H square. Hence ``H^-T B`` is the first r columns of U, transposed: integers, the same
    rational span, and part of a basis of Z^m, which is what saturated means.

    Parameters
    ----------
    rows : sequence of rows of integers, shape (k, m)
        They may depend on each other.

    Returns
    -------
    list of rows, shape (rank, m)
        A basis whose maximal minors have greatest common divisor 1; each row's first nonzero entry is positive.

    Examples
    --------
    >>> saturate([[2, 4, 6]]), saturate([[1, 1, 0], [1, -1, 0]])
    ([[1, 2, 3]], [[0, 1, 0], [1, 0, 0]])
    """
    # Short generators keep the entries of the Hermite normal form down.
    basis = lll_reduce(_primitive(_integer_rows(rows)))
    if not basis:
        return []
    rank = len(basis)
    hermite = fmpz_mat(basis).transpose().hnf()
    square = fmpz_mat([[hermite[i, j] for j in range(rank)] for i in range(rank)])
    if square.is_one():
        return basis
    quotient, denominator = square.transpose().solve(fmpz_mat(basis)).numer_denom()
    assert denominator == 1
    return lll_reduce(_to_rows(quotient))


def integer_kernel(matrix: Rows, columns: int | None = None) -> list[list[int]]:
    """LLL-reduced basis of the integer vectors v with ``matrix @ v == 0``.

    A rational basis from fraction-free elimination, then `saturate`.

    Parameters
    ----------
    matrix : sequence of rows of integers, shape (k, m)
        Any rank.
    columns : int, optional
        m; needed only where `matrix` is a list without rows.

    Returns
    -------
    list of rows, shape (m - rank, m)
        A basis of the kernel, saturated.

    Raises
    ------
    InputError
        If the rows have different lengths, or m is not known or contradicts `columns`.

    Examples
    --------
    >>> integer_kernel([[1, 2, 3]])
    [[1, 1, -1], [2, -1, 0]]
    >>> integer_kernel([], columns=2)
    [[1, 0], [0, 1]]
    """
    integers = _integer_rows(matrix)
    m = columns
    if integers or isinstance(matrix, np.ndarray):
        m = matrix.shape[1] if isinstance(matrix, np.ndarray) else len(integers[0])
        if columns not in (None, m):
            raise InputError(f"columns is {columns}, but the matrix has {m} columns")
    if m is None:
        raise InputError("the matrix has no rows, so its number of columns must be given: columns=...")
    constraints = _primitive(integers)
    if not constraints:
        return [[int(i == j) for j in range(m)] for i in range(m)]
    null_space, nullity = fmpz_mat(constraints).nullspace()
    return saturate(_to_rows(null_space.transpose())[: int(nullity)])


def lift_row_space(rows: Rows, modulus: int) -> list[list[int]] | None:
    """Lift a row space known modulo a prime (or a product of primes) to a saturated lattice of integers.

    Parameters
    ----------
    rows : sequence of rows of residues, shape (k, m)
        Reduced row echelon form: an identity in k of the columns, in any order. Balanced residues in floating
        point are fine. For several primes combine the entries first (`algeom.algebra.rational.ResidueVector`).
    modulus : int
        The modulus.

    Returns
    -------
    list of rows, shape (k, m), or None
        LLL-reduced basis of the integer vectors in the rational row space, or None if some row has no rational
        reconstruction: the entries of the rational echelon form need a larger modulus.

    Examples
    --------
    >>> p = 4194301
    >>> lift_row_space([[1, 0, pow(2, -1, p)], [0, 1, -pow(2, -1, p)]], p)
    [[1, 1, 0], [1, -1, 1]]
    """
    lifted = [reconstruct_vector(row, modulus) for row in _integer_rows(rows)]
    complete = [row for row in lifted if row is not None]
    return saturate(complete) if len(complete) == len(lifted) else None

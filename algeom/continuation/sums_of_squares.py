"""Proofs that real equations and inequalities have no solution, as exact sums of squares.

If a combination ``q = sum_k c_k M_k`` of polynomials that vanish on a set is ``z^T Q z + sum_j g_j z_j^T Q_j z_j`` with
positive definite matrices Q and Q_j, then q is positive wherever all ``g_j >= 0``, so that the set has no such point
(Positivstellensatz certificates [1]_; for one quadric and a ball this is the S-lemma, which is no restriction). The
matrices are found in floating point by a barrier method and rounded; with the c_k and the Q_j rational, Q follows from
an identity of polynomials, so that the certificate is exact and is checked exactly [2]_.

References
----------
.. [1] P. A. Parrilo, Semidefinite programming relaxations for semialgebraic problems, Math. Program. 96 (2003)
   293-320; M. Putinar, Positive polynomials on compact semi-algebraic sets, Indiana Univ. Math. J. 42 (1993).
.. [2] H. Peyrl and P. A. Parrilo, Computing sum of squares decompositions with rational coefficients,
   Theor. Comput. Sci. 409 (2008) 269-281.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpq, fmpq_mat
from numpy.typing import NDArray

from algeom.algebra.elimination import eliminate
from algeom.algebra.polynomial import Polynomial
from algeom.continuation.bounds import is_positive_definite
from algeom.continuation.regions import decimal
from algeom.continuation.semidefinite import maximize_smallest_eigenvalue

FloatArray = NDArray[np.float64]
Monomial = tuple[int, ...]
Gram = tuple[tuple[Fraction, ...], ...]

#: A prime for choosing independent polynomials; a wrong choice costs a certificate, never its correctness.
_PRIME = 4194301
#: Bits to which a numerical certificate is rounded, one after the other: few first, for short certificates.
_ROUNDINGS = (3, 6, 10, 16, 24, 40)


@dataclass(frozen=True)
class SumOfSquares:
    """A polynomial written as ``z^T Q z + sum_j g_j z_j^T Q_j z_j``, exactly.

    Attributes
    ----------
    polynomial : Polynomial
        At least `bound` wherever all inequalities ``g_j >= 0`` hold.
    bound : Fraction
        Positive.
    multipliers : tuple of Fraction
        The c_k with ``polynomial == sum_k c_k M_k``.
    inequalities : tuple of Polynomial
        The g_j.
    bases : tuple of tuples of exponent vectors
        The monomials z, then those of the z_j.
    matrices : tuple of matrices of Fraction
        Q, then the Q_j, positive definite.
    """

    polynomial: Polynomial
    bound: Fraction
    multipliers: tuple[Fraction, ...]
    inequalities: tuple[Polynomial, ...]
    bases: tuple[tuple[Monomial, ...], ...]
    matrices: tuple[Gram, ...]

    def verify(self, multiples: Sequence[Polynomial]) -> bool:
        """Check everything exactly: both identities, the matrices, and the bound.

        Parameters
        ----------
        multiples : sequence of Polynomial
            The M_k.
        """
        names = self.polynomial.names
        total = Polynomial.constant(0, names)
        for c, multiple in zip(self.multipliers, multiples, strict=True):
            if c:
                total = total + multiple * c
        factors = [Polynomial.constant(1, names), *self.inequalities]
        squares = Polynomial.constant(0, names)
        for g, basis, matrix in zip(factors, self.bases, self.matrices, strict=True):
            squares = squares + g * gram_polynomial(basis, matrix, names)
        first = self.matrices[0]
        constant = self.bases[0].index((0,) * len(names))
        lowered = [
            [c - self.bound if i == j == constant else c for j, c in enumerate(row)] for i, row in enumerate(first)
        ]
        return (
            total == self.polynomial == squares
            and self.bound > 0
            and all(is_positive_definite(matrix) for matrix in (lowered, *self.matrices[1:]))
        )

    def __repr__(self) -> str:
        sizes = ", ".join(str(len(basis)) for basis in self.bases)
        return f"SumOfSquares(degree {self.polynomial.degree}, matrices of sizes {sizes}, >= {decimal(self.bound)})"


def gram_polynomial(
    basis: Sequence[Monomial], matrix: Sequence[Sequence[Fraction]], names: Iterable[str]
) -> Polynomial:
    """The polynomial ``z^T Q z`` of a symmetric matrix.

    Examples
    --------
    >>> gram_polynomial([(0,), (1,)], [[Fraction(1), Fraction(2)], [Fraction(2), Fraction(5)]], ["x"])
    5*x^2 + 4*x + 1
    """
    terms = [
        (_sum(a, b), matrix[i][j]) for i, a in enumerate(basis) for j, b in enumerate(basis) if matrix[i][j]
    ]  # fmt: skip
    names = tuple(names)
    return Polynomial.from_terms(terms, names) if terms else Polynomial.constant(0, names)


def _sum(a: Monomial, b: Monomial) -> Monomial:
    return tuple(i + j for i, j in zip(a, b, strict=True))


def monomials_up_to(n: int, degree: int) -> list[Monomial]:
    """Exponent vectors in n variables of total degree at most `degree`, the constant first.

    Examples
    --------
    >>> monomials_up_to(2, 1)
    [(0, 0), (1, 0), (0, 1)]
    """
    found = []
    for d in range(degree + 1):
        for chosen in itertools.combinations_with_replacement(range(n), d):
            exponents = [0] * n
            for i in chosen:
                exponents[i] += 1
            found.append(tuple(exponents))
    return found


def multiples_up_to(
    polynomials: Sequence[Polynomial], degree: int, multiplier_degree: int | None = None
) -> tuple[list[Polynomial], list[tuple[int, Monomial]]]:
    """Products of polynomials with monomials up to a degree, and (polynomial, monomial) for each."""
    products, origins = [], []
    for index, f in enumerate(polynomials):
        if not f or f.degree > degree:
            continue
        room = degree - f.degree if multiplier_degree is None else min(multiplier_degree, degree - f.degree)
        for monomial in monomials_up_to(f.n_variables, room):
            products.append(Polynomial([monomial], [1], f.names) * f)
            origins.append((index, monomial))
    return products, origins


def independent(polynomials: Sequence[Polynomial]) -> list[int]:
    """Positions of polynomials that are linearly independent and span the others, unless the prime is unlucky."""
    place: dict[Monomial, int] = {}
    entries = []
    for k, f in enumerate(polynomials):
        for exponents, c in f.primitive().terms():
            residue = (int(c) + _PRIME // 2) % _PRIME - _PRIME // 2
            entries.append((place.setdefault(exponents, len(place)), k, residue))
    matrix = np.zeros((len(place), len(polynomials)))
    for row, column, value in entries:
        matrix[row, column] = value
    return [int(j) for j in eliminate(matrix, _PRIME, null_space=False, threads=1).pivot_columns]


def _usable_basis(basis: list[Monomial], support: set[Monomial]) -> list[Monomial]:
    """Leave out monomials whose squares nothing else can cancel: their rows of Q would have to vanish."""
    while True:
        sums: dict[Monomial, int] = {}
        for a, b in itertools.combinations(basis, 2):
            total = _sum(a, b)
            sums[total] = sums.get(total, 0) + 1
        kept = [a for a in basis if (double := _sum(a, a)) in support or double in sums]
        if len(kept) == len(basis):
            return basis
        basis = kept


class _Problem:
    """The linear matrix inequality of one search: all matrices as linear functions of free unknowns.

    Sources are the M_k and the ``-g_j z_ja z_jb``; a combination of them is the polynomial whose Gram matrix is Q.
    The unknowns are coefficients of the sources (restricted to combinations that have a Gram matrix at all) and of a
    basis of the symmetric matrices N with ``z^T N z = 0``.
    """

    def __init__(
        self,
        multiples: Sequence[Polynomial],
        inequalities: Sequence[Polynomial],
        half_degree: int,
        names: Sequence[str],
    ) -> None:
        self.names = tuple(names)
        n = len(self.names)
        self.multiples = list(multiples)
        self.inequalities = [g for g in inequalities if g.degree <= 2 * half_degree]
        self.side_bases = [monomials_up_to(n, (2 * half_degree - g.degree) // 2) for g in self.inequalities]
        self.sources: list[Polynomial] = list(self.multiples)
        self.entries: list[tuple[int, int, int]] = []
        for j, (g, basis) in enumerate(zip(self.inequalities, self.side_bases, strict=True)):
            for a, b in itertools.combinations_with_replacement(range(len(basis)), 2):
                factor = Polynomial([_sum(basis[a], basis[b])], [-1 if a == b else -2], self.names)
                self.sources.append(factor * g)
                self.entries.append((j, a, b))
        support = {exponents for source in self.sources for exponents, _ in source.terms()}
        occurring = [any(e[i] for e in support) for i in range(n)]
        full = [
            a for a in monomials_up_to(n, half_degree) if all(o or not e for o, e in zip(occurring, a, strict=True))
        ]
        self.basis = _usable_basis(full, support)
        self.pairs: dict[Monomial, list[tuple[int, int]]] = {}
        for a, b in itertools.combinations_with_replacement(range(len(self.basis)), 2):
            self.pairs.setdefault(_sum(self.basis[a], self.basis[b]), []).append((a, b))

    @property
    def sizes(self) -> list[int]:
        """Sizes of Q and the Q_j."""
        return [len(self.basis), *(len(basis) for basis in self.side_bases)]

    @property
    def n_unknowns(self) -> int:
        """Upper bound for the number of unknowns."""
        return len(self.sources) + sum(len(pairs) - 1 for pairs in self.pairs.values())

    def combinations(self) -> list[dict[int, Fraction]]:
        """A basis of the combinations of the sources whose monomials all are products of two in z."""
        outside: dict[Monomial, int] = {}
        entries: list[tuple[int, int, Any]] = []
        for k, source in enumerate(self.sources):
            for exponents, c in source.terms():
                if exponents not in self.pairs:
                    entries.append((outside.setdefault(exponents, len(outside)), k, c))
        touched = sorted({k for _, k, _ in entries})
        free = [{k: Fraction(1)} for k in range(len(self.sources)) if k not in set(touched)]
        if not touched:
            return free
        column = {k: i for i, k in enumerate(touched)}
        matrix = fmpq_mat(len(outside), len(touched))
        for row, k, c in entries:
            exact = Fraction(c)
            matrix[row, column[k]] = fmpq(exact.numerator, exact.denominator)
        reduced, rank = matrix.rref()
        pivots = [next(j for j in range(len(touched)) if reduced[i, j] != 0) for i in range(rank)]
        for j in range(len(touched)):
            if j in pivots:
                continue
            vector = {touched[j]: Fraction(1)}
            for i, pivot in enumerate(pivots):
                if reduced[i, j] != 0:
                    value = reduced[i, j]
                    vector[touched[pivot]] = -Fraction(int(value.p), int(value.q))
            free.append(vector)
        return free

    def relations(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Pairs of positions in Q that stand for the same monomial: raise one entry, lower the other."""
        return [(pairs[0], pair) for pairs in self.pairs.values() for pair in pairs[1:]]

    def spread(self, terms: Iterable[tuple[Monomial, Any]], matrix: Any) -> None:
        """Add a Gram matrix of the polynomial with these terms: each coefficient spread evenly over its positions."""
        for exponents, c in terms:
            pairs = self.pairs[exponents]
            weight = sum(1 if a == b else 2 for a, b in pairs)
            share = c / weight
            for a, b in pairs:
                matrix[a][b] += share
                if a != b:
                    matrix[b][a] += share

    def numerical(self, combinations: list[dict[int, Fraction]]) -> list[FloatArray]:
        """Coefficient matrices of all unknowns, one array (N, n, n) for each block."""
        relations = self.relations()
        count = len(combinations) + len(relations)
        blocks = [np.zeros((count, size, size)) for size in self.sizes]
        start = len(self.multiples)
        for i, combination in enumerate(combinations):
            for k, c in combination.items():
                terms = [(exponents, float(v) * float(c)) for exponents, v in self.sources[k].terms()]
                self.spread([(e, v) for e, v in terms if e in self.pairs], blocks[0][i])
                if k >= start:
                    j, a, b = self.entries[k - start]
                    blocks[j + 1][i, a, b] += float(c)
                    if a != b:
                        blocks[j + 1][i, b, a] += float(c)
        for i, (first, second) in enumerate(relations, start=len(combinations)):
            for (a, b), sign in ((first, 1.0), (second, -1.0)):
                value = sign * (2.0 if a == b else 1.0)
                blocks[0][i, a, b] = blocks[0][i, b, a] = value
        return blocks

    def exact(self, combinations: list[dict[int, Fraction]], unknowns: Sequence[Fraction]) -> SumOfSquares | None:
        """The certificate with these rational unknowns, if its matrices are positive definite."""
        coefficients = [Fraction(0)] * len(self.sources)
        for combination, value in zip(combinations, unknowns, strict=False):
            if value:
                for k, c in combination.items():
                    coefficients[k] += c * value
        total: dict[Monomial, Fraction] = {}
        for c, source in zip(coefficients, self.sources, strict=True):
            if c:
                for exponents, v in source.terms():
                    total[exponents] = total.get(exponents, Fraction(0)) + c * v
        matrices = [[[Fraction(0)] * size for _ in range(size)] for size in self.sizes]
        self.spread([(e, v) for e, v in total.items() if v], matrices[0])
        for (first, second), value in zip(self.relations(), unknowns[len(combinations) :], strict=True):
            for (a, b), sign in ((first, 1), (second, -1)):
                matrices[0][a][b] += sign * (2 if a == b else 1) * value
                if a != b:
                    matrices[0][b][a] += sign * value
        start = len(self.multiples)
        for (j, a, b), c in zip(self.entries, coefficients[start:], strict=True):
            matrices[j + 1][a][b] = matrices[j + 1][b][a] = c
        if not all(is_positive_definite(matrix) for matrix in matrices):
            return None
        multipliers = tuple(coefficients[:start])
        polynomial = Polynomial.constant(0, self.names)
        for c, multiple in zip(multipliers, self.multiples, strict=True):
            if c:
                polynomial = polynomial + multiple * c
        constant = self.basis.index((0,) * len(self.names))
        return SumOfSquares(
            polynomial=polynomial,
            bound=_corner_bound(matrices[0], constant),
            multipliers=multipliers,
            inequalities=tuple(self.inequalities),
            bases=(tuple(self.basis), *(tuple(basis) for basis in self.side_bases)),
            matrices=tuple(tuple(tuple(row) for row in matrix) for matrix in matrices),
        )


def _corner_bound(matrix: Sequence[Sequence[Fraction]], corner: int) -> Fraction:
    """A positive b such that a positive definite matrix stays so with b taken from one diagonal entry."""
    order = [corner, *(i for i in range(len(matrix)) if i != corner)]
    # The Schur complement of the other rows is the supremum of all such b.
    floats = np.array([[float(matrix[i][j]) for j in order] for i in order])
    estimate = 1.0 / float(np.linalg.inv(floats)[0, 0]) if len(order) > 1 else floats[0, 0]
    bound = Fraction(estimate).limit_denominator(10**6) * Fraction(9, 10) if estimate > 1e-5 else Fraction(1, 10**6)
    while True:
        lowered = [[c - bound if i == j == corner else c for j, c in enumerate(row)] for i, row in enumerate(matrix)]
        if bound > 0 and is_positive_definite(lowered):
            return bound
        bound = bound / 2


def find_sum_of_squares(
    polynomials: Sequence[Polynomial],
    inequalities: Sequence[Polynomial] = (),
    *,
    half_degree: int,
    multiplier_degree: int | None = None,
    max_size: int = 60,
    max_unknowns: int = 1500,
) -> tuple[SumOfSquares, list[tuple[int, Monomial]], list[Polynomial]] | None:
    """Try to prove that polynomials have no common real zero where other polynomials are at least zero.

    Parameters
    ----------
    polynomials : sequence of Polynomial
        Equations f_i = 0, in the same n variables; there may be none if there are inequalities.
    inequalities : sequence of Polynomial
        g_j >= 0.
    half_degree : int
        The certificate has degree at most ``2 * half_degree``.
    multiplier_degree : int, optional
        Largest degree of the polynomials that the f_i are multiplied with; as far as the degree allows by default.
        More multipliers are not always better: matrices have to be positive definite, and what they can hold grows.
    max_size : int
        Give up where the matrix Q would be larger.
    max_unknowns : int
        Give up where there would be more unknowns; a Newton step takes about ``unknowns^2 * size^2`` operations.

    Returns
    -------
    tuple or None
        The certificate, for each of its multipliers (i, monomial), and these products. None proves nothing.

    Examples
    --------
    >>> x, y = Polynomial.variables(["x", "y"])
    >>> proof, _, multiples = find_sum_of_squares([x**2 + y**2 + 1], half_degree=1)
    >>> proof.verify(multiples)
    True
    >>> find_sum_of_squares([x * y - 1], [4 - x**2 - y**2], half_degree=2) is None
    True
    """
    given = [f for f in (*polynomials, *inequalities) if f]
    if not given or all(f.degree > 2 * half_degree for f in (polynomials or inequalities) if f):
        return None
    names = given[0].names
    if math.comb(len(names) + half_degree, half_degree) > 4 * max_size:
        return None
    multiples, origins = multiples_up_to(polynomials, 2 * half_degree, multiplier_degree)
    if len(multiples) > 4 * max_unknowns:
        return None
    kept = independent(multiples) if multiples else []
    multiples, origins = [multiples[k] for k in kept], [origins[k] for k in kept]
    problem = _Problem(multiples, inequalities, half_degree, names)
    if max(problem.sizes) > max_size or problem.n_unknowns > max_unknowns:
        return None
    if (0,) * len(names) not in problem.basis:
        return None
    combinations = problem.combinations()

    def accept(unknowns: FloatArray) -> SumOfSquares | None:
        largest = float(np.abs(unknowns).max(initial=0.0))
        if not largest > 0:
            return None
        for bits in _ROUNDINGS:
            scale = 2**bits
            rounded = [Fraction(round(float(v) / largest * scale), scale) for v in unknowns]
            found = problem.exact(combinations, rounded)
            if found is not None and found.verify(multiples):
                return found
        return None

    proof = maximize_smallest_eigenvalue(problem.numerical(combinations), accept)
    return None if proof is None else (proof, origins, multiples)

"""Left multiplications by octonions, and how similar tuples of small matrices can be to them.

Octonions have the basis 1 = e_0, e_1, ..., e_7 with e_i e_i = -1 and, for each line (i, j, k) of the Fano plane below
in its cyclic order, e_i e_j = e_k = -e_j e_i. L_i is the 8 x 8 matrix of x -> e_i x. The norm is multiplicative,
|x y| = |x| |y|, and the algebra is alternative, x (x y) = (x x) y. So for real x the matrix L(x) = sum x_i L_i is |x|
times an orthogonal matrix, and the imaginary units generate a Clifford algebra: L_i L_j + L_j L_i = -2 [i = j].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status

__all__ = [
    "FANO_LINES",
    "OctonionSimilarity",
    "clifford_matrices",
    "octonion_product",
    "octonion_similarity",
    "octonion_units",
]

Float = NDArray[np.float64]
Units = Literal["imaginary", "all"]
Field = Literal["real", "complex"]

#: Triples (i, j, k) with e_i e_j = e_k, and so for cyclic shifts: e_i e_(i+1) = e_(i+3), indices modulo 7 from 1 to 7.
FANO_LINES = ((1, 2, 4), (2, 3, 5), (3, 4, 6), (4, 5, 7), (5, 6, 1), (6, 7, 2), (7, 1, 3))


def _structure_constants() -> Float:
    """The coefficient of e_k in e_i e_j, at [i, j, k]."""
    table = np.zeros((8, 8, 8))
    i = np.arange(8)
    table[0, i, i] = table[i, 0, i] = 1.0
    table[i[1:], i[1:], 0] = -1.0
    for line in FANO_LINES:
        for shift in range(3):
            a, b, c = line[shift:] + line[:shift]
            table[a, b, c], table[b, a, c] = 1.0, -1.0
    return table


_PRODUCTS = _structure_constants()


def octonion_product(x: Any, y: Any) -> Float:
    """The product of octonions.

    Parameters
    ----------
    x, y : array_like, shape (..., 8)
        Real coordinates for the basis e_0 = 1, e_1, ..., e_7; leading axes broadcast.

    Returns
    -------
    ndarray, shape (..., 8)

    Raises
    ------
    InputError
        If the last axes have not the length 8.

    References
    ----------
    J. C. Baez, The octonions, Bull. Amer. Math. Soc. 39 (2002), section 2.1: the same multiplication table.

    Examples
    --------
    >>> e = np.eye(8)
    >>> bool((octonion_product(e[1], e[2]) == e[4]).all())
    True
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.shape[-1:] != (8,) or y.shape[-1:] != (8,):
        raise InputError(
            f"octonions of shapes {x.shape}, {y.shape} were given; expected 8 coordinates in the last axis"
        )
    return np.asarray(np.einsum("...i,...j,ijk->...k", x, y, _PRODUCTS))


def octonion_units(units: Units = "imaginary") -> Float:
    """Matrices of the left multiplications by the basis octonions.

    Parameters
    ----------
    units : {"imaginary", "all"}
        e_1, ..., e_7; or 1 as well, first.

    Returns
    -------
    ndarray, shape (7, 8, 8) or (8, 8, 8)
        Column j of matrix i holds the coordinates of e_i e_j.

    Raises
    ------
    InputError
        If `units` is neither.

    Examples
    --------
    >>> octonion_units().shape, octonion_units("all").shape
    ((7, 8, 8), (8, 8, 8))
    """
    if units not in ("imaginary", "all"):
        raise InputError(f"units={units!r}; give 'imaginary' (e_1 to e_7) or 'all' (with e_0 = 1)")
    return np.ascontiguousarray(_PRODUCTS.transpose(0, 2, 1)[1 if units == "imaginary" else 0 :])


def clifford_matrices(d: int) -> NDArray[np.complex128]:
    """Hermitian complex d x d matrices with square 1 that anticommute: as many as there are, 2 k + 1 for d = 2^k.

    Returns
    -------
    ndarray, shape (2 k + 1, d, d)
        Products of Pauli matrices (the Jordan-Wigner construction).

    Raises
    ------
    InputError
        If d is no power of 2.

    Examples
    --------
    >>> clifford_matrices(2).shape, clifford_matrices(4).shape
    ((3, 2, 2), (5, 4, 4))
    """
    if not isinstance(d, (int, np.integer)) or d < 1 or d & (d - 1):
        raise InputError(f"d={d!r}; give a power of 2")
    x, y, z = (np.array(m, dtype=np.complex128) for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))
    matrices = np.ones((1, 1, 1), dtype=np.complex128)
    while matrices.shape[1] < d:
        n = matrices.shape[1]
        doubled = [np.kron(m, z) for m in matrices]
        matrices = np.array([*doubled, np.kron(np.eye(n), x), np.kron(np.eye(n), y)])
    return matrices


@dataclass(frozen=True, eq=False, repr=False)
class OctonionSimilarity:
    """Proved bounds of the largest squared similarity of d x d matrices to left multiplications by octonion units.

    Attributes
    ----------
    d : int
    units : {"imaginary", "all"}
    field : {"real", "complex"}
    lower, upper : Fraction
        Bounds of the supremum of the squared similarity.
    witness : ndarray, shape (7 or 8, d, d)
        Matrices with integer (Gaussian integer) entries whose squared similarity is `lower`.
    evidence : Evidence
        PROVED.
    """

    d: int
    units: Units
    field: Field
    lower: Fraction
    upper: Fraction
    witness: NDArray[Any]
    evidence: Evidence

    @property
    def value(self) -> Fraction | None:
        """The largest squared similarity, where the bounds agree; else None."""
        return self.lower if self.lower == self.upper else None

    def __repr__(self) -> str:
        found = f"= {self.lower}" if self.value is not None else f"in [{self.lower}, {self.upper}]"
        where = f"d = {self.d}, {self.units} units, {self.field}"
        return f"OctonionSimilarity(similarity^2 {found}; {where}; {self.evidence})"


def octonion_similarity(d: int, units: Units = "imaginary", field: Field = "real") -> OctonionSimilarity:
    """How similar d x d matrices can be to the left multiplications by octonion units, proved.

    Parameters
    ----------
    d : int
        Size of the matrices, from 1 to 8.
    units : {"imaginary", "all"}
        The tuple A of 8 x 8 matrices, as for `octonion_units`: r = 7 or 8 matrices, rho(Phi(A)) = r.
    field : {"real", "complex"}
        Which matrices X are allowed.

    Returns
    -------
    OctonionSimilarity

    Raises
    ------
    InputError
        If an argument is none of these.

    Notes
    -----
    The derivations are our own. Write Gamma = Gamma(A; X), and L(xi) for the matrix of the multiplication by
    xi = a + i b, a and b real octonions. Phi(A)(I) = r I, so that rho(Phi(A)) = r. Conjugating all X_j by one matrix
    changes no similarity, and rho(Phi(X)) is the infimum of ||sum X_j^* X_j|| over conjugates of X (Collatz and
    Wielandt: with Z = C^* C the bound sum X_j^* Z X_j <= t Z is such a bound for C X_j C^-1). So let the sum of the
    X_j^* X_j be at most t I; then ||X||^2 <= d t.

    *Every X.* Column b of Gamma(Y) is the sum over a of L(xi_ba) y_a, where xi_ba = sum conj(X_j[b, a]) e_j, and the
    sum over b of |xi_ba|^2 is at most t. As |L(xi) y| <= (|a| + |b|) |y| <= c^(1/2) |xi| |y| with c = 1 for real and
    c = 2 for complex xi, ||Gamma(Y)|| <= (c t)^(1/2) sum |y_a| <= (c t d)^(1/2) ||Y||. Hence similarity^2 <= c d / r.

    *Imaginary units.* Let Gamma(Y) = mu Y with ||Y|| = 1, and lambda_a = |y_a|^2. By Cauchy and Schwarz |mu|^2 is at
    most ||X||^2 times the sum over a, b, j of |y_a^* L_j y_b|^2. For a = b and y_a = p + i q the sum over j is that of
    (2 p^T L_j q)^2, at most 4 |p|^2 |q|^2 <= lambda_a^2, as the L_j are antisymmetric and the L_j q orthogonal. For
    a != b it is the maximum of |y_a^* L(xi) y_b|^2 over unit vectors xi, at most 2 lambda_a lambda_b. Altogether it is
    at most 2 - sum lambda_a^2 <= 2 - 1/d. Hence similarity^2 <= (2 d - 1) / 7.

    *Attained.* All units, real: the upper left d x d blocks, since the sum of L_j y y^T L_j^T is |y|^2 I. Otherwise
    eigenvalues of commuting operators add up: X_j = gamma_j with the m = 2 k + 1 anticommuting matrices of size
    2^k <= d, padded by zeros, gives m / 7; X = (1, i gamma_1, ..., i gamma_m) gives (1 + m) / 8; over the reals, the
    two real symmetric anticommuting matrices of size 2 give 2 / 7, three of size 4 give 3 / 7; and d = 8 is A itself.

    Examples
    --------
    >>> octonion_similarity(2, "imaginary", "complex")
    OctonionSimilarity(similarity^2 = 3/7; d = 2, imaginary units, complex; proved)
    >>> [str(octonion_similarity(d, "all", "real").value) for d in range(1, 9)]
    ['1/8', '1/4', '3/8', '1/2', '5/8', '3/4', '7/8', '1']
    >>> octonion_similarity(3, "all", "complex")
    OctonionSimilarity(similarity^2 in [1/2, 3/4]; d = 3, all units, complex; proved)
    """
    if not isinstance(d, (int, np.integer)) or isinstance(d, bool) or not 1 <= d <= 8:
        raise InputError(f"d={d!r}; give an integer from 1 to 8, the size of the matrices of octonion units")
    if field not in ("real", "complex"):
        raise InputError(f"field={field!r}; give 'real' or 'complex'")
    d = int(d)
    A = octonion_units(units)
    upper = Fraction(d if field == "real" else 2 * d, len(A))
    if units == "imaginary" and field == "complex":
        upper = Fraction(2 * d - 1, 7)
    small, used = _witness(d, A, field)
    witness = np.zeros((len(A), d, d), dtype=small.dtype)
    witness[: len(small), : small.shape[1], : small.shape[1]] = small
    evidence = Evidence(Status.PROVED, reason="the norm is multiplicative; an eigenvector with integer coordinates")
    lower = Fraction(used, len(A))
    return OctonionSimilarity(d, units, field, lower, min(upper, Fraction(1)), witness, evidence)


def _witness(d: int, A: Float, field: Field) -> tuple[NDArray[Any], int]:
    """Matrices of size at most d, and their squared similarity times r."""
    if d == 8:
        return A, len(A)
    real, imaginary = field == "real", len(A) == 7
    if real and not imaginary:
        return A[:, :d, :d], d
    power = 1 << (d.bit_length() - 1)
    if real:
        if power == 4:
            x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([[1.0, 0.0], [0.0, -1.0]])
            return np.array([np.kron(x, np.eye(2)), np.kron(z, x), np.kron(z, z)]), 3
        # Of the Pauli matrices (z, x, y) of size 2 the first two are real.
        return np.ascontiguousarray(clifford_matrices(power)[:power].real), power
    gammas = clifford_matrices(power)
    if imaginary:
        return gammas, len(gammas)
    return np.array([np.eye(power), *(1j * gammas)]), 1 + len(gammas)

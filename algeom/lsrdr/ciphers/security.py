"""How well the rounds of a block cipher mix pairs of points: eigenvalues of sums of permutations.

Round keys k act on N points by permutations sigma_k, and so on the unordered pairs of points. The sum over all keys of
these permutations of pairs is a matrix whose rows and columns all sum to r, the number of keys. Rounds with independent
uniform keys are a Markov chain on pairs with this matrix, divided by r, for its transitions: what remains after m
rounds of any deviation from the uniform distribution decays as (|second eigenvalue| / r)^m. The measure of security is
that second largest modulus.

When keys are added at the end of the round, x -> S(x) xor k for all k, the sum over keys factors through the difference
x xor y of a pair {x, y}: it is A B with A the 0/1 matrix from pairs to the differences of their images and B from
differences to the pairs that have them, both keys that do so counted. Its nonzero eigenvalues are those of B A, the
difference distribution table of S on nonzero differences (a derivation of our own).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from flint import ctx, fmpz_mat, fmpz_poly
from numpy.typing import NDArray

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status
from algeom.lsrdr.ciphers.sboxes import sbox_array
from algeom.runtime import seeds
from algeom.runtime.memory import require

__all__ = [
    "SecurityMeasure",
    "difference_distribution_table",
    "keyed_permutations",
    "pair_permutations",
    "sbox_security_measure",
    "security_measure",
]

Int = NDArray[np.int64]

#: Largest matrix whose characteristic polynomial is computed unless asked for: 255 rows take 0.5 to 1 s, 511 rows 8 s.
_EXACT_ROWS = 255

#: Bits of the enclosures of its roots, enough for every digit of a double.
_ROOT_BITS = 100

#: Largest matrix all of whose eigenvalues are computed in floating point (about 10 s); larger ones go to ARPACK.
_DENSE_ROWS = 3000

#: Eigenvalues and basis vectors that ARPACK keeps. The moduli lie close together, as for random matrices, and one of
#: them alone converges slowly.
_ARPACK_VALUES, _ARPACK_VECTORS = 6, 64

#: Entries of one block of rows of a difference distribution table, counted together in cache-sized pieces.
_DDT_BLOCK = 1 << 20

Method = Literal["auto", "exact", "dense", "arpack"]


@dataclass(frozen=True)
class SecurityMeasure:
    """The second largest modulus of an eigenvalue of a sum of permutations of pairs.

    Attributes
    ----------
    value : float
        The modulus; smaller is better.
    eigenvalue : complex
        An eigenvalue of that modulus, with nonnegative imaginary part.
    lower, upper : float
        Bounds of the exact value: proved for the method "exact", else both equal to `value` and no bounds.
    integer : int or None
        The modulus, where the eigenvalue is proved to be an integer.
    total : int
        The largest eigenvalue, the number of permutations that were added.
    rows : int
        Size of the matrix whose eigenvalues were computed.
    matrix : {"differences", "pairs"}
        What indexes it.
    method : {"exact", "dense", "arpack"}
    evidence : Evidence
        PROVED by the exact characteristic polynomial, or NUMERICAL.
    """

    value: float
    eigenvalue: complex
    lower: float
    upper: float
    integer: int | None
    total: int
    rows: int
    matrix: Literal["differences", "pairs"]
    method: Literal["exact", "dense", "arpack"]
    evidence: Evidence

    @property
    def contraction(self) -> float:
        """By what a round with a uniform key shrinks differences to the uniform distribution, asymptotically."""
        return self.value / self.total

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        number = str(self.integer) if self.integer is not None else f"{self.value:.12g}"
        return f"security measure {number} of {self.total} ({self.rows} {self.matrix}, {self.method}: {self.evidence})"


def difference_distribution_table(sbox: Any) -> Int:
    """How often the S-box takes two inputs of a given difference to two outputs of a given difference.

    Parameters
    ----------
    sbox : array_like of int, shape (2^k,)
        Values at 0, ..., 2^k - 1: any function from k bits to at most 16.

    Returns
    -------
    ndarray of int64, shape (2^k, 2^m)
        Entry (d, e) is the number of x with S(x) xor S(x xor d) = e; m is k, or more if some values need more bits.
        Each row sums to 2^k.

    Raises
    ------
    InputError
        If `sbox` is no such array.
    ResourceError
        If the table does not fit.

    Notes
    -----
    A table takes 2^k * 2^k steps: 1 ms for 8 bits.

    References
    ----------
    E. Biham, A. Shamir, Differential cryptanalysis of DES-like cryptosystems, J. Cryptology 4 (1991).

    Examples
    --------
    >>> difference_distribution_table([1, 3, 0, 2])
    array([[4, 0, 0, 0],
           [0, 0, 4, 0],
           [0, 4, 0, 0],
           [0, 0, 0, 4]])
    """
    table = sbox_array(sbox)
    n = len(table)
    width = max(n, 1 << int(table.max()).bit_length())
    require(8.0 * n * width, None, f"the difference distribution table ({n} x {width})", "use an S-box of fewer bits")
    x = np.arange(n, dtype=np.int64)
    counts = np.empty((n, width), dtype=np.int64)
    rows = max(1, _DDT_BLOCK // max(n, width))
    for first in range(0, n, rows):
        d = x[first : first + rows, None]
        cells = (d - first) * width + (table ^ table[x ^ d])
        counts[first : first + rows] = np.bincount(cells.ravel(), minlength=len(d) * width).reshape(-1, width)
    return counts


def keyed_permutations(sbox: Any) -> Int:
    """The permutations x -> S(x) xor k for all keys k.

    Parameters
    ----------
    sbox : array_like of int, shape (2^k,)
        A permutation of 0, ..., 2^k - 1.

    Returns
    -------
    ndarray of int64, shape (2^k, 2^k)
        Row k is the permutation of key k.

    Raises
    ------
    InputError
        If `sbox` is no permutation.

    Examples
    --------
    >>> keyed_permutations([1, 0])
    array([[1, 0],
           [0, 1]])
    """
    table = sbox_array(sbox, permutation=True)
    require(8.0 * len(table) ** 2, None, f"{len(table)} permutations of as many points", "use an S-box of fewer bits")
    return table ^ np.arange(len(table), dtype=np.int64)[:, None]


def pair_permutations(permutations: Any) -> Int:
    """How permutations of N points permute the unordered pairs of points.

    Parameters
    ----------
    permutations : array_like of int, shape (r, N)
        Rows are permutations of 0, ..., N - 1; N >= 2.

    Returns
    -------
    ndarray of int64, shape (r, N (N - 1) / 2)
        Pairs {a < b} are numbered in lexicographic order.

    Raises
    ------
    InputError
        If a row is no permutation.
    ResourceError
        If the result does not fit.

    Examples
    --------
    >>> pair_permutations([[1, 2, 0]])
    array([[2, 0, 1]])
    """
    sigma = _permutation_rows(permutations)
    r, n = sigma.shape
    pairs = n * (n - 1) // 2
    require(32.0 * r * pairs, None, f"{r} permutations of {pairs} pairs", "use fewer points or permutations")
    a, b = np.triu_indices(n, 1)
    number = np.zeros((n, n), dtype=np.int64)
    number[a, b] = number[b, a] = np.arange(pairs)
    return number[sigma[:, a], sigma[:, b]]


def sbox_security_measure(*sboxes: Any, method: Method = "auto") -> SecurityMeasure:
    """The measure of security of S-boxes followed by the addition of a key: of all x -> S_i(x) xor k.

    Parameters
    ----------
    *sboxes : array_like of int, shape (2^k,)
        Permutations of 0, ..., 2^k - 1, all of the same k. Several are added up: a round that applies one of them.
    method : {"auto", "exact", "dense", "arpack"}
        As for `security_measure`.

    Returns
    -------
    SecurityMeasure
        `total` is the number of S-boxes times 2^k.

    Raises
    ------
    InputError
        If one is no permutation, or they differ in size.
    ResourceError
        If the table does not fit.

    Notes
    -----
    The matrix is the sum of the difference distribution tables on nonzero differences. Tables of an S-box, of its
    inverse (the transpose) and of S-boxes that differ by xor with constants have the same eigenvalues; and
    applying linear maps before S-boxes or after them gives the same. S-boxes that differ by a linear map on one side
    only have tables with the same singular values. The Walsh transform takes the table, divided by 2^k, to the matrix
    of squared correlations of linear cryptanalysis (Daemen, Govaerts, Vandewalle), which has the same eigenvalues.

    For inversion in GF(2^k) the table is f(d e) with f(t) = 1 + (-1)^Tr(1/t) + 2 [t = 1], and characters chi of the
    multiplicative group turn it into blocks with eigenvalues of modulus |2 + g(chi)|, g a Gauss sum, |g| = 2^(k/2) for
    nontrivial chi. So the measure is at most 2^(k/2) + 2. For even k it is exactly that, 18 for 8 bits: by
    Stickelberger g(chi) = 2^(k/2) if the order of chi divides 2^(k/2) + 1 (R. Lidl, H. Niederreiter, Finite Fields,
    Theorem 5.16; the application to this measure is a derivation of our own). The table is symmetric, so these are its
    singular values too, and no S-box affinely equivalent to inversion has a larger measure: inversion is the worst of
    its class.

    References
    ----------
    NIST, FIPS 197 for AES; the measure follows J. Van Name's computations for AES. J. Daemen, R. Govaerts,
    J. Vandewalle, Correlation matrices, FSE 1994.

    Examples
    --------
    A round of AES takes a byte to its four output bytes by the S-box and the coefficients of MixColumns.

    >>> from algeom.lsrdr.ciphers.sboxes import aes_sbox, field_inversion, field_multiplication
    >>> sbox_security_measure(field_inversion(8)).integer
    18
    >>> print(sbox_security_measure(*[field_multiplication(c)[aes_sbox()] for c in (2, 1, 1, 3)]))
    security measure 45.6864262007 of 1024 (255 differences, exact: proved)
    """
    if not sboxes:
        raise InputError("no S-box was given; give at least one list of 2^k integers")
    tables = [sbox_array(sbox, f"S-box {i}", permutation=True) for i, sbox in enumerate(sboxes)]
    sizes = {len(table) for table in tables}
    if len(sizes) > 1:
        raise InputError(f"the S-boxes have {sorted(sizes)} entries; give S-boxes of one size")
    matrix = sum(difference_distribution_table(table) for table in tables)
    assert isinstance(matrix, np.ndarray)
    return _second_modulus(np.ascontiguousarray(matrix[1:, 1:]), len(tables) * len(tables[0]), "differences", method)


def security_measure(
    permutations: Any, *, matrix: Literal["auto", "pairs"] = "auto", method: Method = "auto"
) -> SecurityMeasure:
    """Second largest modulus of an eigenvalue of the sum of permutations, acting on unordered pairs of points.

    Parameters
    ----------
    permutations : array_like of int, shape (r, N)
        Rows are permutations of 0, ..., N - 1, one for each round key; N >= 3.
    matrix : {"auto", "pairs"}
        "auto" goes over to difference distribution tables if the rows are all x -> S_i(x) xor k of some S-boxes S_i;
        "pairs" never does.
    method : {"auto", "exact", "dense", "arpack"}
        "exact": characteristic polynomial over the integers and enclosures of its roots; "dense": all eigenvalues in
        floating point; "arpack": a few of the largest. "auto" takes the first of them that answers within seconds.

    Returns
    -------
    SecurityMeasure

    Raises
    ------
    InputError
        If a row is no permutation, or there are fewer than three points (one pair has no second eigenvalue).
    GenericityError
        If ARPACK does not converge.
    ResourceError
        If the matrix does not fit.

    Notes
    -----
    The eigenvalue r belongs to the constant functions. If the permutations generate a group that is not transitive on
    pairs then r is repeated, and the measure is r.

    Examples
    --------
    A rotation of five points has two orbits on pairs.

    >>> print(security_measure([[1, 2, 3, 4, 0]]))
    security measure 1 of 1 (10 pairs, exact: proved)
    >>> from algeom.lsrdr.ciphers.sboxes import PRESENT_SBOX
    >>> keyed = keyed_permutations(PRESENT_SBOX)
    >>> print(security_measure(keyed))
    security measure 6.46309856076 of 16 (15 differences, exact: proved)
    >>> print(security_measure(keyed, matrix="pairs"))
    security measure 6.46309856076 of 16 (120 pairs, exact: proved)
    """
    sigma = _permutation_rows(permutations)
    r, n = sigma.shape
    if n < 3:
        raise InputError(
            f"the permutations move {n} points, which form one pair; give permutations of at least 3 points"
        )
    if matrix not in ("auto", "pairs"):
        raise InputError(f"matrix={matrix!r}; give 'auto' or 'pairs'")
    if matrix == "auto" and (sboxes := _keyed_sboxes(sigma)) is not None:
        return sbox_security_measure(*sboxes, method=method)
    from scipy.sparse import coo_array

    images = pair_permutations(sigma)
    pairs = images.shape[1]
    ones = np.ones(images.size, dtype=np.int64)
    total = coo_array((ones, (np.tile(np.arange(pairs), r), images.ravel())), shape=(pairs, pairs)).tocsr()
    return _second_modulus(total, r, "pairs", method)


def _permutation_rows(permutations: Any) -> Int:
    try:
        sigma = np.asarray(permutations)
    except ValueError as error:
        raise InputError(f"permutations is no array of integers ({error}); give r rows of N integers") from None
    if sigma.ndim != 2 or sigma.dtype.kind not in "iu" or sigma.shape[0] < 1 or sigma.shape[1] < 2:
        raise InputError(
            f"permutations has the shape {sigma.shape} and the type {sigma.dtype}; give r >= 1 rows of N >= 2 "
            "integers, each row a permutation of 0, ..., N - 1"
        )
    wrong = np.flatnonzero((np.sort(sigma, axis=1) != np.arange(sigma.shape[1])).any(axis=1))
    if wrong.size:
        raise InputError(
            f"permutations[{wrong[0]}] is no permutation of 0, ..., {sigma.shape[1] - 1}: each number once"
        )
    return sigma.astype(np.int64)


def _keyed_sboxes(sigma: Int) -> Int | None:
    """S-boxes S_i with S_i(0) = 0 such that the rows are x -> S_i(x) xor k for all i and k, each as often; or None."""
    r, n = sigma.shape
    if n & (n - 1) or r % n:
        return None
    bases, which = np.unique(sigma ^ sigma[:, :1], axis=0, return_inverse=True)
    counts = np.zeros((len(bases), n), dtype=np.int64)
    np.add.at(counts, (which.ravel(), sigma[:, 0]), 1)
    if (counts != counts[:, :1]).any():
        return None
    return np.repeat(bases, counts[:, 0], axis=0)


def _second_modulus(matrix: Any, total: int, index: Literal["differences", "pairs"], method: Method) -> SecurityMeasure:
    """The second modulus of a nonnegative integer matrix (dense, or CSR for pairs) with row and column sums `total`."""
    rows = matrix.shape[0]
    if method == "auto":
        method = "exact" if rows <= _EXACT_ROWS else "dense" if rows <= _DENSE_ROWS else "arpack"
    if method not in ("exact", "dense", "arpack"):
        raise InputError(f"method={method!r}; give 'auto', 'exact', 'dense' or 'arpack'")
    if method == "arpack":
        if rows <= _ARPACK_VECTORS:
            raise InputError(
                f"method='arpack' needs more than {_ARPACK_VECTORS} {index}, and there are {rows}; use 'exact'"
            )
        return _by_arpack(matrix, total, index)
    require(32.0 * rows**2, None, f"the matrix on {rows} {index}", "use method='arpack'")
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    if method == "exact":
        return _by_characteristic_polynomial(dense, total, index)
    return _by_eigenvalues(dense, total, index)


def _by_characteristic_polynomial(matrix: Int, total: int, index: Literal["differences", "pairs"]) -> SecurityMeasure:
    quotient = fmpz_mat(matrix.tolist()).charpoly() // fmpz_poly([-total, 1])
    with ctx.workprec(_ROOT_BITS):
        roots = [
            (abs(root), root, factor.degree() == 1)
            for factor, _ in quotient.factor()[1]
            for root, _ in factor.complex_roots()
        ]
        # Of several eigenvalues of one modulus a rational one is preferred, whose enclosure is the number itself.
        modulus, root, is_integer = max(roots, key=lambda entry: (float(entry[0].mid()), entry[2]))
        above = max((entry[0].upper() for entry in roots), key=float)
        is_integer = is_integer and bool(above <= modulus)
        value = float(modulus.mid())
        lower = value if is_integer else math.nextafter(float(modulus.lower()), -math.inf)
        upper = value if is_integer else math.nextafter(float(above), math.inf)
        eigenvalue = complex(float(root.real.mid()), abs(float(root.imag.mid())))
    rows = matrix.shape[0]
    reason = f"roots of the exact characteristic polynomial, of degree {rows}, enclosed by FLINT"
    return SecurityMeasure(
        value=value,
        eigenvalue=eigenvalue,
        lower=lower,
        upper=upper,
        integer=int(value) if is_integer else None,
        total=total,
        rows=rows,
        matrix=index,
        method="exact",
        evidence=Evidence(Status.PROVED, reason=reason),
    )


def _by_eigenvalues(matrix: Int, total: int, index: Literal["differences", "pairs"]) -> SecurityMeasure:
    rows = matrix.shape[0]
    values = np.linalg.eigvals(matrix - total / rows)
    return _numerical(values, total, rows, index, "dense", "all eigenvalues in double precision")


def _by_arpack(matrix: Any, total: int, index: Literal["differences", "pairs"]) -> SecurityMeasure:
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs

    rows = matrix.shape[0]
    floating = matrix.astype(np.float64)
    deflated = LinearOperator((rows, rows), matvec=lambda x: floating @ x.ravel() - total / rows * x.sum(), dtype=float)
    # The basis starts at a fixed vector, so that the same matrix gives the same digits.
    start = seeds.derive(0, "security measure").standard_normal(rows)
    try:
        values, vectors = eigs(deflated, k=_ARPACK_VALUES, ncv=_ARPACK_VECTORS, v0=start)
    except ArpackNoConvergence as error:
        raise GenericityError(
            f"ARPACK did not converge on the matrix of {rows} {index} ({error}); use method='dense' if it fits"
        ) from None
    best = int(np.argmax(np.abs(values)))
    residual = float(np.linalg.norm(deflated @ vectors[:, best] - values[best] * vectors[:, best]))
    reason = f"the largest eigenvalues by ARPACK in double precision, residual {residual:.0e}"
    return _numerical(values, total, rows, index, "arpack", reason)


def _numerical(
    values: NDArray[Any],
    total: int,
    rows: int,
    index: Literal["differences", "pairs"],
    method: Literal["dense", "arpack"],
    reason: str,
) -> SecurityMeasure:
    """The largest of the eigenvalues on functions with sum zero, which constants were taken out of."""
    first = values[np.argmax(np.abs(values))]
    value = float(abs(first))
    return SecurityMeasure(
        value=value,
        eigenvalue=complex(first.real, abs(first.imag)),
        lower=value,
        upper=value,
        integer=None,
        total=total,
        rows=rows,
        matrix=index,
        method=method,
        evidence=Evidence(Status.NUMERICAL, math.nan, reason),
    )

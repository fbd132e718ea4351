"""Reductions of block ciphers: the permutations of all round keys as one tuple of matrices."""

from __future__ import annotations

from typing import Any

from algeom.errors import InputError
from algeom.lsrdr.operators.structured_families import Permutations
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.maps.relabelling import check_integer
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState

__all__ = ["reduce_cipher"]


def reduce_cipher(
    permutations: Any,
    rank: int,
    *,
    starts: int = 8,
    tolerance: float = 1e-10,
    rng: RandomState = None,
    progress: Progress = False,
) -> LSRDRResult:
    """Reduce the permutation matrices of a cipher's round keys, on the functions with sum zero.

    Parameters
    ----------
    permutations : array_like of int, shape (r, N)
        Rows are permutations of 0, ..., N - 1, one for each round key, such as `keyed_permutations` returns them.
    rank : int
        From 1 to N - 1.
    starts, tolerance, rng, progress
        As for `lsrdr`.

    Returns
    -------
    LSRDRResult
        With the N x N matrices A_k = sigma_k (I - J / N), J the matrix of ones: the constant functions, which every
        permutation fixes, are taken out. P is zero on them.

    Raises
    ------
    InputError
        If a row is no permutation or the rank is out of bounds.

    Notes
    -----
    rho(Phi(A)) is the number r of keys, since the sum of A_k A_k^* is r times the identity there. If the permutations
    are x -> S(x) xor k for all keys k, Phi(A)(X) is N times the part of C X C^T that is diagonal in the basis of Walsh
    functions, C the correlation matrix of S. So for the projection onto the Walsh functions of a set U of masks the
    squared similarity is the spectral radius of the squared correlations among U: the best linear hull that stays
    within U. Reductions may exceed the best such set (a derivation and an observation of our own). They are often not
    unique: for the S-box of PRESENT and ranks up to 4, eight starts end at four to seven different projections.

    References
    ----------
    J. Van Name, LSRDRs of block ciphers (2023), for the encoding.

    Examples
    --------
    >>> from algeom.lsrdr.ciphers.security import keyed_permutations
    >>> from algeom.lsrdr.ciphers.sboxes import PRESENT_SBOX
    >>> reduced = reduce_cipher(keyed_permutations(PRESENT_SBOX), 3, rng=0)
    >>> print(f"{reduced.similarity:.9f}", reduced.X.shape, reduced.agreement.unanimous)
    0.734456802 (16, 3, 3) False
    """
    family = Permutations(permutations, sum_zero=True)
    if family.n < 2:
        raise InputError("the permutations move one point; give permutations of at least 2 points")
    rank = check_integer("rank", rank, 1, family.n - 1, "functions with sum zero")
    return lsrdr(family, rank, starts=starts, tolerance=tolerance, rng=rng, progress=progress)

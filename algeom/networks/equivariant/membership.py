"""Whether a matrix is equivariant, and the ranks of its blocks: exactly for rational matrices, else by gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpz_mat, fmpz_poly
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.networks.equivariant.arguments import checked_matrix
from algeom.networks.equivariant.base_change import BaseChange, CyclicBaseChange
from algeom.networks.equivariant.blocks import Block, Field, blocks_over, complex_matrix, split
from algeom.networks.equivariant.permutations import Permutation

__all__ = ["BlockRanks", "block_ranks"]

Array = NDArray[Any]

#: A matrix counts as equivariant, and a singular value as zero, up to this times n eps relative to the matrix: products
#: of a few matrices of size n in double precision are as accurate.
_TOLERANCE = 64.0


@dataclass(frozen=True, eq=False, repr=False)
class BlockRanks:
    """The ranks of the blocks of a matrix.

    Attributes
    ----------
    is_equivariant : bool
        Whether the matrix commutes with the group.
    ranks : tuple of int
        For each block the rank over its algebra; of the nearest equivariant matrix, if it is not equivariant itself.
    blocks : tuple of Block
    residual : float
        Distance from the equivariant matrices, relative to the matrix; 0 for exact entries that are equivariant.
    gap : tuple of float
        The smallest singular value that counts and the largest that does not, relative to the largest of all: ranks are
        clear if they are far apart. (1, 0) for exact ranks.
    evidence : Evidence
        PROVED for exact entries, else NUMERICAL.
    """

    is_equivariant: bool
    ranks: tuple[int, ...]
    blocks: tuple[Block, ...]
    residual: float
    gap: tuple[float, float]
    evidence: Evidence

    @property
    def rank(self) -> int:
        """The rank of the matrix."""
        return sum(block.cost * r for block, r in zip(self.blocks, self.ranks, strict=True))

    def __repr__(self) -> str:
        listed = ", ".join(
            f"({','.join(map(str, block.label))}): {r}" for block, r in zip(self.blocks, self.ranks, strict=True) if r
        )
        equivariant = "equivariant" if self.is_equivariant else f"not equivariant (relative {self.residual:.1e})"
        return f"BlockRanks({equivariant}, rank {self.rank}; {listed or 'zero'}; {self.evidence})"


def block_ranks(
    base_change: BaseChange, matrix: Any, field: Field = "real", *, tolerance: float | None = None
) -> BlockRanks:
    """The ranks of the blocks of a matrix; see ``EquivariantMaps.ranks``.

    Parameters
    ----------
    base_change : BaseChange
    matrix : array_like, shape (n, n)
        For one permutation, integers and Fractions are decided exactly over the cyclotomic fields.
    field : {"real", "complex"}
    tolerance : float, optional
        Relative size up to which deviations and singular values count as zero, for entries in floating point. By
        default ``64 n eps``.

    Returns
    -------
    BlockRanks

    Raises
    ------
    InputError
        If the matrix has the wrong shape, is not finite, or is complex for ``field="real"``; if the tolerance is not
        between 0 and 1.
    """
    blocks = blocks_over(field, base_change.blocks)
    if tolerance is not None and not 0 <= tolerance < 1:
        raise InputError(f"tolerance={tolerance!r}: it is relative to the matrix; give a number from 0 to below 1")
    exact = None
    if isinstance(base_change, CyclicBaseChange) and tolerance is None:
        exact = _exact_entries(matrix, base_change.n)
        if exact is not None and _commutes(base_change.permutation, exact):
            return _exact_ranks(base_change, exact, field)
    array = checked_matrix("the matrix", matrix, base_change.n, base_change.n, field)
    limit = _TOLERANCE * base_change.n * np.finfo(np.float64).eps if tolerance is None else tolerance
    coordinates = base_change.coordinates(array)
    if field == "real":
        parts = [complex_matrix(part) for part in coordinates]
    else:
        parts = [block for part in coordinates for block in split(part)]
    # Singular values of complex forms of quaternionic matrices come in pairs.
    lines = [2 if block.algebra == 4 else 1 for block in blocks]
    values = [np.linalg.svd(part, compute_uv=False)[::step] for part, step in zip(parts, lines, strict=True)]
    every = np.concatenate(values)
    largest = float(every.max()) or 1.0
    size = float(np.linalg.norm(array)) or 1.0
    residual = float(np.linalg.norm(array - base_change.from_coordinates(coordinates))) / size
    counted = every > limit * largest
    gap = (
        float(every[counted].min(initial=largest) / largest),
        float(every[~counted].max(initial=0.0) / largest),
    )
    reason = (
        f"singular values above {limit:.0e} of the largest count; the smallest of these is {gap[0]:.1e} of it, the "
        f"largest other {gap[1]:.1e}"
    )
    return BlockRanks(
        # Exact entries have been found not to commute, however little is missing.
        is_equivariant=residual <= limit and exact is None,
        ranks=tuple(int(np.count_nonzero(block > limit * largest)) for block in values),
        blocks=blocks,
        residual=residual,
        gap=gap,
        evidence=Evidence(Status.NUMERICAL, math.nan, reason),
    )


def _exact_entries(matrix: Any, n: int) -> list[list[Fraction]] | None:
    """The entries as Fractions, if all are integers or Fractions."""
    array = matrix if isinstance(matrix, np.ndarray) else np.array(matrix, dtype=object)
    if array.shape != (n, n) or array.dtype.kind not in "iuO":
        return None
    rows = array.tolist()
    if not all(isinstance(entry, (int, Fraction, np.integer)) for row in rows for entry in row):
        return None
    return [[Fraction(entry) for entry in row] for row in rows]


def _commutes(sigma: Permutation, rows: list[list[Fraction]]) -> bool:
    moved = sigma.images.tolist()
    return all(
        rows[i_moved][j_moved] == row[j]
        for i_moved, row in zip(moved, rows, strict=True)
        for j, j_moved in enumerate(moved)
    )


def _exact_ranks(base_change: CyclicBaseChange, rows: list[list[Fraction]], field: Field) -> BlockRanks:
    """Ranks over the cyclotomic fields of a rational matrix that commutes with the permutation.

    With x acting as the permutation, Q^n is the sum of the modules Q[x]/(x^L - 1) of the cycles. An equivariant matrix
    is a homomorphism, given by the images of the first points of the cycles; its block for zeta_l is found by putting
    x = zeta_l. Conjugate eigenvalues have equal ranks, since the matrix is rational.
    """
    cycles = [cycle.tolist() for cycle in base_change.permutation.cycles]
    denominator = math.lcm(*(entry.denominator for row in rows for entry in row))
    # Column by column the images of the first points, as coefficients along each cycle.
    images = [[[int(rows[i][cycle[0]] * denominator) for i in other] for cycle in cycles] for other in cycles]
    rank_of = {}
    for l in {block.label[0] for block in base_change.blocks}:
        having = [c for c, cycle in enumerate(cycles) if len(cycle) % l == 0]
        rank_of[l] = _cyclotomic_rank([[images[c][other] for other in having] for c in having], l)
    blocks = blocks_over(field, base_change.blocks)
    return BlockRanks(
        is_equivariant=True,
        ranks=tuple(rank_of[block.label[0]] for block in blocks),
        blocks=blocks,
        residual=0.0,
        gap=(1.0, 0.0),
        evidence=Evidence(Status.PROVED, reason="exact entries, and ranks over the cyclotomic fields Q(zeta_l)"),
    )


def _cyclotomic_rank(entries: list[list[list[int]]], l: int) -> int:
    """The rank over Q(zeta_l) of a square matrix whose entries are polynomials in zeta_l, by their coefficients.

    Every entry becomes the matrix of multiplication by it in the basis 1, zeta, ..., so that ranks are multiplied by
    the degree of the field.
    """
    modulus = fmpz_poly.cyclotomic(l)
    degree = modulus.degree()
    size = len(entries) * degree
    table = [[0] * size for _ in range(size)]
    for i, row in enumerate(entries):
        for j, coefficients in enumerate(row):
            value = fmpz_poly(coefficients) % modulus
            for k in range(degree):
                for t, coefficient in enumerate(value.coeffs()):
                    table[i * degree + t][j * degree + k] = int(coefficient)
                value = value * fmpz_poly([0, 1]) % modulus
    return int(fmpz_mat(table).rank()) // int(degree)

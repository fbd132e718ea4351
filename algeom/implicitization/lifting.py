"""From equations modulo primes to primitive integer equations, as short as they come."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from algeom.algebra import lattice
from algeom.algebra.elimination import eliminate
from algeom.algebra.primes import random_prime
from algeom.algebra.rational import ResidueVector, reconstruct_vector
from algeom.errors import ResourceError
from algeom.implicitization.blocks import BlockResult, BlockTask, evaluation_matrix
from algeom.implicitization.interpolation import Interpolation, Layer, UnluckyPrimeError
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.sampling import FloatArray
from algeom.runtime import seeds

#: Points at which a candidate must vanish modulo a fresh prime before it is believed.
_CHECK_POINTS = 4
#: Lattice reduction costs about (equations)^3 * monomials operations on big integers; larger blocks keep their
#: echelon form, whose equations are short already when the block is sparse.
_REDUCE_UP_TO_EQUATIONS = 32
_REDUCE_UP_TO_ENTRIES = 20_000
#: Working primes at most: coefficients of about 10,000 digits.
_MAX_PRIMES = 3000

Vector = list[int]


def lift_block(
    interpolation: Interpolation, layer: Layer, below: Layer | None, node: int
) -> list[tuple[IntArray, Vector]]:
    """Primitive integer equations that complete the multiples of lower ones in a block.

    Returns
    -------
    list of (columns, coefficients)
        Positions among the monomials of the block and the nonzero integer coefficients there.
    """
    result = layer.results[node]
    new = layer.new[node]
    reducible = 1 < result.nullity <= _REDUCE_UP_TO_EQUATIONS and result.nullity * result.size <= _REDUCE_UP_TO_ENTRIES
    wanted = np.arange(result.nullity) if reducible else new
    vectors = _lift_rows(interpolation, layer, node, wanted)
    if reducible:
        reduced = [list(map(int, row)) for row in lattice.saturate(vectors)]
        # The lattice is the same; only which of its bases the generators are taken from is a choice.
        candidates = sorted(reduced + vectors, key=_length)
        vectors = _complete(interpolation, layer, below, node, candidates)
        if len(vectors) != len(new):
            raise UnluckyPrimeError(layer.degree, node)
    return [_sparse(vector) for vector in vectors]


def _length(vector: Vector) -> tuple[int, int]:
    """Number of terms, then size of the coefficients: what a reader minds."""
    return sum(1 for c in vector if c), sum(abs(c).bit_length() for c in vector)


def _sparse(vector: Vector) -> tuple[IntArray, Vector]:
    columns = [k for k, c in enumerate(vector) if c]
    return np.array(columns, np.int64), [vector[k] for k in columns]


def _complete(
    interpolation: Interpolation, layer: Layer, below: Layer | None, node: int, candidates: list[Vector]
) -> list[Vector]:
    """The first candidates that complete the multiples of lower equations to a basis of the block."""
    result = layer.results[node]
    prime = interpolation.primes[0]
    multiples = interpolation.multiples(layer, below, node) if below is not None else np.zeros((0, result.nullity))
    half = prime // 2
    at_free = np.array(
        [[(vector[int(c)] + half) % prime - half for c in result.free_columns] for vector in candidates], float
    )
    columns = np.ascontiguousarray(np.concatenate([multiples, at_free]).T)
    pivots = eliminate(columns, prime, null_space=False, overwrite=True).pivot_columns
    return [candidates[int(c) - len(multiples)] for c in pivots if c >= len(multiples)]


def _lift_rows(interpolation: Interpolation, layer: Layer, node: int, rows: IntArray) -> list[Vector]:
    """Integer multiples of chosen rows of the reduced echelon null space of a block, dense and primitive."""
    result = layer.results[node]
    task = BlockTask(
        interpolation.tape, interpolation.weights, layer.degree, node, interpolation.primes[0], interpolation.seed
    )
    monomials = layer.monomials(node)
    assert result.null_space is not None
    residues = [ResidueVector() for _ in rows]
    lifted: dict[int, Vector] = {}
    check = _CheckMatrix(replace(task, prime=interpolation.primes[1]), monomials)
    used = {task.prime}
    rng = seeds.derive(interpolation.seed, "lift", layer.degree, node)
    found = [(task.prime, result)]
    while True:
        left = [k for k in range(len(rows)) if k not in lifted]
        for k in left if found else ():
            residues[k].add(*_combined([(r.null_space[rows[k]], p) for p, r in found if r.null_space is not None]))
        for k in left:
            vector = _reconstruct(residues[k], int(result.free_columns[rows[k]]), result)
            if vector is None or not check.vanishes(vector):
                break  # the others of this block are about as large
            lifted[k] = vector
        if len(lifted) == len(rows):
            break
        if len(used) > _MAX_PRIMES:
            raise ResourceError(
                f"an equation of degree {layer.degree} has coefficients beyond "
                f"{int(len(used) * 21 * 0.15)} digits; call implicitize(..., lift=False) for the counts, "
                "or change coordinates so that the map has smaller constants"
            )
        # Reconstruction is tried each time the modulus has grown by half.
        primes = _fresh_primes(rng, used, 1 + len(used) // 2)
        solved = interpolation.solve_all([replace(task, prime=p) for p in primes], {node: result.size})
        # A prime at which the echelon form has other pivots tells nothing about this one.
        found = [(t.prime, r) for t, r in solved if np.array_equal(r.free_columns, result.free_columns)]
        if 2 * len(found) < len(solved):
            raise UnluckyPrimeError(layer.degree, node)  # most primes differ from the first one
    return [lifted[k] for k in range(len(rows))]


def _fresh_primes(rng: np.random.Generator, used: set[int], count: int) -> list[int]:
    """Working primes that were not used before; they are entered as used."""
    fresh: list[int] = []
    while len(fresh) < count:
        prime = random_prime(rng, 22)
        if prime not in used:
            used.add(prime)
            fresh.append(prime)
    return fresh


def _combined(parts: list[tuple[FloatArray | Vector, int]]) -> tuple[FloatArray | Vector, int]:
    """One vector modulo the product of the primes of several, by halves, so that long integers meet but rarely."""
    if len(parts) == 1:
        return parts[0]
    both = ResidueVector()
    middle = len(parts) // 2
    both.add(*_combined(parts[:middle]))
    both.add(*_combined(parts[middle:]))
    return both.residues, both.modulus


def _reconstruct(residue: ResidueVector, free_column: int, result: BlockResult) -> Vector | None:
    """The primitive integer vector over all columns, or None if the modulus is still too small."""
    found = reconstruct_vector([1, *residue.residues], residue.modulus)
    if found is None:
        return None
    vector = [0] * result.size
    vector[free_column] = found[0]
    for column, value in zip(result.pivot_columns.tolist(), found[1:], strict=True):
        vector[column] = value
    return vector


class _CheckMatrix:
    """Values of a block's monomials at a few points modulo a prime that the candidates were not found with."""

    def __init__(self, task: BlockTask, monomials: IntArray) -> None:
        self.prime = task.prime
        self.matrix: FloatArray = evaluation_matrix(task, monomials, _CHECK_POINTS)

    def vanishes(self, vector: Vector) -> bool:
        """Whether the equation holds at the points modulo the prime."""
        half = self.prime // 2
        reduced = np.array([(c + half) % self.prime - half for c in vector], np.int64)
        products = self.matrix.astype(np.int64) * reduced % self.prime
        return not (products.sum(axis=1) % self.prime).any()

"""Points of the image, and ranks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from flint import fmpz, fmpz_mat, nmod_mat

from .reading import Refuted, Tape
from .rings import Duals, Residues


def _splitmix64(z: int) -> int:
    mask = 2**64 - 1
    z = (z + 1) * 0x9E3779B97F4A7C15 & mask
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & mask
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & mask
    return z ^ (z >> 31)


class Stream:
    """The points of a seed and a prime, as the package's docstring describes them."""

    def __init__(self, tape: Tape, seed: int, prime: int) -> None:
        self.tape = tape
        self.prime = prime
        self._key = int.from_bytes(hashlib.sha256(f"{fmpz(seed).str()}:{prime}".encode()).digest()[:8], "little")
        self._drawn = 0
        self.values: list[list[int]] = [[] for _ in tape.outputs]
        self.first: list[int] = []

    def coordinates(self, count: int) -> list[list[int]]:
        """For each coordinate its values at the first points, at least `count` of them."""
        n = self.tape.inputs
        while len(self.values[0]) < count:
            if self._drawn > 16 * count + 1024:
                raise Refuted(f"a divisor of the map vanishes at nearly all points modulo {self.prime}")
            numbers = range(self._drawn, self._drawn + min(128, max(8, count - len(self.values[0]))))
            theta = [[_splitmix64((self._key + n * k + j) % 2**64) % self.prime for k in numbers] for j in range(n)]
            ring = Residues(self.prime, len(numbers))
            outputs = self.tape.run(ring, theta)
            kept = [k for k in range(len(numbers)) if k not in ring.undefined]
            if kept and not self.first:
                self.first = [row[kept[0]] for row in theta]
            for mine, new in zip(self.values, outputs, strict=True):
                mine.extend(new[k] for k in kept)
            self._drawn += len(numbers)
        return self.values


def jacobian(tape: Tape, theta: Sequence[int], p: int) -> list[list[int]]:
    """The Jacobian at a point modulo p, one row a coordinate."""
    ring = Duals(p, tape.inputs)
    return [gradient or ring.zero for _, gradient in tape.run(ring, ring.variables(theta))]


def rank_modulo(rows: list[list[int]], p: int) -> int:
    """Rank modulo p of rows of residues."""
    return int(nmod_mat(len(rows), len(rows[0]), [x for row in rows for x in row], p).rank()) if rows else 0


def rank(rows: list[list[int]], m: int) -> int:
    """Rank over Q of integer rows."""
    return int(fmpz_mat(len(rows), m, [x for row in rows for x in row]).rank()) if rows else 0

"""Random points of a parametrized variety modulo a prime, from a stream that any program can repeat.

Point k of the stream of (seed, prime) has the parameters ``splitmix64(key + n*k + j) mod p`` for j = 0..n-1, where
`key` is the first eight bytes (little endian) of the SHA-256 of the ASCII text ``"seed:prime"``. Points at which a
denominator vanishes are left out; the others are numbered in order. The stream is spelled out, and made of two
published functions, so that a certificate can be replayed without NumPy.
"""

from __future__ import annotations

import hashlib
import math
import threading
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError
from algeom.maps.tape import Tape

FloatArray = NDArray[np.float64]

#: Points beyond the number of columns in every rank computation.
SURPLUS = 8
#: Points are evaluated in multiples of this many.
_CHUNK = 128


def stream_key(seed: int, prime: int) -> int:
    """Start of the stream of points of a seed and a prime."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{prime}".encode()).digest()[:8], "little")


def _splitmix64(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Output function of the splitmix64 generator (Steele, Lea, Flood 2014) at state z."""
    z = (z + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def parameter_points(n: int, first: int, count: int, seed: int, prime: int) -> FloatArray:
    """Parameters of points first .. first+count-1 of the stream, balanced residues, shape (n, count)."""
    start = (stream_key(seed, prime) + n * first) % 2**64
    with np.errstate(over="ignore"):
        states = np.arange(n * count, dtype=np.uint64) + np.uint64(start)
        residues = (_splitmix64(states) % np.uint64(prime)).astype(np.float64)
    residues -= prime * (residues > prime // 2)
    return np.ascontiguousarray(residues.reshape(count, n).T)


class Samples:
    """The stream of points of one tape, seed and prime, evaluated as far as it was asked for.

    Growing is guarded by a lock; what was handed out is never written again, so that threads may share it.
    """

    def __init__(self, tape: Tape, seed: int, prime: int) -> None:
        self.tape = tape
        self.seed = seed
        self.prime = prime
        self._theta = np.zeros((tape.n_inputs, 0))
        self._values = np.zeros((len(tape.outputs), 0))
        self._drawn = 0
        self._lock = threading.Lock()

    def _grow(self, count: int) -> None:
        with self._lock:
            while self._values.shape[1] < count:
                missing = count - self._values.shape[1]
                batch = -(-missing // _CHUNK) * _CHUNK
                if self._drawn > 16 * count + 1024:
                    raise GenericityError(
                        f"a denominator of the map vanished at {self._drawn - self._values.shape[1]} of "
                        f"{self._drawn} random points modulo {self.prime}; a denominator is identically zero "
                        "modulo this prime. Check the map for a division by zero, or for constants divisible by it."
                    )
                theta = parameter_points(self.tape.n_inputs, self._drawn, batch, self.seed, self.prime)
                values, defined = self.tape.evaluate_modular(theta, self.prime)
                self._drawn += batch
                if not defined.all():
                    theta, values = theta[:, defined], values[:, defined]
                self._theta = np.ascontiguousarray(np.concatenate([self._theta, theta], axis=1))
                self._values = np.ascontiguousarray(np.concatenate([self._values, values], axis=1))

    def values(self, count: int) -> FloatArray:
        """Coordinates of at least `count` points, shape (m, at least count)."""
        if self._values.shape[1] < count:
            self._grow(count)
        return self._values

    def theta(self, count: int) -> FloatArray:
        """Parameters of the points of `values`, shape (n, at least count)."""
        if self._values.shape[1] < count:
            self._grow(count)
        return self._theta


@lru_cache(maxsize=64)
def samples(tape: Tape, seed: int, prime: int) -> Samples:
    """The shared stream of a tape, seed and prime in this process."""
    return Samples(tape, seed, prime)


def log10_rank_failure(rank: int, degree: int, prime: int, surplus: int) -> float:
    """Base-10 logarithm of a bound on the probability that random points show less than the true rank mod p.

    The rank of the first R + e rows stays below R only if at least e + 1 of the points failed to enlarge the span of
    the points before, and each does with probability at most D/p (Schwartz, Zippel; D the degree of the numerator in
    the parameters). Hence C(R+e, e+1) (D/p)^(e+1).
    """
    if rank == 0 or degree == 0:
        return -math.inf
    fails = surplus + 1
    ways = math.lgamma(rank + surplus + 1) - math.lgamma(fails + 1) - math.lgamma(rank)
    return min(0.0, ways / math.log(10) + fails * (math.log10(degree) - math.log10(prime)))

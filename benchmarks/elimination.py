"""Elimination modulo a prime near 2^22 against float64 GEMM and python-flint, in one run.

    python benchmarks/elimination.py [--sizes 4000 8000 16000] [--flint 4000] [--threads 2]

For each size n: rank and null space of a random n x n matrix of rank 0.9 n. Floating-point operations are counted
as done, a multiply-add as two: pivot s (from 0) in column j takes 2 (n - s - 1)(n - j - 1), the trailing update of LU
on the rank found; the back substitution of a free column with t pivots before it takes t (t - 1). GEMM is NumPy's own,
with as many threads; the two alternate and the best of each counts, since other processes slow down both.
python-flint's time is that of nmod_mat.rref alone, which gives the same information, with its default of one thread
and with as many as ours.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from threadpoolctl import threadpool_limits

from algeom.algebra.elimination import Elimination, eliminate, rank
from algeom.runtime.execution import cores

PRIME = 4194301
#: Targets: (size, least fraction of the GEMM rate).
TARGETS = {4000: 0.60, 8000: 0.60, 16000: 0.75}
FLINT_TARGET = 6.0


def random_matrix(rng: np.random.Generator, size: int, r: int) -> np.ndarray:
    """Random matrix of rank r (almost surely), modulo PRIME, without large temporaries."""
    half = (PRIME - 1) // 2
    right = rng.integers(-half, half + 1, (r, size)).astype(np.float64)
    out = np.empty((size, size))
    for lo in range(0, size, 1000):
        block = out[lo : lo + 1000]
        block[...] = 0.0
        left = rng.integers(-half, half + 1, (len(block), r)).astype(np.float64)
        for start in range(0, r, 1000):
            block += left[:, start : start + 1000] @ right[start : start + 1000]
            block -= PRIME * np.rint(block / PRIME)
    return out


def operations(size: int, result: Elimination) -> float:
    """Floating-point operations of LU on the rank found and of the back substitution."""
    s = np.arange(result.rank, dtype=np.float64)
    before = result.free_columns - np.arange(result.free_columns.size, dtype=np.float64)
    return float((2 * (size - s - 1) * (size - result.pivot_columns - 1)).sum() + (before * (before - 1)).sum())


def gemm_rate(size: int, threads: int) -> float:
    """GF/s of one float64 product."""
    a = np.random.default_rng(0).random((size, size))
    out = np.empty_like(a)
    with threadpool_limits(threads, user_api="blas"):
        start = time.perf_counter()
        np.matmul(a, a, out=out)
        return 2e-9 * size**3 / (time.perf_counter() - start)


def annihilates(A: np.ndarray, result: Elimination, rng: np.random.Generator) -> bool:
    """Whether a random combination of the null vectors is annihilated."""
    assert result.null_space is not None
    weights = rng.integers(-100, 101, result.free_columns.size).astype(np.float64)
    vector = np.empty(A.shape[1])
    vector[result.free_columns], vector[result.pivot_columns] = weights, weights @ result.null_space
    vector -= PRIME * np.rint(vector / PRIME)
    total = np.zeros(A.shape[0])
    for lo in range(0, A.shape[1], 1000):
        total += A[:, lo : lo + 1000] @ vector[lo : lo + 1000]
        total -= PRIME * np.rint(total / PRIME)
    return not total.any()


def run_size(size: int, threads: int, repeats: int, flint_sizes: list[int]) -> bool:
    """Measure one size; whether it met its targets."""
    rng = np.random.default_rng(size)
    A = random_matrix(rng, size, 9 * size // 10)
    work = np.empty_like(A)
    eliminate(A[:300, :300].copy(), PRIME)
    seconds, rate = np.inf, 0.0
    for _ in range(repeats):
        rate = max(rate, gemm_rate(min(size, 5000), threads))
        work[...] = A
        start = time.perf_counter()
        result = eliminate(work, PRIME, overwrite=True, threads=threads)
        seconds = min(seconds, time.perf_counter() - start)
        rate = max(rate, gemm_rate(min(size, 5000), threads))
    speed = 1e-9 * operations(size, result) / seconds
    right = result.rank == 9 * size // 10 and annihilates(A, result, rng)
    target = TARGETS.get(size)
    met = right and (target is None or speed >= target * rate)
    print(
        f"n = {size:6d}  {seconds:8.3f} s  {speed:6.1f} GF/s  GEMM {rate:6.1f} GF/s  ratio {speed / rate:.2f}"
        f"{'' if target is None else f' (target {target:.2f})'}  {'null space annihilated' if right else 'WRONG'}",
        flush=True,
    )
    if size in flint_sizes:
        import flint

        M = flint.nmod_mat(size, size, [x % PRIME for x in A.astype(np.int64).ravel().tolist()], PRIME)
        ratios = {}
        for flint_threads in sorted({1, threads}):
            flint.ctx.threads = flint_threads
            start = time.perf_counter()
            _, flint_rank = M.rref()
            flint_seconds = time.perf_counter() - start
            ratios[flint_threads] = flint_seconds / seconds
            met = met and flint_rank == result.rank
            print(
                f"           python-flint rref {flint_seconds:7.3f} s with {flint_threads} threads"
                f"{' (its default)' if flint_threads == 1 else ''}, {ratios[flint_threads]:.1f} times ours",
                flush=True,
            )
        met = met and ratios[1] >= FLINT_TARGET
        print(f"           target {FLINT_TARGET:.0f} times, of python-flint as installed")
    return met


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 2000, 4000, 8000])
    parser.add_argument("--flint", type=int, nargs="*", default=[4000], help="sizes that python-flint runs too")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    start = time.perf_counter()
    rank(np.eye(2), PRIME)
    eliminate(np.eye(800), PRIME)
    print(f"first call of every kernel (compiled or read from the cache): {time.perf_counter() - start:.1f} s")
    for size in (10, 30, 60, 100, 200, 400):
        A = random_matrix(np.random.default_rng(size), size, 9 * size // 10)
        best = np.inf
        for _ in range(20):
            start = time.perf_counter()
            eliminate(A, PRIME)
            best = min(best, time.perf_counter() - start)
        print(f"n = {size:6d}  {1e6 * best:8.1f} us, one thread")
    met = [run_size(size, arguments.threads, arguments.repeats, arguments.flint) for size in arguments.sizes]
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())

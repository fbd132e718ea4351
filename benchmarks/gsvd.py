"""Minimum-volume ellipsoids of 10^5 points in 32 dimensions, in weighted covariances of the same points.

    python benchmarks/gsvd.py [--points 100000] [--dimension 32] [--tol 1e-7] [--runs 3]

A first-order method forms ``sum u_k y_k y_k^T`` over all points at every iteration. The target is less than ten times
the cost of one such weighted covariance for each of 100 iterations, 1000 covariances in all; the exit status is 1 if a
gap is not reached or a target is missed. Times are CPU seconds in this process, one BLAS thread, least of all runs for
the covariance and median for the ellipsoid, from the bare points to the certificate over all points. Gaps are those
that `minimum_volume_ellipsoid` computes afresh at the end.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from algeom.gsvd import minimum_volume_ellipsoid
from algeom.runtime.blas import one_blas_thread

#: Covariances: a hundred iterations at ten times the cost of one.
TARGET = 1000


def point_sets(n: int, p: int) -> Iterator[tuple[str, np.ndarray]]:
    """Points by name, of the kinds that make the problem easy and hard."""
    rng = np.random.default_rng(0)
    yield "Gaussian", rng.standard_normal((n, p))
    sphere = rng.standard_normal((n, p))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    yield "on an ellipsoid with semi-axes 1 to 3", sphere * np.linspace(1, 3, p)
    x = rng.standard_normal((n, p // 2))
    x /= np.linalg.norm(x, axis=1)[:, None]
    hidden = np.maximum(x @ rng.standard_normal((p // 2, 2 * p)), 0)
    yield f"gains of a ReLU network {p // 2}-{2 * p}-{p}", hidden @ rng.standard_normal((2 * p, p))
    yield "corners of a cube", np.sign(rng.standard_normal((n, p)))
    yield "Cauchy", rng.standard_cauchy((n, p))
    yield (
        "100 points and their negatives, repeated",
        np.ascontiguousarray(rng.standard_normal((100, p))[rng.integers(0, 100, n)] * rng.choice([-1.0, 1.0], (n, 1))),
    )
    yield "shell around a sphere, of thickness 1e-4", sphere * (1 + 1e-4 * rng.random((n, 1)))


def cpu_seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dimension", type=int, default=32)
    parser.add_argument("--tol", type=float, default=1e-7)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    n, p = options.points, options.dimension
    print(f"{n} points in {p} dimensions, gap {options.tol:g}; ratio: ellipsoid / weighted covariance")
    print(f"{'points':<42} {'cov. ms':>8} {'ratio':>7} {'gap':>8} {'steps':>6} {'passes':>7} {'support':>8}")
    missed = False
    with one_blas_thread():
        for name, points in point_sets(n, p):
            u = np.full(n, 1 / n)
            covariance = min(
                cpu_seconds(lambda points=points, u=u: (points * u[:, None]).T @ points)[0]
                for _ in range(3 * options.runs)
            )
            timed = [
                cpu_seconds(lambda points=points: minimum_volume_ellipsoid(points, options.tol))
                for _ in range(options.runs)
            ]
            ratio = float(np.median([seconds for seconds, _ in timed])) / covariance
            found = timed[0][1]
            ok = found.gap <= options.tol and ratio < TARGET
            missed |= not ok
            print(
                f"{name:<42} {1e3 * covariance:>8.1f} {ratio:>7.0f} {found.gap:>8.1e} {found.iterations:>6} "
                f"{found.passes:>7} {len(found.support):>8}  {'ok' if ok else 'MISSED'}",
                flush=True,
            )
    sys.exit(int(missed))


if __name__ == "__main__":
    main()

"""Time of evaluating monomials modulo p, an entry and core, next to filling the same array in the same run.

Usage: python benchmarks/monomials.py
"""

import time

import numpy as np

from algeom._kernels.monomials import evaluate_monomials
from algeom.implicitization.multidegrees import Multidegrees

PRIME = 4194301.0
POINTS = 1000
CASES = [(16, 3), (16, 4), (18, 5), (48, 3)]


def best(function, repeats=10):
    """Shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    print(f"{'variables':>9} {'degree':>6} {'monomials':>9} {'ns/entry':>9} {'fill':>6} {'ratio':>6}  target 1.5 ns")
    for m, degree in CASES:
        table = Multidegrees(np.ones((1, m), np.int64), degree)
        monomials = table.monomials(int(table.nodes(degree)[0]))
        y = np.random.default_rng(0).integers(-2097150, 2097151, size=(m, POINTS)).astype(float)
        out = np.empty((POINTS, len(monomials)))
        evaluate_monomials(monomials, y, PRIME, 0, out)
        entry = best(lambda: evaluate_monomials(monomials, y, PRIME, 0, out)) / out.size * 1e9  # noqa: B023
        fill = best(lambda: out.fill(1.0)) / out.size * 1e9  # noqa: B023
        print(f"{m:>9} {degree:>6} {len(monomials):>9} {entry:>9.2f} {fill:>6.2f} {entry / fill:>6.1f}")


if __name__ == "__main__":
    main()

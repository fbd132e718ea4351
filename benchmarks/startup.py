"""Import, first call on a warm cache, and the main job on a cold one, each in processes of their own.

Usage: python benchmarks/startup.py [--runs 3]

Each time is also given as a ratio to importing NumPy and Numba in the same run, which is what cannot be avoided.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

IMPORT = "import algeom"
FIRST_CALL = """
import algeom as ag
phi = ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"])
assert len(ag.implicitize(phi, max_degree=2, rng=1).generators) == 2
"""
MAIN_JOB = """
import algeom as ag
from algeom.networks import relu_pattern_map
phi = relu_pattern_map([4, 4, 4], ["1100", "1010", "1001"])
assert ag.implicitize(phi, max_degree=4, rng=1).minimal_generator_counts == {1: 0, 2: 0, 3: 96, 4: 160}
"""


def seconds(program, cache):
    """Wall time of a program in a new interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env={**os.environ, "ALGEOM_CACHE_DIR": cache})
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as warm:
        seconds(MAIN_JOB, warm)
        seconds(FIRST_CALL, warm)
        interpreter = min(seconds("pass", warm) for _ in range(runs))
        reference = min(seconds("import numpy, numba", warm) for _ in range(runs)) - interpreter
        rows = [
            ("import algeom", 1.0, min(seconds(IMPORT, warm) for _ in range(runs)) - interpreter),
            (
                "import and first call, warm cache",
                2.0,
                min(seconds(FIRST_CALL, warm) for _ in range(runs)) - interpreter,
            ),
        ]
        main_warm = min(seconds(MAIN_JOB, warm) for _ in range(runs))
    cold = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as empty:
            cold.append(seconds(MAIN_JOB, empty))
    rows.append(("compiling for the main job, cold cache", 20.0, min(cold) - main_warm))
    print(f"{'':<40} {'seconds':>8} {'target':>7} {'/ import numpy, numba':>22}")
    for name, target, value in rows:
        verdict = "ok" if value < target else "MISSED"
        print(f"{name:<40} {value:>8.2f} {target:>7.0f} {value / reference:>22.1f}  {verdict}")
    print(f"{'main job, warm':<40} {main_warm:>8.2f} {'':>7} {main_warm / reference:>22.1f}")


if __name__ == "__main__":
    main()

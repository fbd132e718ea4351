"""Tape evaluation mod p: nanoseconds per operation, point and core, next to NumPy in the same run.

Run ``python benchmarks/tape.py``. The target is at most 1 ns over F_p. The reference is ``numpy.multiply`` of float64
arrays of the size of the parameters, per entry: one product of doubles, from memory to memory, without
reduction. Also: derivatives, the lane length (which set `algeom.maps.tape._REGISTER_BUDGET`), and compilation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import algeom as ag
from algeom._kernels import tape as kernels
from algeom.maps import tape as tapes

P = 4194301
TARGET = 1.0

COMPILE = """
import time, numpy as np, algeom as ag
phi = ag.polynomial_map(["a*b/(a+b)"])
theta = np.array([[1.0], [2.0]])
start = time.process_time()
phi.tape.evaluate_modular(theta, 101); phi.tape.jacobians_modular(theta, 101)
modular = time.process_time() - start
for point in (theta, theta + 0j):
    phi.tape.evaluate(point); phi.tape.jacobian(point)
print(modular, time.process_time() - start)
"""


def best(run: Callable[[], object], repeats: int = 9) -> float:
    """Shortest of several times, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def problems() -> dict[str, ag.PolynomialMap]:
    """Maps of the kinds that the library meets."""
    patterns = ([1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1])
    cubes = [(i, j, k) for i in range(8) for j in range(i + 1) for k in range(j + 1)]
    return {
        "relu (4,4,4), 3 patterns": ag.polynomial_map(
            lambda W1, W2: [W2 @ np.diag(q) @ W1 for q in patterns], parameters={"W1": (4, 4), "W2": (4, 4)}
        ),
        "product of four 6x6": ag.polynomial_map(
            lambda A, B, C, D: A @ B @ C @ D, parameters=dict.fromkeys("ABCD", (6, 6))
        ),
        "cubic Veronese of P^7": ag.polynomial_map(lambda x: [x[i] * x[j] * x[k] for i, j, k in cubes], n_parameters=8),
        "determinant 6x6": ag.polynomial_map(np.linalg.det, parameters={"x": (6, 6)}),
        "Plücker G(4,9)": ag.polynomial_map(ag.maximal_minors, parameters={"x": (4, 9)}),
        "inverse 4x4": ag.polynomial_map(np.linalg.inv, parameters={"x": (4, 4)}),
        "56 quotients": ag.polynomial_map(
            lambda x: [x[i] / x[j] for i in range(8) for j in range(8) if i != j], n_parameters=8
        ),
    }


def compile_times() -> tuple[float, float]:
    """CPU seconds to compile the kernels over F_p, and all of them, into an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "ALGEOM_CACHE_DIR": folder}
        output = subprocess.run(
            [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=True
        )
    modular, total = output.stdout.split()
    return float(modular), float(total)


def measure(name: str, phi: ag.PolynomialMap, points: int) -> dict[str, Any]:
    """One row of the table."""
    tape = phi.tape
    rng = np.random.default_rng(0)
    theta = rng.integers(-(P // 2), P // 2, (tape.n_inputs, points), endpoint=True).astype(np.float64)
    complex_theta, target = theta + 0j, np.empty_like(theta)
    tape.jacobians_modular(theta[:, :2], P)
    work = tape.n_operations * points
    program, constants = tape._modular_program, tape._constants_modulo(P)
    values, defined = np.empty((tape.n_outputs, points)), np.ones(points, dtype=np.bool_)

    def with_lane(lane: int) -> float:
        registers = np.empty((program.n_registers + 2) * lane)
        arguments = (program.code, constants, theta, float(P), registers, lane, 0, points, values, defined)
        return best(lambda: kernels.evaluate_modular(*arguments)) / work * 1e9

    return {
        "map": name,
        "operations": tape.n_operations,
        "registers": program.n_registers,
        "modular": best(lambda: tape.evaluate_modular(theta, P, threads=1)) / work * 1e9,
        "float64": best(lambda: tape.evaluate(theta, threads=1)) / work * 1e9,
        "complex128": best(lambda: tape.evaluate(complex_theta, threads=1), 3) / work * 1e9,
        "numpy_multiply": best(lambda: np.multiply(theta, theta, out=target)) / theta.size * 1e9,
        "lanes": {lane: with_lane(lane) for lane in (64, 128, 256, 512)},
        "jacobian_us": best(lambda: tape.jacobians_modular(theta[:, :20], P)) / 20 * 1e6,
    }


def main() -> int:
    """Print the table; the exit status is 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    parser.add_argument("--points", type=int, default=8192)
    options = parser.parse_args()
    rows = [measure(name, phi, options.points) for name, phi in problems().items()]
    modular, total = compile_times()
    slowest = max(row["modular"] for row in rows)
    if options.json:
        print(json.dumps({"rows": rows, "compile_modular_s": modular, "compile_all_s": total}))
        return int(slowest > TARGET)
    print(f"ns per operation and point, one core, {options.points} points, p = {P}")
    print(f"{'map':26} {'ops':>5} {'regs':>4} {'F_p':>6} {'real':>6} {'cplx':>6} {'np.multiply':>11}  ", end="")
    print(f"{'F_p by lane 64/128/256/512':>28} {'Jacobian mod p':>15}")
    for row in rows:
        lanes_text = "/".join(f"{value:.3f}" for value in row["lanes"].values())
        print(
            f"{row['map']:26} {row['operations']:5} {row['registers']:4} {row['modular']:6.3f} {row['float64']:6.3f} "
            f"{row['complex128']:6.3f} {row['numpy_multiply']:11.3f}  {lanes_text:>28} {row['jacobian_us']:12.1f} us"
        )
    print(f"compilation, CPU time: {modular:.1f} s over F_p, {total:.1f} s in all")
    print(f"slowest over F_p: {slowest:.3f} ns, target {TARGET} ns; default lane at most {tapes._LONGEST_LANE} points")
    return int(slowest > TARGET)


if __name__ == "__main__":
    sys.exit(main())

"""LSRDR: how many steps the search needs, over tuples of many kinds; what its constants were set by.

    python benchmarks/lsrdr_steps.py [--quick] [--starts 8] [--seed 0] [--set NAME=VALUE ...]

A step is one application of E and one of E^*. Prints for each tuple the geometric mean over the starts, how many did
not converge within 1500 steps (they count as 1500), and how many saddles were left; then the same for all tuples.
`--set` changes constants of `search` or `acceleration` in `algeom.lsrdr.reduction`, such as ``--set _MOMENTUM=0``.
Counts do not depend on the machine, up to rounding errors that decide where a start goes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

import numpy as np

from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import superoperator
from algeom.lsrdr.reduction import acceleration, search
from algeom.lsrdr.reduction.endings import Ending
from algeom.lsrdr.reduction.starts import random_starts

MOST = 1500

#: The example with integers of the literature on the method.
INTEGERS = np.array(
    [
        [[-5, 5, 0, 2], [5, 4, -1, 1], [1, 0, -5, -3], [5, 4, -1, 1]],
        [[2, -4, -4, 2], [-4, 1, 1, -4], [-2, 3, 3, -2], [-3, 2, 2, -3]],
        [[5, 5, -1, -2], [5, 5, -1, -2], [2, 2, -4, -5], [-4, -4, 1, 0]],
    ],
    float,
)


def gaussian(seed: int, r: int, n: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((r, n, n))


def direct_sum(seed: int, r: int, first: int, second: int) -> np.ndarray:
    A = np.zeros((r, first + second, first + second))
    A[:, :first, :first] = 1.5 * gaussian(seed, r, first)
    A[:, first:, first:] = gaussian(seed + 1, r, second)
    return A


def permutations(seed: int, r: int, n: int) -> np.ndarray:
    """Permutation matrices on vectors of sum zero."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(np.column_stack([np.ones(n), rng.standard_normal((n, n - 1))]))[0][:, 1:]
    return np.array([basis.T @ np.eye(n)[rng.permutation(n)] @ basis for _ in range(r)])


def clique(seed: int, n: int, size: int) -> DiagonalSuperoperator:
    rng = np.random.default_rng(seed)
    edges = np.triu(rng.random((n, n)) < 0.5, 1)
    members = np.sort(rng.choice(n, size, replace=False))
    edges[np.ix_(members, members)] = np.triu(np.ones((size, size), dtype=bool), 1)
    return DiagonalSuperoperator((edges | edges.T).astype(float))


def problems(quick: bool) -> Iterator[tuple[str, Superoperator, int, Sequence[str]]]:
    """Name, E, rank, and fields of the starts."""
    both, complex_ = ("real", "complex"), ("complex",)
    for d in (1, 2, 3):
        yield f"integers d={d}", superoperator(INTEGERS), d, both
    for seed, r, n, d in ((5, 5, 8, 3), (6, 4, 6, 3), (7, 5, 20, 5), (7, 5, 40, 3)):
        yield f"Gaussian n={n} r={r} d={d}", superoperator(gaussian(seed, r, n)), d, both
    yield "complex n=8", superoperator(gaussian(8, 5, 8) + 1j * gaussian(9, 5, 8)), 3, complex_
    symmetric = gaussian(9, 4, 10)
    yield "symmetric n=10", superoperator(symmetric + symmetric.swapaxes(1, 2)), 3, both
    yield "positive n=12", superoperator(np.abs(gaussian(10, 4, 12))), 3, both
    yield "direct sum 3 + 5", superoperator(direct_sum(11, 4, 3, 5)), 3, both
    yield "permutations n=15", superoperator(permutations(3, 4, 16)), 3, both
    yield "clique 12 of 40", clique(2, 40, 12), 12, both
    if not quick:
        yield "Gaussian n=60 r=10 d=10", superoperator(gaussian(12, 10, 60)), 10, both
        yield "Gaussian n=100 r=3 d=2", superoperator(gaussian(13, 3, 100)), 2, both
        yield "Gaussian n=100 r=10 d=8", superoperator(gaussian(1, 10, 100)), 8, ("real",)


def change_constants(changes: Sequence[str]) -> None:
    for change in changes:
        name, _, value = change.partition("=")
        modules = [module for module in (search, acceleration) if hasattr(module, name)]
        if not modules:
            raise SystemExit(f"{name}: no constant of search or acceleration in algeom.lsrdr.reduction")
        for module in modules:
            setattr(module, name, type(getattr(module, name))(float(value)))


def summary(steps: np.ndarray) -> str:
    mean, high, failed = np.exp(np.log(steps).mean()), np.quantile(steps, 0.9), np.count_nonzero(steps >= MOST)
    return f"{mean:7.1f} steps, nine of ten within {high:6.0f}, {failed:3d} of {len(steps)} did not converge"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the large tuples")
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes")
    options = parser.parse_args(words)
    change_constants(options.changes)
    everything = []
    for name, E, d, fields in problems(options.quick):
        for field in fields:
            starts = random_starts(E.n, d, range(options.starts), field, "psd", options.seed, 0)
            run = search.Search(E, starts, search.SearchOptions(None, True, 1e-13, MOST))
            run.run()
            converged = [ending is Ending.CONVERGED for ending in run.endings]
            steps = np.where(converged, run.steps, MOST)
            everything.append(steps)
            print(f"{name:26s} {field:8s} {summary(steps)}; {run.departures.sum()} saddles left", flush=True)
    print(f"{'all':35s} {summary(np.concatenate(everything))}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Cliques by reductions against the spectral method and greedy construction, in the same CPU time.

    OMP_NUM_THREADS=1 python benchmarks/lsrdr_graphs.py [--quick] [--starts 32] [--instances 10] [--seed 0]

Two tables in Markdown:

1. Planted cliques in G(n, 1/2), of k vertices below, near and above sqrt(n): in how many graphs each method finds a
   clique of k vertices.
2. Families of the second DIMACS challenge, generated from their definitions, with clique numbers by theorems; and
   random graphs: sizes of the cliques found.

All methods end with the same repair (greedy completion, exchanges of one vertex for two). Reductions and the spectral
method are told the size, except for random graphs without a planted clique. Greedy construction restarts for as long as
the reductions took, with stops at success for both. Exit status: 0, or 1 if a set that was returned is no clique or
larger than a clique number.
"""

from __future__ import annotations

import argparse
import sys

from algeom.lsrdr.graph_comparison import CliqueComparison, compare_clique_methods
from algeom.lsrdr.graph_instances import (
    GraphInstance,
    c_fat_graph,
    camouflaged_clique,
    hamming_graph,
    johnson_graph,
    keller_graph,
    kneser_graph,
    p_hat_graph,
    planted_clique,
    random_graph,
)

#: Sizes of planted cliques; the middle one of each is about sqrt(n).
PLANTED = {200: (11, 12, 14, 17, 20, 30), 400: (14, 16, 20, 24, 30, 45), 1000: (22, 26, 32, 40, 50, 70)}
QUICK_PLANTED = {200: (11, 14, 20)}


def families(quick: bool, seed: int) -> list[GraphInstance]:
    """Instances of the second table."""
    instances = [
        hamming_graph(6, 2),
        hamming_graph(6, 4),
        hamming_graph(8, 2),
        hamming_graph(8, 4),
        johnson_graph(8, 2, 4),
        johnson_graph(8, 4, 4),
        johnson_graph(16, 2, 4),
        keller_graph(4),
        kneser_graph(10, 3),
        c_fat_graph(200, 1),
        c_fat_graph(200, 2),
        c_fat_graph(200, 5),
        random_graph(125, 0.9, rng=seed),
        camouflaged_clique(200, 21, 0.75, 1, rng=seed),
        camouflaged_clique(200, 12, 0.5, 1, rng=seed),
        camouflaged_clique(200, 17, 0.65, 1, rng=seed),
    ]
    if not quick:
        instances += [
            hamming_graph(10, 2),
            hamming_graph(10, 4),
            johnson_graph(32, 2, 4),
            keller_graph(5),
            c_fat_graph(500, 5),
            random_graph(250, 0.9, rng=seed),
            random_graph(500, 0.5, rng=seed),
            p_hat_graph(300, 0, 0.5, rng=seed),
            p_hat_graph(300, 0.5, 1, rng=seed),
            camouflaged_clique(200, 12, 0.5, 2, rng=seed),
            camouflaged_clique(400, 29, 0.75, 1, rng=seed),
        ]
    return instances


def sound(comparison: CliqueComparison, instances: list[GraphInstance]) -> bool:
    """Whether no method claims more than a theorem allows; that sets are cliques is asserted when they are returned."""
    known = {instance.name: instance.clique_number for instance in instances if instance.clique_number}
    return all(max(row.lsrdr, row.spectral, row.greedy) <= known.get(row.name, row.vertices) for row in comparison.rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs only: about a minute")
    parser.add_argument("--starts", type=int, default=32, help="starts of each reduction, at most")
    parser.add_argument("--instances", type=int, default=10, help="planted cliques of each size")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    print(
        "| n | k | k / sqrt(n) | graphs | LSRDR | unrepaired | spectral | greedy | greedy, once | CPU seconds a graph |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for n, sizes in (QUICK_PLANTED if options.quick else PLANTED).items():
        for k in sizes:
            # Half as many graphs beyond 400 vertices, which take most of the time.
            count = options.instances if n <= 400 else (options.instances + 1) // 2
            graphs = [planted_clique(n, k, rng=options.seed * 1000 + i) for i in range(count)]
            found = compare_clique_methods(graphs, starts=options.starts, rng=options.seed)
            counts = [found.reached(method) for method in ("lsrdr", "spectral", "greedy", "greedy_once")]
            rounded = sum(row.rounded and row.lsrdr >= k for row in found.rows)
            seconds = sum(row.seconds for row in found.rows) / count
            cells = (n, k, f"{k / n**0.5:.2f}", count, counts[0], rounded, *counts[1:], f"{seconds:.2g}")
            print(f"| {' | '.join(map(str, cells))} |", flush=True)

    instances = families(options.quick, options.seed)
    comparison = compare_clique_methods(instances, starts=options.starts, rng=options.seed)
    print(f"\n{comparison}")
    return 0 if sound(comparison, instances) else 1


if __name__ == "__main__":
    sys.exit(main())

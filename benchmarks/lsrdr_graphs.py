"""Cliques by reductions against the spectral method and greedy construction, in the same CPU time.

    OMP_NUM_THREADS=1 python benchmarks/lsrdr_graphs.py [--quick] [--only planted|agreement|families] [--seed 0]

Three tables in Markdown:

1. Planted cliques in G(n, 1/2), of k vertices below, near and above sqrt(n): in how many graphs each method finds a
   clique of k vertices.
2. Reductions of such graphs to full accuracy, without any repair: in how many the k vertices are the planted clique,
   and how many starts agree on the projection.
3. Families of the second DIMACS challenge, generated from their definitions, with clique numbers by theorems; and
   random graphs: sizes of the cliques found.

In the first and the last one all methods end with the same repair (greedy completion, exchanges of one vertex for two).
Reductions and the spectral method are told the size, except for random graphs without a planted clique. Greedy
construction restarts for as long as the reductions took. Exit status: 0, or 1 if a clique exceeds a clique number.
"""

from __future__ import annotations

import argparse
import sys
import time

from algeom.lsrdr.graphs.comparison import CliqueComparison, compare_clique_methods
from algeom.lsrdr.graphs.dense_subgraphs import dense_subgraph
from algeom.lsrdr.graphs.instances import (
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
    return all(
        max(found.lsrdr, found.spectral, found.greedy) <= known.get(found.name, found.vertices)
        for found in comparison.rows
    )


def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def header(*names: str) -> None:
    """Print the head of a table."""
    row(*names)
    row(*["---"] * len(names))


def planted_table(options: argparse.Namespace) -> None:
    header("n", "k", "k / sqrt(n)", "graphs", "LSRDR", "spectral", "greedy", "greedy, once", "CPU seconds a graph")
    for n, sizes in (QUICK_PLANTED if options.quick else PLANTED).items():
        for k in sizes:
            # Half as many graphs beyond 400 vertices, which take most of the time.
            count = options.instances if n <= 400 else (options.instances + 1) // 2
            graphs = [planted_clique(n, k, rng=options.seed * 1000 + i) for i in range(count)]
            found = compare_clique_methods(graphs, starts=options.starts, rng=options.seed)
            reached = [found.reached(method) for method in ("lsrdr", "spectral", "greedy", "greedy_once")]
            seconds = sum(compared.seconds for compared in found.rows) / count
            row(n, k, f"{k / n**0.5:.2f}", count, *reached, f"{seconds:.2g}")


def agreement_table(options: argparse.Namespace) -> None:
    n = 200
    header("n", "k", "graphs", "planted clique", "agreeing starts of 8, mean", "all 8 agree", "CPU seconds a graph")
    for k in QUICK_PLANTED[n] if options.quick else PLANTED[n]:
        begun = time.process_time()
        exact, agreed = 0, []
        for i in range(options.instances):
            instance = planted_clique(n, k, rng=options.seed * 1000 + i)
            found = dense_subgraph(instance.adjacency, k, starts=8, exchanges=False, rng=options.seed)
            exact += found.vertices == instance.planted
            agreed.append(found.reduction.agreement.agreed)
        seconds = (time.process_time() - begun) / options.instances
        mean = sum(agreed) / options.instances
        row(n, k, options.instances, exact, f"{mean:.2g}", agreed.count(8), f"{seconds:.2g}")


def families_table(options: argparse.Namespace) -> bool:
    instances = families(options.quick, options.seed)
    comparison = compare_clique_methods(instances, starts=options.starts, rng=options.seed)
    print(comparison)
    return sound(comparison, instances)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small graphs only: about a minute")
    parser.add_argument("--only", choices=("planted", "agreement", "families"), help="one table instead of all three")
    parser.add_argument("--starts", type=int, default=32, help="starts of each reduction, at most")
    parser.add_argument("--instances", type=int, default=10, help="planted cliques of each size")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.only in (None, "planted"):
        planted_table(options)
        print()
    if options.only in (None, "agreement"):
        agreement_table(options)
        print()
    if options.only in (None, "families"):
        return 0 if families_table(options) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

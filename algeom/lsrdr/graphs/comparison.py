"""Reductions against the spectral method and greedy construction, on the same graphs and in the same time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from algeom.errors import InputError
from algeom.lsrdr.graphs.baselines import greedy_search, spectral_scores
from algeom.lsrdr.graphs.clique_repair import clique_from_scores
from algeom.lsrdr.graphs.dense_subgraphs import find_clique
from algeom.lsrdr.graphs.graph_input import undirected_neighbours
from algeom.lsrdr.graphs.instances import GraphInstance
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.seeds import RandomState

__all__ = ["CliqueComparison", "ComparedCliques", "compare_clique_methods"]


@dataclass(frozen=True)
class ComparedCliques:
    """What three methods found in one graph.

    Attributes
    ----------
    name : str
    vertices, edges : int
    target : int or None
        The clique number or the size of the planted clique; None where neither is known.
    lsrdr, spectral, greedy : int
        Sizes of the cliques found, all after the same repair.
    greedy_once : int
        Size of the first greedy clique, without restarts.
    seconds : float
        CPU time of the reduction and its rounding, and of greedy construction with restarts.
    spectral_seconds : float
    """

    name: str
    vertices: int
    edges: int
    target: int | None
    lsrdr: int
    spectral: int
    greedy: int
    greedy_once: int
    seconds: float
    spectral_seconds: float


@dataclass(frozen=True)
class CliqueComparison:
    """Comparisons on several graphs.

    Attributes
    ----------
    rows : tuple of ComparedCliques
    starts : int
        Starts of each reduction.
    seed : int
    """

    rows: tuple[ComparedCliques, ...]
    starts: int
    seed: int

    def reached(self, method: str) -> int:
        """How many targets a method reached: "lsrdr", "spectral", "greedy" or "greedy_once"."""
        return sum(row.target is not None and getattr(row, method) >= row.target for row in self.rows)

    def __str__(self) -> str:
        """A table in Markdown."""
        lines = [
            "| graph | vertices | edges | target | LSRDR | spectral | greedy | greedy, once | CPU seconds |",
            "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for row in self.rows:
            target = "" if row.target is None else row.target
            sizes = (row.lsrdr, row.spectral, row.greedy, row.greedy_once)
            cells = (row.name, row.vertices, row.edges, target, *sizes, f"{row.seconds:.2g}")
            lines.append(f"| {' | '.join(map(str, cells))} |")
        return "\n".join(lines)


def compare_clique_methods(
    instances: Iterable[GraphInstance], *, starts: int = 4, rng: RandomState = None, progress: Progress = False
) -> CliqueComparison:
    """Look for cliques by reductions, by the spectral method and greedily, and compare their sizes.

    Parameters
    ----------
    instances : iterable of GraphInstance
        Reductions and the spectral method are told the target; where there is none, reductions search for the size and
        the spectral method is told what they found.
    starts : int
        Starts of each reduction.
    rng : int, Generator or None
    progress : bool or callable

    Returns
    -------
    CliqueComparison
        Greedy construction goes on for as much CPU time as the reduction took, so that its sizes depend on the machine.

    Raises
    ------
    InputError
        If there is no instance, or something else than an instance.

    Examples
    --------
    >>> from algeom.lsrdr.graphs.instances import johnson_graph
    >>> comparison = compare_clique_methods([johnson_graph(8, 2, 4)], starts=2, rng=0)
    >>> comparison.reached("lsrdr"), comparison.reached("spectral"), comparison.reached("greedy")
    (1, 1, 1)
    """
    chosen = list(instances)
    if not chosen or not all(isinstance(instance, GraphInstance) for instance in chosen):
        raise InputError("instances has to hold at least one GraphInstance, and nothing else; see graph_instances")
    starts = check_integer("starts", starts, 1)
    seed, _ = seeds.resolve(rng)
    rows = []
    with reporter(progress) as report:
        report.start("graphs", len(chosen))
        for place, instance in enumerate(chosen):
            rows.append(_compared(instance, starts, seed, place))
            report.advance(graph=instance.name)
    return CliqueComparison(tuple(rows), starts, seed)


def _compared(instance: GraphInstance, starts: int, seed: int, place: int) -> ComparedCliques:
    graph, neighbours = undirected_neighbours(instance.adjacency, "error")
    begun = time.process_time()
    found = find_clique(instance.adjacency, instance.target, starts=starts, rng=seeds.derive(seed, "lsrdr", place))
    seconds = time.process_time() - begun
    begun = time.process_time()
    spectral = clique_from_scores(neighbours, spectral_scores(graph, neighbours, instance.target or found.size))
    spectral_seconds = time.process_time() - begun
    greedy = greedy_search(neighbours, seeds.derive(seed, "greedy", place), None, seconds)
    once = greedy_search(neighbours, seeds.derive(seed, "greedy", place), 1, None)
    return ComparedCliques(
        name=instance.name,
        vertices=instance.n,
        edges=instance.edges,
        target=instance.target,
        lsrdr=found.size,
        spectral=len(spectral),
        greedy=len(greedy),
        greedy_once=len(once),
        seconds=seconds,
        spectral_seconds=spectral_seconds,
    )

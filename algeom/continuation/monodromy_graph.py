"""The homotopy graph of a monodromy computation: solutions at its nodes, and which of them its edges connect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.certify import certified_distinct
from algeom.continuation.distinct import TOLERANCE, PointIndex
from algeom.continuation.systems import Complex, System
from algeom.continuation.trace_sums import ImagedPoints
from algeom.continuation.tracker import newton
from algeom.errors import InputError
from algeom.maps import Tape

Int = NDArray[np.int64]

#: Marks of solutions that an edge does not map yet: not tracked, failed once, failed also with conservative options.
UNKNOWN, FAILED, LOST = -1, -2, -3

#: An approximate solution that moves farther than this, relative to its size, when refined, was none.
_REFINED = 1e-6


@dataclass(frozen=True)
class Family:
    """What a monodromy computation is about: a system, what identifies its solutions, and their symmetries."""

    system: System
    image: Tape | None
    actions: tuple[Callable[[Complex], Any], ...]
    scale: float

    def images(self, points: Complex, parameters: Complex) -> Complex:
        """What identifies solutions, shape (m, B)."""
        if self.image is None:
            return points
        columns = self.system.parameter_columns(parameters, points.shape[1])
        return self.image.evaluate(np.concatenate([points, columns]))

    def same(self, first: Complex, second: Complex, parameters: Complex) -> bool:
        """Whether two solutions with nearly equal images have equal ones; undecided counts as equal."""
        if self.image is None:
            distinct = certified_distinct(self.system, first, second, parameters)
            if distinct is not None:
                return not distinct
        points, accuracy, _ = newton(self.system, np.stack([first, second], axis=1), parameters)
        refined = ImagedPoints.of(self.system, self.image, points, parameters, accuracy)
        difference = np.abs(refined.images[:, 0] - refined.images[:, 1])
        size = max(float(np.abs(refined.images).max()), self.scale)
        known = np.isfinite(accuracy).all()
        return bool(not known or np.all(difference <= np.maximum(10 * refined.errors.sum(axis=1), TOLERANCE * size)))

    def moved(self, points: Complex, parameters: Complex) -> list[Complex]:
        """The solutions to which each group action carries given ones.

        Raises
        ------
        InputError
            If an action gives arrays of a wrong shape, or points that are no solutions.
        """
        n, count = points.shape
        blocks: list[Complex] = []
        for number, action in enumerate(self.actions):
            values = np.asarray(action(points.copy()), dtype=np.complex128)
            if values.ndim != 2 or values.shape[0] != n or values.shape[1] % count or not values.size:
                raise InputError(
                    f"group action {number} returned an array of shape {values.shape} for points of shape "
                    f"{points.shape}; expected ({n}, {count}), or ({n}, k*{count}) with the images under one element "
                    "after those under another"
                )
            refined, accuracy, _ = newton(self.system, values, parameters)
            distance = np.abs(refined - values).max(axis=0)
            if not np.all(np.isfinite(accuracy) & (distance <= _REFINED * np.maximum(np.abs(values).max(axis=0), 1.0))):
                worst = float(np.abs(self.system(values, parameters)).max())
                raise InputError(
                    f"group action {number} carries a solution to a point that is none at the same parameters "
                    f"(residual {worst:.1e}); actions have to permute the solutions for all parameters"
                )
            blocks += np.split(refined, values.shape[1] // count, axis=1)
        return blocks


class Node:
    """Parameters, and the solutions known there."""

    def __init__(self, family: Family, parameters: Complex) -> None:
        self.family = family
        self.parameters = parameters
        self._index = PointIndex(
            self.n_coordinates, decide=lambda known, new: family.same(known, new, parameters), scale=family.scale
        )
        self._moved: list[Int] = []
        self.orbits: Int = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def n_coordinates(self) -> int:
        """Number of coordinates m of an image."""
        image = self.family.image
        return self.family.system.n_unknowns if image is None else image.n_outputs

    @property
    def solutions(self) -> Complex:
        """One solution for each image, shape (n, N)."""
        return self._index.witnesses

    @property
    def images(self) -> Complex:
        """The images, shape (m, N)."""
        return self._index.points

    @property
    def moved(self) -> list[Int]:
        """For each group element, the number of the solution to which it carries every solution."""
        return self._moved

    def add(self, points: Complex) -> Int:
        """Add solutions with all that group actions make of them; the number of each of those given."""
        numbers = self._index.add(self.family.images(points, self.parameters), points)
        self._close()
        return numbers

    def _close(self) -> None:
        if not self.family.actions:
            self.orbits = np.arange(len(self))
            return
        done = self._moved[0].size if self._moved else 0
        while done < len(self):
            blocks = self.family.moved(self.solutions[:, done:], self.parameters)
            done = len(self)
            found = [self._index.add(self.family.images(block, self.parameters), block) for block in blocks]
            before = self._moved or [np.empty(0, dtype=np.int64)] * len(found)
            self._moved = [np.concatenate(pair) for pair in zip(before, found, strict=True)]
        labels = np.arange(len(self))
        while True:
            smaller = labels.copy()
            for targets in self._moved:
                np.minimum.at(smaller, targets, labels)
                smaller = np.minimum(smaller, smaller[targets])
            if np.array_equal(smaller, labels):
                break
            labels = smaller
        self.orbits = labels


class Edge:
    """A segment between two nodes: continuation along it matches their solutions."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self.ends = ends
        self._maps = [np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)]

    def map(self, side: int, count: int) -> Int:
        """For each of `count` solutions at an end the one at the other end, or why there is none."""
        known = self._maps[side]
        if known.size < count:
            known = np.concatenate([known, np.full(count - known.size, UNKNOWN)])
            self._maps[side] = known
        return known


@dataclass(frozen=True, eq=False)
class Batch:
    """Paths to be tracked: along which edges, from which of their ends, and from which solutions."""

    edges: Int
    sides: Int
    tails: Int

    def __len__(self) -> int:
        return int(self.tails.size)

    def take(self, chosen: Any) -> Batch:
        """Some of the paths."""
        return Batch(self.edges[chosen], self.sides[chosen], self.tails[chosen])

    @classmethod
    def of(cls, parts: Sequence[tuple[int, int, Int]]) -> Batch:
        """From triples (edge, side, tails)."""
        return cls(
            np.concatenate([np.full(tails.size, edge) for edge, _, tails in parts] or [_NONE]),
            np.concatenate([np.full(tails.size, side) for _, side, tails in parts] or [_NONE]),
            np.concatenate([tails for _, _, tails in parts] or [_NONE]),
        )


_NONE: Int = np.empty(0, dtype=np.int64)


class Graph:
    """Nodes joined by edges; every edge is tracked at most once for each solution and read in both directions.

    Attributes
    ----------
    nodes : list of Node
        The first is the one that the search began with.
    edges : list of Edge
    estimate : float
        How many solutions there seem to be, from how many of the last arrivals were known; NaN at first.
    """

    def __init__(self, family: Family, first: Complex) -> None:
        self.family = family
        self.nodes = [Node(family, first)]
        self.edges: list[Edge] = []
        self.estimate = float("nan")

    def add_node(self, parameters: Complex) -> None:
        """Add a node without edges."""
        self.nodes.append(Node(self.family, parameters))

    def join(self, first: int, second: int) -> None:
        """Add an edge."""
        self.edges.append(Edge((first, second)))

    def map(self, edge: int, side: int) -> Int:
        """What an edge maps the solutions at one of its ends to."""
        node = self.nodes[self.edges[edge].ends[side]]
        return self.edges[edge].map(side, len(node))

    def open_paths(self, mark: int = UNKNOWN) -> Batch:
        """For every edge the paths with a mark, from the end with more of them, one for each orbit."""
        parts = []
        for edge in range(len(self.edges)):
            sides = [self._open(edge, side, mark) for side in (0, 1)]
            side = int(sides[1].size > sides[0].size)
            parts.append((edge, side, sides[side]))
        return Batch.of(parts)

    def _open(self, edge: int, side: int, mark: int) -> Int:
        tails = np.flatnonzero(self.map(edge, side) == mark)
        orbits = self.nodes[self.edges[edge].ends[side]].orbits[tails]
        return np.asarray(tails[np.unique(orbits, return_index=True)[1]])

    def segments(self, batch: Batch) -> tuple[Complex, Complex, Complex]:
        """Starts (n, B), start parameters (k, B) and target parameters (k, B) of paths."""
        n, k = self.family.system.n_unknowns, self.family.system.n_parameters
        starts = np.empty((n, len(batch)), dtype=np.complex128)
        here, there = (np.empty((k, len(batch)), dtype=np.complex128) for _ in range(2))
        for edge, side, chosen in self._groups(batch):
            ends = self.edges[edge].ends
            starts[:, chosen] = self.nodes[ends[side]].solutions[:, batch.tails[chosen]]
            here[:, chosen] = self.nodes[ends[side]].parameters[:, None]
            there[:, chosen] = self.nodes[ends[1 - side]].parameters[:, None]
        return starts, here, there

    @staticmethod
    def _groups(batch: Batch) -> list[tuple[int, int, Int]]:
        """Edge, side and positions of the paths that share them."""
        codes = 2 * batch.edges + batch.sides
        return [(code // 2, code % 2, np.flatnonzero(codes == code)) for code in np.unique(codes).tolist()]

    def record(self, batch: Batch, ends: Complex, succeeded: NDArray[np.bool_], failure: int) -> Batch:
        """Enter the ends of paths.

        Parameters
        ----------
        batch : Batch
        ends : ndarray of complex128, shape (n, B)
        succeeded : ndarray of bool, shape (B,)
        failure : int
            Mark for the starts of paths that failed.

        Returns
        -------
        Batch
            Paths that contradict each other: different solutions are led to one. Their starts are unmatched again.
        """
        suspects = []
        before = [len(node) for node in self.nodes]
        most = 0
        for edge, side, chosen in self._groups(batch):
            node = self.nodes[self.edges[edge].ends[1 - side]]
            good = chosen[succeeded[chosen]]
            forward = self.map(edge, side)
            failed = batch.tails[chosen[~succeeded[chosen]]]
            forward[failed] = failure
            self._spread_failure(edge, side, failed, failure)
            heads = node.add(np.ascontiguousarray(ends[:, good]))
            tails = batch.tails[good]
            backward = self.map(edge, 1 - side)
            rivals = backward[heads]
            clash = (np.bincount(heads)[heads] > 1) | ((rivals >= 0) & (rivals != tails))
            if np.sum(~clash) > most:
                most = int(np.sum(~clash))
                known = backward[: before[self.edges[edge].ends[1 - side]]]
                hits = int(np.sum(heads[~clash] < known.size))
                # Chapman's estimate of a population from recaptures, for the solutions the edge did not lead to yet.
                self.estimate = np.sum(known >= 0) + (np.sum(known < 0) + 1) * (most + 1) / (hits + 1) - 1
            displaced = np.unique(rivals[clash & (rivals >= 0)])
            self._unmatch(edge, side, displaced)
            self._match(edge, side, tails[~clash], heads[~clash])
            again = np.union1d(tails[clash], displaced)
            if again.size:
                suspects.append((edge, side, again))
        return Batch.of(suspects)

    def give_up(self, batch: Batch) -> None:
        """Mark starts of paths as lost."""
        for edge, side, chosen in self._groups(batch):
            self.map(edge, side)[batch.tails[chosen]] = LOST

    def _unmatch(self, edge: int, side: int, tails: Int) -> None:
        forward, backward = self.map(edge, side), self.map(edge, 1 - side)
        backward[forward[tails]] = UNKNOWN
        forward[tails] = UNKNOWN

    def _match(self, edge: int, side: int, tails: Int, heads: Int) -> None:
        """Enter pairs, and what group actions make of them."""
        forward, backward = self.map(edge, side), self.map(edge, 1 - side)
        forward[tails], backward[heads] = heads, tails
        ends = self.edges[edge].ends
        here, there = self.nodes[ends[side]].moved, self.nodes[ends[1 - side]].moved
        while tails.size and here:
            pairs = np.concatenate(
                [np.stack([mine[tails], theirs[heads]]) for mine, theirs in zip(here, there, strict=True)], axis=1
            )
            pairs = np.unique(pairs, axis=1)
            # A contradiction to what is known stays for the paths themselves to show.
            free = (forward[pairs[0]] < 0) & (backward[pairs[1]] < 0)
            free &= (np.bincount(pairs[0])[pairs[0]] == 1) & (np.bincount(pairs[1])[pairs[1]] == 1)
            tails, heads = pairs[:, free]
            forward[tails], backward[heads] = heads, tails

    def _spread_failure(self, edge: int, side: int, tails: Int, failure: int) -> None:
        """Paths from one orbit fail together."""
        if self.family.actions and tails.size:
            orbits = self.nodes[self.edges[edge].ends[side]].orbits
            forward = self.map(edge, side)
            forward[np.isin(orbits, orbits[tails]) & (forward < 0)] = failure

    def permutations(self) -> tuple[Int, ...]:
        """How the loops permute the solutions at the first node; -1 where that is not known."""
        reached = {0: np.arange(len(self.nodes[0]))}
        found = []
        for number, edge in enumerate(self.edges):
            first, second = edge.ends
            along = _composed(self.map(number, 0), reached[first])
            if second not in reached:
                reached[second] = along
                continue
            back = np.full(len(self.nodes[second]), UNKNOWN)
            known = np.flatnonzero(reached[second] >= 0)
            back[reached[second][known]] = known
            found.append(_composed(back, along))
        return tuple(found)


def _composed(second: Int, first: Int) -> Int:
    """The second map after the first; negative numbers mean unknown."""
    if not second.size:
        return np.full(first.size, UNKNOWN)
    return np.where(first >= 0, np.maximum(second[first], UNKNOWN), UNKNOWN)

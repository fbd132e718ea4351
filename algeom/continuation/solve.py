"""All isolated solutions of a square polynomial system, by the total-degree homotopy."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, track
from algeom.errors import InputError, ResourceError
from algeom.evidence import Evidence, Status
from algeom.maps import TapeBuilder
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, derive, resolve

#: Points closer than this relative distance are one solution: regular ends are accurate to some 1e-14.
_SAME = 1e-8
#: Singular ends are known to about half the digits.
_SAME_SINGULAR = 1e-5
#: Regular solutions count as real when all imaginary parts are below this, relative to the point.
_REAL = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Solutions:
    """Solutions of a square system.

    Attributes
    ----------
    solutions : ndarray of complex128, shape (n, N)
        The regular solutions, distinct.
    singular : ndarray of complex128, shape (n, M)
        Singular ends, each once: isolated singular solutions, or points on solution sets of positive dimension.
    multiplicities : ndarray of int64, shape (M,)
        How many paths end at each singular end.
    n_paths, n_infinity, n_failed : int
        All paths tracked, those that go to infinity, those whose end is unknown.
    paths : PathResults
        What the tracker says of each path.
    evidence : Evidence
        For the statement that ``solutions`` are all regular solutions.
    seed : int
        ``rng=seed`` repeats the run.
    seconds : float
        Wall time.
    """

    solutions: Complex
    singular: Complex
    multiplicities: NDArray[np.int64]
    n_paths: int
    n_infinity: int
    n_failed: int
    paths: PathResults
    evidence: Evidence
    seed: int
    seconds: float

    @property
    def count(self) -> int:
        """Number of regular solutions."""
        return int(self.solutions.shape[1])

    @property
    def real(self) -> NDArray[np.float64]:
        """The real ones among the regular solutions, up to rounding; `certify` proves that they are real."""
        size = np.abs(self.solutions).max(axis=0, initial=1e-300)
        chosen = np.abs(self.solutions.imag).max(axis=0, initial=0.0) < _REAL * size
        return np.ascontiguousarray(self.solutions[:, chosen].real)

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        parts = [f"{noun_count(self.count, 'regular solution')}", f"{self.real.shape[1]} real"]
        if self.singular.shape[1]:
            parts.append(f"{noun_count(self.singular.shape[1], 'singular end')}")
        if self.n_infinity:
            parts.append(f"{self.n_infinity} at infinity")
        if self.n_failed:
            parts.append(f"{self.n_failed} failed")
        return f"Solutions({', '.join(parts)}; {noun_count(self.n_paths, 'path')}, {self.evidence.status})"


def solve(
    system: System,
    parameters: Any = None,
    *,
    options: TrackerOptions | None = None,
    rng: RandomState = None,
    max_paths: int = 1_000_000,
    executor: Executor | None = None,
    threads: int | None = None,
    progress: Progress = False,
) -> Solutions:
    """All isolated solutions in C^n of a square polynomial system.

    Paths lead from the solutions of ``x_i^{d_i} = c_i``, as many as Bézout's bound, to those of the system; the ends
    include every isolated solution [1]_. Families with far fewer solutions than that bound are better solved once by
    `monodromy` and then by `track`.

    Parameters
    ----------
    system : System
        Square and polynomial.
    parameters : array_like of complex, shape (k,), optional
        Values of the parameters.
    options : TrackerOptions, optional
    rng : int, numpy.random.Generator or None
        Random start system and gamma.
    max_paths : int
        Refuse systems with more paths than this.
    executor, threads, progress : optional
        As for `track`.

    Returns
    -------
    Solutions
        Regular solutions, singular ends with the number of paths ending there, and what happened to all other paths.

    Raises
    ------
    InputError
        If the system is not square or not polynomial, or an equation is constant.
    ResourceError
        If there would be more than ``max_paths`` paths.

    References
    ----------
    .. [1] A. J. Sommese, C. W. Wampler, The Numerical Solution of Systems of Polynomials, World Scientific 2005,
       Theorem 8.4.1.

    Examples
    --------
    >>> import algeom as ag
    >>> circle_and_hyperbola = ag.polynomial_system(["x^2 + y^2 - 5", "x*y - 2"], unknowns=["x", "y"])
    >>> found = ag.solve(circle_and_hyperbola, rng=0)
    >>> found
    Solutions(4 regular solutions, 4 real; 4 paths, numerical)
    >>> sorted(found.real.T.round(9).tolist())
    [[-2.0, -1.0], [-1.0, -2.0], [1.0, 2.0], [2.0, 1.0]]
    """
    begin = time.perf_counter()
    seed, _ = resolve(rng)
    if not system.is_square:
        raise InputError(f"{system!r} is not square; total-degree homotopies need as many equations as unknowns")
    if not system.tape.is_polynomial:
        raise InputError("the system divides by unknowns or parameters; multiply its equations by the denominators")
    degrees = _degrees(system)
    n_paths = math.prod(degrees)
    if n_paths > max_paths:
        raise ResourceError(
            f"the total degree is {n_paths}, more than max_paths={max_paths}: use monodromy on a family that "
            "contains the system, or raise max_paths"
        )
    values = system.parameter_columns(parameters, 1)[:, 0].astype(np.complex128)
    generator = derive(seed, "total degree")
    gamma, *constants = np.exp(2j * np.pi * generator.random(len(degrees) + 1))
    homotopy = _homotopy(system, degrees)
    starts = _start_solutions(degrees, np.array(constants))
    tail = [*constants, *values]
    results = track(
        homotopy,
        starts,
        np.array([gamma, 0.0, *tail]),
        np.array([0.0, 1.0, *tail]),
        options=options,
        endgame=True,
        executor=executor,
        threads=threads,
        progress=progress,
    )
    results = _retrack_collisions(homotopy, results, starts, gamma, tail, executor, threads)
    regular, _ = _distinct(results.solutions[:, results.codes == ReturnCode.SUCCESS], _SAME)
    singular, multiplicities = _distinct(results.solutions[:, results.codes == ReturnCode.SINGULAR], _SAME_SINGULAR)
    n_infinity = int(np.sum(results.codes == ReturnCode.AT_INFINITY))
    n_failed = n_paths - int(np.sum(results.codes <= ReturnCode.AT_INFINITY))
    merged = int(np.sum(results.codes == ReturnCode.SUCCESS)) - regular.shape[1]
    if n_failed or merged:
        what = [f"{n_failed} of {n_paths} paths failed"] * bool(n_failed)
        what += [f"{merged} paths ended at a regular solution that another path had reached"] * bool(merged)
        evidence = Evidence(Status.LOWER_BOUND, math.nan, "; ".join(what))
    else:
        evidence = Evidence(
            Status.NUMERICAL, math.nan, f"all {n_paths} paths of a total-degree homotopy ended, regular ends distinct"
        )
    return Solutions(
        solutions=regular,
        singular=singular,
        multiplicities=multiplicities,
        n_paths=n_paths,
        n_infinity=n_infinity,
        n_failed=n_failed,
        paths=results,
        evidence=evidence,
        seed=seed,
        seconds=time.perf_counter() - begin,
    )


def _degrees(system: System) -> list[int]:
    """Degrees of the equations in the unknowns; parameters count as constants."""
    builder = TapeBuilder(system.n_unknowns)
    # A prime number for each parameter: nothing cancels that does not cancel for all parameters.
    constants = [builder.constant(1009 + 2 * k) for k in range(system.n_parameters)]
    tape = builder.build(builder.append(system.tape, [*builder.inputs, *constants]))
    degrees = [numerator for numerator, _ in tape.degree_bounds()]
    for index, degree in enumerate(degrees):
        if degree < 1:
            raise InputError(f"equation {index} of the system does not depend on the unknowns; leave it out")
    return degrees


def _homotopy(system: System, degrees: list[int]) -> System:
    """``a (x_i^d_i - c_i) + b F_i(x; p)`` with the parameters a, b, c_1, ..., c_n, p_1, ..., p_k."""
    n, k = system.n_unknowns, system.n_parameters
    builder = TapeBuilder(n + 2 + n + k)
    inputs = list(builder.inputs)
    a, b = inputs[n], inputs[n + 1]
    values = builder.append(system.tape, [*inputs[:n], *inputs[n + 2 + n :]])
    nodes = []
    for i, degree in enumerate(degrees):
        start = builder.sub(builder.power(inputs[i], degree), inputs[n + 2 + i])
        nodes.append(builder.add(builder.mul(a, start), builder.mul(b, values[i])))
    return System(builder.build(nodes), n, system.unknown_names)


def _start_solutions(degrees: list[int], constants: Complex) -> Complex:
    """All solutions of ``x_i^{d_i} = c_i`` as columns."""
    roots = [
        constant ** (1 / degree) * np.exp(2j * np.pi * np.arange(degree) / degree)
        for degree, constant in zip(degrees, constants, strict=True)
    ]
    return np.array([grid.ravel() for grid in np.meshgrid(*roots, indexing="ij")])


def _retrack_collisions(
    homotopy: System,
    results: PathResults,
    starts: Complex,
    gamma: complex,
    tail: list[complex],
    executor: Executor | None,
    threads: int | None,
) -> PathResults:
    """Track again, carefully, what failed and what ended at the same regular solution: paths that may have jumped."""
    regular = np.flatnonzero(results.codes == ReturnCode.SUCCESS)
    label = _labels(results.solutions[:, regular], _SAME)
    sizes = np.bincount(label) if label.size else np.empty(0, dtype=np.int64)
    collided = regular[sizes[label] > 1] if label.size else regular
    again = np.sort(np.concatenate([collided, np.flatnonzero(results.codes > ReturnCode.AT_INFINITY)]))
    if not again.size:
        return results
    careful = track(
        homotopy,
        starts[:, again],
        np.array([gamma, 0.0, *tail]),
        np.array([0.0, 1.0, *tail]),
        options=TrackerOptions.conservative(),
        endgame=True,
        executor=executor,
        threads=threads,
    )
    return results.replaced(again, careful)


def _labels(points: Complex, tolerance: float) -> NDArray[np.int64]:
    """A number for each column, equal for columns within a relative distance of each other."""
    from scipy.spatial import cKDTree

    count = points.shape[1]
    if not count:
        return np.empty(0, dtype=np.int64)
    size = np.maximum(np.abs(points).max(axis=0), 1.0)
    # Points of very different size are far apart, so that one radius serves after scaling by the size.
    scaled = points / size
    rows = np.concatenate([scaled.real, scaled.imag, np.log(size)[None, :]]).T
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = cKDTree(rows).query_pairs(tolerance, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def _distinct(points: Complex, tolerance: float) -> tuple[Complex, NDArray[np.int64]]:
    """Each point once, in the order of first appearance, and how often it appeared."""
    label = _labels(points, tolerance)
    _, first, counts = np.unique(label, return_index=True, return_counts=True)
    order = np.argsort(first)
    return np.ascontiguousarray(points[:, first[order]]), counts[order].astype(np.int64)

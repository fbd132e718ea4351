"""All isolated solutions of a square polynomial system, by the total-degree homotopy."""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom._kernels.tape import ADD, MUL, NEG
from algeom.continuation.collisions import SAME, labels, suspects
from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import (
    PathResults,
    ReturnCode,
    Tracker,
    TrackerOptions,
    newton,
    track_batch,
)
from algeom.errors import InputError, ResourceError
from algeom.evidence import Evidence, Status
from algeom.maps import TapeBuilder
from algeom.maps.tape import noun_count
from algeom.runtime.progress import Progress
from algeom.runtime.seeds import RandomState, derive, resolve

#: First coordinates, in a unit vector of projective space, of regular ends at infinity are zero up to rounding errors.
_INFINITY = 1e-12
#: Points at which sizes of equations are measured.
_SIZE_POINTS = 16
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

    Paths lead from the solutions of ``x_i^{d_i} = c_i``, as many as Bézout's bound, to those of the system, in a random
    chart of projective space, where no path diverges; the ends include every isolated solution [1]_. Families with
    far fewer solutions than that bound are better solved once by `monodromy` and then by `track`.

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
    patch = generator.normal(size=len(degrees) + 1) + 1j * generator.normal(size=len(degrees) + 1)
    starts = _start_solutions(degrees, np.array(constants))
    starts = np.concatenate([np.ones((1, n_paths)), starts])
    starts = starts / (patch @ starts)
    tail = [*constants, *patch, *values]
    homotopy = _homotopy(system, degrees)
    factors = _factors(homotopy, tail, generator)

    def run(chosen: NDArray[np.int64], options: TrackerOptions, progress: Progress) -> PathResults:
        tracker = Tracker(homotopy, options, executor, threads, patch)
        count = len(chosen)
        return track_batch(
            tracker,
            starts[:, chosen],
            homotopy.parameter_columns([gamma, *(0.0 * factors), *tail], count),
            homotopy.parameter_columns([0.0, *factors, *tail], count),
            endgame=True,
            progress=progress,
        )

    results = run(np.arange(n_paths), options or TrackerOptions.default(), progress)
    again = suspects(results)
    if again.size:
        # Paths that failed, or may have jumped to another.
        results = results.replaced(again, run(again, TrackerOptions.conservative(), False))
    results = _affine(results, system, values)
    regular, _ = _distinct(results.solutions[:, results.codes == ReturnCode.SUCCESS], SAME)
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
    """``a (x_i^d_i - c_i x_0^d_i) + b_i F_i(x_0, x; p)``, F homogenized, and ``q x - 1``.

    The unknowns are x_0, x_1, ..., x_n, the parameters a, b_1, ..., b_n, c_1, ..., c_n, q_0, ..., q_n, p_1, ..., p_k.
    """
    n, k = system.n_unknowns, system.n_parameters
    builder = TapeBuilder((n + 1) + 1 + 2 * n + (n + 1) + k)
    inputs = list(builder.inputs)
    x, a, rest = inputs[: n + 1], inputs[n + 1], inputs[n + 2 :]
    b, c, q, p = rest[:n], rest[n : 2 * n], rest[2 * n : 3 * n + 1], rest[3 * n + 1 :]
    values = _homogenized(system, builder, x, p, degrees)
    nodes = []
    for i, degree in enumerate(degrees):
        start = builder.sub(builder.power(x[i + 1], degree), builder.mul(c[i], builder.power(x[0], degree)))
        nodes.append(builder.add(builder.mul(a, start), builder.mul(b[i], values[i])))
    nodes.append(builder.sub(builder.dot(q, x), builder.one))
    return System(builder.build(nodes), n + 1)


def _factors(homotopy: System, tail: list[Any], generator: np.random.Generator) -> NDArray[np.float64]:
    """Powers of two that bring the homogenized equations to the size of those of the start system."""
    n = homotopy.n_unknowns - 1
    points = np.exp(2j * np.pi * generator.random((n + 1, _SIZE_POINTS)))
    with np.errstate(over="ignore", invalid="ignore"):
        values = homotopy(points, [0.0, *np.ones(n), *tail])[:n]
    sizes = np.median(np.abs(values), axis=1)
    usable = np.isfinite(sizes) & (sizes > 0)
    return np.where(usable, 2.0 ** -np.round(np.log2(np.where(usable, sizes, 1.0))), 1.0)


def _homogenized(system: System, builder: TapeBuilder, x: list[int], p: list[int], degrees: list[int]) -> list[int]:
    """Nodes of the homogenized equations: sums pad their terms with powers of x_0."""
    tape = system.tape
    nodes = [(node, 1) for node in x[1:]] + [(node, 0) for node in p]
    nodes += [(builder.constant(value), 0) for value in tape.constants]

    def padded(entry: tuple[int, int], degree: int) -> int:
        return builder.mul(entry[0], builder.power(x[0], degree - entry[1]))

    for operation, (left, right) in zip(tape.operations.tolist(), tape.operands.tolist(), strict=True):
        one, two = nodes[left], nodes[right]
        if operation == NEG:
            nodes.append((builder.neg(one[0]), one[1]))
        elif operation == MUL:
            nodes.append((builder.mul(one[0], two[0]), one[1] + two[1]))
        else:
            degree = max(one[1], two[1])
            combine = builder.add if operation == ADD else builder.sub
            nodes.append((combine(padded(one, degree), padded(two, degree)), degree))
    return [padded(nodes[row], max(degree, nodes[row][1])) for row, degree in zip(tape.outputs, degrees, strict=True)]


def _start_solutions(degrees: list[int], constants: Complex) -> Complex:
    """All solutions of ``x_i^{d_i} = c_i`` as columns."""
    roots = [
        constant ** (1 / degree) * np.exp(2j * np.pi * np.arange(degree) / degree)
        for degree, constant in zip(degrees, constants, strict=True)
    ]
    return np.array([grid.ravel() for grid in np.meshgrid(*roots, indexing="ij")])


def _affine(results: PathResults, system: System, values: Complex) -> PathResults:
    """Ends in homogeneous coordinates as solutions of the system, the regular ones refined there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        solutions = results.solutions[1:] / results.solutions[0]
    codes = results.codes.copy()
    accuracy, condition = results.accuracy.copy(), results.condition.copy()
    # A regular end in projective space may lie at infinity.
    first = np.abs(results.solutions[0]) / np.linalg.norm(results.solutions, axis=0)
    codes[(codes == ReturnCode.SUCCESS) & (first < _INFINITY)] = ReturnCode.AT_INFINITY
    regular = np.flatnonzero(codes == ReturnCode.SUCCESS)
    parameters = np.repeat(values[:, None], regular.size, axis=1)
    solutions[:, regular], accuracy[regular], condition[regular] = newton(system, solutions[:, regular], parameters)
    codes[regular[~np.isfinite(accuracy[regular])]] = ReturnCode.ENDGAME_FAILED
    solutions[:, codes == ReturnCode.AT_INFINITY] = complex(np.nan, np.nan)
    return replace(results, solutions=solutions, codes=codes, accuracy=accuracy, condition=condition)


def _distinct(points: Complex, tolerance: float) -> tuple[Complex, NDArray[np.int64]]:
    """Each point once, in the order of first appearance, and how often it appeared."""
    label = labels(points, tolerance)
    _, first, counts = np.unique(label, return_index=True, return_counts=True)
    order = np.argsort(first)
    return np.ascontiguousarray(points[:, first[order]]), counts[order].astype(np.int64)

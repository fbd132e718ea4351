"""From a polynomial map to the exact equations of its image: the pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Any

import numpy as np

from algeom.algebra.polynomial import Polynomial
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import require_map, wanted_degrees
from algeom.implicitization.certificates import Certificate
from algeom.implicitization.ideal import DegreeSummary, Ideal
from algeom.implicitization.interpolation import Interpolation, Layer, UnluckyPrimeError
from algeom.implicitization.lifting import lift_block
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.preparation import Arithmetic, Clock, Preparation, Torus, with_fresh_primes
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.implicitization.symmetry import permutation_evidence
from algeom.implicitization.verification import EXPANSION_BUDGET, IdentityTest
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime.progress import Progress, Reporter, reporter
from algeom.runtime.store import Store


def implicitize(
    phi: PolynomialMap,
    *,
    max_degree: int | None = None,
    degrees: Iterable[int] | None = None,
    lift: bool = True,
    arithmetic: Arithmetic = "exact",
    symmetry: bool = True,
    torus: Torus = "maximal",
    expansion_budget: int = EXPANSION_BUDGET,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    store: str | os.PathLike[str] | Store | None = None,
) -> Ideal:
    """Find the equations of the closure of an image, up to a degree, exactly.

    Parameters
    ----------
    phi : PolynomialMap
    max_degree : int
        Degrees 1 to `max_degree` are searched.
    degrees : iterable of int
        These degrees, instead of `max_degree`. Counting needs the degree below each as well, to tell which equations
        are new; lifting needs all lower degrees, whose generators it therefore lists too.
    lift : bool
        Lift minimal generators to integers, verify and certify them. ``False`` stops at their counts.
    arithmetic : {"exact", "float64", "complex128"}
        In floating point, at random real or complex points, ranks are decided by gaps in singular values, and the
        status is NUMERICAL: for maps whose constants are rounded, where the equations meant hold up to rounding only.
        Complex points give better conditioned matrices.
    symmetry : bool
        Use the coordinate permutations that the map declares: one block of each orbit is solved.
    torus : {"maximal", "proved"}
        Blocks come from the maximal diagonal torus. If some of it is known with a probability only, so is the result;
        "proved" then uses the part that the map proves, in larger blocks.
    expansion_budget : int
        An equation is proved by expansion if that produces at most so many terms; otherwise it is verified modulo
        large random primes, and the status is PROBABILISTIC. 0 forbids expansions.
    rng : int, numpy.random.Generator or None
    progress : bool or callable
    executor : concurrent.futures.Executor or None
        Where blocks are solved; threads of this process by default.
    threads : int or None
        Number of threads without an executor; the cores that the process may use by default.
    memory_limit : int, str or None
        Refuse before starting what would need more, in bytes or as "4GB".
    store : path, Store or None
        A file in which the results of blocks are kept: the same call with the same file resumes a run that was
        stopped or killed. With ``rng=None`` it takes up the seed of that run.

    Returns
    -------
    Ideal

    Raises
    ------
    InputError
        For degrees below 1, or a declared symmetry that is none.
    ResourceError
        If a block would not fit the memory.
    GenericityError
        In floating point, if no gap decides a rank.

    Notes
    -----
    The monomials of each multidegree are evaluated at random points of the image modulo a prime; the null space of
    that matrix is the ideal in that multidegree. Ranks modulo p never exceed those over Q, so dim I_d is bounded
    above rigorously once the grading is; lifted and verified equations bound it below.
    A non-homogeneous image is replaced by its cone (t, t phi), whose ideal is the homogenization.
    Ctrl-C returns the degrees that are complete, marked ``interrupted``, if there are any.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"], names=["p1", "p2", "p3", "p4"])
    >>> ideal = ag.implicitize(phi, max_degree=2, rng=1)
    >>> [str(f) for f in ideal.generators]
    ['p1 + p2 + p3 + p4 - 1', 'p1*p4 - p2*p3']
    >>> ideal.status
    <Status.PROVED: 'proved'>
    """
    require_map(phi)
    wanted = wanted_degrees(max_degree, degrees)
    if lift:
        wanted = list(range(1, wanted[-1] + 1))
    if arithmetic != "exact":
        from algeom.implicitization.numerical import implicitize_numerically

        return implicitize_numerically(
            phi, wanted, arithmetic, lift=lift, symmetry=symmetry, torus=torus, expansion_budget=expansion_budget,
            rng=rng, progress=progress, executor=executor, threads=threads, memory_limit=memory_limit, store=store,
        )  # fmt: skip
    with opened(store) as kept, reporter(progress) as report:
        seed = resumed_seed(rng, kept, phi.tape)
        options = {"executor": executor, "threads": threads, "memory_limit": memory_limit, "store": kept}

        def attempt(number: int) -> Ideal:
            clock = Clock()
            ready = Preparation(phi, seed, symmetry, number, clock, torus)
            return _implicitize(ready, wanted, lift, expansion_budget, clock, report, options)

        return with_fresh_primes(attempt, report)


def _implicitize(
    ready: Preparation,
    wanted: list[int],
    lift: bool,
    expansion_budget: int,
    clock: Clock,
    report: Reporter,
    options: dict[str, Any],
) -> Ideal:
    interpolation = ready.interpolation(**options)
    interpolation.require_memory(sorted({*wanted, *(d - 1 for d in wanted if d > 1)}))
    layers: list[Layer] = []
    rows: list[DegreeSummary] = []
    interrupted = False
    generators: list[Polynomial] = []
    proofs: list[Evidence] = []
    test = IdentityTest(ready.cone.tape, ready.seed, expansion_budget)
    carried = permutation_evidence(ready.cone, test) if ready.permutations else Evidence(Status.PROVED)
    base = [ready.grading.evidence, carried]
    certified: list[tuple[int, int, list[Polynomial], list[Evidence]]] = []
    try:
        for degree in wanted:
            with clock.stage("interpolation"):
                layer = interpolation.find_new(degree, report)
            if lift:
                with clock.stage("lifting"):
                    found = _lift_layer(interpolation, layer, ready.cone.names, test, report)
                certified.extend((degree, node, equations, checked) for node, equations, checked in found)
                for node, equations, checked in found:
                    orbit = _carry(layer, node, equations)
                    generators.extend(orbit)
                    proofs.extend(checked[k % len(checked)] for k in range(len(orbit)))
            layers.append(layer)
            rows.append(_summary(layer, base, proofs if lift else None))
            if degree - 1 in interpolation.layers:
                interpolation.layers[degree - 1].release()
    except KeyboardInterrupt:
        if not layers:
            raise
        interrupted = True
    reason = "nullities met by verified equations" if lift else "nullities modulo two primes"
    evidence = combine([row.evidence for row in rows], reason)
    certificate = None
    if lift:
        with clock.stage("certificate"):
            certificate = Certificate.build(ready, interpolation, layers, certified, test)
    listed = sorted(zip(generators, proofs, strict=True), key=lambda pair: reading_order(pair[0]))
    generators, proofs = [g for g, _ in listed], [e for _, e in listed]
    if ready.homogenized:
        generators = [g.dehomogenize(0).primitive() for g in generators]
    return Ideal(
        map=ready.phi,
        homogenized=ready.homogenized,
        dimension=ready.dimension,
        grading=ready.grading,
        degrees=tuple(rows),
        generators=tuple(generators),
        generator_evidence=tuple(proofs),
        evidence=evidence,
        certificate=certificate,
        seed=ready.seed,
        primes=ready.primes,
        timings=clock.seconds,
        interrupted=interrupted,
    )


def _lift_layer(
    interpolation: Interpolation, layer: Layer, names: tuple[str, ...], test: IdentityTest, report: Reporter
) -> list[tuple[int, list[Polynomial], list[Evidence]]]:
    """(node, equations, evidence) for each representative block with new equations."""
    m = len(names)
    report.start(f"lifting degree {layer.degree}", total=len(layer.new))
    found = []
    for node in sorted(layer.new):
        below = interpolation.layers.get(layer.degree - 1)
        equations, checked = [], []
        for columns, coefficients in lift_block(interpolation, layer, below, node):
            exponents = exponent_vectors(layer.monomials(node)[columns], m)
            equation = Polynomial(exponents, coefficients, names).primitive()
            evidence = test.check(equation)
            if evidence is None:
                raise UnluckyPrimeError(layer.degree, node)
            equations.append(equation)
            checked.append(evidence)
        found.append((node, equations, checked))
        report.advance(1, degree=layer.degree, block=node, size=layer.results[node].size)
    return found


def exponent_vectors(monomials: IntArray, m: int) -> IntArray:
    """Exponent vectors of index sequences, shape (T, m)."""
    exponents = np.zeros((len(monomials), m), np.int64)
    np.add.at(exponents, (np.arange(len(monomials))[:, None], monomials), 1)
    return exponents


def _carry(layer: Layer, node: int, equations: list[Polynomial]) -> list[Polynomial]:
    """The equations of a representative block carried to every block of its orbit."""
    carried: list[Polynomial] = []
    for member in layer.orbits.members(node):
        sigma = layer.orbits.transport(int(member))
        carried.extend(equation.permute(sigma).primitive() for equation in equations)
    return carried


def reading_order(equation: Polynomial) -> tuple[int, int, tuple[int, ...]]:
    """Sort key of generators: by degree, short ones first, then as their leading monomials are ordered."""
    leading = equation.terms()[0][0]
    return equation.degree, len(equation), tuple(-e for e in leading)


def _summary(layer: Layer, base: list[Evidence], proofs: list[Evidence] | None) -> DegreeSummary:
    """One row: an upper bound by ranks; with verified equations the matching lower bound."""
    if proofs is None:
        evidence = combine([*base, layer.evidence], "nullities modulo two primes")
    else:
        evidence = combine([*base, *proofs], "nullity modulo a prime met by verified equations")
    return DegreeSummary(
        degree=layer.degree,
        n_monomials=layer.n_monomials,
        ideal_dimension=layer.dimension,
        n_generators=layer.n_new,
        n_blocks=layer.n_blocks,
        n_orbits=layer.n_orbits,
        largest_block=layer.largest_block,
        evidence=evidence,
    )

"""Degree of an image closure: points on a slice found by monodromy, the Hilbert polynomial, or both."""

from __future__ import annotations

import math
import os
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from algeom.continuation.certified_points import certified_count
from algeom.continuation.gauge import gauge
from algeom.continuation.monodromy import MonodromyResult, monodromy
from algeom.continuation.slices import (
    Slice,
    complex_gaussian,
    image_tape,
    random_matrix,
    slice_parameters,
    slice_system,
    start_point,
    typical_center,
    typical_offsets,
)
from algeom.continuation.systems import Complex
from algeom.continuation.tracker import TrackerOptions
from algeom.continuation.witness import WitnessSet
from algeom.errors import InputError
from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import require_map
from algeom.implicitization.blocks import multidegrees
from algeom.implicitization.dimension import Dimension, dimension
from algeom.implicitization.hilbert import HilbertFunction, hilbert_function
from algeom.implicitization.preparation import Clock, Preparation
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.implicitization.symmetry import orbits
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

if TYPE_CHECKING:
    from algeom.runtime.store import Store

Method = Literal["auto", "monodromy", "hilbert"]

#: Seconds that "auto" spends on the Hilbert function at most, by a prediction that is 4 to 10 times too high where the
#: polynomial is found late (ReLU 3-3-3, attention d = 3).
_HILBERT_SECONDS = 60.0
#: Nanoseconds of a block of n monomials: 0.1 n^3 + 4 n^2 + 5e4, as interpolation itself estimates them.
_CUBIC, _SQUARE, _FIXED = 0.1e-9, 4e-9, 5e-5
#: Monomials of one degree from which on even listing the orbits of blocks takes seconds.
_MOST_MONOMIALS = 2e6
#: Degree of the Hilbert function up to which its cost is predicted; nobody waits for more.
_MOST_DEGREE = 40
#: Loops of monodromy: a few suffice, but where there are few points most loops fix them all.
_MOST_LOOPS = 200
#: Distance of the slices of the trace test, which loops go through too, in typical offsets: large enough for these
#: loops to move most points. In 72 searches each, loops were 2 to 7 on average for distances 2 and 4, up to 28 for 1.
_PARALLEL_STEP = 3.0
#: Points that "auto" looks for by monodromy at most, once the Hilbert polynomial has said how many there are.
_MOST_POINTS = 20000


@dataclass(frozen=True)
class DegreePlan:
    """What `degree` with ``method="auto"`` would do.

    Attributes
    ----------
    methods : tuple of str
        "hilbert", "monodromy" or both.
    dimension : Dimension
    max_degree : int
        Degree through which the Hilbert function is affordable, 0 if none.
    hilbert_seconds : float
        Predicted time for that, an upper estimate.
    reason : str
    """

    methods: tuple[str, ...]
    dimension: Dimension
    max_degree: int
    hilbert_seconds: float
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class Degree:
    """Degree of the closure of the image of a map: of the projective variety, if the closure is a cone.

    Attributes
    ----------
    value : int
        Number of points on a generic affine slice of complementary dimension.
    evidence : Evidence
        NUMERICAL: a trace test, or two methods that agree. EXTRAPOLATED: a Hilbert polynomial fitted to finitely many
        values. LOWER_BOUND: points may be missing. PROVED: certified points, and a bound from above that is a theorem.
    methods : tuple of str
        What was used.
    dimension : int
        Affine dimension of the image closure.
    monodromy : MonodromyResult or None
    hilbert : HilbertFunction or None
    hilbert_degree : int or None
        Degree according to the Hilbert function.
    witness_set : WitnessSet or None
        The points that monodromy found; None if it was not used: for a single point and for a dense image, with
        ``method="hilbert"``, and with "auto" where the degree is known to be beyond 20000.
    seed : int
    seconds : float
        Wall time.
    interrupted : bool
        Stopped by Ctrl-C while points were looked for: they are those found until then.
    """

    value: int
    evidence: Evidence
    methods: tuple[str, ...]
    dimension: int
    monodromy: MonodromyResult | None = field(repr=False)
    hilbert: HilbertFunction | None = field(repr=False)
    hilbert_degree: int | None
    witness_set: WitnessSet | None = field(repr=False)
    seed: int
    seconds: float

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C stopped the search for points."""
        return self.monodromy is not None and self.monodromy.interrupted

    def __int__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        how = " and ".join(self.methods)
        return f"Degree({self.value}, {self.evidence}, by {how}{', INTERRUPTED' if self.interrupted else ''})"

    def __str__(self) -> str:
        return f"{self!r}: {self.evidence.reason}"


def degree_plan(phi: PolynomialMap, *, rng: seeds.RandomState = None) -> DegreePlan:
    """What `degree` with ``method="auto"`` would choose, and why.

    Parameters
    ----------
    phi : PolynomialMap
    rng : int, numpy.random.Generator or None

    Returns
    -------
    DegreePlan

    Examples
    --------
    >>> import algeom as ag
    >>> plan = ag.degree_plan(ag.varieties.grassmannian(2, 5), rng=1)
    >>> plan.methods, plan.max_degree > 4
    (('hilbert', 'monodromy'), True)
    """
    require_map(phi)
    return _plan(phi, seeds.resolve(rng)[0], "auto")


def _plan(phi: PolynomialMap, seed: int, method: Method) -> DegreePlan:
    found = dimension(phi, rng=seed)
    if found.value in (0, phi.n_coordinates):
        return DegreePlan((), found, 0, 0.0, "the image closure is a point or everything: the degree is 1")
    if method != "auto":
        return DegreePlan((method,), found, _MOST_DEGREE, math.nan, "as the caller says")
    top, seconds = _affordable(phi, seed)
    # No variety but a linear space shows its Hilbert polynomial before degree 3.
    if top < 3:
        reason = f"the Hilbert function is affordable through degree {top} only, which shows no polynomial"
        return DegreePlan(("monodromy",), found, top, seconds, reason)
    reason = (
        f"the Hilbert function is affordable through degree {top} (predicted: at most {seconds:.2g} s); monodromy "
        f"follows, unless the degree is known by then to be beyond {_MOST_POINTS}"
    )
    return DegreePlan(("hilbert", "monodromy"), found, top, seconds, reason)


def _affordable(phi: PolynomialMap, seed: int) -> tuple[int, float]:
    """Largest degree through which the Hilbert function takes little time, and a prediction of that time."""
    ready = Preparation(phi, seed, True, 0, Clock())
    weights, m = ready.grading.weights, ready.cone.n_coordinates
    spent = 0.0
    for top in range(1, _MOST_DEGREE + 1):
        if math.comb(m + top - 1, top) > _MOST_MONOMIALS:
            return top - 1, spent
        table = multidegrees(weights, top)
        sizes = table.counts[orbits(table, top, ready.permutations).representatives].astype(np.float64)
        # Twice, for two primes.
        cost = 2.0 * float(np.sum(_CUBIC * sizes**3 + _SQUARE * sizes**2 + _FIXED))
        if spent + cost > _HILBERT_SECONDS:
            return top - 1, spent
        spent += cost
    return _MOST_DEGREE, spent


def degree(
    phi: PolynomialMap,
    *,
    method: Method = "auto",
    max_degree: int | None = None,
    upper_count: int | None = None,
    upper_reason: str = "given by the caller",
    max_loops: int = _MOST_LOOPS,
    options: TrackerOptions | None = None,
    rng: seeds.RandomState = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    store: str | os.PathLike[str] | Store | None = None,
) -> Degree:
    """Degree of the closure of the image of a polynomial or rational map.

    Parameters
    ----------
    phi : PolynomialMap
    method : {"auto", "monodromy", "hilbert"}
        "monodromy" finds the points on a random slice and checks by a trace test that none is missing. "hilbert" fits
        a Hilbert polynomial to exact values of the Hilbert function. "auto" does both where `degree_plan` says so.
    max_degree : int, optional
        Degree through which the Hilbert function is computed, if need be. By default until it shows its polynomial
        ("hilbert") or while it is affordable ("auto").
    upper_count : int, optional
        A bound from above that is a theorem, say of Bezout. If as many points are found and certified, the degree is
        PROVED, on the strength of that theorem.
    upper_reason : str
        Where that bound comes from.
    max_loops : int
        Loops of monodromy after which to give up; the result is then a LOWER_BOUND.
    options : TrackerOptions, optional
    rng : int, numpy.random.Generator or None
    progress, executor, threads, memory_limit, store
        As for `monodromy` and `hilbert_function`.

    Returns
    -------
    Degree
        ``.value``, ``.evidence``, ``.witness_set``.

    Raises
    ------
    InputError
        If an argument is out of range, or more points were found than `upper_count` allows.
    ResourceError
        If "hilbert" would not fit into memory before the values show a polynomial.
    KeyboardInterrupt
        When stopped by Ctrl-C, except while points are looked for: then those found until then are a LOWER_BOUND, with
        ``interrupted`` true. With a store the same call resumes either way.

    Notes
    -----
    The map is first restricted to k parameters, k the dimension of its image closure X (`gauge`). Slices ``A y = b``
    move. Points are told apart by their images, so that one parameter
    vector is followed for each, however many there are in its fiber: a pseudo-witness set [1]_. The sum of all points
    moves linearly with b, and the sum of some of them does not: the trace test [2]_, valid since X is irreducible.

    For a hypersurface the degree is that of its one equation; the smallest degree of an equation is then no
    extrapolation, but as sure as the values of the Hilbert function.

    If both methods are used and agree, the result is NUMERICAL: two independent computations. If they disagree, the
    number of points found is given, as a LOWER_BOUND, and the reason names both numbers.

    References
    ----------
    .. [1] J. D. Hauenstein, A. J. Sommese, Witness sets of projections, Appl. Math. Comput. 217 (2010), 3349-3354.
    .. [2] A. J. Sommese, J. Verschelde, C. W. Wampler, Symmetric functions applied to decomposing solution sets of
       polynomial systems, SIAM J. Numer. Anal. 40 (2002), Theorem 3.6; A. Leykin, J. I. Rodriguez, F. Sottile, Trace
       test, Arnold Math. J. 4 (2018), 113-125.

    Examples
    --------
    >>> import algeom as ag
    >>> result = ag.degree(ag.varieties.grassmannian(2, 5), rng=1)
    >>> result.value, result.methods, str(result.evidence)
    (5, ('hilbert', 'monodromy'), 'numerical')
    """
    begin = time.perf_counter()
    require_map(phi)
    if method not in ("auto", "monodromy", "hilbert"):
        raise InputError(f'method={method!r}: expected "auto", "monodromy" or "hilbert"')
    for name, value in (("upper_count", upper_count), ("max_degree", max_degree), ("max_loops", max_loops)):
        optional = name != "max_loops"
        if value is None and optional:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name}={value!r}; expected a positive integer{' or None' if optional else ''}")
    with opened(store) as kept:
        seed = resumed_seed(rng, kept, phi.tape)
        plan = _plan(phi, seed, method)
        found = plan.dimension
        if not plan.methods:
            return _trivial(found, seed, begin)
        common: dict[str, Any] = {
            "rng": seed,
            "progress": progress,
            "executor": executor,
            "threads": threads,
            "memory_limit": memory_limit,
            "store": kept,
        }
        hilbert: HilbertFunction | None = None
        shown: tuple[int, Evidence] | None = None
        if "hilbert" in plan.methods:
            hilbert, shown = _by_hilbert(phi, max_degree or plan.max_degree, common)
        if "monodromy" not in plan.methods or (shown is not None and shown[0] > _MOST_POINTS):
            assert hilbert is not None
            return _from_hilbert(hilbert, shown, found, seed, begin)
        result, witness = _by_monodromy(phi, found, max_loops, options, seed, common)
    value, evidence = _together(result, shown)
    if upper_count is not None:
        evidence = _bounded(result, witness, upper_count, upper_reason) or evidence
    return Degree(
        value,
        evidence,
        ("monodromy",) if shown is None else ("hilbert", "monodromy"),
        found.value,
        result,
        hilbert,
        None if shown is None else shown[0],
        witness,
        seed,
        _since(begin),
    )


def _since(begin: float) -> float:
    return time.perf_counter() - begin


def _trivial(found: Dimension, seed: int, begin: float) -> Degree:
    """Degree one: the image is a point, or dense."""
    what = "the image is a point" if found.value == 0 else "the image is dense"
    evidence = combine([found.evidence], f"{what}: {found.evidence.reason}")
    return Degree(1, evidence, ("dimension",), found.value, None, None, None, None, seed, _since(begin))


def _from_hilbert(
    hilbert: HilbertFunction, shown: tuple[int, Evidence] | None, found: Dimension, seed: int, begin: float
) -> Degree:
    if shown is None:
        raise InputError(
            f"the Hilbert function through degree {max(hilbert.values)} does not show its polynomial; raise "
            'max_degree, or use method="monodromy"'
        )
    value, evidence = shown
    return Degree(value, evidence, ("hilbert",), found.value, None, hilbert, value, None, seed, _since(begin))


def _by_hilbert(
    phi: PolynomialMap, last: int, common: dict[str, Any]
) -> tuple[HilbertFunction, tuple[int, Evidence] | None]:
    """The Hilbert function through as many degrees as it needs to show its polynomial, at most a given one."""
    for top in range(min(3, last), last + 1):
        function = hilbert_function(phi, top, **common)
        shown = hilbert_degree(function)
        if shown is not None:
            break
        if function.interrupted:
            raise KeyboardInterrupt
    return function, shown


def hilbert_degree(function: HilbertFunction) -> tuple[int, Evidence] | None:
    """The degree that values of a Hilbert function show, with its evidence; None if they show none yet.

    Parameters
    ----------
    function : HilbertFunction

    Examples
    --------
    A hypersurface: its degree is that of its equation, and the next values are not needed.

    >>> import algeom as ag
    >>> surface = ag.hilbert_function(ag.polynomial_map(["a^2", "a*b", "b^2", "c"]), 2, rng=1)
    >>> surface.fit is None, hilbert_degree(surface)[0]
    (True, 2)
    """
    if function.values[1] + function.ideal_dimensions[1] == function.dimension + 1:
        first = next((d for d, n in function.ideal_dimensions.items() if n), None)
        if first is not None:
            reason = f"a hypersurface; its equation has degree {first}: {function.evidence.reason}"
            return first, combine([function.evidence], reason)
    if function.fit is None:
        return None
    return function.fit.degree, function.fit.evidence


def _by_monodromy(
    phi: PolynomialMap,
    found: Dimension,
    max_loops: int,
    options: TrackerOptions | None,
    seed: int,
    common: dict[str, Any],
) -> tuple[MonodromyResult, WitnessSet]:
    """Points on a random slice, as far as monodromy finds them."""
    restriction = gauge(phi, rng=seed)
    psi = restriction.map
    center = typical_center(psi)
    tau, pivots = start_point(psi, seeds.derive(seed, "degree", "start"))
    matrix = random_matrix(pivots, psi.n_coordinates, seeds.derive(seed, "degree", "matrix"))
    n_matrix = psi.n_parameters * (psi.n_coordinates - psi.n_parameters)

    def sample(generator: np.random.Generator) -> Complex:
        drawn = random_matrix(pivots, psi.n_coordinates, generator)
        offset = typical_offsets(psi, drawn, center) * complex_gaussian(generator, psi.n_parameters)
        return slice_parameters(Slice(drawn, offset), pivots)

    def parallel(generator: np.random.Generator) -> Complex:
        step = _PARALLEL_STEP * typical_offsets(psi, matrix, center) * complex_gaussian(generator, psi.n_parameters)
        return np.concatenate([np.zeros(n_matrix), step])

    start = Slice(matrix, matrix @ (psi(tau) - center))
    system = slice_system(psi, pivots, center)
    result = monodromy(
        system,
        tau,
        slice_parameters(start, pivots),
        image=image_tape(psi, system.n_parameters),
        sample=sample,
        trace=parallel,
        max_loops=max_loops,
        options=options,
        **common,
    )
    points = psi(result.solutions)
    cut = Slice(matrix, start.offset + matrix @ center)
    is_cone = found.projective is not None
    witness = WitnessSet(restriction, cut, result.solutions, points, is_cone, True, result.evidence, seed)
    return result, witness


def _together(result: MonodromyResult, shown: tuple[int, Evidence] | None) -> tuple[int, Evidence]:
    """What the number of points found and the Hilbert function say together."""
    if shown is None:
        return result.count, result.evidence
    value, other = shown
    complete = result.evidence.status is not Status.LOWER_BOUND
    extrapolated = other.status is Status.EXTRAPOLATED
    found = f"monodromy finds {noun_count(result.count, 'point')} on a slice ({result.evidence.reason})"
    how = "the fitted Hilbert polynomial" if extrapolated else "the degree of the equation of the hypersurface"
    if result.count == value:
        if not extrapolated:
            return value, combine([other], f"{other.reason}; {found}, as many")
        # A search that stopped without a trace test is no second witness of completeness.
        status = Status.NUMERICAL if complete else Status.EXTRAPOLATED
        return value, Evidence(status, math.nan, f"{found}, and {how} says as many ({other.reason})")
    if not (extrapolated or complete or result.count > value):
        return value, combine([other], f"{other.reason}; {found} and not all")
    reason = f"{found}, but {how} says {value}: points are missing, or more values of the Hilbert function are needed"
    return result.count, Evidence(Status.LOWER_BOUND, math.nan, reason)


def _bounded(result: MonodromyResult, witness: WitnessSet, upper_count: int, upper_reason: str) -> Evidence | None:
    """Evidence from a bound from above, where points that are certified attain it."""
    if result.count > upper_count:
        raise InputError(
            f"{result.count} points were found on a slice, more than upper_count={upper_count}: the bound is wrong, or "
            "is one for another variety"
        )
    if result.count < upper_count or certified_count(witness) < upper_count:
        return None
    reason = (
        f"Krawczyk tests prove {noun_count(upper_count, 'point')} on a slice, and the bound from above, "
        f"{upper_reason}, allows no more"
    )
    return Evidence(Status.PROVED, reason=reason)

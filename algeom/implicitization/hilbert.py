"""The Hilbert function of the coordinate ring of an image, and what may be extrapolated from it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.evidence import Evidence, Status, combine
from algeom.implicitization.arguments import require_map, wanted_degrees
from algeom.implicitization.interpolation import Layer
from algeom.implicitization.preparation import Arithmetic, Clock, Preparation, with_fresh_primes
from algeom.implicitization.resuming import opened, resumed_seed
from algeom.implicitization.symmetry import permutation_evidence
from algeom.implicitization.verification import IdentityTest
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime.progress import Progress, reporter
from algeom.runtime.store import Store

if TYPE_CHECKING:
    from algeom.implicitization.numerical import NumericalPreparation

#: Vanishing coefficients of the numerator after its last nonzero one, before a fit is offered at all.
_TRAILING_ZEROS = 2


@dataclass(frozen=True)
class HilbertFit:
    """Hilbert series numerator / (1 - T)^dimension that agrees with every value computed.

    Finitely many values never determine it: another variety of the same dimension may agree up to any degree. Its
    status stays EXTRAPOLATED until a regularity bound or an independent degree confirms it.

    Attributes
    ----------
    numerator : tuple of int
        Coefficients of 1, T, T^2, ...
    dimension : int
        Krull dimension of the coordinate ring: the affine cone dimension.
    degree : int
        Value of the numerator at 1: the degree of the projective variety.
    polynomial : tuple of Fraction
        Hilbert polynomial, coefficients of 1, d, d^2, ...
    evidence : Evidence
    """

    numerator: tuple[int, ...]
    dimension: int
    degree: int
    polynomial: tuple[Fraction, ...]
    evidence: Evidence


@dataclass(frozen=True)
class HilbertFunction:
    """Values of the Hilbert function of the image closure (of its cone when it is not one).

    Attributes
    ----------
    values : dict from int to int
        dim (R/I)_d for d = 0..max_degree. For an image that is no cone, R/I is the coordinate ring of the cone over
        it, and the value is the dimension of the polynomials of degree at most d modulo those that vanish.
    ideal_dimensions : dict from int to int
        dim I_d.
    homogenized : bool
    dimension : int
        Affine cone dimension of what `values` counts.
    evidence : Evidence
        `values` are proven lower bounds whenever the grading is proven.
    fit : HilbertFit or None
        None if the values computed do not suggest a numerator yet: compute more degrees.
    seed : int
    interrupted : bool
        Stopped by Ctrl-C: what is listed is complete, later degrees are missing.
    """

    values: dict[int, int]
    ideal_dimensions: dict[int, int]
    homogenized: bool
    dimension: int
    evidence: Evidence
    fit: HilbertFit | None
    seed: int
    interrupted: bool = False

    def __getitem__(self, degree: int) -> int:
        return self.values[degree]

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the values and the fitted polynomial (`algeom.plot.hilbert_function`); returns matplotlib Axes."""
        from algeom import plot

        return plot.hilbert_function(self, ax=ax)

    def __str__(self) -> str:
        lines = [f"{'degree':>6} {'dim (R/I)_d':>12} {'dim I_d':>10}"]
        lines += [f"{d:>6} {h:>12} {self.ideal_dimensions[d]:>10}" for d, h in self.values.items()]
        lines.append(f"values: {self.evidence!r}" + (", INTERRUPTED" if self.interrupted else ""))
        if self.fit is None:
            lines.append("degree: not suggested by the values computed; raise max_degree")
        else:
            lines.append(f"degree: {self.fit.degree} ({self.fit.evidence.status})")
        return "\n".join(lines)


def series_numerator(values: list[int], dimension: int) -> list[int]:
    """Coefficients of (1 - T)^dimension times the series with the given first coefficients.

    Examples
    --------
    >>> series_numerator([1, 4, 7, 10, 13], 2)
    [1, 2, 0, 0, 0]
    """
    return [
        sum((-1) ** j * math.comb(dimension, j) * values[d - j] for j in range(min(d, dimension) + 1))
        for d in range(len(values))
    ]


def fit_hilbert_series(values: list[int], dimension: int) -> HilbertFit | None:
    """Fit a Hilbert series of known dimension, if the numerator seems to have ended.

    Examples
    --------
    >>> fit_hilbert_series([1, 4, 7, 10, 13], 2).degree
    3
    """
    numerator = series_numerator(values, dimension)
    while numerator and numerator[-1] == 0:
        numerator.pop()
    if len(values) - len(numerator) < _TRAILING_ZEROS or not numerator or sum(numerator) <= 0:
        return None
    evidence = Evidence(
        Status.EXTRAPOLATED,
        math.nan,
        f"the numerator shows no term from T^{len(numerator)} to T^{len(values) - 1}; later ones are not excluded",
    )
    return HilbertFit(tuple(numerator), dimension, sum(numerator), _hilbert_polynomial(numerator, dimension), evidence)


def _hilbert_polynomial(numerator: list[int], dimension: int) -> tuple[Fraction, ...]:
    """Coefficients of sum_j h_j C(d - j + dimension - 1, dimension - 1) in d."""
    if dimension == 0:
        return (Fraction(0),)
    total = [Fraction(0)] * dimension
    for j, h in enumerate(numerator):
        term = [Fraction(h)]
        for k in range(1, dimension):
            # times (d - j + k) / k
            shifted = [Fraction(0), *term]
            term = [(c * (k - j) + s) / k for c, s in zip([*term, Fraction(0)], shifted, strict=True)]
        for power, c in enumerate(term):
            total[power] += c
    return tuple(total)


def hilbert_function(
    phi: PolynomialMap,
    max_degree: int,
    *,
    arithmetic: Arithmetic = "exact",
    symmetry: bool = True,
    rng: int | np.random.Generator | None = None,
    progress: Progress = False,
    executor: Executor | None = None,
    threads: int | None = None,
    memory_limit: int | str | None = None,
    store: str | os.PathLike[str] | Store | None = None,
) -> HilbertFunction:
    """Hilbert function of the image closure up to a degree, with a fitted degree where the values suggest one.

    Parameters
    ----------
    phi : PolynomialMap
    max_degree : int
    arithmetic, symmetry, rng, progress, executor, threads, memory_limit, store
        As for `implicitize`.

    Returns
    -------
    HilbertFunction

    Examples
    --------
    The twisted cubic has Hilbert polynomial 3d + 1.

    >>> import algeom as ag
    >>> h = ag.hilbert_function(ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), 4, rng=1)
    >>> list(h.values.values()), h.fit.degree, [str(c) for c in h.fit.polynomial]
    ([1, 4, 7, 10, 13], 3, ['1', '3'])
    """
    require_map(phi)
    wanted = wanted_degrees(max_degree, None)
    if arithmetic != "exact":
        from algeom.implicitization.numerical import numerical_layers

        return _summary(
            *numerical_layers(
                phi, wanted, arithmetic, symmetry=symmetry, rng=rng, progress=progress,
                executor=executor, threads=threads, memory_limit=memory_limit, store=store,
            )
        )  # fmt: skip
    with opened(store) as kept, reporter(progress) as report:
        seed = resumed_seed(rng, kept, phi.tape)

        def attempt(number: int) -> tuple[Preparation, list[Layer]]:
            ready = Preparation(phi, seed, symmetry, number, Clock())
            interpolation = ready.interpolation(
                executor=executor, threads=threads, memory_limit=memory_limit, equations=False, store=kept
            )
            interpolation.require_memory(wanted)
            layers: list[Layer] = []
            try:
                for degree in wanted:
                    layers.append(interpolation.layer(degree, report))
            except KeyboardInterrupt:
                if not layers:
                    raise
            return ready, layers

        ready, layers = with_fresh_primes(attempt, report)
    parts = [ready.grading.evidence, *(layer.evidence for layer in layers)]
    if ready.permutations:
        parts.append(permutation_evidence(ready.cone, IdentityTest(ready.cone.tape, ready.seed)))
    found = _summary(ready, layers, combine(parts, "nullities modulo two primes"))
    return replace(found, interrupted=len(layers) < len(wanted))


def _summary(ready: Preparation | NumericalPreparation, layers: Sequence[Layer], evidence: Evidence) -> HilbertFunction:
    values = {0: 1} | {layer.degree: layer.n_monomials - layer.dimension for layer in layers}
    ideal_dimensions = {0: 0} | {layer.degree: layer.dimension for layer in layers}
    dimension = ready.dimension.value + (1 if ready.homogenized else 0)
    return HilbertFunction(
        values=values,
        ideal_dimensions=ideal_dimensions,
        homogenized=ready.homogenized,
        dimension=dimension,
        evidence=evidence,
        fit=fit_hilbert_series(list(values.values()), dimension),
        seed=ready.seed,
    )

"""What every verb of the engine needs before it interpolates: a cone, its grading, its symmetries, primes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from algeom.errors import GenericityError, InputError
from algeom.evidence import Status
from algeom.implicitization.dimension import dimension, working_primes
from algeom.implicitization.grading import Grading, grading, proved_grading
from algeom.implicitization.interpolation import Interpolation, UnluckyPrimeError
from algeom.implicitization.multidegrees import IntArray
from algeom.implicitization.sampling import samples
from algeom.implicitization.symmetry import verified_permutations
from algeom.maps.polynomial_map import PolynomialMap
from algeom.runtime.progress import Reporter

Result = TypeVar("Result")

#: Pairs of primes to try. One pair in ten thousand disagrees where minors of a thousand bits matter.
_ATTEMPTS = 3

Torus: TypeAlias = Literal["maximal", "proved"]
#: Where the linear algebra happens; "exact" is modulo primes.
Arithmetic: TypeAlias = Literal["exact", "float64", "complex128"]


class Clock:
    """Seconds spent by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


class Preparation:
    """What every verb of the engine needs first: a cone, its grading, its symmetries, primes."""

    def __init__(
        self, phi: PolynomialMap, seed: int, symmetry: bool, attempt: int, clock: Clock, torus: Torus = "maximal"
    ) -> None:
        if torus not in ("maximal", "proved"):
            raise InputError(f'torus={torus!r}: expected "maximal" or "proved"')
        self.phi = phi
        self.seed = seed
        with clock.stage("dimension"):
            self.dimension = dimension(phi, rng=seed)
        self.homogenized = self.dimension.projective is None and not _is_origin(phi, seed)
        self.cone = phi.cone() if self.homogenized else phi
        self.primes = working_primes(seed, 2, attempt, tape=phi.tape)
        with clock.stage("grading"):
            self.grading: Grading = grading(self.cone, rng=seed)
            if torus == "proved" and self.grading.evidence.status is not Status.PROVED:
                self.grading = proved_grading(self.cone, seed)
                if not self.grading.homogeneous:
                    raise InputError(
                        "the map does not show that its image is a cone, so that nothing can be proved from its "
                        'gradings; pass torus="maximal", or phi.cone() for the ideal of the cone over the image'
                    )
            self.permutations: list[IntArray] = verified_permutations(self.cone, seed, self.primes) if symmetry else []

    def interpolation(self, **options: Any) -> Interpolation:
        """An interpolation of the cone, block by block."""
        weights = self.grading.weights
        if self.dimension.value == self.phi.n_coordinates:
            # Without equations every grading holds, and would make each monomial a block.
            weights = np.ones((1, self.cone.n_coordinates), np.int64)
        return Interpolation(self.cone.tape, weights, self.permutations, self.seed, self.primes, **options)


def _is_origin(phi: PolynomialMap, seed: int) -> bool:
    """Whether every coordinate is zero: a cone of dimension zero."""
    prime = working_primes(seed, 1, tape=phi.tape)[0]
    return not samples(phi.tape, seed, prime).values(4).any()


def with_fresh_primes(attempt: Callable[[int], Result], report: Reporter) -> Result:
    """The result of attempt(0), or of attempt(1), ... when two primes disagree."""
    for number in range(_ATTEMPTS):
        try:
            return attempt(number)
        except UnluckyPrimeError as error:
            report.message(f"{error}; starting again with other primes")
    raise GenericityError(
        f"pairs of random primes disagreed {_ATTEMPTS} times; try another rng, "
        "and check the map for constants of more than 20 digits"
    )

"""Dimension of the image closure: the rank of the Jacobian at random points modulo random primes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.elimination import rank
from algeom.algebra.primes import random_prime
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.implicitization.sampling import samples
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape
from algeom.runtime import seeds

FloatArray = NDArray[np.float64]

#: Working primes per computation, and points per prime: with p > 2^21 and a minor of degree 1000 the chance that all
#: of them show too small a rank is below 1e-20.
PRIMES = 2
POINTS = 3


@dataclass(frozen=True)
class Dimension:
    """Dimension of the closure of the image of a map.

    Attributes
    ----------
    value : int
        Dimension of the image closure as an affine variety.
    projective : int or None
        ``value - 1`` when the closure is a cone, else None. That it is one rests on the random points: phi(theta) was
        a tangent vector at each of them.
    expected : int
        min(number of parameters, number of coordinates).
    defect : int
        ``expected - value``.
    fiber : int
        Dimension of a generic fiber: number of parameters minus `value`.
    evidence : Evidence
        `value` is a proven lower bound always; it is exact up to the error bound given here.
    seed : int
    """

    value: int
    projective: int | None
    expected: int
    defect: int
    fiber: int
    evidence: Evidence
    seed: int

    def __int__(self) -> int:
        return self.value


def jacobian_points(tape: Tape, seed: int, prime: int, count: int) -> list[tuple[FloatArray, FloatArray]]:
    """(Jacobian, values) at the first points of a stream: arrays of shapes (m, n) and (m,)."""
    stream = samples(tape, seed, prime)
    theta, values = stream.theta(count), stream.values(count)
    jacobians, _ = tape.jacobians_modular(np.ascontiguousarray(theta[:, :count]), prime)
    return [(jacobians[k], np.ascontiguousarray(values[:, k])) for k in range(count)]


def working_primes(seed: int, count: int, attempt: int = 0, *, tape: Tape | None = None) -> tuple[int, ...]:
    """Distinct random primes of 22 bits that belong to a seed, none of which divides a denominator of the tape."""
    constants = tape.constants if tape is not None else ()
    rng = seeds.derive(seed, "primes", attempt)
    found: list[int] = []
    while len(found) < count:
        prime = random_prime(rng, 22)
        if prime not in found and all(c.denominator % prime for c in constants):
            found.append(prime)
    return tuple(found)


def jacobian_rank_failure(tape: Tape, value: int) -> float:
    """Base-10 logarithm of the chance that `PRIMES * POINTS` random points all show too small a Jacobian rank."""
    degree = (value + 1) * max(1, 2 * tape.common_degree())
    return min(0.0, PRIMES * POINTS * (math.log10(degree) - 21 * math.log10(2)))


def dimension(phi: PolynomialMap, *, rng: int | np.random.Generator | None = None) -> Dimension:
    """Dimension of the closure of the image of a polynomial or rational map.

    Parameters
    ----------
    phi : PolynomialMap
    rng : int, numpy.random.Generator or None
        Seed of the random points.

    Returns
    -------
    Dimension
        ``.value`` is the affine dimension, ``.projective`` is one less when the closure is a cone.

    Notes
    -----
    The dimension is the generic rank of the Jacobian (generic smoothness in characteristic zero). Its rank at an
    integer point modulo a prime never exceeds that, so the value is a rigorous lower bound; it is too small only
    if every one of the random points lies on the locus where all minors of the true size vanish.

    Examples
    --------
    >>> import algeom as ag
    >>> phi = ag.polynomial_map(["a*b", "a*(1-b)", "(1-a)*b", "(1-a)*(1-b)"])
    >>> d = ag.dimension(phi, rng=1)
    >>> d.value, d.projective, d.fiber
    (2, None, 0)
    """
    require_map(phi)
    seed, _ = seeds.resolve(rng)
    tape = phi.tape
    found: list[tuple[int, int]] = []
    for prime in working_primes(seed, PRIMES, tape=tape):
        for jacobian, values in jacobian_points(tape, seed, prime, POINTS):
            with_values = np.ascontiguousarray(np.column_stack([jacobian, values]))
            found.append((rank(jacobian, prime), rank(with_values, prime)))
    value = max(alone for alone, _ in found)
    # A point where the rank of the Jacobian drops says nothing about tangents.
    cone = all(together == value for alone, together in found if alone == value)
    expected = min(phi.n_parameters, phi.n_coordinates)
    if value == expected:
        evidence = Evidence(Status.PROVED, reason="a maximal minor of the Jacobian is nonzero modulo a prime")
    else:
        evidence = Evidence(
            Status.PROBABILISTIC,
            jacobian_rank_failure(tape, value),
            f"Jacobian rank at {POINTS} random points modulo each of {PRIMES} random primes",
        )
    return Dimension(
        value=value,
        projective=value - 1 if cone and value > 0 else None,
        expected=expected,
        defect=expected - value,
        fiber=phi.n_parameters - value,
        evidence=evidence,
        seed=seed,
    )

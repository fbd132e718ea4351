"""Gauges: parameters fixed until the fibers of a parametrization are finite, without changing the image closure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.algebra.elimination import eliminate, rank
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence
from algeom.implicitization.arguments import require_map
from algeom.implicitization.dimension import POINTS, dimension, jacobian_points, working_primes
from algeom.maps.builder import TapeBuilder
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape, noun_count
from algeom.runtime import seeds

FloatArray = NDArray[np.float64]

#: Draws of constants before a map is given up; each fails only on a proper closed set of constants.
_ATTEMPTS = 8


@dataclass(frozen=True, eq=False, repr=False)
class Gauge:
    """A restriction of a map to k of its parameters, k the dimension of its image closure.

    The parameters of `original` are ``offset + directions @ tau``; unless a dense gauge was asked for, that means
    some of them are free and the others fixed.

    Attributes
    ----------
    original : PolynomialMap
        The map phi in n parameters.
    map : PolynomialMap
        The restriction psi in k parameters tau, the constants built in exactly.
    free : tuple of int
        Parameters of phi that stay free, increasing; empty for a dense gauge.
    fixed : dict of int to Fraction
        The other parameters and their values; empty for a dense gauge.
    offset : tuple of Fraction
        One number for each parameter of phi.
    directions : tuple of tuple of Fraction
        An n x k matrix.
    evidence : Evidence
        That k is the dimension. Given that, the image closures of phi and psi agree for certain.
    seed : int
    """

    original: PolynomialMap
    map: PolynomialMap
    free: tuple[int, ...]
    fixed: dict[int, Fraction]
    offset: tuple[Fraction, ...] = field(repr=False)
    directions: tuple[tuple[Fraction, ...], ...] = field(repr=False)
    evidence: Evidence
    seed: int

    @property
    def dimension(self) -> int:
        """Dimension k of the image closure, as an affine variety."""
        return self.map.n_parameters

    def lift(self, tau: Any) -> NDArray[Any]:
        """Parameters of the original map.

        Parameters
        ----------
        tau : array_like, shape (k,) or (k, B)
            Parameters of the restriction; real or complex.

        Returns
        -------
        ndarray of float64 or complex128, shape (n,) or (n, B)
        """
        points = np.asarray(tau)
        points = points.astype(np.complex128 if np.iscomplexobj(points) else np.float64)
        if points.ndim not in (1, 2) or points.shape[0] != self.dimension:
            raise InputError(
                f"this gauge leaves {noun_count(self.dimension, 'parameter')} free; an array of shape {points.shape} "
                f"was given for them, expected ({self.dimension},) or ({self.dimension}, B)"
            )
        directions = np.array([[float(entry) for entry in row] for row in self.directions])
        offset = np.array([float(entry) for entry in self.offset])
        lifted: NDArray[Any] = directions @ points + (offset if points.ndim == 1 else offset[:, None])
        return lifted

    def __repr__(self) -> str:
        n, k = self.original.n_parameters, self.dimension
        if not self.free:
            return f"Gauge({k} random directions in {n} parameters)"
        names = [self.original.parameter_names[i] for i in self.fixed]
        values = [f"{name} = {value}" for name, value in zip(names[:6], self.fixed.values(), strict=False)]
        listed = ", ".join(values) + (", ..." if len(names) > 6 else "")
        return f"Gauge({k} of {noun_count(n, 'parameter')} free{': ' if listed else ''}{listed})"


def gauge(phi: PolynomialMap, *, dense: bool = False, rng: seeds.RandomState = None) -> Gauge:
    """Fix parameters of a map until its fibers are finite, and keep the closure of its image.

    Parameters
    ----------
    phi : PolynomialMap
    dense : bool
        Restrict to a random affine subspace instead. Its map is slower to evaluate, but in no special position to
        the parameter coordinates: a sparse gauge misses the points of the image over which a fixed coordinate has to
        vanish, the dense one only points that are special for random reasons.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Gauge

    Raises
    ------
    InputError
        If phi is constant.
    GenericityError
        If no choice of constants kept the dimension, which a correct map makes all but impossible.

    Notes
    -----
    Let k be the dimension of the image closure X of phi, the generic rank of its Jacobian. The restriction psi to an
    affine subspace of dimension k has its image in X, which is irreducible; if the Jacobian of psi has rank k at one
    point (a statement about integers, decided modulo a prime), the closure of the image of psi has dimension k too,
    and is X. That is all a gauge needs, so the constants are as simple as it allows: zero where possible, then one,
    then a random rational number. For a product ``A @ B`` this turns a square block of one factor into a permutation
    matrix. A generic fiber of psi is finite, but may have several points.

    Parameters are chosen by column elimination, from the last to the first and from the first to the last; the
    restriction of fewer operations is taken.

    Examples
    --------
    >>> import algeom as ag
    >>> g = ag.gauge(ag.varieties.segre(1, 2), rng=1)
    >>> g
    Gauge(4 of 5 parameters free: x1[0] = 1)
    >>> g.map
    PolynomialMap(4 parameters -> 6 coordinates, 3 operations, degree 2)
    >>> g.lift([2.0, 3.0, 4.0, 5.0])
    array([1., 2., 3., 4., 5.])
    """
    require_map(phi)
    seed, _ = seeds.resolve(rng)
    found = dimension(phi, rng=seed)
    k = found.value
    if k == 0:
        raise InputError("the map is constant: its image is one point, and there is nothing to restrict")
    if dense:
        return _dense(phi, k, found.evidence, seed)
    tape, prime = phi.tape, working_primes(seed, 1, tape=phi.tape)[0]
    jacobian = next(
        (matrix for matrix, _ in jacobian_points(tape, seed, prime, POINTS) if rank(matrix, prime) == k), None
    )
    if jacobian is None:
        raise GenericityError(
            f"the Jacobian has rank below {k} at {POINTS} random points modulo {prime}; try another rng"
        )
    candidates = []
    for step in (-1, 1):
        ordered = np.ascontiguousarray(jacobian[:, ::step])
        pivots = eliminate(ordered, prime, null_space=False).pivot_columns
        kept = np.sort(np.arange(phi.n_parameters)[::step][pivots])
        fixed = _constants(tape, kept, prime, seed)
        candidates.append(_restriction(phi, kept.tolist(), fixed, found.evidence, seed))
    return min(candidates, key=lambda candidate: candidate.map.tape.n_operations)


def _keeps_dimension(tape: Tape, kept: NDArray[np.int64], values: FloatArray, prime: int, seed: int) -> bool:
    """Whether the Jacobian by the kept parameters has full rank at a random point of the restriction."""
    points = np.repeat(values[:, None], POINTS, axis=1)
    random = seeds.derive(seed, "gauge", "points").integers(prime, size=(len(kept), POINTS)).astype(np.float64)
    points[kept] = random - prime * (random > prime // 2)
    jacobians, defined = tape.jacobians_modular(np.ascontiguousarray(points), prime)
    columns = np.ascontiguousarray(jacobians[:, :, kept])
    return any(defined[j] and rank(columns[j], prime) == len(kept) for j in range(POINTS))


def _constants(tape: Tape, kept: NDArray[np.int64], prime: int, seed: int) -> dict[int, Fraction]:
    """Values for the parameters that are not kept: 0 if the dimension allows it, else 1, else random."""
    n = tape.n_inputs
    others = np.setdiff1d(np.arange(n), kept).tolist()
    for attempt in range(_ATTEMPTS):
        rng = seeds.derive(seed, "gauge", "constants", attempt)
        chosen = dict(zip(others, _random_rationals(rng, len(others)), strict=True))
        values = np.zeros(n)
        for i, value in chosen.items():
            values[i] = _residue(value, prime)
        if not _keeps_dimension(tape, kept, values, prime, seed):
            continue
        for i in others:
            before = values[i]
            for simple in (0, 1):
                values[i] = simple
                if _keeps_dimension(tape, kept, values, prime, seed):
                    chosen[i] = Fraction(simple)
                    break
                values[i] = before
        return chosen
    raise GenericityError(
        f"{_ATTEMPTS} random choices of {noun_count(len(others), 'parameter')} to fix lowered the dimension of the "
        "image; try another rng"
    )


def _random_rationals(rng: np.random.Generator, count: int) -> list[Fraction]:
    """Numbers from 1/2 to 3/2 in absolute value, of few bits so that the constants of the map stay short."""
    signs, sizes = rng.choice([-1, 1], count), rng.integers(32, 97, count)
    return [Fraction(int(sign * size), 64) for sign, size in zip(signs, sizes, strict=True)]


def _residue(value: Fraction, prime: int) -> float:
    residue = value.numerator * pow(value.denominator, -1, prime) % prime
    return float(residue - prime if residue > prime // 2 else residue)


def _restriction(
    phi: PolynomialMap, kept: Sequence[int], fixed: dict[int, Fraction], evidence: Evidence, seed: int
) -> Gauge:
    n, k = phi.n_parameters, len(kept)
    builder = TapeBuilder(k)
    place = dict(zip(kept, builder.inputs, strict=True))
    nodes = [place[i] if i in place else builder.constant(fixed[i]) for i in range(n)]
    psi = PolynomialMap(
        builder.build(builder.append(phi.tape, nodes)),
        names=phi.names,
        parameter_names=tuple(phi.parameter_names[i] for i in kept),
        has_float_constants=phi.has_float_constants,
    )
    offset = tuple(fixed.get(i, Fraction(0)) for i in range(n))
    directions = tuple(tuple(Fraction(int(i == j)) for j in kept) for i in range(n))
    return Gauge(phi, psi, tuple(kept), fixed, offset, directions, evidence, seed)


def _dense(phi: PolynomialMap, k: int, evidence: Evidence, seed: int) -> Gauge:
    n, prime = phi.n_parameters, working_primes(seed, 1, tape=phi.tape)[0]
    for attempt in range(_ATTEMPTS):
        rng = seeds.derive(seed, "gauge", "dense", attempt)
        offset = tuple(_random_rationals(rng, n))
        directions = tuple(tuple(_random_rationals(rng, k)) for _ in range(n))
        builder = TapeBuilder(k)
        nodes = [
            builder.add(
                builder.constant(start), builder.dot([builder.constant(entry) for entry in row], builder.inputs)
            )
            for start, row in zip(offset, directions, strict=True)
        ]
        psi = PolynomialMap(
            builder.build(builder.append(phi.tape, nodes)),
            names=phi.names,
            parameter_names=tuple(f"tau{j}" for j in range(1, k + 1)),
            has_float_constants=phi.has_float_constants,
        )
        if _keeps_dimension(psi.tape, np.arange(k), np.zeros(k), prime, seed):
            return Gauge(phi, psi, (), {}, offset, directions, evidence, seed)
    raise GenericityError(f"{_ATTEMPTS} random affine subspaces lowered the dimension of the image; try another rng")

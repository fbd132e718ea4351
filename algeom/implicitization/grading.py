"""The diagonal symmetries of an image: every integer grading for which its ideal is homogeneous."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from algeom.algebra import lattice
from algeom.algebra.elimination import eliminate
from algeom.algebra.rational import ResidueVector
from algeom.errors import GenericityError
from algeom.evidence import Evidence, Status
from algeom.implicitization.arguments import require_map
from algeom.implicitization.blocks import multidegrees
from algeom.implicitization.dimension import FloatArray, jacobian_points, working_primes
from algeom.implicitization.multidegrees import IntArray
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.scalings import provable_scalings
from algeom.maps.tape import Tape
from algeom.runtime import seeds

_ATTEMPTS = 3
#: Primes that weights are lifted from at most, and the size that keeps sums of them in 64 bits.
_LIFT_PRIMES = 3
_LARGEST_WEIGHT = 2**31
#: Points beyond those that determine the weights.
_SURPLUS_POINTS = 3


@dataclass(frozen=True, eq=False)
class Grading:
    """The maximal torus that acts diagonally on the image closure.

    Attributes
    ----------
    weights : int64 array, shape (r, m)
        A reduced basis of the lattice of all integer w such that t -> (t^w_1 y_1, ..., t^w_m y_m) preserves the
        image closure; equivalently its ideal is homogeneous for w.
    homogeneous : bool
        Whether (1, ..., 1) is among them: the closure is a cone.
    evidence : Evidence
        PROVED when scalings of the parameters, and of coordinates with a parameter of their own, induce all of them.
    seed : int
    """

    weights: IntArray
    homogeneous: bool
    evidence: Evidence
    seed: int

    @property
    def rank(self) -> int:
        """Dimension of the torus."""
        return len(self.weights)

    def block_sizes(self, degree: int) -> dict[tuple[int, ...], int]:
        """Number of monomials of each multidegree of a degree, from which the cost of a computation can be told.

        Examples
        --------
        >>> import algeom as ag
        >>> sizes = ag.grading(ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"]), rng=1).block_sizes(2)
        >>> sorted(sizes.values())
        [1, 1, 1, 1, 2, 2, 2]
        """
        table = multidegrees(self.weights, degree)
        nodes = table.nodes(degree)
        return {
            tuple(vector): int(count)
            for vector, count in zip(table.vectors[nodes].tolist(), table.counts[nodes], strict=True)
        }


def _tangency_equations(tape: Tape, seed: int, prime: int, points: int) -> list[FloatArray]:
    """Rows N(theta)^T diag(phi(theta)) modulo p, for each of the first points of the stream."""
    m = len(tape.outputs)
    half = prime // 2
    equations: list[FloatArray] = []
    for jacobian, values in jacobian_points(tape, seed, prime, points):
        normals = eliminate(np.ascontiguousarray(jacobian.T), prime)
        dense = np.zeros((len(normals.free_columns), m))
        dense[np.arange(len(dense)), normals.free_columns] = 1.0
        assert normals.null_space is not None
        dense[:, normals.pivot_columns] = normals.null_space
        rows = np.fmod(dense * values, prime)
        rows -= prime * (rows > half)
        rows += prime * (rows < -half)
        equations.append(rows)
    return equations


def _weights_modular(tape: Tape, seed: int, prime: int) -> tuple[FloatArray, FloatArray]:
    """Null space of the tangency equations as rows in reduced echelon form modulo p, and the equations.

    A general point adds to the rank of the equations of the others until nothing can, but maybe by one only, however
    many equations it gives: they may all concern the same few coordinates. So points are added until the last
    `_SURPLUS_POINTS` of them change nothing.
    """
    m = len(tape.outputs)
    points = 1 + _SURPLUS_POINTS
    while True:
        equations = _tangency_equations(tape, seed, prime, points)
        solved = eliminate(np.concatenate(equations[:-_SURPLUS_POINTS]), prime)
        rows = np.zeros((len(solved.free_columns), m))
        rows[np.arange(len(rows)), solved.free_columns] = 1.0
        assert solved.null_space is not None
        rows[:, solved.pivot_columns] = solved.null_space
        if not _residues(np.concatenate(equations[-_SURPLUS_POINTS:]), rows, prime).any():
            return rows, np.concatenate(equations)
        points = max(2 * points, -(-m // len(equations[0])) + _SURPLUS_POINTS)


def _lifted_weights(tape: Tape, seed: int, primes: tuple[int, ...]) -> tuple[IntArray, FloatArray] | None:
    """Integer weights that fit as many primes as it takes and one more, with the equations of that one; or None."""
    m = len(tape.outputs)
    rows, _ = _weights_modular(tape, seed, primes[0])
    known = [ResidueVector() for _ in rows]
    for prime, following in pairwise(primes):
        for vector, row in zip(known, rows, strict=True):
            vector.add(row, prime)
        modulus = known[0].modulus if known else prime
        basis = lattice.lift_row_space([vector.residues for vector in known], modulus)
        rows, check = _weights_modular(tape, seed, following)
        if len(rows) != len(known):
            return None
        if basis is not None and all(abs(w) < _LARGEST_WEIGHT for row in basis for w in row):
            weights = np.array(basis, np.int64).reshape(len(basis), m)
            if not _residues(check, weights, following).any():
                return weights, check
    return None


def _residues(equations: FloatArray, weights: FloatArray | IntArray, prime: int) -> IntArray:
    """Values of the tangency equations at weights (rows), modulo p."""
    values: IntArray = equations.astype(np.int64) @ weights.astype(np.int64).T % prime
    return values


def _spans(rows: list[list[int]], weights: IntArray) -> bool:
    """Whether rows span the same rational space as the weights."""
    if len(weights) == 0:
        return True
    return bool(rows) and len(lattice.saturate(rows)) == len(weights) == len(lattice.saturate(rows + weights.tolist()))


def proved_grading(phi: PolynomialMap, seed: int) -> Grading:
    """The gradings that the map's tape proves, which may be fewer than all: their evidence is PROVED always."""
    rows = provable_scalings(phi.tape).weights
    weights = np.array(lattice.saturate(rows) if rows else [], np.int64).reshape(-1, phi.n_coordinates)
    reason = "scalings of parameters and of free coordinates"
    return Grading(weights, _spans_total_degree(weights), Evidence(Status.PROVED, reason=reason), seed)


def _spans_total_degree(weights: IntArray) -> bool:
    """Whether (1, ..., 1) is a combination of the rows."""
    ones = np.ones((1, weights.shape[1]), np.int64)
    return len(weights) > 0 and len(lattice.saturate(np.concatenate([weights, ones]).tolist())) == len(weights)


def grading(phi: PolynomialMap, *, rng: int | np.random.Generator | None = None) -> Grading:
    """All diagonal symmetries of the image closure, as a lattice of weight vectors.

    Parameters
    ----------
    phi : PolynomialMap
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Grading

    Notes
    -----
    A weight w belongs to the lattice exactly when the vector field (w_i y_i) is tangent to the variety at a generic
    point: every normal vector u, u^T J(theta) = 0, satisfies u^T diag(phi(theta)) w = 0. This linear system finds
    gradings that scalings of the parameters do not show. It is solved modulo two primes at random points, lifted to
    a saturated integer basis and checked against both. A wrong weight would have to vanish at all points of both.

    Examples
    --------
    >>> import algeom as ag
    >>> twisted_cubic = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    >>> ag.grading(twisted_cubic, rng=1).weights.tolist()
    [[1, 1, 1, 1], [2, 1, 0, -1]]
    """
    require_map(phi)
    seed, _ = seeds.resolve(rng)
    tape = phi.tape
    for attempt in range(_ATTEMPTS):
        primes = working_primes(seed, _LIFT_PRIMES + 1, attempt, tape=tape)
        found = _lifted_weights(tape, seed, primes)
        if found is not None:
            weights, check = found
            break
    else:
        raise GenericityError(
            f"the diagonal symmetries found modulo primes disagreed {_ATTEMPTS} times; "
            "try another rng, and check the map for constants of more than 20 digits and powers beyond the hundreds"
        )
    if len(check) == 0:
        # The Jacobian has rank m at a point, so the map is dominant.
        evidence = Evidence(Status.PROVED, reason="the image is dense, and its ideal zero")
    elif _spans(provable_scalings(tape).weights, weights):
        evidence = Evidence(Status.PROVED, reason="scalings of parameters and of free coordinates induce every weight")
    else:
        # Normals are minors of the Jacobian: the equations have degree at most (rank + 1) * 2 deg(phi).
        degree = 2 * tape.common_degree() * (min(phi.n_parameters, phi.n_coordinates) + 1)
        # Each of at most log2(m) + 2 times, the last points all fail to add to a rank that is not full yet, with
        # probability (degree / p)^points; a wrong weight needs that modulo both primes.
        rounds = math.log10(math.log2(phi.n_coordinates) + 2)
        error = min(0.0, sum(rounds + _SURPLUS_POINTS * math.log10(max(1, degree) / prime) for prime in primes[:2]))
        evidence = Evidence(
            Status.PROBABILISTIC, error, "tangency of the weights at random points modulo two random primes"
        )
    return Grading(weights, _spans_total_degree(weights), evidence, seed)

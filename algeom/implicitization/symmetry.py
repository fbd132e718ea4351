"""Permutations of the coordinates that a map declares: verified, and used to solve one block of each orbit."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from flint import fmpq_mat, fmpz_mat

from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.implicitization.multidegrees import IntArray, Multidegrees, find_rows
from algeom.implicitization.sampling import FloatArray, samples
from algeom.implicitization.verification import IdentityTest
from algeom.maps.polynomial_map import PolynomialMap

#: Points at which a declared symmetry is checked modulo each prime.
_POINTS = 8


def verified_permutations(phi: PolynomialMap, seed: int, primes: tuple[int, ...]) -> list[IntArray]:
    """The coordinate permutations that a map declares, each checked as phi(theta[tau]) = phi(theta)[sigma].

    Raises
    ------
    InputError
        If an identity fails: the declaration is wrong, and results built on it would be.
    """
    for prime in primes:
        stream = samples(phi.tape, seed, prime)
        theta: FloatArray = stream.theta(_POINTS)[:, :_POINTS]
        values = stream.values(_POINTS)[:, :_POINTS]
        for number, (tau, sigma) in enumerate(phi.symmetries):
            moved, defined = phi.tape.evaluate_modular(np.ascontiguousarray(theta[tau]), prime)
            if not np.array_equal(moved[:, defined], values[sigma][:, defined]):
                wrong = int(np.flatnonzero((moved != values[sigma])[:, defined].any(axis=1))[0])
                raise InputError(
                    f"declared symmetry {number} is none: phi(theta[tau]) differs from phi(theta)[sigma] "
                    f"in coordinate {phi.names[wrong]}. Correct the permutations, or pass symmetry=False"
                )
    return [np.asarray(sigma, np.int64) for _, sigma in phi.symmetries]


def permutation_evidence(phi: PolynomialMap, test: IdentityTest) -> Evidence:
    """How sure the declared symmetries are: proved by comparing polynomials where the map expands within budget."""
    if test.expanded is None:
        # Distinct polynomials agree at a point with probability at most deg/p, and on both primes at all points.
        degree = 2 * max(1, phi.tape.common_degree())
        error = min(0.0, 2 * _POINTS * math.log10(degree / 2**21) + math.log10(phi.n_coordinates))
        return Evidence(Status.PROBABILISTIC, error, "symmetries checked at random points modulo two primes")
    numerators, denominator = test.expanded
    parameters = denominator.context().gens()
    for number, (tau, sigma) in enumerate(phi.symmetries):
        images = [parameters[int(k)] for k in tau]
        moved = denominator.compose(*images)
        for i, numerator in enumerate(numerators):
            if numerator.compose(*images) * denominator != numerators[int(sigma[i])] * moved:
                raise InputError(
                    f"declared symmetry {number} is none: it fails in coordinate {phi.names[i]}. "
                    "Correct the permutations, or pass symmetry=False"
                )
    return Evidence(Status.PROVED, reason="symmetries are identities of polynomials")


@dataclass(frozen=True, eq=False)
class Orbits:
    """Orbits of the multidegrees of one degree under permutations of the coordinates.

    Attributes
    ----------
    representatives : int64 array
        The first node of each orbit.
    sizes : int64 array
        Number of multidegrees of each orbit.
    """

    representatives: IntArray
    sizes: IntArray
    _first: int
    _representative_of: IntArray
    _parent: IntArray
    _step: IntArray
    _permutations: tuple[IntArray, ...]

    def representative_of(self, node: int) -> int:
        """The representative of a node's orbit."""
        return int(self._representative_of[node - self._first])

    def transport(self, node: int) -> IntArray:
        """A permutation that carries the monomials of the representative to those of the node: y_i -> y_(sigma[i])."""
        steps = []
        k = node - self._first
        while self._parent[k] >= 0:
            steps.append(int(self._step[k]))
            k = int(self._parent[k])
        m = len(self._permutations[0]) if self._permutations else 0
        carried = np.arange(m)
        for step in reversed(steps):
            carried = self._permutations[step][carried]
        return carried

    def members(self, representative: int) -> IntArray:
        """All nodes of the orbit of a representative."""
        return np.flatnonzero(self._representative_of == representative) + self._first


def orbits(table: Multidegrees, degree: int, permutations: list[IntArray]) -> Orbits:
    """Orbits of the nodes of one degree.

    If f vanishes on the image then so does f(y_(sigma[0]), ..., y_(sigma[m-1])). A permutation maps multidegrees to
    multidegrees by a linear map, since it normalizes the maximal torus; one that does not (a torus that is not
    maximal) is left out.
    """
    nodes = table.nodes(degree)
    first, count = int(nodes[0]), len(nodes)
    vectors = table.vectors[nodes]
    images, kept = [], []
    for sigma in permutations:
        image = _image_of_nodes(table, vectors, sigma)
        if image is not None:
            images.append(image)
            kept.append(sigma)
    representative_of = np.full(count, -1, np.int64)
    parent = np.full(count, -1, np.int64)
    step = np.full(count, -1, np.int64)
    representatives, sizes = [], []
    lists = [image.tolist() for image in images]
    seen = [False] * count
    for start in range(count):
        if seen[start]:
            continue
        seen[start] = True
        queue = [start]
        for k in queue:
            for number, image in enumerate(lists):
                target = image[k]
                if not seen[target]:
                    seen[target] = True
                    parent[target], step[target] = k, number
                    queue.append(target)
        representative_of[queue] = start + first
        representatives.append(start + first)
        sizes.append(len(queue))
    identity = kept or [np.arange(table.weights.shape[1])]
    return Orbits(
        np.array(representatives, np.int64),
        np.array(sizes, np.int64),
        first,
        representative_of,
        parent,
        step,
        tuple(identity),
    )


def _image_of_nodes(table: Multidegrees, vectors: IntArray, sigma: IntArray) -> IntArray | None:
    """Position of the image of each multidegree among `vectors`, or None if sigma does not act on them."""
    weights = table.weights
    if len(weights) == 0:
        return np.zeros(len(vectors), np.int64)
    # weights[:, sigma] = action @ weights has one solution if any, since the rows of weights are independent; it is
    # integral, since the weights span a saturated lattice.
    echelon = fmpz_mat(weights.tolist()).rref()[0].tolist()
    columns = [next(k for k, entry in enumerate(row) if entry) for row in echelon]
    square = fmpq_mat(fmpz_mat(weights[:, columns].tolist()))
    solved = fmpq_mat(fmpz_mat(weights[:, sigma][:, columns].tolist())) * square.inv()
    entries = solved.tolist()
    if any(entry.q != 1 for row in entries for entry in row):
        return None
    action = np.array([[int(entry.p) for entry in row] for row in entries], np.int64)
    if not np.array_equal(action @ weights, weights[:, sigma]):
        return None
    return find_rows(vectors, vectors @ action.T)

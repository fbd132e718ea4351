"""The real isotypic decomposition of an orthogonal representation, from random matrices that commute with it.

Let G act orthogonally on R^n, and V_1, V_2, ... be the irreducible representations that occur, V_b of dimension D_b
with the algebra K_b of endomorphisms (R, C or H) and with multiplicity d_b. The matrices that commute with G are the
product of the algebras M_db(K_b), so that

- eigenspaces of a general *symmetric* one are irreducible: its blocks are general Hermitian matrices over K_b, whose
  eigenvalues are different (Schur);
- a general one has a nonzero block between two of these eigenspaces exactly if they are isomorphic, and the block is
  then a multiple of an isometry that commutes with G;
- its restriction to one eigenspace is a general element of K_b, whose imaginary parts are skew-symmetric: they span a
  space of dimension 0, 1 or 3, which tells the type of the representation. (The Frobenius-Schur indicators of the
  complex constituents are 1, 0 and -1; no characters are needed.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import GenericityError
from algeom.networks.equivariant.base_change import DenseBaseChange
from algeom.networks.equivariant.blocks import Block
from algeom.networks.equivariant.groups import Generator, GroupMean, group_mean
from algeom.runtime import seeds
from algeom.runtime.memory import require

__all__ = ["isotypic_base_change"]

Float = NDArray[np.float64]

#: Random matrices whose restrictions span the endomorphisms: one more than the 3 imaginary units of the quaternions.
_PROBES = 4

#: Gap between different eigenvalues of a random matrix, relative to the largest: rounding errors are near 1e-15 times a
#: few, and among a thousand random eigenvalues some gap is below 1e-11 with a probability of 1e-5.
_GAP = 1e-11

#: Random numbers of size about one that belong to different representations vanish up to 1e-13; others are below this
#: with a probability of 1e-8.
_ZERO = 1e-8

#: Relative deviation of the decomposition from the mean over the group; usually near 1e-14.
_ACCURACY = 1e-10

#: Attempts with other random matrices.
_ATTEMPTS = 5


@dataclass(frozen=True, eq=False)
class _Isotypic:
    """An isotypic component: bases of the isomorphic copies, in which the group has the same matrices."""

    copies: tuple[Float, ...]
    algebra: int
    traces: tuple[float, ...]

    @property
    def dimension(self) -> int:
        return int(self.copies[0].shape[1])

    @property
    def key(self) -> tuple[Any, ...]:
        """Small and real ones first, the trivial representation before all; then by traces of the generators."""
        return self.dimension, self.algebra, tuple(-round(trace, 6) for trace in self.traces), len(self.copies)


class _Unlucky(Exception):
    """The random matrices were not general enough."""


def isotypic_base_change(
    generators: Sequence[Generator], *, rng: seeds.RandomState = None
) -> tuple[DenseBaseChange, int]:
    """The orthogonal base change to irreducible representations, isomorphic ones together and with equal matrices.

    Parameters
    ----------
    generators : sequence
        From `as_generators`, orthogonal.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    DenseBaseChange
        Blocks are labelled 1, 2, ... by increasing dimension of the representation.
    int
        The seed.

    Raises
    ------
    GenericityError
        If several random choices fail, as for a group that is neither finite nor compact up to rounding.
    ResourceError
        If matrices of this size do not fit.

    Notes
    -----
    The decomposition is checked: the dimension of the commuting matrices that it gives is that found by counting
    orbits, by traces or by equations, and the mean of another random matrix has the block structure.
    """
    seed, _ = seeds.resolve(rng)
    first = generators[0]
    n = first.shape[0] if isinstance(first, np.ndarray) else first.n
    require(8.0 * 12 * n * n, None, f"an isotypic decomposition of R^{n}", "use a single permutation, or a smaller n")
    mean = group_mean(generators)
    reason = ""
    for attempt in range(_ATTEMPTS):
        try:
            found = _decomposed(mean, generators, seeds.derive(seed, "isotypic", attempt))
        except _Unlucky as unlucky:
            reason = str(unlucky)
            continue
        return found, seed
    raise GenericityError(
        f"no isotypic decomposition was found in {_ATTEMPTS} attempts ({reason}); are the matrices exact, and the "
        "group finite?"
    )


def _decomposed(mean: GroupMean, generators: Sequence[Generator], rng: np.random.Generator) -> DenseBaseChange:
    n = mean.n
    spaces = _irreducible(mean, rng)
    probes = [mean(rng.standard_normal((n, n))) for _ in range(_PROBES)]
    basis = np.concatenate(spaces, axis=1)
    starts = np.cumsum([0, *(space.shape[1] for space in spaces)])
    seen = np.array([basis.T @ probe @ basis for probe in probes])
    classes = _isomorphic(seen, starts)
    components = []
    for members in classes:
        copies = [spaces[k] for k in members]
        first = slice(starts[members[0]], starts[members[0] + 1])
        imaginary = _imaginary_units(seen[:, first, first])
        adapted = _adapted_basis(imaginary, copies[0].shape[1])
        aligned = [copies[0] @ adapted]
        for k in members[1:]:
            isometries = seen[:, first, starts[k] : starts[k + 1]]
            isometry = isometries[np.argmax(np.linalg.norm(isometries, axis=(1, 2)))]
            left, values, right = np.linalg.svd(isometry)
            if values[-1] < values[0] * (1 - _ZERO):
                raise _Unlucky("two representations were taken for isomorphic")
            aligned.append(spaces[k] @ (left @ right).T @ adapted)
        traces = tuple(_trace(g, copies[0]) for g in generators)
        components.append(_Isotypic(tuple(aligned), len(imaginary) + 1, traces))
    components.sort(key=lambda component: component.key)
    blocks = [
        Block((number,), len(component.copies), component.dimension, component.algebra)
        for number, component in enumerate(components, start=1)
    ]
    rows = np.concatenate([copy.T for component in components for copy in component.copies])
    result = DenseBaseChange(blocks, np.ascontiguousarray(rows))
    _check(result, mean, rng)
    return result


def _irreducible(mean: GroupMean, rng: np.random.Generator) -> list[Float]:
    """Orthonormal bases of irreducible spaces, by eigenspaces of a random symmetric matrix that commutes."""
    values, vectors = _symmetric_eigen(mean, rng.standard_normal((mean.n, mean.n)))
    size = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    cuts = np.flatnonzero(np.diff(values) > _GAP * size) + 1
    lengths = np.diff([0, *cuts, mean.n])
    # Eigenvalues may have been close, and spaces inaccurate. With these spaces eigenvalues can be chosen far apart; the
    # mean commutes with the group up to rounding, whatever the accuracy of the spaces.
    apart = np.repeat(np.linspace(-1.0, 1.0, len(lengths)), lengths)
    _, vectors = _symmetric_eigen(mean, (vectors * apart) @ vectors.T)
    return np.split(vectors, cuts, axis=1)


def _symmetric_eigen(mean: GroupMean, matrix: Float) -> tuple[Float, Float]:
    averaged = mean(matrix)
    values, vectors = np.linalg.eigh((averaged + averaged.T) / 2)
    return values, vectors


def _isomorphic(seen: Float, starts: NDArray[np.int64]) -> list[list[int]]:
    """The spaces in classes of isomorphic ones: those between which a random commuting matrix does not vanish."""
    from scipy.sparse.csgraph import connected_components

    squares = np.sum(seen**2, axis=0)
    norms = np.sqrt(np.add.reduceat(np.add.reduceat(squares, starts[:-1], axis=0), starts[:-1], axis=1))
    number, labels = connected_components(norms > _ZERO, directed=False)
    classes = [np.flatnonzero(labels == c).tolist() for c in range(number)]
    sizes = np.diff(starts)
    if any(len(set(sizes[members].tolist())) > 1 for members in classes):
        raise _Unlucky("isomorphic representations of different dimensions")
    return classes


def _imaginary_units(probed: Float) -> list[Float]:
    """The imaginary units of the algebra of endomorphisms that random elements span: none, i, or i, j, k."""
    dimension = probed.shape[1]
    transposed = np.swapaxes(probed, 1, 2)
    symmetric = (probed + transposed) / 2
    scalars = np.trace(symmetric, axis1=1, axis2=2)[:, None, None] / dimension * np.eye(dimension)
    if np.abs(symmetric - scalars).max() > _ZERO:
        raise _Unlucky("a space is not irreducible")
    skew = ((probed - transposed) / 2).reshape(len(probed), -1)
    _, values, rows = np.linalg.svd(skew, full_matrices=False)
    found = int(np.count_nonzero(values > _ZERO))
    if found not in (0, 1, 3):
        raise _Unlucky(f"endomorphisms of dimension {found + 1}")
    # Rows of length one; units are orthogonal matrices.
    units = [row.reshape(dimension, dimension) * np.sqrt(dimension) for row in rows[: min(found, 2)]]
    return [*units, units[0] @ units[1]] if found == 3 else units


def _adapted_basis(imaginary: Sequence[Float], dimension: int) -> Float:
    """An orthonormal basis v, iv, jv, kv, w, iw, ... as columns: units act on it by signed permutations."""
    columns: list[Float] = []
    while len(columns) < dimension:
        known = np.array(columns).reshape(len(columns), dimension)
        remainders = np.eye(dimension) - known.T @ known
        v = remainders[np.argmax(np.linalg.norm(remainders, axis=1))]
        v = v - known.T @ (known @ v)  # once more, for orthogonality up to rounding
        v = v / np.linalg.norm(v)
        columns += [v, *(unit @ v for unit in imaginary)]
    return np.array(columns).T


def _trace(generator: Generator, space: Float) -> float:
    """The trace of a generator on a space with an orthonormal basis."""
    if isinstance(generator, np.ndarray):
        return float(np.sum(space * (generator @ space)))
    signs = getattr(generator, "signs", 1)
    # e_j goes to sign_j e_image: sum over j of sign_j <space[image_j], space[j]>.
    return float(np.sum(signs * np.sum(space[generator.images] * space, axis=1)))


def _check(change: DenseBaseChange, mean: GroupMean, rng: np.random.Generator) -> None:
    dimension = sum(block.dimension for block in change.blocks)
    if dimension != mean.dimension:
        raise _Unlucky(f"a commutant of dimension {dimension} instead of {mean.dimension}")
    commuting = mean(rng.standard_normal((mean.n, mean.n)))
    deviation = commuting - change.from_coordinates(change.coordinates(commuting))
    if np.abs(deviation).max() > _ACCURACY * max(1.0, float(np.abs(commuting).max())):
        raise _Unlucky(f"blocks that deviate by {np.abs(deviation).max():.0e}")

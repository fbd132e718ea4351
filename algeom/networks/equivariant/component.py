"""One irreducible component of the equivariant maps of bounded rank: its invariants and its network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import check_integer, indexed_names
from algeom.networks.equivariant.arguments import as_array
from algeom.networks.equivariant.base_change import BaseChange
from algeom.networks.equivariant.blocks import Block, Field, blocks_over, joined, product, realization
from algeom.runtime import seeds

if TYPE_CHECKING:
    from algeom.networks.equivariant.nearest import NearestEquivariant
    from algeom.networks.equivariant.weight_sharing import WeightSharing

__all__ = ["EquivariantComponent", "checked_ranks", "short_count"]

Array = NDArray[Any]
Float = NDArray[np.float64]
Complex = NDArray[np.complex128]

#: Factors of a component: a pair (d x r, r x d) for each block of positive rank.
Factors = Sequence[tuple[Any, Any]]

#: Names of real parts and of those of i, j, k.
_PARTS = ("x", "i", "j", "k")


@dataclass(frozen=True, eq=False, repr=False)
class EquivariantComponent:
    """The equivariant maps with given ranks of their blocks, or smaller ones: a product of determinantal varieties.

    Get one from ``equivariant_maps(...).components(r)`` or ``.component(ranks)``.

    Attributes
    ----------
    base_change : BaseChange
    field : {"real", "complex"}
        Whether it consists of real or of complex matrices; a real one is meant with its Zariski closure.
    ranks : tuple of int
        For each of `blocks`, the rank over its algebra.

    Notes
    -----
    In the coordinates of the base change it is the product of the varieties of matrices of rank at most r_b over the
    algebras of the blocks (for cyclic groups: M_r(R) for the eigenvalues 1 and -1, R(M_r(C)) for pairs of conjugate
    ones). Dimensions add up; degrees and ED degrees multiply. The two-layer network with these blocks has exactly this
    function space.

    References
    ----------
    K. Kohn, A.-L. Sattelberger, V. Shahverdi, Geometry of linear neural networks: equivariance and invariance under
    permutation groups, arXiv:2309.13736, for cyclic groups of permutations. For other groups: the same argument for the
    algebra of equivariant maps, a product of matrix algebras over R, C and H.

    Examples
    --------
    Quarter turns of 3 x 3 images.

    >>> from algeom.networks.equivariant.equivariant_maps import equivariant_maps
    >>> from algeom.networks.equivariant.permutations import image_rotation
    >>> component = equivariant_maps(image_rotation(3)).component([1, 0, 1])
    >>> component
    EquivariantComponent(rank 3 real: (1,1): 1 of 3, (4,3): 1 of 2; dimension 11, degree 24, ED degree 6)
    >>> component.n_parameters, component.rank
    (14, 3)
    """

    base_change: BaseChange
    field: Field
    ranks: tuple[int, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks over the field, in the order of the ranks."""
        return blocks_over(self.field, self.base_change.blocks)

    @property
    def ranks_by_label(self) -> dict[tuple[int, ...], int]:
        """The positive ranks by the labels of their blocks; for cyclic groups (l, m)."""
        return {block.label: r for block, r in zip(self.blocks, self.ranks, strict=True) if r}

    @property
    def rank(self) -> int:
        """The rank of its general matrix."""
        return sum(block.cost * r for block, r in zip(self.blocks, self.ranks, strict=True))

    @property
    def dimension(self) -> int:
        """Dimension over the field."""
        return sum(block.rank_dimension(r) for block, r in zip(self.blocks, self.ranks, strict=True))

    @property
    def degree(self) -> int:
        """Degree, for a real component of its Zariski closure."""
        return prod(block.rank_degree(r) for block, r in zip(self.blocks, self.ranks, strict=True))

    @property
    def ed_degree(self) -> int:
        """Euclidean distance degree for the Frobenius norm.

        Notes
        -----
        For a real component the product of the numbers of choices of singular values C(d, r) (for complex and
        quaternionic types: the actions by unitary groups on both sides are polar with the real diagonal matrices as
        section, so that critical points of general data select singular values; A. Bik, J. Draisma, A note on ED
        degrees of group-stable subvarieties in polar representations).

        For a complex component the quadratic form is tr(M M^T). It pairs the eigenvalue (l, m) with (l, l-m): a
        critical point (A, B) for data (U, V) has A^T V = A^T B = U^T B, hence rank A = rank B. If these ranks are
        equal, the component is the complexification of a real one and has its ED degree; otherwise there are no
        critical points, and the ED degree is 0. The same holds for odd ranks in blocks of quaternionic type. (Our own
        derivation.)
        """
        if self.field == "real":
            return prod(block.rank_ed_degree(r) for block, r in zip(self.blocks, self.ranks, strict=True))
        result, remaining = 1, iter(self.ranks)
        for block in self.base_change.blocks:
            r = next(remaining)
            if block.algebra == 2 and r != next(remaining):
                return 0
            if block.algebra == 4:
                if r % 2:
                    return 0
                r //= 2
            result *= comb(block.multiplicity, r)
        return result

    @property
    def n_parameters(self) -> int:
        """Number of parameters of its two-layer network: real ones for real components, else complex ones."""
        return sum(block.n_parameters(r) for block, r in zip(self.blocks, self.ranks, strict=True))

    @property
    def n_dense_parameters(self) -> int:
        """Number of parameters of the dense two-layer network of the same rank, 2 n r."""
        return 2 * self.base_change.n * self.rank

    @property
    def is_linear(self) -> bool:
        """Whether it is a linear space: every block has rank zero or full rank."""
        return all(r in (0, block.multiplicity) for block, r in zip(self.blocks, self.ranks, strict=True))

    @property
    def singular_locus(self) -> tuple[EquivariantComponent, ...]:
        """The irreducible components of the singular locus; none for a linear space.

        A point is singular when its rank in some block is smaller than the generic one r_b, provided that
        0 < r_b < d_b: if a block has full rank, all its matrices are smooth points.
        """
        lower = []
        for b, (block, r) in enumerate(zip(self.blocks, self.ranks, strict=True)):
            if 0 < r < block.multiplicity:
                ranks = (*self.ranks[:b], r - 1, *self.ranks[b + 1 :])
                lower.append(EquivariantComponent(self.base_change, self.field, ranks))
        return tuple(lower)

    # The network

    def random_factors(self, rng: seeds.RandomState = None) -> list[tuple[Array, Array]]:
        """Gaussian factors, to be given to `matrix`, `coordinates` and `layers`.

        Returns
        -------
        list of pairs of ndarray
            For each block of positive rank r, with multiplicity d, a d x r and an r x d matrix: real for the real type,
            complex for the complex type and for complex components; for the quaternionic type arrays of shape
            (4, d, r) and (4, r, d) of the real parts and those of i, j, k.
        """
        generator = seeds.resolve(rng)[1]
        result = []
        for block, r in self._active():
            d = block.multiplicity
            pair = [self._random(generator, block, shape) for shape in ((d, r), (r, d))]
            result.append((pair[0], pair[1]))
        return result

    def _random(self, generator: np.random.Generator, block: Block, shape: tuple[int, int]) -> Array:
        if block.algebra == 4:
            return generator.standard_normal((4, *shape))
        real = generator.standard_normal(shape)
        if block.algebra == 1 and self.field == "real":
            return real
        return np.asarray(real + 1j * generator.standard_normal(shape))

    def coordinates(self, factors: Factors) -> list[Array]:
        """The blocks, over the algebras of `base_change`, of the matrix that factors stand for."""
        parts: list[Array] = []
        given = iter(self._checked(factors))
        for block, r in zip(self.blocks, self.ranks, strict=True):
            if r:
                left, right = next(given)
                parts.append(np.stack(product(left, right)))
            else:
                parts.append(np.zeros((block.algebra, block.multiplicity, block.multiplicity)))
        return parts if self.field == "real" else self._joined(parts)

    def _joined(self, parts: Sequence[Array]) -> list[Array]:
        remaining = iter(parts)
        result = []
        for block in self.base_change.blocks:
            matrices = [next(remaining)[0] for _ in range(2 if block.algebra == 2 else 1)]
            result.append(joined(matrices, block.algebra))
        return result

    def matrix(self, factors: Factors) -> Array:
        """The equivariant n x n matrix that factors stand for.

        Parameters
        ----------
        factors : sequence of pairs of arrays
            A pair (A, B) for each block of positive rank, as `random_factors` makes them.

        Returns
        -------
        ndarray, shape (n, n)
            ``Q^T diag(A_1 B_1, A_2 B_2, ...) Q``, real for a real component.

        Raises
        ------
        InputError
            If the number of pairs or a shape is wrong, or an entry is not finite.
        """
        return self.base_change.from_coordinates(self.coordinates(factors))

    def layers(self, factors: Factors) -> tuple[Float, Float]:
        """Decoder (n x r) and encoder (r x n) of the network with these factors; their product is `matrix`.

        Raises
        ------
        InputError
            As for `matrix`, and for complex components, which are no function spaces of real networks.
        """
        self._require_real("layers")
        n, starts = self.base_change.n, self.base_change.starts
        encoder, decoder = np.zeros((n, self.rank)), np.zeros((n, self.rank))
        given, row = iter(self._checked(factors)), 0
        for b, (block, r) in enumerate(zip(self.blocks, self.ranks, strict=True)):
            if not r:
                continue
            left, right = next(given)
            hidden, place = slice(row, row + r * block.cost), slice(starts[b], starts[b + 1])
            decoder[place, hidden] = realization(left, block.cost)
            encoder[place, hidden] = realization(right, block.cost).T
            row += r * block.cost
        change = self.base_change.apply_transpose
        return change(decoder), np.ascontiguousarray(change(encoder).T)

    def weight_sharing(self, coordinates: str = "blocks") -> WeightSharing:
        """Which entries of encoder and decoder share a weight, as index arrays; see `WeightSharing`."""
        from algeom.networks.equivariant.weight_sharing import weight_sharing

        return weight_sharing(self, coordinates)

    def polynomial_map(self) -> PolynomialMap:
        """The parametrization as a map that the engine takes: dimension, degree and ED degree can be computed from it.

        Returns
        -------
        PolynomialMap
            Coordinates are the entries of the blocks over their algebras, ``x1_11`` (block, row, column) with the real
            parts and ``i1_11``, ``j1_11``, ``k1_11``: a linear isomorphism away from the n x n matrices, whose own
            entries are irrational. Blocks of rank zero are left out. For complex components the blocks over the complex
            numbers, for conjugate pairs both if one has a positive rank. Parameters are factors ``A1``, ``B1``, ...; a
            block of full rank has its entries as parameters. The Frobenius norm is that of the weights
            `frobenius_weights`.

        Raises
        ------
        InputError
            If all ranks are zero: a point has no parameters.
        """
        if not any(self.ranks):
            raise InputError("all ranks are zero: the component is a point, which has no parametrization")
        shown = self._shown()
        shapes: dict[str, tuple[int, ...]] = {}
        names: list[str] = []
        for b in shown:
            block, r = self.blocks[b], self.ranks[b]
            d, delta = block.multiplicity, block.algebra
            entries = [((b + 1,), (i, j)) for i in range(1, d + 1) for j in range(1, d + 1)]
            for part in _PARTS[:delta]:
                names += indexed_names(part, entries)
            if r == d:
                shapes[f"A{b + 1}"] = (delta, d, d)
            elif r:
                shapes |= {f"A{b + 1}": (delta, d, r), f"B{b + 1}": (delta, r, d)}

        def entries_of_blocks(**factors: Any) -> list[Any]:
            found: list[Any] = []
            for b in shown:
                block, r = self.blocks[b], self.ranks[b]
                if r == 0:
                    found += [0] * block.dimension
                    continue
                left = factors[f"A{b + 1}"]
                if r < block.multiplicity:
                    left = product(left, factors[f"B{b + 1}"])
                found += [left[part] for part in range(block.algebra)]
            return found

        # `polynomial_map` looks at the names of arguments, of which a function of **factors has none.
        def in_order(*arrays: Any) -> list[Any]:
            return entries_of_blocks(**dict(zip(shapes, arrays, strict=True)))

        return polynomial_map(in_order, parameters=shapes, names=names)

    def frobenius_weights(self) -> NDArray[np.int64]:
        """The quadratic form tr(M M^T) in the coordinates of `polynomial_map`.

        Returns
        -------
        ndarray of int64
            For real components shape (m,): each entry counts as often as it occurs in the n x n matrix. For complex
            ones shape (m, m), a form that pairs conjugate eigenvalues; twice the form, where it has halves.
        """
        shown = self._shown()
        if self.field == "real":
            return np.concatenate([np.full(self.blocks[b].dimension, self.blocks[b].cost) for b in shown])
        sizes = [self.blocks[b].dimension for b in shown]
        starts = np.cumsum([0, *sizes])
        form = np.zeros((starts[-1], starts[-1]), dtype=np.int64)
        place = 0
        for block, numbers in self._real_groups():
            if numbers[0] not in shown:
                continue
            first = np.arange(starts[place], starts[place + 1])
            if block.algebra == 2:
                second = np.arange(starts[place + 1], starts[place + 2])
                form[first, second] = form[second, first] = block.cost
            elif block.algebra == 1:
                form[first, first] = 2 * block.cost
            else:
                entry, d = first.reshape(2 * block.multiplicity, -1), block.multiplicity
                for one, other, sign in ((entry[:d, :d], entry[d:, d:], 1), (entry[:d, d:], entry[d:, :d], -1)):
                    form[one, other] = form[other, one] = sign * block.cost
            place += len(numbers)
        return form

    def _real_groups(self) -> list[tuple[Block, list[int]]]:
        """The real blocks, each with the numbers of its blocks over the field."""
        result, number = [], 0
        for block in self.base_change.blocks:
            size = 2 if block.algebra == 2 and self.field == "complex" else 1
            result.append((block, list(range(number, number + size))))
            number += size
        return result

    def _shown(self) -> list[int]:
        """The blocks that `polynomial_map` has coordinates for."""
        return [b for _, numbers in self._real_groups() if any(self.ranks[b] for b in numbers) for b in numbers]

    def _active(self) -> list[tuple[Block, int]]:
        return [(block, r) for block, r in zip(self.blocks, self.ranks, strict=True) if r]

    def _checked(self, factors: Factors) -> list[tuple[Array, Array]]:
        """The factors as coordinates: arrays of shapes (delta, d, r) and (delta, r, d)."""
        active = self._active()
        if not isinstance(factors, (list, tuple)) or not all(
            isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in factors
        ):
            raise InputError("factors are a list of pairs (A, B), as random_factors gives them")
        pairs = list(factors)
        if len(pairs) != len(active):
            raise InputError(
                f"{len(pairs)} pairs of factors were given for {len(active)} blocks of positive rank "
                f"({', '.join(_text(block.label) for block, _ in active)}); give one pair for each"
            )
        return [
            (
                self._coordinates_of_factor(block, left, (block.multiplicity, r)),
                self._coordinates_of_factor(block, right, (r, block.multiplicity)),
            )
            for (block, r), (left, right) in zip(active, pairs, strict=True)
        ]

    def _coordinates_of_factor(self, block: Block, factor: Any, shape: tuple[int, int]) -> Array:
        array = as_array(f"a factor of the block {_text(block.label)}", factor)
        expected = (4, *shape) if block.algebra == 4 else shape
        allowed = "iuf" if self.field == "real" and block.algebra != 2 else "iufc"
        if array.shape != expected or array.dtype.kind not in allowed or not np.all(np.isfinite(array)):
            raise InputError(
                f"a factor of the block {_text(block.label)} has the shape {array.shape} and the type {array.dtype}; "
                f"give finite {'real' if allowed == 'iuf' else 'complex'} numbers of the shape {expected}"
            )
        if block.algebra == 4:
            return array
        return np.stack([array.real, array.imag]) if block.algebra == 2 else array[None]

    def _require_real(self, what: str) -> None:
        if self.field != "real":
            raise InputError(f"{what} are those of a real network; this is a component over the complex numbers")

    # Matrices

    def contains(self, matrix: Any, *, tolerance: float | None = None) -> bool:
        """Whether a matrix lies on the component: it is equivariant, and its blocks have at most these ranks.

        Parameters
        ----------
        matrix : array_like, shape (n, n)
            For a cyclic group integers and Fractions are decided exactly.
        tolerance : float, optional
            As for ``EquivariantMaps.ranks``.

        Raises
        ------
        InputError
            If the matrix has the wrong shape or is not finite. A matrix that is not equivariant lies on no component.
        """
        from algeom.networks.equivariant.membership import block_ranks

        found = block_ranks(self.base_change, matrix, self.field, tolerance=tolerance)
        return found.is_equivariant and all(r <= most for r, most in zip(found.ranks, self.ranks, strict=True))

    def nearest(self, target: Any, *, gram: Any = None) -> NearestEquivariant:
        """The nearest point on this component to an n x n matrix; see ``EquivariantMaps.nearest``."""
        from algeom.networks.equivariant.nearest import nearest_on_component

        return nearest_on_component(self, target, gram=gram)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EquivariantComponent):
            return NotImplemented
        same = (self.field, self.ranks) == (other.field, other.ranks)
        return same and (self.base_change is other.base_change or self.base_change == other.base_change)

    def __hash__(self) -> int:
        return hash((self.base_change.blocks, self.field, self.ranks))

    def __repr__(self) -> str:
        active = [f"{_text(block.label)}: {r} of {block.multiplicity}" for block, r in self._active()]
        listed = ", ".join(active if len(active) <= 8 else [*active[:7], f"... ({len(active)} blocks)"]) or "zero"
        return (
            f"EquivariantComponent(rank {self.rank} {self.field}: {listed}; dimension {self.dimension}, "
            f"degree {short_count(self.degree)}, ED degree {short_count(self.ed_degree)})"
        )


def checked_ranks(blocks: Sequence[Block], ranks: Any) -> tuple[int, ...]:
    """Ranks for all blocks, from a sequence or from a mapping by labels.

    Raises
    ------
    InputError
        If there are too many or too few, a label does not exist, or a rank is negative or exceeds the multiplicity.
    """
    if isinstance(ranks, Mapping):
        known = [block.label for block in blocks]
        unknown = [label for label in ranks if label not in known]
        if unknown:
            raise InputError(f"there is no block {unknown[0]}; the blocks are {', '.join(map(_text, known))}")
        listed = [ranks.get(label, 0) for label in known]
    elif not isinstance(ranks, Iterable) or (isinstance(ranks, np.ndarray) and ranks.ndim == 0):
        raise InputError(
            f"the ranks are {ranks!r}; give a sequence with one for each of the {len(blocks)} blocks, or a mapping of "
            "labels to ranks"
        )
    else:
        listed = list(ranks)
    if len(listed) != len(blocks):
        raise InputError(
            f"{len(listed)} ranks were given for {len(blocks)} blocks "
            f"({', '.join(_text(block.label) for block in blocks)}); give one for each, or a mapping of labels to ranks"
        )
    return tuple(
        check_integer(f"the rank of the block {_text(block.label)}", r, 0, block.multiplicity, "its multiplicity")
        for block, r in zip(blocks, listed, strict=True)
    )


def _text(label: tuple[int, ...]) -> str:
    return f"({','.join(map(str, label))})"


def short_count(value: int) -> str:
    """A count in full, or its size where it has very many digits.

    Examples
    --------
    >>> short_count(72425986088826), short_count(3**1000)
    ('72425986088826', 'about 10^477')
    """
    digits = len(str(value)) if value < 10**4000 else int(value.bit_length() * 0.30103)
    return str(value) if digits <= 20 else f"about 10^{digits - 1}"

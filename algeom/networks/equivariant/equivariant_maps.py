"""Equivariant linear maps under a group: their blocks, their components of bounded rank, and the nearest one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.tape import noun_count
from algeom.networks.equivariant.arguments import checked_matrix
from algeom.networks.equivariant.base_change import BaseChange, CyclicBaseChange, Order
from algeom.networks.equivariant.blocks import Block, Field, blocks_over
from algeom.networks.equivariant.component import EquivariantComponent, checked_ranks
from algeom.networks.equivariant.components import EquivariantComponents, components_below, components_of_rank
from algeom.networks.equivariant.groups import as_generators
from algeom.networks.equivariant.isotypic import isotypic_base_change
from algeom.networks.equivariant.membership import BlockRanks, block_ranks
from algeom.networks.equivariant.nearest import NearestEquivariant, nearest_equivariant
from algeom.networks.equivariant.permutations import Permutation
from algeom.runtime import seeds

__all__ = ["EquivariantMaps", "equivariant_maps"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class EquivariantMaps:
    """The n x n matrices that commute with a group, and among them those of bounded rank.

    Make it with `equivariant_maps`.

    Attributes
    ----------
    base_change : BaseChange
        The orthogonal matrix Q after which they are block diagonal: ``apply``, ``apply_transpose``, ``matrix()``.
    generators : tuple
        Of the group, as they are used: permutations, signed permutations or orthogonal matrices.
    seed : int or None
        Of the random matrices by which the base change was found; None for a single permutation, which needs none.

    Examples
    --------
    Quarter turns of 3 x 3 images: three components of rank at most 3 are determinantal varieties of degree 6, 6 and 24.

    >>> from algeom.networks.equivariant.permutations import image_rotation
    >>> maps = equivariant_maps(image_rotation(3))
    >>> maps
    EquivariantMaps(9 x 9, dimension 21; 3 blocks: (1,1) 3 x 3 real, (2,1) 2 x 2 real, (4,3) 2 x 2 complex)
    >>> for component in maps.components(3):
    ...     print(component.ranks, component.dimension, component.degree, component.ed_degree)
    (3, 0, 0) 9 1 1
    (2, 1, 0) 11 6 6
    (1, 2, 0) 9 6 3
    (1, 0, 1) 11 24 6
    (0, 1, 1) 9 8 4
    >>> maps.count(3), maps.count(3, "complex")
    (5, 17)
    """

    base_change: BaseChange
    generators: tuple[Any, ...]
    seed: int | None = None

    @property
    def n(self) -> int:
        """The size of the matrices."""
        return self.base_change.n

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks over the real numbers."""
        return self.base_change.blocks

    @property
    def dimension(self) -> int:
        """Dimension of the space of all equivariant maps."""
        return sum(block.dimension for block in self.blocks)

    def multiplicities(self, field: Field = "complex") -> dict[tuple[int, ...], int]:
        """How often each irreducible representation occurs; for one permutation the dimensions d_l of eigenspaces.

        Examples
        --------
        >>> equivariant_maps("(134)(25)").multiplicities()
        {(1, 1): 2, (2, 1): 1, (3, 2): 1, (3, 1): 1}
        """
        return {block.label: block.multiplicity for block in blocks_over(field, self.blocks)}

    # Components

    def components(self, rank: int, field: Field = "real") -> EquivariantComponents:
        """The irreducible components, with matrices of rank exactly r, of the equivariant maps of rank at most r.

        Parameters
        ----------
        rank : int
            r, from 0 to n.
        field : {"real", "complex"}

        Returns
        -------
        EquivariantComponents
            A lazy sequence.

        Raises
        ------
        InputError
            If the rank is out of range or the field unknown.
        """
        return components_of_rank(self.base_change, rank, field)

    def components_below(self, rank: int, field: Field = "real") -> tuple[EquivariantComponents, ...]:
        """The further components of the equivariant maps of rank at most r, whose matrices all have smaller rank."""
        return components_below(self.base_change, rank, field)

    def count(self, rank: int, field: Field = "real") -> int:
        """The number of `components`.

        Examples
        --------
        >>> from algeom.networks.equivariant.permutations import image_translation
        >>> equivariant_maps(image_translation(28)).count(99)
        72425986088826
        """
        return self.components(rank, field).size

    def component(self, ranks: Any, field: Field = "real") -> EquivariantComponent:
        """The closure of the equivariant maps with given ranks of the blocks.

        Parameters
        ----------
        ranks : sequence of int, or mapping of label to int
            For each block the rank over its algebra; blocks that a mapping does not name have rank 0.
        field : {"real", "complex"}

        Returns
        -------
        EquivariantComponent

        Raises
        ------
        InputError
            If there are too many or too few ranks, or one is out of range.
        """
        return EquivariantComponent(self.base_change, field, checked_ranks(blocks_over(field, self.blocks), ranks))

    # Matrices

    def project(self, matrix: Any) -> Array:
        """The mean of a matrix over the group: the nearest equivariant map in the Frobenius norm.

        Parameters
        ----------
        matrix : array_like, shape (n, n)
            Real or complex.

        Returns
        -------
        ndarray, shape (n, n)

        Raises
        ------
        InputError
            If it has the wrong shape or is not finite.
        """
        array = checked_matrix("the matrix", matrix, self.n, self.n, "complex")
        return self.base_change.from_coordinates(self.base_change.coordinates(array))

    def ranks(self, matrix: Any, field: Field = "real", *, tolerance: float | None = None) -> BlockRanks:
        """The ranks of the blocks of a matrix, which say on which components it lies.

        Parameters
        ----------
        matrix : array_like, shape (n, n)
            For one permutation, integers and Fractions are decided exactly, over the cyclotomic fields.
        field : {"real", "complex"}
        tolerance : float, optional
            Relative size up to which the distance from the equivariant maps, and singular values, count as zero. By
            default 64 n eps, for the products of a few matrices in double precision; give more for measured or trained
            matrices.

        Returns
        -------
        BlockRanks

        Examples
        --------
        >>> equivariant_maps("(123)").ranks([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
        BlockRanks(equivariant, rank 3; (1,1): 1, (3,2): 1; proved)
        """
        return block_ranks(self.base_change, matrix, field, tolerance=tolerance)

    def component_of(
        self, matrix: Any, field: Field = "real", *, tolerance: float | None = None
    ) -> EquivariantComponent:
        """The smallest closed stratum that an equivariant matrix lies on: the component with its ranks.

        It lies on those components whose ranks are all at least as large.

        Raises
        ------
        InputError
            If the matrix is not equivariant, has the wrong shape or is not finite.
        """
        found = self.ranks(matrix, field, tolerance=tolerance)
        if not found.is_equivariant:
            raise InputError(
                f"the matrix does not commute with the group: its distance from those that do is {found.residual:.1e} "
                "of its norm; project it first, or give a larger tolerance"
            )
        return EquivariantComponent(self.base_change, field, found.ranks)

    def nearest(self, target: Any, rank: int, *, gram: Any = None, field: Field = "real") -> NearestEquivariant:
        """The nearest equivariant map of rank at most r to a matrix, over all components, with a certificate.

        Parameters
        ----------
        target : array_like, shape (n, n)
            Any matrix.
        rank : int
            r, from 0 to n.
        gram : array_like, shape (n, n), optional
            A positive semidefinite matrix C for the distance ``tr((M - T) C (M - T)^T)``, that is ``||(M - T) X||`` for
            ``C = X X^T``; by default the Frobenius norm. It need not be invariant under the group.
        field : {"real", "complex"}

        Returns
        -------
        NearestEquivariant

        Raises
        ------
        InputError
            If a shape is wrong, an entry not finite, or the metric not positive semidefinite.

        Notes
        -----
        See `algeom.networks.equivariant.nearest.nearest_equivariant` for the proof that this is the optimum.

        Examples
        --------
        The eigenvalue 6 of the constants, 4 of the pair i, -i and 2 of the alternating vector: rank 2 has no room for
        the pair besides the constants.

        >>> target = [[4, 1, 0, 1], [1, 4, 1, 0], [0, 1, 4, 1], [1, 0, 1, 4]]
        >>> found = equivariant_maps("(1234)").nearest(target, 2)
        >>> found.certificate
        Selection(2 singular values kept, rank 2 of 2; 1 dropped, squared distance 32 >= 20, margin 4)
        >>> found.matrix[0].round(12), found.certificate.verify()
        (array([2., 1., 2., 1.]), True)
        """
        return nearest_equivariant(self.base_change, rank, target, gram=gram, field=field)

    def fit(self, inputs: Any, outputs: Any, rank: int, *, field: Field = "real") -> NearestEquivariant:
        """The equivariant map of rank at most r with the least squared loss ``||M X - Y||`` on data.

        Parameters
        ----------
        inputs, outputs : array_like, shape (N, n)
            X^T and Y^T, one example a row; Y = X for an autoencoder. The group need not map the data to themselves.
        rank : int
            r, from 0 to n.
        field : {"real", "complex"}

        Returns
        -------
        NearestEquivariant
            ``.distance`` is the root of the squared loss. Where the images of X under the group do not span the space,
            the map vanishes on the orthogonal complement.

        Raises
        ------
        InputError
            If shapes do not fit or an entry is not finite.
        """
        return nearest_equivariant(self.base_change, rank, data=(inputs, outputs), field=field)

    def __repr__(self) -> str:
        listed = [
            f"({','.join(map(str, block.label))}) {block.multiplicity} x {block.multiplicity} {block.type}"
            for block in self.blocks
        ]
        shown = ", ".join(listed if len(listed) <= 6 else [*listed[:5], "..."])
        return (
            f"EquivariantMaps({self.n} x {self.n}, dimension {self.dimension}; "
            f"{noun_count(len(self.blocks), 'block')}: {shown})"
        )


def equivariant_maps(
    *generators: Any, n: int | None = None, order: Order = "algebraic", rng: seeds.RandomState = None
) -> EquivariantMaps:
    """The linear maps of R^n that commute with a finite group.

    Parameters
    ----------
    *generators
        Permutations in a notation of `permutation`, for example ``"(134)(25)"`` or `image_rotation(3)`; signed ones in
        one-line notation, ``[-2, 1, 3]`` for ``e_1 -> -e_2, e_2 -> e_1, e_3 -> e_3``; or orthogonal matrices. (See
        `orthogonal_form` for others.)
    n : int, optional
        Number of coordinates, for cycle notation; by default the largest point.
    order : {"algebraic", "frequency"}
        For a single permutation: how the eigenvalues zeta_l^m are ordered.
    rng : int, numpy.random.Generator or None
        For several generators: seed of the random equivariant maps by which the space is decomposed. The blocks do not
        depend on it, the basis does.

    Returns
    -------
    EquivariantMaps

    Raises
    ------
    InputError
        If a generator is no permutation and no orthogonal matrix, or sizes differ.
    GenericityError
        If no decomposition is found, which exact input makes all but impossible.

    Notes
    -----
    For one permutation the base change is a real Fourier transform of its cycles (`CyclicBaseChange`). For other groups
    it is found numerically from random equivariant maps (`algeom.networks.equivariant.isotypic`).

    What carries over to other groups: the blocks, with a representation of real, complex or quaternionic type and of
    dimension D in place of an eigenvalue (for abelian groups D is 1 or 2, and no type quaternionic); the components of
    bounded rank as products of determinantal varieties over R, C or H, where a step of the rank costs D; dimensions,
    degrees, ED degrees, singular loci, networks with shared weights, nearest maps with proofs of optimality. What does
    not: exact membership, labels by eigenvalues, the order by frequency, weight sharing in the original coordinates.

    Examples
    --------
    The symmetries of a square image, and the rotations of a cube as acting on space.

    >>> from algeom.networks.equivariant.permutations import image_reflection, image_rotation
    >>> equivariant_maps(image_rotation(2), image_reflection(2))
    EquivariantMaps(4 x 4, dimension 3; 3 blocks: (1) 1 x 1 real, (2) 1 x 1 real, (3) 1 x 1 real)
    >>> equivariant_maps([2, -1, 3], [1, 3, -2]).count(3)
    1
    """
    read = as_generators(generators, n)
    if len(read) == 1 and isinstance(read[0], Permutation):
        return EquivariantMaps(CyclicBaseChange(read[0], order), read)
    if order != "algebraic":
        raise InputError(f"order={order!r} is for a single permutation; other groups have no frequencies")
    change, seed = isotypic_base_change(read, rng=rng)
    return EquivariantMaps(change, read, seed)

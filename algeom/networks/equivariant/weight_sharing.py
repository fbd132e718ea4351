"""Weight sharing: which entries of the encoder and the decoder of an equivariant network are the same weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import IntArray
from algeom.networks.equivariant.arguments import as_array
from algeom.networks.equivariant.base_change import CyclicBaseChange
from algeom.networks.equivariant.blocks import Block, realization

if TYPE_CHECKING:
    from algeom.networks.equivariant.component import EquivariantComponent

__all__ = ["WeightSharing", "weight_sharing"]

Float = NDArray[np.float64]

#: cos and sin of multiples of a right angle.
_QUARTERS = ((1, 0, -1, 0), (0, 1, 0, -1))


@dataclass(frozen=True, eq=False, repr=False)
class WeightSharing:
    """Index arrays of the weights of a two-layer network, for tying them in any framework.

    Attributes
    ----------
    encoder : ndarray of int64, shape (r, n)
        0 for an entry that is zero, k for the weight number k (from 1 on), -k for its negative.
    decoder : ndarray of int64, shape (m, r)
        Likewise; weights are numbered through, those of the encoder first.
    n_weights : int
        How many there are in all.
    coordinates : {"blocks", "pixels"}
        Whether inputs and outputs are in the coordinates of the base change, or the original ones.

    Examples
    --------
    >>> from algeom.networks.equivariant.equivariant_maps import equivariant_maps
    >>> sharing = equivariant_maps("(1234)").component({(1, 1): 1, (4, 3): 1}).weight_sharing()
    >>> sharing.encoder
    array([[ 1,  0,  0,  0],
           [ 0,  0,  2, -3],
           [ 0,  0,  3,  2]])
    >>> sharing
    WeightSharing(encoder 3 x 4, decoder 4 x 3: 6 weights instead of 24; in the coordinates of the base change)
    """

    encoder: IntArray
    decoder: IntArray
    n_weights: int
    coordinates: str

    def layers(self, weights: Any) -> tuple[Float, Float]:
        """Decoder and encoder as matrices with the given weights.

        Parameters
        ----------
        weights : array_like, shape (n_weights,)

        Returns
        -------
        decoder, encoder : ndarray, shapes (m, r) and (r, n)

        Raises
        ------
        InputError
            If their number is wrong, or they are not finite.
        """
        vector = as_array("weights", weights)
        if vector.shape != (self.n_weights,) or vector.dtype.kind not in "iuf" or not np.all(np.isfinite(vector)):
            raise InputError(
                f"weights of shape {vector.shape} and type {vector.dtype} were given; there are {self.n_weights} of "
                "them, finite real numbers"
            )
        padded = np.concatenate([[0.0], vector])
        decoder, encoder = (np.sign(part) * padded[np.abs(part)] for part in (self.decoder, self.encoder))
        return decoder, encoder

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the pattern (`algeom.plot.weight_sharing`); returns matplotlib Axes."""
        from algeom import plot

        return plot.weight_sharing(self, ax=ax)

    def __repr__(self) -> str:
        (r, n), m = self.encoder.shape, self.decoder.shape[0]
        where = "the coordinates of the base change" if self.coordinates == "blocks" else "the original coordinates"
        return (
            f"WeightSharing(encoder {r} x {n}, decoder {m} x {r}: {self.n_weights} weights instead of {r * (n + m)}; "
            f"in {where})"
        )


def weight_sharing(component: EquivariantComponent, coordinates: str = "blocks") -> WeightSharing:
    """The weight sharing of the network of a real component.

    Parameters
    ----------
    component : EquivariantComponent
        Real, of positive rank.
    coordinates : {"blocks", "pixels"}
        "blocks": the layers after the base change, for any component. "pixels": the layers in the original coordinates,
        where weights are shared along the cycles; for a permutation, and blocks of the eigenvalues 1, -1 and of the
        pair i, -i, since other ones mix weights with irrational coefficients.

    Returns
    -------
    WeightSharing
        Entries of the layers of all factors, ``component.layers(...)``, have this pattern for "blocks" once the base
        change is applied. For "pixels" each weight is scaled by 1/sqrt(L) or sqrt(2/L), L the length of its cycle.

    Raises
    ------
    InputError
        If the component is complex or zero, or has no such pattern in the original coordinates.
    """
    if coordinates not in ("blocks", "pixels"):
        raise InputError(f'coordinates={coordinates!r}: expected "blocks" or "pixels"')
    if component.field != "real":
        raise InputError("weights are those of a real network; this is a component over the complex numbers")
    if not any(component.ranks):
        raise InputError("all ranks are zero: there is no network")
    if coordinates == "pixels":
        _require_pixels(component)
    encoder, first = _encoder(component, coordinates, 1)
    decoder, last = _encoder(component, coordinates, first, decoder=True)
    return WeightSharing(
        encoder=encoder,
        decoder=np.ascontiguousarray(decoder.T),
        n_weights=last - 1,
        coordinates=coordinates,
    )


def _require_pixels(component: EquivariantComponent) -> None:
    if not isinstance(component.base_change, CyclicBaseChange):
        raise InputError("only for a single permutation weights are shared in the original coordinates; use blocks")
    other = [label for label in component.ranks_by_label if label[0] not in (1, 2, 4)]
    if other:
        raise InputError(
            f"the block {other[0]} has no weight sharing in the original coordinates, where its weights are combined "
            'with irrational coefficients; use coordinates="blocks"'
        )


def _encoder(
    component: EquivariantComponent, coordinates: str, first: int, *, decoder: bool = False
) -> tuple[IntArray, int]:
    """The pattern of an encoder with weights numbered from `first` on, or that of a decoder transposed."""
    n, starts = component.base_change.n, component.base_change.starts
    rows = []
    for b, (block, r) in enumerate(zip(component.blocks, component.ranks, strict=True)):
        if not r:
            continue
        size = block.algebra * r * block.multiplicity
        shape = (block.algebra, block.multiplicity, r) if decoder else (block.algebra, r, block.multiplicity)
        numbers = np.arange(first, first + size).reshape(shape)
        part = np.zeros((r * block.cost, n), dtype=np.int64)
        if coordinates == "blocks":
            pattern = realization(numbers, block.cost)
            part[:, starts[b] : starts[b + 1]] = pattern.T if decoder else pattern
        else:
            part[:] = _along_cycles(component, block, numbers, decoder=decoder)
        rows.append(part)
        first += size
    return np.concatenate(rows), first


def _along_cycles(component: EquivariantComponent, block: Block, numbers: IntArray, *, decoder: bool) -> IntArray:
    """The pattern of a block in the original coordinates: cosine and sine along the cycles times the weights."""
    assert isinstance(component.base_change, CyclicBaseChange)
    l = block.label[0]
    pattern = realization(numbers, block.cost)
    pattern = pattern.T if decoder else pattern
    result = np.zeros((pattern.shape[0], component.base_change.n), dtype=np.int64)
    having = [cycle for cycle in component.base_change.permutation.cycles if len(cycle) % l == 0]
    for copy, cycle in enumerate(having):
        turns = np.arange(len(cycle)) * (4 // l)
        for wave in range(block.cost):
            signs = np.take(_QUARTERS[wave], turns, mode="wrap")
            # At every position only one of cosine and sine is not zero.
            result[:, cycle] += np.outer(pattern[:, copy * block.cost + wave], signs)
    return result

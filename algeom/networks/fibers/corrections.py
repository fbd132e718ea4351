"""Rounding errors of the product taken back, within the stratum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from algeom.networks.fibers.fields import Field, Matrix
from algeom.networks.fibers.network import LinearNetwork

__all__ = ["FullBars", "full_bars"]


class FullBars(NamedTuple):
    """Basis vectors and dual basis vectors of the full bars at the layers next to the outer matrices.

    Attributes
    ----------
    inputs, first : arrays with a column for each full bar
        Their vectors at layers 0 and 1.
    last, outputs : arrays with a row for each full bar
        Their dual vectors at layers L - 1 and L.
    """

    inputs: Matrix
    first: Matrix
    last: Matrix
    outputs: Matrix

    def corrected(self, weights: Sequence[Matrix], product: Matrix, field: Field) -> list[Matrix]:
        """Weights in double precision, with W_L and W_1 changed by as much as the product is off.

        Notes
        -----
        Our own derivation. ``W_L + D inputs last`` changes the vectors of full bars at the output and nothing else: it
        adds to the product the error D, as far as it lives on the full bars at the input. ``W_1 + first outputs D``
        takes back the rest of the error in the image of the product. Both leave the bars as they are. What is left is
        outside the image of the differential on the smallest stratum.
        """
        depth = len(weights)
        result = list(weights)
        if depth > 1 and self.inputs.shape[1]:
            error = product - field.multiply(*result[::-1])
            result[-1] = result[-1] + field.multiply(error, self.inputs, self.last)
            error = product - field.multiply(*result[::-1])
            result[0] = result[0] + field.multiply(self.first, self.outputs, error)
        return result

    def after(self, layer: int, depth: int, change: Matrix, inverse: Matrix, field: Field) -> FullBars:
        """The vectors after a two-matrix move at a hidden layer."""
        first = field.multiply(change, self.first) if layer == 1 else self.first
        last = field.multiply(self.last, inverse) if layer == depth - 1 else self.last
        return self._replace(first=first, last=last)


def full_bars(network: LinearNetwork) -> FullBars:
    """The basis vectors of full bars in the adapted bases of a network."""
    adapted, depth = network.adapted, network.depth
    full = adapted.full_columns
    return FullBars(
        adapted.bases[0][:, full[0]],
        adapted.bases[1][:, full[1]],
        adapted.duals[depth - 1][full[depth - 1]],
        adapted.duals[depth][full[depth]],
    )

"""Random points of a stratum, with a given product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.networks.fibers.bars import Bars, require_memory
from algeom.networks.fibers.fields import Field, Matrix
from algeom.networks.fibers.network import LinearNetwork
from algeom.runtime import seeds
from algeom.runtime.seeds import RandomState

__all__ = ["RandomPoint", "random_point"]


@dataclass(frozen=True, eq=False)
class RandomPoint:
    """Random weights of a stratum.

    Attributes
    ----------
    network : LinearNetwork
        The weights.
    bars : Bars
        The stratum, as it was asked for.
    bases : tuple of arrays of shape (d_j, d_j)
        Bases of the layers, as columns, that were drawn: ``W_j = bases[j] @ N_j @ bases[j-1]^(-1)`` with the normal
        form N of the stratum.
    seed : int
        What repeats the draw, with the same stratum and product.
    """

    network: LinearNetwork
    bars: Bars
    bases: tuple[Matrix, ...]
    seed: int

    def __repr__(self) -> str:
        return f"RandomPoint({self.bars}; {self.network!r}, seed {self.seed})"


def random_point(
    bars: Bars,
    product: Any = None,
    *,
    field: Field | str | None = None,
    modulus: int | None = None,
    rng: RandomState = None,
) -> RandomPoint:
    """Draw weights from a stratum of the fiber over a given matrix.

    Parameters
    ----------
    bars : Bars
        The stratum.
    product : matrix or LinearNetwork, optional
        W of shape (d_L, d_0) and the rank of the stratum: exact for integers and Fractions, in double precision for
        floats. From a network the product is taken, with the rank that its bars say (a product of floats is 0 up to
        rounding errors only). By default a random one.
    field : {"Q", "R"} or Field, optional
        Without a product: the field to draw from, by name or that of another network (``network.field``); the rational
        numbers by default.
    modulus : int, optional
        A prime, to draw weights over F_p.
    rng : int, Generator or None
        Where random numbers come from.

    Returns
    -------
    RandomPoint
        Over F_p uniformly distributed on the stratum. Over Q with integer weights if the product has integers and its
        kernel and image bases are found without denominators. In double precision from well conditioned bases, which
        are orthogonal up to factors from 0.6 to 1.7 and to what the product demands. Over Q and R all connected
        components of the stratum are reached.

    Raises
    ------
    InputError
        If the product has another shape or rank than the stratum, or both a field and a product were given.
    ResourceError
        If the weights would not fit into memory.

    Notes
    -----
    Start from the normal form N with its 0/1 matrices. Hidden layers get bases g_j that are random invertible matrices.
    At the outer layers ``g_L N_L ... N_1 g_0^(-1) = W`` has to hold: in g_0 the columns of full bars are random vectors
    that W sends to a basis of its image, and those of other bars a random basis of the kernel of W; in g_L the columns
    of full bars are these images, and the others complete them at random. Since all weights of a stratum with the
    same product are related by such changes of bases (they have the same normal form), each of them can occur over F_p,
    with the same probability.

    Examples
    --------
    >>> bars = Bars.from_text("03 01 13 33")
    >>> point = random_point(bars, [[1, 2], [2, 4], [0, 0]], rng=1)
    >>> point.network.product.tolist(), point.network.bars == bars
    ([[1, 2], [2, 4], [0, 0]], True)
    """
    if not isinstance(bars, Bars):
        raise InputError(f"bars is {bars!r}; give the stratum as Bars, such as Bars.from_text('03 01 13 33')")
    # Over the rational numbers an entry is a Python integer behind a pointer; bases of all layers, inverses, weights.
    entries = bars.n_weights + 2 * sum(width**2 for width in bars.widths)
    require_memory(40.0 * entries, "weights and bases", bars.widths)
    seed, generator = seeds.resolve(rng)
    shape = (bars.widths[-1], bars.widths[0])
    if product is None:
        chosen = _field(field, modulus)
        outer = _free_bases(bars, chosen, generator)
    else:
        if field is not None:
            raise InputError("both a product and a field were given; the entries of the product say what field it is")
        if isinstance(product, LinearNetwork) and modulus is not None:
            raise InputError(f"both a network and modulus={modulus} were given; the network has a field already")
        network = product if isinstance(product, LinearNetwork) else LinearNetwork([product], modulus=modulus)
        chosen = network.field
        if network.product.shape != shape:
            raise InputError(
                f"the product has the shape {network.product.shape}; widths {bars.widths} need {shape}: a row for each "
                "output and a column for each input"
            )
        if network.rank != bars.rank:
            raise InputError(
                f"the product has rank {network.rank} ({network.evidence}); the stratum {bars} has {bars.rank} full "
                "bars: take a stratum of the fiber over this product, or a product of the other rank"
            )
        outer = _bases_for(network, bars, generator)
    hidden = [chosen.random_invertible(generator, width) for width in bars.widths[1:-1]]
    bases = (outer[0], *hidden, outer[1])
    weights = [
        chosen.multiply(after, chosen.normalized(normal), chosen.inverse(before))
        for before, normal, after in zip(bases, bars.normal_form(), bases[1:], strict=False)
    ]
    return RandomPoint(LinearNetwork.over(chosen, weights), bars, bases, seed)


def _field(field: Field | str | None, modulus: int | None) -> Field:
    if field is not None and modulus is not None:
        raise InputError(f"both field={field} and modulus={modulus} were given; give one of them")
    if isinstance(field, Field):
        return field
    if field not in (None, "Q", "R"):
        raise InputError(f"field={field!r}; give 'Q', 'R', the field of a network, or a modulus")
    return LinearNetwork([[[0.0 if field == "R" else 0]]], modulus=modulus).field


def _free_bases(bars: Bars, field: Field, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    return field.random_invertible(rng, bars.widths[0]), field.random_invertible(rng, bars.widths[-1])


def _bases_for(network: LinearNetwork, bars: Bars, rng: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Random bases of the outer layers in which the normal form has the product of a network."""
    field, depth, rank = network.field, bars.depth, bars.rank
    found = network.adapted
    # A basis of a complement of the kernel, its images, and bases of the kernel and of a complement of the image.
    sources, images = found.bases[0][:, found.full_columns[0]], found.bases[-1][:, found.full_columns[-1]]
    kernel, others = found.bases[0][:, found.rest_columns(0)], found.bases[-1][:, found.rest_columns(network.depth)]
    on_image = field.random_invertible(rng, rank)
    outputs, inputs = bars.widths[-1], bars.widths[0]
    first, last = field.zeros(inputs, inputs), field.zeros(outputs, outputs)
    full_0, full_1 = (np.array([bar == (0, depth) for bar in bars.through(layer)]) for layer in (0, depth))
    first[:, full_0] = field.multiply(sources, on_image)
    first[:, full_0] += field.multiply(kernel, field.random_matrix(rng, inputs - rank, rank))
    first[:, ~full_0] = field.multiply(kernel, field.random_invertible(rng, inputs - rank))
    last[:, full_1] = field.multiply(images, on_image)
    last[:, ~full_1] = field.multiply(others, field.random_invertible(rng, outputs - rank))
    last[:, ~full_1] += field.multiply(images, field.random_matrix(rng, rank, outputs - rank))
    return field.normalized(first), field.normalized(last)

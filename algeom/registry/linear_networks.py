"""Function spaces of linear networks with structure, and of networks with a power activation."""

from functools import partial

from algeom.networks.convolutional import ConvolutionalArchitecture, convolutional_map
from algeom.networks.equivariant import equivariant_maps, image_rotation
from algeom.networks.polynomial import polynomial_network_map
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_CONVOLUTIONS = "arXiv 2304.05752 (dimension); multinomial degree of the Segre variety that is projected"
_EQUIVARIANCE = "arXiv 2309.13736, with degrees of determinantal varieties"
_POWERS = "J. Alexander, A. Hirschowitz, Polynomial interpolation in several variables (1995)"


def _convolutional(lengths: tuple[int, ...], strides: tuple[int, ...], generators: dict[int, int]) -> Problem:
    network = ConvolutionalArchitecture(lengths, strides)
    return Problem(
        name=f"convolutional_{''.join(map(str, lengths))}_strides_{''.join(map(str, strides))}",
        build=partial(convolutional_map, lengths, strides),
        dimension=network.dimension,
        degree=network.degree,
        generators=generators,
        max_degree=max(generators) + 1,
        tags=frozenset({"quick", "linear networks"}),
        source=f"{_CONVOLUTIONS}; Macaulay2 (numbers of generators)",
    )


def _rotation(ranks: tuple[int, ...], dimension: int, degree: int) -> Problem:
    return Problem(
        name=f"equivariant_rotation_3_{''.join(map(str, ranks))}",
        build=lambda: equivariant_maps(image_rotation(3)).component(ranks).polynomial_map(),
        dimension=dimension,
        degree=degree,
        tags=frozenset({"linear networks"}),
        source=_EQUIVARIANCE,
        note="Maps of 3 x 3 images that commute with quarter turns; ranks for the eigenvalues 1, -1 and i.",
    )


def _powers(widths: tuple[int, ...], power: int, dimension: int, degree: int | None = None) -> Problem:
    return Problem(
        name=f"polynomial_network_{''.join(map(str, widths))}_power_{power}",
        build=partial(polynomial_network_map, widths, power),
        dimension=dimension,
        degree=degree,
        tags=frozenset({"polynomial networks"}),
        source=_POWERS,
        note="Sums of powers of linear forms; a defective case if the dimension is one less than expected.",
    )


PROBLEMS = (
    _convolutional((2, 2), (2, 1), {2: 1}),
    _convolutional((3, 2), (2, 1), {3: 1}),
    _convolutional((2, 3), (2, 1), {2: 3}),
    _convolutional((4, 2), (2, 1), {4: 1}),
    _convolutional((2, 2, 2), (2, 2, 1), {2: 9}),
    _rotation((3, 0, 0), 9, 1),
    _rotation((2, 1, 0), 11, 6),
    _rotation((1, 2, 0), 9, 6),
    _rotation((1, 0, 1), 11, 24),
    _rotation((0, 1, 1), 9, 8),
    _powers((3, 5, 1), 4, 14, 6),
    _powers((5, 7, 1), 3, 34, 15),
)

"""Pattern and output varieties of ReLU networks."""

from functools import partial

from algeom import networks
from algeom.networks.linear import determinantal_degree
from algeom.registry.formulas import determinantal_hilbert, product_hilbert, series
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_PAPER = "arXiv 2508.03867"
_M2 = "Macaulay2 on the ideal of minors (dimension, degree)"
_INTERPOLATION = "multigraded interpolation modulo a prime"
_THREE_BLOCKS = ("1100", "1010", "1001")
_DEEP = (("111", "11", "111"), ("011", "11", "111"))
# Eight points in K^4, any four of them independent.
_POINTS = ((1, 0, 0, 0, 1, 1, 1, 1), (0, 1, 0, 0, 1, 2, 3, 5), (0, 0, 1, 0, 1, 4, 9, 25), (0, 0, 0, 1, 1, 8, 27, 125))
_FOUR_POINTS = ((1, 5, 8, 7), (2, 6, 9, 12), (3, 11, 10, 13))


def _two_rank_one_blocks(n0: int, n2: int, patterns: tuple[str, str], max_degree: int) -> Problem:
    """Two independent matrices of rank one, up to a linear change: a product of two Segre varieties."""
    one = determinantal_hilbert(n2, n0, 1, max_degree)
    quadrics = 2 * (n0 * (n0 - 1) // 2) * (n2 * (n2 - 1) // 2)
    return Problem(
        name=f"relu_{n0}2{n2}_" + "_".join(patterns),
        build=partial(networks.relu_pattern_map, (n0, 2, n2), patterns),
        dimension=2 * (n0 + n2 - 1),
        degree=determinantal_degree(n2, n0, 1) ** 2,
        generators={2: quadrics},
        max_degree=max_degree,
        ideal_dimensions={2: quadrics},
        hilbert_function=product_hilbert(one, one),
        tags=frozenset({"quick", "relu"}),
        source=f"{_PAPER}; {_M2}",
    )


def _dimension_only(widths: tuple[int, ...], patterns: tuple[str, ...], dimension: int) -> Problem:
    return Problem(
        name="relu_" + "".join(map(str, widths)) + "_" + "_".join(patterns),
        build=partial(networks.relu_pattern_map, widths, patterns),
        dimension=dimension,
        tags=frozenset({"relu", "dimension"}),
        source=f"{_PAPER} (expected dimension for two blocks); networks.relu_expected_dimension; rank of the Jacobian",
    )


def _three_blocks(
    widths: tuple[int, int, int], dimension: int, generators: dict[int, int], max_degree: int, *tags: str
) -> Problem:
    """Four rank-one matrices at four general points of a plane: 1100, 1010, 1001."""
    through = f"_degree_{max_degree}" if "slow" in tags else ""
    return Problem(
        name="relu_" + "".join(map(str, widths)) + "_1100_1010_1001" + through,
        build=partial(networks.relu_pattern_map, widths, _THREE_BLOCKS),
        dimension=dimension,
        generators={d: count for d, count in generators.items() if d <= max_degree and count},
        max_degree=max_degree,
        ideal_dimensions={d: value for d, value in _THREE_BLOCK_IDEALS.get(widths, {}).items() if d <= max_degree},
        tags=frozenset({"relu", *tags}),
        source=f"{_PAPER} (48 + 48 cubics, 120 + 40 quartics, 2000 quintics for widths 4, 4, 4); {_INTERPOLATION} "
        "(dimensions of the ideal; general formula)",
        note="Cubics 6 C(n2,3) C(n0,3); quartics 4 (C(n2,4) s(n0) + s(n2) C(n0,4)) with s(n) = n^2 (n^2 - 1) / 12; "
        "quintics for n0, n2 <= 4: 5 t(n2) t(n0) with t(3) = 3, t(4) = 20.",
    )


_THREE_BLOCK_IDEALS = {(4, 4, 4): {2: 0, 3: 96, 4: 4584, 5: 112496}}

PROBLEMS = (
    _two_rank_one_blocks(2, 2, ("10", "11"), 5),
    _two_rank_one_blocks(2, 2, ("10", "01"), 5),
    _two_rank_one_blocks(2, 3, ("10", "11"), 4),
    _two_rank_one_blocks(3, 2, ("10", "11"), 4),
    _two_rank_one_blocks(3, 3, ("10", "11"), 3),
    _two_rank_one_blocks(3, 4, ("11", "01"), 3),
    Problem(
        name="relu_333_101_011",
        build=partial(networks.relu_pattern_map, (3, 3, 3), ("101", "011")),
        dimension=15,
        degree=27,
        generators={3: 3},
        max_degree=4,
        ideal_dimensions={3: 3, 4: 54},
        hilbert_function=(1, 18, 171, 1137, 5931, 25821),
        tags=frozenset({"quick", "relu"}),
        source=f"{_PAPER}; {_M2}",
        note="det M1, det M2, det(M1 - M2): a complete intersection.",
    ),
    Problem(
        name="relu_434_101_011",
        build=partial(networks.relu_pattern_map, (4, 3, 4), ("101", "011")),
        dimension=21,
        degree=2240,
        generators={3: 48, 4: 40},
        max_degree=4,
        hilbert_function=(1, 32, 528, 5936, 50875, 353568),
        tags=frozenset({"quick", "relu"}),
        source=f"{_PAPER}; {_M2}",
    ),
    Problem(
        name="relu_232_110_011",
        build=partial(networks.relu_pattern_map, (2, 3, 2), ("110", "011")),
        dimension=8,
        degree=1,
        generators={},
        max_degree=4,
        hilbert_function=(1, 8, 36, 120, 330),
        tags=frozenset({"quick", "relu"}),
        source="rank of the Jacobian: the pattern variety fills the space",
    ),
    _three_blocks((3, 4, 3), 20, {3: 6, 5: 45}, 4, "quick"),
    _three_blocks((3, 4, 3), 20, {3: 6, 5: 45}, 5, "slow"),
    _three_blocks((4, 4, 3), 24, {3: 24, 4: 24, 5: 300}, 4, "quick"),
    _three_blocks((4, 4, 3), 24, {3: 24, 4: 24, 5: 300}, 5, "slow"),
    _three_blocks((4, 4, 4), 28, {3: 96, 4: 160, 5: 2000}, 4, "quick", "readme"),
    _three_blocks((4, 4, 4), 28, {3: 96, 4: 160, 5: 2000}, 5, "slow"),
    Problem(
        name="relu_deep_33233",
        build=partial(networks.relu_pattern_map, (3, 3, 2, 3, 3), _DEEP),
        dimension=12,
        degree=27,
        generators={2: 9, 3: 10},
        max_degree=4,
        ideal_dimensions={2: 9, 3: 156},
        hilbert_function=series((1, 6, 12, 8), 12, 6),
        tags=frozenset({"quick", "relu", "deep"}),
        source=f"{_PAPER}; Macaulay2: 2-minors of M1 - M2 and 3-minors of [M1 | M2] generate a prime ideal",
    ),
    Problem(
        name="relu_deep_52225",
        build=partial(networks.relu_pattern_map, (5, 2, 2, 2, 5), (("11", "01", "11"), ("01", "11", "01"))),
        dimension=18,
        tags=frozenset({"relu", "deep", "dimension"}),
        source=f"{_PAPER} (an example for path ranks); rank of the Jacobian",
        note="rank M1 = rank M2 = 1 and rank(M1 - M2) = 2, though the paths not shared would allow 3.",
    ),
    Problem(
        name="relu_output_434",
        build=partial(networks.relu_output_map, (4, 3, 4), ("110",), (_POINTS,)),
        dimension=12,
        degree=20,
        generators={1: 16, 3: 16},
        max_degree=3,
        tags=frozenset({"quick", "relu", "output"}),
        source=f"{_PAPER}, examples in its repository; {_M2}",
        note="4 x 4 matrices of rank 2, seen through 8 data points.",
    ),
    Problem(
        name="relu_output_33233",
        build=partial(networks.relu_output_map, (3, 3, 2, 3, 3), (("111", "11", "111"),), (_FOUR_POINTS,)),
        dimension=8,
        degree=3,
        generators={1: 3, 3: 1},
        max_degree=4,
        hilbert_function=(1, 9, 45, 164, 486),
        tags=frozenset({"quick", "relu", "output", "deep"}),
        source=f"{_PAPER}, examples in its repository; {_M2}",
        note="The linear forms are 36 y1 - 7 y2 + 6 y3 - 7 y4 for each output.",
    ),
    _dimension_only((5, 3, 4), ("110", "011"), 24),
    _dimension_only((4, 3, 5), ("111", "011"), 22),
    _dimension_only((6, 5, 6), ("11100", "00111"), 51),
    _dimension_only((5, 4, 5), ("1100", "0110", "0011"), 36),
    _dimension_only((5, 5, 5), ("11100", "01110", "00111", "10011"), 45),
)

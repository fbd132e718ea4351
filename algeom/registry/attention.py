"""Varieties of lightning self-attention."""

from functools import partial
from math import comb

from algeom import networks
from algeom.networks.linear import determinantal_degree
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_PAPER = "arXiv 2604.15632"
_COUNTS = "multigraded interpolation modulo a prime (numbers of generators, Hilbert function)"
_INTERSECTION = "degree by intersection theory"
_DIMENSION = "arXiv 2408.17221 (dimension)"


def _degree(d: int, a: int) -> int:
    """The degree of the variety of v * A with A of rank at most a, by the map P^(d-1) x {rank <= a} -> P."""
    n = a * (2 * d - a) - 1
    degree = comb(n + d - 1, d - 1) * determinantal_degree(d, d, a)
    return degree // 2 if a == 1 else degree  # v and the column space of A play the same part when a = 1


def _cross(
    d: int,
    rank: int | None,
    generators: dict[int, int],
    hilbert_function: tuple[int, ...],
    *tags: str,
    ideal_dimensions: dict[int, int] | None = None,
    max_degree: int | None = None,
    note: str = "",
) -> Problem:
    a = d if rank is None else rank
    return Problem(
        name=f"attention_cross_{d}" + ("" if rank is None else f"_rank_{rank}"),
        build=partial(networks.attention_cross_map, d, rank),
        dimension=d + a * (2 * d - a) - 1,
        degree=_degree(d, a),
        generators=generators,
        max_degree=max_degree or max(generators),
        ideal_dimensions=ideal_dimensions or {},
        hilbert_function=(1, *hilbert_function),
        tags=frozenset({"attention", *tags}),
        source=f"{_PAPER}; {_COUNTS}; {_INTERSECTION}; {_DIMENSION}",
        note=note,
    )


def _entry(d: int, t: int, rank: int | None, dimension: int, degree: int, generators: dict[int, int]) -> Problem:
    return Problem(
        name=f"attention_{d}_{t}" + ("" if rank is None else f"_rank_{rank}"),
        build=partial(networks.attention_map, d, t, rank),
        dimension=dimension,
        degree=degree,
        generators=generators,
        max_degree=max(generators),
        tags=frozenset({"quick", "attention"}),
        source=f"{_PAPER}; Macaulay2 with the repository of the paper; {_COUNTS}",
        note="With the linear relations between the raw coefficients.",
    )


PROBLEMS = (
    Problem(
        name="attention_3_1",
        build=partial(networks.attention_map, 3, 1),
        dimension=8,
        degree=21,
        generators={8: 35},
        max_degree=8,
        ideal_dimensions={8: 35, 9: 280},
        hilbert_function=(1, 10, 55, 220, 715, 2002, 5005, 11440, 24275, 48340, 91108),
        tags=frozenset({"quick", "attention"}),
        source=f"{_PAPER}; Macaulay2 on the 45 maximal minors of a 10 x 8 matrix (dimension, degree, Hilbert function)",
        note="The variety of split_cubics, with the superfluous parameters of the layer.",
    ),
    _entry(2, 2, None, 5, 4, {1: 4, 4: 1}),
    _entry(2, 2, 1, 4, 3, {1: 4, 2: 3}),
    _entry(3, 2, None, 11, 45, {1: 10, 3: 20, 4: 90}),
    _cross(2, 1, {2: 3}, (6, 18, 40, 75, 126), "quick", max_degree=5),
    _cross(2, None, {4: 1}, (6, 21, 56, 125, 246), "quick", max_degree=5),
    _cross(3, 1, {2: 45, 3: 10}, (18, 126, 550, 1800), "quick", max_degree=4),
    _cross(3, 2, {3: 30}, (18, 171, 1110), "quick", ideal_dimensions={3: 30}, note="Quartics were not counted."),
    _cross(3, None, {3: 20, 4: 90}, (18, 171, 1120, 5535, 21753), "quick"),
    _cross(4, 1, {2: 270, 3: 200}, (40, 550, 4200), "quick"),
    _cross(4, 2, {3: 680}, (40, 820, 10800), "quick"),
    _cross(4, None, {3: 400}, (40, 820, 11080), "quick", note="Pencils of the quadrics give 200 of the 400 cubics."),
)

"""Classical varieties with known ideals."""

from functools import partial

from algeom import varieties
from algeom.networks.linear import determinantal_degree
from algeom.registry.formulas import (
    determinantal_hilbert,
    grassmannian_degree,
    grassmannian_hilbert,
    segre_veronese_degree,
    segre_veronese_hilbert,
    split_forms_degree,
)
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_HARRIS = "J. Harris, Algebraic Geometry: A First Course"
_LANDSBERG = "J. M. Landsberg, Tensors: Geometry and Applications"
_BRUNS_VETTER = "W. Bruns, U. Vetter, Determinantal Rings (generators, Hilbert function); W. Fulton, 14.4.14 (degree)"
_HARRIS_TU = "J. Harris, L. Tu, On symmetric and skew-symmetric determinantal varieties (degree, dimension)"
_INTERPOLATION = "numbers of generators: interpolation modulo a prime, repeated by the tests"
_HILBERT = "D. Hilbert, Singularitäten der Diskriminantenfläche (dimension, degree)"
_GKZ = "I. M. Gelfand, M. M. Kapranov, A. V. Zelevinsky, Discriminants, Resultants, and Multidimensional Determinants"


def _curve(d: int, *tags: str) -> Problem:
    return Problem(
        name="twisted_cubic" if d == 3 else f"rational_normal_curve_{d}",
        build=partial(varieties.rational_normal_curve, d),
        dimension=2,
        degree=d,
        generators={2: d * (d - 1) // 2},
        max_degree=3,
        hilbert_function=tuple(k * d + 1 for k in range(5)),
        tags=frozenset({"quick", "classical", *tags}),
        source=_HARRIS,
    )


def _segre_veronese(name: str, dims: list[int], degrees: list[int], *tags: str, quick: bool = True) -> Problem:
    hilbert = segre_veronese_hilbert(dims, degrees, 3)
    n = hilbert[1]
    quadrics = n * (n + 1) // 2 - hilbert[2]
    build = partial(varieties.segre_veronese, tuple(dims), tuple(degrees))
    if set(degrees) == {1}:
        build = partial(varieties.segre, *dims)
    elif len(dims) == 1:
        build = partial(varieties.veronese, dims[0], degrees[0])
    return Problem(
        name=name,
        build=build,
        dimension=sum(dims) + 1,
        degree=segre_veronese_degree(dims, degrees),
        generators={2: quadrics},
        max_degree=3,
        ideal_dimensions={2: quadrics},
        hilbert_function=hilbert,
        tags=frozenset({"quick" if quick else "slow", "classical", *tags}),
        source=f"{_LANDSBERG}; A. Bernardi, Ideals of varieties parameterized by certain symmetric tensors",
    )


def _grassmannian(k: int, n: int, max_degree: int, *tags: str) -> Problem:
    hilbert = grassmannian_hilbert(k, n, 4)
    quadrics = hilbert[1] * (hilbert[1] + 1) // 2 - hilbert[2]
    return Problem(
        name=f"grassmannian_{k}_{n}",
        build=partial(varieties.grassmannian, k, n),
        dimension=k * (n - k) + 1,
        degree=grassmannian_degree(k, n),
        generators={2: quadrics},
        max_degree=max_degree,
        ideal_dimensions={2: quadrics},
        hilbert_function=hilbert,
        tags=frozenset({"quick", "classical", *tags}),
        source="B. Sturmfels, Algorithms in Invariant Theory, section 3.1; W. Fulton, Intersection Theory, example "
        "14.7.11 (degree); Borel-Weil (Hilbert function)",
    )


def _determinantal(m: int, n: int, r: int, generators: dict[int, int], *tags: str, quick: bool = True) -> Problem:
    return Problem(
        name=f"determinantal_{m}_{n}_{r}",
        build=partial(varieties.determinantal, m, n, r),
        dimension=r * (m + n - r),
        degree=determinantal_degree(m, n, r),
        generators=generators,
        max_degree=r + 1,
        ideal_dimensions=generators,
        hilbert_function=determinantal_hilbert(m, n, r, r + 1),
        tags=frozenset({"quick" if quick else "slow", "classical", *tags}),
        source=_BRUNS_VETTER,
    )


PROBLEMS = (
    _curve(3),
    _curve(4, "peer:P1_rnc4"),
    _curve(5, "peer:P1_rnc5"),
    _curve(6, "peer:P1_rnc6"),
    Problem(
        name="scroll_1_2",
        build=partial(varieties.rational_normal_scroll, 1, 2),
        dimension=3,
        degree=3,
        generators={2: 3},
        max_degree=4,
        hilbert_function=(1, 5, 12, 22, 35),
        tags=frozenset({"quick", "classical"}),
        source="D. Eisenbud, J. Harris, On varieties of minimal degree",
    ),
    Problem(
        name="scroll_2_2",
        build=partial(varieties.rational_normal_scroll, 2, 2),
        dimension=3,
        degree=4,
        generators={2: 6},
        max_degree=4,
        hilbert_function=(1, 6, 15, 28, 45),
        tags=frozenset({"quick", "classical"}),
        source="D. Eisenbud, J. Harris, On varieties of minimal degree",
    ),
    _segre_veronese("segre_p1p1p1", [1, 1, 1], [1, 1, 1]),
    _segre_veronese("segre_p1p1p1p1", [1, 1, 1, 1], [1, 1, 1, 1]),
    _segre_veronese("segre_p2p2p2", [2, 2, 2], [1, 1, 1], "peer:P2_segre333"),
    _segre_veronese("veronese_surface", [2], [2]),
    _segre_veronese("veronese_2_3", [2], [3]),
    _segre_veronese("segre_veronese_p1p1_2_1", [1, 1], [2, 1]),
    _grassmannian(2, 5, 4, "peer:P9_gr25"),
    _grassmannian(2, 6, 3, "peer:P9_gr26"),
    _grassmannian(3, 6, 3),
    _grassmannian(3, 7, 2, "peer:P4_gr37"),
    _determinantal(3, 3, 2, {3: 1}, "peer:P9_det3"),
    _determinantal(4, 4, 2, {3: 16}, "peer:P3_det4r2"),
    _determinantal(5, 5, 3, {4: 25}, "peer:P3_det5r3"),
    Problem(
        name="symmetric_determinantal_3_2",
        build=partial(varieties.symmetric_determinantal, 3, 2),
        dimension=5,
        degree=3,
        generators={3: 1},
        max_degree=4,
        hilbert_function=(1, 6, 21, 55, 120),
        tags=frozenset({"quick", "classical"}),
        source=_HARRIS_TU,
    ),
    Problem(
        name="symmetric_determinantal_4_2",
        build=partial(varieties.symmetric_determinantal, 4, 2),
        dimension=7,
        degree=10,
        generators={3: 10},
        max_degree=4,
        ideal_dimensions={3: 10, 4: 85},
        hilbert_function=(1, 10, 55, 210, 630),
        tags=frozenset({"quick", "classical"}),
        source=f"{_HARRIS_TU}; {_INTERPOLATION}",
        note="The 3-minors span the module of the partition (2, 2, 2), of dimension 10.",
    ),
    Problem(
        name="skew_determinantal_6_2",
        build=partial(varieties.skew_determinantal, 6, 2),
        dimension=14,
        degree=3,
        generators={3: 1},
        max_degree=3,
        hilbert_function=(1, 15, 120, 679),
        tags=frozenset({"quick", "classical"}),
        source=_HARRIS_TU,
        note="The Pfaffian.",
    ),
    Problem(
        name="discriminant_1_3",
        build=partial(varieties.discriminant, 1, 3),
        dimension=3,
        degree=4,
        generators={4: 1},
        max_degree=5,
        hilbert_function=(1, 4, 10, 20, 34, 52),
        tags=frozenset({"quick", "classical"}),
        source=f"{_GKZ}, chapter 12",
    ),
    Problem(
        name="discriminant_1_4",
        build=partial(varieties.discriminant, 1, 4),
        dimension=4,
        degree=6,
        generators={6: 1},
        max_degree=7,
        hilbert_function=(1, 5, 15, 35, 70, 126, 209, 325),
        tags=frozenset({"quick", "classical"}),
        source=f"{_GKZ}, chapter 12",
    ),
    Problem(
        name="discriminant_2_3",
        build=partial(varieties.discriminant, 2, 3),
        dimension=9,
        degree=12,
        generators={12: 1},
        max_degree=12,
        tags=frozenset({"slow", "classical"}),
        source=f"{_GKZ}, chapter 13: degree (n + 1)(d - 1)^n",
        note="Singular plane cubics: one form with 2040 terms.",
    ),
    Problem(
        name="coincident_roots_2_2",
        build=partial(varieties.coincident_root_locus, 2, 2),
        dimension=3,
        degree=4,
        generators={3: 7},
        max_degree=5,
        hilbert_function=(1, 5, 15, 28, 45, 66),
        tags=frozenset({"quick", "classical"}),
        source=f"{_HILBERT}; {_INTERPOLATION}",
        note="Squares of binary quadrics: a projected Veronese surface in P^4.",
    ),
    Problem(
        name="coincident_roots_3_1",
        build=partial(varieties.coincident_root_locus, 3, 1),
        dimension=3,
        degree=6,
        generators={2: 1, 3: 1},
        max_degree=5,
        hilbert_function=(1, 5, 14, 29, 50, 77),
        tags=frozenset({"quick", "classical"}),
        source=f"{_HILBERT}; {_INTERPOLATION}",
        note="The tangent developable of the rational normal quartic: the two invariants of a binary quartic.",
    ),
    Problem(
        name="resultant_2_2",
        build=partial(varieties.resultant, 2, 2),
        dimension=5,
        degree=4,
        generators={4: 1},
        max_degree=5,
        hilbert_function=(1, 6, 21, 56, 125, 246),
        tags=frozenset({"quick", "classical"}),
        source=f"{_GKZ}, chapter 12",
    ),
    Problem(
        name="resultant_2_3",
        build=partial(varieties.resultant, 2, 3),
        dimension=6,
        degree=5,
        generators={5: 1},
        max_degree=6,
        hilbert_function=(1, 7, 28, 84, 210, 461, 917),
        tags=frozenset({"quick", "classical"}),
        source=f"{_GKZ}, chapter 12",
    ),
    Problem(
        name="triangles",
        build=partial(varieties.chow_variety, 2, 3),
        dimension=7,
        degree=split_forms_degree(2, (1, 1, 1)),
        generators={4: 35},
        max_degree=5,
        hilbert_function=(1, 10, 55, 220, 680, 1771),
        tags=frozenset({"quick", "classical"}),
        source=f"{_LANDSBERG}; {_INTERPOLATION}",
        note="Products of three ternary linear forms; 35 quartics say that the Hessian is proportional to the cubic.",
    ),
    Problem(
        name="split_cubics",
        build=partial(varieties.split_forms, 2, (2, 1)),
        dimension=8,
        degree=split_forms_degree(2, (2, 1)),
        generators={8: 35},
        max_degree=8,
        ideal_dimensions={8: 35},
        hilbert_function=(1, 10, 55, 220, 715, 2002, 5005, 11440, 24275, 48340, 91108),
        tags=frozenset({"quick", "classical", "peer:P7_lightning"}),
        source="arXiv 2604.15632 (35 octics); Macaulay2 on the maximal minors of a 10 x 8 matrix (dimension, degree, "
        "Hilbert function)",
        note="Ternary cubics with a linear factor.",
    ),
)

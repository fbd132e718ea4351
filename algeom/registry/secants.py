"""Secant varieties and what is built from them."""

from collections.abc import Callable

from algeom import varieties
from algeom.maps import PolynomialMap
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_LANDSBERG = "J. M. Landsberg, Tensors: Geometry and Applications"
_INTERPOLATION = "interpolation modulo a prime, repeated by the tests"


def _segre_secant(k: int, *dims: int) -> Callable[[], PolynomialMap]:
    return lambda: varieties.secant(k, varieties.segre(*dims))


def _curve_secant(k: int, d: int) -> Callable[[], PolynomialMap]:
    return lambda: varieties.secant(k, varieties.rational_normal_curve(d))


def _veronese_secant(k: int, n: int, d: int) -> Callable[[], PolynomialMap]:
    return lambda: varieties.secant(k, varieties.veronese(n, d))


def _boltzmann_machine() -> PolynomialMap:
    mixture = varieties.secant(2, varieties.segre(1, 1, 1, 1))
    return varieties.hadamard_product(mixture, mixture)


PROBLEMS = (
    Problem(
        name="secant_2_p1p1p1p1",
        build=_segre_secant(2, 1, 1, 1, 1),
        dimension=10,
        degree=64,
        generators={3: 32},
        max_degree=3,
        ideal_dimensions={3: 32},
        hilbert_function=(1, 16, 136, 784),
        tags=frozenset({"quick", "secant", "peer:P4_sec2_2222"}),
        source=f"C. Raicu, Secant varieties of Segre-Veronese varieties (3-minors of flattenings generate); degree by "
        f"numerical monodromy with two systems; {_INTERPOLATION}",
    ),
    Problem(
        name="secant_3_p1p1p1p1",
        build=_segre_secant(3, 1, 1, 1, 1),
        dimension=14,
        generators={4: 2},
        max_degree=4,
        ideal_dimensions={4: 2},
        hilbert_function=(1, 16, 136, 816, 3874),
        tags=frozenset({"quick", "secant", "peer:P4_sec3_2222"}),
        source=f"{_LANDSBERG} (defect 1; expected dimension 15)",
        note="The determinants of two of the three 4 x 4 flattenings; the third is a combination of them.",
    ),
    Problem(
        name="secant_3_p2p2p2",
        build=_segre_secant(3, 2, 2, 2),
        dimension=21,
        generators={4: 27},
        max_degree=4,
        ideal_dimensions={4: 27},
        tags=frozenset({"quick", "secant"}),
        source="J. M. Landsberg, L. Manivel, Generalizations of Strassen's equations for secant varieties of Segre "
        "varieties",
    ),
    Problem(
        name="secant_4_p2p2p2",
        build=_segre_secant(4, 2, 2, 2),
        dimension=26,
        degree=9,
        generators={},
        max_degree=3,
        tags=frozenset({"quick", "secant", "peer:P4_sec4_333"}),
        source="V. Strassen, Rank and optimal computation of generic tensors, 1983",
        note="A hypersurface of degree 9 (defect 1), whose equation has 9216 terms; recorded is that no form up to "
        "degree 3 vanishes.",
    ),
    Problem(
        name="secant_2_rational_normal_curve_4",
        build=_curve_secant(2, 4),
        dimension=4,
        degree=3,
        generators={3: 1},
        max_degree=4,
        hilbert_function=(1, 5, 15, 34, 65),
        tags=frozenset({"quick", "secant"}),
        source="J. Harris, Algebraic Geometry: A First Course (Hankel determinants)",
    ),
    Problem(
        name="secant_2_rational_normal_curve_5",
        build=_curve_secant(2, 5),
        dimension=4,
        degree=6,
        generators={3: 4},
        max_degree=4,
        hilbert_function=(1, 6, 21, 52, 105),
        tags=frozenset({"quick", "secant"}),
        source=f"J. Harris, Algebraic Geometry: A First Course (Hankel minors); {_INTERPOLATION}",
    ),
    Problem(
        name="secant_2_veronese_2_3",
        build=_veronese_secant(2, 2, 3),
        dimension=6,
        degree=15,
        generators={3: 20},
        max_degree=4,
        ideal_dimensions={3: 20, 4: 155},
        hilbert_function=(1, 10, 55, 200, 560),
        tags=frozenset({"quick", "secant"}),
        source=f"C. Raicu, Secant varieties of Segre-Veronese varieties (minors of catalecticants); {_INTERPOLATION}",
        note="The degree counts the double points of a projection of the surface to P^4: (81 - 90 + 45 - 18 + 12) / 2.",
    ),
    Problem(
        name="aronhold",
        build=_veronese_secant(3, 2, 3),
        dimension=9,
        degree=4,
        generators={4: 1},
        max_degree=5,
        hilbert_function=(1, 10, 55, 220, 714, 1992),
        tags=frozenset({"quick", "secant"}),
        source=_LANDSBERG,
        note="Sums of three cubes of ternary linear forms: the Aronhold invariant.",
    ),
    Problem(
        name="boltzmann_machine_4_2",
        build=_boltzmann_machine,
        dimension=15,
        degree=110,
        tags=frozenset({"secant", "statistics"}),
        source="M. A. Cueto, E. A. Tobis, J. Yu, An implicitization challenge for binary factor analysis, J. Symbolic "
        "Computation 45, 2010",
        note="Restricted Boltzmann machine with 4 visible and 2 hidden binary variables: a hypersurface of multidegree "
        "(110, 55, 55, 55, 55).",
    ),
)

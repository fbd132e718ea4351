"""Problems on which other systems were timed, as those systems got them, where no other problem here is the same.

Three are varieties after a random invertible change of coordinates, which leaves no torus to grade by; three are
surfaces in P^3 parametrized by random forms. The pseudorandom integers are those of the timed runs.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from algeom import networks, varieties
from algeom.maps import PolynomialMap, polynomial_map
from algeom.registry.problem import Problem

__all__ = ["PROBLEMS"]

_SEED = 5
_SAME = "as the same variety in the usual coordinates"


def _mixed(build: Callable[[], PolynomialMap]) -> PolynomialMap:
    """The map after the change of coordinates: 1 on the diagonal, random integers from 2 to 97 elsewhere."""
    phi = build()
    rng = random.Random(_SEED)
    n = phi.n_coordinates
    matrix = [[1 if i == j else rng.randint(2, 97) for j in range(n)] for i in range(n)]
    return phi.linear_change(np.array(matrix, dtype=object))


def _random_surface(degree: int) -> PolynomialMap:
    """P^2 -> P^3 by four forms with random integer coefficients from 2 to 97."""
    rng = random.Random(_SEED)
    exponents = [(i, j, degree - i - j) for i, j in product(range(degree + 1), repeat=2) if i + j <= degree]
    coefficients = [[rng.randint(2, 97) for _ in exponents] for _ in range(4)]

    def forms(t: Any) -> list[Any]:
        monomials = [t[0] ** i * t[1] ** j * t[2] ** k for i, j, k in exponents]
        return [_combination(row, monomials) for row in coefficients]

    return polynomial_map(forms, parameters={"t": (3,)}, names=["y0", "y1", "y2", "y3"])


def _combination(coefficients: Sequence[int], values: Sequence[Any]) -> Any:
    total: Any = 0
    for coefficient, value in zip(coefficients, values, strict=True):
        total = total + coefficient * value
    return total


def _surface(degree: int) -> Problem:
    equation = degree**2
    return Problem(
        name=f"random_surface_{degree}",
        build=partial(_random_surface, degree),
        dimension=3,
        degree=equation,
        generators={equation: 1},
        max_degree=equation,
        ideal_dimensions={equation: 1},
        tags=frozenset({"quick", "ungraded", f"peer:P10_surf{degree}"}),
        source="general projection of a Veronese surface: a hypersurface of degree e^2",
        note="The equation has integer coefficients of many digits.",
    )


_RELU = partial(networks.relu_pattern_map, (3, 3, 3), ("110", "011"))
_RELU_HILBERT = (1, 18, 171, 1137, 5931)
_RELU_SOURCE = "arXiv 2508.03867; as relu_333_101_011, with the neurons in another order"

PROBLEMS = (
    Problem(
        name="relu_333_110_011",
        build=_RELU,
        dimension=15,
        degree=27,
        generators={3: 3},
        max_degree=3,
        ideal_dimensions={3: 3},
        hilbert_function=_RELU_HILBERT,
        tags=frozenset({"quick", "relu", "peer:P6_relu3_d3"}),
        source=_RELU_SOURCE,
    ),
    Problem(
        name="relu_333_110_011_degree_4",
        build=_RELU,
        dimension=15,
        degree=27,
        generators={3: 3},
        max_degree=4,
        ideal_dimensions={3: 3, 4: 54},
        hilbert_function=_RELU_HILBERT,
        tags=frozenset({"quick", "relu", "peer:P6_relu3_d4"}),
        source=_RELU_SOURCE,
    ),
    Problem(
        name="relu_444_1100_0110_1001",
        build=partial(networks.relu_pattern_map, (4, 4, 4), ("1100", "0110", "1001")),
        dimension=28,
        generators={3: 96},
        max_degree=3,
        ideal_dimensions={2: 0, 3: 96},
        tags=frozenset({"quick", "relu", "peer:P6_relu4_d3"}),
        source="arXiv 2508.03867; the pattern vectors are those of relu_444_1100_1010_1001 up to a linear change",
    ),
    _surface(2),
    _surface(3),
    _surface(4),
    Problem(
        name="secant_2_p1p1p1p1_mixed",
        build=partial(_mixed, lambda: varieties.secant(2, varieties.segre(1, 1, 1, 1))),
        dimension=10,
        degree=64,
        generators={3: 32},
        max_degree=3,
        ideal_dimensions={3: 32},
        hilbert_function=(1, 16, 136, 784),
        tags=frozenset({"quick", "secant", "ungraded", "peer:P10_sec2_mixed"}),
        source=_SAME,
    ),
    Problem(
        name="relu_333_110_011_mixed",
        build=partial(_mixed, _RELU),
        dimension=15,
        degree=27,
        generators={3: 3},
        max_degree=3,
        ideal_dimensions={3: 3},
        hilbert_function=_RELU_HILBERT,
        tags=frozenset({"quick", "relu", "ungraded", "peer:P10_relu3_mixed"}),
        source=_SAME,
    ),
    Problem(
        name="factor_analysis_5_2_mixed",
        build=partial(_mixed, partial(varieties.factor_analysis, 5, 2)),
        dimension=14,
        degree=5,
        generators={5: 1},
        max_degree=5,
        ideal_dimensions={5: 1},
        tags=frozenset({"slow", "statistics", "ungraded", "peer:P10_factor_mixed"}),
        source=_SAME,
        note="One block of 11628 monomials of degree 5.",
    ),
)

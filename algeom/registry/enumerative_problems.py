"""Systems of enumerative geometry and computer vision: lines on a cubic, tangent conics, relative poses."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.registry.system_problem import Complex, SystemProblem, complex_normal

if TYPE_CHECKING:
    from algeom.continuation import System
    from algeom.maps import Tape

__all__ = ["PROBLEMS", "clebsch_cubic"]

#: Exponents of the 20 monomials of degree three in x0, ..., x3, in the order of the parameters.
CUBICS = tuple(tuple(chosen.count(j) for j in range(4)) for chosen in combinations_with_replacement(range(4), 3))


# Lines on a cubic surface. The line through (1, 0, a, b) and (0, 1, c, d): all lines but those that meet a fixed one.


def _restrict(cubic: Any, line: Any) -> list[Any]:
    """Coefficients of s^3, s^2 t, s t^2, t^3 of a cubic form on the line x(s, t)."""
    a, b, c, d = line
    forms = ((1, 0), (0, 1), (a, c), (b, d))  # coefficients of s and t in x0, ..., x3
    total: list[Any] = [0, 0, 0, 0]
    for coefficient, exponents in zip(cubic, CUBICS, strict=True):
        factor: list[Any] = [1]
        for (u, v), exponent in zip(forms, exponents, strict=True):
            for _ in range(exponent):
                factor = [
                    *(u * low + v * high for low, high in zip([*factor, 0], [0, *factor], strict=True)),
                ]
        for k, value in enumerate(factor):
            total[k] = total[k] + coefficient * value
    return total


def _lines() -> System:
    from algeom.continuation import polynomial_system

    return polynomial_system(lambda x, p: _restrict(p, x), unknowns=4, parameters=20)


def _line_and_cubic(rng: np.random.Generator) -> tuple[Complex, Complex]:
    line = complex_normal(rng, 4)
    cubic = complex_normal(rng, 20)
    conditions = np.array([_restrict(e, line) for e in np.eye(20)]).T
    cubic -= np.linalg.pinv(conditions) @ (conditions @ cubic)
    return line, cubic


def clebsch_cubic() -> tuple[int, ...]:
    """Coefficients of Clebsch's diagonal cubic, in coordinates in which its 27 lines, all real, lie in the chart.

    The surface is ``z0^3 + z1^3 + z2^3 + z3^3 = (z0 + z1 + z2 + z3)^3`` with ``z = M x`` for `CLEBSCH_COORDINATES` M.
    """
    cubic = dict.fromkeys(CUBICS, 0)
    rows = [*CLEBSCH_COORDINATES, [sum(column) for column in zip(*CLEBSCH_COORDINATES, strict=True)]]
    for sign, row in zip((1, 1, 1, 1, -1), rows, strict=True):
        for chosen in product(range(4), repeat=3):
            value = sign * row[chosen[0]] * row[chosen[1]] * row[chosen[2]]
            cubic[tuple(chosen.count(j) for j in range(4))] += value
    return tuple(cubic.values())


#: Rows of M, of determinant -1 or 1: small integers that bring no line of the surface near infinity.
CLEBSCH_COORDINATES = ((0, 0, -1, 0), (0, 0, 2, -1), (2, 1, 0, -2), (1, 1, -1, -1))


# Conics tangent to five conics, by the discriminant of the pencil that two conics span.


def _symmetric(conic: Any) -> list[list[Any]]:
    """The matrix of the conic a x^2 + b xy + c y^2 + d x + e y + f."""
    a, b, c, d, e, f = conic
    return [[a, b / 2, d / 2], [b / 2, c, e / 2], [d / 2, e / 2, f]]


def _adjugate(m: list[list[Any]]) -> list[list[Any]]:
    """Of a symmetric 3 x 3 matrix."""

    def minor(i: int, j: int) -> Any:
        (p, q), (r, s) = ([k for k in range(3) if k != i], [k for k in range(3) if k != j])
        return (m[p][r] * m[q][s] - m[p][s] * m[q][r]) * (-1) ** (i + j)

    upper = {(i, j): minor(i, j) for i in range(3) for j in range(i, 3)}
    return [[upper[min(i, j), max(i, j)] for j in range(3)] for i in range(3)]


def _pairing(m: list[list[Any]], n: list[list[Any]]) -> Any:
    """Trace of the product of two symmetric matrices."""
    diagonal = sum(m[i][i] * n[i][i] for i in range(3))
    return diagonal + 2 * (m[0][1] * n[0][1] + m[0][2] * n[0][2] + m[1][2] * n[1][2])


def _tangency(a: list[list[Any]], adjugate: list[list[Any]], u: list[list[Any]]) -> Any:
    """Discriminant of det(A + t U): zero if and only if the two conics are tangent, for smooth ones."""
    dual = _adjugate(u)
    # Three times the determinant is the pairing with the adjugate.
    c0, c1, c2, c3 = _pairing(a, adjugate) / 3, _pairing(u, adjugate), _pairing(a, dual), _pairing(u, dual) / 3
    return c1 * c1 * c2 * c2 - 4 * (c0 * c2 * c2 * c2 + c1 * c1 * c1 * c3) + c0 * c3 * (18 * c1 * c2 - 27 * c0 * c3)


def _tangent_conics() -> System:
    from algeom.continuation import polynomial_system

    def equations(x: Any, p: Any) -> list[Any]:
        a = _symmetric([*x, 1])
        adjugate = _adjugate(a)
        return [_tangency(a, adjugate, _symmetric(p[6 * k : 6 * k + 6])) for k in range(5)]

    return polynomial_system(equations, unknowns=5, parameters=30)


def _tangent_conics_with_points() -> System:
    from algeom.continuation import polynomial_system

    def value(q: Any, x: Any, y: Any) -> Any:
        return (q[0] * x + q[1] * y + q[3]) * x + (q[2] * y + q[4]) * y + q[5]

    def gradient(q: Any, x: Any, y: Any) -> tuple[Any, Any]:
        return 2 * q[0] * x + q[1] * y + q[3], q[1] * x + 2 * q[2] * y + q[4]

    def equations(z: Any, p: Any) -> list[Any]:
        conic = [*z[:5], 1]
        result = []
        for k in range(5):
            x, y = z[5 + 2 * k], z[6 + 2 * k]
            given = p[6 * k : 6 * k + 6]
            (a, b), (c, d) = gradient(conic, x, y), gradient(given, x, y)
            result += [value(conic, x, y), value(given, x, y), a * d - b * c]
        return result

    return polynomial_system(equations, unknowns=15, parameters=30)


def _conic_and_tangent_conics(rng: np.random.Generator) -> tuple[Complex, Complex, Complex]:
    """A conic (5), five points on it (10) and conics tangent to it there (30)."""
    points = complex_normal(rng, 5, 2)
    x, y = points.T
    conic = np.linalg.solve(np.column_stack([x * x, x * y, y * y, x, y]), -np.ones(5))
    a, b, c, d, e = conic
    given = []
    for x0, y0 in points:
        # Any conic tangent there is a multiple of the first plus the tangent times some line.
        tangent = np.array([2 * a * x0 + b * y0 + d, b * x0 + 2 * c * y0 + e, d * x0 + e * y0 + 2])
        line, multiple = complex_normal(rng, 3), complex_normal(rng)
        (t1, t2, t3), (l1, l2, l3) = tangent, line
        degenerate = np.array([t1 * l1, t1 * l2 + t2 * l1, t2 * l2, t1 * l3 + t3 * l1, t2 * l3 + t3 * l2, t3 * l3])
        tangent_conic = multiple * np.append(conic, 1) / np.linalg.norm(conic) + degenerate / np.linalg.norm(tangent)
        given.append(tangent_conic / np.linalg.norm(tangent_conic))
    return conic, points.ravel(), np.concatenate(given)


def _start_of_conics(rng: np.random.Generator) -> tuple[Complex, Complex]:
    conic, _, given = _conic_and_tangent_conics(rng)
    return conic, given


def _start_of_conics_with_points(rng: np.random.Generator) -> tuple[Complex, Complex]:
    conic, points, given = _conic_and_tangent_conics(rng)
    return np.concatenate([conic, points]), given


def _real_conics() -> tuple[Fraction, ...]:
    rows = (
        "10124547/662488724 8554609/755781377 5860508/2798943247 -251402893/1016797750 -25443962/277938473 1",
        "520811/1788018449 2183697/542440933 9030222/652429049 -12680955/370629407 -24872323/105706890 1",
        "6537193/241535591 -7424602/363844915 6264373/1630169777 13097677/39806827 -29825861/240478169 1",
        "13173269/2284890206 4510030/483147459 2224435/588965799 33318719/219393000 92891037/755709662 1",
        "8275097/452566634 -19174153/408565940 5184916/172253855 -23713234/87670601 28246737/81404569 1",
    )
    return tuple(Fraction(number) for row in rows for number in row.split())


# Relative pose of two calibrated cameras from five points.


def _rotation(c: Any) -> list[list[Any]]:
    """(1 + |c|^2) times the rotation matrix (1 - [c])^-1 (1 + [c])."""
    x, y, z = c
    xx, yy, zz = x * x, y * y, z * z
    return [
        [1 + xx - yy - zz, 2 * (x * y - z), 2 * (x * z + y)],
        [2 * (x * y + z), 1 - xx + yy - zz, 2 * (y * z - x)],
        [2 * (x * z - y), 2 * (y * z + x), 1 - xx - yy + zz],
    ]


def _essential(x: Any) -> list[list[Any]]:
    """[t]_x R times 1 + |c|^2."""
    r = _rotation(x[:3])
    t1, t2 = x[3], x[4]
    return [
        [t2 * r[2][j] - r[1][j] for j in range(3)],
        [r[0][j] - t1 * r[2][j] for j in range(3)],
        [t1 * r[1][j] - t2 * r[0][j] for j in range(3)],
    ]


def _epipolar(essential: Any, pair: Any) -> Any:
    """(v, 1)^T E (u, 1) for image points u, v."""
    u = [pair[0], pair[1], 1]
    left = [sum(essential[i][j] * u[j] for j in range(3)) for i in range(3)]
    return left[0] * pair[2] + left[1] * pair[3] + left[2]


def _five_point_pose() -> System:
    from algeom.continuation import polynomial_system

    def equations(x: Any, p: Any) -> list[Any]:
        essential = _essential(x)
        return [_epipolar(essential, p[4 * k : 4 * k + 4]) for k in range(5)]

    return polynomial_system(equations, unknowns=5, parameters=20)


def _essential_matrix() -> Tape:
    """Entries of the essential matrix over the last one; the inputs are those of the system."""
    from algeom.maps import polynomial_map

    def entries(x: Any) -> list[Any]:
        flat = [entry for row in _essential(x) for entry in row]
        return [entry / flat[8] for entry in flat[:8]]

    return polynomial_map(entries, n_parameters=25).tape


def _start_of_pose(rng: np.random.Generator) -> tuple[Complex, Complex]:
    x = complex_normal(rng, 5)
    essential = np.array(_essential(x))
    pairs = complex_normal(rng, 5, 4)
    for pair in pairs:
        left = essential @ np.append(pair[:2], 1)
        pair[3] = -(left[0] * pair[2] + left[2]) / left[1]
    return x, pairs.ravel()


_EISENBUD_HARRIS = "D. Eisenbud, J. Harris, 3264 and All That (2016), chapters 6 and 8"
_REAL_CONICS = "P. Breiding, B. Sturmfels, S. Timme, 3264 conics in a second, Notices AMS 67 (2020), Proposition 1"
_NISTER = (
    "O. Faugeras, S. Maybank, Motion from point matches: multiplicity of solutions, Int. J. Comput. Vision 4 (1990); "
    "D. Nistér, An efficient solution to the five-point relative pose problem, IEEE Trans. PAMI 26 (2004)"
)
_NO_DOUBLE_LINES = "Double lines, which solve the equations as well, are no tangent conics and are not counted."

PROBLEMS = (
    SystemProblem(
        name="lines_on_a_cubic",
        build=_lines,
        count=27,
        draw=_line_and_cubic,
        parameters=clebsch_cubic(),
        special_count=27,
        special_real=27,
        tags=frozenset({"enumerative", "quick"}),
        source="A. Cayley (1849), G. Salmon (1849); the diagonal surface with 27 real lines: A. Clebsch (1871); "
        f"{_EISENBUD_HARRIS}",
        note="Unknowns a, b, c, d: the line through (1, 0, a, b) and (0, 1, c, d).",
    ),
    SystemProblem(
        name="tangent_conics",
        build=_tangent_conics,
        count=3264,
        draw=_start_of_conics,
        parameters=_real_conics(),
        special_count=3264,
        special_real=3264,
        tags=frozenset({"enumerative", "slow"}),
        source=f"M. Chasles (1864); {_EISENBUD_HARRIS}; {_REAL_CONICS}",
        note=f"The conic a x^2 + b xy + c y^2 + d x + e y + 1, by discriminants of pencils. {_NO_DOUBLE_LINES}",
    ),
    SystemProblem(
        name="tangent_conics_with_points",
        build=_tangent_conics_with_points,
        count=3264,
        draw=_start_of_conics_with_points,
        parameters=_real_conics(),
        special_count=3264,
        special_real=3264,
        tags=frozenset({"enumerative", "slow"}),
        source=f"M. Chasles (1864); {_EISENBUD_HARRIS}; {_REAL_CONICS}",
        note=f"The conic, then the five points of tangency. {_NO_DOUBLE_LINES}",
    ),
    SystemProblem(
        name="five_point_relative_pose",
        build=_five_point_pose,
        count=20,
        draw=_start_of_pose,
        image=_essential_matrix,
        image_count=10,
        tags=frozenset({"vision", "quick"}),
        source=_NISTER,
        note="Rotation by Cayley's parametrization, translation (t1, t2, 1); parameters u1, u2, v1, v2 of each of the "
        "five image points. Two poses, a twisted pair, have one essential matrix.",
    ),
)

"""Named systems: start pairs solve them, counts agree between methods, special members have their cited solutions."""

import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

from algeom.continuation import TrackerOptions, solve, track
from algeom.continuation.certify import certify
from algeom.continuation.monodromy import monodromy
from algeom.errors import InputError
from algeom.registry import enumerative_problems as enumerative
from algeom.registry import polynomial_benchmarks
from algeom.registry.systems import system_problem, system_problems

PROBLEMS = system_problems()
NAMES = [problem.name for problem in PROBLEMS]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_start_pairs_are_regular_solutions(name, seed):
    problem = system_problem(name)
    system = problem.build()
    x, p = problem.start_pair(seed)
    assert x.shape == (system.n_unknowns,)
    assert p.shape == (system.n_parameters,)
    assert system.is_square
    # Rounding errors of the equations: their derivatives by everything they depend on, times the unit of rounding.
    full = np.abs(system.tape.jacobian(np.concatenate([x, p])))
    scale = full @ np.abs(np.concatenate([x, p])) + 1
    assert (np.abs(system(x, p)) < 100 * np.finfo(float).eps * scale).all()
    assert np.linalg.cond(system.jacobian(x, p)) < 1e8
    assert certify(system, x, p.tolist()).count == 1
    again = problem.start_pair(seed)
    assert np.array_equal(again[0], x)
    assert np.array_equal(again[1], p)


@pytest.mark.parametrize("name", NAMES)
def test_records_are_consistent(name):
    problem = system_problem(name)
    system = problem.build()
    assert problem.source
    assert ("quick" in problem.tags) != ("slow" in problem.tags)
    assert (problem.image is None) == (problem.image_count is None)
    if problem.parameters is None:
        assert problem.special_count is None
        assert problem.special_real is None
    else:
        assert len(problem.parameters) == system.n_parameters
        assert problem.special_count <= problem.count
        assert system.at(problem.parameters).n_parameters == 0
    assert pickle.loads(pickle.dumps(problem)).build() == system


SMALL = ["lines_on_a_cubic", "cyclic_5", "katsura_4", "economics_5", "noonburg_3", "noonburg_4"]


@pytest.mark.parametrize("name", SMALL)
def test_counts_by_total_degree(name):
    """For the special parameters; every solution certified, so that the count is a proven lower bound."""
    problem = system_problem(name)
    system = problem.build()
    found = solve(system, [float(c) for c in problem.parameters], rng=1)
    certified = certify(system, found.solutions, problem.parameters)
    assert certified.count == found.solutions.shape[1] == problem.special_count
    if problem.special_real is not None:
        assert certified.n_real == problem.special_real


MONODROMY = [*SMALL, "five_point_relative_pose", "cyclic_6", "katsura_6", "katsura_8", "economics_6", "economics_8"]
MONODROMY += ["noonburg_5", pytest.param("cyclic_7", marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", MONODROMY)
def test_counts_by_monodromy(name):
    """More solutions than expected would be an error."""
    problem = system_problem(name)
    x, p = problem.start_pair(4)
    system = problem.build()
    found = monodromy(system, x, p, expected=problem.count, rng=4, max_loops=60)
    assert found.count == problem.count
    assert certify(system, found.solutions, found.parameters.tolist()).count == problem.count
    if problem.image is not None:
        values = problem.image().evaluate(
            np.vstack([found.solutions, np.repeat(found.parameters[:, None], found.count, axis=1)])
        )
        assert len(np.unique(np.round(values, 6), axis=1).T) == problem.image_count


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tangent_conics", "tangent_conics_with_points"])
def test_3264_real_conics(name):
    """Certified for the arrangement of Breiding, Sturmfels and Timme, which proves with Chasles' theorem: all real."""
    problem = system_problem(name)
    system = problem.build()
    x, p = problem.start_pair(1)
    found = monodromy(system, x, p, expected=problem.count, rng=1)
    assert found.count == 3264
    options = replace(TrackerOptions.conservative(), max_steps=50_000)
    target = [float(c) for c in problem.parameters]
    moved = track(system, found.solutions, found.parameters, np.array(target, dtype=complex), options=options)
    result = certify(system, moved.solutions, problem.parameters)
    assert result.count == 3264
    assert result.n_real == 3264


def test_cyclic_roots_known_by_heart():
    for n in (5, 7):
        problem = system_problem(f"cyclic_{n}")
        root = np.exp(2j * np.pi / n)
        x = root ** np.arange(n)
        assert np.abs(problem.build()(x, [float(c) for c in problem.parameters])).max() < 1e-12


def test_special_members_are_the_equations_of_the_literature():
    variables = sympy.symbols("x1:7")
    expected = {
        "noonburg_3": ["10*x1*x2^2 + 10*x1*x3^2 - 11*x1 + 10", "10*x2*x1^2 + 10*x2*x3^2 - 11*x2 + 10",
                       "10*x3*x1^2 + 10*x3*x2^2 - 11*x3 + 10"],
        "economics_5": ["(x1 + x1*x2 + x2*x3 + x3*x4)*x5 - 1", "(x2 + x1*x3 + x2*x4)*x5 - 2", "(x3 + x1*x4)*x5 - 3",
                        "x4*x5 - 4", "x1 + x2 + x3 + x4 + 1"],
        "katsura_4": ["x1^2 + 2*x2^2 + 2*x3^2 + 2*x4^2 + 2*x5^2 - x1",
                      "2*x1*x2 + 2*x2*x3 + 2*x3*x4 + 2*x4*x5 - x2",
                      "x2^2 + 2*x1*x3 + 2*x2*x4 + 2*x3*x5 - x3", "2*x1*x4 + 2*x2*x3 + 2*x2*x5 - x4",
                      "x1 + 2*x2 + 2*x3 + 2*x4 + 2*x5 - 1"],
    }  # fmt: skip
    for name, equations in expected.items():
        problem = system_problem(name)
        system = problem.build().at(problem.parameters)
        values = system.tape.evaluate_exact(list(variables[: system.n_unknowns]))
        # Katsura's equations may come in any order of the convolutions.
        found = {sympy.expand(value) for value in values}
        assert found == {sympy.expand(sympy.sympify(equation.replace("^", "**"))) for equation in equations}


def test_rational_lines_of_the_diagonal_surface():
    """Of its 27 lines 15 are rational: z_i + z_j = z_k + z_l = z_m = 0 where z_4 = -(z_0 + ... + z_3)."""
    inverse = sympy.Matrix(enumerative.CLEBSCH_COORDINATES).inv()
    system = system_problem("lines_on_a_cubic").build()
    parameters = [Fraction(c) for c in enumerative.clebsch_cubic()]
    lines = set()
    for m in range(5):
        a, *others = (i for i in range(5) if i != m)
        for b in others:
            c, d = (i for i in others if i != b)
            points = []
            for i, j in ((a, b), (c, d)):
                z = [0] * 5
                z[i], z[j] = 1, -1
                points.append(list(inverse * sympy.Matrix(z[:4])))
            line = sympy.Matrix(points).rref()[0]
            assert line[:, :2] == sympy.eye(2)
            unknowns = [Fraction(int(v.p), int(v.q)) for v in (line[0, 2], line[0, 3], line[1, 2], line[1, 3])]
            assert system.tape.evaluate_exact([*unknowns, *parameters]) == [0, 0, 0, 0]
            lines.add(tuple(unknowns))
    assert len(lines) == 15


def test_condition_of_tangency_is_the_discriminant_of_the_pencil():
    rng = np.random.default_rng(5)
    t = sympy.Symbol("t")
    for _ in range(5):
        conics = [[Fraction(int(c)) for c in rng.integers(-5, 6, 6)] for _ in range(2)]
        a, u = (enumerative._symmetric(conic) for conic in conics)
        pencil = (sympy.Matrix(a) + t * sympy.Matrix(u)).det()
        found = enumerative._tangency(a, enumerative._adjugate(a), u)
        assert sympy.Rational(found.numerator, found.denominator) == sympy.discriminant(pencil, t)
    circle, touching = [1, 0, 1, 0, 0, -1], [1, 0, 1, -6, 0, 5]  # unit circle; radius 2 about (3, 0)
    a, u = (enumerative._symmetric([Fraction(c) for c in conic]) for conic in (circle, touching))
    assert enumerative._tangency(a, enumerative._adjugate(a), u) == 0


def test_both_systems_of_tangent_conics_have_the_same_solutions():
    with_points, alone = system_problem("tangent_conics_with_points"), system_problem("tangent_conics")
    x, p = with_points.start_pair(8)
    y, q = alone.start_pair(8)
    assert np.array_equal(p, q)
    assert np.array_equal(x[:5], y)


def test_relative_poses_are_rotations_and_essential_matrices():
    rng = np.random.default_rng(2)
    x = rng.normal(size=5)
    rotation = np.array(enumerative._rotation(x[:3])) / (1 + x[:3] @ x[:3])
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.isclose(np.linalg.det(rotation), 1)
    translation = np.array([[0, -1, x[4]], [1, 0, -x[3]], [-x[4], x[3], 0]])
    essential = np.array(enumerative._essential(x))
    assert np.allclose(essential, translation @ rotation * (1 + x[:3] @ x[:3]))
    image = system_problem("five_point_relative_pose").image().evaluate(np.append(x, np.zeros(20))[:, None])
    assert np.allclose(np.append(image[:, 0], 1), essential.ravel() / essential[2, 2])


def test_a_real_scene_is_among_the_poses():
    """Image points of five points in space, seen by two cameras: the true pose solves the system."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=5)
    rotation = np.array(enumerative._rotation(x[:3])) / (1 + x[:3] @ x[:3])
    points = rng.normal(size=(5, 3)) + np.array([0, 0, 6])
    seen = points @ rotation.T + [x[3], x[4], 1]
    parameters = np.column_stack([points[:, :2] / points[:, 2:], seen[:, :2] / seen[:, 2:]]).ravel()
    assert np.abs(system_problem("five_point_relative_pose").build()(x, parameters)).max() < 1e-12


def test_unknown_names_and_tags_are_explained():
    with pytest.raises(InputError, match="did you mean cyclic_"):
        system_problem("cyclic_8")
    with pytest.raises(InputError, match="quick"):
        system_problems("no such tag")
    assert [problem.name for problem in system_problems("vision")] == ["five_point_relative_pose"]
    modules = (enumerative, polynomial_benchmarks)
    assert len(PROBLEMS) == sum(len(module.PROBLEMS) for module in modules)

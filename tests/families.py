"""Families of systems with known numbers of solutions, for the tests of monodromy and of completeness."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from algeom.continuation import polynomial_system
from algeom.maps import TapeBuilder


def gaussian(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def first_moves(k):
    """Directions in which the constant terms of k equations move."""

    def draw(rng, size):
        return np.concatenate([gaussian(rng, k), np.zeros(size - k)])

    return draw


def monomial_image(exponents, n_inputs):
    """Tape of products of the first inputs."""
    builder = TapeBuilder(n_inputs)
    nodes = []
    for exponent in exponents:
        node = builder.constant(1)
        for index, power in enumerate(exponent):
            for _ in range(power):
                node = builder.mul(node, builder.inputs[index])
        nodes.append(node)
    return builder.build(nodes)


def generic_start(build, n, k, rng):
    """A point, and parameters of a family linear in them for which it is a solution."""
    x, p = gaussian(rng, n), gaussian(rng, k)
    zero = build(x, np.zeros(k))
    assert np.allclose(zero, 0)
    rows = np.stack([build(x, row) for row in np.eye(k)], axis=1)
    return x, p - np.linalg.pinv(rows) @ (rows @ p)


def dense_family(n, degrees):
    """Generic polynomials of given degrees: n unknowns, every coefficient a parameter."""
    monomials = [
        [m for e in range(d + 1) for m in combinations_with_replacement(range(n), e)] for d in degrees
    ]  # fmt: skip

    def equations(x, p):
        rows, used = [], 0
        for row in monomials:
            total = 0
            for monomial in row:
                term = p[used]
                for i in monomial:
                    term = term * x[i]
                total, used = total + term, used + 1
            rows.append(total)
        return rows

    k = sum(map(len, monomials))
    return equations, polynomial_system(equations, unknowns=n, parameters=k), k


def rational_normal_curve(d):
    """Hyperplanes that cut the curve (t, ..., t^d), and a start."""
    system = polynomial_system(
        lambda x, c: [sum((c[i] * x[0] ** i for i in range(1, d + 1)), c[0])], unknowns=1, parameters=d + 1
    )
    c = gaussian(np.random.default_rng(d), d + 1)
    c[0] -= sum(c)
    return system, np.array([1.0]), c, monomial_image([(i,) for i in range(1, d + 1)], d + 2)


def move_constant(k):
    draw = first_moves(1)
    return lambda rng: draw(rng, k)


CUBIC = polynomial_system(["x^3 + a*x + b"], unknowns=["x"], parameters=["a", "b"])


def generated_group(permutations):
    identity = tuple(range(len(permutations[0])))
    group, fresh = {identity}, [identity]
    while fresh:
        fresh = [tuple(p[i] for i in g) for g in fresh for p in permutations]
        fresh = [g for g in dict.fromkeys(fresh) if g not in group]
        group.update(fresh)
    return group


def roots_of(coefficients):
    return np.roots(coefficients)[None].astype(complex)


def lines_on_cubic_surfaces():
    """The family of conditions for a line (s, t, a s + b t, c s + d t) to lie on a cubic surface, and a start."""
    monomials = list(combinations_with_replacement(range(4), 3))

    def equations(x, p):
        # Coefficients of s^3, s^2 t, s t^2, t^3.
        forms = [(1, 0), (0, 1), (x[0], x[1]), (x[2], x[3])]
        total = [0, 0, 0, 0]
        for coefficient, monomial in zip(p, monomials, strict=True):
            product = [coefficient]
            for i in monomial:
                s, t = forms[i]
                product = [
                    (product[j] * s if j < len(product) else 0) + (product[j - 1] * t if j else 0)
                    for j in range(len(product) + 1)
                ]
            total = [a + b for a, b in zip(total, product, strict=True)]
        return total

    system = polynomial_system(equations, unknowns=4, parameters=20)
    return system, *generic_start(equations, 4, 20, np.random.default_rng(0))


UNION = polynomial_system(
    ["(y - x^2)*(x^2*y - x + 1)", "a*x + b*y + c"], unknowns=["x", "y"], parameters=["a", "b", "c"]
)


def union_start(on_parabola):
    a, b = 0.3 + 1j, 1.2 - 0.4j
    x = 0.7 - 0.2j
    y = x**2 if on_parabola else (x - 1) / x**2
    return np.array([x, y]), np.array([a, b, -a * x - b * y])

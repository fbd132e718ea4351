"""Plain checks of a map modulo one 61-bit prime: dimension, forms that vanish, minimal generators."""

import random
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb

from flint import nmod_mat

PRIME = (1 << 61) - 1


def random_integers(n, seed, bound=30):
    rng = random.Random(seed)
    return [Fraction(rng.choice([-1, 1]) * rng.randint(1, bound)) for _ in range(n)]


def values(phi, theta):
    """The coordinates at exact parameters."""
    return [Fraction(value) for value in phi.tape.evaluate_exact(list(theta))]


def residues(phi, seed):
    """The coordinates modulo PRIME at random integer parameters."""
    rng = random.Random(seed)
    theta = [rng.randrange(1, 1000) for _ in range(phi.n_parameters)]
    return [
        value.numerator * pow(value.denominator, -1, PRIME) % PRIME
        for value in map(Fraction, phi.tape.evaluate_exact([Fraction(t) for t in theta]))
    ]


def rank(rows, modulus=PRIME):
    if not rows or not rows[0]:
        return 0
    return nmod_mat(len(rows), len(rows[0]), [int(x) % modulus for row in rows for x in row], modulus).rank()


def null_space(rows, n_columns):
    """A basis of the vectors that all rows annihilate, as lists."""
    echelon, r = nmod_mat(len(rows), n_columns, [x for row in rows for x in row], PRIME).rref()
    table = [[int(x) for x in row] for row in echelon.tolist()[:r]]
    pivots = [next(j for j, x in enumerate(row) if x) for row in table]
    free = sorted(set(range(n_columns)) - set(pivots))
    basis = []
    for column in free:
        vector = [0] * n_columns
        vector[column] = 1
        for row, pivot in zip(table, pivots, strict=True):
            vector[pivot] = -row[column] % PRIME
        basis.append(vector)
    return basis


def count_generators(points, max_degree):
    """From points (lists modulo PRIME, more than monomials): dim I_d and the number of new generators, by degree."""
    m = len(points[0])
    dimensions, generators = {}, {}
    previous, previous_monomials = [], []
    # Values of the monomials of the degree before: each monomial is one of these times its last variable.
    rows, position = [[1] for _ in points], {(): 0}
    for d in range(1, max_degree + 1):
        monomials = list(combinations_with_replacement(range(m), d))
        assert len(points) >= len(monomials) + 5
        factors = [(position[monomial[:-1]], monomial[-1]) for monomial in monomials]
        rows = [[row[k] * y[i] % PRIME for k, i in factors] for row, y in zip(rows, points, strict=True)]
        position = {monomial: i for i, monomial in enumerate(monomials)}
        forms = null_space(rows[: len(monomials) + 5], len(monomials))
        multiples = []
        for form in previous:
            for i in range(m):
                row = [0] * len(monomials)
                for monomial, x in zip(previous_monomials, form, strict=True):
                    row[position[tuple(sorted((*monomial, i)))]] = x
                multiples.append(row)
        dimensions[d] = len(forms)
        generators[d] = len(forms) - rank(multiples)
        previous, previous_monomials = forms, monomials
    return dimensions, {d: count for d, count in generators.items() if count}


def number_of_monomials(m, d):
    return comb(m + d - 1, d)

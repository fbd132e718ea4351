"""Discriminants and resultants by parametrization: forms with a singular point, or with a common root."""

from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.forms import Form, exponent_vectors, general_form, moved_exponents, multiply
from algeom.maps.relabelling import (
    IntArray,
    Symmetry,
    check_integer,
    indexed_names,
    position_arrays,
    symmetric_group_generators,
    symmetry,
)

__all__ = ["coincident_root_locus", "discriminant", "resultant"]


def discriminant(n: int, d: int) -> PolynomialMap:
    """The discriminant hypersurface: forms of degree d in n + 1 variables with a singular point.

    It is the variety dual to the Veronese variety. A form that is singular at (1 : p1 : ... : pn) is a combination of
    the products x0^(d-|a|) prod (xi - pi x0)^ai with |a| >= 2; these coefficients and the point are the parameters.

    Parameters
    ----------
    n : int
        The projective dimension, at least 1.
    d : int
        The degree, at least 2.

    Returns
    -------
    PolynomialMap
        Parameters ``p`` (n entries), ``g`` (a coefficient for each a); coordinates ``c300, c210, ...``: the
        coefficients of the form by exponents. Symmetries: permutations of x1, ..., xn.

    Raises
    ------
    InputError
        If n < 1 or d < 2.

    Notes
    -----
    For d >= 3 a hypersurface of degree (n + 1)(d - 1)^n; for d = 2 the symmetric determinant (degree n + 1).

    References
    ----------
    I. M. Gelfand, M. M. Kapranov, A. V. Zelevinsky, Discriminants, Resultants, and Multidimensional Determinants,
    Birkhäuser, 1994, chapters 1 and 13.

    Examples
    --------
    >>> discriminant(1, 3).names
    ('c30', 'c21', 'c12', 'c03')
    """
    n, d = check_integer("n", n, 1), check_integer("d", d, 2)
    exponents = exponent_vectors(n + 1, d)
    # In the chart, a is the part of an exponent vector that belongs to x1, ..., xn.
    orders = [exponent for exponent in exponents if d - exponent[0] >= 2]

    def form(p: Any, g: Any) -> list[Any]:
        powers: dict[tuple[int, ...], Form] = {}
        unit = [tuple(int(i == j) for j in range(n + 1)) for i in range(n + 1)]
        total: Form = {}
        for coefficient, order in enumerate(orders):
            factor = powers_of_shifts(order, p, unit, powers)
            for exponent, value in factor.items():
                shifted = (exponent[0] + order[0], *exponent[1:])
                term = g[coefficient] * value
                total[shifted] = total[shifted] + term if shifted in total else term
        return [total[exponent] for exponent in exponents]

    def powers_of_shifts(
        order: tuple[int, ...], p: Any, unit: list[tuple[int, ...]], known: dict[tuple[int, ...], Form]
    ) -> Form:
        """The product of (xi - pi x0)^ai, from the product with one factor less."""
        a = order[1:]
        if not any(a):
            return {(0,) * (n + 1): 1}
        if a not in known:
            i = next(j for j, power in enumerate(a) if power)
            less = (order[0], *a[:i], a[i] - 1, *a[i + 1 :])
            known[a] = multiply(powers_of_shifts(less, p, unit, known), {unit[i + 1]: 1, unit[0]: -p[i]})
        return known[a]

    shapes = {"p": (n,), "g": (len(orders),)}
    x = position_arrays(shapes)
    symmetries: list[Symmetry] = []
    for g in symmetric_group_generators(n):
        variables: IntArray = np.concatenate([[0], g + 1])
        moved = symmetry({"p": x["p"][g], "g": x["g"][moved_exponents(orders, variables)]}, [])
        symmetries.append((moved[0], np.array(moved_exponents(exponents, variables))))
    names = indexed_names("c", exponents)
    return polynomial_map(form, parameters=shapes, names=names, symmetries=symmetries)


def coincident_root_locus(*multiplicities: int) -> PolynomialMap:
    """Binary forms whose roots have (at least) the given multiplicities.

    Parameters
    ----------
    *multiplicities : int
        Positive integers with sum d, the degree of the forms: (2, 1, ..., 1) is the discriminant, (d,) the rational
        normal curve, (1, ..., 1) all forms.

    Returns
    -------
    PolynomialMap
        Parameters ``a``, ``b`` (an entry for each root); coordinates ``c0, ..., cd``: the form
        prod (ai s + bi t)^mi has the coefficient ci at s^(d-i) t^i. Symmetry: s and t exchanged.

    Raises
    ------
    InputError
        If a multiplicity is not a positive integer, or none is given.

    Notes
    -----
    Affine dimension k + 1 for k roots; degree k! prod mi / prod ej!, with ej the number of multiplicities equal to j.

    References
    ----------
    D. Hilbert, Singularitäten der Diskriminantenfläche, Math. Ann. 30, 1887; J. Chipalkatti, On equations defining
    coincident root loci, J. Algebra 267, 2003.

    Examples
    --------
    >>> coincident_root_locus(2, 1)([1, 1, -1, 1]).tolist()
    [1, -1, -1, 1]
    """
    if not multiplicities:
        raise InputError("no multiplicities were given; give positive integers, such as coincident_root_locus(2, 1, 1)")
    m = [check_integer(f"multiplicities[{i}]", value, 1) for i, value in enumerate(multiplicities)]
    k, d = len(m), sum(m)

    def form(a: Any, b: Any) -> list[Any]:
        product: Form = {(0, 0): 1}
        for i, multiplicity in enumerate(m):
            for _ in range(multiplicity):
                product = multiply(product, {(1, 0): a[i], (0, 1): b[i]})
        return list(product.values())

    x = position_arrays({"a": (k,), "b": (k,)})
    exchange = symmetry({"a": x["b"], "b": x["a"]}, np.arange(d + 1)[::-1])
    names = [f"c{i}" for i in range(d + 1)]
    return polynomial_map(form, parameters={"a": (k,), "b": (k,)}, names=names, symmetries=[exchange])


def resultant(*degrees: int) -> PolynomialMap:
    """Two (or more) binary forms with a common root.

    Parameters
    ----------
    *degrees : int
        The degrees d1, ..., dk of the forms, at least two of them, each at least 1.

    Returns
    -------
    PolynomialMap
        Parameters ``root`` (the common factor, 2 entries), ``g1`` (d1 entries), ..., ``gk`` (the cofactors);
        coordinates ``f1_0, ..., f1_d1, f2_0, ...``: the coefficient of s^(di-j) t^j in the i-th form.
        Symmetries: s and t exchanged; forms of equal degree exchanged.

    Raises
    ------
    InputError
        If fewer than two degrees are given, or one is not a positive integer.

    Notes
    -----
    Affine dimension d1 + ... + dk + 1, codimension k - 1. For two forms it is the hypersurface of Sylvester's
    resultant, of degree d1 + d2.

    References
    ----------
    I. M. Gelfand, M. M. Kapranov, A. V. Zelevinsky, Discriminants, Resultants, and Multidimensional Determinants,
    Birkhäuser, 1994, chapter 12.

    Examples
    --------
    >>> resultant(1, 2).names
    ('f1_0', 'f1_1', 'f2_0', 'f2_1', 'f2_2')
    """
    if len(degrees) < 2:
        raise InputError(f"{len(degrees)} degrees were given; give at least two, such as resultant(2, 3)")
    d = [check_integer(f"degrees[{i}]", value, 1) for i, value in enumerate(degrees)]
    shapes = {"root": (2,)} | {f"g{i + 1}": (degree,) for i, degree in enumerate(d)}

    def forms(root: Any, *cofactors: Any) -> list[Any]:
        coefficients: list[Any] = []
        for degree, g in zip(d, cofactors, strict=True):
            cofactor = general_form([g[i] for i in range(degree)], 2, degree - 1)
            coefficients += multiply({(1, 0): root[0], (0, 1): root[1]}, cofactor).values()
        return coefficients

    x = position_arrays(shapes)
    y = np.split(np.arange(sum(d) + len(d)), np.cumsum([degree + 1 for degree in d])[:-1])
    symmetries = [symmetry({name: a[::-1] for name, a in x.items()}, np.concatenate([block[::-1] for block in y]))]
    for i, degree in enumerate(d):
        j = next((k for k in range(i + 1, len(d)) if d[k] == degree), None)
        if j is not None:
            order = list(range(len(d)))
            order[i], order[j] = j, i
            moved = x | {f"g{i + 1}": x[f"g{j + 1}"], f"g{j + 1}": x[f"g{i + 1}"]}
            symmetries.append(symmetry(moved, np.concatenate([y[k] for k in order])))
    names = [f"f{i + 1}_{j}" for i, degree in enumerate(d) for j in range(degree + 1)]
    return polynomial_map(forms, parameters=shapes, names=names, symmetries=symmetries)

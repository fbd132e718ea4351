"""Euclidean distance degrees that theorems give exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from itertools import product
from math import comb
from typing import Any

from algeom.continuation.chern_classes import (
    grassmannian_chern_degrees,
    lattice_points,
    polar_degrees_of_smooth,
    segre_veronese_chern_degrees,
    toric_chern_degrees,
)
from algeom.continuation.polar_classes import (
    determinantal_polar_degrees,
    skew_determinantal_polar_degrees,
    symmetric_determinantal_polar_degrees,
)
from algeom.errors import InputError
from algeom.evidence import Evidence, Status
from algeom.maps.relabelling import check_integer

_DRAISMA = (
    "J. Draisma, E. Horobet, G. Ottaviani, B. Sturmfels, R. Thomas, The Euclidean distance degree of an algebraic "
    "variety, Found. Comput. Math. 16 (2016)"
)
_SMOOTH = f"{_DRAISMA}, Theorem 5.8"
_POLAR = f"{_DRAISMA}, Theorem 5.4; the conormal variety resolved over Grassmannians"
_BIK = "A. Bik, J. Draisma, A note on ED degrees of group-stable subvarieties in polar representations (2018)"
_FRIEDLAND = (
    "S. Friedland, G. Ottaviani, The number of singular vector tuples and uniqueness of best rank-one approximation of "
    "tensors, Found. Comput. Math. 14 (2014), Theorem 1 and, for partially symmetric tensors, section 5"
)


@dataclass(frozen=True)
class EDDegreeFormula:
    """An ED degree known by a theorem.

    Attributes
    ----------
    value : int
        Number of complex critical points of the squared distance from a general point to the variety, for cones to the
        affine cone, on its smooth locus.
    weights : str
        The quadratic form that measures distance: "generic", "unit", "frobenius" or "bombieri".
    variety : str
        What it is the ED degree of.
    polar_degrees : tuple of int or None
        For generic weights delta_0, ..., delta_m, whose sum is `value`, with m the projective dimension: delta_m is
        the degree of the variety, delta_0 that of the dual variety if it is a hypersurface. None for other weights.
    source : str
        The theorem.
    """

    value: int
    weights: str
    variety: str
    polar_degrees: tuple[int, ...] | None
    source: str

    @property
    def evidence(self) -> Evidence:
        """PROVED, by the theorem in `source`."""
        return Evidence(Status.PROVED, reason=self.source)

    def __int__(self) -> int:
        return self.value

    def __str__(self) -> str:
        return f"ED degree of {self.variety}, {self.weights} weights: {self.value} ({self.source})"


#: An ED degree, with polar degrees for generic weights and the theorem.
_Answer = tuple[int, "tuple[int, ...] | None", str]


def ed_degree_formula(variety: str, /, *arguments: Any, weights: str = "generic") -> EDDegreeFormula:
    """Euclidean distance degree of a classical variety, by a theorem and in exact arithmetic.

    Parameters
    ----------
    variety : str
        One of the names in the table, those of `algeom.varieties` where it has them, with the same arguments.

        ===========================  =====================  ======================================================
        name                         arguments              weights
        ===========================  =====================  ======================================================
        "segre"                      n1, ..., nk            "generic", "unit" (= "frobenius")
        "veronese"                   n, d                   "generic", "bombieri"
        "segre_veronese"             [n1, ..], [d1, ..]     "generic", "bombieri"
        "toric"                      exponents (N, d)       "generic"; the variety has to be smooth
        "grassmannian"               k, n                   "generic"
        "determinantal"              m, n, r                "generic", "unit" (= "frobenius")
        "symmetric_determinantal"    n, r                   "generic", "frobenius"
        "skew_determinantal"         n, r                   "generic", "unit" (= "frobenius"); the rank is 2r
        "complete_intersection"      n, [d1, ..., dc]       "generic", "unit"; affine in n variables, general
        ===========================  =====================  ======================================================
    *arguments
        As in the table.
    weights : {"generic", "unit", "frobenius", "bombieri"}
        The quadratic form. "unit" is the sum of squares of the coordinates; "frobenius" and "bombieri" count each
        coordinate as often as it occurs in the matrix or tensor, and are invariant under the orthogonal group.

    Returns
    -------
    EDDegreeFormula

    Raises
    ------
    InputError
        If the name, the arguments or the weights are none of the table, or a toric variety is singular.
    ResourceError
        If the sum is too long, as for determinantal varieties of large matrices.

    Notes
    -----
    For generic weights the ED degree is the sum of the polar degrees (Draisma et al., Theorem 5.4), and for a smooth
    projective variety of dimension m the sum of ``(-1)^i (2^(m+1-i) - 1) deg c_i(X)`` (Theorem 5.8; Corollary 5.11 in
    terms of volumes of faces for toric ones). Polar degrees of determinantal varieties come from a desingularization of
    the conormal variety, by localization.

    For the Frobenius norm, critical points on matrices of rank at most r select r of the singular values (Eckart-Young,
    and Bik and Draisma for symmetric and skew-symmetric matrices). On tensors of rank one they are the singular vector
    tuples (Friedland and Ottaviani). Weights ``S`` that multiply rows or columns, as a data matrix does in linear
    regression, do not change the count of the Frobenius norm.

    The critical points of a linear convolutional network with filters of k_1, ..., k_L entries and all strides greater
    than one are as many as the generic ED degree of the Segre variety of P^(k_1-1) x ... x P^(k_L-1)
    (arXiv:2401.16613).

    References
    ----------
    Each result names its own in ``.source``.

    Examples
    --------
    >>> ed_degree_formula("segre", 3, 3).value, ed_degree_formula("segre", 3, 3, weights="unit").value
    (284, 4)
    >>> rank_two = ed_degree_formula("determinantal", 4, 4, 2)
    >>> rank_two.value, rank_two.polar_degrees[-1]
    (1350, 20)
    >>> int(ed_degree_formula("toric", [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)]))
    10
    """
    if not isinstance(variety, str) or variety not in _FORMULAS:
        near = get_close_matches(str(variety), _FORMULAS, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"no formula is known for {variety!r}; {hint}there are {', '.join(_FORMULAS)}")
    try:
        title, answers = _FORMULAS[variety](*arguments)
    except TypeError as error:
        if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
            raise
        raise InputError(f"{variety!r} takes other arguments ({error}); see the table of ed_degree_formula") from None
    # Lists of weights, which ed_degree takes, are not even hashable.
    if not isinstance(weights, str) or weights not in answers:
        raise InputError(f"weights={weights!r}: for {variety!r} there are formulas for {', '.join(answers)}")
    value, polar_degrees, source = answers[weights]()
    return EDDegreeFormula(value, weights, title, polar_degrees, source)


def singular_vector_tuples(dims: Sequence[int], degrees: Sequence[int]) -> int:
    """Number of singular vector tuples of a general partially symmetric tensor.

    The tensor is in the product of the symmetric powers ``S^d1 C^(n1+1), ...``. The count is the coefficient of
    ``t1^n1 ... tk^nk`` in the product of ``(s_i^(n_i+1) - t_i^(n_i+1)) / (s_i - t_i)`` with
    ``s_i = d_1 t_1 + ... + d_k t_k - t_i``.

    References
    ----------
    S. Friedland, G. Ottaviani, Found. Comput. Math. 14 (2014), Theorem 1 and section 5.

    Examples
    --------
    Tensors of format 3 x 3 x 3; eigenvectors of symmetric ones.

    >>> singular_vector_tuples([2, 2, 2], [1, 1, 1]), singular_vector_tuples([2], [3])
    (37, 7)
    """
    k = len(dims)
    total = {(0,) * k: 1}
    for i, n in enumerate(dims):
        linear = [d - (j == i) for j, d in enumerate(degrees)]
        # sum over a of s_i^a t_i^(n-a), by Horner's rule: multiply by s_i, add a power of t_i.
        factor = {(0,) * k: 1}
        for power in range(1, n + 1):
            factor = _times_linear(factor, linear, dims)
            monomial = tuple(power if j == i else 0 for j in range(k))
            factor[monomial] = factor.get(monomial, 0) + 1
        total = _times(total, factor, dims)
    return total.get(tuple(dims), 0)


_Terms = dict[tuple[int, ...], int]


def _times_linear(terms: _Terms, linear: Sequence[int], largest: Sequence[int]) -> _Terms:
    unit = [tuple(int(i == j) for i in range(len(linear))) for j in range(len(linear))]
    return _times(terms, {unit[j]: c for j, c in enumerate(linear) if c}, largest)


def _times(first: _Terms, second: _Terms, largest: Sequence[int]) -> _Terms:
    """The product of two polynomials, without the terms that no factor brings back to the exponents wanted."""
    result: _Terms = {}
    for a, c in first.items():
        for b, d in second.items():
            exponents = tuple(x + y for x, y in zip(a, b, strict=True))
            if all(x <= most for x, most in zip(exponents, largest, strict=True)):
                result[exponents] = result.get(exponents, 0) + c * d
    return result


# The table: for each name the checked title, and a function for each kind of weights.

_Formula = tuple[str, Mapping[str, Callable[[], _Answer]]]


def _from_polar_degrees(polar_degrees: tuple[int, ...], source: str) -> _Answer:
    return sum(polar_degrees), polar_degrees, source


def _segre_veronese(dims: Sequence[int], degrees: Sequence[int]) -> _Formula:
    if not isinstance(dims, Sequence) or not isinstance(degrees, Sequence) or len(dims) != len(degrees) or not dims:
        raise InputError(
            f"dims={dims!r}, degrees={degrees!r}: give as many degrees as projective dimensions, at least one"
        )
    dims = [check_integer("a dimension", n, 1) for n in dims]
    degrees = [check_integer("a degree", d, 1) for d in degrees]

    def generic() -> _Answer:
        return _from_polar_degrees(polar_degrees_of_smooth(segre_veronese_chern_degrees(dims, degrees)), _SMOOTH)

    def invariant() -> _Answer:
        return singular_vector_tuples(dims, degrees), None, _FRIEDLAND

    space = " x ".join(f"P^{n}" for n in dims)
    if set(degrees) == {1}:
        answers = {"generic": generic, "unit": invariant, "frobenius": invariant, "bombieri": invariant}
        return f"the Segre variety of {space}", answers
    return f"{space} embedded by degree {', '.join(map(str, degrees))}", {"generic": generic, "bombieri": invariant}


def _segre(*dims: int) -> _Formula:
    return _segre_veronese(dims, [1] * len(dims))


def _veronese(n: int, d: int) -> _Formula:
    return _segre_veronese([n], [d])


def _toric(points: Any) -> _Formula:
    rows = lattice_points(points)

    def generic() -> _Answer:
        return _from_polar_degrees(polar_degrees_of_smooth(toric_chern_degrees(rows)), f"{_DRAISMA}, Corollary 5.11")

    return f"the toric variety of {len(rows)} lattice points", {"generic": generic}


def _grassmannian(k: int, n: int) -> _Formula:
    n = check_integer("n", n, 2)
    k = check_integer("k", k, 1, n - 1)

    def generic() -> _Answer:
        return _from_polar_degrees(polar_degrees_of_smooth(grassmannian_chern_degrees(k, n)), _SMOOTH)

    return f"the Grassmannian Gr({k}, {n})", {"generic": generic}


def _matrices(
    title: str, ambient: int, everything: bool, polar_degrees: Callable[[], tuple[int, ...]], choices: int, unit: bool
) -> _Formula:
    """Matrices of bounded rank; the whole space of dimension `ambient` if `everything` has that rank."""
    whole = f"{_DRAISMA}: the only critical point on a linear space is the projection"

    def generic() -> _Answer:
        if everything:
            return 1, (*[0] * (ambient - 1), 1), whole
        return _from_polar_degrees(polar_degrees(), _POLAR)

    def invariant() -> _Answer:
        return choices, None, whole if everything else _BIK

    answers: dict[str, Callable[[], _Answer]] = {"generic": generic, "frobenius": invariant}
    if unit:
        answers["unit"] = invariant
    return title, answers


def _determinantal(m: int, n: int, r: int) -> _Formula:
    m, n = check_integer("m", m, 1), check_integer("n", n, 1)
    least = min(m, n)
    r = check_integer("r", r, 1, least)
    polar_degrees = partial(determinantal_polar_degrees, m, n, r)
    title = f"the {m} x {n} matrices of rank at most {r}"
    return _matrices(title, m * n, r == least, polar_degrees, comb(least, r), True)


def _symmetric_determinantal(n: int, r: int) -> _Formula:
    n = check_integer("n", n, 1)
    r = check_integer("r", r, 1, n)
    polar_degrees = partial(symmetric_determinantal_polar_degrees, n, r)
    title = f"the symmetric {n} x {n} matrices of rank at most {r}"
    return _matrices(title, comb(n + 1, 2), r == n, polar_degrees, comb(n, r), False)


def _skew_determinantal(n: int, r: int) -> _Formula:
    n = check_integer("n", n, 2)
    r = check_integer("r", r, 1, n // 2)
    polar_degrees = partial(skew_determinantal_polar_degrees, n, r)
    title = f"the skew-symmetric {n} x {n} matrices of rank at most {2 * r}"
    return _matrices(title, comb(n, 2), r == n // 2, polar_degrees, comb(n // 2, r), True)


def _complete_intersection(n: int, degrees: Sequence[int]) -> _Formula:
    n = check_integer("n", n, 1)
    if not isinstance(degrees, Sequence) or not 1 <= len(degrees) <= n:
        raise InputError(f"degrees={degrees!r}: give between 1 and n={n} degrees")
    degrees = [check_integer("a degree", d, 1) for d in degrees]

    def general() -> _Answer:
        value = sum(
            _power_product(degrees, exponents)
            for exponents in product(range(n - len(degrees) + 1), repeat=len(degrees))
            if sum(exponents) <= n - len(degrees)
        )
        return value, None, f"{_DRAISMA}, Proposition 2.6"

    title = f"a general complete intersection of degrees {', '.join(map(str, degrees))} in affine {n}-space"
    return title, {"generic": general, "unit": general}


def _power_product(degrees: Sequence[int], exponents: Sequence[int]) -> int:
    result = 1
    for d, e in zip(degrees, exponents, strict=True):
        result *= d * (d - 1) ** e
    return result


_FORMULAS: Mapping[str, Callable[..., _Formula]] = {
    "segre": _segre,
    "veronese": _veronese,
    "segre_veronese": _segre_veronese,
    "toric": _toric,
    "grassmannian": _grassmannian,
    "determinantal": _determinantal,
    "symmetric_determinantal": _symmetric_determinantal,
    "skew_determinantal": _skew_determinantal,
    "complete_intersection": _complete_intersection,
}

"""Systems on which polynomial solvers are compared: cyclic roots, Katsura's, economics, neural networks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from algeom.registry.system_problem import Complex, SystemProblem, complex_normal

if TYPE_CHECKING:
    from algeom.continuation import System

__all__ = ["PROBLEMS"]

#: A polynomial by the exponents of its terms.
Terms = Mapping[tuple[int, ...], int]


def _family(polynomials: list[Terms]) -> System:
    """All systems with the same monomials: the coefficients, in the order of the terms, are the parameters."""
    from algeom.continuation import polynomial_system

    n = len(polynomials)

    def equations(x: Any, c: Any) -> list[Any]:
        coefficients = iter(c)
        return [sum(next(coefficients) * _monomial(x, e) for e in terms) for terms in polynomials]

    return polynomial_system(equations, unknowns=n, parameters=sum(map(len, polynomials)))


def _monomial(x: Any, exponents: tuple[int, ...]) -> Any:
    result: Any = 1
    for variable, exponent in zip(x, exponents, strict=True):
        for _ in range(exponent):
            result = result * variable
    return result


def _start_in_family(polynomials: list[Terms], rng: np.random.Generator) -> tuple[Complex, Complex]:
    """A random point, and random coefficients projected on the hyperplane, equation by equation, where it is a zero."""
    x = complex_normal(rng, len(polynomials))
    x /= abs(x) ** 0.5  # long products neither vanish nor dominate
    coefficients = []
    for terms in polynomials:
        values = np.array([np.prod(x ** np.array(e)) for e in terms])
        c = complex_normal(rng, len(values))
        coefficients.append(c - values.conj() * (values @ c) / (values @ values.conj()))
    return x, np.concatenate(coefficients)


def _coefficients(polynomials: list[Terms]) -> tuple[int, ...]:
    return tuple(c for terms in polynomials for c in terms.values())


def _unit(n: int, *positions: int) -> tuple[int, ...]:
    """Exponents of the product of some variables."""
    return tuple(positions.count(j) for j in range(n))


def _cyclic(n: int) -> list[Terms]:
    sums: list[Terms] = [{_unit(n, *((i + j) % n for j in range(d))): 1 for i in range(n)} for d in range(1, n)]
    return [*sums, {(1,) * n: 1, (0,) * n: -1}]


def _economics(n: int) -> list[Terms]:
    """With right-hand sides k = 1, ..., n-1; the last unknown multiplies all equations but the last."""
    last = n - 1
    polynomials: list[Terms] = []
    for k in range(1, n):
        terms = {_unit(n, k - 1, last): 1}
        for i in range(n - 1 - k):
            terms[_unit(n, i, i + k, last)] = 1
        terms[(0,) * n] = -k
        polynomials.append(terms)
    polynomials.append({**{_unit(n, i): 1 for i in range(n - 1)}, (0,) * n: 1})
    return polynomials


def _noonburg(n: int) -> list[Terms]:
    """Ten times the equations of Noonburg, whose constant is 11/10."""
    return [{**{_unit(n, i, j, j): 10 for j in range(n) if j != i}, _unit(n, i): -11, (0,) * n: 10} for i in range(n)]


def _katsura(n: int) -> System:
    """Katsura's equations in n + 1 unknowns, with the values of the polynomials as parameters."""
    from algeom.continuation import polynomial_system

    def equations(u: Any, q: Any) -> list[Any]:
        def at(k: int) -> Any:
            return u[abs(k)] if abs(k) <= n else 0

        convolutions = [sum(at(l) * at(m - l) for l in range(-n, n + 1)) - at(m) for m in range(n)]
        total = u[0] + 2 * sum(u[k] for k in range(1, n + 1))
        return [f - c for f, c in zip([*convolutions, total], q, strict=True)]

    return polynomial_system(equations, unknowns=n + 1, parameters=n + 1)


def _start_of_katsura(n: int, rng: np.random.Generator) -> tuple[Complex, Complex]:
    x = complex_normal(rng, n + 1) / np.sqrt(n + 1)
    return x, np.asarray(_katsura(n)(x, np.zeros(n + 1)), dtype=np.complex128)


def _in_family(
    name: str, polynomials: list[Terms], count: int, *, tags: set[str], source: str, note: str = ""
) -> SystemProblem:
    return SystemProblem(
        name=name,
        build=partial(_family, polynomials),
        count=count,
        draw=partial(_start_in_family, polynomials),
        parameters=_coefficients(polynomials),
        special_count=count,
        tags=frozenset(tags),
        source=source,
        note=note,
    )


_BJORCK = (
    "G. Björck, R. Fröberg, A faster way to count the solutions of inhomogeneous systems of algebraic equations, with "
    "applications to cyclic n-roots, J. Symb. Comput. 12 (1991); J. Backelin, R. Fröberg, How we proved that there are "
    "exactly 924 cyclic 7-roots (1991)"
)
_MORGAN = "A. P. Morgan, Solving Polynomial Systems Using Continuation for Engineering and Scientific Problems (1987)"
_NOONBURG = (
    "V. W. Noonburg, A neural network modeled by an adaptive Lotka-Volterra system, SIAM J. Appl. Math. 49 (1989)"
)
_KATSURA = "S. Katsura et al., Cell Biophys. 11 (1987); W. Boege, R. Gebauer, H. Kredel, J. Symb. Comput. 2 (1986)"
_VERSCHELDE = "J. Verschelde's database of polynomial systems (numbers of roots)"

PROBLEMS = (
    *(
        _in_family(
            f"cyclic_{n}",
            _cyclic(n),
            count,
            tags={"cyclic", "quick"},
            source=_BJORCK,
            note="The count is the mixed volume: it holds for general coefficients as well as for cyclic roots.",
        )
        for n, count in ((5, 70), (6, 156), (7, 924))
    ),
    *(
        SystemProblem(
            name=f"katsura_{n}",
            build=partial(_katsura, n),
            count=2**n,
            draw=partial(_start_of_katsura, n),
            parameters=(*[0] * n, 1),
            special_count=2**n,
            tags=frozenset({"katsura", "quick"}),
            source=f"{_KATSURA}; {_VERSCHELDE}: Bézout's bound is attained",
        )
        for n in (4, 6, 8)
    ),
    *(
        _in_family(
            f"economics_{n}",
            _economics(n),
            2 ** (n - 2),
            tags={"economics", "quick"},
            source=f"{_MORGAN}; {_VERSCHELDE}",
            note="Called eco-n in collections of test systems.",
        )
        for n in (5, 6, 8)
    ),
    *(
        _in_family(
            f"noonburg_{n}",
            _noonburg(n),
            3**n - 2 * n,
            tags={"noonburg", "quick"},
            source=f"{_NOONBURG}; {_VERSCHELDE}",
            note="Called noon-n in collections of test systems.",
        )
        for n in (3, 4, 5)
    ),
)

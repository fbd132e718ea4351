"""Polynomials to and from plain JSON types, SymPy and python-flint.

The functions that read return exponents, coefficients and names: what the constructor of `Polynomial` takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from numpy.typing import NDArray

from algeom.algebra.evaluation import Coefficient
from algeom.algebra.printing import parse_rational, rational_text
from algeom.errors import InputError

if TYPE_CHECKING:
    from algeom.algebra.polynomial import Polynomial

Parts = tuple[NDArray[Any], list[Coefficient], tuple[str, ...]]


def _parts(terms: Iterable[tuple[Iterable[int], Coefficient]], names: Iterable[str]) -> Parts:
    """Exponents of the right shape, without terms too."""
    columns = tuple(names)
    pairs = [(list(exponents), c) for exponents, c in terms]
    exponents = np.array([row for row, _ in pairs], dtype=np.int64).reshape(len(pairs), len(columns))
    return exponents, [c for _, c in pairs], columns


def to_dict(f: Polynomial) -> dict[str, Any]:
    """Names, and terms as coefficient text and pairs (variable, exponent)."""
    return {
        "names": list(f.names),
        "terms": [[rational_text(c), [[i, e] for i, e in enumerate(exponents) if e]] for exponents, c in f.terms()],
    }


def from_dict(data: Mapping[str, Any]) -> Parts:
    """Inverse of `to_dict`; an InputError says what is malformed."""
    if not isinstance(data, Mapping) or not {"names", "terms"} <= set(data):
        raise InputError("a polynomial's data are a mapping with the keys 'names' and 'terms'")
    names, terms = data["names"], data["terms"]
    if not isinstance(names, list | tuple) or not isinstance(terms, list | tuple):
        raise InputError("'names' and 'terms' of a polynomial's data are lists")
    m = len(names)
    rows = []
    for k, term in enumerate(terms):
        try:
            text, factors = term
            row = [0] * m
            for i, e in factors:
                if type(i) is not int or type(e) is not int or not 0 <= i < m or not 0 < e < 2**31 or row[i]:
                    raise ValueError(f"bad factor [{i!r}, {e!r}]")
                row[i] = e
            rows.append((row, parse_rational(text)))
        except (TypeError, ValueError) as error:
            raise InputError(
                f"term {k} of the polynomial's data is {term!r:.80}: {error}; expected [coefficient as text, "
                f"[[variable, exponent], ...]] with variables from 0 to {m - 1}, each once, and positive exponents"
            ) from None
    return _parts(rows, names)


def to_sympy(f: Polynomial) -> Any:
    """SymPy expression in symbols of the same names."""
    import sympy

    symbols = [sympy.Symbol(name) for name in f.names]
    terms = {exponents: sympy.Rational(c.numerator, c.denominator) for exponents, c in f.terms()}
    if not symbols:
        return sympy.Add(*terms.values())
    return sympy.Poly.from_dict(terms, *symbols, domain="QQ").as_expr()


def _natural(name: str) -> list[str | int]:
    """Sorting key that compares numbers inside names as numbers."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", name)]


def from_sympy(expression: Any, names: Iterable[str] | None) -> Parts:
    """Terms of a SymPy expression or Poly."""
    import sympy

    is_poly = isinstance(expression, sympy.Poly)
    try:
        expr = expression.as_expr() if is_poly else sympy.sympify(expression, strict=True)
    except sympy.SympifyError:
        raise InputError(f"{expression!r:.80} is not a SymPy expression") from None
    symbols = {str(s): s for s in expr.free_symbols}
    if names is not None:
        ordered = list(names)
    elif is_poly:
        ordered = [str(s) for s in expression.gens]
    else:
        ordered = sorted(symbols, key=_natural)
    missing = sorted(set(symbols) - set(ordered), key=_natural)
    if missing or len(symbols) < len(expr.free_symbols):
        raise InputError(
            f"the expression contains {', '.join(missing)}, which names does not list"
            if missing
            else "two different symbols of the expression have the same name"
        )
    if expr.has(sympy.Float):
        raise InputError("the expression contains floats; coefficients are exact: use sympy.Rational or nsimplify")
    if not ordered:
        generators = [sympy.Dummy()]
    else:
        generators = [symbols.get(name, sympy.Symbol(name)) for name in ordered]
    try:
        poly = sympy.Poly(expr, *generators, domain="QQ")
    except (sympy.PolynomialError, sympy.polys.polyerrors.CoercionFailed) as error:
        raise InputError(f"not a polynomial with rational coefficients in {ordered}: {error}") from None
    terms = [(exponents[: len(ordered)], Fraction(int(c.p), int(c.q))) for exponents, c in poly.terms() if c]
    return _parts(terms, ordered)


def to_flint(f: Polynomial, context: Any) -> Any:
    """Element of the given ring, or of the one with the same names over Z or, if need be, Q."""
    integral = all(isinstance(c, int) for c in f.coefficients)
    if context is None:
        ring = flint.fmpz_mpoly_ctx if integral else flint.fmpq_mpoly_ctx
        context = ring.get(f.names, flint.Ordering.deglex)
    elif context.nvars() != f.n_variables:
        raise InputError(f"the ring given has {context.nvars()} variables; the polynomial has {f.n_variables}")
    elif not integral and isinstance(context, flint.fmpz_mpoly_ctx):
        raise InputError("the polynomial has coefficients that are not integers; give a fmpq_mpoly_ctx")
    return context.from_dict(
        {exponents: c if isinstance(c, int) else flint.fmpq(c.numerator, c.denominator) for exponents, c in f.terms()}
    )


def from_flint(polynomial: Any, names: Iterable[str] | None) -> Parts:
    """Terms of a python-flint polynomial over Z or Q."""
    if not isinstance(polynomial, flint.fmpz_mpoly | flint.fmpq_mpoly):
        raise InputError(f"expected fmpz_mpoly or fmpq_mpoly, given {type(polynomial).__name__}")
    columns = polynomial.context().names() if names is None else tuple(names)
    if len(columns) != polynomial.context().nvars():
        raise InputError(f"{len(columns)} names were given for {polynomial.context().nvars()} variables")
    return _parts(polynomial.to_dict().items(), columns)

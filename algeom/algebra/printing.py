"""Polynomials as text and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from flint import fmpz

_GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|"
    "omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega"
)
#: letters, then digits or digits separated by underscores, then indices in brackets
_INDEXED = re.compile(r"([A-Za-z]+)_?(\d+(?:_\d+)*)?(?:\[([\d, ]+)\])?")
_SPECIAL = re.compile(r"([_#%&${}])")

Terms = Iterable[tuple[Sequence[int], int | Fraction]]


def decimal(n: int) -> str:
    """Decimal digits of an integer of any length (Python's own conversion refuses beyond 4300 digits).

    Examples
    --------
    >>> len(decimal(10**5000))
    5001
    """
    return str(n) if n.bit_length() < 10000 else str(fmpz(n))


def rational_text(c: int | Fraction) -> str:
    """An integer as its digits, a fraction as ``a/b``.

    Examples
    --------
    >>> rational_text(-3), rational_text(Fraction(1, 2))
    ('-3', '1/2')
    """
    if isinstance(c, int):
        return decimal(c)
    return f"{decimal(c.numerator)}/{decimal(c.denominator)}"


def parse_rational(text: str) -> Fraction:
    """Read what `rational_text` writes.

    Raises
    ------
    ValueError
        If the text is anything else.

    Examples
    --------
    >>> parse_rational("-3/6")
    Fraction(-1, 2)
    """
    if not re.fullmatch(r"-?[0-9]+(/[0-9]*[1-9][0-9]*)?", text):
        raise ValueError(f"not a rational number a or a/b in decimal digits: {text[:40]!r}")
    numerator, _, denominator = text.partition("/")
    return Fraction(int(fmpz(numerator)), int(fmpz(denominator or "1")))


def term_texts(terms: Terms, names: Sequence[str]) -> Iterable[str]:
    """Texts of the terms one by one, each but the first with its sign and spaces in front.

    Examples
    --------
    >>> "".join(term_texts([((2, 1), 2), ((0, 1), -1)], ["y1", "y2"]))
    '2*y1^2*y2 - y2'
    """
    for k, (exponents, c) in enumerate(terms):
        factors = [name if e == 1 else f"{name}^{e}" for name, e in zip(names, exponents, strict=True) if e]
        yield _signed_product(c, factors, rational_text, "*", first=k == 0)


def latex_texts(terms: Terms, names: Sequence[str]) -> Iterable[str]:
    r"""LaTeX of the terms one by one, each but the first with its sign and spaces in front.

    Examples
    --------
    >>> print("".join(latex_texts([((2, 1), 2), ((0, 1), Fraction(-1, 2))], ["y1", "y12"])))
    2 y_{1}^{2} y_{12} - \frac{1}{2} y_{12}
    """
    symbols = [latex_name(name) for name in names]
    for k, (exponents, c) in enumerate(terms):
        factors = [symbol if e == 1 else f"{symbol}^{{{e}}}" for symbol, e in zip(symbols, exponents, strict=True) if e]
        yield _signed_product(c, factors, _rational_latex, " ", first=k == 0)


def _rational_latex(c: int | Fraction) -> str:
    if isinstance(c, int):
        return decimal(c)
    return rf"\frac{{{decimal(c.numerator)}}}{{{decimal(c.denominator)}}}"


def _signed_product(
    c: int | Fraction, factors: list[str], number: Callable[[int | Fraction], str], times: str, *, first: bool
) -> str:
    """One term: sign, coefficient unless it is 1, and factors."""
    size = -c if c < 0 else c
    if size != 1 or not factors:
        factors = [number(size), *factors]
    sign = ("-" if c < 0 else "") if first else (" - " if c < 0 else " + ")
    return sign + times.join(factors)


def latex_name(name: str) -> str:
    r"""LaTeX of a variable's name: digits and bracketed indices become subscripts, Greek names Greek letters.

    Examples
    --------
    >>> for name in ["y12", "p_1_2", "theta3", "W1[0,1]", "X[2, 3]", "total", "a b"]:
    ...     print(latex_name(name))
    y_{12}
    p_{1,2}
    \theta_{3}
    {W_{1}}_{0,1}
    X_{2,3}
    \mathrm{total}
    \mathrm{a b}
    """
    match = _INDEXED.fullmatch(name)
    if not match:
        escaped = _SPECIAL.sub(r"\\\1", name)
        return rf"\mathrm{{{escaped}}}"
    letters, digits, indices = match.groups()
    if _GREEK.fullmatch(letters):
        symbol = "\\" + letters
    elif len(letters) == 1:
        symbol = letters
    else:
        symbol = rf"\mathrm{{{letters}}}"
    if digits:
        symbol = f"{symbol}_{{{digits.replace('_', ',')}}}"
    if indices:
        inner = f"{{{symbol}}}" if digits else symbol
        symbol = f"{inner}_{{{indices.replace(' ', '')}}}"
    return symbol

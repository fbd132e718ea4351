"""Maps from strings and from SymPy expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NoReturn

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*(?:\[\s*\d+\s*(?:,\s*\d+\s*)*\])?)"
    r"|(?P<operator>\*\*|[-+*/^()]))"
)

#: Parentheses and signs nested deeper than this are refused: each level is a level of recursion.
_MAX_DEPTH = 100

#: Digits and decimal exponents beyond this are refused: 1e1000000000 would fill the memory.
_MAX_DIGITS = 100_000

_NATURAL = re.compile(r"(\d+)")

_NAME = re.compile(r"[^\W\d]\w*'*(?:\[\s*\w+\s*(?:,\s*\w+\s*)*\]'*)*")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorting key that puts x2 before x10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in _NATURAL.split(name)]


def normal_name(name: str) -> str:
    """A name without spaces, so that ``W[0, 1]`` is ``W[0,1]``."""
    return re.sub(r"\s+", "", name)


def checked_name(argument: str, name: object) -> str:
    """A name in its normal form, once it is certain that printed polynomials in it can be read in one way only."""
    if not isinstance(name, str) or not _NAME.fullmatch(name.strip()):
        raise InputError(
            f"{argument} has the entry {name!r}; names are non-empty strings of letters, digits and underscores that "
            "do not begin with a digit; primes and indices in brackets may follow, as in x', x[1,2]"
        )
    return normal_name(name)


class Parser:
    """Recursive-descent parser of one expression, straight into a tape.

    The grammar is ``expression := term (('+'|'-') term)*``, ``term := signed (('*'|'/') signed)*``,
    ``signed := ('+'|'-')* power``, ``power := atom (('^'|'**') signed)?``, an exponent being a constant integer.

    Parameters
    ----------
    text : str
        The expression.
    builder : TapeBuilder
        Receives the operations.
    symbols : mapping of str to int
        Node of every name.
    """

    def __init__(self, text: str, builder: TapeBuilder, symbols: Mapping[str, int]) -> None:
        self.text = text
        self.builder = builder
        self.symbols = symbols
        self.tokens = tokenize(text)
        self.position = 0
        self.depth = 0

    def parse(self) -> int:
        """Node of the expression."""
        if not self.tokens:
            raise InputError("an expression is empty; write 0 for a coordinate that is zero")
        node = self._expression()
        if self.position < len(self.tokens):
            self._fail("an operator is missing; products are written with *")
        return node

    def _fail(self, reason: str) -> NoReturn:
        _, token, column = self.tokens[min(self.position, len(self.tokens) - 1)]
        where = f"at {token!r} (character {column + 1})" if self.position < len(self.tokens) else "at its end"
        raise InputError(f"the expression {_shortened(self.text)!r} cannot be read {where}: {reason}")

    def _operator(self, *symbols: str) -> str | None:
        """Take the next token if it is one of these operators."""
        if self.position < len(self.tokens):
            kind, token, _ = self.tokens[self.position]
            if kind == "operator" and token in symbols:
                self.position += 1
                return token
        return None

    def _expression(self) -> int:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail(f"it is nested more than {_MAX_DEPTH} levels deep; write the map as a Python function")
        node = self._term()
        while operator := self._operator("+", "-"):
            right = self._term()
            node = self.builder.add(node, right) if operator == "+" else self.builder.sub(node, right)
        self.depth -= 1
        return node

    def _term(self) -> int:
        node = self._signed()
        while operator := self._operator("*", "/"):
            right = self._signed()
            if operator == "/" and right == self.builder.zero:
                self._fail("it divides by zero")
            node = self.builder.mul(node, right) if operator == "*" else self.builder.div(node, right)
        return node

    def _signed(self) -> int:
        negative = False
        while sign := self._operator("+", "-"):
            negative ^= sign == "-"
        node = self._power()
        return self.builder.neg(node) if negative else node

    def _power(self) -> int:
        base = self._atom()
        if not self._operator("^", "**"):
            return base
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self._fail(f"it is nested more than {_MAX_DEPTH} levels deep; write the map as a Python function")
        exponent = self.builder.value(self._signed())
        self.depth -= 1
        if exponent is None or exponent.denominator != 1:
            self.position -= 1
            if exponent is None:
                raise NotPolynomialError(
                    f"the expression {_shortened(self.text)!r} has a parameter in an exponent; "
                    "exponents are integers: make the power a parameter of its own"
                )
            raise NotPolynomialError(
                f"the expression {_shortened(self.text)!r} has the exponent {exponent}, a root; "
                "make the root the parameter"
            )
        return self.builder.power(base, int(exponent))

    def _atom(self) -> int:
        if self._operator("("):
            node = self._expression()
            if not self._operator(")"):
                self._fail("a closing parenthesis is missing")
            return node
        if self.position >= len(self.tokens):
            self._fail("a number, a name or a parenthesis should follow")
        kind, token, _ = self.tokens[self.position]
        if kind == "operator":
            self._fail("a number, a name or a parenthesis should stand here")
        self.position += 1
        if kind == "number":
            return self.builder.constant(_decimal(token))
        if token not in self.symbols:
            self.position -= 1
            following = self.tokens[self.position + 1][1] if self.position + 1 < len(self.tokens) else ""
            if following == "(":
                self._fail(f"{token} is not a parameter; a product is {token}*(...), and there are no functions")
            self._fail(f"{token} is not one of the parameters {_listed(self.symbols)}")
        return self.symbols[token]


def tokenize(text: str) -> list[tuple[str, str, int]]:
    """Tokens of an expression: (kind, text, character), kinds number, name and operator."""
    tokens = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            column = position + len(text[position:]) - len(text[position:].lstrip())
            raise InputError(
                f"the expression {_shortened(text)!r} has {text[column]!r} at character {column + 1}; "
                "expressions have numbers, names, + - * / ^ ** and parentheses"
            )
        kind = str(match.lastgroup)
        token = match.group(kind)
        tokens.append((kind, normal_name(token) if kind == "name" else token, match.start(kind)))
        position = match.end()
    return tokens


def _decimal(token: str) -> Fraction:
    digits, _, exponent = token.lower().partition("e")
    if len(digits) > _MAX_DIGITS or (exponent and abs(int(exponent)) > _MAX_DIGITS):
        raise InputError(f"the number {_shortened(token)} has too many digits; at most {_MAX_DIGITS} are read")
    return Fraction(token)


def _shortened(text: str, length: int = 60) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def _listed(names: Iterable[str], most: int = 8) -> str:
    names = list(names)
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def names_in(expressions: Sequence[Any]) -> list[str]:
    """Names of all symbols in strings and SymPy expressions, in natural order."""
    names: set[str] = set()
    for expression in expressions:
        if isinstance(expression, str):
            names.update(token for kind, token, _ in tokenize(expression) if kind == "name")
        elif hasattr(expression, "free_symbols"):
            names.update(str(symbol) for symbol in expression.free_symbols)
    return sorted(names, key=natural_key)


def parse_expressions(expressions: Sequence[Any], builder: TapeBuilder, symbols: Mapping[str, int]) -> list[int]:
    """Nodes of strings, SymPy expressions and numbers.

    Raises
    ------
    InputError
        If an expression cannot be read or has a name that is not among the symbols.
    NotPolynomialError
        If it is not a rational function of them.
    """
    convert = _SympyConverter(builder, symbols)
    nodes = []
    for expression in expressions:
        if isinstance(expression, str):
            nodes.append(Parser(expression, builder, symbols).parse())
        elif hasattr(expression, "free_symbols"):
            nodes.append(convert(expression))
        else:
            nodes.append(builder.literal(expression))
    return nodes


class _SympyConverter:
    """SymPy expressions into tape nodes; equal subexpressions are converted once."""

    def __init__(self, builder: TapeBuilder, symbols: Mapping[str, int]) -> None:
        self.builder = builder
        self.symbols = symbols
        self.known: dict[Any, int] = {}

    def __call__(self, expression: Any) -> int:
        node = self.known.get(expression)
        if node is None:
            node = self.known[expression] = self._convert(expression)
        return node

    def _convert(self, expression: Any) -> int:
        builder = self.builder
        if expression.is_Symbol:
            name = normal_name(str(expression))
            if name not in self.symbols:
                raise InputError(f"the symbol {name} is not one of the parameters {_listed(self.symbols)}")
            return self.symbols[name]
        if expression.is_Number and (expression.is_Rational or expression.is_Float):
            return builder.literal(expression)
        if expression.is_Add:
            return builder.sum(self(term) for term in expression.args)
        if expression.is_Mul:
            # Denominators come as powers with negative exponents; dividing once by their product is cheaper.
            above, below = builder.one, builder.one
            for factor in expression.args:
                if factor.is_Pow and factor.exp.is_Integer and factor.exp.is_negative:
                    below = builder.mul(below, builder.power(self(factor.base), -int(factor.exp)))
                else:
                    above = builder.mul(above, self(factor))
            return builder.div(above, below)
        if expression.is_Pow:
            if not expression.exp.is_Integer:
                raise NotPolynomialError(
                    f"{_shortened(str(expression))} has the exponent {expression.exp}; exponents are integers: "
                    "make the power or the root a parameter of its own"
                )
            return builder.power(self(expression.base), int(expression.exp))
        raise NotPolynomialError(
            f"{_shortened(str(expression))} is not a rational function of the parameters with rational constants; "
            "replace it by a parameter of its own, or by a number"
        )

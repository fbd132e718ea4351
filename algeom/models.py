"""Maps by what a person types: a name of the catalogue, ``file.py:function``, or expressions."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from algeom.errors import AlgeomError, InputError
from algeom.maps import PolynomialMap, polynomial_map

__all__ = ["Model", "catalogue", "load_model", "usage"]

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_NETWORKS = {"attention": "attention_map", "attention_cross": "attention_cross_map", "relu": "relu_pattern_map"}
_USAGE = {
    "attention": "attention --d D --t T [--rank R]",
    "attention_cross": "attention_cross --d D [--rank R]",
    "relu": "relu --widths N,N,... --patterns P,P,...",
    "secant": "secant K MODEL...",
}
#: Two models in one list of words could not be told apart.
_NOT_TYPED = {"hadamard_product", "join"}


@dataclass(frozen=True)
class Model:
    """A map, how it was named, and the degree through which its equations are known to be interesting.

    Attributes
    ----------
    name : str
    map : PolynomialMap
    max_degree : int or None
        From the registry of problems; None for all other maps.
    """

    name: str
    map: PolynomialMap
    max_degree: int | None = None


def catalogue() -> dict[str, Callable[..., Any]]:
    """The functions of `algeom.networks` and `algeom.varieties` that build a map, by the name to type.

    Examples
    --------
    >>> {"relu", "attention", "segre", "grassmannian"} <= set(catalogue())
    True
    """
    from algeom import networks, varieties

    table = {name: getattr(networks, function) for name, function in _NETWORKS.items()}
    return table | {name: getattr(varieties, name) for name in varieties.__all__ if name not in _NOT_TYPED}


def _argument(text: str) -> Any:
    """An integer, a boolean, a list ``2,2``, a list of edges ``1-2,2-3``, or the text itself.

    Examples
    --------
    >>> [_argument(t) for t in ("3", "2,1", "1-2", "1-2,2-3", "12|34", "true")]
    [3, (2, 1), ((1, 2),), ((1, 2), (2, 3)), '12|34', True]
    """
    pieces = text.split(",")
    if all(re.fullmatch(r"\d+", piece) for piece in pieces):
        return int(text) if len(pieces) == 1 else tuple(map(int, pieces))
    if all(re.fullmatch(r"\d+-\d+", piece) for piece in pieces):
        return tuple(tuple(map(int, piece.split("-"))) for piece in pieces)
    return {"true": True, "false": False}.get(text.lower(), text)


def usage(name: str, function: Callable[..., Any]) -> str:
    """How a model is typed, for example ``segre DIMS...``."""
    if name in _USAGE:
        return _USAGE[name]
    words = [name]
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            words.append(f"{parameter.name.upper()}...")
        elif parameter.default is parameter.empty:
            words.append(parameter.name.upper())
        else:
            words.append(f"[{parameter.name}=...]")
    return " ".join(words)


def _call(name: str, function: Callable[..., Any], words: Sequence[str], options: Mapping[str, Any]) -> PolynomialMap:
    """Build a map of the catalogue from words and options."""
    arguments = [_argument(word) for word in words if "=" not in word]
    keywords = {key: _argument(value) for key, _, value in (word.partition("=") for word in words if "=" in word)}
    keywords |= {key: value for key, value in options.items() if value is not None}
    try:
        inspect.signature(function).bind(*arguments, **keywords)
    except TypeError as error:
        raise InputError(f"{name}: {error}; expected {usage(name, function)}") from None
    made = function(*arguments, **keywords)
    assert isinstance(made, PolynomialMap)
    return made


def _secant(words: Sequence[str], options: Mapping[str, Any]) -> PolynomialMap:
    """``secant K MODEL ...``."""
    from algeom.varieties import secant

    if len(words) < 2 or not words[0].isdigit():
        raise InputError("secant: expected secant K MODEL..., for example secant 3 segre 2 2 2")
    return secant(int(words[0]), load_model(words[1:], options=options).map)


def _from_file(reference: str, parameters: Any, names: Sequence[str] | None) -> PolynomialMap:
    """The map that ``file.py:name`` refers to: a `PolynomialMap`, a function to trace, or one that makes a map."""
    file, _, attribute = reference.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InputError(f"there is no file {file!r}; expected file.py:function")
    module_name = f"_algeom_model_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{file!r} is no Python file; expected file.py:function")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses and pickling look their module up
    try:
        spec.loader.exec_module(module)
    except AlgeomError:
        raise
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = getattr(error, "lineno", None) or (frames[-1].lineno if frames else None)
        where = f", line {line}" if line else ""
        raise InputError(f"{file}{where}: {type(error).__name__}: {error}") from error
    found = getattr(module, attribute, None)
    if isinstance(found, PolynomialMap):
        return found
    if not callable(found):
        public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        near = get_close_matches(attribute, public, n=3) or public[:5]
        raise InputError(f"{file} has no function {attribute!r}" + (f"; it has {', '.join(near)}" if near else ""))
    if parameters is None and not inspect.signature(found).parameters:
        made = found()
        if isinstance(made, PolynomialMap):
            return made
        raise InputError(f"{reference} takes no parameters and returned no PolynomialMap; give it one argument")
    try:
        if isinstance(parameters, int):
            return polynomial_map(found, n_parameters=parameters, names=names)
        if parameters is None:
            raise InputError(f"{reference}: how many parameters does it have? Give --parameters N, or names, or A:2x3")
        return polynomial_map(found, parameters=parameters, names=names)
    except AlgeomError:
        raise
    except Exception as error:
        raise InputError(f"{reference} failed while it was traced: {type(error).__name__}: {error}") from error


def _parse_parameters(text: str | None) -> int | list[str] | dict[str, tuple[int, ...]] | None:
    """``3``, ``a,b`` or ``W1:4x4,b:4``.

    Examples
    --------
    >>> [_parse_parameters(t) for t in ("3", "a,b", "W1:4x4,b:4")]
    [3, ['a', 'b'], {'W1': (4, 4), 'b': (4,)}]
    """
    if text is None:
        return None
    if text.strip().isdigit():
        return int(text)
    pieces = [piece.strip() for piece in text.split(",")]
    if not any(":" in piece for piece in pieces):
        return pieces
    shapes: dict[str, tuple[int, ...]] = {}
    for piece in pieces:
        name, _, shape = piece.partition(":")
        if not re.fullmatch(r"(\d+(x\d+)*)?", shape):
            raise InputError(f"--parameters {text}: {piece!r} is no array; expected NAME:2x3, NAME:4 or NAME")
        shapes[name] = tuple(map(int, shape.split("x"))) if shape else ()
    return shapes


def load_model(
    words: Sequence[str],
    *,
    parameters: str | None = None,
    names: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Return the map that the words name.

    Parameters
    ----------
    words : sequence of str
        A model of the catalogue with its arguments (``segre 2 2``, ``secant 3 segre 2 2 2``), a problem of the
        registry (``twisted_cubic``), ``file.py:function``, or one expression for each coordinate.
    parameters : str, optional
        Of a function in a file: their number, their names ``a,b``, or arrays ``W1:4x4,W2:4x4``. Of expressions: the
        names, in order.
    names : sequence of str, optional
        Of the coordinates of expressions or of a function in a file.
    options : mapping, optional
        Further keyword arguments for a model of the catalogue; None values do not count.

    Raises
    ------
    InputError
        If nothing has this name, or its arguments are not what it expects.

    Examples
    --------
    >>> load_model(["segre", "2", "2"]).map.n_coordinates
    9
    >>> load_model(["a*b", "a*(1-b)"]).map.parameter_names
    ('a', 'b')
    """
    given = {key: value for key, value in (options or {}).items() if value is not None}
    if not words:
        raise InputError("no model given: expected a name (algeom models lists them), file.py:function or expressions")
    first, rest = words[0], words[1:]
    label = " ".join(words)
    if re.search(r"\.py:\w+$", first):
        if rest:
            raise InputError(f"{first} is followed by {' '.join(rest)!r}: a file's function takes no further words")
        return Model(label, _from_file(first, _parse_parameters(parameters), names))

    from algeom.registry import problem, problems

    table = catalogue()
    known = {entry.name for entry in problems()}
    name = first.replace("-", "_")
    if (name in table or (name in known and not rest)) and (parameters is not None or names is not None):
        raise InputError(f"{first} is a named model: --parameters and --names belong to expressions and files")
    if given and name not in _NETWORKS and name != "secant":
        raise InputError(f"--{next(iter(given))} belongs to relu and attention, and not to {first!r}")
    if name == "secant":
        return Model(label, _secant(rest, given))
    if name in table:
        return Model(label, _call(name, table[name], rest, given))
    if name in known and not rest:
        entry = problem(name)
        return Model(name, entry.build(), entry.max_degree or None)
    if all(_IDENTIFIER.fullmatch(word) or word.isdigit() for word in words) and parameters is None:
        near = get_close_matches(name, [*table, *known], n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(
            f"no model is named {first!r}{hint} (algeom models lists all; expressions that are plain names need "
            "--parameters)"
        )
    variables = _parse_parameters(parameters)
    if isinstance(variables, (int, dict)):
        raise InputError(f"--parameters {parameters}: for expressions give the names of the parameters, such as a,b")
    return Model(label, polynomial_map(list(words), parameters=variables, names=names))

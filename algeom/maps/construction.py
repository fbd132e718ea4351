"""`polynomial_map`: maps from Python functions, strings and SymPy expressions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from algeom.errors import AlgeomError, InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder
from algeom.maps.parsing import checked_name, names_in, parse_expressions
from algeom.maps.polynomial_map import PolynomialMap, checked_names
from algeom.maps.traced_functions import flatten
from algeom.maps.tracing import TracedArray, not_polynomial

Shapes = dict[str, tuple[int, ...]]


def polynomial_map(
    f: Callable[..., Any] | Sequence[Any] | str,
    *,
    n_parameters: int | None = None,
    parameters: Mapping[str, int | Sequence[int]] | Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    symmetries: Iterable[tuple[Any, Any]] = (),
) -> PolynomialMap:
    """Make a polynomial or rational map from a NumPy-style function, from strings or from SymPy expressions.

    Parameters
    ----------
    f : callable, or sequence of str, SymPy expressions and numbers
        A function is called once, with traced parameters, and returns the coordinates as an array or nested
        lists, which are flattened in C order. It may use + - * / ** (integer powers), ``@``, indexing, and
        NumPy functions that move, add or multiply entries: einsum, outer, kron, sum, prod, reshape, stack,
        linalg.det, linalg.inv and others. Strings use + - * / ^ ** and parentheses; decimals in them are exact.
    n_parameters : int, optional
        Number of parameters of a function of one vector. Not together with ``parameters``.
    parameters : mapping of str to shape, or sequence of str, optional
        Named arrays by shape, ``{"W1": (4, 4), "b": 4, "s": ()}``, passed to the function by name if its arguments
        have these names, else by position; the parameter vector is these arrays in this order, each in C order. A
        sequence of names gives a function scalars if its arguments have these names, else one vector. For
        strings and SymPy: the names of the parameters, by default all symbols in natural order.
    names : sequence of str, optional
        Names of the coordinates, ``y1, y2, ...`` by default. Like those of parameters, they are letters, digits
        and underscores, not beginning with a digit; primes and indices in brackets may follow: ``x'``, ``x[1,2]``.
    symmetries : iterable of pairs of permutations
        Pairs (tau, sigma) of index arrays with ``phi(theta[tau])[i] == phi(theta)[sigma[i]]`` for all i.

    Returns
    -------
    PolynomialMap

    Raises
    ------
    NotPolynomialError
        If the function does what no rational map does: compares a parameter, takes ``np.exp`` of it, ...
    InputError
        If an argument is missing or does not fit, a constant is not finite, or there are no coordinates.

    Examples
    --------
    >>> def independence(t):
    ...     a, b = t
    ...     return [a*b, a*(1-b), (1-a)*b, (1-a)*(1-b)]
    >>> polynomial_map(independence, n_parameters=2, names=["p1", "p2", "p3", "p4"])
    PolynomialMap(2 parameters -> 4 coordinates, 6 operations, degree 2)
    >>> polynomial_map(lambda A, B: A @ B, parameters={"A": (3, 1), "B": (1, 3)})
    PolynomialMap(6 parameters -> 9 coordinates, 9 operations, degree 2)
    >>> polynomial_map(["s/(1+s)", "t^2"]).parameter_names
    ('s', 't')
    """
    if n_parameters is not None and parameters is not None:
        raise InputError(f"n_parameters={n_parameters!r} and parameters={parameters!r} were given; give one of the two")
    if callable(f) and not isinstance(f, Sequence):
        shapes, scalar_names = _parameters_of_function(f, n_parameters, parameters)
        builder, nodes = _trace(f, shapes, scalar_names)
        parameter_names = scalar_names or _element_names(shapes)
    else:
        shapes = {}
        expressions = _expressions(f)
        parameter_names = _parameters_of_expressions(expressions, n_parameters, parameters)
        builder = TapeBuilder(len(parameter_names))
        nodes = parse_expressions(expressions, builder, dict(zip(parameter_names, builder.inputs, strict=True)))
    if not nodes:
        raise InputError("the map has no coordinates: the function returned an empty list; return at least one")
    return PolynomialMap(
        builder.build(nodes),
        names=_given_names(names, len(nodes)),
        parameter_names=tuple(parameter_names),
        parameter_shapes=shapes if shapes and "" not in shapes else None,
        symmetries=tuple(symmetries),
        has_float_constants=builder.has_float_constants,
    )


def _given_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    return () if names is None else checked_names("names", names, count, "coordinates")


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError(f"n_parameters={value!r}; a map has a positive number of parameters")
    return int(value)


def _shapes(parameters: Mapping[str, Any]) -> Shapes:
    shapes: Shapes = {}
    for name, shape in parameters.items():
        checked_name("parameters", name)
        try:
            sizes = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(size) for size in shape)
        except (TypeError, ValueError):
            raise InputError(f"parameters[{name!r}]={shape!r} is not a shape; write (4, 4), 4 or ()") from None
        if any(size < 1 for size in sizes):
            raise InputError(f"parameters[{name!r}] has the shape {sizes}; its lengths must be positive")
        shapes[name] = sizes
    if not shapes:
        raise InputError("parameters is empty; a map has at least one parameter")
    return shapes


def _parameters_of_function(
    f: Callable[..., Any], n_parameters: int | None, parameters: Any
) -> tuple[Shapes, list[str]]:
    """Shapes of the arguments (one vector has the name ""), and names of scalar parameters if given."""
    if parameters is None:
        if n_parameters is None:
            raise InputError(
                "how many parameters does the function have? Give n_parameters=... for one vector, or "
                'parameters={"A": (2, 3), ...} for named arrays'
            )
        return {"": (_count(n_parameters),)}, []
    if isinstance(parameters, Mapping):
        return _shapes(parameters), []
    if isinstance(parameters, str):
        raise InputError(f"parameters={parameters!r} is one string; give a list of names or a mapping to shapes")
    names = list(parameters)
    if not names:
        raise InputError("parameters is empty; a map has at least one parameter")
    names = list(checked_names("parameters", names, len(names), "parameters"))
    arguments = _argument_names(f)
    scalars = arguments is not None and set(names) <= set(arguments)
    return dict.fromkeys(names, ()) if scalars else {"": (len(names),)}, names


def _argument_names(f: Callable[..., Any]) -> list[str] | None:
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return None
    return [
        name
        for name, argument in signature.parameters.items()
        if argument.kind not in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD)
    ]


def _element_names(shapes: Shapes) -> list[str]:
    if "" in shapes:
        return [f"theta{i}" for i in range(1, shapes[""][0] + 1)]
    names = []
    for name, shape in shapes.items():
        names += [f"{name}[{','.join(map(str, index))}]" if shape else name for index in np.ndindex(*shape)]
    return names


def _trace(f: Callable[..., Any], shapes: Shapes, names: list[str]) -> tuple[TapeBuilder, list[int]]:
    """Call the function with traced arguments; the builder and the nodes of what it returned."""
    builder = TapeBuilder(sum(int(np.prod(shape, dtype=int)) for shape in shapes.values()))
    arrays: dict[str, TracedArray] = {}
    start = builder.inputs.start
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=int))
        arrays[name] = TracedArray(builder, np.arange(start, start + size, dtype=np.int64).reshape(shape))
        start += size
    arguments, keywords = _arguments(f, arrays)
    try:
        returned = f(*arguments, **keywords)
        return builder, flatten(builder, returned)
    except AlgeomError:
        raise
    except (TypeError, ValueError, IndexError) as error:
        if isinstance(error.__cause__, AlgeomError):
            raise error.__cause__ from error
        message = str(error)
        if "unpack" in message:
            raise InputError(
                f"the function unpacks its argument, which has shape {[a.shape for a in arrays.values()]}: {message}; "
                "give the number that it expects as n_parameters, or in the shapes of `parameters`"
            ) from error
        missing = re.search(r"no callable (\w+) method", message)
        if missing:
            not_polynomial(f"np.{missing[1]}")
        if "dtype('O')" in message:
            raise NotPolynomialError(
                "collect parameters with np.block([[a, b], [c, d]]), or assign them to the entries of "
                "np.zeros_like(theta, shape=(2, 2)), and np.linalg and the others work; the function gave NumPy "
                f"nested lists or an object array of parameters, as np.array([[a, b], [c, d]]) makes ({message})"
            ) from error
        if isinstance(error, IndexError) and "valid indices" in message:
            raise NotPolynomialError(
                f"an index is not a constant integer ({message}); if it depends on a parameter, trace one map for each "
                "index, or contract with an indicator vector"
            ) from error
        raise


def _arguments(f: Callable[..., Any], arrays: dict[str, TracedArray]) -> tuple[list[Any], dict[str, Any]]:
    """How to call the function: by name where its arguments have the names of the parameters, else by position."""
    values = list(arrays.values())
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        return values, {}
    if "" not in arrays:
        try:
            signature.bind(**arrays)
        except TypeError:
            pass
        else:
            return [], arrays
    try:
        signature.bind(*values)
    except TypeError as error:
        if "" in arrays:
            raise InputError(
                f"the function takes the arguments {signature}, not one vector ({error}); give "
                'parameters={"A": shape, ...} for a function of several arrays'
            ) from None
        raise InputError(
            f"the function takes the arguments {signature}, and `parameters` has {', '.join(arrays)} ({error})"
        ) from None
    return values, {}


def _expressions(f: Any) -> list[Any]:
    if isinstance(f, str):
        return [f]
    if hasattr(f, "free_symbols") and not getattr(f, "is_Matrix", False):
        return [f]
    flat: list[Any] = []

    def collect(value: Any) -> None:
        if getattr(value, "is_Matrix", False):
            flat.extend(value)  # SymPy matrices iterate without being Iterable
        elif isinstance(value, str) or not isinstance(value, Iterable):
            flat.append(value)
        else:
            for entry in value:
                collect(entry)

    if not isinstance(f, Iterable) and not getattr(f, "is_Matrix", False):
        raise InputError(f"a map is made from a function, strings or SymPy expressions, not from {f!r}")
    collect(f)
    return flat


def _parameters_of_expressions(expressions: list[Any], n_parameters: int | None, parameters: Any) -> list[str]:
    if not expressions:
        raise InputError("the map has no coordinates: the list of expressions is empty; give at least one")
    if parameters is None:
        names = names_in(expressions)
        if not names:
            raise InputError("the expressions have no parameters; name at least one with parameters=[...]")
        names = [checked_name("the symbols of the expressions", name) for name in names]
    elif isinstance(parameters, Mapping):
        names = _element_names(_shapes(parameters))
    elif isinstance(parameters, str):
        raise InputError(f"parameters={parameters!r} is one string; give a list of names, like {parameters.split(',')}")
    else:
        names = [str(name) for name in parameters]
        if not names:
            raise InputError("parameters is empty; a map has at least one parameter")
        names = list(checked_names("parameters", names, len(names), "parameters"))
    if n_parameters is not None and _count(n_parameters) != len(names):
        raise InputError(f"n_parameters={n_parameters}, but the parameters are {', '.join(names)}")
    return names

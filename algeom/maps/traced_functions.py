"""The NumPy functions that traced arrays understand: dispatch, and what a traced function may return."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder
from algeom.maps.traced_basics import FUNCTIONS, cumulative_product, cumulative_sum, product_over, sum_over, wrap
from algeom.maps.traced_products import einstein_sum, matrix_product
from algeom.maps.tracing import REMEDIES, TracedArray, elementwise, lift, not_polynomial, power


def _name(function: Any) -> str:
    module = (getattr(function, "__module__", "numpy") or "numpy").split(".")
    parts = ["np", *(part for part in module[1:] if not part.startswith("_"))]
    return ".".join([*parts, str(getattr(function, "__name__", function))])


def apply_function(builder: TapeBuilder, function: Any, args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function to traced arguments, or say why that is not possible."""
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        name = _name(function)
        if name.rsplit(".", 1)[-1] in REMEDIES:
            not_polynomial(name)
        raise NotPolynomialError(
            f"{name} is not available for traced parameters; write it with +, -, *, /, ** and functions that "
            "move, add or multiply entries (einsum, sum, reshape, stack, linalg.det, ...)"
        )
    for argument in ("out", "where"):
        if kwargs.get(argument) is not None and not (argument == "where" and kwargs[argument] is True):
            raise InputError(f"{_name(function)} with the argument {argument!r} cannot be traced; leave it out")
    kwargs = {key: value for key, value in kwargs.items() if key not in ("out", "where", "dtype", "order", "subok")}
    try:
        return implementation(builder, *args, **kwargs)
    except TypeError as error:
        if isinstance(error, NotPolynomialError) or "argument" not in str(error):
            raise
        raise InputError(f"{_name(function)} was called with arguments that tracing does not know: {error}") from error


# Universal functions

_BINARY: dict[Any, Callable[[TapeBuilder], Callable[[int, int], int]]] = {
    np.add: lambda builder: builder.add,
    np.subtract: lambda builder: builder.sub,
    np.multiply: lambda builder: builder.mul,
    np.divide: lambda builder: builder.div,
}
_UNARY: dict[Any, Callable[[TapeBuilder], Callable[[int], int]]] = {
    np.negative: lambda builder: builder.neg,
    np.positive: lambda builder: lambda node: node,
    np.square: lambda builder: lambda node: builder.mul(node, node),
    np.reciprocal: lambda builder: lambda node: builder.div(builder.one, node),
}


def apply_ufunc(builder: TapeBuilder, ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """Apply a universal function, or its ``reduce``, ``accumulate`` or ``outer``."""
    name = f"np.{ufunc.__name__}"
    out = kwargs.pop("out", None)
    if kwargs.get("where", True) is not True:
        raise InputError(f"{name} with the argument 'where' cannot be traced; multiply by a 0/1 mask")
    result = _apply_ufunc(builder, ufunc, method, inputs, kwargs, name)
    if out is None:
        return result
    target = out[0]
    if not isinstance(target, TracedArray):
        raise NotPolynomialError(
            f"{name} was to write traced values into an array of type {target.dtype}, as `x += parameter` does; "
            "write x = x + parameter"
        )
    target[...] = result
    return target


def _apply_ufunc(
    builder: TapeBuilder, ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any], name: str
) -> Any:
    if method == "__call__":
        if ufunc in _BINARY:
            return elementwise(builder, _BINARY[ufunc](builder), *inputs)
        if ufunc in _UNARY:
            return wrap(builder, lift(builder, inputs[0]))._map(_UNARY[ufunc](builder))
        if ufunc in (np.power, np.float_power):
            return power(builder, *inputs)
        if ufunc is np.matmul:
            return matrix_product(builder, *inputs)
        products = {
            getattr(np, "vecdot", None): "...i,...i->...",
            getattr(np, "matvec", None): "...ij,...j->...i",
            getattr(np, "vecmat", None): "...i,...ij->...j",
        }
        if ufunc in products:
            return einstein_sum(builder, products[ufunc], *inputs)
    elif method == "outer" and ufunc in _BINARY:
        a, b = (lift(builder, x) for x in inputs)
        return elementwise(
            builder, _BINARY[ufunc](builder), wrap(builder, a.reshape(a.shape + (1,) * b.ndim)), wrap(builder, b)
        )
    elif method in ("reduce", "accumulate") and ufunc in (np.add, np.multiply):
        if kwargs.get("initial") is None:
            kwargs.pop("initial", None)
        known = {k: v for k, v in kwargs.items() if k not in ("dtype", "where")}
        if method == "reduce":
            known.setdefault("axis", 0)
            return (sum_over if ufunc is np.add else product_over)(builder, *inputs, **known)
        return (cumulative_sum if ufunc is np.add else cumulative_product)(
            builder, inputs[0], axis=known.get("axis", 0)
        )
    if method != "__call__":
        raise NotPolynomialError(f"{name}.{method} is not available for traced parameters; use sums and products")
    return not_polynomial(name)


def flatten(builder: TapeBuilder, value: Any, path: str = "the value returned") -> list[int]:
    """Nodes of whatever a traced function returned, in C order of nested lists and arrays."""
    if isinstance(value, TracedArray):
        return lift(builder, value).ravel().tolist()
    if isinstance(value, np.ndarray):
        return lift(builder, value).ravel().tolist()
    if isinstance(value, (str, bytes, dict, set, frozenset)) or value is None:
        hint = "is a return statement missing?" if value is None else "return a list or an array of coordinates"
        raise InputError(f"{path} is {value!r}; {hint}")
    if isinstance(value, Iterable):
        return [node for k, part in enumerate(value) for node in flatten(builder, part, f"entry {k} of {path}")]
    return [builder.literal(value)]

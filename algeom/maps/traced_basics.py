"""NumPy functions on traced arrays that move or reduce entries, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder
from algeom.maps.tracing import TracedArray, constant_index, elementwise, holds_traced, lift, not_polynomial

F = TypeVar("F", bound=Callable[..., Any])
_MISSING: Any = object()

#: NumPy function -> implementation (builder, *args, **kwargs).
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def implements(*functions: Any) -> Callable[[F], F]:
    """Decorator that enters an implementation ``(builder, *args, **kwargs)`` of NumPy functions in the table."""

    def register(implementation: F) -> F:
        for function in functions:
            FUNCTIONS[function] = implementation
        return implementation

    return register


def wrap(builder: TapeBuilder, nodes: Any) -> TracedArray:
    """Traced array of these nodes."""
    return TracedArray(builder, np.asarray(nodes, dtype=np.int64))


# Functions that only move entries: NumPy's own, on the nodes. Padding with zeros pads with node 0, the constant zero.


def _moves(function: Any) -> None:
    def implementation(builder: TapeBuilder, array: Any, *args: Any, **kwargs: Any) -> Any:
        for argument in (*args, *kwargs.values()):
            constant_index(argument)
        result = function(lift(builder, array), *args, **kwargs)
        if isinstance(result, (list, tuple)):
            return [wrap(builder, part) for part in result]
        return wrap(builder, result)

    FUNCTIONS[function] = implementation


_MOVING: tuple[Any, ...] = (
    *(np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis, np.rollaxis, np.squeeze, np.expand_dims),
    *(np.broadcast_to, np.tile, np.repeat, np.roll, np.flip, np.fliplr, np.flipud, np.rot90, np.diagonal, np.tril),
    *(np.triu, np.diag, np.diagflat, np.take, np.take_along_axis, np.delete, np.copy, np.split, np.array_split),
    *(np.hsplit, np.vsplit, np.dsplit, np.resize, np.linalg.diagonal, np.linalg.matrix_transpose),
    np.matrix_transpose,
)
for _function in _MOVING:
    _moves(_function)
if hasattr(np, "unstack"):
    _moves(np.unstack)


def _joins(function: Any) -> None:
    def implementation(builder: TapeBuilder, arrays: Any, *args: Any, **kwargs: Any) -> TracedArray:
        return wrap(builder, function([lift(builder, array) for array in arrays], *args, **kwargs))

    FUNCTIONS[function] = implementation


for _function in (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack):
    _joins(_function)


def _at_least(function: Any) -> None:
    def implementation(builder: TapeBuilder, *arrays: Any) -> Any:
        results = [wrap(builder, function(lift(builder, array))) for array in arrays]
        return results[0] if len(results) == 1 else results

    FUNCTIONS[function] = implementation


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    _at_least(_function)


@implements(np.shape)
def _shape(builder: TapeBuilder, a: Any) -> tuple[int, ...]:
    return lift(builder, a).shape


@implements(np.size)
def _size(builder: TapeBuilder, a: Any, axis: int | None = None) -> int:
    return int(np.size(lift(builder, a), axis))


@implements(np.ndim)
def _ndim(builder: TapeBuilder, a: Any) -> int:
    return lift(builder, a).ndim


@implements(np.broadcast_arrays)
def _broadcast_arrays(builder: TapeBuilder, *arrays: Any) -> tuple[TracedArray, ...]:
    return tuple(wrap(builder, nodes) for nodes in np.broadcast_arrays(*(lift(builder, a) for a in arrays)))


@implements(np.block)
def _block(builder: TapeBuilder, arrays: Any) -> TracedArray:
    def nodes(part: Any) -> Any:
        return [nodes(entry) for entry in part] if isinstance(part, list) else lift(builder, part)

    return wrap(builder, np.block(nodes(arrays)))


@implements(np.append)
def _append(builder: TapeBuilder, arr: Any, values: Any, axis: int | None = None) -> TracedArray:
    return wrap(builder, np.append(lift(builder, arr), lift(builder, values), axis))


@implements(np.insert)
def _insert(builder: TapeBuilder, arr: Any, obj: Any, values: Any, axis: int | None = None) -> TracedArray:
    return wrap(builder, np.insert(lift(builder, arr), constant_index(obj), lift(builder, values), axis))


@implements(np.pad)
def _pad(
    builder: TapeBuilder, array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> TracedArray:
    nodes = lift(builder, array)
    if mode == "constant":
        fill = lift(builder, constant_values)
        return wrap(builder, np.pad(nodes, pad_width, constant_values=fill))
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return wrap(builder, np.pad(nodes, pad_width, mode=mode))  # type: ignore[call-overload]
    raise NotPolynomialError(f"np.pad with mode {mode!r} is not available for parameters; use 'constant' or 'edge'")


@implements(np.where)
def _where(builder: TapeBuilder, condition: Any, x: Any = _MISSING, y: Any = _MISSING) -> TracedArray:
    if x is _MISSING or y is _MISSING or holds_traced(condition):
        not_polynomial("np.where with a condition" if x is not _MISSING else "np.nonzero")
    return wrap(builder, np.where(np.asarray(condition), lift(builder, x), lift(builder, y)))


@implements(np.zeros_like, np.empty_like)
def _zeros_like(builder: TapeBuilder, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return full_like(builder, a, 0, shape)


@implements(np.ones_like)
def _ones_like(builder: TapeBuilder, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return full_like(builder, a, 1, shape)


@implements(np.full_like)
def full_like(builder: TapeBuilder, a: Any, fill_value: Any, shape: Any = None, **_: Any) -> TracedArray:
    """Array of one value, as large as another array or of a given shape."""
    target = np.zeros(lift(builder, a).shape if shape is None else shape, dtype=np.int64)
    target[...] = lift(builder, fill_value)
    return TracedArray(builder, target)


# Reductions


def over_axes(
    builder: TapeBuilder, a: Any, axis: Any, keepdims: Any, operation: Callable[[Sequence[int]], int]
) -> TracedArray:
    """Reduce the given axes (all for None) by an operation on lists of nodes."""
    nodes = lift(builder, a)
    axes = tuple(range(nodes.ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, nodes.ndim)
    kept = [k for k in range(nodes.ndim) if k not in axes]
    moved = nodes.transpose(*kept, *axes)
    shape = tuple(nodes.shape[k] for k in kept)
    rows = moved.reshape(int(np.prod(shape, dtype=int)), int(np.prod([nodes.shape[k] for k in axes], dtype=int)))
    result = np.array([operation(row) for row in rows.tolist()], dtype=np.int64).reshape(shape)
    if keepdims is True:
        result = np.expand_dims(result, axes)
    return TracedArray(builder, result)


@implements(np.sum)
def sum_over(builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False, initial: Any = 0) -> TracedArray:
    """Sum over axes."""
    start = int(lift(builder, _default(initial, 0)))
    return over_axes(builder, a, axis, keepdims, lambda row: builder.add(builder.sum(row), start))


@implements(np.prod)
def product_over(
    builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False, initial: Any = 1
) -> TracedArray:
    """Product over axes."""
    start = int(lift(builder, _default(initial, 1)))
    return over_axes(builder, a, axis, keepdims, lambda row: reduce(builder.mul, row, start))


def _default(value: Any, default: int) -> Any:
    """NumPy passes a private marker for arguments that were not given."""
    return default if value is np._NoValue else value


@implements(np.mean)
def _mean(builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False) -> TracedArray:
    total = sum_over(builder, a, axis, keepdims)
    count = lift(builder, a).size // max(total.size, 1)
    if count == 0:
        raise InputError("the mean of no elements was asked for")
    return total * Fraction(1, count)


@implements(np.average)
def _average(builder: TapeBuilder, a: Any, axis: Any = None, weights: Any = None) -> TracedArray:
    if weights is None:
        return _mean(builder, a, axis)
    w = lift(builder, weights)
    nodes = lift(builder, a)
    if w.shape != nodes.shape and axis is not None and w.ndim == 1:
        w = np.expand_dims(w, tuple(k for k in range(nodes.ndim) if k != axis % nodes.ndim))
    w = np.broadcast_to(w, nodes.shape)
    return sum_over(builder, wrap(builder, nodes) * wrap(builder, w), axis) / sum_over(builder, wrap(builder, w), axis)


@implements(np.var)
def _var(builder: TapeBuilder, a: Any, axis: Any = None, ddof: int = 0, keepdims: Any = False) -> TracedArray:
    array = wrap(builder, lift(builder, a))
    squares = (array - _mean(builder, array, axis, keepdims=True)) ** 2
    total = sum_over(builder, squares, axis, keepdims)
    return total * Fraction(1, array.size // total.size - ddof)


def _scan(builder: TapeBuilder, a: Any, axis: int | None, operation: Callable[[int, int], int]) -> TracedArray:
    nodes = lift(builder, a)
    if axis is None:
        nodes, axis = nodes.ravel(), 0
    result = np.moveaxis(nodes, axis, 0).copy()
    for k in range(1, len(result)):
        result[k] = elementwise(builder, operation, wrap(builder, result[k - 1]), wrap(builder, result[k])).nodes
    return wrap(builder, np.moveaxis(result, 0, axis))


@implements(np.cumsum)
def cumulative_sum(builder: TapeBuilder, a: Any, axis: int | None = None) -> TracedArray:
    """Sums of leading elements along an axis."""
    return _scan(builder, a, axis, builder.add)


@implements(np.cumprod)
def cumulative_product(builder: TapeBuilder, a: Any, axis: int | None = None) -> TracedArray:
    """Products of leading elements along an axis."""
    return _scan(builder, a, axis, builder.mul)


@implements(np.diff)
def _diff(builder: TapeBuilder, a: Any, n: int = 1, axis: int = -1) -> TracedArray:
    nodes = np.moveaxis(lift(builder, a), axis, 0)
    for _ in range(n):
        nodes = elementwise(builder, builder.sub, wrap(builder, nodes[1:]), wrap(builder, nodes[:-1])).nodes
    return wrap(builder, np.moveaxis(nodes, 0, axis))


@implements(np.trace)
def _trace(builder: TapeBuilder, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
    return sum_over(builder, wrap(builder, lift(builder, a).diagonal(offset, axis1, axis2)), -1)


@implements(np.linalg.trace)
def _linalg_trace(builder: TapeBuilder, x: Any, *, offset: int = 0) -> TracedArray:
    return _trace(builder, x, offset, -2, -1)

"""The NumPy functions that traced arrays understand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder
from algeom.maps.minors import adjugate_tape, determinant_tape
from algeom.maps.tracing import (
    _REMEDIES,
    Nodes,
    TracedArray,
    _constant_index,
    _holds_traced,
    elementwise,
    lift,
    not_polynomial,
    power,
)

F = TypeVar("F", bound=Callable[..., Any])
_MISSING: Any = object()

#: NumPy function -> implementation (builder, *args, **kwargs).
_FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def _implements(*functions: Any) -> Callable[[F], F]:
    def register(implementation: F) -> F:
        for function in functions:
            _FUNCTIONS[function] = implementation
        return implementation

    return register


def _name(function: Any) -> str:
    module = (getattr(function, "__module__", "numpy") or "numpy").split(".")
    parts = ["np", *(part for part in module[1:] if not part.startswith("_"))]
    return ".".join([*parts, str(getattr(function, "__name__", function))])


def apply_function(builder: TapeBuilder, function: Any, args: Any, kwargs: Any) -> Any:
    """Apply a NumPy function to traced arguments, or say why that is not possible."""
    implementation = _FUNCTIONS.get(function)
    if implementation is None:
        name = _name(function)
        if name.rsplit(".", 1)[-1] in _REMEDIES:
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
            return _wrap(builder, lift(builder, inputs[0]))._map(_UNARY[ufunc](builder))
        if ufunc in (np.power, np.float_power):
            return power(builder, *inputs)
        if ufunc is np.matmul:
            return _matmul(builder, *inputs)
        products = {
            getattr(np, "vecdot", None): "...i,...i->...",
            getattr(np, "matvec", None): "...ij,...j->...i",
            getattr(np, "vecmat", None): "...i,...ij->...j",
        }
        if ufunc in products:
            return _einsum(builder, products[ufunc], *inputs)
    elif method == "outer" and ufunc in _BINARY:
        a, b = (lift(builder, x) for x in inputs)
        return elementwise(
            builder, _BINARY[ufunc](builder), _wrap(builder, a.reshape(a.shape + (1,) * b.ndim)), _wrap(builder, b)
        )
    elif method in ("reduce", "accumulate") and ufunc in (np.add, np.multiply):
        if kwargs.get("initial") is None:
            kwargs.pop("initial", None)
        known = {k: v for k, v in kwargs.items() if k not in ("dtype", "where")}
        if method == "reduce":
            known.setdefault("axis", 0)
            return (_sum if ufunc is np.add else _prod)(builder, *inputs, **known)
        return (_cumsum if ufunc is np.add else _cumprod)(builder, inputs[0], axis=known.get("axis", 0))
    if method != "__call__":
        raise NotPolynomialError(f"{name}.{method} is not available for traced parameters; use sums and products")
    return not_polynomial(name)


def _wrap(builder: TapeBuilder, nodes: Any) -> TracedArray:
    return TracedArray(builder, np.asarray(nodes, dtype=np.int64))


# Functions that only move entries: NumPy's own, on the nodes. Padding with zeros pads with node 0, the constant zero.


def _moves(function: Any) -> None:
    def implementation(builder: TapeBuilder, array: Any, *args: Any, **kwargs: Any) -> Any:
        for argument in (*args, *kwargs.values()):
            _constant_index(argument)
        result = function(lift(builder, array), *args, **kwargs)
        if isinstance(result, (list, tuple)):
            return [_wrap(builder, part) for part in result]
        return _wrap(builder, result)

    _FUNCTIONS[function] = implementation


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
        return _wrap(builder, function([lift(builder, array) for array in arrays], *args, **kwargs))

    _FUNCTIONS[function] = implementation


for _function in (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack):
    _joins(_function)


def _at_least(function: Any) -> None:
    def implementation(builder: TapeBuilder, *arrays: Any) -> Any:
        results = [_wrap(builder, function(lift(builder, array))) for array in arrays]
        return results[0] if len(results) == 1 else results

    _FUNCTIONS[function] = implementation


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    _at_least(_function)


@_implements(np.shape)
def _shape(builder: TapeBuilder, a: Any) -> tuple[int, ...]:
    return lift(builder, a).shape


@_implements(np.size)
def _size(builder: TapeBuilder, a: Any, axis: int | None = None) -> int:
    return int(np.size(lift(builder, a), axis))


@_implements(np.ndim)
def _ndim(builder: TapeBuilder, a: Any) -> int:
    return lift(builder, a).ndim


@_implements(np.broadcast_arrays)
def _broadcast_arrays(builder: TapeBuilder, *arrays: Any) -> tuple[TracedArray, ...]:
    return tuple(_wrap(builder, nodes) for nodes in np.broadcast_arrays(*(lift(builder, a) for a in arrays)))


@_implements(np.block)
def _block(builder: TapeBuilder, arrays: Any) -> TracedArray:
    def nodes(part: Any) -> Any:
        return [nodes(entry) for entry in part] if isinstance(part, list) else lift(builder, part)

    return _wrap(builder, np.block(nodes(arrays)))


@_implements(np.append)
def _append(builder: TapeBuilder, arr: Any, values: Any, axis: int | None = None) -> TracedArray:
    return _wrap(builder, np.append(lift(builder, arr), lift(builder, values), axis))


@_implements(np.insert)
def _insert(builder: TapeBuilder, arr: Any, obj: Any, values: Any, axis: int | None = None) -> TracedArray:
    return _wrap(builder, np.insert(lift(builder, arr), _constant_index(obj), lift(builder, values), axis))


@_implements(np.pad)
def _pad(
    builder: TapeBuilder, array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0
) -> TracedArray:
    nodes = lift(builder, array)
    if mode == "constant":
        fill = lift(builder, constant_values)
        return _wrap(builder, np.pad(nodes, pad_width, constant_values=fill))
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return _wrap(builder, np.pad(nodes, pad_width, mode=mode))  # type: ignore[call-overload]
    raise NotPolynomialError(f"np.pad with mode {mode!r} is not available for parameters; use 'constant' or 'edge'")


@_implements(np.where)
def _where(builder: TapeBuilder, condition: Any, x: Any = _MISSING, y: Any = _MISSING) -> TracedArray:
    if x is _MISSING or y is _MISSING or _holds_traced(condition):
        not_polynomial("np.where with a condition" if x is not _MISSING else "np.nonzero")
    return _wrap(builder, np.where(np.asarray(condition), lift(builder, x), lift(builder, y)))


@_implements(np.zeros_like, np.empty_like)
def _zeros_like(builder: TapeBuilder, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return _full_like(builder, a, 0, shape)


@_implements(np.ones_like)
def _ones_like(builder: TapeBuilder, a: Any, shape: Any = None, **_: Any) -> TracedArray:
    return _full_like(builder, a, 1, shape)


@_implements(np.full_like)
def _full_like(builder: TapeBuilder, a: Any, fill_value: Any, shape: Any = None, **_: Any) -> TracedArray:
    target = np.zeros(lift(builder, a).shape if shape is None else shape, dtype=np.int64)
    target[...] = lift(builder, fill_value)
    return TracedArray(builder, target)


# Reductions


def _over_axes(
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


@_implements(np.sum)
def _sum(builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False, initial: Any = 0) -> TracedArray:
    start = int(lift(builder, _default(initial, 0)))
    return _over_axes(builder, a, axis, keepdims, lambda row: builder.add(builder.sum(row), start))


@_implements(np.prod)
def _prod(builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False, initial: Any = 1) -> TracedArray:
    start = int(lift(builder, _default(initial, 1)))
    return _over_axes(builder, a, axis, keepdims, lambda row: reduce(builder.mul, row, start))


def _default(value: Any, default: int) -> Any:
    """NumPy passes a private marker for arguments that were not given."""
    return default if value is np._NoValue else value


@_implements(np.mean)
def _mean(builder: TapeBuilder, a: Any, axis: Any = None, keepdims: Any = False) -> TracedArray:
    total = _sum(builder, a, axis, keepdims)
    count = lift(builder, a).size // max(total.size, 1)
    if count == 0:
        raise InputError("the mean of no elements was asked for")
    return total * Fraction(1, count)


@_implements(np.average)
def _average(builder: TapeBuilder, a: Any, axis: Any = None, weights: Any = None) -> TracedArray:
    if weights is None:
        return _mean(builder, a, axis)
    w = lift(builder, weights)
    nodes = lift(builder, a)
    if w.shape != nodes.shape and axis is not None and w.ndim == 1:
        w = np.expand_dims(w, tuple(k for k in range(nodes.ndim) if k != axis % nodes.ndim))
    w = np.broadcast_to(w, nodes.shape)
    return _sum(builder, _wrap(builder, nodes) * _wrap(builder, w), axis) / _sum(builder, _wrap(builder, w), axis)


@_implements(np.var)
def _var(builder: TapeBuilder, a: Any, axis: Any = None, ddof: int = 0, keepdims: Any = False) -> TracedArray:
    array = _wrap(builder, lift(builder, a))
    squares = (array - _mean(builder, array, axis, keepdims=True)) ** 2
    total = _sum(builder, squares, axis, keepdims)
    return total * Fraction(1, array.size // total.size - ddof)


def _scan(builder: TapeBuilder, a: Any, axis: int | None, operation: Callable[[int, int], int]) -> TracedArray:
    nodes = lift(builder, a)
    if axis is None:
        nodes, axis = nodes.ravel(), 0
    result = np.moveaxis(nodes, axis, 0).copy()
    for k in range(1, len(result)):
        result[k] = elementwise(builder, operation, _wrap(builder, result[k - 1]), _wrap(builder, result[k])).nodes
    return _wrap(builder, np.moveaxis(result, 0, axis))


@_implements(np.cumsum)
def _cumsum(builder: TapeBuilder, a: Any, axis: int | None = None) -> TracedArray:
    return _scan(builder, a, axis, builder.add)


@_implements(np.cumprod)
def _cumprod(builder: TapeBuilder, a: Any, axis: int | None = None) -> TracedArray:
    return _scan(builder, a, axis, builder.mul)


@_implements(np.diff)
def _diff(builder: TapeBuilder, a: Any, n: int = 1, axis: int = -1) -> TracedArray:
    nodes = np.moveaxis(lift(builder, a), axis, 0)
    for _ in range(n):
        nodes = elementwise(builder, builder.sub, _wrap(builder, nodes[1:]), _wrap(builder, nodes[:-1])).nodes
    return _wrap(builder, np.moveaxis(nodes, 0, axis))


@_implements(np.trace)
def _trace(builder: TapeBuilder, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
    return _sum(builder, _wrap(builder, lift(builder, a).diagonal(offset, axis1, axis2)), -1)


@_implements(np.linalg.trace)
def _linalg_trace(builder: TapeBuilder, x: Any, *, offset: int = 0) -> TracedArray:
    return _trace(builder, x, offset, -2, -1)


# Products


def _product_of_matrices(builder: TapeBuilder, a: Nodes, b: Nodes) -> Nodes:
    columns = b.T.tolist()
    rows = [[builder.dot(row, column) for column in columns] for row in a.tolist()]
    return np.array(rows, dtype=np.int64).reshape(a.shape[0], b.shape[1])


def _check_lengths(name: str, a: Nodes, b: Nodes, k: int, l: int) -> None:
    if k != l:
        raise InputError(f"{name} of shapes {a.shape} and {b.shape}: the summed axes have lengths {k} and {l}")


@_implements(np.linalg.matmul)
def _matmul(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 or y.ndim == 0:
        raise InputError("@ needs vectors, matrices or stacks of matrices; multiply by a scalar with *")
    left, right = (x[None, :] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    _check_lengths("@", x, y, left.shape[-1], right.shape[-2])
    try:
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    except ValueError:
        raise InputError(f"@ of stacks of shapes {x.shape} and {y.shape}, which do not broadcast") from None
    left = np.broadcast_to(left, batch + left.shape[-2:])
    right = np.broadcast_to(right, batch + right.shape[-2:])
    result = np.empty((*batch, left.shape[-2], right.shape[-1]), dtype=np.int64)
    for index in np.ndindex(*batch):
        result[index] = _product_of_matrices(builder, left[index], right[index])
    if x.ndim == 1:
        result = result[..., 0, :]
    if y.ndim == 1:
        result = result[..., 0]
    return _wrap(builder, result)


@_implements(np.dot)
def _dot(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 or y.ndim == 0:
        return elementwise(builder, builder.mul, a, b)
    return _contract(builder, "np.dot", x, y, [x.ndim - 1], [max(y.ndim - 2, 0)])


@_implements(np.inner)
def _inner(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 or y.ndim == 0:
        return elementwise(builder, builder.mul, a, b)
    return _contract(builder, "np.inner", x, y, [x.ndim - 1], [y.ndim - 1])


@_implements(np.tensordot, np.linalg.tensordot)
def _tensordot(builder: TapeBuilder, a: Any, b: Any, axes: Any = 2) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if isinstance(axes, (int, np.integer)):
        first, second = list(range(x.ndim - int(axes), x.ndim)), list(range(int(axes)))
    else:
        first, second = (list(np.atleast_1d(part)) for part in axes)
    return _contract(builder, "np.tensordot", x, y, [k % x.ndim for k in first], [k % y.ndim for k in second])


def _contract(
    builder: TapeBuilder, name: str, x: Nodes, y: Nodes, first: Sequence[int], second: Sequence[int]
) -> TracedArray:
    """Sum over pairs of axes, the remaining axes of x before those of y."""
    for k, l in zip(first, second, strict=True):
        _check_lengths(name, x, y, x.shape[k], y.shape[l])
    kept_x = [k for k in range(x.ndim) if k not in first]
    kept_y = [k for k in range(y.ndim) if k not in second]
    shape = tuple(x.shape[k] for k in kept_x) + tuple(y.shape[k] for k in kept_y)
    summed = int(np.prod([x.shape[k] for k in first], dtype=int))
    rows = int(np.prod([x.shape[k] for k in kept_x], dtype=int))
    columns = int(np.prod([y.shape[k] for k in kept_y], dtype=int))
    left = x.transpose(*kept_x, *first).reshape(rows, summed)
    right = y.transpose(*second, *kept_y).reshape(summed, columns)
    return _wrap(builder, _product_of_matrices(builder, left, right).reshape(shape))


@_implements(np.outer, np.linalg.outer)
def _outer(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a).ravel(), lift(builder, b).ravel()
    return elementwise(builder, builder.mul, _wrap(builder, x[:, None]), _wrap(builder, y))


@_implements(np.kron)
def _kron(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    ndim = max(x.ndim, y.ndim)
    x, y = x.reshape((1,) * (ndim - x.ndim) + x.shape), y.reshape((1,) * (ndim - y.ndim) + y.shape)
    shape = tuple(k * l for k, l in zip(x.shape, y.shape, strict=True))
    odd, even = tuple(range(1, 2 * ndim, 2)), tuple(range(0, 2 * ndim, 2))
    products = elementwise(
        builder, builder.mul, _wrap(builder, np.expand_dims(x, odd)), _wrap(builder, np.expand_dims(y, even))
    )
    return products.reshape(shape)


@_implements(np.cross, np.linalg.cross)
def _cross(builder: TapeBuilder, a: Any, b: Any, axis: int = -1) -> TracedArray:
    x, y = (_wrap(builder, np.moveaxis(lift(builder, v), axis, -1)) for v in (a, b))
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise InputError(f"np.cross needs vectors with three components; shapes {x.shape} and {y.shape} were given")
    parts = [x[..., i - 2] * y[..., i - 1] - x[..., i - 1] * y[..., i - 2] for i in range(3)]
    return _wrap(builder, np.stack([part.nodes for part in parts], axis=axis))


@_implements(np.convolve)
def _convolve(builder: TapeBuilder, a: Any, v: Any, mode: str = "full") -> TracedArray:
    x, y = lift(builder, a), lift(builder, v)
    if x.ndim != 1 or y.ndim != 1 or not x.size or not y.size:
        raise InputError(f"np.convolve needs two non-empty vectors; shapes {x.shape} and {y.shape} were given")
    full = []
    for k in range(x.size + y.size - 1):
        low, high = max(0, k - y.size + 1), min(k + 1, x.size)
        full.append(builder.dot(x[low:high].tolist(), y[k - np.arange(low, high)].tolist()))
    short, long = sorted((x.size, y.size))
    if mode == "same":
        full = full[(short - 1) // 2 :][:long]
    elif mode == "valid":
        full = full[short - 1 : long]
    elif mode != "full":
        raise InputError(f"np.convolve has the modes full, same and valid, not {mode!r}")
    return _wrap(builder, full)


@_implements(np.polyval)
def _polyval(builder: TapeBuilder, p: Any, x: Any) -> TracedArray:
    coefficients = _wrap(builder, lift(builder, p))
    point = _wrap(builder, lift(builder, x))
    value = _full_like(builder, point, 0)
    for k in range(coefficients.size):
        value = value * point + coefficients[k]
    return value


@_implements(np.vander)
def _vander(builder: TapeBuilder, x: Any, N: int | None = None, increasing: bool = False) -> TracedArray:
    points = lift(builder, x)
    exponents = np.arange(points.size if N is None else N)
    return power(builder, _wrap(builder, points[:, None]), exponents if increasing else exponents[::-1])


@_implements(np.einsum)
def _einsum(builder: TapeBuilder, subscripts: Any, *operands: Any, **_: Any) -> TracedArray:
    if not isinstance(subscripts, str):
        raise InputError("np.einsum of traced arrays takes its subscripts as a string, like 'ij,jk->ik'")
    arrays = [lift(builder, operand) for operand in operands]
    inputs, output = _einsum_labels(subscripts, arrays)
    terms = []
    for labels, array in zip(inputs, arrays, strict=True):
        unique = "".join(dict.fromkeys(labels))
        # Repeated labels take diagonals, which is NumPy's own einsum on the nodes.
        terms.append((unique, np.einsum(f"{labels}->{unique}", array) if unique != labels else array))
    sizes: dict[str, int] = {}
    for labels, array in terms:
        for label, size in zip(labels, array.shape, strict=True):
            if sizes.setdefault(label, size) not in (size, 1) and size != 1:
                raise InputError(f"np.einsum {subscripts!r}: label {label!r} has lengths {sizes[label]} and {size}")
            sizes[label] = max(sizes[label], size)
    for contraction in _contraction_order([labels for labels, _ in terms], output, sizes):
        chosen = [terms[k] for k in contraction]
        terms = [term for k, term in enumerate(terms) if k not in contraction]
        later = set(output).union(*(labels for labels, _ in terms))
        present = dict.fromkeys("".join(labels for labels, _ in chosen))
        kept = output if not terms else "".join(label for label in present if label in later)
        terms.append((kept, _einsum_product(builder, chosen, kept, sizes)))
    return _wrap(builder, terms[0][1])


def _einsum_labels(subscripts: str, arrays: Sequence[Nodes]) -> tuple[list[str], str]:
    """Labels of each operand and of the result, with ellipses replaced by labels of their own."""
    text = subscripts.replace(" ", "")
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise InputError(f"np.einsum {subscripts!r} names {len(inputs)} operands; {len(arrays)} were given")
    # Private-use characters label the axes that ellipses stand for, the last axis first.
    extra = [
        array.ndim - len(labels.replace("...", "")) if "..." in labels else 0
        for labels, array in zip(inputs, arrays, strict=True)
    ]
    hidden = [chr(0xE000 + k) for k in range(max(extra, default=0))][::-1] if max(extra, default=0) > 0 else []
    expanded = []
    for labels, count, array in zip(inputs, extra, arrays, strict=True):
        labels = labels.replace("...", "".join(hidden[len(hidden) - count :] if count > 0 else []))
        if len(labels) != array.ndim or "." in labels:
            raise InputError(f"np.einsum {subscripts!r}: an operand of shape {array.shape} does not fit its labels")
        expanded.append(labels)
    if arrow:
        output = output.replace("...", "".join(hidden))
    else:
        joined = "".join(expanded)
        output = "".join(hidden) + "".join(
            sorted(label for label in set(joined) if joined.count(label) == 1 and label not in hidden)
        )
    if len(set(output)) != len(output) or not set(output) <= set("".join(expanded)):
        raise InputError(f"np.einsum {subscripts!r}: the labels of the result are repeated or unknown")
    return expanded, output


def _contraction_order(inputs: Sequence[str], output: str, sizes: dict[str, int]) -> list[tuple[int, ...]]:
    """Which operands to contract together, by NumPy's path search: fewer operations make a shorter tape."""
    if len(inputs) <= 2:
        return [tuple(range(len(inputs)))]
    letters = {label: chr(ord("A") + k) if k < 26 else chr(ord("a") + k - 26) for k, label in enumerate(sizes)}
    if len(sizes) > 52:
        raise InputError("np.einsum of traced arrays takes at most 52 different labels; contract in steps")
    names = ["".join(letters[label] for label in labels) for labels in inputs]
    dummies = [np.broadcast_to(0.0, [sizes[label] for label in labels]) for labels in inputs]
    subscripts = ",".join(names) + "->" + "".join(letters[label] for label in output)
    method = "optimal" if len(inputs) <= 4 else "greedy"
    path = np.einsum_path(subscripts, *dummies, optimize=method)[0]
    return [tuple(step) for step in path[1:]]


def _einsum_product(
    builder: TapeBuilder, terms: Iterable[tuple[str, Nodes]], kept: str, sizes: dict[str, int]
) -> Nodes:
    """Product of some operands, summed over the labels that are not kept."""
    terms = list(terms)
    # A label that only one operand has is summed there before anything is multiplied.
    for k, (labels, array) in enumerate(terms):
        others = set(kept).union(*(other for j, (other, _) in enumerate(terms) if j != k))
        alone = tuple(position for position, label in enumerate(labels) if label not in others)
        if alone and len(terms) > 1:
            summed = _over_axes(builder, TracedArray(builder, array), alone, False, builder.sum).nodes
            terms[k] = ("".join(label for label in labels if label in others), summed)
    summed_labels = [label for label in sizes if label not in kept and any(label in labels for labels, _ in terms)]
    order = [*kept, *summed_labels]
    shape = tuple(sizes[label] for label in order)
    rows = int(np.prod([sizes[label] for label in kept], dtype=int))
    flattened = []
    for labels, array in terms:
        present = [label for label in order if label in labels]
        view = array.transpose([labels.index(label) for label in present])
        view = np.expand_dims(view, tuple(k for k, label in enumerate(order) if label not in labels))
        flattened.append(np.broadcast_to(view, shape).reshape(rows, -1).tolist())
    totals = [
        builder.sum(reduce(builder.mul, factors) for factors in zip(*parts, strict=True))
        for parts in zip(*flattened, strict=True)
    ]
    return np.array(totals, dtype=np.int64).reshape([sizes[label] for label in kept])


# Linear algebra


def _square(builder: TapeBuilder, name: str, a: Any) -> Nodes:
    nodes = lift(builder, a)
    if nodes.ndim < 2 or nodes.shape[-1] != nodes.shape[-2] or not nodes.shape[-1]:
        raise InputError(f"{name} needs square matrices; an array of shape {nodes.shape} was given")
    return nodes


@_implements(np.linalg.det)
def _det(builder: TapeBuilder, a: Any) -> TracedArray:
    nodes = _square(builder, "np.linalg.det", a)
    n = nodes.shape[-1]
    matrices = nodes.reshape(-1, n * n).tolist()
    values = [builder.append(determinant_tape(n), matrix)[0] for matrix in matrices]
    return _wrap(builder, np.array(values, dtype=np.int64).reshape(nodes.shape[:-2]))


def _adjugates(builder: TapeBuilder, name: str, a: Any) -> tuple[Nodes, Nodes]:
    """Determinants and adjugates of a stack of matrices."""
    nodes = _square(builder, name, a)
    n = nodes.shape[-1]
    results = [builder.append(adjugate_tape(n), matrix) for matrix in nodes.reshape(-1, n * n).tolist()]
    array = np.array(results, dtype=np.int64).reshape(-1, 1 + n * n)
    return array[:, 0].reshape(nodes.shape[:-2]), array[:, 1:].reshape(nodes.shape)


@_implements(np.linalg.inv)
def _inv(builder: TapeBuilder, a: Any) -> TracedArray:
    determinant, adjugate = _adjugates(builder, "np.linalg.inv", a)
    return elementwise(builder, builder.div, _wrap(builder, adjugate), _wrap(builder, determinant[..., None, None]))


@_implements(np.linalg.solve)
def _solve(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    determinant, adjugate = _adjugates(builder, "np.linalg.solve", a)
    right = lift(builder, b)
    numerator = _matmul(builder, _wrap(builder, adjugate), _wrap(builder, right))
    shape = determinant[..., None] if right.ndim == 1 else determinant[..., None, None]
    return elementwise(builder, builder.div, numerator, _wrap(builder, shape))


@_implements(np.linalg.matrix_power)
def _matrix_power(builder: TapeBuilder, a: Any, n: int) -> TracedArray:
    if isinstance(n, TracedArray) or not isinstance(n, (int, np.integer)):
        raise NotPolynomialError(f"np.linalg.matrix_power needs a constant integer power, not {n!r}")
    nodes = _square(builder, "np.linalg.matrix_power", a)
    base = _wrap(builder, nodes)
    if n < 0:
        base, n = _inv(builder, base), -n
    result = None
    while n:
        if n & 1:
            result = base if result is None else _matmul(builder, result, base)
        n >>= 1
        if n:
            base = _matmul(builder, base, base)
    if result is None:
        result = _wrap(builder, np.broadcast_to(lift(builder, np.eye(nodes.shape[-1])), nodes.shape).copy())
    return result


@_implements(np.linalg.multi_dot)
def _multi_dot(builder: TapeBuilder, arrays: Iterable[Any]) -> TracedArray:
    parts = [_wrap(builder, lift(builder, array)) for array in arrays]
    if len(parts) < 2:
        raise InputError("np.linalg.multi_dot needs two arrays at least")
    return reduce(lambda a, b: _dot(builder, a, b), parts)


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

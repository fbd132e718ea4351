"""Products of traced arrays: matrices, tensors, einsum, and linear algebra without division."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder
from algeom.maps.minors import adjugate_tape, determinant_tape
from algeom.maps.traced_basics import full_like, implements, over_axes, wrap
from algeom.maps.tracing import Nodes, TracedArray, elementwise, lift, power


def _product_of_matrices(builder: TapeBuilder, a: Nodes, b: Nodes) -> Nodes:
    columns = b.T.tolist()
    rows = [[builder.dot(row, column) for column in columns] for row in a.tolist()]
    return np.array(rows, dtype=np.int64).reshape(a.shape[0], b.shape[1])


def _check_lengths(name: str, a: Nodes, b: Nodes, k: int, l: int) -> None:
    if k != l:
        raise InputError(f"{name} of shapes {a.shape} and {b.shape}: the summed axes have lengths {k} and {l}")


@implements(np.linalg.matmul)
def matrix_product(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    """Product of matrices, vectors and stacks of matrices, as ``@``."""
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
    return wrap(builder, result)


@implements(np.dot)
def _dot(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 or y.ndim == 0:
        return elementwise(builder, builder.mul, a, b)
    return _contract(builder, "np.dot", x, y, [x.ndim - 1], [max(y.ndim - 2, 0)])


@implements(np.inner)
def _inner(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 or y.ndim == 0:
        return elementwise(builder, builder.mul, a, b)
    return _contract(builder, "np.inner", x, y, [x.ndim - 1], [y.ndim - 1])


@implements(np.tensordot, np.linalg.tensordot)
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
    return wrap(builder, _product_of_matrices(builder, left, right).reshape(shape))


@implements(np.outer, np.linalg.outer)
def _outer(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a).ravel(), lift(builder, b).ravel()
    return elementwise(builder, builder.mul, wrap(builder, x[:, None]), wrap(builder, y))


@implements(np.kron)
def _kron(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    x, y = lift(builder, a), lift(builder, b)
    ndim = max(x.ndim, y.ndim)
    x, y = x.reshape((1,) * (ndim - x.ndim) + x.shape), y.reshape((1,) * (ndim - y.ndim) + y.shape)
    shape = tuple(k * l for k, l in zip(x.shape, y.shape, strict=True))
    odd, even = tuple(range(1, 2 * ndim, 2)), tuple(range(0, 2 * ndim, 2))
    products = elementwise(
        builder, builder.mul, wrap(builder, np.expand_dims(x, odd)), wrap(builder, np.expand_dims(y, even))
    )
    return products.reshape(shape)


@implements(np.cross, np.linalg.cross)
def _cross(builder: TapeBuilder, a: Any, b: Any, axis: int = -1) -> TracedArray:
    x, y = (wrap(builder, np.moveaxis(lift(builder, v), axis, -1)) for v in (a, b))
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise InputError(f"np.cross needs vectors with three components; shapes {x.shape} and {y.shape} were given")
    parts = [x[..., i - 2] * y[..., i - 1] - x[..., i - 1] * y[..., i - 2] for i in range(3)]
    return wrap(builder, np.stack([part.nodes for part in parts], axis=axis))


@implements(np.convolve)
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
    return wrap(builder, full)


@implements(np.polyval)
def _polyval(builder: TapeBuilder, p: Any, x: Any) -> TracedArray:
    coefficients = wrap(builder, lift(builder, p))
    point = wrap(builder, lift(builder, x))
    value = full_like(builder, point, 0)
    for k in range(coefficients.size):
        value = value * point + coefficients[k]
    return value


@implements(np.vander)
def _vander(builder: TapeBuilder, x: Any, N: int | None = None, increasing: bool = False) -> TracedArray:
    points = lift(builder, x)
    exponents = np.arange(points.size if N is None else N)
    return power(builder, wrap(builder, points[:, None]), exponents if increasing else exponents[::-1])


@implements(np.einsum)
def einstein_sum(builder: TapeBuilder, subscripts: Any, *operands: Any, **_: Any) -> TracedArray:
    """Contraction by labelled axes, in the order of operands that needs the fewest operations."""
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
    return wrap(builder, terms[0][1])


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
            summed = over_axes(builder, TracedArray(builder, array), alone, False, builder.sum).nodes
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


@implements(np.linalg.det)
def _det(builder: TapeBuilder, a: Any) -> TracedArray:
    nodes = _square(builder, "np.linalg.det", a)
    n = nodes.shape[-1]
    matrices = nodes.reshape(-1, n * n).tolist()
    values = [builder.append(determinant_tape(n), matrix)[0] for matrix in matrices]
    return wrap(builder, np.array(values, dtype=np.int64).reshape(nodes.shape[:-2]))


def _adjugates(builder: TapeBuilder, name: str, a: Any) -> tuple[Nodes, Nodes]:
    """Determinants and adjugates of a stack of matrices."""
    nodes = _square(builder, name, a)
    n = nodes.shape[-1]
    results = [builder.append(adjugate_tape(n), matrix) for matrix in nodes.reshape(-1, n * n).tolist()]
    array = np.array(results, dtype=np.int64).reshape(-1, 1 + n * n)
    return array[:, 0].reshape(nodes.shape[:-2]), array[:, 1:].reshape(nodes.shape)


@implements(np.linalg.inv)
def _inv(builder: TapeBuilder, a: Any) -> TracedArray:
    determinant, adjugate = _adjugates(builder, "np.linalg.inv", a)
    return elementwise(builder, builder.div, wrap(builder, adjugate), wrap(builder, determinant[..., None, None]))


@implements(np.linalg.solve)
def _solve(builder: TapeBuilder, a: Any, b: Any) -> TracedArray:
    determinant, adjugate = _adjugates(builder, "np.linalg.solve", a)
    right = lift(builder, b)
    numerator = matrix_product(builder, wrap(builder, adjugate), wrap(builder, right))
    shape = determinant[..., None] if right.ndim == 1 else determinant[..., None, None]
    return elementwise(builder, builder.div, numerator, wrap(builder, shape))


@implements(np.linalg.matrix_power)
def _matrix_power(builder: TapeBuilder, a: Any, n: int) -> TracedArray:
    if isinstance(n, TracedArray) or not isinstance(n, (int, np.integer)):
        raise NotPolynomialError(f"np.linalg.matrix_power needs a constant integer power, not {n!r}")
    nodes = _square(builder, "np.linalg.matrix_power", a)
    base = wrap(builder, nodes)
    if n < 0:
        base, n = _inv(builder, base), -n
    result = None
    while n:
        if n & 1:
            result = base if result is None else matrix_product(builder, result, base)
        n >>= 1
        if n:
            base = matrix_product(builder, base, base)
    if result is None:
        result = wrap(builder, np.broadcast_to(lift(builder, np.eye(nodes.shape[-1])), nodes.shape).copy())
    return result


@implements(np.linalg.multi_dot)
def _multi_dot(builder: TapeBuilder, arrays: Iterable[Any]) -> TracedArray:
    parts = [wrap(builder, lift(builder, array)) for array in arrays]
    if len(parts) < 2:
        raise InputError("np.linalg.multi_dot needs two arrays at least")
    return reduce(lambda a, b: _dot(builder, a, b), parts)

"""Tracing NumPy-style functions into tapes: an array of nodes that behaves like an array of numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError, NotPolynomialError
from algeom.maps.builder import TapeBuilder

Nodes = NDArray[np.int64]

_BRANCH = (
    "choose the branch beforehand: trace each case as a map of its own, or multiply by a constant 0/1 mask "
    "(an activation pattern)"
)
_ROOT = "make the root the parameter: write s**2 where the function of the parameter s has a root"
_TRANSCENDENTAL = (
    "make its value a parameter of its own, or replace it by a polynomial or rational function of the parameter"
)
_COMPLEX = "work with the real and imaginary parts as parameters of their own"
REMEDIES = {
    **dict.fromkeys(
        (
            *(
                "less",
                "less_equal",
                "equal",
                "not_equal",
                "greater",
                "greater_equal",
                "absolute",
                "fabs",
                "sign",
                "abs",
            ),
            *("maximum", "minimum", "fmax", "fmin", "clip", "heaviside", "logical_and", "logical_or", "logical_not"),
            *(
                "logical_xor",
                "isfinite",
                "isnan",
                "isinf",
                "signbit",
                "copysign",
                "sort",
                "argsort",
                "argmax",
                "argmin",
            ),
            *("max", "min", "amax", "amin", "any", "all", "allclose", "isclose", "array_equal", "nonzero", "ptp"),
            *("count_nonzero", "unique", "searchsorted", "median", "percentile", "quantile", "where"),
        ),
        _BRANCH,
    ),
    **dict.fromkeys(["sqrt", "cbrt", "hypot", "norm", "std"], _ROOT + "; for a norm use the sum of squares"),
    **dict.fromkeys(["conjugate", "real", "imag", "angle", "iscomplex", "isreal", "complex"], _COMPLEX),
    **dict.fromkeys(
        ["floor_divide", "remainder", "fmod", "divmod", "floor", "ceil", "trunc", "rint", "round", "around"],
        "use / for the exact quotient; there is no rounding in a rational map",
    ),
}


def not_polynomial(operation: str) -> NoReturn:
    """Raise the error for an operation that no polynomial or rational map performs."""
    remedy = REMEDIES.get(operation.rsplit(".", 1)[-1], _TRANSCENDENTAL)
    raise NotPolynomialError(f"{operation} of a parameter is neither polynomial nor rational; {remedy}")


class _UnsupportedAttributeError(NotPolynomialError, AttributeError):
    """An attribute of NumPy arrays that traced arrays do not have."""


class _OutOfBoundsError(InputError, IndexError):
    """An index beyond the end of a traced array; still an IndexError for functions that expect one."""


class TracedArray:
    """An array of nodes of a tape that is being built.

    The functions given to `polynomial_map` receive these instead of numbers. They broadcast, index and reduce
    like NumPy arrays, mix with numbers and constant arrays from either side, and go through the NumPy
    functions that make sense for polynomials. Every element is a node number in an int64 array, so that what only
    moves entries around is NumPy's own work.

    Parameters
    ----------
    builder : TapeBuilder
        The tape being built.
    nodes : ndarray of int64
        Node of every element.
    """

    __slots__ = ("builder", "nodes")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, builder: TapeBuilder, nodes: Nodes) -> None:
        self.builder = builder
        self.nodes = nodes

    # Shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.nodes.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.nodes.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.nodes.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of arrays that can hold traced values: object."""
        return np.dtype(object)

    @property
    def T(self) -> TracedArray:
        """The transposed array."""
        return TracedArray(self.builder, self.nodes.T)

    @property
    def mT(self) -> TracedArray:
        """The array with its last two axes exchanged."""
        return TracedArray(self.builder, self.nodes.swapaxes(-1, -2))

    @property
    def flat(self) -> Iterator[TracedArray]:
        """Iterator over the elements in C order."""
        return iter(self.ravel())

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[TracedArray]:
        if self.nodes.ndim == 0:
            raise TypeError("iteration over a traced scalar, which has no elements")
        return (self[k] for k in range(len(self.nodes)))

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}>" if self.ndim else "<traced scalar>"

    # Elements

    def __getitem__(self, key: Any) -> TracedArray:
        index = constant_index(key)
        try:
            return TracedArray(self.builder, np.asarray(self.nodes[index]))
        except IndexError as error:
            if "out of bounds" not in str(error):
                raise
            raise _OutOfBoundsError(
                f"the function indexes an array of parameters of shape {self.shape}, and {error}; give the number "
                "that it expects as n_parameters, or in the shapes of `parameters`"
            ) from error

    def __setitem__(self, key: Any, value: Any) -> None:
        self.nodes[constant_index(key)] = lift(self.builder, value)

    def item(self, *index: int) -> TracedArray:
        """One element."""
        if index:
            return self[index]
        if self.size != 1:
            raise InputError(f"item() without an index needs one element; this traced array has shape {self.shape}")
        return self.reshape(())

    def tolist(self) -> Any:
        """Nested lists of traced scalars."""
        return self if self.ndim == 0 else [row.tolist() for row in self]

    def copy(self, order: str = "C") -> TracedArray:
        """A copy: assigning to its elements leaves this array alone."""
        return TracedArray(self.builder, self.nodes.copy())

    def astype(self, dtype: Any, **_: Any) -> TracedArray:
        """A copy, for floating point and object types; traced values are exact."""
        if np.dtype(dtype).kind not in "fcO":
            raise NotPolynomialError(
                f"astype({dtype!r}) of a parameter would round; drop the conversion, traced values are exact"
            )
        return self.copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Object array of traced scalars: what ``np.array`` of a list of them needs."""
        if dtype is not None and np.dtype(dtype) != object:
            _no_number(f"conversion to {np.dtype(dtype)}")
        result = np.empty(self.shape, dtype=object)
        for index in np.ndindex(self.shape):
            result[index] = self[index]
        return result

    # Protocols of NumPy

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from algeom.maps.traced_functions import apply_ufunc

        return apply_ufunc(self.builder, ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from algeom.maps.traced_functions import apply_function

        return apply_function(self.builder, function, args, kwargs)

    # Arithmetic

    def __add__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.add, self, other)

    def __radd__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.add, other, self)

    def __sub__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.sub, self, other)

    def __rsub__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.sub, other, self)

    def __mul__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.mul, self, other)

    def __rmul__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.mul, other, self)

    def __truediv__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.div, self, other)

    def __rtruediv__(self, other: Any) -> TracedArray:
        return elementwise(self.builder, self.builder.div, other, self)

    def __neg__(self) -> TracedArray:
        return self._map(self.builder.neg)

    def __pos__(self) -> TracedArray:
        return self

    def __pow__(self, exponent: Any, modulus: None = None) -> TracedArray:
        return power(self.builder, self, exponent)

    def __rpow__(self, base: Any) -> TracedArray:
        return power(self.builder, base, self)

    def __matmul__(self, other: Any) -> Any:
        return np.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.matmul(other, self)

    # In place, so that names for the same array see the change, as in NumPy.

    def __iadd__(self, other: Any) -> TracedArray:
        return self._assign(self + other)

    def __isub__(self, other: Any) -> TracedArray:
        return self._assign(self - other)

    def __imul__(self, other: Any) -> TracedArray:
        return self._assign(self * other)

    def __itruediv__(self, other: Any) -> TracedArray:
        return self._assign(self / other)

    def _assign(self, value: TracedArray) -> TracedArray:
        if self.ndim == 0:
            return value
        self.nodes[...] = value.nodes
        return self

    def _map(self, operation: Callable[[int], int]) -> TracedArray:
        nodes = np.array([operation(node) for node in self.nodes.ravel().tolist()], dtype=np.int64)
        return TracedArray(self.builder, nodes.reshape(self.shape))

    # What has no meaning for polynomials

    def _compare(self, other: Any) -> NoReturn:
        raise NotPolynomialError(f"comparison with a parameter is not possible while tracing; {_BRANCH}")

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    def __eq__(self, other: object) -> NoReturn:
        self._compare(other)

    def __ne__(self, other: object) -> NoReturn:
        self._compare(other)

    def __bool__(self) -> NoReturn:
        raise NotPolynomialError(f"a parameter has no truth value while tracing; {_BRANCH}")

    def __float__(self) -> NoReturn:
        _no_number("float()", f"math.exp and the like call it: {_TRANSCENDENTAL}; for math.sqrt {_ROOT}. ")

    def __int__(self) -> NoReturn:
        _no_number("int()")

    def __complex__(self) -> NoReturn:
        _no_number("complex()")

    def __index__(self) -> NoReturn:
        raise NotPolynomialError(
            "a parameter was used as an index or a count; indices are constants of a map: "
            "trace one map for each index, or contract with an indicator vector"
        )

    def __abs__(self) -> NoReturn:
        not_polynomial("abs")

    def __round__(self, digits: int = 0) -> NoReturn:
        not_polynomial("round")

    def _divide_with_remainder(self, other: Any) -> NoReturn:
        not_polynomial("floor_divide")

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __divmod__ = __rdivmod__ = _divide_with_remainder

    # Methods of NumPy arrays: the functions of the same names

    def reshape(self, *shape: Any, **kwargs: Any) -> TracedArray:
        """The elements in another shape."""
        return TracedArray(self.builder, self.nodes.reshape(*shape, **kwargs))

    def ravel(self, order: Any = "C") -> TracedArray:
        """The elements in one axis."""
        return TracedArray(self.builder, self.nodes.ravel(order))

    def flatten(self, order: Any = "C") -> TracedArray:
        """A copy of the elements in one axis."""
        return TracedArray(self.builder, self.nodes.flatten(order))

    def transpose(self, *axes: Any) -> TracedArray:
        """The array with its axes permuted."""
        return TracedArray(self.builder, self.nodes.transpose(*axes))

    def swapaxes(self, axis1: int, axis2: int) -> TracedArray:
        """The array with two axes exchanged."""
        return TracedArray(self.builder, self.nodes.swapaxes(axis1, axis2))

    def squeeze(self, axis: Any = None) -> TracedArray:
        """The array without axes of length one."""
        return TracedArray(self.builder, self.nodes.squeeze(axis))

    def repeat(self, repeats: Any, axis: int | None = None) -> TracedArray:
        """Elements repeated."""
        return TracedArray(self.builder, self.nodes.repeat(repeats, axis))

    def take(self, indices: Any, axis: int | None = None) -> TracedArray:
        """Elements at constant indices."""
        return TracedArray(self.builder, self.nodes.take(constant_index(indices), axis))

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
        """The diagonal of two axes."""
        return TracedArray(self.builder, self.nodes.diagonal(offset, axis1, axis2))

    def sum(self, axis: Any = None, **kwargs: Any) -> Any:
        """Sum over axes."""
        return np.sum(self, axis=axis, **kwargs)  # type: ignore[call-overload]

    def prod(self, axis: Any = None, **kwargs: Any) -> Any:
        """Product over axes."""
        return np.prod(self, axis=axis, **kwargs)  # type: ignore[call-overload]

    def mean(self, axis: Any = None, **kwargs: Any) -> Any:
        """Arithmetic mean over axes."""
        return np.mean(self, axis=axis, **kwargs)  # type: ignore[call-overload]

    def cumsum(self, axis: Any = None) -> Any:
        """Sums of leading elements."""
        return np.cumsum(self, axis=axis)  # type: ignore[call-overload]

    def cumprod(self, axis: Any = None) -> Any:
        """Products of leading elements."""
        return np.cumprod(self, axis=axis)  # type: ignore[call-overload]

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """Sum of a diagonal."""
        return np.trace(self, offset, axis1, axis2)  # type: ignore[call-overload]

    def dot(self, other: Any) -> Any:
        """Product of matrices or vectors."""
        return np.dot(self, other)

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_") and hasattr(np.ndarray, name):
            remedy = REMEDIES.get(name, "use + - * / ** and NumPy functions that move, add or multiply entries")
            raise _UnsupportedAttributeError(f".{name} of a traced parameter is not available; {remedy}")
        raise AttributeError(f"a traced array has no attribute {name!r}")


def _no_number(what: str, functions: str = "") -> NoReturn:
    raise NotPolynomialError(
        f"{what} of a traced parameter is not possible: it is a symbol, not a number. {functions}To collect "
        "traced values use np.stack, np.block or a list; an array to be filled comes from "
        "np.zeros_like(theta, shape=...) or np.zeros(shape, dtype=object)"
    )


def constant_index(key: Any) -> Any:
    """The index itself, once it is certain that it does not depend on parameters."""
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, TracedArray) or (isinstance(part, (list, np.ndarray)) and holds_traced(part)):
            raise NotPolynomialError(
                "an index depends on a parameter; indices are constants of a map: "
                "trace one map for each index, or contract with an indicator vector"
            )
    return key


def holds_traced(values: Any) -> bool:
    """Whether nested lists or an object array hold a traced value."""
    if isinstance(values, TracedArray):
        return True
    if isinstance(values, np.ndarray):
        return values.dtype == object and any(isinstance(v, TracedArray) for v in values.ravel().tolist())
    return isinstance(values, (list, tuple)) and any(holds_traced(v) for v in values)


def lift(builder: TapeBuilder, value: Any) -> Nodes:
    """Nodes of anything array-like: traced arrays, numbers, constant arrays, nested lists of all of them.

    Raises
    ------
    InputError
        For what is neither, for ragged nesting, for constants that are not finite, and for values traced elsewhere.
    """
    if isinstance(value, TracedArray):
        if value.builder is not builder:
            raise InputError("values traced in two calls of polynomial_map were combined; trace them together")
        return value.nodes
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "biufcO":
            raise InputError(f"an array of type {value.dtype} is not an array of numbers")
        known: dict[Any, int] = {}
        nodes = []
        for entry in value.ravel().tolist() if value.dtype != np.longdouble else list(value.ravel()):
            if isinstance(entry, TracedArray):
                nodes.append(int(lift(builder, entry)))
                continue
            if entry not in known:
                known[entry] = builder.literal(entry)
            nodes.append(known[entry])
        return np.array(nodes, dtype=np.int64).reshape(value.shape)
    if isinstance(value, (list, tuple)):
        if not value:
            return np.zeros(0, dtype=np.int64)
        parts = [lift(builder, entry) for entry in value]
        if len({part.shape for part in parts}) > 1:
            raise InputError(
                f"a nested list of shapes {[part.shape for part in parts]} is not an array; make its parts equally long"
            )
        return np.stack(parts)
    return np.array(builder.literal(value), dtype=np.int64)


def elementwise(builder: TapeBuilder, operation: Callable[[int, int], int], a: Any, b: Any) -> TracedArray:
    """A binary operation with broadcasting."""
    x, y = lift(builder, a), lift(builder, b)
    if x.ndim == 0 and y.ndim == 0:
        return TracedArray(builder, np.array(operation(int(x), int(y)), dtype=np.int64))
    x, y = np.broadcast_arrays(x, y)
    nodes = [operation(u, v) for u, v in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)]
    return TracedArray(builder, np.array(nodes, dtype=np.int64).reshape(x.shape))


def power(builder: TapeBuilder, base: Any, exponent: Any) -> TracedArray:
    """Integer powers with broadcasting; exponents are constants."""
    exponents = lift(builder, exponent)
    integers: dict[int, int] = {}
    for node in np.unique(exponents).tolist():
        value = builder.value(node)
        if value is None:
            raise NotPolynomialError(
                "an exponent depends on a parameter; exponents are constant integers: "
                "make the power a parameter of its own"
            )
        if value.denominator != 1:
            raise NotPolynomialError(f"the power {value} of a parameter is not rational; {_ROOT}")
        integers[node] = int(value)
    return elementwise(builder, lambda a, e: builder.power(a, integers[e]), base, TracedArray(builder, exponents))

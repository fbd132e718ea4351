"""Arrays of quaternions, as pairs of complex arrays, and their embedding into complex matrices of twice the size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = ["Quaternions"]

Complex = NDArray[np.complex128]

#: How far, relative to the largest entry, a complex matrix may be from the structure of a quaternionic one: rounding
#: errors of computations that keep the structure, such as products, and far below any matrix that does not have it.
_STRUCTURE = 1e-8


class Quaternions:
    """An array of quaternions ``a + b j`` with complex arrays a and b of one shape.

    With i the imaginary unit of the complex numbers, ``j z = conj(z) j`` and ``j^2 = -1``, so that k = i j.
    Addition, subtraction, products of elements (``*``) and of matrices (``@``) work with each other and with real and
    complex arrays; products are not commutative. Arrays are immutable.

    Parameters
    ----------
    a, b : array_like of complex
        The parts, broadcast against each other; b is 0 by default.

    Raises
    ------
    InputError
        If the parts are no numbers or do not broadcast.

    Examples
    --------
    >>> i, j = Quaternions(1j), Quaternions(0, 1)
    >>> i * j
    Quaternions(0 + 0i + 0j + 1k)
    >>> bool(j * i == -(i * j))
    True
    >>> A = Quaternions([[1, 1j]], [[0, 2]])
    >>> A @ A.H
    Quaternions of shape (1, 1)
    >>> (A @ A.H).components.tolist()
    [[[6.0, 0.0, 0.0, 0.0]]]

    References
    ----------
    F. Zhang, Quaternions and matrices of quaternions, Linear Algebra Appl. 251 (1997).
    """

    # NumPy arrays leave binary operators with quaternions to this class.
    __array_ufunc__ = None

    a: Complex
    b: Complex

    def __init__(self, a: Any, b: Any = 0.0) -> None:
        first, second = _complex(a), _complex(b)
        try:
            parts = np.broadcast_arrays(first, second)
        except ValueError:
            raise InputError(
                f"the parts of quaternions have the shapes {first.shape} and {second.shape}; give parts of one shape"
            ) from None
        for name, part in zip("ab", parts, strict=True):
            part = part.copy()
            part.flags.writeable = False
            object.__setattr__(self, name, part)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("arrays of quaternions are immutable; make a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return Quaternions, (self.a, self.b)

    # Conversions

    @classmethod
    def from_components(cls, components: Any) -> Quaternions:
        """Quaternions w + x i + y j + z k from real components, shape (..., 4).

        Raises
        ------
        InputError
            If the components are complex or the last axis is not 4 long.

        Examples
        --------
        >>> Quaternions.from_components([1, 2, 3, 4])
        Quaternions(1 + 2i + 3j + 4k)
        """
        array = np.asarray(components)
        if array.dtype.kind not in "biuf" or array.ndim == 0 or array.shape[-1] != 4:
            raise InputError(
                f"components of shape {array.shape} and type {array.dtype} were given; expected real numbers w, x, y, "
                "z in the last axis, shape (..., 4)"
            )
        w, x, y, z = np.moveaxis(array.astype(np.float64), -1, 0)
        return cls(w + 1j * x, y + 1j * z)

    @property
    def components(self) -> NDArray[np.float64]:
        """Real components w, x, y, z, shape (..., 4)."""
        return np.stack([self.a.real, self.a.imag, self.b.real, self.b.imag], axis=-1)

    @classmethod
    def from_complex(cls, matrices: Any) -> Quaternions:
        """The quaternionic matrices that `complex` embeds, from complex ones of shape (..., 2 n, 2 m).

        Raises
        ------
        InputError
            If the shape is odd, or the matrices are not of the form [[a, b], [-conj(b), conj(a)]] up to rounding.

        Examples
        --------
        >>> Quaternions.from_complex([[1j, 2], [-2, -1j]])[0, 0]
        Quaternions(0 + 1i + 2j + 0k)
        """
        whole = _complex(matrices)
        if whole.ndim < 2 or whole.shape[-2] % 2 or whole.shape[-1] % 2:
            raise InputError(f"matrices of shape {whole.shape} were given; expected an even number of rows and columns")
        n, m = whole.shape[-2] // 2, whole.shape[-1] // 2
        a, b = whole[..., :n, :m], whole[..., :n, m:]
        rest = np.concatenate([whole[..., n:, :m] + b.conj(), whole[..., n:, m:] - a.conj()], axis=-1)
        off = np.abs(rest).max(initial=0.0)
        if not off <= _STRUCTURE * np.abs(whole).max(initial=0.0):
            raise InputError(
                f"these complex matrices are not of the form [[a, b], [-conj(b), conj(a)]]: they miss it by {off:.1e}; "
                "give matrices that come from quaternionic ones"
            )
        return cls((a + whole[..., n:, m:].conj()) / 2, (b - whole[..., n:, :m].conj()) / 2)

    @property
    def complex(self) -> Complex:
        """The complex matrices [[a, b], [-conj(b), conj(a)]], shape (..., 2 n, 2 m): an injective *-homomorphism."""
        if self.ndim < 2:
            raise InputError(f"an array of shape {self.shape} has no matrices in its last two axes to embed")
        return np.block([[self.a, self.b], [-self.b.conj(), self.a.conj()]])

    # Shape

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.a.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.a.ndim

    def __len__(self) -> int:
        return len(self.a)

    def __getitem__(self, index: Any) -> Quaternions:
        return Quaternions(self.a[index], self.b[index])

    def reshape(self, *shape: Any) -> Quaternions:
        """The same quaternions in another shape."""
        return Quaternions(self.a.reshape(*shape), self.b.reshape(*shape))

    # Algebra

    def __add__(self, other: Any) -> Quaternions:
        other = _quaternions(other)
        try:
            return Quaternions(self.a + other.a, self.b + other.b)
        except ValueError:
            raise InputError(
                f"arrays of quaternions of the shapes {self.shape} and {other.shape} cannot be added; give one shape"
            ) from None

    __radd__ = __add__

    def __sub__(self, other: Any) -> Quaternions:
        return self + -_quaternions(other)

    def __rsub__(self, other: Any) -> Quaternions:
        return _quaternions(other) + -self

    def __neg__(self) -> Quaternions:
        return Quaternions(-self.a, -self.b)

    def __mul__(self, other: Any) -> Quaternions:
        return _multiply(self, _quaternions(other), np.multiply)

    def __rmul__(self, other: Any) -> Quaternions:
        return _multiply(_quaternions(other), self, np.multiply)

    def __matmul__(self, other: Any) -> Quaternions:
        return _multiply(self, _quaternions(other), np.matmul)

    def __rmatmul__(self, other: Any) -> Quaternions:
        return _multiply(_quaternions(other), self, np.matmul)

    def conj(self) -> Quaternions:
        """Conjugates w - x i - y j - z k of the elements; they reverse products."""
        return Quaternions(self.a.conj(), -self.b)

    @property
    def H(self) -> Quaternions:
        """Conjugate transposes of the matrices in the last two axes."""
        if self.ndim < 2:
            raise InputError(f"an array of shape {self.shape} has no matrices in its last two axes to transpose")
        return Quaternions(self.a.conj().swapaxes(-1, -2), -self.b.swapaxes(-1, -2))

    @property
    def norm(self) -> NDArray[np.float64]:
        """Absolute values of the elements."""
        return np.asarray(np.hypot(np.abs(self.a), np.abs(self.b)))

    def __abs__(self) -> NDArray[np.float64]:
        return self.norm

    def __eq__(self, other: object) -> Any:
        """Which elements are equal, as for NumPy arrays."""
        try:
            other = _quaternions(other)
        except InputError:
            return NotImplemented
        return (self.a == other.a) & (self.b == other.b)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.ndim:
            return f"Quaternions of shape {self.shape}"
        w, x, y, z = (f"{abs(c):.6g}" for c in self.components)
        signs = ["-" if c < 0 else "+" for c in self.components]
        first = f"-{w}" if signs[0] == "-" else w
        return f"Quaternions({first} {signs[1]} {x}i {signs[2]} {y}j {signs[3]} {z}k)"


def _multiply(p: Quaternions, q: Quaternions, times: Any) -> Quaternions:
    """(a + b j)(c + d j) = (a c - b conj(d)) + (a d + b conj(c)) j, since j z = conj(z) j."""
    try:
        return Quaternions(times(p.a, q.a) - times(p.b, q.b.conj()), times(p.a, q.b) + times(p.b, q.a.conj()))
    except ValueError:
        raise InputError(
            f"arrays of quaternions of the shapes {p.shape} and {q.shape} cannot be multiplied; give shapes that fit"
        ) from None


def _quaternions(value: Any) -> Quaternions:
    return value if isinstance(value, Quaternions) else Quaternions(value)


def _complex(value: Any) -> Complex:
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        raise InputError(f"{value!r} cannot be part of quaternions; give an array of real or complex numbers")
    return array.astype(np.complex128)

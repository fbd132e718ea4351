"""S-boxes of block ciphers and the tables of field arithmetic that they are made of.

An S-box on k bits is an array of 2^k integers: entry x is the value at x. Bit i of an integer is the coefficient of t^i
of the element of GF(2)[t]/(f) that it stands for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer

__all__ = ["PRESENT_SBOX", "aes_sbox", "field_inversion", "field_multiplication", "sbox_array"]

#: The S-box of PRESENT (A. Bogdanov et al., CHES 2007, section 3).
PRESENT_SBOX = (0xC, 5, 6, 0xB, 9, 0, 0xA, 0xD, 3, 0xE, 0xF, 8, 4, 7, 1, 2)

#: Tables of more bits hold more than 65,536 entries; no S-box in use has as many as 16.
_MOST_BITS = 16

#: AES: the constant and the number of rotations of its affine map (FIPS 197, section 5.1.1).
_AES_CONSTANT, _AES_ROTATIONS = 0x63, 4


def sbox_array(sbox: Any, name: str = "sbox", *, permutation: bool = False) -> NDArray[np.int64]:
    """Check an S-box: 2^k integers, none negative.

    Parameters
    ----------
    sbox : array_like of int, shape (2^k,)
    name : str
        What messages call it.
    permutation : bool
        Whether it has to be a permutation of 0, ..., 2^k - 1.

    Returns
    -------
    ndarray of int64, shape (2^k,)

    Raises
    ------
    InputError
        If it is something else.

    Examples
    --------
    >>> sbox_array([3, 0, 1, 2])
    array([3, 0, 1, 2])
    """
    try:
        table = np.asarray(sbox)
    except ValueError as error:
        raise InputError(
            f"{name} is no array of integers ({error}); give 2^k integers, the values at 0, 1, ..."
        ) from None
    if table.ndim != 1 or table.dtype.kind not in "iu" or len(table) < 2 or len(table) & (len(table) - 1):
        raise InputError(
            f"{name} has the shape {table.shape} and the type {table.dtype}; give a list of 2^k integers (k >= 1), the "
            "values at 0, 1, ..., 2^k - 1"
        )
    if table.min() < 0 or table.max() >= 1 << _MOST_BITS:
        raise InputError(
            f"{name} has values from {table.min()} to {table.max()}; they are read as strings of at most {_MOST_BITS} "
            "bits, so give non-negative integers below 65536"
        )
    if permutation and not np.array_equal(np.sort(table), np.arange(len(table))):
        raise InputError(
            f"{name} is no permutation of 0, ..., {len(table) - 1}, which it has to be here: each value once"
        )
    return table.astype(np.int64)


def field_multiplication(coefficient: int, bits: int = 8, polynomial: int | None = None) -> NDArray[np.int64]:
    """Multiplication by an element of GF(2^bits), as a table.

    Parameters
    ----------
    coefficient : int
        The element, from 0 to 2^bits - 1.
    bits : int
        From 1 to 16.
    polynomial : int, optional
        The irreducible polynomial of that degree, its coefficients as bits. Default: the smallest as an integer, for 8
        bits t^8 + t^4 + t^3 + t + 1 (0x11b), which is that of AES.

    Returns
    -------
    ndarray of int64, shape (2^bits,)
        Entry x is the product of `coefficient` and x.

    Raises
    ------
    InputError
        If a number is out of bounds, or the polynomial is reducible or of another degree.

    Examples
    --------
    The example of FIPS 197, section 4.2: {57} times {83} is {c1}.

    >>> hex(field_multiplication(0x57)[0x83])
    '0xc1'
    """
    modulus = _field_polynomial(bits, polynomial)
    coefficient = check_integer("coefficient", coefficient, 0, (1 << bits) - 1, f"an element of GF(2^{bits})")
    x = np.arange(1 << bits, dtype=np.int64)
    product = np.zeros_like(x)
    for i in range(bits):
        if coefficient >> i & 1:
            product ^= x
        x = x << 1
        x = np.where(x >> bits & 1, x ^ modulus, x)
    return product


def field_inversion(bits: int = 8, polynomial: int | None = None) -> NDArray[np.int64]:
    """Inversion in GF(2^bits), with 0 sent to 0: the power x^(2^bits - 2).

    Parameters
    ----------
    bits, polynomial
        As for `field_multiplication`.

    Returns
    -------
    ndarray of int64, shape (2^bits,)

    Raises
    ------
    InputError
        As for `field_multiplication`.

    Examples
    --------
    >>> field_inversion(3)
    array([0, 1, 5, 6, 7, 2, 3, 4])
    """
    modulus = _field_polynomial(bits, polynomial)
    order = (1 << bits) - 1
    for generator in range(1, order + 1):
        step = field_multiplication(generator, bits, modulus)
        powers = [1]
        while (power := int(step[powers[-1]])) != 1:
            powers.append(power)
        if len(powers) == order:
            break
    inverse = np.zeros(1 << bits, dtype=np.int64)
    inverse[powers] = powers[:1] + powers[:0:-1]
    return inverse


def aes_sbox(inverse: bool = False) -> NDArray[np.int64]:
    """The S-box of AES: inversion in GF(2^8), then an affine map over GF(2).

    The affine map adds to a byte its rotations by 1, 2, 3, 4 bits and the constant 0x63.

    Parameters
    ----------
    inverse : bool
        Whether to return the inverse permutation, which decryption applies.

    Returns
    -------
    ndarray of int64, shape (256,)

    References
    ----------
    FIPS 197, section 5.1.1.

    Examples
    --------
    >>> hex(aes_sbox()[0x53]), hex(aes_sbox(inverse=True)[0xED])
    ('0xed', '0x53')
    """
    inversion = field_inversion(8)
    table = inversion ^ _AES_CONSTANT
    for i in range(1, _AES_ROTATIONS + 1):
        table ^= (inversion << i | inversion >> (8 - i)) & 0xFF
    return np.argsort(table) if inverse else table


def _field_polynomial(bits: int, polynomial: int | None) -> int:
    """Check the degree and the polynomial, or find the smallest irreducible one."""
    bits = check_integer("bits", bits, 1, _MOST_BITS)
    least = 1 << bits
    if polynomial is None:
        return next(f for f in range(least, 2 * least) if _is_irreducible(f))
    polynomial = check_integer("polynomial", polynomial, least, 2 * least - 1, f"its degree has to be bits = {bits}")
    if not _is_irreducible(polynomial):
        raise InputError(f"polynomial is {polynomial:#x}, which is reducible over GF(2); leave it out for a default")
    return polynomial


def _is_irreducible(f: int) -> bool:
    """Whether no polynomial of at most half the degree divides f over GF(2)."""
    return all(_remainder(f, g) for g in range(2, 1 << (f.bit_length() - 1) // 2 + 1))


def _remainder(f: int, g: int) -> int:
    while f.bit_length() >= g.bit_length():
        f ^= g << f.bit_length() - g.bit_length()
    return f

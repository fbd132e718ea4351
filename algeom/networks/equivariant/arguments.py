"""Matrices and data that users give for equivariant maps, checked and as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.networks.equivariant.blocks import Field

__all__ = ["LARGEST", "as_array", "checked_data", "checked_gram", "checked_matrix"]

Array = NDArray[Any]

#: Squared distances weighed by squares of data are of fourth order, and stay within double precision up to this.
LARGEST = 1e75

#: Rounding errors of X X^T and of its eigenvalues, in n * eps times the largest.
_ROUNDING = 16.0


def as_array(name: str, given: Any) -> Array:
    """Whatever NumPy makes an array of.

    Raises
    ------
    InputError
        If rows have different lengths.
    """
    try:
        return np.asarray(given)
    except ValueError as error:
        raise InputError(f"{name} is no array ({error}); give rows of equal length") from None


def checked_matrix(name: str, given: Any, rows: int, columns: int, field: Field = "real") -> Array:
    """A finite matrix of a given shape as float64 or complex128.

    Raises
    ------
    InputError
        If it has another shape or type, is not finite, or so large that products of four entries overflow.
    """
    array = as_array(name, given)
    if array.dtype == object:
        try:
            array = array.astype(np.float64 if field == "real" else np.complex128)
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{name} has entries that are no numbers of double precision: {error}") from error
    if array.shape != (rows, columns) or array.dtype.kind not in ("iufb" if field == "real" else "iufbc"):
        raise InputError(
            f"{name} has the shape {array.shape} and the type {array.dtype}; give {field} numbers of the shape "
            f"({rows}, {columns})"
        )
    result = array.astype(np.float64 if array.dtype.kind != "c" else np.complex128)
    if not np.all(np.isfinite(result)):
        raise InputError(f"{name} has entries that are NaN or infinite; give finite ones")
    largest = float(np.abs(result).max(initial=0.0))
    if largest > LARGEST:
        raise InputError(
            f"{name} has entries up to {largest:.0e}, and squared distances overflow beyond {LARGEST:.0e}: divide it "
            "by a number (ranks stay the same, nearest points scale along)"
        )
    return result


def checked_gram(gram: Any, n: int, field: Field = "real") -> Array:
    """A positive semidefinite matrix.

    Raises
    ------
    InputError
        If it has the wrong shape, or is not Hermitian or not positive semidefinite up to rounding.
    """
    metric = checked_matrix("gram", gram, n, n, field)
    values = np.linalg.eigvalsh((metric + metric.conj().T) / 2)
    size = max(float(np.abs(values).max()), float(np.abs(metric).max()))
    small = _ROUNDING * n * np.finfo(np.float64).eps * size
    if float(np.abs(metric - metric.conj().T).max()) > small or values[0] < -small:
        raise InputError(
            "gram is not symmetric and positive semidefinite, so that it measures no distance; give X @ X.T for data X"
        )
    return metric


def checked_data(data: Any, n: int, m: int, field: Field = "real") -> tuple[Array, Array]:
    """Inputs (N, n) and outputs (N, m), one example a row, as matrices with one example a column.

    Raises
    ------
    InputError
        If the shapes do not fit, or entries are not finite.
    """
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise InputError("data is a pair (X, Y) of inputs and outputs, one example a row")
    inputs, outputs = as_array("X", data[0]), as_array("Y", data[1])
    if inputs.ndim != 2 or outputs.ndim != 2 or not len(inputs) or len(inputs) != len(outputs):
        raise InputError(
            f"inputs of shape {inputs.shape} and outputs of shape {outputs.shape} do not fit; give (N, {n}) and "
            f"(N, {m}), one example a row"
        )
    count = len(inputs)
    return checked_matrix("X", inputs, count, n, field).T, checked_matrix("Y", outputs, count, m, field).T

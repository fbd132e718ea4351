"""What a monodromy computation begins with: arguments that are checked, starts that are regular solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from algeom.continuation.systems import Complex, System, as_points
from algeom.continuation.tracker import newton
from algeom.errors import InputError
from algeom.maps import Tape
from algeom.maps.tape import noun_count

#: A start may be wrong by this much, relative to its size; it is refined.
_START_ERROR = 1e-3

#: A regular start is found again from this relative distance; near a singular point Newton's method does not.
_SHAKE = 1e-7

#: Starts whose residual is this small, but from which Newton's method fails, are said to be singular.
_SMALL_RESIDUAL = 1e-8


def require_family(system: System, image: Tape | None, expected: int | None, max_loops: int) -> None:
    """Refuse what is no family of square systems.

    Raises
    ------
    InputError
    """
    if not isinstance(system, System):
        raise InputError(f"a {type(system).__name__} was given where a system is expected; see polynomial_system")
    if not system.is_square:
        raise InputError(
            f"{noun_count(system.n_equations, 'equation')} in {noun_count(system.n_unknowns, 'unknown')}: monodromy "
            "needs a square system; add random affine linear equations if there are fewer equations, take random "
            "combinations of them if there are more"
        )
    if not system.n_parameters:
        raise InputError("the system has no parameters to move; see polynomial_system(..., parameters=...), or solve")
    if image is not None and image.n_inputs != system.tape.n_inputs:
        raise InputError(
            f"image is a {image!r}; expected a tape on the inputs of the system: {system.n_unknowns} unknowns, then "
            f"{noun_count(system.n_parameters, 'parameter')}"
        )
    if expected is not None and (not _is_integer(expected) or expected < 1):
        raise InputError(f"expected={expected!r}: a start is given, so that there is at least one solution")
    if not _is_integer(max_loops) or max_loops < 1:
        raise InputError(f"max_loops={max_loops!r}: monodromy needs a positive number of loops")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def drawn(argument: str, draw: Callable[[np.random.Generator], Any], rng: np.random.Generator, k: int) -> Complex:
    """A vector of parameters that the caller's function draws.

    Raises
    ------
    InputError
        If it has another shape or an entry that is not finite.
    """
    vector = as_points(f"the array that {argument} returned", draw(rng), k)
    if vector.ndim != 1:
        raise InputError(f"{argument} returned an array of shape {vector.shape}; expected ({k},)")
    return np.asarray(vector, dtype=np.complex128)


def checked_start(system: System, start: Any, parameters: Any) -> tuple[Complex, Complex]:
    """Parameters (k,), and regular solutions there (n, B), refined.

    Raises
    ------
    InputError
        If shapes are wrong, numbers not finite, or a start is no solution or a singular one.
    """
    base = as_points("parameters", parameters, system.n_parameters)
    if base.ndim != 1:
        raise InputError(f"parameters has the shape {base.shape}; expected ({system.n_parameters},)")
    base = base.astype(np.complex128)
    points = as_points("start", start, system.n_unknowns).astype(np.complex128)
    points = points[:, None] if points.ndim == 1 else points
    if not points.shape[1]:
        raise InputError("start has no columns; give at least one solution")
    refined, accuracy, _ = newton(system, points, base)
    size = np.maximum(np.abs(refined).max(axis=0), np.abs(points).max(axis=0))
    size = np.where(size > 0, size, 1.0)
    near = np.abs(refined - points).max(axis=0) <= _START_ERROR * np.maximum(size, 1.0)
    # A deterministic direction away from the point; any generic one does.
    away = np.exp(1j * np.arange(1, system.n_unknowns + 1))[:, None] * (_SHAKE * size)
    again, shaken, _ = newton(system, refined + away, base)
    regular = np.isfinite(shaken) & (np.abs(again - refined).max(axis=0) <= 1e-2 * _SHAKE * size)
    bad = np.flatnonzero(~(np.isfinite(accuracy) & near & regular))
    if bad.size:
        first = int(bad[0])
        residual = float(np.abs(system(points[:, first], base)).max())
        which = "the start" if points.shape[1] == 1 else f"column {first} of start"
        if residual <= _SMALL_RESIDUAL:
            raise InputError(
                f"{which} is a singular solution, or too close to one (residual {residual:.1e}): it cannot be "
                "continued; choose another start, at generic parameters"
            )
        raise InputError(
            f"{which} does not solve the system at these parameters (residual {residual:.1e}), and Newton's method "
            "leads to no solution nearby"
        )
    return base, refined

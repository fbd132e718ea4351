"""What is decomposed: a map or samples of one, with zero taken to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.arguments import as_rows, as_vector
from algeom.gsvd.functions.batch_functions import BatchFunction, as_function
from algeom.gsvd.functions.centering import centered
from algeom.gsvd.functions.domains import Ball, as_domain
from algeom.gsvd.gains.noise import rounding_unit

__all__ = ["Problem", "SampledProblem"]

Float = NDArray[np.float64]

#: |f(0)| relative to values of f elsewhere that counts as rounding, and the same in units of rounding of the outputs,
#: for networks in single precision.
_ZERO, _ZERO_UNITS = 1e-12, 64
#: Rounding errors of values from which an offset was subtracted, in units of rounding of the larger one.
_NOISE_UNITS = 8
#: Points of norm below this part of the largest in the domain have central differences as points of that norm.
_SCALE = 0.01
#: Random points at which the size of f is looked at.
_PROBES = 16
#: Samples that are compared with a function that is given as well, and the relative difference that is rounding, of
#: single precision over a few layers.
_COMPARED, _SAME = 64, 1e-4


@dataclass(frozen=True, eq=False)
class Problem:
    """A map with f(0) = 0, where its zero was, and what was subtracted.

    Attributes
    ----------
    function : BatchFunction
        ``d -> f(x0 + d) - offset``.
    x0 : ndarray of float64, shape (n,)
    offset : ndarray of float64, shape (p,)
    unit : float
        Unit of rounding of the outputs of f.
    """

    function: BatchFunction
    x0: Float
    offset: Float
    unit: float

    @classmethod
    def of(cls, f: Any, n_inputs: int | None, x0: Any, offset: Any, domain: Any = None) -> Problem:
        """Read the arguments of `algeom.gsvd.gsvd`. The domain says where f may be evaluated; points of it do as well.

        Raises
        ------
        InputError
            If f is nothing that can be decomposed, or f(x0) is not the offset.
        """
        if x0 is not None and n_inputs is None and callable(f):
            n_inputs = np.size(x0)
        function = as_function(f, n_inputs)
        n = function.n_inputs
        start = np.zeros(n) if x0 is None else as_vector("x0", x0, n)
        value = function(start[None])[0]
        if isinstance(domain, np.ndarray) and domain.ndim == 2:
            around, high = start + domain[:_PROBES], float(np.abs(domain).max())
        else:
            region = as_domain(domain, n) or Ball(n)
            around, high = start + region.sample(np.random.default_rng(0), _PROBES), region.high
        outputs = function(around)
        size = max(float(np.abs(outputs).max()), float(np.abs(value).max()))
        unit = rounding_unit(outputs)
        zero = max(_ZERO, _ZERO_UNITS * unit) * size
        if x0 is not None or offset is True:
            constant = value
        elif offset is False:
            constant = np.zeros(function.n_outputs)
            if np.abs(value).max() > zero:
                raise InputError(
                    f"f(0) has norm {np.linalg.norm(value):.3g}, and a generalized singular value decomposition needs "
                    "f(0) = 0: give offset=True to decompose f - f(0), or x0 to decompose around another point"
                )
        else:
            constant = as_vector("offset", offset, function.n_outputs)
            if np.abs(value - constant).max() > zero:
                raise InputError(
                    f"f(0) - offset has norm {np.linalg.norm(value - constant):.3g} instead of 0; give offset=True to "
                    "subtract f(0)"
                )
        inputs = float(np.finfo(np.float64).eps) * max(float(np.abs(start).max()) / high if high else 1.0, 1.0)
        moved = centered(function, start, constant).on_scale(_SCALE * high, inputs ** (1 / 3))
        return cls(moved, start, constant, unit)


@dataclass(frozen=True, eq=False)
class SampledProblem:
    """Samples of a map with f(0) = 0, and the map if there is one.

    Attributes
    ----------
    inputs : ndarray of float64, shape (N, n)
        Relative to x0, none of them zero.
    gains : ndarray of float64, shape (N, p)
    x0 : ndarray of float64, shape (n,)
    offset : ndarray of float64, shape (p,)
    function : BatchFunction or None
    noise : ndarray of float64, shape (p,)
        Rounding errors of outputs from which an offset was subtracted.
    unit : float
        Unit of rounding of the outputs.
    """

    inputs: Float
    gains: Float
    x0: Float
    offset: Float
    function: BatchFunction | None
    noise: Float
    unit: float

    @classmethod
    def of(cls, f: Any, inputs: Any, outputs: Any, n_inputs: int | None, x0: Any, offset: Any) -> SampledProblem:
        """Read the arguments of `algeom.gsvd.gsvd`; without outputs, f is evaluated at inputs relative to x0.

        Raises
        ------
        InputError
            If shapes do not fit, the output at x0 is needed and not known, or all outputs are equal to it.
        """
        x = as_rows("the array of inputs", inputs, n_inputs)
        n = x.shape[1]
        start = np.zeros(n) if x0 is None else as_vector("x0", x0, n)
        problem = None if f is None else Problem.of(f, n, x0, offset, x if outputs is None else x - start)
        if outputs is None:
            assert problem is not None
            d, change, constant = x, problem.function(x), problem.offset
        else:
            values = as_rows("the array of outputs", outputs)
            if len(values) != len(x):
                raise InputError(f"{len(x)} inputs and {len(values)} outputs were given; give one output for each")
            constant = _offset(x, values, start, x0 is not None, offset) if problem is None else problem.offset
            d, change = x - start, values - constant
            if problem is not None:
                _require_same(problem, d, change)
        moved = d.any(axis=1)
        if change[~moved].any():
            raise InputError(
                "the output at input 0 is not 0, so that its gain is infinite; give offset=True to subtract it"
            )
        if not moved.any():
            raise InputError("all inputs are 0 (relative to x0), where there are no gains; give others")
        gains = change[moved] / np.linalg.norm(d[moved], axis=1)[:, None]
        if not gains.any():
            raise InputError("all outputs equal the offset: the map is constant, and there is nothing to decompose")
        unit = rounding_unit(change + constant)
        noise = _NOISE_UNITS * unit * (np.abs(change).max(axis=0) + np.abs(constant)) * bool(constant.any())
        return cls(d[moved], gains, start, constant, None if problem is None else problem.function, noise, unit)


def _offset(x: Float, values: Float, start: Float, is_local: bool, offset: Any) -> Float:
    """What to subtract from outputs: zero, what was given, or the output at the start."""
    if not isinstance(offset, bool):
        return as_vector("offset", offset, values.shape[1])
    if not offset and not is_local:
        return np.zeros(values.shape[1])
    at_start = np.flatnonzero((x == start).all(axis=1))
    if not at_start.size:
        raise InputError("no sample has the input 0 (or x0), so that the output there is unknown: give it, offset=...")
    return np.asarray(values[at_start[0]])


def _require_same(problem: Problem, d: Float, change: Float) -> None:
    if problem.function.n_outputs != change.shape[1]:
        raise InputError(f"f has {problem.function.n_outputs} outputs, and those of the samples have {change.shape[1]}")
    known = problem.function(d[:_COMPARED])
    difference = np.abs(known - change[:_COMPARED]).max()
    if difference > _SAME * max(float(np.abs(known).max()), float(np.abs(problem.offset).max())):
        raise InputError(
            f"outputs of the samples differ from values of f by up to {difference:.3g}; give samples of f, or leave f "
            "out"
        )

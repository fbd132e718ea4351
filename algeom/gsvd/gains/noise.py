"""Rounding errors of maps whose code is not known: their size, measured from values at neighbouring points."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.functions.domains import Domain
from algeom.gsvd.gains.ascent import starting_points

__all__ = ["Resolution", "output_noise", "resolution", "rounding_unit"]

Float = NDArray[np.float64]

#: Order of the differences: those of a map that is smooth on the scale of the domain are below rounding errors.
_ORDER = 4
#: Segments, points on each, and its steps as parts of the size of the domain. Four steps of length h leave (4 h / s)^4
#: of a map with features of relative size s, which is no noise: the least estimate counts.
_SEGMENTS, _POINTS, _STEPS = 32, 8, (2.0**-22, 2.0**-30, 2.0**-38)
#: Segments begin at random points of small norm, times this: errors that are relative to outputs are not meant.
_NEAR = 1e-6
#: Steps are this many units of rounding of the inputs at least, so that neighbouring points differ.
_UNITS = 16
#: Measured root mean squares are multiplied by this: errors of single values are rarely larger.
_SAFETY = 8.0
#: Units of rounding of the offset that errors are taken to be at least: it is the difference of two rounded values.
_OFFSET_UNITS = 4
#: Points at which the size of gains is looked at, and parts of them.
_PROBES, _PARTS = 1000, 10.0 ** -np.arange(0, 13, 2)
#: Relative noise of gains at the least radius: for double precision, and as a power of that of outputs if that is more.
#: At larger radii it is less, and inside no more is missed than gains change there.
_RELATIVE, _POWER = 1e-10, 2 / 3
#: The least radius as part of the domain: at least, and at most for there to be anything to decompose.
_LEAST_PART, _MOST_PART = 1e-12, 0.3
#: Binary digits of single precision, less two: outputs that all have fewer are exact in a fixed-point format.
_DIGITS = 22


@dataclass(frozen=True, eq=False)
class Resolution:
    """How well gains of a map can be told.

    Attributes
    ----------
    noise : ndarray of float64, shape (p,)
        Rounding errors of outputs.
    part : float
        Least norm of points to take, as part of the largest norm in the domain.
    gain_noise : ndarray of float64, shape (p,)
        Rounding errors of gains there.
    unit : float
        Unit of rounding of outputs: relative errors of gains are no less.
    """

    noise: Float
    part: float
    gain_noise: Float
    unit: float


def rounding_unit(outputs: Float) -> float:
    """Unit of rounding of numbers: that of single precision if all of them are such, and need its digits."""
    with np.errstate(over="ignore"):
        rounded = outputs.astype(np.float32).astype(np.float64)
    digits = np.ldexp(np.frexp(outputs)[0], _DIGITS)
    single = np.array_equal(outputs, rounded) and bool(np.any(digits % 1 != 0))
    return float(np.finfo(np.float32 if single else np.float64).eps)


def output_noise(
    function: BatchFunction, domain: Domain, x0: Float, offset: Float, unit: float, rng: np.random.Generator
) -> Float:
    """Bounds of the rounding errors of outputs ``f(x0 + d) - f(x0)`` near x0, one for each output, as far as is seen.

    Parameters
    ----------
    function : BatchFunction
        Of d.
    domain : Domain
        Of d.
    x0 : ndarray of float64, shape (n,)
    offset : ndarray of float64, shape (p,)
        What was subtracted.
    unit : float
        Unit of rounding of the outputs.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (p,)
        An estimate: eight times the root mean square, median over short segments between points of small norm, and
        four units of rounding of the offset at least. Kinks on some of the segments do not matter.

    Notes
    -----
    The table of differences of [1]_: differences of order k of independent errors with variance s^2 have the variance
    ``(2k)! / (k!)^2 s^2``, and those of the map itself are much smaller. Errors go to zero with d if nothing is
    subtracted from outputs; else they bound how near to x0 gains can be told.

    References
    ----------
    .. [1] J. J. More, S. M. Wild, Estimating computational noise, SIAM J. Sci. Comput. 33 (2011).

    Examples
    --------
    >>> from algeom.gsvd import Ball, as_function
    >>> f = as_function(lambda x: (x + 1e6) - 1e6, n_inputs=2)
    >>> noise = output_noise(f, Ball(2), np.zeros(2), np.zeros(2), 2.0**-52, np.random.default_rng(0))
    >>> bool(np.all((1e-11 < noise) & (noise < 1e-9)))
    True
    """
    x = domain.sample(rng, 8 * _SEGMENTS)
    begin = x[np.argsort(np.linalg.norm(x, axis=1))[:_SEGMENTS]] * (_NEAR if domain.low == 0 else 1.0)
    towards = x[rng.permutation(len(x))[:_SEGMENTS]] - begin
    sizes = np.linalg.norm(towards, axis=1, keepdims=True)
    ways = towards / np.where(sizes > 0, sizes, 1.0)
    least = _UNITS * unit * (float(np.abs(x0).max()) + domain.high)
    estimates = []
    for part in _STEPS:
        steps = max(part * domain.high, least) * np.arange(_POINTS)
        points = begin[:, None, :] + steps[:, None] * ways[:, None, :]
        values = function(points.reshape(-1, function.n_inputs)).reshape(_SEGMENTS, _POINTS, function.n_outputs)
        size = float(np.abs(values).max()) or 1.0
        differences = np.diff(values / size, n=_ORDER, axis=1)
        # (8 choose 4) = 70.
        squares = np.square(differences).mean(axis=1) / 70
        estimates.append(_SAFETY * size * np.sqrt(np.median(squares, axis=0)))
    # None where neighbours are rounded to the same number.
    measured = np.min(np.where(np.array(estimates) > 0, estimates, np.inf), axis=0)
    measured[np.isinf(measured)] = 0.0
    return np.asarray(np.maximum(measured, _OFFSET_UNITS * unit * np.abs(offset)))


def resolution(
    function: BatchFunction, domain: Domain, x0: Float, offset: Float, unit: float, rng: np.random.Generator
) -> Resolution:
    """The noise of a map with f(0) = 0 on a domain, and from which norm of points on gains are told well.

    Raises
    ------
    InputError
        If outputs do not change by more than rounding errors.
    """
    noise = output_noise(function, domain, x0, offset, unit, rng)
    x = starting_points(function, domain, rng, _PROBES)
    values, sizes = function(x), np.linalg.norm(x, axis=1)
    if not values.any():
        raise InputError(
            f"f - f(0) is zero at all {len(x)} points tried in {domain}: f is constant as far as that shows, and "
            "there is nothing to decompose"
        )
    level = float(np.linalg.norm(noise))
    largest = float(((np.linalg.norm(values, axis=1) - level) / sizes).max())
    if domain.low == 0:
        # Gains can be largest near zero.
        rays = x[:: max(1, len(x) // _SEGMENTS)]
        for part in _PARTS:
            near = part * rays
            told = np.linalg.norm(function(near), axis=1) - level
            largest = max(largest, float((told / np.linalg.norm(near, axis=1)).max()))
    changes = largest * domain.high
    relative = level / changes if changes > 0 else math.inf
    part = max(_LEAST_PART, relative / max(_RELATIVE, relative**_POWER)) if level else _LEAST_PART
    if np.all(np.abs(values) <= noise) or not part <= _MOST_PART:
        raise InputError(
            f"f changes by {np.abs(values).max():.2g} on {domain}, and its rounding errors are about {level:.2g}: f is "
            "constant as far as these show; take a larger domain, or compute f in higher precision"
        )
    return Resolution(noise, part, noise / max(domain.low, part * domain.high), unit)

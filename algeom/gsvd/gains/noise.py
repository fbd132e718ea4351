"""Rounding errors of maps whose code is not known: their size, measured from values at neighbouring points."""

from __future__ import annotations

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
#: Segments, points on each, and its step as part of the size of the domain. Four steps of 2^-22 leave (1e-6 / s)^4 of a
#: map with features of relative size s.
_SEGMENTS, _POINTS, _STEP = 32, 8, 2.0**-22
#: Steps are this many units of rounding of the inputs at least, so that neighbouring points differ.
_UNITS = 16
#: Measured root mean squares are multiplied by this: errors of single values are rarely larger.
_SAFETY = 8.0
#: Units of rounding of the offset that errors are taken to be at least: it is the difference of two rounded values.
_OFFSET_UNITS = 4
#: Points at which the size of gains is looked at, and the least norm of these as part of the largest.
_PROBES, _FAR = 1000, 0.3
#: Least radius of gains, as a power of their relative noise: gains there are exact to the remaining power, and inside
#: of it no more is missed than gains change.
_RADIUS_POWER = 1 / 3
#: Largest of these radii, as part of the domain, with which there is anything to decompose.
_MOST_PART = 0.3


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
    """

    noise: Float
    part: float
    gain_noise: Float


def rounding_unit(function: BatchFunction, x: Float) -> float:
    """Unit of rounding of the outputs: that of single precision if all outputs at x are such numbers."""
    outputs = function(x)
    with np.errstate(over="ignore"):
        rounded = outputs.astype(np.float32).astype(np.float64)
    single = bool(np.any(outputs % 1 != 0)) and np.array_equal(outputs, rounded)
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
    begin = x[np.argsort(np.linalg.norm(x, axis=1))[:_SEGMENTS]]
    towards = x[rng.permutation(len(x))[:_SEGMENTS]] - begin
    sizes = np.linalg.norm(towards, axis=1, keepdims=True)
    step = max(_STEP * domain.high, _UNITS * unit * (float(np.abs(x0).max()) + domain.high))
    ways = step * towards / np.where(sizes > 0, sizes, 1.0)
    points = begin[:, None, :] + np.arange(_POINTS)[:, None] * ways[:, None, :]
    values = function(points.reshape(-1, function.n_inputs)).reshape(_SEGMENTS, _POINTS, function.n_outputs)
    size = float(np.abs(values).max()) or 1.0
    differences = np.diff(values / size, n=_ORDER, axis=1)
    # (8 choose 4) = 70.
    squares = np.square(differences).mean(axis=1) / 70
    measured = _SAFETY * size * np.sqrt(np.median(squares, axis=0))
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
    far = sizes >= _FAR * domain.high
    largest = float((np.linalg.norm(values[far], axis=1) / sizes[far]).max(initial=0.0)) * domain.high
    level = float(np.linalg.norm(noise))
    part = max(unit, level / largest if largest > 0 else 1.0) ** _RADIUS_POWER
    if np.all(np.abs(values) <= noise) or part > _MOST_PART:
        raise InputError(
            f"f changes by {largest:.2g} on {domain}, and its rounding errors are about {level:.2g}: f is constant as "
            "far as these show; take a larger domain, or compute f in higher precision"
        )
    return Resolution(noise, part, noise / max(domain.low, part * domain.high))

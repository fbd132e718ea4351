"""Certified points of a witness set: regular solutions by Krawczyk's test, with images that are proved to differ."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.certify import certify
from algeom.continuation.systems import Complex
from algeom.continuation.witness import WitnessSet

#: Columns compared with all others at once.
_BLOCK = 64


def certified_count(witness: WitnessSet) -> int:
    """Number of points of a witness set that are proved: a proven lower bound for the degree of the image closure.

    Parameters
    ----------
    witness : WitnessSet

    Returns
    -------
    int

    Notes
    -----
    Regular zeros tau_i of ``A psi(tau) = b`` persist when A and b are moved a little, and their images psi(tau_i) stay
    different if they are. A generic slice nearby meets the image closure in as many points as its degree says, so that
    there are no more of these images than that. Nothing is assumed on A and b themselves.

    Examples
    --------
    >>> import algeom as ag
    >>> witness = ag.degree(ag.polynomial_map(["t", "t^2", "t^3"]), method="monodromy", rng=1).witness_set
    >>> certified_count(witness)
    3
    """
    found = certify(witness.system, witness.tau, witness.system_parameters)
    boxes = [found.balls[k] for k in np.flatnonzero(found.distinct).tolist()]
    if not boxes:
        return 0
    enclosed = [_enclosed(witness.gauge.map.tape.evaluate_exact(box, constant=_ball)) for box in boxes if box]
    centers = np.array([center for center, _ in enclosed]).T
    return int(np.count_nonzero(_apart(centers, np.array([radius for _, radius in enclosed]))))


def _ball(constant: Fraction) -> Any:
    from flint import acb, fmpq

    return acb(fmpq(constant.numerator, constant.denominator))


def _enclosed(values: list[Any]) -> tuple[Complex, float]:
    """A point in double precision, and how far from it, in the maximum norm, balls reach."""
    from flint import acb

    center = np.array([complex(value) for value in values])
    gaps = [(value - acb(complex(c))).abs_upper() for value, c in zip(values, center.tolist(), strict=True)]
    # Conversion to double precision may round down.
    return center, max(float(gap) for gap in gaps) * (1 + 2.0**-50)


def _apart(centers: Complex, radii: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which columns are proved to differ from all before them; what is not finite is not."""
    count = centers.shape[1]
    result = np.isfinite(radii) & np.isfinite(centers).all(axis=0)
    sizes = np.abs(centers).max(axis=0)
    for first in range(0, count, _BLOCK):
        block = slice(first, min(first + _BLOCK, count))
        gaps = np.abs(centers[:, block, None] - centers[:, None, :]).max(axis=0)
        # Differences and absolute values in double precision are wrong by a few units in the last place.
        reach = radii[block, None] + radii[None, :] + 2.0**-48 * (sizes[block, None] + sizes[None, :])
        earlier = np.arange(count)[None, :] < np.arange(block.start, block.stop)[:, None]
        result[block] &= ~np.any(earlier & ~(gaps > reach), axis=1)
    return result

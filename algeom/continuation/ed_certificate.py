"""Critical points of a distance that are proved: regular zeros with different images, off the singular locus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.certified_points import _apart, _ball, _enclosed
from algeom.continuation.certify import Certification, certify
from algeom.continuation.ed_system import CriticalEquations
from algeom.continuation.krawczyk import working_precision
from algeom.continuation.systems import Complex

#: Bits for determinants of Jacobians over balls.
_PRECISION = 256


@dataclass(frozen=True, eq=False)
class CertifiedCriticalPoints:
    """What is proved about approximate critical points.

    Attributes
    ----------
    proved : ndarray of bool, shape (N,)
        Which of them are proved to exist as smooth points of the image, different from those before.
    certification : Certification
        The certificates of the parameters.
    """

    proved: NDArray[np.bool_]
    certification: Certification

    @property
    def count(self) -> int:
        """A proven lower bound for the ED degree."""
        return int(np.count_nonzero(self.proved))


def certified_critical_points(
    equations: CriticalEquations, tau: Complex, parameters: Complex
) -> CertifiedCriticalPoints:
    """Prove that critical points exist, and that they differ.

    Parameters
    ----------
    equations : CriticalEquations
    tau : ndarray of complex128, shape (k, N)
        Approximate zeros; columns that are not finite are not proved.
    parameters : ndarray of complex128, shape (m + w,)
        Data and weights, taken exactly as they are.

    Returns
    -------
    CertifiedCriticalPoints

    Notes
    -----
    The number of these is a proven lower bound for the ED degree with these weights, and with generic ones: a Krawczyk
    test shows a regular zero tau of the critical equations [1]_; a maximal minor of the Jacobian of the map, evaluated
    in ball arithmetic, is not zero there, so that the zero is no singular point of the map; and the boxes around the
    images are disjoint. Regular zeros persist with all this when data and weights move a little, so that generic data
    and weights have at least as many critical points, all but finitely special ones on the smooth locus.

    References
    ----------
    .. [1] P. Breiding, K. Rose, S. Timme, Certifying zeros of polynomial systems using interval arithmetic, ACM Trans.
       Math. Software 49 (2023), Theorem 2.1.
    """
    count = tau.shape[1]
    psi = equations.gauge.map
    found = certify(equations.system, tau, parameters)
    candidates = np.flatnonzero(found.distinct).tolist()
    proved = np.zeros(count, dtype=np.bool_)
    jacobian = psi.tape.jacobian_tape()
    shape = (psi.n_coordinates, psi.n_parameters)
    centers = np.full((psi.n_coordinates, count), np.nan, dtype=np.complex128)
    radii = np.full(count, np.inf)
    with working_precision(_PRECISION):
        balls = found.balls
        for j in candidates:
            box = balls[j]
            if box is None:
                continue
            try:
                entries = jacobian.evaluate_exact(list(box), constant=_ball)
                values = psi.tape.evaluate_exact(list(box), constant=_ball)
            except ZeroDivisionError:
                continue
            if _has_full_rank(entries, shape):
                centers[:, j], radii[j] = _enclosed(values)
    proved[candidates] = True
    return CertifiedCriticalPoints(proved & _apart(centers, radii), found)


def _has_full_rank(entries: list[Any], shape: tuple[int, int]) -> bool:
    """Whether a maximal minor of a matrix of balls, given row by row, is certainly not zero."""
    from flint import acb_mat
    from scipy.linalg import qr

    m, k = shape
    middle = np.array([complex(entry) for entry in entries]).reshape(m, k)
    if not np.all(np.isfinite(middle)):
        return False
    rows = qr(middle.T, mode="r", pivoting=True)[1][:k]
    minor = acb_mat(k, k, [entries[row * k + column] for row in rows.tolist() for column in range(k)])
    return not bool(minor.det().contains(0))

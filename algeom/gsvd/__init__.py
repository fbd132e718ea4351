"""Generalized singular value decompositions of nonlinear maps and trained networks."""

from algeom.gsvd.domains import Annulus, Ball, Box, Domain, Samples, Sphere
from algeom.gsvd.ellipsoid import Ellipsoid, minimum_volume_ellipsoid

__all__ = [
    "Annulus",
    "Ball",
    "Box",
    "Domain",
    "Ellipsoid",
    "Samples",
    "Sphere",
    "minimum_volume_ellipsoid",
]

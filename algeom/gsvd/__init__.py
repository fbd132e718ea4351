"""Generalized singular value decompositions of nonlinear maps and trained networks."""

from algeom.gsvd.ellipsoid import Ellipsoid, minimum_volume_ellipsoid

__all__ = ["Ellipsoid", "minimum_volume_ellipsoid"]

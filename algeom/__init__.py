"""algeom: algebraic invariants of images of polynomial maps, by interpolation."""

from algeom.algebra.polynomial import Polynomial
from algeom.errors import AlgeomError
from algeom.evidence import Evidence, Status

__all__ = ["AlgeomError", "Evidence", "Polynomial", "Status"]

__version__ = "0.1.0.dev0"

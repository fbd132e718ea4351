"""algeom: algebraic invariants of images of polynomial maps, by interpolation."""

from algeom.algebra.polynomial import Polynomial
from algeom.errors import AlgeomError
from algeom.evidence import Evidence, Status
from algeom.maps import PolynomialMap, maximal_minors, minors, polynomial_map

__all__ = [
    "AlgeomError",
    "Evidence",
    "Polynomial",
    "PolynomialMap",
    "Status",
    "maximal_minors",
    "minors",
    "polynomial_map",
]

__version__ = "0.1.0.dev0"

"""algeom: algebraic invariants of images of polynomial maps, by interpolation."""

from algeom.errors import AlgeomError
from algeom.evidence import Evidence, Status

__all__ = ["AlgeomError", "Evidence", "Status"]

__version__ = "0.1.0.dev0"

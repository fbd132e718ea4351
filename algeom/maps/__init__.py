"""Maps as data: tapes, tracing, parsing, and `PolynomialMap`."""

from algeom.maps.builder import TapeBuilder
from algeom.maps.construction import polynomial_map
from algeom.maps.minors import maximal_minors, minors
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import Tape

__all__ = ["PolynomialMap", "Tape", "TapeBuilder", "maximal_minors", "minors", "polynomial_map"]

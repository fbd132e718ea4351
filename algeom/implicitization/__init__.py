"""Implicitization by interpolation: dimension, gradings, equations, Hilbert function."""

from algeom.implicitization.dimension import Dimension, dimension
from algeom.implicitization.grading import Grading, grading
from algeom.implicitization.hilbert import HilbertFunction, hilbert_function
from algeom.implicitization.ideal import Ideal
from algeom.implicitization.implicitize import implicitize

__all__ = [
    "Dimension",
    "Grading",
    "HilbertFunction",
    "Ideal",
    "dimension",
    "grading",
    "hilbert_function",
    "implicitize",
]

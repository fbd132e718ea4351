"""Homotopy continuation: solutions of systems, degrees, Euclidean distance degrees, nearest points, membership."""

from algeom.continuation.solve import Solutions, solve
from algeom.continuation.systems import System, polynomial_system
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, newton, track

__all__ = [
    "PathResults",
    "ReturnCode",
    "Solutions",
    "System",
    "TrackerOptions",
    "newton",
    "polynomial_system",
    "solve",
    "track",
]

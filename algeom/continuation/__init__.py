"""Homotopy continuation: solutions of systems, degrees, Euclidean distance degrees, nearest points, membership."""

from algeom.continuation.systems import System, polynomial_system

__all__ = ["System", "polynomial_system"]

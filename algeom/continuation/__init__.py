"""Homotopy continuation: solutions of systems, degrees, Euclidean distance degrees, nearest points, membership."""

from algeom.continuation.certify import Certification, certified_distinct, certify
from algeom.continuation.contains import ImageMembership, contains
from algeom.continuation.critical_points import CriticalPoint, CriticalPoints, critical_points
from algeom.continuation.degree import Degree, DegreePlan, degree, degree_plan
from algeom.continuation.ed_degree import EDDegree, ed_degree
from algeom.continuation.ed_degree_formula import EDDegreeFormula, ed_degree_formula
from algeom.continuation.gauge import Gauge, gauge
from algeom.continuation.monodromy import MonodromyResult, monodromy
from algeom.continuation.nearest import NearestPoint, nearest_point
from algeom.continuation.regions import AffineSubspace, Ball, Box, HalfSpace, Region
from algeom.continuation.separation import separation
from algeom.continuation.slices import Slice
from algeom.continuation.solve import Solutions, solve
from algeom.continuation.systems import System, polynomial_system
from algeom.continuation.trace import TraceTest, trace_test
from algeom.continuation.trace_curves import CurveTest, curve_test
from algeom.continuation.tracker import PathResults, ReturnCode, TrackerOptions, newton, track
from algeom.continuation.verdicts import Separation, Verdict
from algeom.continuation.witness import WitnessMembership, WitnessSet

__all__ = [
    "AffineSubspace",
    "Ball",
    "Box",
    "Certification",
    "CriticalPoint",
    "CriticalPoints",
    "CurveTest",
    "Degree",
    "DegreePlan",
    "EDDegree",
    "EDDegreeFormula",
    "Gauge",
    "HalfSpace",
    "ImageMembership",
    "MonodromyResult",
    "NearestPoint",
    "PathResults",
    "Region",
    "ReturnCode",
    "Separation",
    "Slice",
    "Solutions",
    "System",
    "TraceTest",
    "TrackerOptions",
    "Verdict",
    "WitnessMembership",
    "WitnessSet",
    "certified_distinct",
    "certify",
    "contains",
    "critical_points",
    "curve_test",
    "degree",
    "degree_plan",
    "ed_degree",
    "ed_degree_formula",
    "gauge",
    "monodromy",
    "nearest_point",
    "newton",
    "polynomial_system",
    "separation",
    "solve",
    "trace_test",
    "track",
]

"""algeom: algebraic invariants of images of polynomial maps, by interpolation."""

from importlib import import_module
from typing import Any

from algeom.algebra.polynomial import Polynomial
from algeom.continuation import (
    AffineSubspace,
    Ball,
    Box,
    Certification,
    CriticalPoint,
    CriticalPoints,
    CurveTest,
    Degree,
    DegreePlan,
    EDDegree,
    EDDegreeFormula,
    Gauge,
    HalfSpace,
    ImageMembership,
    MonodromyResult,
    NearestPoint,
    PathResults,
    Region,
    ReturnCode,
    Separation,
    Slice,
    Solutions,
    System,
    TraceTest,
    TrackerOptions,
    Verdict,
    WitnessMembership,
    WitnessSet,
    certified_distinct,
    certify,
    contains,
    critical_points,
    curve_test,
    degree,
    degree_plan,
    ed_degree,
    ed_degree_formula,
    gauge,
    monodromy,
    nearest_point,
    newton,
    polynomial_system,
    separation,
    solve,
    trace_test,
    track,
)
from algeom.errors import (
    AlgeomError,
    CertificateError,
    GenericityError,
    InputError,
    NotPolynomialError,
    ResourceError,
)
from algeom.evidence import Evidence, Status
from algeom.implicitization import (
    Dimension,
    Grading,
    HilbertFunction,
    Ideal,
    dimension,
    grading,
    hilbert_function,
    implicitize,
)
from algeom.implicitization.certificates import Certificate
from algeom.maps import PolynomialMap, maximal_minors, minors, polynomial_map
from algeom.warming import warmup

__all__ = [
    "AffineSubspace",
    "AlgeomError",
    "Ball",
    "Box",
    "Certificate",
    "CertificateError",
    "Certification",
    "CriticalPoint",
    "CriticalPoints",
    "CurveTest",
    "Degree",
    "DegreePlan",
    "Dimension",
    "EDDegree",
    "EDDegreeFormula",
    "Evidence",
    "Gauge",
    "GenericityError",
    "Grading",
    "HalfSpace",
    "HilbertFunction",
    "Ideal",
    "ImageMembership",
    "InputError",
    "MonodromyResult",
    "NearestPoint",
    "NotPolynomialError",
    "PathResults",
    "Polynomial",
    "PolynomialMap",
    "Region",
    "ResourceError",
    "ReturnCode",
    "Separation",
    "Slice",
    "Solutions",
    "Status",
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
    "dimension",
    "ed_degree",
    "ed_degree_formula",
    "gauge",
    "grading",
    "hilbert_function",
    "implicitize",
    "maximal_minors",
    "minors",
    "monodromy",
    "nearest_point",
    "newton",
    "polynomial_map",
    "polynomial_system",
    "separation",
    "solve",
    "trace_test",
    "track",
    "warmup",
]

__version__ = "0.1.0.dev0"

#: Subpackages that are imported when first used, to keep `import algeom` quick.
_SUBPACKAGES = ("gsvd", "lsrdr", "networks", "plot", "registry", "varieties")


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"algeom.{name}")
    raise AttributeError(f"module 'algeom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])

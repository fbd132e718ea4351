"""algeom: algebraic invariants of images of polynomial maps, by interpolation."""

from importlib import import_module
from typing import Any

from algeom.algebra.polynomial import Polynomial
from algeom.continuation import (
    PathResults,
    ReturnCode,
    Solutions,
    System,
    TrackerOptions,
    newton,
    polynomial_system,
    solve,
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
    "AlgeomError",
    "Certificate",
    "CertificateError",
    "Dimension",
    "Evidence",
    "GenericityError",
    "Grading",
    "HilbertFunction",
    "Ideal",
    "InputError",
    "NotPolynomialError",
    "PathResults",
    "Polynomial",
    "PolynomialMap",
    "ResourceError",
    "ReturnCode",
    "Solutions",
    "Status",
    "System",
    "TrackerOptions",
    "dimension",
    "grading",
    "hilbert_function",
    "implicitize",
    "maximal_minors",
    "minors",
    "newton",
    "polynomial_map",
    "polynomial_system",
    "solve",
    "track",
    "warmup",
]

__version__ = "0.1.0.dev0"

#: Subpackages that are imported when first used, to keep `import algeom` quick.
_SUBPACKAGES = ("networks", "plot", "registry", "varieties")


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return import_module(f"algeom.{name}")
    raise AttributeError(f"module 'algeom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_SUBPACKAGES])

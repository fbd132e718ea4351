"""The record of a named problem: a map, and what is known about the closure of its image."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from algeom.maps import PolynomialMap

__all__ = ["Problem"]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A named map with cited answers.

    What is not known, or was not looked up, is None or empty; nothing here is a guess.

    Attributes
    ----------
    name : str
        The name in the registry.
    build : callable
        Builds the map (nothing is built at import).
    dimension : int
        The affine dimension of the closure of the image: of the affine cone, where the image is a cone.
    degree : int or None
        The degree of the closure of the image.
    generators : mapping of int to int, or None
        How many minimal generators the ideal has in each degree up to `max_degree` (degrees without any left out). For
        an image that is not a cone, those of the homogenization.
    max_degree : int
        The degree through which `generators` and `ideal_dimensions` are meant: where to stop computing. 0 when only
        dimension and degree are recorded.
    ideal_dimensions : mapping of int to int
        dim I_d for some degrees d.
    hilbert_function : tuple of int
        The Hilbert function of the coordinate ring (of the homogenization), from degree 0 on.
    tags : frozenset of str
        "quick" (equations through `max_degree` in seconds), "slow", "ungraded" (no torus acts diagonally), a family
        ("relu", "attention", "statistics", ...), and "peer:NAME" where another system's figures are recorded for it.
    source : str
        Where the numbers come from.
    note : str
        What else is worth knowing.

    Examples
    --------
    >>> from algeom.registry import problem
    >>> cubic = problem("twisted_cubic")
    >>> cubic.dimension, cubic.degree, cubic.generators
    (2, 3, {2: 3})
    """

    name: str
    build: Callable[[], PolynomialMap]
    dimension: int
    degree: int | None = None
    generators: Mapping[int, int] | None = None
    max_degree: int = 0
    ideal_dimensions: Mapping[int, int] = field(default_factory=dict)
    hilbert_function: tuple[int, ...] = ()
    tags: frozenset[str] = frozenset()
    source: str
    note: str = ""

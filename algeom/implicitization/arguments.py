"""Arguments that several verbs share, checked with a message that says what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.maps.polynomial_map import PolynomialMap


def require_map(phi: Any) -> None:
    """Refuse what is no map, a bare function above all."""
    if isinstance(phi, PolynomialMap):
        return
    if callable(phi):
        raise InputError(
            "a Python function was given where a map is expected; "
            "trace it first: polynomial_map(function, n_parameters=...)"
        )
    raise InputError(
        f"a {type(phi).__name__} was given where a map is expected; make one with polynomial_map(...), "
        "from a function, a list of strings or SymPy expressions"
    )


def wanted_degrees(max_degree: int | None, degrees: Iterable[int] | None) -> list[int]:
    """The degrees that a caller asks for, sorted."""
    if (max_degree is None) == (degrees is None):
        raise InputError("give either max_degree=d for degrees 1 to d, or degrees=[...], and not both")
    try:
        chosen: list[Any] = [max_degree] if degrees is None else list(degrees)
    except TypeError:
        chosen = [degrees]
    if not chosen or any(isinstance(d, bool) or not isinstance(d, int | np.integer) or d < 1 for d in chosen):
        raise InputError(f"degrees must be integers from 1 on; got max_degree={max_degree!r}, degrees={degrees!r}")
    whole = sorted({int(d) for d in chosen if d is not None})
    return whole if degrees is not None else list(range(1, whole[0] + 1))

"""The figures of one ideal by name, for `Ideal.plot`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from algeom.errors import InputError
from algeom.implicitization.ideal import Ideal
from algeom.plot.blocks import block_sizes
from algeom.plot.hilbert import hilbert_function
from algeom.plot.style import check_kind
from algeom.plot.tables import generator_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIGURES: dict[str, Callable[..., Axes]] = {
    "hilbert": hilbert_function,
    "blocks": block_sizes,
    "generators": generator_table,
}


def ideal(result: Ideal, kind: str = "hilbert", *, ax: Axes | None = None) -> Axes:
    """Draw one of the figures of an ideal.

    Parameters
    ----------
    result : Ideal
    kind : {"hilbert", "blocks", "generators"}
        The Hilbert function, the sizes of the blocks by degree, or the numbers of generators as a table.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    InputError
        If the result is no Ideal, there is no such figure, or matplotlib is not installed.

    Examples
    --------
    >>> import algeom as ag
    >>> from algeom import plot
    >>> cubic = ag.polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
    >>> plot.ideal(ag.implicitize(cubic, max_degree=3, rng=1), "blocks").get_ylabel()
    'monomials in a block'
    """
    if kind not in _FIGURES:
        raise InputError(f"there is no figure {kind!r} of an ideal; choose from {', '.join(_FIGURES)}")
    check_kind("result", result, Ideal)
    return _FIGURES[kind](result, ax=ax)

"""The record of a named system of polynomial equations: a family, its number of solutions, and how to start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from algeom.runtime.seeds import RandomState, resolve

if TYPE_CHECKING:
    from algeom.continuation import System
    from algeom.maps import Tape

Complex = NDArray[np.complex128]

__all__ = ["SystemProblem", "complex_normal"]


@dataclass(frozen=True, kw_only=True)
class SystemProblem:
    """A named family of systems with a cited number of solutions.

    What is not known is None; nothing here is a guess.

    Attributes
    ----------
    name : str
        The name in the registry.
    build : callable
        Builds the `System` (nothing is built at import).
    count : int
        The number of isolated solutions for general parameters, without those that `note` excludes.
    draw : callable
        Takes a ``numpy.random.Generator``; see `start_pair`.
    image : callable or None
        Builds a tape on the unknowns and parameters, whose values identify what is counted by `image_count`.
    image_count : int or None
        The number of different images of the solutions.
    parameters : tuple of int or Fraction, or None
        Special parameters, exact.
    special_count, special_real : int or None
        The numbers of isolated solutions, and of real ones, at the special parameters.
    tags : frozenset of str
        "quick", "slow", and the family.
    source : str
        Where the numbers come from.
    note : str
        What else is worth knowing.

    Examples
    --------
    >>> from algeom.registry import systems
    >>> lines = systems.system_problem("lines_on_a_cubic")
    >>> lines.build(), lines.count
    (System(4 equations, 4 unknowns, 20 parameters), 27)
    >>> x, p = lines.start_pair(rng=1)
    >>> bool(abs(lines.build()(x, p)).max() < 1e-14)
    True
    """

    name: str
    build: Callable[[], System]
    count: int
    draw: Callable[[np.random.Generator], tuple[Complex, Complex]]
    image: Callable[[], Tape] | None = None
    image_count: int | None = None
    parameters: tuple[int | Fraction, ...] | None = None
    special_count: int | None = None
    special_real: int | None = None
    tags: frozenset[str] = frozenset()
    source: str
    note: str = ""

    def start_pair(self, rng: RandomState = None) -> tuple[Complex, Complex]:
        """A random complex solution and parameters that have it, for `monodromy`.

        Parameters
        ----------
        rng : int, numpy.random.Generator or None

        Returns
        -------
        solution : ndarray of complex128, shape (n,)
        parameters : ndarray of complex128, shape (k,)
            General, up to the one relation that the solution imposes on them in each equation.
        """
        return self.draw(resolve(rng)[1])


def complex_normal(rng: np.random.Generator, *shape: int) -> Complex:
    """Independent complex normal numbers of variance one."""
    return np.asarray((rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2))

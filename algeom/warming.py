"""Compile every kernel now, rather than at its first use."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from algeom._kernels import compile as kernels
from algeom._kernels import superoperator as _superoperator  # noqa: F401  (so that its kernels are counted)
from algeom.algebra.elimination import SMALL_WORK, eliminate
from algeom.continuation import polynomial_system, track
from algeom.implicitization import hilbert_function, implicitize
from algeom.maps import polynomial_map
from algeom.runtime.compilation import compile_clock
from algeom.runtime.progress import Progress, reporter

__all__ = ["Warmup", "warmup"]

_PRIME = 4194301
#: As many rows and columns as make elimination work in blocks.
_LARGE = round(SMALL_WORK ** (1 / 3)) + 2


@dataclass(frozen=True)
class Warmup:
    """What `warmup` did.

    Attributes
    ----------
    kernels : int
        How many kernels the package has.
    compiled : int
        How many specializations were compiled; the others were found in the cache.
    seconds : float
        Time for all of it.
    cache : str or None
        The folder that keeps compiled kernels; None if none can be written, so that each process compiles anew.
    """

    kernels: int
    compiled: int
    seconds: float
    cache: str | None

    def __str__(self) -> str:
        kept = f"kept in {self.cache}" if self.cache else "not kept: no cache folder can be written (ALGEOM_CACHE_DIR)"
        return f"{self.kernels} kernels ready in {self.seconds:.1f} s, {self.compiled} specializations compiled; {kept}"


def warmup(*, progress: Progress = False) -> Warmup:
    """Compile all kernels, so that no later call does: once per machine, as they are kept on disk.

    Parameters
    ----------
    progress : bool or callable
        As for the other verbs; see `algeom.runtime.progress`.

    Returns
    -------
    Warmup

    Notes
    -----
    Every kernel is called through the library's own functions on tiny data, so that exactly the specializations
    that real work uses are compiled. ``ALGEOM_CACHE_DIR`` chooses another folder than the user's cache.

    Examples
    --------
    >>> done = warmup()
    >>> done.kernels > 10
    True
    """
    begin = time.perf_counter()
    with compile_clock() as clock, reporter(progress) as report:
        report.start("warming up", total=6)
        cubic = polynomial_map(["s^3", "s^2*t", "s*t^2", "t^3"])
        implicitize(cubic, max_degree=2, rng=0)
        hilbert_function(cubic, 2, rng=0)
        report.advance(what="homogeneous map")

        rational = polynomial_map(["s/(1+t)", "t/(1+s)", "s*t", "s-t"])
        implicitize(rational, max_degree=2, lift=False, rng=0)
        report.advance(what="rational map")

        # One point and several, real and complex, without and with derivatives.
        for point in (np.array([2.0, 3.0]), np.array([2.0 + 1.0j, 3.0])):
            rational(point)
            rational(np.repeat(point[:, None], 3, axis=1))
            rational.jacobian(point)
        report.advance(what="real and complex points")

        generator = np.random.default_rng(0)
        low_rank = generator.integers(-4, 5, (_LARGE, _LARGE // 2)) @ generator.integers(-4, 5, (_LARGE // 2, _LARGE))
        eliminate(np.ascontiguousarray(low_rank, float), _PRIME)
        report.advance(what="elimination")

        # One specialization serves both precisions.
        circle = polynomial_system(["x^2 - a"], unknowns=["x"], parameters=["a"])
        track(circle, [[1.0, -1.0]], [1.0], [2.0j])
        report.advance(what="path tracking")

        # Not at the top: the rest of algeom can do without algeom.lsrdr. One specialization serves real and complex.
        from algeom.lsrdr.reduction.lanes import lane_steps

        S = np.eye(2, 1)[None]
        lane_steps(np.array([[[2.0, 1.0], [1.0, 2.0]]]), S, S.transpose(0, 2, 1), S, S, 1.0)
        report.advance(what="reductions of matrix tuples")
    return Warmup(len(kernels.KERNELS), clock.kernels, time.perf_counter() - begin, kernels.CACHE_FOLDER)

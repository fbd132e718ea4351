"""Sums of images along a line of parameters, and whether they are linear."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import ReturnCode
from algeom.evidence import Evidence, Status
from algeom.maps import Tape
from algeom.maps.tape import noun_count
from algeom.runtime.seeds import derive

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Errors of end points are propagated to first order; what that leaves out (rounding inside the image, the constants
#: of backward errors) is covered by this factor. Ten digits usually lie between it and what a missing solution leaves.
_SAFETY = 100.0

#: The accuracy has to be this much better than what a single solution contributes. A set that is not complete then
#: passes if a complex number of the size of such a contribution is this small by accident: one chance in a million.
_RESOLUTION = 1e-3

#: A solution is said to move linearly if it does up to this part of how far the images are spread along the line. One
#: that is less accurate could bend unnoticed.
_STRAIGHT = 1e-8

#: Images whose Jacobians are held at once.
_BLOCK = 512


@dataclass(frozen=True, eq=False, repr=False)
class TraceTest:
    """Outcome of a trace test.

    Attributes
    ----------
    error : float
        How far the sum of the images is from affine linear, in units of what a typical solution contributes to that:
        a missing solution leaves about 1.
    threshold : float
        Largest error that the accuracy of the end points explains, in the same unit.
    passed : bool
        Whether the error is below the threshold, and the threshold far below 1. The set is then complete, provided
        that the trace is linear for complete sets; see `trace_test`.
    count : int
        Number of solutions summed up.
    abscissae : tuple of complex
        Where along the line, in units of the direction; 0 is the first.
    sums : ndarray of complex128, shape (m, number of abscissae)
        The sum of the images at each abscissa, coordinate by coordinate.
    evidence : Evidence
        NUMERICAL if passed, else LOWER_BOUND with the reason.
    failures : dict from ReturnCode to int
        Paths that failed also with conservative options.
    tracked : int
        Paths tracked.
    seed : int
        ``rng=seed`` repeats the test.
    """

    error: float
    threshold: float
    passed: bool
    count: int
    abscissae: tuple[complex, ...]
    sums: Complex
    evidence: Evidence
    failures: dict[ReturnCode, int] = field(default_factory=dict)
    tracked: int = 0
    seed: int = 0

    def __repr__(self) -> str:
        verdict = "passed" if self.passed else "not passed"
        return (
            f"TraceTest({verdict}: {noun_count(self.count, 'solution')}, error {self.error:.1e}, "
            f"threshold {self.threshold:.1e})"
        )

    def __str__(self) -> str:
        return f"{self!r}\n{self.evidence!r}"


@dataclass(frozen=True, eq=False)
class ImagedPoints:
    """Images of solutions, shape (m, N), with first-order bounds of their errors."""

    images: Complex
    errors: Float

    @classmethod
    def of(cls, system: System, image: Tape | None, points: Complex, parameters: Any, accuracy: Float) -> ImagedPoints:
        """Images of refined solutions.

        Parameters
        ----------
        points : ndarray of complex128, shape (n, N)
        parameters : array_like, shape (k,) or (k, N)
        accuracy : ndarray of float64, shape (N,)
            Relative size of the last Newton step.
        """
        epsilon = np.finfo(float).eps
        # The last step bounds the error of Newton's method before it; the result is rounded once more.
        errors = np.maximum(accuracy, epsilon) * np.abs(points).max(axis=0, initial=0.0)
        if image is None:
            return cls(points, np.broadcast_to(errors, points.shape))
        n = system.n_unknowns
        inputs = np.concatenate([points, system.parameter_columns(parameters, points.shape[1])]).astype(np.complex128)
        values = image.evaluate(inputs)
        bounds = epsilon * np.abs(values)
        for low in range(0, points.shape[1], _BLOCK):
            part = slice(low, low + _BLOCK)
            jacobians = image.jacobian(np.ascontiguousarray(inputs[:, part]))[:, :, :n]
            bounds[:, part] += np.abs(jacobians).sum(axis=2).T * errors[part]
        return cls(values, bounds)

    def take(self, columns: Any) -> ImagedPoints:
        """Some of them."""
        return ImagedPoints(self.images[:, columns], self.errors[:, columns])


def undecided_trace(
    why: str,
    count: int,
    abscissae: Complex,
    n_coordinates: int,
    failures: dict[ReturnCode, int],
    tracked: int,
    seed: int,
) -> TraceTest:
    """A test that could not be carried out."""
    sums = np.full((n_coordinates, abscissae.size), np.nan, dtype=np.complex128)
    evidence = Evidence(Status.LOWER_BOUND, math.nan, f"no trace test: {why}")
    return TraceTest(
        math.nan, math.nan, False, count, tuple(abscissae.tolist()), sums, evidence, failures, tracked, seed
    )


def linear_trace(
    ends: Sequence[ImagedPoints],
    abscissae: Complex,
    seed: int,
    *,
    followed: Sequence[Int] | None = None,
    orbits: Int | None = None,
    tracked: int = 0,
) -> TraceTest:
    """The trace test for sets of solutions along a line that are known already.

    Parameters
    ----------
    ends : sequence of ImagedPoints
        For each abscissa, N points each time.
    abscissae : ndarray of complex128
        Different numbers, three or more.
    seed : int
    followed : sequence of ndarray of int64, optional
        For each abscissa the columns of solutions that are continuations of each other, in the same order; all the
        columns by default.
    orbits : ndarray of int64, optional
        Numbers 0, 1, ... of the orbits of a group of symmetries for the solutions followed, where solutions are found
        by orbits: what may be missing are orbits then.
    tracked : int
        For the result.

    Notes
    -----
    For the powers d = 1, ..., A - 2 of a linear form, and for all coordinates with d = 1, the A values along the line
    are projected to the complement of the polynomials of degree d. What the projections of single solutions come to
    tells what one missing solution would leave.
    """
    images = np.stack([part.images for part in ends])
    errors = np.stack([part.errors for part in ends])
    count = images.shape[2]
    columns = [np.arange(count)] * len(ends) if followed is None else list(followed)
    labels = np.arange(columns[0].size) if orbits is None else orbits
    total = images.sum(axis=2)
    # A translation of the coordinates adds polynomials of the degrees that are allowed for; it takes the origin, from
    # which sizes are measured, to the images.
    vanishing = _vanishes(images, errors)
    errors = errors + np.finfo(float).eps * np.abs(images)
    images = images - images.mean(axis=(0, 2), keepdims=True)
    form = _random_form(images, seed)
    along = np.einsum("m,amn->an", form, images)
    form_errors = np.einsum("m,amn->an", np.abs(form), errors)
    functionals = [_Functionals.of(images, errors, abscissae, 1, columns, labels)]
    for degree in range(1, abscissae.size - 1):
        values = along[:, None] ** degree
        bounds = degree * np.abs(along[:, None]) ** (degree - 1) * form_errors[:, None]
        functionals.append(_Functionals.of(values, bounds, abscissae, degree, columns, labels))
    found = _Functionals(*(np.concatenate(parts) for parts in zip(*(f.arrays for f in functionals), strict=True)))
    telling = found.typical > 0
    # Where every solution moves linearly, one of the usual size stands in for what a missing one would contribute.
    unit = np.where(telling, found.typical, np.maximum(found.sizes, np.finfo(float).tiny))
    errors, thresholds = found.deviations / unit, found.limits / unit
    shown = np.flatnonzero(telling) if telling.any() else np.arange(unit.size)
    worst = int(shown[np.argmax(found.deviations[shown] / np.maximum(found.limits[shown], np.finfo(float).tiny))])
    error, threshold = errors.item(worst), thresholds.item(worst)
    objection = _objection(found, telling, thresholds, error, threshold)
    if not objection and count > 1 and abscissae.size == 3 and vanishing:
        objection = (
            "the images sum up to zero all along the line, as those of solutions that a symmetry x -> -x exchanges do, "
            "whether they are all or not: use trace_test with more abscissae, trace='curve', or an image without "
            "that symmetry"
        )
    good = (
        f"the trace of {noun_count(count, 'solution')} is linear: relative error {error:.1e}, "
        f"threshold {threshold:.1e}, where a missing solution would leave about 1"
    )
    return TraceTest(
        error=error,
        threshold=threshold,
        passed=not objection,
        count=count,
        abscissae=tuple(abscissae.tolist()),
        sums=np.ascontiguousarray(total.T),
        evidence=Evidence(Status.LOWER_BOUND if objection else Status.NUMERICAL, math.nan, objection or good),
        tracked=tracked,
        seed=seed,
    )


def _vanishes(images: Complex, errors: Float) -> bool:
    """Whether the sums of all coordinates are zero at all abscissae, as far as their accuracy tells."""
    limits = _SAFETY * (errors + np.finfo(float).eps * np.abs(images)).sum(axis=2)
    return bool(np.all(np.abs(images.sum(axis=2)) <= limits))


def _objection(
    found: _Functionals, telling: NDArray[np.bool_], thresholds: Float, error: float, threshold: float
) -> str:
    """Why the test is not passed; empty if it is."""
    if not np.all(np.isfinite(found.limits) & np.isfinite(found.deviations)):
        return "an end point could not be refined, so that its accuracy is unknown"
    if not np.any(found.moved):
        return "no solution moves along the direction, so that a linear trace says nothing; choose another one"
    if np.any(found.deviations > found.limits):
        return (
            f"the trace is not linear (relative error {error:.1e}, threshold {threshold:.1e}): solutions are missing, "
            "or this is no family whose complete sets have a linear trace"
        )
    if not telling.any():
        # Linear spaces move linearly one by one: each is complete.
        return "images cancel within orbits of the group actions" if np.any(found.curved_alone) else ""
    if thresholds[telling].min() > _RESOLUTION:
        return (
            f"the solutions are not accurate enough to decide: threshold {threshold:.1e} where {_RESOLUTION:g} would "
            "do; try a direction of another length"
        )
    return ""


@dataclass(frozen=True, eq=False)
class _Functionals:
    """Figures of functions of the images, one entry for each.

    Attributes
    ----------
    deviations : how far the sum is from a polynomial.
    limits : how far it may be, by the accuracy of the points.
    typical : median of what single orbits deviate, those that move linearly left out; 0 if all do.
    sizes : mean absolute value.
    curved_alone : whether solutions of their own, outside of orbits, deviate.
    moved : whether any solution moves at all.
    """

    deviations: Float
    limits: Float
    typical: Float
    sizes: Float
    curved_alone: NDArray[np.bool_]
    moved: NDArray[np.bool_]

    @property
    def arrays(self) -> tuple[NDArray[Any], ...]:
        return (self.deviations, self.limits, self.typical, self.sizes, self.curved_alone, self.moved)

    @classmethod
    def of(
        cls, values: Complex, errors: Float, abscissae: Complex, degree: int, columns: Sequence[Int], labels: Int
    ) -> _Functionals:
        """From values and error bounds, shape (number of abscissae, number of functions, N)."""
        complement = _complement(abscissae, degree)
        count = values.shape[2]
        rounding = np.finfo(float).eps * math.log2(count + 2)
        deviations = np.linalg.norm(np.einsum("ra,af->rf", complement, values.sum(axis=2)), axis=0)
        # Entries of an orthonormal basis are at most one.
        limits = _SAFETY * (errors + rounding * np.abs(values)).sum(axis=(0, 2))
        single = np.stack([values[a][:, chosen] for a, chosen in enumerate(columns)])
        noise = _SAFETY * np.stack([errors[a][:, chosen] for a, chosen in enumerate(columns)])
        residues = np.einsum("ra,afn->rfn", complement, single)
        alone = np.linalg.norm(residues, axis=0) > noise.sum(axis=0)
        order = np.argsort(labels, kind="stable")
        first = np.flatnonzero(np.diff(labels[order], prepend=-1))
        contributions = np.linalg.norm(np.add.reduceat(residues[:, :, order], first, axis=2), axis=0)
        unknown = np.add.reduceat(noise.sum(axis=0)[:, order], first, axis=1)
        sizes = np.abs(values).mean(axis=(0, 2))
        beyond = (contributions > unknown) | (unknown > _STRAIGHT * sizes[:, None])
        tiny = float(np.finfo(float).tiny)
        typical = np.array(
            [
                max(float(np.median(row[chosen])), tiny) if chosen.any() else 0.0
                for row, chosen in zip(contributions, beyond, strict=True)
            ]
        )
        moved = np.any(np.abs(single - single[:1]) > noise + noise[:1], axis=(0, 2))
        return cls(deviations, limits, typical, sizes, alone.any(axis=1), moved)


def _random_form(images: Complex, seed: int) -> Complex:
    """Coefficients of a random linear form to which all coordinates contribute alike."""
    draw = derive(seed, "trace form").standard_normal((2, images.shape[1]))
    sizes = np.abs(images).mean(axis=(0, 2))
    return np.asarray((draw[0] + 1j * draw[1]) / np.where(sizes > 0, sizes, 1.0))


def _complement(abscissae: Complex, degree: int) -> Complex:
    """Orthonormal rows that annihilate the values of polynomials up to a degree."""
    powers = np.vander(abscissae, degree + 1)
    return np.asarray(np.linalg.qr(powers, mode="complete")[0][:, degree + 1 :].conj().T)

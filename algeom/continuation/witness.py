"""Pseudo-witness sets: the points of an image closure on a slice, and what moving the slice tells about it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.distinct import PointIndex
from algeom.continuation.gauge import Gauge
from algeom.continuation.slices import (
    Slice,
    complex_gaussian,
    identity_columns,
    image_tape,
    random_matrix,
    slice_parameters,
    slice_system,
    start_point,
    typical_center,
    typical_offsets,
)
from algeom.continuation.systems import Complex, System, as_points
from algeom.continuation.tracker import PathResults, TrackerOptions, track
from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, Status, combine
from algeom.maps.polynomial_map import PolynomialMap
from algeom.maps.tape import noun_count
from algeom.runtime import seeds
from algeom.runtime.progress import Progress

#: Ends of paths are known to about eight digits where they are singular; two digits are kept in reserve.
_SAME_POINT = 1e-6

#: Ways to a slice that are tried: straight, carefully, then through random slices in between.
_WAYS = 4

#: Random slices without a real point after which a search for real points is given up.
_BARREN_SLICES = 100


@dataclass(frozen=True)
class WitnessMembership:
    """Whether a point is on the closure of an image, by following a witness set to a slice through the point.

    Attributes
    ----------
    value : bool or None
        None: undecided, since paths failed, or the witness set may lack points, and no end met the point.
    distance : float
        From the point to the nearest end, relative to the size of the two. If it is small, the point is that close to
        the image closure; the converse does not hold, since only points of the slice are compared.
    tolerance : float
        Up to which distance the answer is yes.
    nearest : ndarray of complex128, shape (m,)
        The nearest end.
    failed : int
        Number of paths whose end is not known.
    evidence : Evidence
    """

    value: bool | None
    distance: float
    tolerance: float
    nearest: Complex = field(repr=False)
    failed: int
    evidence: Evidence

    def __bool__(self) -> bool:
        if self.value is None:
            raise GenericityError(
                f"membership is undecided: {self.evidence.reason}; look at .value and .distance instead"
            )
        return self.value


@dataclass(frozen=True, eq=False, repr=False)
class WitnessSet:
    """The points in which a generic slice of complementary dimension meets the closure of an image.

    It is a pseudo-witness set [1]_: points are held by parameters that map to them, one choice for each, and the
    equations of the image are not needed. `degree` makes one.

    Attributes
    ----------
    gauge : Gauge
        The map, and the restriction psi of it, with finite fibers, that is tracked.
    slice : Slice
    tau : ndarray of complex128, shape (k, N)
        Parameters of psi, one column for each point. A read-only copy, as are the points.
    points : ndarray of complex128, shape (m, N)
        The points, psi(tau).
    is_cone : bool
        Whether the image closure is a cone.
    is_generic : bool
        Whether the slice was drawn at random, as complex numbers.
    evidence : Evidence
        That there are no more points on the slice; LOWER_BOUND if there may be.
    seed : int

    References
    ----------
    .. [1] J. D. Hauenstein, A. J. Sommese, Witness sets of projections, Appl. Math. Comput. 217 (2010), 3349-3354;
       Membership tests for images of algebraic sets by linear projections, Appl. Math. Comput. 219 (2013), 6809-6818.

    Examples
    --------
    >>> import algeom as ag
    >>> witness = ag.degree(ag.polynomial_map(["t", "t^2", "t^3"]), method="monodromy", rng=1).witness_set
    >>> witness
    WitnessSet(3 points, dimension 1 in dimension 3, numerical)
    >>> witness.contains([2, 4, 8]).value, witness.contains([2, 4, 9]).value
    (True, False)
    >>> witness.sample(5, rng=1).shape
    (3, 5)
    """

    gauge: Gauge
    slice: Slice
    tau: Complex
    points: Complex
    is_cone: bool
    is_generic: bool
    evidence: Evidence
    seed: int

    def __post_init__(self) -> None:
        k, m = self.gauge.dimension, self.gauge.map.n_coordinates
        if (self.slice.codimension, self.slice.n_coordinates) != (k, m):
            raise InputError(
                f"{self.slice!r} was given for an image of dimension {k} in dimension {m}; its codimension must be {k}"
            )
        count = self.tau.shape[-1]
        if self.tau.shape != (k, count) or self.points.shape != (m, count):
            raise InputError(
                f"parameters and points have the shapes {self.tau.shape} and {self.points.shape}; expected ({k}, N) "
                f"and ({m}, N)"
            )
        for name, array in (("tau", self.tau), ("points", self.points)):
            kept = np.array(array, dtype=np.complex128)
            kept.flags.writeable = False
            object.__setattr__(self, name, kept)

    @property
    def map(self) -> PolynomialMap:
        """The map phi."""
        return self.gauge.original

    @property
    def theta(self) -> Complex:
        """Parameters of phi that give the points, shape (n, N)."""
        return np.asarray(self.gauge.lift(self.tau), dtype=np.complex128)

    @property
    def degree(self) -> int:
        """Number of points N: the degree of the image closure, if `evidence` says that none is missing."""
        return int(self.tau.shape[1])

    @property
    def dimension(self) -> int:
        """Dimension k of the image closure as an affine variety."""
        return self.gauge.dimension

    @property
    def system(self) -> System:
        """The equations ``A psi(tau) = b``, with A (but columns that are the identity) and b as parameters."""
        return slice_system(self.gauge.map, identity_columns(self.slice.matrix))

    @property
    def system_parameters(self) -> Complex:
        """Parameters of `system` at which the columns of `tau` solve it: what `certify` takes."""
        return slice_parameters(self.slice, identity_columns(self.slice.matrix))

    @property
    def is_complete(self) -> bool:
        """Whether there is evidence that no point is missing."""
        return self.evidence.status is not Status.LOWER_BOUND

    def __len__(self) -> int:
        return self.degree

    def __repr__(self) -> str:
        return (
            f"WitnessSet({noun_count(self.degree, 'point')}, dimension {self.dimension} in dimension "
            f"{self.slice.n_coordinates}, {self.evidence.status})"
        )

    # Moving

    def move(
        self,
        slice: Slice | Literal["random"] = "random",
        *,
        rng: seeds.RandomState = None,
        options: TrackerOptions | None = None,
        progress: Progress = False,
    ) -> WitnessSet:
        """The witness set on another slice.

        Parameters
        ----------
        slice : Slice or "random"
            Of the same codimension, and such that it meets the image closure in as many different points.
        rng : int, numpy.random.Generator or None
            Seed of the random choices: the slice, and the way to it.
        options : TrackerOptions, optional
        progress : bool or callable

        Returns
        -------
        WitnessSet

        Raises
        ------
        InputError
            If the slice is none, or has another codimension.
        GenericityError
            If paths do not end at as many regular points: the slice is not generic for this variety.
        """
        seed, _ = seeds.resolve(rng)
        if not isinstance(slice, Slice) and not (isinstance(slice, str) and slice == "random"):
            raise InputError(f'slice={slice!r}; expected a Slice, such as .slice.through(y), or "random"')
        random = isinstance(slice, str)
        target = self._random_slice(seed, "move") if isinstance(slice, str) else slice
        if target.matrix.shape != self.slice.matrix.shape:
            raise InputError(f"{target!r} was given to move {self!r} to, which is on {self.slice!r}")
        # A segment avoids what is special if one of its ends is random; so a way from one given slice to another goes
        # through a random one.
        here = self if random or self.is_generic else self.move(rng=seeds.derive(seed, "between"))
        chosen = [options, TrackerOptions.conservative()] + [options] * (_WAYS - 2)
        problem = ""
        for way in range(_WAYS):
            if way > 1:
                here = self.move(rng=seeds.derive(seed, "between", way))
            ends = here._track(target, seeds.derive(seed, "way", way), chosen[way], progress=progress)
            if not ends.succeeded.all():
                codes = ", ".join(f"{count} {code}" for code, count in ends.counts().items())
                problem = f"its paths ended as follows: {codes}"
                continue
            points = self.gauge.map(ends.solutions)
            if _has_repetition(points):
                problem = "two of its paths ended at the same point"
                continue
            return replace(self, slice=target, tau=ends.solutions, points=points, is_generic=random)
        raise GenericityError(
            f"the {noun_count(self.degree, 'point')} could not be moved to the slice: {problem}. The slice is not "
            "generic for this variety; choose another, or ask contains() about single points"
        )

    def _random_slice(self, seed: int, *label: str | int, real: bool = False) -> Slice:
        """A random slice, the identity at as many coordinates as may be."""
        generator = seeds.derive(seed, "slice", *label)
        _, pivots = start_point(self.gauge.map, generator)
        matrix: NDArray[Any] = random_matrix(pivots, self.slice.n_coordinates, generator)
        center = typical_center(self.gauge.map)
        spread = typical_offsets(self.gauge.map, matrix, center)
        offset = (matrix.real if real else matrix) @ center + spread * complex_gaussian(generator, self.dimension)
        return Slice(matrix.real, np.asarray(offset.real, dtype=np.complex128)) if real else Slice(matrix, offset)

    def _track(
        self,
        target: Slice,
        rng: np.random.Generator,
        options: TrackerOptions | None = None,
        *,
        endgame: bool = False,
        chosen: NDArray[np.int64] | None = None,
        progress: Progress = False,
    ) -> PathResults:
        """Follow points to another slice."""
        psi, here = self.gauge.map, self.slice
        pivots = identity_columns(here.matrix)
        if np.array_equal(target.matrix, here.matrix) or identity_columns(target.matrix) == pivots:
            system = slice_system(psi, pivots)
            start, end = slice_parameters(here, pivots), slice_parameters(target, pivots)
        else:
            # The equations of the target are mixed at random, so that a segment between two systems of equations
            # avoids those that are no equations of slices.
            mixing = complex_gaussian(rng, self.dimension, self.dimension)
            system = slice_system(psi)
            start = slice_parameters(here)
            end = np.concatenate([(mixing @ target.matrix).ravel(), mixing @ target.offset])
        image = image_tape(psi, system.n_parameters) if endgame else None
        starts = self.tau if chosen is None else self.tau[:, chosen]
        return track(system, starts, start, end, options=options, endgame=endgame, image=image, progress=progress)

    # Asking

    def sample(
        self,
        count: int,
        *,
        real: bool = False,
        rng: seeds.RandomState = None,
        progress: Progress = False,
    ) -> NDArray[Any]:
        """Points of the variety on random slices.

        Parameters
        ----------
        count : int
        real : bool
            Real points on real slices. They need not be images of real parameters.
        rng : int, numpy.random.Generator or None
        progress : bool or callable

        Returns
        -------
        ndarray of complex128 (float64 if `real`), shape (m, count)

        Raises
        ------
        GenericityError
            If paths keep failing, or 100 real slices in a row have no real point.
        """
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise InputError(f"count={count!r}; expected a positive integer")
        seed, _ = seeds.resolve(rng)
        here = self if self.is_generic else self.move(rng=seeds.derive(seed, "between"))
        parts: list[NDArray[Any]] = []
        found = barren = turn = 0
        while found < count:
            generator = seeds.derive(seed, "sample", turn)
            target = here._random_slice(seed, "sample", turn, real=real)
            turn += 1
            # Which points are real can be told when all are there.
            wanted = self.degree if real else min(count - found, self.degree)
            ends = here._track(target, generator, chosen=generator.permutation(self.degree)[:wanted], progress=progress)
            points: NDArray[Any] = self.gauge.map(ends.solutions[:, ends.succeeded])
            if real:
                points = points[:, _self_conjugate(points) & ends.succeeded.all()].real
            parts.append(points[:, : count - found])
            found += parts[-1].shape[1]
            barren = 0 if points.shape[1] else barren + 1
            if barren == _BARREN_SLICES:
                raise GenericityError(
                    f"{_BARREN_SLICES} random slices gave no {'real ' if real else ''}point; "
                    + ("the real points may be of smaller dimension" if real else "the map is badly scaled")
                )
        return np.ascontiguousarray(np.concatenate(parts, axis=1))

    def contains(
        self,
        y: Any,
        *,
        tolerance: float = _SAME_POINT,
        rng: seeds.RandomState = None,
        options: TrackerOptions | None = None,
        progress: Progress = False,
    ) -> WitnessMembership:
        """Whether a point is on the closure of the image.

        Parameters
        ----------
        y : array_like, shape (m,)
            Real or complex.
        tolerance : float
            Largest distance between the point and an end of a path that counts as equality, relative to their size:
            their distance from the values of the map, if these are far from the origin for their spread.
        rng : int, numpy.random.Generator or None
        options : TrackerOptions, optional
        progress : bool or callable

        Returns
        -------
        WitnessMembership

        Notes
        -----
        The slice is moved, parallel to itself, through y. Its matrix A is random and does not depend on y, so that the
        projection y -> A y of the image closure X is finite; a finite surjective morphism onto a normal variety is
        open, so that every point of X on the slice through y is a limit of points of X on nearby slices: the ends of
        the paths are all of them, singular or not, even where parameters go to infinity.
        """
        try:
            usable = 0 < float(tolerance) < 1 and not isinstance(tolerance, bool | str)
        except (TypeError, ValueError):
            usable = False
        if not usable:
            raise InputError(f"tolerance={tolerance!r}; expected a number between 0 and 1, a relative distance")
        point = as_points("y", y, self.slice.n_coordinates).astype(np.complex128)
        if point.ndim != 1:
            raise InputError(f"y has the shape {point.shape}; give one point of shape ({self.slice.n_coordinates},)")
        seed, _ = seeds.resolve(rng)
        typical = float(np.median(np.linalg.norm(self.points, axis=0)))
        length = float(np.linalg.norm(point))
        if self.is_cone and length == 0.0:
            reason = "the image closure is a cone, which contains the origin"
            return WitnessMembership(True, 0.0, tolerance, point, 0, Evidence(Status.NUMERICAL, np.nan, reason))
        # On a cone a multiple of the point is as good, and of the size of the points that paths start from.
        factor = typical / length if self.is_cone else 1.0
        here = self if self.is_generic else self.move(rng=seeds.derive(seed, "between"))
        best = here._nearest(factor * point, tolerance, seeds.derive(seed, "contains"), options, progress)
        if best.value is None and best.failed:
            # Paths that come too close to a singularity from one slice do not from another.
            here = self.move(rng=seeds.derive(seed, "again"))
            best = here._nearest(factor * point, tolerance, seeds.derive(seed, "again"), options, progress)
        return replace(best, nearest=best.nearest / factor)

    def _nearest(
        self,
        point: Complex,
        tolerance: float,
        rng: np.random.Generator,
        options: TrackerOptions | None,
        progress: Progress,
    ) -> WitnessMembership:
        """What the ends of the paths to the parallel slice through a point say about it."""
        ends = self._track(self.slice.through(point), rng, options, endgame=True, progress=progress)
        assert ends.image_directions is not None
        # NaN where the end is not known.
        finite = np.abs(ends.image_directions[0]) > 0
        failed = self.degree - int(np.count_nonzero(finite))
        distance, nearest = np.inf, np.full_like(point, np.nan)
        if failed < self.degree:
            images = ends.image_directions[1:, finite] / ends.image_directions[0, finite]
            # Ends carry an absolute error too, small against the points that their paths come from.
            center = typical_center(self.gauge.map)[:, None]
            spread = float(np.median(np.linalg.norm(self.points - center, axis=0)))
            floor = max(float(np.linalg.norm(point[:, None] - center)), tolerance * spread)
            sizes = np.maximum(np.linalg.norm(images - center, axis=0), floor)
            distances = np.linalg.norm(images - point[:, None], axis=0) / sizes
            best = int(np.argmin(distances))
            distance, nearest = float(distances[best]), images[:, best]
        value, evidence = self._verdict(distance, tolerance, failed)
        return WitnessMembership(value, distance, tolerance, nearest, failed, evidence)

    def _verdict(self, distance: float, tolerance: float, failed: int) -> tuple[bool | None, Evidence]:
        if distance <= tolerance:
            reason = f"a path of {self.degree} to the slice through the point ended at distance {distance:.1e} from it"
            return True, Evidence(Status.NUMERICAL, np.nan, reason)
        if failed or not self.is_complete:
            what = (
                f"the ends of {noun_count(failed, 'path')} are unknown" if failed else "the witness set may lack points"
            )
            return None, Evidence(Status.LOWER_BOUND, np.nan, f"{what}, and no other end is the point")
        reason = f"no path of {self.degree} to the slice through the point ended nearer to it than {distance:.1e}"
        return False, combine([self.evidence, Evidence(Status.NUMERICAL, np.nan)], reason)

    # Keeping

    def save(self, path: str | PathLike[str]) -> None:
        """Write the witness set to a file (NumPy's ``.npz``, without pickled objects).

        Parameters
        ----------
        path : str or path
            Overwritten if it exists.

        Raises
        ------
        InputError
            If the file cannot be written: no such folder, no permission, no space.
        """
        from algeom.continuation.witness_files import save

        save(self, path)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> WitnessSet:
        """Read a witness set that `save` wrote.

        Raises
        ------
        InputError
            If the file is damaged, no witness set, or of a newer format.
        """
        from algeom.continuation.witness_files import load

        return load(path)


def _has_repetition(points: Complex) -> bool:
    """Whether two columns are equal within the accuracy of regular ends of paths."""
    index = PointIndex(points.shape[0], scale=float(np.abs(points).max()) or 1.0)
    index.add(points)
    return len(index) < int(points.shape[1])


def _self_conjugate(points: Complex) -> NDArray[np.bool_]:
    """Columns whose conjugate is nearer to them than to any other column."""
    if not points.shape[1]:
        return np.zeros(0, dtype=np.bool_)
    result = np.empty(points.shape[1], dtype=np.bool_)
    for j, point in enumerate(points.T):
        result[j] = int(np.argmin(np.abs(points - point.conj()[:, None]).max(axis=0))) == j
    return result

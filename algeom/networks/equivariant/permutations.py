"""Permutations of coordinates: notation, cycles, orbits, and those by which symmetries of images move the pixels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import IntArray, check_integer

__all__ = [
    "Permutation",
    "image_reflection",
    "image_rotation",
    "image_translation",
    "image_transposition",
    "orbit_labels",
    "orbits",
    "permutation",
]

#: What `permutation` reads.
PermutationLike = Any


@dataclass(frozen=True, eq=False, repr=False)
class Permutation:
    """A permutation sigma of 0, ..., n-1, acting on column vectors by ``P e_j = e_sigma(j)``.

    Make one with `permutation`, which reads the usual notations, or with `image_rotation` and its like.

    Attributes
    ----------
    images : ndarray of int64, shape (n,)
        ``images[j]`` is sigma(j). Read-only.

    Raises
    ------
    InputError
        If the images are not 0, ..., n-1 in some order.

    Examples
    --------
    >>> sigma = Permutation([2, 4, 3, 0, 1])
    >>> sigma, sigma.order, sigma.cycle_type
    (Permutation("(1 3 4)(2 5)", n=5), 6, {2: 1, 3: 1})
    >>> (sigma * sigma.inverse).is_identity
    True
    """

    images: IntArray

    def __post_init__(self) -> None:
        images = np.array(self.images)
        if images.ndim != 1 or images.size == 0 or images.dtype.kind not in "iu":
            raise InputError(
                f"the images of a permutation are a nonempty list of integers; an array of shape {images.shape} and "
                f"type {images.dtype} was given"
            )
        images = images.astype(np.int64)
        if not np.array_equal(np.sort(images), np.arange(images.size)):
            raise InputError(
                f"{_short(images)} is not a permutation of 0, ..., {images.size - 1}: each has to occur once"
            )
        images.flags.writeable = False
        object.__setattr__(self, "images", images)

    @property
    def n(self) -> int:
        """How many points there are."""
        return int(self.images.size)

    @cached_property
    def cycles(self) -> tuple[IntArray, ...]:
        """The disjoint cycles with the fixed points, as arrays (j, sigma(j), ...), by their smallest points."""
        images, found = self.images.tolist(), []
        seen = [False] * self.n
        for start in range(self.n):
            if seen[start]:
                continue
            cycle, point = [], start
            while not seen[point]:
                seen[point] = True
                cycle.append(point)
                point = images[point]
            found.append(np.array(cycle, dtype=np.int64))
        return tuple(found)

    @property
    def cycle_type(self) -> dict[int, int]:
        """For each length how many cycles have it, fixed points included."""
        lengths, counts = np.unique([len(cycle) for cycle in self.cycles], return_counts=True)
        return dict(zip(lengths.tolist(), counts.tolist(), strict=True))

    @property
    def order(self) -> int:
        """The smallest positive power that is the identity."""
        return math.lcm(*self.cycle_type)

    @property
    def is_identity(self) -> bool:
        """Whether it moves nothing."""
        return bool(np.array_equal(self.images, np.arange(self.n)))

    @property
    def inverse(self) -> Permutation:
        """The permutation that undoes this one."""
        return Permutation(np.argsort(self.images))

    def matrix(self) -> NDArray[np.int64]:
        """The permutation matrix P, with ones at the positions (sigma(j), j)."""
        result = np.zeros((self.n, self.n), dtype=np.int64)
        result[self.images, np.arange(self.n)] = 1
        return result

    def apply(self, x: Any) -> NDArray[Any]:
        """``P x`` for a vector or a matrix of n rows: the entry j moves to sigma(j)."""
        array = np.asarray(x)
        if array.ndim == 0 or array.shape[0] != self.n:
            raise InputError(
                f"a permutation of {self.n} points moves the rows of an array that has as many; its shape is "
                f"{array.shape}"
            )
        result = np.empty_like(array)
        result[self.images] = array
        return result

    def __mul__(self, other: Permutation) -> Permutation:
        """First `other`, then this one; the matrices multiply likewise."""
        if not isinstance(other, Permutation):
            return NotImplemented
        if other.n != self.n:
            raise InputError(f"permutations of {self.n} and of {other.n} points have no product; extend one with n=...")
        return Permutation(self.images[other.images])

    def __pow__(self, exponent: int) -> Permutation:
        images = np.empty(self.n, dtype=np.int64)
        for cycle in self.cycles:
            images[cycle] = np.roll(cycle, -(exponent % len(cycle)))
        return Permutation(images)

    def __eq__(self, other: object) -> bool:
        return np.array_equal(self.images, other.images) if isinstance(other, Permutation) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.images.tobytes())

    def __str__(self) -> str:
        """Cycle notation with points from 1 on, as books have it, without fixed points."""
        long = [cycle for cycle in self.cycles if len(cycle) > 1]
        return "".join(f"({' '.join(str(point + 1) for point in cycle)})" for cycle in long) or "()"

    def __repr__(self) -> str:
        text = str(self)
        if len(text) > 60:
            text = f"{text[:40]}... of cycle type {self.cycle_type}"
        return f'Permutation("{text}", n={self.n})'


def permutation(given: PermutationLike, *, n: int | None = None) -> Permutation:
    """Read a permutation in cycle or one-line notation, or as a permutation matrix.

    Parameters
    ----------
    given : str, sequence, ndarray or Permutation
        - Cycles as a string, points from 1 on: ``"(134)(25)"`` (each digit a point) or ``"(1 3 4)(2, 5)"`` (with
          separators, for points beyond 9; a cycle without separators is read digit by digit). ``"()"`` is the identity.
        - Cycles as a sequence of sequences, points from 1 on: ``[(1, 3, 4), (2, 5)]``.
        - One-line notation, the images of the points in order: ``[3, 5, 4, 1, 2]`` from 1 on or ``[2, 4, 3, 0, 1]``
          from 0 on; which one it is, its entries tell.
        - A permutation matrix P, as an array with two dimensions, with ``P e_j = e_sigma(j)``.
    n : int, optional
        Number of points; by default the largest in the cycles. Must agree with one-line notation.

    Returns
    -------
    Permutation

    Raises
    ------
    InputError
        If a point is repeated, missing or out of range, or the text is not in this notation.

    Examples
    --------
    >>> permutation("(134)(25)").images
    array([2, 4, 3, 0, 1])
    >>> permutation([3, 5, 4, 1, 2]) == permutation([(1, 3, 4), (2, 5)]) == permutation([2, 4, 3, 0, 1])
    True
    >>> permutation("(1 10)", n=12).n
    12
    """
    size = None if n is None else check_integer("n", n, 1)
    if isinstance(given, Permutation):
        result = given
    elif isinstance(given, str):
        return _from_cycles(_parsed_cycles(given), size, given)
    elif isinstance(given, np.ndarray) and given.ndim == 2:
        result = _from_matrix(given)
    elif isinstance(given, Iterable) and not (isinstance(given, np.ndarray) and given.ndim == 0):
        entries = list(given)
        if entries and all(isinstance(entry, (list, tuple, np.ndarray)) for entry in entries):
            return _from_cycles([list(cycle) for cycle in entries], size, given)
        result = _from_one_line(entries)
    else:
        raise InputError(
            f"{given!r} is no permutation: give cycles such as '(134)(25)' or [(1, 3, 4), (2, 5)], or one-line "
            "notation such as [3, 5, 4, 1, 2]"
        )
    if size is not None and result.n != size:
        raise InputError(f"a permutation of {result.n} points was given, and n={size}; write it in cycles to extend it")
    return result


def _short(images: Any) -> str:
    """A list for a message."""
    entries = np.asarray(images).tolist()
    return str(entries) if len(entries) <= 12 else f"[{', '.join(map(str, entries[:8]))}, ...]"


def _parsed_cycles(text: str) -> list[list[int]]:
    stripped = text.strip()
    if not re.fullmatch(r"(\(\s*(\d+([\s,]+\d+)*)?\s*\)\s*)+", stripped):
        raise InputError(f"{text!r} is not in cycle notation; write for example '(134)(25)' or '(1 3 4)(2 10)'")
    cycles = []
    for body in re.findall(r"\(([^)]*)\)", stripped):
        words = re.findall(r"\d+", body)
        cycles.append([int(digit) for digit in words[0]] if len(words) == 1 else [int(word) for word in words])
    return cycles


def _from_cycles(cycles: list[list[Any]], size: int | None, given: Any) -> Permutation:
    points = [check_integer(f"a point of the cycles {given!r}", point, 1) for cycle in cycles for point in cycle]
    if len(set(points)) < len(points):
        raise InputError(f"the cycles {given!r} are not disjoint; multiply their permutations instead, with p * q")
    largest = max(points, default=1)
    if size is not None and largest > size:
        raise InputError(f"the cycles {given!r} move the point {largest}, and n={size}; points are 1, ..., n")
    images = np.arange(largest if size is None else size, dtype=np.int64)
    for cycle in cycles:
        for source, target in zip(cycle, [*cycle[1:], *cycle[:1]], strict=True):
            images[source - 1] = target - 1
    return Permutation(images)


def _from_one_line(entries: list[Any]) -> Permutation:
    images = [check_integer("an entry of the one-line notation", entry, 0) for entry in entries]
    start = 0 if 0 in images else 1
    if sorted(images) != list(range(start, start + len(images))):
        raise InputError(
            f"{_short(images)} is no permutation: one-line notation has each of 0, ..., n-1 once, or each of 1, ..., n"
        )
    return Permutation(np.array(images) - start)


def _from_matrix(matrix: NDArray[Any]) -> Permutation:
    square = matrix.shape[0] == matrix.shape[1]
    ones = matrix == 1
    if not square or not np.all(ones | (matrix == 0)) or not (np.all(ones.sum(0) == 1) and np.all(ones.sum(1) == 1)):
        raise InputError(
            f"the array of shape {matrix.shape} is no permutation matrix: it has one 1 in each row and column, and "
            "zeros elsewhere"
        )
    return Permutation(np.argmax(ones, axis=0))


def permutations_of_one_size(generators: Sequence[PermutationLike], n: int | None = None) -> tuple[Permutation, ...]:
    """Read generators of one group: cycles are extended by fixed points to the largest point of all.

    Raises
    ------
    InputError
        If there are none, one is no permutation, or one-line notations have different lengths.
    """
    if not generators:
        raise InputError(
            "no generators were given; give at least one permutation, '()' with n=... for the trivial group"
        )
    read = [permutation(generator) for generator in generators]
    size = max(p.n for p in read) if n is None else check_integer("n", n, 1)
    return tuple(
        p if p.n == size else permutation(generator, n=size) for p, generator in zip(read, generators, strict=True)
    )


def orbit_labels(generators: Iterable[Permutation]) -> IntArray:
    """For each point the number of its orbit under the group that permutations of one size generate.

    Orbits are numbered by their smallest points. They are the finest common coarsening of the partitions into cycles of
    the generators.

    Parameters
    ----------
    generators : iterable of Permutation
        At least one.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> orbit_labels([permutation("(134)", n=5), permutation("(25)")])
    array([0, 1, 0, 0, 1])
    """
    listed = list(generators)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = listed[0].n
    rows = np.tile(np.arange(n), len(listed))
    columns = np.concatenate([p.images for p in listed])
    graph = coo_array((np.ones(rows.size, dtype=np.int8), (rows, columns)), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    first = np.unique(labels, return_index=True)[1]
    numbers = np.empty(first.size, dtype=np.int64)
    numbers[np.argsort(first)] = np.arange(first.size)
    return np.asarray(numbers[labels])


def orbits(*generators: PermutationLike, n: int | None = None) -> tuple[IntArray, ...]:
    """The orbits of the points 0, ..., n-1 under the group that permutations generate.

    Parameters
    ----------
    *generators
        Permutations, in a notation of `permutation`.
    n : int, optional
        Number of points.

    Returns
    -------
    tuple of ndarray
        Each sorted; in the order of their smallest points.

    Examples
    --------
    >>> orbits("(12)", "(24)", n=5)
    (array([0, 1, 3]), array([2]), array([4]))
    """
    labels = orbit_labels(permutations_of_one_size(generators, n))
    order = np.argsort(labels, kind="stable")
    return tuple(np.split(order, np.flatnonzero(np.diff(labels[order])) + 1))


# Images: pixels in C order.


def image_rotation(shape: int | Sequence[int], turns: int = 1, axes: tuple[int, int] = (0, 1)) -> Permutation:
    """The permutation of pixels or voxels by quarter turns of an image.

    Parameters
    ----------
    shape : int or sequence of int
        Of the image array, whose entries are numbered in C order; p stands for (p, p).
    turns : int
        Quarter turns from the first axis towards the second, as for ``numpy.rot90``.
    axes : pair of int
        The plane of rotation.

    Returns
    -------
    Permutation
        Its `apply` to the flattened image gives the flattened rotated image.

    Raises
    ------
    InputError
        If the two sides differ and the number of turns is odd, or an axis does not exist.

    Examples
    --------
    >>> image_rotation(3).cycle_type, image_rotation((3, 3, 3), axes=(0, 2)).cycle_type
    ({1: 1, 4: 2}, {1: 3, 4: 6})
    """
    sides = _sides(shape)
    first, second = (_axis(sides, axis) for axis in axes)
    turns = check_integer("turns", turns % 4 if isinstance(turns, (int, np.integer)) else turns, 0)
    if first == second:
        raise InputError(f"axes={axes} is no plane of rotation; give two different axes")
    if turns % 2 and sides[first] != sides[second]:
        raise InputError(
            f"a quarter turn takes an image with sides {sides[first]} and {sides[second]} to another shape; give a "
            "square one, or turns=2"
        )
    return _moved(sides, lambda pixels: np.rot90(pixels, turns, (first, second)))


def image_translation(shape: int | Sequence[int], steps: int | Sequence[int] = 1, axis: int = -1) -> Permutation:
    """The permutation of pixels or voxels by a cyclic translation of an image.

    Parameters
    ----------
    shape : int or sequence of int
        As for `image_rotation`.
    steps : int or sequence of int
        By how many pixels, along `axis`; or along each axis, one number for each.
    axis : int
        The last by default: a horizontal translation.

    Returns
    -------
    Permutation

    Examples
    --------
    >>> image_translation(28).cycle_type, image_translation((2, 3), steps=(1, 1)).cycle_type
    ({28: 28}, {6: 1})
    """
    sides = _sides(shape)
    if isinstance(steps, (int, np.integer)):
        place = _axis(sides, axis)
        return _moved(sides, lambda pixels: np.roll(pixels, int(steps), place))
    listed = [check_integer("a number of steps", step, -(2**62)) for step in steps]
    if len(listed) != len(sides):
        raise InputError(f"steps={steps} has {len(listed)} entries for an image with {len(sides)} axes; give one each")
    return _moved(sides, lambda pixels: np.roll(pixels, listed, range(len(sides))))


def image_reflection(shape: int | Sequence[int], axis: int = -1) -> Permutation:
    """The permutation of pixels or voxels by which an image is reflected, reversing one axis.

    Parameters
    ----------
    shape : int or sequence of int
        As for `image_rotation`.
    axis : int
        The last by default, which exchanges left and right.

    Returns
    -------
    Permutation

    Examples
    --------
    >>> image_reflection(3).cycle_type
    {1: 3, 2: 3}
    """
    sides = _sides(shape)
    place = _axis(sides, axis)
    return _moved(sides, lambda pixels: np.flip(pixels, place))


def image_transposition(shape: int | Sequence[int], axes: Sequence[int] | None = None) -> Permutation:
    """The permutation of pixels or voxels by which the axes of an image are permuted.

    For the two axes of a square it is the reflection at the diagonal; a cyclic permutation of the three axes of a cube
    is a rotation by 120 degrees about the space diagonal.

    Parameters
    ----------
    shape : int or sequence of int
        As for `image_rotation`.
    axes : sequence of int, optional
        As for ``numpy.transpose``; reversed by default.

    Returns
    -------
    Permutation

    Raises
    ------
    InputError
        If the transposed image has another shape.

    Examples
    --------
    >>> image_transposition(3).cycle_type, image_transposition((3, 3, 3), (1, 2, 0)).cycle_type
    ({1: 3, 2: 3}, {1: 3, 3: 8})
    """
    sides = _sides(shape)
    order = list(range(len(sides)))[::-1] if axes is None else [_axis(sides, axis) for axis in axes]
    if sorted(order) != list(range(len(sides))) or any(sides[k] != sides[axis] for k, axis in enumerate(order)):
        raise InputError(
            f"axes={axes} do not take an image of shape {sides} to one of the same shape; give a permutation of the "
            "axes that exchanges only equal sides"
        )
    return _moved(sides, lambda pixels: np.transpose(pixels, order))


def _sides(shape: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(shape, (int, np.integer)):
        shape = (shape, shape)
    if not isinstance(shape, Iterable):
        raise InputError(f"shape={shape!r}: give the sides of the image, for example (28, 28)")
    sides = tuple(check_integer("a side of the image", side, 1) for side in shape)
    if not sides:
        raise InputError("the shape of an image has at least one side")
    return sides


def _axis(sides: tuple[int, ...], axis: int) -> int:
    return check_integer("an axis", axis, -len(sides), len(sides) - 1, f"the image has {len(sides)} axes") % len(sides)


def _moved(sides: tuple[int, ...], move: Any) -> Permutation:
    """The permutation that takes each pixel to where a function on arrays puts it."""
    moved = move(np.arange(math.prod(sides), dtype=np.int64).reshape(sides)).ravel()
    return Permutation(np.argsort(moved))

"""Perturbations of images that no attacker chose: noise, shifts, steps towards other images of the class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algeom.errors import InputError
from algeom.gsvd.functions.arguments import as_rows, as_vector
from algeom.gsvd.networks.classifier import as_labels
from algeom.maps.relabelling import check_integer
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["KINDS", "NaturalPerturbations", "resized"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: "noise": independent normal numbers; "shift": by up to a pixel in each direction, bilinear; "class": to another image
#: with the same label.
KINDS = ("noise", "shift", "class")
#: Standard deviation of noise as it comes, in parts of the range of an input: visible and harmless.
_NOISE = 0.05
#: Entries of a step, in units of the largest one, that are not zero count as this long at least: the square is a number
#: in double precision, as is that of a quotient by it.
_SHORTEST = 1e-100


@dataclass(frozen=True, eq=False, repr=False)
class NaturalPerturbations:
    """Natural perturbations of inputs in a box, with examples of each class to move towards.

    Parameters
    ----------
    images : array_like, shape (T, n)
        Examples in the box.
    labels : array_like of int, shape (T,)
    kinds : sequence of {"noise", "shift", "class"}
        "shift" needs square images, n = side^2.
    box : pair of float
        Bounds of all entries.

    Examples
    --------
    >>> natural = NaturalPerturbations(np.eye(4), [0, 0, 1, 1], box=(0.0, 1.0))
    >>> steps = natural.draw("class", np.eye(4)[:1], [0], np.random.default_rng(0))
    >>> steps.shape, bool(np.all((np.eye(4)[:1] + steps >= 0) & (np.eye(4)[:1] + steps <= 1)))
    ((1, 4), True)
    """

    images: Float
    labels: Int
    kinds: Sequence[str] = KINDS
    box: tuple[float, float] = (0.0, 1.0)

    def __post_init__(self) -> None:
        images = as_rows("images", self.images)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", as_labels(self.labels, len(images)))
        kinds = () if isinstance(self.kinds, str) or not isinstance(self.kinds, Iterable) else tuple(self.kinds)
        if not kinds or not all(isinstance(kind, str) and kind in KINDS for kind in kinds):
            raise InputError(f"kinds={self.kinds!r}: give a list with some of {', '.join(KINDS)}")
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "box", require_box(images, self.box))
        if "shift" in kinds and math.isqrt(images.shape[1]) ** 2 != images.shape[1]:
            raise InputError(f"{images.shape[1]} inputs are no square image; leave the kind 'shift' out")

    def draw(self, kind: str, x0: ArrayLike, labels: ArrayLike, rng: RandomState = None) -> Float:
        """One perturbation of each input, as large as this kind comes, shape (N, n); inputs stay in the box.

        Parameters
        ----------
        kind : str
        x0 : array_like, shape (N, n)
            In the box.
        labels : array_like of int, shape (N,)
            Classes to stay in.
        rng : int, numpy.random.Generator or None
            A generator is drawn from as it is.
        """
        rows, steps = self._raw(kind, x0, labels, rng)
        return np.asarray(np.clip(rows + steps, *self.box) - rows)

    def of_sizes(self, kind: str, x0: ArrayLike, labels: ArrayLike, sizes: ArrayLike, rng: RandomState = None) -> Float:
        """The same with given norms (N,), or the largest that the box leaves in their directions."""
        rows, steps = self._raw(kind, x0, labels, rng)
        norms = as_vector("sizes", sizes, len(rows))
        if norms.min() < 0:
            raise InputError(f"sizes go down to {norms.min():g}; expected norms of perturbations, from 0 on")
        return resized(rows, steps, norms, self.box)

    def mixture(
        self, x0: ArrayLike, label: int, count: int, sizes: tuple[float, float], rng: RandomState = None
    ) -> Float:
        """Perturbations (count, n) of one input, all kinds in turn, norms even in the logarithm between two sizes."""
        point = as_vector("x0", x0, self.images.shape[1])
        count = check_integer("count", count, 1)
        low, high = as_vector("sizes", sizes, 2)
        if not 0 < low <= high:
            raise InputError(f"sizes={sizes!r}: expected the least and the largest norm, both positive")
        stream = _generator(rng)
        norms = np.exp(stream.uniform(math.log(low), math.log(high), count))
        kind = np.arange(count) % len(self.kinds)
        result = np.empty((count, len(point)))
        for k, name in enumerate(self.kinds[:count]):
            here = kind == k
            at = np.tile(point, (int(here.sum()), 1))
            result[here] = self.of_sizes(name, at, np.full(len(at), label), norms[here], stream)
        return result

    def _raw(self, kind: str, x0: ArrayLike, labels: ArrayLike, rng: RandomState) -> tuple[Float, Float]:
        """Inputs, checked, and perturbations of them that may leave the box."""
        rows = as_rows("x0", x0, self.images.shape[1])
        classes = as_labels(labels, len(rows))
        require_box(rows, self.box)
        stream = _generator(rng)
        if kind not in self.kinds:
            raise InputError(f"kind={kind!r}: choose one of {', '.join(self.kinds)}")
        if kind == "noise":
            return rows, _NOISE * (self.box[1] - self.box[0]) * stream.standard_normal(rows.shape)
        if kind == "shift":
            return rows, shifted(rows, stream.uniform(-1, 1, (len(rows), 2)), self.box[0]) - rows
        return rows, self._other(rows, classes, stream) - rows

    def _other(self, rows: Float, classes: Int, rng: np.random.Generator) -> Float:
        """For each row a random image of its class that is not the row itself."""
        result = np.empty_like(rows)
        for label in np.unique(classes):
            members = self.images[self.labels == label]
            for i in np.flatnonzero(classes == label):
                others = np.flatnonzero((members != rows[i]).any(axis=1))
                if not others.size:
                    raise InputError(f"there is no other example of the class {label} to move towards; give more")
                result[i] = members[rng.choice(others)]
        return result

    def __repr__(self) -> str:
        return f"NaturalPerturbations({', '.join(self.kinds)}; {len(self.images)} images)"


def _generator(rng: RandomState) -> np.random.Generator:
    return rng if isinstance(rng, np.random.Generator) else resolve(rng)[1]


def require_box(x: Float, box: Any) -> tuple[float, float]:
    """The bounds of a box as numbers; refuse boxes that are empty and inputs outside.

    Raises
    ------
    InputError
        If there are such.
    """
    low, high = as_vector("box", box, 2).tolist()
    if not low < high:
        raise InputError(f"box={box!r}: expected two numbers, the smaller one first")
    if x.min() < low or x.max() > high:
        raise InputError(
            f"entries go from {x.min():.4g} to {x.max():.4g}, outside of box=({low:g}, {high:g}); scale them, or give "
            "another box"
        )
    return low, high


def shifted(images: Float, steps: Float, background: float) -> Float:
    """Square images moved by steps (N, 2) of at most one pixel, with bilinear interpolation.

    Examples
    --------
    >>> shifted(np.array([[0.0, 1.0, 0.0, 0.0]]), np.array([[1.0, 0.0]]), 0.0)
    array([[0., 0., 0., 1.]])
    """
    side = math.isqrt(images.shape[1])
    padded = np.pad(images.reshape(-1, side, side) - background, ((0, 0), (1, 1), (1, 1)))
    # Weights of the pixel before, at and behind, along each axis.
    weights = np.stack([np.maximum(steps, 0), 1 - np.abs(steps), np.maximum(-steps, 0)])
    moved = np.zeros((len(images), side, side))
    for i in range(3):
        for j in range(3):
            weight = weights[i, :, 0] * weights[j, :, 1]
            moved += weight[:, None, None] * padded[:, i : i + side, j : j + side]
    return np.asarray(moved.reshape(len(images), -1) + background)


def resized(x0: Float, steps: Float, sizes: Float, box: tuple[float, float]) -> Float:
    """Steps made longer or shorter and clipped to the box, so that their norms are as given.

    Parameters
    ----------
    x0, steps : ndarray of float64, shape (N, n)
    sizes : ndarray of float64, shape (N,)
    box : pair of float

    Returns
    -------
    ndarray of float64, shape (N, n)
        ``clip(x0 + t step) - x0`` for each row with the t for which it has this norm; where the box is too small, the
        corner where it ends.

    Notes
    -----
    Entry i stops growing at ``t_i``. Between two successive such values the squared norm is ``A + B t^2``, and t is the
    solution in the right interval.

    Examples
    --------
    >>> resized(np.array([[0.0, 0.5]]), np.array([[1.0, 1.0]]), np.array([0.8]), (0.0, 1.0)).round(4)
    array([[0.6245, 0.5   ]])
    """
    # In units of the box and of the largest entry of each step, where squares neither overflow nor vanish.
    width = box[1] - box[0]
    units = np.abs(steps).max(axis=1, keepdims=True)
    lengths = np.divide(np.abs(steps), units, out=np.zeros_like(steps), where=units > 0)
    lengths = np.where(lengths > 0, np.maximum(lengths, _SHORTEST), 0.0)
    directions = np.copysign(lengths, steps)
    room, norms = np.where(steps > 0, box[1] - x0, x0 - box[0]) / width, np.square(sizes / width)
    ends = np.divide(room, lengths, out=np.zeros_like(room), where=lengths > 0)
    order = np.argsort(ends, axis=1)
    ends, room, lengths = (np.take_along_axis(a, order, axis=1) for a in (ends, room, lengths))
    stopped = np.cumsum(np.where(lengths > 0, room, 0.0) ** 2, axis=1)
    stopped = np.hstack([np.zeros((len(x0), 1)), stopped])
    growing = np.hstack([np.cumsum((lengths**2)[:, ::-1], axis=1)[:, ::-1], np.zeros((len(x0), 1))])
    starts = np.hstack([np.zeros((len(x0), 1)), ends])
    reached = stopped + growing * starts**2
    # The last interval that begins below the wanted size.
    at = np.maximum((reached <= norms[:, None]).sum(axis=1) - 1, 0)[:, None]
    a, b, start = (np.take_along_axis(values, at, axis=1)[:, 0] for values in (stopped, growing, starts))
    t = np.sqrt(np.divide(np.maximum(norms - a, 0.0), b, out=start**2, where=b > 0))
    return np.asarray(np.clip(x0 + width * t[:, None] * directions, *box) - x0)

"""Certified suprema over directions: branch and bound over simplicial cones that cover the space."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, combinations, islice, product

import numpy as np
from numpy.typing import NDArray

from algeom.runtime.progress import Reporter

Float = NDArray[np.float64]
Int = NDArray[np.int64]

#: Unit roundoff of double precision.
UNIT = 2.0**-53

#: Backward error of computed eigenvalues and singular values, in units of size times roundoff times the norm: LAPACK
#: users see less than 1.
_SPECTRAL_ERROR = 10.0

#: Units of roundoff, times a Lipschitz constant without cancellation, below which differences of bounds are not
#: followed: where maps vanish.
NEGLIGIBLE = 64.0

#: Faces of a cone that are looked at, at most: all of them for up to five inputs. Any number gives true bounds; of
#: networks with six or seven inputs more took longer than the cones that they saved.
_FACES = 32

#: By how many units of roundoff times sqrt(n) a cone may shrink when it is split (see `split`).
_SPLIT_ERROR = 6.0


def dot_error(terms: int) -> float:
    """Relative error of a computed sum of products against the sum of absolute values, in any order of summation.

    References
    ----------
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, Section 3.1.
    """
    return terms * UNIT / (1 - terms * UNIT)


def spectral_norm(matrix: Float) -> float:
    """The largest singular value of a matrix, rounded up beyond the error of its computation."""
    largest: int = max(matrix.shape)
    return float(np.linalg.norm(matrix, 2)) * (1 + _SPECTRAL_ERROR * largest * UNIT)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Sets of points r u with unit vectors u in a simplicial cone and radii r in an interval.

    Attributes
    ----------
    rays : ndarray of float64, shape (B, n, n)
        The unit vectors in the rows of a matrix span a cone; it lies in one orthant.
    radii : ndarray of float64, shape (B, 2)
    """

    rays: Float
    radii: Float

    def __len__(self) -> int:
        return len(self.rays)

    def __getitem__(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Pieces:
        return Pieces(self.rays[index], self.radii[index])


def orthants(n: int, low: float = 0.0, high: float = 1.0) -> Pieces:
    """The 2^n orthants, each with the same interval of radii."""
    signs = np.array(list(product((1.0, -1.0), repeat=n)))
    return Pieces(signs[:, :, None] * np.eye(n), np.tile([low, high], (len(signs), 1)))


@dataclass(frozen=True, eq=False)
class Enclosures:
    """What is known of a batch of pieces.

    Attributes
    ----------
    bounds : ndarray of float64, shape (B,)
        Upper bounds of the gain, but for rounding errors.
    rounding : ndarray of float64, shape (B,)
        What has to be added for these; splitting does not make it smaller.
    edges : ndarray of int64, shape (B, 2)
        The rays v, w between which to split.
    weights : ndarray of float64, shape (B, 2)
        Positive a, b: the new ray is a v + b w.
    radial : ndarray of bool, shape (B,)
        Where to halve the interval of radii instead.
    candidates : ndarray of float64, shape (C, n)
        Points where the gain may be large.
    """

    bounds: Float
    rounding: Float
    edges: Int
    weights: Float
    radial: NDArray[np.bool_]
    candidates: Float


@dataclass(frozen=True, eq=False)
class Cover:
    """The outcome of `cover`.

    Attributes
    ----------
    lower, upper : float
    witness : ndarray of float64, shape (n,)
        Where the lower bound is attained.
    n_pieces : int
        Pieces looked at.
    complete : bool
        Whether the tolerance was reached.
    interrupted : bool
    """

    lower: float
    upper: float
    witness: Float
    n_pieces: int
    complete: bool
    interrupted: bool


def spread(gram: Float) -> Float:
    """Upper bounds of the sums of coefficients of unit vectors in cones, from Gram matrices (B, n, n) of the rays.

    With unit rays in one orthant the sum of |x| is at least that of the coefficients, and at most sqrt(n); and
    ``|x|^2 >= (min gram) (sum c)^2``.
    """
    n = gram.shape[-1]
    least = np.maximum(gram.min(axis=(1, 2)), 1 / n)
    return np.asarray(np.sqrt(1 / least) * (1 + 4 * n * UNIT))


def cone_bounds(images: Float, gram: Float, hoped: Float) -> tuple[Float, Float]:
    """Bounds of ``|sum c_i f_i|`` over ``|sum c_i v_i| = 1``, c >= 0.

    Parameters
    ----------
    images : ndarray of float64, shape (B, n, p)
        The vectors f_i.
    gram : ndarray of float64, shape (B, n, n)
        Inner products of the rays v_i.
    hoped : ndarray of float64, shape (B,)
        The bounds that would be enough.

    Returns
    -------
    bounds, rounding : ndarray of float64, shape (B,)
        The bound is r, the larger of the one that is enough and of all |f_i|, if that is proved.

    Notes
    -----
    The bound r holds if M = r^2 V - F, with the Gram matrices V of the rays and F of the images, is copositive.
    That is so if M is the sum of a positive semidefinite and a nonnegative matrix, for which splittings are tried that
    put the positive entries outside one principal submatrix into the nonnegative part. The least eigenvalue -d of
    the rest gives the bound ``sqrt(r^2 + d (sum c)^2)``.
    """
    n, p = images.shape[1:]
    squares = images @ images.transpose(0, 2, 1)
    diagonal = np.einsum("bii->bi", squares).max(axis=1)
    rho = np.maximum(np.square(hoped), diagonal)
    m = rho[:, None, None] * gram - squares
    total = spread(gram) ** 2
    missing = np.minimum(np.maximum(0.0, -m.min(axis=(1, 2))), np.maximum(0.0, -_least_eigenvalues(m)))
    size = np.sqrt(np.square(m).sum(axis=(1, 2)))
    errors = (dot_error(n + 3) * rho + dot_error(p + 2) * diagonal) + _SPECTRAL_ERROR * n * UNIT * size
    # Where an image is too long already, a better bound of the rest is not worth its price.
    provable = np.square(hoped) >= diagonal
    for face in islice(_faces(n), 1, _FACES):
        left = np.flatnonzero((missing > errors) & provable)
        if not left.size:
            break
        outside = np.ones((n, n), dtype=bool)
        outside[np.ix_(face, face)] = False
        np.fill_diagonal(outside, False)
        rest = np.where(outside & (m[left] > 0), 0.0, m[left])
        missing[left] = np.minimum(missing[left], np.maximum(0.0, -_least_eigenvalues(rest)))
    missing = np.where(missing > errors, missing, 0.0)
    bounds = np.sqrt(rho + total * missing)
    return bounds, np.sqrt(rho + total * (missing + errors)) * (1 + 4 * UNIT) - bounds


def _faces(n: int) -> Iterator[tuple[int, ...]]:
    """The faces of a cone with n rays, the whole cone first."""
    return chain.from_iterable(combinations(range(n), count) for count in range(n, 0, -1))


def _least_eigenvalues(matrices: Float) -> Float:
    if matrices.shape[-1] == 1:
        return matrices[:, 0, 0]
    return np.asarray(np.linalg.eigvalsh(matrices)[:, 0])


def cone_maximizers(images: Float, rays: Float) -> Float:
    """Candidates for the maximum of ``|sum c_i f_i| / |sum c_i v_i|``, c >= 0, shape (C, n).

    On the face of the cone that has it in its interior, a maximum is an eigenvector for the largest eigenvalue.
    """
    n = rays.shape[1]
    found = [rays.reshape(-1, n)]
    for face in islice(_faces(n), _FACES):
        if len(face) == 1:
            break
        v, f = rays[:, face], images[:, face]
        values, vectors = np.linalg.eigh(v @ v.transpose(0, 2, 1))
        # Directions in which a face is thin beyond half the digits only add noise.
        whitening = vectors / np.sqrt(np.maximum(values, 1e-14))[:, None, :]
        g = whitening.transpose(0, 2, 1) @ f
        top = np.linalg.eigh(g @ g.transpose(0, 2, 1))[1][:, :, -1]
        c = (whitening @ top[:, :, None])[:, :, 0]
        c *= np.sign(c.sum(axis=1))[:, None]
        inside = (c > 0).all(axis=1)
        found.append(np.einsum("bi,bij->bj", c[inside], v[inside]))
    points = np.concatenate(found)
    return np.asarray(points / np.linalg.norm(points, axis=1)[:, None])


def longest_edges(gram: Float) -> Int:
    """The pair of rays with the largest angle in each cone, shape (B, 2)."""
    n = gram.shape[-1]
    if n == 1:
        return np.zeros((len(gram), 2), dtype=np.int64)
    return np.stack(np.unravel_index(gram.reshape(len(gram), -1).argmin(axis=1), (n, n)), axis=1)


def split(pieces: Pieces, enclosures: Enclosures) -> Pieces:
    """Two pieces for each.

    Notes
    -----
    Exact arithmetic would cover each cone by two, for all positive a and b. The computed new ray is off by e, with
    ``|e| <= 3 sqrt(2)`` units of roundoff, since the angle between the rays is at most a right one. A unit vector x of
    the cone with coefficients c lies in one of the new cones after adding t e, where t <= sum c <= sqrt(n): at every
    splitting x moves by less than 6 sqrt(n) units of roundoff, and its gain by that times a Lipschitz constant. How
    accurately a kink is met does not matter.
    """
    at = np.arange(len(pieces))
    first, second = enclosures.edges.T
    new = pieces.rays[at, first] * enclosures.weights[:, :1] + pieces.rays[at, second] * enclosures.weights[:, 1:]
    new /= np.linalg.norm(new, axis=1)[:, None]
    rays = np.stack([pieces.rays, pieces.rays])
    radii = np.stack([pieces.radii, pieces.radii])
    angular = ~enclosures.radial
    rays[0, at[angular], first[angular]] = new[angular]
    rays[1, at[angular], second[angular]] = new[angular]
    radial = enclosures.radial
    middle = pieces.radii[radial].mean(axis=1)
    radii[0, radial, 1], radii[1, radial, 0] = middle, middle
    n = pieces.rays.shape[1]
    return Pieces(rays.reshape(-1, n, n), radii.reshape(-1, 2))


def cover(
    start: Pieces,
    enclose: Callable[[Pieces, float], Enclosures],
    gains: Callable[[Float], Float],
    witness: Float,
    *,
    tol: float,
    lipschitz: float,
    negligible: float,
    max_pieces: int,
    batch: int,
    report: Reporter,
    trim: Callable[[Pieces], NDArray[np.bool_]],
) -> Cover:
    """Supremum of the gain over pieces, to a relative tolerance.

    Parameters
    ----------
    start : Pieces
    enclose : callable
        From pieces and the bound that is hoped for to `Enclosures`.
    gains : callable
        Lower bounds (C,) of the gain at points (C, n).
    witness : ndarray of float64, shape (n,)
        A first point.
    tol : float
        Relative.
    lipschitz : float
        How much gains change at most when a unit vector moves; a bound of all gains.
    negligible : float
        Differences of bounds below this are not followed.
    max_pieces : int
        Stop after so many. The upper bound is then that of the worst piece.
    batch : int
        Pieces at a time.
    report : Reporter
    trim : callable
        Shortens the radii of pieces in place, and tells which pieces are not empty.

    Returns
    -------
    Cover
    """
    lower = float(gains(witness[None])[0])
    moved = _SPLIT_ERROR * math.sqrt(start.rays.shape[1]) * UNIT * lipschitz
    rays, radii = start.rays, start.radii
    if lipschitz <= max(lower * (1 + tol), lower + negligible):
        return Cover(lower, max(lipschitz, lower), witness, 0, True, False)
    depths, bounds = np.zeros(len(start), dtype=np.int64), np.full(len(start), lipschitz)
    upper, n_pieces, deepest, interrupted = 0.0, 0, 0, False
    try:
        while len(rays) and n_pieces < max_pieces:
            if len(rays) > batch:
                chosen = np.argpartition(-bounds, batch)[:batch]
            else:
                chosen = np.arange(len(rays))
            pieces = Pieces(rays[chosen], radii[chosen])
            enclosures = enclose(pieces, max(lower * (1 + tol), lower + negligible))
            n_pieces += len(pieces)
            if len(enclosures.candidates):
                values = gains(enclosures.candidates)
                best = int(values.argmax())
                if values[best] > lower:
                    lower, witness = float(values[best]), enclosures.candidates[best]
            # A piece is no worse than the one that it is a part of; bounds that overflow say nothing.
            proved = np.fmin(enclosures.bounds + enclosures.rounding, bounds[chosen])
            done = np.fmin(enclosures.bounds, bounds[chosen]) <= max(lower * (1 + tol), lower + negligible)
            upper = max(upper, float(np.max(proved[done], initial=0.0)))
            left = np.flatnonzero(~done)
            parts = split(pieces[left], _subset(enclosures, left))
            kept = np.ones(len(rays), dtype=bool)
            kept[chosen] = False
            depth = depths[chosen][left] + 1
            deepest = max(deepest, int(depth.max(initial=0)))
            inherited = proved[left]
            some = trim(parts)
            rays = np.concatenate([rays[kept], parts.rays[some]])
            radii = np.concatenate([radii[kept], parts.radii[some]])
            depths = np.concatenate([depths[kept], np.tile(depth, 2)[some]])
            bounds = np.concatenate([bounds[kept], np.tile(inherited, 2)[some]])
            report.advance(len(pieces), pieces_left=len(rays))
    except KeyboardInterrupt:
        interrupted = True
    upper = max(upper, float(bounds.max(initial=0.0)), lower) + deepest * moved
    return Cover(lower, upper, witness, n_pieces, not len(bounds) and not interrupted, interrupted)


def _subset(enclosures: Enclosures, chosen: Int) -> Enclosures:
    return Enclosures(
        enclosures.bounds[chosen],
        enclosures.rounding[chosen],
        enclosures.edges[chosen],
        enclosures.weights[chosen],
        enclosures.radial[chosen],
        enclosures.candidates,
    )

"""Features of images by reductions: the images become matrices, and a reduction says which directions to keep."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.lsrdr.operators.outer_products import OuterProductSuperoperator
from algeom.lsrdr.operators.tuples import checked_entries
from algeom.lsrdr.reduction.lsrdr import lsrdr
from algeom.lsrdr.reduction.result import LSRDRResult
from algeom.maps.relabelling import check_integer
from algeom.runtime.seeds import RandomState

__all__ = ["Encoding", "ImageFeatures", "image_rows", "reduce_images"]

Float = NDArray[np.float64]
Encoding = Literal["images", "directions", "classes", "matrices"]


@dataclass(frozen=True, eq=False, repr=False)
class ImageFeatures:
    """d linear features of images with n pixels.

    Attributes
    ----------
    mean : ndarray, shape (n,)
        Taken off the images first.
    components : ndarray, shape (d, n)
        One row for each feature.
    encoding : {"images", "directions", "classes", "matrices"}
    reduction : LSRDRResult
    """

    mean: Float
    components: Float
    encoding: Encoding
    reduction: LSRDRResult

    def transform(self, images: Any) -> Float:
        """Features of images (k, n), or (k, h, w) with h w = n: shape (k, d)."""
        rows = image_rows(images)
        if rows.shape[1] != len(self.mean):
            raise InputError(
                f"images of {rows.shape[1]} pixels were given; the features are of {len(self.mean)} pixels"
            )
        return np.asarray((rows - self.mean) @ self.components.T)

    def __repr__(self) -> str:
        d, n = self.components.shape
        agreement = self.reduction.agreement
        return (
            f"ImageFeatures({d} of {n} pixels, encoding {self.encoding!r}; similarity {self.reduction.similarity:.6g}; "
            f"{agreement.agreed} of {agreement.starts} starts agree)"
        )


def reduce_images(
    images: Any,
    d: int,
    *,
    encoding: Encoding = "directions",
    labels: Any = None,
    starts: int = 4,
    tolerance: float = 1e-9,
    rng: RandomState = None,
) -> ImageFeatures:
    """Find d linear features of images by a reduction of matrices that encode them.

    Parameters
    ----------
    images : array_like, shape (r, n) or (r, h, w)
    d : int
        Number of features, at most the number of pixels; for "matrices" a square number k^2, with k at most h.
    encoding : {"images", "directions", "classes", "matrices"}
        How centred images v_j become a tuple of matrices. "images": v_j v_j^T, the rank-one matrices. "directions": the
        same for v_j / |v_j|, so that faint images count as much as others. "classes": for each class the mean of
        v_j v_j^T, which uses the labels. "matrices": the square images themselves, as matrices A_j of size h; features
        are the k^2 entries of R A_j S.
    labels : array_like, shape (r,)
        For "classes".
    starts, tolerance
        As for `lsrdr`.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    ImageFeatures

    Raises
    ------
    InputError
        If an argument is not as described, or images do not differ.
    GenericityError
        If all starts fail.

    Notes
    -----
    The first three encodings are tuples of symmetric matrices, whose P is found to be symmetric: components are an
    orthonormal basis of its image. For the first two that is what a principal component analysis with certain weights
    of the images finds (`OuterProductSuperoperator`).

    Examples
    --------
    >>> from algeom.lsrdr.learning.trained_layers import load_digit_images
    >>> images, labels = load_digit_images()
    >>> features = reduce_images(images[:300], 6, rng=0)
    >>> features.transform(images).shape, features.reduction.agreement.unanimous
    ((1797, 6), True)
    """
    if encoding not in get_args(Encoding):
        raise InputError(f"encoding={encoding!r}; choose from {', '.join(get_args(Encoding))}")
    rows = image_rows(images)
    mean = rows.mean(axis=0)
    centred = rows - mean
    # Images that are equal up to rounding of their mean leave nothing but its errors.
    if np.abs(centred).max() <= 1e-12 * np.abs(rows).max():
        raise InputError("all images are equal; there is nothing that features could tell apart")
    r, n = rows.shape
    d = check_integer("d", d, 1, n, f"images have {n} pixels")
    if encoding == "matrices":
        return _of_matrices(images, centred, mean, d, starts, tolerance, rng)
    if encoding == "classes":
        if labels is None or np.shape(labels) != (r,):
            raise InputError(
                f"labels has the shape {np.shape(labels)}; encoding='classes' needs one for each image, ({r},)"
            )
        tuple_: Any = _class_moments(centred, np.asarray(labels))
    else:
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        # An image that is the mean has no direction, and stays zero.
        vectors = centred if encoding == "images" else centred / np.where(lengths > 0, lengths, 1)
        tuple_ = OuterProductSuperoperator(vectors)
    reduction = lsrdr(tuple_, d, starts=starts, tolerance=tolerance, field="real", rng=rng)
    # What R v sees of an image v are the rows of R: an orthonormal basis does not depend on how P was factored.
    return ImageFeatures(mean, np.linalg.qr(reduction.R.T)[0].T, encoding, reduction)


def image_rows(images: Any) -> Float:
    """Images (r, n) or (r, h, w) as rows of pixels, in float64.

    Raises
    ------
    InputError
        If they are no such array, there is none, or a pixel is no finite real number.
    """
    try:
        array = np.asarray(images)
    except (ValueError, TypeError) as error:
        raise InputError(f"images cannot be made an array ({error}); give images of one size") from None
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise InputError(f"images has the shape {array.shape}; give at least one image, (r, n) or (r, h, w)")
    array = checked_entries(array, "images")
    if array.dtype.kind == "c":
        raise InputError("images has complex pixels; give real ones")
    return np.asarray(array.reshape(len(array), -1))


def _class_moments(centred: Float, labels: NDArray[Any]) -> Float:
    return np.array([part.T @ part / len(part) for part in (centred[labels == label] for label in np.unique(labels))])


def _of_matrices(
    images: Any, centred: Float, mean: Float, d: int, starts: int, tolerance: float, rng: RandomState
) -> ImageFeatures:
    shape = np.shape(images)
    h = shape[1] if len(shape) == 3 else math.isqrt(shape[1])
    if h * h != centred.shape[1] or (len(shape) == 3 and shape[2] != h):
        raise InputError(
            f"images has the shape {shape}; encoding='matrices' needs square images, (r, h, h) or (r, h^2)"
        )
    k = math.isqrt(d)
    if k * k != d:
        raise InputError(f"d={d}; encoding='matrices' has k^2 features: give {k * k} or {(k + 1) ** 2}")
    reduction = lsrdr(centred.reshape(-1, h, h), k, starts=starts, tolerance=tolerance, field="real", rng=rng)
    return ImageFeatures(mean, np.kron(reduction.R, reduction.S.T), "matrices", reduction)

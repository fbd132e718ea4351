"""Images to train on: scikit-learn's digits, moved and enlarged, and files in the format of MNIST."""

from __future__ import annotations

import gzip
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError
from algeom.maps.relabelling import check_integer
from algeom.runtime import seeds

__all__ = ["read_idx_images", "shifted_digits"]

Float = NDArray[np.float64]

#: Grey values of scikit-learn's digits go from 0 to 16.
_GREYS = 16.0

#: The type code of unsigned bytes in idx files.
_UNSIGNED_BYTE = 8


def shifted_digits(size: int = 8, *, rng: seeds.RandomState = None) -> Float:
    """The 1797 handwritten digits of scikit-learn, each shifted horizontally and cyclically by a random step.

    Parameters
    ----------
    size : int
        Side of the images; other sizes than 8 are made by bilinear interpolation, 28 for the size of MNIST.
    rng : int, Generator or None
        For the shifts.

    Returns
    -------
    ndarray of float64, shape (1797, size * size)
        Grey values from 0 to 1, rows of pixels one after the other.

    Raises
    ------
    InputError
        If scikit-learn is not installed.

    References
    ----------
    E. Alpaydin, C. Kaynak, Optical recognition of handwritten digits, UCI Machine Learning Repository (1998), the part
    for tests; shipped with scikit-learn.

    Examples
    --------
    >>> shifted_digits(rng=0).shape
    (1797, 64)
    """
    size = check_integer("size", size, 2)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError(
            "the digits come with scikit-learn (pip install scikit-learn); or give images of your own"
        ) from error
    from scipy.ndimage import zoom

    images = np.asarray(load_digits().images, dtype=np.float64) / _GREYS
    if size != images.shape[1]:
        images = zoom(images, (1, size / images.shape[1], size / images.shape[2]), order=1)
    _, generator = seeds.resolve(rng)
    shifts = generator.integers(0, size, len(images))
    columns = (np.arange(size)[None, :] - shifts[:, None]) % size
    moved = np.take_along_axis(images, np.broadcast_to(columns[:, None, :], images.shape), axis=2)
    return np.asarray(moved.reshape(len(images), -1))


def read_idx_images(path: str | PathLike[str]) -> Float:
    """Read images from a file in the idx format of MNIST and Fashion-MNIST, compressed by gzip or not.

    Parameters
    ----------
    path : path
        For example ``train-images-idx3-ubyte.gz``, which algeom does not ship.

    Returns
    -------
    ndarray of float64, shape (N, height * width)
        Grey values from 0 to 1.

    Raises
    ------
    InputError
        If the file cannot be read or has another format.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    header: Any = np.frombuffer(data[:4], dtype=np.uint8)
    if len(header) < 4 or header[0] or header[1] or header[2] != _UNSIGNED_BYTE or header[3] != 3:
        raise InputError(f"{file} is no idx file of images (three dimensions, unsigned bytes)")
    count, height, width = (int(x) for x in np.frombuffer(data[4:16], dtype=">u4"))
    if len(data) != 16 + count * height * width:
        raise InputError(f"{file} says {count} images of {height} x {width} and has {len(data)} bytes: it is cut off")
    pixels = np.frombuffer(data[16:], dtype=np.uint8)
    return np.asarray(pixels.reshape(count, height * width) / 255.0)

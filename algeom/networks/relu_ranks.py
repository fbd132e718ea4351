"""Expected dimensions and generic ranks for pattern varieties of ReLU networks."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from flint import nmod_mat
from numpy.typing import ArrayLike

from algeom.errors import InputError
from algeom.networks.relu import Patterns, checked_architecture

__all__ = ["relu_expected_dimension", "relu_generic_rank"]

# The Mersenne prime of 61 bits: a random point misses the generic rank with a probability of about degree / 2^61.
_PRIME = (1 << 61) - 1


def relu_expected_dimension(widths: Sequence[int], patterns: Patterns) -> int:
    """The expected affine dimension of the pattern variety of a shallow ReLU network.

    The matrices of the blocks are sum_h A_i[h] w_h a_h^T. Neurons whose pattern vectors (A_1[h], ..., A_k[h]) are equal
    contribute together a matrix of rank at most their number m, of which there is a variety of dimension
    m (n_0 + n_2 - m); the dimensions of the classes add up, unless they fill the space.

    Parameters
    ----------
    widths, patterns
        As for `relu_pattern_map`, with one hidden layer.

    Returns
    -------
    int
        The expected dimension; the actual one when n_0 >= n_1 <= n_2.

    Raises
    ------
    InputError
        If the network has more than one hidden layer, or as for `relu_pattern_map`.

    References
    ----------
    arXiv 2508.03867 (shallow networks of two patterns; the classes are the same argument for any number).

    Examples
    --------
    >>> relu_expected_dimension((4, 4, 4), ["1100", "1010", "1001"])
    28
    """
    sizes, blocks = checked_architecture(widths, patterns)
    if len(sizes) != 3:
        raise InputError(f"widths {sizes} has {len(sizes) - 2} hidden layers; the formula is for one hidden layer")
    n_in, hidden, n_out = sizes
    vectors = [tuple(block[0][h] for block in blocks) for h in range(hidden)]
    dimension = 0
    for vector, size in Counter(vectors).items():
        rank = min(size, n_in, n_out)
        dimension += rank * (n_in + n_out - rank) if any(vector) else 0
    return min(dimension, len(blocks) * n_in * n_out)


def relu_generic_rank(
    widths: Sequence[int],
    patterns: Patterns,
    coefficients: Sequence[int] | Sequence[ArrayLike],
    *,
    rng: int | np.random.Generator | None = None,
) -> int:
    """The rank of a combination sum_i B_i (x) M_i of the matrices of the blocks, at general weights.

    All minors one larger vanish on the pattern variety. With numbers B_i it is the rank of a linear combination of
    blocks; with matrices B_i that place blocks, of a concatenation or of a block matrix.

    Parameters
    ----------
    widths, patterns
        As for `relu_pattern_map`.
    coefficients : sequence
        For each block an integer, or an integer matrix B_i, all of one shape.
    rng : int, Generator or None
        Where the random weights come from.

    Returns
    -------
    int
        The rank at one random point modulo the prime 2^61 - 1: never more than the generic rank, and equal to it but
        for a probability below 10^-15 times the size of the matrix and the number of layers.

    Raises
    ------
    InputError
        If the coefficients do not match the blocks, or as for `relu_pattern_map`.

    References
    ----------
    arXiv 2508.03867.

    Examples
    --------
    The paths that these two patterns do not share would allow rank 3 for the difference:

    >>> patterns = [("11", "01", "11"), ("01", "11", "01")]
    >>> relu_generic_rank((5, 2, 2, 2, 5), patterns, [1, 0], rng=1), relu_generic_rank(
    ...     (5, 2, 2, 2, 5), patterns, [1, -1], rng=1
    ... )
    (1, 2)
    >>> relu_generic_rank((4, 4, 4), ["1100", "1010", "1001"], [1, -1, 0], rng=1)
    2
    """
    sizes, blocks = checked_architecture(widths, patterns)
    if len(coefficients) != len(blocks):
        raise InputError(f"{len(coefficients)} coefficients were given for {len(blocks)} blocks; give one for each")
    weights = [np.atleast_2d(np.asarray(b, dtype=object)) for b in coefficients]
    if len({w.shape for w in weights}) != 1 or weights[0].ndim != 2:
        raise InputError(f"the coefficients have shapes {[w.shape for w in weights]}; give numbers, or equal shapes")
    generator = np.random.default_rng(rng)
    layers = [
        generator.integers(0, _PRIME, size=(sizes[i + 1], sizes[i])).astype(object) for i in range(len(sizes) - 1)
    ]
    rows, columns = weights[0].shape
    total = np.zeros((rows * sizes[-1], columns * sizes[0]), dtype=object)
    for b, block in zip(weights, blocks, strict=True):
        matrix = layers[0]
        for pattern, layer in zip(block, layers[1:], strict=True):
            matrix = layer @ (np.array(pattern, dtype=object)[:, np.newaxis] * matrix) % _PRIME
        total = total + np.kron(b, matrix)
    entries = [int(entry) % _PRIME for entry in total.ravel()]
    return int(nmod_mat(total.shape[0], total.shape[1], entries, _PRIME).rank())

"""The norm of a linear map between proved bounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algeom.gsvd.functions.batch_functions import BatchFunction
from algeom.gsvd.norms.covering import UNIT, Cover, dot_error, spectral_norm

__all__ = ["linear_norm"]

Float = NDArray[np.float64]


def linear_norm(function: BatchFunction, root: Float | None) -> Cover:
    """Bounds of ``|root A|`` for a linear map A, and a unit vector with that gain.

    Parameters
    ----------
    function : BatchFunction
        Known to be linear: layers or polynomials.
    root : ndarray of float64, shape (k, p), optional

    Returns
    -------
    Cover
        Without any pieces.

    Notes
    -----
    The largest singular value of the product of all matrices, with bounds of the errors of products and of the singular
    value; the lower bound is the gain of a singular vector.
    """
    if function.layers is not None:
        weights = [layer.weight for layer in function.layers.layers]
    else:
        columns = [function.polynomials(e) for e in np.eye(function.n_inputs, dtype=np.int64)]  # type: ignore[misc]
        weights = [np.array(columns, dtype=np.float64).T]
    if root is not None:
        weights.append(root)
    matrix, absolute, error = weights[0], np.abs(weights[0]), 0.0
    for w in weights[1:]:
        error += dot_error(w.shape[1] + 2)
        matrix, absolute = w @ matrix, np.abs(w) @ absolute
    # The entries of a polynomial map are rounded once.
    error = (error + UNIT) * float(np.linalg.norm(absolute)) * (1 + dot_error(absolute.size + 2))
    witness = np.linalg.svd(matrix, full_matrices=False)[2][0]
    upper = spectral_norm(matrix) + error
    lower = float(np.linalg.norm(matrix @ witness)) / float(np.linalg.norm(witness))
    lower = lower * (1 - dot_error(matrix.shape[0] + matrix.shape[1] + 8)) - error
    lower -= dot_error(matrix.shape[1]) * float(np.linalg.norm(np.abs(matrix) @ np.abs(witness)))
    # The sign of a singular vector is a convention: take the one with a positive sum.
    witness = witness if witness.sum() >= 0 else -witness
    return Cover(max(lower, 0.0), upper, witness, 0, True, False)

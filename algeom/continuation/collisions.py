"""Ends that should not coincide: how paths that jumped to another are found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex
from algeom.continuation.tracker import PathResults, ReturnCode

#: Points closer than this relative distance are one solution: regular ends are accurate to some 1e-14.
SAME = 1e-8

#: Ways to fail that smaller steps may mend.
_MENDABLE = (ReturnCode.STEP_TOO_SMALL, ReturnCode.TOO_MANY_STEPS, ReturnCode.ENDGAME_FAILED)


def suspects(results: PathResults) -> NDArray[np.int64]:
    """Paths that may end elsewhere with smaller steps: ends that coincide with another regular one, and failures."""
    regular = np.flatnonzero(results.succeeded)
    label = labels(results.solutions[:, regular], SAME)
    sizes = np.bincount(label, minlength=1)
    collided = regular[sizes[label] > 1]
    return np.sort(np.concatenate([collided, np.flatnonzero(np.isin(results.codes, _MENDABLE))]))


def labels(points: Complex, tolerance: float) -> NDArray[np.int64]:
    """A number for each column, equal for columns within a relative distance of each other."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    count = points.shape[1]
    if not count:
        return np.empty(0, dtype=np.int64)
    size = np.maximum(np.abs(points).max(axis=0), 1.0)
    # Points of very different size are far apart, so that one radius serves after scaling by the size.
    scaled = points / size
    rows = np.concatenate([scaled.real, scaled.imag, np.log(size)[None, :]]).T
    pairs = cKDTree(rows).query_pairs(tolerance, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

"""Deciding whether the closure of an image is a cone, which secants and joins need to know."""

import numpy as np
from flint import nmod_mat

from algeom.algebra.primes import random_prime
from algeom.maps import PolynomialMap

__all__ = ["image_is_cone"]


def image_is_cone(phi: PolynomialMap, trials: int = 2) -> bool:
    """Whether the closure of the image of a map is a cone with its vertex at the origin.

    In characteristic 0 the image is a cone exactly when its generic point, as a vector, is tangent to it: when adding
    the column phi(theta) to the Jacobian at a random theta leaves the rank unchanged. Decided modulo a random prime at
    each of ``trials`` random points (with a fixed seed: the same map always gets the same answer); one point where the
    rank grows is a proof that the image is no cone (for all but finitely many primes).

    Examples
    --------
    >>> from algeom.varieties import segre, independence_model
    >>> image_is_cone(segre(1, 1)), image_is_cone(independence_model(2, 2))
    (True, False)
    """
    rng = np.random.default_rng(20)
    for _ in range(trials):
        p = random_prime(rng)
        theta = rng.integers(-(p // 2), p // 2 + 1, size=phi.n_parameters).astype(np.float64)
        values, defined = phi.tape.evaluate_modular(theta[:, np.newaxis], p)
        if not defined.all():
            continue
        jacobian = np.asarray(phi.tape.jacobian_modular(theta, p))
        if _rank(np.hstack([jacobian, values]), p) > _rank(jacobian, p):
            return False
    return True


def _rank(matrix: np.ndarray[tuple[int, ...], np.dtype[np.float64]], p: int) -> int:
    residues = (matrix.astype(np.int64) % p).tolist()
    return int(nmod_mat(len(residues), len(residues[0]), [entry for row in residues for entry in row], p).rank())

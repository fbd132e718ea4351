"""Deciding whether the closure of an image is a cone, which secants and joins need to know."""

import random

from flint import nmod, nmod_mat

from algeom.maps import PolynomialMap

__all__ = ["image_is_cone"]

# The Mersenne prime of 61 bits: a random point misses a generic rank with a probability of about degree / 2^61.
_PRIME = (1 << 61) - 1


def image_is_cone(phi: PolynomialMap, trials: int = 2) -> bool:
    """Whether the closure of the image of a map is a cone with its vertex at the origin.

    In characteristic 0 the image is a cone exactly when its generic point, as a vector, is tangent to it: when adding
    the column phi(theta) to the Jacobian at a random theta leaves the rank unchanged. Decided modulo the prime 2^61 - 1
    at ``trials`` random points, with a fixed seed, so that the same map always gets the same answer.

    Examples
    --------
    >>> from algeom.varieties import segre, independence_model
    >>> image_is_cone(segre(1, 1)), image_is_cone(independence_model(2, 2))
    (True, False)
    """
    rng = random.Random(20)
    for _ in range(trials):
        theta = [nmod(rng.randrange(1, _PRIME), _PRIME) for _ in range(phi.n_parameters)]
        jacobian = phi.jacobian(theta).tolist()
        with_point = [[*row, value] for row, value in zip(jacobian, phi(theta).tolist(), strict=True)]
        if _rank(with_point) > _rank(jacobian):
            return False
    return True


def _rank(rows: list[list[object]]) -> int:
    entries = [nmod(0, _PRIME) + entry for row in rows for entry in row]  # constants may be plain integers
    return int(nmod_mat(len(rows), len(rows[0]), [int(entry) for entry in entries], _PRIME).rank())

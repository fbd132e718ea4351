"""New maps from old: secant varieties, joins and Hadamard products."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from algeom.errors import InputError
from algeom.maps import PolynomialMap, polynomial_map
from algeom.maps.relabelling import Symmetry, check_integer
from algeom.varieties._cones import image_is_cone

__all__ = ["hadamard_product", "join", "secant"]


def secant(k: int, phi: PolynomialMap) -> PolynomialMap:
    """The k-th secant variety sigma_k: the closure of all sums of k points of the affine cone over the image of a map.

    Parameters
    ----------
    k : int
        The number of summands, at least 1 (``secant(2, phi)`` is the variety of secant lines, sigma_2).
    phi : PolynomialMap
        Any map. When its image is not a cone (decided by the rank of the Jacobian at random points), each summand gets
        a factor of its own.

    Returns
    -------
    PolynomialMap
        Parameters ``theta1``, ..., ``thetak`` (each as many as phi has), then ``scale`` (k entries) if needed; the
        coordinates and the symmetries are those of phi.

    Raises
    ------
    InputError
        If k is not a positive integer.

    Notes
    -----
    The expected affine dimension is min(k dim, m), with dim the affine dimension of the cone over the image of phi in
    m-space; by Terracini's lemma the dimension is the rank of k tangent spaces together.

    References
    ----------
    J. M. Landsberg, Tensors: Geometry and Applications, AMS, 2012, chapter 5.

    Examples
    --------
    >>> from algeom.varieties import rational_normal_curve
    >>> phi = secant(2, rational_normal_curve(4))
    >>> phi.n_parameters, phi.names
    (4, ('y0', 'y1', 'y2', 'y3', 'y4'))
    """
    k = check_integer("k", k, 1)
    n = phi.n_parameters
    scaled = not image_is_cone(phi)
    symmetries: list[Symmetry] = []
    for tau, sigma in phi.symmetries:
        copies = [np.asarray(tau) + i * n for i in range(k)]
        scale = [np.arange(k * n, k * n + k)] if scaled else []
        symmetries.append((np.concatenate(copies + scale), np.asarray(sigma)))
    return _sum_of_cones([phi] * k, [scaled] * k, phi.names, symmetries)


def join(phi: PolynomialMap, psi: PolynomialMap) -> PolynomialMap:
    """The join of two varieties: the closure of the sums of a point of the one cone and a point of the other.

    Parameters
    ----------
    phi, psi : PolynomialMap
        Maps to the same space. A map whose image is not a cone gets a factor of its own.

    Returns
    -------
    PolynomialMap
        Parameters ``theta1`` (of phi), ``theta2`` (of psi), then ``scale`` (a factor for each map that needs one);
        coordinates named as those of phi. Symmetries: those (declared) of both maps that move the coordinates alike.

    Raises
    ------
    InputError
        If the numbers of coordinates differ.

    References
    ----------
    J. Harris, Algebraic Geometry: A First Course, Springer, 1992.

    Examples
    --------
    >>> from algeom.varieties import segre, rational_normal_curve
    >>> join(segre(1, 1), rational_normal_curve(3)).n_parameters
    6
    """
    _check_same_space(phi, psi)
    scaled = [not image_is_cone(phi), not image_is_cone(psi)]
    n = phi.n_parameters + psi.n_parameters
    scale = np.arange(n, n + sum(scaled))
    symmetries = [
        (np.concatenate([tau, rho + phi.n_parameters, scale]), sigma)
        for tau, rho, sigma in _common_symmetries(phi, psi)
    ]
    return _sum_of_cones([phi, psi], scaled, phi.names, symmetries)


def hadamard_product(phi: PolynomialMap, psi: PolynomialMap) -> PolynomialMap:
    """The Hadamard product of two varieties: the closure of all coordinatewise products of their points.

    Parameters
    ----------
    phi, psi : PolynomialMap
        Maps to the same space.

    Returns
    -------
    PolynomialMap
        Parameters ``theta1`` (of phi), ``theta2`` (of psi); coordinates named as those of phi.
        Symmetries: those (declared) of both maps that move the coordinates alike.

    Raises
    ------
    InputError
        If the numbers of coordinates differ.

    Notes
    -----
    The restricted Boltzmann machine with k binary hidden variables is the Hadamard product of k copies of the secant
    variety sigma_2 of a Segre variety.

    References
    ----------
    M. A. Cueto, J. Morton, B. Sturmfels, Geometry of the restricted Boltzmann machine, in: Algebraic Methods in
    Statistics and Probability II, AMS, 2010.

    Examples
    --------
    >>> from algeom.varieties import segre
    >>> phi = hadamard_product(segre(1, 1), segre(1, 1))
    >>> phi.n_parameters, phi.names
    (8, ('y11', 'y12', 'y21', 'y22'))
    """
    _check_same_space(phi, psi)

    def products(theta1: Any, theta2: Any) -> Any:
        return phi(theta1) * psi(theta2)

    symmetries = [
        (np.concatenate([tau, rho + phi.n_parameters]), sigma) for tau, rho, sigma in _common_symmetries(phi, psi)
    ]
    shapes = {"theta1": (phi.n_parameters,), "theta2": (psi.n_parameters,)}
    return polynomial_map(products, parameters=shapes, names=phi.names, symmetries=symmetries)


def _sum_of_cones(
    maps: Sequence[PolynomialMap], scaled: Sequence[bool], names: Sequence[str], symmetries: Sequence[Symmetry]
) -> PolynomialMap:
    """The map (theta1, ..., thetak, scale) -> sum of scale_i * maps_i(theta_i), the factors only where scaled."""
    shapes = {f"theta{i + 1}": (phi.n_parameters,) for i, phi in enumerate(maps)}
    if any(scaled):
        shapes["scale"] = (sum(scaled),)

    def points(*arrays: Any) -> Any:
        factors = iter(arrays[-1]) if any(scaled) else iter(())
        total: Any = 0
        for phi, theta, has_factor in zip(maps, arrays, scaled, strict=False):
            total = total + (next(factors) * phi(theta) if has_factor else phi(theta))
        return total

    return polynomial_map(points, parameters=shapes, names=list(names), symmetries=list(symmetries))


def _common_symmetries(phi: PolynomialMap, psi: PolynomialMap) -> list[tuple[Any, Any, Any]]:
    """Declared symmetries (tau, rho, sigma): tau of phi and rho of psi with the same effect on the coordinates."""
    return [
        (np.asarray(tau), np.asarray(rho), np.asarray(sigma))
        for tau, sigma in phi.symmetries
        for rho, other in psi.symmetries
        if np.array_equal(sigma, other)
    ]


def _check_same_space(phi: PolynomialMap, psi: PolynomialMap) -> None:
    if phi.n_coordinates != psi.n_coordinates:
        raise InputError(
            f"the maps have {phi.n_coordinates} and {psi.n_coordinates} coordinates; "
            "both must go to the same space (use restrict or linear_change to make them)"
        )

"""The L2-spectral radius similarity of two tuples of matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from algeom.errors import GenericityError, InputError
from algeom.evidence import Evidence, combine
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import KrausSuperoperator, is_quaternionic, matrix_family, superoperator
from algeom.lsrdr.spectra.spectral_radius import SpectralRadius, rescaled, spectral_radius
from algeom.runtime.seeds import RandomState, resolve

__all__ = ["Similarity", "similarity"]

#: How far above 1 a quotient of computed radii may be, relative to what their intervals allow: more is a failure.
_ABOVE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Similarity:
    """The similarity of two tuples, ``rho(Gamma(A; X)) / sqrt(rho(Phi(A)) rho(Phi(X)))``.

    Attributes
    ----------
    value : float
        From 0 to 1; ``float(similarity)`` is the same.
    lower, upper : float
        What the intervals of the three spectral radii leave.
    mixed, of_A, of_X : SpectralRadius
        Of Gamma(A; X), Phi(A) and Phi(X), for tuples whose entries were scaled by powers of 2 if they are very large
        or small.
    evidence : Evidence
    seed : int
    """

    value: float
    lower: float
    upper: float
    mixed: SpectralRadius
    of_A: SpectralRadius
    of_X: SpectralRadius
    evidence: Evidence
    seed: int

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"Similarity({self.value:.12g}, from {self.lower:.12g} to {self.upper:.12g}: {self.evidence})"


def similarity(A: Any, X: Any, *, method: str = "auto", rng: RandomState = None) -> Similarity:
    """The L2-spectral radius similarity of matrices A_1, ..., A_r and X_1, ..., X_r of any two sizes.

    Parameters
    ----------
    A : array_like (r, n, n), Quaternions, list of scipy sparse matrices or MatrixFamily
    X : array_like (r, d, d), and so on
        If one of the tuples is quaternionic, both are taken as quaternionic.
    method : {"auto", "dense", "arnoldi"}
        As for `spectral_radius`.
    rng : int, numpy.random.Generator or None
        The start of ARPACK.

    Returns
    -------
    Similarity

    Raises
    ------
    InputError
        If the tuples differ in the number of matrices, or one of them is nilpotent: its spectral radius is 0.
    GenericityError
        If an eigenvalue is not found.

    Notes
    -----
    It is invariant under joint conjugation of either tuple, multiplication of either by numbers, and application of one
    unitary matrix to both, A_i to the sum of u_ij A_j (over the quaternions: real numbers and real orthogonal matrices,
    which commute with quaternions). It is at most 1: Gamma^k(Y) is the sum of A_w Y X_w^* over words w, to which the
    inequality of Cauchy and Schwarz applies, so that rho(Gamma(A; X))^2 <= rho(Phi(A)) rho(Phi(X)).

    Over the quaternions Gamma acts on quaternionic n x d matrices; its complex form acts on twice as many, and has the
    eigenvalues of the sum of A_j (x) conj(X_j) with the complex forms of the matrices. For complex matrices this is the
    larger one of the similarities to X and to conj(X).

    References
    ----------
    J. Van Name, posts on L2,d-spectral radius dimensionality reductions, 2023 to 2025. For rho(Phi(A)), the square of
    Pascoe's outer spectral radius: B. V. R. Bhat, B. Saha, P. Sahasrabuddhe, arXiv:2405.15009.

    Examples
    --------
    A block of a block diagonal tuple that dominates it is as similar as the whole.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> B = rng.standard_normal((2, 3, 3))
    >>> A = np.zeros((2, 4, 4))
    >>> A[:, :3, :3], A[:, 3, 3] = B, 0.1
    >>> print(f"{similarity(A, B).value:.10f}")
    1.0000000000
    """
    for name, tuple_ in (("A", A), ("X", X)):
        if isinstance(tuple_, Superoperator):
            raise InputError(f"{name} is a superoperator; the similarity is that of tuples of matrices")
    seed, _ = resolve(rng)
    quaternionic = is_quaternionic(A) or is_quaternionic(X)
    field = "H" if quaternionic else None
    left = matrix_family(A, "A", quaternionic=quaternionic)
    right = left if X is A else matrix_family(X, "X", quaternionic=quaternionic)
    if left.r != right.r:
        raise InputError(f"A has {left.r} matrices and X has {right.r}; both tuples need the same number of matrices")
    left = rescaled(left)[0]
    right = left if X is A else rescaled(right)[0]
    of_A = _radius("A", left, field, method, seed)
    of_X = of_A if X is A else _radius("X", right, field, method, seed)
    mixed = of_A if X is A else spectral_radius(KrausSuperoperator(left, right, field=field), method=method, rng=seed)
    if X is A:
        value, lower, upper = 1.0, 1.0, 1.0
    else:
        value = mixed.value / (math.sqrt(of_A.value) * math.sqrt(of_X.value))
        lower = mixed.lower / (math.sqrt(of_A.upper) * math.sqrt(of_X.upper))
        least = math.sqrt(of_A.lower) * math.sqrt(of_X.lower)
        upper = min(1.0, mixed.upper / least) if least else 1.0
    if lower > 1 + _ABOVE:
        raise GenericityError(
            f"the radii {mixed.value:.6g}, {of_A.value:.6g} and {of_X.value:.6g} give a similarity above 1: one of "
            "them is wrong; compute with method='dense'"
        )
    reason = "quotient of " + "; ".join(
        f"{name} ({radius.evidence.reason})"
        for name, radius in (("rho(Gamma(A; X))", mixed), ("rho(Phi(A))", of_A), ("rho(Phi(X))", of_X))
    )
    evidence = combine([mixed.evidence, of_A.evidence, of_X.evidence], reason)
    return Similarity(min(1.0, value), min(1.0, lower), upper, mixed, of_A, of_X, evidence, seed)


def _radius(name: str, family: Any, field: str | None, method: str, seed: int) -> SpectralRadius:
    E = superoperator(family)
    found = spectral_radius(E, method=method, rng=seed)
    if found.value == 0 or found.lower == 0:
        what = "is nilpotent" if found.value == 0 else f"is not told from a nilpotent tuple ({found})"
        raise InputError(
            f"{name} {what}: all products of {family.n} of its matrices vanish, up to rounding, so that the spectral "
            "radius of Phi is 0 and similarities are not defined; give a tuple with a product that has an eigenvalue "
            "other than 0"
        )
    return found

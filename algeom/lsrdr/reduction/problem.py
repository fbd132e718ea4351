"""What is to be reduced, over which field and by which method, and what that takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from algeom.errors import InputError
from algeom.lsrdr.operators.matrix_families import MatrixFamily
from algeom.lsrdr.operators.quaternions import Quaternions
from algeom.lsrdr.operators.structured_superoperators import DiagonalSuperoperator
from algeom.lsrdr.operators.superoperator_base import Superoperator
from algeom.lsrdr.operators.superoperators import KrausSuperoperator, superoperator
from algeom.lsrdr.operators.tuples import matrix_tuple
from algeom.lsrdr.reduction.acceleration import Anderson
from algeom.lsrdr.reduction.starts import FIELDS, Field
from algeom.lsrdr.spectra.spectral_radius import rescaled
from algeom.maps.relabelling import check_integer
from algeom.runtime import memory

__all__ = ["LSRDRPlan", "Method", "Problem", "lsrdr_plan"]

Method = Literal["low_rank", "dense"]

#: Arrays of the size of S that the low-rank search holds for a start, temporary ones included, without acceleration;
#: arrays of the size of P that the dense one does.
_THIN, _FULL = 40, 20


@dataclass(frozen=True, eq=False)
class Problem:
    """A superoperator and the rank to reduce to.

    Attributes
    ----------
    E : Superoperator
        Phi(A), of matrices with entries of moderate size; over the quaternions its complex form.
    exponent : int
        A is 2 to this power times the matrices of E.
    family : MatrixFamily or None
        A_1, ..., A_r as given, over the quaternions in complex form; None if only E was given.
    n, d : int
        Size and rank; over the quaternions of quaternionic matrices.
    field : {"real", "complex", "quaternion"}
    field_given : bool
        Whether the user chose the field.
    """

    E: Superoperator
    exponent: int
    family: MatrixFamily | None
    n: int
    d: int
    field: Field
    field_given: bool

    @classmethod
    def of(cls, A: Any, rank: Any, field: Any) -> Problem:
        """Check the arguments of `algeom.lsrdr.reduction.lsrdr.lsrdr`.

        Raises
        ------
        InputError
            If A is no tuple of matrices and no superoperator on square matrices, the rank is out of bounds, or the
            field is unknown or does not contain the entries.
        """
        if field not in (None, *FIELDS):
            raise InputError(f"field={field!r}; choose from {', '.join(FIELDS)}, or None for that of the entries")
        if field == "quaternion" and not isinstance(A, (Quaternions, MatrixFamily, Superoperator)):
            A = Quaternions(matrix_tuple(A))
        E = superoperator(A)
        if not E.is_square_map:
            raise InputError(f"A acts on {E.shape[0]} x {E.shape[1]} matrices; a reduction needs a map of square ones")
        smallest: Field = {"R": "real", "C": "complex", "H": "quaternion"}[E.field]  # type: ignore[assignment]
        chosen: Field = smallest if field is None else field
        if FIELDS.index(chosen) < FIELDS.index(smallest):
            raise InputError(f"field={field!r}, but A is {smallest}; give a field that contains its entries, or None")
        if chosen == "quaternion" and smallest != "quaternion":
            raise InputError(
                f'field="quaternion", but A is {E}; for a reduction over the quaternions give the matrices as an array '
                "or as Quaternions"
            )
        n = E.n // 2 if chosen == "quaternion" else E.n
        d = check_integer("rank", rank, 1, n, f"the matrices are {n} x {n}")
        family, exponent = _family_of(A, E), 0
        if isinstance(E, KrausSuperoperator) and E.left is E.right:
            moderate, exponent = rescaled(E.left)
            if exponent:
                E = KrausSuperoperator(moderate, signs=E.signs, field=E.field)
        return cls(E, exponent, family, n, d, chosen, field is not None)

    @property
    def scale(self) -> int:
        """Size of the matrices that are computed with, relative to n: 2 over the quaternions."""
        return 2 if self.field == "quaternion" else 1

    def bytes_of_start(self, method: Method, accelerate: bool) -> float:
        """Memory for one start, about, without that of A."""
        n, d = self.scale * self.n, self.scale * self.d
        itemsize = 8 if self.field == "real" else 16
        if method == "dense":
            return float(_FULL * n * n * itemsize)
        thin = (_THIN + 3.0 * (self.family.r if self.family is not None else 1)) * n * d * itemsize
        return thin + (Anderson.bytes_of(n, d, itemsize) if accelerate else 0.0)


def _family_of(A: Any, E: Superoperator) -> MatrixFamily | None:
    if isinstance(E, KrausSuperoperator):
        return E.left if E.left is E.right else None
    if isinstance(E, DiagonalSuperoperator) and isinstance(A, MatrixFamily):
        return A
    return None


@dataclass(frozen=True)
class LSRDRPlan:
    """What `lsrdr` would do.

    Attributes
    ----------
    method : {"low_rank", "dense"}
    reason : str
    field : {"real", "complex", "quaternion"}
    multiplications : float
        Of numbers of that field (over the quaternions of complex ones), about, for one step of one start.
    bytes_of_start : float
        Memory for one start, about.
    together : int
        How many starts are iterated together, so that A is read once for all of them.
    """

    method: Method
    reason: str
    field: Field
    multiplications: float
    bytes_of_start: float
    together: int


def lsrdr_plan(
    A: Any,
    rank: int,
    *,
    method: str = "auto",
    s: float = math.inf,
    starts: int = 8,
    field: Field | None = None,
    accelerate: bool = True,
    memory_limit: int | str | None = None,
) -> LSRDRPlan:
    """What `lsrdr` chooses for these arguments, which mean the same there, and what a step costs.

    Raises
    ------
    InputError
        As `lsrdr`.
    ResourceError
        If one start does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> plan = lsrdr_plan(np.ones((3, 10, 10)), 2)
    >>> plan.method, plan.together
    ('low_rank', 8)
    >>> lsrdr_plan(np.ones((3, 10, 10)), 2, s=8).reason
    'f is applied finitely often, which only the dense iteration does'
    """
    return plan_of(Problem.of(A, rank, field), method, s, starts, accelerate, memory_limit)


def plan_of(
    problem: Problem, method: str, s: float, starts: int, accelerate: bool, memory_limit: int | str | None
) -> LSRDRPlan:
    """The plan for a problem; errors as for `lsrdr_plan`."""
    if method not in ("auto", "low_rank", "dense"):
        raise InputError(f"method={method!r}; choose from auto, low_rank, dense")
    if not (s == math.inf or (isinstance(s, (int, np.integer)) and not isinstance(s, bool) and s >= 1)):
        raise InputError(f"s={s!r}; give how often f is applied in a step: a positive integer, or math.inf")
    if method == "low_rank" and s != math.inf:
        raise InputError(f's={s} needs method="dense": the low-rank iteration goes to the limit, s=math.inf')
    chosen: Method
    if s != math.inf:
        chosen, reason = "dense", "f is applied finitely often, which only the dense iteration does"
    elif method == "dense":
        chosen, reason = "dense", "as asked for"
    else:
        chosen = "low_rank"
        reason = "as asked for" if method == "low_rank" else "products with n x d matrices cost less than n x n ones"
    n, d = problem.scale * problem.n, problem.scale * problem.d
    if chosen == "dense":
        work = 2.0 * problem.E.multiplications(n) + 4.0 * n**3
        remedy = "use the low-rank method (s=math.inf)"
    else:
        work = problem.E.multiplications(d) + 12.0 * n * d * d
        remedy = "lower the rank, or switch acceleration off"
    size = problem.bytes_of_start(chosen, accelerate)
    memory.require(size, memory_limit, f"a start of the {chosen} iteration with n = {n}, d = {d}", remedy)
    together = max(1, min(starts, int(memory.parse_limit(memory_limit) // size)))
    return LSRDRPlan(chosen, reason, problem.field, work, size, together)

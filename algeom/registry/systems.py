"""Named systems of polynomial equations with cited numbers of solutions, for tests, benchmarks and notebooks."""

from functools import cache

from algeom.registry.lookup import by_name, by_tag, tabulated
from algeom.registry.system_problem import SystemProblem

__all__ = ["SystemProblem", "system_problem", "system_problems"]


@cache
def _all() -> dict[str, SystemProblem]:
    from algeom.registry import enumerative_problems, polynomial_benchmarks

    return tabulated("system", (*enumerative_problems.PROBLEMS, *polynomial_benchmarks.PROBLEMS))


def system_problem(name: str) -> SystemProblem:
    """Return the system of this name.

    Raises
    ------
    InputError
        If there is none; the message lists the nearest names.

    Examples
    --------
    >>> system_problem("cyclic_5").count
    70
    """
    return by_name("system", _all(), name, "registry.system_problems()")


def system_problems(tag: str | None = None) -> tuple[SystemProblem, ...]:
    """Return all systems, or those with a tag, in the order of the registry.

    Raises
    ------
    InputError
        If no system has the tag.

    Examples
    --------
    >>> [p.name for p in system_problems("vision")]
    ['five_point_relative_pose']
    """
    return by_tag("system", _all(), tag)

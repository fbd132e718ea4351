"""Named problems with cited answers, for tests, benchmarks and notebooks."""

from functools import cache

from algeom.registry.lookup import by_name, by_tag, tabulated
from algeom.registry.problem import Problem
from algeom.registry.system_problem import SystemProblem
from algeom.registry.systems import system_problem, system_problems

__all__ = ["Problem", "SystemProblem", "problem", "problems", "system_problem", "system_problems"]


@cache
def _all() -> dict[str, Problem]:
    from algeom.registry import attention, classical, comparison, linear_networks, relu, secants, statistics

    modules = (classical, secants, statistics, relu, attention, linear_networks, comparison)
    return tabulated("problem", (entry for module in modules for entry in module.PROBLEMS))


def problem(name: str) -> Problem:
    """Return the problem of this name.

    Raises
    ------
    InputError
        If there is none; the message lists the nearest names.

    Examples
    --------
    >>> problem("grassmannian_2_5").degree
    5
    """
    return by_name("problem", _all(), name, "registry.problems()")


def problems(tag: str | None = None) -> tuple[Problem, ...]:
    """Return all problems, or those with a tag, in the order of the registry.

    Parameters
    ----------
    tag : str or None
        Such as "quick", "relu" or "peer:P5_factor25"; a tag that no problem has gives an error.

    Raises
    ------
    InputError
        If no problem has the tag.

    Examples
    --------
    >>> [p.name for p in problems("peer:P5_factor25")]
    ['factor_analysis_5_2']
    """
    return by_tag("problem", _all(), tag)

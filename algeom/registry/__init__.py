"""Named problems with cited answers, for tests, benchmarks and notebooks."""

from difflib import get_close_matches
from functools import cache

from algeom.errors import InputError
from algeom.registry.problem import Problem
from algeom.registry.system_problem import SystemProblem
from algeom.registry.systems import system_problem, system_problems

__all__ = ["Problem", "SystemProblem", "problem", "problems", "system_problem", "system_problems"]


@cache
def _all() -> dict[str, Problem]:
    from algeom.registry import attention, classical, comparison, relu, secants, statistics

    table: dict[str, Problem] = {}
    for module in (classical, secants, statistics, relu, attention, comparison):
        for entry in module.PROBLEMS:
            if entry.name in table:
                raise AssertionError(f"two problems are named {entry.name}")
            table[entry.name] = entry
    return table


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
    table = _all()
    if name not in table:
        near = get_close_matches(name, table, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"there is no problem named {name!r}{hint} (registry.problems() lists them all)")
    return table[name]


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
    table = _all()
    if tag is None:
        return tuple(table.values())
    chosen = tuple(p for p in table.values() if tag in p.tags)
    if not chosen:
        tags = sorted({t for p in table.values() for t in p.tags if not t.startswith("peer:")})
        raise InputError(f"no problem has the tag {tag!r}; there are {', '.join(tags)}, and peer:NAME")
    return chosen

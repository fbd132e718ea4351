"""Named systems of polynomial equations with cited numbers of solutions, for tests, benchmarks and notebooks."""

from difflib import get_close_matches
from functools import cache

from algeom.errors import InputError
from algeom.registry.system_problem import SystemProblem

__all__ = ["SystemProblem", "system_problem", "system_problems"]


@cache
def _all() -> dict[str, SystemProblem]:
    from algeom.registry import enumerative_problems, polynomial_benchmarks

    entries = (*enumerative_problems.PROBLEMS, *polynomial_benchmarks.PROBLEMS)
    return {entry.name: entry for entry in entries}


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
    table = _all()
    if name not in table:
        near = get_close_matches(name, table, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"there is no system named {name!r}{hint} (system_problems() lists them all)")
    return table[name]


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
    table = _all()
    chosen = tuple(p for p in table.values() if tag is None or tag in p.tags)
    if not chosen:
        raise InputError(
            f"no system has the tag {tag!r}; there are {', '.join(sorted({t for p in table.values() for t in p.tags}))}"
        )
    return chosen

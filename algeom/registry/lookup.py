"""Looking up entries of a registry by name and by tag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

from algeom.errors import InputError


class _Entry(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def tags(self) -> frozenset[str]: ...


E = TypeVar("E", bound=_Entry)


def tabulated(kind: str, entries: Iterable[E]) -> dict[str, E]:
    """Entries by name, in their order; two of one name are a mistake."""
    table: dict[str, E] = {}
    for entry in entries:
        if entry.name in table:
            raise AssertionError(f"two {kind}s are named {entry.name}")
        table[entry.name] = entry
    return table


def by_name(kind: str, table: Mapping[str, E], name: str, listing: str) -> E:
    """The entry of this name; an InputError with the nearest names if there is none."""
    if name not in table:
        near = get_close_matches(name, table, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(f"there is no {kind} named {name!r}{hint} ({listing} lists them all)")
    return table[name]


def by_tag(kind: str, table: Mapping[str, E], tag: str | None) -> tuple[E, ...]:
    """All entries, or those with a tag; an InputError with all tags if none has it."""
    chosen = tuple(entry for entry in table.values() if tag is None or tag in entry.tags)
    if not chosen:
        tags = sorted({each for entry in table.values() for each in entry.tags if ":" not in each})
        families = sorted({each.split(":")[0] for entry in table.values() for each in entry.tags if ":" in each})
        listed = ", ".join([*tags, *(f"{family}:NAME" for family in families)])
        raise InputError(f"no {kind} has the tag {tag!r}; there are {listed}")
    return chosen

"""Names and relabellings: what the families of maps need to name coordinates and to declare symmetries.

A symmetry of a map is declared as a pair of permutations (tau, sigma) such that
``phi(theta[tau])[i] == phi(theta)[sigma[i]]``. Both come from moving indices around, so a family writes them on arrays
of positions (`position_arrays`), by the slicing and transposing that it would apply to parameters and coordinates.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from algeom.errors import InputError

__all__ = [
    "IntArray",
    "Symmetry",
    "check_integer",
    "check_integers",
    "generating_set",
    "indexed_names",
    "position_arrays",
    "symmetric_group_generators",
    "symmetry",
]

IntArray = NDArray[np.int64]
Symmetry = tuple[IntArray, IntArray]


def check_integer(name: str, value: object, minimum: int, maximum: int | None = None, reason: str = "") -> int:
    """Return ``value`` as an int, or raise an error that says which integers are allowed.

    Parameters
    ----------
    name : str
        The argument, as the user knows it.
    value : object
        What was given.
    minimum, maximum : int
        The smallest and the largest value allowed (None: no largest).
    reason : str, optional
        What the bound comes from, appended to the message.

    Raises
    ------
    InputError
        If ``value`` is not an integer, or out of bounds.

    Examples
    --------
    >>> check_integer("rank", 2, 1, 3)
    2
    >>> check_integer("rank", 4, 1, 3, "the smaller side of the matrix")
    Traceback (most recent call last):
        ...
    algeom.errors.InputError: rank is 4; give an integer from 1 to 3 (the smaller side of the matrix)
    """
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_integer or int(value) < minimum or (maximum is not None and int(value) > maximum):  # type: ignore[call-overload]
        allowed = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise InputError(f"{name} is {value!r}; give an integer {allowed}" + (f" ({reason})" if reason else ""))
    return int(value)  # type: ignore[call-overload, no-any-return]


def check_integers(name: str, values: object, minimum: int) -> tuple[int, ...]:
    """Return ``values`` as a tuple of ints, or raise an error that says what is allowed; ``name`` is that of one.

    Examples
    --------
    >>> check_integers("a width", [2, 3], 1)
    (2, 3)
    >>> check_integers("a width", 3, 1)
    Traceback (most recent call last):
        ...
    algeom.errors.InputError: 3 is no sequence; give a list of integers, each of them a width
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InputError(f"{values!r} is no sequence; give a list of integers, each of them {name}")
    return tuple(check_integer(name, value, minimum) for value in values)


def indexed_names(prefix: str, indices: Iterable[Sequence[int] | Sequence[Sequence[int]]]) -> tuple[str, ...]:
    """Coordinate names from index tuples: digits side by side, with underscores once an index exceeds 9.

    An index may itself be a sequence of groups (a multidegree's exponents factor by factor); groups are then set apart
    by one underscore, or by two where single indices are.

    Examples
    --------
    >>> indexed_names("y", [(1, 1, 2), (1, 2, 1)])
    ('y112', 'y121')
    >>> indexed_names("y", [(1, 12), (2, 3)])
    ('y1_12', 'y2_3')
    >>> indexed_names("y", [((2, 0), (1, 1))])
    ('y20_11',)
    """
    grouped = [_groups(index) for index in indices]
    wide = any(number > 9 for index in grouped for group in index for number in group)
    inner, outer = ("_", "__") if wide else ("", "_")
    return tuple(prefix + outer.join(inner.join(map(str, group)) for group in index) for index in grouped)


def _groups(index: Sequence[int] | Sequence[Sequence[int]]) -> list[list[int]]:
    """The groups of an index; plain integers are one group."""
    groups: list[list[int]] = []
    for entry in index:
        if isinstance(entry, Sequence):
            groups.append(list(entry))
        elif groups:
            groups[0].append(entry)
        else:
            groups.append([entry])
    return groups


def position_arrays(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, IntArray]:
    """For array parameters of these shapes, the positions of their entries in the flat parameter vector.

    Examples
    --------
    >>> position_arrays({"A": (2, 2), "b": (3,)})["b"]
    array([4, 5, 6])
    """
    arrays: dict[str, IntArray] = {}
    start = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.arange(start, start + size, dtype=np.int64).reshape(shape)
        start += size
    return arrays


def symmetry(parameters: Mapping[str, IntArray], coordinates: IntArray | Sequence[int]) -> Symmetry:
    """Make the pair (tau, sigma) from arrays of positions in which things have been moved.

    Parameters
    ----------
    parameters : mapping of str to int array
        ``parameters[name][index]`` is the position (in the flat vector theta) of the parameter that takes the place of
        ``name[index]``; in the order of the map's parameters.
    coordinates : int array
        In the place of each coordinate, the position of the coordinate whose value appears there.
    """
    tau = np.concatenate([np.asarray(a, dtype=np.int64).ravel() for a in parameters.values()])
    return tau, np.asarray(coordinates, dtype=np.int64).ravel()


def symmetric_group_generators(n: int) -> list[IntArray]:
    """The transposition of the first two and the cycle of all: they generate the symmetric group on n letters.

    Examples
    --------
    >>> [g.tolist() for g in symmetric_group_generators(4)]
    [[1, 0, 2, 3], [1, 2, 3, 0]]
    >>> [g.tolist() for g in symmetric_group_generators(2)], symmetric_group_generators(1)
    ([[1, 0]], [])
    """
    identity = np.arange(n, dtype=np.int64)
    generators = []
    if n >= 2:
        swap = identity.copy()
        swap[[0, 1]] = swap[[1, 0]]
        generators.append(swap)
    if n >= 3:
        generators.append(np.roll(identity, -1))
    return generators


def generating_set(elements: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """Pick generators of the permutation group that the given permutations form.

    Parameters
    ----------
    elements : iterable of sequences of int
        All elements of a finite permutation group (in one-line notation), or any of its generating sets.

    Returns
    -------
    list of tuple
        Permutations among the given ones that generate all the others; the identity is never among them.

    Examples
    --------
    >>> from itertools import permutations
    >>> generating_set(permutations(range(3)))
    [(0, 2, 1), (1, 0, 2)]
    """
    chosen: list[tuple[int, ...]] = []
    group: set[tuple[int, ...]] = set()
    for element in elements:
        candidate = tuple(int(i) for i in element)
        if not group:
            group = {tuple(range(len(candidate)))}
        if candidate in group:
            continue
        chosen.append(candidate)
        # Closing under right multiplication by the generators closes a finite set of permutations to the whole group.
        frontier = list(group)
        while frontier:
            found = {tuple(g[i] for i in generator) for g in frontier for generator in chosen} - group
            group |= found
            frontier = list(found)
    return chosen

"""Seeds: one integer repeats a run, and every task draws from a stream of its own.

A stream is named by the run's seed and a list of labels, never by the order in which streams are asked
for. Results therefore do not depend on the number of workers, nor on which worker takes which task.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import TypeAlias

import numpy as np

from algeom.errors import InputError

#: What the public verbs accept as ``rng``.
RandomState: TypeAlias = int | np.random.Generator | None

_SEED_BITS = 63


def resolve(rng: RandomState) -> tuple[int, np.random.Generator]:
    """Turn an ``rng`` argument into the seed that repeats the run, and its generator.

    Parameters
    ----------
    rng : int, numpy.random.Generator or None
        A non-negative integer is the seed itself. From a generator one integer is drawn. None draws
        63 bits from the operating system.

    Returns
    -------
    seed : int
        ``resolve(seed)`` gives an equal generator again.
    generator : numpy.random.Generator

    Raises
    ------
    InputError
        If `rng` is anything else, or a negative integer.

    Examples
    --------
    >>> seed, generator = resolve(7)
    >>> seed, int(generator.integers(100)) == int(resolve(7)[1].integers(100))
    (7, True)
    >>> seed, _ = resolve(np.random.default_rng(0))
    >>> seed == resolve(np.random.default_rng(0))[0]
    True
    """
    if rng is None:
        seed = secrets.randbits(_SEED_BITS)
    elif isinstance(rng, np.random.Generator):
        seed = int(rng.integers(1 << _SEED_BITS))
    elif isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        seed = int(rng)
        if seed < 0:
            raise InputError(f"rng={seed}: a seed is a non-negative integer; drop the sign")
    else:
        raise InputError(
            f"rng={rng!r} ({type(rng).__name__}): expected a non-negative integer, "
            "a numpy.random.Generator or None (a fresh seed)"
        )
    return seed, np.random.default_rng(seed)


def derive(seed: int, *labels: int | str) -> np.random.Generator:
    """Return the stream of random numbers that belongs to a seed and a list of labels.

    Streams with different labels are independent for every practical purpose: the labels are hashed
    (SHA-256, with their types and lengths, so that ``("ab",)`` and ``("a", "b")`` differ) into the
    entropy of a ``numpy.random.SeedSequence``.

    Parameters
    ----------
    seed : int
        The run's seed, from `resolve`.
    *labels : int or str
        What the stream is for, for example ``"block", 4, 17``.

    Examples
    --------
    >>> a, b = derive(7, "points", 3), derive(7, "points", 4)
    >>> int(a.integers(1 << 62)) == int(b.integers(1 << 62))
    False
    """
    digest = hashlib.sha256()
    for label in (seed, *labels):
        if isinstance(label, str):
            kind, text = b"s", label.encode()
        else:
            kind, text = b"i", str(int(label)).encode()
        digest.update(kind + str(len(text)).encode() + b":" + text)
    return np.random.default_rng(np.random.SeedSequence(int.from_bytes(digest.digest(), "big")))

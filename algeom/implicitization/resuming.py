"""Block results kept in a store, so that a killed run resumes where it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from algeom.implicitization.blocks import BlockResult, BlockTask
from algeom.maps.tape import Tape
from algeom.runtime import seeds
from algeom.runtime.store import Store, task_key


def _tape_key(tape: Tape) -> str:
    return task_key("tape", tape.n_inputs, tape.constants, tape.operations, tape.operands, tape.outputs)


def resumed_seed(rng: int | np.random.Generator | None, store: Store | None, tape: Tape) -> int:
    """The seed of a run: the caller's, else the one under which the store holds results of this map, else a new one."""
    if store is None:
        return seeds.resolve(rng)[0]
    key = task_key("seed", _tape_key(tape))
    known = store.get(key)
    seed = int(known) if rng is None and known is not None else seeds.resolve(rng)[0]
    store.put(key, str(seed).encode())
    return seed


@contextmanager
def opened(store: str | os.PathLike[str] | Store | None) -> Iterator[Store | None]:
    """A store from a path, closed at the end; None and stores pass through."""
    if isinstance(store, str | os.PathLike):
        with Store(store) as kept:
            yield kept
    else:
        yield store


class BlockStore:
    """The results of the blocks of one tape in a store."""

    def __init__(self, store: Store, tape: Tape) -> None:
        self.store = store
        self._tape = _tape_key(tape)

    def _key(self, task: BlockTask) -> str:
        return task_key(
            "block", self._tape, task.weights, task.degree, task.node, task.prime, task.seed, task.null_space
        )

    def get(self, task: BlockTask) -> BlockResult | None:
        """The result of a block, if it was kept."""
        arrays = self.store.get_arrays(self._key(task))
        if arrays is None:
            return None
        return BlockResult(
            int(arrays["size"]),
            int(arrays["rank"]),
            arrays["pivot_rows"],
            arrays["pivot_columns"],
            arrays["free_columns"],
            arrays.get("null_space"),
        )

    def put(self, task: BlockTask, result: BlockResult) -> None:
        """Keep the result of a block."""
        arrays = {
            "size": np.array(result.size),
            "rank": np.array(result.rank),
            "pivot_rows": result.pivot_rows,
            "pivot_columns": result.pivot_columns,
            "free_columns": result.free_columns,
        }
        if result.null_space is not None:
            arrays["null_space"] = result.null_space
        self.store.put_arrays(self._key(task), arrays)

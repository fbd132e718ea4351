"""Tracking the batches of a monodromy computation: progress, and keeping what is finished in a store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algeom.continuation.systems import Complex, System
from algeom.continuation.tracker import ReturnCode, TrackerOptions, track
from algeom.maps import Tape
from algeom.runtime.progress import ProgressEvent, Reporter
from algeom.runtime.store import Store, task_key

#: Paths kept under one key; a multiple of what the tracker runs as one task, so that a store changes no result.
_CHUNK = 128

#: A killed run loses about this many seconds of tracking.
_SECONDS_AT_RISK = 5.0


def tape_key(tape: Tape | None) -> str:
    """A hash of a tape."""
    if tape is None:
        return ""
    return task_key("tape", tape.n_inputs, tape.constants, tape.operations, tape.operands, tape.outputs)


@dataclass(frozen=True, eq=False)
class Ends:
    """End points (n, B) and return codes (B,) of paths."""

    points: Complex
    codes: NDArray[np.int64]


class PathRunner:
    """Tracks batches of paths of one system.

    Parameters
    ----------
    system : System
    store : Store, optional
        Every finished chunk of paths is kept, under a hash of all that its result depends on.
    executor, threads : optional
        As for `track`.
    report : Reporter
        Is told of each finished path.

    Attributes
    ----------
    tracked : int
        Paths so far, those found in the store included.
    """

    def __init__(
        self,
        system: System,
        *,
        store: Store | None,
        executor: Executor | None,
        threads: int | None,
        report: Reporter,
    ) -> None:
        self.system = system
        self.tracked = 0
        self._store = store
        self._executor = executor
        self._threads = threads
        self._report = report
        self._key = task_key("system", tape_key(system.tape), system.n_unknowns)
        self._chunks_a_call = 8

    def run(
        self, starts: Complex, here: Complex, there: Complex, options: TrackerOptions, info: Mapping[str, Any]
    ) -> Ends:
        """Track starts (n, B) from parameters to others, (k, B) each; `info` goes to the reports of progress."""
        self.tracked += starts.shape[1]
        if self._store is None:
            return self._track(starts, here, there, options, info)
        chunks = [slice(low, low + _CHUNK) for low in range(0, starts.shape[1], _CHUNK)]
        keys = [
            task_key("monodromy paths", self._key, astuple(options), starts[:, c], here[:, c], there[:, c])
            for c in chunks
        ]
        points = np.empty_like(starts)
        codes = np.empty(starts.shape[1], dtype=np.int64)
        missing: list[int] = []
        for number, (chunk, key) in enumerate(zip(chunks, keys, strict=True)):
            kept = self._store.get_arrays(key)
            if kept is None:
                missing.append(number)
                continue
            points[:, chunk], codes[chunk] = kept["points"], kept["codes"]
            self._report.advance(codes[chunk].size, **info)
        while missing:
            now, missing = missing[: self._chunks_a_call], missing[self._chunks_a_call :]
            begin = time.perf_counter()
            columns = np.concatenate([np.arange(starts.shape[1])[chunks[number]] for number in now])
            ends = self._track(starts[:, columns], here[:, columns], there[:, columns], options, info)
            points[:, columns], codes[columns] = ends.points, ends.codes
            for number in now:
                chunk = chunks[number]
                self._store.put_arrays(keys[number], {"points": points[:, chunk], "codes": codes[chunk]})
            if len(now) == self._chunks_a_call:
                rate = len(now) / max(time.perf_counter() - begin, 1e-3)
                self._chunks_a_call = int(np.clip(rate * _SECONDS_AT_RISK, 8, 16 * self._chunks_a_call))
        return Ends(points, codes)

    def _track(
        self, starts: Complex, here: Complex, there: Complex, options: TrackerOptions, info: Mapping[str, Any]
    ) -> Ends:
        done = 0.0

        def relay(event: ProgressEvent) -> None:
            nonlocal done
            if event.kind == "advance":
                self._report.advance(event.done - done, **info)
                done = event.done

        results = track(
            self.system, starts, here, there,
            options=options, executor=self._executor, threads=self._threads, progress=relay,
        )  # fmt: skip
        # Without a last Newton step that converges, an end is no solution, whatever the path looked like.
        unknown = results.succeeded & ~np.isfinite(results.accuracy)
        return Ends(results.solutions, np.where(unknown, ReturnCode.NOT_FINITE, results.codes))

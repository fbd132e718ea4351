"""Running independent tasks: in threads over kernels that release the interpreter, or on any executor.

Threads and BLAS threads are never nested: while several tasks run at once, BLAS has one thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from typing import TypeVar

from algeom.errors import InputError
from algeom.runtime.blas import one_blas_thread

Task = TypeVar("Task")
Result = TypeVar("Result")

#: Work below this many operations (about a millisecond) is not worth a thread switch and a future.
SMALL_COST = 1.0e6

_local = threading.local()


def cores() -> int:
    """Return the number of cores that this process may use.

    Examples
    --------
    >>> cores() >= 1
    True
    """
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def task_threads() -> int:
    """Return the number of threads that the running code may use by itself.

    All cores in ordinary code; inside a task of `run_tasks` that runs beside others, its share of them.
    """
    return getattr(_local, "threads", None) or cores()


def _run_chunk(
    function: Callable[[Task], Result], chunk: Sequence[tuple[int, Task]], threads: int
) -> list[tuple[int, Result]]:
    """Do the tasks of one chunk in a worker thread of this process."""
    previous = getattr(_local, "threads", None)
    _local.threads = threads
    try:
        return [(index, function(task)) for index, task in chunk]
    finally:
        _local.threads = previous


def _run_chunk_elsewhere(
    function: Callable[[Task], Result], chunk: Sequence[tuple[int, Task]]
) -> list[tuple[int, Result]]:
    """Do the tasks of one chunk on somebody's executor, perhaps in another process with a BLAS of its own."""
    with one_blas_thread():
        return _run_chunk(function, chunk, 1)


def _chunks(tasks: Sequence[Task], costs: Sequence[float] | None) -> list[list[tuple[int, Task]]]:
    """Largest task first; small ones together, so that each chunk is worth its overhead."""
    if costs is None:
        return [[(index, task)] for index, task in enumerate(tasks)]
    chunks: list[list[tuple[int, Task]]] = []
    room = 0.0
    for index in sorted(range(len(tasks)), key=lambda k: -costs[k]):
        if room <= 0:
            chunks.append([])
            room = SMALL_COST
        chunks[-1].append((index, tasks[index]))
        room -= costs[index]
    return chunks


def _workers_of(executor: Executor) -> int:
    """How many tasks an executor runs at once, as far as it tells."""
    for name in ("_max_workers", "num_workers"):
        value = getattr(executor, name, None)
        if isinstance(value, int) and value > 0:
            return value
    return 64  # a cluster's executor does not say; enough in flight to keep a rack busy


def _in_flight(
    submit: Callable[[list[tuple[int, Task]]], Future[list[tuple[int, Result]]]],
    chunks: Iterable[list[tuple[int, Task]]],
    bound: int,
) -> Iterator[tuple[int, Result]]:
    """Keep at most `bound` chunks submitted; yield results as they come; cancel the rest on the way out."""
    waiting = iter(chunks)
    running: set[Future[list[tuple[int, Result]]]] = set()
    try:
        exhausted = False
        while True:
            while not exhausted and len(running) < bound:
                chunk = next(waiting, None)
                if chunk is None:
                    exhausted = True
                else:
                    running.add(submit(chunk))
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield from future.result()
    finally:
        for future in running:
            future.cancel()


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    executor: Executor | None = None,
    threads: int | None = None,
    costs: Sequence[float] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Apply a function to independent tasks, and yield each result as it is finished.

    Parameters
    ----------
    function : callable
        Takes one task. On an executor of other processes it is pickled, so it must be importable there.
    tasks : sequence
    executor : concurrent.futures.Executor, optional
        Where to run. By default a pool of threads, which suits kernels that release the interpreter; work
        that is small altogether runs in the calling thread.
    threads : int, optional
        Number of threads of the default pool; `task_threads` () when not given.
    costs : sequence of float, optional
        Rough number of scalar operations of each task (one takes about a nanosecond). Tasks then start
        with the most expensive one, and small ones travel together.

    Yields
    ------
    index : int
        The position in `tasks`.
    result

    Raises
    ------
    InputError
        If `threads` is below 1, `costs` has another length than `tasks` or `executor` is not one.

    Notes
    -----
    Only a few tasks more than there are workers are submitted at any time. When a task raises, the
    consumer stops or Ctrl-C arrives, what has not started is cancelled and control returns at once,
    without waiting for kernels that are running.

    Examples
    --------
    >>> sorted(run_tasks(abs, [-3, 2, -1]))
    [(0, 3), (1, 2), (2, 1)]
    """
    if costs is not None and len(costs) != len(tasks):
        raise InputError(f"costs has {len(costs)} entries for {len(tasks)} tasks: give one cost a task")
    if threads is not None and threads < 1:
        raise InputError(f"threads={threads}: expected at least 1, or None for all cores that may be used")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise InputError(
            f"executor={executor!r} has no method `submit`: expected a concurrent.futures.Executor or one like it, "
            "or None for threads of this process (threads=... is their number)"
        )
    return _run(function, tasks, executor, threads, costs)


def _run(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    executor: Executor | None,
    threads: int | None,
    costs: Sequence[float] | None,
) -> Iterator[tuple[int, Result]]:
    if executor is not None:
        given = executor

        def submit_elsewhere(chunk: list[tuple[int, Task]]) -> Future[list[tuple[int, Result]]]:
            return given.submit(_run_chunk_elsewhere, function, chunk)

        with one_blas_thread():
            yield from _in_flight(submit_elsewhere, _chunks(tasks, costs), 2 * _workers_of(executor))
        return

    allowed = task_threads() if threads is None else threads
    small = sum(costs) <= 2 * SMALL_COST if costs is not None else min(len(tasks), allowed) <= 1
    if small:
        order = range(len(tasks)) if costs is None else sorted(range(len(tasks)), key=lambda k: -costs[k])
        for index in order:
            yield index, function(tasks[index])
        return

    chunks = _chunks(tasks, costs)
    # One worker also gets a thread of its own: the calling thread then waits where Ctrl-C reaches it.
    workers = min(allowed, len(chunks))
    share = max(1, allowed // workers)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="algeom")

    def submit(chunk: list[tuple[int, Task]]) -> Future[list[tuple[int, Result]]]:
        return pool.submit(_run_chunk, function, chunk, share)

    try:
        with nullcontext() if workers == 1 else one_blas_thread():
            yield from _in_flight(submit, chunks, 2 * workers)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)

"""Watching the compiler: announce it, and report its time apart from run time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event as numba_event

_EVENT = "numba:compile"


class CompileClock(numba_event.Listener):
    """Seconds spent compiling while the clock runs, over all threads, and how many kernels that was.

    Numba holds one global lock while it compiles, and compiles a kernel's callees inside the kernel's own
    event, so only the outermost event counts for the time. Numba's own functions are not counted as kernels.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.kernels = 0
        self._depth = 0
        self._since = 0.0
        self._lock = threading.Lock()

    def on_start(self, event: Any) -> None:
        """Start the clock at the outermost compilation."""
        with self._lock:
            if self._depth == 0:
                self._since = time.perf_counter()
            self._depth += 1

    def on_end(self, event: Any) -> None:
        """Stop the clock at the outermost compilation."""
        with self._lock:
            self._depth -= 1
            self.kernels += not event.data["dispatcher"].py_func.__module__.startswith("numba.")
            if self._depth == 0:
                self.seconds += time.perf_counter() - self._since


class _Announcer(numba_event.Listener):
    """Sends one message when the first compilation starts."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell: Callable[[str], None] | None = tell

    def on_start(self, event: Any) -> None:
        """Tell, the first time."""
        from algeom.runtime.progress import COMPILING

        tell, self._tell = self._tell, None
        if tell is not None:
            tell(COMPILING)

    def on_end(self, event: Any) -> None:
        """Nothing to tell."""


@contextmanager
def compile_clock() -> Iterator[CompileClock]:
    """Measure the compile time of a piece of work, to report it apart from its run time.

    Examples
    --------
    >>> with compile_clock() as clock:
    ...     pass  # kernels that were compiled or loaded before cost nothing here
    >>> clock.seconds
    0.0
    """
    clock = CompileClock()
    with numba_event.install_listener(_EVENT, clock):
        yield clock


@contextmanager
def announce_compilation(tell: Callable[[str], None]) -> Iterator[None]:
    """Call `tell` with a message when, and only when, a kernel has to be compiled."""
    with numba_event.install_listener(_EVENT, _Announcer(tell)):
        yield

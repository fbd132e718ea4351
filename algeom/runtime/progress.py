"""Progress of long computations: silent, a bar, or events for a callable of the user's.

Every verb that can take long accepts ``progress``: False (silent), True (a bar on standard error, plain
lines where that is not a terminal), or a callable that receives a `ProgressEvent` at each step.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from algeom._kernels.compile import CACHE_FOLDER
from algeom.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

COMPILING = (
    "compiling kernels, once per machine"
    if CACHE_FOLDER is not None
    else "compiling kernels, for this process only: no cache folder can be written (ALGEOM_CACHE_DIR)"
)


@dataclass(frozen=True)
class ProgressEvent:
    """One step of a computation.

    Attributes
    ----------
    kind : {"start", "advance", "message"}
        A stage begins; work in it was done; something to tell.
    stage : str
        The running stage, for example ``"degree 4"``.
    done, total : float
        Work done in the stage and work in all, in the stage's own unit. `total` is None where it is
        not known beforehand.
    info : mapping
        What the step was about, for example ``{"degree": 4, "block": (2, 1), "size": 120}``.
    elapsed : float
        Seconds since the computation began.
    message : str
        The text of a message, else empty.
    """

    kind: Literal["start", "advance", "message"]
    stage: str
    done: float
    total: float | None
    info: Mapping[str, Any] = field(default_factory=dict)
    elapsed: float = 0.0
    message: str = ""


#: What the public verbs accept as ``progress``.
Progress: TypeAlias = bool | Callable[[ProgressEvent], None]


class Reporter:
    """The silent reporter, and the interface that code doing the work talks to."""

    def start(self, stage: str, total: float | None = None) -> None:
        """Begin a stage of `total` units of work."""

    def advance(self, amount: float = 1, **info: Any) -> None:
        """Say that `amount` units of the running stage are done, and what they were."""

    def message(self, text: str) -> None:
        """Tell the user something that is no step."""


class EventReporter(Reporter):
    """Turns what it is told into events for one callable."""

    def __init__(self, receive: Callable[[ProgressEvent], None]) -> None:
        self._receive = receive
        self._begin = time.perf_counter()
        self._stage = ""
        self._done: float = 0
        self._total: float | None = None

    def _send(self, kind: Literal["start", "advance", "message"], info: Mapping[str, Any], message: str = "") -> None:
        elapsed = time.perf_counter() - self._begin
        self._receive(ProgressEvent(kind, self._stage, self._done, self._total, info, elapsed, message))

    def start(self, stage: str, total: float | None = None) -> None:
        """Begin a stage of `total` units of work."""
        self._stage, self._done, self._total = stage, 0, total
        self._send("start", {})

    def advance(self, amount: float = 1, **info: Any) -> None:
        """Say that `amount` units of the running stage are done, and what they were."""
        self._done += amount
        self._send("advance", info)

    def message(self, text: str) -> None:
        """Tell the user something that is no step."""
        self._send("message", {}, text)


_SILENT = Reporter()


def _describe(info: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in info.items())


class BarDisplay:
    """Shows the running stage as a bar with the time left, for terminals and notebooks; it goes away at the end.

    Parameters
    ----------
    console : rich.console.Console
        Where to draw.
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[info]}", markup=False),
            console=console,
            redirect_stdout=False,  # what is printed there belongs to whoever reads it
            redirect_stderr=False,
            refresh_per_second=4,  # each refresh holds the interpreter for a millisecond or two
            transient=True,
        )
        self._task: TaskID | None = None
        self._bars.start()

    def __call__(self, event: ProgressEvent) -> None:
        """Draw one event."""
        if event.kind == "message":
            self._bars.console.print(event.message, markup=False, highlight=False)
        elif event.kind == "start":
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(event.stage, total=event.total, info="")
        elif self._task is not None:
            self._bars.update(self._task, completed=event.done, info=_describe(event.info))

    def close(self) -> None:
        """Remove the bar and give the terminal back."""
        self._bars.stop()


class LineDisplay:
    """Shows events as plain lines: messages, starts of stages, and a step each few seconds.

    Stages that follow within a second of the last line are not worth another one.

    Parameters
    ----------
    stream : text stream, optional
        Standard error when not given.
    interval : float
        Seconds between two lines of one stage.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 5.0) -> None:
        self._stream = stream
        self._interval = interval
        self._last = 0.0

    def _print(self, text: str) -> None:
        print(text, file=sys.stderr if self._stream is None else self._stream, flush=True)

    def __call__(self, event: ProgressEvent) -> None:
        """Print one event, or skip it if a line was printed a moment ago."""
        if event.kind == "message":
            self._print(event.message)
            return
        pause = self._interval if event.kind == "advance" else self._interval / 5
        if self._last > 0 and event.elapsed - self._last < pause:
            return
        self._last = event.elapsed
        of_total = "" if event.total is None else f"/{event.total:g}"
        details = [f"{event.stage}: {event.done:g}{of_total}", f"{event.elapsed:.1f} s"]
        if event.info:
            details.append(_describe(event.info))
        self._print(", ".join(details))

    def close(self) -> None:
        """Nothing is pending."""


def display() -> BarDisplay | LineDisplay:
    """Return what ``progress=True`` shows: bars where they can be drawn on standard error, else lines."""
    from rich.console import Console

    console = Console(stderr=True)
    # rich draws in notebooks through ipywidgets only, and warns where that is missing.
    drawable = importlib.util.find_spec("ipywidgets") is not None if console.is_jupyter else console.is_terminal
    return BarDisplay(console) if drawable else LineDisplay()


@contextmanager
def reporter(progress: Progress) -> Iterator[Reporter]:
    """Open the reporter that a verb's ``progress`` argument asks for.

    While it is open, the first kernel that has to be compiled is announced by a message.

    Parameters
    ----------
    progress : bool or callable
        False: silent, at the cost of an empty method call. True: bars or lines on standard error.
        A callable: receives each `ProgressEvent`, in the thread that called the verb; what it raises
        ends the computation.

    Raises
    ------
    InputError
        If `progress` is neither a bool nor callable.

    Examples
    --------
    >>> seen = []
    >>> with reporter(seen.append) as report:
    ...     report.start("degree 2", total=2)
    ...     report.advance(block=(1, 1), size=10)
    >>> [(event.kind, event.done, event.total) for event in seen]
    [('start', 0, 2), ('advance', 1, 2)]
    """
    if progress is False:
        yield _SILENT
        return
    from algeom.runtime.compilation import announce_compilation

    if progress is True:
        shown = display()
        try:
            bars = EventReporter(shown)
            with announce_compilation(bars.message):
                yield bars
        finally:
            shown.close()
    elif callable(progress):
        events = EventReporter(progress)
        with announce_compilation(events.message):
            yield events
    else:
        raise InputError(
            f"progress={progress!r} ({type(progress).__name__}): expected False, True or a callable "
            "that takes a ProgressEvent"
        )

"""One thread for BLAS while threads of our own are at work: the two never nest."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_blas_lock = threading.Lock()
_blas_users = 0
_blas_limit: Any = None


@cache
def _blas_controller() -> tuple[Any, bool]:
    """The controller of NumPy's BLAS and whether its limits are per thread; finding it takes milliseconds, so once."""
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController().select(user_api="blas")
    return controller, any(entry.get("threading_layer") == "openmp" for entry in controller.info())


def _release_blas_control() -> None:
    """Let any thread change the limit next: threadpoolctl 3.8 ignores all threads but the first that did."""
    from threadpoolctl import OpenBLASController

    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit NumPy's BLAS to one thread while at least one such context is open.

    The limit is a global of most BLAS libraries. Contexts are counted, so that overlapping ones in several threads
    neither lift the limit early nor leave it in place. Callers that run eliminations in a thread pool of their
    own may hold it open around the pool, which saves about 50 microseconds a call.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    global _blas_users, _blas_limit
    controller, per_thread = _blas_controller()
    if per_thread:
        with controller.limit(limits=1):
            yield
        return
    with _blas_lock:
        _blas_users += 1
        if _blas_users == 1:
            _release_blas_control()
            _blas_limit = controller.limit(limits=1)
            _release_blas_control()
    try:
        yield
    finally:
        with _blas_lock:
            _blas_users -= 1
            if _blas_users == 0:
                _release_blas_control()
                _blas_limit.restore_original_limits()
                _release_blas_control()

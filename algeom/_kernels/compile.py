"""The one decorator that every kernel uses, and where compiled code is kept."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])

#: Every kernel of the package in order of definition, for `warmup` and the test that nothing compiles per model.
KERNELS: list[Any] = []


def _cache_root() -> Path:
    """Folder for compiled kernels: ALGEOM_CACHE_DIR, else the platform's user cache."""
    chosen = os.environ.get("ALGEOM_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "algeom"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "algeom" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "algeom"


def _sources_digest() -> str:
    """Hash of all kernel sources and the Numba version.

    Numba's disk cache does not see changes in an imported callee; a cache folder of its own for each
    state of the sources makes stale code impossible.
    """
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:2]}".encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _usable_cache_folder() -> str | None:
    """The folder if it can be written, else None: kernels then compile anew in each process."""
    try:
        folder = _cache_root() / "kernels" / _sources_digest()
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError):
        return None
    return str(folder)


CACHE_FOLDER = _usable_cache_folder()


def kernel(function: F) -> F:
    """Compile a kernel on its first call: nogil, cached on disk, NumPy's error model, lazy signatures."""
    previous = numba.config.CACHE_DIR
    try:
        if CACHE_FOLDER is not None:
            numba.config.CACHE_DIR = CACHE_FOLDER
        compiled = numba.njit(cache=CACHE_FOLDER is not None, nogil=True, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = previous
    KERNELS.append(compiled)
    return compiled  # type: ignore[no-any-return]

"""Memory budgets: how much there is, and refusing work that would not fit before it starts."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from algeom.errors import InputError, ResourceError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

#: Part of the available memory that is used when no limit is given: other processes need some, and an
#: estimate of a computation's peak leaves out small temporaries.
SAFE_FRACTION = 0.8


def _read_integer(path: Path) -> int | None:
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None  # not there, not readable, or "max"


def _meminfo_bytes() -> int | None:
    """What Linux says can be had without swapping."""
    try:
        with open("/proc/meminfo") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return None
    return None


def _reclaimable(folder: Path) -> int:
    """Page cache that a control group counts as used, and the kernel drops on demand."""
    try:
        for line in (folder / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key in ("inactive_file", "total_inactive_file"):
                return int(value)
    except (OSError, ValueError):
        return 0
    return 0


def _cgroup_bytes(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Room left under the tightest memory limit of the control groups that this process is in."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    room: list[int] = []
    for line in lines:
        _, controllers, name = line.split(":", 2)
        if controllers == "":
            base, limit_file, usage_file = root, "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            base, limit_file, usage_file = root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        # Inside a container the group's own path is often not mounted; its limits then sit at the base.
        group = base / name.lstrip("/")
        folders = [base, group, *group.parents]
        for folder in dict.fromkeys(folders):
            if not folder.is_relative_to(base):
                continue
            limit, usage = _read_integer(folder / limit_file), _read_integer(folder / usage_file)
            if limit is not None and usage is not None:
                room.append(max(0, limit - usage + _reclaimable(folder)))
    return min(room, default=None)


def _address_space_bytes() -> int | None:
    """Room left under ``ulimit -v``."""
    try:
        import resource
    except ImportError:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    pages = _read_integer(Path("/proc/self/statm"))
    return max(0, limit - (pages or 0) * resource.getpagesize())


def _physical_bytes() -> int | None:
    """All memory of the machine, where the system has no figure for what is free."""
    if sys.platform == "win32":
        import ctypes

        class Status(ctypes.Structure):
            _fields_ = (
                ("length", ctypes.c_ulong),
                ("load", ctypes.c_ulong),
                *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
            )

        status = Status(length=ctypes.sizeof(Status))
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status.free)
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def available_bytes() -> int:
    """Memory that this process can still take: the machine's, within control groups and ``ulimit -v``.

    Examples
    --------
    >>> available_bytes() > 0
    True
    """
    machine = _meminfo_bytes() or _physical_bytes() or 4 * 2**30
    limits = [machine, _cgroup_bytes(), _address_space_bytes()]
    return min(x for x in limits if x is not None)


def parse_limit(limit: int | float | str | None) -> int:
    """Turn a ``memory_limit`` argument into bytes.

    Parameters
    ----------
    limit : int, str or None
        Bytes, or a number with a unit (``"4GB"`` is 4e9, ``"4GiB"`` is 4 * 2**30; case and spaces do not
        matter), or None: 80 % of what is available now.

    Raises
    ------
    InputError
        If it is not a positive size.

    Examples
    --------
    >>> parse_limit("1.5 GB"), parse_limit("2GiB"), parse_limit(1000)
    (1500000000, 2147483648, 1000)
    """
    if limit is None:
        return int(SAFE_FRACTION * available_bytes())
    value = -1.0
    if isinstance(limit, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kmgt]i?|)b?\s*", limit.lower())
        if match:
            value = float(match[1]) * _UNITS[match[2]]
    elif isinstance(limit, (int, float)) and not isinstance(limit, bool):
        value = limit
    if not 1 <= value < 2**63:
        raise InputError(
            f'memory_limit={limit!r}: expected bytes (4_000_000_000), a size ("4GB", "512MiB") or None '
            "(80 % of what is available)"
        )
    return int(value)


def format_bytes(size: float) -> str:
    """Write a size for people.

    Examples
    --------
    >>> format_bytes(4_000_000_000), format_bytes(999)
    ('4.0 GB', '999 bytes')
    """
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{int(size)} bytes"


def require(needed_bytes: float, limit: int | float | str | None, what: str, remedy: str) -> None:
    """Refuse work that would not fit, before any of it starts.

    Parameters
    ----------
    needed_bytes : float
        An estimate of the peak.
    limit : int, str or None
        As in `parse_limit`.
    what : str
        What needs it, for example ``"the largest block of degree 5 (17658 monomials)"``.
    remedy : str
        What would make it smaller, for example ``"lower max_degree"``.

    Raises
    ------
    ResourceError
        If `needed_bytes` is more than the limit.

    Examples
    --------
    >>> require(1e6, "1GB", "a block", "lower max_degree")
    >>> require(5e9, "1GB", "a block", "lower max_degree")
    Traceback (most recent call last):
    ...
    algeom.errors.ResourceError: a block needs about 5.0 GB, and the limit is 1.0 GB (...): lower max_degree
    """
    allowed = parse_limit(limit)
    if needed_bytes > allowed:
        origin = "80 % of what is available" if limit is None else f"memory_limit={limit}"
        raise ResourceError(
            f"{what} needs about {format_bytes(needed_bytes)}, and the limit is {format_bytes(allowed)} "
            f"({origin}): {remedy}"
        )

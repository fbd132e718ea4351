"""Keeping results of independent tasks in one file, so that a killed run resumes where it was.

The file is an SQLite database in write-ahead mode: a transaction is either there or not after ``kill -9``,
and other processes read while one writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sqlite3
import threading
import zipfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from algeom.errors import InputError

#: "algm" in ASCII; SQLite keeps it in the header for telling files of one program from another's.
_APPLICATION_ID = 0x616C676D
_FORMAT = 1

#: What a task's key may be made of.
KeyPart: TypeAlias = Any
Array: TypeAlias = npt.NDArray[Any]


def _canonical(part: KeyPart) -> bytes:
    """Bytes that differ whenever the values do: every item carries its type and its length."""
    if part is None or isinstance(part, bool):
        kind, text = "b", str(part).encode()
    elif isinstance(part, (int, np.integer)):
        kind, text = "i", str(int(part)).encode()
    elif isinstance(part, (float, np.floating)):
        kind, text = "f", float(part).hex().encode()
    elif isinstance(part, Fraction):
        kind, text = "q", str(part).encode()
    elif isinstance(part, str):
        kind, text = "s", part.encode()
    elif isinstance(part, bytes):
        kind, text = "r", part
    elif isinstance(part, np.ndarray) and not part.dtype.hasobject:
        little = np.ascontiguousarray(part, dtype=part.dtype.newbyteorder("<"))
        kind, text = "a", f"{little.dtype.str}{part.shape}".encode() + little.tobytes()
    elif isinstance(part, (tuple, list)):
        kind, text = "t", b"".join(map(_canonical, part))
    elif isinstance(part, Mapping):
        kind, text = "d", b"".join(_canonical(key) + _canonical(part[key]) for key in sorted(part))
    else:
        raise InputError(
            f"a {type(part).__name__} cannot be part of a task's key: expected integers, floats, Fractions, strings, "
            "bytes, numeric arrays, or tuples, lists and mappings of these"
        )
    return f"{kind}{len(text)}:".encode() + text


def task_key(*parts: KeyPart) -> str:
    """Return the key of a task: a hash of everything that its result depends on.

    Equal on every machine, Python version and run. Tuples and lists with the same items count as equal.

    Parameters
    ----------
    *parts
        Integers, floats, Fractions, strings, bytes, None, numeric arrays, and tuples, lists and mappings
        (with sortable keys) of these.

    Returns
    -------
    str
        64 hexadecimal digits (SHA-256).

    Examples
    --------
    >>> task_key("block", (2, 1), 4194301)[:12]
    'c9ad5cef6920'
    >>> task_key("ab") == task_key("a", "b")
    False
    """
    return hashlib.sha256(_canonical(parts)).hexdigest()


def pack_arrays(arrays: Mapping[str, npt.ArrayLike]) -> bytes:
    """Write named arrays as bytes (NumPy's ``npz``, never pickled).

    Raises
    ------
    InputError
        If an array holds Python objects.

    Examples
    --------
    >>> unpack_arrays(pack_arrays({"rank": 3, "pivots": [0, 2, 5]}))["pivots"]
    array([0, 2, 5])
    """
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.hasobject:
            raise InputError(f"array {name!r} holds Python objects: store numbers or strings of one type")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **plain)
    return buffer.getvalue()


def unpack_arrays(data: bytes) -> dict[str, Array]:
    """Read what `pack_arrays` wrote.

    Raises
    ------
    InputError
        If the bytes are something else, or damaged (each array carries a checksum).
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, AttributeError) as error:
        raise InputError(f"a stored result is damaged ({error}): delete the store and run again") from error


class Store:
    """Results by key, in one file.

    Parameters
    ----------
    path : str or path
        The file; made when missing. Threads may share a `Store`; processes each open their own.

    Raises
    ------
    InputError
        If the path is no store of algeom, is damaged, or cannot be opened.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> with Store(pathlib.Path(folder.name) / "blocks.algeom") as store:
    ...     store.put(task_key("block", 1), b"result")
    ...     store.get(task_key("block", 1)), store.get(task_key("block", 2))
    (b'result', None)
    >>> folder.cleanup()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        self._recognized = False
        if self.path.is_dir():
            raise InputError(f"{self.path} is a folder: a store is one file, for example {self.path / 'blocks.algeom'}")
        try:
            self._connection = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise InputError(
                f"the store {self.path} cannot be opened ({error}): check folder and permissions"
            ) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(error) from error
        except BaseException:
            self._connection.close()
            raise

    def _unusable(self, error: sqlite3.Error) -> InputError:
        if isinstance(error, sqlite3.OperationalError):
            return InputError(f"the store {self.path} cannot be used ({error}): check disk space and permissions")
        if not self._recognized:  # perhaps somebody's only copy of something else: never advise deleting it
            return InputError(f"{self.path} is not a store of algeom ({error}): give another path")
        return InputError(f"the store {self.path} is damaged ({error}): give another path, or delete it and run again")

    def _is_laid_out(self) -> bool:
        """Whether the file is a store already; False when it is empty. Called inside a transaction.

        Other processes may be laying out the same file; only a transaction sees all of that or nothing.
        """
        run = self._connection.execute
        (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = run("PRAGMA application_id").fetchone()
        (version,) = run("PRAGMA user_version").fetchone()
        if not tables:
            return False
        if application != _APPLICATION_ID:
            raise InputError(f"{self.path} is not a store of algeom but of another program: give another path")
        self._recognized = True
        if version != _FORMAT:
            raise InputError(
                f"{self.path} has store format {version}, and this algeom reads format {_FORMAT}: give another path"
            )
        return True

    def _prepare(self) -> None:
        """Recognize the file, or lay it out when it is new."""
        run = self._connection.execute
        run("BEGIN")
        laid_out = self._is_laid_out()
        run("COMMIT")
        if not laid_out:
            run("BEGIN IMMEDIATE")
            if not self._is_laid_out():
                run(f"PRAGMA application_id={_APPLICATION_ID}")
                run(f"PRAGMA user_version={_FORMAT}")
                run("CREATE TABLE results (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
            run("COMMIT")
            self._recognized = True
        if run("PRAGMA journal_mode").fetchone()[0] != "wal":
            # The switch needs the file for itself. While another process has it, and on some network folders, SQLite's
            # default journal does as well, only slower.
            with contextlib.suppress(sqlite3.OperationalError):
                run("PRAGMA journal_mode=WAL")
        # A killed process loses nothing; only a power cut may lose the last few results, never the file.
        run("PRAGMA synchronous=NORMAL")

    def _query(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(statement, values).fetchall()
        except sqlite3.ProgrammingError as error:
            raise InputError(f"the store {self.path} is closed: open it again") from error
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def get(self, key: str) -> bytes | None:
        """Return the bytes kept under a key, or None."""
        rows = self._query("SELECT value FROM results WHERE key = ?", (key,))
        return bytes(rows[0][0]) if rows else None

    def put(self, key: str, value: bytes) -> None:
        """Keep bytes under a key, durably once this returns; an earlier value is replaced."""
        self._query("INSERT OR REPLACE INTO results VALUES (?, ?)", (key, value))

    def get_arrays(self, key: str) -> dict[str, Array] | None:
        """Return the named arrays kept under a key, or None."""
        data = self.get(key)
        return None if data is None else unpack_arrays(data)

    def put_arrays(self, key: str, arrays: Mapping[str, npt.ArrayLike]) -> None:
        """Keep named arrays under a key."""
        self.put(key, pack_arrays(arrays))

    def __contains__(self, key: str) -> bool:
        return bool(self._query("SELECT 1 FROM results WHERE key = ?", (key,)))

    def __len__(self) -> int:
        return int(self._query("SELECT count(*) FROM results")[0][0])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the keys, sorted."""
        return iter([key for (key,) in self._query("SELECT key FROM results ORDER BY key")])

    def close(self) -> None:
        """Close the file; what was put stays."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, {len(self)} results)"

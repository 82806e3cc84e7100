"""One SQLite file that may be deleted at any time, and that many processes write at once.

What cannot be kept on the disk is kept in memory: a question gets the same answer, only later.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from pathlib import Path

    _T = TypeVar("_T")

__all__ = ["Database", "LostError"]

_PATIENCE: Final = 5.0
"""Seconds to wait for another process that writes."""
_LARGEST: Final = 2**30
"""Bytes in use above which the file starts anew."""
_BROKEN = frozenset({1, 11, 17, 20, 24, 26})
"""SQLITE_ERROR (another schema), CORRUPT, SCHEMA, MISMATCH, FORMAT and NOTADB, see sqlite.org/rescode.html."""


class LostError(Exception):
    """What was in the database is not there any more: an empty one has taken its place."""


class Database:
    """An SQLite file, or its stand-in in memory.

    Parameters
    ----------
    path : Path or None
        The file; None for memory.
    tables : mapping
        Name -> columns.
    indexes : mapping
        Name -> table and columns.
    stamp : int
        Names the version that made the tables; those of another are thrown away.
    functions : mapping, optional
        Name -> number of arguments and a function that SQL may call.
    """

    def __init__(
        self,
        path: Path | None,
        tables: Mapping[str, str],
        indexes: Mapping[str, str],
        stamp: int,
        functions: Mapping[str, tuple[int, Callable[..., Any]]] | None = None,
    ) -> None:
        self._tables, self._indexes, self._stamp = tables, indexes, stamp
        self._functions = functions or {}
        self._path = path
        try:
            self._connection = self._connect(path)
        except LostError:
            self._connection = self._connect(self._path)

    @property
    def is_kept(self) -> bool:
        """Whether it is a file."""
        return self._path is not None

    def rows(self, question: str, *values: Any) -> list[Any]:
        """Ask a question.

        Parameters
        ----------
        question : str
            SQL.
        *values
            For the question marks in it.

        Returns
        -------
        list of tuple

        Raises
        ------
        LostError
            The file cannot be used any more.
        """
        return self._ask(lambda connection: connection.execute(question, values).fetchall())

    def write(self, *commands: tuple[str, list[Any]]) -> None:
        """Carry out commands, all of them or none.

        Parameters
        ----------
        *commands : tuple
            SQL, and the rows of values that it is carried out for.

        Raises
        ------
        LostError
            The file cannot be used any more.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            if self._path is not None and _bytes_in_use(connection) > _LARGEST:
                for table in self._tables:
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
                connection.execute("COMMIT")
                raise LostError
            for command, rows in commands:
                connection.executemany(command, rows)
            connection.execute("COMMIT")

        if any(rows for _, rows in commands):
            self._ask(write)

    def close(self) -> None:
        """Close the file; nothing can be asked any more."""
        self._connection.close()

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        import sqlite3

        try:
            return question(self._connection)
        except (sqlite3.Error, OverflowError) as error:
            self._give_up(error)
            raise LostError from error

    def _give_up(self, error: Exception) -> None:
        """Make a new file in place of a broken one; where the disk is the trouble, go on in memory."""
        self._connection.close()
        is_broken = getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN
        if is_broken and self._path is not None and _discard(self._path):
            with suppress(LostError):
                self._connection = self._connect(self._path)
                return
        self._path = None
        self._connection = self._connect(None)

    def _connect(self, path: Path | None) -> sqlite3.Connection:
        import sqlite3

        try:
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place = ":memory:" if path is None else path
            connection = sqlite3.connect(place, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            self._prepare(connection)
        except (OSError, sqlite3.Error) as error:
            if path is None:
                raise
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code not in _BROKEN or not _discard(path):
                self._path = None
            raise LostError from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for name, (count, function) in self._functions.items():
            connection.create_function(name, count, function, deterministic=True)
        connection.execute("PRAGMA synchronous = OFF")
        if self._path is not None:
            # Whoever reads need not wait for whoever writes.
            connection.execute("PRAGMA journal_mode = WAL")
        if _pragma(connection, "user_version") == self._stamp:
            return
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") != self._stamp:
            for table, columns in self._tables.items():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"CREATE TABLE {table} ({columns})")
            for name, columns in self._indexes.items():
                connection.execute(f"CREATE INDEX {name} ON {columns}")
            connection.execute(f"PRAGMA user_version = {self._stamp}")
        connection.execute("COMMIT")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _bytes_in_use(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _discard(path: Path) -> bool:
    # What belongs to it goes too: SQLite would play it back into the next one.
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    except OSError:
        return False
    return True

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
_CHECKPOINT: Final = 16_384
"""Pages in the log after which they go into the file, which is when the disk is waited for."""
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
    largest : int, optional
        Bytes in use above which the file starts anew.

    Attributes
    ----------
    path : Path or None
        The file; None once everything is in memory.
    """

    def __init__(
        self,
        path: Path | None,
        tables: Mapping[str, str],
        indexes: Mapping[str, str],
        stamp: int,
        functions: Mapping[str, tuple[int, Callable[..., Any]]] | None = None,
        *,
        largest: int = _LARGEST,
    ) -> None:
        self._tables, self._indexes, self._stamp, self._largest = tables, indexes, stamp, largest
        self._functions = functions or {}
        self.path = path
        try:
            self._connection = self._connect(path)
        except LostError:
            self._connection = self._connect(self.path)
        self._version = self._ask(lambda connection: _pragma(connection, "schema_version"))

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

    def at_one_moment(self, questions: Callable[[], _T]) -> _T:
        """Ask several questions of which the answers belong together, whatever other processes write meanwhile.

        Parameters
        ----------
        questions : callable
            Calls `rows`, and not `write`.

        Returns
        -------
        object
            What that returns.

        Raises
        ------
        LostError
            The file cannot be used any more.
        """
        if self._connection.in_transaction:
            return questions()
        self._ask(lambda connection: connection.execute("BEGIN"))
        connection = self._connection
        try:
            return questions()
        finally:
            if connection is self._connection and connection.in_transaction:
                connection.execute("COMMIT")

    def check(self) -> None:
        """Find out whether another process has emptied the file since it was opened, or since the last such check.

        Raises
        ------
        LostError
            It has, or the file cannot be used any more.
        """
        version = self._ask(lambda connection: _pragma(connection, "schema_version"))
        if version != self._version:
            self._version = version
            raise LostError

    def write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Change something, all of it or nothing.

        Parameters
        ----------
        work : callable
            Gets the connection, within a transaction; it may be called again.

        Raises
        ------
        LostError
            The file cannot be used any more, or was too large.
        """

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                is_too_large = self.path is not None and _bytes_in_use(connection) > self._largest
                if is_too_large:
                    self._make_tables(connection)
                else:
                    work(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if is_too_large:
                raise LostError

        self._ask(write)

    def close(self) -> None:
        """Close the file; nothing can be asked any more."""
        self._connection.close()

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T:
        import sqlite3

        try:
            return question(self._connection)
        except sqlite3.Error as error:
            if self._give_up(error):
                raise LostError from error
        return question(self._connection)

    def _give_up(self, error: Exception) -> bool:
        """Make a new file in place of a broken one; where the disk or another process is the trouble, go on in memory.

        Returns
        -------
        bool
            Whether what was in the file is lost.
        """
        import sqlite3

        if self.path is not None and not _is_broken(error):
            with suppress(sqlite3.Error):
                copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
                self._connection.backup(copy)
                self._connection.close()
                self.path, self._connection = None, copy
                self._prepare(copy)
                return False
        self._connection.close()
        if self.path is not None and _is_broken(error) and _discard(self.path):
            with suppress(LostError):
                self._connection = self._connect(self.path)
                return True
        self.path = None
        self._connection = self._connect(None)
        return True

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
            if not _is_broken(error) or not _discard(path):
                self.path = None
            raise LostError from error
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for name, (count, function) in self._functions.items():
            connection.create_function(name, count, function, deterministic=True)
        if self.path is not None:
            # Whoever reads need not wait for whoever writes; and in this mode NORMAL outlives a power cut unbroken.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT}")
        if _pragma(connection, "user_version") == self._stamp:
            return
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") != self._stamp:
            self._make_tables(connection)
        connection.execute("COMMIT")

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        """Make empty tables in place of those that are there."""
        for table in _names(connection):
            connection.execute(f'DROP TABLE "{table}"')
        for table, columns in self._tables.items():
            connection.execute(f"CREATE TABLE {table} {columns}")
        for name, columns in self._indexes.items():
            connection.execute(f"CREATE INDEX {name} ON {columns}")
        connection.execute(f"PRAGMA user_version = {self._stamp}")


def _names(connection: sqlite3.Connection) -> list[str]:
    """Return the tables that are there, whoever made them."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name.replace('"', '""') for (name,) in found.fetchall()]


def _is_broken(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN


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

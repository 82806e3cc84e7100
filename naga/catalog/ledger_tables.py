"""The ledger as a store: receipts go into its tables, and come out of them again by their paths."""

# ruff: noqa: S608 - all that is put into the text of a question are names of ours

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from naga.catalog.conditions import Conditions
from naga.catalog.database import Database
from naga.catalog.ledger_rows import checksum_of, content_checksum, unpack
from naga.catalog.sightings import Sightings
from naga.catalog.tables import INDEXES, RUN_COLUMNS, STAMP, TABLES, WIDTHS, path_range

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from naga.catalog.ledger_rows import Read
    from naga.lock.receipt import Receipt

    _T = TypeVar("_T")

__all__ = ["LedgerTables"]

_VALUES = ", ".join(name for name, _ in RUN_COLUMNS[3:-1])
_INSERT = {
    table: f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * width)})" for table, width in WIDTHS.items()
}
_NUMBER_OF = {"runs": "number", "receipts": "run", "links": "run", "contents": "run"}
_DELETE = [f"DELETE FROM {table} WHERE {column} = ?" for table, column in _NUMBER_OF.items()]
_RECEIPTS = "SELECT path, key, content, receipts.checksum FROM receipts JOIN runs ON run = number"


class LedgerTables:
    """The tables, open until `close`.

    Parameters
    ----------
    path : Path or None
        The SQLite file; None for memory.
    largest : int, optional
        Bytes in use above which it starts anew.

    Attributes
    ----------
    sightings : Sightings
        The digests in it.
    """

    def __init__(self, path: Path | None, **options: int) -> None:
        self._conditions = Conditions()
        self._database = Database(path, TABLES, INDEXES, STAMP, self._conditions.functions, **options)
        self.sightings = Sightings(self._database)

    @property
    def place(self) -> Path | None:
        """The file; None once everything is in memory."""
        return self._database.path

    def at_one_moment(self, questions: Callable[[], _T]) -> _T:
        """Ask several questions of which the answers belong together, see `Database.at_one_moment`."""
        return self._database.at_one_moment(questions)

    def check(self) -> None:
        """Find out whether another process has emptied the tables, which is a LostError."""
        self._database.check()

    def close(self) -> None:
        """Close the file; nothing can be asked any more."""
        self._database.close()

    def keys(self, root: str) -> tuple[dict[str, bytes], dict[bytes, int], set[str]]:
        """Return what is known below a folder.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        known : dict
            Absolute path -> stat key, of the rows that are whole and can be trusted.
        unsettled : dict
            Stat key -> since when it has been there, of those that cannot be trusted yet.
        doubtful : set
            Absolute paths of all other rows.
        """
        known, open_since, doubtful = {}, {}, set()
        question = f"SELECT unsettled, checksum, path, key, {_VALUES} FROM runs WHERE path >= ? AND path < ?"
        for unsettled, checksum, *columns in self._database.rows(question, *path_range(root)):
            path, key, *_ = columns
            is_whole = checksum == checksum_of(*columns)
            if is_whole and unsettled == 0:
                known[os.fsdecode(path)] = key
                continue
            doubtful.add(os.fsdecode(path))
            if is_whole and isinstance(unsettled, int):
                open_since[key] = unsettled
        return known, open_since, doubtful

    def store(self, reads: Mapping[str, Read], gone: Iterable[str] = ()) -> None:
        """Take over receipts that were read, and forget those that are gone.

        Parameters
        ----------
        reads : mapping
            Absolute path -> what was read.
        gone : iterable of str
            Absolute paths.
        """
        places = [os.fsencode(path) for path in (*reads, *gone)]

        def write(connection: sqlite3.Connection) -> None:
            _delete(connection, places)
            (last,) = connection.execute("SELECT max(number) FROM runs").fetchone()
            tables = _numbered(reads, (last or 0) + 1)
            for table, rows in tables.items():
                connection.executemany(_INSERT[table], rows)

        if places:
            self._database.write(write)

    def receipt(self, path: str) -> Receipt | None:
        """Return the receipt at a path, without its lineage and environment.

        Parameters
        ----------
        path : str
            Absolute.

        Returns
        -------
        Receipt or None
            None when it is not known or cannot be read.
        """
        rows = self._database.rows(f"{_RECEIPTS} WHERE path = ?", os.fsencode(path))
        return _whole(*rows[0]) if rows else None

    def receipts(self, root: str) -> dict[str, Receipt]:
        """Return all receipts below a folder that are known and can be read, as `receipt` does.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        dict
            Absolute path -> receipt.
        """
        rows = self._database.rows(f"{_RECEIPTS} WHERE path >= ? AND path < ?", *path_range(root))
        found = ((os.fsdecode(row[0]), _whole(*row)) for row in rows)
        return {path: receipt for path, receipt in found if receipt is not None}


def _delete(connection: sqlite3.Connection, places: list[bytes]) -> None:
    numbers = []
    for place in places:
        numbers += connection.execute("SELECT number FROM runs WHERE path = ?", (place,)).fetchall()
    if numbers:
        for command in _DELETE:
            connection.executemany(command, numbers)


def _numbered(reads: Mapping[str, Read], first: int) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each table, with numbers from the first one on."""
    tables: dict[str, list[tuple[Any, ...]]] = {table: [] for table in WIDTHS}
    for number, (path, read) in enumerate(reads.items(), first):
        place, rows = os.fsencode(path), read.rows
        checksum = checksum_of(place, read.key, *rows.values)
        tables["runs"].append((number, place, read.key, read.unsettled, *rows.values, checksum))
        if rows.content is not None:
            tables["receipts"].append((number, rows.content, content_checksum(place, read.key, rows.content)))
        tables["links"] += [(number, *link) for link in rows.links]
        tables["contents"] += [(number, *content) for content in rows.contents]
    return tables


def _whole(place: bytes, key: bytes, content: bytes, checksum: bytes) -> Receipt | None:
    """Return the receipt of a row; None when the row is broken."""
    return unpack(content) if checksum == content_checksum(place, key, content) else None

"""The ledger: what the receipts below a folder say, in tables that are asked by the page.

Tables
------
runs
    Absolute path of a ``run.lock`` -> its stat key, since when that cannot be trusted yet (see
    `naga.lock.stat_index.Reading`), and the columns that people filter and sort by.
receipts
    Absolute path of a ``run.lock`` -> the receipt without its lineage and environment.
links
    Absolute path of a receipt -> name, identifier and digest of each of its prevs.
contents
    Absolute path of a receipt -> kind (data or output), name, digest and size of each file and tree that it names.
"""

# ruff: noqa: S608 - all that is put into the text of a question are names of ours

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import xxhash

from naga._version import __version__
from naga.catalog.database import Database, LostError
from naga.catalog.ledger_rows import Entry, Read, checksum_of, entry_of, rows_of, unpack, unpack_config
from naga.catalog.places import local_cache_folder
from naga.catalog.runs import Run
from naga.lock.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from naga.catalog.filters import Filter

__all__ = ["SORTS", "Entry", "Ledger", "LostError", "Read"]

_TABLES = {
    "runs": "path BLOB PRIMARY KEY, key BLOB, unsettled INTEGER, id TEXT, stage TEXT, status TEXT, started TEXT,"
    " finished TEXT, duration REAL, recipe TEXT, config BLOB, problem TEXT, checksum BLOB",
    "receipts": "path BLOB PRIMARY KEY, content BLOB",
    "links": "child BLOB, name TEXT, id TEXT, digest TEXT, PRIMARY KEY (child, name)",
    "contents": "path BLOB, kind TEXT, name TEXT, digest TEXT, size INTEGER, is_tree INTEGER,"
    " PRIMARY KEY (path, kind, name)",
}
_WIDTHS = {"runs": 13, "receipts": 2, "links": 4, "contents": 6}
_INDEXES = {
    "runs_by_id": "runs (id)",
    "runs_by_start": "runs (started, id, path)",
    "links_by_id": "links (id)",
    "contents_by_digest": "contents (digest)",
}
_NAMES = ("path", "id", "stage", "status", "started", "finished", "duration", "recipe", "config", "problem")
_COLUMNS = ", ".join(f"runs.{name}" for name in _NAMES)
_STAMP = xxhash.xxh32_intdigest(repr((_TABLES, _INDEXES, __version__, Receipt.__slots__)).encode()) >> 1
_ORDERS = {
    "started": "started {0}, id {0}, path {0}",
    "stage": "stage {0}, started DESC, id DESC, path DESC",
    "status": "status {0}, started DESC, id DESC, path DESC",
    "duration": "duration {0}, started DESC, id DESC, path DESC",
    "path": "path {0}",
    "id": "id {0}, path {0}",
}
SORTS: Final = tuple(_ORDERS)
"""The columns that runs can be sorted by."""


class Ledger:
    """The tables, open until `close`.

    Parameters
    ----------
    path : Path, optional
        The SQLite file; by default ``ledger.sqlite`` in the cache folder, or memory where that is on no local disk.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            folder = local_cache_folder()
            path = folder / "ledger.sqlite" if folder else None
        self._filters: Sequence[Filter] = ()
        self._states: Mapping[str, str] = {}
        functions: dict[str, tuple[int, Callable[..., Any]]] = {
            "fits": (2, self._is_fitting),
            "state_of": (1, self._state_of),
        }
        self._database = Database(path, _TABLES, _INDEXES, _STAMP, functions)

    @property
    def is_kept(self) -> bool:
        """Whether it is a file, and not only in memory."""
        return self._database.is_kept

    def close(self) -> None:
        """Close the file."""
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
        question = f"SELECT key, unsettled, checksum, {_COLUMNS} FROM runs WHERE path >= ? AND path < ?"
        for key, unsettled, checksum, path, *values in self._database.rows(question, *_range(root)):
            is_whole = checksum == checksum_of(path, key, *values)
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
        rows: dict[str, list[Any]] = {table: [] for table in _TABLES}
        places = []
        for path, read in reads.items():
            place = os.fsencode(path)
            places.append((place,))
            for table, row in rows_of(place, read):
                rows[table].append(row)
        places += [(os.fsencode(path),) for path in gone]
        self._database.write(
            *((f"DELETE FROM {table} WHERE {column} = ?", places) for table, column in _KEYS),
            *((f"INSERT OR REPLACE INTO {table} VALUES ({_MARKS[table]})", rows[table]) for table in _TABLES),
        )

    def page(
        self,
        root: str,
        filters: Sequence[Filter] = (),
        *,
        sort: str = "-started",
        offset: int = 0,
        limit: int = 100,
        states: Mapping[str, str] | None = None,
    ) -> tuple[int, list[Entry]]:
        """Return some of the runs below a folder.

        Parameters
        ----------
        root : str
            Absolute.
        filters : sequence of Filter
            All of which must fit.
        sort : str
            One of `SORTS`, with ``-`` before it for the other way round.
        offset, limit : int
            Which of the runs that fit.
        states : mapping, optional
            Absolute path -> state, for filters that ask for one.

        Returns
        -------
        total : int
            How many fit.
        entries : list of Entry
        """
        where, values = self._condition(root, filters, states)
        order = _ORDERS[sort.lstrip("-")].format("DESC" if sort.startswith("-") else "ASC")
        total = self._database.rows(f"SELECT count(*) FROM runs WHERE {where}", *values)[0][0]
        question = f"SELECT {_COLUMNS} FROM runs WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
        return total, [entry_of(row) for row in self._database.rows(question, *values, limit, offset)]

    def counts(
        self, root: str, column: str, filters: Sequence[Filter] = (), states: Mapping[str, str] | None = None
    ) -> dict[str | None, int]:
        """Count the runs below a folder by a column.

        Parameters
        ----------
        root : str
            Absolute.
        column : {"stage", "status"}
        filters, states
            As for `page`.

        Returns
        -------
        dict
            Value -> number, sorted by value.
        """
        where, values = self._condition(root, filters, states)
        question = f"SELECT {column}, count(*) FROM runs WHERE {where} GROUP BY {column} ORDER BY {column}"
        return dict(self._database.rows(question, *values))

    def at(self, path: str) -> Entry | None:
        """Return the run whose receipt lies at a path.

        Parameters
        ----------
        path : str
            Absolute.

        Returns
        -------
        Entry or None
        """
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM runs WHERE path = ?", os.fsencode(path))
        return entry_of(rows[0]) if rows else None

    def named(self, root: str, identifier: str) -> list[Entry]:
        """Return the receipts below a folder that are of one run.

        Parameters
        ----------
        root : str
            Absolute.
        identifier : str
            Of the run.

        Returns
        -------
        list of Entry
            Copies of one receipt are more than one; the shortest path comes first.
        """
        question = f"SELECT {_COLUMNS} FROM runs WHERE id = ? AND path >= ? AND path < ? ORDER BY length(path), path"
        return [entry_of(row) for row in self._database.rows(question, identifier, *_range(root))]

    def children(self, root: str, identifier: str) -> list[tuple[Entry, str]]:
        """Return the runs that read what another one left.

        Parameters
        ----------
        root : str
            Absolute.
        identifier : str
            Of the earlier run.

        Returns
        -------
        list of tuple
            Each with the name under which it has the earlier run as a prev; the oldest first.
        """
        question = (
            f"SELECT {_COLUMNS}, name FROM links JOIN runs ON child = path"
            " WHERE links.id = ? AND child >= ? AND child < ? ORDER BY started, runs.id, path"
        )
        return [(entry_of(row[:-1]), row[-1]) for row in self._database.rows(question, identifier, *_range(root))]

    def users(self, root: str, digest: str) -> list[tuple[Entry, str, str]]:
        """Return the runs that name a content.

        Parameters
        ----------
        root : str
            Absolute.
        digest : str
            Of a file or a tree.

        Returns
        -------
        list of tuple
            Entry, ``data`` or ``output``, and the name that it has there; the oldest first.
        """
        question = (
            f"SELECT {_COLUMNS}, kind, name FROM contents JOIN runs ON contents.path = runs.path"
            " WHERE digest = ? AND runs.path >= ? AND runs.path < ? ORDER BY started, id, runs.path, kind, name"
        )
        return [(entry_of(row[:-2]), row[-2], row[-1]) for row in self._database.rows(question, digest, *_range(root))]

    def paths(self, root: str) -> list[str]:
        """Return all receipts below a folder.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        list of str
            Absolute paths, sorted.
        """
        question = "SELECT path FROM runs WHERE path >= ? AND path < ? ORDER BY path"
        return [os.fsdecode(row[0]) for row in self._database.rows(question, *_range(root))]

    def trees(self, root: str) -> list[str]:
        """Return the digests of all trees that runs below a folder wrote or read.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        list of str
            Sorted.
        """
        question = "SELECT DISTINCT digest FROM contents WHERE path >= ? AND path < ? AND is_tree ORDER BY digest"
        return [row[0] for row in self._database.rows(question, *_range(root))]

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
        rows = self._database.rows("SELECT content FROM receipts WHERE path = ?", os.fsencode(path))
        return unpack(rows[0][0]) if rows else None

    def receipts(self, root: str) -> dict[str, Receipt | None]:
        """Return all receipts below a folder, as `receipt` does.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        dict
            Absolute path -> receipt, or None when it cannot be read.
        """
        question = "SELECT path, content FROM receipts WHERE path >= ? AND path < ?"
        rows = self._database.rows(question, *_range(root))
        return {os.fsdecode(path): unpack(content) for path, content in rows}

    def _condition(
        self, root: str, filters: Sequence[Filter], states: Mapping[str, str] | None
    ) -> tuple[str, list[Any]]:
        self._filters, self._states = filters, states or {}
        parts, values = ["path >= ? AND path < ?"], list[Any](_range(root))
        for number, each in enumerate(filters):
            if each.value is None:
                parts.append(f"fits(?, {each.column})")
                values.append(number)
            else:
                parts.append("state_of(path) = ?" if each.column == "state" else "status = ?")
                values.append(each.value)
        return " AND ".join(parts), values

    def _is_fitting(self, number: int, value: Any) -> bool:
        column = self._filters[number].column
        attributes: dict[str, Any] = {column: unpack_config(value) if column == "config" else value}
        return self._filters[number].fits(Run(path=_NOWHERE, **attributes))

    def _state_of(self, path: bytes) -> str | None:
        return self._states.get(os.fsdecode(path))


_KEYS = (("runs", "path"), ("receipts", "path"), ("links", "child"), ("contents", "path"))
_MARKS = {table: ", ".join("?" * count) for table, count in _WIDTHS.items()}
_NOWHERE = Path()


def _range(root: str) -> tuple[bytes, bytes]:
    """Return the first path below a folder, and the first one after it: a zero follows the slash."""
    start = os.fsencode(root.rstrip("/"))
    return start + b"/", start + b"0"

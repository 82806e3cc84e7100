"""The ledger: what the receipts below a folder say, asked by the page."""

# ruff: noqa: S608 - all that is put into the text of a question are names of ours

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from naga.catalog.database import LostError
from naga.catalog.ledger_rows import Entry, entry_of
from naga.catalog.ledger_tables import LedgerTables
from naga.catalog.tables import path_range
from naga.lock.plain_yaml import spelled_out

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from naga.catalog.filters import Filter

__all__ = ["SORTS", "Entry", "Ledger", "LostError"]

_NAMES = ("path", "id", "stage", "status", "started", "finished", "duration", "recipe", "config", "problem")
_COLUMNS = ", ".join(f"runs.{name}" for name in _NAMES)
_RANGE = "path >= ? AND path < ?"
_CHILDREN = "links JOIN runs ON run = number WHERE links.id = ? AND runs.id <> links.id"
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


class Ledger(LedgerTables):
    """The questions that the tables answer."""

    def page(
        self,
        root: str,
        filters: Sequence[Filter] = (),
        *,
        sort: str = "-started",
        offset: int = 0,
        limit: int | None = 100,
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
        offset : int
            How many of the runs that fit come before those.
        limit : int or None
            How many they are at most; None for all.
        states : mapping, optional
            Absolute path -> state, for filters that ask for one.

        Returns
        -------
        total : int
            How many fit.
        entries : list of Entry
        """
        where, values = self._conditions.below(root, filters, states)
        order = _ORDERS[sort.lstrip("-")].format("DESC" if sort.startswith("-") else "ASC")
        # All that fit are found once, to be counted, and only what is shown is fetched whole.
        numbers = [
            row[0] for row in self._database.rows(f"SELECT number FROM runs WHERE {where} ORDER BY {order}", *values)
        ]
        chosen = numbers[offset:] if limit is None else numbers[offset : offset + limit]
        return len(numbers), self._entries(chosen)

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
        where, values = self._conditions.below(root, filters, states)
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
        question = f"SELECT {_COLUMNS} FROM runs WHERE id = ? AND {_RANGE} ORDER BY length(path), path"
        return [entry_of(row) for row in self._database.rows(question, spelled_out(identifier), *path_range(root))]

    def beginning(self, root: str, start: str) -> list[tuple[str, str]]:
        """Return the readable receipts below a folder whose identifiers begin with some characters.

        Parameters
        ----------
        root : str
            Absolute.
        start : str
            In lower case; empty for all.

        Returns
        -------
        list of tuple
            Identifier and absolute path, the newest run first.
        """
        question = (
            f"SELECT id, path FROM runs WHERE id IS NOT NULL AND substr(lower(id), 1, ?) = ? AND {_RANGE}"
            " ORDER BY started DESC, id DESC, length(path), path"
        )
        rows = self._database.rows(question, len(start), start, *path_range(root))
        return [(identifier, os.fsdecode(path)) for identifier, path in rows]

    def children(
        self, root: str, identifier: str, *, offset: int = 0, limit: int | None = None
    ) -> list[tuple[Entry, str]]:
        """Return the runs that read what another one left.

        Parameters
        ----------
        root : str
            Absolute.
        identifier : str
            Of the earlier run.
        offset, limit : int
            Which of them; None for all from there on. Copies of one receipt are one run.

        Returns
        -------
        list of tuple
            Each with the name under which it has the earlier run as a prev; the oldest first.
        """
        question = (
            f"SELECT {_COLUMNS}, name, min(length(path)) FROM {_CHILDREN} AND {_RANGE} GROUP BY runs.id"
            " ORDER BY started, runs.id, path LIMIT ? OFFSET ?"
        )
        most = -1 if limit is None else limit
        rows = self._database.rows(question, spelled_out(identifier), *path_range(root), most, offset)
        return [(entry_of(row[:-2]), row[-2]) for row in rows]

    def count_children(self, root: str, identifier: str) -> int:
        """Count the runs that `children` returns.

        Parameters
        ----------
        root : str
            Absolute.
        identifier : str
            Of the earlier run.

        Returns
        -------
        int
        """
        question = f"SELECT count(DISTINCT runs.id) FROM {_CHILDREN} AND {_RANGE}"
        return int(self._database.rows(question, spelled_out(identifier), *path_range(root))[0][0])

    def users(self, root: str, digests: Sequence[str], kind: str, limit: int) -> tuple[int, list[Entry]]:
        """Return the runs that name one of some contents.

        Parameters
        ----------
        root : str
            Absolute.
        digests : sequence of str
            Of files and trees.
        kind : {"data", "output"}
            Whether the runs read or left it.
        limit : int
            How many runs to return at most.

        Returns
        -------
        total : int
            How many there are.
        entries : list of Entry
            The newest first.
        """
        question = (
            "SELECT number FROM runs WHERE number IN (SELECT run FROM contents WHERE kind = ? AND digest IN"
            f" (SELECT value FROM json_each(?))) AND {_RANGE} ORDER BY {_ORDERS['started'].format('DESC')}"
        )
        wanted = json.dumps([spelled_out(digest) for digest in digests])
        numbers = [row[0] for row in self._database.rows(question, kind, wanted, *path_range(root))]
        return len(numbers), self._entries(numbers[:limit])

    def writers(self, root: str, digest: str) -> list[str]:
        """Return the receipts below a folder that have a content among their outputs.

        Parameters
        ----------
        root : str
            Absolute.
        digest : str
            Of a file or a tree.

        Returns
        -------
        list of str
            Absolute paths, sorted.
        """
        question = (
            "SELECT DISTINCT path FROM contents JOIN runs ON run = number"
            f" WHERE digest = ? AND kind = 'output' AND {_RANGE} ORDER BY path"
        )
        return [os.fsdecode(row[0]) for row in self._database.rows(question, spelled_out(digest), *path_range(root))]

    def writers_around(self, root: str, path: str) -> list[str]:
        """Return the receipts below a folder that may have an output at a path, or a tree with the path in it.

        Parameters
        ----------
        root : str
            Absolute.
        path : str
            Absolute.

        Returns
        -------
        list of str
            Absolute paths, sorted: all receipts with an output whose path is the end of this one, or of a folder
            that this one is in.
        """
        question = (
            "SELECT DISTINCT path FROM contents JOIN runs ON run = number WHERE kind = 'output'"
            f" AND (place = '.' OR instr(?, '/' || ltrim(place, '/') || '/')) AND {_RANGE} ORDER BY path"
        )
        return [
            os.fsdecode(row[0]) for row in self._database.rows(question, f"{spelled_out(path)}/", *path_range(root))
        ]

    def may_have_written(self, root: str, size: int) -> bool:
        """Tell whether any run below a folder left a file of a size, or a tree.

        Parameters
        ----------
        root : str
            Absolute.
        size : int
            Bytes.

        Returns
        -------
        bool
        """
        question = (
            "SELECT 1 FROM contents JOIN runs ON run = number"
            f" WHERE kind = 'output' AND (is_tree OR size = ?) AND {_RANGE} LIMIT 1"
        )
        return bool(self._database.rows(question, size, *path_range(root)))

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
        question = f"SELECT path FROM runs WHERE {_RANGE} ORDER BY path"
        return [os.fsdecode(row[0]) for row in self._database.rows(question, *path_range(root))]

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
        question = (
            f"SELECT DISTINCT digest FROM contents JOIN runs ON run = number WHERE is_tree AND {_RANGE} ORDER BY digest"
        )
        return [row[0] for row in self._database.rows(question, *path_range(root))]

    def _entries(self, numbers: Sequence[int]) -> list[Entry]:
        """Return runs by their numbers, in that order."""
        found: dict[int, Any] = {}
        for start in range(0, len(numbers), _AT_ONCE):
            some = numbers[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._database.rows(f"SELECT number, {_COLUMNS} FROM runs WHERE number IN ({marks})", *some)
            found.update((number, entry_of(row)) for number, *row in rows)
        return [found[number] for number in numbers if number in found]


_AT_ONCE = 500
"""Numbers in one question; SQLite takes at least 999."""

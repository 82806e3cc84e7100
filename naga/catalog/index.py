"""The catalog: parsed receipts and digests of files in an SQLite file that can be deleted at any time.

It may only change speed, never an answer: a row counts when its checksum is right and the file that it is about has
the stat key that it had. Whenever the catalog cannot be used, the files are read instead.

Tables
------
files
    Absolute path of a ``run.lock`` -> its stat key, its receipt, and whether its lineage can be put together again
    from the next two tables.
receipts
    Digest -> the receipt without its lineage and environment; of ancestors too, each once.
edges
    Digest of a receipt -> digest of each of its prevs.
sightings
    Question of `naga.lock.world.World` (the absolute path of a file, or that of a tree and its patterns) -> key and
    digest.
unsettled
    Stat key of a file of which nothing can be stored yet -> when it was seen first, see
    `naga.lock.stat_index.Reading`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
import xxhash

from naga._version import __version__
from naga.lock.receipt import Receipt
from naga.lock.stat_index import cache_folder
from naga.lock.world import Sighting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Container, Iterator, Mapping
    from pathlib import Path

    from naga.lock.stat_index import Reading

    _T = TypeVar("_T")

__all__ = ["Catalog", "Filed"]

_TABLES = {
    "files": "path BLOB PRIMARY KEY, key BLOB, receipt INTEGER, closed BLOB, checksum BLOB",
    "receipts": "number INTEGER PRIMARY KEY, digest BLOB UNIQUE, id TEXT, content BLOB, checksum BLOB",
    "edges": "child BLOB, parent BLOB, PRIMARY KEY (child, parent)",
    "sightings": "path BLOB PRIMARY KEY, key BLOB, digest BLOB, checksum BLOB",
    "unsettled": "key BLOB PRIMARY KEY, first BLOB, checksum BLOB",
}
_FIND_FILES = """
SELECT path, key, digest, closed, files.checksum, content, receipts.checksum
FROM files JOIN receipts ON receipt = number WHERE path >= ? AND path < ?
"""
_STORE_FILE = """
REPLACE INTO files SELECT ?, ?, number, ?, ? FROM receipts WHERE digest = ?
"""
_STORE_RECEIPT = """
INSERT INTO receipts (digest, id, content, checksum) VALUES (?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET content = excluded.content, checksum = excluded.checksum
"""
_FIND_PATHS = "SELECT path FROM files WHERE path >= ? AND path < ?"
_FIND_SIGHTINGS = "SELECT path, key, digest, checksum FROM sightings WHERE path >= ? AND path < ?"
_FIND_ANCESTORS = """
WITH RECURSIVE above (digest) AS (
    SELECT parent FROM edges WHERE child = ?
    UNION SELECT parent FROM edges JOIN above ON child = above.digest
)
SELECT above.digest, content, checksum FROM above LEFT JOIN receipts USING (digest)
"""
_FORMAT = 1
_STAMP = xxhash.xxh32_intdigest(repr((_FORMAT, __version__, Receipt.__slots__)).encode()) >> 1
"""Names the version that wrote the catalog; another one may understand receipts otherwise."""
_LARGEST: Final = 2**30
"""Bytes in use above which the catalog starts anew."""
_PATIENCE: Final = 1.0
"""Seconds to wait for another process that writes the catalog; after that the receipts are read."""
_BROKEN = frozenset({1, 11, 17, 20, 24, 26})
"""SQLITE_ERROR (another schema), CORRUPT, SCHEMA, MISMATCH, FORMAT and NOTADB, see sqlite.org/rescode.html."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Receipt).decode


class Filed(NamedTuple):
    """What the catalog knows of a file ``run.lock``.

    Attributes
    ----------
    key : bytes
        Its stat key.
    digest : str
        What `naga.lock.receipt.receipt_digest` says of it.
    is_closed : bool
        Whether `Catalog.ancestors` has its whole lineage.
    receipt : Receipt
        Without lineage and environment.
    """

    key: bytes
    digest: str
    is_closed: bool
    receipt: Receipt


class Catalog:
    """The catalog, open for the length of a ``with`` block.

    Parameters
    ----------
    path : Path, optional
        The SQLite file; ``catalog.sqlite`` in the cache folder when it is not given.
    largest : int, optional
        Bytes in use above which the catalog starts anew.
    """

    def __init__(self, path: Path | None = None, *, largest: int = _LARGEST) -> None:
        self.path = path or cache_folder() / "catalog.sqlite"
        self._largest = largest
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Catalog:
        if not self._open():
            self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def files(self, root: str, keys: Mapping[str, bytes]) -> dict[str, Filed]:
        """Find the receipts below a folder that have not changed.

        Parameters
        ----------
        root : str
            Absolute.
        keys : mapping
            Absolute path -> stat key as it is now.

        Returns
        -------
        dict
            Absolute path -> what is known.
        """
        found = {}
        for path, key, digest, closed, checksum, content, content_checksum in self._rows(_FIND_FILES, *_range(root)):
            if checksum is None or checksum != _checksum(path, key, digest, closed):
                continue
            name = os.fsdecode(path)
            if keys.get(name) == key:
                receipt = _unpack(digest, content, content_checksum)
                if receipt is not None:
                    found[name] = Filed(key, digest.decode(), closed == b"1", receipt)
        return found

    def ancestors(self, digest: str) -> dict[str, Receipt] | None:
        """Find the lineage of a receipt.

        Parameters
        ----------
        digest : str
            Of a receipt that is closed.

        Returns
        -------
        dict or None
            Identifier -> receipt as in `Filed`; None when one of them is not known any more.
        """
        found = {}
        for parent, content, checksum in self._rows(_FIND_ANCESTORS, digest.encode()):
            receipt = _unpack(parent, content, checksum)
            if receipt is None:
                return None
            found[receipt.id] = receipt
        return found or None

    def store(self, files: Mapping[str, Filed], lineages: Mapping[str, Mapping[str, Receipt]]) -> None:
        """Put receipts into the catalog; without an effect when it cannot be written.

        Parameters
        ----------
        files : mapping
            Absolute path -> what to know of it.
        lineages : mapping
            Digest -> lineage of those that are closed.
        """
        receipts: dict[str, Receipt] = {}
        for filed in files.values():
            receipts[filed.digest] = filed.receipt
            for holder in (filed.receipt, *lineages.get(filed.digest, {}).values()):
                for entry in holder.prevs.values() if filed.is_closed else ():
                    receipts.setdefault(entry.digest, lineages[filed.digest][entry.id])
        edges = [
            (digest.encode(), entry.digest.encode())
            for digest, receipt in receipts.items()
            for entry in receipt.prevs.values()
        ]
        rows = [row for digest, receipt in receipts.items() for row in _packed(digest, receipt)]
        self._write(
            (_STORE_RECEIPT, rows),
            ("INSERT OR IGNORE INTO edges VALUES (?, ?)", edges),
            (_STORE_FILE, [_file_row(path, filed) for path, filed in files.items()]),
        )

    def forget_others(self, root: str, paths: Container[str]) -> None:
        """Take out the receipts below a folder that are not there any more.

        Parameters
        ----------
        root : str
            Absolute.
        paths : container of str
            Those that are there.
        """
        gone = [row for row in self._rows(_FIND_PATHS, *_range(root)) if os.fsdecode(row[0]) not in paths]
        self._write(("DELETE FROM files WHERE path = ?", gone))

    def unsettled(self, reading: Reading, keys: list[bytes]) -> dict[bytes, int]:
        """Find the files of which nothing must be stored yet, and remember that they were seen.

        Parameters
        ----------
        reading : Reading
            Begun before the files were read.
        keys : list of bytes
            Their stat keys.

        Returns
        -------
        dict
            Stat key -> when it was seen first, ns since 1970, UTC.
        """
        earlier = {
            key: int.from_bytes(first)
            for key, first, checksum in self._rows("SELECT key, first, checksum FROM unsettled")
            if checksum is not None and checksum == _checksum(key, first)
        }
        found = reading.unsettled(keys, earlier)
        rows = [(key, first.to_bytes(8)) for key, first in found.items() if key not in earlier]
        self._write(
            ("DELETE FROM unsettled WHERE key = ?", [(key,) for key in keys if key in earlier and key not in found]),
            ("REPLACE INTO unsettled VALUES (?, ?, ?)", [(*row, _checksum(*row)) for row in rows]),
        )
        return found

    def sightings(self, root: str) -> dict[str, Sighting]:
        """Find the digests of files and trees below a folder, as far as they were settled.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        dict
            Question -> sighting.
        """
        return {
            os.fsdecode(path): Sighting(key, digest.decode())
            for path, key, digest, checksum in self._rows(_FIND_SIGHTINGS, *_range(root))
            if checksum is not None and checksum == _checksum(path, key, digest)
        }

    def store_sightings(self, sightings: Mapping[str, Sighting]) -> None:
        """Put digests of files and trees into the catalog; without an effect when it cannot be written.

        Parameters
        ----------
        sightings : mapping
            Question -> sighting, of settled files only.
        """
        rows = []
        for name, sighting in sightings.items():
            row = os.fsencode(name), sighting.key, sighting.digest.encode()
            rows.append((*row, _checksum(*row)))
        self._write(("REPLACE INTO sightings VALUES (?, ?, ?, ?)", rows))

    def _open(self) -> bool:
        """Connect, and make the tables where they are not there or another version made them."""
        import sqlite3

        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        except (OSError, sqlite3.Error):
            return True
        return self._ask(_prepare) is not None

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, question: str, *values: bytes) -> list[Any]:
        return self._ask(lambda connection: connection.execute(question, values).fetchall()) or []

    def _write(self, *commands: tuple[str, list[Any]]) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            for command, rows in commands:
                connection.executemany(command, rows)
            if _bytes_in_use(connection) > self._largest:
                for table in _TABLES:
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            connection.execute("COMMIT")

        if any(rows for _, rows in commands):
            self._ask(write)

    def _ask(self, question: Callable[[sqlite3.Connection], _T]) -> _T | None:
        import sqlite3

        if self._connection is None:
            return None
        try:
            return question(self._connection)
        except (sqlite3.Error, OverflowError) as error:
            self._close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BROKEN:
                self._discard()
            return None

    def _discard(self) -> None:
        # The journal goes too: SQLite would play it back into the next catalog.
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
            self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)


def _prepare(connection: sqlite3.Connection) -> bool:
    connection.execute("PRAGMA synchronous = OFF")
    if _pragma(connection, "user_version") != _STAMP:
        connection.execute("BEGIN IMMEDIATE")
        if _pragma(connection, "user_version") != _STAMP:
            for table, columns in _TABLES.items():
                connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute(f"CREATE TABLE {table} ({columns})")
            connection.execute(f"PRAGMA user_version = {_STAMP}")
        connection.execute("COMMIT")
    return True


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _bytes_in_use(connection: sqlite3.Connection) -> int:
    pages = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    return pages * _pragma(connection, "page_size")


def _range(root: str) -> tuple[bytes, bytes]:
    """Return the first path below a folder, and the first one after it: a zero follows the slash."""
    start = os.fsencode(root.rstrip("/"))
    return start + b"/", start + b"0"


def _file_row(path: str, filed: Filed) -> tuple[Any, ...]:
    place, digest, closed = os.fsencode(path), filed.digest.encode(), b"%d" % filed.is_closed
    return place, filed.key, closed, _checksum(place, filed.key, digest, closed), digest


def _packed(digest: str, receipt: Receipt) -> Iterator[tuple[Any, ...]]:
    """Yield the row of a receipt; none for one that holds what cannot be packed, such as an integer of 70 bits."""
    with suppress(UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        content = _encode(receipt)
        yield digest.encode(), receipt.id, content, _checksum(digest.encode(), content)


def _unpack(digest: bytes, content: Any, checksum: Any) -> Receipt | None:
    if checksum is None or checksum != _checksum(digest, content):
        return None
    try:
        return _decode(content)
    except msgspec.DecodeError:
        return None


def _checksum(*parts: bytes) -> bytes | None:
    """Compute what a row must end with; None, which is never stored, when a part is of another type."""
    try:
        return xxhash.xxh3_64_digest(b"\n".join(parts))
    except TypeError:
        return None

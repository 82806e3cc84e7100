"""The tables of the ledger.

runs
    Number and absolute path of each ``run.lock`` -> its stat key, since when that cannot be trusted yet (see
    `naga.lock.stat_index.Reading`), and the columns that people filter and sort by.
receipts
    Number of the run -> the receipt without its lineage and environment.
links
    Number of the run -> name, identifier and digest of each of its prevs.
contents
    Number of the run -> kind (data or output), name, path, digest and size of each file and tree that it read or left.
sightings
    Question of `naga.lock.world.World` (the absolute path of a file, or that of a tree and its patterns) -> key and
    digest.
unsettled
    Stat key of a file of which no sighting can be stored yet -> when it was seen first.
"""

from __future__ import annotations

import os
from typing import Final

import xxhash

from naga._version import __version__
from naga.lock.receipt import Receipt

__all__ = ["INDEXES", "RUN_COLUMNS", "STAMP", "TABLES", "WIDTHS", "path_range"]

RUN_COLUMNS: Final = (
    ("path", "BLOB NOT NULL UNIQUE"),
    ("key", "BLOB"),
    ("unsettled", "INTEGER"),
    ("id", "TEXT"),
    ("stage", "TEXT"),
    ("status", "TEXT"),
    ("started", "TEXT"),
    ("moment", "REAL"),
    ("finished", "TEXT"),
    ("duration", "REAL"),
    ("recipe", "TEXT"),
    ("config", "BLOB"),
    ("problem", "TEXT"),
    ("checksum", "BLOB"),
)
"""The columns of a run after its number, in order."""
TABLES: Final = {
    "runs": f"(number INTEGER PRIMARY KEY, {', '.join(f'{name} {kind}' for name, kind in RUN_COLUMNS)})",
    "receipts": "(run INTEGER PRIMARY KEY, content BLOB, checksum BLOB)",
    "links": "(run INTEGER, name TEXT, id TEXT, digest TEXT, PRIMARY KEY (run, name)) WITHOUT ROWID",
    "contents": "(run INTEGER, kind TEXT, name TEXT, place TEXT, digest TEXT, size INTEGER, is_tree INTEGER,"
    " PRIMARY KEY (run, kind, name)) WITHOUT ROWID",
    "sightings": "(place BLOB PRIMARY KEY, key BLOB, digest TEXT, checksum BLOB) WITHOUT ROWID",
    "unsettled": "(key BLOB PRIMARY KEY, first INTEGER, checksum BLOB) WITHOUT ROWID",
}
WIDTHS: Final = {"runs": len(RUN_COLUMNS) + 1, "receipts": 3, "links": 4, "contents": 7}
"""How many columns the tables of what receipts say have."""
INDEXES: Final = {
    "runs_by_id": "runs (id)",
    "runs_by_stage": "runs (stage)",
    "links_by_id": "links (id)",
    "contents_by_digest": "contents (digest)",
    "trees_by_digest": "contents (digest) WHERE is_tree",
}
STAMP: Final = xxhash.xxh32_intdigest(repr((TABLES, INDEXES, __version__, Receipt.__slots__)).encode()) >> 1
"""Names the version that wrote the tables; another one may understand receipts otherwise."""


def path_range(root: str) -> tuple[bytes, bytes]:
    """Return what all paths below a folder lie between.

    Parameters
    ----------
    root : str
        Absolute.

    Returns
    -------
    tuple of bytes
        The first path below it, and the first one after it: a zero follows the slash.
    """
    start = os.fsencode(root.rstrip("/"))
    return start + b"/", start + b"0"

"""Digests of files and trees that receipts speak of, as long as what they are of has the same stat keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from naga.catalog.ledger_rows import checksum_of
from naga.catalog.tables import path_range
from naga.lock.world import Sighting

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from naga.catalog.database import Database
    from naga.lock.stat_index import Reading

__all__ = ["LateSightings", "Sightings"]

_COLUMNS = "SELECT place, key, digest, checksum FROM sightings"


class Sightings:
    """The digests in the ledger.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def below(self, root: str) -> dict[str, Sighting]:
        """Return the digests of all files and trees below a folder.

        Parameters
        ----------
        root : str
            Absolute.

        Returns
        -------
        dict
            Question -> sighting.
        """
        rows = self._database.rows(f"{_COLUMNS} WHERE place >= ? AND place < ?", *path_range(root))
        return {
            os.fsdecode(place): Sighting(key, digest)
            for place, key, digest, checksum in rows
            if checksum == checksum_of(place, key, digest)
        }

    def find(self, question: str) -> Sighting | None:
        """Return one digest.

        Parameters
        ----------
        question : str

        Returns
        -------
        Sighting or None
        """
        for place, key, digest, checksum in self._database.rows(f"{_COLUMNS} WHERE place = ?", os.fsencode(question)):
            if checksum == checksum_of(place, key, digest):
                return Sighting(key, digest)
        return None

    def store(self, reading: Reading, seen: Mapping[str, Sighting]) -> dict[str, Sighting]:
        """Take over digests, as far as what they are of is settled, and remember since when the rest has been there.

        Parameters
        ----------
        reading : Reading
            Begun before the files were read.
        seen : mapping
            Question -> sighting.

        Returns
        -------
        dict
            Those that were settled.
        """
        keys = [key for sighting in seen.values() for key in sighting.stat_keys]
        earlier = self._unsettled()
        unsettled = reading.unsettled(keys, earlier)
        settled = {name: each for name, each in seen.items() if unsettled.keys().isdisjoint(each.stat_keys)}
        rows = [(os.fsencode(name), each.key, each.digest) for name, each in settled.items()]
        waiting = [(key, first) for key, first in unsettled.items() if key not in earlier]
        done = [(key,) for key in keys if key in earlier and key not in unsettled]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM unsettled WHERE key = ?", done)
            connection.executemany(
                "INSERT OR REPLACE INTO unsettled VALUES (?, ?, ?)", [(*row, checksum_of(*row)) for row in waiting]
            )
            connection.executemany(
                "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?)", [(*row, checksum_of(*row)) for row in rows]
            )

        if rows or waiting or done:
            self._database.write(write)
        return settled

    def forget(self, root: str) -> None:
        """Forget the digests of all files and trees below a folder.

        Parameters
        ----------
        root : str
            Absolute.
        """
        bounds = path_range(root)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM sightings WHERE place >= ? AND place < ?", bounds)

        self._database.write(write)

    def _unsettled(self) -> dict[bytes, int]:
        rows = self._database.rows("SELECT key, first, checksum FROM unsettled")
        return {key: first for key, first, checksum in rows if checksum == checksum_of(key, first)}


class LateSightings:
    """Digests that are looked up when somebody asks for them, each once.

    Parameters
    ----------
    find : callable
        Gets a question of `naga.lock.world.World`, and returns a `Sighting` or None.
    """

    def __init__(self, find: Callable[[str], Sighting | None]) -> None:
        self._find = find
        self._known: dict[str, Sighting | None] = {}

    def get(self, question: str) -> Sighting | None:
        """Return what is known.

        Parameters
        ----------
        question : str

        Returns
        -------
        Sighting or None
        """
        if question not in self._known:
            self._known[question] = self._find(question)
        return self._known[question]

    def update(self, sightings: Mapping[str, Sighting]) -> None:
        """Take over digests, so that they need not be looked up.

        Parameters
        ----------
        sightings : mapping
            Question -> sighting.
        """
        self._known.update(sightings)

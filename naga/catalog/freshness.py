"""Keeping what the ledger says of one folder as fresh as the folder is."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import xxhash

from naga.catalog.reading import read_receipts
from naga.catalog.scan import SKIPPED, scan_receipts
from naga.lock.collection import collector_paused
from naga.lock.folder_reading import KEY
from naga.lock.project import MARKS
from naga.lock.receipt import RECEIPT_NAME
from naga.lock.stat_index import stat_key

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from naga.catalog.ledger import Ledger
    from naga.catalog.ledger_rows import Read
    from naga.errors import NagaError

__all__ = ["Freshness"]

_BATCH = 2500
"""Receipts that are written into the ledger at a time."""
_FIRST_BATCH = 150
"""Those that are written first: whoever looks on sees a page of them soon. Each batch is twice the one before."""
_MTIME = 3
"""The place of the time of modification in a stat key."""


class Freshness:
    """Knows which receipts lie below a folder, and has the ledger know them too.

    It trusts no row whose file has another stat key than it had when the row was made. One thread may refresh at a
    time; others may ask the ledger meanwhile, and say what changed.

    Parameters
    ----------
    root : Path
        Absolute.
    ledger : Ledger
    lock : RLock
        Is held whenever the ledger is asked or written.
    progress : bool
        Whether to show a bar on standard error when reading takes longer than a second.

    Attributes
    ----------
    keys : dict
        Absolute path -> stat key, of the receipts that the ledger knows.
    unlisted : dict
        Absolute path of a folder that cannot be listed -> why.
    projects : set of str
        Absolute paths of the folders that are roots of projects.
    mark : int
        What changes whenever a receipt does, is added or goes.
    """

    def __init__(self, root: Path, ledger: Ledger, lock: threading.RLock, *, progress: bool) -> None:
        self.keys: dict[str, bytes] = {}
        self.unlisted: dict[str, NagaError] = {}
        self.projects: set[str] = set()
        self.mark = 0
        self._root = root
        self._ledger = ledger
        self._lock = lock
        self._progress = progress
        self._unsettled: dict[bytes, int] = {}
        self._touched: set[str] = set()
        self._looked = 0.0
        self._must_look = True
        self._knows_rows = False
        self._is_trusting = True

    def touch(self, paths: Iterable[str]) -> None:
        """Say that something changed: absolute paths of receipts, of folders, or of whatever runs read or leave."""
        self._touched.update(paths)

    def look_again(self) -> None:
        """Look through all folders at the next refreshing."""
        self._must_look = True

    def read_again(self) -> None:
        """Read all receipts at the next refreshing, whatever the ledger has."""
        self._is_trusting = self._knows_rows = False
        self._must_look = True

    def forget(self) -> None:
        """Take note that the ledger was lost."""
        self.keys, self._unsettled, self.mark = {}, {}, 0
        self._must_look, self._knows_rows = True, False

    def is_known(self, path: str) -> bool:
        """Tell whether the ledger knows the receipt at an absolute path as it is on the disk now."""
        try:
            return self.keys.get(path) == stat_key(os.stat(path))  # noqa: PTH116 - a path given as text
        except OSError:
            return False

    def refresh(self, max_age: float) -> None:
        """Bring the ledger up to date.

        Parameters
        ----------
        max_age : float
            Seconds for which the list of receipts is taken for true, but for what was touched.

        Raises
        ------
        NotFoundError
            There is no such folder.
        LostError
            The ledger was lost.
        """
        is_old = self._must_look or time.monotonic() >= self._looked + max_age
        # What is said from here on may have happened too late to be seen now.
        with self._lock:
            self._must_look = False
            touched, self._touched = self._touched, set()
        try:
            if is_old:
                self._look_through()
                self._looked = time.monotonic()
            elif touched:
                self._look_at(touched)
        except BaseException:
            self._must_look = True
            raise

    def _look_through(self) -> None:
        scan = scan_receipts(self._root)
        doubtful = set() if self._knows_rows else self._take_rows()
        self._take(scan.found, (self.keys.keys() | doubtful) - scan.found.keys())
        self.unlisted, self.projects = scan.unlisted, scan.projects

    def _take_rows(self) -> set[str]:
        """Take over what the ledger has, and return the paths of those rows that cannot be trusted."""
        with self._lock:
            self._knows_rows = True
            self.keys, self._unsettled, doubtful = self._ledger.keys(str(self._root))
            if not self._is_trusting:
                doubtful |= self.keys.keys()
                self.keys = {}
            self._is_trusting = True
            self.mark = 0
            for path, key in self.keys.items():
                self.mark ^= _fingerprint(path, key)
            return doubtful

    def _look_at(self, paths: set[str]) -> None:
        """Look at what is said to have changed: receipts, and folders that may hold some or held some."""
        found: dict[str, bytes] = {}
        gone: set[str] = set()
        folders_gone: set[str] = set()
        for path in filter(self._is_reached, paths):
            if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - paths given as text
                scan = scan_receipts(self._root.__class__(path))
                found.update(scan.found)
                self.projects |= scan.projects
            elif path.endswith(f"/{RECEIPT_NAME}"):
                try:
                    found[path] = stat_key(os.stat(path))  # noqa: PTH116 - as above
                except OSError:
                    gone.add(path)
            if not os.path.lexists(path):
                folders_gone.add(path)
        if folders_gone:
            gone.update(name for name in self.keys if not folders_gone.isdisjoint(_folders_of(name)))
        self._look_for_projects({folder for path in (*paths, *found) for folder in _folders_of(path)})
        self._take(found, gone)

    def _look_for_projects(self, folders: set[str]) -> None:
        """Look which of some folders, as far as they are in the root, are roots of projects now."""
        for folder in folders:
            if f"{folder}/".startswith(f"{str(self._root).rstrip('/')}/"):
                is_project = any(os.path.lexists(f"{folder}/{mark}") for mark in MARKS)
                (self.projects.add if is_project else self.projects.discard)(folder)

    def _is_reached(self, path: str) -> bool:
        """Tell whether looking through all folders could come to a path: not through links, not in what is skipped."""
        inner = os.path.relpath(path, self._root).split("/")
        if ".." in inner or not SKIPPED.isdisjoint(inner):
            return False
        return os.path.realpath(os.path.dirname(path)) == os.path.join(os.path.realpath(self._root), *inner[:-1])  # noqa: PTH118, PTH120

    def _take(self, found: Mapping[str, bytes], gone: set[str]) -> None:
        """Read the receipts that are new or have changed, and forget those that are gone."""
        again = {path for path, key in self.keys.items() if key in self._unsettled} if self._unsettled else set()
        new = {path: key for path, key in found.items() if self.keys.get(path) != key or path in again}
        missing = gone | new.keys()
        batch: dict[str, Read] = {}
        size = _FIRST_BATCH
        with collector_paused():
            for path, read in read_receipts(_newest_first(new), self._unsettled, progress=self._progress):
                batch[path] = read
                missing.discard(path)
                if len(batch) >= size:
                    self._store(batch, ())
                    batch, size = {}, min(2 * size, _BATCH)
            self._store(batch, missing)

    def _store(self, batch: Mapping[str, Read], gone: Iterable[str]) -> None:
        with self._lock:
            self._ledger.store(batch, gone)
            for path in (*batch, *gone):
                key = self.keys.pop(path, None)
                if key is not None:
                    self.mark ^= _fingerprint(path, key)
                    self._unsettled.pop(key, None)
            for path, read in batch.items():
                self.keys[path] = read.key
                self.mark ^= _fingerprint(path, read.key)
                if read.unsettled:
                    self._unsettled[read.key] = read.unsettled


def _newest_first(keys: Mapping[str, bytes]) -> dict[str, bytes]:
    return dict(sorted(keys.items(), key=lambda item: KEY.unpack(item[1])[_MTIME], reverse=True))


def _folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path is in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _fingerprint(path: str, key: bytes) -> int:
    """Return what a receipt adds to the mark of the whole."""
    return xxhash.xxh3_64_intdigest(os.fsencode(path) + b"\0" + key)

"""The librarian: keeps the ledger of one folder fresh, and tells what has become of the runs in it."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

import xxhash

from naga.catalog.index import Catalog
from naga.catalog.ledger import Ledger, LostError
from naga.catalog.reading import read_receipts
from naga.catalog.scan import scan_receipts
from naga.catalog.shelf import LateLineage, paused_collector
from naga.errors import NagaError
from naga.lock.project import absolute_path, find_project
from naga.lock.receipt import RECEIPT_NAME, Receipt
from naga.lock.staleness import Examiner, Verdict
from naga.lock.stat_index import stat_key
from naga.lock.world import Sighting, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    _T = TypeVar("_T")

__all__ = ["Librarian"]

_BATCH = 1000
"""Receipts that are written into the ledger at a time."""
_STATES_AGE = 10.0
"""Seconds for which the states of all runs are taken for true, while nothing is said to have changed."""


class Librarian:
    """Knows the runs below one folder; may be kept for long, and asked by several threads.

    Parameters
    ----------
    root : path
        The folder; links to folders below it are not followed.
    max_age : float, optional
        Seconds for which the list of receipts is taken for true; 0 looks through all folders for every question.
        Whoever watches the folder, and calls `touch`, may set it to infinity.
    progress : bool, optional
        Whether to show a bar on standard error when reading takes longer than a second.

    Attributes
    ----------
    root : Path
        Absolute.
    unlisted : dict
        Absolute path of a folder that cannot be listed -> why.
    judged : float or None
        When the states of all runs were worked out last, seconds since 1970, UTC.
    """

    def __init__(self, root: str | os.PathLike[str], *, max_age: float = 0.0, progress: bool = False) -> None:
        self.root: Path = absolute_path(root)
        self.max_age = max_age
        self.unlisted: dict[str, NagaError] = {}
        self.judged: float | None = None
        self._progress = progress
        self._lock = threading.RLock()
        self._judging = threading.Lock()
        self._ledger = Ledger()
        self._keys: dict[str, bytes] = {}
        self._unsettled: dict[bytes, int] = {}
        self._touched: set[str] = set()
        self._looked: float | None = None
        self._fingerprint = 0
        self._states: dict[str, str] = {}
        self._states_of: tuple[int, float] | None = None
        self._sightings: dict[str, Sighting] | None = None

    def close(self) -> None:
        """Close the ledger; nothing can be asked any more."""
        with self._lock:
            self._ledger.close()

    @property
    def version(self) -> str:
        """What changes whenever a receipt below the folder does, is added or goes."""
        return f"{self._fingerprint:016x}"

    def ask(self, question: Callable[[Ledger], _T]) -> _T:
        """Ask the ledger, after it has been brought up to date.

        Parameters
        ----------
        question : callable
            Gets the `Ledger`; called again when that was lost.

        Returns
        -------
        object
            The answer.

        Raises
        ------
        NotFoundError
            There is no such folder.
        """
        with self._lock:
            # A file that is lost is replaced by a new one, and if that is lost too, by memory, which is not.
            for _ in range(3):
                try:
                    self._refresh()
                    return question(self._ledger)
                except LostError:
                    self._keys, self._looked, self._fingerprint = {}, None, 0
            raise NagaError("the catalog cannot be used", hint="delete the cache folder", path=self.root)

    def touch(self, paths: Iterable[str]) -> None:
        """Say that something changed.

        Parameters
        ----------
        paths : iterable of str
            Absolute paths of receipts, of folders that came or went, or of anything that runs read or leave.
        """
        with self._lock:
            self._touched.update(paths)
            self._states_of = None

    def look_again(self) -> None:
        """Look through all folders before the next question."""
        with self._lock:
            self._looked = self._states_of = None

    def rebuild(self) -> None:
        """Throw away what the ledger has of this folder, and read all receipts again."""
        with self._lock:
            self.ask(lambda ledger: ledger.forget(str(self.root)))
            self._keys, self._looked, self._fingerprint = {}, None, 0
            self.ask(lambda _: None)

    def world(self) -> World:
        """Return the world as it is now, with what is known of it.

        Returns
        -------
        World
        """
        with self._lock:
            if self._sightings is None:
                with Catalog() as catalog:
                    self._sightings = catalog.sightings(str(find_project(self.root)))
            return _World(self, self._sightings)

    def learn(self, world: World) -> None:
        """Remember what a world has seen.

        Parameters
        ----------
        world : World
            One that `world` returned.
        """
        learned = world.learned()
        if learned is None:
            return
        reading, seen = learned
        with Catalog() as catalog:
            unsettled = catalog.unsettled(reading, [key for each in seen.values() for key in each.stat_keys])
            settled = {name: each for name, each in seen.items() if unsettled.keys().isdisjoint(each.stat_keys)}
            catalog.store_sightings(settled)
        with self._lock:
            self._sightings = {**(self._sightings or {}), **settled}

    def receipt(self, path: str) -> Receipt | NagaError | None:
        """Return the receipt at a path, without its environment, its lineage read when somebody looks into it.

        Parameters
        ----------
        path : str
            Absolute.

        Returns
        -------
        Receipt, NagaError or None
            None when there is none.
        """
        with self._lock:
            found = self._ledger.receipt(path) if path in self._keys else None
        if found is None:
            return World().receipt(path)
        return _with_lineage(path, found)

    def judge(self, paths: Iterable[str]) -> dict[str, Verdict]:
        """Tell what has become of some runs.

        Parameters
        ----------
        paths : iterable of str
            Absolute paths of receipts.

        Returns
        -------
        dict
            Path -> verdict.
        """
        world = self.world()
        examiner = Examiner(world)
        verdicts = {}
        for path in paths:
            receipt = world.receipt(path)
            verdicts[path] = Verdict("missing") if receipt is None else examiner.verdict(path, receipt)
        self.learn(world)
        return verdicts

    def states(self, *, cancelled: Callable[[], bool] | None = None) -> dict[str, str]:
        """Tell what has become of all runs.

        Parameters
        ----------
        cancelled : callable, optional
            Whether nobody wants to know any more.

        Returns
        -------
        dict
            Absolute path -> state. It is worked out anew when a receipt has changed, when something was touched, and
            after ten seconds.
        """
        with self._judging:
            self.ask(lambda _: None)
            with self._lock:
                mark = self._fingerprint
                is_fresh = self._states_of is not None and self._states_of[0] == mark
                if is_fresh and self._states_of is not None and time.monotonic() < self._states_of[1] + _STATES_AGE:
                    return self._states
                began, moment = time.monotonic(), time.time()
                self._states_of = (mark, began)
            with paused_collector():
                states = self._judge_all(cancelled)
            with self._lock:
                self._states, self.judged = states, moment
            return states

    def states_known(self) -> dict[str, int] | None:
        """Count the states as they were when all runs were looked at last.

        Returns
        -------
        dict or None
            State -> number, sorted; None when nobody has asked for them yet, or receipts have come or gone since.
        """
        with self._lock:
            if self._states.keys() != self._keys.keys():
                return None
            counts: dict[str, int] = {}
            for state in sorted(self._states.values()):
                counts[state] = counts.get(state, 0) + 1
            return counts

    def _judge_all(self, cancelled: Callable[[], bool] | None) -> dict[str, str]:
        world = self.world()
        receipts = self.ask(lambda ledger: ledger.receipts(str(self.root)))
        paths = self.ask(lambda _: list(self._keys))
        world.remember({path: _with_lineage(path, receipt) for path, receipt in receipts.items() if receipt})
        examiner = Examiner(world)
        states: dict[str, str] = {}
        for path in paths:
            if cancelled is not None and cancelled():
                break
            found = world.receipt(path)
            states[path] = "missing" if found is None else examiner.verdict(path, found).state
        self.learn(world)
        return states

    def _refresh(self) -> None:
        now = time.monotonic()
        if self._looked is None or now >= self._looked + self.max_age:
            scan = scan_receipts(self.root)
            doubtful: set[str] = set()
            if self._looked is None:
                self._keys, self._unsettled, doubtful = self._ledger.keys(str(self.root))
                self._fingerprint = 0
                for path, key in self._keys.items():
                    self._fingerprint ^= _print_of(path, key)
            self._take(scan.found, (self._keys.keys() | doubtful) - scan.found.keys())
            self.unlisted = scan.unlisted
            self._touched.clear()
            self._looked = time.monotonic()
        elif self._touched:
            self._look_at(self._touched)
            self._touched = set()

    def _look_at(self, paths: set[str]) -> None:
        """Look at what is said to have changed: receipts, and folders that may hold some or held some."""
        found: dict[str, bytes] = {}
        gone: set[str] = set()
        for path in paths:
            if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - paths given as text
                found.update(scan_receipts(self.root.__class__(path)).found)
            elif path.endswith(f"/{RECEIPT_NAME}"):
                try:
                    found[path] = stat_key(os.stat(path))  # noqa: PTH116 - as above
                except OSError:
                    gone.add(path)
            if not os.path.lexists(path):
                gone.update(name for name in self._keys if name.startswith(f"{path}/"))
        self._take(found, gone)

    def _take(self, found: Mapping[str, bytes], gone: set[str]) -> None:
        """Read the receipts that are new or have changed, and forget those that are gone."""
        again = {path for path, key in self._keys.items() if key in self._unsettled}
        new = {path: key for path, key in found.items() if self._keys.get(path) != key or path in again}
        batch: dict[str, Any] = {}
        missing = gone | new.keys()
        with paused_collector():
            for path, read in read_receipts(new, self._unsettled, progress=self._progress):
                batch[path] = read
                missing.discard(path)
                if len(batch) == _BATCH:
                    self._store(batch)
                    batch = {}
        self._store(batch)
        self._ledger.store({}, missing)
        for path in missing & self._keys.keys():
            self._fingerprint ^= _print_of(path, self._keys.pop(path))

    def _store(self, batch: Mapping[str, Any]) -> None:
        self._ledger.store(batch)
        for path, read in batch.items():
            if path in self._keys:
                self._fingerprint ^= _print_of(path, self._keys[path])
                self._unsettled.pop(self._keys[path], None)
            self._keys[path] = read.key
            self._fingerprint ^= _print_of(path, read.key)
            if read.unsettled:
                self._unsettled[read.key] = read.unsettled


class _World(World):
    """The world, with the receipts that the ledger has."""

    def __init__(self, librarian: Librarian, known: Mapping[str, Sighting]) -> None:
        super().__init__(known)
        self._librarian = librarian

    def receipt(self, path: str) -> Receipt | NagaError | None:
        if path not in self._receipts:
            self._receipts[path] = self._librarian.receipt(path)
        return self._receipts[path]


def _with_lineage(path: str, receipt: Receipt) -> Receipt:
    if receipt.prevs:
        # Nobody else has this receipt yet, and a copy of each of ten thousand takes a tenth of a second.
        object.__setattr__(receipt, "lineage", LateLineage(path))
    return receipt


def _print_of(path: str, key: bytes) -> int:
    return xxhash.xxh3_64_intdigest(os.fsencode(path) + b"\0" + key)

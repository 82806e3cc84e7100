"""The librarian: keeps the ledger of one folder fresh, and tells what has become of the runs in it."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from naga.catalog.index import Catalog
from naga.catalog.ledger import Ledger, LostError
from naga.catalog.ledger_world import LedgerWorld, fingerprint, folders_of, with_lineage
from naga.catalog.places import network_kind
from naga.catalog.reading import read_receipts
from naga.catalog.scan import SKIPPED, scan_receipts
from naga.catalog.shelf import paused_collector
from naga.errors import NagaError, NotFoundError, RefusedError, UsageError
from naga.lock.describe import printable
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
        self._is_trusting = True
        self._states: dict[str, str] = {}
        self._states_of: tuple[int, float] | None = None
        self._sightings: dict[str, Sighting] | None = None

    @classmethod
    def below(cls, folder: Path, path: str, *, max_age: float = 0.0) -> Librarian:
        """Return the librarian of a folder that somebody names from outside.

        Parameters
        ----------
        folder : Path
            Absolute; the person is free to see what is below it.
        path : str
            From there to the root, with ``/``; empty for the folder itself.
        max_age : float
            As for the class.

        Returns
        -------
        Librarian

        Raises
        ------
        UsageError
            The path is absolute, or has an empty part or one of dots.
        RefusedError
            A link is on the way.
        NotFoundError
            There is no such folder.
        """
        parts = path.split("/") if path else []
        if any(part in ("", ".", "..") or "\0" in part for part in parts):
            raise UsageError(f"{printable(path[:200])} is no folder below the root", hint="leave out dots", key="root")
        place = folder.joinpath(*parts)
        if os.path.realpath(place) != os.path.join(os.path.realpath(folder), *parts):  # noqa: PTH118 - texts
            raise RefusedError(
                f"a link is on the way to {printable(path[:200])}", hint="name where it leads", key="root"
            )
        if not os.path.isdir(place):  # noqa: PTH112 - Path.is_dir raises where a name is too long
            raise NotFoundError(f"there is no folder {printable(path[:200])}", key="root")
        return cls(place, max_age=max_age)

    @property
    def network(self) -> str | None:
        """The kind of network mount that the folder is on, where nobody is told of changes; None on a local disk."""
        return network_kind(self.root)

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

    def refresh(self) -> None:
        """Bring the ledger up to date now, instead of at the next question; NotFoundError when the folder is gone."""
        self.ask(lambda _: None)

    def touch(self, paths: Iterable[str]) -> None:
        """Say that something changed: absolute paths of receipts, of folders, or of whatever runs read or leave."""
        with self._lock:
            self._touched.update(paths)
            self._states_of = None

    def look_again(self) -> None:
        """Look through all folders before the next question."""
        with self._lock:
            self._looked = self._states_of = None

    def rebuild(self, *, dry_run: bool = False) -> int:
        """Throw away what the caches have of this folder, and read all receipts again; return how many there are."""
        count = len(scan_receipts(self.root).found)
        if dry_run:
            return count
        with self._lock, Catalog() as catalog:
            catalog.forget_others(str(self.root), ())
            # The rows are replaced one by one, so that whoever asks meanwhile does not find an empty table.
            self._is_trusting, self._looked = False, None
            self.refresh()
            return len(self._keys)

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
            return LedgerWorld(self.receipt, self._sightings)

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
        return with_lineage(path, found)

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
            self.refresh()
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
        world.remember({path: with_lineage(path, receipt) for path, receipt in receipts.items() if receipt})
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
                if not self._is_trusting:
                    doubtful |= self._keys.keys()
                    self._keys, self._is_trusting = {}, True
                self._fingerprint = 0
                for path, key in self._keys.items():
                    self._fingerprint ^= fingerprint(path, key)
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
        folders_gone: set[str] = set()
        for path in filter(self._is_reached, paths):
            if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - paths given as text
                found.update(scan_receipts(self.root.__class__(path)).found)
            elif path.endswith(f"/{RECEIPT_NAME}"):
                try:
                    found[path] = stat_key(os.stat(path))  # noqa: PTH116 - as above
                except OSError:
                    gone.add(path)
            if not os.path.lexists(path):
                folders_gone.add(path)
        if folders_gone:
            gone.update(name for name in self._keys if not folders_gone.isdisjoint(folders_of(name)))
        self._take(found, gone)

    def _is_reached(self, path: str) -> bool:
        """Tell whether looking through all folders could come to a path: not through links, not in what is skipped."""
        inner = os.path.relpath(path, self.root).split("/")
        if ".." in inner or not SKIPPED.isdisjoint(inner):
            return False
        return os.path.realpath(os.path.dirname(path)) == os.path.join(os.path.realpath(self.root), *inner[:-1])  # noqa: PTH118, PTH120

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
            self._fingerprint ^= fingerprint(path, self._keys.pop(path))

    def _store(self, batch: Mapping[str, Any]) -> None:
        self._ledger.store(batch)
        for path, read in batch.items():
            if path in self._keys:
                self._fingerprint ^= fingerprint(path, self._keys[path])
                self._unsettled.pop(self._keys[path], None)
            self._keys[path] = read.key
            self._fingerprint ^= fingerprint(path, read.key)
            if read.unsettled:
                self._unsettled[read.key] = read.unsettled

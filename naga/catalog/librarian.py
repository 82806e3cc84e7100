"""The librarian: answers from the ledger of one folder, which is kept fresh, and tells what has become of its runs."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from naga.catalog.freshness import Freshness
from naga.catalog.ledger import Ledger, LostError
from naga.catalog.ledger_world import LedgerWorld, with_lineage
from naga.catalog.places import find_place
from naga.catalog.scan import scan_receipts
from naga.catalog.sightings import LateSightings
from naga.errors import NagaError, NotFoundError, RefusedError, UsageError
from naga.lock.cache_place import network_kind
from naga.lock.collection import collector_paused
from naga.lock.describe import printable
from naga.lock.progress import watched
from naga.lock.project import absolute_path, find_project
from naga.lock.staleness import Examiner, Verdict
from naga.lock.world import World, receipt_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import Self

    from naga.catalog.places import Place
    from naga.lock.receipt import Receipt
    from naga.lock.world import Sighting

    _T = TypeVar("_T")

__all__ = ["Librarian"]

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
    judged : float or None
        When the states of all runs were worked out last, seconds since 1970, UTC.
    """

    def __init__(self, root: str | os.PathLike[str], *, max_age: float = 0.0, progress: bool = False) -> None:
        self.root: Path = absolute_path(root)
        self.max_age = max_age
        self.judged: float | None = None
        self._progress = progress
        self._refreshing = threading.RLock()
        # Held for moments only, and never taken by whoever then waits for a refreshing.
        self._lock = threading.RLock()
        self._judging = threading.Lock()
        self._place = find_place()
        self._ledger = Ledger(self._place.path)
        self._freshness = Freshness(self.root, self._ledger, self._lock, progress=progress)
        self._sightings = LateSightings(self._find_sighting)
        self._has_sightings = False
        self._states: dict[str, str] = {}
        self._states_of: tuple[int, float] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

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

    @property
    def place(self) -> Place:
        """Where the ledger is kept."""
        return self._place if self._ledger.place == self._place.path else self._place.given_up()

    @property
    def unlisted(self) -> dict[str, NagaError]:
        """Absolute path of a folder that cannot be listed -> why."""
        return self._freshness.unlisted

    @property
    def projects(self) -> set[str]:
        """Absolute paths of the folders below the root, and of the root itself, that are roots of projects."""
        return self._freshness.projects

    @property
    def version(self) -> str:
        """What changes whenever a receipt below the folder does, is added or goes."""
        return f"{self._freshness.mark:016x}"

    def close(self) -> None:
        """Close the ledger; nothing can be asked any more."""
        with self._refreshing, self._lock:
            self._ledger.close()

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
        # A file that is lost is replaced by a new one, and if that is lost too, by memory, which is not.
        for _ in range(4):
            try:
                with self._refreshing:
                    with self._lock:
                        self._ledger.check()
                    self._freshness.refresh(self.max_age)
                with self._lock:
                    return self._ledger.at_one_moment(lambda: question(self._ledger))
            except LostError:
                with self._lock:
                    self._freshness.forget()
        raise NagaError("the catalog cannot be used", hint="delete the cache folder", path=self.root)

    def glance(self, question: Callable[[Ledger], _T]) -> _T | None:
        """Ask the ledger as it is, while it is being brought up to date by somebody else.

        Parameters
        ----------
        question : callable
            Gets the `Ledger`. Which of the receipts in its answer are as on the disk, `is_known` tells.

        Returns
        -------
        object or None
            The answer; None when nobody is about it, so that `ask` need not wait, and when the ledger was lost.
        """
        if self._refreshing.acquire(blocking=False):
            self._refreshing.release()
            return None
        return self._ask_as_it_is(lambda ledger: ledger.at_one_moment(lambda: question(ledger)), None)

    def is_known(self, path: str) -> bool:
        """Tell whether what the ledger has of the receipt at an absolute path is what is on the disk now."""
        return self._freshness.is_known(path)

    def refresh(self) -> None:
        """Bring the ledger up to date now, instead of at the next question; NotFoundError when the folder is gone."""
        self.ask(lambda _: None)

    def touch(self, paths: Iterable[str]) -> None:
        """Say that something changed: absolute paths of receipts, of folders, or of whatever runs read or leave."""
        with self._lock:
            self._freshness.touch(paths)
            self._states_of = None

    def look_again(self) -> None:
        """Look through all folders before the next question."""
        with self._lock:
            self._freshness.look_again()
            self._states_of = None

    def rebuild(self, *, dry_run: bool = False) -> int:
        """Throw away what the caches have of this folder, and read all receipts again; return how many there are."""
        if dry_run:
            return len(scan_receipts(self.root).found)
        with self._refreshing:
            self._ask_as_it_is(lambda ledger: ledger.sightings.forget(self._project), None)
            self._sightings, self._has_sightings = LateSightings(self._find_sighting), False
            # The rows are replaced some at a time, so that whoever asks meanwhile does not find an empty table.
            self._freshness.read_again()
            self.refresh()
            return len(self._freshness.keys)

    def world(self) -> World:
        """Return the world as it is now, with what is known of it.

        Returns
        -------
        World
        """
        return LedgerWorld(self.receipt, self._sightings, progress=self._progress)

    def learn(self, world: World) -> None:
        """Remember what a world has seen.

        Parameters
        ----------
        world : World
            One that `world` returned.
        """
        learned = world.learned()
        if learned is not None:
            self._sightings.update(self._ask_as_it_is(lambda ledger: ledger.sightings.store(*learned), {}))

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
        found = None
        if path in self._freshness.keys:
            found = self._ask_as_it_is(lambda ledger: ledger.receipt(path), None)
        return receipt_at(path) if found is None else with_lineage(path, found)

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
        return dict(self.verdicts(list(paths)))

    def verdicts(self, paths: Sequence[str], *, label: str = "") -> Iterator[tuple[str, Verdict]]:
        """Tell what has become of runs, one after the other.

        Parameters
        ----------
        paths : sequence of str
            Absolute paths of receipts; all of them, or whatever of them is asked for.
        label : str, optional
            What stands before the bar.

        Yields
        ------
        tuple
            Path and verdict.
        """
        world = self.world()
        if len(paths) > _MANY:
            self._remember_all(world)
        examiner = Examiner(world)
        try:
            for path in watched(paths, label, shown=self._progress and bool(label)):
                receipt = world.receipt(path)
                yield path, Verdict("missing") if receipt is None else examiner.verdict(path, receipt)
        finally:
            self.learn(world)

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
                mark = self._freshness.mark
                is_fresh = self._states_of is not None and self._states_of[0] == mark
                if is_fresh and self._states_of is not None and time.monotonic() < self._states_of[1] + _STATES_AGE:
                    return self._states
                paths = list(self._freshness.keys)
                began, moment = time.monotonic(), time.time()
                self._states_of = (mark, began)
            states: dict[str, str] = {}
            with collector_paused():
                for path, verdict in self.verdicts(paths):
                    states[path] = verdict.state
                    if cancelled is not None and cancelled():
                        break
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
            if self._states.keys() != self._freshness.keys.keys():
                return None
            counts: dict[str, int] = {}
            for state in sorted(self._states.values()):
                counts[state] = counts.get(state, 0) + 1
            return counts

    @property
    def _project(self) -> str:
        return str(find_project(self.root))

    def _remember_all(self, world: World) -> None:
        """Hand a world everything that the ledger has, which is quicker than one by one."""
        none: dict[str, Receipt] = {}
        receipts = self._ask_as_it_is(lambda ledger: ledger.receipts(str(self.root)), none)
        known = self._freshness.keys
        world.remember({path: with_lineage(path, each) for path, each in receipts.items() if path in known})
        if not self._has_sightings:
            self._sightings.update(self._ask_as_it_is(lambda ledger: ledger.sightings.below(self._project), {}))
            self._has_sightings = True

    def _find_sighting(self, question: str) -> Sighting | None:
        return self._ask_as_it_is(lambda ledger: ledger.sightings.find(question), None)

    def _ask_as_it_is(self, question: Callable[[Ledger], _T], otherwise: _T) -> _T:
        """Ask the ledger without looking at the disk first; when it was lost, the answer is another one."""
        with self._lock:
            try:
                return question(self._ledger)
            except LostError:
                self._freshness.forget()
                return otherwise


_MANY = 1000
"""Runs from which on it is quicker to get all that is known of all runs."""

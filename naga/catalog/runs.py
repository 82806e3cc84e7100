"""The runs below a folder: what their receipts say, and what has become of them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.catalog.filters import parse_filters
from naga.catalog.index import Catalog
from naga.catalog.shelf import load_receipts, paused_collector
from naga.errors import NagaError
from naga.lock.describe import stage_name
from naga.lock.progress import watched
from naga.lock.project import absolute_path, find_project
from naga.lock.staleness import Examiner, with_files
from naga.lock.world import World

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from naga.lock.receipt import Receipt, Status
    from naga.lock.staleness import Cause, State

__all__ = ["Run", "runs", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as it is found on the disk.

    Attributes
    ----------
    path : Path
        Its receipt, absolute; or a folder that cannot be listed.
    id, stage : str or None
        None, as everything else that a receipt says, when the receipt cannot be read.
    status : {"started", "finished", "failed", "killed"} or None
        What the receipt says.
    state : str or None
        What has become of it, one of `naga.lock.staleness.STATES`; None when nobody asked.
    causes : tuple of Cause
        Why it is stale, modified or missing; those from the farthest stages first.
    problem : str or None
        Why the receipt cannot be read, or why the run failed.
    recipe : str or None
        Equal recipes mean the same computation.
    started, finished : str or None
        UTC, ISO 8601.
    duration : float or None
        Seconds.
    save_dir : str or None
        As the config has it.
    config : mapping
        The resolved values, redacted where secret.
    """

    path: Path
    id: str | None = None
    stage: str | None = None
    status: Status | None = None
    state: State | None = None
    causes: tuple[Cause, ...] = ()
    problem: str | None = None
    recipe: str | None = None
    started: str | None = None
    finished: str | None = None
    duration: float | None = None
    save_dir: str | None = None
    config: Mapping[str, Any] | None = None

    def to_mapping(self) -> dict[str, Any]:
        """Return the run as plain values.

        Returns
        -------
        dict
            The attributes by name; `path` as a str, `causes` as a list of mappings.
        """
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "path": str(self.path), "causes": [cause.to_mapping() for cause in self.causes]}


def runs(
    root: str | os.PathLike[str] = ".",
    filters: Iterable[str] = (),
    *,
    limit: int | None = None,
    progress: bool = True,
) -> tuple[Run, ...]:
    """List the runs below a folder, the newest first.

    Parameters
    ----------
    root : path, optional
        The folder; links to folders below it are not followed.
    filters : iterable of str, optional
        What a run must fulfil, all of it: ``stage:NAME``, ``status:STATE`` or the state alone, ``since:AGE``, and
        comparisons of config values such as ``lr>0.01``. docs/status.md explains them.
    limit : int, optional
        The most runs to return.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    tuple of Run
        With their `state` where a filter asks for it; data is looked at for no other reason.

    Raises
    ------
    UsageError
        A filter cannot be understood; the message says where.
    NotFoundError
        There is no such folder.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     runs(folder, ["stage:train", "lr>0.01"])
    ()
    """
    wanted = parse_filters(filters)
    with paused_collector(), _Shelf(absolute_path(root), progress=progress) as shelf:
        known = (shelf.run(path, judge=False) for path in shelf.paths)
        fitting = [run for run in known if all(each.fits(run) for each in wanted if not each.needs_state)]
        fitting.sort(key=lambda run: (run.started or "", run.id or "", str(run.path)), reverse=True)
        if any(each.needs_state for each in wanted):
            judged = (shelf.run(str(run.path), judge=True) for run in watched(fitting, "runs", shown=progress))
            fitting = list(islice((run for run in judged if all(each.fits(run) for each in wanted)), limit))
    return tuple(fitting[:limit])


def status(root: str | os.PathLike[str] = ".", *, progress: bool = True) -> tuple[Run, ...]:
    """Tell what has become of each run below a folder.

    Parameters
    ----------
    root : path, optional
        The folder; links to folders below it are not followed.
    progress : bool, optional
        Whether to show a bar on standard error when it takes longer than a second.

    Returns
    -------
    tuple of Run
        With `state` and `causes`, sorted by path. docs/status.md says what each state means.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    with paused_collector(), _Shelf(absolute_path(root), progress=progress) as shelf:
        return tuple(shelf.run(path, judge=True) for path in watched(shelf.paths, "status", shown=progress))


class _Shelf:
    """The receipts below a folder, and the means to judge them."""

    def __init__(self, root: Path, *, progress: bool) -> None:
        self._root = root
        self._progress = progress
        self._catalog = Catalog()
        self._stages: dict[str, str] = {}

    def __enter__(self) -> _Shelf:
        self._catalog.__enter__()
        self._receipts = load_receipts(self._root, self._catalog, progress=self._progress)
        known = self._catalog.sightings(str(find_project(self._root)))
        self._world = World(known, progress=self._progress)
        self._world.remember(self._receipts)
        self._examiner = Examiner(self._world)
        return self

    @property
    def paths(self) -> list[str]:
        return list(self._receipts)

    def __exit__(self, *_: object) -> None:
        learned = self._world.learned()
        if learned is not None:
            reading, seen = learned
            unsettled = self._catalog.unsettled(reading, [key for each in seen.values() for key in each.stat_keys])
            settled = {name: each for name, each in seen.items() if unsettled.keys().isdisjoint(each.stat_keys)}
            self._catalog.store_sightings(settled)
        self._catalog.__exit__()

    def run(self, path: str, *, judge: bool) -> Run:
        receipt = self._receipts[path]
        verdict = with_files(self._examiner.verdict(path, receipt)) if judge else None
        if isinstance(receipt, NagaError):
            return Run(path=Path(path), state=verdict.state if verdict else None, problem=str(receipt))
        save_dir = receipt.config.get("save_dir")
        return Run(
            path=Path(path),
            id=receipt.id,
            stage=self._stage(receipt),
            status=receipt.status,
            state=verdict.state if verdict else None,
            causes=verdict.causes if verdict else (),
            problem=f"{receipt.error.type}: {receipt.error.message}" if receipt.error else None,
            recipe=receipt.recipe,
            started=receipt.started,
            finished=receipt.finished,
            duration=receipt.duration,
            save_dir=save_dir if isinstance(save_dir, str) else None,
            config=receipt.config,
        )

    def _stage(self, receipt: Receipt) -> str:
        key = ":".join(str(receipt.caller.get(name)) for name in ("file", "function", "notebook"))
        if key not in self._stages:
            self._stages[key] = stage_name(receipt)
        return self._stages[key]

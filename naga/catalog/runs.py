"""The runs below a folder: what their receipts say, and what has become of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from naga.catalog.filters import parse_filters
from naga.catalog.ledger_rows import Entry
from naga.catalog.librarian import Librarian
from naga.lock.collection import collector_paused
from naga.lock.staleness import Verdict, with_files

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from naga.lock.receipt import Status
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
    with _one_question(root, progress=progress) as librarian:
        plain = [each for each in wanted if not each.needs_state]
        most = limit if len(plain) == len(wanted) else None
        _, entries = librarian.ask(lambda ledger: ledger.page(str(librarian.root), plain, limit=most))
        # Folders that cannot be listed have no time, as receipts that cannot be read.
        unlisted = [entry for entry in _unlisted(librarian) if all(each.fits(_run_of(entry)) for each in plain)]
        entries += sorted(unlisted, key=lambda entry: entry.path, reverse=True)
        if len(plain) == len(wanted):
            return tuple(map(_run_of, entries[:limit]))
        states = [each for each in wanted if each.needs_state]
        judged = _judged(librarian, entries, "runs")
        return tuple(islice((run for run in judged if all(each.fits(run) for each in states)), limit))


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
    with _one_question(root, progress=progress) as librarian:
        _, entries = librarian.ask(lambda ledger: ledger.page(str(librarian.root), sort="path", limit=None))
        entries = sorted([*entries, *_unlisted(librarian)], key=lambda entry: entry.path)
        return tuple(_judged(librarian, entries, "status"))


@contextmanager
def _one_question(root: str | os.PathLike[str], *, progress: bool) -> Iterator[Librarian]:
    """Open a librarian that looks through the folders once."""
    # Ten thousand runs are a million objects that all stay, and the collector would visit them again and again.
    with collector_paused(), Librarian(root, max_age=float("inf"), progress=progress) as librarian:
        yield librarian


def _unlisted(librarian: Librarian) -> Iterator[Entry]:
    for path, error in librarian.unlisted.items():
        yield Entry(path, None, None, "unreadable", None, None, None, None, {}, str(error))


def _judged(librarian: Librarian, entries: Sequence[Entry], label: str) -> Iterator[Run]:
    """Say of runs, one after the other, what has become of them."""
    verdicts = librarian.verdicts([entry.path for entry in entries if entry.id is not None], label=label)
    for entry in entries:
        yield _run_of(entry, Verdict("unreadable") if entry.id is None else with_files(next(verdicts)[1]))


def _run_of(entry: Entry, verdict: Verdict | None = None) -> Run:
    is_readable = entry.id is not None
    save_dir = entry.config.get("save_dir")
    return Run(
        path=Path(entry.path),
        id=entry.id,
        stage=entry.stage,
        status=cast("Status", entry.status) if is_readable else None,
        state=verdict.state if verdict else None,
        causes=verdict.causes if verdict else (),
        problem=entry.problem,
        recipe=entry.recipe,
        started=entry.started,
        finished=entry.finished,
        duration=entry.duration,
        save_dir=save_dir if isinstance(save_dir, str) else None,
        config=entry.config if is_readable else None,
    )

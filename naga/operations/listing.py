"""The state of the whole: how many runs there are, and the list of them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from naga._version import __version__
from naga.catalog.filters import parse_filters
from naga.catalog.ledger import SORTS
from naga.errors import UsageError
from naga.lock.times import utc_text
from naga.operations.arguments import Argument
from naga.operations.rows import next_offset, rows_of_entries
from naga.operations.subjects import inner_path

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from naga.catalog.filters import Filter
    from naga.catalog.ledger import Ledger
    from naga.catalog.ledger_rows import Entry
    from naga.catalog.librarian import Librarian

__all__ = ["ROOTS", "RUNS", "STATUS", "list_roots", "list_runs", "tell_status"]

STATUS = {"judge": Argument("flag", default=False)}
RUNS = {
    "filter": Argument("text", default=""),
    "sort": Argument(
        "text", default="-started", choices=tuple(f"{sign}{name}" for name in SORTS for sign in ("", "-"))
    ),
    "offset": Argument("number", default=0),
    "limit": Argument("number", default=100, lowest=1, highest=500),
    "mode": Argument("text", default="recent", choices=("recent", "stages")),
    "judge": Argument("flag", default=True),
    "wait": Argument("flag", default=True),
}
ROOTS: Mapping[str, Argument] = {}
_MOST_PROBLEMS = 50
_MOST_ROOTS = 100


def tell_status(librarian: Librarian, *, judge: bool) -> dict[str, Any]:
    """Count the runs below the root.

    Parameters
    ----------
    librarian : Librarian
    judge : bool
        Whether to look what has become of every run; else their states are those of the last time, if there was one.

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    root = str(librarian.root)
    if judge:
        librarian.states()
    statuses = librarian.ask(lambda ledger: ledger.counts(root, "status"))
    unreadable = librarian.ask(lambda ledger: _unreadable(ledger, root))
    states = librarian.states_known()
    problems = [(entry.path, entry.problem or "") for entry in unreadable]
    problems += [(path, str(error)) for path, error in librarian.unlisted.items()]
    place = librarian.place
    return {
        "root": {"name": librarian.root.name or "/"},
        "total": sum(statuses.values()),
        "statuses": statuses,
        "states": states,
        "judged": None if librarian.judged is None or states is None else utc_text(librarian.judged),
        "version": librarian.version,
        "live": {"mode": "none", "interval": None, "problem": None},
        "catalog": {"kept": "memory" if place.path is None else "disk", "problem": place.problem},
        "naga": __version__,
        "problems": [
            {"path": inner_path(librarian, path), "problem": problem[:500]}
            for path, problem in problems[:_MOST_PROBLEMS]
        ],
    }


def list_runs(
    librarian: Librarian,
    *,
    filter: str,  # noqa: A002 - the name is that of the argument
    sort: str,
    offset: int,
    limit: int,
    mode: str,
    judge: bool,
    wait: bool,
) -> dict[str, Any]:
    """List runs, a page of them.

    Parameters
    ----------
    librarian : Librarian
    filter : str
        Filters as for ``naga ls``, with spaces between them.
    sort : str
        A column, with ``-`` before it for the other way round.
    offset, limit : int
        Which of those that fit.
    mode : {"recent", "stages"}
        With ``stages`` the runs of each stage stand together, and the number of those that fit is told for each stage.
    judge : bool
        Whether to look what has become of the runs on the page.
    wait : bool
        Whether to wait until all receipts are read; else those that are known already are listed.

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    root = str(librarian.root)
    filters = _filters(filter)
    states = librarian.states() if any(each.needs_state for each in filters) else None
    by_stage = mode == "stages"

    def page(ledger: Ledger) -> tuple[int, list[Entry], dict[str | None, int]]:
        order = "stage" if by_stage else sort
        total, entries = ledger.page(root, filters, sort=order, offset=offset, limit=limit, states=states)
        return total, entries, ledger.counts(root, "stage", filters, states) if by_stage else {}

    known = None if wait or states is not None else librarian.glance(page)
    total, entries, stages = librarian.ask(page) if known is None else known
    if known is not None:
        entries = [entry for entry in entries if librarian.is_known(entry.path)]
    return {
        "total": total,
        "offset": offset,
        "next": next_offset(offset, len(entries), total),
        "rows": rows_of_entries(librarian, entries, judge=judge),
        "version": librarian.version,
        "stages": _stages(stages) if by_stage else None,
        "complete": known is None,
    }


def list_roots(librarian: Librarian) -> dict[str, Any]:
    """List the projects with runs in them, among which a person may choose.

    Parameters
    ----------
    librarian : Librarian

    Returns
    -------
    dict
        As docs/operations.md has it.
    """
    root = str(librarian.root)
    counts: dict[str, int] = {}
    known: dict[str, str] = {root: root}
    paths = librarian.ask(lambda ledger: ledger.paths(root))
    projects = librarian.projects
    for path in paths:
        project = _project_of(path.rpartition("/")[0], projects, known)
        counts[project] = counts.get(project, 0) + 1
    total = sum(counts.values())
    inner = sorted((inner_path(librarian, project) or "", count) for project, count in counts.items())
    found = [{"root": "", "name": librarian.root.name or "/", "total": total}]
    found += [{"root": path, "name": path, "total": count} for path, count in inner[:_MOST_ROOTS] if path]
    return {"roots": found}


def _project_of(folder: str, projects: Container[str], known: dict[str, str]) -> str:
    """Find the nearest folder that is the root of a project, up to those that are known."""
    if folder not in known:
        known[folder] = folder if folder in projects else _project_of(folder.rpartition("/")[0], projects, known)
    return known[folder]


def _filters(text: str) -> tuple[Filter, ...]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"the quotes in the filter do not match: {error}", key="filter") from error
    return parse_filters(words)


def _stages(counts: Mapping[str | None, int]) -> Sequence[dict[str, Any]]:
    return [{"stage": stage, "total": total} for stage, total in counts.items()]


def _unreadable(ledger: Ledger, root: str) -> list[Entry]:
    return ledger.page(root, parse_filters(["unreadable"]), sort="path", limit=_MOST_PROBLEMS)[1]

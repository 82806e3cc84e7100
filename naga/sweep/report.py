"""What a person reads about a sweep, line by line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from naga.lock.describe import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from naga.sweep.events import Failure, Result
    from naga.sweep.sweep import Sweep
    from naga.sweep.task import Duplicate

__all__ = ["failure_lines", "plan_lines", "result_lines"]

_MOST_FAILURES = 20
_WORDS = {
    "done": "done",
    "missing": "new",
    "failed": "failed before",
    "killed": "killed before",
    "started": "begun and not ended",
    "other": "of another config",
    "stale": "stale",
    "unreadable": "with a receipt that cannot be read",
}


def plan_lines(sweep: Sweep, duplicates: Iterable[Duplicate] = ()) -> Iterator[str]:
    """Say what will be run, and what will not and why.

    Parameters
    ----------
    sweep : Sweep
    duplicates : iterable of Duplicate

    Yields
    ------
    str
    """
    left_out = list(duplicates)
    for duplicate in left_out[:3]:
        yield f"naga: left out: {printable(str(duplicate))}"
    if len(left_out) > 3:
        yield f"naga: left out: {len(left_out) - 3} more duplicates"
    survey = sweep.survey
    counts = ", ".join(f"{survey.states[state]:,} {word}" for state, word in _WORDS.items() if survey.states[state])
    skipped = len(sweep.tasks) - len(survey.todo)
    tasks = "1 task" if len(sweep.tasks) == 1 else f"{len(sweep.tasks):,} tasks"
    yield f"naga: {tasks}: {counts}; {len(survey.todo):,} to run, {skipped:,} skipped"
    for state in ("stale", "other", "unreadable"):
        if survey.reasons.get(state):
            yield f"naga: {_WORDS[state]}: {printable(survey.reasons[state])}"


def result_lines(sweep: Sweep, result: Result | None) -> Iterator[str]:
    """Say how a sweep ended.

    Parameters
    ----------
    sweep : Sweep
    result : Result or None
        None when nothing was to be run.

    Yields
    ------
    str
    """
    if result is None:
        yield f"naga: {len(sweep.tasks):,} tasks, nothing to run"
        return
    counts = result.counts
    repeated = f", {result.repeated:,} begun again" if result.repeated else ""
    skipped = f", {counts.skipped:,} skipped" if counts.skipped else ""
    left = f", {len(result.left):,} left" if result.left else ""
    yield f"naga: {counts.done:,} finished, {counts.failed:,} failed{skipped}{repeated}{left}"
    if result.left:
        why = f" ({result.stopped})" if result.stopped else ""
        yield f"naga: not complete{why}: the same command goes on with what is left"


def failure_lines(sweep: Sweep, result: Result | None) -> Iterator[str]:
    """Draw the table of the tasks that failed.

    Parameters
    ----------
    sweep : Sweep
    result : Result or None

    Yields
    ------
    str
    """
    failures = result.failures if result else {}
    if not failures:
        return
    rows = [("task", "error", "where", "log")]
    for index, failure in sorted(failures.items())[:_MOST_FAILURES]:
        planned = sweep.tasks[index]
        log = os.path.relpath(f"{planned.folder}/log.txt")
        rows.append((planned.task.source, f"{failure.type}: {failure.message}", place_of(failure), log))
    cells = [tuple(_cut(printable(cell)) for cell in row) for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    for row in cells:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
    if len(failures) > _MOST_FAILURES:
        yield f"and {len(failures) - _MOST_FAILURES:,} more: naga tasks {os.path.relpath(sweep.plan.save_dir)}"


def place_of(failure: Failure) -> str:
    """Say where something was raised.

    Parameters
    ----------
    failure : Failure

    Returns
    -------
    str
        ``FILE:LINE``, or nothing where that is not known.
    """
    return f"{failure.file}:{failure.line}" if failure.file else ""


def _cut(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."

"""A table of the tasks of a sweep that lives while they run."""

from __future__ import annotations

import os
import time
from typing import Any

from IPython.display import display

from naga_ipython.html import below, table

__all__ = ["SweepTable"]

_EVERY = 0.5
"""Seconds between two drawings."""
_MOST_ROWS = 10


class SweepTable:
    """Shows what runs and what failed, above them the counts; it is an observer of `naga.watching_sweeps`."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._begin = self._drawn = 0.0
        self._running: dict[int, Any] = {}
        self._ended: list[Any] = []
        self._done_before = 0

    def began(self, counts: Any) -> None:
        """Show the table.

        Parameters
        ----------
        counts : Counts
        """
        self._begin = time.monotonic()
        self._handle = display(self._bundle(counts), raw=True, display_id=True)

    def happened(self, event: Any, counts: Any) -> None:
        """Bring the table up to date, but not too often.

        Parameters
        ----------
        event : TaskEvent
        counts : Counts
        """
        index = event.planned.task.index
        if event.kind == "begun":
            self._running[index] = event
        else:
            self._running.pop(index, None)
            if event.failure is not None or event.kind == "repeated":
                self._ended.append(event)
        if time.monotonic() - self._drawn >= _EVERY:
            self._draw(counts)

    def ended(self, counts: Any) -> None:
        """Leave the table as it is at the end.

        Parameters
        ----------
        counts : Counts
        """
        self._running.clear()
        self._draw(counts)

    def _draw(self, counts: Any) -> None:
        self._drawn = time.monotonic()
        if self._handle is not None:
            self._handle.update(self._bundle(counts), raw=True)

    def _bundle(self, counts: Any) -> dict[str, str]:
        return {"text/html": self._html(counts), "text/plain": self._line(counts)}

    def _html(self, counts: Any) -> str:
        rows = [_row("running", event) for event in list(self._running.values())[:_MOST_ROWS]]
        rows += [_row(event.kind, event) for event in self._ended[-_MOST_ROWS:]]
        return below([self._line(counts), table(rows)])

    def _line(self, counts: Any) -> str:
        done = counts.skipped + counts.done
        line = f"{done:,} of {counts.total:,} done, {counts.running:,} running, {counts.failed:,} failed"
        line += f", {counts.left:,} left"
        took = time.monotonic() - self._begin
        ended = counts.done + counts.failed
        if not ended or took <= 0:
            return line
        rate = ended / took
        left = f", {counts.left / rate:,.0f} s to go" if counts.left else f" in {took:,.1f} s"
        return f"{line}; {rate:,.1f} tasks/s{left}"


def _row(state: str, event: Any) -> tuple[object, ...]:
    problem = f"{event.failure.type}: {event.failure.message}" if event.failure else event.detail
    place = f"{event.failure.file}:{event.failure.line}" if event.failure and event.failure.file else ""
    log = os.path.relpath(f"{event.planned.folder}/log.txt")
    return state, event.planned.task.source, problem[:200], place, log

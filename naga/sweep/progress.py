"""The bar of a sweep, on terminals and in notebooks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from naga.lock.progress import is_watched, make_bar
from naga.sweep.events import Silent, current_observer

if TYPE_CHECKING:
    from naga.sweep.events import Counts, Observer, TaskEvent

__all__ = ["Bar", "make_observer"]

_EVERY = 0.5
"""Seconds between two drawings while nothing ends."""


def make_observer() -> Observer:
    """Make what shows a sweep to the person: a bar where somebody can see it.

    Returns
    -------
    Observer
        That of `naga.sweep.events.watching_sweeps`, if there is one.
    """
    observer = current_observer()
    return observer or (Bar() if is_watched() else Silent())


class Bar:
    """A bar that counts tasks: done, running, failed, left, rate, and time left.

    Notes
    -----
    tqdm draws when something has ended, and tasks may take hours: a thread draws meanwhile.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True)

    def began(self, counts: Counts) -> None:
        """Show the bar.

        Parameters
        ----------
        counts : Counts
        """
        self._bar = make_bar(total=counts.total, initial=counts.skipped, unit="task", smoothing=0.05)
        self._show(counts)
        self._thread.start()

    def happened(self, event: TaskEvent, counts: Counts) -> None:
        """Move the bar.

        Parameters
        ----------
        event : TaskEvent
        counts : Counts
        """
        ended = counts.skipped + counts.done + counts.failed
        if event.kind == "repeated":
            self._bar.write(f"naga: {event.planned.task.source} is run again: {event.detail}")
        self._show(counts)
        self._bar.update(ended - self._bar.n)

    def ended(self, counts: Counts) -> None:
        """Leave the bar as it is.

        Parameters
        ----------
        counts : Counts
        """
        self._is_over.set()
        self._thread.join()
        self._show(counts)
        self._bar.close()

    def _draw(self) -> None:
        while not self._is_over.wait(_EVERY):
            self._bar.refresh()

    def _show(self, counts: Counts) -> None:
        shown = {"running": counts.running, "failed": counts.failed, "left": counts.left}
        self._bar.set_postfix(shown, refresh=False)

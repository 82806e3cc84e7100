"""What all handlers share: the librarians of the roots, who watch them, and the jobs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import naga
from naga_ipython.front_end import HOW_TO_GET_THE_VIEW, find_panel
from naga_ipython.server.jobs import Jobs
from naga_ipython.server.watching import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["Reception", "describe_panel"]

_MOST_ROOTS = 8
"""Roots that are kept open; the one that was asked least recently is closed."""


class Reception:
    """Answers the questions of browsers; its methods are called in threads.

    Parameters
    ----------
    folder : Path
        The root of the server, absolute. Nothing outside of it is served.
    emit : callable
        Gets the data of an event; called from any thread.
    is_watching : bool
        Whether to ask the operating system to tell of changes.
    """

    def __init__(self, folder: Path, emit: Callable[[dict[str, Any]], None], *, is_watching: bool) -> None:
        self._folder = folder
        self._emit = emit
        self._is_watching = is_watching
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[naga.Librarian, Watch]] = OrderedDict()
        self.jobs = Jobs()

    def answer(self, op: str, root: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a question.

        Parameters
        ----------
        op : str
            One of `naga.OPERATIONS`.
        root : str
            The folder that it is about, relative to that of the server.
        args : mapping
            From a browser.

        Returns
        -------
        dict
            As `naga.answer` returns it; of ``status``, with how changes are noticed and whether there is a panel.
        """
        try:
            librarian, watch = self._librarian(root)
        except naga.NagaError as error:
            return naga.error_answer(error)
        found = naga.answer_from(librarian, op, args)
        if op != "status" or "error" in found:
            return found
        return {**found, "live": watch.describe(), "panel": describe_panel()}

    def start(self, op: str, root: str, args: Mapping[str, Any]) -> dict[str, Any]:
        """Start what takes long.

        Parameters
        ----------
        op, root, args
            As for `answer`.

        Returns
        -------
        dict
            ``job``, see `naga_ipython.server.jobs.Job.describe`; or an error.
        """
        try:
            librarian, _ = self._librarian(root)
            job = self.jobs.start(
                lambda job: naga.answer_from(librarian, op, args, progress=job.tell, cancelled=job.is_cancelled)
            )
        except naga.NagaError as error:
            return naga.error_answer(error)
        return {"job": job.describe()}

    def close(self) -> None:
        """Stop watching, and ask all jobs to stop."""
        self.jobs.close()
        with self._lock:
            for _, watch in self._open.values():
                watch.stop()
            self._open.clear()

    def _librarian(self, root: str) -> tuple[naga.Librarian, Watch]:
        with self._lock:
            if root in self._open:
                self._open.move_to_end(root)
                return self._open[root]
            librarian = naga.Librarian.below(self._folder, root, max_age=2.0)
            watch = Watch(librarian, root, self._emit, is_wanted=self._is_watching)
            self._open[root] = librarian, watch
            if len(self._open) > _MOST_ROOTS:
                # Somebody may just be asking it, so it is not closed but left to whoever collects what nobody needs.
                self._open.popitem(last=False)[1][1].stop()
            return librarian, watch


def describe_panel() -> dict[str, Any]:
    """Tell whether JupyterLab has the panel.

    Returns
    -------
    dict
        ``installed``, and a ``hint`` how to get it when it is not.
    """
    is_installed = find_panel() is not None
    return {"installed": is_installed, "hint": None if is_installed else HOW_TO_GET_THE_VIEW}

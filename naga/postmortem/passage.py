"""The mark that an exception carries when it has left a decorated function."""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from naga.postmortem.failure import Failure

__all__ = ["Passage", "find_passages", "is_worker", "mark", "passage_of"]

_ATTRIBUTE = "_naga_passage"


class Passage:
    """What is known of the way of an exception.

    Built-in exceptions take no weak references, so this stands in the exception itself.

    Attributes
    ----------
    thread : str
        The name of the thread that it was raised in; empty for the main one.
    is_kept : bool
        Whether its variables are held in this process.
    is_arrived : bool
        Whether it comes from another process.
    failure : Failure or None
        In a worker process, what is written to a file as soon as the exception is sent away: one that the worker
        handles itself is never sent, and leaves nothing.
    saved : str
        In the process that it was sent to, the line that says where its variables are.
    """

    def __init__(self, saved: str = "") -> None:
        thread = threading.current_thread()
        self.thread = "" if thread is threading.main_thread() else thread.name
        self.process = os.getpid()
        self.is_kept = False
        self.is_arrived = False
        self.failure: Failure | None = None
        self.saved = saved

    def __reduce__(self) -> tuple[Callable[..., Passage], tuple[Any, ...]]:
        if is_worker():
            self.save()
        return _arrive, (self.saved,)

    def save(self) -> None:
        """Write the variables to a file, if that was not done yet, and let go of them."""
        if self.failure is not None:
            from naga.postmortem.saved import save_of_worker

            failure, self.failure = self.failure, None
            self.saved = save_of_worker(failure)


def mark(error: BaseException) -> Passage:
    """Return the mark of an exception, which it is given if it has none of this process.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    Passage
    """
    passage = passage_of(error)
    if passage is None or passage.process != os.getpid():
        passage = Passage()
        vars(error)[_ATTRIBUTE] = passage
    return passage


def passage_of(error: BaseException) -> Passage | None:
    """Return the mark of an exception, if it has one.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    Passage or None
    """
    found = vars(error).get(_ATTRIBUTE)
    return found if isinstance(found, Passage) else None


def find_passages(error: BaseException) -> Iterator[Passage]:
    """Find the marks of an exception, of those behind it, and of those in it.

    Parameters
    ----------
    error : BaseException

    Yields
    ------
    Passage
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        passage = passage_of(current)
        if passage is not None:
            yield passage
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions
        waiting += [current.__context__, current.__cause__]


def is_worker() -> bool:
    """Tell whether this process was started by `multiprocessing`, as the pools do.

    Returns
    -------
    bool
    """
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _arrive(saved: str) -> Passage:
    """Make the mark of an exception that was sent here."""
    passage = Passage(saved)
    passage.thread, passage.is_arrived = "", True
    if saved:
        from naga.postmortem.moments import watch_for_failures

        watch_for_failures()
    return passage

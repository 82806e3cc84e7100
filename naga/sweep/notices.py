"""The signals that end a supervisor in good order."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["NOTICES", "noticing", "tell_interrupted"]

NOTICES = {signal.SIGINT: "interrupted", signal.SIGTERM: "ended by SIGTERM"}
"""Signal -> why a supervisor stops that gets it."""


@contextmanager
def noticing(notice: Callable[[int], None]) -> Iterator[None]:
    """Take note of signals instead of being ended by them; only the main thread can.

    Parameters
    ----------
    notice : callable
        Takes the number of a signal of `NOTICES`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda got, _: notice(got)) for number in NOTICES}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def tell_interrupted(running: int) -> None:
    """Say what Ctrl-C does, which may take as long as a task.

    Parameters
    ----------
    running : int
        How many tasks run.
    """
    those = "the task that runs ends" if running == 1 else f"the {running:,} tasks that run end"
    text = f"\nnaga: interrupted: {those} first, and no other begins; Ctrl-C again kills what runs"
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - what a person reads of a sweep

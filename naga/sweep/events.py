"""What happens in a sweep, for whoever shows it."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.sweep.plan import PlannedTask

__all__ = ["Counts", "Failure", "Observer", "Result", "Silent", "TaskEvent", "current_observer", "watching_sweeps"]

_observer: ContextVar[Observer | None] = ContextVar("naga_observer", default=None)


@dataclass(frozen=True, slots=True)
class Counts:
    """How far a sweep is.

    Attributes
    ----------
    total : int
        All tasks.
    skipped : int
        Those that were done before the sweep began.
    done : int
        Those that were finished since, by whomever.
    running : int
    failed : int
    """

    total: int = 0
    skipped: int = 0
    done: int = 0
    running: int = 0
    failed: int = 0

    @property
    def left(self) -> int:
        """Those that have not ended."""
        return self.total - self.skipped - self.done - self.failed


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task did not finish.

    Attributes
    ----------
    ended : {"failed", "killed"}
    type, message : str
    file : str or None
        Where, in the person's own code.
    line : int or None
    """

    ended: str
    type: str
    message: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Something that happened to a task.

    Attributes
    ----------
    kind : str
        ``begun``; ``finished``, ``failed`` or ``killed`` at its end; ``done`` when somebody else has finished it;
        ``repeated`` when it is to be run again because its worker was killed or its supervisor is gone.
    planned : PlannedTask
    seconds : float
        How long it took.
    failure : Failure or None
    detail : str
        In words, why it is repeated or what is odd about it.
    """

    kind: Literal["begun", "finished", "failed", "killed", "done", "repeated"]
    planned: PlannedTask
    seconds: float = 0.0
    failure: Failure | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of the work of a supervisor.

    Attributes
    ----------
    counts : Counts
    failures : dict
        Index of a task -> why it did not finish.
    left : list of int
        The tasks that have not ended.
    repeated : int
        How many executions were begun again because their worker was killed or their supervisor was gone.
    stopped : str
        Why it took no more tasks; empty when there was nothing left to take.
    """

    counts: Counts
    failures: dict[int, Failure]
    left: list[int]
    repeated: int
    stopped: str

    @property
    def exit_code(self) -> int:
        """Of a program that has worked on a sweep: 75 when tasks are left, else 1 when one failed, else 0."""
        if self.left:
            return 75
        return 1 if self.failures else 0


class Observer(Protocol):
    """Is told what happens in a sweep, in the thread that runs it."""

    def began(self, counts: Counts) -> None:
        """Take note that the sweep has begun."""
        ...

    def happened(self, event: TaskEvent, counts: Counts) -> None:
        """Take note of something that happened to a task."""
        ...

    def ended(self, counts: Counts) -> None:
        """Take note that the sweep has ended, in whatever way."""
        ...


class Silent:
    """An observer that shows nothing."""

    def began(self, counts: Counts) -> None:
        """Do nothing."""

    def happened(self, event: TaskEvent, counts: Counts) -> None:
        """Do nothing."""

    def ended(self, counts: Counts) -> None:
        """Do nothing."""


@contextmanager
def watching_sweeps(observer: Observer) -> Iterator[None]:
    """Let the sweeps of a block tell an observer what happens, instead of showing a bar.

    Parameters
    ----------
    observer : Observer
        Its methods ``began(counts)``, ``happened(event, counts)`` and ``ended(counts)`` are called.
    """
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


def current_observer() -> Observer | None:
    """Return the observer of the block that this is part of.

    Returns
    -------
    Observer or None
    """
    return _observer.get()

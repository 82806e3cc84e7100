"""The tasks that a supervisor has still to take care of, and those that others are at."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from naga.lock.receipt import RECEIPT_NAME
from naga.sweep.lease import Holder, Lease, LeaseWatch, claim, newest_lease, read_holder
from naga.sweep.settled import stat_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from naga.sweep.journal import JournalReader
    from naga.sweep.plan import PlannedTask

__all__ = ["TaskQueue"]

_LOOK_AGAIN = 0.3
"""Seconds until a task that somebody else is at is looked at again."""

_MOST_AT_ONCE = 200
"""How many of those are looked at in one go."""

_PATIENCE = 10.0
"""Seconds that a journal may need to be seen on a network disk."""

_ENDS = frozenset({"finished", "failed", "killed", "done"})


class TaskQueue:
    """Hands out tasks that nobody else is at.

    Parameters
    ----------
    tasks : sequence of PlannedTask
        All tasks of the sweep, by index.
    todo : iterable of int
        Those to take care of, in their order.
    others : JournalReader
        What the other supervisors of the sweep say.
    sweep : str
        The identifier of the sweep.
    is_gone : callable, optional
        As for `naga.sweep.lease.LeaseWatch`.
    """

    def __init__(
        self,
        tasks: Sequence[PlannedTask],
        todo: Iterable[int],
        others: JournalReader,
        sweep: str,
        is_gone: Callable[[Holder], bool] | None = None,
    ) -> None:
        self._tasks = tasks
        self._waiting = deque(todo)
        self._elsewhere: deque[int] = deque()
        self._open = set(self._waiting)
        self._watch = LeaseWatch(is_gone=is_gone)
        self._others = others
        self._sweep = sweep
        self._ended_since: dict[int, float] = {}
        self._next_look = 0.0

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_held_elsewhere(self) -> bool:
        """Whether all that is left is what others are at."""
        return bool(self._open) and not self._waiting

    def left(self) -> list[int]:
        """Return the tasks that are still here.

        Returns
        -------
        list of int
        """
        return sorted(self._open)

    def put_back(self, index: int, *, elsewhere: bool = False) -> None:
        """Take a task in again.

        Parameters
        ----------
        index : int
        elsewhere : bool
            Somebody else is at it; else it is the next one.
        """
        self._open.add(index)
        if elsewhere:
            self._elsewhere.append(index)
        else:
            self._waiting.appendleft(index)

    def take(self, holder: Holder) -> tuple[int, Lease] | None:
        """Take the next task that is free.

        Parameters
        ----------
        holder : Holder
            Who will run it.

        Returns
        -------
        index : int
        lease : Lease
            None instead of both when no task is free at this moment.
        """
        self._look_again()
        while self._waiting:
            index = self._waiting.popleft()
            if index not in self._open:
                continue
            is_told_soon = self._has_just_ended(index)
            lease = None if is_told_soon else claim(self._tasks[index].folder, holder, self._watch)
            if lease is not None:
                self._open.remove(index)
                return index, lease
            self._elsewhere.append(index)
        return None

    def ended_elsewhere(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Take out the tasks that other supervisors of the sweep say they have ended, and that look so.

        Yields
        ------
        index : int
        entry : dict
            What the journal says.
        """
        for entry in self._others.new_entries():
            index, mark = entry["task"], entry.get("mark") or []
            if entry["kind"] not in _ENDS or index not in self._open:
                continue
            if stat_of(f"{self._tasks[index].folder}/{RECEIPT_NAME}") == mark[:4]:
                self._open.remove(index)
                yield index, entry

    def _has_just_ended(self, index: int) -> bool:
        """Tell whether another supervisor of the sweep has ended a task, and its journal will say so soon."""
        folder = self._tasks[index].folder
        number = newest_lease(folder)
        last = read_holder(folder, number)[0] if number else None
        if last is None or last.sweep != self._sweep or last.ended not in ("finished", "failed", "done"):
            return False
        now = time.monotonic()
        return now - self._ended_since.setdefault(index, now) < _PATIENCE

    def _look_again(self) -> None:
        now = time.monotonic()
        if self._elsewhere and now >= self._next_look:
            self._next_look = now + _LOOK_AGAIN
            for _ in range(min(len(self._elsewhere), _MOST_AT_ONCE)):
                self._waiting.append(self._elsewhere.popleft())

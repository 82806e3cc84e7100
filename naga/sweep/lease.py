"""Leases: which process may run a task now, on whatever machine.

A lease is a file ``.naga/lease-N`` in the folder of the task, made by an exclusive create, which is atomic on network
disks too. The greatest N counts. Leases are never removed and numbers never used again, so whoever has been taken
over finds it out by a greater number, however long it was paused; and the leases of a task tell how often it was begun.
Its supervisor renews a lease by touching it, and says in it how the task ended.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.sweep.host import host_name, is_running

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LEASE_SECONDS", "Holder", "Lease", "LeaseWatch", "claim", "count_losses", "newest_lease", "read_holder"]

LEASE_SECONDS = float(os.environ.get("NAGA_LEASE_SECONDS", "60"))
"""A lease that was not renewed for so long is given up; it is renewed ten times as often."""

_NAME = re.compile(r"lease-([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs a task.

    Attributes
    ----------
    sweep : str
        The sweep that the supervisor works for.
    host : str
        The machine, or the container on it, within which a process has its number for itself.
    machine : str
        Its name, for people.
    pid : int
        The worker.
    start : str
        When the worker started, as its machine counts; a number is used again, but not with the same start.
    job : str
        The job of Slurm that it is part of, as `naga.sweep.slurm_jobs.current_job` has it; empty elsewhere.
    ended : str
        How the task ended: ``finished``, ``failed``, ``killed``, ``left`` where it was begun and is for others; or
        ``done`` where there was nothing to do, and ``buried`` where only the death of the one before was written down.
        Empty while it goes on.
    """

    sweep: str
    host: str
    machine: str
    pid: int
    start: str
    job: str = ""
    ended: str = ""


class Lease:
    """The right to run a task, held by this process for one of its workers.

    Parameters
    ----------
    folder : str
        The folder of the task.
    number : int
        The number of the lease.
    descriptor : int
        The open file.
    holder : Holder
    before : Holder or None
        Who was at the task and is gone without having ended it.
    """

    def __init__(self, folder: str, number: int, descriptor: int, holder: Holder, before: Holder | None = None) -> None:
        self.folder = folder
        self.number = number
        self.before = before
        self._descriptor = descriptor
        self._holder = holder

    def renew(self) -> bool:
        """Say that the task is still being run.

        Returns
        -------
        bool
            False when another process has taken the task over.
        """
        os.utime(self._descriptor)
        return newest_lease(self.folder) == self.number

    def release(self, ended: str) -> None:
        """Write down how the task ended, and give the lease up.

        Parameters
        ----------
        ended : str
            As for `Holder`.
        """
        # Through the open file: if the lease was taken over, or the folder replaced, this changes nothing of others.
        _fill(self._descriptor, replace(self._holder, ended=ended))
        os.close(self._descriptor)


class LeaseWatch:
    """Tells which leases of others are still held.

    The clocks of machines differ, so nothing is computed from them: a lease is given up when it was not renewed for
    as long as it has been watched from here.

    Parameters
    ----------
    seconds : float
        How long a lease may go without being renewed.
    clock : callable
        Returns seconds.
    is_gone : callable, optional
        Tells of the holder of a lease whether it is known to be gone.
    """

    def __init__(
        self,
        seconds: float = LEASE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        is_gone: Callable[[Holder], bool] | None = None,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._is_gone = is_gone or (lambda _: False)
        self._seen: dict[tuple[str, int], tuple[int, float]] = {}

    def is_held(self, folder: str, number: int) -> bool:
        """Tell whether the holder of a lease is still at it.

        Parameters
        ----------
        folder : str
            The folder of the task.
        number : int
            The number of its newest lease.

        Returns
        -------
        bool
        """
        holder, renewed = read_holder(folder, number)
        if holder is not None and (holder.ended or (holder.host == host_name() and not _is_alive(holder))):
            return False
        if holder is not None and self._is_gone(holder):
            return False
        now = self._clock()
        before, since = self._seen.get((folder, number), (None, now))
        if before != renewed:
            since = now
        self._seen[folder, number] = renewed, since
        return now - since < self._seconds


def claim(folder: str, holder: Holder, watch: LeaseWatch) -> Lease | None:
    """Take a task, if nobody else is at it.

    Parameters
    ----------
    folder : str
        The folder of the task; it is made where it is missing.
    holder : Holder
        Who will run the task.
    watch : LeaseWatch

    Returns
    -------
    Lease or None
        None when somebody else runs it. Of all who try to take the same task at the same time one gets it.

    Raises
    ------
    OSError
        The folder cannot be written to.

    Notes
    -----
    open(2) of the Linux manual says that O_EXCL is supported on NFS from version 3 on.
    """
    number = newest_lease(folder)
    if number and watch.is_held(folder, number):
        return None
    name = f"{folder}/.naga/lease-{number + 1}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, 0o666)
    except FileExistsError:
        return None
    except FileNotFoundError:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        return claim(folder, holder, watch)
    _fill(descriptor, holder)
    before = read_holder(folder, number)[0] if number else None
    return Lease(folder, number + 1, descriptor, holder, None if before is None or before.ended else before)


def count_losses(folder: str, number: int, sweep: str) -> int:
    """Count how often a task was begun in a sweep and not ended, since whoever ran it was killed.

    Parameters
    ----------
    folder : str
        The folder of the task.
    number : int
        Leases before this one count.
    sweep : str
        The identifier of the sweep.

    Returns
    -------
    int
    """
    holders = (read_holder(folder, before)[0] for before in range(1, number))
    return sum(holder is not None and holder.sweep == sweep and holder.ended in ("", "killed") for holder in holders)


def newest_lease(folder: str) -> int:
    """Return the number of the newest lease of a task.

    Parameters
    ----------
    folder : str
        The folder of the task.

    Returns
    -------
    int
        0 when it was never begun.
    """
    try:
        names = os.listdir(f"{folder}/.naga")  # noqa: PTH208 - called for each of many tasks
    except (FileNotFoundError, NotADirectoryError):
        return 0
    return max((int(found[1]) for found in map(_NAME.fullmatch, names) if found), default=0)


def read_holder(folder: str, number: int) -> tuple[Holder | None, int]:
    """Read who holds a lease.

    Parameters
    ----------
    folder : str
        The folder of the task.
    number : int
        The number of a lease.

    Returns
    -------
    holder : Holder or None
        None when the lease was just made, and its holder is not written down yet.
    renewed : int
        When it was renewed, in nanoseconds of the disk's clock; 0 when it is gone.
    """
    try:
        with open(f"{folder}/.naga/lease-{number}", "rb") as file:  # noqa: PTH123 - of each of many tasks
            content, status = file.read(4096), os.fstat(file.fileno())
    except (FileNotFoundError, NotADirectoryError):
        return None, 0
    try:
        values: Any = json.loads(content)
        return Holder(**{name: type(default)(values[name]) for name, default in _EXAMPLE.items()}), status.st_mtime_ns
    except (ValueError, KeyError, TypeError):
        return None, status.st_mtime_ns


def _is_alive(holder: Holder) -> bool:
    return is_running(holder.pid, holder.start)


def _fill(descriptor: int, holder: Holder) -> None:
    content = json.dumps(asdict(holder)).encode() + b"\n"
    os.pwrite(descriptor, content, 0)
    os.ftruncate(descriptor, len(content))


_EXAMPLE = asdict(Holder("", "", "", 0, ""))

"""Why the process of a worker ended, and what its receipt is to say."""

from __future__ import annotations

import re
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from naga.errors import NagaError
from naga.lock.receipt import RECEIPT_NAME, ErrorEntry, read_receipt, write_receipt
from naga.lock.times import utc_text

if TYPE_CHECKING:
    from naga.sweep.lease import Holder

__all__ = ["Coroner", "MemoryKills", "count_memory_kills", "death_of", "mark_killed"]

_COUNT = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)
_ROOTS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


class Coroner:
    """Says why those who ran tasks are gone; on clusters another one knows more.

    Attributes
    ----------
    attempts : int
        How often a task may be begun whose worker is killed each time.
    comes_back : bool
        Whether one who is stopped at a task will be started again.
    """

    attempts = 3
    comes_back = False

    def is_gone(self, holder: Holder) -> bool:  # noqa: ARG002 - for those who can ask
        """Tell whether the holder of a lease is known to be gone, besides what its own machine knows.

        Parameters
        ----------
        holder : Holder

        Returns
        -------
        bool
        """
        return False

    def of_worker(self, code: int, before: MemoryKills) -> ErrorEntry:
        """Say why the process of a worker ended that was at a task.

        Parameters
        ----------
        code : int
            Its exit code, or the number of the signal below zero.
        before : MemoryKills
            As they were when it started.

        Returns
        -------
        ErrorEntry
        """
        return death_of(code, before)

    def of_holder(self, holder: Holder) -> ErrorEntry:
        """Say why a task was not ended by one who is gone.

        Parameters
        ----------
        holder : Holder

        Returns
        -------
        ErrorEntry
        """
        message = f"process {holder.pid} on {holder.machine} was at it and is gone"
        return ErrorEntry(type="Killed", message=message)

    def of_stop(self, stopped: str) -> ErrorEntry:
        """Say why a task is left that could not be ended in time.

        Parameters
        ----------
        stopped : str
            Why its supervisor stops.

        Returns
        -------
        ErrorEntry
        """
        return ErrorEntry(type="Interrupted", message=stopped)


class MemoryKills(NamedTuple):
    """How many processes Linux has ended for lack of memory: in a control group, and on the whole machine."""

    file: Path | None
    in_group: int
    on_machine: int


def count_memory_kills(pid: int) -> MemoryKills:
    """Count what Linux has ended for lack of memory, as far as it concerns a process.

    Parameters
    ----------
    pid : int

    Returns
    -------
    MemoryKills
        Zeros where nothing is known.

    Notes
    -----
    ``oom_kill`` stands in ``memory.events`` of a control group of version 2, in ``memory.oom_control`` of version 1,
    and in ``/proc/vmstat``.
    """
    file = _group_file(pid)
    return MemoryKills(file, _count(file), _count(Path("/proc/vmstat")))


def death_of(code: int, before: MemoryKills) -> ErrorEntry:
    """Say why a worker ended that was at a task.

    Parameters
    ----------
    code : int
        Its exit code, or the number of the signal below zero.
    before : MemoryKills
        As they were when it started.

    Returns
    -------
    ErrorEntry
    """
    if code >= 0:
        message = f"its process ended itself with exit code {code}"
        return ErrorEntry(type="ProcessEnded", message=message)
    name = next((known.name for known in signal.Signals if known == -code), f"signal {-code}")
    if -code == signal.SIGKILL:
        if _count(before.file) > before.in_group:
            return ErrorEntry(type="OutOfMemory", message="killed by SIGKILL: its group was out of memory")
        if before.file is None and _count(Path("/proc/vmstat")) > before.on_machine:
            return ErrorEntry(type="OutOfMemory", message="killed by SIGKILL: the machine was out of memory")
    return ErrorEntry(type="Killed", message=f"killed by {name}")


def mark_killed(folder: str, error: ErrorEntry) -> None:
    """Complete the receipt of a run that was killed; the lease of its task is held.

    Parameters
    ----------
    folder : str
        The folder of the task. Where there is no receipt of a run that has only started, nothing is done.
    error : ErrorEntry
        Why.
    """
    path = Path(folder, RECEIPT_NAME)
    with suppress(NagaError):
        receipt = read_receipt(path)
        if receipt.status == "started":
            ended = utc_text()
            write_receipt(path, replace(receipt, status="killed", error=error, finished=ended))


def _group_file(pid: int) -> Path | None:
    """Find the file of the control group that a process is in."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    groups = [parts[2].lstrip("/") for line in lines if (parts := line.split(":", 2))[1] in ("", "memory")]
    names = ("memory.events", "memory.oom_control")
    files = (root / group / name for group in groups for root in _ROOTS for name in names)
    return next((file for file in files if file.is_file()), None)


def _count(file: Path | None) -> int:
    with suppress(OSError):
        found = _COUNT.search(file.read_text(encoding="utf-8")) if file else None
        return int(found[1]) if found else 0
    return 0

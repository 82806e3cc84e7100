"""A machine and the processes on it, told apart from all others."""

from __future__ import annotations

import platform
import subprocess
import sys
from functools import cache
from pathlib import Path

__all__ = ["host_name", "is_running", "process_start"]


@cache
def host_name() -> str:
    """Return what is the same for all processes that see each other by their numbers, and for no others.

    Returns
    -------
    str
        It changes when the machine starts again. Containers on one machine have names of their own.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def process_start(pid: int) -> str | None:
    """Return when a process of this machine started.

    Parameters
    ----------
    pid : int

    Returns
    -------
    str or None
        In whatever form the machine has it; None when there is no such process, or one that has ended.

    Notes
    -----
    Field 22 of ``/proc/PID/stat`` (proc(5) of the Linux manual), and field 3 is Z for a process that has ended but
    whose parent has not looked yet; elsewhere what ``ps`` says.
    """
    if sys.platform != "linux":
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


def is_running(pid: int, start: str) -> bool:
    """Tell whether a process of this machine is still the one that it was.

    Parameters
    ----------
    pid : int
    start : str
        What `process_start` returned.

    Returns
    -------
    bool
    """
    return process_start(pid) == start

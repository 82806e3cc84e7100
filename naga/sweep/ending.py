"""Why a job of Slurm ended: what accounting, the queue and the job's own log say, in one answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from naga.lock.receipt import ErrorEntry
from naga.sweep.slurm_commands import GOES_ON, account_rows

if TYPE_CHECKING:
    from pathlib import Path

    from naga.sweep.slurm_commands import Element

__all__ = ["Ending", "ending_of", "log_of_start", "start_line"]

_LOG_LIMIT: Final = 2**18
"""Bytes at the end of a log that are looked at."""

# State of Slurm -> what it is in a receipt: the type of the error, and words.
_STATES: Final = {
    "OUT_OF_MEMORY": ("OutOfMemory", "used more memory than it had asked for"),
    "NODE_FAIL": ("NodeFailure", "lost its node"),
    "BOOT_FAIL": ("NodeFailure", "lost its node, which did not boot"),
    "TIMEOUT": ("TimeLimit", "reached its time limit"),
    "DEADLINE": ("TimeLimit", "reached its deadline"),
    "PREEMPTED": ("Preempted", "was preempted by a job of higher priority"),
    "CANCELLED": ("Cancelled", "was cancelled"),
    "REVOKED": ("Cancelled", "was revoked"),
    "REQUEUED": ("Requeued", "was requeued"),
    "FAILED": ("Killed", "failed"),
}

# What slurmstepd(8), srun and the kernel's messages say, the most telling first. A cluster that watches memory without
# cgroups calls a job that used too much FAILED, and only the log knows better.
_WORDS: Final = (
    (re.compile(r"exceeded .*memory limit.*|oom[-_ ]?kill.*|out-of-memory handler.*", re.I), "OUT_OF_MEMORY"),
    (re.compile(r"DUE TO TIME LIMIT.*"), "TIMEOUT"),
    (re.compile(r"DUE TO PREEMPTION.*"), "PREEMPTED"),
    (re.compile(r"DUE TO NODE FAILURE.*|Node failure on .*"), "NODE_FAIL"),
    (re.compile(r"DUE TO JOB REQUEUE.*"), "REQUEUED"),
    (re.compile(r"CANCELLED AT .*"), "CANCELLED"),
)


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a job is no longer running.

    Attributes
    ----------
    kind : str
        ``OutOfMemory``, ``NodeFailure``, ``TimeLimit``, ``Preempted``, ``Cancelled``, ``Requeued``, ``Killed``, or
        ``Lost`` when nobody knows.
    message : str
        A sentence for the receipt of the task that the job was on.
    """

    kind: str
    message: str

    def error(self) -> ErrorEntry:
        """Return what the receipt of a killed run says.

        Returns
        -------
        ErrorEntry
        """
        return ErrorEntry(type=self.kind, message=self.message)


def start_line(restarts: int) -> str:
    """Return the line with which a worker begins its part of a log that all starts of its job share.

    Parameters
    ----------
    restarts : int
        How often the job was started again before.

    Returns
    -------
    str
        Without a line break.
    """
    return f"naga: start {restarts} of this worker"


def log_of_start(log: Path, restarts: int) -> str:
    """Return what stands in the log of a job since one of its starts, up to the next one.

    Parameters
    ----------
    log : Path
        Its standard error.
    restarts : int
        As for `start_line`.

    Returns
    -------
    str
        Empty when there is no such log. Only the end of a long log is looked at.
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_LIMIT))
            text = file.read(_LOG_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""
    _, found, after = text.partition(start_line(restarts) + "\n")
    if not found:
        # The beginning of a long log is out of sight. A job that died before naga began wrote nothing of its own.
        after = text
    return re.split(rf"^{re.escape(start_line(restarts + 1))}$", after, maxsplit=1, flags=re.M)[0]


def ending_of(job: str, restarts: int, element: Element | None, log: Path | None = None) -> Ending | None:
    """Tell why a job ended.

    Parameters
    ----------
    job : str
        Such as ``12_3``.
    restarts : int
        How often it had been started again when it ended.
    element : Element or None
        What the controller says of it; None when it knows it no longer.
    log : Path, optional
        Its standard error.

    Returns
    -------
    Ending or None
        None while it goes on, or when it is known to have ended but accounting lags behind and says nothing yet.

    Notes
    -----
    Accounting hears of an end seconds after the queue; the states are those of "JOB STATE CODES" in sacct(1).
    """
    if element is not None and element.restarts <= restarts and element.state in GOES_ON:
        return None
    said = _said(log_of_start(log, restarts)) if log else None
    if said is not None and said[0] == "OUT_OF_MEMORY":
        return _ending(job, *said)
    rows = account_rows(job)
    if rows is not None and restarts < len(rows):
        state = rows[restarts].split()[0]
        if state not in GOES_ON:
            return _ending(job, state, rows[restarts])
    if rows is not None and element is not None and element.restarts > restarts:
        return None
    if element is not None and element.restarts == restarts and element.state not in GOES_ON:
        return _ending(job, element.state, element.state)
    if said is not None:
        return _ending(job, *said)
    return Ending("Lost", f"Slurm job {job} is gone from the queue, and nothing says why")


def _said(text: str) -> tuple[str, str] | None:
    """Return the state that a log speaks of, and the words."""
    lines = [line for line in text.splitlines() if line.startswith(("slurmstepd", "srun: "))]
    for pattern, state in _WORDS:
        for line in lines:
            if found := pattern.search(line):
                return state, found[0].strip(" *")
    return None


def _ending(job: str, state: str, words: str) -> Ending:
    kind, what = _STATES.get(state, ("Killed", f"ended as {state}"))
    return Ending(kind, f"Slurm job {job} {what} ({words})")

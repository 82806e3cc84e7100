"""Asking Slurm: its programs, and errors that say whether it is there at all and whether it answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from naga.errors import NagaError, NotFoundError, RefusedError, UnreachableError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "GOES_ON",
    "Element",
    "account_rows",
    "array_limit",
    "ask",
    "cancel_jobs",
    "check_partitions",
    "list_elements",
    "parse_elements",
    "require_slurm",
]

PROGRAMS = ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")

GOES_ON = frozenset({"PENDING", "RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "CONFIGURING", "RESIZING"})
"""The states of jobs that have not ended; see "JOB STATE CODES" in squeue(1)."""

_PATIENCE_SECONDS = 120
_DEFAULT_ARRAY_LIMIT = 1001
_ELEMENT_FIELDS = "JobArrayID:|,State:|,RestartCnt:|,Reason:|"
_ACCOUNT_FIELDS = "JobID,State,Start"


class Element(NamedTuple):
    """What the controller knows of an element: its state, how often it was started again, and why it waits."""

    state: str
    restarts: int
    reason: str


def require_slurm() -> None:
    """Make sure that the programs of Slurm are there.

    Raises
    ------
    NotFoundError
        They are not.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        hint = "log in to a machine of the cluster, or run the sweep here without --slurm_config"
        raise NotFoundError(f"Slurm is not installed here: no {', '.join(missing)} on PATH", hint=hint)


def ask(*command: str) -> str:
    """Run a program of Slurm and return what it printed.

    Parameters
    ----------
    *command : str
        The program and its arguments.

    Returns
    -------
    str

    Raises
    ------
    NotFoundError
        There is no such program.
    UnreachableError
        The controller does not answer.
    RefusedError
        The program ended with an error; the message is Slurm's own.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=_PATIENCE_SECONDS,
        )
    except FileNotFoundError as error:
        raise NotFoundError(f"Slurm is not installed here: no {command[0]} on PATH") from error
    except subprocess.TimeoutExpired as error:
        raise _unreachable(f"{command[0]} did not answer within {_PATIENCE_SECONDS} s") from error
    if done.returncode:
        raise refusal(command[0], done.stderr)
    return done.stdout


def refusal(program: str, said: str) -> NagaError:
    """Turn the last words of a program of Slurm into an error.

    Parameters
    ----------
    program : str
    said : str
        What it wrote to its standard error.

    Returns
    -------
    UnreachableError or RefusedError
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = "; ".join(lines[-3:]) or f"{program} failed without a word"
    if re.search(r"unable to contact|connect failure|connection refused|timed out|configuration source", words, re.I):
        return _unreachable(words)
    return RefusedError(f"Slurm refused: {words}", hint="see the manual page of sbatch(1), or docs/slurm.md")


def check_partitions(names: Iterable[str]) -> None:
    """Make sure that partitions exist.

    Parameters
    ----------
    names : iterable of str

    Raises
    ------
    NotFoundError
        One does not; the hint names the nearest.
    UnreachableError
        The controller does not answer.
    """
    known = ask("sinfo", "--all", "--noheader", "--format=%R").split()
    for name in names:
        if name not in known:
            found = nearest(name, known)
            hint = f"did you mean {found}?" if found else f"there are {', '.join(sorted(set(known)))}"
            raise NotFoundError(f"this cluster has no partition {name!r}", hint=hint, key=name)


def array_limit() -> int:
    """Return how many elements an array may have.

    Returns
    -------
    int
        ``MaxArraySize`` of slurm.conf(5).

    Raises
    ------
    UnreachableError
        The controller does not answer.
    """
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", ask("scontrol", "show", "config"), re.M)
    return int(found[1]) if found else _DEFAULT_ARRAY_LIMIT


def list_elements(arrays: Iterable[str]) -> dict[str, Element]:
    """Ask the controller for the elements of arrays.

    Parameters
    ----------
    arrays : iterable of str
        Ids of jobs.

    Returns
    -------
    dict
        Such as ``12_3`` -> element. The controller forgets an element some time after its end (``MinJobAge``), so one
        that is not here has ended.

    Raises
    ------
    UnreachableError
        The controller does not answer, so that nothing is known.
    """
    found: dict[str, Element] = {}
    for array in arrays:
        try:
            text = ask(
                "squeue", "--noheader", "--array", "--states=all", f"--Format={_ELEMENT_FIELDS}", f"--jobs={array}"
            )
        except RefusedError as error:
            if "invalid job id" not in str(error).lower():
                raise
        else:
            found |= parse_elements(text)
    return found


def parse_elements(text: str) -> dict[str, Element]:
    """Read what squeue printed.

    Parameters
    ----------
    text : str
        A line for each element, its fields ended by ``|``.

    Returns
    -------
    dict
        As for `list_elements`. What is no such line is left out.
    """
    found = {}
    for line in text.splitlines():
        job, state, restarts, reason, *_ = [*line.split("|"), "", "", ""]
        if re.fullmatch(r"\d+(_\d+)?", job.strip()) and restarts.strip().isdecimal():
            found[job.strip()] = Element(state.strip(), int(restarts), reason.strip())
    return found


def account_rows(job: str) -> list[str] | None:
    """Ask Slurm's accounting how a job ended each time that it ran.

    Parameters
    ----------
    job : str
        Such as ``12_3``.

    Returns
    -------
    list of str or None
        A state for each time, as accounting writes it, the first time first; None on a cluster without accounting,
        or when that does not answer.
    """
    command = ("sacct", "--duplicates", "--noheader", "--parsable2", "--allocations", f"--format={_ACCOUNT_FIELDS}")
    try:
        text = ask(*command, f"--jobs={job}")
    except NagaError:
        # Whatever keeps accounting from answering, the queue and the log are still there to be asked.
        return None
    return parse_account(text, job)


def parse_account(text: str, job: str) -> list[str]:
    """Read what sacct printed of a job.

    Parameters
    ----------
    text : str
        A line for each time that it ran, with fields between ``|``.
    job : str

    Returns
    -------
    list of str
        The states, such as ``CANCELLED by 0``. What belongs to other elements, also to ranges of those that have not
        begun (``12_[4-9%2]``), is left out.
    """
    rows = (line.split("|") for line in text.splitlines())
    return [row[1] for row in rows if len(row) >= 2 and row[0] == job and row[1].strip()]


def cancel_jobs(jobs: Iterable[str], *, waiting_only: bool = False) -> None:
    """Cancel jobs.

    Parameters
    ----------
    jobs : iterable of str
        Those that have ended already are left alone.
    waiting_only : bool
        Leave alone those that run, too.

    Raises
    ------
    UnreachableError
        The controller does not answer.
    """
    for job in jobs:
        try:
            ask("scancel", *(["--state=PENDING"] if waiting_only else []), job)
        except RefusedError as error:
            if "invalid job id" not in str(error).lower():
                raise


def _unreachable(words: str) -> UnreachableError:
    return UnreachableError(f"Slurm's controller does not answer: {words}", hint="try again when it is back")

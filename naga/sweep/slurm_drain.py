"""The program that works on a sweep in a job of Slurm: ``python -m naga.sweep.slurm_drain FOLDER``.

SIGINT lets the running task end, a second one kills it. SIGTERM ends everything at once: Slurm sends it when a job is
cancelled or preempted, and why that was is asked afterwards, by whoever finds the lease.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from naga.errors import NagaError
from naga.lock.atomic import write_atomically
from naga.lock.frozen import FrozenCode, run_frozen
from naga.lock.receipt import ErrorEntry
from naga.sweep.deaths import Coroner
from naga.sweep.drain import parse_share
from naga.sweep.events import Silent
from naga.sweep.plan import read_plan, read_tasks
from naga.sweep.slurm_commands import ask
from naga.sweep.slurm_jobs import JobWatch, current_job
from naga.sweep.slurm_record import read_record
from naga.sweep.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naga.sweep.deaths import MemoryKills
    from naga.sweep.events import Result
    from naga.sweep.lease import Holder

__all__ = ["SlurmCoroner", "main"]

_LAST_WORDS = 1.5
"""Seconds that Slurm may need to end all processes of a job when it ends one."""


class SlurmCoroner(Coroner):
    """Asks Slurm why those who ran tasks are gone.

    Parameters
    ----------
    watch : JobWatch
    attempts : int
        How often a task may be begun whose worker is killed each time.
    """

    comes_back = True

    def __init__(self, watch: JobWatch, attempts: int) -> None:
        self._watch = watch
        self.attempts = attempts

    def is_gone(self, holder: Holder) -> bool:
        """Tell whether the job of a holder has ended.

        Parameters
        ----------
        holder : Holder

        Returns
        -------
        bool
        """
        return bool(holder.job) and self._watch.is_gone(holder.job)

    def of_worker(self, code: int, before: MemoryKills) -> ErrorEntry:
        """Say why a worker ended, if that was not the end of the whole job.

        Parameters
        ----------
        code, before
            As for `Coroner`.

        Returns
        -------
        ErrorEntry
        """
        if code == -signal.SIGTERM:
            # The whole job is being ended, and this is no time for receipts.
            os._exit(128 + signal.SIGTERM)
        if code == -signal.SIGKILL:
            time.sleep(_LAST_WORDS)
        return super().of_worker(code, before)

    def of_holder(self, holder: Holder) -> ErrorEntry:
        """Say why the job of a holder ended.

        Parameters
        ----------
        holder : Holder

        Returns
        -------
        ErrorEntry
        """
        if not holder.job or holder.job == current_job():
            return super().of_holder(holder)
        return self._watch.ending(holder.job, patience=3.0).error()

    def of_stop(self, stopped: str) -> ErrorEntry:
        """Say why the task of a job is left that was told to stop.

        Parameters
        ----------
        stopped : str

        Returns
        -------
        ErrorEntry
        """
        job = current_job().rpartition(".")[0]
        try:
            left = _seconds(ask("squeue", "--noheader", "--format=%L", f"--jobs={job}"))
        except NagaError:
            return ErrorEntry(type="TimeLimit", message=f"Slurm job {job} was told that it would end ({stopped})")
        if left > 2 * 60:
            return ErrorEntry(type="Preempted", message=f"Slurm job {job} was told to make room")
        return ErrorEntry(type="TimeLimit", message=f"Slurm job {job} reached its time limit")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments.

    Returns
    -------
    int
        The exit code; as for `naga.sweep.drain`.
    """
    parser = argparse.ArgumentParser(prog="python -m naga.sweep.slurm_drain", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=parse_share, required=True, metavar="K/N")
    parser.add_argument("--attempts", type=int, required=True)
    parser.add_argument("--most", type=int)
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args(argv)
    try:
        result = _drain(options)
    except NagaError as error:
        print(f"naga: error: {error.one_line()}", file=sys.stderr)  # noqa: T201 - the last words of a program
        return error.exit_code if error.exit_code != 75 else 70
    counts = result.counts
    write_atomically(options.report, json.dumps({"ended": counts.done + counts.failed}).encode())
    return result.exit_code


def _drain(options: argparse.Namespace) -> Result:
    folder = options.folder
    plan = read_plan(folder)
    run_frozen([FrozenCode(**code) for code in read_record(folder).frozen])
    os.chdir(plan.program.cwd)
    supervisor = Supervisor(
        folder,
        plan,
        list(read_tasks(folder)),
        jobs=1,
        observer=Silent(),
        waits=False,
        grace=None,
        share=options.share,
        most=options.most,
        coroner=SlurmCoroner(JobWatch(folder), options.attempts),
    )
    return supervisor.run()


def _seconds(text: str) -> float:
    """Read a time as Slurm writes it, ``[[DAYS-]HOURS:]MINUTES:SECONDS``; what is none has no end."""
    days, _, rest = text.strip().rpartition("-")
    parts = rest.split(":")
    if not all(part.isdecimal() for part in parts) or not (days or "0").isdecimal():
        return float("inf")
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return seconds + 86400 * int(days or 0)


if __name__ == "__main__":
    raise SystemExit(main())

"""Waiting for a sweep on Slurm: what its workers have done, and what becomes of the tasks of those that are lost."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from naga.errors import IncompleteError, UnreachableError
from naga.lock.identifier import new_run_id
from naga.lock.receipt import RECEIPT_NAME
from naga.sweep.deaths import mark_killed
from naga.sweep.events import Counts, Failure, Result, TaskEvent
from naga.sweep.host import host_name, process_start
from naga.sweep.journal import Journal, JournalReader
from naga.sweep.lease import Holder, LeaseWatch, claim, count_losses, newest_lease, read_holder
from naga.sweep.settled import stat_of
from naga.sweep.slurm_commands import GOES_ON
from naga.sweep.slurm_jobs import JOBS_NAME, JobWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from naga.sweep.events import Observer
    from naga.sweep.lease import Lease
    from naga.sweep.plan import Plan, PlannedTask
    from naga.sweep.slurm_commands import Element

__all__ = ["Follower"]

_ENDS = frozenset({"finished", "failed", "killed", "done"})
_TURN = frozenset({"", "None", "Resources", "Priority", "JobArrayTaskLimit", "BeginTime", "Dependency", "Cleaning"})
_PAUSE = 0.3
_LOOK = 3.0
"""Seconds between two questions to Slurm."""
_PATIENCE = 10.0
"""Seconds that accounting is given to hear why a job ended."""


class Follower:
    """Follows a sweep until all its tasks have ended.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    plan : Plan
    tasks : list of PlannedTask
    arrays : list of str
        The arrays that were submitted; `submit_again` adds to them.
    observer : Observer
    submit_again : callable
        Submits an array for a number of tasks, and returns its id.
    retries : int
        As `naga.sweep.slurm_settings.SlurmSettings.max_retries`.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        tasks: list[PlannedTask],
        arrays: list[str],
        observer: Observer,
        submit_again: Callable[[int], str],
        retries: int,
    ) -> None:
        self.arrays = arrays
        self._folder, self._plan, self._tasks = folder, plan, tasks
        self._observer, self._submit_again, self._retries = observer, submit_again, retries
        self._watch = JobWatch(folder)
        self._leases = LeaseWatch(is_gone=lambda holder: bool(holder.job) and self._watch.is_gone(holder.job))
        self._journal = Journal(folder, new_run_id())
        self._reader = JournalReader(folder)
        todo = range(len(tasks)) if plan.todo is None else plan.todo
        self._open = set(todo)
        self._unsure: dict[int, dict[str, Any]] = {}
        self._counts = Counts(total=len(tasks), skipped=len(tasks) - len(self._open))
        self._failures: dict[int, Failure] = {}
        self._repeated = 0
        self._rounds = 0
        self._ended_before = 0
        self._told: set[str] = set()
        self._states: Mapping[str, tuple[int, bool]] = {}

    @property
    def counts(self) -> Counts:
        """How far the sweep is."""
        return self._counts

    def follow(self) -> str:
        """Wait until all tasks have ended, or nothing more will come of it.

        Returns
        -------
        str
            Why tasks are left; empty when none is.

        Raises
        ------
        IncompleteError
            Workers end again and again without having run anything.
        UnreachableError, RefusedError
            Workers were lost, and no further array could be submitted.
        """
        next_look = 0.0
        while self._open:
            self._read_journals()
            if self._plan.fail_fast and self._failures:
                return "a task failed"
            if time.monotonic() >= next_look and (stopped := self._look()):
                return stopped
            next_look = next_look if time.monotonic() < next_look else time.monotonic() + _LOOK
            if self._open:
                time.sleep(_PAUSE)
        return ""

    def result(self, stopped: str) -> Result:
        """Return what has come of the sweep so far, and take no more note of it.

        Parameters
        ----------
        stopped : str

        Returns
        -------
        Result
        """
        self._read_journals()
        self._journal.close()
        self._counts = replace(self._counts, running=0)
        return Result(self._counts, self._failures, sorted(self._open), self._repeated, stopped)

    def await_jobs(self, seconds: float) -> bool:
        """Wait until no job of the sweep goes on.

        Parameters
        ----------
        seconds : float
            How long at most.

        Returns
        -------
        bool
            Whether none does.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                elements = self._watch.elements(self.arrays, 1.0)
            except UnreachableError:
                return False
            if not any(element.state in GOES_ON for element in elements.values()):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)

    def bury(self, *, goes_on: bool = True) -> None:
        """Write down why tasks were not ended whose jobs are gone, and give them to others.

        Parameters
        ----------
        goes_on : bool, optional
            False where this sweep will run them no more.
        """
        for index in sorted(self._open):
            folder = self._tasks[index].folder
            number = newest_lease(folder)
            holder = read_holder(folder, number)[0] if number else None
            if holder is None or holder.ended or not holder.job or not self._watch.is_gone(holder.job):
                continue
            lease = claim(folder, self._own_holder(), self._leases)
            if lease is not None and lease.before is not None:
                self._bury_one(self._tasks[index], lease, goes_on=goes_on)

    def _bury_one(self, planned: PlannedTask, lease: Lease, *, goes_on: bool) -> None:
        assert lease.before is not None
        error = self._watch.ending(lease.before.job, _PATIENCE).error()
        mark_killed(planned.folder, error)
        losses = count_losses(planned.folder, lease.number, self._plan.id)
        # The lease itself stands for no attempt.
        lease.release("buried")
        if not goes_on:
            return
        entry: dict[str, Any] = {"task": planned.task.index, "kind": "repeated", "detail": error.message}
        if losses > self._retries:
            failure = Failure("killed", error.type, f"{error.message}, {losses} times")
            mark = stat_of(f"{planned.folder}/{RECEIPT_NAME}")
            entry = {**entry, "kind": "killed", "failure": asdict(failure), "mark": mark}
        self._journal.note(entry)

    def _read_journals(self) -> None:
        for entry in self._reader.new_entries():
            index = entry["task"]
            if entry["kind"] == "repeated":
                self._repeated += 1
                event = TaskEvent("repeated", self._tasks[index], detail=entry.get("detail", ""))
                self._observer.happened(event, self._counts)
            elif entry["kind"] in _ENDS and index in self._open:
                self._unsure[index] = entry
        for index, entry in list(self._unsure.items()):
            # On a network disk a receipt may be seen later than the journal.
            if stat_of(f"{self._tasks[index].folder}/{RECEIPT_NAME}") == (entry.get("mark") or [])[:4]:
                del self._unsure[index]
                self._settle(index, entry)

    def _settle(self, index: int, entry: Mapping[str, Any]) -> None:
        if index not in self._open:
            return
        self._open.remove(index)
        failure = Failure(**entry["failure"]) if entry.get("failure") else None
        if failure is not None:
            self._failures[index] = failure
            self._counts = replace(self._counts, failed=self._counts.failed + 1)
        else:
            self._counts = replace(self._counts, done=self._counts.done + 1)
        event = TaskEvent(entry["kind"], self._tasks[index], entry.get("seconds", 0.0), failure)
        self._observer.happened(event, self._counts)

    def _look(self) -> str:
        """Ask Slurm for the workers, and see to it that there are some."""
        try:
            elements = self._watch.elements(self.arrays, 0.0)
        except UnreachableError:
            # Jobs go on without the controller, and so does this.
            return ""
        states = {job: (element.restarts, element.state in GOES_ON) for job, element in elements.items()}
        if states != self._states:
            self.bury()
            self._states = states
        self._tell_waiting(elements)
        running = sum(element.state in ("RUNNING", "COMPLETING") for element in elements.values())
        self._counts = replace(self._counts, running=min(running, len(self._open)))
        if any(goes_on for _, goes_on in states.values()):
            return ""
        self._read_journals()
        return self._start_again(elements) if self._open else ""

    def _tell_waiting(self, elements: Mapping[str, Element]) -> None:
        """Say why workers wait, unless it is for their turn; some wait for what will never be."""
        waiting = {element.reason for element in elements.values() if element.state == "PENDING"}
        for reason in sorted(waiting - _TURN - self._told):
            self._told.add(reason)
            text = f"naga: workers wait, and Slurm says why: {reason} (JOB REASON CODES in squeue(1))"
            print(text, file=sys.stderr)  # noqa: T201 - what a person reads of a sweep

    def _start_again(self, elements: Mapping[str, Element]) -> str:
        """Submit another array for what is left, unless the person has cancelled the last one."""
        last = [element.state for job, element in elements.items() if job.partition("_")[0] == self.arrays[-1]]
        if last and all(state == "CANCELLED" for state in last):
            return f"the array {self.arrays[-1]} was cancelled"
        ended = self._counts.done + self._counts.failed
        self._rounds = 0 if ended > self._ended_before else self._rounds + 1
        self._ended_before = ended
        if self._rounds > self._retries:
            raise IncompleteError(
                f"the workers of array {self.arrays[-1]} end without having run anything: {self._last_words()}",
                hint=f"their logs are in {os.path.relpath(self._folder / JOBS_NAME)}",
            )
        self.arrays.append(self._submit_again(len(self._open)))
        return ""

    def _last_words(self) -> str:
        logs = sorted((self._folder / JOBS_NAME).glob(f"{self.arrays[-1]}*_log.err"))
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines() if line.strip()]
        told = [line for line in lines if line.startswith("naga: error: ")] or lines
        return told[-1] if told else "they wrote nothing"

    def _own_holder(self) -> Holder:
        pid = os.getpid()
        return Holder(self._plan.id, host_name(), os.uname().nodename, pid, process_start(pid) or "")

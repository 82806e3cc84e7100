"""The supervisor: keeps workers alive, hands tasks to them, renews their leases, and writes their logs."""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from naga.errors import IncompleteError
from naga.lock.identifier import new_run_id
from naga.lock.receipt import RECEIPT_NAME
from naga.lock.redact import Redactor
from naga.sweep.deaths import Coroner, mark_killed
from naga.sweep.events import Counts, Failure, Result, TaskEvent
from naga.sweep.host import host_name
from naga.sweep.journal import Journal, JournalReader
from naga.sweep.lease import LEASE_SECONDS, Holder, Lease, count_losses
from naga.sweep.notices import NOTICES, noticing, tell_interrupted
from naga.sweep.plan import PLAN_NAME
from naga.sweep.process import WorkerProcess, thread_limits
from naga.sweep.queue import TaskQueue
from naga.sweep.settled import stat_of
from naga.sweep.slurm_jobs import current_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from naga.lock.receipt import ErrorEntry
    from naga.sweep.events import Observer
    from naga.sweep.plan import Plan, PlannedTask

__all__ = ["Supervisor"]

_LONGEST_WAIT = 0.25
_MOST_EARLY_DEATHS = 10
"""How many workers in a row may end while they load the script; somebody may be killing them at random."""


class Supervisor:
    """Runs the tasks of a sweep in processes of this machine.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    plan : Plan
    tasks : sequence of PlannedTask
        All of them, by index.
    jobs : int
        How many workers to keep.
    observer : Observer
    waits : bool
        Whether to wait for tasks that others are at; they may be killed, and would have to be run here then.
    grace : float or None
        How many seconds the running tasks are given after SIGTERM; None for as long as they take.
    share : tuple of int
        The number of this supervisor, counted from 0, and how many there are: each begins elsewhere in the list.
    most : int or None
        How many tasks to take at most.
    coroner : Coroner, optional

    Notes
    -----
    Everything happens in the thread that calls `run`. In the main thread, SIGINT and SIGTERM end it in good order: the
    first lets the running tasks end, a second SIGINT kills them.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        tasks: Sequence[PlannedTask],
        *,
        jobs: int,
        observer: Observer,
        waits: bool = True,
        grace: float | None = None,
        share: tuple[int, int] = (0, 1),
        most: int | None = None,
        coroner: Coroner | None = None,
    ) -> None:
        self._plan, self._tasks, self._jobs = plan, tasks, jobs
        self._observer, self._waits, self._grace, self._most = observer, waits, grace, most
        self._coroner = coroner or Coroner()
        todo = list(range(len(tasks))) if plan.todo is None else plan.todo
        begin = share[0] * len(todo) // share[1]
        self._journal = Journal(folder, new_run_id())
        todo, others = todo[begin:] + todo[:begin], JournalReader(folder, self._journal.name)
        self._queue = TaskQueue(tasks, todo, others, plan.id, self._coroner.is_gone)
        self._begun_at = (folder / PLAN_NAME).stat().st_mtime_ns
        self._counts = Counts(total=len(tasks), skipped=len(tasks) - len(todo))
        self._failures: dict[int, Failure] = {}
        self._attempts: dict[int, int] = {}
        self._repeated = 0
        self._selector = selectors.DefaultSelector()
        self._workers: list[WorkerProcess] = []
        self._redactor = Redactor.from_environment(os.environ)
        self._stopped = ""
        self._deadline: float | None = None
        self._is_aborted = False
        self._is_untold = False
        self._next_beat = 0.0
        self._early_deaths = 0

    def run(self) -> Result:
        """Work until nothing is left to take.

        Returns
        -------
        Result

        Raises
        ------
        IncompleteError
            The workers cannot load the script any more, or end before they come to a task.
        """
        self._observer.began(self._counts)
        try:
            with noticing(self._notice):
                self._work()
        finally:
            for worker in self._workers:
                worker.dismiss()
            for worker in list(self._workers):
                self._dismiss(worker)
            self._journal.close()
            self._selector.close()
            self._observer.ended(self._counts)
        return Result(self._counts, self._failures, self._queue.left(), self._repeated, self._stopped)

    def _work(self) -> None:
        while True:
            self._beat()
            self._hand_out()
            busy = [worker for worker in self._workers if worker.index is not None]
            if self._is_untold and busy:
                self._is_untold = False
                tell_interrupted(len(busy))
            if self._is_over(busy):
                return
            for key, _ in self._selector.select(_LONGEST_WAIT):
                worker, kind = key.data
                if worker not in self._workers:
                    continue
                if kind == "output":
                    if not worker.output.pump():
                        self._selector.unregister(worker.output)
                else:
                    self._hear(worker)

    def _is_over(self, busy: Sequence[WorkerProcess]) -> bool:
        if self._is_aborted or (self._deadline is not None and time.monotonic() > self._deadline):
            for worker in busy:
                self._abandon(worker)
            return True
        if busy:
            return False
        return bool(self._stopped) or not len(self._queue) or (self._queue.is_held_elsewhere and not self._waits)

    def _hand_out(self) -> None:
        """Give each worker that has nothing to do a task, and start workers for further tasks."""
        idle = [worker for worker in self._workers if worker.index is None and worker.is_ready]
        while not self._stopped and len(self._queue):
            if not idle:
                starting = sum(not worker.is_ready for worker in self._workers)
                if len(self._workers) < self._jobs and starting < len(self._queue):
                    self._start_worker()
                    continue
                return
            if not self._give(idle[-1]):
                return
            idle.pop()

    def _start_worker(self) -> None:
        plan = self._plan
        hello = {
            "program": asdict(plan.program),
            "fingerprint": plan.fingerprint,
            "configs": plan.configs,
            "root": plan.root,
            "repositories": {root: asdict(entry) for root, entry in plan.repositories.items()},
        }
        worker = WorkerProcess(hello, thread_limits(os.environ, self._jobs))
        self._workers.append(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, (worker, "channel"))
        self._selector.register(worker.output, selectors.EVENT_READ, (worker, "output"))

    def _give(self, worker: WorkerProcess) -> bool:
        holder = Holder(self._plan.id, host_name(), os.uname().nodename, worker.pid, worker.start, current_job())
        taken = self._queue.take(holder)
        if taken is None:
            return False
        index, lease = taken
        planned = self._tasks[index]
        if lease.before is not None and not self._inherit(planned, lease):
            return True
        now = stat_of(f"{planned.folder}/{RECEIPT_NAME}")
        message = {
            "values": dict(planned.task.values),
            "folder": planned.folder,
            "lease": lease.number,
            "look_first": bool(now) and now[2] >= self._begun_at and index not in self._attempts,
        }
        worker.begin(index, lease, self._redactor.learn(planned.task.values), message)
        self._counts = replace(self._counts, running=self._counts.running + 1)
        self._tell(TaskEvent("begun", planned), lease=lease.number)
        self._most = None if self._most is None else self._most - 1
        if self._most == 0:
            self._stopped = self._stopped or "as many tasks as one worker may take"
        return True

    def _inherit(self, planned: PlannedTask, lease: Lease) -> bool:
        """Take over the task of one who is gone, unless it was lost too often."""
        assert lease.before is not None
        error = self._coroner.of_holder(lease.before)
        mark_killed(planned.folder, error)
        losses = count_losses(planned.folder, lease.number, self._plan.id)
        if losses < self._coroner.attempts:
            self._tell_repeated(planned, error.message)
            return True
        lease.release("killed")
        self._count(running=1)
        self._give_up(planned, error, losses)
        return False

    def _hear(self, worker: WorkerProcess) -> None:
        messages = worker.channel.receive()
        if messages is None:
            self._bury(worker)
            return
        for message in messages:
            if "refused" in message:
                self._refuse(worker, message)
            elif "ready" in message:
                worker.is_ready, self._early_deaths = True, 0
                self._redactor = self._redactor.learn(message["base"])
            else:
                self._take_answer(worker, message)

    def _take_answer(self, worker: WorkerProcess, answer: dict[str, Any]) -> None:
        ended = answer["ended"]
        index = worker.end("left" if ended == "lost" else ended)
        planned = self._tasks[index]
        if ended == "lost":
            self._count(running=-1)
            self._queue.put_back(index, elsewhere=True)
            return
        failure = None
        if error := answer.get("error"):
            failure = Failure("failed", error["type"], error["message"], error.get("file"), error.get("line"))
        self._end(planned, ended, answer.get("seconds", 0.0), failure, answer.get("mark"))

    def _end(
        self, planned: PlannedTask, ended: Any, seconds: float, failure: Failure | None, mark: list[Any] | None = None
    ) -> None:
        if failure is None:
            self._count(running=-1, done=1)
        else:
            self._count(running=-1, failed=1)
            self._failures[planned.task.index] = failure
            if self._plan.fail_fast and not self._stopped:
                self._stopped = "a task failed"
        self._tell(TaskEvent(ended, planned, seconds, failure), mark=mark)

    def _give_up(self, planned: PlannedTask, error: ErrorEntry, losses: int) -> None:
        failure = Failure("killed", error.type, f"{error.message}, {losses} times")
        self._end(planned, "killed", 0.0, failure, stat_of(f"{planned.folder}/{RECEIPT_NAME}"))

    def _bury(self, worker: WorkerProcess) -> None:
        """Take leave of a worker that has ended by itself, and see to the task that it was at."""
        code = self._remove(worker, kill=False)
        if worker.index is None:
            self._early_deaths += not worker.is_ready
            if self._early_deaths >= _MOST_EARLY_DEATHS + 3 * self._jobs:
                said = worker.output.before.decode(errors="replace").strip()
                why = self._coroner.of_worker(code, worker.memory_kills).message
                message = f"the workers end before they can run anything: {why} {said[-500:]}".strip()
                raise IncompleteError(message, hint="the cause is mended first")
            return
        error = self._coroner.of_worker(code, worker.memory_kills)
        planned = self._tasks[worker.index]
        mark_killed(planned.folder, error)
        index = worker.end("killed")
        self._attempts[index] = self._attempts.get(index, 0) + 1
        if self._attempts[index] < self._coroner.attempts:
            self._count(running=-1)
            self._queue.put_back(index)
            self._tell_repeated(planned, error.message)
        else:
            self._give_up(planned, error, self._attempts[index])

    def _abandon(self, worker: WorkerProcess) -> None:
        """Kill a worker at its task, which is left for another time."""
        self._remove(worker, kill=True)
        assert worker.index is not None
        planned, error = self._tasks[worker.index], self._coroner.of_stop(self._stopped)
        mark_killed(planned.folder, error)
        losses = 0
        if error.type == "TimeLimit" and worker.lease is not None:
            # A job that comes back begins with this task, which has all of its time then.
            losses = 1 + count_losses(planned.folder, worker.lease.number, self._plan.id)
        index = worker.end("killed" if losses else "left")
        if losses >= self._coroner.attempts:
            self._give_up(planned, error, losses)
            return
        if self._coroner.comes_back:
            self._tell_repeated(planned, error.message)
        self._count(running=-1)
        self._queue.put_back(index)

    def _refuse(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        worker.output.pump()
        said = worker.output.before.decode(errors="replace").strip()
        self._remove(worker, kill=True)
        if said:
            sys.stderr.write(self._redactor.text(said) + "\n")
        raise IncompleteError(self._redactor.text(message["refused"]))

    def _beat(self) -> None:
        """Renew the leases, and hear what the other supervisors of the sweep have done."""
        now = time.monotonic()
        if now < self._next_beat:
            return
        self._next_beat = now + min(LEASE_SECONDS / 10, 1.0)
        for worker in list(self._workers):
            if worker.lease is not None and not worker.lease.renew():
                # It was paused for so long that another has taken its task over.
                self._remove(worker, kill=True)
                self._count(running=-1)
                self._queue.put_back(worker.end("left"), elsewhere=True)
        for index, entry in self._queue.ended_elsewhere():
            failure = Failure(**entry["failure"]) if entry.get("failure") else None
            if failure:
                self._failures[index] = failure
                self._stopped = self._stopped or ("a task failed" if self._plan.fail_fast else "")
            self._count(failed=int(failure is not None), done=int(failure is None))
            self._observer.happened(TaskEvent("done", self._tasks[index], failure=failure), self._counts)

    def _notice(self, number: int) -> None:
        """Take note of a signal."""
        self._is_aborted = self._is_aborted or (bool(self._stopped) and number == signal.SIGINT)
        self._is_untold = not self._stopped and number == signal.SIGINT
        self._stopped = self._stopped or NOTICES[signal.Signals(number)]
        if number == signal.SIGTERM and self._grace is not None and self._deadline is None:
            self._deadline = time.monotonic() + self._grace

    def _count(self, **changes: int) -> None:
        now = {name: getattr(self._counts, name) + change for name, change in changes.items()}
        self._counts = replace(self._counts, **now)

    def _tell_repeated(self, planned: PlannedTask, detail: str) -> None:
        self._repeated += 1
        self._tell(TaskEvent("repeated", planned, detail=detail))

    def _tell(self, event: TaskEvent, **more: Any) -> None:
        known = {"seconds": event.seconds, "detail": event.detail, **more}
        failure = {"failure": asdict(event.failure)} if event.failure else {}
        entry = {name: value for name, value in known.items() if value}
        self._journal.note({"task": event.planned.task.index, "kind": event.kind, **entry, **failure})
        self._observer.happened(event, self._counts)

    def _remove(self, worker: WorkerProcess, *, kill: bool) -> int:
        self._workers.remove(worker)
        self._selector.unregister(worker.channel)
        if worker.output in {key.fileobj for key in self._selector.get_map().values()}:
            self._selector.unregister(worker.output)
        return worker.kill() if kill else worker.wait()

    def _dismiss(self, worker: WorkerProcess) -> None:
        if worker.index is not None:
            self._stopped = self._stopped or "an error of the sweep"
            self._abandon(worker)
        else:
            self._remove(worker, kill=not worker.is_ready)

"""How a sweep stands, seen from its folder: what has ended, what goes on, and what is left."""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.catalog.scan import scan_receipts
from naga.errors import NagaError, NotFoundError
from naga.lock.project import absolute_path, find_project
from naga.lock.receipt import RECEIPT_NAME, read_receipt
from naga.sweep.host import host_name, is_running
from naga.sweep.lease import LEASE_SECONDS, newest_lease, read_holder
from naga.sweep.plan import PlannedTask, read_plan, read_tasks, state_folder
from naga.sweep.slurm_jobs import JobWatch
from naga.sweep.slurm_status import array_statuses
from naga.sweep.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from naga.sweep.plan import Plan
    from naga.sweep.slurm_status import ArrayStatus

__all__ = ["STATES", "TaskOverview", "TaskState", "tasks"]

STATES = ("running", "failed", "killed", "left", "unreadable", "finished")
"""What a task can be, the most urgent first."""

_HEAD = re.compile(rb"naga: 1\nid: \S+\nrecipe: \S+\nstatus: (finished|failed|killed|started)\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState:
    """How a task stands.

    Attributes
    ----------
    folder : Path
        Its folder, absolute.
    source : str
        Where it was given; empty when no plan says so.
    values : mapping
        Dotted key -> value.
    state : {"running", "failed", "killed", "left", "unreadable", "finished"}
        ``killed`` also when the receipt says that it started, and whoever ran it is gone; ``left`` when it was never
        begun, or given back.
    executions : int
        How often it was begun in a sweep.
    holder : str
        Who is at it, or was.
    problem : str
        Why it failed or was killed.
    """

    folder: Path
    source: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    state: str = "left"
    executions: int = 0
    holder: str = ""
    problem: str = ""

    def to_mapping(self) -> dict[str, Any]:
        """Return the task as plain values.

        Returns
        -------
        dict
            The attributes by name.
        """
        return {**{name: getattr(self, name) for name in self.__slots__}, "folder": str(self.folder)}


@dataclass(frozen=True, slots=True)
class TaskOverview:
    """How all tasks of a sweep stand.

    Attributes
    ----------
    sweep : str or None
        The identifier of the newest sweep of that folder; None when there is none, and only receipts are told of.
    tasks : tuple of TaskState
        By index; without a plan by folder.
    arrays : tuple of ArrayStatus
        The arrays of a sweep on Slurm, as they are now.
    """

    sweep: str | None
    tasks: tuple[TaskState, ...]
    arrays: tuple[ArrayStatus, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether a task is running, or an array that would take one."""
        return bool(self.counts["running"]) or any(array.goes_on for array in self.arrays)

    @property
    def counts(self) -> Counter[str]:
        """State -> how many tasks are in it."""
        return Counter(task.state for task in self.tasks)

    @property
    def repeated(self) -> int:
        """How many executions were not the first one of their task."""
        return sum(max(0, task.executions - 1) for task in self.tasks)

    def to_mapping(self) -> dict[str, Any]:
        """Return the overview as plain values.

        Returns
        -------
        dict
            ``sweep``, ``counts``, ``repeated``, ``arrays`` and ``tasks`` as lists of mappings.
        """
        arrays = [asdict(array) for array in self.arrays]
        rows = [task.to_mapping() for task in self.tasks]
        return {
            "sweep": self.sweep,
            "counts": dict(self.counts),
            "repeated": self.repeated,
            "arrays": arrays,
            "tasks": rows,
        }


def tasks(save_dir: str | os.PathLike[str] = ".") -> TaskOverview:
    """Tell how the tasks of a sweep stand.

    Parameters
    ----------
    save_dir : path, optional
        The folder that holds the folders of the tasks, or one above it.

    Returns
    -------
    TaskOverview
        Of the newest sweep there; what its receipts and leases say now. Where no plan of a sweep is left, of all
        receipts below the folder.

    Raises
    ------
    NotFoundError
        There is no such folder.
    """
    place = absolute_path(save_dir)
    folder, plan, planned = _newest_plan(place)
    if folder is None or plan is None:
        found = scan_receipts(place).found
        planned = [PlannedTask(Task(index, {}, ""), os.path.dirname(path)) for index, path in enumerate(found)]  # noqa: PTH120
        return TaskOverview(None, tuple(_state_of(each, place, None) for each in planned))
    arrays = tuple(array_statuses(folder))
    watch = JobWatch(folder) if arrays else None
    return TaskOverview(plan.id, tuple(_state_of(each, Path(plan.program.cwd), watch) for each in planned), arrays)


def _newest_plan(place: Path) -> tuple[Path | None, Plan | None, list[PlannedTask]]:
    folder = state_folder(find_project(place)) / "sweeps"
    names: Iterable[str] = ()
    with suppress(FileNotFoundError, NotADirectoryError):
        names = sorted(os.listdir(folder), reverse=True)  # noqa: PTH208
    for name in names:
        with suppress(NagaError):
            plan = read_plan(folder / name)
            if Path(plan.save_dir).is_relative_to(place) or place.is_relative_to(plan.save_dir):
                return folder / name, plan, list(read_tasks(folder / name))
    return None, None, []


def _state_of(planned: PlannedTask, cwd: Path, watch: JobWatch | None) -> TaskState:
    folder = str(cwd / planned.folder)
    number = newest_lease(folder)
    holder, renewed = read_holder(folder, number) if number else (None, 0)
    state, problem = _receipt_state(folder)
    if holder is not None and not holder.ended:
        if watch is not None and holder.job and watch.is_gone(holder.job):
            # Nobody has come by yet to write it down.
            ending = watch.ending(holder.job)
            state, problem = ("killed", f"{ending.kind}: {ending.message}") if state == "started" else (state, problem)
        elif _is_fresh(holder.host, holder.pid, holder.start, renewed):
            state, problem = "running", ""
        elif state in ("started", "left"):
            state, problem = "killed", "whoever ran it is gone"
    elif state == "started":
        # Of a run outside of a sweep, the receipt alone does not tell whether it goes on.
        state, problem = ("left", "given back") if number else ("running", "outside of a sweep")
    return TaskState(
        folder=Path(folder),
        source=planned.task.source,
        values=planned.task.values,
        state=state,
        executions=_count_executions(folder, number),
        holder=f"{holder.pid} on {holder.machine}" if holder else "",
        problem=problem,
    )


def _count_executions(folder: str, number: int) -> int:
    if number < 2:
        return number
    holders = (read_holder(folder, lease)[0] for lease in range(1, number + 1))
    return sum(holder is None or holder.ended not in ("done", "buried") for holder in holders)


def _receipt_state(folder: str) -> tuple[str, str]:
    path = Path(folder, RECEIPT_NAME)
    try:
        with path.open("rb") as file:
            head = _HEAD.match(file.read(300))
        if head is not None and head[1] in (b"finished", b"started"):
            return head[1].decode(), ""
        receipt = read_receipt(path)
    except (FileNotFoundError, NotADirectoryError, NotFoundError):
        return "left", ""
    except (NagaError, OSError) as error:
        return "unreadable", str(error)
    return receipt.status, f"{receipt.error.type}: {receipt.error.message}" if receipt.error else ""


def _is_fresh(host: str, pid: int, start: str, renewed: int) -> bool:
    if host == host_name():
        return is_running(pid, start)
    return time.time() - renewed / 1e9 < 2 * LEASE_SECONDS

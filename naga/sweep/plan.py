"""The plan of a sweep: what is to be run, worked out once, in a folder that workers on all machines can read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec

from naga.errors import IntegrityError, NotFoundError
from naga.lock.atomic import write_atomically
from naga.lock.identifier import new_run_id
from naga.lock.receipt import RepositoryEntry  # noqa: TC001 - the types of the fields are read when a plan is
from naga.lock.redact import Redactor
from naga.sweep.host import host_name, is_running, process_start
from naga.sweep.program import Program  # noqa: TC001 - likewise
from naga.sweep.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "FORMAT",
    "PLAN_NAME",
    "TASKS_NAME",
    "Owner",
    "Plan",
    "PlannedTask",
    "new_sweep_folder",
    "read_plan",
    "read_tasks",
    "state_folder",
    "write_plan",
]

FORMAT = 1
PLAN_NAME = "plan.json"
TASKS_NAME = "tasks.jsonl"


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task, and where its run will lie.

    Attributes
    ----------
    task : Task
    folder : str
        Its ``save_dir``, as its config will have it.
    key : str
        A digest of everything that its config comes from; empty when that cannot be told.
    """

    task: Task
    folder: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its machine, its number, and when it started."""

    host: str
    pid: int
    start: str | None

    @classmethod
    def current(cls) -> Owner:
        """Return this process.

        Returns
        -------
        Owner
        """
        return cls(host_name(), os.getpid(), process_start(os.getpid()))

    @property
    def is_gone(self) -> bool:
        """Whether it is certain that the process has ended."""
        return self.host == host_name() and not is_running(self.pid, self.start or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A sweep as its workers need it.

    Attributes
    ----------
    naga : int
        The format.
    id : str
        Of the sweep; sorts by time.
    program : Program
        The script and its arguments.
    stage : str
        The name of its main.
    root : str
        The root of the project.
    save_dir : str
        The folder that holds the folders of all tasks, absolute.
    fingerprint : str
        The digest of the config without the tasks.
    repositories : dict
        Root -> its state when the sweep began.
    configs : dict
        Path -> content of config files that workers read as they were.
    is_secret : bool
        Whether arguments or tasks hold secrets, which are not written into the plan.
    force : bool
        Whether finished tasks are run again.
    fail_fast : bool
        Whether to begin no further task after one that failed.
    todo : list of int or None
        The tasks to run, None for all of them.
    launcher : str
        ``local`` when workers come and go with the process that made the plan; the folder is removed once that is gone
        and another sweep begins. Else the launcher removes it.
    owner : Owner
        The process that made the plan.
    tasks : int
        How many tasks there are, with those that were done before.
    """

    naga: int = FORMAT
    id: str = field(default_factory=new_run_id)
    program: Program
    stage: str
    root: str
    save_dir: str
    fingerprint: str
    repositories: dict[str, RepositoryEntry]
    configs: dict[str, str] = field(default_factory=dict)
    is_secret: bool = False
    force: bool = False
    fail_fast: bool = False
    todo: list[int] | None = None
    launcher: str = ""
    owner: Owner = field(default_factory=Owner.current)
    tasks: int


def new_sweep_folder(root: Path, identifier: str) -> Path:
    """Make the folder of a sweep.

    Parameters
    ----------
    root : Path
        The root of the project.
    identifier : str
        Of the sweep.

    Returns
    -------
    Path
        ``.naga/sweeps/IDENTIFIER`` there; git does not see it.
    """
    (root / ".naga").mkdir(exist_ok=True)
    folder = state_folder(root) / "sweeps" / identifier
    (folder / "journal").mkdir(parents=True)
    return folder


def state_folder(root: Path) -> Path:
    """Return the folder for the state of a project, which git does not see.

    Parameters
    ----------
    root : Path
        The root of the project.

    Returns
    -------
    Path
        It need not exist; where it does, it ignores itself.
    """
    folder = root / ".naga"
    ignore = folder / ".gitignore"
    if folder.is_dir() and not ignore.exists():
        write_atomically(ignore, b"*\n")
    return folder


def write_plan(folder: Path, plan: Plan, tasks: Sequence[PlannedTask], *, age: int = 0) -> None:
    """Write a plan; the tasks first, so that whoever sees the plan sees them too.

    Parameters
    ----------
    folder : Path
        The folder of the sweep.
    plan : Plan
    tasks : sequence of PlannedTask
        All of them, by index.
    age : int
        Nanoseconds since the plan knows of what others do; its file is as old. A receipt that is younger may be of
        somebody who ended the task meanwhile.

    Notes
    -----
    The age is taken off the disk's own clock, since those of the machines at it differ.
    """
    redactor = Redactor.from_environment(os.environ)
    with (folder / TASKS_NAME).open("w", encoding="utf-8") as file:
        for planned in tasks:
            task = planned.task
            values = redactor.value(dict(task.values)) if plan.is_secret else task.values
            file.write(json.dumps([values, task.source, planned.folder, planned.key]) + "\n")
        file.flush()
        os.fsync(file.fileno())
    program = replace(plan.program, argv=tuple(redactor.argv(plan.program.argv)))
    path = folder / PLAN_NAME
    write_atomically(path, json.dumps(asdict(replace(plan, program=program))).encode() + b"\n")
    written = path.stat().st_mtime_ns
    os.utime(path, ns=(written, written - age))


def read_plan(folder: Path) -> Plan:
    """Read a plan.

    Parameters
    ----------
    folder : Path
        The folder of a sweep.

    Returns
    -------
    Plan

    Raises
    ------
    NotFoundError
        There is none.
    IntegrityError
        It is not one that this version can read.
    """
    path = folder / PLAN_NAME
    try:
        content = json.loads(path.read_bytes())
        if not isinstance(content, dict) or content.get("naga") != FORMAT:
            raise IntegrityError(f"{path} is no plan that this version of naga can read", path=path)
        return msgspec.convert(content, Plan)
    except OSError as error:
        raise NotFoundError(f"no sweep at {folder}", path=folder) from error
    except (ValueError, msgspec.ValidationError) as error:
        raise IntegrityError(f"{path} is no valid plan: {error}", path=path) from error


def read_tasks(folder: Path) -> Iterator[PlannedTask]:
    """Read the tasks of a plan.

    Parameters
    ----------
    folder : Path
        The folder of a sweep.

    Yields
    ------
    PlannedTask
        By index.
    """
    with (folder / TASKS_NAME).open("rb") as file:
        for index, line in enumerate(file):
            try:
                values, source, place, key = msgspec.json.decode(line)
            except (msgspec.DecodeError, ValueError, TypeError) as error:
                place = folder / TASKS_NAME
                raise IntegrityError(f"{place}:{index + 1} is no task", path=place) from error
            yield PlannedTask(Task(index, values, source), place, key)

"""A sweep from its tasks to its end: planned, launched, and reported."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from naga.lock.project import find_project
from naga.lock.redact import Redactor
from naga.lock.repositories import describe_repository
from naga.lock.settings import read_settings
from naga.lock.snapshot import find_root
from naga.sweep.plan import Plan, new_sweep_folder, write_plan
from naga.sweep.planning import Survey, place_tasks, survey_tasks
from naga.sweep.program import Program, current_program
from naga.sweep.settled import Judge
from naga.sweep.stage import fingerprint
from naga.sweep.summary import Summary
from naga.sweep.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from naga.config.sweep_options import SweepOptions
    from naga.lock.receipt import RepositoryEntry
    from naga.sweep.events import Observer, Result
    from naga.sweep.plan import PlannedTask
    from naga.sweep.stage import Stage
    from naga.sweep.task import Task

__all__ = ["Launcher", "LocalLauncher", "Sweep", "prepare_sweep"]


class Launcher(Protocol):
    """Sees to it that workers run the tasks of a sweep."""

    def launch(self, sweep: Sweep, observer: Observer) -> Result:
        """Run the tasks that are to be run.

        Parameters
        ----------
        sweep : Sweep
        observer : Observer

        Returns
        -------
        Result
        """
        ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that is ready to be run.

    Attributes
    ----------
    plan : Plan
        With everything that workers on this machine are told.
    tasks : list of PlannedTask
        All of them, by index.
    survey : Survey
    summary : Summary
    config_files : tuple of str
        Those that the config comes from, absolute.
    looked : int
        When the look at the receipts began, in nanoseconds of the monotonic clock.
    """

    plan: Plan
    tasks: list[PlannedTask]
    survey: Survey
    summary: Summary
    config_files: tuple[str, ...] = ()
    looked: int = field(default_factory=time.monotonic_ns)

    def write(self) -> Path:
        """Write the plan where workers on all machines can read it.

        Returns
        -------
        Path
            The folder of the sweep.
        """
        folder = new_sweep_folder(Path(self.plan.root), self.plan.id)
        write_plan(folder, self.plan, self.tasks, age=time.monotonic_ns() - self.looked)
        return folder


@dataclass(frozen=True, slots=True)
class LocalLauncher:
    """Runs the tasks in processes of this machine.

    Attributes
    ----------
    jobs : int
        How many at a time.
    """

    jobs: int = 1

    def launch(self, sweep: Sweep, observer: Observer) -> Result:
        """Run the tasks that are to be run.

        Parameters
        ----------
        sweep : Sweep
        observer : Observer

        Returns
        -------
        Result
        """
        sweep = replace(sweep, plan=replace(sweep.plan, launcher="local"))
        folder = sweep.write()
        try:
            return Supervisor(folder, sweep.plan, sweep.tasks, jobs=self.jobs, observer=observer).run()
        finally:
            sweep.summary.take_in(folder, sweep.tasks)
            sweep.summary.save()


def prepare_sweep(stage: Stage, tasks: Sequence[Task], options: SweepOptions, *, dry_run: bool = False) -> Sweep:
    """Check and place all tasks, and find out which of them are done.

    Parameters
    ----------
    stage : Stage
    tasks : sequence of Task
    options : SweepOptions
    dry_run : bool
        Nothing is to be run, so no state of the code is kept.

    Returns
    -------
    Sweep
        Nothing is written yet.

    Raises
    ------
    ConfigError
        As for `naga.sweep.planning.place_tasks`.
    """
    looked = time.monotonic_ns()
    program = current_program()
    root = find_project(Path(program.script).parent)
    redactor = Redactor.from_environment(os.environ, read_settings(root).readable)
    planned = place_tasks(stage, tasks, redactor)
    save_dir = _common_folder(planned)
    summary = Summary.load(root, stage.name, str(save_dir))
    force, only_failed = options.force, options.only_failed
    survey = survey_tasks(stage, planned, Judge(redactor), summary, force=force, only_failed=only_failed)
    plan = Plan(
        program=program,
        stage=stage.name,
        root=str(root),
        save_dir=str(save_dir),
        fingerprint=fingerprint(stage),
        repositories=_repositories(program, root, save_dir) if survey.todo and not dry_run else {},
        is_secret=_is_secret(program, tasks),
        force=options.force,
        fail_fast=options.fail_fast,
        todo=survey.todo if len(survey.todo) < len(planned) else None,
        tasks=len(planned),
    )
    return Sweep(plan, planned, survey, summary, stage.config_files, looked)


def _repositories(program: Program, root: Path, save_dir: Path) -> dict[str, RepositoryEntry]:
    """Keep the state of the code once, for all runs."""
    repository = find_root(Path(program.script).parent) or root
    return {str(repository): describe_repository(repository, root, [save_dir])}


def _common_folder(planned: Sequence[PlannedTask]) -> Path:
    folders = {os.path.dirname(os.path.abspath(each.folder)) for each in planned}  # noqa: PTH100, PTH120
    return Path(os.path.commonpath(folders))


def _is_secret(program: Program, tasks: Sequence[Task]) -> bool:
    """Tell whether what workers are told holds secrets that must not come into a file."""
    redactor = Redactor.from_environment(os.environ)
    words = list(program.argv)
    if redactor.argv(words) != words:
        return True
    keys = {key: "" for task in tasks for key in task.values}
    return any(redactor.value({key: "value"}) != {key: "value"} for key in keys)

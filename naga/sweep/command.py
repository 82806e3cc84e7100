"""The sweep of a script: what the person is told before, meanwhile and at the end."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from naga.lock.describe import printable
from naga.sweep.progress import make_observer
from naga.sweep.report import failure_lines, plan_lines, result_lines
from naga.sweep.sweep import LocalLauncher, prepare_sweep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from naga.config.sweep_options import SweepOptions
    from naga.sweep.events import Result
    from naga.sweep.stage import Stage
    from naga.sweep.sweep import Launcher, Sweep
    from naga.sweep.task import TaskList

__all__ = ["SweepResult", "sweep_command"]


@dataclass(frozen=True, slots=True, repr=False)
class SweepResult:
    """What came of a sweep.

    Attributes
    ----------
    sweep : Sweep
    result : Result or None
        None when nothing was to be run.
    is_dry : bool
        Whether nothing was run because that was only asked about.
    """

    sweep: Sweep
    result: Result | None
    is_dry: bool = False

    @property
    def exit_code(self) -> int:
        """0 when all tasks are done, 1 when some failed, 130 when it was interrupted, 75 when some are left."""
        if self.result is None:
            return 0 if self.is_dry or self.sweep.survey.is_complete else 75
        if self.result.stopped == "interrupted":
            return 130
        if self.result.failures:
            return 1
        return 75 if self.result.left or self.sweep.survey.is_partial else 0

    def __str__(self) -> str:
        return "\n".join(result_lines(self.sweep, self.result))

    def __repr__(self) -> str:
        first = next(result_lines(self.sweep, self.result)).removeprefix("naga: ")
        return f"<{type(self).__name__}: {first}>"


def sweep_command(stage: Stage, tasks: TaskList, options: SweepOptions, *, dry_run: bool = False) -> SweepResult:
    """Run the tasks that are not done, and tell the person about it.

    Parameters
    ----------
    stage : Stage
    tasks : TaskList
    options : SweepOptions
    dry_run : bool
        Say what would be run instead of running it; nothing is written.

    Returns
    -------
    SweepResult

    Raises
    ------
    ConfigError
        A task does not fit; nothing was run.
    IncompleteError
        The workers cannot go on.
    """
    launcher = _launcher(options)
    sweep = prepare_sweep(stage, tasks.tasks, options, dry_run=dry_run)
    _say(plan_lines(sweep, tasks.duplicates))
    if dry_run:
        for index in sweep.survey.todo:
            planned = sweep.tasks[index]
            sys.stdout.write(printable(f"{planned.task.source} -> {planned.folder}") + "\n")
    else:
        sweep.summary.save()
    if dry_run or not sweep.survey.todo:
        return SweepResult(sweep, None, is_dry=dry_run)
    result = SweepResult(sweep, launcher.launch(sweep, make_observer()))
    _say([*result_lines(sweep, result.result), *failure_lines(sweep, result.result)])
    return result


def _launcher(options: SweepOptions) -> Launcher:
    if options.slurm_config is None:
        return LocalLauncher(options.n_jobs or 1)
    from naga.sweep.slurm import SlurmLauncher

    return SlurmLauncher.from_file(options.slurm_config)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - what a person reads of a sweep

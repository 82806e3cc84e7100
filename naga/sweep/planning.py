"""Planning a sweep: every task is checked, gets its folder, and is judged before anything runs."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.config.references import is_varied_by
from naga.errors import ConfigError, NagaError
from naga.lock.receipt import RECEIPT_NAME
from naga.sweep.folders import folder_name
from naga.sweep.plan import PlannedTask
from naga.sweep.settled import Judgement, stat_of
from naga.sweep.summary import ConfigKeys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from naga.lock.redact import Redactor
    from naga.sweep.settled import Judge
    from naga.sweep.stage import Stage
    from naga.sweep.summary import Summary
    from naga.sweep.task import Task

__all__ = ["Survey", "place_tasks", "survey_tasks"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What is to be run, and why.

    Attributes
    ----------
    todo : list of int
        The tasks to run.
    states : Counter
        State of a judgement -> how many tasks are in it.
    reasons : dict
        State -> the reason of the first task in it, in words.
    """

    todo: list[int] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether all tasks are done."""
        return self.states.total() == self.states["done"]

    @property
    def is_partial(self) -> bool:
        """Whether tasks that are not done are left out on purpose."""
        return len(self.todo) < self.states.total() - self.states["done"]


def place_tasks(stage: Stage, tasks: Sequence[Task], redactor: Redactor) -> list[PlannedTask]:
    """Check the values of all tasks, and say where each will lie.

    Parameters
    ----------
    stage : Stage
    tasks : sequence of Task
    redactor : Redactor
        Knows what must not even go into a digest.

    Returns
    -------
    list of PlannedTask

    Raises
    ------
    ConfigError
        A value does not fit, there is no ``save_dir``, or two tasks would share one folder; the message names the
        tasks by where they stand.
    """
    keys = frozenset(key for keys in {frozenset(task.values) for task in tasks} for key in keys)
    is_varied = is_varied_by("save_dir", keys, stage.base)
    planned: list[PlannedTask] = []
    keys_of = ConfigKeys(stage, redactor)
    taken: dict[str, Task] = {}
    for task, config in _configs(stage, tasks):
        save_dir = config["save_dir"]
        folder = save_dir if is_varied else f"{save_dir.rstrip('/')}/{folder_name(task.values)}"
        place = os.path.abspath(folder)  # noqa: PTH100 - links are kept
        first = taken.setdefault(place, task)
        if first is not task:
            hint = "let save_dir in the config depend on what the tasks set, such as save_dir: results/${KEY}"
            message = f"the tasks in {first.source} and {task.source} would share the folder {folder}"
            raise ConfigError(message, hint=hint, path=Path(place), key="save_dir")
        planned.append(PlannedTask(task, folder, keys_of.key(task.values, folder, config)))
    return planned


def survey_tasks(
    stage: Stage,
    planned: Sequence[PlannedTask],
    judge: Judge,
    summary: Summary,
    *,
    force: bool = False,
    only_failed: bool = False,
) -> Survey:
    """Find out which tasks are done.

    Parameters
    ----------
    stage : Stage
    planned : sequence of PlannedTask
    judge : Judge
    summary : Summary
        What is known of receipts; what is read now is added.
    force : bool
        Run everything.
    only_failed : bool
        Run only what failed or was killed.

    Returns
    -------
    Survey
    """
    survey = Survey()
    for each in planned:
        path = f"{os.path.abspath(each.folder)}/{RECEIPT_NAME}"  # noqa: PTH100
        status = stat_of(path)
        group = summary.group_of(each, status)
        if not status:
            judgement = Judgement("missing")
        elif group is not None:
            judgement = judge.judge_group(group, Path(path))
        else:
            judgement, group = judge.judge(Path(path), stage.config({**each.task.values, "save_dir": each.folder}))
            if judgement.state == "done":
                summary.add(each, [*status, group, "finished"])
        survey.states[judgement.state] += 1
        survey.reasons.setdefault(judgement.state, judgement.reason)
        if force or _is_wanted(judgement, only_failed=only_failed):
            survey.todo.append(each.task.index)
    return survey


def _is_wanted(judgement: Judgement, *, only_failed: bool) -> bool:
    return judgement.state in ("failed", "killed") if only_failed else judgement.state != "done"


def _configs(stage: Stage, tasks: Sequence[Task]) -> Iterator[tuple[Task, Mapping[str, Any]]]:
    """Yield the config of each task, which has a folder that a sweep can use."""
    for task in tasks:
        config = _checked(stage, task)
        save_dir = config.get("save_dir")
        if not isinstance(save_dir, str) or not save_dir:
            hint = 'give the config a save_dir, such as save_dir = "results"'
            raise ConfigError("a sweep needs a save_dir for the receipts of its tasks", hint=hint, key="save_dir")
        if "{new}" in save_dir:
            hint = "leave {new} out: a task gets a folder that is named by its values"
            raise ConfigError("a sweep finds what is done in folders of fixed names", hint=hint, key="save_dir")
        yield task, config


def _checked(stage: Stage, task: Task) -> Mapping[str, Any]:
    try:
        return stage.config(task.values)
    except NagaError as error:
        raise _of_task(error, task) from error


def _of_task(error: NagaError, task: Task) -> NagaError:
    """Name the task in an error about its values."""
    message = str(error)
    place = "" if task.source in message else f" (the task in {task.source})"
    return type(error)(f"{message}{place}", hint=error.hint, path=error.path, key=error.key)

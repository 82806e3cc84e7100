"""The options of a script that ask for a sweep: where its tasks come from, and how they are run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from naga.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["SweepOptions", "add_sweep_options", "sweep_options"]

_SOURCES = ("tasks", "tasks_key", "grid")


class SweepOptions(NamedTuple):
    """A sweep as the command line asks for it.

    Attributes
    ----------
    tasks : str or None
        The file with the tasks, ``-`` for standard input. Exactly one of `tasks`, `tasks_key` and `grid` is given.
    tasks_key : str or None
        The dotted key of a list in the config.
    grid : tuple of str
        ``KEY=VALUES`` of a product, in their order.
    task_to : str or None
        The dotted key where the value of a task goes; None lays it over the whole config.
    n_jobs : int or None
        How many tasks run at a time on this machine; None where that was not said.
    slurm_config : Path or None
        The file that says how Slurm is to run the tasks; None for this machine.
    force : bool
        Run also the tasks that are done.
    only_failed : bool
        Run only the tasks that failed.
    fail_fast : bool
        Begin no further task after one that failed.
    """

    tasks: str | None = None
    tasks_key: str | None = None
    grid: tuple[str, ...] = ()
    task_to: str | None = None
    n_jobs: int | None = None
    slurm_config: Path | None = None
    force: bool = False
    only_failed: bool = False
    fail_fast: bool = False


def add_sweep_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a sweep to a parser.

    Parameters
    ----------
    parser : ArgumentParser
    """
    options = parser.add_argument_group("many runs, one for each task")
    options.add_argument(
        "--tasks",
        metavar="FILE",
        help="a file of tasks: text (one value a line), YAML, JSON or CSV; - for standard input",
    )
    options.add_argument("--tasks_key", metavar="KEY", help="the key of a list of tasks in the config")
    options.add_argument(
        "--grid",
        nargs="+",
        action="extend",
        metavar="KEY=VALUES",
        help="every combination of values: lr=0.1,0.01 seed=0..4",
    )
    options.add_argument("--task_to", metavar="KEY", help="the key that the value of a task sets")
    options.add_argument("--n_jobs", type=_positive, metavar="N", help="how many tasks to run at a time (default: 1)")
    options.add_argument("--slurm_config", type=Path, metavar="FILE", help="run the tasks on Slurm as this file says")
    options.add_argument("--force", action="store_true", help="run also the tasks that are done")
    options.add_argument("--only_failed", action="store_true", help="run only the tasks that failed")
    options.add_argument("--fail_fast", action="store_true", help="begin no further task after one that failed")


def sweep_options(parsed: argparse.Namespace) -> SweepOptions | None:
    """Gather the options of a sweep.

    Parameters
    ----------
    parsed : Namespace
        What the parser returned.

    Returns
    -------
    SweepOptions or None
        None when no sweep is asked for.

    Raises
    ------
    UsageError
        The options contradict each other, or there is nothing that they could be about.
    """
    names = SweepOptions._fields
    given = {name: value for name in names if (value := getattr(parsed, name)) not in (None, False)}
    if not given:
        return None
    sources = [name for name in _SOURCES if name in given]
    if not sources:
        hint = "add --tasks FILE, --tasks_key KEY or --grid KEY=VALUES, or leave it out"
        raise UsageError(f"--{next(iter(given))} is about tasks, and there are none", hint=hint)
    if len(sources) > 1:
        hint = "give one of them; a grid over a list can be written as one list"
        raise UsageError(f"--{sources[0]} and --{sources[1]} both say what the tasks are", hint=hint)
    _refuse_pair(given, "force", "only_failed", "--force runs everything; leave one of them out")
    hint = "slurm_array_parallelism in that file says how many run at a time; leave --n_jobs out"
    _refuse_pair(given, "n_jobs", "slurm_config", hint)
    return SweepOptions(**{**given, "grid": tuple(given.get("grid", ()))})


def _refuse_pair(given: Iterable[str], one: str, other: str, hint: str) -> None:
    if one in given and other in given:
        raise UsageError(f"--{one} and --{other} contradict each other", hint=hint)


def _positive(word: str) -> int:
    number = int(word) if word.isascii() and word.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number of 1 or more")
    return number

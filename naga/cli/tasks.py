"""``naga tasks``: how a sweep stands."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import Cell, mark, print_line, print_rows
from naga.lock.describe import short_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import TaskOverview

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga tasks results
  naga tasks results --watch
  naga tasks results --all
  naga tasks results --json

exit codes: 0 all tasks are finished; 1 some failed or were killed; 66 there is no such folder;
75 none failed, but some are running or left
"""
_HEADER = ("STATE", "TASK", "BEGUN", "WHO", "FOLDER", "PROBLEM")
_SHOWN = 50
_EVERY = 2.0
"""Seconds between two looks."""
_ORDER = ("running", "failed", "killed", "unreadable", "left", "finished")


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "tasks",
        parents=[common],
        help="show how the tasks of a sweep stand",
        description="Show how the tasks of a sweep stand, whoever runs them, as their receipts and leases tell.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("save_dir", metavar="SAVE_DIR", nargs="?", default=".", help="the folder of the results")
    parser.add_argument(
        "--watch", action="store_true", help=f"look again every {_EVERY:.0f} s until nothing is running"
    )
    parser.add_argument("--all", action="store_true", help="list finished tasks and those that are left too")
    parser.set_defaults(run=_tasks)


def _tasks(options: argparse.Namespace) -> int:
    while True:
        overview = naga.tasks(options.save_dir)
        if options.json:
            print(json.dumps(overview.to_mapping(), indent=None if options.watch else 2, default=str))
        else:
            _show(overview, everything=options.all, again=options.watch and sys.stdout.isatty())
        if not options.watch or not overview.goes_on:
            return _exit_code(overview)
        sys.stdout.flush()
        time.sleep(_EVERY)


def _show(overview: TaskOverview, *, everything: bool, again: bool) -> None:
    if again:
        sys.stdout.write("\x1b[H\x1b[2J")
    counts = overview.counts
    told = ", ".join(f"{counts[state]:,} {state}" for state in _ORDER if counts[state])
    repeated = f"; {overview.repeated:,} begun again" if overview.repeated else ""
    print_line(f"{len(overview.tasks):,} tasks: {told or 'none'}{repeated}")
    for array in overview.arrays:
        print_line(array.text())
    rows = list(_rows(overview, everything=everything))
    if rows:
        print_rows(rows[:_SHOWN] if not everything else rows, _HEADER)
    if len(rows) > _SHOWN and not everything:
        print_line(f"and {len(rows) - _SHOWN:,} more; --all or --json lists them")


def _rows(overview: TaskOverview, *, everything: bool) -> Iterator[tuple[Cell | str, ...]]:
    for state in _ORDER:
        if state in ("left", "finished") and not everything:
            continue
        for task in overview.tasks:
            if task.state == state:
                begun = str(task.executions)
                yield mark(state), task.source or "-", begun, task.holder or "-", short_path(task.folder), task.problem


def _exit_code(overview: TaskOverview) -> int:
    counts = overview.counts
    if counts["failed"] or counts["killed"] or counts["unreadable"]:
        return 1
    return 75 if counts["running"] or counts["left"] else 0

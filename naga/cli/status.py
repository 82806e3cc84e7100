"""``naga status``: what has become of the runs below a folder."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import Cell, mark, print_line, print_rows
from naga.lock.describe import short_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import Run

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga status
  naga status --why results/evaluate
  naga status --json

exit codes: 0 all runs are ok; 1 one is not; 66 there is no such folder
"""
_DESCRIPTION = """\
Say of each run below a folder what has become of it: ok, stale (it would come out otherwise), modified (an output is
not what the run left), missing (an input or output is gone), failed, killed, started, unreadable.
"""
_MOST_CAUSES = 20


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "status",
        parents=[common],
        help="say what has become of the runs below a folder",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", metavar="ROOT", nargs="?", default=".", help="the folder; by default the current one")
    parser.add_argument("--why", action="store_true", help="show the way from each run to the cause of its state")
    parser.set_defaults(run=_status)


def _status(options: argparse.Namespace) -> int:
    found = naga.status(options.root)
    if options.json:
        print(json.dumps([run.to_mapping() for run in found], indent=2))
    elif options.why:
        for run in found:
            _explain(run)
    else:
        print_rows(_row(run) for run in found)
    if not found:
        print(f"naga: no receipts below {options.root}", file=sys.stderr)
    return int(any(run.state != "ok" for run in found))


def _row(run: Run) -> tuple[Cell | str, ...]:
    return mark(run.state or ""), run.stage or "-", short_path(run.path)


def _explain(run: Run) -> None:
    state, stage, path = _row(run)
    print_line(state, "  ", stage, "  ", path)
    for line in _reasons(run):
        print_line("    ", line)


def _reasons(run: Run) -> Iterator[str]:
    if run.problem:
        yield run.problem
    for cause in run.causes[:_MOST_CAUSES]:
        yield f"{run.stage} is {cause.state}: {cause.text()}"
        if len(cause.stages) > 1:
            yield f"    {cause.chain()}"
    if len(run.causes) > _MOST_CAUSES:
        yield f"and {len(run.causes) - _MOST_CAUSES} more causes"

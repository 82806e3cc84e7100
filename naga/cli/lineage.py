"""``naga lineage``: the tree of stages before a run."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import Cell, mark, print_line, short_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import Lineage

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga lineage                     # of the run that started last
  naga lineage results/evaluate
  naga lineage results/evaluate/metrics.json
  naga lineage --json @latest~1

exit codes: 0 drawn; 65 the receipt cannot be read; 66 there is no such run
"""


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "lineage",
        parents=[common],
        help="draw the tree of stages before a run",
        description="Draw a run and the stages before it, each with what has become of it, as naga status says it."
        " A stage that more than one other reads is drawn out once.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "token", metavar="TOKEN", nargs="?", default="@latest", help="an id, @latest (the default), or a path"
    )
    parser.set_defaults(run=_lineage)


def _lineage(options: argparse.Namespace) -> int:
    found = naga.lineage(options.token)
    if options.json:
        print(json.dumps(found.to_mapping(), indent=2))
    else:
        for line in _lines(found):
            print_line(*line)
    return 0


def _lines(found: Lineage) -> Iterator[tuple[Cell | str, ...]]:
    """Yield the lines from the run upwards; a stack of its own stands in for recursion, for a chain may be long."""
    drawn: set[str] = set()
    waiting = [(found.root, "", "")]
    while waiting:
        identifier, branch, indent = waiting.pop()
        run = found.runs[identifier]
        is_again = identifier in drawn
        drawn.add(identifier)
        notes = ("  (above)" if is_again and run.prevs else "") + ("  (run again since)" if run.is_replaced else "")
        yield branch, mark(run.state), f"  {run.stage}  {short_path(run.path)}{notes}"
        prevs = () if is_again else run.prevs
        for place, prev in reversed(list(enumerate(prevs, start=1))):
            is_last = place == len(prevs)
            waiting.append((prev, f"{indent}{'└─ ' if is_last else '├─ '}", f"{indent}{'   ' if is_last else '│  '}"))

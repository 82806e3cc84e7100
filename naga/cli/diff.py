"""``naga diff``: what is different between two runs."""

from __future__ import annotations

import argparse
import json
from typing import Any

import naga
from naga.catalog.telling import comparison_lines
from naga.cli.tables import Cell, print_line

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga diff results/fit results/newest
  naga diff @latest~1 @latest
  naga diff --json 01a1fc6f 01a1fc70

exit codes: 0 the two are the same; 1 they are not; 65 a receipt cannot be read; 66 there is no such run
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
        "diff",
        parents=[common],
        help="say what is different between two runs",
        description="Compare two runs: config, code, data, outputs, environment and the stages before. Only what is"
        " different is shown.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("first", metavar="A", help="an id, @latest, or a path")
    parser.add_argument("second", metavar="B", help="the other one")
    parser.set_defaults(run=_diff)


def _diff(options: argparse.Namespace) -> int:
    comparison = naga.diff(options.first, options.second)
    if options.json:
        print(json.dumps(comparison.to_mapping(), indent=2))
    else:
        for line in comparison_lines(comparison):
            is_section = not str(line[0]).startswith(" ")
            print_line(*(Cell(str(piece), "bold") for piece in line) if is_section else line)
    return int(bool(comparison.differences))

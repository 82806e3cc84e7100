"""``naga lineage``: the tree of stages before a run."""

from __future__ import annotations

import argparse
import json
from typing import Any

import naga
from naga.catalog.telling import lineage_lines
from naga.cli.tables import print_line

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
        for line in lineage_lines(found):
            print_line(*line)
    return 0

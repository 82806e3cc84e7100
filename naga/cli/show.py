"""``naga show``: print a receipt."""

from __future__ import annotations

import argparse
import json
from typing import Any

import naga

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga show                        # the run that started last
  naga show results/process
  naga show results/process/out.txt
  naga show --json results/process/run.lock
  naga show 01a1fc6f-2531
  naga show @latest~1
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
        "show",
        parents=[common],
        help="print a receipt",
        description="Print the receipt of a run.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "token", metavar="TOKEN", nargs="?", default="@latest", help="an id, @latest (the default), or a path"
    )
    parser.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> int:
    _, receipt = naga.find_run(options.token)
    print(json.dumps(receipt.to_mapping(), indent=2) if options.json else naga.describe_receipt(receipt))
    return 0

"""``naga show``: print a receipt."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from naga import describe_receipt, find_receipt, read_receipt

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga show results/process
  naga show results/process/out.txt
  naga show --json results/process/run.lock
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
    parser.add_argument("path", type=Path, help="a run.lock, its folder, or a file beside it")
    parser.set_defaults(run=_show)


def _show(options: argparse.Namespace) -> int:
    receipt = read_receipt(find_receipt(options.path))
    print(json.dumps(receipt.to_mapping(), indent=2) if options.json else describe_receipt(receipt))
    return 0

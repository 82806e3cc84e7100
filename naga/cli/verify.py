"""``naga verify``: whether runs and everything before them are still there as their receipts say."""

from __future__ import annotations

import argparse
import json
from typing import Any

import naga
from naga.catalog.telling import verification_lines
from naga.cli.tables import print_line
from naga.errors import IntegrityError

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga verify                      # the run that started last
  naga verify results/evaluate
  naga verify 01a1fc6f @latest~1 --environment

exit codes: 0 all is there as it was; 1 something is gone or modified, or the run did not finish; 65 a receipt cannot be
read, or the receipts in the lineage contradict each other; 66 there is no such run
"""
_DESCRIPTION = """\
Check a run and each run before it, as its receipt holds them, without a network: is the snapshot of the code in the
repository, is every input and output intact, is this the same environment, do the receipts agree with each other.
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
        "verify",
        parents=[common],
        help="check that runs and everything before them are still there",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("tokens", metavar="TOKEN", nargs="*", help="an id, @latest (the default), or a path")
    parser.add_argument("--environment", action="store_true", help="fail, too, when the environment is another one")
    parser.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    found = [naga.verify(token) for token in options.tokens or ["@latest"]]
    if options.json:
        print(json.dumps([each.to_mapping() for each in found], indent=2))
    else:
        for line in (line for each in found for line in verification_lines(each)):
            print_line(*line)
    if not all(each.is_consistent for each in found):
        return IntegrityError.exit_code
    is_same = not options.environment or all(each.is_same_environment for each in found)
    return int(not is_same or not all(each.is_intact for each in found))

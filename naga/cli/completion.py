"""``naga completion``: TAB in a shell."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga completion
  naga completion zsh
  naga completion bash --dry-run

exit codes: 0 written; 2 the shell cannot be taught, or a file cannot be written
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
        "completion",
        parents=[common],
        help="teach a shell to complete with TAB",
        description="Teach a shell to complete the command line of naga, and of scripts with a naga main, with TAB."
        " A second time it replaces what the first one wrote.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "shell", metavar="SHELL", nargs="?", help="bash, zsh or fish; by default the one that SHELL names"
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be written")
    parser.set_defaults(run=_completion)


def _completion(options: argparse.Namespace) -> int:
    # Here: the other commands do without configs.
    from naga.config.shell_completion import install_completion, plan_installation

    plan = plan_installation(options.shell)
    told = install_completion(plan, dry_run=options.dry_run)
    if options.json:
        startup = None if plan.startup is None else str(plan.startup)
        print(json.dumps({"shell": plan.shell, "script": str(plan.script), "startup": startup}, indent=2))
    else:
        sys.stdout.write(told)
    return 0

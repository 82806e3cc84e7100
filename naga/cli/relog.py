"""``naga relog``: MLflow written anew from receipts."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import naga
from naga.cli.tables import print_line
from naga.lock.describe import short_path

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga relog                       # all finished runs of the current folder
  naga relog results --dry-run
  MLFLOW_TRACKING_URI=sqlite:///mlflow.db MLFLOW_EXPERIMENT_NAME=weather naga relog results

exit codes: 0 done; 66 there is no such folder, or MLflow is not installed; 69 MLflow does not answer, run it again to
go on; 77 MLflow refuses to track in folders
"""
_DESCRIPTION = """\
Write into MLflow what the receipts of finished runs say, the oldest first. A run that is there already is not written
again; of each folder, the newest run is the active one. MLflow says itself where it tracks: by MLFLOW_TRACKING_URI.
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
        "relog",
        parents=[common],
        help="write MLflow anew from receipts",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", metavar="ROOT", nargs="?", default=".", help="look below this folder")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be written")
    parser.set_defaults(run=_relog)


def _relog(options: argparse.Namespace) -> int:
    done = naga.relog(options.root, dry_run=options.dry_run, progress=not options.json)
    if options.json:
        print(json.dumps({**done.to_mapping(), "dry_run": options.dry_run}, indent=2))
        return 0
    verb = "would be written" if options.dry_run else "written"
    print_line(f"{len(done.written)} {verb}, {len(done.present)} there already, {len(done.left_out)} left out")
    for path, reason in done.left_out.items():
        print_line(f"  {short_path(Path(os.path.abspath(path)).parent)}: {reason}")  # noqa: PTH100 - a link keeps its own name
    return 0

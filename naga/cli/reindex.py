"""``naga reindex``: build the catalog anew from the receipts alone."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import naga

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga reindex
  naga reindex results --json

exit codes: 0 done; 66 there is no such folder
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
        "reindex",
        parents=[common],
        help="read all receipts again, and build the catalog from them",
        description="Throw away what the catalog knows of the receipts below a folder, and read them all again. The"
        " catalog notices changes by itself: this is for whoever does not trust it.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", metavar="DIR", nargs="?", default=".", help="the folder; by default the current one")
    parser.add_argument("--dry-run", action="store_true", help="say how many receipts there are, and change nothing")
    parser.set_defaults(run=_reindex)


def _reindex(options: argparse.Namespace) -> int:
    librarian = naga.Librarian(options.root, progress=True)
    begin = time.monotonic()
    try:
        total = librarian.rebuild(dry_run=options.dry_run)
    finally:
        librarian.close()
    seconds = round(time.monotonic() - begin, 3)
    place = librarian.place
    if options.json:
        told = {"root": str(librarian.root), "receipts": total, "seconds": seconds}
        print(json.dumps({**told, "catalog": place.path and str(place.path), "problem": place.problem}, indent=2))
    else:
        verb = "would be read" if options.dry_run else "read"
        print(f"{total} receipt{'s' if total != 1 else ''} below {librarian.root} {verb}")
        if place.problem is not None:
            print(f"naga: the catalog is kept in {place.path or 'memory'}: {place.problem}", file=sys.stderr)
    return 0

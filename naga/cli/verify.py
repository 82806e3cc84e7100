"""``naga verify``: whether runs and everything before them are still there as their receipts say."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import mark, or_absent, print_line, short_path
from naga.errors import IntegrityError
from naga.lock.describe import short_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import Verification
    from naga.lock.verify import CodeCheck, DataCheck, RunCheck

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
_MOST_DIFFERENCES = 10


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
        for each in found:
            _print(each)
    if not all(each.is_consistent for each in found):
        return IntegrityError.exit_code
    is_same = not options.environment or all(each.is_same_environment for each in found)
    return int(not is_same or not all(each.is_intact for each in found))


def _print(verification: Verification) -> None:
    print_line(short_path(verification.path))
    for run in verification.runs:
        print_line("  ", mark(_state(run)), f"  {run.stage}  {run.id}")
        for line in _lines(run):
            print_line("      ", line)


def _state(run: RunCheck) -> str:
    if run.problems:
        return "inconsistent"
    if run.status != "finished":
        return run.status
    states = {check.state for check in (*run.data, *run.outputs)} | {check.state for check in run.code}
    return next((state for state in ("missing", "gone", "unknown", "modified") if state in states), "intact")


def _lines(run: RunCheck) -> Iterator[str]:
    yield from run.problems
    yield from (_code_line(check) for check in run.code if check.state != "available")
    for title, checks in (("input", run.data), ("output", run.outputs)):
        yield from (_data_line(title, check) for check in checks if check.state != "intact")
    differences = run.environment[:_MOST_DIFFERENCES]
    yield from (
        f"environment: {each.what} was {or_absent(each.recorded)}, is {or_absent(each.current)}" for each in differences
    )
    if len(run.environment) > _MOST_DIFFERENCES:
        yield f"environment: and {len(run.environment) - _MOST_DIFFERENCES} more differences"


def _code_line(check: CodeCheck) -> str:
    return f"code: {check.name} is {check.state}{f': {check.detail}' if check.detail else ''}"


def _data_line(title: str, check: DataCheck) -> str:
    if check.detail:
        return f"{title}: {check.path} is {check.state}: {check.detail}"
    if check.now is None:
        return f"{title}: {check.path} is missing"
    files = f": {', '.join(check.files[:_MOST_DIFFERENCES])}" if check.files else ""
    return f"{title}: {check.path} changed from {short_digest(check.was)} to {short_digest(check.now)}{files}"

"""``naga diff``: what is different between two runs."""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import Cell, print_line
from naga.lock.describe import short_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import Comparison
    from naga.lock.compare import Difference

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga diff results/fit results/newest
  naga diff @latest~1 @latest
  naga diff --json 01a1fc6f 01a1fc70

exit codes: 0 the two are the same; 1 they are not; 65 a receipt cannot be read; 66 there is no such run
"""
_MOST_FILES = 10


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
        _print(comparison)
    return int(bool(comparison.differences))


def _print(comparison: Comparison) -> None:
    for section, found in groupby(comparison.differences, key=lambda difference: difference.section):
        print_line(Cell(section, "bold"))
        for line in (line for difference in found for line in _lines(difference)):
            print_line("  ", line)
        if section == "code":
            for line in comparison.statistics:
                print_line("   ", line)


def _lines(difference: Difference) -> Iterator[str]:
    first = "-" if difference.only_in == "second" else _value(difference.section, difference.first)
    second = "-" if difference.only_in == "first" else _value(difference.section, difference.second)
    yield f"{difference.name}: {first} -> {second}{f'  {difference.detail}' if difference.detail else ''}"
    yield from (f"  {file}" for file in difference.files[:_MOST_FILES])
    if len(difference.files) > _MOST_FILES:
        yield f"  and {len(difference.files) - _MOST_FILES} more files"


def _value(section: str, value: Any) -> str:
    if section == "environment" and value is None:
        return "-"
    if section in ("config", "environment"):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return short_digest(value)

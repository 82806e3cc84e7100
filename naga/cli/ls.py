"""``naga ls``: a table of runs."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import naga
from naga.cli.tables import Cell, mark, print_rows
from naga.errors import UsageError
from naga.lock.describe import short_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from naga import Run

__all__ = ["add_to"]

_EXAMPLES = """\
examples:
  naga ls
  naga ls stage:train failed since:2d
  naga ls 'lr>0.01' param!=3 --limit 5
  naga ls status:stale --root results --json

filters, all of which must fit:
  stage:NAME       the stage, with * and ? for any letters
  status:STATE     or the state alone: finished, started, failed, killed, unreadable, ok, stale, modified, missing
  since:AGE        started in the last 90s, 30m, 12h, 2d or 3w, or since a date such as 2026-11-21 (UTC)
  KEY=VALUE        a config value; also != > >= < <=, which the shell wants in quotes; model.lr for a deeper level

exit codes: 0 done; 2 a filter cannot be understood; 66 there is no such folder
"""
_HEADER = ("ID", "STAGE", "STATUS", "STARTED", "TOOK", "SAVE_DIR", "CONFIG")
_SHOWN = 50
_LONGEST_ID = 36
_SHORTEST_ID = 13
"""Characters of an id that tell the millisecond of a run's start."""
_MOST_VALUES = 3
_LONGEST_VALUE = 24
_AGES = ((604800, "w"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def add_to(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the parser of ``naga``.

    Parameters
    ----------
    commands : subparsers action of argparse
    common : ArgumentParser
        The options that every command has.
    """
    parser = commands.add_parser(
        "ls",
        parents=[common],
        help="list runs, the newest first",
        description="List the runs below a folder, the newest first, with the config values in which the runs of a"
        " stage differ.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("filters", metavar="FILTER", nargs="*", help="what the runs must fulfil, see below")
    parser.add_argument("--root", metavar="DIR", default=".", help="the folder; by default the current one")
    parser.add_argument("--limit", metavar="N", type=int, help=f"at most so many; by default {_SHOWN} in a table")
    parser.set_defaults(run=_ls)


def _ls(options: argparse.Namespace) -> int:
    if options.limit is not None and options.limit < 1:
        raise UsageError(f"--limit is {options.limit}, which is less than 1", key="limit")
    if options.json:
        found = naga.runs(options.root, options.filters, limit=options.limit)
        print(json.dumps([run.to_mapping() for run in found], indent=2))
        return 0
    limit = options.limit or _SHOWN
    found = naga.runs(options.root, options.filters, limit=limit + 1)
    print_rows(_rows(found[:limit]), _HEADER if found else ())
    if not found:
        fit = " that these filters fit" if options.filters else ""
        print(f"naga: no runs below {options.root}{fit}", file=sys.stderr)
    if len(found) > limit and options.limit is None:
        print(f"naga: these are the newest {limit}; --limit N shows more", file=sys.stderr)
    return 0


def _rows(found: tuple[Run, ...]) -> Iterator[tuple[Cell | str, ...]]:
    width = _width_of_ids([run.id for run in found if run.id is not None])
    values = _telling_values(found)
    now = datetime.now(UTC)
    for run in found:
        yield (
            (run.id or "-")[:width],
            run.stage or "-",
            mark(run.state or run.status or "unreadable"),
            _age(run.started, now),
            "-" if run.duration is None else f"{run.duration:.2f} s",
            run.save_dir or short_path(run.path),
            values[run.path],
        )


def _width_of_ids(identifiers: list[str]) -> int:
    """Return how much of an id names a run, or a copy of it, and no other."""
    different = set(identifiers)
    widths = range(_SHORTEST_ID, _LONGEST_ID)
    return next((width for width in widths if len({each[:width] for each in different}) == len(different)), _LONGEST_ID)


def _age(started: str | None, now: datetime) -> str:
    try:
        seconds = (now - datetime.fromisoformat(started or "")).total_seconds()
    except (ValueError, TypeError):
        return "-"
    size, unit = next(((size, unit) for size, unit in _AGES if seconds >= size), (1, "s"))
    return f"{seconds / size:.0f} {unit} ago"


def _telling_values(found: Iterable[Run]) -> dict[Any, str]:
    """Return path -> the first few config values in which the runs of the same stage differ."""
    stages: dict[str | None, list[tuple[Run, dict[str, str]]]] = {}
    for run in found:
        stages.setdefault(run.stage, []).append((run, dict(_flat(run.config or {}))))
    told: dict[Any, str] = {}
    for members in stages.values():
        keys = list(dict.fromkeys(key for _, values in members for key in values if key != "save_dir"))
        telling = [key for key in keys if len({values.get(key) for _, values in members}) > 1][:_MOST_VALUES]
        for run, values in members:
            told[run.path] = " ".join(f"{key}={values[key]}" for key in telling if key in values)
    return told


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{prefix}{key}", text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."

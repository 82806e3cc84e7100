"""What was found out about runs, in words: for terminals, line by line."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from naga.lock.badges import Badge, badge_of
from naga.lock.describe import describe_receipt, or_absent, printable, short_digest, short_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga.catalog.questions import Lineage
    from naga.lock.compare import Comparison, Difference
    from naga.lock.receipt import Receipt
    from naga.lock.verify import CodeCheck, DataCheck, RunCheck, Verification

__all__ = ["Line", "check_lines", "comparison_lines", "describe", "lineage_lines", "verification_lines"]

Line = tuple[Badge | str, ...]
"""Pieces that stand next to each other."""

_MOST_FILES = 10


def describe(found: Receipt | Comparison | Verification | Lineage) -> str:
    """Say in words what was found.

    Parameters
    ----------
    found : Receipt, Comparison, Verification or Lineage
        What `naga.find_run`, `naga.diff`, `naga.verify` or `naga.lineage` returned.

    Returns
    -------
    str
        Several lines, as the commands print them, without colours and without a character that could move a cursor.
    """
    # Commands that print no receipt run without the packages that reading one takes.
    from naga.catalog.questions import Lineage
    from naga.lock.compare import Comparison
    from naga.lock.receipt import Receipt

    if isinstance(found, Receipt):
        return describe_receipt(found)
    if isinstance(found, Comparison):
        lines = comparison_lines(found)
    elif isinstance(found, Lineage):
        lines = lineage_lines(found)
    else:
        lines = verification_lines(found)
    return "\n".join(printable("".join(map(str, line))) for line in lines)


def comparison_lines(comparison: Comparison) -> Iterator[Line]:
    """Write the differences of two runs.

    Parameters
    ----------
    comparison : Comparison

    Yields
    ------
    Line
        Sections, and below each with an indentation what is different in it.
    """
    for section, found in groupby(comparison.differences, key=lambda difference: difference.section):
        yield (section,)
        for difference in found:
            yield from ((f"  {line}",) for line in _difference_lines(difference))
        if section == "code":
            yield from ((f"   {line}",) for line in comparison.statistics)


def verification_lines(verification: Verification) -> Iterator[Line]:
    """Write what is left of a run and of those before it.

    Parameters
    ----------
    verification : Verification

    Yields
    ------
    Line
    """
    yield (short_path(verification.path),)
    for run in verification.runs:
        yield "  ", badge_of(run.state), f"  {run.stage}  {run.id}"
        yield from ((f"      {line}",) for line in check_lines(run))


def lineage_lines(found: Lineage) -> Iterator[Line]:
    """Draw a run and the stages before it as a tree.

    Parameters
    ----------
    found : Lineage

    Yields
    ------
    Line
        From the run upwards; what more than one stage reads is drawn out once.

    Notes
    -----
    A stack of its own stands in for recursion, for a chain may be long.
    """
    drawn: set[str] = set()
    waiting = [(found.root, "", "")]
    while waiting:
        identifier, branch, indent = waiting.pop()
        run = found.runs[identifier]
        is_again = identifier in drawn
        drawn.add(identifier)
        notes = ("  (above)" if is_again and run.prevs else "") + ("  (run again since)" if run.is_replaced else "")
        yield branch, badge_of(run.state), f"  {run.stage}  {short_path(run.path)}{notes}"
        prevs = () if is_again else run.prevs
        for place, prev in reversed(list(enumerate(prevs, start=1))):
            is_last = place == len(prevs)
            waiting.append((prev, f"{indent}{'└─ ' if is_last else '├─ '}", f"{indent}{'   ' if is_last else '│  '}"))


def check_lines(run: RunCheck) -> Iterator[str]:
    """Say what of a run is not as it was.

    Parameters
    ----------
    run : RunCheck

    Yields
    ------
    str
    """
    yield from run.problems
    yield from (_code_line(check) for check in run.code if check.state != "available")
    for title, checks in (("input", run.data), ("output", run.outputs)):
        yield from (_data_line(title, check) for check in checks if check.state != "intact")
    differences = run.environment[:_MOST_FILES]
    yield from (
        f"environment: {each.what} was {or_absent(each.recorded)}, is {or_absent(each.current)}" for each in differences
    )
    if len(run.environment) > _MOST_FILES:
        yield f"environment: and {len(run.environment) - _MOST_FILES} more differences"


def _code_line(check: CodeCheck) -> str:
    return f"code: {check.name} is {check.state}{f': {check.detail}' if check.detail else ''}"


def _data_line(title: str, check: DataCheck) -> str:
    if check.detail:
        return f"{title}: {check.path} is {check.state}: {check.detail}"
    if check.now is None:
        return f"{title}: {check.path} is missing"
    files = f": {', '.join(check.files[:_MOST_FILES])}" if check.files else ""
    return f"{title}: {check.path} changed from {short_digest(check.was)} to {short_digest(check.now)}{files}"


def _difference_lines(difference: Difference) -> Iterator[str]:
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

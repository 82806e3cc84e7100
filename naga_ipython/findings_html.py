"""Comparisons, verifications and lineages as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import naga
from naga_ipython.html import badge, below, bold, code, digest, heading, joined, nested, short, table, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from naga import Comparison, Lineage, Verification
    from naga_ipython.html import Html

__all__ = ["html_of_comparison", "html_of_lineage", "html_of_verification"]

_VALUES = "config", "environment"
_MOST_FILES = 10
_MOST = 1000


def html_of_comparison(comparison: Comparison) -> Html:
    """Return what is different between two runs, in three columns: what, and its value in each of them.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Html
    """
    if not comparison.differences:
        return heading("Nothing is different.")
    rows: list[list[object]] = []
    section = None
    for each in comparison.differences[:_MOST]:
        if each.section != section:
            section = each.section
            rows.append([bold(section), "", ""])
        files = [*each.files[:_MOST_FILES], *(["…"] if len(each.files) > _MOST_FILES else [])]
        remarks = [each.detail, *files] if each.detail else files
        rows.append([below([code(each.name), *remarks]), _side(each, "first"), _side(each, "second")])
    header = ["", _title(comparison.first), _title(comparison.second)]
    more = len(comparison.differences) - _MOST
    rest = [*comparison.statistics, *([f"and {more} more differences"] if more > 0 else [])]
    return below([table(rows, header), *map(code, rest)])


def _title(identifier: str) -> Html:
    return short(identifier[:13], identifier)


def _side(difference: Any, side: str) -> object:
    if difference.only_in not in (None, side):
        return "-"
    content = getattr(difference, side)
    return value(content) if difference.section in _VALUES else digest(content)


def html_of_verification(verification: Verification) -> Html:
    """Return what is left of a run and of those before it, a list of them.

    Parameters
    ----------
    verification : Verification

    Returns
    -------
    Html
    """
    items: list[tuple[int, object]] = []
    for run in verification.runs:
        items.append((0, joined(badge(run.state), bold(run.stage), code(run.path or run.id))))
        items += [(1, code(line)) for line in naga.check_lines(run)]
    return nested(items)


def html_of_lineage(lineage: Lineage) -> Html:
    """Return a run and the stages before it as a nested list.

    Parameters
    ----------
    lineage : Lineage

    Returns
    -------
    Html
    """
    return nested(_ancestors(lineage))


def _ancestors(lineage: Lineage) -> Iterator[tuple[int, Html]]:
    drawn: set[str] = set()
    waiting = [(0, lineage.root)]
    while waiting:
        depth, identifier = waiting.pop()
        run = lineage.runs[identifier]
        is_again = identifier in drawn and bool(run.prevs)
        drawn.add(identifier)
        notes = [*(["(above)"] if is_again else []), *(["(run again since)"] if run.is_replaced else [])]
        yield depth, joined(badge(run.state), bold(run.stage), code(naga.short_path(run.path)), *notes)
        if not is_again:
            waiting += [(depth + 1, prev) for prev in reversed(run.prevs)]

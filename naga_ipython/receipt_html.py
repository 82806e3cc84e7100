"""Receipts as HTML, and what is left of their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import naga
from naga_ipython.html import (
    badge,
    below,
    bold,
    code,
    details,
    digest,
    flat,
    heading,
    joined,
    nested,
    pairs,
    table,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from naga import Receipt
    from naga_ipython.html import Html
    from naga_ipython.shown import ShownReceipt

__all__ = ["html_of_receipt", "html_of_shown"]

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def html_of_receipt(receipt: Receipt) -> Html:
    """Return the HTML of a receipt.

    Parameters
    ----------
    receipt : Receipt

    Returns
    -------
    Html
    """
    return _html(receipt, None)


def html_of_shown(shown: ShownReceipt) -> Html:
    """Return the HTML of a receipt with badges that say what is left of the run.

    Parameters
    ----------
    shown : ShownReceipt

    Returns
    -------
    Html
    """
    return _html(shown.receipt, shown)


def _html(receipt: Receipt, shown: ShownReceipt | None) -> Html:
    checks = {run.id: run for run in shown.verification.runs} if shown is not None and shown.verification else {}
    check = checks.get(receipt.id)
    config = {key: value(leaf) for key, leaf in flat(receipt.config) if key.partition(".")[0] != "runlock"}
    sections = {
        "config": pairs(config) if config else None,
        "code": pairs({name: _repository(entry) for name, entry in receipt.repos.items()}) if receipt.repos else None,
        "data": _contents(receipt.data, check.data if check is not None else ()),
        "outputs": _contents(receipt.outputs, check.outputs if check is not None else ()),
        "prevs": nested(_prevs(receipt, checks)) if receipt.prevs else None,
    }
    state = check.state if check is not None else receipt.status
    parts = [heading(naga.stage_name(receipt), badge(state)), pairs(_facts(receipt, shown))]
    return below(
        [*parts, *(details(title, body, is_open=True) for title, body in sections.items() if body is not None)]
    )


def _facts(receipt: Receipt, shown: ShownReceipt | None) -> dict[str, object]:
    rows: dict[str, object] = {"id": code(receipt.id), "started": receipt.started}
    if receipt.duration is not None:
        rows["duration"] = f"{receipt.duration:.2f} s"
    if receipt.recipe is not None:
        rows["recipe"] = code(receipt.recipe)
    if receipt.error is not None:
        place = f" ({receipt.error.file}:{receipt.error.line})" if receipt.error.file else ""
        rows["error"] = code(f"{receipt.error.type}: {receipt.error.message}{place}")
    if shown is not None and shown.verification is None:
        rows["now"] = "another receipt, or none, is in its place"
    elif shown is not None and shown.verification is not None:
        lines = list(naga.check_lines(shown.verification.runs[0]))
        if lines:
            rows["now"] = below(map(code, lines))
    return rows


def _repository(entry: Any) -> Html:
    if entry.snapshot is None:
        return code(entry.problem or "not recorded")
    return joined(digest(entry.snapshot), badge("dirty") if entry.dirty else "clean")


def _contents(entries: Mapping[str, Any], checks: Iterable[Any]) -> Html | None:
    states = {check.name: badge(check.state) for check in checks}
    rows = [
        (name, code(entry.path), digest(entry.digest), _size(entry), states.get(name, ""))
        for name, entry in entries.items()
    ]
    return table(rows) if rows else None


def _size(entry: Any) -> str:
    size, unit = float(entry.size), _UNITS[0]
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    files = f", {entry.files} files" if entry.files is not None else ""
    return f"{size:.{0 if unit == 'B' else 1}f} {unit}{files}"


def _prevs(receipt: Receipt, checks: Mapping[str, Any]) -> Iterator[tuple[int, Html]]:
    """Yield the stages before a run; a stack stands in for recursion, for a chain may be long."""
    drawn: set[str] = set()
    waiting = [(0, item) for item in reversed(list(receipt.prevs.items()))]
    while waiting:
        depth, (name, entry) = waiting.pop()
        ancestor = receipt.lineage.get(entry.id)
        stage = naga.stage_name(ancestor) if ancestor is not None else name
        status = ancestor.status if ancestor is not None else "unreadable"
        state = checks[entry.id].state if entry.id in checks else status
        is_again = entry.id in drawn and ancestor is not None and bool(ancestor.prevs)
        again = "(above)" if is_again else ""
        yield depth, joined(bold(stage), badge(state), code(entry.path), again)
        if ancestor is not None and not is_again:
            waiting += [(depth + 1, item) for item in reversed(list(ancestor.prevs.items()))]
        drawn.add(entry.id)

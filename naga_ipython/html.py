"""The HTML of results and receipts: no script, nothing from a network, everything escaped."""

from __future__ import annotations

import json
import os
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import naga

if TYPE_CHECKING:
    from collections.abc import Mapping

    from naga import Receipt, RunResult

__all__ = ["html_of"]

# JupyterLab's own colours fit its theme; elsewhere the second ones serve on light and dark ground.
_GOOD, _BAD, _OPEN = (
    "var(--jp-success-color1, #2e9e4f)",
    "var(--jp-error-color1, #e5534b)",
    "var(--jp-warn-color1, #c69026)",
)
_COLOURS = {"finished": _GOOD, "failed": _BAD, "killed": _BAD, "started": _OPEN}
_CELL = "text-align:left;vertical-align:top;padding:1px 12px 1px 0"


def html_of(value: RunResult | Receipt, start: str) -> str:
    """Return the HTML of a result or a receipt.

    Parameters
    ----------
    value : RunResult or Receipt
    start : str
        The folder of the notebook, from which a browser follows links.

    Returns
    -------
    str
    """
    return _receipt(value) if isinstance(value, naga.Receipt) else _result(value, start)


def _result(result: RunResult, start: str) -> str:
    receipt = result.receipt
    status = receipt.status if receipt is not None else "finished"
    rows = {"duration": f"{result.duration:.2f} s"}
    if result.value is not None:
        rows["value"] = _code(_short(repr(result.value)))
    if result.receipt_path is not None:
        address = quote(os.path.relpath(result.receipt_path, start))
        shown = escape(os.path.relpath(result.receipt_path))
        rows["receipt"] = f'<a href="{escape(address)}" target="_blank">{shown}</a>'
    config = {key: _code(_json(value)) for key, value in result.shown_config().items()}
    return _heading(result.script.name, status) + _table(rows) + _details("config", _table(config), bool(config))


def _receipt(receipt: Receipt) -> str:
    rows = {"id": _code(receipt.id), "started": escape(receipt.started)}
    if receipt.duration is not None:
        rows["duration"] = f"{receipt.duration:.2f} s"
    if receipt.recipe is not None:
        rows["recipe"] = _code(receipt.recipe)
    if receipt.error is not None:
        place = f" ({receipt.error.file}:{receipt.error.line})" if receipt.error.file else ""
        rows["error"] = _code(f"{receipt.error.type}: {receipt.error.message}{place}")
    parts = [_heading(naga.stage_name(receipt), receipt.status), _table(rows)]
    config = {key: _code(_json(value)) for key, value in receipt.config.items() if key != "runlock"}
    code = {name: _repository(entry) for name, entry in receipt.repos.items()}
    data = {name: _data(entry) for name, entry in receipt.data.items()}
    outputs = {name: _data(entry) for name, entry in receipt.outputs.items()}
    sections = {"config": config, "code": code, "data": data, "outputs": outputs}
    parts += [_details(title, _table(rows), bool(rows), is_open=True) for title, rows in sections.items()]
    parts.append(_details("prevs", _prevs(receipt, receipt.lineage, set()), bool(receipt.prevs), is_open=True))
    return "".join(parts)


def _heading(name: str, status: str) -> str:
    colour = _COLOURS.get(status, "#57606a")
    return f'<div><b>{escape(name)}</b> <span style="color:{colour}">{escape(status)}</span></div>'


def _table(rows: Mapping[str, str]) -> str:
    cells = "".join(
        f'<tr><th style="{_CELL};font-weight:normal;opacity:.7">{escape(name)}</th><td style="{_CELL}">{text}</td></tr>'
        for name, text in rows.items()
    )
    return f'<table style="margin:0">{cells}</table>'


def _details(title: str, body: str, is_there: bool, *, is_open: bool = False) -> str:
    state = " open" if is_open else ""
    return f"<details{state}><summary>{escape(title)}</summary>{body}</details>" if is_there else ""


def _repository(entry: Any) -> str:
    if entry.snapshot is None:
        return escape(entry.problem or "not recorded")
    return _code(entry.snapshot[:10]) + (" with uncommitted changes" if entry.dirty else " clean")


def _data(entry: Any) -> str:
    return f"{_code(entry.path)} {_code(entry.digest.rpartition(':')[2][:10])} {entry.size:,} bytes"


def _prevs(receipt: Receipt, lineage: Mapping[str, Receipt], drawn: set[str]) -> str:
    items = []
    for name, entry in receipt.prevs.items():
        ancestor = lineage.get(entry.id)
        stage = naga.stage_name(ancestor) if ancestor else name
        status = ancestor.status if ancestor else "not recorded"
        deeper = ""
        if ancestor is not None and ancestor.prevs and entry.id not in drawn:
            drawn.add(entry.id)
            deeper = _prevs(ancestor, lineage, drawn)
        items.append(f"<li>{_heading(stage, status)}{_code(entry.path)}{deeper}</li>")
    return f"<ul>{''.join(items)}</ul>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."

"""The result of ``%naga_run`` as HTML."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import naga
from naga_ipython.html import badge, below, code, details, flat, heading, joined, link, pairs, table, value

if TYPE_CHECKING:
    from pathlib import Path

    from naga import Receipt, RunResult
    from naga_ipython.html import Html

__all__ = ["html_of_result"]


def html_of_result(result: RunResult, start: str) -> Html:
    """Return the HTML of what came of a script.

    Parameters
    ----------
    result : RunResult
    start : str
        The folder of the notebook, from which a browser follows links.

    Returns
    -------
    Html
    """
    config = dict(flat(result.shown_config()))
    state = result.receipt.status if result.receipt is not None else "finished"
    parts = [heading(result.script.name, badge(state), f"in {result.duration:.2f} s"), pairs(_facts(result, start))]
    changed = [
        (code(key), value(config[key]) if key in config else "", value(default))
        for key, default in flat(result.defaults)
    ]
    if changed:
        parts.append(table(changed, ("override", "value", "default")))
    if config:
        parts.append(details("config", pairs({key: value(leaf) for key, leaf in config.items()})))
    return below(parts)


def _facts(result: RunResult, start: str) -> dict[str, object]:
    rows: dict[str, object] = {}
    if result.value is not None:
        rows["value"] = code(repr(result.value))
    save_dir = result.shown_config().get("save_dir")
    if isinstance(save_dir, str):
        rows["save_dir"] = code(save_dir)
    if result.receipt_path is not None:
        rows["receipt"] = link(quote(os.path.relpath(result.receipt_path, start)), os.path.relpath(result.receipt_path))
        tracked = _tracked(result.receipt_path, result.receipt) if result.receipt is not None else []
        if tracked:
            rows["MLflow"] = below(tracked)
    return rows


def _tracked(path: Path, receipt: Receipt) -> list[object]:
    try:
        found = naga.tracked_here(path, receipt)
    except naga.NagaError as error:
        return [error.one_line()]
    return [
        joined(link(run.url, run.name) if run.url else code(run.name), badge(run.status), code(run.id)) for run in found
    ]

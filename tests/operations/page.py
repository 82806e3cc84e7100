"""The examples of docs/operations.md: what is the same in every run of them, and how they are read and written."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
EXAMPLE = re.compile(r"```json question\n(.*?)```\n\n```json\n(.*?)```", re.DOTALL)
ROW = {
    *("id", "path", "stage", "status", "state", "badge", "started", "finished", "duration", "metric"),
    *("config", "problem", "on_disk"),
}
VARYING = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "01a2…"),
    (re.compile(r"xxh3_128:[0-9a-f]{32}"), "xxh3_128:…"),
    (re.compile(r"\b[0-9a-f]{10}\b"), "…"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "0a33…"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "8e3a…"),
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "2026-11-21T04:48:24.881Z"),
    (re.compile(r"'?/[^ ']*/project'?"), "/home/person/project"),
)


def examples() -> list[tuple[dict[str, Any], Any]]:
    """Return the questions of the page, each with its answer."""
    found = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    return [(json.loads(question), json.loads(answer)) for question, answer in found]


def constant(value: Any, *, is_top: bool = True, with_rows: bool = True) -> Any:
    """Replace what another run would make otherwise; where rows are not the point, each of them by ``ROW``."""
    if isinstance(value, dict):
        if not is_top and not with_rows and value.keys() == ROW:
            return "ROW"
        return {key: _constant_of(key, item, with_rows=with_rows) for key, item in value.items()}
    if isinstance(value, list):
        return [constant(item, is_top=False, with_rows=with_rows) for item in value]
    if isinstance(value, str):
        for pattern, text in VARYING:
            value = pattern.sub(text, value)
    return value


def _constant_of(key: str, value: Any, *, with_rows: bool) -> Any:
    if key == "environment" and isinstance(value, dict):
        return {name: "…" for name in ("interpreter", "packages", "packages_digest") if name in value}
    if key == "environment" or key == "same_environment":
        # Variables of whoever runs the tests count as a difference.
        return [] if key == "environment" else True
    if key == "duration" and value is not None:
        return 0.05
    if key == "naga":
        return "0.1.0"
    return constant(value, is_top=False, with_rows=with_rows)

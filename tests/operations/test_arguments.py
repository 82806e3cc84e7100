"""Arguments from a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import naga

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("op", "args", "words"),
    [
        ("runz", {}, "did you mean run"),
        ("runs", {"limt": 3}, "did you mean limit?"),
        ("runs", {"limit": 501}, "from 1 to 500"),
        ("runs", {"limit": "0"}, "from 1 to 500"),
        ("runs", {"limit": "٣"}, "whole number"),
        ("runs", {"limit": 1.5}, "whole number"),
        ("runs", {"limit": True}, "whole number"),
        ("runs", {"offset": -1}, "from 0"),
        ("runs", {"sort": "path; DROP TABLE runs"}, "sort"),
        ("runs", {"judge": "yes"}, "true nor false"),
        ("runs", {"filter": "x" * 5000}, "4096"),
        ("runs", {"filter": ["stage:fit"]}, "not a text"),
        ("runs", [], "not a mapping"),
        ("run", {}, "needs the argument run"),
        ("run", {"run": "../run.lock"}, "no path below the root"),
        ("run", {"run": "/etc/run.lock"}, "no path below the root"),
        ("run", {"run": "01a2"}, "no run"),
        ("graph", {"run": "x", "limit": 301}, "from 1 to 300"),
        ("uses", {}, "either a path or a digest"),
        ("verify", {"run": "x", "progress": "y"}, "no argument progress"),
    ],
)
def test_wrong_argument_is_refused_with_its_name(tmp_path: Path, op: str, args: Any, words: str) -> None:
    error = naga.answer(op, args, root=tmp_path)["error"]
    assert words in f"{error['message']} {error['hint']}"


def test_numbers_and_flags_as_text_are_understood(tmp_path: Path) -> None:
    assert naga.answer("runs", {"limit": "5", "judge": "false"}, root=tmp_path)["total"] == 0


def test_root_that_is_not_there_is_an_error_that_says_so(tmp_path: Path) -> None:
    assert naga.answer("runs", root=tmp_path / "nowhere")["error"]["type"] == "NotFoundError"

"""The examples in the docstrings of naga are run as they stand."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)


def list_modules_with_examples() -> list[str]:
    """Return the dotted names of the modules whose text holds an example."""
    paths = sorted(path for package in ("naga", "naga_ipython") for path in (ROOT / package).rglob("*.py"))
    with_examples = [path.relative_to(ROOT) for path in paths if EXAMPLE.search(path.read_text(encoding="utf-8"))]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in with_examples]


@pytest.mark.parametrize("name", list_modules_with_examples())
def test_examples_of_a_module_give_what_they_show(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.failed == 0, capsys.readouterr().out
    assert results.attempted > 0


def test_examples_that_are_wrong_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert doctest.DocTestRunner().run(example).failed == 1
    assert "Expected" in capsys.readouterr().out

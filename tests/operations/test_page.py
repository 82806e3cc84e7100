"""Whatever docs/operations.md shows comes out so."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

import naga
from tests.operations.page import PAGE, constant, examples

if TYPE_CHECKING:
    from pathlib import Path

    from tests.operations.conftest import Ask


@pytest.fixture(scope="module")
def shown(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the pipeline in a folder of the name that the page shows, after its raw data has changed."""
    place = tmp_path_factory.mktemp("page") / "project"
    shutil.copytree(built, place, symlinks=True)
    (place / "data" / "raw.csv").write_text("1,2,4\n")
    return place


@pytest.mark.parametrize(("question", "answer"), examples(), ids=lambda value: value.get("op", ""))
def test_example_asked_again_answers_the_same(shown: Path, question: dict[str, Any], answer: Any) -> None:
    found = naga.answer(question["op"], question["args"], root=shown)
    assert constant(found, with_rows=question["op"] == "runs") == answer


def test_page_has_an_example_of_every_operation() -> None:
    assert {question["op"] for question, _ in examples()} == set(naga.OPERATIONS)


def test_page_names_every_key_of_every_answer(ask: Ask) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for op, args in (("status", {}), ("runs", {}), ("run", {"run": "results/fit-1/run.lock"})):
        for key in ask(op, **args):
            assert f"`{key}`" in text, f"{key} of {op}"

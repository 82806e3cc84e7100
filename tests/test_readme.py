"""What README.md, docs/howto.md and docs/debugging.md show is run, block by block, and must come out as printed."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.pages import ROOT

if TYPE_CHECKING:
    from tests.pages import Reader


@pytest.mark.slow
def test_readme_shows_what_comes_out(reader: Reader) -> None:
    ignored = shutil.ignore_patterns("results", "data", "__pycache__", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "notebooks", reader.root / "notebooks", ignore=ignored)
    reader.commit()
    reader.check("README.md")


@pytest.mark.slow
def test_page_about_failures_shows_what_comes_out(reader: Reader) -> None:
    reader.check("docs/debugging.md")


@pytest.mark.slow
def test_howto_shows_what_comes_out(reader: Reader) -> None:
    reader.check("docs/howto.md")


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ echo a\na\n$ printf 'b\\nc\\n'\nb\n...\n```",
        "```console\n$ echo 'after 0.12 s'\nafter 3.45 s\n```",
        '```console\n$ mkdir -p x\n$ cd x\n$ basename "$PWD"\nx\n```',
        "```python\n# a/b.py\nx = 1\n```\n```console\n$ cat a/b.py\nx = 1\n```",
        "```python\n>>> 1 + 1\n2\n```",
        "```ipython\nIn [1]: x = 1\n   ...: x + 1\nOut[1]: 2\n\nIn [2]: print(x)\n1\n```",
        "```sh\n./scripts/test  # all of it\npip install 'naga-ipython[lab]'\n```",
    ],
)
def test_block_that_is_true_is_let_through(block: str, reader: Reader) -> None:
    assert reader.read(block) == []


@pytest.mark.parametrize(
    "block",
    [
        "```console\n$ echo a\nb\n```",
        "```console\n$ echo a\n```",
        "```console\n$ true\na\n```",
        "```console\n$ echo 'after 0.12 s'\nafter 3 s\n```",
        "```python\nx = 1\n```",
        "```python\n>>> 1 + 1\n3\n```",
        "```ipython\nIn [1]: 1 + 1\nOut[1]: 3\n```",
        "```ipython\nIn [1]: 1 / 0\n```",
        "```yaml\n# .gitignore.yml\n```\n```text\nanything\n```",
        "```sh\n./scripts/nothing\n```",
        "```sh\npip install 'naga-ipython[nothing]'\n```",
        "```sh\nrm -rf x\n```",
    ],
)
def test_block_that_is_not_true_is_reported(block: str, reader: Reader) -> None:
    (difference,) = reader.read(f"# Page\n\n{block}\n")
    assert re.match(r"line \d+: ", difference)


def test_file_that_differs_from_the_repository_is_reported(reader: Reader) -> None:
    (reader.root / "a.py").write_text("x = 1\n", encoding="utf-8")
    reader.commit()
    assert reader.read("```python\n# a.py\nx = 1\n```") == []
    assert len(reader.read("```python\n# a.py\nx = 2\n```")) == 1

"""What docs/notebooks.md shows is run, and must come out as it is printed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.test_readme import ROOT, Reader, check

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.slow
def test_page_of_notebooks_shows_what_comes_out(tmp_path: Path, libraries: str, git: Callable[..., str]) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("results/\n__pycache__/\n", encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    reader = Reader(folder)
    try:
        check(reader, ROOT / "docs" / "notebooks.md")
    finally:
        reader.close()

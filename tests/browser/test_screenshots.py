"""The picture in README.md shows what JupyterLab shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.screenshots import PANEL_PICTURES, ROOT, copy_notebooks, take_debugging

if TYPE_CHECKING:
    from tests.browser.lab import Page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lab_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    copy_notebooks(root)
    return root


def test_picture_of_the_failure_shows_what_was_kept_and_found_out(page: Page, tmp_path: Path) -> None:
    outputs = ["\n".join(texts) for texts in take_debugging(page, tmp_path / "debugging.png")]

    (failed,) = [text for text in outputs if "Traceback" in text and "fit.py" in text]
    assert failed.startswith(
        "naga: solve_weights() at regression.py:17 - 4 locals kept: features, actual, inputs, matrix"
    )
    assert any("numpy.ndarray" in text for text in outputs)
    assert "['was_drizzle', 'was_snow']" in outputs
    assert page.errors == []
    stored = (ROOT / "docs" / "img" / "debugging.png").read_bytes()
    header = slice(0, 24)  # the signature, and width and height
    assert (tmp_path / "debugging.png").read_bytes()[header] == stored[header]
    assert "docs/img/debugging.png" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_picture_of_the_panel_is_there_in_both_themes() -> None:
    taken = {f"{name}-{theme}.png" for name in PANEL_PICTURES for theme in ("light", "dark")}
    assert {path.name for path in (ROOT / "docs" / "img").iterdir()} == {*taken, "debugging.png"}

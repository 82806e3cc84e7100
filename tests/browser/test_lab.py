"""The JupyterLab of these tests is a real one, with the kernel of this interpreter, and fetches nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import nbformat
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Lab, Page

pytestmark = pytest.mark.slow

CELLS = ["import sys, os\nprint(sys.executable, os.getcwd())", "%load_ext naga\n2 + 3", "1 / 0"]


@pytest.fixture
def notebook(lab_root: Path) -> str:
    folder = lab_root / "of tests"
    folder.mkdir(exist_ok=True)
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, folder / "four.ipynb")
    return "of tests/four.ipynb"


def test_lab_runs_a_notebook_as_a_person_does(
    lab: Lab, page: Page, notebook: str, lab_root: Path, tmp_path: Path
) -> None:
    page.open(notebook)
    page.run_all()

    first, second, third = page.outputs()
    assert [text.strip() for text in first] == [f"{sys.executable} {lab_root / 'of tests'}"]
    assert second == ["5"]
    assert "ZeroDivisionError" in third[0]
    page.screenshot(tmp_path / "shown.png")
    assert (tmp_path / "shown.png").read_bytes().startswith(b"\x89PNG")
    assert page.errors == []
    assert {urlsplit(url).hostname for url in page.requests if url.startswith("http")} == {"127.0.0.1"}
    assert page.browser_page.locator(".jp-toast, .Toastify__toast").count() == 0

"""A failing script in a real JupyterLab: Run All stops there, and what it leaves is seen as a person sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.lab import Page

pytestmark = pytest.mark.slow

SCRIPT = """\
import matplotlib.pyplot as plt

def divide(total, divisor):
    marker = '<b>kept</b>'
    return total / divisor

plt.plot([1, 2])
divide(6, 0)
"""
FAILING = ["%load_ext naga\n%matplotlib inline\nmarker = 'mine'", "%naga_run script.py", "print('not reached')"]
LOOKING = ["import naga\nnaga.last.frames", "naga.locals", "%naga_restore\nprint(marker)", "%naga_run nowhere.py"]


@pytest.fixture
def write(lab_root: Path) -> None:
    (lab_root / "script.py").write_text(SCRIPT)
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in FAILING + LOOKING])
    document.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, lab_root / "failing.ipynb")


def test_run_all_stops_at_a_failing_script_and_its_locals_are_there(page: Page, write: None, tmp_path: Path) -> None:
    page.open("failing.ipynb")
    page.run_all()

    loaded, failed, *rest = page.outputs()
    assert (loaded, rest) == ([], [[]] * 5)
    said, traceback, figure = failed
    assert said.strip() == (
        "naga: divide() at script.py:5 - 3 locals kept: total, divisor, marker; shadowed (undo: %naga_restore): marker"
    )
    assert traceback.count("Traceback (most recent call last)") == 1
    assert traceback.strip().endswith("ZeroDivisionError: division by zero")
    assert "naga" not in traceback
    assert figure.strip() == ""
    assert page.browser_page.locator(".jp-RenderedImage img").count() == 1

    for number in range(len(FAILING), len(FAILING + LOOKING)):
        page.browser_page.locator(".jp-NotebookPanel .jp-CodeCell .jp-InputPrompt").nth(number).click()
        page.command("notebook:run-cell")
        page.wait_until_idle()

    frames, variables, restored, wrong = page.outputs()[-len(LOOKING) :]
    assert "divide" in frames[0]
    assert "total, divisor, marker" in frames[0]
    assert "marker" in variables[0]
    assert "<b>" not in variables[0]
    assert sorted(text.strip() for text in restored) == ["mine", "naga: restored: marker"]
    assert "".join(wrong).strip() == "UsageError: no script nowhere.py"
    page.screenshot(tmp_path / "failing.png")
    assert page.errors == []

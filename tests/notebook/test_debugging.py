"""The notebook about a failure, from top to bottom in a clean kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.browser.screenshots import NOTEBOOKS, ROOT, copy_notebooks

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what is below each cell of the executed notebook: texts, values and exceptions."""
    place, copy = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("executed") / "debugging.ipynb"
    copy_notebooks(place)
    environ = {**os.environ, "NAGA_CACHE_DIR": str(tmp_path_factory.mktemp("cache")), "NO_COLOR": "1"}
    program = str(ROOT / "scripts" / "execute_notebook.py")
    command = [sys.executable, program, "notebooks/debugging.ipynb", str(copy)]
    done = subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    cells = nbformat.read(copy, as_version=4).cells
    return {cell.id: "\n".join(map(text_of, cell.outputs)) for cell in cells if cell.cell_type == "code"}


def text_of(output: Any) -> str:
    return str(output.get("text") or output.get("data", {}).get("text/plain") or f"{output.ename}: {output.evalue}")


def test_notebook_as_it_is_stored_has_no_outputs() -> None:
    cells = nbformat.read(NOTEBOOKS / "debugging.ipynb", as_version=4).cells
    assert all(cell.outputs == [] for cell in cells if cell.cell_type == "code")


def test_failure_keeps_its_variables_and_sets_aside_what_they_shadow(shown: dict[str, str]) -> None:
    said, error = shown["run-newest"].split("\n\n")
    where = "naga: solve_weights() at regression.py:17"
    names = "4 locals kept: features, actual, inputs, matrix; shadowed (undo: %naga_restore): features"
    assert (said.strip(), error) == (f"{where} - {names}", "LinAlgError: Singular matrix")
    assert "matrix    numpy.ndarray" in shown["show-locals"]
    assert shown["use-locals"] == "['was_drizzle', 'was_snow']"
    assert shown["restore"].endswith("'a name of my own'")


def test_frames_lead_to_the_cell(shown: dict[str, str]) -> None:
    assert [line.split()[0:3:2] for line in shown["show-frames"].splitlines()][1][0] == "0"
    assert "->  3  solve_weights" in shown["show-frames"]
    assert shown["frame-up"].endswith("(2014, 2014, 365)")


def test_failure_that_happened_elsewhere_is_opened(shown: dict[str, str]) -> None:
    assert "naga: the run failed - its locals are in a file: %naga_postmortem results/newest" in shown["run-elsewhere"]
    assert shown["open-postmortem"].endswith("(365, 19)")


def test_repaired_run_takes_everything_back(shown: dict[str, str]) -> None:
    assert "17 weights from 365 days" in shown["run-repaired"]
    assert shown["nothing-left"] == "(naga.locals: nothing has failed, False)"
    assert shown["look-at-cell"] == "(2014, [])"

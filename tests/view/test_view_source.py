"""What the view may be made of: its own files, no JupyterLab, and no way to make elements from text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).resolve().parents[2] / "labextension" / "src"
VIEW = SOURCES / "view"

IMPORT = re.compile(r"""(?:\bfrom|\bimport|\bimport\s*\(|\brequire\s*\()\s*["']([^"']+)["']""")
# Whatever turns text into elements or code.
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|\beval\b|new Function")
LINES = 400

every_file = pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.ts")), ids=lambda path: path.name)


def find_foreign_imports(text: str) -> list[str]:
    """Return what a file of the view imports that is not beside it."""
    return [name for name in IMPORT.findall(text) if not re.fullmatch(r"\./[a-z]+(\.css)?", name)]


@pytest.mark.parametrize("path", sorted(VIEW.glob("*.ts")), ids=lambda path: path.name)
def test_file_of_the_view_imports_nothing_but_the_view(path: Path) -> None:
    assert find_foreign_imports(path.read_text(encoding="utf-8")) == []


@every_file
def test_file_of_the_front_end_makes_no_element_from_text(path: Path) -> None:
    assert MARKUP.findall(path.read_text(encoding="utf-8")) == []


@every_file
def test_file_of_the_front_end_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


@pytest.mark.parametrize(
    "line",
    [
        'import { Widget } from "@lumino/widgets";',
        'import "@jupyterlab/apputils";',
        'const { x } = await import("../panel/rest");',
        'export { y } from "react";',
    ],
)
def test_import_from_elsewhere_is_found(line: str) -> None:
    assert len(find_foreign_imports(line)) == 1


def test_imports_of_the_view_itself_are_let_through() -> None:
    assert find_foreign_imports('import { h } from "./dom";\nimport css from "./view.css";') == []

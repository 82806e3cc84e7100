"""Building the front end: once for the same sources, not at all without node, and small."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.front_end import ROOT, FrontEnd, load_builder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SMALL = 40_000  # bytes of the view as they travel


def test_view_is_small(front_end: FrontEnd) -> None:
    assert len(gzip.compress(front_end.VIEW.read_bytes())) < SMALL


def test_view_asks_for_no_other_module(front_end: FrontEnd) -> None:
    assert re.findall(rb"""\b(?:from|import)\s*\(?["']""", front_end.VIEW.read_bytes()) == []


def test_panel_holds_the_very_view_that_the_widget_shows(front_end: FrontEnd) -> None:
    assert (front_end.FOLDER / "lib" / "view.js").read_bytes() == front_end.VIEW.read_bytes()
    metadata = json.loads((front_end.BUILT / "package.json").read_text(encoding="utf-8"))
    assert (front_end.BUILT / metadata["jupyterlab"]["_build"]["load"]).is_file()


def test_second_build_of_the_same_sources_changes_nothing(front_end: FrontEnd) -> None:
    before = front_end.VIEW.stat().st_mtime_ns
    assert front_end.build()
    assert front_end.VIEW.stat().st_mtime_ns == before


@pytest.fixture
def copy(front_end: FrontEnd, tmp_path: Path) -> Path:
    """Return a copy of the front end with what is built of it, without its packages."""
    place = tmp_path / "copy"
    shutil.copytree(front_end.FOLDER, place / "labextension", ignore=shutil.ignore_patterns("node_modules", ".yarn"))
    shutil.copytree(front_end.VIEW.parent, place / "naga_ipython" / "static")
    assert load_builder(place).is_current()
    return place


def test_change_of_a_source_makes_what_is_built_out_of_date(copy: Path) -> None:
    with (copy / "labextension" / "src" / "view" / "text.ts").open("a", encoding="utf-8") as file:
        file.write("// changed\n")
    assert not load_builder(copy).is_current()


def test_build_without_node_does_nothing_and_says_so(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / "naga_ipython" / "static" / "view.js").unlink()
    monkeypatch.setenv("PATH", os.devnull)
    assert load_builder(copy).build() is False
    assert not (copy / "naga_ipython" / "static" / "view.js").exists()


def test_lock_file_of_the_packages_names_no_place_to_get_them() -> None:
    assert "http" not in (ROOT / "labextension" / "yarn.lock").read_text(encoding="utf-8")
    assert not (ROOT / "labextension" / "package-lock.json").exists()

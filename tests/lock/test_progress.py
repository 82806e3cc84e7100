"""Bars on terminals and in notebooks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

HASH = """\
import sys, time
from naga.lock.digest import hash_tree
hash_tree("tree", prune=lambda folder: time.sleep({seconds}), progress={progress}, index=None)
print("tqdm" in sys.modules)
"""
GO_THROUGH = """\
import sys, time
from naga.lock.progress import watched
print(sum(1 for _ in watched(range(5), "receipts", shown={progress}) if not time.sleep({seconds})))
print("tqdm" in sys.modules)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a tree of four folders, so that a second passes before it is read."""
    for name in "abcd":
        (tmp_path / "tree" / name).mkdir(parents=True)
        (tmp_path / "tree" / name / "data.bin").write_bytes(bytes(64_000))
    return tmp_path


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), PYTHONPATH=str(ROOT))
    yield kernel
    kernel.stop()


def run_in_a_terminal(folder: Path, code: str) -> tuple[str, str]:
    """Return what a process printed and what it wrote to the terminal at its standard error."""
    outside, inside = pty.openpty()
    termios.tcsetwinsize(inside, (24, 100))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code]
    printed = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=inside, text=True, env=environment, check=True
    ).stdout
    os.write(inside, b"END")
    shown = b""
    while not shown.endswith(b"END"):
        shown += os.read(outside, 10_000)
    os.close(inside)
    os.close(outside)
    return printed, shown.decode()


def test_bar_of_long_reading_is_shown_in_a_terminal(folder: Path) -> None:
    printed, shown = run_in_a_terminal(folder, HASH.format(seconds=0.3, progress=True))

    assert printed == "True\n"
    assert "tree:" in shown
    assert "256k" in shown


def test_bar_of_many_items_is_shown_in_a_terminal(folder: Path) -> None:
    printed, shown = run_in_a_terminal(folder, GO_THROUGH.format(seconds=0.6, progress=True))

    assert printed == "5\nTrue\n"
    assert "receipts:" in shown
    assert "5/5" in shown


@pytest.mark.parametrize("code", [HASH, GO_THROUGH])
@pytest.mark.parametrize(("seconds", "progress"), [(0.0, True), (0.3, False)])
def test_bar_of_short_or_silent_work_is_not_shown_and_costs_no_import(
    folder: Path, code: str, seconds: float, progress: bool
) -> None:
    printed, shown = run_in_a_terminal(folder, code.format(seconds=seconds, progress=progress))

    assert printed.endswith("False\n")
    assert shown == "END"


@pytest.mark.parametrize("code", [HASH, GO_THROUGH])
def test_bar_is_not_shown_where_nobody_sees_it(folder: Path, code: str) -> None:
    command = [sys.executable, "-c", code.format(seconds=0.3, progress=True)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=True)

    assert (done.stdout.splitlines()[-1], done.stderr) == ("False", "")


@pytest.mark.parametrize(("code", "label"), [(HASH, "tree:"), (GO_THROUGH, "receipts:")])
def test_bar_in_a_notebook_is_a_widget(folder: Path, kernel: Kernel, code: str, label: str) -> None:
    kernel.run(f"%cd -q {folder}")

    done = kernel.run(code.format(seconds=0.6, progress=True))

    assert done.status == "ok", done.traceback
    (bar,) = done.results
    assert label in bar["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bar
    assert done.stderr == ""


def test_bar_in_a_notebook_without_widgets_is_text_without_a_warning(folder: Path) -> None:
    kernel = Kernel(folder, PYTHONPATH=str(ROOT))
    try:
        kernel.run("import sys; sys.modules['ipywidgets'] = None")
        done = kernel.run(HASH.format(seconds=0.6, progress=True))
    finally:
        kernel.stop()

    assert done.status == "ok", done.traceback
    assert done.results == []
    assert "tree:" in done.stderr
    assert "arning" not in done.stderr


def test_work_in_a_notebook_that_is_short_shows_no_bar(folder: Path, kernel: Kernel) -> None:
    kernel.run(f"%cd -q {folder}")

    done = kernel.run(HASH.format(seconds=0.0, progress=True))

    assert (done.status, done.results, done.stderr) == ("ok", [], "")

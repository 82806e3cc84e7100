"""The verbs of %runlock in a real kernel."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """\
from pathlib import Path
from naga import clicfg, runlock

class Config:
    factor = 2
    save_dir = 'results/scale'

@clicfg(config_class=Config)
def main(cfg):
    runlock(config=cfg, data=['numbers.txt'])
    (Path(cfg.save_dir) / 'out.txt').write_text(Path('numbers.txt').read_text() * cfg.factor)

if __name__ == '__main__':
    main()
"""


@pytest.fixture
def kernel(repository: Path) -> Iterator[Kernel]:
    (repository / "scale.py").write_text(SCRIPT)
    (repository / "numbers.txt").write_text("1\n")
    kernel = Kernel(repository)
    kernel.run("%load_ext naga")
    yield kernel
    kernel.stop()


def printed(folder: Path, *words: str) -> str:
    """Return what a command prints in a folder."""
    command = [sys.executable, "-m", "naga", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout.rstrip("\n")


def test_runlock_write_keeps_the_executed_cells_as_the_code_of_the_receipt(kernel: Kernel, repository: Path) -> None:
    kernel.run("import os, pathlib; os.makedirs('results/cells')")
    kernel.run("password = 'hunter2-of-mine'")
    kernel.run("pathlib.Path('results/cells/out.txt').write_text(pathlib.Path('numbers.txt').read_text())")

    written = kernel.run("%runlock write results/cells --data numbers.txt")

    assert written.status == "ok", written.stderr
    receipt = read_receipt(repository / "results/cells/run.lock")
    assert receipt.status == "finished"
    assert receipt.caller["notebook"]["cells"] == 5
    assert receipt.caller["file"] is None
    assert list(receipt.data) == ["numbers"]
    assert list(receipt.outputs) == ["out.txt"]
    code = (repository / "results/cells/.naga/cells.py").read_text()
    assert code.index("os.makedirs") < code.index("write_text")
    assert "hunter2" not in code
    assert "%runlock write" not in code


def test_receipts_of_a_notebook_name_it_relative_to_the_project(repository: Path) -> None:
    (repository / "notes").mkdir()
    kernel = Kernel(repository, JPY_SESSION_NAME=str(repository / "notes/analysis.ipynb"))
    try:
        kernel.run("%load_ext naga")
        kernel.run("import os; os.makedirs('results/cells')")
        written = kernel.run("%runlock write results/cells")
        drawn = kernel.run("%runlock tree results/cells")
    finally:
        kernel.stop()

    assert written.status == "ok", written.stderr
    receipt = read_receipt(repository / "results/cells/run.lock")
    # The kernel of the tests has had a cell of its own.
    assert receipt.caller["notebook"] == {"path": "notes/analysis.ipynb", "cells": 3}
    (shown,) = drawn.results
    assert shown["text/plain"].startswith("✓ ok  analysis  ")


def test_runlock_write_with_prevs_joins_the_lineage_of_the_stages_that_the_cells_read(
    kernel: Kernel, repository: Path
) -> None:
    kernel.run("%naga_run scale.py")
    kernel.run("%naga_run scale.py -o factor=3 save_dir=results/three")
    kernel.run("import pathlib; folder = pathlib.Path('results/sum'); folder.mkdir()")
    kernel.run("text = ''.join(pathlib.Path(f'results/{name}/out.txt').read_text() for name in ('scale', 'three'))")
    kernel.run("(folder / 'out.txt').write_text(text)")

    written = kernel.run("%runlock write results/sum --prevs results/scale results/three/out.txt --data numbers.txt")
    drawn = kernel.run("%runlock tree results/sum")
    verified = kernel.run("%runlock verify results/sum/out.txt")

    assert written.status == "ok", written.stderr
    receipt = read_receipt(repository / "results/sum/run.lock")
    stages = [read_receipt(repository / f"results/{name}/run.lock") for name in ("scale", "three")]
    assert [prev.id for prev in receipt.prevs.values()] == [stage.id for stage in stages]
    assert [prev.path for prev in receipt.prevs.values()] == ["results/scale/run.lock", "results/three/run.lock"]
    assert set(receipt.lineage) == {stage.id for stage in stages}
    assert list(receipt.data) == ["numbers"]
    assert [line.split()[-1] for line in drawn.results[0]["text/plain"].splitlines()] == [
        "results/sum/run.lock",
        "results/scale/run.lock",
        "results/three/run.lock",
    ]
    assert verified.status == "ok", verified.stdout

    (repository / "numbers.txt").write_text("2\n")
    assert kernel.run("%runlock verify results/sum").status == "error"


def test_runlock_write_with_a_prev_that_did_not_finish_writes_nothing(kernel: Kernel, repository: Path) -> None:
    (repository / "numbers.txt").unlink()
    kernel.run("%naga_run scale.py")
    kernel.run("import os; os.makedirs('results/cells')")

    written = kernel.run("%runlock write results/cells --prevs results/scale")

    assert (written.status, written.errors) == ("error", [])
    assert "results/scale" in written.stderr
    assert not (repository / "results/cells/run.lock").exists()


def test_runlock_write_keeps_a_cell_as_often_as_it_was_executed_and_in_that_order(
    kernel: Kernel, repository: Path
) -> None:
    kernel.run("import os; os.makedirs('results/cells')")
    kernel.run("count = 0")
    for _ in range(2):
        kernel.run("count += 1")
    kernel.run("count = count + undefined")
    kernel.run("open('results/cells/out.txt', 'w').write(str(count))")

    assert kernel.run("%runlock write results/cells").status == "ok"
    code = (repository / "results/cells/.naga/cells.py").read_text()

    executed = [line for line in code.splitlines() if line and not line.startswith(("#", "%"))]
    assert executed == [
        "import os; os.makedirs('results/cells')",
        "count = 0",
        "count += 1",
        "count += 1",
        "count = count + undefined",
        "open('results/cells/out.txt', 'w').write(str(count))",
    ]


def test_runlock_write_to_a_folder_that_is_not_there_fails_with_one_line(kernel: Kernel, repository: Path) -> None:
    written = kernel.run("%runlock write reslts")

    assert (written.status, written.errors) == ("error", [])
    assert written.stderr.startswith("UsageError: no folder reslts")
    assert not (repository / "reslts").exists()


def test_runlock_verify_sees_that_the_cells_of_a_receipt_were_changed(kernel: Kernel, repository: Path) -> None:
    kernel.run("import os; os.makedirs('results/cells'); open('results/cells/out.txt', 'w').write('1')")
    kernel.run("%runlock write results/cells")
    kept = repository / "results/cells/.naga/cells.py"

    intact = kernel.run("%runlock verify results/cells")
    kept.write_text(kept.read_text() + "print('by hand')\n")
    changed = kernel.run("%runlock verify results/cells")
    kept.unlink()
    gone = kernel.run("%runlock verify results/cells")

    assert intact.status == "ok", intact.stderr
    assert "✓ intact  cells" in intact.results[0]["text/plain"]
    assert "code" not in intact.results[0]["text/plain"]
    assert (changed.status, gone.status) == ("error", "error")
    assert "code: cells is gone: results/cells/.naga/cells.py changed" in changed.results[0]["text/plain"]
    assert "code: cells is gone: results/cells/.naga/cells.py is missing" in gone.results[0]["text/plain"]


def test_runlock_with_a_verb_that_is_none_names_the_nearest(kernel: Kernel) -> None:
    for line, meant in (("wirte results/x", "did you mean %runlock write?"), ("a b", "verbs are show, write, verify")):
        answer = kernel.run(f"%runlock {line}")
        assert (answer.status, answer.errors) == ("error", [])
        assert meant in answer.stderr


def test_runlock_verify_fails_the_cell_when_something_differs(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run scale.py")
    intact = kernel.run("%runlock verify results/scale")
    (repository / "numbers.txt").write_text("2\n")
    changed = kernel.run("%runlock verify results/scale")

    assert intact.status == "ok", intact.stderr
    assert "✓ intact" in intact.results[0]["text/plain"]
    assert (changed.status, changed.errors) == ("error", [])
    assert "numbers.txt changed" in changed.results[0]["text/plain"]


def test_runlock_diff_and_tree_say_in_text_what_the_commands_print(kernel: Kernel, repository: Path) -> None:
    kernel.run("%naga_run scale.py")
    kernel.run("%naga_run scale.py -o factor=3 save_dir=results/three")

    compared = kernel.run("%runlock diff results/scale results/three")
    drawn = kernel.run("%runlock tree results/three")

    assert compared.status == "ok", compared.stderr
    assert compared.results[0]["text/plain"] == printed(repository, "diff", "results/scale", "results/three")
    assert "factor: 2 -> 3" in compared.results[0]["text/plain"]
    assert drawn.status == "ok", drawn.stderr
    assert drawn.results[0]["text/plain"] == printed(repository, "lineage", "results/three")
    assert "scale" in drawn.results[0]["text/plain"]


def test_runlock_shows_a_run_by_the_name_of_a_file_that_it_left(kernel: Kernel) -> None:
    kernel.run("%naga_run scale.py")

    shown = kernel.run("%runlock results/scale/out.txt")

    (result,) = shown.results
    assert result["text/plain"].startswith("scale  finished")

"""Completion of the magics' lines, as a front end asks a real kernel for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from naga import complete_modules, complete_runs, module_file
from tests.kernels import Kernel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """\
from enum import Enum
from pathlib import Path
from naga import clicfg

with Path('executed').open('a') as marker:
    marker.write(__name__)

class Mode(Enum):
    FAST = 1
    SLOW = 2

class Model:
    lr = 0.1
    deep: bool = True

class Config:
    mode = Mode.FAST
    model = Model()
    rows = None
    save_dir = 'results/fit'

@clicfg(config_class=Config)
def main(cfg):
    if cfg.model.lr > 9:
        raise ValueError(cfg.model.lr)

if __name__ == '__main__':
    main()
"""
EXPERIMENTS = "large:\n  rows: 5\nsmall:\n  mode: SLOW\n"
KEYS = ["mode=", "model.lr=", "model.deep=", "rows=", "save_dir="]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, libraries: str) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "naga.toml").touch()
    (folder / "fit.py").write_text(SCRIPT)
    (folder / "two words.py").write_text(SCRIPT)
    (folder / "plain.py").write_text("import sys\n")
    (folder / "conf").mkdir()
    (folder / "conf/base.yml").write_text(EXPERIMENTS)
    (folder / "conf/notes.txt").touch()
    (folder / "stages/inner").mkdir(parents=True)
    (folder / "stages/__init__.py").write_text("open('executed', 'a').write(__name__)\n")
    (folder / "stages/shared.py").write_text("class Config:\n    depth = 1\n    save_dir = 'x'\n")
    script = (
        "from stages.shared import Config\nfrom naga import clicfg\n@clicfg(config_class=Config)\ndef main(cfg): ...\n"
    )
    (folder / "stages/inner/fit.py").write_text(script)
    return folder


@pytest.fixture(scope="module")
def kernel(folder: Path) -> Iterator[Kernel]:
    """Yield a kernel with the extension; the tests of this file share it."""
    kernel = Kernel(folder)
    kernel.run("%load_ext naga")
    kernel.run("table = mode_of_mine = 1")
    yield kernel
    kernel.stop()


@pytest.fixture(autouse=True)
def nothing_is_executed(folder: Path) -> Iterator[None]:
    """Fail when completion has run a script or imported a package."""
    yield
    assert not (folder / "executed").exists()


AT_END = {
    "files": ("%naga_run |", ["conf/", "fit.py", "plain.py", "stages/", "'two words.py'"]),
    "options": ("%naga_run -|", ["--cwd", "--set", "-m", "-h"]),
    "folders to run in": ("%naga_run --cwd |", ["conf/", "stages/"]),
    "files in the folder to run in": ("%naga_run --cwd stages |", ["__init__.py", "inner/", "shared.py"]),
    "keys of a script in the folder to run in": ("%naga_run --cwd=stages ../fit.py -o ro|", ["rows="]),
    "modules in the folder to run in": ("%naga_run --cwd conf --set x=1 --cwd stages -m |", ["inner.", "shared"]),
    "nothing in a folder that is none": ("%naga_run --cwd no_such |", []),
    "keys": ("%naga_run fit.py -o |", KEYS),
    "keys of a level": ("%naga_run fit.py -o model.|", ["model.lr=", "model.deep="]),
    "a second key": ("%naga_run fit.py -o model.lr=2 mo|", ["mode=", "model.lr=", "model.deep="]),
    "members of an enum": ("%naga_run fit.py -o mode=|", ["mode=FAST", "mode=SLOW"]),
    "booleans": ("%naga_run fit.py -o model.deep=f|", ["model.deep=false"]),
    "values apart from their key": ("%naga_run fit.py -o mode S|", ["SLOW"]),
    "config files": ("%naga_run fit.py --config conf/|", ["conf/base.yml"]),
    "experiments": ("%naga_run fit.py --config conf/base.yml --experiment |", ["large", "small"]),
    "an assignment": ("result = %naga_run fit.py -o ro|", ["rows="]),
    "an assignment to parts": ("a, b[0] = %naga_run fit.py -o ro|", ["rows="]),
    "a magic in a block": ("if table:\n    for i in (1, 2):\n        %naga_run fit.py -o ro|", ["rows="]),
    "a magic after others": ("x = 1\n%time %naga_run fit.py -o ro|", ["rows="]),
    "a line that goes on": ("%naga_run fit.py \\\n    -o ro|", ["rows="]),
    "a magic without its sign": ("naga_run fit.py -o ro|", ["rows="]),
    "modules": ("%naga_run -m |", ["fit", "plain", "stages."]),
    "modules of a package": ("%naga_run -m stages.|", ["stages.inner.", "stages.shared"]),
    "keys of a module": ("%naga_run -m stages.inner.fit -o |", ["depth=", "save_dir="]),
    "an open quote": ("%naga_run 'two w|", ["'two words.py"]),
    "keys of a script in quotes": ("%naga_run 'two words.py' -o ro|", ["rows="]),
    "arguments of a plain script": ("%naga_run plain.py co|", ["conf/"]),
    "verbs": ("%runlock |", ["show", "write", "verify", "diff", "tree"]),
    "options of verify": ("%runlock verify --|", ["--environment", "--warn"]),
    "paths for write": ("%runlock write results --data conf/|", ["conf/base.yml", "conf/notes.txt"]),
    "postmortem": ("%naga_postmortem |", ["on", "off"]),
    "no value of Python behind a key": ("%naga_run fit.py -o model.lr=|", []),
    "no name of Python for a key": ("%naga_run fit.py -o tab|", []),
    "no frame before a failure": ("%naga_frame |", []),
}


@pytest.mark.parametrize(("cell", "words"), AT_END.values(), ids=AT_END)
def test_completion_at_the_end_of_a_line_offers_what_may_follow(kernel: Kernel, cell: str, words: list[str]) -> None:
    before, _, line = cell.rstrip("|").rpartition("\n")
    kept = line if line.endswith(" ") else line[: line.rfind(" ") + 1]
    if cell == "%naga_run 'two w|":
        kept = "%naga_run "
    assert kernel.completed(cell) == [f"{before}\n{kept}{word}" if before else kept + word for word in words]


MIDDLE = {
    "a key before another option": (
        "%naga_run fit.py -o mode=S|  --config conf/base.yml",
        ["%naga_run fit.py -o mode=SLOW  --config conf/base.yml"],
    ),
    "a part of a key": ("%naga_run fit.py -o sav|e", ["%naga_run fit.py -o save_dir=e"]),
    "a script before its options": ("r = %naga_run pl| -o x=1", ["r = %naga_run plain.py -o x=1"]),
    "a line before another": ("%naga_run fit.py -o ro|\nx = 1", ["%naga_run fit.py -o rows=\nx = 1"]),
    "a key to set in another folder": (
        "%naga_run --cwd stages --set ro| ../fit.py",
        ["%naga_run --cwd stages --set rows= ../fit.py"],
    ),
    "a key to set": ("%naga_run --set ro| fit.py", ["%naga_run --set rows= fit.py"]),
    "an expression to set": ("%naga_run --set rows=tabl| fit.py", ["%naga_run --set rows=table fit.py"]),
}


@pytest.mark.parametrize(("cell", "cells"), MIDDLE.values(), ids=MIDDLE)
def test_completion_in_the_middle_of_a_cell_leaves_the_rest_alone(kernel: Kernel, cell: str, cells: list[str]) -> None:
    assert kernel.completed(cell) == cells


@pytest.mark.parametrize(
    "cell", ["# %naga_run fit.py -o mode|", "text = 'naga_run fit.py -o mode|", "naga_run = mode|"]
)
def test_completion_elsewhere_is_that_of_ipython(kernel: Kernel, cell: str) -> None:
    assert "mode=" not in "".join(kernel.completed(cell))


def test_name_that_hides_an_automagic_is_completed_as_python(kernel: Kernel) -> None:
    kernel.run("naga_run = 1")
    try:
        assert "naga_run fit.py -o rows=" not in kernel.completed("naga_run fit.py -o ro|")
    finally:
        kernel.run("del naga_run")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"def (", b"a" * 3_000_000], ids=["no text", "no Python", "huge"])
def test_script_that_cannot_be_read_offers_nothing_and_raises_nothing(
    kernel: Kernel, folder: Path, content: bytes
) -> None:
    (folder / "broken.py").write_bytes(content)
    try:
        assert kernel.completed("%naga_run broken.py -o mo|") == []
    finally:
        (folder / "broken.py").unlink()
    assert kernel.completed("%naga_run no_such.py -o mo|") == []


def test_completion_is_gone_after_unloading(kernel: Kernel) -> None:
    kernel.run("%unload_ext naga")
    try:
        assert kernel.completed("%naga_run fit.py -o ro|") != ["%naga_run fit.py -o rows="]
    finally:
        kernel.run("%load_ext naga")


RUNS = """\
import os, subprocess, sys
def run(*words, **environ):
    subprocess.run([sys.executable, 'fit.py', '-o', *words], env={**os.environ, **environ}, stderr=subprocess.DEVNULL)
run('save_dir=results/first')
run('save_dir=results/failed', 'model.lr=10', NAGA_DEBUG='1')
run('save_dir=results/unsaved', 'model.lr=10')
os.unlink('executed')
"""


def complete_twice(kernel: Kernel, cell: str) -> list[str]:
    """Return what a second press of the key offers; on a busy machine the first one does not wait for all runs."""
    kernel.completed(cell)
    reading = "[thread for thread in threading.enumerate() if thread.name == 'naga reads runs']"
    wait = f"import threading\nfor thread in {reading}: thread.join()"
    assert kernel.run(wait).errors == []
    return kernel.completed(cell)


def test_runs_are_offered_by_folder_token_and_id(kernel: Kernel, folder: Path) -> None:
    assert kernel.run(RUNS).errors == []
    newest_first = ["results/unsaved", "results/failed", "results/first"]

    assert complete_twice(kernel, "%runlock verify |") == [f"%runlock verify {run}" for run in newest_first]
    assert kernel.completed("%runlock diff results/first results/f|") == [
        f"%runlock diff results/first {run}" for run in ("results/failed", "results/first", "results/failed/")
    ] + ["%runlock diff results/first results/first/"]
    tokens = kernel.completed("%runlock show @|")
    assert tokens == [f"%runlock show {token}" for token in ("@latest", "@latest~1", "@latest~2")]
    identifier = str(kernel.run("import naga; naga.find_run('results/first')[1].id").results[0]["text/plain"]).strip(
        "'"
    )
    assert f"%runlock show {identifier}" in kernel.completed(f"%runlock show {identifier[:4]}|")
    assert kernel.completed("%runlock res|")[: len(newest_first)] == [f"%runlock {run}" for run in newest_first]

    assert complete_twice(kernel, "%naga_postmortem |") == [
        f"%naga_postmortem {word}" for word in ("on", "off", "results/failed")
    ]
    kernel.run("import os; os.chdir('conf')")
    assert kernel.completed("%runlock tree ../results/fi|")[0] == "%runlock tree ../results/first"
    kernel.run("os.chdir('..')")


FAILURE = """\
def inner(value):
    1 / value
def outer():
    errors = []
    for value in (0, 'a'):
        try:
            inner(value)
        except Exception as error:
            errors.append(error)
    try:
        inner(0.0)
    except ZeroDivisionError as error:
        raise ExceptionGroup('both', [*errors, KeyError('never raised')]) from error
outer()
"""


def test_frames_are_offered_as_far_as_there_are_any(kernel: Kernel) -> None:
    kernel.run("%naga_postmortem on")
    kernel.run(FAILURE)
    try:
        assert kernel.completed("%naga_frame |") == [
            f"%naga_frame {word}" for word in ("up", "cause", "leaf", "0", "1")
        ]
        assert kernel.completed("%naga_frame leaf |") == ["%naga_frame leaf 0", "%naga_frame leaf 1"]
        kernel.run("%naga_frame cause")
        offered = [cell.removeprefix("%naga_frame ") for cell in kernel.completed("%naga_frame |")]
        assert "back" in offered
        assert "cause" not in offered
        for word in offered:
            kernel.run("%naga_frame back\n%naga_frame cause")
            assert kernel.run(f"%naga_frame {word}").stderr.count("UsageError") == 0
    finally:
        kernel.run("%naga_clear\n%naga_postmortem off")


def test_complete_runs_answers_with_what_is_known_when_time_is_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    known = complete_runs("", seconds=60)
    assert complete_runs("", seconds=0) == known


def test_module_file_of_an_installed_package_is_found_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import json.tool
    import sys

    monkeypatch.delitem(sys.modules, "json.tool")
    found = module_file("json.tool")

    assert found is not None
    assert os.path.samefile(found, json.tool.__file__)
    assert "json.tool" not in sys.modules
    assert module_file("no_such_module_anywhere") is None
    assert module_file("no such.module") is None
    assert complete_modules("no_such.mod") == []


def test_module_file_of_a_package_is_its_main(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool/__init__.py").write_text("raise SystemExit('imported')")
    (tmp_path / "tool/__main__.py").touch()
    (tmp_path / "tool/part.py").touch()

    assert module_file("tool") == tmp_path / "tool/__main__.py"
    assert complete_modules("to") == ["tool", "tool."]
    assert complete_modules("tool.") == ["tool.part"]

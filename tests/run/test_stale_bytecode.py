"""A helper that was edited twice in one second: the run uses what its receipt names, or says that it does not."""

from __future__ import annotations

import os
import py_compile
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from naga import clicfg
{top}

class Config:
    save_dir = 'results/process'

@clicfg(config_class=Config)
def main(cfg):
    {inside}
    print('value', helper.value)
    return helper.value

if __name__ == '__main__':
    main()
"""
IN_PROCESS = """\
{before}
from naga import run_script
print(run_script('process.py').value, run_script('process.py').value)
"""


@pytest.fixture
def folder(repository: Path) -> Path:
    """Return a folder with a helper whose byte code is that of an earlier content, and a script that imports it."""
    (repository / ".gitignore").write_text("__pycache__/\nresults/\n")
    (repository / "process.py").write_text(SCRIPT.format(top="import helper", inside="pass"))
    make_stale(repository)
    return repository


def make_stale(folder: Path) -> None:
    helper = folder / "helper.py"
    helper.write_text("value = 1\n")
    py_compile.compile(str(helper), doraise=True)
    status = os.stat(helper)
    helper.write_text("value = 2\n")
    os.utime(helper, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_script_whose_helper_came_from_stale_bytecode_is_refused_before_main(folder: Path) -> None:
    done = run_python(folder, "process.py")
    assert (done.returncode, done.stdout) == (65, "")
    (line,) = done.stderr.splitlines()
    assert "helper.py was imported from byte code of an earlier content" in line
    (cached,) = (folder / "__pycache__").glob("helper.*")
    assert f"remove {cached} and start anew" in line
    assert not (folder / "results/process/run.lock").exists()

    cached.unlink()
    again = run_python(folder, "process.py")
    assert (again.returncode, again.stdout) == (0, "value 2\n")


def test_main_that_imports_from_stale_bytecode_itself_does_not_finish(folder: Path) -> None:
    (folder / "process.py").write_text(SCRIPT.format(top="", inside="import helper"))
    run_python(folder, "process.py")
    receipt = read_receipt(folder / "results/process/run.lock")
    assert receipt.error is not None
    assert (receipt.status, receipt.error.type) == ("failed", "IncompleteRecord")
    assert "helper.py was imported from byte code" in receipt.error.message


@pytest.mark.parametrize("before", ["", "import helper"], ids=["not imported yet", "imported before"])
@pytest.mark.parametrize("inside", [False, True], ids=["at the top", "in main"])
def test_script_that_is_run_in_process_uses_the_helper_as_it_is(folder: Path, before: str, inside: bool) -> None:
    top, body = ("", "import helper") if inside else ("import helper", "pass")
    (folder / "process.py").write_text(SCRIPT.format(top=top, inside=body))
    done = run_python(folder, "-c", IN_PROCESS.format(before=before))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "2 2"
    assert ("loaded anew: helper" in done.stderr) == bool(before)
    assert read_receipt(folder / "results/process/run.lock").status == "finished"


def test_stale_bytecode_of_an_installed_module_is_left_alone(folder: Path) -> None:
    installed = folder / "lib/site-packages"
    installed.mkdir(parents=True)
    make_stale(installed)
    (folder / "helper.py").unlink()
    (cached,) = (installed / "__pycache__").glob("helper.*")
    content = cached.read_bytes()
    done = run_python(folder, "-c", IN_PROCESS.format(before=""), PYTHONPATH=str(installed))
    assert done.stdout.splitlines()[-1] == "1 1"
    assert cached.read_bytes() == content


def test_script_that_has_stale_bytecode_of_its_own_is_run_as_it_is(folder: Path) -> None:
    (folder / "helper.py").write_text("value = 33\n")
    script = folder / "process.py"
    py_compile.compile(str(script), doraise=True)
    status = os.stat(script)
    script.write_text(script.read_text().replace("'value'", "'VALUE'"))
    os.utime(script, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = run_python(folder, "process.py")
    assert (done.returncode, done.stdout) == (0, "VALUE 33\n")

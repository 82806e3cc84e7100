"""``naga show``: a receipt in words and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from naga import read_receipt
from tests.programs import naga, run_python

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """\
from pathlib import Path
from naga import clicfg, runlock

class Config:
    param = 1
    note = 'x'
    save_dir = 'results/process'

@clicfg(config_class=Config)
def main(cfg):
    (Path(cfg.save_dir) / 'out.txt').write_text('1')
    runlock(config=cfg, data='process.py')
    if cfg.param == 0:
        raise ValueError('on purpose')

if __name__ == '__main__':
    main()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which a stage has run."""
    (tmp_path / "process.py").write_text(SCRIPT)
    done = run_python(tmp_path, "process.py", "-o", "param=3")
    assert done.returncode == 0, done.stderr
    return tmp_path


PLACES = ["results/process", "results/process/", "results/process/run.lock", "results/process/out.txt"]


@pytest.mark.parametrize("place", PLACES)
def test_show_describes_the_run_that_a_path_belongs_to(folder: Path, place: str) -> None:
    done = naga(folder, "show", place)
    assert (done.returncode, done.stderr) == (0, "")
    receipt = read_receipt(folder / "results/process/run.lock")
    assert done.stdout.startswith("process  finished after ")
    for words in (receipt.id, "param", "results/process", "process.py", "out.txt", "not in a git repository"):
        assert words in done.stdout


@pytest.mark.parametrize("place", PLACES)
def test_show_as_json_is_the_receipt(folder: Path, place: str) -> None:
    done = naga(folder, "show", "--json", place)
    assert (done.returncode, done.stderr) == (0, "")
    receipt = read_receipt(folder / "results/process/run.lock")
    assert json.loads(done.stdout) == receipt.to_mapping()


def test_show_of_a_failed_run_says_why(folder: Path) -> None:
    assert run_python(folder, "process.py", "-o", "param=0").returncode == 1
    done = naga(folder, "show", "results/process")
    assert done.returncode == 0
    assert done.stdout.startswith("process  failed after ")
    assert "ValueError: on purpose  (process.py:14)" in done.stdout


def test_show_spells_out_what_could_move_the_cursor(folder: Path) -> None:
    assert run_python(folder, "process.py", "-o", 'note="\\e[2J\\r"').returncode == 0
    assert read_receipt(folder / "results/process/run.lock").config["note"] == "\x1b[2J\r"
    done = naga(folder, "show", "results/process")
    assert "\x1b" not in done.stdout
    assert "\\x1b[2J\\r" in done.stdout


@pytest.mark.parametrize(
    ("place", "code", "says"),
    [
        ("results/proces", 66, ["results/proces", "results/process"]),
        ("nowhere/at/all", 66, ["nowhere/at/all"]),
        ("broken", 65, ["broken/run.lock"]),
        ("hostile", 65, ["hostile/run.lock", "tag"]),
    ],
)
def test_show_of_something_else_ends_with_one_line(folder: Path, place: str, code: int, says: list[str]) -> None:
    for name, text in (("broken", "naga: 1\nid: ["), ("hostile", "naga: !!python/object/apply:os.abort []\n")):
        (folder / name).mkdir()
        (folder / name / "run.lock").write_text(text)

    for options in ([], ["--json"]):
        done = naga(folder, "show", place, *options)

        assert (done.returncode, done.stdout) == (code, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("naga: error: ")
        for words in says:
            assert words in line

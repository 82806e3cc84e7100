"""Where there is no repository, no commit or no git, the run works and the receipt says so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from naga import Receipt, read_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCRIPT = """\
from naga import clicfg

class Config:
    save_dir = 'results/process'

@clicfg(config_class=Config)
def main(cfg):
    print('main ran')

if __name__ == '__main__':
    main()
"""


def _run(folder: Path, **environ: str) -> Receipt:
    (folder / "process.py").write_text(SCRIPT)
    done = run_python(folder, "process.py", **environ)
    assert (done.returncode, done.stdout, done.stderr) == (0, "main ran\n", "")
    receipt = read_receipt(folder / "results/process/run.lock")
    assert receipt.status == "finished"
    (files,) = receipt.used["files"].values()
    assert files.keys() == {"process.py"}
    return receipt


def test_run_outside_a_repository_says_so(tmp_path: Path) -> None:
    (entry,) = _run(tmp_path).repos.values()

    assert entry.snapshot is None
    assert entry.problem is not None
    assert "not in a git repository" in entry.problem


def test_run_in_a_repository_without_commits_keeps_the_code_and_says_so(
    tmp_path: Path, git: Callable[..., str]
) -> None:
    git(tmp_path, "init", "--quiet")

    (entry,) = _run(tmp_path).repos.values()

    assert entry.commit is None
    assert entry.problem is not None
    assert "no commits" in entry.problem
    assert git(tmp_path, "show", f"{entry.snapshot}:process.py") == SCRIPT.rstrip("\n")


def test_run_without_git_installed_says_so(repository: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    assert not (empty / "git").exists()

    (entry,) = _run(repository, PATH=os.fspath(empty)).repos.values()

    assert entry.snapshot is None
    assert entry.problem is not None
    assert "git" in entry.problem

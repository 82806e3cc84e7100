"""Helping with a sweep from wherever its folder can be seen."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.programs import run_python
from tests.sweep.projects import make_project, statuses, write_tasks

if TYPE_CHECKING:
    from pathlib import Path


def test_helper_shares_the_tasks_of_a_sweep_and_each_runs_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    write_tasks(project, range(8))
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param", "-o", "sleep=1.5"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True) as parent:
        while not statuses(project):
            assert parent.poll() is None
        (folder,) = (project / ".naga/sweeps").iterdir()
        helper = run_python(project, "-m", "naga.sweep.drain", str(folder), "--share", "1/2", "--wait")
        said = parent.communicate(timeout=60)[1]

    assert (helper.returncode, parent.returncode) == (0, 0), helper.stderr + said
    assert set(statuses(project).values()) == {"finished"}
    logs = [(project / f"results/param={number}/log.txt").read_text() for number in range(8)]
    assert logs == [f"task {number}\nfrom a program\n" for number in range(8)]
    assert "begun again" not in said


@pytest.mark.parametrize(
    ("arguments", "code", "says"), [(["no-such-sweep"], 66, "no-such-sweep"), ([".", "--share", "half"], 2, "--share")]
)
def test_helper_that_cannot_work_ends_with_one_line(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    done = run_python(tmp_path, "-m", "naga.sweep.drain", *arguments)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr

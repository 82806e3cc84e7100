"""Sweeps from the command line to their receipts."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.sweep.projects import make_project, receipt_of, statuses, sweep, write_tasks


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def test_sweep_of_a_list_leaves_a_receipt_an_output_and_a_log_for_each_task(project: Path) -> None:
    write_tasks(project, [1, 2, 3])

    done = sweep(project, "--n_jobs=2")

    assert done.returncode == 0, done.stderr
    assert statuses(project) == {"param=1": "finished", "param=2": "finished", "param=3": "finished"}
    assert [(project / f"results/param={n}/out.txt").read_text() for n in (1, 2, 3)] == ["2", "4", "6"]
    assert (project / "results/param=3/log.txt").read_text() == "task 3\nfrom a program\n"
    # Nothing after the call of main is run.
    assert "returned" not in done.stdout


def test_task_of_a_sweep_has_the_command_line_that_runs_it_alone(project: Path) -> None:
    write_tasks(project, [3])
    assert sweep(project, "-o", "mode=other").returncode == 0

    argv = receipt_of(project, "param=3").caller["argv"]
    recipe = receipt_of(project, "param=3").recipe
    assert argv == ["-o", "mode=other", "param=3", 'save_dir="results/param=3"']
    from tests.programs import run_python

    assert run_python(project, "process.py", *argv).returncode == 0
    assert receipt_of(project, "param=3").recipe == recipe


def test_sweep_called_again_skips_what_is_done_and_says_why(project: Path) -> None:
    write_tasks(project, [1, 2])
    sweep(project)
    write_tasks(project, [1, 2, 3])

    again = sweep(project)

    assert again.returncode == 0
    assert "3 tasks: 2 done, 1 new; 1 to run, 2 skipped" in again.stderr


def test_sweep_that_finds_everything_done_remembers_it_without_a_trace_in_git(project: Path) -> None:
    write_tasks(project, [1, 2])
    sweep(project)
    shutil.rmtree(project / ".naga")

    again = sweep(project)

    assert "2 tasks: 2 done; 0 to run, 2 skipped" in again.stderr
    (summary,) = (project / ".naga/summaries").iterdir()
    assert len(json.loads(summary.read_bytes())["entries"]) == 2
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project, check=True, capture_output=True, text=True)
    assert ".naga" not in status.stdout


def test_dry_run_of_a_sweep_leaves_nothing(project: Path) -> None:
    write_tasks(project, [1, 2])
    sweep(project)
    shutil.rmtree(project / ".naga")

    sweep(project, "--dry_run")

    assert not (project / ".naga").exists()


def test_sweep_with_tasks_that_fail_reports_each_for_what_it_is(project: Path) -> None:
    modes = {"1": "raise", "2": "exit", "3": "end", "4": "kill", "5": "fine"}
    rows = "".join(f"{param},{mode}\n" for param, mode in modes.items())
    (project / "list.csv").write_text("param,mode\n" + rows)

    done = sweep(project, "--tasks", "list.csv", "--n_jobs=2")

    assert done.returncode == 1
    assert "ValueError: it does not converge" in done.stderr
    assert "process.py:22" in done.stderr
    assert "results/param=1,mode=raise/log.txt" in done.stderr
    assert "SystemExit: 3" in done.stderr
    assert "its process ended itself with exit code 3" in done.stderr
    assert "killed by SIGKILL, 3 times" in done.stderr
    assert statuses(project) == {
        "param=1,mode=raise": "failed",
        "param=2,mode=exit": "failed",
        "param=3,mode=end": "killed",
        "param=4,mode=kill": "killed",
        "param=5,mode=fine": "finished",
    }
    assert "it does not converge" in (project / "results/param=1,mode=raise/log.txt").read_text()

"""Sweeps that are interrupted, paused, or told to leave something out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from naga import tasks
from naga.sweep.values import load_value
from tests.sweep.projects import make_project, receipt_of, statuses, sweep, write_tasks

COMMAND = (sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param")

WAKES = """Path(cfg.save_dir, f"woke-{os.getpid()}").touch()
    return os.getpid()"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def wait_for(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def start(project: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=project,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_sweep_that_is_interrupted_once_ends_what_runs_and_takes_no_more(project: Path) -> None:
    write_tasks(project, [1, 2, 3])
    parent = start(project, "-o", "sleep=1.0")
    wait_for(lambda: statuses(project))
    parent.send_signal(signal.SIGINT)

    said, _ = parent.communicate(timeout=60)

    assert parent.returncode == 130, said
    assert statuses(project) == {"param=1": "finished"}
    assert "the task that runs ends first, and no other begins; Ctrl-C again kills what runs" in said
    assert "the same command goes on" in said
    assert sweep(project, "-o", "sleep=1.0").returncode == 0
    assert set(statuses(project).values()) == {"finished"}


def test_sweep_that_is_interrupted_twice_stops_and_its_task_counts_as_killed(project: Path) -> None:
    write_tasks(project, [1, 2])
    parent = start(project, "-o", "sleep=60")
    wait_for(lambda: statuses(project))
    parent.send_signal(signal.SIGINT)
    time.sleep(0.5)
    parent.send_signal(signal.SIGINT)

    said, _ = parent.communicate(timeout=30)

    assert parent.returncode == 130, said
    receipt = receipt_of(project, "param=1")
    assert (receipt.status, receipt.error.type) == ("killed", "Interrupted")


def test_run_of_a_killed_parent_is_told_from_one_that_goes_on(project: Path) -> None:
    write_tasks(project, [1])
    parent = start(project, "-o", "sleep=60")
    wait_for(lambda: statuses(project) and tasks(project / "results").counts["running"] == 1)
    parent.kill()
    parent.communicate()

    wait_for(lambda: tasks(project / "results").counts["killed"] == 1)
    assert statuses(project) == {"param=1": "started"}


def test_sweep_with_force_runs_everything_again(project: Path) -> None:
    write_tasks(project, [1, 2])
    sweep(project)
    before = receipt_of(project, "param=1").id

    again = sweep(project, "--force")

    assert again.returncode == 0
    assert "2 to run, 0 skipped" in again.stderr
    assert receipt_of(project, "param=1").id != before


def test_sweep_of_only_failed_leaves_new_tasks_alone_and_is_not_complete(project: Path) -> None:
    write_tasks(project, [1])
    assert sweep(project, "-o", "mode=raise").returncode == 1
    write_tasks(project, [1, 2])

    again = sweep(project, "--only_failed")

    assert again.returncode == 75
    assert statuses(project) == {"param=1": "finished"}


def test_sweep_that_fails_fast_begins_nothing_after_a_failure(project: Path) -> None:
    write_tasks(project, [1, 2, 3])

    done = sweep(project, "--fail_fast", "-o", "mode=raise")

    assert done.returncode == 1
    assert "a task failed" in done.stderr
    assert len(statuses(project)) == 1


def test_sweep_after_an_edit_of_the_code_runs_again_and_says_why(project: Path) -> None:
    write_tasks(project, [1])
    sweep(project)
    text = (project / "process.py").read_text()
    (project / "process.py").write_text(text.replace("cfg.param * 2", "cfg.param * 3"))

    again = sweep(project)

    assert again.returncode == 0
    assert "1 stale; 1 to run" in again.stderr
    assert "process.py changed" in again.stderr
    assert (project / "results/param=1/out.txt").read_text() == "3"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells in a file what a process is doing")
def test_task_of_a_paused_sweep_that_was_taken_over_writes_no_receipt_when_it_wakes(project: Path) -> None:
    text = (project / "process.py").read_text()
    (project / "process.py").write_text(text.replace("return cfg.param * 2", WAKES))
    write_tasks(project, [1])
    paused = start(project, "-o", "sleep=3", NAGA_LEASE_SECONDS="1")
    wait_for(lambda: statuses(project))
    worker = tasks(project / "results").tasks[0].holder.split()[0]
    # Not while it holds the lock of its folder, for which the other would wait.
    wait_for(lambda: is_waiting(int(worker)))
    for pid in (paused.pid, int(worker)):
        os.kill(pid, signal.SIGSTOP)
    try:
        other = sweep(project, "-o", "sleep=3", NAGA_LEASE_SECONDS="1")
        assert other.returncode == 0, other.stderr
        assert "1 begun again" in other.stderr
        taken = (project / "results/param=1/run.lock").read_bytes()
        value = load_value(project / "results/param=1")
        # The worker alone at first: the one who would kill it for having lost its task sleeps on.
        os.kill(int(worker), signal.SIGCONT)
        wait_for((project / f"results/param=1/woke-{worker}").exists)
        wait_for(lambda: is_waiting(int(worker)))
    finally:
        for pid in (int(worker), paused.pid):
            os.kill(pid, signal.SIGCONT)
    paused.communicate(timeout=60)

    assert paused.returncode == 0
    assert (project / "results/param=1/run.lock").read_bytes() == taken
    assert load_value(project / "results/param=1") == value
    assert value != int(worker)


def is_waiting(pid: int) -> bool:
    """Tell whether a process that has come to the end of its task does nothing any more."""
    for _ in range(15):
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
            return False
        time.sleep(0.02)
    return True

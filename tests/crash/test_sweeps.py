"""Sweeps whose workers and parents are killed, and many starts at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from naga import tasks
from naga.sweep.lease import read_holder
from tests.crash.chance import count, randomness
from tests.sweep.projects import make_project, statuses, write_tasks

if TYPE_CHECKING:
    import random

SCRIPT = """\
import os, time
from pathlib import Path
from naga import clicfg

class Config:
    param = 0
    save_dir = "results"

@clicfg(config_class=Config)
def main(cfg):
    started = os.open("started.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(started, f"{cfg.param}\\n".encode())
    os.close(started)
    time.sleep(0.05)
    Path(cfg.save_dir, "out.txt").write_text(str(cfg.param * cfg.param))

if __name__ == "__main__":
    main()
"""

# Forked from one process that has imported everything, so that they come to their folders at the same time.
RACE = """\
import os, runpy, sys
import naga.lock.recording, naga.config.building, naga.run.active, naga.run.new_folder
script, number = sys.argv[1], int(sys.argv[2])
sys.argv = [script]
reader, writer = os.pipe()
children = []
for _ in range(number):
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        code = 1
        try:
            runpy.run_path(script, run_name="__main__")
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    children.append(child)
os.close(writer)
raise SystemExit(any(os.waitpid(child, 0)[1] for child in children))
"""


def start(project: Path, jobs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param", f"--n_jobs={jobs}"]
    with (project / "said.txt").open("a") as said:
        return subprocess.Popen(command, cwd=project, stdout=said, stderr=said, text=True)


def workers_of(pid: int) -> list[int]:
    """Return the processes that a process has started and that are still there."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    children = [int(child) for child in text.split()]
    return [child for child in children if b"naga.sweep.worker" in read_command(child)]


def read_command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kill_a_worker(pid: int, chance: random.Random) -> bool:
    workers = workers_of(pid)
    if not workers:
        return False
    os.kill(chance.choice(workers), signal.SIGKILL)
    return True


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the children of a process")
def test_sweep_whose_workers_and_parents_are_killed_finishes_every_task(tmp_path: Path) -> None:
    number, jobs = count(500, 60), count(8, 4)
    worker_kills, parent_kills = count(20, 5), count(3, 1)
    chance = randomness()
    project = make_project(tmp_path / "project", SCRIPT)
    write_tasks(project, range(number))
    plan = ["worker"] * worker_kills + ["parent"] * parent_kills
    chance.shuffle(plan)

    parent = start(project, jobs)
    killed = Counter[str]()
    while (code := parent.poll()) is None or code == -signal.SIGKILL:
        if code == -signal.SIGKILL:
            parent = start(project, jobs)
        time.sleep(chance.uniform(0.05, 0.25))
        if plan and plan[-1] == "worker" and kill_a_worker(parent.pid, chance):
            killed[plan.pop()] += 1
        elif plan and plan[-1] == "parent" and len(statuses(project)) > number // 10:
            parent.kill()
            killed[plan.pop()] += 1
            parent.wait()

    said = (project / "said.txt").read_text()
    assert code == 0, said
    assert killed["parent"] == parent_kills
    assert killed["worker"] >= min(worker_kills, 3)
    assert Counter(statuses(project).values()) == {"finished": number}
    outputs = {int(path.parent.name[6:]): path.read_text() for path in project.glob("results/*/out.txt")}
    assert outputs == {param: str(param * param) for param in range(number)}
    starts = Counter((project / "started.txt").read_text().split())
    overview = tasks(project / "results")
    assert overview.counts == {"finished": number}
    # Nothing was executed without leaving a lease, and all that was begun again is told.
    for task in overview.tasks:
        assert starts[task.folder.name[6:]] <= task.executions
    assert overview.repeated >= starts.total() - number
    assert overview.repeated <= worker_kills + parent_kills * jobs


@pytest.mark.slow
def test_two_parents_over_one_sweep_share_it_and_do_nothing_twice(tmp_path: Path) -> None:
    number = count(200, 40)
    project = make_project(tmp_path / "project", SCRIPT)
    write_tasks(project, range(number))

    parents = [start(project, 2), start(project, 2)]

    assert [parent.wait(timeout=120) for parent in parents] == [0, 0], (project / "said.txt").read_text()
    assert Counter(statuses(project).values()) == {"finished": number}
    starts = Counter((project / "started.txt").read_text().split())
    assert set(starts.values()) == {1}
    sweeps = {read_holder(str(path.parent), 1)[0] for path in project.glob("results/*/out.txt")}
    assert len({holder.sweep for holder in sweeps if holder}) == 2


@pytest.mark.slow
def test_runs_with_automatic_folder_names_that_start_at_once_get_a_folder_each(tmp_path: Path) -> None:
    number = count(64, 12)
    project = make_project(tmp_path / "project", SCRIPT.replace('"results"', '"results/fit-{new}"'))
    command = [sys.executable, "-c", RACE, "process.py", str(number)]

    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stderr
    assert statuses(project) == {f"fit-{each}": "finished" for each in range(1, number + 1)}

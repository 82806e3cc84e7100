"""What can be seen of a sweep before it runs, while it runs, and from its own tasks."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from naga.lock.cores import available_cores
from naga.lock.receipt import read_receipt
from tests.programs import naga, run_python
from tests.sweep.projects import make_project, receipt_of, statuses, sweep, write_tasks

TELLING = """\
import asyncio, os, sys
from pathlib import Path
from naga import clicfg, runlock

class Config:
    param = 1
    api_token = ""
    save_dir = "results"

hooked = []
def count(event, arguments):
    if event == "open" and str(arguments[0]).endswith("data.bin"):
        hooked.append(arguments[0])
sys.addaudithook(count)

@clicfg(config_class=Config)
async def main(cfg):
    await asyncio.sleep(0)
    print("token", cfg.api_token)
    print("threads", os.environ["OMP_NUM_THREADS"])
    before = len(hooked)
    runlock(data={"numbers": "data.bin"})
    print("opened", len(hooked) - before)
    return cfg.param * 2

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_dry_run_of_a_sweep_says_what_would_run_and_writes_nothing(project: Path) -> None:
    write_tasks(project, [1, 2])
    before = files(project)

    done = sweep(project, "--dry_run")

    assert done.returncode == 0, done.stderr
    assert "list.txt:2" in done.stdout
    assert "results/param=2" in done.stdout
    assert files(project) == before


def test_watch_of_a_sweep_looks_until_all_is_done(project: Path) -> None:
    write_tasks(project, [1, 2])
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param", "-o", "sleep=2.5"]
    with subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as parent:
        while not statuses(project):
            assert parent.poll() is None
        watch = naga(project, "tasks", "results", "--watch", "--json")
        assert parent.wait(timeout=60) == 0

    looks = [json.loads(line)["counts"] for line in watch.stdout.splitlines()]
    assert watch.returncode == 0, watch.stderr
    assert looks[0]["running"] == 1
    assert looks[-1] == {"finished": 2}


def test_bar_on_a_terminal_shows_tasks_that_run_while_none_ends(project: Path) -> None:
    values = [*({"param": number} for number in range(8)), *({"param": number, "sleep": 60} for number in (8, 9))]
    (project / "list.json").write_text(json.dumps(values))
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (30, 120))
    command = [sys.executable, "process.py", "--tasks", "list.json", "--n_jobs=2"]
    parent = subprocess.Popen(command, cwd=project, stderr=follower, stdout=subprocess.DEVNULL)
    os.close(follower)
    said = b""
    try:
        while len(re.findall(rb" 8/10 [^\r]*running=2", said)) < 3:
            said += os.read(leader, 4096)
    finally:
        parent.kill()
        parent.wait()
        os.close(leader)


def test_tasks_that_two_commands_share_keep_their_logs_and_count_as_begun_once(project: Path) -> None:
    write_tasks(project, range(12))
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param", "-o", "sleep=0.15"]
    parents = [subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL) for _ in range(2)]

    assert [parent.wait(60) for parent in parents] == [0, 0]

    logs = [(project / f"results/param={number}/log.txt").read_text() for number in range(12)]
    assert logs == [f"task {number}\nfrom a program\n" for number in range(12)]
    shown = json.loads(naga(project, "tasks", "results", "--json").stdout)
    assert shown["repeated"] == 0


SLOW_GIT = """\
#!/bin/sh
case "$*" in *status*)
    touch looked
    while [ ! -e go ]; do sleep 0.02; done
esac
PATH=${PATH#*:} exec git "$@"
"""


def test_tasks_that_another_command_ends_while_this_one_plans_are_not_run_again(project: Path, tmp_path: Path) -> None:
    write_tasks(project, range(3))
    # The state of the code is kept after the look at the receipts, and takes long in a large repository.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(SLOW_GIT)
    (tmp_path / "bin/git").chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param"]
    with subprocess.Popen(command, cwd=project, env=environ, stderr=subprocess.PIPE, text=True) as planning:
        while not (project / "looked").exists():
            assert planning.poll() is None
        assert sweep(project).returncode == 0
        (project / "go").touch()
        _, said = planning.communicate(timeout=120)

    assert planning.returncode == 0, said
    assert "3 tasks" in said
    shown = json.loads(naga(project, "tasks", "results", "--json").stdout)
    assert (shown["counts"], shown["repeated"]) == ({"finished": 3}, 0)


def test_log_of_a_task_hides_a_secret_of_its_config_and_workers_share_cores_and_digests(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", TELLING)
    (project / "data.bin").write_bytes(b"x" * 5_000_000)
    write_tasks(project, [1, 2, 3])

    done = sweep(project, "--n_jobs=1", "-o", "api_token=hunter2-hunter2")

    assert done.returncode == 0, done.stderr
    logs = [(project / f"results/param={n}/log.txt").read_text().splitlines() for n in (1, 2, 3)]
    assert [log[0] for log in logs] == ["token ***"] * 3
    assert not [path for path, content in files(project / "results").items() if b"hunter2-hunter2" in content]
    assert {log[1] for log in logs} == {f"threads {available_cores()}"}
    assert [log[2] for log in logs] == ["opened 1", "opened 0", "opened 0"]
    assert len({str(receipt_of(project, f"param={n}").data["numbers"]) for n in (1, 2, 3)}) == 1


@pytest.mark.parametrize(
    ("given", "seen"), [({}, str(max(1, available_cores() // 2))), ({"OMP_NUM_THREADS": "7"}, "7")]
)
def test_module_of_a_package_runs_tasks_with_its_share_of_the_cores(
    tmp_path: Path, given: dict[str, str], seen: str
) -> None:
    project = make_project(tmp_path / "project")
    package = project / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "helper.py").write_text("def double(number):\n    return number * 2\n")
    script = (project / "process.py").read_text().replace("from naga", "from .helper import double\nfrom naga")
    said = 'print("task", double(cfg.param), os.environ.get("OMP_NUM_THREADS"))'
    (package / "module.py").write_text(script.replace('print("task", cfg.param)', said))
    write_tasks(project, [1, 2])

    words = ["-m", "package.module", "--tasks", "list.txt", "--task_to", "param", "--n_jobs=2"]
    done = run_python(project, *words, **given)

    assert done.returncode == 0, done.stderr
    assert (project / "results/param=2/log.txt").read_text().splitlines()[0] == f"task 4 {seen}"
    assert read_receipt(project / "results/param=2/run.lock").status == "finished"

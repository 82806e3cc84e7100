"""Sweeps on a real Slurm: none of their tasks is lost, and why a worker was is told apart."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from naga.errors import NagaError
from naga.lock.receipt import Receipt, read_receipt
from naga.sweep.lease import newest_lease, read_holder
from tests.programs import naga, run_python
from tests.slurm.cluster import Cluster, ClusterError, pause_until
from tests.sweep.projects import make_project, write_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

# Every execution leaves a line, so that none is overlooked.
SCRIPT = """\
import os, time
from pathlib import Path
from naga import clicfg

class Config:
    param = 0
    first = 0.0
    then = 0.0
    megabytes = 0
    save_dir = "results/${param}"

@clicfg(config_class=Config)
def main(cfg):
    is_first = not Path(f"executions/{cfg.param}").exists()
    with open(f"executions/{cfg.param}", "a") as file:
        file.write(os.environ["SLURM_JOB_ID"] + "\\n")
    content = bytearray(cfg.megabytes << 20)
    time.sleep(cfg.first if is_first else cfg.then)
    Path(cfg.save_dir, "out.txt").write_text(str(cfg.param * 2))

if __name__ == "__main__":
    main()
"""
SETTINGS = "timeout_min: 5\nslurm_signal_delay_s: 10\n"
WORDS = ("process.py", "--tasks", "list.txt", "--task_to", "param", "--slurm_config", "slurm.yaml")


class Project:
    """A project whose sweep runs on a cluster."""

    def __init__(self, folder: Path, cluster: Cluster, tasks: int, settings: str = "") -> None:
        self.folder, self.cluster, self.tasks = make_project(folder, SCRIPT), cluster, tasks
        (folder / "wait.yaml").write_text(SETTINGS)
        (folder / "executions").mkdir()
        (folder / ".gitignore").write_text("results/\nexecutions/\nsaid\n")
        self.set(settings)
        write_tasks(folder, range(tasks))

    def set(self, settings: str) -> None:
        memory = "" if "mem_gb" in settings else "mem_gb: 0.4\n"
        (self.folder / "slurm.yaml").write_text(SETTINGS + memory + settings)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run_python(self.folder, *WORDS, *words, **self.cluster.environ)

    def run(self, *overrides: str) -> subprocess.CompletedProcess[str]:
        return self.call(*self._overrides(overrides))

    def start(self, *overrides: str) -> subprocess.Popen[bytes]:
        with (self.folder / "said").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, *WORDS, *self._overrides(overrides)],
                cwd=self.folder,
                env={**os.environ, **self.cluster.environ},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    @property
    def array(self) -> str:
        """Return the array that was submitted last."""
        records = sorted((self.folder / ".naga/sweeps").glob("*/slurm.json"))
        return str(json.loads(records[-1].read_text())["arrays"][-1]) if records else ""

    def receipt(self, task: int) -> Receipt | None:
        with suppress(NagaError):
            return read_receipt(self.folder / f"results/{task}/run.lock")
        return None

    def status(self, task: int) -> str:
        receipt = self.receipt(task)
        if receipt is None:
            return ""
        return f"{receipt.status} {receipt.error.type}" if receipt.error else receipt.status

    def is_at(self, task: int) -> bool:
        return self.status(task) == "started"

    def finished(self) -> int:
        return sum(self.status(task) == "finished" for task in range(self.tasks))

    def executions(self, task: int) -> list[str]:
        with suppress(FileNotFoundError):
            return (self.folder / f"executions/{task}").read_text().split()
        return []

    def check_outputs(self) -> None:
        outputs = [(self.folder / f"results/{task}/out.txt").read_text() for task in range(self.tasks)]
        assert outputs == [str(task * 2) for task in range(self.tasks)]

    def repeated(self) -> int:
        """Return how many executions were more than the one that every task needs."""
        return sum(len(self.executions(task)) - 1 for task in range(self.tasks))

    def _overrides(self, overrides: tuple[str, ...]) -> list[str]:
        return ["-o", *overrides] if overrides else []


def wait(question: Callable[[], bool], seconds: float = 60) -> None:
    assert pause_until(question, seconds)


def wait_for_holders(project: Project, jobs: set[str]) -> dict[str, int]:
    """Return job -> process of the worker that is at a task in it, once there is one for each of some jobs."""
    found: dict[str, int] = {}

    def look() -> bool:
        for task in range(project.tasks):
            folder = str(project.folder / f"results/{task}")
            holder = read_holder(folder, newest_lease(folder))[0]
            if holder is not None and holder.job and not holder.ended:
                found[holder.job.partition(".")[0]] = holder.pid
        return jobs <= found.keys()

    wait(look)
    return found


class Background(NamedTuple):
    """Sweeps that go on while other tests run, and their commands."""

    hundred: tuple[Project, subprocess.Popen[bytes]]
    without_accounting: tuple[Project, subprocess.Popen[bytes]]
    limited: tuple[Project, subprocess.Popen[bytes]]
    too_long: tuple[Project, subprocess.Popen[bytes]]


def disturb(project: Project) -> None:
    """Cancel one worker of a sweep, kill another, and let the third reach its time limit."""
    wait(lambda: project.finished() >= 3)
    array = project.array
    holders = wait_for_holders(project, {f"{array}_{index}" for index in range(3)})
    project.cluster.expire(f"{array}_0", seconds=41)
    project.cluster.run("scancel", f"{array}_1")
    os.kill(holders[f"{array}_2"], signal.SIGKILL)


@pytest.fixture(scope="module")
def background(
    tmp_path_factory: pytest.TempPathFactory, slurm: Cluster, slurm_without_accounting: Cluster
) -> Iterator[Background]:
    """Start two sweeps of 100 tasks that are disturbed, and two whose only task runs into the time limit."""
    folder = tmp_path_factory.mktemp("background")
    six = "slurm_array_parallelism: 6\n"
    hundreds = [
        Project(folder / "hundred", slurm, 100, six),
        Project(folder / "without accounting", slurm_without_accounting, 100, six),
    ]
    limited = Project(folder / "limited", slurm, 1)
    too_long = Project(folder / "too long", slurm, 1, "max_retries: 1\n")
    parents = [project.start("first=4", "then=4") for project in hundreds]
    parents += [limited.start("first=300"), too_long.start("first=300", "then=300")]
    try:
        for project in (limited, too_long):
            wait(partial(project.is_at, 0))
            slurm.expire(project.array, seconds=41)
        for project in hundreds:
            disturb(project)
        yield Background(*zip([*hundreds, limited, too_long], parents, strict=True))
    finally:
        for parent in parents:
            parent.kill()
            parent.wait()


@pytest.fixture
def make(tmp_path: Path, slurm: Cluster) -> Callable[..., Project]:
    """Return a function that makes a project whose sweeps run on the cluster with accounting."""

    def make(tasks: int, settings: str = "", cluster: Cluster = slurm) -> Project:
        return Project(tmp_path / 'a project\'s "folder"\nof two lines', cluster, tasks, settings)

    return make


@pytest.mark.usefixtures("background")
def test_sweep_in_a_folder_with_quotes_and_line_breaks_is_one_array(make: Callable[..., Project]) -> None:
    project = make(12, "slurm_array_parallelism: 3\ncpus_per_task: 2\n")
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "12 finished, 0 failed" in done.stderr
    assert project.finished() == 12
    project.check_outputs()
    assert project.repeated() == 0
    assert len(list(project.folder.glob(".naga/sweeps/*/jobs/*_submitted.pkl"))) == 3
    assert list(project.folder.glob(".naga/frozen/*")) == []
    again = project.run()
    assert again.returncode == 0
    assert "12 done; 0 to run, 12 skipped" in again.stderr


def test_worker_ends_after_as_many_tasks_as_one_may_take(make: Callable[..., Project]) -> None:
    project = make(8, "slurm_array_parallelism: 2\ntasks_per_job: 3\n")
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert "of 3 workers" in done.stderr
    assert "8 finished, 0 failed" in done.stderr
    shares = Counter(job for task in range(8) for job in project.executions(task))
    assert sum(shares.values()) == 8
    assert len(shares) >= 3
    assert max(shares.values()) <= 3


def test_array_is_no_larger_than_the_limit_of_the_cluster(
    make: Callable[..., Project], slurm_without_accounting: Cluster
) -> None:
    held = "wait: false\nslurm_additional_parameters: {hold: true}\n"
    project = make(1500, "tasks_per_job: 1\n" + held, slurm_without_accounting)
    done = project.run()
    assert "of 1,001 workers" in done.stderr
    waiting = project.cluster.run("squeue", "--noheader", "--array", f"--jobs={project.array}", "--format=%i")
    assert len(waiting.splitlines()) == 1001
    project.cluster.run("scancel", project.array)


def test_task_over_its_memory_limit_is_killed_and_its_receipt_says_why(make: Callable[..., Project]) -> None:
    project = make(2, "max_retries: 1\n")
    (project.folder / "list.json").write_text('[{"param": 0}, {"param": 1, "megabytes": 700, "first": 60, "then": 60}]')
    words = ("process.py", "--tasks", "list.json", "--slurm_config", "slurm.yaml")
    done = run_python(project.folder, *words, **project.cluster.environ)
    assert done.returncode == 1, done.stderr
    assert [project.status(task) for task in range(2)] == ["finished", "killed OutOfMemory"]
    receipt = project.receipt(1)
    assert receipt is not None
    assert receipt.error is not None
    # Slurm writes two lines about it, and either may come first.
    assert re.search("exceeded (job )?memory limit", receipt.error.message, re.I)
    assert len(project.executions(1)) == 2
    assert "OutOfMemory: Slurm job" in done.stderr


def test_task_of_a_node_that_fails_is_killed_and_run_again(make: Callable[..., Project]) -> None:
    project = make(1, "slurm_nodelist: n2\n")
    parent = project.start("first=300")
    wait(lambda: project.status(0) == "started")
    project.cluster.kill("n2")
    wait(lambda: project.status(0) == "killed NodeFailure")
    project.cluster.revive("n2")
    assert parent.wait(90) == 0
    assert project.finished() == 1
    assert len(project.executions(0)) == 2
    assert "1 begun again" in project.said


def test_sweep_whose_array_is_cancelled_stops_and_is_finished_by_the_same_command(make: Callable[..., Project]) -> None:
    project = make(4, "slurm_array_parallelism: 2\n")
    parent = project.start("first=300")
    wait(lambda: sum(project.status(task) == "started" for task in range(4)) == 2)
    project.cluster.run("scancel", project.array)
    assert parent.wait(60) == 75, project.said
    assert "was cancelled" in project.said
    assert sorted(project.status(task) for task in range(4)) == ["", "", "killed Cancelled", "killed Cancelled"]
    assert project.run("first=0.01").returncode == 0
    assert project.finished() == 4


def test_sweep_that_is_not_waited_for_returns_at_once_and_a_second_call_runs_nothing_twice(
    make: Callable[..., Project],
) -> None:
    project = make(4, "slurm_array_parallelism: 2\nwait: false\n")
    done = project.run("first=8")
    assert done.returncode == 75
    array = project.array
    assert f"detached, array {array} goes on: naga tasks results follows it" in done.stderr
    shown = naga(project.folder, "tasks", "results", **project.cluster.environ)
    assert shown.returncode == 75, shown.stderr
    assert re.search(rf"^array {array}: \d (pending|running)", shown.stdout, re.M)
    words = [*WORDS[:-1], "wait.yaml", "-o", "first=8"]
    whole = run_python(project.folder, *words, **project.cluster.environ)
    assert whole.returncode == 0, whole.stderr
    assert f"array {array} runs these tasks already" in whole.stderr
    assert project.finished() == 4
    assert project.repeated() == 0


def test_task_whose_job_dies_while_nobody_waits_is_shown_as_killed(
    make: Callable[..., Project], slurm_without_accounting: Cluster
) -> None:
    cluster = slurm_without_accounting
    project = make(1, "wait: false\n", cluster)
    assert project.run("first=300").returncode == 75
    wait(lambda: project.status(0) == "started", 120)
    cluster.run("scancel", project.array)
    cluster.wait_for(project.array, "CANCELLED")
    shown = naga(project.folder, "tasks", "results", "--json", **cluster.environ)
    (task,) = json.loads(shown.stdout)["tasks"]
    assert (shown.returncode, task["state"], task["problem"].partition(":")[0]) == (1, "killed", "Cancelled")


def test_sweep_runs_the_code_and_the_config_that_it_was_submitted_with(make: Callable[..., Project]) -> None:
    project = make(2, "wait: false\nslurm_additional_parameters: {begin: now+4}\n")
    (project.folder / "conf.yml").write_text("then: 0.5\nfit: {then: 0.25, megabytes: 1}\n")
    (project.folder / "more.yml").write_text("megabytes: 2\n")
    files = ("--config", "conf.yml", "--experiment", "fit", "--overrides_path", "more.yml")
    assert project.call(*files).returncode == 75
    (project.folder / "process.py").write_text("raise SystemExit('edited')\n")
    (project.folder / "conf.yml").write_text("fit: {then: wrong}\n")
    (project.folder / "more.yml").unlink()
    wait(lambda: project.finished() == 2)
    project.check_outputs()
    receipt = project.receipt(0)
    assert receipt is not None
    assert {key: receipt.config[key] for key in ("then", "megabytes")} == {"then": 0.25, "megabytes": 2}
    (entry,) = receipt.repos.values()
    shown = subprocess.run(
        ["git", "show", f"{entry.snapshot}:process.py"], cwd=project.folder, capture_output=True, text=True, check=True
    )
    assert shown.stdout == SCRIPT
    assert (receipt.caller["file"], receipt.caller["root"]) == ("process.py", str(project.folder))
    assert '"stale"' in naga(project.folder, "status", "--json").stdout
    (project.folder / "process.py").write_text(SCRIPT)
    assert '"stale"' not in naga(project.folder, "status", "--json").stdout


def test_config_file_with_secrets_is_in_no_plan_and_jobs_refuse_it_when_it_changed(
    make: Callable[..., Project],
) -> None:
    project = make(1, "wait: false\nslurm_additional_parameters: {begin: now+4}\n")
    script = project.folder / "process.py"
    script.write_text(SCRIPT.replace("    param = 0\n", "    param = 0\n    password = ''\n"))
    (project.folder / "conf.yml").write_text("password: hunter2-hunter2\n")
    assert project.call("--config", "conf.yml").returncode == 75
    plans = [file.read_text() for file in project.folder.glob(".naga/sweeps/*/*.json*")]
    assert "hunter2" not in "".join(plans)
    (project.folder / "conf.yml").write_text("password: another-secret\n")
    logs = project.folder / ".naga/sweeps"
    wait(lambda: any("the config changed after" in file.read_text() for file in logs.glob("*/jobs/*.err")))
    assert project.status(0) == ""


def test_sweep_that_is_not_frozen_runs_the_code_that_is_there(make: Callable[..., Project]) -> None:
    project = make(1, "wait: false\nfreeze: false\nslurm_additional_parameters: {begin: now+4}\n")
    assert project.run().returncode == 75
    (project.folder / "process.py").write_text(SCRIPT.replace("cfg.param * 2", "'edited'"))
    wait(lambda: project.finished() == 1)
    assert (project.folder / "results/0/out.txt").read_text() == "edited"


def test_sweep_interrupted_without_a_terminal_detaches_and_says_so(make: Callable[..., Project]) -> None:
    project = make(2)
    parent = project.start("first=4")
    wait(lambda: "started" in {project.status(task) for task in range(2)})
    parent.send_signal(signal.SIGINT)
    assert parent.wait(20) == 75
    assert f"detached, array {project.array} goes on" in project.said
    wait(lambda: project.finished() == 2)
    assert project.repeated() == 0


def test_sweep_interrupted_at_a_terminal_asks_and_cancels(make: Callable[..., Project]) -> None:
    project = make(2, "slurm_array_parallelism: 1\n")
    leader, follower = pty.openpty()
    environ = {**os.environ, **project.cluster.environ}
    command = [sys.executable, *WORDS, "-o", "first=300"]
    parent = subprocess.Popen(
        command, cwd=project.folder, env=environ, stdin=follower, stderr=follower, stdout=subprocess.DEVNULL
    )
    os.close(follower)
    wait(lambda: "started" in {project.status(task) for task in range(2)})
    parent.send_signal(signal.SIGINT)
    said = b""
    while b"detach and let it run" not in said:
        said += os.read(leader, 4096)
    os.write(leader, b"c\n")
    # What is shown must be read, or the other side waits for ever.
    with suppress(OSError):
        while content := os.read(leader, 4096):
            said += content
    assert parent.wait(60) == 130
    assert b"run again" not in said
    assert sorted(project.status(task) for task in range(2)) == ["", "killed Cancelled"]
    assert set(project.cluster.states(project.array)) <= {"CANCELLED"}
    os.close(leader)


def test_settings_that_the_cluster_cannot_fulfil_are_refused_and_nothing_is_left(make: Callable[..., Project]) -> None:
    project = make(1, "slurm_partition: urgnet\n")
    done = project.run()
    assert (done.returncode, "did you mean urgent?" in done.stderr) == (66, True), done.stderr
    project.set("mem_gb: 100000\n")
    done = project.run()
    assert done.returncode == 77
    assert "Slurm refused: " in done.stderr
    assert "Traceback" not in done.stderr
    assert list(project.folder.glob(".naga/sweeps/*")) == list(project.folder.glob(".naga/frozen/*")) == []


def test_controller_that_is_down_is_named_at_submission_and_running_sweeps_outlive_it(
    make: Callable[..., Project], slurm_without_accounting: Cluster, tmp_path: Path
) -> None:
    cluster = slurm_without_accounting
    project = make(4, "slurm_array_parallelism: 2\n", cluster)
    other = Project(tmp_path / "other", cluster, 1)
    parent = project.start("first=6")
    wait(lambda: "started" in {project.status(task) for task in range(4)}, 120)
    cluster.stop_controller()
    try:
        done = other.run()
    finally:
        cluster.start_controller()
    assert done.returncode == 69, done.stderr
    assert "controller does not answer" in done.stderr
    assert list(other.folder.glob(".naga/sweeps/*")) == list(other.folder.glob(".naga/frozen/*")) == []
    assert parent.wait(90) == 0, project.said
    assert project.finished() == 4
    assert project.repeated() == 0


def check_hundred(project: Project, parent: subprocess.Popen[bytes]) -> None:
    assert parent.wait(200) == 0, project.said
    assert project.finished() == 100
    project.check_outputs()
    # The task of the worker that was cancelled, that of the one that was killed, and perhaps one at the time limit.
    assert project.repeated() >= 2
    assert f"100 finished, 0 failed, {project.repeated()} begun again" in project.said
    folders = [str(project.folder / f"results/{task}") for task in range(100)]
    holders = [read_holder(folder, number)[0] for folder in folders for number in range(1, newest_lease(folder) + 1)]
    # What reached its time limit went on afterwards.
    assert {f"{project.array}_0.0", f"{project.array}_0.1"} <= {holder.job for holder in holders if holder}


def test_task_of_a_job_that_is_preempted_is_killed_and_run_again(
    make: Callable[..., Project], slurm_without_accounting: Cluster
) -> None:
    cluster = slurm_without_accounting
    # Late in this file: the node is free only when the sweep in the background has ended.
    project = make(1, "slurm_nodelist: n1\nslurm_exclusive: true\n", cluster)
    parent = project.start("first=300")
    wait(lambda: project.status(0) == "started", 150)
    urgent = ["--partition=urgent", "--nodelist=n1", "--exclusive", "--output=none", "--wrap", "sleep 3"]
    cluster.submit(*urgent, folder=cluster.folder)
    wait(lambda: project.status(0) == "killed Preempted")
    assert parent.wait(90) == 0, project.said
    assert len(project.executions(0)) == 2


def test_hundred_tasks_outlive_kills_cancellation_and_a_time_limit(background: Background) -> None:
    check_hundred(*background.hundred)


def test_hundred_tasks_without_accounting_outlive_the_same(background: Background) -> None:
    check_hundred(*background.without_accounting)


def test_task_at_the_time_limit_is_killed_and_its_job_requeued(background: Background) -> None:
    project, parent = background.limited
    assert parent.wait(120) == 0, project.said
    assert project.finished() == 1
    assert len(project.executions(0)) == 2
    assert "1 begun again" in project.said
    journals = [file.read_text() for file in project.folder.glob(".naga/sweeps/*/journal/*")]
    assert "reached its time limit" in "".join(journals)


def test_task_that_never_fits_into_the_time_limit_is_given_up_after_max_retries(background: Background) -> None:
    project, parent = background.too_long
    wait(lambda: len(project.executions(0)) == 2, 120)
    # A job that is requeued keeps what its limit was set to, and may have reached it already.
    with suppress(ClusterError):
        project.cluster.expire(project.array, seconds=41)
    assert parent.wait(120) == 1, project.said
    assert project.status(0) == "killed TimeLimit"
    assert len(project.executions(0)) == 2
    assert re.search(r"TimeLimit: Slurm job \S+ reached its time limit, 2 times", project.said), project.said

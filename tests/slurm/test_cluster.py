"""The cluster does what sweeps need of it, and leaves nothing behind."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.programs import run_python
from tests.slurm.cluster import (
    LONGEST_FOLDER,
    NODES,
    NODES_AND_PARTITIONS,
    Cluster,
    ClusterError,
    claim_ports,
    find_missing_programs,
    pause_until,
    search_path,
)
from tests.slurm.conftest import require_slurm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

# Loads 400 MB and keeps them for longer than Slurm needs to see it.
HUNGRY = "import time; content = bytearray(400 << 20); time.sleep(60)"

SUBMITIT = """\
import os
import submitit

def multiply(first, second):
    return first * second, os.environ["SLURM_JOB_ID"]

if __name__ == "__main__":
    executor = submitit.AutoExecutor(folder="logs", cluster="slurm")
    executor.update_parameters(timeout_min=5, mem_gb=1, slurm_signal_delay_s=30)
    job = executor.submit(multiply, 6, 7)
    print(job.result() == (42, job.job_id))
"""

UNTIL_TOLD = "while [ ! -e go ]; do sleep 0.1; done; echo went > outcome"


def read_account(cluster: Cluster, job: str, *columns: str) -> list[list[str]]:
    """Return a row for each time that a job ran and each of its steps."""
    table = ["sacct", "--duplicates", "--noheader", "--parsable2", f"--jobs={job}", f"--format={','.join(columns)}"]
    return [line.split("|") for line in cluster.run(*table).splitlines()]


def list_states_of_account(cluster: Cluster, job: str) -> list[str]:
    return [row[0].split()[0] for row in read_account(cluster, job, "State")]


def list_processes(folder: Path) -> set[int]:
    """Return the processes that work in a folder, name it in their command, or use the cluster below it."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = [*(process / "cmdline").read_bytes().split(b"\0"), *(process / "environ").read_bytes().split(b"\0")]
            words.append(os.fsencode((process / "cwd").readlink()))
        except OSError:
            continue
        if any(os.fsencode(folder) in word for word in words):
            found.add(int(process.name))
    return found


def read_pid(cluster: Cluster, name: str) -> int:
    return int((cluster.folder / "daemons" / name).read_text().split()[0])


def manage(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Call what `scripts/slurm` calls."""
    return run_python(ROOT, "-m", "tests.slurm.cluster", command, str(folder), "--without-accounting")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    return folder


@pytest.fixture
def make_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Cluster]]:
    """Return a function that makes clusters of a test's own, which are stopped after it."""
    require_slurm(search_path(), accounting=True)
    made = []

    def make(folder: Path | None = None, *, accounting: bool = False) -> Cluster:
        made.append(Cluster(folder or tmp_path_factory.mktemp("an own"), accounting=accounting))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture(scope="module")
def expiring_job(slurm: Cluster) -> str:
    """Return a job on n1 that reaches its time limit within 30 s, while other tests run."""
    job = slurm.submit("--nodelist=n1", "--output=none", "--wrap", "sleep 300", folder=slurm.folder)
    slurm.wait_for(job, "RUNNING")
    slurm.expire(job)
    return job


@pytest.fixture(scope="module")
def warned_job(slurm: Cluster) -> str:
    """Return a job on n1 that gets a signal before its time limit, within 31 s, and asks to be requeued then."""
    command = "trap 'exit 75' USR2; sleep 300 & wait"
    options = ["--nodelist=n1", "--output=none", "--signal=B:USR2@10"]
    job = slurm.submit(*options, "--wrap", command, folder=slurm.folder)
    slurm.wait_for(job, "RUNNING")
    slurm.expire(job, seconds=41)
    return job


def test_cluster_after_start_has_two_idle_nodes(slurm: Cluster, slurm_without_accounting: Cluster) -> None:
    for cluster in (slurm, slurm_without_accounting):
        assert cluster.states_of_nodes() == {"n1": "idle", "n2": "idle"}


@pytest.mark.usefixtures("expiring_job", "warned_job")
def test_job_in_a_folder_with_spaces_leaves_its_output_there(slurm: Cluster, folder: Path) -> None:
    (folder / "job script").write_text("#!/bin/sh\npwd\n")
    job = slurm.submit("--output=what it said", "job script", folder=folder)
    slurm.wait_for(job, "COMPLETED")
    assert (folder / "what it said").read_text() == f"{folder}\n"


def test_array_of_twenty_runs_each_element_once(slurm: Cluster, folder: Path) -> None:
    job = slurm.submit("--array=1-20", "--wrap", 'echo "$SLURM_ARRAY_TASK_ID" >> elements', folder=folder)
    slurm.wait_for(job, "COMPLETED")
    assert slurm.states(job) == ["COMPLETED"] * 20
    assert sorted(map(int, (folder / "elements").read_text().split())) == list(range(1, 21))


def test_job_over_its_memory_limit_fails_and_accounting_says_why(slurm: Cluster, folder: Path) -> None:
    command = f"exec {sys.executable} -c '{HUNGRY}'"
    job = slurm.submit("--mem=100", "--output=log", "--wrap", command, folder=folder)
    slurm.wait_for(job, "FAILED")
    assert "exceeded memory limit" in (folder / "log").read_text()

    # Accounting hears of the limit of a job later than of its end.
    assert pause_until(lambda: read_account(slurm, job, "ReqMem", "State")[0] == ["100M", "FAILED"], 20)
    whole, step = read_account(slurm, job, "ExitCode", "MaxRSS")
    assert whole == ["0:9", ""]
    assert int(step[1].removesuffix("K")) > 100 * 1024


def test_job_that_is_cancelled_is_accounted_as_cancelled(slurm: Cluster, folder: Path) -> None:
    job = slurm.submit("--wrap", "sleep 300", folder=folder)
    slurm.wait_for(job, "RUNNING")
    slurm.run("scancel", job)
    slurm.wait_for(job, "CANCELLED")
    assert pause_until(lambda: list_states_of_account(slurm, job)[0] == "CANCELLED", 20)


def test_job_that_is_requeued_runs_once_more(slurm: Cluster, folder: Path) -> None:
    job = slurm.submit("--wrap", f'echo "${{SLURM_RESTART_COUNT:-0}}" >> starts; {UNTIL_TOLD}', folder=folder)
    assert pause_until((folder / "starts").exists, 20)
    slurm.run("scontrol", "requeue", job)
    (folder / "go").touch()
    slurm.wait_for(job, "COMPLETED")
    assert (folder / "starts").read_text() == "0\n1\n"


def test_job_that_exits_with_75_is_requeued(slurm: Cluster, folder: Path) -> None:
    job = slurm.submit("--wrap", "exit 75", folder=folder)
    slurm.wait_for(job, "PENDING", "REQUEUED")
    assert pause_until(lambda: list_states_of_account(slurm, job)[:1] == ["REQUEUED"], 20)
    slurm.run("scancel", job)


@pytest.mark.parametrize(("option", "state"), [("--requeue", "PENDING"), ("--no-requeue", "NODE_FAIL")])
def test_node_that_is_killed_takes_its_jobs_along(slurm: Cluster, folder: Path, option: str, state: str) -> None:
    # One process has left the job's script and session, as those do that go on in the background.
    command = "(setsid sleep 4321 &); echo > started; sleep 300"
    job = slurm.submit(option, "--nodelist=n2", "--wrap", command, folder=folder)
    assert pause_until((folder / "started").exists, 20)
    assert list_processes(folder)

    slurm.kill("n2")
    assert list_processes(folder) == set()
    assert slurm.states_of_nodes()["n2"] == "down"
    slurm.wait_for(job, state)
    assert pause_until(lambda: list_states_of_account(slurm, job)[0] == "NODE_FAIL", 20)

    slurm.revive("n2")
    assert slurm.states_of_nodes()["n2"] == "idle"
    slurm.run("scancel", job)


def test_node_that_drains_keeps_its_job_and_gets_no_other(slurm: Cluster, folder: Path) -> None:
    running = slurm.submit("--nodelist=n2", "--wrap", UNTIL_TOLD, folder=folder)
    slurm.wait_for(running, "RUNNING")
    slurm.drain("n2")
    waiting = slurm.submit("--nodelist=n2", "--wrap", "true", folder=folder)
    later = slurm.submit("--nodelist=n1", "--wrap", "true", folder=folder)
    slurm.wait_for(later, "COMPLETED")
    (folder / "go").touch()
    slurm.wait_for(running, "COMPLETED")
    assert slurm.states(waiting) == ["PENDING"]

    slurm.revive("n2")
    slurm.wait_for(waiting, "COMPLETED")


def test_submitit_submits_a_function_and_gives_its_result(slurm: Cluster, folder: Path) -> None:
    (folder / "script.py").write_text(SUBMITIT)
    done = run_python(folder, "script.py", **slurm.environ)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


def test_controller_stopped_and_started_finds_the_job_that_went_on(
    slurm_without_accounting: Cluster, folder: Path
) -> None:
    cluster = slurm_without_accounting
    job = cluster.submit("--wrap", UNTIL_TOLD, folder=folder)
    cluster.wait_for(job, "RUNNING")
    cluster.stop_controller()
    with pytest.raises(ClusterError, match="scontrol ping"):
        cluster.run("scontrol", "ping")

    cluster.start_controller()
    assert cluster.states(job) == ["RUNNING"]
    (folder / "go").touch()
    cluster.wait_for(job, "COMPLETED")
    assert (folder / "outcome").read_text() == "went\n"


def test_urgent_job_preempts_one_that_is_requeued(slurm_without_accounting: Cluster, folder: Path) -> None:
    cluster = slurm_without_accounting
    normal = cluster.submit("--nodes=2", "--exclusive", "--wrap", "sleep 300", folder=folder)
    cluster.wait_for(normal, "RUNNING")
    urgent = cluster.submit("--partition=urgent", "--wrap", "true", folder=folder)
    cluster.wait_for(urgent, "COMPLETED")
    cluster.wait_for(normal, "PENDING")
    cluster.run("scancel", normal)


def test_cluster_without_accounting_knows_jobs_by_squeue_only(slurm_without_accounting: Cluster, folder: Path) -> None:
    job = slurm_without_accounting.submit("--wrap", "true", folder=folder)
    slurm_without_accounting.wait_for(job, "COMPLETED")
    with pytest.raises(ClusterError, match="accounting storage is disabled"):
        slurm_without_accounting.run("sacct", "-j", job)


def test_cluster_after_stop_has_left_no_process(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(accounting=True).start()
    stray = "setsid env --ignore-environment sleep 4321 & (setsid sleep 4321 &);"
    cluster.submit("--wrap", f"{stray} srun sh -c '{UNTIL_TOLD}'", folder=cluster.folder)
    pids = {read_pid(cluster, name) for name in ("mariadbd", "slurmdbd", "slurmctld", *NODES)}
    # Beside what serves the steps: both strays, the job's script, srun, its shell and that one's sleep.
    assert pause_until(lambda: len(list_processes(cluster.folder)) >= len(pids) + 6, 20)
    assert pids < list_processes(cluster.folder)

    cluster.stop()
    assert list_processes(cluster.folder) == set()
    cluster.stop()


def test_cluster_that_stops_leaves_the_jobs_of_another_alone(
    make_cluster: Callable[..., Cluster], slurm_without_accounting: Cluster, folder: Path
) -> None:
    other = slurm_without_accounting
    job = other.submit("--wrap", UNTIL_TOLD, folder=folder)
    other.wait_for(job, "RUNNING")
    make_cluster().start().stop()
    (folder / "go").touch()
    other.wait_for(job, "COMPLETED")
    assert (folder / "outcome").read_text() == "went\n"


def test_cluster_whose_caller_is_killed_ends_too(make_cluster: Callable[..., Cluster]) -> None:
    folder = make_cluster().folder
    start = f"Cluster(Path({str(folder)!r}), accounting=False).start()"
    code = f"import os; from tests.slurm.cluster import *; {start}; os.kill(os.getpid(), 9)"
    assert run_python(ROOT, "-c", code).returncode == -signal.SIGKILL
    assert (folder / "daemons" / "slurmctld").exists()
    assert pause_until(lambda: not list_processes(folder), 20)


def test_cluster_whose_controller_dies_says_so_with_the_end_of_its_log(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster().start()
    os.kill(read_pid(cluster, "slurmctld"), signal.SIGKILL)
    assert pause_until(lambda: not cluster.is_up(), 20)
    with pytest.raises(ClusterError, match=r"(?s)ended by itself: slurmctld\n.*/logs/slurmctld:\n.*slurmctld"):
        cluster.run("scontrol", "ping")

    cluster.stop()
    assert list_processes(cluster.folder) == set()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("NodeName=n1 Nonsense=1", r"(?s)ended by itself: slurmctld\n.*Nonsense"),
        (
            NODES_AND_PARTITIONS.replace("Port={port[n2]}", "Port={port[n2]} State=DRAIN"),
            "(?s)nodes are idle.*slurmd-n2",
        ),
    ],
)
def test_cluster_that_cannot_start_says_why_and_leaves_no_process(
    make_cluster: Callable[..., Cluster], monkeypatch: pytest.MonkeyPatch, settings: str, message: str
) -> None:
    monkeypatch.setattr("tests.slurm.cluster.NODES_AND_PARTITIONS", settings)
    monkeypatch.setattr("tests.slurm.cluster.PATIENCE_SECONDS", 3)
    cluster = make_cluster()
    with pytest.raises(ClusterError, match=message):
        cluster.start()
    assert list_processes(cluster.folder) == set()


def test_process_that_got_the_id_of_a_daemon_is_left_alone(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    (cluster.folder / "daemons").mkdir(parents=True)
    with subprocess.Popen(["sleep", "300"]) as other:
        (cluster.folder / "daemons" / "slurmctld").write_text(f"{other.pid} 1")
        cluster.stop()
        time.sleep(0.1)
        assert other.poll() is None
        other.kill()


def test_cluster_in_a_folder_with_the_longest_path_runs_jobs(
    make_cluster: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory
) -> None:
    parent = tmp_path_factory.mktemp("long")
    folder = parent / ("x" * (LONGEST_FOLDER - len(os.fsencode(parent)) - 1))
    cluster = make_cluster(folder).start()
    job = cluster.submit("--wrap", "srun true", folder=folder)
    cluster.wait_for(job, "COMPLETED")


@pytest.mark.parametrize(
    ("name", "message"),
    [("x" * LONGEST_FOLDER, "too long for sockets"), ("100%n", "cannot hold"), ("a#b", "cannot hold")],
)
def test_cluster_in_a_folder_with_an_unusable_path_is_refused(
    make_cluster: Callable[..., Cluster], tmp_path_factory: pytest.TempPathFactory, name: str, message: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / name
    with pytest.raises(ClusterError, match=message):
        make_cluster(folder).start()
    assert not folder.exists()


def test_cluster_in_the_folder_of_another_is_refused_and_that_one_goes_on(
    make_cluster: Callable[..., Cluster],
) -> None:
    cluster = make_cluster().start()
    with pytest.raises(ClusterError, match="already"):
        make_cluster(cluster.folder).start()
    assert cluster.is_up()


def test_cluster_of_a_developer_outlives_the_command_until_it_is_told(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster()
    line = f"export SLURM_CONF='{cluster.folder}/slurm.conf'\n"
    assert manage("up", cluster.folder).stdout == line
    pid = read_pid(cluster, "slurmctld")
    assert manage("up", cluster.folder).stdout == line
    assert read_pid(cluster, "slurmctld") == pid
    shown = manage("status", cluster.folder)
    assert shown.returncode == 0
    assert "idle" in shown.stdout

    assert manage("down", cluster.folder).returncode == 0
    assert list_processes(cluster.folder) == set()
    assert manage("status", cluster.folder).returncode == 1


def test_ports_that_are_claimed_or_in_use_are_given_to_nobody_else() -> None:
    def ask() -> tuple[socket.socket, list[int]]:
        # The same order for all who ask.
        random.seed(0)
        return claim_ports(4)

    claim, claimed = ask()
    with claim, ask()[0] as other_claim:
        assert other_claim.getsockname() != claim.getsockname()
    with socket.create_server(("127.0.0.1", claimed[2])), ask()[0] as other_claim:
        assert other_claim.getsockname()[1] not in {port - 1 for port in claimed}


def test_slurm_that_is_not_installed_is_skipped_visibly_or_an_error_in_ci(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "slurmctld" in find_missing_programs(str(tmp_path), accounting=False)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        require_slurm(str(tmp_path), accounting=True)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        require_slurm(str(tmp_path), accounting=True)


def test_job_at_its_time_limit_ends_as_timeout(slurm: Cluster, expiring_job: str) -> None:
    assert pause_until(lambda: list_states_of_account(slurm, expiring_job)[:1] == ["TIMEOUT"], 60)


def test_job_before_its_time_limit_gets_the_signal_that_it_asked_for(slurm: Cluster, warned_job: str) -> None:
    assert pause_until(lambda: list_states_of_account(slurm, warned_job)[:1] == ["REQUEUED"], 60)
    slurm.run("scancel", warned_job)

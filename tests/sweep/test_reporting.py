"""How tasks end is told alike by receipts, by the command, and by ``naga tasks``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from naga import UnavailableValue, results
from tests.programs import naga
from tests.sweep.projects import SCRIPT, make_project, receipt_of, statuses, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = """\
    if cfg.mode == "limit":
        import resource
        limits = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, limits[1]))
        try:
            bytearray(8 << 30)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, limits)
    if cfg.mode == "eat":
        kept = []
        while True:
            kept.append(b"x" * (1 << 24))
"""
MODES = {"1": "raise", "2": "exit", "3": "limit", "4": "lock", "5": "kill"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(
        tmp_path / "project", SCRIPT.replace('    if cfg.mode == "raise":', f'{MEMORY}    if cfg.mode == "raise":')
    )


def write_modes(project: Path, modes: dict[str, str]) -> None:
    rows = "".join(f"{param},{mode}\n" for param, mode in modes.items())
    (project / "list.csv").write_text("param,mode\n" + rows, encoding="utf-8")


def overview_of(project: Path) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(naga(project, "tasks", "results", "--json").stdout)
    return answer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_sweep_of_tasks_that_end_badly_says_of_each_how_in_receipt_table_and_json(project: Path) -> None:
    write_modes(project, MODES)

    done = sweep(project, "--tasks", "list.csv", "--n_jobs=2")

    assert done.returncode == 1, done.stderr
    ends = {mode: receipt_of(project, f"param={param},mode={mode}") for param, mode in MODES.items()}
    told = {mode: (end.status, end.error.type if end.error else "") for mode, end in ends.items()}
    assert told == {
        "raise": ("failed", "ValueError"),
        "exit": ("failed", "SystemExit"),
        "limit": ("failed", "MemoryError"),
        "lock": ("finished", ""),
        "kill": ("killed", "Killed"),
    }
    assert "killed by SIGKILL" in ends["kill"].error.message
    table = {line.split()[0]: line for line in done.stderr.splitlines() if line.startswith("list.csv:")}
    assert sorted(line.split("mode=")[1].split("/")[0] for line in table.values()) == ["exit", "kill", "limit", "raise"]
    assert "1 finished, 4 failed, 2 begun again" in done.stderr
    overview = overview_of(project)
    assert overview["counts"] == {"failed": 3, "finished": 1, "killed": 1}
    problems = {task["values"]["mode"]: task["problem"] for task in overview["tasks"]}
    assert problems == {
        "raise": "ValueError: it does not converge",
        "exit": "SystemExit: 3",
        "limit": "MemoryError: ",
        "lock": "",
        "kill": "Killed: killed by SIGKILL",
    }
    (value,) = (row["value"] for row in results(project / "results", table=False) if row["config.mode"] == "lock")
    assert isinstance(value, UnavailableValue)
    assert "pickle" in value.reason


@pytest.fixture
def group() -> Iterator[Path]:
    """Make a control group of 300 MB, of whichever version there is."""
    files = ("memory.limit_in_bytes", "memory.max")
    for root, file in zip((Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")), files, strict=True):
        place = root / f"naga-{uuid.uuid4().hex}"
        with suppress(OSError):
            place.mkdir()
            try:
                (place / file).write_text(str(300 << 20))
            except OSError:
                place.rmdir()
                raise
            yield place
            place.rmdir()
            return
    pytest.skip("no control group that limits memory can be made here")


def test_task_that_the_kernel_kills_for_its_memory_is_reported_as_out_of_memory(project: Path, group: Path) -> None:
    write_modes(project, {"1": "eat", "2": "fine"})
    command = [sys.executable, "process.py", "--tasks", "list.csv"]

    done = subprocess.run(
        ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *command],
        cwd=project,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    assert statuses(project) == {"param=1,mode=eat": "killed", "param=2,mode=fine": "finished"}
    error = receipt_of(project, "param=1,mode=eat").error
    assert (error.type, error.message) == ("OutOfMemory", "killed by SIGKILL: its group was out of memory")
    assert "OutOfMemory: killed by SIGKILL: its group was out of memory, 3 times" in done.stderr

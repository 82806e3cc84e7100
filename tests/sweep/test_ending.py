"""Why a job ended, as far as its log tells; tests/slurm asks a real Slurm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.sweep.ending import Ending, ending_of, log_of_start, start_line
from naga.sweep.slurm_commands import Element

if TYPE_CHECKING:
    from pathlib import Path

# What Slurm 22.05 wrote to the logs of real jobs.
MEMORY = """\
slurmstepd-n1: error: StepId=14.0 exceeded memory limit (402542592 > 104857600), being killed
slurmstepd-n1: error: Exceeded job memory limit
srun: Job step aborted: Waiting up to 5 seconds for job step to finish.
slurmstepd-n1: error: *** STEP 14.0 ON n1 CANCELLED AT 2026-11-26T11:02:06 ***
srun: error: n1: task 0: Killed
"""
CGROUP = "slurmstepd: error: Detected 1 oom_kill event in StepId=14.0. Some of the step tasks have been OOM Killed.\n"
PREEMPTION = """\
srun: Job step aborted: Waiting up to 5 seconds for job step to finish.
slurmstepd-n1: error: *** STEP 26.0 ON n1 CANCELLED AT 2026-11-26T11:07:31 DUE TO PREEMPTION ***
srun: got SIGCONT
"""
NODE = """\
srun: error: Node failure on n2
slurmstepd-n2: error: *** JOB 29 ON n2 CANCELLED AT 2026-11-26T11:07:39 DUE TO NODE FAILURE, SEE SLURMCTLD LOG ***
"""
LIMIT = "slurmstepd-n1: error: *** JOB 27 ON n1 CANCELLED AT 2026-11-26T11:08:01 DUE TO TIME LIMIT ***\n"
CANCELLED = "slurmstepd-n1: error: *** JOB 31 ON n1 CANCELLED AT 2026-11-26T11:08:01 ***\n"


@pytest.fixture(autouse=True)
def no_slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take accounting away."""
    monkeypatch.setenv("PATH", str(tmp_path_factory.mktemp("empty")))


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        (MEMORY, "OutOfMemory", "exceeded memory limit (402542592 > 104857600)"),
        (CGROUP, "OutOfMemory", "oom_kill event"),
        (PREEMPTION, "Preempted", "DUE TO PREEMPTION"),
        (NODE, "NodeFailure", "Node failure on n2"),
        (LIMIT, "TimeLimit", "DUE TO TIME LIMIT"),
        (CANCELLED, "Cancelled", "CANCELLED AT"),
        ("what the script said: exceeded memory limit\n", "Lost", "nothing says why"),
        ("", "Lost", "gone from the queue"),
    ],
)
def test_ending_without_accounting_is_read_from_the_log(tmp_path: Path, text: str, kind: str, words: str) -> None:
    (tmp_path / "log").write_text(f"{start_line(0)}\n{text}")
    ending = ending_of("14_0", 0, None, tmp_path / "log")
    assert ending is not None
    assert ending.kind == kind
    assert words in ending.message
    assert "14_0" in ending.message
    assert ending.error().type == kind


def test_ending_of_a_job_that_goes_on_is_none() -> None:
    assert ending_of("14_0", 0, Element("RUNNING", 0, "None")) is None
    assert ending_of("14_0", 1, Element("PENDING", 1, "Resources")) is None


def test_ending_of_a_start_that_was_followed_by_another_is_not_that_of_the_job(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"{start_line(0)}\n{PREEMPTION}{start_line(1)}\n{MEMORY}{start_line(2)}\n")
    running = Element("RUNNING", 2, "None")
    assert [ending_of("26_0", number, running, log) for number in (2,)] == [None]
    kinds = [ending.kind for number in (0, 1) if (ending := ending_of("26_0", number, running, log))]
    assert kinds == ["Preempted", "OutOfMemory"]


def test_ending_that_the_queue_still_knows_needs_no_log() -> None:
    ending = ending_of("14_0", 0, Element("NODE_FAIL", 0, "None"))
    assert ending == Ending("NodeFailure", "Slurm job 14_0 lost its node (NODE_FAIL)")
    other = ending_of("14_0", 0, Element("SPECIAL_EXIT", 0, "None"))
    assert other is not None
    assert other.kind == "Killed"


def test_memory_counts_more_than_the_state_of_the_queue(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"{start_line(0)}\n{MEMORY}")
    ending = ending_of("14_0", 0, Element("FAILED", 0, "NonZeroExitCode"), tmp_path / "log")
    assert ending is not None
    assert ending.kind == "OutOfMemory"


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r")), max_size=4))
def test_log_of_every_start_is_what_was_written_in_it(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    log.write_text("".join(f"{start_line(number)}\n{part}\n" for number, part in enumerate(parts)), newline="")
    assert [log_of_start(log, number) for number in range(len(parts))] == [f"{part}\n" for part in parts]


def test_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert log_of_start(tmp_path / "log", 0) == ""


def test_log_that_is_long_is_read_from_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"{start_line(0)}\n" + "x" * 2**20 + "\n" + LIMIT)
    ending = ending_of("27_0", 0, None, tmp_path / "log")
    assert ending is not None
    assert ending.kind == "TimeLimit"

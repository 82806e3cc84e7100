"""What Slurm's programs print, and what it means when they do not answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from naga.errors import NotFoundError, RefusedError, UnreachableError
from naga.sweep.slurm_commands import Element, ask, parse_account, parse_elements, refusal, require_slurm

if TYPE_CHECKING:
    from pathlib import Path

STATES = ["PENDING", "RUNNING", "COMPLETED", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY"]


def test_elements_of_an_array_are_read_from_what_squeue_prints() -> None:
    text = "15_1|PENDING|1|JobArrayTaskLimit|\n27_0|RUNNING|0|None|\n28|COMPLETED|0|None|\n"
    assert parse_elements(text) == {
        "15_1": Element("PENDING", 1, "JobArrayTaskLimit"),
        "27_0": Element("RUNNING", 0, "None"),
        "28": Element("COMPLETED", 0, "None"),
    }


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 10**6), st.integers(0, 10**5)),
        st.tuples(st.sampled_from(STATES), st.integers(0, 99), st.sampled_from(["None", "Resources", ""])),
    )
)
def test_elements_of_any_array_are_read(rows: dict[tuple[int, int], tuple[str, int, str]]) -> None:
    text = "".join(f"{job}_{index}|{'|'.join(map(str, row))}|\n" for (job, index), row in rows.items())
    assert parse_elements(text) == {f"{job}_{index}": Element(*row) for (job, index), row in rows.items()}


@given(st.text())
def test_elements_in_any_text_are_none_that_are_not_whole(text: str) -> None:
    assert all(name.replace("_", "").isdecimal() for name in parse_elements(text))


def test_account_of_an_element_has_its_starts_in_order_and_nothing_of_others() -> None:
    text = (
        "26_0|PREEMPTED|2026-11-26T11:07:30\n26_0|CANCELLED by 0|None\n26_1|FAILED|2026-11-26T11:07:30\n"
        "26_[2-9%2]|PENDING|Unknown\n26_0.batch|CANCELLED|2026-11-26T11:07:30\n26|COMPLETED|x\n"
    )
    assert parse_account(text, "26_0") == ["PREEMPTED", "CANCELLED by 0"]
    assert parse_account(text, "26_5") == []
    assert parse_account("", "26_0") == []


@given(st.text())
def test_account_in_any_text_is_read_without_an_error(text: str) -> None:
    assert all(state.strip() for state in parse_account(text, "1_0"))


@pytest.mark.parametrize(
    "said",
    [
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "slurm_load_jobs error: Unable to contact slurm controller (connect failure)",
        "slurm_load_jobs error: Socket timed out on send/recv operation",
        "sinfo: fatal: Could not establish a configuration source",
    ],
)
def test_refusal_of_a_controller_that_is_down_says_so(said: str) -> None:
    error = refusal("sbatch", said)
    assert isinstance(error, UnreachableError)
    assert said in str(error)


def test_refusal_of_anything_else_is_in_the_words_of_slurm() -> None:
    said = "sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job submission failed\n"
    error = refusal("sbatch", said)
    assert isinstance(error, RefusedError)
    assert "Memory specification can not be satisfied; sbatch: error: Batch job" in str(error)
    assert str(refusal("sbatch", "")) == "Slurm refused: sbatch failed without a word"


def test_slurm_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFoundError, match="no sbatch, scancel, scontrol, sinfo, squeue, srun on PATH") as caught:
        require_slurm()
    assert "--slurm_config" in str(caught.value.hint)
    with pytest.raises(NotFoundError, match="no squeue on PATH"):
        ask("squeue")


def test_slurm_that_is_installed_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    require_slurm()

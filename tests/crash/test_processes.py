"""Receipts that many processes write at once, or that are killed while they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.crash.chance import SEED, count, randomness
from tests.programs import run_python

ROOT = Path(__file__).resolve().parents[2]


def run(work: str, place: Path, *numbers: int) -> dict[str, Any]:
    """Let the program of this folder do something, and return its answer."""
    done = run_python(ROOT, "-m", "tests.crash.processes", work, str(place), *map(str, numbers))
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.slow
def test_receipt_whose_writer_is_killed_at_any_moment_is_the_old_or_the_new(tmp_path: Path) -> None:
    randomness()
    answer = run("kill", tmp_path / "results" / "run.lock", count(200, 40), SEED)

    assert answer["wrong"] == []
    assert answer["most_left"] <= 1
    assert answer["written"] > 0


@pytest.mark.slow
def test_receipt_that_32_processes_want_to_write_has_one_winner_and_all_others_are_told(tmp_path: Path) -> None:
    rounds = count(40, 5)

    assert run("race", tmp_path, rounds, 32)["conflicts"] == rounds * 31


@pytest.mark.slow
def test_receipt_that_32_processes_write_is_valid_every_time_that_others_read_it(tmp_path: Path) -> None:
    answer = run("read", tmp_path / "run.lock", count(10_000, 1000), 32, 4)

    assert answer["valid"]
    assert answer["seen"] > 1
    # Those that do not ask for overwriting; not each of them may have come to it.
    assert 1 < answer["told"] <= 16

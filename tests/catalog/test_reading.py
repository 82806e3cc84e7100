"""Receipts that two processes read together: the ledger is the same, whatever becomes of the second one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

import naga
from tests.pipelines import make_run

RUNS = 700


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with many receipts, some of which cannot be read."""
    folder = tmp_path_factory.mktemp("runs ü")
    first = make_run(folder, "first", "first")
    text = first.path.read_text()
    for number in range(RUNS):
        place = folder / "results" / f"copy {number} ü\n"
        place.mkdir()
        (place / "run.lock").write_text(text if number % 50 else text[: number // 20])
    os.symlink("nowhere", folder / "results" / "link")
    return folder


def describe(root: Path) -> list[object]:
    return [run.to_mapping() for run in naga.runs(root)]


@pytest.fixture
def alone(root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Return what one process reads, and have two read it from now on."""
    monkeypatch.setattr("naga.lock.second_process.available_cores", lambda: 1)
    found = describe(root)
    monkeypatch.setattr("naga.lock.second_process.available_cores", lambda: 2)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "another cache"))
    return found


def test_receipts_read_by_two_processes_are_those_that_one_reads(root: Path, alone: list[object]) -> None:
    assert len(alone) == RUNS + 1
    assert describe(root) == alone
    assert len(naga.runs(root, ["unreadable"])) == RUNS // 50


@pytest.mark.parametrize("program", ["", "/nowhere", "/bin/false", "/bin/true"])
def test_receipts_where_the_second_process_cannot_start_are_the_same(
    root: Path, alone: list[object], program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    assert describe(root) == alone


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.2, 0.25])
def test_receipts_while_the_second_process_is_killed_are_the_same(
    root: Path, alone: list[object], seconds: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec timeout --signal=KILL {seconds} "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    assert describe(root) == alone

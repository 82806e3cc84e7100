"""The ledger: asked while others write it, broken, out of reach, and where it lies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import naga
from naga.catalog.places import find_place
from tests.pipelines import make_run

PROJECT = Path(__file__).resolve().parents[2]
ASK = """\
import sys, naga
for _ in range(5):
    found = naga.answer("runs", {"limit": 500, "judge": False}, root=sys.argv[1])
    assert found.get("total") == 40, found
    naga.Librarian(sys.argv[1]).rebuild()
"""


WRITE = """\
import sys, pathlib, naga
from tests.pipelines import make_run
root, name = pathlib.Path(sys.argv[1]), sys.argv[2]
for number in range(12):
    made = make_run(root, "fit", f"{name}-{number}", config={"lr": number})
    with naga.Librarian(root) as librarian:
        path = str(made.path.relative_to(root))
        found = naga.answer_from(librarian, "run", {"run": path})
        assert found.get("id") == made.receipt.id, found
        assert librarian.place.problem is None
"""
READ = """\
import sys, naga
totals, is_over = [], False
with naga.Librarian(sys.argv[1]) as librarian:
    while not is_over:
        is_over = (librarian.root / "over").exists()
        found = naga.answer_from(librarian, "runs", {"filter": "lr>=0", "limit": 500, "judge": False})
        assert len({row["id"] for row in found["rows"]}) == found["total"], found
        totals.append(found["total"])
    assert librarian.place.problem is None
assert totals == sorted(totals), totals
print(totals[-1])
"""


@pytest.fixture
def ledger() -> Path:
    return Path(os.environ["NAGA_CACHE_DIR"], "ledger.sqlite")


def total(root: Path) -> int:
    return int(naga.answer("runs", root=root)["total"])


def test_ledger_that_six_processes_rebuild_at_once_answers_all_of_them(tmp_path: Path) -> None:
    for number in range(40):
        make_run(tmp_path, "fit", f"fit-{number}")
    command = [sys.executable, "-c", ASK, str(tmp_path)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(6)]
    for process in started:
        _, problem = process.communicate(timeout=240)
        assert process.returncode == 0, problem


def test_eight_writers_and_two_readers_at_once_get_right_answers_from_one_file(tmp_path: Path) -> None:
    def start(program: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", program, str(tmp_path), *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT)

    readers = [start(READ) for _ in range(2)]
    writers = [start(WRITE, f"writer-{number}") for number in range(8)]
    problems = [process.communicate(timeout=240)[1] for process in writers]
    (tmp_path / "over").touch()
    answers = [process.communicate(timeout=240) for process in readers]
    assert problems == [""] * 8
    assert answers == [("96\n", "")] * 2
    assert total(tmp_path) == 96


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_ledger_that_is_broken_is_made_anew(tmp_path: Path, ledger: Path, content: bytes) -> None:
    make_run(tmp_path, "fit", "fit")
    assert total(tmp_path) == 1
    ledger.write_bytes(content)
    assert total(tmp_path) == 1
    assert ledger.stat().st_size > len(content)


def test_ledger_that_is_deleted_while_it_is_asked_answers_the_same(tmp_path: Path, ledger: Path) -> None:
    make_run(tmp_path, "fit", "fit")
    librarian = naga.Librarian(tmp_path)
    assert naga.answer_from(librarian, "runs")["total"] == 1
    ledger.write_bytes(b"\xff" * 20_000)
    make_run(tmp_path, "fit", "other")
    assert naga.answer_from(librarian, "runs")["total"] == 2
    librarian.close()


def test_ledger_without_a_place_is_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "file" / "cache"))
    make_run(tmp_path, "fit", "fit")
    assert total(tmp_path) == 1


def test_cache_folder_on_a_network_mount_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(f"22 1 8:1 / / rw - ext4 x rw\n23 22 0:5 / {tmp_path}/net rw - nfs4 x rw\n")
    monkeypatch.setattr("naga.lock.cache_place._MOUNTS", table)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(tmp_path / "net" / "cache"))
    place = find_place()
    assert place.path is not None
    assert tmp_path / "net" not in place.path.parents
    assert str(tmp_path / "net" / "cache") in str(place.problem)
    assert "nfs4" in str(place.problem)

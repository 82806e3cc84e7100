"""The ledger changes how fast an answer comes, and never the answer."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import naga
from naga.catalog.ledger import Ledger, LostError
from naga.catalog.places import find_place
from naga.lock.receipt import write_receipt
from naga.lock.stat_index import Reading, pack_fields, stat_key
from naga.lock.world import Sighting
from tests.pipelines import make_run

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project of three runs that were left long enough ago to be settled."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "naga.toml").touch()
    (root / "raw.csv").write_text("1\n")
    first = make_run(root, "first", "first", data=[root / "raw.csv"])
    second = make_run(root, "second", "second", prevs=[first])
    make_run(root, "third", "third", prevs=[second])
    wait_until_settled()
    return root


def wait_until_settled() -> None:
    """Wait until what was written by now is clearly older than the next reading."""
    now = time.time_ns()
    while Reading.begin().started < now + 150_000_000:
        time.sleep(0.05)


def describe(root: Path) -> list[object]:
    return [run.to_mapping() for run in naga.status(root)]


def find_known(root: Path) -> set[str]:
    """Return the names of the runs that the ledger knows, and need not read again."""
    ledger = Ledger(find_place().path)
    try:
        return {Path(path).parent.name for path in ledger.keys(str(root))[0]}
    finally:
        ledger.close()


def ledger_path() -> Path:
    path = find_place().path
    assert path is not None
    return path


def write_bytes(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scramble(path: Path) -> None:
    """Change single bytes everywhere but in the header, so that SQLite itself does not notice most of them."""
    content = bytearray(path.read_bytes())
    chance = random.Random(7)
    for _ in range(len(content) // 50):
        content[chance.randrange(200, len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def change_rows(*commands: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for command in commands:
                connection.execute(command)

    return change


def change_contents(path: Path) -> None:
    """Have all receipts name another output."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for run, content in connection.execute("SELECT run, content FROM receipts").fetchall():
            assert b"out.txt" in content
            changed = content.replace(b"out.txt", b"out.tx_")
            connection.execute("UPDATE receipts SET content = ? WHERE run = ?", (changed, run))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "empty": write_bytes(b""),
    "zeros": write_bytes(bytes(8192)),
    "noise": write_bytes(random.Random(1).randbytes(8192)),
    "text": write_bytes(b"this is no database\n" * 500),
    "truncated": truncate,
    "scrambled": scramble,
    "a folder": make_folder,
    "tables gone": change_rows("DROP TABLE runs", "DROP TABLE sightings"),
    "other columns": change_rows("ALTER TABLE receipts DROP COLUMN content"),
    "other version": change_rows("PRAGMA user_version = 7", "DROP TABLE receipts"),
    "other contents": change_contents,
    "contents gone": change_rows("UPDATE receipts SET content = NULL", "UPDATE runs SET checksum = NULL"),
    "other digests": change_rows("UPDATE sightings SET digest = 'xxh3_128:00000000000000000000000000000000'"),
    "receipts mixed up": change_rows("UPDATE receipts SET content = 1 WHERE run = 1", "UPDATE receipts SET run = -run"),
    "other columns of runs": change_rows("UPDATE runs SET stage = 'other', status = 'failed', config = NULL"),
    "a run gone": change_rows("DELETE FROM runs WHERE number = 1"),
    "receipts gone": change_rows("DELETE FROM receipts"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_answer_with_a_damaged_ledger_is_the_same(project: Path, damage: Callable[[Path], None]) -> None:
    # Without the others, what the third stands on can be known from its lineage only.
    for name in ("first", "second"):
        shutil.rmtree(project / "results" / name)
    (project / "raw.csv").write_text("2\n")
    expected = describe(project)
    assert [cause["name"] for cause in expected[0]["causes"]] == ["raw.csv", "results/second/out.txt"]  # type: ignore[index]
    describe(project)
    damage(ledger_path())
    assert describe(project) == expected
    assert describe(project) == expected


def test_damaged_ledger_is_made_anew(project: Path) -> None:
    naga.status(project)
    ledger_path().write_bytes(b"this is no database\n" * 500)
    naga.status(project)
    assert find_known(project) == {"first", "second", "third"}


def test_answer_without_a_cache_folder_is_the_same(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = describe(project)
    monkeypatch.setenv("NAGA_CACHE_DIR", str(project / "raw.csv"))
    assert describe(project) == expected


def test_answer_while_another_process_holds_the_ledger_is_the_same_and_comes_soon(project: Path) -> None:
    expected = describe(project)
    with closing(sqlite3.connect(ledger_path())) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        make_run(project, "fourth", "fourth")
        begin = time.monotonic()
        found = describe(project)
        assert time.monotonic() - begin < 20
    assert [found[0], *found[2:]] == expected


def test_librarian_that_could_not_write_once_goes_on_in_memory_with_what_it_knows(project: Path) -> None:
    librarian = naga.Librarian(project)
    librarian.refresh()
    assert librarian.place.problem is None
    with closing(sqlite3.connect(ledger_path())) as connection:
        connection.execute("BEGIN IMMEDIATE")
        make_run(project, "fourth", "fourth")
        assert naga.answer_from(librarian, "runs")["total"] == 4
    assert librarian.place.path is None
    assert "cannot be written" in str(librarian.place.problem)
    assert naga.answer_from(librarian, "uses", {"path": "raw.csv"})["read_by"][0]["stage"] == "first"
    librarian.close()


def test_ledger_after_a_first_question_knows_all_receipts(project: Path) -> None:
    naga.status(project)
    assert find_known(project) == {"first", "second", "third"}


def test_ledger_forgets_receipts_that_are_gone(project: Path) -> None:
    naga.status(project)
    shutil.rmtree(project / "results/third")
    naga.status(project)
    assert find_known(project) == {"first", "second"}


def test_receipt_that_was_replaced_is_read_again(project: Path) -> None:
    naga.status(project)
    path = project / "results/third/run.lock"
    times = path.stat()
    write_receipt(path, replace(naga.read_receipt(path), duration=2.0), overwrite=True)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert path.stat().st_size == times.st_size
    assert naga.status(project)[2].duration == 2.0


def test_receipt_that_was_edited_in_place_at_its_old_time_is_read_again(project: Path) -> None:
    naga.status(project)
    path = project / "results/third/run.lock"
    times, text = path.stat(), path.read_text()
    with path.open("r+") as file:
        file.write(text.replace("duration: 1.0", "duration: 2.0"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert naga.status(project)[2].duration == 2.0


def test_lineage_that_contradicts_itself_does_not_spread_to_others(project: Path) -> None:
    path = project / "results/third/run.lock"
    receipt = naga.read_receipt(path)
    forged = {
        key: replace(value, data={}) if naga.stage_name(value) == "first" else value
        for key, value in receipt.lineage.items()
    }
    write_receipt(path, replace(receipt, lineage=forged), overwrite=True)
    shutil.rmtree(project / "results/first")
    (project / "raw.csv").write_text("2\n")
    wait_until_settled()
    # What the second says of the first is true; as the third has it, the first never read the raw data.
    for _ in range(3):
        second, _ = naga.status(project)
        assert "raw.csv" in [cause.name for cause in second.causes]


def test_ledger_of_another_version_is_not_believed(project: Path) -> None:
    naga.status(project)
    change_rows("PRAGMA user_version = 7")(ledger_path())
    assert find_known(project) == set()
    assert [run.state for run in naga.status(project)] == ["ok", "ok", "ok"]


def test_receipt_that_may_still_change_at_the_same_time_is_not_stored(project: Path) -> None:
    path = project / "results/third/run.lock"
    later = time.time() + 3600
    os.utime(path, (later, later))
    naga.status(project)
    assert find_known(project) == {"first", "second"}


def test_ledger_above_its_size_starts_anew_for_everybody(project: Path) -> None:
    librarian = naga.Librarian(project, max_age=float("inf"))
    assert naga.answer_from(librarian, "runs")["total"] == 3
    small = Ledger(ledger_path(), largest=1)
    with pytest.raises(LostError):
        small.store({}, ["/nowhere/run.lock"])
    small.close()
    assert find_known(project) == set()
    assert naga.answer_from(librarian, "runs")["total"] == 3
    assert [run.state for run in naga.status(project)] == ["ok", "ok", "ok"]
    librarian.close()


def test_digest_of_a_file_that_changed_just_before_it_was_read_is_not_stored(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    key, changed = stat_key(path.stat()), path.stat().st_ctime_ns
    seen = {str(path): Sighting(key, "xxh3_128:00000000", (key,))}
    ledger = Ledger(ledger_path())
    assert ledger.sightings.store(Reading(changed + 1_000_000), seen) == {}
    assert ledger.sightings.find(str(path)) is None
    assert ledger.sightings.store(Reading(changed + 5_000_000_000), seen) == seen
    assert ledger.sightings.find(str(path)) == Sighting(key, "xxh3_128:00000000")
    ledger.close()


def test_digest_of_a_file_on_another_machine_is_stored_when_it_is_seen_again() -> None:
    changed = 1_700_000_000_123_456_789
    key = pack_fields((999_999, 1, 1, changed, changed, 0o100644))
    seen = {"/far": Sighting(key, "xxh3_128:00000000", (key,))}
    for seconds, stored in ((10, {}), (20, seen)):
        ledger = Ledger(ledger_path())
        assert ledger.sightings.store(Reading(changed + seconds * 10**9), seen) == stored
        ledger.close()


def test_ledger_filled_by_several_processes_at_once_is_right(project: Path) -> None:
    command = [sys.executable, "-m", "naga", "status", str(project)]
    running = [subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = {process.communicate(timeout=100)[0] for process in running}
    assert len(answers) == 1
    assert answers.pop().count("ok") == 3
    assert find_known(project) == {"first", "second", "third"}


def test_big_integer_in_a_config_is_no_obstacle(project: Path) -> None:
    make_run(project, "fourth", "fourth", config={"seed": 2**70})
    wait_until_settled()
    for _ in range(2):
        found = {run.path.parent.name: run for run in naga.status(project)}
        assert found["fourth"].config == {"save_dir": "results/fourth", "seed": 2**70}
        assert found["fourth"].state == "ok"

"""A librarian that is kept open: it sees whatever changes, and reads nothing that did not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import naga
from naga.lock.stat_index import Reading
from tests.pipelines import make_run
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator


LIST = """\
import os, pathlib, sys, naga

def note(event, args):
    if event == "open" and str(args[0]).endswith("run.lock"):
        print(pathlib.Path(args[0]).parent.name)

sys.addaudithook(note)
librarian = naga.Librarian(".", max_age=float("inf"))
librarian.refresh()
if sys.argv[1]:
    path = librarian.root / "results" / sys.argv[1] / "run.lock"
    os.utime(path)
    librarian.touch([str(path)])
    librarian.refresh()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a project of three runs that were left long enough ago to be settled."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "naga.toml").touch()
    first = make_run(folder, "first", "first", config={"lr": 0.1})
    make_run(folder, "second", "second", prevs=[first], config={"lr": 0.2})
    make_run(folder, "third", "third", config={"lr": 0.3})
    now = time.time_ns()
    while Reading.begin().started < now + 150_000_000:
        time.sleep(0.05)
    return folder


@pytest.fixture
def watched(root: Path) -> Iterator[naga.Librarian]:
    """Return a librarian that looks only at what it is told of."""
    with naga.Librarian(root, max_age=float("inf")) as librarian:
        librarian.refresh()
        yield librarian


def rates(librarian: naga.Librarian, **args: Any) -> list[str]:
    found = naga.answer_from(librarian, "runs", {"sort": "path", "judge": False, **args})
    return [row["config"]["lr"] for row in found["rows"]]


def opened_receipts(root: Path, touched: str = "") -> list[str]:
    """Return the names of the runs whose receipts a process opens to list them, and again after one was touched."""
    answer = run_python(root, "-c", LIST, touched)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


def edit_in_place(path: Path, old: str, new: str) -> None:
    """Change the bytes of a file that stays the same file of the same size."""
    before, text = path.stat(), path.read_text()
    with path.open("r+") as file:
        file.write(text.replace(old, new))
    after = path.stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)
    assert after.st_mtime_ns != before.st_mtime_ns


@pytest.mark.parametrize("max_age", [0.0, 0.05])
def test_settled_receipt_that_is_edited_in_place_is_seen_by_a_kept_librarian(root: Path, max_age: float) -> None:
    with naga.Librarian(root, max_age=max_age) as librarian:
        assert rates(librarian) == ["0.1", "0.2", "0.3"]
        version = librarian.version
        edit_in_place(root / "results/second/run.lock", "lr: 0.2", "lr: 0.7")
        time.sleep(2 * max_age)
        assert rates(librarian) == ["0.1", "0.7", "0.3"]
        assert rates(librarian, filter="lr>0.5") == ["0.7"]
        assert librarian.version != version


def test_settled_receipt_that_is_edited_in_place_is_seen_when_it_is_touched(
    root: Path, watched: naga.Librarian
) -> None:
    edit_in_place(root / "results/second/run.lock", "lr: 0.2", "lr: 0.7")
    assert rates(watched) == ["0.1", "0.2", "0.3"]
    watched.touch([str(root / "results/second/run.lock")])
    assert rates(watched) == ["0.1", "0.7", "0.3"]


def test_settled_receipt_that_another_file_of_its_size_and_time_replaces_is_seen(root: Path) -> None:
    with naga.Librarian(root) as librarian:
        assert rates(librarian) == ["0.1", "0.2", "0.3"]
        path = root / "results/third/run.lock"
        before = path.stat()
        other = path.with_name("other")
        other.write_text(path.read_text().replace("lr: 0.3", "lr: 0.9"))
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.rename(path)
        assert path.stat().st_size == before.st_size
        assert path.stat().st_mtime_ns == before.st_mtime_ns
        assert rates(librarian) == ["0.1", "0.2", "0.9"]


def test_kept_librarian_sees_what_comes_goes_and_moves(root: Path) -> None:
    with naga.Librarian(root) as librarian:
        assert rates(librarian) == ["0.1", "0.2", "0.3"]
        make_run(root, "fourth", "fourth", config={"lr": 0.4})
        assert rates(librarian) == ["0.1", "0.4", "0.2", "0.3"]
        shutil.rmtree(root / "results/first")
        (root / "results/third").rename(root / "results/a")
        assert rates(librarian) == ["0.3", "0.4", "0.2"]
        shutil.rmtree(root / "results")
        assert rates(librarian) == []


def test_librarian_reads_a_settled_receipt_once_and_only_what_changed_again(root: Path) -> None:
    assert opened_receipts(root) == ["third", "second", "first"]
    assert opened_receipts(root) == []
    edit_in_place(root / "results/second/run.lock", "lr: 0.2", "lr: 0.7")
    assert opened_receipts(root) == ["second"]


def test_librarian_that_cannot_write_goes_on_with_what_it_knows(root: Path) -> None:
    assert opened_receipts(root) == ["third", "second", "first"]
    make_run(root, "fourth", "fourth")
    with closing(sqlite3.connect(os.environ["NAGA_CACHE_DIR"] + "/ledger.sqlite")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert opened_receipts(root) == ["fourth"]


@pytest.mark.parametrize("told", ["results/first", "results/first/run.lock"])
def test_folder_that_went_or_moved_is_noticed_when_it_is_touched(
    root: Path, watched: naga.Librarian, told: str
) -> None:
    (root / "results/third").rename(root / "results/deep")
    shutil.rmtree(root / "results/first")
    watched.touch([str(root / told), str(root / "results/third"), str(root / "results/deep")])
    assert rates(watched) == ["0.3", "0.2"]


def test_librarian_that_is_told_of_one_receipt_reads_only_that(root: Path) -> None:
    assert opened_receipts(root, touched="second") == ["third", "second", "first", "second"]


def test_librarian_whose_file_another_process_emptied_answers_the_same(root: Path, watched: naga.Librarian) -> None:
    with closing(sqlite3.connect(str(watched.place.path))) as connection:
        connection.execute("DROP TABLE links")
        connection.execute("PRAGMA user_version = 7")
    assert naga.answer_from(watched, "tree", {"run": "results/first/run.lock", "direction": "down"})["total"] == 1
    naga.runs(root)
    assert rates(watched) == ["0.1", "0.2", "0.3"]
    assert watched.place.problem is None


def test_projects_below_the_root_are_found_and_seen_when_they_come(root: Path, watched: naga.Librarian) -> None:
    def roots() -> list[tuple[str, int]]:
        return [(each["root"], each["total"]) for each in naga.answer_from(watched, "roots")["roots"]]

    assert roots() == [("", 3)]
    inner = root / "inner"
    inner.mkdir()
    make_run(inner, "deep", "deep")
    watched.touch([str(inner / "results/deep/run.lock")])
    assert roots() == [("", 4)]
    (inner / "naga.toml").touch()
    watched.touch([str(inner / "naga.toml")])
    assert roots() == [("", 4), ("inner", 1)]
    (inner / "naga.toml").unlink()
    watched.touch([str(inner / "naga.toml")])
    assert roots() == [("", 4)]

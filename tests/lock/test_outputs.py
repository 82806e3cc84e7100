"""What lies in the save_dir of a run when it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from naga.errors import IntegrityError
from naga.lock.digest import hash_path
from naga.lock.outputs import MOST_OUTPUTS, hash_output, hash_outputs
from naga.lock.receipt import write_receipt
from tests.lock.samples import make_receipt


@pytest.fixture
def save_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    write_receipt(folder / "run.lock", make_receipt())
    (folder / "b.txt").write_text("b")
    (folder / "figures" / "empty").mkdir(parents=True)
    (folder / "figures" / "a.png").write_text("png")
    return folder


def digests(save_dir: Path, receipt_path: Path | None = None) -> dict[str, str]:
    found, problem = hash_outputs(save_dir, receipt_path or save_dir / "run.lock")
    assert problem is None
    return {name: entry.digest for name, entry in found.items()}


def test_hash_outputs_has_files_and_folders_by_name(save_dir: Path) -> None:
    found, problem = hash_outputs(save_dir, save_dir / "run.lock")

    assert problem is None
    assert found == {"b.txt": hash_path(save_dir / "b.txt"), "figures": hash_path(save_dir / "figures")}
    assert found["figures"].kind == "tree"
    assert found["figures"].files == 1


def test_hash_outputs_leaves_out_what_naga_left(save_dir: Path) -> None:
    before = digests(save_dir)
    (save_dir / "log.txt").write_text("log")
    (save_dir / ".naga").mkdir()
    (save_dir / ".naga" / "frames").touch()
    (save_dir / ".naga-0123456789abcdef.tmp").touch()
    write_receipt(save_dir / "other.lock", make_receipt(2))

    assert digests(save_dir, save_dir / "other.lock") == before
    assert digests(save_dir).keys() == {*before, "other.lock"}


def test_hash_outputs_leaves_out_the_folders_of_other_runs_at_any_depth(save_dir: Path) -> None:
    before = digests(save_dir)
    write_receipt(save_dir / "task_1" / "run.lock", make_receipt(2))
    (save_dir / "task_1" / "out").touch()
    write_receipt(save_dir / "figures" / "empty" / "deep" / "run.lock", make_receipt(3))

    assert digests(save_dir) == before
    assert hash_output(save_dir / "figures").digest == before["figures"]
    (save_dir / "figures" / "empty" / "deep" / "run.lock").unlink()
    assert digests(save_dir)["figures"] != before["figures"]


def test_hash_outputs_follows_links_and_leaves_out_those_that_lead_nowhere(save_dir: Path) -> None:
    before = digests(save_dir)
    (save_dir / "gone").symlink_to("nowhere")
    (save_dir / "round").symlink_to("round")
    (save_dir / "latest").symlink_to("b.txt")
    (save_dir / "linked").symlink_to("figures")

    assert digests(save_dir) == {**before, "latest": before["b.txt"], "linked": before["figures"]}


def test_hash_outputs_with_something_unreadable_has_the_others_and_says_why(save_dir: Path) -> None:
    before = digests(save_dir)
    os.mkfifo(save_dir / "a_pipe")
    os.mkfifo(save_dir / "z_pipe")

    found, problem = hash_outputs(save_dir, save_dir / "run.lock")

    assert {name: entry.digest for name, entry in found.items()} == before
    assert isinstance(problem, IntegrityError)
    assert "a_pipe" in str(problem)


def test_hash_outputs_without_folder_is_empty(tmp_path: Path) -> None:
    assert hash_outputs(tmp_path / "missing", None) == ({}, None)


def test_hash_outputs_of_very_many_files_is_one_tree(save_dir: Path) -> None:
    for number in range(MOST_OUTPUTS - 2):
        (save_dir / f"{number}.txt").touch()
    write_receipt(save_dir / "mine.lock", make_receipt())
    mine = save_dir / "mine.lock"
    assert len(digests(save_dir, mine)) == MOST_OUTPUTS

    (save_dir / "one_more.txt").touch()
    (save_dir / "log.txt").touch()
    found, _ = hash_outputs(save_dir, mine)

    assert list(found) == ["."]
    assert (found["."].path, found["."].kind, found["."].files) == (save_dir, "tree", MOST_OUTPUTS + 1)
    mine.write_text("changed")
    (save_dir / "log.txt").write_text("changed")
    assert digests(save_dir, mine) == {".": found["."].digest}
    assert hash_output(save_dir, found["."].exclude) == found["."]
    (save_dir / "b.txt").write_text("changed")
    assert digests(save_dir, mine) != {".": found["."].digest}

"""Which runs are listed, and in which order."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

import naga
from naga.catalog.scan import SKIPPED, scan_receipts
from naga.errors import NotFoundError, UsageError
from tests.pipelines import make_run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "naga.toml").touch()
    for number, stage in enumerate(["prepare", "train", "train", "train"]):
        make_run(
            tmp_path,
            stage,
            f"run-{number}",
            started=f"2026-11-2{number}T00:00:00.000Z",
            config={"lr": number / 10},
            status="failed" if number == 3 else "finished",
        )
    return tmp_path


def names(found: tuple[naga.Run, ...]) -> list[str]:
    return [run.path.parent.name for run in found]


def test_runs_are_listed_with_the_newest_first(project: Path) -> None:
    assert names(naga.runs(project)) == ["run-3", "run-2", "run-1", "run-0"]


def test_runs_that_all_filters_fit_are_listed(project: Path) -> None:
    assert names(naga.runs(project, ["stage:train", "lr>0.1"])) == ["run-3", "run-2"]
    assert names(naga.runs(project, ["stage:train", "lr>0.1", "failed"])) == ["run-3"]
    assert names(naga.runs(project, ["stage:evaluate"])) == []


def test_runs_by_their_state_are_those_of_status(project: Path) -> None:
    (project / "results/run-1/out.txt").write_text("by hand")
    assert names(naga.runs(project, ["modified"])) == ["run-1"]
    assert names(naga.runs(project, ["status:ok"])) == ["run-2", "run-0"]
    assert naga.runs(project, ["modified"])[0].state == "modified"


def test_runs_without_a_filter_by_state_have_none(project: Path) -> None:
    assert {run.state for run in naga.runs(project)} == {None}


@pytest.mark.parametrize(("filters", "expected"), [([], ["run-3", "run-2"]), (["ok"], ["run-2", "run-1"])])
def test_runs_above_the_limit_are_left_out(project: Path, filters: list[str], expected: list[str]) -> None:
    assert names(naga.runs(project, filters, limit=2)) == expected


def test_runs_of_one_start_are_ordered_by_id(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        make_run(tmp_path, "train", name)
    assert names(naga.runs(tmp_path)) == ["c", "a", "b"]


def test_receipt_that_cannot_be_read_is_listed_last(project: Path) -> None:
    (project / "results/run-3/run.lock").write_text("naga: 2")
    last = naga.runs(project)[-1]
    assert (last.path.parent.name, last.id) == ("run-3", None)
    assert "its format is 2" in (last.problem or "")


def test_filter_that_is_none_is_a_usage_error_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        naga.runs(tmp_path / "nowhere", ["lr>"])


def test_run_as_a_mapping_has_what_its_receipt_says(project: Path) -> None:
    content = naga.runs(project, limit=1)[0].to_mapping()
    assert content["path"] == str(project / "results/run-3/run.lock")
    assert content["config"] == {"save_dir": "results/run-3", "lr": 0.3}
    assert (content["stage"], content["status"], content["save_dir"]) == ("train", "failed", "results/run-3")


@pytest.mark.parametrize("name", sorted(SKIPPED))
def test_receipts_in_folders_of_other_programs_are_not_found(tmp_path: Path, name: str) -> None:
    made = make_run(tmp_path, "train", "train")
    shutil.copytree(made.path.parent, tmp_path / name / "deep" / "train")
    assert list(scan_receipts(tmp_path).found) == [str(made.path)]


def test_receipts_deep_below_and_in_hidden_folders_are_found(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    place = tmp_path / ".hidden" / "/".join("abcdefghij") / "train"
    shutil.copytree(made.path.parent, place)
    assert set(scan_receipts(tmp_path).found) == {str(made.path), str(place / "run.lock")}


def test_scan_does_not_follow_links_to_folders(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    (tmp_path / "results/link").symlink_to(tmp_path, target_is_directory=True)
    assert list(scan_receipts(tmp_path).found) == [str(made.path)]


def test_scan_starts_at_a_link_to_a_folder(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    (tmp_path / "link").symlink_to(made.path.parent, target_is_directory=True)
    assert list(scan_receipts(tmp_path / "link").found) == [str(tmp_path / "link/run.lock")]


def test_receipt_that_is_a_link_is_found_and_one_to_nowhere_is_not(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    for name, target in (("a", made.path), ("b", tmp_path / "nowhere")):
        shutil.copytree(made.path.parent, tmp_path / name / "inner")
        (tmp_path / name / "run.lock").symlink_to(target)
    found = {str(Path(path).relative_to(tmp_path)) for path in scan_receipts(tmp_path).found}
    assert found == {"results/train/run.lock", "a/run.lock", "a/inner/run.lock", "b/inner/run.lock"}


def test_receipt_that_is_a_pipe_is_unreadable_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run/run.lock")
    begin = time.monotonic()
    assert [run.state for run in naga.status(tmp_path)] == ["unreadable"]
    assert time.monotonic() - begin < 10


def test_folder_that_cannot_be_listed_is_unreadable_and_the_others_are_found(tmp_path: Path) -> None:
    made = make_run(tmp_path, "train", "train")
    # A path that is longer than the system takes cannot be listed, by root neither.
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        here, above = os.open("d" * 200, os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    found = {run.state: run for run in naga.status(tmp_path)}
    assert found["ok"].path == made.path
    assert "cannot be listed: File name too long" in (found["unreadable"].problem or "")
    (tmp_path / ("d" * 200)).rename(tmp_path / "d")
    # Shorter names let the cleaning up of old tests reach the bottom.
    place = tmp_path / "d"
    while (place / ("d" * 200)).exists():
        place = (place / ("d" * 200)).rename(place / "d")


def test_scan_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotFoundError, match="there is no folder"):
        scan_receipts(tmp_path / "file")

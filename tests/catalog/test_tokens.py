"""How a person names a run: by id, by time, by path, and by the content of a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import naga
from naga.errors import AmbiguousError, NagaError, NotFoundError, ReceiptFormatError, UsageError
from tests.pipelines import make_run

IDS = {
    "prepare": "01a1fc6f-2531-76c6-ae63-2c8c09168bf2",
    "fit-a": "01a1fc6f-9000-7000-8000-000000000001",
    "fit-b": "01a1fc6f-9000-7000-8000-000000000002",
    "evaluate": "01a1fd00-0000-7000-8000-000000000003",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of four runs, in which the current folder is."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "naga.toml").touch()
    for hour, (name, identifier) in enumerate(IDS.items()):
        stage = name.partition("-")[0]
        make_run(root, stage, name, id=identifier, started=f"2026-11-21T0{hour}:00:00.000Z")
    monkeypatch.chdir(root)
    return root


def find(token: str | Path) -> str:
    """Return the name of the folder of the run that a token names."""
    path, receipt = naga.find_run(token)
    assert path.is_absolute()
    assert naga.read_receipt(path) == receipt
    return path.parent.name


@pytest.mark.parametrize("name", IDS)
def test_whole_id_names_its_run(project: Path, name: str) -> None:
    assert find(IDS[name]) == name


@pytest.mark.parametrize(
    ("token", "name"), [("01a1fd", "evaluate"), ("01a1fc6f-25", "prepare"), ("01A1FD00", "evaluate")]
)
def test_beginning_of_an_id_names_its_run(project: Path, token: str, name: str) -> None:
    assert find(token) == name


def test_beginning_of_an_id_that_fits_several_lists_them(project: Path) -> None:
    with pytest.raises(AmbiguousError) as caught:
        naga.find_run("01a1fc6f-9")
    message = caught.value.one_line()
    assert f"{IDS['fit-a']} (fit, results/fit-a/run.lock); {IDS['fit-b']} (fit, results/fit-b/run.lock)" in message
    assert IDS["prepare"] not in message


def test_beginning_of_an_id_that_is_too_short_is_none(project: Path) -> None:
    with pytest.raises(NotFoundError):
        naga.find_run("01a")


def test_id_that_nobody_has_names_the_nearest(project: Path) -> None:
    with pytest.raises(NotFoundError, match="no run is named 01a1fd01") as caught:
        naga.find_run("01a1fd01")
    assert caught.value.hint == f"did you mean {IDS['evaluate']} (evaluate, results/evaluate/run.lock)?"


def test_name_of_a_stage_is_no_token_and_the_hint_says_how_to_list_it(project: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        naga.find_run("prepare")
    assert "naga ls stage:prepare" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("token", "name"),
    [("@latest", "evaluate"), ("@latest~0", "evaluate"), ("@latest~1", "fit-b"), ("@latest~3", "prepare")],
)
def test_latest_counts_back_by_the_time_of_the_start(project: Path, token: str, name: str) -> None:
    assert find(token) == name


def test_latest_beyond_the_first_run_says_how_many_there_are(project: Path) -> None:
    with pytest.raises(NotFoundError, match="only 4 runs are below"):
        naga.find_run("@latest~4")


@pytest.mark.parametrize("token", ["@", "@newest", "@latest~", "@latest~x", "@latest~-1", "@latest1", ""])
def test_token_of_another_form_is_a_usage_error(project: Path, token: str) -> None:
    with pytest.raises(UsageError):
        naga.find_run(token)


def test_latest_counts_copies_of_one_run_once(project: Path) -> None:
    shutil.copytree(project / "results/evaluate", project / "a-copy")
    assert find("@latest") == "a-copy"
    assert find("@latest~1") == "fit-b"


def test_copies_of_one_receipt_are_one_run_and_the_shortest_path_stands_for_it(project: Path) -> None:
    shutil.copytree(project / "results/evaluate", project / "results/a-copy-of-evaluate")
    assert find(IDS["evaluate"]) == "evaluate"


def test_copies_of_one_run_that_say_different_things_are_ambiguous(project: Path) -> None:
    copy = shutil.copytree(project / "results/evaluate", project / "results/copy") / "run.lock"
    copy.write_text(copy.read_text().replace("duration: 1.0", "duration: 2.0"))
    with pytest.raises(AmbiguousError):
        naga.find_run(IDS["evaluate"])


@pytest.mark.parametrize(
    "token", ["results/fit-a", "results/fit-a/", "results/fit-a/run.lock", "results/fit-a/out.txt"]
)
def test_path_of_a_receipt_of_its_folder_or_of_an_output_names_the_run(project: Path, token: str) -> None:
    assert find(token) == "fit-a"
    assert find(project / token) == "fit-a"


def test_path_of_a_receipt_of_another_name_names_the_run(project: Path) -> None:
    (project / "results/fit-a/run.lock").rename(project / "mine.lock")
    assert naga.find_run("mine.lock")[1].id == IDS["fit-a"]


def test_file_that_was_copied_and_renamed_names_the_run_that_left_it(project: Path) -> None:
    (project / "paper").mkdir()
    shutil.copy(project / "results/fit-b/out.txt", project / "paper/figure 1.txt")
    assert find("paper/figure 1.txt") == "fit-b"


def test_file_that_was_moved_away_names_the_run_that_left_it(project: Path, tmp_path: Path) -> None:
    (project / "results/fit-b/out.txt").rename(tmp_path / "elsewhere.txt")
    assert find(tmp_path / "elsewhere.txt") == "fit-b"


def test_file_in_a_folder_that_a_run_left_names_the_run_when_it_is_copied(project: Path) -> None:
    make_run(project, "train", "train", files={"parts/7.txt": "seven"})
    shutil.copy(project / "results/train/parts/7.txt", project / "copy.txt")
    assert find("results/train/parts/7.txt") == "train"
    assert find("results/train/parts") == "train"
    assert find("copy.txt") == "train"


def test_file_that_two_runs_left_names_the_one_that_left_it_there(project: Path) -> None:
    make_run(project, "fit", "fit-c", text="fit-a")
    assert find("results/fit-c/out.txt") == "fit-c"
    assert find("results/fit-a/out.txt") == "fit-a"


def test_copy_of_a_file_that_two_runs_left_is_ambiguous(project: Path) -> None:
    make_run(project, "fit", "fit-c", text="fit-a")
    shutil.copy(project / "results/fit-a/out.txt", project / "copy.txt")
    with pytest.raises(AmbiguousError, match=r"fit-a/run.lock.*fit-c/run.lock"):
        naga.find_run("copy.txt")


def test_output_that_was_edited_or_deleted_names_the_run_that_left_it_there(project: Path) -> None:
    (project / "results/fit-a/out.txt").write_text("by hand")
    (project / "results/fit-b/out.txt").unlink()
    assert find("results/fit-a/out.txt") == "fit-a"
    assert find("results/fit-b/out.txt") == "fit-b"


def test_edited_file_in_a_folder_that_a_run_left_names_that_run(project: Path) -> None:
    made = make_run(project, "train", "train", files={"parts/7.txt": "seven"})
    (made.path.parent / "parts/7.txt").write_text("by hand")
    assert find("results/train/parts/7.txt") == "train"


def test_file_beside_a_receipt_names_its_run_though_it_is_no_output(project: Path) -> None:
    (project / "results/fit-a/log.txt").write_text("a line")
    assert find("results/fit-a/log.txt") == "fit-a"


def test_file_that_no_run_left_says_so(project: Path) -> None:
    (project / "notes.txt").write_text("fit-x")
    with pytest.raises(NotFoundError) as caught:
        naga.find_run("notes.txt")
    assert caught.value.hint == f"no run below {project} left this content"


def test_folder_without_a_receipt_says_so_without_reading_it(project: Path) -> None:
    (project / "data").mkdir()
    with pytest.raises(NotFoundError, match="no run is named data"):
        naga.find_run("data")


def test_path_that_is_not_there_names_the_nearest(project: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        naga.find_run("resutls/fit-a/out.txt")
    assert caught.value.hint == f"did you mean {project / 'results'}?"


def test_token_that_is_longer_than_any_path_is_not_found(project: Path) -> None:
    with pytest.raises(NotFoundError):
        naga.find_run("a/" + "x" * 5000)


def test_path_wins_over_an_id_that_is_spelled_like_it(project: Path) -> None:
    shutil.copytree(project / "results/prepare", project / "01a1fd00")
    assert find("01a1fd00") == "01a1fd00"


def test_receipt_that_cannot_be_read_is_an_error_when_it_is_named_and_ignored_otherwise(project: Path) -> None:
    (project / "results/fit-a/run.lock").write_text("naga: 7")
    with pytest.raises(ReceiptFormatError):
        naga.find_run("results/fit-a")
    assert find("01a1fc6f-9") == "fit-b"


def test_token_is_looked_for_in_the_whole_project_from_any_folder_of_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project / "results/fit-a")
    assert find("@latest") == "evaluate"
    assert naga.find_run("@latest", project / "results/prepare")[1].id == IDS["prepare"]


def test_hostile_path_of_a_file_names_the_run_that_left_it(project: Path, hostile_path: Path) -> None:
    shutil.copy(project / "results/fit-a/out.txt", hostile_path / "o'u\nt")
    assert find(hostile_path / "o'u\nt") == "fit-a"


@given(st.text(max_size=70))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_token_of_whatever_text_is_found_or_an_error_of_naga(project: Path, token: str) -> None:
    try:
        path, _ = naga.find_run(token)
    except NagaError as error:
        assert "\n" not in error.one_line()
    else:
        assert path.is_file()

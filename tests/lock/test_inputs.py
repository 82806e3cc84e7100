"""The data that a run declares."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from naga.errors import ConfigError, IntegrityError, NotFoundError
from naga.lock.digest import hash_path
from naga.lock.inputs import NOT_DATA, checked_path, existing_path, read_data
from naga.lock.receipt import write_receipt
from tests.lock.samples import make_receipt


def test_read_data_of_file_and_folder_is_its_digest(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw.csv").write_text("1,2\n")

    assert read_data(tmp_path / "data" / "raw.csv") == hash_path(tmp_path / "data" / "raw.csv")
    assert read_data(str(tmp_path / "data")) == hash_path(tmp_path / "data")


def test_read_data_of_the_folder_of_a_stage_is_about_its_data_only(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    write_receipt(stage / "run.lock", make_receipt(1))
    (stage / "out.csv").write_text("1,2\n")
    first = read_data(stage)
    assert first.exclude == tuple(sorted(NOT_DATA))

    write_receipt(stage / "run.lock", make_receipt(2), overwrite=True)
    (stage / "log.txt").write_text("log\n")
    (stage / ".naga" / "deep").mkdir(parents=True)
    (stage / ".naga" / "deep" / "x").touch()
    (stage / ".naga-0123456789abcdef.tmp").write_text("half a rec")
    assert read_data(stage) == first

    (stage / "logs").mkdir()
    without = read_data(stage)
    (stage / "logs" / "log.txt").write_text("a log of the person's own\n")
    second = read_data(stage)
    assert second.digest != without.digest
    (stage / "out.csv").write_text("1,3\n")
    assert read_data(stage).digest != second.digest


def test_read_data_of_a_folder_without_receipt_leaves_nothing_out(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "log.txt").write_text("this is data\n")
    first = read_data(tmp_path / "data")
    (tmp_path / "data" / "log.txt").write_text("this is other data\n")

    assert first.exclude == ()
    assert read_data(tmp_path / "data").digest != first.digest


@pytest.mark.parametrize("place", ["raw.csv", Path("raw.csv")])
def test_existing_path_of_what_is_there_is_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: object
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.csv").touch()

    assert existing_path(place, "data") == Path("raw.csv")


def test_existing_path_of_what_is_missing_names_key_path_and_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").touch()

    with pytest.raises(NotFoundError, match=r"no data at .*/rav\.csv") as caught:
        existing_path(tmp_path / "rav.csv", "data")
    assert caught.value.hint == f"did you mean {tmp_path / 'raw.csv'}?"
    assert (caught.value.key, caught.value.path) == ("data", tmp_path / "rav.csv")
    with pytest.raises(NotFoundError, match="no repos at") as caught:
        existing_path(tmp_path / "entirely different", "repos")
    assert "relative paths count from the current folder" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["x,y\n1,2\n" * 1000, "a\0b", "x" * 300])
def test_existing_path_of_a_text_that_is_no_path_is_not_found(text: str) -> None:
    with pytest.raises(NotFoundError, match="no data at"):
        existing_path(text, "data")


def test_existing_path_of_a_link_that_leads_nowhere_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")

    with pytest.raises(NotFoundError):
        existing_path(tmp_path / "link", "data")


class BytesPath:
    def __fspath__(self) -> bytes:
        return b"raw.csv"


@pytest.mark.parametrize("place", [None, 3, "", 1.5, ["raw.csv"], {"a": 1}, b"raw.csv", BytesPath()])
def test_checked_path_of_what_is_no_path_names_the_key(place: Any) -> None:
    with pytest.raises(ConfigError, match=r"data holds .*, which is no path") as caught:
        checked_path(place, "data")
    assert caught.value.key == "data"
    assert "give data a path" in str(caught.value.hint)


def test_read_data_of_a_pipe_is_an_error_that_names_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(IntegrityError, match="pipe"):
        read_data(tmp_path / "pipe")

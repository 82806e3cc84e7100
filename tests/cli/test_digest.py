"""``naga digest``: lines as those of ``sha256sum``, and their check."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import naga
from naga.cli.main import main

NAMES = [
    "plain",
    "with space",
    "ü☃",
    "line\nbreak",
    "back\\slash",
    "carriage\rreturn",
    "tab\there",
    "\\",
    "-dash",
    "a\\nb",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with a file and a tree in it."""
    (tmp_path / "file.txt").write_text("naga")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a.txt").write_text("a")
    (tmp_path / "tree/b.tmp").write_text("b")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_digest_of_a_file_and_a_tree_prints_a_line_each(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "file.txt", "tree"]) == 0
    assert capsys.readouterr().out == (
        f"xxh3_128:0916dbe7a84548857c829f212249cbe6  file.txt\n{naga.hash_path('tree').digest}  tree\n"
    )


def test_digest_with_patterns_is_that_of_what_they_choose(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "--include", "*.txt", "--exclude", "b*", "tree"]) == 0
    expected = naga.hash_path("tree", ["*.txt"], ["b*"]).digest
    assert capsys.readouterr().out == f"{expected}  tree\n"
    assert expected != naga.hash_path("tree").digest


def test_options_may_stand_between_paths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "tree", "--exclude", "*.txt", "tree", "--json"]) == 0
    one, other = json.loads(capsys.readouterr().out)
    assert one == other
    assert one["exclude"] == ["*.txt"]


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="there is no sha256sum")
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_name_is_written_as_sha256sum_writes_it(
    folder: Path, name: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (folder / name).write_text("x")
    lines = subprocess.run(["sha256sum", "--", name], check=True, capture_output=True).stdout
    assert main(["digest", "--", name]) == 0
    theirs = lines.replace(hashlib.sha256(b"x").hexdigest().encode(), naga.hash_path(name).digest.encode())
    assert capfdbinary.readouterr().out == theirs


def test_name_that_is_no_text_is_written_as_its_bytes(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    name = os.fsdecode(b"\xff\xfe")
    (folder / name).write_text("x")
    assert main(["digest", name]) == 0
    line = capfdbinary.readouterr().out
    assert line.endswith(b"  \xff\xfe\n")
    (folder / "digests").write_bytes(line)
    assert main(["digest", "--check", "digests"]) == 0


def test_digests_of_hostile_names_are_checked_again(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for name in NAMES:
        (folder / name).write_text(name)
    assert main(["digest", "--", *NAMES]) == 0
    (folder / "digests").write_bytes(capfdbinary.readouterr().out)
    assert main(["digest", "--check", "digests"]) == 0
    assert capfdbinary.readouterr().out.count(b": OK\n") == len(NAMES)


def test_check_of_what_changed_says_which_and_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["digest", "file.txt", "tree", "tree/a.txt"])
    (folder / "digests").write_text(capsys.readouterr().out)
    (folder / "tree/b.tmp").write_text("by hand")
    (folder / "file.txt").unlink()
    assert main(["digest", "--check", "digests"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "file.txt: FAILED, it is not there\ntree: FAILED\ntree/a.txt: OK\n"
    assert captured.err == "naga: 2 of 3 digests did not match\n"


def test_check_with_patterns_takes_them_into_account(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["digest", "--exclude", "*.tmp", "tree"])
    (folder / "digests").write_text(capsys.readouterr().out)
    (folder / "tree/b.tmp").write_text("by hand")
    assert main(["digest", "--check", "digests"]) == 1
    assert main(["digest", "--exclude", "*.tmp", "--check", "digests"]) == 0


def test_check_of_standard_input_works(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["digest", "file.txt"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(capsys.readouterr().out.encode())))
    assert main(["digest", "--check", "-"]) == 0


def test_check_as_json_has_both_digests(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "digests").write_text(f"xxh3_128:{0:032x}  file.txt\n")
    assert main(["digest", "--check", "digests", "--json"]) == 1
    (check,) = json.loads(capsys.readouterr().out)
    assert check == {
        "path": "file.txt",
        "expected": f"xxh3_128:{0:032x}",
        "digest": "xxh3_128:0916dbe7a84548857c829f212249cbe6",
        "verdict": "FAILED",
    }


@pytest.mark.parametrize("line", ["", "x", "xxh3_128:00 file.txt", f"{0:064x}  file.txt", "xxh3_128:00  "])
def test_check_of_a_line_that_is_none_ends_with_65_and_names_it(
    folder: Path, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "digests").write_text(f"xxh3_128:0916dbe7a84548857c829f212249cbe6  file.txt\n{line}\n")
    assert main(["digest", "--check", "digests"]) == 65
    assert "line 2 of digests is no digest of a path" in capsys.readouterr().err


def test_check_of_a_file_that_is_not_there_ends_with_66(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "--check", "nothing"]) == 66


def test_digest_of_what_is_not_there_still_prints_the_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "nothing", "file.txt"]) == 66
    captured = capsys.readouterr()
    assert captured.out == "xxh3_128:0916dbe7a84548857c829f212249cbe6  file.txt\n"
    assert "there is nothing at nothing" in captured.err


@pytest.mark.parametrize("arguments", [[], ["file.txt", "--check", "digests"]])
def test_digest_of_nothing_or_of_two_things_is_a_usage_error(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["digest", *arguments]) == 2


def test_digest_as_json_has_what_it_takes_to_compute_it_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digest", "--json", "--exclude", "*.tmp", "tree"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content == {
        "path": "tree",
        "digest": naga.hash_path("tree", exclude=["*.tmp"]).digest,
        "size": 1,
        "kind": "tree",
        "files": 1,
        "include": [],
        "exclude": ["*.tmp"],
    }

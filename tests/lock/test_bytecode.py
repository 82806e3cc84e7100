"""Byte code of an earlier content, told from byte code that is current and from what Python rejects by itself."""

from __future__ import annotations

import os
import py_compile
from pathlib import Path

import pytest

from naga.lock.bytecode import find_stale_bytecode

BEFORE = "def value():\n    return 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a source file with its byte code."""
    file = tmp_path / "helper.py"
    file.write_text(BEFORE)
    py_compile.compile(str(file), doraise=True)
    return file


def change(file: Path, text: str, *, seconds: int = 0) -> None:
    """Write other text into a file that was changed so many seconds after it was compiled, as its time says."""
    before = os.stat(file)
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + seconds * 10**9))


def bytecode(file: Path) -> Path:
    (cached,) = (file.parent / "__pycache__").iterdir()
    return cached


def test_bytecode_of_the_file_is_not_stale(file: Path) -> None:
    assert find_stale_bytecode(str(file)) is None


@pytest.mark.parametrize(
    "text", [BEFORE.replace("1", "2"), BEFORE.replace("value", "other"), "x = [1, 2, 3] + [2, 345]\n\n"]
)
def test_bytecode_of_a_content_of_the_same_size_and_second_is_stale(file: Path, text: str) -> None:
    assert len(text) == len(BEFORE)
    change(file, text)
    assert find_stale_bytecode(str(file)) == str(bytecode(file))


def test_bytecode_of_a_file_that_is_back_to_what_it_was_is_not_stale(file: Path) -> None:
    change(file, BEFORE.replace("1", "2"))
    change(file, BEFORE)
    assert find_stale_bytecode(str(file)) is None


def test_bytecode_that_python_rejects_by_itself_is_not_stale(file: Path) -> None:
    change(file, BEFORE.replace("1", "22"))
    assert find_stale_bytecode(str(file)) is None
    change(file, BEFORE.replace("1", "2"), seconds=3)
    assert find_stale_bytecode(str(file)) is None


def test_time_that_is_put_back_by_days_hides_nothing(file: Path) -> None:
    os.utime(file, ns=(10**18, 10**18))
    py_compile.compile(str(file), doraise=True)
    change(file, BEFORE.replace("1", "2"))
    assert os.stat(file).st_mtime_ns == 10**18
    assert find_stale_bytecode(str(file)) is not None


def test_bytecode_that_was_written_long_after_the_file_is_trusted_unread(file: Path) -> None:
    change(file, BEFORE.replace("1", "2"))
    later = os.stat(file).st_ctime_ns + 2 * 10**9
    os.utime(bytecode(file), ns=(later, later))
    bytecode(file).chmod(0)
    assert find_stale_bytecode(str(file)) is None


@pytest.mark.parametrize("content", [b"", b"x" * 10, None])
def test_bytecode_that_is_none_is_not_stale(file: Path, content: bytes | None) -> None:
    kept = bytecode(file).read_bytes()
    bytecode(file).write_bytes(kept[:30] if content is None else content)
    assert find_stale_bytecode(str(file)) is None
    bytecode(file).unlink()
    assert find_stale_bytecode(str(file)) is None
    file.unlink()
    assert find_stale_bytecode(str(file)) is None


def test_file_that_no_longer_compiles_is_left_to_python(file: Path) -> None:
    change(file, BEFORE.replace("1", "("))
    assert find_stale_bytecode(str(file)) is None

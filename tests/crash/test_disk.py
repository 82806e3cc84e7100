"""A disk that is full or refuses: the old receipt is intact, the message names the path, and nothing is left over."""

from __future__ import annotations

import errno
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from naga.lock.receipt import read_receipt, write_receipt
from tests.crash.denial import MACHINES
from tests.lock.samples import make_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def receipt_path(tmp_path: Path) -> Path:
    path = tmp_path / "results" / "run.lock"
    write_receipt(path, make_receipt(1))
    return path


def write_while_refused(path: Path, call: str, error: int) -> dict[str, Any]:
    """Overwrite a receipt in a process to which the kernel refuses a system call, and return what came of it."""
    if platform.machine() not in MACHINES or sys.platform != "linux":
        pytest.skip("the system calls of this machine are not known")
    done = run_python(ROOT, "-m", "tests.crash.denial", str(path), call, str(error))
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    if "skip" in answer:
        pytest.skip(answer["skip"])
    return answer


STEPS = [
    ("lock", errno.EACCES, "results"),
    ("create", errno.ENOSPC, "results/run.lock"),
    ("create", errno.EACCES, "results/run.lock"),
    ("create", errno.EROFS, "results/run.lock"),
    ("write", errno.ENOSPC, "results/run.lock"),
    ("write", errno.EDQUOT, "results/run.lock"),
    ("write", errno.EIO, "results/run.lock"),
    ("flush", errno.ENOSPC, "results/run.lock"),
    ("flush", errno.EIO, "results/run.lock"),
    ("rename", errno.EACCES, "results/run.lock"),
    ("rename", errno.ENOSPC, "results/run.lock"),
]


@pytest.mark.parametrize(("call", "error", "named"), STEPS)
def test_write_receipt_when_a_step_is_refused_leaves_the_old_one(
    receipt_path: Path, call: str, error: int, named: str
) -> None:
    answer = write_while_refused(receipt_path, call, error)

    assert answer == {
        "errno": errno.errorcode[error],
        "file": str(receipt_path.parents[1] / named),
        "text": f"[Errno {error}] {os.strerror(error)}: '{receipt_path.parents[1] / named}'",
        "intact": True,
    }
    assert os.listdir(receipt_path.parent) == ["run.lock"]


@pytest.mark.parametrize("error", [errno.EACCES, errno.ENOSPC])
def test_write_receipt_when_its_folder_cannot_be_made_names_it(tmp_path: Path, error: int) -> None:
    answer = write_while_refused(tmp_path / "new" / "run.lock", "mkdir", error)

    assert (answer["errno"], answer["file"]) == (errno.errorcode[error], str(tmp_path / "new"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "error"),
    [("lock", errno.ENOLCK), ("lock", errno.ENOSYS), ("flush", errno.EINVAL), ("flush", errno.ENOTSUP)],
)
def test_write_receipt_on_a_disk_that_knows_no_such_thing_writes_it(receipt_path: Path, call: str, error: int) -> None:
    assert write_while_refused(receipt_path, call, error) == {"written": True, "intact": False}
    assert read_receipt(receipt_path) == make_receipt(2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=8", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk can only be mounted by root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, free: int) -> None:
    """Leave so many bytes free."""
    status = os.statvfs(folder)
    (folder / "filler").write_bytes(b"x" * (status.f_bavail * status.f_frsize - free))


@pytest.mark.parametrize("free", [0, 4096, 8192])
def test_write_receipt_on_a_full_disk_leaves_the_old_one(small_disk: Path, free: int) -> None:
    path = small_disk / "run.lock"
    write_receipt(path, make_receipt(1))
    fill(small_disk, free)

    with pytest.raises(OSError, match=f"No space left on device: '{path}'") as caught:
        write_receipt(path, make_receipt(2, config={"text": "x" * 10_000}), overwrite=True)
    assert caught.value.errno == errno.ENOSPC
    assert read_receipt(path) == make_receipt(1)
    assert sorted(os.listdir(small_disk)) == ["filler", "run.lock"]


def test_write_receipt_on_a_disk_that_can_hold_no_more_files_leaves_the_old_one(small_disk: Path) -> None:
    path = small_disk / "run.lock"
    write_receipt(path, make_receipt(1))
    for number in range(6):
        (small_disk / str(number)).touch()

    with pytest.raises(OSError, match=f"No space left on device: '{path}'"):
        write_receipt(path, make_receipt(2), overwrite=True)
    with pytest.raises(OSError, match=r"No space left on device: .*/new'"):
        write_receipt(small_disk / "new" / "run.lock", make_receipt(2))
    assert read_receipt(path) == make_receipt(1)
    assert len(os.listdir(small_disk)) == 7


def test_write_receipt_on_a_disk_that_is_read_only_leaves_the_old_one(small_disk: Path) -> None:
    path = small_disk / "run.lock"
    write_receipt(path, make_receipt(1))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(OSError, match=f"Read-only file system: '{path}'"):
        write_receipt(path, make_receipt(2), overwrite=True)
    assert read_receipt(path) == make_receipt(1)
    assert os.listdir(small_disk) == ["run.lock"]


@pytest.fixture
def closed_folder(receipt_path: Path) -> Iterator[Path]:
    """Let nobody write in the folder of the receipt."""
    folder = receipt_path.parent
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield receipt_path
        folder.chmod(0o755)
        return
    # Modes do not stop root.
    if subprocess.run(["chattr", "+i", str(folder)], capture_output=True, check=False).returncode != 0:
        pytest.skip("this disk has no immutable folders, and nothing else stops root")
    yield receipt_path
    subprocess.run(["chattr", "-i", str(folder)], check=True)


def test_write_receipt_in_a_folder_that_is_closed_leaves_the_old_one(closed_folder: Path) -> None:
    with pytest.raises(PermissionError, match=f": '{closed_folder}'"):
        write_receipt(closed_folder, make_receipt(2), overwrite=True)
    with pytest.raises(PermissionError, match=f": '{closed_folder.parent / 'new'}'"):
        write_receipt(closed_folder.parent / "new" / "run.lock", make_receipt(2))

    assert read_receipt(closed_folder) == make_receipt(1)
    assert os.listdir(closed_folder.parent) == ["run.lock"]

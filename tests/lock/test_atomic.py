"""Files that appear whole or not at all. What happens when a step of the disk fails is tested in tests/crash."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from naga.lock.atomic import TEMPORARY, folder_lock, read_file, write_atomically
from tests.programs import run_python


def test_write_atomically_makes_and_replaces_a_file(tmp_path: Path, hostile_path: Path) -> None:
    for path in (tmp_path / "a.txt", hostile_path / "a\nb.txt", tmp_path / ("x" * 255)):
        write_atomically(path, b"old")
        write_atomically(path, b"\x00new" * 100_000)

        assert path.read_bytes() == b"\x00new" * 100_000
    assert os.listdir(hostile_path) == ["a\nb.txt"]


def test_write_atomically_makes_a_new_file_so_that_readers_keep_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")

        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_write_atomically_flushes_before_and_after_the_rename(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from naga.lock.atomic import write_atomically\n"
    code += "write_atomically(Path(sys.argv[1]), b'x')"
    trace = tmp_path / "trace"
    watched = ["strace", "-f", "-e", "trace=openat,write,fsync,rename,unlink", "-o", str(trace)]
    command = [*watched, sys.executable, "-c", code, str(tmp_path / "a")]
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        pytest.skip("strace is not installed")

    lines = trace.read_text().splitlines()
    begin = next(number for number, line in enumerate(lines) if "O_EXCL" in line)
    calls = [line.split()[1].partition("(")[0] for line in lines[begin:]]
    assert calls[:6] == ["openat", "write", "fsync", "rename", "openat", "fsync"]
    assert "O_DIRECTORY" in lines[begin + 4]


def test_write_atomically_into_a_missing_folder_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "run.lock"

    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, b"x")
    assert caught.value.filename == str(path)
    assert caught.value.filename2 is None


def test_write_atomically_over_a_folder_leaves_it_and_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)

    with pytest.raises(OSError, match="directory") as caught:
        write_atomically(tmp_path / "a", b"x")
    assert caught.value.filename == str(tmp_path / "a")
    assert os.listdir(tmp_path) == ["a"]
    assert os.listdir(tmp_path / "a") == ["b"]


def test_write_atomically_killed_while_writing_leaves_a_name_that_is_known(tmp_path: Path) -> None:
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); from pathlib import Path\n"
    code += "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
    code += "from naga.lock.atomic import write_atomically; write_atomically(Path('a'), b'x' * 100)"

    assert run_python(tmp_path, "-c", code, PYTHONDONTWRITEBYTECODE="1").returncode < 0
    (left,) = os.listdir(tmp_path)
    assert fnmatchcase(left, TEMPORARY)


def test_read_file_reads_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789")
    (tmp_path / "link").symlink_to(path)

    assert read_file(path, 100) == b"0123456789"
    assert read_file(tmp_path / "link", 10) == b"0123456789"
    assert read_file(path, 4) == b"0123"


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device"])
def test_read_file_of_what_is_no_file_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    path = Path(os.devnull) if kind == "device" else tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    before = os.listdir("/dev/fd")

    with pytest.raises(OSError, match=kind if kind != "device" else "null") as caught:
        read_file(path, 10)
    assert str(caught.value.filename) == str(path)
    assert len(os.listdir("/dev/fd")) == len(before)


def test_folder_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with folder_lock(tmp_path):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert os.listdir(tmp_path) == []


def test_folder_lock_of_two_folders_or_after_an_error_does_not_wait(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(KeyError), folder_lock(tmp_path):
        raise KeyError

    with folder_lock(tmp_path), folder_lock(tmp_path / "other"):
        pass


def test_folder_lock_held_by_a_process_that_is_killed_is_free(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from naga.lock.atomic import folder_lock\n"
    code += "with folder_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        holder.kill()

    with folder_lock(tmp_path):
        pass


def test_folder_lock_is_free_afterwards_though_a_process_was_forked_meanwhile(tmp_path: Path) -> None:
    code = """\
import os, signal, time
from pathlib import Path
from naga.lock.atomic import folder_lock
with folder_lock(Path()):
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
signal.alarm(10)
with folder_lock(Path()):
    print('free')
os.kill(child, signal.SIGKILL)
"""
    assert run_python(tmp_path, "-c", code).stdout == "free\n"


def test_folder_lock_of_a_missing_folder_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"), folder_lock(tmp_path / "missing"):
        pass

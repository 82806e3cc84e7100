"""What digests cost beside the bare work, git and dvc.

usage: python benchmarks/digests.py [--quick] [--without-dvc]

The page cache is warm. What is compared takes turns, so that a busy machine slows both; a ratio is the median of
the ratios of the rounds. dvc is installed into a temporary folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from naga.lock.digest import hash_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIB = 2**20
FILE_SIZE = 4096
PEAK = """\
import resource, sys
from naga.lock.digest import hash_path
hash_path(sys.argv[1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
ENVIRONMENT = {
    **os.environ,
    "DVC_NO_ANALYTICS": "true",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
}


@dataclass
class Row:
    """One comparison: medians in seconds or MiB, their ratio, and the largest ratio aimed at."""

    name: str
    ours: float
    other: float
    ratio: float
    aim: float


def clock(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(
    name: str,
    ours: Callable[[], object],
    other: Callable[[], object],
    aim: float,
    rounds: int,
    prepare: Callable[[], object] = lambda: None,
) -> Row:
    """Let two pieces of work take turns; `prepare` comes before each of ours and is not counted."""
    pairs = []
    for _ in range(rounds):
        prepare()
        pairs.append((clock(ours), clock(other)))
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(name, first, second, statistics.median(one / two for one, two in pairs), aim)


def make_tree(root: Path, files: int) -> None:
    for number in range(files):
        folder = root / f"{number // 1000:03}"
        if number % 1000 == 0:
            folder.mkdir(parents=True)
        (folder / f"{number:06}.bin").write_bytes(os.urandom(FILE_SIZE))


def make_file(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(os.urandom(MIB))


def read_and_forget(path: Path) -> None:
    """Read a file as fast as it goes."""
    buffer = bytearray(256 * 1024)
    descriptor = os.open(path, os.O_RDONLY)
    while os.readv(descriptor, [buffer]):
        pass
    os.close(descriptor)


def open_read_close(paths: list[str]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, 65536)
        os.close(descriptor)


def walk_and_stat(root: Path) -> None:
    waiting = [os.fspath(root)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)


def forget() -> None:
    shutil.rmtree(os.environ["NAGA_CACHE_DIR"], ignore_errors=True)


def settle() -> None:
    """Let files become older than the granularity of any clock, and let the disk come to rest."""
    os.sync()
    time.sleep(3)


def edit(path: Path) -> None:
    """Change a file, and let it become older than the granularity of this clock."""
    path.write_bytes(os.urandom(FILE_SIZE))
    time.sleep(0.3)


def run(folder: Path, *command: str | Path) -> None:
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)


def run_naga(path: Path) -> None:
    """Hash in a process of its own, as the other programs do."""
    code = "import sys; from naga.lock.digest import hash_path; hash_path(sys.argv[1])"
    run(path.parent, sys.executable, "-c", code, path)


def peak_memory(path: Path) -> float:
    """Return the MiB that a process needs at most to hash `path`, the interpreter included."""
    command = [sys.executable, "-c", PEAK, str(path)]
    printed = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
    return int(printed) * (1 if sys.platform == "darwin" else 1024) / MIB


def compare_file(folder: Path, size: int, rounds: int) -> Iterator[Row]:
    path = folder / "large.bin"
    make_file(path, size)
    settle()
    name = f"a file of {size / 2**30:.0f} GiB : reading it"
    yield compare(name, lambda: hash_path(path, index=None), lambda: read_and_forget(path), 1 / 0.9, rounds)
    forget()
    peak = peak_memory(path)
    yield Row("its peak memory : 150 MiB", peak, 150, peak / 150, 1)
    path.unlink()


def compare_tree(root: Path, rounds: int) -> Iterator[Row]:
    paths = [entry.path for folder in os.scandir(root) for entry in os.scandir(folder)]
    name = f"{len(paths):,} files"
    settle()
    yield compare(
        f"{name}, first : open, read, close",
        lambda: hash_path(root),
        lambda: open_read_close(paths),
        1.3,
        rounds,
        forget,
    )
    forget()
    peak = peak_memory(root)
    yield Row("their peak memory : 200 MiB", peak, 200, peak / 200, 1)
    hash_path(root)
    yield compare(
        f"{name}, unchanged : scandir, stat", lambda: hash_path(root), lambda: walk_and_stat(root), 1.5, rounds
    )
    yield compare(
        f"{name}, one edited : scandir, stat",
        lambda: hash_path(root),
        lambda: walk_and_stat(root),
        1.5,
        rounds,
        lambda: edit(Path(paths[len(paths) // 2])),
    )


def compare_git(folder: Path, root: Path, rounds: int) -> Iterator[Row]:
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", "--all")
    run(folder, "git", "status", "--porcelain")
    run_naga(root)
    yield compare(
        "unchanged : git status",
        lambda: run_naga(root),
        lambda: run(folder, "git", "status", "--porcelain"),
        2,
        rounds,
    )
    shutil.rmtree(folder / ".git")


def compare_dvc(folder: Path, root: Path, tools: Path, rounds: int) -> Iterator[Row]:
    dvc = install_dvc(tools)
    if dvc is None:
        print("skipped: dvc cannot be installed here", file=sys.stderr)
        return
    run(folder, "git", "init", "--quiet")
    run(folder, dvc, "init", "--quiet")
    forget()
    yield compare(
        "first : dvc add", lambda: run_naga(root), lambda: run(folder, dvc, "add", "--quiet", root), 1 / 20, 1
    )
    settle()
    run_naga(root)
    yield compare(
        "unchanged : dvc status", lambda: run_naga(root), lambda: run(folder, dvc, "status", "--quiet"), 1 / 7, rounds
    )


def install_dvc(tools: Path) -> Path | None:
    """Return the program, or None when there is no way to get it."""
    environment = {key: value for key, value in ENVIRONMENT.items() if key != "PYTHONDONTWRITEBYTECODE"}
    make = [sys.executable, "-m", "venv", str(tools)]
    install = [str(tools / "bin/python"), "-m", "pip", "install", "--quiet", "dvc"]
    for command in (make, install):
        if subprocess.run(command, env=environment, check=False, capture_output=True).returncode:
            return None
    return tools / "bin/dvc"


def show(rows: Iterator[Row]) -> None:
    for row in rows:
        verdict = "" if row.ratio <= row.aim else "  missed"
        print(f"{row.name:<44}{row.ours:>9.3f}{row.other:>9.3f}{row.ratio:>8.3f}{row.aim:>8.3f}{verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a quarter of the data, fewer rounds")
    parser.add_argument("--without-dvc", action="store_true", help="do not install and run dvc")
    options = parser.parse_args()
    files, size, rounds = (25_000, 2**30, 5) if options.quick else (100_000, 4 * 2**30, 11)
    with tempfile.TemporaryDirectory() as place:
        os.environ["NAGA_CACHE_DIR"] = ENVIRONMENT["NAGA_CACHE_DIR"] = str(Path(place, "cache"))
        folder = Path(place, "project")
        folder.mkdir()
        print(f"{'naga : other':<44}{'naga':>9}{'other':>9}{'ratio':>8}{'aim':>8}")
        show(compare_file(folder, size, rounds))
        make_tree(folder / "data", files)
        show(compare_tree(folder / "data", rounds))
        show(compare_git(folder, folder / "data", rounds))
        if not options.without_dvc:
            show(compare_dvc(folder, folder / "data", Path(place, "tools"), rounds))


if __name__ == "__main__":
    main()

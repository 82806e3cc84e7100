"""What code snapshots cost beside ``git status``.

usage: python benchmarks/snapshots.py [--quick]

The page cache is warm. What is compared takes turns, so that a busy machine slows both; a ratio is the median of
the ratios of the rounds. Ten dirty files are eight edited ones, one deleted one and one untracked one. "Seen before"
is the second and every later run of the same code, "new" a snapshot that has to be written.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from naga.lock.snapshot import read_state, take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{role}_{part}": "benchmark" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")},
}
STATUS = ("git", "status", "--porcelain=v2", "--branch")
AIMED_AT = 10_000


@dataclass
class Row:
    """One comparison: medians in milliseconds, their ratio, processes of ours, and the largest ratio aimed at."""

    name: str
    ours: float
    status: float
    ratio: float
    processes: int
    aim: float | None


STARTED = count()


def count_processes(event: str, _: object) -> None:
    if event == "subprocess.Popen":
        next(STARTED)


def clock(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1000


def compare(
    name: str,
    root: Path,
    ours: Callable[[Path], object],
    aim: float | None,
    rounds: int,
    prepare: Callable[[], object] = lambda: None,
) -> Row:
    """Let us and git take turns, each first in every other round; `prepare` comes before both, not counted."""
    status = partial(subprocess.run, STATUS, cwd=root, check=True, stdout=subprocess.DEVNULL)
    pairs = []
    for number in range(rounds):
        prepare()
        if number % 2:
            pairs.append((clock(partial(ours, root)), clock(status)))
        else:
            pairs.append((clock(status), clock(partial(ours, root)))[::-1])
    prepare()
    before = next(STARTED)
    ours(root)
    processes = next(STARTED) - before - 1
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return Row(name, first, second, statistics.median(one / two for one, two in pairs), processes, aim)


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL)


def make_repository(root: Path, files: int) -> None:
    """Make files of 4 KB in folders of 100, commit them, and let them become older than the index."""
    for number in range(files):
        path = root / f"package_{number // 100:03}" / f"module_{number:05}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n" * (4096 // len(f"VALUE = {number}\n")))
    git(root, "init", "--quiet")
    git(root, "remote", "add", "origin", "https://user:token@example.org/code.git")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "all")
    time.sleep(1.1)
    git(root, "status")


def edit_ten(root: Path, paths: list[Path], content: str) -> None:
    for path in paths[:8]:
        path.write_text(content)
    paths[8].unlink(missing_ok=True)
    (root / "package_000" / "untracked.py").write_text(content)


def compare_repository(root: Path, files: int, rounds: int) -> Iterator[Row]:
    make_repository(root, files)
    clean, dirty = (1.2, 2.0) if files == AIMED_AT else (None, None)
    name = f"{files:,} files"
    yield compare(f"{name}, clean: snapshot", root, take_snapshot, clean, rounds)
    yield compare(f"{name}, clean: question", root, read_state, clean, rounds)
    paths = sorted(root.glob("package_*/*.py"))[:: files // 9]
    edit_ten(root, paths, "VALUE = None\n")
    time.sleep(1.1)
    take_snapshot(root)
    yield compare(f"{name}, 10 dirty: snapshot, seen before", root, take_snapshot, dirty, rounds)
    yield compare(f"{name}, 10 dirty: question", root, read_state, dirty, rounds)
    contents = (f"VALUE = {number}\n" for number in count())
    yield compare(
        f"{name}, 10 dirty: snapshot, new",
        root,
        take_snapshot,
        dirty,
        rounds,
        lambda: edit_ten(root, paths, next(contents)),
    )


def print_table(rows: list[Row]) -> None:
    print(f"{'':44} {'ms':>7} {'git status':>11} {'ratio':>6} {'aim':>6} {'processes':>10}")
    for row in rows:
        aim = "" if row.aim is None else f"<= {row.aim}"
        numbers = f"{row.ours:7.1f} {row.status:11.1f} {row.ratio:6.2f} {aim:>6} {row.processes:10}"
        print(f"{row.name:44} {numbers}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few files and rounds: shows that it runs")
    quick = parser.parse_args().quick
    os.environ.update(ENVIRONMENT)
    sys.addaudithook(count_processes)
    rows: list[Row] = []
    for files in (100, 200) if quick else (1_000, AIMED_AT):
        with tempfile.TemporaryDirectory() as folder:
            rows += compare_repository(Path(folder), files, 3 if quick else 31)
    print_table(rows)
    missed = [row.name for row in rows if row.aim is not None and row.ratio > row.aim]
    for name in missed:
        print(f"above the aim: {name}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the watch on opened files costs a run that opens many.

usage: python benchmarks/reads.py [--quick]

The files are small and in the page cache, so that opening them is all there is. Half of them are declared. A hook of
Python cannot be taken back, so the bare run has a process of its own; the two take turns, and the ratio is the median
of the ratios of the rounds. What is timed is the run and the listing of what it did not declare.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = 10_000
AIM = 1.02
RUN = """\
import sys, time
from contextlib import nullcontext
from pathlib import Path
from naga.lock.reads import undeclared_reads, watched_reads
root, watch = Path(sys.argv[1]), sys.argv[2] == 'watched'
paths = [root / f'{folder}/{number}.txt' for folder in ('a', 'b') for number in range(int(sys.argv[3]) // 2)]
opened = set()
begin = time.perf_counter(), time.process_time()
with watched_reads(opened) if watch else nullcontext():
    for path in paths:
        with path.open() as file:
            file.read()
if watch:
    assert len(undeclared_reads(opened, root, root, [root / 'a'])) == len(paths) // 2
print(time.perf_counter() - begin[0], time.process_time() - begin[1])
"""


def clock(root: Path, kind: str) -> tuple[float, float]:
    """Return the seconds that a run takes, by the clock and of the processor."""
    command = [sys.executable, "-c", RUN, str(root), kind, str(FILES)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    by_clock, of_processor = map(float, printed.split())
    return by_clock, of_processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 7 if parser.parse_args().quick else 41
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        for folder in ("a", "b"):
            (root / folder).mkdir()
            for number in range(FILES // 2):
                (root / folder / f"{number}.txt").write_text(f"{number}\n" * 500)
        pairs = [(clock(root, "watched"), clock(root, "bare")) for _ in range(rounds)]
    print(f"{f'{FILES:,} files opened and read':<36}{'watched':>10}{'bare':>10}{'ratio':>8}{'aim':>8}")
    for column, name in enumerate(("by the clock, s", "of the processor, s")):
        first = [one[column] for one, _ in pairs]
        second = [two[column] for _, two in pairs]
        ratio = statistics.median(one / two for one, two in zip(first, second, strict=True))
        verdict = "" if ratio <= AIM else "  missed"
        medians = f"{statistics.median(first):>10.3f}{statistics.median(second):>10.3f}"
        print(f"{name:<36}{medians}{ratio:>8.3f}{AIM:>8.2f}{verdict}")


if __name__ == "__main__":
    main()

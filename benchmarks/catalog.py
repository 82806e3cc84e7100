"""The ledger over 10,000 receipts: built from nothing, and asked again and again.

usage: python benchmarks/catalog.py [--quick]

The receipts are those of benchmarks/status.py. Questions are asked of a librarian that is kept, as by the server.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import naga

sys.path.insert(0, str(Path(__file__).parent))
from status import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

QUESTIONS = {
    "a page of runs": {},
    "the last page": {"offset": 9_900},
    "a stage": {"filter": "stage:fit"},
    "a config value": {"filter": "lr>0.01"},
    "sorted by stage": {"sort": "stage"},
}
INDEXED, ASKED = 3.0, 0.05
"""The aims, in seconds."""


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the median time that some work takes."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 receipts")
    runs = 500 if parser.parse_args().quick else 10_000
    with tempfile.TemporaryDirectory() as place:
        os.environ["NAGA_CACHE_DIR"] = f"{place}/cache"
        root = Path(place, "project")
        root.mkdir()
        make_project(root, runs)
        shutil.rmtree(f"{place}/cache")
        time.sleep(3)
        librarian = naga.Librarian(root, max_age=float("inf"))
        rows = [("indexed from nothing", seconds(librarian.refresh), INDEXED)]
        for name, args in QUESTIONS.items():
            found = seconds(lambda args=args: naga.answer_from(librarian, "runs", {**args, "judge": False}), 9)
            rows.append((name, found, ASKED))
        rows.append(("a page with states", seconds(lambda: naga.answer_from(librarian, "runs"), 9), ASKED))
        librarian.close()
    print(f"{f'{runs} receipts':<24}{'ms':>10}{'aim ms':>10}")
    for name, found, aim in rows:
        print(f"{name:<24}{found * 1000:>10.1f}{aim * 1000:>10.0f}")


if __name__ == "__main__":
    main()

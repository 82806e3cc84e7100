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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import naga

sys.path.insert(0, str(Path(__file__).parent))
from status import make_project

if TYPE_CHECKING:
    from collections.abc import Callable

PREPARED = "results/prepare/00003/run.lock"
QUESTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "a page of runs": ("runs", {"judge": False}),
    "the last page": ("runs", {"judge": False, "offset": 9_900}),
    "a stage": ("runs", {"judge": False, "filter": "stage:fit"}),
    "a config value": ("runs", {"judge": False, "filter": "lr>0.01"}),
    "sorted by stage": ("runs", {"judge": False, "sort": "stage"}),
    "a page with states": ("runs", {}),
    "counts": ("status", {}),
    "projects": ("roots", {}),
    "one run": ("run", {"run": PREPARED}),
    "a graph": ("graph", {"run": PREPARED}),
    "branches": ("tree", {"run": PREPARED, "direction": "down"}),
    "who used a file": ("uses", {"path": "raw.csv"}),
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


def touch_one(librarian: naga.Librarian) -> None:
    """Have a receipt change, and ask for the list as a browser does that is told of it."""
    path = librarian.root / PREPARED
    os.utime(path)
    librarian.touch([str(path)])
    naga.answer_from(librarian, "runs", {"judge": False})


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
        rows: list[tuple[str, float, float | None]] = []
        with naga.Librarian(root, max_age=float("inf")) as librarian:
            rows.append(("indexed from nothing", seconds(librarian.refresh), INDEXED))
        with naga.Librarian(root, max_age=float("inf")) as librarian:
            rows.append(("opened again", seconds(librarian.refresh), None))
            rows.append(("a page with states, first", seconds(lambda: naga.answer_from(librarian, "runs")), None))
            for name, (op, args) in QUESTIONS.items():
                found = seconds(partial(naga.answer_from, librarian, op, args), 9)
                rows.append((name, found, ASKED))
            rows.append(("a receipt that changed", seconds(lambda: touch_one(librarian), 9), ASKED))
            # Those of the first time have looked at every file, of which the digests are known from then on.
            seconds(librarian.states)
        with naga.Librarian(root, max_age=float("inf")) as librarian:
            rows.append(("the states of all", seconds(librarian.states), None))
    print(f"{f'{runs} receipts':<28}{'ms':>10}{'aim ms':>10}")
    for name, found, aim in rows:
        print(f"{name:<28}{found * 1000:>10.1f}{'-' if aim is None else round(aim * 1000):>10}")


if __name__ == "__main__":
    main()

"""What a receipt with many ancestors costs, beside the JSON of the same values.

usage: python benchmarks/receipts.py [--quick]

An ancestor has 20 config keys, 5 used files, 3 data entries, one output, two prevs and an environment; the list of 150
packages is shared by all. What is compared takes turns, so that a busy machine slows both; a ratio is the median of
the ratios of the rounds. Times are of the processor's and of the disk's: a receipt is flushed when it is written.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.digest import hash_bytes
from naga.lock.lineage import collect_lineage
from naga.lock.receipt import (
    DataEntry,
    PrevEntry,
    Receipt,
    RepositoryEntry,
    read_receipt,
    receipt_digest,
    write_receipt,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20
PACKAGES = [f"package-{number}=={number}.2.1" for number in range(150)]
ENVIRONMENT: dict[str, Any] = {
    "interpreter": {"implementation": "CPython", "version": "3.11.7", "build": "(main, Dec  4 2023)", "bits": 64},
    "platform": {"system": "Linux", "release": "6.1.0-18-amd64", "machine": "x86_64", "libc": "glibc 2.36"},
    "packages": {"digest": hash_bytes("\n".join(PACKAGES).encode()), "list": PACKAGES},
    "cpu": {"model": "AMD EPYC 7763 64-Core Processor", "count": 64},
    "memory": 2**38,
    "gpu": [{"name": "NVIDIA A100", "memory": 2**36, "driver": "535.104"}],
    "threads": {"OMP_NUM_THREADS": "8", "OPENBLAS_NUM_THREADS": "8"},
    "variables": {"LANG": "C.UTF-8", "SLURM_JOB_ID": "123456", "SLURM_PROCID": "0", "TZ": "UTC"},
}
# The peak of a process that writes a receipt and reads it again is more than that of either.
PEAK = """\
import re, sys
from pathlib import Path
from naga.lock.receipt import read_receipt, write_receipt
receipt = read_receipt(Path(sys.argv[1]))
if sys.argv[2] == 'write':
    write_receipt(Path(sys.argv[1]), receipt, overwrite=True)
print(re.search(r'VmHWM:\\s*(\\d+)', Path('/proc/self/status').read_text())[1])
"""


def digest_of(*parts: object) -> str:
    return hash_bytes(repr(parts).encode())


def make_receipt(number: int, prevs: list[Receipt]) -> Receipt:
    place = f"results/stage_{number:04}"
    values: dict[str, Any] = {f"parameter_{key}": f"value {key}" if key % 3 else 0.1 * key for key in range(19)}
    return Receipt(
        id=f"01890a5d-ac96-774b-bcce-{number:012x}",
        recipe=digest_of("recipe", number),
        status="finished",
        started="2024-05-01T10:00:00.000Z",
        finished="2024-05-01T10:10:00.000Z",
        duration=600.125,
        caller={
            "module": "__main__",
            "function": "main",
            "file": f"stages/stage_{number}.py",
            "argv": ["-o", f"seed={number}"],
            "cwd": ".",
            "root": "/home/person/project",
        },
        config={**values, "save_dir": place},
        used={
            "files": {"project": {f"stages/module_{file}.py": digest_of(file) for file in range(5)}},
            "undeclared": [],
        },
        repos={
            "project": RepositoryEntry(commit="a" * 40, tree="b" * 40, dirty=False, snapshot="a" * 40, branch="main")
        },
        environment=ENVIRONMENT,
        data={
            f"data_{name}": DataEntry(path=f"data/{name}.csv", digest=digest_of(name), size=12345, kind="file")
            for name in range(3)
        },
        outputs={"out.csv": DataEntry(path=f"{place}/out.csv", digest=digest_of(place), size=54321, kind="file")},
        prevs={
            f"stage_{prev.id[-4:]}": PrevEntry(
                id=prev.id, digest=receipt_digest(prev), path=f"results/{prev.id}/run.lock"
            )
            for prev in prevs
        },
    )


def make_lineage(ancestors: int) -> Receipt:
    """Return the receipt of a run with so many ancestors, each of which reads the outputs of the two before it."""
    receipts: list[Receipt] = []
    for number in range(ancestors):
        receipts.append(make_receipt(number, receipts[-2:]))
    lineage = collect_lineage(receipts, ENVIRONMENT)
    return replace(make_receipt(ancestors, receipts[-2:]), lineage=lineage)


def clock(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(name: str, ours: Callable[[], object], other: Callable[[], object], aim: float, rounds: int) -> None:
    """Let two pieces of work take turns, and print medians in seconds, their ratio, and the aim for ours."""
    pairs = [(clock(ours), clock(other)) for _ in range(rounds)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    show(name, first, second, statistics.median(one / two for one, two in pairs), aim)


def show(name: str, ours: float, other: float, ratio: float, aim: float) -> None:
    verdict = "" if ours <= aim else "  missed"
    print(f"{name:<44}{ours:>9.3f}{other:>9.3f}{ratio:>8.2f}{aim:>9.3f}{verdict}", flush=True)


def peak_memory(path: Path, work: str) -> float:
    """Return the MiB that a process needs at most, the interpreter included."""
    command = [sys.executable, "-c", PEAK, str(path), work]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    printed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return int(printed) * 1024 / MIB


def read_small(folder: Path, times: int, rounds: int) -> None:
    """Read one receipt without ancestors again and again, as a sweep and a catalog read many."""
    path, plain = folder / "small.lock", folder / "small.json"
    receipt = make_receipt(0, [])
    write_receipt(path, receipt)
    plain.write_text(json.dumps(receipt.to_mapping()))
    compare(
        f"{times:,} without ancestors : read, json.loads",
        lambda: [read_receipt(path) for _ in range(times)],
        lambda: [json.loads(plain.read_text()) for _ in range(times)],
        2e-4 * times,
        rounds,
    )


def run(folder: Path, ancestors: int, rounds: int) -> None:
    half, whole = make_lineage(ancestors // 2), make_lineage(ancestors)
    path, plain = folder / "run.lock", folder / "plain.json"
    content = whole.to_mapping()
    text = json.dumps(content)
    scale = ancestors / 1000
    name = f"{ancestors:,} ancestors"
    compare(
        f"{name}, write : json.dumps, write",
        lambda: write_receipt(path, whole, overwrite=True),
        lambda: plain.write_text(json.dumps(content)),
        0.3 * scale,
        rounds,
    )
    compare(
        f"{name}, read : read, json.loads",
        lambda: read_receipt(path),
        lambda: json.loads(plain.read_text()),
        0.1 * scale,
        rounds,
    )
    size = path.stat().st_size
    show("size in MiB : json", size / MIB, len(text) / MIB, size / len(text), 1.05 * len(text) / MIB)
    write_receipt(folder / "half.lock", half)
    small = (folder / "half.lock").stat().st_size
    show("size in MiB : half the ancestors", size / MIB, small / MIB, size / small, 2.02 * small / MIB)
    if Path("/proc/self/status").exists():
        for work in ("read", "write"):
            peak = peak_memory(path, work)
            show(f"peak memory in MiB, {work} : 200", peak, 200, peak / 200, 200)
    else:
        print("skipped: only Linux tells the peak memory of a process", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="200 ancestors, fewer rounds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        print(f"{'naga : other':<44}{'naga':>9}{'other':>9}{'ratio':>8}{'aim':>9}")
        read_small(Path(place), 1000, 7)
        run(Path(place), *((200, 7) if options.quick else (1000, 21)))


if __name__ == "__main__":
    main()

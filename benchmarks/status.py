"""``naga status``, ``naga ls`` and ``@latest`` over 10,000 receipts, with an empty cache and again.

usage: python benchmarks/status.py [--quick]

Of each five runs one prepares data, three fit a model to it, and one evaluates the three; every tenth fit leaves a
folder of five files. The receipts are written by naga's own writer. Each figure is that of a command in a process of
its own; the bare walk, in Python too, lists the same folders and asks for the status of each file in them.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from naga.lock.digest import PathDigest, hash_path
from naga.lock.environment import describe_environment
from naga.lock.identifier import new_run_id
from naga.lock.lineage import Prev, collect_lineage
from naga.lock.outputs import hash_outputs
from naga.lock.project import portable_path
from naga.lock.receipt import DataEntry, Receipt, RepositoryEntry, write_receipt
from naga.lock.recipe import recipe_digest

WALK = """\
import os, sys
waiting = [sys.argv[1]]
while waiting:
    with os.scandir(waiting.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                os.stat(entry.path)
"""
AIM = 1.5
"""Seconds for 10,000 receipts that have been seen before."""


@dataclass
class Project:
    """A project with runs in it that never ran."""

    root: Path
    environment: dict[str, object]
    code: dict[str, str]

    def run(self, stage: str, name: str, data: list[Path], prevs: list[Prev], folders: int = 0) -> Prev:
        """Leave outputs and a receipt, as a run of the stage would."""
        save_dir = self.root / "results" / stage / name
        save_dir.mkdir(parents=True)
        for file in ("metrics.json", "model.bin"):
            (save_dir / file).write_text(f"{stage} {name} {file}\n" * 60)
        for number in range(folders * 5):
            (save_dir / "parts").mkdir(exist_ok=True)
            (save_dir / "parts" / f"{number}.txt").write_text(f"{name} {number}\n")
        receipt = Receipt(
            id=new_run_id(),
            status="finished",
            started="2026-11-21T04:48:24.881Z",
            finished="2026-11-21T04:48:25.881Z",
            duration=1.0,
            caller={"file": f"{stage}.py", "function": "main", "argv": [], "cwd": ".", "root": str(self.root)},
            config={"lr": 0.1, "name": name, "save_dir": f"results/{stage}/{name}"},
            used={"files": {"project": {f"{stage}.py": self.code[stage], "shared.py": self.code["shared"]}}},
            repos={"project": RepositoryEntry(commit="1" * 40, tree="2" * 40, snapshot="3" * 40, dirty=False)},
            environment=self.environment,
            data={path.name: self.entry(hash_path(path)) for path in data},
            outputs={key: self.entry(value) for key, value in hash_outputs(save_dir, None)[0].items()},
            prevs={f"prev_{number}": prev.entry(self.short(prev.path)) for number, prev in enumerate(prevs)},
            lineage=collect_lineage((prev.receipt for prev in prevs), self.environment),
        )
        receipt = replace(receipt, recipe=recipe_digest(receipt))
        write_receipt(save_dir / "run.lock", receipt)
        return Prev(save_dir / "run.lock", receipt)

    def entry(self, digest: PathDigest) -> DataEntry:
        """Write a digest down as a receipt does."""
        path = self.short(digest.path)
        return DataEntry(path=path, digest=digest.digest, size=digest.size, kind=digest.kind, files=digest.files)

    def short(self, path: Path) -> str:
        """Return a path relative to the root of the project."""
        return portable_path(path, self.root)


def make_project(root: Path, runs: int) -> None:
    """Fill a folder with the receipts of so many runs."""
    (root / "naga.toml").touch()
    raw = root / "raw.csv"
    raw.write_text("1,2\n" * 1000)
    code = {}
    for stage in ("prepare", "fit", "evaluate", "shared"):
        (root / f"{stage}.py").write_text(f"name = {stage!r}\n" * 50)
        code[stage] = hash_path(root / f"{stage}.py").digest
    project = Project(root, describe_environment(), code)

    def make_five(number: int) -> None:
        prepared = project.run("prepare", f"{number:05}", [raw], [])
        features = prepared.path.with_name("model.bin")
        folders = [int(fit == 0 and number % 10 < 3) for fit in range(3)]
        fits = [project.run("fit", f"{number:05}-{fit}", [features], [prepared], folders[fit]) for fit in range(3)]
        project.run("evaluate", f"{number:05}", [fit.path.with_name("model.bin") for fit in fits], fits)

    # A receipt is flushed to the disk, so that a single thread would mostly wait.
    with ThreadPoolExecutor(16) as pool:
        for _ in pool.map(make_five, range(runs // 5)):
            pass


def measure(*command: str, rounds: int = 1) -> float:
    """Return the median seconds that a Python program takes from its start to its end."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="500 receipts")
    is_quick = parser.parse_args().quick
    runs, rounds = (500, 3) if is_quick else (10_000, 5)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as place:
        os.environ["NAGA_CACHE_DIR"] = f"{place}/cache"
        root = Path(place, "project")
        root.mkdir()
        make_project(root, runs)
        shutil.rmtree(f"{place}/cache")
        # What was written just now is not settled yet, and would be read again.
        time.sleep(3)
        os.chdir(root)
        walk = measure("-c", WALK, str(root), rounds=rounds)
        rows = [("bare walk", walk, None)]
        rows.append(("status, empty cache", measure("-m", "naga", "status"), None))
        rows.append(("status again", measure("-m", "naga", "status", rounds=rounds), AIM * runs / 10_000))
        rows.append(("ls", measure("-m", "naga", "ls", rounds=rounds), None))
        rows.append(("show @latest", measure("-m", "naga", "show", "@latest", rounds=rounds), None))
    print(f"{f'{runs} receipts':<24}{'seconds':>10}{'ratio':>8}{'aim s':>8}")
    for name, seconds, aim in rows:
        print(f"{name:<24}{seconds:>10.2f}{seconds / walk:>8.1f}{'-' if aim is None or is_quick else aim:>8}")


if __name__ == "__main__":
    main()

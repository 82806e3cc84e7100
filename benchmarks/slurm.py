"""What it takes to submit a sweep of 10,000 tasks to Slurm as an array of 10 workers.

usage: python benchmarks/slurm.py [--quick]

It starts the Slurm of the tests. Beside it stands what `sbatch` alone takes for an array of 10 that does nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.slurm.cluster import Cluster  # noqa: E402

SCRIPT = """\
from naga import clicfg

class Config:
    param = 0
    save_dir = 'results/${param}'

@clicfg(config_class=Config)
def main(cfg):
    return cfg.param

if __name__ == '__main__':
    main()
"""
# The jobs wait, so that nothing but the submission is measured.
SETTINGS = "wait: false\nslurm_array_parallelism: 10\nslurm_additional_parameters: {hold: true}\n"


def make_project(folder: Path, tasks: int) -> None:
    """Make a repository with a script and the list of its tasks."""
    folder.mkdir()
    (folder / "process.py").write_text(SCRIPT)
    (folder / "slurm.yaml").write_text(SETTINGS)
    (folder / "list.txt").write_text("".join(f"{number}\n" for number in range(tasks)))
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def submit(folder: Path, cluster: Cluster) -> float:
    """Return the seconds that the command takes until it returns."""
    command = [
        sys.executable,
        "process.py",
        "--tasks",
        "list.txt",
        "--task_to",
        "param",
        "--slurm_config",
        "slurm.yaml",
    ]
    begin = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **cluster.environ}, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - begin
    if "detached, array" not in done.stderr:
        sys.exit(done.stderr)
    cluster.run("scancel", "--name=naga")
    return seconds


def submit_bare(folder: Path, cluster: Cluster) -> float:
    """Return the seconds that sbatch takes."""
    begin = time.perf_counter()
    job = cluster.submit("--array=0-9", "--hold", "--output=none", "--wrap", "true", folder=folder)
    seconds = time.perf_counter() - begin
    cluster.run("scancel", job)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 1 if parser.parse_args().quick else 5
    rows: dict[int, list[tuple[float, float]]] = {100: [], 10_000: []}
    with tempfile.TemporaryDirectory() as place:
        cluster = Cluster(Path(place) / "slurm", accounting=False).start()
        try:
            for tasks in rows:
                folder = Path(place) / str(tasks)
                make_project(folder, tasks)
                rows[tasks] = [(submit_bare(folder, cluster), submit(folder, cluster)) for _ in range(rounds)]
        finally:
            cluster.stop()
    print(f"{'work':<42}{'sbatch s':>10}{'naga s':>10}{'aim s':>8}")
    for tasks, pairs in rows.items():
        bare, full = (statistics.median(column) for column in zip(*pairs, strict=True))
        aim = "10" if tasks == 10_000 else ""
        print(f"{f'submit {tasks:,} tasks as an array of 10':<42}{bare:>10.2f}{full:>10.2f}{aim:>8}")


if __name__ == "__main__":
    main()

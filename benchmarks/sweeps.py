"""What a task of a sweep costs, beside the bare function in pools of processes.

usage: python benchmarks/sweeps.py [--quick]

The bare function runs in concurrent.futures and in joblib; naga runs it with a receipt, a
lease, a log and a returned value for each task. Then a sweep of which all tasks are done is called again: its
receipts are clones of one, told of in the summary as the sweep that ran them would have.
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
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

SCRIPT = """\
from naga import clicfg

class Config:
    param = 1
    save_dir = "results"

@clicfg(config_class=Config)
def main(cfg):
    return cfg.param * 2

if __name__ == "__main__":
    main()
"""
JOBS = 2
LIMIT_MS = 8.0
LIMIT_DONE = 10.0
LIMIT_MIB = 300.0


def double(number: int) -> int:
    return number * 2


def pool_of_processes(count: int) -> None:
    with ProcessPoolExecutor(JOBS) as pool:
        assert sum(1 for _ in pool.map(double, range(count))) == count


def joblib(count: int) -> None:
    from joblib import Parallel, delayed

    assert len(Parallel(n_jobs=JOBS)(delayed(double)(number) for number in range(count))) == count


def make_project(folder: Path, count: int) -> Path:
    folder.mkdir()
    (folder / "process.py").write_text(SCRIPT)
    (folder / ".gitignore").write_text("results/\nlist.txt\n")
    (folder / "list.txt").write_text("".join(f"{number}\n" for number in range(1, count + 1)))
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", "-c", "user.name=b", "-c", "user.email=b@example.org", *command], cwd=folder, check=True)
    return folder


def sweep(project: Path) -> tuple[float, float]:
    """Run the sweep; return seconds, and the greatest memory of the parent in MiB."""
    command = [sys.executable, "process.py", "--tasks", "list.txt", "--task_to", "param", f"--n_jobs={JOBS}"]
    begin = time.perf_counter()
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    return time.perf_counter() - begin, usage.ru_maxrss / 1024


def clone_results(project: Path, count: int) -> None:
    """Make the receipts of all tasks out of that of the first, and the journal that tells of them."""
    from naga.lock.receipt import read_receipt
    from naga.sweep.plan import PlannedTask
    from naga.sweep.settled import group_of, stat_of
    from naga.sweep.summary import Summary
    from naga.sweep.task import Task

    first = project / "results" / "param=1" / "run.lock"
    text, group = first.read_text(), group_of(read_receipt(first))
    (path,) = (project / ".naga" / "summaries").glob("*.json")
    keys = dict(task_keys(project, count))
    summary = Summary(path)
    for number in range(1, count + 1):
        name = f"results/param={number}"
        copy = project / name / "run.lock"
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text.replace("param: 1\n", f"param: {number}\n").replace("results/param=1\n", f"{name}\n"))
        planned = PlannedTask(Task(number - 1, {"param": number}, ""), name, keys[name])
        summary.add(planned, [*stat_of(str(copy)), group, "finished"])
    summary.save()


def task_keys(project: Path, count: int) -> list[tuple[str, str]]:
    """Plan the sweep as its command does, and return folder and key of each task."""
    from naga.lock.redact import Redactor
    from naga.sweep.planning import place_tasks
    from naga.sweep.program import Program, load_stage
    from naga.sweep.task import Task

    os.chdir(project)
    script = str(project / "process.py")
    program = Program(script=script, module=None, argv=(), cwd=str(project), path=(str(project),))
    tasks = [Task(number - 1, {"param": number}, "") for number in range(1, count + 1)]
    planned = place_tasks(load_stage(program), tasks, Redactor.from_environment(os.environ))
    return [(each.folder, each.key) for each in planned]


def fsync_ms(folder: Path) -> float:
    times = []
    for number in range(50):
        begin = time.perf_counter()
        with (folder / f"fsync-{number}").open("wb") as file:
            file.write(b"x" * 3000)
            file.flush()
            os.fsync(file.fileno())
        times.append(time.perf_counter() - begin)
    return 1000 * statistics.median(times)


def show(name: str, value: float, unit: str, limit: float | None = None) -> None:
    verdict = "" if limit is None else "met" if value <= limit else "missed"
    shown = "" if limit is None else f"{limit:g}"
    print(f"{name:<58}{value:>10.3f} {unit:<4}{shown:>8} {verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks")
    options = parser.parse_args()
    count, done = (1_000, 10_000) if options.quick else (10_000, 100_000)
    with tempfile.TemporaryDirectory() as place:
        os.environ["NAGA_CACHE_DIR"] = f"{place}/cache"
        begin = time.perf_counter()
        pool_of_processes(count)
        show(f"{count:,} bare calls, concurrent.futures", 1000 * (time.perf_counter() - begin) / count, "ms")
        begin = time.perf_counter()
        joblib(count)
        show(f"{count:,} bare calls, joblib", 1000 * (time.perf_counter() - begin) / count, "ms")
        show("one fsync of a new file", fsync_ms(Path(place)), "ms")
        project = make_project(Path(place, "run"), count)
        seconds, memory = sweep(project)
        show(f"{count:,} tasks with receipts, a task", 1000 * seconds / count, "ms", LIMIT_MS)
        show("memory of the parent", memory, "MiB", LIMIT_MIB)
        shutil.rmtree(project)
        project = make_project(Path(place, "done"), 1)
        sweep(project)
        (project / "list.txt").write_text("".join(f"{number}\n" for number in range(1, done + 1)))
        clone_results(project, done)
        seconds, memory = sweep(project)
        show(f"{done:,} tasks, all done, until that is said", seconds, "s", LIMIT_DONE * done / 100_000)
        show("memory of the parent", memory, "MiB", LIMIT_MIB)
        os.chdir("/")


if __name__ == "__main__":
    main()

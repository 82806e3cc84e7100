"""A project whose script runs tasks, and what its receipts say afterwards."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from naga.lock.receipt import read_receipt
from tests.programs import run_python

if TYPE_CHECKING:
    from collections.abc import Iterable

SCRIPT = """\
import os, sys, time
from pathlib import Path
from naga import clicfg

class Config:
    param = 1
    sleep = 0.0
    mode = "fine"
    save_dir = "results"

class Result:
    def __init__(self, number):
        self.number = number

@clicfg(config_class=Config)
def main(cfg):
    print("task", cfg.param)
    os.system("echo from a program")
    time.sleep(cfg.sleep)
    Path(cfg.save_dir, "out.txt").write_text(str(cfg.param * 2))
    if cfg.mode == "raise":
        raise ValueError("it does not converge")
    if cfg.mode == "exit":
        sys.exit(3)
    if cfg.mode == "end":
        os._exit(3)
    if cfg.mode == "kill":
        os.kill(os.getpid(), 9)
    if cfg.mode == "object":
        return Result(cfg.param)
    if cfg.mode == "lock":
        import threading
        return threading.Lock()
    return cfg.param * 2

if __name__ == "__main__":
    value = main()
    print("returned", value)
"""


def make_project(folder: Path, script: str = SCRIPT) -> Path:
    """Make a repository with one script, ``process.py``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "process.py").write_text(script, encoding="utf-8")
    (folder / ".gitignore").write_text("results/\n", encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def write_tasks(project: Path, values: Iterable[object]) -> str:
    """Write one value a line, and return the name of the file."""
    (project / "list.txt").write_text("".join(f"{value}\n" for value in values), encoding="utf-8")
    return "list.txt"


def sweep(project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a project over its ``list.txt``."""
    words = () if "--tasks" in arguments or "--grid" in arguments else ("--tasks", "list.txt", "--task_to", "param")
    return run_python(project, "process.py", *words, *arguments, **environ)


def statuses(project: Path, root: str = "results") -> dict[str, str]:
    """Return name of the folder -> status of the receipt in it."""
    found = (project / root).rglob("run.lock")
    return {path.parent.name: read_receipt(path).status for path in sorted(found)}


def receipt_of(project: Path, name: str) -> Any:
    """Return the receipt of a task."""
    return read_receipt(Path(project, "results", name, "run.lock"))

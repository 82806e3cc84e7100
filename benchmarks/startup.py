"""What naga costs where people wait for it: its import, its extension, and a run with a receipt.

usage: python benchmarks/startup.py [--quick]

Each figure is the median of the difference of two commands that take turns, so that a busy machine slows both.
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

SCRIPT = """\
from pathlib import Path
{naga}

class Config:
    param = 1
    input_path = 'data/input.csv'
    save_dir = 'results/process'

{decorator}
def main(cfg):
    text = Path(cfg.input_path).read_text()
    Path(cfg.save_dir).mkdir(parents=True, exist_ok=True)
    (Path(cfg.save_dir) / 'out.txt').write_text(text * cfg.param)
    {runlock}

if __name__ == '__main__':
    main(Config())
"""

LOAD = """\
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
times = []
for name in ('autoreload', 'naga'):
    begin = time.perf_counter()
    shell.run_line_magic('load_ext', name)
    times.append(time.perf_counter() - begin)
print(*times)
"""


def run(*arguments: str, folder: Path | None = None) -> float:
    """Return the seconds that a Python program takes from its start to its end."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def compare(bare: list[str], full: list[str], rounds: int, folder: Path | None = None) -> tuple[float, float]:
    """Return the medians of the bare command and of the difference, in milliseconds."""
    pairs = [(run(*bare, folder=folder), run(*full, folder=folder)) for _ in range(rounds)]
    return (
        statistics.median(first for first, _ in pairs) * 1e3,
        statistics.median(second - first for first, second in pairs) * 1e3,
    )


def make_project(folder: Path, files: int) -> None:
    """Make a repository of so many files, with the script twice: with naga and without."""
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for number in range(files):
        path = folder / f"package_{number // 100}" / f"module_{number}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"value = {number}\n")
    (folder / "data").mkdir()
    (folder / "data" / "input.csv").write_text("x,y\n1,2\n")
    (folder / ".gitignore").write_text("results/\n")
    (folder / "bare.py").write_text(SCRIPT.format(naga="", decorator="", runlock=""))
    text = SCRIPT.format(
        naga="from naga import clicfg, runlock",
        decorator="@clicfg(config_class=Config)",
        runlock="runlock(config=cfg, repos=['.'], data=[cfg.input_path])",
    )
    (folder / "process.py").write_text(text)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=folder, check=True)


def load_extension(rounds: int) -> tuple[float, float]:
    """Return the median milliseconds of ``%load_ext autoreload`` in a new shell, and how many more naga takes."""
    pairs = []
    for _ in range(rounds):
        done = subprocess.run([sys.executable, "-c", LOAD], check=True, capture_output=True, text=True)
        pairs.append([float(word) * 1e3 for word in done.stdout.split()[-2:]])
    return statistics.median(peer for peer, _ in pairs), statistics.median(own - peer for peer, own in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 7 if parser.parse_args().quick else 31
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as place:
        project = Path(place) / "project"
        project.mkdir()
        make_project(project, 1000)
        run("-c", "import naga.run.clicfg, naga.run.runlock, naga.lock.recording", folder=project)
        rows = [
            ("import naga", *compare(["-c", "pass"], ["-c", "import naga"], rounds), 60),
            ("%load_ext naga", *load_extension(rounds), 150),
            ("a run with receipt, clean", *compare(["bare.py"], ["process.py"], rounds, project), 150),
        ]
        (project / "new.py").write_text("value = 1\n")
        rows.append(("a run with receipt, dirty", *compare(["bare.py"], ["process.py"], rounds, project), 150))
    print(f"{'work':<28}{'without ms':>12}{'more ms':>10}{'ratio':>8}{'aim ms':>8}")
    for name, bare, more, aim in rows:
        print(f"{name:<28}{bare:>12.1f}{more:>10.1f}{(bare + more) / bare:>8.2f}{aim:>8}")


if __name__ == "__main__":
    main()
